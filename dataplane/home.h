#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "routing/table.h"

/**
 * Does the reply come home? A NIC with RSS chooses a reply's queue by a hash of its addresses and
 * ports under a key that we gave it: so a source port can be drawn whose reply arrives at the queue
 * of the worker that asks. The essay is in home.c.
 */

enum {
	DP_RSS_RETA_MAX = 512,
	DP_RSS_KEY_MAX = 52, // octets; 40 are what a hash over IPv6 and UDP needs
	DP_RSS_KEY_MIN = 40,
};

/** How one port chooses queues for UDP. */
struct dp_rss {
	bool v4, v6;        // what it hashes with ports
	uint16_t reta_size; // power of two
	uint16_t reta[DP_RSS_RETA_MAX];
	uint32_t key[DP_RSS_KEY_MAX / 4]; // host order
};

/** @param key  as the NIC has it. @param len  DP_RSS_KEY_MIN..DP_RSS_KEY_MAX, a multiple of 4 */
void dp_rss_key(struct dp_rss *rss, const uint8_t *key, unsigned len);

/** One question's replies, but for the port that they come to. */
struct dp_home {
	const struct dp_rss *rss; // NULL: it cannot be said, or there is one queue only
	const uint32_t *port_key;
	uint32_t hash;
	uint16_t queue;
};

/**
 * @param rss    of the port that the query leaves by, so its reply is expected there; NULL allowed
 * @param queue  that shall receive
 * @param from   the upstream, port 53
 * @param to     our source address, of the same family
 */
void dp_home_init(struct dp_home *h, const struct dp_rss *rss, uint16_t queue,
	const struct route_addr *from, const struct route_addr *to);

/** Would a reply to this port of ours arrive at our queue? True as well where nobody can say. Some
 * 30 cycles. */
bool dp_home_lands(const struct dp_home *h, uint16_t port);
