#include <CUnit/Basic.h>

#include "dataplane/failures.h"
#include "dns/wire.h"
#include "tests/unit/dataplane/eal.h"
#include "tests/unit/run.h"

static const struct dns_name example = {9, 2, "\3foo\3com"};
static const struct dns_name other = {9, 2, "\3bar\3com"};

static void test_life(void)
{
	struct dp_failures *f;
	int ede = 0;

	CU_ASSERT_EQUAL_FATAL(dp_failures_new(64, -1, &f), 0);
	CU_ASSERT_FALSE(dp_failures_get(f, 7, &example, 1, 5, 100, &ede));
	dp_failures_put(f, 7, &example, 1, 5, 200, DNS_EDE_SIG_EXPIRED);
	CU_ASSERT_TRUE(dp_failures_get(f, 7, &example, 1, 5, 199, &ede));
	CU_ASSERT_EQUAL(ede, DNS_EDE_SIG_EXPIRED);
	CU_ASSERT_FALSE(dp_failures_get(f, 7, &example, 1, 5, 200, &ede));
	dp_failures_free(f);
}

static void test_identity(void)
{
	struct dp_failures *f;
	int ede = 0;

	CU_ASSERT_EQUAL_FATAL(dp_failures_new(64, -1, &f), 0);
	dp_failures_put(f, 7, &example, 1, 5, 200, 22);
	CU_ASSERT_FALSE(dp_failures_get(f, 7, &other, 1, 5, 100, &ede));    // same hash, other name
	CU_ASSERT_FALSE(dp_failures_get(f, 7, &example, 28, 5, 100, &ede)); // other type
	CU_ASSERT_FALSE(dp_failures_get(f, 7, &example, 1, 6, 100, &ede)); // a new table: forgotten
	dp_failures_put(f, 7, &other, 1, 5, 200, 23);
	CU_ASSERT_TRUE(dp_failures_get(f, 7, &example, 1, 5, 100, &ede));
	CU_ASSERT_EQUAL(ede, 22);
	CU_ASSERT_TRUE(dp_failures_get(f, 7, &other, 1, 5, 100, &ede));
	CU_ASSERT_EQUAL(ede, 23);
	dp_failures_free(f);
}

static void test_full_bucket_keeps_the_latest(void)
{
	struct dp_failures *f;
	int ede = 0;

	CU_ASSERT_EQUAL_FATAL(dp_failures_new(4, -1, &f), 0);
	for (uint16_t type = 1; type <= 5; type++)
		dp_failures_put(f, type, &example, type, 5, 1000u + type, 22);
	CU_ASSERT_FALSE(dp_failures_get(f, 1, &example, 1, 5, 0, &ede)); // the oldest gave way
	for (uint16_t type = 2; type <= 5; type++)
		CU_ASSERT_TRUE(dp_failures_get(f, type, &example, type, 5, 0, &ede));
	dp_failures_free(f);
}

/* The upper bits tell the entries of a bucket apart, also when one gives way. */
static void test_whole_hashes(void)
{
	enum { BUCKETS = 16, EACH = 6, WAYS = 4 };
	const uint64_t upper = 0x9e3779b97f4a7c15u;
	struct dp_failures *f;
	int ede = 0;

	CU_ASSERT_EQUAL_FATAL(dp_failures_new(BUCKETS * WAYS, -1, &f), 0);
	for (uint64_t i = 0; i < (uint64_t)BUCKETS * EACH; i++) {
		uint64_t hash = (i + 1) * upper << 4 | i % BUCKETS;

		dp_failures_prefetch(f, hash);
		CU_ASSERT_FALSE(dp_failures_get(f, hash, &example, 1, 5, 0, &ede));
		dp_failures_put(f, hash, &example, 1, 5, 1000 + i, (int)i);
	}
	for (uint64_t i = 0; i < (uint64_t)BUCKETS * EACH; i++) {
		uint64_t hash = (i + 1) * upper << 4 | i % BUCKETS;
		bool kept = i >= (uint64_t)BUCKETS * (EACH - WAYS);

		CU_ASSERT_EQUAL(dp_failures_get(f, hash, &example, 1, 5, 0, &ede), kept);
		if (kept)
			CU_ASSERT_EQUAL(ede, (int)i);
		CU_ASSERT_FALSE(dp_failures_get(f, hash ^ 1ull << 63, &example, 1, 5, 0, &ede));
		CU_ASSERT_FALSE(dp_failures_get(f, hash ^ 1ull << 40, &example, 1, 5, 0, &ede));
	}
	dp_failures_free(f);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"an entry lives until its time", test_life},
		{"name, type and table are the identity", test_identity},
		{"a full bucket keeps the latest", test_full_bucket_keeps_the_latest},
		{"whole hashes", test_whole_hashes},
		CU_TEST_INFO_NULL,
	};

	test_eal_start("test_failures");
	return test_run("dataplane/failures", tests);
}
