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

int main(void)
{
	CU_TestInfo tests[] = {
		{"verdict and RCODE become an outcome", test_table},
		CU_TEST_INFO_NULL,
	};

	return test_run("dataplane/outcome", tests);
}
