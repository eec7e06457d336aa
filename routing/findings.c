#include "routing/judge_priv.h"

#include <assert.h>
#include <errno.h>

static const char *const finding_names[] = {
	[ROUTE_F_SITE_FAULT] = "site_fault",
	[ROUTE_F_LAGGING] = "lagging",
	[ROUTE_F_ZONE_FAULT] = "zone_fault",
	[ROUTE_F_OURS] = "ours",
	[ROUTE_F_PROBATION] = "probation",
	[ROUTE_F_RETURNED] = "returned",
	[ROUTE_F_LAST_PATH] = "last_path",
	[ROUTE_F_CLEARED] = "cleared",
	[ROUTE_F_WITHDRAWN] = "withdrawn",
};
static_assert(sizeof(finding_names) / sizeof(finding_names[0]) == ROUTE_F_KINDS, "one name each");

const char *route_finding_name(enum route_finding_kind k)
{
	return (unsigned)k < ROUTE_F_KINDS ? finding_names[k] : "unknown";
}

static void put(struct route_judge *j, const struct route_finding *f)
{
	if (j->out_count < j->out_max)
		j->out[j->out_count++] = *f;
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

// Start of the run that makes a path ill.
static uint64_t first_bad(const struct route_path_state *s, unsigned classes)
{
	uint64_t ms = 0;

	for (unsigned k = ROUTE_C_SIG; k < ROUTE_CLASSES; k++)
		if (classes >> k & 1)
			ms = earliest(ms, s->win.onset_ms[k]);
	return ms;
}

/* Numbers for people: of the classes that the path is ill by, in the window or by its last probes,
 * else of all that is bad. */
static void fill(const struct route_path_state *s, struct route_finding *f)
{
	unsigned classes = s->ill != 0 ? s->ill : ROUTE_M_SIG | ROUTE_M_ODD | ROUTE_M_SILENT;
	struct route_tally t;

	if (s->ill == 0 && s->probe_ill != 0) {
		classes = s->probe_ill;
		route_probed_since(&s->win.probed, s->probe_since_ms, &t);
		f->worst = route_probed_worst(&s->win.probed);
		f->first_bad_ms = s->probe_since_ms;
	} else {
		route_window_all(&s->win, &t);
		f->worst = route_window_worst(&s->win, classes);
		f->first_bad_ms = first_bad(s, classes);
	}
	f->bad = route_tally_of(&t, classes);
	f->total = route_tally_total(&t);
	f->good_siblings = s->witnesses;
	f->bad_expiration = s->win.bad_expiration;
	f->bad_type = s->win.bad_type;
	f->bad_reason = s->win.bad_reason;
	f->bad_key_tag = s->win.bad_key_tag;
}

static void fill_lag(
	const struct route_judge *j, const struct route_path_state *s, struct route_finding *f)
{
	f->lag = s->lag;
	f->lag_by = s->lag_by;
	if (s->serial_behind_ms != 0)
		f->lag_ms = j->clock.now_ms - s->serial_behind_ms;
	route_window_secure(&s->win, &f->nearest);
}

void route_judge_report(struct route_judge *j, const struct route_path *p,
	enum route_finding_kind kind, enum route_state from)
{
	struct route_path_state *s = &j->path[p->id];
	struct route_finding f = {.kind = kind, .path = p->id, .zone = p->zone, .from = from};

	fill(s, &f);
	f.to = p->state;
	if (kind == ROUTE_F_LAGGING)
		fill_lag(j, s, &f);
	s->found = true;
	s->last_finding = kind;
	s->last_finding_ms = j->clock.now_ms;
	put(j, &f);
}

void route_judge_report_all(
	struct route_judge *j, const struct route_zone_state *z, enum route_finding_kind kind)
{
	uint32_t first = z != NULL ? z->first : 0, count = z != NULL ? z->count : j->path_count;
	struct route_finding sum = {.worst = ROUTE_O_MAX}, most = sum;

	for (uint32_t i = first; i < first + count; i++) {
		struct route_finding f = {0};

		fill(&j->path[j->order[i].id], &f);
		sum.bad += f.bad;
		sum.total += f.total;
		sum.first_bad_ms = earliest(sum.first_bad_ms, f.first_bad_ms);
		if (f.bad > most.bad)
			most = f;
	}
	most.kind = kind;
	most.path = 0xffff;
	most.zone = z != NULL ? z->index : 0xffff;
	most.bad = sum.bad;
	most.total = sum.total;
	most.first_bad_ms = sum.first_bad_ms;
	most.from = most.to = ROUTE_UP;
	most.good_siblings = 0;
	put(j, &most);
}

/* ---- for operators ---- */

int route_judge_path_info(const struct route_judge *j, uint16_t path, struct route_judge_info *out)
{
	const unsigned bad = ROUTE_M_SIG | ROUTE_M_ODD;
	const struct route_path_state *s;
	struct route_tally t;

	if (path >= ROUTE_PATHS_MAX || !j->path[path].known)
		return -ENOENT;
	s = &j->path[path];
	route_window_all(&s->win, &t);
	*out = (struct route_judge_info){
		.state = s->state,
		.since_ms = s->since_ms,
		.good = t.n[ROUTE_C_GOOD],
		.bad = route_tally_of(&t, bad),
		.timeouts = t.n[ROUTE_C_SILENT],
		.total = route_tally_total(&t),
		.refuted = route_window_refuted(&s->win, bad | ROUTE_M_SILENT),
		.worst = route_window_worst(&s->win, bad | ROUTE_M_SILENT),
		.returns_after_ms = (uint32_t)route_judge_wait_ms(j, s),
		.found = s->found,
		.last_finding = s->last_finding,
		.last_finding_ms = s->last_finding_ms,
	};
	if (out->total > 0)
		out->bad_percent = (uint32_t)(out->bad * 100ull / out->total);
	if (out->worst != ROUTE_O_MAX)
		out->first_bad_ms = first_bad(s, bad | ROUTE_M_SILENT);
	return 0;
}

bool route_judge_zone_fault(const struct route_judge *j, uint16_t zone, bool *ours)
{
	if (ours != NULL)
		*ours = j->ours;
	for (uint32_t i = 0; i < j->zone_count; i++)
		if (j->zones[i].index == zone)
			return j->zones[i].fault;
	return false;
}
