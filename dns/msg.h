#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/name.h"
#include "dns/wire.h"

/**
 * In-place view of one DNS message. dns_msg_parse() walks the whole message once and records where
 * each record is; nothing is copied but names that a caller expands. The view borrows the bytes.
 */

enum {
	// Records beyond this in one message are refused (-E2BIG): bounded work on hostile data.
	// A 1232-octet answer holds at most 110 records of the shortest kind.
	DNS_MSG_RR_MAX = 256,
};

enum dns_section { DNS_ANSWER = 0, DNS_AUTHORITY = 1, DNS_ADDITIONAL = 2, DNS_SECTIONS = 3 };

struct dns_rr {
	uint16_t owner_off; // offsets from the start of the message
	uint16_t type;
	uint16_t class_;
	uint16_t rdata_off;
	uint16_t rdata_len;
	uint8_t section;  // enum dns_section
	uint32_t ttl_s;   // as on the wire; values over 2^31-1 read as 0 (RFC 2181 s8)
	uint16_t end_off; // one past the record; the TTL stands at rdata_off - 6
};

struct dns_edns {
	bool present;
	bool do_bit;
	uint8_t version;
	uint8_t ext_rcode;    // upper eight bits
	uint16_t udp_size;    // as sent; readers clamp to >= 512
	uint16_t rr_index;    // which record of the message is the OPT
	uint16_t options_off; // RDATA of OPT
	uint16_t options_len;
};

struct dns_msg {
	const uint8_t *data;
	uint16_t len;
	uint16_t id;
	uint16_t flags;    // host order, see enum dns_flag
	uint16_t qd_count; // 0 or 1 after a successful parse
	uint16_t rr_count;
	uint16_t section_start[DNS_SECTIONS + 1]; // indexes into rr[]; [s]..[s+1] is section s
	struct dns_edns edns;
	// question, valid when qd_count is 1
	struct dns_name qname; // letter case as on the wire
	uint16_t qtype, qclass;
	uint16_t question_end; // offset one past QCLASS; DNS_HEADER_LEN when there is no question
	struct dns_rr rr[DNS_MSG_RR_MAX];
};

/**
 * Parse a message and check its frame: header, at most one question, every record's bounds and
 * owner name, at most one OPT with root owner in the additional section, no octets after the last
 * record. RDATA inside is not looked at, but for OPT's option list being well formed.
 *
 * @param data  borrowed for the life of the view
 * @param len   0..DNS_MSG_MAX
 * @retval 0
 * @retval -EMSGSIZE  the message ends early (header, question, record)
 * @retval -EBADMSG   bad name, second OPT, OPT elsewhere, two questions, trailing octets
 * @retval -E2BIG     more than DNS_MSG_RR_MAX records
 *
 * RFC 1035 s4, RFC 6891 s6.1. O(len). msg is scratch on error.
 */
int dns_msg_parse(struct dns_msg *msg, const uint8_t *data, size_t len);

/** RCODE with EDNS's upper bits. */
static inline uint16_t dns_msg_rcode(const struct dns_msg *msg)
{
	uint16_t high = msg->edns.present ? msg->edns.ext_rcode : 0;

	return (uint16_t)(high << 4 | (msg->flags & DNS_FLAG_RCODE_MASK));
}

/** Expand a record's owner; cannot fail on a parsed message. */
void dns_rr_owner(const struct dns_msg *msg, const struct dns_rr *rr, struct dns_name *out);

/** Is an OPT's RDATA well formed? RFC 6891 s6.1.2. O(options). @retval 0, -EBADMSG */
int dns_edns_check_options(const uint8_t *options, size_t len);

/**
 * Find an EDNS option.
 * @param pos  in/out cursor in options, 0 to start
 * @retval 1 found (code, *val, *len set), 0 no more
 */
int dns_edns_option(const struct dns_msg *msg, uint16_t *pos, uint16_t *code, const uint8_t **val,
	uint16_t *len);
