#include <errno.h>

#include "dns/rdata.h"
#include "dns/writer.h"
#include "tests/unit/dns/builder.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

static struct dns_msg source, result;
static struct dns_writer writer;
static struct builder built;

/** Write the source again, OPT apart. @return as dns_writer_end() */
static int rewrite(uint8_t *buf, size_t size)
{
	dns_writer_init(&writer, buf, size, source.id, source.flags);
	if (source.qd_count == 1)
		dns_writer_question(&writer, source.qname.octets, source.qtype, source.qclass);
	for (int i = 0; i < source.rr_count; i++) {
		const struct dns_rr *rr = &source.rr[i];
		if (rr->type != DNS_TYPE_OPT)
			dns_writer_copy_rr(&writer, rr->section, &source, rr, rr->ttl_s);
	}
	if (source.edns.present)
		dns_writer_opt(&writer, source.edns.udp_size, source.edns.do_bit,
			source.edns.ext_rcode, DNS_EDE_NONE, NULL);
	return dns_writer_end(&writer);
}

static void test_referral(void)
{
	uint8_t buf[512];

	build_referral(&built);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&source, built.octets, built.len), 0);
	int len = rewrite(buf, sizeof(buf));
	// OPT's option of seven octets is gone, and the glue's owner is a pointer to the NS's name
	CU_ASSERT_EQUAL(len, (int)built.len - 7 - 4);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&result, buf, (size_t)len), 0);
	CU_ASSERT_EQUAL(memcmp(buf, built.octets, source.rr[2].owner_off), 0);
	struct dns_name owner;
	dns_rr_owner(&result, &result.rr[2], &owner);
	CU_ASSERT_TRUE(dns_name_equal(owner.octets, (const uint8_t *)"\3ns1\7example\3com"));
	CU_ASSERT_TRUE(result.edns.do_bit);
	CU_ASSERT_EQUAL(result.edns.udp_size, 1232);
	CU_ASSERT_EQUAL(result.edns.options_len, 0);
}

/** Every size below the one that is needed: -ENOSPC, and not an octet outside the buffer. */
static void test_sizes(void)
{
	uint8_t buf[512];

	build_referral(&built);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&source, built.octets, built.len), 0);
	int need = rewrite(buf, sizeof(buf));
	for (int size = 0; size <= need; size++) {
		uint8_t *heap = malloc((size_t)size);
		CU_ASSERT_EQUAL(rewrite(heap, (size_t)size), size < need ? -ENOSPC : need);
		free(heap);
	}
}

/** What did not fit leaves no trace, and nothing comes after it. */
static void test_no_space(void)
{
	uint8_t buf[512];

	build_referral(&built);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&source, built.octets, built.len), 0);
	for (size_t size = source.rr[0].end_off; size < source.rr[1].end_off; size++) {
		memset(buf, 0xee, sizeof(buf));
		dns_writer_init(&writer, buf, size, 1, 0);
		dns_writer_question(&writer, source.qname.octets, source.qtype, source.qclass);
		dns_writer_copy_rr(&writer, DNS_AUTHORITY, &source, &source.rr[0], 1);
		CU_ASSERT_EQUAL(writer.error, 0);
		uint8_t names = writer.names;
		dns_writer_copy_rr(&writer, DNS_AUTHORITY, &source, &source.rr[1], 1);
		CU_ASSERT_EQUAL(writer.error, -ENOSPC);
		CU_ASSERT_EQUAL(writer.pos, source.rr[0].end_off);
		CU_ASSERT_EQUAL(writer.names, names);
		CU_ASSERT_EQUAL(writer.counts[2], 1);
		CU_ASSERT_EQUAL(buf[size], 0xee);
		dns_writer_opt(&writer, 512, false, 0, DNS_EDE_NONE, NULL);
		CU_ASSERT_EQUAL(writer.pos, source.rr[0].end_off);
		CU_ASSERT_EQUAL(dns_writer_end(&writer), -ENOSPC);
	}
}

static void test_opt(void)
{
	static const struct {
		const char *name;
		int ede;
		const char *text;
		size_t options_len;
	} rows[] = {
		{"none", DNS_EDE_NONE, NULL, 0},
		{"none, with text", DNS_EDE_NONE, "lost", 0},
		{"code zero", DNS_EDE_OTHER, NULL, 6},
		{"code", DNS_EDE_SIG_EXPIRED, NULL, 6},
		{"code and empty text", DNS_EDE_SIG_EXPIRED, "", 6},
		{"code and text", DNS_EDE_NOT_AUTHORITATIVE, "not routed", 16},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t buf[64];
		dns_writer_init(&writer, buf, sizeof(buf), 7, DNS_FLAG_QR);
		dns_writer_opt(&writer, 1232, i % 2 == 0, 1, rows[i].ede, rows[i].text);
		int len = dns_writer_end(&writer);
		UNIT_CHECK(rows[i].name, len == (int)(12 + 11 + rows[i].options_len));
		UNIT_CHECK(rows[i].name, dns_msg_parse(&result, buf, (size_t)len) == 0);
		UNIT_CHECK(rows[i].name, result.edns.present && result.edns.udp_size == 1232);
		UNIT_CHECK(rows[i].name, result.edns.do_bit == (i % 2 == 0));
		UNIT_CHECK(rows[i].name, dns_msg_rcode(&result) == 16);
		UNIT_CHECK(rows[i].name, result.edns.options_len == rows[i].options_len);
		uint16_t pos = 0, code, val_len;
		const uint8_t *val;
		if (rows[i].ede < 0)
			continue;
		UNIT_CHECK(
			rows[i].name, dns_edns_option(&result, &pos, &code, &val, &val_len) == 1);
		UNIT_CHECK(rows[i].name, code == 15 && dns_get16(val) == rows[i].ede);
		const char *text = rows[i].text ? rows[i].text : "";
		UNIT_CHECK(rows[i].name,
			val_len == 2 + strlen(text) && memcmp(val + 2, text, strlen(text)) == 0);
	}
}

/** One record under the question WwW.example.com., written to buf. @return octets or an error */
static int write_one(uint16_t type, const char *rdata, size_t rdata_len, uint8_t *buf, size_t size)
{
	build_header(&built, DNS_FLAG_QR, 1, 1, 0, 0);
	build_question(&built, "\3WwW\7example\3com\0", 17, type, DNS_CLASS_IN);
	build_rr(&built, "\xc0\x0c", 2, type, DNS_CLASS_IN, 60, rdata, rdata_len);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&source, built.octets, built.len), 0);
	return rewrite(buf, size);
}

static void test_rdata(void)
{
	static const struct {
		const char *name;
		uint16_t type;
		const char *rdata;
		size_t rdata_len;
		const char *want;
		size_t want_len; // 0: -EBADMSG
	} rows[] = {
		{"NS is compressed", DNS_TYPE_NS, "\2NS\7example\3com\0", 16, "\2NS\xc0\x10", 5},
		{"letter case is no difference", DNS_TYPE_NS, "\3www\7Example\3COM\0", 17,
			"\xc0\x0c", 2},
		{"root is no pointer", DNS_TYPE_NS, "\0", 1, "\0", 1},
		{"MX", DNS_TYPE_MX, "\0\1\1m\3com\0", 9, "\0\1\1m\xc0\x18", 6},
		{"SOA, second name like the first", DNS_TYPE_SOA, "\1m\0\1m\0aaaabbbbccccddddeeee",
			26,
			"\1m\0\xc0\x2d"
			"aaaabbbbccccddddeeee",
			25},
		{"SRV is not, but expanded", DNS_TYPE_SRV, "\0\1\0\2\0\3\1s\xc0\x18", 10,
			"\0\1\0\2\0\3\1s\3com\0", 13},
		{"NSEC stays", DNS_TYPE_NSEC, "\3com\0\0\1\x40", 8, "\3com\0\0\1\x40", 8},
		{"unknown stays", 65280, "\xc0\x0c", 2, "\xc0\x0c", 2},
		{"empty", DNS_TYPE_TXT, "", 0, "", 0},
		{"NS with octets left", DNS_TYPE_NS, "\0x", 2, NULL, 0},
		{"NS with a pointer forward", DNS_TYPE_NS, "\xc0\xff", 2, NULL, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t buf[256];
		int len =
			write_one(rows[i].type, rows[i].rdata, rows[i].rdata_len, buf, sizeof(buf));
		if (!rows[i].want) {
			UNIT_CHECK(rows[i].name, len == -EBADMSG);
			UNIT_CHECK(rows[i].name, writer.pos == source.question_end);
			continue;
		}
		UNIT_CHECK(rows[i].name, len > 0 && dns_msg_parse(&result, buf, (size_t)len) == 0);
		UNIT_CHECK(rows[i].name, result.rr[0].owner_off == source.rr[0].owner_off);
		UNIT_CHECK(rows[i].name, result.rr[0].rdata_len == rows[i].want_len);
		UNIT_CHECK(rows[i].name,
			memcmp(buf + result.rr[0].rdata_off, rows[i].want, rows[i].want_len) == 0);
	}
}

/** n one-label NS names, each twice: only those that the table held come compressed. */
static void test_table_full(void)
{
	static uint8_t buf[8192];
	const int n = DNS_WRITER_NAMES + 1;

	build_header(&built, DNS_FLAG_QR, 0, (unsigned)(2 * n), 0, 0);
	for (int i = 0; i < 2 * n; i++) {
		const char rdata[] = {1, (char)(0x80 + i % n), 0};
		build_rr(&built, "\0", 1, DNS_TYPE_NS, DNS_CLASS_IN, 0, rdata, sizeof(rdata));
	}
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&source, built.octets, built.len), 0);
	int len = rewrite(buf, sizeof(buf));
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&result, buf, (size_t)len), 0);
	for (int i = 0; i < n; i++) {
		CU_ASSERT_EQUAL(result.rr[i].rdata_len, 3);
		CU_ASSERT_EQUAL(result.rr[n + i].rdata_len, i < DNS_WRITER_NAMES ? 2 : 3);
	}
}

/** "a.", "a.a.", ...: each could point to the one before, but readers stop after some pointers. */
static void test_pointer_chain(void)
{
	static uint8_t buf[8192];
	enum { NAMES = DNS_NAME_POINTERS_MAX + 8 };
	uint8_t name[2 * NAMES + 1];
	int longest = 0;

	build_header(&built, DNS_FLAG_QR, 0, NAMES, 0, 0);
	for (int i = 1; i <= NAMES; i++) {
		for (int label = 0; label < i; label++)
			memcpy(name + 2 * label, "\1a", 2);
		name[2 * i] = 0;
		build_rr(&built, "\0", 1, DNS_TYPE_NS, DNS_CLASS_IN, 0, name, (size_t)(2 * i + 1));
	}
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&source, built.octets, built.len), 0);
	int len = rewrite(buf, sizeof(buf));
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&result, buf, (size_t)len), 0);
	for (int i = 0; i < NAMES; i++) {
		CU_ASSERT_EQUAL(
			dns_rdata_canonical(&result, &result.rr[i], name, sizeof(name)), 2 * i + 3);
		longest = result.rr[i].rdata_len > longest ? result.rr[i].rdata_len : longest;
	}
	CU_ASSERT_TRUE(longest < 20); // still mostly compressed
}

/** A name at 0x3fff can be pointed to, one at 0x4000 cannot. */
static void test_pointer_range(void)
{
	static uint8_t buf[0x5000];
	static const uint8_t zeros[0x4000];

	for (size_t at = 0x3fff; at <= 0x4000; at++) {
		const size_t before = DNS_HEADER_LEN + 1 + DNS_RR_FIXED_LEN + 1 + DNS_RR_FIXED_LEN;
		build_header(&built, DNS_FLAG_QR, 0, 3, 0, 0);
		build_rr(&built, "\0", 1, 65280, DNS_CLASS_IN, 0, zeros, at - before);
		build_rr(&built, "\0", 1, DNS_TYPE_NS, DNS_CLASS_IN, 0, "\1n\0", 3);
		build_rr(&built, "\0", 1, DNS_TYPE_NS, DNS_CLASS_IN, 0, "\1n\0", 3);
		CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&source, built.octets, built.len), 0);
		CU_ASSERT_EQUAL(source.rr[1].rdata_off, at);
		int len = rewrite(buf, sizeof(buf));
		CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&result, buf, (size_t)len), 0);
		CU_ASSERT_EQUAL(result.rr[2].rdata_len, at == 0x3fff ? 2 : 3);
	}
}

static void test_ttl(void)
{
	uint8_t buf[256];

	write_one(DNS_TYPE_A, "\1\2\3\4", 4, buf, sizeof(buf));
	dns_writer_init(&writer, buf, sizeof(buf), 1, DNS_FLAG_QR);
	dns_writer_copy_rr(&writer, DNS_ADDITIONAL, &source, &source.rr[0], 17);
	int len = dns_writer_end(&writer);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&result, buf, (size_t)len), 0);
	CU_ASSERT_EQUAL(result.rr[0].ttl_s, 17);
	CU_ASSERT_EQUAL(result.rr[0].section, DNS_ADDITIONAL);
	CU_ASSERT_EQUAL(result.qd_count, 0);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"referral", test_referral},
		{"every size of buffer", test_sizes},
		{"no space leaves no trace", test_no_space},
		{"OPT and extended errors", test_opt},
		{"names in RDATA", test_rdata},
		{"table of names full", test_table_full},
		{"range of pointers", test_pointer_range},
		{"chain of pointers", test_pointer_chain},
		{"TTL and section", test_ttl},
		CU_TEST_INFO_NULL,
	};
	return test_run("dns/writer", tests);
}
