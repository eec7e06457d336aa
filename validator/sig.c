#include "validator/sig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "validator/time.h"

bool val_alg_supported(uint8_t algorithm, bool sha1)
{
	switch (algorithm) {
	case VAL_ALG_RSASHA256:
	case VAL_ALG_RSASHA512:
	case VAL_ALG_P256:
	case VAL_ALG_P384:
	case VAL_ALG_ED25519:
	case VAL_ALG_ED448:
		return true;
	case VAL_ALG_RSASHA1:
	case VAL_ALG_RSASHA1_NSEC3:
		return sha1;
	default:
		return false;
	}
}

/* ---- RRsets ---- */

/*
 * Is rr's owner that of the record `head`, expanded and lower-cased in `owner`? Most are told at
 * sight: one pointer for both, or the same octets as they stand.
 */
static bool same_owner(const struct dns_msg *msg, const struct dns_rr *rr,
	const struct dns_rr *head, const struct dns_name *owner)
{
	enum { POINTER = 0xc000 };
	const uint8_t *at = msg->data + rr->owner_off;
	uint16_t first = dns_get16(at); // a record's type follows, if it is the root
	struct dns_name name;

	if (rr == head || (first >= POINTER && first == dns_get16(msg->data + head->owner_off)))
		return true;
	if (rr->owner_off + owner->len <= msg->len && memcmp(at, owner->octets, owner->len) == 0)
		return true;
	dns_rr_owner(msg, rr, &name);
	return dns_name_is(&name, owner);
}

static bool covers(const struct dns_msg *msg, const struct dns_rr *rr, uint16_t type)
{
	return rr->type == DNS_TYPE_RRSIG && rr->rdata_len >= 2 &&
	       dns_get16(msg->data + rr->rdata_off) == type;
}

int val_rrset_find(const struct dns_msg *msg, const uint8_t *owner, uint16_t type)
{
	struct dns_name name;

	for (uint16_t i = msg->section_start[DNS_ANSWER]; i < msg->section_start[DNS_AUTHORITY];
		i++) {
		if (msg->rr[i].type != type || msg->rr[i].class_ != DNS_CLASS_IN)
			continue;
		dns_rr_owner(msg, &msg->rr[i], &name);
		if (dns_name_equal(name.octets, owner))
			return i;
	}
	return -1;
}

void val_rrset_collect(const struct dns_msg *msg, uint16_t first, struct val_rrset *out)
{
	const struct dns_rr *head = &msg->rr[first];

	out->type = head->type;
	out->class_ = head->class_;
	out->section = head->section;
	out->rr_count = out->sig_count = 0;
	out->overflow = false;
	dns_rr_owner(msg, head, &out->owner);
	dns_name_lower(out->owner.octets, out->owner.len);
	for (uint16_t i = msg->section_start[head->section];
		i < msg->section_start[head->section + 1]; i++) {
		const struct dns_rr *rr = &msg->rr[i];
		bool member = rr->type == head->type && i >= first;
		bool sig = head->type != DNS_TYPE_RRSIG && covers(msg, rr, head->type);

		if ((!member && !sig) || rr->class_ != head->class_ ||
			!same_owner(msg, rr, head, &out->owner))
			continue;
		if (member ? out->rr_count == VAL_RRSET_RRS_MAX
			   : out->sig_count == VAL_VERIFY_RRSET_MAX)
			out->overflow = true;
		else if (member)
			out->rr[out->rr_count++] = i;
		else
			out->sig[out->sig_count++] = i;
	}
}

/* ---- signed data ---- */

/* RDATAs of one RRset in canonical form, one after the other, and their order. */
struct canonical {
	uint16_t off[VAL_RRSET_RRS_MAX + 1];
	uint8_t order[VAL_RRSET_RRS_MAX];
	uint8_t octets[VAL_SIGNED_DATA_MAX];
};

/* RFC 4034 s6.3: as left-justified octet strings; a shorter one that is a prefix comes first. */
static int compare_rdata(const struct canonical *c, unsigned a, unsigned b)
{
	size_t la = (size_t)(c->off[a + 1] - c->off[a]), lb = (size_t)(c->off[b + 1] - c->off[b]);
	int d = memcmp(c->octets + c->off[a], c->octets + c->off[b], la < lb ? la : lb);

	return d != 0 ? d : (la > lb) - (la < lb);
}

static int canonicalise(const struct dns_msg *msg, const struct val_rrset *set, struct canonical *c)
{
	size_t pos = 0;

	for (unsigned i = 0; i < set->rr_count; i++) {
		int n = dns_rdata_canonical(
			msg, &msg->rr[set->rr[i]], c->octets + pos, sizeof(c->octets) - pos);
		unsigned k = i;

		if (n < 0)
			return n;
		c->off[i] = (uint16_t)pos;
		pos += (size_t)n;
		c->off[i + 1] = (uint16_t)pos;
		for (; k > 0 && compare_rdata(c, c->order[k - 1], i) > 0;
			k--) // bounded by VAL_RRSET_RRS_MAX
			c->order[k] = c->order[k - 1];
		c->order[k] = (uint8_t)i;
	}
	return 0;
}

/* The owner as it was signed: a wildcard when the RRSIG counts fewer labels, RFC 4035 s5.3.2. */
static size_t signed_owner(const struct val_rrset *set, uint8_t labels, uint8_t *out)
{
	const uint8_t *tail;
	size_t len;

	if (labels >= set->owner.labels) {
		memcpy(out, set->owner.octets, set->owner.len);
		return set->owner.len;
	}
	tail = dns_name_strip(set->owner.octets, set->owner.labels - labels);
	len = (size_t)(set->owner.octets + set->owner.len - tail);
	out[0] = 1;
	out[1] = '*';
	memcpy(out + 2, tail, len);
	return len + 2;
}

int val_signed_data(const struct dns_msg *msg, const struct val_rrset *set,
	const struct dns_rrsig *sig, const uint8_t *sig_rdata, uint8_t *out, size_t size)
{
	uint8_t owner[DNS_NAME_MAX + 2];
	size_t owner_len = signed_owner(set, sig->labels, owner);
	size_t pos = (size_t)DNS_RRSIG_FIXED_LEN + sig->signer_len;
	struct canonical c;
	int err = canonicalise(msg, set, &c);

	if (err != 0)
		return err;
	if (pos > size)
		return -ENOSPC;
	memcpy(out, sig_rdata, pos);
	dns_name_lower(out + DNS_RRSIG_FIXED_LEN, sig->signer_len);
	for (unsigned i = 0; i < set->rr_count; i++) {
		unsigned r = c.order[i];
		size_t rdlen = (size_t)(c.off[r + 1] - c.off[r]);

		if (i > 0 && compare_rdata(&c, c.order[i - 1], r) == 0)
			continue; // RFC 4034 s6.3: duplicates count once
		if (pos + owner_len + DNS_RR_FIXED_LEN + rdlen > size)
			return -ENOSPC;
		memcpy(out + pos, owner, owner_len);
		pos += owner_len;
		dns_put16(out + pos, set->type);
		dns_put16(out + pos + 2, set->class_);
		dns_put32(out + pos + 4, sig->original_ttl_s);
		dns_put16(out + pos + 8, (uint16_t)rdlen);
		memcpy(out + pos + DNS_RR_FIXED_LEN, c.octets + c.off[r], rdlen);
		pos += DNS_RR_FIXED_LEN + rdlen;
	}
	return (int)pos;
}

/* ---- what needs no key ---- */

static int owner_labels(const struct val_rrset *set)
{
	bool wildcard = set->owner.octets[0] == 1 && set->owner.octets[1] == '*';

	return set->owner.labels - (wildcard ? 1 : 0);
}

enum val_reason val_sig_precheck(const struct val_rrset *set, const struct dns_rrsig *sig,
	const uint8_t *zone, uint32_t now, const struct val_skew *skew)
{
	if (sig->type_covered != set->type)
		return VAL_R_SIG_MALFORMED;
	if (!dns_name_equal(sig->signer, zone) || !dns_name_under(set->owner.octets, sig->signer))
		return VAL_R_SIG_SIGNER;
	if (sig->labels < dns_name_labels(sig->signer) || sig->labels > owner_labels(set))
		return VAL_R_SIG_LABELS; // CVE-2026-44690
	if (val_time_before(sig->expiration, sig->inception))
		return VAL_R_SIG_TIMES_REVERSED;
	if (val_time_before(now + skew->inception_s, sig->inception))
		return VAL_R_SIG_NOT_YET_VALID;
	if (val_time_before(sig->expiration + skew->expiration_s, now))
		return VAL_R_SIG_EXPIRED;
	return VAL_R_NONE;
}
