#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "routing/judge.h"

/**
 * What one path did lately. Two resolutions of the same deltas: the last ROUTE_FINE ticks each for
 * themselves (who was bad first, and who answered well after that), and ROUTE_BUCKETS buckets over
 * the whole window (how much, of which outcome). And for signature times, which change slowly,
 * ROUTE_LAG_SLOTS windows.
 */
enum { ROUTE_FINE = 32, ROUTE_BUCKETS = 20, ROUTE_LAG_SLOTS = 6 };

/** Classes of outcomes that are judged alike. Indeterminate and unreachable are in none. */
enum route_class {
	ROUTE_C_GOOD,
	ROUTE_C_SIG,    // expired, bogus, unsigned: a sound site never does this
	ROUTE_C_ODD,    // lame, SERVFAIL, REFUSED, error: a sound site does it now and then
	ROUTE_C_SILENT, // timeout: the network does it now and then
	ROUTE_CLASSES,
};
enum {
	ROUTE_M_SIG = 1 << ROUTE_C_SIG,
	ROUTE_M_ODD = 1 << ROUTE_C_ODD,
	ROUTE_M_SILENT = 1 << ROUTE_C_SILENT
};

struct route_tally {
	uint32_t n[ROUTE_CLASSES];
};
/** Outcomes of some classes: a mask of ROUTE_M_*. */
uint32_t route_tally_of(const struct route_tally *t, unsigned classes);
/** Outcomes of all classes, good ones included. */
uint32_t route_tally_total(const struct route_tally *t);

/** Ticks and buckets, one for all windows of a judge. */
struct route_clock {
	uint32_t window_ms, bucket_ms;
	uint64_t now_ms;
	uint64_t bucket; // now_ms / bucket_ms
	uint64_t tick;   // count
	uint64_t tick_ms[ROUTE_FINE];
};
void route_clock_init(struct route_clock *c, uint32_t window_ms);
/** A clock that went back stands still. */
void route_clock_advance(struct route_clock *c, uint64_t now_ms);

struct route_bucket {
	uint32_t outcome[ROUTE_O_MAX];
	uint32_t refuted[ROUTE_CLASSES];
};

struct route_lag_slot {
	uint32_t secure;
	uint32_t nearest_expiration; // valid when secure > 0
};

/** The last probes, without regard to when they were: see probed.c. */
struct route_probed {
	uint64_t outcome[ROUTE_O_MAX]; // the last sample's
	uint64_t ms[ROUTE_JUDGE_PROBES];
	uint8_t last[ROUTE_JUDGE_PROBES]; // enum route_outcome; the n-th stands at n modulo size
	uint32_t count;
};

struct route_window {
	bool based;                                          // counters of a first sample are known
	uint64_t outcome[ROUTE_O_MAX], refuted[ROUTE_O_MAX]; // the last sample's
	uint64_t bucket;                                     // the clock's, when last absorbed
	struct route_bucket sum;                             // over buckets
	struct route_bucket buckets[ROUTE_BUCKETS];
	struct route_tally fine[ROUTE_FINE];
	struct route_tally now; // this tick's
	uint32_t blind_now;     // likewise, of no class
	struct route_lag_slot lag[ROUTE_LAG_SLOTS];
	uint64_t lag_slot; // number of the current one
	uint32_t newest_inception;
	// runs
	uint64_t onset_ms[ROUTE_CLASSES]; // start of the present run of this class, 0 none
	uint64_t last_ms[ROUTE_CLASSES];
	uint32_t good_run;   // good outcomes since the last bad one or timeout
	uint32_t silent_run; // timeouts since the last reply
	// indeterminate and unreachable ones since the last good one: since when, and the last
	uint32_t blind_run;
	uint64_t blind_since_ms, blind_ms;
	// the last bad reply, as sampled
	uint32_t bad_expiration, bad_key_tag;
	uint16_t bad_type, bad_reason;
	struct route_probed probed;
};

/** The class of an outcome; ROUTE_CLASSES when it is in none. */
enum route_class route_class_of(enum route_outcome o);

/** Take a sample; call it once a tick, also when nothing happened. */
void route_window_absorb(
	struct route_window *w, const struct route_clock *c, const struct route_sample *s);
/** Forget outcomes and runs, keep the counters' base. */
void route_window_clear(struct route_window *w);

/** All of the window. */
void route_window_all(const struct route_window *w, struct route_tally *out);
/**
 * From the tick at ms (inclusive) to now: exact within the last ROUTE_FINE ticks, else rounded to
 * whole buckets, the first one included.
 */
void route_window_since(const struct route_window *w, const struct route_clock *c, uint64_t ms,
	struct route_tally *out);
/**
 * When was the count-th most recent outcome of these classes? @return ms of its tick, or the start
 * of its bucket; 0 when the window has fewer
 */
uint64_t route_window_nth(const struct route_window *w, const struct route_clock *c,
	unsigned classes, uint32_t count);

/** Refuted ones in the window. */
uint32_t route_window_refuted(const struct route_window *w, unsigned classes);
/** Most frequent outcome of these classes in the window; ROUTE_O_MAX when there is none. */
enum route_outcome route_window_worst(const struct route_window *w, unsigned classes);

/**
 * Secure answers of the last ROUTE_LAG_SLOTS windows (a path that carries nothing but probes needs
 * that long to give a few) and their nearest expiration, which is set when the result is not 0.
 */
uint32_t route_window_secure(const struct route_window *w, uint32_t *nearest);

/* probed.c */

/** Take over the counters of a sample without looking at what they count. */
void route_probed_base(struct route_probed *p, const struct route_sample *s);
/** Take a sample whose counters did not fall. */
void route_probed_absorb(
	struct route_probed *p, const struct route_clock *c, const struct route_sample *s);
/** Forget the probes, keep the counters' base. */
void route_probed_clear(struct route_probed *p);
/**
 * By which classes do the last probes make a path ill, and since when?
 * @param bad_min  of struct route_judge_params
 * @return mask of ROUTE_M_*, 0: not ill, and since_ms is left alone
 */
unsigned route_probed_illness(const struct route_probed *p, uint32_t bad_min, uint64_t *since_ms);
/** Probes remembered of the time from ms on. */
void route_probed_since(const struct route_probed *p, uint64_t ms, struct route_tally *out);
/** The last bad or lost one; ROUTE_O_MAX when none is remembered. */
enum route_outcome route_probed_worst(const struct route_probed *p);
