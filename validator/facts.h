#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/hash.h"
#include "dns/name.h"
#include "validator/keys.h"
#include "validator/verdict.h"

/**
 * What has been found out about names on the way down from a trust anchor, each for as long as it
 * holds: a table of fixed size that forgets. One thread, no sharing. The essay is in facts.c.
 */

enum val_fact_kind {
	VAL_FACT_NONE,
	VAL_FACT_KEYS,     // a secure zone: its keys
	VAL_FACT_DS,       // a secure delegation: its DS records; the zone's keys are not known yet
	VAL_FACT_INSECURE, // an unsigned delegation, or one that counts as such: so is all below it
	VAL_FACT_INSIDE,   // no delegation: the name belongs to the zone above it
	VAL_FACT_LEAF,     // the same, and there is no delegation below it either
	VAL_FACT_FAILED,   // the chain breaks here
};

struct val_fact {
	uint8_t kind;        // enum val_fact_kind
	uint8_t zone_labels; // INSIDE, LEAF: labels of the zone that the name belongs to
	uint8_t depth;       // KEYS, DS: zones between it and the trust anchor
	uint8_t why;         // INSECURE, FAILED: enum val_reason
	uint32_t until;      // seconds since the epoch, modulo 2^32
	// KEYS: its keys. DS: status UNKNOWN, DS RDATA in place of keys. Else NULL.
	const struct val_zone_keys *set;
};

enum { VAL_FACT_RENEW_S = 10 }; // from a fact, or an attempt to renew it, to the next attempt

struct val_facts;

/**
 * @param names  facts held; rounded up to a power of two
 * @param sets   of these, how many with keys or DS records (17 KB each, touched when first used)
 * @param numa   node for the memory, -1 for any (libnuma)
 * @param key    random per start: names are chosen by strangers
 * @retval 0, -ENOMEM, -EINVAL (zero of something)
 */
int val_facts_new(size_t names, size_t sets, int numa, const struct dns_hash_key *key,
	struct val_facts **out);
/** NULL is allowed. */
void val_facts_free(struct val_facts *f);

/**
 * Keys, if they are known; else what is known of the delegation.
 *
 * @param name  lower-cased, uncompressed
 * @param out   out->set is valid until the next val_facts_put()
 * @return false when nothing is known that still holds at `now`
 *
 * O(1), allocates nothing.
 */
bool val_facts_get(struct val_facts *f, const uint8_t *name, uint32_t now, struct val_fact *out);

/** The same, but never keys: what they are to rest on. */
bool val_facts_get_delegation(
	struct val_facts *f, const uint8_t *name, uint32_t now, struct val_fact *out);

/**
 * Note a fact in place of what was known of the name. DS records alone leave keys where they are,
 * until new keys come in their place: they are on the way to these. Only a failure gives way to
 * what still holds at `now`, DS records excepted: without keys they are no end. Something else may
 * be forgotten for it. fact->set is copied.
 */
void val_facts_put(struct val_facts *f, const struct dns_name *name, const struct val_fact *fact,
	uint32_t now);

/**
 * A zone whose keys, or lack of them, are in use and near their end: looked up in the last tenth of
 * their time, since the last call.
 * @return false: none
 */
bool val_facts_due(struct val_facts *f, uint32_t now, struct dns_name *zone);
/**
 * May this zone's keys, or lack of them, be asked for anew? Once in VAL_FACT_RENEW_S, whoever wants
 * it. O(1).
 */
bool val_facts_claim(struct val_facts *f, const uint8_t *zone, uint32_t now);

/** Forget everything: what the facts rest on has changed. O(1). */
void val_facts_clear(struct val_facts *f);
