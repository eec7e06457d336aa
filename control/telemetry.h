#pragma once

#include <uv.h>

#include <jansson.h>

/**
 * The reports through DPDK's telemetry socket: /swerve/status, /swerve/stats, /swerve/lcores,
 * /swerve/sites and /swerve/sites,N. EAL answers on a thread of its own; each request is put to the
 * control thread, which makes the report, so that no second thread looks at what it changes. One
 * daemon a process.
 */
struct ctl_telemetry;

/** How long EAL's thread waits for a report before it says that there is none. */
enum { CTL_TELEMETRY_WAIT_MS = 1000 };

/**
 * @param name  "status", "stats", "lcores" or "sites"
 * @return a new reference; NULL: no such report
 */
typedef json_t *(*ctl_telemetry_fn)(void *arg, const char *name);

/** From the control thread. @retval 0, -ENOMEM, -errno */
int ctl_telemetry_new(
	uv_loop_t *loop, ctl_telemetry_fn report, void *arg, struct ctl_telemetry **out);
/** Requests from now on are answered with nothing. Memory goes when the loop has run. NULL is
 * allowed. */
void ctl_telemetry_free(struct ctl_telemetry *t);
