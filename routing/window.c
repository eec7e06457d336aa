#include "routing/window_priv.h"

#include <string.h>

static const uint8_t class_of[ROUTE_O_MAX] = {
	[ROUTE_O_SECURE] = ROUTE_C_GOOD,
	[ROUTE_O_INSECURE] = ROUTE_C_GOOD,
	[ROUTE_O_EXPIRED] = ROUTE_C_SIG,
	[ROUTE_O_BOGUS] = ROUTE_C_SIG,
	[ROUTE_O_UNSIGNED] = ROUTE_C_SIG,
	[ROUTE_O_INDETERMINATE] = ROUTE_CLASSES, // ours: in no class
	[ROUTE_O_TIMEOUT] = ROUTE_C_SILENT,
	[ROUTE_O_LAME] = ROUTE_C_ODD,
	[ROUTE_O_SERVFAIL] = ROUTE_C_ODD,
	[ROUTE_O_REFUSED] = ROUTE_C_ODD,
	[ROUTE_O_ERROR] = ROUTE_C_ODD,
	[ROUTE_O_UNREACHABLE] = ROUTE_CLASSES,
};

enum route_class route_class_of(enum route_outcome o)
{
	return (enum route_class)class_of[o];
}

uint32_t route_tally_of(const struct route_tally *t, unsigned classes)
{
	uint32_t n = 0;

	for (unsigned k = 0; k < ROUTE_CLASSES; k++)
		n += classes >> k & 1 ? t->n[k] : 0;
	return n;
}

uint32_t route_tally_total(const struct route_tally *t)
{
	return route_tally_of(t, (1 << ROUTE_CLASSES) - 1);
}

/* ---- clock ---- */

void route_clock_init(struct route_clock *c, uint32_t window_ms)
{
	*c = (struct route_clock){.window_ms = window_ms};
	c->bucket_ms = window_ms < ROUTE_BUCKETS ? 1 : window_ms / ROUTE_BUCKETS;
}

void route_clock_advance(struct route_clock *c, uint64_t now_ms)
{
	if (now_ms > c->now_ms)
		c->now_ms = now_ms;
	c->bucket = c->now_ms / c->bucket_ms;
	c->tick++;
	c->tick_ms[c->tick % ROUTE_FINE] = c->now_ms;
}

/* ---- absorbing ---- */

static void subtract(struct route_bucket *from, const struct route_bucket *b)
{
	for (unsigned o = 0; o < ROUTE_O_MAX; o++)
		from->outcome[o] -= b->outcome[o];
	for (unsigned k = 0; k < ROUTE_CLASSES; k++)
		from->refuted[k] -= b->refuted[k];
}

static void rotate(struct route_window *w, const struct route_clock *c)
{
	uint64_t steps = c->bucket - w->bucket;
	uint64_t slot = c->bucket / ROUTE_BUCKETS;

	for (uint64_t i = 1; i <= steps && i <= ROUTE_BUCKETS; i++) {
		struct route_bucket *b = &w->buckets[(w->bucket + i) % ROUTE_BUCKETS];

		subtract(&w->sum, b);
		memset(b, 0, sizeof(*b));
	}
	w->bucket = c->bucket;
	for (uint64_t i = 1; i <= slot - w->lag_slot && i <= ROUTE_LAG_SLOTS; i++)
		w->lag[(w->lag_slot + i) % ROUTE_LAG_SLOTS] = (struct route_lag_slot){0};
	w->lag_slot = slot;
}

// A counter that fell was reset: what it counts from here on is new, what it shows now is not.
static bool rebased(struct route_window *w, const struct route_sample *s)
{
	bool fell = !w->based;

	for (unsigned o = 0; o < ROUTE_O_MAX; o++)
		fell |= s->outcome[o] < w->outcome[o] || s->refuted[o] < w->refuted[o] ||
			s->probed[o] < w->probed.outcome[o];
	if (!fell)
		return false;
	memcpy(w->outcome, s->outcome, sizeof(w->outcome));
	memcpy(w->refuted, s->refuted, sizeof(w->refuted));
	route_probed_base(&w->probed, s);
	w->based = true;
	return true;
}

static bool unchanged(const struct route_window *w, const struct route_sample *s)
{
	return w->based && memcmp(s->outcome, w->outcome, sizeof(w->outcome)) == 0 &&
	       memcmp(s->refuted, w->refuted, sizeof(w->refuted)) == 0;
}

// Sums over the window must not wrap: what one tick can add is bounded far above any real rate.
static uint32_t delta(uint64_t now, uint64_t before)
{
	const uint64_t most = UINT32_MAX / (ROUTE_O_MAX * ROUTE_FINE);

	return (uint32_t)(now - before < most ? now - before : most);
}

static void count(struct route_window *w, const struct route_clock *c, const struct route_sample *s)
{
	struct route_bucket *b = &w->buckets[c->bucket % ROUTE_BUCKETS];

	for (unsigned o = 0; o < ROUTE_O_MAX; o++) {
		uint32_t n = delta(s->outcome[o], w->outcome[o]);
		uint32_t refuted = delta(s->refuted[o], w->refuted[o]);

		w->outcome[o] = s->outcome[o];
		w->refuted[o] = s->refuted[o];
		if (class_of[o] == ROUTE_CLASSES)
			w->blind_now += n;
		if (class_of[o] == ROUTE_CLASSES || (n | refuted) == 0)
			continue;
		if (b->outcome[o] > UINT32_MAX / (ROUTE_O_MAX * ROUTE_BUCKETS) - n)
			continue; // likewise
		b->outcome[o] += n;
		w->sum.outcome[o] += n;
		w->now.n[class_of[o]] += n;
		if (b->refuted[class_of[o]] > UINT32_MAX / (4 * ROUTE_BUCKETS) - refuted)
			continue;
		b->refuted[class_of[o]] += refuted;
		w->sum.refuted[class_of[o]] += refuted;
	}
}

static void note_times(struct route_window *w, const struct route_sample *s, uint32_t secure)
{
	struct route_lag_slot *l = &w->lag[w->lag_slot % ROUTE_LAG_SLOTS];

	w->newest_inception = s->newest_inception;
	w->bad_expiration = s->bad_expiration;
	w->bad_type = s->bad_type;
	w->bad_reason = s->bad_reason;
	w->bad_key_tag = s->bad_key_tag;
	// Without a fresh secure answer the sample repeats an old one's expiration.
	if (secure == 0 || s->nearest_expiration == 0)
		return;
	if (l->secure == 0 || (int32_t)(s->nearest_expiration - l->nearest_expiration) < 0)
		l->nearest_expiration = s->nearest_expiration;
	l->secure += secure < 1000000 ? secure : 1000000;
	if (l->secure > 1000000)
		l->secure = 1000000;
}

static void note_blind(struct route_window *w, const struct route_clock *c)
{
	if (w->now.n[ROUTE_C_GOOD] > 0)
		w->blind_run = 0;
	if (w->blind_now == 0)
		return;
	if (w->blind_run == 0)
		w->blind_since_ms = c->now_ms;
	if (w->blind_run < UINT32_MAX / 2)
		w->blind_run += w->blind_now;
	w->blind_ms = c->now_ms;
}

static void note_runs(struct route_window *w, const struct route_clock *c)
{
	const struct route_tally *t = &w->now;
	uint32_t bad = t->n[ROUTE_C_SIG] + t->n[ROUTE_C_ODD];

	for (unsigned k = 0; k < ROUTE_CLASSES; k++) {
		if (t->n[k] == 0)
			continue;
		if (w->onset_ms[k] == 0 || c->now_ms - w->last_ms[k] > c->window_ms / 2)
			w->onset_ms[k] = c->now_ms;
		w->last_ms[k] = c->now_ms;
	}
	if (bad + t->n[ROUTE_C_SILENT] > 0)
		w->good_run = 0; // which came first within a tick is not known
	else if (w->good_run < UINT32_MAX / 2)
		w->good_run += t->n[ROUTE_C_GOOD];
	if (t->n[ROUTE_C_GOOD] + bad > 0)
		w->silent_run = 0;
	else if (w->silent_run < UINT32_MAX / 2)
		w->silent_run += t->n[ROUTE_C_SILENT];
}

void route_window_absorb(
	struct route_window *w, const struct route_clock *c, const struct route_sample *s)
{
	uint64_t secure_before = w->outcome[ROUTE_O_SECURE];

	rotate(w, c);
	w->now = (struct route_tally){0};
	w->blind_now = 0;
	if (unchanged(w, s)) { // most paths in most ticks
		note_times(w, s, 0);
	} else if (!rebased(w, s)) {
		uint32_t secure = delta(s->outcome[ROUTE_O_SECURE], secure_before);

		count(w, c, s);
		route_probed_absorb(&w->probed, c, s);
		note_times(w, s, secure);
		note_runs(w, c);
		note_blind(w, c);
	}
	w->fine[c->tick % ROUTE_FINE] = w->now;
}

void route_window_clear(struct route_window *w)
{
	memset(&w->sum, 0, sizeof(w->sum));
	memset(w->buckets, 0, sizeof(w->buckets));
	memset(w->fine, 0, sizeof(w->fine));
	memset(w->lag, 0, sizeof(w->lag));
	memset(&w->now, 0, sizeof(w->now));
	memset(w->onset_ms, 0, sizeof(w->onset_ms));
	memset(w->last_ms, 0, sizeof(w->last_ms));
	w->good_run = 0;
	w->silent_run = 0;
	w->blind_run = 0;
	route_probed_clear(&w->probed);
}

/* ---- asking ---- */

static void add_bucket(struct route_tally *t, const struct route_bucket *b)
{
	for (unsigned o = 0; o < ROUTE_O_MAX; o++)
		if (class_of[o] != ROUTE_CLASSES)
			t->n[class_of[o]] += b->outcome[o];
}

void route_window_all(const struct route_window *w, struct route_tally *out)
{
	*out = (struct route_tally){0};
	add_bucket(out, &w->sum);
}

// Ticks that the fine ring holds.
static uint64_t fine_ticks(const struct route_clock *c)
{
	return c->tick < ROUTE_FINE ? c->tick : ROUTE_FINE;
}

void route_window_since(const struct route_window *w, const struct route_clock *c, uint64_t ms,
	struct route_tally *out)
{
	uint64_t n = fine_ticks(c);

	*out = (struct route_tally){0};
	if (n < ROUTE_FINE || c->tick_ms[(c->tick + 1) % ROUTE_FINE] <= ms) {
		for (uint64_t i = 0; i < n && c->tick_ms[(c->tick - i) % ROUTE_FINE] >= ms; i++)
			for (unsigned k = 0; k < ROUTE_CLASSES; k++)
				out->n[k] += w->fine[(c->tick - i) % ROUTE_FINE].n[k];
		return;
	}
	for (uint64_t i = 0; i < ROUTE_BUCKETS && i <= c->bucket; i++) {
		if ((c->bucket - i + 1) * c->bucket_ms <= ms)
			break;
		add_bucket(out, &w->buckets[(c->bucket - i) % ROUTE_BUCKETS]);
	}
}

uint64_t route_window_nth(
	const struct route_window *w, const struct route_clock *c, unsigned classes, uint32_t count)
{
	struct route_tally t;
	uint64_t n = fine_ticks(c);
	uint32_t seen = 0;

	route_window_all(w, &t);
	if (route_tally_of(&t, classes) < count)
		return 0;
	for (uint64_t i = 0; i < n; i++) {
		seen += route_tally_of(&w->fine[(c->tick - i) % ROUTE_FINE], classes);
		if (seen >= count)
			return c->tick_ms[(c->tick - i) % ROUTE_FINE];
	}
	t = (struct route_tally){0};
	for (uint64_t i = 0; i < ROUTE_BUCKETS && i <= c->bucket; i++) {
		add_bucket(&t, &w->buckets[(c->bucket - i) % ROUTE_BUCKETS]);
		if (route_tally_of(&t, classes) >= count)
			return (c->bucket - i) * c->bucket_ms + 1; // never 0
	}
	return 0;
}

uint32_t route_window_refuted(const struct route_window *w, unsigned classes)
{
	uint32_t n = 0;

	for (unsigned k = 0; k < ROUTE_CLASSES; k++)
		n += classes >> k & 1 ? w->sum.refuted[k] : 0;
	return n;
}

enum route_outcome route_window_worst(const struct route_window *w, unsigned classes)
{
	enum route_outcome worst = ROUTE_O_MAX;
	uint32_t most = 0;

	for (unsigned o = 0; o < ROUTE_O_MAX; o++)
		if (class_of[o] != ROUTE_CLASSES && classes >> class_of[o] & 1 &&
			w->sum.outcome[o] > most) {
			most = w->sum.outcome[o];
			worst = (enum route_outcome)o;
		}
	return worst;
}

uint32_t route_window_secure(const struct route_window *w, uint32_t *nearest)
{
	uint32_t secure = 0;

	for (unsigned i = 0; i < ROUTE_LAG_SLOTS && i <= w->lag_slot; i++) {
		const struct route_lag_slot *l = &w->lag[(w->lag_slot - i) % ROUTE_LAG_SLOTS];

		if (l->secure == 0)
			continue;
		if (secure == 0 || (int32_t)(l->nearest_expiration - *nearest) < 0)
			*nearest = l->nearest_expiration;
		secure += l->secure;
	}
	return secure;
}
