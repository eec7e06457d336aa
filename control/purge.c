#include "control/purge.h"

#include <string.h>

enum { PASSES = 3 };

/** Something was added: all three passes are ahead again. */
static void renew(struct ctl_purge *p)
{
	p->some = true;
	p->passes = 0;
}

void ctl_purge_path(struct ctl_purge *p, uint16_t path)
{
	if (path >= ROUTE_PATHS_MAX)
		return;
	p->paths[path / 64] |= 1ull << path % 64;
	renew(p);
}

static void add_name(struct ctl_purge *p, const struct dns_name *zone, enum dp_flush_what what)
{
	renew(p);
	for (unsigned i = 0; i < p->name_count; i++)
		if (p->names[i].what == what &&
			dns_name_equal(p->names[i].name.octets, zone->octets))
			return;
	if (p->name_count == CTL_PURGE_NAMES)
		p->all = true;
	else
		p->names[p->name_count++] = (struct dp_flush_name){*zone, what};
}

void ctl_purge_zone(struct ctl_purge *p, const struct dns_name *zone, bool unsigned_only)
{
	add_name(p, zone, unsigned_only ? DP_FLUSH_UNSIGNED : DP_FLUSH_ZONE);
}

void ctl_purge_tree(struct ctl_purge *p, const struct dns_name *name)
{
	add_name(p, name, DP_FLUSH_TREE);
}

void ctl_purge_all(struct ctl_purge *p)
{
	p->all = true;
	renew(p);
}

/** Is the pass after `passes` due? */
static bool is_due(const struct ctl_purge *p, uint64_t now_ms, uint64_t seen)
{
	switch (p->passes) {
	case 0:
		return true;
	case 1:
		return seen >= p->view;
	default:
		return now_ms >= p->last_ms;
	}
}

bool ctl_purge_due(struct ctl_purge *p, uint64_t now_ms, uint64_t view, uint64_t seen,
	uint32_t keep_ms, struct dp_flush *out)
{
	if (p->some && p->passes == PASSES)
		memset(p, 0, sizeof(*p));
	if (!p->some || !is_due(p, now_ms, seen))
		return false;
	if (p->passes++ == 0) {
		p->view = view;
		p->last_ms = now_ms + keep_ms;
	}
	*out = (struct dp_flush){p->names, p->name_count, p->paths, p->all};
	return true;
}
