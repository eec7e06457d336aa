#include <stdio.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "tests/unit/dataplane/stage.h"
#include "tests/unit/run.h"

/* Replies that are not the awaited one: they change nothing but counters. */

static struct stage_query question = {.qname = "a.com.", .id = 1, .edns = true};

static struct stage_packet open_and_ask(void)
{
	struct stage_spec spec = {.status = VAL_ZONE_INSECURE};

	stage_open(&spec);
	stage_ask(&question);
	return stage_expect_upstream(SIN);
}

/* A well-formed SERVFAIL, which would move the query if it were believed. */
static struct stage_packet bad_news(const struct stage_packet *up)
{
	struct stage_packet p = stage_answer_to(up);

	dns_put16(p.dns + DNS_OFF_FLAGS, DNS_FLAG_QR | DNS_RCODE_SERVFAIL);
	return p;
}

static void wrong_id(struct stage_packet *p)
{
	p->dns[1] ^= 1;
}

static void wrong_local_port(struct stage_packet *p)
{
	p->dport = p->dport > 40000 ? p->dport - 1 : p->dport + 1;
}

static void wrong_from_port(struct stage_packet *p)
{
	p->sport = 5353;
}

static void wrong_address(struct stage_packet *p)
{
	p->src = stage_addr("10.0.2.1"); // nrt, which was not asked
}

static void wrong_our_address(struct stage_packet *p)
{
	p->dst = stage_addr("198.51.100.53");
}

static void wrong_name(struct stage_packet *p)
{
	p->dns[13] = 'b';
}

static void wrong_case(struct stage_packet *p)
{
	p->dns[13] = 'A';
}

static void wrong_type(struct stage_packet *p)
{
	p->dns[12 + 7 + 1] = DNS_TYPE_AAAA;
}

static void wrong_class(struct stage_packet *p)
{
	p->dns[12 + 7 + 3] = DNS_CLASS_CH;
}

static void no_question(struct stage_packet *p)
{
	p->dns[5] = 0;
}

static void question_cut(struct stage_packet *p)
{
	p->len = 12 + 7 + 3;
}

static void wrong_opcode(struct stage_packet *p)
{
	p->dns[2] |= 0x10;
}

static void is_query(struct stage_packet *p)
{
	p->dns[2] = 0;
}

static void too_short(struct stage_packet *p)
{
	p->len = 11;
}

static void test_spoofs(void)
{
	const struct {
		const char *name;
		void (*harm)(struct stage_packet *p);
		enum dp_drop reason;
		unsigned near;
	} rows[] = {
		{"ID", wrong_id, DP_DROP_REPLY_UNMATCHED, 1},
		{"local port", wrong_local_port, DP_DROP_REPLY_UNMATCHED, 0},
		{"from port", wrong_from_port, DP_DROP_NOT_OURS, 0},
		{"address", wrong_address, DP_DROP_REPLY_UNMATCHED, 0},
		{"our address", wrong_our_address, DP_DROP_NOT_OURS, 0},
		{"name", wrong_name, DP_DROP_REPLY_QUESTION, 1},
		{"letter case", wrong_case, DP_DROP_REPLY_QUESTION, 1},
		{"type", wrong_type, DP_DROP_REPLY_QUESTION, 1},
		{"class", wrong_class, DP_DROP_REPLY_QUESTION, 1},
		{"no question", no_question, DP_DROP_REPLY_QUESTION, 1},
		{"question cut", question_cut, DP_DROP_REPLY_QUESTION, 1},
		{"opcode", wrong_opcode, DP_DROP_REPLY_QUESTION, 1},
		{"a query", is_query, DP_DROP_REPLY_IS_QUERY, 0},
		{"short", too_short, DP_DROP_REPLY_SHORT, 0},
	};

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct stage_packet up = open_and_ask();
		struct stage_packet spoof = bad_news(&up);
		struct route_sample before = stage_evidence(SIN), after;
		struct dp_stats s;

		rows[i].harm(&spoof);
		stage_send(STAGE_UPSTREAM, &spoof);
		stage_turn();
		after = stage_evidence(SIN);
		s = stage_stats();
		if (s.dropped[rows[i].reason] != 1 || s.near_misses != rows[i].near)
			printf("%s: %lu near misses\n", rows[i].name, s.near_misses);
		CU_ASSERT_EQUAL(s.dropped[rows[i].reason], 1);
		CU_ASSERT_EQUAL(s.near_misses, rows[i].near);
		CU_ASSERT(memcmp(&before, &after, sizeof(before)) == 0);
		stage_expect_nothing(STAGE_UPSTREAM);
		stage_expect_nothing(STAGE_CLIENTS);
		stage_reply_a(&up); // the honest one still counts
		CU_ASSERT_EQUAL(dns_msg_rcode(&stage_expect_answer()->msg), DNS_RCODE_NOERROR);
		stage_close();
	}
}

static void miss(const struct stage_packet *up, unsigned times)
{
	struct stage_packet p = bad_news(up);

	wrong_id(&p);
	for (unsigned i = 0; i < times; i++) {
		stage_send(STAGE_UPSTREAM, &p);
		stage_turn();
	}
}

/* Guessing makes the target move, and is no try. */
static void test_near_miss_redraws(void)
{
	struct stage_packet up = open_and_ask();
	struct stage_packet again;

	miss(&up, DP_NEAR_MISS_MAX - 1);
	stage_expect_nothing(STAGE_UPSTREAM);
	miss(&up, 1);
	again = stage_expect_upstream(SIN);
	CU_ASSERT(again.sport != up.sport || memcmp(again.dns, up.dns, 2) != 0);
	CU_ASSERT_EQUAL(stage_stats().redraws, 1);
	CU_ASSERT_EQUAL(stage_stats().retried, 0);
	CU_ASSERT_EQUAL(stage_evidence(SIN).sent, 1);
	stage_reply_a(&up); // the old pair is deaf
	stage_expect_nothing(STAGE_CLIENTS);
	stage_reply_a(&again);
	stage_expect_answer();
	stage_close();
}

/* Spoofed packets must not make us a packet source. */
static void test_redraws_are_bounded(void)
{
	struct stage_packet up = open_and_ask();

	for (unsigned i = 0; i < DP_REDRAWS_MAX; i++) {
		miss(&up, DP_NEAR_MISS_MAX);
		up = stage_expect_upstream(SIN);
	}
	miss(&up, 3 * DP_NEAR_MISS_MAX);
	stage_expect_nothing(STAGE_UPSTREAM);
	CU_ASSERT_EQUAL(stage_stats().redraws, DP_REDRAWS_MAX);
	CU_ASSERT_EQUAL(stage_stats().near_misses, (DP_REDRAWS_MAX + 3) * DP_NEAR_MISS_MAX);
	stage_reply_a(&up);
	stage_expect_answer();
	stage_close();
}

static void test_twice(void)
{
	struct stage_packet up = open_and_ask();

	stage_reply_a(&up);
	stage_reply_a(&up);
	stage_expect_answer();
	CU_ASSERT_EQUAL(stage_stats().dropped[DP_DROP_REPLY_UNMATCHED], 1);
	CU_ASSERT_EQUAL(stage_stats().matched, 1);
	stage_close();
}

/* Signatures of the first are being verified when the second arrives in the same burst. */
static void test_late(void)
{
	struct stage_spec spec = {.status = VAL_ZONE_SECURE};
	struct stage_packet up, second;

	stage_open(&spec);
	stage_ask(&question);
	up = stage_expect_upstream(SIN);
	second = stage_answer_to(&up);
	dns_put16(second.dns + DNS_OFF_FLAGS, DNS_FLAG_QR | DNS_FLAG_AA);
	stage.hold = true;
	stage_reply_signed(&up, 3600);
	stage.hold = false;
	stage_send(STAGE_UPSTREAM, &second);
	stage_turn();
	CU_ASSERT_EQUAL(stage_stats().dropped[DP_DROP_REPLY_LATE], 1);
	CU_ASSERT_EQUAL(stage_expect_answer()->msg.rr_count, 2);
	stage_close();
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"spoofs", test_spoofs},
		{"near misses redraw", test_near_miss_redraws},
		{"redraws are bounded", test_redraws_are_bounded},
		{"the same twice", test_twice},
		{"late while judging", test_late},
		CU_TEST_INFO_NULL,
	};

	(void)argc;
	stage_start(argv[0]);
	return test_run("response", tests);
}
