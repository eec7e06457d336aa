#pragma once

#include <stdalign.h>
#include <stdint.h>

#include "routing/regions_priv.h"
#include "routing/table.h"
#include "routing/zones_priv.h"

/**
 * What tables of one configuration share: everything but the states. Built once per configuration,
 * counted by the tables that hold it (control thread, no atomics), immutable for workers.
 */

/** One address that a query can be sent to. Half a cache line: a site's IPv4 and IPv6 come in one
 * load. */
struct route_candidate {
	alignas(32) struct route_addr addr;
	uint8_t state; // enum route_state
	uint8_t run;   // entries from here on with the same site and state, this one included
	uint8_t rank;  // position in configured order
	uint8_t group;
	uint8_t weight;  // for another choice; 0: the first one in order is to be taken
	uint8_t columns; // in a list's first entry: how many columns a first choice draws from
	uint8_t other;   // of the column with this index, as route_columns()
	uint16_t cut;
	uint16_t path;
	uint16_t site;
	uint16_t site_hash;
};
_Static_assert(sizeof(struct route_candidate) == 32, "two a cache line");

/** Of a distinct list, and by rank of its candidates: what building a table asks besides. */
struct route_list_plan {
	uint32_t word; // as in lists
	uint8_t policy;
	bool limited; // any limit below 100
};

enum { ROUTE_LIST_COUNT_BITS = 8, ROUTE_LIST_ALIGN = 2 };

struct route_plan {
	uint32_t refs;
	uint64_t generation; // of the paths that it was built from
	unsigned families;   // that shares are reckoned over
	uint16_t own_region;
	uint32_t region_count;
	uint32_t site_count;
	struct route_regions *regions;
	struct route_zones *zones;
	char (*region_names)[ROUTE_SITE_NAME_MAX];
	uint16_t *site_hash;
	// lists[zone * (region_count + 1) + region], the last column for clients of no region:
	// first candidate in units of ROUTE_LIST_ALIGN, shifted over the count
	uint32_t *lists;
	uint32_t list_count;                // distinct lists
	struct route_list_plan *list;       // each distinct one
	uint32_t candidate_count;           // gaps from alignment included
	struct route_candidate *candidates; // in configured order; states are each table's own
	uint8_t *limit_percent;             // as many
};

static inline unsigned route_candidate_family(const struct route_candidate *c)
{
	return c->addr.family == 4 ? 1 : 2; // as in route_table_choose()'s families
}

static inline uint32_t route_list_first(uint32_t list)
{
	return (list >> ROUTE_LIST_COUNT_BITS) * ROUTE_LIST_ALIGN;
}

static inline uint32_t route_list_count(uint32_t list)
{
	return list & ((1u << ROUTE_LIST_COUNT_BITS) - 1);
}

static inline uint32_t route_plan_list(const struct route_plan *plan, int zone, uint16_t region)
{
	uint32_t column = region < plan->region_count ? region : plan->region_count;

	return plan->lists[(uint32_t)zone * (plan->region_count + 1) + column];
}

/** Errors as route_table_new(). The plan starts with one reference. */
int route_plan_new(const struct route_config *c, struct route_paths *p, const char *own_region,
	const struct dns_hash_key *key, struct route_plan **out);
void route_plan_ref(struct route_plan *plan);
void route_plan_unref(struct route_plan *plan);
