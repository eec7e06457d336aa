#include "control/top.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "control/columns.h"

struct path {
	char key[512]; // zone, site, address
	json_t *now;   // its last report
	int64_t sent, bad;
	double rate[CTL_TOP_HISTORY]; // queries a second, newest at `at`
	double bad_share;             // of the last moment's queries
	bool seen;
};

struct ctl_top {
	struct path *path;
	size_t count;
	json_t *status;
	uint64_t now_ms;
	int64_t received;
	double received_rate;
	unsigned at, moments;
};

int ctl_top_new(struct ctl_top **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void ctl_top_free(struct ctl_top *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->count; i++)
		json_decref(t->path[i].now);
	json_decref(t->status);
	free(t->path);
	free(t);
}

static const char *text(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "-";
}

static int64_t number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

/* ---- taking over ---- */

static struct path *find(struct ctl_top *t, const char *key)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->path[i].key, key) == 0)
			return &t->path[i];
	struct path *grown = realloc(t->path, (t->count + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	t->path = grown;
	memset(&grown[t->count], 0, sizeof(*grown));
	snprintf(grown[t->count].key, sizeof(grown->key), "%s", key);
	return &grown[t->count++];
}

/** Per second; a counter that fell was started anew and says nothing. */
static double per_second(int64_t now, int64_t before, uint64_t ms)
{
	return ms > 0 && now >= before ? (double)(now - before) * 1000 / (double)ms : 0;
}

static void add_path(struct ctl_top *t, const json_t *site, uint64_t passed_ms)
{
	char key[512];

	snprintf(key, sizeof(key), "%s %s %s", text(site, "zone"), text(site, "site"),
		text(site, "address"));
	struct path *p = find(t, key);
	if (!p)
		return;
	bool first = !p->now;
	int64_t sent = number(site, "sent");
	int64_t bad = number(site, "bad") + number(site, "timeouts");
	p->rate[t->at] = first ? 0 : per_second(sent, p->sent, passed_ms);
	double bad_rate = first ? 0 : per_second(bad, p->bad, passed_ms);
	p->bad_share = p->rate[t->at] > 0 ? bad_rate / p->rate[t->at] : 0;
	if (p->bad_share > 1)
		p->bad_share = 1;
	p->sent = sent;
	p->bad = bad;
	p->seen = true;
	json_decref(p->now);
	p->now = json_incref((json_t *)(uintptr_t)site);
}

/** Paths that are configured no more. */
static void drop_unseen(struct ctl_top *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i++) {
		if (t->path[i].seen)
			t->path[kept++] = t->path[i];
		else
			json_decref(t->path[i].now);
	}
	t->count = kept;
}

void ctl_top_add(struct ctl_top *t, const json_t *status, const json_t *sites, uint64_t now_ms)
{
	uint64_t passed_ms = t->moments ? now_ms - t->now_ms : 0;
	const json_t *site;
	size_t i;

	if (t->moments && now_ms == t->now_ms)
		return;
	t->at = t->moments ? (t->at + 1) % CTL_TOP_HISTORY : 0;
	for (i = 0; i < t->count; i++) {
		t->path[i].seen = false;
		t->path[i].rate[t->at] = 0;
	}
	json_array_foreach(sites, i, site) add_path(t, site, passed_ms);
	drop_unseen(t);
	t->received_rate = per_second(number(status, "received"), t->received, passed_ms);
	t->received = number(status, "received");
	json_decref(t->status);
	t->status = json_incref((json_t *)(uintptr_t)status);
	t->now_ms = now_ms;
	if (t->moments < CTL_TOP_HISTORY)
		t->moments++;
}

/* ---- drawing ---- */

/** Eight heights, relative to the highest of the row. */
static void sparkline(const struct ctl_top *t, const struct path *p, char *buf, size_t size)
{
	static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	double most = 0;
	size_t n = 0;

	for (unsigned i = 0; i < CTL_TOP_HISTORY; i++)
		most = p->rate[i] > most ? p->rate[i] : most;
	for (unsigned i = t->moments; i > 0 && n + 4 < size; i--) {
		double v = p->rate[(t->at + CTL_TOP_HISTORY + 1 - i) % CTL_TOP_HISTORY];
		unsigned height = most > 0 ? (unsigned)(v / most * 7 + 0.5) : 0;
		n += (size_t)snprintf(buf + n, size - n, "%s", v > 0 ? bars[height] : "·");
	}
	buf[n] = '\0';
}

static bool is_up(const struct path *p)
{
	return strcmp(text(p->now, "state"), "up") == 0;
}

static int compare(const void *a, const void *b)
{
	const struct path *x = *(const struct path *const *)a, *y = *(const struct path *const *)b;

	if (is_up(x) != is_up(y))
		return is_up(x) ? 1 : -1;
	if (x->sent != y->sent)
		return x->sent > y->sent ? -1 : 1;
	return strcmp(x->key, y->key);
}

static void add_ms(struct ctl_columns *c, const json_t *us)
{
	if (json_is_integer(us))
		ctl_columns_add(c, "%.1f", (double)json_integer_value(us) / 1000);
	else
		ctl_columns_add(c, "-");
}

static void add_row(struct ctl_columns *c, const struct ctl_top *t, const struct path *p)
{
	char line[CTL_TOP_HISTORY * 4 + 1];

	ctl_columns_add(c, "%s", text(p->now, "zone"));
	ctl_columns_add(c, "%s", text(p->now, "site"));
	ctl_columns_add(c, "%s", text(p->now, "address"));
	ctl_columns_add(c, "%s", text(p->now, "state"));
	ctl_columns_add(c, "%.0f", p->rate[t->at]);
	ctl_columns_add(c, "%.1f%%", p->bad_share * 100);
	add_ms(c, json_object_get(p->now, "rtt_us"));
	add_ms(c, json_object_get(p->now, "rtt_p99_us"));
	if (json_is_integer(json_object_get(p->now, "expires_in_s")))
		ctl_columns_add_span(c, number(p->now, "expires_in_s"));
	else
		ctl_columns_add(c, "-");
	sparkline(t, p, line, sizeof(line));
	ctl_columns_add(c, "%s", line);
}

void ctl_top_draw(const struct ctl_top *t, size_t rows, FILE *out)
{
	const struct path **order = calloc(t->count ? t->count : 1, sizeof(*order));
	struct ctl_columns c;

	if (!order)
		return;
	for (size_t i = 0; i < t->count; i++)
		order[i] = &t->path[i];
	qsort(order, t->count, sizeof(*order), compare);
	size_t shown = rows && rows < t->count ? rows : t->count;
	fprintf(out, "swerve  table %lld  %.0f packets/s  fault %s\n\n",
		(long long)number(t->status, "table"), t->received_rate,
		text(json_object_get(t->status, "fault"), "text"));
	ctl_columns_init(
		&c, "ZONE|SITE|ADDRESS|STATE|>Q/S|>BAD|>RTT ms|>P99 ms|EXPIRES IN|QUERIES");
	for (size_t i = 0; i < shown; i++)
		add_row(&c, t, order[i]);
	ctl_columns_print(&c, out);
	if (shown < t->count)
		fprintf(out, "and %zu more\n", t->count - shown);
	free(order);
}
