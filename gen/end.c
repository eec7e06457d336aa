#include "gen/end.h"

#include <rte_ethdev.h>
#include <rte_prefetch.h>

enum { DNS_PORT = 53, BURST = 32, BURSTS_A_TURN = 4 };

/* Not a question to the clients or sites: one for their MAC, perhaps. */
static void take_other(struct gen_end *e, struct rte_mbuf *m)
{
	if (e->neighbour == NULL || !gen_neighbour_answer(e->neighbour, m)) {
		e->malformed++;
		rte_pktmbuf_free(m);
	} else if (rte_eth_tx_burst(e->port_id, e->queue, &m, 1) == 1) {
		e->neighbours++;
	} else {
		rte_pktmbuf_free(m); // it will be asked again
	}
}

static void take(struct gen_end *e, struct rte_mbuf *m, uint64_t now)
{
	struct dp_pkt p;

	if (e->trust)
		m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	if (dp_packet_parse(m, &p) != DP_DROP_MAX) {
		take_other(e, m);
	} else if (e->clients == NULL || (e->sites != NULL && p.dport == DNS_PORT)) {
		gen_sites_take(e->sites, &p, now);
	} else {
		gen_clients_take(e->clients, &p, now);
	}
}

static unsigned receive(struct gen_end *e, uint64_t now)
{
	struct rte_mbuf *m[BURST];
	uint16_t n = rte_eth_rx_burst(e->port_id, e->queue, m, BURST);

	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
	for (uint16_t i = 0; i < n; i++)
		take(e, m[i], now);
	e->received += n;
	return n;
}

unsigned gen_end_turn(struct gen_end *e, uint64_t now)
{
	unsigned work = 0, n;

	for (unsigned i = 0; i < BURSTS_A_TURN; i++) {
		n = receive(e, now);
		work += n;
		if (n < BURST)
			break;
	}
	if (e->sites != NULL)
		work += gen_sites_send(e->sites, now);
	if (e->clients != NULL)
		work += gen_clients_send(e->clients, now);
	return work;
}
