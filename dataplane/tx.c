#include <rte_ethdev.h>

#include "dataplane/worker.h"

/*
 * The ends of packets. A reply is buffered with what it will be counted as once the NIC has it, so
 * that a query ends in exactly one counter whether its answer left or not.
 */

static void sent(struct dp_worker *w, enum dp_tx_kind kind)
{
	static_assert(DP_TX_UPSTREAM == 2, "a counter for each");
	_Atomic uint64_t *counter[] = {
		[DP_TX_FORWARDED] = &w->counters.forwarded,
		[DP_TX_ANSWERED] = &w->counters.answered,
		[DP_TX_UPSTREAM] = &w->counters.sent_upstream,
	};

	dp_count(counter[kind]);
}

/* An upstream's query that did not leave is not the end of the client's: its timer runs. */
static void not_sent(struct dp_worker *w, enum dp_tx_kind kind)
{
	if (kind == DP_TX_UPSTREAM)
		dp_count(&w->counters.upstream_tx_full);
	else
		dp_count(&w->counters.dropped[DP_DROP_TX_FULL]);
}

static void flush(struct dp_worker *w, uint16_t port)
{
	struct dp_tx *tx = &w->tx[port];
	uint16_t taken = rte_eth_tx_burst(w->port_id[port], w->id, tx->m, tx->count);

	for (uint16_t i = 0; i < taken; i++)
		sent(w, tx->kind[i]);
	for (uint16_t i = taken; i < tx->count; i++) {
		not_sent(w, tx->kind[i]);
		rte_pktmbuf_free(tx->m[i]);
	}
	tx->count = 0;
}

static void buffer(struct dp_worker *w, uint16_t port, struct rte_mbuf *m, enum dp_tx_kind kind)
{
	struct dp_tx *tx = &w->tx[port];

	tx->kind[tx->count] = (uint8_t)kind;
	tx->m[tx->count++] = m;
	if (tx->count == DP_TX_BUFFER)
		flush(w, port);
}

void dp_tx_upstream(struct dp_worker *w, uint16_t port, struct rte_mbuf *m)
{
	buffer(w, port, m, DP_TX_UPSTREAM);
}

void dp_tx_reply(struct dp_worker *w, uint16_t port, struct rte_mbuf *m, enum dp_tx_kind kind)
{
	buffer(w, port, m, kind);
}

void dp_tx_flush(struct dp_worker *w, bool idle)
{
	for (uint16_t port = 0; port < w->port_count; port++) {
		struct dp_tx *tx = &w->tx[port];

		if (tx->count > 0) {
			flush(w, port);
			tx->unreclaimed = true;
		} else if (idle && tx->unreclaimed) {
			// Many drivers give sent mbufs back only when they are called again.
			rte_eth_tx_burst(w->port_id[port], w->id, tx->m, 0);
			tx->unreclaimed = false;
		}
	}
}

void dp_drop(struct dp_worker *w, struct rte_mbuf *m, enum dp_drop reason)
{
	dp_count(&w->counters.dropped[reason]);
	rte_pktmbuf_free(m);
}
