#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <sys/random.h>

#include "dataplane/dataplane_priv.h"
#include "dataplane/ring.h"

/*
 * Making and unmaking what the workers share. Each step says what it could not have.
 */

enum {
	RING_DESC = 4096, // mbufs that a queue pair's rings may hold
	POOL_CACHE = 256, // mbufs that an lcore keeps to itself
	EDNS_MIN = 512,
};

static uint32_t or_default(uint32_t v, uint32_t d)
{
	return v != 0 ? v : d;
}

static void set_defaults(struct dp_config *c)
{
	c->transactions = or_default(c->transactions, 65536);
	c->waiters = or_default(c->waiters, 2 * c->transactions);
	c->timeout_ms = or_default(c->timeout_ms, 400);
	c->budget_ms = or_default(c->budget_ms, 1800);
	c->tries = or_default(c->tries, 4);
	c->failure_ttl_s = RTE_MIN(or_default(c->failure_ttl_s, 5), 300u);
	c->edns_size = (uint16_t)or_default(c->edns_size, 1232);
	c->sigcache_entries = or_default(c->sigcache_entries, 262144);
	c->cache.max_ttl_s = or_default(c->cache.max_ttl_s, 86400);
	c->cache.max_negative_ttl_s = or_default(c->cache.max_negative_ttl_s, 3600);
	c->zones = or_default(c->zones, 1024);
}

/* Worker i polls queue i of every port. */
static void set_queues(struct dp_config *c)
{
	for (uint16_t i = 0; i < c->port_count; i++)
		c->ports[i].queues = c->worker_count;
}

/* @return what is wrong, NULL for nothing */
static const char *check_config(const struct dp_config *c)
{
	if (c->port_count == 0 || c->port_count > DP_PORTS_MAX)
		return "1 to 16 ports are needed";
	if (c->worker_count == 0 || c->worker_count > DP_WORKERS_MAX)
		return "1 to 64 workers are needed";
	if (c->crypto_count > DP_CRYPTO_MAX)
		return "at most 16 crypto lcores are used";
	if (c->service_count == 0 || c->service_count > DP_ADDRS_MAX)
		return "1 to 16 service addresses are needed";
	if (c->source[0].family != 4 && c->source[1].family != 6)
		return "a source address is needed, IPv4 or IPv6";
	if (c->allow_count > RTE_DIM(c->allow))
		return "at most 64 client prefixes are allowed";
	if (c->budget_ms >= DP_TXN_WHEEL_SLOTS || c->timeout_ms > c->budget_ms)
		return "timeout_ms must not exceed budget_ms, nor budget_ms 4095";
	if (c->edns_size < EDNS_MIN ||
		c->edns_size > RTE_MBUF_DEFAULT_DATAROOM - DP_PACKET_HEADROOM)
		return "edns_size must be from 512 to what a packet buffer holds";
	return NULL;
}

/* Wherever mbufs can be at one time, all full. */
static unsigned pool_size(const struct dp_config *c)
{
	unsigned queues = (unsigned)c->port_count * c->worker_count;
	unsigned worker = DP_JOBS + DP_FALLBACKS_MAX + DP_HELD_MAX + DP_CHAIN_WAITING_MAX +
			  POOL_CACHE * 3 / 2 + 2 * DP_BURST;

	if (c->worker_count > 1)
		worker += DP_HANDOVER;
	return queues * (RING_DESC + DP_TX_BUFFER) + c->worker_count * worker;
}

static int make_pool(struct dp *dp)
{
	static unsigned serial; // names in EAL are global to the process
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "dp_%u", serial++);
	dp->pool = rte_pktmbuf_pool_create(
		name, pool_size(&dp->cfg), POOL_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, dp->numa);
	return dp->pool != NULL ? 0 : -ENOMEM;
}

static int make_rings(struct dp *dp)
{
	const unsigned flags = RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ;

	dp->asks = dp_ring_new("asks", DP_ASKS_MAX, dp->numa, flags);
	dp->tolds = dp_ring_new("tolds", DP_ASKS_MAX, dp->numa, flags);
	dp->ask_slots = calloc(DP_ASKS_MAX, sizeof(*dp->ask_slots));
	if (dp->asks == NULL || dp->tolds == NULL || dp->ask_slots == NULL)
		return -ENOMEM;
	while (dp->ask_free_count < DP_ASKS_MAX) {
		dp->ask_free[dp->ask_free_count] = &dp->ask_slots[dp->ask_free_count];
		dp->ask_free_count++;
	}
	return 0;
}

static int make_qsbr(struct dp *dp)
{
	size_t size = rte_rcu_qsbr_get_memsize(dp->cfg.worker_count);

	dp->qsbr = rte_zmalloc_socket("qsbr", size, RTE_CACHE_LINE_SIZE, dp->numa);
	if (dp->qsbr == NULL)
		return -ENOMEM;
	return rte_rcu_qsbr_init(dp->qsbr, dp->cfg.worker_count) == 0 ? 0 : -EINVAL;
}

static int make_crypto(struct dp *dp)
{
	int numa = dp->cfg.sigcache_interleave ? VAL_NUMA_INTERLEAVE : dp->numa;
	int err = val_sigcache_new(dp->cfg.sigcache_entries, numa, &dp->sigcache);

	if (err != 0)
		return err;
	return dp_crypto_new(dp->cfg.worker_count, dp->cfg.crypto_count, DP_JOBS, dp->sigcache,
		dp->numa, &dp->crypto);
}

static int make_rcache(struct dp *dp)
{
	struct dns_hash_key key;

	if (dp->cfg.cache.size_mb == 0)
		return 0;
	if (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return -EIO;
	return dp_rcache_new((size_t)dp->cfg.cache.size_mb << 20, dp->numa, &key, &dp->rcache);
}

int dp_parts_new(
	const struct dp_config *cfg, int numa, struct dp **out, char *note, size_t note_size)
{
	struct dp *dp = rte_zmalloc_socket("dp", sizeof(*dp), RTE_CACHE_LINE_SIZE, numa);
	const char *wrong;
	int err;

	if (dp == NULL)
		return -ENOMEM;
	dp->cfg = *cfg;
	dp->numa = numa;
	set_defaults(&dp->cfg);
	dp_clock_set(&dp->clock);
	wrong = check_config(&dp->cfg);
	err = wrong != NULL ? -EINVAL : 0;
	if (err == 0) {
		set_queues(&dp->cfg);
		err = make_pool(dp);
	}
	if (err == 0)
		err = make_rings(dp);
	if (err == 0)
		err = make_qsbr(dp);
	if (err == 0)
		err = make_crypto(dp);
	if (err == 0)
		err = make_rcache(dp);
	if (err == 0 && dp->cfg.worker_count > 1)
		err = dp_claims_new(&dp->claims);
	if (err != 0) {
		snprintf(note, note_size, "%s\n",
			wrong != NULL ? wrong : "memory for the dataplane is short");
		dp_parts_free(dp);
		return err;
	}
	*out = dp;
	return 0;
}

int dp_parts_workers(struct dp *dp)
{
	struct dp_worker_config c = {
		.cfg = &dp->cfg,
		.numa = dp->numa,
		.ports = dp->port,
		.pool = dp->pool,
		.qsbr = dp->qsbr,
		.clock = &dp->clock,
		.run = &dp->run,
		.claims = dp->claims,
		.crypto = dp->crypto,
		.rcache = dp->rcache,
		.sigcache = dp->sigcache,
		.peers = dp->worker,
		.asks = dp->asks,
		.tolds = dp->tolds,
		.ask_slots = dp->ask_slots,
	};
	int err = 0;

	if (getrandom(&c.prf_key, sizeof(c.prf_key), 0) != (ssize_t)sizeof(c.prf_key) ||
		getrandom(&c.hash_key, sizeof(c.hash_key), 0) != (ssize_t)sizeof(c.hash_key))
		return -EIO;
	for (uint16_t i = 0; i < dp->cfg.worker_count && err == 0; i++) {
		c.id = i;
		err = dp_worker_new(&c, &dp->worker[i]);
		c.asks = c.tolds = NULL; // worker 0's
	}
	dp->pool_at_rest = rte_mempool_in_use_count(dp->pool);
	return err;
}

void dp_parts_free(struct dp *dp)
{
	if (dp == NULL)
		return;
	for (unsigned i = 0; i < DP_WORKERS_MAX; i++)
		dp_worker_free(dp->worker[i]);
	dp_claims_free(dp->claims);
	dp_crypto_free(dp->crypto);
	if (dp->sigcache != NULL)
		val_sigcache_free(dp->sigcache);
	dp_rcache_free(dp->rcache);
	rte_free(dp->qsbr);
	rte_ring_free(dp->asks);
	rte_ring_free(dp->tolds);
	free(dp->ask_slots);
	rte_mempool_free(dp->pool);
	rte_free(dp);
}

static int64_t in_us(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000 + t->tv_nsec / 1000;
}

void dp_clock_set(struct dp_clock *clock)
{
	struct timespec wall, mono;
	uint64_t tsc;

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	tsc = rte_rdtsc();
	atomic_store_explicit(&clock->wall_ms,
		in_us(&wall) / 1000 - (int64_t)(tsc / (rte_get_tsc_hz() / 1000)),
		memory_order_relaxed);
	atomic_store_explicit(&clock->mono_us,
		in_us(&mono) - (int64_t)(tsc / (rte_get_tsc_hz() / 1000000)), memory_order_relaxed);
}
