#include <errno.h>
#include <unistd.h>

#include "dns/wire.h"
#include "gen/questions.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

static char path[64];

static int load(const char *text, struct gen_questions **q, char *err)
{
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/swerve-test-questions.%d", (int)getpid());
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
	int rc = gen_questions_load(path, q, err);
	unlink(path);
	return rc;
}

static bool is(
	const struct gen_questions *q, uint32_t i, const char *wire, size_t len, uint16_t type)
{
	struct gen_question at = gen_questions_at(q, i);

	return at.len == len && memcmp(at.name, wire, len) == 0 && at.type == type;
}

static void test_list(void)
{
	struct gen_questions *q;
	char err[GEN_ERR_MAX];

	CU_ASSERT_EQUAL_FATAL(load("# a comment\n\nWww.Example.com. aaaa\n  com DS  \n. NS\n"
				   ";\nx.com\ny.com TYPE65535\n",
				      &q, err),
		0);
	CU_ASSERT_EQUAL(gen_questions_count(q), 5);
	CU_ASSERT(is(q, 0, "\3Www\7Example\3com", 17, DNS_TYPE_AAAA));
	CU_ASSERT(is(q, 1, "\3com", 5, DNS_TYPE_DS));
	CU_ASSERT(is(q, 2, "", 1, DNS_TYPE_NS));
	CU_ASSERT(is(q, 3, "\1x\3com", 7, DNS_TYPE_A));
	CU_ASSERT(is(q, 4, "\1y\3com", 7, 65535));
	gen_questions_free(q);
}

static const struct {
	const char *name, *text, *want;
} broken[] = {
	{"empty", "", ": no question in it"},
	{"comments only", "# x\n", ": no question in it"},
	{"empty label", "a..com A\n", ":1: no domain name: \"a..com\""},
	{"type", "com A\ncom FOO\n", ":2: no type: \"FOO\""},
	{"type number", "com TYPE65536\n", ":1: no type: \"TYPE65536\""},
	{"type without number", "com TYPE\n", ":1: no type: \"TYPE\""},
	{"type with sign", "com TYPE-1\n", ":1: no type: \"TYPE-1\""},
};

static void test_broken(void)
{
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct gen_questions *q = NULL;
		char err[GEN_ERR_MAX] = "", want[GEN_ERR_MAX];

		UNIT_CHECK(broken[i].name, load(broken[i].text, &q, err) == -EINVAL);
		snprintf(want, sizeof(want), "%s%s", path, broken[i].want);
		UNIT_CHECK(broken[i].name, strcmp(err, want) == 0);
		UNIT_CHECK(broken[i].name, q == NULL);
	}
}

static void test_long_line(void)
{
	struct gen_questions *q;
	char err[GEN_ERR_MAX], text[4096];

	memset(text, ' ', sizeof(text));
	memcpy(text, "com A", 5);
	strcpy(text + 2046, "\n"); // 2047 octets and a NUL are what a line may have
	CU_ASSERT_EQUAL(load(text, &q, err), 0);
	gen_questions_free(q);
	strcpy(text + 2046, " \n");
	CU_ASSERT_EQUAL(load(text, &q, err), -EINVAL);
	CU_ASSERT_EQUAL(gen_questions_load("/nonexistent", &q, err), -ENOENT);
}

static void test_made(void)
{
	struct gen_questions *q;
	char err[GEN_ERR_MAX];

	CU_ASSERT_EQUAL_FATAL(gen_questions_make(100000, "com.", &q, err), 0);
	CU_ASSERT_EQUAL(gen_questions_count(q), 100000);
	CU_ASSERT(is(q, 99999, "\10q0099999\3com", 14, DNS_TYPE_A));
	gen_questions_free(q);
	// every third is a new one, the others go round
	CU_ASSERT_EQUAL_FATAL(gen_questions_mix(3, 2, 3, "com.", &q, err), 0);
	CU_ASSERT_EQUAL(gen_questions_count(q), 6);
	CU_ASSERT(is(q, 1, "\10q0000001\3com", 14, DNS_TYPE_A));
	CU_ASSERT(is(q, 2, "\10c0000000\3com", 14, DNS_TYPE_A));
	CU_ASSERT(is(q, 3, "\10q0000002\3com", 14, DNS_TYPE_A));
	CU_ASSERT(is(q, 4, "\10q0000000\3com", 14, DNS_TYPE_A));
	CU_ASSERT(is(q, 5, "\10c0000001\3com", 14, DNS_TYPE_A));
	gen_questions_free(q);
	CU_ASSERT_EQUAL(gen_questions_make(0, "com.", &q, err), -EINVAL);
	CU_ASSERT_EQUAL(gen_questions_make(1, "a..b", &q, err), -EINVAL);
	gen_questions_free(NULL);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a list", test_list},
		{"broken lists", test_broken},
		{"long lines", test_long_line},
		{"made up", test_made},
		CU_TEST_INFO_NULL,
	};
	return test_run("gen/questions", tests);
}
