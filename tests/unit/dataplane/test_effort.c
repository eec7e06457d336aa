#include <string.h>

#include "dataplane/effort.h"
#include "tests/unit/run.h"
#include "validator/sig.h"

enum { ZONE = 7, PATH = 3, NOW = 50000, P256_US = 60 };

static struct dp_effort e;

static bool may(uint64_t zone, uint16_t path, uint64_t now_ms)
{
	return dp_effort_may_verify(&e, zone, path, now_ms);
}

/** As many failures of P-256 as the debt holds. */
static void fail_to_limit(void)
{
	memset(&e, 0, sizeof(e));
	for (int i = 0; i < DP_EFFORT_DEBT_US / P256_US; i++)
		dp_effort_failed(&e, ZONE, PATH, VAL_ALG_P256, NOW);
}

static void test_failures(void)
{
	fail_to_limit();
	CU_ASSERT(may(ZONE, PATH, NOW));
	dp_effort_failed(&e, ZONE, PATH, VAL_ALG_P256, NOW);
	CU_ASSERT_FALSE(may(ZONE, PATH, NOW));
	CU_ASSERT(may(ZONE + 1, PATH, NOW)); // another zone over the same path
	CU_ASSERT(may(ZONE, PATH + 1, NOW)); // a healthy sibling of the zone
	dp_effort_failed(&e, ZONE, PATH + 1, VAL_ALG_P256, NOW);
	CU_ASSERT_FALSE(may(ZONE, PATH + 1, NOW));
}

/** Time pays; no credit comes of waiting. */
static void test_paid_off(void)
{
	uint64_t later = NOW + P256_US / DP_EFFORT_US_PER_MS;

	fail_to_limit();
	dp_effort_failed(&e, ZONE, PATH, VAL_ALG_P256, NOW);
	CU_ASSERT_FALSE(may(ZONE, PATH, NOW));
	CU_ASSERT(may(ZONE, PATH, later));
	dp_effort_failed(&e, ZONE, PATH, VAL_ALG_P256, later);
	CU_ASSERT_FALSE(may(ZONE, PATH, later));
	later += 1000000;
	for (int i = 0; i < DP_EFFORT_DEBT_US / P256_US; i++)
		dp_effort_failed(&e, ZONE, PATH, VAL_ALG_P256, later);
	CU_ASSERT(may(ZONE, PATH, later));
	dp_effort_failed(&e, ZONE, PATH, VAL_ALG_P256, later);
	CU_ASSERT_FALSE(may(ZONE, PATH, later));
}

/** Slow algorithms reach the limit sooner. */
static void test_algorithms(void)
{
	static const struct {
		uint8_t algorithm;
		int us;
	} rows[] = {
		{VAL_ALG_RSASHA256, 60},
		{VAL_ALG_P256, 60},
		{VAL_ALG_P384, 650},
		{VAL_ALG_ED25519, 100},
		{VAL_ALG_ED448, 220},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fit = DP_EFFORT_DEBT_US / rows[i].us;

		memset(&e, 0, sizeof(e));
		for (int k = 0; k < fit; k++)
			dp_effort_failed(&e, ZONE, PATH, rows[i].algorithm, NOW);
		CU_ASSERT(may(ZONE, PATH, NOW));
		dp_effort_failed(&e, ZONE, PATH, rows[i].algorithm, NOW);
		CU_ASSERT_FALSE(may(ZONE, PATH, NOW));
	}
}

static void test_suspects(void)
{
	memset(&e, 0, sizeof(e));
	CU_ASSERT_FALSE(dp_effort_suspects(&e, PATH, 0));
	dp_effort_failed(&e, ZONE, PATH, VAL_ALG_P256, NOW);
	CU_ASSERT(dp_effort_suspects(&e, PATH, NOW));
	CU_ASSERT(dp_effort_suspects(&e, PATH, NOW + DP_EFFORT_SUSPECT_MS - 1));
	CU_ASSERT_FALSE(dp_effort_suspects(&e, PATH, NOW + DP_EFFORT_SUSPECT_MS));
	CU_ASSERT_FALSE(dp_effort_suspects(&e, PATH + 1, NOW));
}

static void test_hashing(void)
{
	enum { MAX = 2048, BLOCKS_PER_US = 10 };
	const uint32_t whole = DP_EFFORT_BLOCKS_FREE + DP_EFFORT_DEBT_US * BLOCKS_PER_US;

	memset(&e, 0, sizeof(e));
	for (int i = 0; i < 100000; i++) // what is ordinary is free for ever
		dp_effort_hashed(&e, ZONE, DP_EFFORT_BLOCKS_FREE, NOW);
	CU_ASSERT_EQUAL(dp_effort_blocks(&e, ZONE, MAX, NOW), MAX);
	dp_effort_hashed(&e, ZONE, whole, NOW);
	CU_ASSERT_EQUAL(dp_effort_blocks(&e, ZONE, MAX, NOW), MAX);
	dp_effort_hashed(&e, ZONE, DP_EFFORT_BLOCKS_FREE + 1, NOW);
	CU_ASSERT_EQUAL(dp_effort_blocks(&e, ZONE, MAX, NOW), DP_EFFORT_BLOCKS_FREE);
	CU_ASSERT_EQUAL(dp_effort_blocks(&e, ZONE + 1, MAX, NOW), MAX);
	CU_ASSERT(may(ZONE, PATH, NOW)); // an account of its own
	CU_ASSERT_EQUAL(dp_effort_blocks(&e, ZONE, MAX, NOW + 1), MAX);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"failures", test_failures},
		{"paid off", test_paid_off},
		{"algorithms", test_algorithms},
		{"suspects", test_suspects},
		{"hashing", test_hashing},
		CU_TEST_INFO_NULL,
	};

	return test_run("dataplane/effort", tests);
}
