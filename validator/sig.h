#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/hash.h"
#include "dns/msg.h"
#include "dns/rdata.h"
#include "validator/verdict.h"

/** Limits on work that one message can cause. Tested at n and n + 1. */
enum {
	VAL_RRSET_RRS_MAX = 64,       // records in one RRset we canonicalise
	VAL_SIGNED_DATA_MAX = 8192,   // octets of signed data (RFC 4034 s3.1.8.1)
	VAL_VERIFY_RRSET_MAX = 8,     // verifications per RRset: CVE-2023-50387
	VAL_VERIFY_RESPONSE_MAX = 16, // verifications per response: CVE-2023-50387
	VAL_KEYS_SAME_TAG_MAX = 2,    // keys of one tag tried: CVE-2023-50387
	VAL_FAILED_SAME_TAG_MAX = 1, // failures before a tag is given up, in an RRset: the same CVE
	VAL_KEY_MAX = 1028,          // DNSKEY RDATA octets (RSA-4096 with a long exponent)
	VAL_SIG_MAX = 512,           // signature octets
	VAL_NSEC3_ITERATIONS_MAX = 50, // RFC 9276 s3.2, CVE-2023-50868
	VAL_NSEC3_PROOF_MAX = 8,       // NSEC3 records looked at per proof: CVE-2023-50868
	VAL_DS_MAX = 8,                // DS records of a zone; a larger set is refused whole
};

/** DNSSEC algorithm numbers that we know. The others are nobody's business. */
enum val_alg {
	VAL_ALG_RSASHA1 = 5,
	VAL_ALG_RSASHA1_NSEC3 = 7,
	VAL_ALG_RSASHA256 = 8,  // RFC 5702
	VAL_ALG_RSASHA512 = 10, // RFC 5702
	VAL_ALG_P256 = 13,      // RFC 6605
	VAL_ALG_P384 = 14,      // RFC 6605
	VAL_ALG_ED25519 = 15,   // RFC 8080
	VAL_ALG_ED448 = 16,     // RFC 8080
};

/** One RRset of a parsed message: indexes into msg->rr[], and its RRSIGs. */
struct val_rrset {
	uint16_t type, class_;
	uint8_t section;
	uint8_t rr_count;
	uint8_t sig_count;
	bool overflow; // more records or signatures than we hold: judged bogus, VAL_R_TOO_LARGE
	uint16_t rr[VAL_RRSET_RRS_MAX];
	uint16_t sig[VAL_VERIFY_RRSET_MAX];
	struct dns_name owner; // lower-cased
};

/**
 * Collect the RRset with first record msg->rr[first] (same section, owner, type, class) and the
 * RRSIGs in that section that cover it. Bounded by DNS_MSG_RR_MAX steps.
 */
void val_rrset_collect(const struct dns_msg *msg, uint16_t first, struct val_rrset *out);

/**
 * First record of the answer section's RRset of this type and class IN at a name, or -1. Bounded by
 * DNS_MSG_RR_MAX steps.
 */
int val_rrset_find(const struct dns_msg *msg, const uint8_t *owner, uint16_t type);

/**
 * Is an algorithm one we verify? 8, 10, 13, 14, 15, 16; 5 and 7 only when sha1 is set (RFC 9905).
 */
bool val_alg_supported(uint8_t algorithm, bool sha1);

/**
 * Write the signed data of RFC 4034 s3.1.8.1: RRSIG RDATA without the signature (signer
 * lower-cased), then the RRset in canonical form and order (RFC 4034 s6), duplicates removed, the
 * owner replaced by "*" + the rightmost `labels` labels when sig->labels is smaller (RFC 4035
 * s5.3.2), TTL = original TTL.
 *
 * @return octets; -ENOSPC (VAL_SIGNED_DATA_MAX), -EBADMSG malformed RDATA
 */
int val_signed_data(const struct dns_msg *msg, const struct val_rrset *set,
	const struct dns_rrsig *sig, const uint8_t *sig_rdata, uint8_t *out, size_t size);

/** Tolerance at both ends of a signature's life, seconds; both zero by default (strict). */
struct val_skew {
	uint32_t inception_s, expiration_s;
};

/**
 * Checks that need no key: labels, signer above owner, type covered, times. Order of the reasons
 * is fixed: structure before time.
 *
 * @param now   seconds since the epoch, taken modulo 2^32
 * @param zone  lower-cased apex that must be the signer
 * @return VAL_R_NONE or the first reason that fails
 */
enum val_reason val_sig_precheck(const struct val_rrset *set, const struct dns_rrsig *sig,
	const uint8_t *zone, uint32_t now, const struct val_skew *skew);

/** Verifies with OpenSSL; owns reusable EVP contexts and a small cache of parsed keys. One thread.
 */
struct val_verifier;
/** @retval 0, -ENOMEM, -ENOTSUP (OpenSSL lacks a digest: its configuration) */
int val_verifier_new(struct val_verifier **out);
/** NULL is allowed. */
void val_verifier_free(struct val_verifier *v);
/**
 * Whether chains and responses that this verifier judges may rest on algorithms 5 and 7; false when
 * new (RFC 9905). val_verify() itself does them always: the caller has decided.
 */
void val_verifier_set_sha1(struct val_verifier *v, bool sha1);
bool val_verifier_sha1(const struct val_verifier *v);

/**
 * Verify one signature over `data`. Flags and protocol of the key are not looked at.
 *
 * @param dnskey  DNSKEY RDATA; RSA only with moduli of 512 (algorithm 10: 1024) to 4096 bits and
 *                odd exponents of 2 to 64 bits, so that a verification's cost has a bound
 * @param sig     of any length; ECDSA as RFC 6605 s4 has it
 * @retval 1 good, 0 bad (also malformed key or signature), -ENOTSUP algorithm
 */
int val_verify(struct val_verifier *v, const uint8_t *dnskey, size_t dnskey_len,
	const uint8_t *data, size_t data_len, const uint8_t *sig, size_t sig_len);
