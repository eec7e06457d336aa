// rte_lcore_register_usage_cb() came with DPDK 23.03.
#define ALLOW_EXPERIMENTAL_API

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_version.h>

#include "dataplane/dataplane_priv.h"

/*
 * How busy each lcore is, for DPDK's own tools as well: /eal/lcore/usage asks EAL, which asks us.
 * It does so on a thread of its own, so what it finds is set once the lcores run and taken back
 * before they go.
 */

static uint64_t get(const _Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

static void fill(const struct dp *dp, unsigned i, uint64_t now, struct dp_lcore_use *out)
{
	bool crypto = i >= dp->cfg.worker_count;
	const struct dp_crypto_arg *c = &dp->crypto_arg[crypto ? i - dp->cfg.worker_count : 0];
	const struct dp_worker *w = dp->worker[crypto ? 0 : i];
	uint64_t began = get(crypto ? &c->idle.began : &w->idle.began);

	out->lcore = dp->lcore[i];
	out->crypto = crypto;
	out->total_cycles = began != 0 && now > began ? now - began : 0;
	out->busy_cycles = get(crypto ? &c->busy_cycles : &w->counters.busy_cycles);
}

unsigned dp_lcore_uses(const struct dp *dp, struct dp_lcore_use *out, unsigned max)
{
	uint64_t now = rte_rdtsc();
	unsigned n = RTE_MIN(dp->launched, max);

	for (unsigned i = 0; i < n; i++)
		fill(dp, i, now, &out[i]);
	return n;
}

#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)

static _Atomic(const struct dp *) watched;

static int usage(unsigned lcore, struct rte_lcore_usage *out)
{
	const struct dp *dp = atomic_load(&watched);

	for (unsigned i = 0; dp != NULL && i < dp->launched; i++) {
		struct dp_lcore_use use;

		if (dp->lcore[i] != lcore)
			continue;
		fill(dp, i, rte_rdtsc(), &use);
		out->total_cycles = use.total_cycles;
		out->busy_cycles = use.busy_cycles;
		return 0;
	}
	return -1;
}

void dp_lcores_watch(const struct dp *dp)
{
	atomic_store(&watched, dp);
	rte_lcore_register_usage_cb(dp != NULL ? usage : NULL);
}

#else

void dp_lcores_watch(const struct dp *dp)
{
	(void)dp;
}

#endif
