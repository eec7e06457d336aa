#include <string.h>

#include <CUnit/Basic.h>

#include "tests/unit/dataplane/stage.h"
#include "tests/unit/run.h"

/* Replies that are signed by a key that nobody knows. */

static struct kit_key unknown;
static uint32_t look_after;

static void open_stage(uint32_t transactions)
{
	struct stage_spec spec = {
		.status = VAL_ZONE_SECURE, .transactions = transactions, .waiters = transactions};

	stage_open(&spec);
	kit_key_new(&unknown, 0x0100);
}

static void close_stage(void)
{
	stage_close();
	kit_key_free(&unknown);
}

/* Ask, and have sin answer with the unknown key. */
static void ask_unknown(const char *qname)
{
	struct stage_query q = {.qname = qname, .id = 1, .edns = true, .do_bit = true};
	struct stage_packet up;

	stage_ask(&q);
	up = stage_expect_upstream(SIN);
	stage_reply_signed_by(&up, &unknown);
}

static void add_unknown(struct val_zone_keys *com)
{
	struct val_key *k = &com->key[com->count++];

	memcpy(k->rdata, unknown.rdata, unknown.rdata_len);
	k->rdata_len = unknown.rdata_len;
	k->key_tag = unknown.tag;
	k->algorithm = 13;
}

static void looked_in_vain(struct val_zone_keys *com)
{
	com->look_after = look_after;
}

static void change_nothing(struct val_zone_keys *com)
{
	(void)com;
}

static void expect_secure(void)
{
	const struct stage_answer *a = stage_expect_answer();

	CU_ASSERT_EQUAL(dns_msg_rcode(&a->msg), DNS_RCODE_NOERROR);
	CU_ASSERT(a->msg.flags & DNS_FLAG_AD);
}

static void expect_all_quiet(void)
{
	stage_expect_nothing(STAGE_CLIENTS);
	stage_expect_nothing(STAGE_UPSTREAM);
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_BOGUS], 0);
}

/* The zone rolled: somebody looks, the key is there, and nobody is blamed. */
static void test_key_comes(void)
{
	open_stage(64);
	ask_unknown("a.com.");
	expect_all_quiet();
	CU_ASSERT_EQUAL(stage_stats().keys_awaited, 1);
	CU_ASSERT_EQUAL(dp_keys_awaited_sum(stage.dp), 1);
	CU_ASSERT_EQUAL(dp_keys_awaited(stage.dp, stage_path(SIN)), 1);
	CU_ASSERT_EQUAL(dp_keys_awaited(stage.dp, stage_path(NRT)), 0);
	stage_pass(100);
	expect_all_quiet();
	stage_publish_keys(add_unknown);
	stage_turn();
	expect_secure();
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_SECURE], 1);
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_BOGUS], 0);
	CU_ASSERT_EQUAL(stage_stats().retried, 0);
	close_stage();
}

/* A site lies: somebody looks, there is no such key, and the question goes elsewhere at once. */
static void test_looked_in_vain(void)
{
	struct stage_packet up;

	open_stage(64);
	ask_unknown("a.com.");
	look_after = stage.now_s + 2;
	stage_publish_keys(looked_in_vain);
	stage_turn();
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_BOGUS], 1);
	CU_ASSERT_EQUAL(stage_evidence(SIN).bad_reason, VAL_R_KEY_MISSING);
	up = stage_expect_upstream(NRT);
	stage_reply_signed(&up, 3600);
	expect_secure();
	// for two seconds nobody waits
	ask_unknown("b.com.");
	up = stage_expect_upstream(NRT);
	stage_reply_signed(&up, 3600);
	expect_secure();
	CU_ASSERT_EQUAL(stage_stats().keys_awaited, 1);
	stage_pass(3000);
	ask_unknown("c.com.");
	stage_expect_nothing(STAGE_UPSTREAM);
	CU_ASSERT_EQUAL(stage_stats().keys_awaited, 2);
	close_stage();
}

/* Nobody looks: it takes no longer than a silent site would. */
static void test_nobody_looks(void)
{
	struct stage_packet up;

	open_stage(64);
	ask_unknown("a.com.");
	stage_pass(390);
	expect_all_quiet();
	stage_pass(20);
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_BOGUS], 1);
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_TIMEOUT], 0);
	up = stage_expect_upstream(NRT);
	stage_reply_signed_by(&up, &unknown); // a transaction waits but once
	up = stage_expect_upstream(LAX);
	stage_reply_signed(&up, 3600);
	expect_secure();
	CU_ASSERT_EQUAL(stage_stats().keys_awaited, 1);
	close_stage();
}

/* A view that says nothing of it: the wait goes on, and ends when it would have. */
static void test_other_view(void)
{
	open_stage(64);
	ask_unknown("a.com.");
	stage_pass(300);
	stage_publish_keys(change_nothing);
	stage_turn();
	expect_all_quiet();
	CU_ASSERT_EQUAL(dp_keys_awaited(stage.dp, stage_path(SIN)), 2); // asked for once more
	stage_pass(80);
	expect_all_quiet();
	stage_pass(40);
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_BOGUS], 1);
	stage_expect_upstream(NRT);
	close_stage();
}

/* Who checks for himself waits, too: the site must not be blamed by his question either. */
static void test_checking_disabled(void)
{
	struct stage_query q = {
		.qname = "a.com.", .id = 1, .edns = true, .do_bit = true, .flags = DNS_FLAG_CD};
	struct stage_packet up;

	open_stage(64);
	stage_ask(&q);
	up = stage_expect_upstream(SIN);
	stage_reply_signed_by(&up, &unknown);
	expect_all_quiet();
	stage_publish_keys(add_unknown);
	stage_turn();
	expect_secure();
	close_stage();
}

/* More than the ring holds: the first are held, the others judged as they stand; many of the held
 * are judged in several turns. */
static void test_full(void)
{
	struct stage_packet p;
	unsigned elsewhere = 0, answered = 0;
	char name[32];

	open_stage(2048);
	for (unsigned i = 0; i < DP_HELD_MAX + 2; i++) {
		snprintf(name, sizeof(name), "n%u.com.", i);
		ask_unknown(name);
		elsewhere += stage_take(STAGE_UPSTREAM, &p);
	}
	CU_ASSERT_EQUAL(elsewhere, 2);
	CU_ASSERT_EQUAL(stage.dp->worker[0]->held_count, DP_HELD_MAX);
	stage_publish_keys(add_unknown);
	for (unsigned i = 0; i < DP_HELD_MAX / DP_HELD_BURST + 1; i++) {
		unsigned before = answered;

		stage_turn();
		while (stage_take(STAGE_CLIENTS, &p))
			answered++;
		CU_ASSERT(answered - before <= 2 * DP_HELD_BURST); // publishing took a turn
	}
	CU_ASSERT_EQUAL(answered, DP_HELD_MAX);
	close_stage();
}

/* Everything ends in the middle of it. */
static void test_end(void)
{
	open_stage(64);
	ask_unknown("a.com.");
	ask_unknown("b.com.");
	stage_end();
	kit_key_free(&unknown);
}

/* The route goes away while a reply waits. */
static void test_not_routed(void)
{
	open_stage(64);
	ask_unknown("a.com.");
	stage.routes.zone_count = 1;
	stage.routes.zones[0].name = (struct dns_name){5, 1, "\3net"};
	CU_ASSERT_EQUAL_FATAL(route_paths_sync(stage.paths, &stage.routes), 0);
	stage_publish(NULL, NULL);
	stage_turn();
	CU_ASSERT_EQUAL(dns_msg_rcode(&stage_expect_answer()->msg), DNS_RCODE_SERVFAIL);
	close_stage();
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"the key comes", test_key_comes},
		{"looked in vain", test_looked_in_vain},
		{"nobody looks", test_nobody_looks},
		{"another view", test_other_view},
		{"CD=1", test_checking_disabled},
		{"full", test_full},
		{"the end", test_end},
		{"no longer routed", test_not_routed},
		CU_TEST_INFO_NULL,
	};

	(void)argc;
	stage_start(argv[0]);
	return test_run("dataplane/hold", tests);
}
