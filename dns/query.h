#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/msg.h"
#include "dns/name.h"

/**
 * All that is looked at of a query, copied out of it: the message may be overwritten afterwards.
 */
struct dns_query {
	uint16_t id;
	uint16_t flags; // host order, see enum dns_flag
	uint16_t qtype, qclass;
	uint16_t udp_size;                  // of the OPT, as sent; 0 without one
	bool asks;                          // there is a question
	bool edns;                          // there is an OPT
	bool do_bit;                        // of the OPT
	uint8_t version;                    // of the OPT
	uint8_t case_bits[DNS_CASE_OCTETS]; // of the name, as dns_name_take_lower() notes it
	struct dns_name qname;              // lower-cased; the root when there is no question
};

/**
 * Read a query. What nearly all are, one question and then nothing or one OPT, is read in one go;
 * of anything else dns_msg_parse() says what it is, with the same result.
 *
 * @param scratch  for dns_msg_parse(); of no meaning afterwards
 * @param len      0..DNS_MSG_MAX
 * @return as dns_msg_parse(). On error q has what the header says, if there is one, and no more.
 */
int dns_query_read(struct dns_query *q, struct dns_msg *scratch, const uint8_t *data, size_t len);
