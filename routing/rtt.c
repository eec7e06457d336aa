#include "routing/rtt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct path_rtt {
	uint64_t sum_us, count; // as they were
	uint32_t smooth_us;
};

struct route_rtts {
	uint64_t checked_ms;
	struct path_rtt path[ROUTE_PATHS_MAX];
};

int route_rtts_new(struct route_rtts **out)
{
	struct route_rtts *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	*out = r;
	return 0;
}

void route_rtts_free(struct route_rtts *r)
{
	free(r);
}

void route_rtts_forget(struct route_rtts *r, uint16_t path)
{
	if (path < ROUTE_PATHS_MAX)
		memset(&r->path[path], 0, sizeof(r->path[path]));
}

uint32_t route_rtts_of(const struct route_rtts *r, uint16_t path)
{
	return r->path[path].smooth_us;
}

static void absorb(struct path_rtt *r, const struct route_sample *s)
{
	bool fell = s->rtt_count < r->count || s->rtt_us_sum < r->sum_us;
	uint64_t n = fell ? 0 : s->rtt_count - r->count;

	if (n > 0) {
		uint64_t mean = (s->rtt_us_sum - r->sum_us) / n;
		int64_t was = r->smooth_us;
		int64_t us = mean < UINT32_MAX / 2 ? (int64_t)mean : UINT32_MAX / 2;

		us = was == 0 ? us : was + (us - was) / ROUTE_RTT_GAIN;
		r->smooth_us = us > 0 ? (uint32_t)us : 1; // 0 is unknown
	}
	r->sum_us = s->rtt_us_sum;
	r->count = s->rtt_count;
}

/* ---- order ---- */

/* What a site of a group is worth. */
struct place {
	unsigned state; // its best one; ROUTE_STATES: it has no path of our families
	uint32_t used_us, smooth_us;
};

static const uint32_t unknown = UINT32_MAX;

/* Mean over the paths in the site's best state. */
static struct place place_of(const struct route_rtts *r, const struct route_config *c,
	struct route_paths *p, const struct dns_name *zone, const struct route_site_config *s)
{
	unsigned families = c->families != 0 ? c->families : 3, used = 0, smooth = 0;
	uint64_t used_sum = 0, smooth_sum = 0;
	struct place out = {.state = ROUTE_STATES};

	for (size_t i = 0; i < s->addr_count; i++) {
		const struct route_path *path = route_paths_find(p, zone, s->name, &s->addrs[i]);

		if (path == NULL || (families & (s->addrs[i].family == 4 ? 1 : 2)) == 0 ||
			path->state > out.state)
			continue;
		if (path->state < out.state) {
			out.state = path->state;
			used = smooth = 0;
			used_sum = smooth_sum = 0;
		}
		used_sum += path->rtt_us;
		used += path->rtt_us != 0;
		smooth_sum += r->path[path->id].smooth_us;
		smooth += r->path[path->id].smooth_us != 0;
	}
	out.used_us = used > 0 ? (uint32_t)(used_sum / used) : unknown;
	out.smooth_us = smooth > 0 ? (uint32_t)(smooth_sum / smooth) : unknown;
	return out;
}

static bool is_better(const struct place *a, const struct place *than)
{
	if (than->smooth_us == unknown)
		return a->smooth_us != unknown;
	return (uint64_t)a->smooth_us * 100 <
		       (uint64_t)than->smooth_us * ROUTE_RTT_BETTER_PERCENT &&
	       than->smooth_us - a->smooth_us >= ROUTE_RTT_BETTER_US;
}

/* Sites first..end of an order are a group: is another one to be the first? */
static bool group_moves(const struct route_rtts *r, const struct route_config *c,
	struct route_paths *p, const struct route_zone_config *z,
	const struct route_order_config *o, size_t first, size_t end)
{
	struct place used = {.state = ROUTE_STATES}, best = used;

	for (size_t i = first; i < end; i++) {
		struct place x = place_of(r, c, p, &z->name, &c->sites[o->sites[i]]);

		if (x.state < used.state || (x.state == used.state && x.used_us < used.used_us))
			used = x;
		if (x.state < best.state || (x.state == best.state && x.smooth_us < best.smooth_us))
			best = x;
	}
	if (used.state == ROUTE_STATES)
		return false;
	// Measured for the first time, or really faster.
	return (used.used_us == unknown && best.smooth_us != unknown) || is_better(&best, &used);
}

static bool order_moves(const struct route_rtts *r, const struct route_config *c,
	struct route_paths *p, const struct route_zone_config *z,
	const struct route_order_config *o)
{
	bool moves = false;

	if (o->policy != ROUTE_FASTEST)
		return false;
	for (size_t i = 0, end; i < o->site_count && !moves; i = end) {
		uint8_t group = route_order_share(o, i).group;

		for (end = i + 1; end < o->site_count && route_order_share(o, end).group == group;)
			end++;
		moves = end > i + 1 && group_moves(r, c, p, z, o, i, end);
	}
	return moves;
}

bool route_rtts_tick(struct route_rtts *r, const struct route_config *c, struct route_paths *p,
	const struct route_sample *samples, uint64_t now_ms)
{
	size_t count = route_paths_count(p);
	bool moved = false;

	for (size_t id = 0; id < count; id++)
		absorb(&r->path[id], &samples[id]);
	if (now_ms - r->checked_ms < ROUTE_RTT_CHECK_MS)
		return false;
	r->checked_ms = now_ms;
	for (size_t z = 0; z < c->zone_count; z++) {
		bool moves = false;

		for (size_t o = 0; o < c->zones[z].order_count && !moves; o++)
			moves = order_moves(r, c, p, &c->zones[z], &c->zones[z].orders[o]);
		for (size_t id = 0; id < count && moves; id++) {
			struct route_path *path = route_paths_at(p, (uint16_t)id);

			if (path != NULL && path->zone == z)
				path->rtt_us = r->path[id].smooth_us;
		}
		moved |= moves;
	}
	return moved;
}
