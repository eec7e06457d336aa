#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "gen/random.h"
#include "gen/zipf.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

enum { DRAWS = 1 << 20 };

/* What the law says of a rank, added up without the alias table. */
static double share(uint32_t n, double exponent, uint32_t rank)
{
	double sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += pow(i + 1.0, -exponent);
	return pow(rank + 1.0, -exponent) / sum;
}

static const struct {
	const char *name;
	uint32_t n;
	double exponent;
} rows[] = {
	{"one name", 1, 1},
	{"two names", 2, 1},
	{"uniform", 100, 0},
	{"usual", 1000, 0.9},
	{"one", 1000, 1},
	{"steep", 50, 2.5},
	{"many names", 100000, 1.1},
};

static void test_law(void)
{
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct gen_zipf *z;
		uint64_t seed = 1;
		unsigned *count = calloc(rows[r].n, sizeof(*count));

		CU_ASSERT_EQUAL_FATAL(gen_zipf_new(rows[r].n, rows[r].exponent, &z), 0);
		for (unsigned i = 0; i < DRAWS; i++) {
			uint32_t rank = gen_zipf_draw(z, gen_random(&seed));

			UNIT_CHECK(rows[r].name, rank < rows[r].n);
			count[rank]++;
		}
		// the first ranks are drawn often enough to be judged: within 6 deviations
		for (uint32_t i = 0; i < rows[r].n && i < 20; i++) {
			double p = share(rows[r].n, rows[r].exponent, i);
			double off = fabs(count[i] - p * DRAWS);

			UNIT_CHECK(rows[r].name, off <= 6 * sqrt(p * DRAWS) + 1);
		}
		free(count);
		gen_zipf_free(z);
	}
}

static void test_every_rank(void)
{
	struct gen_zipf *z;
	bool seen[64] = {false};
	uint64_t seed = 2;

	CU_ASSERT_EQUAL_FATAL(gen_zipf_new(64, 1, &z), 0);
	for (unsigned i = 0; i < 100000; i++)
		seen[gen_zipf_draw(z, gen_random(&seed))] = true;
	for (unsigned i = 0; i < 64; i++)
		CU_ASSERT(seen[i]);
	CU_ASSERT(gen_zipf_draw(z, 0) < 64);
	CU_ASSERT(gen_zipf_draw(z, UINT64_MAX) < 64);
	gen_zipf_free(z);
}

static void test_refused(void)
{
	struct gen_zipf *z = NULL;

	CU_ASSERT_EQUAL(gen_zipf_new(0, 1, &z), -EINVAL);
	CU_ASSERT_EQUAL(gen_zipf_new(10, -0.1, &z), -EINVAL);
	CU_ASSERT_EQUAL(gen_zipf_new(10, NAN, &z), -EINVAL);
	CU_ASSERT_PTR_NULL(z);
	gen_zipf_free(NULL);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"the law", test_law},
		{"every rank", test_every_rank},
		{"refused", test_refused},
		CU_TEST_INFO_NULL,
	};
	return test_run("gen/zipf", tests);
}
