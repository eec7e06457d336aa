#include <string.h>

#include "dataplane/dataplane_priv.h"
#include "dns/wire.h"

/*
 * Forgetting, on control's word: kept answers at once, failures from each worker's next turn on.
 */

static bool names(const struct dp_flush_name *n, struct dp_rcache_copy *a)
{
	const uint8_t *qname = dp_rcache_msg(a) + DNS_HEADER_LEN;

	if (n->what == DP_FLUSH_NAME)
		return dns_name_equal(qname, n->name.octets);
	if (!dns_name_under(qname, n->name.octets))
		return false;
	if (n->what == DP_FLUSH_TREE)
		return true;
	return a->head.zone_labels == n->name.labels &&
	       (n->what == DP_FLUSH_ZONE || a->head.signed_until == 0);
}

static bool matches(void *arg, struct dp_rcache_copy *a)
{
	const struct dp_flush *f = arg;

	if (f->paths != NULL && a->head.path < ROUTE_PATHS_MAX &&
		(f->paths[a->head.path / 64] >> a->head.path % 64 & 1) != 0)
		return true;
	for (size_t i = 0; i < f->name_count; i++)
		if (names(&f->names[i], a))
			return true;
	return false;
}

size_t dp_flush(struct dp *dp, const struct dp_flush *what)
{
	struct dp_flush f = *what;
	uint64_t n = atomic_load_explicit(&dp->clock.flushes, memory_order_relaxed);

	atomic_store_explicit(&dp->clock.flushes, n + 1, memory_order_relaxed);
	if (dp->rcache == NULL)
		return 0;
	return dp_rcache_flush(dp->rcache, f.all ? NULL : matches, &f);
}

void dp_cache_stats(const struct dp *dp, struct dp_rcache_stats *out)
{
	memset(out, 0, sizeof(*out));
	if (dp->rcache != NULL)
		dp_rcache_stats(dp->rcache, out);
}
