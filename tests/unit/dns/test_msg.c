#include <errno.h>

#include "dns/msg.h"
#include "tests/unit/dns/builder.h"
#include "tests/unit/run.h"

static struct dns_msg msg;
static struct builder built;

/** Parse an exact copy. It is freed: only numbers may be looked at. */
static int parse(const uint8_t *octets, size_t len)
{
	uint8_t *data = unit_copy(octets, len);
	int rc = dns_msg_parse(&msg, data, len);

	free(data);
	return rc;
}

static int parse_built(void)
{
	return parse(built.octets, built.len);
}

static void test_query(void)
{
	build_header(&built, DNS_FLAG_RD, 1, 0, 0, 0);
	build_question(&built, "\3wWw\3com\0", 9, DNS_TYPE_AAAA, DNS_CLASS_IN);
	CU_ASSERT_EQUAL(parse_built(), 0);
	CU_ASSERT_EQUAL(msg.id, 0x1234);
	CU_ASSERT_EQUAL(msg.flags, DNS_FLAG_RD);
	CU_ASSERT_EQUAL(msg.qtype, DNS_TYPE_AAAA);
	CU_ASSERT_EQUAL(msg.qclass, DNS_CLASS_IN);
	CU_ASSERT_EQUAL(msg.question_end, 25);
	CU_ASSERT_EQUAL(msg.qname.labels, 2);
	CU_ASSERT_EQUAL(msg.qname.len, 9);
	CU_ASSERT_EQUAL(memcmp(msg.qname.octets, "\3wWw\3com\0", 9), 0);
	CU_ASSERT_FALSE(msg.edns.present);
	CU_ASSERT_EQUAL(msg.rr_count, 0);
}

static void test_referral(void)
{
	build_referral(&built);
	CU_ASSERT_EQUAL(parse_built(), 0);
	static const uint16_t starts[] = {0, 0, 2, 4};
	CU_ASSERT_EQUAL(memcmp(msg.section_start, starts, sizeof(starts)), 0);
	CU_ASSERT_EQUAL(msg.rr[0].type, DNS_TYPE_NS);
	CU_ASSERT_EQUAL(msg.rr[0].section, DNS_AUTHORITY);
	CU_ASSERT_EQUAL(msg.rr[0].ttl_s, 172800);
	CU_ASSERT_EQUAL(msg.rr[0].owner_off, 33);
	CU_ASSERT_EQUAL(msg.rr[0].rdata_off, 45);
	CU_ASSERT_EQUAL(msg.rr[0].rdata_len, 6);
	CU_ASSERT_EQUAL(msg.rr[0].end_off, 51);
	CU_ASSERT_EQUAL(msg.rr[1].owner_off, 51);
	CU_ASSERT_EQUAL(msg.rr[2].section, DNS_ADDITIONAL);
	CU_ASSERT_TRUE(msg.edns.present);
	CU_ASSERT_TRUE(msg.edns.do_bit);
	CU_ASSERT_EQUAL(msg.edns.udp_size, 1232);
	CU_ASSERT_EQUAL(msg.edns.rr_index, 3);
	CU_ASSERT_EQUAL(msg.edns.options_len, 7);

	// the first parse's block is gone: look at the records through one that lives
	struct dns_name owner;
	CU_ASSERT_EQUAL(dns_msg_parse(&msg, built.octets, built.len), 0);
	dns_rr_owner(&msg, &msg.rr[2], &owner);
	CU_ASSERT_EQUAL(owner.len, 17);
	CU_ASSERT_EQUAL(memcmp(owner.octets, "\3ns1\7example\3com\0", 17), 0);

	uint16_t pos = 0, code = 0, len = 0;
	const uint8_t *val = NULL;
	CU_ASSERT_EQUAL(dns_edns_option(&msg, &pos, &code, &val, &len), 1);
	CU_ASSERT_EQUAL(code, 3);
	CU_ASSERT_EQUAL(len, 3);
	CU_ASSERT_EQUAL(memcmp(val, "sin", 3), 0);
	CU_ASSERT_EQUAL(dns_edns_option(&msg, &pos, &code, &val, &len), 0);
}

static void test_no_question(void)
{
	build_header(&built, DNS_FLAG_QR, 0, 0, 0, 0);
	CU_ASSERT_EQUAL(parse_built(), 0);
	CU_ASSERT_EQUAL(msg.qd_count, 0);
	CU_ASSERT_EQUAL(msg.question_end, DNS_HEADER_LEN);

	// without a question, a pointer to offset 12 is a pointer to the record itself
	build_header(&built, DNS_FLAG_QR, 0, 1, 0, 0);
	build_rr(&built, "\xc0\x0c", 2, DNS_TYPE_A, DNS_CLASS_IN, 0, "\1\2\3\4", 4);
	CU_ASSERT_EQUAL(parse_built(), -EBADMSG);
}

static void test_edns_fields(void)
{
	build_header(&built, 0x000f, 0, 0, 0, 1);
	build_rr(&built, "\0", 1, DNS_TYPE_OPT, 4096, 0x01020000, "", 0);
	CU_ASSERT_EQUAL(parse_built(), 0);
	CU_ASSERT_EQUAL(msg.edns.ext_rcode, 1);
	CU_ASSERT_EQUAL(msg.edns.version, 2);
	CU_ASSERT_FALSE(msg.edns.do_bit);
	CU_ASSERT_EQUAL(dns_msg_rcode(&msg), 0x1f);
	uint16_t pos = 0, code, len;
	const uint8_t *val;
	CU_ASSERT_EQUAL(dns_edns_option(&msg, &pos, &code, &val, &len), 0);

	build_header(&built, 0x0003, 0, 0, 0, 0);
	CU_ASSERT_EQUAL(parse_built(), 0);
	CU_ASSERT_EQUAL(dns_msg_rcode(&msg), DNS_RCODE_NXDOMAIN);
	CU_ASSERT_EQUAL(dns_edns_option(&msg, &pos, &code, &val, &len), 0);
}

static void test_ttl(void)
{
	static const struct {
		const char *name;
		uint32_t wire, want;
	} rows[] = {
		{"zero", 0, 0},
		{"2^31-1", 0x7fffffff, 0x7fffffff},
		{"2^31", 0x80000000, 0},
		{"all ones", 0xffffffff, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build_header(&built, DNS_FLAG_QR, 0, 1, 0, 0);
		build_rr(&built, "\0", 1, DNS_TYPE_A, DNS_CLASS_IN, rows[i].wire, "\1\2\3\4", 4);
		UNIT_CHECK(rows[i].name, parse_built() == 0);
		UNIT_CHECK(rows[i].name, msg.rr[0].ttl_s == rows[i].want);
	}
}

static void build_opt_row(unsigned an, unsigned ar, const char *owner, size_t owner_len,
	const char *options, size_t options_len)
{
	build_header(&built, 0, 1, an, 0, ar);
	build_question(&built, "\3com\0", 5, DNS_TYPE_NS, DNS_CLASS_IN);
	for (unsigned i = 0; i < an + ar; i++)
		build_rr(&built, owner, owner_len, DNS_TYPE_OPT, 1232, 0, options, options_len);
}

static void test_bad_opt(void)
{
	static const struct {
		const char *name;
		unsigned an, ar;
		const char *owner;
		size_t owner_len;
		const char *options;
		size_t options_len;
		int want;
	} rows[] = {
		{"good", 0, 1, "\0", 1, "", 0, 0},
		{"empty option", 0, 1, "\0", 1, "\0\3\0\0", 4, 0},
		{"two options", 0, 1, "\0", 1, "\0\3\0\0\0\4\0\1x", 9, 0},
		{"two OPTs", 0, 2, "\0", 1, "", 0, -EBADMSG},
		{"in the answer", 1, 0, "\0", 1, "", 0, -EBADMSG},
		{"owner com.", 0, 1, "\3com\0", 5, "", 0, -EBADMSG},
		{"owner a pointer to a root", 0, 1, "\xc0\x10", 2, "", 0, -EBADMSG},
		{"option header cut", 0, 1, "\0", 1, "\0\3\0", 3, -EBADMSG},
		{"option too long", 0, 1, "\0", 1, "\0\3\0\1", 4, -EBADMSG},
		{"second option too long", 0, 1, "\0", 1, "\0\3\0\0\0\4\0\2x", 9, -EBADMSG},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build_opt_row(rows[i].an, rows[i].ar, rows[i].owner, rows[i].owner_len,
			rows[i].options, rows[i].options_len);
		UNIT_CHECK(rows[i].name, parse_built() == rows[i].want);
	}
}

static void test_bad_frame(void)
{
	build_header(&built, 0, 2, 0, 0, 0);
	build_question(&built, "\0", 1, DNS_TYPE_NS, DNS_CLASS_IN);
	build_question(&built, "\0", 1, DNS_TYPE_NS, DNS_CLASS_IN);
	CU_ASSERT_EQUAL(parse_built(), -EBADMSG);

	build_header(&built, 0, 1, 0, 0, 0);
	build_question(&built, "\0", 1, DNS_TYPE_NS, DNS_CLASS_IN);
	CU_ASSERT_EQUAL(parse_built(), 0);
	BUILD_LITERAL(&built, "x");
	CU_ASSERT_EQUAL(parse_built(), -EBADMSG);

	build_header(&built, 0, 1, 0, 0, 0);
	build_question(&built, "\xc0\x0c", 2, DNS_TYPE_NS, DNS_CLASS_IN);
	CU_ASSERT_EQUAL(parse_built(), -EBADMSG);

	build_header(&built, 0, 0, 0, 0, 65535);
	CU_ASSERT_EQUAL(parse_built(), -EMSGSIZE);

	CU_ASSERT_EQUAL(dns_msg_parse(&msg, built.octets, DNS_MSG_MAX + 1), -EBADMSG);
}

static void test_record_limit(void)
{
	for (unsigned extra = 0; extra <= 1; extra++) {
		build_header(&built, 0, 0, 100, 100, DNS_MSG_RR_MAX - 200 + extra);
		for (unsigned i = 0; i < DNS_MSG_RR_MAX + extra; i++)
			build_rr(&built, "\0", 1, DNS_TYPE_A, DNS_CLASS_IN, 0, "\1\2\3\4", 4);
		CU_ASSERT_EQUAL(parse_built(), extra ? -E2BIG : 0);
	}
}

static void test_largest(void)
{
	static const uint8_t zeros[DNS_MSG_MAX];
	const size_t rdata_len = DNS_MSG_MAX - DNS_HEADER_LEN - 1 - DNS_RR_FIXED_LEN;

	build_header(&built, 0, 0, 1, 0, 0);
	build_rr(&built, "\0", 1, 65280, DNS_CLASS_IN, 0, zeros, rdata_len);
	CU_ASSERT_EQUAL(built.len, DNS_MSG_MAX);
	CU_ASSERT_EQUAL(parse_built(), 0);
	CU_ASSERT_EQUAL(msg.rr[0].end_off, DNS_MSG_MAX);
	CU_ASSERT_EQUAL(msg.rr[0].rdata_len, rdata_len);
}

/** Every prefix of a good message is an error: it ends early. */
static void test_truncation(void)
{
	build_referral(&built);
	for (size_t len = 0; len < built.len; len++)
		CU_ASSERT_EQUAL(parse(built.octets, len), -EMSGSIZE);
	CU_ASSERT_EQUAL(parse(built.octets, built.len), 0);
}

static void test_bit_flips(void)
{
	uint64_t seed = 53;
	int good = 0, bad = 0;

	build_referral(&built);
	for (int i = 0; i < 20000; i++) {
		uint8_t octets[256];
		memcpy(octets, built.octets, built.len);
		for (unsigned flips = 1 + unit_random_below(&seed, 4); flips > 0; flips--) {
			unsigned bit = unit_random_below(&seed, built.len * 8);
			octets[bit / 8] = (uint8_t)(octets[bit / 8] ^ 1 << bit % 8);
		}
		uint8_t *data = unit_copy(octets, built.len);
		struct dns_name owner;
		if (parse(data, built.len) != 0) {
			bad++;
		} else {
			good++;
			CU_ASSERT_EQUAL(dns_msg_parse(&msg, data, built.len), 0);
			for (int r = 0; r < msg.rr_count; r++)
				dns_rr_owner(&msg, &msg.rr[r], &owner);
		}
		free(data);
	}
	CU_ASSERT_TRUE(good > 1000);
	CU_ASSERT_TRUE(bad > 1000);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"query", test_query},
		{"referral", test_referral},
		{"no question", test_no_question},
		{"EDNS fields", test_edns_fields},
		{"TTL", test_ttl},
		{"bad OPT", test_bad_opt},
		{"bad frame", test_bad_frame},
		{"limit of records", test_record_limit},
		{"largest message", test_largest},
		{"every prefix", test_truncation},
		{"random bit flips", test_bit_flips},
		CU_TEST_INFO_NULL,
	};
	return test_run("dns/msg", tests);
}
