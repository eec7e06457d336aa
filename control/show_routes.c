#include "control/show.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "control/columns.h"

/* Replies about routes and sites as text for people. */

static const char *text(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "-";
}

static int64_t number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

static bool is_true(const json_t *j, const char *key)
{
	return json_is_true(json_object_get(j, key));
}

/* ---- show ---- */

static void add_region_paths(
	struct ctl_columns *t, const json_t *zone, const json_t *region, size_t *first)
{
	size_t i;
	const json_t *p;

	const char *policy = text(region, "policy");
	bool weighted = strcmp(policy, "weighted") == 0;

	json_array_foreach(json_object_get(region, "paths"), i, p)
	{
		ctl_columns_add(t, "%s", (*first)++ ? " " : text(zone, "zone")); // named once
		ctl_columns_add(t, "%s", i ? " " : text(region, "region"));
		ctl_columns_add(t, "%s", text(p, "site"));
		ctl_columns_add(t, "%s", text(p, "address"));
		ctl_columns_add(t, "%s", text(p, "state"));
		if (weighted)
			ctl_columns_add(t, "weighted %" PRId64, number(p, "weight"));
		else
			ctl_columns_add(t, "%s", policy);
		ctl_columns_add(t, "%" PRId64, number(p, "group"));
		if (number(p, "share_limit") < 100)
			ctl_columns_add(t, "%" PRId64 " %%", number(p, "share_limit"));
		else
			ctl_columns_add(t, "-");
		ctl_columns_add(t, "%.1f %%", json_number_value(json_object_get(p, "share")));
	}
}

static void show_current(const json_t *data, FILE *out)
{
	struct ctl_columns t;
	size_t i, k;
	const json_t *z, *r;

	fprintf(out, "table %" PRId64 "\n\n", number(data, "number"));
	ctl_columns_init(&t, "ZONE|REGION|SITE|ADDRESS|STATE|POLICY|>GROUP|>LIMIT|>SHARE");
	json_array_foreach(json_object_get(data, "zones"), i, z)
	{
		size_t first = 0;
		json_array_foreach(json_object_get(z, "regions"), k, r)
			add_region_paths(&t, z, r, &first);
	}
	ctl_columns_print(&t, out);
}

/** As a routes file that can be applied again: what is not of it is a comment. */
static void show_kept(const json_t *data, FILE *out)
{
	fprintf(out, "# table %" PRId64 ", %s, by %s, from %s%s%s\n", number(data, "number"),
		text(data, "time"), text(data, "by"), text(data, "source"),
		text(data, "note")[0] ? ": " : "", text(data, "note"));
	fputs(text(data, "text"), out);
}

void ctl_show_routes(const json_t *data, FILE *out)
{
	if (json_object_get(data, "text"))
		show_kept(data, out);
	else
		show_current(data, out);
}

void ctl_show_history(const json_t *data, FILE *out)
{
	struct ctl_columns t;
	size_t i;
	const json_t *j;

	ctl_columns_init(&t, ">TABLE|TIME|BY|>ROUTES OF|SOURCE|NOTE");
	json_array_foreach(data, i, j)
	{
		ctl_columns_add(
			&t, "%" PRId64 "%s", number(j, "number"), is_true(j, "current") ? "*" : "");
		ctl_columns_add(&t, "%s", text(j, "time"));
		ctl_columns_add(&t, "%s%s", text(j, "by"), is_true(j, "trial") ? " (trial)" : "");
		ctl_columns_add(&t, "%" PRId64, number(j, "routes"));
		ctl_columns_add(&t, "%s", text(j, "source"));
		ctl_columns_add(&t, "%s", text(j, "note"));
	}
	ctl_columns_print(&t, out);
}

static void show_list(const json_t *list, FILE *out)
{
	size_t i;
	const json_t *v;

	json_array_foreach(list, i, v)
		fprintf(out, "%s\n", json_string_value(v) ? json_string_value(v) : "-");
}

void ctl_show_diff(const json_t *data, FILE *out)
{
	if (is_true(data, "same")) {
		fprintf(out, "the same routes\n");
		return;
	}
	show_list(json_object_get(data, "lines"), out);
	fputc('\n', out);
	show_list(json_object_get(data, "summary"), out);
}

/* ---- change ---- */

void ctl_show_validated(const json_t *data, FILE *out)
{
	fprintf(out, "valid: %" PRId64 " sites, %" PRId64 " regions, %" PRId64 " zones\n",
		number(data, "sites"), number(data, "regions"), number(data, "zones"));
}

void ctl_show_applied(const json_t *data, FILE *out)
{
	const json_t *workers = json_object_get(data, "workers"), *w;
	size_t i;

	fprintf(out, "table %" PRId64 " is in use", number(data, "number"));
	if (is_true(data, "everywhere"))
		fprintf(out, " in %s%zu worker%s\n", json_array_size(workers) > 1 ? "all " : "",
			json_array_size(workers), json_array_size(workers) == 1 ? "" : "s");
	else
		fprintf(out, ", but not everywhere yet:\n");
	json_array_foreach(workers, i, w)
		fprintf(out, "worker %" PRId64 " works by table %" PRId64 "\n", number(w, "worker"),
			number(w, "table"));
	if (json_is_false(json_object_get(data, "kept")))
		fprintf(out, "it could not be kept on disk: see swervectl events\n");
}

void ctl_show_moved(const json_t *data, FILE *out)
{
	fprintf(out, "%" PRId64 " path%s changed; table %" PRId64 " is in use\n",
		number(data, "paths"), number(data, "paths") == 1 ? "" : "s",
		number(data, "number"));
}
