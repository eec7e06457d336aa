#include <stdlib.h>
#include <string.h>

#include "control/routes_diff.h"
#include "control/routes_file.h"
#include "tests/unit/run.h"

#define SITES                                                                                      \
	"sites: [{name: sin, addresses: [192.0.2.1]}, {name: lax, addresses: [192.0.2.3, "         \
	"\"2001:db8::3\"]}]\n"
#define REGIONS "regions: [{name: apac, clients: [198.51.100.0/24]}, {name: us}]\n"

static const struct {
	const char *name, *from, *to, *diff;
} rows[] = {
	{"the same", SITES "zones: [{name: com., sites: [sin, lax]}]",
		SITES "zones: [{name: com., sites: [sin, lax]}]",
		"{\"same\":true,\"summary\":[],\"lines\":[]}"},
	{"layout and order in the file",
		SITES REGIONS "zones: [{name: com., sites: [sin]}, {name: net., sites: [lax]}]",
		"# a remark\nzones:\n- {name: NET, sites: [lax]}\n- {name: com, sites: [sin]}\n"
		"regions: [{name: us}, {name: apac, clients: [198.51.100.0/24]}]\n" SITES,
		"{\"same\":true,\"summary\":[],\"lines\":[]}"},
	{"order of sites", SITES "zones: [{name: com., sites: [sin, lax]}]",
		SITES "zones: [{name: com., sites: [lax]}]",
		"{\"same\":false,\"summary\":[\"com.: sin before lax -> lax only\"],\"lines\":["
		"\"-zone com. in *: sin lax\",\"+zone com. in *: lax\"]}"},
	{"in a region",
		SITES REGIONS "zones: [{name: com., sites: [lax], regions: [{region: apac, sites: "
			      "[sin, lax]}]}]",
		SITES REGIONS
		"zones: [{name: com., sites: [lax], regions: [{region: apac, sites: [lax]}]}]",
		"{\"same\":false,\"summary\":[\"com.: apac: sin before lax -> lax "
		"only\"],\"lines\":["
		"\"-zone com. in apac: sin lax\",\"+zone com. in apac: lax\"]}"},
	{"a region's order is new", SITES REGIONS "zones: [{name: com., sites: [lax]}]",
		SITES REGIONS
		"zones: [{name: com., sites: [lax], regions: [{region: us, sites: [sin, lax]}]}]",
		"{\"same\":false,\"summary\":[\"com.: us: new: sin before lax\"],\"lines\":["
		"\"+zone com. in us: sin lax\"]}"},
	{"weights and limits come", SITES "zones: [{name: com., sites: [sin, lax]}]",
		SITES "zones: [{name: com., policy: weighted, sites: [{site: sin, weight: 5, "
		      "share_limit: 40}, lax]}]",
		"{\"same\":false,\"summary\":[\"com.: sin before lax -> sin by 5 (at most 40 %) "
		"and "
		"lax by 1\"],\"lines\":[\"-zone com. in *: sin lax\",\"+zone com. in *: weighted: "
		"sin weight=5 share_limit=40 lax weight=1\"]}"},
	{"only a limit changes",
		SITES "zones: [{name: com., sites: [sin, {site: lax, share_limit: 40}]}]",
		SITES "zones: [{name: com., sites: [sin, {site: lax, share_limit: 50}]}]",
		"{\"same\":false,\"summary\":[\"com.: sin before lax (at most 40 %) -> sin before "
		"lax (at most 50 %)\"],\"lines\":[\"-zone com. in *: sin lax "
		"share_limit=40\",\"+zone "
		"com. in *: sin lax share_limit=50\"]}"},
	{"a limit of 100 is none", SITES "zones: [{name: com., sites: [sin, lax]}]",
		SITES "zones: [{name: com., sites: [sin, {site: lax, share_limit: 100}]}]",
		"{\"same\":true,\"summary\":[],\"lines\":[]}"},
	{"policy and groups", SITES "zones: [{name: com., policy: fastest, sites: [sin, lax]}]",
		SITES "zones: [{name: com., sites: [[sin], [lax]]}]",
		"{\"same\":false,\"summary\":[\"com.: the fastest of sin or lax -> sin, then "
		"lax\"],\"lines\":[\"-zone com. in *: fastest: sin lax\",\"+zone com. in *: sin | "
		"lax\"]}"},
	{"a zone is gone", SITES "zones: [{name: com., sites: [lax]}, {name: net., sites: [sin]}]",
		SITES "zones: [{name: com., sites: [lax]}]",
		"{\"same\":false,\"summary\":[\"net.: gone: sin only\"],\"lines\":["
		"\"-zone net.: authoritative\",\"-zone net. in *: sin\"]}"},
	{"kind", SITES "zones: [{name: com., sites: [lax]}]",
		SITES "zones: [{name: com., kind: recursive, sites: [lax]}]",
		"{\"same\":false,\"summary\":[\"com.: authoritative -> recursive\"],\"lines\":["
		"\"-zone com.: authoritative\",\"+zone com.: recursive\"]}"},
	{"addresses of a site",
		"sites: [{name: sin, addresses: [192.0.2.1]}]\nzones: [{name: ., "
		"sites: [sin]}]",
		"sites: [{name: sin, addresses: [192.0.2.9]}]\nzones: [{name: ., sites: [sin]}]",
		"{\"same\":false,\"summary\":[\"site sin: 192.0.2.1 -> 192.0.2.9\"],\"lines\":["
		"\"-site sin: 192.0.2.1\",\"+site sin: 192.0.2.9\"]}"},
	{"clients move", SITES REGIONS "zones: [{name: ., sites: [sin]}]",
		SITES "regions: [{name: apac}, {name: us, clients: [198.51.100.0/24]}]\n"
		      "zones: [{name: ., sites: [sin]}]",
		"{\"same\":false,\"summary\":[\"clients 198.51.100.0/24: apac -> us\"],\"lines\":["
		"\"-client 198.51.100.0/24: apac\",\"+client 198.51.100.0/24: us\"]}"},
	{"a region is new", SITES "zones: [{name: ., sites: [sin]}]",
		SITES "regions: [{name: eu}]\nzones: [{name: ., sites: [sin]}]",
		"{\"same\":false,\"summary\":[\"region eu: new\"],\"lines\":[\"+region eu\"]}"},
};

static struct route_config parse(const char *text)
{
	struct route_config c = {0};
	char err[CTL_YAML_ERR_MAX] = "";

	if (ctl_routes_parse("r", text, strlen(text), "", &c, err)) {
		printf("\n  %s", err);
		CU_FAIL_FATAL("routes of the test");
	}
	return c;
}

static void test_diff(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct route_config from = parse(rows[i].from), to = parse(rows[i].to);
		json_t *diff = ctl_routes_diff(&from, &to);
		char *text = json_dumps(diff, JSON_COMPACT);
		CU_ASSERT_PTR_NOT_NULL_FATAL(text);
		if (strcmp(text, rows[i].diff) != 0) {
			printf("\n  %s:\n  got      %s\n  expected %s", rows[i].name, text,
				rows[i].diff);
			CU_FAIL("diff");
		}
		free(text);
		json_decref(diff);
		route_config_fini(&from);
		route_config_fini(&to);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"diff", test_diff},
		CU_TEST_INFO_NULL,
	};
	return test_run("control/routes_diff", tests);
}
