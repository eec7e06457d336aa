#include "dns/hash.h"

#include <endian.h>
#include <string.h>

/**
 * SipHash (Aumasson, Bernstein: "SipHash: a fast short-input PRF"). Four 64-bit words of state,
 * eight octets a block, the last block carries the length modulo 256 in its top octet.
 */

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline void sip_rounds(struct sip *s, int n)
{
	for (int i = 0; i < n; i++) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotl(s->v1, 13) ^ s->v0;
		s->v3 = rotl(s->v3, 16) ^ s->v2;
		s->v0 = rotl(s->v0, 32) + s->v3;
		s->v2 += s->v1;
		s->v3 = rotl(s->v3, 21) ^ s->v0;
		s->v1 = rotl(s->v1, 17) ^ s->v2;
		s->v2 = rotl(s->v2, 32);
	}
}

static inline void sip_block(struct sip *s, uint64_t block, int c_rounds)
{
	s->v3 ^= block;
	sip_rounds(s, c_rounds);
	s->v0 ^= block;
}

static inline struct sip sip_init(const struct dns_hash_key *key)
{
	// "somepseudorandomlygeneratedbytes"
	return (struct sip){
		.v0 = key->k0 ^ 0x736f6d6570736575,
		.v1 = key->k1 ^ 0x646f72616e646f6d,
		.v2 = key->k0 ^ 0x6c7967656e657261,
		.v3 = key->k1 ^ 0x7465646279746573,
	};
}

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/** Last 0..7 octets as the low octets of a block. */
static inline uint64_t load_tail(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

static inline void sip_absorb(struct sip *s, const void *data, size_t len, int c_rounds)
{
	const uint8_t *p = data;

	for (size_t left = len; left >= 8; left -= 8, p += 8)
		sip_block(s, load64(p), c_rounds);
	sip_block(s, (uint64_t)len << 56 | load_tail(p, len & 7), c_rounds);
}

static inline uint64_t sip_squeeze(struct sip *s, int d_rounds)
{
	sip_rounds(s, d_rounds);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t dns_hash64(const struct dns_hash_key *key, const void *data, size_t len)
{
	struct sip s = sip_init(key);

	sip_absorb(&s, data, len, 1);
	s.v2 ^= 0xff;
	return sip_squeeze(&s, 3);
}

void dns_hash128(const struct dns_hash_key *key, const void *data, size_t len, uint64_t out[2])
{
	struct sip s = sip_init(key);

	s.v1 ^= 0xee;
	sip_absorb(&s, data, len, 2);
	s.v2 ^= 0xee;
	out[0] = sip_squeeze(&s, 4);
	s.v1 ^= 0xdd;
	out[1] = sip_squeeze(&s, 4);
}
