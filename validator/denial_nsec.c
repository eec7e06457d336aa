#include <string.h>

#include "validator/denial_priv.h"

/** One NSEC of the set, read. */
struct nsec {
	struct dns_name owner;
	const uint8_t *next; // in the message
	struct val_bitmap types;
};

/** A record that is malformed or leads out of the zone is as good as absent. */
static bool nsec_load(const struct val_denial_set *s, int i, struct nsec *out)
{
	const struct dns_rr *rr = &s->msg->rr[s->nsec[i]];
	struct dns_nsec rd;

	if (rr->type != DNS_TYPE_NSEC ||
		dns_nsec_read(s->msg->data + rr->rdata_off, rr->rdata_len, &rd) < 0)
		return false;
	dns_rr_owner(s->msg, rr, &out->owner);
	out->next = rd.next;
	out->types.octets = rd.bitmap;
	out->types.len = rd.bitmap_len;
	return dns_name_under(out->owner.octets, s->zone) && dns_name_under(rd.next, s->zone);
}

static bool nsec_covers(const struct val_denial_set *s, const struct nsec *n, const uint8_t *name)
{
	const uint8_t *owner = n->owner.octets;

	if (dns_name_compare(owner, name) >= 0)
		return false;
	// RFC 6840 s4.1: the parent's NSEC at a cut says nothing of what is below it.
	if (dns_name_under(name, owner) && val_bitmap_ends_zone(&n->types))
		return false;
	if (dns_name_equal(n->next, s->zone)) // the last one leads back to the apex
		return true;
	return dns_name_compare(name, n->next) < 0;
}

static bool find_match(const struct val_denial_set *s, const uint8_t *name, struct nsec *out)
{
	for (int i = 0; i < s->nsec_count; i++) {
		if (nsec_load(s, i, out) && dns_name_equal(out->owner.octets, name))
			return true;
	}
	return false;
}

static bool find_cover(const struct val_denial_set *s, const uint8_t *name, struct nsec *out)
{
	for (int i = 0; i < s->nsec_count; i++) {
		if (nsec_load(s, i, out) && nsec_covers(s, out, name))
			return true;
	}
	return false;
}

/** Labels of the closest ancestor of `name` that the covering NSEC shows to exist. */
static int encloser_labels(const struct nsec *n, const uint8_t *name)
{
	int before = dns_name_common_labels(name, n->owner.octets);
	int after = dns_name_common_labels(name, n->next);

	return before > after ? before : after;
}

/** The wildcard that would have answered for a covered name. The name is not an empty non-terminal.
 */
static void wildcard_of(const struct nsec *cover, const uint8_t *name, struct dns_name *out)
{
	int up = dns_name_labels(name) - encloser_labels(cover, name);

	val_wildcard_at(dns_name_strip(name, up), out);
}

static bool is_empty_nonterminal(const struct nsec *cover, const uint8_t *name)
{
	return dns_name_under(cover->next, name);
}

enum val_denial val_nsec_nxdomain(
	const struct val_denial_set *s, const struct val_claim *c, enum val_reason *why)
{
	struct nsec n;
	struct dns_name wild;

	if (find_match(s, c->name, &n))
		return val_denial_end(VAL_R_DENIAL_CONTRADICTS, why);
	if (!find_cover(s, c->name, &n))
		return val_denial_end(VAL_R_DENIAL_INCOMPLETE, why);
	if (is_empty_nonterminal(&n, c->name))
		return val_denial_end(VAL_R_DENIAL_CONTRADICTS, why);

	wildcard_of(&n, c->name, &wild);
	if (find_match(s, wild.octets, &n))
		return val_denial_end(VAL_R_DENIAL_CONTRADICTS, why);
	if (!find_cover(s, wild.octets, &n))
		return val_denial_end(VAL_R_DENIAL_INCOMPLETE, why);
	if (is_empty_nonterminal(&n, wild.octets))
		return val_denial_end(VAL_R_DENIAL_CONTRADICTS, why);
	return val_denial_end(VAL_R_NONE, why);
}

enum val_denial val_nsec_nodata(
	const struct val_denial_set *s, const struct val_claim *c, enum val_reason *why)
{
	struct nsec n;
	struct dns_name wild;

	if (find_match(s, c->name, &n))
		return val_denial_end(val_bitmap_denies(&n.types, c->name, c->qtype), why);
	if (!find_cover(s, c->name, &n))
		return val_denial_end(VAL_R_DENIAL_INCOMPLETE, why);
	if (is_empty_nonterminal(&n, c->name))
		return val_denial_end(VAL_R_NONE, why);

	// RFC 4035 s3.1.3.4: the name is not there, and the wildcard that matches lacks the type.
	wildcard_of(&n, c->name, &wild);
	if (find_match(s, wild.octets, &n))
		return val_denial_end(val_bitmap_denies(&n.types, wild.octets, c->qtype), why);
	if (find_cover(s, wild.octets, &n) && is_empty_nonterminal(&n, wild.octets))
		return val_denial_end(VAL_R_NONE, why);
	return val_denial_end(VAL_R_DENIAL_INCOMPLETE, why);
}

enum val_denial val_nsec_no_ds(
	const struct val_denial_set *s, const struct val_claim *c, enum val_reason *why)
{
	struct nsec n;

	if (!find_match(s, c->name, &n))
		return val_denial_end(VAL_R_DENIAL_INCOMPLETE, why);
	return val_denial_end(val_bitmap_denies_ds(&n.types), why);
}

enum val_denial val_nsec_wildcard(
	const struct val_denial_set *s, const struct val_claim *c, enum val_reason *why)
{
	struct nsec n;

	if (find_match(s, c->name, &n))
		return val_denial_end(VAL_R_DENIAL_CONTRADICTS, why);
	if (!find_cover(s, c->name, &n))
		return val_denial_end(VAL_R_DENIAL_INCOMPLETE, why);
	// A closer encloser than the wildcard's parent: another wildcard, or none, would have
	// answered.
	if (encloser_labels(&n, c->name) > c->wildcard_labels)
		return val_denial_end(VAL_R_DENIAL_CONTRADICTS, why);
	return val_denial_end(VAL_R_NONE, why);
}
