#include <stdlib.h>

#include "gen/histogram.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

static struct gen_hist h;

static int by_value(const void *pa, const void *pb)
{
	const uint64_t *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

/* Random times of all sizes, against a sorted list. */
static void test_against_list(void)
{
	enum { N = 20000 };
	static const double percents[] = {0.001, 1, 50, 90, 99, 99.9, 99.99, 100};
	uint64_t *list = malloc(N * sizeof(*list)), seed = 3, sum = 0;

	memset(&h, 0, sizeof(h));
	for (unsigned i = 0; i < N; i++) {
		list[i] = unit_random(&seed) >> (24 + unit_random_below(&seed, 40));
		sum += list[i];
		gen_hist_add(&h, list[i]);
	}
	qsort(list, N, sizeof(*list), by_value);
	CU_ASSERT_EQUAL(h.count, N);
	CU_ASSERT_EQUAL(h.max, list[N - 1]);
	CU_ASSERT_EQUAL(gen_hist_mean(&h), (double)sum / N);
	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		size_t rank = (size_t)(N * percents[i] / 100 + 0.999999);
		uint64_t exact = list[rank > 0 ? rank - 1 : 0];
		uint64_t said = gen_hist_percentile(&h, percents[i]);

		CU_ASSERT(said >= exact);
		CU_ASSERT(said <= exact + exact / GEN_HIST_SUB);
	}
	free(list);
}

/* Where buckets change their width, one below, at, and one above. */
static void test_edges(void)
{
	for (unsigned bit = 0; bit < GEN_HIST_BITS; bit++) {
		for (int d = -1; d <= 1; d++) {
			uint64_t v = (UINT64_C(1) << bit) + (uint64_t)(int64_t)d;

			memset(&h, 0, sizeof(h));
			gen_hist_add(&h, v);
			gen_hist_add(&h, UINT64_C(1) << (GEN_HIST_BITS - 1));
			CU_ASSERT(gen_hist_percentile(&h, 50) >= v);
			CU_ASSERT(gen_hist_percentile(&h, 50) <= v + v / GEN_HIST_SUB);
		}
	}
}

static void test_too_long(void)
{
	memset(&h, 0, sizeof(h));
	CU_ASSERT_EQUAL(gen_hist_percentile(&h, 50), 0);
	CU_ASSERT_EQUAL(gen_hist_mean(&h), 0);
	gen_hist_add(&h, (UINT64_C(1) << GEN_HIST_BITS) - 1);
	gen_hist_add(&h, UINT64_C(1) << GEN_HIST_BITS);
	gen_hist_add(&h, UINT64_MAX);
	CU_ASSERT_EQUAL(h.bucket[GEN_HIST_BUCKETS - 1], 3);
	CU_ASSERT_EQUAL(gen_hist_percentile(&h, 100), UINT64_MAX);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"against a sorted list", test_against_list},
		{"edges of buckets", test_edges},
		{"none and too long", test_too_long},
		CU_TEST_INFO_NULL,
	};
	return test_run("gen/histogram", tests);
}
