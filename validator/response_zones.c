// Responses that hold records of several zones, as recursive resolvers give them: which zone each
// RRset belongs to, and which zone's word a negative answer needs. The passes are those of
// response.c.
//
// A signed RRset belongs to the zone that its RRSIG names, if the chain leads there: whether the
// signer may speak for the owner is the first pass's check, and an ancestor of the owner's zone may
// in any case. Only when the chain ends in an unsigned delegation is the owner's own place looked
// for: the signer's name is part of an RRSIG that nobody will verify, and there may be an anchor
// between the two. What is unsigned is placed by its owner alone, label by label, until a
// delegation without DS is found, or its absence proven: this is what a stripped answer fails on.
// But what a resolver has merely added without a signature is placed nowhere, see is_stray().

#include <string.h>

#include "validator/response_priv.h"

/** Walk, and take over what is no place. @return true: it is SECURE or INSECURE */
static bool walk(struct val_judge *j, const uint8_t *name, struct val_chain_step *step)
{
	struct val_result *r = &j->out->result;

	val_chain_walk(j->trust, name, step);
	switch (step->end) {
	case VAL_CHAIN_SECURE:
	case VAL_CHAIN_INSECURE:
		return true;
	case VAL_CHAIN_ASK:
		*j->need = *step;
		r->verdict = VAL_PENDING;
		return false;
	case VAL_CHAIN_BOGUS:
		j->out->of_chain = r->verdict != VAL_BOGUS;
		val_judge_bogus(j, step->why);
		return false;
	case VAL_CHAIN_NONE:
	default:
		r->verdict = VAL_INDETERMINATE;
		r->reason = step->why;
		return false;
	}
}

/** Where data of this type at this name is kept: DS with the parent. */
static const uint8_t *home(const uint8_t *name, uint16_t type)
{
	return type == DNS_TYPE_DS && name[0] != 0 ? dns_name_strip(name, 1) : name;
}

/** The first signer that may speak for the RRset, lower-cased. @return false when there is none */
static bool find_signer(
	const struct val_judge *j, const struct val_rrset *set, struct dns_name *signer)
{
	const uint8_t *top = home(set->owner.octets, set->type);

	for (int i = 0; i < set->sig_count; i++) {
		const struct dns_rr *rr = &j->msg->rr[set->sig[i]];
		struct dns_rrsig sig;

		if (dns_rrsig_read(j->msg->data + rr->rdata_off, rr->rdata_len, &sig) < 0 ||
			!dns_name_under(top, sig.signer))
			continue;
		dns_name_from_wire(sig.signer, sig.signer + sig.signer_len, signer);
		dns_name_lower(signer->octets, signer->len);
		return true;
	}
	return false;
}

bool val_judge_place(struct val_judge *j, struct val_set_ref *ref)
{
	struct val_chain_step step;
	struct dns_name signer;

	j->out->result.type_covered = ref->set->type; // for whom it may concern
	if (find_signer(j, ref->set, &signer)) {
		if (!walk(j, signer.octets, &step))
			return false;
		// No zone of that name: the first pass finds that the signer is another.
		ref->zone = step.zone;
	}
	if (ref->zone == j->zone || ref->zone == NULL) {
		if (!walk(j, home(ref->set->owner.octets, ref->set->type), &step))
			return false;
		ref->zone = step.zone;
	}
	j->out->result.type_covered = 0;
	if (ref->zone == NULL) {
		ref->role = VAL_ROLE_INSECURE;
		val_judge_insecure(j, step.why);
	}
	return true;
}

/** The deepest zone of which the authority section has a denial, and that `at` is in. */
static const struct val_zone_keys *denying_zone(
	const struct val_judge *j, const struct dns_name *at)
{
	const uint8_t *name = home(at->octets, j->msg->qtype);
	const struct val_zone_keys *best = NULL;

	for (int i = 0; i < j->set_count; i++) {
		const struct val_set_ref *ref = &j->ref[i];
		uint16_t type = ref->set->type;

		if (ref->role != VAL_ROLE_SIGNED || ref->set->section != DNS_AUTHORITY ||
			(type != DNS_TYPE_NSEC && type != DNS_TYPE_NSEC3) ||
			!dns_name_under(name, ref->zone->zone.octets))
			continue;
		if (best == NULL || ref->zone->zone.labels > best->zone.labels)
			best = ref->zone;
	}
	return best;
}

/** Is it known that data of the wanted type at `at` is in a zone below this one? */
static bool is_too_high(
	const struct val_judge *j, const struct val_zone_keys *zone, const struct dns_name *at)
{
	struct val_chain_step step;

	val_chain_walk(j->trust, home(at->octets, j->msg->qtype), &step);
	if (step.end == VAL_CHAIN_ASK && step.type == DNS_TYPE_DNSKEY)
		return step.name.labels > zone->zone.labels;
	return step.zone != NULL && step.zone->zone.labels > zone->zone.labels;
}

/** @param why  what is wrong with the denial, if it is @return false when it has failed */
static bool is_denied(struct val_judge *j, const struct dns_name *at, enum val_reason *why)
{
	const struct val_zone_keys *zone = denying_zone(j, at);
	struct val_denial_set proof;
	enum val_reason unsigned_why;
	enum val_denial got;

	*why = VAL_R_DENIAL_MISSING;
	if (zone == NULL || is_too_high(j, zone, at) || !val_judge_gather(j, zone, &proof))
		return false;
	if (j->out->kind == VAL_KIND_NXDOMAIN)
		got = val_denial_nxdomain(&proof, at->octets, why);
	else
		got = val_denial_nodata(&proof, at->octets, j->msg->qtype, why);
	if (got != VAL_DENIAL_FAILED) {
		val_judge_proof(j, got, *why);
		return true;
	}
	// Or is it a delegation without DS? Then there is nothing to prove.
	if (val_denial_no_ds(&proof, at->octets, &unsigned_why) == VAL_DENIAL_FAILED)
		return false;
	val_judge_insecure(j, VAL_R_UNSIGNED_DELEGATION);
	return true;
}

/** Nothing is said of `at`, or nothing good: that will do only where nothing can be proven. */
static void check_silence(struct val_judge *j, const struct dns_name *at, enum val_reason why)
{
	struct val_chain_step step;

	if (!walk(j, home(at->octets, j->msg->qtype), &step))
		return;
	if (step.end == VAL_CHAIN_INSECURE)
		val_judge_insecure(j, step.why);
	else
		val_judge_bogus(j, why);
}

void val_judge_last(struct val_judge *j, enum val_judge_end end, const struct dns_name *at)
{
	bool positive = j->out->kind != VAL_KIND_NXDOMAIN;
	enum val_reason why;

	if (j->out->result.verdict == VAL_BOGUS)
		return;
	if (end == VAL_END_STOP) {
		if (!is_denied(j, at, &why))
			check_silence(j, at, why);
	} else if (end == VAL_END_FOUND && positive) {
		// RRSIGs have no signature of their own (RFC 4035 s2.2): never secure.
		if (j->msg->qtype == DNS_TYPE_RRSIG)
			val_judge_insecure(j, VAL_R_NONE);
	} else if (j->out->result.verdict == VAL_SECURE) {
		// Of what is insecure anything may be said, even nonsense.
		val_judge_bogus(
			j, end == VAL_END_FOUND ? VAL_R_DENIAL_CONTRADICTS : VAL_R_DENIAL_MISSING);
	}
}

static enum val_kind classify(const struct dns_msg *m)
{
	uint16_t rcode = dns_msg_rcode(m);

	if (m->qd_count != 1 || (rcode != DNS_RCODE_NOERROR && rcode != DNS_RCODE_NXDOMAIN))
		return VAL_KIND_ERROR;
	if (rcode == DNS_RCODE_NXDOMAIN)
		return VAL_KIND_NXDOMAIN;
	return m->section_start[DNS_ANSWER] == m->section_start[DNS_AUTHORITY] ? VAL_KIND_NODATA
									       : VAL_KIND_ANSWER;
}

static void strip_record(struct val_response *out, uint16_t i)
{
	out->stripped[i / 64] |= UINT64_C(1) << i % 64;
	out->strips = true;
}

/**
 * AD speaks of all of answer and authority (RFC 4035 s3.2.3), and clients believe the rest by
 * habit: what was not judged is not passed on under it. Of an answer that is not secure nothing is
 * taken, as nothing is claimed of it.
 */
static void strip(struct val_judge *j)
{
	const struct dns_msg *m = j->msg;

	memset(j->out->stripped, 0, sizeof(j->out->stripped));
	for (int i = 0; i < j->set_count; i++) {
		const struct val_rrset *set = j->ref[i].set;

		for (int k = 0; j->ref[i].role == VAL_ROLE_STRAY && k < set->rr_count; k++)
			strip_record(j->out, set->rr[k]);
	}
	for (uint16_t i = m->section_start[DNS_ADDITIONAL]; i < m->rr_count; i++)
		if (m->rr[i].type != DNS_TYPE_OPT)
			strip_record(j->out, i);
}

void val_chain_response(struct val_ctx *ctx, const struct val_trust *t, const struct dns_msg *msg,
	struct val_checks *checks, val_want_fn want, void *want_arg, struct val_response *out,
	struct val_chain_step *need)
{
	// Everything is below the root; no RRset is judged with its keys but by its own word.
	static const struct val_zone_keys anywhere = {.zone = {.len = 1}};
	struct val_judge j;

	val_judge_init(&j, ctx, msg, checks, want, want_arg);
	j.zone = &anywhere;
	j.now = t->now;
	j.out = out;
	j.of_resolver = true;
	j.trust = t;
	j.need = need;
	need->end = VAL_CHAIN_NONE;
	val_judge_begin(&j);
	out->kind = classify(msg);
	if (out->kind == VAL_KIND_ERROR)
		return;
	val_judge_secure(&j);
	if (!val_judge_structure(&j) || !val_judge_crypto(&j))
		return;
	if (out->result.verdict == VAL_PENDING)
		return;
	val_judge_claims(&j);
	out->ttl_capped = out->result.verdict == VAL_SECURE || out->result.verdict == VAL_INSECURE;
	if (out->result.verdict == VAL_SECURE)
		strip(&j);
}
