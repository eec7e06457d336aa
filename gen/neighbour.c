#include "gen/neighbour.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include <rte_arp.h>
#include <rte_ip.h>

#include "dns/wire.h"

enum {
	ICMP6 = 58,
	SOLICITATION = 135,
	ADVERTISEMENT = 136,
	SOLICITED_OVERRIDE = 0x60,
	OPTION_TARGET_MAC = 2,
	HOPS = 255, // RFC 4861 s7.1: nobody has forwarded it
};

/* RFC 4861 s4.3, s4.4; with the one option that we send. */
struct nd {
	uint8_t type, code;
	uint16_t checksum;
	uint8_t flags, reserved[3];
	uint8_t target[16];
	uint8_t option, option_len; // in units of eight octets
	struct rte_ether_addr mac;
};
static_assert(sizeof(struct nd) == 32, "as on the wire");

static bool is_client(const struct gen_neighbour *n, const struct route_addr *a)
{
	const struct route_addr *first = &n->client[a->family == 6];
	size_t len = route_addr_len(a);
	uint16_t host;

	if (n->client_count == 0 || first->family != a->family ||
		memcmp(first->octets, a->octets, len - 2) != 0)
		return false;
	// as clients.c counts: modulo 65536
	host = (uint16_t)(dns_get16(a->octets + len - 2) - dns_get16(first->octets + len - 2));
	return host < n->client_count;
}

static bool is_ours(const struct gen_neighbour *n, const struct route_addr *a)
{
	return is_client(n, a) || (n->sites && !route_addr_equal(a, &n->server[a->family == 6]));
}

static void turn_ether(const struct gen_neighbour *n, struct rte_ether_hdr *e)
{
	e->dst_addr = e->src_addr;
	e->src_addr = n->mac;
}

static bool answer_arp(const struct gen_neighbour *n, struct rte_mbuf *m)
{
	struct rte_arp_hdr *arp =
		rte_pktmbuf_mtod_offset(m, struct rte_arp_hdr *, sizeof(struct rte_ether_hdr));
	struct rte_arp_ipv4 *d = &arp->arp_data;
	struct route_addr target = {.family = 4};
	uint32_t ip;

	if (m->data_len < sizeof(struct rte_ether_hdr) + sizeof(*arp) ||
		arp->arp_opcode != rte_cpu_to_be_16(RTE_ARP_OP_REQUEST) ||
		arp->arp_hardware != rte_cpu_to_be_16(RTE_ARP_HRD_ETHER) ||
		arp->arp_protocol != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4))
		return false;
	memcpy(target.octets, &d->arp_tip, sizeof(d->arp_tip));
	if (d->arp_sip == 0 || d->arp_sip == d->arp_tip || !is_ours(n, &target))
		return false;
	ip = d->arp_tip;
	arp->arp_opcode = rte_cpu_to_be_16(RTE_ARP_OP_REPLY);
	d->arp_tha = d->arp_sha;
	d->arp_tip = d->arp_sip;
	d->arp_sha = n->mac;
	d->arp_sip = ip;
	turn_ether(n, rte_pktmbuf_mtod(m, struct rte_ether_hdr *));
	return true;
}

static bool is_solicitation(const struct rte_mbuf *m, const struct rte_ipv6_hdr *ip)
{
	static const uint8_t unspecified[16];
	const struct nd *nd = (const struct nd *)(ip + 1);

	// at least as much as its answer shall say, but for the option, which may be missing
	return m->data_len >=
		       sizeof(struct rte_ether_hdr) + sizeof(*ip) + offsetof(struct nd, option) &&
	       ip->proto == ICMP6 && ip->hop_limits == HOPS && nd->type == SOLICITATION &&
	       nd->code == 0 && memcmp(ip->src_addr, unspecified, 16) != 0;
}

static bool answer_nd(const struct gen_neighbour *n, struct rte_mbuf *m)
{
	enum {
		LEN = sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv6_hdr) + sizeof(struct nd)
	};
	struct rte_ipv6_hdr *ip =
		rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, sizeof(struct rte_ether_hdr));
	struct nd *nd = (struct nd *)(ip + 1);
	struct route_addr target = {.family = 6};

	if (!is_solicitation(m, ip) || m->data_off + LEN > m->buf_len)
		return false;
	memcpy(target.octets, nd->target, sizeof(nd->target));
	if (!is_ours(n, &target))
		return false;
	m->data_len = LEN;
	m->pkt_len = LEN;
	turn_ether(n, rte_pktmbuf_mtod(m, struct rte_ether_hdr *));
	memcpy(ip->dst_addr, ip->src_addr, sizeof(ip->dst_addr));
	memcpy(ip->src_addr, target.octets, sizeof(ip->src_addr));
	ip->payload_len = rte_cpu_to_be_16(sizeof(*nd));
	*nd = (struct nd){.type = ADVERTISEMENT,
		.flags = SOLICITED_OVERRIDE,
		.option = OPTION_TARGET_MAC,
		.option_len = 1,
		.mac = n->mac};
	memcpy(nd->target, target.octets, sizeof(nd->target));
	nd->checksum = rte_ipv6_udptcp_cksum(ip, nd);
	return true;
}

bool gen_neighbour_answer(const struct gen_neighbour *n, struct rte_mbuf *m)
{
	const struct rte_ether_hdr *e = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);

	if (m->nb_segs != 1 || m->data_len < sizeof(*e))
		return false;
	if (e->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP))
		return answer_arp(n, m);
	return e->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6) && answer_nd(n, m);
}
