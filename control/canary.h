#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * A trial of new routes: what failed before it against what fails during it. Two shares are looked
 * at, each against its own past: answers to clients that are SERVFAIL or REFUSED, and tries at
 * upstreams that had to be repeated elsewhere (the clients of a bad site are served by another one
 * and notice nothing, but the site is bad). Pure: no clock, no dataplane. Control thread only.
 */

enum {
	CTL_CANARY_MAX_S = 86400,
	CTL_CANARY_RISE_PERCENT = 2, // default, in percentage points
	CTL_CANARY_BAD_MIN = 10,     // fewer failures say nothing
	CTL_CANARY_BEFORE_S = 60,    // how far back "before" reaches
	CTL_CANARY_TEXT_MAX = 256,
};

/** Cumulative counters. */
struct ctl_canary_counts {
	uint64_t answers, failed; // to clients
	uint64_t tries, repeated; // at upstreams
};

struct ctl_canary {
	// the past, one look a second; at[0] is the next to be written over
	struct ctl_canary_counts past[CTL_CANARY_BEFORE_S];
	unsigned next, known;
	uint64_t looked_ms;

	bool running;
	uint64_t number;  // of the table on trial
	uint64_t back_to; // of the table that comes back when it fails
	uint64_t end_ms;
	uint32_t rise_percent;
	struct ctl_canary_counts before,
		at_start; // before: what came about in the past, not counters
};

/** Look at the counters: call it often, also when nothing is on trial. */
void ctl_canary_look(struct ctl_canary *c, const struct ctl_canary_counts *now, uint64_t now_ms);

/** A table goes on trial. @param seconds 1..CTL_CANARY_MAX_S @param rise_percent 0..100 */
void ctl_canary_begin(struct ctl_canary *c, const struct ctl_canary_counts *now, uint64_t number,
	uint64_t back_to, uint32_t seconds, uint32_t rise_percent, uint64_t now_ms);

enum ctl_canary_verdict {
	CTL_CANARY_NONE, // nothing is on trial
	CTL_CANARY_GOES_ON,
	CTL_CANARY_PASSED, // its time is over and nothing rose
	CTL_CANARY_FAILED, // a share rose by more than allowed
};
/**
 * What is to be said of the trial now; one that is over is no longer running.
 * @param text  CTL_CANARY_TEXT_MAX octets: the shares, before and during, for PASSED and FAILED
 */
enum ctl_canary_verdict ctl_canary_judge(
	struct ctl_canary *c, const struct ctl_canary_counts *now, uint64_t now_ms, char *text);
