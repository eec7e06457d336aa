#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/file.h"
#include "control/history.h"
#include "tests/unit/control/folder.h"
#include "tests/unit/run.h"

static char folder[64], wrong[8][CTL_HISTORY_ERR_MAX];
static unsigned wrongs;

static void on_wrong(void *arg, const char *text)
{
	(void)arg;
	snprintf(wrong[wrongs++ % 8], sizeof(wrong[0]), "%s", text);
}

static const char *place(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/tables/%s", folder, name);
	return path;
}

static void clear(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s/tables", folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

static struct ctl_history *open_it(void)
{
	char err[CTL_HISTORY_ERR_MAX] = "";
	struct ctl_history *h = NULL;

	wrongs = 0;
	CU_ASSERT_EQUAL_FATAL(ctl_history_open(folder, on_wrong, NULL, &h, err), 0);
	return h;
}

static int add(struct ctl_history *h, uint64_t number, const char *text)
{
	struct ctl_table t = {.number = number,
		.time_ms = 1700000000000 + (int64_t)number,
		.by = CTL_BY_OPERATOR,
		.source = "r.yaml",
		.why = "because",
		.file_hash = "f"};
	char err[CTL_HISTORY_ERR_MAX];

	return ctl_history_add(h, &t, text, strlen(text), err);
}

static void add_states(struct ctl_history *h, uint64_t number)
{
	struct ctl_table t = {
		.number = number, .time_ms = 1, .by = CTL_BY_STEERING, .why = "sin fails"};
	struct ctl_saver *s;

	CU_ASSERT_EQUAL_FATAL(ctl_saver_new(NULL, on_wrong, NULL, &s), 0);
	ctl_history_add_states(h, &t, s);
	ctl_saver_free(s);
}

static bool has_text(const struct ctl_history *h, uint64_t number, const char *want)
{
	char err[CTL_HISTORY_ERR_MAX], *text = NULL;
	size_t len = 0;

	if (ctl_history_text(h, number, &text, &len, err)) {
		printf("\n  %s", err);
		return false;
	}
	bool same = len == strlen(want) && strcmp(text, want) == 0;
	free(text);
	return same;
}

static void test_hash(void)
{
	char out[CTL_HASH_TEXT_MAX];

	// FIPS 180-2, B.1
	CU_ASSERT_STRING_EQUAL(ctl_hash_text("abc", 3, out),
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_again(void)
{
	clear();
	struct ctl_history *h = open_it();
	CU_ASSERT_PTR_NULL(ctl_history_newest(h));
	CU_ASSERT_EQUAL(add(h, 1, "one"), 0);
	add_states(h, 2);
	CU_ASSERT_EQUAL(add(h, 3, "three"), 0);
	ctl_history_free(h);

	h = open_it();
	CU_ASSERT_EQUAL(wrongs, 0);
	CU_ASSERT_EQUAL_FATAL(ctl_history_count(h), 3);
	const struct ctl_table *t = ctl_history_at(h, 0);
	CU_ASSERT_EQUAL(t->number, 1);
	CU_ASSERT_EQUAL(t->routes, 1);
	CU_ASSERT_EQUAL(t->by, CTL_BY_OPERATOR);
	CU_ASSERT_EQUAL(t->time_ms, 1700000000001);
	CU_ASSERT_STRING_EQUAL(t->source, "r.yaml");
	CU_ASSERT_STRING_EQUAL(t->why, "because");
	CU_ASSERT_STRING_EQUAL(t->file_hash, "f");
	t = ctl_history_at(h, 1);
	CU_ASSERT_EQUAL(t->number, 2);
	CU_ASSERT_EQUAL(t->routes, 1);
	CU_ASSERT_EQUAL(t->by, CTL_BY_STEERING);
	CU_ASSERT_STRING_EQUAL(t->why, "sin fails");
	CU_ASSERT_STRING_EQUAL(t->hash, ctl_history_at(h, 0)->hash);
	CU_ASSERT_EQUAL(ctl_history_newest(h)->number, 3);
	CU_ASSERT_TRUE(has_text(h, 1, "one"));
	CU_ASSERT_TRUE(has_text(h, 2, "one"));
	CU_ASSERT_TRUE(has_text(h, 3, "three"));
	ctl_history_free(h);
}

static void test_trial(void)
{
	char err[CTL_HISTORY_ERR_MAX];
	struct ctl_table t = {.number = 5, .by = CTL_BY_OPERATOR, .canary = true};

	clear();
	struct ctl_history *h = open_it();
	CU_ASSERT_EQUAL(ctl_history_add(h, &t, "x", 1, err), 0);
	add_states(h, 6);
	ctl_history_free(h);
	h = open_it();
	CU_ASSERT_TRUE(ctl_history_find(h, 5)->canary);
	CU_ASSERT_TRUE(ctl_history_find(h, 6)->canary); // the same routes
	CU_ASSERT_EQUAL(ctl_history_confirm(h, 4, err), -ENOENT);
	CU_ASSERT_EQUAL(ctl_history_confirm(h, 5, err), 0);
	ctl_history_free(h);
	h = open_it();
	CU_ASSERT_FALSE(ctl_history_find(h, 5)->canary);
	CU_ASSERT_FALSE(ctl_history_find(h, 6)->canary);
	ctl_history_free(h);
}

/* Of n + 1 tables the oldest goes, on disk too. */
static void test_bounded(void)
{
	clear();
	struct ctl_history *h = open_it();
	for (unsigned i = 1; i <= CTL_HISTORY_MAX; i++)
		CU_ASSERT_EQUAL(add(h, i, "text"), 0);
	CU_ASSERT_EQUAL(ctl_history_count(h), CTL_HISTORY_MAX);
	CU_ASSERT_EQUAL(ctl_history_at(h, 0)->number, 1);
	CU_ASSERT_EQUAL(add(h, CTL_HISTORY_MAX + 1, "text"), 0);
	CU_ASSERT_EQUAL(ctl_history_count(h), CTL_HISTORY_MAX);
	CU_ASSERT_EQUAL(ctl_history_at(h, 0)->number, 2);
	CU_ASSERT_NOT_EQUAL(access(place("1.json"), F_OK), 0);
	CU_ASSERT_NOT_EQUAL(access(place("1.yaml"), F_OK), 0);
	CU_ASSERT_EQUAL(access(place("2.yaml"), F_OK), 0);
	ctl_history_free(h);
	h = open_it();
	CU_ASSERT_EQUAL(ctl_history_count(h), CTL_HISTORY_MAX);
	ctl_history_free(h);
}

/* A storm of steering does not push the operator's tables out. */
static void test_storm(void)
{
	clear();
	struct ctl_history *h = open_it();
	for (unsigned i = 1; i <= 10; i++)
		add(h, i, "text");
	for (unsigned i = 11; i <= 1000; i++)
		add_states(h, i);
	CU_ASSERT(ctl_history_count(h) <= CTL_HISTORY_MAX);
	for (unsigned i = 1; i <= 10; i++)
		CU_ASSERT_PTR_NOT_NULL(ctl_history_find(h, i));
	CU_ASSERT_EQUAL(ctl_history_newest(h)->number, 1000);
	CU_ASSERT_TRUE(has_text(h, 1000, "text"));
	// and the other way round: new routes push out the oldest with all that was made of them
	for (unsigned i = 1001; i <= 1200; i++)
		add(h, i, "more");
	CU_ASSERT(ctl_history_count(h) <= CTL_HISTORY_MAX);
	for (size_t i = 0; i < ctl_history_count(h); i++)
		CU_ASSERT_PTR_NOT_NULL(ctl_history_find(h, ctl_history_at(h, i)->routes));
	ctl_history_free(h);
	h = open_it();
	CU_ASSERT_EQUAL(wrongs, 0);
	ctl_history_free(h);
}

/* What is broken is passed over, each with a sentence, and the rest is there. */
static void test_broken(void)
{
	static const struct {
		const char *name, *text, *says;
	} rows[] = {
		{"2.json", "", "2.json: not what swerved writes"},
		{"3.json", "{", "3.json: not what swerved writes"},
		{"4.json", "[1]", "4.json: not what swerved writes"},
		{"5.json", "{\"format\":1,\"number\":6}", "5.json: not what swerved writes"},
		{"6.json", "{\"format\":2}", "6.json: not what swerved writes"},
	};
	char err[CTL_FILE_ERR_MAX];

	clear();
	struct ctl_history *h = open_it();
	add(h, 1, "one");
	add(h, 7, "seven");
	ctl_history_free(h);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ctl_file_write(place(rows[i].name), rows[i].text, strlen(rows[i].text), err);
	ctl_file_write(place("x.json"), "x", 1, err);  // not ours
	ctl_file_write(place("08.json"), "x", 1, err); // not ours either
	CU_ASSERT_EQUAL(unlink(place("7.yaml")), 0);
	h = open_it();
	CU_ASSERT_EQUAL(wrongs, 6);
	CU_ASSERT_EQUAL_FATAL(ctl_history_count(h), 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(wrong[0], "7.yaml: the routes of a table are missing"));
	for (unsigned i = 0; i < 5; i++) // newest first
		CU_ASSERT_PTR_NOT_NULL(strstr(wrong[5 - i], rows[i].says));
	ctl_history_free(h);
}

/* Routes that somebody edited in our folder are not what table 1 was. */
static void test_tampered(void)
{
	char err[CTL_HISTORY_ERR_MAX] = "", *text = NULL;
	size_t len;

	clear();
	struct ctl_history *h = open_it();
	add(h, 1, "one");
	add(h, 2, "two");
	ctl_file_write(place("1.yaml"), "0ne", 3, err);
	CU_ASSERT_EQUAL(ctl_history_text(h, 1, &text, &len, err), -EBADMSG);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "1.yaml: changed since swerved wrote it"));
	CU_ASSERT_EQUAL(ctl_history_text(h, 9, &text, &len, err), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "table 9 is not kept"));
	CU_ASSERT_PTR_NULL(text);
	ctl_history_free(h);
}

/* Without a folder: a list, and the newest routes. */
static void test_no_disk(void)
{
	char err[CTL_HISTORY_ERR_MAX], *text = NULL;
	struct ctl_history *h;
	size_t len;

	CU_ASSERT_EQUAL_FATAL(ctl_history_open("", NULL, NULL, &h, err), 0);
	CU_ASSERT_EQUAL(add(h, 1, "one"), 0);
	CU_ASSERT_EQUAL(add(h, 2, "two"), 0);
	add_states(h, 3);
	CU_ASSERT_TRUE(has_text(h, 3, "two"));
	CU_ASSERT_EQUAL(ctl_history_text(h, 1, &text, &len, err), -ENOENT);
	ctl_history_free(h);
	CU_ASSERT_EQUAL(ctl_history_open("/proc/no", NULL, NULL, &h, err), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "/proc/no/tables: "));
}

/* The disk is full, or gone: the table is in use all the same, and the caller is told. */
static void test_not_written(void)
{
	clear();
	struct ctl_history *h = open_it();
	clear();
	CU_ASSERT_EQUAL(add(h, 1, "one"), -ENOENT);
	CU_ASSERT_EQUAL(ctl_history_newest(h)->number, 1);
	CU_ASSERT_TRUE(has_text(h, 1, "one"));
	ctl_history_free(h);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"hash", test_hash},
		{"again", test_again},
		{"trial", test_trial},
		{"bounded", test_bounded},
		{"storm", test_storm},
		{"broken", test_broken},
		{"tampered", test_tampered},
		{"no disk", test_no_disk},
		{"not written", test_not_written},
		CU_TEST_INFO_NULL,
	};
	char name[FOLDER_MAX], command[96];

	if (!folder_new("history", name))
		return 99;
	strcpy(folder, name);
	int failed = test_run("control/history", tests);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command) ? 99 : failed;
}
