#include <errno.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "tests/unit/dataplane/stage.h"
#include "tests/unit/run.h"

/* Control's own questions. */

static struct dp_told told[DP_ASKS_MAX + 1];
static unsigned told_count;

static void on_told(void *arg, const struct dp_told *t)
{
	(void)arg;
	told[told_count++] = *t;
}

static void poll_all(void)
{
	for (unsigned i = 0; i < DP_ASKS_MAX / DP_TOLDS_BURST + 1; i++)
		dp_poll(stage.dp, on_told, NULL);
}

static struct dp_ask ask_of(enum stage_site site, uint64_t token)
{
	struct dp_ask a = {
		.token = token,
		.path = stage_path(site),
		.addr = route_paths_at(stage.paths, stage_path(site))->addr,
		.qtype = DNS_TYPE_DNSKEY,
		.timeout_ms = 100,
	};

	dns_name_from_text("CoM.", &a.qname);
	return a;
}

static void open_insecure(void)
{
	struct stage_spec spec = {.status = VAL_ZONE_UNKNOWN};

	stage_open(&spec);
	told_count = 0;
}

static void expect_no_evidence(enum stage_site site)
{
	struct route_sample none, is = stage_evidence(site);

	memset(&none, 0, sizeof(none));
	CU_ASSERT(memcmp(&none, &is, sizeof(none)) == 0);
}

static void test_round_trip(void)
{
	struct dp_ask ask;
	struct stage_packet up;

	open_insecure();
	ask = ask_of(LAX, 77);
	ask.nsid = true;
	CU_ASSERT_EQUAL(dp_ask(stage.dp, &ask), 0);
	stage_turn();
	up = stage_expect_upstream(LAX);
	CU_ASSERT_STRING_EQUAL(stage_qname(&up), "com.");
	CU_ASSERT_EQUAL(up.dns[up.len - 3], 3); // NSID
	stage_pass(5);
	stage_reply_rcode(&up, DNS_RCODE_REFUSED);
	poll_all();
	CU_ASSERT_EQUAL_FATAL(told_count, 1);
	CU_ASSERT_EQUAL(told[0].token, 77);
	CU_ASSERT_EQUAL(told[0].path, stage_path(LAX));
	CU_ASSERT_EQUAL(told[0].error, 0);
	CU_ASSERT(told[0].rtt_us >= 4900 && told[0].rtt_us <= 5100);
	CU_ASSERT_EQUAL(told[0].len, 12 + 5 + 4);
	CU_ASSERT(memcmp(told[0].msg, up.dns, 2) == 0);
	CU_ASSERT_EQUAL(stage_stats().matched, 1);
	CU_ASSERT_EQUAL(stage_stats().asks, 1);
	expect_no_evidence(LAX);
	stage_close();
}

static void test_timeout(void)
{
	struct dp_ask ask;

	open_insecure();
	ask = ask_of(SIN, 5);
	CU_ASSERT_EQUAL(dp_ask(stage.dp, &ask), 0);
	stage_turn();
	stage_expect_upstream(SIN);
	stage_pass(99);
	poll_all();
	CU_ASSERT_EQUAL(told_count, 0);
	stage_pass(2);
	poll_all();
	CU_ASSERT_EQUAL_FATAL(told_count, 1);
	CU_ASSERT_EQUAL(told[0].error, -ETIMEDOUT);
	CU_ASSERT_EQUAL(told[0].len, 0);
	stage_expect_nothing(STAGE_UPSTREAM); // not retried
	expect_no_evidence(SIN);
	stage_close();
}

/* The same question twice is two questions, and not a client's. */
static void test_not_coalesced(void)
{
	struct stage_query q = {.qname = "com.", .qtype = DNS_TYPE_DNSKEY};
	struct dp_ask ask;
	struct stage_packet up;

	open_insecure();
	ask = ask_of(SIN, 1);
	dp_ask(stage.dp, &ask);
	dp_ask(stage.dp, &ask);
	stage_turn();
	stage_expect_upstream(SIN);
	stage_expect_upstream(SIN);
	stage_ask(&q);
	up = stage_expect_upstream(SIN);
	CU_ASSERT_EQUAL(stage_stats().coalesced, 0);
	stage_reply_rcode(&up, DNS_FLAG_AA);
	stage_expect_answer();
	stage_close();
}

static void test_recursive(void)
{
	struct dp_ask ask;
	struct stage_packet up;

	open_insecure();
	ask = ask_of(SIN, 1);
	ask.kind = ROUTE_RECURSIVE;
	dp_ask(stage.dp, &ask);
	stage_turn();
	up = stage_expect_upstream(SIN);
	CU_ASSERT_EQUAL(dns_get16(up.dns + DNS_OFF_FLAGS), DNS_FLAG_RD | DNS_FLAG_CD);
	stage_close();
}

static void test_cannot(void)
{
	struct dp_ask ask;

	open_insecure();
	ask = ask_of(SIN, 1);
	stage.hops->hop[stage_path(SIN)].ok = false;
	dp_ask(stage.dp, &ask);
	ask.path = 9999; // nobody's
	dp_ask(stage.dp, &ask);
	stage_turn();
	poll_all();
	CU_ASSERT_EQUAL_FATAL(told_count, 2);
	CU_ASSERT_EQUAL(told[0].error, -EHOSTUNREACH);
	CU_ASSERT_EQUAL(told[1].error, -EHOSTUNREACH);
	CU_ASSERT_EQUAL(stage_stats().transactions, 0);
	stage_close();
}

static void test_spoof_and_malformed(void)
{
	struct dp_ask ask;
	struct stage_packet up, p;

	open_insecure();
	ask = ask_of(SIN, 1);
	dp_ask(stage.dp, &ask);
	stage_turn();
	up = stage_expect_upstream(SIN);
	p = stage_answer_to(&up);
	dns_put16(p.dns + DNS_OFF_FLAGS, DNS_FLAG_QR);
	p.dns[0] ^= 1;
	for (unsigned i = 0; i < DP_NEAR_MISS_MAX; i++) {
		stage_send(STAGE_UPSTREAM, &p);
		stage_turn();
	}
	up = stage_expect_upstream(SIN); // a new pair
	poll_all();
	CU_ASSERT_EQUAL(told_count, 0);
	p = stage_answer_to(&up);
	dns_put16(p.dns + DNS_OFF_FLAGS, DNS_FLAG_QR);
	dns_put16(p.dns + DNS_OFF_ANCOUNT, 3); // are not there
	stage_send(STAGE_UPSTREAM, &p);
	stage_turn();
	poll_all();
	CU_ASSERT_EQUAL_FATAL(told_count, 1);
	CU_ASSERT_EQUAL(told[0].error, -EBADMSG);
	stage_close();
}

/* As many as there are slots, and one more; each comes back, and the slots with them. */
static void test_slots(void)
{
	struct dp_ask ask;

	open_insecure();
	for (unsigned round = 0; round < 2; round++) {
		told_count = 0;
		for (unsigned i = 0; i < DP_ASKS_MAX; i++) {
			ask = ask_of(SIN, i);
			CU_ASSERT_EQUAL(dp_ask(stage.dp, &ask), 0);
		}
		CU_ASSERT_EQUAL(dp_ask(stage.dp, &ask), -EAGAIN);
		stage_pass(200);
		poll_all();
		CU_ASSERT_EQUAL(told_count, DP_ASKS_MAX); // 64 transactions: most are -ENOBUFS
	}
	CU_ASSERT_EQUAL(told[DP_ASKS_MAX - 1].error, -ETIMEDOUT);
	stage_close();
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"round trip", test_round_trip},
		{"timeout", test_timeout},
		{"not coalesced", test_not_coalesced},
		{"to a recursive upstream", test_recursive},
		{"cannot be sent", test_cannot},
		{"spoofed, malformed", test_spoof_and_malformed},
		{"slots", test_slots},
		CU_TEST_INFO_NULL,
	};

	(void)argc;
	stage_start(argv[0]);
	return test_run("ask", tests);
}
