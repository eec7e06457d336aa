#pragma once

#include <stdint.h>

/**
 * Draws ranks 0..n-1 by Zipf's law: rank k with a probability proportional to 1 / (k + 1)^exponent.
 * Names at a resolver follow it with an exponent near 1; 0 is uniform.
 */
struct gen_zipf;

/** @retval 0, -EINVAL (n 0, exponent negative or no number), -ENOMEM. O(n) */
int gen_zipf_new(uint32_t n, double exponent, struct gen_zipf **out);
/** NULL is allowed. */
void gen_zipf_free(struct gen_zipf *z);

/** @param random  64 random bits @return a rank. O(1) */
uint32_t gen_zipf_draw(const struct gen_zipf *z, uint64_t random);
