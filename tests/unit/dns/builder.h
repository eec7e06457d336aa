#pragma once

#include <assert.h>

#include "dns/wire.h"
#include "tests/unit/unit.h"

/** Puts test messages together octet by octet, right or wrong as the test wants. */
struct builder {
	size_t len;
	uint8_t octets[DNS_MSG_MAX + 64];
};

static inline void build_bytes(struct builder *b, const void *bytes, size_t len)
{
	assert(len <= sizeof(b->octets) - b->len);
	memcpy(b->octets + b->len, bytes, len);
	b->len += len;
}

static inline void build_u16(struct builder *b, unsigned v)
{
	const uint8_t bytes[] = {(uint8_t)(v >> 8), (uint8_t)v};

	build_bytes(b, bytes, sizeof(bytes));
}

static inline void build_header(
	struct builder *b, unsigned flags, unsigned qd, unsigned an, unsigned ns, unsigned ar)
{
	b->len = 0;
	build_u16(b, 0x1234);
	build_u16(b, flags);
	build_u16(b, qd);
	build_u16(b, an);
	build_u16(b, ns);
	build_u16(b, ar);
}

/** A string literal's octets without its NUL: names here end in an explicit \0. */
#define BUILD_LITERAL(b, literal) build_bytes(b, literal, sizeof(literal) - 1)

static inline void build_question(
	struct builder *b, const char *name, size_t name_len, unsigned type, unsigned class_)
{
	build_bytes(b, name, name_len);
	build_u16(b, type);
	build_u16(b, class_);
}

static inline void build_rr(struct builder *b, const char *owner, size_t owner_len, unsigned type,
	unsigned class_, uint32_t ttl, const void *rdata, size_t rdata_len)
{
	build_bytes(b, owner, owner_len);
	build_u16(b, type);
	build_u16(b, class_);
	build_u16(b, ttl >> 16);
	build_u16(b, ttl & 0xffff);
	build_u16(b, (unsigned)rdata_len);
	build_bytes(b, rdata, rdata_len);
}

/** A referral as com. gives it: question, two NS, glue, OPT. */
static inline void build_referral(struct builder *b)
{
	build_header(b, DNS_FLAG_QR, 1, 0, 2, 2);
	build_question(b, "\3WwW\7example\3com\0", 17, DNS_TYPE_A, DNS_CLASS_IN);
	build_rr(b, "\xc0\x10", 2, DNS_TYPE_NS, DNS_CLASS_IN, 172800, "\3ns1\xc0\x10", 6);
	build_rr(b, "\xc0\x10", 2, DNS_TYPE_NS, DNS_CLASS_IN, 172800, "\3Ns2\xc0\x10", 6);
	build_rr(b, "\3ns1\xc0\x10", 6, DNS_TYPE_A, DNS_CLASS_IN, 172800, "\xc0\0\2\1", 4);
	build_rr(b, "\0", 1, DNS_TYPE_OPT, 1232, 0x8000, "\0\3\0\3sin", 7);
}
