#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dns/hash.h"
#include "dns/msg.h"
#include "validator/keys.h"
#include "validator/sig.h"
#include "validator/sigcache.h"
#include "validator/verdict.h"

/**
 * The verdict on one response of an authoritative server. Pure: no packet, no thread, no OpenSSL.
 * Signatures that the cache does not know are asked for through `want`; the caller has them
 * verified (elsewhere, later), writes the outcome into `checks` and calls again: same message, same
 * checks. The call ends within bounded work whatever the message holds.
 */

/** A signature check that the cache could not answer, and its outcome once known. */
struct val_check {
	struct val_sig_id id;
	enum val_sig_state state; // UNKNOWN while wanted
};

/** Lives in the transaction across calls and across retries at other sites: the budget. */
struct val_checks {
	uint8_t count;    // checks of this response
	uint8_t verified; // verifications asked for in the whole transaction, never reset
	struct val_check item[VAL_VERIFY_RESPONSE_MAX];
};

/** Forget a response's checks, keep the transaction's budget. */
void val_checks_next_response(struct val_checks *c);

/** What a verifier needs; every pointer is valid only during the call of `want`. */
struct val_want {
	const struct val_sig_id *id;
	const uint8_t *data; // signed data
	uint16_t data_len;
	const uint8_t *sig;
	uint16_t sig_len;
	const uint8_t *dnskey; // RDATA
	uint16_t dnskey_len;
	uint32_t inception, expiration, key_generation;
	uint8_t index; // into val_checks.item
};

// RRsets in answer and authority; collecting one costs a walk of the message.
enum { VAL_RRSETS_MAX = 32 };

struct val_ctx {
	const struct val_sigcache *cache; // may be NULL: everything is wanted
	struct val_sig_key prf_key;       // one for all who share the cache
	struct val_skew skew;
	bool sha1;           // verify algorithms 5 and 7
	uint32_t blocks_max; // SHA-1 blocks a response may cost in NSEC3; 0: VAL_NSEC3_BLOCKS_MAX
	uint8_t tries_max;   // pairs of signature and key looked at in an RRset; 0:
			     // VAL_VERIFY_RRSET_MAX
	uint64_t blocks;     // that were hashed; only ever grows
	uint64_t cache_hits; // signatures that the cache knew, good or bad; only ever grows
	// scratch, one context a thread
	uint8_t signed_data[VAL_SIGNED_DATA_MAX];
	struct val_rrset set[VAL_RRSETS_MAX];
};

/** @retval 0 taken; -errno: cannot be verified now, the verdict is bogus with VAL_R_BUDGET */
typedef int (*val_want_fn)(void *arg, const struct val_want *want);

/** What kind of answer it is, for whoever forwards it. */
enum val_kind {
	VAL_KIND_ANSWER, // incl. a CNAME chain
	VAL_KIND_REFERRAL,
	VAL_KIND_NODATA,
	VAL_KIND_NXDOMAIN,
	VAL_KIND_LAME,  // neither AA nor a referral below the zone (upward referral, empty)
	VAL_KIND_ERROR, // any other RCODE
};

struct val_response {
	struct val_result result;
	enum val_kind kind;
	bool of_chain; // bogus because of the chain to a zone: another server's would be too
	// bogus with VAL_R_KEY_MISSING: of which zone. Valid until facts or keys change; else NULL
	const struct val_zone_keys *lacks;
	// per record of the message: the most seconds its TTL may have (RFC 4035 s5.3.3),
	// UINT32_MAX for no cap; set for every record of the message when ttl_capped, else not
	// looked at
	bool ttl_capped;
	uint32_t ttl_cap_s[DNS_MSG_RR_MAX];
	// only ever set by val_chain_response(), and for a secure answer: bit i, when record i is
	// not to be passed on, because nobody has judged it
	bool strips; // some bit is set
	uint64_t stripped[DNS_MSG_RR_MAX / 64];
};

/** Nothing found yet: no verdict, no reason, no key, no cap, nothing stripped. The kind stays. */
static inline void val_response_reset(struct val_response *r)
{
	r->result = (struct val_result){.verdict = VAL_INDETERMINATE};
	r->of_chain = r->ttl_capped = r->strips = false;
	r->lacks = NULL;
}

/** Is record i to be left out of what a client gets? */
static inline bool val_response_strips(const struct val_response *r, uint16_t i)
{
	return r->strips && (r->stripped[i / 64] >> i % 64 & 1) != 0;
}

/**
 * Judge.
 *
 * @param msg    parsed; the question was matched by the caller. Not truncated: with TC=1 anything
 *               may be missing, so such a message proves nothing
 * @param zone   the routed zone's key set (UNKNOWN → indeterminate; INSECURE, NTA → insecure)
 * @param now    seconds since the epoch modulo 2^32
 * @param checks in/out
 * @param want   called at most VAL_VERIFY_RESPONSE_MAX times a response
 * @param out    result.verdict VAL_PENDING when something was wanted or is still UNKNOWN in checks
 *
 * Covered: positive answers with wildcard proofs, CNAME and DNAME chains inside the zone, referrals
 * (DS or proof of none), NXDOMAIN, NODATA, by NSEC and NSEC3 with opt-out. Anything else that
 * carries data in a secure zone is bogus. RFC 4035 s5, RFC 5155 s8, RFC 6840.
 */
void val_response_judge(struct val_ctx *ctx, const struct dns_msg *msg,
	const struct val_zone_keys *zone, uint32_t now, struct val_checks *checks, val_want_fn want,
	void *want_arg, struct val_response *out);

/**
 * Judge one RRset and nothing else of its response: is it signed by these keys?
 *
 * @param first  its first record
 * @param out    kind is VAL_KIND_ANSWER. An RRset that was expanded from a wildcard is bogus: the
 *               proof that belongs to it is not looked at
 *
 * The other parameters are val_response_judge()'s; the zone's status and life are not looked at.
 */
void val_rrset_judge(struct val_ctx *ctx, const struct dns_msg *msg, uint16_t first,
	const struct val_zone_keys *zone, uint32_t now, struct val_checks *checks, val_want_fn want,
	void *want_arg, struct val_response *out);
