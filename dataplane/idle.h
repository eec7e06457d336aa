#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * What an lcore does when nothing comes: spin, or wait a little, so that an idle host is not at
 * 100 %. The essay is in idle.c.
 */

enum dp_idle_mode {
	DP_IDLE_POLL,     // spin, whatever it costs
	DP_IDLE_ADAPTIVE, // sleep, the longer the longer nothing came
	DP_IDLE_POWER,    // the same in the CPU's own power states; where it has none, sleep
};

/** What becomes of the mode on this machine. */
enum dp_idle_way {
	DP_IDLE_SPIN,
	DP_IDLE_SLEEP,  // the kernel has the CPU meanwhile
	DP_IDLE_PAUSE,  // TPAUSE: until a time
	DP_IDLE_UMWAIT, // UMONITOR and UMWAIT: until the only queue receives, or a time
	DP_IDLE_WAYS,
};

struct dp_idle_config {
	enum dp_idle_mode mode;
	uint32_t max_us; // of one wait; DP_IDLE_MAX_US at most, 0: default
};

enum { DP_IDLE_DEFAULT_US = 400, DP_IDLE_MAX_US = 1000 };

/** One lcore's. Its own but for the counters, which anybody may read. */
struct dp_idle {
	enum dp_idle_way way;
	uint16_t port, queue; // UMWAIT: the queue that ends the wait
	uint64_t cycles_per_us, spin_cycles, max_cycles;
	uint64_t last_work;                    // TSC
	_Atomic uint64_t began;                // TSC of dp_idle_begin(), 0 before
	_Atomic uint64_t waits, waited_cycles; // since the start
};

/**
 * @param can_pause    the CPU has TPAUSE
 * @param can_monitor  it has UMWAIT, there is one queue, and its driver says where to look
 */
enum dp_idle_way dp_idle_choose(enum dp_idle_mode mode, bool can_pause, bool can_monitor);
/** "spin", "sleep", "tpause", "umwait". */
const char *dp_idle_way_name(enum dp_idle_way way);

/**
 * Before the lcore starts. Looks at the CPU.
 * @param port  of ethdev, whose queue is all that the lcore polls; NULL: there are several or none
 */
void dp_idle_init(
	struct dp_idle *i, const struct dp_idle_config *cfg, const uint16_t *port, uint16_t queue);

/** On the lcore, once, before its loop: its sleeps shall be as short as they are asked to be. */
void dp_idle_begin(struct dp_idle *i);

/** How long to wait at `cycles` if there was no work, in cycles, at most max_cycles; 0: not yet. */
uint64_t dp_idle_span(const struct dp_idle *i, uint64_t cycles);

/** After a turn without work: spin on or wait, max_us at most. */
void dp_idle_rest(struct dp_idle *i, uint64_t cycles);

/** After every turn. @param cycles  the TSC now */
static inline void dp_idle_turn(struct dp_idle *i, unsigned work, uint64_t cycles)
{
	if (work > 0)
		i->last_work = cycles;
	else if (i->way != DP_IDLE_SPIN)
		dp_idle_rest(i, cycles);
}
