#include <errno.h>

#include "dns/text.h"
#include "dns/wire.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

static void test_types(void)
{
	static const struct {
		const char *text;
		int type;
		const char *back;
	} rows[] = {
		{"A", 1, "A"},
		{"aaaa", 28, "AAAA"},
		{"NSEC3PARAM", 51, "NSEC3PARAM"},
		{"ANY", 255, "ANY"},
		{"CAA", 257, "CAA"},
		{"TYPE1", 1, "A"},
		{"type65280", 65280, "TYPE65280"},
		{"TYPE0", 0, "TYPE0"},
		{"TYPE65535", 65535, "TYPE65535"},
		{"TYPE65536", -EINVAL, NULL},
		{"TYPE99999999999999999999", -EINVAL, NULL},
		{"TYPE", -EINVAL, NULL},
		{"TYPE-1", -EINVAL, NULL},
		{"TYPE 1", -EINVAL, NULL},
		{"TYPE1x", -EINVAL, NULL},
		{"AA", -EINVAL, NULL},
		{"", -EINVAL, NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char buf[DNS_MNEMONIC_MAX];
		int type = dns_type_from_text(rows[i].text);
		UNIT_CHECK(rows[i].text, type == rows[i].type);
		if (type >= 0 && rows[i].back)
			UNIT_CHECK(rows[i].text,
				strcmp(dns_type_text((uint16_t)type, buf), rows[i].back) == 0);
	}
}

static void test_all_types_round(void)
{
	int wrong = 0;

	for (int type = 0; type <= UINT16_MAX; type++) {
		char buf[DNS_MNEMONIC_MAX];
		wrong += dns_type_from_text(dns_type_text((uint16_t)type, buf)) != type;
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void test_rcodes(void)
{
	char buf[DNS_MNEMONIC_MAX];

	CU_ASSERT_STRING_EQUAL(dns_rcode_text(DNS_RCODE_NOERROR, buf), "NOERROR");
	CU_ASSERT_STRING_EQUAL(dns_rcode_text(DNS_RCODE_SERVFAIL, buf), "SERVFAIL");
	CU_ASSERT_STRING_EQUAL(dns_rcode_text(DNS_RCODE_REFUSED, buf), "REFUSED");
	CU_ASSERT_STRING_EQUAL(dns_rcode_text(DNS_RCODE_BADVERS, buf), "BADVERS");
	CU_ASSERT_STRING_EQUAL(dns_rcode_text(17, buf), "RCODE17");
	CU_ASSERT_STRING_EQUAL(dns_rcode_text(23, buf), "BADCOOKIE");
	CU_ASSERT_STRING_EQUAL(dns_rcode_text(24, buf), "RCODE24");
	CU_ASSERT_STRING_EQUAL(dns_rcode_text(65535, buf), "RCODE65535");
}

static void test_ede(void)
{
	CU_ASSERT_STRING_EQUAL(dns_ede_text(DNS_EDE_NONE), "");
	CU_ASSERT_STRING_EQUAL(dns_ede_text(DNS_EDE_OTHER), "Other Error");
	CU_ASSERT_STRING_EQUAL(dns_ede_text(DNS_EDE_SIG_EXPIRED), "Signature Expired");
	CU_ASSERT_STRING_EQUAL(dns_ede_text(DNS_EDE_PROHIBITED), "Prohibited");
	CU_ASSERT_STRING_EQUAL(dns_ede_text(DNS_EDE_NOT_AUTHORITATIVE), "Not Authoritative");
	CU_ASSERT_STRING_EQUAL(
		dns_ede_text(DNS_EDE_UNSUPPORTED_NSEC3_ITER), "Unsupported NSEC3 Iterations");
	CU_ASSERT_STRING_EQUAL(dns_ede_text(28), "Unknown");
	CU_ASSERT_STRING_EQUAL(dns_ede_text(-2), "Unknown");
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"types", test_types},
		{"every type and back", test_all_types_round},
		{"rcodes", test_rcodes},
		{"extended errors", test_ede},
		CU_TEST_INFO_NULL,
	};
	return test_run("dns/text", tests);
}
