#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/msg.h"

/**
 * Builds one message in the caller's buffer. All calls keep the first error and do nothing after
 * it; dns_writer_end() reports it. Compression of owner names and of compressible RDATA names goes
 * through a small bounded table (DNS_WRITER_NAMES suffixes; more are simply not compressed).
 * Names that differ in letter case alone are taken as equal: the first one's case wins (RFC 4343
 * s4.1).
 */

enum { DNS_WRITER_NAMES = 64 };

struct dns_writer {
	uint8_t *buf;
	size_t size;
	size_t pos;
	int error; // 0 or -errno
	uint16_t counts[4];
	uint16_t name_off[DNS_WRITER_NAMES]; // suffixes that pointers may go to
	uint8_t name_len[DNS_WRITER_NAMES];  // their octets when expanded
	uint8_t name_hops[DNS_WRITER_NAMES]; // pointers that a reader follows in them
	uint8_t names;
};

/**
 * Start with a header: ID and flags in host order, counts are filled at the end. Of a buffer larger
 * than DNS_MSG_MAX only that much is used.
 */
void dns_writer_init(struct dns_writer *w, uint8_t *buf, size_t size, uint16_t id, uint16_t flags);

/** Question; qname uncompressed wire form. Letter case is kept. At most once, before any record. */
void dns_writer_question(
	struct dns_writer *w, const uint8_t *qname, uint16_t qtype, uint16_t qclass);

/**
 * Copy a record of a parsed message into a section, names expanded and compressed anew.
 * Sections must be written in order. ttl_s replaces the record's TTL.
 * On -ENOSPC nothing of the record is left in the buffer, and the error sticks.
 */
void dns_writer_copy_rr(struct dns_writer *w, enum dns_section section, const struct dns_msg *src,
	const struct dns_rr *rr, uint32_t ttl_s);

/**
 * OPT record; ede < 0 for none. ede_text may be NULL. ext_rcode: upper eight bits.
 * RFC 6891 s6.1.2, RFC 8914 s2.
 */
void dns_writer_opt(struct dns_writer *w, uint16_t udp_size, bool do_bit, uint8_t ext_rcode,
	int ede, const char *ede_text);

/** @return octets of the finished message; -ENOSPC or -EBADMSG (malformed source record). */
int dns_writer_end(struct dns_writer *w);
