#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * Which worker a source port belongs to at this moment, for replies that arrive on another worker's
 * queue. Every worker draws from the whole range, so an attacker learns nothing from a port about
 * its neighbours (CVE-2026-50252); a port is owned from the first transaction that uses it to the
 * last. Shared by all workers, lock-free.
 */
struct dp_claims;

enum { DP_CLAIMS_NONE = 0xff };

/** @retval 0, -ENOMEM */
int dp_claims_new(struct dp_claims **out);
void dp_claims_free(struct dp_claims *c);

/** Take a port for `worker`; true when it is this worker's now (or already). family 4 or 6. */
bool dp_claims_take(struct dp_claims *c, uint8_t family, uint16_t port, uint8_t worker);
/** Give it back; only its owner calls this, when its last transaction on the port ends. */
void dp_claims_drop(struct dp_claims *c, uint8_t family, uint16_t port);
/** Owner, or DP_CLAIMS_NONE. Any thread; the answer may be old by the time it is used. */
uint8_t dp_claims_owner(const struct dp_claims *c, uint8_t family, uint16_t port);
