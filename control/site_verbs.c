#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/verbs.h"

/* The operator's hand on sites: drain and restore. */

/** What a request is about. */
struct move {
	struct dns_name zone;
	char zone_text[DNS_NAME_TEXT_MAX];
	const char *site;
	uint8_t family; // 0: both
	char reason[CTL_DRAIN_REASON_MAX];
	int64_t for_s; // 0: until the operator says so
};

static int read_family(const json_t *req, uint8_t *out, char *err)
{
	const char *text = ctl_verb_text(req, "family");

	if (!json_object_get(req, "family"))
		return 0;
	if (!text || (strcmp(text, "v4") != 0 && strcmp(text, "v6") != 0))
		return ctl_verb_refuse(err, -EINVAL, "\"family\" is not v4 or v6");
	*out = text[1] == '4' ? 4 : 6;
	return 0;
}

static int read_move(const json_t *req, struct move *m, char *err)
{
	const char *zone = ctl_verb_text(req, "zone"), *reason = ctl_verb_text(req, "reason");

	*m = (struct move){.site = ctl_verb_text(req, "site")};
	if (!zone || !m->site || !reason || !reason[0])
		return ctl_verb_refuse(
			err, -EINVAL, "\"zone\", \"site\" and \"reason\" are needed");
	if (dns_name_from_text(zone, &m->zone))
		return ctl_verb_refuse(err, -EINVAL, "\"zone\" is not a domain name");
	dns_name_lower(m->zone.octets, m->zone.len);
	dns_name_to_text(m->zone.octets, m->zone_text, sizeof(m->zone_text));
	ctl_events_line(m->reason, sizeof(m->reason), reason);
	if (!ctl_verb_number(req, "for_s", 1, CTL_DRAIN_MAX_S, &m->for_s, err))
		return -EINVAL;
	return read_family(req, &m->family, err);
}

static bool is_meant(const struct move *m, const struct route_path *p)
{
	return strcmp(p->site_name, m->site) == 0 &&
	       (m->family == 0 || m->family == p->addr.family) &&
	       dns_name_equal(p->zone_name.octets, m->zone.octets);
}

/** The next path that a request is about, from *id on. */
static struct route_path *next(struct ctl_daemon *d, const struct move *m, size_t *id)
{
	struct route_paths *p = ctl_world_paths(d->world);

	while (*id < route_paths_count(p)) {
		struct route_path *path = route_paths_at(p, (uint16_t)(*id)++);
		if (path && is_meant(m, path))
			return path;
	}
	return NULL;
}

/** Would a drain leave the zone without any path that is in use? */
static bool leaves_nothing(struct ctl_daemon *d, const struct move *m)
{
	struct route_paths *p = ctl_world_paths(d->world);

	for (size_t id = 0; id < route_paths_count(p); id++) {
		const struct route_path *path = route_paths_at(p, (uint16_t)id);
		if (path && path->state != ROUTE_DRAINED && !is_meant(m, path) &&
			dns_name_equal(path->zone_name.octets, m->zone.octets))
			return false;
	}
	return true;
}

static int check_move(struct ctl_daemon *d, const struct move *m, bool drain, char *err)
{
	size_t id = 0;

	if (!next(d, m, &id))
		return ctl_verb_refuse(err, -ENOENT,
			m->family ? "no such zone, or no such site or family in it"
				  : "no such zone, or no such site in it");
	if (drain && leaves_nothing(d, m))
		return ctl_verb_refuse(
			err, -EBUSY, "refused: no other site of this zone is in use");
	return 0;
}

/** A drained path that is drained again has a new reason and a new end. @return paths changed */
static unsigned drain(struct ctl_daemon *d, const struct move *m)
{
	uint64_t until_ms = m->for_s ? ctl_now_ms() + (uint64_t)m->for_s * 1000 : 0;
	unsigned changed = 0;
	struct route_path *p;

	for (size_t id = 0; (p = next(d, m, &id));) {
		changed += p->state != ROUTE_DRAINED;
		p->state = ROUTE_DRAINED;
		if (ctl_drains_set(d->drains, p->id, until_ms, m->reason))
			ctl_events_emit(d->events, "error", NULL,
				"no memory for the end of a drain: restore %s at %s by hand",
				m->zone_text, m->site);
	}
	return changed;
}

static unsigned restore(struct ctl_daemon *d, const struct move *m)
{
	unsigned changed = 0;
	struct route_path *p;

	for (size_t id = 0; (p = next(d, m, &id));) {
		if (p->state != ROUTE_DRAINED)
			continue;
		p->state = ROUTE_PROBATION;
		ctl_drains_clear(d->drains, p->id);
		changed++;
	}
	return changed;
}

static void say(struct ctl_daemon *d, const struct move *m, bool drained, unsigned changed)
{
	char end[48] = "";
	json_t *j = json_pack("{s:s,s:s,s:s,s:i,s:I}", "zone", m->zone_text, "site", m->site,
		"reason", m->reason, "paths", changed, "table",
		(json_int_t)ctl_world_table_number(d->world));

	if (m->family)
		json_object_set_new(j, "family", json_string(m->family == 4 ? "v4" : "v6"));
	if (m->for_s) {
		json_object_set_new(j, "for_s", json_integer(m->for_s));
		snprintf(end, sizeof(end), " for %lld s", (long long)m->for_s);
	}
	ctl_events_emit(d->events, drained ? "drained" : "restored", j,
		"%s at %s%s %s by the operator%s: %s", m->zone_text, m->site,
		m->family == 0   ? ""
		: m->family == 4 ? " (IPv4)"
				 : " (IPv6)",
		drained ? "drained" : "on probation again", end, m->reason);
}

static int move(struct ctl_daemon *d, const json_t *req, bool drained, json_t **data, char *err)
{
	char why[CTL_TABLE_TEXT_MAX];
	struct move m;

	int rc = read_move(req, &m, err);
	if (!rc)
		rc = check_move(d, &m, drained, err);
	if (rc)
		return rc;
	unsigned changed = drained ? drain(d, &m) : restore(d, &m);
	rc = changed ? ctl_world_states_changed(d->world) : 0;
	if (rc)
		return ctl_verb_refuse(err, rc, "no memory for a new table");
	if (changed || drained) {
		snprintf(why, sizeof(why), "%.120s at %.32s %s: %.64s", m.zone_text, m.site,
			drained ? "drained" : "restored", m.reason);
		ctl_routes_states(d, CTL_BY_OPERATOR, why);
		say(d, &m, drained, changed);
	}
	*data = json_pack("{s:i,s:I}", "paths", changed, "number",
		(json_int_t)ctl_world_table_number(d->world));
	return 0;
}

int ctl_verb_site_drain(
	void *arg, struct ctl_client *client, const json_t *req, json_t **data, char *err)
{
	(void)client;
	return move(arg, req, true, data, err);
}

int ctl_verb_site_restore(
	void *arg, struct ctl_client *client, const json_t *req, json_t **data, char *err)
{
	(void)client;
	return move(arg, req, false, data, err);
}
