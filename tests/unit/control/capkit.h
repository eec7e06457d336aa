#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "control/capture.h"

/**
 * Frames and capture files for tests, written octet by octet without the code under test. Failing
 * inside is a broken test: it aborts.
 */

enum { CAP_FRAME_MAX = 70000, CAP_LINKS = 11 };

struct cap_frame {
	size_t len;
	uint8_t octets[CAP_FRAME_MAX];
};

/** One end of a flow. */
struct cap_end {
	const char *addr;
	uint16_t port;
};

struct cap_tcp {
	uint32_t seq;
	bool syn, fin, rst;
};

/** What IP adds. Zero: nothing. */
struct cap_ip {
	int options; // IPv4: 32-bit words of options; IPv6: destination-options headers
	// fragment of a payload: `more` or offset in octets
	uint32_t id, offset;
	bool more;
};

/** A link header for each type that is known; `variant` 0 is the plain one. */
struct cap_link {
	const char *name;
	int dlt;
	int tags; // VLAN tags; -1: PPPoE
};
extern const struct cap_link cap_links[CAP_LINKS];

/** UDP header and payload; TCP header and payload. @return octets */
size_t cap_udp(uint8_t *out, const struct cap_end *src, const struct cap_end *dst,
	const uint8_t *data, size_t len);
size_t cap_tcp(uint8_t *out, const struct cap_end *src, const struct cap_end *dst,
	const struct cap_tcp *tcp, const uint8_t *data, size_t len);

/** IP by the addresses' family around an upper layer of protocol 17 or 6, behind a link header. */
void cap_frame(struct cap_frame *f, const struct cap_link *link, const char *src, const char *dst,
	uint8_t protocol, const struct cap_ip *ip, const uint8_t *upper, size_t len);
/** The usual: one UDP datagram. */
void cap_udp_frame(struct cap_frame *f, const struct cap_link *link, const struct cap_end *src,
	const struct cap_end *dst, const uint8_t *data, size_t len);
void cap_tcp_frame(struct cap_frame *f, const struct cap_link *link, const struct cap_end *src,
	const struct cap_end *dst, const struct cap_tcp *tcp, const uint8_t *data, size_t len);

/** A capture file by pcap_dump(), in a fresh file of /tmp. */
struct cap_file {
	char path[64];
	void *pcap, *dumper;
	int64_t time_us; // of the next packet; grows by a millisecond each
};
void cap_file_new(struct cap_file *f, int dlt, int64_t time_us);
void cap_file_add(struct cap_file *f, const struct cap_frame *frame);
/** Only the first `cut` octets were captured. */
void cap_file_add_cut(struct cap_file *f, const struct cap_frame *frame, size_t cut);
/** Finish writing; the file stays. */
void cap_file_close(struct cap_file *f);
