#pragma once

#include "dataplane/dataplane.h"
#include "dataplane/worker.h"

/**
 * What is behind struct dp. For this folder and its tests, which make the parts over ports of their
 * own and turn the workers by hand.
 */

enum {
	DP_GRACE_MAX = 64,   // views published and not yet let go
	DP_CRYPTO_MAX = 16,  // crypto lcores
	DP_TOLDS_BURST = 64, // answers told in one dp_poll()
};

/** A view on its way out. */
struct dp_grace {
	uint64_t token; // of rte_rcu_qsbr
	const struct dp_view *old;
	void (*done)(void *arg, const struct dp_view *old);
	void *arg;
};

struct dp {
	struct dp_config cfg;
	int numa;
	struct dp_port port[DP_PORTS_MAX];
	uint16_t port_count; // open
	struct rte_mempool *pool;
	uint32_t pool_at_rest; // mbufs that sat in receive rings before the first packet
	struct val_sigcache *sigcache;
	struct dp_crypto *crypto;
	struct dp_rcache *rcache; // NULL: off
	struct dp_claims *claims; // NULL with one worker
	struct rte_rcu_qsbr *qsbr;
	struct dp_worker *worker[DP_WORKERS_MAX];
	unsigned lcore[DP_WORKERS_MAX + DP_CRYPTO_MAX]; // workers', then crypto's
	struct dp_crypto_arg crypto_arg[DP_CRYPTO_MAX];
	unsigned launched; // of lcore[]

	// control's alone
	const struct dp_view *view;
	struct dp_grace grace[DP_GRACE_MAX]; // ring of grace_count from grace_head
	unsigned grace_head, grace_count;
	struct dp_ask_slot *ask_slots;
	struct dp_ask_slot *ask_free[DP_ASKS_MAX];
	unsigned ask_free_count;
	struct rte_ring *asks, *tolds;

	// written by control, read by workers once a turn
	alignas(RTE_CACHE_LINE_SIZE) struct dp_clock clock;
	_Atomic int run; // enum dp_run
};

/**
 * Everything but ports, workers and lcores. cfg is copied, with defaults for what is 0.
 * @retval 0; -EINVAL, -ENOMEM, -EIO, *note says what
 */
int dp_parts_new(
	const struct dp_config *cfg, int numa, struct dp **out, char *note, size_t note_size);
/** Workers, over the ports that are open now. @retval 0, -ENOMEM, -EIO */
int dp_parts_workers(struct dp *dp);
/** Lcores have ended, ports are closed. NULL is allowed. */
void dp_parts_free(struct dp *dp);

/** Tell EAL how busy the lcores of dp are, where it asks (since DPDK 23.03); NULL: no longer. */
void dp_lcores_watch(const struct dp *dp);

/** Bring the workers' clocks up to date. */
void dp_clock_set(struct dp_clock *clock);
