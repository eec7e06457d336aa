#include <errno.h>

#include "tests/unit/routing/fixture.h"
#include "tests/unit/run.h"

static struct route_paths *new_paths(void)
{
	struct route_paths *p = NULL;

	if (route_paths_new(&p) != 0)
		abort();
	return p;
}

static void one_path_for_each_zone_site_address(void)
{
	struct route_paths *p = new_paths();
	struct route_config c;
	struct route_path *sin;

	fix_usual(&c);
	CU_ASSERT_EQUAL(route_paths_generation(p), 0);
	CU_ASSERT_EQUAL_FATAL(route_paths_sync(p, &c), 0);
	CU_ASSERT_EQUAL(route_paths_generation(p), 1);
	CU_ASSERT_EQUAL(route_paths_count(p), 1 + 6 + 6); // com.'s second order adds none
	sin = fix_path(p, "com.", "sin", 6);
	CU_ASSERT_EQUAL(sin->zone, 1);
	CU_ASSERT_EQUAL(sin->site, 0);
	CU_ASSERT_EQUAL(sin->state, ROUTE_UP);
	CU_ASSERT_PTR_EQUAL(
		route_paths_find(p, &c.zones[1].name, "sin", &c.sites[0].addrs[1]), sin);
	CU_ASSERT_PTR_NULL(route_paths_find(p, &c.zones[0].name, "sin", &c.sites[0].addrs[1]));
	CU_ASSERT_PTR_NULL(route_paths_at(p, 13));
	CU_ASSERT_PTR_NULL(route_paths_at(p, ROUTE_PATHS_MAX));
	CU_ASSERT_PTR_NULL(route_paths_at(p, 0xffff));
	route_paths_free(p);
	route_config_fini(&c);
}

/* com. goes from zones[1] to zones[0], sin from sites[0] to sites[1], nrt leaves. */
static void other_config(struct route_config *c)
{
	fix_init(c, 2, 0, 1);
	fix_site(c, 1, "sin", 3);
	fix_site(c, 0, "lax", 3);
	c->sites[1].addrs[0] = fix_v4(0xc0000201);
	c->sites[1].addrs[1] = fix_v6(0x20010db800000000, 1);
	c->sites[0].addrs[0] = fix_v4(0xc0000203);
	c->sites[0].addrs[1] = fix_v6(0x20010db800000000, 99); // renumbered: another path
	fix_zone(c, 0, "com.", 1);
	fix_order(c, 0, 0, ROUTE_REGION_NONE, "01");
}

static void ids_and_states_survive_a_new_config(void)
{
	struct route_paths *p = new_paths();
	struct route_config a, b;
	uint16_t sin_id, lax6_id, gone[32], nrt_id;
	struct route_path *at;

	fix_usual(&a);
	other_config(&b);
	CU_ASSERT_EQUAL_FATAL(route_paths_sync(p, &a), 0);
	at = fix_path(p, "com.", "sin", 4);
	at->state = ROUTE_FAILING;
	sin_id = at->id;
	lax6_id = fix_path(p, "com.", "lax", 6)->id;
	nrt_id = fix_path(p, "com.", "nrt", 4)->id;
	CU_ASSERT_EQUAL_FATAL(route_paths_sync(p, &b), 0);
	at = fix_path(p, "com.", "sin", 4);
	CU_ASSERT_EQUAL(at->id, sin_id);
	CU_ASSERT_EQUAL(at->state, ROUTE_FAILING);
	CU_ASSERT_EQUAL(at->zone, 0);
	CU_ASSERT_EQUAL(at->site, 1);
	at = fix_path(p, "com.", "lax", 6);
	CU_ASSERT_NOT_EQUAL(at->id, lax6_id);
	CU_ASSERT_EQUAL(at->state, ROUTE_UP);
	CU_ASSERT_PTR_NULL(route_paths_at(p, nrt_id));
	CU_ASSERT(route_paths_count(p) > nrt_id);
	// 13 paths before, com. keeps sin 4, sin 6 and lax 4
	CU_ASSERT_EQUAL(route_paths_release(p, gone, 4), 4);
	CU_ASSERT_EQUAL(route_paths_release(p, gone + 4, 28), 6);
	CU_ASSERT_EQUAL(route_paths_release(p, gone, 32), 0);
	for (size_t i = 0; i < 10; i++)
		CU_ASSERT_PTR_NULL(route_paths_at(p, gone[i]));
	route_paths_free(p);
	route_config_fini(&a);
	route_config_fini(&b);
}

static void retired_id_is_not_reused_but_revived(void)
{
	struct route_paths *p = new_paths();
	struct route_config a, b;
	uint16_t id, gone[32];
	size_t count;

	fix_usual(&a);
	other_config(&b);
	route_paths_sync(p, &a);
	fix_path(p, "net.", "nrt", 4)->state = ROUTE_DRAINED;
	id = fix_path(p, "net.", "nrt", 4)->id;
	count = route_paths_count(p);
	route_paths_sync(p, &b);
	CU_ASSERT_EQUAL(fix_path(p, "com.", "lax", 6)->id, count); // not one of the ten retired
	route_paths_sync(p, &a);                                   // rollback
	CU_ASSERT_EQUAL(fix_path(p, "net.", "nrt", 4)->id, id);
	CU_ASSERT_EQUAL(fix_path(p, "net.", "nrt", 4)->state, ROUTE_DRAINED);
	CU_ASSERT_EQUAL(route_paths_release(p, gone, 32), 1);
	CU_ASSERT_EQUAL(gone[0], count);
	CU_ASSERT_EQUAL(route_paths_count(p), count);
	route_paths_sync(p, &b);
	CU_ASSERT_EQUAL(route_paths_release(p, gone, 32), 10);
	route_paths_sync(p, &a); // forgotten now
	CU_ASSERT_EQUAL(fix_path(p, "net.", "nrt", 4)->state, ROUTE_UP);
	route_paths_free(p);
	route_config_fini(&a);
	route_config_fini(&b);
}

static void many(struct route_config *c, size_t zones, size_t sites)
{
	fix_init(c, sites, 0, zones);
	for (size_t i = 0; i < sites; i++) {
		char name[16];

		snprintf(name, sizeof(name), "s%zu", i);
		fix_site(c, i, name, 1);
	}
	for (size_t z = 0; z < zones; z++) {
		char name[16];

		snprintf(name, sizeof(name), "z%zu.", z);
		fix_zone(c, z, name, 1);
		c->zones[z].orders[0].region = ROUTE_REGION_NONE;
		c->zones[z].orders[0].site_count = sites;
		c->zones[z].orders[0].sites = fix_alloc(sites, sizeof(uint16_t));
		for (size_t i = 0; i < sites; i++)
			c->zones[z].orders[0].sites[i] = (uint16_t)i;
	}
}

static void full_at_the_limit(void)
{
	struct route_paths *p = new_paths();
	struct route_config full, over, one;
	uint16_t *gone = fix_alloc(ROUTE_PATHS_MAX, sizeof(*gone));

	many(&full, 1024, 16);
	many(&over, 1025, 16);
	many(&one, 1, 1);
	CU_ASSERT_EQUAL(route_paths_sync(p, &over), -ENOSPC);
	CU_ASSERT_EQUAL(route_paths_count(p), 0);
	CU_ASSERT_EQUAL(route_paths_generation(p), 0);
	CU_ASSERT_EQUAL_FATAL(route_paths_sync(p, &full), 0);
	CU_ASSERT_EQUAL(route_paths_count(p), ROUTE_PATHS_MAX);
	CU_ASSERT_EQUAL(route_paths_sync(p, &over), -ENOSPC);
	CU_ASSERT_PTR_NOT_NULL(route_paths_at(p, ROUTE_PATHS_MAX - 1));
	CU_ASSERT_EQUAL(route_paths_sync(p, &one), 0); // a known path: no room is needed
	one.sites[0].addrs[0].octets[0]++;
	CU_ASSERT_EQUAL(route_paths_sync(p, &one), -ENOSPC); // retired ids are not free
	CU_ASSERT_EQUAL(route_paths_release(p, gone, ROUTE_PATHS_MAX), ROUTE_PATHS_MAX - 1);
	CU_ASSERT_EQUAL(route_paths_count(p), 1);
	CU_ASSERT_EQUAL(route_paths_sync(p, &one), 0);
	CU_ASSERT_EQUAL(route_paths_count(p), 2);
	free(gone);
	route_paths_free(p);
	route_config_fini(&full);
	route_config_fini(&over);
	route_config_fini(&one);
}

static void bad_config_changes_nothing(void)
{
	struct route_paths *p = new_paths();
	struct route_config c;

	fix_usual(&c);
	route_paths_sync(p, &c);
	c.zones[1].orders[0].sites[0] = 77;
	CU_ASSERT_EQUAL(route_paths_sync(p, &c), -EINVAL);
	CU_ASSERT_EQUAL(route_paths_generation(p), 1);
	CU_ASSERT_PTR_NOT_NULL(route_paths_at(p, 12));
	route_paths_free(p);
	route_config_fini(&c);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"one path for each zone, site and address", one_path_for_each_zone_site_address},
		{"ids and states survive a new config", ids_and_states_survive_a_new_config},
		{"a retired id is revived, not reused", retired_id_is_not_reused_but_revived},
		{"full at the limit", full_at_the_limit},
		{"a bad config changes nothing", bad_config_changes_nothing},
		CU_TEST_INFO_NULL,
	};

	return test_run("routing/paths", tests);
}
