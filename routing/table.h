#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dns/hash.h"
#include "dns/name.h"

/**
 * The route table: an immutable, numbered snapshot. Built by control from a `struct route_config`
 * and the paths' states, read by workers without any lock.
 */

enum {
	ROUTE_PATHS_MAX = 16384,   // paths alive at once; a path id indexes evidence arrays
	ROUTE_SITE_NAME_MAX = 32,  // with NUL
	ROUTE_ZONE_PATHS_MAX = 64, // paths of one zone in one region
	ROUTE_REGION_NONE = 0xffff,
	ROUTE_WEIGHT_MAX = 100,
};

/** IPv4 or IPv6 address, network order; IPv4 uses the first four octets, the rest zero. */
struct route_addr {
	uint8_t family; // 4 or 6
	uint8_t octets[16];
};

/** How many of the octets are the address. */
static inline size_t route_addr_len(const struct route_addr *a)
{
	return a->family == 4 ? 4 : 16;
}

/** Same family and octets. */
static inline bool route_addr_equal(const struct route_addr *a, const struct route_addr *b)
{
	if (a->family != b->family)
		return false;
	// two lengths that the compiler knows: no call
	return a->family == 4 ? memcmp(a->octets, b->octets, 4) == 0
			      : memcmp(a->octets, b->octets, 16) == 0;
}

struct route_prefix {
	struct route_addr addr;
	uint8_t len;
};

/** UP first: the order is the order of preference in selection. */
enum route_state {
	ROUTE_UP,
	ROUTE_PROBATION,
	ROUTE_LAGGING,
	ROUTE_FAILING,
	ROUTE_DRAINED,
	ROUTE_STATES
};
/** Short stable name, as "up"; never NULL. */
const char *route_state_name(enum route_state s);

enum route_kind { ROUTE_AUTHORITATIVE, ROUTE_RECURSIVE };

/* ---- configuration as read from routes.yaml: plain, owned by one struct ---- */

struct route_site_config {
	char name[ROUTE_SITE_NAME_MAX];
	size_t addr_count;
	struct route_addr *addrs;
};

struct route_region_config {
	char name[ROUTE_SITE_NAME_MAX];
	size_t client_count;
	struct route_prefix *clients;
};

/** Who of a group of sites gets a query. */
enum route_policy {
	ROUTE_ORDERED,  // the first one
	ROUTE_WEIGHTED, // each by its weight
	ROUTE_FASTEST,  // the one with the smallest RTT; now and then another
	ROUTE_POLICIES
};
/** Short stable name, as "weighted"; never NULL. */
const char *route_policy_name(enum route_policy p);

/** What an order says of one of its sites. */
struct route_share {
	uint8_t group;         // 0 first, then the same or one more than the site before
	uint8_t weight;        // 1..ROUTE_WEIGHT_MAX; counts by policy ROUTE_WEIGHTED only
	uint8_t limit_percent; // 1..100: a fault elsewhere brings no more than this here
};

struct route_order_config {
	uint16_t region; // index into regions, ROUTE_REGION_NONE: every region not named
	enum route_policy policy;
	size_t site_count;
	uint16_t *sites;            // indexes into sites, best first
	struct route_share *shares; // as many, or NULL: one group, weights 1, limits 100
};

/** What an order says of its site i < site_count. */
struct route_share route_order_share(const struct route_order_config *o, size_t i);

struct route_zone_config {
	struct dns_name name; // lower-cased
	enum route_kind kind;
	size_t order_count;
	struct route_order_config *orders;
};

struct route_config {
	// Families that the server has an address of, as in route_table_choose(): shares are
	// reckoned over these. 0: both. Set by who builds tables, not in the file.
	unsigned families;
	size_t site_count, region_count, zone_count;
	struct route_site_config *sites;
	struct route_region_config *regions;
	struct route_zone_config *zones;
};

/** Frees what the pointers own, not c itself. */
void route_config_fini(struct route_config *c);
/** The closest zone at or above a lower-cased name; NULL: none. O(zones). */
const struct route_zone_config *route_config_zone(
	const struct route_config *c, const struct dns_name *name);
/** Deep copy; out is untouched on error. @retval 0, -ENOMEM */
int route_config_copy(const struct route_config *c, struct route_config *out);
/**
 * What every function below relies on: indexes in range, names present and unique, addresses of a
 * known family and once per site, prefixes no longer than their address, at most one order a
 * region, a site once in an order, at most ROUTE_ZONE_PATHS_MAX addresses in a site and sites in an
 * order, a known policy, groups without a gap, weights and limits in range.
 *
 * @param why  gets a sentence on -EINVAL; why_size may be 0
 * @retval 0, -EINVAL, -ENOMEM
 */
int route_config_check(const struct route_config *c, char *why, size_t why_size);

/* ---- paths: what has an identity and a state across tables ---- */

struct route_path {
	uint16_t id; // stable while the path is configured; reused only after route_paths_release()
	bool used;
	uint16_t zone; // index into the current config's zones; changes with the config
	uint16_t site; // index into the current config's sites
	char site_name[ROUTE_SITE_NAME_MAX];
	struct dns_name zone_name;
	struct route_addr addr;
	enum route_state state;
	uint32_t rtt_us; // that tables go by; 0: not known. See rtt.h
};

struct route_paths; // registry, control thread only

/** An empty registry. @retval 0, -ENOMEM */
int route_paths_new(struct route_paths **out);
/** NULL is allowed. Pointers from route_paths_at() and route_paths_find() end with it. */
void route_paths_free(struct route_paths *p);
/**
 * Make the registry hold exactly the paths of c (zone, site name, address): known ones keep id and
 * state, new ones start UP, gone ones are retired (their id stays reserved until
 * route_paths_release()); a retired one that comes back before its release has its id and state
 * again, so that a rollback forgets nothing.
 * @retval 0, -ENOSPC more than ROUTE_PATHS_MAX counting retired ones, -EINVAL (route_config_check),
 *         -ENOMEM; nothing changed on error. Expected O(paths).
 */
int route_paths_sync(struct route_paths *p, const struct route_config *c);
/**
 * Give retired ids back, once no worker can write evidence under them: when every table that was
 * built before the last route_paths_sync() is gone. At most out_max a call.
 * @return how many; ids go to out
 */
size_t route_paths_release(struct route_paths *p, uint16_t *out, size_t out_max);
/** Highest id in use, plus one: the length of an array by path id. */
size_t route_paths_count(const struct route_paths *p);
/** NULL if the id is unused or retired. A path stays where it is until it is released. */
struct route_path *route_paths_at(struct route_paths *p, uint16_t id);
/** By what a path is; NULL when it is not configured. Expected O(1). */
struct route_path *route_paths_find(struct route_paths *p, const struct dns_name *zone,
	const char *site_name, const struct route_addr *addr);
/**
 * Grows with every route_paths_sync() that succeeds: who groups paths by zone knows when to do it
 * anew.
 */
uint64_t route_paths_generation(const struct route_paths *p);

/* ---- the table ---- */

struct route_table;

/**
 * Build table number `number`. A region that no order of a zone names gets the ROUTE_REGION_NONE
 * order, else (or when that order has no address) the first order that has any: a client is never
 * left without an answer for want of an order.
 *
 * @param p           synchronised with c
 * @param own_region  name of the server's region, for clients that no prefix covers; NULL or "" for
 *                    none
 * @param key         the same for all tables of a process: route_tried compares hashes across
 *                    tables
 * @retval 0; -EINVAL (unknown own region, zone without any path, a prefix in two regions, p not
 *         synchronised, route_config_check), -ENOMEM, -ENOSPC (a zone has more than
 *         ROUTE_ZONE_PATHS_MAX in a region)
 * Control thread.
 */
int route_table_new(const struct route_config *c, struct route_paths *p, const char *own_region,
	uint64_t number, const struct dns_hash_key *key, struct route_table **out);
/**
 * The same configuration with the paths' states of now: shares everything that does not depend on
 * them (regions, zones, lists) with t, so it costs a copy and a sort of short lists. t may be freed
 * before or after. p must not have been synchronised with another configuration since t was built.
 * @retval 0, -ENOMEM, -EINVAL (p was synchronised since). Control thread.
 */
int route_table_renew(const struct route_table *t, struct route_paths *p, uint64_t number,
	struct route_table **out);
/** NULL is allowed. Control thread (tables of one configuration share parts without atomics). */
void route_table_free(struct route_table *t);
uint64_t route_table_number(const struct route_table *t);

/** Region of a client by longest prefix, else the server's own, else ROUTE_REGION_NONE. Worker. */
uint16_t route_table_region(const struct route_table *t, const struct route_addr *client);
const char *route_table_region_name(const struct route_table *t, uint16_t region);

/**
 * Longest routed zone that qname is at or under. For qtype DS the zone itself does not serve it
 * (its parent does, RFC 4035 s3.1.4.1): pass skip_exact for DS questions.
 *
 * @param qname  lower-cased wire name
 * @return zone index, -1 when none. O(labels). Worker.
 */
int route_table_zone(const struct route_table *t, const uint8_t *qname, bool skip_exact);
const uint8_t *route_table_zone_name(const struct route_table *t, int zone);
enum route_kind route_table_zone_kind(const struct route_table *t, int zone);
size_t route_table_zone_count(const struct route_table *t);

struct route_choice {
	uint16_t path; // id
	uint16_t site; // index in the config the table was built from
	struct route_addr addr;
};

/**
 * What a transaction has tried already. Path ids are stable, so a new table does not confuse it.
 */
struct route_tried {
	uint8_t count;
	uint16_t path[8];
	uint16_t site_hash[8]; // of the site's name: another site is preferred to another address
};

/**
 * Next path for a query: usable states before unusable ones (UP and PROBATION; then LAGGING; then
 * FAILING; DRAINED never unless every path is), then sites not tried, then UP before PROBATION,
 * then the first group, then by the order's policy, then `salt` picks among the addresses of one
 * site, in one state, whose family is in `families`.
 *
 * The first choice for a query keeps share limits too: see README.md. It is by the shares that the
 * table was built with when `families` are those of its configuration.
 *
 * @param families  bit 0: IPv4 usable, bit 1: IPv6 usable
 * @param salt      random bits: for weights, and for the choice between IPv4 and IPv6 of a site
 * @retval 0, -ENOENT nothing left that was not tried
 * First choice O(1), another O(paths of the zone in the region). Worker.
 */
int route_table_choose(const struct route_table *t, int zone, uint16_t region, unsigned families,
	uint32_t salt, const struct route_tried *tried, struct route_choice *out);
/**
 * Note a choice in `tried`; when full, the last entry is replaced. t is the table that made the
 * choice.
 */
void route_tried_add(
	struct route_tried *tried, const struct route_table *t, const struct route_choice *c);

/**
 * Paths of a zone in a region in configured order, for `routes show` and the judge.
 * @return count
 */
size_t route_table_paths(const struct route_table *t, int zone, uint16_t region,
	struct route_choice *out, enum route_state *states, size_t max);

/**
 * The share of first choices that each path has in this table, in configured order as
 * route_table_paths(): 0..1, together 1 unless route_table_choose() finds no path.
 * @return count
 */
size_t route_table_shares(
	const struct route_table *t, int zone, uint16_t region, double *out, size_t max);
