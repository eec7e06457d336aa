#pragma once

#include "control/daemon.h"

/** What routes.c, routes_start.c and trial.c share. Control thread only. */

/** Something about the state folder is wrong: an event. arg is the daemon. */
void ctl_routes_wrong(void *arg, const char *text);
/** Put the current table into the history. @return is it on disk? (An event says when not.) */
bool ctl_routes_record(struct ctl_daemon *d, const struct ctl_routes_change *ch);
/** Save the states of paths. */
void ctl_routes_save(struct ctl_daemon *d);
struct ctl_memory_parts ctl_routes_parts(const struct ctl_daemon *d);
/** Where the states of paths are saved. */
void ctl_routes_memory_file(const struct ctl_daemon *d, char path[CTL_PATH_MAX + 16]);
/**
 * Make c the running routes: paths, hops, keeper and table follow.
 * @param c  taken over on success
 * @retval as ctl_routes_set()
 */
int ctl_routes_use(struct ctl_daemon *d, struct route_config *c, char *err);
/** The event. */
void ctl_routes_say(struct ctl_daemon *d, const struct ctl_routes_change *ch);

/** Judge what is on trial, if anything is. */
void ctl_trial_tick(struct ctl_daemon *d);
