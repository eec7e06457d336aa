#include "dataplane/worker.h"

/*
 * A reply may arrive on another worker's queue (no RSS, or RSS that knows nothing of our ports).
 * Whoever received it counts it as received; whoever ends it counts how. Only the packet is handed
 * over: its owner parses it again, which costs less than carrying the parse in the mbuf would on
 * every other packet.
 */

bool dp_handover_give(struct dp_worker *w, struct dp_pkt *p)
{
	uint8_t owner;

	if (w->claims == NULL)
		return false;
	owner = dp_claims_owner(w->claims, p->family, p->dport);
	if (owner == DP_CLAIMS_NONE || owner == w->id)
		return false;
	if (rte_ring_mp_enqueue(w->peers[owner]->handover, p->m) != 0)
		dp_drop(w, p->m, DP_DROP_HANDOVER_FULL);
	else
		dp_count(&w->counters.handed_over);
	return true;
}

unsigned dp_handover_serve(struct dp_worker *w)
{
	struct rte_mbuf *m[DP_BURST];
	struct dp_pkt p[DP_BURST], *reply[DP_BURST];
	unsigned replies = 0;
	unsigned n = rte_ring_sc_dequeue_burst(w->handover, (void **)m, DP_BURST, NULL);

	for (unsigned i = 0; i < n; i++) {
		enum dp_drop reason = dp_packet_parse(m[i], &p[i]);

		// Handed on once only: a port that changed hands meanwhile is just unmatched.
		if (reason != DP_DROP_MAX)
			dp_drop(w, m[i], reason);
		else
			reply[replies++] = &p[i];
	}
	dp_responses(w, reply, replies);
	return n;
}
