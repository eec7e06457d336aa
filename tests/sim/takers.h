#pragma once

#include <stdint.h>

#include "tests/sim/plan.h"

/**
 * Who takes over a zone whose first site was left, against share limits. Only first choices: a
 * limit restrains no retry. All sites have the same limit here.
 */
enum {
	SIM_PLACES = 4,           // sites in a zone's order
	SIM_TAKING_MIN = 100,     // first choices of which a share means something
	SIM_LIMIT_DEVIATIONS = 4, // beyond its limit by more than this many is no chance
};

/** First choices of a zone of an edge while its first site was away. */
struct sim_taking {
	uint64_t asked;
	uint64_t taken[SIM_PLACES]; // by the site's place in the zone's order
	// What its limit lets one site have of `asked`, and the variance if it has just that: each
	// first choice is an independent draw, so the count is binomial.
	double allowed, variance;
};

/**
 * Count one.
 *
 * @param place          of the site that was chosen, < SIM_PLACES
 * @param limit_percent  of every site of the zone, 1..100
 * @param usable         sites that could have been chosen, > 0: where their limits together are
 *                       below 100 %, all of them grow to an equal share
 */
void sim_taking_count(
	struct sim_taking *t, unsigned place, unsigned limit_percent, unsigned usable);
/** What a site took above what is allowed, in standard deviations; negative below. */
double sim_taking_excess(const struct sim_taking *t, unsigned place);

/** All takings, and what of a single one was the most. */
struct sim_takers {
	struct sim_taking all;
	uint64_t told, few;    // sites that took anything, by taking; few: not enough to tell
	uint64_t beyond;       // of those told, by more than SIM_LIMIT_DEVIATIONS
	double share, allowed; // the largest share that one told took, and its limit then
	double excess;         // the largest of those told
};

/**
 * Add a taking; an empty one changes nothing. Its sites are told when it has SIM_TAKING_MIN, and as
 * many that one which took all would be found beyond its limit.
 */
void sim_takers_add(struct sim_takers *s, const struct sim_taking *t);
