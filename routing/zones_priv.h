#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dns/hash.h"
#include "routing/table.h"

/** Name → zone, by longest suffix. Immutable once built; any number of readers. */
struct route_zones;

/** @param c  checked; its zones' names and kinds are copied. @retval 0, -ENOMEM */
int route_zones_new(
	const struct route_config *c, const struct dns_hash_key *key, struct route_zones **out);
void route_zones_free(struct route_zones *z);

/** As route_table_zone(). */
int route_zones_find(const struct route_zones *z, const uint8_t *qname, bool skip_exact);

/** In the configuration's order; `zone` is an index below the count. The name ends with z. */
size_t route_zones_count(const struct route_zones *z);
const struct dns_name *route_zones_name(const struct route_zones *z, size_t zone);
enum route_kind route_zones_kind(const struct route_zones *z, size_t zone);
