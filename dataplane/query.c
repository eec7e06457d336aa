#include <string.h>

#include <rte_prefetch.h>

#include "dataplane/question.h"
#include "dataplane/worker.h"
#include "dns/wire.h"

/*
 * Clients' queries, a burst at a time: answered where they stand, joined to one that is already
 * out, or sent upstream.
 *
 * Each stage goes over the whole burst: read all, look all up among the answers that are kept, then
 * forward the rest. What a stage will look at in memory is fetched while the one before is still at
 * work on the others. Nothing is decided ahead: the second of two equal queries finds what the
 * first one did, as if they had come one by one.
 */

/* A query on its way through the stages. */
struct question {
	struct dp_pkt *p;
	uint64_t hash; // what it is known by among those that are out
	struct dp_cached kept;
	enum dp_txn_who who;
	uint16_t region;
	struct dns_query q;
};

/* All that is needed to answer the client now or later. links are not touched. */
static void note_client(struct dp_waiter *c, const struct dp_worker *w, uint16_t port,
	const struct dp_pkt *p, const struct dns_query *q)
{
	struct dp_rewrite back;

	dp_packet_turn(p, &back);
	c->port = port;
	c->stream = false;
	c->mac = back.eth_dst;
	c->vlan = p->vlan;
	c->vlan_tci_be = p->vlan_tci_be;
	c->sport = p->sport;
	c->client = p->src;
	c->service = p->dst;
	c->received_cycles = w->now.cycles;
	dp_question_note(q, c);
}

static uint8_t *payload(const struct dp_pkt *p, size_t *room)
{
	*room = p->m->buf_len - p->m->data_off - p->dns_off;
	return rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->dns_off);
}

/* Turn the packet round in place, with len octets of DNS in it, or an error: it ends here. */
static void turn_round(struct dp_worker *w, struct dp_pkt *p, uint16_t port, int len)
{
	const uint8_t *dns = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->dns_off);
	uint16_t rcode = dns_get16(dns + DNS_OFF_FLAGS) & DNS_FLAG_RCODE_MASK;
	struct dp_rewrite back;

	dp_packet_turn(p, &back);
	if (len < 0 || dp_packet_rewrite(p, &back, (uint16_t)len) != 0) {
		dp_drop(w, p->m, DP_DROP_NO_MBUF);
		return;
	}
	dp_count(&w->counters.answered_rcode[rcode]);
	dp_tx_reply(w, port, p->m, DP_TX_ANSWERED);
}

static void answer(
	struct dp_worker *w, uint16_t port, struct question *q, const struct dp_answer *a)
{
	size_t room;
	uint8_t *dns = payload(q->p, &room);
	struct dp_waiter client;

	note_client(&client, w, port, q->p, &q->q);
	turn_round(
		w, q->p, port, dp_question_answer(&q->q, &client, a, w->cfg->edns_size, dns, room));
}

/* ---- reading ---- */

/* Find the question's zone. @return false: *out is to be answered */
static bool find_zone(struct dp_worker *w, struct question *q, struct dp_answer *out)
{
	const struct dp_view *view = w->now.view;
	bool skip_exact = q->q.qtype == DNS_TYPE_DS;

	*out = (struct dp_answer){DNS_RCODE_SERVFAIL, DNS_EDE_NOT_READY, NULL};
	if (view == NULL)
		return false;
	q->who = (q->q.flags & DNS_FLAG_CD) != 0 ? DP_TXN_CLIENT_CD : DP_TXN_CLIENT;
	q->kept = (struct dp_cached){.qname = &q->q.qname,
		.qtype = q->q.qtype,
		.zone = route_table_zone(view->table, q->q.qname.octets, skip_exact),
		.region = ROUTE_REGION_NONE};
	*out = (struct dp_answer){DNS_RCODE_REFUSED, DNS_EDE_NOT_AUTHORITATIVE, NULL};
	return q->kept.zone >= 0;
}

/* @return false: the packet has ended */
static bool read_query(struct dp_worker *w, uint16_t port, struct question *q)
{
	struct dp_pkt *p = q->p;
	const uint8_t *dns = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->dns_off);
	struct dp_answer a;

	if (!dp_question_allowed(w->cfg, &p->src))
		dp_drop(w, p->m, DP_DROP_ACL);
	else if (p->dns_len < DNS_HEADER_LEN)
		dp_drop(w, p->m, DP_DROP_QUERY_SHORT);
	else if ((dns_get16(dns + DNS_OFF_FLAGS) & DNS_FLAG_QR) != 0)
		dp_drop(w, p->m, DP_DROP_QUERY_IS_RESPONSE);
	else if (w->now.run != DP_RUN)
		dp_drop(w, p->m, DP_DROP_SHUTDOWN);
	else if (!dp_question_read(&q->q, &w->msg, dns, p->dns_len, &a) || !find_zone(w, q, &a))
		answer(w, port, q, &a);
	else
		return true;
	return false;
}

/* ---- what is kept ---- */

static void seek_kept(const struct dp_worker *w, struct question *q)
{
	const struct route_table *table = w->now.view->table;

	if (w->rcache == NULL)
		return;
	if (route_table_zone_kind(table, q->kept.zone) == ROUTE_RECURSIVE)
		q->kept.region = route_table_region(table, &q->p->src);
	dp_cached_prefetch(w, &q->kept);
}

/* @return false: nothing is kept that may be served */
static bool answer_kept(struct dp_worker *w, uint16_t port, struct question *q, bool stale)
{
	struct dp_waiter client;
	size_t room;
	uint8_t *dns = payload(q->p, &room);

	if (w->rcache == NULL || !dp_cached_find(w, &q->kept, q->q.do_bit, stale))
		return false;
	note_client(&client, w, port, q->p, &q->q);
	turn_round(w, q->p, port, dp_cached_write(w, &client, &q->kept, dns, room));
	return true;
}

/* What it is known by among those that are out, and where it will be looked for. */
static void identify(struct dp_worker *w, const struct route_addr *client, struct question *q)
{
	q->region = route_table_region(w->now.view->table, client);
	q->hash = dp_txns_hash(
		w->txns, &q->q.qname, q->q.qtype, q->who, (uint16_t)q->kept.zone, q->region);
	dp_txns_prefetch_question(w->txns, q->hash);
	dp_failures_prefetch(w->failures, q->hash);
}

static struct dp_txn *find_txn(struct dp_worker *w, const struct question *q)
{
	return dp_txns_find_question(w->txns, q->hash, &q->q.qname, q->q.qtype, q->who,
		(uint16_t)q->kept.zone, q->region);
}

static struct dp_txn *open_txn(struct dp_worker *w, const struct question *q)
{
	struct dp_txn *t = dp_txns_open(w->txns, q->hash, &q->q.qname, q->q.qtype, q->who,
		(uint16_t)q->kept.zone, q->region, false);

	if (t == NULL)
		return NULL;
	t->started_cycles = w->now.cycles;
	t->table_number = route_table_number(w->now.view->table);
	return t;
}

/* An answer that was kept is near its end: ask again, for nobody in particular. Not when many
 * clients wait as it is. */
static void renew(struct dp_worker *w, const struct route_addr *client, struct question *q)
{
	struct dp_txn *t;

	q->who = DP_TXN_CLIENT;
	identify(w, client, q);
	if (dp_txns_used(w->txns) > dp_txns_capacity(w->txns) / 2 || find_txn(w, q) != NULL)
		return;
	t = open_txn(w, q);
	if (t == NULL)
		return;
	dp_count(&w->counters.prefetches);
	dp_upstream_first(w, t, NULL);
}

/* @return false: the query has been answered from what is kept */
static bool look_up(struct dp_worker *w, uint16_t port, struct question *q)
{
	struct route_addr client = q->p->src; // turned round, it is the destination

	if (answer_kept(w, port, q, false)) {
		if (dp_cached_ends_soon(w))
			renew(w, &client, q);
		return false;
	}
	if (w->rcache != NULL)
		dp_count(&w->counters.cache_misses);
	identify(w, &client, q);
	return true;
}

/* ---- upstream ---- */

/* RFC 9520 s3.2. The extended error is the failure's own, which says more than Cached Error (13).
 */
static bool has_failed(struct dp_worker *w, const struct question *q, struct dp_answer *out)
{
	if (!dp_failures_get(w->failures, q->hash, &q->q.qname, q->q.qtype, w->now.failures,
		    w->now.ms, &out->ede))
		return false;
	out->rcode = DNS_RCODE_SERVFAIL;
	out->text = "cached error";
	dp_count(&w->counters.failure_hits);
	return true;
}

/* Wait for an answer: with others that ask the same, or for our own query upstream. */
static void forward(struct dp_worker *w, uint16_t port, const struct question *q)
{
	struct dp_pkt *p = q->p;
	struct dp_txn *out = find_txn(w, q);
	struct dp_txn *t = out != NULL ? out : open_txn(w, q);
	struct dp_waiter *c = t != NULL ? dp_txns_wait(w->txns, t) : NULL;

	if (c == NULL) {
		if (out == NULL && t != NULL)
			dp_txn_end(w, t);
		dp_drop(w, p->m, DP_DROP_TXN_FULL);
		return;
	}
	note_client(c, w, port, p, &q->q);
	if (out != NULL) {
		dp_count(&w->counters.coalesced);
		rte_pktmbuf_free(p->m);
		return;
	}
	dp_upstream_first(w, t, p);
}

static void resolve(struct dp_worker *w, uint16_t port, struct question *q)
{
	struct dp_answer a;

	if (!has_failed(w, q, &a))
		forward(w, port, q);
	else if (!answer_kept(w, port, q, true))
		answer(w, port, q, &a);
}

/* ---- the burst ---- */

void dp_queries(struct dp_worker *w, struct dp_pkt *const *p, unsigned n, uint16_t port)
{
	struct question burst[DP_BURST], *q[DP_BURST];
	unsigned read = 0, left = 0;

	for (unsigned i = 0; i < n; i++) {
		burst[read].p = p[i];
		if (read_query(w, port, &burst[read]))
			seek_kept(w, &burst[read++]);
	}
	for (unsigned i = 0; i < read; i++)
		if (look_up(w, port, &burst[i]))
			q[left++] = &burst[i];
	for (unsigned i = 0; i < left; i++)
		dp_txns_prefetch_asked(w->txns, q[i]->hash);
	for (unsigned i = 0; i < left; i++)
		resolve(w, port, q[i]);
}
