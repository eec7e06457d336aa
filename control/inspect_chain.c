/*
 * Zones stand in a hash table. Each has the DNSKEY answers that the capture holds of it, and the
 * answers and referrals that speak of its delegation, each once however often it was sent. A zone's
 * keys rest on its DS, its DS on the keys of a zone with fewer labels: so one pass over the zones,
 * shortest name first, finds all that can be found.
 *
 * A zone is secure when any DNSKEY answer holds against any DS set that holds. Servers of one zone
 * may be asked in the middle of a rollover, or one may be out of date: at a given time every key
 * set counts that was seen about then, as in the caches of resolvers, else the nearest.
 */

#include "control/inspect_chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sys/random.h>

#include "dns/hash.h"
#include "dns/rdata.h"
#include "validator/denial.h"
#include "validator/time.h"

enum { BUCKETS = 1 << 14, DAY_S = 86400 };

enum role { ROLE_DNSKEY, ROLE_DS, ROLE_REFERRAL };

/** One answer of the capture, and what it came to. */
struct evidence {
	struct evidence *next;
	enum role role;
	uint64_t content;
	int64_t first_us, last_us;
	uint32_t ttl_s;
	uint8_t *octets;
	uint16_t len;
	// outcome
	bool good;
	bool inside; // DS: there is none, for it is no delegation
	struct val_result result;
	struct val_anchor *ds; // DS, REFERRAL: NULL with good: none, provenly
	size_t ds_count;
	struct val_key *key; // DNSKEY
	uint8_t key_count;
	uint32_t expiration;
};

struct zone {
	struct zone *chain; // in its bucket
	struct dns_name name;
	bool anchored;
	enum { UNSETTLED, SECURE, INSECURE, BOGUS, INSIDE } status; // INSIDE: no zone at all
	uint16_t missing;                                           // UNSETTLED
	struct val_result result; // INSECURE, BOGUS; UNSETTLED: of what is there
	struct evidence *dnskey, *ds;
	int dnskey_count, ds_count;
	// the keys as they were put together last, and from which sets
	struct val_zone_keys *keys;
	uint64_t composed;
};

struct ctl_chain {
	struct val_anchors anchors;
	int64_t at;
	struct val_verifier *verifier;
	struct dns_hash_key key;
	struct zone *bucket[BUCKETS];
	size_t zones;
	size_t octets;
	uint64_t dropped;
	// scratch
	struct dns_msg msg, view;
	struct val_zone_keys fresh;
};

static const struct val_skew strict;

/* ---- zones ---- */

static struct zone **bucket_of(struct ctl_chain *c, const uint8_t *name, size_t len)
{
	return &c->bucket[dns_hash64(&c->key, name, len) % BUCKETS];
}

static size_t name_len(const uint8_t *name)
{
	return (size_t)dns_name_len(name, name + DNS_NAME_MAX);
}

static struct zone *find(struct ctl_chain *c, const uint8_t *name)
{
	size_t len = name_len(name);
	struct zone *z = *bucket_of(c, name, len);

	while (z != NULL && (z->name.len != len || memcmp(z->name.octets, name, len) != 0))
		z = z->chain;
	return z;
}

/** The zone of a lower-cased name, made when there is none. @return NULL: no room */
static struct zone *obtain(struct ctl_chain *c, const struct dns_name *name)
{
	struct zone *z = find(c, name->octets), **bucket;

	if (z != NULL)
		return z;
	if (c->zones == CTL_CHAIN_ZONES_MAX || (z = calloc(1, sizeof(*z))) == NULL) {
		c->dropped++;
		return NULL;
	}
	bucket = bucket_of(c, name->octets, name->len);
	z->name = *name;
	z->chain = *bucket;
	*bucket = z;
	c->zones++;
	return z;
}

int ctl_chain_new(const struct val_anchors *anchors, int64_t at, bool sha1, struct ctl_chain **out)
{
	struct ctl_chain *c = calloc(1, sizeof(*c));
	struct zone *z;
	int err;

	if (c == NULL)
		return -ENOMEM;
	c->anchors = *anchors;
	c->at = at;
	err = getrandom(&c->key, sizeof(c->key), 0) == sizeof(c->key)
		      ? val_verifier_new(&c->verifier)
		      : -ENOMEM;
	if (err != 0) {
		ctl_chain_free(c);
		return err;
	}
	val_verifier_set_sha1(c->verifier, sha1);
	for (unsigned i = 0; i < anchors->count; i++) {
		z = obtain(c, &anchors->item[i].zone);
		if (z == NULL) {
			ctl_chain_free(c);
			return -ENOMEM;
		}
		z->anchored = true;
	}
	*out = c;
	return 0;
}

static void free_evidence(struct evidence *e)
{
	while (e != NULL) {
		struct evidence *next = e->next;

		free(e->octets);
		free(e->ds);
		free(e->key);
		free(e);
		e = next;
	}
}

void ctl_chain_free(struct ctl_chain *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct zone *z = c->bucket[i], *next; z != NULL; z = next) {
			next = z->chain;
			free_evidence(z->dnskey);
			free_evidence(z->ds);
			free(z->keys);
			free(z);
		}
	val_verifier_free(c->verifier);
	free(c);
}

struct val_verifier *ctl_chain_verifier(struct ctl_chain *c)
{
	return c->verifier;
}

/* ---- gathering ---- */

static void lower_owner(const struct dns_msg *m, const struct dns_rr *rr, struct dns_name *out)
{
	dns_rr_owner(m, rr, out);
	dns_name_lower(out->octets, out->len);
}

/** What answer and authority hold, in whatever order and with whatever TTL. */
static uint64_t content_of(const struct ctl_chain *c, const struct dns_msg *m)
{
	uint64_t sum = 0;

	for (uint16_t i = 0; i < m->section_start[DNS_ADDITIONAL]; i++) {
		const struct dns_rr *rr = &m->rr[i];
		struct dns_name owner;
		uint64_t part[2];

		lower_owner(m, rr, &owner);
		part[0] =
			dns_hash64(&c->key, owner.octets, owner.len) + rr->type * 4u + rr->section;
		part[1] = dns_hash64(&c->key, m->data + rr->rdata_off, rr->rdata_len);
		sum += dns_hash64(&c->key, part, sizeof(part));
	}
	return sum;
}

static uint32_t lowest_ttl(const struct dns_msg *m, uint16_t type)
{
	uint32_t ttl = DAY_S;

	for (uint16_t i = 0; i < m->section_start[DNS_ADDITIONAL]; i++)
		if (m->rr[i].type == type && m->rr[i].ttl_s < ttl)
			ttl = m->rr[i].ttl_s;
	return ttl;
}

/** Known already: it was sent again. */
static bool see_again(struct evidence *e, enum role role, uint64_t content, int64_t time_us)
{
	for (; e != NULL; e = e->next) {
		if (e->content != content || e->role != role)
			continue;
		if (time_us < e->first_us)
			e->first_us = time_us;
		if (time_us > e->last_us)
			e->last_us = time_us;
		return true;
	}
	return false;
}

static void keep(struct ctl_chain *c, const struct dns_name *name, enum role role,
	const struct dns_msg *m, int64_t time_us)
{
	struct zone *z = obtain(c, name);
	struct evidence **list, *e;
	uint64_t content = content_of(c, m);
	int *count;

	if (z == NULL)
		return;
	list = role == ROLE_DNSKEY ? &z->dnskey : &z->ds;
	count = role == ROLE_DNSKEY ? &z->dnskey_count : &z->ds_count;
	if (see_again(*list, role, content, time_us))
		return;
	e = *count < CTL_CHAIN_EVIDENCE_MAX && c->octets + m->len <= CTL_CHAIN_OCTETS_MAX
		    ? calloc(1, sizeof(*e))
		    : NULL;
	if (e != NULL)
		e->octets = malloc(m->len);
	if (e == NULL || e->octets == NULL) {
		free(e);
		c->dropped++;
		return;
	}
	memcpy(e->octets, m->data, m->len);
	e->len = m->len;
	e->role = role;
	e->content = content;
	e->first_us = e->last_us = time_us;
	e->ttl_s = lowest_ttl(m, role == ROLE_DNSKEY ? DNS_TYPE_DNSKEY : DNS_TYPE_DS);
	while (*list != NULL) // in the order of the capture
		list = &(*list)->next;
	*list = e;
	(*count)++;
	c->octets += m->len;
}

/** Zones whose names stand in signatures: so that what is missing can be named. */
static void note_signers(struct ctl_chain *c, const struct dns_msg *m)
{
	struct dns_name last = {.len = 0};

	for (uint16_t i = 0; i < m->section_start[DNS_ADDITIONAL]; i++) {
		const struct dns_rr *rr = &m->rr[i];
		struct dns_rrsig sig;
		struct dns_name owner, signer;

		if (rr->type != DNS_TYPE_RRSIG ||
			dns_rrsig_read(m->data + rr->rdata_off, rr->rdata_len, &sig) != 0)
			continue;
		dns_name_from_wire(sig.signer, sig.signer + sig.signer_len, &signer);
		dns_name_lower(signer.octets, signer.len);
		if (last.len == signer.len && memcmp(last.octets, signer.octets, last.len) == 0)
			continue;
		lower_owner(m, rr, &owner);
		if (dns_name_under(owner.octets, signer.octets))
			obtain(c, &signer);
		last = signer;
	}
}

static bool has_type(const struct dns_msg *m, enum dns_section s, uint16_t type)
{
	for (uint16_t i = m->section_start[s]; i < m->section_start[s + 1]; i++)
		if (m->rr[i].type == type)
			return true;
	return false;
}

bool ctl_inspect_referral(const struct dns_msg *m, struct dns_name *cut)
{
	if (dns_msg_rcode(m) != DNS_RCODE_NOERROR || m->section_start[DNS_AUTHORITY] != 0)
		return false;
	for (uint16_t i = 0; i < m->section_start[DNS_ADDITIONAL]; i++) {
		if (m->rr[i].type != DNS_TYPE_NS)
			continue;
		lower_owner(m, &m->rr[i], cut);
		return cut->labels > 0 && dns_name_under(m->qname.octets, cut->octets);
	}
	return false;
}

/** An answer to the question for DS: the records, or that there are none. */
static bool answers_ds(const struct dns_msg *m)
{
	if (m->qtype != DNS_TYPE_DS)
		return false;
	if (m->section_start[DNS_AUTHORITY] > 0)
		return has_type(m, DNS_ANSWER, DNS_TYPE_DS);
	return !has_type(m, DNS_AUTHORITY, DNS_TYPE_NS);
}

void ctl_chain_note(struct ctl_chain *c, const struct dns_msg *m, int64_t time_us)
{
	uint16_t rcode = dns_msg_rcode(m);
	struct dns_name name = m->qname;

	if (m->qd_count != 1 || m->qclass != DNS_CLASS_IN || (m->flags & DNS_FLAG_TC) != 0 ||
		(rcode != DNS_RCODE_NOERROR && rcode != DNS_RCODE_NXDOMAIN))
		return;
	note_signers(c, m);
	if (rcode != DNS_RCODE_NOERROR)
		return;
	dns_name_lower(name.octets, name.len);
	if (m->qtype == DNS_TYPE_DNSKEY && has_type(m, DNS_ANSWER, DNS_TYPE_DNSKEY))
		keep(c, &name, ROLE_DNSKEY, m, time_us);
	else if (answers_ds(m))
		keep(c, &name, ROLE_DS, m, time_us);
	else if (ctl_inspect_referral(m, &name) && has_type(m, DNS_AUTHORITY, DNS_TYPE_RRSIG))
		keep(c, &name, ROLE_REFERRAL, m, time_us);
}

/* ---- judging a delegation ---- */

/** The clock that a piece of evidence is judged at. */
static uint32_t clock_of(const struct ctl_chain *c, int64_t time_us)
{
	return (uint32_t)(c->at != 0 ? c->at : time_us / 1000000);
}

static void copy_rr(struct dns_msg *view, const struct dns_rr *rr, enum dns_section section)
{
	view->rr[view->rr_count] = *rr;
	view->rr[view->rr_count++].section = (uint8_t)section;
}

static bool is_ds(const struct dns_msg *m, const struct dns_rr *rr)
{
	struct dns_rrsig sig;

	return rr->type == DNS_TYPE_DS ||
	       (rr->type == DNS_TYPE_RRSIG &&
		       dns_rrsig_read(m->data + rr->rdata_off, rr->rdata_len, &sig) == 0 &&
		       sig.type_covered == DNS_TYPE_DS);
}

/**
 * What a referral, or a DS answer, says of the delegation, as an answer to the question for its DS
 * and nothing else: DS goes to the answer section, denial stays, NS is left out.
 */
static void view_ds(const struct dns_msg *m, const struct dns_name *cut, struct dns_msg *view)
{
	*view = *m;
	view->rr_count = 0;
	view->edns.present = false;
	view->qname = *cut;
	view->qtype = DNS_TYPE_DS;
	view->flags |= DNS_FLAG_AA;
	view->section_start[DNS_ANSWER] = 0;
	for (uint16_t i = 0; i < m->section_start[DNS_ADDITIONAL]; i++)
		if (is_ds(m, &m->rr[i]) || m->rr[i].section == DNS_ANSWER)
			copy_rr(view, &m->rr[i], DNS_ANSWER);
	view->section_start[DNS_AUTHORITY] = view->rr_count;
	for (uint16_t i = m->section_start[DNS_AUTHORITY]; i < m->section_start[DNS_ADDITIONAL];
		i++)
		if (!is_ds(m, &m->rr[i]) && m->rr[i].type != DNS_TYPE_NS)
			copy_rr(view, &m->rr[i], DNS_AUTHORITY);
	view->section_start[DNS_ADDITIONAL] = view->section_start[DNS_SECTIONS] = view->rr_count;
}

/** The deepest zone strictly above `child` that signed something of the message. */
static struct zone *signer_above(struct ctl_chain *c, const struct dns_msg *m, const uint8_t *child)
{
	struct zone *best = NULL;

	for (uint16_t i = 0; i < m->section_start[DNS_ADDITIONAL]; i++) {
		const struct dns_rr *rr = &m->rr[i];
		struct dns_name signer;
		struct dns_rrsig sig;
		struct zone *z;

		if (rr->type != DNS_TYPE_RRSIG ||
			dns_rrsig_read(m->data + rr->rdata_off, rr->rdata_len, &sig) != 0 ||
			!dns_name_under(child, sig.signer) || dns_name_equal(child, sig.signer))
			continue;
		dns_name_from_wire(sig.signer, sig.signer + sig.signer_len, &signer);
		dns_name_lower(signer.octets, signer.len);
		z = find(c, signer.octets);
		if (z != NULL && (best == NULL || z->name.labels > best->name.labels))
			best = z;
	}
	return best;
}

/** Where DS is denied: is the name a delegation at all? RFC 6840 s4.4: NS, but no DS and no SOA */
static bool is_unsigned_cut(
	const struct dns_msg *m, const struct zone *parent, const struct zone *child)
{
	struct val_denial_set proof = {.msg = m, .zone = parent->name.octets};
	enum val_reason why;

	for (uint16_t i = m->section_start[DNS_AUTHORITY]; i < m->section_start[DNS_ADDITIONAL];
		i++)
		if (val_denial_add(&proof, i) != 0)
			return false;
	return val_denial_no_ds(&proof, child->name.octets, &why) != VAL_DENIAL_FAILED;
}

static const struct val_zone_keys *keys_at(struct ctl_chain *c, struct zone *z, int64_t time_us);

/** @return false when it says nothing, good or bad, of a delegation */
static bool judge_ds(struct ctl_chain *c, struct zone *z, struct evidence *e)
{
	struct val_anchor ds[VAL_DS_MAX];
	const struct val_zone_keys *keys;
	struct zone *parent;
	uint32_t until;

	if (dns_msg_parse(&c->msg, e->octets, e->len) != 0)
		return false;
	view_ds(&c->msg, &z->name, &c->view);
	parent = signer_above(c, &c->view, z->name.octets);
	if (parent == NULL) // nobody has asked for signatures, or somebody took them out
		return false;
	keys = parent->status == SECURE ? keys_at(c, parent, e->first_us) : NULL;
	if (keys == NULL)
		return false;
	if (val_ds_from_response(c->verifier, &c->view, keys, z->name.octets,
		    clock_of(c, e->first_us), &strict, ds, &e->ds_count, &until, &e->result) != 0)
		return true;
	if (e->ds_count == 0) {
		e->good = is_unsigned_cut(&c->view, parent, z);
		e->inside = !e->good;
		return e->good;
	}
	e->ds = malloc(e->ds_count * sizeof(ds[0]));
	e->good = e->ds != NULL;
	if (e->good)
		memcpy(e->ds, ds, e->ds_count * sizeof(ds[0]));
	return true;
}

/* ---- judging keys ---- */

static bool take_keys(struct evidence *e, const struct val_zone_keys *keys)
{
	e->key = malloc(keys->count * sizeof(e->key[0]));
	if (e->key == NULL)
		return false;
	memcpy(e->key, keys->key, keys->count * sizeof(e->key[0]));
	e->key_count = keys->count;
	e->expiration = e->result.nearest_expiration;
	e->good = true;
	return true;
}

/** A DNSKEY answer against one DS set or the anchors. */
static void judge_dnskey(struct ctl_chain *c, struct zone *z, struct evidence *e,
	const struct val_anchor *ds, size_t count)
{
	struct val_zone_keys *keys = &c->fresh;
	struct val_result res;

	if (e->good || dns_msg_parse(&c->msg, e->octets, e->len) != 0)
		return;
	if (val_keys_from_dnskey(c->verifier, &c->msg, z->name.octets, ds, count,
		    clock_of(c, e->first_us), &strict, keys, &res) != 0) {
		// that no DS stands for them says least
		if (e->result.reason == VAL_R_NONE || res.reason != VAL_R_DNSKEY_NO_DS_MATCH)
			e->result = res;
		return;
	}
	e->result = res;
	if (keys->status == VAL_ZONE_SECURE) {
		if (take_keys(e, keys))
			z->status = SECURE;
	} else if (z->status != SECURE) {
		z->status = INSECURE;
		z->result = res;
	}
}

static void judge_all_dnskeys(
	struct ctl_chain *c, struct zone *z, const struct val_anchor *ds, size_t count)
{
	for (struct evidence *e = z->dnskey; e != NULL; e = e->next)
		judge_dnskey(c, z, e, ds, count);
}

static size_t anchors_of(const struct ctl_chain *c, const struct zone *z, struct val_anchor *out)
{
	size_t n = 0;

	for (unsigned i = 0; i < c->anchors.count; i++)
		if (dns_name_equal(c->anchors.item[i].zone.octets, z->name.octets))
			out[n++] = c->anchors.item[i];
	return n;
}

/** Nothing good was found: what is it that lacks, or fails? */
static void settle_failure(struct zone *z, bool offered, const struct evidence *bad_ds)
{
	if (!offered) {
		z->missing = DNS_TYPE_DS;
		if (bad_ds != NULL) {
			z->result = bad_ds->result;
			// a referral without a good proof is not the last word
			if (bad_ds->role == ROLE_DS)
				z->status = BOGUS;
		}
		return;
	}
	z->missing = DNS_TYPE_DNSKEY;
	if (z->dnskey == NULL)
		return;
	z->status = BOGUS;
	z->result = z->dnskey->result;
}

static void settle_delegated(struct ctl_chain *c, struct zone *z)
{
	const struct evidence *bad_ds = NULL;
	bool offered = false, inside = false;

	for (struct evidence *e = z->ds; e != NULL; e = e->next) {
		if (!judge_ds(c, z, e)) {
			inside |= e->inside;
			continue;
		}
		if (!e->good) {
			if (bad_ds == NULL || bad_ds->role == ROLE_REFERRAL)
				bad_ds = e;
		} else if (e->ds != NULL) {
			offered = true;
			judge_all_dnskeys(c, z, e->ds, e->ds_count);
		} else if (z->status == UNSETTLED) {
			z->status = INSECURE;
			z->result = (struct val_result){
				.verdict = VAL_INSECURE, .reason = VAL_R_UNSIGNED_ZONE};
		}
	}
	if (z->status == UNSETTLED && inside && !offered)
		z->status = INSIDE;
	else if (z->status == UNSETTLED)
		settle_failure(z, offered, bad_ds);
}

static void settle(struct ctl_chain *c, struct zone *z)
{
	struct val_anchor own[VAL_ANCHORS_MAX];
	size_t n = anchors_of(c, z, own);

	if (n == 0) {
		settle_delegated(c, z);
		return;
	}
	judge_all_dnskeys(c, z, own, n);
	if (z->status == UNSETTLED)
		settle_failure(z, true, NULL);
}

static int by_labels(const void *a, const void *b)
{
	const struct zone *x = *(struct zone *const *)a, *y = *(struct zone *const *)b;

	return (int)x->name.labels - (int)y->name.labels;
}

void ctl_chain_build(struct ctl_chain *c)
{
	struct zone **all = calloc(c->zones + 1, sizeof(struct zone *));
	size_t n = 0;

	if (all == NULL)
		return; // all stay unsettled
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct zone *z = c->bucket[i]; z != NULL; z = z->chain)
			all[n++] = z;
	qsort(all, n, sizeof(all[0]), by_labels);
	for (size_t i = 0; i < n; i++)
		settle(c, all[i]);
	free(all);
}

/* ---- asking ---- */

static bool is_live(const struct ctl_chain *c, const struct evidence *e, int64_t time_us)
{
	return c->at != 0 ||
	       (time_us >= e->first_us && time_us <= e->last_us + (int64_t)e->ttl_s * 1000000);
}

static bool is_over(const struct ctl_chain *c, const struct evidence *e, int64_t time_us)
{
	return val_time_before(e->expiration, clock_of(c, time_us));
}

static int64_t distance(const struct evidence *e, int64_t time_us)
{
	return time_us < e->first_us ? e->first_us - time_us : time_us - e->last_us;
}

/** Which of the zone's key sets count at a time: bit i for the i-th DNSKEY answer. */
static uint64_t live_sets(const struct ctl_chain *c, const struct zone *z, int64_t time_us)
{
	const struct evidence *nearest = NULL;
	uint64_t live = 0, nearest_bit = 0, bit = 1;

	for (const struct evidence *e = z->dnskey; e != NULL; e = e->next, bit <<= 1) {
		if (!e->good || is_over(c, e, time_us))
			continue;
		if (is_live(c, e, time_us))
			live |= bit;
		if (nearest == NULL || distance(e, time_us) < distance(nearest, time_us)) {
			nearest = e;
			nearest_bit = bit;
		}
	}
	return live != 0 ? live : nearest_bit;
}

static void add_keys(struct val_zone_keys *to, const struct evidence *e)
{
	for (unsigned i = 0; i < e->key_count && to->count < VAL_ZONE_KEYS_MAX; i++) {
		const struct val_key *k = &e->key[i];
		unsigned at = 0;

		while (at < to->count &&
			(to->key[at].rdata_len != k->rdata_len ||
				memcmp(to->key[at].rdata, k->rdata, k->rdata_len) != 0))
			at++;
		if (at == to->count)
			to->key[to->count++] = *k;
	}
	if (to->valid_until == 0 || val_time_before(to->valid_until, e->expiration))
		to->valid_until = e->expiration;
}

/** @return NULL when every set is over */
static const struct val_zone_keys *keys_at(struct ctl_chain *c, struct zone *z, int64_t time_us)
{
	uint64_t live = live_sets(c, z, time_us), bit = 1;

	if (live == 0)
		return NULL;
	if (live == z->composed)
		return z->keys;
	if (z->keys == NULL)
		z->keys = calloc(1, sizeof(*z->keys));
	if (z->keys == NULL)
		return NULL;
	memset(z->keys, 0, sizeof(*z->keys));
	z->keys->zone = z->name;
	z->keys->status = VAL_ZONE_SECURE;
	for (const struct evidence *e = z->dnskey; e != NULL; e = e->next, bit <<= 1)
		if (live & bit)
			add_keys(z->keys, e);
	z->composed = live;
	return z->keys;
}

static void say_missing(
	struct ctl_chain_place *out, const uint8_t *zone, uint16_t type, const struct zone *z)
{
	out->state = CTL_CHAIN_MISSING;
	out->zone = zone;
	out->missing = type;
	if (z != NULL)
		out->result = z->result;
}

/** A settled zone at or above the name asked about. */
static void say_settled(
	struct ctl_chain *c, struct zone *z, int64_t time_us, struct ctl_chain_place *out)
{
	out->zone = z->name.octets;
	out->result = z->result;
	if (z->status == INSECURE) {
		out->state = CTL_CHAIN_INSECURE;
	} else if (z->status == BOGUS) {
		out->state = CTL_CHAIN_BOGUS;
	} else {
		out->state = CTL_CHAIN_SECURE;
		out->keys = keys_at(c, z, time_us);
		if (out->keys == NULL) {
			say_missing(out, z->name.octets, DNS_TYPE_DNSKEY, z);
			out->over = true;
		}
	}
}

void ctl_chain_find(struct ctl_chain *c, const uint8_t *zone, int64_t time_us, bool exact,
	struct ctl_chain_place *out)
{
	struct zone *open = NULL, *z = NULL; // open: the topmost that is not settled
	int labels = dns_name_labels(zone), up;

	memset(out, 0, sizeof(*out));
	for (up = 0; up <= labels; up++) {
		z = find(c, dns_name_strip(zone, up));
		if (z == NULL || z->status == INSIDE) {
			out->inside |= up == 0 && z != NULL;
			continue;
		}
		if (z->status != UNSETTLED)
			break;
		open = z;
		if (z->anchored) // its word is the first
			break;
	}
	if (up > labels || z == NULL) {
		out->state = CTL_CHAIN_NO_ANCHOR;
		return;
	}
	if (z->status == UNSETTLED || (open != NULL && z->status == SECURE)) {
		say_missing(out, open->name.octets, open->missing, open);
		return;
	}
	say_settled(c, z, time_us, out);
	if (exact && up > 0 && out->state == CTL_CHAIN_SECURE)
		say_missing(out, zone, DNS_TYPE_DS, NULL);
}

void ctl_chain_get_stats(const struct ctl_chain *c, struct ctl_chain_stats *out)
{
	*out = (struct ctl_chain_stats){.zones = c->zones, .dropped = c->dropped};
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct zone *z = c->bucket[i]; z != NULL; z = z->chain)
			out->secure += z->status == SECURE;
}
