#pragma once

#include <stdint.h>

#include "dns/wire.h"

/** RFC 4033 s5. */
enum val_verdict {
	VAL_INDETERMINATE, // we have no chain to judge by: fail closed
	VAL_SECURE,
	VAL_INSECURE,
	VAL_BOGUS,
	VAL_PENDING, // signature checks are wanted before a verdict; not an RFC term
};

/**
 * Why. The name table, the RFC 8914 code and a sentence for each live in verdict.c; a static_assert
 * there keeps the tables as long as this list.
 */
enum val_reason {
	VAL_R_NONE,                // secure, nothing to say
	VAL_R_SIG_EXPIRED,         // EDE 7
	VAL_R_SIG_NOT_YET_VALID,   // EDE 8
	VAL_R_SIG_TIMES_REVERSED,  // EDE 6: expiration before inception
	VAL_R_SIG_CRYPTO,          // EDE 6: no key of the set verifies the signature
	VAL_R_SIG_MALFORMED,       // EDE 6
	VAL_R_SIG_LABELS,          // EDE 6: labels outside signer..owner (CVE-2026-44690)
	VAL_R_SIG_SIGNER,          // EDE 6: signer is not the zone, or not above the owner
	VAL_R_SIG_MISSING,         // EDE 10: an RRset of a secure zone came without RRSIG
	VAL_R_KEY_MISSING,         // EDE 9: RRSIG names a key tag/algorithm that the key set lacks
	VAL_R_KEY_NOT_ZONE,        // EDE 11
	VAL_R_KEY_REVOKED,         // EDE 6
	VAL_R_DNSKEY_NO_DS_MATCH,  // EDE 9: no DNSKEY matches the DS set or the anchor
	VAL_R_DENIAL_MISSING,      // EDE 12: no NSEC/NSEC3 where a proof must be
	VAL_R_DENIAL_INCOMPLETE,   // EDE 6: records are there but do not prove it
	VAL_R_DENIAL_CONTRADICTS,  // EDE 6: the bitmap has the type that is said not to exist
	VAL_R_NSEC3_PARAMS,        // EDE 6: parameters differ within a proof
	VAL_R_NSEC3_ITERATIONS,    // EDE 27 (insecure, RFC 9276 s3.2)
	VAL_R_ALG_UNSUPPORTED,     // EDE 1 (insecure)
	VAL_R_DIGEST_UNSUPPORTED,  // EDE 2 (insecure)
	VAL_R_UNSIGNED_DELEGATION, // insecure by proof: no DS
	VAL_R_UNSIGNED_ZONE,       // insecure: the zone's parent proved that it has no DS
	VAL_R_NEGATIVE_ANCHOR,     // insecure by the operator's word (RFC 7646)
	VAL_R_NO_CHAIN,            // indeterminate, EDE 5: keys not (or no longer) known
	VAL_R_BUDGET,              // bogus, EDE 0: a limit against hostile work was reached
	VAL_R_TOO_LARGE,           // bogus, EDE 0: RRset larger than we canonicalise
	VAL_R_MALFORMED,           // bogus, EDE 6: RDATA not well formed
	VAL_R_CHAIN_TRUNCATED,     // bogus, EDE 5: a DNSKEY or DS answer did not fit
	VAL_R_LAME,                // not a validation matter: answer without authority for the zone
	VAL_R_MAX,
};

/** "secure", ...; never NULL. */
const char *val_verdict_name(enum val_verdict v);
/** Short stable name for JSON and metrics, as "sig_expired"; never NULL. */
const char *val_reason_name(enum val_reason r);
/** RFC 8914 code or DNS_EDE_NONE. */
int val_reason_ede(enum val_reason r);
/** One sentence without a final dot, for people. */
const char *val_reason_text(enum val_reason r);

/** What the verdict rests on; plain data, safe to copy. */
struct val_result {
	enum val_verdict verdict;
	enum val_reason reason;
	// the signature that decided (bogus: the one that failed), zero when none did
	uint16_t type_covered;
	uint16_t key_tag;
	uint8_t algorithm;
	uint32_t inception, expiration;
	// over all signatures that the verdict used, judged good; zero when none
	uint32_t newest_inception;
	uint32_t nearest_expiration;
	uint16_t nearest_type; // type covered by the nearest expiration
};
