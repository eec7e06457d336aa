#include "control/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "control/addr.h"

enum { FORMAT = 1, SIZE_LIMIT = 32 << 20 }; // every path there can be, and room

struct ctl_memory {
	json_t *root;
	uint64_t table;
	int64_t time_s;
};

/* ---- writing ---- */

static void add_drain(
	json_t *j, const struct ctl_drains *ds, uint16_t path, uint64_t now_ms, int64_t now_s)
{
	const struct ctl_drain *d = ctl_drains_find(ds, path);

	if (!d)
		return;
	json_object_set_new(j, "reason", json_string(d->reason));
	if (d->until_ms) {
		int64_t left_ms = d->until_ms > now_ms ? (int64_t)(d->until_ms - now_ms) : 0;
		json_object_set_new(j, "until_s", json_integer(now_s + (left_ms + 999) / 1000));
	}
}

static json_t *path_json(const struct route_path *p, const struct route_judge_memory *m)
{
	char zone[DNS_NAME_TEXT_MAX], addr[CTL_ADDR_TEXT_MAX];

	return json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:i}", "zone",
		dns_name_to_text(p->zone_name.octets, zone, sizeof(zone)), "site", p->site_name,
		"address", ctl_addr_text(&p->addr, addr), "state", route_state_name(p->state),
		"age_ms", (json_int_t)m->age_ms, "quiet_ms", (json_int_t)m->quiet_ms,
		"lag_inception", (json_int_t)m->lag_inception, "good_run", (json_int_t)m->good_run,
		"strikes", m->strikes);
}

/** A path that is simply up needs no word. */
static bool is_noted(
	const struct route_judge *j, const struct route_path *p, struct route_judge_memory *m)
{
	*m = (struct route_judge_memory){.state = p->state};
	route_judge_remember(j, p->id, m);
	return p->state != ROUTE_UP || m->strikes > 0;
}

char *ctl_memory_text(const struct ctl_memory_parts *parts, uint64_t table, uint64_t now_ms,
	int64_t now_s, size_t *noted)
{
	json_t *list = json_array();

	for (size_t id = 0; id < route_paths_count(parts->paths); id++) {
		const struct route_path *p = route_paths_at(parts->paths, (uint16_t)id);
		struct route_judge_memory m;
		if (!p || !is_noted(parts->judge, p, &m))
			continue;
		json_t *j = path_json(p, &m);
		if (p->state == ROUTE_DRAINED)
			add_drain(j, parts->drains, p->id, now_ms, now_s);
		json_array_append_new(list, j);
	}
	*noted = json_array_size(list);
	json_t *root = json_pack("{s:i,s:I,s:I,s:o}", "format", FORMAT, "time_s", (json_int_t)now_s,
		"table", (json_int_t)table, "paths", list);
	char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	return text;
}

/* ---- reading ---- */

static bool is_ours(const json_t *root)
{
	json_int_t table = json_integer_value(json_object_get(root, "table"));

	return json_integer_value(json_object_get(root, "format")) == FORMAT && table >= 0 &&
	       json_is_integer(json_object_get(root, "time_s")) &&
	       json_is_array(json_object_get(root, "paths"));
}

int ctl_memory_load(const char *path, struct ctl_memory **out, char *err)
{
	FILE *f = fopen(path, "re");
	struct ctl_memory *m;
	struct stat st;

	if (!f) {
		int rc = -errno;
		snprintf(err, CTL_MEMORY_ERR_MAX, "%s: %s", path, strerror(-rc));
		return rc;
	}
	bool fits = fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode) && st.st_size < SIZE_LIMIT;
	json_t *root = fits ? json_loadf(f, 0, NULL) : NULL;
	fclose(f);
	m = is_ours(root) ? calloc(1, sizeof(*m)) : NULL;
	if (!m) {
		snprintf(err, CTL_MEMORY_ERR_MAX, "%s: not what swerved writes", path);
		json_decref(root);
		return -EBADMSG;
	}
	m->root = root;
	m->table = (uint64_t)json_integer_value(json_object_get(root, "table"));
	m->time_s = json_integer_value(json_object_get(root, "time_s"));
	*out = m;
	return 0;
}

void ctl_memory_free(struct ctl_memory *m)
{
	if (!m)
		return;
	json_decref(m->root);
	free(m);
}

uint64_t ctl_memory_table(const struct ctl_memory *m)
{
	return m->table;
}

bool ctl_memory_is_fresh(const struct ctl_memory *m, int64_t now_s)
{
	return m->time_s <= now_s && now_s - m->time_s <= CTL_MEMORY_FRESH_S;
}

/* ---- recalling ---- */

static struct route_path *find_path(struct route_paths *paths, const json_t *j)
{
	const char *zone = json_string_value(json_object_get(j, "zone"));
	const char *site = json_string_value(json_object_get(j, "site"));
	const char *address = json_string_value(json_object_get(j, "address"));
	struct route_addr addr;
	struct dns_name name;

	if (!zone || !site || !address || dns_name_from_text(zone, &name) ||
		ctl_addr_from_text(address, &addr))
		return NULL;
	dns_name_lower(name.octets, name.len);
	return route_paths_find(paths, &name, site, &addr);
}

/** @return ROUTE_STATES when it is none */
static enum route_state state_of(const json_t *j)
{
	const char *name = json_string_value(json_object_get(j, "state"));
	unsigned s = 0;

	while (s < ROUTE_STATES && (!name || strcmp(name, route_state_name((enum route_state)s))))
		s++;
	return (enum route_state)s;
}

static uint64_t number(const json_t *j, const char *key, uint64_t max)
{
	json_int_t v = json_integer_value(json_object_get(j, key));

	return v < 0 ? 0 : (uint64_t)v < max ? (uint64_t)v : max;
}

static void recall_drain(
	const json_t *j, struct ctl_drains *ds, uint16_t path, uint64_t now_ms, int64_t now_s)
{
	const char *reason = json_string_value(json_object_get(j, "reason"));
	const json_t *until = json_object_get(j, "until_s");
	uint64_t until_ms = 0;

	if (json_is_integer(until)) {
		int64_t left_s = json_integer_value(until) - now_s;
		left_s = left_s < 0 ? 0 : left_s < CTL_DRAIN_MAX_S ? left_s : CTL_DRAIN_MAX_S;
		until_ms = now_ms + (uint64_t)left_s * 1000 + 1; // never 0
	}
	// without memory the drain holds all the same, without an end
	ctl_drains_set(ds, path, until_ms, reason ? reason : "");
}

static bool recall_path(const json_t *j, const struct ctl_memory_parts *parts, bool fresh,
	uint64_t now_ms, int64_t now_s)
{
	struct route_path *p = find_path(parts->paths, j);
	struct route_judge_memory m = {.state = state_of(j)};

	if (!p || m.state == ROUTE_STATES || (!fresh && m.state != ROUTE_DRAINED))
		return false;
	m.age_ms = number(j, "age_ms", UINT32_MAX);
	m.quiet_ms = number(j, "quiet_ms", UINT32_MAX);
	m.lag_inception = (uint32_t)number(j, "lag_inception", UINT32_MAX);
	m.good_run = (uint32_t)number(j, "good_run", UINT32_MAX);
	m.strikes = (uint8_t)number(j, "strikes", UINT8_MAX);
	p->state = m.state;
	route_judge_recall(parts->judge, p->id, &m, now_ms);
	if (m.state == ROUTE_DRAINED)
		recall_drain(j, parts->drains, p->id, now_ms, now_s);
	return true;
}

size_t ctl_memory_recall(const struct ctl_memory *m, const struct ctl_memory_parts *parts,
	uint64_t now_ms, int64_t now_s)
{
	bool fresh = ctl_memory_is_fresh(m, now_s);
	size_t i, n = 0;
	const json_t *j;

	json_array_foreach(json_object_get(m->root, "paths"), i, j) n +=
		recall_path(j, parts, fresh, now_ms, now_s);
	return n;
}
