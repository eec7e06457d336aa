#include "routing/window_priv.h"
#include "tests/unit/routing/fixture.h"
#include "tests/unit/run.h"

/* Every tick's outcomes, kept for ever: what the window's two resolutions are compared with. */
enum { TICKS = 2000 };

struct naive {
	uint64_t ms[TICKS];
	uint32_t n[TICKS][ROUTE_O_MAX];
	unsigned ticks;
};

static uint32_t naive_since(const struct naive *v, uint64_t ms, enum route_outcome o)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < v->ticks; i++)
		n += v->ms[i] >= ms ? v->n[i][o] : 0;
	return n;
}

static uint64_t naive_nth(const struct naive *v, enum route_outcome o, uint32_t count)
{
	uint32_t n = 0;

	for (unsigned i = v->ticks; i-- > 0;) {
		n += v->n[i][o];
		if (n >= count)
			return v->ms[i];
	}
	return 0;
}

static void as_the_naive_one(void)
{
	struct naive *v = fix_alloc(1, sizeof(*v));
	struct route_window *w = fix_alloc(1, sizeof(*w));
	struct route_sample s = {0};
	struct route_clock c;
	uint64_t seed = 4, now_ms = 12345;
	unsigned wrong = 0;

	route_clock_init(&c, 10000);
	route_clock_advance(&c, now_ms);
	route_window_absorb(w, &c, &s);
	while (v->ticks < TICKS) {
		struct route_tally t;
		uint64_t since, nth;

		now_ms += fix_random(&seed) % 40 == 0 ? fix_random(&seed) % 3000 : 50;
		v->ms[v->ticks] = now_ms;
		for (unsigned k = 0; k < 3; k++) {
			uint32_t n =
				fix_random(&seed) % 4 == 0 ? (uint32_t)(fix_random(&seed) % 9) : 0;
			unsigned o = (unsigned)(fix_random(&seed) % ROUTE_O_MAX);

			v->n[v->ticks][o] += n;
			s.outcome[o] += n;
		}
		v->ticks++;
		route_clock_advance(&c, now_ms);
		route_window_absorb(w, &c, &s);

		// exact within the fine ticks
		since = v->ticks > 20 ? v->ms[v->ticks - 1 - fix_random(&seed) % 20] : now_ms;
		route_window_since(w, &c, since, &t);
		wrong += t.n[ROUTE_C_SILENT] != naive_since(v, since, ROUTE_O_TIMEOUT);
		// to a bucket beyond them
		since = now_ms - 7000;
		route_window_since(w, &c, since, &t);
		wrong += t.n[ROUTE_C_SILENT] < naive_since(v, since, ROUTE_O_TIMEOUT) ||
			 t.n[ROUTE_C_SILENT] > naive_since(v, since - 500, ROUTE_O_TIMEOUT);
		// the whole window: 19 to 20 buckets
		route_window_all(w, &t);
		wrong += t.n[ROUTE_C_SILENT] > naive_since(v, now_ms - 10000, ROUTE_O_TIMEOUT) ||
			 t.n[ROUTE_C_SILENT] < naive_since(v, now_ms - 9500, ROUTE_O_TIMEOUT);
		nth = route_window_nth(w, &c, ROUTE_M_SILENT, 3);
		if (nth != 0)
			wrong += nth > naive_nth(v, ROUTE_O_TIMEOUT, 3) ||
				 nth + 500 < naive_nth(v, ROUTE_O_TIMEOUT, 3);
		else
			wrong += t.n[ROUTE_C_SILENT] >= 3;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	free(w);
	free(v);
}

static void absurd_counts_do_not_wrap(void)
{
	struct route_window *w = fix_alloc(1, sizeof(*w));
	struct route_sample s = {0};
	struct route_clock c;
	struct route_tally t;

	route_clock_init(&c, 10000);
	for (unsigned i = 0; i < 1000; i++) {
		route_clock_advance(&c, 1000 + i * 50);
		route_window_absorb(w, &c, &s);
		for (unsigned o = 0; o < ROUTE_O_MAX; o++) {
			s.outcome[o] += 1ull << 52;
			s.refuted[o] += 1ull << 52;
		}
	}
	route_window_all(w, &t);
	for (unsigned k = 0; k < ROUTE_CLASSES; k++)
		CU_ASSERT(t.n[k] > 1000000);
	CU_ASSERT(route_tally_total(&t) > t.n[ROUTE_C_GOOD]);
	CU_ASSERT(route_window_refuted(w, ROUTE_M_SIG) > 1000000);
	free(w);
}

static void runs(void)
{
	struct route_window *w = fix_alloc(1, sizeof(*w));
	struct route_sample s = {0};
	struct route_clock c;
	uint64_t now_ms = 1000, first_ms;

	route_clock_init(&c, 10000);
	route_clock_advance(&c, now_ms);
	route_window_absorb(w, &c, &s);
	s.outcome[ROUTE_O_SECURE] = 5;
	route_clock_advance(&c, now_ms += 50);
	route_window_absorb(w, &c, &s);
	CU_ASSERT_EQUAL(w->good_run, 5);
	s.outcome[ROUTE_O_TIMEOUT] = 1;
	route_clock_advance(&c, now_ms += 50);
	route_window_absorb(w, &c, &s);
	CU_ASSERT_EQUAL(w->good_run, 0);
	CU_ASSERT_EQUAL(w->silent_run, 1);
	s.outcome[ROUTE_O_BOGUS] = 1;
	route_clock_advance(&c, first_ms = now_ms += 50);
	route_window_absorb(w, &c, &s);
	CU_ASSERT_EQUAL(w->silent_run, 0);
	CU_ASSERT_EQUAL(w->onset_ms[ROUTE_C_SIG], first_ms);
	s.outcome[ROUTE_O_BOGUS] = 4;
	route_clock_advance(&c, now_ms += 5000); // half a window: the same run
	route_window_absorb(w, &c, &s);
	CU_ASSERT_EQUAL(w->onset_ms[ROUTE_C_SIG], first_ms);
	s.outcome[ROUTE_O_EXPIRED] = 1;
	route_clock_advance(&c, now_ms += 5001);
	route_window_absorb(w, &c, &s);
	CU_ASSERT_EQUAL(w->onset_ms[ROUTE_C_SIG], now_ms);
	CU_ASSERT_EQUAL(route_window_worst(w, ROUTE_M_SIG), ROUTE_O_BOGUS);
	CU_ASSERT_EQUAL(route_window_worst(w, ROUTE_M_ODD), ROUTE_O_MAX);
	free(w);
}

static void nearest_expiration_is_of_fresh_answers(void)
{
	struct route_window *w = fix_alloc(1, sizeof(*w));
	struct route_sample s = {0};
	struct route_clock c;
	uint32_t nearest = 7;

	route_clock_init(&c, 10000);
	route_clock_advance(&c, 1000);
	s.nearest_expiration = 500;
	s.outcome[ROUTE_O_SECURE] = 9;
	route_window_absorb(w, &c, &s); // the base
	route_clock_advance(&c, 1050);
	route_window_absorb(w, &c, &s); // nothing new
	CU_ASSERT_EQUAL(route_window_secure(w, &nearest), 0);
	CU_ASSERT_EQUAL(nearest, 7);
	s.outcome[ROUTE_O_SECURE]++;
	s.nearest_expiration = 0xfffffff0; // before the wrap: nearer than 500
	route_clock_advance(&c, 1100);
	route_window_absorb(w, &c, &s);
	s.outcome[ROUTE_O_SECURE]++;
	s.nearest_expiration = 500;
	route_clock_advance(&c, 41000);
	route_window_absorb(w, &c, &s);
	CU_ASSERT_EQUAL(route_window_secure(w, &nearest), 2);
	CU_ASSERT_EQUAL(nearest, 0xfffffff0);
	route_clock_advance(&c, 61000); // the first one is six windows old
	route_window_absorb(w, &c, &s);
	CU_ASSERT_EQUAL(route_window_secure(w, &nearest), 1);
	CU_ASSERT_EQUAL(nearest, 500);
	free(w);
}

static void clock_that_goes_back_stands_still(void)
{
	struct route_clock c;

	route_clock_init(&c, 10000);
	route_clock_advance(&c, 5000);
	route_clock_advance(&c, 10);
	CU_ASSERT_EQUAL(c.now_ms, 5000);
	route_clock_init(&c, 1);
	CU_ASSERT_EQUAL(c.bucket_ms, 1);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"as the naive one", as_the_naive_one},
		{"absurd counts do not wrap", absurd_counts_do_not_wrap},
		{"runs", runs},
		{"the nearest expiration is of fresh answers",
			nearest_expiration_is_of_fresh_answers},
		{"a clock that goes back stands still", clock_that_goes_back_stands_still},
		CU_TEST_INFO_NULL,
	};

	return test_run("routing/window", tests);
}
