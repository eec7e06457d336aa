#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "control/probe.h"
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
	CU_ASSERT_EQUAL_FATAL(ctl_probe_new(INTERVAL_MS, &strict, false, &t.probe), 0);
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
		CU_TEST_INFO_NULL,
	};

	return test_run("control/probe", tests);
}
