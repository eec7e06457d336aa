#include "control/trust.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/file.h"
#include "validator/time.h"

enum { SAVE_S = 3600 }; // what was seen last may be as old in the file

struct ctl_trust {
	struct ctl_trust_config cfg;
	struct val_anchors anchors; // as configured
	bool dirty;
	uint32_t saved_s;
	uint8_t count;
	struct val_trustpoint point[VAL_ANCHORS_MAX];
};

/* ---- life ---- */

static struct val_trustpoint *find(struct ctl_trust *t, const uint8_t *zone)
{
	for (unsigned i = 0; i < t->count; i++)
		if (dns_name_equal(t->point[i].zone.octets, zone))
			return &t->point[i];
	return NULL;
}

static const struct val_trustpoint *find_const(const struct ctl_trust *t, const uint8_t *zone)
{
	for (unsigned i = 0; i < t->count; i++)
		if (dns_name_equal(t->point[i].zone.octets, zone))
			return &t->point[i];
	return NULL;
}

/* A trust point for each zone that has an anchor. */
static void configure(struct ctl_trust *t, uint32_t epoch_s)
{
	for (unsigned i = 0; i < t->anchors.count; i++) {
		const struct val_anchor *a = &t->anchors.item[i];

		if (find(t, a->zone.octets) == NULL)
			t->point[t->count++].zone = a->zone;
	}
	for (unsigned i = 0; i < t->count; i++)
		val_trustpoint_configure(&t->point[i], &t->anchors, epoch_s);
}

int ctl_trust_new(const struct val_anchors *anchors, const struct ctl_trust_config *cfg,
	uint32_t epoch_s, struct ctl_trust **out)
{
	struct ctl_trust *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->cfg = *cfg;
	t->anchors = *anchors;
	t->saved_s = epoch_s;
	configure(t, epoch_s);
	*out = t;
	return 0;
}

void ctl_trust_free(struct ctl_trust *t)
{
	free(t);
}

/* ---- the file ---- */

static void take_up(
	struct ctl_trust *t, const struct val_trustpoint *was, size_t count, uint32_t epoch_s)
{
	for (size_t i = 0; i < count; i++) {
		struct val_trustpoint *at = find(t, was[i].zone.octets);

		if (at != NULL) // else the operator took the zone out of the configuration
			*at = was[i];
	}
	configure(t, epoch_s); // what the operator added since
}

static int load_text(
	struct ctl_trust *t, const char *path, const char *text, uint32_t epoch_s, char *err)
{
	struct val_trustpoint *was = calloc(VAL_ANCHORS_MAX, sizeof(*was));
	int n = -ENOMEM;

	if (was == NULL)
		snprintf(err, CTL_TRUST_ERR_MAX, "%.700s: out of memory", path);
	else
		n = val_trustpoints_read(path, text, was, VAL_ANCHORS_MAX, err, CTL_TRUST_ERR_MAX);
	if (n >= 0)
		take_up(t, was, (size_t)n, epoch_s);
	free(was);
	return n < 0 ? n : 1;
}

int ctl_trust_load(struct ctl_trust *t, const char *path, uint32_t epoch_s, char *err)
{
	char why[CTL_FILE_ERR_MAX], *text;
	size_t len;

	if (!t->cfg.follow || (access(path, F_OK) != 0 && errno == ENOENT))
		return 0;
	int rc = ctl_file_read(path, &text, &len, why);
	if (rc != 0) {
		snprintf(err, CTL_TRUST_ERR_MAX, "%s", why);
		return rc;
	}
	rc = load_text(t, path, text, epoch_s, err);
	free(text);
	return rc;
}

int ctl_trust_save(struct ctl_trust *t, const char *path, uint32_t epoch_s, char *err)
{
	size_t size = (size_t)(t->count + 1) * VAL_TRACKED_MAX * VAL_TRACKED_TEXT_MAX;
	char why[CTL_FILE_ERR_MAX];

	if (!t->cfg.follow || !t->dirty)
		return 0;
	char *text = malloc(size);
	int len = text != NULL ? val_trustpoints_write(t->point, t->count, text, size) : -ENOMEM;
	int rc = len < 0 ? len : ctl_file_write(path, text, (size_t)len, why);
	free(text);
	if (rc != 0) {
		snprintf(err, CTL_TRUST_ERR_MAX, "%s", len < 0 ? strerror(-len) : why);
		return rc;
	}
	t->dirty = false;
	t->saved_s = epoch_s;
	return 1;
}

/* ---- following ---- */

size_t ctl_trust_anchors(
	const struct ctl_trust *t, const uint8_t *zone, struct val_anchor out[VAL_ANCHORS_MAX])
{
	const struct val_trustpoint *p = find_const(t, zone);

	return p != NULL ? val_trustpoint_trusted(p, out) : 0;
}

static void tell(
	struct ctl_trust *t, const struct val_trustpoint *p, const struct val_key_changes *c)
{
	t->dirty |= c->count > 0;
	for (unsigned i = 0; i < c->count && t->cfg.changed != NULL; i++)
		t->cfg.changed(t->cfg.arg, &p->zone, &c->item[i]);
}

bool ctl_trust_revoke(struct ctl_trust *t, struct val_verifier *v, const struct dns_msg *msg,
	const uint8_t *zone, uint32_t epoch_s, const struct val_skew *skew)
{
	struct val_trustpoint *p = t->cfg.follow ? find(t, zone) : NULL;
	struct val_anchor known[VAL_ANCHORS_MAX];
	bool revoked[VAL_TRACKED_MAX] = {false};
	struct val_key_changes changes = {0};

	if (p == NULL)
		return false;
	val_keys_revoked(
		v, msg, zone, known, val_trustpoint_known(p, known), epoch_s, skew, revoked);
	val_trustpoint_revoke(p, revoked, epoch_s, &changes);
	tell(t, p, &changes);
	return changes.count > 0;
}

void ctl_trust_saw(struct ctl_trust *t, const struct val_zone_keys *set, uint32_t epoch_s)
{
	struct val_trustpoint *p = t->cfg.follow ? find(t, set->zone.octets) : NULL;
	struct val_key_changes changes = {0};

	if (p == NULL)
		return;
	val_trustpoint_see(p, set->key, set->count, set->ttl_s, &t->cfg.params, epoch_s, &changes);
	tell(t, p, &changes);
	// either way of the clock
	if (epoch_s - t->saved_s >= SAVE_S)
		t->dirty = true;
}

uint32_t ctl_trust_refresh_s(const struct ctl_trust *t, const uint8_t *zone, uint32_t ttl_s,
	uint32_t life_s, bool failed, uint32_t epoch_s)
{
	const struct val_trustpoint *p = t->cfg.follow ? find_const(t, zone) : NULL;
	uint32_t wait;

	if (p == NULL)
		return UINT32_MAX;
	wait = failed ? val_trustpoint_retry_s(ttl_s, life_s)
		      : val_trustpoint_refresh_s(ttl_s, life_s);
	for (unsigned i = 0; i < p->count; i++) {
		uint32_t due = val_tracked_due(&p->key[i], &t->cfg.params);

		if (due != 0 && val_time_before(epoch_s, due) && due - epoch_s < wait)
			wait = due - epoch_s;
	}
	return wait;
}

/* ---- looking ---- */

size_t ctl_trust_count(const struct ctl_trust *t)
{
	return t->count;
}

const struct val_trustpoint *ctl_trust_at(const struct ctl_trust *t, size_t i)
{
	return i < t->count ? &t->point[i] : NULL;
}

const struct ctl_trust_config *ctl_trust_config(const struct ctl_trust *t)
{
	return &t->cfg;
}
