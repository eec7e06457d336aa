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

int main(void)
{
	CU_TestInfo tests[] = {
		{"every fault is found, nobody is wronged", every_fault_is_found},
		{"nothing moves in quiet", nothing_moves_in_quiet},
		{"ticks may be left out", ticks_may_be_left_out},
		CU_TEST_INFO_NULL,
	};

	return test_run("sim", tests);
}
