#pragma once

#include "tests/sim/plan.h"
#include "tests/sim/score.h"

/** One forwarder: its own table, judge, clients and probes. Edges do not know each other. */
struct sim_edge_config {
	unsigned region; // 0..sites - 1
	unsigned sites;  // in the world, at least SIM_ROUNDS and a multiple of it
	unsigned band;   // of sim_band_rate
	uint64_t seed;
	unsigned limit_percent; // share limit of every site in every zone, 1..100; 100: none
	// Run the judge at every ROUTE_JUDGE_TICK_MS. Else ticks at which nothing has happened are
	// left out while every path is up and has shown nothing bad within two windows: the judge
	// would find nothing then, and what it holds is the same afterwards.
	bool every_tick;
};

/** Live through the plan; adds to the score. Ends the program without memory. */
void sim_edge_live(
	const struct sim_edge_config *c, const struct sim_plan *plan, struct sim_score *score);
