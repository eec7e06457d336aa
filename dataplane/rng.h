#pragma once

#include <stdint.h>

/**
 * A core's own CSPRNG for transaction IDs and source ports (RFC 5452 s4.5, s9.2): ChaCha20
 * keystream with fast key erasure, seeded from getrandom(2). One thread each; no system call and no
 * allocation after _new.
 */
struct dp_rng;

/** @retval 0, -ENOMEM, -EIO (no entropy or no cipher) */
int dp_rng_new(struct dp_rng **out);
/** Wipes the key; NULL is allowed. */
void dp_rng_free(struct dp_rng *r);

/** 32 bits that nobody can predict, all of them good. */
uint32_t dp_rng_u32(struct dp_rng *r);

/** Uniform over DP_PORT_MIN..65535: the whole range that an upstream may see. */
enum { DP_PORT_MIN = 1024 };
uint16_t dp_rng_port(struct dp_rng *r);
