#include "tests/unit/control/fake_daemon.h"
#include "tests/unit/run.h"

/* The verbs on a daemon without ports: what is asked, done and refused. */

static void setup(void)
{
	fake_new();
	fake_start();
}

static void teardown(void)
{
	fake_stop();
	fake_remove();
}

#define run  fake_run
#define says fake_says

#define APPLY(routes, more)                                                                        \
	"{\"verb\":\"routes.apply\",\"file\":\"new.yaml\",\"text\":\"" routes "\"" more "}"
#define NEW_ROUTES                                                                                 \
	"sites: [{name: nrt, addresses: [192.0.2.2]}, {name: lax, addresses: [192.0.2.3]}]\\n"     \
	"regions: [{name: apac}]\\n"                                                               \
	"zones: [{name: com., sites: [lax, nrt]}]\\n"

#define APPLIED(n)                                                                                 \
	"{\"number\":" n ",\"workers\":[{\"worker\":0,\"table\":" n                                \
	"}],\"everywhere\":true,\"kept\":true}"

static void test_look(void)
{
	setup();
	CU_ASSERT_TRUE(says("{\"verb\":\"status\"}", "\"table\":1"));
	CU_ASSERT_TRUE(says("{\"verb\":\"status\"}", "\"zone\":\"com.\",\"kind\":\"authoritative\","
						     "\"keys\":\"unknown\",\"paths\":3,\"up\":3"));
	CU_ASSERT_TRUE(says("{\"verb\":\"sites\"}",
		"\"zone\":\"com.\",\"site\":\"sin\",\"address\":\"2001:db8::1\",\"state\":\"up\""));
	CU_ASSERT_TRUE(says("{\"verb\":\"stats\"}", "\"received\":7"));
	CU_ASSERT_TRUE(says("{\"verb\":\"stats\"}", "\"holds\":true"));
	CU_ASSERT_TRUE(says("{\"verb\":\"stats\"}", "\"acl\":2"));
	CU_ASSERT_TRUE(says("{\"verb\":\"zones\"}", "\"served_by\":\"nrt\""));
	CU_ASSERT_TRUE(
		says("{\"verb\":\"keys\"}", "\"status\":\"unknown\",\"reason\":\"no_chain\""));
	CU_ASSERT_TRUE(says("{\"verb\":\"routes.show\"}", "\"number\":1"));
	CU_ASSERT_TRUE(
		says("{\"verb\":\"events\"}", "routes.yaml is in use: 2 zones at 2 sites; start"));
	CU_ASSERT_STRING_EQUAL(run("{\"verb\":\"events\",\"since\":1000}"), "[]");
	CU_ASSERT_STRING_EQUAL(run("{\"verb\":\"events\",\"since\":-1}"), "\"since\" is negative");
	teardown();
}

static void test_flush(void)
{
	static const struct {
		const char *request, *reply;
		bool all;
		enum dp_flush_what what;
	} rows[] = {
		{"{\"verb\":\"flush\",\"name\":\"WWW.example.com\"}", "{\"answers\":3}", false,
			DP_FLUSH_NAME},
		{"{\"verb\":\"flush\",\"name\":\"www.example.com.\",\"tree\":true}",
			"{\"answers\":3}", false, DP_FLUSH_TREE},
		{"{\"verb\":\"flush\",\"all\":true}", "{\"answers\":3}", true, DP_FLUSH_NAME},
		{"{\"verb\":\"flush\"}", "either \"name\" or \"all\" is needed", false, 0},
		{"{\"verb\":\"flush\",\"name\":\"a.\",\"all\":true}",
			"either \"name\" or \"all\" is needed", false, 0},
		{"{\"verb\":\"flush\",\"name\":\"a..b\"}", "\"name\" is not a domain name", false,
			0},
	};
	struct dns_name name;

	setup();
	dns_name_from_text("www.example.com.", &name);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned before = fake.flushes;
		CU_ASSERT_STRING_EQUAL(run(rows[i].request), rows[i].reply);
		CU_ASSERT_EQUAL(fake.flushes, before + (i < 3));
		if (i >= 3)
			continue;
		CU_ASSERT_EQUAL(fake.flushed.all, rows[i].all);
		CU_ASSERT_EQUAL(fake.flushed.name_count, !rows[i].all);
		if (rows[i].all)
			continue;
		CU_ASSERT_EQUAL(fake.flushed_name.what, rows[i].what);
		CU_ASSERT_EQUAL(memcmp(fake.flushed_name.name.octets, name.octets, name.len), 0);
	}
	CU_ASSERT_TRUE(says("{\"verb\":\"events\"}",
		"www.example.com. and below flushed by the operator: 3 answers"));
	CU_ASSERT_TRUE(says("{\"verb\":\"status\"}", "\"cache\":{\"size\":1048576"));
	CU_ASSERT_TRUE(says("{\"verb\":\"stats\"}", "\"answers\":5"));
	teardown();
}

/* Regions may be others now: what was kept by region goes, and only that. */
static void test_apply_purges(void)
{
	static const char resolvers[] =
		APPLY("sites: [{name: nrt, addresses: [192.0.2.2]}]\\nregions: [{name: apac}]\\n"
		      "zones: [{name: com., kind: recursive, sites: [nrt]}, {name: net., sites: "
		      "[nrt]}]\\n",
			"");

	setup();
	CU_ASSERT_STRING_EQUAL(run(APPLY(NEW_ROUTES, "")), APPLIED("2"));
	ctl_duty_tick(&d);
	CU_ASSERT_EQUAL(fake.flushes, 0);
	CU_ASSERT_STRING_EQUAL(run(resolvers), APPLIED("3"));
	ctl_duty_tick(&d);
	CU_ASSERT_EQUAL(fake.flushes, 1);
	CU_ASSERT_EQUAL(fake.flushed.name_count, 1);
	CU_ASSERT_EQUAL(fake.flushed_name.what, DP_FLUSH_ZONE);
	CU_ASSERT_STRING_EQUAL((const char *)fake.flushed_name.name.octets, "\3com");
	teardown();
}

static void test_apply(void)
{
	setup();
	unsigned before = fake.published;
	CU_ASSERT_STRING_EQUAL(run(APPLY(NEW_ROUTES, "")), APPLIED("2"));
	CU_ASSERT_EQUAL(fake.published, before + 2); // hops with the table, then keys
	CU_ASSERT_EQUAL(fake.views_without_hops, 0);
	CU_ASSERT_EQUAL(ctl_world_views_out(d.world), 1);
	CU_ASSERT_TRUE(says("{\"verb\":\"zones\"}", "\"served_by\":\"lax\""));
	CU_ASSERT_STRING_EQUAL(
		run(APPLY(NEW_ROUTES, ",\"if_match\":2,\"note\":\"why\"")), APPLIED("3"));
	CU_ASSERT_TRUE(says("{\"verb\":\"events\"}",
		"table 3 from new.yaml is in use: 1 zones at 2 sites; why"));
	teardown();
}

static void test_apply_refused(void)
{
	setup();
	unsigned before = fake.published;
	CU_ASSERT_STRING_EQUAL(
		run(APPLY("sites: [{name: a b}]", "")), "new.yaml:1: key \"zones\" is missing");
	CU_ASSERT_STRING_EQUAL(run(APPLY(NEW_ROUTES, ",\"if_match\":9")),
		"table 9 was expected, table 1 is current: look again");
	CU_ASSERT_STRING_EQUAL(
		run(APPLY(NEW_ROUTES, ",\"if_match\":\"1\"")), "\"if_match\" is not a number");
	CU_ASSERT_STRING_EQUAL(
		run("{\"verb\":\"routes.apply\"}"), "the request has no \"text\" of a routes file");
	CU_ASSERT_STRING_EQUAL(run("{\"verb\":\"routes.apply\",\"text\":\"\"}"),
		"routes:1: the file is empty, expected a mapping");
	d.draining = true;
	CU_ASSERT_STRING_EQUAL(run(APPLY(NEW_ROUTES, "")), "swerved is going down");
	CU_ASSERT_EQUAL(fake.published, before);
	CU_ASSERT_EQUAL(ctl_world_table_number(d.world), 1);
	teardown();
}

static void test_validate(void)
{
	setup();
	unsigned before = fake.published;
	CU_ASSERT_STRING_EQUAL(run("{\"verb\":\"routes.validate\",\"text\":\"" NEW_ROUTES "\"}"),
		"{\"sites\":2,\"regions\":1,\"zones\":1}");
	CU_ASSERT_TRUE(says(
		"{\"verb\":\"routes.validate\",\"text\":\"a: 1\"}", "routes:1: a: unknown key"));
	CU_ASSERT_EQUAL(fake.published, before);
	teardown();
}

#define MOVE(verb, zone, site)                                                                     \
	"{\"verb\":\"site." verb "\",\"zone\":\"" zone "\",\"site\":\"" site                       \
	"\",\"reason\":\"test\"}"

static void test_drain(void)
{
	setup();
	CU_ASSERT_STRING_EQUAL(run(MOVE("drain", "COM", "sin")), "{\"paths\":2,\"number\":2}");
	CU_ASSERT_TRUE(
		says("{\"verb\":\"sites\"}", "\"address\":\"192.0.2.1\",\"state\":\"drained\""));
	CU_ASSERT_TRUE(says("{\"verb\":\"zones\"}", "\"paths\":3,\"up\":1,\"served_by\":\"nrt\""));
	CU_ASSERT_TRUE(says("{\"verb\":\"events\"}", "com. at sin drained by the operator: test"));
	// again: nothing changes, no new table
	CU_ASSERT_STRING_EQUAL(run(MOVE("drain", "com.", "sin")), "{\"paths\":0,\"number\":2}");
	CU_ASSERT_STRING_EQUAL(
		run(MOVE("drain", "com.", "nrt")), "refused: no other site of this zone is in use");
	CU_ASSERT_STRING_EQUAL(
		run(MOVE("drain", "com.", "fra")), "no such zone, or no such site in it");
	CU_ASSERT_STRING_EQUAL(
		run(MOVE("drain", "org.", "sin")), "no such zone, or no such site in it");
	CU_ASSERT_STRING_EQUAL(run(MOVE("drain", "..", "sin")), "\"zone\" is not a domain name");
	CU_ASSERT_STRING_EQUAL(run("{\"verb\":\"site.drain\",\"zone\":\"com.\",\"site\":\"sin\"}"),
		"\"zone\", \"site\" and \"reason\" are needed");
	CU_ASSERT_STRING_EQUAL(run(MOVE("restore", "com.", "sin")), "{\"paths\":2,\"number\":3}");
	CU_ASSERT_TRUE(
		says("{\"verb\":\"sites\"}", "\"address\":\"192.0.2.1\",\"state\":\"probation\""));
	CU_ASSERT_STRING_EQUAL(run(MOVE("restore", "com.", "nrt")), "{\"paths\":0,\"number\":3}");
	teardown();
}

#define POLICIES                                                                                   \
	"sites: [{name: sin, addresses: [192.0.2.1, '2001:db8::1']}, "                             \
	"{name: nrt, addresses: [192.0.2.2]}, {name: lax, addresses: [192.0.2.3]}]\\n"             \
	"regions: [{name: apac}]\\n"                                                               \
	"zones: [{name: com., policy: weighted, sites: [[{site: sin, weight: 3}, "                 \
	"{site: nrt, share_limit: 60}], [{site: lax, weight: 7}]], "                               \
	"regions: [{region: apac, policy: fastest, sites: [lax, {site: nrt, share_limit: 25}]}]}]"

/* An order of routes.show, and a path that follows. */
#define ORDER(region, policy) "{\"region\":\"" region "\",\"policy\":\"" policy "\",\"paths\":["
#define PATH(site, address, state, group, weight, limit, share)                                    \
	"{\"site\":\"" site "\",\"address\":\"" address "\",\"state\":\"" state                    \
	"\",\"group\":" #group ",\"weight\":" #weight ",\"share_limit\":" #limit                   \
	",\"share\":" #share "}"

/* Has routes.show all these parts, each after the one before? */
static bool shows(const char *const *parts, size_t count)
{
	const char *at = run("{\"verb\":\"routes.show\"}"), *found;

	for (size_t i = 0; i < count; i++) {
		found = strstr(at, parts[i]);
		if (!found) {
			printf("\n  %s\n  expected %s", at, parts[i]);
			return false;
		}
		at = found + strlen(parts[i]);
	}
	return true;
}

/* Each order says its policy, each path what the order says of its site and what it gets now. */
static void test_policies(void)
{
	static const char *const well[] = {
		ORDER("*", "weighted"),
		PATH("sin", "192.0.2.1", "up", 1, 3, 100, 37.5),
		PATH("sin", "2001:db8::1", "up", 1, 3, 100, 37.5),
		PATH("nrt", "192.0.2.2", "up", 1, 1, 60, 25.0),
		PATH("lax", "192.0.2.3", "up", 2, 7, 100, 0.0),
		ORDER("apac", "fastest"),
		PATH("lax", "192.0.2.3", "up", 1, 1, 100, 98.0),
		PATH("nrt", "192.0.2.2", "up", 1, 1, 25, 2.0),
	};
	// nrt has no more than its limit, the next group the rest
	static const char *const drained[] = {
		PATH("sin", "192.0.2.1", "drained", 1, 3, 100, 0.0),
		PATH("sin", "2001:db8::1", "drained", 1, 3, 100, 0.0),
		PATH("nrt", "192.0.2.2", "up", 1, 1, 60, 60.0),
		PATH("lax", "192.0.2.3", "up", 2, 7, 100, 40.0),
	};

	setup();
	CU_ASSERT_STRING_EQUAL(run(APPLY(POLICIES, "")), APPLIED("2"));
	CU_ASSERT_TRUE(shows(well, sizeof(well) / sizeof(well[0])));
	CU_ASSERT_STRING_EQUAL(run(MOVE("drain", "com.", "sin")), "{\"paths\":2,\"number\":3}");
	CU_ASSERT_TRUE(shows(drained, sizeof(drained) / sizeof(drained[0])));
	teardown();
}

static void test_ready(void)
{
	setup();
	d.started_ms = ctl_now_ms();
	CU_ASSERT_FALSE(d.ready);
	ctl_duty_tick(&d); // no anchors: no chain to be had, which is settled
	CU_ASSERT_TRUE(d.ready);
	CU_ASSERT_TRUE(says("{\"verb\":\"events\"}", "\"kind\":\"ready\""));
	ctl_duty_poll(&d);
	ctl_duty_tick(&d);
	teardown();
}

static void test_ntas(void)
{
	setup();
	d.cfg.nta_lifetime_s = 3600;
	unsigned before = fake.published;
	CU_ASSERT_STRING_EQUAL(run("{\"verb\":\"nta.list\"}"), "[]");
	CU_ASSERT_TRUE(says("{\"verb\":\"nta.add\",\"name\":\"COM\",\"reason\":\"their signer "
			    "broke\",\"lifetime_s\":600}",
		"\"name\":\"com.\",\"reason\":\"their signer broke\""));
	CU_ASSERT_EQUAL(fake.published, before + 1); // keys
	CU_ASSERT_EQUAL(fake.flushes, 1);            // answers and failures, at once
	CU_ASSERT_EQUAL(fake.flushed.name_count, 2); // the zone, and the name's tree
	CU_ASSERT_FALSE(fake.flushed.all);
	CU_ASSERT_TRUE(says("{\"verb\":\"status\"}", "\"ntas\":[{\"name\":\"com.\""));
	CU_ASSERT_TRUE(says("{\"verb\":\"zones\"}", "\"keys\":\"negative_anchor\""));
	CU_ASSERT_TRUE(says("{\"verb\":\"events\"}",
		"negative trust anchor for com., 600 s: what is at or below it is not validated; "
		"their signer broke"));
	CU_ASSERT_TRUE(says("{\"verb\":\"nta.add\",\"name\":\"com\",\"reason\":\"still\"}",
		"\"reason\":\"still\"")); // renewed
	CU_ASSERT_EQUAL(ctl_ntas_count(d.ntas), 1);
	CU_ASSERT_STRING_EQUAL(run("{\"verb\":\"nta.remove\",\"name\":\"com.\"}"), "[]");
	CU_ASSERT_TRUE(fake.flushed.all);
	CU_ASSERT_TRUE(says("{\"verb\":\"zones\"}", "\"keys\":\"unknown\""));
	CU_ASSERT_TRUE(says("{\"verb\":\"events\"}",
		"negative trust anchor for com. removed: by the operator; it is validated again"));
	teardown();
}

static void test_ntas_refused(void)
{
	static const struct {
		const char *req, *err;
	} rows[] = {
		{"{\"verb\":\"nta.add\",\"name\":\"com.\"}", "\"reason\" is needed"},
		{"{\"verb\":\"nta.add\",\"name\":\"com.\",\"reason\":\"\"}",
			"\"reason\" is needed"},
		{"{\"verb\":\"nta.add\",\"reason\":\"r\"}", "\"name\" is needed"},
		{"{\"verb\":\"nta.add\",\"name\":\"a..b\",\"reason\":\"r\"}",
			"\"name\" is not a domain name"},
		{"{\"verb\":\"nta.remove\",\"name\":\"com.\"}",
			"there is no negative trust anchor of that name"},
	};

	setup();
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_STRING_EQUAL(run(rows[i].req), rows[i].err);
	CU_ASSERT_TRUE(says("{\"verb\":\"nta.add\",\"name\":\"com.\",\"reason\":\"r\","
			    "\"lifetime_s\":604801}",
		"\"lifetime_s\"")); // more than a week
	CU_ASSERT_EQUAL(ctl_ntas_count(d.ntas), 0);
	teardown();
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"looking", test_look},
		{"flush", test_flush},
		{"apply", test_apply},
		{"apply purges by region", test_apply_purges},
		{"apply refused", test_apply_refused},
		{"validate", test_validate},
		{"drain and restore", test_drain},
		{"policies and shares", test_policies},
		{"ready", test_ready},
		{"negative trust anchors", test_ntas},
		{"negative trust anchors refused", test_ntas_refused},
		CU_TEST_INFO_NULL,
	};
	return test_run("control/verbs", tests);
}
