#include <stdio.h>

#include "routing/judge.h"
#include "tests/unit/routing/fixture.h"
#include "tests/unit/run.h"

/*
 * Hours of a forwarder's life: queries that choose by the table and retry at another path, round
 * trips, lost packets, probes; faults of single addresses, of sites, of a zone everywhere and of
 * our own link, at random times. The table is rebuilt when a state changes, as control does. What
 * must hold is checked at every tick.
 */
enum {
	HOURS = 4,
	TICKS = HOURS * 3600 * 1000 / ROUTE_JUDGE_TICK_MS,
	TIMEOUT_TICKS = 8,
	PROBE_TICKS = 200,
	RATE = 6, // questions a zone and tick
	TRIES = 4,
	DELAYS = 16,   // ring of ticks ahead
	FLIGHT = 4096, // in flight in one tick
	PATHS = 13,
	SITES = 4,
};

enum fault { SOUND, EXPIRED, STRIPPED, SERVFAIL, SILENT, FAULTS };

struct query {
	uint16_t zone;
	uint16_t path;
	enum route_outcome outcome; // what will come back
	struct route_tried tried;
	enum route_outcome bad[TRIES];
	bool probe;
};

struct flight {
	size_t count;
	struct query q[FLIGHT];
};

struct life {
	struct route_config c;
	struct route_paths *p;
	struct route_judge *j;
	struct route_table *t;
	struct route_judge_params params;
	struct route_sample s[PATHS];
	struct flight *ahead; // DELAYS
	uint64_t tick, seed, number;
	// faults, by path: kind, percent of answers, end
	enum fault fault[PATHS];
	unsigned percent[PATHS];
	uint64_t fault_from[PATHS], fault_until[PATHS], faulty_at[PATHS];
	// the only site with a fault in its zone when it began, and a choice that gets traffic
	bool alone[PATHS];
	uint64_t zone_until, link_until;
	// what came of it
	uint64_t returned_at[3];
	unsigned blamed, wrong, flaps, stranded, detected, returns, zone_faults, ours;
	uint64_t slowest;
	unsigned asked, failed, missed;
};

static unsigned dice(struct life *l, unsigned n)
{
	return (unsigned)(fix_random(&l->seed) >> 33) % n;
}

static void life_init(struct life *l, uint64_t seed)
{
	memset(l, 0, sizeof(*l));
	l->seed = seed;
	fix_usual(&l->c);
	route_judge_defaults(&l->params);
	l->ahead = fix_alloc(DELAYS, sizeof(*l->ahead));
	if (route_paths_new(&l->p) != 0 || route_paths_sync(l->p, &l->c) != 0 ||
		route_judge_new(&l->params, &l->j) != 0 ||
		route_table_new(&l->c, l->p, "apac", ++l->number, &fix_key, &l->t) != 0)
		abort();
}

static void life_fini(struct life *l)
{
	route_table_free(l->t);
	route_judge_free(l->j);
	route_paths_free(l->p);
	route_config_fini(&l->c);
	free(l->ahead);
}

/* ---- faults ---- */

/* From here on nobody can tell who is alone: another fault begins in the zone, or on our link. */
static void not_alone(struct life *l, uint16_t zone)
{
	for (unsigned i = 0; i < PATHS; i++)
		if (zone == 0xffff || route_paths_at(l->p, (uint16_t)i)->zone == zone)
			l->alone[i] = false;
}

static void begin(struct life *l, unsigned id, enum fault kind, unsigned percent, uint64_t until)
{
	if (l->fault[id] != SOUND)
		return;
	l->fault[id] = kind;
	l->percent[id] = percent;
	l->fault_from[id] = l->tick;
	l->fault_until[id] = until;
}

static bool zone_is_sound(struct life *l, uint16_t zone)
{
	for (unsigned id = 0; id < PATHS; id++)
		if (route_paths_at(l->p, (uint16_t)id)->zone == zone &&
			(l->fault[id] != SOUND ||
				route_paths_at(l->p, (uint16_t)id)->state != ROUTE_UP))
			return false;
	return l->link_until <= l->tick;
}

static void new_faults(struct life *l)
{
	unsigned id = dice(l, PATHS);
	const struct route_path *p = route_paths_at(l->p, (uint16_t)id);
	enum fault kind = (enum fault)(1 + dice(l, FAULTS - 1));
	unsigned percent = dice(l, 2) ? 100 : 30 + dice(l, 70);
	uint64_t until = l->tick + 200 + dice(l, 12000);
	bool sound = zone_is_sound(l, p->zone);
	unsigned what = dice(l, 8);

	not_alone(l, what == 1 ? 0xffff : p->zone);
	switch (what) {
	case 0: // a zone everywhere
		for (unsigned i = 0; i < PATHS; i++)
			if (route_paths_at(l->p, (uint16_t)i)->zone == p->zone)
				begin(l, i, EXPIRED, percent, until);
		break;
	case 1: // our link
		l->link_until = l->tick + 100 + dice(l, 2000);
		break;
	case 2: // one address
		begin(l, id, kind, percent, until);
		l->alone[id] = sound && p->site == 0 && kind == EXPIRED;
		break;
	default: // a site, in one zone
		for (unsigned i = 0; i < PATHS; i++) {
			const struct route_path *q = route_paths_at(l->p, (uint16_t)i);

			if (q->zone != p->zone || q->site != p->site)
				continue;
			begin(l, i, kind, percent, until);
			l->alone[i] = sound && p->site == 0 && kind == EXPIRED;
		}
	}
}

static void end_faults(struct life *l)
{
	for (unsigned id = 0; id < PATHS; id++) {
		if (l->fault[id] != SOUND)
			l->faulty_at[id] = l->tick;
		if (l->fault[id] != SOUND && l->fault_until[id] <= l->tick) {
			l->fault[id] = SOUND;
			l->missed += l->alone[id];
			l->alone[id] = false;
		}
		if (l->link_until > l->tick)
			l->faulty_at[id] = l->tick;
	}
}

/* ---- queries ---- */

static enum route_outcome answer(struct life *l, uint16_t path)
{
	static const enum route_outcome of[FAULTS] = {
		[EXPIRED] = ROUTE_O_EXPIRED,
		[STRIPPED] = ROUTE_O_UNSIGNED,
		[SERVFAIL] = ROUTE_O_SERVFAIL,
		[SILENT] = ROUTE_O_TIMEOUT,
	};

	if (l->link_until > l->tick || dice(l, 1000) < 5)
		return ROUTE_O_TIMEOUT;
	if (l->fault[path] != SOUND && dice(l, 100) < l->percent[path])
		return of[l->fault[path]];
	return ROUTE_O_SECURE;
}

static void send(struct life *l, struct query *q)
{
	struct flight *f;
	unsigned delay;

	q->outcome = answer(l, q->path);
	delay = q->outcome == ROUTE_O_TIMEOUT ? TIMEOUT_TICKS : 1 + q->path % 4;
	f = &l->ahead[(l->tick + delay) % DELAYS];
	if (f->count < FLIGHT)
		f->q[f->count++] = *q;
}

static void ask(struct life *l, struct query *q)
{
	struct route_choice choice;

	if (q->tried.count >= TRIES ||
		route_table_choose(l->t, q->zone, 0, 3, (uint32_t)(fix_random(&l->seed) >> 32),
			&q->tried, &choice) != 0) {
		l->failed++;
		return;
	}
	route_tried_add(&q->tried, l->t, &choice);
	q->path = choice.path;
	send(l, q);
}

static void refute(struct life *l, const struct query *q)
{
	for (unsigned i = 0; i + 1 < q->tried.count; i++)
		if (q->tried.site_hash[i] != q->tried.site_hash[q->tried.count - 1])
			l->s[q->tried.path[i]].refuted[q->bad[i]]++;
}

static void arrive(struct life *l, struct query *q)
{
	l->s[q->path].outcome[q->outcome]++;
	if (q->probe)
		return;
	if (route_outcome_is_good(q->outcome)) {
		refute(l, q);
		return;
	}
	q->bad[q->tried.count - 1] = q->outcome;
	ask(l, q);
}

static void traffic(struct life *l)
{
	struct flight *now = &l->ahead[l->tick % DELAYS];
	size_t count = now->count;

	now->count = 0;
	for (size_t i = 0; i < count; i++)
		arrive(l, &now->q[i]);
	for (uint16_t zone = 0; zone < 3; zone++)
		for (unsigned n = 0; n < (zone == 0 ? dice(l, 2) : RATE); n++) {
			struct query q = {.zone = zone};

			l->asked++;
			ask(l, &q);
		}
	for (uint16_t id = 0; id < PATHS; id++)
		if ((l->tick + id * 15u) % PROBE_TICKS == 0) {
			struct query q = {.path = id, .probe = true};

			send(l, &q);
		}
}

/* ---- what must hold ---- */

static void check_finding(struct life *l, const struct route_finding *f)
{
	uint64_t now = l->tick;

	switch (f->kind) {
	case ROUTE_F_SITE_FAULT:
		l->blamed++;
		// within the window (10 s) and a timeout a fault may still count
		if (l->fault[f->path] == SOUND &&
			(l->faulty_at[f->path] == 0 || now > l->faulty_at[f->path] + 210)) {
			fprintf(stderr, "tick %llu: path %u blamed for nothing (%s %u/%u, %s)\n",
				(unsigned long long)now, f->path, route_outcome_name(f->worst),
				f->bad, f->total, route_state_name(f->from));
			l->wrong++;
		}
		if (l->alone[f->path] && f->from == ROUTE_UP) {
			uint64_t took = now - l->fault_from[f->path];

			l->detected++;
			l->slowest = took > l->slowest ? took : l->slowest;
			l->alone[f->path] = false;
		}
		break;
	case ROUTE_F_RETURNED:
		l->returns++;
		if (l->returned_at[f->zone] != 0 &&
			(now - l->returned_at[f->zone]) * ROUTE_JUDGE_TICK_MS <
				l->params.return_min_ms)
			l->flaps++;
		l->returned_at[f->zone] = now;
		break;
	case ROUTE_F_WITHDRAWN:
		if (l->returned_at[f->zone] != 0 && l->returned_at[f->zone] != now &&
			(now - l->returned_at[f->zone]) * ROUTE_JUDGE_TICK_MS <
				l->params.return_min_ms)
			l->flaps++;
		l->returned_at[f->zone] = now;
		break;
	case ROUTE_F_ZONE_FAULT:
		l->zone_faults++;
		break;
	case ROUTE_F_OURS:
		l->ours++;
		break;
	default:
		break;
	}
}

static void judge(struct life *l)
{
	struct route_finding found[64];
	unsigned usable[3] = {0};
	size_t n = route_judge_tick(l->j, l->p, l->s, 1000 + l->tick * ROUTE_JUDGE_TICK_MS,
		1700000000u + (uint32_t)(l->tick / 20), found, 64);
	struct route_table *next = NULL;

	for (size_t i = 0; i < n; i++)
		check_finding(l, &found[i]);
	for (uint16_t id = 0; id < PATHS; id++)
		usable[route_paths_at(l->p, id)->zone] +=
			route_paths_at(l->p, id)->state < ROUTE_FAILING;
	l->stranded += usable[0] == 0 || usable[1] == 0 || usable[2] == 0;
	if (n == 0)
		return;
	if (route_table_renew(l->t, l->p, ++l->number, &next) != 0)
		abort();
	route_table_free(l->t);
	l->t = next;
}

/* @return expired sites left in time */
static unsigned live(uint64_t seed)
{
	struct life *l = fix_alloc(1, sizeof(*l));

	unsigned detected;

	life_init(l, seed);
	for (l->tick = 1; l->tick < TICKS; l->tick++) {
		if (dice(l, 6000) == 0)
			new_faults(l);
		end_faults(l);
		traffic(l);
		judge(l);
	}
	printf("\n    seed %llu: %u asked, %u without an answer; blamed %u, returned %u, zone "
	       "faults %u, ours %u; "
	       "%u expired sites left after at most %llu ms\n    ",
		(unsigned long long)seed, l->asked, l->failed, l->blamed, l->returns,
		l->zone_faults, l->ours, l->detected,
		(unsigned long long)l->slowest * ROUTE_JUDGE_TICK_MS);
	CU_ASSERT_EQUAL(l->wrong, 0);
	CU_ASSERT_EQUAL(l->flaps, 0);
	CU_ASSERT_EQUAL(l->stranded, 0);
	CU_ASSERT(l->blamed > 20 && l->returns > 10 && l->zone_faults > 0 && l->ours > 0);
	CU_ASSERT_EQUAL(l->missed, 0);
	CU_ASSERT(l->slowest * ROUTE_JUDGE_TICK_MS <= 1000);
	detected = l->detected;
	life_fini(l);
	free(l);
	return detected;
}

static void hours_of_faults(void)
{
	unsigned detected = 0;

	for (uint64_t seed = 1; seed <= 5; seed++)
		detected += live(seed);
	CU_ASSERT(detected > 0);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"hours of faults", hours_of_faults},
		CU_TEST_INFO_NULL,
	};

	return test_run("routing/simulation", tests);
}
