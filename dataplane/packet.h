#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "dataplane/drop.h"
#include "routing/table.h"

/**
 * Where the parts of one received frame are. Ethernet with at most one VLAN tag, IPv4 with options,
 * IPv6 (a fragment header is a drop; other extension headers are DP_DROP_NOT_OURS), UDP.
 * Offsets count from the start of the frame (rte_pktmbuf_mtod).
 */
struct dp_pkt {
	struct rte_mbuf *m;
	uint16_t l3_off;
	uint16_t l4_off;
	uint16_t dns_off;
	uint16_t dns_len;
	uint8_t family; // 4 or 6
	bool vlan;
	uint16_t vlan_tci_be;  // from the frame or from the mbuf's stripped tag
	uint16_t sport, dport; // host order
	struct route_addr src, dst;
};

/**
 * Parse and check a frame, checksums included (hardware verdicts in ol_flags are believed when set
 * to GOOD or BAD, otherwise computed). Trailing Ethernet padding is cut off the mbuf, and with it
 * whatever follows the UDP datagram inside the IP packet. dns_len may be 0.
 *
 * A source that can never be answered (group, loopback or unspecified address, port 0) is
 * DP_DROP_SOURCE; whether an address is one of ours is the caller's to judge.
 *
 * @retval DP_DROP_MAX  good, out is filled
 * @return otherwise the reason; out is scratch. Worker.
 */
enum dp_drop dp_packet_parse(struct rte_mbuf *m, struct dp_pkt *out);

/** New addressing for a packet that is being rewritten in place. Ports in host order. */
struct dp_rewrite {
	struct rte_ether_addr eth_src, eth_dst;
	bool vlan;
	uint16_t vlan_tci_be;
	struct route_addr src, dst; // same family as the packet, else dp_packet_build() is needed
	uint16_t sport, dport;
};

/**
 * Turn a received packet's headers into those of an outgoing one after its DNS payload was changed
 * in place to dns_len octets. Lengths and checksums are put right, UDP's over the new payload. IPv4
 * options are dropped from what we send (header becomes 20 octets, payload is not moved: the front
 * is). TTL/hop limit 64, DF set, fresh IPv4 ID 0 (RFC 6864 s4.1).
 *
 * p is brought up to date, so a packet may be rewritten again. Nothing is changed on error.
 *
 * @retval 0
 * @retval -EAFNOSUPPORT  the addresses are not of the packet's family: build a fresh mbuf
 * @retval -ENOSPC        headroom or tailroom
 */
int dp_packet_rewrite(struct dp_pkt *p, const struct dp_rewrite *rw, uint16_t dns_len);

/**
 * What the payload of a parsed packet sums to by its UDP checksum (csum.h), so that nobody need
 * read it again to send it on (RFC 1624): folded, never 0 unless the packet came without a
 * checksum. The payload must still be what was received. Worker.
 */
uint16_t dp_packet_payload_sum(const struct dp_pkt *p);

/**
 * Build headers in front of a fresh mbuf's DNS payload.
 *
 * @param m  one segment; data_off leaves DP_PACKET_HEADROOM before the payload; pkt_len == dns_len
 * @retval 0
 * @retval -EAFNOSUPPORT  source and destination are not of one family
 * @retval -ENOSPC        headroom
 * @retval -EINVAL        the mbuf does not hold dns_len octets in one segment
 */
enum { DP_PACKET_HEADROOM = 14 + 4 + 40 + 8 };
int dp_packet_build(struct rte_mbuf *m, const struct dp_rewrite *rw, uint16_t dns_len);

/**
 * The same for a payload whose sum is known: it is not read.
 * @param payload_sum  as dp_csum_fold() gives it; 0: not known
 */
int dp_packet_build_summed(
	struct rte_mbuf *m, const struct dp_rewrite *rw, uint16_t dns_len, uint16_t payload_sum);

/**
 * Fill rw so that the packet goes back where it came from (MACs, VLAN, addresses and ports
 * swapped).
 */
void dp_packet_turn(const struct dp_pkt *p, struct dp_rewrite *rw);
