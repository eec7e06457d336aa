// IPv4 and IPv6 down to UDP and TCP.

#include <string.h>

#include <netinet/in.h>

#include "control/capture_priv.h"
#include "dns/wire.h"

enum {
	IPV4_LEN_MIN = 20,
	IPV4_OFF_LEN = 2,
	IPV4_OFF_ID = 4,
	IPV4_OFF_FRAGMENT = 6,
	IPV4_OFF_PROTOCOL = 9,
	IPV4_OFF_SRC = 12,
	IPV4_MORE = 0x2000,
	IPV4_OFFSET_MASK = 0x1fff,
	IPV6_LEN = 40,
	IPV6_OFF_LEN = 4,
	IPV6_OFF_NEXT = 6,
	IPV6_OFF_SRC = 8,
	IPV6_FRAGMENT_LEN = 8,
	IPV6_HIP = 139,
	IPV6_SHIM6 = 140,
	UDP_LEN = 8,
	UDP_OFF_LEN = 4,
};

static void cut(struct ctl_capture *c, const struct capture_span *s)
{
	// what ends early although nothing was cut off contradicts itself
	*(s->wire > s->len ? &c->stats.cut : &c->stats.malformed) += 1;
}

/** What the IP header says is longer or shorter than the frame: padding, or cut off. */
static bool set_length(struct ctl_capture *c, struct capture_span *s, size_t total)
{
	if (total > s->wire) {
		c->stats.malformed++;
		return false;
	}
	s->wire = total;
	if (s->len > total)
		s->len = total;
	return true;
}

static void take_udp(struct ctl_capture *c, struct capture_ends *ends, struct capture_span s)
{
	size_t len;

	if (s.len < UDP_LEN) {
		cut(c, &s);
		return;
	}
	ends->sport = dns_get16(s.at);
	ends->dport = dns_get16(s.at + 2);
	len = dns_get16(s.at + UDP_OFF_LEN);
	if (len < UDP_LEN || !set_length(c, &s, len)) {
		c->stats.malformed += len < UDP_LEN;
		return;
	}
	capture_take(&s, UDP_LEN);
	if (!capture_is_dns_port(c, ends) && !ctl_capture_is_plausible(s.at, s.len))
		return;
	if (s.len < s.wire)
		c->stats.cut++;
	else
		ctl_capture_emit(c, ends, false, s.at, s.len);
}

static void take_upper(
	struct ctl_capture *c, struct capture_ends *ends, uint8_t protocol, struct capture_span s)
{
	if (protocol == IPPROTO_UDP)
		take_udp(c, ends, s);
	else if (protocol == IPPROTO_TCP)
		ctl_capture_segment(c, ends, s);
}

static void take_ipv4(struct ctl_capture *c, struct capture_span s)
{
	struct capture_ends ends = {.src.family = 4, .dst.family = 4};
	struct capture_frag frag = {0};
	struct capture_span whole;
	uint16_t total, flags;
	size_t header;
	uint8_t next;

	if (s.len < IPV4_LEN_MIN) {
		cut(c, &s);
		return;
	}
	header = (size_t)(s.at[0] & 15) * 4;
	total = dns_get16(s.at + IPV4_OFF_LEN);
	flags = dns_get16(s.at + IPV4_OFF_FRAGMENT);
	next = s.at[IPV4_OFF_PROTOCOL];
	memcpy(ends.src.octets, s.at + IPV4_OFF_SRC, 4);
	memcpy(ends.dst.octets, s.at + IPV4_OFF_SRC + 4, 4);
	frag.id = dns_get16(s.at + IPV4_OFF_ID);
	// segmentation that the NIC does leaves the length 0
	if (header < IPV4_LEN_MIN || (total != 0 && total < header)) {
		c->stats.malformed++;
		return;
	}
	if (total != 0 && !set_length(c, &s, total))
		return;
	if (!capture_take(&s, header)) {
		cut(c, &s);
		return;
	}
	if ((flags & (IPV4_MORE | IPV4_OFFSET_MASK)) == 0) {
		take_upper(c, &ends, next, s);
		return;
	}
	frag.src = ends.src;
	frag.dst = ends.dst;
	frag.protocol = frag.next = next;
	frag.offset = (uint32_t)(flags & IPV4_OFFSET_MASK) * 8;
	frag.more = (flags & IPV4_MORE) != 0;
	if (ctl_capture_frags_add(c, &frag, &s, &whole, &next))
		take_upper(c, &ends, next, whole);
}

/** What follows an IPv6 header; `whole`: out of fragments, where there can be no further ones. */
static void take_ipv6_payload(struct ctl_capture *c, struct capture_ends *ends, uint8_t next,
	struct capture_span s, bool whole);

static void take_ipv6_fragment(
	struct ctl_capture *c, struct capture_ends *ends, struct capture_span s)
{
	struct capture_frag frag = {.src = ends->src, .dst = ends->dst};
	struct capture_span whole;
	uint16_t field;
	uint8_t next;

	if (s.len < IPV6_FRAGMENT_LEN) {
		cut(c, &s);
		return;
	}
	frag.next = s.at[0];
	field = dns_get16(s.at + 2);
	frag.offset = field & 0xfff8;
	frag.more = (field & 1) != 0;
	frag.id = dns_get32(s.at + 4);
	capture_take(&s, IPV6_FRAGMENT_LEN);
	// RFC 6946: a datagram of one fragment stands for itself
	if (frag.offset == 0 && !frag.more)
		take_ipv6_payload(c, ends, frag.next, s, true);
	else if (ctl_capture_frags_add(c, &frag, &s, &whole, &next))
		take_ipv6_payload(c, ends, next, whole, true);
}

/** RFC 8200 s4. @return octets of an extension header, 0 when it is none */
static size_t extension_len(uint8_t next, const struct capture_span *s)
{
	switch (next) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_MH:
	case IPV6_HIP:
	case IPV6_SHIM6:
		return s->len < 2 ? SIZE_MAX : ((size_t)s->at[1] + 1) * 8;
	case IPPROTO_AH:
		return s->len < 2 ? SIZE_MAX : ((size_t)s->at[1] + 2) * 4;
	default:
		return 0;
	}
}

static void take_ipv6_payload(struct ctl_capture *c, struct capture_ends *ends, uint8_t next,
	struct capture_span s, bool whole)
{
	for (int headers = 0; headers <= CTL_CAPTURE_EXTENSIONS_MAX; headers++) {
		size_t len = extension_len(next, &s);

		if (next == IPPROTO_FRAGMENT && !whole) {
			take_ipv6_fragment(c, ends, s);
			return;
		}
		if (len == 0) {
			take_upper(c, ends, next, s);
			return;
		}
		next = s.len > 0 ? s.at[0] : 0;
		if (!capture_take(&s, len)) {
			cut(c, &s);
			return;
		}
	}
	c->stats.malformed++;
}

static void take_ipv6(struct ctl_capture *c, struct capture_span s)
{
	struct capture_ends ends = {.src.family = 6, .dst.family = 6};
	uint16_t len;
	uint8_t next;

	if (s.len < IPV6_LEN) {
		cut(c, &s);
		return;
	}
	len = dns_get16(s.at + IPV6_OFF_LEN);
	next = s.at[IPV6_OFF_NEXT];
	memcpy(ends.src.octets, s.at + IPV6_OFF_SRC, 16);
	memcpy(ends.dst.octets, s.at + IPV6_OFF_SRC + 16, 16);
	capture_take(&s, IPV6_LEN);
	// 0: a jumbogram, or segmentation that the NIC does
	if (len == 0 || set_length(c, &s, len))
		take_ipv6_payload(c, &ends, next, s, false);
}

void ctl_capture_ip(struct ctl_capture *c, int version, struct capture_span s)
{
	if (version == 4)
		take_ipv4(c, s);
	else
		take_ipv6(c, s);
}
