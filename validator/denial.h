#pragma once

#include <stdint.h>

#include "dns/msg.h"
#include "validator/sig.h"
#include "validator/verdict.h"

/**
 * Denial proofs over NSEC and NSEC3 records whose signatures are already judged good. The caller hands
 * over the usable records; these functions only look at what they say.
 */

enum val_denial {
	VAL_DENIAL_PROVEN,        // the claim is proven
	VAL_DENIAL_OPTOUT,        // proven only up to an opt-out span: an unsigned delegation may exist (RFC 5155 s8.6)
	VAL_DENIAL_FAILED,        // not proven; *why says what is missing
	VAL_DENIAL_ITERATIONS,    // iterations above the limit: treat the zone as insecure (RFC 9276)
};

struct val_denial_set {
	const struct dns_msg *msg;
	const uint8_t *zone;      // lower-cased apex, the signer
	uint8_t nsec_count, nsec3_count;
	uint16_t nsec[VAL_NSEC3_PROOF_MAX];  // indexes into msg->rr[]
	uint16_t nsec3[VAL_NSEC3_PROOF_MAX];
};

/** NXDOMAIN: name and the wildcard at the closest encloser do not exist. RFC 4035 s5.4, RFC 5155 s8.4. */
enum val_denial val_denial_nxdomain(
	const struct val_denial_set *s, const uint8_t *qname, enum val_reason *why);
/** NODATA at qname for qtype, incl. wildcard no data, empty non-terminals and DS under opt-out. RFC 5155 s8.5-8.7. */
enum val_denial val_denial_nodata(
	const struct val_denial_set *s, const uint8_t *qname, uint16_t qtype, enum val_reason *why);
/** A referral's proof that the delegation has no DS: NS bit, no DS bit, no SOA bit; or opt-out. RFC 5155 s8.9. */
enum val_denial val_denial_no_ds(
	const struct val_denial_set *s, const uint8_t *delegation, enum val_reason *why);
/** Wildcard expansion: no closer name than qname's next closer exists. RFC 5155 s8.8, RFC 4035 s5.3.4. */
enum val_denial val_denial_wildcard(const struct val_denial_set *s, const uint8_t *qname,
	int wildcard_labels, enum val_reason *why);

/** NSEC3 hash (SHA-1), RFC 5155 s5. name lower-cased. @retval 0, -ENOTSUP (hash algorithm), -E2BIG iterations */
int val_nsec3_hash(const uint8_t *name, const struct dns_nsec3 *params, uint8_t out[20]);
