#include "routing/judge_priv.h"

void route_judge_set_state(struct route_judge *j, struct route_path *p, enum route_state to)
{
	struct route_path_state *s = &j->path[p->id];

	p->state = to;
	s->state = to;
	s->since_ms = j->clock.now_ms;
}

static bool is_usable(enum route_state s, enum route_state instead_of)
{
	return s == ROUTE_UP || s == ROUTE_PROBATION ||
	       (s == ROUTE_LAGGING && instead_of == ROUTE_FAILING);
}

/* Would queries still have somewhere better to go if this path were in state `to`? */
static bool others_remain(const struct route_judge *j, const struct route_zone_state *z,
	const struct route_path *p, enum route_state to)
{
	for (uint32_t i = z->first; i < z->first + z->count; i++)
		if (j->order[i].id != p->id &&
			is_usable(route_paths_at(j->paths, j->order[i].id)->state, to))
			return true;
	return false;
}

uint64_t route_judge_wait_ms(const struct route_judge *j, const struct route_path_state *s)
{
	unsigned doublings = s->strikes > 0 ? s->strikes - 1u : 0;

	return (uint64_t)j->params.probation_after_ms << doublings;
}

static void leave(struct route_judge *j, struct route_path *p, enum route_state to)
{
	struct route_path_state *s = &j->path[p->id];
	enum route_state from = p->state;
	uint64_t forgiven_ms = (uint64_t)j->params.probation_after_ms << ROUTE_STRIKES_MAX;

	if (from == ROUTE_UP && j->clock.now_ms - s->since_ms >= forgiven_ms)
		s->strikes = 0;
	if (from != ROUTE_LAGGING && s->strikes < ROUTE_STRIKES_MAX)
		s->strikes++;
	route_judge_set_state(j, p, to);
	route_judge_report(j, p, to == ROUTE_LAGGING ? ROUTE_F_LAGGING : ROUTE_F_SITE_FAULT, from);
}

static void tell_last_path(struct route_judge *j, struct route_path *p)
{
	struct route_path_state *s = &j->path[p->id];

	if (s->last_told)
		return;
	s->last_told = true;
	route_judge_report(j, p, ROUTE_F_LAST_PATH, p->state);
}

/* @return true when the path was judged and nothing else is to be done with it this tick */
static bool step_ill(struct route_judge *j, struct route_zone_state *z, struct route_path *p)
{
	struct route_path_state *s = &j->path[p->id];

	if (!route_is_ill(s))
		return false;
	if (!others_remain(j, z, p, ROUTE_FAILING)) {
		if (!z->bad) // soon to be told as the zone's fault
			tell_last_path(j, p);
		return true;
	}
	if (s->witnesses == 0)
		return false;
	s->blamed_ms = j->clock.now_ms;
	leave(j, p, ROUTE_FAILING);
	return true;
}

static bool step_lagging(
	struct route_judge *j, struct route_zone_state *z, struct route_path *p, uint32_t at)
{
	struct route_path_state *s = &j->path[p->id];
	uint32_t siblings = route_judge_lag(j, z, at);

	if (siblings == 0)
		return false;
	s->lag_ms = j->clock.now_ms;
	if (p->state == ROUTE_LAGGING)
		return true;
	s->witnesses = siblings;
	if (others_remain(j, z, p, ROUTE_LAGGING)) {
		s->lag_inception = s->win.newest_inception;
		leave(j, p, ROUTE_LAGGING);
		s->last_told = false;
	} else {
		tell_last_path(j, p);
	}
	return true;
}

/*
 * Did this tick bring anything that counts against a path that is not in use? Such a path sees
 * mostly retries. A bad answer that was not refuted, while other sites give bad ones too, may be a
 * name that is broken everywhere: it says nothing.
 */
static bool bad_now(
	const struct route_zone_state *z, const struct route_path_state *s, unsigned classes)
{
	const unsigned bad = classes & (ROUTE_M_SIG | ROUTE_M_ODD);

	if (classes & ROUTE_M_SILENT && s->win.now.n[ROUTE_C_SILENT] > 0 &&
		s->win.silent_run >= ROUTE_PROBATION_SILENT)
		return true;
	return route_tally_of(&s->win.now, bad) > 0 &&
	       (z->bad_sites <= 1 || route_window_refuted(&s->win, bad) > 0);
}

static void step_away(struct route_judge *j, const struct route_zone_state *z, struct route_path *p)
{
	struct route_path_state *s = &j->path[p->id];
	enum route_state from = p->state;
	uint64_t quiet_ms = s->since_ms;

	if (bad_now(z, s, ROUTE_M_SIG | ROUTE_M_ODD | ROUTE_M_SILENT))
		s->last_bad_ms = j->clock.now_ms;
	if (s->last_bad_ms > quiet_ms)
		quiet_ms = s->last_bad_ms;
	if (s->lag_ms > quiet_ms)
		quiet_ms = s->lag_ms;
	if (j->clock.now_ms - quiet_ms < route_judge_wait_ms(j, s))
		return;
	s->odd = 0;
	route_window_clear(&s->win); // what made it fail must not count against its new start
	s->ill = s->probe_ill = 0;
	route_judge_set_state(j, p, ROUTE_PROBATION);
	route_judge_report(j, p, ROUTE_F_PROBATION, from);
}

// A site that had stopped taking updates has not begun again until it shows a signature that it did
// not have then.
static bool caught_up(const struct route_path_state *s)
{
	return s->lag_inception == 0 || (int32_t)(s->win.newest_inception - s->lag_inception) > 0;
}

/* A bad signature, or what a sound site may do once, too often for that. */
static bool fails_probation(const struct route_zone_state *z, struct route_path_state *s)
{
	if (bad_now(z, s, ROUTE_M_ODD))
		s->odd += s->win.now.n[ROUTE_C_ODD];
	return s->odd >= ROUTE_PROBATION_ODD || bad_now(z, s, ROUTE_M_SIG | ROUTE_M_SILENT);
}

static void step_probation(struct route_judge *j, struct route_zone_state *z, struct route_path *p)
{
	struct route_path_state *s = &j->path[p->id];

	if (fails_probation(z, s)) {
		if (others_remain(j, z, p, ROUTE_FAILING))
			leave(j, p, ROUTE_FAILING);
		else
			tell_last_path(j, p);
		return;
	}
	if (s->win.good_run < j->params.probation_good || !caught_up(s) ||
		!route_judge_due(j, z->returned_ms, j->params.return_min_ms))
		return;
	z->returned_ms = j->clock.now_ms;
	s->last_told = false;
	s->lag_inception = 0;
	route_judge_set_state(j, p, ROUTE_UP);
	route_judge_report(j, p, ROUTE_F_RETURNED, ROUTE_PROBATION);
}

void route_judge_step(struct route_judge *j, struct route_zone_state *z, uint32_t at)
{
	struct route_path *p = route_paths_at(j->paths, j->order[at].id);

	switch (p->state) {
	case ROUTE_UP:
		if (!step_ill(j, z, p) && !step_lagging(j, z, p, at) &&
			!route_is_ill(&j->path[p->id]))
			j->path[p->id].last_told = false;
		break;
	case ROUTE_LAGGING:
		if (!step_ill(j, z, p) && !step_lagging(j, z, p, at))
			step_away(j, z, p);
		break;
	case ROUTE_PROBATION:
		if (!step_ill(j, z, p) && !step_lagging(j, z, p, at))
			step_probation(j, z, p);
		break;
	case ROUTE_FAILING:
		step_away(j, z, p);
		break;
	default: // the operator's
		break;
	}
}
