#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/file.h"
#include "control/saver.h"
#include "tests/unit/control/folder.h"
#include "tests/unit/run.h"

static char folder[64], last_wrong[CTL_FILE_ERR_MAX];
static unsigned wrongs;

static void on_wrong(void *arg, const char *text)
{
	(void)arg;
	snprintf(last_wrong, sizeof(last_wrong), "%s", text);
	wrongs++;
}

static const char *place(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(struct ctl_saver *s, const char *name, const char *text)
{
	ctl_saver_put(s, place(name), strdup(text), strlen(text));
}

static bool has(const char *name, const char *want)
{
	char err[CTL_FILE_ERR_MAX], *text;
	size_t len;

	if (ctl_file_read(place(name), &text, &len, err))
		return want == NULL;
	bool same = want && strcmp(text, want) == 0;
	free(text);
	return same;
}

static void test_at_once(void)
{
	struct ctl_saver *s;

	CU_ASSERT_EQUAL_FATAL(ctl_saver_new(NULL, on_wrong, NULL, &s), 0);
	put(s, "a", "one");
	CU_ASSERT_TRUE(has("a", "one"));
	put(s, "a", "two");
	CU_ASSERT_TRUE(has("a", "two"));
	ctl_saver_free(s);
	ctl_saver_free(NULL);
}

/* Off the thread, in order; only the last of several contents of a file that waits is written. */
static void test_loop(void)
{
	struct ctl_saver *s;
	uv_loop_t loop;
	char name[16];

	uv_loop_init(&loop);
	CU_ASSERT_EQUAL_FATAL(ctl_saver_new(&loop, on_wrong, NULL, &s), 0);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "l%u", i);
		put(s, name, "old");
		put(s, name, name);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "l%u", i);
		CU_ASSERT_TRUE(has(name, name));
	}
	// the loop has ended, and something is still to be said
	ctl_saver_leave_loop(s);
	put(s, "last", "word");
	CU_ASSERT_TRUE(has("last", "word"));
	ctl_saver_free(s);
	CU_ASSERT_EQUAL(uv_loop_close(&loop), 0);
}

/* What still waits when it is freed is written. */
static void test_free_writes(void)
{
	struct ctl_saver *s;
	uv_loop_t loop;

	uv_loop_init(&loop);
	CU_ASSERT_EQUAL_FATAL(ctl_saver_new(&loop, on_wrong, NULL, &s), 0);
	put(s, "f1", "1");
	put(s, "f2", "2");
	put(s, "f3", "3");
	while (!has("f1", "1"))
		uv_run(&loop, UV_RUN_ONCE); // one or more of them
	uv_run(&loop, UV_RUN_DEFAULT);
	ctl_saver_leave_loop(s);
	put(s, "f4", "4");
	ctl_saver_free(s);
	CU_ASSERT_TRUE(has("f2", "2") && has("f3", "3") && has("f4", "4"));
	CU_ASSERT_EQUAL(uv_loop_close(&loop), 0);
}

/* Said once, and again only after it went well. */
static void test_wrong(void)
{
	struct ctl_saver *s;

	wrongs = 0;
	CU_ASSERT_EQUAL_FATAL(ctl_saver_new(NULL, on_wrong, NULL, &s), 0);
	put(s, "no/x", "x");
	put(s, "no/x", "x");
	CU_ASSERT_EQUAL(wrongs, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_wrong, "no/x: cannot be written"));
	put(s, "x", "x");
	ctl_saver_put(s, place("x"), NULL, 0);
	CU_ASSERT_EQUAL(wrongs, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_wrong, "x: cannot be written: out of memory"));
	CU_ASSERT_TRUE(has("x", "x"));
	ctl_saver_free(s);
}

/* n files wait, n + 1 do not: the first is being written. */
static void test_bounded(void)
{
	struct ctl_saver *s;
	uv_loop_t loop;
	char name[16];

	wrongs = 0;
	uv_loop_init(&loop);
	CU_ASSERT_EQUAL_FATAL(ctl_saver_new(&loop, on_wrong, NULL, &s), 0);
	for (unsigned i = 0; i < 1 + CTL_SAVER_WAITING_MAX; i++) {
		snprintf(name, sizeof(name), "b%u", i);
		put(s, name, "b");
	}
	CU_ASSERT_EQUAL(wrongs, 0);
	put(s, "too many", "b");
	CU_ASSERT_EQUAL(wrongs, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_wrong, "the disk does not keep up"));
	uv_run(&loop, UV_RUN_DEFAULT);
	CU_ASSERT_TRUE(has(name, "b"));
	CU_ASSERT_TRUE(has("too many", NULL));
	ctl_saver_free(s);
	CU_ASSERT_EQUAL(uv_loop_close(&loop), 0);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"at once", test_at_once},
		{"loop", test_loop},
		{"free writes", test_free_writes},
		{"wrong", test_wrong},
		{"bounded", test_bounded},
		CU_TEST_INFO_NULL,
	};
	char name[FOLDER_MAX], command[96];

	if (!folder_new("saver", name))
		return 99;
	strcpy(folder, name);
	int failed = test_run("control/saver", tests);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command) ? 99 : failed;
}
