#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dns/name.h"

/**
 * Failures remembered for a while (RFC 9520): a small set-associative table per worker, keyed by
 * the question's hash and its name's, type's identity. An entry counts only for the `table_number`
 * it was made under: a new table, or a flush, forgets what the left site caused.
 */
struct dp_failures;

/** @retval 0, -ENOMEM */
int dp_failures_new(uint32_t entries, int numa, struct dp_failures **out);
void dp_failures_free(struct dp_failures *f);
void dp_failures_put(struct dp_failures *f, uint64_t q_hash, const struct dns_name *qname,
	uint16_t qtype, uint64_t table_number, uint64_t until_ms, int ede);
/** What dp_failures_get() will look at first, on its way into the cache. */
void dp_failures_prefetch(const struct dp_failures *f, uint64_t q_hash);
/** True when a live failure is there; *ede is its extended error. */
bool dp_failures_get(const struct dp_failures *f, uint64_t q_hash, const struct dns_name *qname,
	uint16_t qtype, uint64_t table_number, uint64_t now_ms, int *ede);
