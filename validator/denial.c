#include "validator/denial.h"

#include <errno.h>
#include <string.h>

#include "validator/denial_priv.h"

int val_denial_add(struct val_denial_set *s, uint16_t rr)
{
	uint16_t type = s->msg->rr[rr].type;
	uint16_t *list = type == DNS_TYPE_NSEC ? s->nsec : s->nsec3;
	uint8_t *count = type == DNS_TYPE_NSEC ? &s->nsec_count : &s->nsec3_count;

	if (type != DNS_TYPE_NSEC && type != DNS_TYPE_NSEC3)
		return 0;
	if (*count >= VAL_NSEC3_PROOF_MAX)
		return -E2BIG;
	list[(*count)++] = rr;
	return 0;
}

enum val_reason val_bitmap_denies(const struct val_bitmap *b, const uint8_t *name, uint16_t qtype)
{
	if (qtype == DNS_TYPE_DS) {
		// The child's apex does not speak for its parent (RFC 6840 s4.4, RFC 4035 s5.2);
		// the root has no parent.
		if (val_bitmap_has(b, DNS_TYPE_SOA) && name[0] != 0)
			return VAL_R_DENIAL_INCOMPLETE;
	} else if (val_bitmap_is_cut(b)) {
		return VAL_R_DENIAL_INCOMPLETE;
	}
	// ANY asks for whatever is there: only a name without types has no data.
	if (qtype == DNS_TYPE_ANY && b->len != 0)
		return VAL_R_DENIAL_CONTRADICTS;
	// RFC 6840 s4.3: a CNAME would have been the answer.
	if (val_bitmap_has(b, qtype) || val_bitmap_has(b, DNS_TYPE_CNAME))
		return VAL_R_DENIAL_CONTRADICTS;
	return VAL_R_NONE;
}

enum val_reason val_bitmap_denies_ds(const struct val_bitmap *b)
{
	if (val_bitmap_has(b, DNS_TYPE_DS))
		return VAL_R_DENIAL_CONTRADICTS;
	// RFC 6840 s4.4: without NS there is no delegation, with SOA it is the child speaking.
	if (!val_bitmap_is_cut(b))
		return VAL_R_DENIAL_INCOMPLETE;
	return VAL_R_NONE;
}

void val_wildcard_at(const uint8_t *encloser, struct dns_name *out)
{
	size_t len = val_name_size(encloser);

	out->octets[0] = 1;
	out->octets[1] = '*';
	memcpy(out->octets + 2, encloser, len);
	out->len = (uint8_t)(len + 2);
	out->labels = (uint8_t)(dns_name_labels(encloser) + 1);
}

/** NSEC first, then NSEC3: while a zone changes from one to the other both may be there. */
static enum val_denial prove(const struct val_denial_set *s, struct val_claim *c, val_prove_fn nsec,
	val_prove_fn nsec3, enum val_reason *why)
{
	uint8_t lower[DNS_NAME_MAX];
	size_t len = val_name_size(c->name);
	enum val_denial got;

	if (s->nsec_count == 0 && s->nsec3_count == 0)
		return val_denial_end(VAL_R_DENIAL_MISSING, why);
	if (s->nsec_count > VAL_NSEC3_PROOF_MAX || s->nsec3_count > VAL_NSEC3_PROOF_MAX)
		return val_denial_end(VAL_R_BUDGET, why);
	if (!dns_name_under(c->name, s->zone))
		return val_denial_end(VAL_R_DENIAL_INCOMPLETE, why);

	memcpy(lower, c->name, len);
	dns_name_lower(lower, len);
	c->name = lower;
	if (s->nsec_count > 0) {
		got = nsec(s, c, why);
		if (got != VAL_DENIAL_FAILED || s->nsec3_count == 0)
			return got;
	}
	return nsec3(s, c, why);
}

enum val_denial val_denial_nxdomain(
	const struct val_denial_set *s, const uint8_t *qname, enum val_reason *why)
{
	struct val_claim c = {.name = qname};

	return prove(s, &c, val_nsec_nxdomain, val_nsec3_nxdomain, why);
}

enum val_denial val_denial_nodata(
	const struct val_denial_set *s, const uint8_t *qname, uint16_t qtype, enum val_reason *why)
{
	struct val_claim c = {.name = qname, .qtype = qtype};

	return prove(s, &c, val_nsec_nodata, val_nsec3_nodata, why);
}

enum val_denial val_denial_no_ds(
	const struct val_denial_set *s, const uint8_t *delegation, enum val_reason *why)
{
	struct val_claim c = {.name = delegation};

	return prove(s, &c, val_nsec_no_ds, val_nsec3_no_ds, why);
}

enum val_denial val_denial_wildcard(const struct val_denial_set *s, const uint8_t *qname,
	int wildcard_labels, enum val_reason *why)
{
	struct val_claim c = {.name = qname, .wildcard_labels = wildcard_labels};

	return prove(s, &c, val_nsec_wildcard, val_nsec3_wildcard, why);
}
