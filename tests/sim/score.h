#pragma once

#include <stdio.h>

#include "routing/judge.h"
#include "tests/sim/plan.h"
#include "tests/sim/takers.h"

/** What came of it, over all edges. */

enum {
	SIM_BANDS = 5,          // edges by queries a second
	SIM_AROUND_BEFORE = 60, // seconds kept around the begin of a fault
	SIM_AROUND = 420,
	SIM_OFFSETS = 5, // sites around the one that fails: 0, +1, -1, +2, -2
};

/** Queries a second of an edge, by band. */
extern const unsigned sim_band_rate[SIM_BANDS];

/** One path of a site that failed, as one edge saw it. */
struct sim_record {
	uint8_t kind, band;
	bool first;    // the zone's first choice there: it carries traffic
	bool found;    // left in time
	uint32_t ms;   // from the begin of the fault until it was left
	uint32_t seen; // bad answers and timeouts received from it until then
	uint8_t lag;   // enum route_lag
};

struct sim_score {
	struct sim_record *record;
	size_t record_count, record_room;
	// findings that should not be
	uint64_t wrong_calm, wrong_near, wrong_control;
	uint64_t withdrawn, last_path;
	uint64_t relapses;             // probations that something by chance has ended
	uint64_t held_zone, held_ours; // control groups named as what they are, by edges
	uint64_t lives[SIM_KINDS];     // edges times faults
	uint64_t flaps;                // returns of a zone less than return_min_ms apart
	uint64_t moves[SIM_KINDS];     // paths left and returned, by the last fault before
	unsigned moves_minute_max;     // of one zone of one edge within a minute
	uint64_t unreturned;           // paths not up again when the next fault begins
	uint64_t asked, failed, sent, probes, ticks, lived_ms, calm_ms;
	// by kind: questions and answers to clients while the fault lasts
	uint64_t fault_asked[SIM_KINDS], fault_failed[SIM_KINDS], fault_sent[SIM_KINDS];
	// queries a second around the begin of a fault of both families at a zone's first choice
	uint64_t around[SIM_KINDS][SIM_OFFSETS][SIM_AROUND];
	struct sim_takers takers; // against share limits, while faults last
	uint64_t log_hash;        // of every finding, in order: two runs compare by it
	// client queries by site and minute, of those that the plan has
	size_t sites, minutes;
	uint32_t *load;
};

/** @retval 0, -ENOMEM */
int sim_score_init(struct sim_score *s, size_t sites, const struct sim_plan *plan);
void sim_score_fini(struct sim_score *s);
/** Grows by one; ends the program without memory. */
struct sim_record *sim_score_add(struct sim_score *s);
/** Kept by kind and whether it is the first choice; band SIM_BANDS: all. @return records, missed */
size_t sim_score_times(const struct sim_score *s, enum sim_kind kind, bool first, unsigned band,
	uint32_t *out, size_t *missed);
/**
 * What one of the other sites took of a site that failed, of those with enough traffic to tell: the
 * largest part over minutes. @return the number of sites and faults in `out`, sorted; out has room
 * for plan->count times sites
 */
size_t sim_score_takeover(const struct sim_score *s, const struct sim_plan *plan, double *out);
/** All as one JSON object. */
void sim_score_json(const struct sim_score *s, const struct sim_plan *plan, FILE *to);
/** A table for people. */
void sim_score_print(const struct sim_score *s, const struct sim_plan *plan, FILE *to);
