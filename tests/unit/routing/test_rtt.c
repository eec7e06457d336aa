#include "routing/rtt.h"
#include "tests/unit/routing/fixture.h"
#include "tests/unit/run.h"

struct world {
	struct route_config c;
	struct route_paths *p;
	struct route_rtts *r;
	struct route_sample *s;
	uint64_t now_ms;
};

static void setup(struct world *w)
{
	*w = (struct world){.now_ms = 1};
	fix_usual(&w->c);
	w->c.zones[1].orders[0].policy = ROUTE_FASTEST;
	CU_ASSERT_EQUAL_FATAL(route_paths_new(&w->p), 0);
	CU_ASSERT_EQUAL_FATAL(route_paths_sync(w->p, &w->c), 0);
	CU_ASSERT_EQUAL_FATAL(route_rtts_new(&w->r), 0);
	w->s = fix_alloc(route_paths_count(w->p), sizeof(*w->s));
}

static void teardown(struct world *w)
{
	free(w->s);
	route_rtts_free(w->r);
	route_paths_free(w->p);
	route_config_fini(&w->c);
}

static void measure_one(struct world *w, const char *site, uint8_t family, uint64_t rtt_us)
{
	struct route_sample *s = &w->s[fix_path(w->p, "com.", site, family)->id];

	s->rtt_us_sum += 3 * rtt_us;
	s->rtt_count += 3;
}

static void measure(struct world *w, const char *site, uint64_t rtt_us)
{
	measure_one(w, site, 4, rtt_us);
	measure_one(w, site, 6, rtt_us);
}

/* Seconds of traffic. @return how often a table was asked for */
static unsigned run(struct world *w, unsigned seconds, uint64_t sin, uint64_t nrt, uint64_t jitter)
{
	unsigned moved = 0;
	uint64_t seed = 3;

	for (unsigned i = 0; i < seconds * 1000 / ROUTE_JUDGE_TICK_MS; i++) {
		measure(w, "sin", sin + fix_random(&seed) % (jitter + 1));
		measure(w, "nrt", nrt + fix_random(&seed) % (jitter + 1));
		w->now_ms += ROUTE_JUDGE_TICK_MS;
		moved += route_rtts_tick(w->r, &w->c, w->p, w->s, w->now_ms);
	}
	return moved;
}

static uint32_t used(struct world *w, const char *site)
{
	return fix_path(w->p, "com.", site, 4)->rtt_us;
}

static void smoothed(void)
{
	struct world w;
	uint16_t id;

	setup(&w);
	id = fix_path(w.p, "com.", "sin", 4)->id;
	CU_ASSERT_EQUAL(route_rtts_of(w.r, id), 0);
	measure(&w, "sin", 8000);
	route_rtts_tick(w.r, &w.c, w.p, w.s, 1);
	CU_ASSERT_EQUAL(route_rtts_of(w.r, id), 8000);
	route_rtts_tick(w.r, &w.c, w.p, w.s, 2); // silence is no measurement
	CU_ASSERT_EQUAL(route_rtts_of(w.r, id), 8000);
	measure(&w, "sin", 16000);
	route_rtts_tick(w.r, &w.c, w.p, w.s, 3);
	CU_ASSERT_EQUAL(route_rtts_of(w.r, id), 9000);
	w.s[id].rtt_us_sum = w.s[id].rtt_count = 1; // counters that fell
	route_rtts_tick(w.r, &w.c, w.p, w.s, 4);
	CU_ASSERT_EQUAL(route_rtts_of(w.r, id), 9000);
	route_rtts_forget(w.r, id);
	CU_ASSERT_EQUAL(route_rtts_of(w.r, id), 0);
	teardown(&w);
}

static void moves_with_hysteresis(void)
{
	struct world w;

	setup(&w);
	CU_ASSERT_EQUAL(run(&w, 20, 20000, 30000, 4000), 1); // measured for the first time
	CU_ASSERT(used(&w, "sin") >= 20000 && used(&w, "sin") <= 24000);
	CU_ASSERT_EQUAL(run(&w, 60, 20000, 19000, 4000), 0); // jitter, and a little faster
	CU_ASSERT_EQUAL(run(&w, 20, 20000, 12000, 0), 1);
	CU_ASSERT(used(&w, "nrt") < 13500);
	CU_ASSERT_EQUAL(run(&w, 20, 11000, 12000, 0), 0);
	teardown(&w);
}

static void small_times_and_states(void)
{
	struct world w;

	setup(&w);
	CU_ASSERT_EQUAL(run(&w, 5, 900, 1000, 0), 1);
	CU_ASSERT_EQUAL(run(&w, 20, 900, 100, 0), 0); // below a millisecond
	CU_ASSERT_EQUAL(run(&w, 20, 9000, 5000, 0), 1);
	for (uint8_t family = 4; family <= 6; family += 2)
		fix_path(w.p, "com.", "nrt", family)->state = ROUTE_FAILING;
	CU_ASSERT_EQUAL(run(&w, 20, 90000, 50, 0), 0); // no RTT makes up for a state
	teardown(&w);
}

/* Seconds of traffic with sin at `sin` by one family and at 2 ms by the other. */
static unsigned run_apart(struct world *w, unsigned seconds, uint8_t family, uint64_t sin)
{
	unsigned moved = 0;

	for (unsigned i = 0; i < seconds * 1000 / ROUTE_JUDGE_TICK_MS; i++) {
		measure_one(w, "sin", family, sin);
		measure_one(w, "sin", 10 - family, 2000);
		measure(w, "nrt", 20000);
		w->now_ms += ROUTE_JUDGE_TICK_MS;
		moved += route_rtts_tick(w->r, &w->c, w->p, w->s, w->now_ms);
	}
	return moved;
}

/* Only addresses that clients are sent to say how fast their site is: those in its best state and
 * of a family that the server has. The others stay fast here, and the mean of both below nrt's. */
static void only_addresses_in_use_count(void)
{
	static const struct {
		uint8_t family; // in use
		enum route_state in_use, other;
		unsigned families;
	} rows[] = {
		{4, ROUTE_UP, ROUTE_FAILING, 0},
		{6, ROUTE_UP, ROUTE_FAILING, 0},
		{4, ROUTE_UP, ROUTE_DRAINED, 3},
		{6, ROUTE_UP, ROUTE_PROBATION, 3},
		{4, ROUTE_UP, ROUTE_UP, 1},
		{6, ROUTE_UP, ROUTE_UP, 2},
		{4, ROUTE_FAILING, ROUTE_UP, 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t family = rows[i].family;
		struct world w;

		setup(&w);
		w.c.families = rows[i].families;
		fix_path(w.p, "com.", "sin", family)->state = rows[i].in_use;
		fix_path(w.p, "com.", "sin", 10 - family)->state = rows[i].other;
		CU_ASSERT_EQUAL(run_apart(&w, 5, family, 10000), 1); // for the first time
		CU_ASSERT_EQUAL(run_apart(&w, 20, family, 36000), rows[i].in_use == ROUTE_UP);
		teardown(&w);
	}
}

static void other_policies_ask_for_nothing(void)
{
	struct world w;

	setup(&w);
	w.c.zones[1].orders[0].policy = ROUTE_WEIGHTED;
	CU_ASSERT_EQUAL(run(&w, 10, 20000, 3000, 0), 0);
	CU_ASSERT_EQUAL(used(&w, "nrt"), 0);
	teardown(&w);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"smoothed", smoothed},
		{"moves with hysteresis", moves_with_hysteresis},
		{"small times, and states", small_times_and_states},
		{"only addresses in use count", only_addresses_in_use_count},
		{"other policies ask for nothing", other_policies_ask_for_nothing},
		CU_TEST_INFO_NULL,
	};

	return test_run("routing/rtt", tests);
}
