#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "dataplane/reply.h"
#include "dns/rdata.h"
#include "dns/writer.h"
#include "tests/unit/run.h"

/* A message under construction, records appended by hand: owner given as offset of a pointer or the
 * root. */
struct builder {
	uint8_t buf[2048];
	size_t len;
};

static const uint8_t qname[] = "\3foo\3com"; // with the root label that ends the string

static void add(struct builder *b, const void *data, size_t len)
{
	memcpy(b->buf + b->len, data, len);
	b->len += len;
}

static void add16(struct builder *b, uint16_t v)
{
	dns_put16(b->buf + b->len, v);
	b->len += 2;
}

static void start(struct builder *b, uint16_t flags, uint16_t qtype)
{
	b->len = 0;
	add16(b, 0x1234);
	add16(b, flags);
	add16(b, 1);
	add16(b, 0);
	add16(b, 0);
	add16(b, 0);
	add(b, qname, sizeof(qname));
	add16(b, qtype);
	add16(b, DNS_CLASS_IN);
}

static void record(struct builder *b, unsigned section, uint16_t type, uint32_t ttl,
	const void *rdata, uint16_t len)
{
	uint8_t *count = b->buf + DNS_OFF_ANCOUNT + 2 * section;

	add16(b, 0xc00c);
	add16(b, type);
	add16(b, DNS_CLASS_IN);
	add16(b, (uint16_t)(ttl >> 16));
	add16(b, (uint16_t)ttl);
	add16(b, len);
	add(b, rdata, len);
	dns_put16(count, (uint16_t)(dns_get16(count) + 1));
}

static void opt(struct builder *b)
{
	uint8_t *count = b->buf + DNS_OFF_ARCOUNT;

	add(b, "\0\0\x29\x04\xd0\0\0\x80\0\0\0", 11);
	dns_put16(count, (uint16_t)(dns_get16(count) + 1));
}

/* The reply that most tests use: A, its RRSIG, NS and DS in authority, OPT. */
static void signed_answer(struct builder *b)
{
	uint8_t rrsig[18 + 5 + 64] = {0, 1, 13, 2};

	memcpy(rrsig + 18, "\3com", 5);
	start(b, DNS_FLAG_QR | DNS_FLAG_AA | DNS_FLAG_RA | DNS_FLAG_AD, DNS_TYPE_A);
	record(b, 0, DNS_TYPE_A, 300, "\x0a\0\0\1", 4);
	record(b, 0, DNS_TYPE_RRSIG, 300, rrsig, sizeof(rrsig));
	record(b, 1, DNS_TYPE_NS, 600, "\2ns\xc0\x0c", 5);
	record(b, 1, DNS_TYPE_DS, 600, "\x12\x34\x0d\2abcdefghijklmnopqrstuvwxyz012345", 36);
	opt(b);
}

static void note_case(const uint8_t *name, size_t len, uint8_t bits[DNS_CASE_OCTETS])
{
	struct dns_name lower;

	CU_ASSERT_EQUAL(dns_name_take_lower(name, name + len, &lower, bits), (int)len);
}

static struct dp_waiter client(bool edns, bool do_bit, uint16_t size)
{
	struct dp_waiter w = {.edns = edns,
		.do_bit = do_bit,
		.udp_size = size,
		.id = 0xbeef,
		.flags = DNS_FLAG_RD | DNS_FLAG_CD};

	note_case((const uint8_t *)"\3fOO\3Com", sizeof(qname), w.case_bits);
	return w;
}

static struct val_response judged(enum val_verdict verdict)
{
	struct val_response vr = {.result.verdict = verdict};

	for (unsigned i = 0; i < DNS_MSG_RR_MAX; i++)
		vr.ttl_cap_s[i] = UINT32_MAX;
	return vr;
}

/* Copy for one client out of an exact-size block into one, parse the result. */
static int copy(const struct builder *b, const struct val_response *vr, enum route_kind kind,
	const struct dp_waiter *w, size_t room, struct dns_msg *out, bool *truncated)
{
	static uint8_t *src, *dst;
	struct dns_msg msg;
	int len;

	src = realloc(src, b->len);
	dst = realloc(dst, room);
	memcpy(src, b->buf, b->len);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, src, b->len), 0);
	len = dp_reply_copy(&msg, vr, kind, w, 1232, dst, room, truncated);
	if (len > 0)
		CU_ASSERT_EQUAL_FATAL(dns_msg_parse(out, dst, (size_t)len), 0);
	return len;
}

static unsigned count(const struct dns_msg *m, uint16_t type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->rr_count; i++)
		n += m->rr[i].type == type;
	return n;
}

static void test_with_do(void)
{
	struct val_response vr = judged(VAL_SECURE);
	struct dp_waiter w = client(true, true, 4096);
	struct builder b;
	struct dns_msg m;
	bool truncated;

	signed_answer(&b);
	CU_ASSERT_FATAL(copy(&b, &vr, ROUTE_AUTHORITATIVE, &w, 1232, &m, &truncated) > 0);
	CU_ASSERT_FALSE(truncated);
	CU_ASSERT_EQUAL(m.id, 0xbeef);
	CU_ASSERT_EQUAL(m.flags,
		DNS_FLAG_QR | DNS_FLAG_AA | DNS_FLAG_RD | DNS_FLAG_CD | DNS_FLAG_AD); // no RA
	CU_ASSERT_EQUAL(memcmp(m.qname.octets, "\3fOO\3Com", sizeof(qname)), 0);
	CU_ASSERT_EQUAL(m.rr_count, 5);
	CU_ASSERT_EQUAL(count(&m, DNS_TYPE_RRSIG), 1);
	CU_ASSERT_EQUAL(count(&m, DNS_TYPE_DS), 1);
	CU_ASSERT_TRUE(m.edns.present && m.edns.do_bit);
	CU_ASSERT_EQUAL(m.edns.udp_size, 1232);
}

static void test_without_do(void)
{
	struct {
		const char *name;
		bool edns;
		unsigned records;
	} rows[] = {{"EDNS without DO", true, 3}, {"no EDNS", false, 2}};
	struct val_response vr = judged(VAL_SECURE);
	struct builder b;
	struct dns_msg m;
	bool truncated;

	signed_answer(&b);
	for (unsigned i = 0; i < 2; i++) {
		struct dp_waiter w = client(rows[i].edns, false, 1400);

		CU_ASSERT_FATAL(copy(&b, &vr, ROUTE_AUTHORITATIVE, &w, 1232, &m, &truncated) > 0);
		CU_ASSERT_EQUAL(m.rr_count, rows[i].records);
		CU_ASSERT_EQUAL(count(&m, DNS_TYPE_A), 1);
		CU_ASSERT_EQUAL(count(&m, DNS_TYPE_NS), 1);
		CU_ASSERT_EQUAL(count(&m, DNS_TYPE_RRSIG) + count(&m, DNS_TYPE_DS), 0);
		CU_ASSERT_EQUAL(m.edns.present, rows[i].edns);
		CU_ASSERT_FALSE(m.edns.do_bit);
		CU_ASSERT_EQUAL(m.flags & DNS_FLAG_AD, 0); // neither DO nor AD was set
		CU_ASSERT_EQUAL(memcmp(m.qname.octets, "\3fOO\3Com", sizeof(qname)), 0);
	}
}

static void test_asked_for_stays(void)
{
	uint16_t types[] = {DNS_TYPE_RRSIG, DNS_TYPE_NSEC, DNS_TYPE_NSEC3, DNS_TYPE_DS};
	struct val_response vr = judged(VAL_INSECURE);
	struct dp_waiter w = client(false, false, 512);
	struct builder b;
	struct dns_msg m;
	bool truncated;

	for (unsigned i = 0; i < 4; i++) {
		start(&b, DNS_FLAG_QR | DNS_FLAG_AA, types[i]);
		record(&b, 0, types[i], 300, "\0\1\2\3", 4);
		CU_ASSERT_FATAL(copy(&b, &vr, ROUTE_AUTHORITATIVE, &w, 1232, &m, &truncated) > 0);
		CU_ASSERT_EQUAL(count(&m, types[i]), 1);
	}
}

static void test_ad(void)
{
	struct {
		enum val_verdict verdict;
		bool do_bit, ad_bit, expect;
	} rows[] = {
		{VAL_SECURE, true, false, true},
		{VAL_SECURE, false, true, true},
		{VAL_SECURE, false, false, false},
		{VAL_INSECURE, true, true, false},
		{VAL_BOGUS, true, true, false},
		{VAL_INDETERMINATE, true, true, false},
	};
	struct builder b;
	struct dns_msg m;
	bool truncated;

	signed_answer(&b); // its own AD must not count
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct val_response vr = judged(rows[i].verdict);
		struct dp_waiter w = client(true, rows[i].do_bit, 1232);

		w.flags = rows[i].ad_bit ? DNS_FLAG_AD : 0;
		CU_ASSERT_FATAL(copy(&b, &vr, ROUTE_AUTHORITATIVE, &w, 1232, &m, &truncated) > 0);
		CU_ASSERT_EQUAL((m.flags & DNS_FLAG_AD) != 0, rows[i].expect);
	}
}

static void test_recursive_keeps_ra(void)
{
	struct val_response vr = judged(VAL_SECURE);
	struct dp_waiter w = client(true, true, 1232);
	struct builder b;
	struct dns_msg m;
	bool truncated;

	signed_answer(&b);
	CU_ASSERT_FATAL(copy(&b, &vr, ROUTE_RECURSIVE, &w, 1232, &m, &truncated) > 0);
	CU_ASSERT_NOT_EQUAL(m.flags & DNS_FLAG_RA, 0);
}

static void test_ttl_caps(void)
{
	struct val_response vr = judged(VAL_SECURE);
	struct builder b;
	struct dns_msg m;
	bool truncated;

	signed_answer(&b);
	vr.ttl_capped = true;
	vr.ttl_cap_s[0] = 0; // expires this second
	vr.ttl_cap_s[1] = 42;
	vr.ttl_cap_s[2] = 601; // above the TTL
	for (unsigned do_bit = 0; do_bit < 2; do_bit++) {
		struct dp_waiter w = client(true, do_bit, 1232);

		CU_ASSERT_FATAL(copy(&b, &vr, ROUTE_AUTHORITATIVE, &w, 1232, &m, &truncated) > 0);
		CU_ASSERT_EQUAL(m.rr[0].ttl_s, 0);
		CU_ASSERT_EQUAL(m.rr[do_bit ? 1 : 0].ttl_s, do_bit ? 42 : 0);
		CU_ASSERT_EQUAL(m.rr[do_bit ? 2 : 1].ttl_s, 600);
	}
}

/* What nobody has judged is left out of a secure answer, and needs no room. */
static void test_stripped(void)
{
	static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_RRSIG, DNS_TYPE_NS, DNS_TYPE_DS};
	struct val_response vr = judged(VAL_SECURE);
	struct dp_waiter w = client(true, true, 512);
	struct builder b;
	struct dns_msg m;
	bool cut;

	signed_answer(&b);
	vr.strips = true;
	for (unsigned i = 0; i < 4; i++) {
		int len;

		vr.stripped[0] = UINT64_C(1) << i;
		len = copy(&b, &vr, ROUTE_RECURSIVE, &w, 2048, &m, &cut);
		CU_ASSERT_FATAL(len > 0);
		for (unsigned k = 0; k < 4; k++)
			CU_ASSERT_EQUAL(count(&m, types[k]), k != i);
		CU_ASSERT_EQUAL(copy(&b, &vr, ROUTE_RECURSIVE, &w, (size_t)len, &m, &cut), len);
		CU_ASSERT_FALSE(cut);
	}
	// the bits are looked at only when they say so
	vr.strips = false;
	copy(&b, &vr, ROUTE_RECURSIVE, &w, 2048, &m, &cut);
	CU_ASSERT_EQUAL(m.rr_count, 5);
}

static void test_truncation(void)
{
	struct val_response vr = judged(VAL_SECURE);
	struct builder b;
	struct dns_msg m;
	bool truncated;
	size_t exact;

	start(&b, DNS_FLAG_QR | DNS_FLAG_AA, DNS_TYPE_A);
	for (unsigned i = 0; i < 30; i++)
		record(&b, 0, DNS_TYPE_A, 300, "\x0a\0\0\1", 4);
	exact = b.len;
	CU_ASSERT_EQUAL_FATAL(exact, 12 + 9 + 4 + 30 * 16);
	struct {
		const char *name;
		uint16_t size;
		bool edns, expect;
	} rows[] = {
		{"505 octets into 512", 512, false, false},
		{"with our OPT 516 into 516", 516, true, false},
		{"and into 515", 515, true, true},
		{"a size below 512 counts as 512", 100, true, true},
	};
	for (unsigned i = 0; i < 4; i++) {
		struct dp_waiter w = client(rows[i].edns, rows[i].edns, rows[i].size);
		int len = copy(&b, &vr, ROUTE_AUTHORITATIVE, &w, 1500, &m, &truncated);

		CU_ASSERT_FATAL(len > 0);
		CU_ASSERT_EQUAL(truncated, rows[i].expect);
		CU_ASSERT_EQUAL((m.flags & DNS_FLAG_TC) != 0, rows[i].expect);
		CU_ASSERT_EQUAL(m.rr_count, rows[i].expect ? 1 : 30 + rows[i].edns);
		CU_ASSERT_EQUAL(memcmp(m.qname.octets, "\3fOO\3Com", sizeof(qname)), 0);
	}
	// 1,232 is the most we send, whatever the client offers
	for (unsigned i = 30; i < 76; i++)
		record(&b, 0, DNS_TYPE_A, 300, "\x0a\0\0\1", 4);
	CU_ASSERT_EQUAL_FATAL(b.len, 1241);
	struct dp_waiter w = client(true, true, 4096);

	CU_ASSERT_FATAL(copy(&b, &vr, ROUTE_AUTHORITATIVE, &w, 4096, &m, &truncated) > 0);
	CU_ASSERT_TRUE(truncated);
}

static void test_error(void)
{
	struct dp_waiter w = client(true, true, 1232);
	uint8_t buf[64];
	struct dns_msg m;
	uint16_t pos = 0, code, len;
	const uint8_t *val;
	int n = dp_reply_error(&w, (const uint8_t *)"\3fOO\3Com", DNS_TYPE_A, DNS_CLASS_IN, 0,
		DNS_RCODE_REFUSED, DNS_EDE_NOT_AUTHORITATIVE, NULL, 1232, buf, sizeof(buf));

	CU_ASSERT_FATAL(n > 0);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&m, buf, (size_t)n), 0);
	CU_ASSERT_EQUAL(m.id, 0xbeef);
	CU_ASSERT_EQUAL(dns_msg_rcode(&m), DNS_RCODE_REFUSED);
	CU_ASSERT_EQUAL(m.flags & (DNS_FLAG_AA | DNS_FLAG_RA), 0);
	CU_ASSERT_EQUAL(memcmp(m.qname.octets, "\3fOO\3Com", sizeof(qname)), 0);
	CU_ASSERT_EQUAL_FATAL(dns_edns_option(&m, &pos, &code, &val, &len), 1);
	CU_ASSERT_EQUAL(code, 15);
	CU_ASSERT_EQUAL(dns_get16(val), DNS_EDE_NOT_AUTHORITATIVE);
	// BADVERS needs the upper bits
	n = dp_reply_error(
		&w, NULL, 0, 0, 0, DNS_RCODE_BADVERS, DNS_EDE_NONE, NULL, 1232, buf, sizeof(buf));
	CU_ASSERT_FATAL(n > 0);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&m, buf, (size_t)n), 0);
	CU_ASSERT_EQUAL(dns_msg_rcode(&m), DNS_RCODE_BADVERS);
	CU_ASSERT_EQUAL(m.qd_count, 0);
	// without EDNS there is nowhere to say why
	w = client(false, false, 512);
	n = dp_reply_error(&w, qname, DNS_TYPE_A, DNS_CLASS_IN, 0, DNS_RCODE_SERVFAIL, 22, NULL,
		1232, buf, sizeof(buf));
	CU_ASSERT_EQUAL(n, 12 + 9 + 4);
	CU_ASSERT_EQUAL(
		dp_reply_error(&w, qname, DNS_TYPE_A, DNS_CLASS_IN, 0, 2, 22, NULL, 1232, buf, 24),
		-ENOSPC);
}

static void test_question(void)
{
	struct dns_name name = {.len = sizeof(qname), .labels = 2};
	uint16_t pos = 0, code, len;
	const uint8_t *val;
	uint8_t buf[512];
	struct dns_msg m;
	int n;

	memcpy(name.octets, qname, sizeof(qname));
	n = dp_reply_question(
		7, ROUTE_AUTHORITATIVE, &name, DNS_TYPE_SOA, 1232, false, buf, sizeof(buf));
	CU_ASSERT_EQUAL_FATAL(n, 12 + 9 + 4 + 11);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&m, buf, (size_t)n), 0);
	CU_ASSERT_EQUAL(m.id, 7);
	CU_ASSERT_EQUAL(m.flags, 0);
	CU_ASSERT_TRUE(m.edns.do_bit);
	CU_ASSERT_EQUAL(m.edns.udp_size, 1232);
	n = dp_reply_question(
		7, ROUTE_RECURSIVE, &name, DNS_TYPE_SOA, 1232, true, buf, sizeof(buf));
	CU_ASSERT_FATAL(n > 0);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&m, buf, (size_t)n), 0);
	CU_ASSERT_EQUAL(m.flags, DNS_FLAG_RD | DNS_FLAG_CD);
	CU_ASSERT_EQUAL_FATAL(dns_edns_option(&m, &pos, &code, &val, &len), 1);
	CU_ASSERT_EQUAL(code, 3);
	CU_ASSERT_EQUAL(len, 0);
	CU_ASSERT_EQUAL(dp_reply_question(7, 0, &name, 6, 1232, true, buf, (size_t)n - 1), -ENOSPC);
}

/* Octet for octet what a writer would write, in exactly the room that it takes. */
static void test_question_as_written(void)
{
	struct dns_name name;
	char text[DNS_NAME_TEXT_MAX] = ".";
	uint8_t buf[512];

	for (unsigned n = 0; n < 120; n++) {
		bool recursive = n % 2;
		struct dns_writer w;
		uint8_t *exact;
		int len;

		CU_ASSERT_EQUAL_FATAL(dns_name_from_text(text, &name), 0);
		dns_writer_init(&w, buf, sizeof(buf), (uint16_t)(n * 999),
			recursive ? DNS_FLAG_RD | DNS_FLAG_CD : 0);
		dns_writer_question(&w, name.octets, (uint16_t)(n * 77), DNS_CLASS_IN);
		dns_writer_opt(&w, 1400, true, 0, DNS_EDE_NONE, NULL);
		len = dns_writer_end(&w);
		exact = malloc((size_t)len);
		memset(exact, 0xa5, (size_t)len);
		CU_ASSERT_EQUAL(dp_reply_question((uint16_t)(n * 999),
					recursive ? ROUTE_RECURSIVE : ROUTE_AUTHORITATIVE, &name,
					(uint16_t)(n * 77), 1400, false, exact, (size_t)len),
			len);
		CU_ASSERT_EQUAL(memcmp(exact, buf, (size_t)len), 0);
		CU_ASSERT_EQUAL(
			dp_reply_question(7, 0, &name, 1, 1400, false, exact, (size_t)len - 1),
			-ENOSPC);
		free(exact);
		snprintf(text + 2 * (size_t)n, sizeof(text) - 2 * (size_t)n, "x.");
	}
}

static uint64_t random_state = 0x13198a2e03707344;

static uint32_t random32(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33);
}

/* A name of one label under com., so that records stand at odd and at even offsets. */
static size_t random_name(uint8_t *name, bool mixed_case)
{
	size_t label = 1 + random32() % 20;

	name[0] = (uint8_t)label;
	for (size_t i = 1; i <= label; i++)
		name[i] = (uint8_t)((mixed_case && random32() % 2 ? 'A' : 'a') + random32() % 26);
	memcpy(name + 1 + label, "\3com", 5);
	return label + 6;
}

static void random_reply(struct builder *b, const uint8_t *name, size_t len)
{
	uint8_t rdata[40];

	start(b, (uint16_t)(DNS_FLAG_QR | (random32() & 0x87b0)), DNS_TYPE_A);
	memcpy(b->buf + DNS_HEADER_LEN, name, len);
	b->len = DNS_HEADER_LEN + len;
	add16(b, DNS_TYPE_A);
	add16(b, DNS_CLASS_IN);
	for (uint32_t n = random32() % 5; n > 0; n--) {
		for (size_t i = 0; i < sizeof(rdata); i++)
			rdata[i] = (uint8_t)random32();
		record(b, 0, random32() % 2 ? DNS_TYPE_A : DNS_TYPE_RRSIG,
			random32() % 3 ? random32() % 1000 : random32() * 2, rdata,
			(uint16_t)(random32() % sizeof(rdata)));
	}
	if (random32() % 4 != 0)
		opt(b);
	if (random32() % 8 == 0) // an OPT that is not the last
		record(b, 2, DNS_TYPE_A, 5, rdata, 4);
}

static uint16_t sum_of(const uint8_t *octets, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint32_t)octets[i] << 8 : octets[i];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum >> 8 | sum << 8); // as it lies in memory
}

/* In place or copied: the same octets; and their sum by what changed is the sum of them all. */
static bool check_in_place(const struct builder *b, const struct val_response *vr,
	const struct dp_waiter *w, bool sum_known)
{
	uint8_t copied[2048], untouched[2048], *dns = malloc(sizeof(copied));
	uint16_t sum = sum_known ? sum_of(b->buf, b->len) : 0;
	bool truncated;
	struct dns_msg msg;
	int len, want;

	memcpy(dns, b->buf, b->len);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, dns, b->len), 0);
	want = dp_reply_copy(
		&msg, vr, ROUTE_RECURSIVE, w, 1232, copied, sizeof(copied), &truncated);
	memcpy(untouched, dns, b->len);
	dns = realloc(dns, want > (int)b->len ? (size_t)want : b->len);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, dns, b->len), 0);
	CU_ASSERT_TRUE(dp_reply_in_place(&msg, vr, ROUTE_RECURSIVE, w, 1232, dns, (size_t)want - 1,
			       &sum) < 0);
	len = dp_reply_in_place(&msg, vr, ROUTE_RECURSIVE, w, 1232, dns, (size_t)want, &sum);
	if (len > 0) {
		CU_ASSERT_EQUAL(len, want);
		CU_ASSERT_EQUAL(memcmp(dns, copied, (size_t)len), 0);
		CU_ASSERT_EQUAL(sum, sum_known ? sum_of(dns, (size_t)len) : 0);
		CU_ASSERT_FALSE(vr->strips);
	} else {
		CU_ASSERT_TRUE(len == -ENOTSUP || truncated);
		CU_ASSERT_EQUAL(memcmp(dns, untouched, b->len), 0);
	}
	free(dns);
	return len > 0;
}

static void test_in_place(void)
{
	unsigned done = 0, rounds = 20000;

	for (unsigned i = 0; i < rounds; i++) {
		struct val_response vr = judged(random32() % 2 ? VAL_SECURE : VAL_INSECURE);
		struct dp_waiter w = client(random32() % 4 != 0, random32() % 2,
			random32() % 8 ? 1232 : (uint16_t)(random32() % 700));
		uint8_t name[32];
		struct builder b;
		size_t len = random_name(name, true);

		if (random32() % 4 == 0)
			vr.result.reason = VAL_R_NSEC3_ITERATIONS;
		w.do_bit = w.do_bit && w.edns;
		w.id = (uint16_t)random32();
		note_case(name, len, w.case_bits);
		dns_name_lower(name, len);
		random_reply(&b, name, len);
		vr.ttl_capped = random32() % 2;
		for (unsigned k = 0; k < 8; k++)
			vr.ttl_cap_s[k] = random32() % 600;
		vr.strips = random32() % 16 == 0;
		vr.stripped[0] = random32() % 8;
		done += check_in_place(&b, &vr, &w, random32() % 8 != 0);
	}
	CU_ASSERT_TRUE(done > rounds / 4 && done < rounds);
}

/* What is kept and what is copied at once must be the same octets, whoever asks. */
static void check_kept(const char *name, const struct builder *b, const struct val_response *vr,
	const struct dp_waiter *w)
{
	uint8_t *bare = malloc(b->len), *direct = malloc(2048), *kept = malloc(2048);
	bool cut, kept_cut;
	struct dns_msg msg;
	uint16_t ttl_off[DNS_MSG_RR_MAX];
	struct dp_kept k = {.msg = bare, .ede = DNS_EDE_NONE};
	int len, bare_len;

	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, b->buf, b->len), 0);
	len = dp_reply_copy(&msg, vr, ROUTE_RECURSIVE, w, 1232, direct, 2048, &cut);
	bare_len = dp_reply_bare(&msg, vr, ROUTE_RECURSIVE, w->do_bit, bare, b->len);
	CU_ASSERT_FATAL(len > 0 && bare_len > 0);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, bare, (size_t)bare_len), 0);
	CU_ASSERT_FALSE(msg.edns.present);
	for (k.records = 0; k.records < msg.rr_count; k.records++)
		ttl_off[k.records] = (uint16_t)(msg.rr[k.records].rdata_off - 6);
	k.ttl_off = ttl_off;
	k.len = (uint16_t)bare_len;
	k.question_end = msg.question_end;
	k.secure = vr->result.verdict == VAL_SECURE;
	if (dp_reply_kept(&k, w, 1232, kept, 2048, &kept_cut) != len || cut != kept_cut ||
		memcmp(direct, kept, (size_t)len) != 0) {
		printf("%s: EDNS %d DO %d size %u\n", name, w->edns, w->do_bit, w->udp_size);
		CU_FAIL("a kept reply is another");
	}
	free(bare);
	free(direct);
	free(kept);
}

static void test_kept(void)
{
	struct val_response vr = judged(VAL_SECURE), insecure = judged(VAL_INSECURE), strips;
	struct builder b, plain;

	vr.ttl_capped = true;
	vr.ttl_cap_s[0] = 77;
	strips = vr;
	strips.strips = true;
	strips.stripped[0] = 2;
	signed_answer(&b);
	start(&plain, DNS_FLAG_QR | DNS_RCODE_NXDOMAIN, DNS_TYPE_A);
	record(&plain, 1, DNS_TYPE_NS, 600, "\2ns\xc0\x0c", 5);
	for (unsigned i = 0; i < 4; i++) {
		for (uint16_t size = 40; size < 600; size++) {
			struct dp_waiter w = client((i & 1) != 0, (i & 2) != 0 && (i & 1), size);

			check_kept("signed", &b, &vr, &w);
			check_kept("stripped", &b, &strips, &w);
			check_kept("plain", &plain, &insecure, &w);
		}
	}
}

/* TTLs count down and stop at 0; or all are one. */
static void test_kept_ttls(void)
{
	static const struct {
		uint32_t age_s, fixed_s, want0, want1;
	} rows[] = {{0, 0, 300, 600}, {1, 0, 299, 599}, {300, 0, 0, 300}, {301, 0, 0, 299},
		{301, 30, 30, 30}};
	static const uint16_t ttl_off[] = {sizeof(qname) + 16 + 6, sizeof(qname) + 16 + 22};
	struct dp_waiter w = client(true, false, 1232);
	struct builder b;
	uint8_t out[256];
	struct dns_msg m;
	bool cut;

	start(&b, DNS_FLAG_QR, DNS_TYPE_A);
	record(&b, 0, DNS_TYPE_A, 300, "\x0a\0\0\1", 4);
	record(&b, 0, DNS_TYPE_A, 600, "\x0a\0\0\2", 4);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dp_kept k = {b.buf, (uint16_t)b.len, sizeof(qname) + 16, ttl_off, 2, false,
			DNS_EDE_STALE_ANSWER, rows[i].age_s, rows[i].fixed_s};
		int len = dp_reply_kept(&k, &w, 1232, out, sizeof(out), &cut);

		CU_ASSERT_FATAL(len > 0);
		CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&m, out, (size_t)len), 0);
		CU_ASSERT_EQUAL(m.rr[0].ttl_s, rows[i].want0);
		CU_ASSERT_EQUAL(m.rr[1].ttl_s, rows[i].want1);
		CU_ASSERT_EQUAL(m.edns.options_len, 6);
		// no room for question and OPT, and room for them alone
		CU_ASSERT_EQUAL(
			dp_reply_kept(&k, &w, 1232, out, sizeof(qname) + 16 + 10, &cut), -ENOSPC);
		CU_ASSERT_EQUAL(dp_reply_kept(&k, &w, 1232, out, sizeof(qname) + 16 + 11, &cut),
			(int)sizeof(qname) + 16 + 11);
		CU_ASSERT_TRUE(cut);
	}
}

static void test_case_round_trip(void)
{
	uint8_t name[] = "\4AbCz\3Z@[", lower[] = "\4abcz\3z@[", bits[DNS_CASE_OCTETS];

	note_case(name, sizeof(name), bits);
	dp_reply_case_restore(lower, sizeof(lower), bits);
	CU_ASSERT_EQUAL(memcmp(name, lower, sizeof(name)), 0);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"DO: every record, our OPT, the client's header and case", test_with_do},
		{"no DO: DNSSEC records go", test_without_do},
		{"what was asked for stays", test_asked_for_stays},
		{"AD only when secure and wanted", test_ad},
		{"RA only from recursive upstreams", test_recursive_keeps_ra},
		{"TTLs are capped", test_ttl_caps},
		{"stripped", test_stripped},
		{"truncation at n and n + 1", test_truncation},
		{"a kept reply is the same as one copied at once", test_kept},
		{"TTLs of kept replies", test_kept_ttls},
		{"in place, the same as copied", test_in_place},
		{"our own answers", test_error},
		{"our questions", test_question},
		{"our questions, as a writer writes them", test_question_as_written},
		{"letter case round trip", test_case_round_trip},
		CU_TEST_INFO_NULL,
	};

	return test_run("dataplane/reply", tests);
}
