#include "dataplane/worker.h"

#include <errno.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>

#include "dataplane/ring.h"
#include "dns/wire.h"

enum {
	DNS_PORT = 53,
	PREFETCH = 3,
	FAILURES = 16384, // remembered at once
};

/* ---- life ---- */

static void take_config(struct dp_worker *w, const struct dp_worker_config *cfg)
{
	w->cfg = cfg->cfg;
	w->id = cfg->id;
	w->numa = cfg->numa;
	w->port_count = cfg->cfg->port_count;
	for (uint16_t i = 0; i < w->port_count; i++) {
		w->port_id[i] = cfg->ports[i].id;
		w->port_mac[i] = cfg->ports[i].mac;
		if (cfg->ports[i].rss)
			w->port_rss[i] = &cfg->ports[i].by_rss;
	}
	dp_idle_init(&w->idle, &cfg->cfg->idle, w->port_count == 1 ? w->port_id : NULL, w->id);
	w->families = dp_config_families(cfg->cfg);
	w->cycles_per_ms = rte_get_tsc_hz() / 1000;
	w->cycles_per_us = rte_get_tsc_hz() / 1000000;
	w->timeout_cycles = w->cycles_per_ms * cfg->cfg->timeout_ms;
	w->budget_cycles = w->cycles_per_ms * cfg->cfg->budget_ms;
	w->pool = cfg->pool;
	w->qsbr = cfg->qsbr;
	w->clock = cfg->clock;
	w->run = cfg->run;
	w->claims = cfg->claims;
	w->crypto = cfg->crypto;
	w->rcache = cfg->rcache;
	w->peers = cfg->peers;
	w->asks = cfg->asks;
	w->tolds = cfg->tolds;
	w->ask_slots = cfg->ask_slots;
	w->ctx.cache = cfg->sigcache;
	val_sig_key_init(&w->ctx.prf_key, &cfg->prf_key, val_sig_prf_best());
	w->hash_key = cfg->hash_key;
	w->ctx.skew = cfg->cfg->skew;
	w->ctx.sha1 = cfg->cfg->sha1;
	w->no_keys.status = VAL_ZONE_UNKNOWN;
	w->no_keys.why = VAL_R_NO_CHAIN;
	w->chain_turns.head = w->chain_turns.tail = DP_TXN_NONE;
	for (w->checks_free = 0; w->checks_free < DP_JOBS; w->checks_free++)
		w->checks_stack[w->checks_free] = (uint16_t)w->checks_free;
}

static int make_tables(struct dp_worker *w, const struct dp_worker_config *cfg)
{
	struct dp_txns_config txns = {
		.transactions = cfg->cfg->transactions,
		.waiters = cfg->cfg->waiters,
		.worker = (uint8_t)cfg->id,
		.numa = cfg->numa,
		.claims = cfg->claims,
		.hash_key = cfg->hash_key,
	};
	int err = dp_rng_new(&w->rng);

	txns.rng = w->rng;
	if (err == 0)
		err = dp_txns_new(&txns, &w->txns);
	if (err == 0)
		err = dp_failures_new(FAILURES, cfg->numa, &w->failures);
	if (err == 0)
		err = val_facts_new((size_t)cfg->cfg->zones * DP_CHAIN_NAMES, cfg->cfg->zones,
			cfg->numa, &cfg->hash_key, &w->facts);
	return err;
}

int dp_worker_new(const struct dp_worker_config *cfg, struct dp_worker **out)
{
	struct dp_worker *w =
		rte_zmalloc_socket("worker", sizeof(*w), RTE_CACHE_LINE_SIZE, cfg->numa);
	int err = -ENOMEM;

	if (w == NULL)
		return -ENOMEM;
	take_config(w, cfg);
	w->evidence = rte_zmalloc_socket(
		"evidence", ROUTE_PATHS_MAX * sizeof(*w->evidence), RTE_CACHE_LINE_SIZE, cfg->numa);
	w->keys_awaited = rte_zmalloc_socket("keys_awaited",
		ROUTE_PATHS_MAX * sizeof(*w->keys_awaited), RTE_CACHE_LINE_SIZE, cfg->numa);
	w->handover = dp_ring_new("handover", DP_HANDOVER, w->numa, RING_F_SC_DEQ);
	if (w->evidence == NULL || w->keys_awaited == NULL || w->handover == NULL)
		goto free_worker;
	err = dp_fetch_new(w);
	if (err == 0)
		err = make_tables(w, cfg);
	if (err != 0)
		goto free_worker;
	*out = w;
	return 0;

free_worker:
	dp_worker_free(w);
	return err;
}

static void free_packets(struct dp_worker *w)
{
	struct rte_mbuf *m;

	while (rte_ring_sc_dequeue(w->handover, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	for (uint32_t i = 0; w->txns != NULL && i < dp_txns_capacity(w->txns); i++) {
		struct dp_txn *t = dp_txns_slot(w->txns, i);

		if (t->state != DP_TXN_FREE)
			dp_txn_end(w, t);
	}
}

void dp_worker_free(struct dp_worker *w)
{
	if (w == NULL)
		return;
	if (w->handover != NULL)
		free_packets(w);
	dp_fetch_free(w);
	val_facts_free(w->facts);
	dp_failures_free(w->failures);
	dp_txns_free(w->txns);
	dp_rng_free(w->rng);
	rte_ring_free(w->handover);
	rte_free(w->keys_awaited);
	rte_free(w->evidence);
	rte_free(w);
}

/* ---- one turn ---- */

static void begin(struct dp_worker *w, uint64_t cycles)
{
	struct dp_now *now = &w->now;

	// What the last turn took from its view is no longer looked at: transactions keep copies.
	rte_rcu_qsbr_quiescent(w->qsbr, w->id);
	now->view = atomic_load_explicit(&w->view, memory_order_acquire);
	now->cycles = cycles;
	now->ms = cycles / w->cycles_per_ms;
	now->mono_us = cycles / w->cycles_per_us +
		       (uint64_t)atomic_load_explicit(&w->clock->mono_us, memory_order_relaxed);
	now->epoch_s = (uint32_t)(((int64_t)now->ms + atomic_load_explicit(&w->clock->wall_ms,
							      memory_order_relaxed)) /
				  1000);
	// Two numbers that grow by one each time: their sum is another after any change.
	now->failures = atomic_load_explicit(&w->clock->flushes, memory_order_relaxed) +
			(now->view != NULL ? route_table_number(now->view->table) : 0);
	now->run = (enum dp_run)atomic_load_explicit(w->run, memory_order_relaxed);
	dp_chain_renew(w);
}

static bool is_one_of(const struct route_addr *list, size_t count, const struct route_addr *a)
{
	for (size_t i = 0; i < count; i++)
		if (route_addr_equal(&list[i], a))
			return true;
	return false;
}

static bool is_service(const struct dp_worker *w, const struct route_addr *a)
{
	return is_one_of(w->cfg->service, w->cfg->service_count, a);
}

static bool is_source(const struct dp_worker *w, const struct route_addr *a)
{
	return is_one_of(w->cfg->source, 2, a);
}

/* One queue's packets, parsed and told apart. */
struct burst {
	struct dp_pkt p[DP_BURST];
	struct dp_pkt *query[DP_BURST], *reply[DP_BURST];
	unsigned queries, replies;
};

/* Service and source may be one address: the destination port tells a query. */
static void sort_packet(struct dp_worker *w, struct rte_mbuf *m, struct dp_pkt *p, struct burst *b)
{
	enum dp_drop reason = dp_packet_parse(m, p);

	if (reason != DP_DROP_MAX)
		dp_drop(w, m, reason);
	else if (is_service(w, &p->src) || is_source(w, &p->src))
		dp_drop(w, m, DP_DROP_SOURCE);
	else if (p->dport == DNS_PORT && is_service(w, &p->dst))
		b->query[b->queries++] = p;
	else if (p->sport != DNS_PORT || !is_source(w, &p->dst))
		dp_drop(w, m, DP_DROP_NOT_OURS);
	else if (!dp_handover_give(w, p))
		b->reply[b->replies++] = p;
}

static unsigned receive(struct dp_worker *w, uint16_t port)
{
	struct rte_mbuf *m[DP_BURST];
	struct burst b;
	uint16_t n = rte_eth_rx_burst(w->port_id[port], w->id, m, DP_BURST);

	dp_add(&w->counters.received, n);
	b.queries = b.replies = 0;
	for (uint16_t i = 0; i < n && i < PREFETCH; i++)
		rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
	for (uint16_t i = 0; i < n; i++) {
		if (i + PREFETCH < n)
			rte_prefetch0(rte_pktmbuf_mtod(m[i + PREFETCH], void *));
		sort_packet(w, m[i], &b.p[i], &b);
	}
	dp_queries(w, b.query, b.queries, port);
	dp_responses(w, b.reply, b.replies);
	return n;
}

static unsigned judge_jobs(struct dp_worker *w)
{
	struct dp_job *jobs[DP_JOBS_BURST];
	unsigned n = dp_crypto_collect(w->crypto, w->id, jobs, DP_JOBS_BURST);

	for (unsigned i = 0; i < n; i++)
		dp_judge_job(w, jobs[i]);
	return n;
}

static void time_out(struct dp_worker *w, struct dp_txn *t)
{
	uint64_t spent = w->now.cycles - t->started_cycles;

	if (t->is_ask) {
		dp_ask_end(w, t, -ETIMEDOUT, NULL);
	} else if (t->held) {
		t->held = false; // nobody has looked in time: judged as it stands
		dp_judge_again(w, t);
	} else if (t->state == DP_TXN_FETCHING) {
		dp_fetch_end(w, t); // that its TCP is slow says nothing about the path
		dp_judge_truncated(w, t);
	} else if (t->state == DP_TXN_JUDGING && spent < w->budget_cycles) {
		// The upstream did answer; verification takes what is left of the budget.
		dp_txns_timer(w->txns, t, w->now.ms,
			(uint32_t)((w->budget_cycles - spent) / w->cycles_per_ms) + 1);
	} else if (t->state == DP_TXN_JUDGING) {
		dp_upstream_failed(t, ROUTE_O_SECURE, VAL_R_BUDGET, dp_chain_late(w, t));
		dp_deliver_failure(w, t, false);
	} else {
		bool fair = w->now.cycles - t->sent_cycles >= w->timeout_cycles;

		// A try that the budget cut short says nothing about the path.
		if (fair) {
			dp_add(&w->evidence[t->path].outcome[ROUTE_O_TIMEOUT], 1);
			dp_badnames_note(&w->badnames, w->now.ms, t->path, ROUTE_O_TIMEOUT,
				&t->qname, t->qtype);
		}
		dp_upstream_failed(t, fair ? ROUTE_O_TIMEOUT : ROUTE_O_SECURE, VAL_R_NONE,
			DNS_EDE_NO_REACHABLE_AUTHORITY);
		dp_upstream_retry(w, t);
	}
}

static unsigned time_outs(struct dp_worker *w)
{
	struct dp_txn *t[DP_EXPIRED_BURST];
	unsigned n = dp_txns_expired(w->txns, w->now.ms, t, DP_EXPIRED_BURST);

	for (unsigned i = 0; i < n; i++)
		time_out(w, t[i]);
	return n;
}

/* The drain's time is over: whoever still waits is dropped, some slots a turn. */
static unsigned sweep(struct dp_worker *w)
{
	uint32_t capacity = dp_txns_capacity(w->txns);
	unsigned ended = 0;

	for (unsigned i = 0; i < DP_SWEEP_BURST && dp_txns_used(w->txns) > 0; i++) {
		struct dp_txn *t = dp_txns_slot(w->txns, w->sweep++ % capacity);

		if (t->state == DP_TXN_FREE)
			continue;
		if (t->is_ask) {
			dp_ask_end(w, t, -ESHUTDOWN, NULL);
		} else {
			dp_drop_waiters(w, t, DP_DROP_SHUTDOWN);
			dp_txn_end(w, t);
		}
		ended++;
	}
	return ended;
}

static void publish_gauges(struct dp_worker *w)
{
	dp_set(&w->counters.waiting, dp_txns_waiting(w->txns));
	dp_set(&w->counters.transactions, dp_txns_used(w->txns));
	dp_set(&w->counters.view_number, w->now.view != NULL ? w->now.view->number : 0);
}

unsigned dp_worker_burst(struct dp_worker *w, uint64_t cycles)
{
	unsigned work = 0;

	begin(w, cycles);
	for (uint16_t port = 0; port < w->port_count; port++)
		work += receive(w, port);
	work += dp_handover_serve(w);
	work += judge_jobs(w);
	if (w->held_count > 0)
		work += dp_hold_serve(w);
	work += dp_fetch_serve(w);
	work += dp_chain_serve(w);
	if (w->asks != NULL)
		work += dp_asks_serve(w);
	work += time_outs(w);
	if (w->now.run >= DP_RUN_ABORT)
		work += sweep(w);
	dp_tx_flush(w, work == 0);
	publish_gauges(w);
	return work;
}

void dp_worker_attach(struct dp_worker *w)
{
	rte_rcu_qsbr_thread_register(w->qsbr, w->id);
	rte_rcu_qsbr_thread_online(w->qsbr, w->id);
}

void dp_worker_detach(struct dp_worker *w)
{
	w->now.view = NULL;
	rte_rcu_qsbr_thread_offline(w->qsbr, w->id);
	rte_rcu_qsbr_thread_unregister(w->qsbr, w->id);
}

int dp_worker_main(void *worker)
{
	struct dp_worker *w = worker;

	dp_worker_attach(w);
	dp_idle_begin(&w->idle);
	do {
		uint64_t start = rte_rdtsc();
		unsigned work = dp_worker_burst(w, start);
		uint64_t end = rte_rdtsc();

		dp_count(&w->counters.bursts);
		if (work == 0)
			dp_count(&w->counters.idle_bursts);
		else
			dp_add(&w->counters.busy_cycles, end - start);
		dp_idle_turn(&w->idle, work, end);
	} while (w->now.run != DP_RUN_STOP);
	dp_worker_detach(w);
	return 0;
}
