#include <string.h>

#include <CUnit/Basic.h>

#include "tests/unit/dataplane/stage.h"
#include "tests/unit/run.h"

/* Two workers, and replies that arrive at the wrong one. */

static struct dp_stats of_worker(unsigned i)
{
	struct dp_stats s;

	dp_stats_worker(stage.dp, i, &s);
	return s;
}

static void open_two(void)
{
	struct stage_spec spec = {.status = VAL_ZONE_SECURE, .workers = 2};

	stage_open(&spec);
}

/* Asked by the worker of queue `q`, answered to the queue `r`. */
static void ask_and_answer(uint16_t q, uint16_t r)
{
	struct stage_query query = {.qname = "a.com.", .queue = q, .edns = true};
	struct stage_packet up;

	stage_ask(&query);
	CU_ASSERT_EQUAL(of_worker(q).transactions, 1);
	CU_ASSERT_EQUAL(of_worker(1 - q).transactions, 0);
	up = stage_expect_upstream(SIN);
	up.queue = r;
	stage_reply_signed(&up, 100);
	stage_turn(); // a packet may wait a turn in the ring
	CU_ASSERT_EQUAL(stage_expect_answer()->msg.rr_count, 2);
}

static void test_home(void)
{
	open_two();
	ask_and_answer(0, 0);
	ask_and_answer(1, 1);
	CU_ASSERT_EQUAL(stage_stats().handed_over, 0);
	stage_close();
}

static void test_away(void)
{
	open_two();
	ask_and_answer(0, 1);
	CU_ASSERT_EQUAL(of_worker(1).handed_over, 1);
	CU_ASSERT_EQUAL(of_worker(1).received, 1);
	CU_ASSERT_EQUAL(of_worker(1).matched, 0);
	CU_ASSERT_EQUAL(of_worker(0).received, 1);
	CU_ASSERT_EQUAL(of_worker(0).matched, 1);
	ask_and_answer(1, 0);
	CU_ASSERT_EQUAL(of_worker(0).handed_over, 1);
	stage_close();
}

/* Both workers may ask the same: each owns its own. */
static void test_same_question(void)
{
	struct stage_query q0 = {.qname = "a.com."}, q1 = {.qname = "a.com.", .queue = 1};
	struct stage_packet a, b, got;

	open_two();
	stage_ask(&q0);
	a = stage_expect_upstream(SIN);
	stage_ask(&q1);
	b = stage_expect_upstream(SIN);
	a.queue = 1;
	b.queue = 0;
	stage_reply_signed(&a, 100);
	stage_reply_signed(&b, 100);
	stage_turn();
	CU_ASSERT(stage_take(STAGE_CLIENTS, &got));
	CU_ASSERT(stage_take(STAGE_CLIENTS, &got));
	CU_ASSERT_EQUAL(stage_stats().matched, 2);
	stage_close();
}

/* Nobody's port: no hand-over, dropped where it arrived. */
static void test_unclaimed(void)
{
	struct stage_query q = {.qname = "a.com."};
	struct stage_packet up;

	open_two();
	stage_ask(&q);
	up = stage_expect_upstream(SIN);
	up.sport = up.sport == 2000 ? 2001 : 2000;
	up.queue = 1;
	stage_reply_a(&up);
	stage_turn();
	CU_ASSERT_EQUAL(of_worker(1).dropped[DP_DROP_REPLY_UNMATCHED], 1);
	CU_ASSERT_EQUAL(stage_stats().handed_over, 0);
	stage_close();
}

/* A near miss is handed over as well: the owner's transaction is the one that is guessed at. */
static void test_near_miss(void)
{
	struct stage_query q = {.qname = "a.com."};
	struct stage_packet up, guess;

	open_two();
	stage_ask(&q);
	up = stage_expect_upstream(SIN);
	guess = up;
	guess.dns[0] ^= 1;
	guess.queue = 1;
	stage_reply_a(&guess);
	stage_turn();
	CU_ASSERT_EQUAL(of_worker(0).near_misses, 1);
	CU_ASSERT_EQUAL(of_worker(0).dropped[DP_DROP_REPLY_UNMATCHED], 1);
	stage_close();
}

/* The owner does not take anything while its ring is filled to the brim, and one more. */
static void test_full(void)
{
	struct stage_query q = {.qname = "a.com."};
	struct stage_packet up, reply;
	unsigned room;

	open_two();
	stage_ask(&q);
	up = stage_expect_upstream(SIN);
	reply = stage_answer_to(&up);
	dns_put16(reply.dns + DNS_OFF_FLAGS, DNS_FLAG_QR);
	reply.dns[0] ^= 1;
	reply.queue = 1;
	room = rte_ring_free_count(stage.dp->worker[0]->handover);
	for (unsigned i = 0; i < room + 1; i++) {
		stage_send(STAGE_UPSTREAM, &reply);
		if (i % 32 == 31 || i == room)
			dp_worker_burst(stage.dp->worker[1], stage.cycles);
	}
	CU_ASSERT_EQUAL(of_worker(1).handed_over, room);
	CU_ASSERT_EQUAL(of_worker(1).dropped[DP_DROP_HANDOVER_FULL], 1);
	stage_close();
}

/* Packets that still sit in a ring are freed with the worker. */
static void test_left_behind(void)
{
	struct stage_query q = {.qname = "a.com."};
	struct stage_packet up, reply;

	open_two();
	stage_ask(&q);
	up = stage_expect_upstream(SIN);
	reply = stage_answer_to(&up);
	dns_put16(reply.dns + DNS_OFF_FLAGS, DNS_FLAG_QR);
	reply.queue = 1;
	stage_send(STAGE_UPSTREAM, &reply);
	dp_worker_burst(stage.dp->worker[1], stage.cycles);
	CU_ASSERT_EQUAL(rte_ring_count(stage.dp->worker[0]->handover), 1);
	stage_end(); // and its transaction
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"home", test_home},
		{"away", test_away},
		{"the same question", test_same_question},
		{"nobody's port", test_unclaimed},
		{"near miss", test_near_miss},
		{"ring full", test_full},
		{"left behind", test_left_behind},
		CU_TEST_INFO_NULL,
	};

	(void)argc;
	stage_start(argv[0]);
	return test_run("handover", tests);
}
