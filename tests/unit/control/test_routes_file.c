#include <errno.h>
#include <string.h>

#include "control/routes_file.h"
#include "tests/unit/control/broken_routes.h"
#include "tests/unit/run.h"

static int parse(const char *text, struct route_config *c, char *err)
{
	size_t len;
	char *copy = exact_copy(text, &len);
	int rc = ctl_routes_parse("r.yaml", copy, len, "apac", c, err);

	free(copy);
	return rc;
}

static void test_broken(void)
{
	char err[CTL_YAML_ERR_MAX];

	for (size_t i = 0; i < sizeof(broken_routes) / sizeof(broken_routes[0]); i++) {
		struct route_config c = {.zone_count = 77};
		int rc = parse(broken_routes[i].text, &c, err);
		check_row(&broken_routes[i], rc, -EINVAL, err);
		CU_ASSERT_EQUAL(c.zone_count, 77);
	}
	check_distinct(broken_routes, sizeof(broken_routes) / sizeof(broken_routes[0]));
	printf("\n  %zu broken files ", sizeof(broken_routes) / sizeof(broken_routes[0]));
}

static void test_deployed_file(void)
{
	struct route_config c;
	char err[CTL_YAML_ERR_MAX];

	int rc = ctl_routes_load(SOURCE_ROOT "/scripts/deploy/routes.yaml", "apac", &c, err);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	CU_ASSERT_EQUAL(c.site_count, 4);
	CU_ASSERT_EQUAL(c.region_count, 2);
	CU_ASSERT_EQUAL(c.zone_count, 3);
	CU_ASSERT_EQUAL(c.zones[0].name.len, 1);
	CU_ASSERT_EQUAL(c.zones[1].order_count, 2);
	CU_ASSERT_EQUAL(c.zones[1].orders[0].region, ROUTE_REGION_NONE);
	CU_ASSERT_EQUAL(c.zones[1].orders[1].region, 1);
	CU_ASSERT_EQUAL(c.zones[1].orders[1].sites[0], 2);
	CU_ASSERT_EQUAL(c.sites[0].addr_count, 2);
	CU_ASSERT_EQUAL(c.sites[0].addrs[1].family, 6);
	CU_ASSERT_EQUAL(c.regions[0].client_count, 2);
	route_config_fini(&c);
}

/** Zones may stand before what they name. */
static void test_any_order(void)
{
	struct route_config c;
	char err[CTL_YAML_ERR_MAX];

	CU_ASSERT_EQUAL_FATAL(parse(ZONES REGIONS SITES, &c, err), 0);
	CU_ASSERT_EQUAL(c.zones[0].orders[0].sites[1], 1);
	route_config_fini(&c);
}

static void test_shares(void)
{
	struct route_config c;
	char err[CTL_YAML_ERR_MAX] = "";
	const char *text =
		SITES REGIONS "zones:\n"
			      "  - name: com.\n"
			      "    policy: weighted\n"
			      "    sites: [[{site: nrt, weight: 100, share_limit: 1}], [sin]]\n"
			      "    regions:\n"
			      "      - {region: us, policy: fastest, sites: [{site: sin, "
			      "share_limit: 99}, nrt]}\n"
			      "      - {region: apac, sites: [sin]}\n"
			      "  - {name: net., sites: [sin, nrt]}\n";

	CU_ASSERT_EQUAL(parse(text, &c, err), 0);
	CU_ASSERT_STRING_EQUAL_FATAL(err, "");
	const struct route_order_config *o = c.zones[0].orders;
	CU_ASSERT_EQUAL(o[0].policy, ROUTE_WEIGHTED);
	CU_ASSERT_EQUAL(o[0].sites[0], 1);
	CU_ASSERT_EQUAL(o[0].shares[0].weight, 100);
	CU_ASSERT_EQUAL(o[0].shares[0].limit_percent, 1);
	CU_ASSERT_EQUAL(o[0].shares[0].group, 0);
	CU_ASSERT_EQUAL(o[0].shares[1].group, 1);
	CU_ASSERT_EQUAL(o[0].shares[1].weight, 1);
	CU_ASSERT_EQUAL(o[0].shares[1].limit_percent, 100);
	CU_ASSERT_EQUAL(o[1].policy, ROUTE_FASTEST);
	CU_ASSERT_EQUAL(o[1].shares[0].limit_percent, 99);
	CU_ASSERT_EQUAL(o[1].shares[1].group, 0);
	CU_ASSERT_EQUAL(o[2].policy, ROUTE_WEIGHTED); // the zone's
	CU_ASSERT_EQUAL(c.zones[1].orders[0].policy, ROUTE_ORDERED);
	route_config_fini(&c);
}

/** n addresses spread over sites of 16 each, all in one zone. */
static int parse_paths(size_t n, char *err)
{
	static char text[65536];
	size_t at = (size_t)sprintf(text, "regions: [{name: apac}]\nsites:\n");
	struct route_config c;

	for (size_t i = 0; i < n; i++) {
		if (i % 16 == 0)
			at += (size_t)sprintf(
				text + at, "  - name: s%zu\n    addresses:\n", i / 16);
		at += (size_t)sprintf(text + at, "      - 10.0.%zu.1\n", i);
	}
	at += (size_t)sprintf(text + at, "zones:\n  - name: com.\n    sites: [");
	for (size_t i = 0; i < n; i += 16)
		at += (size_t)sprintf(text + at, "%ss%zu", i ? "," : "", i / 16);
	sprintf(text + at, "]\n");
	int rc = parse(text, &c, err);
	if (!rc)
		route_config_fini(&c);
	return rc;
}

static void test_path_limit(void)
{
	char err[CTL_YAML_ERR_MAX];

	CU_ASSERT_EQUAL(parse_paths(ROUTE_ZONE_PATHS_MAX, err), 0);
	CU_ASSERT_EQUAL(parse_paths(ROUTE_ZONE_PATHS_MAX + 1, err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(err, "expected sites with at most 64 addresses together, got 65"));
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"broken files", test_broken},
		{"deployed file", test_deployed_file},
		{"any order", test_any_order},
		{"shares", test_shares},
		{"path limit", test_path_limit},
		CU_TEST_INFO_NULL,
	};
	return test_run("control/routes_file", tests);
}
