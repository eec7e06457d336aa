#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/daemon.h"
#include "control/file.h"
#include "control/routes_file.h"
#include "control/routes_priv.h"

/*
 * Which routes a start begins with: those of the newest table that was not on trial, unless the
 * configured routes file was edited since that table was made; then the file. Of two, the one that
 * can be used.
 */

/** Routes that could be used. */
struct candidate {
	int rc;
	struct route_config config;
	char *text;
	size_t len;
	char hash[CTL_HASH_TEXT_MAX];
	char err[CTL_SOCKET_ERR_MAX];
};

static void candidate_parse(const struct ctl_daemon *d, const char *name, struct candidate *c)
{
	if (c->rc)
		return;
	ctl_hash_text(c->text, c->len, c->hash);
	c->rc = ctl_routes_parse(name, c->text, c->len, d->cfg.region, &c->config, c->err);
}

static void candidate_file(const struct ctl_daemon *d, struct candidate *c)
{
	c->rc = ctl_file_read(d->cfg.routes, &c->text, &c->len, c->err);
	candidate_parse(d, d->cfg.routes, c);
}

static void candidate_table(const struct ctl_daemon *d, uint64_t number, struct candidate *c)
{
	char name[48];

	snprintf(name, sizeof(name), "table %llu", (unsigned long long)number);
	c->rc = ctl_history_text(d->history, number, &c->text, &c->len, c->err);
	candidate_parse(d, name, c);
}

static void candidate_fini(struct candidate *c)
{
	route_config_fini(&c->config);
	free(c->text);
	*c = (struct candidate){.rc = -ENOENT};
}

/** The newest table that was not on trial; NULL when there is none. */
static const struct ctl_table *newest_tried(const struct ctl_history *h)
{
	for (size_t i = ctl_history_count(h); i-- > 0;)
		if (!ctl_history_at(h, i)->canary)
			return ctl_history_at(h, i);
	return NULL;
}

static void take(struct ctl_daemon *d, struct candidate *c)
{
	d->start.config = c->config;
	d->start.text = c->text;
	d->start.len = c->len;
	*c = (struct candidate){.rc = -ENOENT};
}

static void take_table(struct ctl_daemon *d, const struct ctl_table *t, struct candidate *c)
{
	const struct ctl_table *newest = ctl_history_newest(d->history);

	take(d, c);
	snprintf(d->start.source, sizeof(d->start.source), "table %llu",
		(unsigned long long)t->number);
	d->start.by = newest->canary ? CTL_BY_CANARY : CTL_BY_START;
	if (newest->canary)
		snprintf(d->start.why, sizeof(d->start.why),
			"table %llu was on trial when swerved ended",
			(unsigned long long)newest->number);
	else
		d->start.table = newest->number;
}

static void take_file(struct ctl_daemon *d, struct candidate *c, const char *why)
{
	take(d, c);
	snprintf(d->start.source, sizeof(d->start.source), "%s", d->cfg.routes);
	snprintf(d->start.why, sizeof(d->start.why), "%s", why);
	d->start.by = CTL_BY_START;
}

/** Both may be usable: the file when it was edited since the table was made. */
static int choose(struct ctl_daemon *d, const struct ctl_table *t, struct candidate *file,
	struct candidate *table, char *err)
{
	bool edited = strcmp(file->hash, t->file_hash) != 0 && strcmp(file->hash, t->hash) != 0;

	if (table->rc)
		ctl_events_emit(d->events, "state", NULL, "table %llu cannot be restored: %s",
			(unsigned long long)t->number, table->err);
	if (file->rc && table->rc) {
		snprintf(err, CTL_FILE_ERR_MAX, "%.700s", file->err);
		return file->rc;
	}
	if (file->rc)
		ctl_events_emit(d->events, "routes_refused",
			json_pack("{s:s}", "source", d->cfg.routes),
			"%s; table %llu is restored instead", file->err,
			(unsigned long long)t->number);
	if (!file->rc && (edited || table->rc)) {
		if (edited)
			ctl_events_emit(d->events, "routes_edited", NULL,
				"%s was edited since table %llu was made: the file is used; "
				"swervectl routes rollback %llu brings the table back",
				d->cfg.routes, (unsigned long long)t->number,
				(unsigned long long)t->number);
		take_file(d, file, edited ? "edited" : "start");
	} else {
		take_table(d, t, table);
	}
	return 0;
}

static void open_state(struct ctl_daemon *d)
{
	char err[CTL_HISTORY_ERR_MAX], path[CTL_PATH_MAX + 16];

	if (ctl_history_open(d->cfg.state_dir, ctl_routes_wrong, d, &d->history, err)) {
		ctl_events_emit(d->events, "state", NULL, "tables cannot be kept: %s", err);
		ctl_history_open(NULL, ctl_routes_wrong, d, &d->history, err);
	}
	ctl_routes_memory_file(d, path);
	if (d->cfg.state_dir[0]) {
		int rc = ctl_memory_load(path, &d->memory, err);
		if (rc && rc != -ENOENT)
			ctl_events_emit(d->events, "state", NULL,
				"%s: states of paths are not restored", err);
	}
}

int ctl_routes_choose(struct ctl_daemon *d, char *err)
{
	static struct candidate file, table;

	open_state(d);
	if (!d->history)
		return -ENOMEM;
	const struct ctl_table *t = newest_tried(d->history);
	int rc = 0;
	candidate_file(d, &file);
	if (t) {
		candidate_table(d, t->number, &table);
		rc = choose(d, t, &file, &table, err);
	} else if (file.rc) {
		snprintf(err, CTL_FILE_ERR_MAX, "%.700s", file.err);
		rc = file.rc;
	} else {
		take_file(d, &file, "start");
	}
	candidate_fini(&file);
	candidate_fini(&table);
	return rc;
}

void ctl_routes_recall(void *arg, struct route_paths *paths)
{
	struct ctl_daemon *d = arg;
	const struct ctl_memory_parts parts = ctl_routes_parts(d);
	int64_t now_s = time(NULL);

	(void)paths;
	if (!d->memory)
		return;
	bool fresh = ctl_memory_is_fresh(d->memory, now_s);
	size_t n = ctl_memory_recall(d->memory, &parts, ctl_now_ms(), now_s);
	if (n > 0 || !fresh)
		ctl_events_emit(d->events, "recalled", json_pack("{s:I}", "paths", (json_int_t)n),
			"%zu path%s as before the restart%s", n, n == 1 ? "" : "s",
			fresh ? "" : ": what was known is too old, only drains hold");
	ctl_memory_free(d->memory);
	d->memory = NULL;
}

/** Is what runs now the very table that ran before, its states included? */
static bool is_same_table(const struct ctl_daemon *d)
{
	return d->start.table > 0 && d->memory && ctl_memory_is_fresh(d->memory, time(NULL)) &&
	       ctl_memory_table(d->memory) >= d->start.table;
}

static uint64_t last_number(const struct ctl_daemon *d)
{
	const struct ctl_table *newest = ctl_history_newest(d->history);
	uint64_t a = newest ? newest->number : 0, b = d->memory ? ctl_memory_table(d->memory) : 0;

	return a > b ? a : b;
}

int ctl_routes_start(struct ctl_daemon *d, char *err)
{
	struct ctl_routes_change ch = {.text = d->start.text,
		.len = d->start.len,
		.source = d->start.source,
		.why = d->start.why,
		.by = d->start.by};
	bool same = is_same_table(d);
	uint64_t last = last_number(d);

	ctl_world_count_from(d->world, same ? last - 1 : last);
	int rc = ctl_routes_use(d, &d->start.config, err);
	if (rc)
		return rc;
	if (!same)
		d->kept = ctl_routes_record(d, &ch);
	ctl_routes_save(d);
	ch.why = same ? "restored" : ch.why;
	ctl_routes_say(d, &ch);
	free(d->start.text);
	d->start.text = NULL;
	return 0;
}
