#include <stdlib.h>
#include <string.h>

#include "tests/unit/control/tapekit.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

static void check(const char *name, enum val_verdict verdict, const char *why)
{
	UNIT_CHECK(name, tape_got.last.verdict == verdict);
	UNIT_CHECK(name, strcmp(tape_got.last.why, why) == 0);
	if (tape_got.last.verdict != verdict || strcmp(tape_got.last.why, why) != 0)
		printf("\n  %s: %s, %s", name, val_verdict_name(tape_got.last.verdict),
			tape_got.last.why);
}
/* ---- responses ---- */

static void shop_a(const struct kit_sign *sign)
{
	kit_init(&tape_msg, "www.shop.com.", DNS_TYPE_A, AA);
	tape_one(DNS_ANSWER, "www.shop.com.", DNS_TYPE_A, kit_a(1), sign);
}

static void answer(void)
{
	shop_a(&tape_world.by_shop);
	tape_add(&tape_msg, SHOP);
}

static void answer_expired(void)
{
	struct kit_sign s = tape_world.by_shop;

	s.expiration = NOW - 1;
	shop_a(&s);
	tape_add(&tape_msg, SHOP);
}

static void answer_flipped(void)
{
	kit_init(&tape_msg, "www.shop.com.", DNS_TYPE_A, AA);
	tape_msg.harm = KIT_FLIP;
	tape_one(DNS_ANSWER, "www.shop.com.", DNS_TYPE_A, kit_a(1), &tape_world.by_shop);
	tape_add(&tape_msg, SHOP);
}

static void answer_stripped(void)
{
	shop_a(&tape_world.unsigned_);
	tape_add(&tape_msg, SHOP);
}

static void query(bool do_bit)
{
	kit_init(&tape_msg, "www.shop.com.", DNS_TYPE_A, 0);
	dns_put16(tape_msg.buf + DNS_OFF_FLAGS, 0);
	if (do_bit)
		tape_opt(true);
	tape_add(&tape_msg, SHOP);
}

static void answer_not_asked(void)
{
	query(false);
	shop_a(&tape_world.unsigned_);
	tape_add(&tape_msg, SHOP);
}

/** The query had DO, so what the response says does not matter. */
static void answer_stripped_of_opt(void)
{
	query(true);
	shop_a(&tape_world.unsigned_);
	tape_opt(false);
	tape_add(&tape_msg, SHOP);
}

static void answer_without_do(void)
{
	shop_a(&tape_world.unsigned_);
	tape_opt(false);
	tape_add(&tape_msg, SHOP);
}

/** A server that the capture does not show to speak for the zone: there may be a delegation. */
static void answer_of_stranger(void)
{
	shop_a(&tape_world.unsigned_);
	tape_add(&tape_msg, "10.0.7.7");
}

static void apex_of_stranger(void)
{
	kit_init(&tape_msg, "shop.com.", DNS_TYPE_MX, AA);
	tape_one(DNS_ANSWER, "shop.com.", DNS_TYPE_MX, kit_name("\\000\\010.shop.com."),
		&tape_world.unsigned_);
	tape_add(&tape_msg, "10.0.7.7");
}

static void resolver_answer(void)
{
	kit_init(&tape_msg, "www.shop.com.", DNS_TYPE_A, RA);
	tape_one(DNS_ANSWER, "www.shop.com.", DNS_TYPE_A, kit_a(1), &tape_world.by_shop);
	tape_add(&tape_msg, RESOLVER);
}

static void wildcard(void)
{
	struct kit_sign s = tape_world.by_shop;

	s.wildcard = "*.w.shop.com.";
	s.labels = 3;
	kit_init(&tape_msg, "x.w.shop.com.", DNS_TYPE_A, AA);
	tape_one(DNS_ANSWER, "x.w.shop.com.", DNS_TYPE_A, kit_a(1), &s);
	tape_deny(&tape_world.shop_chain, "~x.w.shop.com.", &tape_world.by_shop);
	tape_add(&tape_msg, SHOP);
}

static void cname(void)
{
	kit_init(&tape_msg, "alias.shop.com.", DNS_TYPE_A, AA);
	tape_one(DNS_ANSWER, "alias.shop.com.", DNS_TYPE_CNAME, kit_name("www.shop.com."),
		&tape_world.by_shop);
	tape_one(DNS_ANSWER, "www.shop.com.", DNS_TYPE_A, kit_a(1), &tape_world.by_shop);
	tape_add(&tape_msg, SHOP);
}

static void dname(void)
{
	kit_init(&tape_msg, "a.old.shop.com.", DNS_TYPE_A, AA);
	tape_one(DNS_ANSWER, "old.shop.com.", DNS_TYPE_DNAME, kit_name("w.shop.com."),
		&tape_world.by_shop);
	tape_one(DNS_ANSWER, "a.old.shop.com.", DNS_TYPE_CNAME, kit_name("a.w.shop.com."),
		&tape_world.unsigned_);
	struct kit_sign s = tape_world.by_shop;
	s.wildcard = "*.w.shop.com.";
	s.labels = 3;
	tape_one(DNS_ANSWER, "a.w.shop.com.", DNS_TYPE_A, kit_a(1), &s);
	tape_deny(&tape_world.shop_chain, "~a.w.shop.com.", &tape_world.by_shop);
	tape_add(&tape_msg, SHOP);
}

static void negative(const char *qname, uint16_t rcode, const char *proof)
{
	kit_init(&tape_msg, qname, DNS_TYPE_AAAA, (uint16_t)(AA | rcode));
	tape_one(DNS_AUTHORITY, "com.", DNS_TYPE_SOA, kit_soa("com."), &tape_world.by_com);
	if (proof != NULL)
		tape_deny(&tape_world.com_chain, proof, &tape_world.by_com);
	tape_add(&tape_msg, COM);
}

static void nxdomain(void)
{
	negative("nobody.com.", DNS_RCODE_NXDOMAIN, "~nobody.com. ~*.com.");
}

static void nxdomain_unproven(void)
{
	negative("nobody.com.", DNS_RCODE_NXDOMAIN, NULL);
}

static void nodata(void)
{
	negative("com.", 0, "=com.");
}

static void referral_signed(void)
{
	kit_init(&tape_msg, "a.shop.com.", DNS_TYPE_A, REFERRAL);
	tape_one(DNS_AUTHORITY, "shop.com.", DNS_TYPE_NS, kit_name("ns.shop.com."),
		&tape_world.unsigned_);
	tape_one(DNS_AUTHORITY, "shop.com.", DNS_TYPE_DS, kit_ds(&tape_world.shop, "shop.com."),
		&tape_world.by_com);
	tape_add(&tape_msg, COM2);
}

static void referral_stripped(void)
{
	kit_init(&tape_msg, "a.shop.com.", DNS_TYPE_A, REFERRAL);
	tape_one(DNS_AUTHORITY, "shop.com.", DNS_TYPE_NS, kit_name("ns.shop.com."),
		&tape_world.unsigned_);
	tape_add(&tape_msg, COM);
}

static void referral_unsigned(void)
{
	kit_init(&tape_msg, "a.plain.com.", DNS_TYPE_A, REFERRAL);
	tape_one(DNS_AUTHORITY, "plain.com.", DNS_TYPE_NS, kit_name("ns.plain.com."),
		&tape_world.unsigned_);
	tape_deny(&tape_world.com_chain, "=plain.com.", &tape_world.by_com);
	tape_add(&tape_msg, COM2);
}

static void plain_answer(void)
{
	kit_init(&tape_msg, "www.plain.com.", DNS_TYPE_A, AA);
	tape_one(DNS_ANSWER, "www.plain.com.", DNS_TYPE_A, kit_a(1), &tape_world.unsigned_);
	tape_add(&tape_msg, PLAIN);
}

static void plain_nodata(void)
{
	kit_init(&tape_msg, "www.plain.com.", DNS_TYPE_AAAA, AA);
	tape_one(DNS_AUTHORITY, "plain.com.", DNS_TYPE_SOA, kit_soa("plain.com."),
		&tape_world.unsigned_);
	tape_add(&tape_msg, PLAIN);
}

/** A delegation of which the capture shows nothing: not signed, for all we can tell. */
static void unknown_answer(void)
{
	kit_init(&tape_msg, "www.unseen.com.", DNS_TYPE_A, AA);
	tape_one(DNS_ANSWER, "www.unseen.com.", DNS_TYPE_A, kit_a(1), &tape_world.unsigned_);
	tape_add(&tape_msg, PLAIN);
}

static void unknown_nodata(void)
{
	kit_init(&tape_msg, "a.b.unseen.com.", DNS_TYPE_A, AA);
	tape_one(DNS_AUTHORITY, "b.unseen.com.", DNS_TYPE_SOA, kit_soa("b.unseen.com."),
		&tape_world.unsigned_);
	tape_add(&tape_msg, PLAIN);
}

/** Answer a CNAME with its target, in whatever zones they are. */
static void across(const char *alias, const struct kit_sign *by, const char *target,
	const struct kit_sign *target_by, const char *server)
{
	kit_init(&tape_msg, alias, DNS_TYPE_A, strcmp(server, RESOLVER) == 0 ? RA : AA);
	tape_one(DNS_ANSWER, alias, DNS_TYPE_CNAME, kit_name(target), by);
	tape_one(DNS_ANSWER, target, DNS_TYPE_A, kit_a(1), target_by);
	tape_add(&tape_msg, server);
}

static void across_signed(void)
{
	across("alias.com.", &tape_world.by_com, "www.shop.com.", &tape_world.by_shop, RESOLVER);
}

static void across_stripped(void)
{
	across("alias.com.", &tape_world.by_com, "www.shop.com.", &tape_world.unsigned_, RESOLVER);
}

/** By a server that speaks for the target's zone: there is no delegation in between. */
static void across_stripped_there(void)
{
	across("alias.com.", &tape_world.by_com, "www.shop.com.", &tape_world.unsigned_, SHOP);
}

static void across_to_unsigned(void)
{
	across("a.shop.com.", &tape_world.by_shop, "www.plain.com.", &tape_world.unsigned_, SHOP);
}

/** The question is for DS, and the answer a denial of another zone. */
static void across_ds(void)
{
	kit_init(&tape_msg, "alias.com.", DNS_TYPE_DS, AA);
	tape_one(DNS_ANSWER, "alias.com.", DNS_TYPE_CNAME, kit_name("www.shop.com."),
		&tape_world.by_com);
	tape_one(DNS_AUTHORITY, "shop.com.", DNS_TYPE_SOA, kit_soa("shop.com."),
		&tape_world.by_shop);
	tape_deny(&tape_world.shop_chain, "=www.shop.com.", &tape_world.by_shop);
	tape_add(&tape_msg, SHOP);
}

/** The target's name lies below the alias's zone, but is not in it. */
static void across_to_child(void)
{
	across("alias.com.", &tape_world.by_com, "www.plain.com.", &tape_world.unsigned_, COM);
}

static void across_from_unsigned(void)
{
	struct kit_sign s = tape_world.by_shop;

	s.expiration = NOW - 1;
	across("a.plain.com.", &tape_world.unsigned_, "www.shop.com.", &s, RESOLVER);
}

static void across_to_unseen(void)
{
	across("a.shop.com.", &tape_world.by_shop, "www.unseen.com.", &tape_world.unsigned_,
		RESOLVER);
}

static void net_answer(void)
{
	struct kit_sign s = tape_sign_by(&tape_world.other, "net.");

	kit_init(&tape_msg, "net.", DNS_TYPE_SOA, AA);
	tape_one(DNS_ANSWER, "net.", DNS_TYPE_SOA, kit_soa("net."), &s);
	tape_add(&tape_msg, COM);
}

static void net_with_keys(void)
{
	struct kit_sign s = tape_sign_by(&tape_world.other, "net.");

	tape_dnskey("net.", &tape_world.other, &s);
	tape_add(&tape_msg, COM);
	kit_init(&tape_msg, "net.", DNS_TYPE_DS, AA);
	tape_one(DNS_ANSWER, "net.", DNS_TYPE_DS, kit_ds(&tape_world.com, "net."),
		&tape_world.by_root);
	tape_add(&tape_msg, ROOT);
	net_answer();
}

static void error_with_ede(void)
{
	static const uint8_t ede[] = {0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 6, 0, 15, 0, 2, 0, 23};

	kit_init(&tape_msg, "www.shop.com.", DNS_TYPE_A, RA | DNS_RCODE_SERVFAIL);
	memcpy(tape_msg.buf + tape_msg.len, ede, sizeof(ede));
	tape_msg.len += sizeof(ede);
	tape_msg.counts[3]++;
	tape_add(&tape_msg, RESOLVER);
}

static void refused(void)
{
	kit_init(&tape_msg, "www.shop.com.", DNS_TYPE_A, DNS_FLAG_QR | DNS_RCODE_REFUSED);
	tape_add(&tape_msg, SHOP);
}

static void truncated(void)
{
	kit_init(&tape_msg, "www.shop.com.", DNS_TYPE_A, AA | DNS_FLAG_TC);
	tape_add(&tape_msg, SHOP);
}

static void transfer(void)
{
	kit_init(&tape_msg, "com.", DNS_TYPE_AXFR, AA);
	tape_one(DNS_ANSWER, "com.", DNS_TYPE_SOA, kit_soa("com."), &tape_world.by_com);
	tape_add(&tape_msg, COM);
}

static void lame(void)
{
	kit_init(&tape_msg, "www.shop.com.", DNS_TYPE_A, DNS_FLAG_QR);
	tape_add(&tape_msg, SHOP);
}

static void garbled(void)
{
	shop_a(&tape_world.by_shop);
	tape_msg.len -= 3;
	tape_add(&tape_msg, SHOP);
}

static const struct {
	const char *name;
	void (*write)(void);
	enum val_verdict verdict;
	const char *why;
	int ede;
	bool has_sig;
} rows[] = {
	{"answer", answer, VAL_SECURE, "none", -1, true},
	{"answer of a resolver", resolver_answer, VAL_SECURE, "none", -1, true},
	{"wildcard", wildcard, VAL_SECURE, "none", -1, true},
	{"CNAME", cname, VAL_SECURE, "none", -1, true},
	{"DNAME", dname, VAL_SECURE, "none", -1, true},
	{"NXDOMAIN", nxdomain, VAL_SECURE, "none", -1, true},
	{"NODATA", nodata, VAL_SECURE, "none", -1, true},
	{"referral", referral_signed, VAL_SECURE, "none", -1, true},
	{"expired", answer_expired, VAL_BOGUS, "sig_expired", 7, true},
	{"flipped", answer_flipped, VAL_BOGUS, "sig_crypto", 6, true},
	{"stripped", answer_stripped, VAL_BOGUS, "sig_missing", 10, false},
	{"NXDOMAIN without proof", nxdomain_unproven, VAL_BOGUS, "denial_missing", 12, true},
	{"referral, stripped", referral_stripped, VAL_BOGUS, "denial_missing", 12, false},
	{"asked without DO", answer_not_asked, VAL_INDETERMINATE, "no_do", -1, false},
	{"asked with DO", answer_stripped_of_opt, VAL_BOGUS, "sig_missing", 10, false},
	{"OPT without DO", answer_without_do, VAL_INDETERMINATE, "no_do", -1, false},
	{"stranger", answer_of_stranger, VAL_INDETERMINATE,
		"no_chain: no DS of www.shop.com. in the capture", 5, false},
	{"stranger, of the apex", apex_of_stranger, VAL_BOGUS, "sig_missing", 10, false},
	{"unsigned referral", referral_unsigned, VAL_INSECURE, "unsigned_delegation", -1, true},
	{"unsigned zone", plain_answer, VAL_INSECURE, "unsigned_zone", -1, false},
	{"unsigned zone, NODATA", plain_nodata, VAL_INSECURE, "unsigned_zone", -1, false},
	{"delegation not captured", unknown_answer, VAL_INDETERMINATE,
		"no_chain: no DS of unseen.com. in the capture", 5, false},
	{"delegation not captured, named", unknown_nodata, VAL_INDETERMINATE,
		"no_chain: no DS of b.unseen.com. in the capture", 5, false},
	{"two signed zones", across_signed, VAL_SECURE, "none", -1, true},
	{"two zones, DS", across_ds, VAL_SECURE, "none", -1, true},
	{"two zones, one stripped", across_stripped, VAL_INDETERMINATE,
		"no_chain: no DS of www.shop.com. in the capture", 5, true},
	{"two zones, one stripped where it must not be", across_stripped_there, VAL_BOGUS,
		"sig_missing", 10, true},
	{"signed to unsigned", across_to_unsigned, VAL_INSECURE, "unsigned_zone", -1, true},
	{"signed to an unsigned child", across_to_child, VAL_INSECURE, "unsigned_zone", -1, true},
	{"unsigned to signed, expired", across_from_unsigned, VAL_BOGUS, "sig_expired", 7, true},
	{"signed to what was not captured", across_to_unseen, VAL_INDETERMINATE,
		"no_chain: no DS of unseen.com. in the capture", 5, true},
	{"DS not captured", net_answer, VAL_INDETERMINATE, "no_chain: no DS of net. in the capture",
		5, true},
	{"DS of another key", net_with_keys, VAL_BOGUS, "dnskey_no_ds_match", 9, true},
	{"SERVFAIL", error_with_ede, VAL_INDETERMINATE, "servfail", 23, false},
	{"REFUSED", refused, VAL_INDETERMINATE, "refused", -1, false},
	{"TC", truncated, VAL_INDETERMINATE, "truncated", -1, false},
	{"transfer", transfer, VAL_INDETERMINATE, "transfer", -1, true},
	{"lame", lame, VAL_INDETERMINATE, "lame", -1, false},
	{"malformed", garbled, VAL_BOGUS, "malformed", 6, false},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void test_verdicts(void)
{
	static const struct ctl_inspect_options plain;

	for (int i = 0; i < ROWS; i++) {
		for (int backwards = 0; backwards < 2; backwards++) {
			tape_base();
			rows[i].write();
			tape_play_with(&plain, -1, backwards);
			check(rows[i].name, rows[i].verdict, rows[i].why);
			UNIT_CHECK(rows[i].name, tape_got.last.ede == rows[i].ede);
			UNIT_CHECK(rows[i].name, tape_got.last.has_sig == rows[i].has_sig);
			UNIT_CHECK(rows[i].name, tape_got.last.text[0] != '\0');
		}
	}
	tape_clear();
}

/** The chain's own messages are responses too. */
static void test_base(void)
{
	static const enum val_verdict want[BASE] = {
		[ROOT_KEY] = VAL_SECURE,
		[COM_DS] = VAL_SECURE,
		[COM_KEY] = VAL_SECURE,
		[SHOP_REFERRAL] = VAL_SECURE,
		[SHOP_KEY] = VAL_SECURE,
		[PLAIN_REFERRAL] = VAL_INSECURE,
	};

	for (int n = 1; n <= BASE; n++) {
		tape_base();
		// keep those up to n: the rest follows from them
		while (tape.count > n)
			free(tape.item[--tape.count].data);
		tape_play();
		CU_ASSERT_EQUAL(tape_got.count, n);
		CU_ASSERT_EQUAL(tape_got.last.verdict, want[n - 1]);
	}
	tape_clear();
}

/** What is missing is named, from the top down. */
static void test_missing(void)
{
	static const struct ctl_inspect_options plain;
	static const struct {
		const char *name;
		int drop;
		void (*write)(void);
		enum val_verdict verdict;
		const char *why;
	} gaps[] = {
		{"no root keys", ROOT_KEY, answer, VAL_INDETERMINATE,
			"no_chain: no DNSKEY of . in the capture"},
		{"no DS of com.", COM_DS, answer, VAL_INDETERMINATE,
			"no_chain: no DS of com. in the capture"},
		{"no keys of com.", COM_KEY, answer, VAL_INDETERMINATE,
			"no_chain: no DNSKEY of com. in the capture"},
		{"no DS of shop.com.", SHOP_REFERRAL, answer, VAL_INDETERMINATE,
			"no_chain: no DS of shop.com. in the capture"},
		{"no keys of shop.com.", SHOP_KEY, answer, VAL_INDETERMINATE,
			"no_chain: no DNSKEY of shop.com. in the capture"},
		{"no proof for plain.com.", PLAIN_REFERRAL, plain_answer, VAL_INDETERMINATE,
			"no_chain: no DS of plain.com. in the capture"},
		{"shop.com. does not need it", PLAIN_REFERRAL, answer, VAL_SECURE, "none"},
	};

	for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
		tape_base();
		gaps[i].write();
		tape_play_with(&plain, gaps[i].drop, false);
		check(gaps[i].name, gaps[i].verdict, gaps[i].why);
	}
	tape_clear();
}

static void test_no_anchor(void)
{
	kit_wire("org.", &tape_world.anchors.item[0].zone);
	tape_base();
	answer();
	tape_play();
	check("anchor of another zone", VAL_INDETERMINATE,
		"no_chain: no trust anchor above shop.com.");
	tape_world.anchors.item[0].zone = (struct dns_name){1, 0, ""};
	tape_clear();
}

/** An anchor for a zone in the middle: the root is not needed. */
static void test_middle_anchor(void)
{
	static const struct ctl_inspect_options plain;
	struct val_anchor was = tape_world.anchors.item[0];
	struct kit_rdata ds = kit_ds(&tape_world.com, "com.");

	kit_wire("com.", &tape_world.anchors.item[0].zone);
	tape_world.anchors.item[0].type = DNS_TYPE_DS;
	memcpy(tape_world.anchors.item[0].key.rdata, ds.octets, ds.len);
	tape_world.anchors.item[0].key.rdata_len = (uint16_t)ds.len;
	tape_world.anchors.item[0].key.key_tag = tape_world.com.tag;
	tape_base();
	answer();
	tape_play_with(&plain, ROOT_KEY, false);
	check("anchor for com.", VAL_SECURE, "none");
	tape_world.anchors.item[0] = was;
	tape_clear();
}

/* ---- time ---- */

static void test_clock(void)
{
	struct ctl_inspect_options late = {.at = NOW + DAY + 1}, last = {.at = NOW + DAY};

	tape_base();
	answer();
	tape_play();
	CU_ASSERT_EQUAL(tape_got.last.verdict, VAL_SECURE); // an old capture, as of its own time
	CU_ASSERT_EQUAL(tape_got.last.margin_s, DAY);
	CU_ASSERT_EQUAL(tape_got.last.expiration, NOW + DAY);
	CU_ASSERT_EQUAL(tape_got.last.inception, NOW - DAY);
	CU_ASSERT_EQUAL(tape_got.last.key_tag, tape_world.shop.tag);
	CU_ASSERT_EQUAL(tape_got.last.algorithm, 13);
	tape_play_with(&last, -1, false);
	CU_ASSERT_EQUAL(tape_got.last.verdict, VAL_SECURE);
	CU_ASSERT_EQUAL(tape_got.last.margin_s, 0);
	tape_play_with(&late, -1, false);
	check("a second too late", VAL_BOGUS, "sig_expired");
	CU_ASSERT_EQUAL(tape_got.last.margin_s, -1);
	tape_clear();
}

/** A capture that is longer than the life of the signatures over the keys in it. */
static void test_keys_over(void)
{
	struct kit_sign s = tape_world.by_shop;

	s.expiration = NOW + 3 * DAY;
	tape_base();
	shop_a(&s);
	tape_add_at(&tape_msg, SHOP, NOW + DAY + 1);
	tape_play();
	check("keys are over", VAL_INDETERMINATE, "no_chain: DNSKEY of shop.com. has expired");
	tape_clear();
}

/** Before and after a rollover, each answer by the keys of its time. */
static void test_rollover(void)
{
	struct kit_sign s = tape_sign_by(&tape_world.other, "shop.com.");

	tape_base();
	kit_init(&tape_msg, "shop.com.", DNS_TYPE_DS, AA);
	tape_one(DNS_ANSWER, "shop.com.", DNS_TYPE_DS, kit_ds(&tape_world.other, "shop.com."),
		&tape_world.by_com);
	tape_add_at(&tape_msg, COM, NOW + 3 * HOUR);
	tape_dnskey("shop.com.", &tape_world.other, &s);
	tape_add_at(&tape_msg, SHOP, NOW + 3 * HOUR);
	shop_a(&s);
	tape_add_at(&tape_msg, SHOP, NOW + 3 * HOUR + 1);
	tape_play();
	check("new key", VAL_SECURE, "none");
	shop_a(&tape_world.by_shop);
	tape_add_at(&tape_msg, SHOP, NOW + HOUR);
	tape_play();
	check("old key in its time", VAL_SECURE, "none");
	shop_a(&tape_world.by_shop);
	tape_add_at(&tape_msg, SHOP, NOW + 4 * HOUR);
	tape_play();
	check("old key after its time", VAL_BOGUS, "key_missing");
	tape_clear();
}

/** One server's keys are out of date: the others' hold, and only it is bogus. */
static void test_stale_keys(void)
{
	struct kit_sign s = tape_world.by_shop;

	s.expiration = NOW - 1;
	tape_base();
	tape_dnskey("shop.com.", &tape_world.shop, &s);
	tape_add(&tape_msg, "10.0.2.2");
	tape_play();
	check("stale keys", VAL_BOGUS, "sig_expired");
	shop_a(&tape_world.by_shop);
	tape_add(&tape_msg, "10.0.2.2");
	tape_play();
	check("keys of the others", VAL_SECURE, "none");
	tape_clear();
}

/** DS denied at a name that is no delegation does not make what is below it unsigned. */
static void test_denied_inside(void)
{
	tape_base();
	kit_init(&tape_msg, "www.shop.com.", DNS_TYPE_DS, AA);
	tape_one(DNS_AUTHORITY, "shop.com.", DNS_TYPE_SOA, kit_soa("shop.com."),
		&tape_world.by_shop);
	tape_deny(&tape_world.shop_chain, "=www.shop.com.", &tape_world.by_shop);
	tape_add(&tape_msg, SHOP);
	answer_stripped();
	tape_play();
	check("stripped", VAL_BOGUS, "sig_missing");
	tape_clear();
}

/** Somebody writes a name as a signer: that makes no zone, and excuses nothing that is stripped. */
static void test_signer_made_up(void)
{
	struct kit_sign s = tape_sign_by(&tape_world.other, "www.shop.com.");

	tape_base();
	shop_a(&s);
	tape_add(&tape_msg, SHOP);
	answer_stripped();
	tape_play();
	check("stripped", VAL_BOGUS, "sig_missing");
	tape_clear();
}

/* ---- which ones ---- */

static void test_zone_option(void)
{
	struct dns_name zone;
	struct ctl_inspect_options o = {.zone = &zone};

	tape_base();
	answer();
	kit_wire("shop.com.", &zone);
	tape_play_with(&o, -1, false);
	CU_ASSERT_EQUAL(tape_got.count, 3);                 // the referral, its keys, the answer
	CU_ASSERT_EQUAL(tape_got.last.verdict, VAL_SECURE); // by keys outside the zone
	kit_wire("op.com.", &zone);
	tape_play_with(&o, -1, false);
	CU_ASSERT_EQUAL(tape_got.count, 0);
	tape_clear();
}

/* ---- limits ---- */

/** As many different answers of one zone as are kept, or one more before the one that counts. */
static void test_evidence_limit(void)
{
	static const struct ctl_inspect_options plain;

	for (int over = 0; over < 2; over++) {
		struct ctl_inspect_options o = plain;
		struct ctl_inspect *i;

		o.anchors = &tape_world.anchors;
		tape_base();
		answer();
		CU_ASSERT_EQUAL_FATAL(ctl_inspect_new(&o, tape_take, NULL, &i), 0);
		for (int k = 0; k < CTL_CHAIN_EVIDENCE_MAX - 1 + over; k++) {
			struct ctl_capture_msg c = {.sport = 53};
			struct kit_rdata rd = tape_key_rdata(&tape_world.shop);

			rd.octets[10] ^= (uint8_t)(k + 1);
			kit_init(&tape_msg, "shop.com.", DNS_TYPE_DNSKEY, AA);
			tape_one(DNS_ANSWER, "shop.com.", DNS_TYPE_DNSKEY, rd,
				&tape_world.unsigned_);
			uint8_t *data = kit_finish(&tape_msg, &c.len);
			c.data = data;
			for (int again = 0; again < 3; again++) // the same is no other
				ctl_inspect_message(i, &c);
			free(data);
		}
		for (int k = 0; k < tape.count; k++)
			tape_play_one(i, k);
		ctl_inspect_build(i);
		tape_play_one(i, tape.count - 1);
		CU_ASSERT_EQUAL(tape_got.last.verdict, over ? VAL_BOGUS : VAL_SECURE);
		ctl_inspect_free(i);
	}
	tape_clear();
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"verdicts", test_verdicts},
		{"the chain itself", test_base},
		{"what is missing", test_missing},
		{"no anchor", test_no_anchor},
		{"anchor in the middle", test_middle_anchor},
		{"the clock", test_clock},
		{"keys that are over", test_keys_over},
		{"rollover", test_rollover},
		{"stale keys", test_stale_keys},
		{"DS denied inside a zone", test_denied_inside},
		{"a signer made up", test_signer_made_up},
		{"--zone", test_zone_option},
		{"evidence at the limit", test_evidence_limit},
		CU_TEST_INFO_NULL,
	};
	int failed;

	tape_world_new();
	failed = test_run("control/inspect", tests);
	tape_world_free();
	return failed;
}
