#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dns/msg.h"
#include "validator/facts.h"
#include "validator/keys.h"
#include "validator/response.h"

/**
 * The chain of trust to any name, built by questions for DS and DNSKEY. Pure and without a state of
 * its own: what has been learned is in the facts. val_chain_walk() says how far they lead and what
 * is to be asked next; the caller asks, and hands the answer to val_chain_judge(), which notes what
 * follows from it. So many chains that need the same question wait for one answer, and a chain that
 * is given up half way has not been in vain.
 *
 * RFC 4035 s5.2, RFC 6840 s4.4, RFC 5155 s8.9, RFC 9276.
 */

/** Limits on what one answer can make us ask. Tested at n and n + 1. */
enum {
	// Questions that one transaction may cause. A chain costs two a zone and one a label
	// without a cut; the reverse tree of an IPv6 site needs about twenty.
	VAL_CHAIN_QUESTIONS_MAX = 24,
	// Verifications in their answers, beside those of the response itself: CVE-2023-50387.
	VAL_CHAIN_VERIFY_MAX = 48,
	// Zones whose keys one transaction may have asked for anew: a rollover that nobody
	// announced, or signatures by keys that are not there.
	VAL_CHAIN_RENEWALS_MAX = 2,
	VAL_CHAIN_DEPTH_MAX = 12, // zones below the trust anchor
	VAL_CHAIN_FACT_S = 3600,  // how long no delegation, or an unsigned one, is believed at most
	VAL_CHAIN_FACT_MIN_S = 60, // and at least, as long as the signatures hold
};

/** What is trusted, and what has been learned from it. */
struct val_trust {
	// Zones whose keys, or whose lack of them, somebody else answers for. The deepest one at or
	// above a name is where its chain begins: no fact above it counts, and none below it when
	// it is INSECURE or NTA (a negative trust anchor). UNKNOWN and outdated ones are passed
	// over, but for those with an anchor of their own: there is no chain past them. NULL: none.
	const struct val_keys *published;
	// Anchors of zones that are not published. NULL: none.
	const struct val_anchors *anchors;
	struct val_facts *facts;
	uint32_t now; // seconds since the epoch, modulo 2^32
};

enum val_chain_end {
	VAL_CHAIN_SECURE,   // the name is in a zone whose keys we have
	VAL_CHAIN_INSECURE, // at or below an unsigned delegation
	VAL_CHAIN_BOGUS,    // the chain breaks above it
	VAL_CHAIN_NONE,     // no trust anchor above it
	VAL_CHAIN_ASK,      // not known yet
};

struct val_chain_step {
	enum val_chain_end end;
	enum val_reason why; // INSECURE, BOGUS, NONE
	// SECURE: the name's zone; ASK: the deepest one on the way whose keys are known, or NULL.
	// Valid until the facts change.
	const struct val_zone_keys *zone;
	uint8_t depth;        // SECURE: of the zone; ASK: of the zone that is asked about
	uint16_t type;        // ASK: DNS_TYPE_DS or DNS_TYPE_DNSKEY
	struct dns_name name; // ASK: lower-cased
};

/**
 * How far do the facts lead towards a name?
 *
 * @param name  lower-cased, uncompressed
 *
 * O(published zones + zones and cuts on the way). Allocates nothing.
 */
void val_chain_walk(const struct val_trust *t, const uint8_t *name, struct val_chain_step *out);

/**
 * Which question leads to newer keys of a zone whose keys, or whose lack of them, are a fact? DS,
 * then, with DS records at hand, DNSKEY. What is known goes on to hold meanwhile.
 *
 * @param out  ASK; else nothing is to be asked: no fact, or the chain above is not complete
 *
 * Costs as val_chain_walk().
 */
void val_chain_renew(const struct val_trust *t, const uint8_t *zone, struct val_chain_step *out);

/**
 * Judge the answer to a question that val_chain_walk() wanted, and note what follows.
 *
 * @param msg     not truncated; its question is the one that was asked
 * @param checks, want, want_arg  as for val_response_judge()
 * @param out     result.verdict: VAL_PENDING as there; SECURE or INSECURE: noted, walk again;
 *                BOGUS: nothing is noted, another server may do better; INDETERMINATE: an RCODE
 *                that says nothing (kind VAL_KIND_ERROR), or VAL_R_NO_CHAIN: what the question came
 *                from is no longer known, walk again
 */
void val_chain_judge(struct val_ctx *ctx, const struct val_trust *t, const struct dns_msg *msg,
	struct val_checks *checks, val_want_fn want, void *want_arg, struct val_response *out);

/**
 * Nobody gave a good answer to this question: remember that, so that it is not asked again at once
 * (RFC 9520).
 *
 * @param why   for verdicts that rest on it
 * @param ttl_s seconds
 */
void val_chain_fail(const struct val_trust *t, const struct dns_name *name, enum val_reason why,
	uint32_t ttl_s);

/**
 * Judge a response of a recursive resolver: each RRset with the keys of its own zone. What is not
 * signed must lie below a delegation that is provably unsigned, and so must the end of a negative
 * answer without proof; else it is bogus (RFC 4035 s5.5).
 *
 * @param out   as for val_response_judge(), but never lame or a referral. of_chain tells whose
 *              fault a bogus verdict is
 * @param need  when out->result.verdict is VAL_PENDING and need->end VAL_CHAIN_ASK, this is to be
 *              asked first, and nothing has been wanted; else the verdict waits for `checks`
 *
 * The rest is as for val_response_judge().
 */
void val_chain_response(struct val_ctx *ctx, const struct val_trust *t, const struct dns_msg *msg,
	struct val_checks *checks, val_want_fn want, void *want_arg, struct val_response *out,
	struct val_chain_step *need);
