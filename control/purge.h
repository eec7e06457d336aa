#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/dataplane.h"

/**
 * What the dataplane has to forget because the world has changed: answers that came from a site
 * which was left for what it said, answers of a zone that is now judged by other rules. Collected
 * over a tick and done in one pass; done again when no worker judges by the former view, and once
 * more when no reply to an old question can be under way. Control thread only; zero to begin with.
 */

enum { CTL_PURGE_NAMES = 16 }; // more in one go: everything goes

struct ctl_purge {
	uint64_t paths[ROUTE_PATHS_MAX / 64];
	struct dp_flush_name names[CTL_PURGE_NAMES];
	unsigned name_count;
	bool all;
	bool some;        // something is to be forgotten
	unsigned passes;  // done
	uint64_t view;    // the first view that knows of the change
	uint64_t last_ms; // when the last pass is due
};

/** Answers that came by this path. */
void ctl_purge_path(struct ctl_purge *p, uint16_t path);
/** Answers of this zone; unsigned_only: those that were not judged by signatures. */
void ctl_purge_zone(struct ctl_purge *p, const struct dns_name *zone, bool unsigned_only);
/** Answers to questions for this name and what is below it. */
void ctl_purge_tree(struct ctl_purge *p, const struct dns_name *name);
/** All answers. */
void ctl_purge_all(struct ctl_purge *p);

/**
 * What a pass has to forget now.
 *
 * @param view     newest that was published
 * @param seen     oldest that a worker still looks at
 * @param keep_ms  how long a reply can be under way
 * @param out      borrows from p; valid until the next call
 * @return false: nothing is due
 */
bool ctl_purge_due(struct ctl_purge *p, uint64_t now_ms, uint64_t view, uint64_t seen,
	uint32_t keep_ms, struct dp_flush *out);
