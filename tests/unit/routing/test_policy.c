#include <errno.h>
#include <math.h>

#include "tests/unit/routing/fixture.h"
#include "tests/unit/run.h"

/* What policies, groups and limits come to in a table: zone com., as clients in apac see it. */

enum { COM = 1, APAC = 0, PATHS = 6, DRAWS = 20000 };

struct world {
	struct route_config c;
	struct route_order_config *order;
	struct route_paths *p;
	struct route_table *t;
	uint64_t seed;
};

static void rebuild(struct world *w)
{
	route_table_free(w->t);
	w->t = NULL;
	CU_ASSERT_EQUAL_FATAL(route_table_new(&w->c, w->p, "apac", 7, &fix_key, &w->t), 0);
}

static void setup(struct world *w, enum route_policy policy)
{
	*w = (struct world){.seed = 11};
	fix_usual(&w->c);
	w->order = &w->c.zones[COM].orders[0];
	w->order->policy = policy;
	CU_ASSERT_EQUAL_FATAL(route_paths_new(&w->p), 0);
	CU_ASSERT_EQUAL_FATAL(route_paths_sync(w->p, &w->c), 0);
}

static void teardown(struct world *w)
{
	route_table_free(w->t);
	route_paths_free(w->p);
	route_config_fini(&w->c);
}

static void set_state(struct world *w, const char *site, enum route_state s4, enum route_state s6)
{
	fix_path(w->p, "com.", site, 4)->state = s4;
	fix_path(w->p, "com.", site, 6)->state = s6;
}

static void set_rtt(struct world *w, const char *site, uint32_t rtt4_us, uint32_t rtt6_us)
{
	fix_path(w->p, "com.", site, 4)->rtt_us = rtt4_us;
	fix_path(w->p, "com.", site, 6)->rtt_us = rtt6_us;
}

/* By site, and by family within it: sin4 sin6 nrt4 nrt6 lax4 lax6, in percent. */
static bool shares_are(struct world *w, const double expect[PATHS])
{
	double share[PATHS];
	bool same = route_table_shares(w->t, COM, APAC, share, PATHS) == PATHS;

	for (unsigned i = 0; i < PATHS; i++)
		same &= fabs(100 * share[i] - expect[i]) < 0.05;
	for (unsigned i = 0; !same && i < PATHS; i++)
		fprintf(stderr, " %.2f", 100 * share[i]);
	return same;
}

/* Choices of a path, by rank. Given none tried or one. */
static void draw(
	struct world *w, unsigned families, const struct route_tried *tried, unsigned count[PATHS])
{
	struct route_choice all[PATHS], c;
	enum route_state states[PATHS];

	memset(count, 0, PATHS * sizeof(*count));
	route_table_paths(w->t, COM, APAC, all, states, PATHS);
	for (unsigned i = 0; i < DRAWS; i++) {
		CU_ASSERT_EQUAL_FATAL(route_table_choose(w->t, COM, APAC, families,
					      (uint32_t)(fix_random(&w->seed) >> 32), tried, &c),
			0);
		for (unsigned k = 0; k < PATHS; k++)
			count[k] += all[k].path == c.path;
	}
}

/*
 * Chi-square of a sample against shares in percent; at most 5 degrees of freedom, where 60 is
 * passed by chance once in 10^11 (and the seed is fixed).
 */
static bool fits(const unsigned count[PATHS], const double expect[PATHS])
{
	double sum = 0;

	for (unsigned i = 0; i < PATHS; i++) {
		double e = expect[i] / 100 * DRAWS;

		if (e <= 0 && count[i] > 0)
			return false;
		sum += e > 0 ? (count[i] - e) * (count[i] - e) / e : 0;
	}
	return sum < 60;
}

static void check(struct world *w, const char *name, const double expect[PATHS])
{
	static const struct route_tried none;
	unsigned count[PATHS];
	bool as_told, as_drawn;

	rebuild(w);
	as_told = shares_are(w, expect);
	draw(w, 3, &none, count);
	as_drawn = fits(count, expect);
	if (!as_told || !as_drawn)
		fprintf(stderr, "%s: %s\n", name, as_told ? "drawn otherwise" : "other shares");
	CU_ASSERT(as_told && as_drawn);
}
#define CHECK(w, name, ...) check(w, name, (const double[PATHS]){__VA_ARGS__})

/* ---- policies ---- */

static void weights(void)
{
	struct world w;

	setup(&w, ROUTE_WEIGHTED);
	fix_share(w.order, 0, 0, 5, 100);
	fix_share(w.order, 1, 0, 3, 100);
	fix_share(w.order, 2, 0, 2, 100);
	CHECK(&w, "all up", 25, 25, 15, 15, 10, 10);
	set_state(&w, "sin", ROUTE_FAILING, ROUTE_UP);
	CHECK(&w, "a site whose IPv4 fails keeps its share", 0, 50, 15, 15, 10, 10);
	set_state(&w, "sin", ROUTE_FAILING, ROUTE_LAGGING);
	CHECK(&w, "without the site", 0, 0, 30, 30, 20, 20);
	set_state(&w, "nrt", ROUTE_PROBATION, ROUTE_PROBATION);
	CHECK(&w, "up before probation", 0, 0, 0, 0, 50, 50);
	set_state(&w, "lax", ROUTE_LAGGING, ROUTE_DRAINED);
	CHECK(&w, "probation before lagging", 0, 0, 50, 50, 0, 0);
	set_state(&w, "nrt", ROUTE_FAILING, ROUTE_DRAINED);
	CHECK(&w, "lagging ones by weight", 0, 500 / 7.0, 0, 0, 200 / 7.0, 0);
	teardown(&w);
}

static void groups(void)
{
	struct world w;

	setup(&w, ROUTE_WEIGHTED);
	fix_share(w.order, 0, 0, 1, 100);
	fix_share(w.order, 1, 1, 3, 100);
	fix_share(w.order, 2, 1, 1, 100);
	CHECK(&w, "the first group", 50, 50, 0, 0, 0, 0);
	set_state(&w, "sin", ROUTE_PROBATION, ROUTE_FAILING);
	CHECK(&w, "the next one", 0, 0, 37.5, 37.5, 12.5, 12.5);
	set_state(&w, "nrt", ROUTE_FAILING, ROUTE_FAILING);
	set_state(&w, "lax", ROUTE_LAGGING, ROUTE_LAGGING);
	CHECK(&w, "probation in the first again", 100, 0, 0, 0, 0, 0);
	teardown(&w);
}

static void fastest(void)
{
	struct world w;

	setup(&w, ROUTE_FASTEST);
	CHECK(&w, "nothing known: as configured", 49, 49, .5, .5, .5, .5);
	set_rtt(&w, "lax", 30000, 0);
	CHECK(&w, "the only known one", .5, .5, .5, .5, 49, 49);
	set_rtt(&w, "sin", 20000, 22000);
	set_rtt(&w, "nrt", 5000, 50000);
	CHECK(&w, "mean of a site's addresses", 49, 49, .5, .5, .5, .5);
	set_state(&w, "nrt", ROUTE_UP, ROUTE_FAILING);
	CHECK(&w, "only of those in use", .5, .5, 98, 0, .5, .5);
	set_state(&w, "nrt", ROUTE_LAGGING, ROUTE_FAILING);
	CHECK(&w, "a state says more than an RTT", 49, 49, 0, 0, 1, 1);
	fix_share(w.order, 2, 1, 1, 100);
	CHECK(&w, "no look into the next group", 50, 50, 0, 0, 0, 0);
	teardown(&w);
}

/* ---- limits ---- */

static void limits(void)
{
	struct world w;

	setup(&w, ROUTE_ORDERED);
	fix_share(w.order, 0, 0, 1, 50);
	fix_share(w.order, 1, 0, 1, 40);
	CHECK(&w, "no fault: a limit is not asked", 50, 50, 0, 0, 0, 0);
	set_state(&w, "nrt", ROUTE_FAILING, ROUTE_FAILING);
	CHECK(&w, "nor when another site's fault brings nothing", 50, 50, 0, 0, 0, 0);
	set_state(&w, "nrt", ROUTE_UP, ROUTE_UP);
	set_state(&w, "sin", ROUTE_FAILING, ROUTE_FAILING);
	CHECK(&w, "what exceeds goes to the next", 0, 0, 20, 20, 30, 30);
	set_state(&w, "nrt", ROUTE_UP, ROUTE_LAGGING);
	CHECK(&w, "the site's limit, not the path's", 0, 0, 40, 0, 30, 30);
	set_state(&w, "lax", ROUTE_PROBATION, ROUTE_DRAINED);
	CHECK(&w, "one on probation is usable", 0, 0, 40, 0, 60, 0);
	set_state(&w, "lax", ROUTE_LAGGING, ROUTE_DRAINED);
	CHECK(&w, "one that lags is not: nothing is refused", 0, 0, 100, 0, 0, 0);
	set_state(&w, "nrt", ROUTE_FAILING, ROUTE_FAILING);
	set_state(&w, "lax", ROUTE_FAILING, ROUTE_FAILING);
	CHECK(&w, "all failing: as configured, its own share first", 50, 50, 0, 0, 0, 0);
	set_state(&w, "sin", ROUTE_DRAINED, ROUTE_DRAINED);
	CHECK(&w, "all that is left", 0, 0, 20, 20, 30, 30);
	fix_share(w.order, 2, 0, 1, 10);
	CHECK(&w, "limits too small together", 0, 0, 40, 40, 10, 10);
	teardown(&w);
}

static void limits_and_weights(void)
{
	struct world w;

	setup(&w, ROUTE_WEIGHTED);
	fix_share(w.order, 0, 0, 6, 30);
	fix_share(w.order, 1, 0, 3, 50);
	fix_share(w.order, 2, 0, 1, 100);
	CHECK(&w, "no fault", 30, 30, 15, 15, 5, 5);
	set_state(&w, "lax", ROUTE_DRAINED, ROUTE_DRAINED);
	CHECK(&w, "sin keeps what it has, and gets no more", 30, 30, 20, 20, 0, 0);
	set_state(&w, "lax", ROUTE_UP, ROUTE_UP);
	set_state(&w, "sin", ROUTE_FAILING, ROUTE_FAILING);
	CHECK(&w, "nrt to its limit", 0, 0, 25, 25, 25, 25);
	teardown(&w);
}

/* ---- one family, and second choices ---- */

static void one_family(void)
{
	static const struct route_tried none;
	struct world w;
	struct route_choice c;
	unsigned count[PATHS];

	setup(&w, ROUTE_ORDERED);
	w.c.families = 2;
	fix_share(w.order, 1, 0, 1, 40);
	rebuild(&w);
	CU_ASSERT(shares_are(&w, (const double[PATHS]){0, 100, 0, 0, 0, 0}));
	set_state(&w, "sin", ROUTE_UP, ROUTE_FAILING);
	set_state(&w, "nrt", ROUTE_FAILING, ROUTE_UP);
	rebuild(&w);
	CU_ASSERT(shares_are(&w, (const double[PATHS]){0, 0, 0, 40, 0, 60}));
	draw(&w, 2, &none, count);
	CU_ASSERT(fits(count, (const double[PATHS]){0, 0, 0, 40, 0, 60}));
	draw(&w, 3, &none, count); // not its families: by order alone
	CU_ASSERT_EQUAL(count[0], DRAWS);
	CU_ASSERT_EQUAL(route_table_choose(w.t, 0, APAC, 2, 0, &none, &c), -ENOENT); // only IPv4
	CU_ASSERT_EQUAL(route_table_choose(w.t, 0, APAC, 1, 0, &none, &c), 0);
	teardown(&w);
}

/* Also a first choice is none: the drained ones wait until IPv6 is drained too. */
static void drained_of_one_family(void)
{
	static const struct route_tried none;
	static const char *const sites[] = {"sin", "nrt", "lax"};
	struct world w;
	struct route_choice c;

	setup(&w, ROUTE_WEIGHTED);
	w.c.families = 1;
	for (unsigned i = 0; i < 3; i++)
		set_state(&w, sites[i], ROUTE_DRAINED, i == 1 ? ROUTE_FAILING : ROUTE_DRAINED);
	rebuild(&w);
	CU_ASSERT(shares_are(&w, (const double[PATHS]){0, 0, 0, 0, 0, 0}));
	CU_ASSERT_EQUAL(route_table_choose(w.t, COM, APAC, 1, 0, &none, &c), -ENOENT);
	set_state(&w, "nrt", ROUTE_DRAINED, ROUTE_DRAINED);
	rebuild(&w);
	CU_ASSERT(shares_are(&w, (const double[PATHS]){100 / 3.0, 0, 100 / 3.0, 0, 100 / 3.0, 0}));
	CU_ASSERT_EQUAL(route_table_choose(w.t, COM, APAC, 1, 0, &none, &c), 0);
	teardown(&w);
}

/* After `site` was asked over IPv4. */
static void draw_second(struct world *w, unsigned rank, unsigned families, unsigned count[PATHS])
{
	struct route_choice all[PATHS];
	enum route_state states[PATHS];
	struct route_tried tried = {0};

	rebuild(w);
	route_table_paths(w->t, COM, APAC, all, states, PATHS);
	route_tried_add(&tried, w->t, &all[rank]);
	draw(w, families, &tried, count);
}

static void second_choices(void)
{
	struct world w;
	unsigned count[PATHS];

	setup(&w, ROUTE_WEIGHTED);
	fix_share(w.order, 0, 0, 6, 30);
	fix_share(w.order, 1, 0, 3, 10);
	fix_share(w.order, 2, 0, 1, 100);
	draw_second(&w, 0, 3, count);
	CU_ASSERT(fits(count, (const double[PATHS]){0, 0, 37.5, 37.5, 12.5, 12.5}));
	draw_second(&w, 0, 1, count);
	CU_ASSERT(fits(count, (const double[PATHS]){0, 0, 75, 0, 25, 0}));
	set_state(&w, "nrt", ROUTE_PROBATION, ROUTE_UP);
	draw_second(&w, 5, 3, count);
	CU_ASSERT(fits(count, (const double[PATHS]){100 / 3.0, 100 / 3.0, 0, 100 / 3.0, 0, 0}));
	set_state(&w, "nrt", ROUTE_UP, ROUTE_UP);
	fix_share(w.order, 2, 1, 1, 100);
	draw_second(&w, 0, 3, count);
	CU_ASSERT(fits(count, (const double[PATHS]){0, 0, 50, 50, 0, 0}));
	set_state(&w, "nrt", ROUTE_FAILING, ROUTE_FAILING);
	draw_second(&w, 0, 3, count);
	CU_ASSERT(fits(count, (const double[PATHS]){0, 0, 0, 0, 50, 50}));
	w.order->policy = ROUTE_FASTEST;
	fix_share(w.order, 2, 0, 1, 100);
	set_state(&w, "nrt", ROUTE_UP, ROUTE_UP);
	set_rtt(&w, "sin", 1000, 1000);
	set_rtt(&w, "nrt", 3000, 3000);
	set_rtt(&w, "lax", 2000, 2000);
	draw_second(&w, 0, 3, count);
	CU_ASSERT(fits(count, (const double[PATHS]){0, 0, 0, 0, 50, 50}));
	teardown(&w);
}

/* ---- against a naive reckoning ---- */

static unsigned tier_of(enum route_state s)
{
	return s == ROUTE_PROBATION ? 0 : (unsigned)s;
}

/* A site's best state of three, from its two addresses. */
static enum route_state best_of(const enum route_state states[PATHS], unsigned site)
{
	return states[2 * site] < states[2 * site + 1] ? states[2 * site] : states[2 * site + 1];
}

/*
 * With policies that know nothing of RTT, in sites instead of paths, grain by grain: each goes to
 * the first (state, group) with room, there to the first site with room or to the one with least
 * for its weight.
 */
static void naive(const struct world *w, const enum route_state states[PATHS], const double cap[3],
	double share[3])
{
	enum { GRAINS = 10000 };
	unsigned have[3] = {0}, given = 0, best_tier = ~0u;

	for (unsigned i = 0; i < 3; i++)
		if (tier_of(best_of(states, i)) < best_tier)
			best_tier = tier_of(best_of(states, i));
	for (; given < GRAINS; given++) {
		unsigned best = 3, best_level = ~0u;

		for (unsigned i = 0; i < 3; i++) {
			struct route_share s = route_order_share(w->order, i);
			enum route_state state = best_of(states, i);
			unsigned level = state * 10u + s.group;

			if (tier_of(state) != best_tier || have[i] + 1 > cap[i] * GRAINS + 0.5 ||
				level > best_level)
				continue;
			if (best < 3 && level == best_level &&
				(w->order->policy == ROUTE_ORDERED ||
					have[i] * route_order_share(w->order, best).weight >=
						have[best] * s.weight))
				continue;
			best = i;
			best_level = level;
		}
		if (best == 3)
			break;
		have[best]++;
	}
	for (unsigned i = 0; i < 3; i++)
		share[i] = (double)have[i] / given;
}

static void random_tables_as_naive(void)
{
	static const enum route_state all_up[PATHS];
	static const double no_cap[3] = {1, 1, 1};
	struct world w;

	setup(&w, ROUTE_ORDERED);
	for (unsigned round = 0; round < 1000; round++) {
		enum route_state states[PATHS];
		struct route_choice choice[PATHS];
		double normal[3], expect[3], got[PATHS];
		uint8_t group = 0;

		w.order->policy = fix_random(&w.seed) % 2 ? ROUTE_WEIGHTED : ROUTE_ORDERED;
		for (unsigned i = 0; i < 3; i++) {
			group = (uint8_t)(group + (i > 0 && fix_random(&w.seed) % 3 == 0));
			fix_share(w.order, i, group, (uint8_t)(1 + fix_random(&w.seed) % 20),
				(uint8_t)(1 + fix_random(&w.seed) % 100));
		}
		for (size_t id = 0; id < route_paths_count(w.p); id++)
			route_paths_at(w.p, (uint16_t)id)->state =
				fix_random(&w.seed) % 2
					? ROUTE_UP
					: (enum route_state)(fix_random(&w.seed) % ROUTE_STATES);
		rebuild(&w);
		route_table_paths(w.t, COM, APAC, choice, states, PATHS);
		route_table_shares(w.t, COM, APAC, got, PATHS);
		naive(&w, all_up, no_cap, normal);
		for (unsigned i = 0; i < 3; i++) {
			double limit = route_order_share(w.order, i).limit_percent / 100.0;

			normal[i] = limit > normal[i] ? limit : normal[i];
		}
		naive(&w, states, normal, expect);
		for (unsigned i = 0; i < 3; i++)
			CU_ASSERT(fabs(got[2 * i] + got[2 * i + 1] - expect[i]) < 0.02);
	}
	teardown(&w);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"weights", weights},
		{"groups", groups},
		{"fastest", fastest},
		{"limits", limits},
		{"limits and weights", limits_and_weights},
		{"one family", one_family},
		{"drained paths of one family", drained_of_one_family},
		{"second choices", second_choices},
		{"random tables as the naive reckoning", random_tables_as_naive},
		CU_TEST_INFO_NULL,
	};

	return test_run("routing/policy", tests);
}
