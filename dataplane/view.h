#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#include "routing/table.h"
#include "validator/keys.h"

/**
 * How to reach a path's address, as Linux says (netlink): control resolves, workers index by path
 * id.
 */
struct dp_hop {
	bool ok;       // route and neighbour known
	uint16_t port; // index into dp_config.ports
	struct rte_ether_addr src, dst;
};

struct dp_hops {
	uint32_t count;
	struct dp_hop hop[]; // by path id
};

/**
 * What workers see of the world: one immutable snapshot, one pointer, loaded once per burst.
 * Control owns the parts; a part may be shared by several views and is freed after the last one's
 * grace period.
 */
struct dp_view {
	uint64_t number; // grows with every publication
	const struct route_table *table;
	const struct val_keys *keys;
	const struct dp_hops *hops;
};
