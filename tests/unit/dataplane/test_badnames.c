#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/badnames.h"
#include "tests/unit/run.h"

enum { WRITES = 200000 };

static struct dns_name name_of(unsigned i)
{
	char text[64];
	struct dns_name name;

	snprintf(text, sizeof(text), "n%u.com.", i);
	dns_name_from_text(text, &name);
	return name;
}

static void note(struct dp_badnames *b, uint64_t ms, uint16_t path, unsigned i)
{
	struct dns_name name = name_of(i);

	dp_badnames_note(b, ms, path, ROUTE_O_EXPIRED, &name, 28);
}

static void test_by_path(void)
{
	struct dp_badnames *b = calloc(1, sizeof(*b));
	struct dp_badname out[4];
	struct dns_name longest = {.len = 0};

	CU_ASSERT_EQUAL(dp_badnames_read(b, 0, out, 4), 0);
	note(b, 1, 7, 1);
	note(b, 1, 7, 2); // the same millisecond
	note(b, 2, 8, 3);
	note(b, 3, 7, 1); // known
	note(b, 4, 7, 4);
	CU_ASSERT_EQUAL(dp_badnames_read(b, 7, out, 4), 2);
	struct dns_name first = name_of(1);
	CU_ASSERT_TRUE(dns_name_equal(out[0].name.octets, first.octets));
	CU_ASSERT_TRUE(out[0].path == 7 && out[0].qtype == 28 && out[0].outcome == ROUTE_O_EXPIRED);
	CU_ASSERT_EQUAL(dp_badnames_read(b, 7, out, 1), 1);
	CU_ASSERT_EQUAL(dp_badnames_read(b, 9, out, 4), 0);
	// a name of 255 octets comes back whole
	for (unsigned i = 0; i < 4; i++) {
		uint8_t label = i < 3 ? 63 : 61;
		longest.octets[longest.len++] = label;
		memset(longest.octets + longest.len, 'a', label);
		longest.len = (uint8_t)(longest.len + label);
	}
	longest.octets[longest.len++] = 0;
	CU_ASSERT_EQUAL(longest.len, DNS_NAME_MAX);
	dp_badnames_note(b, 5, 9, ROUTE_O_LAME, &longest, 1);
	CU_ASSERT_EQUAL_FATAL(dp_badnames_read(b, 9, out, 4), 1);
	CU_ASSERT_EQUAL(memcmp(out[0].name.octets, longest.octets, DNS_NAME_MAX), 0);
	free(b);
}

static void test_old_ones_go(void)
{
	struct dp_badnames *b = calloc(1, sizeof(*b));
	struct dp_badname out[2 * DP_BADNAMES];

	for (unsigned i = 0; i < 2 * DP_BADNAMES; i++)
		note(b, i + 1, 7, i);
	CU_ASSERT_EQUAL_FATAL(dp_badnames_read(b, 7, out, 2 * DP_BADNAMES), DP_BADNAMES);
	for (unsigned i = 0; i < DP_BADNAMES; i++) {
		struct dns_name want = name_of(DP_BADNAMES + i);
		CU_ASSERT_TRUE(dns_name_equal(out[i].name.octets, want.octets));
	}
	free(b);
}

static void *write_many(void *arg)
{
	for (unsigned i = 0; i < WRITES; i++)
		note(arg, i + 1, (uint16_t)(i % 3), i % 3);
	return NULL;
}

/* Whatever is read was written so: a path's number is in its name. */
static void test_reader_and_writer(void)
{
	struct dp_badnames *b = calloc(1, sizeof(*b));
	struct dp_badname out[4];
	unsigned torn = 0;
	pthread_t writer;

	CU_ASSERT_EQUAL_FATAL(pthread_create(&writer, NULL, write_many, b), 0);
	for (unsigned i = 0; i < 2000; i++)
		for (uint16_t path = 0; path < 3; path++) {
			size_t n = dp_badnames_read(b, path, out, 4);
			struct dns_name want = name_of(path);
			torn += n > 1 ||
				(n == 1 && !dns_name_equal(out[0].name.octets, want.octets));
		}
	pthread_join(writer, NULL);
	CU_ASSERT_EQUAL(torn, 0);
	free(b);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"those of one path", test_by_path},
		{"old ones go", test_old_ones_go},
		{"read while written", test_reader_and_writer},
		CU_TEST_INFO_NULL,
	};

	return test_run("dataplane/badnames", tests);
}
