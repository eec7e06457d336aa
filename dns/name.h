#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/wire.h"

/** A name in uncompressed wire form with its measure. Text form is for people only. */
struct dns_name {
	uint8_t len;    // octets used in `octets`, root label included: 1..DNS_NAME_MAX
	uint8_t labels; // root not counted
	uint8_t octets[DNS_NAME_MAX];
};

/** *to = *from, by the octets that there are: what a short name leaves of *to is of no meaning. */
static inline void dns_name_copy(struct dns_name *to, const struct dns_name *from)
{
	memcpy(to, from, offsetof(struct dns_name, octets) + from->len);
}

enum {
	// Pointers followed in one name; more are refused (-EBADMSG). Senders chain a handful, and
	// a chain of bare pointers is work without an octet of name: a query may hold a hundred
	// such owners.
	DNS_NAME_POINTERS_MAX = 32,
};

enum {
	DNS_NAME_TEXT_MAX = 1025, // longest text form with its NUL: every octet as \DDD
	DNS_CASE_OCTETS = DNS_NAME_MAX / 8 + 1, // a bit for each octet of a name
};

/**
 * Measure an uncompressed name.
 *
 * @param name  first length octet
 * @param end   one past the last readable byte; name <= end
 * @return      octets used, root label included: 1..DNS_NAME_MAX
 * @retval -EMSGSIZE  the data ends inside the name
 * @retval -EBADMSG   label or name too long, or a compression pointer
 *
 * RFC 1035 s3.1. O(labels). Any thread.
 */
int dns_name_len(const uint8_t *name, const uint8_t *end);

/**
 * Measure a possibly compressed name where it stands, without following the pointer's target.
 *
 * @param pos  first octet of the name
 * @param end  one past the last readable byte
 * @return     octets used at pos (a pointer counts two and ends the name)
 * @retval -EMSGSIZE, -EBADMSG  as for dns_name_len(); label types 0x40 and 0x80 are -EBADMSG
 */
int dns_name_skip(const uint8_t *pos, const uint8_t *end);

/**
 * Expand a possibly compressed name out of a message. Pointers must go strictly backwards (each
 * target lower than every offset visited before), so the walk ends; at most DNS_NAME_MAX octets.
 *
 * @param msg      start of the DNS message (pointers count from here)
 * @param msg_len  octets of the message
 * @param off      offset of the name in msg
 * @param limit    offset that the name's in-place part must not pass (a name in RDATA ends there)
 * @param out      written only on success; letter case kept
 * @return         octets used in place, from off
 * @retval -EMSGSIZE  name runs past limit or msg_len
 * @retval -EBADMSG   forward or self pointer, pointer into the header, bad label type, name over
 *                    DNS_NAME_MAX, more than DNS_NAME_POINTERS_MAX pointers
 *
 * RFC 1035 s4.1.4.
 */
int dns_name_expand(
	const uint8_t *msg, size_t msg_len, size_t off, size_t limit, struct dns_name *out);

/**
 * Check a possibly compressed name as dns_name_expand() does, without a copy.
 * @return octets used in place, from off; -EMSGSIZE, -EBADMSG
 */
int dns_name_check(const uint8_t *msg, size_t msg_len, size_t off, size_t limit);

/**
 * Take a well-formed uncompressed wire name.
 * @return octets used; -EMSGSIZE, -EBADMSG as dns_name_len(). out untouched on error.
 */
int dns_name_from_wire(const uint8_t *wire, const uint8_t *end, struct dns_name *out);

/**
 * The same, lower-cased, and which octets were upper-case letters.
 * @param case_bits  bit i % 8 of octet i / 8 is set when octet i was one; the others are cleared
 */
int dns_name_take_lower(const uint8_t *wire, const uint8_t *end, struct dns_name *out,
	uint8_t case_bits[DNS_CASE_OCTETS]);

/**
 * Parse presentation form (RFC 1035 s5.1: "\." and "\DDD"); a missing final dot is allowed, "." is
 * the root.
 * @retval 0, -EINVAL (empty label, bad escape, label or name too long)
 */
int dns_name_from_text(const char *text, struct dns_name *out);

/**
 * Write presentation form with a final dot, NUL-terminated. Octets outside 0x21..0x7e and
 * `"().;\@$` are escaped.
 * @param size  DNS_NAME_TEXT_MAX is always enough; a shorter buffer gets a truncated,
 *              terminated text
 * @return      buf
 */
char *dns_name_to_text(const uint8_t *wire, char *buf, size_t size);

/** Lower-case ASCII letters of a wire name in place (length octets stay). RFC 4034 s6.2. */
void dns_name_lower(uint8_t *wire, size_t len);

/** Equal but for ASCII letter case. Both are well-formed uncompressed names. RFC 4343. */
bool dns_name_equal(const uint8_t *a, const uint8_t *b);

/** Two labels, length octets first, equal but for ASCII letter case. */
bool dns_label_equal(const uint8_t *a, const uint8_t *b);

/** True when sub equals parent or lies below it. RFC 4343 case rules. */
bool dns_name_under(const uint8_t *sub, const uint8_t *parent);

/** dns_name_equal() and dns_name_under() of names with their measure: nothing is walked twice. */
bool dns_name_is(const struct dns_name *a, const struct dns_name *b);
bool dns_name_within(const struct dns_name *sub, const struct dns_name *parent);

/** Labels of a well-formed name, root not counted; a leading "*" counts (callers subtract). */
int dns_name_labels(const uint8_t *wire);

/** The name with its n leftmost labels removed: a pointer into wire. n <= labels. */
const uint8_t *dns_name_strip(const uint8_t *wire, int n);

/**
 * Canonical order of names, RFC 4034 s6.1: by labels from the right, lower-cased, as octet strings.
 * @return <0, 0, >0
 */
int dns_name_compare(const uint8_t *a, const uint8_t *b);

/** Labels that two names share, counted from the right, root not counted. */
int dns_name_common_labels(const uint8_t *a, const uint8_t *b);
