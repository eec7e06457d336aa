// Responses that hold records of several zones, as resolvers and servers of many zones give them:
// the validator judges each RRset with the keys of its own zone and says what it must know about a
// name. Where it would ask the net, the capture's chains answer, or cannot: then that is what is
// missing.

#include <string.h>

#include "control/inspect_priv.h"
#include "dns/rdata.h"
#include "validator/chain.h"
#include "validator/facts.h"

enum {
	FACTS = 256, // owners, signers and the names between them, of one response
	FACT_SETS = 32,
};

static bool read_sig(const struct dns_msg *m, const struct dns_rr *rr, struct dns_rrsig *sig)
{
	return rr->type == DNS_TYPE_RRSIG &&
	       dns_rrsig_read(m->data + rr->rdata_off, rr->rdata_len, sig) == 0;
}

static void lower_owner(const struct dns_msg *m, const struct dns_rr *rr, struct dns_name *out)
{
	dns_rr_owner(m, rr, out);
	dns_name_lower(out->octets, out->len);
}

/** Where data of a type is kept: DS with the parent. */
static const uint8_t *home(const struct dns_name *owner, uint16_t type)
{
	return dns_name_strip(owner->octets, type == DNS_TYPE_DS && owner->labels > 0);
}

static bool is_covered(const struct dns_msg *m, const struct dns_rr *rr, const uint8_t *owner)
{
	for (uint16_t k = m->section_start[rr->section]; k < m->section_start[rr->section + 1];
		k++) {
		struct dns_rrsig sig;
		struct dns_name at;

		if (!read_sig(m, &m->rr[k], &sig) || sig.type_covered != rr->type)
			continue;
		dns_rr_owner(m, &m->rr[k], &at);
		if (dns_name_equal(at.octets, owner))
			return true;
	}
	return false;
}

/** Does a record belong to another zone than this one, as far as the capture knows? */
static bool is_elsewhere(struct ctl_inspect *i, const struct dns_msg *m, const struct dns_rr *rr,
	const uint8_t *zone)
{
	struct ctl_chain_place place;
	struct dns_name owner;
	struct dns_rrsig sig;

	lower_owner(m, rr, &owner);
	if (!dns_name_under(owner.octets, zone))
		return true;
	if (rr->type == DNS_TYPE_RRSIG)
		return read_sig(m, rr, &sig) && !dns_name_equal(sig.signer, zone) &&
		       dns_name_under(owner.octets, sig.signer);
	// unsigned data, but not of a delegation or a DNAME
	if ((rr->section != DNS_ANSWER && rr->type != DNS_TYPE_SOA) ||
		is_covered(m, rr, owner.octets))
		return false;
	ctl_chain_find(i->chain, home(&owner, rr->type), i->now_us, false, &place);
	return (place.state == CTL_CHAIN_SECURE || place.state == CTL_CHAIN_INSECURE) &&
	       !dns_name_equal(place.zone, zone);
}

bool ctl_inspect_spans(struct ctl_inspect *i, const struct dns_msg *m, const uint8_t *zone)
{
	struct dns_name cut;

	if (ctl_inspect_referral(m, &cut))
		return false;
	for (uint16_t k = 0; k < m->section_start[DNS_ADDITIONAL]; k++)
		if (is_elsewhere(i, m, &m->rr[k], zone))
			return true;
	return false;
}

/* ---- what the capture knows ---- */

struct lesson {
	struct ctl_inspect *i;
	const struct ctl_capture_msg *m;
	struct val_trust trust;
};

static void put(struct lesson *l, const uint8_t *name, struct val_fact fact)
{
	struct dns_name n;

	dns_name_from_wire(name, name + DNS_NAME_MAX, &n);
	fact.until = l->trust.now;
	val_facts_put(l->trust.facts, &n, &fact, l->trust.now);
}

/** Note what is known of a lower-cased name. */
static void learn(struct lesson *l, const uint8_t *name)
{
	struct ctl_chain_place place;

	ctl_chain_find(l->i->chain, name, l->m->time_us, false, &place);
	switch (place.state) {
	case CTL_CHAIN_SECURE:
		put(l, place.zone, (struct val_fact){.kind = VAL_FACT_KEYS, .set = place.keys});
		if (!dns_name_equal(place.zone, name) &&
			(place.inside || ctl_inspect_serves(l->i, l->m, place.zone)))
			put(l, name,
				(struct val_fact){.kind = VAL_FACT_INSIDE,
					.zone_labels = (uint8_t)dns_name_labels(place.zone)});
		break;
	case CTL_CHAIN_INSECURE:
		put(l, name,
			(struct val_fact){
				.kind = VAL_FACT_INSECURE, .why = (uint8_t)place.result.reason});
		break;
	case CTL_CHAIN_BOGUS:
		put(l, name,
			(struct val_fact){
				.kind = VAL_FACT_FAILED, .why = (uint8_t)place.result.reason});
		break;
	case CTL_CHAIN_MISSING:
	case CTL_CHAIN_NO_ANCHOR:
	default:
		break;
	}
}

/** All signers and the owners of what is not signed. */
static void learn_all(struct lesson *l, const struct dns_msg *m)
{
	for (uint16_t k = 0; k < m->section_start[DNS_ADDITIONAL]; k++) {
		const struct dns_rr *rr = &m->rr[k];
		struct dns_rrsig sig;
		struct dns_name name;

		lower_owner(m, rr, &name);
		if (read_sig(m, rr, &sig)) {
			dns_name_from_wire(sig.signer, sig.signer + sig.signer_len, &name);
			dns_name_lower(name.octets, name.len);
		} else if (rr->type == DNS_TYPE_RRSIG || is_covered(m, rr, name.octets)) {
			continue;
		}
		learn(l, rr->type == DNS_TYPE_RRSIG ? name.octets : home(&name, rr->type));
	}
}

/* ---- judging ---- */

/** @return false: it is not in the capture */
static bool answer(struct lesson *l, const struct val_chain_step *need)
{
	struct val_fact fact;

	learn(l, need->name.octets);
	return val_facts_get(l->trust.facts, need->name.octets, l->trust.now, &fact);
}

static void say_unknown(struct ctl_inspect *i, const struct dns_name *name, struct ctl_judged *j)
{
	struct ctl_chain_place place;

	ctl_chain_find(i->chain, name->octets, i->now_us, true, &place);
	memset(&i->judged.result, 0, sizeof(i->judged.result));
	if (place.state == CTL_CHAIN_MISSING)
		ctl_inspect_say_missing(j, &place);
	else
		ctl_inspect_say_no_anchor(j, name);
}

void ctl_inspect_judge_zones(struct ctl_inspect *i, const struct ctl_capture_msg *m,
	const struct dns_msg *msg, struct ctl_judged *j)
{
	struct inspect_verification v = {.i = i};
	struct lesson l = {.i = i, .m = m, .trust = {.now = j->clock}};
	struct val_result *r = &i->judged.result;
	struct val_chain_step need;

	if (i->facts == NULL && val_facts_new(FACTS, FACT_SETS, -1, &i->key, &i->facts) != 0) {
		ctl_inspect_say(j, VAL_INDETERMINATE, VAL_R_NO_CHAIN);
		return;
	}
	l.trust.anchors = ctl_chain_anchors(i->chain);
	l.trust.facts = i->facts;
	val_facts_clear(i->facts);
	learn_all(&l, msg);
	// each round settles a check or a name; both are bounded, names by the facts' table
	for (unsigned round = 0; round < FACTS; round++) {
		val_chain_response(&i->ctx, &l.trust, msg, &v.checks, ctl_inspect_verify, &v,
			&i->judged, &need);
		if (r->verdict != VAL_PENDING)
			break;
		if (need.end == VAL_CHAIN_ASK && !answer(&l, &need)) {
			say_unknown(i, &need.name, j);
			return;
		}
	}
	if (r->verdict == VAL_PENDING) {
		r->verdict = VAL_BOGUS;
		r->reason = VAL_R_BUDGET;
	}
	if (r->verdict == VAL_INDETERMINATE && r->reason == VAL_R_NO_CHAIN) {
		struct dns_name name = msg->qname;

		dns_name_lower(name.octets, name.len);
		say_unknown(i, &name, j);
	} else {
		ctl_inspect_say(j, r->verdict, r->reason);
	}
}
