#include "routing/plan_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What building needs besides the plan. */
struct build {
	const struct route_config *c;
	struct route_paths *paths;
	struct route_plan *plan;
	uint32_t candidate_room, list_room;
};

void route_plan_ref(struct route_plan *plan)
{
	plan->refs++;
}

void route_plan_unref(struct route_plan *plan)
{
	if (plan == NULL || --plan->refs > 0)
		return;
	free(plan->candidates);
	free(plan->limit_percent);
	free(plan->list);
	free(plan->lists);
	free(plan->site_hash);
	free(plan->region_names);
	route_zones_free(plan->zones);
	route_regions_free(plan->regions);
	free(plan);
}

/* ---- names ---- */

static int take_own_region(struct build *b, const char *own_region)
{
	b->plan->own_region = ROUTE_REGION_NONE;
	if (own_region == NULL || own_region[0] == '\0')
		return 0;
	for (size_t i = 0; i < b->c->region_count; i++)
		if (strcmp(b->c->regions[i].name, own_region) == 0) {
			b->plan->own_region = (uint16_t)i;
			return 0;
		}
	return -EINVAL;
}

static int copy_names(struct build *b, const struct dns_hash_key *key)
{
	const struct route_config *c = b->c;
	struct route_plan *plan = b->plan;

	plan->region_count = (uint32_t)c->region_count;
	plan->site_count = (uint32_t)c->site_count;
	plan->region_names = calloc(c->region_count + 1, sizeof(*plan->region_names));
	plan->site_hash = calloc(c->site_count + 1, sizeof(*plan->site_hash));
	if (plan->region_names == NULL || plan->site_hash == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < c->region_count; i++)
		memcpy(plan->region_names[i], c->regions[i].name, ROUTE_SITE_NAME_MAX);
	for (size_t i = 0; i < c->site_count; i++)
		plan->site_hash[i] =
			(uint16_t)dns_hash64(key, c->sites[i].name, strlen(c->sites[i].name));
	return 0;
}

/* ---- lists ---- */

static size_t order_paths(const struct route_config *c, const struct route_order_config *o)
{
	size_t n = 0;

	for (size_t i = 0; i < o->site_count; i++)
		n += c->sites[o->sites[i]].addr_count;
	return n;
}

/* Room for every list, each starting at a multiple of ROUTE_LIST_ALIGN. */
static int make_room(struct build *b)
{
	const struct route_config *c = b->c;
	struct route_plan *plan = b->plan;
	uint64_t candidates = 0, lists = 0;

	for (size_t z = 0; z < c->zone_count; z++)
		for (size_t o = 0; o < c->zones[z].order_count; o++) {
			size_t n = order_paths(c, &c->zones[z].orders[o]);

			if (n > ROUTE_ZONE_PATHS_MAX)
				return -ENOSPC;
			candidates +=
				(n + ROUTE_LIST_ALIGN - 1) / ROUTE_LIST_ALIGN * ROUTE_LIST_ALIGN;
			lists++;
		}
	if (candidates / ROUTE_LIST_ALIGN >= 1u << (32 - ROUTE_LIST_COUNT_BITS))
		return -ENOSPC;
	// One more of each: no size is 0, and the size is a multiple of the alignment.
	b->candidate_room = (uint32_t)candidates + ROUTE_LIST_ALIGN;
	b->list_room = (uint32_t)lists + 1;
	plan->list = calloc(b->list_room, sizeof(*plan->list));
	plan->lists = calloc(c->zone_count * (c->region_count + 1) + 1, sizeof(*plan->lists));
	plan->candidates = aligned_alloc(64, b->candidate_room * sizeof(*plan->candidates));
	plan->limit_percent = calloc(b->candidate_room, sizeof(*plan->limit_percent));
	if (plan->list == NULL || plan->lists == NULL || plan->candidates == NULL ||
		plan->limit_percent == NULL)
		return -ENOMEM;
	memset(plan->candidates, 0, b->candidate_room * sizeof(*plan->candidates));
	return 0;
}

static int add_candidate(struct build *b, size_t zone, const struct route_order_config *o, size_t i,
	const struct route_addr *addr, uint8_t rank)
{
	const uint16_t site = o->sites[i];
	const struct route_share share = route_order_share(o, i);
	const struct route_path *path =
		route_paths_find(b->paths, &b->c->zones[zone].name, b->c->sites[site].name, addr);

	if (path == NULL || path->zone != zone || path->site != site)
		return -EINVAL;
	b->plan->limit_percent[b->plan->candidate_count] = share.limit_percent;
	b->plan->candidates[b->plan->candidate_count++] = (struct route_candidate){
		.addr = path->addr,
		.rank = rank,
		.group = share.group,
		.weight = o->policy == ROUTE_WEIGHTED ? share.weight : 0,
		.path = path->id,
		.site = site,
		.site_hash = b->plan->site_hash[site],
	};
	return 0;
}

/* @return the list's word, 0 when it is empty, or -errno in *err */
static uint32_t add_list(struct build *b, size_t zone, const struct route_order_config *o, int *err)
{
	struct route_plan *plan = b->plan;
	struct route_list_plan *list = &plan->list[plan->list_count];
	uint32_t first, n = 0;

	plan->candidate_count = (plan->candidate_count + ROUTE_LIST_ALIGN - 1) / ROUTE_LIST_ALIGN *
				ROUTE_LIST_ALIGN;
	first = plan->candidate_count / ROUTE_LIST_ALIGN;
	*list = (struct route_list_plan){.policy = (uint8_t)o->policy};
	for (size_t i = 0; i < o->site_count; i++) {
		const struct route_site_config *s = &b->c->sites[o->sites[i]];

		list->limited |= route_order_share(o, i).limit_percent < 100;
		for (size_t a = 0; a < s->addr_count; a++, n++) {
			*err = add_candidate(b, zone, o, i, &s->addrs[a], (uint8_t)n);
			if (*err != 0)
				return 0;
		}
	}
	if (n == 0)
		return 0;
	plan->list_count++;
	return list->word = first << ROUTE_LIST_COUNT_BITS | n;
}

static int add_zone(struct build *b, size_t zone)
{
	const struct route_zone_config *z = &b->c->zones[zone];
	size_t columns = b->c->region_count + 1;
	uint32_t *row = &b->plan->lists[zone * columns];
	uint32_t any = 0;
	int err = 0;

	for (size_t o = 0; o < z->order_count && err == 0; o++) {
		size_t column = z->orders[o].region == ROUTE_REGION_NONE ? columns - 1
									 : z->orders[o].region;

		row[column] = add_list(b, zone, &z->orders[o], &err);
		any = any != 0 ? any : row[column];
	}
	if (err != 0)
		return err;
	if (any == 0)
		return -EINVAL;
	if (row[columns - 1] == 0)
		row[columns - 1] = any;
	for (size_t i = 0; i + 1 < columns; i++)
		if (row[i] == 0)
			row[i] = row[columns - 1];
	return 0;
}

int route_plan_new(const struct route_config *c, struct route_paths *p, const char *own_region,
	const struct dns_hash_key *key, struct route_plan **out)
{
	struct build b = {.c = c, .paths = p};
	int err = route_config_check(c, NULL, 0);

	if (err != 0)
		return err;
	b.plan = calloc(1, sizeof(*b.plan));
	if (b.plan == NULL)
		return -ENOMEM;
	b.plan->refs = 1;
	b.plan->generation = route_paths_generation(p);
	b.plan->families = c->families != 0 ? c->families : 3;
	err = take_own_region(&b, own_region);
	if (err == 0)
		err = copy_names(&b, key);
	if (err == 0)
		err = route_regions_new(c, &b.plan->regions);
	if (err == 0)
		err = route_zones_new(c, key, &b.plan->zones);
	if (err == 0)
		err = make_room(&b);
	for (size_t z = 0; err == 0 && z < c->zone_count; z++)
		err = add_zone(&b, z);
	if (err != 0) {
		route_plan_unref(b.plan);
		return err;
	}
	*out = b.plan;
	return 0;
}
