#include <string.h>

#include "dataplane/dataplane_priv.h"

/*
 * The dataplane's numbers, read while workers write them. Each is right by itself; together they
 * are a moment's only when nothing is going on.
 */

static uint64_t get(const _Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

static void get_all(const _Atomic uint64_t *c, uint64_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = get(&c[i]);
}

static void get_identity(const struct dp_counters *c, struct dp_stats *out)
{
	out->received = get(&c->received);
	out->matched = get(&c->matched);
	out->forwarded = get(&c->forwarded);
	out->answered = get(&c->answered);
	get_all(c->dropped, out->dropped, DP_DROP_MAX);
	out->waiting = get(&c->waiting);
	out->transactions = get(&c->transactions);
}

static void get_detail(const struct dp_counters *c, struct dp_stats *out)
{
	out->sent_upstream = get(&c->sent_upstream);
	out->upstream_tx_full = get(&c->upstream_tx_full);
	out->retried = get(&c->retried);
	out->coalesced = get(&c->coalesced);
	out->truncated = get(&c->truncated);
	out->near_misses = get(&c->near_misses);
	out->redraws = get(&c->redraws);
	out->asks = get(&c->asks);
	out->failures_cached = get(&c->failures_cached);
	out->failure_hits = get(&c->failure_hits);
	out->handed_over = get(&c->handed_over);
	out->keys_awaited = get(&c->keys_awaited);
	out->cache_hits = get(&c->cache_hits);
	out->cache_misses = get(&c->cache_misses);
	out->cache_stale = get(&c->cache_stale);
	out->cache_kept = get(&c->cache_kept);
	out->prefetches = get(&c->prefetches);
	get_all(c->answered_rcode, out->answered_rcode, RTE_DIM(out->answered_rcode));
	get_all(c->verdict, out->verdict, RTE_DIM(out->verdict));
	get_all(c->reason, out->reason, RTE_DIM(out->reason));
	out->sig_hits = get(&c->sig_hits);
	out->sig_misses = get(&c->sig_misses);
	out->sig_verified_good = get(&c->sig_verified_good);
	out->sig_verified_bad = get(&c->sig_verified_bad);
	out->sig_ring_full = get(&c->sig_ring_full);
	out->sig_refused = get(&c->sig_refused);
	out->chain_asked = get(&c->chain_asked);
	out->chain_joined = get(&c->chain_joined);
	out->chain_waited = get(&c->chain_waited);
	out->chain_failed = get(&c->chain_failed);
	out->chain_truncated = get(&c->chain_truncated);
	out->chain_renewed = get(&c->chain_renewed);
	out->chain_fetched = get(&c->chain_fetched);
	out->chain_limit = get(&c->chain_limit);
	out->chain_full = get(&c->chain_full);
	out->bursts = get(&c->bursts);
	out->idle_bursts = get(&c->idle_bursts);
	out->busy_cycles = get(&c->busy_cycles);
	out->view_number = get(&c->view_number);
}

void dp_stats_worker(const struct dp *dp, unsigned worker, struct dp_stats *out)
{
	const struct dp_counters *c = &dp->worker[worker]->counters;

	memset(out, 0, sizeof(*out));
	get_identity(c, out);
	get_detail(c, out);
	out->waits = get(&dp->worker[worker]->idle.waits);
	out->waited_cycles = get(&dp->worker[worker]->idle.waited_cycles);
}

/* Nothing but 64-bit numbers, so they can be added as an array. */
static void add(struct dp_stats *sum, const struct dp_stats *s)
{
	static_assert(sizeof(*sum) % sizeof(uint64_t) == 0, "only 64-bit members");
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)s;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++)
		to[i] += from[i];
}

void dp_stats_sum(const struct dp *dp, struct dp_stats *out)
{
	uint64_t view = UINT64_MAX;

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < dp->cfg.worker_count; i++) {
		struct dp_stats s;

		dp_stats_worker(dp, i, &s);
		add(out, &s);
		view = RTE_MIN(view, s.view_number);
	}
	out->view_number = view; // the oldest that a worker is at
}

unsigned dp_worker_count(const struct dp *dp)
{
	return dp->cfg.worker_count;
}

const struct dp_port *dp_port_at(const struct dp *dp, unsigned i)
{
	return i < dp->port_count ? &dp->port[i] : NULL;
}

unsigned dp_port_count(const struct dp *dp)
{
	return dp->port_count;
}

uint64_t dp_mbufs_out(const struct dp *dp)
{
	unsigned in_use = rte_mempool_in_use_count(dp->pool);

	return in_use > dp->pool_at_rest ? in_use - dp->pool_at_rest : 0;
}

void dp_evidence(const struct dp *dp, struct route_sample *samples, size_t count)
{
	memset(samples, 0, count * sizeof(*samples));
	for (size_t path = 0; path < count && path < ROUTE_PATHS_MAX; path++)
		for (unsigned i = 0; i < dp->cfg.worker_count; i++)
			route_sample_add(&samples[path], &dp->worker[i]->evidence[path]);
}

size_t dp_bad_names(const struct dp *dp, uint16_t path, struct dp_badname *out, size_t max)
{
	size_t n = 0;

	for (unsigned i = 0; i < dp->cfg.worker_count && n < max; i++)
		n += dp_badnames_read(&dp->worker[i]->badnames, path, out + n, max - n);
	return n;
}

uint32_t dp_keys_awaited(const struct dp *dp, uint16_t path)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < dp->cfg.worker_count; i++)
		sum += atomic_load_explicit(
			&dp->worker[i]->keys_awaited[path], memory_order_relaxed);
	return sum;
}

uint64_t dp_keys_awaited_sum(const struct dp *dp)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < dp->cfg.worker_count; i++)
		sum += get(&dp->worker[i]->counters.keys_awaited);
	return sum;
}

void dp_evidence_reset(struct dp *dp, uint16_t path)
{
	for (unsigned i = 0; i < dp->cfg.worker_count; i++)
		memset(&dp->worker[i]->evidence[path], 0, sizeof(struct route_evidence));
}
