#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control/daemon.h"
#include "control/report.h"
#include "control/verbs.h"

/* The verbs of the control socket: check what was asked, do it or say why not. */

const char *ctl_verb_text(const json_t *req, const char *key)
{
	return json_string_value(json_object_get(req, key));
}

int ctl_verb_refuse(char *err, int rc, const char *what)
{
	snprintf(err, CTL_SOCKET_ERR_MAX, "%s", what);
	return rc;
}

bool ctl_verb_number(
	const json_t *req, const char *key, int64_t min, int64_t max, int64_t *out, char *err)
{
	const json_t *v = json_object_get(req, key);

	if (!v || json_is_null(v))
		return true;
	if (!json_is_integer(v)) {
		snprintf(err, CTL_SOCKET_ERR_MAX, "\"%s\" is not a number", key);
		return false;
	}
	*out = json_integer_value(v);
	if (*out >= min && *out <= max)
		return true;
	snprintf(err, CTL_SOCKET_ERR_MAX, "\"%s\" is %" PRId64 ", expected %" PRId64 "..%" PRId64,
		key, *out, min, max);
	return false;
}

int ctl_verb_match(const struct ctl_daemon *d, const json_t *req, char *err)
{
	uint64_t now = ctl_world_table_number(d->world);
	int64_t want = -1;

	if (!ctl_verb_number(req, "if_match", 0, INT64_MAX, &want, err))
		return -EINVAL;
	if (want < 0 || (uint64_t)want == now)
		return 0;
	snprintf(err, CTL_SOCKET_ERR_MAX,
		"table %" PRId64 " was expected, table %" PRIu64 " is current: look again", want,
		now);
	return -ESTALE;
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
#undef LOOK

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
		return ctl_verb_refuse(err, -EINVAL, "\"since\" is negative");
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
	{"routes.show", ctl_verb_routes_show},
	{"routes.validate", ctl_verb_routes_validate},
	{"routes.diff", ctl_verb_routes_diff},
	{"routes.apply", ctl_verb_routes_apply},
	{"routes.history", ctl_verb_routes_history},
	{"routes.rollback", ctl_verb_routes_rollback},
	{"nta.add", ctl_verb_nta_add},
	{"nta.remove", ctl_verb_nta_remove},
	{"nta.list", ctl_verb_nta_list},
	{"site.drain", ctl_verb_site_drain},
	{"site.restore", ctl_verb_site_restore},
	{"flush", ctl_verb_flush},
	{"events", verb_events},
	{NULL, NULL},
};
