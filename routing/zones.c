#include "routing/zones_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * An open-addressing table of all zone names under a keyed hash (names in queries are hostile), and
 * a set of the depths at which there are zones at all: with top-level domains and the root, a query
 * costs one hash however many labels it has.
 */

enum { DEPTH_WORDS = DNS_LABELS_MAX / 64 + 1 };

struct slot {
	uint32_t tag;  // upper half of the hash
	uint32_t zone; // index + 1, 0: free
};

struct zone {
	struct dns_name name;
	enum route_kind kind;
};

struct route_zones {
	struct dns_hash_key key;
	uint64_t depths[DEPTH_WORDS]; // bit n: some zone has n labels
	uint32_t count;
	uint32_t mask; // slots - 1
	struct slot *slots;
	struct zone zone[];
};

static void insert(struct route_zones *z, uint32_t zone)
{
	const struct dns_name *name = &z->zone[zone].name;
	uint64_t hash = dns_hash64(&z->key, name->octets, name->len);
	int depth = dns_name_labels(name->octets);
	uint32_t i = (uint32_t)hash & z->mask;

	while (z->slots[i].zone != 0)
		i = (i + 1) & z->mask;
	z->slots[i] = (struct slot){(uint32_t)(hash >> 32), zone + 1};
	z->depths[depth / 64] |= 1ull << (depth % 64);
}

int route_zones_new(
	const struct route_config *c, const struct dns_hash_key *key, struct route_zones **out)
{
	struct route_zones *z = calloc(1, sizeof(*z) + c->zone_count * sizeof(z->zone[0]));
	uint32_t slots = 4;

	if (z == NULL)
		return -ENOMEM;
	while (slots < 2 * c->zone_count)
		slots *= 2;
	z->slots = calloc(slots, sizeof(*z->slots));
	if (z->slots == NULL) {
		free(z);
		return -ENOMEM;
	}
	z->key = *key;
	z->mask = slots - 1;
	z->count = (uint32_t)c->zone_count;
	for (uint32_t i = 0; i < z->count; i++) {
		z->zone[i].name = c->zones[i].name;
		z->zone[i].kind = c->zones[i].kind;
		insert(z, i);
	}
	*out = z;
	return 0;
}

void route_zones_free(struct route_zones *z)
{
	if (z == NULL)
		return;
	free(z->slots);
	free(z);
}

static int find_exact(const struct route_zones *z, const uint8_t *name, size_t len)
{
	uint64_t hash = dns_hash64(&z->key, name, len);
	uint32_t i = (uint32_t)hash & z->mask;

	// The table is at most half full, so the chain ends.
	for (; z->slots[i].zone != 0; i = (i + 1) & z->mask) {
		const struct slot *s = &z->slots[i];
		const struct dns_name *have = &z->zone[s->zone - 1].name;

		if (s->tag == (uint32_t)(hash >> 32) && have->len == len &&
			memcmp(have->octets, name, len) == 0)
			return (int)(s->zone - 1);
	}
	return -1;
}

int route_zones_find(const struct route_zones *z, const uint8_t *qname, bool skip_exact)
{
	uint8_t start[DNS_LABELS_MAX + 1]; // offset of each suffix, the root's last
	unsigned labels = 0, pos = 0, end;

	for (; qname[pos] != 0; pos += qname[pos] + 1u)
		start[labels++] = (uint8_t)pos;
	start[labels] = (uint8_t)pos;
	end = pos + 1;
	for (unsigned i = skip_exact ? 1 : 0; i <= labels; i++) {
		unsigned depth = labels - i;
		int zone;

		if (!(z->depths[depth / 64] >> (depth % 64) & 1))
			continue;
		zone = find_exact(z, qname + start[i], end - start[i]);
		if (zone >= 0)
			return zone;
	}
	return -1;
}

size_t route_zones_count(const struct route_zones *z)
{
	return z->count;
}

const struct dns_name *route_zones_name(const struct route_zones *z, size_t zone)
{
	return &z->zone[zone].name;
}

enum route_kind route_zones_kind(const struct route_zones *z, size_t zone)
{
	return z->zone[zone].kind;
}
