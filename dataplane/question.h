#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/dataplane.h"
#include "dataplane/txn.h"
#include "dns/query.h"

/**
 * What a client's query is, before anything is known of where it leads: the same for a packet and
 * for a message that came over TCP. Pure: no packet, no thread.
 */

/** What we say ourselves. */
struct dp_answer {
	uint16_t rcode;
	int ede;          // DNS_EDE_NONE or a code, RFC 8914
	const char *text; // for people, NULL for none
};

/** May this address ask us? Everybody may when cfg->allow is empty. O(allow_count). */
bool dp_question_allowed(const struct dp_config *cfg, const struct route_addr *client);

/**
 * Read a query and say what it is.
 *
 * @param q    of a message that does not hold together only ID and flags are set
 * @param scratch  as for dns_query_read()
 * @param len  at least DNS_HEADER_LEN
 * @return true: forward it. false: *out is to be answered (FORMERR, NOTIMP, BADVERS, or REFUSED for
 *         classes and types that are not data of a name)
 */
bool dp_question_read(struct dns_query *q, struct dns_msg *scratch, const uint8_t *dns,
	uint16_t len, struct dp_answer *out);

/** Is a reply's question this one, and only this one? @param qname  lower-cased, as we sent it */
bool dp_question_is(const struct dns_msg *reply, const struct dns_name *qname, uint16_t qtype);

/** Note what the reply will need of the query: ID, flags, EDNS, letter case. The rest of c is not
 * touched. */
void dp_question_note(const struct dns_query *q, struct dp_waiter *c);

/**
 * What we say ourselves, in the client's letter case.
 * @param client  noted by dp_question_note()
 * @param out     may be where the query stood
 * @return octets, or -ENOSPC
 */
int dp_question_answer(const struct dns_query *q, const struct dp_waiter *client,
	const struct dp_answer *a, uint16_t edns_size, uint8_t *out, size_t size);
