#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>

#include "dataplane/home.h"

/** What a driver offers, and what of it we take. */

/**
 * The configuration of a port. Pure.
 *
 * @param info    what the driver says of itself
 * @param key     random octets for RSS, borrowed: out points to them
 * @param out     all of it is set
 */
void dp_offload_choose(const struct rte_eth_dev_info *info, uint16_t queues,
	uint8_t key[DP_RSS_KEY_MAX], struct rte_eth_conf *out);

/**
 * Have a started port spread UDP over its queues by our key, and read how it does so: a driver may
 * have its own mind about what it was told.
 *
 * @param conf  from dp_offload_choose(), its key still there
 * @return false: it has no RSS, another key, or does not say; *out is scratch then
 */
bool dp_offload_rss(uint16_t port_id, const struct rte_eth_dev_info *info, uint16_t queues,
	struct rte_eth_conf *conf, struct dp_rss *out);
