#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "validator/chain.h"
#include "validator/denial.h"
#include "validator/response.h"

/** Limits of one judgement beside those of sig.h. */
enum {
	VAL_CHAIN_MAX = 16,     // CNAME and DNAME steps followed
	VAL_EXPANSIONS_MAX = 8, // wildcard-expanded RRsets, one proof each
};

/** What an RRset is to its response, and so what must hold for it. */
enum val_role {
	VAL_ROLE_SIGNED, // the zone's own data: must be signed by the zone's keys
	VAL_ROLE_CUT, // NS of a delegation: not signed (RFC 4035 s2.2), good only as the referral's
	VAL_ROLE_INSECURE, // below an unsigned delegation, or a negative trust anchor
	VAL_ROLE_SYNTH,    // CNAME made from a DNAME: not signed, must follow from it (RFC 6672
			   // s5.3.1)
	VAL_ROLE_STRAY,    // a resolver's addition, see is_stray(): nothing rests on it
};

/** An RRset in its response. */
struct val_set_ref {
	const struct val_rrset *set;      // in the context's scratch
	const struct val_zone_keys *zone; // whose keys must have signed it
	uint8_t role;                     // enum val_role
	bool unknown;                     // nobody knows yet whether a signature of it is good:
	uint8_t unknown_sig;              // this one of the RRset's,
	uint8_t unknown_key;              // with this one of the keys of its tag
	bool expanded;                    // from a wildcard, set by val_judge_crypto()
	uint8_t labels;                   // of the signature that was good
	struct val_set_ref *dname;        // VAL_ROLE_SYNTH: what it was made from
	const struct val_key
		*first_key;         // NULL, or the first signature fits in all but cryptography:
	struct dns_rrsig first_sig; // it, and the first key that it may be of
};

/** One call of val_response_judge(). */
struct val_judge {
	struct val_ctx *ctx;
	const struct dns_msg *msg;
	const struct val_zone_keys *zone;
	uint32_t now;
	struct val_checks *checks;
	val_want_fn want;
	void *want_arg;
	struct val_response *out;
	bool of_resolver; // not the word of a zone's own server: no referral, and may have strays
	bool negative;    // the answer ends at or below a negative trust anchor: no proof is needed
	const struct val_trust *trust; // NULL: everything is `zone`'s; else each RRset has its own
	struct val_chain_step *need;   // with trust: what has to be asked
	struct dns_name qname;         // lower-cased
	uint32_t blocks;               // of SHA-1 that proofs may still cost
	uint8_t set_count;
	struct val_set_ref ref[VAL_RRSETS_MAX];
};

/** Fill j for one call: no RRsets yet. zone, now and out are the caller's to set. */
void val_judge_init(struct val_judge *j, struct val_ctx *ctx, const struct dns_msg *msg,
	struct val_checks *checks, val_want_fn want, void *want_arg);
/** Nothing is known yet: no verdict, no reason, the question's name lower-cased. */
void val_judge_begin(struct val_judge *j);
/** What val_response_judge() does, of a j that has been filled. */
void val_judge_whole(struct val_judge *j);
/** Secure, and without a cap on any TTL, until something is found. */
void val_judge_secure(struct val_judge *j);

/** Bogus, no signature to name. Later calls do not change an earlier reason. */
void val_judge_bogus(struct val_judge *j, enum val_reason r);
/** Insecure, unless it is bogus or insecure already. */
void val_judge_insecure(struct val_judge *j, enum val_reason r);

/**
 * Structure: find the RRsets of answer and authority, their roles, and for each signed one whether
 * some signature could be good as far as no key is asked. Writes j->ref. @return false when it is
 * bogus.
 */
bool val_judge_structure(struct val_judge *j);
/** The same for one RRset alone, the one with this first record; it must be signed. */
bool val_judge_one(struct val_judge *j, uint16_t first);
/**
 * Cryptography: every signed RRset against cache, checks and want. @return false when bogus. May
 * be PENDING.
 */
bool val_judge_crypto(struct val_judge *j);
/** With every signature good: follow the chain, demand the proofs. */
void val_judge_claims(struct val_judge *j);

enum val_judge_end {
	VAL_END_FOUND,  // at data of the wanted type
	VAL_END_STOP,   // at a name of which the answer section has nothing
	VAL_END_OUT,    // at a name outside the zone
	VAL_END_BROKEN, // a loop, too many steps, or a target that is no name
};
/** Follow the answer section from the question. A loop is a chain that never ends. */
enum val_judge_end val_judge_follow(struct val_judge *j, struct dns_name *at);
/** The NSEC and NSEC3 records of a zone in the authority section. @return false when bogus */
bool val_judge_gather(
	struct val_judge *j, const struct val_zone_keys *zone, struct val_denial_set *proof);
/** Fold a proof's outcome into the verdict. */
void val_judge_proof(struct val_judge *j, enum val_denial got, enum val_reason why);

/**
 * With trust: to which zone does a signed or unsigned RRset belong? Sets ref->zone, or ref->role to
 * VAL_ROLE_INSECURE. @return false when that is bogus, indeterminate, or to be asked
 */
bool val_judge_place(struct val_judge *j, struct val_set_ref *ref);
/** With trust: what val_judge_claims() does once the answer section has been followed. */
void val_judge_last(struct val_judge *j, enum val_judge_end end, const struct dns_name *at);

/**
 * May some signature of this RRset be good? VAL_R_NONE; else bogus, with the reason of the one
 * that came furthest.
 */
enum val_reason val_set_precheck(struct val_judge *j, struct val_set_ref *ref);

/**
 * The delegation that `name` is referred to: owner of an NS RRset in the authority section,
 * strictly below the zone, at or above name (strictly above for DS, which the parent itself
 * answers). @return false when there is none
 */
bool val_judge_cut(const struct val_judge *j, const uint8_t *name, struct dns_name *cut);

/**
 * The one name that is a record's whole RDATA, lower-cased. @return false when it is not well
 * formed
 */
bool val_rr_target(const struct dns_msg *msg, const struct dns_rr *rr, struct dns_name *out);

/** RRset with this owner and type in the answer section, or NULL. */
struct val_set_ref *val_judge_find(struct val_judge *j, const uint8_t *owner, uint16_t type);

/**
 * What a DNAME makes of a name below its owner, RFC 6672 s2.2. @return false when it does not fit
 * a name
 */
bool val_dname_apply(
	const uint8_t *name, const uint8_t *owner, const uint8_t *target, struct dns_name *out);

/** A DNAME RRset in the answer section whose owner is a proper ancestor of name, or NULL. */
struct val_set_ref *val_judge_dname(struct val_judge *j, const uint8_t *name);
