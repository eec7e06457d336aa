#include "control/keeper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/wire.h"

/*
 * One entry a zone. An entry is idle, or waits for one answer (its token). The life of a round: DS
 * at the parent's servers, unless an anchor stands for it, then DNSKEY at the zone's own. A failed
 * step goes to the next path of the zone that is asked; after a full turn it waits, longer each
 * time. Keys that were good stay in use until their time is over.
 */

enum step { STEP_IDLE, STEP_DS, STEP_DNSKEY };

enum {
	REFRESH_MIN_S = 5,
	REFRESH_MAX_S = 3600,
	HINT_SPACING_MS = 2000, // a missing key is looked for at most this often
};

struct entry {
	struct val_zone_keys keys; // what is published
	int parent;                // index of the closest routed ancestor, -1 none
	enum step step;
	uint64_t token; // of the question that is out, 0 none
	struct ctl_keeper_ask asked;
	uint64_t deadline_ms; // when it counts as lost
	uint64_t due_ms;      // when the next step may be taken
	uint64_t hinted_ms;
	uint32_t path_turn; // which of the zone's paths is next
	uint32_t failures;  // in a row
	struct val_anchor ds[VAL_ANCHORS_MAX];
	size_t ds_count;
	uint32_t ds_until;
	struct val_result last;
};

struct ctl_keeper {
	struct val_anchors anchors;
	struct val_skew skew;
	struct val_verifier *verifier;
	struct entry *entry;
	size_t count;
	uint64_t next_token;
	uint32_t generation;
	bool changed;
	struct dns_msg msg; // scratch
};

/* ---- life ---- */

int ctl_keeper_new(const struct val_anchors *anchors, const struct val_skew *skew, bool sha1,
	struct ctl_keeper **out)
{
	struct ctl_keeper *k = calloc(1, sizeof(*k));
	int err;

	if (k == NULL)
		return -ENOMEM;
	k->anchors = *anchors;
	k->skew = *skew;
	err = val_verifier_new(&k->verifier);
	if (err != 0) {
		free(k);
		return err;
	}
	val_verifier_set_sha1(k->verifier, sha1);
	*out = k;
	return 0;
}

void ctl_keeper_free(struct ctl_keeper *k)
{
	if (k == NULL)
		return;
	val_verifier_free(k->verifier);
	free(k->entry);
	free(k);
}

static struct entry *find(struct ctl_keeper *k, const uint8_t *zone)
{
	for (size_t i = 0; i < k->count; i++)
		if (dns_name_equal(k->entry[i].keys.zone.octets, zone))
			return &k->entry[i];
	return NULL;
}

static int closest_ancestor(const struct entry *e, const struct entry *all, size_t count)
{
	int best = -1;

	for (size_t i = 0; i < count; i++) {
		if (&all[i] == e || !dns_name_under(e->keys.zone.octets, all[i].keys.zone.octets))
			continue;
		if (best < 0 || all[i].keys.zone.labels > all[best].keys.zone.labels)
			best = (int)i;
	}
	return best;
}

int ctl_keeper_sync(struct ctl_keeper *k, const struct route_config *c)
{
	struct entry *fresh = calloc(c->zone_count > 0 ? c->zone_count : 1, sizeof(*fresh));

	if (fresh == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < c->zone_count; i++) {
		const struct entry *known = find(k, c->zones[i].name.octets);

		if (known != NULL) {
			fresh[i] = *known;
			continue;
		}
		fresh[i].keys.zone = c->zones[i].name;
		fresh[i].keys.status = VAL_ZONE_UNKNOWN;
		fresh[i].keys.why = VAL_R_NO_CHAIN;
	}
	for (size_t i = 0; i < c->zone_count; i++)
		fresh[i].parent = closest_ancestor(&fresh[i], fresh, c->zone_count);
	free(k->entry);
	k->entry = fresh;
	k->count = c->zone_count;
	k->changed = true;
	return 0;
}

/* ---- steps ---- */

static size_t anchors_of(const struct ctl_keeper *k, const uint8_t *zone, struct val_anchor *out)
{
	size_t n = 0;

	for (unsigned i = 0; i < k->anchors.count; i++)
		if (dns_name_equal(k->anchors.item[i].zone.octets, zone))
			out[n++] = k->anchors.item[i];
	return n;
}

static uint64_t jittered(uint64_t ms)
{
	return ms - ms / 10 + (uint64_t)rand() % (ms / 5 + 1);
}

static void settle(struct ctl_keeper *k, struct entry *e, const struct val_zone_keys *fresh,
	uint64_t now_ms, uint32_t epoch_s)
{
	int64_t left_s = (int32_t)(fresh->valid_until - epoch_s);
	int64_t wait_s = left_s * 2 / 3;
	struct val_zone_keys was = e->keys;

	e->keys = *fresh;
	e->keys.generation = was.generation;
	// The expiry moves with every refresh; a changed set is what needs a new generation.
	if (was.status != fresh->status || was.count != fresh->count ||
		memcmp(was.key, fresh->key, sizeof(was.key)) != 0)
		e->keys.generation = ++k->generation;
	if (e->keys.generation != was.generation || was.valid_until != fresh->valid_until)
		k->changed = true;
	wait_s = wait_s < REFRESH_MIN_S ? REFRESH_MIN_S : wait_s;
	wait_s = wait_s > REFRESH_MAX_S ? REFRESH_MAX_S : wait_s;
	e->step = STEP_IDLE;
	e->token = 0;
	e->failures = 0;
	e->due_ms = now_ms + jittered((uint64_t)wait_s * 1000);
}

static void settle_insecure(struct ctl_keeper *k, struct entry *e, enum val_reason reason,
	uint32_t until, uint64_t now_ms, uint32_t epoch_s)
{
	struct val_zone_keys fresh = {
		.zone = e->keys.zone,
		.status = VAL_ZONE_INSECURE,
		.why = reason,
		.valid_until = until,
	};

	settle(k, e, &fresh, now_ms, epoch_s);
}

/* The step failed: another path next, after a full turn a pause that doubles. */
static void failed(struct entry *e, uint64_t now_ms, size_t paths)
{
	uint64_t pause = CTL_KEEPER_RETRY_MS;

	e->token = 0;
	e->path_turn++;
	e->failures++;
	if (e->failures < paths) {
		e->due_ms = now_ms;
		return;
	}
	for (uint32_t turn = e->failures / (paths > 0 ? (uint32_t)paths : 1);
		turn > 1 && pause < CTL_KEEPER_RETRY_MAX_MS; turn--)
		pause *= 2;
	e->due_ms = now_ms +
		    jittered(pause < CTL_KEEPER_RETRY_MAX_MS ? pause : CTL_KEEPER_RETRY_MAX_MS);
}

/* Where to begin a round; false when it has to wait for the parent or was settled at once. */
static bool begin(struct ctl_keeper *k, struct entry *e, uint64_t now_ms, uint32_t epoch_s)
{
	const struct entry *parent = e->parent >= 0 ? &k->entry[e->parent] : NULL;

	e->ds_count = anchors_of(k, e->keys.zone.octets, e->ds);
	e->ds_until = epoch_s + 86400;
	if (e->ds_count > 0) {
		e->step = STEP_DNSKEY;
		return true;
	}
	if (parent == NULL)
		return false; // no chain to be had
	switch (parent->keys.status) {
	case VAL_ZONE_SECURE:
		e->step = STEP_DS;
		return true;
	case VAL_ZONE_INSECURE:
	case VAL_ZONE_NTA:
		settle_insecure(k, e, parent->keys.why, parent->keys.valid_until, now_ms, epoch_s);
		return false;
	default:
		return false;
	}
}

/* ---- asking ---- */

static size_t paths_of(
	struct route_paths *p, const uint8_t *zone, const struct route_path **out, size_t max)
{
	size_t n = 0;

	// Paths that are up first, then the others: keys may be had from a site that is no good for
	// the rest.
	for (unsigned pass = 0; pass < 2; pass++)
		for (size_t id = 0; id < route_paths_count(p) && n < max; id++) {
			const struct route_path *path = route_paths_at(p, (uint16_t)id);

			if (path != NULL && (path->state == ROUTE_UP) == (pass == 0) &&
				dns_name_equal(path->zone_name.octets, zone))
				out[n++] = path;
		}
	return n;
}

static bool ask(struct ctl_keeper *k, struct entry *e, struct route_paths *p, uint64_t now_ms,
	struct ctl_keeper_ask *out)
{
	const struct route_path *paths[ROUTE_ZONE_PATHS_MAX];
	const struct entry *at = e->step == STEP_DS ? &k->entry[e->parent] : e;
	size_t n = paths_of(p, at->keys.zone.octets, paths, ROUTE_ZONE_PATHS_MAX);
	const struct route_path *path;

	if (n == 0)
		return false;
	path = paths[e->path_turn % n];
	*out = (struct ctl_keeper_ask){
		.token = ++k->next_token,
		.path = path->id,
		.addr = path->addr,
		.qname = e->keys.zone,
		.qtype = e->step == STEP_DS ? DNS_TYPE_DS : DNS_TYPE_DNSKEY,
	};
	e->token = out->token;
	e->asked = *out;
	e->deadline_ms = now_ms + 2 * CTL_KEEPER_TIMEOUT_MS;
	return true;
}

/* Keys whose time is over are no keys: answers are indeterminate from now on. */
static void expire(struct ctl_keeper *k, struct entry *e, uint32_t epoch_s)
{
	if (e->keys.status == VAL_ZONE_UNKNOWN || (int32_t)(e->keys.valid_until - epoch_s) >= 0)
		return;
	e->keys.status = VAL_ZONE_UNKNOWN;
	e->keys.why = VAL_R_NO_CHAIN;
	e->keys.count = 0;
	e->keys.generation = ++k->generation;
	k->changed = true;
}

size_t ctl_keeper_due(struct ctl_keeper *k, struct route_paths *p, uint64_t now_ms,
	uint32_t epoch_s, struct ctl_keeper_ask *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < k->count && n < max; i++) {
		struct entry *e = &k->entry[i];

		expire(k, e, epoch_s);
		if (e->token != 0 && now_ms >= e->deadline_ms)
			failed(e, now_ms, 1); // the answer itself got lost
		if (e->token != 0 || now_ms < e->due_ms)
			continue;
		if (e->step == STEP_IDLE && !begin(k, e, now_ms, epoch_s))
			continue;
		if (ask(k, e, p, now_ms, &out[n]))
			n++;
	}
	return n;
}

/* ---- answers ---- */

static void told_ds(
	struct ctl_keeper *k, struct entry *e, uint64_t now_ms, uint32_t epoch_s, size_t paths)
{
	const struct val_zone_keys *parent = &k->entry[e->parent].keys;
	uint32_t until = 0;
	int err = val_ds_from_response(k->verifier, &k->msg, parent, e->keys.zone.octets, epoch_s,
		&k->skew, e->ds, &e->ds_count, &until, &e->last);

	if (err != 0) {
		failed(e, now_ms, paths);
		return;
	}
	if (e->ds_count == 0) {
		settle_insecure(k, e, VAL_R_UNSIGNED_ZONE, until, now_ms, epoch_s);
		return;
	}
	e->ds_until = until;
	e->step = STEP_DNSKEY;
	e->token = 0;
	e->failures = 0;
	e->due_ms = now_ms;
}

static void told_dnskey(
	struct ctl_keeper *k, struct entry *e, uint64_t now_ms, uint32_t epoch_s, size_t paths)
{
	struct val_zone_keys fresh = {.zone = e->keys.zone};
	int err = val_keys_from_dnskey(k->verifier, &k->msg, e->keys.zone.octets, e->ds,
		e->ds_count, epoch_s, &k->skew, &fresh, &e->last);

	if (err != 0) {
		failed(e, now_ms, paths);
		// The DS may be what is out of date: after a turn, ask for it again.
		if (e->failures % paths == 0)
			e->step = STEP_IDLE;
		return;
	}
	fresh.zone = e->keys.zone;
	if ((int32_t)(fresh.valid_until - e->ds_until) > 0)
		fresh.valid_until = e->ds_until;
	settle(k, e, &fresh, now_ms, epoch_s);
}

bool ctl_keeper_told(struct ctl_keeper *k, uint64_t token, int error, const uint8_t *msg,
	size_t len, uint64_t now_ms, uint32_t epoch_s)
{
	enum { TURN = 4 }; // answers without success after which we pause

	for (size_t i = 0; i < k->count; i++) {
		struct entry *e = &k->entry[i];

		if (token == 0 || e->token != token)
			continue;
		if (error != 0 || dns_msg_parse(&k->msg, msg, len) != 0)
			failed(e, now_ms, TURN);
		else if (e->step == STEP_DS)
			told_ds(k, e, now_ms, epoch_s, TURN);
		else
			told_dnskey(k, e, now_ms, epoch_s, TURN);
		return true;
	}
	return false;
}

bool ctl_keeper_by_tcp(
	struct ctl_keeper *k, uint64_t token, uint64_t now_ms, struct ctl_keeper_ask *out)
{
	for (size_t i = 0; i < k->count; i++) {
		struct entry *e = &k->entry[i];

		if (token == 0 || e->token != token)
			continue;
		e->deadline_ms = now_ms + 2 * CTL_KEEPER_TIMEOUT_MS;
		*out = e->asked;
		return true;
	}
	return false;
}

void ctl_keeper_hint(struct ctl_keeper *k, const uint8_t *zone, uint64_t now_ms)
{
	struct entry *e = find(k, zone);

	if (e == NULL || e->step != STEP_IDLE || now_ms < e->hinted_ms + HINT_SPACING_MS)
		return;
	e->hinted_ms = now_ms;
	e->due_ms = now_ms;
}

/* ---- looking ---- */

int ctl_keeper_snapshot(struct ctl_keeper *k, struct val_keys **out)
{
	struct val_zone_keys *zones;
	int err;

	if (!k->changed)
		return 0;
	zones = calloc(k->count > 0 ? k->count : 1, sizeof(*zones));
	if (zones == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < k->count; i++)
		zones[i] = k->entry[i].keys;
	err = val_keys_new(zones, k->count, out);
	free(zones);
	if (err != 0)
		return err;
	k->changed = false;
	return 1;
}

/* No anchor of its own, none above it among the routed zones: it can never be judged. */
static bool hopeless(const struct ctl_keeper *k, const struct entry *e)
{
	struct val_anchor own[VAL_ANCHORS_MAX];

	while (anchors_of(k, e->keys.zone.octets, own) == 0) {
		if (e->parent < 0)
			return true;
		e = &k->entry[e->parent];
	}
	return false;
}

bool ctl_keeper_settled(const struct ctl_keeper *k)
{
	for (size_t i = 0; i < k->count; i++)
		if (k->entry[i].keys.status == VAL_ZONE_UNKNOWN && !hopeless(k, &k->entry[i]))
			return false;
	return true;
}

size_t ctl_keeper_count(const struct ctl_keeper *k)
{
	return k->count;
}

void ctl_keeper_info(
	const struct ctl_keeper *k, size_t i, uint64_t now_ms, struct ctl_keeper_info *out)
{
	const struct entry *e = &k->entry[i];

	*out = (struct ctl_keeper_info){
		.zone = e->keys.zone,
		.status = e->keys.status,
		.last = e->last,
		.valid_until = e->keys.valid_until,
		.keys = e->keys.count,
		.refresh_in_ms = e->due_ms > now_ms ? e->due_ms - now_ms : 0,
		.failures = e->failures,
	};
}
