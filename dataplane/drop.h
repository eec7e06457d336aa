#pragma once

/**
 * Why a packet was not forwarded or answered. One list, one name table (drop.c, static_assert on
 * the length). A received packet ends in exactly one of: matched, forwarded, answered,
 * dropped[reason].
 */
enum dp_drop {
	DP_DROP_NOT_OURS,  // not UDP over IP to one of our addresses
	DP_DROP_L2_SHORT,  // frame ends inside its headers
	DP_DROP_VLAN,      // more than one VLAN tag
	DP_DROP_IP_HEADER, // version, header length, total length
	DP_DROP_IP_CHECKSUM,
	DP_DROP_FRAGMENT,
	DP_DROP_UDP_LENGTH,
	DP_DROP_UDP_CHECKSUM, // wrong, or zero over IPv6 (RFC 8200 s8.1)
	DP_DROP_SEGMENTED,    // more than one mbuf segment
	DP_DROP_SOURCE,       // source address that no answer may go to (multicast, ours, port 0)
	DP_DROP_ACL,          // client not allowed
	DP_DROP_QUERY_SHORT,  // less than a DNS header: nothing to answer to
	DP_DROP_QUERY_IS_RESPONSE, // QR=1 at the service port
	DP_DROP_REPLY_SHORT,
	DP_DROP_REPLY_IS_QUERY,
	DP_DROP_REPLY_UNMATCHED, // no transaction with this port, ID and address
	DP_DROP_REPLY_QUESTION,  // near miss: the question differs
	DP_DROP_REPLY_LATE,      // transaction there, but already sent elsewhere
	DP_DROP_TXN_FULL,        // no transaction or waiter free
	DP_DROP_NO_MBUF,
	DP_DROP_TX_FULL,
	DP_DROP_HANDOVER_FULL,
	DP_DROP_SHUTDOWN, // still waiting when the drain time was over
	DP_DROP_MAX,
};

/** Short stable name, as "udp_checksum"; never NULL. */
const char *dp_drop_name(enum dp_drop d);
