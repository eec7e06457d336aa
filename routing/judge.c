#include "routing/judge_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * A tick has three steps: absorb every path's sample; assess every zone (which paths are ill, and
 * who testifies against them); act on every zone, unless its fault is everywhere, or ours.
 *
 * Everything is allocated when the judge is made and touched only as far as there are paths and
 * zones.
 */

enum {
	// All sites look bad for a moment when the second one fails before the third has answered a
	// retry: a fault of the zone is believed when it lasts this part of the window, and over
	// after that one.
	FAULT_CONFIRM = 10,
	FAULT_OVER = 4,
};

void route_judge_defaults(struct route_judge_params *p)
{
	*p = (struct route_judge_params){
		.window_ms = 10000,
		.bad_min = 3,
		.bad_percent = 20,
		.timeout_min = 8,
		.timeout_percent = 50,
		.peer_good_min = 3,
		.probation_after_ms = 60000,
		.probation_good = 10,
		.expiry_margin_s = 3600,
		.lag_s = 86400,
		.return_min_ms = 60000,
		.lag_answers = 32,
		.serial_lag_ms = 1800000,
	};
}

int route_judge_new(const struct route_judge_params *params, struct route_judge **out)
{
	struct route_judge *j;

	if (params->window_ms < ROUTE_JUDGE_TICK_MS || params->bad_min == 0 ||
		params->timeout_min == 0 || params->peer_good_min == 0 ||
		params->probation_good == 0 || params->bad_percent > 100 ||
		params->timeout_percent > 100)
		return -EINVAL;
	j = calloc(1, sizeof(*j)); // pages beyond the paths in use are never touched
	if (j == NULL)
		return -ENOMEM;
	j->params = *params;
	route_clock_init(&j->clock, params->window_ms);
	*out = j;
	return 0;
}

void route_judge_free(struct route_judge *j)
{
	free(j);
}

void route_judge_forget(struct route_judge *j, uint16_t path)
{
	if (path < ROUTE_PATHS_MAX)
		memset(&j->path[path], 0, sizeof(j->path[path]));
}

/* ---- grouping ---- */

static int compare_place(const void *a, const void *b)
{
	const struct route_place *x = a, *y = b;

	if (x->zone != y->zone)
		return x->zone < y->zone ? -1 : 1;
	if (x->site != y->site)
		return x->site < y->site ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static bool same_name(const struct dns_name *a, const struct dns_name *b)
{
	return a->len == b->len && memcmp(a->octets, b->octets, a->len) == 0;
}

// What was known of a zone follows its name: its index may be another one now.
static void remember_zone(struct route_judge *j, uint32_t old_count, struct route_zone_state *z)
{
	for (uint32_t i = 0; i < old_count; i++) {
		const struct route_zone_state *old = &j->old_zones[i];

		if (!same_name(&old->name, &z->name))
			continue;
		z->fault = old->fault;
		z->bad_since_ms = old->bad_since_ms;
		z->bad_ms = old->bad_ms;
		z->returned_ms = old->returned_ms;
		return;
	}
}

static void group(struct route_judge *j, struct route_paths *p)
{
	uint32_t old_count = j->zone_count;

	memcpy(j->old_zones, j->zones, old_count * sizeof(j->zones[0]));
	j->path_count = j->zone_count = 0;
	for (size_t id = 0; id < route_paths_count(p); id++) {
		const struct route_path *path = route_paths_at(p, (uint16_t)id);

		if (path != NULL)
			j->order[j->path_count++] =
				(struct route_place){path->zone, path->site, path->id};
	}
	qsort(j->order, j->path_count, sizeof(j->order[0]), compare_place);
	for (uint32_t i = 0; i < j->path_count; i++) {
		const struct route_place *at = &j->order[i];
		bool new_zone = i == 0 || at[-1].zone != at->zone;
		struct route_zone_state *z =
			&j->zones[new_zone ? j->zone_count++ : j->zone_count - 1];

		if (new_zone) {
			*z = (struct route_zone_state){.index = at->zone, .first = i};
			z->name = route_paths_at(p, at->id)->zone_name;
			remember_zone(j, old_count, z);
		}
		z->sites += new_zone || at[-1].site != at->site;
		z->count++;
	}
	j->generation = route_paths_generation(p);
	j->grouped = true;
}

/* ---- absorbing ---- */

static void take_over(struct route_judge *j, struct route_path *p)
{
	struct route_path_state *s = &j->path[p->id];

	if (s->known && s->state == p->state)
		return;
	if (s->known)
		route_window_clear(&s->win);
	s->known = true;
	s->last_told = false;
	s->strikes = 0;
	s->blamed_ms = s->lag_ms = s->last_bad_ms = 0;
	s->lag_inception = 0;
	route_judge_set_state(j, p, p->state);
}

static void absorb(struct route_judge *j, struct route_path *p, const struct route_sample *sample)
{
	take_over(j, p);
	route_window_absorb(&j->path[p->id].win, &j->clock, sample);
	route_judge_note_serial(&j->path[p->id], sample->serial);
}

/* ---- faults that nobody moves for ---- */

/*
 * Evidence of one fault arrives unevenly: the first site that shows it is blamed on the word of
 * those that do not yet. When all turn out to be bad, that blame is taken back.
 */
static void withdraw_blame(struct route_judge *j, struct route_zone_state *z)
{
	bool any = false;

	if (!route_judge_due(j, z->returned_ms, j->params.return_min_ms))
		return;
	for (uint32_t i = z->first; i < z->first + z->count; i++) {
		struct route_path *p = route_paths_at(j->paths, j->order[i].id);
		struct route_path_state *s = &j->path[j->order[i].id];

		if (p->state != ROUTE_FAILING || s->blamed_ms == 0 ||
			j->clock.now_ms - s->blamed_ms > j->params.window_ms)
			continue;
		route_judge_set_state(j, p, ROUTE_UP);
		s->blamed_ms = 0;
		if (s->strikes > 0)
			s->strikes--;
		route_judge_report(j, p, ROUTE_F_WITHDRAWN, ROUTE_FAILING);
		any = true;
	}
	if (any)
		z->returned_ms = j->clock.now_ms;
}

/* Does somebody answer well without a break again, and for a moment already? */
static bool recovered(
	const struct route_judge *j, const struct route_zone_state *z, uint64_t bad_ms)
{
	if (z->bad || z->blind || j->clock.now_ms - bad_ms < j->params.window_ms / FAULT_OVER)
		return false;
	for (uint32_t i = z->first; i < z->first + z->count; i++) {
		const struct route_path_state *s = &j->path[j->order[i].id];

		if (s->win.good_run >= j->params.peer_good_min &&
			route_judge_answers_since(j, s, bad_ms + 1))
			return true;
	}
	return false;
}

/*
 * What was bad while it was nobody's fault counts against nobody afterwards: a path that has
 * carried nothing since would be blamed for it by the first one that answers well again.
 */
static void forgive(struct route_judge *j, const struct route_zone_state *z)
{
	const unsigned bad = ROUTE_M_SIG | ROUTE_M_ODD | ROUTE_M_SILENT;

	for (uint32_t i = z->first; i < z->first + z->count; i++) {
		struct route_path_state *s = &j->path[j->order[i].id];

		if (route_window_worst(&s->win, bad) == ROUTE_O_MAX)
			continue;
		route_window_clear(&s->win);
		s->ill = s->probe_ill = 0;
	}
}

static bool confirmed(const struct route_judge *j, uint64_t since_ms)
{
	return since_ms != 0 && j->clock.now_ms - since_ms >= j->params.window_ms / FAULT_CONFIRM;
}

static void act_on_zone(struct route_judge *j, struct route_zone_state *z)
{
	if (confirmed(j, z->bad_since_ms)) {
		if (!z->fault)
			route_judge_report_all(j, z, ROUTE_F_ZONE_FAULT);
		z->fault = true;
		withdraw_blame(j, z);
	}
	if (z->fault && recovered(j, z, z->bad_ms)) {
		z->fault = false;
		route_judge_report_all(j, z, ROUTE_F_CLEARED);
		forgive(j, z);
	}
	if (z->fault)
		return;
	for (uint32_t i = z->first; i < z->first + z->count; i++)
		route_judge_step(j, z, i);
}

/* @return true while all zones are bad, or nobody has shown yet that this is over: nothing moves */
static bool hold_all(struct route_judge *j)
{
	bool bad = route_judge_all_bad(j), over = false;

	route_note_stretch(bad, j->clock.now_ms, &j->ours_since_ms, &j->ours_ms);
	if (confirmed(j, j->ours_since_ms)) {
		if (!j->ours)
			route_judge_report_all(j, NULL, ROUTE_F_OURS);
		j->ours = true;
		for (uint32_t i = 0; i < j->zone_count; i++)
			if (j->zones[i].bad)
				withdraw_blame(j, &j->zones[i]);
	}
	for (uint32_t i = 0; i < j->zone_count && j->ours && !bad && !over; i++)
		over = recovered(j, &j->zones[i], j->ours_ms);
	if (over) {
		j->ours = false;
		route_judge_report_all(j, NULL, ROUTE_F_CLEARED);
		for (uint32_t i = 0; i < j->zone_count; i++)
			forgive(j, &j->zones[i]);
	}
	return bad || j->ours;
}

size_t route_judge_tick(struct route_judge *j, struct route_paths *p,
	const struct route_sample *samples, uint64_t now_ms, uint32_t epoch_s,
	struct route_finding *out, size_t out_max)
{
	j->paths = p;
	j->epoch_s = epoch_s;
	j->out = out;
	j->out_count = 0;
	j->out_max = out_max;
	if (!j->grouped || j->generation != route_paths_generation(p))
		group(j, p);
	route_clock_advance(&j->clock, now_ms);
	for (uint32_t i = 0; i < j->path_count; i++)
		absorb(j, route_paths_at(p, j->order[i].id), &samples[j->order[i].id]);
	for (uint32_t i = 0; i < j->zone_count; i++)
		route_judge_assess(j, &j->zones[i]);
	if (!hold_all(j))
		for (uint32_t i = 0; i < j->zone_count; i++)
			act_on_zone(j, &j->zones[i]);
	j->paths = NULL;
	j->out = NULL;
	return j->out_count;
}
