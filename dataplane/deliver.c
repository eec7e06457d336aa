#include <string.h>

#include "dataplane/reply.h"
#include "dataplane/worker.h"
#include "dns/wire.h"

/*
 * The end of a transaction: each client gets its own packet, since none has the upstream's ID,
 * letter case or EDNS. The reply's own becomes that of a client who waits alone; others are copies.
 */

enum { DNS_PORT = 53 };

static_assert(RTE_PKTMBUF_HEADROOM >= DP_PACKET_HEADROOM, "a fresh mbuf has room for headers");

struct rte_mbuf *dp_payload_new(struct dp_worker *w, uint8_t **payload, size_t *room)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->pool);

	if (m == NULL)
		return NULL;
	*payload = rte_pktmbuf_mtod(m, uint8_t *);
	*room = rte_pktmbuf_tailroom(m);
	return m;
}

/* Headers in front of len octets of payload, and out. sum: of these octets, 0 when not known. */
static void send_to_client(struct dp_worker *w, const struct dp_waiter *c, struct rte_mbuf *m,
	int len, uint16_t sum, enum dp_tx_kind kind)
{
	struct dp_rewrite rw = {
		.eth_src = w->port_mac[c->port],
		.eth_dst = c->mac,
		.vlan = c->vlan,
		.vlan_tci_be = c->vlan_tci_be,
		.src = c->service,
		.dst = c->client,
		.sport = DNS_PORT,
		.dport = c->sport,
	};
	uint16_t rcode = dns_get16(rte_pktmbuf_mtod(m, const uint8_t *) + DNS_OFF_FLAGS) &
			 DNS_FLAG_RCODE_MASK;

	m->data_len = (uint16_t)len;
	m->pkt_len = (uint32_t)len;
	if (dp_packet_build_summed(m, &rw, (uint16_t)len, sum) != 0) {
		dp_drop(w, m, DP_DROP_NO_MBUF);
		return;
	}
	dp_count(&w->counters.answered_rcode[rcode]);
	dp_tx_reply(w, c->port, m, kind);
}

static void send_failure(
	struct dp_worker *w, const struct dp_txn *t, const struct dp_waiter *c, int ede)
{
	struct dns_name qname = t->qname;
	uint8_t *dns;
	size_t room;
	struct rte_mbuf *m = dp_payload_new(w, &dns, &room);
	int len;

	if (m == NULL) {
		dp_count(&w->counters.dropped[DP_DROP_NO_MBUF]);
		return;
	}
	dp_reply_case_restore(qname.octets, qname.len, c->case_bits);
	len = dp_reply_error(c, qname.octets, t->qtype, DNS_CLASS_IN, DNS_OPCODE_QUERY,
		DNS_RCODE_SERVFAIL, ede, NULL, w->cfg->edns_size, dns, room);
	if (len < 0)
		dp_drop(w, m, DP_DROP_NO_MBUF);
	else
		send_to_client(w, c, m, len, 0, DP_TX_ANSWERED);
}

static void send_copy(struct dp_worker *w, const struct dp_txn *t, const struct dp_waiter *c,
	const struct val_response *verdict, enum route_kind kind)
{
	uint8_t *dns;
	size_t room;
	struct rte_mbuf *m = dp_payload_new(w, &dns, &room);
	bool truncated;
	int len;

	if (m == NULL) {
		dp_count(&w->counters.dropped[DP_DROP_NO_MBUF]);
		return;
	}
	len = dp_reply_copy(&w->msg, verdict, kind, c, w->cfg->edns_size, dns, room, &truncated);
	if (len < 0) {
		// RDATA that had to be rebuilt and does not hold together (unsigned data only).
		rte_pktmbuf_free(m);
		send_failure(w, t, c, DNS_EDE_INVALID_DATA);
		return;
	}
	if (truncated)
		dp_count(&w->counters.truncated);
	send_to_client(w, c, m, len, 0, DP_TX_FORWARDED);
}

/* @return false: the reply has to be copied */
static bool send_in_place(struct dp_worker *w, struct dp_txn *t, const struct dp_waiter *c,
	const struct val_response *verdict, enum route_kind kind)
{
	struct rte_mbuf *m = t->reply;
	uint16_t sum = t->reply_sum;
	int len;

	if (t->waiters != 1)
		return false;
	len = dp_reply_in_place(&w->msg, verdict, kind, c, w->cfg->edns_size,
		rte_pktmbuf_mtod(m, uint8_t *), m->buf_len - m->data_off, &sum);
	if (len < 0)
		return false;
	t->reply = NULL;
	send_to_client(w, c, m, len, sum, DP_TX_FORWARDED);
	return true;
}

/* RFC 8767: better an answer that was good than none. @return false: there is none */
static bool send_stale(struct dp_worker *w, const struct dp_txn *t, const struct dp_waiter *c,
	const struct dp_route *r)
{
	struct dp_cached q = {&t->qname, t->qtype, r->zone, r->region, 0};
	struct rte_mbuf *m;
	uint8_t *dns;
	size_t room;
	int len;

	if (r->zone < 0)
		return false;
	dp_cached_prefetch(w, &q);
	if (!dp_cached_find(w, &q, c->do_bit, true))
		return false;
	m = dp_payload_new(w, &dns, &room);
	if (m == NULL)
		return false;
	len = dp_cached_write(w, c, &q, dns, room);
	if (len < 0) {
		rte_pktmbuf_free(m);
		return false;
	}
	send_to_client(w, c, m, len, 0, DP_TX_ANSWERED);
	return true;
}

static const struct dp_waiter *first_waiter(struct dp_worker *w, const struct dp_txn *t)
{
	return t->waiters > 0 ? dp_txns_waiter(w->txns, t->waiter_head) : NULL;
}

static const struct dp_waiter *next_waiter(struct dp_worker *w, const struct dp_waiter *c)
{
	return c->next != DP_TXN_NONE ? dp_txns_waiter(w->txns, c->next) : NULL;
}

void dp_txn_end(struct dp_worker *w, struct dp_txn *t)
{
	dp_chain_leave(w, t);
	dp_fetch_end(w, t);
	dp_judge_release(w, t);
	if (t->fallback != NULL)
		w->fallbacks--;
	rte_pktmbuf_free(t->fallback); // NULL is allowed
	rte_pktmbuf_free(t->reply);
	t->fallback = NULL;
	t->reply = NULL;
	dp_txns_close(w->txns, t);
}

void dp_deliver(struct dp_worker *w, struct dp_txn *t, const struct val_response *verdict,
	enum route_kind kind)
{
	for (const struct dp_waiter *c = first_waiter(w, t); c != NULL; c = next_waiter(w, c))
		if (!send_in_place(w, t, c, verdict, kind))
			send_copy(w, t, c, verdict, kind);
	dp_txn_end(w, t);
}

/* A bogus reply was kept for CD=1 clients, who judge for themselves (RFC 4035 s3.2.2). */
static void deliver_fallback(struct dp_worker *w, struct dp_txn *t)
{
	enum route_kind kind = dp_route_of(w, t).kind;

	rte_pktmbuf_free(t->reply);
	t->reply = t->fallback;
	t->reply_sum = 0;
	t->fallback = NULL;
	w->fallbacks--;
	dns_msg_parse(&w->msg, rte_pktmbuf_mtod(t->reply, const uint8_t *), t->reply->data_len);
	val_response_reset(&w->verdict);
	w->verdict.result.verdict = VAL_BOGUS;
	w->verdict.result.reason = t->reason;
	dp_deliver(w, t, &w->verdict, kind);
}

void dp_deliver_failure(struct dp_worker *w, struct dp_txn *t, bool remember)
{
	struct dp_route r;

	if (t->who == DP_TXN_CHAIN) {
		dp_chain_failed(w, t, remember);
		return;
	}
	r = dp_route_of(w, t);
	if (t->fallback != NULL) {
		deliver_fallback(w, t);
		return;
	}
	if (t->ede == DNS_EDE_NONE)
		t->ede = DNS_EDE_NO_REACHABLE_AUTHORITY;
	for (const struct dp_waiter *c = first_waiter(w, t); c != NULL; c = next_waiter(w, c))
		if (!send_stale(w, t, c, &r))
			send_failure(w, t, c, t->ede);
	if (remember) {
		dp_failures_put(w->failures, t->q_hash, &t->qname, t->qtype, w->now.failures,
			w->now.ms + 1000ull * w->cfg->failure_ttl_s, t->ede);
		dp_count(&w->counters.failures_cached);
	}
	dp_txn_end(w, t);
}

void dp_drop_waiters(struct dp_worker *w, struct dp_txn *t, enum dp_drop reason)
{
	dp_add(&w->counters.dropped[reason], t->waiters);
}
