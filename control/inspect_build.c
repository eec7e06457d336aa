// From the anchors down: which of what was kept holds.

#include <stdlib.h>
#include <string.h>

#include "control/inspect_chain_priv.h"
#include "dns/rdata.h"
#include "validator/denial.h"

static const struct val_skew strict;

/* ---- judging a delegation ---- */

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
static struct chain_zone *signer_above(
	struct ctl_chain *c, const struct dns_msg *m, const uint8_t *child)
{
	struct chain_zone *best = NULL;

	for (uint16_t i = 0; i < m->section_start[DNS_ADDITIONAL]; i++) {
		const struct dns_rr *rr = &m->rr[i];
		struct dns_name signer;
		struct dns_rrsig sig;
		struct chain_zone *z;

		if (rr->type != DNS_TYPE_RRSIG ||
			dns_rrsig_read(m->data + rr->rdata_off, rr->rdata_len, &sig) != 0 ||
			!dns_name_under(child, sig.signer) || dns_name_equal(child, sig.signer))
			continue;
		dns_name_from_wire(sig.signer, sig.signer + sig.signer_len, &signer);
		dns_name_lower(signer.octets, signer.len);
		z = ctl_chain_zone_find(c, signer.octets);
		if (z != NULL && (best == NULL || z->name.labels > best->name.labels))
			best = z;
	}
	return best;
}

/** Where DS is denied: is the name a delegation at all? RFC 6840 s4.4: NS, but no DS and no SOA */
static bool is_unsigned_cut(
	const struct dns_msg *m, const struct chain_zone *parent, const struct chain_zone *child)
{
	struct val_denial_set proof = {.msg = m, .zone = parent->name.octets};
	enum val_reason why;

	for (uint16_t i = m->section_start[DNS_AUTHORITY]; i < m->section_start[DNS_ADDITIONAL];
		i++)
		if (val_denial_add(&proof, i) != 0)
			return false;
	return val_denial_no_ds(&proof, child->name.octets, &why) != VAL_DENIAL_FAILED;
}

/** @return false when it says nothing, good or bad, of a delegation */
static bool judge_ds(struct ctl_chain *c, struct chain_zone *z, struct chain_evidence *e)
{
	struct val_anchor ds[VAL_DS_MAX];
	const struct val_zone_keys *keys;
	struct chain_zone *parent;
	uint32_t until;

	if (dns_msg_parse(&c->msg, e->octets, e->len) != 0)
		return false;
	view_ds(&c->msg, &z->name, &c->view);
	parent = signer_above(c, &c->view, z->name.octets);
	if (parent == NULL) // nobody has asked for signatures, or somebody took them out
		return false;
	keys = parent->status == CHAIN_SECURE ? ctl_chain_keys_at(c, parent, e->first_us) : NULL;
	if (keys == NULL)
		return false;
	if (val_ds_from_response(c->verifier, &c->view, keys, z->name.octets,
		    ctl_chain_clock(c, e->first_us), &strict, ds, &e->ds_count, &until,
		    &e->result) != 0)
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

static bool take_keys(struct chain_evidence *e, const struct val_zone_keys *keys)
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
static void judge_dnskey(struct ctl_chain *c, struct chain_zone *z, struct chain_evidence *e,
	const struct val_anchor *ds, size_t count)
{
	struct val_zone_keys *keys = &c->fresh;
	struct val_result res;

	if (e->good || dns_msg_parse(&c->msg, e->octets, e->len) != 0)
		return;
	if (val_keys_from_dnskey(c->verifier, &c->msg, z->name.octets, ds, count,
		    ctl_chain_clock(c, e->first_us), &strict, keys, &res) != 0) {
		// that no DS stands for them says least
		if (e->result.reason == VAL_R_NONE || res.reason != VAL_R_DNSKEY_NO_DS_MATCH)
			e->result = res;
		return;
	}
	e->result = res;
	if (keys->status == VAL_ZONE_SECURE) {
		if (take_keys(e, keys))
			z->status = CHAIN_SECURE;
	} else if (z->status != CHAIN_SECURE) {
		z->status = CHAIN_INSECURE;
		z->result = res;
	}
}

static void judge_all_dnskeys(
	struct ctl_chain *c, struct chain_zone *z, const struct val_anchor *ds, size_t count)
{
	for (struct chain_evidence *e = z->dnskey; e != NULL; e = e->next)
		judge_dnskey(c, z, e, ds, count);
}

static size_t anchors_of(
	const struct ctl_chain *c, const struct chain_zone *z, struct val_anchor *out)
{
	size_t n = 0;

	for (unsigned i = 0; i < c->anchors.count; i++)
		if (dns_name_equal(c->anchors.item[i].zone.octets, z->name.octets))
			out[n++] = c->anchors.item[i];
	return n;
}

/** Nothing good was found: what is it that lacks, or fails? */
static void settle_failure(struct chain_zone *z, bool offered, const struct chain_evidence *bad_ds)
{
	if (!offered) {
		z->missing = DNS_TYPE_DS;
		if (bad_ds != NULL) {
			z->result = bad_ds->result;
			// a referral without a good proof is not the last word
			if (bad_ds->role == CHAIN_ROLE_DS)
				z->status = CHAIN_BOGUS;
		}
		return;
	}
	z->missing = DNS_TYPE_DNSKEY;
	if (z->dnskey == NULL)
		return;
	z->status = CHAIN_BOGUS;
	z->result = z->dnskey->result;
}

static void settle_delegated(struct ctl_chain *c, struct chain_zone *z)
{
	const struct chain_evidence *bad_ds = NULL;
	bool offered = false, inside = false;

	for (struct chain_evidence *e = z->ds; e != NULL; e = e->next) {
		if (!judge_ds(c, z, e)) {
			inside |= e->inside;
			continue;
		}
		if (!e->good) {
			if (bad_ds == NULL || bad_ds->role == CHAIN_ROLE_REFERRAL)
				bad_ds = e;
		} else if (e->ds != NULL) {
			offered = true;
			judge_all_dnskeys(c, z, e->ds, e->ds_count);
		} else if (z->status == CHAIN_UNSETTLED) {
			z->status = CHAIN_INSECURE;
			z->result = (struct val_result){
				.verdict = VAL_INSECURE, .reason = VAL_R_UNSIGNED_ZONE};
		}
	}
	if (z->status == CHAIN_UNSETTLED && inside && !offered)
		z->status = CHAIN_INSIDE;
	else if (z->status == CHAIN_UNSETTLED)
		settle_failure(z, offered, bad_ds);
}

static void settle(struct ctl_chain *c, struct chain_zone *z)
{
	struct val_anchor own[VAL_ANCHORS_MAX];
	size_t n = anchors_of(c, z, own);

	if (n == 0) {
		settle_delegated(c, z);
		return;
	}
	judge_all_dnskeys(c, z, own, n);
	if (z->status == CHAIN_UNSETTLED)
		settle_failure(z, true, NULL);
}

static int by_labels(const void *a, const void *b)
{
	const struct chain_zone *x = *(struct chain_zone *const *)a,
				*y = *(struct chain_zone *const *)b;

	return (int)x->name.labels - (int)y->name.labels;
}

void ctl_chain_build(struct ctl_chain *c)
{
	struct chain_zone **all = calloc(c->zones + 1, sizeof(struct chain_zone *));
	size_t n = 0;

	if (all == NULL)
		return; // all stay unsettled
	for (size_t i = 0; i < CHAIN_BUCKETS; i++)
		for (struct chain_zone *z = c->bucket[i]; z != NULL; z = z->chain)
			all[n++] = z;
	qsort(all, n, sizeof(all[0]), by_labels);
	for (size_t i = 0; i < n; i++)
		settle(c, all[i]);
	free(all);
}
