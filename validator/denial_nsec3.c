#include <string.h>

#include "validator/denial_priv.h"

/** One usable NSEC3 of the set, read. */
struct nsec3 {
	uint8_t owner[VAL_NSEC3_HASH_LEN];
	const uint8_t *next; // VAL_NSEC3_HASH_LEN octets in the message
	struct val_bitmap types;
	bool optout;
};

/** The records of one proof: one set of parameters for all. */
struct chain {
	const uint8_t *zone;
	struct dns_nsec3 params;
	int count;
	struct nsec3 item[VAL_NSEC3_PROOF_MAX];
	uint32_t own, *blocks; // SHA-1 blocks still allowed
	bool broke;            // the proof wanted more
};

/** RFC 4648 s7 without padding, as RFC 5155 s3.3 has it; letter case does not matter. */
static int base32hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'v')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'V')
		return c - 'A' + 10;
	return -1;
}

static bool base32hex_decode(const uint8_t in[32], uint8_t out[VAL_NSEC3_HASH_LEN])
{
	for (int group = 0; group < 4; group++) {
		uint64_t bits = 0;

		for (int i = 0; i < 8; i++) {
			int v = base32hex_value(in[group * 8 + i]);

			if (v < 0)
				return false;
			bits = bits << 5 | (unsigned)v;
		}
		for (int i = 0; i < 5; i++)
			out[group * 5 + i] = (uint8_t)(bits >> (32 - 8 * i));
	}
	return true;
}

/** RFC 5155 s8.1, s8.2, s10.3: what we do not know is as good as absent. */
static bool nsec3_load(
	const struct val_denial_set *s, int i, struct dns_nsec3 *rd, struct nsec3 *out)
{
	const struct dns_rr *rr = &s->msg->rr[s->nsec3[i]];
	struct dns_name owner;

	if (rr->type != DNS_TYPE_NSEC3 ||
		dns_nsec3_read(s->msg->data + rr->rdata_off, rr->rdata_len, rd) < 0)
		return false;
	if (rd->hash_alg != VAL_NSEC3_HASH_SHA1 || (rd->flags & ~DNS_NSEC3_FLAG_OPTOUT) != 0 ||
		rd->next_len != VAL_NSEC3_HASH_LEN)
		return false;
	dns_rr_owner(s->msg, rr, &owner);
	if (owner.octets[0] != 32 || !dns_name_equal(owner.octets + 33, s->zone) ||
		!base32hex_decode(owner.octets + 1, out->owner))
		return false;
	out->next = rd->next_hash;
	out->types.octets = rd->bitmap;
	out->types.len = rd->bitmap_len;
	out->optout = (rd->flags & DNS_NSEC3_FLAG_OPTOUT) != 0;
	return true;
}

static bool same_params(const struct dns_nsec3 *a, const struct dns_nsec3 *b)
{
	return a->iterations == b->iterations && a->salt_len == b->salt_len &&
	       memcmp(a->salt, b->salt, a->salt_len) == 0;
}

/** Read the set. PROVEN means: go on. */
static enum val_denial chain_load(
	const struct val_denial_set *s, struct chain *c, enum val_reason *why)
{
	struct dns_nsec3 rd;

	c->zone = s->zone;
	c->count = 0;
	c->own = VAL_NSEC3_BLOCKS_MAX;
	c->blocks = s->blocks != NULL ? s->blocks : &c->own;
	c->broke = false;
	for (int i = 0; i < s->nsec3_count; i++) {
		if (!nsec3_load(s, i, &rd, &c->item[c->count]))
			continue;
		if (c->count == 0)
			c->params = rd;
		else if (!same_params(&c->params, &rd)) // RFC 5155 s8.2
			return val_denial_end(VAL_R_NSEC3_PARAMS, why);
		c->count++;
	}
	if (c->count == 0)
		return val_denial_end(VAL_R_DENIAL_INCOMPLETE, why);
	if (c->params.iterations > VAL_NSEC3_ITERATIONS_MAX) {
		*why = VAL_R_NSEC3_ITERATIONS;
		return VAL_DENIAL_ITERATIONS;
	}
	return val_denial_end(VAL_R_NONE, why);
}

/** SHA-1 pads with nine octets at least. */
static uint32_t sha1_blocks(size_t len)
{
	return (uint32_t)((len + 9 + 63) / 64);
}

static bool chain_hash(
	struct chain *c, const uint8_t *name, size_t len, uint8_t out[VAL_NSEC3_HASH_LEN])
{
	uint32_t cost = sha1_blocks(len + c->params.salt_len) +
			c->params.iterations * sha1_blocks(VAL_NSEC3_HASH_LEN + c->params.salt_len);

	if (cost > *c->blocks) {
		c->broke = true;
		return false;
	}
	*c->blocks -= cost;
	return val_nsec3_hash_n(name, len, &c->params, out) == 0;
}

static const struct nsec3 *match_hash(const struct chain *c, const uint8_t *hash)
{
	for (int i = 0; i < c->count; i++) {
		if (memcmp(c->item[i].owner, hash, VAL_NSEC3_HASH_LEN) == 0)
			return &c->item[i];
	}
	return NULL;
}

static bool covers(const struct nsec3 *n, const uint8_t *hash)
{
	bool after = memcmp(n->owner, hash, VAL_NSEC3_HASH_LEN) < 0;
	bool before = memcmp(hash, n->next, VAL_NSEC3_HASH_LEN) < 0;

	if (memcmp(n->owner, n->next, VAL_NSEC3_HASH_LEN) < 0)
		return after && before;
	// the last one of the zone wraps round; owner == next: the only one, it covers all but
	// itself
	return after || (before && memcmp(n->owner, hash, VAL_NSEC3_HASH_LEN) != 0);
}

static const struct nsec3 *cover_hash(const struct chain *c, const uint8_t *hash)
{
	for (int i = 0; i < c->count; i++) {
		if (covers(&c->item[i], hash))
			return &c->item[i];
	}
	return NULL;
}

/** What the chain says of one name. */
struct look {
	const struct nsec3 *match, *cover; // both NULL when nothing, or no budget for it
};

static void look_at(struct chain *c, const uint8_t *name, size_t len, struct look *out)
{
	uint8_t hash[VAL_NSEC3_HASH_LEN];

	out->match = out->cover = NULL;
	if (!chain_hash(c, name, len, hash))
		return;
	out->match = match_hash(c, hash);
	if (out->match == NULL)
		out->cover = cover_hash(c, hash);
}

struct encloser {
	const uint8_t *name;       // the closest encloser
	const struct nsec3 *cover; // of the next closer name
};

/**
 * Closest encloser proof, RFC 5155 s8.3: the longest existing proper ancestor of qname, and that
 * the name one label longer does not exist. Walks at most the labels between qname and the apex,
 * within the budget.
 */
static bool find_encloser(
	struct chain *c, const uint8_t *qname, const struct look *at_qname, struct encloser *out)
{
	int depth = dns_name_labels(qname) - dns_name_labels(c->zone);
	struct look closer = *at_qname;
	size_t len = val_name_size(qname);

	out->name = qname;
	for (int up = 1; up <= depth && !c->broke; up++) {
		size_t label = out->name[0] + 1u;
		struct look here;

		out->name += label;
		len -= label;
		look_at(c, out->name, len, &here);
		if (here.match != NULL) {
			out->cover = closer.cover;
			return closer.cover != NULL && !val_bitmap_ends_zone(&here.match->types);
		}
		closer = here;
	}
	return false;
}

/** A proof that ran out of its budget fails with that reason whatever it found. */
static enum val_denial chain_end(
	const struct chain *c, enum val_reason r, bool optout, enum val_reason *why)
{
	if (r != VAL_R_NONE)
		return val_denial_end(c->broke ? VAL_R_BUDGET : r, why);
	*why = optout ? VAL_R_UNSIGNED_DELEGATION : VAL_R_NONE;
	return optout ? VAL_DENIAL_OPTOUT : VAL_DENIAL_PROVEN;
}

enum val_denial val_nsec3_nxdomain(
	const struct val_denial_set *s, const struct val_claim *claim, enum val_reason *why)
{
	struct chain c;
	struct encloser e;
	struct dns_name wild;
	struct look at;
	enum val_denial got = chain_load(s, &c, why);

	if (got != VAL_DENIAL_PROVEN)
		return got;
	look_at(&c, claim->name, val_name_size(claim->name), &at);
	if (at.match != NULL)
		return chain_end(&c, VAL_R_DENIAL_CONTRADICTS, false, why);
	if (!find_encloser(&c, claim->name, &at, &e))
		return chain_end(&c, VAL_R_DENIAL_INCOMPLETE, false, why);
	val_wildcard_at(e.name, &wild);
	look_at(&c, wild.octets, wild.len, &at);
	if (at.match != NULL)
		return chain_end(&c, VAL_R_DENIAL_CONTRADICTS, false, why);
	if (at.cover == NULL)
		return chain_end(&c, VAL_R_DENIAL_INCOMPLETE, false, why);
	return chain_end(&c, VAL_R_NONE, e.cover->optout, why);
}

enum val_denial val_nsec3_nodata(
	const struct val_denial_set *s, const struct val_claim *claim, enum val_reason *why)
{
	struct chain c;
	struct encloser e;
	struct dns_name wild;
	struct look at;
	enum val_denial got = chain_load(s, &c, why);

	if (got != VAL_DENIAL_PROVEN)
		return got;
	look_at(&c, claim->name, val_name_size(claim->name), &at);
	if (at.match != NULL) {
		return chain_end(&c, val_bitmap_denies(&at.match->types, claim->name, claim->qtype),
			false, why);
	}
	if (!find_encloser(&c, claim->name, &at, &e))
		return chain_end(&c, VAL_R_DENIAL_INCOMPLETE, false, why);
	val_wildcard_at(e.name, &wild);
	look_at(&c, wild.octets, wild.len, &at);
	if (at.match != NULL) { // RFC 5155 s8.7
		return chain_end(&c, val_bitmap_denies(&at.match->types, wild.octets, claim->qtype),
			e.cover->optout, why);
	}
	// RFC 5155 s8.6 for DS; s7.1 (erratum 3441) for any type: an empty non-terminal that leads
	// only to unsigned delegations has no NSEC3 of its own.
	return chain_end(&c, e.cover->optout ? VAL_R_NONE : VAL_R_DENIAL_INCOMPLETE, true, why);
}

enum val_denial val_nsec3_no_ds(
	const struct val_denial_set *s, const struct val_claim *claim, enum val_reason *why)
{
	struct chain c;
	struct encloser e;
	struct look at;
	enum val_denial got = chain_load(s, &c, why);

	if (got != VAL_DENIAL_PROVEN)
		return got;
	look_at(&c, claim->name, val_name_size(claim->name), &at);
	if (at.match != NULL)
		return chain_end(&c, val_bitmap_denies_ds(&at.match->types), false, why);
	if (!find_encloser(&c, claim->name, &at, &e) || !e.cover->optout)
		return chain_end(&c, VAL_R_DENIAL_INCOMPLETE, false, why);
	return chain_end(&c, VAL_R_NONE, true, why);
}

enum val_denial val_nsec3_wildcard(
	const struct val_denial_set *s, const struct val_claim *claim, enum val_reason *why)
{
	struct chain c;
	struct look at;
	int up = dns_name_labels(claim->name) - claim->wildcard_labels - 1;
	const uint8_t *closer;
	enum val_denial got = chain_load(s, &c, why);

	if (got != VAL_DENIAL_PROVEN)
		return got;
	if (up < 0 || claim->wildcard_labels < dns_name_labels(s->zone))
		return chain_end(&c, VAL_R_DENIAL_INCOMPLETE, false, why);
	// The closest encloser is known from the signature: RFC 5155 s8.8.
	closer = dns_name_strip(claim->name, up);
	look_at(&c, closer, val_name_size(closer), &at);
	if (at.cover == NULL)
		return chain_end(&c, VAL_R_DENIAL_INCOMPLETE, false, why);
	return chain_end(&c, VAL_R_NONE, at.cover->optout, why);
}
