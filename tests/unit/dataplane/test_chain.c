#include <stdio.h>
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

/* The root's upstreams are recursive resolvers; whose keys are not published has them asked for. */

static const struct {
	const char *qname;
	uint16_t rcode;
	bool ad;
	int ede;
} answers[] = {
	{"www.test.", OK, true, DNS_EDE_NONE},
	{"www.sec.test.", OK, true, DNS_EDE_NONE},
	{"opt.sec.test.", OK, true, DNS_EDE_NONE},
	{"x.w.sec.test.", OK, true, DNS_EDE_NONE},
	{"www.dn.test.", OK, true, DNS_EDE_NONE},
	{"nx.sec.test.", NX, true, DNS_EDE_NONE},
	{"nodata.sec.test.", OK, true, DNS_EDE_NONE},
	{"www.deep.ent.test.", OK, true, DNS_EDE_NONE},
	{"www.ins.test.", OK, false, DNS_EDE_NONE},
	{"nx.ins.test.", NX, false, DNS_EDE_NONE},
	{"ins.sec.test.", OK, false, DNS_EDE_NONE},
	{"www.ins.opt.", OK, false, DNS_EDE_NONE},
	{"www.gost.test.", OK, false, DNS_EDE_UNSUPPORTED_DNSKEY_ALG},
	{"www.dig.test.", OK, false, DNS_EDE_UNSUPPORTED_DS_DIGEST},
	{"www.bad.test.", FAIL, false, DNS_EDE_DNSKEY_MISSING},
	{"bad.sec.test.", FAIL, false, DNS_EDE_DNSKEY_MISSING},
};

static void test_verdicts(void)
{
	chain_open((struct stage_spec){0});
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		chain_expect(answers[i].qname, chain_resolve(answers[i].qname), answers[i].rcode,
			answers[i].ad, answers[i].ede);
	chain_close();
}

/* Each step of a chain is asked once; then answers cost their own question alone. */
static void test_questions(void)
{
	chain_open((struct stage_spec){0});
	chain_expect("cold", chain_resolve("www.sec.test."), OK, true, DNS_EDE_NONE);
	CU_ASSERT_STRING_EQUAL(chain.asked,
		"A www.sec.test., DS test., DNSKEY test., DS sec.test., "
		"DNSKEY sec.test.");
	CU_ASSERT_EQUAL(stage_stats().chain_asked, 4);
	CU_ASSERT_EQUAL(stage_stats().chain_waited, 4);
	chain_expect("warm", chain_resolve("www.sec.test."), OK, true, DNS_EDE_NONE);
	CU_ASSERT_STRING_EQUAL(chain.asked, "A www.sec.test.");
	chain_expect("beside it", chain_resolve("www.ins.test."), OK, false, DNS_EDE_NONE);
	CU_ASSERT_STRING_EQUAL(chain.asked, "A www.ins.test., DS ins.test.");
	chain_close();
}

/* What resolvers add without signatures takes nothing from an answer, and clients do not get it. */
static void test_additions(void)
{
	struct stage_spec spec = {.cache = {.size_mb = 1}};

	chain_open(spec);
	chain.tree.chatty = true;
	for (int kept = 0; kept < 2; kept++) {
		const struct stage_answer *a = chain_resolve("www.sec.test.");

		chain_expect(kept ? "kept" : "additions", a, OK, true, DNS_EDE_NONE);
		CU_ASSERT_EQUAL(a->msg.section_start[DNS_AUTHORITY], 2);
		CU_ASSERT_EQUAL(a->msg.rr_count, 3); // A, its RRSIG, OPT
		CU_ASSERT_EQUAL(chain.asked[0] == 0, kept);
	}
	chain_expect("denial", chain_resolve("nx2.sec.test."), NX, true, DNS_EDE_NONE);
	chain_expect("insecure", chain_resolve("www.ins.test."), OK, false, DNS_EDE_NONE);
	chain_close();
}

/* An answer without signatures from a signed zone, wherever it comes from. */
static void test_stripped(void)
{
	chain_open((struct stage_spec){0});
	chain.tree.harm_name = "www.sec.test.";
	chain.tree.harm_type = DNS_TYPE_A;
	chain.tree.harm = KIT_STRIP;
	chain_expect(
		"stripped", chain_resolve("www.sec.test."), FAIL, false, DNS_EDE_RRSIGS_MISSING);
	// both resolvers were asked, the name's own place once
	CU_ASSERT_STRING_EQUAL(chain.asked,
		"A www.sec.test., DS test., DNSKEY test., DS sec.test., "
		"DNSKEY sec.test., DS www.sec.test., A www.sec.test.");
	CU_ASSERT_EQUAL(stage_evidence(ROOT).outcome[ROUTE_O_UNSIGNED], 1);
	chain_close();
}

/* Bad answers to our own questions are evidence, and the other resolver is asked. */
static void test_bad_chain_answer(void)
{
	struct stage_packet up;

	chain_open((struct stage_spec){0});
	chain_ask("www.test.", 0);
	chain.budget = 1;
	chain_serve(); // A
	chain.tree.harm_name = "test.";
	chain.tree.harm_type = DNS_TYPE_DS;
	chain.tree.harm = KIT_FLIP;
	up = stage_expect_upstream(ROOT);
	chain_reply(&up);
	stage_turn();
	up = stage_expect_upstream(LAX); // the same question
	CU_ASSERT_STRING_EQUAL(stage_qname(&up), "test.");
	CU_ASSERT_EQUAL(stage_evidence(ROOT).outcome[ROUTE_O_BOGUS], 1);
	chain.tree.harm = KIT_NONE;
	chain_reply(&up);
	chain.budget = 100;
	chain_serve();
	chain_expect("after a retry", stage_expect_answer(), OK, true, DNS_EDE_NONE);
	CU_ASSERT_EQUAL(stage_evidence(ROOT).refuted[ROUTE_O_BOGUS], 1);
	chain_close();
}

/* RFC 9520: a chain that nobody can complete is left alone for a while. */
static void test_failure_remembered(void)
{
	chain_open((struct stage_spec){0});
	chain_expect("first", chain_resolve("www.bad.test."), FAIL, false, DNS_EDE_DNSKEY_MISSING);
	CU_ASSERT_EQUAL(stage_stats().chain_failed, 1);
	chain_expect("another name", chain_resolve("ftp.bad.test."), FAIL, false,
		DNS_EDE_DNSKEY_MISSING);
	CU_ASSERT_STRING_EQUAL(chain.asked, "A ftp.bad.test., A ftp.bad.test.");
	stage_pass(7000);
	chain_expect("later", chain_resolve("www.bad.test."), FAIL, false, DNS_EDE_DNSKEY_MISSING);
	CU_ASSERT(strstr(chain.asked, "DNSKEY bad.test.") != NULL);
	chain_close();
}

/*
 * Silence of both resolvers, for a question of ours: the client hears before its time is over, of
 * the chain when that has been given up, else of the silence.
 */
static void test_silence(void)
{
	for (unsigned late = 0; late < 2; late++) {
		struct stage_packet up;

		chain_open((struct stage_spec){0});
		chain_ask("www.test.", 0);
		up = stage_expect_upstream(ROOT);
		stage_pass(late ? 390 : 0);
		chain_reply(&up);
		up = stage_expect_upstream(ROOT);
		CU_ASSERT_STRING_EQUAL(stage_qname(&up), "test.");
		stage_pass(401);
		up = stage_expect_upstream(LAX);
		stage_pass(1500);
		while (stage_take(STAGE_UPSTREAM, &up))
			continue;
		chain_expect(late ? "late" : "given up", stage_expect_answer(), FAIL, false,
			late ? DNS_EDE_NO_REACHABLE_AUTHORITY : DNS_EDE_INDETERMINATE);
		chain_close();
	}
}

/* Two clients who need the same key cause one question. */
static void test_coalesced(void)
{
	struct stage_query q = {.qname = "www.test.", .id = 1, .edns = true, .do_bit = true};
	struct stage_query r = {.qname = "nx2.test.", .id = 2, .edns = true, .do_bit = true};
	struct stage_packet up[2], ds;

	chain_open((struct stage_spec){0});
	stage_ask(&q);
	up[0] = stage_expect_upstream(ROOT);
	stage_ask(&r);
	up[1] = stage_expect_upstream(ROOT);
	chain_reply(&up[0]);
	chain_reply(&up[1]);
	ds = stage_expect_upstream(ROOT);
	stage_expect_nothing(STAGE_UPSTREAM);
	CU_ASSERT_STRING_EQUAL(stage_qname(&ds), "test.");
	CU_ASSERT_EQUAL(stage_stats().chain_asked, 1);
	CU_ASSERT_EQUAL(stage_stats().chain_joined, 1);
	CU_ASSERT_EQUAL(stage_stats().waiting, 2);
	chain_reply(&ds);
	chain_serve();
	CU_ASSERT_EQUAL(stage_stats().chain_asked, 2);
	CU_ASSERT_EQUAL(stage_stats().forwarded, 2);
	CU_ASSERT_EQUAL(stage_stats().answered_rcode[OK], 1);
	CU_ASSERT_EQUAL(stage_stats().answered_rcode[NX], 1);
	chain_close();
}

/* CD=1: the same care, but in the end the client judges for itself. */
static void test_checking_disabled(void)
{
	chain_open((struct stage_spec){0});
	chain_ask("www.sec.test.", DNS_FLAG_CD);
	chain_serve();
	chain_expect("good", stage_expect_answer(), OK, true, DNS_EDE_NONE);
	chain_ask("www.bad.test.", DNS_FLAG_CD);
	chain_serve();
	chain_expect("bogus", stage_expect_answer(), OK, false, DNS_EDE_DNSKEY_MISSING);
	chain_close();
}

/* ---- keys that change ---- */

enum { ROOT_KEY, TEST_KEY, SEC_KEY }; // in tree.key

static void roll(unsigned key)
{
	kit_key_free(&chain.tree.key[key]);
	kit_key_new(&chain.tree.key[key], 0x0101);
}

static void take_answers(void)
{
	struct stage_packet p;

	while (stage_take(STAGE_CLIENTS, &p))
		continue;
}

/* Seconds pass, for us and for the signers. */
static void skip(uint32_t seconds)
{
	chain.tree.now += seconds;
	stage_skip(seconds);
}

/* A zone has new keys, and the resolver has met them before us: no client notices. */
static void test_rolled(void)
{
	chain_open((struct stage_spec){0});
	chain_expect("before", chain_resolve("www.sec.test."), OK, true, DNS_EDE_NONE);
	skip(VAL_FACT_RENEW_S);
	roll(SEC_KEY);
	chain_expect("rolled", chain_resolve("www.sec.test."), OK, true, DNS_EDE_NONE);
	CU_ASSERT_STRING_EQUAL(chain.asked, "A www.sec.test., DS sec.test., DNSKEY sec.test.");
	CU_ASSERT_EQUAL(stage_stats().chain_renewed, 1);
	CU_ASSERT_EQUAL(stage_evidence(ROOT).outcome[ROUTE_O_BOGUS], 0);
	chain_expect("after", chain_resolve("www.sec.test."), OK, true, DNS_EDE_NONE);
	CU_ASSERT_STRING_EQUAL(chain.asked, "A www.sec.test.");
	chain_close();
}

/* The new keys are those of a zone above the one that is asked about. */
static void test_rolled_above(void)
{
	chain_open((struct stage_spec){0});
	chain_expect("before", chain_resolve("www.sec.test."), OK, true, DNS_EDE_NONE);
	skip(VAL_FACT_RENEW_S);
	roll(TEST_KEY);
	chain_expect("above", chain_resolve("www.deep.ent.test."), OK, true, DNS_EDE_NONE);
	CU_ASSERT_STRING_EQUAL(chain.asked,
		"A www.deep.ent.test., DS ent.test., DS test., DNSKEY test., DS deep.ent.test., "
		"DNSKEY deep.ent.test.");
	CU_ASSERT_EQUAL(stage_evidence(ROOT).outcome[ROUTE_O_BOGUS], 0);
	chain_close();
}

/* Signatures by keys that are not there cost their zone's keys once in a while, and are bogus. */
static void test_forged_tags(void)
{
	unsigned asked_before;

	chain_open((struct stage_spec){0});
	chain_resolve("www.sec.test.");
	chain.tree.harm_name = "www.sec.test.";
	chain.tree.harm_type = DNS_TYPE_A;
	chain.tree.harm = KIT_TAG;
	chain_expect(
		"too soon", chain_resolve("www.sec.test."), FAIL, false, DNS_EDE_DNSKEY_MISSING);
	CU_ASSERT_EQUAL(stage_stats().chain_renewed, 0);
	skip(VAL_FACT_RENEW_S);
	chain_expect(
		"looked for", chain_resolve("www.sec.test."), FAIL, false, DNS_EDE_DNSKEY_MISSING);
	CU_ASSERT_STRING_EQUAL(
		chain.asked, "A www.sec.test., DS sec.test., DNSKEY sec.test., A www.sec.test.");
	CU_ASSERT_EQUAL(stage_stats().chain_renewed, 1);
	asked_before = (unsigned)stage_stats().chain_asked;
	for (unsigned s = 0; s < VAL_FACT_RENEW_S - 1; s++) {
		skip(1);
		chain.tree.harm_name = "www.sec.test.";
		chain_resolve("www.sec.test.");
	}
	CU_ASSERT_EQUAL(stage_stats().chain_asked, asked_before);
	// the zone's other answers are what they were
	chain.tree.harm = KIT_NONE;
	skip(6);
	chain_expect("others", chain_resolve("nx2.sec.test."), NX, true, DNS_EDE_NONE);
	chain_close();
}

/* Nobody gives the new keys: the old ones serve on. */
static void test_renewal_fails(void)
{
	chain_open((struct stage_spec){0});
	chain_resolve("www.sec.test.");
	skip(VAL_FACT_RENEW_S);
	chain.tree.harm_name = "sec.test.";
	chain.tree.harm_type = DNS_TYPE_DNSKEY;
	chain.tree.harm = KIT_FLIP;
	struct kit_key old = chain.tree.key[SEC_KEY];
	kit_key_new(&chain.tree.key[SEC_KEY], 0x0101);
	chain_expect(
		"in vain", chain_resolve("www.sec.test."), FAIL, false, DNS_EDE_DNSKEY_MISSING);
	kit_key_free(&chain.tree.key[SEC_KEY]);
	chain.tree.key[SEC_KEY] = old;
	chain_expect("old keys", chain_resolve("nx2.sec.test."), NX, true, DNS_EDE_NONE);
	CU_ASSERT_STRING_EQUAL(chain.asked, "A nx2.sec.test.");
	chain_close();
}

/* Who comes while keys are asked for anew waits for them too. */
static void test_renewal_joined(void)
{
	struct stage_query q = {.qname = "nx2.sec.test.", .id = 2, .edns = true, .do_bit = true};
	struct stage_packet up[2];

	for (unsigned late = 0; late < 2; late++) {
		chain_open((struct stage_spec){0});
		chain_resolve("www.sec.test.");
		skip(VAL_FACT_RENEW_S);
		roll(SEC_KEY);
		chain_ask("www.sec.test.", 0);
		chain.budget = 1 + late;
		chain_serve(); // A, and DS
		up[0] = stage_expect_upstream(ROOT);
		CU_ASSERT_EQUAL(chain_type(&up[0]), late ? DNS_TYPE_DNSKEY : DNS_TYPE_DS);
		stage_ask(&q);
		up[1] = stage_expect_upstream(ROOT);
		chain_reply(&up[1]);
		stage_expect_nothing(STAGE_UPSTREAM);
		CU_ASSERT_EQUAL(stage_stats().waiting, 2);
		chain_reply(&up[0]);
		for (int i = 0; i < 4; i++)
			stage_turn();
		chain.budget = 100;
		chain_serve();
		CU_ASSERT_EQUAL(stage_stats().forwarded, 3);
		CU_ASSERT_EQUAL(stage_stats().chain_renewed, 1);
		CU_ASSERT_EQUAL(stage_stats().answered_rcode[FAIL], 0);
		take_answers();
		chain_close();
	}
}

/* The last zone that a transaction may have asked about anew, and one more. */
static void test_renewal_limit(void)
{
	for (uint8_t extra = 0; extra < 2; extra++) {
		struct stage_packet up;
		struct dp_txn *t;

		chain_open((struct stage_spec){0});
		chain_resolve("www.sec.test.");
		chain_resolve("www.sec.opt.");
		skip(VAL_FACT_RENEW_S);
		roll(SEC_KEY);
		chain_ask("www.sec.test.", 0);
		up = stage_expect_upstream(ROOT);
		t = dp_txns_slot(stage.dp->worker[0]->txns, 0);
		for (uint32_t i = 0; t->state == DP_TXN_FREE; i++)
			t = dp_txns_slot(stage.dp->worker[0]->txns, i);
		t->chain_renewed = (uint8_t)(VAL_CHAIN_RENEWALS_MAX - 1 + extra);
		chain_reply(&up);
		for (int i = 0; i < 4; i++)
			stage_turn();
		chain_serve();
		chain_expect(extra ? "above" : "at", stage_expect_answer(), extra ? FAIL : OK,
			extra == 0, extra ? DNS_EDE_DNSKEY_MISSING : DNS_EDE_NONE);
		CU_ASSERT_EQUAL(stage_stats().chain_renewed, 1 - extra);
		chain_close();
	}
}

/* Keys of the routed zone are control's to look for: the reply waits for the next view. */
static void test_published_rolled(void)
{
	struct val_zone_keys root;
	struct val_keys *keys = NULL, *old;

	chain_open((struct stage_spec){0});
	roll(ROOT_KEY);
	chain_ask("www.test.", 0);
	chain_serve();
	stage_expect_nothing(STAGE_CLIENTS);
	CU_ASSERT_EQUAL(stage_stats().keys_awaited, 1);
	CU_ASSERT_STRING_EQUAL(chain.asked, "A www.test., DS test.");
	tree_keys(&chain.tree, ".", &root);
	root.generation = 2;
	CU_ASSERT_EQUAL_FATAL(val_keys_new(&root, 1, &keys), 0);
	old = stage.keys;
	stage.keys = keys;
	stage_publish(NULL, NULL);
	for (int i = 0; i < 4; i++)
		stage_turn();
	chain_serve();
	chain_expect("root", stage_expect_answer(), OK, true, DNS_EDE_NONE);
	val_keys_free(old);
	chain_close();
}

/* What is in use is asked for anew before it ends: no client waits for a key. */
static void test_refresh(void)
{
	chain_open((struct stage_spec){0});
	chain_resolve("www.sec.test.");
	chain_resolve("www.ins.test.");
	skip(TREE_TTL * 9 / 10 - 1);
	chain_resolve("www.sec.test.");
	CU_ASSERT_STRING_EQUAL(chain.asked, "A www.sec.test.");
	skip(1);
	for (int i = 0; i < 4; i++) // one each
		chain_resolve(i % 2 ? "www.ins.test." : "www.sec.test.");
	CU_ASSERT_EQUAL(stage_stats().chain_renewed, 3); // test., sec.test., ins.test.
	CU_ASSERT_EQUAL(stage_stats().chain_waited, 5);  // as at first
	skip(TREE_TTL / 10 + 1);
	chain_expect("later", chain_resolve("www.sec.test."), OK, true, DNS_EDE_NONE);
	CU_ASSERT_STRING_EQUAL(chain.asked, "A www.sec.test.");
	chain_expect("unsigned", chain_resolve("www.ins.test."), OK, false, DNS_EDE_NONE);
	CU_ASSERT_STRING_EQUAL(chain.asked, "A www.ins.test.");
	chain_close();
}

/* A client is answered before the keys are. */
static void test_refresh_is_behind(void)
{
	chain_open((struct stage_spec){0});
	chain_resolve("www.test.");
	skip(TREE_TTL - 1);
	chain_ask("www.test.", 0);
	chain.budget = 1;
	chain_serve();
	chain_expect("at once", stage_expect_answer(), OK, true, DNS_EDE_NONE);
	CU_ASSERT_EQUAL(stage_stats().transactions, 1);
	chain.budget = 100;
	chain_serve();
	CU_ASSERT_STRING_EQUAL(chain.asked, "A www.test., DS test., DNSKEY test.");
	chain_close();
}

/* With many transactions in use nothing is asked that nobody waits for. */
static void test_refresh_gives_way(void)
{
	for (uint32_t extra = 0; extra < 2; extra++) {
		chain_open((struct stage_spec){.transactions = 4, .waiters = 8});
		chain_resolve("www.test.");
		skip(TREE_TTL - 1);
		for (uint32_t i = 0; i < 2 + extra; i++) {
			char name[32];

			snprintf(name, sizeof(name), "www%u.test.", i);
			chain_ask(i == 0 ? "www.test." : name, 0);
		}
		chain.budget = 1;
		chain_serve();
		CU_ASSERT_EQUAL(stage_stats().chain_renewed, 1 - extra);
		chain.budget = 100;
		chain_serve();
		take_answers();
		chain_close();
	}
}

/* ---- limits ---- */

/* `depth` labels below long.test., each with a signed word that it is no delegation. */
static void reply_long(const struct stage_packet *up)
{
	struct kit_sign sign = tree_sign(&chain.tree, "test.");
	struct kit_chain c = {.iterations = 0};
	const char *const names[2][2] = {{stage_qname(up), "A RRSIG NSEC"}, {"test.", "SOA NS"}};
	struct kit_rdata soa = kit_soa("test."), a = kit_a(1);
	struct kit_msg m;
	uint8_t *dns;
	size_t len;

	kit_init(&m, stage_qname(up), chain_type(up), DNS_FLAG_RA);
	if (chain_type(up) == DNS_TYPE_A) {
		struct kit_sign none = {.key = NULL};

		kit_rrset(&m, DNS_ANSWER, stage_qname(up), DNS_TYPE_A, 60, &a, 1, &none);
	} else {
		kit_rrset(&m, DNS_AUTHORITY, "test.", DNS_TYPE_SOA, 60, &soa, 1, &sign);
		kit_chain_init(&c, "test.", false, 0, names, 2);
		kit_match(&m, &c, stage_qname(up), &sign);
	}
	dns = kit_finish(&m, &len);
	stage_reply_dns(up, dns, len);
}

static void serve_long(void)
{
	struct stage_packet up;

	while (stage_take(STAGE_UPSTREAM, &up)) {
		if (strstr(stage_qname(&up), "long.test.") != NULL)
			reply_long(&up);
		else
			chain_reply(&up);
		for (int i = 0; i < 4; i++)
			stage_turn();
	}
}

/* The last question allowed leads to an end, one more does not get asked. */
static void test_question_limit(void)
{
	for (unsigned extra = 0; extra < 2; extra++) {
		unsigned labels = VAL_CHAIN_QUESTIONS_MAX - 2 - 1 + extra; // below long.test.
		char name[DNS_NAME_TEXT_MAX] = "";

		chain_open((struct stage_spec){0});
		for (unsigned i = 0; i < labels; i++)
			strcat(name, "a.");
		strcat(name, "long.test.");
		chain_ask(name, 0);
		serve_long();
		chain_expect(extra ? "above" : "at", stage_expect_answer(), FAIL, false,
			extra ? DNS_EDE_OTHER : DNS_EDE_RRSIGS_MISSING);
		CU_ASSERT_EQUAL(stage_stats().chain_asked, VAL_CHAIN_QUESTIONS_MAX);
		CU_ASSERT_EQUAL(stage_stats().chain_limit, extra);
		chain_close();
	}
}

static struct dp_txn *waiting_txn(void)
{
	for (uint32_t i = 0; i < dp_txns_capacity(stage.dp->worker[0]->txns); i++) {
		struct dp_txn *t = dp_txns_slot(stage.dp->worker[0]->txns, i);

		if (t->state != DP_TXN_FREE && t->chain_wait == DP_CHAIN_ANSWER)
			return t;
	}
	return NULL;
}

/* What a first resolver's answer cost counts against the second one's. */
static void test_limit_survives_retry(void)
{
	enum { STRIPPED = 5, WHOLE = 4 }; // questions that each answer needs, one after the other

	for (unsigned extra = 0; extra < 2; extra++) {
		struct stage_packet up;
		struct dp_txn *t;

		chain_open((struct stage_spec){0});
		chain_ask("opt.sec.test.", 0);
		up = stage_expect_upstream(ROOT);
		stage_reply_a(&up); // without a signature
		t = waiting_txn();
		CU_ASSERT_PTR_NOT_NULL_FATAL(t);
		CU_ASSERT_EQUAL(t->chain_asked, 1);
		t->chain_asked = (uint8_t)(1 + VAL_CHAIN_QUESTIONS_MAX - STRIPPED - WHOLE + extra);
		chain.budget = 100;
		chain_serve();
		CU_ASSERT_EQUAL(stage_evidence(ROOT).outcome[ROUTE_O_UNSIGNED], 1);
		chain_expect(extra ? "above" : "at", stage_expect_answer(), extra ? FAIL : OK,
			extra == 0, extra ? DNS_EDE_RRSIGS_MISSING : DNS_EDE_NONE);
		CU_ASSERT_EQUAL(stage_stats().chain_limit, extra);
		chain_close();
	}
}

/* Verifications in the chain's answers add up, whatever is retried. */
static void test_verification_limit(void)
{
	for (unsigned extra = 0; extra < 2; extra++) {
		struct dp_txn *t;

		chain_open((struct stage_spec){0});
		chain_ask("www.test.", 0);
		chain.budget = 1;
		chain_serve();
		t = waiting_txn();
		CU_ASSERT_PTR_NOT_NULL_FATAL(t);
		// the DS answer costs one; then the DNSKEY question is asked or not
		t->chain_verified = (uint8_t)(VAL_CHAIN_VERIFY_MAX - 2 + extra);
		chain.budget = 100;
		chain_serve();
		chain_expect(extra ? "reached" : "below", stage_expect_answer(), extra ? FAIL : OK,
			extra == 0, extra ? DNS_EDE_OTHER : DNS_EDE_NONE);
		CU_ASSERT_EQUAL(stage_stats().chain_limit, extra);
		chain_close();
	}
}

/* What the worker can hold: one more is given up, and nothing is remembered against the name. */
static void test_worker_limits(void)
{
	static const struct {
		const char *name;
		uint32_t waiting, questions;
		bool fits;
	} rows[] = {
		{"last place", DP_CHAIN_WAITING_MAX - 1, 0, true},
		{"no place", DP_CHAIN_WAITING_MAX, 0, false},
		{"last question", 0, DP_CHAIN_QUESTIONS_MAX - 1, true},
		{"no question", 0, DP_CHAIN_QUESTIONS_MAX, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dp_worker *w;

		chain_open((struct stage_spec){0});
		w = stage.dp->worker[0];
		w->chain_waiting += rows[i].waiting;
		w->chain_questions += rows[i].questions;
		chain_expect(rows[i].name, chain_resolve("www.test."), rows[i].fits ? OK : FAIL,
			rows[i].fits, rows[i].fits ? DNS_EDE_NONE : DNS_EDE_OTHER);
		CU_ASSERT_EQUAL(stage_stats().chain_full, !rows[i].fits);
		w->chain_waiting -= rows[i].waiting;
		w->chain_questions -= rows[i].questions;
		chain_expect(rows[i].name, chain_resolve("www.test."), OK, true, DNS_EDE_NONE);
		chain_close();
	}
}

static void test_no_transaction(void)
{
	chain_open((struct stage_spec){.transactions = 1, .waiters = 4});
	chain_expect("full", chain_resolve("www.test."), FAIL, false, DNS_EDE_OTHER);
	CU_ASSERT_EQUAL(stage_stats().chain_full, 1);
	chain_close();
}

/* Hashing is charged to the domain asked about, two labels. At its debt's limit it may cost what
 * any may, a microsecond more and it may not; other domains go on. */
static void test_hashing_account(void)
{
	enum { BLOCKS_PER_US = 10 };
	const uint32_t whole = DP_EFFORT_BLOCKS_FREE + DP_EFFORT_DEBT_US * BLOCKS_PER_US;
	struct dns_name domain;
	struct dp_worker *w;
	uint64_t account;

	chain_open((struct stage_spec){0});
	w = stage.dp->worker[0];
	kit_wire("sec.test.", &domain);
	account = dns_hash64(&w->hash_key, domain.octets, domain.len);
	for (unsigned extra = 0; extra < 2; extra++) {
		uint32_t max = extra ? DP_EFFORT_BLOCKS_FREE : VAL_NSEC3_BLOCKS_MAX;

		stage_turn();
		dp_effort_hashed(
			&w->effort, account, extra ? DP_EFFORT_BLOCKS_FREE + 1 : whole, w->now.ms);
		chain_expect("the domain", chain_resolve("www.sec.test."), OK, true, DNS_EDE_NONE);
		CU_ASSERT_EQUAL(w->ctx.blocks_max, max);
		chain_expect(
			"a name deeper", chain_resolve("x.w.sec.test."), OK, true, DNS_EDE_NONE);
		CU_ASSERT_EQUAL(w->ctx.blocks_max, max);
		chain_expect("another", chain_resolve("www.sec.opt."), OK, true, DNS_EDE_NONE);
		CU_ASSERT_EQUAL(w->ctx.blocks_max, VAL_NSEC3_BLOCKS_MAX);
	}
	chain_close();
}

/* ---- changes on the way ---- */

static void test_new_table(void)
{
	struct stage_packet up;

	chain_open((struct stage_spec){0});
	chain_ask("www.test.", 0);
	chain.budget = 1;
	chain_serve();
	up = stage_expect_upstream(ROOT); // DS test.
	stage_publish(NULL, NULL);
	stage_turn();
	chain_reply(&up);
	stage_turn();
	chain.budget = 100;
	chain_serve(); // asked once more, by the new table
	CU_ASSERT(strstr(chain.asked, "DS test., DNSKEY test.") != NULL);
	chain_expect("new table", stage_expect_answer(), OK, true, DNS_EDE_NONE);
	chain_close();
}

/* New keys of a published zone: what was found by the old ones is forgotten. */
static void test_new_keys(void)
{
	struct val_zone_keys root;
	struct val_keys *keys = NULL, *old;

	chain_open((struct stage_spec){0});
	chain_resolve("www.test.");
	stage_publish(NULL, NULL); // the same keys
	chain_resolve("www.test.");
	CU_ASSERT_STRING_EQUAL(chain.asked, "A www.test.");
	tree_keys(&chain.tree, ".", &root);
	root.generation = 2;
	CU_ASSERT_EQUAL_FATAL(val_keys_new(&root, 1, &keys), 0);
	old = stage.keys;
	stage.keys = keys;
	stage_publish(NULL, NULL);
	stage_turn();
	chain_expect("new keys", chain_resolve("www.test."), OK, true, DNS_EDE_NONE);
	CU_ASSERT_STRING_EQUAL(chain.asked, "A www.test., DS test., DNSKEY test.");
	val_keys_free(old);
	chain_close();
}

/* The root's keys are not known, or not even asked for; sec.test. has a trust anchor. */
static void test_island(void)
{
	struct val_zone_keys zone[2];
	struct val_keys *keys, *old;

	for (unsigned anchored = 0; anchored < 2; anchored++) {
		chain_open((struct stage_spec){0});
		tree_keys(&chain.tree, ".", &zone[0]);
		zone[0].status = VAL_ZONE_UNKNOWN;
		zone[0].why = VAL_R_NO_CHAIN;
		tree_keys(&chain.tree, "sec.test.", &zone[1]);
		zone[1].anchored = true;
		CU_ASSERT_EQUAL_FATAL(val_keys_new(zone, 1 + anchored, &keys), 0);
		old = stage.keys;
		stage.keys = keys;
		stage_publish(NULL, NULL);
		stage_turn();
		val_keys_free(old);
		chain_expect(anchored ? "island" : "nothing", chain_resolve("www.sec.test."),
			anchored ? OK : FAIL, anchored,
			anchored ? DNS_EDE_NONE : DNS_EDE_NOT_READY);
		if (anchored)
			CU_ASSERT_STRING_EQUAL(chain.asked, "A www.sec.test.");
		chain_expect(
			"beside it", chain_resolve("www.test."), FAIL, false, DNS_EDE_NOT_READY);
		chain_close();
	}
}

/* Keys of an anchor that are not there: no chain from the root leads past it. */
static void test_anchor_without_keys(void)
{
	struct val_zone_keys zone[2];
	struct val_keys *keys, *old;

	chain_open((struct stage_spec){0});
	tree_keys(&chain.tree, ".", &zone[0]);
	tree_keys(&chain.tree, "sec.test.", &zone[1]);
	zone[1].anchored = true;
	zone[1].status = VAL_ZONE_UNKNOWN;
	zone[1].why = VAL_R_NO_CHAIN;
	CU_ASSERT_EQUAL_FATAL(val_keys_new(zone, 2, &keys), 0);
	old = stage.keys;
	stage.keys = keys;
	stage_publish(NULL, NULL);
	stage_turn();
	val_keys_free(old);
	chain_expect("no keys", chain_resolve("www.sec.test."), FAIL, false, DNS_EDE_NOT_READY);
	chain_expect("beside it", chain_resolve("www.test."), OK, true, DNS_EDE_NONE);
	chain_close();
}

/* What waits when everything ends is freed, whichever goes first. */
static void test_ends_in_between(void)
{
	for (unsigned answers_given = 1; answers_given < 5; answers_given++) {
		chain_open((struct stage_spec){0});
		chain_ask("www.sec.test.", 0);
		chain.budget = answers_given;
		chain_serve();
		stage_end();
		tree_free(&chain.tree);
	}
}

static void test_aborted(void)
{
	struct dp_stats s;

	chain_open((struct stage_spec){0});
	chain_ask("www.sec.test.", 0);
	chain.budget = 2;
	chain_serve();
	CU_ASSERT_EQUAL(stage_stats().waiting, 1);
	atomic_store(&stage.dp->run, DP_RUN_ABORT);
	for (int i = 0; i < 4; i++)
		stage_turn();
	s = stage_stats();
	CU_ASSERT_EQUAL(s.waiting, 0);
	CU_ASSERT_EQUAL(s.transactions, 0);
	chain_close();
}

/* Verification elsewhere: replies wait for keys and for signatures, in turn. */
static void test_crypto_lcore(void)
{
	struct stage_packet up;
	struct dp_crypto_arg arg;
	unsigned lcore = rte_get_next_lcore(-1, 1, 0);

	chain_open((struct stage_spec){.crypto = 1});
	arg = (struct dp_crypto_arg){.c = stage.dp->crypto};
	CU_ASSERT_EQUAL_FATAL(rte_eal_remote_launch(dp_crypto_main, &arg, lcore), 0);
	chain_ask("opt.sec.test.", 0);
	for (unsigned i = 0; i < 4000 && stage_stats().waiting > 0; i++) {
		while (stage_take(STAGE_UPSTREAM, &up))
			chain_reply(&up);
		usleep(500);
		stage_turn();
	}
	chain_expect("crypto lcore", stage_expect_answer(), OK, true, DNS_EDE_NONE);
	CU_ASSERT_EQUAL(stage_stats().chain_asked, 8);
	dp_crypto_stop(stage.dp->crypto);
	rte_eal_wait_lcore(lcore);
	chain_close();
}

/* Each worker finds its own chain. */
static void test_two_workers(void)
{
	struct stage_query q = {.qname = "www.test.", .id = 1, .edns = true, .do_bit = true};

	chain_open((struct stage_spec){.workers = 2});
	for (uint16_t queue = 0; queue < 2; queue++) {
		q.queue = queue;
		stage_ask(&q);
		chain_serve();
		chain_expect("a worker", stage_expect_answer(), OK, true, DNS_EDE_NONE);
		CU_ASSERT_EQUAL(stage_stats().chain_asked, 2u * (queue + 1u));
	}
	chain_close();
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"verdicts", test_verdicts},
		{"questions", test_questions},
		{"additions of resolvers", test_additions},
		{"stripped answers", test_stripped},
		{"bad answers to our questions", test_bad_chain_answer},
		{"a failure is remembered", test_failure_remembered},
		{"silence", test_silence},
		{"coalesced", test_coalesced},
		{"CD=1", test_checking_disabled},
		{"new keys that nobody announced", test_rolled},
		{"new keys further up", test_rolled_above},
		{"signatures by no key", test_forged_tags},
		{"new keys that nobody gives", test_renewal_fails},
		{"many wait for new keys", test_renewal_joined},
		{"zones asked about anew", test_renewal_limit},
		{"new keys of the routed zone", test_published_rolled},
		{"keys are asked for before they end", test_refresh},
		{"behind the answer", test_refresh_is_behind},
		{"unless there is much to do", test_refresh_gives_way},
		{"questions a transaction", test_question_limit},
		{"questions, over retries", test_limit_survives_retry},
		{"verifications a transaction", test_verification_limit},
		{"limits of a worker", test_worker_limits},
		{"whose hashing it is", test_hashing_account},
		{"no transaction", test_no_transaction},
		{"a new table", test_new_table},
		{"new keys", test_new_keys},
		{"islands", test_island},
		{"an anchor without keys", test_anchor_without_keys},
		{"ends in between", test_ends_in_between},
		{"aborted", test_aborted},
		{"with a crypto lcore", test_crypto_lcore},
		{"two workers", test_two_workers},
		CU_TEST_INFO_NULL,
	};

	(void)argc;
	stage_start(argv[0]);
	return test_run("dataplane/chain", tests);
}
