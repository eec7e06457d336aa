#include "dataplane/hold.h"

#include "dataplane/worker.h"
#include "validator/keyset.h"

/*
 * Replies signed by a key that the zone's published set lacks. A zone that has rolled its keys
 * looks like this to whoever fetched the set before, and a site that lies looks like it too. Which
 * it is can be told as soon as somebody has looked at that path's DNSKEY set: so the reply is held,
 * control is told by a counter of the path, and the next view that brings other keys, or the word
 * that there are none (val_zone_keys.look_after), has it judged again. A hold takes no longer than
 * a try at another path would, and each transaction has one.
 *
 * The held stand in a ring in the order they came, so the first is the first whose time is over. A
 * transaction that ended meanwhile is known by its generation and falls out at the head.
 */

static struct dp_held *held_at(struct dp_worker *w, uint32_t i)
{
	return &w->held[(w->held_head + i) % DP_HELD_MAX];
}

static void push(struct dp_worker *w, const struct dp_txn *t)
{
	_Atomic uint32_t *awaited = &w->keys_awaited[t->path];

	*held_at(w, w->held_count++) = (struct dp_held){
		.txn = dp_txns_index(w->txns, t),
		.generation = t->generation,
		.view_number = w->now.view->number,
	};
	atomic_store_explicit(awaited, atomic_load_explicit(awaited, memory_order_relaxed) + 1,
		memory_order_relaxed);
	dp_count(&w->counters.keys_awaited);
}

static void pop(struct dp_worker *w)
{
	w->held_head = (w->held_head + 1) % DP_HELD_MAX;
	w->held_count--;
}

/* How long a reply may wait: what a try at a path may take, within the budget. */
static uint32_t hold_ms(const struct dp_worker *w, const struct dp_txn *t)
{
	uint64_t spent = w->now.cycles - t->started_cycles;
	uint64_t left = spent < w->budget_cycles ? w->budget_cycles - spent : 0;

	return (uint32_t)((left < w->timeout_cycles ? left : w->timeout_cycles) / w->cycles_per_ms);
}

static bool is_new(const struct val_zone_keys *keys, const struct val_result *r, uint32_t now)
{
	return r->verdict == VAL_BOGUS && r->reason == VAL_R_KEY_MISSING &&
	       val_keys_worth_a_look(keys, now);
}

bool dp_hold_reply(struct dp_worker *w, struct dp_txn *t, const struct val_zone_keys *keys)
{
	if (!is_new(keys, &w->verdict.result, w->now.epoch_s) || w->held_count == DP_HELD_MAX)
		return false;
	if (t->hold_until_ms == 0) {
		uint32_t wait = hold_ms(w, t);

		t->hold_until_ms = w->now.ms + wait;
		dp_txns_timer(w->txns, t, w->now.ms, wait + 1);
	}
	if (w->now.ms >= t->hold_until_ms)
		return false;
	dp_judge_release(w, t);
	t->state = DP_TXN_JUDGING;
	t->held = true;
	push(w, t);
	return true;
}

unsigned dp_hold_serve(struct dp_worker *w)
{
	unsigned judged = 0;

	while (w->held_count > 0 && judged < DP_HELD_BURST) {
		const struct dp_held *h = held_at(w, 0);
		struct dp_txn *t = dp_txns_at(w->txns, h->txn, h->generation);

		if (t != NULL && t->held && h->view_number == w->now.view->number)
			break; // nothing new for this one, nor for those behind it
		pop(w);
		if (t == NULL || !t->held)
			continue;
		t->held = false;
		dp_judge_again(w, t);
		judged++;
	}
	return judged;
}
