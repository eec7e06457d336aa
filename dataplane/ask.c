#include <errno.h>
#include <string.h>

#include "dataplane/worker.h"

/*
 * Control's own questions. One slot carries question and answer all the way round, so a worker
 * never lacks a place for the answer. They are matched as strictly as any reply, but leave no
 * evidence: control judges them itself.
 */

static void tell(struct dp_worker *w, struct dp_ask_slot *slot, int error)
{
	slot->told.token = slot->ask.token;
	slot->told.path = slot->ask.path;
	slot->told.error = error;
	rte_ring_sp_enqueue(w->tolds, slot); // holds every slot: cannot be full
}

void dp_ask_end(struct dp_worker *w, struct dp_txn *t, int error, const struct rte_mbuf *m)
{
	struct dp_ask_slot *slot = &w->ask_slots[t->token];

	slot->told.len = 0;
	slot->told.rtt_us = 0;
	if (m != NULL) {
		const uint8_t *dns = rte_pktmbuf_mtod(m, const uint8_t *);

		slot->told.rtt_us = (uint32_t)((w->now.cycles - t->sent_cycles) / w->cycles_per_us);
		if (m->data_len > sizeof(slot->told.msg) ||
			dns_msg_parse(&w->msg, dns, m->data_len) != 0) {
			error = -EBADMSG;
		} else {
			slot->told.len = m->data_len;
			memcpy(slot->told.msg, dns, m->data_len);
		}
	}
	dp_txn_end(w, t);
	tell(w, slot, error);
}

static void start(struct dp_worker *w, struct dp_ask_slot *slot)
{
	struct dns_name qname = slot->ask.qname;
	struct dp_txn *t;
	int err;

	dns_name_lower(qname.octets, qname.len);
	dp_count(&w->counters.asks);
	slot->told.len = 0;
	slot->told.rtt_us = 0;
	t = dp_txns_open(w->txns, 0, &qname, slot->ask.qtype, true, 0, ROUTE_REGION_NONE, true);
	if (t == NULL) {
		tell(w, slot, -ENOBUFS);
		return;
	}
	t->token = (uint64_t)(slot - w->ask_slots);
	t->started_cycles = w->now.cycles;
	err = dp_upstream_ask(w, t, &slot->ask);
	if (err != 0)
		dp_ask_end(w, t, err, NULL);
}

unsigned dp_asks_serve(struct dp_worker *w)
{
	struct dp_ask_slot *slot[DP_ASKS_BURST];
	unsigned n = rte_ring_sc_dequeue_burst(w->asks, (void **)slot, DP_ASKS_BURST, NULL);

	for (unsigned i = 0; i < n; i++)
		start(w, slot[i]);
	return n;
}
