#include "control/incident.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "control/columns.h"

static const char *text(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

static json_int_t number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

static bool is(const json_t *j, const char *key, const char *what)
{
	return strcmp(text(j, key), what) == 0;
}

/* ---- times ---- */

/** "2023-07-08T21:10:00.123Z" as ms since the epoch; -1 when it is something else. */
static int64_t ms_of(const char *when)
{
	struct tm tm = {0};
	int ms = 0;

	if (sscanf(when, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		    &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms) != 7)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return (int64_t)timegm(&tm) * 1000 + ms;
}

static json_t *time_json(int64_t ms)
{
	char buf[32];
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&s, &tm);
	size_t n = strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, sizeof(buf) - n, ".%03dZ", (int)(ms % 1000));
	return json_string(buf);
}

/* ---- gathering ---- */

static bool is_one_of(const json_t *e, const char *const *kinds)
{
	for (; *kinds; kinds++)
		if (is(e, "kind", *kinds))
			return true;
	return false;
}

static bool of_a_path(const json_t *e)
{
	static const char *const kinds[] = {
		"site_fault", "lagging", "last_path", "probation", "returned", "withdrawn", NULL};

	return is_one_of(e, kinds);
}

static bool begins(const json_t *e)
{
	static const char *const kinds[] = {
		"site_fault", "lagging", "last_path", "zone_fault", "ours", NULL};

	return is_one_of(e, kinds);
}

static const char *kind_of(const json_t *e)
{
	if (of_a_path(e))
		return "site";
	return text(e, "zone")[0] ? "zone" : "ours";
}

static bool belongs(const json_t *incident, const json_t *e)
{
	const char *kind = kind_of(e);

	if (!is(incident, "kind", kind) || json_is_true(json_object_get(incident, "over")))
		return false;
	if (strcmp(kind, "site") == 0)
		return is(incident, "site", text(e, "site"));
	return strcmp(kind, "ours") == 0 ||
	       json_object_get(json_object_get(incident, "zones"), text(e, "zone"));
}

static json_t *open_incident(json_t *incidents, const json_t *e)
{
	json_t *i = json_pack("{s:I,s:s,s:s,s:b,s:n,s:n,s:n,s:n,s:n,s:{},s:{},s:{},s:[]}", "id",
		number(e, "id"), "kind", kind_of(e), "site", text(e, "site"), "over", 0,
		"first_sign", "first_bad", "judged", "moved", "recovered", "zones", "paths",
		"names", "timeline");

	json_array_append_new(incidents, i);
	return i;
}

static json_t *find_open(json_t *incidents, const json_t *e)
{
	for (size_t n = json_array_size(incidents); n > 0; n--) {
		json_t *i = json_array_get(incidents, n - 1);
		if (belongs(i, e))
			return i;
	}
	return begins(e) ? open_incident(incidents, e) : NULL;
}

/** "com. at 192.0.2.1" -> what is known of that path. */
static void note_path(json_t *incident, const json_t *e)
{
	json_t *paths = json_object_get(incident, "paths");
	char key[512];

	snprintf(key, sizeof(key), "%s %s", text(e, "zone"), text(e, "address"));
	json_t *p = json_object_get(paths, key);
	if (!p) {
		json_int_t before = number(e, "bad_so_far") - number(e, "bad");
		p = json_pack("{s:s,s:s,s:s,s:I}", "zone", text(e, "zone"), "address",
			text(e, "address"), "family", strchr(text(e, "address"), ':') ? "v6" : "v4",
			"bad_before", before > 0 ? before : (json_int_t)0);
		json_object_set_new(paths, key, p);
	}
	json_object_set_new(p, "state", json_string(text(e, "to")));
	if (text(e, "instance")[0])
		json_object_set_new(p, "instance", json_string(text(e, "instance")));
	json_object_set_new(
		p, "bad", json_integer(number(e, "bad_so_far") - number(p, "bad_before")));
}

static void note_names(json_t *incident, const json_t *e)
{
	json_t *names = json_object_get(incident, "names"), *name;
	size_t i;

	json_array_foreach(json_object_get(e, "names"), i, name) if (json_is_string(name))
		json_object_set_new(names, json_string_value(name), json_true());
}

static void keep_first(json_t *incident, const char *key, int64_t ms)
{
	const char *known = text(incident, key);

	if (ms >= 0 && (!known[0] || ms < ms_of(known)))
		json_object_set_new(incident, key, time_json(ms));
}

static bool all_up(const json_t *incident)
{
	const char *key;
	json_t *p;

	json_object_foreach(
		json_object_get(incident, "paths"), key, p) if (!is(p, "state", "up")) return false;
	return true;
}

static void note_times(json_t *incident, const json_t *e, int64_t ms)
{
	bool fault = is(e, "kind", "site_fault") || is(e, "kind", "lagging");

	if (begins(e)) {
		keep_first(incident, "judged", ms);
		keep_first(incident, "first_sign", ms - number(e, "since_first_bad_ms"));
		if (json_object_get(e, "since_first_bad_ms"))
			keep_first(incident, "first_bad", ms - number(e, "since_first_bad_ms"));
	}
	if (fault) // the table that this event names is out when it is told
		keep_first(incident, "moved", ms);
	bool over = is(incident, "kind", "site") ? all_up(incident) && !begins(e)
						 : is(e, "kind", "cleared");
	if (!over)
		return;
	json_object_set_new(incident, "over", json_true());
	json_object_set_new(incident, "recovered", time_json(ms));
}

static void take(json_t *incidents, const json_t *e)
{
	int64_t ms = ms_of(text(e, "time"));

	if (ms < 0 || (!begins(e) && !of_a_path(e) && !is(e, "kind", "cleared")))
		return;
	json_t *i = find_open(incidents, e);
	if (!i)
		return;
	if (text(e, "zone")[0])
		json_object_set_new(json_object_get(i, "zones"), text(e, "zone"), json_true());
	if (of_a_path(e))
		note_path(i, e);
	note_names(i, e);
	note_times(i, e, ms);
	json_array_append_new(json_object_get(i, "timeline"),
		json_pack("{s:I,s:s,s:s,s:s,s:I}", "id", number(e, "id"), "time", text(e, "time"),
			"kind", text(e, "kind"), "text", text(e, "text"), "table",
			number(e, "table")));
}

/* ---- finishing ---- */

/** The keys of an object as an array in its place. */
static void keys_to_array(json_t *incident, const char *key)
{
	json_t *list = json_array(), *v;
	const char *name;

	json_object_foreach(json_object_get(incident, key), name, v)
		json_array_append_new(list, json_string(name));
	json_object_set_new(incident, key, list);
}

static void finish(json_t *incident)
{
	json_t *paths = json_array(), *p;
	int64_t first = ms_of(text(incident, "first_sign")), moved = ms_of(text(incident, "moved"));
	int64_t over = ms_of(text(incident, "recovered"));
	json_int_t bad = 0;
	const char *key;

	json_object_foreach(json_object_get(incident, "paths"), key, p)
	{
		bad += number(p, "bad");
		json_object_del(p, "bad_before");
		json_array_append(paths, p);
	}
	json_object_set_new(incident, "paths", paths);
	json_object_set_new(incident, "bad", json_integer(bad));
	json_object_set_new(incident, "lasted_s",
		over >= 0 && first >= 0 ? json_integer((over - first) / 1000) : json_null());
	json_object_set_new(incident, "before_move_ms",
		moved >= 0 && first >= 0 ? json_integer(moved - first) : json_null());
	keys_to_array(incident, "zones");
	keys_to_array(incident, "names");
}

json_t *ctl_incidents(const json_t *events)
{
	json_t *incidents = json_array(), *v;
	size_t i;

	json_array_foreach(events, i, v) take(incidents, v);
	json_array_foreach(incidents, i, v) finish(v);
	return incidents;
}

const json_t *ctl_incident_find(const json_t *incidents, json_int_t id)
{
	size_t n = json_array_size(incidents);

	for (size_t i = 0; id && i < n; i++)
		if (number(json_array_get(incidents, i), "id") == id)
			return json_array_get(incidents, i);
	return id ? NULL : json_array_get(incidents, n - 1);
}

/* ---- telling ---- */

static void join(const json_t *list, char *buf, size_t size)
{
	const json_t *v;
	size_t i, n = 0;

	buf[0] = '\0';
	json_array_foreach(list, i, v) if (n < size) n += (size_t)snprintf(buf + n, size - n,
		"%s%s", i ? ", " : "", json_string_value(v) ? json_string_value(v) : "");
}

/** "site sin", "zone com.", "us" */
static void title(const json_t *i, char *buf, size_t size)
{
	char zones[256];

	join(json_object_get(i, "zones"), zones, sizeof(zones));
	if (is(i, "kind", "site"))
		snprintf(buf, size, "site %s (%s)", text(i, "site"), zones);
	else if (is(i, "kind", "zone"))
		snprintf(buf, size, "zone %s", zones);
	else
		snprintf(buf, size, "our clock or egress");
}

void ctl_show_incidents(const json_t *incidents, FILE *out)
{
	struct ctl_columns t;
	char what[512];
	const json_t *i;
	size_t n;

	ctl_columns_init(&t, "ID|FIRST SIGN|WHAT|>BAD|>MOVED AFTER|LASTED");
	json_array_foreach(incidents, n, i)
	{
		title(i, what, sizeof(what));
		ctl_columns_add(&t, "%" JSON_INTEGER_FORMAT, number(i, "id"));
		ctl_columns_add(&t, "%s", text(i, "first_sign"));
		ctl_columns_add(&t, "%s", what);
		ctl_columns_add(&t, "%" JSON_INTEGER_FORMAT, number(i, "bad"));
		if (json_is_integer(json_object_get(i, "before_move_ms")))
			ctl_columns_add(
				&t, "%" JSON_INTEGER_FORMAT " ms", number(i, "before_move_ms"));
		else
			ctl_columns_add(&t, "not moved");
		if (json_is_true(json_object_get(i, "over")))
			ctl_columns_add_span(&t, number(i, "lasted_s"));
		else
			ctl_columns_add(&t, "goes on");
	}
	ctl_columns_print(&t, out);
}

/** Marks that differ between a terminal and Markdown. */
struct style {
	const char *title, *head, *item, *name, *step;
};
static const struct style plain = {"", "\n%s\n", "  %-12s %s%s\n", "  %s\n", "  %s  %s\n"};
static const struct style markdown = {
	"# ", "\n## %s\n\n", "- %s: %s%s\n", "- `%s`\n", "- `%s` %s\n"};

static void tell_time(
	const json_t *i, const char *key, const char *word, const struct style *s, FILE *out)
{
	int64_t first = ms_of(text(i, "first_sign")), ms = ms_of(text(i, key));
	char after[64] = "";

	if (ms < 0)
		return;
	if (ms > first && first >= 0)
		snprintf(after, sizeof(after), "  (+%.3f s)", (double)(ms - first) / 1000);
	fprintf(out, s->item, word, text(i, key), after);
}

static void tell_paths(const json_t *i, const struct style *s, FILE *out)
{
	const json_t *p;
	char line[768], instance[128];
	size_t n;

	json_array_foreach(json_object_get(i, "paths"), n, p)
	{
		instance[0] = '\0';
		if (text(p, "instance")[0])
			snprintf(instance, sizeof(instance), ", instance %s", text(p, "instance"));
		snprintf(line, sizeof(line),
			"%s (%s)%s: %" JSON_INTEGER_FORMAT " bad answer%s, now %s",
			text(p, "address"), text(p, "family"), instance, number(p, "bad"),
			number(p, "bad") == 1 ? "" : "s", text(p, "state"));
		fprintf(out, s->item, text(p, "zone"), line, "");
	}
}

static void tell(const json_t *i, const struct style *s, FILE *out)
{
	char what[512];
	const json_t *v;
	size_t n;

	title(i, what, sizeof(what));
	fprintf(out, "%sIncident %" JSON_INTEGER_FORMAT ": %s%s\n", s->title, number(i, "id"), what,
		json_is_true(json_object_get(i, "over")) ? "" : ", goes on");
	fprintf(out, s->head, "When");
	tell_time(i, "first_sign", "first sign", s, out);
	tell_time(i, "first_bad", "first bad", s, out);
	tell_time(i, "judged", "judged", s, out);
	tell_time(i, "moved", "moved", s, out);
	tell_time(i, "recovered", "recovered", s, out);
	if (json_array_size(json_object_get(i, "paths"))) {
		fprintf(out, s->head, "Where");
		tell_paths(i, s, out);
	}
	if (json_array_size(json_object_get(i, "names"))) {
		fprintf(out, s->head, "Questions that were answered badly, for example");
		json_array_foreach(json_object_get(i, "names"), n, v)
			fprintf(out, s->name, json_string_value(v));
	}
	fprintf(out, s->head, "What swerve said");
	json_array_foreach(json_object_get(i, "timeline"), n, v)
		fprintf(out, s->step, text(v, "time"), text(v, "text"));
}

void ctl_show_incident(const json_t *incident, FILE *out)
{
	tell(incident, &plain, out);
}

void ctl_show_incident_markdown(const json_t *incident, FILE *out)
{
	tell(incident, &markdown, out);
}
