#include <errno.h>

#include "dataplane/outcome.h"
#include "dataplane/reply.h"
#include "dataplane/worker.h"
#include "validator/time.h"

/*
 * Queries on their way up: which path, by which hop, under which pair of port and ID.
 */

enum { DNS_PORT = 53 };

struct dp_route dp_route_of(const struct dp_worker *w, const struct dp_txn *t)
{
	const struct route_table *table = w->now.view->table;
	struct dp_route r = {.zone = t->route_zone, .region = t->region};

	if (t->who == DP_TXN_CHAIN && t->table_number != route_table_number(table)) {
		// Its route was that of a client's question, which will ask again by its own.
		r.zone = -1;
	} else if (t->table_number != route_table_number(table)) {
		const struct dp_waiter *c = dp_txns_waiter(w->txns, t->waiter_head);

		r.zone = route_table_zone(table, t->qname.octets, t->qtype == DNS_TYPE_DS);
		r.region = c != NULL ? route_table_region(table, &c->client) : ROUTE_REGION_NONE;
	}
	r.kind = r.zone >= 0 ? route_table_zone_kind(table, r.zone) : ROUTE_AUTHORITATIVE;
	return r;
}

/* ---- the choice ---- */

static const struct dp_hop *hop_of(const struct dp_worker *w, uint16_t path)
{
	const struct dp_hops *hops = w->now.view->hops;

	if (path >= hops->count || !hops->hop[path].ok || hops->hop[path].port >= w->port_count)
		return NULL;
	return &hops->hop[path];
}

/* The entry of `tried` that is under way. */
static unsigned try_index(const struct dp_txn *t)
{
	return t->tried.count > 0 ? t->tried.count - 1u : 0;
}

/* A path that stayed silent may have lost one packet: when nothing else is left it is asked again.
 */
static bool forget_silent(struct dp_txn *t)
{
	uint8_t kept = 0;
	uint8_t was = t->tried.count;

	for (uint8_t i = 0; i < was; i++) {
		if (t->bad[i] == ROUTE_O_TIMEOUT)
			continue;
		t->tried.path[kept] = t->tried.path[i];
		t->tried.site_hash[kept] = t->tried.site_hash[i];
		t->bad[kept++] = t->bad[i];
	}
	t->tried.count = kept;
	return kept < was;
}

static void mark_tried(
	struct dp_txn *t, const struct route_table *table, const struct route_choice *c)
{
	route_tried_add(&t->tried, table, c);
	t->bad[try_index(t)] = 0;
}

/**
 * Next path that can be reached; those without a hop are passed over and noted.
 * @retval 0, -ENOENT
 */
static int choose(
	struct dp_worker *w, struct dp_txn *t, const struct dp_route *r, struct route_choice *out)
{
	const struct route_table *table = w->now.view->table;

	for (unsigned n = 0; n < RTE_DIM(t->tried.path); n++) {
		if (route_table_choose(table, r->zone, r->region, w->families, dp_rng_u32(w->rng),
			    &t->tried, out) != 0)
			return -ENOENT;
		mark_tried(t, table, out);
		if (hop_of(w, out->path) != NULL)
			return 0;
		dp_add(&w->evidence[out->path].outcome[ROUTE_O_UNREACHABLE], 1);
		dp_upstream_failed(
			t, ROUTE_O_UNREACHABLE, VAL_R_NONE, DNS_EDE_NO_REACHABLE_AUTHORITY);
	}
	return -ENOENT;
}

/* ---- the packet ---- */

static void address(const struct dp_worker *w, const struct dp_txn *t, const struct dp_hop *hop,
	struct dp_rewrite *rw)
{
	*rw = (struct dp_rewrite){
		.eth_src = hop->src,
		.eth_dst = hop->dst,
		.src = w->cfg->source[t->family == 6],
		.dst = t->upstream,
		.sport = t->local_port,
		.dport = DNS_PORT,
	};
}

/* The client's packet becomes ours. @retval 0, -errno: p->m is still the caller's */
static int write_in_place(struct dp_worker *w, const struct dp_txn *t, enum route_kind kind,
	struct dp_pkt *p, const struct dp_rewrite *rw)
{
	uint8_t *dns = rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->dns_off);
	size_t room = p->m->buf_len - p->m->data_off - p->dns_off;
	int len = dp_reply_question(
		t->id, kind, &t->qname, t->qtype, w->cfg->edns_size, t->nsid, dns, room);

	return len < 0 ? len : dp_packet_rewrite(p, rw, (uint16_t)len);
}

static struct rte_mbuf *write_fresh(struct dp_worker *w, const struct dp_txn *t,
	enum route_kind kind, const struct dp_rewrite *rw)
{
	uint8_t *dns;
	size_t room;
	struct rte_mbuf *m = dp_payload_new(w, &dns, &room);
	int len;

	if (m == NULL)
		return NULL;
	len = dp_reply_question(
		t->id, kind, &t->qname, t->qtype, w->cfg->edns_size, t->nsid, dns, room);
	if (len > 0) {
		m->data_len = (uint16_t)len;
		m->pkt_len = (uint32_t)len;
	}
	if (len < 0 || dp_packet_build(m, rw, (uint16_t)len) != 0) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	return m;
}

/**
 * Draw a pair, write the query, buffer it. In place of *m where p is given and of the same family.
 * @retval 0: p->m is taken; -errno: it is not
 */
static int transmit(struct dp_worker *w, struct dp_txn *t, const struct route_addr *to,
	const struct dp_hop *hop, enum route_kind kind, struct dp_pkt *p)
{
	struct rte_mbuf *m;
	struct dp_rewrite rw;
	struct dp_home home;

	dp_home_init(&home, w->port_rss[hop->port], w->id, to, &w->cfg->source[to->family == 6]);
	if (dp_txns_assign(w->txns, t, to, &home) != 0)
		return -ENOBUFS;
	address(w, t, hop, &rw);
	if (p != NULL && p->family == t->family && write_in_place(w, t, kind, p, &rw) == 0) {
		m = p->m;
	} else {
		m = write_fresh(w, t, kind, &rw);
		if (m == NULL)
			return -ENOBUFS;
		if (p != NULL)
			rte_pktmbuf_free(p->m);
	}
	t->upstream_port = hop->port;
	t->sent_cycles = w->now.cycles;
	t->state = DP_TXN_SENT;
	dp_tx_upstream(w, hop->port, m);
	return 0;
}

static void note_sent(struct dp_worker *w, const struct dp_txn *t)
{
	struct route_evidence *e = &w->evidence[t->path];

	dp_add(&e->sent, 1);
	atomic_store_explicit(&e->last_sent_us, w->now.mono_us, memory_order_relaxed);
}

uint32_t dp_upstream_patience_ms(const struct dp_worker *w, const struct dp_txn *t)
{
	uint64_t spent = w->now.cycles - t->started_cycles;
	uint64_t left = spent < w->budget_cycles ? w->budget_cycles - spent : 0;

	return (uint32_t)(RTE_MIN(left, w->timeout_cycles) / w->cycles_per_ms);
}

static void start_timer(struct dp_worker *w, struct dp_txn *t)
{
	dp_txns_timer(w->txns, t, w->now.ms, dp_upstream_patience_ms(w, t) + 1);
}

/* @retval 0: p->m (if any) is taken; -ENOENT no path, -ENOBUFS: it is not */
static int try_next(struct dp_worker *w, struct dp_txn *t, struct dp_pkt *p)
{
	struct dp_route r = dp_route_of(w, t);
	struct route_choice c;
	int err = r.zone >= 0 ? choose(w, t, &r, &c) : -ENOENT;

	if (err == -ENOENT && r.zone >= 0 && forget_silent(t))
		err = choose(w, t, &r, &c);
	if (err == 0)
		err = transmit(w, t, &c.addr, hop_of(w, c.path), r.kind, p);
	if (err != 0)
		return err;
	t->path = c.path;
	t->tries++;
	note_sent(w, t);
	start_timer(w, t);
	return 0;
}

void dp_upstream_first(struct dp_worker *w, struct dp_txn *t, struct dp_pkt *p)
{
	if (try_next(w, t, p) == 0)
		return;
	// Free first: the pool may be what is short, and the client is still to be told.
	if (p != NULL)
		rte_pktmbuf_free(p->m);
	dp_deliver_failure(w, t, false);
}

int dp_upstream_question(struct dp_worker *w, struct dp_txn *q)
{
	return try_next(w, q, NULL);
}

void dp_upstream_retry(struct dp_worker *w, struct dp_txn *t)
{
	int err = -ENOENT;

	dp_txns_unassign(w->txns, t);
	if (t->tries < w->cfg->tries && w->now.cycles - t->started_cycles < w->budget_cycles)
		err = try_next(w, t, NULL);
	if (err == 0)
		dp_count(&w->counters.retried);
	else
		// Being short of something ourselves says nothing about the question.
		dp_deliver_failure(w, t, err == -ENOENT);
}

void dp_upstream_near_miss(struct dp_worker *w, struct dp_txn *t)
{
	struct route_addr to = t->upstream;
	const struct dp_hop *hop = hop_of(w, t->path);
	enum route_kind kind = ROUTE_AUTHORITATIVE;

	dp_count(&w->counters.near_misses);
	if (t->state != DP_TXN_SENT || t->near_misses >= DP_NEAR_MISS_MAX * DP_REDRAWS_MAX)
		return;
	if (++t->near_misses % DP_NEAR_MISS_MAX != 0 || hop == NULL)
		return;
	if (t->is_ask)
		kind = w->ask_slots[t->token].ask.kind;
	else
		kind = dp_route_of(w, t).kind;
	// Failing, the transaction is deaf until its timer: better than an ID that is being
	// guessed.
	if (transmit(w, t, &to, hop, kind, NULL) != 0)
		return;
	dp_count(&w->counters.redraws);
	if (!t->is_ask)
		start_timer(w, t);
}

int dp_upstream_ask(struct dp_worker *w, struct dp_txn *t, const struct dp_ask *ask)
{
	const struct dp_hop *hop = w->now.view != NULL ? hop_of(w, ask->path) : NULL;
	unsigned family_bit = ask->addr.family == 6 ? 2 : 1;
	int err;

	if (hop == NULL || (w->families & family_bit) == 0)
		return -EHOSTUNREACH;
	t->path = ask->path;
	t->nsid = ask->nsid;
	err = transmit(w, t, &ask->addr, hop, ask->kind, NULL);
	if (err == 0)
		dp_txns_timer(w->txns, t, w->now.ms, ask->timeout_ms);
	return err;
}

/* ---- why a try failed ---- */

void dp_upstream_failed(
	struct dp_txn *t, enum route_outcome outcome, enum val_reason reason, int ede)
{
	t->bad[try_index(t)] = (uint8_t)outcome;
	if (!dp_outcome_ede_outranks(ede, t->ede))
		return;
	t->ede = ede;
	t->reason = reason;
}
