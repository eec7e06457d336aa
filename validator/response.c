// How a response is judged. Three passes, each over the whole message before the next begins, so
// that the reason of a bogus verdict does not depend on what the cache happens to know:
//
//   structure  which RRsets there are, what each must be, and whether some signature fits in form,
//   labels,
//              signer, time and key. Costs no cryptography; what fails here is bogus at once.
//   crypto     each signed RRset: cache, else checks, else want. All that is wanted is wanted in
//   one call. claims     only when every signature is known good: the CNAME chain, wildcard
//   expansions, the referral's or
//              the negative answer's proof. Here NSEC3 hashes are computed, once a response.
//
// What is not the zone's own signed data is bogus wherever it stands in answer or authority, with
// three exceptions: NS of the delegation referred to, a CNAME that follows from a signed DNAME, and
// RRSIGs that were asked for. That goes for records of another zone too, which a server of several
// zones may add at the end of a CNAME chain: they cannot be judged with this zone's keys, must not
// pass as secure (RFC 4035 s3.2.3 speaks of all of answer and authority), and an authoritative
// answer is complete without them: the resolver asks for the target itself. The additional section
// is not judged: glue is unsigned by nature, and AD does not speak of it.

#include "validator/response.h"

#include <string.h>

#include "validator/response_priv.h"
#include "validator/time.h"

void val_checks_next_response(struct val_checks *c)
{
	c->count = 0;
}

void val_judge_bogus(struct val_judge *j, enum val_reason r)
{
	if (j->out->result.verdict == VAL_BOGUS)
		return;
	j->out->result.verdict = VAL_BOGUS;
	j->out->result.reason = r;
	// How many were found good before the bad one depends on what the cache knew.
	j->out->result.newest_inception = 0;
	j->out->result.nearest_expiration = 0;
	j->out->result.nearest_type = 0;
}

void val_judge_insecure(struct val_judge *j, enum val_reason r)
{
	if (j->out->result.verdict != VAL_SECURE)
		return;
	j->out->result.verdict = VAL_INSECURE;
	j->out->result.reason = r;
}

bool val_judge_cut(const struct val_judge *j, const uint8_t *name, struct dns_name *cut)
{
	const struct dns_msg *m = j->msg;

	if (j->of_resolver)
		return false; // it does not refer us to anybody
	for (uint16_t i = m->section_start[DNS_AUTHORITY]; i < m->section_start[DNS_ADDITIONAL];
		i++) {
		if (m->rr[i].type != DNS_TYPE_NS)
			continue;
		dns_rr_owner(m, &m->rr[i], cut);
		dns_name_lower(cut->octets, cut->len);
		if (cut->labels <= j->zone->zone.labels || !dns_name_within(cut, &j->zone->zone) ||
			!dns_name_under(name, cut->octets))
			continue;
		if (m->qtype == DNS_TYPE_DS && dns_name_equal(name, cut->octets))
			continue;
		return true;
	}
	return false;
}

static enum val_kind classify(const struct val_judge *j)
{
	const struct dns_msg *m = j->msg;
	uint16_t rcode = dns_msg_rcode(m);
	bool empty = m->section_start[DNS_ANSWER] == m->section_start[DNS_AUTHORITY];
	struct dns_name cut;

	if (m->qd_count != 1 || (rcode != DNS_RCODE_NOERROR && rcode != DNS_RCODE_NXDOMAIN))
		return VAL_KIND_ERROR;
	if (!dns_name_within(&j->qname, &j->zone->zone))
		return VAL_KIND_LAME;
	if (rcode == DNS_RCODE_NOERROR && empty && val_judge_cut(j, j->qname.octets, &cut))
		return VAL_KIND_REFERRAL;
	if ((m->flags & DNS_FLAG_AA) == 0)
		return VAL_KIND_LAME;
	if (rcode == DNS_RCODE_NXDOMAIN)
		return VAL_KIND_NXDOMAIN;
	return empty ? VAL_KIND_NODATA : VAL_KIND_ANSWER;
}

/** Does the answer speak of nothing but names below a negative trust anchor? */
static bool is_wholly_negative(const struct val_judge *j)
{
	const struct dns_msg *m = j->msg;
	struct dns_name owner;

	if (!val_keys_negative(j->zone, j->qname.octets))
		return false;
	for (uint16_t i = m->section_start[DNS_ANSWER]; i < m->section_start[DNS_AUTHORITY]; i++) {
		dns_rr_owner(m, &m->rr[i], &owner);
		dns_name_lower(owner.octets, owner.len);
		if (dns_name_within(&owner, &j->zone->zone) &&
			!val_keys_negative(j->zone, owner.octets))
			return false;
	}
	return true;
}

static void judge_without_keys(struct val_judge *j)
{
	bool negative = is_wholly_negative(j);

	j->out->result.verdict = negative ? VAL_INSECURE : VAL_INDETERMINATE;
	if (negative)
		j->out->result.reason = VAL_R_NEGATIVE_ANCHOR;
	else if (j->zone->status == VAL_ZONE_UNKNOWN && j->zone->why != VAL_R_NONE)
		j->out->result.reason = j->zone->why; // where the chain broke
	else
		j->out->result.reason = VAL_R_NO_CHAIN;
}

/** The verdict where no signature is looked at. @return false when signatures must be */
static bool judge_unsigned(struct val_judge *j)
{
	struct val_result *r = &j->out->result;

	r->verdict = VAL_INDETERMINATE;
	if (j->out->kind == VAL_KIND_ERROR) {
		r->reason = VAL_R_NONE;
		return true;
	}
	if (j->out->kind == VAL_KIND_LAME) {
		r->reason = VAL_R_LAME;
		return true;
	}
	switch (j->zone->status) {
	case VAL_ZONE_SECURE:
		if (!val_time_before(j->zone->valid_until, j->now))
			return false;
		judge_without_keys(j);
		return true;
	case VAL_ZONE_INSECURE:
		r->verdict = VAL_INSECURE;
		r->reason = j->zone->why;
		return true;
	case VAL_ZONE_NTA:
		r->verdict = VAL_INSECURE;
		r->reason = VAL_R_NEGATIVE_ANCHOR;
		return true;
	case VAL_ZONE_UNKNOWN:
	default:
		judge_without_keys(j);
		return true;
	}
}

void val_judge_secure(struct val_judge *j)
{
	j->out->result.verdict = VAL_SECURE;
	j->out->result.reason = VAL_R_NONE;
	for (uint16_t i = 0; i < j->msg->rr_count; i++)
		j->out->ttl_cap_s[i] = UINT32_MAX;
}

void val_judge_init(struct val_judge *j, struct val_ctx *ctx, const struct dns_msg *msg,
	struct val_checks *checks, val_want_fn want, void *want_arg)
{
	// Member by member: clearing all that there may be RRsets for would cost more than most
	// judgements do.
	j->ctx = ctx;
	j->msg = msg;
	j->zone = NULL;
	j->now = 0;
	j->checks = checks;
	j->want = want;
	j->want_arg = want_arg;
	j->out = NULL;
	j->of_resolver = j->negative = false;
	j->trust = NULL;
	j->need = NULL;
	j->qname.len = 1;
	j->qname.labels = j->qname.octets[0] = 0;
	j->blocks = 0;
	j->set_count = 0;
}

void val_judge_begin(struct val_judge *j)
{
	val_response_reset(j->out);
	if (j->msg->qd_count != 1)
		return;
	dns_name_copy(&j->qname, &j->msg->qname);
	dns_name_lower(j->qname.octets, j->qname.len);
}

void val_rrset_judge(struct val_ctx *ctx, const struct dns_msg *msg, uint16_t first,
	const struct val_zone_keys *zone, uint32_t now, struct val_checks *checks, val_want_fn want,
	void *want_arg, struct val_response *out)
{
	struct val_judge j;

	val_judge_init(&j, ctx, msg, checks, want, want_arg);
	j.zone = zone;
	j.now = now;
	j.out = out;
	val_judge_begin(&j);
	out->kind = VAL_KIND_ANSWER;
	val_judge_secure(&j);
	if (!val_judge_one(&j, first) || !val_judge_crypto(&j))
		return;
	if (out->result.verdict == VAL_PENDING)
		return;
	// Only a whole response could hold the proof that an expansion needs.
	if (j.ref[0].expanded)
		val_judge_bogus(&j, VAL_R_SIG_LABELS);
	out->ttl_capped = out->result.verdict != VAL_BOGUS;
}

void val_judge_whole(struct val_judge *j)
{
	struct val_response *out = j->out;

	val_judge_begin(j);
	out->kind = classify(j);
	if (judge_unsigned(j))
		return;

	val_judge_secure(j);
	if (!val_judge_structure(j) || !val_judge_crypto(j))
		return;
	if (out->result.verdict == VAL_PENDING)
		return;
	val_judge_claims(j);
	out->ttl_capped = out->result.verdict != VAL_BOGUS;
}

void val_response_judge(struct val_ctx *ctx, const struct dns_msg *msg,
	const struct val_zone_keys *zone, uint32_t now, struct val_checks *checks, val_want_fn want,
	void *want_arg, struct val_response *out)
{
	struct val_judge j;

	val_judge_init(&j, ctx, msg, checks, want, want_arg);
	j.zone = zone;
	j.now = now;
	j.out = out;
	val_judge_whole(&j);
}
