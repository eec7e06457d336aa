#include <string.h>

#include "dataplane/worker.h"
#include "dns/wire.h"

/*
 * A packet that claims to be an upstream's reply. Until it has matched a transaction in every
 * respect it changes nothing but counters and, as a near miss, the pair it failed to guess.
 */

/* Header and question as we sent them: QR=1, opcode QUERY, one question, octet by octet. */
static bool answers_question(const struct dp_txn *t, const uint8_t *dns, uint16_t len)
{
	const uint8_t *tail = dns + DNS_HEADER_LEN + t->qname.len;

	return len >= DNS_HEADER_LEN + t->qname.len + DNS_TYPE_LEN + DNS_CLASS_LEN &&
	       (dns_get16(dns + DNS_OFF_FLAGS) & DNS_FLAG_OPCODE_MASK) == DNS_OPCODE_QUERY << 11 &&
	       dns_get16(dns + DNS_OFF_QDCOUNT) == 1 &&
	       memcmp(dns + DNS_HEADER_LEN, t->qname.octets, t->qname.len) == 0 &&
	       dns_get16(tail) == t->qtype && dns_get16(tail + DNS_TYPE_LEN) == DNS_CLASS_IN;
}

static void note_rtt(struct dp_worker *w, const struct dp_txn *t)
{
	struct route_evidence *e = &w->evidence[t->path];
	uint64_t rtt_us = (w->now.cycles - t->sent_cycles) / w->cycles_per_us;

	dp_add(&e->rtt_us_sum, rtt_us);
	dp_add(&e->rtt_count, 1);
	dp_add(&e->rtt_bucket[route_rtt_bucket(rtt_us)], 1);
}

static void matched(struct dp_worker *w, struct dp_txn *t, struct dp_pkt *p)
{
	struct rte_mbuf *m = p->m;

	dp_count(&w->counters.matched);
	t->reply_sum = dp_packet_payload_sum(p);
	rte_pktmbuf_adj(m, p->dns_off);
	m->data_len = p->dns_len;
	m->pkt_len = p->dns_len;
	if (t->is_ask) {
		dp_ask_end(w, t, 0, m);
		rte_pktmbuf_free(m);
		return;
	}
	note_rtt(w, t);
	dp_judge_reply(w, t, m);
}

static void take(struct dp_worker *w, struct dp_pkt *p)
{
	const uint8_t *dns = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->dns_off);
	struct dp_txn *t = NULL;
	enum dp_match match;

	if (p->dns_len < DNS_HEADER_LEN) {
		dp_drop(w, p->m, DP_DROP_REPLY_SHORT);
		return;
	}
	if ((dns_get16(dns + DNS_OFF_FLAGS) & DNS_FLAG_QR) == 0) {
		dp_drop(w, p->m, DP_DROP_REPLY_IS_QUERY);
		return;
	}
	match = dp_txns_find_reply(w->txns, &p->src, p->dport, dns_get16(dns + DNS_OFF_ID), &t);
	if (match != DP_MATCH_YES) {
		if (match == DP_MATCH_NEAR)
			dp_upstream_near_miss(w, t);
		dp_drop(w, p->m, DP_DROP_REPLY_UNMATCHED);
	} else if (!answers_question(t, dns, p->dns_len)) {
		dp_upstream_near_miss(w, t);
		dp_drop(w, p->m, DP_DROP_REPLY_QUESTION);
	} else if (t->state != DP_TXN_SENT) {
		dp_drop(w, p->m, DP_DROP_REPLY_LATE);
	} else {
		matched(w, t, p);
	}
}

static uint16_t id_of(const struct dp_pkt *p)
{
	const uint8_t *dns = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->dns_off);

	return p->dns_len >= DNS_HEADER_LEN ? dns_get16(dns + DNS_OFF_ID) : 0;
}

/* What a stage will look at in memory is fetched in the one before; nothing is decided ahead. */
void dp_responses(struct dp_worker *w, struct dp_pkt *const *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		dp_txns_prefetch_reply(w->txns, p[i]->dport, id_of(p[i]));
	for (unsigned i = 0; i < n; i++)
		dp_txns_prefetch_replied(w->txns, p[i]->dport, id_of(p[i]));
	for (unsigned i = 0; i < n; i++)
		dp_txns_prefetch_close(w->txns, p[i]->dport, id_of(p[i]));
	for (unsigned i = 0; i < n; i++)
		take(w, p[i]);
}
