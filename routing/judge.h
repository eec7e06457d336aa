#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "routing/evidence.h"
#include "routing/table.h"

/**
 * Who testifies: a bad outcome counts against a path when the same question was answered well by another site
 * (`refuted`), or when a sibling site gave good answers after the path's first bad one. At 1,000 queries a second with
 * a third of the answers newly expired, three refuted ones are there within 10 ms: the path must be left at the next tick,
 * although most of its answers in the window are still good.
 *
 * Judgement: evidence and a clock in, path states and findings out. Pure: no thread, no DPDK, no
 * system clock; simulated in tests. Called by control every ROUTE_JUDGE_TICK_MS.
 */

enum { ROUTE_JUDGE_TICK_MS = 50, ROUTE_EXPIRATION_FRESH_US = 10000000 };

/** Thresholds, named; defaults by route_judge_defaults(). */
struct route_judge_params {
	uint32_t window_ms;        // evidence older than this is forgotten, default 10000
	uint32_t bad_min;          // bad outcomes in the window before a path may be blamed, default 3
	uint32_t bad_percent;      // and at least this share of its outcomes, default 20; not asked of EXPIRED, BOGUS
	                           // and UNSIGNED that were refuted: bad_min refuted ones suffice
	uint32_t timeout_min;      // the same for timeouts alone, default 8
	uint32_t timeout_percent;  // default 50
	uint32_t peer_good_min;    // good outcomes that a sibling site must have in the window to testify, default 3
	uint32_t probation_after_ms; // quiet time before a failing path is tried again, default 60000
	uint32_t probation_good;   // consecutive good outcomes (probes) to come back, default 10
	uint32_t expiry_margin_s;  // lagging: nearest expiration closer than this while siblings are farther, default 3600
	uint32_t lag_s;            // lagging: newest inception behind the freshest sibling by more than this, default 86400
	uint32_t return_min_ms;    // at most one return per zone in this time, default 60000
};
void route_judge_defaults(struct route_judge_params *p);

/** Evidence of one path summed over all cores: plain numbers, same meaning as route_evidence. */
struct route_sample {
	uint64_t outcome[ROUTE_O_MAX];
	uint64_t refuted[ROUTE_O_MAX];
	uint64_t sent;
	uint64_t rtt_us_sum, rtt_count;
	uint32_t newest_inception, nearest_expiration;
	uint32_t bad_expiration;
	uint16_t bad_type, bad_reason;
	uint32_t bad_key_tag;
	uint64_t last_sent_us;
};
/**
 * Add one core's evidence to a sample: sums for counters, newest inception, nearest expiration (of cores that
 * sent within ROUTE_EXPIRATION_FRESH_US of the most recent one), and the bad reply whose signature ended last.
 * Any thread.
 */
void route_sample_add(struct route_sample *s, const struct route_evidence *e);

enum route_finding_kind {
	ROUTE_F_SITE_FAULT,   // a path goes to failing: siblings answer well
	ROUTE_F_LAGGING,      // early warning: moved before a bogus answer
	ROUTE_F_ZONE_FAULT,   // every site of the zone is bad: nothing moves
	ROUTE_F_OURS,         // every zone is bad: our clock or our egress; nothing moves
	ROUTE_F_PROBATION,
	ROUTE_F_RETURNED,     // back to up
	ROUTE_F_LAST_PATH,    // would have been drained, but is the last one
	ROUTE_F_CLEARED,      // a zone fault or "ours" is over
};
const char *route_finding_name(enum route_finding_kind k);

struct route_finding {
	enum route_finding_kind kind;
	uint16_t path;             // id; 0xffff for zone and ours
	uint16_t zone;             // index in the config; 0xffff for ours
	enum route_state from, to;
	enum route_outcome worst;  // what was bad
	uint32_t bad, total;       // in the window
	uint32_t good_siblings;    // sites that testify
	uint32_t bad_expiration;   // of the failing signature, 0 if none
	uint16_t bad_type, bad_reason;
	uint32_t bad_key_tag;
	uint64_t first_bad_ms;     // judge clock at the first bad outcome of this episode, 0 unknown
};

struct route_judge;
int route_judge_new(const struct route_judge_params *params, struct route_judge **out);
void route_judge_free(struct route_judge *j);

/**
 * One tick.
 *
 * @param samples  indexed by path id, route_paths_count() entries, cumulative since start
 * @param now_ms   monotonic
 * @param epoch_s  wall clock, for expirations
 * @param out      findings; room for out_max, more are dropped but states still change
 * @return findings; path->state in p is changed in place. O(paths).
 */
size_t route_judge_tick(struct route_judge *j, struct route_paths *p, const struct route_sample *samples,
	uint64_t now_ms, uint32_t epoch_s, struct route_finding *out, size_t out_max);

/** Forget what is known of a path id that was given back and may be reused. */
void route_judge_forget(struct route_judge *j, uint16_t path);
