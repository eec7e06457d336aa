#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "tests/unit/dataplane/stage.h"
#include "tests/unit/run.h"

/* A worker's turn: what runs out, what is published, how it ends. */

static struct stage_query question = {.qname = "a.com.", .id = 1, .edns = true};

static void open_insecure(void)
{
	struct stage_spec spec = {.status = VAL_ZONE_INSECURE, .transactions = 512, .waiters = 600};

	stage_open(&spec);
}

/* ---- ports that do not take ---- */

static void test_reply_not_taken(void)
{
	struct stage_packet up;

	open_insecure();
	stage_ask(&question);
	up = stage_expect_upstream(SIN);
	stage_block(STAGE_CLIENTS, true);
	stage_reply_a(&up);
	stage_block(STAGE_CLIENTS, false);
	CU_ASSERT_EQUAL(stage_stats().dropped[DP_DROP_TX_FULL], 1);
	CU_ASSERT_EQUAL(stage_stats().forwarded, 0);
	CU_ASSERT_EQUAL(stage_stats().matched, 1);
	stage_close();
}

static void test_answer_not_taken(void)
{
	struct stage_query q = {.qname = "a.com.", .qtype = DNS_TYPE_AXFR};

	open_insecure();
	stage_block(STAGE_CLIENTS, true);
	stage_ask(&q);
	stage_block(STAGE_CLIENTS, false);
	CU_ASSERT_EQUAL(stage_stats().dropped[DP_DROP_TX_FULL], 1);
	CU_ASSERT_EQUAL(stage_stats().answered, 0);
	stage_close();
}

/* A query that did not leave is not the end of the client's: its timer runs. */
static void test_query_not_taken(void)
{
	struct stage_packet up;

	open_insecure();
	stage_block(STAGE_UPSTREAM, true);
	stage_ask(&question);
	stage_block(STAGE_UPSTREAM, false);
	CU_ASSERT_EQUAL(stage_stats().upstream_tx_full, 1);
	CU_ASSERT_EQUAL(stage_stats().sent_upstream, 0);
	CU_ASSERT_EQUAL(stage_stats().waiting, 1);
	stage_pass(402);
	up = stage_expect_upstream(NRT);
	stage_reply_a(&up);
	stage_expect_answer();
	stage_close();
}

/* ---- mbufs that run out ---- */

static struct rte_mbuf *hoard[65536];
static unsigned hoarded;

static void hoard_mbufs(void)
{
	while (hoarded < RTE_DIM(hoard)) {
		hoard[hoarded] = rte_pktmbuf_alloc(stage.dp->pool);
		if (hoard[hoarded] == NULL)
			return;
		hoarded++;
	}
}

static void release_mbufs(void)
{
	while (hoarded > 0)
		rte_pktmbuf_free(hoard[--hoarded]);
}

static void test_no_mbuf_for_clients(void)
{
	struct stage_packet up;

	open_insecure();
	stage_ask(&question);
	up = stage_expect_upstream(SIN);
	stage_ask(&question);
	hoard_mbufs();
	stage_reply_a(&up);
	release_mbufs();
	CU_ASSERT_EQUAL(stage_stats().dropped[DP_DROP_NO_MBUF], 2);
	CU_ASSERT_EQUAL(stage_stats().transactions, 0);
	stage_close();
}

/* The reply's own is enough. */
static void test_no_mbuf_for_one_client(void)
{
	struct stage_packet up;

	open_insecure();
	stage_ask(&question);
	up = stage_expect_upstream(SIN);
	hoard_mbufs();
	stage_reply_a(&up);
	release_mbufs();
	stage_expect_answer();
	CU_ASSERT_EQUAL(stage_stats().forwarded, 1);
	CU_ASSERT_EQUAL(stage_stats().transactions, 0);
	stage_close();
}

/* Families differ, so the query needs a fresh mbuf. Nothing can be said to the client either. */
static void test_no_mbuf_for_query(void)
{
	struct stage_query v6 = {.qname = "a.com.", .v6 = true};

	open_insecure();
	hoard_mbufs();
	stage_ask(&v6);
	release_mbufs();
	CU_ASSERT_EQUAL(stage_stats().dropped[DP_DROP_NO_MBUF], 1);
	CU_ASSERT_EQUAL(stage_stats().failures_cached, 0);
	CU_ASSERT_EQUAL(stage_stats().transactions, 0);
	stage_close();
}

/* ---- views ---- */

static const struct dp_view *gone[4];
static unsigned gone_count;

static void on_gone(void *arg, const struct dp_view *old)
{
	(void)arg;
	gone[gone_count++] = old;
}

static void test_grace(void)
{
	struct dp_view a, b;

	open_insecure();
	a = b = stage.view;
	gone_count = 0;
	CU_ASSERT_EQUAL(dp_publish(stage.dp, &a, on_gone, NULL), 0);
	CU_ASSERT_EQUAL(dp_publish(stage.dp, &b, on_gone, NULL), 0);
	dp_poll(stage.dp, NULL, NULL);
	CU_ASSERT_EQUAL(gone_count, 0); // the worker has had no turn since
	stage_turn();
	dp_poll(stage.dp, NULL, NULL);
	CU_ASSERT_EQUAL(gone_count, 2);
	CU_ASSERT_PTR_EQUAL(gone[0], &stage.view);
	CU_ASSERT_PTR_EQUAL(gone[1], &a);
	CU_ASSERT_PTR_EQUAL(stage.dp->worker[0]->now.view, &b);
	dp_publish(stage.dp, &stage.view, on_gone, NULL);
	stage_close();
}

/* Each of several workers must have let go. */
static void test_grace_of_two(void)
{
	struct stage_spec spec = {.status = VAL_ZONE_INSECURE, .workers = 2};
	struct dp_view a;

	stage_open(&spec);
	a = stage.view;
	gone_count = 0;
	dp_publish(stage.dp, &a, on_gone, NULL);
	dp_worker_burst(stage.dp->worker[0], stage.cycles);
	dp_poll(stage.dp, NULL, NULL);
	CU_ASSERT_EQUAL(gone_count, 0);
	dp_worker_burst(stage.dp->worker[1], stage.cycles);
	dp_poll(stage.dp, NULL, NULL);
	CU_ASSERT_EQUAL(gone_count, 1);
	dp_publish(stage.dp, &stage.view, NULL, NULL);
	stage_close();
}

static void test_grace_limit(void)
{
	open_insecure();
	dp_poll(stage.dp, NULL, NULL);
	for (unsigned i = 0; i < DP_GRACE_MAX; i++)
		CU_ASSERT_EQUAL(dp_publish(stage.dp, &stage.view, NULL, NULL), 0);
	CU_ASSERT_EQUAL(dp_publish(stage.dp, &stage.view, NULL, NULL), -EAGAIN);
	stage_turn();
	dp_poll(stage.dp, NULL, NULL);
	CU_ASSERT_EQUAL(dp_publish(stage.dp, &stage.view, NULL, NULL), 0);
	stage_close();
}

/* ---- the end ---- */

static void set_run(enum dp_run run)
{
	atomic_store(&stage.dp->run, (int)run);
}

static void test_drain(void)
{
	struct stage_query late = {.qname = "b.com."};
	struct stage_packet up;

	open_insecure();
	stage_ask(&question);
	up = stage_expect_upstream(SIN);
	set_run(DP_RUN_DRAIN);
	stage_ask(&late);
	CU_ASSERT_EQUAL(stage_stats().dropped[DP_DROP_SHUTDOWN], 1);
	stage_reply_a(&up); // who was in before is served
	stage_expect_answer();
	stage_close();
}

static void test_abort(void)
{
	struct dp_ask ask = {.timeout_ms = 4000, .qtype = DNS_TYPE_SOA};

	open_insecure();
	for (unsigned i = 0; i < 100; i++) {
		char name[16];
		struct stage_query q = {.qname = name};

		snprintf(name, sizeof(name), "n%u.com.", i);
		stage_ask(&q);
	}
	stage_ask(&question);
	stage_ask(&question); // a second client of the same
	ask.path = stage_path(SIN);
	ask.addr = route_paths_at(stage.paths, ask.path)->addr;
	dns_name_from_text("com.", &ask.qname);
	CU_ASSERT_EQUAL(dp_ask(stage.dp, &ask), 0);
	stage_turn();
	CU_ASSERT_EQUAL(stage_stats().transactions, 102);
	set_run(DP_RUN_ABORT);
	stage_turn();
	CU_ASSERT_EQUAL(stage_stats().dropped[DP_DROP_SHUTDOWN], 102);
	CU_ASSERT_EQUAL(stage_stats().waiting, 0);
	CU_ASSERT_EQUAL(stage_stats().transactions, 0);
	stage_close();
}

/* A worker that is freed with everything under way leaves no packet behind. */
static void test_free_in_the_middle(void)
{
	struct stage_spec spec = {.status = VAL_ZONE_SECURE};
	struct stage_query cd = {.qname = "a.com.", .flags = DNS_FLAG_CD};
	struct stage_packet up;

	stage_open(&spec);
	stage_ask(&question);
	stage_expect_upstream(SIN);
	stage_ask(&cd);
	up = stage_expect_upstream(SIN);
	stage_reply_signed(&up, -1); // kept for the client who checks for himself
	CU_ASSERT_EQUAL(stage.dp->worker[0]->fallbacks, 1);
	stage_end();
}

/* ---- bursts ---- */

/* More packets than a burst and than a transmit buffer; none is lost. */
static void test_many(void)
{
	struct stage_packet p, up;
	unsigned answers = 0;

	open_insecure();
	for (unsigned i = 0; i < 200; i++) {
		char name[16];
		struct stage_query q = {.qname = name, .edns = true};

		snprintf(name, sizeof(name), "n%u.com.", i);
		stage_query_packet(&q, &p);
		stage_send(STAGE_CLIENTS, &p);
	}
	stage_pass(10);
	CU_ASSERT_EQUAL(stage_stats().waiting, 200);
	stage.hold = true;
	for (unsigned i = 0; i < 200; i++) {
		up = stage_expect_upstream(SIN);
		stage_reply_a(&up);
	}
	stage.hold = false;
	stage_pass(10);
	while (stage_take(STAGE_CLIENTS, &p))
		answers++;
	CU_ASSERT_EQUAL(answers, 200);
	CU_ASSERT_EQUAL(stage_stats().forwarded, 200);
	stage_close();
}

/* As many clients of one question as it takes: their answers overrun the transmit buffer. */
static void test_many_waiters(void)
{
	struct stage_packet p, up;
	unsigned answers = 0;

	open_insecure();
	for (unsigned i = 0; i < DP_TXN_WAITERS_MAX + 1; i++)
		stage_ask(&question);
	CU_ASSERT_EQUAL(stage_stats().dropped[DP_DROP_TXN_FULL], 1);
	up = stage_expect_upstream(SIN);
	stage_reply_a(&up);
	while (stage_take(STAGE_CLIENTS, &p))
		answers++;
	CU_ASSERT_EQUAL(answers, DP_TXN_WAITERS_MAX);
	stage_close();
}

/* Frames that are no packets of ours, of every length up to a whole query's. */
static void test_garbage(void)
{
	open_insecure();
	stage_garbage();
	CU_ASSERT(stage_stats().received > 0);
	CU_ASSERT_EQUAL(stage_stats().forwarded, 0);
	stage_close();
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"reply not taken", test_reply_not_taken},
		{"answer not taken", test_answer_not_taken},
		{"query not taken", test_query_not_taken},
		{"no mbuf for clients", test_no_mbuf_for_clients},
		{"no mbuf for one client", test_no_mbuf_for_one_client},
		{"no mbuf for a query", test_no_mbuf_for_query},
		{"grace", test_grace},
		{"grace of two", test_grace_of_two},
		{"grace limit", test_grace_limit},
		{"drain", test_drain},
		{"abort", test_abort},
		{"freed in the middle", test_free_in_the_middle},
		{"many queries", test_many},
		{"many clients of one", test_many_waiters},
		{"garbage", test_garbage},
		CU_TEST_INFO_NULL,
	};

	(void)argc;
	stage_start(argv[0]);
	return test_run("worker", tests);
}
