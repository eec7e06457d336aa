#include <errno.h>
#include <string.h>

#include <rte_malloc.h>

#include "dataplane/outcome.h"
#include "dataplane/question.h"
#include "dataplane/ring.h"
#include "dataplane/worker.h"

/*
 * Answers that UDP is too small for. Workers speak no TCP, control does: a question for keys whose
 * answer came with TC=1 goes there, to be asked of the same upstream, and the answer comes back in
 * the place that carried the question, where it stays until it has been judged. Places and time are
 * bounded: DP_FETCHES_MAX a worker, and what a try at a path may take, within the transaction's
 * budget. Who waits no longer leaves its place with control, which always gives it back.
 */

int dp_fetch_new(struct dp_worker *w)
{
	const unsigned flags = RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ;

	w->fetch_asks = dp_ring_new("fetch_asks", DP_FETCHES_MAX, w->numa, flags);
	w->fetch_tolds = dp_ring_new("fetch_tolds", DP_FETCHES_MAX, w->numa, flags);
	w->fetches = rte_zmalloc_socket(
		"fetches", DP_FETCHES_MAX * sizeof(*w->fetches), RTE_CACHE_LINE_SIZE, w->numa);
	if (w->fetch_asks == NULL || w->fetch_tolds == NULL || w->fetches == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < DP_FETCHES_MAX; i++) {
		w->fetches[i].worker = w->id;
		w->fetch_free[w->fetch_free_count++] = &w->fetches[i];
	}
	return 0;
}

void dp_fetch_free(struct dp_worker *w)
{
	rte_ring_free(w->fetch_asks);
	rte_ring_free(w->fetch_tolds);
	rte_free(w->fetches);
}

bool dp_fetch_begin(struct dp_worker *w, struct dp_txn *q)
{
	uint32_t wait_ms = dp_upstream_patience_ms(w, q);
	struct dp_fetch *f;

	if (wait_ms == 0 || w->fetch_free_count == 0)
		return false;
	f = w->fetch_free[--w->fetch_free_count];
	f->addr = q->upstream;
	f->kind = dp_route_of(w, q).kind;
	f->qname = q->qname;
	f->qtype = q->qtype;
	f->timeout_ms = wait_ms;
	f->txn = dp_txns_index(w->txns, q);
	f->generation = q->generation;
	f->away = true;
	rte_ring_sp_enqueue(w->fetch_asks, f); // holds every place: cannot be full
	q->fetch = f;
	q->state = DP_TXN_FETCHING;
	dp_txns_unassign(w->txns, q);
	dp_txns_timer(w->txns, q, w->now.ms, wait_ms);
	return true;
}

void dp_fetch_end(struct dp_worker *w, struct dp_txn *q)
{
	if (q->fetch == NULL)
		return;
	if (!q->fetch->away)
		w->fetch_free[w->fetch_free_count++] = q->fetch;
	q->fetch = NULL;
}

/* By the octets alone: whether it is true is for the judge to say. */
static bool is_answer(struct dp_worker *w, const struct dp_txn *q)
{
	const struct dp_fetch *f = q->fetch;

	return f->error == 0 && dns_msg_parse(&w->msg, f->msg, f->len) == 0 &&
	       dp_question_is(&w->msg, &q->qname, q->qtype) && !dp_outcome_truncated(&w->msg);
}

static void take(struct dp_worker *w, struct dp_fetch *f)
{
	struct dp_txn *q = dp_txns_at(w->txns, f->txn, f->generation);

	f->away = false;
	if (q == NULL || q->fetch != f) {
		w->fetch_free[w->fetch_free_count++] = f; // nobody waits any more
	} else if (is_answer(w, q)) {
		dp_count(&w->counters.chain_fetched);
		q->state = DP_TXN_JUDGING;
		dp_judge_again(w, q);
	} else {
		dp_fetch_end(w, q);
		dp_judge_truncated(w, q);
	}
}

unsigned dp_fetch_serve(struct dp_worker *w)
{
	struct dp_fetch *f[DP_FETCHES_MAX];
	unsigned n = rte_ring_sc_dequeue_burst(w->fetch_tolds, (void **)f, DP_FETCHES_MAX, NULL);

	for (unsigned i = 0; i < n; i++)
		take(w, f[i]);
	return n;
}
