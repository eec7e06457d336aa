#include <errno.h>

#include "routing/judge.h"
#include "tests/unit/routing/fixture.h"
#include "tests/unit/run.h"

/* One judge remembers, another one, under another clock, goes on from there. */

enum { EPOCH = 1700000000 };

struct life {
	struct route_config c;
	struct route_paths *p;
	struct route_judge *j;
	struct route_sample *s;
	uint64_t now_ms;
	size_t findings;
	struct route_path *sin;
};

static void life_begin(struct life *w, uint64_t now_ms)
{
	struct route_judge_params params;

	memset(w, 0, sizeof(*w));
	fix_usual(&w->c);
	route_judge_defaults(&params);
	if (route_paths_new(&w->p) != 0 || route_paths_sync(w->p, &w->c) != 0 ||
		route_judge_new(&params, &w->j) != 0)
		abort();
	w->s = fix_alloc(route_paths_count(w->p), sizeof(*w->s));
	w->now_ms = now_ms;
	w->sin = fix_path(w->p, "com.", "sin", 4);
}

static void life_end(struct life *w)
{
	route_judge_free(w->j);
	route_paths_free(w->p);
	route_config_fini(&w->c);
	free(w->s);
}

static void tick(struct life *w)
{
	struct route_finding f[8];

	w->now_ms += ROUTE_JUDGE_TICK_MS;
	w->findings += route_judge_tick(w->j, w->p, w->s, w->now_ms, EPOCH, f, 8);
}

/* @return ms until the path is in this state, 0: not within limit_ms */
static uint64_t time_to(struct life *w, enum route_state state, uint64_t limit_ms)
{
	uint64_t begun = w->now_ms;

	while (w->sin->state != state && w->now_ms - begun < limit_ms)
		tick(w);
	return w->sin->state == state ? w->now_ms - begun : 0;
}

static void answer(struct life *w, const char *site, enum route_outcome o, unsigned n)
{
	w->s[fix_path(w->p, "com.", site, 4)->id].outcome[o] += n;
}

/* sin's IPv4 fails while nrt answers well. */
static void fail(struct life *w)
{
	tick(w); // the base
	for (unsigned i = 0; i < 20; i++) {
		answer(w, "sin", ROUTE_O_EXPIRED, 5);
		answer(w, "nrt", ROUTE_O_SECURE, 5);
		tick(w);
	}
	CU_ASSERT_EQUAL(w->sin->state, ROUTE_FAILING);
}

static void carry(const struct life *from, struct life *to)
{
	struct route_judge_memory m;

	CU_ASSERT_EQUAL_FATAL(route_judge_remember(from->j, from->sin->id, &m), 0);
	CU_ASSERT_EQUAL(m.state, from->sin->state);
	to->sin->state = m.state;
	route_judge_recall(to->j, to->sin->id, &m, to->now_ms);
}

static void test_failing(void)
{
	struct life a, b;

	life_begin(&a, 1000000);
	life_begin(&b, 500); // younger than what it is told
	fail(&a);
	for (unsigned i = 0; i < 20000 / ROUTE_JUDGE_TICK_MS; i++)
		tick(&a);
	carry(&a, &b);
	uint64_t left = time_to(&a, ROUTE_PROBATION, 120000);
	CU_ASSERT(left > 35000 && left < 45000);
	// its clock is younger: what it cannot express is waited for again
	CU_ASSERT(time_to(&b, ROUTE_PROBATION, 120000) >= left);
	life_end(&a);
	life_end(&b);
}

static void test_same_wait(void)
{
	struct life a, b;

	life_begin(&a, 1000000);
	life_begin(&b, 90000000);
	fail(&a);
	for (unsigned i = 0; i < 20000 / ROUTE_JUDGE_TICK_MS; i++)
		tick(&a);
	carry(&a, &b);
	uint64_t left = time_to(&a, ROUTE_PROBATION, 120000);
	CU_ASSERT_EQUAL(time_to(&b, ROUTE_PROBATION, 120000), left);
	CU_ASSERT_EQUAL(b.findings, 1); // probation, and nothing else
	life_end(&a);
	life_end(&b);
}

/* A relapse after the restart waits twice as long, as one before it would have. */
static void test_strikes(void)
{
	struct life a, b;
	struct route_judge_info info;

	life_begin(&a, 1000000);
	life_begin(&b, 2000000);
	fail(&a);
	carry(&a, &b);
	time_to(&b, ROUTE_PROBATION, 120000);
	answer(&b, "sin", ROUTE_O_EXPIRED, 5);
	tick(&b);
	CU_ASSERT_EQUAL(b.sin->state, ROUTE_FAILING);
	CU_ASSERT_EQUAL(route_judge_path_info(b.j, b.sin->id, &info), 0);
	CU_ASSERT_EQUAL(info.returns_after_ms, 120000);
	life_end(&a);
	life_end(&b);
}

/* Nine good ones before the restart and one after it are ten. */
static void test_probation(void)
{
	struct life a, b;

	life_begin(&a, 1000000);
	life_begin(&b, 2000000);
	fail(&a);
	time_to(&a, ROUTE_PROBATION, 120000);
	answer(&a, "sin", ROUTE_O_SECURE, 9);
	tick(&a);
	CU_ASSERT_EQUAL(a.sin->state, ROUTE_PROBATION);
	carry(&a, &b);
	tick(&b);
	tick(&b);
	CU_ASSERT_EQUAL(b.sin->state, ROUTE_PROBATION);
	answer(&b, "sin", ROUTE_O_SECURE, 1);
	tick(&b);
	CU_ASSERT_EQUAL(b.sin->state, ROUTE_UP);
	life_end(&a);
	life_end(&b);
}

/* What lagged must show a newer signature, whoever asks. */
static void test_lag_inception(void)
{
	struct life b;
	struct route_judge_memory m = {.state = ROUTE_PROBATION,
		.age_ms = 1000,
		.quiet_ms = 1000,
		.good_run = 10,
		.lag_inception = EPOCH - 5000};

	life_begin(&b, 2000000);
	b.sin->state = m.state;
	route_judge_recall(b.j, b.sin->id, &m, b.now_ms);
	for (unsigned i = 0; i < 4; i++) {
		b.s[b.sin->id].newest_inception = EPOCH - 5000;
		answer(&b, "sin", ROUTE_O_SECURE, 5);
		tick(&b);
	}
	CU_ASSERT_EQUAL(b.sin->state, ROUTE_PROBATION);
	b.s[b.sin->id].newest_inception = EPOCH - 4999;
	answer(&b, "sin", ROUTE_O_SECURE, 5);
	tick(&b);
	CU_ASSERT_EQUAL(b.sin->state, ROUTE_UP);
	life_end(&b);
}

static void test_limits(void)
{
	struct life b;
	struct route_judge_memory m = {.state = ROUTE_FAILING,
		.age_ms = UINT64_MAX,
		.quiet_ms = UINT64_MAX,
		.good_run = UINT32_MAX,
		.strikes = 255};
	struct route_judge_memory again;

	life_begin(&b, 2000000);
	CU_ASSERT_EQUAL(route_judge_remember(b.j, 0, &again), -ENOENT);
	CU_ASSERT_EQUAL(route_judge_remember(b.j, ROUTE_PATHS_MAX, &again), -ENOENT);
	route_judge_recall(b.j, ROUTE_PATHS_MAX, &m, b.now_ms); // no such path: nothing
	b.sin->state = m.state;
	route_judge_recall(b.j, b.sin->id, &m, b.now_ms);
	tick(&b);
	CU_ASSERT_EQUAL(route_judge_remember(b.j, b.sin->id, &again), 0);
	CU_ASSERT(again.strikes < 10);
	CU_ASSERT(again.good_run <= 10);
	CU_ASSERT(again.age_ms <= b.now_ms);
	CU_ASSERT(again.quiet_ms <= again.age_ms);
	life_end(&b);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"failing, under a younger clock", test_failing},
		{"failing waits the same time", test_same_wait},
		{"strikes", test_strikes},
		{"probation", test_probation},
		{"lagging", test_lag_inception},
		{"limits", test_limits},
		CU_TEST_INFO_NULL,
	};
	return test_run("routing/memory", tests);
}
