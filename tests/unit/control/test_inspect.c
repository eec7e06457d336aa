#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <pcap/dlt.h>

#include "control/addr.h"
#include "control/inspect.h"
#include "control/inspect_run.h"
#include "control/inspect_table.h"
#include "tests/unit/control/capkit.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"
#include "tests/unit/validator/zonekit.h"

/*
 * A small internet: the root, com., shop.com. which is signed and plain.com. which is not, net. of
 * which only the servers are there. A tape of messages is played to the inspection as a capture
 * would be.
 */

enum { NOW = 1700000000, HOUR = 3600, DAY = 86400 };
enum {
	AA = DNS_FLAG_QR | DNS_FLAG_AA,
	RA = DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA,
	REFERRAL = DNS_FLAG_QR
};

#define ROOT     "10.0.0.1"
#define COM      "10.0.1.1"
#define COM2     "10.0.1.2"
#define SHOP     "10.0.2.1"
#define PLAIN    "10.0.3.1"
#define RESOLVER "10.0.9.9"

static struct {
	struct kit_key root, com, shop, other;
	struct kit_sign by_root, by_com, by_shop, unsigned_;
	struct val_anchors anchors;
	struct kit_chain com_chain, shop_chain;
} w;

static struct kit_sign sign_by(const struct kit_key *key, const char *zone)
{
	return (struct kit_sign){.key = key,
		.signer = zone,
		.labels = -1,
		.original_ttl = 3600,
		.inception = NOW - DAY,
		.expiration = NOW + DAY};
}

static void make_world(void)
{
	static const char *const com[][2] = {{"com.", "NS SOA RRSIG NSEC DNSKEY"},
		{"plain.com.", "NS RRSIG NSEC"}, {"shop.com.", "NS DS RRSIG NSEC"}};
	static const char *const shop[][2] = {{"shop.com.", "NS SOA RRSIG NSEC DNSKEY"},
		{"*.w.shop.com.", "A RRSIG NSEC"}, {"www.shop.com.", "A RRSIG NSEC"}};

	kit_key_new(&w.root, 257);
	kit_key_new(&w.com, 257);
	kit_key_new(&w.shop, 257);
	kit_key_new(&w.other, 257);
	w.by_root = sign_by(&w.root, ".");
	w.by_com = sign_by(&w.com, "com.");
	w.by_shop = sign_by(&w.shop, "shop.com.");
	w.unsigned_ = (struct kit_sign){.key = NULL};
	kit_chain_init(&w.com_chain, "com.", false, 0, com, 3);
	kit_chain_init(&w.shop_chain, "shop.com.", false, 0, shop, 3);
	w.anchors.count = 1;
	w.anchors.item[0] = (struct val_anchor){.zone = {1, 0, ""}, .type = DNS_TYPE_DNSKEY};
	memcpy(w.anchors.item[0].key.rdata, w.root.rdata, w.root.rdata_len);
	w.anchors.item[0].key.rdata_len = w.root.rdata_len;
	w.anchors.item[0].key.key_tag = w.root.tag;
	w.anchors.item[0].key.algorithm = 13;
}

static void end_world(void)
{
	kit_key_free(&w.root);
	kit_key_free(&w.com);
	kit_key_free(&w.shop);
	kit_key_free(&w.other);
}

/* ---- the tape ---- */

enum { TAPE_MAX = 64 };
static struct {
	int count;
	struct {
		int64_t time_us;
		const char *server;
		bool query;
		uint8_t *data;
		size_t len;
	} item[TAPE_MAX];
} tape;

static void tape_clear(void)
{
	for (int i = 0; i < tape.count; i++)
		free(tape.item[i].data);
	tape.count = 0;
}

static void tape_add_at(struct kit_msg *m, const char *server, int64_t time_s)
{
	int i = tape.count++;

	tape.item[i].data = kit_finish(m, &tape.item[i].len);
	tape.item[i].time_us = time_s * 1000000 + i;
	tape.item[i].server = server;
	tape.item[i].query = (tape.item[i].data[2] & 0x80) == 0;
}

static void tape_add(struct kit_msg *m, const char *server)
{
	tape_add_at(m, server, NOW);
}

static struct kit_msg m; // the one being written

/** An OPT record with or without DO. */
static void add_opt(bool do_bit)
{
	// owner, type, size as class, TTL, RDLENGTH
	const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, do_bit ? 0x80 : 0, 0, 0, 0};

	memcpy(m.buf + m.len, opt, sizeof(opt));
	m.len += sizeof(opt);
	m.counts[3]++;
}

static struct kit_rdata key_rdata(const struct kit_key *key)
{
	struct kit_rdata rd = {.len = key->rdata_len};

	memcpy(rd.octets, key->rdata, key->rdata_len);
	return rd;
}

static void one(enum dns_section s, const char *owner, uint16_t type, struct kit_rdata rd,
	const struct kit_sign *sign)
{
	kit_rrset(&m, s, owner, type, 3600, &rd, 1, sign);
}

static void dnskey(const char *zone, const struct kit_key *key, const struct kit_sign *sign)
{
	kit_init(&m, zone, DNS_TYPE_DNSKEY, AA);
	one(DNS_ANSWER, zone, DNS_TYPE_DNSKEY, key_rdata(key), sign);
}

static void deny(struct kit_chain *c, const char *proof, const struct kit_sign *sign)
{
	memset(c->written, 0, sizeof(c->written));
	kit_proof(&m, c, proof, sign);
}

/** What leads from the anchor to shop.com. and, without keys, to plain.com. */
enum { ROOT_KEY, COM_DS, COM_KEY, SHOP_REFERRAL, SHOP_KEY, PLAIN_REFERRAL, BASE };

static void tape_base(void)
{
	tape_clear();
	dnskey(".", &w.root, &w.by_root);
	tape_add(&m, ROOT);
	kit_init(&m, "com.", DNS_TYPE_DS, AA);
	one(DNS_ANSWER, "com.", DNS_TYPE_DS, kit_ds(&w.com, "com."), &w.by_root);
	tape_add(&m, ROOT);
	dnskey("com.", &w.com, &w.by_com);
	tape_add(&m, COM);
	kit_init(&m, "www.shop.com.", DNS_TYPE_A, REFERRAL);
	one(DNS_AUTHORITY, "shop.com.", DNS_TYPE_NS, kit_name("ns.shop.com."), &w.unsigned_);
	one(DNS_AUTHORITY, "shop.com.", DNS_TYPE_DS, kit_ds(&w.shop, "shop.com."), &w.by_com);
	tape_add(&m, COM);
	dnskey("shop.com.", &w.shop, &w.by_shop);
	tape_add(&m, SHOP);
	kit_init(&m, "www.plain.com.", DNS_TYPE_A, REFERRAL);
	one(DNS_AUTHORITY, "plain.com.", DNS_TYPE_NS, kit_name("ns.plain.com."), &w.unsigned_);
	deny(&w.com_chain, "=plain.com.", &w.by_com);
	tape_add(&m, COM);
}

/* ---- playing it ---- */

static struct {
	int count;
	struct ctl_judged last;
	struct ctl_inspect_table *table; // when set, filled too
} got;

static void take(void *arg, const struct ctl_judged *j, const struct dns_msg *msg)
{
	(void)arg;
	got.count++;
	got.last = *j;
	if (got.table != NULL)
		ctl_inspect_table_add(got.table, j, msg);
}

static void play_one(struct ctl_inspect *i, int k)
{
	struct ctl_capture_msg c = {.time_us = tape.item[k].time_us, .sport = 53, .dport = 4000};

	if (ctl_addr_from_text(tape.item[k].server, &c.src) != 0 ||
		ctl_addr_from_text("10.9.9.1", &c.dst) != 0)
		abort();
	if (tape.item[k].query) {
		struct route_addr t = c.src;

		c.src = c.dst;
		c.dst = t;
		c.sport = 4000;
		c.dport = 53;
	}
	c.data = tape.item[k].data;
	c.len = tape.item[k].len;
	ctl_inspect_message(i, &c);
}

/** Judge all; the keys are searched for in the given direction. */
static void play_with(const struct ctl_inspect_options *o, int drop, bool backwards)
{
	struct ctl_inspect_options options = *o;
	struct ctl_inspect *i;

	options.anchors = &w.anchors;
	got.count = 0;
	CU_ASSERT_EQUAL_FATAL(ctl_inspect_new(&options, take, NULL, &i), 0);
	for (int k = 0; k < tape.count; k++)
		if ((backwards ? tape.count - 1 - k : k) != drop)
			play_one(i, backwards ? tape.count - 1 - k : k);
	ctl_inspect_build(i);
	for (int k = 0; k < tape.count; k++)
		if (k != drop)
			play_one(i, k);
	ctl_inspect_free(i);
}

static void play(void)
{
	static const struct ctl_inspect_options plain;

	play_with(&plain, -1, false);
}

static void check(const char *name, enum val_verdict verdict, const char *why)
{
	UNIT_CHECK(name, got.last.verdict == verdict);
	UNIT_CHECK(name, strcmp(got.last.why, why) == 0);
	if (got.last.verdict != verdict || strcmp(got.last.why, why) != 0)
		printf("\n  %s: %s, %s", name, val_verdict_name(got.last.verdict), got.last.why);
}

/* ---- responses ---- */

static void shop_a(const struct kit_sign *sign)
{
	kit_init(&m, "www.shop.com.", DNS_TYPE_A, AA);
	one(DNS_ANSWER, "www.shop.com.", DNS_TYPE_A, kit_a(1), sign);
}

static void answer(void)
{
	shop_a(&w.by_shop);
	tape_add(&m, SHOP);
}

static void answer_expired(void)
{
	struct kit_sign s = w.by_shop;

	s.expiration = NOW - 1;
	shop_a(&s);
	tape_add(&m, SHOP);
}

static void answer_flipped(void)
{
	kit_init(&m, "www.shop.com.", DNS_TYPE_A, AA);
	m.harm = KIT_FLIP;
	one(DNS_ANSWER, "www.shop.com.", DNS_TYPE_A, kit_a(1), &w.by_shop);
	tape_add(&m, SHOP);
}

static void answer_stripped(void)
{
	shop_a(&w.unsigned_);
	tape_add(&m, SHOP);
}

static void query(bool do_bit)
{
	kit_init(&m, "www.shop.com.", DNS_TYPE_A, 0);
	dns_put16(m.buf + DNS_OFF_FLAGS, 0);
	if (do_bit)
		add_opt(true);
	tape_add(&m, SHOP);
}

static void answer_not_asked(void)
{
	query(false);
	shop_a(&w.unsigned_);
	tape_add(&m, SHOP);
}

/** The query had DO, so what the response says does not matter. */
static void answer_stripped_of_opt(void)
{
	query(true);
	shop_a(&w.unsigned_);
	add_opt(false);
	tape_add(&m, SHOP);
}

static void answer_without_do(void)
{
	shop_a(&w.unsigned_);
	add_opt(false);
	tape_add(&m, SHOP);
}

/** A server that the capture does not show to speak for the zone: there may be a delegation. */
static void answer_of_stranger(void)
{
	shop_a(&w.unsigned_);
	tape_add(&m, "10.0.7.7");
}

static void apex_of_stranger(void)
{
	kit_init(&m, "shop.com.", DNS_TYPE_MX, AA);
	one(DNS_ANSWER, "shop.com.", DNS_TYPE_MX, kit_name("\\000\\010.shop.com."), &w.unsigned_);
	tape_add(&m, "10.0.7.7");
}

static void resolver_answer(void)
{
	kit_init(&m, "www.shop.com.", DNS_TYPE_A, RA);
	one(DNS_ANSWER, "www.shop.com.", DNS_TYPE_A, kit_a(1), &w.by_shop);
	tape_add(&m, RESOLVER);
}

static void wildcard(void)
{
	struct kit_sign s = w.by_shop;

	s.wildcard = "*.w.shop.com.";
	s.labels = 3;
	kit_init(&m, "x.w.shop.com.", DNS_TYPE_A, AA);
	one(DNS_ANSWER, "x.w.shop.com.", DNS_TYPE_A, kit_a(1), &s);
	deny(&w.shop_chain, "~x.w.shop.com.", &w.by_shop);
	tape_add(&m, SHOP);
}

static void cname(void)
{
	kit_init(&m, "alias.shop.com.", DNS_TYPE_A, AA);
	one(DNS_ANSWER, "alias.shop.com.", DNS_TYPE_CNAME, kit_name("www.shop.com."), &w.by_shop);
	one(DNS_ANSWER, "www.shop.com.", DNS_TYPE_A, kit_a(1), &w.by_shop);
	tape_add(&m, SHOP);
}

static void dname(void)
{
	kit_init(&m, "a.old.shop.com.", DNS_TYPE_A, AA);
	one(DNS_ANSWER, "old.shop.com.", DNS_TYPE_DNAME, kit_name("w.shop.com."), &w.by_shop);
	one(DNS_ANSWER, "a.old.shop.com.", DNS_TYPE_CNAME, kit_name("a.w.shop.com."), &w.unsigned_);
	struct kit_sign s = w.by_shop;
	s.wildcard = "*.w.shop.com.";
	s.labels = 3;
	one(DNS_ANSWER, "a.w.shop.com.", DNS_TYPE_A, kit_a(1), &s);
	deny(&w.shop_chain, "~a.w.shop.com.", &w.by_shop);
	tape_add(&m, SHOP);
}

static void negative(const char *qname, uint16_t rcode, const char *proof)
{
	kit_init(&m, qname, DNS_TYPE_AAAA, (uint16_t)(AA | rcode));
	one(DNS_AUTHORITY, "com.", DNS_TYPE_SOA, kit_soa("com."), &w.by_com);
	if (proof != NULL)
		deny(&w.com_chain, proof, &w.by_com);
	tape_add(&m, COM);
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
	kit_init(&m, "a.shop.com.", DNS_TYPE_A, REFERRAL);
	one(DNS_AUTHORITY, "shop.com.", DNS_TYPE_NS, kit_name("ns.shop.com."), &w.unsigned_);
	one(DNS_AUTHORITY, "shop.com.", DNS_TYPE_DS, kit_ds(&w.shop, "shop.com."), &w.by_com);
	tape_add(&m, COM2);
}

static void referral_stripped(void)
{
	kit_init(&m, "a.shop.com.", DNS_TYPE_A, REFERRAL);
	one(DNS_AUTHORITY, "shop.com.", DNS_TYPE_NS, kit_name("ns.shop.com."), &w.unsigned_);
	tape_add(&m, COM);
}

static void referral_unsigned(void)
{
	kit_init(&m, "a.plain.com.", DNS_TYPE_A, REFERRAL);
	one(DNS_AUTHORITY, "plain.com.", DNS_TYPE_NS, kit_name("ns.plain.com."), &w.unsigned_);
	deny(&w.com_chain, "=plain.com.", &w.by_com);
	tape_add(&m, COM2);
}

static void plain_answer(void)
{
	kit_init(&m, "www.plain.com.", DNS_TYPE_A, AA);
	one(DNS_ANSWER, "www.plain.com.", DNS_TYPE_A, kit_a(1), &w.unsigned_);
	tape_add(&m, PLAIN);
}

static void plain_nodata(void)
{
	kit_init(&m, "www.plain.com.", DNS_TYPE_AAAA, AA);
	one(DNS_AUTHORITY, "plain.com.", DNS_TYPE_SOA, kit_soa("plain.com."), &w.unsigned_);
	tape_add(&m, PLAIN);
}

/** A delegation of which the capture shows nothing: not signed, for all we can tell. */
static void unknown_answer(void)
{
	kit_init(&m, "www.unseen.com.", DNS_TYPE_A, AA);
	one(DNS_ANSWER, "www.unseen.com.", DNS_TYPE_A, kit_a(1), &w.unsigned_);
	tape_add(&m, PLAIN);
}

static void unknown_nodata(void)
{
	kit_init(&m, "a.b.unseen.com.", DNS_TYPE_A, AA);
	one(DNS_AUTHORITY, "b.unseen.com.", DNS_TYPE_SOA, kit_soa("b.unseen.com."), &w.unsigned_);
	tape_add(&m, PLAIN);
}

static void net_answer(void)
{
	struct kit_sign s = sign_by(&w.other, "net.");

	kit_init(&m, "net.", DNS_TYPE_SOA, AA);
	one(DNS_ANSWER, "net.", DNS_TYPE_SOA, kit_soa("net."), &s);
	tape_add(&m, COM);
}

static void net_with_keys(void)
{
	struct kit_sign s = sign_by(&w.other, "net.");

	dnskey("net.", &w.other, &s);
	tape_add(&m, COM);
	kit_init(&m, "net.", DNS_TYPE_DS, AA);
	one(DNS_ANSWER, "net.", DNS_TYPE_DS, kit_ds(&w.com, "net."), &w.by_root);
	tape_add(&m, ROOT);
	net_answer();
}

static void error_with_ede(void)
{
	static const uint8_t ede[] = {0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 6, 0, 15, 0, 2, 0, 23};

	kit_init(&m, "www.shop.com.", DNS_TYPE_A, RA | DNS_RCODE_SERVFAIL);
	memcpy(m.buf + m.len, ede, sizeof(ede));
	m.len += sizeof(ede);
	m.counts[3]++;
	tape_add(&m, RESOLVER);
}

static void refused(void)
{
	kit_init(&m, "www.shop.com.", DNS_TYPE_A, DNS_FLAG_QR | DNS_RCODE_REFUSED);
	tape_add(&m, SHOP);
}

static void truncated(void)
{
	kit_init(&m, "www.shop.com.", DNS_TYPE_A, AA | DNS_FLAG_TC);
	tape_add(&m, SHOP);
}

static void transfer(void)
{
	kit_init(&m, "com.", DNS_TYPE_AXFR, AA);
	one(DNS_ANSWER, "com.", DNS_TYPE_SOA, kit_soa("com."), &w.by_com);
	tape_add(&m, COM);
}

static void lame(void)
{
	kit_init(&m, "www.shop.com.", DNS_TYPE_A, DNS_FLAG_QR);
	tape_add(&m, SHOP);
}

static void garbled(void)
{
	shop_a(&w.by_shop);
	m.len -= 3;
	tape_add(&m, SHOP);
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
			play_with(&plain, -1, backwards);
			check(rows[i].name, rows[i].verdict, rows[i].why);
			UNIT_CHECK(rows[i].name, got.last.ede == rows[i].ede);
			UNIT_CHECK(rows[i].name, got.last.has_sig == rows[i].has_sig);
			UNIT_CHECK(rows[i].name, got.last.text[0] != '\0');
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
		play();
		CU_ASSERT_EQUAL(got.count, n);
		CU_ASSERT_EQUAL(got.last.verdict, want[n - 1]);
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
		play_with(&plain, gaps[i].drop, false);
		check(gaps[i].name, gaps[i].verdict, gaps[i].why);
	}
	tape_clear();
}

static void test_no_anchor(void)
{
	kit_wire("org.", &w.anchors.item[0].zone);
	tape_base();
	answer();
	play();
	check("anchor of another zone", VAL_INDETERMINATE,
		"no_chain: no trust anchor above shop.com.");
	w.anchors.item[0].zone = (struct dns_name){1, 0, ""};
	tape_clear();
}

/** An anchor for a zone in the middle: the root is not needed. */
static void test_middle_anchor(void)
{
	static const struct ctl_inspect_options plain;
	struct val_anchor was = w.anchors.item[0];
	struct kit_rdata ds = kit_ds(&w.com, "com.");

	kit_wire("com.", &w.anchors.item[0].zone);
	w.anchors.item[0].type = DNS_TYPE_DS;
	memcpy(w.anchors.item[0].key.rdata, ds.octets, ds.len);
	w.anchors.item[0].key.rdata_len = (uint16_t)ds.len;
	w.anchors.item[0].key.key_tag = w.com.tag;
	tape_base();
	answer();
	play_with(&plain, ROOT_KEY, false);
	check("anchor for com.", VAL_SECURE, "none");
	w.anchors.item[0] = was;
	tape_clear();
}

/* ---- time ---- */

static void test_clock(void)
{
	struct ctl_inspect_options late = {.at = NOW + DAY + 1}, last = {.at = NOW + DAY};

	tape_base();
	answer();
	play();
	CU_ASSERT_EQUAL(got.last.verdict, VAL_SECURE); // an old capture, as of its own time
	CU_ASSERT_EQUAL(got.last.margin_s, DAY);
	CU_ASSERT_EQUAL(got.last.expiration, NOW + DAY);
	CU_ASSERT_EQUAL(got.last.inception, NOW - DAY);
	CU_ASSERT_EQUAL(got.last.key_tag, w.shop.tag);
	CU_ASSERT_EQUAL(got.last.algorithm, 13);
	play_with(&last, -1, false);
	CU_ASSERT_EQUAL(got.last.verdict, VAL_SECURE);
	CU_ASSERT_EQUAL(got.last.margin_s, 0);
	play_with(&late, -1, false);
	check("a second too late", VAL_BOGUS, "sig_expired");
	CU_ASSERT_EQUAL(got.last.margin_s, -1);
	tape_clear();
}

/** A capture that is longer than the life of the signatures over the keys in it. */
static void test_keys_over(void)
{
	struct kit_sign s = w.by_shop;

	s.expiration = NOW + 3 * DAY;
	tape_base();
	shop_a(&s);
	tape_add_at(&m, SHOP, NOW + DAY + 1);
	play();
	check("keys are over", VAL_INDETERMINATE, "no_chain: DNSKEY of shop.com. has expired");
	tape_clear();
}

/** Before and after a rollover, each answer by the keys of its time. */
static void test_rollover(void)
{
	struct kit_sign s = sign_by(&w.other, "shop.com.");

	tape_base();
	kit_init(&m, "shop.com.", DNS_TYPE_DS, AA);
	one(DNS_ANSWER, "shop.com.", DNS_TYPE_DS, kit_ds(&w.other, "shop.com."), &w.by_com);
	tape_add_at(&m, COM, NOW + 3 * HOUR);
	dnskey("shop.com.", &w.other, &s);
	tape_add_at(&m, SHOP, NOW + 3 * HOUR);
	shop_a(&s);
	tape_add_at(&m, SHOP, NOW + 3 * HOUR + 1);
	play();
	check("new key", VAL_SECURE, "none");
	shop_a(&w.by_shop);
	tape_add_at(&m, SHOP, NOW + HOUR);
	play();
	check("old key in its time", VAL_SECURE, "none");
	shop_a(&w.by_shop);
	tape_add_at(&m, SHOP, NOW + 4 * HOUR);
	play();
	check("old key after its time", VAL_BOGUS, "key_missing");
	tape_clear();
}

/** One server's keys are out of date: the others' hold, and only it is bogus. */
static void test_stale_keys(void)
{
	struct kit_sign s = w.by_shop;

	s.expiration = NOW - 1;
	tape_base();
	dnskey("shop.com.", &w.shop, &s);
	tape_add(&m, "10.0.2.2");
	play();
	check("stale keys", VAL_BOGUS, "sig_expired");
	shop_a(&w.by_shop);
	tape_add(&m, "10.0.2.2");
	play();
	check("keys of the others", VAL_SECURE, "none");
	tape_clear();
}

/** DS denied at a name that is no delegation does not make what is below it unsigned. */
static void test_denied_inside(void)
{
	tape_base();
	kit_init(&m, "www.shop.com.", DNS_TYPE_DS, AA);
	one(DNS_AUTHORITY, "shop.com.", DNS_TYPE_SOA, kit_soa("shop.com."), &w.by_shop);
	deny(&w.shop_chain, "=www.shop.com.", &w.by_shop);
	tape_add(&m, SHOP);
	answer_stripped();
	play();
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
	play_with(&o, -1, false);
	CU_ASSERT_EQUAL(got.count, 3);                 // the referral, its keys, the answer
	CU_ASSERT_EQUAL(got.last.verdict, VAL_SECURE); // by keys outside the zone
	kit_wire("op.com.", &zone);
	play_with(&o, -1, false);
	CU_ASSERT_EQUAL(got.count, 0);
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

		o.anchors = &w.anchors;
		tape_base();
		answer();
		CU_ASSERT_EQUAL_FATAL(ctl_inspect_new(&o, take, NULL, &i), 0);
		for (int k = 0; k < CTL_CHAIN_EVIDENCE_MAX - 1 + over; k++) {
			struct ctl_capture_msg c = {.sport = 53};
			struct kit_rdata rd = key_rdata(&w.shop);

			rd.octets[10] ^= (uint8_t)(k + 1);
			kit_init(&m, "shop.com.", DNS_TYPE_DNSKEY, AA);
			one(DNS_ANSWER, "shop.com.", DNS_TYPE_DNSKEY, rd, &w.unsigned_);
			uint8_t *data = kit_finish(&m, &c.len);
			c.data = data;
			for (int again = 0; again < 3; again++) // the same is no other
				ctl_inspect_message(i, &c);
			free(data);
		}
		for (int k = 0; k < tape.count; k++)
			play_one(i, k);
		ctl_inspect_build(i);
		play_one(i, tape.count - 1);
		CU_ASSERT_EQUAL(got.last.verdict, over ? VAL_BOGUS : VAL_SECURE);
		ctl_inspect_free(i);
	}
	tape_clear();
}

/* ---- what is said ---- */

static char *table_of(int64_t at)
{
	struct ctl_inspect_stats stats = {.responses = 12, .chain = {.secure = 3}};
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	CU_ASSERT_EQUAL_FATAL(ctl_inspect_table_new(&got.table), 0);
	play();
	stats.responses = (uint64_t)got.count;
	stats.capture.first_us = tape.item[0].time_us;
	for (int i = 0; i < tape.count; i++)
		if (tape.item[i].time_us > stats.capture.last_us)
			stats.capture.last_us = tape.item[i].time_us;
	ctl_inspect_table_print(got.table, &stats, at, f);
	ctl_inspect_table_free(got.table);
	got.table = NULL;
	fclose(f);
	return text;
}

static void com_soa(const char *server, int64_t time_s, uint32_t inception, uint32_t expiration)
{
	struct kit_sign s = w.by_com;

	s.inception = inception;
	s.expiration = expiration;
	kit_init(&m, "com.", DNS_TYPE_SOA, AA);
	one(DNS_ANSWER, "com.", DNS_TYPE_SOA, kit_soa("com."), &s);
	tape_add_at(&m, server, time_s);
}

/** Two servers, one of them two hours behind and bogus by now. */
static void test_table(void)
{
	tape_base();
	for (int i = 0; i < 3; i++) {
		com_soa(COM2, NOW + i * 10, NOW - 3 * HOUR, NOW + 15);
		com_soa(COM, NOW + i * 10 + 5, NOW - HOUR, NOW + DAY);
	}
	refused();
	char *text = table_of(0);
	CU_ASSERT_STRING_EQUAL(text,
		"13 responses of 4 servers, 2023-11-14 22:13:20 to 2023-11-14 22:13:45 UTC; keys "
		"of 3 zones hold\n"
		"\n"
		"SERVER    ANSWERS  SECURE  INSECURE  BOGUS  INDET.  NEAREST EXPIRY  NEWEST "
		"SIGNATURE    LAG  REMARK\n"
		"10.0.1.2        3       2         0      1       0          5s ago         3h 0m "
		"ago  2h 0m  BOGUS (sig_expired 1), LAGS\n"
		"10.0.0.1        2       2         0      0       0           1d 0h         1d 0h "
		"ago      -  ok\n"
		"10.0.1.1        6       5         1      0       0         23h 59m         1h 0m "
		"ago   none  ok\n"
		"10.0.2.1        2       1         0      0       1           1d 0h         1d 0h "
		"ago      -  ok\n"
		"\n"
		"indeterminate: 1 x refused\n");
	free(text);
	tape_clear();
}

/** A server that is only asked before the others get something new does not lag. */
static void test_lag_in_time(void)
{
	tape_base();
	com_soa(COM2, NOW, NOW - 3 * HOUR, NOW + DAY);
	com_soa(COM, NOW + 61, NOW - 60, NOW + DAY);
	char *text = table_of(0);
	CU_ASSERT_PTR_NULL(strstr(text, "LAGS"));
	free(text);
	tape_base();
	com_soa(COM2, NOW + 2, NOW - 3 * HOUR, NOW + DAY);
	com_soa(COM, NOW + 61, NOW - 60, NOW + DAY);
	text = table_of(0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "2h 59m  LAGS"));
	free(text);
	tape_clear();
}

/** What is bogus by its signature makes nobody lag. */
static void test_lag_forged(void)
{
	struct kit_sign s = w.by_com;

	tape_base();
	com_soa(COM, NOW, NOW - 3 * HOUR, NOW + DAY);
	s.inception = NOW - 60;
	kit_init(&m, "com.", DNS_TYPE_SOA, AA);
	m.harm = KIT_FLIP;
	one(DNS_ANSWER, "com.", DNS_TYPE_SOA, kit_soa("com."), &s);
	tape_add(&m, COM2);
	char *text = table_of(0);
	CU_ASSERT_PTR_NULL(strstr(text, "LAGS"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "BOGUS (sig_crypto 1)"));
	free(text);
	tape_clear();
}

static json_t *json_of(const struct ctl_judged *j)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	json_t *o;

	ctl_inspect_json(j, f);
	fclose(f);
	CU_ASSERT_EQUAL(strchr(text, '\n'), text + size - 1);
	o = json_loads(text, 0, NULL);
	free(text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	return o;
}

static void test_json(void)
{
	static const char *const keys[] = {"time", "server", "qname", "qtype", "rcode", "verdict",
		"reason", "ede", "signer", "key_tag", "algorithm", "inception", "expiration",
		"margin_s"};
	json_t *o;

	tape_base();
	answer_expired();
	play();
	got.last.time_us = 1700000000123456;
	o = json_of(&got.last);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		UNIT_CHECK(keys[i], json_object_get(o, keys[i]) != NULL);
	CU_ASSERT_EQUAL(json_real_value(json_object_get(o, "time")), 1700000000.123456);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "server")), SHOP);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "qname")), "www.shop.com.");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "qtype")), "A");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "rcode")), "NOERROR");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "verdict")), "bogus");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "reason")), "sig_expired");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "signer")), "shop.com.");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "ede")), 7);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "key_tag")), w.shop.tag);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "margin_s")), -1);
	json_decref(o);
	refused();
	play();
	o = json_of(&got.last);
	for (size_t i = 7; i < sizeof(keys) / sizeof(keys[0]); i++)
		UNIT_CHECK(keys[i], json_is_null(json_object_get(o, keys[i])));
	json_decref(o);
	tape_clear();
}

/* ---- the command ---- */

static void write_anchor(char path[])
{
	FILE *f = fdopen(mkstemp(path), "w");
	struct kit_rdata ds = kit_ds(&w.root, ".");

	fprintf(f, ". IN DS %u 13 2 ", w.root.tag);
	for (size_t i = 4; i < ds.len; i++)
		fprintf(f, "%02x", ds.octets[i]);
	fputc('\n', f);
	fclose(f);
}

static void write_tape(struct cap_file *file)
{
	static struct cap_frame f;
	const struct cap_end client = {"10.9.9.1", 4000};

	cap_file_new(file, DLT_EN10MB, (int64_t)NOW * 1000000);
	for (int i = 0; i < tape.count; i++) {
		struct cap_end server = {tape.item[i].server, 53};

		cap_udp_frame(&f, &cap_links[i % 3], &server, &client, tape.item[i].data,
			tape.item[i].len);
		cap_file_add(file, &f);
	}
	cap_file_close(file);
}

static int run(const struct ctl_inspect_args *a, char **out, char **err)
{
	size_t n, k;
	FILE *o = open_memstream(out, &n), *e = open_memstream(err, &k);
	int rc = ctl_inspect_run(a, o, e);

	fclose(o);
	fclose(e);
	return rc;
}

static void expect_run(const char *name, const struct ctl_inspect_args *a, int want,
	const char *out_has, const char *err_has)
{
	char *out, *err;
	int rc = run(a, &out, &err);

	UNIT_CHECK(name, rc == want);
	UNIT_CHECK(name, strstr(out, out_has) != NULL);
	UNIT_CHECK(name, strstr(err, err_has) != NULL);
	UNIT_CHECK(
		name, (want == CTL_INSPECT_UNREADABLE) == (strncmp(err, "swervectl: ", 11) == 0));
	free(out);
	free(err);
}

static void test_run_command(void)
{
	char anchor[] = "/tmp/swerve-anchor-XXXXXX";
	struct cap_file good = {0}, bad = {0};

	write_anchor(anchor);
	tape_base();
	write_tape(&good);
	answer_expired();
	write_tape(&bad);
	struct ctl_inspect_args a = {.file = good.path, .anchor = anchor};
	expect_run("good", &a, CTL_INSPECT_GOOD, "6 responses of 3 servers", "");
	a.file = bad.path;
	expect_run("bad", &a, CTL_INSPECT_BOGUS, "BOGUS (sig_expired 1)", "");
	a.json = true;
	expect_run("json", &a, CTL_INSPECT_BOGUS, "\"verdict\":\"bogus\"", "");
	a.zone = "plain.COM";
	expect_run("zone", &a, CTL_INSPECT_GOOD, "\"verdict\":\"insecure\"", "");
	a.at = "1800000000";
	expect_run("at", &a, CTL_INSPECT_BOGUS, "\"reason\":\"sig_expired\"", "");
	a.at = "tomorrow";
	expect_run("bad time", &a, CTL_INSPECT_UNREADABLE, "", "--at: expected");
	a.at = NULL;
	a.zone = "a..b";
	expect_run("bad zone", &a, CTL_INSPECT_UNREADABLE, "", "--zone: expected");
	a.zone = NULL;
	a.port = "65536";
	expect_run("bad port", &a, CTL_INSPECT_UNREADABLE, "", "--port: expected");
	a.port = NULL;
	a.anchor = "/nonexistent/anchor";
	expect_run("no anchor", &a, CTL_INSPECT_UNREADABLE, "", "/nonexistent/anchor: No such");
	a.anchor = anchor;
	a.file = anchor;
	expect_run("no capture", &a, CTL_INSPECT_UNREADABLE, "", "unknown file format");
	unlink(anchor);
	unlink(good.path);
	unlink(bad.path);
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
		{"--zone", test_zone_option},
		{"evidence at the limit", test_evidence_limit},
		{"table", test_table},
		{"lag, in time", test_lag_in_time},
		{"lag, forged", test_lag_forged},
		{"JSON", test_json},
		{"the command", test_run_command},
		CU_TEST_INFO_NULL,
	};
	int failed;

	make_world();
	failed = test_run("control/inspect", tests);
	end_world();
	return failed;
}
