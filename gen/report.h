#pragma once

#include <jansson.h>

#include "gen/options.h"

/** One measurement at one rate. */
struct gen_trial {
	double rate, seconds;                    // asked for, and how long it took
	const struct gen_clients_stats *clients; // NULL: not played
	const struct gen_sites_stats *sites;     // NULL: not played
	uint64_t malformed; // frames at both ends that are no UDP to us, or damaged
};

/** What was counted, as JSON. The caller's reference. NULL: no memory */
json_t *gen_report_json(const struct gen_trial *t);
/** The same for people, to standard output. */
void gen_report_text(const struct gen_trial *t);
