#pragma once

#include "control/capture.h"
#include "dns/hash.h"

/** Octets of a packet that were captured, of more that there were on the wire. len <= wire. */
struct capture_span {
	const uint8_t *at;
	size_t len, wire;
};

struct capture_ends {
	struct route_addr src, dst;
	uint16_t sport, dport;
};

struct capture_frags;
struct capture_streams;

struct ctl_capture {
	int link;
	uint16_t port;
	ctl_capture_fn fn;
	void *arg;
	int64_t now_us; // of the packet at hand
	struct dns_hash_key key;
	struct ctl_capture_stats stats;
	struct capture_frags *frags;
	struct capture_streams *streams;
};

/** Take n octets off the front. @return false when not as many were captured, and span untouched */
static inline bool capture_take(struct capture_span *s, size_t n)
{
	if (s->len < n)
		return false;
	s->at += n;
	s->len -= n;
	s->wire -= n;
	return true;
}

/**
 * Take the link header off.
 * @retval 4, 6 an IP packet of that version; 0 something else; -EBADMSG; -EMSGSIZE cut off
 */
int ctl_capture_link(int link, struct capture_span *s);
bool ctl_capture_link_known(int link);

/** An IP packet: hands its UDP and TCP payload on, now or when its fragments are together. */
void ctl_capture_ip(struct ctl_capture *c, int version, struct capture_span s);

/** What names a fragmented datagram (RFC 791, RFC 8200 s4.5). protocol 0 for IPv6. */
struct capture_frag {
	struct route_addr src, dst;
	uint32_t id;
	uint8_t protocol;
	uint8_t next; // of this fragment: what the payload begins with
	uint32_t offset;
	bool more;
};

/** @retval 0, -ENOMEM */
int ctl_capture_frags_new(struct capture_frags **out);
/** NULL is allowed. */
void ctl_capture_frags_free(struct capture_frags *f);
/**
 * A fragment.
 *
 * @param whole  on 1 the datagram's payload, valid until the next call
 * @param next   on 1 what it begins with
 * @retval 1 the datagram is whole, 0 not yet or never
 */
int ctl_capture_frags_add(struct ctl_capture *c, const struct capture_frag *frag,
	const struct capture_span *payload, struct capture_span *whole, uint8_t *next);
/** Count what never became whole. */
void ctl_capture_frags_end(struct ctl_capture *c);

/** @retval 0, -ENOMEM */
int ctl_capture_streams_new(struct capture_streams **out);
/** NULL is allowed. */
void ctl_capture_streams_free(struct capture_streams *t);
/** A TCP segment, from the TCP header on. */
void ctl_capture_segment(
	struct ctl_capture *c, const struct capture_ends *ends, struct capture_span s);
/** What waits behind a hole will not be completed. */
void ctl_capture_streams_end(struct ctl_capture *c);

/** Is one of the ports DNS's? */
static inline bool capture_is_dns_port(const struct ctl_capture *c, const struct capture_ends *e)
{
	return e->sport == 53 || e->dport == 53 ||
	       (c->port != 0 && (e->sport == c->port || e->dport == c->port));
}

/** Could the octets begin a query or a response with one question? */
bool ctl_capture_is_plausible(const uint8_t *data, size_t len);
/** Hand a message over. */
void ctl_capture_emit(struct ctl_capture *c, const struct capture_ends *e, bool tcp,
	const uint8_t *data, size_t len);
