/*
 * What of an interface's traffic is ours: UDP, and fragments of UDP, to an address in swerve_addrs.
 * Everything else is the kernel's: ARP, neighbour discovery, ICMP (errors about our datagrams too),
 * TCP, other addresses.
 *
 * swerve_xdp hands our packets to the AF_XDP socket of the queue they came in by. Where no socket
 * is bound (the daemon died and left the program), they go on to the kernel, which answers "port
 * unreachable": clients move on at once instead of waiting.
 *
 * swerve_tc is for the af_packet driver, which gets copies: it drops our packets before the
 * kernel's own stack sees them, behind the tap that made the copy.
 *
 * Checksums, lengths and ports are the worker's to judge, where a bad packet is counted by its
 * reason.
 */
#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define QUEUES_MAX    64
#define ADDRS_MAX     64
#define FRAGMENT_NEXT 44 // IPPROTO_FRAGMENT

struct vlan_header {
	__be16 tci, proto;
};

struct fragment_header {
	__u8 next, reserved;
	__be16 offset;
	__be32 id;
};

/** IPv6 address, or IPv4 as ::ffff:a.b.c.d. */
struct address {
	__be32 word[4];
};

// The PMD looks for a map of this name.
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, QUEUES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} xsks_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ADDRS_MAX);
	__type(key, struct address);
	__type(value, __u8);
} swerve_addrs SEC(".maps");

static __always_inline bool ours(const struct address *a)
{
	return bpf_map_lookup_elem(&swerve_addrs, a) != 0;
}

static __always_inline bool ip4_ours(const void *pos, const void *end)
{
	const struct iphdr *ip = pos;
	struct address a = {{0, 0, bpf_htonl(0xffff), 0}};

	if ((const void *)(ip + 1) > end || ip->protocol != IPPROTO_UDP)
		return false;
	a.word[3] = ip->daddr;
	return ours(&a);
}

static __always_inline bool ip6_ours(const void *pos, const void *end)
{
	const struct ipv6hdr *ip = pos;
	const struct fragment_header *frag = (const void *)(ip + 1);
	struct address a;
	__u8 next;

	if ((const void *)(ip + 1) > end)
		return false;
	next = ip->nexthdr;
	if (next == FRAGMENT_NEXT && (const void *)(frag + 1) <= end)
		next = frag->next;
	if (next != IPPROTO_UDP)
		return false;
	__builtin_memcpy(&a, &ip->daddr, sizeof(a));
	return ours(&a);
}

static __always_inline bool frame_ours(const void *pos, const void *end)
{
	const struct ethhdr *eth = pos;
	const struct vlan_header *vlan = (const void *)(eth + 1);
	const void *ip = vlan;
	__be16 proto;

	if ((const void *)(eth + 1) > end)
		return false;
	proto = eth->h_proto;
	if (proto == bpf_htons(ETH_P_8021Q)) {
		if ((const void *)(vlan + 1) > end)
			return false;
		proto = vlan->proto;
		ip = vlan + 1;
	}
	if (proto == bpf_htons(ETH_P_IP))
		return ip4_ours(ip, end);
	if (proto == bpf_htons(ETH_P_IPV6))
		return ip6_ours(ip, end);
	return false;
}

SEC("xdp")
int swerve_xdp(struct xdp_md *ctx)
{
	if (!frame_ours((const void *)(long)ctx->data, (const void *)(long)ctx->data_end))
		return XDP_PASS;
	return (int)bpf_redirect_map(&xsks_map, ctx->rx_queue_index, XDP_PASS);
}

// '?': not loaded unless asked for, and behind swerve_xdp: the PMD attaches the first program of
// the file.
SEC("?tc")
int swerve_tc(struct __sk_buff *skb)
{
	// headers may lie outside the linear part
	if (bpf_skb_pull_data(skb, ETH_HLEN + sizeof(struct vlan_header) + sizeof(struct ipv6hdr) +
					   sizeof(struct fragment_header)) < 0)
		bpf_skb_pull_data(skb, 0);
	if (frame_ours((const void *)(long)skb->data, (const void *)(long)skb->data_end))
		return TC_ACT_SHOT;
	return TC_ACT_UNSPEC;
}

char swerve_license[] SEC("license") = "Dual BSD/GPL";
