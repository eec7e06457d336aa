#include "control/steer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/addr.h"
#include "control/columns.h"
#include "dns/text.h"
#include "routing/rtt.h"
#include "validator/verdict.h"

enum { FINDINGS_MAX = 64 };

struct ctl_steer {
	struct route_judge *judge;
	struct route_rtts *rtts;
	struct route_sample *samples; // ROUTE_PATHS_MAX
	uint8_t *states;              // ROUTE_PATHS_MAX, as of the current table
	size_t count;
};

int ctl_steer_new(const struct route_judge_params *params, struct ctl_steer **out)
{
	struct ctl_steer *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (s == NULL)
		return -ENOMEM;
	s->samples = calloc(ROUTE_PATHS_MAX, sizeof(*s->samples));
	s->states = calloc(ROUTE_PATHS_MAX, sizeof(*s->states));
	if (s->samples == NULL || s->states == NULL)
		goto free_steer;
	err = route_rtts_new(&s->rtts);
	if (err != 0)
		goto free_steer;
	err = route_judge_new(params, &s->judge);
	if (err != 0)
		goto free_rtts;
	*out = s;
	return 0;

free_rtts:
	route_rtts_free(s->rtts);
free_steer:
	free(s->states);
	free(s->samples);
	free(s);
	return err;
}

void ctl_steer_free(struct ctl_steer *s)
{
	if (s == NULL)
		return;
	route_judge_free(s->judge);
	route_rtts_free(s->rtts);
	free(s->states);
	free(s->samples);
	free(s);
}

/* ---- the sentence ---- */

/* Text that grows in a caller's buffer; too long is cut. */
struct text {
	char *buf;
	size_t size, len;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	if (t->len + 1 >= t->size)
		return;
	va_start(args, format);
	n = vsnprintf(t->buf + t->len, t->size - t->len, format, args);
	va_end(args);
	if (n > 0)
		t->len = t->len + (size_t)n < t->size ? t->len + (size_t)n : t->size - 1;
}

static void say_addr(struct text *t, const struct route_addr *a)
{
	char buf[CTL_ADDR_TEXT_MAX];

	say(t, "%s", ctl_addr_text(a, buf));
}

/* "NSEC3 RRSIG expired 4 s ago", "no answer", "REFUSED", ... */
static void say_worst(struct text *t, const struct route_finding *f, uint32_t epoch_s)
{
	char type[DNS_MNEMONIC_MAX];
	int32_t ago = (int32_t)(epoch_s - f->bad_expiration);

	switch (f->worst) {
	case ROUTE_O_EXPIRED:
		say(t, "with %s RRSIG expired", dns_type_text(f->bad_type, type));
		if (f->bad_expiration != 0)
			say(t, " %d s ago", ago > 0 ? ago : 0);
		break;
	case ROUTE_O_BOGUS:
	case ROUTE_O_UNSIGNED:
		say(t, "bogus: %s",
			f->bad_reason < VAL_R_MAX ? val_reason_text((enum val_reason)f->bad_reason)
						  : "");
		break;
	case ROUTE_O_TIMEOUT:
		say(t, "that never came");
		break;
	default:
		say(t, "%s", route_outcome_name(f->worst));
	}
}

/* How it is behind, and what is left before a bogus answer. */
static void say_lag(struct text *t, const struct route_finding *f, uint32_t epoch_s)
{
	char span[CTL_SPAN_TEXT_MAX];

	switch (f->lag) {
	case ROUTE_LAG_SERIAL:
		say(t, "its serial has stood still for %s, now %u behind its siblings'",
			ctl_span_text((int64_t)f->lag_ms / 1000, span), f->lag_by);
		break;
	case ROUTE_LAG_INCEPTION:
		say(t, "its newest signature is %s older than its siblings'",
			ctl_span_text(f->lag_by, span));
		break;
	default:
		say(t, "its signatures near their end and its siblings' do not");
	}
	say(t, "; no bogus answer yet");
	if (f->nearest != 0)
		say(t, ", the first signature ends in %s",
			ctl_span_text((int32_t)(f->nearest - epoch_s), span));
}

/* "nrt and lax good": the sites of the zone that are up, the accused left out. */
static void say_witnesses(struct text *t, const struct route_path *accused, struct route_paths *p)
{
	const char *names[8];
	unsigned n = 0;

	for (size_t id = 0; id < route_paths_count(p) && n < 8; id++) {
		const struct route_path *path = route_paths_at(p, (uint16_t)id);
		bool seen = false;

		if (path == NULL || path->state != ROUTE_UP || path->zone != accused->zone ||
			strcmp(path->site_name, accused->site_name) == 0)
			continue;
		for (unsigned i = 0; i < n; i++)
			seen |= strcmp(names[i], path->site_name) == 0;
		if (!seen)
			names[n++] = path->site_name;
	}
	for (unsigned i = 0; i < n; i++)
		say(t, "%s%s", i == 0 ? "; " : i + 1 == n ? " and " : ", ", names[i]);
	if (n > 0)
		say(t, " good");
}

static void say_destination(struct text *t, const struct route_path *path,
	const struct route_config *c, const struct route_table *table)
{
	char zone[DNS_NAME_TEXT_MAX];
	struct route_tried none = {0};
	struct route_choice choice;
	int z = table != NULL ? route_table_zone(table, path->zone_name.octets, false) : -1;

	if (z < 0 || c == NULL ||
		route_table_choose(table, z, ROUTE_REGION_NONE, 3, 0, &none, &choice) != 0 ||
		choice.site >= c->site_count)
		return;
	dns_name_to_text(path->zone_name.octets, zone, sizeof(zone));
	if (strcmp(c->sites[choice.site].name, path->site_name) != 0) {
		say(t, "; %s now goes to %s", zone, c->sites[choice.site].name);
		return;
	}
	// The families of a site are judged apart: the other one may be good, or be judged next.
	say(t, "; %s still goes to %s at ", zone, path->site_name);
	say_addr(t, &choice.addr);
}

static void say_path(struct text *t, const struct route_path *path)
{
	char zone[DNS_NAME_TEXT_MAX];

	say(t, "%s at %s (", dns_name_to_text(path->zone_name.octets, zone, sizeof(zone)),
		path->site_name);
	say_addr(t, &path->addr);
	say(t, "): ");
}

static void say_of_path(struct text *t, const struct route_finding *f,
	const struct route_path *path, struct route_paths *p, const struct route_config *c,
	const struct route_table *table, uint32_t epoch_s)
{
	say_path(t, path);
	switch (f->kind) {
	case ROUTE_F_SITE_FAULT:
		say(t, "%u answer%s ", f->bad, f->bad == 1 ? "" : "s");
		say_worst(t, f, epoch_s);
		say_witnesses(t, path, p);
		say_destination(t, path, c, table);
		break;
	case ROUTE_F_LAGGING:
		say_lag(t, f, epoch_s);
		say_witnesses(t, path, p);
		say_destination(t, path, c, table);
		break;
	case ROUTE_F_PROBATION:
		say(t, "on probation after being %s", route_state_name(f->from));
		break;
	case ROUTE_F_RETURNED:
		say(t, "good again, in use");
		break;
	case ROUTE_F_LAST_PATH:
		say(t, "%u answers ", f->bad);
		say_worst(t, f, epoch_s);
		say(t, ", but it is the last path: kept");
		break;
	case ROUTE_F_WITHDRAWN:
		say(t, "blame taken back: what it fell for proved to be the zone's fault, or "
		       "ours; in use again");
		break;
	default:
		say(t, "%s", route_finding_name(f->kind));
	}
}

static void say_of_zone(struct text *t, const struct route_finding *f, const struct route_config *c,
	uint32_t epoch_s)
{
	char zone[DNS_NAME_TEXT_MAX];

	if (c == NULL || f->zone >= c->zone_count)
		return;
	dns_name_to_text(c->zones[f->zone].name.octets, zone, sizeof(zone));
	if (f->kind == ROUTE_F_CLEARED) {
		say(t, "%s is good again", zone);
		return;
	}
	say(t, "%s is bad at every site: %u of %u answers ", zone, f->bad, f->total);
	say_worst(t, f, epoch_s);
	say(t,
		"; the fault is the zone's, nothing moves; a negative trust anchor may be needed "
		"(RFC 7646): swervectl nta add %s --reason TEXT",
		zone);
}

char *ctl_steer_text(const struct route_finding *f, struct route_paths *p,
	const struct route_config *c, const struct route_table *table, uint32_t epoch_s, char *buf,
	size_t size)
{
	const struct route_path *path = f->path != 0xffff ? route_paths_at(p, f->path) : NULL;
	struct text t = {buf, size, 0};

	buf[0] = '\0';
	if (path != NULL)
		say_of_path(&t, f, path, p, c, table, epoch_s);
	else if (f->zone != 0xffff)
		say_of_zone(&t, f, c, epoch_s);
	else if (f->kind == ROUTE_F_CLEARED)
		say(&t, "zones answer well again");
	else
		say(&t, "every zone is bad at once: our clock or our egress; nothing moves");
	return buf;
}

/* ---- the tick ---- */

/* Did any path's state change since the last call? (The operator's drains are published by who
 * makes them.) */
static bool states_moved(struct ctl_steer *s, struct route_paths *p)
{
	bool moved = false;

	for (size_t id = 0; id < s->count; id++) {
		const struct route_path *path = route_paths_at(p, (uint16_t)id);
		uint8_t now = path != NULL ? (uint8_t)path->state : (uint8_t)ROUTE_UP;

		moved |= s->states[id] != now;
		s->states[id] = now;
	}
	return moved;
}

size_t ctl_steer_tick(struct ctl_steer *s, struct ctl_world *w, const struct ctl_steer_ops *ops,
	uint64_t now_ms, uint32_t epoch_s)
{
	struct route_finding found[FINDINGS_MAX];
	struct route_paths *p = ctl_world_paths(w);
	char text[CTL_STEER_TEXT_MAX];
	bool moved, faster;
	size_t n;

	s->count = route_paths_count(p);
	states_moved(s, p); // what others changed is published already
	memset(s->samples, 0, s->count * sizeof(*s->samples));
	ops->evidence(ops->arg, s->samples, s->count);
	n = route_judge_tick(s->judge, p, s->samples, now_ms, epoch_s, found, FINDINGS_MAX);
	n = n < FINDINGS_MAX ? n : FINDINGS_MAX;
	// The table first, the sentence after it: "now goes to" must be true. Without memory for a
	// table the old one stays, and the next change tries again.
	faster = ctl_world_config(w) != NULL &&
		 route_rtts_tick(s->rtts, ctl_world_config(w), p, s->samples, now_ms);
	moved = states_moved(s, p);
	if (moved || faster)
		ctl_world_states_changed(w);
	if (faster && !moved)
		ops->fastest(ops->arg);
	for (size_t i = 0; i < n; i++)
		ops->finding(ops->arg, &found[i],
			ctl_steer_text(&found[i], p, ctl_world_config(w), ctl_world_table(w),
				epoch_s, text, sizeof(text)));
	return n;
}

const struct route_sample *ctl_steer_samples(const struct ctl_steer *s, size_t *count)
{
	*count = s->count;
	return s->samples;
}

void ctl_steer_forget(struct ctl_steer *s, uint16_t path)
{
	route_judge_forget(s->judge, path);
	route_rtts_forget(s->rtts, path);
}

struct route_judge *ctl_steer_judge(struct ctl_steer *s)
{
	return s->judge;
}
