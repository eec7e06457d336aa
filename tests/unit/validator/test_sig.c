#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/run.h"
#include "tests/unit/unit.h"
#include "validator/sig.h"

enum { NOW = 1700000000, TTL = 3600, ORIGINAL_TTL = 86400, TAG = 12345, A_NULL = 10 };

struct octets {
	size_t len;
	const uint8_t *data;
};

// Wire names as literals: their terminating NUL is the root label. OCTETS for tables.
#define OCTETS(literal)                                                                            \
	{                                                                                          \
		sizeof(literal), (const uint8_t *)(literal)                                        \
	}
#define NAME(literal) ((struct octets)OCTETS(literal))
#define RAW(literal)  ((struct octets){sizeof(literal) - 1, (const uint8_t *)(literal)})

/* ---- messages, octet by octet ---- */

struct builder {
	size_t len;
	uint16_t count[DNS_SECTIONS];
	uint8_t buf[DNS_MSG_MAX];
};

static struct builder b;
static struct dns_msg msg;
static struct val_rrset set;

static void start(void)
{
	memset(&b, 0, sizeof(b));
	b.len = DNS_HEADER_LEN;
}

static void rr_of(enum dns_section s, struct octets owner, uint16_t class_, uint16_t type,
	struct octets rdata)
{
	uint8_t *p = b.buf + b.len;

	memcpy(p, owner.data, owner.len);
	p += owner.len;
	dns_put16(p, type);
	dns_put16(p + 2, class_);
	dns_put32(p + 4, TTL);
	dns_put16(p + 8, (uint16_t)rdata.len);
	if (rdata.len > 0)
		memcpy(p + DNS_RR_FIXED_LEN, rdata.data, rdata.len);
	b.len += owner.len + DNS_RR_FIXED_LEN + rdata.len;
	b.count[s]++;
}

static void rr(struct octets owner, uint16_t type, struct octets rdata)
{
	rr_of(DNS_ANSWER, owner, DNS_CLASS_IN, type, rdata);
}

struct sig_rdata {
	size_t len;
	uint8_t octets[DNS_RRSIG_FIXED_LEN + DNS_NAME_MAX + 64];
};

static struct sig_rdata sig_over(uint16_t type, uint8_t labels, struct octets signer)
{
	struct sig_rdata s = {.len = DNS_RRSIG_FIXED_LEN + signer.len + 4};

	dns_put16(s.octets, type);
	s.octets[2] = 13;
	s.octets[3] = labels;
	dns_put32(s.octets + 4, ORIGINAL_TTL);
	dns_put32(s.octets + 8, NOW + 60);
	dns_put32(s.octets + 12, NOW - 60);
	dns_put16(s.octets + 16, TAG);
	memcpy(s.octets + DNS_RRSIG_FIXED_LEN, signer.data, signer.len);
	memcpy(s.octets + DNS_RRSIG_FIXED_LEN + signer.len, "\1\2\3\4", 4);
	return s;
}

static void rrsig(struct octets owner, const struct sig_rdata *s)
{
	rr(owner, DNS_TYPE_RRSIG, (struct octets){s->len, s->octets});
}

/* Parse from an exact-size block, which stays until the next call. */
static void parse(void)
{
	static uint8_t *bytes;

	for (int s = 0; s < DNS_SECTIONS; s++)
		dns_put16(b.buf + DNS_OFF_ANCOUNT + 2 * s, b.count[s]);
	free(bytes);
	bytes = unit_copy(b.buf, b.len);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, bytes, b.len), 0);
}

/* ---- algorithms ---- */

static void test_algorithms(void)
{
	for (unsigned a = 0; a < 256; a++) {
		bool live = a == 8 || a == 10 || (a >= 13 && a <= 16);
		bool sha1 = a == 5 || a == 7;

		CU_ASSERT_EQUAL(val_alg_supported((uint8_t)a, false), live);
		CU_ASSERT_EQUAL(val_alg_supported((uint8_t)a, true), live || sha1);
	}
}

/* ---- collecting ---- */

static void test_collect(void)
{
	struct sig_rdata a = sig_over(DNS_TYPE_A, 2, NAME("\3com"));
	struct sig_rdata mx = sig_over(DNS_TYPE_MX, 2, NAME("\3com"));

	start();
	rr(NAME("\1x\3com"), DNS_TYPE_NS, NAME("\1n\3com"));          // 0: before
	rr(NAME("\1W\3com"), DNS_TYPE_A, RAW("\1\2\3\4"));            // 1: first
	rrsig(NAME("\1w\3com"), &mx);                                 // 2: other type
	rr(NAME("\1x\3com"), DNS_TYPE_A, RAW("\1\2\3\5"));            // 3: other owner
	rrsig(NAME("\1w\3COM"), &a);                                  // 4: signature
	rr(NAME("\1w\3com"), DNS_TYPE_AAAA, RAW("0123456789abcdef")); // 5: other type
	rr_of(DNS_ANSWER, NAME("\1w\3com"), DNS_CLASS_CH, DNS_TYPE_A, RAW("\1\2\3\4")); // 6: class
	rr(NAME("\1w\3cOm"), DNS_TYPE_A, RAW("\1\2\3\6"));                              // 7: second
	rrsig(NAME("\1x\3com"), &a); // 8: other owner
	rr_of(DNS_ADDITIONAL, NAME("\1w\3com"), DNS_CLASS_IN, DNS_TYPE_A, RAW("\1\2\3\7"));
	parse();
	val_rrset_collect(&msg, 1, &set);
	CU_ASSERT_EQUAL(set.type, DNS_TYPE_A);
	CU_ASSERT_EQUAL(set.class_, DNS_CLASS_IN);
	CU_ASSERT_EQUAL(set.section, DNS_ANSWER);
	CU_ASSERT_FALSE(set.overflow);
	CU_ASSERT_EQUAL_FATAL(set.rr_count, 2);
	CU_ASSERT(set.rr[0] == 1 && set.rr[1] == 7);
	CU_ASSERT_EQUAL_FATAL(set.sig_count, 1);
	CU_ASSERT_EQUAL(set.sig[0], 4);
	CU_ASSERT_EQUAL(set.owner.len, 7);
	CU_ASSERT_EQUAL(memcmp(set.owner.octets, "\1w\3com", 7), 0);
}

/* Owners as senders compress them: one pointer for many, another for the same name, other names. */
static void test_collect_pointers(void)
{
	start();
	rr(NAME("\1w\3com"), DNS_TYPE_A, RAW("\1\2\3\4"));     // 0: its name is at 12, com. at 14
	rr(RAW("\xc0\x0c"), DNS_TYPE_A, RAW("\1\2\3\5"));      // 1: first
	rr(RAW("\xc0\x0e"), DNS_TYPE_A, RAW("\1\2\3\6"));      // 2: com.
	rr(RAW("\xc0\x0c"), DNS_TYPE_A, RAW("\1\2\3\7"));      // 3: by the same pointer
	rr(RAW("\1w\xc0\x0e"), DNS_TYPE_A, RAW("\1\2\3\x08")); // 4: by another
	rr(RAW("\1x\xc0\x0e"), DNS_TYPE_A, RAW("\1\2\3\x09")); // 5: another name
	rr(RAW("\1w\xc0\x0c"), DNS_TYPE_A, RAW("\1\2\3\x0a")); // 6: w.w.com.
	rr(RAW("\1W\xc0\x0e"), DNS_TYPE_A, RAW(""));           // 7: at the very end
	parse();
	val_rrset_collect(&msg, 1, &set);
	CU_ASSERT_EQUAL_FATAL(set.rr_count, 4);
	CU_ASSERT(set.rr[0] == 1 && set.rr[1] == 3 && set.rr[2] == 4 && set.rr[3] == 7);
	CU_ASSERT_EQUAL(memcmp(set.owner.octets, "\1w\3com", 7), 0);
	val_rrset_collect(&msg, 2, &set);
	CU_ASSERT_EQUAL(set.rr_count, 1);
	val_rrset_collect(&msg, 4, &set);
	CU_ASSERT(set.rr_count == 2 && set.rr[1] == 7);
}

/* A signature too short to say what it covers covers nothing. */
static void test_collect_stub_signature(void)
{
	start();
	rr(NAME("\3com"), DNS_TYPE_A, RAW("\1\2\3\4"));
	rr(NAME("\3com"), DNS_TYPE_RRSIG, RAW("\0"));
	rr(NAME("\3com"), DNS_TYPE_RRSIG, RAW(""));
	rr(NAME("\3com"), DNS_TYPE_RRSIG, RAW("\0\1"));
	parse();
	val_rrset_collect(&msg, 0, &set);
	CU_ASSERT_EQUAL(set.sig_count, 1);
	CU_ASSERT_EQUAL(set.sig[0], 3);
}

static void collect_many(int records, int sigs)
{
	struct sig_rdata s = sig_over(DNS_TYPE_A, 1, NAME("\3com"));

	start();
	for (int i = 0; i < records; i++) {
		uint8_t a[4] = {10, 0, 0, (uint8_t)i};

		rr(NAME("\3com"), DNS_TYPE_A, (struct octets){4, a});
	}
	for (int i = 0; i < sigs; i++)
		rrsig(NAME("\3com"), &s);
	parse();
	val_rrset_collect(&msg, 0, &set);
}

static void test_collect_limits(void)
{
	collect_many(VAL_RRSET_RRS_MAX, VAL_VERIFY_RRSET_MAX);
	CU_ASSERT_FALSE(set.overflow);
	CU_ASSERT_EQUAL(set.rr_count, VAL_RRSET_RRS_MAX);
	CU_ASSERT_EQUAL(set.sig_count, VAL_VERIFY_RRSET_MAX);
	collect_many(VAL_RRSET_RRS_MAX + 1, 1);
	CU_ASSERT_TRUE(set.overflow);
	CU_ASSERT_EQUAL(set.rr_count, VAL_RRSET_RRS_MAX);
	collect_many(1, VAL_VERIFY_RRSET_MAX + 1);
	CU_ASSERT_TRUE(set.overflow);
	CU_ASSERT_EQUAL(set.sig_count, VAL_VERIFY_RRSET_MAX);
	collect_many(128, 128); // as many as a message may hold
	CU_ASSERT_TRUE(set.overflow);
}

/* ---- signed data ---- */

/* Over the set of the answer's first record by its first signature, into exactly size octets. */
static int signed_data_of(uint8_t *out, size_t size)
{
	uint8_t *exact = malloc(size > 0 ? size : 1);
	struct dns_rrsig sig;
	const struct dns_rr *r;
	int n;

	val_rrset_collect(&msg, 0, &set);
	CU_ASSERT_EQUAL_FATAL(set.sig_count, 1);
	r = &msg.rr[set.sig[0]];
	CU_ASSERT_EQUAL_FATAL(dns_rrsig_read(msg.data + r->rdata_off, r->rdata_len, &sig), 0);
	n = val_signed_data(&msg, &set, &sig, msg.data + r->rdata_off, exact, size);
	if (n > 0 && out != NULL)
		memcpy(out, exact, (size_t)n);
	free(exact);
	return n;
}

static void check_data(const char *name, struct octets expect)
{
	uint8_t data[VAL_SIGNED_DATA_MAX];
	int n;

	parse();
	n = signed_data_of(data, sizeof(data));
	UNIT_CHECK(name, n == (int)expect.len);
	UNIT_CHECK(name, n == (int)expect.len && memcmp(data, expect.data, expect.len) == 0);
	UNIT_CHECK(name, signed_data_of(data, expect.len) == (int)expect.len);
	UNIT_CHECK(name, signed_data_of(data, expect.len - 1) == -ENOSPC);
	UNIT_CHECK(name, signed_data_of(data, 0) == -ENOSPC);
}

// clang-format off
// RRSIG RDATA up to its signer, as sig_over() writes it
#define SIG_HEAD(type, labels) \
	"\0" type "\x0d" labels "\0\1\x51\x80" "\x65\x53\xf1\x3c" "\x65\x53\xf0\xc4" "\x30\x39"
// type, class IN and original TTL of a record
#define RR_HEAD(type) "\0" type "\0\1" "\0\1\x51\x80"

static const char mx_data[] =
	SIG_HEAD("\x0f", "\2") "\3com\0"
	"\1w\3com\0" RR_HEAD("\x0f") "\0\x09" "\0\x0a\1z\3com\0"
	"\1w\3com\0" RR_HEAD("\x0f") "\0\x0a" "\0\x0a\2aa\3com\0"
	"\1w\3com\0" RR_HEAD("\x0f") "\0\x09" "\0\x14\1b\3com\0";
static const char nsec_data[] =
	SIG_HEAD("\x2f", "\1") "\3com\0"
	"\3com\0" RR_HEAD("\x2f") "\0\x0a" "\1A\3CoM\0" "\0\1\x40";
static const char prefix_data[] =
	SIG_HEAD("\x0a", "\1") "\3com\0"
	"\3com\0" RR_HEAD("\x0a") "\0\0"
	"\3com\0" RR_HEAD("\x0a") "\0\1" "\1"
	"\3com\0" RR_HEAD("\x0a") "\0\2" "\1\0"
	"\3com\0" RR_HEAD("\x0a") "\0\1" "\xff";
// clang-format on

static void test_canonical_mx(void)
{
	struct sig_rdata s = sig_over(DNS_TYPE_MX, 2, NAME("\3COM"));

	// compressed, letter case mixed, out of order, one twice
	start();
	rr(NAME("\1W\3Com"), DNS_TYPE_MX, RAW("\0\x14\1B\xc0\x0e")); // 20 B.Com.
	rr(RAW("\xc0\x0c"), DNS_TYPE_MX, RAW("\0\x0a\2aa\xc0\x0e")); // 10 aa.Com.
	rr(NAME("\1w\3com"), DNS_TYPE_MX, RAW("\0\x0a\1Z\3coM\0"));  // 10 Z.coM.
	rr(NAME("\1w\3com"), DNS_TYPE_MX, RAW("\0\x14\1b\3com\0"));  // again, as it counts
	rrsig(NAME("\1w\3com"), &s);
	check_data("MX", RAW(mx_data));
}

/* RFC 6840 s5.1: NSEC's next name keeps its case. */
static void test_canonical_nsec(void)
{
	struct sig_rdata s = sig_over(DNS_TYPE_NSEC, 1, NAME("\3com"));

	start();
	rr(NAME("\3COM"), DNS_TYPE_NSEC, RAW("\1A\3CoM\0\0\1\x40"));
	rrsig(NAME("\3com"), &s);
	check_data("NSEC", RAW(nsec_data));
}

/* RFC 4034 s6.3: a record that is the beginning of another comes first; none at all before both. */
static void test_canonical_prefix(void)
{
	struct sig_rdata s = sig_over(A_NULL, 1, NAME("\3com"));

	start();
	rr(NAME("\3com"), A_NULL, RAW("\1\0"));
	rr(NAME("\3com"), A_NULL, RAW("\1"));
	rr(NAME("\3com"), A_NULL, RAW("\xff"));
	rr(NAME("\3com"), A_NULL, RAW(""));
	rrsig(NAME("\3com"), &s);
	check_data("prefix", RAW(prefix_data));
}

static void test_owner_by_labels(void)
{
	static const struct {
		const char *name;
		struct octets owner, expect;
		uint8_t labels;
	} rows[] = {
		{"as it is", OCTETS("\1b\1a\3com"), OCTETS("\1b\1a\3com"), 3},
		{"one label", OCTETS("\1b\1a\3com"), OCTETS("\1*\1a\3com"), 2},
		{"two labels", OCTETS("\1b\1a\3com"), OCTETS("\1*\3com"), 1},
		{"below the root", OCTETS("\1b\1a\3com"), OCTETS("\1*"), 0},
		{"the wildcard itself", OCTETS("\1*\1A\3com"), OCTETS("\1*\1a\3com"), 2},
		{"a longer label", OCTETS("\3www\3com"), OCTETS("\1*\3com"), 1},
		{"the root", OCTETS(""), OCTETS(""), 0},
	};
	enum { HEAD = DNS_RRSIG_FIXED_LEN + 5 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sig_rdata s = sig_over(DNS_TYPE_A, rows[i].labels, NAME("\3com"));
		struct octets expect = rows[i].expect;
		uint8_t data[VAL_SIGNED_DATA_MAX];
		int n;

		start();
		rr(rows[i].owner, DNS_TYPE_A, RAW("\1\2\3\4"));
		rrsig(rows[i].owner, &s);
		parse();
		n = signed_data_of(data, sizeof(data));
		UNIT_CHECK(rows[i].name, n == (int)(HEAD + expect.len + DNS_RR_FIXED_LEN + 4));
		UNIT_CHECK(rows[i].name, memcmp(data + HEAD, expect.data, expect.len) == 0);
	}
}

static void test_malformed_rdata(void)
{
	struct sig_rdata s = sig_over(DNS_TYPE_MX, 1, NAME("\3com"));
	static const struct {
		const char *name;
		struct octets rdata;
	} rows[] = {
		{"empty", {0, (const uint8_t *)""}},
		{"no name", {2, (const uint8_t *)"\0\1"}},
		{"name past RDATA", {4, (const uint8_t *)"\0\1\3c"}},
		{"pointer forward", {4, (const uint8_t *)"\0\1\xcf\xff"}},
		{"octet left over", {4, (const uint8_t *)"\0\1\0x"}},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start();
		rr(NAME("\3com"), DNS_TYPE_MX, RAW("\0\1\0"));
		rr(NAME("\3com"), DNS_TYPE_MX, rows[i].rdata);
		rrsig(NAME("\3com"), &s);
		parse();
		UNIT_CHECK(rows[i].name, signed_data_of(NULL, VAL_SIGNED_DATA_MAX) == -EBADMSG);
	}
}

/* The most that is canonicalised, and one octet more. */
static void test_largest_data(void)
{
	enum { HEAD = DNS_RRSIG_FIXED_LEN + 5, PER_RR = 5 + DNS_RR_FIXED_LEN, RECORDS = 4 };
	struct sig_rdata s = sig_over(A_NULL, 1, NAME("\3com"));
	uint8_t big[VAL_SIGNED_DATA_MAX] = {0};

	for (int extra = 0; extra < 2; extra++) {
		size_t left = VAL_SIGNED_DATA_MAX - HEAD - RECORDS * PER_RR + (size_t)extra;

		start();
		for (int i = 0; i < RECORDS; i++) {
			size_t len = i < RECORDS - 1 ? 2000 : left - (RECORDS - 1) * 2000;

			big[0] = (uint8_t)i;
			rr(NAME("\3com"), A_NULL, (struct octets){len, big});
		}
		rrsig(NAME("\3com"), &s);
		parse();
		CU_ASSERT_EQUAL(signed_data_of(NULL, VAL_SIGNED_DATA_MAX),
			extra ? -ENOSPC : (int)VAL_SIGNED_DATA_MAX);
	}
}

/* ---- against a naive one ---- */

struct plain {
	size_t len;
	uint8_t octets[6];
};

static int compare_plain(const void *x, const void *y)
{
	const struct plain *p = x, *q = y;
	int d = memcmp(p->octets, q->octets, p->len < q->len ? p->len : q->len);

	return d != 0 ? d : (p->len > q->len) - (p->len < q->len);
}

static size_t naive_data(
	uint8_t *out, const struct sig_rdata *s, const struct plain *records, unsigned count)
{
	struct plain sorted[VAL_RRSET_RRS_MAX];
	size_t len = s->len - 4; // without the signature

	memcpy(out, s->octets, len);
	memcpy(sorted, records, count * sizeof(sorted[0]));
	qsort(sorted, count, sizeof(sorted[0]), compare_plain);
	for (unsigned i = 0; i < count; i++) {
		if (i > 0 && compare_plain(&sorted[i - 1], &sorted[i]) == 0)
			continue;
		memcpy(out + len, "\3com\0" RR_HEAD("\x0a") "\0", 14);
		out[len + 14] = (uint8_t)sorted[i].len;
		memcpy(out + len + 15, sorted[i].octets, sorted[i].len);
		len += 15 + sorted[i].len;
	}
	return len;
}

static void test_against_naive(void)
{
	enum { ROUNDS = 5000 };
	struct sig_rdata s = sig_over(A_NULL, 1, NAME("\3com"));
	uint64_t seed = 6;
	unsigned wrong = 0;

	for (int round = 0; round < ROUNDS; round++) {
		unsigned count = 1 + unit_random_below(&seed, VAL_RRSET_RRS_MAX);
		struct plain records[VAL_RRSET_RRS_MAX];
		uint8_t data[VAL_SIGNED_DATA_MAX], expect[VAL_SIGNED_DATA_MAX];
		size_t len;
		int n;

		start();
		for (unsigned i = 0; i < count; i++) { // few octets, two values: many are equal
			records[i].len = unit_random_below(&seed, 6);
			for (size_t k = 0; k < records[i].len; k++)
				records[i].octets[k] = unit_random_below(&seed, 2) ? 0xff : 1;
			rr(NAME("\3com"), A_NULL,
				(struct octets){records[i].len, records[i].octets});
		}
		rrsig(NAME("\3com"), &s);
		parse();
		len = naive_data(expect, &s, records, count);
		n = signed_data_of(data, sizeof(data));
		wrong += n != (int)len || memcmp(data, expect, len) != 0;
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* ---- what needs no key ---- */

static struct dns_rrsig plain_sig(uint8_t labels, struct octets signer)
{
	return (struct dns_rrsig){
		.type_covered = DNS_TYPE_A,
		.algorithm = 13,
		.labels = labels,
		.original_ttl_s = ORIGINAL_TTL,
		.expiration = NOW + 60,
		.inception = NOW - 60,
		.signer = signer.data,
		.signer_len = (uint8_t)signer.len,
	};
}

static void set_of(struct octets owner)
{
	start();
	rr(owner, DNS_TYPE_A, RAW("\1\2\3\4"));
	parse();
	val_rrset_collect(&msg, 0, &set);
}

#define OCTETS(literal)                                                                            \
	{                                                                                          \
		sizeof(literal), (const uint8_t *)(literal)                                        \
	}

static void test_precheck_structure(void)
{
	static const struct {
		const char *name;
		struct octets owner, signer, zone;
		uint8_t labels;
		enum val_reason expect;
	} rows[] = {
		{"apex", OCTETS("\3com"), OCTETS("\3com"), OCTETS("\3com"), 1, VAL_R_NONE},
		{"below", OCTETS("\1a\3com"), OCTETS("\3com"), OCTETS("\3com"), 2, VAL_R_NONE},
		{"signer's case", OCTETS("\1a\3com"), OCTETS("\3COM"), OCTETS("\3com"), 2,
			VAL_R_NONE},
		{"expanded", OCTETS("\1b\1a\3com"), OCTETS("\3com"), OCTETS("\3com"), 1,
			VAL_R_NONE},
		{"the root's", OCTETS("\3com"), OCTETS(""), OCTETS(""), 1, VAL_R_NONE},
		{"the root", OCTETS(""), OCTETS(""), OCTETS(""), 0, VAL_R_NONE},
		{"expanded below the root", OCTETS("\3com"), OCTETS(""), OCTETS(""), 0, VAL_R_NONE},
		{"wildcard's own", OCTETS("\1*\3com"), OCTETS("\3com"), OCTETS("\3com"), 1,
			VAL_R_NONE},
		{"wildcard counted", OCTETS("\1*\3com"), OCTETS("\3com"), OCTETS("\3com"), 2,
			VAL_R_SIG_LABELS},
		{"a label * inside", OCTETS("\1a\1*\3com"), OCTETS("\3com"), OCTETS("\3com"), 3,
			VAL_R_NONE},
		{"one label more", OCTETS("\1a\3com"), OCTETS("\3com"), OCTETS("\3com"), 3,
			VAL_R_SIG_LABELS},
		{"fewer than the signer has", OCTETS("\1b\1a\3com"), OCTETS("\1a\3com"),
			OCTETS("\1a\3com"), 1, VAL_R_SIG_LABELS},
		{"as many as the signer has", OCTETS("\1b\1a\3com"), OCTETS("\1a\3com"),
			OCTETS("\1a\3com"), 2, VAL_R_NONE},
		{"no labels", OCTETS("\1a\3com"), OCTETS("\3com"), OCTETS("\3com"), 0,
			VAL_R_SIG_LABELS},
		{"255 labels", OCTETS("\1a\3com"), OCTETS("\3com"), OCTETS("\3com"), 255,
			VAL_R_SIG_LABELS},
		{"signer above the zone", OCTETS("\1a\3com"), OCTETS(""), OCTETS("\3com"), 2,
			VAL_R_SIG_SIGNER},
		{"signer below the zone", OCTETS("\1b\1a\3com"), OCTETS("\1a\3com"),
			OCTETS("\3com"), 3, VAL_R_SIG_SIGNER},
		{"signer beside the zone", OCTETS("\1a\3com"), OCTETS("\3net"), OCTETS("\3com"), 2,
			VAL_R_SIG_SIGNER},
		{"owner outside the zone", OCTETS("\1a\3net"), OCTETS("\3com"), OCTETS("\3com"), 2,
			VAL_R_SIG_SIGNER},
		{"owner ends alike", OCTETS("\1a\4xcom"), OCTETS("\3com"), OCTETS("\3com"), 2,
			VAL_R_SIG_SIGNER},
	};
	static const struct val_skew none;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dns_rrsig sig = plain_sig(rows[i].labels, rows[i].signer);

		set_of(rows[i].owner);
		UNIT_CHECK(rows[i].name, val_sig_precheck(&set, &sig, rows[i].zone.data, NOW,
						 &none) == rows[i].expect);
		// structure before time
		sig.expiration = NOW - 1;
		UNIT_CHECK(
			rows[i].name, val_sig_precheck(&set, &sig, rows[i].zone.data, NOW, &none) ==
					      (rows[i].expect == VAL_R_NONE ? VAL_R_SIG_EXPIRED
									    : rows[i].expect));
	}
}

static void test_precheck_type(void)
{
	static const struct val_skew none;
	struct dns_rrsig sig = plain_sig(1, NAME("\3com"));

	set_of(NAME("\3com"));
	sig.type_covered = DNS_TYPE_AAAA;
	CU_ASSERT_EQUAL(val_sig_precheck(&set, &sig, (const uint8_t *)"\3com", NOW, &none),
		VAL_R_SIG_MALFORMED);
}

static void test_precheck_time(void)
{
	static const uint32_t half = UINT32_C(1) << 31;
	static const struct {
		const char *name;
		uint32_t inception, expiration, now;
		struct val_skew skew;
		enum val_reason expect;
	} rows[] = {
		{"inside", 100, 200, 150, {0, 0}, VAL_R_NONE},
		{"first second", 100, 200, 100, {0, 0}, VAL_R_NONE},
		{"a second early", 100, 200, 99, {0, 0}, VAL_R_SIG_NOT_YET_VALID},
		{"last second", 100, 200, 200, {0, 0}, VAL_R_NONE},
		{"a second late", 100, 200, 201, {0, 0}, VAL_R_SIG_EXPIRED},
		{"one second's life", 100, 100, 100, {0, 0}, VAL_R_NONE},
		{"reversed", 200, 100, 150, {0, 0}, VAL_R_SIG_TIMES_REVERSED},
		{"reversed, within skew", 200, 199, 199, {60, 60}, VAL_R_SIG_TIMES_REVERSED},
		{"skew at the beginning", 100, 200, 90, {10, 0}, VAL_R_NONE},
		{"a second beyond it", 100, 200, 89, {10, 0}, VAL_R_SIG_NOT_YET_VALID},
		{"skew at the end", 100, 200, 210, {0, 10}, VAL_R_NONE},
		{"a second beyond that", 100, 200, 211, {0, 10}, VAL_R_SIG_EXPIRED},
		{"the one is not the other", 100, 200, 90, {0, 10}, VAL_R_SIG_NOT_YET_VALID},
		{"over 2^32", 0xffffff00, 0x100, 0x10, {0, 0}, VAL_R_NONE},
		{"over 2^32, early", 0xffffff00, 0x100, 0xfffffeff, {0, 0},
			VAL_R_SIG_NOT_YET_VALID},
		{"over 2^32, late", 0xffffff00, 0x100, 0x101, {0, 0}, VAL_R_SIG_EXPIRED},
		{"over 2^32, skew at the beginning", 5, 200, 0xfffffffb, {10, 0}, VAL_R_NONE},
		{"over 2^32, skew at the end", 0xffffff00, 0xfffffffb, 5, {0, 10}, VAL_R_NONE},
		{"as long as can be", 100, 100 + half - 1, 100, {0, 0}, VAL_R_NONE},
		{"longer", 100, 101 + half, 150, {0, 0}, VAL_R_SIG_TIMES_REVERSED},
	};

	set_of(NAME("\3com"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dns_rrsig sig = plain_sig(1, NAME("\3com"));

		sig.inception = rows[i].inception;
		sig.expiration = rows[i].expiration;
		UNIT_CHECK(rows[i].name, val_sig_precheck(&set, &sig, (const uint8_t *)"\3com",
						 rows[i].now, &rows[i].skew) == rows[i].expect);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"algorithms", test_algorithms},
		{"collect: what belongs together", test_collect},
		{"RRsets with compressed owners", test_collect_pointers},
		{"collect: a stub of a signature", test_collect_stub_signature},
		{"collect: n and n + 1", test_collect_limits},
		{"signed data: MX, compressed and out of order", test_canonical_mx},
		{"signed data: NSEC keeps case", test_canonical_nsec},
		{"signed data: a prefix comes first", test_canonical_prefix},
		{"signed data: owner by labels", test_owner_by_labels},
		{"signed data: malformed RDATA", test_malformed_rdata},
		{"signed data: n and n + 1 octets", test_largest_data},
		{"signed data: against a naive one", test_against_naive},
		{"precheck: structure", test_precheck_structure},
		{"precheck: type", test_precheck_type},
		{"precheck: time", test_precheck_time},
		CU_TEST_INFO_NULL,
	};

	return test_run("validator/sig", tests);
}
