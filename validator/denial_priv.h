#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dns/name.h"
#include "validator/denial.h"

/** What is to be proven; name is lower-cased and at or below the zone. */
struct val_claim {
	const uint8_t *name;
	uint16_t qtype;      // nodata only
	int wildcard_labels; // wildcard only
};

/** One way to prove one claim; *why as val_denial_nxdomain() says. */
typedef enum val_denial (*val_prove_fn)(
	const struct val_denial_set *s, const struct val_claim *c, enum val_reason *why);

/**
 * The claims of denial.h, proven by the set's NSEC records alone. c->name is lower-cased and at or
 * below s->zone. *why is set always.
 *
 * nxdomain   one record covers the name, one the wildcard at its closest encloser (RFC 4035 s5.4)
 * nodata     the record of the name, or of the wildcard that matches it, lacks c->qtype; or the
 *            name is an empty non-terminal (RFC 4035 s3.1.3.1, s3.1.3.4)
 * no_ds      the record of the delegation has NS, and neither DS nor SOA (RFC 6840 s4.4)
 * wildcard   the name is covered and c->wildcard_labels is its closest encloser's (RFC 4035 s5.3.4)
 *
 * @return VAL_DENIAL_PROVEN or _FAILED. O(records).
 */
enum val_denial val_nsec_nxdomain(
	const struct val_denial_set *s, const struct val_claim *c, enum val_reason *why);
enum val_denial val_nsec_nodata(
	const struct val_denial_set *s, const struct val_claim *c, enum val_reason *why);
enum val_denial val_nsec_no_ds(
	const struct val_denial_set *s, const struct val_claim *c, enum val_reason *why);
enum val_denial val_nsec_wildcard(
	const struct val_denial_set *s, const struct val_claim *c, enum val_reason *why);

/**
 * The same claims by the set's NSEC3 records: RFC 5155 s8.4 (nxdomain), s8.5 to s8.7 (nodata), s8.9
 * (no_ds), s8.8 (wildcard). c->name and *why as above.
 *
 * @return also VAL_DENIAL_OPTOUT, and VAL_DENIAL_ITERATIONS above VAL_NSEC3_ITERATIONS_MAX.
 *         At most VAL_NSEC3_BLOCKS_MAX blocks of SHA-1, then FAILED with VAL_R_BUDGET.
 */
enum val_denial val_nsec3_nxdomain(
	const struct val_denial_set *s, const struct val_claim *c, enum val_reason *why);
enum val_denial val_nsec3_nodata(
	const struct val_denial_set *s, const struct val_claim *c, enum val_reason *why);
enum val_denial val_nsec3_no_ds(
	const struct val_denial_set *s, const struct val_claim *c, enum val_reason *why);
enum val_denial val_nsec3_wildcard(
	const struct val_denial_set *s, const struct val_claim *c, enum val_reason *why);

/** A type bitmap as NSEC and NSEC3 both have it; well formed. */
struct val_bitmap {
	const uint8_t *octets;
	uint16_t len;
};

static inline bool val_bitmap_has(const struct val_bitmap *b, uint16_t type)
{
	return dns_bitmap_has(b->octets, b->len, type);
}

/** The parent's side of a zone cut: NS without SOA. */
static inline bool val_bitmap_is_cut(const struct val_bitmap *b)
{
	return val_bitmap_has(b, DNS_TYPE_NS) && !val_bitmap_has(b, DNS_TYPE_SOA);
}

/**
 * Names below it are not its zone's own: the record proves nothing about them. RFC 6840 s4.1, RFC
 * 5155 s8.3.
 */
static inline bool val_bitmap_ends_zone(const struct val_bitmap *b)
{
	return val_bitmap_is_cut(b) || val_bitmap_has(b, DNS_TYPE_DNAME);
}

/**
 * Does the bitmap of the record that matches `name` say that qtype is not there? VAL_R_NONE when
 * it does.
 */
enum val_reason val_bitmap_denies(const struct val_bitmap *b, const uint8_t *name, uint16_t qtype);

/**
 * Does the bitmap of the record that matches a delegation say that it has no DS? VAL_R_NONE when
 * it does.
 */
enum val_reason val_bitmap_denies_ds(const struct val_bitmap *b);

/** Octets of a well-formed name. */
static inline size_t val_name_size(const uint8_t *name)
{
	size_t len = 0;

	while (name[len] != 0)
		len += name[len] + 1u;
	return len + 1;
}

/** val_nsec3_hash() of a name that is `len` octets long. */
int val_nsec3_hash_n(
	const uint8_t *name, size_t len, const struct dns_nsec3 *params, uint8_t out[20]);

/** "*." in front of encloser; encloser is a proper ancestor of a well-formed name, so it fits. */
void val_wildcard_at(const uint8_t *encloser, struct dns_name *out);

/** FAILED with a reason, PROVEN with VAL_R_NONE. */
static inline enum val_denial val_denial_end(enum val_reason r, enum val_reason *why)
{
	*why = r;
	return r == VAL_R_NONE ? VAL_DENIAL_PROVEN : VAL_DENIAL_FAILED;
}
