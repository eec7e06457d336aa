// The third pass: what the response claims, once every signature in it is known good.

#include <string.h>

#include "validator/response_priv.h"

void val_judge_proof(struct val_judge *j, enum val_denial got, enum val_reason why)
{
	if (got == VAL_DENIAL_FAILED)
		val_judge_bogus(j, why);
	else if (got != VAL_DENIAL_PROVEN)
		val_judge_insecure(j, why);
}

bool val_judge_gather(
	struct val_judge *j, const struct val_zone_keys *zone, struct val_denial_set *proof)
{
	*proof = (struct val_denial_set){
		.msg = j->msg, .zone = zone->zone.octets, .blocks = &j->blocks};
	for (int i = 0; i < j->set_count; i++) {
		const struct val_rrset *set = j->ref[i].set;

		if (j->ref[i].zone != zone)
			continue;
		// others than NSEC and NSEC3 are not added
		for (int k = 0; set->section == DNS_AUTHORITY && k < set->rr_count; k++) {
			if (val_denial_add(proof, set->rr[k]) < 0) {
				val_judge_bogus(j, VAL_R_BUDGET);
				return false;
			}
		}
	}
	return true;
}

/**
 * Wildcards answer questions; nothing in the authority section can come from one: apex data has the
 * zone's own name, denial records and delegations have theirs (RFC 4592 s4.2, RFC 4035 s5.4).
 */
static void check_expansions(struct val_judge *j)
{
	struct val_denial_set proof;
	enum val_denial got;
	enum val_reason why;
	int count = 0;

	for (int i = 0; i < j->set_count; i++) {
		const struct val_set_ref *ref = &j->ref[i];

		if (!ref->expanded)
			continue;
		if (ref->set->section != DNS_ANSWER) {
			val_judge_bogus(j, VAL_R_SIG_LABELS);
			return;
		}
		if (++count > VAL_EXPANSIONS_MAX) {
			val_judge_bogus(j, VAL_R_BUDGET);
			return;
		}
		if (!val_judge_gather(j, ref->zone, &proof))
			return;
		got = val_denial_wildcard(&proof, ref->set->owner.octets, ref->labels, &why);
		val_judge_proof(j, got, why);
	}
}

static bool has_rrsig(const struct val_judge *j, const uint8_t *owner)
{
	const struct dns_msg *m = j->msg;
	struct dns_name name;

	for (uint16_t i = m->section_start[DNS_ANSWER]; i < m->section_start[DNS_AUTHORITY]; i++) {
		if (m->rr[i].type != DNS_TYPE_RRSIG)
			continue;
		dns_rr_owner(m, &m->rr[i], &name);
		if (dns_name_equal(name.octets, owner))
			return true;
	}
	return false;
}

/** Is the question's type there at this name? */
static bool has_answer(struct val_judge *j, const uint8_t *name)
{
	if (j->msg->qtype == DNS_TYPE_RRSIG)
		return has_rrsig(j, name);
	if (j->msg->qtype != DNS_TYPE_ANY)
		return val_judge_find(j, name, j->msg->qtype) != NULL;
	for (int i = 0; i < j->set_count; i++) {
		const struct val_rrset *set = j->ref[i].set;

		if (set->section == DNS_ANSWER && dns_name_equal(set->owner.octets, name))
			return true;
	}
	return false;
}

/**
 * One step along a CNAME, or a DNAME whose CNAME was left out.
 * @retval 1 made, 0 no way on, -1 broken
 */
static int chain_step(struct val_judge *j, struct dns_name *at)
{
	const struct dns_msg *m = j->msg;
	struct dns_name target, next;
	const struct val_set_ref *ref = val_judge_find(j, at->octets, DNS_TYPE_CNAME);

	if (ref != NULL)
		return val_rr_target(m, &m->rr[ref->set->rr[0]], at) ? 1 : -1;
	ref = val_judge_dname(j, at->octets);
	if (ref == NULL)
		return 0;
	if (!val_rr_target(m, &m->rr[ref->set->rr[0]], &target) ||
		!val_dname_apply(at->octets, ref->set->owner.octets, target.octets, &next))
		return -1;
	*at = next;
	return 1;
}

enum val_judge_end val_judge_follow(struct val_judge *j, struct dns_name *at)
{
	*at = j->qname;
	for (int steps = 0; steps <= VAL_CHAIN_MAX; steps++) {
		int made;

		if (!dns_name_within(at, &j->zone->zone))
			return VAL_END_OUT;
		if (has_answer(j, at->octets))
			return VAL_END_FOUND;
		made = chain_step(j, at);
		if (made <= 0)
			return made == 0 ? VAL_END_STOP : VAL_END_BROKEN;
	}
	return VAL_END_BROKEN;
}

/** A DS RRset of the cut in the authority section; it is signed and judged like any other. */
static bool has_ds(const struct val_judge *j, const struct dns_name *cut)
{
	for (int i = 0; i < j->set_count; i++) {
		const struct val_rrset *set = j->ref[i].set;

		if (set->section == DNS_AUTHORITY && set->type == DNS_TYPE_DS &&
			dns_name_is(&set->owner, cut))
			return true;
	}
	return false;
}

/** Unsigned NS are good only as the delegation referred to. cut NULL: no referral. */
static void check_cuts(struct val_judge *j, const struct dns_name *cut)
{
	for (int i = 0; i < j->set_count; i++) {
		const struct val_set_ref *ref = &j->ref[i];

		if (ref->role != VAL_ROLE_CUT ||
			(cut != NULL && dns_name_is(&ref->set->owner, cut)))
			continue;
		j->out->result.type_covered = DNS_TYPE_NS;
		val_judge_bogus(j, VAL_R_SIG_MISSING);
	}
}

/** RFC 4035 s5.2, RFC 5155 s8.9. Without DS what lies below is insecure, and so is the NS. */
static void check_referral(
	struct val_judge *j, const struct val_denial_set *proof, const struct dns_name *cut)
{
	enum val_denial got;
	enum val_reason why;

	if (has_ds(j, cut))
		return;
	got = val_denial_no_ds(proof, cut->octets, &why);
	val_judge_proof(j, got, why);
	val_judge_insecure(j, VAL_R_UNSIGNED_DELEGATION);
}

/**
 * A zone asked for the DS at its own apex: only the parent can say, so there is no proof that could
 * be demanded and nothing that could be believed (RFC 4035 s3.1.4.1, RFC 6840 s4.4). Passed on,
 * never as secure, and no fault of the site.
 */
static bool is_own_ds(const struct val_judge *j, const struct dns_name *at)
{
	return j->msg->qtype == DNS_TYPE_DS && at->labels > 0 && dns_name_is(at, &j->zone->zone);
}

/**
 * A chain may end at an unsigned delegation with the proof of that, and no NS: nothing is claimed
 * of the target that anybody could not claim. Not so for the question itself, which a referral must
 * answer.
 */
static bool ends_unsigned(
	const struct val_judge *j, const struct val_denial_set *proof, const struct dns_name *at)
{
	enum val_reason why;

	return !dns_name_is(at, &j->qname) &&
	       val_denial_no_ds(proof, at->octets, &why) != VAL_DENIAL_FAILED;
}

/** NOERROR, and the answer section ends at a name of this zone without what was asked for. */
static void check_stop(
	struct val_judge *j, const struct val_denial_set *proof, const struct dns_name *at)
{
	struct dns_name cut;
	enum val_reason why;
	enum val_denial got;

	if (val_judge_cut(j, at->octets, &cut)) {
		check_cuts(j, &cut);
		check_referral(j, proof, &cut);
		return;
	}
	check_cuts(j, NULL);
	if (is_own_ds(j, at)) {
		val_judge_insecure(j, VAL_R_NONE);
		return;
	}
	got = val_denial_nodata(proof, at->octets, j->msg->qtype, &why);
	if (got == VAL_DENIAL_FAILED && ends_unsigned(j, proof, at))
		val_judge_insecure(j, VAL_R_UNSIGNED_DELEGATION);
	else
		val_judge_proof(j, got, why);
}

/** A synthesised CNAME lives as long as its DNAME (RFC 6672 s5.3.1). */
static void cap_synthesis(struct val_judge *j)
{
	for (int i = 0; i < j->set_count; i++) {
		const struct val_set_ref *ref = &j->ref[i];

		if (ref->role == VAL_ROLE_SYNTH)
			j->out->ttl_cap_s[ref->set->rr[0]] =
				j->out->ttl_cap_s[ref->dname->set->rr[0]];
	}
}

/** NXDOMAIN, of a name at which the answer section ended like this. */
static void check_nxdomain(struct val_judge *j, const struct val_denial_set *proof,
	enum val_judge_end end, const struct dns_name *at)
{
	enum val_denial got;
	enum val_reason why;

	check_cuts(j, NULL);
	if (end == VAL_END_STOP) {
		got = val_denial_nxdomain(proof, at->octets, &why);
		val_judge_proof(j, got, why);
	} else { // the name is there, or is not this zone's to deny
		val_judge_bogus(
			j, end == VAL_END_FOUND ? VAL_R_DENIAL_CONTRADICTS : VAL_R_DENIAL_MISSING);
	}
}

static void judge_claims(struct val_judge *j)
{
	struct val_denial_set proof;
	struct dns_name at;
	enum val_judge_end end;

	if (j->negative) {
		cap_synthesis(j);
		val_judge_insecure(j, VAL_R_NEGATIVE_ANCHOR);
		return;
	}
	if (!val_judge_gather(j, j->zone, &proof))
		return;
	cap_synthesis(j);
	check_expansions(j);
	end = val_judge_follow(j, &at);
	if (j->trust != NULL) {
		val_judge_last(j, end, &at);
	} else if (end == VAL_END_BROKEN) {
		val_judge_bogus(j, VAL_R_DENIAL_MISSING);
	} else if (j->out->kind == VAL_KIND_NXDOMAIN) {
		check_nxdomain(j, &proof, end, &at);
	} else if (end == VAL_END_STOP) {
		check_stop(j, &proof, &at);
	} else {
		check_cuts(j, NULL);
		// RRSIGs have no signature of their own (RFC 4035 s2.2): never secure.
		if (end == VAL_END_FOUND && j->msg->qtype == DNS_TYPE_RRSIG)
			val_judge_insecure(j, VAL_R_NONE);
	}
}

void val_judge_claims(struct val_judge *j)
{
	struct val_ctx *ctx = j->ctx;
	uint32_t max = ctx->blocks_max != 0 ? ctx->blocks_max : VAL_NSEC3_BLOCKS_MAX;

	j->blocks = max;
	judge_claims(j);
	ctx->blocks += max - j->blocks;
}
