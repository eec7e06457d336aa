#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "dns/msg.h"
#include "dns/name.h"
#include "validator/denial.h"
#include "validator/keys.h"

/**
 * A small signer and message builder for tests only: P-256 keys made at test time, messages written
 * octet by octet without the code under test where that is possible. Failing inside is a broken
 * test: it aborts.
 */

struct kit_key {
	EVP_PKEY *pkey;
	uint16_t rdata_len;
	uint16_t tag;
	uint8_t rdata[VAL_KEY_MAX];
};

void kit_key_new(struct kit_key *k, uint16_t flags);
void kit_key_free(struct kit_key *k);
/** A SECURE zone with these keys, valid for a day from now. */
void kit_zone_keys(struct val_zone_keys *out, const char *zone, const struct kit_key *const *keys,
	int count, uint32_t now);

/** How to sign an RRset. */
struct kit_sign {
	const struct kit_key *key; // NULL: leave unsigned
	const char *signer;
	int labels;           // -1: the owner's
	const char *wildcard; // sign as this owner: the RRset is its expansion; NULL: the owner
	uint32_t original_ttl;
	uint32_t inception, expiration;
	bool flip;        // one bit of the signature
	uint16_t tag_xor; // into the key tag
};

/** What is done to one RRset of a message, to see it noticed. */
enum kit_harm {
	KIT_NONE,
	KIT_DROP,      // leave out the records and their signatures
	KIT_STRIP,     // leave out the signatures
	KIT_FLIP,      // one bit of the signature
	KIT_DATA,      // one bit of the first record's RDATA, after signing
	KIT_EXPIRED,   // signed, but over: a second before the judge's now
	KIT_EARLY,     // inception a second after now
	KIT_REVERSED,  // expiration before inception
	KIT_SIGNER,    // signer is the root
	KIT_LABELS_HI, // one label more than the owner has
	KIT_LABELS_LO, // fewer labels than the signer
	KIT_TAG,       // names a key that is not there
	KIT_HARMS,
};
const char *kit_harm_name(enum kit_harm h);

struct kit_msg {
	uint8_t buf[16384];
	size_t len;
	uint16_t counts[4];
	int sets;              // RRsets written or dropped so far
	uint64_t signed_set;   // bit i: RRset i is signed
	uint64_t optional_set; // bit i: nothing rests on it, by kit_optional()
	enum kit_harm harm;    // done to RRset harm_at
	int harm_at;
	uint32_t now;                // for KIT_EXPIRED and KIT_EARLY
	const struct kit_sign *sign; // for kit_rrset() when it gets none
};

/** The next RRset may be dropped without a change of the verdict. */
void kit_optional(struct kit_msg *m);
void kit_init(struct kit_msg *m, const char *qname, uint16_t qtype, uint16_t flags);
void kit_rr(struct kit_msg *m, enum dns_section s, const char *owner, uint16_t type, uint32_t ttl,
	const uint8_t *rdata, size_t len);

struct kit_rdata {
	uint8_t octets[600];
	size_t len;
};
struct kit_rdata kit_a(uint32_t addr);
struct kit_rdata kit_name(const char *name); // NS, CNAME, DNAME
struct kit_rdata kit_soa(const char *zone);
struct kit_rdata kit_ds(const struct kit_key *k, const char *owner);

enum { KIT_RRSET_MAX = 17 }; // records in one RRset that is signed

/** An RRset and its RRSIG, records in the order given. sign NULL: m->sign; sign->key NULL:
 * unsigned. */
void kit_rrset(struct kit_msg *m, enum dns_section s, const char *owner, uint16_t type,
	uint32_t ttl, const struct kit_rdata *rd, int count, const struct kit_sign *sign);

/** Write an RRSIG over an RRset that is (or is not) in the message. */
void kit_rrsig(struct kit_msg *m, enum dns_section s, const char *owner, uint16_t type,
	uint32_t ttl, const struct kit_rdata *rd, int count, const struct kit_sign *sign);

/** An exact-size heap copy, header counts filled in. Free it. */
uint8_t *kit_finish(struct kit_msg *m, size_t *len);

/** The names of a zone for NSEC or NSEC3 records. */
enum { KIT_NAMES = 32 };
struct kit_item {
	const char *name;
	const char *types; // "A NS": mnemonics with blanks; "" an empty non-terminal (NSEC3 only)
	uint8_t hash[20];
};
struct kit_chain {
	const char *zone;
	bool nsec3;
	uint8_t flags;
	uint16_t iterations;
	uint8_t salt[8];
	uint8_t salt_len;
	uint8_t hash_alg;
	int count;
	struct {
		const char *name;
		const char *types; // "A NS": mnemonics with blanks; "" an empty non-terminal (NSEC3
				   // only)
		uint8_t hash[20];
	} item[KIT_NAMES];
	bool written[KIT_NAMES];
};
/** Hash and sort; names without types are left out of an NSEC chain. */
void kit_chain_init(struct kit_chain *c, const char *zone, bool nsec3, uint8_t flags,
	const char *const (*names)[2], int count);
/** Write the record that matches a name; each record at most once a message. */
void kit_match(
	struct kit_msg *m, struct kit_chain *c, const char *name, const struct kit_sign *sign);
/** Write the record that covers a name. */
void kit_cover(
	struct kit_msg *m, struct kit_chain *c, const char *name, const struct kit_sign *sign);
/** "=name ~name": match and cover, in this order. */
void kit_proof(
	struct kit_msg *m, struct kit_chain *c, const char *spec, const struct kit_sign *sign);

/** Wire form of a text name in the caller's storage; returns its octets. */
const uint8_t *kit_wire(const char *text, struct dns_name *n);
