// RFC 5011 as a table of states. Only two things move a key: a set that a trusted key validated,
// and a set that the key itself signed with its REVOKE bit. Time moves nothing by itself: a hold
// that is over takes effect with the next validated set (s2.2, s4.1), so that nothing is believed
// that nobody says any more.
//
// The clock is the wall's, since holds of 30 days outlive the process. It may be set back: then a
// hold that began in the future begins anew, which can only delay trust.

#include "validator/trustpoint.h"

#include <string.h>

#include "dns/rdata.h"
#include "dns/wire.h"
#include "validator/time.h"

static const char *const state_names[VAL_KEY_STATES] = {
	[VAL_KEY_START] = "start",
	[VAL_KEY_ADD_PENDING] = "add-pending",
	[VAL_KEY_VALID] = "valid",
	[VAL_KEY_MISSING] = "missing",
	[VAL_KEY_REVOKED] = "revoked",
	[VAL_KEY_REMOVED] = "removed",
};

const char *val_key_state_name(enum val_key_state s)
{
	return s < VAL_KEY_STATES ? state_names[s] : "unknown";
}

/* ---- keys ---- */

static bool same_octets(const struct val_key *a, const struct val_key *b)
{
	return a->rdata_len == b->rdata_len && memcmp(a->rdata, b->rdata, a->rdata_len) == 0;
}

/* Does an anchor stand for this DNSKEY, which has no REVOKE bit? */
static bool stands_for(const struct val_anchor *a, const struct val_key *key)
{
	struct dns_ds ds;

	if (a->type == DNS_TYPE_DNSKEY)
		return same_octets(&a->key, key);
	return dns_ds_read(a->key.rdata, a->key.rdata_len, &ds) == 0 &&
	       val_ds_matches(a->zone.octets, key, &ds) == 1;
}

/* The same key, whichever of the two is a DS? */
static bool same_anchor(const struct val_anchor *a, const struct val_anchor *b)
{
	if (a->type == b->type)
		return same_octets(&a->key, &b->key);
	return a->type == DNS_TYPE_DS ? stands_for(a, &b->key) : stands_for(b, &a->key);
}

/* s2: only secure entry points are candidates. */
static bool is_entry_point(const struct val_key *k)
{
	uint16_t flags = k->rdata_len > 4 ? dns_get16(k->rdata) : 0;
	uint16_t want = DNS_DNSKEY_FLAG_ZONE | DNS_DNSKEY_FLAG_SEP;

	return (flags & (want | DNS_DNSKEY_FLAG_REVOKE)) == want && k->rdata[2] == 3;
}

static bool is_trusted(const struct val_tracked *k)
{
	return k->state == VAL_KEY_VALID || k->state == VAL_KEY_MISSING;
}

/* ---- changes ---- */

static void note(struct val_key_changes *c, const struct val_tracked *k, enum val_key_state to)
{
	if (c->count == VAL_CHANGES_MAX)
		return;
	c->item[c->count++] = (struct val_key_change){
		.key_tag = k->anchor.key.key_tag,
		.algorithm = k->anchor.key.algorithm,
		.from = k->state,
		.to = to,
	};
}

static void move(
	struct val_tracked *k, enum val_key_state to, uint32_t now, struct val_key_changes *changes)
{
	note(changes, k, to);
	k->state = to;
	k->since = now;
}

static void forget(struct val_trustpoint *tp, unsigned i)
{
	tp->count--;
	memmove(&tp->key[i], &tp->key[i + 1], (tp->count - i) * sizeof(tp->key[0]));
}

/* A key that is gone for good gives its place to one that may be needed. */
static bool make_room(struct val_trustpoint *tp)
{
	if (tp->count < VAL_TRACKED_MAX)
		return true;
	for (unsigned i = 0; i < tp->count; i++)
		if (tp->key[i].state == VAL_KEY_REMOVED) {
			forget(tp, i);
			return true;
		}
	return false;
}

/* ---- configuration ---- */

static bool is_known(const struct val_trustpoint *tp, const struct val_anchor *a)
{
	for (unsigned i = 0; i < tp->count; i++)
		if (same_anchor(&tp->key[i].anchor, a))
			return true;
	return false;
}

/* The operator's word ends a wait. */
static bool promote(struct val_trustpoint *tp, const struct val_anchor *a, uint32_t now)
{
	for (unsigned i = 0; i < tp->count; i++) {
		struct val_tracked *k = &tp->key[i];

		if (k->state != VAL_KEY_ADD_PENDING || !same_anchor(&k->anchor, a))
			continue;
		k->state = VAL_KEY_VALID;
		k->since = now;
		return true;
	}
	return false;
}

void val_trustpoint_configure(
	struct val_trustpoint *tp, const struct val_anchors *anchors, uint32_t now)
{
	for (unsigned i = 0; i < anchors->count; i++) {
		const struct val_anchor *a = &anchors->item[i];

		if (!dns_name_equal(a->zone.octets, tp->zone.octets) || promote(tp, a, now) ||
			is_known(tp, a) || !make_room(tp))
			continue;
		tp->key[tp->count++] =
			(struct val_tracked){.anchor = *a, .state = VAL_KEY_VALID, .since = now};
	}
}

size_t val_trustpoint_trusted(
	const struct val_trustpoint *tp, struct val_anchor out[VAL_ANCHORS_MAX])
{
	size_t n = 0;

	for (unsigned i = 0; i < tp->count; i++)
		if (is_trusted(&tp->key[i]))
			out[n++] = tp->key[i].anchor;
	return n;
}

size_t val_trustpoint_known(const struct val_trustpoint *tp, struct val_anchor out[VAL_ANCHORS_MAX])
{
	for (unsigned i = 0; i < tp->count; i++)
		out[i] = tp->key[i].anchor;
	return tp->count;
}

/* ---- what is seen ---- */

void val_trustpoint_revoke(struct val_trustpoint *tp, const bool revoked[VAL_TRACKED_MAX],
	uint32_t now, struct val_key_changes *changes)
{
	for (unsigned i = tp->count; i-- > 0;) {
		struct val_tracked *k = &tp->key[i];

		if (!revoked[i])
			continue;
		if (k->state == VAL_KEY_REVOKED) {
			k->seen = now; // the removal is counted from when it is gone
		} else if (is_trusted(k)) {
			move(k, VAL_KEY_REVOKED, now, changes);
			k->seen = now;
		}
		// one that waited is not in the set as itself: val_trustpoint_see() forgets it
	}
}

static const struct val_key *find(
	const struct val_key *keys, size_t count, const struct val_anchor *a)
{
	for (size_t i = 0; i < count; i++)
		if (is_entry_point(&keys[i]) && stands_for(a, &keys[i]))
			return &keys[i];
	return NULL;
}

/* A clock that was set back must not shorten a hold. */
static uint32_t elapsed(struct val_tracked *k, uint32_t *since, uint32_t now)
{
	if (val_time_before(now, *since)) {
		*since = now;
		k->seen = now;
	}
	return now - *since;
}

/* s4.2, a row for each state. @return false: forget the key */
static bool advance(struct val_tracked *k, bool present, const struct val_trustpoint_params *params,
	uint32_t now, struct val_key_changes *changes)
{
	switch (k->state) {
	case VAL_KEY_ADD_PENDING:
		if (!present) {
			note(changes, k, VAL_KEY_START);
			return false;
		}
		if (elapsed(k, &k->since, now) >= k->hold_s)
			move(k, VAL_KEY_VALID, now, changes);
		break;
	case VAL_KEY_VALID:
		if (!present)
			move(k, VAL_KEY_MISSING, now, changes);
		break;
	case VAL_KEY_MISSING:
		if (present)
			move(k, VAL_KEY_VALID, now, changes);
		break;
	case VAL_KEY_REVOKED:
		if (elapsed(k, &k->seen, now) >= params->remove_hold_s)
			move(k, VAL_KEY_REMOVED, now, changes);
		return true;
	default:
		return true;
	}
	if (present)
		k->seen = now;
	return true;
}

static void advance_all(struct val_trustpoint *tp, const struct val_key *keys, size_t count,
	const struct val_trustpoint_params *params, uint32_t now, struct val_key_changes *changes)
{
	for (unsigned i = tp->count; i-- > 0;) {
		struct val_tracked *k = &tp->key[i];
		const struct val_key *there = find(keys, count, &k->anchor);

		if (there != NULL && k->anchor.type == DNS_TYPE_DS) {
			k->anchor.type = DNS_TYPE_DNSKEY;
			k->anchor.key = *there;
		}
		if (!advance(k, there != NULL, params, now, changes))
			forget(tp, i);
	}
}

static void begin_to_wait(struct val_trustpoint *tp, const struct val_key *key, uint32_t ttl_s,
	const struct val_trustpoint_params *params, uint32_t now, struct val_key_changes *changes)
{
	struct val_tracked fresh = {
		.anchor = {.zone = tp->zone, .type = DNS_TYPE_DNSKEY, .key = *key},
		.seen = now,
		.hold_s = ttl_s > params->add_hold_s ? ttl_s : params->add_hold_s, // s2.4.1
	};

	if (!is_entry_point(key) || !val_alg_supported(key->algorithm, params->sha1) ||
		is_known(tp, &fresh.anchor) || !make_room(tp))
		return;
	move(&fresh, VAL_KEY_ADD_PENDING, now, changes);
	tp->key[tp->count++] = fresh;
}

/* Two anchors of the configuration, two digests of one key say, may have come to be the same. */
static void merge_twins(struct val_trustpoint *tp)
{
	for (unsigned i = 0; i < tp->count; i++)
		for (unsigned k = tp->count; k-- > i + 1;)
			if (same_anchor(&tp->key[i].anchor, &tp->key[k].anchor))
				forget(tp, k);
}

void val_trustpoint_see(struct val_trustpoint *tp, const struct val_key *keys, size_t count,
	uint32_t ttl_s, const struct val_trustpoint_params *params, uint32_t now,
	struct val_key_changes *changes)
{
	advance_all(tp, keys, count, params, now, changes);
	merge_twins(tp);
	for (size_t i = 0; i < count; i++)
		begin_to_wait(tp, &keys[i], ttl_s, params, now, changes);
}

/* ---- times ---- */

uint32_t val_tracked_due(const struct val_tracked *k, const struct val_trustpoint_params *params)
{
	switch (k->state) {
	case VAL_KEY_ADD_PENDING:
		return k->since + k->hold_s;
	case VAL_KEY_REVOKED:
		return k->seen + params->remove_hold_s;
	default:
		return 0;
	}
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

enum { HOUR_S = 3600, DAY_S = 86400 };

static uint32_t at_least_an_hour(uint32_t s)
{
	return s > HOUR_S ? s : HOUR_S;
}

uint32_t val_trustpoint_refresh_s(uint32_t ttl_s, uint32_t life_s)
{
	return at_least_an_hour(smaller(15 * DAY_S, smaller(ttl_s / 2, life_s / 2)));
}

uint32_t val_trustpoint_retry_s(uint32_t ttl_s, uint32_t life_s)
{
	return at_least_an_hour(smaller(DAY_S, smaller(ttl_s / 10, life_s / 10)));
}
