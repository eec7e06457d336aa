#include <errno.h>
#include <string.h>

#include "control/routes_file.h"
#include "tests/unit/control/table.h"
#include "tests/unit/run.h"

// line numbers in the rows below count from these
#define SITES                                                                                      \
	"sites:\n"                                                                                 \
	"  - {name: sin, addresses: [192.0.2.1, \"2001:db8::1\"]}\n"                               \
	"  - {name: nrt, addresses: [192.0.2.2]}\n"
#define REGIONS                                                                                    \
	"regions:\n"                                                                               \
	"  - {name: apac, clients: [198.51.100.0/24]}\n"                                           \
	"  - {name: us}\n"
#define ZONES                                                                                      \
	"zones:\n"                                                                                 \
	"  - {name: com., sites: [sin, nrt]}\n"

static int parse(const char *text, struct route_config *c, char *err)
{
	size_t len;
	char *copy = exact_copy(text, &len);
	int rc = ctl_routes_parse("r.yaml", copy, len, "apac", c, err);

	free(copy);
	return rc;
}

static const struct broken_row rows[] = {
	{"empty", "", "r.yaml:1: the file is empty, expected a mapping"},
	{"list", "- a\n", "r.yaml:1: expected a mapping, got a list"},
	{"unknown", SITES "zone: []\n", "r.yaml:4: zone: unknown key"},
	{"duplicate", SITES REGIONS ZONES SITES, "r.yaml:9: sites: duplicate key, first on line 1"},
	{"no sites", REGIONS ZONES, "r.yaml:1: key \"sites\" is missing"},
	{"no zones", SITES REGIONS, "r.yaml:1: key \"zones\" is missing"},
	{"sites empty", "sites: []\n" REGIONS ZONES,
		"r.yaml:1: sites: expected at least one site, got an empty list"},
	{"sites nothing", "sites:\n" REGIONS ZONES,
		"r.yaml:1: sites: expected a list of sites, got nothing"},
	{"zones empty", SITES REGIONS "zones: []\n",
		"r.yaml:7: zones: expected at least one zone, got an empty list"},
	{"site scalar", "sites:\n  - sin\n" REGIONS ZONES,
		"r.yaml:2: sites[0]: expected a mapping, got a plain value"},
	{"site key", "sites:\n  - name: sin\n    adresses: []\n" REGIONS ZONES,
		"r.yaml:3: sites[0].adresses: unknown key"},
	{"site key twice", "sites:\n  - name: sin\n    name: sin\n" REGIONS ZONES,
		"r.yaml:3: sites[0].name: duplicate key, first on line 2"},
	{"site unnamed", "sites:\n  - addresses: [192.0.2.1]\n" REGIONS ZONES,
		"r.yaml:2: sites[0]: key \"name\" is missing"},
	{"site name bad", "sites:\n  - {name: \"s n\", addresses: [192.0.2.1]}\n" REGIONS ZONES,
		"r.yaml:2: sites[0].name: expected a name of letters, digits and \"._-\", got \"s "
		"n\""},
	{"site name long",
		"sites:\n  - {name: a2345678901234567890123456789012, addresses: "
		"[192.0.2.1]}\n" REGIONS ZONES,
		"r.yaml:2: sites[0].name: expected at most 31 octets of text, got 32"},
	{"site twice", SITES "  - {name: sin, addresses: [192.0.2.3]}\n" REGIONS ZONES,
		"r.yaml:4: sites[2].name: site \"sin\" is there twice"},
	{"site without addresses", SITES "  - {name: lax}\n" REGIONS ZONES,
		"r.yaml:4: sites[2]: key \"addresses\" is missing"},
	{"addresses empty", SITES "  - {name: lax, addresses: []}\n" REGIONS ZONES,
		"r.yaml:4: sites[2].addresses: expected at least one address, got an empty list"},
	{"address scalar", SITES "  - {name: lax, addresses: 192.0.2.3}\n" REGIONS ZONES,
		"r.yaml:4: sites[2].addresses: expected a list of addresses, got a plain value"},
	{"address bad", SITES "  - name: lax\n    addresses: [192.0.2.300]\n" REGIONS ZONES,
		"r.yaml:5: sites[2].addresses[0]: expected an IPv4 or IPv6 address, got "
		"\"192.0.2.300\""},
	{"address map", SITES "  - name: lax\n    addresses: [{a: b}]\n" REGIONS ZONES,
		"r.yaml:5: sites[2].addresses[0]: expected an address, got a mapping"},
	{"address multicast", SITES "  - name: lax\n    addresses: [\"ff02::1\"]\n" REGIONS ZONES,
		"r.yaml:5: sites[2].addresses[0]: expected one host's address, got ff02::1"},
	{"address twice",
		SITES "  - name: lax\n    addresses: [192.0.2.3, 192.0.2.3]\n" REGIONS ZONES,
		"r.yaml:5: sites[2].addresses[1]: address 192.0.2.3 is there twice"},
	{"address of another",
		SITES "  - name: lax\n    addresses:\n      - 192.0.2.1\n" REGIONS ZONES,
		"r.yaml:6: sites[2].addresses[0]: address 192.0.2.1 belongs to site \"sin\" "
		"already"},
	{"region key", SITES "regions:\n  - {nam: apac}\n" ZONES,
		"r.yaml:5: regions[0].nam: unknown key"},
	{"region unnamed", SITES "regions:\n  - {clients: []}\n" ZONES,
		"r.yaml:5: regions[0]: key \"name\" is missing"},
	{"region twice", SITES REGIONS "  - {name: us}\n" ZONES,
		"r.yaml:7: regions[2].name: region \"us\" is there twice"},
	{"prefix bad", SITES REGIONS "  - {name: eu, clients: [203.0.113.0/40]}\n" ZONES,
		"r.yaml:7: regions[2].clients[0]: expected a prefix as 192.0.2.0/24, got "
		"\"203.0.113.0/40\""},
	{"prefix bits", SITES REGIONS "  - {name: eu, clients: [203.0.113.1/24]}\n" ZONES,
		"r.yaml:7: regions[2].clients[0]: expected a prefix, got \"203.0.113.1/24\" with "
		"bits beyond its "
		"length"},
	{"prefix twice", SITES REGIONS "  - {name: eu, clients: [198.51.100.0/24]}\n" ZONES,
		"r.yaml:7: regions[2].clients[0]: prefix 198.51.100.0/24 belongs to region "
		"\"apac\" already"},
	{"own region", SITES "regions:\n  - {name: us}\n" ZONES,
		"r.yaml:4: regions: expected our own region \"apac\" among them, got none of that "
		"name"},
	{"own region, no regions", SITES ZONES,
		"r.yaml:1: expected our own region \"apac\" among them, got none of that name"},
	{"zone scalar", SITES REGIONS "zones: [com.]\n",
		"r.yaml:7: zones[0]: expected a mapping, got a plain value"},
	{"zone key", SITES REGIONS ZONES "  - {name: net., site: [sin]}\n",
		"r.yaml:9: zones[1].site: unknown key"},
	{"zone unnamed", SITES REGIONS ZONES "  - {sites: [sin]}\n",
		"r.yaml:9: zones[1]: key \"name\" is missing"},
	{"zone name empty label", SITES REGIONS ZONES "  - {name: a..b, sites: [sin]}\n",
		"r.yaml:9: zones[1].name: expected a domain name, got \"a..b\""},
	{"zone name nothing", SITES REGIONS ZONES "  - {name: , sites: [sin]}\n",
		"r.yaml:9: zones[1].name: expected a domain name, got \"\""},
	{"zone twice in other letters", SITES REGIONS ZONES "  - {name: COM, sites: [sin]}\n",
		"r.yaml:9: zones[1].name: zone \"COM\" is there twice"},
	{"zone kind", SITES REGIONS ZONES "  - {name: net., kind: cache, sites: [sin]}\n",
		"r.yaml:9: zones[1].kind: expected one of authoritative, recursive, got \"cache\""},
	{"zone without sites", SITES REGIONS ZONES "  - {name: net.}\n",
		"r.yaml:9: zones[1]: the zone has no \"sites\""},
	{"zone sites empty", SITES REGIONS ZONES "  - {name: net., sites: []}\n",
		"r.yaml:9: zones[1].sites: expected at least one site, best first, got an empty "
		"list"},
	{"zone unknown site", SITES REGIONS ZONES "  - name: net.\n    sites: [sin, lax]\n",
		"r.yaml:10: zones[1].sites[1]: unknown site \"lax\""},
	{"zone site twice", SITES REGIONS ZONES "  - name: net.\n    sites: [sin, sin]\n",
		"r.yaml:10: zones[1].sites[1]: site \"sin\" is in this list twice"},
	{"order unknown region",
		SITES REGIONS ZONES "  - name: net.\n    sites: [sin]\n    regions:\n"
				    "      - {region: eu, sites: [sin]}\n",
		"r.yaml:12: zones[1].regions[0].region: unknown region \"eu\""},
	{"order region twice",
		SITES REGIONS ZONES
		"  - name: net.\n    sites: [sin]\n    regions:\n"
		"      - {region: us, sites: [sin]}\n      - {region: us, sites: [nrt]}\n",
		"r.yaml:13: zones[1].regions[1].region: region \"us\" is in this zone twice"},
	{"order without sites",
		SITES REGIONS ZONES
		"  - name: net.\n    sites: [sin]\n    regions:\n      - {region: us}\n",
		"r.yaml:12: zones[1].regions[0]: key \"sites\" is missing"},
	{"order unknown site",
		SITES REGIONS ZONES "  - name: net.\n    sites: [sin]\n    regions:\n"
				    "      - {region: us, sites: [fra]}\n",
		"r.yaml:12: zones[1].regions[0].sites[0]: unknown site \"fra\""},
	{"order key",
		SITES REGIONS ZONES "  - name: net.\n    sites: [sin]\n    regions:\n"
				    "      - {region: us, sites: [sin], weight: 1}\n",
		"r.yaml:12: zones[1].regions[0].weight: unknown key"},
};

static void test_broken(void)
{
	char err[CTL_YAML_ERR_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct route_config c = {.zone_count = 77};
		int rc = parse(rows[i].text, &c, err);
		check_row(&rows[i], rc, -EINVAL, err);
		CU_ASSERT_EQUAL(c.zone_count, 77);
	}
	check_distinct(rows, sizeof(rows) / sizeof(rows[0]));
	printf("\n  %zu broken files ", sizeof(rows) / sizeof(rows[0]));
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
		{"path limit", test_path_limit},
		CU_TEST_INFO_NULL,
	};
	return test_run("control/routes_file", tests);
}
