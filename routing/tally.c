#include "routing/tally_priv.h"

#include <stdbool.h>
#include <stdint.h>

#include "routing/share_priv.h"

/*
 * What one list's order and states come to. Shares are those of sites; the paths of a site in its
 * best state have the same parts of it.
 *
 * A site's cap is its limit, or what it has when all is well where that is more: a limit is about
 * what a fault brings, and the fault of another site must not take a site's own queries away.
 */

// Sites of an order that have no known RTT come after those that do.
static const uint32_t rtt_unknown = UINT32_MAX;

/* A list in work; arrays by rank. */
struct tally {
	const struct route_plan *plan;
	uint32_t l, count;
	struct route_candidate *list;
	uint32_t rtt_us[ROUTE_ZONE_PATHS_MAX];
	double normal[ROUTE_ZONE_PATHS_MAX]; // share of the path's site when all is well
};

static bool counts(const struct tally *t, const struct route_candidate *c)
{
	return (route_candidate_family(c) & t->plan->families) != 0;
}

/* ---- order ---- */

/* Mean RTT of the paths of a site in one state, for each of them; they stand together. */
static void rate_sites(struct tally *t, struct route_paths *p)
{
	for (uint32_t i = 0; i < t->count; i++) {
		const struct route_candidate *c = &t->list[i];
		uint64_t sum = 0;
		unsigned known = 0;

		for (uint32_t k = 0; k < t->count; k++) {
			uint32_t rtt_us = route_paths_at(p, t->list[k].path)->rtt_us;

			if (t->list[k].site != c->site || t->list[k].state != c->state ||
				rtt_us == 0 || !counts(t, &t->list[k]))
				continue;
			sum += rtt_us;
			known++;
		}
		t->rtt_us[c->rank] = known > 0 ? (uint32_t)(sum / known) : rtt_unknown;
	}
}

static bool is_before(
	const struct tally *t, const struct route_candidate *a, const struct route_candidate *b)
{
	if (a->state != b->state)
		return a->state < b->state;
	if (a->group != b->group)
		return a->group < b->group;
	if (t->plan->list[t->l].policy == ROUTE_FASTEST && t->rtt_us[a->rank] != t->rtt_us[b->rank])
		return t->rtt_us[a->rank] < t->rtt_us[b->rank];
	return a->rank < b->rank;
}

// Insertion sort: lists are short and mostly sorted.
static void sort_list(struct tally *t)
{
	struct route_candidate *list = t->list;

	for (uint32_t i = 1; i < t->count; i++) {
		struct route_candidate x = list[i];
		uint32_t k = i;

		for (; k > 0 && is_before(t, &x, &list[k - 1]); k--)
			list[k] = list[k - 1];
		list[k] = x;
	}
	for (uint32_t i = t->count; i-- > 0;) {
		bool same = i + 1 < t->count && list[i].site == list[i + 1].site &&
			    list[i].state == list[i + 1].state;

		list[i].run = same ? (uint8_t)(list[i + 1].run + 1) : 1;
	}
}

static void take_states(struct tally *t, struct route_paths *p, bool all_up)
{
	for (uint32_t i = 0; i < t->count; i++)
		t->list[i].state = all_up ? (uint8_t)ROUTE_UP
					  : (uint8_t)route_paths_at(p, t->list[i].path)->state;
	if (t->plan->list[t->l].policy == ROUTE_FASTEST)
		rate_sites(t, p);
	sort_list(t);
}

/* ---- shares ---- */

static bool same_tier(uint8_t a, uint8_t b)
{
	return a == b || (a <= ROUTE_PROBATION && b <= ROUTE_PROBATION);
}

static double cap_of(const struct tally *t, const struct route_candidate *c, bool all_up)
{
	uint32_t first = route_list_first(t->plan->list[t->l].word);
	double limit = t->plan->limit_percent[first + c->rank] / 100.0;

	if (all_up)
		return 1;
	return limit > t->normal[c->rank] ? limit : t->normal[c->rank];
}

/* As route_table_choose() has it: no drained path while any other is left, of whatever family. */
static bool is_allowed(const struct tally *t, const struct route_candidate *c)
{
	return counts(t, c) && (c->state != ROUTE_DRAINED || t->list[0].state == ROUTE_DRAINED);
}

/*
 * The sites of the best tier of states, each once, by its best run.
 * @param at  out: where the seat's run begins
 * @return how many
 */
static unsigned take_seats(
	const struct tally *t, bool all_up, struct route_seat *seats, uint8_t *at)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < t->count; i++) {
		const struct route_candidate *c = &t->list[i];
		bool seen = false;

		if (!is_allowed(t, c))
			continue;
		if (n > 0 && !same_tier(c->state, t->list[at[0]].state))
			break;
		for (unsigned k = 0; k < n; k++)
			seen |= t->list[at[k]].site == c->site;
		if (seen)
			continue;
		at[n] = (uint8_t)i;
		seats[n++] = (struct route_seat){
			.level = c->state * (unsigned)ROUTE_ZONE_PATHS_MAX + c->group,
			.weight = c->weight,
			.cap = cap_of(t, c, all_up),
		};
	}
	return n;
}

/* Share of each path by its place in the list. */
static void share_list(const struct tally *t, bool all_up, double *share)
{
	struct route_seat seats[ROUTE_ZONE_PATHS_MAX];
	uint8_t at[ROUTE_ZONE_PATHS_MAX];
	unsigned n = take_seats(t, all_up, seats, at);

	if (n > 0)
		route_seats_share((enum route_policy)t->plan->list[t->l].policy, seats, n);
	for (uint32_t i = 0; i < t->count; i++)
		share[i] = 0;
	for (unsigned s = 0; s < n; s++) {
		unsigned first = at[s], end = first + t->list[first].run, paths = 0;

		for (unsigned i = first; i < end; i++)
			paths += counts(t, &t->list[i]);
		for (unsigned i = first; i < end; i++)
			if (counts(t, &t->list[i]))
				share[i] = seats[s].share / paths;
	}
}

/* The sites' shares when all is well, before the real states are taken. */
static void reckon_normal(struct tally *t, struct route_paths *p)
{
	double share[ROUTE_ZONE_PATHS_MAX];

	take_states(t, p, true);
	share_list(t, true, share);
	for (uint32_t i = 0; i < t->count; i++) {
		double sum = 0;

		for (uint32_t k = 0; k < t->count; k++)
			sum += t->list[k].site == t->list[i].site ? share[k] : 0;
		t->normal[t->list[i].rank] = sum;
	}
}

static void set_columns(struct tally *t, const double *share)
{
	uint16_t cut[ROUTE_ZONE_PATHS_MAX];
	uint8_t other[ROUTE_ZONE_PATHS_MAX], columns = 0;

	for (uint32_t i = 0; i < t->count; i++)
		if (share[i] > 0)
			columns = (uint8_t)(i + 1);
	t->list[0].columns = columns;
	if (columns == 0)
		return; // no path of our families, or none that is not drained
	route_columns(share, columns, cut, other);
	for (unsigned i = 0; i < columns; i++) {
		t->list[i].cut = cut[i];
		t->list[i].other = other[i];
	}
}

void route_list_finish(const struct route_plan *plan, uint32_t l, struct route_paths *p,
	struct route_candidate *list)
{
	struct tally t = {.plan = plan, .l = l, .count = route_list_count(plan->list[l].word)};
	double share[ROUTE_ZONE_PATHS_MAX];

	t.list = list;
	if (plan->list[l].limited)
		reckon_normal(&t, p);
	take_states(&t, p, false);
	share_list(&t, false, share);
	set_columns(&t, share);
}
