#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/report.h"
#include "control/verbs.h"
#include "dns/text.h"
#include "validator/time.h"

/* Negative trust anchors: the operator's verbs, what people hear, and what happens by itself. */

enum { RETRY_MS = 60000 };

static void state_path(const struct ctl_daemon *d, char path[CTL_PATH_MAX + 32])
{
	snprintf(path, CTL_PATH_MAX + 32, "%s/negative_anchors", d->cfg.state_dir);
}

static void save(struct ctl_daemon *d)
{
	char path[CTL_PATH_MAX + 32], err[CTL_NTA_ERR_MAX];

	if (!d->ntas_unsaved || ctl_now_ms() < d->ntas_retry_ms)
		return;
	state_path(d, path);
	if (ctl_ntas_save(d->ntas, path, err) == 0) {
		d->ntas_unsaved = false;
		return;
	}
	d->ntas_retry_ms = ctl_now_ms() + RETRY_MS;
	ctl_events_emit(d->events, "error", NULL,
		"negative trust anchors are not kept: %s; tried again in a minute", err);
}

/*
 * Workers get the new keys, and what was answered by other rules is forgotten, failures too. What a
 * negative anchor let through may be kept under any name that led there by a CNAME: when one goes,
 * everything does.
 */
static void apply(struct ctl_daemon *d, const struct dns_name *name, bool gone)
{
	struct dns_name names[CTL_NTAS_MAX];

	ctl_keeper_set_ntas(d->keeper, names, ctl_ntas_names(d->ntas, names));
	d->ntas_unsaved = true;
	if (!ctl_world_config(d->world))
		return; // at start: the first table brings them
	ctl_duty_keys(d);
	if (gone)
		ctl_purge_all(&d->purge);
	else
		ctl_purge_tree(&d->purge, name);
	ctl_duty_purge(d);
}

/* ---- events ---- */

static json_t *fields(const struct ctl_nta *nta, char name[DNS_NAME_TEXT_MAX])
{
	dns_name_to_text(nta->name.octets, name, DNS_NAME_TEXT_MAX);
	return json_pack("{s:s,s:s,s:i,s:b}", "name", name, "reason", nta->reason, "left_s",
		val_time_diff(ctl_epoch_s(), nta->until), "forced", nta->forced);
}

static void say_added(struct ctl_daemon *d, const struct ctl_nta *nta, bool renewed)
{
	char name[DNS_NAME_TEXT_MAX];
	json_t *j = fields(nta, name);

	ctl_events_emit(d->events, "nta_added", j,
		"negative trust anchor for %s%s, %u s%s: what is at or below it is not validated; "
		"%s",
		name, renewed ? " renewed" : "", nta->until - nta->since,
		nta->forced ? ", though it may validate" : "", nta->reason);
}

static void say_removed(struct ctl_daemon *d, const struct ctl_nta *nta, const char *why)
{
	char name[DNS_NAME_TEXT_MAX];
	json_t *j = fields(nta, name);

	json_object_set_new(j, "why", json_string(why));
	ctl_events_emit(d->events, "nta_removed", j,
		"negative trust anchor for %s removed: %s; it is validated again", name, why);
}

/* ---- life ---- */

int ctl_negative_open(struct ctl_daemon *d)
{
	const struct ctl_ntas_config cfg = {
		.recheck_s = d->cfg.nta_recheck_s,
		.skew = d->cfg.dp.skew,
		.sha1 = d->cfg.dp.sha1,
	};
	char path[CTL_PATH_MAX + 32], err[CTL_NTA_ERR_MAX];
	int rc = ctl_ntas_new(&cfg, &d->ntas);

	if (rc)
		return rc;
	state_path(d, path);
	if (ctl_ntas_load(d->ntas, path, ctl_epoch_s(), ctl_now_ms(), err))
		ctl_events_emit(d->events, "ntas_refused", json_pack("{s:s}", "file", path),
			"%s; there is no negative trust anchor", err);
	if (ctl_ntas_count(d->ntas) > 0)
		apply(d, &ctl_ntas_at(d->ntas, 0)->name, false);
	return 0;
}

void ctl_negative_tick(struct ctl_daemon *d)
{
	static const char *const whys[] = {
		[CTL_NTA_EXPIRED] = "its time is over",
		[CTL_NTA_VALIDATES] = "the zone validates again",
	};
	enum ctl_nta_end why;
	struct ctl_nta nta;

	while (ctl_ntas_end(d->ntas, ctl_epoch_s(), &nta, &why)) {
		apply(d, &nta.name, true);
		say_removed(d, &nta, whys[why]);
	}
	save(d);
}

/* ---- verbs ---- */

static int read_name(const json_t *req, struct dns_name *out, char *err)
{
	const char *text = ctl_verb_text(req, "name");

	if (!text)
		return ctl_verb_refuse(err, -EINVAL, "\"name\" is needed");
	if (dns_name_from_text(text, out))
		return ctl_verb_refuse(err, -EINVAL, "\"name\" is not a domain name");
	dns_name_lower(out->octets, out->len);
	return 0;
}

static int read_nta(struct ctl_daemon *d, const json_t *req, struct ctl_nta *out, char *err)
{
	const char *reason = ctl_verb_text(req, "reason");
	int64_t lifetime_s = d->cfg.nta_lifetime_s;

	memset(out, 0, sizeof(*out));
	if (!reason || !reason[0])
		return ctl_verb_refuse(err, -EINVAL, "\"reason\" is needed");
	if (!ctl_verb_number(req, "lifetime_s", 1, CTL_NTA_MAX_S, &lifetime_s, err))
		return -EINVAL;
	ctl_events_line(out->reason, sizeof(out->reason), reason);
	out->forced = json_is_true(json_object_get(req, "force"));
	out->since = ctl_epoch_s();
	out->until = out->since + (uint32_t)lifetime_s;
	return read_name(req, &out->name, err);
}

int ctl_verb_nta_add(
	void *arg, struct ctl_client *client, const json_t *req, json_t **data, char *err)
{
	struct ctl_daemon *d = arg;
	struct ctl_nta nta;

	(void)client;
	int rc = read_nta(d, req, &nta, err);
	if (rc)
		return rc;
	rc = ctl_ntas_add(d->ntas, &nta, ctl_now_ms());
	if (rc < 0)
		return ctl_verb_refuse(err, rc, "there are too many negative trust anchors");
	apply(d, &nta.name, false);
	save(d);
	say_added(d, &nta, rc == 1);
	*data = ctl_report_ntas(d);
	return 0;
}

int ctl_verb_nta_remove(
	void *arg, struct ctl_client *client, const json_t *req, json_t **data, char *err)
{
	const char *reason = ctl_verb_text(req, "reason");
	char why[CTL_NTA_REASON_MAX] = "by the operator";
	struct ctl_daemon *d = arg;
	struct ctl_nta nta = {0};

	(void)client;
	int rc = read_name(req, &nta.name, err);
	if (rc)
		return rc;
	if (ctl_ntas_remove(d->ntas, &nta.name))
		return ctl_verb_refuse(
			err, -ENOENT, "there is no negative trust anchor of that name");
	apply(d, &nta.name, true);
	save(d);
	if (reason && reason[0])
		ctl_events_line(why, sizeof(why), reason);
	nta.until = ctl_epoch_s();
	say_removed(d, &nta, why);
	*data = ctl_report_ntas(d);
	return 0;
}

int ctl_verb_nta_list(
	void *arg, struct ctl_client *client, const json_t *req, json_t **data, char *err)
{
	(void)client, (void)req, (void)err;
	*data = ctl_report_ntas(arg);
	return 0;
}
