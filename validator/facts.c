#include "validator/facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <numa.h>

#include "validator/time.h"

/*
 * Facts about names.
 *
 * What it promises. What val_facts_get() returns was put for exactly this name, and its time is not
 * over. Nothing else: any fact may be forgotten at any time, then it is asked for again.
 *
 * Layout. Buckets of four facts, chosen by a keyed hash of the name; a fact holds its name, so a
 * collision of hashes cannot lend one name's fate to another. Key and DS sets are large and few:
 * they live apart, in slots that a fact points to by index and serial number. A slot that was given
 * to another fact has another serial, and the first fact is as good as forgotten.
 *
 * A name has at most two facts: keys, and what is known of its delegation. They are apart so that
 * keys can be asked for anew, DS records first, while the old ones go on to serve: a failure on the
 * way takes nothing from them.
 *
 * Who gives way. In a full bucket: what is over, then failures, then what was not looked up since
 * the last time round, least precious kind first. Among slots a clock's hand goes round: a slot
 * that was looked up since it came by is passed over once. The hand makes at most HAND_MAX steps,
 * so a flood of new zones costs no more than that each, and does not push out what others use all
 * the time: com.'s keys are looked up on the way to every name below it.
 */

enum { WAYS = 4, HAND_MAX = 32 };

/* No index. */
#define NO_SLOT UINT32_MAX

struct entry {
	uint64_t hash;
	uint32_t since, until;
	uint32_t renew_after;
	uint32_t slot, serial;
	uint32_t epoch; // of val_facts_clear()
	uint8_t kind;   // VAL_FACT_NONE: empty
	uint8_t zone_labels, depth, why;
	bool used;
	struct dns_name name;
};

struct slot {
	uint32_t serial; // grows with each use
	bool used;
	struct val_zone_keys set;
};

struct val_facts {
	struct dns_hash_key key;
	size_t mask, slots, hand, bytes;
	uint32_t epoch;
	uint32_t due; // index of an entry that is in use and ends soon, NO_SLOT
	struct entry *entry;
	struct slot *slot;
};

int val_facts_new(
	size_t names, size_t sets, int numa, const struct dns_hash_key *key, struct val_facts **out)
{
	size_t n = WAYS, head, bytes;
	struct val_facts *f;

	if (names == 0 || sets == 0 || names > UINT32_MAX || sets >= NO_SLOT)
		return -EINVAL;
	while (n < names)
		n *= 2;
	head = sizeof(*f) + n * sizeof(struct entry);
	bytes = head + sets * sizeof(struct slot);
	// whole pages, zeroed by the kernel when they are touched
	f = numa >= 0 && numa_available() >= 0 ? numa_alloc_onnode(bytes, numa)
					       : numa_alloc_local(bytes);
	if (f == NULL)
		return -ENOMEM;
	f->key = *key;
	f->mask = n / WAYS - 1;
	f->slots = sets;
	f->bytes = bytes;
	f->due = NO_SLOT;
	f->entry = (struct entry *)(f + 1);
	f->slot = (struct slot *)(f->entry + n);
	*out = f;
	return 0;
}

void val_facts_free(struct val_facts *f)
{
	if (f != NULL)
		numa_free(f, f->bytes);
}

static size_t name_size(const uint8_t *name)
{
	return (size_t)(dns_name_strip(name, dns_name_labels(name)) - name) + 1;
}

static struct slot *slot_of(const struct val_facts *f, const struct entry *e)
{
	struct slot *s = e->slot != NO_SLOT ? &f->slot[e->slot] : NULL;

	return s != NULL && s->serial == e->serial ? s : NULL;
}

static bool holds(const struct val_facts *f, const struct entry *e, uint32_t now)
{
	bool has_set = e->kind == VAL_FACT_KEYS || e->kind == VAL_FACT_DS;

	return e->kind != VAL_FACT_NONE && e->epoch == f->epoch &&
	       !val_time_before(e->until, now) && (!has_set || slot_of(f, e) != NULL);
}

/* A name, and which of its two facts. */
struct key {
	const uint8_t *name;
	size_t len;
	uint64_t hash;
};

static struct key delegation_of(const struct val_facts *f, const uint8_t *name)
{
	struct key k = {.name = name, .len = name_size(name)};

	k.hash = dns_hash64(&f->key, k.name, k.len);
	return k;
}

static struct key keys_of(struct key k)
{
	k.hash ^= 0x9e3779b97f4a7c15ull;
	return k;
}

static struct entry *find(const struct val_facts *f, const struct key *k)
{
	struct entry *bucket = &f->entry[(k->hash & f->mask) * WAYS];

	for (unsigned i = 0; i < WAYS; i++) {
		struct entry *e = &bucket[i];

		if (e->kind != VAL_FACT_NONE && e->hash == k->hash && e->name.len == k->len &&
			memcmp(e->name.octets, k->name, k->len) == 0)
			return e;
	}
	return NULL;
}

static struct entry *find_holding(const struct val_facts *f, const struct key *k, uint32_t now)
{
	struct entry *e = find(f, k);

	return e != NULL && holds(f, e, now) ? e : NULL;
}

/* Keys before all else. */
static struct entry *find_best(const struct val_facts *f, const uint8_t *name, uint32_t now)
{
	struct key k = delegation_of(f, name), keys = keys_of(k);
	struct entry *e = find_holding(f, &keys, now);

	return e != NULL ? e : find_holding(f, &k, now);
}

static bool ends_soon(const struct entry *e, uint32_t now)
{
	uint64_t life = e->until - e->since, age = now - e->since;

	return (e->kind == VAL_FACT_KEYS || e->kind == VAL_FACT_INSECURE) && age * 10 >= life * 9 &&
	       !val_time_before(now, e->renew_after);
}

static void use(struct val_facts *f, struct entry *e, uint32_t now, struct val_fact *out)
{
	struct slot *s = slot_of(f, e);

	e->used = true;
	if (s != NULL)
		s->used = true;
	if (ends_soon(e, now))
		f->due = (uint32_t)(e - f->entry);
	*out = (struct val_fact){
		.kind = e->kind,
		.zone_labels = e->zone_labels,
		.depth = e->depth,
		.why = e->why,
		.until = e->until,
		.set = s != NULL ? &s->set : NULL,
	};
}

bool val_facts_get(struct val_facts *f, const uint8_t *name, uint32_t now, struct val_fact *out)
{
	struct entry *e = find_best(f, name, now);

	if (e != NULL)
		use(f, e, now, out);
	return e != NULL;
}

bool val_facts_get_delegation(
	struct val_facts *f, const uint8_t *name, uint32_t now, struct val_fact *out)
{
	struct key k = delegation_of(f, name);
	struct entry *e = find_holding(f, &k, now);

	if (e != NULL)
		use(f, e, now, out);
	return e != NULL;
}

bool val_facts_due(struct val_facts *f, uint32_t now, struct dns_name *zone)
{
	const struct entry *e = f->due != NO_SLOT ? &f->entry[f->due] : NULL;

	f->due = NO_SLOT;
	// it may be another's entry by now
	if (e == NULL || !holds(f, e, now) || !ends_soon(e, now))
		return false;
	*zone = e->name;
	return true;
}

bool val_facts_claim(struct val_facts *f, const uint8_t *zone, uint32_t now)
{
	struct entry *e = find_best(f, zone, now);

	if (e == NULL || (e->kind != VAL_FACT_KEYS && e->kind != VAL_FACT_INSECURE) ||
		val_time_before(now, e->renew_after))
		return false;
	e->renew_after = now + VAL_FACT_RENEW_S;
	return true;
}

/* How much would be lost with it. */
static int worth(const struct val_facts *f, const struct entry *e, uint32_t now)
{
	static const int by_kind[] = {
		[VAL_FACT_LEAF] = 2,
		[VAL_FACT_INSIDE] = 2,
		[VAL_FACT_INSECURE] = 3,
		[VAL_FACT_DS] = 3,
		[VAL_FACT_KEYS] = 4,
	};

	if (!holds(f, e, now))
		return 0;
	if (e->kind == VAL_FACT_FAILED)
		return 1;
	return by_kind[e->kind] + (e->used ? 3 : 0);
}

static struct entry *victim(struct val_facts *f, uint64_t hash, uint32_t now)
{
	struct entry *bucket = &f->entry[(hash & f->mask) * WAYS];
	struct entry *least = bucket;

	for (unsigned i = 1; i < WAYS; i++)
		if (worth(f, &bucket[i], now) < worth(f, least, now))
			least = &bucket[i];
	for (unsigned i = 0; i < WAYS; i++)
		bucket[i].used = false; // a round later it has to have been looked up again
	return least;
}

static struct slot *take_slot(struct val_facts *f)
{
	struct slot *s;

	for (unsigned i = 0; i < HAND_MAX && f->slot[f->hand].used; i++) {
		f->slot[f->hand].used = false;
		f->hand = (f->hand + 1) % f->slots;
	}
	s = &f->slot[f->hand];
	f->hand = (f->hand + 1) % f->slots;
	s->serial++;
	s->used = false;
	return s;
}

static void copy_set(struct val_zone_keys *to, const struct val_zone_keys *from)
{
	to->zone = from->zone;
	to->status = from->status;
	to->why = from->why;
	to->generation = from->generation;
	to->valid_until = from->valid_until;
	to->ttl_s = from->ttl_s;
	to->look_after = from->look_after;
	to->count = from->count;
	for (unsigned i = 0; i < from->count; i++) {
		to->key[i].rdata_len = from->key[i].rdata_len;
		to->key[i].key_tag = from->key[i].key_tag;
		to->key[i].algorithm = from->key[i].algorithm;
		memcpy(to->key[i].rdata, from->key[i].rdata, from->key[i].rdata_len);
	}
}

/* Nobody gave a good answer. @return false: what is known is better */
static bool takes_failure(
	struct val_facts *f, const struct key *k, const struct key *keys, uint32_t now)
{
	struct entry *e = find_holding(f, k, now);

	if (find_holding(f, keys, now) == NULL)
		return e == NULL || e->kind == VAL_FACT_DS || e->kind == VAL_FACT_FAILED;
	if (e != NULL && e->kind == VAL_FACT_DS)
		e->kind = VAL_FACT_NONE; // they did not lead to new keys
	return false;
}

static void forget(struct val_facts *f, const struct key *k)
{
	struct entry *e = find(f, k);

	if (e != NULL)
		e->kind = VAL_FACT_NONE;
}

/* The entry that a fact goes into, with a slot if it has a set. */
static struct entry *make_room(
	struct val_facts *f, const struct key *k, const struct val_zone_keys *set, uint32_t now)
{
	struct entry *e = find(f, k);
	struct slot *s = e != NULL ? slot_of(f, e) : NULL;

	if (e == NULL)
		e = victim(f, k->hash, now);
	if (set != NULL && s == NULL)
		s = take_slot(f);
	if (set != NULL)
		copy_set(&s->set, set);
	e->slot = set != NULL ? (uint32_t)(s - f->slot) : NO_SLOT;
	e->serial = s != NULL ? s->serial : 0;
	return e;
}

void val_facts_put(
	struct val_facts *f, const struct dns_name *name, const struct val_fact *fact, uint32_t now)
{
	struct key k = delegation_of(f, name->octets), keys = keys_of(k);
	bool has_keys = fact->kind == VAL_FACT_KEYS;
	struct entry *e;

	if (fact->kind == VAL_FACT_FAILED && !takes_failure(f, &k, &keys, now))
		return;
	if (has_keys)
		forget(f, &k);
	else if (fact->kind != VAL_FACT_DS && fact->kind != VAL_FACT_FAILED)
		forget(f, &keys);
	e = make_room(f, has_keys ? &keys : &k, fact->set, now);
	e->hash = has_keys ? keys.hash : k.hash;
	e->epoch = f->epoch;
	e->since = now;
	e->until = fact->until;
	e->renew_after = now + VAL_FACT_RENEW_S;
	e->kind = fact->kind;
	e->zone_labels = fact->zone_labels;
	e->depth = fact->depth;
	e->why = fact->why;
	e->used = false;
	e->name = *name;
}

void val_facts_clear(struct val_facts *f)
{
	f->epoch++;
}
