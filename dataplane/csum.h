#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * Internet checksums, RFC 1071. A sum is one of 16-bit words as they lie in memory, so that byte
 * order cancels out (s2), and is kept in 64 bits until it is folded. Sums may be added to each
 * other, and any 32-bit word of memory to a sum: 2^16 and 2^32 count as 1.
 */

/** 0 only for a sum of 0. */
static inline uint16_t dp_csum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16); // below 2^18
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/**
 * The sum of octets of which the first is the first of a word; a last odd one is filled up with a
 * zero. Any alignment.
 *
 * @param len  at most 65535
 * @return below 2^48. O(len), 16 octets a step. Any thread.
 */
uint64_t dp_csum_octets(const void *octets, size_t len);
