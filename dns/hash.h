#pragma once

#include <stddef.h>
#include <stdint.h>

/** A 128-bit key, drawn once per start from the system's CSPRNG. */
struct dns_hash_key {
	uint64_t k0, k1;
};

/** SipHash-1-3, 64 bits: for hash tables that hostile names must not overload. Any thread. */
uint64_t dns_hash64(const struct dns_hash_key *key, const void *data, size_t len);

/** SipHash-2-4 with 128-bit output: a PRF, for the signature-validity cache. Any thread. */
void dns_hash128(const struct dns_hash_key *key, const void *data, size_t len, uint64_t out[2]);
