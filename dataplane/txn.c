#include "dataplane/txn.h"

#include <errno.h>
#include <string.h>

#include <rte_common.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>

/*
 * The transaction table of one worker.
 *
 * Promises: bounded memory, all of it taken at start; no operation looks at more than
 * DP_TXN_CHAIN_MAX entries of a chain; one thread only. Two hash tables index the same slots: by
 * question (is somebody asking this already?) and by (family, local port, ID) (whose reply is
 * this?). Both chain through indexes in the slots, heads being four times the slots, so that
 * nearly every entry is alone in its chain: each other one is a line of memory to wait for, and
 * with a million of them in none of the caches. The question hash is keyed with a random key, the
 * reply key is our own random draw, so
 * neither can be aimed at. A question chain that is full all the same refuses the transaction; a
 * reply chain that is full costs another draw.
 *
 * Pairs are drawn DP_TXN_DRAWS_AHEAD assignments before they are used, for one reason: a pair is
 * two random places in memory, its chain and its port, and what is fetched when it is drawn is
 * there when it is used. Each is a draw of its own from the CSPRNG over the whole range, used once
 * and overwritten by the next. Whether it is free is asked when it is used.
 *
 * Per (family, local port) we also keep how many transactions use it and the last one to do so. The
 * count decides when a claim is given back; the last one is what a reply with a wrong ID is
 * compared with (a near miss). It is a hint: where several transactions share a port, only the
 * latest is protected by near-miss detection.
 *
 * Timers: a wheel of DP_TXN_WHEEL_SLOTS slots of one millisecond. No timer is longer than the
 * wheel, so a slot holds only what expires at that very turn, and expiry walks each passed slot
 * once.
 */

struct port_use {
	uint32_t last;  // transaction that drew it last, DP_TXN_NONE
	uint32_t count; // transactions on it
};

/* A waiter begins a line of memory here; elsewhere it may stand anywhere. */
struct waiter_slot {
	alignas(RTE_CACHE_LINE_SIZE) struct dp_waiter w;
};

struct draw {
	uint16_t port, id;
};

struct dp_txns {
	struct dp_txns_config cfg;
	uint32_t head_mask;
	uint32_t used, waiting;
	uint32_t free_txn, free_waiter; // lists through q_next and next
	uint64_t wheel_ms;              // everything due up to here has been handed out
	struct dp_txn *txn;
	struct waiter_slot *waiter;
	uint32_t *q_head, *r_head;
	uint32_t next_draw; // in draw[], always filled
	struct draw draw[DP_TXN_DRAWS_AHEAD];
	uint32_t wheel[DP_TXN_WHEEL_SLOTS];
	struct port_use ports[65536][2]; // a port's two families side by side: one line of memory
};

static struct port_use *port_use(struct dp_txns *x, uint8_t family, uint16_t port)
{
	return &x->ports[port][family == 6];
}

// The pair is our own uniform draw: spreading it is all that is needed. Families share a chain.
static uint32_t *reply_head(struct dp_txns *x, uint16_t port, uint16_t id)
{
	uint64_t key = (uint32_t)port << 16 | id;

	return &x->r_head[((key * 0x9e3779b97f4a7c15ull) >> 32) & x->head_mask];
}

/* The first line: links, and what tells it from others. */
static void prefetch_links(const struct dp_txns *x, uint32_t index)
{
	if (index != DP_TXN_NONE)
		rte_prefetch0(&x->txn[index]);
}

static void prefetch_txn(const struct dp_txns *x, uint32_t index)
{
	const char *t = (const char *)&x->txn[index];

	if (index == DP_TXN_NONE)
		return;
	for (size_t at = 0; at <= offsetof(struct dp_txn, qname); at += RTE_CACHE_LINE_SIZE)
		rte_prefetch0(t + at);
}

/* The oldest draw; a new one takes its place, and what it will need is on its way. */
static struct draw draw_ahead(struct dp_txns *x)
{
	struct draw *at = &x->draw[x->next_draw], oldest = *at;

	at->port = dp_rng_port(x->cfg.rng);
	at->id = (uint16_t)dp_rng_u32(x->cfg.rng);
	rte_prefetch0(reply_head(x, at->port, at->id));
	rte_prefetch0(port_use(x, 4, at->port));
	x->next_draw = (x->next_draw + 1) % DP_TXN_DRAWS_AHEAD;
	at = &x->draw[(x->next_draw + DP_TXN_DRAWS_AHEAD / 2) % DP_TXN_DRAWS_AHEAD];
	prefetch_links(x, *reply_head(x, at->port, at->id)); // who is there, pair_free() will ask
	return oldest;
}

/* ---- life ---- */

static void *array(size_t n, size_t size, int numa)
{
	return rte_zmalloc_socket("txns", n * size, RTE_CACHE_LINE_SIZE, numa);
}

static void reset(struct dp_txns *x)
{
	const struct dp_txns_config *cfg = &x->cfg;

	memset(x->q_head, 0xff, (x->head_mask + 1ul) * sizeof(uint32_t));
	memset(x->r_head, 0xff, (x->head_mask + 1ul) * sizeof(uint32_t));
	memset(x->wheel, 0xff, sizeof(x->wheel));
	for (unsigned p = 0; p < 65536; p++)
		x->ports[p][0].last = x->ports[p][1].last = DP_TXN_NONE;
	for (uint32_t i = 0; i < cfg->transactions; i++)
		x->txn[i].q_next = i + 1 < cfg->transactions ? i + 1 : DP_TXN_NONE;
	for (uint32_t i = 0; i < cfg->waiters; i++)
		x->waiter[i].w.next = i + 1 < cfg->waiters ? i + 1 : DP_TXN_NONE;
}

int dp_txns_new(const struct dp_txns_config *cfg, struct dp_txns **out)
{
	struct dp_txns *x;
	size_t heads;

	if (cfg->transactions == 0 || cfg->waiters == 0 || cfg->transactions > (1u << 24) ||
		cfg->waiters > (1u << 26) || cfg->rng == NULL)
		return -EINVAL;
	x = array(1, sizeof(*x), cfg->numa);
	if (x == NULL)
		return -ENOMEM;
	x->cfg = *cfg;
	heads = rte_align32pow2(cfg->transactions * 4);
	x->head_mask = (uint32_t)heads - 1;
	x->txn = array(cfg->transactions, sizeof(*x->txn), cfg->numa);
	x->waiter = array(cfg->waiters, sizeof(*x->waiter), cfg->numa);
	x->q_head = array(heads, sizeof(uint32_t), cfg->numa);
	x->r_head = array(heads, sizeof(uint32_t), cfg->numa);
	if (x->txn == NULL || x->waiter == NULL || x->q_head == NULL || x->r_head == NULL) {
		dp_txns_free(x);
		return -ENOMEM;
	}
	reset(x);
	for (unsigned i = 0; i < DP_TXN_DRAWS_AHEAD; i++)
		draw_ahead(x);
	*out = x;
	return 0;
}

void dp_txns_free(struct dp_txns *x)
{
	if (x == NULL)
		return;
	rte_free(x->txn);
	rte_free(x->waiter);
	rte_free(x->q_head);
	rte_free(x->r_head);
	rte_free(x);
}

uint32_t dp_txns_index(const struct dp_txns *x, const struct dp_txn *t)
{
	return (uint32_t)(t - x->txn);
}

struct dp_txn *dp_txns_at(struct dp_txns *x, uint32_t index, uint32_t generation)
{
	struct dp_txn *t;

	if (index >= x->cfg.transactions)
		return NULL;
	t = &x->txn[index];
	return t->state != DP_TXN_FREE && t->generation == generation ? t : NULL;
}

struct dp_txn *dp_txns_slot(struct dp_txns *x, uint32_t index)
{
	return &x->txn[index];
}

uint32_t dp_txns_capacity(const struct dp_txns *x)
{
	return x->cfg.transactions;
}

uint32_t dp_txns_used(const struct dp_txns *x)
{
	return x->used;
}

uint32_t dp_txns_waiting(const struct dp_txns *x)
{
	return x->waiting;
}

/* ---- by question ---- */

struct question_key {
	uint16_t qtype, zone, region, who;
	uint8_t name[DNS_NAME_MAX];
};

uint64_t dp_txns_hash(const struct dp_txns *x, const struct dns_name *qname, uint16_t qtype,
	enum dp_txn_who who, uint16_t zone, uint16_t region)
{
	struct question_key key;

	key.qtype = qtype;
	key.zone = zone;
	key.region = region;
	key.who = (uint16_t)who;
	memcpy(key.name, qname->octets, qname->len);
	return dns_hash64(&x->cfg.hash_key, &key, offsetof(struct question_key, name) + qname->len);
}

static bool same_question(const struct dp_txn *t, uint64_t hash, const struct dns_name *qname,
	uint16_t qtype, enum dp_txn_who who, uint16_t zone, uint16_t region)
{
	return t->q_hash == hash && t->qtype == qtype && t->who == who && t->route_zone == zone &&
	       t->region == region && t->qname.len == qname->len &&
	       memcmp(t->qname.octets, qname->octets, qname->len) == 0;
}

void dp_txns_prefetch_question(const struct dp_txns *x, uint64_t hash)
{
	rte_prefetch0(&x->q_head[hash & x->head_mask]);
}

void dp_txns_prefetch_asked(const struct dp_txns *x, uint64_t hash)
{
	prefetch_links(x, x->q_head[hash & x->head_mask]);
}

struct dp_txn *dp_txns_find_question(struct dp_txns *x, uint64_t hash, const struct dns_name *qname,
	uint16_t qtype, enum dp_txn_who who, uint16_t zone, uint16_t region)
{
	uint32_t i = x->q_head[hash & x->head_mask];

	for (unsigned n = 0; i != DP_TXN_NONE && n < DP_TXN_CHAIN_MAX; n++) {
		struct dp_txn *t = &x->txn[i];

		if (same_question(t, hash, qname, qtype, who, zone, region))
			return t;
		i = t->q_next;
	}
	return NULL;
}

/* Unlink index from a chain; next is the member that links it. A chain is never longer than
 * DP_TXN_CHAIN_MAX. */
static void chain_remove_q(struct dp_txns *x, struct dp_txn *t)
{
	uint32_t *link = &x->q_head[t->q_hash & x->head_mask];

	while (*link != DP_TXN_NONE && *link != dp_txns_index(x, t))
		link = &x->txn[*link].q_next;
	if (*link != DP_TXN_NONE)
		*link = t->q_next;
}

static unsigned chain_length_q(const struct dp_txns *x, uint64_t hash)
{
	unsigned n = 0;

	for (uint32_t i = x->q_head[hash & x->head_mask]; i != DP_TXN_NONE; i = x->txn[i].q_next)
		n++;
	return n;
}

struct dp_txn *dp_txns_open(struct dp_txns *x, uint64_t hash, const struct dns_name *qname,
	uint16_t qtype, enum dp_txn_who who, uint16_t zone, uint16_t region, bool is_ask)
{
	uint32_t index = x->free_txn;
	uint32_t generation;
	struct dp_txn *t;

	if (index == DP_TXN_NONE || (!is_ask && chain_length_q(x, hash) >= DP_TXN_CHAIN_MAX))
		return NULL;
	t = &x->txn[index];
	x->free_txn = t->q_next;
	prefetch_txn(x, x->free_txn);
	generation = t->generation + 1;
	memset(t, 0, offsetof(struct dp_txn, qname));
	t->generation = generation;
	t->q_hash = hash;
	t->r_next = t->timer_prev = t->timer_next = t->timer_slot = DP_TXN_NONE;
	t->waiter_head = t->waiter_tail = t->checks = DP_TXN_NONE;
	t->chain_waiters.head = t->chain_waiters.tail = DP_TXN_NONE;
	t->state = DP_TXN_SENT;
	t->who = (uint8_t)who;
	t->cd = who == DP_TXN_CLIENT_CD;
	t->qtype = qtype;
	t->route_zone = zone;
	t->region = region;
	t->is_ask = is_ask;
	t->ede = DNS_EDE_NONE;
	dns_name_copy(&t->qname, qname);
	t->q_next = DP_TXN_NONE;
	if (!is_ask) {
		t->q_next = x->q_head[hash & x->head_mask];
		x->q_head[hash & x->head_mask] = index;
	}
	x->used++;
	return t;
}

static void free_waiters(struct dp_txns *x, struct dp_txn *t)
{
	if (t->waiter_head == DP_TXN_NONE)
		return;
	x->waiter[t->waiter_tail].w.next = x->free_waiter;
	x->free_waiter = t->waiter_head;
	x->waiting -= t->waiters;
}

void dp_txns_close(struct dp_txns *x, struct dp_txn *t)
{
	dp_txns_timer_stop(x, t);
	dp_txns_unassign(x, t);
	if (!t->is_ask)
		chain_remove_q(x, t);
	free_waiters(x, t);
	t->state = DP_TXN_FREE;
	t->q_next = x->free_txn;
	x->free_txn = dp_txns_index(x, t);
	x->used--;
}

/* ---- waiters ---- */

struct dp_waiter *dp_txns_wait(struct dp_txns *x, struct dp_txn *t)
{
	uint32_t index = x->free_waiter;
	struct dp_waiter *w;

	if (index == DP_TXN_NONE || t->waiters >= DP_TXN_WAITERS_MAX)
		return NULL;
	w = &x->waiter[index].w;
	x->free_waiter = w->next;
	if (x->free_waiter != DP_TXN_NONE)
		rte_prefetch0(&x->waiter[x->free_waiter]);
	w->next = DP_TXN_NONE;
	if (t->waiter_head == DP_TXN_NONE)
		t->waiter_head = index;
	else
		x->waiter[t->waiter_tail].w.next = index;
	t->waiter_tail = index;
	t->waiters++;
	x->waiting++;
	return w;
}

struct dp_waiter *dp_txns_waiter(struct dp_txns *x, uint32_t index)
{
	return index < x->cfg.waiters ? &x->waiter[index].w : NULL;
}

/* ---- by reply ---- */

/* Is the pair free, whatever the upstream, and its chain short enough? */
static bool pair_free(struct dp_txns *x, uint8_t family, uint16_t port, uint16_t id)
{
	unsigned n = 0;

	for (uint32_t i = *reply_head(x, port, id); i != DP_TXN_NONE; i = x->txn[i].r_next) {
		const struct dp_txn *t = &x->txn[i];

		if (t->local_port == port && t->id == id && t->family == family)
			return false;
		if (++n >= DP_TXN_CHAIN_MAX)
			return false;
	}
	return true;
}

static bool claim(struct dp_txns *x, uint8_t family, uint16_t port)
{
	return x->cfg.claims == NULL || port_use(x, family, port)->count > 0 ||
	       dp_claims_take(x->cfg.claims, family, port, x->cfg.worker);
}

/* A pair whose replies come home, or any when too few do. */
static struct draw draw_home(struct dp_txns *x, const struct dp_home *home, unsigned *away)
{
	struct draw d = draw_ahead(x);

	while (home != NULL && *away < DP_TXN_HOME_DRAWS && !dp_home_lands(home, d.port)) {
		(*away)++;
		d = draw_ahead(x);
	}
	return d;
}

int dp_txns_assign(struct dp_txns *x, struct dp_txn *t, const struct route_addr *upstream,
	const struct dp_home *home)
{
	uint8_t family = upstream->family;
	unsigned away = 0;

	dp_txns_unassign(x, t);
	for (unsigned n = 0; n < DP_TXN_DRAWS_MAX; n++) {
		struct draw d = draw_home(x, home, &away);
		struct port_use *use = port_use(x, family, d.port);
		uint32_t *head;

		if (!pair_free(x, family, d.port, d.id) || !claim(x, family, d.port))
			continue;
		head = reply_head(x, d.port, d.id);
		t->upstream = *upstream;
		t->family = family;
		t->local_port = d.port;
		t->id = d.id;
		t->r_next = *head;
		t->in_replies = true;
		*head = use->last = dp_txns_index(x, t);
		use->count++;
		return 0;
	}
	return -EAGAIN;
}

void dp_txns_unassign(struct dp_txns *x, struct dp_txn *t)
{
	struct port_use *use;
	uint32_t *link;

	if (!t->in_replies)
		return;
	use = port_use(x, t->family, t->local_port);
	link = reply_head(x, t->local_port, t->id);
	while (*link != dp_txns_index(x, t))
		link = &x->txn[*link].r_next;
	*link = t->r_next;
	t->in_replies = false;
	if (use->last == dp_txns_index(x, t))
		use->last = DP_TXN_NONE;
	if (--use->count == 0 && x->cfg.claims != NULL)
		dp_claims_drop(x->cfg.claims, t->family, t->local_port);
}

void dp_txns_prefetch_reply(struct dp_txns *x, uint16_t local_port, uint16_t id)
{
	rte_prefetch0(reply_head(x, local_port, id));
	rte_prefetch0(port_use(x, 4, local_port));
}

void dp_txns_prefetch_replied(struct dp_txns *x, uint16_t local_port, uint16_t id)
{
	prefetch_txn(x, *reply_head(x, local_port, id));
}

void dp_txns_prefetch_close(struct dp_txns *x, uint16_t local_port, uint16_t id)
{
	uint32_t index = *reply_head(x, local_port, id);
	const struct dp_txn *t = &x->txn[index];

	if (index == DP_TXN_NONE)
		return;
	rte_prefetch0(&x->q_head[t->q_hash & x->head_mask]);
	if (t->waiter_head != DP_TXN_NONE) {
		rte_prefetch0(&x->waiter[t->waiter_head]);
		rte_prefetch0((const char *)&x->waiter[t->waiter_head] + RTE_CACHE_LINE_SIZE);
	}
}

enum dp_match dp_txns_find_reply(struct dp_txns *x, const struct route_addr *from,
	uint16_t local_port, uint16_t id, struct dp_txn **out)
{
	uint32_t i = *reply_head(x, local_port, id);
	uint32_t last;

	for (unsigned n = 0; i != DP_TXN_NONE && n < DP_TXN_CHAIN_MAX; n++) {
		struct dp_txn *t = &x->txn[i];

		if (t->local_port == local_port && t->id == id &&
			route_addr_equal(&t->upstream, from)) {
			*out = t;
			return DP_MATCH_YES;
		}
		i = t->r_next;
	}
	last = port_use(x, from->family, local_port)->last;
	if (last == DP_TXN_NONE || !route_addr_equal(&x->txn[last].upstream, from))
		return DP_MATCH_NONE;
	*out = &x->txn[last];
	return DP_MATCH_NEAR;
}

/* ---- timers ---- */

void dp_txns_timer_stop(struct dp_txns *x, struct dp_txn *t)
{
	if (t->timer_slot == DP_TXN_NONE)
		return;
	if (t->timer_prev == DP_TXN_NONE)
		x->wheel[t->timer_slot] = t->timer_next;
	else
		x->txn[t->timer_prev].timer_next = t->timer_next;
	if (t->timer_next != DP_TXN_NONE)
		x->txn[t->timer_next].timer_prev = t->timer_prev;
	t->timer_slot = t->timer_prev = t->timer_next = DP_TXN_NONE;
}

void dp_txns_timer(struct dp_txns *x, struct dp_txn *t, uint64_t now_ms, uint32_t ms)
{
	uint32_t index = dp_txns_index(x, t);
	uint64_t due;
	uint32_t slot;

	dp_txns_timer_stop(x, t);
	if (x->used == 1 || x->wheel_ms == 0)
		x->wheel_ms = RTE_MAX(x->wheel_ms, now_ms); // nothing else is armed
	due = now_ms + RTE_MIN(RTE_MAX(ms, 1u), (uint32_t)DP_TXN_WHEEL_SLOTS - 1);
	// A wheel that lags behind the clock must not be lapped.
	due = RTE_MIN(RTE_MAX(due, x->wheel_ms + 1), x->wheel_ms + DP_TXN_WHEEL_SLOTS - 1);
	slot = (uint32_t)(due % DP_TXN_WHEEL_SLOTS);
	t->timer_slot = slot;
	t->timer_prev = DP_TXN_NONE;
	t->timer_next = x->wheel[slot];
	if (t->timer_next != DP_TXN_NONE)
		x->txn[t->timer_next].timer_prev = index;
	x->wheel[slot] = index;
}

unsigned dp_txns_expired(struct dp_txns *x, uint64_t now_ms, struct dp_txn **out, unsigned max)
{
	unsigned n = 0;

	// After a long silence every slot is looked at once, not once a lap.
	if (now_ms > x->wheel_ms + DP_TXN_WHEEL_SLOTS)
		x->wheel_ms = now_ms - DP_TXN_WHEEL_SLOTS;
	while (x->wheel_ms < now_ms) {
		uint32_t slot = (uint32_t)((x->wheel_ms + 1) % DP_TXN_WHEEL_SLOTS);

		while (x->wheel[slot] != DP_TXN_NONE) {
			struct dp_txn *t = &x->txn[x->wheel[slot]];

			if (n == max)
				return n;
			dp_txns_timer_stop(x, t);
			out[n++] = t;
		}
		x->wheel_ms++;
	}
	return n;
}
