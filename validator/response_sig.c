// Signatures of one response: the part of the first pass that looks at RRSIGs, and the second pass.

#include <errno.h>
#include <string.h>

#include "validator/response_priv.h"
#include "validator/time.h"

/**
 * How far a signature came before it failed: the RRset's reason is that of the one that came
 * furthest.
 */
static int stage(enum val_reason r)
{
	switch (r) {
	case VAL_R_SIG_MISSING:
		return 0;
	case VAL_R_ALG_UNSUPPORTED:
		return 1;
	case VAL_R_SIG_MALFORMED:
		return 2;
	case VAL_R_SIG_LABELS:
	case VAL_R_SIG_SIGNER:
		return 3;
	case VAL_R_KEY_MISSING:
		return 4;
	case VAL_R_KEY_NOT_ZONE:
	case VAL_R_KEY_REVOKED:
		return 5;
	case VAL_R_SIG_TIMES_REVERSED:
	case VAL_R_SIG_NOT_YET_VALID:
	case VAL_R_SIG_EXPIRED:
		return 6;
	default:
		return 7;
	}
}

static void note_sig(struct val_result *res, uint16_t type, const struct dns_rrsig *sig)
{
	res->type_covered = type;
	res->key_tag = sig->key_tag;
	res->algorithm = sig->algorithm;
	res->inception = sig->inception;
	res->expiration = sig->expiration;
}

/** VAL_R_NONE when the key may sign RRsets of its zone. */
static enum val_reason key_usable(const struct val_key *key)
{
	struct dns_dnskey rd;

	if (dns_dnskey_read(key->rdata, key->rdata_len, &rd) < 0 || rd.protocol != 3)
		return VAL_R_KEY_NOT_ZONE;
	if ((rd.flags & DNS_DNSKEY_FLAG_ZONE) == 0)
		return VAL_R_KEY_NOT_ZONE;
	return (rd.flags & DNS_DNSKEY_FLAG_REVOKE) != 0 ? VAL_R_KEY_REVOKED
							: VAL_R_NONE; // RFC 5011 s2.1
}

/**
 * The n-th usable key with the signature's tag and algorithm.
 * @param why  set when there is none
 */
static const struct val_key *find_key(
	const struct val_zone_keys *zone, const struct dns_rrsig *sig, int n, enum val_reason *why)
{
	*why = VAL_R_KEY_MISSING;
	for (int i = 0; i < zone->count; i++) {
		const struct val_key *key = &zone->key[i];
		enum val_reason r;

		if (key->key_tag != sig->key_tag || key->algorithm != sig->algorithm)
			continue;
		r = key_usable(key);
		if (r != VAL_R_NONE)
			*why = r;
		else if (n-- == 0)
			return key;
	}
	return NULL;
}

/**
 * All that can be said of signature i of the RRset without cryptography. sig is scratch on
 * MALFORMED; key is the first that it may be of.
 */
static enum val_reason sig_fits(const struct val_judge *j, const struct val_set_ref *ref, int i,
	struct dns_rrsig *sig, const struct val_key **key)
{
	const struct dns_rr *rr = &j->msg->rr[ref->set->sig[i]];
	enum val_reason r;

	memset(sig, 0, sizeof(*sig));
	if (dns_rrsig_read(j->msg->data + rr->rdata_off, rr->rdata_len, sig) < 0 ||
		sig->signature_len == 0 || sig->signature_len > VAL_SIG_MAX)
		return VAL_R_SIG_MALFORMED;
	if (!val_alg_supported(sig->algorithm, j->ctx->sha1))
		return VAL_R_ALG_UNSUPPORTED;
	r = val_sig_precheck(ref->set, sig, ref->zone->zone.octets, j->now, &j->ctx->skew);
	if (r != VAL_R_NONE)
		return r;
	*key = find_key(ref->zone, sig, 0, &r);
	return *key != NULL ? VAL_R_NONE : r;
}

enum val_reason val_set_precheck(struct val_judge *j, struct val_set_ref *ref)
{
	enum val_reason worst = VAL_R_SIG_MISSING;
	struct dns_rrsig sig, furthest = {0};
	const struct val_key *key;

	for (int i = 0; i < ref->set->sig_count; i++) {
		enum val_reason r = sig_fits(j, ref, i, &sig, &key);

		if (r == VAL_R_NONE && i == 0) {
			ref->first_sig = sig;
			ref->first_key = key;
		}
		if (r == VAL_R_NONE)
			return VAL_R_NONE;
		if (i == 0 || stage(r) > stage(worst)) {
			worst = r;
			furthest = sig;
		}
	}
	note_sig(&j->out->result, ref->set->type, &furthest);
	val_judge_bogus(j, worst);
	if (worst == VAL_R_KEY_MISSING)
		j->out->lacks = ref->zone;
	return worst;
}

/** One signature with one key, ready to be looked up. */
struct candidate {
	struct dns_rrsig sig;
	const struct val_key *key;
	uint16_t data_len;
	struct val_sig_id id;
};

static struct val_check *find_check(struct val_checks *checks, const struct val_sig_id *id)
{
	for (int i = 0; i < checks->count; i++) {
		if (checks->item[i].id.w[0] == id->w[0] && checks->item[i].id.w[1] == id->w[1])
			return &checks->item[i];
	}
	return NULL;
}

/**
 * What is known of a candidate. Its times were judged by sig_fits(), its key is of today's set: the
 * generation in the cache says nothing more. Times in the cache that are not the RRSIG's cannot be;
 * should they be, nothing is known.
 */
static enum val_sig_state look_up(const struct val_judge *j, const struct candidate *c)
{
	const struct val_check *known = find_check(j->checks, &c->id);
	enum val_sig_state state = VAL_SIG_UNKNOWN;
	struct val_sig_times times;

	if (known != NULL && known->state != VAL_SIG_UNKNOWN)
		return known->state;
	if (j->ctx->cache != NULL)
		state = val_sigcache_get(j->ctx->cache, &c->id, j->now, &times);
	if (state == VAL_SIG_GOOD &&
		(times.inception != c->sig.inception || times.expiration != c->sig.expiration))
		state = VAL_SIG_UNKNOWN;
	if (state != VAL_SIG_UNKNOWN)
		j->ctx->cache_hits++;
	return state;
}

/** Have a candidate verified, unless that is under way. @return false: budget, or nobody can now */
static bool ask(struct val_judge *j, const struct val_zone_keys *zone, const struct candidate *c)
{
	struct val_checks *checks = j->checks;
	struct val_check *item;
	struct val_want w;

	if (find_check(checks, &c->id) != NULL)
		return true;
	if (checks->count >= VAL_VERIFY_RESPONSE_MAX || checks->verified >= VAL_VERIFY_RESPONSE_MAX)
		return false;
	item = &checks->item[checks->count];
	item->id = c->id;
	item->state = VAL_SIG_UNKNOWN;
	w = (struct val_want){
		.id = &item->id,
		.data = j->ctx->signed_data,
		.data_len = c->data_len,
		.sig = c->sig.signature,
		.sig_len = c->sig.signature_len,
		.dnskey = c->key->rdata,
		.dnskey_len = c->key->rdata_len,
		.inception = c->sig.inception,
		.expiration = c->sig.expiration,
		.key_generation = zone->generation,
		.index = checks->count,
	};
	// counted before the call: a verifier may answer at once, from within it
	checks->count++;
	if (j->want(j->want_arg, &w) < 0) {
		checks->count--;
		return false;
	}
	checks->verified++;
	return true;
}

/** The RRset's first signature with its first key, nearly always the one that counts. */
struct ahead {
	enum val_reason fits; // VAL_R_NONE: first is there
	struct candidate first;
};

/** What trying every signature of one RRset came to. */
struct trial {
	const struct ahead *ahead;
	int tried;           // (signature, key) pairs
	enum val_reason why; // the furthest failure
	struct dns_rrsig failed;
	bool good;
	struct dns_rrsig used;
	int unknown_sig, unknown_key; // the first pair that nobody knows yet; -1 when none
	uint8_t bad_count;
	uint16_t bad_tag[VAL_VERIFY_RRSET_MAX]; // of each pair that failed
};

/** One failure may be a collision of tags (RFC 4034 appendix B); more are somebody's work. */
static bool given_up(const struct trial *t, uint16_t tag)
{
	int failed = 0;

	for (int i = 0; i < t->bad_count; i++)
		failed += t->bad_tag[i] == tag;
	return failed > VAL_FAILED_SAME_TAG_MAX;
}

/**
 * Signature i of the RRset with its n-th key: fill c, with signed data in ctx->signed_data. What t
 * has given up costs no digest.
 */
static enum val_reason prepare(struct val_judge *j, const struct val_set_ref *ref, int i, int n,
	const struct trial *t, struct candidate *c)
{
	struct val_ctx *ctx = j->ctx;
	const struct dns_rr *rr = &j->msg->rr[ref->set->sig[i]];
	enum val_reason r = VAL_R_NONE;
	int len;

	if (i == 0 && ref->first_key != NULL) {
		c->sig = ref->first_sig;
		c->key = ref->first_key;
	} else {
		r = sig_fits(j, ref, i, &c->sig, &c->key);
	}
	if (r != VAL_R_NONE)
		return r;
	if (t != NULL && given_up(t, c->sig.key_tag))
		return VAL_R_SIG_CRYPTO;
	if (n > 0)
		c->key = find_key(ref->zone, &c->sig, n, &r);
	if (c->key == NULL)
		return VAL_R_KEY_MISSING;
	len = val_signed_data(j->msg, ref->set, &c->sig, j->msg->data + rr->rdata_off,
		ctx->signed_data, sizeof(ctx->signed_data));
	if (len < 0)
		return len == -ENOSPC ? VAL_R_TOO_LARGE : VAL_R_MALFORMED;
	c->data_len = (uint16_t)len;
	val_sig_id(&ctx->prf_key, ctx->signed_data, c->data_len, c->sig.signature,
		c->sig.signature_len, c->key->rdata, c->key->rdata_len, &c->id);
	return VAL_R_NONE;
}

/**
 * Name it, and have its line of the cache brought while the next RRsets are named. An NXDOMAIN of
 * three RRsets takes 7 % less time so when one of the lines is in memory only, 17 % when all are,
 * and 1 % more when none is.
 */
static void look_ahead(struct val_judge *j, const struct val_set_ref *ref, struct ahead *a)
{
	a->fits = ref->set->sig_count == 0 ? VAL_R_SIG_MISSING
					   : prepare(j, ref, 0, 0, NULL, &a->first);
	if (a->fits == VAL_R_NONE && j->ctx->cache != NULL)
		val_sigcache_prefetch(j->ctx->cache, &a->first.id);
}

/** @return true when the RRset needs no further look */
static bool try_pair(
	struct val_judge *j, const struct val_set_ref *ref, int i, int n, struct trial *t)
{
	const struct candidate *c = &t->ahead->first;
	int max = j->ctx->tries_max != 0 ? j->ctx->tries_max : VAL_VERIFY_RRSET_MAX;
	enum val_reason r = t->ahead->fits;
	struct candidate own;

	if (i > 0 || n > 0) {
		r = prepare(j, ref, i, n, t, &own);
		c = &own;
	}
	if (n > 0 && r == VAL_R_KEY_MISSING) // no second key
		return false;
	if (r == VAL_R_NONE && ++t->tried > max) {
		t->why = VAL_R_BUDGET;
		return true;
	}
	if (r == VAL_R_NONE) {
		switch (look_up(j, c)) {
		case VAL_SIG_GOOD:
			t->good = true;
			t->used = c->sig;
			return true;
		case VAL_SIG_UNKNOWN:
			if (t->unknown_sig < 0) {
				t->unknown_sig = i;
				t->unknown_key = n;
			}
			return false;
		case VAL_SIG_BAD:
		default:
			r = VAL_R_SIG_CRYPTO;
			t->bad_tag[t->bad_count++] = c->sig.key_tag;
		}
	}
	if (t->why == VAL_R_NONE || stage(r) > stage(t->why)) {
		t->why = r;
		t->failed = c->sig;
	}
	return false;
}

/**
 * Any good one will do (RFC 4035 s5.3.3); one already known is preferred to having another
 * verified.
 */
static void try_all(struct val_judge *j, const struct val_set_ref *ref, const struct ahead *ahead,
	struct trial *t)
{
	*t = (struct trial){.ahead = ahead, .unknown_sig = -1, .unknown_key = -1};
	for (int i = 0; i < ref->set->sig_count; i++) {
		for (int n = 0; n < VAL_KEYS_SAME_TAG_MAX; n++) {
			if (try_pair(j, ref, i, n, t))
				return;
		}
	}
}

static void note_life(struct val_result *res, uint16_t type, const struct dns_rrsig *sig)
{
	if (res->newest_inception == 0 || val_time_before(res->newest_inception, sig->inception))
		res->newest_inception = sig->inception;
	if (res->nearest_expiration == 0 ||
		val_time_before(sig->expiration, res->nearest_expiration)) {
		res->nearest_expiration = sig->expiration;
		res->nearest_type = type;
	}
}

/**
 * RFC 4035 s5.3.3, over the records and their RRSIGs; TTLs that differ count as the lowest (RFC
 * 2181 s5.2).
 */
static void cap_ttl(struct val_judge *j, const struct val_rrset *set, const struct dns_rrsig *sig)
{
	int32_t left = val_time_diff(j->now, sig->expiration);
	uint32_t cap = left > 0 ? (uint32_t)left : 0; // below zero only inside the tolerated skew

	if (cap > sig->original_ttl_s)
		cap = sig->original_ttl_s;
	for (int i = 0; i < set->rr_count; i++) {
		if (cap > j->msg->rr[set->rr[i]].ttl_s)
			cap = j->msg->rr[set->rr[i]].ttl_s;
	}
	for (int i = 0; i < set->rr_count; i++)
		j->out->ttl_cap_s[set->rr[i]] = cap;
	for (int i = 0; i < set->sig_count; i++)
		j->out->ttl_cap_s[set->sig[i]] = cap;
}

static void accept(struct val_judge *j, struct val_set_ref *ref, const struct dns_rrsig *sig)
{
	const struct dns_name *owner = &ref->set->owner;
	int labels = owner->labels;

	if (owner->octets[0] == 1 && owner->octets[1] == '*')
		labels--;
	ref->labels = sig->labels;
	ref->expanded = sig->labels < labels;
	note_life(&j->out->result, ref->set->type, sig);
	cap_ttl(j, ref->set, sig);
}

/** Look the RRset up; what nobody knows yet is noted in ref. @return false when bogus */
static bool judge_set(struct val_judge *j, struct val_set_ref *ref, const struct ahead *ahead)
{
	struct trial t;

	try_all(j, ref, ahead, &t);
	if (t.good) {
		accept(j, ref, &t.used);
		return true;
	}
	if (t.unknown_sig >= 0 && t.why != VAL_R_BUDGET) {
		ref->unknown = true;
		ref->unknown_sig = (uint8_t)t.unknown_sig;
		ref->unknown_key = (uint8_t)t.unknown_key;
		return true;
	}
	note_sig(&j->out->result, ref->set->type, &t.failed);
	val_judge_bogus(j, t.why != VAL_R_NONE ? t.why : VAL_R_SIG_MISSING);
	return false;
}

/** @return false when bogus */
static bool ask_set(struct val_judge *j, const struct val_set_ref *ref)
{
	struct candidate c;

	if (prepare(j, ref, ref->unknown_sig, ref->unknown_key, NULL, &c) == VAL_R_NONE &&
		ask(j, ref->zone, &c)) {
		j->out->result.verdict = VAL_PENDING;
		return true;
	}
	note_sig(&j->out->result, ref->set->type, &c.sig);
	val_judge_bogus(j, VAL_R_BUDGET);
	return false;
}

/** Nothing is asked before all is looked up: what is known to be bogus costs no verification. */
bool val_judge_crypto(struct val_judge *j)
{
	struct ahead ahead[VAL_RRSETS_MAX];

	for (int i = 0; i < j->set_count; i++)
		if (j->ref[i].role == VAL_ROLE_SIGNED)
			look_ahead(j, &j->ref[i], &ahead[i]);
	for (int i = 0; i < j->set_count; i++) {
		struct val_set_ref *ref = &j->ref[i];

		if (ref->role == VAL_ROLE_SIGNED && !judge_set(j, ref, &ahead[i]))
			return false;
	}
	for (int i = 0; i < j->set_count; i++) {
		if (j->ref[i].unknown && !ask_set(j, &j->ref[i]))
			return false;
	}
	return true;
}
