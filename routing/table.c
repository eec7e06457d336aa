#include "routing/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "routing/plan_priv.h"

/*
 * A table is a plan (shared by all tables of one configuration: which list of paths a zone has in a
 * region) and its own copy of the lists with the states of one moment, each sorted by state and
 * then by configured order.
 *
 * So the path for a question that was not tried yet is the list's first entry, or one of the
 * entries of the same site and state that follow it: one load of a word, one of a cache line.
 * Nothing is written after the table is published; whoever publishes it orders these writes before
 * the readers' loads.
 */

struct route_table {
	uint64_t number;
	struct route_plan *plan;
	struct route_candidate *candidates;
};

/* ---- build ---- */

// Insertion sort: lists are short, mostly sorted, and it keeps the order of equals.
static void sort_list(struct route_candidate *list, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		struct route_candidate x = list[i];
		uint32_t k = i;

		for (; k > 0 && list[k - 1].state > x.state; k--)
			list[k] = list[k - 1];
		list[k] = x;
	}
}

static void finish_list(struct route_candidate *list, uint32_t count)
{
	uint32_t usable = 0;

	sort_list(list, count);
	for (uint32_t i = count; i-- > 0;) {
		bool same = i + 1 < count && list[i].site == list[i + 1].site &&
			    list[i].state == list[i + 1].state;

		list[i].group = same ? (uint8_t)(list[i + 1].group + 1) : 1;
		usable += list[i].state != ROUTE_DRAINED;
	}
	// Where the operator drained everything, answering beats obeying.
	list[0].usable = (uint8_t)(usable != 0 ? usable : count);
}

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
	for (uint32_t l = 0; l < plan->list_count; l++) {
		struct route_candidate *list = &t->candidates[route_list_first(plan->list[l])];
		uint32_t count = route_list_count(plan->list[l]);

		for (uint32_t i = 0; i < count; i++)
			list[i].state = (uint8_t)route_paths_at(p, list[i].path)->state;
		finish_list(list, count);
	}
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
	return (c->family & families) != 0 && !path_tried(tried, c->path);
}

static void choose(const struct route_candidate *c, struct route_choice *out)
{
	*out = (struct route_choice){c->path, c->site, c->addr};
}

/* One of a group, by salt: every allowed one with the same chance. At least one is. */
static void choose_in_group(const struct route_candidate *group, unsigned count, unsigned families,
	uint32_t salt, const struct route_tried *tried, struct route_choice *out)
{
	unsigned n = 0, pick;

	for (unsigned i = 0; i < count; i++)
		n += allowed(&group[i], families, tried);
	pick = (unsigned)(((uint64_t)salt * n) >> 32);
	for (unsigned i = 0; i < count; i++)
		if (allowed(&group[i], families, tried) && pick-- == 0) {
			choose(&group[i], out);
			return;
		}
}

// What is preferred: a tier of states, then a site that this query has not met, then the state
// within the tier. Lower is better.
static unsigned preference(const struct route_candidate *c, const struct route_tried *tried)
{
	static const uint8_t tier[ROUTE_STATES] = {
		[ROUTE_UP] = 0,
		[ROUTE_PROBATION] = 0,
		[ROUTE_LAGGING] = 1,
		[ROUTE_FAILING] = 2,
		[ROUTE_DRAINED] = 3,
	};

	return tier[c->state] * 16u + site_tried(tried, c->site_hash) * 8u + c->state;
}

int route_table_choose(const struct route_table *t, int zone, uint16_t region, unsigned families,
	uint32_t salt, const struct route_tried *tried, struct route_choice *out)
{
	const struct route_candidate *list =
		&t->candidates[route_list_first(route_plan_list(t->plan, zone, region))];
	const struct route_candidate *best = NULL;
	unsigned usable = list[0].usable, best_preference = ~0u;

	if (tried->count == 0 && families == 3) {
		choose(&list[((uint64_t)salt * list[0].group) >> 32], out);
		return 0;
	}
	for (unsigned i = 0; i < usable; i++) {
		unsigned p;

		if (!allowed(&list[i], families, tried))
			continue;
		p = preference(&list[i], tried);
		if (p >= best_preference)
			continue;
		best = &list[i];
		best_preference = p;
	}
	if (best == NULL)
		return -ENOENT;
	choose_in_group(best, best->group, families, salt, tried, out);
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
