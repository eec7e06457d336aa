#pragma once

#include <stdint.h>

#include "routing/table.h"

/** Client prefix → region, by longest match. Immutable once built; any number of readers. */
struct route_regions;

/**
 * @param c  checked (route_config_check); bits beyond a prefix's length do not count
 * @retval 0, -EINVAL (a prefix stands in two regions), -ENOMEM. O(prefixes * their nesting).
 */
int route_regions_new(const struct route_config *c, struct route_regions **out);
void route_regions_free(struct route_regions *r);

/** @return index of the region, ROUTE_REGION_NONE when no prefix covers the client or its family is
 * unknown. Any thread. */
uint16_t route_regions_find(const struct route_regions *r, const struct route_addr *client);
