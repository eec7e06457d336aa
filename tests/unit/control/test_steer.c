#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "control/steer.h"
#include "tests/unit/run.h"

/* The sentences that operators read. */

enum { NOW = 1700000000 };

static struct route_addr addr[2] = {{4, {10, 53, 1, 1}}, {4, {10, 53, 2, 1}}};
static struct route_site_config sites[2] = {{"sin", 1, &addr[0]}, {"nrt", 1, &addr[1]}};
static uint16_t order[2] = {0, 1};
static struct route_order_config orders[1] = {
	{.region = ROUTE_REGION_NONE, .site_count = 2, .sites = order}};
static struct route_zone_config zones[1] = {
	{{5, 1, "\3com"}, ROUTE_AUTHORITATIVE, 1, orders},
};
static const struct route_config config = {
	.site_count = 2, .zone_count = 1, .sites = sites, .zones = zones};
static const struct dns_hash_key key = {1, 2};

enum { SIN, NRT, NONE = 0xffff };

static const struct {
	const char *name;
	struct route_finding f;
	const char *text;
} rows[] = {
	{"an expired signature",
		{.kind = ROUTE_F_SITE_FAULT,
			.path = SIN,
			.worst = ROUTE_O_EXPIRED,
			.bad = 3,
			.bad_type = 50,
			.bad_expiration = NOW - 4},
		"com. at sin (10.53.1.1): 3 answers with NSEC3 RRSIG expired 4 s ago; nrt good; "
		"com. now goes to nrt"},
	{"one answer",
		{.kind = ROUTE_F_SITE_FAULT, .path = SIN, .worst = ROUTE_O_REFUSED, .bad = 1},
		"com. at sin (10.53.1.1): 1 answer refused; nrt good; com. now goes to nrt"},
	{"lagging by expiry",
		{.kind = ROUTE_F_LAGGING,
			.path = SIN,
			.lag = ROUTE_LAG_EXPIRY,
			.nearest = NOW + 3500},
		"com. at sin (10.53.1.1): its signatures near their end and its siblings' do not; "
		"no bogus answer yet, the first signature ends in 58m 20s; nrt good; com. now goes "
		"to nrt"},
	{"lagging by inception",
		{.kind = ROUTE_F_LAGGING, .path = SIN, .lag = ROUTE_LAG_INCEPTION, .lag_by = 90000},
		"com. at sin (10.53.1.1): its newest signature is 1d 1h older than its siblings'; "
		"no bogus answer yet; nrt good; com. now goes to nrt"},
	{"lagging by serial",
		{.kind = ROUTE_F_LAGGING,
			.path = SIN,
			.lag = ROUTE_LAG_SERIAL,
			.lag_by = 7,
			.lag_ms = 1860000,
			.nearest = NOW + 86400},
		"com. at sin (10.53.1.1): its serial has stood still for 31m 0s, now 7 behind its "
		"siblings'; no bogus answer yet, the first signature ends in 1d 0h; nrt good; com. "
		"now goes to nrt"},
	{"probation", {.kind = ROUTE_F_PROBATION, .path = SIN, .from = ROUTE_FAILING},
		"com. at sin (10.53.1.1): on probation after being failing"},
	{"returned", {.kind = ROUTE_F_RETURNED, .path = SIN},
		"com. at sin (10.53.1.1): good again, in use"},
	{"last path", {.kind = ROUTE_F_LAST_PATH, .path = NRT, .worst = ROUTE_O_TIMEOUT, .bad = 9},
		"com. at nrt (10.53.2.1): 9 answers that never came, but it is the last path: "
		"kept"},
	{"withdrawn", {.kind = ROUTE_F_WITHDRAWN, .path = SIN, .from = ROUTE_FAILING},
		"com. at sin (10.53.1.1): blame taken back: what it fell for proved to be the "
		"zone's fault, or ours; in use again"},
	{"zone's fault",
		{.kind = ROUTE_F_ZONE_FAULT,
			.path = NONE,
			.worst = ROUTE_O_SERVFAIL,
			.bad = 5,
			.total = 6},
		"com. is bad at every site: 5 of 6 answers servfail; the fault is the zone's, "
		"nothing moves; a negative trust anchor may be needed (RFC 7646): "
		"swervectl nta add com. --reason TEXT"},
	{"zone cleared", {.kind = ROUTE_F_CLEARED, .path = NONE}, "com. is good again"},
	{"ours", {.kind = ROUTE_F_OURS, .path = NONE, .zone = NONE},
		"every zone is bad at once: our clock or our egress; nothing moves"},
	{"ours cleared", {.kind = ROUTE_F_CLEARED, .path = NONE, .zone = NONE},
		"zones answer well again"},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void test_sentences(void)
{
	struct route_paths *p;
	struct route_table *table;
	char text[CTL_STEER_TEXT_MAX];

	CU_ASSERT_EQUAL_FATAL(route_paths_new(&p), 0);
	CU_ASSERT_EQUAL_FATAL(route_paths_sync(p, &config), 0);
	route_paths_at(p, SIN)->state = ROUTE_FAILING;
	CU_ASSERT_EQUAL_FATAL(route_table_new(&config, p, NULL, 1, &key, &table), 0);
	for (unsigned i = 0; i < ROWS; i++) {
		ctl_steer_text(&rows[i].f, p, &config, table, NOW, text, sizeof(text));
		if (strcmp(text, rows[i].text) == 0)
			continue;
		printf("\n  %s: got  \"%s\"\n    expected \"%s\"", rows[i].name, text,
			rows[i].text);
		CU_FAIL("wrong sentence");
	}
	route_table_free(table);
	route_paths_free(p);
}

/* A kind without a sentence of its own would show its bare name. */
static void test_every_kind_is_told(void)
{
	for (unsigned k = 0; k < ROUTE_F_KINDS; k++) {
		bool told = false;

		for (unsigned i = 0; i < ROWS; i++)
			told |= rows[i].f.kind == k;
		if (!told)
			printf("\n  %s", route_finding_name((enum route_finding_kind)k));
		CU_ASSERT(told);
	}
}

/* What does not fit is cut, and ends. */
static void test_short_buffer(void)
{
	struct route_finding f = {.kind = ROUTE_F_OURS, .path = NONE, .zone = NONE};
	const size_t len =
		strlen("every zone is bad at once: our clock or our egress; nothing moves");

	for (size_t size = 1; size <= len + 1; size++) {
		char *buf = malloc(size);

		ctl_steer_text(&f, NULL, NULL, NULL, NOW, buf, size);
		CU_ASSERT_EQUAL(strlen(buf), size - 1);
		free(buf);
	}
}

/* ---- ticks ---- */

/* What a tick is told and what it asks for. */
static struct {
	struct ctl_world *world;
	struct route_sample samples[2];
	const struct dp_view *view;
	unsigned fastest, findings;
	uint64_t table_then; // that was in use when `fastest` was called
} tick;

static int publish(void *self, const struct dp_view *view,
	void (*done)(void *arg, const struct dp_view *old), void *arg)
{
	const struct dp_view *old = tick.view;

	(void)self;
	tick.view = view;
	done(arg, old);
	return 0;
}

static void forget(void *self, uint16_t path)
{
	(void)self, (void)path;
}

static void evidence(void *arg, struct route_sample *samples, size_t count)
{
	(void)arg;
	CU_ASSERT_EQUAL_FATAL(count, 2);
	memcpy(samples, tick.samples, sizeof(tick.samples));
}

static void finding(void *arg, const struct route_finding *f, const char *text)
{
	(void)arg, (void)text;
	CU_ASSERT_EQUAL(f->kind, ROUTE_F_SITE_FAULT);
	tick.findings++;
}

static void fastest(void *arg)
{
	(void)arg;
	tick.fastest++;
	tick.table_then = ctl_world_table_number(tick.world);
}

static struct ctl_steer *tick_start(enum route_policy policy)
{
	static const struct ctl_world_ops ops = {publish, forget, NULL, NULL};
	struct route_judge_params params;
	struct route_config c;
	struct ctl_steer *s;
	char err[128];

	memset(&tick, 0, sizeof(tick));
	route_judge_defaults(&params);
	CU_ASSERT_EQUAL_FATAL(route_config_copy(&config, &c), 0);
	c.zones[0].orders[0].policy = policy;
	CU_ASSERT_EQUAL_FATAL(ctl_world_new(&ops, "", &tick.world), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_world_set_routes(tick.world, &c, 0, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_steer_new(&params, &s), 0);
	return s;
}

static void tick_end(struct ctl_steer *s)
{
	ctl_steer_free(s);
	ctl_world_free(tick.world);
}

/* One tick at a second of its own, after another good reply of each site. */
static void run_tick(struct ctl_steer *s, unsigned second, uint64_t sin_us, uint64_t nrt_us)
{
	static const struct ctl_steer_ops ops = {evidence, finding, fastest, NULL};
	const uint64_t us[2] = {sin_us, nrt_us};

	for (unsigned i = 0; i < 2 && us[i] != 0; i++) {
		tick.samples[i].rtt_us_sum += us[i];
		tick.samples[i].rtt_count++;
		tick.samples[i].outcome[ROUTE_O_SECURE]++;
	}
	ctl_steer_tick(s, tick.world, &ops, second * 1000ull, NOW + second);
}

/* Tables made, calls of `fastest` and findings so far. */
static void check_tick(unsigned tables, unsigned calls, unsigned findings)
{
	CU_ASSERT_EQUAL(ctl_world_table_number(tick.world), tables);
	CU_ASSERT_EQUAL(tick.fastest, calls);
	CU_ASSERT_EQUAL(tick.findings, findings);
}

static void test_fastest_is_told(void)
{
	struct ctl_steer *s = tick_start(ROUTE_FASTEST);

	run_tick(s, 1, 0, 0);
	check_tick(1, 0, 0);
	run_tick(s, 2, 10000, 30000);
	check_tick(2, 1, 0);
	CU_ASSERT_EQUAL(tick.table_then, 2); // the table first, the event after it
	run_tick(s, 3, 10000, 30000);
	check_tick(2, 1, 0); // the same again
	run_tick(s, 4, 400000, 30000);
	check_tick(3, 2, 0);
	tick_end(s);
}

/* sin answers badly and nrt well: the next tick blames sin. */
static void spoil_sin(void)
{
	tick.samples[SIN].outcome[ROUTE_O_EXPIRED] += 50;
	tick.samples[NRT].outcome[ROUTE_O_SECURE] += 50;
}

/* A site's fault moves queries as well: its finding says so, and times are not the reason. */
static void test_faults_are_not_told_as_fastest(void)
{
	struct ctl_steer *s = tick_start(ROUTE_FASTEST);
	const struct route_path *sin = route_paths_at(ctl_world_paths(tick.world), SIN);

	run_tick(s, 1, 0, 0);
	spoil_sin();
	run_tick(s, 2, 10000, 30000);
	CU_ASSERT_EQUAL(sin->state, ROUTE_FAILING);
	CU_ASSERT_EQUAL(sin->rtt_us, 10000); // in the same tick as the times
	check_tick(2, 0, 1);
	run_tick(s, 3, 10000, 30000);
	check_tick(2, 0, 1);
	tick_end(s);

	s = tick_start(ROUTE_FASTEST);
	run_tick(s, 1, 10000, 30000);
	check_tick(2, 1, 0);
	spoil_sin();
	run_tick(s, 2, 10000, 30000); // the state alone
	check_tick(3, 1, 1);
	tick_end(s);
}

/* Times move no other policy, and the operator's drain was published by who made it. */
static void test_nothing_to_tell(void)
{
	struct ctl_steer *s = tick_start(ROUTE_ORDERED);

	run_tick(s, 1, 30000, 10000);
	check_tick(1, 0, 0);
	tick_end(s);

	s = tick_start(ROUTE_FASTEST);
	route_paths_at(ctl_world_paths(tick.world), SIN)->state = ROUTE_DRAINED;
	run_tick(s, 1, 0, 0);
	check_tick(1, 0, 0);
	route_paths_at(ctl_world_paths(tick.world), SIN)->state = ROUTE_UP;
	run_tick(s, 2, 10000, 30000); // beside a drain or its end, times are still the reason
	check_tick(2, 1, 0);
	tick_end(s);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"sentences", test_sentences},
		{"every kind is told", test_every_kind_is_told},
		{"a short buffer cuts", test_short_buffer},
		{"another fastest site is told", test_fastest_is_told},
		{"a fault is not told as that", test_faults_are_not_told_as_fastest},
		{"nothing to tell", test_nothing_to_tell},
		CU_TEST_INFO_NULL,
	};

	return test_run("control/steer", tests);
}
