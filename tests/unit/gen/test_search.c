#include <math.h>

#include "gen/search.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

/* A server that loses nothing up to `knee`, then all above it. */
static uint64_t lost_by(double knee, double rate, uint64_t sent)
{
	return rate <= knee ? 0 : (uint64_t)((rate - knee) / rate * (double)sent) + 1;
}

static const struct {
	const char *name;
	double min, max, knee, max_loss;
	double want; // 0: none passes
} rows[] = {
	{"in the middle", 1000, 1e6, 300e3, 0, 300e3},
	{"at the top", 1000, 1e6, 2e6, 0, 1e6},
	{"exactly the top", 1000, 1e6, 1e6, 0, 1e6},
	{"near the bottom", 1000, 1e6, 1500, 0, 1500},
	{"exactly the bottom", 1000, 1e6, 1000, 0, 1000},
	{"below the bottom", 1000, 1e6, 900, 0, 0},
	{"one rate only", 5000, 5000, 6000, 0, 5000},
	{"one rate only, lost", 5000, 5000, 4000, 0, 0},
	{"a tenth may be lost", 1000, 1e6, 300e3, 0.1, 333e3},
};

static void test_knees(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gen_search s;
		double rate;
		unsigned steps = 0;

		gen_search_init(&s, rows[i].min, rows[i].max, rows[i].max_loss);
		while (gen_search_next(&s, &rate)) {
			UNIT_CHECK(rows[i].name, rate >= rows[i].min && rate <= rows[i].max);
			gen_search_told(&s, 1000000, lost_by(rows[i].knee, rate, 1000000));
			steps++;
		}
		UNIT_CHECK(rows[i].name, steps <= 40);
		UNIT_CHECK(rows[i].name, s.best <= rows[i].want * 1.001);
		UNIT_CHECK(rows[i].name, s.best >= rows[i].want * 0.979);
	}
}

/* Every rate fails once before it passes: hiccups do not change the result. */
static void test_hiccups(void)
{
	struct gen_search s;
	double rate, before = 0;

	gen_search_init(&s, 1000, 1e6, 0);
	while (gen_search_next(&s, &rate)) {
		bool again = rate == before;

		gen_search_told(&s, 1000, again ? lost_by(250e3, rate, 1000) : 5);
		before = again ? 0 : rate;
	}
	CU_ASSERT(s.best <= 250e3 && s.best >= 245e3);
}

static void test_limits(void)
{
	struct gen_search s;
	double rate;

	// loss at the limit passes, one packet more does not
	gen_search_init(&s, 10, 10, 0.001);
	CU_ASSERT(gen_search_next(&s, &rate));
	gen_search_told(&s, 10000, 10);
	CU_ASSERT_EQUAL(s.best, 10);
	gen_search_init(&s, 10, 10, 0.001);
	while (gen_search_next(&s, &rate))
		gen_search_told(&s, 10000, 11);
	CU_ASSERT_EQUAL(s.best, 0);
	// nothing sent proves nothing
	gen_search_init(&s, 10, 20, 0.5);
	while (gen_search_next(&s, &rate))
		gen_search_told(&s, 0, 0);
	CU_ASSERT_EQUAL(s.best, 0);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"knees", test_knees},
		{"hiccups", test_hiccups},
		{"limits", test_limits},
		CU_TEST_INFO_NULL,
	};
	return test_run("gen/search", tests);
}
