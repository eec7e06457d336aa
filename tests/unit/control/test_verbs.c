#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/daemon.h"
#include "control/routes_file.h"
#include "tests/unit/run.h"

/*
 * The verbs on a daemon without ports: the real world, keeper, probe, steering and events, a
 * dataplane that does nothing but count. Its functions are defined here, so the real ones are not
 * linked.
 */

static struct {
	const struct dp_view *view;
	unsigned published, views_without_hops;
	unsigned hops_published;
} fake;

int dp_publish(struct dp *dp, const struct dp_view *view,
	void (*done)(void *arg, const struct dp_view *old), void *arg)
{
	const struct dp_view *old = fake.view;

	(void)dp;
	fake.view = view;
	fake.published++;
	fake.views_without_hops += view->hops == NULL;
	if (done)
		done(arg, old); // workers let go at once
	return 0;
}

int dp_new(const struct dp_config *cfg, struct dp **out, char *note, size_t size)
{
	(void)cfg, (void)out, (void)note, (void)size;
	return -ENODEV;
}

int dp_ask(struct dp *dp, const struct dp_ask *ask)
{
	(void)dp, (void)ask;
	return -EAGAIN;
}

void dp_poll(struct dp *dp, void (*told)(void *arg, const struct dp_told *told), void *arg)
{
	(void)dp, (void)told, (void)arg;
}

void dp_evidence(const struct dp *dp, struct route_sample *samples, size_t count)
{
	(void)dp;
	memset(samples, 0, count * sizeof(*samples));
}

void dp_evidence_reset(struct dp *dp, uint16_t path)
{
	(void)dp, (void)path;
}

void dp_stats_worker(const struct dp *dp, unsigned worker, struct dp_stats *out)
{
	(void)dp, (void)worker;
	memset(out, 0, sizeof(*out));
	out->received = 7;
	out->forwarded = 4;
	out->dropped[DP_DROP_ACL] = 2;
	out->waiting = 1;
}

void dp_stats_sum(const struct dp *dp, struct dp_stats *out)
{
	dp_stats_worker(dp, 0, out);
}

unsigned dp_worker_count(const struct dp *dp)
{
	(void)dp;
	return 1;
}

unsigned dp_port_count(const struct dp *dp)
{
	(void)dp;
	return 0;
}

const struct dp_port *dp_port_at(const struct dp *dp, unsigned i)
{
	(void)dp, (void)i;
	return NULL;
}

uint64_t dp_mbufs_out(const struct dp *dp)
{
	(void)dp;
	return 0;
}

void dp_drain(struct dp *dp, uint32_t ms)
{
	(void)dp, (void)ms;
}

void dp_free(struct dp *dp)
{
	(void)dp;
}

int ctl_hops_open(struct ctl_daemon *d, char *err)
{
	(void)d, (void)err;
	return 0;
}

void ctl_hops_close(struct ctl_daemon *d)
{
	(void)d;
}

void ctl_hops_tick(struct ctl_daemon *daemon)
{
	(void)daemon;
}

int ctl_hops_publish(struct ctl_daemon *d)
{
	size_t count = route_paths_count(ctl_world_paths(d->world));
	struct dp_hops *hops = calloc(1, sizeof(*hops) + count * sizeof(hops->hop[0]));

	hops->count = (uint32_t)count;
	fake.hops_published++;
	return ctl_world_set_hops(d->world, hops);
}

/* ---- */

#define ROUTES                                                                                     \
	"sites: [{name: sin, addresses: [192.0.2.1, \"2001:db8::1\"]}, {name: nrt, addresses: "    \
	"[192.0.2.2]}]\n"                                                                          \
	"regions: [{name: apac}]\n"                                                                \
	"zones: [{name: com., sites: [sin, nrt]}, {name: net., sites: [nrt]}]\n"

static struct ctl_daemon d;

static int world_publish(void *arg, const struct dp_view *view,
	void (*done)(void *arg, const struct dp_view *old), void *done_arg)
{
	return ctl_daemon_publish(arg, view, done, done_arg);
}

static void world_forget(void *arg, uint16_t path)
{
	(void)arg, (void)path;
}

static void setup(void)
{
	const struct ctl_world_ops ops = {world_publish, world_forget, &d};
	const struct val_anchors anchors = {0};
	const struct ctl_trust_config static_anchors = {0};
	struct route_config c;
	char err[CTL_SOCKET_ERR_MAX];

	memset(&d, 0, sizeof(d));
	memset(&fake, 0, sizeof(fake));
	strcpy(d.cfg.region, "apac");
	d.cfg.dp.source[0].family = 4;
	d.cfg.dp.source[1].family = 6;
	route_judge_defaults(&d.cfg.judge);
	CU_ASSERT_EQUAL_FATAL(ctl_events_new(NULL, 64, true, &d.events), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_world_new(&ops, "apac", &d.world), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_trust_new(&anchors, &static_anchors, 0, &d.trust), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_keeper_new(d.trust, &d.cfg.dp.skew, false, &d.keeper), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_probe_new(1000, &d.cfg.dp.skew, false, &d.probe), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_steer_new(&d.cfg.judge, &d.steer), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_routes_parse("r", ROUTES, strlen(ROUTES), "apac", &c, err), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_daemon_set_routes(&d, &c, "r", "start", err), 0);
}

static void teardown(void)
{
	ctl_daemon_close(&d);
	ctl_events_free(d.events);
}

/** Run a verb. @return its data or its error as text, until the next call */
static const char *run(const char *json)
{
	static char text[65536];
	char err[CTL_SOCKET_ERR_MAX] = "";
	json_t *req = json_loads(json, 0, NULL), *data = NULL;
	const char *verb = json_string_value(json_object_get(req, "verb"));
	const struct ctl_verb *v = ctl_verbs;

	CU_ASSERT_PTR_NOT_NULL_FATAL(verb);
	while (v->name && strcmp(v->name, verb) != 0)
		v++;
	CU_ASSERT_PTR_NOT_NULL_FATAL(v->name);
	if (v->fn(&d, NULL, req, &data, err)) {
		strcpy(text, err);
	} else {
		char *dump = json_dumps(data, JSON_COMPACT);
		CU_ASSERT_PTR_NOT_NULL_FATAL(dump);
		CU_ASSERT_FATAL(strlen(dump) < sizeof(text));
		strcpy(text, dump);
		free(dump);
	}
	json_decref(data);
	json_decref(req);
	return text;
}

static bool says(const char *json, const char *part)
{
	const char *text = run(json);

	if (strstr(text, part))
		return true;
	printf("\n  %s\n  -> %s\n  expected %s", json, text, part);
	return false;
}

#define APPLY(routes, more)                                                                        \
	"{\"verb\":\"routes.apply\",\"file\":\"new.yaml\",\"text\":\"" routes "\"" more "}"
#define NEW_ROUTES                                                                                 \
	"sites: [{name: nrt, addresses: [192.0.2.2]}, {name: lax, addresses: [192.0.2.3]}]\\n"     \
	"regions: [{name: apac}]\\n"                                                               \
	"zones: [{name: com., sites: [lax, nrt]}]\\n"

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
	CU_ASSERT_TRUE(says(
		"{\"verb\":\"events\"}", "table 1 from r is in use: 2 zones at 2 sites; start"));
	CU_ASSERT_STRING_EQUAL(run("{\"verb\":\"events\",\"since\":1000}"), "[]");
	CU_ASSERT_STRING_EQUAL(run("{\"verb\":\"events\",\"since\":-1}"), "\"since\" is negative");
	teardown();
}

static void test_apply(void)
{
	setup();
	unsigned before = fake.published;
	CU_ASSERT_STRING_EQUAL(run(APPLY(NEW_ROUTES, "")), "{\"number\":2}");
	CU_ASSERT_EQUAL(fake.published, before + 2); // hops with the table, then keys
	CU_ASSERT_EQUAL(fake.views_without_hops, 0);
	CU_ASSERT_EQUAL(ctl_world_views_out(d.world), 1);
	CU_ASSERT_TRUE(says("{\"verb\":\"zones\"}", "\"served_by\":\"lax\""));
	CU_ASSERT_STRING_EQUAL(
		run(APPLY(NEW_ROUTES, ",\"if_match\":2,\"note\":\"why\"")), "{\"number\":3}");
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

int main(void)
{
	CU_TestInfo tests[] = {
		{"looking", test_look},
		{"apply", test_apply},
		{"apply refused", test_apply_refused},
		{"validate", test_validate},
		{"drain and restore", test_drain},
		{"ready", test_ready},
		CU_TEST_INFO_NULL,
	};
	return test_run("control/verbs", tests);
}
