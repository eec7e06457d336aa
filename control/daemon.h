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
#include "control/tcp_ask.h"
#include "control/tcp_listen.h"
#include "control/tcp_resolve.h"
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
	bool keeper_told;          // an answer came: the next step may be due
	uint64_t key_missing_seen; // of the workers' counters, for hints to the keeper
	bool told_unready;
	uint64_t trust_retry_ms; // when a state file that could not be written is tried again

	struct dp *dp;
	struct ctl_events *events;
	struct ctl_world *world;
	struct ctl_trust *trust;
	struct ctl_keeper *keeper;
	struct ctl_probe *probe;
	struct ctl_steer *steer;
	struct ctl_netlink *netlink;
	struct ctl_socket *socket;
	struct ctl_tcp_asks *tcp_asks;
	struct ctl_resolver *resolver; // NULL when TCP is off
	struct ctl_listen *listen;     // the same

	// next hops: asked again when due, or soon when the kernel told of a change
	bool hops_dirty;
	uint64_t hops_at_ms, hops_due_ms;

	// a view that waits for its next hops, so that workers never see paths without them
	bool hold_views;
	const struct dp_view *held_view;
	void (*held_done)(void *arg, const struct dp_view *old);
	void *held_arg;

	uv_loop_t loop;
	bool loop_open;
	uv_timer_t poll_timer, steer_timer;
	uv_poll_t netlink_poll;
	uv_signal_t sigterm, sigint, sighup;
};

/** The monotonic clock, which is also the workers', and the wall clock modulo 2^32. */
uint64_t ctl_now_us(void);
uint64_t ctl_now_ms(void);
uint32_t ctl_epoch_s(void);

/** The verbs of the control socket; arg is the daemon. */
extern const struct ctl_verb ctl_verbs[];

/**
 * Bring everything up on a running EAL: ports and workers, routes, control socket, timers. d->cfg
 * and d->events are set, the rest is zero.
 *
 * @param routes   taken over on success
 * @param anchors  copied
 * @param err      a sentence, CTL_SOCKET_ERR_MAX octets
 * @retval 0, -errno (call ctl_daemon_close() all the same)
 */
int ctl_daemon_open(struct ctl_daemon *d, struct route_config *routes,
	const struct val_anchors *anchors, char *err);
/** Undo what ctl_daemon_open() did, however far it came. */
void ctl_daemon_close(struct ctl_daemon *d);

/**
 * Make `c` the running routes: paths, hops, keeper and table follow; an event says who and why.
 * @param c       taken over on success, untouched on failure
 * @param source  where it comes from: a file's name
 * @param why     for the event: "SIGHUP", an operator's note, ""
 * @param err     CTL_SOCKET_ERR_MAX octets
 * @retval 0, -EINVAL, -ENOSPC, -ENOMEM
 */
int ctl_daemon_set_routes(struct ctl_daemon *d, struct route_config *c, const char *source,
	const char *why, char *err);

/**
 * The world's way to the dataplane (ctl_world_ops.publish; arg is the daemon). A new table brings
 * paths whose next hops come a moment later, as a second view: while hold_views is set a view is
 * held back, and the next one replaces it, so that no worker meets a path that it could not send
 * to.
 */
int ctl_daemon_publish(void *arg, const struct dp_view *view,
	void (*done)(void *arg, const struct dp_view *old), void *done_arg);

/** SIGTERM: refuse new work, let running work end, say whether the numbers add up, leave the loop.
 */
void ctl_daemon_stop(struct ctl_daemon *d, const char *why);
/** SIGHUP: read the routes file again; a bad one changes nothing. */
void ctl_daemon_reload(struct ctl_daemon *d);

/* duty.c: what is done over and over */

/** Every few ms: the dataplane's answers, the keeper's next steps. */
void ctl_duty_poll(struct ctl_daemon *d);
/** Every ROUTE_JUDGE_TICK_MS: steering, probes, keys, old path ids. */
void ctl_duty_tick(struct ctl_daemon *d);
/** Publish keys when they changed, and say so. */
void ctl_duty_keys(struct ctl_daemon *d);

/* follow.c: trust anchors that follow their zone, and what survives a restart of that */

/** Make d->trust from the configured anchors and from what an earlier run knew. @retval 0, -ENOMEM
 */
int ctl_follow_open(struct ctl_daemon *d, const struct val_anchors *anchors);
/** Write what is new. */
void ctl_follow_tick(struct ctl_daemon *d);

/* hops.c: next hops as Linux says */

/** @retval 0, -errno with err set */
int ctl_hops_open(struct ctl_daemon *d, char *err);
void ctl_hops_close(struct ctl_daemon *d);
/** Build next hops of all paths, as the kernel says now, and publish them when they are others than
 * before. @retval 0, -ENOMEM */
int ctl_hops_publish(struct ctl_daemon *d);
/** Publish them again when it is time to. */
void ctl_hops_tick(struct ctl_daemon *d);
