#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "tests/unit/dataplane/stage.h"
#include "tests/unit/run.h"

/* What a verdict leads to. */

static struct stage_query question = {.qname = "a.com.", .id = 1, .edns = true, .do_bit = true};
static struct stage_query checking_disabled = {
	.qname = "a.com.", .id = 1, .edns = true, .do_bit = true, .flags = DNS_FLAG_CD};

static struct stage_packet open_and_ask(enum val_zone_status status, const struct stage_query *q)
{
	struct stage_spec spec = {.status = status};

	stage_open(&spec);
	stage_ask(q);
	return stage_expect_upstream(SIN);
}

static const struct stage_answer *expect_rcode(uint16_t rcode, int ede)
{
	const struct stage_answer *a = stage_expect_answer();

	CU_ASSERT_EQUAL(dns_msg_rcode(&a->msg), rcode);
	CU_ASSERT_EQUAL(a->ede, ede);
	return a;
}

static void test_secure(void)
{
	struct stage_packet up = open_and_ask(VAL_ZONE_SECURE, &question);
	struct route_sample e;
	const struct stage_answer *a;

	stage_reply_signed(&up, 200);
	a = expect_rcode(DNS_RCODE_NOERROR, DNS_EDE_NONE);
	CU_ASSERT_EQUAL(a->msg.rr_count, 3); // A, RRSIG, OPT
	CU_ASSERT(a->msg.flags & DNS_FLAG_AD);
	CU_ASSERT(a->msg.rr[0].ttl_s <= 200); // not past the signature's end
	CU_ASSERT_EQUAL(stage_stats().sig_misses, 1);
	CU_ASSERT_EQUAL(stage_stats().sig_verified_good, 1);
	CU_ASSERT_EQUAL(stage_stats().verdict[VAL_SECURE], 1);
	e = stage_evidence(SIN);
	CU_ASSERT_EQUAL(e.outcome[ROUTE_O_SECURE], 1);
	CU_ASSERT_EQUAL(e.newest_inception, stage.now_s - 3600);
	CU_ASSERT_EQUAL(e.nearest_expiration, stage.now_s + 200);
	stage_close();
}

/* The same answer again costs no verification. The signature must be the same, so the reply is. */
static void test_cached_signature(void)
{
	struct stage_packet up = open_and_ask(VAL_ZONE_SECURE, &question);
	struct kit_rdata rd = kit_a(1);
	struct kit_sign sign = {.key = &stage.key,
		.signer = "com.",
		.labels = -1,
		.original_ttl = 60,
		.inception = stage.now_s - 1,
		.expiration = stage.now_s + 100};
	struct kit_msg m;
	uint8_t *dns, *copy;
	size_t len;

	kit_init(&m, "a.com.", DNS_TYPE_A, DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, "a.com.", DNS_TYPE_A, 60, &rd, 1, &sign);
	dns = kit_finish(&m, &len);
	copy = malloc(len);
	memcpy(copy, dns, len);
	stage_reply_dns(&up, dns, len);
	expect_rcode(DNS_RCODE_NOERROR, DNS_EDE_NONE);
	CU_ASSERT_EQUAL(stage_stats().sig_hits, 0);
	stage_ask(&question);
	up = stage_expect_upstream(SIN);
	stage_reply_dns(&up, copy, len);
	expect_rcode(DNS_RCODE_NOERROR, DNS_EDE_NONE);
	CU_ASSERT_EQUAL(stage_stats().sig_misses, 1);
	CU_ASSERT_EQUAL(stage_stats().sig_hits, 1);
	stage_close();
}

/* The main job: a stale site's answer goes nowhere, the same query goes elsewhere. */
static void swerve(const struct stage_query *q)
{
	struct stage_packet up = open_and_ask(VAL_ZONE_SECURE, q);
	struct route_sample e;

	stage_reply_signed(&up, -4);
	stage_expect_nothing(STAGE_CLIENTS);
	up = stage_expect_upstream(NRT);
	stage_reply_signed(&up, 3600);
	expect_rcode(DNS_RCODE_NOERROR, DNS_EDE_NONE);
	e = stage_evidence(SIN);
	CU_ASSERT_EQUAL(e.outcome[ROUTE_O_EXPIRED], 1);
	CU_ASSERT_EQUAL(e.refuted[ROUTE_O_EXPIRED], 1);
	CU_ASSERT_EQUAL(e.bad_expiration, stage.now_s - 4);
	CU_ASSERT_EQUAL(e.bad_type, DNS_TYPE_A);
	CU_ASSERT_EQUAL(e.bad_reason, VAL_R_SIG_EXPIRED);
	CU_ASSERT_EQUAL(e.bad_key_tag, stage.key.tag);
	CU_ASSERT_EQUAL(stage_evidence(NRT).outcome[ROUTE_O_SECURE], 1);
	CU_ASSERT_EQUAL(stage_evidence(NRT).refuted[ROUTE_O_EXPIRED], 0);
	stage_close();
}

static void test_swerve(void)
{
	swerve(&question);
	swerve(&checking_disabled);
}

static void test_bogus_everywhere(void)
{
	struct stage_packet up = open_and_ask(VAL_ZONE_SECURE, &question);

	stage_reply_signed(&up, -4);
	up = stage_expect_upstream(NRT);
	stage_reply_rcode(&up, DNS_RCODE_SERVFAIL);
	up = stage_expect_upstream(LAX);
	stage_reply_a(&up); // stripped
	expect_rcode(DNS_RCODE_SERVFAIL, DNS_EDE_SIG_EXPIRED);
	CU_ASSERT_EQUAL(stage_evidence(SIN).refuted[ROUTE_O_EXPIRED], 0);
	CU_ASSERT_EQUAL(stage_evidence(LAX).outcome[ROUTE_O_UNSIGNED], 1);
	CU_ASSERT_EQUAL(stage_stats().failures_cached, 1);
	stage_close();
}

/* Who checks for himself gets what there is, once no site has better. */
static void test_bogus_everywhere_cd(void)
{
	struct stage_packet up = open_and_ask(VAL_ZONE_SECURE, &checking_disabled);
	const struct stage_answer *a;

	stage_reply_signed(&up, -4);
	up = stage_expect_upstream(NRT);
	stage_reply_signed(&up, -5);
	CU_ASSERT_EQUAL(stage.dp->worker[0]->fallbacks, 1);
	up = stage_expect_upstream(LAX);
	stage_reply_rcode(&up, DNS_RCODE_REFUSED);
	a = expect_rcode(DNS_RCODE_NOERROR, DNS_EDE_SIG_EXPIRED);
	CU_ASSERT_EQUAL(a->msg.flags & (DNS_FLAG_AD | DNS_FLAG_CD), DNS_FLAG_CD);
	CU_ASSERT_EQUAL(a->msg.rr_count, 3);
	CU_ASSERT_EQUAL(stage_stats().forwarded, 1);
	CU_ASSERT_EQUAL(stage_stats().failures_cached, 0);
	stage_close();
}

/* No room to keep a bogus reply: it is delivered at once. */
static void test_no_fallback_room(void)
{
	struct stage_packet up = open_and_ask(VAL_ZONE_SECURE, &checking_disabled);

	stage.dp->worker[0]->fallbacks = DP_FALLBACKS_MAX;
	stage_reply_signed(&up, -4);
	expect_rcode(DNS_RCODE_NOERROR, DNS_EDE_SIG_EXPIRED);
	stage_expect_nothing(STAGE_UPSTREAM);
	stage.dp->worker[0]->fallbacks = 0;
	stage_close();
}

static void test_flipped(void)
{
	struct stage_packet up = open_and_ask(VAL_ZONE_SECURE, &question);
	struct kit_rdata rd = kit_a(1);
	struct kit_sign sign = {.key = &stage.key,
		.signer = "com.",
		.labels = -1,
		.original_ttl = 60,
		.inception = stage.now_s - 1,
		.expiration = stage.now_s + 100};
	struct kit_msg m;
	uint8_t *dns;
	size_t len;

	kit_init(&m, "a.com.", DNS_TYPE_A, DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, "a.com.", DNS_TYPE_A, 60, &rd, 1, &sign);
	dns = kit_finish(&m, &len);
	dns[len - 1] ^= 1; // the signature's last octet
	stage_reply_dns(&up, dns, len);
	up = stage_expect_upstream(NRT);
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_BOGUS], 1);
	CU_ASSERT_EQUAL(stage_stats().sig_verified_bad, 1);
	stage_reply_signed(&up, 100);
	expect_rcode(DNS_RCODE_NOERROR, DNS_EDE_NONE);
	stage_close();
}

/* No chain: not the site's fault, not the name's; no other site, nothing remembered. */
static void test_no_chain(void)
{
	struct stage_packet up = open_and_ask(VAL_ZONE_UNKNOWN, &question);

	stage_reply_signed(&up, 100);
	expect_rcode(DNS_RCODE_SERVFAIL, DNS_EDE_NOT_READY);
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_INDETERMINATE], 1);
	CU_ASSERT_EQUAL(stage_stats().failures_cached, 0);
	stage_expect_nothing(STAGE_UPSTREAM);
	stage_close();
}

static void test_no_chain_cd(void)
{
	struct stage_packet up = open_and_ask(VAL_ZONE_UNKNOWN, &checking_disabled);

	stage_reply_signed(&up, 100);
	expect_rcode(DNS_RCODE_NOERROR, DNS_EDE_INDETERMINATE);
	CU_ASSERT_EQUAL(stage_stats().forwarded, 1);
	stage_close();
}

static void test_errors(void)
{
	const struct {
		const char *name;
		uint16_t flags;
		enum route_outcome outcome;
		int ede;
	} rows[] = {
		{"SERVFAIL", DNS_RCODE_SERVFAIL, ROUTE_O_SERVFAIL, DNS_EDE_NETWORK_ERROR},
		{"REFUSED", DNS_RCODE_REFUSED, ROUTE_O_REFUSED, DNS_EDE_NO_REACHABLE_AUTHORITY},
		{"FORMERR", DNS_RCODE_FORMERR, ROUTE_O_ERROR, DNS_EDE_NETWORK_ERROR},
		{"NOTIMP", DNS_RCODE_NOTIMP, ROUTE_O_ERROR, DNS_EDE_NETWORK_ERROR},
		{"lame", 0, ROUTE_O_LAME, DNS_EDE_NO_REACHABLE_AUTHORITY},
		{"truncated SERVFAIL", DNS_FLAG_TC | DNS_RCODE_SERVFAIL, ROUTE_O_SERVFAIL,
			DNS_EDE_NETWORK_ERROR},
	};

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct stage_packet up = open_and_ask(VAL_ZONE_SECURE, &question);

		stage_reply_rcode(&up, rows[i].flags);
		if (stage_evidence(SIN).outcome[rows[i].outcome] != 1)
			printf("%s\n", rows[i].name);
		CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[rows[i].outcome], 1);
		up = stage_expect_upstream(NRT);
		stage_reply_rcode(&up, rows[i].flags);
		up = stage_expect_upstream(LAX);
		stage_reply_rcode(&up, rows[i].flags);
		expect_rcode(DNS_RCODE_SERVFAIL, rows[i].ede);
		stage_close();
	}
}

static void test_malformed(void)
{
	struct stage_packet up = open_and_ask(VAL_ZONE_SECURE, &question);
	struct stage_packet p = stage_answer_to(&up);

	dns_put16(p.dns + DNS_OFF_FLAGS, DNS_FLAG_QR | DNS_FLAG_AA);
	dns_put16(p.dns + DNS_OFF_ANCOUNT, 1); // is not there
	dns_put16(p.dns + DNS_OFF_ARCOUNT, 0);
	p.len -= 11;
	stage_send(STAGE_UPSTREAM, &p);
	stage_turn();
	CU_ASSERT_EQUAL(stage_stats().matched, 1);
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_ERROR], 1);
	up = stage_expect_upstream(NRT);
	stage_reply_signed(&up, 100);
	expect_rcode(DNS_RCODE_NOERROR, DNS_EDE_NONE);
	stage_close();
}

/* The client is sent to TCP; the site has done nothing wrong, and nothing in it is believed. */
static void test_truncated(void)
{
	struct stage_packet up = open_and_ask(VAL_ZONE_SECURE, &question);
	struct kit_rdata rd = kit_a(1);
	struct kit_sign none = {.key = NULL};
	const struct stage_answer *a;
	struct kit_msg m;
	uint8_t *dns;
	size_t len;

	kit_init(&m, "a.com.", DNS_TYPE_A, DNS_FLAG_AA | DNS_FLAG_TC);
	kit_rrset(&m, DNS_ANSWER, "a.com.", DNS_TYPE_A, 60, &rd, 1, &none);
	dns = kit_finish(&m, &len);
	stage_reply_dns(&up, dns, len);
	a = expect_rcode(DNS_RCODE_NOERROR, DNS_EDE_NONE);
	CU_ASSERT(a->msg.flags & DNS_FLAG_TC);
	CU_ASSERT_EQUAL(a->msg.flags & DNS_FLAG_AD, 0);
	CU_ASSERT_EQUAL(a->msg.rr_count, 1); // OPT
	CU_ASSERT_EQUAL(stage_stats().truncated, 1);
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_INDETERMINATE], 1);
	stage_expect_nothing(STAGE_UPSTREAM);
	stage_close();
}

static void test_do_stripped(void)
{
	struct stage_query plain = {.qname = "a.com."};
	struct stage_packet up = open_and_ask(VAL_ZONE_SECURE, &plain);
	const struct stage_answer *a;

	stage_reply_signed(&up, 100);
	a = expect_rcode(DNS_RCODE_NOERROR, DNS_EDE_NONE);
	CU_ASSERT_EQUAL(a->msg.rr_count, 1);
	CU_ASSERT_EQUAL(a->msg.rr[0].type, DNS_TYPE_A);
	CU_ASSERT_EQUAL(a->msg.flags & DNS_FLAG_AD, 0);
	stage_close();
}

/* Too many of sin's signatures failed: no more of them are verified for a while, nrt's are. */
static void test_in_debt(void)
{
	struct stage_packet up = open_and_ask(VAL_ZONE_SECURE, &question);
	struct dp_worker *w = stage.dp->worker[0];
	struct dns_name com;
	uint64_t zone;

	kit_wire("com.", &com);
	zone = dns_hash64(&w->hash_key, com.octets, com.len);
	while (dp_effort_may_verify(&w->effort, zone, stage_path(SIN), w->now.ms))
		dp_effort_failed(
			&w->effort, zone, stage_path(SIN), VAL_ALG_P256, w->now.ms + 100000);
	stage_reply_signed(&up, 100);
	stage_expect_nothing(STAGE_CLIENTS);
	CU_ASSERT_EQUAL(stage_stats().sig_refused, 1);
	CU_ASSERT_EQUAL(stage_stats().sig_misses, 0);
	CU_ASSERT_EQUAL(stage_stats().reason[VAL_R_BUDGET], 1);
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_BOGUS], 0);
	up = stage_expect_upstream(NRT);
	stage_reply_signed(&up, 100);
	expect_rcode(DNS_RCODE_NOERROR, DNS_EDE_NONE);
	CU_ASSERT_EQUAL(stage_stats().sig_verified_good, 1);
	stage_close();
}

/* Signatures that fail go to the account of their zone and path. */
static void test_failures_charged(void)
{
	struct stage_packet up = open_and_ask(VAL_ZONE_SECURE, &question);
	struct dp_worker *w = stage.dp->worker[0];
	struct kit_key before = stage.key;

	CU_ASSERT_FALSE(dp_effort_suspects(&w->effort, stage_path(SIN), w->now.ms));
	kit_key_new(&stage.key, DNS_DNSKEY_FLAG_ZONE);
	stage.key.tag = before.tag; // signed by somebody who says he is the zone
	stage_reply_signed(&up, 100);
	kit_key_free(&stage.key);
	stage.key = before;
	up = stage_expect_upstream(NRT);
	CU_ASSERT_EQUAL(stage_stats().sig_verified_bad, 1);
	CU_ASSERT(dp_effort_suspects(&w->effort, stage_path(SIN), w->now.ms));
	CU_ASSERT_FALSE(dp_effort_suspects(&w->effort, stage_path(NRT), w->now.ms));
	stage_reply_signed(&up, 100);
	expect_rcode(DNS_RCODE_NOERROR, DNS_EDE_NONE);
	CU_ASSERT_FALSE(dp_effort_suspects(&w->effort, stage_path(NRT), w->now.ms));
	stage_close();
}

/* Take every job, so that the next signature cannot be verified. */
static void test_short_of_jobs(void)
{
	struct stage_packet up = open_and_ask(VAL_ZONE_SECURE, &question);
	static struct dp_job *jobs[DP_JOBS];
	struct dp_crypto *c = stage.dp->crypto;

	for (unsigned i = 0; i < DP_JOBS; i++)
		jobs[i] = dp_crypto_job(c, 0);
	stage_reply_signed(&up, 100);
	expect_rcode(DNS_RCODE_SERVFAIL, DNS_EDE_OTHER);
	CU_ASSERT_EQUAL(stage_stats().sig_ring_full, 1);
	CU_ASSERT_EQUAL(stage_stats().failures_cached, 0);
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_BOGUS], 0);
	stage_expect_nothing(STAGE_UPSTREAM);
	for (unsigned i = 0; i < DP_JOBS; i++)
		dp_crypto_release(c, 0, jobs[i]);
	stage_ask(&question);
	up = stage_expect_upstream(SIN);
	stage_reply_signed(&up, 100);
	expect_rcode(DNS_RCODE_NOERROR, DNS_EDE_NONE);
	stage_close();
}

static void test_short_of_checks(void)
{
	struct stage_packet up = open_and_ask(VAL_ZONE_SECURE, &question);

	stage.dp->worker[0]->checks_free = 0;
	stage_reply_signed(&up, 100);
	expect_rcode(DNS_RCODE_SERVFAIL, DNS_EDE_OTHER);
	stage.dp->worker[0]->checks_free = DP_JOBS;
	stage_close();
}

/* A job that comes home when its transaction is gone, or has moved on, is only released. */
static void test_stale_job(void)
{
	struct stage_packet up = open_and_ask(VAL_ZONE_SECURE, &question);
	struct dp_job *job = dp_crypto_job(stage.dp->crypto, 0);
	struct dp_worker *w = stage.dp->worker[0];
	struct dp_txn *t = dp_txns_slot(w->txns, 0);

	memset(job, 0, sizeof(*job));
	job->state = VAL_SIG_GOOD;
	job->generation = t->generation;
	dp_judge_job(w, job); // SENT: nobody waits for it
	CU_ASSERT_EQUAL(t->state, DP_TXN_SENT);
	stage_reply_signed(&up, 100);
	expect_rcode(DNS_RCODE_NOERROR, DNS_EDE_NONE);
	job = dp_crypto_job(stage.dp->crypto, 0);
	job->txn = 0;
	job->generation = t->generation;
	dp_judge_job(w, job); // gone
	job = dp_crypto_job(stage.dp->crypto, 0);
	job->txn = UINT32_MAX;
	dp_judge_job(w, job);
	stage_close();
}

/* ---- verified elsewhere ---- */

static struct stage_packet open_crypto(void)
{
	struct stage_spec spec = {.status = VAL_ZONE_SECURE, .crypto = 1};

	stage_open(&spec);
	stage_ask(&question);
	return stage_expect_upstream(SIN);
}

static void test_elsewhere(void)
{
	struct stage_packet up = open_crypto();

	stage_reply_signed(&up, 100);
	CU_ASSERT_EQUAL(dp_txns_slot(stage.dp->worker[0]->txns, 0)->state, DP_TXN_JUDGING);
	stage_pass(500); // longer than a try: the upstream did answer
	stage_expect_nothing(STAGE_CLIENTS);
	stage_expect_nothing(STAGE_UPSTREAM);
	stage_ask(&question); // joins, whatever the state
	CU_ASSERT_EQUAL(stage_stats().coalesced, 1);
	stage_reply_signed(&up, 99);
	CU_ASSERT_EQUAL(stage_stats().dropped[DP_DROP_REPLY_LATE], 1);
	stage_verify();
	CU_ASSERT_EQUAL(stage_stats().forwarded, 2);
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_SECURE], 1);
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_TIMEOUT], 0);
	stage_close();
}

/* Verification never ends: the client is told in time, the site is not blamed, jobs come home. */
static void test_elsewhere_too_slow(void)
{
	struct stage_packet up = open_crypto();

	stage_reply_signed(&up, 100);
	stage_pass(1799);
	stage_expect_nothing(STAGE_CLIENTS);
	stage_pass(4);
	expect_rcode(DNS_RCODE_SERVFAIL, DNS_EDE_OTHER);
	CU_ASSERT_EQUAL(stage_evidence(SIN).outcome[ROUTE_O_TIMEOUT], 0);
	CU_ASSERT_EQUAL(stage_stats().failures_cached, 0);
	CU_ASSERT_EQUAL(dp_crypto_out(stage.dp->crypto, 0), 1);
	stage_verify();
	stage_expect_nothing(STAGE_CLIENTS);
	stage_close();
}

/* Its worker is freed while a reply is held and its job is out. */
static void test_elsewhere_freed(void)
{
	struct stage_packet up = open_crypto();

	stage_reply_signed(&up, 100);
	stage_end();
}

/* More signatures than one: judged when the last is home. */
static void test_elsewhere_two(void)
{
	struct stage_packet up = open_crypto();
	struct kit_rdata a = kit_a(1), ns = kit_name("ns.com.");
	struct kit_sign sign = {.key = &stage.key,
		.signer = "com.",
		.labels = -1,
		.original_ttl = 60,
		.inception = stage.now_s - 1,
		.expiration = stage.now_s + 100};
	struct kit_msg m;
	uint8_t *dns;
	size_t len;

	kit_init(&m, "a.com.", DNS_TYPE_A, DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, "a.com.", DNS_TYPE_A, 60, &a, 1, &sign);
	kit_rrset(&m, DNS_AUTHORITY, "com.", DNS_TYPE_NS, 60, &ns, 1, &sign);
	dns = kit_finish(&m, &len);
	stage_reply_dns(&up, dns, len);
	CU_ASSERT_EQUAL(dp_crypto_out(stage.dp->crypto, 0), 2);
	stage_verify();
	CU_ASSERT_EQUAL(expect_rcode(DNS_RCODE_NOERROR, DNS_EDE_NONE)->msg.rr_count, 5);
	CU_ASSERT_EQUAL(stage_stats().sig_verified_good, 2);
	stage_close();
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"secure", test_secure},
		{"cached signature", test_cached_signature},
		{"swerve", test_swerve},
		{"bogus everywhere", test_bogus_everywhere},
		{"bogus everywhere, CD=1", test_bogus_everywhere_cd},
		{"no room for a fallback", test_no_fallback_room},
		{"flipped", test_flipped},
		{"no chain", test_no_chain},
		{"no chain, CD=1", test_no_chain_cd},
		{"errors", test_errors},
		{"malformed", test_malformed},
		{"truncated", test_truncated},
		{"DO stripped", test_do_stripped},
		{"in debt", test_in_debt},
		{"failures charged", test_failures_charged},
		{"short of jobs", test_short_of_jobs},
		{"short of checks", test_short_of_checks},
		{"stale job", test_stale_job},
		{"verified elsewhere", test_elsewhere},
		{"verified elsewhere, too slow", test_elsewhere_too_slow},
		{"verified elsewhere, freed", test_elsewhere_freed},
		{"verified elsewhere, two", test_elsewhere_two},
		CU_TEST_INFO_NULL,
	};

	(void)argc;
	stage_start(argv[0]);
	return test_run("judge", tests);
}
