#pragma once

#include <errno.h>

#include "routing/judge.h"
#include "tests/unit/routing/fixture.h"
#include "tests/unit/run.h"

/*
 * A little world: evidence goes into cumulative samples, the clock runs in ticks, findings are kept
 * in a log. Times of signatures are relative to EPOCH.
 */
enum { EPOCH = 1700000000, LOG_MAX = 512 };

struct sim {
	struct route_config c;
	struct route_paths *p;
	struct route_judge *j;
	struct route_judge_params params;
	struct route_sample *s;
	uint64_t now_ms;
	uint32_t epoch_s;
	struct route_finding log[LOG_MAX];
	size_t log_count;
};

static inline void sim_start(struct sim *w)
{
	if (route_paths_new(&w->p) != 0 || route_paths_sync(w->p, &w->c) != 0 ||
		route_judge_new(&w->params, &w->j) != 0)
		abort();
	w->s = fix_alloc(route_paths_count(w->p), sizeof(*w->s)); // exact: ASan sees one too far
	w->now_ms = 1000000;
	w->epoch_s = EPOCH;
}

static inline void tick(struct sim *w)
{
	w->now_ms += ROUTE_JUDGE_TICK_MS;
	w->log_count += route_judge_tick(w->j, w->p, w->s, w->now_ms, w->epoch_s,
		w->log + w->log_count, LOG_MAX - w->log_count);
}

static inline void ticks(struct sim *w, unsigned ms)
{
	for (unsigned i = 0; i < ms / ROUTE_JUDGE_TICK_MS; i++)
		tick(w);
}

static inline void sim_init(struct sim *w)
{
	memset(w, 0, sizeof(*w));
	fix_usual(&w->c);
	route_judge_defaults(&w->params);
	sim_start(w);
	tick(w); // the base
}

static inline void sim_fini(struct sim *w)
{
	route_judge_free(w->j);
	route_paths_free(w->p);
	route_config_fini(&w->c);
	free(w->s);
}

static inline struct route_sample *at(
	struct sim *w, const char *zone, const char *site, uint8_t family)
{
	return &w->s[fix_path(w->p, zone, site, family)->id];
}

static inline void give(struct sim *w, const char *zone, const char *site, uint8_t family,
	enum route_outcome o, unsigned n)
{
	at(w, zone, site, family)->outcome[o] += n;
}

/* A probe's answer, which counts like any other too. */
static inline void probe(
	struct sim *w, const char *zone, const char *site, uint8_t family, enum route_outcome o)
{
	give(w, zone, site, family, o, 1);
	at(w, zone, site, family)->probed[o]++;
}

static inline void give_both(
	struct sim *w, const char *zone, const char *site, enum route_outcome o, unsigned n)
{
	give(w, zone, site, 4, o, n);
	give(w, zone, site, 6, o, n);
}

static inline void refute(struct sim *w, const char *zone, const char *site, uint8_t family,
	enum route_outcome o, unsigned n)
{
	at(w, zone, site, family)->refuted[o] += n;
}

static inline void give_signed(struct sim *w, const char *zone, const char *site, uint8_t family,
	unsigned n, uint32_t inception, uint32_t expiration)
{
	struct route_sample *s = at(w, zone, site, family);

	s->outcome[ROUTE_O_SECURE] += n;
	s->newest_inception = inception > s->newest_inception ? inception : s->newest_inception;
	s->nearest_expiration = expiration;
}

static inline enum route_state state(
	struct sim *w, const char *zone, const char *site, uint8_t family)
{
	return fix_path(w->p, zone, site, family)->state;
}

static inline unsigned found(const struct sim *w, enum route_finding_kind kind)
{
	unsigned n = 0;

	for (size_t i = 0; i < w->log_count; i++)
		n += w->log[i].kind == kind;
	return n;
}

/* The first of a kind; one that nothing expects when there is none. */
static inline const struct route_finding *first(const struct sim *w, enum route_finding_kind kind)
{
	static const struct route_finding none = {
		.kind = ROUTE_F_KINDS, .path = 0xfffe, .zone = 0xfffe, .good_siblings = 999};

	for (size_t i = 0; i < w->log_count; i++)
		if (w->log[i].kind == kind)
			return &w->log[i];
	return &none;
}

/* Paths of a zone that are in a state. */
static inline unsigned in_state(struct sim *w, const char *zone, enum route_state wanted)
{
	struct dns_name name;
	unsigned n = 0;

	dns_name_from_text(zone, &name);
	for (size_t id = 0; id < route_paths_count(w->p); id++) {
		struct route_path *p = route_paths_at(w->p, (uint16_t)id);

		n += p != NULL && dns_name_equal(p->zone_name.octets, name.octets) &&
		     p->state == wanted;
	}
	return n;
}

#define EXPECT_STATE(w, zone, site, family, wanted)                                                \
	CU_ASSERT_EQUAL(state(w, zone, site, family), wanted)

/* sin's IPv4 fails for com. */
static inline void fail_sin(struct sim *w)
{
	give(w, "com.", "sin", 4, ROUTE_O_EXPIRED, 5);
	give(w, "com.", "nrt", 4, ROUTE_O_SECURE, 5);
	tick(w);
	EXPECT_STATE(w, "com.", "sin", 4, ROUTE_FAILING);
}
