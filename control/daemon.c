#include "control/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>

#include "control/addr.h"
#include "control/metrics.h"
#include "control/report.h"
#include "control/routes_priv.h"

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

static void world_forget(void *arg, uint16_t path)
{
	struct ctl_daemon *d = arg;

	dp_evidence_reset(d->dp, path);
	ctl_probe_forget(d->probe, path);
	ctl_steer_forget(d->steer, path);
	ctl_drains_clear(d->drains, path);
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

/* ---- metrics ---- */

/** /metrics, for ctl_http_page_fn. */
static char *metrics_page(void *arg, const char *path, size_t *len, const char **type)
{
	struct ctl_daemon *d = arg;
	char *text = NULL;
	FILE *out = strcmp(path, "/metrics") == 0 ? open_memstream(&text, len) : NULL;

	if (!out)
		return NULL;
	json_t *status = ctl_report_status(d), *stats = ctl_report_stats(d),
	       *sites = ctl_report_sites(d), *keys = ctl_report_keys(d);
	ctl_metrics_write(
		&(struct ctl_metrics){status, stats, sites, keys, ctl_events_counts(d->events),
			time(NULL), (double)rte_get_tsc_hz()},
		out);
	json_decref(status);
	json_decref(stats);
	json_decref(sites);
	json_decref(keys);
	fclose(out);
	*type = "text/plain; version=0.0.4; charset=utf-8";
	return text;
}

/** For ctl_telemetry_fn. */
static json_t *telemetry_report(void *arg, const char *name)
{
	if (strcmp(name, "status") == 0)
		return ctl_report_status(arg);
	if (strcmp(name, "stats") == 0)
		return ctl_report_stats(arg);
	if (strcmp(name, "lcores") == 0)
		return ctl_report_lcores(arg);
	return strcmp(name, "sites") == 0 ? ctl_report_sites(arg) : NULL;
}

/** Without metrics swerve still does its work: a port that is taken is said. */
static void open_metrics(struct ctl_daemon *d)
{
	char addr[CTL_ADDR_TEXT_MAX];

	if (d->cfg.eal.telemetry && ctl_telemetry_new(&d->loop, telemetry_report, d, &d->telemetry))
		ctl_events_emit(d->events, "note", NULL, "no telemetry: out of memory");
	if (!d->cfg.metrics)
		return;
	int rc = ctl_http_new(
		&d->loop, &d->cfg.metrics_addr, d->cfg.metrics_port, metrics_page, d, &d->http);
	if (rc)
		ctl_events_emit(d->events, "note", NULL, "no metrics at %s port %u: %s",
			ctl_addr_text(&d->cfg.metrics_addr, addr), d->cfg.metrics_port,
			strerror(-rc));
}

/* ---- parts ---- */

static int open_parts(struct ctl_daemon *d, const struct val_anchors *anchors)
{
	const struct ctl_world_ops ops = {ctl_daemon_publish, world_forget, d, ctl_routes_recall};
	int rc = ctl_world_new(&ops, d->cfg.region, &d->world);

	if (!rc) {
		ctl_world_set_families(d->world, dp_config_families(&d->cfg.dp));
		rc = ctl_follow_open(d, anchors);
	}
	if (!rc)
		rc = ctl_keeper_new(d->trust, &d->cfg.dp.skew, d->cfg.dp.sha1, &d->keeper);
	if (!rc)
		rc = ctl_negative_open(d);
	if (!rc)
		rc = ctl_probe_new(d->cfg.probe_interval_ms, d->cfg.probes_per_second,
			&d->cfg.dp.skew, d->cfg.dp.sha1, &d->probe);
	if (!rc)
		rc = ctl_steer_new(&d->cfg.judge, &d->steer);
	if (!rc)
		rc = ctl_drains_new(&d->drains);
	if (!rc)
		rc = ctl_saver_new(&d->loop, ctl_routes_wrong, d, &d->saver);
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

int ctl_daemon_open(struct ctl_daemon *d, const struct val_anchors *anchors, char *err)
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
		rc = ctl_routes_start(d, err);
	if (rc)
		return rc;
	rc = open_tcp(d);
	if (rc) {
		snprintf(err, CTL_SOCKET_ERR_MAX, "no TCP: %s", strerror(-rc));
		return rc;
	}
	open_metrics(d);
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
	ctl_http_free(d->http);
	ctl_telemetry_free(d->telemetry);
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
	ctl_routes_close(d);
	ctl_steer_free(d->steer);
	ctl_probe_free(d->probe);
	ctl_ntas_free(d->ntas);
	ctl_keeper_free(d->keeper);
	ctl_trust_free(d->trust);
	ctl_world_free(d->world);
}
