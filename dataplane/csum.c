#include "dataplane/csum.h"

#include <string.h>

// A register's worth of words, in C that gcc and clang know on every machine.
typedef uint32_t lanes __attribute__((vector_size(16)));

enum { LANES = sizeof(lanes) / sizeof(uint32_t) };

/* Of what does not fill a register: len is below 16. */
static uint64_t tail_sum(const uint8_t *pos, size_t len)
{
	uint64_t sum = 0, eight;
	uint32_t four;
	uint16_t two = 0;

	if (len & 8) {
		memcpy(&eight, pos, 8);
		sum = (eight & 0xffffffff) + (eight >> 32);
		pos += 8;
	}
	if (len & 4) {
		memcpy(&four, pos, 4);
		sum += four;
		pos += 4;
	}
	if (len & 2) {
		memcpy(&two, pos, 2);
		sum += two;
		pos += 2;
	}
	if (len & 1) {
		two = 0;
		memcpy(&two, pos, 1);
		sum += two;
	}
	return sum;
}

uint64_t dp_csum_octets(const void *octets, size_t len)
{
	const uint8_t *pos = octets;
	lanes low = {0}, high = {0}; // of the two words in each lane; 2^16 of them fit
	uint64_t sum = 0;

	for (; len >= sizeof(lanes); len -= sizeof(lanes), pos += sizeof(lanes)) {
		lanes v;

		memcpy(&v, pos, sizeof(v));
		low += v & 0xffff;
		high += v >> 16;
	}
	low += high; // both below 2^28
	for (unsigned i = 0; i < LANES; i++)
		sum += low[i];
	return sum + tail_sum(pos, len);
}
