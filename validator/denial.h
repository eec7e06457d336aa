#pragma once

#include <stdint.h>

#include "dns/msg.h"
#include "dns/rdata.h"
#include "validator/sig.h"
#include "validator/verdict.h"

/**
 * Denial proofs over NSEC and NSEC3 records whose signatures are already judged good. The caller
 * hands over the usable records; these functions only look at what they say.
 *
 * Records that were expanded from a wildcard must not be handed over (RFC 4035 s5.4 wants the NSEC
 * of the name itself). Names may have any letter case. Pure, any thread, no allocation.
 */

enum val_denial {
	VAL_DENIAL_PROVEN, // the claim is proven
	VAL_DENIAL_OPTOUT, // proven only up to an opt-out span: an unsigned delegation may exist
			   // (RFC 5155 s8.6)
	VAL_DENIAL_FAILED, // not proven; *why says what is missing
	VAL_DENIAL_ITERATIONS, // iterations above the limit: treat the zone as insecure (RFC 9276)
};

enum {
	// SHA-1 blocks hashed in one proof: about 0.1 ms. A name of 127 labels without iterations
	// needs 400, forty names at 50 iterations need 2040 (CVE-2023-50868).
	VAL_NSEC3_BLOCKS_MAX = 2048,
	VAL_NSEC3_HASH_LEN = 20,
	VAL_NSEC3_HASH_SHA1 = 1, // RFC 5155 s11
};

struct val_denial_set {
	const struct dns_msg *msg;
	const uint8_t *zone; // lower-cased apex, the signer
	uint8_t nsec_count, nsec3_count;
	uint16_t nsec[VAL_NSEC3_PROOF_MAX]; // indexes into msg->rr[]
	uint16_t nsec3[VAL_NSEC3_PROOF_MAX];
	uint32_t *blocks; // left for this proof and those after it; NULL: VAL_NSEC3_BLOCKS_MAX each
};

/**
 * Add record msg->rr[rr] of type NSEC or NSEC3; other types are not added.
 * @retval 0, -E2BIG the set holds VAL_NSEC3_PROOF_MAX of that type already
 */
int val_denial_add(struct val_denial_set *s, uint16_t rr);

/**
 * NXDOMAIN: name and the wildcard at the closest encloser do not exist. RFC 4035 s5.4, RFC 5155
 * s8.4.
 *
 * For this and the claims below *why is set always: VAL_R_NONE (PROVEN), VAL_R_UNSIGNED_DELEGATION
 * (OPTOUT), VAL_R_NSEC3_ITERATIONS (ITERATIONS); FAILED with VAL_R_DENIAL_MISSING (empty set),
 * _INCOMPLETE, _CONTRADICTS (the records show that the name or type exists), VAL_R_NSEC3_PARAMS or
 * VAL_R_BUDGET.
 */
enum val_denial val_denial_nxdomain(
	const struct val_denial_set *s, const uint8_t *qname, enum val_reason *why);
/**
 * NODATA at qname for qtype, incl. wildcard no data, empty non-terminals and DS under opt-out. RFC
 * 5155 s8.5-8.7.
 */
enum val_denial val_denial_nodata(
	const struct val_denial_set *s, const uint8_t *qname, uint16_t qtype, enum val_reason *why);
/**
 * A referral's proof that the delegation has no DS: NS bit, no DS bit, no SOA bit; or opt-out. RFC
 * 5155 s8.9.
 */
enum val_denial val_denial_no_ds(
	const struct val_denial_set *s, const uint8_t *delegation, enum val_reason *why);
/**
 * Wildcard expansion: no closer name than qname's next closer exists. RFC 5155 s8.8, RFC 4035
 * s5.3.4.
 * @param wildcard_labels  the RRSIG's labels field: labels of the closest encloser
 */
enum val_denial val_denial_wildcard(const struct val_denial_set *s, const uint8_t *qname,
	int wildcard_labels, enum val_reason *why);

/**
 * NSEC3 hash (SHA-1), RFC 5155 s5. name lower-cased.
 * @retval 0, -ENOTSUP (hash algorithm), -E2BIG iterations above VAL_NSEC3_ITERATIONS_MAX
 */
int val_nsec3_hash(const uint8_t *name, const struct dns_nsec3 *params, uint8_t out[20]);
