#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/file.h"
#include "tests/unit/control/fake_daemon.h"
#include "tests/unit/run.h"

/* Routes that change while swerved runs, and what a restart makes of them. */

#define SITES                                                                                      \
	"sites: [{name: sin, addresses: [192.0.2.1, '2001:db8::1']}, {name: nrt, addresses: "      \
	"[192.0.2.2]}, {name: lax, addresses: [192.0.2.3]}]\\n"                                    \
	"regions: [{name: apac}]\\n"
#define LAX SITES "zones: [{name: com., sites: [lax, sin]}]\\n"
#define NRT SITES "zones: [{name: com., sites: [nrt, sin]}]\\n"
#define APPLY(routes, more)                                                                        \
	"{\"verb\":\"routes.apply\",\"file\":\"new.yaml\",\"text\":\"" routes "\"" more "}"
#define ROLLBACK(n, more) "{\"verb\":\"routes.rollback\",\"number\":" n more "}"
#define SHOW(n)           "{\"verb\":\"routes.show\",\"number\":" n "}"
#define DRAIN(more)                                                                                \
	"{\"verb\":\"site.drain\",\"zone\":\"com.\",\"site\":\"sin\",\"reason\":\"works\"" more "}"
#define STATUS     "{\"verb\":\"status\"}"
#define SITES_VERB "{\"verb\":\"sites\"}"
#define HISTORY    "{\"verb\":\"routes.history\"}"

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

static bool served_by(const char *site)
{
	char part[64];

	snprintf(part, sizeof(part), "\"served_by\":\"%s\"", site);
	return fake_says("{\"verb\":\"zones\"}", part);
}

static enum route_state state(const char *site, uint8_t family)
{
	struct route_paths *p = ctl_world_paths(d.world);

	for (size_t id = 0; id < route_paths_count(p); id++) {
		const struct route_path *path = route_paths_at(p, (uint16_t)id);
		if (path && strcmp(path->site_name, site) == 0 && path->addr.family == family)
			return path->state;
	}
	return ROUTE_STATES;
}

/* ---- history ---- */

static void test_history(void)
{
	setup();
	CU_ASSERT_TRUE(fake_says(APPLY(LAX, ",\"note\":\"first\""), "\"number\":2"));
	CU_ASSERT_TRUE(fake_says(DRAIN(""), "\"number\":3"));
	CU_ASSERT_TRUE(fake_says(HISTORY, "\"number\":1,\"time\":\"20"));
	CU_ASSERT_TRUE(fake_says(HISTORY, "\"by\":\"start\",\"routes\":1"));
	CU_ASSERT_TRUE(fake_says(HISTORY,
		"\"by\":\"operator\",\"routes\":2,\"source\":\"new.yaml\",\"note\":\"first\""));
	CU_ASSERT_TRUE(fake_says(HISTORY, "\"note\":\"com. at sin drained: works\""));
	CU_ASSERT_TRUE(
		fake_says(SHOW("1"), "zones: [{name: com., sites: [sin, nrt]}, {name: net."));
	CU_ASSERT_TRUE(fake_says(SHOW("3"), "zones: [{name: com., sites: [lax, sin]}]"));
	CU_ASSERT_STRING_EQUAL(
		fake_run(SHOW("4")), "table 4 is not kept: see swervectl routes history");
	CU_ASSERT_STRING_EQUAL(
		fake_run(SHOW("0")), "\"number\" is 0, expected 1..9223372036854775807");
	teardown();
}

static void test_rollback(void)
{
	setup();
	fake_run(APPLY(LAX, ""));
	CU_ASSERT_TRUE(served_by("lax"));
	fake_run(DRAIN(""));
	CU_ASSERT_STRING_EQUAL(fake_run(ROLLBACK("1", ",\"if_match\":2")),
		"table 2 was expected, table 3 is current: look again");
	CU_ASSERT_TRUE(fake_says(
		ROLLBACK("1", ",\"if_match\":3,\"note\":\"lax is slow\""), "\"number\":4"));
	// the routes are those of table 1; a drain is the operator's, and stays
	CU_ASSERT_TRUE(served_by("nrt"));
	CU_ASSERT_EQUAL(state("sin", 4), ROUTE_DRAINED);
	CU_ASSERT_TRUE(
		fake_told("table 4 from table 1 is in use: 2 zones at 2 sites; lax is slow"));
	CU_ASSERT_TRUE(
		fake_says(HISTORY, "\"by\":\"rollback\",\"routes\":4,\"source\":\"table 1\""));
	CU_ASSERT_STRING_EQUAL(
		fake_run(ROLLBACK("9", "")), "table 9 is not kept: see swervectl routes history");
	CU_ASSERT_STRING_EQUAL(
		fake_run("{\"verb\":\"routes.rollback\"}"), "\"number\" of a table is needed");
	d.draining = true;
	CU_ASSERT_STRING_EQUAL(fake_run(ROLLBACK("1", "")), "swerved is going down");
	teardown();
}

#define DIFF(more) "{\"verb\":\"routes.diff\"" more "}"

static void test_diff(void)
{
	setup();
	fake_run(APPLY(LAX, ""));
	fake_run(APPLY(NRT, ""));
	CU_ASSERT_TRUE(fake_says(DIFF(",\"text\":\"" NRT "\""), "\"same\":true"));
	CU_ASSERT_TRUE(
		fake_says(DIFF(",\"text\":\"" LAX "\""), "com.: nrt before sin -> lax before sin"));
	CU_ASSERT_TRUE(fake_says(DIFF(",\"from\":2"), "com.: lax before sin -> nrt before sin"));
	CU_ASSERT_TRUE(fake_says(DIFF(",\"from\":2,\"to\":1"), "\"net.: new: nrt only\""));
	CU_ASSERT_STRING_EQUAL(fake_run(DIFF(",\"from\":2,\"to\":9")),
		"table 9 is not kept: see swervectl routes history");
	CU_ASSERT_STRING_EQUAL(fake_run(DIFF(",\"text\":\"x\"")),
		"routes:1: expected a mapping, got a plain value");
	CU_ASSERT_EQUAL(ctl_world_table_number(d.world), 3);
	teardown();
}

/* ---- what the workers see ---- */

static void test_seen(void)
{
	setup();
	fake.workers = 3;
	CU_ASSERT_TRUE(fake_says(APPLY(LAX, ""),
		"\"workers\":[{\"worker\":0,\"table\":2},{\"worker\":1,\"table\":2},{\"worker\":2,"
		"\"table\":2}],\"everywhere\":true"));
	fake.slow = 1; // one is stuck: said, and not waited for without end
	CU_ASSERT_TRUE(fake_says(APPLY(NRT, ""),
		"\"workers\":[{\"worker\":0,\"table\":0},{\"worker\":1,\"table\":3},{\"worker\":2,"
		"\"table\":3}],\"everywhere\":false"));
	teardown();
}

/* Too many views are out: the table waits, the answer says so, and the next tick publishes it. */
static void test_held(void)
{
	setup();
	fake.refuse = -EAGAIN;
	CU_ASSERT_TRUE(fake_says(APPLY(LAX, ""),
		"\"number\":2,\"workers\":[{\"worker\":0,\"table\":1}],\"everywhere\":false"));
	fake.refuse = 0;
	ctl_routes_tick(&d);
	CU_ASSERT_EQUAL(route_table_number(fake.view->table), 2);
	teardown();
}

/* The disk fails: the table is in use, and both the answer and an event say what is missing. */
static void test_not_kept(void)
{
	char command[128];

	setup();
	snprintf(command, sizeof(command), "rm -rf %s", fake_path("tables"));
	CU_ASSERT_EQUAL(system(command), 0);
	CU_ASSERT_TRUE(fake_says(APPLY(LAX, ""), "\"everywhere\":true,\"kept\":false"));
	CU_ASSERT_TRUE(served_by("lax"));
	CU_ASSERT_TRUE(fake_told("table 2 is in use, but not kept on disk"));
	teardown();
}

/* ---- drains ---- */

static void test_drain_family(void)
{
	setup();
	CU_ASSERT_STRING_EQUAL(fake_run(DRAIN(",\"family\":\"v6\"")), "{\"paths\":1,\"number\":2}");
	CU_ASSERT_EQUAL(state("sin", 6), ROUTE_DRAINED);
	CU_ASSERT_EQUAL(state("sin", 4), ROUTE_UP);
	CU_ASSERT_TRUE(fake_told("com. at sin (IPv6) drained by the operator: works"));
	CU_ASSERT_STRING_EQUAL(fake_run(DRAIN(",\"family\":\"v5\"")), "\"family\" is not v4 or v6");
	CU_ASSERT_STRING_EQUAL(
		fake_run("{\"verb\":\"site.drain\",\"zone\":\"com.\",\"site\":\"nrt\","
			 "\"reason\":\"x\",\"family\":\"v6\"}"),
		"no such zone, or no such site or family in it");
	// sin's other family and nrt remain; without nrt only sin's other family
	fake_run("{\"verb\":\"site.drain\",\"zone\":\"com.\",\"site\":\"nrt\",\"reason\":\"x\"}");
	CU_ASSERT_STRING_EQUAL(fake_run(DRAIN(",\"family\":\"v4\"")),
		"refused: no other site of this zone is in use");
	CU_ASSERT_STRING_EQUAL(
		fake_run("{\"verb\":\"site.restore\",\"zone\":\"com.\",\"site\":\"sin\","
			 "\"reason\":\"x\",\"family\":\"v6\"}"),
		"{\"paths\":1,\"number\":4}");
	CU_ASSERT_EQUAL(state("sin", 6), ROUTE_PROBATION);
	teardown();
}

static void test_drain_for(void)
{
	setup();
	CU_ASSERT_TRUE(fake_says(DRAIN(",\"for_s\":1800"), "\"number\":2"));
	CU_ASSERT_TRUE(fake_told("com. at sin drained by the operator for 1800 s: works"));
	CU_ASSERT_TRUE(fake_says(SITES_VERB, "\"drain\":{\"reason\":\"works\",\"left_s\":1"));
	ctl_routes_tick(&d);
	CU_ASSERT_EQUAL(state("sin", 4), ROUTE_DRAINED);
	// the time is over
	for (uint16_t id = 0; id < 2; id++)
		CU_ASSERT_EQUAL(ctl_drains_set(d.drains, id, ctl_now_ms(), "works"), 0);
	ctl_routes_tick(&d);
	CU_ASSERT_EQUAL(state("sin", 4), ROUTE_PROBATION);
	CU_ASSERT_EQUAL(state("sin", 6), ROUTE_PROBATION);
	CU_ASSERT_EQUAL(ctl_world_table_number(d.world), 3); // both in one table
	CU_ASSERT_TRUE(
		fake_told("com. at sin (192.0.2.1) on probation again: the time of its drain "
			  "is over (works)"));
	CU_ASSERT_TRUE(fake_says(HISTORY, "\"by\":\"timer\""));
	CU_ASSERT_STRING_EQUAL(
		fake_run(DRAIN(",\"for_s\":0")), "\"for_s\" is 0, expected 1..31622400");
	CU_ASSERT_STRING_EQUAL(fake_run(DRAIN(",\"for_s\":31622401")),
		"\"for_s\" is 31622401, expected 1..31622400");
	teardown();
}

/* A restore by hand ends the time, too: a later drain without end is not cut short by it. */
static void test_restore_ends_time(void)
{
	setup();
	fake_run(DRAIN(",\"for_s\":1"));
	fake_run("{\"verb\":\"site.restore\",\"zone\":\"com.\",\"site\":\"sin\",\"reason\":"
		 "\"done\"}");
	fake_run(DRAIN(""));
	CU_ASSERT_PTR_NULL(ctl_drains_due(d.drains, UINT64_MAX));
	teardown();
}

/* ---- restarts ---- */

static void test_restart(void)
{
	setup();
	fake_run(APPLY(LAX, ",\"note\":\"kept\""));
	fake_run(DRAIN(",\"for_s\":600"));
	fake_kill();
	fake_start();
	CU_ASSERT_EQUAL(ctl_world_table_number(d.world), 3);
	CU_ASSERT_TRUE(served_by("lax"));
	CU_ASSERT_EQUAL(state("sin", 4), ROUTE_DRAINED);
	CU_ASSERT_PTR_NOT_NULL(ctl_drains_due(d.drains, ctl_now_ms() + 600001));
	CU_ASSERT_TRUE(fake_told("table 3 from table 3 is in use: 1 zones at 3 sites; restored"));
	CU_ASSERT_TRUE(fake_told("2 paths as before the restart"));
	CU_ASSERT_EQUAL(ctl_history_count(d.history), 3);
	// and it goes on from there
	CU_ASSERT_TRUE(fake_says(APPLY(NRT, ""), "\"number\":4"));
	teardown();
}

/* What steering did is kept as well, and so is what it knows. */
static void test_restart_steered(void)
{
	const struct route_judge_memory m = {
		.state = ROUTE_FAILING, .age_ms = 1, .quiet_ms = 1, .strikes = 2};
	struct route_judge_memory again;

	setup();
	struct route_path *p = route_paths_at(ctl_world_paths(d.world), 0);
	p->state = ROUTE_FAILING;
	route_judge_recall(ctl_steer_judge(d.steer), 0, &m, ctl_now_ms());
	ctl_world_states_changed(d.world);
	snprintf(d.last_finding, sizeof(d.last_finding), "sin is bad");
	ctl_routes_tick(&d);
	CU_ASSERT_TRUE(fake_says(HISTORY, "\"by\":\"steering\""));
	CU_ASSERT_TRUE(fake_says(HISTORY, "sin is bad"));
	fake_kill();
	fake_start();
	CU_ASSERT_EQUAL(ctl_world_table_number(d.world), 2);
	CU_ASSERT_EQUAL(state("sin", 4), ROUTE_FAILING);
	CU_ASSERT_EQUAL(route_judge_remember(ctl_steer_judge(d.steer), 0, &again), 0);
	CU_ASSERT_EQUAL(again.strikes, 2);
	CU_ASSERT_EQUAL(
		fake.published, 2); // hops with the table, keys: no table without the states
	teardown();
}

/* Somebody edited the routes file while swerved was away: that is what he wants. */
static void test_restart_edited(void)
{
	setup();
	fake_run(APPLY(LAX, ""));
	fake_run(DRAIN(""));
	fake_kill();
	fake_write("routes.yaml",
		"sites: [{name: sin, addresses: [192.0.2.1]}, {name: nrt, addresses: "
		"[192.0.2.2]}]\nregions: [{name: apac}]\n"
		"zones: [{name: com., sites: [nrt, sin]}]\n");
	fake_start();
	CU_ASSERT_TRUE(served_by("nrt"));
	CU_ASSERT_EQUAL(ctl_world_table_number(d.world), 4);
	CU_ASSERT_EQUAL(state("sin", 4), ROUTE_DRAINED); // a drain is not the file's
	CU_ASSERT_TRUE(fake_told("was edited since table 3 was made: the file is used; swervectl "
				 "routes rollback 3 brings the table back"));
	CU_ASSERT_TRUE(fake_says(ROLLBACK("3", ""), "\"number\":5"));
	CU_ASSERT_TRUE(served_by("lax"));
	teardown();
}

/* The applied text was copied over the routes file: that is no edit against the table. */
static void test_restart_copied(void)
{
	char err[CTL_FILE_ERR_MAX], *text = NULL;
	size_t len;

	setup();
	fake_run(APPLY(LAX, ""));
	fake_kill();
	CU_ASSERT_EQUAL(ctl_file_read(fake_path("tables/2.yaml"), &text, &len, err), 0);
	fake_write("routes.yaml", text);
	free(text);
	fake_start();
	CU_ASSERT_EQUAL(ctl_world_table_number(d.world), 2);
	CU_ASSERT_TRUE(served_by("lax"));
	teardown();
}

/* Edited, and wrong: what ran runs on. */
static void test_restart_broken_file(void)
{
	setup();
	fake_run(APPLY(LAX, ""));
	fake_kill();
	fake_write("routes.yaml", "zones: 7\n");
	fake_start();
	CU_ASSERT_EQUAL(ctl_world_table_number(d.world), 2);
	CU_ASSERT_TRUE(served_by("lax"));
	CU_ASSERT_TRUE(fake_told(
		"routes.yaml:1: key \\\"sites\\\" is missing; table 2 is restored instead"));
	teardown();
}

static void test_first_start_broken_file(void)
{
	fake_new();
	fake_write("routes.yaml", "zones: 7\n");
	CU_ASSERT_EQUAL(fake_try_start(), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(fake_err, "routes.yaml:1: key \"sites\" is missing"));
	fake_remove();
}

/* The kept routes were tampered with: an event, and the file. */
static void test_restart_broken_state(void)
{
	setup();
	fake_run(APPLY(LAX, ""));
	fake_kill();
	fake_write("tables/2.yaml", "zones: 7\n");
	fake_write("paths.json", "{");
	fake_start();
	CU_ASSERT_TRUE(fake_told("table 2 cannot be restored: "));
	CU_ASSERT_TRUE(fake_told("tables/2.yaml: changed since swerved wrote it"));
	CU_ASSERT_TRUE(
		fake_told("paths.json: not what swerved writes: states of paths are not restored"));
	CU_ASSERT_TRUE(served_by("nrt"));
	CU_ASSERT_EQUAL(ctl_world_table_number(d.world), 3); // numbers are never used twice
	teardown();
}

/* States too old to be believed: another table, under another number. */
static void test_restart_old_states(void)
{
	setup();
	fake_run(APPLY(LAX, ""));
	fake_kill();
	fake_write("paths.json",
		"{\"format\":1,\"time_s\":1000,\"table\":2,\"paths\":[{\"zone\":\"com.\",\"site\":"
		"\"lax\",\"address\":\"192.0.2.3\",\"state\":\"failing\"}]}");
	fake_start();
	CU_ASSERT_EQUAL(ctl_world_table_number(d.world), 3);
	CU_ASSERT_EQUAL(state("lax", 4), ROUTE_UP);
	CU_ASSERT_TRUE(fake_told("what was known is too old, only drains hold"));
	CU_ASSERT_TRUE(served_by("lax"));
	teardown();
}

static void test_reload(void)
{
	setup();
	fake_write("routes.yaml", "zones: 7\n");
	ctl_daemon_reload(&d);
	CU_ASSERT_TRUE(fake_told("SIGHUP: "));
	CU_ASSERT_TRUE(fake_told("what ran runs on"));
	CU_ASSERT_EQUAL(ctl_world_table_number(d.world), 1);
	fake_write("routes.yaml", "sites: [{name: sin, addresses: [192.0.2.1]}]\nregions: [{name: "
				  "apac}]\nzones: [{name: com., sites: [sin]}]\n");
	ctl_daemon_reload(&d);
	CU_ASSERT_EQUAL(ctl_world_table_number(d.world), 2);
	CU_ASSERT_TRUE(fake_says(HISTORY, "\"by\":\"reload\""));
	teardown();
}

/* ---- trials ---- */

/* The clock does not move in these tests but by the end of a trial that is set back. */
static void end_time(void)
{
	d.canary.end_ms = ctl_now_ms();
}

static void test_trial_passes(void)
{
	setup();
	CU_ASSERT_TRUE(fake_says(APPLY(LAX, ",\"canary_s\":60"), "\"number\":2"));
	CU_ASSERT_TRUE(fake_says(HISTORY, "\"current\":true,\"trial\":true"));
	fake.good = 1000;
	ctl_routes_tick(&d);
	CU_ASSERT_TRUE(d.canary.running);
	CU_ASSERT_TRUE(fake_says(APPLY(NRT, ""),
		"table 2 is on trial for another 60 s; swervectl routes rollback 1 "
		"ends it"));
	end_time();
	ctl_routes_tick(&d);
	CU_ASSERT_TRUE(
		fake_told("table 2 has passed its trial: failed answers 0.00 % before, 0.00 % "
			  "of 1000 since"));
	CU_ASSERT_TRUE(served_by("lax"));
	CU_ASSERT_TRUE(fake_says(HISTORY, "\"current\":true,\"trial\":false"));
	fake_kill();
	fake_start();
	CU_ASSERT_TRUE(served_by("lax"));
	teardown();
}

static void test_trial_fails(void)
{
	setup();
	fake_run(APPLY(LAX, ",\"canary_s\":60,\"max_failure_rise\":5"));
	fake.good = 94;
	fake.failed = 5;
	ctl_routes_tick(&d);
	CU_ASSERT_TRUE(served_by("lax"));
	fake.failed = 10;
	ctl_routes_tick(&d);
	CU_ASSERT_FALSE(d.canary.running);
	CU_ASSERT_TRUE(served_by("nrt"));
	CU_ASSERT_EQUAL(ctl_world_table_number(d.world), 3);
	CU_ASSERT_TRUE(
		fake_told("table 2 fails its trial: failed answers 0.00 % before, 9.61 % of 104 "
			  "since"));
	CU_ASSERT_TRUE(fake_told("back to table 1"));
	CU_ASSERT_TRUE(fake_says(HISTORY, "\"by\":\"canary\",\"routes\":3,\"source\":\"table 1\""));
	// it is over: the next one may come, and nothing comes back to the failed one
	CU_ASSERT_TRUE(fake_says(APPLY(NRT, ""), "\"number\":4"));
	teardown();
}

static void test_trial_ended_by_hand(void)
{
	setup();
	fake_run(APPLY(LAX, ",\"canary_s\":60"));
	ctl_daemon_reload(&d);
	CU_ASSERT_TRUE(fake_told("SIGHUP: table 2 is on trial; what ran runs on"));
	CU_ASSERT_TRUE(fake_says(ROLLBACK("1", ""), "\"number\":3"));
	CU_ASSERT_FALSE(d.canary.running);
	CU_ASSERT_TRUE(served_by("nrt"));
	fake.failed = 1000;
	ctl_routes_tick(&d);
	CU_ASSERT_EQUAL(ctl_world_table_number(d.world), 3);
	teardown();
}

/* It ended in the middle of a trial, perhaps because of it. */
static void test_trial_killed(void)
{
	setup();
	fake_run(APPLY(LAX, ",\"canary_s\":60"));
	fake_kill();
	fake_start();
	CU_ASSERT_TRUE(served_by("nrt"));
	CU_ASSERT_EQUAL(ctl_world_table_number(d.world), 3);
	CU_ASSERT_TRUE(
		fake_told("table 3 from table 1 is in use: 2 zones at 2 sites; table 2 was on "
			  "trial when swerved ended"));
	fake_kill();
	fake_start();
	CU_ASSERT_EQUAL(ctl_world_table_number(d.world), 3);
	CU_ASSERT_TRUE(served_by("nrt"));
	teardown();
}

static void test_trial_refused(void)
{
	setup();
	CU_ASSERT_STRING_EQUAL(
		fake_run(APPLY(LAX, ",\"canary_s\":0")), "\"canary_s\" is 0, expected 1..86400");
	CU_ASSERT_STRING_EQUAL(fake_run(APPLY(LAX, ",\"canary_s\":86401")),
		"\"canary_s\" is 86401, expected 1..86400");
	CU_ASSERT_STRING_EQUAL(
		fake_run(APPLY(LAX, ",\"canary_s\":\"1\"")), "\"canary_s\" is not a number");
	CU_ASSERT_STRING_EQUAL(fake_run(APPLY(LAX, ",\"max_failure_rise\":1")),
		"\"max_failure_rise\" goes with \"canary_s\" only");
	CU_ASSERT_STRING_EQUAL(fake_run(APPLY(LAX, ",\"canary_s\":1,\"max_failure_rise\":101")),
		"\"max_failure_rise\" is 101, expected 0..100");
	// wrong routes are not on trial
	CU_ASSERT_TRUE(fake_says(APPLY("a: 1", ",\"canary_s\":1"), "new.yaml:1: a: unknown key"));
	CU_ASSERT_FALSE(d.canary.running);
	CU_ASSERT_EQUAL(ctl_world_table_number(d.world), 1);
	teardown();
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"history", test_history},
		{"rollback", test_rollback},
		{"diff", test_diff},
		{"seen", test_seen},
		{"held", test_held},
		{"not kept", test_not_kept},
		{"drain of a family", test_drain_family},
		{"drain for a time", test_drain_for},
		{"restore ends the time", test_restore_ends_time},
		{"restart", test_restart},
		{"restart after steering", test_restart_steered},
		{"restart with an edited file", test_restart_edited},
		{"restart with a copied file", test_restart_copied},
		{"restart with a broken file", test_restart_broken_file},
		{"first start with a broken file", test_first_start_broken_file},
		{"restart with a broken state", test_restart_broken_state},
		{"restart with old states", test_restart_old_states},
		{"SIGHUP", test_reload},
		{"trial passes", test_trial_passes},
		{"trial fails", test_trial_fails},
		{"trial ended by hand", test_trial_ended_by_hand},
		{"trial and kill", test_trial_killed},
		{"trial refused", test_trial_refused},
		CU_TEST_INFO_NULL,
	};
	return test_run("control/routes", tests);
}
