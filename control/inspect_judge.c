// Which zone a response is judged as an answer of, and its verdict.
//
// What is signed names its zone: the signer of the answer's, or of the denial's, RRSIGs, if it is
// or above the question. What is not signed may name it too, by an apex: SOA or NS records.
// Otherwise it is taken for an answer of the deepest zone that the capture knows, but only if the
// server has shown elsewhere that it speaks for that zone: else there may be a delegation in
// between that was not captured, and most of these are unsigned.

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "control/inspect_priv.h"
#include "dns/rdata.h"
#include "dns/text.h"
#include "validator/time.h"

enum zone_by { BY_SIGNER, BY_APEX, BY_DEPTH };

/* ---- the zone ---- */

static bool read_sig(const struct dns_msg *m, const struct dns_rr *rr, struct dns_rrsig *sig)
{
	return rr->type == DNS_TYPE_RRSIG &&
	       dns_rrsig_read(m->data + rr->rdata_off, rr->rdata_len, sig) == 0;
}

static bool owned_by(const struct dns_msg *m, const struct dns_rr *rr, const uint8_t *name)
{
	struct dns_name owner;

	dns_rr_owner(m, rr, &owner);
	return dns_name_equal(owner.octets, name);
}

/**
 * The deepest signer at or above `top`; of the signatures over the question's own name, if there
 * are any.
 */
static bool find_signer(const struct dns_msg *m, const uint8_t *top, struct dns_name *out)
{
	bool own = false, any = false;

	for (uint16_t k = 0; k < m->section_start[DNS_ADDITIONAL]; k++) {
		struct dns_rrsig sig;
		struct dns_name signer;
		bool here;

		if (!read_sig(m, &m->rr[k], &sig) || !dns_name_under(top, sig.signer))
			continue;
		here = m->rr[k].section == DNS_ANSWER && owned_by(m, &m->rr[k], m->qname.octets);
		dns_name_from_wire(sig.signer, sig.signer + sig.signer_len, &signer);
		if (any && (here < own || (here == own && signer.labels <= out->labels)))
			continue;
		any = true;
		own = here;
		*out = signer;
	}
	dns_name_lower(out->octets, any ? out->len : 0);
	return any;
}

/** An apex at or above `top`, by its SOA or NS. */
static bool find_apex(const struct dns_msg *m, const uint8_t *top, struct dns_name *out)
{
	for (uint16_t k = 0; k < m->section_start[DNS_ADDITIONAL]; k++) {
		const struct dns_rr *rr = &m->rr[k];
		bool ns = rr->type == DNS_TYPE_NS && (m->flags & DNS_FLAG_AA) != 0;

		if (rr->type != DNS_TYPE_SOA && !ns)
			continue;
		dns_rr_owner(m, rr, out);
		dns_name_lower(out->octets, out->len);
		if (dns_name_under(top, out->octets))
			return true;
	}
	return false;
}

static enum zone_by find_zone(const struct dns_msg *m, struct dns_name *zone)
{
	struct dns_name top = m->qname, cut;
	bool ds = m->qtype == DNS_TYPE_DS;

	if ((m->flags & DNS_FLAG_AA) == 0 && ctl_inspect_referral(m, &cut)) {
		top = cut;
		ds = true; // whose word it is: the parent's
	}
	dns_name_lower(top.octets, top.len);
	if (ds && top.labels > 0) {
		struct dns_name child = top;

		dns_name_from_wire(
			dns_name_strip(child.octets, 1), child.octets + DNS_NAME_MAX, &top);
		if (find_signer(m, top.octets, zone))
			return BY_SIGNER;
		// a zone asked for its own DS
		if (m->qtype == DNS_TYPE_DS && find_signer(m, child.octets, zone))
			return BY_SIGNER;
		if (m->qtype == DNS_TYPE_DS && find_apex(m, child.octets, zone))
			return BY_APEX;
	} else if (find_signer(m, top.octets, zone)) {
		return BY_SIGNER;
	} else if (find_apex(m, top.octets, zone)) {
		return BY_APEX;
	}
	*zone = top;
	return BY_DEPTH;
}

/* ---- saying it ---- */

void ctl_inspect_say(struct ctl_judged *j, enum val_verdict v, enum val_reason r)
{
	j->verdict = v;
	j->reason = r;
	j->ede = val_reason_ede(r);
	j->text = val_reason_text(r);
	snprintf(j->why, sizeof(j->why), "%s", val_reason_name(r));
}

/** Not a matter of validation. */
static void say_not_judged(struct ctl_judged *j, const char *why, const char *text)
{
	j->verdict = VAL_INDETERMINATE;
	j->reason = VAL_R_NONE;
	j->ede = DNS_EDE_NONE;
	j->text = text;
	snprintf(j->why, sizeof(j->why), "%s", why);
}

void ctl_inspect_say_missing(struct ctl_judged *j, const struct ctl_chain_place *place)
{
	char name[DNS_NAME_TEXT_MAX], buf[DNS_MNEMONIC_MAX];
	const char *type = dns_type_text(place->missing, buf);

	ctl_inspect_say(j, VAL_INDETERMINATE, VAL_R_NO_CHAIN);
	dns_name_to_text(place->zone, name, sizeof(name));
	if (place->over) {
		j->text = "the signatures over the zone's keys in the capture have expired";
		snprintf(j->why, sizeof(j->why), "no_chain: %s of %s has expired", type, name);
	} else if (place->result.reason != VAL_R_NONE) {
		j->text = "what the capture has of the chain of trust is not good";
		snprintf(j->why, sizeof(j->why), "no_chain: %s of %s is bogus (%s)", type, name,
			val_reason_name(place->result.reason));
	} else {
		j->text = "the chain of trust has a gap in the capture";
		snprintf(
			j->why, sizeof(j->why), "no_chain: no %s of %s in the capture", type, name);
	}
}

void ctl_inspect_say_no_anchor(struct ctl_judged *j, const struct dns_name *zone)
{
	char name[DNS_NAME_TEXT_MAX];

	ctl_inspect_say(j, VAL_INDETERMINATE, VAL_R_NO_CHAIN);
	j->text = "there is no trust anchor above it";
	snprintf(j->why, sizeof(j->why), "no_chain: no trust anchor above %s",
		dns_name_to_text(zone->octets, name, sizeof(name)));
}

static void set_zone(struct ctl_judged *j, const uint8_t *zone)
{
	j->has_zone = dns_name_from_wire(zone, zone + DNS_NAME_MAX, &j->zone) > 0;
}

/* ---- the signature ---- */

static bool decided(const struct val_result *r, const struct dns_rrsig *sig)
{
	return sig->type_covered == r->type_covered && sig->key_tag == r->key_tag &&
	       sig->algorithm == r->algorithm && sig->inception == r->inception &&
	       sig->expiration == r->expiration;
}

static bool ends_first(const struct val_result *r, const struct dns_rrsig *sig)
{
	return r->nearest_expiration != 0 && sig->expiration == r->nearest_expiration &&
	       sig->type_covered == r->nearest_type;
}

/** The one that decided, else the one by which the verdict ends first, else that of nearest end. */
static void set_signature(struct ctl_judged *j, const struct dns_msg *m, const struct val_result *r)
{
	int best = -1;
	int best_rank = 0;
	struct dns_rrsig sig, chosen = {0};

	for (uint16_t k = 0; k < m->section_start[DNS_ADDITIONAL]; k++) {
		int rank;

		if (!read_sig(m, &m->rr[k], &sig))
			continue;
		rank = r->algorithm != 0 && decided(r, &sig) ? 3 : ends_first(r, &sig) ? 2 : 1;
		if (rank < best_rank ||
			(rank == best_rank && !val_time_before(sig.expiration, chosen.expiration)))
			continue;
		best = k;
		best_rank = rank;
		chosen = sig;
	}
	if (best < 0)
		return;
	j->has_sig = true;
	dns_rr_owner(m, &m->rr[best], &j->owner);
	dns_name_from_wire(chosen.signer, chosen.signer + chosen.signer_len, &j->signer);
	dns_name_lower(j->owner.octets, j->owner.len);
	dns_name_lower(j->signer.octets, j->signer.len);
	j->type_covered = chosen.type_covered;
	j->key_tag = chosen.key_tag;
	j->algorithm = chosen.algorithm;
	j->inception = chosen.inception;
	j->expiration = chosen.expiration;
	j->margin_s = val_time_diff(j->clock, chosen.expiration);
}

/* ---- the verdict ---- */

int ctl_inspect_verify(void *arg, const struct val_want *want)
{
	struct inspect_verification *v = arg;
	bool good = val_verify(ctl_chain_verifier(v->i->chain), want->dnskey, want->dnskey_len,
			    want->data, want->data_len, want->sig, want->sig_len) == 1;
	struct val_sig_times times = {
		.inception = want->inception,
		.expiration = want->expiration,
		.key_generation = want->key_generation,
	};

	// made when it is first needed; without it everything is verified each time
	if (good && v->i->cache == NULL)
		val_sigcache_new(v->i->o.signatures, -1, &v->i->cache);
	if (good && v->i->cache != NULL)
		val_sigcache_put(v->i->cache, want->id, &times);
	v->checks.item[want->index].state = good ? VAL_SIG_GOOD : VAL_SIG_BAD;
	return 0;
}

static void judge_with_keys(struct ctl_inspect *i, const struct dns_msg *m,
	const struct val_zone_keys *keys, struct ctl_judged *j)
{
	struct inspect_verification v = {.i = i};
	struct val_result *r = &i->judged.result;

	i->ctx.cache = i->cache;
	// Each round settles at least one check, and checks are bounded.
	for (unsigned round = 0; round <= VAL_VERIFY_RESPONSE_MAX; round++) {
		val_response_judge(
			&i->ctx, m, keys, j->clock, &v.checks, ctl_inspect_verify, &v, &i->judged);
		if (r->verdict != VAL_PENDING)
			break;
	}
	if (r->verdict == VAL_PENDING) {
		r->verdict = VAL_BOGUS;
		r->reason = VAL_R_BUDGET;
	}
	ctl_inspect_say(j, r->verdict, r->reason);
}

/** An answer of the deepest zone known, by a server that never said it speaks for it? */
static bool may_be_below(struct ctl_inspect *i, const struct ctl_capture_msg *m,
	const struct dns_name *top, const struct ctl_chain_place *place)
{
	return place->state == CTL_CHAIN_SECURE && !place->inside &&
	       !dns_name_equal(place->zone, top->octets) && !ctl_inspect_serves(i, m, place->zone);
}

/** The delegation that would be the next one below the zone. */
static void say_gap_below(struct ctl_judged *j, const struct dns_name *top, const uint8_t *zone)
{
	struct ctl_chain_place place = {.state = CTL_CHAIN_MISSING, .missing = DNS_TYPE_DS};

	place.zone = dns_name_strip(top->octets, top->labels - dns_name_labels(zone) - 1);
	ctl_inspect_say_missing(j, &place);
}

static void judge_in_zone(struct ctl_inspect *i, const struct ctl_capture_msg *m,
	const struct dns_msg *msg, struct ctl_judged *j)
{
	struct ctl_chain_place place;
	struct dns_name zone;
	enum zone_by by = find_zone(msg, &zone);

	memset(&i->judged.result, 0, sizeof(i->judged.result));
	ctl_chain_find(i->chain, zone.octets, m->time_us, by != BY_DEPTH, &place);
	if (place.state != CTL_CHAIN_NO_ANCHOR)
		set_zone(j, place.state == CTL_CHAIN_MISSING ? zone.octets : place.zone);
	switch (place.state) {
	case CTL_CHAIN_SECURE:
		if (ctl_inspect_spans(i, msg, place.zone))
			ctl_inspect_judge_zones(i, m, msg, j);
		else if (by == BY_DEPTH && may_be_below(i, m, &zone, &place))
			say_gap_below(j, &zone, place.zone);
		else
			judge_with_keys(i, msg, place.keys, j);
		break;
	case CTL_CHAIN_INSECURE:
		if (ctl_inspect_spans(i, msg, place.zone))
			ctl_inspect_judge_zones(i, m, msg, j);
		else
			ctl_inspect_say(j, VAL_INSECURE, place.result.reason);
		break;
	case CTL_CHAIN_BOGUS:
		ctl_inspect_say(j, VAL_BOGUS, place.result.reason);
		break;
	case CTL_CHAIN_MISSING:
		ctl_inspect_say_missing(j, &place);
		break;
	case CTL_CHAIN_NO_ANCHOR:
	default:
		ctl_inspect_say_no_anchor(j, &zone);
	}
}

static bool has_signature(const struct dns_msg *m)
{
	for (uint16_t k = 0; k < m->section_start[DNS_ADDITIONAL]; k++)
		if (m->rr[k].type == DNS_TYPE_RRSIG)
			return true;
	return false;
}

/** The server's own word on why it failed, RFC 8914. */
static int own_ede(const struct dns_msg *m)
{
	enum { OPTION_EDE = 15 };
	uint16_t pos = 0, code, len;
	const uint8_t *value;

	while (dns_edns_option(m, &pos, &code, &value, &len))
		if (code == OPTION_EDE && len >= 2)
			return dns_get16(value);
	return DNS_EDE_NONE;
}

static void say_rcode(struct ctl_judged *j, const struct dns_msg *m)
{
	char text[DNS_MNEMONIC_MAX];
	const char *name = dns_rcode_text(j->rcode, text);
	size_t n = 0;

	say_not_judged(j, "", "the server answers with an error");
	for (; name[n] != '\0'; n++)
		j->why[n] = (char)tolower((unsigned char)name[n]);
	j->why[n] = '\0';
	j->ede = own_ede(m);
}

/** What cannot be judged at all. @return false when it can */
static bool judge_form(const struct dns_msg *m, struct ctl_judged *j)
{
	if (j->rcode != DNS_RCODE_NOERROR && j->rcode != DNS_RCODE_NXDOMAIN)
		say_rcode(j, m);
	else if (m->flags & DNS_FLAG_TC)
		say_not_judged(j, "truncated", "TC=1: anything may be missing");
	else if (!j->has_question)
		say_not_judged(j, "no_question", "there is no question in it");
	else if (m->qclass != DNS_CLASS_IN)
		say_not_judged(j, "class", "DNSSEC is for class IN");
	else if (m->qtype == DNS_TYPE_AXFR || m->qtype == DNS_TYPE_IXFR)
		say_not_judged(j, "transfer", "a zone transfer is no answer");
	else
		return false;
	return true;
}

/**
 * An answer, whoever gives it: data, a denial, or a resolver's word. A referral is none, nor is
 * nothing at all.
 */
static bool is_answer(const struct dns_msg *m)
{
	struct dns_name cut;

	if (m->section_start[DNS_AUTHORITY] > 0 || dns_msg_rcode(m) == DNS_RCODE_NXDOMAIN)
		return true;
	if (ctl_inspect_referral(m, &cut))
		return false;
	for (uint16_t k = 0; k < m->section_start[DNS_ADDITIONAL]; k++)
		if (m->rr[k].type == DNS_TYPE_SOA || m->rr[k].type == DNS_TYPE_NSEC ||
			m->rr[k].type == DNS_TYPE_NSEC3)
			return true;
	return (m->flags & DNS_FLAG_RA) != 0;
}

void ctl_inspect_judge(struct ctl_inspect *i, const struct ctl_capture_msg *m, struct dns_msg *msg,
	struct ctl_judged *j)
{
	bool aa = (msg->flags & DNS_FLAG_AA) != 0;

	memset(&i->judged.result, 0, sizeof(i->judged.result));
	if (!judge_form(msg, j)) {
		// whether there is authority is not the question here
		if (is_answer(msg))
			msg->flags |= DNS_FLAG_AA;
		judge_in_zone(i, m, msg, j);
		if (!aa)
			msg->flags &= (uint16_t)~DNS_FLAG_AA;
		if (j->verdict == VAL_BOGUS && !has_signature(msg) &&
			ctl_inspect_asked(i, m, msg) == INSPECT_ASKED_PLAIN)
			say_not_judged(j, "no_do",
				"signatures were not asked for: the query had no DO bit");
	}
	set_signature(j, msg, &i->judged.result);
}
