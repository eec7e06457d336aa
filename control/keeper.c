#include "control/keeper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/wire.h"
#include "validator/keyset.h"
#include "validator/time.h"

/*
 * One entry a routed zone, and one a trust point behind recursive upstreams. An entry is idle, or
 * waits for one answer (its token). The life of a round: DS at the parent's servers, unless an
 * anchor stands for it, then DNSKEY at the zone's own. A failed step goes to the next path of the
 * zone that is asked; after a full turn it waits, longer each time. Keys that were good stay in use
 * until their time is over.
 *
 * A look is a round out of turn, since an answer was signed by a key that nobody knows: DNSKEY at
 * the path of that answer, with the DS we have; if that fails, the whole way once more. However it
 * ends, it is over then, and for some time nobody looks again.
 */

enum step { STEP_IDLE, STEP_DS, STEP_DNSKEY };

enum {
	REFRESH_MIN_S = 5,
	REFRESH_MAX_S = 3600,
	JUMP_S = 60, // more than any slewing between two calls
};

enum look { LOOK_NONE, LOOK_WANTED, LOOK_AT_PATH, LOOK_WHOLE_WAY };

struct entry {
	struct val_keyset set; // what is published
	struct dns_name at;    // the routed zone at whose paths it is asked: itself, or above it
	int parent;            // index of the closest ancestor that is kept, -1 none
	enum step step;
	uint64_t token; // of the question that is out, 0 none
	struct ctl_keeper_ask asked;
	uint64_t deadline_ms; // when it counts as lost
	uint64_t due_ms;      // when the next step may be taken
	enum look look;
	uint16_t look_path;
	uint32_t look_spacing_s; // until the next one
	uint32_t path_turn;      // which of the zone's paths is next
	uint32_t failures;       // in a row
	bool anchored;           // ds are trust anchors of the zone's own
	struct val_anchor ds[VAL_ANCHORS_MAX];
	size_t ds_count;
	uint32_t ds_until;
	struct val_result last;
};

struct ctl_keeper {
	struct ctl_trust *trust;
	struct val_skew skew;
	struct val_verifier *verifier;
	struct entry *entry;
	size_t count;
	uint64_t next_token;
	uint32_t generation;
	int64_t ahead_s; // wall clock less the steady one, 0 not known yet
	bool changed;
	size_t nta_count;
	struct dns_name nta[CTL_KEEPER_NTAS_MAX];
	struct dns_msg msg; // scratch
};

/* ---- life ---- */

int ctl_keeper_new(
	struct ctl_trust *trust, const struct val_skew *skew, bool sha1, struct ctl_keeper **out)
{
	struct ctl_keeper *k = calloc(1, sizeof(*k));
	int err;

	if (k == NULL)
		return -ENOMEM;
	k->trust = trust;
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
		if (dns_name_equal(k->entry[i].set.keys.zone.octets, zone))
			return &k->entry[i];
	return NULL;
}

static bool is_routed(const struct entry *e)
{
	return dns_name_equal(e->at.octets, e->set.keys.zone.octets);
}

static int closest_ancestor(const struct entry *e, const struct entry *all, size_t count)
{
	int best = -1;

	for (size_t i = 0; i < count; i++) {
		if (&all[i] == e ||
			!dns_name_under(e->set.keys.zone.octets, all[i].set.keys.zone.octets))
			continue;
		if (best < 0 || all[i].set.keys.zone.labels > all[best].set.keys.zone.labels)
			best = (int)i;
	}
	return best;
}

/* Keep a zone: as it was, or from now on. */
static void take(struct ctl_keeper *k, const struct dns_name *zone, const struct dns_name *at,
	bool anchored, struct entry *out)
{
	const struct entry *known = find(k, zone->octets);

	if (known != NULL)
		*out = *known;
	else
		out->set.keys = (struct val_zone_keys){
			.zone = *zone, .status = VAL_ZONE_UNKNOWN, .why = VAL_R_NO_CHAIN};
	// Whose question goes elsewhere now, or has another parent, begins anew.
	if (out->step == STEP_DS ||
		(known != NULL && !dns_name_equal(known->at.octets, at->octets))) {
		out->step = STEP_IDLE;
		out->token = 0;
	}
	out->at = *at;
	out->set.keys.anchored = anchored;
}

static bool is_trust_point(const struct ctl_trust *t, const struct dns_name *zone)
{
	for (size_t i = 0; i < ctl_trust_count(t); i++)
		if (dns_name_equal(ctl_trust_at(t, i)->zone.octets, zone->octets))
			return true;
	return false;
}

/* Trust points behind recursive upstreams that are no routed zones themselves. @return how many */
static size_t take_islands(struct ctl_keeper *k, const struct route_config *c, struct entry *out)
{
	size_t n = 0;

	for (size_t i = 0; i < ctl_trust_count(k->trust); i++) {
		const struct dns_name *zone = &ctl_trust_at(k->trust, i)->zone;
		const struct route_zone_config *at = route_config_zone(c, zone);

		if (at != NULL && at->kind == ROUTE_RECURSIVE &&
			!dns_name_equal(at->name.octets, zone->octets))
			take(k, zone, &at->name, true, &out[n++]);
	}
	return n;
}

int ctl_keeper_sync(struct ctl_keeper *k, const struct route_config *c)
{
	size_t count = c->zone_count;
	struct entry *fresh = calloc(count + ctl_trust_count(k->trust) + 1, sizeof(*fresh));

	if (fresh == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct dns_name *zone = &c->zones[i].name;

		take(k, zone, zone, is_trust_point(k->trust, zone), &fresh[i]);
	}
	count += take_islands(k, c, &fresh[count]);
	for (size_t i = 0; i < count; i++)
		fresh[i].parent = closest_ancestor(&fresh[i], fresh, count);
	free(k->entry);
	k->entry = fresh;
	k->count = count;
	k->changed = true;
	return 0;
}

/* ---- steps ---- */

static uint64_t jittered(uint64_t ms)
{
	return ms - ms / 10 + (uint64_t)rand() % (ms / 5 + 1);
}

static uint32_t left_s(const struct entry *e, uint32_t epoch_s)
{
	int32_t left = val_time_diff(epoch_s, e->set.keys.valid_until);

	return e->set.keys.status != VAL_ZONE_UNKNOWN && left > 0 ? (uint32_t)left : 0;
}

/* What RFC 5011 s2.3 has to say, if anything. */
static uint32_t trust_wait_s(
	const struct ctl_keeper *k, const struct entry *e, bool failed, uint32_t epoch_s)
{
	return ctl_trust_refresh_s(k->trust, e->set.keys.zone.octets, e->set.keys.ttl_s,
		e->last.nearest_expiration - e->last.newest_inception, failed, epoch_s);
}

static uint64_t refresh_ms(const struct ctl_keeper *k, const struct entry *e, uint32_t epoch_s)
{
	uint32_t ttl_s = e->set.keys.ttl_s, left = left_s(e, epoch_s);
	// A set may be used for longer than its TTL when that is very short, but not unasked.
	uint64_t wait_s = (uint64_t)(ttl_s != 0 && ttl_s < left ? ttl_s : left) * 2 / 3;
	uint32_t trust_s = trust_wait_s(k, e, false, epoch_s);

	wait_s = wait_s < REFRESH_MIN_S ? REFRESH_MIN_S : wait_s;
	if (trust_s != UINT32_MAX)
		return (wait_s < trust_s ? wait_s : trust_s) * 1000;
	return jittered((wait_s < REFRESH_MAX_S ? wait_s : REFRESH_MAX_S) * 1000);
}

/* Somebody has looked: from now on an unknown key is one, for some time. */
static void end_look(struct ctl_keeper *k, struct entry *e, bool found, uint32_t epoch_s)
{
	if (e->look != LOOK_AT_PATH && e->look != LOOK_WHOLE_WAY)
		return;
	e->look = LOOK_NONE;
	// What is found has been validated: nobody can make us look for ever that way.
	if (found)
		e->look_spacing_s = 0;
	else if (e->look_spacing_s == 0)
		e->look_spacing_s = CTL_KEEPER_LOOK_S;
	else if (e->look_spacing_s < CTL_KEEPER_LOOK_MAX_S)
		e->look_spacing_s *= 2;
	e->set.keys.look_after = epoch_s + e->look_spacing_s;
	k->changed = true;
}

static void note_change(struct ctl_keeper *k, struct entry *e, bool changed)
{
	if (!changed)
		return;
	e->set.keys.generation = ++k->generation;
	k->changed = true;
}

static void settle(struct ctl_keeper *k, struct entry *e, const struct val_zone_keys *fresh,
	uint64_t now_ms, uint32_t epoch_s)
{
	uint32_t until = e->set.keys.valid_until;
	bool changed = val_keyset_replace(&e->set, fresh, epoch_s);

	// The expiry moves with every refresh; a changed set is what needs a new generation.
	note_change(k, e, changed);
	k->changed |= until != fresh->valid_until;
	e->step = STEP_IDLE;
	e->token = 0;
	e->failures = 0;
	// The next time another site: they may roll at different times. A trust point's keys should
	// not seem to come and go.
	if (!e->anchored)
		e->path_turn++;
	end_look(k, e, changed, epoch_s);
	e->due_ms = e->look == LOOK_WANTED ? now_ms : now_ms + refresh_ms(k, e, epoch_s);
}

static void settle_insecure(struct ctl_keeper *k, struct entry *e, enum val_reason reason,
	uint32_t until, uint64_t now_ms, uint32_t epoch_s)
{
	struct val_zone_keys fresh = {
		.zone = e->set.keys.zone,
		.status = VAL_ZONE_INSECURE,
		.why = reason,
		.valid_until = until,
	};

	settle(k, e, &fresh, now_ms, epoch_s);
}

/* Without keys, what broke the chain is what clients hear (RFC 8914): the last step's verdict, or
 * the parent's reason. */
static void note_why(struct ctl_keeper *k, struct entry *e, enum val_reason why)
{
	struct val_zone_keys *keys = &e->set.keys;

	if (keys->status != VAL_ZONE_UNKNOWN || why == VAL_R_NONE || why == keys->why)
		return;
	keys->why = why;
	k->changed = true;
}

/* As long as the keys hold anyway, a trust point is not to be pestered (RFC 5011 s2.3). */
static uint64_t longest_pause_ms(
	const struct ctl_keeper *k, const struct entry *e, uint32_t epoch_s)
{
	uint32_t trust_s = trust_wait_s(k, e, true, epoch_s), quarter_s = left_s(e, epoch_s) / 4;
	uint64_t pause = (uint64_t)(quarter_s < trust_s ? quarter_s : trust_s) * 1000;

	return trust_s != UINT32_MAX && pause > CTL_KEEPER_RETRY_MAX_MS ? pause
									: CTL_KEEPER_RETRY_MAX_MS;
}

/* The step failed: another path next, after a full turn a pause that doubles. */
static void failed(
	struct ctl_keeper *k, struct entry *e, uint64_t now_ms, uint32_t epoch_s, uint32_t paths)
{
	uint64_t pause = CTL_KEEPER_RETRY_MS, longest = longest_pause_ms(k, e, epoch_s);

	end_look(k, e, false, epoch_s);
	e->token = 0;
	e->path_turn++;
	e->failures++;
	if (e->failures < paths) {
		e->due_ms = now_ms;
		return;
	}
	for (uint32_t turn = e->failures / (paths > 0 ? paths : 1); turn > 1 && pause < longest;
		turn--)
		pause *= 2;
	e->due_ms = now_ms + jittered(pause < longest ? pause : longest);
}

/* Where to begin a round; false when it has to wait for the parent or was settled at once. */
static bool begin(struct ctl_keeper *k, struct entry *e, uint64_t now_ms, uint32_t epoch_s)
{
	const struct entry *parent = e->parent >= 0 ? &k->entry[e->parent] : NULL;
	size_t anchors = ctl_trust_anchors(k->trust, e->set.keys.zone.octets, e->ds);

	e->anchored = anchors > 0;
	if (e->anchored) {
		e->ds_count = anchors;
		e->ds_until = epoch_s + 86400;
		e->step = STEP_DNSKEY;
		return true;
	}
	if (parent == NULL || !is_routed(e))
		return false; // no chain to be had
	switch (parent->set.keys.status) {
	case VAL_ZONE_SECURE:
		e->step = STEP_DS;
		return true;
	case VAL_ZONE_INSECURE:
	case VAL_ZONE_NTA:
		settle_insecure(
			k, e, parent->set.keys.why, parent->set.keys.valid_until, now_ms, epoch_s);
		return false;
	default:
		note_why(k, e, parent->set.keys.why);
		return false;
	}
}

/* A round out of turn. The DS that we have will do: a key that came new has a DS that did not. */
static bool begin_look(struct ctl_keeper *k, struct entry *e, uint64_t now_ms, uint32_t epoch_s)
{
	if (!e->anchored && e->ds_count > 0 && !val_time_before(e->ds_until, epoch_s)) {
		e->look = LOOK_AT_PATH;
		e->step = STEP_DNSKEY;
		return true;
	}
	e->look = LOOK_WHOLE_WAY;
	if (begin(k, e, now_ms, epoch_s))
		return true;
	end_look(k, e, false, epoch_s);
	return false;
}

static bool begin_any(struct ctl_keeper *k, struct entry *e, uint64_t now_ms, uint32_t epoch_s)
{
	return e->look == LOOK_WANTED ? begin_look(k, e, now_ms, epoch_s)
				      : begin(k, e, now_ms, epoch_s);
}

/* ---- asking ---- */

/* The paths of a zone. @param up  how many of them, the first, are up */
static size_t paths_of(struct route_paths *p, const uint8_t *zone, const struct route_path **out,
	size_t max, size_t *up)
{
	size_t n = 0;

	// Paths that are up first, then the others: keys may be had from a site that is no good for
	// the rest.
	*up = 0;
	for (unsigned pass = 0; pass < 2; pass++) {
		for (size_t id = 0; id < route_paths_count(p) && n < max; id++) {
			const struct route_path *path = route_paths_at(p, (uint16_t)id);

			if (path != NULL && (path->state == ROUTE_UP) == (pass == 0) &&
				dns_name_equal(path->zone_name.octets, zone))
				out[n++] = path;
		}
		if (pass == 0)
			*up = n;
	}
	return n;
}

/* In turns; a look goes where the unknown key was seen. NULL: there is no path. */
static const struct route_path *choose_path(
	const struct entry *e, const uint8_t *zone, struct route_paths *p)
{
	const struct route_path *paths[ROUTE_ZONE_PATHS_MAX];
	size_t up, n = paths_of(p, zone, paths, ROUTE_ZONE_PATHS_MAX, &up);

	if (e->step == STEP_DNSKEY && e->look != LOOK_NONE)
		for (size_t i = 0; i < n; i++)
			if (paths[i]->id == e->look_path)
				return paths[i];
	if (n == 0)
		return NULL;
	return paths[e->path_turn % (e->failures == 0 && up > 0 ? up : n)];
}

static bool ask(struct ctl_keeper *k, struct entry *e, struct route_paths *p, uint64_t now_ms,
	struct ctl_keeper_ask *out)
{
	const struct entry *at = e->step == STEP_DS ? &k->entry[e->parent] : e;
	const struct route_path *path = choose_path(e, at->at.octets, p);

	if (path == NULL)
		return false;
	*out = (struct ctl_keeper_ask){
		.token = ++k->next_token,
		.path = path->id,
		.addr = path->addr,
		.qname = e->set.keys.zone,
		.qtype = e->step == STEP_DS ? DNS_TYPE_DS : DNS_TYPE_DNSKEY,
	};
	e->token = out->token;
	e->asked = *out;
	e->deadline_ms = now_ms + 2 * CTL_KEEPER_TIMEOUT_MS;
	return true;
}

/* What was wrong may have been the clock: who waits after failures tries again when it is set. */
static void note_clock(struct ctl_keeper *k, uint64_t now_ms, uint32_t epoch_s)
{
	int64_t ahead_s = (int64_t)epoch_s - (int64_t)(now_ms / 1000);
	int64_t jump_s = k->ahead_s != 0 ? ahead_s - k->ahead_s : 0;

	k->ahead_s = ahead_s;
	if (jump_s > -JUMP_S && jump_s < JUMP_S)
		return;
	for (size_t i = 0; i < k->count; i++) {
		struct entry *e = &k->entry[i];

		if (e->failures == 0)
			continue;
		e->failures = 0;
		if (e->token == 0)
			e->due_ms = now_ms;
	}
}

/* Keys whose time is over are no keys: answers are indeterminate until there are others. */
static void expire(struct ctl_keeper *k, struct entry *e, uint64_t now_ms, uint32_t epoch_s)
{
	if (!val_keyset_expire(&e->set, epoch_s))
		return;
	note_change(k, e, true);
	if (e->token == 0 && e->failures == 0) // a refresh was not due yet: the clock was set
		e->due_ms = now_ms;
}

size_t ctl_keeper_due(struct ctl_keeper *k, struct route_paths *p, uint64_t now_ms,
	uint32_t epoch_s, struct ctl_keeper_ask *out, size_t max)
{
	size_t n = 0;

	note_clock(k, now_ms, epoch_s);
	for (size_t i = 0; i < k->count && n < max; i++) {
		struct entry *e = &k->entry[i];

		expire(k, e, now_ms, epoch_s);
		if (e->token != 0 && now_ms >= e->deadline_ms)
			failed(k, e, now_ms, epoch_s, 1); // the answer itself got lost
		if (e->token != 0 || now_ms < e->due_ms)
			continue;
		if (e->step == STEP_IDLE && !begin_any(k, e, now_ms, epoch_s))
			continue;
		if (ask(k, e, p, now_ms, &out[n]))
			n++;
	}
	return n;
}

/* ---- answers ---- */

static void told_ds(
	struct ctl_keeper *k, struct entry *e, uint64_t now_ms, uint32_t epoch_s, uint32_t paths)
{
	const struct val_zone_keys *parent = &k->entry[e->parent].set.keys;
	uint32_t until = 0;
	int err = val_ds_from_response(k->verifier, &k->msg, parent, e->set.keys.zone.octets,
		epoch_s, &k->skew, e->ds, &e->ds_count, &until, &e->last);

	if (err != 0) {
		failed(k, e, now_ms, epoch_s, paths);
		note_why(k, e, e->last.reason);
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

/* @return false: nothing is trusted there any more */
static bool heed_revocations(struct ctl_keeper *k, struct entry *e, uint32_t epoch_s)
{
	const uint8_t *zone = e->set.keys.zone.octets;

	if (!e->anchored ||
		!ctl_trust_revoke(k->trust, k->verifier, &k->msg, zone, epoch_s, &k->skew))
		return true;
	// What it said before is over, be the new set good or not (RFC 5011 s2.1).
	note_change(k, e, val_keyset_clear(&e->set));
	e->ds_count = ctl_trust_anchors(k->trust, zone, e->ds);
	return e->ds_count > 0;
}

static void failed_dnskey(
	struct ctl_keeper *k, struct entry *e, uint64_t now_ms, uint32_t epoch_s, uint32_t paths)
{
	if (e->look == LOOK_AT_PATH) {
		// The DS may be what is out of date: the whole way, at once.
		e->look = LOOK_WHOLE_WAY;
		e->token = 0;
		e->step = STEP_IDLE;
		e->due_ms = now_ms;
		return;
	}
	failed(k, e, now_ms, epoch_s, paths);
	note_why(k, e, e->last.reason);
	if (e->failures % paths == 0)
		e->step = STEP_IDLE; // the same, after a turn
}

static void told_dnskey(
	struct ctl_keeper *k, struct entry *e, uint64_t now_ms, uint32_t epoch_s, uint32_t paths)
{
	struct val_zone_keys fresh = {.zone = e->set.keys.zone};
	int err = -ENOENT;

	if (heed_revocations(k, e, epoch_s))
		err = val_keys_from_dnskey(k->verifier, &k->msg, e->set.keys.zone.octets, e->ds,
			e->ds_count, epoch_s, &k->skew, &fresh, &e->last);
	if (err != 0) {
		failed_dnskey(k, e, now_ms, epoch_s, paths);
		return;
	}
	fresh.zone = e->set.keys.zone;
	if (e->anchored && fresh.status == VAL_ZONE_SECURE)
		ctl_trust_saw(k->trust, &fresh, epoch_s);
	if (val_time_before(e->ds_until, fresh.valid_until))
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
			failed(k, e, now_ms, epoch_s, TURN);
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

void ctl_keeper_hint(
	struct ctl_keeper *k, const uint8_t *zone, uint16_t path, uint64_t now_ms, uint32_t epoch_s)
{
	for (size_t i = 0; i < k->count; i++) {
		struct entry *e = &k->entry[i];

		if (!dns_name_equal(e->at.octets, zone) || e->look != LOOK_NONE ||
			!val_keys_worth_a_look(&e->set.keys, epoch_s))
			continue;
		e->look = LOOK_WANTED;
		e->look_path = path;
		if (e->step == STEP_IDLE)
			e->due_ms = now_ms; // else when the round that is under way has ended
	}
}

/* ---- looking ---- */

void ctl_keeper_set_ntas(struct ctl_keeper *k, const struct dns_name *names, size_t count)
{
	k->nta_count = count < CTL_KEEPER_NTAS_MAX ? count : CTL_KEEPER_NTAS_MAX;
	memcpy(k->nta, names, k->nta_count * sizeof(*names));
	k->changed = true;
}

const struct val_zone_keys *ctl_keeper_keys(struct ctl_keeper *k, const uint8_t *zone)
{
	const struct entry *e = find(k, zone);

	return e != NULL ? &e->set.keys : NULL;
}

/* Labels of the closest trust anchor at or above a name, -1 when there is none. */
static int closest_anchor(const struct ctl_keeper *k, const uint8_t *name)
{
	int best = -1;

	for (size_t i = 0; i < ctl_trust_count(k->trust); i++) {
		const struct dns_name *zone = &ctl_trust_at(k->trust, i)->zone;

		if (zone->labels > best && dns_name_under(name, zone->octets))
			best = zone->labels;
	}
	return best;
}

/* Is a zone at or below a negative trust anchor, and no positive one is closer? */
static bool is_negative(const struct ctl_keeper *k, const uint8_t *zone)
{
	int best = -1;

	for (size_t i = 0; i < k->nta_count; i++)
		if (k->nta[i].labels > best && dns_name_under(zone, k->nta[i].octets))
			best = k->nta[i].labels;
	return best >= 0 && best >= closest_anchor(k, zone);
}

static void make_negative(struct val_zone_keys *z)
{
	z->status = VAL_ZONE_NTA;
	z->why = VAL_R_NEGATIVE_ANCHOR;
	z->count = 0;
}

/* @return how many; room for k->count + k->nta_count */
static size_t list_zones(struct ctl_keeper *k, struct val_zone_keys *zones)
{
	size_t n = 0;

	for (size_t i = 0; i < k->count; i++) {
		zones[n] = k->entry[i].set.keys;
		if (is_negative(k, zones[n].zone.octets))
			make_negative(&zones[n]);
		n++;
	}
	for (size_t i = 0; i < k->nta_count; i++) {
		if (find(k, k->nta[i].octets) != NULL)
			continue;
		zones[n].zone = k->nta[i];
		make_negative(&zones[n++]);
	}
	return n;
}

int ctl_keeper_truth(const struct ctl_keeper *k, struct val_keys **out)
{
	struct val_zone_keys *zones = calloc(k->count + 1, sizeof(*zones));
	int err;

	if (zones == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < k->count; i++)
		zones[i] = k->entry[i].set.keys;
	err = val_keys_new(zones, k->count, out);
	free(zones);
	return err;
}

int ctl_keeper_snapshot(struct ctl_keeper *k, struct val_keys **out)
{
	struct val_zone_keys *zones;
	int err;

	if (!k->changed)
		return 0;
	zones = calloc(k->count + k->nta_count + 1, sizeof(*zones));
	if (zones == NULL)
		return -ENOMEM;
	err = val_keys_new(zones, list_zones(k, zones), out);
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

	while (ctl_trust_anchors(k->trust, e->set.keys.zone.octets, own) == 0) {
		if (e->parent < 0 || !is_routed(e))
			return true;
		e = &k->entry[e->parent];
	}
	return false;
}

bool ctl_keeper_settled(const struct ctl_keeper *k)
{
	for (size_t i = 0; i < k->count; i++)
		if (k->entry[i].set.keys.status == VAL_ZONE_UNKNOWN && !hopeless(k, &k->entry[i]) &&
			!is_negative(k, k->entry[i].set.keys.zone.octets))
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
		.zone = e->set.keys.zone,
		.status = e->set.keys.status,
		.last = e->last,
		.valid_until = e->set.keys.valid_until,
		.keys = e->set.keys.count,
		.refresh_in_ms = e->due_ms > now_ms ? e->due_ms - now_ms : 0,
		.failures = e->failures,
	};
}
