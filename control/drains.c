#include "control/drains.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

// Drains are few, and looked for when an operator or a timer asks: a plain array does.
struct ctl_drains {
	struct ctl_drain *list;
	size_t count, room;
};

int ctl_drains_new(struct ctl_drains **out)
{
	struct ctl_drains *ds = calloc(1, sizeof(*ds));

	if (!ds)
		return -ENOMEM;
	*out = ds;
	return 0;
}

void ctl_drains_free(struct ctl_drains *ds)
{
	if (!ds)
		return;
	free(ds->list);
	free(ds);
}

static struct ctl_drain *find(const struct ctl_drains *ds, uint16_t path)
{
	for (size_t i = 0; i < ds->count; i++)
		if (ds->list[i].path == path)
			return &ds->list[i];
	return NULL;
}

static struct ctl_drain *add(struct ctl_drains *ds)
{
	if (ds->count == ds->room) {
		size_t room = ds->room ? 2 * ds->room : 16;
		struct ctl_drain *more = realloc(ds->list, room * sizeof(*more));
		if (!more)
			return NULL;
		ds->list = more;
		ds->room = room;
	}
	return &ds->list[ds->count++];
}

int ctl_drains_set(struct ctl_drains *ds, uint16_t path, uint64_t until_ms, const char *reason)
{
	struct ctl_drain *d = find(ds, path);

	if (!d)
		d = add(ds);
	if (!d)
		return -ENOMEM;
	*d = (struct ctl_drain){.path = path, .until_ms = until_ms};
	snprintf(d->reason, sizeof(d->reason), "%s", reason);
	return 0;
}

void ctl_drains_clear(struct ctl_drains *ds, uint16_t path)
{
	struct ctl_drain *d = find(ds, path);

	if (d)
		*d = ds->list[--ds->count];
}

const struct ctl_drain *ctl_drains_find(const struct ctl_drains *ds, uint16_t path)
{
	return find(ds, path);
}

const struct ctl_drain *ctl_drains_due(const struct ctl_drains *ds, uint64_t now_ms)
{
	for (size_t i = 0; i < ds->count; i++)
		if (ds->list[i].until_ms && ds->list[i].until_ms <= now_ms)
			return &ds->list[i];
	return NULL;
}
