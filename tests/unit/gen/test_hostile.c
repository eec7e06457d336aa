#include <errno.h>

#include "dns/msg.h"
#include "gen/hostile.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

/* What our own parser says of each kind. */
static const struct {
	const char *name;
	int want;
} kinds[GEN_HOSTILE_KINDS] = {
	{"name of 255 octets", 0},
	{"126 labels", 0},
	{"pointer to itself", -EBADMSG},
	{"pointer back", -EBADMSG},
	{"cut in the name", -EMSGSIZE},
	{"a record missing", -EMSGSIZE},
	{"option too long", -EBADMSG},
	{"half a header", -EMSGSIZE},
};

static void test_kinds(void)
{
	static struct dns_msg msg;

	for (unsigned k = 0; k < GEN_HOSTILE_KINDS; k++) {
		uint8_t out[GEN_HOSTILE_MAX];
		size_t n = gen_hostile_write(k, 0x123456789abcdef0, out);
		uint8_t *copy = unit_copy(out, n);

		UNIT_CHECK(kinds[k].name, n <= GEN_HOSTILE_MAX);
		UNIT_CHECK(kinds[k].name, dns_msg_parse(&msg, copy, n) == kinds[k].want);
		if (k == 0)
			UNIT_CHECK(kinds[k].name, msg.qname.len == DNS_NAME_MAX);
		if (k == 1)
			UNIT_CHECK(kinds[k].name,
				msg.qname.len == DNS_NAME_MAX && msg.qname.labels == 126);
		free(copy);
	}
}

static void test_names_vary(void)
{
	uint8_t a[GEN_HOSTILE_MAX], b[GEN_HOSTILE_MAX];

	for (unsigned k = 0; k < 2; k++) {
		size_t n = gen_hostile_write(k, 1, a);

		CU_ASSERT_EQUAL(gen_hostile_write(k, 0x8765432187654321, b), n);
		CU_ASSERT(memcmp(a, b, n) != 0);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"kinds", test_kinds},
		{"names vary", test_names_vary},
		CU_TEST_INFO_NULL,
	};
	return test_run("gen/hostile", tests);
}
