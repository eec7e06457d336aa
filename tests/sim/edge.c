#include "tests/sim/edge.h"

#include <math.h>

#include "routing/judge_priv.h"
#include "routing/table.h"
#include "tests/unit/routing/fixture.h"

/*
 * Events lie in a wheel of ticks: answers and timeouts where they will arrive. Queries and probes
 * are drawn ahead, one at a time. The judge sees sums of ticks, so nothing finer is kept.
 */
enum {
	ZONE_SITES = SIM_PLACES,
	PATHS = SIM_ZONES * ZONE_SITES * 2,
	WHEEL = 64,
	TICK = ROUTE_JUDGE_TICK_MS,
	TIMEOUT_TICKS = 8, // swerved's default: 400 ms
	TRIES = 4,
	PROBE_MS = 10000,
	BUCKET = 10, // ticks of a bucket of the window: no more are left out at once
	FINDINGS = 64,
	MINUTE_MS = 60000,
	MOVES = 16,
};

// Names that are broken at their owner, and with that everywhere; SERVFAIL of sound sites.
static const double broken_share = 1e-4, odd_share = 1e-3, loss_min = 5e-4, loss_max = 1e-2;

const unsigned sim_band_rate[SIM_BANDS] = {1, 3, 10, 30, 100};

struct query {
	uint32_t next; // in its slot or in the free list; 0: none
	uint16_t path;
	uint16_t zone;
	bool probe, broken;
	struct route_tried tried;
	enum route_outcome bad[TRIES];
	struct sim_reply reply;
};

struct edge {
	struct sim_edge_config c;
	const struct sim_plan *plan;
	struct sim_score *score;
	struct route_config config;
	struct route_paths *paths;
	struct route_judge *judge;
	struct route_judge_params params;
	struct route_table *table;
	struct route_sample sample[PATHS];
	uint64_t number, seed, tick;
	uint16_t site_of[SIM_ROUNDS]; // in the world, by index in the config
	double loss[PATHS];
	// events
	uint32_t slot[WHEEL], free;
	uint64_t occupied, noisy; // slots with anything, with anything but good first answers
	struct query *pool;
	uint32_t pool_count;
	double ask_ms;
	uint64_t probe_tick[PATHS], first_probe;
	// the fault that is on, or was the last one
	size_t fault_at;
	const struct sim_fault *fault, *last;
	struct sim_record *record[PATHS];    // of the fault that is on, not found yet
	struct sim_taking taking[SIM_ZONES]; // while the fault that is on lasts
	// what the skipping of ticks asks
	uint64_t judged_tick;
	bool all_up, near; // somebody is ill, or would be if the window held less that is good
	bool pending;      // answers that the judge has not seen
	unsigned held;
	uint64_t returned_ms[SIM_ZONES];
	uint64_t moved_ms[SIM_ZONES][MOVES];
	unsigned moves[SIM_ZONES];
};

static uint64_t now_ms(const struct edge *e)
{
	return e->tick * TICK;
}

static struct route_path *path_at(const struct edge *e, uint16_t id)
{
	return route_paths_at(e->paths, id);
}

/* ---- making ---- */

static void limit(struct edge *e, struct route_order_config *o)
{
	for (size_t i = 0; i < o->site_count; i++)
		fix_share(o, i, 0, 1, (uint8_t)e->c.limit_percent);
}

// Its own region's site first; the second zone goes round the other way.
static void configure(struct edge *e)
{
	static const int offsets[SIM_ROUNDS] = {0, 1, -1, 2, -2};
	char name[ROUTE_SITE_NAME_MAX];

	fix_init(&e->config, SIM_ROUNDS, 1, SIM_ZONES);
	for (unsigned i = 0; i < SIM_ROUNDS; i++) {
		e->site_of[i] = (uint16_t)((int)(e->c.region + e->c.sites) + offsets[i]) %
				(uint16_t)e->c.sites;
		snprintf(name, sizeof(name), "s%03u", e->site_of[i]);
		fix_site(&e->config, i, name, 3);
	}
	snprintf(name, sizeof(name), "r%03u", e->c.region);
	fix_region(&e->config, 0, name, 0);
	fix_zone(&e->config, 0, "com.", 1);
	fix_order(&e->config, 0, 0, 0, "0123");
	fix_zone(&e->config, 1, "net.", 1);
	fix_order(&e->config, 1, 0, 0, "0214");
	for (unsigned z = 0; z < SIM_ZONES; z++)
		limit(e, e->config.zones[z].orders);
	route_judge_defaults(&e->params);
	if (route_paths_new(&e->paths) != 0 || route_paths_sync(e->paths, &e->config) != 0 ||
		route_judge_new(&e->params, &e->judge) != 0 ||
		route_table_new(&e->config, e->paths, name, ++e->number, &fix_key, &e->table) != 0)
		abort();
}

static void start(struct edge *e)
{
	e->seed = sim_mix(e->c.seed, (uint64_t)e->c.region << 8 | e->c.band);
	configure(e);
	e->pool_count = 1; // 0 is none
	e->all_up = true;
	e->first_probe = UINT64_MAX;
	for (unsigned i = 0; i < PATHS; i++) {
		e->loss[i] = loss_min + (loss_max - loss_min) * sim_random(&e->seed);
		e->probe_tick[i] = 1 + (uint64_t)(sim_random(&e->seed) * PROBE_MS / TICK);
		if (e->probe_tick[i] < e->first_probe)
			e->first_probe = e->probe_tick[i];
	}
}

static void end(struct edge *e)
{
	route_table_free(e->table);
	route_judge_free(e->judge);
	route_paths_free(e->paths);
	route_config_fini(&e->config);
	free(e->pool);
}

/* ---- the wheel ---- */

static struct query *take(struct edge *e)
{
	struct query *q;
	uint32_t at = e->free;

	if (at == 0) {
		// doubles at powers of two
		if ((e->pool_count & (e->pool_count - 1)) == 0) {
			e->pool = realloc(e->pool, 2 * e->pool_count * sizeof(*e->pool));
			if (e->pool == NULL)
				abort();
		}
		at = e->pool_count++;
		e->pool[at].next = 0;
	}
	q = &e->pool[at];
	e->free = q->next;
	memset(q, 0, sizeof(*q));
	return q;
}

static void release(struct edge *e, struct query *q)
{
	q->next = e->free;
	e->free = (uint32_t)(q - e->pool);
}

static void put_ahead(struct edge *e, struct query *q, unsigned ticks)
{
	unsigned slot = (unsigned)(e->tick + ticks) % WHEEL;

	q->next = e->slot[slot];
	e->slot[slot] = (uint32_t)(q - e->pool);
	e->occupied |= UINT64_C(1) << slot;
	if (!route_outcome_is_good(q->reply.outcome) || q->tried.count > 1)
		e->noisy |= UINT64_C(1) << slot;
}

// Ticks until the next slot with something in it; WHEEL when there is none.
static unsigned ahead(const struct edge *e)
{
	unsigned at = (unsigned)(e->tick + 1) % WHEEL;
	uint64_t turned = e->occupied >> at | (at == 0 ? 0 : e->occupied << (WHEEL - at));

	return turned == 0 ? WHEEL : 1 + (unsigned)__builtin_ctzll(turned);
}

/* ---- queries ---- */

static const struct sim_fault *fault_at(const struct edge *e, const struct route_path *p)
{
	const struct sim_fault *f = e->fault;

	return f != NULL && sim_fault_strikes(f, e->site_of[p->site]) &&
			       f->families >> (p->addr.family == 6) & 1
		       ? f
		       : NULL;
}

// Round trip: what the way costs, and some waiting now and then.
static unsigned trip_ticks(struct edge *e, uint16_t site)
{
	static const unsigned way_ms[SIM_ROUNDS] = {8, 30, 45, 90, 120};
	double ms = way_ms[site] - 5 * log(1 - sim_random(&e->seed));

	return ms > 350 ? 350 / TICK : 1 + (unsigned)(ms / TICK);
}

static void send(struct edge *e, struct query *q)
{
	const struct route_path *p = path_at(e, q->path);
	struct sim_reply *r = &q->reply;

	sim_answer(fault_at(e, p), e->site_of[p->site], p->zone, now_ms(e), q->probe, &e->seed, r);
	if (r->outcome == ROUTE_O_SECURE && q->broken)
		r->outcome = ROUTE_O_BOGUS;
	if (r->outcome == ROUTE_O_SECURE && sim_random(&e->seed) < odd_share)
		r->outcome = ROUTE_O_SERVFAIL;
	if (sim_random(&e->seed) < e->loss[q->path])
		r->outcome = ROUTE_O_TIMEOUT;
	e->sample[q->path].sent++;
	put_ahead(e, q, r->outcome == ROUTE_O_TIMEOUT ? TIMEOUT_TICKS : trip_ticks(e, p->site));
}

/* Seconds since the fault that is told apart around its begin; -1: there is none near. */
static int around(const struct edge *e)
{
	const struct sim_fault *f = NULL;

	if (e->fault_at < e->plan->count)
		f = &e->plan->fault[e->fault_at];
	if ((f == NULL || now_ms(e) + SIM_AROUND_BEFORE * 1000 < f->from_ms) && e->last != NULL)
		f = e->last;
	if (f == NULL || f->families != 3 || !sim_fault_strikes(f, e->site_of[0]) ||
		now_ms(e) + SIM_AROUND_BEFORE * 1000 < f->from_ms ||
		now_ms(e) + SIM_AROUND_BEFORE * 1000 >= f->from_ms + SIM_AROUND * 1000)
		return -1;
	return (int)((now_ms(e) + SIM_AROUND_BEFORE * 1000 - f->from_ms) / 1000);
}

static void count_load(struct edge *e, uint16_t site)
{
	struct sim_score *s = e->score;
	int at = around(e);

	s->sent++;
	s->load[e->site_of[site] * s->minutes + now_ms(e) / MINUTE_MS]++;
	if (e->fault != NULL)
		s->fault_sent[e->fault->kind]++;
	if (at >= 0) {
		const struct sim_fault *f = e->fault_at < e->plan->count && at < SIM_AROUND_BEFORE
						    ? &e->plan->fault[e->fault_at]
						    : e->last;

		s->around[f->kind][site][at]++;
	}
}

/* Of its paths in a zone any is up or on probation. */
static bool usable(const struct edge *e, uint16_t zone, uint16_t site)
{
	for (uint16_t id = 0; id < PATHS; id++) {
		const struct route_path *p = path_at(e, id);

		if (p->zone == zone && p->site == site && p->state <= ROUTE_PROBATION)
			return true;
	}
	return false;
}

/* A first choice while a fault lasts: who takes it in place of the zone's first site. */
static void count_taking(struct edge *e, uint16_t zone, uint16_t site)
{
	const uint16_t *order = e->config.zones[zone].orders[0].sites;
	unsigned others = 0, place = 0;

	if (e->fault == NULL || usable(e, zone, order[0]))
		return;
	for (unsigned i = 1; i < ZONE_SITES; i++) {
		others += usable(e, zone, order[i]);
		place = order[i] == site ? i : place;
	}
	if (others > 0)
		sim_taking_count(&e->taking[zone], place, e->c.limit_percent, others);
}

static void ask(struct edge *e, struct query *q)
{
	struct route_choice choice;

	if (q->tried.count >= TRIES ||
		route_table_choose(e->table, q->zone, 0, 3, (uint32_t)(fix_random(&e->seed) >> 32),
			&q->tried, &choice) != 0) {
		e->score->failed += !q->broken;
		if (e->fault != NULL)
			e->score->fault_failed[e->fault->kind] += !q->broken;
		release(e, q);
		return;
	}
	if (q->tried.count == 0)
		count_taking(e, q->zone, choice.site);
	route_tried_add(&q->tried, e->table, &choice);
	q->path = choice.path;
	count_load(e, choice.site);
	send(e, q);
}

static void note_good(struct edge *e, const struct query *q)
{
	struct route_sample *s = &e->sample[q->path];
	const struct route_tried *t = &q->tried;

	if ((int32_t)(q->reply.inception - s->newest_inception) > 0)
		s->newest_inception = q->reply.inception;
	s->nearest_expiration = q->reply.expiration;
	for (unsigned i = 0; i + 1 < t->count; i++)
		if (t->site_hash[i] != t->site_hash[t->count - 1])
			e->sample[t->path[i]].refuted[q->bad[i]]++;
}

static void arrive(struct edge *e, struct query *q)
{
	struct route_sample *s = &e->sample[q->path];
	enum route_outcome o = q->reply.outcome;

	s->outcome[o]++;
	s->probed[o] += q->probe;
	if (q->probe && o != ROUTE_O_TIMEOUT)
		s->serial = q->reply.serial;
	if (route_outcome_is_good(o)) {
		note_good(e, q);
		release(e, q);
		return;
	}
	if (o == ROUTE_O_EXPIRED)
		s->bad_expiration = q->reply.expiration;
	if (e->record[q->path] != NULL)
		e->record[q->path]->seen++;
	if (q->probe) {
		release(e, q);
		return;
	}
	q->bad[q->tried.count - 1] = o;
	ask(e, q);
}

static void deliver(struct edge *e)
{
	unsigned slot = (unsigned)e->tick % WHEEL;
	uint32_t at = e->slot[slot], next;

	e->slot[slot] = 0;
	e->pending |= at != 0;
	e->occupied &= ~(UINT64_C(1) << slot);
	for (; at != 0; at = next) {
		next = e->pool[at].next;
		arrive(e, &e->pool[at]);
	}
}

static void clients(struct edge *e)
{
	while (e->ask_ms <= (double)now_ms(e)) {
		struct query *q = take(e);

		q->zone = sim_random(&e->seed) < 0.5;
		q->broken = sim_random(&e->seed) < broken_share;
		e->score->asked++;
		if (e->fault != NULL)
			e->score->fault_asked[e->fault->kind]++;
		ask(e, q);
		e->ask_ms -= 1000.0 / sim_band_rate[e->c.band] * log(1 - sim_random(&e->seed));
	}
}

static void probes(struct edge *e)
{
	if (e->first_probe > e->tick)
		return;
	e->first_probe = UINT64_MAX;
	for (uint16_t id = 0; id < PATHS; id++) {
		if (e->probe_tick[id] <= e->tick) {
			struct query *q = take(e);

			q->path = id;
			q->probe = true;
			e->score->probes++;
			send(e, q);
			e->probe_tick[id] +=
				(uint64_t)(PROBE_MS / TICK * (0.9 + 0.2 * sim_random(&e->seed)));
		}
		if (e->probe_tick[id] < e->first_probe)
			e->first_probe = e->probe_tick[id];
	}
}

/* ---- faults ---- */

static void open_records(struct edge *e)
{
	e->score->lives[e->fault->kind]++;
	for (uint16_t id = 0; id < PATHS; id++) {
		const struct route_path *p = path_at(e, id);

		e->score->unreturned += p->state != ROUTE_UP;
		if (!sim_kind_is_site(e->fault->kind) || fault_at(e, p) == NULL)
			continue;
		sim_score_add(e->score);
	}
}

// Records may move while they are being added: only then are they pointed at.
static void point_at_records(struct edge *e)
{
	size_t at = e->score->record_count;

	for (uint16_t id = PATHS; id-- > 0;) {
		const struct route_path *p = path_at(e, id);

		if (!sim_kind_is_site(e->fault->kind) || fault_at(e, p) == NULL)
			continue;
		e->record[id] = &e->score->record[--at];
		*e->record[id] = (struct sim_record){.kind = (uint8_t)e->fault->kind,
			.band = (uint8_t)e->c.band,
			.first = p->site == 0};
	}
}

static void turn_of_faults(struct edge *e)
{
	if (e->fault != NULL && now_ms(e) >= e->fault->until_ms) {
		for (unsigned z = 0; z < SIM_ZONES; z++)
			sim_takers_add(&e->score->takers, &e->taking[z]);
		memset(e->taking, 0, sizeof(e->taking));
		memset(e->record, 0, sizeof(e->record));
		e->fault = NULL;
		e->held = 0;
	}
	if (e->fault_at < e->plan->count && now_ms(e) >= e->plan->fault[e->fault_at].from_ms) {
		e->last = e->fault = &e->plan->fault[e->fault_at++];
		open_records(e);
		point_at_records(e);
	}
}

/* ---- what the judge says ---- */

static void note_move(struct edge *e, const struct route_finding *f)
{
	unsigned z = f->zone, within = 0;

	e->moved_ms[z][e->moves[z]++ % MOVES] = now_ms(e);
	for (unsigned i = 0; i < MOVES && i < e->moves[z]; i++)
		within += now_ms(e) - e->moved_ms[z][i] < MINUTE_MS;
	if (within > e->score->moves_minute_max)
		e->score->moves_minute_max = within;
	e->score->moves[e->last != NULL ? e->last->kind : SIM_SOUND]++;
}

static void note_left(struct edge *e, const struct route_finding *f)
{
	const struct route_path *p = path_at(e, f->path);
	struct sim_record *r = e->record[f->path];
	const struct sim_fault *last = e->last;
	// what came within the window and a timeout before the end may still count
	bool on = last != NULL &&
		  now_ms(e) < last->until_ms + e->params.window_ms + (TIMEOUT_TICKS + 2) * TICK;
	bool struck = on && last->families >> (p->addr.family == 6) & 1 &&
		      sim_fault_strikes(last, e->site_of[p->site]);

	note_move(e, f);
	if (r != NULL) {
		r->found = true;
		r->ms = (uint32_t)(now_ms(e) - e->fault->from_ms);
		r->lag = (uint8_t)f->lag;
		e->record[f->path] = NULL;
	}
	if (struck && sim_kind_is_site(last->kind))
		return;
	if (f->from == ROUTE_PROBATION) { // on trial, not in use: a return that is put off
		e->score->relapses++;
		return;
	}
	if (!on)
		e->score->wrong_calm++;
	else if (sim_kind_is_site(last->kind))
		e->score->wrong_near++;
	else
		e->score->wrong_control++;
	// a zone fault, or ours, may be blamed on a site before all have shown it
	if (!struck || !sim_kind_is_site(last->kind))
		fprintf(stderr,
			"region %u at %u/s, %.3f s: %s of %s left for nothing (%s %u/%u, %s) after "
			"%s\n",
			e->c.region, sim_band_rate[e->c.band], (double)now_ms(e) / 1000,
			p->zone == 0 ? "com" : "net", p->site_name, route_outcome_name(f->worst),
			f->bad, f->total, route_lag_name(f->lag),
			last == NULL ? "nothing" : sim_kind_name(last->kind));
}

static void note_back(struct edge *e, const struct route_finding *f)
{
	uint64_t *before = &e->returned_ms[f->zone];

	note_move(e, f);
	// several are withdrawn at once
	if (*before != 0 && *before != now_ms(e) && now_ms(e) - *before < e->params.return_min_ms)
		e->score->flaps++;
	*before = now_ms(e);
	e->score->withdrawn += f->kind == ROUTE_F_WITHDRAWN;
}

static void note(struct edge *e, const struct route_finding *f)
{
	struct sim_score *s = e->score;

	s->log_hash = sim_mix(s->log_hash, now_ms(e));
	s->log_hash = sim_mix(s->log_hash, (uint64_t)f->kind << 32 | f->path);
	switch (f->kind) {
	case ROUTE_F_SITE_FAULT:
	case ROUTE_F_LAGGING:
		note_left(e, f);
		break;
	case ROUTE_F_RETURNED:
	case ROUTE_F_WITHDRAWN:
		note_back(e, f);
		break;
	case ROUTE_F_LAST_PATH:
		s->last_path++;
		break;
	case ROUTE_F_ZONE_FAULT:
	case ROUTE_F_OURS:
		s->held_zone += f->kind == ROUTE_F_ZONE_FAULT && e->held == 0;
		s->held_ours += f->kind == ROUTE_F_OURS;
		e->held++;
		break;
	default:
		break;
	}
}

static bool is_near(const struct edge *e, const struct route_path_state *s)
{
	struct route_tally t;

	route_window_all(&s->win, &t);
	return route_is_ill(s) || t.n[ROUTE_C_SIG] + t.n[ROUTE_C_ODD] >= e->params.bad_min ||
	       t.n[ROUTE_C_SILENT] >= e->params.timeout_min;
}

static void judge(struct edge *e)
{
	struct route_finding found[FINDINGS];
	size_t n = route_judge_tick(e->judge, e->paths, e->sample, now_ms(e),
		SIM_EPOCH + (uint32_t)(now_ms(e) / 1000), found, FINDINGS);
	struct route_table *next = NULL;

	e->score->ticks++;
	e->judged_tick = e->tick;
	e->pending = e->near = false;
	for (uint16_t id = 0; id < PATHS; id++)
		e->near |= is_near(e, &e->judge->path[id]);
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		note(e, &found[i]);
	if (route_table_renew(e->table, e->paths, ++e->number, &next) != 0)
		abort();
	route_table_free(e->table);
	e->table = next;
	e->all_up = !route_judge_zone_fault(e->judge, 0, NULL) &&
		    !route_judge_zone_fault(e->judge, 1, NULL);
	for (uint16_t id = 0; id < PATHS; id++)
		e->all_up &= path_at(e, id)->state == ROUTE_UP;
}

/* ---- time ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * While every path is up and no window holds as much as the minimum that is bad, good answers to a
 * first try make nobody ill. So the judge may take those of some ticks as one, if they lie in one
 * bucket of the window and before the next answer of any other kind. Not when a fault is near: how
 * long a serial has stood still is told to the tick.
 */
static bool calm(const struct edge *e)
{
	return e->all_up && !e->near && e->fault == NULL && !e->c.every_tick &&
	       (e->fault_at == e->plan->count ||
		       now_ms(e) + MINUTE_MS < e->plan->fault[e->fault_at].from_ms);
}

static bool must_judge(const struct edge *e, bool noisy)
{
	return !calm(e) || noisy || e->tick - e->judged_tick >= BUCKET ||
	       (e->pending && (e->tick + 1) % BUCKET == 0);
}

/* @return true when something else than good first answers is about to come */
static bool expect_noise(struct edge *e)
{
	uint64_t slot = UINT64_C(1) << e->tick % WHEEL;
	bool noisy = (e->noisy & slot) != 0;

	e->noisy &= ~slot;
	if (noisy && e->pending && e->judged_tick + 1 < e->tick) {
		e->tick--;
		judge(e);
		e->tick++;
	}
	return noisy;
}

static uint64_t next_tick(const struct edge *e)
{
	uint64_t next = e->judged_tick + BUCKET;

	if (!calm(e))
		return e->tick + 1;
	if (e->pending)
		next = earlier(next, e->tick - e->tick % BUCKET + BUCKET - 1);
	if (e->fault_at < e->plan->count)
		next = earlier(next, e->plan->fault[e->fault_at].from_ms / TICK);
	next = earlier(next, e->tick + ahead(e));
	next = earlier(next, (uint64_t)ceil(e->ask_ms / TICK));
	next = earlier(next, e->first_probe);
	return next > e->tick ? next : e->tick + 1;
}

void sim_edge_live(
	const struct sim_edge_config *c, const struct sim_plan *plan, struct sim_score *score)
{
	struct edge *e = fix_alloc(1, sizeof(*e));

	e->c = *c;
	e->plan = plan;
	e->score = score;
	start(e);
	for (e->tick = 1; now_ms(e) < plan->end_ms; e->tick = next_tick(e)) {
		bool noisy = expect_noise(e);

		turn_of_faults(e);
		deliver(e);
		clients(e);
		probes(e);
		if (must_judge(e, noisy))
			judge(e);
	}
	score->lived_ms += plan->end_ms;
	score->calm_ms += sim_plan_calm_ms(plan);
	end(e);
	free(e);
}
