// The first pass: from a flat list of records to RRsets with roles.

#include <string.h>

#include "validator/response_priv.h"

struct val_set_ref *val_judge_find(struct val_judge *j, const uint8_t *owner, uint16_t type)
{
	for (int i = 0; i < j->set_count; i++) {
		const struct val_rrset *set = j->ref[i].set;

		if (set->section == DNS_ANSWER && set->type == type &&
			dns_name_equal(set->owner.octets, owner))
			return &j->ref[i];
	}
	return NULL;
}

struct val_set_ref *val_judge_dname(struct val_judge *j, const uint8_t *name)
{
	int labels = dns_name_labels(name);

	for (int i = 0; i < j->set_count; i++) {
		const struct val_rrset *set = j->ref[i].set;

		if (set->section == DNS_ANSWER && set->type == DNS_TYPE_DNAME &&
			set->owner.labels < labels && dns_name_under(name, set->owner.octets))
			return &j->ref[i];
	}
	return NULL;
}

bool val_rr_target(const struct dns_msg *msg, const struct dns_rr *rr, struct dns_name *out)
{
	size_t end = (size_t)rr->rdata_off + rr->rdata_len;

	if (dns_name_expand(msg->data, msg->len, rr->rdata_off, end, out) != rr->rdata_len)
		return false;
	dns_name_lower(out->octets, out->len);
	return true;
}

bool val_dname_apply(
	const uint8_t *name, const uint8_t *owner, const uint8_t *target, struct dns_name *out)
{
	const uint8_t *rest = dns_name_strip(name, dns_name_labels(name) - dns_name_labels(owner));
	size_t prefix = (size_t)(rest - name);
	int target_labels = dns_name_labels(target);
	size_t suffix = (size_t)(dns_name_strip(target, target_labels) - target) + 1;

	if (prefix + suffix > DNS_NAME_MAX)
		return false;
	memcpy(out->octets, name, prefix);
	memcpy(out->octets + prefix, target, suffix);
	out->len = (uint8_t)(prefix + suffix);
	out->labels = (uint8_t)(dns_name_labels(name) - dns_name_labels(owner) + target_labels);
	return true;
}

/*
 * An operator's word on this RRset (RFC 7646 s2). What comes with an answer that ends below a
 * negative trust anchor, a proof say or the zone's SOA, is no better than the answer.
 */
static bool is_negative(const struct val_judge *j, const struct val_rrset *set)
{
	if (j->trust != NULL || j->zone->snapshot == NULL)
		return false;
	if (!dns_name_within(&set->owner, &j->zone->zone))
		return true; // a chain that leads out of the zone, see check_shape()
	return (j->negative && set->section == DNS_AUTHORITY) ||
	       val_keys_negative(j->zone, set->owner.octets);
}

static enum val_role role_of(const struct val_judge *j, const struct val_rrset *set)
{
	if (is_negative(j, set))
		return VAL_ROLE_INSECURE;
	if (!j->of_resolver && set->section == DNS_AUTHORITY && set->type == DNS_TYPE_NS &&
		set->owner.labels > j->zone->zone.labels)
		return VAL_ROLE_CUT;
	// Which DNAME is known only when all RRsets are.
	if (set->section == DNS_ANSWER && set->type == DNS_TYPE_CNAME && set->sig_count == 0)
		return VAL_ROLE_SYNTH;
	return VAL_ROLE_SIGNED;
}

/**
 * Resolvers add to the authority section what they know, NS records above all, and often without
 * signatures: of a parent's delegation there are none (RFC 4035 s2.2). Nothing rests on such an
 * RRset, so it takes nothing from the answer either; it is left out of what is passed on as secure.
 * What denials are made of is no addition, and must be signed.
 */
static bool is_stray(const struct val_judge *j, const struct val_rrset *set)
{
	return j->of_resolver && set->section == DNS_AUTHORITY && set->sig_count == 0 &&
	       !set->overflow && set->type != DNS_TYPE_SOA && set->type != DNS_TYPE_NSEC &&
	       set->type != DNS_TYPE_NSEC3;
}

static enum val_reason check_shape(const struct val_judge *j, const struct val_rrset *set)
{
	if (set->class_ != j->msg->qclass)
		return VAL_R_MALFORMED;
	if (!dns_name_within(&set->owner, &j->zone->zone) &&
		!val_keys_negative(j->zone, j->qname.octets))
		return VAL_R_SIG_SIGNER;
	if (set->overflow)
		return VAL_R_TOO_LARGE;
	// RFC 2181 s10.1, RFC 6672 s2.4
	if ((set->type == DNS_TYPE_CNAME || set->type == DNS_TYPE_DNAME) && set->rr_count != 1)
		return VAL_R_MALFORMED;
	return VAL_R_NONE;
}

/** Collect the RRset of record `first`, note it, judge its shape. @return NULL when bogus */
static struct val_set_ref *collect(struct val_judge *j, uint16_t first)
{
	struct val_rrset *set = &j->ctx->set[j->set_count];
	struct val_set_ref *ref = &j->ref[j->set_count];
	enum val_reason r;

	if (j->set_count == VAL_RRSETS_MAX) {
		val_judge_bogus(j, VAL_R_BUDGET);
		return NULL;
	}
	val_rrset_collect(j->msg, first, set);
	*ref = (struct val_set_ref){.set = set, .zone = j->zone, .role = VAL_ROLE_SIGNED};
	if (is_stray(j, set))
		ref->role = VAL_ROLE_STRAY;
	r = ref->role == VAL_ROLE_STRAY ? VAL_R_NONE : check_shape(j, set);
	if (r != VAL_R_NONE) {
		j->out->result.type_covered = set->type;
		val_judge_bogus(j, r);
		return NULL;
	}
	j->set_count++;
	return ref;
}

/** @return false when bogus, or when the zone is not known */
static bool take_signed(struct val_judge *j, struct val_set_ref *ref)
{
	if (j->trust != NULL && !val_judge_place(j, ref))
		return false;
	return ref->role != VAL_ROLE_SIGNED || val_set_precheck(j, ref) == VAL_R_NONE;
}

/** @return false when bogus */
static bool take_set(struct val_judge *j, uint16_t first, bool seen[])
{
	struct val_set_ref *ref = collect(j, first);

	if (ref == NULL)
		return false;
	for (int i = 0; i < ref->set->rr_count; i++)
		seen[ref->set->rr[i]] = true;
	if (ref->role == VAL_ROLE_STRAY)
		return true;
	ref->role = (uint8_t)role_of(j, ref->set);
	if (ref->role == VAL_ROLE_INSECURE)
		val_judge_insecure(j, VAL_R_NEGATIVE_ANCHOR);
	return ref->role != VAL_ROLE_SIGNED || take_signed(j, ref);
}

bool val_judge_one(struct val_judge *j, uint16_t first)
{
	struct val_set_ref *ref = collect(j, first);

	return ref != NULL && val_set_precheck(j, ref) == VAL_R_NONE;
}

/** A CNAME without signature is good only as a DNAME's work, RFC 6672 s5.3.1. */
static bool check_synthesis(struct val_judge *j, struct val_set_ref *ref)
{
	const struct dns_msg *m = j->msg;
	const uint8_t *name = ref->set->owner.octets;
	struct dns_name target, want, have;

	ref->dname = val_judge_dname(j, name);
	if (ref->dname == NULL)
		return false;
	return val_rr_target(m, &m->rr[ref->dname->set->rr[0]], &target) &&
	       val_rr_target(m, &m->rr[ref->set->rr[0]], &have) &&
	       val_dname_apply(name, ref->dname->set->owner.octets, target.octets, &want) &&
	       dns_name_equal(want.octets, have.octets);
}

/** A CNAME that lacks a signature and does not follow from a DNAME. @return false when bogus */
static bool take_unsigned(struct val_judge *j, struct val_set_ref *ref)
{
	ref->role = VAL_ROLE_SIGNED;
	if (j->trust != NULL)
		return take_signed(j, ref);
	j->out->result.type_covered = DNS_TYPE_CNAME;
	val_judge_bogus(j, VAL_R_SIG_MISSING);
	return false;
}

static void note_end(struct val_judge *j)
{
	struct dns_name at;

	if (j->trust != NULL || j->zone->snapshot == NULL)
		return;
	if (val_judge_follow(j, &at) != VAL_END_OUT)
		j->negative = val_keys_negative(j->zone, at.octets);
}

bool val_judge_structure(struct val_judge *j)
{
	const struct dns_msg *m = j->msg;
	bool seen[DNS_MSG_RR_MAX] = {false};

	for (uint16_t i = 0; i < m->section_start[DNS_ADDITIONAL]; i++) {
		if (i == m->section_start[DNS_AUTHORITY])
			note_end(j); // the answer section is known
		if (seen[i] || m->rr[i].type == DNS_TYPE_RRSIG)
			continue;
		if (!take_set(j, i, seen))
			return false;
	}
	if (m->section_start[DNS_AUTHORITY] == m->section_start[DNS_ADDITIONAL])
		note_end(j); // there is nothing else
	for (int i = 0; i < j->set_count; i++) {
		if (j->ref[i].role == VAL_ROLE_SYNTH && !check_synthesis(j, &j->ref[i]) &&
			!take_unsigned(j, &j->ref[i]))
			return false;
	}
	return true;
}
