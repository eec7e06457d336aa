#include <CUnit/Basic.h>
#include <rte_cycles.h>

#include "dataplane/idle.h"
#include "tests/unit/dataplane/eal.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

/* No test says how long a wait may take at most: that is the kernel's, and other users'. */

static struct dp_idle make(uint32_t max_us)
{
	const struct dp_idle_config cfg = {DP_IDLE_ADAPTIVE, max_us};
	struct dp_idle i = {0};

	dp_idle_init(&i, &cfg, NULL, 0);
	return i;
}

static void test_choice(void)
{
	static const struct {
		const char *name;
		enum dp_idle_mode mode;
		bool pause, monitor;
		enum dp_idle_way expect;
	} rows[] = {
		{"poll", DP_IDLE_POLL, true, true, DP_IDLE_SPIN},
		{"adaptive", DP_IDLE_ADAPTIVE, false, false, DP_IDLE_SLEEP},
		{"adaptive gives the CPU back", DP_IDLE_ADAPTIVE, true, true, DP_IDLE_SLEEP},
		{"power", DP_IDLE_POWER, true, true, DP_IDLE_UMWAIT},
		{"no place to look at", DP_IDLE_POWER, true, false, DP_IDLE_PAUSE},
		{"an old CPU", DP_IDLE_POWER, false, false, DP_IDLE_SLEEP},
	};

	for (unsigned r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
		UNIT_CHECK(rows[r].name, dp_idle_choose(rows[r].mode, rows[r].pause,
						 rows[r].monitor) == rows[r].expect);
}

/* Nothing for 50 us, then half of the silence, up to the bound. */
static void test_span(void)
{
	struct dp_idle i = make(200);
	uint64_t us = i.cycles_per_us, t0 = i.last_work = UINT64_C(1) << 40;

	CU_ASSERT_EQUAL(dp_idle_span(&i, t0), 0);
	CU_ASSERT_EQUAL(dp_idle_span(&i, t0 + 50 * us - 1), 0);
	CU_ASSERT_EQUAL(dp_idle_span(&i, t0 + 50 * us), 25 * us);
	CU_ASSERT_EQUAL(dp_idle_span(&i, t0 + 398 * us), 199 * us);
	CU_ASSERT_EQUAL(dp_idle_span(&i, t0 + 400 * us), 200 * us);
	CU_ASSERT_EQUAL(dp_idle_span(&i, t0 + 402 * us), 200 * us);
	CU_ASSERT_EQUAL(dp_idle_span(&i, t0 + (UINT64_C(1) << 50)), 200 * us);
	// a TSC that went backwards
	CU_ASSERT_EQUAL(dp_idle_span(&i, t0 - 1), 0);
}

static void test_bounds(void)
{
	struct dp_idle i = make(0);

	CU_ASSERT_EQUAL(i.max_cycles, DP_IDLE_DEFAULT_US * i.cycles_per_us);
	i = make(DP_IDLE_MAX_US);
	CU_ASSERT_EQUAL(i.max_cycles, DP_IDLE_MAX_US * i.cycles_per_us);
	i = make(DP_IDLE_MAX_US + 1);
	CU_ASSERT_EQUAL(i.max_cycles, DP_IDLE_MAX_US * i.cycles_per_us);
}

/* Work ends the silence, and no work is needed to spin. */
static void test_turns(void)
{
	struct dp_idle i = make(100);
	uint64_t t = i.last_work + 1000 * i.cycles_per_us;

	dp_idle_turn(&i, 1, t);
	CU_ASSERT_EQUAL(i.last_work, t);
	dp_idle_turn(&i, 0, t + 49 * i.cycles_per_us);
	CU_ASSERT_EQUAL(i.waits, 0);
	dp_idle_turn(&i, 0, t + 50 * i.cycles_per_us);
	CU_ASSERT_EQUAL(i.waits, 1);
	CU_ASSERT_EQUAL(i.last_work, t);
	dp_idle_turn(&i, 3, t + 60 * i.cycles_per_us);
	dp_idle_turn(&i, 0, t + 60 * i.cycles_per_us);
	CU_ASSERT_EQUAL(i.waits, 1);
	i.way = DP_IDLE_SPIN;
	dp_idle_turn(&i, 0, t + (UINT64_C(1) << 40));
	CU_ASSERT_EQUAL(i.waits, 1);
}

/* The kernel is asked for the whole span: never less. */
static void test_sleep(void)
{
	struct dp_idle i = make(1000);
	uint64_t before;

	dp_idle_begin(&i);
	for (unsigned n = 0; n < 50; n++) {
		before = rte_rdtsc();
		i.last_work = before - 10000 * i.cycles_per_us;
		dp_idle_turn(&i, 0, before);
		CU_ASSERT(rte_rdtsc() - before >= 999 * i.cycles_per_us);
	}
	CU_ASSERT(i.waited_cycles >= UINT64_C(50) * 999 * i.cycles_per_us);
	CU_ASSERT_EQUAL(i.waits, 50);
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"what the machine has", test_choice},
		{"how long", test_span},
		{"bounds", test_bounds},
		{"turns", test_turns},
		{"a sleep", test_sleep},
		CU_TEST_INFO_NULL,
	};

	(void)argc;
	test_eal_start(argv[0]);
	return test_run("dataplane/idle", tests);
}
