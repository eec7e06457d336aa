#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "routing/table.h"

/**
 * DNS messages out of a capture file: link, IP, fragments, UDP and TCP taken off. Memory is bounded
 * whatever the file holds; what was given up for that is counted. Checksums are not looked at: a
 * capture on the sending host has none. One thread.
 */

/** One DNS message. Valid during the call that hands it over. */
struct ctl_capture_msg {
	int64_t time_us; // since the epoch; of the packet that completed it
	struct route_addr src, dst;
	uint16_t sport, dport;
	bool tcp;
	const uint8_t *data; // without TCP's length
	size_t len;          // 0..65535
};

/** Called once a message, in the order of the capture. */
typedef void (*ctl_capture_fn)(void *arg, const struct ctl_capture_msg *msg);

/** What was seen and what could not be used. All but the first four are losses. */
struct ctl_capture_stats {
	uint64_t packets;
	uint64_t messages;
	int64_t first_us, last_us; // of all packets; both 0 when there is none
	uint64_t malformed;        // headers that contradict themselves
	uint64_t cut;              // ends within headers or a DNS message: the snapshot length
	uint64_t fragments;        // of datagrams that never became whole, or overlapped
	uint64_t tcp_lost;         // octets of TCP streams without framing: holes, begun midway
	uint64_t tcp_dropped;      // TCP streams given up, too many at once
};

/** Limits on what is kept while it is incomplete. Tested at n and n + 1. */
enum {
	CTL_CAPTURE_DATAGRAMS_MAX = 128,      // IP datagrams under reassembly
	CTL_CAPTURE_FRAGMENT_AGE_S = 60,      // RFC 8200 s4.5
	CTL_CAPTURE_STREAMS_MAX = 4096,       // TCP directions
	CTL_CAPTURE_HELD_MAX = 1 << 18,       // octets of one stream beyond a hole
	CTL_CAPTURE_TCP_OCTETS_MAX = 1 << 25, // of all streams
	CTL_CAPTURE_VLANS_MAX = 4,            // tags on one frame
	CTL_CAPTURE_EXTENSIONS_MAX = 16,      // IPv6 extension headers of one packet
};

struct ctl_capture;

/**
 * A reader of packets that come from anywhere.
 *
 * @param link  DLT_EN10MB, _LINUX_SLL, _LINUX_SLL2, _RAW (also 14 and LINKTYPE_RAW), _IPV4, _IPV6,
 *              _NULL, _LOOP
 * @param port  a UDP and TCP port that is DNS's beside 53, 0 none. On other ports only what looks
 *              like a DNS message with one question is handed over
 * @retval 0, -ENOTSUP link type, -ENOMEM
 */
int ctl_capture_new(
	int link, uint16_t port, ctl_capture_fn fn, void *arg, struct ctl_capture **out);
/** NULL is allowed. */
void ctl_capture_free(struct ctl_capture *c);

/**
 * One packet.
 *
 * @param data  as captured, len octets
 * @param wire  octets it had on the wire
 */
void ctl_capture_packet(
	struct ctl_capture *c, int64_t time_us, const uint8_t *data, size_t len, size_t wire);

/** The capture's end: what waits behind holes is handed over now. */
void ctl_capture_end(struct ctl_capture *c);
const struct ctl_capture_stats *ctl_capture_get_stats(const struct ctl_capture *c);

enum { CTL_CAPTURE_ERR_MAX = 512 };

/**
 * Read a whole file, pcap or pcapng, by libpcap.
 *
 * @param err  CTL_CAPTURE_ERR_MAX octets: "FILE: why". Also set with 0, when the file ends in the
 *             middle and what came before was read; else empty
 * @retval 0, -EINVAL not a capture or not a packet readable, -ENOTSUP link type, -ENOMEM, -errno of
 *         open
 */
int ctl_capture_read(const char *path, uint16_t port, ctl_capture_fn fn, void *arg,
	struct ctl_capture_stats *stats, char *err);
