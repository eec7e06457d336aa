#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/report.h"
#include "control/routes_diff.h"
#include "control/routes_file.h"
#include "control/verbs.h"

/* The verbs about routes: show, validate, diff, apply, history, rollback. */

/* ---- looking ---- */

/** "2023-07-08T21:10:00Z" */
static json_t *time_json(int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	char buf[32];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(buf);
}

static json_t *table_json(const struct ctl_daemon *d, const struct ctl_table *t)
{
	json_t *j = json_pack("{s:I,s:o,s:s,s:I,s:s,s:s,s:s}", "number", (json_int_t)t->number,
		"time", time_json(t->time_ms), "by", ctl_table_by_name(t->by), "routes",
		(json_int_t)t->routes, "source", t->source, "note", t->why, "hash", t->hash);

	json_object_set_new(
		j, "current", json_boolean(t->number == ctl_world_table_number(d->world)));
	json_object_set_new(j, "trial", json_boolean(t->canary));
	return j;
}

int ctl_verb_routes_history(
	void *arg, struct ctl_client *client, const json_t *req, json_t **data, char *err)
{
	const struct ctl_daemon *d = arg;

	(void)client, (void)req, (void)err;
	*data = json_array();
	for (size_t i = 0; i < ctl_history_count(d->history); i++)
		json_array_append_new(*data, table_json(d, ctl_history_at(d->history, i)));
	return 0;
}

int ctl_verb_routes_show(
	void *arg, struct ctl_client *client, const json_t *req, json_t **data, char *err)
{
	struct ctl_daemon *d = arg;
	int64_t number = 0;
	char *text;
	size_t len;

	(void)client;
	if (!ctl_verb_number(req, "number", 1, INT64_MAX, &number, err))
		return -EINVAL;
	if (number == 0) {
		*data = ctl_report_routes(d);
		return 0;
	}
	int rc = ctl_history_text(d->history, (uint64_t)number, &text, &len, err);
	if (rc)
		return rc;
	*data = table_json(d, ctl_history_find(d->history, (uint64_t)number));
	json_object_set_new(*data, "text", json_stringn(text, len));
	free(text);
	return 0;
}

/* ---- routes of a request ---- */

static int read_routes(
	const struct ctl_daemon *d, const json_t *req, struct route_config *c, char *err)
{
	const json_t *text = json_object_get(req, "text");
	const char *file = ctl_verb_text(req, "file");

	if (!json_is_string(text))
		return ctl_verb_refuse(
			err, -EINVAL, "the request has no \"text\" of a routes file");
	return ctl_routes_parse(file ? file : "routes", json_string_value(text),
		json_string_length(text), d->cfg.region, c, err);
}

int ctl_verb_routes_validate(
	void *arg, struct ctl_client *client, const json_t *req, json_t **data, char *err)
{
	struct route_config c;

	(void)client;
	int rc = read_routes(arg, req, &c, err);
	if (rc)
		return rc;
	*data = json_pack("{s:I,s:I,s:I}", "sites", (json_int_t)c.site_count, "regions",
		(json_int_t)c.region_count, "zones", (json_int_t)c.zone_count);
	route_config_fini(&c);
	return 0;
}

/** Routes of a table that is kept; 0 stands for what runs. */
static int read_table(const struct ctl_daemon *d, int64_t number, struct route_config *c, char *err)
{
	char name[48], *text;
	size_t len;

	if (number == 0) {
		int rc = route_config_copy(ctl_world_config(d->world), c);
		return rc ? ctl_verb_refuse(err, rc, "out of memory") : 0;
	}
	int rc = ctl_history_text(d->history, (uint64_t)number, &text, &len, err);
	if (rc)
		return rc;
	snprintf(name, sizeof(name), "table %" PRId64, number);
	rc = ctl_routes_parse(name, text, len, d->cfg.region, c, err);
	free(text);
	return rc;
}

int ctl_verb_routes_diff(
	void *arg, struct ctl_client *client, const json_t *req, json_t **data, char *err)
{
	const struct ctl_daemon *d = arg;
	struct route_config from, to;
	int64_t from_number = 0, to_number = 0;

	(void)client;
	if (!ctl_verb_number(req, "from", 1, INT64_MAX, &from_number, err) ||
		!ctl_verb_number(req, "to", 1, INT64_MAX, &to_number, err))
		return -EINVAL;
	int rc = read_table(d, from_number, &from, err);
	if (rc)
		return rc;
	rc = json_object_get(req, "text") ? read_routes(d, req, &to, err)
					  : read_table(d, to_number, &to, err);
	if (rc)
		goto fini_from;
	*data = ctl_routes_diff(&from, &to);
	if (!*data)
		rc = ctl_verb_refuse(err, -ENOMEM, "out of memory");
	route_config_fini(&to);
fini_from:
	route_config_fini(&from);
	return rc;
}

/* ---- changing ---- */

static int may_change(const struct ctl_daemon *d, const json_t *req, char *err)
{
	if (d->draining)
		return ctl_verb_refuse(err, -ESHUTDOWN, "swerved is going down");
	return ctl_verb_match(d, req, err);
}

/** What came of it: the number, which table each worker works by, whether it is on disk. */
static json_t *applied_json(struct ctl_daemon *d)
{
	json_t *workers = json_array();
	bool all = ctl_routes_seen(d, workers);

	return json_pack("{s:I,s:o,s:b,s:b}", "number",
		(json_int_t)ctl_world_table_number(d->world), "workers", workers, "everywhere", all,
		"kept", d->kept);
}

static int begin_trial(struct ctl_daemon *d, const json_t *req, int64_t seconds, char *err)
{
	int64_t rise = CTL_CANARY_RISE_PERCENT;

	if (!ctl_verb_number(req, "max_failure_rise", 0, 100, &rise, err))
		return -EINVAL;
	return ctl_trial_begin(d, (uint32_t)seconds, (uint32_t)rise, err);
}

static int refuse_second(const struct ctl_daemon *d, char *err)
{
	uint64_t now_ms = ctl_now_ms(), end_ms = d->canary.end_ms;

	snprintf(err, CTL_SOCKET_ERR_MAX,
		"table %llu is on trial for another %llu s; swervectl routes rollback %llu ends it",
		(unsigned long long)d->canary.number,
		(unsigned long long)(end_ms > now_ms ? (end_ms - now_ms + 999) / 1000 : 0),
		(unsigned long long)d->canary.back_to);
	return -EBUSY;
}

static int apply(struct ctl_daemon *d, const json_t *req, struct route_config *c, char *err)
{
	const char *note = ctl_verb_text(req, "note"), *file = ctl_verb_text(req, "file");
	const json_t *text = json_object_get(req, "text");
	int64_t seconds = 0;

	if (!ctl_verb_number(req, "canary_s", 1, CTL_CANARY_MAX_S, &seconds, err))
		return -EINVAL;
	if (seconds == 0 && json_object_get(req, "max_failure_rise"))
		return ctl_verb_refuse(
			err, -EINVAL, "\"max_failure_rise\" goes with \"canary_s\" only");
	int rc = seconds ? begin_trial(d, req, seconds, err) : 0;
	if (rc)
		return rc;
	const struct ctl_routes_change ch = {.text = json_string_value(text),
		.len = json_string_length(text),
		.source = file ? file : "routes",
		.why = note ? note : "",
		.by = CTL_BY_OPERATOR,
		.canary = seconds > 0};
	rc = ctl_routes_set(d, c, &ch, err);
	if (rc)
		ctl_trial_end(d);
	return rc;
}

int ctl_verb_routes_apply(
	void *arg, struct ctl_client *client, const json_t *req, json_t **data, char *err)
{
	struct ctl_daemon *d = arg;
	struct route_config c;

	(void)client;
	int rc = may_change(d, req, err);
	if (!rc && d->canary.running)
		rc = refuse_second(d, err);
	if (!rc)
		rc = read_routes(d, req, &c, err);
	if (rc)
		return rc;
	rc = apply(d, req, &c, err);
	if (rc) {
		route_config_fini(&c);
		return rc;
	}
	*data = applied_json(d);
	return 0;
}

int ctl_verb_routes_rollback(
	void *arg, struct ctl_client *client, const json_t *req, json_t **data, char *err)
{
	struct ctl_daemon *d = arg;
	const char *note = ctl_verb_text(req, "note");
	int64_t number = 0;
	char source[48], *text;
	struct ctl_routes_change ch = {
		.source = source, .why = note ? note : "", .by = CTL_BY_ROLLBACK};

	(void)client;
	int rc = may_change(d, req, err);
	if (rc)
		return rc;
	if (!ctl_verb_number(req, "number", 1, INT64_MAX, &number, err))
		return -EINVAL;
	if (number == 0)
		return ctl_verb_refuse(err, -EINVAL, "\"number\" of a table is needed");
	rc = ctl_history_text(d->history, (uint64_t)number, &text, &ch.len, err);
	if (rc)
		return rc;
	ch.text = text;
	snprintf(source, sizeof(source), "table %" PRId64, number);
	rc = ctl_routes_set_text(d, &ch, err);
	free(text);
	if (rc)
		return rc;
	ctl_trial_end(d);
	*data = applied_json(d);
	return 0;
}
