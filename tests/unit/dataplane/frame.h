#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/**
 * Frames for tests, written octet by octet from the RFCs and sharing no code with what they test.
 * Checksums are the naive ones: big-endian words, carries added one at a time.
 */

enum { FRAME_MAX = 2048 };

struct frame_spec {
	int family;     // 4 or 6
	int tags;       // VLAN tags of 802.1Q, TCI 0x2064
	size_t options; // octets of IPv4 options, a multiple of 4, 0..40
	size_t payload; // octets, filled with a pattern
	size_t surplus; // octets inside the IP packet after the datagram
	size_t padding; // octets after the IP packet
	bool no_udp_csum;
};

struct frame {
	uint8_t octets[FRAME_MAX];
	size_t len, l3, l4, dns, dns_len;
	int family;
};

static inline uint16_t frame_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline void frame_put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline uint16_t frame_add(uint16_t sum, uint16_t word)
{
	uint32_t s = (uint32_t)sum + word;

	return (uint16_t)(s > 0xffff ? s - 0xffff : s);
}

static inline uint16_t frame_sum(const uint8_t *p, size_t len, uint16_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum = frame_add(sum, (uint16_t)(i % 2 == 0 ? p[i] << 8 : p[i]));
	return sum;
}

/** Sum over pseudo header and datagram: 0xffff when the checksum inside is right. */
static inline uint16_t frame_udp_sum(const struct frame *f)
{
	const uint8_t *ip = f->octets + f->l3, *udp = f->octets + f->l4;
	uint16_t udp_len = frame_get16(udp + 4), sum;

	sum = f->family == 4 ? frame_sum(ip + 12, 8, 0) : frame_sum(ip + 8, 32, 0);
	sum = frame_add(frame_add(sum, 17), udp_len);
	return frame_sum(udp, udp_len, sum);
}

static inline uint16_t frame_ip_sum(const struct frame *f)
{
	const uint8_t *ip = f->octets + f->l3;

	return frame_sum(ip, (size_t)(ip[0] & 15) * 4, 0);
}

static inline void frame_fix_ip(struct frame *f)
{
	frame_put16(f->octets + f->l3 + 10, 0);
	frame_put16(f->octets + f->l3 + 10, (uint16_t)~frame_ip_sum(f));
}

static inline void frame_fix_udp(struct frame *f)
{
	uint16_t csum;

	frame_put16(f->octets + f->l4 + 6, 0);
	csum = (uint16_t)~frame_udp_sum(f);
	frame_put16(f->octets + f->l4 + 6, csum == 0 ? 0xffff : csum);
}

static inline void frame_ip4(struct frame *f, const struct frame_spec *s, size_t l4_len)
{
	uint8_t *ip = f->octets + f->len;

	ip[0] = (uint8_t)(0x40 | ((20 + s->options) / 4));
	frame_put16(ip + 2, 20 + s->options + l4_len);
	frame_put16(ip + 4, 0xbeef);
	ip[8] = 57;
	ip[9] = 17;
	memcpy(ip + 12, "\xc0\x00\x02\x07\xc6\x33\x64\x35", 8); // 192.0.2.7 to 198.51.100.53
	memset(ip + 20, 1, s->options);                         // NOP
	f->len += 20 + s->options;
}

static inline void frame_ip6(struct frame *f, size_t l4_len)
{
	uint8_t *ip = f->octets + f->len;

	ip[0] = 0x60;
	frame_put16(ip + 4, l4_len);
	ip[6] = 17;
	ip[7] = 57;
	memcpy(ip + 8, "\x20\x01\x0d\xb8\0\1\0\0\0\0\0\0\0\0\0\7", 16);
	memcpy(ip + 24, "\x20\x01\x0d\xb8\0\2\0\0\0\0\0\0\0\0\0\x53", 16);
	f->len += 40;
}

static inline void frame_udp(struct frame *f, const struct frame_spec *s)
{
	uint8_t *udp = f->octets + f->len;

	frame_put16(udp, 40000);
	frame_put16(udp + 2, 53);
	frame_put16(udp + 4, 8 + s->payload);
	for (size_t i = 0; i < s->payload; i++)
		udp[8 + i] = (uint8_t)(i * 7 + 3);
	f->dns = f->len + 8;
	f->dns_len = s->payload;
	f->len += 8 + s->payload;
}

/** A good frame, from 192.0.2.7 or 2001:db8:1::7 port 40000 to 198.51.100.53 or 2001:db8:2::53
 * port 53. */
static inline void frame_make(struct frame *f, const struct frame_spec *s)
{
	memset(f, 0, sizeof(*f));
	f->family = s->family;
	memcpy(f->octets, "\x02\0\0\0\0\x0d\x02\0\0\0\0\x05", 12);
	f->len = 12;
	for (int i = 0; i < s->tags; i++) {
		frame_put16(f->octets + f->len, 0x8100);
		frame_put16(f->octets + f->len + 2, 0x2064);
		f->len += 4;
	}
	frame_put16(f->octets + f->len, s->family == 4 ? 0x0800 : 0x86dd);
	f->len += 2;
	f->l3 = f->len;
	if (s->family == 4)
		frame_ip4(f, s, 8 + s->payload + s->surplus);
	else
		frame_ip6(f, 8 + s->payload + s->surplus);
	f->l4 = f->len;
	frame_udp(f, s);
	memset(f->octets + f->len, 0xee, s->surplus + s->padding);
	f->len += s->surplus + s->padding;
	if (s->family == 4)
		frame_fix_ip(f);
	if (!s->no_udp_csum)
		frame_fix_udp(f);
}
