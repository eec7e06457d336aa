#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/edge.h"
#include "tests/unit/run.h"

/* The simulation in small: every kind of fault at one site in five, and hours without any. */
enum { SITES = 10, ROUNDS = 1 };

static void run(unsigned edges, bool every_tick, const struct sim_plan *plan, struct sim_score *s)
{
	if (sim_score_init(s, SITES, plan) != 0)
		abort();
	for (unsigned i = 0; i < edges; i++) {
		struct sim_edge_config c = {.region = i % SITES,
			.sites = SITES,
			.band = 3 - i % 2, // 30 and 10 questions a second
			.seed = 7,
			.limit_percent = 100,
			.every_tick = every_tick};

		sim_edge_live(&c, plan, s);
	}
}

/* Each zone has another second choice: neither takes much more than half of what a site carried. */
static void check_takers(const struct sim_score *s, const struct sim_plan *plan)
{
	double parts[SIM_PLAN_MAX * SITES];
	size_t n = sim_score_takeover(s, plan, parts);

	CU_ASSERT(n > 0 && parts[0] > 0.4 && parts[n - 1] < 0.6);
}

static void every_fault_is_found(void)
{
	struct sim_plan plan = {0};
	struct sim_score s;
	size_t missed, n;
	uint32_t *times;

	sim_plan_faults(&plan, ROUNDS);
	run(1, false, &plan, &s); // of region 0, whose first site is struck
	times = calloc(s.record_count, sizeof(*times));
	for (enum sim_kind k = SIM_EXPIRED; k < SIM_ZONE && times != NULL; k++) {
		n = sim_score_times(&s, k, true, SIM_BANDS, times, &missed);
		if (n != 4 || missed != 0)
			fprintf(stderr, "%s: %zu found\n", sim_kind_name(k), n);
		CU_ASSERT(n == 4 && missed == 0); // two zones, two families
	}
	n = sim_score_times(&s, SIM_STALE, true, SIM_BANDS, times, &missed);
	CU_ASSERT(n > 0 && times[n - 1] < SIM_STALE_OVER_S * 1000); // before anything was over
	CU_ASSERT_EQUAL(s.wrong_calm + s.wrong_near + s.wrong_control - s.withdrawn, 0);
	CU_ASSERT_EQUAL(s.flaps, 0);
	CU_ASSERT_EQUAL(s.last_path, 0);
	CU_ASSERT_EQUAL(s.unreturned, 0);
	CU_ASSERT(s.held_zone > 0 && s.held_ours > 0);
	check_takers(&s, &plan);
	free(times);
	sim_score_fini(&s);
}

static void nothing_moves_in_quiet(void)
{
	struct sim_plan plan = {0};
	struct sim_score s;

	sim_plan_calm(&plan, 3 * 3600 * 1000);
	run(2, false, &plan, &s);
	CU_ASSERT_EQUAL(s.wrong_calm, 0);
	CU_ASSERT_EQUAL(s.log_hash, 0); // no finding at all
	CU_ASSERT(s.asked > 0 && s.probes > 0);
	sim_score_fini(&s);
}

/* Ticks that are left out change no finding and no time of one. */
static void ticks_may_be_left_out(void)
{
	struct sim_plan plan = {0};
	struct sim_score some, all;

	sim_plan_faults(&plan, 0); // the control groups: findings of every zone
	sim_plan_calm(&plan, 3600 * 1000);
	sim_plan_faults(&plan, ROUNDS);
	run(1, false, &plan, &some); // of region 0, whose first site is struck
	run(1, true, &plan, &all);
	CU_ASSERT(some.log_hash != 0);
	CU_ASSERT_EQUAL(some.log_hash, all.log_hash);
	CU_ASSERT_EQUAL(some.sent, all.sent);
	CU_ASSERT(some.ticks < all.ticks);
	sim_score_fini(&some);
	sim_score_fini(&all);
}

/* One edge at 30 questions a second, whose first site is bad for ten minutes. */
static void run_limited(unsigned limit_percent, struct sim_score *s)
{
	struct sim_plan plan = {.count = 1, .end_ms = 20 * 60 * 1000};
	struct sim_edge_config c = {
		.sites = SITES, .band = 3, .seed = 7, .limit_percent = limit_percent};

	plan.fault[0] = (struct sim_fault){.kind = SIM_BOGUS,
		.families = 3,
		.from_ms = 5 * 60 * 1000,
		.until_ms = 15 * 60 * 1000};
	if (sim_score_init(s, SITES, &plan) != 0)
		abort();
	sim_edge_live(&c, &plan, s);
}

static bool is_near(const struct sim_taking *t, unsigned place, double share)
{
	double n = (double)t->asked, deviation = sqrt(n * share * (1 - share));

	return fabs((double)t->taken[place] - n * share) <= SIM_LIMIT_DEVIATIONS * deviation;
}

/* Who takes over has what the limit says; without one, the second in the order has all. */
static void takers_keep_limits(void)
{
	static const struct {
		unsigned limit, told, few; // two zones
		double share[SIM_PLACES];
	} rows[] = {
		{100, 0, 2, {0, 1, 0, 0}}, {60, 4, 0, {0, 0.6, 0.4, 0}},
		{40, 6, 0, {0, 0.4, 0.4, 0.2}}, {20, 6, 0, {0, 1 / 3.0, 1 / 3.0, 1 / 3.0}}, // grown
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sim_score s;
		const struct sim_takers *t = &s.takers;

		run_limited(rows[i].limit, &s);
		CU_ASSERT_EQUAL(t->told, rows[i].told);
		CU_ASSERT_EQUAL(t->few, rows[i].few);
		CU_ASSERT_EQUAL(t->beyond, 0);
		CU_ASSERT(t->all.asked > 15000);
		for (unsigned p = 0; p < SIM_PLACES; p++)
			CU_ASSERT(is_near(&t->all, p, rows[i].share[p]));
		if (t->beyond != 0)
			fprintf(stderr, "limit %u: %.1f deviations\n", rows[i].limit, t->excess);
		sim_score_fini(&s);
	}
}

static struct sim_takers takers_of(unsigned limit_percent, unsigned second, unsigned third)
{
	struct sim_taking t = {0};
	struct sim_takers s = {0};

	for (unsigned i = 0; i < second + third; i++)
		sim_taking_count(&t, i < second ? 1 : 2, limit_percent, 3);
	sim_takers_add(&s, &t);
	return s;
}

/* Of 200 with a limit of a half, 100 and 4 deviations of 7.07 are by chance: 128. */
static void what_is_beyond_a_limit(void)
{
	CU_ASSERT_EQUAL(takers_of(50, 128, 72).beyond, 0);
	CU_ASSERT_EQUAL(takers_of(50, 129, 71).beyond, 1);
	// of 162 with a limit that grows to a third, 54 and 4 deviations of 6
	CU_ASSERT_EQUAL(takers_of(20, 77, 85).beyond, 1);
	CU_ASSERT_EQUAL(takers_of(20, 79, 83).beyond, 2);
	CU_ASSERT_EQUAL(takers_of(50, 50, 49).few, 2);
	CU_ASSERT_EQUAL(takers_of(50, 50, 50).told, 2);
	CU_ASSERT_EQUAL(takers_of(90, 140, 0).few, 1); // all of them: 3.9 deviations
	CU_ASSERT_EQUAL(takers_of(90, 150, 0).beyond, 1);
	CU_ASSERT_EQUAL(takers_of(100, 1000, 0).few, 1); // no limit, nothing to tell
	CU_ASSERT_DOUBLE_EQUAL(takers_of(50, 128, 72).share, 0.64, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(takers_of(50, 128, 72).allowed, 0.5, 1e-9);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"every fault is found, nobody is wronged", every_fault_is_found},
		{"nothing moves in quiet", nothing_moves_in_quiet},
		{"ticks may be left out", ticks_may_be_left_out},
		{"who takes over keeps share limits", takers_keep_limits},
		{"what is beyond a share limit", what_is_beyond_a_limit},
		CU_TEST_INFO_NULL,
	};

	return test_run("sim", tests);
}
