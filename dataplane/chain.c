#include "dataplane/chain.h"

#include <errno.h>

#include "dataplane/worker.h"

/*
 * Answers of recursive resolvers are signed by zones of which we have no keys. The judge says which
 * DS or DNSKEY it wants next (validator/chain.h); the reply is held in its transaction, and the
 * question goes out as a transaction of our own, by the same route and as hard to forge as any
 * client's. Who needs the same question waits for the same transaction. When it ends, well or not,
 * what it taught is among the worker's facts and all who waited are judged again, some a turn: each
 * goes one step further, or fails.
 *
 * So the state of a chain is in the facts alone, and a question may end in any way, or its facts be
 * forgotten at once: whoever still needs it asks again, within the transaction's limits. These are
 * VAL_CHAIN_QUESTIONS_MAX questions, VAL_CHAIN_VERIFY_MAX verifications in their answers and the
 * transaction's time; retries at other paths do not reset them. The worker's limits are in chain.h.
 *
 * A waiting transaction is in state DP_TXN_JUDGING and its timer runs on.
 *
 * What is known may be out of date before its time is over: a zone has new keys, and a resolver has
 * met them before us. A reply that is bogus for want of a key has that zone's DS and DNSKEY asked
 * for anew, and is judged once more. The same is done, with nobody waiting, for what is in use and
 * ends soon. A renewal costs what the chain did at first, and a zone has one in VAL_FACT_RENEW_S
 * however many such replies come: no more does a zone cost that is signed with keys that are not
 * there.
 * Old keys serve until new ones are there.
 */

/* ---- lists ---- */

static void append(struct dp_worker *w, struct dp_txn_list *l, struct dp_txn *t)
{
	uint32_t index = dp_txns_index(w->txns, t);

	t->chain_next = DP_TXN_NONE;
	t->chain_prev = l->tail;
	if (l->tail == DP_TXN_NONE)
		l->head = index;
	else
		dp_txns_slot(w->txns, l->tail)->chain_next = index;
	l->tail = index;
}

static void take_out(struct dp_worker *w, struct dp_txn_list *l, struct dp_txn *t)
{
	if (t->chain_prev == DP_TXN_NONE)
		l->head = t->chain_next;
	else
		dp_txns_slot(w->txns, t->chain_prev)->chain_next = t->chain_next;
	if (t->chain_next == DP_TXN_NONE)
		l->tail = t->chain_prev;
	else
		dp_txns_slot(w->txns, t->chain_next)->chain_prev = t->chain_prev;
}

/* ---- trust ---- */

void dp_chain_trust(struct dp_worker *w, struct val_trust *out)
{
	*out = (struct val_trust){
		.published = w->now.view->keys,
		.facts = w->facts,
		.now = w->now.epoch_s,
	};
}

/* Changes when a zone's keys or its status do. */
static uint64_t fingerprint(const struct val_keys *keys)
{
	uint64_t print = 0;

	for (size_t i = 0; keys != NULL && i < val_keys_count(keys); i++) {
		const struct val_zone_keys *z = val_keys_at(keys, i);

		print = (print + ((uint64_t)z->status << 32) + z->generation + 1) *
			0x9e3779b97f4a7c15ull;
	}
	return print;
}

void dp_chain_renew(struct dp_worker *w)
{
	const struct dp_view *view = w->now.view;
	uint64_t print;

	if (view == NULL || view->number == w->chain_view)
		return;
	w->chain_view = view->number;
	print = fingerprint(view->keys);
	if (print != w->chain_print)
		val_facts_clear(w->facts);
	w->chain_print = print;
}

/* ---- asking ---- */

static uint64_t hash_of(
	const struct dp_worker *w, const struct val_chain_step *need, const struct dp_route *r)
{
	return dp_txns_hash(
		w->txns, &need->name, need->type, DP_TXN_CHAIN, (uint16_t)r->zone, r->region);
}

static struct dp_txn *find_question(
	struct dp_worker *w, const struct val_chain_step *need, const struct dp_route *r)
{
	return dp_txns_find_question(w->txns, hash_of(w, need, r), &need->name, need->type,
		DP_TXN_CHAIN, (uint16_t)r->zone, r->region);
}

static struct dp_txn *open_question(
	struct dp_worker *w, const struct val_chain_step *need, const struct dp_route *r)
{
	struct dp_txn *q;

	if (w->chain_questions >= DP_CHAIN_QUESTIONS_MAX)
		return NULL;
	q = dp_txns_open(w->txns, hash_of(w, need, r), &need->name, need->type, DP_TXN_CHAIN,
		(uint16_t)r->zone, r->region, false);
	if (q == NULL)
		return NULL;
	w->chain_questions++;
	q->started_cycles = w->now.cycles;
	q->table_number = route_table_number(w->now.view->table);
	if (dp_upstream_question(w, q) != 0) {
		dp_txn_end(w, q);
		return NULL;
	}
	dp_count(&w->counters.chain_asked);
	return q;
}

static struct dp_txn *question_for(
	struct dp_worker *w, const struct val_chain_step *need, const struct dp_route *r)
{
	struct dp_txn *q = find_question(w, need, r);

	if (q == NULL)
		return open_question(w, need, r);
	dp_count(&w->counters.chain_joined);
	return q;
}

static uint8_t add_capped(uint8_t a, uint8_t b)
{
	return (uint8_t)(a + b < UINT8_MAX ? a + b : UINT8_MAX);
}

/* What an answer has cost counts for everybody who waited for it. */
static void add_cost(struct dp_txn *t, const struct dp_txn *q)
{
	t->chain_asked = add_capped(t->chain_asked, q->chain_asked);
	t->chain_verified = add_capped(t->chain_verified, q->verified);
	t->chain_verified = add_capped(t->chain_verified, q->chain_verified);
}

static void wait_for(struct dp_worker *w, struct dp_txn *t, struct dp_txn *q)
{
	t->chain_asked = add_capped(t->chain_asked, 1);
	t->chain_wait = DP_CHAIN_ANSWER;
	t->chain_question = dp_txns_index(w->txns, q);
	t->state = DP_TXN_JUDGING;
	append(w, &q->chain_waiters, t);
}

static bool may_wait(const struct dp_txn *t)
{
	return t->chain_asked < VAL_CHAIN_QUESTIONS_MAX && t->chain_verified < VAL_CHAIN_VERIFY_MAX;
}

static bool may_hold(const struct dp_worker *w, const struct dp_route *r)
{
	return w->chain_waiting < DP_CHAIN_WAITING_MAX && w->now.run < DP_RUN_ABORT && r->zone >= 0;
}

int dp_chain_wait(struct dp_worker *w, struct dp_txn *t, const struct val_chain_step *need)
{
	struct dp_route r = dp_route_of(w, t);
	struct dp_txn *q = NULL;

	if (!may_wait(t)) {
		dp_count(&w->counters.chain_limit);
		return -E2BIG;
	}
	if (may_hold(w, &r))
		q = question_for(w, need, &r);
	if (q == NULL) {
		dp_count(&w->counters.chain_full);
		return -ENOBUFS;
	}
	wait_for(w, t, q);
	w->chain_waiting++;
	dp_count(&w->counters.chain_waited);
	return 0;
}

/* ---- asking anew ---- */

/* The question that renews a zone, under way or begun now. */
static struct dp_txn *renewal_of(struct dp_worker *w, const uint8_t *zone, const struct dp_route *r)
{
	struct val_chain_step need;
	struct val_trust trust;
	struct dp_txn *q;

	dp_chain_trust(w, &trust);
	val_chain_renew(&trust, zone, &need);
	if (need.end != VAL_CHAIN_ASK)
		return NULL;
	q = find_question(w, &need, r);
	if (q == NULL && val_facts_claim(w->facts, zone, w->now.epoch_s)) {
		q = open_question(w, &need, r);
		if (q != NULL)
			dp_count(&w->counters.chain_renewed);
	}
	if (q != NULL)
		q->renews = true;
	return q;
}

bool dp_chain_ask_anew(struct dp_worker *w, struct dp_txn *t, const struct val_zone_keys *lacks)
{
	struct dns_name zone = lacks->zone;
	struct dp_route r = dp_route_of(w, t);
	struct dp_txn *q;

	if (!may_wait(t) || !may_hold(w, &r) || t->chain_renewed >= VAL_CHAIN_RENEWALS_MAX)
		return false;
	q = renewal_of(w, zone.octets, &r);
	if (q == NULL)
		return false;
	dp_judge_release(w, t);
	t->chain_renewed++;
	wait_for(w, t, q);
	w->chain_waiting++;
	dp_count(&w->counters.chain_waited);
	return true;
}

void dp_chain_refresh(struct dp_worker *w, const struct dp_txn *t)
{
	struct dp_route r = dp_route_of(w, t);
	struct dns_name zone;

	// Not when many clients wait as it is.
	if (!val_facts_due(w->facts, w->now.epoch_s, &zone) || r.zone < 0 || w->now.run != DP_RUN ||
		dp_txns_used(w->txns) > dp_txns_capacity(w->txns) / 2)
		return;
	renewal_of(w, zone.octets, &r);
}

/* DS records came anew: the keys that they stand for are next, for all who wait. */
static void go_on(struct dp_worker *w, struct dp_txn *q)
{
	struct dp_route r = dp_route_of(w, q);
	struct val_chain_step need;
	struct val_trust trust;
	struct dp_txn *next;

	dp_chain_trust(w, &trust);
	val_chain_renew(&trust, q->qname.octets, &need);
	if (r.zone < 0 || need.end != VAL_CHAIN_ASK || need.type != DNS_TYPE_DNSKEY)
		return;
	next = question_for(w, &need, &r);
	while (next != NULL && q->chain_waiters.head != DP_TXN_NONE) {
		struct dp_txn *t = dp_txns_slot(w->txns, q->chain_waiters.head);

		take_out(w, &q->chain_waiters, t);
		add_cost(t, q);
		wait_for(w, t, next);
	}
}

void dp_chain_answered(struct dp_worker *w, struct dp_txn *q)
{
	if (q->renews && q->qtype == DNS_TYPE_DS)
		go_on(w, q);
	dp_txn_end(w, q);
}

/* ---- ends ---- */

void dp_chain_failed(struct dp_worker *w, struct dp_txn *q, bool remember)
{
	enum val_reason why = q->reason != VAL_R_NONE ? q->reason : VAL_R_NO_CHAIN;
	struct val_trust trust;

	dp_count(&w->counters.chain_failed);
	// Under another table another server may be asked.
	if (remember && q->table_number == route_table_number(w->now.view->table)) {
		dp_chain_trust(w, &trust);
		val_chain_fail(&trust, &q->qname, why, w->cfg->failure_ttl_s);
	}
	dp_txn_end(w, q);
}

/* All who wait for q get a turn. */
static void wake(struct dp_worker *w, struct dp_txn *q)
{
	while (q->chain_waiters.head != DP_TXN_NONE) {
		struct dp_txn *t = dp_txns_slot(w->txns, q->chain_waiters.head);

		take_out(w, &q->chain_waiters, t);
		add_cost(t, q);
		t->chain_wait = DP_CHAIN_TURN;
		append(w, &w->chain_turns, t);
	}
}

void dp_chain_leave(struct dp_worker *w, struct dp_txn *t)
{
	struct dp_txn_list *l = &w->chain_turns;

	if (t->chain_wait == DP_CHAIN_ANSWER)
		l = &dp_txns_slot(w->txns, t->chain_question)->chain_waiters;
	if (t->chain_wait != DP_CHAIN_NOTHING) {
		take_out(w, l, t);
		t->chain_wait = DP_CHAIN_NOTHING;
		w->chain_waiting--;
	}
	if (t->who != DP_TXN_CHAIN)
		return;
	wake(w, t);
	w->chain_questions--;
}

int dp_chain_late(struct dp_worker *w, const struct dp_txn *t)
{
	const struct dp_txn *q;

	if (t->chain_wait != DP_CHAIN_ANSWER)
		return t->chain_wait == DP_CHAIN_TURN ? DNS_EDE_INDETERMINATE : DNS_EDE_OTHER;
	q = dp_txns_slot(w->txns, t->chain_question);
	return q->ede != DNS_EDE_NONE ? q->ede : DNS_EDE_INDETERMINATE;
}

unsigned dp_chain_serve(struct dp_worker *w)
{
	unsigned n = 0;

	for (; n < DP_CHAIN_BURST && w->chain_turns.head != DP_TXN_NONE; n++) {
		struct dp_txn *t = dp_txns_slot(w->txns, w->chain_turns.head);

		take_out(w, &w->chain_turns, t);
		t->chain_wait = DP_CHAIN_NOTHING;
		w->chain_waiting--;
		dp_judge_again(w, t);
	}
	return n;
}
