#include "routing/judge_priv.h"

enum {
	// A sound site may be odd or silent now and then: before a sudden run of that outweighs the
	// window's share it takes this many times the minimum. (12 of at most 60 by chance: 1e-12
	// when one answer in a hundred is odd.)
	ODD_FACTOR = 4,
	SILENT_FACTOR = 2,
	// And a few of them in a window must be most of it, or a few more: 3 odd ones of 15 happen
	// once in a hundred days to a path with one answer a second. 3 of 5, or 5 of 25, do not in
	// thousands of days.
	ODD_FEW_PERCENT = 60,
	ODD_MORE = 2,
	// A witness's own share of what it testifies to is at most this part of the accused's.
	CONTRAST = 4,
	// Bad answers are behind a path, or a zone, when none came for this part of the window.
	OVER = 4,
};

/* ---- who is ill ---- */

static bool share_reaches(const struct route_tally *t, unsigned classes, uint32_t percent)
{
	return route_tally_of(t, classes) * 100ull >= (uint64_t)route_tally_total(t) * percent;
}

// At least `count` in the window, and their share of the window, reach.
static bool over_window(
	const struct route_tally *all, unsigned classes, uint32_t count, uint32_t percent)
{
	return route_tally_of(all, classes) >= count && share_reaches(all, classes, percent);
}

// The last `count` of them came thick: a site that turned bad a moment ago is not excused by its
// good past.
static bool sudden(const struct route_judge *j, const struct route_path_state *s, unsigned classes,
	uint32_t count, uint32_t percent)
{
	uint64_t since_ms = route_window_nth(&s->win, &j->clock, classes, count);
	struct route_tally t;

	if (since_ms == 0)
		return false;
	route_window_since(&s->win, &j->clock, since_ms, &t);
	return share_reaches(&t, classes, percent);
}

static uint64_t last_bad_ms(const struct route_path_state *s)
{
	uint64_t ms = 0;

	for (unsigned k = ROUTE_C_SIG; k < ROUTE_CLASSES; k++)
		if (s->win.last_ms[k] > ms)
			ms = s->win.last_ms[k];
	return ms;
}

/* Good without a break for some time: what else is in the window is over. */
static bool well_again(const struct route_judge *j, const struct route_path_state *s)
{
	return s->win.good_run >= j->params.probation_good &&
	       j->clock.now_ms - last_bad_ms(s) >= j->params.window_ms / OVER;
}

static unsigned illness(const struct route_judge *j, const struct route_path_state *s)
{
	const struct route_judge_params *p = &j->params;
	const unsigned answered = ROUTE_M_SIG | ROUTE_M_ODD;
	uint32_t few_percent = p->bad_percent > ODD_FEW_PERCENT ? p->bad_percent : ODD_FEW_PERCENT;
	struct route_tally all;
	unsigned ill = 0;

	route_window_all(&s->win, &all);
	if (route_tally_of(&all, answered | ROUTE_M_SILENT) == 0 || well_again(j, s))
		return 0;
	if (route_window_refuted(&s->win, ROUTE_M_SIG) >= p->bad_min &&
		all.n[ROUTE_C_SIG] >= p->bad_min)
		ill |= ROUTE_M_SIG;
	if (over_window(&all, ROUTE_M_SIG, p->bad_min, p->bad_percent) ||
		over_window(&all, answered, p->bad_min, few_percent) ||
		over_window(&all, answered, p->bad_min + ODD_MORE, p->bad_percent) ||
		sudden(j, s, ROUTE_M_SIG, p->bad_min, p->bad_percent) ||
		sudden(j, s, answered, ODD_FACTOR * p->bad_min, p->bad_percent))
		ill |= (all.n[ROUTE_C_SIG] > 0 ? ROUTE_M_SIG : 0) |
		       (all.n[ROUTE_C_ODD] > 0 ? ROUTE_M_ODD : 0);
	if (over_window(&all, ROUTE_M_SILENT, p->timeout_min, p->timeout_percent) ||
		sudden(j, s, ROUTE_M_SILENT, SILENT_FACTOR * p->timeout_min, p->timeout_percent))
		ill |= ROUTE_M_SILENT;
	return ill;
}

/* By its last probes. What clients got from it since then outweighs probes that were lost. */
static unsigned probe_illness(const struct route_judge *j, struct route_path_state *s)
{
	const struct route_window *w = &s->win;
	unsigned ill = route_probed_illness(&w->probed, j->params.bad_min, &s->probe_since_ms);

	if (ill & ROUTE_M_SILENT && w->last_ms[ROUTE_C_GOOD] >= s->probe_since_ms)
		return 0;
	return ill;
}

/* ---- who testifies ---- */

/* From when on a witness must have answered well. */
static uint64_t anchor(const struct route_judge *j, const struct route_path_state *accused)
{
	const struct route_window *w = &accused->win;
	uint64_t onset_ms = w->onset_ms[ROUTE_C_SIG], enough_ms;

	// Bad signatures do not happen by chance: their run began with the fault. But a run that
	// has just begun anew accuses of too little to compare by.
	if (accused->ill & ROUTE_M_SIG) {
		enough_ms = route_window_nth(
			w, &j->clock, ROUTE_M_SIG | ROUTE_M_ODD, j->params.bad_min);
		return enough_ms != 0 && enough_ms < onset_ms ? enough_ms : onset_ms;
	}
	if (accused->ill & ROUTE_M_ODD)
		return route_window_nth(w, &j->clock, ROUTE_M_ODD, j->params.bad_min);
	return route_window_nth(w, &j->clock, ROUTE_M_SILENT, j->params.timeout_min);
}

static bool refuted_enough(const struct route_judge *j, const struct route_path_state *accused)
{
	if (accused->ill & (ROUTE_M_SIG | ROUTE_M_ODD))
		return route_window_refuted(&accused->win,
			       accused->ill & (ROUTE_M_SIG | ROUTE_M_ODD)) >= j->params.bad_min;
	return route_window_refuted(&accused->win, ROUTE_M_SILENT) >= j->params.timeout_min;
}

struct testimony {
	struct route_tally well; // of the site's addresses that are not ill
	struct route_tally all;
};

/* What one site did from the accused's onset on. */
static void site_since(const struct route_judge *j, uint32_t first, uint32_t end, uint64_t ms,
	struct testimony *out)
{
	*out = (struct testimony){0};
	for (uint32_t i = first; i < end; i++) {
		const struct route_path_state *s = &j->path[j->order[i].id];
		struct route_tally t;

		route_window_since(&s->win, &j->clock, ms, &t);
		for (unsigned k = 0; k < ROUTE_CLASSES; k++) {
			out->all.n[k] += t.n[k];
			out->well.n[k] += route_is_ill(s) ? 0 : t.n[k];
		}
	}
}

/*
 * In share, and in number: a second choice sees little but the questions that the first one failed,
 * so where a name is broken everywhere it looks all bad, and the first one, with as many bad
 * answers among many good ones, must not testify to that. Nor must one address of a site whose
 * other one met these names: they have the same contents, though not the same way here.
 */
static bool contrasts(
	const struct testimony *witness, const struct route_tally *accused, unsigned classes)
{
	const unsigned answered = ROUTE_M_SIG | ROUTE_M_ODD;
	uint64_t w = route_tally_of(&witness->well, classes);
	uint64_t w_total = route_tally_total(&witness->well);
	uint64_t a = route_tally_of(accused, classes), a_total = route_tally_total(accused);
	uint64_t met = route_tally_of(&witness->all, classes & answered) +
		       route_tally_of(&witness->well, classes & ROUTE_M_SILENT);

	return w * CONTRAST * a_total <= a * w_total && met * CONTRAST <= a;
}

/* @return sites that testify against the path at order[at] */
static uint32_t count_witnesses(
	const struct route_judge *j, const struct route_zone_state *z, uint32_t at)
{
	const struct route_path_state *accused = &j->path[j->order[at].id];
	uint64_t since_ms = anchor(j, accused);
	bool refuted = refuted_enough(j, accused);
	uint32_t witnesses = 0, end;
	struct testimony site;
	struct route_tally own;

	route_window_since(&accused->win, &j->clock, since_ms, &own);
	for (uint32_t i = z->first; i < z->first + z->count; i = end) {
		for (end = i; end < z->first + z->count && j->order[end].site == j->order[i].site;)
			end++;
		if (j->order[i].site == j->order[at].site)
			continue;
		site_since(j, i, end, since_ms, &site);
		if (refuted ? site.well.n[ROUTE_C_GOOD] > 0
			    : site.well.n[ROUTE_C_GOOD] >= j->params.peer_good_min &&
					contrasts(&site, &own, accused->ill))
			witnesses++;
	}
	return witnesses;
}

/*
 * Every path is asked the same by probes. One that gave nothing but good answers from the first bad
 * one of the accused on shows that it is not all of them. When a fault of all ends, the first to be
 * well does not: it had bad ones in that time too.
 */
static uint32_t count_probe_witnesses(
	const struct route_judge *j, const struct route_zone_state *z, uint32_t at)
{
	const struct route_path_state *accused = &j->path[j->order[at].id];
	uint16_t last = UINT16_MAX;
	uint32_t witnesses = 0;

	for (uint32_t i = z->first; i < z->first + z->count; i++) {
		const struct route_path_state *s = &j->path[j->order[i].id];
		struct route_tally t;

		if (j->order[i].site == j->order[at].site || j->order[i].site == last ||
			route_is_ill(s))
			continue;
		route_probed_since(&s->win.probed, accused->probe_since_ms, &t);
		if (t.n[ROUTE_C_GOOD] == 0 || t.n[ROUTE_C_GOOD] < route_tally_total(&t))
			continue;
		last = j->order[i].site;
		witnesses++;
	}
	return witnesses;
}

/* ---- whose fault ---- */

bool route_judge_answers_since(
	const struct route_judge *j, const struct route_path_state *s, uint64_t ms)
{
	struct route_tally t;

	// A path that has shown bad signatures lately may be about to be ill: it is no proof that
	// all is well.
	route_window_all(&s->win, &t);
	if (route_is_ill(s) || (t.n[ROUTE_C_SIG] >= j->params.bad_min && !well_again(j, s)))
		return false;
	route_window_since(&s->win, &j->clock, ms, &t);
	if (t.n[ROUTE_C_GOOD] >= j->params.peer_good_min)
		return true;
	// nobody may ask but our probes
	route_probed_since(&s->win.probed, ms, &t);
	return t.n[ROUTE_C_GOOD] >= j->params.peer_good_min;
}

static bool zone_answers_well_since(
	const struct route_judge *j, const struct route_zone_state *z, uint64_t ms)
{
	for (uint32_t i = z->first; i < z->first + z->count; i++)
		if (route_judge_answers_since(j, &j->path[j->order[i].id], ms))
			return true;
	return false;
}

/* Who is ill, since when, and which sites have shown anything bad. @return sites with an ill path
 */
static uint32_t find_ill(struct route_judge *j, struct route_zone_state *z)
{
	uint32_t ill_sites = 0;
	uint16_t last_ill = UINT16_MAX, last_bad = UINT16_MAX;
	uint64_t onset_ms;

	z->onset_ms = z->last_ms = 0;
	z->bad_sites = 0;
	for (uint32_t i = z->first; i < z->first + z->count; i++) {
		struct route_path_state *s = &j->path[j->order[i].id];
		uint16_t site = j->order[i].site;

		s->witnesses = 0;
		s->ill = illness(j, s);
		s->probe_ill = probe_illness(j, s);
		if (route_window_worst(&s->win, ROUTE_M_SIG | ROUTE_M_ODD) == ROUTE_O_MAX &&
			!route_is_ill(s))
			continue;
		z->bad_sites += site != last_bad;
		last_bad = site;
		if (!route_is_ill(s))
			continue;
		ill_sites += site != last_ill;
		last_ill = site;
		onset_ms = s->ill != 0 ? anchor(j, s) : s->probe_since_ms;
		if (onset_ms > z->onset_ms)
			z->onset_ms = onset_ms;
		if (last_bad_ms(s) > z->last_ms)
			z->last_ms = last_bad_ms(s);
	}
	return ill_sites;
}

/*
 * Without a next hop, or without a chain of trust (ours to hold: a wrong clock ends it), no path
 * can be told good or bad. That says nothing about any of them, and about us when it is all that
 * was lately heard of every path: one that still answers well shows that it is not so.
 */
static bool is_blind(struct route_judge *j, struct route_zone_state *z)
{
	uint64_t now_ms = j->clock.now_ms, since_ms = 0;
	uint32_t run = 0;

	for (uint32_t i = z->first; i < z->first + z->count; i++) {
		const struct route_window *w = &j->path[j->order[i].id].win;

		if (w->blind_run > 0 && now_ms - w->blind_ms < j->params.window_ms) {
			run += w->blind_run < j->params.bad_min ? w->blind_run : j->params.bad_min;
			if (w->blind_since_ms > since_ms)
				since_ms = w->blind_since_ms;
		} else if (w->last_ms[ROUTE_C_GOOD] != 0 &&
			   now_ms - w->last_ms[ROUTE_C_GOOD] < j->params.window_ms)
			return false;
	}
	if (run < j->params.bad_min || now_ms - since_ms < j->params.window_ms / OVER)
		return false;
	if (since_ms > z->onset_ms)
		z->onset_ms = since_ms;
	return true;
}

void route_judge_assess(struct route_judge *j, struct route_zone_state *z)
{
	uint32_t ill_sites = find_ill(j, z), witnessed = 0;

	route_judge_compare_serials(j, z);
	for (uint32_t i = z->first; ill_sites > 0 && i < z->first + z->count; i++) {
		struct route_path_state *s = &j->path[j->order[i].id];

		if (s->ill != 0)
			s->witnesses = count_witnesses(j, z, i);
		if (s->witnesses == 0 && s->probe_ill != 0)
			s->witnesses = count_probe_witnesses(j, z, i);
		witnessed += s->witnesses > 0;
	}
	// A zone of one site has nobody to disagree: when that site is bad, so is the zone.
	z->bad = witnessed == 0 && j->clock.now_ms - z->last_ms < j->params.window_ms / OVER &&
		 (ill_sites >= 2 || (ill_sites == 1 && z->sites == 1)) &&
		 !zone_answers_well_since(j, z, z->onset_ms);
	z->blind = is_blind(j, z);
	route_note_stretch(z->bad, j->clock.now_ms, &z->bad_since_ms, &z->bad_ms);
}

bool route_judge_all_bad(const struct route_judge *j)
{
	uint32_t bad = 0;
	uint64_t onset_ms = 0;

	for (uint32_t i = 0; i < j->zone_count; i++) {
		if (!j->zones[i].bad && !j->zones[i].blind)
			continue;
		bad++;
		if (j->zones[i].onset_ms > onset_ms)
			onset_ms = j->zones[i].onset_ms;
	}
	if (bad < 2)
		return false;
	for (uint32_t i = 0; i < j->zone_count; i++)
		if (!j->zones[i].bad && !j->zones[i].blind &&
			zone_answers_well_since(j, &j->zones[i], onset_ms))
			return false;
	return true;
}
