// A broken random generator cannot be had otherwise without a provider of our own.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include <openssl/rand.h>

#include "tests/unit/run.h"
#include "tests/unit/unit.h"
#include "tests/unit/validator/zonekit.h"
#include "validator/now.h"

/* The judge itself is test_response.c's; here, that control gets its last word at once. */

enum { NOW = 1700000000, TTL = 900 };

static const struct val_skew strict;
static struct kit_key key;
static struct val_zone_keys com;
static struct val_verifier *verifier;
static struct val_response out;

static int no_bytes(unsigned char *buf, int n)
{
	(void)buf;
	(void)n;
	return 0;
}

static const RAND_METHOD *random_method; // for the judge; NULL: the usual one

/* An address and, in authority, the SOA: two signed RRsets, the second one harmed. */
static enum val_verdict judge(enum kit_harm harm, uint32_t now)
{
	static struct kit_msg m;
	static struct dns_msg msg;
	struct kit_sign sign = {&key, "com.", -1, NULL, TTL, NOW - 10, NOW + 10, false, 0};
	struct kit_rdata a = kit_a(0x7f000001), soa = kit_soa("com.");
	uint8_t *wire;
	size_t len;

	kit_init(&m, "www.com.", DNS_TYPE_A, DNS_FLAG_AA);
	m.harm = harm;
	m.harm_at = 1;
	m.now = now;
	m.sign = &sign;
	kit_rrset(&m, DNS_ANSWER, "www.com.", DNS_TYPE_A, TTL, &a, 1, NULL);
	kit_rrset(&m, DNS_AUTHORITY, "com.", DNS_TYPE_SOA, TTL, &soa, 1, NULL);
	wire = kit_finish(&m, &len);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, wire, len), 0);
	memset(&out, 0xee, sizeof(out)); // nothing of the last response shows through
	RAND_set_rand_method(random_method);
	val_judge_now(verifier, &msg, &com, now, &strict, &out);
	RAND_set_rand_method(NULL);
	free(wire);
	return out.result.verdict;
}

static void test_verdicts(void)
{
	CU_ASSERT_EQUAL(judge(KIT_NONE, NOW), VAL_SECURE);
	CU_ASSERT_EQUAL(out.kind, VAL_KIND_ANSWER);
	CU_ASSERT_EQUAL(out.result.nearest_expiration, NOW + 10);
	CU_ASSERT_TRUE(out.ttl_capped);
	CU_ASSERT_EQUAL(judge(KIT_FLIP, NOW), VAL_BOGUS);
	CU_ASSERT_EQUAL(out.result.reason, VAL_R_SIG_CRYPTO);
	CU_ASSERT_EQUAL(out.result.type_covered, DNS_TYPE_SOA);
	CU_ASSERT_FALSE(out.ttl_capped);
	CU_ASSERT_EQUAL(judge(KIT_EXPIRED, NOW), VAL_BOGUS);
	CU_ASSERT_EQUAL(out.result.reason, VAL_R_SIG_EXPIRED);
	CU_ASSERT_EQUAL(judge(KIT_NONE, NOW + 11), VAL_BOGUS);
	com.status = VAL_ZONE_UNKNOWN;
	CU_ASSERT_EQUAL(judge(KIT_NONE, NOW), VAL_INDETERMINATE);
	CU_ASSERT_EQUAL(out.result.reason, VAL_R_NO_CHAIN);
	com.status = VAL_ZONE_SECURE;
}

/* One RRset of a response that has a bad one too, and one that came from a wildcard. */
static void test_one_rrset(void)
{
	static const struct {
		const char *name;
		uint16_t type;
		const char *wildcard;
		enum kit_harm harm;
		enum val_reason why;
	} rows[] = {
		{"good", DNS_TYPE_A, NULL, KIT_NONE, VAL_R_NONE},
		{"flipped", DNS_TYPE_A, NULL, KIT_FLIP, VAL_R_SIG_CRYPTO},
		{"expanded", DNS_TYPE_A, "*.com.", KIT_NONE, VAL_R_SIG_LABELS},
		{"expanded CNAME", DNS_TYPE_CNAME, "*.com.", KIT_NONE, VAL_R_SIG_LABELS},
	};
	static struct kit_msg m;
	static struct dns_msg msg;
	struct kit_rdata address = kit_a(0x7f000001), name = kit_name("com."),
			 soa = kit_soa("com.");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kit_sign sign = {&key, "com.", rows[i].wildcard != NULL ? 1 : -1,
			rows[i].wildcard, TTL, NOW - 10, NOW + 10, false, 0};
		bool good = rows[i].why == VAL_R_NONE;
		uint8_t *wire;
		size_t len;

		kit_init(&m, "www.com.", rows[i].type, 0);
		m.harm = rows[i].harm;
		m.harm_at = 0;
		kit_rrset(&m, DNS_ANSWER, "www.com.", rows[i].type, TTL,
			rows[i].type == DNS_TYPE_A ? &address : &name, 1, &sign);
		kit_rr(&m, DNS_AUTHORITY, "com.", DNS_TYPE_SOA, TTL, soa.octets, soa.len);
		wire = kit_finish(&m, &len);
		CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, wire, len), 0);
		memset(&out, 0xee, sizeof(out));
		val_rrset_judge_now(verifier, &msg, 0, &com, NOW, &strict, &out);
		UNIT_CHECK(rows[i].name, out.result.verdict == (good ? VAL_SECURE : VAL_BOGUS));
		UNIT_CHECK(rows[i].name, out.result.reason == rows[i].why);
		UNIT_CHECK(rows[i].name, out.ttl_capped == good);
		UNIT_CHECK(rows[i].name, !good || out.ttl_cap_s[0] == 10);
		val_rrset_judge_now(verifier, &msg, 2, &com, NOW, &strict, &out);
		UNIT_CHECK(rows[i].name, out.result.reason == VAL_R_SIG_MISSING);
		free(wire);
	}
}

/* Without random octets nothing is judged, and nothing of an older response shows through. */
static void test_without_random(void)
{
	static const RAND_METHOD broken = {.bytes = no_bytes, .pseudorand = no_bytes};

	random_method = &broken;
	CU_ASSERT_EQUAL(judge(KIT_NONE, NOW), VAL_BOGUS);
	random_method = NULL;
	CU_ASSERT_EQUAL(out.result.reason, VAL_R_BUDGET);
	CU_ASSERT_EQUAL(out.kind, VAL_KIND_ERROR);
	CU_ASSERT_EQUAL(out.result.newest_inception, 0);
	CU_ASSERT_FALSE(out.ttl_capped);
	CU_ASSERT_EQUAL(judge(KIT_NONE, NOW), VAL_SECURE);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"good, flipped, expired, without chain", test_verdicts},
		{"one RRset", test_one_rrset},
		{"without random octets", test_without_random},
		CU_TEST_INFO_NULL,
	};
	int failed;

	if (val_verifier_new(&verifier) != 0)
		return 99;
	kit_key_new(&key, DNS_DNSKEY_FLAG_ZONE);
	kit_zone_keys(&com, "com.", (const struct kit_key *const[]){&key}, 1, NOW);
	failed = test_run("validator/now", tests);
	kit_key_free(&key);
	val_verifier_free(verifier);
	return failed;
}
