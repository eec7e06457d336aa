#include "dataplane/packet.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/csum.h"

enum {
	ETH_LEN = sizeof(struct rte_ether_hdr),
	VLAN_LEN = sizeof(struct rte_vlan_hdr),
	IP4_LEN = sizeof(struct rte_ipv4_hdr), // without options
	IP6_LEN = sizeof(struct rte_ipv6_hdr),
	UDP_LEN = sizeof(struct rte_udp_hdr),
	HOP_LIMIT = 64,
};
static_assert(DP_PACKET_HEADROOM == ETH_LEN + VLAN_LEN + IP6_LEN + UDP_LEN, "the longest header");

// A route_addr but for its last octet, as one store: it is copied as a whole soon after.
typedef uint64_t addr_front __attribute__((vector_size(sizeof(struct route_addr) - 1)));
static_assert(offsetof(struct route_addr, family) == 0, "comes first in the register");

static void addr4_set(struct route_addr *a, const void *octets)
{
	uint32_t four;
	addr_front v = {4};

	memcpy(&four, octets, sizeof(four));
	v[0] = rte_cpu_to_le_64(v[0] | (uint64_t)rte_le_to_cpu_32(four) << 8);
	memcpy(a, &v, sizeof(v));
	a->octets[sizeof(a->octets) - 1] = 0;
}

static void addr6_set(struct route_addr *a, const void *octets)
{
	a->family = 6;
	memcpy(a->octets, octets, sizeof(struct in6_addr));
}

/* ---- checksums ---- */

static uint64_t addr_sum(const struct route_addr *a)
{
	uint32_t word[4];
	uint64_t sum = 0;

	if (a->family == 4) {
		memcpy(word, a->octets, sizeof(word[0]));
		return word[0];
	}
	memcpy(word, a->octets, sizeof(word));
	for (unsigned i = 0; i < RTE_DIM(word); i++)
		sum += word[i];
	return sum;
}

/** Pseudo header of RFC 768 and RFC 8200 s8.1: its words are the same ones in both families. */
static uint64_t pseudo_sum(
	const struct route_addr *src, const struct route_addr *dst, uint16_t udp_len)
{
	return addr_sum(src) + addr_sum(dst) + RTE_BE16(IPPROTO_UDP) + rte_cpu_to_be_16(udp_len);
}

/** RFC 768: a computed 0 is sent as its other form, since 0 says "none". */
static uint16_t udp_csum_sent(uint16_t csum)
{
	return csum != 0 ? csum : 0xffff;
}

/* ---- parsing: each step checks, then moves; `end` is the frame's first, then the datagram's ----
 */

struct cursor {
	const uint8_t *frame, *pos, *end;
};

static size_t left(const struct cursor *c)
{
	return (size_t)(c->end - c->pos);
}

static bool is_tag(rte_be16_t ether_type)
{
	return ether_type == RTE_BE16(RTE_ETHER_TYPE_VLAN) ||
	       ether_type == RTE_BE16(RTE_ETHER_TYPE_QINQ);
}

/** The one tag may be in the frame or, stripped by the port, in the mbuf; a service tag (802.1ad)
 * is one too many. */
static enum dp_drop parse_tag(struct cursor *c, struct dp_pkt *out, rte_be16_t *ether_type)
{
	struct rte_vlan_hdr tag;

	if (out->m->ol_flags & RTE_MBUF_F_RX_QINQ_STRIPPED)
		return DP_DROP_VLAN;
	if (out->m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) {
		out->vlan = true;
		out->vlan_tci_be = rte_cpu_to_be_16(out->m->vlan_tci);
	}
	if (!is_tag(*ether_type))
		return DP_DROP_MAX;
	if (out->vlan || *ether_type == RTE_BE16(RTE_ETHER_TYPE_QINQ))
		return DP_DROP_VLAN;
	if (left(c) < VLAN_LEN)
		return DP_DROP_L2_SHORT;
	memcpy(&tag, c->pos, VLAN_LEN);
	c->pos += VLAN_LEN;
	out->vlan = true;
	out->vlan_tci_be = tag.vlan_tci;
	*ether_type = tag.eth_proto;
	return is_tag(*ether_type) ? DP_DROP_VLAN : DP_DROP_MAX;
}

static enum dp_drop parse_ether(struct cursor *c, struct dp_pkt *out, rte_be16_t *ether_type)
{
	const uint8_t *eth = c->pos;

	if (left(c) < ETH_LEN)
		return DP_DROP_L2_SHORT;
	c->pos += ETH_LEN;
	// A unicast datagram in a group frame is not for us (RFC 1122 s3.3.6), and no frame comes
	// from a group.
	if (eth[offsetof(struct rte_ether_hdr, dst_addr)] & RTE_ETHER_GROUP_ADDR)
		return DP_DROP_NOT_OURS;
	if (eth[offsetof(struct rte_ether_hdr, src_addr)] & RTE_ETHER_GROUP_ADDR)
		return DP_DROP_SOURCE;
	memcpy(ether_type, eth + offsetof(struct rte_ether_hdr, ether_type), sizeof(*ether_type));
	return parse_tag(c, out, ether_type);
}

static uint64_t ip4_sum(const uint8_t *ip)
{
	uint32_t word[IP4_LEN / 4];

	memcpy(word, ip, IP4_LEN);
	return (uint64_t)word[0] + word[1] + word[2] + word[3] + word[4];
}

static bool ip4_csum_bad(const struct dp_pkt *p, const uint8_t *ip, size_t header_len)
{
	uint64_t verdict = p->m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;

	if (verdict == RTE_MBUF_F_RX_IP_CKSUM_GOOD)
		return false;
	if (verdict == RTE_MBUF_F_RX_IP_CKSUM_BAD)
		return true;
	return dp_csum_fold(header_len == IP4_LEN ? ip4_sum(ip) : dp_csum_octets(ip, header_len)) !=
	       0xffff;
}

/** RFC 791 s3.1. Leaves the cursor on the UDP header and `end` at the end of the IP packet. */
static enum dp_drop parse_ip4(struct cursor *c, struct dp_pkt *out)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)c->pos;
	size_t header_len, total_len;

	if (left(c) < IP4_LEN)
		return DP_DROP_L2_SHORT;
	header_len = (size_t)(ip->version_ihl & RTE_IPV4_HDR_IHL_MASK) * RTE_IPV4_IHL_MULTIPLIER;
	total_len = rte_be_to_cpu_16(ip->total_length);
	if (ip->version_ihl >> 4 != 4 || header_len < IP4_LEN || total_len < header_len ||
		total_len > left(c))
		return DP_DROP_IP_HEADER;
	if (ip4_csum_bad(out, c->pos, header_len))
		return DP_DROP_IP_CHECKSUM;
	if (ip->next_proto_id != IPPROTO_UDP)
		return DP_DROP_NOT_OURS;
	if (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK))
		return DP_DROP_FRAGMENT;
	addr4_set(&out->src, &ip->src_addr);
	addr4_set(&out->dst, &ip->dst_addr);
	c->end = c->pos + total_len;
	c->pos += header_len;
	return DP_DROP_MAX;
}

/** RFC 8200 s3. As parse_ip4(). A jumbogram (length 0, RFC 2675) ends as too short for UDP. */
static enum dp_drop parse_ip6(struct cursor *c, struct dp_pkt *out)
{
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)c->pos;
	size_t payload_len;

	if (left(c) < IP6_LEN)
		return DP_DROP_L2_SHORT;
	payload_len = rte_be_to_cpu_16(ip->payload_len);
	if (c->pos[0] >> 4 != 6 || payload_len > left(c) - IP6_LEN)
		return DP_DROP_IP_HEADER;
	if (ip->proto == IPPROTO_FRAGMENT)
		return DP_DROP_FRAGMENT;
	if (ip->proto != IPPROTO_UDP)
		return DP_DROP_NOT_OURS;
	// an array up to DPDK 24.07, a struct since: its address suits both
	addr6_set(&out->src, &ip->src_addr);
	addr6_set(&out->dst, &ip->dst_addr);
	c->pos += IP6_LEN;
	c->end = c->pos + payload_len;
	return DP_DROP_MAX;
}

static bool source_unusable(const struct route_addr *a)
{
	static const uint8_t zeros[15];
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (a->family ==
		4) // 0/8, 127/8, 224/4 groups, 240/4 reserved and broadcast: RFC 1122 s3.2.1.3
		return a->octets[0] == 0 || a->octets[0] == 127 || a->octets[0] >= 224;
	// ff00::/8, :: and ::1, ::ffff:0:0/96: RFC 4291 s2.5, s2.7
	return a->octets[0] == 0xff || memcmp(a->octets, mapped, sizeof(mapped)) == 0 ||
	       (memcmp(a->octets, zeros, sizeof(zeros)) == 0 && a->octets[15] <= 1);
}

static bool udp_csum_bad(const struct dp_pkt *p, const struct rte_udp_hdr *udp, uint16_t udp_len)
{
	uint64_t verdict = p->m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;

	// Before the port's verdict: some ports call "none" bad.
	if (udp->dgram_cksum == 0)
		return p->family == 6;
	if (verdict == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return false;
	if (verdict == RTE_MBUF_F_RX_L4_CKSUM_BAD)
		return true;
	return dp_csum_fold(pseudo_sum(&p->src, &p->dst, udp_len) + dp_csum_octets(udp, udp_len)) !=
	       0xffff;
}

/** RFC 768. Leaves the cursor on the payload and `end` behind it. */
static enum dp_drop parse_udp(struct cursor *c, struct dp_pkt *out)
{
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)c->pos;
	uint16_t udp_len;

	if (left(c) < UDP_LEN)
		return DP_DROP_UDP_LENGTH;
	udp_len = rte_be_to_cpu_16(udp->dgram_len);
	if (udp_len < UDP_LEN || udp_len > left(c))
		return DP_DROP_UDP_LENGTH;
	if (udp_csum_bad(out, udp, udp_len))
		return DP_DROP_UDP_CHECKSUM;
	out->sport = rte_be_to_cpu_16(udp->src_port);
	out->dport = rte_be_to_cpu_16(udp->dst_port);
	if (out->sport == 0 || source_unusable(&out->src))
		return DP_DROP_SOURCE;
	c->end = c->pos + udp_len;
	c->pos += UDP_LEN;
	return DP_DROP_MAX;
}

static enum dp_drop parse_ip(struct cursor *c, struct dp_pkt *out, rte_be16_t ether_type)
{
	if (ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4)) {
		out->family = 4;
		return parse_ip4(c, out);
	}
	if (ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV6)) {
		out->family = 6;
		return parse_ip6(c, out);
	}
	return DP_DROP_NOT_OURS;
}

enum dp_drop dp_packet_parse(struct rte_mbuf *m, struct dp_pkt *out)
{
	struct cursor c;
	rte_be16_t ether_type;
	enum dp_drop why;

	if (m->nb_segs != 1)
		return DP_DROP_SEGMENTED;
	out->m = m;
	out->vlan = false;
	out->vlan_tci_be = 0;
	c.frame = c.pos = rte_pktmbuf_mtod(m, const uint8_t *);
	c.end = c.frame + m->data_len;

	why = parse_ether(&c, out, &ether_type);
	if (why != DP_DROP_MAX)
		return why;
	out->l3_off = (uint16_t)(c.pos - c.frame);
	why = parse_ip(&c, out, ether_type);
	if (why != DP_DROP_MAX)
		return why;
	out->l4_off = (uint16_t)(c.pos - c.frame);
	why = parse_udp(&c, out);
	if (why != DP_DROP_MAX)
		return why;
	out->dns_off = (uint16_t)(c.pos - c.frame);
	out->dns_len = (uint16_t)left(&c);
	m->data_len = (uint16_t)(c.end - c.frame);
	m->pkt_len = m->data_len;
	return DP_DROP_MAX;
}

/* ---- writing: the new headers end where the payload begins, whatever stood in front of it before
 * ---- */

static uint16_t ip_len(const struct dp_rewrite *rw)
{
	return rw->dst.family == 4 ? IP4_LEN : IP6_LEN;
}

static uint16_t l2_len(const struct dp_rewrite *rw)
{
	return (uint16_t)(ETH_LEN + (rw->vlan ? VLAN_LEN : 0));
}

static bool family_ok(const struct dp_rewrite *rw)
{
	return rw->src.family == rw->dst.family && (rw->dst.family == 4 || rw->dst.family == 6);
}

/** Move the front of the frame to `headers` octets before the payload at `payload_off`. */
static int front_set(struct rte_mbuf *m, uint16_t payload_off, uint16_t headers)
{
	if (m->data_off + payload_off < headers)
		return -ENOSPC;
	m->data_off = (uint16_t)(m->data_off + payload_off - headers);
	return 0;
}

/*
 * Headers are written where they stand, field by field: what is first put together in narrow stores
 * and then copied in wide ones waits for each of these copies until all stores are done.
 */

static uint8_t *put(uint8_t *pos, const void *octets, size_t len)
{
	memcpy(pos, octets, len);
	return pos + len;
}

static uint8_t *write_ether(uint8_t *pos, const struct dp_rewrite *rw)
{
	static const rte_be16_t tagged = RTE_BE16(RTE_ETHER_TYPE_VLAN);
	rte_be16_t type =
		rw->dst.family == 4 ? RTE_BE16(RTE_ETHER_TYPE_IPV4) : RTE_BE16(RTE_ETHER_TYPE_IPV6);

	pos = put(pos, &rw->eth_dst, sizeof(rw->eth_dst));
	pos = put(pos, &rw->eth_src, sizeof(rw->eth_src));
	if (rw->vlan) {
		pos = put(pos, &tagged, sizeof(tagged));
		pos = put(pos, &rw->vlan_tci_be, sizeof(rw->vlan_tci_be));
	}
	return put(pos, &type, sizeof(type));
}

/** addrs: the sum of both addresses. All other words are known, so the checksum reads nothing. */
static uint8_t *write_ip4(
	uint8_t *pos, const struct dp_rewrite *rw, uint16_t udp_len, uint64_t addrs)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)pos;
	rte_be16_t total_len = rte_cpu_to_be_16((uint16_t)(IP4_LEN + udp_len));
	uint64_t sum = addrs + total_len + RTE_BE16(RTE_IPV4_VHL_DEF << 8) +
		       RTE_BE16(RTE_IPV4_HDR_DF_FLAG) + RTE_BE16(HOP_LIMIT << 8 | IPPROTO_UDP);

	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->type_of_service = 0;
	ip->total_length = total_len;
	ip->packet_id = 0;
	ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	ip->time_to_live = HOP_LIMIT;
	ip->next_proto_id = IPPROTO_UDP;
	ip->hdr_checksum = (uint16_t)~dp_csum_fold(sum);
	memcpy(&ip->src_addr, rw->src.octets, sizeof(ip->src_addr));
	memcpy(&ip->dst_addr, rw->dst.octets, sizeof(ip->dst_addr));
	return pos + IP4_LEN;
}

static uint8_t *write_ip6(uint8_t *pos, const struct dp_rewrite *rw, uint16_t udp_len)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)pos;

	ip->vtc_flow = RTE_BE32(6u << 28);
	ip->payload_len = rte_cpu_to_be_16(udp_len);
	ip->proto = IPPROTO_UDP;
	ip->hop_limits = HOP_LIMIT;
	memcpy(&ip->src_addr, rw->src.octets, sizeof(ip->src_addr));
	memcpy(&ip->dst_addr, rw->dst.octets, sizeof(ip->dst_addr));
	return pos + IP6_LEN;
}

/**
 * The only place that puts a UDP checksum into a frame; a port that computes them itself would get
 * its flags here. payload 0: nobody knows the sum of what stands behind pos + UDP_LEN.
 */
static void write_udp(uint8_t *pos, const struct dp_rewrite *rw, uint16_t udp_len, uint64_t addrs,
	uint64_t payload)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)pos;
	rte_be16_t sport = rte_cpu_to_be_16(rw->sport), dport = rte_cpu_to_be_16(rw->dport);
	rte_be16_t len = rte_cpu_to_be_16(udp_len);

	udp->src_port = sport;
	udp->dst_port = dport;
	udp->dgram_len = len;
	if (payload == 0)
		payload = dp_csum_octets(udp + 1, (size_t)(udp_len - UDP_LEN));
	// the pseudo header has the length too
	udp->dgram_cksum = udp_csum_sent((uint16_t)~dp_csum_fold(
		addrs + RTE_BE16(IPPROTO_UDP) + sport + dport + 2u * len + payload));
}

/** Offload verdicts and a stripped tag belong to the frame that came in. */
static void mbuf_finish(struct rte_mbuf *m, size_t len)
{
	m->ol_flags = 0;
	m->vlan_tci = 0;
	m->data_len = (uint16_t)len;
	m->pkt_len = (uint32_t)len;
}

/** Everything in front of the payload, at the (already moved) front of the frame. */
static void write_headers(
	struct rte_mbuf *m, const struct dp_rewrite *rw, uint16_t dns_len, uint16_t payload_sum)
{
	uint16_t udp_len = (uint16_t)(UDP_LEN + dns_len);
	uint64_t addrs = addr_sum(&rw->src) + addr_sum(&rw->dst);
	uint8_t *front = rte_pktmbuf_mtod(m, uint8_t *);
	uint8_t *pos = write_ether(front, rw);

	pos = rw->dst.family == 4 ? write_ip4(pos, rw, udp_len, addrs)
				  : write_ip6(pos, rw, udp_len);
	write_udp(pos, rw, udp_len, addrs, payload_sum);
	mbuf_finish(m, (size_t)(pos - front) + udp_len);
}

static void pkt_update(struct dp_pkt *p, const struct dp_rewrite *rw, uint16_t dns_len)
{
	p->l3_off = l2_len(rw);
	p->l4_off = (uint16_t)(p->l3_off + ip_len(rw));
	p->dns_off = (uint16_t)(p->l4_off + UDP_LEN);
	p->dns_len = dns_len;
	p->vlan = rw->vlan;
	p->vlan_tci_be = rw->vlan ? rw->vlan_tci_be : 0;
	p->sport = rw->sport;
	p->dport = rw->dport;
	p->src = rw->src;
	p->dst = rw->dst;
}

int dp_packet_rewrite(struct dp_pkt *p, const struct dp_rewrite *rw, uint16_t dns_len)
{
	struct rte_mbuf *m = p->m;
	int err;

	if (!family_ok(rw) || rw->dst.family != p->family)
		return -EAFNOSUPPORT;
	if (m->data_off + p->dns_off + dns_len > m->buf_len)
		return -ENOSPC;
	err = front_set(m, p->dns_off, (uint16_t)(l2_len(rw) + ip_len(rw) + UDP_LEN));
	if (err < 0)
		return err;
	write_headers(m, rw, dns_len, 0);
	pkt_update(p, rw, dns_len);
	return 0;
}

uint16_t dp_packet_payload_sum(const struct dp_pkt *p)
{
	const struct rte_udp_hdr *udp =
		rte_pktmbuf_mtod_offset(p->m, const struct rte_udp_hdr *, p->l4_off);
	uint16_t sum;

	if (udp->dgram_cksum == 0)
		return 0;
	// With what it says of the payload, everything sums to 0xffff.
	sum = (uint16_t)~dp_csum_fold(
		pseudo_sum(&p->src, &p->dst, (uint16_t)(UDP_LEN + p->dns_len)) + udp->src_port +
		udp->dst_port + udp->dgram_len + udp->dgram_cksum);
	return sum != 0 ? sum : 0xffff;
}

int dp_packet_build_summed(
	struct rte_mbuf *m, const struct dp_rewrite *rw, uint16_t dns_len, uint16_t payload_sum)
{
	int err;

	if (!family_ok(rw))
		return -EAFNOSUPPORT;
	if (m->nb_segs != 1 || m->data_len != dns_len)
		return -EINVAL;
	err = front_set(m, 0, (uint16_t)(l2_len(rw) + ip_len(rw) + UDP_LEN));
	if (err < 0)
		return err;
	write_headers(m, rw, dns_len, payload_sum);
	return 0;
}

int dp_packet_build(struct rte_mbuf *m, const struct dp_rewrite *rw, uint16_t dns_len)
{
	return dp_packet_build_summed(m, rw, dns_len, 0);
}

void dp_packet_turn(const struct dp_pkt *p, struct dp_rewrite *rw)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(p->m, const struct rte_ether_hdr *);

	rw->eth_src = eth->dst_addr;
	rw->eth_dst = eth->src_addr;
	rw->vlan = p->vlan;
	rw->vlan_tci_be = p->vlan_tci_be;
	rw->src = p->dst;
	rw->dst = p->src;
	rw->sport = p->dport;
	rw->dport = p->sport;
}
