#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "control/canary.h"
#include "control/config.h"
#include "control/drains.h"
#include "control/events.h"
#include "control/history.h"
#include "control/http.h"
#include "control/keeper.h"
#include "control/nta.h"
#include "control/memory.h"
#include "control/probe.h"
#include "control/purge.h"
#include "control/saver.h"
#include "control/socket.h"
#include "control/steer.h"
#include "control/tcp_ask.h"
#include "control/tcp_listen.h"
#include "control/tcp_resolve.h"
#include "control/telemetry.h"
#include "control/world.h"
#include "dataplane/dataplane.h"

struct ctl_netlink;

/** The routes that a start begins with. */
struct ctl_start_routes {
	struct route_config config;
	char *text;
	size_t len;
	uint64_t table; // that is restored as it was; 0: a new table
	enum ctl_table_by by;
	char source[CTL_TABLE_TEXT_MAX], why[CTL_TABLE_TEXT_MAX];
};

/** swerved's parts. One thread, the main lcore; workers see only what the world publishes. */
struct ctl_daemon {
	struct ctl_config cfg;
	const char *config_path;
	uint64_t started_ms;
	bool ready;       // keys of every zone have settled once
	bool draining;    // SIGTERM came
	bool keeper_told; // an answer came: the next step may be due
	// replies that workers held for an unknown key, as last seen, for hints to the keeper
	uint64_t keys_awaited_sum;
	uint32_t keys_awaited[ROUTE_PATHS_MAX];
	bool told_unready;
	bool ntas_unsaved;
	uint64_t ntas_retry_ms;  // the same as the next
	uint64_t trust_retry_ms; // when a state file that could not be written is tried again

	struct ctl_purge purge; // what the dataplane is to forget

	struct dp *dp;
	struct ctl_events *events;
	struct ctl_world *world;
	struct ctl_trust *trust;
	struct ctl_keeper *keeper;
	struct ctl_ntas *ntas;
	struct ctl_probe *probe;
	struct ctl_steer *steer;
	struct ctl_netlink *netlink;
	struct ctl_socket *socket;
	struct ctl_telemetry *telemetry; // NULL when it is off
	struct ctl_http *http;           // NULL when metrics are off, or their port is taken
	struct ctl_tcp_asks *tcp_asks;
	struct ctl_resolver *resolver; // NULL when TCP is off
	struct ctl_listen *listen;     // the same

	// tables and states that outlive the process
	struct ctl_history *history;
	struct ctl_saver *saver;
	struct ctl_drains *drains;
	struct ctl_memory *memory; // of the process before, until the first table is built
	struct ctl_start_routes start;
	uint64_t memory_saved_ms, memory_table; // when, and under which table, it was saved
	bool kept;                              // the newest routes are on disk
	char last_finding[CTL_TABLE_TEXT_MAX];

	// new routes on trial, and the text of those before
	struct ctl_canary canary;
	char *trial_text;
	size_t trial_len;

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
 * and d->events are set, ctl_routes_choose() was called, the rest is zero.
 *
 * @param anchors  copied
 * @param err      a sentence, CTL_SOCKET_ERR_MAX octets
 * @retval 0, -errno (call ctl_daemon_close() all the same)
 */
int ctl_daemon_open(struct ctl_daemon *d, const struct val_anchors *anchors, char *err);
/** Undo what ctl_daemon_open() did, however far it came. */
void ctl_daemon_close(struct ctl_daemon *d);

/** SIGTERM: refuse new work, let running work end, say whether the numbers add up, leave the loop.
 */
void ctl_daemon_stop(struct ctl_daemon *d, const char *why);

/* routes.c: routes that change at run time */

/** New routes and where they come from. */
struct ctl_routes_change {
	const char *text; // the file, borrowed
	size_t len;
	const char *source; // a file's name
	const char *why;    // for the event: "SIGHUP", an operator's note, ""
	enum ctl_table_by by;
	bool canary; // on trial: ctl_trial_begin() was called
};

/**
 * Make `c` the running routes: paths, hops, keeper and table follow; history and an event say who
 * and why. Waits for the disk.
 * @param c    taken over on success, untouched on failure; what ch->text says
 * @param err  CTL_SOCKET_ERR_MAX octets
 * @retval 0, -EINVAL, -ENOSPC, -ENOMEM
 */
int ctl_routes_set(struct ctl_daemon *d, struct route_config *c, const struct ctl_routes_change *ch,
	char *err);
/** The same from text alone. */
int ctl_routes_set_text(struct ctl_daemon *d, const struct ctl_routes_change *ch, char *err);
/** A new table was published because states changed: record it, and save the states. */
void ctl_routes_states(struct ctl_daemon *d, enum ctl_table_by by, const char *why);
/**
 * Which table does each worker work by? Waits up to 100 ms until it is the current one everywhere:
 * a worker takes it at its next burst, so usually that is microseconds.
 * @param workers  an array that gets {"worker": 0, "table": 8}; table 0: not known
 * @return is it the current one everywhere?
 */
bool ctl_routes_seen(struct ctl_daemon *d, json_t *workers);
/**
 * The world's way to the dataplane (ctl_world_ops.publish; arg is the daemon). A new table brings
 * paths whose next hops come a moment later, as a second view: while hold_views is set a view is
 * held back, and the next one replaces it, so that no worker meets a path that it could not send
 * to.
 */
int ctl_daemon_publish(void *arg, const struct dp_view *view,
	void (*done)(void *arg, const struct dp_view *old), void *done_arg);
/** SIGHUP: read the routes file again; a bad one changes nothing. */
void ctl_daemon_reload(struct ctl_daemon *d);
/** Every ROUTE_JUDGE_TICK_MS, after steering: drains that end, tables and states to be kept, the
 * trial. */
void ctl_routes_tick(struct ctl_daemon *d);
/** Save a last time and free what the routes need. */
void ctl_routes_close(struct ctl_daemon *d);

/* routes_start.c: after a restart */

/**
 * Open the state folder and decide which routes to begin with; d->cfg and d->events are set. What
 * is broken there is said by events and passed over.
 * @param err  CTL_FILE_ERR_MAX octets
 * @retval 0, -errno: neither the routes file nor a table kept is usable
 */
int ctl_routes_choose(struct ctl_daemon *d, char *err);
/** The world's ctl_world_ops.states; arg is the daemon: states as before the restart, once. */
void ctl_routes_recall(void *arg, struct route_paths *paths);
/** Use the routes chosen, under the number they had if nothing is new. @retval as ctl_routes_set()
 */
int ctl_routes_start(struct ctl_daemon *d, char *err);

/* trial.c: new routes on trial */

/**
 * The next routes that are set are on trial: call it right before ctl_routes_set().
 * @param seconds       1..CTL_CANARY_MAX_S
 * @param rise_percent  points by which failures may rise
 * @retval 0, -errno: what runs now could not be brought back (err set)
 */
int ctl_trial_begin(struct ctl_daemon *d, uint32_t seconds, uint32_t rise_percent, char *err);
/** Without a verdict. */
void ctl_trial_end(struct ctl_daemon *d);

/* duty.c: what is done over and over */

/** Every few ms: the dataplane's answers, the keeper's next steps. */
void ctl_duty_poll(struct ctl_daemon *d);
/** Every ROUTE_JUDGE_TICK_MS: steering, probes, keys, old path ids. */
void ctl_duty_tick(struct ctl_daemon *d);
/** Publish keys when they changed, and say so. */
void ctl_duty_keys(struct ctl_daemon *d);

/** Have the dataplane forget what d->purge says, as far as it is time. */
void ctl_duty_purge(struct ctl_daemon *d);

/* follow.c: trust anchors that follow their zone, and what survives a restart of that */

/** Make d->trust from the configured anchors and from what an earlier run knew. @retval 0, -ENOMEM
 */
int ctl_follow_open(struct ctl_daemon *d, const struct val_anchors *anchors);
/** Write what is new. */
void ctl_follow_tick(struct ctl_daemon *d);

/* negative.c: negative trust anchors */

/** Those of an earlier run, for d->keeper. @retval 0, -ENOMEM */
int ctl_negative_open(struct ctl_daemon *d);
/** Take out those whose time is over or whose zone validates; write what is new. */
void ctl_negative_tick(struct ctl_daemon *d);

/* hops.c: next hops as Linux says */

/** @retval 0, -errno with err set */
int ctl_hops_open(struct ctl_daemon *d, char *err);
void ctl_hops_close(struct ctl_daemon *d);
/** Build next hops of all paths, as the kernel says now, and publish them when they are others than
 * before. @retval 0, -ENOMEM */
int ctl_hops_publish(struct ctl_daemon *d);
/** Publish them again when it is time to. */
void ctl_hops_tick(struct ctl_daemon *d);
