#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/Basic.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "dns/text.h"
#include "dns/wire.h"
#include "tests/unit/dataplane/stage.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

/* The root's upstreams are recursive resolvers; whose keys are not published has them asked for. */

static struct tree tree;
static char asked[2048]; // what went upstream since ask(), in order
static unsigned budget;  // answers that serve() still gives

static void open_stage(struct stage_spec spec)
{
	tree_new(&tree, 0);
	spec.tree = &tree;
	spec.status = VAL_ZONE_SECURE;
	stage_open(&spec);
	budget = 1000;
}

static void close_stage(void)
{
	stage_close();
	tree_free(&tree);
}

static uint16_t type_of(const struct stage_packet *p)
{
	const uint8_t *name = p->dns + DNS_HEADER_LEN;

	return dns_get16(name + dns_name_len(name, p->dns + p->len));
}

static void note_asked(const struct stage_packet *up)
{
	char type[DNS_MNEMONIC_MAX];
	size_t len = strlen(asked);

	snprintf(asked + len, sizeof(asked) - len, "%s%s %s", len > 0 ? ", " : "",
		dns_type_text(type_of(up), type), stage_qname(up));
}

static void reply_by_tree(const struct stage_packet *up)
{
	size_t len;
	uint8_t *dns = tree_answer(&tree, stage_qname(up), type_of(up), &len);

	stage_reply_dns(up, dns, len);
}

/* The resolvers at work, until nothing is asked any more. */
static void serve(void)
{
	struct stage_packet up;

	while (budget > 0 && stage_take(STAGE_UPSTREAM, &up)) {
		budget--;
		CU_ASSERT_NOT_EQUAL(dns_get16(up.dns + DNS_OFF_FLAGS) & DNS_FLAG_RD, 0);
		note_asked(&up);
		reply_by_tree(&up);
		for (int i = 0; i < 4; i++)
			stage_turn();
	}
}

static void ask(const char *qname, uint16_t flags)
{
	struct stage_query q = {
		.qname = qname, .id = 7, .edns = true, .do_bit = true, .flags = flags};

	asked[0] = 0;
	stage_ask(&q);
}

static const struct stage_answer *resolve(const char *qname)
{
	ask(qname, 0);
	serve();
	return stage_expect_answer();
}

static void expect(const char *row, const struct stage_answer *a, uint16_t rcode, bool ad, int ede)
{
	UNIT_CHECK(row, dns_msg_rcode(&a->msg) == rcode);
	UNIT_CHECK(row, ((a->msg.flags & DNS_FLAG_AD) != 0) == ad);
	UNIT_CHECK(row, a->ede == ede);
	if (a->ede != ede)
		printf("\n  %s: extended error %d\n", row, a->ede);
}

enum { OK = DNS_RCODE_NOERROR, NX = DNS_RCODE_NXDOMAIN, FAIL = DNS_RCODE_SERVFAIL };

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
	open_stage((struct stage_spec){0});
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		expect(answers[i].qname, resolve(answers[i].qname), answers[i].rcode, answers[i].ad,
			answers[i].ede);
	close_stage();
}

/* Each step of a chain is asked once; then answers cost their own question alone. */
static void test_questions(void)
{
	open_stage((struct stage_spec){0});
	expect("cold", resolve("www.sec.test."), OK, true, DNS_EDE_NONE);
	CU_ASSERT_STRING_EQUAL(asked, "A www.sec.test., DS test., DNSKEY test., DS sec.test., "
				      "DNSKEY sec.test.");
	CU_ASSERT_EQUAL(stage_stats().chain_asked, 4);
	CU_ASSERT_EQUAL(stage_stats().chain_waited, 4);
	expect("warm", resolve("www.sec.test."), OK, true, DNS_EDE_NONE);
	CU_ASSERT_STRING_EQUAL(asked, "A www.sec.test.");
	expect("beside it", resolve("www.ins.test."), OK, false, DNS_EDE_NONE);
	CU_ASSERT_STRING_EQUAL(asked, "A www.ins.test., DS ins.test.");
	close_stage();
}

/* What resolvers add without signatures takes nothing from an answer, and clients do not get it. */
static void test_additions(void)
{
	struct stage_spec spec = {.cache = {.size_mb = 1}};

	open_stage(spec);
	tree.chatty = true;
	for (int kept = 0; kept < 2; kept++) {
		const struct stage_answer *a = resolve("www.sec.test.");

		expect(kept ? "kept" : "additions", a, OK, true, DNS_EDE_NONE);
		CU_ASSERT_EQUAL(a->msg.section_start[DNS_AUTHORITY], 2);
		CU_ASSERT_EQUAL(a->msg.rr_count, 3); // A, its RRSIG, OPT
		CU_ASSERT_EQUAL(asked[0] == 0, kept);
	}
	expect("denial", resolve("nx2.sec.test."), NX, true, DNS_EDE_NONE);
	expect("insecure", resolve("www.ins.test."), OK, false, DNS_EDE_NONE);
	close_stage();
}

/* An answer without signatures from a signed zone, wherever it comes from. */
static void test_stripped(void)
{
	open_stage((struct stage_spec){0});
	tree.harm_name = "www.sec.test.";
	tree.harm_type = DNS_TYPE_A;
	tree.harm = KIT_STRIP;
	expect("stripped", resolve("www.sec.test."), FAIL, false, DNS_EDE_RRSIGS_MISSING);
	// both resolvers were asked, the name's own place once
	CU_ASSERT_STRING_EQUAL(asked, "A www.sec.test., DS test., DNSKEY test., DS sec.test., "
				      "DNSKEY sec.test., DS www.sec.test., A www.sec.test.");
	CU_ASSERT_EQUAL(stage_evidence(ROOT).outcome[ROUTE_O_UNSIGNED], 1);
	close_stage();
}

/* Bad answers to our own questions are evidence, and the other resolver is asked. */
static void test_bad_chain_answer(void)
{
	struct stage_packet up;

	open_stage((struct stage_spec){0});
	ask("www.test.", 0);
	budget = 1;
	serve(); // A
	tree.harm_name = "test.";
	tree.harm_type = DNS_TYPE_DS;
	tree.harm = KIT_FLIP;
	up = stage_expect_upstream(ROOT);
	reply_by_tree(&up);
	stage_turn();
	up = stage_expect_upstream(LAX); // the same question
	CU_ASSERT_STRING_EQUAL(stage_qname(&up), "test.");
	CU_ASSERT_EQUAL(stage_evidence(ROOT).outcome[ROUTE_O_BOGUS], 1);
	tree.harm = KIT_NONE;
	reply_by_tree(&up);
	budget = 100;
	serve();
	expect("after a retry", stage_expect_answer(), OK, true, DNS_EDE_NONE);
	CU_ASSERT_EQUAL(stage_evidence(ROOT).refuted[ROUTE_O_BOGUS], 1);
	close_stage();
}

/* RFC 9520: a chain that nobody can complete is left alone for a while. */
static void test_failure_remembered(void)
{
	open_stage((struct stage_spec){0});
	expect("first", resolve("www.bad.test."), FAIL, false, DNS_EDE_DNSKEY_MISSING);
	CU_ASSERT_EQUAL(stage_stats().chain_failed, 1);
	expect("another name", resolve("ftp.bad.test."), FAIL, false, DNS_EDE_DNSKEY_MISSING);
	CU_ASSERT_STRING_EQUAL(asked, "A ftp.bad.test., A ftp.bad.test.");
	stage_pass(7000);
	expect("later", resolve("www.bad.test."), FAIL, false, DNS_EDE_DNSKEY_MISSING);
	CU_ASSERT(strstr(asked, "DNSKEY bad.test.") != NULL);
	close_stage();
}

/*
 * Silence of both resolvers, for a question of ours: the client hears before its time is over, of
 * the chain when that has been given up, else of the silence.
 */
static void test_silence(void)
{
	for (unsigned late = 0; late < 2; late++) {
		struct stage_packet up;

		open_stage((struct stage_spec){0});
		ask("www.test.", 0);
		up = stage_expect_upstream(ROOT);
		stage_pass(late ? 390 : 0);
		reply_by_tree(&up);
		up = stage_expect_upstream(ROOT);
		CU_ASSERT_STRING_EQUAL(stage_qname(&up), "test.");
		stage_pass(401);
		up = stage_expect_upstream(LAX);
		stage_pass(1500);
		while (stage_take(STAGE_UPSTREAM, &up))
			continue;
		expect(late ? "late" : "given up", stage_expect_answer(), FAIL, false,
			late ? DNS_EDE_NO_REACHABLE_AUTHORITY : DNS_EDE_INDETERMINATE);
		close_stage();
	}
}

/* Two clients who need the same key cause one question. */
static void test_coalesced(void)
{
	struct stage_query q = {.qname = "www.test.", .id = 1, .edns = true, .do_bit = true};
	struct stage_query r = {.qname = "nx2.test.", .id = 2, .edns = true, .do_bit = true};
	struct stage_packet up[2], ds;

	open_stage((struct stage_spec){0});
	stage_ask(&q);
	up[0] = stage_expect_upstream(ROOT);
	stage_ask(&r);
	up[1] = stage_expect_upstream(ROOT);
	reply_by_tree(&up[0]);
	reply_by_tree(&up[1]);
	ds = stage_expect_upstream(ROOT);
	stage_expect_nothing(STAGE_UPSTREAM);
	CU_ASSERT_STRING_EQUAL(stage_qname(&ds), "test.");
	CU_ASSERT_EQUAL(stage_stats().chain_asked, 1);
	CU_ASSERT_EQUAL(stage_stats().chain_joined, 1);
	CU_ASSERT_EQUAL(stage_stats().waiting, 2);
	reply_by_tree(&ds);
	serve();
	CU_ASSERT_EQUAL(stage_stats().chain_asked, 2);
	CU_ASSERT_EQUAL(stage_stats().forwarded, 2);
	CU_ASSERT_EQUAL(stage_stats().answered_rcode[OK], 1);
	CU_ASSERT_EQUAL(stage_stats().answered_rcode[NX], 1);
	close_stage();
}

/* A DNSKEY answer with TC=1 is a failed try. */
static void test_truncated(void)
{
	struct stage_packet up;

	open_stage((struct stage_spec){0});
	ask("www.test.", 0);
	budget = 2;
	serve(); // A, DS
	for (int i = 0; i < 2; i++) {
		up = stage_expect_upstream(i == 0 ? ROOT : LAX);
		CU_ASSERT_EQUAL(type_of(&up), DNS_TYPE_DNSKEY);
		stage_reply_rcode(&up, DNS_FLAG_TC);
	}
	CU_ASSERT_EQUAL(stage_stats().chain_truncated, 2);
	// the other resolver's answer to the client fares the same
	budget = 100;
	serve();
	expect("truncated", stage_expect_answer(), FAIL, false, DNS_EDE_INDETERMINATE);
	CU_ASSERT_EQUAL(stage_evidence(ROOT).outcome[ROUTE_O_BOGUS], 0);
	close_stage();
}

/* CD=1: the same care, but in the end the client judges for itself. */
static void test_checking_disabled(void)
{
	open_stage((struct stage_spec){0});
	ask("www.sec.test.", DNS_FLAG_CD);
	serve();
	expect("good", stage_expect_answer(), OK, true, DNS_EDE_NONE);
	ask("www.bad.test.", DNS_FLAG_CD);
	serve();
	expect("bogus", stage_expect_answer(), OK, false, DNS_EDE_DNSKEY_MISSING);
	close_stage();
}

/* ---- limits ---- */

/* `depth` labels below long.test., each with a signed word that it is no delegation. */
static void reply_long(const struct stage_packet *up)
{
	struct kit_sign sign = tree_sign(&tree, "test.");
	struct kit_chain c = {.iterations = 0};
	const char *const names[2][2] = {{stage_qname(up), "A RRSIG NSEC"}, {"test.", "SOA NS"}};
	struct kit_rdata soa = kit_soa("test."), a = kit_a(1);
	struct kit_msg m;
	uint8_t *dns;
	size_t len;

	kit_init(&m, stage_qname(up), type_of(up), DNS_FLAG_RA);
	if (type_of(up) == DNS_TYPE_A) {
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
			reply_by_tree(&up);
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

		open_stage((struct stage_spec){0});
		for (unsigned i = 0; i < labels; i++)
			strcat(name, "a.");
		strcat(name, "long.test.");
		ask(name, 0);
		serve_long();
		expect(extra ? "above" : "at", stage_expect_answer(), FAIL, false,
			extra ? DNS_EDE_OTHER : DNS_EDE_RRSIGS_MISSING);
		CU_ASSERT_EQUAL(stage_stats().chain_asked, VAL_CHAIN_QUESTIONS_MAX);
		CU_ASSERT_EQUAL(stage_stats().chain_limit, extra);
		close_stage();
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

		open_stage((struct stage_spec){0});
		ask("opt.sec.test.", 0);
		up = stage_expect_upstream(ROOT);
		stage_reply_a(&up); // without a signature
		t = waiting_txn();
		CU_ASSERT_PTR_NOT_NULL_FATAL(t);
		CU_ASSERT_EQUAL(t->chain_asked, 1);
		t->chain_asked = (uint8_t)(1 + VAL_CHAIN_QUESTIONS_MAX - STRIPPED - WHOLE + extra);
		budget = 100;
		serve();
		CU_ASSERT_EQUAL(stage_evidence(ROOT).outcome[ROUTE_O_UNSIGNED], 1);
		expect(extra ? "above" : "at", stage_expect_answer(), extra ? FAIL : OK, extra == 0,
			extra ? DNS_EDE_RRSIGS_MISSING : DNS_EDE_NONE);
		CU_ASSERT_EQUAL(stage_stats().chain_limit, extra);
		close_stage();
	}
}

/* Verifications in the chain's answers add up, whatever is retried. */
static void test_verification_limit(void)
{
	for (unsigned extra = 0; extra < 2; extra++) {
		struct dp_txn *t;

		open_stage((struct stage_spec){0});
		ask("www.test.", 0);
		budget = 1;
		serve();
		t = waiting_txn();
		CU_ASSERT_PTR_NOT_NULL_FATAL(t);
		// the DS answer costs one; then the DNSKEY question is asked or not
		t->chain_verified = (uint8_t)(VAL_CHAIN_VERIFY_MAX - 2 + extra);
		budget = 100;
		serve();
		expect(extra ? "reached" : "below", stage_expect_answer(), extra ? FAIL : OK,
			extra == 0, extra ? DNS_EDE_OTHER : DNS_EDE_NONE);
		CU_ASSERT_EQUAL(stage_stats().chain_limit, extra);
		close_stage();
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

		open_stage((struct stage_spec){0});
		w = stage.dp->worker[0];
		w->chain_waiting += rows[i].waiting;
		w->chain_questions += rows[i].questions;
		expect(rows[i].name, resolve("www.test."), rows[i].fits ? OK : FAIL, rows[i].fits,
			rows[i].fits ? DNS_EDE_NONE : DNS_EDE_OTHER);
		CU_ASSERT_EQUAL(stage_stats().chain_full, !rows[i].fits);
		w->chain_waiting -= rows[i].waiting;
		w->chain_questions -= rows[i].questions;
		expect(rows[i].name, resolve("www.test."), OK, true, DNS_EDE_NONE);
		close_stage();
	}
}

static void test_no_transaction(void)
{
	open_stage((struct stage_spec){.transactions = 1, .waiters = 4});
	expect("full", resolve("www.test."), FAIL, false, DNS_EDE_OTHER);
	CU_ASSERT_EQUAL(stage_stats().chain_full, 1);
	close_stage();
}

/* ---- changes on the way ---- */

static void test_new_table(void)
{
	struct stage_packet up;

	open_stage((struct stage_spec){0});
	ask("www.test.", 0);
	budget = 1;
	serve();
	up = stage_expect_upstream(ROOT); // DS test.
	stage_publish(NULL, NULL);
	stage_turn();
	reply_by_tree(&up);
	stage_turn();
	budget = 100;
	serve(); // asked once more, by the new table
	CU_ASSERT(strstr(asked, "DS test., DNSKEY test.") != NULL);
	expect("new table", stage_expect_answer(), OK, true, DNS_EDE_NONE);
	close_stage();
}

/* New keys of a published zone: what was found by the old ones is forgotten. */
static void test_new_keys(void)
{
	struct val_zone_keys root;
	struct val_keys *keys = NULL, *old;

	open_stage((struct stage_spec){0});
	resolve("www.test.");
	stage_publish(NULL, NULL); // the same keys
	resolve("www.test.");
	CU_ASSERT_STRING_EQUAL(asked, "A www.test.");
	tree_keys(&tree, ".", &root);
	root.generation = 2;
	CU_ASSERT_EQUAL_FATAL(val_keys_new(&root, 1, &keys), 0);
	old = stage.keys;
	stage.keys = keys;
	stage_publish(NULL, NULL);
	stage_turn();
	expect("new keys", resolve("www.test."), OK, true, DNS_EDE_NONE);
	CU_ASSERT_STRING_EQUAL(asked, "A www.test., DS test., DNSKEY test.");
	val_keys_free(old);
	close_stage();
}

/* What waits when everything ends is freed, whichever goes first. */
static void test_ends_in_between(void)
{
	for (unsigned answers_given = 1; answers_given < 5; answers_given++) {
		open_stage((struct stage_spec){0});
		ask("www.sec.test.", 0);
		budget = answers_given;
		serve();
		stage_end();
		tree_free(&tree);
	}
}

static void test_aborted(void)
{
	struct dp_stats s;

	open_stage((struct stage_spec){0});
	ask("www.sec.test.", 0);
	budget = 2;
	serve();
	CU_ASSERT_EQUAL(stage_stats().waiting, 1);
	atomic_store(&stage.dp->run, DP_RUN_ABORT);
	for (int i = 0; i < 4; i++)
		stage_turn();
	s = stage_stats();
	CU_ASSERT_EQUAL(s.waiting, 0);
	CU_ASSERT_EQUAL(s.transactions, 0);
	close_stage();
}

/* Verification elsewhere: replies wait for keys and for signatures, in turn. */
static void test_crypto_lcore(void)
{
	struct stage_packet up;
	struct dp_crypto_arg arg;
	unsigned lcore = rte_get_next_lcore(-1, 1, 0);

	open_stage((struct stage_spec){.crypto = 1});
	arg = (struct dp_crypto_arg){stage.dp->crypto, 0};
	CU_ASSERT_EQUAL_FATAL(rte_eal_remote_launch(dp_crypto_main, &arg, lcore), 0);
	ask("opt.sec.test.", 0);
	for (unsigned i = 0; i < 4000 && stage_stats().waiting > 0; i++) {
		while (stage_take(STAGE_UPSTREAM, &up))
			reply_by_tree(&up);
		usleep(500);
		stage_turn();
	}
	expect("crypto lcore", stage_expect_answer(), OK, true, DNS_EDE_NONE);
	CU_ASSERT_EQUAL(stage_stats().chain_asked, 8);
	dp_crypto_stop(stage.dp->crypto);
	rte_eal_wait_lcore(lcore);
	close_stage();
}

/* Each worker finds its own chain. */
static void test_two_workers(void)
{
	struct stage_query q = {.qname = "www.test.", .id = 1, .edns = true, .do_bit = true};

	open_stage((struct stage_spec){.workers = 2});
	for (uint16_t queue = 0; queue < 2; queue++) {
		q.queue = queue;
		stage_ask(&q);
		serve();
		expect("a worker", stage_expect_answer(), OK, true, DNS_EDE_NONE);
		CU_ASSERT_EQUAL(stage_stats().chain_asked, 2u * (queue + 1u));
	}
	close_stage();
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
		{"truncated", test_truncated},
		{"CD=1", test_checking_disabled},
		{"questions a transaction", test_question_limit},
		{"questions, over retries", test_limit_survives_retry},
		{"verifications a transaction", test_verification_limit},
		{"limits of a worker", test_worker_limits},
		{"no transaction", test_no_transaction},
		{"a new table", test_new_table},
		{"new keys", test_new_keys},
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
