#include <string.h>

#include "dataplane/question.h"
#include "dataplane/reply.h"
#include "dataplane/worker.h"
#include "dns/wire.h"

/*
 * A client's query: answered where it stands, joined to one that is already out, or sent upstream.
 */

/* What a query is asked about, once it has been read. */
struct question {
	struct dns_name name; // lower-cased
	uint16_t type;
	enum dp_txn_who who;
	int zone;
	uint16_t region;
	uint64_t hash;
};

/* All that is needed to answer the client now or later. links are not touched. */
static void note_client(struct dp_waiter *c, const struct dp_worker *w, const struct dp_pkt *p,
	uint16_t port, const struct dns_msg *msg)
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
	dp_question_note(msg, c);
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

static void answer(struct dp_worker *w, struct dp_pkt *p, uint16_t port, const struct dp_answer *a)
{
	const struct dns_msg *msg = &w->msg;
	uint8_t *dns = rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->dns_off);
	size_t room = p->m->buf_len - p->m->data_off - p->dns_off;
	struct dp_waiter client;
	int len;

	note_client(&client, w, p, port, msg);
	len = dp_reply_error(&client, msg->qd_count == 1 ? msg->qname.octets : NULL, msg->qtype,
		msg->qclass, (msg->flags & DNS_FLAG_OPCODE_MASK) >> 11, a->rcode, a->ede, a->text,
		w->cfg->edns_size, dns, room);
	turn_round(w, p, port, len);
}

/* Find the question's zone. @return false: *out is to be answered */
static bool find_zone(struct dp_worker *w, struct question *q, struct dp_answer *out)
{
	const struct dp_view *view = w->now.view;

	*out = (struct dp_answer){DNS_RCODE_SERVFAIL, DNS_EDE_NOT_READY, NULL};
	if (view == NULL)
		return false;
	q->name = w->msg.qname;
	dns_name_lower(q->name.octets, q->name.len);
	q->type = w->msg.qtype;
	q->who = (w->msg.flags & DNS_FLAG_CD) != 0 ? DP_TXN_CLIENT_CD : DP_TXN_CLIENT;
	q->zone = route_table_zone(view->table, q->name.octets, q->type == DNS_TYPE_DS);
	*out = (struct dp_answer){DNS_RCODE_REFUSED, DNS_EDE_NOT_AUTHORITATIVE, NULL};
	return q->zone >= 0;
}

static bool is_recursive(const struct dp_worker *w, const struct question *q)
{
	return route_table_zone_kind(w->now.view->table, q->zone) == ROUTE_RECURSIVE;
}

/* What it is known by among those that are out. */
static void identify(struct dp_worker *w, const struct dp_pkt *p, struct question *q)
{
	q->region = route_table_region(w->now.view->table, &p->src);
	q->hash = dp_txns_hash(w->txns, &q->name, q->type, q->who, (uint16_t)q->zone, q->region);
}

/* RFC 9520 s3.2. The extended error is the failure's own, which says more than Cached Error (13).
 */
static bool has_failed(struct dp_worker *w, const struct question *q, struct dp_answer *out)
{
	if (!dp_failures_get(
		    w->failures, q->hash, &q->name, q->type, w->now.failures, w->now.ms, &out->ede))
		return false;
	out->rcode = DNS_RCODE_SERVFAIL;
	out->text = "cached error";
	dp_count(&w->counters.failure_hits);
	return true;
}

static struct dp_txn *open_txn(struct dp_worker *w, const struct question *q)
{
	struct dp_txn *t = dp_txns_open(
		w->txns, q->hash, &q->name, q->type, q->who, (uint16_t)q->zone, q->region, false);

	if (t == NULL)
		return NULL;
	t->started_cycles = w->now.cycles;
	t->table_number = route_table_number(w->now.view->table);
	return t;
}

/* Wait for an answer: with others that ask the same, or for our own query upstream. */
static void forward(struct dp_worker *w, struct dp_pkt *p, uint16_t port, const struct question *q)
{
	struct dp_txn *out = dp_txns_find_question(
		w->txns, q->hash, &q->name, q->type, q->who, (uint16_t)q->zone, q->region);
	struct dp_txn *t = out != NULL ? out : open_txn(w, q);
	struct dp_waiter *c = t != NULL ? dp_txns_wait(w->txns, t) : NULL;

	if (c == NULL) {
		if (out == NULL && t != NULL)
			dp_txn_end(w, t);
		dp_drop(w, p->m, DP_DROP_TXN_FULL);
		return;
	}
	note_client(c, w, p, port, &w->msg);
	if (out != NULL) {
		dp_count(&w->counters.coalesced);
		rte_pktmbuf_free(p->m);
		return;
	}
	dp_upstream_first(w, t, p);
}

/* An answer that was kept is near its end: ask again, for nobody in particular. Not when many
 * clients wait as it is. */
static void renew(struct dp_worker *w, const struct dp_pkt *p, struct question *q)
{
	struct dp_txn *t;

	q->who = DP_TXN_CLIENT;
	identify(w, p, q);
	if (dp_txns_used(w->txns) > dp_txns_capacity(w->txns) / 2 ||
		dp_txns_find_question(w->txns, q->hash, &q->name, q->type, q->who,
			(uint16_t)q->zone, q->region) != NULL)
		return;
	t = open_txn(w, q);
	if (t == NULL)
		return;
	dp_count(&w->counters.prefetches);
	dp_upstream_first(w, t, NULL);
}

/* @return false: nothing is kept that may be served */
static bool answer_kept(
	struct dp_worker *w, struct dp_pkt *p, uint16_t port, const struct question *q, bool stale)
{
	uint8_t *dns = rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->dns_off);
	size_t room = p->m->buf_len - p->m->data_off - p->dns_off;
	struct dp_cached what = {&q->name, q->type, q->zone, ROUTE_REGION_NONE};
	struct dp_waiter client;

	if (w->rcache == NULL)
		return false;
	if (is_recursive(w, q))
		what.region = route_table_region(w->now.view->table, &p->src);
	if (!dp_cached_find(w, &what, w->msg.edns.do_bit, stale))
		return false;
	note_client(&client, w, p, port, &w->msg);
	turn_round(w, p, port, dp_cached_write(w, &client, &what, dns, room));
	return true;
}

/* A question of ours to answer: from what is kept, else from upstream. */
static void serve(struct dp_worker *w, struct dp_pkt *p, uint16_t port, struct question *q)
{
	struct dp_answer a;

	if (answer_kept(w, p, port, q, false)) {
		if (dp_cached_ends_soon(w))
			renew(w, p, q);
		return;
	}
	if (w->rcache != NULL)
		dp_count(&w->counters.cache_misses);
	identify(w, p, q);
	if (!has_failed(w, q, &a))
		forward(w, p, port, q);
	else if (!answer_kept(w, p, port, q, true))
		answer(w, p, port, &a);
}

void dp_query(struct dp_worker *w, struct dp_pkt *p, uint16_t port)
{
	const uint8_t *dns = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->dns_off);
	struct question q;
	struct dp_answer a;

	if (!dp_question_allowed(w->cfg, &p->src))
		dp_drop(w, p->m, DP_DROP_ACL);
	else if (p->dns_len < DNS_HEADER_LEN)
		dp_drop(w, p->m, DP_DROP_QUERY_SHORT);
	else if ((dns_get16(dns + DNS_OFF_FLAGS) & DNS_FLAG_QR) != 0)
		dp_drop(w, p->m, DP_DROP_QUERY_IS_RESPONSE);
	else if (w->now.run != DP_RUN)
		dp_drop(w, p->m, DP_DROP_SHUTDOWN);
	else if (!dp_question_read(&w->msg, dns, p->dns_len, &a) || !find_zone(w, &q, &a))
		answer(w, p, port, &a);
	else
		serve(w, p, port, &q);
}
