#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/txn.h"
#include "dns/msg.h"
#include "validator/response.h"

/**
 * DNS payloads for clients, in plain buffers: what an upstream said, put into the form that one
 * client asked for, and what we say ourselves. Pure: no packet, no thread.
 */

/** Put the letters that dns_name_take_lower() noted back over a lower-cased name. */
void dp_reply_case_restore(uint8_t *qname, size_t len, const uint8_t bits[DNS_CASE_OCTETS]);

/**
 * One client's copy of an upstream's reply.
 *
 * ID, RD, CD and letter case are the client's; AA, TC, RCODE and the records are the upstream's;
 * RA=0 for authoritative upstreams, else the upstream's; AD only when the verdict is secure and the
 * client set AD or DO (RFC 6840 s5.7). TTLs are capped by vr (RFC 4035 s5.3.3), and what it strips
 * is left out. The OPT is ours, if the client sent one (RFC 6891 s7). Without DO, RRSIG, NSEC,
 * NSEC3 and DS records go, unless they are what was asked for (RFC 4035 s3.2.1). Too large for the
 * client: header, question, OPT, TC=1.
 *
 * @param msg  the upstream's reply, parsed; question lower-cased as we sent it
 * @param out  room for size octets, does not overlap msg->data
 * @param truncated  set when TC was put because of the client's size
 * @return octets; -EBADMSG a record that has to be rebuilt is malformed; -ENOSPC
 */
int dp_reply_copy(const struct dns_msg *msg, const struct val_response *vr, enum route_kind kind,
	const struct dp_waiter *client, uint16_t edns_size, uint8_t *out, size_t size,
	bool *truncated);

/**
 * The same without a copy, for a client who is the only one: the reply becomes his where it stands.
 *
 * @param dns   msg->data, writable, with room for size octets; afterwards msg is void
 * @param sum   in: what the reply's octets sum to, folded (csum.h), or 0: not known; out: the same
 *              of the client's
 * @return octets; -ENOTSUP or -ENOSPC when it has to be copied, since records have to go or it is
 *         too large for the client: nothing was changed
 */
int dp_reply_in_place(const struct dns_msg *msg, const struct val_response *vr,
	enum route_kind kind, const struct dp_waiter *client, uint16_t edns_size, uint8_t *dns,
	size_t size, uint16_t *sum);

/** Would the reply be the same with DO=0 as with DO=1? */
bool dp_reply_is_plain(const struct dns_msg *msg);

/**
 * What is the same in every client's copy of a good reply, to be kept: ID 0, the upstream's AA,
 * RCODE and RA as dp_reply_copy() passes them on, question lower-cased as we sent it, records with
 * TTLs capped by vr and without those that vr strips, no OPT.
 *
 * @param vr      NULL: no caps, nothing stripped
 * @param dnssec  with the records that DO=1 asks for
 * @return octets; -EBADMSG, -ENOSPC
 */
int dp_reply_bare(const struct dns_msg *msg, const struct val_response *vr, enum route_kind kind,
	bool dnssec, uint8_t *out, size_t size);

/** A bare reply that was kept, and what is to be said with it. */
struct dp_kept {
	const uint8_t *msg;
	uint16_t len;
	uint16_t question_end;   // octets of header and question
	const uint16_t *ttl_off; // of every record's TTL
	uint16_t records;
	bool secure;
	int ede;              // DNS_EDE_NONE or a code
	uint32_t age_s;       // what the TTLs have lost
	uint32_t fixed_ttl_s; // not 0: every TTL is this (RFC 8767 s4)
};

/**
 * One client's copy of a kept reply, by the rules of dp_reply_copy().
 * @param out  room for size octets, does not overlap k->msg
 * @return octets; -ENOSPC: size has no room for the question and an OPT
 */
int dp_reply_kept(const struct dp_kept *k, const struct dp_waiter *client, uint16_t edns_size,
	uint8_t *out, size_t size, bool *truncated);

/**
 * Our own answer: header, the question as the client wrote it, OPT with an extended error when the
 * client speaks EDNS.
 *
 * @param qname  wire form in the client's letter case, NULL: no question (FORMERR before it was
 * read)
 * @param ede    DNS_EDE_NONE or a code
 * @return octets, or -ENOSPC
 */
int dp_reply_error(const struct dp_waiter *client, const uint8_t *qname, uint16_t qtype,
	uint16_t qclass, uint16_t opcode, uint16_t rcode, int ede, const char *text,
	uint16_t edns_size, uint8_t *out, size_t size);

/** The query we send: ID, RD for recursive upstreams (CD=1 too), question, OPT with DO=1, NSID if
 * asked. @return octets, -ENOSPC */
int dp_reply_question(uint16_t id, enum route_kind kind, const struct dns_name *qname,
	uint16_t qtype, uint16_t edns_size, bool nsid, uint8_t *out, size_t size);
