#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "control/world.h"
#include "tests/unit/run.h"

/* A dataplane that lets go of views when the test says so. */
static struct {
	const struct dp_view *current, *old[16];
	void (*done[16])(void *arg, const struct dp_view *old);
	void *arg;
	unsigned waiting;
	int refuse; // -errno for the next publication
	uint16_t forgotten[64];
	unsigned forgets;
} dp;

static int fake_publish(void *self, const struct dp_view *view,
	void (*done)(void *arg, const struct dp_view *old), void *arg)
{
	int err = dp.refuse;

	(void)self;
	dp.refuse = 0;
	if (err != 0)
		return err;
	dp.old[dp.waiting] = dp.current;
	dp.done[dp.waiting++] = done;
	dp.arg = arg;
	dp.current = view;
	return 0;
}

static void fake_forget(void *self, uint16_t path)
{
	(void)self;
	dp.forgotten[dp.forgets++] = path;
}

static void let_go(void)
{
	for (unsigned i = 0; i < dp.waiting; i++)
		dp.done[i](dp.arg, dp.old[i]);
	dp.waiting = 0;
}

static bool drain_all;

static void set_states(void *self, struct route_paths *paths)
{
	(void)self;
	for (size_t id = 0; drain_all && id < route_paths_count(paths); id++)
		route_paths_at(paths, (uint16_t)id)->state = ROUTE_DRAINED;
}

static struct ctl_world *start(void)
{
	static const struct ctl_world_ops ops = {fake_publish, fake_forget, NULL, set_states};
	struct ctl_world *w;

	memset(&dp, 0, sizeof(dp));
	CU_ASSERT_EQUAL_FATAL(ctl_world_new(&ops, "apac", &w), 0);
	return w;
}

/* One region, one zone, `sites` sites of one IPv4 address each: 10.0.0.1 ... */
static struct route_config make_config(unsigned sites)
{
	struct route_config c = {.site_count = sites, .region_count = 1, .zone_count = 1};

	c.sites = calloc(sites, sizeof(*c.sites));
	c.regions = calloc(1, sizeof(*c.regions));
	c.zones = calloc(1, sizeof(*c.zones));
	strcpy(c.regions[0].name, "apac");
	c.zones[0].name = (struct dns_name){5, 1, "\3com"};
	c.zones[0].order_count = 1;
	c.zones[0].orders = calloc(1, sizeof(*c.zones[0].orders));
	c.zones[0].orders[0].region = ROUTE_REGION_NONE;
	c.zones[0].orders[0].site_count = sites;
	c.zones[0].orders[0].sites = calloc(sites, sizeof(uint16_t));
	for (unsigned i = 0; i < sites; i++) {
		c.sites[i].name[0] = (char)('a' + i);
		c.sites[i].addr_count = 1;
		c.sites[i].addrs = calloc(1, sizeof(struct route_addr));
		c.sites[i].addrs[0] = (struct route_addr){4, {10, 0, 0, (uint8_t)(i + 1)}};
		c.zones[0].orders[0].sites[i] = (uint16_t)i;
	}
	return c;
}

static void set_routes(struct ctl_world *w, unsigned sites, uint64_t now_ms)
{
	struct route_config c = make_config(sites);
	char err[256];

	CU_ASSERT_EQUAL_FATAL(ctl_world_set_routes(w, &c, now_ms, err, sizeof(err)), 0);
}

static void test_numbers_grow(void)
{
	struct ctl_world *w = start();

	CU_ASSERT_PTR_NULL(ctl_world_table(w));
	CU_ASSERT_PTR_NULL(ctl_world_config(w));
	set_routes(w, 3, 1000);
	CU_ASSERT_EQUAL(ctl_world_table_number(w), 1);
	CU_ASSERT_EQUAL(route_table_number(dp.current->table), 1);
	CU_ASSERT_EQUAL(dp.current->number, 1);
	CU_ASSERT_EQUAL(ctl_world_states_changed(w), 0);
	CU_ASSERT_EQUAL(ctl_world_table_number(w), 2);
	CU_ASSERT_EQUAL(dp.current->number, 2);
	// next hops are a new view, not a new table
	CU_ASSERT_EQUAL(ctl_world_set_hops(w, calloc(1, sizeof(struct dp_hops))), 0);
	CU_ASSERT_EQUAL(ctl_world_table_number(w), 2);
	CU_ASSERT_EQUAL(dp.current->number, 3);
	CU_ASSERT_PTR_NOT_NULL(dp.current->hops);
	ctl_world_free(w);
}

/* Parts live as long as a view that holds them: ASan is the judge. */
static void test_parts_outlive_their_successor(void)
{
	struct ctl_world *w = start();
	const struct dp_view *first;

	set_routes(w, 2, 0);
	let_go();
	first = dp.current;
	CU_ASSERT_EQUAL(ctl_world_states_changed(w), 0);
	CU_ASSERT_EQUAL(ctl_world_states_changed(w), 0);
	CU_ASSERT_EQUAL(ctl_world_views_out(w), 3);
	CU_ASSERT_EQUAL(route_table_number(first->table), 1); // still readable
	let_go();
	CU_ASSERT_EQUAL(ctl_world_views_out(w), 1);
	CU_ASSERT_EQUAL(route_table_number(dp.current->table), 3);
	ctl_world_free(w);
}

static void test_keys_wait_for_routes(void)
{
	struct ctl_world *w = start();
	struct val_zone_keys zone = {.zone = {5, 1, "\3com"}, .status = VAL_ZONE_INSECURE};
	struct val_keys *keys;

	CU_ASSERT_EQUAL_FATAL(val_keys_new(&zone, 1, &keys), 0);
	CU_ASSERT_EQUAL(ctl_world_set_keys(w, keys), 0);
	CU_ASSERT_PTR_NULL(dp.current);
	set_routes(w, 1, 0);
	CU_ASSERT_PTR_EQUAL(dp.current->keys, keys);
	ctl_world_free(w);
}

static void test_refused_publication_changes_nothing(void)
{
	struct ctl_world *w = start();
	struct route_config c = make_config(1);
	char err[256] = "";

	set_routes(w, 3, 0);
	let_go();
	dp.refuse = -12;
	CU_ASSERT_EQUAL(ctl_world_set_routes(w, &c, 0, err, sizeof(err)), -12);
	CU_ASSERT_NOT_EQUAL(err[0], '\0');
	CU_ASSERT_EQUAL(c.site_count, 1); // still ours
	route_config_fini(&c);
	CU_ASSERT_EQUAL(ctl_world_config(w)->site_count, 3);
	CU_ASSERT_EQUAL(ctl_world_table_number(w), 1);
	CU_ASSERT_EQUAL(route_table_number(ctl_world_table(w)), 1);
	for (uint16_t id = 0; id < 3; id++)
		CU_ASSERT_PTR_NOT_NULL(route_paths_at(ctl_world_paths(w), id));
	ctl_world_free(w);
}

static void test_ids_come_back_late(void)
{
	struct ctl_world *w = start();

	set_routes(w, 3, 1000);
	let_go();
	set_routes(w, 1, 2000);
	ctl_world_tick(w, 2000 + CTL_WORLD_RETIRE_MS - 1);
	CU_ASSERT_EQUAL(dp.forgets, 0);
	ctl_world_tick(w, 2000 + CTL_WORLD_RETIRE_MS); // the old view is still out
	CU_ASSERT_EQUAL(dp.forgets, 0);
	let_go();
	ctl_world_tick(w, 2000 + CTL_WORLD_RETIRE_MS);
	CU_ASSERT_EQUAL(dp.forgets, 2);
	ctl_world_tick(w, 9000 + CTL_WORLD_RETIRE_MS);
	CU_ASSERT_EQUAL(dp.forgets, 2);
	ctl_world_free(w);
}

static void test_states_survive_new_routes(void)
{
	struct ctl_world *w = start();

	set_routes(w, 3, 0);
	route_paths_at(ctl_world_paths(w), 1)->state = ROUTE_FAILING;
	set_routes(w, 2, 0);
	CU_ASSERT_EQUAL(route_paths_at(ctl_world_paths(w), 1)->state, ROUTE_FAILING);
	ctl_world_free(w);
}

static const char *first_choice(const struct ctl_world *w)
{
	const struct route_tried none = {0};
	struct route_choice choice;

	CU_ASSERT_EQUAL_FATAL(
		route_table_choose(ctl_world_table(w), 0, 0, 3, 0, &none, &choice), 0);
	return ctl_world_config(w)->sites[choice.site].name;
}

/* What does not depend on states is shared with the table before. */
static void test_states_make_a_cheap_table(void)
{
	struct ctl_world *w = start();
	const char *region;

	set_routes(w, 3, 0);
	region = route_table_region_name(ctl_world_table(w), 0);
	CU_ASSERT_STRING_EQUAL(first_choice(w), "a");
	route_paths_at(ctl_world_paths(w), 0)->state = ROUTE_FAILING;
	CU_ASSERT_EQUAL(ctl_world_states_changed(w), 0);
	let_go(); // the first table goes, what it shared stays
	CU_ASSERT_STRING_EQUAL(first_choice(w), "b");
	CU_ASSERT_PTR_EQUAL(route_table_region_name(ctl_world_table(w), 0), region);
	CU_ASSERT_STRING_EQUAL(region, "apac");
	ctl_world_free(w);
}

/* Refused routes have synchronised the paths twice, there and back. */
static void test_states_change_after_refused_routes(void)
{
	struct ctl_world *w = start();
	struct route_config c = make_config(1);
	char err[256];

	set_routes(w, 3, 0);
	dp.refuse = -12;
	CU_ASSERT_EQUAL(ctl_world_set_routes(w, &c, 0, err, sizeof(err)), -12);
	route_config_fini(&c);
	route_paths_at(ctl_world_paths(w), 0)->state = ROUTE_FAILING;
	CU_ASSERT_EQUAL(ctl_world_states_changed(w), 0);
	CU_ASSERT_EQUAL(ctl_world_table_number(w), 2);
	CU_ASSERT_STRING_EQUAL(first_choice(w), "b");
	ctl_world_free(w);
}

/* A restart: numbers go on, and the first table has the states already. */
static void test_goes_on(void)
{
	struct ctl_world *w = start();

	ctl_world_count_from(w, 41);
	drain_all = true;
	set_routes(w, 2, 0);
	drain_all = false;
	CU_ASSERT_EQUAL(ctl_world_table_number(w), 42);
	CU_ASSERT_EQUAL(route_table_number(dp.current->table), 42);
	CU_ASSERT_EQUAL(route_paths_at(ctl_world_paths(w), 0)->state, ROUTE_DRAINED);
	CU_ASSERT_EQUAL(ctl_world_view_number(w), 1);
	CU_ASSERT_EQUAL(ctl_world_table_of_view(w, 1), 42);
	CU_ASSERT_EQUAL(ctl_world_states_changed(w), 0);
	CU_ASSERT_EQUAL(ctl_world_table_of_view(w, 1), 42);
	CU_ASSERT_EQUAL(ctl_world_table_of_view(w, 2), 43);
	let_go();
	CU_ASSERT_EQUAL(ctl_world_table_of_view(w, 1), 0); // nobody looks at it
	CU_ASSERT_EQUAL(ctl_world_table_of_view(w, 0), 0);
	ctl_world_free(w);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"numbers grow, each for its kind of change", test_numbers_grow},
		{"parts outlive their successor", test_parts_outlive_their_successor},
		{"keys wait for routes", test_keys_wait_for_routes},
		{"a refused publication changes nothing", test_refused_publication_changes_nothing},
		{"retired ids come back late", test_ids_come_back_late},
		{"states survive new routes", test_states_survive_new_routes},
		{"states make a cheap table", test_states_make_a_cheap_table},
		{"states change after refused routes", test_states_change_after_refused_routes},
		{"numbers and states go on after a restart", test_goes_on},
		CU_TEST_INFO_NULL,
	};

	return test_run("control/world", tests);
}
