#pragma once

#include <stdint.h>

/** A fast repeatable generator (splitmix64) for loads: nothing here has to be unpredictable. */
static inline uint64_t gen_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/** @return true in `percent` of 100 calls */
static inline int gen_chance(uint64_t *state, double percent)
{
	return percent > 0 && (double)(gen_random(state) >> 11) * 0x1p-53 * 100 < percent;
}
