#include "control/world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

/*
 * Three parts (table, keys, hops), each counted by the views that hold it and once by the world
 * while it is the current one. A view is counted by nobody: the dataplane tells when it has let go
 * of it. Views are few (one or two, more only while several changes wait for the same grace
 * period), so they hang in a plain list.
 */

enum { PARTS = 3 };
enum part_kind { PART_TABLE, PART_KEYS, PART_HOPS };

struct part {
	void *object;
	void (*release)(void *object);
	unsigned refs;
};

struct view {
	struct dp_view dp; // first: what the dataplane gives back is this
	struct part *part[PARTS];
	struct ctl_world *world;
	struct view *next;
};

struct ctl_world {
	struct ctl_world_ops ops;
	char own_region[ROUTE_SITE_NAME_MAX];
	struct dns_hash_key hash_key;
	unsigned families;
	bool have_routes;
	struct route_config config;
	struct route_paths *paths;
	struct part *part[PARTS];
	struct view *views; // newest first
	unsigned views_out;
	uint64_t table_number, view_number;
	uint64_t retire_at_ms; // 0: no retired path ids
};

/* ---- parts ---- */

static void release_table(void *object)
{
	route_table_free(object);
}

static void release_keys(void *object)
{
	val_keys_free(object);
}

static void release_hops(void *object)
{
	free(object);
}

static struct part *part_new(enum part_kind kind, void *object)
{
	static void (*const release[PARTS])(void *) = {release_table, release_keys, release_hops};
	struct part *p = malloc(sizeof(*p));

	if (p == NULL) {
		release[kind](object);
		return NULL;
	}
	*p = (struct part){object, release[kind], 1};
	return p;
}

static void part_drop(struct part *p)
{
	if (p == NULL || --p->refs > 0)
		return;
	p->release(p->object);
	free(p);
}

static const void *part_object(const struct ctl_world *w, enum part_kind kind)
{
	return w->part[kind] != NULL ? w->part[kind]->object : NULL;
}

/* ---- views ---- */

static void view_free(struct ctl_world *w, struct view *v)
{
	struct view **link = &w->views;

	while (*link != NULL && *link != v)
		link = &(*link)->next;
	if (*link == NULL)
		return;
	*link = v->next;
	for (unsigned i = 0; i < PARTS; i++)
		part_drop(v->part[i]);
	free(v);
	w->views_out--;
}

static void view_done(void *arg, const struct dp_view *old)
{
	if (old != NULL)
		view_free(arg, (struct view *)(uintptr_t)old);
}

static int publish(struct ctl_world *w)
{
	struct view *v;
	int err;

	if (w->part[PART_TABLE] == NULL)
		return 0; // nothing to route yet: keys and hops wait
	v = calloc(1, sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < PARTS; i++) {
		v->part[i] = w->part[i];
		if (v->part[i] != NULL)
			v->part[i]->refs++;
	}
	v->dp = (struct dp_view){
		.number = ++w->view_number,
		.table = part_object(w, PART_TABLE),
		.keys = part_object(w, PART_KEYS),
		.hops = part_object(w, PART_HOPS),
	};
	v->next = w->views;
	w->views = v;
	w->views_out++;
	err = w->ops.publish(w->ops.dp, &v->dp, view_done, w);
	if (err != 0)
		view_free(w, v);
	return err;
}

/* Make `fresh` the current part and publish; on failure the old one stays. */
static int replace(struct ctl_world *w, enum part_kind kind, struct part *fresh)
{
	struct part *old = w->part[kind];
	int err;

	w->part[kind] = fresh;
	err = publish(w);
	if (err != 0) {
		w->part[kind] = old;
		part_drop(fresh);
		return err;
	}
	part_drop(old);
	return 0;
}

/* ---- life ---- */

int ctl_world_new(const struct ctl_world_ops *ops, const char *own_region, struct ctl_world **out)
{
	struct ctl_world *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;

	if (w == NULL)
		return -ENOMEM;
	w->ops = *ops;
	snprintf(w->own_region, sizeof(w->own_region), "%s", own_region != NULL ? own_region : "");
	if (RAND_bytes((unsigned char *)&w->hash_key, sizeof(w->hash_key)) != 1)
		goto free_world;
	err = route_paths_new(&w->paths);
	if (err != 0)
		goto free_world;
	*out = w;
	return 0;

free_world:
	free(w);
	return err;
}

void ctl_world_set_families(struct ctl_world *w, unsigned families)
{
	w->families = families;
}

void ctl_world_free(struct ctl_world *w)
{
	if (w == NULL)
		return;
	while (w->views != NULL)
		view_free(w, w->views);
	for (unsigned i = 0; i < PARTS; i++)
		part_drop(w->part[i]);
	if (w->have_routes)
		route_config_fini(&w->config);
	route_paths_free(w->paths);
	free(w);
}

/* ---- changes ---- */

static int set_table(struct ctl_world *w, struct route_table *t)
{
	struct part *fresh = part_new(PART_TABLE, t);
	int err;

	if (fresh == NULL)
		return -ENOMEM;
	err = replace(w, PART_TABLE, fresh);
	if (err == 0)
		w->table_number++;
	return err;
}

static int build_table(struct ctl_world *w, const struct route_config *c)
{
	struct route_table *t;
	int err =
		route_table_new(c, w->paths, w->own_region, w->table_number + 1, &w->hash_key, &t);

	return err != 0 ? err : set_table(w, t);
}

static const char *why(int err)
{
	switch (err) {
	case -EINVAL:
		return "own region is not among the regions, or a zone has no path";
	case -ENOSPC:
		return "too many paths";
	case -ENOMEM:
		return "out of memory";
	default:
		return strerror(-err);
	}
}

int ctl_world_set_routes(
	struct ctl_world *w, struct route_config *c, uint64_t now_ms, char *err, size_t err_size)
{
	unsigned families = c->families;
	int e = route_paths_sync(w->paths, c);

	c->families = w->families;
	if (e == 0 && w->ops.states != NULL)
		w->ops.states(w->ops.dp, w->paths);
	if (e == 0)
		e = build_table(w, c);
	if (e != 0) {
		// Back to the paths of the configuration that goes on running.
		if (w->have_routes)
			route_paths_sync(w->paths, &w->config);
		c->families = families;
		snprintf(err, err_size, "routes refused: %s", why(e));
		return e;
	}
	if (w->have_routes)
		route_config_fini(&w->config);
	w->config = *c;
	w->have_routes = true;
	memset(c, 0, sizeof(*c));
	w->retire_at_ms = now_ms + CTL_WORLD_RETIRE_MS;
	return 0;
}

void ctl_world_count_from(struct ctl_world *w, uint64_t number)
{
	w->table_number = number;
}

int ctl_world_states_changed(struct ctl_world *w)
{
	struct route_table *t;
	int err;

	if (!w->have_routes)
		return 0;
	err = route_table_renew(ctl_world_table(w), w->paths, w->table_number + 1, &t);
	// Routes were refused since, and the paths were synchronised back.
	if (err == -EINVAL)
		return build_table(w, &w->config);
	return err != 0 ? err : set_table(w, t);
}

int ctl_world_set_keys(struct ctl_world *w, struct val_keys *keys)
{
	struct part *fresh = part_new(PART_KEYS, keys);

	return fresh != NULL ? replace(w, PART_KEYS, fresh) : -ENOMEM;
}

int ctl_world_set_hops(struct ctl_world *w, struct dp_hops *hops)
{
	struct part *fresh = part_new(PART_HOPS, hops);

	return fresh != NULL ? replace(w, PART_HOPS, fresh) : -ENOMEM;
}

void ctl_world_tick(struct ctl_world *w, uint64_t now_ms)
{
	uint16_t ids[64];
	size_t n;

	if (w->retire_at_ms == 0 || now_ms < w->retire_at_ms || w->views_out > 1)
		return;
	while ((n = route_paths_release(w->paths, ids, sizeof(ids) / sizeof(ids[0]))) > 0)
		for (size_t i = 0; i < n; i++)
			w->ops.forget(w->ops.dp, ids[i]);
	w->retire_at_ms = 0;
}

/* ---- looking ---- */

const struct route_config *ctl_world_config(const struct ctl_world *w)
{
	return w->have_routes ? &w->config : NULL;
}

const struct route_table *ctl_world_table(const struct ctl_world *w)
{
	return part_object(w, PART_TABLE);
}

const struct val_keys *ctl_world_keys(const struct ctl_world *w)
{
	return part_object(w, PART_KEYS);
}

const struct dp_hops *ctl_world_hops(const struct ctl_world *w)
{
	return part_object(w, PART_HOPS);
}

struct route_paths *ctl_world_paths(struct ctl_world *w)
{
	return w->paths;
}

uint64_t ctl_world_table_number(const struct ctl_world *w)
{
	return w->table_number;
}

uint64_t ctl_world_view_number(const struct ctl_world *w)
{
	return w->view_number;
}

uint64_t ctl_world_table_of_view(const struct ctl_world *w, uint64_t view_number)
{
	for (const struct view *v = w->views; v != NULL; v = v->next)
		if (v->dp.number == view_number)
			return route_table_number(v->dp.table);
	return 0;
}

unsigned ctl_world_views_out(const struct ctl_world *w)
{
	return w->views_out;
}
