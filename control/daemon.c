#include "control/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "control/addr.h"
#include "control/report.h"
#include "control/routes_file.h"

enum { POLL_MS = 5, DNS_PORT = 53 };

uint64_t ctl_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t ctl_now_ms(void)
{
	return ctl_now_us() / 1000;
}

uint32_t ctl_epoch_s(void)
{
	return (uint32_t)time(NULL);
}

/* ---- what the world asks for ---- */

int ctl_daemon_publish(void *arg, const struct dp_view *view,
	void (*done)(void *arg, const struct dp_view *old), void *done_arg)
{
	struct ctl_daemon *d = arg;
	const struct dp_view *skipped = d->held_view;

	if (d->hold_views) {
		d->held_view = view;
		d->held_done = done;
		d->held_arg = done_arg;
	} else {
		int rc = dp_publish(d->dp, view, done, done_arg);
		if (rc)
			return rc;
		d->held_view = NULL;
	}
	if (skipped)
		done(done_arg, skipped);
	return 0;
}

/** No other view followed: the one held back goes out after all. */
static int release_held(struct ctl_daemon *d)
{
	if (!d->held_view)
		return 0;
	int rc = dp_publish(d->dp, d->held_view, d->held_done, d->held_arg);
	if (!rc)
		d->held_view = NULL;
	return rc;
}

static void world_forget(void *arg, uint16_t path)
{
	struct ctl_daemon *d = arg;

	dp_evidence_reset(d->dp, path);
	ctl_probe_forget(d->probe, path);
	ctl_steer_forget(d->steer, path);
}

/* ---- routes ---- */

static void say_routes(struct ctl_daemon *d, const char *source, const char *why)
{
	const struct route_config *c = ctl_world_config(d->world);
	uint64_t number = ctl_world_table_number(d->world);

	ctl_events_emit(d->events, "routes",
		json_pack("{s:I,s:s,s:s,s:I,s:I}", "table", (json_int_t)number, "source", source,
			"note", why, "sites", (json_int_t)c->site_count, "zones",
			(json_int_t)c->zone_count),
		"table %llu from %s is in use: %zu zones at %zu sites%s%s",
		(unsigned long long)number, source, c->zone_count, c->site_count,
		why[0] ? "; " : "", why);
}

int ctl_daemon_set_routes(struct ctl_daemon *d, struct route_config *c, const char *source,
	const char *why, char *err)
{
	d->hold_views = true;
	int rc = ctl_world_set_routes(d->world, c, ctl_now_ms(), err, CTL_SOCKET_ERR_MAX);
	d->hold_views = false;
	if (rc)
		return rc;
	ctl_hops_publish(d);
	rc = release_held(d); // no hops to be had, or the same as before
	if (ctl_keeper_sync(d->keeper, ctl_world_config(d->world)))
		ctl_events_emit(d->events, "error", NULL,
			"keys do not follow the new routes: out of memory");
	ctl_duty_keys(d);
	if (rc)
		ctl_events_emit(d->events, "error", NULL,
			"the new table waits for memory; workers still use the one before");
	say_routes(d, source, why);
	return 0;
}

void ctl_daemon_reload(struct ctl_daemon *d)
{
	char err[CTL_SOCKET_ERR_MAX];
	struct route_config c;

	int rc = ctl_routes_load(d->cfg.routes, d->cfg.region, &c, err);
	if (!rc) {
		rc = ctl_daemon_set_routes(d, &c, d->cfg.routes, "SIGHUP", err);
		if (rc)
			route_config_fini(&c);
	}
	if (rc)
		ctl_events_emit(d->events, "routes_refused",
			json_pack("{s:s}", "source", d->cfg.routes), "SIGHUP: %s; what ran runs on",
			err);
}

/* ---- the loop ---- */

static void on_poll(uv_timer_t *t)
{
	ctl_duty_poll(t->data);
}

static void on_tick(uv_timer_t *t)
{
	ctl_duty_tick(t->data);
}

static void on_signal(uv_signal_t *s, int number)
{
	if (number == SIGHUP)
		ctl_daemon_reload(s->data);
	else
		ctl_daemon_stop(s->data, number == SIGTERM ? "SIGTERM" : "SIGINT");
}

void ctl_daemon_stop(struct ctl_daemon *d, const char *why)
{
	if (d->draining)
		return;
	d->draining = true;
	ctl_events_emit(d->events, "stopping", NULL, "%s: no new queries, %u ms for running ones",
		why, d->cfg.drain_ms);
	dp_drain(d->dp, d->cfg.drain_ms);
	json_t *identity = ctl_report_identity(d);
	bool holds = json_is_true(json_object_get(identity, "holds"));
	json_dumpf(identity, stdout, JSON_COMPACT);
	fputc('\n', stdout);
	fflush(stdout);
	ctl_events_emit(d->events, "stopped", identity, "%s",
		holds ? "every received packet is accounted for"
		      : "NOT every received packet is accounted for");
	uv_stop(&d->loop);
}

static void on_event(void *arg, const json_t *event)
{
	ctl_socket_broadcast(arg, event);
}

static void signal_on(struct ctl_daemon *d, uv_signal_t *s, int number)
{
	uv_signal_init(&d->loop, s);
	s->data = d;
	uv_signal_start(s, on_signal, number);
}

static void timer_on(struct ctl_daemon *d, uv_timer_t *t, uv_timer_cb fn, uint64_t ms)
{
	uv_timer_init(&d->loop, t);
	t->data = d;
	uv_timer_start(t, fn, ms, ms);
}

static const char *socket_why(int rc)
{
	switch (rc) {
	case -EADDRINUSE:
		return "another swerved listens there";
	case -EEXIST:
		return "something that is no socket is there";
	default:
		return strerror(-rc);
	}
}

static int open_socket(struct ctl_daemon *d, char *err)
{
	int rc = ctl_socket_new(&d->loop, d->cfg.control_socket, ctl_verbs, d, &d->socket);

	if (rc) {
		snprintf(err, CTL_SOCKET_ERR_MAX, "control socket %s: %s", d->cfg.control_socket,
			socket_why(rc));
		return rc;
	}
	ctl_events_listen(d->events, on_event, d->socket);
	return 0;
}

/* ---- TCP ---- */

static const char *listen_why(int rc)
{
	switch (rc) {
	case -EADDRINUSE:
		return "another server has port 53";
	case -EADDRNOTAVAIL:
		return "the address is none of the kernel's";
	default:
		return strerror(-rc);
	}
}

/** What cannot be listened on is said, and is no reason not to run: UDP is what we are for. */
static void listen_on_services(struct ctl_daemon *d)
{
	char addr[CTL_ADDR_TEXT_MAX];

	for (unsigned i = 0; i < d->cfg.dp.service_count; i++) {
		const struct route_addr *a = &d->cfg.dp.service[i];
		int rc = ctl_listen_on(d->listen, a, DNS_PORT, NULL);
		if (rc)
			ctl_events_emit(d->events, "note", NULL, "no TCP at %s: %s",
				ctl_addr_text(a, addr), listen_why(rc));
	}
}

static int open_tcp(struct ctl_daemon *d)
{
	int rc = ctl_tcp_asks_new(&d->loop, d->cfg.dp.source, DNS_PORT, &d->tcp_asks);

	if (rc || !d->cfg.tcp.enabled)
		return rc;
	rc = ctl_resolver_new(&d->cfg.dp, d->world, d->tcp_asks, &d->resolver);
	if (!rc)
		rc = ctl_listen_new(
			&d->loop, &d->cfg.tcp, ctl_resolver_query, d->resolver, &d->listen);
	if (!rc)
		listen_on_services(d);
	return rc;
}

static void close_tcp(struct ctl_daemon *d)
{
	ctl_tcp_asks_free(d->tcp_asks);
	ctl_listen_free(d->listen);
	ctl_resolver_free(d->resolver);
}

/* ---- parts ---- */

static int open_parts(struct ctl_daemon *d, const struct val_anchors *anchors)
{
	const struct ctl_world_ops ops = {ctl_daemon_publish, world_forget, d};
	int rc = ctl_world_new(&ops, d->cfg.region, &d->world);

	if (!rc)
		rc = ctl_follow_open(d, anchors);
	if (!rc)
		rc = ctl_keeper_new(d->trust, &d->cfg.dp.skew, d->cfg.dp.sha1, &d->keeper);
	if (!rc)
		rc = ctl_probe_new(
			d->cfg.probe_interval_ms, &d->cfg.dp.skew, d->cfg.dp.sha1, &d->probe);
	if (!rc)
		rc = ctl_steer_new(&d->cfg.judge, &d->steer);
	return rc;
}

/** Notes of the dataplane ("af_xdp refused, using af_packet"), one event a line. */
static void say_notes(struct ctl_daemon *d, char *notes)
{
	char *save = NULL;

	for (char *line = strtok_r(notes, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		ctl_events_emit(d->events, "note", NULL, "%s", line);
}

static int open_dataplane(struct ctl_daemon *d, char *err)
{
	char notes[2048] = "";
	int rc = dp_new(&d->cfg.dp, &d->dp, notes, sizeof(notes));

	if (rc)
		snprintf(err, CTL_SOCKET_ERR_MAX, "the dataplane does not start: %.900s",
			notes[0] ? notes : strerror(-rc));
	else
		say_notes(d, notes);
	return rc;
}

int ctl_daemon_open(struct ctl_daemon *d, struct route_config *routes,
	const struct val_anchors *anchors, char *err)
{
	int rc = uv_loop_init(&d->loop);

	d->started_ms = ctl_now_ms();
	if (rc) {
		snprintf(err, CTL_SOCKET_ERR_MAX, "no event loop: %s", strerror(-rc));
		return rc;
	}
	d->loop_open = true;
	rc = open_parts(d, anchors);
	if (rc) {
		snprintf(err, CTL_SOCKET_ERR_MAX, "out of memory");
		return rc;
	}
	// before the ports: a second swerved must not disturb the first one's
	rc = open_socket(d, err);
	if (!rc)
		rc = open_dataplane(d, err);
	if (!rc)
		rc = ctl_hops_open(d, err);
	if (!rc)
		rc = ctl_daemon_set_routes(d, routes, d->cfg.routes, "start", err);
	if (rc)
		return rc;
	rc = open_tcp(d);
	if (rc) {
		snprintf(err, CTL_SOCKET_ERR_MAX, "no TCP: %s", strerror(-rc));
		return rc;
	}
	timer_on(d, &d->poll_timer, on_poll, POLL_MS);
	timer_on(d, &d->steer_timer, on_tick, ROUTE_JUDGE_TICK_MS);
	signal_on(d, &d->sigterm, SIGTERM);
	signal_on(d, &d->sigint, SIGINT);
	signal_on(d, &d->sighup, SIGHUP);
	return 0;
}

static void close_handle(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static void close_loop(struct ctl_daemon *d)
{
	ctl_events_listen(d->events, NULL, NULL);
	ctl_hops_close(d);
	ctl_socket_free(d->socket);
	close_tcp(d);
	uv_walk(&d->loop, close_handle, NULL);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	uv_loop_close(&d->loop);
	d->loop_open = false;
}

void ctl_daemon_close(struct ctl_daemon *d)
{
	if (d->loop_open)
		close_loop(d);
	if (d->dp)
		dp_free(d->dp); // workers are gone: nobody looks at a view any more
	ctl_steer_free(d->steer);
	ctl_probe_free(d->probe);
	ctl_keeper_free(d->keeper);
	ctl_trust_free(d->trust);
	ctl_world_free(d->world);
}
