#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * The operator's drains: which paths, why, and until when. The state itself is the path's
 * (ROUTE_DRAINED); this is what is known besides. Control thread only.
 */
struct ctl_drains;

enum { CTL_DRAIN_REASON_MAX = 256, CTL_DRAIN_MAX_S = 366 * 86400 };

struct ctl_drain {
	uint16_t path;     // id
	uint64_t until_ms; // monotonic; 0: until the operator says so
	char reason[CTL_DRAIN_REASON_MAX];
};

/** @retval 0, -ENOMEM */
int ctl_drains_new(struct ctl_drains **out);
/** NULL is allowed. */
void ctl_drains_free(struct ctl_drains *ds);

/** Note a drain; a later one of the same path takes its place. @retval 0, -ENOMEM */
int ctl_drains_set(struct ctl_drains *ds, uint16_t path, uint64_t until_ms, const char *reason);
/** It is over, or the path is gone. */
void ctl_drains_clear(struct ctl_drains *ds, uint16_t path);
/** NULL when there is none; valid until the next change. */
const struct ctl_drain *ctl_drains_find(const struct ctl_drains *ds, uint16_t path);
/** One whose time is over; NULL when there is none. */
const struct ctl_drain *ctl_drains_due(const struct ctl_drains *ds, uint64_t now_ms);
