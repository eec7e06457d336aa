#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/msg.h"
#include "validator/keys.h"
#include "validator/verdict.h"

/**
 * The chains of trust that a capture holds. First every response is shown to it, then the chains
 * are built once, from the anchors down, then it says what is known of a zone. Times are those of
 * the packets, unless one moment is given for all. Memory is bounded; what was not taken is
 * counted.
 */

/** Limits on what a capture can make us keep. */
enum {
	CTL_CHAIN_ZONES_MAX = 100000,
	CTL_CHAIN_EVIDENCE_MAX = 64,     // different DNSKEY, and DS, answers of one zone
	CTL_CHAIN_OCTETS_MAX = 64 << 20, // of all answers kept
};

struct ctl_chain;

/**
 * @param anchors  copied
 * @param at       seconds since the epoch: judge everything as of then; 0: as of each packet
 * @param sha1     let chains rest on algorithms 5 and 7
 * @retval 0, -ENOMEM, -ENOTSUP (OpenSSL's configuration)
 */
int ctl_chain_new(const struct val_anchors *anchors, int64_t at, bool sha1, struct ctl_chain **out);
/** NULL is allowed. */
void ctl_chain_free(struct ctl_chain *c);

/** Keep what a response says of zones' keys and delegations, if anything. */
void ctl_chain_note(struct ctl_chain *c, const struct dns_msg *msg, int64_t time_us);

/** Build the chains; call once, after the last note. */
void ctl_chain_build(struct ctl_chain *c);

/** What is known of a zone, or of the closest one above it of which anything is known. */
struct ctl_chain_place {
	enum {
		CTL_CHAIN_SECURE,
		CTL_CHAIN_INSECURE,
		CTL_CHAIN_BOGUS,
		CTL_CHAIN_MISSING,   // something is not in the capture
		CTL_CHAIN_NO_ANCHOR, // nothing to begin from
	} state;
	// SECURE, INSECURE, BOGUS: the zone itself, or the one above it that decides;
	// MISSING: whose record is missing. NO_ANCHOR: NULL. Lower-cased, the chain's.
	const uint8_t *zone;
	uint16_t missing;                 // MISSING: DNS_TYPE_DS, DNS_TYPE_DNSKEY
	bool inside;                      // SECURE: the name asked about is provably no zone
	bool over;                        // MISSING: it is there, but its signature has expired
	struct val_result result;         // BOGUS, INSECURE: why; MISSING: why what is there failed
	const struct val_zone_keys *keys; // SECURE; valid until the next call
};

/**
 * @param zone  wire name, lower-cased
 * @param exact a SECURE zone above it is MISSING's case: no DS of `zone`. Else it is the answer
 */
void ctl_chain_find(struct ctl_chain *c, const uint8_t *zone, int64_t time_us, bool exact,
	struct ctl_chain_place *out);

/** Zones with keys, and answers that were not kept for lack of room. After the building. */
struct ctl_chain_stats {
	size_t zones, secure;
	uint64_t dropped;
};
void ctl_chain_get_stats(const struct ctl_chain *c, struct ctl_chain_stats *out);

/** What the chains begin from. */
const struct val_anchors *ctl_chain_anchors(const struct ctl_chain *c);

/** The verifier of the chains, for whoever judges with their keys. */
struct val_verifier *ctl_chain_verifier(struct ctl_chain *c);

/**
 * The delegation that a referral of the message names: owner of the NS records, at or above the
 * question, lower-cased. @return false when it is no referral
 */
bool ctl_inspect_referral(const struct dns_msg *msg, struct dns_name *cut);
