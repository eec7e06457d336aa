// rte_power_intrinsics.h has been experimental since 2020.
#define ALLOW_EXPERIMENTAL_API

#include "dataplane/idle.h"

#include <sys/prctl.h>
#include <time.h>

#include <rte_common.h>
#include <rte_cpuflags.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>
#include <rte_power_intrinsics.h>

/*
 * Waiting when there is nothing to do.
 *
 * The rule of the worker's path, no wait and no system call, is about packets: none may stand
 * behind another one's. Here a turn has just found every queue and ring empty, and for the last
 * SPIN_US too, so no packet is in our hands. What comes next is what can be late, and by how much
 * is bounded twice: by the longest wait, and by half of the silence before it. A worker with more
 * than 1 / SPIN_US packets a second never gets here; one that wakes to work polls on at once.
 *
 * Waits are short on purpose (DP_IDLE_MAX_US). A waiting worker stays online for the grace period
 * of views, which is then late by one wait: a view, an order to stop or drain, a handed-over reply,
 * a verification and a timer (a millisecond each) are seen within one wait, as within one turn
 * before.
 * What arrives meanwhile has to fit into a receive ring: 2,048 descriptors are 400 us at 5 Mpps.
 *
 * Sleeping gives the CPU back to the kernel. TPAUSE and UMWAIT keep it, at less power and without
 * the way through the scheduler: for lcores that nobody else uses. UMWAIT ends when the NIC writes
 * a descriptor, but can look at one place only.
 */

enum {
	SPIN_US = 50, // silence before the first wait
	SHARE = 2,    // a wait is at most one SHAREth of the silence so far
};

enum dp_idle_way dp_idle_choose(enum dp_idle_mode mode, bool can_pause, bool can_monitor)
{
	if (mode == DP_IDLE_POLL)
		return DP_IDLE_SPIN;
	if (mode == DP_IDLE_POWER && can_monitor)
		return DP_IDLE_UMWAIT;
	return mode == DP_IDLE_POWER && can_pause ? DP_IDLE_PAUSE : DP_IDLE_SLEEP;
}

const char *dp_idle_way_name(enum dp_idle_way way)
{
	static const char *const names[DP_IDLE_WAYS] = {
		[DP_IDLE_SPIN] = "spin",
		[DP_IDLE_SLEEP] = "sleep",
		[DP_IDLE_PAUSE] = "tpause",
		[DP_IDLE_UMWAIT] = "umwait",
	};

	return names[way];
}

void dp_idle_init(
	struct dp_idle *i, const struct dp_idle_config *cfg, const uint16_t *port, uint16_t queue)
{
	uint32_t max_us = cfg->max_us != 0 ? cfg->max_us : DP_IDLE_DEFAULT_US;
	struct rte_cpu_intrinsics cpu;
	struct rte_power_monitor_cond where;
	bool can_monitor;

	rte_cpu_get_intrinsics_support(&cpu);
	can_monitor = cpu.power_monitor && port != NULL &&
		      rte_eth_get_monitor_addr(*port, queue, &where) == 0;
	i->way = dp_idle_choose(cfg->mode, cpu.power_pause, can_monitor);
	i->port = port != NULL ? *port : 0;
	i->queue = queue;
	i->cycles_per_us = RTE_MAX(rte_get_tsc_hz() / 1000000, UINT64_C(1));
	i->spin_cycles = SPIN_US * i->cycles_per_us;
	i->max_cycles = RTE_MIN(max_us, (uint32_t)DP_IDLE_MAX_US) * i->cycles_per_us;
	i->last_work = rte_rdtsc();
}

void dp_idle_begin(struct dp_idle *i)
{
	// By default the kernel makes sleeps 50 us longer, to wake for several at once.
	if (i->way == DP_IDLE_SLEEP)
		(void)prctl(PR_SET_TIMERSLACK, 1ul, 0ul, 0ul, 0ul);
	i->last_work = rte_rdtsc();
	atomic_store_explicit(&i->began, i->last_work, memory_order_relaxed);
}

uint64_t dp_idle_span(const struct dp_idle *i, uint64_t cycles)
{
	// last_work was read on this lcore, so it is never later; but the TSC is not ours to trust
	uint64_t silence = cycles > i->last_work ? cycles - i->last_work : 0;

	return silence < i->spin_cycles ? 0 : RTE_MIN(silence / SHARE, i->max_cycles);
}

static void sleep_for(const struct dp_idle *i, uint64_t span)
{
	struct timespec t = {.tv_nsec = (long)(span * 1000 / i->cycles_per_us)};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

static void wait_for_queue(const struct dp_idle *i, uint64_t until)
{
	struct rte_power_monitor_cond where; // the next descriptor, another one each time

	if (rte_eth_get_monitor_addr(i->port, i->queue, &where) == 0)
		rte_power_monitor(&where, until);
}

void dp_idle_rest(struct dp_idle *i, uint64_t cycles)
{
	uint64_t span = dp_idle_span(i, cycles);

	if (span == 0) {
		rte_pause();
		return;
	}
	if (i->way == DP_IDLE_UMWAIT)
		wait_for_queue(i, cycles + span);
	else if (i->way == DP_IDLE_PAUSE)
		rte_power_pause(cycles + span);
	else
		sleep_for(i, span);
	// one writer: no read-modify-write
	atomic_store_explicit(&i->waits, atomic_load_explicit(&i->waits, memory_order_relaxed) + 1,
		memory_order_relaxed);
	atomic_store_explicit(&i->waited_cycles,
		atomic_load_explicit(&i->waited_cycles, memory_order_relaxed) + rte_rdtsc() -
			cycles,
		memory_order_relaxed);
}
