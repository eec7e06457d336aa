#include "dataplane/effort.h"

#include "validator/sig.h"

enum { BLOCKS_PER_US = 10 };

/** Microseconds of one verification, about: OpenSSL 3.0 on a core of 2023. */
static uint64_t cost_us(uint8_t algorithm)
{
	switch (algorithm) {
	case VAL_ALG_P384:
		return 650;
	case VAL_ALG_ED448:
		return 220;
	case VAL_ALG_ED25519:
		return 100;
	default: // P-256; RSA of 4096 bits
		return 60;
	}
}

static uint64_t debt(const struct dp_account *a, uint64_t us_per_ms, uint64_t now_ms)
{
	uint64_t paid = now_ms > a->paid_ms ? (now_ms - a->paid_ms) * us_per_ms : 0;

	return paid < a->debt_us ? a->debt_us - paid : 0;
}

static bool in_debt(const struct dp_account *a, uint64_t us_per_ms, uint64_t now_ms)
{
	return debt(a, us_per_ms, now_ms) > DP_EFFORT_DEBT_US;
}

static void charge(struct dp_account *a, uint64_t us, uint64_t us_per_ms, uint64_t now_ms)
{
	a->debt_us = debt(a, us_per_ms, now_ms) + us;
	a->paid_ms = now_ms;
}

void dp_effort_failed(
	struct dp_effort *e, uint64_t zone, uint16_t path, uint8_t algorithm, uint64_t now_ms)
{
	charge(&e->failed[zone % DP_EFFORT_ZONES], cost_us(algorithm), DP_EFFORT_US_PER_MS, now_ms);
	e->suspect_until_ms[path % DP_EFFORT_PATHS] = now_ms + DP_EFFORT_SUSPECT_MS;
}

bool dp_effort_suspects(const struct dp_effort *e, uint16_t path, uint64_t now_ms)
{
	return now_ms < e->suspect_until_ms[path % DP_EFFORT_PATHS];
}

bool dp_effort_may_verify(const struct dp_effort *e, uint64_t zone, uint16_t path, uint64_t now_ms)
{
	return !dp_effort_suspects(e, path, now_ms) ||
	       !in_debt(&e->failed[zone % DP_EFFORT_ZONES], DP_EFFORT_US_PER_MS, now_ms);
}

void dp_effort_hashed(struct dp_effort *e, uint64_t zone, uint32_t blocks, uint64_t now_ms)
{
	if (blocks > DP_EFFORT_BLOCKS_FREE)
		charge(&e->hashed[zone % DP_EFFORT_ZONES],
			(blocks - DP_EFFORT_BLOCKS_FREE + BLOCKS_PER_US - 1) / BLOCKS_PER_US,
			DP_EFFORT_HASH_US_PER_MS, now_ms);
}

uint32_t dp_effort_blocks(const struct dp_effort *e, uint64_t zone, uint32_t max, uint64_t now_ms)
{
	return in_debt(&e->hashed[zone % DP_EFFORT_ZONES], DP_EFFORT_HASH_US_PER_MS, now_ms)
		       ? DP_EFFORT_BLOCKS_FREE
		       : max;
}
