#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/msg.h"

/** RRSIG RDATA, RFC 4034 s3.1. Times are RFC 1982 serial numbers of seconds. */
struct dns_rrsig {
	uint16_t type_covered;
	uint8_t algorithm;
	uint8_t labels;
	uint32_t original_ttl_s;
	uint32_t expiration;
	uint32_t inception;
	uint16_t key_tag;
	const uint8_t *signer; // uncompressed, in the message
	uint8_t signer_len;
	const uint8_t *signature; // in the message
	uint16_t signature_len;
};
enum { DNS_RRSIG_FIXED_LEN = 18 };

/** DNSKEY RDATA, RFC 4034 s2.1. */
struct dns_dnskey {
	uint16_t flags;
	uint8_t protocol;
	uint8_t algorithm;
	const uint8_t *key;
	uint16_t key_len;
};
enum {
	DNS_DNSKEY_FLAG_ZONE = 0x0100,
	DNS_DNSKEY_FLAG_REVOKE = 0x0080,
	DNS_DNSKEY_FLAG_SEP = 0x0001
};

/** DS RDATA, RFC 4034 s5.1. */
struct dns_ds {
	uint16_t key_tag;
	uint8_t algorithm;
	uint8_t digest_type;
	const uint8_t *digest;
	uint16_t digest_len;
};

/** NSEC3 RDATA, RFC 5155 s3.2. */
struct dns_nsec3 {
	uint8_t hash_alg;
	uint8_t flags;
	uint16_t iterations;
	const uint8_t *salt;
	uint8_t salt_len;
	const uint8_t *next_hash;
	uint8_t next_len;
	const uint8_t *bitmap;
	uint16_t bitmap_len;
};
enum { DNS_NSEC3_FLAG_OPTOUT = 0x01 };

/** NSEC RDATA, RFC 4034 s4.1. */
struct dns_nsec {
	const uint8_t *next; // uncompressed
	uint8_t next_len;
	const uint8_t *bitmap;
	uint16_t bitmap_len;
};

/**
 * Each reader: 0, or -EBADMSG when RDATA is not well formed (type bitmaps included, an empty key,
 * digest or signature too). out points into rdata; it is scratch on error.
 */
int dns_rrsig_read(const uint8_t *rdata, size_t len, struct dns_rrsig *out);
int dns_dnskey_read(const uint8_t *rdata, size_t len, struct dns_dnskey *out);
int dns_ds_read(const uint8_t *rdata, size_t len, struct dns_ds *out);
int dns_nsec3_read(const uint8_t *rdata, size_t len, struct dns_nsec3 *out);
int dns_nsec_read(const uint8_t *rdata, size_t len, struct dns_nsec *out);

/** SOA's serial; the two names may be compressed. @retval 0, -EBADMSG */
int dns_soa_serial(const struct dns_msg *msg, const struct dns_rr *rr, uint32_t *serial);
/** And its MINIMUM, the most seconds that a denial is believed: RFC 2308 s4. Same errors. */
int dns_soa_minimum(const struct dns_msg *msg, const struct dns_rr *rr, uint32_t *minimum_s);

/** Is type in a well-formed type bitmap? RFC 4034 s4.1.2. */
bool dns_bitmap_has(const uint8_t *bitmap, size_t len, uint16_t type);

/** Key tag, RFC 4034 appendix B (algorithm 1 not treated apart). */
uint16_t dns_key_tag(const uint8_t *dnskey_rdata, size_t len);

/**
 * Where names stand in a type's RDATA: one row of the table that the writer (which names may be
 * compressed, RFC 3597 s4) and the canonical form (which are lower-cased, RFC 4034 s6.2 with
 * RFC 6840 s5.1) both use.
 */
struct dns_rdata_names {
	uint16_t type;
	uint8_t skip;      // fixed octets before the first name
	uint8_t strings;   // character-strings after `skip` and before the first name (NAPTR: 3)
	uint8_t names;     // consecutive names
	uint8_t tail;      // octets after the last name, or DNS_RDATA_TAIL_ANY
	bool compressible; // a sender may compress them, a receiver must expand: RFC 1035 types
	bool lower;        // lower-cased in canonical form
};

enum { DNS_RDATA_NAMES_MAX = 2, DNS_RDATA_TAIL_ANY = 255 };

/** Row for a type, or NULL when its RDATA is opaque (no name that matters). */
const struct dns_rdata_names *dns_rdata_names(uint16_t type);

/** RDATA cut at its names. head and tail point into the message, names are expanded. */
struct dns_rdata_parts {
	const struct dns_rdata_names *row; // NULL: opaque, everything is in the tail
	const uint8_t *head, *tail;
	uint16_t head_len, tail_len;
	uint8_t names;
	struct dns_name name[DNS_RDATA_NAMES_MAX]; // letter case kept
};

/**
 * Cut a record's RDATA at its names. A name ends with the RDATA, its pointers may go anywhere
 * before.
 * @retval 0, -EBADMSG as dns_rdata_canonical(); out is scratch on error
 */
int dns_rdata_split(
	const struct dns_msg *msg, const struct dns_rr *rr, struct dns_rdata_parts *out);

/**
 * Write a record's RDATA with every name expanded, in canonical letter case where `lower` says so.
 * Rows with names are expanded even if not compressible (receivers must cope, RFC 3597 s4).
 *
 * @param out, size  destination
 * @return octets written; -EBADMSG malformed RDATA (names, or octets left over where the type's
 *         length is determined by its names), -ENOSPC
 */
int dns_rdata_canonical(
	const struct dns_msg *msg, const struct dns_rr *rr, uint8_t *out, size_t size);
