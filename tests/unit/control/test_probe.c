#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "control/probe.h"
#include "tests/unit/routing/fixture.h"
#include "tests/unit/run.h"
#include "tests/unit/validator/zonekit.h"

enum { NOW = 1700000000, DAY = 86400, INTERVAL_MS = 10000, RTT_US = 20000 };

static const uint64_t now_us = 5000000000;

static struct route_addr addr = {4, {10, 53, 1, 1}};
static struct route_site_config sites[1] = {{"sin", 1, &addr}};
static uint16_t order[1];
static struct route_order_config orders[1] = {
	{.region = ROUTE_REGION_NONE, .site_count = 1, .sites = order}};
static struct route_zone_config zones[1] = {
	{{5, 1, "\3com"}, ROUTE_AUTHORITATIVE, 1, orders},
};
static const struct route_config config = {
	.site_count = 1, .zone_count = 1, .sites = sites, .zones = zones};

/* One path of com., its probe on the way. */
static struct {
	struct kit_key key;
	struct val_keys *keys;
	struct route_paths *paths;
	struct ctl_probe *probe;
	struct ctl_probe_ask ask;
} t;

static void setup(void)
{
	static const struct val_skew strict;
	struct val_zone_keys com;

	kit_key_new(&t.key, 257);
	kit_zone_keys(&com, "com.", (const struct kit_key *const[]){&t.key}, 1, NOW);
	CU_ASSERT_EQUAL_FATAL(val_keys_new(&com, 1, &t.keys), 0);
	CU_ASSERT_EQUAL_FATAL(route_paths_new(&t.paths), 0);
	CU_ASSERT_EQUAL_FATAL(route_paths_sync(t.paths, &config), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_probe_new(INTERVAL_MS, 100, &strict, false, &t.probe), 0);
	// the first is due anywhere within an interval
	CU_ASSERT_EQUAL(ctl_probe_due(t.probe, t.paths, 1000, &t.ask, 1), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_probe_due(t.probe, t.paths, 1000 + INTERVAL_MS, &t.ask, 1), 1);
}

static void teardown(void)
{
	ctl_probe_free(t.probe);
	route_paths_free(t.paths);
	val_keys_free(t.keys);
	kit_key_free(&t.key);
}

/* com.'s SOA, its signature over at `expiration`. */
static struct dp_told *soa_reply(uint32_t expiration)
{
	struct dp_told *told = calloc(1, sizeof(*told));
	struct kit_sign sign = {
		&t.key, "com.", -1, NULL, 900, expiration - 7 * DAY, expiration, false, 0};
	struct kit_rdata soa = kit_soa("com.");
	static struct kit_msg m;
	uint8_t *wire;
	size_t len;

	kit_init(&m, "com.", DNS_TYPE_SOA, DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, "com.", DNS_TYPE_SOA, 900, &soa, 1, &sign);
	wire = kit_finish(&m, &len);
	told->token = t.ask.token;
	told->rtt_us = RTT_US;
	told->len = (uint16_t)len;
	memcpy(told->msg, wire, len);
	free(wire);
	return told;
}

/* Hand a reply over and take the path's sample. */
static struct route_sample tell(struct dp_told *told, const struct val_keys *keys)
{
	struct route_sample s = {0};

	CU_ASSERT(ctl_probe_told(t.probe, keys, told, now_us, NOW));
	ctl_probe_add(t.probe, &s, 1);
	free(told);
	return s;
}

static void test_secure(void)
{
	struct route_sample s;

	setup();
	s = tell(soa_reply(NOW + DAY), t.keys);
	CU_ASSERT_EQUAL(s.outcome[ROUTE_O_SECURE], 1);
	CU_ASSERT_EQUAL(memcmp(s.probed, s.outcome, sizeof(s.probed)), 0);
	CU_ASSERT_EQUAL(s.sent, 1);
	CU_ASSERT_EQUAL(s.rtt_us_sum, RTT_US);
	CU_ASSERT_EQUAL(s.nearest_expiration, NOW + DAY);
	CU_ASSERT_EQUAL(s.newest_inception, NOW - 6 * DAY);
	CU_ASSERT_EQUAL(s.last_sent_us, now_us - RTT_US);
	CU_ASSERT_EQUAL(ctl_probe_serial(t.probe, 0), 900);
	teardown();
}

static void test_expired(void)
{
	struct route_sample s;

	setup();
	s = tell(soa_reply(NOW - 4), t.keys);
	CU_ASSERT_EQUAL(s.outcome[ROUTE_O_EXPIRED], 1);
	CU_ASSERT_EQUAL(s.bad_expiration, NOW - 4);
	CU_ASSERT_EQUAL(s.bad_type, DNS_TYPE_SOA);
	CU_ASSERT_EQUAL(s.last_sent_us, now_us - RTT_US);
	teardown();
}

static void test_no_keys(void)
{
	struct route_sample s;

	setup();
	s = tell(soa_reply(NOW + DAY), NULL);
	CU_ASSERT_EQUAL(s.outcome[ROUTE_O_INDETERMINATE], 1);
	teardown();
}

static void test_malformed(void)
{
	struct dp_told *told;
	struct route_sample s;

	setup();
	told = soa_reply(NOW + DAY);
	told->len--;
	s = tell(told, t.keys);
	CU_ASSERT_EQUAL(s.outcome[ROUTE_O_ERROR], 1);
	teardown();
}

static void test_no_answer(void)
{
	struct dp_told *told;
	struct route_sample s;

	setup();
	told = soa_reply(NOW + DAY);
	told->error = -ETIMEDOUT;
	s = tell(told, t.keys);
	CU_ASSERT_EQUAL(s.outcome[ROUTE_O_TIMEOUT], 1);
	CU_ASSERT_EQUAL(s.outcome[ROUTE_O_SECURE], 0);
	CU_ASSERT_EQUAL(s.last_sent_us, 0);
	teardown();
}

/* A worker that has had no traffic for long shows an expiration that is long renewed. */
static void test_fresher_than_an_idle_worker(void)
{
	static const struct {
		const char *name;
		uint64_t idle_us;
		uint32_t nearest;
	} rows[] = {
		{"busy worker", ROUTE_EXPIRATION_FRESH_US, NOW + 60},
		{"idle worker", ROUTE_EXPIRATION_FRESH_US + 1, NOW + DAY},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct route_sample s = {
			.nearest_expiration = NOW + 60,
			.last_sent_us = now_us - RTT_US - rows[i].idle_us,
		};

		setup();
		tell(soa_reply(NOW + DAY), t.keys);
		ctl_probe_add(t.probe, &s, 1);
		if (s.nearest_expiration != rows[i].nearest)
			printf("\n  %s", rows[i].name);
		CU_ASSERT_EQUAL(s.nearest_expiration, rows[i].nearest);
		teardown();
	}
}

static void test_told_once(void)
{
	struct dp_told *told;
	struct route_sample s = {0};

	setup();
	told = soa_reply(NOW + DAY);
	told->token = 7; // the keeper's
	CU_ASSERT_FALSE(ctl_probe_told(t.probe, t.keys, told, now_us, NOW));
	told->token = t.ask.token;
	CU_ASSERT(ctl_probe_told(t.probe, t.keys, told, now_us, NOW));
	CU_ASSERT(ctl_probe_told(t.probe, t.keys, told, now_us, NOW));
	ctl_probe_add(t.probe, &s, 1);
	CU_ASSERT_EQUAL(s.sent, 1);
	free(told);
	teardown();
}

/* ---- the rate ---- */

enum { ZONES = 250, SITES = 32, PATHS = ZONES * SITES * 2, STEP_MS = 50, WARM_MS = 105000 };

static void many_paths(struct route_config *c, size_t zone_count)
{
	char name[16];

	fix_init(c, SITES, 0, zone_count);
	for (size_t i = 0; i < SITES; i++) {
		snprintf(name, sizeof(name), "s%zu", i);
		fix_site(c, i, name, 3);
	}
	for (size_t z = 0; z < zone_count; z++) {
		struct route_order_config *o;

		snprintf(name, sizeof(name), "z%zu.", z);
		fix_zone(c, z, name, 1);
		o = &c->zones[z].orders[0];
		o->region = ROUTE_REGION_NONE;
		o->site_count = SITES;
		o->sites = fix_alloc(SITES, sizeof(*o->sites));
		for (uint16_t i = 0; i < SITES; i++)
			o->sites[i] = i;
	}
}

struct rate {
	unsigned total, second_max; // the busiest second
	unsigned fewest, most;      // of a path
	uint64_t gap_min_ms, gap_max_ms;
};

/* Of 200 s, after 100 s in which nothing is counted: passes are short while few paths are due. */
static struct rate run_probes(size_t zone_count, uint32_t per_second)
{
	static const struct val_skew strict;
	static unsigned count[PATHS];
	static uint64_t last_ms[PATHS];
	struct ctl_probe_ask ask[CTL_PROBE_BURST];
	struct rate r = {.fewest = UINT32_MAX, .gap_min_ms = UINT64_MAX};
	unsigned second = 0;
	struct route_config c;
	struct route_paths *p;
	struct ctl_probe *pr;
	size_t paths = zone_count * SITES * 2;

	memset(count, 0, sizeof(count));
	memset(last_ms, 0, sizeof(last_ms));
	many_paths(&c, zone_count);
	CU_ASSERT_EQUAL_FATAL(route_paths_new(&p), 0);
	CU_ASSERT_EQUAL_FATAL(route_paths_sync(p, &c), 0);
	CU_ASSERT_EQUAL_FATAL(route_paths_count(p), paths);
	CU_ASSERT_EQUAL_FATAL(ctl_probe_new(INTERVAL_MS, per_second, &strict, false, &pr), 0);
	for (uint64_t ms = 5000; ms < WARM_MS + 200000; ms += STEP_MS) {
		size_t n = ctl_probe_due(pr, p, ms, ask, CTL_PROBE_BURST);

		if (ms < WARM_MS)
			continue;

		second = ms % 1000 == 0 ? 0 : second;
		second += (unsigned)n;
		r.second_max = second > r.second_max ? second : r.second_max;
		r.total += (unsigned)n;
		for (size_t i = 0; i < n; i++) {
			uint64_t gap_ms = ms - last_ms[ask[i].path];

			if (count[ask[i].path]++ > 0) {
				r.gap_min_ms = gap_ms < r.gap_min_ms ? gap_ms : r.gap_min_ms;
				r.gap_max_ms = gap_ms > r.gap_max_ms ? gap_ms : r.gap_max_ms;
			}
			last_ms[ask[i].path] = ms;
		}
	}
	for (size_t i = 0; i < paths; i++) {
		r.fewest = count[i] < r.fewest ? count[i] : r.fewest;
		r.most = count[i] > r.most ? count[i] : r.most;
	}
	ctl_probe_free(pr);
	route_paths_free(p);
	route_config_fini(&c);
	return r;
}

/* 16,000 paths want 1,600 a second. They get 500, and every path as many as any other. */
static void test_rate_is_kept_and_shared(void)
{
	struct rate r = run_probes(ZONES, 500);

	CU_ASSERT(r.total > 199 * 500 && r.total <= 200 * 500 + 50);
	CU_ASSERT(r.second_max <= 550);
	CU_ASSERT(r.most - r.fewest <= 1);
	CU_ASSERT(r.fewest >= 6);
	CU_ASSERT(r.gap_min_ms > 25000 && r.gap_max_ms < 45000); // 32 s on average
}

/* 640 paths need 64 a second: the rate is not felt, and paths do not go in step. */
static void test_rate_that_suffices(void)
{
	struct rate r = run_probes(10, 500);

	CU_ASSERT(r.gap_min_ms >= 8000 && r.gap_max_ms <= 12000 + STEP_MS);
	CU_ASSERT(r.gap_min_ms < 8500 && r.gap_max_ms > 11500);
	CU_ASSERT(r.second_max < 150);
	CU_ASSERT(r.fewest >= 15 && r.most <= 25);
}

/* What a pause has left unused is not made up for in one go. */
static void test_rate_after_a_pause(void)
{
	static const struct val_skew strict;
	struct ctl_probe_ask ask[64];
	struct route_config c;
	struct route_paths *p;
	struct ctl_probe *pr;

	many_paths(&c, 1);
	CU_ASSERT_EQUAL_FATAL(route_paths_new(&p), 0);
	CU_ASSERT_EQUAL_FATAL(route_paths_sync(p, &c), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_probe_new(INTERVAL_MS, 100, &strict, false, &pr), 0);
	CU_ASSERT_EQUAL(ctl_probe_due(pr, p, 1000, ask, 64), 0);
	CU_ASSERT_EQUAL(ctl_probe_due(pr, p, 61000, ask, 64), 10);
	CU_ASSERT_EQUAL(ctl_probe_due(pr, p, 61050, ask, 64), 5);
	CU_ASSERT_EQUAL(ctl_probe_due(pr, p, 61100, ask, 3), 3); // the caller has no room for more
	ctl_probe_free(pr);
	route_paths_free(p);
	route_config_fini(&c);
}

static void test_slow_rate(void)
{
	struct rate r = run_probes(1, 1); // 64 paths

	CU_ASSERT(r.total >= 199 && r.total <= 201);
	CU_ASSERT_EQUAL(r.second_max, 1);
	CU_ASSERT(r.most - r.fewest <= 1 && r.fewest >= 2);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a secure reply", test_secure},
		{"an expired one", test_expired},
		{"no keys yet", test_no_keys},
		{"a malformed one", test_malformed},
		{"none", test_no_answer},
		{"fresher than an idle worker", test_fresher_than_an_idle_worker},
		{"an answer counts once", test_told_once},
		{"the rate is kept and shared", test_rate_is_kept_and_shared},
		{"a rate that suffices", test_rate_that_suffices},
		{"after a pause", test_rate_after_a_pause},
		{"a slow rate", test_slow_rate},
		CU_TEST_INFO_NULL,
	};

	return test_run("control/probe", tests);
}
