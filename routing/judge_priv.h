#pragma once

#include "routing/judge.h"
#include "routing/window_priv.h"

/**
 * The judge's parts: judge.c runs the tick and decides whose fault it is, assess.c says which paths
 * are ill and who testifies, lag.c which fall behind, steps.c moves one path's state, findings.c
 * reports. All work on one judge, on one thread.
 */

struct route_path_state {
	struct route_window win;
	bool known;     // seen by a tick
	bool last_told; // LAST_PATH was reported in this episode
	bool found;
	uint8_t strikes;
	uint32_t odd;           // odd answers in this probation
	enum route_state state; // as we left it
	uint64_t since_ms;
	uint64_t last_bad_ms;      // starts the quiet time anew
	uint64_t lag_ms;           // seen to lag
	uint64_t blamed_ms;        // moved to failing on others' testimony
	uint32_t serial;           // SOA serial that it shows, 0 none
	uint64_t serial_behind_ms; // since when it stands still behind a sibling's, 0: it does not
	uint32_t lag_inception;    // the newest when it was found to lag, 0: it did not
	enum route_finding_kind last_finding;
	uint64_t last_finding_ms;
	// of this tick
	enum route_lag lag;
	uint32_t lag_by;
	unsigned ill;            // mask of ROUTE_M_*: the classes that it is ill by, in the window
	unsigned probe_ill;      // likewise, by its last probes
	uint64_t probe_since_ms; // the first of these; when probe_ill is not 0
	uint32_t witnesses;
};

static inline bool route_is_ill(const struct route_path_state *s)
{
	return (s->ill | s->probe_ill) != 0;
}

struct route_zone_state {
	struct dns_name name;
	uint16_t index;        // in the config
	uint32_t first, count; // in judge.order
	uint32_t sites;
	bool fault;            // everywhere, reported
	uint64_t bad_since_ms; // start of the present stretch of ticks at which it was bad, 0 none
	uint64_t bad_ms;       // last tick at which it was
	uint64_t returned_ms;  // last return or withdrawal, 0 none
	// of this tick
	bool bad;
	bool blind;         // its answers do not arrive or cannot be judged, for reasons of ours
	uint32_t bad_sites; // with anything bad in the window
	uint64_t onset_ms;  // latest onset of an ill path
	uint64_t last_ms;   // last bad outcome of an ill path
};

/* Paths sorted by zone, then site. */
struct route_place {
	uint16_t zone, site, id;
};

struct route_judge {
	struct route_judge_params params;
	struct route_clock clock;
	uint32_t epoch_s;
	uint64_t generation;
	bool grouped;
	bool ours;                       // reported
	uint64_t ours_since_ms, ours_ms; // as a zone's bad_since_ms, bad_ms
	uint32_t path_count, zone_count;
	struct route_place order[ROUTE_PATHS_MAX];
	struct route_zone_state zones[ROUTE_PATHS_MAX], old_zones[ROUTE_PATHS_MAX];
	struct route_path_state path[ROUTE_PATHS_MAX];
	// of this tick
	struct route_paths *paths;
	struct route_finding *out;
	size_t out_count, out_max;
};

// A bad site's wait doubles with every relapse, this often.
enum { ROUTE_STRIKES_MAX = 5 };
// One lost probe does not end a probation, two in a row do; nor does one odd answer (class ODD),
// two before enough good ones in a row do. Either lets that row begin anew.
enum { ROUTE_PROBATION_SILENT = 2, ROUTE_PROBATION_ODD = 2 };

static inline bool route_judge_due(const struct route_judge *j, uint64_t last_ms, uint64_t wait_ms)
{
	return last_ms == 0 || j->clock.now_ms - last_ms >= wait_ms;
}

/** Keep the start and the last tick of a stretch of bad ones. */
static inline void route_note_stretch(
	bool bad, uint64_t now_ms, uint64_t *since_ms, uint64_t *last_ms)
{
	if (!bad) {
		*since_ms = 0;
		return;
	}
	if (*since_ms == 0)
		*since_ms = now_ms;
	*last_ms = now_ms;
}

/* assess.c */

/** Set ill and witnesses of every path of a zone, and whether the zone is bad everywhere. */
void route_judge_assess(struct route_judge *j, struct route_zone_state *z);
/** Is every zone that says anything bad, and are there at least two? */
bool route_judge_all_bad(const struct route_judge *j);
/** Has a path that is not ill given enough good answers from ms on? */
bool route_judge_answers_since(
	const struct route_judge *j, const struct route_path_state *s, uint64_t ms);

/* lag.c */

/** Take over a path's SOA serial: one that moves is not behind from now on. */
void route_judge_note_serial(struct route_path_state *s, uint32_t serial);
/** Note which paths of a zone show an earlier serial than a sibling, and since when. */
void route_judge_compare_serials(struct route_judge *j, const struct route_zone_state *z);
/**
 * Sites whose signatures or serials show that the path at order[at] lags behind; 0: it does not, or
 * nobody can tell. Sets its lag and lag_by.
 */
uint32_t route_judge_lag(struct route_judge *j, const struct route_zone_state *z, uint32_t at);

/* steps.c */

/** One path, one tick, in a zone that is not bad everywhere. */
void route_judge_step(struct route_judge *j, struct route_zone_state *z, uint32_t at);
void route_judge_set_state(struct route_judge *j, struct route_path *p, enum route_state to);
/** Quiet time that a failing or lagging path needs before probation. */
uint64_t route_judge_wait_ms(const struct route_judge *j, const struct route_path_state *s);

/* findings.c */

/** A finding about one path; its state is the new one already. */
void route_judge_report(struct route_judge *j, const struct route_path *p,
	enum route_finding_kind kind, enum route_state from);
/** About a zone, or (z NULL) about all: the sums, and the details of the path with most that is
 * bad. */
void route_judge_report_all(
	struct route_judge *j, const struct route_zone_state *z, enum route_finding_kind kind);
