#include <errno.h>
#include <unistd.h>

#include "dns/msg.h"
#include "gen/answers.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

// com. A, ID 0x1234, answered 192.0.2.1 with a TTL of 1, OPT with DO
#define HEAD "\x12\x34\x84\0\0\1\0\1\0\0\0\1"
static const uint8_t with_do[] = HEAD "\3CoM\0\0\1\0\1"
				      "\xc0\x0c\0\1\0\1\0\0\0\1\0\4\xc0\0\2\1"
				      "\0\0\x29\4\xd0\0\0\x80\0\0";
// the same without OPT
static const uint8_t plain[] = "\x12\x34\x84\0\0\1\0\0\0\0\0\0\3com\0\0\1\0";

static void test_keys(void)
{
	struct gen_answers *a;
	const struct gen_answer *found;

	CU_ASSERT_EQUAL_FATAL(gen_answers_new(&a), 0);
	CU_ASSERT_EQUAL(gen_answers_add(a, with_do, sizeof(with_do)), 0);
	// a string's NUL is the class's last octet but one: IN is not looked at
	CU_ASSERT_EQUAL(gen_answers_add(a, plain, sizeof(plain)), 0);
	CU_ASSERT_EQUAL(gen_answers_index(a), 0);
	CU_ASSERT_EQUAL(gen_answers_count(a), 2);
	found = gen_answers_find(a, (const uint8_t *)"\3com", 5, DNS_TYPE_A, true);
	CU_ASSERT_PTR_NOT_NULL_FATAL(found);
	CU_ASSERT_EQUAL(found->len, sizeof(with_do));
	CU_ASSERT_EQUAL(dns_get16(found->dns), 0);
	CU_ASSERT_EQUAL(memcmp(found->dns + DNS_HEADER_LEN, "\3com", 5), 0);
	found = gen_answers_find(a, (const uint8_t *)"\3com", 5, DNS_TYPE_A, false);
	CU_ASSERT_PTR_NOT_NULL_FATAL(found);
	CU_ASSERT_EQUAL(found->len, sizeof(plain));
	CU_ASSERT_PTR_NULL(gen_answers_find(a, (const uint8_t *)"\3com", 5, DNS_TYPE_NS, true));
	CU_ASSERT_PTR_NULL(gen_answers_find(a, (const uint8_t *)"\3cow", 5, DNS_TYPE_A, true));
	CU_ASSERT_PTR_NULL(gen_answers_find(NULL, (const uint8_t *)"\3com", 5, DNS_TYPE_A, true));
	gen_answers_free(a);
}

/* Enough of them that the table has collisions: each is found, none beside them. */
static void name_of(uint32_t i, uint8_t label[4])
{
	for (unsigned k = 0; k < 4; k++)
		label[k] = (uint8_t)(0x80 | (i >> 6 * k & 63)); // no letters
}

static void test_many(void)
{
	enum { N = 5000 };
	struct gen_answers *a;
	uint8_t dns[] = HEAD "\4aaaa\0\0\1\0";

	CU_ASSERT_EQUAL_FATAL(gen_answers_new(&a), 0);
	memset(dns + DNS_OFF_ANCOUNT, 0, 6);
	for (uint32_t i = 0; i < N; i++) {
		name_of(i, dns + 13);
		CU_ASSERT_EQUAL(gen_answers_add(a, dns, sizeof(dns)), 0);
	}
	CU_ASSERT_EQUAL(gen_answers_index(a), 0);
	for (uint32_t i = 0; i < 2 * N; i++) {
		const struct gen_answer *found;

		name_of(i, dns + 13);
		found = gen_answers_find(a, dns + DNS_HEADER_LEN, 6, DNS_TYPE_A, false);
		CU_ASSERT((found != NULL) == (i < N));
		if (found != NULL)
			CU_ASSERT_EQUAL(
				memcmp(found->dns + DNS_HEADER_LEN, dns + DNS_HEADER_LEN, 6), 0);
	}
	gen_answers_free(a);
}

static int load(const char *text, struct gen_answers **a, char *err)
{
	char path[64];
	FILE *f;
	int rc;

	snprintf(path, sizeof(path), "/tmp/swerve-test-answers.%d", (int)getpid());
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
	rc = gen_answers_load(path, a, err);
	unlink(path);
	return rc;
}

static const struct {
	const char *name, *text;
	int want;
	uint32_t count;
} files[] = {
	{"empty", "", 0, 0},
	{"one",
		"123484000001000000000000"
		"03636F6D0000010001\n",
		0, 1},
	{"the same twice",
		"123484000001000000000000"
		"03636f6d0000010001\n"
		"000084000001000000000000"
		"03434f4d0000010001\n",
		0, 2},
	{"empty lines",
		"\n\n123484000001000000000000"
		"03636f6d0000010001",
		0, 1},
	{"a query",
		"123404000001000000000000"
		"03636f6d0000010001\n",
		-EINVAL, 0},
	{"no question", "123484000000000000000000\n", -EINVAL, 0},
	{"cut",
		"123484000001000000000000"
		"03636f6d00000100\n",
		-EINVAL, 0},
	{"odd digits", "1234840000010000000000000\n", -EINVAL, 0},
	{"no digits", "xyz\n", -EINVAL, 0},
};

static void test_files(void)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct gen_answers *a = NULL;
		char err[GEN_ERR_MAX];

		UNIT_CHECK(files[i].name, load(files[i].text, &a, err) == files[i].want);
		UNIT_CHECK(files[i].name, (a != NULL) == (files[i].want == 0));
		if (a == NULL)
			continue;
		UNIT_CHECK(files[i].name, gen_answers_count(a) == files[i].count);
		UNIT_CHECK(files[i].name,
			files[i].count == 0 || gen_answers_find(a, (const uint8_t *)"\3com", 5,
						       DNS_TYPE_A, false) != NULL);
		gen_answers_free(a);
	}
	gen_answers_free(NULL);
}

static void test_made(void)
{
	static const uint8_t query[] = "\x12\x34\1\0\0\1\0\0\0\0\0\1\3Com\0\0\1\0\1";
	static struct dns_msg msg;
	size_t q = sizeof(query) - 1, room = q + 64, n;
	uint8_t *in = unit_copy(query, q), *out = malloc(room);

	n = gen_answers_make(in, q, true, DNS_TYPE_A, out, room);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, out, n), 0);
	CU_ASSERT_EQUAL(msg.id, 0);
	CU_ASSERT_EQUAL(msg.flags, DNS_FLAG_QR | DNS_FLAG_AA | DNS_FLAG_RD);
	CU_ASSERT_EQUAL(memcmp(msg.qname.octets, "\3Com", 5), 0);
	CU_ASSERT_EQUAL(msg.rr_count, 2);
	CU_ASSERT_EQUAL(msg.rr[0].rdata_len, 4);
	CU_ASSERT(msg.edns.present);
	n = gen_answers_make(in, q, false, DNS_TYPE_AAAA, out, room);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, out, n), 0);
	CU_ASSERT_EQUAL(msg.rr_count, 1);
	CU_ASSERT_EQUAL(msg.rr[0].rdata_len, 16);
	n = gen_answers_make(in, q, false, DNS_TYPE_MX, out, room);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, out, n), 0);
	CU_ASSERT_EQUAL(msg.rr_count, 0);
	free(in);
	free(out);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"keys", test_keys},
		{"many", test_many},
		{"files", test_files},
		{"made up", test_made},
		CU_TEST_INFO_NULL,
	};
	return test_run("gen/answers", tests);
}
