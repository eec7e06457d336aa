#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "control/config.h"
#include "control/events.h"
#include "control/keeper.h"
#include "control/probe.h"
#include "control/socket.h"
#include "control/steer.h"
#include "control/world.h"
#include "dataplane/dataplane.h"

struct ctl_netlink;

/** swerved's parts. One thread, the main lcore; workers see only what the world publishes. */
struct ctl_daemon {
	struct ctl_config cfg;
	const char *config_path;
	uint64_t started_ms;
	bool ready;                // keys of every zone have settled once
	bool draining;             // SIGTERM came
	uint32_t key_missing_seen; // of the workers' counters, for hints to the keeper
	uint64_t told_unready_ms;

	struct dp *dp;
	struct ctl_events *events;
	struct ctl_world *world;
	struct ctl_keeper *keeper;
	struct ctl_probe *probe;
	struct ctl_steer *steer;
	struct ctl_netlink *netlink;
	struct ctl_socket *socket;

	// a view that waits for its next hops, so that workers never see paths without them
	bool hold_views;
	const struct dp_view *held_view;

	uv_loop_t loop;
	uv_timer_t poll_timer, steer_timer;
	uv_poll_t netlink_poll;
	uv_signal_t sigterm, sigint, sighup;
};

uint64_t ctl_now_ms(void);  // monotonic
uint32_t ctl_epoch_s(void); // wall clock, modulo 2^32

/** The verbs of the control socket; arg is the daemon. */
extern const struct ctl_verb ctl_verbs[];

/**
 * Make `c` the running routes: paths, hops, keeper and table follow; an event says who and why.
 * @param c    taken over on success, untouched on failure
 * @param why  for the event: "SIGHUP", an operator's note, ...
 * @param err  CTL_SOCKET_ERR_MAX octets
 * @retval 0, -EINVAL, -ENOSPC, -ENOMEM
 */
int ctl_daemon_set_routes(struct ctl_daemon *d, struct route_config *c, const char *source,
	const char *why, char *err);

/** Build and publish next hops of all paths, as the kernel says now. @retval 0, -ENOMEM */
int ctl_daemon_set_hops(struct ctl_daemon *d);

/** The accounting identity over all workers, and what is still out, as JSON. */
json_t *ctl_report_identity(const struct ctl_daemon *d);
