#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/capture.h"
#include "control/inspect_chain.h"
#include "dns/msg.h"
#include "validator/keys.h"
#include "validator/verdict.h"

/**
 * A capture judged offline. Twice through the messages: first for the keys and delegations that are
 * in them, then each response with what follows from the anchors. One thread.
 */

struct ctl_inspect_options {
	const struct val_anchors *anchors; // copied
	int64_t at;                        // seconds since the epoch; 0: each packet's own time
	const struct dns_name *zone;       // only names in it, lower-cased; NULL: all
	uint16_t port;                     // of servers, beside 53; 0 none
	bool sha1;                         // let verdicts rest on algorithms 5 and 7
	uint32_t signatures;               // that are verified only once; 0: as many as is usual
};

/** A response and what it is worth. Plain data, valid during the call that hands it over. */
struct ctl_judged {
	int64_t time_us;
	uint32_t clock; // that it was judged by
	struct route_addr server, client;
	uint16_t port; // of the server
	bool tcp;
	bool has_question;
	struct dns_name qname; // letter case as on the wire
	uint16_t qtype;
	uint16_t rcode;
	enum val_verdict verdict;
	enum val_reason reason;
	// A short stable name; for a chain with a gap, what is missing: "no_chain: no DS of
	// example. in the capture"
	char why[64 + DNS_NAME_TEXT_MAX];
	const char *text; // a sentence for people
	int ede;          // RFC 8914, or DNS_EDE_NONE; of an error the server's own
	bool has_zone;    // it was judged as an answer of this zone, lower-cased
	struct dns_name zone;
	// The signature that decided; where none did, that of the nearest end
	bool has_sig;
	struct dns_name signer, owner; // lower-cased
	uint16_t type_covered, key_tag;
	uint8_t algorithm;
	uint32_t inception, expiration;
	int32_t margin_s; // from the clock to the expiration, negative when over
};

/** Called once a response, in the order of the capture. msg is NULL when it cannot be parsed. */
typedef void (*ctl_inspect_fn)(
	void *arg, const struct ctl_judged *judged, const struct dns_msg *msg);

struct ctl_inspect_stats {
	struct ctl_capture_stats capture;
	struct ctl_chain_stats chain;
	uint64_t responses, other; // judged, and in other zones or of other opcodes
	uint64_t not_dns;          // on port 53, but neither query nor response
};

struct ctl_inspect;

/** @retval 0, -ENOMEM, -ENOTSUP (OpenSSL's configuration) */
int ctl_inspect_new(const struct ctl_inspect_options *o, ctl_inspect_fn fn, void *arg,
	struct ctl_inspect **out);
/** NULL is allowed. */
void ctl_inspect_free(struct ctl_inspect *i);
/**
 * A message of the capture: a ctl_capture_fn with the struct ctl_inspect as its argument. Before
 * ctl_inspect_build() it is searched for keys, after it judged.
 */
void ctl_inspect_message(void *inspect, const struct ctl_capture_msg *m);
void ctl_inspect_build(struct ctl_inspect *i);

/**
 * All of a file.
 *
 * @param err  CTL_CAPTURE_ERR_MAX octets, as of ctl_capture_read()
 * @retval 0; errors of ctl_capture_read() and ctl_inspect_new()
 */
int ctl_inspect_file(const char *path, const struct ctl_inspect_options *o, ctl_inspect_fn fn,
	void *arg, struct ctl_inspect_stats *stats, char *err);
