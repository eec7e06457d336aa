#include <CUnit/Basic.h>

#include "dataplane/claims.h"
#include "tests/unit/run.h"

static struct dp_claims *claims;

static void test_take_and_drop(void)
{
	CU_ASSERT_EQUAL_FATAL(dp_claims_new(&claims), 0);
	CU_ASSERT_EQUAL(dp_claims_owner(claims, 4, 5300), DP_CLAIMS_NONE);
	CU_ASSERT_TRUE(dp_claims_take(claims, 4, 5300, 0));
	CU_ASSERT_TRUE(dp_claims_take(claims, 4, 5300, 0));
	CU_ASSERT_FALSE(dp_claims_take(claims, 4, 5300, 1));
	CU_ASSERT_EQUAL(dp_claims_owner(claims, 4, 5300), 0);
	// the families do not share ports
	CU_ASSERT_TRUE(dp_claims_take(claims, 6, 5300, 1));
	CU_ASSERT_EQUAL(dp_claims_owner(claims, 6, 5300), 1);
	dp_claims_drop(claims, 4, 5300);
	CU_ASSERT_TRUE(dp_claims_take(claims, 4, 5300, 1));
	dp_claims_free(claims);
}

static void test_edges(void)
{
	CU_ASSERT_EQUAL_FATAL(dp_claims_new(&claims), 0);
	CU_ASSERT_TRUE(dp_claims_take(claims, 4, 65535, 3));
	CU_ASSERT_TRUE(dp_claims_take(claims, 6, 0, 3));
	CU_ASSERT_EQUAL(dp_claims_owner(claims, 4, 65535), 3);
	CU_ASSERT_EQUAL(dp_claims_owner(claims, 6, 65535), DP_CLAIMS_NONE);
	dp_claims_free(claims);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"one owner at a time", test_take_and_drop},
		{"first and last port", test_edges},
		CU_TEST_INFO_NULL,
	};

	return test_run("dataplane/claims", tests);
}
