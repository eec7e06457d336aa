#include <errno.h>
#include <stdalign.h>
#include <stdio.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

#include "dataplane/packet.h"
#include "tests/unit/dataplane/eal.h"
#include "tests/unit/dataplane/frame.h"
#include "tests/unit/run.h"

/** An mbuf over one heap block that ends with its tailroom, so that ASan sees an octet too far. */
struct held {
	struct rte_mbuf m;
	uint8_t *block;
};

static struct held *hold(const uint8_t *octets, size_t len, size_t headroom, size_t tailroom)
{
	struct held *h = aligned_alloc(alignof(struct held), sizeof(*h));

	memset(h, 0, sizeof(*h));
	h->block = malloc(headroom + len + tailroom);
	if (len > 0)
		memcpy(h->block + headroom, octets, len);
	h->m.buf_addr = h->block;
	h->m.buf_len = (uint16_t)(headroom + len + tailroom);
	h->m.data_off = (uint16_t)headroom;
	h->m.data_len = (uint16_t)len;
	h->m.pkt_len = (uint32_t)len;
	h->m.nb_segs = 1;
	return h;
}

static void let_go(struct held *h)
{
	free(h->block);
	free(h);
}

static enum dp_drop parse(const struct frame *f, uint64_t ol_flags, struct dp_pkt *out)
{
	struct held *h = hold(f->octets, f->len, 0, 0);
	enum dp_drop why;

	h->m.ol_flags = ol_flags;
	why = dp_packet_parse(&h->m, out);
	let_go(h);
	return why;
}

static void expect(const char *name, enum dp_drop want, enum dp_drop got)
{
	if (want != got)
		printf("\n    %s: %s, not %s", name,
			got == DP_DROP_MAX ? "good" : dp_drop_name(got),
			want == DP_DROP_MAX ? "good" : dp_drop_name(want));
	CU_ASSERT_EQUAL(want, got);
}

/* ---- parsing ---- */

static const struct frame_spec v4 = {.family = 4, .payload = 31};

static void good_frames(void)
{
	static const struct {
		const char *name;
		struct frame_spec spec;
	} rows[] = {
		{"IPv4", {.family = 4, .payload = 30}},
		{"IPv4, odd payload", {.family = 4, .payload = 31}},
		{"IPv4, no payload", {.family = 4}},
		{"IPv4, padded to 60", {.family = 4, .payload = 12, .padding = 6}},
		{"IPv4, octets after the datagram", {.family = 4, .payload = 12, .surplus = 9}},
		{"IPv4, 4 octets of options", {.family = 4, .payload = 30, .options = 4}},
		{"IPv4, 40 octets of options", {.family = 4, .payload = 30, .options = 40}},
		{"IPv4, no checksum", {.family = 4, .payload = 30, .no_udp_csum = true}},
		{"IPv4, tag", {.family = 4, .payload = 30, .tags = 1}},
		{"IPv4, tag, options, padding",
			{.family = 4, .payload = 9, .tags = 1, .options = 8, .padding = 1}},
		{"IPv4, large", {.family = 4, .payload = 1472}},
		{"IPv6", {.family = 6, .payload = 30}},
		{"IPv6, odd payload, padded", {.family = 6, .payload = 31, .padding = 4}},
		{"IPv6, no payload", {.family = 6}},
		{"IPv6, tag", {.family = 6, .payload = 30, .tags = 1}},
		{"IPv6, octets after the datagram", {.family = 6, .payload = 30, .surplus = 3}},
	};

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct dp_pkt p;
		struct frame f;
		struct held *h;

		frame_make(&f, &rows[i].spec);
		h = hold(f.octets, f.len, 0, 0);
		memset(&p, 0xff, sizeof(p));
		expect(rows[i].name, DP_DROP_MAX, dp_packet_parse(&h->m, &p));
		CU_ASSERT_EQUAL(p.m, &h->m);
		CU_ASSERT_EQUAL(p.family, f.family);
		CU_ASSERT_EQUAL(p.l3_off, f.l3);
		CU_ASSERT_EQUAL(p.l4_off, f.l4);
		CU_ASSERT_EQUAL(p.dns_off, f.dns);
		CU_ASSERT_EQUAL(p.dns_len, f.dns_len);
		CU_ASSERT_EQUAL(h->m.data_len, f.dns + f.dns_len);
		CU_ASSERT_EQUAL(h->m.pkt_len, f.dns + f.dns_len);
		CU_ASSERT_EQUAL(p.sport, 40000);
		CU_ASSERT_EQUAL(p.dport, 53);
		CU_ASSERT_EQUAL(p.vlan, rows[i].spec.tags == 1);
		CU_ASSERT_EQUAL(p.vlan_tci_be, rows[i].spec.tags == 1 ? RTE_BE16(0x2064) : 0);
		CU_ASSERT_EQUAL(p.src.family, f.family);
		CU_ASSERT_EQUAL(p.src.octets[f.family == 4 ? 3 : 15], 7);
		CU_ASSERT_EQUAL(p.dst.octets[f.family == 4 ? 3 : 15], f.family == 4 ? 53 : 0x53);
		for (size_t k = 4; k < sizeof(p.src.octets); k++)
			CU_ASSERT_TRUE(f.family == 6 || (p.src.octets[k] | p.dst.octets[k]) == 0);
		let_go(h);
	}
}

enum layer { L2, L3, L4 };
enum { FIX_IP = 1, FIX_UDP = 2 };

/** One change to a good frame; `fix` puts checksums right again so that only the reason under test
 * is left. */
struct bad_row {
	const char *name;
	struct frame_spec spec;
	enum layer layer;
	uint16_t off;
	uint8_t n;
	uint8_t octets[16];
	unsigned fix;
	enum dp_drop want;
};

static void bad_check(const struct bad_row *row)
{
	struct dp_pkt p;
	struct frame f;
	size_t base;

	frame_make(&f, &row->spec);
	base = row->layer == L2 ? 0 : row->layer == L3 ? f.l3 : f.l4;
	memcpy(f.octets + base + row->off, row->octets, row->n);
	if (row->fix & FIX_IP)
		frame_fix_ip(&f);
	if (row->fix & FIX_UDP)
		frame_fix_udp(&f);
	expect(row->name, row->want, parse(&f, 0, &p));
}

static void bad_l2(void)
{
	static const struct bad_row rows[] = {
		{"ARP", {.family = 4}, L2, 12, 2, {0x08, 0x06}, 0, DP_DROP_NOT_OURS},
		{"802.3 length", {.family = 4}, L2, 12, 2, {0x00, 0x2e}, 0, DP_DROP_NOT_OURS},
		{"broadcast frame", {.family = 4}, L2, 0, 6, {255, 255, 255, 255, 255, 255}, 0,
			DP_DROP_NOT_OURS},
		{"group frame", {.family = 6}, L2, 0, 2, {0x33, 0x33}, 0, DP_DROP_NOT_OURS},
		{"from a group", {.family = 4}, L2, 6, 1, {0x03}, 0, DP_DROP_SOURCE},
		{"two tags", {.family = 4, .tags = 2}, L2, 0, 0, {0}, 0, DP_DROP_VLAN},
		{"service tag", {.family = 4, .tags = 1}, L2, 12, 2, {0x88, 0xa8}, 0, DP_DROP_VLAN},
		{"tag, then service tag", {.family = 4, .tags = 2}, L2, 16, 2, {0x88, 0xa8}, 0,
			DP_DROP_VLAN},
		{"tag, then ARP", {.family = 4, .tags = 1}, L2, 16, 2, {0x08, 0x06}, 0,
			DP_DROP_NOT_OURS},
	};

	for (size_t i = 0; i < RTE_DIM(rows); i++)
		bad_check(&rows[i]);
}

static void bad_ip(void)
{
	static const struct bad_row rows[] = {
		{"IPv4 says 6", {.family = 4}, L3, 0, 1, {0x65}, FIX_IP, DP_DROP_IP_HEADER},
		{"IPv4 header of 16", {.family = 4}, L3, 0, 1, {0x44}, 0, DP_DROP_IP_HEADER},
		{"IPv4 header past the packet", {.family = 4}, L3, 0, 1, {0x4f}, 0,
			DP_DROP_IP_HEADER},
		{"IPv4 length below header", {.family = 4}, L3, 2, 2, {0, 19}, FIX_IP,
			DP_DROP_IP_HEADER},
		{"IPv4 length 1 too long", {.family = 4, .payload = 4}, L3, 2, 2, {0, 33}, FIX_IP,
			DP_DROP_IP_HEADER},
		{"IPv4 length right", {.family = 4, .payload = 4}, L3, 2, 2, {0, 32}, FIX_IP,
			DP_DROP_MAX},
		{"IPv4 checksum", {.family = 4}, L3, 8, 1, {56}, 0, DP_DROP_IP_CHECKSUM},
		{"IPv4 checksum over options", {.family = 4, .options = 4}, L3, 23, 1, {0}, 0,
			DP_DROP_IP_CHECKSUM},
		{"IPv4 TCP", {.family = 4}, L3, 9, 1, {6}, FIX_IP, DP_DROP_NOT_OURS},
		{"IPv4 ICMP", {.family = 4}, L3, 9, 1, {1}, FIX_IP, DP_DROP_NOT_OURS},
		{"IPv4 more fragments", {.family = 4}, L3, 6, 2, {0x20, 0}, FIX_IP,
			DP_DROP_FRAGMENT},
		{"IPv4 last fragment", {.family = 4}, L3, 6, 2, {0, 1}, FIX_IP, DP_DROP_FRAGMENT},
		{"IPv4 DF is none", {.family = 4}, L3, 6, 2, {0x40, 0}, FIX_IP, DP_DROP_MAX},
		{"IPv4 from 0.0.0.1", {.family = 4}, L3, 12, 4, {0, 0, 0, 1}, 3, DP_DROP_SOURCE},
		{"IPv4 from loopback", {.family = 4}, L3, 12, 4, {127, 1, 0, 1}, 3, DP_DROP_SOURCE},
		{"IPv4 from 223.255.255.255", {.family = 4}, L3, 12, 4, {223, 255, 255, 255}, 3,
			DP_DROP_MAX},
		{"IPv4 from 224.0.0.0", {.family = 4}, L3, 12, 4, {224, 0, 0, 0}, 3,
			DP_DROP_SOURCE},
		{"IPv4 from broadcast", {.family = 4}, L3, 12, 4, {255, 255, 255, 255}, 3,
			DP_DROP_SOURCE},
		{"IPv6 says 4", {.family = 6}, L3, 0, 1, {0x40}, 0, DP_DROP_IP_HEADER},
		{"IPv6 length 1 too long", {.family = 6, .payload = 4}, L3, 4, 2, {0, 13}, 0,
			DP_DROP_IP_HEADER},
		{"IPv6 jumbogram", {.family = 6, .payload = 4}, L3, 4, 2, {0, 0}, 0,
			DP_DROP_UDP_LENGTH},
		{"IPv6 fragment header", {.family = 6}, L3, 6, 1, {44}, 0, DP_DROP_FRAGMENT},
		{"IPv6 hop-by-hop", {.family = 6}, L3, 6, 1, {0}, 0, DP_DROP_NOT_OURS},
		{"IPv6 ICMP", {.family = 6}, L3, 6, 1, {58}, 0, DP_DROP_NOT_OURS},
		{"IPv6 from a group", {.family = 6}, L3, 8, 1, {0xff}, FIX_UDP, DP_DROP_SOURCE},
		{"IPv6 from ::", {.family = 6}, L3, 8, 16, {0}, FIX_UDP, DP_DROP_SOURCE},
		{"IPv6 from ::1", {.family = 6}, L3, 8, 16, {[15] = 1}, FIX_UDP, DP_DROP_SOURCE},
		{"IPv6 from ::2", {.family = 6}, L3, 8, 16, {[15] = 2}, FIX_UDP, DP_DROP_MAX},
		{"IPv6 from a mapped one", {.family = 6}, L3, 8, 16,
			{[10] = 255, 255, 192, 0, 2, 1}, FIX_UDP, DP_DROP_SOURCE},
	};

	for (size_t i = 0; i < RTE_DIM(rows); i++)
		bad_check(&rows[i]);
}

static void bad_udp(void)
{
	static const struct bad_row rows[] = {
		{"length 7", {.family = 4}, L4, 4, 2, {0, 7}, 0, DP_DROP_UDP_LENGTH},
		{"length 0", {.family = 6}, L4, 4, 2, {0, 0}, 0, DP_DROP_UDP_LENGTH},
		{"length 1 too long", {.family = 4, .payload = 5}, L4, 4, 2, {0, 14}, 0,
			DP_DROP_UDP_LENGTH},
		{"length 1 too long, padded", {.family = 4, .payload = 5, .padding = 9}, L4, 4, 2,
			{0, 14}, 0, DP_DROP_UDP_LENGTH},
		{"length right", {.family = 4, .payload = 5}, L4, 4, 2, {0, 13}, FIX_UDP,
			DP_DROP_MAX},
		{"length 1 short", {.family = 4, .payload = 5}, L4, 4, 2, {0, 12}, FIX_UDP,
			DP_DROP_MAX},
		{"IPv4 room for 7", {.family = 4}, L3, 2, 2, {0, 27}, FIX_IP, DP_DROP_UDP_LENGTH},
		{"IPv6 room for 7", {.family = 6}, L3, 4, 2, {0, 7}, 0, DP_DROP_UDP_LENGTH},
		{"checksum, IPv4", {.family = 4, .payload = 5}, L4, 8, 1, {99}, 0,
			DP_DROP_UDP_CHECKSUM},
		{"checksum, IPv6", {.family = 6, .payload = 5}, L4, 12, 1, {99}, 0,
			DP_DROP_UDP_CHECKSUM},
		{"checksum, other address", {.family = 4}, L3, 19, 1, {54}, FIX_IP,
			DP_DROP_UDP_CHECKSUM},
		{"none over IPv6", {.family = 6, .payload = 5}, L4, 6, 2, {0, 0}, 0,
			DP_DROP_UDP_CHECKSUM},
		{"from port 0", {.family = 4}, L4, 0, 2, {0, 0}, FIX_UDP, DP_DROP_SOURCE},
		{"from port 1", {.family = 4}, L4, 0, 2, {0, 1}, FIX_UDP, DP_DROP_MAX},
	};

	for (size_t i = 0; i < RTE_DIM(rows); i++)
		bad_check(&rows[i]);
}

/** The port's verdict counts where it gave one. */
static void port_verdicts(void)
{
	static const struct {
		const char *name;
		int family;
		bool bad_ip, bad_udp, no_udp;
		uint64_t flags;
		enum dp_drop want;
	} rows[] = {
		{"IP bad, port says good", 4, true, false, false, RTE_MBUF_F_RX_IP_CKSUM_GOOD,
			DP_DROP_MAX},
		{"IP good, port says bad", 4, false, false, false, RTE_MBUF_F_RX_IP_CKSUM_BAD,
			DP_DROP_IP_CHECKSUM},
		{"IP bad, port says none", 4, true, false, false, RTE_MBUF_F_RX_IP_CKSUM_NONE,
			DP_DROP_IP_CHECKSUM},
		{"IP good, port says none", 4, false, false, false, RTE_MBUF_F_RX_IP_CKSUM_NONE,
			DP_DROP_MAX},
		{"UDP bad, port says good", 4, false, true, false, RTE_MBUF_F_RX_L4_CKSUM_GOOD,
			DP_DROP_MAX},
		{"UDP good, port says bad", 6, false, false, false, RTE_MBUF_F_RX_L4_CKSUM_BAD,
			DP_DROP_UDP_CHECKSUM},
		{"UDP bad, port says none", 6, false, true, false, RTE_MBUF_F_RX_L4_CKSUM_NONE,
			DP_DROP_UDP_CHECKSUM},
		{"no checksum, IPv4, bad", 4, false, false, true, RTE_MBUF_F_RX_L4_CKSUM_BAD,
			DP_DROP_MAX},
		{"no checksum, IPv6, good", 6, false, false, true, RTE_MBUF_F_RX_L4_CKSUM_GOOD,
			DP_DROP_UDP_CHECKSUM},
		{"stripped tag", 4, false, false, false,
			RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED, DP_DROP_MAX},
		{"two stripped tags", 4, false, false, false,
			RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_QINQ |
				RTE_MBUF_F_RX_QINQ_STRIPPED,
			DP_DROP_VLAN},
	};

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct frame_spec s = {
			.family = rows[i].family, .payload = 20, .no_udp_csum = rows[i].no_udp};
		struct dp_pkt p;
		struct frame f;

		frame_make(&f, &s);
		if (rows[i].bad_ip)
			f.octets[f.l3 + 11] ^= 1;
		if (rows[i].bad_udp)
			f.octets[f.l4 + 7] ^= 1;
		expect(rows[i].name, rows[i].want, parse(&f, rows[i].flags, &p));
	}
}

static void stripped_tag(void)
{
	struct dp_rewrite rw;
	struct frame f;
	struct held *h;
	struct dp_pkt p;

	frame_make(&f, &v4);
	h = hold(f.octets, f.len, 64, 0);
	h->m.ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	h->m.vlan_tci = 0x2064;
	CU_ASSERT_EQUAL(dp_packet_parse(&h->m, &p), DP_DROP_MAX);
	CU_ASSERT_TRUE(p.vlan);
	CU_ASSERT_EQUAL(p.vlan_tci_be, RTE_BE16(0x2064));
	dp_packet_turn(&p, &rw);
	CU_ASSERT_EQUAL(dp_packet_rewrite(&p, &rw, p.dns_len), 0);
	CU_ASSERT_EQUAL(h->m.ol_flags, 0);
	CU_ASSERT_EQUAL(h->m.data_len, f.len + 4);
	CU_ASSERT_EQUAL(
		memcmp(rte_pktmbuf_mtod_offset(&h->m, uint8_t *, 12), "\x81\0\x20\x64\x08\0", 6),
		0);
	let_go(h);

	frame_make(&f, &(struct frame_spec){.family = 4, .tags = 1});
	expect("tag in mbuf and frame", DP_DROP_VLAN,
		parse(&f, RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED, &p));
}

static void segments(void)
{
	struct frame f;
	struct held *h;
	struct dp_pkt p;

	frame_make(&f, &v4);
	h = hold(f.octets, f.len, 0, 0);
	h->m.nb_segs = 2;
	expect("two segments", DP_DROP_SEGMENTED, dp_packet_parse(&h->m, &p));
	let_go(h);
}

/** A frame cut anywhere is dropped, for a reason of the layer that the cut goes through. */
static void truncations(void)
{
	static const struct frame_spec specs[] = {
		{.family = 4, .payload = 19},
		{.family = 4, .payload = 19, .tags = 1, .options = 12},
		{.family = 6, .payload = 19, .tags = 1},
	};

	for (size_t i = 0; i < RTE_DIM(specs); i++) {
		struct frame f;
		size_t full;

		frame_make(&f, &specs[i]);
		full = f.len;
		for (f.len = 0; f.len < full; f.len++) {
			struct dp_pkt p;
			size_t ip_min = f.l3 + (f.family == 4 ? 20 : 40);

			expect("cut", f.len < ip_min ? DP_DROP_L2_SHORT : DP_DROP_IP_HEADER,
				parse(&f, 0, &p));
		}
	}
}

/** Any one bit changed: no crash, and never good unless no check covers it. */
static void bit_flips(void)
{
	static const struct frame_spec specs[] = {
		{.family = 4, .payload = 12, .options = 4, .tags = 1},
		{.family = 6, .payload = 12},
	};

	for (size_t i = 0; i < RTE_DIM(specs); i++) {
		struct frame f;

		frame_make(&f, &specs[i]);
		for (size_t bit = f.l3 * 8; bit < f.len * 8; bit++) {
			size_t at = bit / 8 - f.l3;
			struct dp_pkt p;
			// IPv6 covers neither traffic class and flow label nor the hop limit
			bool covered = f.family == 4 || (at >= 4 && at != 7);
			enum dp_drop why;

			f.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
			why = parse(&f, 0, &p);
			CU_ASSERT_TRUE(!covered || why != DP_DROP_MAX);
			f.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint32_t random32(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33);
}

static void garbage(void)
{
	for (int i = 0; i < 20000; i++) {
		struct frame_spec s = {.family = i % 2 ? 4 : 6,
			.payload = random32() % 40,
			.tags = random32() % 2};
		struct dp_pkt p;
		struct frame f;
		enum dp_drop why;

		frame_make(&f, &s);
		for (int n = (int)(random32() % 6); n >= 0; n--)
			f.octets[12 + random32() % (f.len - 12)] = (uint8_t)random32();
		f.len = random32() % 4 ? f.len : random32() % f.len;
		why = parse(&f, 0, &p);
		if (why == DP_DROP_MAX)
			CU_ASSERT_TRUE(p.dns_off + p.dns_len <= f.len);
	}
}

/* ---- writing ---- */

static void rewrite_default(struct dp_rewrite *rw, int family, bool vlan)
{
	memset(rw, 0, sizeof(*rw));
	memcpy(rw->eth_src.addr_bytes, "\x02\0\0\0\1\1", 6);
	memcpy(rw->eth_dst.addr_bytes, "\x02\0\0\0\1\2", 6);
	rw->vlan = vlan;
	rw->vlan_tci_be = RTE_BE16(0x0007);
	rw->src.family = rw->dst.family = (uint8_t)family;
	memcpy(rw->src.octets, "\xcb\0\x71\x09\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c",
		family == 4 ? 4 : 16);
	memcpy(rw->dst.octets, "\xcb\0\x71\x0a\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0d",
		family == 4 ? 4 : 16);
	rw->sport = 53124;
	rw->dport = 53;
}

/** The whole frame, judged by the naive checksums and by reading it octet by octet. */
static bool frame_is(
	const struct rte_mbuf *m, const struct dp_rewrite *rw, const uint8_t *dns, size_t dns_len)
{
	const uint8_t *o = rte_pktmbuf_mtod(m, const uint8_t *);
	struct frame f = {.family = rw->dst.family, .len = m->data_len};
	const uint8_t *ip, *udp;

	if (m->data_len > sizeof(f.octets) || m->pkt_len != m->data_len || m->ol_flags != 0)
		return false;
	memcpy(f.octets, o, m->data_len);
	f.l3 = rw->vlan ? 18 : 14;
	f.l4 = f.l3 + (f.family == 4 ? 20 : 40);
	f.dns = f.l4 + 8;
	ip = o + f.l3;
	udp = o + f.l4;
	if (f.len != f.dns + dns_len || memcmp(o, &rw->eth_dst, 6) != 0 ||
		memcmp(o + 6, &rw->eth_src, 6) != 0)
		return false;
	if (rw->vlan && (frame_get16(o + 12) != 0x8100 || memcmp(o + 14, &rw->vlan_tci_be, 2) != 0))
		return false;
	if (frame_get16(ip - 2) != (f.family == 4 ? 0x0800 : 0x86dd))
		return false;
	if (f.family == 4 && (ip[0] != 0x45 || ip[1] != 0 || frame_get16(ip + 2) != f.len - f.l3 ||
				     frame_get16(ip + 4) != 0 || frame_get16(ip + 6) != 0x4000 ||
				     ip[8] != 64 || ip[9] != 17 || frame_ip_sum(&f) != 0xffff ||
				     memcmp(ip + 12, rw->src.octets, 4) != 0 ||
				     memcmp(ip + 16, rw->dst.octets, 4) != 0))
		return false;
	if (f.family == 6 && (ip[0] != 0x60 || ip[1] != 0 || frame_get16(ip + 2) != 0 ||
				     frame_get16(ip + 4) != f.len - f.l4 || ip[6] != 17 ||
				     ip[7] != 64 || memcmp(ip + 8, rw->src.octets, 16) != 0 ||
				     memcmp(ip + 24, rw->dst.octets, 16) != 0))
		return false;
	return frame_get16(udp) == rw->sport && frame_get16(udp + 2) == rw->dport &&
	       frame_get16(udp + 4) == 8 + dns_len && frame_get16(udp + 6) != 0 &&
	       frame_udp_sum(&f) == 0xffff && memcmp(udp + 8, dns, dns_len) == 0;
}

/** Every kind of packet into every kind, payload shorter, equal and longer. */
static void rewrites(void)
{
	static const struct frame_spec specs[] = {
		{.family = 4, .payload = 31},
		{.family = 4, .payload = 31, .tags = 1},
		{.family = 4, .payload = 31, .options = 40},
		{.family = 4, .payload = 31, .options = 4, .tags = 1, .padding = 5},
		{.family = 4, .payload = 31, .no_udp_csum = true},
		{.family = 6, .payload = 31},
		{.family = 6, .payload = 31, .tags = 1},
	};
	static const uint16_t lens[] = {0, 12, 30, 31, 32, 131};

	for (size_t i = 0; i < RTE_DIM(specs); i++) {
		for (size_t j = 0; j < RTE_DIM(lens) * 2; j++) {
			uint16_t len = lens[j / 2];
			uint8_t payload[131];
			struct dp_rewrite rw;
			struct dp_pkt p;
			struct frame f;
			struct held *h;

			frame_make(&f, &specs[i]);
			h = hold(f.octets, f.len, 4, 100);
			CU_ASSERT_EQUAL_FATAL(dp_packet_parse(&h->m, &p), DP_DROP_MAX);
			for (size_t k = 0; k < len; k++)
				payload[k] = (uint8_t)random32();
			memcpy(rte_pktmbuf_mtod_offset(&h->m, uint8_t *, p.dns_off), payload, len);
			rewrite_default(&rw, f.family, j % 2);
			CU_ASSERT_EQUAL(dp_packet_rewrite(&p, &rw, len), 0);
			CU_ASSERT_TRUE(frame_is(&h->m, &rw, payload, len));
			CU_ASSERT_EQUAL(p.dns_len, len);
			CU_ASSERT_EQUAL(p.dns_off + len, h->m.data_len);
			// and back: what we wrote is a frame that we read, and can write again
			CU_ASSERT_EQUAL(dp_packet_parse(&h->m, &p), DP_DROP_MAX);
			dp_packet_turn(&p, &rw);
			CU_ASSERT_EQUAL(dp_packet_rewrite(&p, &rw, len), 0);
			CU_ASSERT_TRUE(frame_is(&h->m, &rw, payload, len));
			let_go(h);
		}
	}
}

static void turn(void)
{
	struct dp_rewrite rw;
	struct dp_pkt p;
	struct frame f;
	struct held *h;

	frame_make(&f, &(struct frame_spec){.family = 6, .payload = 5, .tags = 1});
	h = hold(f.octets, f.len, 0, 0);
	CU_ASSERT_EQUAL(dp_packet_parse(&h->m, &p), DP_DROP_MAX);
	dp_packet_turn(&p, &rw);
	CU_ASSERT_EQUAL(memcmp(&rw.eth_src, f.octets, 6), 0);
	CU_ASSERT_EQUAL(memcmp(&rw.eth_dst, f.octets + 6, 6), 0);
	CU_ASSERT_TRUE(rw.vlan && rw.vlan_tci_be == RTE_BE16(0x2064));
	CU_ASSERT_EQUAL(rw.sport, 53);
	CU_ASSERT_EQUAL(rw.dport, 40000);
	CU_ASSERT_EQUAL(memcmp(&rw.src, &p.dst, sizeof(p.dst)), 0);
	CU_ASSERT_EQUAL(memcmp(&rw.dst, &p.src, sizeof(p.src)), 0);
	CU_ASSERT_EQUAL(dp_packet_rewrite(&p, &rw, 5), 0); // no room is needed to turn round
	let_go(h);
}

static void room(void)
{
	struct dp_rewrite rw;
	struct dp_pkt p, before;
	struct frame f;
	struct held *h;

	frame_make(&f, &v4);
	h = hold(f.octets, f.len, 3, 10);
	CU_ASSERT_EQUAL(dp_packet_parse(&h->m, &p), DP_DROP_MAX);
	before = p;
	rewrite_default(&rw, 4, true);
	CU_ASSERT_EQUAL(
		dp_packet_rewrite(&p, &rw, 31), -ENOSPC); // a tag is four octets, there are three
	rewrite_default(&rw, 4, false);
	CU_ASSERT_EQUAL(dp_packet_rewrite(&p, &rw, 42), -ENOSPC);
	rewrite_default(&rw, 6, false);
	CU_ASSERT_EQUAL(dp_packet_rewrite(&p, &rw, 31), -EAFNOSUPPORT);
	rw.src.family = 4;
	CU_ASSERT_EQUAL(dp_packet_rewrite(&p, &rw, 31), -EAFNOSUPPORT);
	CU_ASSERT_EQUAL(memcmp(&p, &before, sizeof(p)), 0);
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(&h->m, uint8_t *), f.octets, f.len), 0);
	rewrite_default(&rw, 4, false);
	CU_ASSERT_EQUAL(dp_packet_rewrite(&p, &rw, 41), 0);
	let_go(h);
}

/** What the checksum says of the payload is what the payload sums to. */
static void payload_sums(void)
{
	for (int i = 0; i < 4000; i++) {
		struct frame_spec s = {.family = i % 2 ? 4 : 6,
			.payload = 12 + random32() % 20,
			.padding = i % 8 == 3 ? 4 : 0,
			.no_udp_csum = i % 16 == 1};
		struct dp_pkt p;
		struct frame f;
		struct held *h;
		uint16_t want;

		frame_make(&f, &s);
		h = hold(f.octets, f.len, 0, 0);
		CU_ASSERT_EQUAL_FATAL(dp_packet_parse(&h->m, &p), DP_DROP_MAX);
		want = frame_sum(f.octets + f.dns, f.dns_len, 0);
		CU_ASSERT_EQUAL(
			dp_packet_payload_sum(&p), s.no_udp_csum ? 0 : rte_cpu_to_be_16(want));
		let_go(h);
	}
}

/** The payload whose words sum to `word`, as it is sent and as it is read. */
static void zero_sum(int family, uint16_t word, bool summed)
{
	struct held *h = hold(NULL, 0, DP_PACKET_HEADROOM, 12);
	struct dp_rewrite rw;
	struct dp_pkt p;
	uint8_t *dns = (uint8_t *)rte_pktmbuf_append(&h->m, 12);

	CU_ASSERT_PTR_NOT_NULL_FATAL(dns);
	memset(dns, 0, 12);
	dns[2] = (uint8_t)(word >> 8);
	dns[3] = (uint8_t)word;
	rewrite_default(&rw, family, false);
	CU_ASSERT_EQUAL(
		dp_packet_build_summed(&h->m, &rw, 12, summed ? rte_cpu_to_be_16(word) : 0), 0);
	CU_ASSERT_TRUE(frame_is(&h->m, &rw, dns, 12));
	CU_ASSERT_EQUAL(dp_packet_parse(&h->m, &p), DP_DROP_MAX);
	CU_ASSERT_EQUAL(dp_packet_payload_sum(&p), rte_cpu_to_be_16(word));
	let_go(h);
}

/**
 * Whatever a payload sums to: among all sums is the one for which the checksum is 0, which goes out
 * as 0xffff (RFC 768).
 */
static void never_zero(void)
{
	for (int family = 4; family <= 6; family += 2) {
		for (uint32_t word = 1; word <= 0xffff; word++)
			zero_sum(family, (uint16_t)word, word % 2);
		for (uint32_t word = 1; word <= 0xffff; word++)
			zero_sum(family, (uint16_t)word, word % 2 == 0);
	}
}

static struct rte_mempool *pool;

static void builds(void)
{
	for (int i = 0; i < 8; i++) {
		uint16_t len = (uint16_t)(i & 4 ? 1232 : 33);
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		struct dp_rewrite rw;
		struct dp_pkt p;
		uint8_t *dns;

		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		m->data_off = DP_PACKET_HEADROOM;
		dns = (uint8_t *)rte_pktmbuf_append(m, len);
		CU_ASSERT_PTR_NOT_NULL_FATAL(dns);
		for (size_t k = 0; k < len; k++)
			dns[k] = (uint8_t)random32();
		rewrite_default(&rw, i & 1 ? 4 : 6, i & 2);
		CU_ASSERT_EQUAL(dp_packet_build(m, &rw, (uint16_t)(len + 1)), -EINVAL);
		CU_ASSERT_EQUAL(dp_packet_build(m, &rw, len), 0);
		CU_ASSERT_TRUE(frame_is(m, &rw, dns, len));
		CU_ASSERT_EQUAL(dp_packet_parse(m, &p), DP_DROP_MAX);
		CU_ASSERT_EQUAL(p.dns_len, len);
		rte_pktmbuf_free(m);
	}
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

static void build_room(void)
{
	struct dp_rewrite rw;
	struct held *h = hold(NULL, 0, DP_PACKET_HEADROOM - 1, 1);

	CU_ASSERT_PTR_NOT_NULL_FATAL(rte_pktmbuf_append(&h->m, 1));
	rewrite_default(&rw, 6, true);
	CU_ASSERT_EQUAL(dp_packet_build(&h->m, &rw, 1), -ENOSPC);
	rw.src.family = 4;
	CU_ASSERT_EQUAL(dp_packet_build(&h->m, &rw, 1), -EAFNOSUPPORT);
	rewrite_default(&rw, 6, false);
	CU_ASSERT_EQUAL(dp_packet_build(&h->m, &rw, 1), 0);
	let_go(h);
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"good frames", good_frames},
		{"bad Ethernet", bad_l2},
		{"bad IP", bad_ip},
		{"bad UDP", bad_udp},
		{"verdicts of the port", port_verdicts},
		{"stripped tag", stripped_tag},
		{"segments", segments},
		{"truncations", truncations},
		{"bit flips", bit_flips},
		{"garbage", garbage},
		{"rewrites", rewrites},
		{"turn", turn},
		{"room", room},
		{"what payloads sum to", payload_sums},
		{"never a zero checksum", never_zero},
		{"builds", builds},
		{"room to build", build_room},
		CU_TEST_INFO_NULL,
	};
	int failed;

	(void)argc;
	test_eal_start(argv[0]);
	pool = rte_pktmbuf_pool_create("test", 15, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL) {
		fprintf(stderr, "pool: %s\n", rte_strerror(rte_errno));
		return 99;
	}
	failed = test_run("packet", tests);
	rte_mempool_free(pool);
	rte_eal_cleanup();
	return failed;
}
