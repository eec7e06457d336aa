#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/Basic.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "dns/text.h"
#include "dns/wire.h"
#include "tests/unit/dataplane/chainkit.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

/* The DNSKEY set of test. does not fit into UDP: control asks by TCP, and the test is control. */

enum { STEPS = 2 }; // A and DS come by UDP

static struct dp_fetch *taken[DP_FETCHES_MAX];
static unsigned taken_count;

static void note_wanted(void *arg, struct dp_fetch *f)
{
	(void)arg;
	taken[taken_count++] = f;
}

/* What workers want now. @return the only one */
static struct dp_fetch *expect_wanted(void)
{
	taken_count = 0;
	dp_fetches(stage.dp, note_wanted, NULL);
	CU_ASSERT_EQUAL_FATAL(taken_count, 1);
	return taken[0];
}

static uint8_t *whole_answer(const struct dp_fetch *f, size_t *len)
{
	char name[DNS_NAME_TEXT_MAX];

	dns_name_to_text(f->qname.octets, name, sizeof(name));
	return tree_answer(&chain.tree, name, f->qtype, len);
}

/* A question for an address in test., until the answer with TC=1 has come from `site`. */
static void ask_until_truncated(void)
{
	struct stage_packet up;

	chain_ask("www.test.", 0);
	chain.budget = STEPS;
	chain_serve();
	up = stage_expect_upstream(ROOT);
	CU_ASSERT_EQUAL(chain_type(&up), DNS_TYPE_DNSKEY);
	stage_reply_rcode(&up, DNS_FLAG_TC);
	chain.budget = 1000;
}

/* Enough for an answer to be judged, and for what waited for it. */
static void turns(void)
{
	for (int i = 0; i < 4; i++)
		stage_turn();
}

static void tell_well(struct dp_fetch *f)
{
	size_t len;
	uint8_t *dns = whole_answer(f, &len);

	dp_fetched(stage.dp, f, 0, dns, (uint16_t)len);
	free(dns);
	turns();
}

static void expect_all_home(void)
{
	CU_ASSERT_EQUAL(stage.dp->worker[0]->fetch_free_count, DP_FETCHES_MAX);
}

static void test_fetched(void)
{
	struct dp_fetch *f;

	chain_open((struct stage_spec){0});
	ask_until_truncated();
	f = expect_wanted();
	CU_ASSERT_EQUAL(f->qtype, DNS_TYPE_DNSKEY);
	CU_ASSERT_EQUAL(f->kind, ROUTE_RECURSIVE);
	CU_ASSERT_TRUE(f->timeout_ms > 0 && f->timeout_ms <= 400);
	CU_ASSERT_EQUAL(stage_stats().waiting, 1);
	stage_expect_nothing(STAGE_UPSTREAM);
	tell_well(f);
	chain_expect("fetched", stage_expect_answer(), OK, true, DNS_EDE_NONE);
	CU_ASSERT_EQUAL(stage_stats().chain_truncated, 1);
	CU_ASSERT_EQUAL(stage_stats().chain_fetched, 1);
	CU_ASSERT_EQUAL(stage_stats().chain_failed, 0);
	expect_all_home();
	// and it is a fact like any other
	chain_expect("known", chain_resolve("www.test."), OK, true, DNS_EDE_NONE);
	CU_ASSERT_STRING_EQUAL(chain.asked, "A www.test.");
	chain_close();
}

/* Octets behind a whole answer, as a record of the additional section, until it has this size. */
static uint8_t *pad(uint8_t *dns, size_t len, size_t size)
{
	enum { HEAD = 11 };
	uint8_t *out = calloc(1, size);

	memcpy(out, dns, len);
	free(dns);
	dns_put16(out + len + 1, 16); // TXT of the root
	dns_put16(out + len + 3, DNS_CLASS_IN);
	dns_put16(out + len + 9, (uint16_t)(size - len - HEAD));
	dns_put16(out + DNS_OFF_ARCOUNT, 1);
	return out;
}

/* The largest answer that is taken, which no packet buffer would hold, and one octet more. */
static void test_large(void)
{
	for (unsigned extra = 0; extra < 2; extra++) {
		struct dp_fetch *f;
		uint8_t *dns;
		size_t len, size = DP_FETCH_MSG_MAX + extra;

		chain_open((struct stage_spec){0});
		ask_until_truncated();
		f = expect_wanted();
		dns = whole_answer(f, &len);
		dns = pad(dns, len, size);
		dp_fetched(stage.dp, f, 0, dns, (uint16_t)size);
		free(dns);
		turns();
		CU_ASSERT_EQUAL(stage_stats().chain_fetched, 1 - extra);
		chain_serve(); // the other resolver
		chain_expect("large", stage_expect_answer(), OK, true, DNS_EDE_NONE);
		expect_all_home();
		chain_close();
	}
}

/* What is no answer is a failed try, and no word against the path. */
static void test_failures(void)
{
	static const struct {
		const char *name;
		int error;
		size_t cut;      // octets taken from the end
		unsigned offset; // of an octet that is changed
		uint8_t bits;
	} rows[] = {
		{"error", -ETIMEDOUT, 0, 0, 0},
		{"malformed", 0, 1, 0, 0},
		{"less than a header", 0, 1000, 0, 0},
		{"truncated again", 0, 0, 2, DNS_FLAG_TC >> 8},
		{"another name", 0, 0, DNS_HEADER_LEN + 1, 1},
		{"another type", 0, 0, DNS_HEADER_LEN + 6 + 1, 1},
		{"another class", 0, 0, DNS_HEADER_LEN + 6 + 3, 2},
		{"no question", 0, 0, DNS_OFF_QDCOUNT + 1, 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dp_fetch *f;
		struct stage_packet up;
		uint8_t *dns;
		size_t len;

		chain_open((struct stage_spec){0});
		ask_until_truncated();
		f = expect_wanted();
		dns = whole_answer(f, &len);
		dns[rows[i].offset] ^= rows[i].bits;
		len -= rows[i].cut < len ? rows[i].cut : len - 3;
		dp_fetched(stage.dp, f, rows[i].error, dns, (uint16_t)len);
		free(dns);
		stage_turn();
		UNIT_CHECK(rows[i].name, stage_stats().chain_fetched == 0);
		up = stage_expect_upstream(LAX);
		UNIT_CHECK(rows[i].name, chain_type(&up) == DNS_TYPE_DNSKEY);
		chain_reply(&up);
		turns();
		chain_expect(rows[i].name, stage_expect_answer(), OK, true, DNS_EDE_NONE);
		UNIT_CHECK(rows[i].name, stage_evidence(ROOT).outcome[ROUTE_O_BOGUS] == 0);
		UNIT_CHECK(rows[i].name, stage_evidence(ROOT).outcome[ROUTE_O_TIMEOUT] == 0);
		expect_all_home();
		chain_close();
	}
}

/* What came by TCP is judged like anything else. */
static void test_bogus(void)
{
	struct stage_packet up;

	chain_open((struct stage_spec){0});
	ask_until_truncated();
	chain.tree.harm_name = "test.";
	chain.tree.harm_type = DNS_TYPE_DNSKEY;
	chain.tree.harm = KIT_FLIP;
	tell_well(expect_wanted());
	CU_ASSERT_EQUAL(stage_evidence(ROOT).outcome[ROUTE_O_BOGUS], 1);
	expect_all_home();
	chain.tree.harm = KIT_NONE;
	up = stage_expect_upstream(LAX);
	chain_reply(&up);
	turns();
	chain_expect("by the other", stage_expect_answer(), OK, true, DNS_EDE_NONE);
	chain_close();
}

/* Nobody answers well anywhere: the client hears that its keys could not be had. */
static void test_nobody(void)
{
	struct stage_packet up;

	chain_open((struct stage_spec){0});
	ask_until_truncated();
	dp_fetched(stage.dp, expect_wanted(), -ECONNREFUSED, NULL, 0);
	stage_turn();
	up = stage_expect_upstream(LAX);
	stage_reply_rcode(&up, DNS_FLAG_TC);
	dp_fetched(stage.dp, expect_wanted(), -ECONNREFUSED, NULL, 0);
	stage_turn();
	chain_serve(); // the other resolver's answer to the client fares the same
	chain_expect("nobody", stage_expect_answer(), FAIL, false, DNS_EDE_INDETERMINATE);
	CU_ASSERT_EQUAL(stage_stats().chain_truncated, 2);
	CU_ASSERT_EQUAL(stage_evidence(ROOT).outcome[ROUTE_O_BOGUS], 0);
	expect_all_home();
	chain_close();
}

/* Control says nothing in time: the next path; what it says later is nobody's. */
static void test_late(void)
{
	struct dp_fetch *f;
	struct stage_packet up;

	chain_open((struct stage_spec){0});
	ask_until_truncated();
	f = expect_wanted();
	stage_pass(401);
	up = stage_expect_upstream(LAX);
	CU_ASSERT_EQUAL(stage_evidence(ROOT).outcome[ROUTE_O_TIMEOUT], 0);
	CU_ASSERT_EQUAL(stage.dp->worker[0]->fetch_free_count, DP_FETCHES_MAX - 1);
	tell_well(f);
	CU_ASSERT_EQUAL(stage_stats().chain_fetched, 0);
	expect_all_home();
	chain_reply(&up);
	turns();
	chain_expect("late", stage_expect_answer(), OK, true, DNS_EDE_NONE);
	chain_close();
}

/* The last place, and none. */
static void test_places(void)
{
	for (unsigned left = 0; left < 2; left++) {
		struct dp_worker *w;

		chain_open((struct stage_spec){0});
		w = stage.dp->worker[0];
		w->fetch_free_count = left;
		ask_until_truncated();
		if (left > 0) {
			tell_well(expect_wanted());
		} else {
			taken_count = 0;
			dp_fetches(stage.dp, note_wanted, NULL);
			CU_ASSERT_EQUAL(taken_count, 0);
			chain_serve(); // the other resolver
		}
		chain_expect("places", stage_expect_answer(), OK, true, DNS_EDE_NONE);
		CU_ASSERT_EQUAL(w->fetch_free_count, left);
		w->fetch_free_count = DP_FETCHES_MAX;
		chain_close();
	}
}

/* What was fetched waits for its signatures, too. */
static void test_crypto_lcore(void)
{
	unsigned lcore = rte_get_next_lcore(-1, 1, 0);
	struct dp_crypto_arg arg;
	struct stage_packet up;

	chain_open((struct stage_spec){.crypto = 1});
	arg = (struct dp_crypto_arg){.c = stage.dp->crypto};
	CU_ASSERT_EQUAL_FATAL(rte_eal_remote_launch(dp_crypto_main, &arg, lcore), 0);
	chain_ask("www.sec.test.", 0);
	for (unsigned i = 0; i < 4000 && stage_stats().waiting > 0; i++) {
		while (stage_take(STAGE_UPSTREAM, &up)) {
			if (chain_type(&up) == DNS_TYPE_DNSKEY)
				stage_reply_rcode(&up, DNS_FLAG_TC);
			else
				chain_reply(&up);
		}
		taken_count = 0;
		dp_fetches(stage.dp, note_wanted, NULL);
		for (unsigned k = 0; k < taken_count; k++)
			tell_well(taken[k]);
		usleep(500);
		stage_turn();
	}
	chain_expect("verified elsewhere", stage_expect_answer(), OK, true, DNS_EDE_NONE);
	CU_ASSERT_EQUAL(stage_stats().chain_fetched, 2);
	expect_all_home();
	dp_crypto_stop(stage.dp->crypto);
	rte_eal_wait_lcore(lcore);
	chain_close();
}

/* Everything ends while control asks. */
static void test_ends_in_between(void)
{
	for (unsigned told = 0; told < 2; told++) {
		struct dp_fetch *f;

		chain_open((struct stage_spec){0});
		ask_until_truncated();
		f = expect_wanted();
		if (told)
			dp_fetched(stage.dp, f, -ECANCELED, NULL, 0);
		stage_end();
		tree_free(&chain.tree);
	}
	chain_open((struct stage_spec){0});
	ask_until_truncated();
	atomic_store(&stage.dp->run, DP_RUN_ABORT);
	for (int i = 0; i < 4; i++)
		stage_turn();
	CU_ASSERT_EQUAL(stage_stats().transactions, 0);
	dp_fetched(stage.dp, expect_wanted(), -ECANCELED, NULL, 0);
	stage_turn();
	expect_all_home();
	chain_close();
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"fetched", test_fetched},
		{"the largest", test_large},
		{"no answer", test_failures},
		{"bogus", test_bogus},
		{"nobody answers", test_nobody},
		{"late", test_late},
		{"places", test_places},
		{"with a crypto lcore", test_crypto_lcore},
		{"ends in between", test_ends_in_between},
		CU_TEST_INFO_NULL,
	};

	(void)argc;
	stage_start(argv[0]);
	return test_run("dataplane/fetch", tests);
}
