#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/drains.h"
#include "routing/judge.h"
#include "routing/table.h"

/**
 * What is known of paths, across restarts: STATE/paths.json names every path that is not simply up.
 * A new swerved that finds a fresh one sends nothing to a site that the last one had left; the
 * operator's drains hold however old the file is. Control thread only.
 */
struct ctl_memory;

/** States older than this are not believed: the world may have changed. Drains are. */
enum { CTL_MEMORY_FRESH_S = 600, CTL_MEMORY_ERR_MAX = 768 };

/** Where the drained and judged states live. */
struct ctl_memory_parts {
	struct route_paths *paths;
	struct route_judge *judge;
	struct ctl_drains *drains;
};

/**
 * @param table   number of the current table
 * @param now_ms  the judge's clock
 * @param now_s   wall clock, seconds since the epoch
 * @param noted   how many paths are in it
 * @return malloc'd text for the file; NULL without memory
 */
char *ctl_memory_text(const struct ctl_memory_parts *parts, uint64_t table, uint64_t now_ms,
	int64_t now_s, size_t *noted);

/**
 * @param err  CTL_MEMORY_ERR_MAX octets
 * @retval 0; -ENOENT no such file; -EBADMSG not what swerved writes; -errno of reading
 */
int ctl_memory_load(const char *path, struct ctl_memory **out, char *err);
/** NULL is allowed. */
void ctl_memory_free(struct ctl_memory *m);

/** Number of the table that it was written under. */
uint64_t ctl_memory_table(const struct ctl_memory *m);
/** Is it younger than CTL_MEMORY_FRESH_S, and not of the future? */
bool ctl_memory_is_fresh(const struct ctl_memory *m, int64_t now_s);

/**
 * Set the states of the paths it names and that exist, and what the judge and the drains know of
 * them. Call it before the judge's first tick.
 * @return how many paths were set
 */
size_t ctl_memory_recall(const struct ctl_memory *m, const struct ctl_memory_parts *parts,
	uint64_t now_ms, int64_t now_s);
