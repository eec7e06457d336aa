#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * What hostile zones may cost a worker. A response's work has limits (validator/sig.h), but a flood
 * of such responses has none: sixteen failed verifications are a millisecond, 10,000 times a second
 * ten cores. So each zone has an account of the work that came to nothing, and one of NSEC3 hashing
 * beyond the ordinary; they are paid off at a fixed share of this worker's time. A zone in debt is
 * refused more of that work until it has paid: its answers fail closed, nobody else's
 * (CVE-2023-50387, CVE-2023-50868).
 *
 * Good verifications are never charged, and a path that has not failed lately is never refused
 * one: a site whose signatures are broken cannot take its healthy siblings along.
 */

enum {
	DP_EFFORT_US_PER_MS = 15,      // paid off of failures: 1.5 % of a core, a zone
	DP_EFFORT_HASH_US_PER_MS = 10, // the same of hashing
	DP_EFFORT_DEBT_US = 10000,     // beyond it a zone is in debt: some 160 failures of P-256
	DP_EFFORT_SUSPECT_MS = 10000,  // how long a path's failure is held against it
	DP_EFFORT_BLOCKS_FREE = 24,    // SHA-1 blocks a response may cost always; see there
	DP_EFFORT_TRIES = 2,           // signatures of an RRset looked up when none may be verified
	DP_EFFORT_ZONES = 256,         // accounts; zones may share one
	DP_EFFORT_PATHS = 1024,
};

struct dp_account {
	uint64_t paid_ms; // until when debt_us is paid off
	uint64_t debt_us;
};

/** One worker's. All zero is a fresh one. */
struct dp_effort {
	struct dp_account failed[DP_EFFORT_ZONES], hashed[DP_EFFORT_ZONES];
	uint64_t suspect_until_ms[DP_EFFORT_PATHS];
};

/**
 * A verification failed.
 * @param zone       a keyed hash of the signer's name
 * @param algorithm  what it cost: microseconds by algorithm, not by the clock, which others share
 */
void dp_effort_failed(
	struct dp_effort *e, uint64_t zone, uint16_t path, uint8_t algorithm, uint64_t now_ms);
/** Has a verification of this path's answers failed lately? */
bool dp_effort_suspects(const struct dp_effort *e, uint16_t path, uint64_t now_ms);
/** May a signature of this zone, from this path, be verified? */
bool dp_effort_may_verify(const struct dp_effort *e, uint64_t zone, uint16_t path, uint64_t now_ms);

/** A response cost this many blocks of SHA-1; DP_EFFORT_BLOCKS_FREE of them are free. */
void dp_effort_hashed(struct dp_effort *e, uint64_t zone, uint32_t blocks, uint64_t now_ms);
/**
 * How many blocks the next response of this zone may cost: `max`, or DP_EFFORT_BLOCKS_FREE in debt.
 * That much is enough for names of 20 labels in a zone without iterations (RFC 9276 s3.1).
 */
uint32_t dp_effort_blocks(const struct dp_effort *e, uint64_t zone, uint32_t max, uint64_t now_ms);
