#include <errno.h>

#include "tests/unit/routing/fixture.h"
#include "tests/unit/run.h"

static void copy_is_deep(void)
{
	struct route_config c, copy;

	fix_usual(&c);
	c.families = 2;
	c.zones[1].orders[1].policy = ROUTE_WEIGHTED;
	fix_share(&c.zones[1].orders[1], 2, 1, 7, 40);
	CU_ASSERT_EQUAL_FATAL(route_config_copy(&c, &copy), 0);
	CU_ASSERT_EQUAL(copy.site_count, 4);
	CU_ASSERT_PTR_NOT_EQUAL(copy.sites[0].addrs, c.sites[0].addrs);
	CU_ASSERT_PTR_NOT_EQUAL(copy.zones[1].orders[1].sites, c.zones[1].orders[1].sites);
	CU_ASSERT_PTR_NOT_NULL_FATAL(copy.zones[1].orders[1].shares);
	CU_ASSERT_PTR_NOT_EQUAL(copy.zones[1].orders[1].shares, c.zones[1].orders[1].shares);
	CU_ASSERT_PTR_NOT_EQUAL(copy.regions[0].clients, c.regions[0].clients);
	route_config_fini(&c); // what the copy says must not depend on it
	CU_ASSERT_STRING_EQUAL(copy.sites[2].name, "lax");
	CU_ASSERT_EQUAL(copy.sites[2].addrs[1].octets[15], 3);
	CU_ASSERT_EQUAL(copy.families, 2);
	CU_ASSERT_EQUAL(copy.zones[1].orders[1].sites[0], 2);
	CU_ASSERT_EQUAL(copy.zones[1].orders[1].policy, ROUTE_WEIGHTED);
	CU_ASSERT_EQUAL(copy.zones[1].orders[1].shares[2].weight, 7);
	CU_ASSERT_PTR_NULL(copy.zones[1].orders[0].shares);
	CU_ASSERT_EQUAL(copy.regions[1].clients[0].len, 24);
	route_config_fini(&copy);
	CU_ASSERT_PTR_NULL(copy.sites);
	CU_ASSERT_EQUAL(copy.zone_count, 0);
	route_config_fini(&copy); // twice is harmless
}

static void empty_copies(void)
{
	struct route_config c = {0}, copy;

	CU_ASSERT_EQUAL_FATAL(route_config_copy(&c, &copy), 0);
	CU_ASSERT_PTR_NULL(copy.zones);
	route_config_fini(&copy);
}

static void half_built_is_freed(void)
{
	struct route_config c = {.site_count = 3}; // counted, not allocated

	route_config_fini(&c);
	CU_ASSERT_EQUAL(c.site_count, 0);
}

static void spoil_site_index(struct route_config *c)
{
	c->zones[1].orders[1].sites[2] = 4;
}
static void spoil_region_index(struct route_config *c)
{
	c->zones[1].orders[1].region = 2;
}
static void spoil_order_twice(struct route_config *c)
{
	c->zones[1].orders[1].region = ROUTE_REGION_NONE;
}
static void spoil_site_twice_in_order(struct route_config *c)
{
	c->zones[1].orders[0].sites[2] = 0;
}
static void spoil_family(struct route_config *c)
{
	c->sites[0].addrs[0].family = 5;
}
static void spoil_addr_twice(struct route_config *c)
{
	c->sites[0].addrs[1] = c->sites[0].addrs[0];
}
static void spoil_prefix_v4(struct route_config *c)
{
	c->regions[1].clients[0].len = 33;
}
static void spoil_prefix_v6(struct route_config *c)
{
	c->regions[0].clients[1].len = 129;
}
static void spoil_site_name(struct route_config *c)
{
	memset(c->sites[1].name, 'x', sizeof(c->sites[1].name));
}
static void spoil_region_name(struct route_config *c)
{
	c->regions[1].name[0] = '\0';
}
static void spoil_site_same_name(struct route_config *c)
{
	strcpy(c->sites[3].name, "sin");
}
static void spoil_region_same_name(struct route_config *c)
{
	strcpy(c->regions[1].name, "apac");
}
static void spoil_zone_twice(struct route_config *c)
{
	c->zones[2].name = c->zones[1].name;
}
static void spoil_zone_case(struct route_config *c)
{
	c->zones[2].name.octets[1] = 'N';
}
static void spoil_zone_len(struct route_config *c)
{
	c->zones[2].name.len--;
}
static void spoil_zone_octets(struct route_config *c)
{
	c->zones[2].name.octets[0] = 0xc0;
}
static struct route_order_config *first_order(struct route_config *c)
{
	return &c->zones[1].orders[0];
}
static void spoil_families(struct route_config *c)
{
	c->families = 4;
}
static void spoil_policy(struct route_config *c)
{
	first_order(c)->policy = ROUTE_POLICIES;
}
static void spoil_first_group(struct route_config *c)
{
	for (size_t i = 0; i < 3; i++)
		fix_share(first_order(c), i, 1, 1, 100);
}
static void spoil_group_gap(struct route_config *c)
{
	fix_share(first_order(c), 2, 2, 1, 100);
}
static void spoil_group_falls(struct route_config *c)
{
	fix_share(first_order(c), 1, 1, 1, 100);
}
static void spoil_no_weight(struct route_config *c)
{
	fix_share(first_order(c), 1, 0, 0, 100);
}
static void spoil_weight(struct route_config *c)
{
	fix_share(first_order(c), 1, 0, ROUTE_WEIGHT_MAX + 1, 100);
}
static void spoil_no_limit(struct route_config *c)
{
	fix_share(first_order(c), 2, 0, 1, 0);
}
static void spoil_limit(struct route_config *c)
{
	fix_share(first_order(c), 2, 0, 1, 101);
}

static const struct {
	const char *name;
	void (*spoil)(struct route_config *c);
} spoils[] = {
	{"site index", spoil_site_index},
	{"region index", spoil_region_index},
	{"two orders for a region", spoil_order_twice},
	{"site twice in an order", spoil_site_twice_in_order},
	{"family", spoil_family},
	{"address twice", spoil_addr_twice},
	{"prefix of 33 bits", spoil_prefix_v4},
	{"prefix of 129 bits", spoil_prefix_v6},
	{"site name without an end", spoil_site_name},
	{"empty region name", spoil_region_name},
	{"two sites of one name", spoil_site_same_name},
	{"two regions of one name", spoil_region_same_name},
	{"zone twice", spoil_zone_twice},
	{"zone in upper case", spoil_zone_case},
	{"zone name cut", spoil_zone_len},
	{"zone name malformed", spoil_zone_octets},
	{"families", spoil_families},
	{"policy", spoil_policy},
	{"first group is not 0", spoil_first_group},
	{"group left out", spoil_group_gap},
	{"group after a later one", spoil_group_falls},
	{"weight of 0", spoil_no_weight},
	{"weight of 101", spoil_weight},
	{"limit of 0 %", spoil_no_limit},
	{"limit of 101 %", spoil_limit},
};

static void check_refuses(void)
{
	for (size_t i = 0; i < sizeof(spoils) / sizeof(spoils[0]); i++) {
		struct route_config c;
		char why[128] = "";

		fix_usual(&c);
		CU_ASSERT_EQUAL(route_config_check(&c, why, sizeof(why)), 0);
		spoils[i].spoil(&c);
		if (route_config_check(&c, why, sizeof(why)) != -EINVAL || why[0] == '\0') {
			fprintf(stderr, "not refused: %s\n", spoils[i].name);
			CU_FAIL("not refused");
		}
		CU_ASSERT_EQUAL(route_config_check(&c, NULL, 0), -EINVAL);
		route_config_fini(&c);
	}
}

static void widest_prefixes_pass(void)
{
	struct route_config c;

	fix_usual(&c);
	c.regions[1].clients[0].len = 32;
	c.regions[0].clients[1].len = 128;
	CU_ASSERT_EQUAL(route_config_check(&c, NULL, 0), 0);
	route_config_fini(&c);
}

static void outermost_shares_pass(void)
{
	struct route_config c;

	fix_usual(&c);
	c.families = 3;
	first_order(&c)->policy = ROUTE_FASTEST;
	fix_share(first_order(&c), 0, 0, ROUTE_WEIGHT_MAX, 1);
	fix_share(first_order(&c), 1, 1, 1, 100);
	fix_share(first_order(&c), 2, 2, 1, 100);
	CU_ASSERT_EQUAL(route_config_check(&c, NULL, 0), 0);
	route_config_fini(&c);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a copy is deep", copy_is_deep},
		{"an empty one copies", empty_copies},
		{"a half-built one is freed", half_built_is_freed},
		{"check refuses", check_refuses},
		{"the longest prefixes pass", widest_prefixes_pass},
		{"the outermost shares pass", outermost_shares_pass},
		CU_TEST_INFO_NULL,
	};

	return test_run("routing/config", tests);
}
