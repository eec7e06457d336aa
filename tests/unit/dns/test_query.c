#include <errno.h>

#include "dns/query.h"
#include "tests/fuzz/msg_check.h"
#include "tests/unit/dns/builder.h"
#include "tests/unit/run.h"

static struct builder built;
static struct dns_msg scratch;
static struct dns_query q;

enum { UNTOUCHED = 0x5a5a };

/** Read an exact copy and let msg_check() compare with dns_msg_parse(). */
static int read_built(const char *name)
{
	uint8_t *data = unit_copy(built.octets, built.len);
	int rc, checked;

	memset(&scratch, 0x5a, sizeof(scratch));
	memset(&q, 0xff, sizeof(q));
	rc = dns_query_read(&q, &scratch, data, built.len);
	const char *broken = msg_check(data, built.len, &checked);
	UNIT_CHECK(broken ? broken : name, broken == NULL && checked == rc);
	free(data);
	return rc;
}

static bool in_one_go(void)
{
	return scratch.len == UNTOUCHED && scratch.rr_count == UNTOUCHED;
}

static void test_usual(void)
{
	build_header(&built, DNS_FLAG_RD | DNS_FLAG_CD, 1, 0, 0, 0);
	build_question(&built, "\3wWw\3coM\0", 9, DNS_TYPE_AAAA, DNS_CLASS_IN);
	CU_ASSERT_EQUAL(read_built("plain"), 0);
	CU_ASSERT_TRUE(in_one_go());
	CU_ASSERT_EQUAL(q.id, 0x1234);
	CU_ASSERT_EQUAL(q.flags, DNS_FLAG_RD | DNS_FLAG_CD);
	CU_ASSERT_TRUE(q.asks);
	CU_ASSERT_EQUAL(q.qtype, DNS_TYPE_AAAA);
	CU_ASSERT_EQUAL(q.qclass, DNS_CLASS_IN);
	CU_ASSERT_EQUAL(q.qname.len, 9);
	CU_ASSERT_EQUAL(q.qname.labels, 2);
	CU_ASSERT_EQUAL(memcmp(q.qname.octets, "\3www\3com\0", 9), 0);
	CU_ASSERT_EQUAL(q.case_bits[0], 1 << 2 | 1 << 7);
	CU_ASSERT_FALSE(q.edns || q.do_bit);

	build_header(&built, 0, 1, 0, 0, 1);
	build_question(&built, "\3www\3com\0", 9, DNS_TYPE_A, DNS_CLASS_CH);
	build_rr(&built, "\0", 1, DNS_TYPE_OPT, 4000, 0x00018000, "\0\12\0\2ab", 6);
	CU_ASSERT_EQUAL(read_built("EDNS"), 0);
	CU_ASSERT_TRUE(in_one_go());
	CU_ASSERT_TRUE(q.edns && q.do_bit);
	CU_ASSERT_EQUAL(q.udp_size, 4000);
	CU_ASSERT_EQUAL(q.version, 1);
	CU_ASSERT_EQUAL(q.qclass, DNS_CLASS_CH);

	// and one without DO, behind one with it
	build_header(&built, 0, 1, 0, 0, 1);
	build_question(&built, "\0", 1, DNS_TYPE_NS, DNS_CLASS_IN);
	build_rr(&built, "\0", 1, DNS_TYPE_OPT, 512, 0, "", 0);
	CU_ASSERT_EQUAL(read_built("the root, EDNS without DO"), 0);
	CU_ASSERT_TRUE(in_one_go());
	CU_ASSERT_TRUE(q.edns && !q.do_bit && q.version == 0);
	CU_ASSERT_EQUAL(q.udp_size, 512);
	CU_ASSERT_EQUAL(q.qname.len, 1);
}

/** Not usual, but well formed: the long way, the same result. */
static void test_unusual(void)
{
	build_header(&built, 0, 0, 0, 0, 0);
	CU_ASSERT_EQUAL(read_built("no question"), 0);
	CU_ASSERT_FALSE(in_one_go() || q.asks || q.edns);

	build_header(&built, 0, 0, 0, 0, 1);
	build_rr(&built, "\0", 1, DNS_TYPE_OPT, 1400, 0x8000, "", 0);
	CU_ASSERT_EQUAL(read_built("no question, EDNS"), 0);
	CU_ASSERT_TRUE(!in_one_go() && !q.asks && q.edns && q.do_bit);

	build_header(&built, 0, 1, 0, 0, 2); // as with TSIG
	build_question(&built, "\3www\3Com\0", 9, DNS_TYPE_A, DNS_CLASS_IN);
	build_rr(&built, "\0", 1, DNS_TYPE_OPT, 1400, 0x8000, "", 0);
	build_rr(&built, "\1k\0", 3, 250, DNS_CLASS_ANY, 0, "", 0);
	CU_ASSERT_EQUAL(read_built("a record behind the OPT"), 0);
	CU_ASSERT_TRUE(!in_one_go() && q.asks && q.edns && q.do_bit);
	CU_ASSERT_EQUAL(q.case_bits[0], 1 << 5);

	build_header(&built, 0, 1, 0, 0, 1);
	build_question(&built, "\3www\3com\0", 9, DNS_TYPE_A, DNS_CLASS_IN);
	build_rr(&built, "\xc0\x0c", 2, DNS_TYPE_A, DNS_CLASS_IN, 7, "\1\2\3\4", 4);
	CU_ASSERT_EQUAL(read_built("a record that is no OPT"), 0);
	CU_ASSERT_TRUE(!in_one_go() && q.asks && !q.edns);

	build_referral(&built);
	CU_ASSERT_EQUAL(read_built("a reply"), 0);
	CU_ASSERT_TRUE(q.asks && q.edns);
}

static void test_malformed(void)
{
	build_header(&built, DNS_FLAG_RD, 1, 0, 0, 1);
	build_question(&built, "\3www\3com\0", 9, DNS_TYPE_A, DNS_CLASS_IN);
	build_rr(&built, "\0", 1, DNS_TYPE_OPT, 1400, 0x8000, "\0\12\0\1a", 5);
	for (size_t whole = built.len; built.len > 0; built.len--) {
		CU_ASSERT(built.len == whole || read_built("cut short") != 0);
		CU_ASSERT_EQUAL(built.len == whole || !q.asks, true);
	}
	CU_ASSERT_EQUAL(read_built("nothing"), -EMSGSIZE);

	struct {
		const char *name;
		unsigned qd, ar;
		const char *qname;
		size_t qname_len;
		const char *opt_rdata;
		size_t opt_rdata_len;
		const char *tail;
		size_t tail_len;
	} rows[] = {
		{"two questions", 2, 0, "\3www\0", 5, NULL, 0, NULL, 0},
		{"a pointer", 1, 0, "\3www\xc0\x0c", 6, NULL, 0, NULL, 0},
		{"a label of another kind", 1, 0,
			"\x41"
			"www\0",
			5, NULL, 0, NULL, 0},
		{"an octet too many", 1, 0, "\3www\0", 5, NULL, 0, "a", 1},
		{"an octet too many behind the OPT", 1, 1, "\3www\0", 5, "", 0, "a", 1},
		{"an option that is cut", 1, 1, "\3www\0", 5, "\0\12\0\2a", 5, NULL, 0},
		{"an option without a length", 1, 1, "\3www\0", 5, "\0\12\0", 3, NULL, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build_header(&built, DNS_FLAG_RD, rows[i].qd, 0, 0, rows[i].ar);
		build_question(&built, rows[i].qname, rows[i].qname_len, DNS_TYPE_A, DNS_CLASS_IN);
		if (rows[i].ar > 0)
			build_rr(&built, "\0", 1, DNS_TYPE_OPT, 1400, 0x8000, rows[i].opt_rdata,
				rows[i].opt_rdata_len);
		if (rows[i].tail)
			build_bytes(&built, rows[i].tail, rows[i].tail_len);
		UNIT_CHECK(rows[i].name, read_built(rows[i].name) == -EBADMSG);
		UNIT_CHECK(rows[i].name, !q.asks && !q.edns && q.id == 0x1234);
	}
}

/** A name of len octets in labels of up to `most`, letters or any octets. len is not 2. */
static void random_name(uint8_t *name, unsigned len, unsigned most, bool letters, uint64_t *seed)
{
	unsigned left = len - 1;

	while (left > 0) {
		unsigned take = left > most ? most : left;

		take -= left - take == 1; // a label has two octets at least
		*name++ = (uint8_t)(take - 1);
		for (unsigned i = 1; i < take; i++) {
			uint8_t any = (uint8_t)unit_random(seed);
			*name++ = letters ? (uint8_t)('@' + any % 64) : any;
		}
		left -= take;
	}
	name[0] = 0;
}

/** Every length of name; msg_check() looks at each letter. */
static void test_letters(void)
{
	uint64_t seed = 11;

	for (unsigned len = 1; len <= DNS_NAME_MAX; len += 1 + (len == 1)) {
		for (unsigned round = 0; round < 8; round++) {
			char name[DNS_NAME_MAX];

			random_name((uint8_t *)name, len, round & 1 ? 64 : 9, round & 2, &seed);
			build_header(&built, 0, 1, 0, 0, round / 4);
			build_question(&built, name, len, DNS_TYPE_A, DNS_CLASS_IN);
			if (round / 4)
				build_rr(&built, "\0", 1, DNS_TYPE_OPT, 1400, 0x8000, "", 0);
			UNIT_CHECK("letters", read_built("letters") == 0);
			UNIT_CHECK("letters", in_one_go() && q.qname.len == len);
		}
	}
}

/** Octets of a good query changed at random: whatever comes of it, both readers say the same. */
static void test_random(void)
{
	uint64_t seed = 12;
	unsigned good = 0, usual = 0;

	for (unsigned n = 0; n < 200000; n++) {
		build_header(&built, DNS_FLAG_RD, 1, 0, 0, 1);
		build_question(&built, "\3wWw\7eXample\3com\0", 17, DNS_TYPE_A, DNS_CLASS_IN);
		build_rr(&built, "\0", 1, DNS_TYPE_OPT, 1400, 0x8000, "\0\12\0\2ab\0\3\0\0", 10);
		for (unsigned k = unit_random_below(&seed, 4); k > 0; k--)
			built.octets[unit_random_below(&seed, built.len)] =
				(uint8_t)(unit_random_below(&seed, 2)
						  ? unit_random(&seed)
						  : unit_random_below(&seed, 8));
		if (unit_random_below(&seed, 8) == 0)
			built.len -= unit_random_below(&seed, built.len);
		good += read_built("random") == 0;
		usual += in_one_go();
	}
	CU_ASSERT(good > 20000 && good < 180000 && usual > 20000 && usual <= good);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"the usual form, in one go", test_usual},
		{"well-formed all the same", test_unusual},
		{"malformed", test_malformed},
		{"letters of every length", test_letters},
		{"against dns_msg_parse() on random octets", test_random},
		CU_TEST_INFO_NULL,
	};

	return test_run("dns/query", tests);
}
