#include <stdio.h>
#include <string.h>

#include "control/daemon.h"

/* Trust anchors that follow their zone (RFC 5011): what people hear of it, and the state file. */

enum { RETRY_MS = 60000 };

static void state_path(const struct ctl_daemon *d, char path[CTL_PATH_MAX + 16])
{
	snprintf(path, CTL_PATH_MAX + 16, "%s/anchors", d->cfg.state_dir);
}

/* ---- events ---- */

static const char *meaning(const struct val_key_change *c)
{
	switch (c->to) {
	case VAL_KEY_ADD_PENDING:
		return "is new; it is trusted when it has been seen for long enough";
	case VAL_KEY_VALID:
		return c->from == VAL_KEY_MISSING ? "is back" : "is a trust anchor from now on";
	case VAL_KEY_MISSING:
		return "is gone from the key set; still trusted";
	case VAL_KEY_REVOKED:
		return "is revoked: never trusted again";
	case VAL_KEY_REMOVED:
		return "was revoked and is gone for good";
	default:
		return "went before it was trusted; forgotten";
	}
}

static void on_change(void *arg, const struct dns_name *zone, const struct val_key_change *c)
{
	struct ctl_daemon *d = arg;
	struct val_anchor left[VAL_ANCHORS_MAX];
	char name[DNS_NAME_TEXT_MAX];
	size_t n = ctl_trust_anchors(d->trust, zone->octets, left);

	dns_name_to_text(zone->octets, name, sizeof(name));
	ctl_events_emit(d->events, "anchor",
		json_pack("{s:s,s:i,s:i,s:s,s:s,s:I}", "zone", name, "key_tag", c->key_tag,
			"algorithm", c->algorithm, "from", val_key_state_name(c->from), "to",
			val_key_state_name(c->to), "trusted", (json_int_t)n),
		"%s key %u (algorithm %u) %s%s", name, c->key_tag, c->algorithm, meaning(c),
		n > 0 ? "" : "; NO key is trusted there any more: configure a new trust anchor");
}

/* ---- life ---- */

int ctl_follow_open(struct ctl_daemon *d, const struct val_anchors *anchors)
{
	const struct ctl_trust_config cfg = {
		.follow = d->cfg.anchors_follow,
		.params = {d->cfg.anchors_add_hold_s, d->cfg.anchors_remove_hold_s, d->cfg.dp.sha1},
		.changed = on_change,
		.arg = d,
	};
	char path[CTL_PATH_MAX + 16], aside[CTL_PATH_MAX + 32], err[CTL_TRUST_ERR_MAX];
	int rc = ctl_trust_new(anchors, &cfg, ctl_epoch_s(), &d->trust);

	if (rc)
		return rc;
	state_path(d, path);
	if (ctl_trust_load(d->trust, path, ctl_epoch_s(), err) >= 0)
		return 0;
	snprintf(aside, sizeof(aside), "%s.refused", path);
	rename(path, aside); // it may still tell a person something
	ctl_events_emit(d->events, "anchors_refused", json_pack("{s:s}", "file", path),
		"%s; it is put aside as %s, and the anchors of %s are used as they stand", err,
		aside, d->cfg.trust_anchor);
	return 0;
}

void ctl_follow_tick(struct ctl_daemon *d)
{
	char path[CTL_PATH_MAX + 16], err[CTL_TRUST_ERR_MAX];

	if (ctl_now_ms() < d->trust_retry_ms)
		return;
	state_path(d, path);
	if (ctl_trust_save(d->trust, path, ctl_epoch_s(), err) >= 0)
		return;
	d->trust_retry_ms = ctl_now_ms() + RETRY_MS;
	ctl_events_emit(d->events, "error", NULL,
		"the state of the trust anchors is not kept: %s; tried again in a minute", err);
}
