#include "routing/regions_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * A path-compressed binary trie per address family, in one array of nodes that refer to each other
 * by index.
 *
 * A node stands for a prefix (key, len). It is there because a region has that prefix, or because
 * two longer prefixes part at bit `len`. A child's prefix extends its parent's, so a look-up walks
 * down while the node's prefix covers the address, and remembers the last region it saw. n prefixes
 * make fewer than 2n nodes; nodes are 32 octets, half a cache line. Node 0 is the root of IPv4,
 * node 1 of IPv6; both have length 0, so index 0 can mean "no child".
 *
 * Keys are 128 bits, left-aligned, in two host-order words; IPv4 uses the upper 32 bits of the
 * first.
 */

struct node {
	uint64_t key[2];
	uint32_t child[2];
	uint16_t region; // ROUTE_REGION_NONE: only a fork
	uint8_t len;
};
_Static_assert(sizeof(struct node) == 32, "two nodes a cache line");

struct place {
	uint32_t node;
	uint16_t region; // seen on the way, this node's included
};

struct start {
	unsigned skip; // leading bits that all of its addresses share
	unsigned bits; // that index `places`
	struct place *places;
};

enum { ROOT_V4, ROOT_V6, ROOTS };
enum { START_BITS_MAX = 16 };

// Global unicast, RFC 4291 s2.4: what IPv6 addresses begin with.
static const uint64_t v6_lead = 1, v6_lead_bits = 3;

struct route_regions {
	uint32_t count;
	struct start start[ROOTS];
	struct node node[];
};

struct key {
	uint64_t w[2];
};

static uint64_t load64(const uint8_t *p)
{
	return ((uint64_t)dns_get32(p) << 32) | dns_get32(p + 4);
}

static struct key addr_key(const struct route_addr *a)
{
	if (a->family == 4)
		return (struct key){{(uint64_t)dns_get32(a->octets) << 32, 0}};
	return (struct key){{load64(a->octets), load64(a->octets + 8)}};
}

// The upper `bits` bits of a word; 0..64.
static uint64_t upper(unsigned bits)
{
	return bits == 0 ? 0 : ~0ull << (64 - bits);
}

static struct key masked(struct key k, unsigned len)
{
	k.w[0] &= upper(len < 64 ? len : 64);
	k.w[1] &= upper(len < 64 ? 0 : len - 64);
	return k;
}

static unsigned key_bit(const struct key *k, unsigned i)
{
	return (unsigned)(k->w[i >> 6] >> (63 - (i & 63))) & 1;
}

// Leading bits that two keys share, at most max.
static unsigned shared_bits(const struct key *a, const uint64_t b[2], unsigned max)
{
	uint64_t x = a->w[0] ^ b[0], y = a->w[1] ^ b[1];
	unsigned n = x != 0 ? (unsigned)__builtin_clzll(x)
			    : 64 + (y != 0 ? (unsigned)__builtin_clzll(y) : 64);

	return n < max ? n : max;
}

static bool covers(const struct node *n, const struct key *k)
{
	return shared_bits(k, n->key, n->len) == n->len;
}

static uint32_t add_node(struct route_regions *r, struct key k, unsigned len, uint16_t region)
{
	struct node *n = &r->node[r->count];

	k = masked(k, len);
	*n = (struct node){{k.w[0], k.w[1]}, {0, 0}, region, (uint8_t)len};
	return r->count++;
}

static int set_region(struct node *n, uint16_t region)
{
	if (n->region != ROUTE_REGION_NONE && n->region != region)
		return -EINVAL;
	n->region = region;
	return 0;
}

/*
 * Put a node for k/len between node `above` and its child on that side, which k/len does not
 * extend: either the child extends k/len, or the two part at a fork.
 */
static void split(
	struct route_regions *r, uint32_t above, struct key k, unsigned len, uint16_t region)
{
	unsigned side = key_bit(&k, r->node[above].len);
	uint32_t below = r->node[above].child[side];
	const struct node *old = &r->node[below];
	unsigned common = shared_bits(&k, old->key, len < old->len ? len : old->len);
	struct key old_key = {{old->key[0], old->key[1]}};
	uint32_t leaf = add_node(r, k, len, region), fork = leaf;

	if (common < len) {
		fork = add_node(r, k, common, ROUTE_REGION_NONE);
		r->node[fork].child[key_bit(&k, common)] = leaf;
	}
	r->node[fork].child[key_bit(&old_key, common)] = below;
	r->node[above].child[side] = fork;
}

static int insert(struct route_regions *r, const struct route_prefix *p, uint16_t region)
{
	struct key k = masked(addr_key(&p->addr), p->len);
	uint32_t at = p->addr.family == 4 ? ROOT_V4 : ROOT_V6;

	for (;;) {
		struct node *n = &r->node[at];
		uint32_t next;

		if (n->len == p->len)
			return set_region(n, region);
		next = n->child[key_bit(&k, n->len)];
		if (next == 0) {
			next = add_node(r, k, p->len, region);
			r->node[at].child[key_bit(&k, r->node[at].len)] = next;
			return 0;
		}
		if (r->node[next].len > p->len || !covers(&r->node[next], &k)) {
			split(r, at, k, p->len, region);
			return 0;
		}
		at = next;
	}
}

/* ---- where walks start ---- */

/* Walk on from a place while nodes of at most `bits` bits cover the address. */
static struct place walk(
	const struct route_regions *r, struct place at, const struct key *k, unsigned bits)
{
	while (r->node[at.node].len < bits) {
		const struct node *n = &r->node[at.node];
		uint32_t next = n->child[key_bit(k, n->len)];

		if (next == 0 || r->node[next].len > bits || !covers(&r->node[next], k))
			break;
		at.node = next;
		if (r->node[next].region != ROUTE_REGION_NONE)
			at.region = r->node[next].region;
	}
	return at;
}

static int make_start(struct route_regions *r, unsigned root, size_t prefixes)
{
	struct start *s = &r->start[root];
	struct place top = {root, r->node[root].region};

	s->skip = root == ROOT_V6 ? (unsigned)v6_lead_bits : 0;
	while (s->bits < START_BITS_MAX && 2ull << s->bits <= prefixes)
		s->bits++;
	s->places = calloc(1ull << s->bits, sizeof(*s->places));
	if (s->places == NULL)
		return -ENOMEM;
	for (uint64_t i = 0; i < 1ull << s->bits; i++) {
		struct key k = {{(s->skip != 0 ? v6_lead << (64 - s->skip) : 0), 0}};

		k.w[0] |= s->bits != 0 ? i << (64 - s->skip - s->bits) : 0;
		s->places[i] = walk(r, top, &k, s->skip + s->bits);
	}
	return 0;
}

int route_regions_new(const struct route_config *c, struct route_regions **out)
{
	struct route_regions *r;
	size_t prefixes = 0, v6 = 0;

	for (size_t i = 0; i < c->region_count; i++) {
		prefixes += c->regions[i].client_count;
		for (size_t k = 0; k < c->regions[i].client_count; k++)
			v6 += c->regions[i].clients[k].addr.family == 6;
	}
	if (prefixes > UINT32_MAX / 4)
		return -ENOMEM;
	// An insertion adds at most a leaf and a fork.
	r = calloc(1, sizeof(*r) + (ROOTS + 2 * prefixes) * sizeof(r->node[0]));
	if (r == NULL)
		return -ENOMEM;
	add_node(r, (struct key){{0, 0}}, 0, ROUTE_REGION_NONE);
	add_node(r, (struct key){{0, 0}}, 0, ROUTE_REGION_NONE);
	for (size_t i = 0; i < c->region_count; i++)
		for (size_t k = 0; k < c->regions[i].client_count; k++)
			if (insert(r, &c->regions[i].clients[k], (uint16_t)i) != 0) {
				route_regions_free(r);
				return -EINVAL;
			}
	if (make_start(r, ROOT_V4, prefixes - v6) != 0 || make_start(r, ROOT_V6, v6) != 0) {
		route_regions_free(r);
		return -ENOMEM;
	}
	*out = r;
	return 0;
}

void route_regions_free(struct route_regions *r)
{
	if (r == NULL)
		return;
	free(r->start[ROOT_V4].places);
	free(r->start[ROOT_V6].places);
	free(r);
}

uint16_t route_regions_find(const struct route_regions *r, const struct route_addr *client)
{
	struct key k = addr_key(client);
	unsigned root = client->family == 4 ? ROOT_V4 : ROOT_V6;
	const struct start *s = &r->start[root];
	struct place at = {root, r->node[root].region};

	if (client->family != 4 && client->family != 6)
		return ROUTE_REGION_NONE;
	if (root == ROOT_V4 || k.w[0] >> (64 - v6_lead_bits) == v6_lead)
		at = s->places[s->bits == 0 ? 0 : k.w[0] << s->skip >> (64 - s->bits)];
	return walk(r, at, &k, root == ROOT_V4 ? 32 : 128).region;
}
