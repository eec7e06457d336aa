#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "routing/table.h"

/** Small configurations built by hand; everything is on the heap, exact in size, owned by the
 * config. */

static const struct dns_hash_key fix_key = {0x0123456789abcdef, 0xfedcba9876543210};

static inline void *fix_alloc(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (p == NULL)
		abort();
	return p;
}

static inline void fix_init(struct route_config *c, size_t sites, size_t regions, size_t zones)
{
	*c = (struct route_config){
		.site_count = sites, .region_count = regions, .zone_count = zones};
	c->sites = fix_alloc(sites, sizeof(*c->sites));
	c->regions = fix_alloc(regions, sizeof(*c->regions));
	c->zones = fix_alloc(zones, sizeof(*c->zones));
}

static inline struct route_addr fix_v4(uint32_t host)
{
	struct route_addr a = {.family = 4};

	dns_put32(a.octets, host);
	return a;
}

static inline struct route_addr fix_v6(uint64_t high, uint64_t low)
{
	struct route_addr a = {.family = 6};

	dns_put32(a.octets, (uint32_t)(high >> 32));
	dns_put32(a.octets + 4, (uint32_t)high);
	dns_put32(a.octets + 8, (uint32_t)(low >> 32));
	dns_put32(a.octets + 12, (uint32_t)low);
	return a;
}

/** families: bit 0 IPv4, bit 1 IPv6, IPv4 first. Addresses are 192.0.2.(i+1) and 2001:db8::(i+1).
 */
static inline void fix_site(struct route_config *c, size_t i, const char *name, unsigned families)
{
	struct route_site_config *s = &c->sites[i];

	snprintf(s->name, sizeof(s->name), "%s", name);
	s->addrs = fix_alloc(2, sizeof(*s->addrs));
	if (families & 1)
		s->addrs[s->addr_count++] = fix_v4(0xc0000201 + (uint32_t)i);
	if (families & 2)
		s->addrs[s->addr_count++] = fix_v6(0x20010db800000000, i + 1);
}

static inline void fix_region(struct route_config *c, size_t i, const char *name, size_t clients)
{
	snprintf(c->regions[i].name, sizeof(c->regions[i].name), "%s", name);
	c->regions[i].client_count = clients;
	c->regions[i].clients = fix_alloc(clients, sizeof(*c->regions[i].clients));
}

static inline void fix_zone(struct route_config *c, size_t i, const char *name, size_t orders)
{
	if (dns_name_from_text(name, &c->zones[i].name) != 0)
		abort();
	c->zones[i].order_count = orders;
	c->zones[i].orders = fix_alloc(orders, sizeof(*c->zones[i].orders));
}

/** sites as digits, best first: "012" */
static inline void fix_order(
	struct route_config *c, size_t zone, size_t order, uint16_t region, const char *sites)
{
	struct route_order_config *o = &c->zones[zone].orders[order];

	o->region = region;
	o->site_count = strlen(sites);
	o->sites = fix_alloc(o->site_count, sizeof(*o->sites));
	for (size_t i = 0; i < o->site_count; i++)
		o->sites[i] = (uint16_t)(sites[i] - '0');
}

/** What an order says of its site i; the others' shares are the plain ones until they are set. */
static inline void fix_share(struct route_order_config *o, size_t i, uint8_t group, uint8_t weight,
	uint8_t limit_percent)
{
	if (o->shares == NULL) {
		o->shares = fix_alloc(o->site_count, sizeof(*o->shares));
		for (size_t k = 0; k < o->site_count; k++)
			o->shares[k] = (struct route_share){0, 1, 100};
	}
	o->shares[i] = (struct route_share){group, weight, limit_percent};
}

/**
 * The usual one: sites sin, nrt, lax with both families and root with IPv4; regions apac
 * 198.51.100.0/24 and 2001:db8:100::/48, us 203.0.113.0/24; zones "." at root, "com." sin nrt lax
 * (us: lax nrt sin), "net." sin nrt lax.
 */
static inline void fix_usual(struct route_config *c)
{
	fix_init(c, 4, 2, 3);
	fix_site(c, 0, "sin", 3);
	fix_site(c, 1, "nrt", 3);
	fix_site(c, 2, "lax", 3);
	fix_site(c, 3, "root", 1);
	fix_region(c, 0, "apac", 2);
	c->regions[0].clients[0] = (struct route_prefix){fix_v4(0xc6336400), 24};
	c->regions[0].clients[1] = (struct route_prefix){fix_v6(0x20010db801000000, 0), 48};
	fix_region(c, 1, "us", 1);
	c->regions[1].clients[0] = (struct route_prefix){fix_v4(0xcb007100), 24};
	fix_zone(c, 0, ".", 1);
	fix_order(c, 0, 0, ROUTE_REGION_NONE, "3");
	fix_zone(c, 1, "com.", 2);
	fix_order(c, 1, 0, ROUTE_REGION_NONE, "012");
	fix_order(c, 1, 1, 1, "210");
	fix_zone(c, 2, "net.", 1);
	fix_order(c, 2, 0, ROUTE_REGION_NONE, "012");
}

/** A path by names and family; aborts when it is not there. */
static inline struct route_path *fix_path(
	struct route_paths *p, const char *zone, const char *site, uint8_t family)
{
	struct dns_name name;

	if (dns_name_from_text(zone, &name) != 0)
		abort();
	for (size_t id = 0; id < route_paths_count(p); id++) {
		struct route_path *path = route_paths_at(p, (uint16_t)id);

		if (path != NULL && dns_name_equal(path->zone_name.octets, name.octets) &&
			strcmp(path->site_name, site) == 0 && path->addr.family == family)
			return path;
	}
	fprintf(stderr, "no path %s %s %u\n", zone, site, family);
	abort();
}

/** xorshift64*: tests are repeatable. */
static inline uint64_t fix_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}
