#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/daemon.h"
#include "control/report.h"
#include "control/routes_file.h"

/* The verbs of the control socket: check what was asked, do it or say why not. */

static const char *arg_text(const json_t *req, const char *key)
{
	return json_string_value(json_object_get(req, key));
}

static int refuse(char *err, int rc, const char *what)
{
	snprintf(err, CTL_SOCKET_ERR_MAX, "%s", what);
	return rc;
}

#define LOOK(name)                                                                                 \
	static int verb_##name(                                                                    \
		void *arg, struct ctl_client *client, const json_t *req, json_t **data, char *err) \
	{                                                                                          \
		(void)client, (void)req, (void)err;                                                \
		*data = ctl_report_##name(arg);                                                    \
		return 0;                                                                          \
	}
LOOK(status)
LOOK(sites)
LOOK(stats)
LOOK(zones)
LOOK(keys)
LOOK(routes)
#undef LOOK

/* ---- routes ---- */

static int read_routes(
	const struct ctl_daemon *d, const json_t *req, struct route_config *c, char *err)
{
	const json_t *text = json_object_get(req, "text");
	const char *file = arg_text(req, "file");

	if (!json_is_string(text))
		return refuse(err, -EINVAL, "the request has no \"text\" of a routes file");
	return ctl_routes_parse(file ? file : "routes", json_string_value(text),
		json_string_length(text), d->cfg.region, c, err);
}

static int verb_routes_validate(
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

/** The operator looked at table N and decided on that: refuse when steering has moved on. */
static int check_match(const struct ctl_daemon *d, const json_t *req, char *err)
{
	const json_t *want = json_object_get(req, "if_match");
	uint64_t now = ctl_world_table_number(d->world);

	if (!want || json_is_null(want))
		return 0;
	if (!json_is_integer(want))
		return refuse(err, -EINVAL, "\"if_match\" is not a number");
	if ((uint64_t)json_integer_value(want) == now)
		return 0;
	snprintf(err, CTL_SOCKET_ERR_MAX,
		"table %" JSON_INTEGER_FORMAT " was expected, table %llu is current: look again",
		json_integer_value(want), (unsigned long long)now);
	return -ESTALE;
}

static int verb_routes_apply(
	void *arg, struct ctl_client *client, const json_t *req, json_t **data, char *err)
{
	struct ctl_daemon *d = arg;
	const char *note = arg_text(req, "note"), *file = arg_text(req, "file");
	struct route_config c;

	(void)client;
	if (d->draining)
		return refuse(err, -ESHUTDOWN, "swerved is going down");
	int rc = check_match(d, req, err);
	if (!rc)
		rc = read_routes(d, req, &c, err);
	if (rc)
		return rc;
	rc = ctl_daemon_set_routes(d, &c, file ? file : "routes", note ? note : "", err);
	if (rc) {
		route_config_fini(&c);
		return rc;
	}
	*data = json_pack("{s:I}", "number", (json_int_t)ctl_world_table_number(d->world));
	return 0;
}

/* ---- drain and restore ---- */

/** Set the state of every path of a zone at a site. @return paths of that zone and site */
static unsigned set_states(struct ctl_daemon *d, const struct dns_name *zone, const char *site,
	enum route_state from, enum route_state to, unsigned *changed)
{
	struct route_paths *p = ctl_world_paths(d->world);
	unsigned found = 0;

	*changed = 0;
	for (size_t id = 0; id < route_paths_count(p); id++) {
		struct route_path *path = route_paths_at(p, (uint16_t)id);
		if (!path || strcmp(path->site_name, site) != 0 ||
			!dns_name_equal(path->zone_name.octets, zone->octets))
			continue;
		found++;
		// `from` ROUTE_STATES: whatever it is
		if (path->state == to || (from != ROUTE_STATES && path->state != from))
			continue;
		path->state = to;
		(*changed)++;
	}
	return found;
}

static unsigned count_paths(struct ctl_daemon *d, const struct dns_name *zone, const char *site)
{
	unsigned changed;

	return set_states(d, zone, site, ROUTE_UP, ROUTE_UP, &changed); // changes nothing
}

/** Would a drain leave the zone without any path that is in use? */
static bool is_last_site(struct ctl_daemon *d, const struct dns_name *zone, const char *site)
{
	struct route_paths *p = ctl_world_paths(d->world);

	for (size_t id = 0; id < route_paths_count(p); id++) {
		const struct route_path *path = route_paths_at(p, (uint16_t)id);
		if (path && path->state != ROUTE_DRAINED && strcmp(path->site_name, site) != 0 &&
			dns_name_equal(path->zone_name.octets, zone->octets))
			return false;
	}
	return true;
}

static int drain_or_restore(
	struct ctl_daemon *d, const json_t *req, bool drain, json_t **data, char *err)
{
	const char *zone_text = arg_text(req, "zone"), *site = arg_text(req, "site");
	const char *reason = arg_text(req, "reason");
	char zone_name[DNS_NAME_TEXT_MAX];
	struct dns_name zone;
	unsigned changed;

	if (!zone_text || !site || !reason || !reason[0])
		return refuse(err, -EINVAL, "\"zone\", \"site\" and \"reason\" are needed");
	if (dns_name_from_text(zone_text, &zone))
		return refuse(err, -EINVAL, "\"zone\" is not a domain name");
	dns_name_lower(zone.octets, zone.len);
	dns_name_to_text(zone.octets, zone_name, sizeof(zone_name));
	if (count_paths(d, &zone, site) == 0)
		return refuse(err, -ENOENT, "no such zone, or no such site in it");
	if (drain && is_last_site(d, &zone, site))
		return refuse(err, -EBUSY, "refused: no other site of this zone is in use");
	set_states(d, &zone, site, drain ? ROUTE_STATES : ROUTE_DRAINED,
		drain ? ROUTE_DRAINED : ROUTE_PROBATION, &changed);
	if (changed) {
		int rc = ctl_world_states_changed(d->world);
		if (rc)
			return refuse(err, rc, "no memory for a new table");
		ctl_events_emit(d->events, drain ? "drained" : "restored",
			json_pack("{s:s,s:s,s:s,s:i,s:I}", "zone", zone_name, "site", site,
				"reason", reason, "paths", changed, "table",
				(json_int_t)ctl_world_table_number(d->world)),
			"%s at %s %s by the operator: %s", zone_name, site,
			drain ? "drained" : "on probation again", reason);
	}
	*data = json_pack("{s:i,s:I}", "paths", changed, "number",
		(json_int_t)ctl_world_table_number(d->world));
	return 0;
}

static int verb_site_drain(
	void *arg, struct ctl_client *client, const json_t *req, json_t **data, char *err)
{
	(void)client;
	return drain_or_restore(arg, req, true, data, err);
}

static int verb_site_restore(
	void *arg, struct ctl_client *client, const json_t *req, json_t **data, char *err)
{
	(void)client;
	return drain_or_restore(arg, req, false, data, err);
}

/* ---- events ---- */

static void append_event(void *arg, const json_t *event)
{
	json_array_append(arg, (json_t *)(uintptr_t)event); // jansson counts references in it
}

static int verb_events(
	void *arg, struct ctl_client *client, const json_t *req, json_t **data, char *err)
{
	struct ctl_daemon *d = arg;
	json_int_t since = json_integer_value(json_object_get(req, "since"));

	if (since < 0)
		return refuse(err, -EINVAL, "\"since\" is negative");
	*data = json_array();
	ctl_events_since(d->events, (uint64_t)since, append_event, *data);
	if (json_is_true(json_object_get(req, "follow")))
		ctl_client_follow(client);
	return 0;
}

const struct ctl_verb ctl_verbs[] = {
	{"status", verb_status},
	{"sites", verb_sites},
	{"stats", verb_stats},
	{"zones", verb_zones},
	{"keys", verb_keys},
	{"routes.show", verb_routes},
	{"routes.validate", verb_routes_validate},
	{"routes.apply", verb_routes_apply},
	{"site.drain", verb_site_drain},
	{"site.restore", verb_site_restore},
	{"events", verb_events},
	{NULL, NULL},
};
