#include "tests/sim/plan.h"

#include <stdlib.h>

#include "tests/unit/routing/fixture.h"

// A site's relapses are forgotten when it has been up for half an hour: where other rounds do
// not fill that time, quiet does.
enum { MINUTE_MS = 60000, LEAD_MS = 2 * MINUTE_MS, FORGIVEN_MS = 40 * MINUTE_MS };

static const struct {
	const char *name;
	unsigned minutes; // as long as it lasts
	unsigned rest;    // until everything must be back
} kinds[SIM_KINDS] = {
	[SIM_SOUND] = {"sound", 0, 0},
	[SIM_EXPIRED] = {"expired", 30, 6},
	[SIM_STALE] = {"stale", 85, 6},
	[SIM_BOGUS] = {"bogus", 4, 6},
	[SIM_STRIPPED] = {"stripped", 4, 6},
	[SIM_HALF] = {"half", 15, 25},
	[SIM_SILENT] = {"silent", 4, 6},
	[SIM_SERVFAIL] = {"servfail", 4, 6},
	[SIM_REFUSED] = {"refused", 4, 6},
	[SIM_LAME] = {"lame", 4, 6},
	[SIM_FROZEN] = {"frozen", 40, 6},
	[SIM_ZONE] = {"zone", 5, 10},
	[SIM_EGRESS] = {"egress", 2, 10},
	[SIM_CLOCK] = {"clock", 5, 10},
};

const char *sim_kind_name(enum sim_kind k)
{
	return (unsigned)k < SIM_KINDS ? kinds[k].name : "unknown";
}

double sim_random(uint64_t *state)
{
	return (double)(fix_random(state) >> 11) * 0x1p-53;
}

uint64_t sim_mix(uint64_t a, uint64_t b)
{
	uint64_t x = a * 0x9e3779b97f4a7c15 + b + 0x632be59bd9b4e019;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (x ^ x >> 31) | 1; // never 0: it may start a generator
}

/* ---- the plan ---- */

void sim_plan_calm(struct sim_plan *p, uint64_t ms)
{
	p->end_ms += ms;
}

static void add(struct sim_plan *p, enum sim_kind kind, unsigned round, uint64_t lead_ms)
{
	// one fault in five is IPv4's alone, one IPv6's
	static const unsigned families[] = {3, 1, 3, 2, 3};
	struct sim_fault *f;

	if (p->count == SIM_PLAN_MAX)
		abort();
	f = &p->fault[p->count++];
	*f = (struct sim_fault){.kind = kind, .round = round, .families = families[round]};
	f->from_ms = p->end_ms + lead_ms;
	f->until_ms = f->from_ms + (uint64_t)kinds[kind].minutes * MINUTE_MS;
	p->end_ms = f->until_ms + (uint64_t)kinds[kind].rest * MINUTE_MS;
}

void sim_plan_faults(struct sim_plan *p, unsigned rounds)
{
	for (enum sim_kind kind = SIM_EXPIRED; kind < SIM_KINDS; kind++)
		for (unsigned round = 0; round < (sim_kind_is_site(kind) ? rounds : 1); round++)
			add(p, kind, round, rounds < SIM_ROUNDS ? FORGIVEN_MS : LEAD_MS);
}

uint64_t sim_plan_calm_ms(const struct sim_plan *p)
{
	uint64_t ms = p->end_ms;

	for (size_t i = 0; i < p->count; i++)
		ms -= p->fault[i].until_ms - p->fault[i].from_ms;
	return ms;
}

bool sim_fault_strikes(const struct sim_fault *f, unsigned site)
{
	return !sim_kind_is_site(f->kind) || site % SIM_ROUNDS == f->round;
}

/* ---- sites ---- */

// The moment whose contents a site has: updates reach it within 20 s.
static uint64_t contents_s(const struct sim_fault *f, unsigned site, unsigned zone, uint64_t now_ms)
{
	uint64_t now_s = SIM_EPOCH + now_ms / 1000 - sim_mix(site, zone) % 20;

	if (f != NULL && f->kind == SIM_FROZEN)
		now_s = SIM_EPOCH + f->from_ms / 1000;
	if (f != NULL && f->kind == SIM_STALE)
		now_s = SIM_EPOCH + f->from_ms / 1000 + SIM_STALE_OVER_S -
			(SIM_LIFETIME_S - SIM_RENEW_S);
	return now_s / SIM_UPDATE_S * SIM_UPDATE_S;
}

static enum route_outcome outcome_of(
	const struct sim_fault *f, unsigned zone, uint64_t now_ms, bool probe, double dice)
{
	double ramp;

	if (f == NULL)
		return ROUTE_O_SECURE;
	switch (f->kind) {
	case SIM_EXPIRED:
		ramp = (double)(now_ms - f->from_ms) / (double)(f->until_ms - f->from_ms);
		return !probe && dice < 0.005 + 0.125 * ramp ? ROUTE_O_EXPIRED : ROUTE_O_SECURE;
	case SIM_BOGUS:
		return ROUTE_O_BOGUS;
	case SIM_STRIPPED:
		return ROUTE_O_UNSIGNED;
	case SIM_HALF:
		return (now_ms - f->from_ms) / 30000 % 2 == 0 ? ROUTE_O_BOGUS : ROUTE_O_SECURE;
	case SIM_SERVFAIL:
		return ROUTE_O_SERVFAIL;
	case SIM_REFUSED:
		return ROUTE_O_REFUSED;
	case SIM_LAME:
		return ROUTE_O_LAME;
	case SIM_SILENT:
	case SIM_EGRESS:
		return ROUTE_O_TIMEOUT;
	case SIM_ZONE:
		return zone == 0 ? ROUTE_O_BOGUS : ROUTE_O_SECURE;
	case SIM_CLOCK:
		return ROUTE_O_EXPIRED;
	default:
		return ROUTE_O_SECURE;
	}
}

void sim_answer(const struct sim_fault *f, unsigned site, unsigned zone, uint64_t now_ms,
	bool probe, uint64_t *random, struct sim_reply *out)
{
	uint64_t made_s = contents_s(f, site, zone, now_ms);
	uint64_t age_s = probe ? 0 : (uint64_t)(sim_random(random) * SIM_RENEW_S);

	out->serial = (uint32_t)(made_s / SIM_UPDATE_S);
	out->inception = (uint32_t)(made_s - age_s);
	out->expiration = out->inception + SIM_LIFETIME_S;
	out->outcome = outcome_of(f, zone, now_ms, probe, sim_random(random));
	if (out->outcome == ROUTE_O_SECURE && out->expiration < SIM_EPOCH + now_ms / 1000)
		out->outcome = ROUTE_O_EXPIRED;
}
