#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/file.h"
#include "tests/unit/control/folder.h"
#include "tests/unit/run.h"

static char folder[64];

static const char *place(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void expect_content(const char *path, const char *want, size_t len)
{
	char err[CTL_FILE_ERR_MAX] = "", *text = NULL;
	size_t got = 0;

	CU_ASSERT_EQUAL_FATAL(ctl_file_read(path, &text, &got, err), 0);
	CU_ASSERT_EQUAL(got, len);
	CU_ASSERT_EQUAL(memcmp(text, want, len < got ? len : got), 0);
	CU_ASSERT_EQUAL(text[got], '\0');
	free(text);
}

static void test_write(void)
{
	char err[CTL_FILE_ERR_MAX] = "";
	struct stat st;

	CU_ASSERT_EQUAL(ctl_file_write(place("a"), "one\n", 4, err), 0);
	expect_content(place("a"), "one\n", 4);
	CU_ASSERT_EQUAL(ctl_file_write(place("a"), "two and more\n", 13, err), 0);
	expect_content(place("a"), "two and more\n", 13);
	CU_ASSERT_EQUAL(ctl_file_write(place("a"), "", 0, err), 0);
	expect_content(place("a"), "", 0);
	CU_ASSERT_EQUAL(stat(place("a"), &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777 & ~0640u, 0);
	CU_ASSERT_NOT_EQUAL(access(place("a.new"), F_OK), 0);
	CU_ASSERT_STRING_EQUAL(err, "");
}

/** What a crash left of an earlier attempt is no obstacle. */
static void test_write_over_remains(void)
{
	char err[CTL_FILE_ERR_MAX] = "";

	CU_ASSERT_EQUAL(ctl_file_write(place("b.new"), "half", 4, err), 0);
	CU_ASSERT_EQUAL(ctl_file_write(place("b"), "x", 1, err), 0);
	expect_content(place("b"), "x", 1);
}

static void test_write_refused(void)
{
	char err[CTL_FILE_ERR_MAX] = "", name[PATH_MAX + 8];

	CU_ASSERT_EQUAL(ctl_file_write(place("no/such"), "x", 1, err), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "no/such: cannot be written: No such file"));
	// the target is a folder: what is there stays, and nothing is left beside it
	CU_ASSERT_EQUAL(mkdir(place("d"), 0755), 0);
	CU_ASSERT_EQUAL(ctl_file_write(place("d"), "x", 1, err), -EISDIR);
	CU_ASSERT_NOT_EQUAL(access(place("d.new"), F_OK), 0);
	memset(name, 'x', sizeof(name));
	name[PATH_MAX - 4] = '\0'; // with ".new" one too long
	CU_ASSERT_EQUAL(ctl_file_write(name, "x", 1, err), -ENAMETOOLONG);
}

/** A link in the temporary file's place is not followed, and is gone the next time. */
static void test_write_at_link(void)
{
	char err[CTL_FILE_ERR_MAX] = "";

	CU_ASSERT_EQUAL(ctl_file_write(place("e"), "old", 3, err), 0);
	CU_ASSERT_EQUAL(symlink("/dev/null", place("e.new")), 0);
	CU_ASSERT_EQUAL(ctl_file_write(place("e"), "new", 3, err), -ELOOP);
	expect_content(place("e"), "old", 3);
	CU_ASSERT_EQUAL(ctl_file_write(place("e"), "new", 3, err), 0);
	expect_content(place("e"), "new", 3);
}

static void test_read_limits(void)
{
	char err[CTL_FILE_ERR_MAX] = "", *text = NULL, *big = calloc(1, CTL_FILE_MAX + 1);
	size_t len;

	CU_ASSERT_PTR_NOT_NULL_FATAL(big);
	CU_ASSERT_EQUAL(ctl_file_write(place("f"), big, CTL_FILE_MAX, err), 0);
	expect_content(place("f"), big, CTL_FILE_MAX);
	CU_ASSERT_EQUAL(ctl_file_write(place("f"), big, CTL_FILE_MAX + 1, err), 0);
	CU_ASSERT_EQUAL(ctl_file_read(place("f"), &text, &len, err), -EFBIG);
	CU_ASSERT_PTR_NULL(text);
	CU_ASSERT_EQUAL(ctl_file_read(place("none"), &text, &len, err), -ENOENT);
	free(big);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"write", test_write},
		{"write over remains", test_write_over_remains},
		{"write refused", test_write_refused},
		{"write at a link", test_write_at_link},
		{"read limits", test_read_limits},
		CU_TEST_INFO_NULL,
	};
	char name[FOLDER_MAX], command[96];

	if (!folder_new("file", name))
		return 99;
	strcpy(folder, name);
	int failed = test_run("control/file", tests);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command) ? 99 : failed;
}
