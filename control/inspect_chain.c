/*
 * Zones stand in a hash table. Each has the DNSKEY answers that the capture holds of it, and the
 * answers and referrals that speak of its delegation, each once however often it was sent. A zone's
 * keys rest on its DS, its DS on the keys of a zone with fewer labels: so one pass over the zones,
 * shortest name first, finds all that can be found.
 *
 * A zone is secure when any DNSKEY answer holds against any DS set that holds. Servers of one zone
 * may be asked in the middle of a rollover, or one may be out of date: at a given time every key
 * set counts that was seen about then, as in the caches of resolvers, else the nearest.
 */

#include "control/inspect_chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sys/random.h>

#include "control/inspect_chain_priv.h"
#include "validator/time.h"

/* ---- zones ---- */

static struct chain_zone **bucket_of(struct ctl_chain *c, const uint8_t *name, size_t len)
{
	return &c->bucket[dns_hash64(&c->key, name, len) % CHAIN_BUCKETS];
}

static size_t name_len(const uint8_t *name)
{
	return (size_t)dns_name_len(name, name + DNS_NAME_MAX);
}

struct chain_zone *ctl_chain_zone_find(struct ctl_chain *c, const uint8_t *name)
{
	size_t len = name_len(name);
	struct chain_zone *z = *bucket_of(c, name, len);

	while (z != NULL && (z->name.len != len || memcmp(z->name.octets, name, len) != 0))
		z = z->chain;
	return z;
}

struct chain_zone *ctl_chain_zone_obtain(struct ctl_chain *c, const struct dns_name *name)
{
	struct chain_zone *z = ctl_chain_zone_find(c, name->octets), **bucket;

	if (z != NULL)
		return z;
	if (c->zones == CTL_CHAIN_ZONES_MAX || (z = calloc(1, sizeof(*z))) == NULL) {
		c->dropped++;
		return NULL;
	}
	bucket = bucket_of(c, name->octets, name->len);
	z->name = *name;
	z->chain = *bucket;
	*bucket = z;
	c->zones++;
	return z;
}

int ctl_chain_new(const struct val_anchors *anchors, int64_t at, bool sha1, struct ctl_chain **out)
{
	struct ctl_chain *c = calloc(1, sizeof(*c));
	struct chain_zone *z;
	int err;

	if (c == NULL)
		return -ENOMEM;
	c->anchors = *anchors;
	c->at = at;
	err = getrandom(&c->key, sizeof(c->key), 0) == sizeof(c->key)
		      ? val_verifier_new(&c->verifier)
		      : -ENOMEM;
	if (err != 0) {
		ctl_chain_free(c);
		return err;
	}
	val_verifier_set_sha1(c->verifier, sha1);
	for (unsigned i = 0; i < anchors->count; i++) {
		z = ctl_chain_zone_obtain(c, &anchors->item[i].zone);
		if (z == NULL) {
			ctl_chain_free(c);
			return -ENOMEM;
		}
		z->anchored = true;
	}
	*out = c;
	return 0;
}

static void free_evidence(struct chain_evidence *e)
{
	while (e != NULL) {
		struct chain_evidence *next = e->next;

		free(e->octets);
		free(e->ds);
		free(e->key);
		free(e);
		e = next;
	}
}

void ctl_chain_free(struct ctl_chain *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < CHAIN_BUCKETS; i++)
		for (struct chain_zone *z = c->bucket[i], *next; z != NULL; z = next) {
			next = z->chain;
			free_evidence(z->dnskey);
			free_evidence(z->ds);
			free(z->keys);
			free(z);
		}
	val_verifier_free(c->verifier);
	free(c);
}

const struct val_anchors *ctl_chain_anchors(const struct ctl_chain *c)
{
	return &c->anchors;
}

struct val_verifier *ctl_chain_verifier(struct ctl_chain *c)
{
	return c->verifier;
}

/* ---- asking ---- */

uint32_t ctl_chain_clock(const struct ctl_chain *c, int64_t time_us)
{
	return (uint32_t)(c->at != 0 ? c->at : time_us / 1000000);
}

static bool is_live(const struct ctl_chain *c, const struct chain_evidence *e, int64_t time_us)
{
	return c->at != 0 ||
	       (time_us >= e->first_us && time_us <= e->last_us + (int64_t)e->ttl_s * 1000000);
}

static bool is_over(const struct ctl_chain *c, const struct chain_evidence *e, int64_t time_us)
{
	return val_time_before(e->expiration, ctl_chain_clock(c, time_us));
}

static int64_t distance(const struct chain_evidence *e, int64_t time_us)
{
	return time_us < e->first_us ? e->first_us - time_us : time_us - e->last_us;
}

/** Which of the zone's key sets count at a time: bit i for the i-th DNSKEY answer. */
static uint64_t live_sets(const struct ctl_chain *c, const struct chain_zone *z, int64_t time_us)
{
	const struct chain_evidence *nearest = NULL;
	uint64_t live = 0, nearest_bit = 0, bit = 1;

	for (const struct chain_evidence *e = z->dnskey; e != NULL; e = e->next, bit <<= 1) {
		if (!e->good || is_over(c, e, time_us))
			continue;
		if (is_live(c, e, time_us))
			live |= bit;
		if (nearest == NULL || distance(e, time_us) < distance(nearest, time_us)) {
			nearest = e;
			nearest_bit = bit;
		}
	}
	return live != 0 ? live : nearest_bit;
}

static void add_keys(struct val_zone_keys *to, const struct chain_evidence *e)
{
	for (unsigned i = 0; i < e->key_count && to->count < VAL_ZONE_KEYS_MAX; i++) {
		const struct val_key *k = &e->key[i];
		unsigned at = 0;

		while (at < to->count &&
			(to->key[at].rdata_len != k->rdata_len ||
				memcmp(to->key[at].rdata, k->rdata, k->rdata_len) != 0))
			at++;
		if (at == to->count)
			to->key[to->count++] = *k;
	}
	if (to->valid_until == 0 || val_time_before(to->valid_until, e->expiration))
		to->valid_until = e->expiration;
}

const struct val_zone_keys *ctl_chain_keys_at(
	struct ctl_chain *c, struct chain_zone *z, int64_t time_us)
{
	uint64_t live = live_sets(c, z, time_us), bit = 1;

	if (live == 0)
		return NULL;
	if (live == z->composed)
		return z->keys;
	if (z->keys == NULL)
		z->keys = calloc(1, sizeof(*z->keys));
	if (z->keys == NULL)
		return NULL;
	memset(z->keys, 0, sizeof(*z->keys));
	z->keys->zone = z->name;
	z->keys->status = VAL_ZONE_SECURE;
	for (const struct chain_evidence *e = z->dnskey; e != NULL; e = e->next, bit <<= 1)
		if (live & bit)
			add_keys(z->keys, e);
	z->composed = live;
	return z->keys;
}

static void say_missing(
	struct ctl_chain_place *out, const uint8_t *zone, uint16_t type, const struct chain_zone *z)
{
	out->state = CTL_CHAIN_MISSING;
	out->zone = zone;
	out->missing = type;
	if (z != NULL)
		out->result = z->result;
}

/** A settled zone at or above the name asked about. */
static void say_settled(
	struct ctl_chain *c, struct chain_zone *z, int64_t time_us, struct ctl_chain_place *out)
{
	out->zone = z->name.octets;
	out->result = z->result;
	if (z->status == CHAIN_INSECURE) {
		out->state = CTL_CHAIN_INSECURE;
	} else if (z->status == CHAIN_BOGUS) {
		out->state = CTL_CHAIN_BOGUS;
	} else {
		out->state = CTL_CHAIN_SECURE;
		out->keys = ctl_chain_keys_at(c, z, time_us);
		if (out->keys == NULL) {
			say_missing(out, z->name.octets, DNS_TYPE_DNSKEY, z);
			out->over = true;
		}
	}
}

/** Nothing is known of it but its name. */
static bool is_hearsay(const struct chain_zone *z)
{
	return z->status == CHAIN_UNSETTLED && z->dnskey == NULL && z->ds == NULL && !z->anchored;
}

void ctl_chain_find(struct ctl_chain *c, const uint8_t *zone, int64_t time_us, bool exact,
	struct ctl_chain_place *out)
{
	struct chain_zone *open = NULL, *z = NULL; // open: the topmost that is not settled
	int labels = dns_name_labels(zone), up;

	memset(out, 0, sizeof(*out));
	for (up = 0; up <= labels; up++) {
		z = ctl_chain_zone_find(c, dns_name_strip(zone, up));
		// A signer's name alone does not make a zone: anybody may write it.
		if (z == NULL || z->status == CHAIN_INSIDE || (!exact && is_hearsay(z))) {
			out->inside |= up == 0 && z != NULL && z->status == CHAIN_INSIDE;
			continue;
		}
		if (z->status != CHAIN_UNSETTLED)
			break;
		open = z;
		if (z->anchored) // its word is the first
			break;
	}
	if (up > labels || z == NULL) {
		out->state = CTL_CHAIN_NO_ANCHOR;
		return;
	}
	if (z->status == CHAIN_UNSETTLED || (open != NULL && z->status == CHAIN_SECURE)) {
		say_missing(out, open->name.octets, open->missing, open);
		return;
	}
	say_settled(c, z, time_us, out);
	if (exact && up > 0 && out->state == CTL_CHAIN_SECURE)
		say_missing(out, zone, DNS_TYPE_DS, NULL);
}

void ctl_chain_get_stats(const struct ctl_chain *c, struct ctl_chain_stats *out)
{
	*out = (struct ctl_chain_stats){.zones = c->zones, .dropped = c->dropped};
	for (size_t i = 0; i < CHAIN_BUCKETS; i++)
		for (const struct chain_zone *z = c->bucket[i]; z != NULL; z = z->chain)
			out->secure += z->status == CHAIN_SECURE;
}
