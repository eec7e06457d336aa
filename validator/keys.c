#include "validator/keys.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "validator/digest.h"
#include "validator/now.h"
#include "validator/time.h"

/* ---- snapshots ---- */

struct val_keys {
	size_t count;
	struct val_zone_keys zone[];
};

static int by_name(const void *a, const void *b)
{
	return dns_name_compare(((const struct val_zone_keys *)a)->zone.octets,
		((const struct val_zone_keys *)b)->zone.octets);
}

int val_keys_new(const struct val_zone_keys *zones, size_t count, struct val_keys **out)
{
	struct val_keys *k = malloc(sizeof(*k) + count * sizeof(k->zone[0]));
	bool negative = false;

	if (k == NULL)
		return -ENOMEM;
	k->count = count;
	if (count > 0)
		memcpy(k->zone, zones, count * sizeof(k->zone[0]));
	qsort(k->zone, count, sizeof(k->zone[0]), by_name);
	for (size_t i = 0; i < count; i++)
		negative |= zones[i].status == VAL_ZONE_NTA;
	for (size_t i = 0; i < count; i++)
		k->zone[i].snapshot = negative ? k : NULL;
	for (size_t i = 1; i < count; i++)
		if (by_name(&k->zone[i - 1], &k->zone[i]) == 0) {
			free(k);
			return -EINVAL;
		}
	*out = k;
	return 0;
}

void val_keys_free(struct val_keys *keys)
{
	free(keys);
}

const struct val_zone_keys *val_keys_find(const struct val_keys *keys, const uint8_t *zone)
{
	size_t low = 0, high = keys != NULL ? keys->count : 0;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int d = dns_name_compare(zone, keys->zone[mid].zone.octets);

		if (d == 0)
			return &keys->zone[mid];
		if (d < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

const struct val_zone_keys *val_keys_find_or(
	const struct val_keys *keys, const uint8_t *zone, struct val_zone_keys *unknown)
{
	const struct val_zone_keys *found = val_keys_find(keys, zone);

	if (found != NULL)
		return found;
	dns_name_from_wire(zone, zone + DNS_NAME_MAX, &unknown->zone);
	return unknown;
}

size_t val_keys_count(const struct val_keys *keys)
{
	return keys->count;
}

const struct val_zone_keys *val_keys_at(const struct val_keys *keys, size_t i)
{
	return i < keys->count ? &keys->zone[i] : NULL;
}

bool val_keys_anchored_below(const struct val_keys *keys, const struct dns_name *zone)
{
	for (size_t i = 0; i < keys->count; i++) {
		const struct val_zone_keys *z = &keys->zone[i];

		if (z->anchored && z->zone.labels > zone->labels &&
			dns_name_under(z->zone.octets, zone->octets))
			return true;
	}
	return false;
}

bool val_keys_negative(const struct val_zone_keys *zone, const uint8_t *name)
{
	int below = zone->snapshot != NULL ? dns_name_labels(name) - zone->zone.labels : 0;

	for (int up = 0; up < below; up++) {
		const struct val_zone_keys *z =
			val_keys_find(zone->snapshot, dns_name_strip(name, up));

		if (z != NULL)
			return z->status == VAL_ZONE_NTA;
	}
	return false;
}

/* ---- DS ---- */

int val_ds_matches(const uint8_t *owner, const struct val_key *dnskey, const struct dns_ds *ds)
{
	uint8_t lower[DNS_NAME_MAX], digest[VAL_DIGEST_MAX];
	int owner_len = dns_name_len(owner, owner + DNS_NAME_MAX);
	int len = val_digest_len(ds->digest_type);

	if (len < 0)
		return -ENOTSUP;
	if (owner_len < 0 || ds->key_tag != dnskey->key_tag || ds->algorithm != dnskey->algorithm ||
		ds->digest_len != len)
		return 0;
	memcpy(lower, owner, (size_t)owner_len);
	dns_name_lower(lower, (size_t)owner_len);
	val_digest(ds->digest_type, lower, (size_t)owner_len, dnskey->rdata, dnskey->rdata_len,
		digest);
	return memcmp(digest, ds->digest, (size_t)len) == 0;
}

/* ---- DNSKEY sets ---- */

static int read_key(const struct dns_msg *msg, const struct dns_rr *rr, struct val_key *out)
{
	struct dns_dnskey k;
	const uint8_t *rdata = msg->data + rr->rdata_off;

	if (rr->rdata_len > VAL_KEY_MAX || dns_dnskey_read(rdata, rr->rdata_len, &k) != 0)
		return -EBADMSG;
	memcpy(out->rdata, rdata, rr->rdata_len);
	out->rdata_len = rr->rdata_len;
	out->key_tag = dns_key_tag(rdata, rr->rdata_len);
	out->algorithm = k.algorithm;
	return 0;
}

/* May a key sign at all? RFC 4034 s2.1, RFC 5011 s2.1. */
static bool is_live_zone_key(const struct val_key *k)
{
	uint16_t flags = dns_get16(k->rdata);

	return (flags & DNS_DNSKEY_FLAG_ZONE) && !(flags & DNS_DNSKEY_FLAG_REVOKE) &&
	       k->rdata[2] == 3;
}

static uint32_t lowest_ttl(const struct dns_msg *msg, const struct val_rrset *set)
{
	uint32_t ttl = UINT32_MAX;

	for (unsigned i = 0; i < set->rr_count; i++)
		if (msg->rr[set->rr[i]].ttl_s < ttl)
			ttl = msg->rr[set->rr[i]].ttl_s;
	return ttl;
}

/* At least a minute, so that a TTL of 0 does not leave us keyless. */
static uint32_t clamp_ttl(uint32_t ttl)
{
	return ttl < 60 ? 60 : ttl > VAL_KEYS_MAX_S ? VAL_KEYS_MAX_S : ttl;
}

/* Until when an RRset may be used that was judged secure, with first record `first`: its TTL's end
 * or its signature's. */
static uint32_t usable_until(const struct val_response *judged, uint16_t first, uint32_t now,
	const struct val_skew *skew)
{
	uint32_t until = now + clamp_ttl(judged->ttl_cap_s[first]);
	uint32_t end = judged->result.nearest_expiration + skew->expiration_s;

	return val_time_before(end, until) ? end : until;
}

static void note(struct val_result *res, enum val_reason reason)
{
	memset(res, 0, sizeof(*res));
	res->verdict = VAL_BOGUS;
	res->reason = reason;
}

/* Does an anchor, DS or DNSKEY, stand for this key? */
static bool anchored(const uint8_t *zone, const struct val_key *key, const struct val_anchor *a)
{
	struct dns_ds ds;

	if (a->type == DNS_TYPE_DNSKEY)
		return a->key.rdata_len == key->rdata_len &&
		       memcmp(a->key.rdata, key->rdata, key->rdata_len) == 0;
	return dns_ds_read(a->key.rdata, a->key.rdata_len, &ds) == 0 &&
	       val_ds_matches(zone, key, &ds) == 1;
}

/* What the parent, or the anchor file, offers to trust a zone's keys by. */
struct offer {
	const uint8_t *zone;
	const struct val_anchor *ds;
	size_t count;
	bool sha1;
	bool usable[VAL_ANCHORS_MAX];
};

/* RFC 4509 s3: SHA-1 does not count where a stronger digest of the same algorithm is offered. */
static bool superseded(const struct offer *o, size_t i)
{
	const struct val_anchor *a = &o->ds[i];

	if (a->type != DNS_TYPE_DS || a->key.rdata[3] != VAL_DIGEST_SHA1)
		return false;
	for (size_t k = 0; k < o->count; k++) {
		const struct val_anchor *b = &o->ds[k];

		if (b->type == DNS_TYPE_DS && b->key.algorithm == a->key.algorithm &&
			(b->key.rdata[3] == VAL_DIGEST_SHA256 ||
				b->key.rdata[3] == VAL_DIGEST_SHA384))
			return true;
	}
	return false;
}

/*
 * Is there something that we can do, or a reason why the zone counts as insecure (RFC 4035 s5.2)?
 * Only a whole set of this zone's own may say that it is: nothing at all, one anchor of another
 * zone or one more than we look at, and no key of the zone is trusted.
 */
static enum val_reason judge_offer(struct offer *o)
{
	enum val_reason why = VAL_R_ALG_UNSUPPORTED;
	bool any = false;

	if (o->count == 0 || o->count > VAL_ANCHORS_MAX)
		return VAL_R_DNSKEY_NO_DS_MATCH;
	for (size_t i = 0; i < o->count; i++)
		if (!dns_name_equal(o->ds[i].zone.octets, o->zone))
			return VAL_R_DNSKEY_NO_DS_MATCH;
	for (size_t i = 0; i < o->count; i++) {
		const struct val_anchor *a = &o->ds[i];
		bool alg = val_alg_supported(a->key.algorithm, o->sha1);
		bool digest = a->type != DNS_TYPE_DS || val_digest_len(a->key.rdata[3]) > 0;

		o->usable[i] = alg && digest && !superseded(o, i);
		any |= alg && digest;
		if (alg && !digest)
			why = VAL_R_DIGEST_UNSUPPORTED;
	}
	return any ? VAL_R_NONE : why;
}

/* Does the offer stand for this key? */
static bool is_trusted(const struct offer *o, const struct val_key *key)
{
	if (!is_live_zone_key(key) || !val_alg_supported(key->algorithm, o->sha1))
		return false;
	for (size_t i = 0; i < o->count; i++)
		if (o->usable[i] && anchored(o->zone, key, &o->ds[i]))
			return true;
	return false;
}

/* @return how many; what is malformed is left out */
static int collect_keys(
	const struct dns_msg *msg, const struct val_rrset *set, struct val_key *keys)
{
	int n = 0;

	if (set->overflow || set->rr_count > VAL_ZONE_KEYS_MAX)
		return -E2BIG;
	for (unsigned i = 0; i < set->rr_count; i++)
		n += read_key(msg, &msg->rr[set->rr[i]], &keys[n]) == 0;
	return n;
}

enum val_reason val_ds_usable(
	const uint8_t *zone, const struct val_anchor *ds, size_t ds_count, bool sha1)
{
	struct offer offer = {.zone = zone, .ds = ds, .count = ds_count, .sha1 = sha1};

	return judge_offer(&offer);
}

int val_dnskey_offer(const struct dns_msg *msg, const uint8_t *zone, const struct val_anchor *ds,
	size_t ds_count, bool sha1, struct val_zone_keys *trusted, struct val_zone_keys *all,
	enum val_reason *why)
{
	struct offer offer = {.zone = zone, .ds = ds, .count = ds_count, .sha1 = sha1};
	int first = val_rrset_find(msg, zone, DNS_TYPE_DNSKEY);
	struct val_rrset set;
	int n;

	*why = judge_offer(&offer);
	if (*why == VAL_R_ALG_UNSUPPORTED || *why == VAL_R_DIGEST_UNSUPPORTED)
		return -ENOTSUP;
	if (*why != VAL_R_NONE || dns_msg_rcode(msg) != DNS_RCODE_NOERROR || first < 0) {
		*why = VAL_R_DNSKEY_NO_DS_MATCH;
		return -EBADMSG;
	}
	val_rrset_collect(msg, (uint16_t)first, &set);
	n = collect_keys(msg, &set, all->key);
	*why = n < 0 ? VAL_R_TOO_LARGE : VAL_R_DNSKEY_NO_DS_MATCH;
	if (n < 0)
		return -EBADMSG;
	all->count = (uint8_t)n;
	all->ttl_s = lowest_ttl(msg, &set);
	trusted->zone = ds[0].zone;
	trusted->status = VAL_ZONE_SECURE;
	trusted->generation = 0;
	trusted->count = 0;
	for (int k = 0; k < n; k++) {
		if (is_trusted(&offer, &all->key[k]))
			trusted->key[trusted->count++] = all->key[k];
	}
	return trusted->count > 0 ? first : -EBADMSG;
}

static void settle_insecure(
	struct val_zone_keys *out, struct val_result *res, enum val_reason why, uint32_t now)
{
	enum { INSECURE_S = 3600 };

	note(res, why);
	res->verdict = VAL_INSECURE;
	out->status = VAL_ZONE_INSECURE;
	out->why = why;
	out->count = 0;
	out->valid_until = now + INSECURE_S;
}

static void settle_secure(
	struct val_zone_keys *out, const struct val_zone_keys *all, uint32_t valid_until)
{
	out->status = VAL_ZONE_SECURE;
	out->why = VAL_R_NONE;
	out->count = all->count;
	out->ttl_s = all->ttl_s;
	memset(out->key, 0, sizeof(out->key));
	memcpy(out->key, all->key, all->count * sizeof(all->key[0]));
	out->valid_until = valid_until;
}

int val_keys_from_dnskey(struct val_verifier *v, const struct dns_msg *msg, const uint8_t *zone,
	const struct val_anchor *ds, size_t ds_count, uint32_t now, const struct val_skew *skew,
	struct val_zone_keys *out, struct val_result *res)
{
	static _Thread_local struct val_zone_keys trusted, all;
	static _Thread_local struct val_response judged;
	enum val_reason why;
	int first = val_dnskey_offer(
		msg, zone, ds, ds_count, val_verifier_sha1(v), &trusted, &all, &why);

	if (first == -ENOTSUP) {
		settle_insecure(out, res, why, now);
		return 0;
	}
	note(res, why);
	if (first < 0)
		return -EBADMSG;
	val_rrset_judge_now(v, msg, (uint16_t)first, &trusted, now, skew, &judged);
	*res = judged.result;
	if (res->verdict != VAL_SECURE)
		return -EBADMSG;
	settle_secure(out, &all, usable_until(&judged, (uint16_t)first, now, skew));
	return 0;
}

/* ---- DS responses ---- */

static_assert((int)VAL_DS_MAX <= (int)VAL_ANCHORS_MAX, "a DS set is judged as anchors are");

/* Until when what a DS response says may be used. */
static uint32_t ds_until(const struct val_result *r, uint32_t now, uint32_t ttl_s)
{
	uint32_t until = now + ttl_s;

	return r->nearest_expiration != 0 && val_time_before(r->nearest_expiration, until)
		       ? r->nearest_expiration
		       : until;
}

static int take_ds(const struct dns_msg *msg, const struct dns_rr *rr, const uint8_t *zone,
	struct val_anchor *out)
{
	const uint8_t *rdata = msg->data + rr->rdata_off;
	struct dns_ds ds;

	if (rr->rdata_len > VAL_KEY_MAX || dns_ds_read(rdata, rr->rdata_len, &ds) != 0)
		return -EBADMSG;
	memset(out, 0, sizeof(*out));
	if (dns_name_from_wire(zone, zone + DNS_NAME_MAX, &out->zone) < 0)
		return -EBADMSG;
	out->type = DNS_TYPE_DS;
	memcpy(out->key.rdata, rdata, rr->rdata_len);
	out->key.rdata_len = rr->rdata_len;
	out->key.key_tag = ds.key_tag;
	out->key.algorithm = ds.algorithm;
	return 0;
}

int val_ds_read(const struct dns_msg *msg, uint16_t first, const uint8_t *zone,
	struct val_anchor out[VAL_DS_MAX])
{
	struct val_rrset set;
	int n = 0;

	val_rrset_collect(msg, first, &set);
	if (set.overflow || set.rr_count > VAL_DS_MAX)
		return -E2BIG;
	for (unsigned i = 0; i < set.rr_count; i++)
		n += take_ds(msg, &msg->rr[set.rr[i]], zone, &out[n]) == 0;
	return n;
}

int val_ds_from_response(struct val_verifier *v, const struct dns_msg *msg,
	const struct val_zone_keys *parent, const uint8_t *zone, uint32_t now,
	const struct val_skew *skew, struct val_anchor *ds, size_t *ds_count, uint32_t *until,
	struct val_result *res)
{
	enum { NEGATIVE_S = 900 }; // how long "no DS" is believed at most
	static _Thread_local struct val_response judged;
	int first = val_rrset_find(msg, zone, DNS_TYPE_DS);
	bool passed;
	int n;

	val_judge_now(v, msg, parent, now, skew, &judged);
	*res = judged.result;
	passed = res->verdict == VAL_SECURE || res->verdict == VAL_INSECURE;
	if (msg->qtype != DNS_TYPE_DS || !dns_name_equal(msg->qname.octets, zone)) {
		note(res, VAL_R_MALFORMED);
		return -EBADMSG;
	}
	if (passed && judged.kind == VAL_KIND_NODATA) {
		*ds_count = 0;
		*until = ds_until(res, now, NEGATIVE_S);
		return 0;
	}
	if (first < 0 || judged.kind != VAL_KIND_ANSWER || res->verdict != VAL_SECURE) {
		if (passed) // a CNAME, say: true, but neither a DS nor a proof of none
			note(res, VAL_R_DENIAL_MISSING);
		return -EBADMSG;
	}
	n = val_ds_read(msg, (uint16_t)first, zone, ds);
	if (n <= 0) {
		note(res, n == 0 ? VAL_R_MALFORMED : VAL_R_TOO_LARGE);
		return -EBADMSG;
	}
	*ds_count = (size_t)n;
	*until = ds_until(res, now, clamp_ttl(judged.ttl_cap_s[first]));
	return 0;
}
