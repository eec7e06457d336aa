#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/pairs.h"
#include "tests/bench/swaps.h"

/**
 * Tables swapped under full load: is anything lost, doubled or half-routed, when is an old table
 * freed, and what do 100 swaps a second cost the worker?
 *
 *   bench_swaps [SWAPS]        new routes, 3 zones; 10,000 swaps
 *   bench_swaps --cost         the worker's rate with 100 of them a second over its rate without
 *   bench_swaps --cost-full    the same with new states of 1,600 zones in 16 regions
 */

enum { SWAPS = 10000, PAIRS = 31 };

static void figure(const char *bench, const char *what, const char *unit, double value)
{
	printf("%-52s %14.3f %s\n", what, value, unit);
	bench_json(bench, what, unit, value);
}

static bool tell(const char *bench, const struct swaps_result *r)
{
	figure(bench, "swaps", "", (double)r->swaps);
	figure(bench, "queries", "", (double)r->sent);
	figure(bench, "lost", "", (double)r->lost);
	figure(bench, "duplicated", "", (double)r->duplicated);
	figure(bench, "by a half-made table", "", (double)r->torn);
	figure(bench, "unreadable or failed", "", (double)r->odd);
	figure(bench, "tables seen by queries", "", (double)r->tables_seen);
	figure(bench, "old table freed after, median", "ms", r->freed_p50_ms);
	figure(bench, "old table freed after, 99 of 100", "ms", r->freed_p99_ms);
	figure(bench, "old table freed after, longest", "ms", r->freed_max_ms);
	figure(bench, "worker's own time until it lets go, median", "us", r->grace_p50_us);
	figure(bench, "worker's own time until it lets go, 99 of 100", "us", r->grace_p99_us);
	figure(bench, "worker's own time until it lets go, longest", "us", r->grace_max_us);
	figure(bench, "freed after more than 10 ms", "", (double)r->freed_late);
	return r->lost + r->duplicated + r->torn + r->odd + r->retried + r->dropped == 0;
}

/** Without and with, in turn; which comes first changes. */
static void compare(const char *bench)
{
	double cycles[PAIRS], swaps = 0, seconds = 0;

	for (unsigned i = 0; i < PAIRS; i++) {
		struct swaps_result r[2]; // without, with
		unsigned first = i % 2;

		for (unsigned k = 0; k < 2; k++) {
			unsigned with = (first + k) % 2;

			swaps_run(0.2, with ? 100 : 0, 0, &r[with]);
		}
		swaps += (double)r[1].swaps;
		seconds += r[1].seconds;
		cycles[i] = r[0].cycles_per_packet / r[1].cycles_per_packet;
	}
	figure(bench, "swaps a second, of 100 wanted", "", swaps / seconds);
	bench_ratio_tell(bench, "worker's rate, 100 swaps a second over none", cycles, PAIRS, 0.99);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	bool full = strcmp(what, "--cost-full") == 0, cost = full || strcmp(what, "--cost") == 0;
	const struct swaps_spec spec = {.zones = full ? 1600 : 3,
		.regions = full ? 16 : 2,
		.states = full,
		.by_hand = cost};
	const char *bench = full ? "swaps of 1600 x 16" : "swaps";
	bool good = true;
	struct swaps_result r;

	swaps_open(&spec, argv[0]);
	swaps_run(0.3, 0, 0, &r); // warm
	if (cost) {
		compare(bench);
	} else {
		swaps_run(0, 1000, *what ? strtoull(what, NULL, 10) : SWAPS, &r);
		good = tell(bench, &r);
	}
	swaps_close();
	return good ? 0 : 1;
}
