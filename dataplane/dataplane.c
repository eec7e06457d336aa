#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "dataplane/dataplane_priv.h"

/*
 * The facade's running part: views, questions, draining. All of it is the control thread's.
 */

enum {
	POLL_US = 500,   // between two looks while draining
	ABORT_MS = 1000, // more than enough to sweep every slot
};

/* ---- views ---- */

int dp_publish(struct dp *dp, const struct dp_view *view,
	void (*done)(void *arg, const struct dp_view *old), void *arg)
{
	struct dp_grace *g;

	if (dp->grace_count == DP_GRACE_MAX)
		return -EAGAIN;
	for (uint16_t i = 0; i < dp->cfg.worker_count; i++)
		atomic_store_explicit(&dp->worker[i]->view, view, memory_order_release);
	g = &dp->grace[(dp->grace_head + dp->grace_count++) % DP_GRACE_MAX];
	*g = (struct dp_grace){rte_rcu_qsbr_start(dp->qsbr), dp->view, done, arg};
	dp->view = view;
	return 0;
}

/* In order: a view is never let go before an older one. */
static void let_go(struct dp *dp)
{
	while (dp->grace_count > 0) {
		struct dp_grace g = dp->grace[dp->grace_head];

		if (rte_rcu_qsbr_check(dp->qsbr, g.token, false) != 1)
			return;
		dp->grace_head = (dp->grace_head + 1) % DP_GRACE_MAX;
		dp->grace_count--;
		if (g.done != NULL)
			g.done(g.arg, g.old);
	}
}

/* ---- questions ---- */

int dp_ask(struct dp *dp, const struct dp_ask *ask)
{
	struct dp_ask_slot *slot;

	if (dp->ask_free_count == 0)
		return -EAGAIN;
	slot = dp->ask_free[--dp->ask_free_count];
	slot->ask = *ask;
	rte_ring_sp_enqueue(dp->asks, slot); // holds every slot: cannot be full
	return 0;
}

void dp_fetches(struct dp *dp, void (*want)(void *arg, struct dp_fetch *f), void *arg)
{
	struct dp_fetch *f;

	for (uint16_t i = 0; i < dp->cfg.worker_count; i++)
		while (rte_ring_sc_dequeue(dp->worker[i]->fetch_asks, (void **)&f) == 0)
			want(arg, f);
}

void dp_fetched(struct dp *dp, struct dp_fetch *f, int error, const uint8_t *msg, uint16_t len)
{
	f->error = error == 0 && len > sizeof(f->msg) ? -EMSGSIZE : error;
	f->len = f->error == 0 ? len : 0;
	if (f->len > 0)
		memcpy(f->msg, msg, len);
	// holds every place: cannot be full
	rte_ring_sp_enqueue(dp->worker[f->worker]->fetch_tolds, f);
}

void dp_poll(struct dp *dp, void (*told)(void *arg, const struct dp_told *told), void *arg)
{
	struct dp_ask_slot *slot[DP_TOLDS_BURST];
	unsigned n = rte_ring_sc_dequeue_burst(dp->tolds, (void **)slot, DP_TOLDS_BURST, NULL);

	dp_clock_set(&dp->clock);
	for (unsigned i = 0; i < n; i++) {
		if (told != NULL)
			told(arg, &slot[i]->told);
		dp->ask_free[dp->ask_free_count++] = slot[i];
	}
	let_go(dp);
}

/* ---- the end ---- */

static bool is_idle(const struct dp *dp)
{
	for (uint16_t i = 0; i < dp->cfg.worker_count; i++) {
		struct dp_worker *w = dp->worker[i];

		if (atomic_load_explicit(&w->counters.transactions, memory_order_relaxed) > 0 ||
			rte_ring_count(w->handover) > 0)
			return false;
	}
	return rte_ring_count(dp->asks) == 0;
}

/* Wait until every worker has begun a turn under the new order and none has work. */
static void wait_idle(struct dp *dp, uint64_t token, uint32_t ms)
{
	uint64_t end = rte_rdtsc() + ms * (rte_get_tsc_hz() / 1000);

	while (rte_rdtsc() < end) {
		dp_poll(dp, NULL, NULL);
		if (rte_rcu_qsbr_check(dp->qsbr, token, false) == 1 && is_idle(dp))
			return;
		usleep(POLL_US);
	}
}

static void order(struct dp *dp, enum dp_run run, uint32_t ms)
{
	atomic_store_explicit(&dp->run, (int)run, memory_order_release);
	wait_idle(dp, rte_rcu_qsbr_start(dp->qsbr), ms);
}

void dp_drain(struct dp *dp, uint32_t ms)
{
	order(dp, DP_RUN_DRAIN, ms);
	order(dp, DP_RUN_ABORT, ABORT_MS);
}
