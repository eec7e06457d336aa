#include <errno.h>

#include "tests/unit/routing/fixture.h"
#include "routing/regions_priv.h"
#include "tests/unit/run.h"

static bool prefix_covers(const struct route_prefix *p, const struct route_addr *a)
{
	if (p->addr.family != a->family)
		return false;
	for (unsigned i = 0; i < p->len; i++)
		if ((p->addr.octets[i / 8] ^ a->octets[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

static uint16_t naive(const struct route_config *c, const struct route_addr *a)
{
	uint16_t best = ROUTE_REGION_NONE;
	int len = -1;

	for (size_t r = 0; r < c->region_count; r++)
		for (size_t i = 0; i < c->regions[r].client_count; i++) {
			const struct route_prefix *p = &c->regions[r].clients[i];

			if (p->len > len && prefix_covers(p, a)) {
				len = p->len;
				best = (uint16_t)r;
			}
		}
	return best;
}

static bool same_prefix(const struct route_prefix *a, const struct route_prefix *b)
{
	return a->len == b->len && prefix_covers(a, &b->addr);
}

/* Addresses of few distinct bits, so that prefixes nest and part at every depth. */
static struct route_addr random_addr(uint64_t *seed)
{
	struct route_addr a = {.family = fix_random(seed) & 1 ? 4 : 6};
	unsigned octets = a.family == 4 ? 4 : 16;

	for (unsigned i = 0; i < octets; i++) {
		static const uint8_t some[] = {0x00, 0x00, 0x80, 0xff, 0x01, 0xaa};

		a.octets[i] = fix_random(seed) % 8 == 0 ? (uint8_t)fix_random(seed)
							: some[fix_random(seed) % sizeof(some)];
	}
	if (a.family == 6 && fix_random(seed) % 2 == 0)
		a.octets[0] =
			0x20 | (a.octets[0] & 0x1f); // 2000::/3, where walks start further down
	return a;
}

static bool taken(const struct route_config *c, const struct route_prefix *p)
{
	for (size_t r = 0; r < c->region_count; r++)
		for (size_t i = 0; i < c->regions[r].client_count; i++)
			if (same_prefix(&c->regions[r].clients[i], p))
				return true;
	return false;
}

static void random_config(struct route_config *c, uint64_t *seed, size_t regions, size_t prefixes)
{
	fix_init(c, 0, regions, 0);
	for (size_t r = 0; r < regions; r++) {
		char name[8];

		snprintf(name, sizeof(name), "r%zu", r);
		fix_region(c, r, name, prefixes);
		c->regions[r].client_count = 0;
		for (size_t i = 0; i < prefixes; i++) {
			struct route_prefix p = {.addr = random_addr(seed)};

			p.len = (uint8_t)(fix_random(seed) % (p.addr.family == 4 ? 33 : 129));
			if (!taken(c, &p))
				c->regions[r].clients[c->regions[r].client_count++] = p;
		}
	}
}

static void as_the_naive_one(void)
{
	uint64_t seed = 1;

	for (unsigned round = 0; round < 60; round++) {
		struct route_config c;
		struct route_regions *r = NULL;
		unsigned differ = 0;

		random_config(&c, &seed, 1 + round % 7, 1 + round * 2);
		CU_ASSERT_EQUAL_FATAL(route_regions_new(&c, &r), 0);
		for (unsigned i = 0; i < 2000; i++) {
			struct route_addr a = random_addr(&seed);

			differ += route_regions_find(r, &a) != naive(&c, &a);
		}
		// every prefix's own first address, and its last
		for (size_t k = 0; k < c.region_count; k++)
			for (size_t i = 0; i < c.regions[k].client_count; i++) {
				struct route_addr a = c.regions[k].clients[i].addr;

				differ += route_regions_find(r, &a) != naive(&c, &a);
				for (unsigned b = c.regions[k].clients[i].len;
					b < (a.family == 4 ? 32 : 128); b++)
					a.octets[b / 8] |= (uint8_t)(0x80 >> b % 8);
				differ += route_regions_find(r, &a) != naive(&c, &a);
			}
		CU_ASSERT_EQUAL(differ, 0);
		route_regions_free(r);
		route_config_fini(&c);
	}
}

static void every_length_nested(void)
{
	struct route_config c;
	struct route_regions *r = NULL;
	struct route_addr a = fix_v6(0x20010db8deadbeef, 0x0123456789abcdef);

	fix_init(&c, 0, 129, 0);
	for (size_t i = 0; i <= 128; i++) {
		fix_region(&c, i, "x", 1);
		c.regions[i].clients[0] =
			(struct route_prefix){a, (uint8_t)(128 - i)}; // longest first
	}
	CU_ASSERT_EQUAL_FATAL(route_regions_new(&c, &r), 0);
	CU_ASSERT_EQUAL(route_regions_find(r, &a), 0);
	for (unsigned bit = 0; bit < 128; bit++) {
		struct route_addr b = a;

		b.octets[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		CU_ASSERT_EQUAL(route_regions_find(r, &b), 128 - bit);
	}
	route_regions_free(r);
	route_config_fini(&c);
}

static void same_prefix_in_two_regions(void)
{
	struct route_config c;
	struct route_regions *r = NULL;

	fix_usual(&c);
	c.regions[1].clients[0] = c.regions[0].clients[0];
	c.regions[1].clients[0].addr.octets[3] = 7; // beyond the length: the same prefix
	CU_ASSERT_EQUAL(route_regions_new(&c, &r), -EINVAL);
	CU_ASSERT_PTR_NULL(r);
	c.regions[1].clients[0].len++;
	CU_ASSERT_EQUAL_FATAL(route_regions_new(&c, &r), 0);
	route_regions_free(r);
	route_config_fini(&c);
}

static void families_do_not_mix(void)
{
	struct route_config c;
	struct route_regions *r = NULL;
	struct route_addr v4 = fix_v4(0x20010db8), v6 = fix_v6(0x20010db800000000, 0), odd = v6;

	fix_init(&c, 0, 1, 0);
	fix_region(&c, 0, "all of v6", 1);
	c.regions[0].clients[0] = (struct route_prefix){fix_v6(0, 0), 0};
	CU_ASSERT_EQUAL_FATAL(route_regions_new(&c, &r), 0);
	CU_ASSERT_EQUAL(route_regions_find(r, &v6), 0);
	CU_ASSERT_EQUAL(route_regions_find(r, &v4), ROUTE_REGION_NONE);
	odd.family = 0;
	CU_ASSERT_EQUAL(route_regions_find(r, &odd), ROUTE_REGION_NONE);
	route_regions_free(r);
	route_config_fini(&c);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"as the naive one on random prefixes", as_the_naive_one},
		{"every length nested in the other", every_length_nested},
		{"the same prefix in two regions is refused", same_prefix_in_two_regions},
		{"families do not mix", families_do_not_mix},
		CU_TEST_INFO_NULL,
	};

	return test_run("routing/regions", tests);
}
