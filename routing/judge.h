#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "routing/evidence.h"
#include "routing/table.h"

/**
 * Judgement: evidence and a clock in, path states and findings out. Pure: no thread, no DPDK, no
 * system clock; simulated in tests. Called by control every ROUTE_JUDGE_TICK_MS. The rules are in
 * README.md.
 *
 * Who testifies: a bad outcome counts against a path when the same question was answered well by
 * another site (`refuted`), or when a sibling site gave good answers after the path's first bad
 * one. At 1,000 queries a second with a third of the answers newly expired, three refuted ones are
 * there within 10 ms: the path must be left at the next tick, although most of its answers in the
 * window are still good.
 *
 * A path that carries nothing but probes is judged by its last few probes, however long ago they
 * were: every path is asked the same, so a sibling site whose probes are good all that time
 * testifies.
 */

enum {
	ROUTE_JUDGE_TICK_MS = 50,
	ROUTE_JUDGE_PROBES = 16, // of a path that are remembered
	ROUTE_EXPIRATION_FRESH_US = 10000000
};

/** Thresholds, named; defaults by route_judge_defaults(). */
struct route_judge_params {
	// evidence older than this is forgotten, default 10000; at least ROUTE_JUDGE_TICK_MS
	uint32_t window_ms;
	// bad outcomes in the window before a path may be blamed, default 3; so many of the last
	// 2 * bad_min - 1 probes with a bad signature, one more in a row that are bad in any other
	// way, twice as many in a row without an answer blame it too, by at most
	// ROUTE_JUDGE_PROBES of them
	uint32_t bad_min;
	// and at least this share of its outcomes, default 20; not asked of EXPIRED, BOGUS and
	// UNSIGNED that were refuted: bad_min refuted ones suffice
	uint32_t bad_percent;
	// the same for timeouts alone, defaults 8 and 50
	uint32_t timeout_min;
	uint32_t timeout_percent;
	// good outcomes that a sibling site must have in the window to testify, default 3
	uint32_t peer_good_min;
	// quiet time before a failing path is tried again, default 60000
	uint32_t probation_after_ms;
	// consecutive good outcomes (probes) to come back, default 10
	uint32_t probation_good;
	// lagging: nearest expiration closer than this while siblings' are farther, default 3600
	uint32_t expiry_margin_s;
	// lagging: newest inception behind the freshest sibling by more than this, default 86400
	uint32_t lag_s;
	// lagging: the SOA serial stands still for so long, behind those of half of the sites;
	// default 1800000, 0: never
	uint32_t serial_lag_ms;
	// at most one return per zone in this time, default 60000
	uint32_t return_min_ms;
	// secure answers that a path must have given lately before its inceptions say that it lags:
	// RRsets are signed at different times and few answers may all be old ones; default 32
	uint32_t lag_answers;
};
/** Every threshold at its default. */
void route_judge_defaults(struct route_judge_params *p);

/** Evidence of one path summed over all cores: plain numbers, same meaning as route_evidence. */
struct route_sample {
	uint64_t outcome[ROUTE_O_MAX];
	uint64_t refuted[ROUTE_O_MAX];
	uint64_t probed[ROUTE_O_MAX]; // of outcome: answers to our own probes
	uint64_t sent;
	uint64_t rtt_us_sum, rtt_count;
	uint64_t rtt_bucket[ROUTE_RTT_BUCKETS];
	uint32_t newest_inception, nearest_expiration;
	uint32_t serial; // SOA serial of the last probe, 0: none seen
	uint32_t bad_expiration;
	uint16_t bad_type, bad_reason;
	uint32_t bad_key_tag;
	uint64_t last_sent_us;
};
/**
 * Add one sample to another of the same path: sums for counters; newest inception; nearest
 * expiration, unless one of the two was last sent something ROUTE_EXPIRATION_FRESH_US before the
 * other (an idle core shows the expiration of a reply that may be days old); of the bad replies the
 * one whose signature ended last.
 */
void route_sample_merge(struct route_sample *to, const struct route_sample *from);
/**
 * The round-trip time that `percent` of the replies did not exceed, from the buckets: the upper end
 * of the bucket it lies in, so at most twice what it was.
 * @param percent  1..100
 * @return µs; 0 without replies, UINT64_MAX beyond the last bound
 */
uint64_t route_sample_rtt_us(const struct route_sample *s, unsigned percent);
/** Add one core's evidence to a sample, by the same rules. Any thread. */
void route_sample_add(struct route_sample *s, const struct route_evidence *e);

enum route_finding_kind {
	ROUTE_F_SITE_FAULT, // a path goes to failing: siblings answer well
	ROUTE_F_LAGGING,    // early warning: moved before a bogus answer
	ROUTE_F_ZONE_FAULT, // every site of the zone is bad: nothing moves
	ROUTE_F_OURS,       // every zone is bad or out of reach: our clock or egress; nothing moves
	ROUTE_F_PROBATION,
	ROUTE_F_RETURNED,  // back to up
	ROUTE_F_LAST_PATH, // would have been drained, but is the last one
	ROUTE_F_CLEARED,   // a zone fault or "ours" is over
	ROUTE_F_WITHDRAWN, // failing back to up: the blame proved to be the zone's fault, or ours
	ROUTE_F_KINDS,
};
/** Short stable name, as "site_fault"; never NULL. Any thread. */
const char *route_finding_name(enum route_finding_kind k);

/** By what a path is seen to lag. */
enum route_lag {
	ROUTE_LAG_NONE,
	ROUTE_LAG_EXPIRY,    // its signatures are near their end, a sibling's are not
	ROUTE_LAG_INCEPTION, // its newest signature is old, a sibling's is not
	ROUTE_LAG_SERIAL,    // its SOA serial stands still behind a sibling's
};

/** Short stable name, as "serial"; never NULL. Any thread. */
const char *route_lag_name(enum route_lag l);

struct route_finding {
	enum route_finding_kind kind;
	uint16_t path; // id; 0xffff for zone and ours
	uint16_t zone; // index in the config; 0xffff for ours
	enum route_state from, to;
	// what was bad; ROUTE_O_MAX when nothing was (lagging, probation, returned)
	enum route_outcome worst;
	uint32_t bad, total;     // in the window
	uint32_t good_siblings;  // sites that testify
	uint32_t bad_expiration; // of the failing signature, 0 if none
	uint16_t bad_type, bad_reason;
	uint32_t bad_key_tag;
	uint64_t first_bad_ms; // judge clock at the first bad outcome of this episode, 0 unknown
	// of ROUTE_F_LAGGING
	enum route_lag lag;
	uint32_t lag_by;  // ROUTE_LAG_SERIAL: serials behind; else seconds behind the freshest
	uint64_t lag_ms;  // ROUTE_LAG_SERIAL: for how long it has stood still
	uint32_t nearest; // nearest expiration lately, 0 none: what is left before a bogus answer
};

struct route_judge;
/** @retval 0, -ENOMEM, -EINVAL (a window or minimum of 0, a share over 100) */
int route_judge_new(const struct route_judge_params *params, struct route_judge **out);
void route_judge_free(struct route_judge *j);

/**
 * One tick.
 *
 * The first sample of a path is where its counters start: it says nothing by itself. A counter that
 * fell (evidence was reset) starts anew likewise. A state that was set from outside since the last
 * tick (an operator's drain or restore) is taken over, and what the path did before is forgotten.
 *
 * @param samples  indexed by path id, route_paths_count() entries, cumulative since start; probes'
 *                 outcomes included
 * @param now_ms   monotonic, above 0
 * @param epoch_s  wall clock, for expirations
 * @param out      findings; room for out_max, more are dropped but states still change
 * @return findings in out; path->state in p is changed in place. O(paths). No allocation.
 */
size_t route_judge_tick(struct route_judge *j, struct route_paths *p,
	const struct route_sample *samples, uint64_t now_ms, uint32_t epoch_s,
	struct route_finding *out, size_t out_max);

/** Forget what is known of a path id that was given back and may be reused. */
void route_judge_forget(struct route_judge *j, uint16_t path);

/**
 * What must outlive the process so that the next one does not send queries to a bad path again:
 * durations, because the next one's clock may be another. Of the window only the run of good
 * outcomes is kept: evidence is gathered anew.
 */
struct route_judge_memory {
	enum route_state state;
	uint64_t age_ms;   // in this state
	uint64_t quiet_ms; // since the last bad one, or since it was seen to lag; at most age_ms
	uint32_t lag_inception; // newest one when it was found to lag; 0: it was not
	uint32_t good_run;      // good outcomes in a row
	uint8_t strikes;        // relapses: each doubles the wait
};
/** @retval 0, -ENOENT the judge has not seen this path */
int route_judge_remember(
	const struct route_judge *j, uint16_t path, struct route_judge_memory *out);
/**
 * Take over what another judge knew of a path, before the first tick that sees it; path->state is
 * the caller's to set. Values out of range are cut.
 * @param now_ms  clock of the ticks to come
 */
void route_judge_recall(
	struct route_judge *j, uint16_t path, const struct route_judge_memory *m, uint64_t now_ms);

/** What the judge holds of a path, for operators. */
struct route_judge_info {
	enum route_state state;              // at the last tick
	uint64_t since_ms;                   // judge clock when it came into this state
	uint32_t good, bad, timeouts, total; // in the window; total has all three, nothing else
	uint32_t refuted;     // bad ones and timeouts that another site answered well
	uint32_t bad_percent; // bad of total, 0 when there is none
	// most frequent bad outcome or timeout; ROUTE_O_MAX when there is none
	enum route_outcome worst;
	uint64_t first_bad_ms; // of the present run of bad ones, 0 none
	// quiet time that a failing or lagging path needs before probation
	uint32_t returns_after_ms;
	bool found; // a finding about this path was made: kind and time follow
	enum route_finding_kind last_finding;
	uint64_t last_finding_ms;
};
/** @retval 0, -ENOENT the judge has not seen this path */
int route_judge_path_info(const struct route_judge *j, uint16_t path, struct route_judge_info *out);
/**
 * Is a zone (index in the current config) held as faulty everywhere? `ours` likewise for all zones;
 * either may be NULL.
 */
bool route_judge_zone_fault(const struct route_judge *j, uint16_t zone, bool *ours);
