#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

/** What the unit tests share beside run.h. */

/** A check whose failure shows the row's name and the place of the check. */
#define UNIT_CHECK(row_name, condition)                                                            \
	unit_check((row_name), (condition), #condition, __FILE__, __LINE__)

static inline void unit_check(
	const char *row_name, bool ok, const char *condition, const char *file, unsigned line)
{
	char text[512];

	snprintf(text, sizeof(text), "row '%s': %s", row_name, condition);
	CU_assertImplementation(ok, line, text, file, "", CU_FALSE);
}

/** Exactly len octets on the heap, so that ASan sees one octet too far. Caller frees. */
static inline uint8_t *unit_copy(const void *data, size_t len)
{
	uint8_t *copy = malloc(len);

	if (!copy)
		abort();
	if (len > 0)
		memcpy(copy, data, len);
	return copy;
}

/** Small repeatable generator (splitmix64): tests name their seed. */
static inline uint64_t unit_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/** @return 0..below-1 */
static inline unsigned unit_random_below(uint64_t *state, size_t below)
{
	return (unsigned)(unit_random(state) % below);
}
