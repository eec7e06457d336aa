#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "routing/judge.h"
#include "routing/table.h"

/**
 * Smoothed round-trip times, and when they are different enough for another table: what policy
 * `fastest` goes by. Control thread.
 */

enum {
	ROUTE_RTT_CHECK_MS = 1000, // orders are compared this often, so tables change no faster
	ROUTE_RTT_GAIN = 8,        // RFC 6298 s2: a new measurement counts for one eighth
	// another site comes first when its RTT is below this part of the first one's, in percent,
	ROUTE_RTT_BETTER_PERCENT = 80,
	ROUTE_RTT_BETTER_US = 1000, // and by so much
};

struct route_rtts;

/** @retval 0, -ENOMEM */
int route_rtts_new(struct route_rtts **out);
/** NULL is allowed. */
void route_rtts_free(struct route_rtts *r);
/** Forget a path id that was given back and may be reused. */
void route_rtts_forget(struct route_rtts *r, uint16_t path);
/** Smoothed RTT of a path < ROUTE_PATHS_MAX in µs; 0: not measured yet. */
uint32_t route_rtts_of(const struct route_rtts *r, uint16_t path);

/**
 * Take in what all cores and probes have measured since the last tick: the mean of a path's replies
 * in one tick is one measurement. Once in ROUTE_RTT_CHECK_MS compare, in every group of an order
 * with policy `fastest`, the site that is first by the paths' rtt_us with the one that would be by
 * the smoothed times; where that one is better by both margins, all rtt_us of the zone are set.
 *
 * @param c        what p is synchronised with
 * @param samples  as route_judge_tick()
 * @return the table is to be renewed. O(paths); a check O(sites of all such orders).
 */
bool route_rtts_tick(struct route_rtts *r, const struct route_config *c, struct route_paths *p,
	const struct route_sample *samples, uint64_t now_ms);
