#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * RFC 1982 s3.2 comparison, SERIAL_BITS 32: a before b. Exactly 2^31 apart, which the RFC leaves
 * open, each is before the other: a signature that needs the answer is refused either way.
 */
static inline bool val_time_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/** Seconds from a to b, negative when b is earlier; RFC 1982 window. */
static inline int32_t val_time_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(b - a);
}
