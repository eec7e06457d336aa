#include <malloc.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "dataplane/rng.h"
#include "tests/unit/run.h"

enum { DRAWS = 1 << 20, BINS = 256 };

/* Chi-square of BINS equally likely bins; mean BINS - 1, sd sqrt(2 (BINS - 1)). */
static double chi_square(const unsigned count[BINS], double expected)
{
	double chi = 0;

	for (unsigned i = 0; i < BINS; i++)
		chi += (count[i] - expected) * (count[i] - expected) / expected;
	return chi;
}

static bool plausible(double chi)
{
	// Eight standard deviations: a false alarm once in 10^15 runs, a stuck bit is thousands
	// away.
	return fabs(chi - (BINS - 1)) < 8 * sqrt(2.0 * (BINS - 1));
}

static void test_ids_uniform(void)
{
	unsigned low[BINS] = {0}, high[BINS] = {0};
	struct dp_rng *r;

	CU_ASSERT_EQUAL_FATAL(dp_rng_new(&r), 0);
	for (unsigned i = 0; i < DRAWS; i++) {
		uint16_t id = (uint16_t)dp_rng_u32(r);

		low[id & 0xff]++;
		high[id >> 8]++;
	}
	CU_ASSERT(plausible(chi_square(low, DRAWS / (double)BINS)));
	CU_ASSERT(plausible(chi_square(high, DRAWS / (double)BINS)));
	dp_rng_free(r);
}

static void test_ports_whole_range(void)
{
	static unsigned count[65536];
	unsigned bins[BINS] = {0};
	unsigned below = 0, never = 0;
	struct dp_rng *r;

	CU_ASSERT_EQUAL_FATAL(dp_rng_new(&r), 0);
	for (unsigned i = 0; i < 2 * DRAWS; i++)
		count[dp_rng_port(r)]++;
	for (unsigned p = 0; p < 65536; p++) {
		below += p < DP_PORT_MIN ? count[p] : 0;
		never += p >= DP_PORT_MIN && count[p] == 0;
		bins[(p - DP_PORT_MIN) % BINS] += p >= DP_PORT_MIN ? count[p] : 0;
	}
	CU_ASSERT_EQUAL(below, 0);
	// 2^21 draws over 64,512 ports: a port is missed with probability e^-32.
	CU_ASSERT_EQUAL(never, 0);
	CU_ASSERT(plausible(chi_square(bins, 2.0 * DRAWS / BINS)));
	dp_rng_free(r);
}

static void test_two_differ(void)
{
	struct dp_rng *a, *b;
	unsigned same = 0;

	CU_ASSERT_EQUAL_FATAL(dp_rng_new(&a), 0);
	CU_ASSERT_EQUAL_FATAL(dp_rng_new(&b), 0);
	for (unsigned i = 0; i < 4096; i++)
		same += dp_rng_u32(a) == dp_rng_u32(b);
	CU_ASSERT(same < 4);
	dp_rng_free(a);
	dp_rng_free(b);
}

static void test_refill_does_not_allocate(void)
{
	struct dp_rng *r;
	struct mallinfo2 before, after;

	CU_ASSERT_EQUAL_FATAL(dp_rng_new(&r), 0);
	for (unsigned i = 0; i < 4096; i++)
		dp_rng_u32(r);
	before = mallinfo2();
	for (unsigned i = 0; i < 65536; i++)
		dp_rng_u32(r);
	after = mallinfo2();
	CU_ASSERT_EQUAL(before.uordblks, after.uordblks);
	dp_rng_free(r);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"transaction IDs are uniform", test_ids_uniform},
		{"ports cover the whole range evenly", test_ports_whole_range},
		{"two generators differ", test_two_differ},
		{"a refill leaves the heap as it was", test_refill_does_not_allocate},
		CU_TEST_INFO_NULL,
	};

	return test_run("dataplane/rng", tests);
}
