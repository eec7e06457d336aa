#include <math.h>

#include "routing/share_priv.h"
#include "tests/unit/routing/fixture.h"
#include "tests/unit/run.h"

enum { SEATS = 6 };

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-6;
}

/* ---- rows ---- */

static const struct {
	const char *name;
	enum route_policy policy;
	unsigned count;
	struct {
		unsigned level, weight;
		double cap, expect;
	} seat[4];
} rows[] = {
	{"alone", ROUTE_ORDERED, 1, {{0, 1, 1, 1}}},
	{"alone under its limit: nothing is refused", ROUTE_ORDERED, 1, {{0, 1, 0.1, 1}}},
	{"the first one has all", ROUTE_ORDERED, 3, {{0, 1, 1, 1}, {0, 1, 1, 0}, {0, 1, 1, 0}}},
	{"what exceeds goes to the next", ROUTE_ORDERED, 3,
		{{0, 1, 0.6, 0.6}, {0, 1, 0.3, 0.3}, {0, 1, 1, 0.1}}},
	{"and to the next group", ROUTE_ORDERED, 3,
		{{0, 1, 0.6, 0.6}, {1, 1, 0.3, 0.3}, {2, 1, 1, 0.1}}},
	{"limits that cannot be kept grow alike", ROUTE_ORDERED, 3,
		{{0, 1, 0.4, 0.5}, {0, 1, 0.3, 0.375}, {1, 1, 0.1, 0.125}}},
	{"by weight", ROUTE_WEIGHTED, 3, {{0, 5, 1, 0.5}, {0, 3, 1, 0.3}, {0, 2, 1, 0.2}}},
	{"the next group waits", ROUTE_WEIGHTED, 3,
		{{0, 1, 1, 0.25}, {0, 3, 1, 0.75}, {1, 9, 1, 0}}},
	{"what a limit leaves is shared by weight", ROUTE_WEIGHTED, 3,
		{{0, 8, 0.4, 0.4}, {0, 1, 1, 0.3}, {0, 1, 1, 0.3}}},
	{"one limit after another", ROUTE_WEIGHTED, 3,
		{{0, 6, 0.5, 0.5}, {0, 3, 0.3, 0.3}, {0, 1, 1, 0.2}}},
	{"a full group overflows", ROUTE_WEIGHTED, 4,
		{{0, 1, 0.2, 0.2}, {0, 3, 0.3, 0.3}, {1, 1, 1, 0.25}, {1, 1, 1, 0.25}}},
	{"all limits too small", ROUTE_WEIGHTED, 2, {{0, 9, 0.1, 0.25}, {0, 1, 0.3, 0.75}}},
	{"fastest, and a look at the others", ROUTE_FASTEST, 3,
		{{0, 1, 1, 0.98}, {0, 1, 1, 0.01}, {0, 1, 1, 0.01}}},
	{"no look beyond the group", ROUTE_FASTEST, 2, {{0, 1, 1, 1}, {1, 1, 1, 0}}},
	{"the fastest under a limit: the second fastest has the rest", ROUTE_FASTEST, 3,
		{{0, 1, 0.5, 0.5}, {0, 1, 1, 0.49}, {0, 1, 1, 0.01}}},
};

static void shares_by_row(void)
{
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct route_seat seats[4];

		for (unsigned i = 0; i < rows[r].count; i++)
			seats[i] = (struct route_seat){.level = rows[r].seat[i].level,
				.weight = rows[r].seat[i].weight,
				.cap = rows[r].seat[i].cap,
				.share = 7};
		route_seats_share(rows[r].policy, seats, rows[r].count);
		for (unsigned i = 0; i < rows[r].count; i++) {
			if (near(seats[i].share, rows[r].seat[i].expect))
				continue;
			fprintf(stderr, "%s: seat %u has %f\n", rows[r].name, i, seats[i].share);
			CU_FAIL("share");
		}
	}
}

/* ---- against grains ---- */

/*
 * The naive one: 100,000 grains, one after the other, each to the seat that the rule names: the
 * first level with room; there the first seat with room, or the one with the least for its weight.
 */
enum { GRAINS = 100000 };

static void naive(enum route_policy policy, struct route_seat *seats, unsigned count)
{
	unsigned have[SEATS] = {0}, given = 0;

	for (; given < GRAINS; given++) {
		unsigned best = count;

		for (unsigned i = 0; i < count; i++) {
			if (have[i] + 1 > seats[i].cap * GRAINS + 0.5)
				continue;
			if (best < count && seats[best].level != seats[i].level)
				break;
			if (best == count ||
				(policy == ROUTE_WEIGHTED && have[i] * seats[best].weight <
								     have[best] * seats[i].weight))
				best = i;
		}
		if (best == count)
			break;
		have[best]++;
	}
	for (unsigned i = 0; i < count; i++)
		seats[i].share = (double)have[i] / given;
}

static void random_shares_as_naive(void)
{
	uint64_t seed = 5;

	for (unsigned round = 0; round < 400; round++) {
		enum route_policy policy = fix_random(&seed) % 2 ? ROUTE_WEIGHTED : ROUTE_ORDERED;
		unsigned count = 1 + (unsigned)(fix_random(&seed) % SEATS), level = 0;
		struct route_seat a[SEATS] = {0}, b[SEATS];

		for (unsigned i = 0; i < count; i++) {
			level += fix_random(&seed) % 3 == 0;
			a[i] = (struct route_seat){.level = level,
				.weight = 1 + (unsigned)(fix_random(&seed) % ROUTE_WEIGHT_MAX),
				.cap = fix_random(&seed) % 3 == 0
					       ? 1
					       : (double)(1 + fix_random(&seed) % 100) / 100};
		}
		memcpy(b, a, sizeof(b));
		route_seats_share(policy, a, count);
		naive(policy, b, count);
		for (unsigned i = 0; i < count; i++)
			CU_ASSERT(fabs(a[i].share - b[i].share) < 2e-3);
	}
}

/* What holds for every policy: all is shared out; no cap is passed while another has room. */
static void random_shares_keep_the_rules(void)
{
	uint64_t seed = 6;

	for (unsigned round = 0; round < 20000; round++) {
		enum route_policy policy = fix_random(&seed) % ROUTE_POLICIES;
		unsigned count = 1 + (unsigned)(fix_random(&seed) % SEATS);
		struct route_seat s[SEATS] = {0};
		double sum = 0, caps = 0;
		bool over = false;

		for (unsigned i = 0; i < count; i++) {
			s[i].level = i * (unsigned)(1 + fix_random(&seed) % 2) / 3;
			if (i > 0 && s[i].level < s[i - 1].level)
				s[i].level = s[i - 1].level;
			s[i].weight = 1 + (unsigned)(fix_random(&seed) % ROUTE_WEIGHT_MAX);
			s[i].cap = (double)(1 + fix_random(&seed) % 100) / 100;
			caps += s[i].cap;
		}
		route_seats_share(policy, s, count);
		for (unsigned i = 0; i < count; i++) {
			sum += s[i].share;
			over |= s[i].share > s[i].cap + 1e-6;
		}
		CU_ASSERT(near(sum, 1));
		CU_ASSERT(!over || caps < 1);
		for (unsigned i = 0; caps < 1 && i < count; i++)
			CU_ASSERT(near(s[i].share, s[i].cap / caps));
	}
}

/* ---- columns ---- */

static void columns_are_the_shares(void)
{
	uint64_t seed = 7;

	for (unsigned round = 0; round < 5000; round++) {
		unsigned n = 1 + (unsigned)(fix_random(&seed) % ROUTE_ZONE_PATHS_MAX);
		double share[ROUTE_ZONE_PATHS_MAX], got[ROUTE_ZONE_PATHS_MAX] = {0}, sum = 0;
		uint16_t cut[ROUTE_ZONE_PATHS_MAX];
		uint8_t other[ROUTE_ZONE_PATHS_MAX];

		for (unsigned i = 0; i < n; i++) {
			share[i] = fix_random(&seed) % 3 ? (double)(fix_random(&seed) % 1000) : 0;
			share[i] += i + 1 == n; // one at least has some
			sum += share[i];
		}
		for (unsigned i = 0; i < n; i++)
			share[i] /= sum;
		route_columns(share, n, cut, other);
		for (unsigned i = 0; i < n; i++) {
			CU_ASSERT_FATAL(other[i] < n);
			got[i] += cut[i] / 65536.0 / n;
			got[other[i]] += (65536 - cut[i]) / 65536.0 / n;
		}
		for (unsigned i = 0; i < n; i++) {
			CU_ASSERT(fabs(got[i] - share[i]) < 2.0 / 65536);
			CU_ASSERT(share[i] > 0 || got[i] < 1e-9); // none is none
		}
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"shares by row", shares_by_row},
		{"random shares as grains fall", random_shares_as_naive},
		{"random shares keep the rules", random_shares_keep_the_rules},
		{"columns are the shares", columns_are_the_shares},
		CU_TEST_INFO_NULL,
	};

	return test_run("routing/share", tests);
}
