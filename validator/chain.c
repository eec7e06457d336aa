#include "validator/chain.h"

#include <errno.h>
#include <string.h>

#include "validator/denial.h"
#include "validator/response_priv.h"
#include "validator/time.h"

/* ---- walking ---- */

/** What is known of one name, wherever from. */
struct known {
	enum {
		KNOWN_NOTHING,
		KNOWN_KEYS,
		KNOWN_INSECURE,
		KNOWN_FAILED,
		KNOWN_SIGNED, // DS records or an anchor: its DNSKEY is wanted
		KNOWN_INSIDE,
		KNOWN_LEAF,
	} kind;
	enum val_reason why;
	const struct val_zone_keys *zone; // KEYS
	uint8_t depth, zone_labels;
};

/** @return false: it says nothing */
static bool of_published(const struct val_trust *t, const struct val_zone_keys *z, struct known *k)
{
	switch (z->status) {
	case VAL_ZONE_SECURE:
		*k = (struct known){.kind = KNOWN_KEYS, .zone = z};
		if (!val_time_before(z->valid_until, t->now))
			return true;
		break;
	case VAL_ZONE_INSECURE:
		*k = (struct known){.kind = KNOWN_INSECURE, .why = z->why};
		return true;
	case VAL_ZONE_NTA:
		*k = (struct known){.kind = KNOWN_INSECURE, .why = VAL_R_NEGATIVE_ANCHOR};
		return true;
	case VAL_ZONE_UNKNOWN:
	default:
		break;
	}
	*k = (struct known){.kind = KNOWN_NOTHING, .why = z->why};
	return z->anchored;
}

static bool from_facts(const struct val_trust *t, const uint8_t *name, struct known *k)
{
	static const uint8_t kinds[] = {
		[VAL_FACT_KEYS] = KNOWN_KEYS,
		[VAL_FACT_DS] = KNOWN_SIGNED,
		[VAL_FACT_INSECURE] = KNOWN_INSECURE,
		[VAL_FACT_INSIDE] = KNOWN_INSIDE,
		[VAL_FACT_LEAF] = KNOWN_LEAF,
		[VAL_FACT_FAILED] = KNOWN_FAILED,
	};
	struct val_fact f;

	if (!val_facts_get(t->facts, name, t->now, &f))
		return false;
	*k = (struct known){
		.kind = kinds[f.kind],
		.why = (enum val_reason)f.why,
		.zone = f.set,
		.depth = f.depth,
		.zone_labels = f.zone_labels,
	};
	return true;
}

/** Where a chain begins: what is published of a name, or an anchor. */
struct origin {
	struct known known;
	int labels; // -1: nowhere
};

static void take_origin(
	const uint8_t *name, const struct dns_name *zone, const struct known *k, struct origin *o)
{
	if (zone->labels <= o->labels || !dns_name_under(name, zone->octets))
		return;
	o->known = *k;
	o->labels = zone->labels;
}

/** The deepest one. O(published zones and anchors), whatever the name. */
static void find_origin(const struct val_trust *t, const uint8_t *name, struct origin *o)
{
	size_t published = t->published != NULL ? val_keys_count(t->published) : 0;
	struct known k;

	o->labels = -1;
	// What is published counts before an anchor of the same zone.
	for (size_t i = 0; i < published; i++) {
		const struct val_zone_keys *z = val_keys_at(t->published, i);

		if (of_published(t, z, &k))
			take_origin(name, &z->zone, &k, o);
	}
	k = (struct known){.kind = KNOWN_SIGNED};
	for (unsigned i = 0; t->anchors != NULL && i < t->anchors->count; i++)
		take_origin(name, &t->anchors->item[i].zone, &k, o);
}

/** May what is known of the name one label longer be taken, coming from `k`? */
static bool follows(const struct known *k, struct known *next)
{
	if (next->kind != KNOWN_INSIDE && next->kind != KNOWN_LEAF)
		return true;
	// It is a word of the zone that it names, which may have got a cut in between since.
	next->zone = k->zone;
	next->depth = k->depth;
	return next->zone_labels == k->zone->zone.labels;
}

/**
 * From the origin down as far as something is known. A name below what is known costs nothing,
 * however many labels it has.
 * @return the last name of which something is known, NULL when nothing is
 */
static const uint8_t *closest(const struct val_trust *t, const uint8_t *name, struct known *k)
{
	int labels = dns_name_labels(name), n;
	struct origin o;
	struct known next;

	find_origin(t, name, &o);
	if (o.labels < 0) {
		*k = (struct known){.kind = KNOWN_NOTHING};
		return NULL;
	}
	*k = o.known;
	n = o.labels;
	// The keys that an anchor stands for are a fact, and so is that there are none.
	if (k->kind == KNOWN_SIGNED && from_facts(t, dns_name_strip(name, labels - n), &next) &&
		next.kind != KNOWN_INSIDE && next.kind != KNOWN_LEAF)
		*k = next;
	while (n < labels && (k->kind == KNOWN_KEYS || k->kind == KNOWN_INSIDE) &&
		from_facts(t, dns_name_strip(name, labels - n - 1), &next) && follows(k, &next)) {
		*k = next;
		n++;
	}
	return dns_name_strip(name, labels - n);
}

static void ask(const uint8_t *name, uint16_t type, uint8_t depth, struct val_chain_step *out)
{
	out->end = VAL_CHAIN_ASK;
	out->type = type;
	out->depth = depth;
	dns_name_from_wire(name, name + DNS_NAME_MAX, &out->name);
}

static void end(enum val_chain_end how, enum val_reason why, struct val_chain_step *out)
{
	out->end = how;
	out->why = why;
}

/** From a known place in a secure zone: there already, or the next name down. */
static void descend(
	const uint8_t *name, const uint8_t *at, const struct known *k, struct val_chain_step *out)
{
	int left = dns_name_labels(name) - dns_name_labels(at);

	out->zone = k->zone;
	out->depth = k->depth;
	if (left == 0 || k->kind == KNOWN_LEAF)
		end(VAL_CHAIN_SECURE, VAL_R_NONE, out);
	else if (k->depth >= VAL_CHAIN_DEPTH_MAX)
		end(VAL_CHAIN_BOGUS, VAL_R_BUDGET, out);
	else
		ask(dns_name_strip(name, left - 1), DNS_TYPE_DS, (uint8_t)(k->depth + 1), out);
}

void val_chain_walk(const struct val_trust *t, const uint8_t *name, struct val_chain_step *out)
{
	struct known k;
	const uint8_t *at = closest(t, name, &k);

	out->zone = NULL;
	out->why = VAL_R_NONE;
	out->depth = 0;
	switch (k.kind) {
	case KNOWN_KEYS:
	case KNOWN_INSIDE:
	case KNOWN_LEAF:
		descend(name, at, &k, out);
		break;
	case KNOWN_SIGNED:
		ask(at, DNS_TYPE_DNSKEY, k.depth, out);
		break;
	case KNOWN_INSECURE:
		end(VAL_CHAIN_INSECURE, k.why, out);
		break;
	case KNOWN_FAILED:
		end(VAL_CHAIN_BOGUS, k.why, out);
		break;
	case KNOWN_NOTHING:
	default:
		end(VAL_CHAIN_NONE, k.why != VAL_R_NONE ? k.why : VAL_R_NO_CHAIN, out);
	}
}

static bool is_anchored(const struct val_trust *t, const uint8_t *zone)
{
	for (unsigned i = 0; t->anchors != NULL && i < t->anchors->count; i++)
		if (dns_name_equal(t->anchors->item[i].zone.octets, zone))
			return true;
	return false;
}

void val_chain_renew(const struct val_trust *t, const uint8_t *zone, struct val_chain_step *out)
{
	struct val_chain_step above;
	struct val_fact f;

	*out = (struct val_chain_step){.end = VAL_CHAIN_NONE};
	if (val_facts_get_delegation(t->facts, zone, t->now, &f) && f.kind == VAL_FACT_DS) {
		ask(zone, DNS_TYPE_DNSKEY, f.depth, out);
		return;
	}
	if (!val_facts_get(t->facts, zone, t->now, &f) ||
		(f.kind != VAL_FACT_KEYS && f.kind != VAL_FACT_INSECURE))
		return;
	if (is_anchored(t, zone)) {
		ask(zone, DNS_TYPE_DNSKEY, 0, out);
		return;
	}
	if (zone[0] == 0)
		return;
	val_chain_walk(t, dns_name_strip(zone, 1), &above);
	if (above.end == VAL_CHAIN_SECURE)
		ask(zone, DNS_TYPE_DS, (uint8_t)(above.depth + 1), out);
}

/* ---- judging ---- */

/** One call of val_chain_judge(). */
struct judgement {
	struct val_ctx *ctx;
	const struct val_trust *t;
	const struct dns_msg *msg;
	struct val_checks *checks;
	val_want_fn want;
	void *want_arg;
	struct val_response *out;
	struct dns_name name; // asked about, lower-cased
};

static void no_chain(struct val_response *out)
{
	val_response_reset(out);
	out->result.reason = VAL_R_NO_CHAIN;
}

static void bogus(struct val_response *out, enum val_reason why)
{
	out->result.verdict = VAL_BOGUS;
	out->result.reason = why;
	out->ttl_capped = false;
}

static void judge_rrset(struct judgement *j, int first, const struct val_zone_keys *zone)
{
	val_rrset_judge(j->ctx, j->msg, (uint16_t)first, zone, j->t->now, j->checks, j->want,
		j->want_arg, j->out);
}

static void put(struct judgement *j, const struct val_fact *f)
{
	val_facts_put(j->t->facts, &j->name, f, j->t->now);
}

/** The earlier of two times. */
static uint32_t earlier(uint32_t a, uint32_t b)
{
	return val_time_before(a, b) ? a : b;
}

/**
 * Until when what was judged may be believed: its TTL within bounds, but no longer than its
 * signatures.
 */
static uint32_t fact_until(const struct judgement *j, uint32_t ttl_s, uint32_t max_s)
{
	const struct val_result *r = &j->out->result;
	uint32_t min_s = VAL_CHAIN_FACT_MIN_S, until;

	ttl_s = ttl_s < min_s ? min_s : ttl_s > max_s ? max_s : ttl_s;
	until = j->t->now + ttl_s;
	if (r->nearest_expiration == 0)
		return until;
	return earlier(until, r->nearest_expiration + j->ctx->skew.expiration_s);
}

/* ---- DS ---- */

static void note_insecure(struct judgement *j, enum val_reason why, uint32_t until)
{
	put(j, &(struct val_fact){.kind = VAL_FACT_INSECURE, .why = (uint8_t)why, .until = until});
	j->out->result.verdict = VAL_INSECURE;
	j->out->result.reason = why;
}

static void note_delegation(struct judgement *j, uint16_t first, uint8_t depth)
{
	struct val_anchor ds[VAL_DS_MAX];
	struct val_zone_keys set = {.zone = j->name, .status = VAL_ZONE_UNKNOWN};
	uint32_t until = fact_until(j, j->out->ttl_cap_s[first], VAL_KEYS_MAX_S);
	int n = val_ds_read(j->msg, first, j->name.octets, ds);
	enum val_reason why;

	if (n <= 0) {
		bogus(j->out, n == 0 ? VAL_R_MALFORMED : VAL_R_TOO_LARGE);
		return;
	}
	why = val_ds_usable(j->name.octets, ds, (size_t)n, j->ctx->sha1);
	if (why != VAL_R_NONE) {
		note_insecure(j, why, until);
		return;
	}
	for (int i = 0; i < n; i++)
		set.key[i] = ds[i].key;
	set.count = (uint8_t)n;
	put(j, &(struct val_fact){
		       .kind = VAL_FACT_DS, .depth = depth, .until = until, .set = &set});
}

/**
 * A name with a CNAME, or below a DNAME, is no delegation: RFC 1034 s3.6.2, RFC 6672 s2.4. A CNAME
 * from a wildcard will not do: the name itself may be there.
 */
static int find_alias(const struct judgement *j, enum val_fact_kind *kind)
{
	int first = val_rrset_find(j->msg, j->name.octets, DNS_TYPE_CNAME);

	*kind = VAL_FACT_INSIDE;
	if (first >= 0) {
		val_rrset_collect(j->msg, (uint16_t)first, &j->ctx->set[0]);
		if (j->ctx->set[0].sig_count > 0)
			return first; // else it may be made from a DNAME
	}
	*kind = VAL_FACT_LEAF;
	for (int up = 1; up <= j->name.labels; up++) {
		first = val_rrset_find(j->msg, dns_name_strip(j->name.octets, up), DNS_TYPE_DNAME);
		if (first >= 0)
			return first;
	}
	return -1;
}

static void judge_alias(
	struct judgement *j, int first, enum val_fact_kind kind, const struct val_zone_keys *zone)
{
	judge_rrset(j, first, zone);
	if (j->out->result.verdict != VAL_SECURE)
		return;
	put(j, &(struct val_fact){
		       .kind = (uint8_t)kind,
		       .zone_labels = zone->zone.labels,
		       .until = fact_until(j, j->out->ttl_cap_s[first], VAL_CHAIN_FACT_S),
	       });
}

static uint32_t lowest_cap(const struct judgement *j)
{
	const struct dns_msg *m = j->msg;
	uint32_t cap = UINT32_MAX;

	for (uint16_t i = 0; i < m->section_start[DNS_ADDITIONAL]; i++) {
		uint32_t here = j->out->ttl_cap_s[i] < m->rr[i].ttl_s ? j->out->ttl_cap_s[i]
								      : m->rr[i].ttl_s;

		if (here < cap)
			cap = here;
	}
	return cap;
}

/** The denial that there is no DS is good. Does it say that there is a delegation all the same? */
static void note_denial(struct judgement *j, const struct val_zone_keys *zone)
{
	const struct dns_msg *m = j->msg;
	struct val_denial_set proof = {.msg = m, .zone = zone->zone.octets};
	uint32_t until = fact_until(j, lowest_cap(j), VAL_CHAIN_FACT_S);
	enum val_reason why;

	// The judge has counted them already.
	for (uint16_t i = m->section_start[DNS_AUTHORITY]; i < m->section_start[DNS_ADDITIONAL];
		i++)
		val_denial_add(&proof, i);
	switch (val_denial_no_ds(&proof, j->name.octets, &why)) {
	case VAL_DENIAL_PROVEN:
	case VAL_DENIAL_OPTOUT:
		note_insecure(j, VAL_R_UNSIGNED_DELEGATION, until);
		break;
	case VAL_DENIAL_ITERATIONS:
		note_insecure(j, VAL_R_NSEC3_ITERATIONS, until);
		break;
	case VAL_DENIAL_FAILED:
	default:
		put(j, &(struct val_fact){
			       .kind = j->out->kind == VAL_KIND_NXDOMAIN ? VAL_FACT_LEAF
									 : VAL_FACT_INSIDE,
			       .zone_labels = zone->zone.labels,
			       .until = until,
		       });
	}
}

/** As if the zone's own server had said it: a resolver has no authority and need not say so. */
static void judge_whole(struct judgement *j, const struct val_zone_keys *zone, uint16_t rcode)
{
	struct dns_msg said = *j->msg;
	struct val_judge whole;

	said.flags = (uint16_t)((said.flags & ~DNS_FLAG_RCODE_MASK) | DNS_FLAG_AA | rcode);
	val_judge_init(&whole, j->ctx, &said, j->checks, j->want, j->want_arg);
	whole.zone = zone;
	whole.now = j->t->now;
	whole.out = j->out;
	whole.of_resolver = true;
	val_judge_whole(&whole);
}

static void judge_denial(struct judgement *j, const struct val_zone_keys *zone)
{
	struct val_result *r = &j->out->result;

	judge_whole(j, zone, j->msg->flags & DNS_FLAG_RCODE_MASK);
	// Some servers deny the existence of empty non-terminals, against RFC 8020, and prove
	// rightly that there is no DS.
	if (r->verdict == VAL_BOGUS && r->reason == VAL_R_DENIAL_CONTRADICTS &&
		j->out->kind == VAL_KIND_NXDOMAIN)
		judge_whole(j, zone, DNS_RCODE_NOERROR);
	if (r->verdict != VAL_SECURE && r->verdict != VAL_INSECURE)
		return;
	if (j->out->kind == VAL_KIND_NODATA || j->out->kind == VAL_KIND_NXDOMAIN)
		note_denial(j, zone);
	else
		bogus(j->out, VAL_R_DENIAL_MISSING); // true, but no answer to the question
}

static void judge_ds(struct judgement *j)
{
	struct val_chain_step above;
	enum val_fact_kind kind;
	int first;

	val_chain_walk(j->t, dns_name_strip(j->name.octets, 1), &above);
	if (above.end != VAL_CHAIN_SECURE) {
		no_chain(j->out);
		return;
	}
	first = val_rrset_find(j->msg, j->name.octets, DNS_TYPE_DS);
	if (first >= 0) {
		judge_rrset(j, first, above.zone);
		if (j->out->result.verdict == VAL_SECURE)
			note_delegation(j, (uint16_t)first, (uint8_t)(above.depth + 1));
		return;
	}
	first = find_alias(j, &kind);
	if (first >= 0)
		judge_alias(j, first, kind, above.zone);
	else
		judge_denial(j, above.zone);
}

/* ---- DNSKEY ---- */

/** What a zone's keys are to be trusted by. @return how many; 0: no longer known */
static size_t offer_of(const struct judgement *j, struct val_anchor *ds, struct val_fact *fact)
{
	const struct val_anchors *a = j->t->anchors;
	size_t n = 0;

	if (val_facts_get_delegation(j->t->facts, j->name.octets, j->t->now, fact)) {
		for (; fact->kind == VAL_FACT_DS && n < fact->set->count; n++) {
			ds[n].zone = j->name;
			ds[n].type = DNS_TYPE_DS;
			ds[n].key = fact->set->key[n];
		}
		return n;
	}
	*fact = (struct val_fact){.until = j->t->now + VAL_KEYS_MAX_S};
	for (unsigned i = 0; a != NULL && i < a->count; i++) {
		if (dns_name_equal(a->item[i].zone.octets, j->name.octets))
			ds[n++] = a->item[i];
	}
	return n;
}

static void judge_dnskey(struct judgement *j)
{
	struct val_anchor ds[VAL_ANCHORS_MAX];
	struct val_zone_keys trusted, all = {.zone = j->name, .status = VAL_ZONE_SECURE};
	struct val_fact fact;
	size_t n = offer_of(j, ds, &fact);
	enum val_reason why;
	int first;

	no_chain(j->out);
	if (n == 0)
		return;
	first = val_dnskey_offer(j->msg, j->name.octets, ds, n, j->ctx->sha1, &trusted, &all, &why);
	if (first == -ENOTSUP) {
		note_insecure(j, why, fact.until);
		return;
	}
	if (first < 0) {
		bogus(j->out, why);
		return;
	}
	judge_rrset(j, first, &trusted);
	j->out->lacks = NULL; // that is for the DS records to say
	if (j->out->result.verdict != VAL_SECURE)
		return;
	all.valid_until =
		earlier(fact.until, fact_until(j, j->out->ttl_cap_s[first], VAL_KEYS_MAX_S));
	put(j, &(struct val_fact){.kind = VAL_FACT_KEYS,
		       .depth = fact.depth,
		       .until = all.valid_until,
		       .set = &all});
}

void val_chain_judge(struct val_ctx *ctx, const struct val_trust *t, const struct dns_msg *msg,
	struct val_checks *checks, val_want_fn want, void *want_arg, struct val_response *out)
{
	struct judgement j = {ctx, t, msg, checks, want, want_arg, out, msg->qname};
	uint16_t rcode = dns_msg_rcode(msg);

	dns_name_lower(j.name.octets, j.name.len);
	no_chain(out);
	out->kind = VAL_KIND_ERROR;
	if (rcode != DNS_RCODE_NOERROR && rcode != DNS_RCODE_NXDOMAIN) {
		out->result.reason = VAL_R_NONE;
		return;
	}
	out->kind = VAL_KIND_ANSWER;
	if (msg->qtype == DNS_TYPE_DS && j.name.labels > 0)
		judge_ds(&j);
	else if (msg->qtype == DNS_TYPE_DNSKEY)
		judge_dnskey(&j);
}

void val_chain_fail(
	const struct val_trust *t, const struct dns_name *name, enum val_reason why, uint32_t ttl_s)
{
	struct val_fact f = {.kind = VAL_FACT_FAILED, .why = (uint8_t)why, .until = t->now + ttl_s};

	val_facts_put(t->facts, name, &f, t->now);
}
