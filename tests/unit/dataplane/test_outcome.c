#include <CUnit/Basic.h>

#include "dataplane/outcome.h"
#include "tests/unit/run.h"

static void test_table(void)
{
	struct {
		const char *name;
		enum val_kind kind;
		enum val_verdict verdict;
		enum val_reason reason;
		uint16_t rcode;
		enum route_outcome expect;
	} rows[] = {
		{"secure", VAL_KIND_ANSWER, VAL_SECURE, VAL_R_NONE, 0, ROUTE_O_SECURE},
		{"secure name error", VAL_KIND_NXDOMAIN, VAL_SECURE, VAL_R_NONE, 3, ROUTE_O_SECURE},
		{"insecure", VAL_KIND_REFERRAL, VAL_INSECURE, VAL_R_UNSIGNED_DELEGATION, 0,
			ROUTE_O_INSECURE},
		{"expired", VAL_KIND_NXDOMAIN, VAL_BOGUS, VAL_R_SIG_EXPIRED, 3, ROUTE_O_EXPIRED},
		{"stripped", VAL_KIND_ANSWER, VAL_BOGUS, VAL_R_SIG_MISSING, 0, ROUTE_O_UNSIGNED},
		{"no proof", VAL_KIND_REFERRAL, VAL_BOGUS, VAL_R_DENIAL_MISSING, 0,
			ROUTE_O_UNSIGNED},
		{"crypto", VAL_KIND_ANSWER, VAL_BOGUS, VAL_R_SIG_CRYPTO, 0, ROUTE_O_BOGUS},
		{"our budget", VAL_KIND_ANSWER, VAL_BOGUS, VAL_R_BUDGET, 0, ROUTE_O_INDETERMINATE},
		{"no chain", VAL_KIND_ANSWER, VAL_INDETERMINATE, VAL_R_NO_CHAIN, 0,
			ROUTE_O_INDETERMINATE},
		{"lame", VAL_KIND_LAME, VAL_BOGUS, VAL_R_LAME, 0, ROUTE_O_LAME},
		{"SERVFAIL", VAL_KIND_ERROR, VAL_INDETERMINATE, VAL_R_NONE, 2, ROUTE_O_SERVFAIL},
		{"REFUSED", VAL_KIND_ERROR, VAL_INDETERMINATE, VAL_R_NONE, 5, ROUTE_O_REFUSED},
		{"FORMERR", VAL_KIND_ERROR, VAL_INDETERMINATE, VAL_R_NONE, 1, ROUTE_O_ERROR},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct val_response r = {.kind = rows[i].kind,
			.result = {.verdict = rows[i].verdict, .reason = rows[i].reason}};

		if (dp_outcome(&r, rows[i].rcode) != rows[i].expect)
			CU_FAIL(rows[i].name);
	}
	CU_PASS("all rows");
}

static void test_ede(void)
{
	CU_ASSERT_EQUAL(dp_outcome_ede(ROUTE_O_SERVFAIL, VAL_R_NONE), DNS_EDE_NETWORK_ERROR);
	CU_ASSERT_EQUAL(dp_outcome_ede(ROUTE_O_ERROR, VAL_R_MALFORMED), DNS_EDE_NETWORK_ERROR);
	CU_ASSERT_EQUAL(dp_outcome_ede(ROUTE_O_LAME, VAL_R_LAME), DNS_EDE_NO_REACHABLE_AUTHORITY);
	CU_ASSERT_EQUAL(dp_outcome_ede(ROUTE_O_EXPIRED, VAL_R_SIG_EXPIRED),
		val_reason_ede(VAL_R_SIG_EXPIRED));
}

static void test_rank(void)
{
	static const int order[] = {DNS_EDE_NONE, DNS_EDE_NO_REACHABLE_AUTHORITY,
		DNS_EDE_NETWORK_ERROR, DNS_EDE_SIG_EXPIRED};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++)
			CU_ASSERT_EQUAL(dp_outcome_ede_outranks(order[i], order[k]), i > k);
}

static void test_truncated(void)
{
	static struct dns_msg msg;

	msg.flags = DNS_FLAG_QR | DNS_FLAG_TC;
	CU_ASSERT_TRUE(dp_outcome_truncated(&msg));
	msg.flags |= DNS_RCODE_NXDOMAIN;
	CU_ASSERT_TRUE(dp_outcome_truncated(&msg));
	msg.flags = DNS_FLAG_QR | DNS_FLAG_TC | DNS_RCODE_SERVFAIL;
	CU_ASSERT_FALSE(dp_outcome_truncated(&msg));
	msg.flags = DNS_FLAG_QR;
	CU_ASSERT_FALSE(dp_outcome_truncated(&msg));
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a failed try has an extended error", test_ede},
		{"the most specific error is kept", test_rank},
		{"TC=1 counts on answers and denials", test_truncated},
		{"verdict and RCODE become an outcome", test_table},
		CU_TEST_INFO_NULL,
	};

	return test_run("dataplane/outcome", tests);
}
