#include "control/show.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "control/columns.h"

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

static void add_number(struct ctl_columns *t, const json_t *j, const char *key)
{
	const json_t *v = json_object_get(j, key);

	if (json_is_integer(v))
		ctl_columns_add(t, "%" PRId64, (int64_t)json_integer_value(v));
	else
		ctl_columns_add(t, "-");
}

/** As ctl_columns_add_span(); "-" when unknown. */
static void add_span(struct ctl_columns *t, const json_t *v)
{
	if (json_is_integer(v))
		ctl_columns_add_span(t, json_integer_value(v));
	else
		ctl_columns_add(t, "-");
}

static void add_rtt(struct ctl_columns *t, const json_t *v)
{
	if (json_is_integer(v))
		ctl_columns_add(t, "%.1f ms", (double)json_integer_value(v) / 1000);
	else
		ctl_columns_add(t, "-");
}

static void print_list(const char *label, const json_t *list, FILE *out)
{
	size_t i;
	const json_t *v;

	fprintf(out, "%-10s", label);
	json_array_foreach(list, i, v) fprintf(
		out, "%s%s", i ? ", " : "", json_string_value(v) ? json_string_value(v) : "-");
	fputc('\n', out);
}

void ctl_show_zones(const json_t *data, FILE *out)
{
	struct ctl_columns t;
	size_t i;
	const json_t *z;

	ctl_columns_init(&t, "ZONE|KIND|KEYS|>UP|>PATHS|GOES TO");
	json_array_foreach(data, i, z)
	{
		ctl_columns_add(&t, "%s", text(z, "zone"));
		ctl_columns_add(&t, "%s", text(z, "kind"));
		ctl_columns_add(&t, "%s", text(z, "keys"));
		add_number(&t, z, "up");
		add_number(&t, z, "paths");
		ctl_columns_add(&t, "%s", text(z, "served_by"));
	}
	ctl_columns_print(&t, out);
}

static void show_ports(const json_t *ports, FILE *out)
{
	size_t i;
	const json_t *p;

	json_array_foreach(ports, i, p) fprintf(out,
		"port      %s: %s on %s%s%s, %" PRId64 " queue%s, %s\n", text(p, "name"),
		text(p, "driver"), text(p, "device"), text(p, "xdp")[0] ? " " : "", text(p, "xdp"),
		number(p, "queues"), number(p, "queues") == 1 ? "" : "s", text(p, "mac"));
}

static void show_cache(const json_t *c, FILE *out)
{
	int64_t hits = number(c, "hits"), asked = hits + number(c, "misses");

	if (number(c, "size") == 0) {
		fprintf(out, "cache     off\n");
		return;
	}
	fprintf(out,
		"cache     %" PRId64 " answers in %.1f of %.1f MB, %" PRId64
		" hits (%.1f %%), %" PRId64 " stale\n",
		number(c, "answers"), (double)number(c, "used") / (1 << 20),
		(double)number(c, "size") / (1 << 20), hits,
		asked ? 100.0 * (double)hits / (double)asked : 0.0, number(c, "stale"));
}

/** Only where there are any: nobody should forget them. */
static void show_negative(const json_t *ntas, FILE *out)
{
	size_t i;
	const json_t *n;

	if (json_array_size(ntas) == 0)
		return;
	fprintf(out, "NOT VALIDATED: ");
	json_array_foreach(ntas, i, n) fprintf(out, "%s%s", i ? ", " : "", text(n, "name"));
	fprintf(out, " (swervectl nta list)\n");
}

void ctl_show_status(const json_t *d, FILE *out)
{
	fprintf(out, "swerved %s, pid %" PRId64 ", up %" PRId64 " s, %s\n", text(d, "version"),
		number(d, "pid"), number(d, "uptime_s"),
		is_true(d, "draining") ? "going down"
		: is_true(d, "ready")  ? "ready"
				       : "not ready: keys are not settled");
	fprintf(out, "table     %" PRId64 " (view %" PRId64 "), region %s\n", number(d, "table"),
		number(d, "view"), text(d, "region"));
	fprintf(out, "fault     %s\n", text(json_object_get(d, "fault"), "text"));
	fprintf(out, "workers   %" PRId64 ", crypto lcores %" PRId64 "\n", number(d, "workers"),
		number(d, "crypto_lcores"));
	print_list("service", json_object_get(d, "service"), out);
	print_list("source", json_object_get(d, "source"), out);
	show_ports(json_object_get(d, "ports"), out);
	show_cache(json_object_get(d, "cache"), out);
	fprintf(out,
		"packets   %" PRId64 " received, %" PRId64 " forwarded, %" PRId64
		" answered here, %" PRId64 " dropped, %" PRId64 " waiting\n\n",
		number(d, "received"), number(d, "forwarded"), number(d, "answered"),
		number(d, "dropped"), number(d, "waiting"));
	show_negative(json_object_get(d, "ntas"), out);
	ctl_show_zones(json_object_get(d, "zones"), out);
}

/** "up", "drained, 3540 s left", "failing (no next hop)" */
static void add_state(struct ctl_columns *t, const json_t *p)
{
	const json_t *left = json_object_get(json_object_get(p, "drain"), "left_s");
	char more[48] = "";

	if (json_is_integer(left))
		snprintf(more, sizeof(more), ", %" PRId64 " s left",
			(int64_t)json_integer_value(left));
	ctl_columns_add(t, "%s%s%s", text(p, "state"), more,
		is_true(p, "reachable") ? "" : " (no next hop)");
}

void ctl_show_sites(const json_t *data, FILE *out)
{
	struct ctl_columns t;
	size_t i;
	const json_t *p;

	ctl_columns_init(&t, "ZONE|SITE|ADDRESS|STATE|>SENT|>GOOD|>BAD|>TIMEOUT|>RTT|>P99|>EXPIRES "
			     "IN|>SERIAL|NSID");
	json_array_foreach(data, i, p)
	{
		ctl_columns_add(&t, "%s", text(p, "zone"));
		ctl_columns_add(&t, "%s", text(p, "site"));
		ctl_columns_add(&t, "%s", text(p, "address"));
		add_state(&t, p);
		add_number(&t, p, "sent");
		add_number(&t, p, "good");
		add_number(&t, p, "bad");
		add_number(&t, p, "timeouts");
		add_rtt(&t, json_object_get(p, "rtt_us"));
		add_rtt(&t, json_object_get(p, "rtt_p99_us"));
		add_span(&t, json_object_get(p, "expires_in_s"));
		add_number(&t, p, "serial");
		ctl_columns_add(&t, "%s", text(p, "nsid"));
	}
	ctl_columns_print(&t, out);
}

void ctl_show_ntas(const json_t *data, FILE *out)
{
	struct ctl_columns t;
	size_t i;
	const json_t *n;

	ctl_columns_init(&t, "NAME|>ENDS IN|FORCED|>CHECKED BEFORE|>VALIDATED|>FAILED|REASON");
	json_array_foreach(data, i, n)
	{
		ctl_columns_add(&t, "%s", text(n, "name"));
		add_span(&t, json_object_get(n, "left_s"));
		ctl_columns_add(&t, "%s", is_true(n, "forced") ? "yes" : "no");
		add_span(&t, json_object_get(n, "checked_s_ago"));
		add_number(&t, n, "validated");
		add_number(&t, n, "failed");
		ctl_columns_add(&t, "%s", text(n, "reason"));
	}
	ctl_columns_print(&t, out);
}

static void add_anchor(struct ctl_columns *t, const json_t *zone, const json_t *a)
{
	ctl_columns_add(t, "%s", text(zone, "zone"));
	add_number(t, a, "tag");
	add_number(t, a, "algorithm");
	ctl_columns_add(t, "%s", text(a, "form"));
	ctl_columns_add(t, "%s", text(a, "state"));
	add_span(t, json_object_get(a, "since_s_ago"));
	add_span(t, json_object_get(a, "seen_s_ago"));
	add_span(t, json_object_get(a, "next_s"));
}

static void show_anchors(const json_t *zones, FILE *out)
{
	struct ctl_columns t;
	size_t i, k, count = 0;
	const json_t *z, *a;

	json_array_foreach(zones, i, z) count += json_array_size(json_object_get(z, "anchors"));
	if (count == 0)
		return;
	ctl_columns_init(&t, "ANCHOR OF|>KEY TAG|>ALG|FORM|STATE|>FOR|>SEEN BEFORE|>NEXT IN");
	json_array_foreach(zones, i, z)
	{
		json_array_foreach(json_object_get(z, "anchors"), k, a)
		{
			add_anchor(&t, z, a);
		}
	}
	fputc('\n', out);
	ctl_columns_print(&t, out);
}

void ctl_show_keys(const json_t *data, FILE *out)
{
	struct ctl_columns t;
	size_t i;
	const json_t *z;

	ctl_columns_init(
		&t, "ZONE|STATUS|REASON|>KEYS|VALID FOR|>REFRESH IN|>FAILURES|LAST FAILURE");
	json_array_foreach(data, i, z)
	{
		ctl_columns_add(&t, "%s", text(z, "zone"));
		ctl_columns_add(&t, "%s", text(z, "status"));
		ctl_columns_add(&t, "%s", text(z, "reason"));
		ctl_columns_add(&t, "%zu", json_array_size(json_object_get(z, "keys")));
		add_span(&t, json_object_get(z, "valid_s"));
		ctl_columns_add(&t, "%" PRId64 " s", number(z, "refresh_in_ms") / 1000);
		add_number(&t, z, "failures");
		ctl_columns_add(&t, "%s", text(z, "last_failure"));
	}
	ctl_columns_print(&t, out);
	show_anchors(data, out);
}

static void add_counters(struct ctl_columns *t, const json_t *obj, const char *prefix)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)obj, key, v)
	{
		if (!json_is_integer(v) || json_integer_value(v) == 0)
			continue;
		ctl_columns_add(t, "%s%s", prefix, key);
		ctl_columns_add(t, "%" PRId64, (int64_t)json_integer_value(v));
	}
}

void ctl_show_stats(const json_t *data, FILE *out)
{
	const json_t *sum = json_object_get(data, "sum"), *id = json_object_get(data, "identity");
	struct ctl_columns t;

	fprintf(out,
		"received %" PRId64 " = matched %" PRId64 " + forwarded %" PRId64
		" + answered %" PRId64 " + dropped %" PRId64 " + waiting %" PRId64 ": %s\n\n",
		number(id, "received"), number(id, "matched"), number(id, "forwarded"),
		number(id, "answered"), number(id, "dropped"), number(id, "waiting"),
		is_true(id, "holds") ? "holds" : "DOES NOT HOLD");
	ctl_columns_init(&t, "COUNTER|>VALUE");
	add_counters(&t, sum, "");
	add_counters(&t, json_object_get(data, "cache"), "cache.");
	add_counters(&t, json_object_get(sum, "dropped"), "dropped.");
	add_counters(&t, json_object_get(sum, "verdicts"), "verdict.");
	add_counters(&t, json_object_get(sum, "reasons"), "reason.");
	add_counters(&t, json_object_get(sum, "rcodes"), "rcode.");
	add_counters(&t, json_object_get(data, "tcp"), "tcp.");
	ctl_columns_print(&t, out);
}

void ctl_show_flushed(const json_t *data, FILE *out)
{
	fprintf(out, "%" PRId64 " answer%s forgotten\n", number(data, "answers"),
		number(data, "answers") == 1 ? "" : "s");
}

void ctl_show_event(const json_t *event, FILE *out)
{
	fprintf(out, "%" PRId64 "  %s  %s: %s\n", number(event, "id"), text(event, "time"),
		text(event, "kind"), text(event, "text"));
}

void ctl_show_events(const json_t *data, FILE *out)
{
	size_t i;
	const json_t *e;

	json_array_foreach(data, i, e) ctl_show_event(e, out);
}
