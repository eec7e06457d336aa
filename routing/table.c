#include "routing/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "routing/plan_priv.h"
#include "routing/tally_priv.h"

/*
 * A table is a plan (shared by all tables of one configuration: which list of paths a zone has in a
 * region) and its own copy of the lists with the states of one moment, each sorted by state, group
 * and then as the policy says (configured order, or RTT).
 *
 * The first choice for a question draws one of the list's columns, which are its first entries: by
 * policy, weights and share limits, all reckoned when the table is built (tally.c). Mostly one load
 * of a word and one of a cache line; two where a column stands for two paths. A second choice walks
 * the list. Nothing is written after the table is published; whoever publishes it orders these
 * writes before the readers' loads.
 */

struct route_table {
	uint64_t number;
	struct route_plan *plan;
	struct route_candidate *candidates;
};

/* ---- build ---- */

static int table_of_plan(
	struct route_plan *plan, struct route_paths *p, uint64_t number, struct route_table **out)
{
	size_t size = (plan->candidate_count + ROUTE_LIST_ALIGN - 1u) / ROUTE_LIST_ALIGN *
		      ROUTE_LIST_ALIGN * sizeof(struct route_candidate);
	struct route_table *t = malloc(sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->candidates = aligned_alloc(64, size != 0 ? size : 64);
	if (t->candidates == NULL) {
		free(t);
		return -ENOMEM;
	}
	memcpy(t->candidates, plan->candidates, size);
	for (uint32_t l = 0; l < plan->list_count; l++)
		route_list_finish(plan, l, p, &t->candidates[route_list_first(plan->list[l].word)]);
	t->number = number;
	t->plan = plan;
	route_plan_ref(plan);
	*out = t;
	return 0;
}

int route_table_new(const struct route_config *c, struct route_paths *p, const char *own_region,
	uint64_t number, const struct dns_hash_key *key, struct route_table **out)
{
	struct route_plan *plan;
	int err = route_plan_new(c, p, own_region, key, &plan);

	if (err != 0)
		return err;
	err = table_of_plan(plan, p, number, out);
	route_plan_unref(plan);
	return err;
}

int route_table_renew(const struct route_table *t, struct route_paths *p, uint64_t number,
	struct route_table **out)
{
	if (t->plan->generation != route_paths_generation(p))
		return -EINVAL;
	return table_of_plan(t->plan, p, number, out);
}

void route_table_free(struct route_table *t)
{
	if (t == NULL)
		return;
	route_plan_unref(t->plan);
	free(t->candidates);
	free(t);
}

/* ---- look-ups ---- */

uint64_t route_table_number(const struct route_table *t)
{
	return t->number;
}

uint16_t route_table_region(const struct route_table *t, const struct route_addr *client)
{
	uint16_t region = route_regions_find(t->plan->regions, client);

	return region != ROUTE_REGION_NONE ? region : t->plan->own_region;
}

const char *route_table_region_name(const struct route_table *t, uint16_t region)
{
	return region < t->plan->region_count ? t->plan->region_names[region] : "";
}

int route_table_zone(const struct route_table *t, const uint8_t *qname, bool skip_exact)
{
	return route_zones_find(t->plan->zones, qname, skip_exact);
}

const uint8_t *route_table_zone_name(const struct route_table *t, int zone)
{
	return route_zones_name(t->plan->zones, (size_t)zone)->octets;
}

enum route_kind route_table_zone_kind(const struct route_table *t, int zone)
{
	return route_zones_kind(t->plan->zones, (size_t)zone);
}

size_t route_table_zone_count(const struct route_table *t)
{
	return route_zones_count(t->plan->zones);
}

/* ---- choice ---- */

static bool path_tried(const struct route_tried *tried, uint16_t path)
{
	for (unsigned i = 0; i < tried->count; i++)
		if (tried->path[i] == path)
			return true;
	return false;
}

static bool site_tried(const struct route_tried *tried, uint16_t site_hash)
{
	for (unsigned i = 0; i < tried->count; i++)
		if (tried->site_hash[i] == site_hash)
			return true;
	return false;
}

static bool allowed(
	const struct route_candidate *c, unsigned families, const struct route_tried *tried)
{
	return (route_candidate_family(c) & families) != 0 && !path_tried(tried, c->path);
}

static void choose(const struct route_candidate *c, struct route_choice *out)
{
	*out = (struct route_choice){c->path, c->site, c->addr};
}

/* One of a run, by salt: every allowed one with the same chance. At least one is. */
static void choose_in_run(const struct route_candidate *run, unsigned count, unsigned families,
	uint32_t salt, const struct route_tried *tried, struct route_choice *out)
{
	unsigned n = 0, pick;

	for (unsigned i = 0; i < count; i++)
		n += allowed(&run[i], families, tried);
	pick = (unsigned)(((uint64_t)salt * n) >> 32);
	for (unsigned i = 0; i < count; i++)
		if (allowed(&run[i], families, tried) && pick-- == 0) {
			choose(&run[i], out);
			return;
		}
}

// What is preferred: a tier of states, then a site that this query has not met, then the state
// within the tier, then the group. Lower is better.
static unsigned preference(const struct route_candidate *c, const struct route_tried *tried)
{
	static const uint8_t tier[ROUTE_STATES] = {
		[ROUTE_UP] = 0,
		[ROUTE_PROBATION] = 0,
		[ROUTE_LAGGING] = 1,
		[ROUTE_FAILING] = 2,
		[ROUTE_DRAINED] = 3,
	};

	return (tier[c->state] * 16u + site_tried(tried, c->site_hash) * 8u + c->state) *
		       ROUTE_ZONE_PATHS_MAX +
	       c->group;
}

/* Weight of a run of one site's paths when it is as good as any; 0: it is not. */
static unsigned run_weight(const struct route_candidate *run, unsigned families,
	const struct route_tried *tried, unsigned best)
{
	for (unsigned i = 0; i < run->run; i++)
		if (allowed(&run[i], families, tried))
			return preference(&run[i], tried) == best ? run->weight : 0;
	return 0;
}

/*
 * From `first` on, the first one that is as good as any: that one, or by weight one of the runs
 * that are as good. These follow it in the list.
 */
static const struct route_candidate *choose_run(const struct route_candidate *first,
	const struct route_candidate *end, unsigned families, uint32_t *salt,
	const struct route_tried *tried)
{
	unsigned best = preference(first, tried), total = 0;
	uint64_t pick;

	if (first->weight == 0)
		return first;
	for (const struct route_candidate *c = first; c < end; c += c->run)
		total += run_weight(c, families, tried, best);
	pick = (uint64_t)*salt * total;
	*salt = (uint32_t)pick; // what is left of it picks the address
	pick >>= 32;
	for (const struct route_candidate *c = first; c < end; c += c->run) {
		unsigned weight = run_weight(c, families, tried, best);

		if (pick < weight)
			return c;
		pick -= weight;
	}
	return first;
}

/* The walk, when it is not a first choice. */
static int choose_another(const struct route_candidate *list, unsigned count, unsigned families,
	uint32_t salt, const struct route_tried *tried, struct route_choice *out)
{
	const struct route_candidate *best = NULL, *end = list;
	unsigned best_preference = ~0u;

	// Where the operator drained everything, answering beats obeying.
	for (; end < list + count; end++) {
		unsigned p;

		if (end->state == ROUTE_DRAINED && list[0].state != ROUTE_DRAINED)
			break;
		if (!allowed(end, families, tried))
			continue;
		p = preference(end, tried);
		if (p >= best_preference)
			continue;
		best = end;
		best_preference = p;
	}
	if (best == NULL)
		return -ENOENT;
	best = choose_run(best, end, families, &salt, tried);
	choose_in_run(best, best->run, families, salt, tried, out);
	return 0;
}

int route_table_choose(const struct route_table *t, int zone, uint16_t region, unsigned families,
	uint32_t salt, const struct route_tried *tried, struct route_choice *out)
{
	uint32_t word = route_plan_list(t->plan, zone, region);
	const struct route_candidate *list = &t->candidates[route_list_first(word)];
	uint64_t draw = (uint64_t)salt * list[0].columns;
	const struct route_candidate *c = &list[draw >> 32];

	if (tried->count > 0 || families != t->plan->families || list[0].columns == 0)
		return choose_another(list, route_list_count(word), families, salt, tried, out);
	if ((uint32_t)draw >> 16 >= c->cut)
		c = &list[c->other];
	choose(c, out);
	return 0;
}

void route_tried_add(
	struct route_tried *tried, const struct route_table *t, const struct route_choice *c)
{
	const unsigned max = sizeof(tried->path) / sizeof(tried->path[0]);
	unsigned at = tried->count < max ? tried->count++ : max - 1;

	tried->path[at] = c->path;
	tried->site_hash[at] = c->site < t->plan->site_count ? t->plan->site_hash[c->site] : 0;
}

size_t route_table_paths(const struct route_table *t, int zone, uint16_t region,
	struct route_choice *out, enum route_state *states, size_t max)
{
	uint32_t word = route_plan_list(t->plan, zone, region);
	const struct route_candidate *list = &t->candidates[route_list_first(word)];
	uint32_t count = route_list_count(word);

	for (uint32_t i = 0; i < count; i++) {
		if (list[i].rank >= max)
			continue;
		choose(&list[i], &out[list[i].rank]);
		states[list[i].rank] = (enum route_state)list[i].state;
	}
	return count < max ? count : max;
}

size_t route_table_shares(
	const struct route_table *t, int zone, uint16_t region, double *out, size_t max)
{
	uint32_t word = route_plan_list(t->plan, zone, region);
	const struct route_candidate *list = &t->candidates[route_list_first(word)];
	uint32_t count = route_list_count(word);
	double share[ROUTE_ZONE_PATHS_MAX] = {0};

	for (unsigned i = 0; i < list[0].columns; i++) {
		double own = list[i].cut / 65536.0;

		share[i] += own / list[0].columns;
		share[list[i].other] += (1 - own) / list[0].columns;
	}
	for (uint32_t i = 0; i < count; i++)
		if (list[i].rank < max)
			out[list[i].rank] = share[i];
	return count < max ? count : max;
}
