#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "routing/table.h"

/*
 * The registry: a fixed array of slots indexed by path id (so pointers stay valid), and a chained
 * hash over what a path is. A slot is free, used, or retired: out of the configuration, but its id
 * may still be in a transaction or in a worker's evidence.
 */

enum {
	BUCKETS = 2 * ROUTE_PATHS_MAX, // a power of two
};
static const uint16_t no_slot = UINT16_MAX;
static_assert((BUCKETS & (BUCKETS - 1)) == 0, "a mask picks the bucket");
static_assert(ROUTE_PATHS_MAX < UINT16_MAX, "no_slot is no id");

struct slot {
	struct route_path path;
	bool retired;
	uint16_t next; // in the bucket's chain
	uint64_t seen; // number of the sync that saw it last
};

struct route_paths {
	uint64_t syncs;
	size_t count;    // highest id + 1
	size_t occupied; // used and retired
	uint16_t bucket[BUCKETS];
	struct slot slot[ROUTE_PATHS_MAX];
};

int route_paths_new(struct route_paths **out)
{
	struct route_paths *p = calloc(1, sizeof(*p)); // most of its pages are never touched

	if (p == NULL)
		return -ENOMEM;
	memset(p->bucket, 0xff, sizeof(p->bucket));
	*out = p;
	return 0;
}

void route_paths_free(struct route_paths *p)
{
	free(p);
}

size_t route_paths_count(const struct route_paths *p)
{
	return p->count;
}

uint64_t route_paths_generation(const struct route_paths *p)
{
	return p->syncs;
}

struct route_path *route_paths_at(struct route_paths *p, uint16_t id)
{
	struct slot *s = id < ROUTE_PATHS_MAX ? &p->slot[id] : NULL;

	return s != NULL && s->path.used && !s->retired ? &s->path : NULL;
}

/* ---- the hash ---- */

// The operator's own file is hashed, not a stranger's packets: the key may be known.
static uint16_t *bucket_of(struct route_paths *p, const struct dns_name *zone, const char *site,
	const struct route_addr *addr)
{
	static const struct dns_hash_key key = {0x7377657276652121, 0x7061746873000000};
	uint8_t data[DNS_NAME_MAX + ROUTE_SITE_NAME_MAX + sizeof(addr->octets)];
	size_t len = zone->len, site_len = strnlen(site, ROUTE_SITE_NAME_MAX);

	memcpy(data, zone->octets, zone->len);
	memcpy(data + len, site, site_len);
	len += site_len;
	memcpy(data + len, addr->octets, route_addr_len(addr));
	len += route_addr_len(addr);
	return &p->bucket[dns_hash64(&key, data, len) & (BUCKETS - 1)];
}

static struct slot *find(struct route_paths *p, const struct dns_name *zone, const char *site,
	const struct route_addr *addr)
{
	for (uint16_t id = *bucket_of(p, zone, site, addr); id != no_slot; id = p->slot[id].next) {
		struct slot *s = &p->slot[id];

		if (route_addr_equal(&s->path.addr, addr) && s->path.zone_name.len == zone->len &&
			memcmp(s->path.zone_name.octets, zone->octets, zone->len) == 0 &&
			strncmp(s->path.site_name, site, ROUTE_SITE_NAME_MAX) == 0)
			return s;
	}
	return NULL;
}

struct route_path *route_paths_find(struct route_paths *p, const struct dns_name *zone,
	const char *site_name, const struct route_addr *addr)
{
	struct slot *s = find(p, zone, site_name, addr);

	return s != NULL && !s->retired ? &s->path : NULL;
}

static void unlink_slot(struct route_paths *p, struct slot *s)
{
	uint16_t *at = bucket_of(p, &s->path.zone_name, s->path.site_name, &s->path.addr);

	while (*at != s->path.id)
		at = &p->slot[*at].next;
	*at = s->next;
}

/* ---- sync ---- */

typedef void (*want_fn)(struct route_paths *p, const struct route_config *c, uint16_t zone,
	uint16_t site, const struct route_addr *addr, void *arg);

/* Call fn for each path of c, once. mark: site_count entries of scratch, zero. */
static void each_path(
	struct route_paths *p, const struct route_config *c, uint32_t *mark, want_fn fn, void *arg)
{
	for (size_t z = 0; z < c->zone_count; z++)
		for (size_t o = 0; o < c->zones[z].order_count; o++)
			for (size_t i = 0; i < c->zones[z].orders[o].site_count; i++) {
				uint16_t site = c->zones[z].orders[o].sites[i];
				const struct route_site_config *s = &c->sites[site];

				if (mark[site] == z + 1)
					continue; // another order of this zone had it
				mark[site] = (uint32_t)z + 1;
				for (size_t a = 0; a < s->addr_count; a++)
					fn(p, c, (uint16_t)z, site, &s->addrs[a], arg);
			}
}

static void count_new(struct route_paths *p, const struct route_config *c, uint16_t zone,
	uint16_t site, const struct route_addr *addr, void *arg)
{
	size_t *n = arg;

	if (find(p, &c->zones[zone].name, c->sites[site].name, addr) == NULL)
		(*n)++;
}

static struct slot *add(struct route_paths *p, const struct dns_name *zone, const char *site,
	const struct route_addr *addr, uint16_t *hint)
{
	uint16_t *bucket = bucket_of(p, zone, site, addr);
	struct slot *s;

	while (p->slot[*hint].path.used)
		(*hint)++;
	s = &p->slot[*hint];
	memset(s, 0, sizeof(*s));
	s->path.id = *hint;
	s->path.used = true;
	s->path.zone_name = *zone;
	memcpy(s->path.site_name, site, ROUTE_SITE_NAME_MAX);
	s->path.addr.family = addr->family;
	memcpy(s->path.addr.octets, addr->octets, route_addr_len(addr));
	s->path.state = ROUTE_UP;
	s->next = *bucket;
	*bucket = s->path.id;
	p->occupied++;
	if (p->count <= s->path.id)
		p->count = s->path.id + 1u;
	return s;
}

static void take(struct route_paths *p, const struct route_config *c, uint16_t zone, uint16_t site,
	const struct route_addr *addr, void *arg)
{
	const struct dns_name *name = &c->zones[zone].name;
	struct slot *s = find(p, name, c->sites[site].name, addr);

	if (s == NULL)
		s = add(p, name, c->sites[site].name, addr, arg);
	s->seen = p->syncs;
	s->path.zone = zone;
	s->path.site = site;
}

int route_paths_sync(struct route_paths *p, const struct route_config *c)
{
	size_t new_paths = 0;
	uint16_t hint = 0;
	uint32_t *mark;
	int err = route_config_check(c, NULL, 0);

	if (err != 0)
		return err;
	mark = calloc(c->site_count + 1, sizeof(*mark));
	if (mark == NULL)
		return -ENOMEM;
	each_path(p, c, mark, count_new, &new_paths);
	if (new_paths > ROUTE_PATHS_MAX - p->occupied) {
		free(mark);
		return -ENOSPC;
	}
	p->syncs++;
	memset(mark, 0, c->site_count * sizeof(*mark));
	each_path(p, c, mark, take, &hint);
	for (size_t id = 0; id < p->count; id++)
		p->slot[id].retired = p->slot[id].path.used && p->slot[id].seen != p->syncs;
	free(mark);
	return 0;
}

size_t route_paths_release(struct route_paths *p, uint16_t *out, size_t out_max)
{
	size_t n = 0;

	for (size_t id = 0; id < p->count && n < out_max; id++) {
		struct slot *s = &p->slot[id];

		if (!s->retired)
			continue;
		unlink_slot(p, s);
		memset(s, 0, sizeof(*s));
		p->occupied--;
		out[n++] = (uint16_t)id;
	}
	while (p->count > 0 && !p->slot[p->count - 1].path.used)
		p->count--;
	return n;
}
