#include <string.h>

#include <CUnit/Basic.h>

#include "tests/unit/dataplane/stage.h"
#include "tests/unit/run.h"

/* Which site is asked, when another is, and when it is over. */

enum { TIMEOUT_MS = 402 }; // the default, and the slack of a one-millisecond wheel

static struct stage_query question = {.qname = "a.com.", .id = 1, .edns = true};

static void open_with(struct stage_spec spec)
{
	spec.status = VAL_ZONE_INSECURE;
	stage_open(&spec);
}

static void expect_servfail(int ede)
{
	const struct stage_answer *a = stage_expect_answer();

	CU_ASSERT_EQUAL(dns_msg_rcode(&a->msg), DNS_RCODE_SERVFAIL);
	CU_ASSERT_EQUAL(a->ede, ede);
}

static void test_timeout_goes_elsewhere(void)
{
	struct stage_packet first, second;

	open_with((struct stage_spec){0});
	stage_ask(&question);
	first = stage_expect_upstream(SIN);
	stage_pass(TIMEOUT_MS - 2);
	stage_expect_nothing(STAGE_UPSTREAM);
	stage_pass(2);
	second = stage_expect_upstream(NRT);
	CU_ASSERT(
		first.sport != second.sport || memcmp(first.dns, second.dns, 2) != 0); // a new pair
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_TIMEOUT], 1);
	stage_reply_a(&second);
	stage_expect_answer();
	CU_ASSERT_EQUAL(stage_stats().retried, 1);
	CU_ASSERT_EQUAL(stage_evidence(SIN).refuted[ROUTE_O_TIMEOUT], 1);
	CU_ASSERT_EQUAL(stage_evidence(NRT).outcome[ROUTE_O_INSECURE], 1);
	CU_ASSERT_EQUAL(stage_evidence(NRT).rtt_count, 1);
	struct route_sample nrt = stage_evidence(NRT);
	CU_ASSERT_TRUE(route_sample_rtt_us(&nrt, 100) >= nrt.rtt_us_sum);
	CU_ASSERT_TRUE(route_sample_rtt_us(&nrt, 100) > 0);
	stage_reply_a(&first); // late: the pair was given up
	CU_ASSERT_EQUAL(stage_stats().dropped[DP_DROP_REPLY_UNMATCHED], 1);
	stage_close();
}

static void test_all_silent(void)
{
	open_with((struct stage_spec){0});
	stage_ask(&question);
	stage_expect_upstream(SIN);
	stage_pass(TIMEOUT_MS);
	stage_expect_upstream(NRT);
	stage_pass(TIMEOUT_MS);
	stage_expect_upstream(LAX);
	stage_pass(TIMEOUT_MS);
	stage_expect_upstream(SIN); // silent ones are asked again: packets get lost
	stage_expect_nothing(STAGE_CLIENTS);
	stage_pass(TIMEOUT_MS);
	expect_servfail(DNS_EDE_NO_REACHABLE_AUTHORITY);
	CU_ASSERT_EQUAL(stage_stats().answered, 1);
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_TIMEOUT], 2);
	CU_ASSERT_EQUAL(stage_evidence(LAX).outcome[ROUTE_O_TIMEOUT], 1);
	CU_ASSERT_EQUAL(stage_evidence(SIN).refuted[ROUTE_O_TIMEOUT], 0);
	stage_close();
}

/* Four whole tries fit; the budget cuts the fifth, which then says nothing about its path. */
static void test_budget(void)
{
	uint64_t timeouts;

	open_with((struct stage_spec){.tries = 100});
	stage_ask(&question);
	stage_pass(1799);
	stage_expect_nothing(STAGE_CLIENTS);
	CU_ASSERT_EQUAL(stage_stats().retried, 4);
	stage_pass(5);
	expect_servfail(DNS_EDE_NO_REACHABLE_AUTHORITY);
	timeouts = stage_evidence(SIN).outcome[ROUTE_O_TIMEOUT] +
		   stage_evidence(NRT).outcome[ROUTE_O_TIMEOUT] +
		   stage_evidence(LAX).outcome[ROUTE_O_TIMEOUT];
	CU_ASSERT_EQUAL(timeouts, 4);
	CU_ASSERT_EQUAL(stage_stats().retried, 4);
	stage_close();
}

static void fail_once(void)
{
	stage_ask(&question);
	stage_pass(1810);
	expect_servfail(DNS_EDE_NO_REACHABLE_AUTHORITY);
}

static void drop_upstream_queries(void)
{
	struct stage_packet p;

	while (stage_take(STAGE_UPSTREAM, &p))
		continue;
}

static void test_failure_remembered(void)
{
	struct stage_query cd = question;

	cd.flags = DNS_FLAG_CD;
	open_with((struct stage_spec){0});
	fail_once();
	drop_upstream_queries();
	CU_ASSERT_EQUAL(stage_stats().failures_cached, 1);
	stage_ask(&question);
	stage_expect_nothing(STAGE_UPSTREAM);
	expect_servfail(DNS_EDE_NO_REACHABLE_AUTHORITY);
	CU_ASSERT_EQUAL(stage_stats().failure_hits, 1);
	stage_ask(&cd); // another question
	stage_expect_upstream(SIN);
	stage_pass(5000); // the default failure_ttl_s
	drop_upstream_queries();
	expect_servfail(DNS_EDE_NO_REACHABLE_AUTHORITY); // cd's
	stage_ask(&question);
	stage_expect_upstream(SIN);
	stage_close();
}

static void test_new_table_forgets(void)
{
	open_with((struct stage_spec){0});
	fail_once();
	drop_upstream_queries();
	stage_publish(NULL, NULL);
	stage_ask(&question);
	stage_expect_upstream(SIN);
	stage_close();
}

/* One lost packet must not fail a zone with a single path. */
static void test_single_path(void)
{
	struct stage_query q = {.qname = "example.org."};
	struct stage_packet up;

	open_with((struct stage_spec){0});
	stage_ask(&q);
	stage_expect_upstream(ROOT);
	stage_pass(TIMEOUT_MS);
	up = stage_expect_upstream(ROOT);
	stage_reply_a(&up);
	stage_expect_answer();
	stage_close();
}

/* A path with a bad answer is not asked again, one that was silent is. */
static void test_only_silent_again(void)
{
	struct stage_packet up;

	open_with((struct stage_spec){0});
	stage_ask(&question);
	up = stage_expect_upstream(SIN);
	stage_reply_rcode(&up, DNS_RCODE_REFUSED);
	stage_expect_upstream(NRT);
	stage_pass(TIMEOUT_MS);
	up = stage_expect_upstream(LAX);
	stage_reply_rcode(&up, DNS_RCODE_SERVFAIL);
	up = stage_expect_upstream(NRT);
	stage_reply_a(&up);
	stage_expect_answer();
	CU_ASSERT_EQUAL(stage_evidence(SIN).refuted[ROUTE_O_REFUSED], 1);
	CU_ASSERT_EQUAL(stage_evidence(LAX).refuted[ROUTE_O_SERVFAIL], 1);
	CU_ASSERT_EQUAL(stage_evidence(NRT).refuted[ROUTE_O_TIMEOUT], 0);
	stage_close();
}

/* What a site's other address says is no second opinion. */
static void test_same_site_does_not_refute(void)
{
	struct stage_packet up;
	struct stage_packet first;

	open_with((struct stage_spec){.both = true, .tries = 8});
	stage_ask(&question);
	up = first = stage_expect_upstream(SIN);
	stage_reply_rcode(&up, DNS_RCODE_SERVFAIL);
	up = stage_expect_upstream(NRT);
	stage_reply_rcode(&up, DNS_RCODE_SERVFAIL);
	up = stage_expect_upstream(LAX);
	stage_reply_rcode(&up, DNS_RCODE_SERVFAIL);
	up = stage_expect_upstream(SIN);
	CU_ASSERT_NOT_EQUAL(up.dst.family, first.dst.family);
	stage_reply_a(&up);
	stage_expect_answer();
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_SERVFAIL], 1);
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_INSECURE], 1);
	CU_ASSERT_EQUAL(stage_evidence(SIN).refuted[ROUTE_O_SERVFAIL], 0);
	CU_ASSERT_EQUAL(stage_evidence(NRT).refuted[ROUTE_O_SERVFAIL], 1);
	CU_ASSERT_EQUAL(stage_evidence(LAX).refuted[ROUTE_O_SERVFAIL], 1);
	stage_close();
}

static void test_no_hop(void)
{
	struct stage_packet up;

	open_with((struct stage_spec){0});
	stage.hops->hop[stage_path(SIN)].ok = false;
	stage_ask(&question);
	up = stage_expect_upstream(NRT);
	stage_reply_a(&up);
	stage_expect_answer();
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_UNREACHABLE], 1);
	CU_ASSERT_EQUAL(stage_evidence(SIN).sent, 0);
	CU_ASSERT_EQUAL(stage_evidence(NRT).sent, 1);
	CU_ASSERT_EQUAL(stage_stats().retried, 0);
	stage_close();
}

/* Nothing was sent: the client is told at once, and nothing is remembered. */
static void test_no_hop_at_all(void)
{
	open_with((struct stage_spec){0});
	stage.hops->count = 0;
	stage_ask(&question);
	stage_expect_nothing(STAGE_UPSTREAM);
	expect_servfail(DNS_EDE_NO_REACHABLE_AUTHORITY);
	CU_ASSERT_EQUAL(stage_stats().failures_cached, 0);
	stage_close();
}

/* A site that fails moves to the end of the list; queries under way follow the new table. */
static void test_new_table_steers_retry(void)
{
	struct stage_packet up;

	open_with((struct stage_spec){0});
	stage_ask(&question);
	stage_expect_upstream(SIN);
	route_paths_at(stage.paths, stage_path(NRT))->state = ROUTE_FAILING;
	stage_publish(NULL, NULL);
	stage_pass(TIMEOUT_MS);
	up = stage_expect_upstream(LAX);
	stage_reply_a(&up);
	stage_expect_answer();
	stage_close();
}

/* A zone that is taken out while a query for it is on its way. */
static void test_zone_gone(void)
{
	struct stage_query q = {.qname = "example.org.", .edns = true};
	struct stage_packet up;

	open_with((struct stage_spec){0});
	stage_ask(&q);
	up = stage_expect_upstream(ROOT);
	stage.routes.zone_count = 1;
	route_paths_sync(stage.paths, &stage.routes);
	stage_publish(NULL, NULL);
	stage_reply_a(&up);
	expect_servfail(DNS_EDE_NO_REACHABLE_AUTHORITY);
	stage_close();
}

/* RD=1 and CD=1 go to a recursive upstream, whose answers lack AA. */
static void test_recursive(void)
{
	struct stage_packet up;
	const struct stage_answer *a;
	struct kit_rdata rd = kit_a(1);
	struct kit_sign none = {.key = NULL};
	struct kit_msg m;
	uint8_t *dns;
	size_t len;

	open_with((struct stage_spec){.recursive = true});
	stage_ask(&question);
	up = stage_expect_upstream(SIN);
	CU_ASSERT_EQUAL(dns_get16(up.dns + DNS_OFF_FLAGS), DNS_FLAG_RD | DNS_FLAG_CD);
	kit_init(&m, "a.com.", DNS_TYPE_A, DNS_FLAG_RD | DNS_FLAG_RA);
	kit_rrset(&m, DNS_ANSWER, "a.com.", DNS_TYPE_A, 60, &rd, 1, &none);
	dns = kit_finish(&m, &len);
	stage_reply_dns(&up, dns, len);
	a = stage_expect_answer();
	CU_ASSERT_EQUAL(a->msg.flags, DNS_FLAG_QR | DNS_FLAG_RA);
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_INSECURE], 1);
	stage_close();
}

/* Control's clocks: what it sees as the time of the last query is its own monotonic time. */
static void test_last_sent(void)
{
	struct dp_clock clock;
	uint64_t now_us;
	int64_t off;

	open_with((struct stage_spec){0});
	stage_ask(&question);
	dp_clock_set(&clock);
	now_us = stage.cycles / (rte_get_tsc_hz() / 1000000) + (uint64_t)clock.mono_us;
	off = (int64_t)(now_us - stage_evidence(SIN).last_sent_us);
	CU_ASSERT(off > -1000000 && off < 1000000);
	stage_close();
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"timeout goes elsewhere", test_timeout_goes_elsewhere},
		{"all silent", test_all_silent},
		{"budget", test_budget},
		{"failure remembered", test_failure_remembered},
		{"a new table forgets", test_new_table_forgets},
		{"single path", test_single_path},
		{"only silent ones again", test_only_silent_again},
		{"the same site does not refute", test_same_site_does_not_refute},
		{"no hop", test_no_hop},
		{"no hop at all", test_no_hop_at_all},
		{"a new table steers the retry", test_new_table_steers_retry},
		{"zone gone", test_zone_gone},
		{"recursive", test_recursive},
		{"last sent", test_last_sent},
		CU_TEST_INFO_NULL,
	};

	(void)argc;
	stage_start(argv[0]);
	return test_run("upstream", tests);
}
