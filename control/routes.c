#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/addr.h"
#include "control/daemon.h"
#include "control/file.h"
#include "control/routes_file.h"
#include "control/routes_priv.h"

/* Routes that change while swerved runs: published, recorded, seen by workers; drains that end. */

enum { MEMORY_EVERY_MS = 5000, SEEN_WAIT_US = 100000, SEEN_LOOK_US = 50 };

/* ---- views ---- */

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

/* ---- what is kept ---- */

void ctl_routes_wrong(void *arg, const char *text)
{
	const struct ctl_daemon *d = arg;

	ctl_events_emit(d->events, "state", NULL, "%s", text);
}

static int64_t wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static struct ctl_table table_now(
	const struct ctl_daemon *d, enum ctl_table_by by, const char *source, const char *why)
{
	struct ctl_table t = {
		.number = ctl_world_table_number(d->world), .time_ms = wall_ms(), .by = by};

	ctl_events_line(t.source, sizeof(t.source), source);
	ctl_events_line(t.why, sizeof(t.why), why);
	return t;
}

/** Of the configured file as it lies there now: an edit after this moment shows. */
static void hash_file(const struct ctl_daemon *d, char out[CTL_HASH_TEXT_MAX])
{
	char err[CTL_FILE_ERR_MAX], *text;
	size_t len;

	out[0] = '\0';
	if (ctl_file_read(d->cfg.routes, &text, &len, err))
		return;
	ctl_hash_text(text, len, out);
	free(text);
}

bool ctl_routes_record(struct ctl_daemon *d, const struct ctl_routes_change *ch)
{
	struct ctl_table t = table_now(d, ch->by, ch->source, ch->why);
	char err[CTL_HISTORY_ERR_MAX];

	t.canary = ch->canary;
	hash_file(d, t.file_hash);
	if (!ctl_history_add(d->history, &t, ch->text, ch->len, err))
		return true;
	ctl_events_emit(d->events, "state", NULL, "table %llu is in use, but not kept on disk: %s",
		(unsigned long long)t.number, err);
	return false;
}

struct ctl_memory_parts ctl_routes_parts(const struct ctl_daemon *d)
{
	return (struct ctl_memory_parts){
		ctl_world_paths(d->world), ctl_steer_judge(d->steer), d->drains};
}

void ctl_routes_memory_file(const struct ctl_daemon *d, char path[CTL_PATH_MAX + 16])
{
	snprintf(path, CTL_PATH_MAX + 16, "%s/paths.json", d->cfg.state_dir);
}

void ctl_routes_save(struct ctl_daemon *d)
{
	const struct ctl_memory_parts parts = ctl_routes_parts(d);
	char path[CTL_PATH_MAX + 16];
	size_t noted;

	d->memory_saved_ms = ctl_now_ms();
	d->memory_table = ctl_world_table_number(d->world);
	if (!d->cfg.state_dir[0])
		return;
	char *text =
		ctl_memory_text(&parts, d->memory_table, d->memory_saved_ms, time(NULL), &noted);
	ctl_routes_memory_file(d, path);
	ctl_saver_put(d->saver, path, text, text ? strlen(text) : 0);
}

void ctl_routes_states(struct ctl_daemon *d, enum ctl_table_by by, const char *why)
{
	const struct ctl_table *newest = ctl_history_newest(d->history);

	if (newest && newest->number < ctl_world_table_number(d->world)) {
		const struct ctl_table t = table_now(d, by, "", why);
		ctl_history_add_states(d->history, &t, d->saver);
	}
	ctl_routes_save(d);
}

/* ---- new routes ---- */

void ctl_routes_say(struct ctl_daemon *d, const struct ctl_routes_change *ch)
{
	const struct route_config *c = ctl_world_config(d->world);
	uint64_t number = ctl_world_table_number(d->world);

	ctl_events_emit(d->events, "routes",
		json_pack("{s:I,s:s,s:s,s:s,s:I,s:I}", "table", (json_int_t)number, "by",
			ctl_table_by_name(ch->by), "source", ch->source, "note", ch->why, "sites",
			(json_int_t)c->site_count, "zones", (json_int_t)c->zone_count),
		"table %llu from %s is in use: %zu zones at %zu sites%s%s",
		(unsigned long long)number, ch->source, c->zone_count, c->site_count,
		ch->why[0] ? "; " : "", ch->why);
}

/**
 * What resolvers say is kept by the region that asked, and regions are numbers that other routes
 * may give to others.
 */
static void purge_by_region(struct ctl_daemon *d)
{
	const struct route_config *c = ctl_world_config(d->world);

	for (size_t i = 0; i < c->zone_count; i++)
		if (c->zones[i].kind == ROUTE_RECURSIVE)
			ctl_purge_zone(&d->purge, &c->zones[i].name, false);
}

/** Paths, hops, keeper and table follow. */
int ctl_routes_use(struct ctl_daemon *d, struct route_config *c, char *err)
{
	d->hold_views = true;
	int rc = ctl_world_set_routes(d->world, c, ctl_now_ms(), err, CTL_SOCKET_ERR_MAX);
	d->hold_views = false;
	if (rc)
		return rc;
	purge_by_region(d);
	ctl_hops_publish(d);
	rc = release_held(d); // no hops to be had, or the same as before
	if (ctl_keeper_sync(d->keeper, ctl_world_config(d->world)))
		ctl_events_emit(d->events, "error", NULL,
			"keys do not follow the new routes: out of memory");
	ctl_duty_keys(d);
	if (rc)
		ctl_events_emit(d->events, "error", NULL,
			"the new table waits for memory; workers still use the one before");
	return 0;
}

int ctl_routes_set(
	struct ctl_daemon *d, struct route_config *c, const struct ctl_routes_change *ch, char *err)
{
	int rc = ctl_routes_use(d, c, err);

	if (rc)
		return rc;
	d->kept = ctl_routes_record(d, ch);
	ctl_routes_save(d);
	ctl_routes_say(d, ch);
	return 0;
}

int ctl_routes_set_text(struct ctl_daemon *d, const struct ctl_routes_change *ch, char *err)
{
	struct route_config c;

	int rc = ctl_routes_parse(ch->source, ch->text, ch->len, d->cfg.region, &c, err);
	if (rc)
		return rc;
	rc = ctl_routes_set(d, &c, ch, err);
	if (rc)
		route_config_fini(&c);
	return rc;
}

void ctl_daemon_reload(struct ctl_daemon *d)
{
	char err[CTL_SOCKET_ERR_MAX], *text = NULL;
	struct ctl_routes_change ch = {
		.source = d->cfg.routes, .why = "SIGHUP", .by = CTL_BY_RELOAD};
	int rc = -EBUSY;

	if (d->canary.running)
		snprintf(err, sizeof(err), "table %llu is on trial",
			(unsigned long long)d->canary.number);
	else
		rc = ctl_file_read(d->cfg.routes, &text, &ch.len, err);
	ch.text = text;
	if (!rc)
		rc = ctl_routes_set_text(d, &ch, err);
	if (rc)
		ctl_events_emit(d->events, "routes_refused",
			json_pack("{s:s}", "source", d->cfg.routes), "SIGHUP: %s; what ran runs on",
			err);
	free(text);
}

/* ---- what the workers have seen ---- */

static bool look(struct ctl_daemon *d, json_t *workers)
{
	uint64_t want = ctl_world_table_number(d->world);
	bool all = true;

	json_array_clear(workers);
	for (unsigned i = 0; i < dp_worker_count(d->dp); i++) {
		struct dp_stats s;
		dp_stats_worker(d->dp, i, &s);
		uint64_t table = ctl_world_table_of_view(d->world, s.view_number);
		all = all && table == want;
		json_array_append_new(
			workers, json_pack("{s:i,s:I}", "worker", i, "table", (json_int_t)table));
	}
	return all;
}

bool ctl_routes_seen(struct ctl_daemon *d, json_t *workers)
{
	const struct timespec pause = {0, SEEN_LOOK_US * 1000};
	uint64_t begun = ctl_now_us();
	bool all = look(d, workers);

	while (!all && ctl_now_us() - begun < SEEN_WAIT_US) {
		nanosleep(&pause, NULL);
		all = look(d, workers);
	}
	return all;
}

/* ---- duties ---- */

/** Drains whose time is over. */
static void end_drains(struct ctl_daemon *d)
{
	const struct ctl_drain *over;
	char zone[DNS_NAME_TEXT_MAX], addr[CTL_ADDR_TEXT_MAX], why[CTL_TABLE_TEXT_MAX] = "";
	bool changed = false;

	while ((over = ctl_drains_due(d->drains, ctl_now_ms()))) {
		struct route_path *p = route_paths_at(ctl_world_paths(d->world), over->path);
		if (p && p->state == ROUTE_DRAINED) {
			p->state = ROUTE_PROBATION;
			changed = true;
			dns_name_to_text(p->zone_name.octets, zone, sizeof(zone));
			ctl_addr_text(&p->addr, addr);
			snprintf(why, sizeof(why), "the drain of %.160s at %s is over", zone,
				p->site_name);
			ctl_events_emit(d->events, "restored",
				json_pack("{s:s,s:s,s:s,s:s}", "zone", zone, "site", p->site_name,
					"address", addr, "reason", over->reason),
				"%s at %s (%s) on probation again: the time of its drain is over "
				"(%s)",
				zone, p->site_name, addr, over->reason);
		}
		ctl_drains_clear(d->drains, over->path);
	}
	if (!changed)
		return;
	if (ctl_world_states_changed(d->world))
		ctl_events_emit(d->events, "error", NULL, "no memory for a new table");
	ctl_routes_states(d, CTL_BY_TIMER, why);
}

void ctl_routes_tick(struct ctl_daemon *d)
{
	release_held(d); // too many views were out
	end_drains(d);
	if (d->memory_table != ctl_world_table_number(d->world))
		ctl_routes_states(d, CTL_BY_STEERING, d->last_finding);
	else if (ctl_now_ms() - d->memory_saved_ms >= MEMORY_EVERY_MS)
		ctl_routes_save(d);
	if (!d->draining)
		ctl_trial_tick(d);
}

void ctl_routes_close(struct ctl_daemon *d)
{
	if (d->saver) {
		ctl_saver_leave_loop(d->saver);
		if (ctl_world_config(d->world))
			ctl_routes_save(d);
	}
	ctl_saver_free(d->saver);
	ctl_memory_free(d->memory);
	ctl_drains_free(d->drains);
	ctl_history_free(d->history);
	route_config_fini(&d->start.config);
	free(d->start.text);
	free(d->trial_text);
	d->saver = NULL;
	d->memory = NULL;
	d->drains = NULL;
	d->history = NULL;
	memset(&d->start, 0, sizeof(d->start));
	d->trial_text = NULL;
}
