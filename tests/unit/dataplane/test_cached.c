#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "tests/unit/dataplane/stage.h"
#include "tests/unit/run.h"

/* Whole workers with a response cache: what is answered from it, and what is not. */

enum { TTL = 300, STALE_S = 600, NEGATIVE_S = 100 }; // of the stage's replies; of our settings

static struct stage_query with_do = {.qname = "a.com.", .id = 1, .edns = true, .do_bit = true};
static struct stage_query plain = {.qname = "a.com.", .id = 2};

static void open_cache(enum val_zone_status status)
{
	struct stage_spec spec = {.status = status,
		.cache = {.size_mb = 1,
			.max_negative_ttl_s = NEGATIVE_S,
			.stale_s = STALE_S,
			.prefetch = true}};

	stage_open(&spec);
}

/* The question goes to the first site, which says a signed A. */
static const struct stage_answer *ask_site(const struct stage_query *q)
{
	struct stage_packet up;

	stage_ask(q);
	up = stage_expect_upstream(SIN);
	stage_reply_signed(&up, 86400);
	return stage_expect_answer();
}

/* The question is answered here and now. */
static const struct stage_answer *ask_cache(const struct stage_query *q)
{
	uint64_t answered = stage_stats().answered;
	const struct stage_answer *a;

	stage_ask(q);
	a = stage_expect_answer();
	CU_ASSERT_EQUAL(stage_stats().answered, answered + 1);
	return a;
}

/* The question goes upstream; the site then says what it wants. */
static struct stage_packet expect_miss(const struct stage_query *q)
{
	stage_ask(q);
	return stage_expect_upstream(SIN);
}

static void test_hit(void)
{
	struct stage_query q = {.qname = "A.cOm.",
		.id = 0xbeef,
		.flags = DNS_FLAG_RD,
		.edns = true,
		.do_bit = true};
	const struct stage_answer *a;

	open_cache(VAL_ZONE_SECURE);
	a = ask_site(&with_do);
	CU_ASSERT_EQUAL(a->msg.rr[0].ttl_s, TTL);
	stage_skip(100);
	a = ask_cache(&q);
	stage_expect_nothing(STAGE_UPSTREAM);
	CU_ASSERT_EQUAL(a->msg.id, 0xbeef);
	CU_ASSERT_EQUAL(a->msg.flags, DNS_FLAG_QR | DNS_FLAG_AA | DNS_FLAG_RD | DNS_FLAG_AD);
	CU_ASSERT(memcmp(a->msg.qname.octets, "\1A\3cOm", 6) == 0);
	CU_ASSERT_EQUAL_FATAL(a->msg.rr_count, 3); // A, RRSIG, OPT
	CU_ASSERT_EQUAL(a->msg.rr[0].ttl_s, TTL - 100);
	CU_ASSERT_EQUAL(a->msg.rr[1].ttl_s, TTL - 100);
	CU_ASSERT_TRUE(a->msg.edns.do_bit);
	CU_ASSERT_EQUAL(a->msg.edns.udp_size, 1232);
	CU_ASSERT_EQUAL(a->ede, DNS_EDE_NONE);
	CU_ASSERT_EQUAL(stage_stats().cache_hits, 1);
	CU_ASSERT_EQUAL(stage_stats().cache_misses, 1);
	CU_ASSERT_EQUAL(stage_stats().cache_kept, 1);
	CU_ASSERT_EQUAL(stage_stats().forwarded, 1);
	stage_close();
}

/* It ends with its TTL, to the second. */
static void test_end(void)
{
	struct stage_packet up;

	open_cache(VAL_ZONE_SECURE);
	ask_site(&with_do);
	stage_skip(TTL - 1);
	CU_ASSERT_EQUAL(ask_cache(&with_do)->msg.rr[0].ttl_s, 1);
	stage_skip(1);
	up = expect_miss(&with_do);
	stage_reply_signed(&up, 86400);
	CU_ASSERT_EQUAL(stage_expect_answer()->msg.rr[0].ttl_s, TTL);
	CU_ASSERT_EQUAL(ask_cache(&with_do)->msg.rr[0].ttl_s, TTL);
	stage_close();
}

/* One answer serves those who want DNSSEC records, those who do not, and those without EDNS. */
static void test_forms(void)
{
	struct stage_query edns = {.qname = "a.com.", .id = 3, .edns = true};
	struct stage_query ad = {.qname = "a.com.", .id = 4, .flags = DNS_FLAG_AD};
	const struct stage_answer *a;

	open_cache(VAL_ZONE_SECURE);
	ask_site(&plain); // who asks first makes no difference
	stage_skip(10);
	for (unsigned i = 0; i < 2; i++) { // the second time it lies there in that form
		a = ask_cache(&plain);
		CU_ASSERT_EQUAL(a->msg.rr_count, 1);
		CU_ASSERT_EQUAL(a->msg.rr[0].ttl_s, TTL - 10);
		CU_ASSERT_EQUAL(a->msg.flags, DNS_FLAG_QR | DNS_FLAG_AA);
		CU_ASSERT_FALSE(a->msg.edns.present);
		a = ask_cache(&edns);
		CU_ASSERT_EQUAL(a->msg.rr_count, 2);
		CU_ASSERT_FALSE(a->msg.edns.do_bit);
		CU_ASSERT_EQUAL(a->msg.flags & DNS_FLAG_AD, 0);
		a = ask_cache(&ad);
		CU_ASSERT(a->msg.flags & DNS_FLAG_AD);
		a = ask_cache(&with_do);
		CU_ASSERT_EQUAL(a->msg.rr_count, 3);
		CU_ASSERT(a->msg.flags & DNS_FLAG_AD);
	}
	CU_ASSERT_EQUAL(stage_stats().cache_hits, 8);
	CU_ASSERT_EQUAL(stage_stats().sent_upstream, 1);
	stage_close();
}

/* AD is what was judged, not that it was kept. */
static void test_insecure(void)
{
	struct stage_packet up;

	open_cache(VAL_ZONE_INSECURE);
	up = expect_miss(&with_do);
	stage_reply_a(&up);
	stage_expect_answer();
	CU_ASSERT_EQUAL(ask_cache(&with_do)->msg.flags, DNS_FLAG_QR | DNS_FLAG_AA);
	CU_ASSERT_EQUAL(ask_cache(&plain)->msg.rr_count, 1);
	stage_close();
}

static void reply_many(const struct stage_packet *up, int count)
{
	struct kit_sign none = {.key = NULL};
	struct kit_rdata rd[KIT_RRSET_MAX * 4];
	struct kit_msg m;
	uint8_t *dns;
	size_t len;

	kit_init(&m, stage_qname(up), DNS_TYPE_A, DNS_FLAG_AA);
	for (int i = 0; i < count; i++)
		rd[i] = kit_a((uint32_t)i);
	for (int i = 0; i < count; i++)
		kit_rrset(&m, DNS_ANSWER, stage_qname(up), DNS_TYPE_A, TTL, &rd[i], 1, &none);
	dns = kit_finish(&m, &len);
	stage_reply_dns(up, dns, len);
}

static void test_truncation(void)
{
	struct stage_query big = {.qname = "a.com.", .edns = true};
	const struct stage_answer *a;
	struct stage_packet up;

	open_cache(VAL_ZONE_INSECURE);
	up = expect_miss(&big);
	reply_many(&up, 40);
	CU_ASSERT_EQUAL(stage_expect_answer()->msg.rr_count, 41);
	a = ask_cache(&plain); // 512 octets
	CU_ASSERT(a->msg.flags & DNS_FLAG_TC);
	CU_ASSERT_EQUAL(a->msg.rr_count, 0);
	CU_ASSERT_EQUAL(stage_stats().truncated, 1);
	CU_ASSERT_EQUAL(ask_cache(&big)->msg.rr_count, 41);
	stage_close();
}

/* Not past the signatures, not even as a stale answer. RFC 4035 s5.3.3. */
static void test_signature_ends(void)
{
	struct stage_packet up;

	open_cache(VAL_ZONE_SECURE);
	up = expect_miss(&with_do);
	stage_reply_signed(&up, 50);
	stage_expect_answer();
	stage_skip(49);
	CU_ASSERT_EQUAL(ask_cache(&with_do)->msg.rr[0].ttl_s, 1);
	stage_skip(1);
	up = expect_miss(&with_do);
	stage_pass(2000); // every site is silent
	CU_ASSERT_EQUAL(dns_msg_rcode(&stage_expect_answer()->msg), DNS_RCODE_SERVFAIL);
	CU_ASSERT_EQUAL(stage_stats().cache_stale, 0);
	stage_close();
}

/* Denials: RFC 2308 s5. */
static void reply_denial(
	const struct stage_packet *up, uint16_t rcode, uint32_t ttl_s, uint32_t minimum_s, bool soa)
{
	struct kit_sign none = {.key = NULL};
	const uint8_t *qname = up->dns + DNS_HEADER_LEN;
	struct kit_rdata rd = kit_soa("com.");
	struct kit_msg m;
	uint8_t *dns;
	size_t len;

	dns_put32(rd.octets + rd.len - 4, minimum_s);
	kit_init(&m, stage_qname(up), dns_get16(qname + dns_name_len(qname, up->dns + up->len)),
		(uint16_t)(DNS_FLAG_AA | rcode));
	if (soa)
		kit_rrset(&m, DNS_AUTHORITY, "com.", DNS_TYPE_SOA, ttl_s, &rd, 1, &none);
	dns = kit_finish(&m, &len);
	stage_reply_dns(up, dns, len);
}

static void test_denials(void)
{
	static const struct {
		const char *name;
		uint32_t ttl_s, minimum_s;
		bool soa;
		uint32_t life; // 0: not kept
	} rows[] = {
		{"the SOA's TTL", 20, 60, true, 20},
		{"its MINIMUM", 60, 20, true, 20},
		{"our limit", 900, 900, true, NEGATIVE_S},
		{"MINIMUM 0", 900, 0, true, 0},
		{"no SOA", 900, 900, false, 0},
	};

	for (size_t i = 0; i < 2 * RTE_DIM(rows); i++) {
		uint16_t rcode = i < RTE_DIM(rows) ? DNS_RCODE_NXDOMAIN : DNS_RCODE_NOERROR;
		uint32_t life = rows[i % RTE_DIM(rows)].life;
		struct stage_packet up;
		uint64_t asked;

		open_cache(VAL_ZONE_INSECURE);
		up = expect_miss(&plain);
		reply_denial(&up, rcode, rows[i % RTE_DIM(rows)].ttl_s,
			rows[i % RTE_DIM(rows)].minimum_s, rows[i % RTE_DIM(rows)].soa);
		stage_expect_answer();
		if (life > 0) {
			stage_skip(life - 1);
			CU_ASSERT_EQUAL(ask_cache(&plain)->msg.rr[0].ttl_s, 1);
			stage_skip(1);
		}
		asked = stage_stats().sent_upstream;
		stage_ask(&plain);
		if (stage_stats().sent_upstream != asked + 1)
			printf("%s: kept\n", rows[i % RTE_DIM(rows)].name);
		CU_ASSERT_EQUAL(stage_stats().sent_upstream, asked + 1);
		stage_end();
	}
}

static void reply_a_ttl(const struct stage_packet *up, uint32_t ttl_s)
{
	struct kit_sign none = {.key = NULL};
	struct kit_rdata rd[2] = {kit_a(1), kit_a(2)};
	struct kit_msg m;
	uint8_t *dns;
	size_t len;

	kit_init(&m, stage_qname(up), DNS_TYPE_A, DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, stage_qname(up), DNS_TYPE_A, ttl_s, rd, 1, &none);
	kit_rrset(&m, DNS_ADDITIONAL, stage_qname(up), DNS_TYPE_A, 1000000, rd + 1, 1, &none);
	dns = kit_finish(&m, &len);
	stage_reply_dns(up, dns, len);
}

static void test_ttl_limits(void)
{
	static const struct {
		const char *name;
		uint32_t ttl_s, min_s, max_s, first, second; // 0: not kept
	} rows[] = {
		{"as it is", 100, 0, 5000, 100, 5000},
		{"longer than we keep", 9000, 0, 500, 500, 500},
		{"shorter than we keep", 5, 60, 500, 60, 500},
		{"never cache this", 0, 0, 500, 0, 0},
		{"never cache this, but we do", 0, 60, 500, 60, 500},
	};

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct stage_spec spec = {.status = VAL_ZONE_INSECURE,
			.cache = {.size_mb = 1,
				.min_ttl_s = rows[i].min_s,
				.max_ttl_s = rows[i].max_s}};
		const struct stage_answer *a;
		struct stage_packet up;

		stage_open(&spec);
		up = expect_miss(&plain);
		reply_a_ttl(&up, rows[i].ttl_s);
		stage_expect_answer();
		CU_ASSERT_EQUAL(stage_stats().cache_kept, rows[i].first != 0);
		if (rows[i].first != 0) {
			a = ask_cache(&plain);
			if (a->msg.rr[0].ttl_s != rows[i].first)
				printf("%s: %u\n", rows[i].name, a->msg.rr[0].ttl_s);
			CU_ASSERT_EQUAL(a->msg.rr[0].ttl_s, rows[i].first);
			CU_ASSERT_EQUAL(a->msg.rr[1].ttl_s, rows[i].second);
			stage_skip(rows[i].first);
		}
		expect_miss(&plain);
		stage_end();
	}
}

static void test_not_kept(void)
{
	struct stage_query cd = {
		.qname = "a.com.", .edns = true, .do_bit = true, .flags = DNS_FLAG_CD};
	struct stage_packet up;

	open_cache(VAL_ZONE_SECURE);
	up = expect_miss(&cd);
	for (unsigned site = SIN; site <= LAX;
		site++) { // bogus everywhere: CD gets it all the same
		if (site != SIN)
			up = stage_expect_upstream((enum stage_site)site);
		stage_reply_a(&up);
	}
	CU_ASSERT_EQUAL(dns_msg_rcode(&stage_expect_answer()->msg), DNS_RCODE_NOERROR);
	up = expect_miss(&with_do);
	stage_reply_rcode(&up, DNS_FLAG_AA | DNS_FLAG_TC);
	stage_expect_answer();
	up = expect_miss(&with_do);
	for (unsigned site = SIN; site <= LAX; site++) {
		if (site != SIN)
			up = stage_expect_upstream((enum stage_site)site);
		stage_reply_rcode(&up, DNS_RCODE_SERVFAIL);
	}
	stage_expect_answer();
	CU_ASSERT_EQUAL(stage_stats().cache_kept, 0);
	stage_close();
}

/* What was judged good is good for both, whoever asked. */
static void test_checking_disabled(void)
{
	struct stage_query cd = {
		.qname = "a.com.", .edns = true, .do_bit = true, .flags = DNS_FLAG_CD};
	const struct stage_answer *a;

	open_cache(VAL_ZONE_SECURE);
	ask_site(&cd);
	a = ask_cache(&with_do);
	CU_ASSERT_EQUAL(a->msg.flags, DNS_FLAG_QR | DNS_FLAG_AA | DNS_FLAG_AD);
	a = ask_cache(&cd);
	CU_ASSERT(a->msg.flags & DNS_FLAG_CD);
	stage_close();
}

/* Recursive upstreams: RA stays. */
static void test_recursive(void)
{
	struct stage_spec spec = {
		.status = VAL_ZONE_INSECURE, .recursive = true, .cache = {.size_mb = 1}};
	struct stage_packet up;
	struct kit_msg m;
	struct kit_rdata rd = kit_a(1);
	struct kit_sign none = {.key = NULL};
	uint8_t *dns;
	size_t len;

	stage_open(&spec);
	up = expect_miss(&plain);
	kit_init(&m, "a.com.", DNS_TYPE_A, DNS_FLAG_RA | DNS_FLAG_RD);
	kit_rrset(&m, DNS_ANSWER, "a.com.", DNS_TYPE_A, TTL, &rd, 1, &none);
	dns = kit_finish(&m, &len);
	stage_reply_dns(&up, dns, len);
	CU_ASSERT_EQUAL(stage_expect_answer()->msg.flags, DNS_FLAG_QR | DNS_FLAG_RA);
	CU_ASSERT_EQUAL(ask_cache(&plain)->msg.flags, DNS_FLAG_QR | DNS_FLAG_RA);
	stage_close();
}

static void test_shared_by_workers(void)
{
	struct stage_spec spec = {
		.workers = STAGE_WORKERS, .status = VAL_ZONE_SECURE, .cache = {.size_mb = 1}};
	struct stage_query other = {.qname = "a.com.", .id = 9, .queue = STAGE_WORKERS - 1};
	struct dp_stats s;

	stage_open(&spec);
	ask_site(&with_do);
	ask_cache(&other);
	dp_stats_worker(stage.dp, STAGE_WORKERS - 1, &s);
	CU_ASSERT_EQUAL(s.cache_hits, 1);
	stage_close();
}

static void test_off(void)
{
	struct stage_spec spec = {.status = VAL_ZONE_SECURE};

	stage_open(&spec);
	ask_site(&with_do);
	ask_site(&with_do);
	CU_ASSERT_EQUAL(stage_stats().cache_misses, 0);
	stage_close();
}

/* ---- renewing ---- */

static void test_renewed_before_its_end(void)
{
	struct stage_packet up;

	open_cache(VAL_ZONE_SECURE);
	ask_site(&with_do);
	stage_skip(TTL * 9 / 10 - 1);
	ask_cache(&with_do);
	ask_cache(&with_do); // popular, but not yet near its end
	stage_expect_nothing(STAGE_UPSTREAM);
	stage_skip(1);
	CU_ASSERT_EQUAL(ask_cache(&with_do)->msg.rr[0].ttl_s, TTL / 10);
	up = stage_expect_upstream(SIN);
	ask_cache(&with_do); // others do not ask again
	ask_cache(&plain);
	stage_expect_nothing(STAGE_UPSTREAM);
	CU_ASSERT_EQUAL(stage_stats().prefetches, 1);
	CU_ASSERT_EQUAL(stage_stats().waiting, 0); // it is nobody's query
	stage_reply_signed(&up, 86400);
	stage_expect_nothing(STAGE_CLIENTS);
	CU_ASSERT_EQUAL(ask_cache(&with_do)->msg.rr[0].ttl_s, TTL);
	CU_ASSERT_EQUAL(ask_cache(&plain)->msg.rr[0].ttl_s, TTL);
	stage_close();
}

/* Asked for once in a while: not worth a query that nobody waits for. */
static void test_not_popular(void)
{
	open_cache(VAL_ZONE_SECURE);
	ask_site(&with_do);
	stage_skip(TTL - 5);
	ask_cache(&with_do);
	stage_expect_nothing(STAGE_UPSTREAM);
	CU_ASSERT_EQUAL(stage_stats().prefetches, 0);
	stage_close();
}

/* Who comes after the end waits for the query that is out. */
static void test_renewal_is_joined(void)
{
	struct stage_packet up;

	open_cache(VAL_ZONE_SECURE);
	ask_site(&with_do);
	ask_cache(&with_do);
	stage_skip(TTL - 1);
	ask_cache(&with_do);
	stage_expect_upstream(SIN);
	stage_pass(300);
	stage.cycles += rte_get_tsc_hz(); // the answer ends, its renewal is still under way
	stage_ask(&with_do);
	CU_ASSERT_EQUAL(stage_stats().coalesced + stage_stats().retried, 2);
	CU_ASSERT_EQUAL(stage_stats().waiting, 1);
	up = stage_expect_upstream(NRT); // it had been silent for too long
	stage_reply_signed(&up, 86400);
	CU_ASSERT_EQUAL(stage_expect_answer()->msg.rr[0].ttl_s, TTL);
	CU_ASSERT_EQUAL(stage_stats().forwarded, 2);
	stage_close();
}

/* A renewal that fails takes nothing from the answer that is there. */
static void test_renewal_fails(void)
{
	struct stage_packet up;

	open_cache(VAL_ZONE_SECURE);
	ask_site(&with_do);
	ask_cache(&with_do);
	stage_skip(TTL - 10);
	ask_cache(&with_do);
	up = stage_expect_upstream(SIN);
	stage_reply_rcode(&up, DNS_RCODE_SERVFAIL);
	stage_pass(2000);
	stage_expect_nothing(STAGE_CLIENTS);
	CU_ASSERT_EQUAL(ask_cache(&with_do)->msg.rr[0].ttl_s, 8);
	CU_ASSERT_EQUAL(stage_stats().prefetches, 1);
	stage_close();
}

static void test_prefetch_off(void)
{
	struct stage_spec spec = {.status = VAL_ZONE_SECURE, .cache = {.size_mb = 1}};

	stage_open(&spec);
	ask_site(&with_do);
	ask_cache(&with_do);
	stage_skip(TTL - 5);
	ask_cache(&with_do);
	stage_expect_nothing(STAGE_UPSTREAM);
	stage_close();
}

/* ---- stale answers, RFC 8767 ---- */

static void expect_stale(const struct stage_answer *a, uint16_t rcode, int ede)
{
	CU_ASSERT_EQUAL(dns_msg_rcode(&a->msg), rcode);
	CU_ASSERT_EQUAL(a->ede, ede);
	CU_ASSERT_EQUAL(a->msg.rr[0].ttl_s, 30);
}

static void throw_away_upstream(void)
{
	struct stage_packet p;

	while (stage_take(STAGE_UPSTREAM, &p))
		continue;
}

static void test_stale_when_all_are_silent(void)
{
	const struct stage_answer *a;

	open_cache(VAL_ZONE_SECURE);
	ask_site(&with_do);
	stage_skip(TTL + 100);
	expect_miss(&with_do); // sites come first
	stage_ask(&plain);     // whoever waits gets one in his form
	stage_pass(1500);      // four tries
	stage_expect_nothing(STAGE_CLIENTS);
	stage_pass(300);
	for (unsigned i = 0; i < 2; i++) {
		struct stage_packet p;

		CU_ASSERT_TRUE_FATAL(stage_take(STAGE_CLIENTS, &p));
		CU_ASSERT_EQUAL(dns_get16(p.dns + DNS_OFF_FLAGS) & DNS_FLAG_RCODE_MASK, 0);
		CU_ASSERT_EQUAL(dns_get16(p.dns + DNS_OFF_ANCOUNT), i == 0 ? 2 : 1);
	}
	throw_away_upstream();
	CU_ASSERT_EQUAL(stage_stats().cache_stale, 2);
	a = ask_cache(&with_do); // the failure is remembered: the next one need not wait
	expect_stale(a, DNS_RCODE_NOERROR, DNS_EDE_STALE_ANSWER);
	CU_ASSERT(a->msg.flags & DNS_FLAG_AD); // its signatures hold
	stage_expect_nothing(STAGE_UPSTREAM);
	stage_skip(10); // failures are forgotten
	ask_site(&with_do);
	CU_ASSERT_EQUAL(ask_cache(&with_do)->msg.rr[0].ttl_s, TTL);
	stage_close();
}

static void test_stale_when_all_are_bogus(void)
{
	struct stage_packet up;

	open_cache(VAL_ZONE_SECURE);
	ask_site(&with_do);
	stage_skip(TTL);
	up = expect_miss(&with_do);
	for (unsigned site = SIN; site <= LAX; site++) {
		if (site != SIN)
			up = stage_expect_upstream((enum stage_site)site);
		stage_reply_signed(&up, -1);
	}
	expect_stale(stage_expect_answer(), DNS_RCODE_NOERROR, DNS_EDE_STALE_ANSWER);
	CU_ASSERT_EQUAL(stage_stats().answered, 1);
	stage_close();
}

static void test_stale_denial(void)
{
	struct stage_query edns = {.qname = "a.com.", .edns = true};
	struct stage_packet up;

	open_cache(VAL_ZONE_INSECURE);
	up = expect_miss(&edns);
	reply_denial(&up, DNS_RCODE_NXDOMAIN, 60, 60, true);
	stage_expect_answer();
	stage_skip(60);
	expect_miss(&edns);
	stage_pass(2000);
	throw_away_upstream();
	expect_stale(stage_expect_answer(), DNS_RCODE_NXDOMAIN, DNS_EDE_STALE_NXDOMAIN);
	stage_close();
}

/* Not for longer than the operator allows, to the second. */
static void test_too_stale(void)
{
	for (uint32_t over = 0; over < 2; over++) {
		uint16_t want = over ? DNS_RCODE_SERVFAIL : DNS_RCODE_NOERROR;

		open_cache(VAL_ZONE_SECURE);
		ask_site(&with_do);
		stage_skip(TTL + STALE_S - 2 + over);
		expect_miss(&with_do);
		stage_pass(2000); // the sites have their time first: 1.6 s
		throw_away_upstream();
		CU_ASSERT_EQUAL(dns_msg_rcode(&stage_expect_answer()->msg), want);
		stage_close();
	}
}

static void test_stale_off(void)
{
	struct stage_spec spec = {.status = VAL_ZONE_SECURE, .cache = {.size_mb = 1}};

	stage_open(&spec);
	ask_site(&with_do);
	stage_skip(TTL);
	expect_miss(&with_do);
	stage_pass(2000);
	throw_away_upstream();
	CU_ASSERT_EQUAL(dns_msg_rcode(&stage_expect_answer()->msg), DNS_RCODE_SERVFAIL);
	stage_close();
}

/* ---- flushing ---- */

/* a.com. and b.a.com. by com.'s sites, com. DS by the root's; com. signed, the root not. */
static void fill(void)
{
	struct stage_query below = {.qname = "b.a.com."},
			   ds = {.qname = "com.", .qtype = DNS_TYPE_DS};
	struct stage_packet up;

	ask_site(&plain);
	ask_site(&below);
	stage_ask(&ds);
	up = stage_expect_upstream(ROOT);
	reply_denial(&up, DNS_RCODE_NOERROR, 60, 60, true);
	stage_expect_answer();
}

static bool is_kept(const char *qname, uint16_t qtype)
{
	struct stage_query q = {.qname = qname, .qtype = qtype};
	uint64_t hits = stage_stats().cache_hits;
	struct stage_packet p;

	stage_ask(&q);
	while (stage_take(STAGE_UPSTREAM, &p) || stage_take(STAGE_CLIENTS, &p))
		continue;
	return stage_stats().cache_hits > hits;
}

static void test_flush(void)
{
	static const struct {
		const char *name, *at;
		enum dp_flush_what what;
		bool all, path;
		bool kept_a, kept_b, kept_ds;
	} rows[] = {
		{"a name", "a.com.", DP_FLUSH_NAME, false, false, false, true, true},
		{"no such name", "c.com.", DP_FLUSH_NAME, false, false, true, true, true},
		{"a tree", "a.com.", DP_FLUSH_TREE, false, false, false, false, true},
		{"a tree from its top", "com.", DP_FLUSH_TREE, false, false, false, false, false},
		{"a zone", "com.", DP_FLUSH_ZONE, false, false, false, false, true},
		{"a zone's unsigned", "com.", DP_FLUSH_UNSIGNED, false, false, true, true, true},
		{"the root zone", ".", DP_FLUSH_ZONE, false, false, true, true, false},
		{"the root zone's unsigned", ".", DP_FLUSH_UNSIGNED, false, false, true, true,
			false},
		{"a path", NULL, 0, false, true, false, false, true},
		{"all", NULL, 0, true, false, false, false, false},
	};

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct dp_flush_name name = {.what = rows[i].what};
		struct dp_flush f = {.all = rows[i].all};
		uint64_t paths[ROUTE_PATHS_MAX / 64] = {0};
		size_t gone = 3u - rows[i].kept_a - rows[i].kept_b - rows[i].kept_ds;

		open_cache(VAL_ZONE_SECURE);
		fill();
		if (rows[i].at != NULL) {
			kit_wire(rows[i].at, &name.name);
			f.names = &name;
			f.name_count = 1;
		}
		if (rows[i].path) {
			paths[stage_path(SIN) / 64] |= 1ull << stage_path(SIN) % 64;
			f.paths = paths;
		}
		if (dp_flush(stage.dp, &f) != gone)
			printf("%s: not %zu\n", rows[i].name, gone);
		CU_ASSERT_EQUAL(is_kept("a.com.", DNS_TYPE_A), rows[i].kept_a);
		CU_ASSERT_EQUAL(is_kept("b.a.com.", DNS_TYPE_A), rows[i].kept_b);
		CU_ASSERT_EQUAL(is_kept("com.", DNS_TYPE_DS), rows[i].kept_ds);
		stage_end();
	}
}

/* Failures go with every flush, also where no answers are kept. */
static void test_flush_failures(void)
{
	struct stage_spec spec = {.status = VAL_ZONE_SECURE};
	struct dp_flush all = {.all = true};
	struct dp_rcache_stats s;

	stage_open(&spec);
	expect_miss(&with_do);
	stage_pass(2000);
	throw_away_upstream();
	stage_expect_answer();
	ask_cache(&with_do); // the failure
	CU_ASSERT_EQUAL(dp_flush(stage.dp, &all), 0);
	stage_turn();
	ask_site(&with_do);
	dp_cache_stats(stage.dp, &s);
	CU_ASSERT_EQUAL(s.size, 0);
	stage_close();
}

static void test_stats(void)
{
	struct dp_rcache_stats s;

	open_cache(VAL_ZONE_SECURE);
	fill();
	dp_cache_stats(stage.dp, &s);
	CU_ASSERT_EQUAL(s.entries, 3);
	CU_ASSERT_TRUE(s.used > 0 && s.used < s.size && s.size <= 1 << 20);
	CU_ASSERT_EQUAL(s.evictions, 0);
	stage_end();
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"a hit", test_hit},
		{"the end", test_end},
		{"forms", test_forms},
		{"insecure", test_insecure},
		{"truncation", test_truncation},
		{"signatures end", test_signature_ends},
		{"denials", test_denials},
		{"limits of TTLs", test_ttl_limits},
		{"what is not kept", test_not_kept},
		{"checking disabled", test_checking_disabled},
		{"recursive upstreams", test_recursive},
		{"shared by workers", test_shared_by_workers},
		{"off", test_off},
		{"renewed before its end", test_renewed_before_its_end},
		{"not popular", test_not_popular},
		{"a renewal is joined", test_renewal_is_joined},
		{"a renewal fails", test_renewal_fails},
		{"prefetch off", test_prefetch_off},
		{"stale: silence", test_stale_when_all_are_silent},
		{"stale: bogus", test_stale_when_all_are_bogus},
		{"stale: a denial", test_stale_denial},
		{"too stale", test_too_stale},
		{"stale off", test_stale_off},
		{"flush", test_flush},
		{"flush of failures", test_flush_failures},
		{"stats", test_stats},
		CU_TEST_INFO_NULL,
	};

	(void)argc;
	stage_start(argv[0]);
	return test_run("dataplane/cached", tests);
}
