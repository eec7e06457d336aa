#include "dataplane/claims.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/*
 * One octet per (family, port): the owner or DP_CLAIMS_NONE. A claim is taken by compare-and-swap
 * and dropped by a store of its owner; nothing else hangs on it, so relaxed order is enough: a
 * reader that sees an old owner hands the reply to a worker that finds no transaction and counts it
 * as unmatched, exactly as for a reply that comes too late.
 */

struct dp_claims {
	_Atomic uint8_t owner[2][65536];
};

static unsigned row(uint8_t family)
{
	return family == 6;
}

int dp_claims_new(struct dp_claims **out)
{
	struct dp_claims *c = malloc(sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	memset(c, DP_CLAIMS_NONE, sizeof(*c));
	*out = c;
	return 0;
}

void dp_claims_free(struct dp_claims *c)
{
	free(c);
}

bool dp_claims_take(struct dp_claims *c, uint8_t family, uint16_t port, uint8_t worker)
{
	uint8_t none = DP_CLAIMS_NONE;

	return atomic_compare_exchange_strong_explicit(&c->owner[row(family)][port], &none, worker,
		       memory_order_relaxed, memory_order_relaxed) ||
	       none == worker;
}

void dp_claims_drop(struct dp_claims *c, uint8_t family, uint16_t port)
{
	atomic_store_explicit(&c->owner[row(family)][port], DP_CLAIMS_NONE, memory_order_relaxed);
}

uint8_t dp_claims_owner(const struct dp_claims *c, uint8_t family, uint16_t port)
{
	return atomic_load_explicit(&c->owner[row(family)][port], memory_order_relaxed);
}
