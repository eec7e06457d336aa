#include "tests/unit/control/capkit.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pcap/pcap.h>

const struct cap_link cap_links[CAP_LINKS] = {
	{"ethernet", DLT_EN10MB, 0},
	{"ethernet, VLAN", DLT_EN10MB, 1},
	{"ethernet, Q in Q", DLT_EN10MB, 2},
	{"cooked", DLT_LINUX_SLL, 0},
	{"cooked, VLAN", DLT_LINUX_SLL, 1},
	{"cooked 2", DLT_LINUX_SLL2, 0},
	{"raw", DLT_RAW, 0},
	{"null", DLT_NULL, 0},
	{"loop", DLT_LOOP, 0},
	{"ethernet, as many tags as may be", DLT_EN10MB, CTL_CAPTURE_VLANS_MAX},
	{"ethernet, PPPoE", DLT_EN10MB, -1},
};

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

size_t cap_udp(uint8_t *out, const struct cap_end *src, const struct cap_end *dst,
	const uint8_t *data, size_t len)
{
	put16(out, src->port);
	put16(out + 2, dst->port);
	put16(out + 4, (unsigned)len + 8);
	put16(out + 6, 0);
	memcpy(out + 8, data, len);
	return len + 8;
}

size_t cap_tcp(uint8_t *out, const struct cap_end *src, const struct cap_end *dst,
	const struct cap_tcp *tcp, const uint8_t *data, size_t len)
{
	memset(out, 0, 24);
	put16(out, src->port);
	put16(out + 2, dst->port);
	put32(out + 4, tcp->seq);
	out[12] = 6 << 4; // with four octets of options
	out[13] = (uint8_t)(0x10 | (tcp->syn ? 2 : 0) | (tcp->fin ? 1 : 0) | (tcp->rst ? 4 : 0));
	out[20] = out[21] = 1;
	if (len > 0)
		memcpy(out + 24, data, len);
	return len + 24;
}

static bool is_v6(const char *addr)
{
	return strchr(addr, ':') != NULL;
}

static size_t put_tags(uint8_t *p, int tags, unsigned type)
{
	for (int i = 0; i < tags; i++) {
		put16(p + 4 * i, i == 0 && tags > 1 ? 0x88a8 : 0x8100);
		put16(p + 4 * i + 2, 100u + (unsigned)i);
	}
	put16(p + 4 * tags, type);
	return 4 * (size_t)tags + 2;
}

static size_t put_link(uint8_t *p, const struct cap_link *link, bool v6)
{
	unsigned type = v6 ? 0x86dd : 0x0800;

	switch (link->dlt) {
	case DLT_EN10MB:
		memset(p, 2, 22);
		if (link->tags < 0) { // version and type 1, session data, then PPP's protocol
			put16(p + 12, 0x8864);
			put16(p + 14, 0x1100);
			put16(p + 20, v6 ? 0x0057 : 0x0021);
			return 22;
		}
		return 12 + put_tags(p + 12, link->tags, type);
	case DLT_LINUX_SLL:
		memset(p, 0, 14);
		return 14 + put_tags(p + 14, link->tags, type);
	case DLT_LINUX_SLL2:
		memset(p, 0, 20);
		put16(p, type);
		return 20;
	case DLT_NULL: // as a little-endian Linux or FreeBSD writes it
		put32(p, 0);
		p[0] = v6 ? 30 : 2;
		return 4;
	case DLT_LOOP:
		put32(p, v6 ? 24 : 2);
		return 4;
	default:
		return 0;
	}
}

static size_t put_ipv4(uint8_t *p, const char *src, const char *dst, uint8_t protocol,
	const struct cap_ip *ip, size_t payload)
{
	size_t header = 20 + 4 * (size_t)ip->options;

	memset(p, 1, header); // options: all no-operation
	memset(p, 0, 20);
	p[0] = (uint8_t)(0x40 | header / 4);
	put16(p + 2, (unsigned)(header + payload));
	put16(p + 4, ip->id);
	put16(p + 6, (ip->more ? 0x2000u : 0) | ip->offset / 8);
	p[8] = 64;
	p[9] = protocol;
	if (inet_pton(AF_INET, src, p + 12) != 1 || inet_pton(AF_INET, dst, p + 16) != 1)
		abort();
	return header;
}

static size_t put_ipv6(uint8_t *p, const char *src, const char *dst, uint8_t protocol,
	const struct cap_ip *ip, size_t payload)
{
	bool fragment = ip->more || ip->offset != 0;
	size_t extra = 8 * (size_t)ip->options + (fragment ? 8 : 0), at = 40;
	uint8_t *next = p + 6;

	memset(p, 0, 40 + extra);
	p[0] = 0x60;
	put16(p + 4, (unsigned)(extra + payload));
	if (inet_pton(AF_INET6, src, p + 8) != 1 || inet_pton(AF_INET6, dst, p + 24) != 1)
		abort();
	for (int i = 0; i < ip->options; i++) {
		*next = 60;
		next = p + at;
		p[at + 2] = 1; // PadN
		p[at + 3] = 4;
		at += 8;
	}
	if (fragment) {
		*next = 44;
		next = p + at;
		put16(p + at + 2, ip->offset | ip->more);
		put32(p + at + 4, ip->id);
		at += 8;
	}
	*next = protocol;
	return at;
}

void cap_frame(struct cap_frame *f, const struct cap_link *link, const char *src, const char *dst,
	uint8_t protocol, const struct cap_ip *ip, const uint8_t *upper, size_t len)
{
	static const struct cap_ip plain;
	bool v6 = is_v6(src);

	if (ip == NULL)
		ip = &plain;
	f->len = put_link(f->octets, link, v6);
	f->len += (v6 ? put_ipv6 : put_ipv4)(f->octets + f->len, src, dst, protocol, ip, len);
	if (f->len + len > sizeof(f->octets))
		abort();
	memcpy(f->octets + f->len, upper, len);
	f->len += len;
}

void cap_udp_frame(struct cap_frame *f, const struct cap_link *link, const struct cap_end *src,
	const struct cap_end *dst, const uint8_t *data, size_t len)
{
	static uint8_t upper[CAP_FRAME_MAX];

	cap_frame(f, link, src->addr, dst->addr, 17, NULL, upper,
		cap_udp(upper, src, dst, data, len));
}

void cap_tcp_frame(struct cap_frame *f, const struct cap_link *link, const struct cap_end *src,
	const struct cap_end *dst, const struct cap_tcp *tcp, const uint8_t *data, size_t len)
{
	static uint8_t upper[CAP_FRAME_MAX];

	cap_frame(f, link, src->addr, dst->addr, 6, NULL, upper,
		cap_tcp(upper, src, dst, tcp, data, len));
}

void cap_file_new(struct cap_file *f, int dlt, int64_t time_us)
{
	int fd;

	snprintf(f->path, sizeof(f->path), "/tmp/swerve-capture-XXXXXX");
	fd = mkstemp(f->path);
	f->pcap = pcap_open_dead(dlt, CAP_FRAME_MAX);
	f->dumper = fd < 0 || f->pcap == NULL ? NULL : pcap_dump_fopen(f->pcap, fdopen(fd, "wb"));
	f->time_us = time_us;
	if (f->dumper == NULL)
		abort();
}

void cap_file_add_cut(struct cap_file *f, const struct cap_frame *frame, size_t cut)
{
	struct pcap_pkthdr h = {
		.ts = {.tv_sec = f->time_us / 1000000, .tv_usec = f->time_us % 1000000},
		.caplen = (uint32_t)(cut < frame->len ? cut : frame->len),
		.len = (uint32_t)frame->len,
	};

	pcap_dump(f->dumper, &h, frame->octets);
	f->time_us += 1000;
}

void cap_file_add(struct cap_file *f, const struct cap_frame *frame)
{
	cap_file_add_cut(f, frame, frame->len);
}

void cap_file_close(struct cap_file *f)
{
	pcap_dump_close(f->dumper);
	pcap_close(f->pcap);
}
