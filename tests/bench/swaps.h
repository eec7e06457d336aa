#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * Tables swapped under full load, in this process: a worker on an lcore of its own over two ports
 * made of rings, a generator that plays clients and sites on the calling thread, and a third thread
 * that is control: the real world, published as the daemon does it, views let go at the daemon's
 * interval.
 *
 * There are SWAPS_TAGS sites. Table k sends every query to site k, and its next hops have k in
 * their MAC: a query whose address and MAC disagree was routed by a half-made table, or by parts of
 * two.
 * Freed memory is scribbled over, so that a table that went too early shows likewise. Every query
 * has a name of its own, so that each answer is for exactly one.
 *
 * By hand, the generator cannot be what is short of a core: what a packet costs the worker is then
 * told from what control does at the same time.
 */

enum { SWAPS_TAGS = 8, SWAPS_POLL_MS = 5 };

struct swaps_spec {
	unsigned zones, regions; // of the table; all but one zone are there for its size
	bool states;             // swap by states of paths, not by new routes
	bool by_hand; // worker and generator take turns on one core, control has the other
};

struct swaps_result {
	uint64_t swaps, refused; // published; not published, because too many views were out
	uint64_t sent, answered, lost, duplicated;
	uint64_t torn;             // by a mixture of two tables, or by none that was ever there
	uint64_t odd;              // an answer that is none, a packet that cannot be read
	uint64_t retried, dropped; // by the worker
	uint64_t tables_seen;      // changes of the tag from one upstream query to the next
	double seconds;            // of load
	// of the worker's turns, but those in which somebody else had its core
	double cycles_per_packet;
	// from the publication to the old table's end
	double freed_p50_ms, freed_p99_ms, freed_max_ms;
	uint64_t freed_late; // after more than 10 ms
	// CPU time of its own that the worker needs to let go, whoever else uses its core meanwhile
	double grace_p50_us, grace_p99_us, grace_max_us;
};

/** EAL and all that is above; once a process. Ends it with a sentence when it cannot. */
void swaps_open(const struct swaps_spec *spec, const char *program);
void swaps_close(void);
/**
 * Load for a while, swapping all the time, then wait for what is out.
 * @param swaps_per_s  0: none
 * @param swaps_max    ends the load when so many are done, and some are watched closely; 0: after
 *                     `seconds`
 */
void swaps_run(double seconds, double swaps_per_s, uint64_t swaps_max, struct swaps_result *out);
