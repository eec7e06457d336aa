#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "routing/evidence.h"

/**
 * What happens in the world, by its clock alone: which sites are ill when, and what a site answers.
 * Sites stand in a ring; region r is nearest to site r and uses the sites r - 2 .. r + 2. A fault
 * of a round strikes every site whose number is the round's modulo SIM_ROUNDS: an edge never sees
 * two of its sites ill at once, and in SIM_ROUNDS rounds every site has had its turn.
 */
enum {
	SIM_EPOCH = 1700000000, // wall clock at 0 ms
	SIM_ROUNDS = 5,
	SIM_ZONES = 2,
	SIM_PLAN_MAX = 128,
	SIM_UPDATE_S = 30,          // a zone's contents change this often
	SIM_LIFETIME_S = 7 * 86400, // of a signature
	SIM_RENEW_S = 4 * 86400,    // and when it is made anew: three days are always left
	SIM_STALE_SEEN_S = 900, // a stale site's first signature comes inside the margin after that
	SIM_STALE_OVER_S = 4500, // and is over after that
};

enum sim_kind {
	SIM_SOUND,
	SIM_EXPIRED,  // signatures are over in a share that grows from 0.5 to 13 %; serials move on
	SIM_STALE,    // no updates for three days: the first signatures are about to be over
	SIM_BOGUS,    // every signature is wrong
	SIM_STRIPPED, // signatures are missing
	SIM_HALF,     // bad for half a minute, good for half a minute
	SIM_SILENT,
	SIM_SERVFAIL,
	SIM_REFUSED,
	SIM_LAME,
	SIM_FROZEN, // no updates from now on: serial stands still, signatures good for three days
	// control groups: no site is to blame
	SIM_ZONE,   // the first zone is bogus at every site
	SIM_EGRESS, // nothing comes back to the edge
	SIM_CLOCK,  // the edge's clock is wrong: everything looks expired
	SIM_KINDS,
};

/** Short stable name, as "stripped". */
const char *sim_kind_name(enum sim_kind k);
/** One of a site's kinds: somebody is to blame. */
static inline bool sim_kind_is_site(enum sim_kind k)
{
	return k > SIM_SOUND && k < SIM_ZONE;
}

struct sim_fault {
	enum sim_kind kind;
	unsigned round;    // 0..SIM_ROUNDS - 1
	unsigned families; // bit 0: IPv4, bit 1: IPv6
	uint64_t from_ms, until_ms;
};

/** Faults in order of time, never two at once, with time to recover between them. */
struct sim_plan {
	size_t count;
	struct sim_fault fault[SIM_PLAN_MAX];
	uint64_t end_ms;
};

/** Add `ms` without any fault. */
void sim_plan_calm(struct sim_plan *p, uint64_t ms);
/** Add every kind of fault in the first `rounds` rounds, the control groups once. */
void sim_plan_faults(struct sim_plan *p, unsigned rounds);
/** Of the plan's time, what lies outside of faults. */
uint64_t sim_plan_calm_ms(const struct sim_plan *p);
/** Does f strike this site? Control groups strike all. */
bool sim_fault_strikes(const struct sim_fault *f, unsigned site);

struct sim_reply {
	enum route_outcome outcome;
	uint32_t inception, expiration; // of the signature shown, when there is one
	uint32_t serial;                // of probes
};

/**
 * What a site sends back.
 *
 * @param f       the fault at this site, family and time; NULL: it is sound
 * @param probe   asks for the SOA, which is signed at every update
 * @param random  state of the caller's generator
 */
void sim_answer(const struct sim_fault *f, unsigned site, unsigned zone, uint64_t now_ms,
	bool probe, uint64_t *random, struct sim_reply *out);

/** In 0 .. 1. */
double sim_random(uint64_t *state);
/** A number out of two, the same every time. */
uint64_t sim_mix(uint64_t a, uint64_t b);
