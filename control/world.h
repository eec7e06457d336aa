#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/view.h"
#include "dns/hash.h"
#include "routing/table.h"
#include "validator/keys.h"

/**
 * The world as it is published: configured routes, paths with their states, the current table, keys
 * and next hops. Every change makes a new view of immutable parts; a part is freed when the last
 * view that holds it has been let go. Control thread only.
 */

/** What the world asks of the dataplane; pointers so that it can be tested without one. */
struct ctl_world_ops {
	/** As dp_publish(): returns at once, done(arg, old) comes later; old NULL for the first
	 * view. */
	int (*publish)(void *dp, const struct dp_view *view,
		void (*done)(void *arg, const struct dp_view *old), void *arg);
	/** A path id is given back and may be reused: forget what is known of it. */
	void (*forget)(void *dp, uint16_t path);
	void *dp;
	/** NULL, or: a table of new routes is about to be built; states may be set before it is. */
	void (*states)(void *dp, struct route_paths *paths);
};

struct ctl_world;

/** own_region is copied; it may be unknown until routes are set. @retval 0, -ENOMEM */
int ctl_world_new(const struct ctl_world_ops *ops, const char *own_region, struct ctl_world **out);
/**
 * Families that the server has an address of, as in route_table_choose(); both at first. Counts
 * from the next routes on.
 */
void ctl_world_set_families(struct ctl_world *w, unsigned families);
/** Frees everything, also views that are still out: only after workers have stopped. */
void ctl_world_free(struct ctl_world *w);

/**
 * Take a new configuration and publish table number + 1. Paths that stay keep their states.
 *
 * @param c    taken over on success (its pointers are the world's), untouched on failure
 * @param err  a sentence on failure
 * @retval 0; -EINVAL (see err), -ENOSPC, -ENOMEM; what was published stays published
 */
int ctl_world_set_routes(
	struct ctl_world *w, struct route_config *c, uint64_t now_ms, char *err, size_t err_size);
/** Tables go on from this number, so that a number means the same after a restart: the next one is
 * number + 1. Before the first table. */
void ctl_world_count_from(struct ctl_world *w, uint64_t number);
/** Path states changed: a new table from the same configuration. @retval as ctl_world_set_routes()
 */
int ctl_world_states_changed(struct ctl_world *w);
/** Take over new keys or next hops and publish. @retval 0, -ENOMEM (keys/hops are freed) */
int ctl_world_set_keys(struct ctl_world *w, struct val_keys *keys);
int ctl_world_set_hops(struct ctl_world *w, struct dp_hops *hops);

/** Give retired path ids back once no transaction can still use them (CTL_WORLD_RETIRE_MS after the
 * change). */
void ctl_world_tick(struct ctl_world *w, uint64_t now_ms);
enum { CTL_WORLD_RETIRE_MS = 5000 };

/**
 * What is current, borrowed: the next change may replace it. Configuration, table, keys and hops
 * are NULL before the first of their kind; what the world takes over it frees.
 */
const struct route_config *ctl_world_config(const struct ctl_world *w);
const struct route_table *ctl_world_table(const struct ctl_world *w);
const struct val_keys *ctl_world_keys(const struct ctl_world *w);
const struct dp_hops *ctl_world_hops(const struct ctl_world *w);
/** The registry of paths, one for the world's whole life; never NULL. Who changes a state here
 * calls ctl_world_states_changed(). */
struct route_paths *ctl_world_paths(struct ctl_world *w);
/** Of the current table and of the newest view; 0 before the first. They grow by one. */
uint64_t ctl_world_table_number(const struct ctl_world *w);
uint64_t ctl_world_view_number(const struct ctl_world *w);
/**
 * Number of the table that a view shows, by the view's number.
 * @return 0 when no worker can be looking at that view any more
 */
uint64_t ctl_world_table_of_view(const struct ctl_world *w, uint64_t view_number);
/** Views that workers may still look at, the current one included. */
unsigned ctl_world_views_out(const struct ctl_world *w);
