#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * Finds the highest rate at which no more than a given share is lost, by bisection (RFC 2544
 * s26.1): with 0 the no-drop rate (NDR), with 0.001 the partial-drop rate (PDR). A rate that failed
 * is tried again before it counts as failed, since one hiccup of a shared machine is no property of
 * what is measured.
 *
 *     while (gen_search_next(&s, &rate))
 *             gen_search_told(&s, sent, lost);
 */
struct gen_search {
	double max_loss;  // share, 0..1
	double precision; // ends when the bracket is this share of the rate
	unsigned tries;   // how often a rate may fail
	// outcome
	double best; // highest that passed; 0: none did
	// state
	double low, high, rate;
	unsigned failed, steps;
	bool done;
};

enum { GEN_SEARCH_STEPS_MAX = 64 };

/**
 * @param min  below this nothing is tried; above 0
 * @param max  tried first; when it passes it is the result
 */
void gen_search_init(struct gen_search *s, double min, double max, double max_loss);
/** @return false when the search is over: s->best is the result */
bool gen_search_next(struct gen_search *s, double *rate);
/** What became of the rate that gen_search_next() gave. Nothing sent is a failure. */
void gen_search_told(struct gen_search *s, uint64_t sent, uint64_t lost);
