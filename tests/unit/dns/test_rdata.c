#include <errno.h>

#include "dns/rdata.h"
#include "tests/unit/dns/builder.h"
#include "tests/unit/run.h"

#define BYTES(literal) (literal), sizeof(literal) - 1

struct bytes {
	const char *octets;
	size_t len;
};
#define B(literal)                                                                                 \
	{                                                                                          \
		literal, sizeof(literal) - 1                                                       \
	}

#define RRSIG_FIXED "\0\1\x0d\2\0\0\x0e\x10\x65\0\0\2\x64\0\0\1\x30\x39"

static void test_rrsig(void)
{
	static const struct {
		const char *name;
		struct bytes rdata;
		int want;
	} rows[] = {
		{"good", B(RRSIG_FIXED "\3com\0SIGN"), 0},
		{"one octet of signature", B(RRSIG_FIXED "\0S"), 0},
		{"empty", B(""), -EBADMSG},
		{"fixed part cut", B("\0\1\x0d\2\0\0\x0e\x10\x65\0\0\2\x64\0\0\1\x30"), -EBADMSG},
		{"no signer", B(RRSIG_FIXED), -EBADMSG},
		{"signer cut", B(RRSIG_FIXED "\3co"), -EBADMSG},
		{"signer compressed", B(RRSIG_FIXED "\xc0\x0cSIGN"), -EBADMSG},
		{"no signature", B(RRSIG_FIXED "\3com\0"), -EBADMSG},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *rdata = unit_copy(rows[i].rdata.octets, rows[i].rdata.len);
		struct dns_rrsig sig;
		UNIT_CHECK(rows[i].name,
			dns_rrsig_read(rdata, rows[i].rdata.len, &sig) == rows[i].want);
		if (i == 0) {
			CU_ASSERT_EQUAL(sig.type_covered, DNS_TYPE_A);
			CU_ASSERT_EQUAL(sig.algorithm, 13);
			CU_ASSERT_EQUAL(sig.labels, 2);
			CU_ASSERT_EQUAL(sig.original_ttl_s, 3600);
			CU_ASSERT_EQUAL(sig.expiration, 0x65000002);
			CU_ASSERT_EQUAL(sig.inception, 0x64000001);
			CU_ASSERT_EQUAL(sig.key_tag, 12345);
			CU_ASSERT_EQUAL(sig.signer_len, 5);
			CU_ASSERT_PTR_EQUAL(sig.signer, rdata + 18);
			CU_ASSERT_EQUAL(sig.signature_len, 4);
			CU_ASSERT_PTR_EQUAL(sig.signature, rdata + 23);
		}
		free(rdata);
	}
}

static void test_keys(void)
{
	uint8_t *rdata = unit_copy("\1\1\3\x0d"
				   "KEY",
		7);
	struct dns_dnskey key;
	CU_ASSERT_EQUAL(dns_dnskey_read(rdata, 7, &key), 0);
	CU_ASSERT_EQUAL(key.flags, DNS_DNSKEY_FLAG_ZONE | DNS_DNSKEY_FLAG_SEP);
	CU_ASSERT_EQUAL(key.protocol, 3);
	CU_ASSERT_EQUAL(key.algorithm, 13);
	CU_ASSERT_EQUAL(key.key_len, 3);
	CU_ASSERT_PTR_EQUAL(key.key, rdata + 4);
	CU_ASSERT_EQUAL(dns_dnskey_read(rdata, 4, &key), -EBADMSG);
	CU_ASSERT_EQUAL(dns_dnskey_read(rdata, 0, &key), -EBADMSG);
	CU_ASSERT_EQUAL(dns_dnskey_read(rdata, 5, &key), 0);

	struct dns_ds ds;
	CU_ASSERT_EQUAL(dns_ds_read(rdata, 7, &ds), 0);
	CU_ASSERT_EQUAL(ds.key_tag, 0x0101);
	CU_ASSERT_EQUAL(ds.algorithm, 3);
	CU_ASSERT_EQUAL(ds.digest_type, 13);
	CU_ASSERT_EQUAL(ds.digest_len, 3);
	CU_ASSERT_PTR_EQUAL(ds.digest, rdata + 4);
	CU_ASSERT_EQUAL(dns_ds_read(rdata, 4, &ds), -EBADMSG);
	CU_ASSERT_EQUAL(dns_ds_read(rdata, 5, &ds), 0);
	free(rdata);
}

static void test_nsec3(void)
{
	static const struct {
		const char *name;
		struct bytes rdata;
		int want;
	} rows[] = {
		{"good", B("\1\1\0\x0a\2\xab\xcd\4HASH\0\1\x62"), 0},
		{"no salt, no bitmap", B("\1\0\0\0\0\1H"), 0},
		{"empty", B(""), -EBADMSG},
		{"fixed part cut", B("\1\0\0\0"), -EBADMSG},
		{"no hash length", B("\1\0\0\0\0"), -EBADMSG},
		{"salt cut", B("\1\0\0\0\2\xab"), -EBADMSG},
		{"salt takes all", B("\1\0\0\0\2\xab\xcd"), -EBADMSG},
		{"empty hash", B("\1\0\0\0\0\0"), -EBADMSG},
		{"hash cut", B("\1\0\0\0\0\2H"), -EBADMSG},
		{"bitmap cut", B("\1\0\0\0\0\1H\0"), -EBADMSG},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *rdata = unit_copy(rows[i].rdata.octets, rows[i].rdata.len);
		struct dns_nsec3 nsec3;
		UNIT_CHECK(rows[i].name,
			dns_nsec3_read(rdata, rows[i].rdata.len, &nsec3) == rows[i].want);
		if (i == 0) {
			CU_ASSERT_EQUAL(nsec3.hash_alg, 1);
			CU_ASSERT_EQUAL(nsec3.flags, DNS_NSEC3_FLAG_OPTOUT);
			CU_ASSERT_EQUAL(nsec3.iterations, 10);
			CU_ASSERT_EQUAL(nsec3.salt_len, 2);
			CU_ASSERT_PTR_EQUAL(nsec3.salt, rdata + 5);
			CU_ASSERT_EQUAL(nsec3.next_len, 4);
			CU_ASSERT_PTR_EQUAL(nsec3.next_hash, rdata + 8);
			CU_ASSERT_EQUAL(nsec3.bitmap_len, 3);
			CU_ASSERT_TRUE(dns_bitmap_has(nsec3.bitmap, nsec3.bitmap_len, DNS_TYPE_A));
		}
		free(rdata);
	}
}

static void test_bitmaps(void)
{
	static const struct {
		const char *name;
		struct bytes rdata; // of an NSEC with next name "."
		int want;
	} rows[] = {
		{"none", B("\0"), 0},
		{"one octet", B("\0\0\1\x40"), 0},
		{"32 octets",
			B("\0\0\40"
			  "0123456789abcdef0123456789abcdef"),
			0},
		{"two windows", B("\0\0\1\x40\1\1\x40"), 0},
		{"trailing zero octet", B("\0\0\2\x40\0"), 0},
		{"33 octets",
			B("\0\0\41"
			  "0123456789abcdef0123456789abcdefx"),
			-EBADMSG},
		{"no octets", B("\0\0\0"), -EBADMSG},
		{"octets cut", B("\0\0\2\x40"), -EBADMSG},
		{"half a header", B("\0\0"), -EBADMSG},
		{"window twice", B("\0\0\1\x40\0\1\x40"), -EBADMSG},
		{"windows fall", B("\0\2\1\x40\1\1\x40"), -EBADMSG},
		{"no next name", B(""), -EBADMSG},
		{"next name a pointer", B("\xc0\x0c"), -EBADMSG},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *rdata = unit_copy(rows[i].rdata.octets, rows[i].rdata.len);
		struct dns_nsec nsec;
		UNIT_CHECK(rows[i].name,
			dns_nsec_read(rdata, rows[i].rdata.len, &nsec) == rows[i].want);
		if (rows[i].want == 0) {
			UNIT_CHECK(rows[i].name, nsec.next_len == 1 && nsec.next == rdata);
			UNIT_CHECK(rows[i].name, nsec.bitmap_len == rows[i].rdata.len - 1);
		}
		free(rdata);
	}
}

static void test_bitmap_has(void)
{
	// A, NS, SOA, MX, AAAA, RRSIG, NSEC, DNSKEY; CAA (257)
	static const char bitmap[] = "\0\7\x62\x01\x00\x08\x00\x03\x80\1\1\x40";
	static const uint16_t in[] = {1, 2, 6, 15, 28, 46, 47, 48, 257};
	uint8_t *heap = unit_copy(BYTES(bitmap));

	int set = 0;
	for (unsigned type = 0; type <= UINT16_MAX; type++)
		set += dns_bitmap_has(heap, sizeof(bitmap) - 1, (uint16_t)type);
	CU_ASSERT_EQUAL(set, 9);
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
		CU_ASSERT_TRUE(dns_bitmap_has(heap, sizeof(bitmap) - 1, in[i]));
	CU_ASSERT_FALSE(dns_bitmap_has(heap, 0, 1));
	free(heap);
}

/** Small sums by hand; real keys are checked against their RRSIGs by the validator tests. */
static void test_key_tag(void)
{
	static const uint8_t two_octets[] = {0x12, 0x34}, three[] = {0x12, 0x34, 0x56};
	static const uint8_t carry[] = {0xff, 0xff, 0xff, 0xff};

	CU_ASSERT_EQUAL(dns_key_tag(two_octets, 2), 0x1234);
	CU_ASSERT_EQUAL(dns_key_tag(three, 3), 0x1234 + 0x5600);
	CU_ASSERT_EQUAL(dns_key_tag(carry, 4), 0xffff);
	CU_ASSERT_EQUAL(dns_key_tag(NULL, 0), 0);
}

/** A message whose question is WWW.Example.com. (offset 12; Example at 16, com at 24) and one
 * record. */
static struct dns_msg msg;
static struct builder built;

static int parse_one(uint16_t type, const struct bytes *rdata, uint8_t **data)
{
	build_header(&built, DNS_FLAG_QR, 1, 1, 0, 0);
	build_question(&built, "\3WWW\7Example\3com\0", 17, type, DNS_CLASS_IN);
	build_rr(&built, "\xc0\x0c", 2, type, DNS_CLASS_IN, 60, rdata->octets, rdata->len);
	*data = unit_copy(built.octets, built.len);
	return dns_msg_parse(&msg, *data, built.len);
}

#define MINIMUM 0x64646464 // "dddd"
#define SOA_TAIL                                                                                   \
	"\x78\x56\x34\x12"                                                                         \
	"aaaabbbbccccdddd"
#define ADDRESS "0123456789abcdef"

static void test_canonical(void)
{
	static const struct {
		const char *name;
		uint16_t type;
		struct bytes rdata, want; // want.octets NULL: -EBADMSG
	} rows[] = {
		{"NS", DNS_TYPE_NS, B("\2NS\xc0\x10"), B("\2ns\7example\3com\0")},
		{"CNAME, plain", DNS_TYPE_CNAME, B("\2Xy\0"), B("\2xy\0")},
		{"MX", DNS_TYPE_MX, B("AB\xc0\x0c"), B("AB\3www\7example\3com\0")},
		{"SOA", DNS_TYPE_SOA, B("\xc0\x18\1H\xc0\x18" SOA_TAIL),
			B("\3com\0\1h\3com\0" SOA_TAIL)},
		{"SRV", DNS_TYPE_SRV, B("ABCDEF\1T\xc0\x18"), B("ABCDEF\1t\3com\0")},
		{"NAPTR", DNS_TYPE_NAPTR, B("ABCD\1U\0\3!R!\1T\0"), B("ABCD\1U\0\3!R!\1t\0")},
		{"RP", DNS_TYPE_RP, B("\1M\0\1T\0"), B("\1m\0\1t\0")},
		{"PX", DNS_TYPE_PX, B("AB\1M\0\1T\0"), B("AB\1m\0\1t\0")},
		{"KX", DNS_TYPE_KX, B("AB\1M\0"), B("AB\1m\0")},
		{"DNAME", DNS_TYPE_DNAME, B("\1M\0"), B("\1m\0")},
		{"A6, no prefix", DNS_TYPE_A6, B("\0" ADDRESS), B("\0" ADDRESS)},
		{"A6, 64 bits", DNS_TYPE_A6,
			B("\x40"
			  "ABCDEFGH\1N\0"),
			B("\x40"
			  "ABCDEFGH\1n\0")},
		{"A6, 121 bits", DNS_TYPE_A6,
			B("\x79"
			  "A\1N\0"),
			B("\x79"
			  "A\1n\0")},
		{"A6, 128 bits", DNS_TYPE_A6, B("\x80\1N\0"), B("\x80\1n\0")},
		{"A6, 129 bits", DNS_TYPE_A6, B("\x81\1N\0"), {NULL, 0}},
		{"A6, empty", DNS_TYPE_A6, B(""), {NULL, 0}},
		{"RRSIG's signer", DNS_TYPE_RRSIG, B(RRSIG_FIXED "\3COM\0SIGN"),
			B(RRSIG_FIXED "\3com\0SIGN")},
		{"NSEC keeps its case", DNS_TYPE_NSEC, B("\3COM\0\0\1\x40"), B("\3COM\0\0\1\x40")},
		{"HINFO keeps its case", DNS_TYPE_HINFO, B("\3CPU\2OS"), B("\3CPU\2OS")},
		{"SVCB is opaque", DNS_TYPE_SVCB, B("\0\1\1T\0"), B("\0\1\1T\0")},
		{"unknown type is opaque", 65280, B("\1T\xc0\x0c"), B("\1T\xc0\x0c")},
		{"A", DNS_TYPE_A, B("\1\2\3\4"), B("\1\2\3\4")},
		{"empty TXT", DNS_TYPE_TXT, B(""), B("")},
		{"NS, octet left", DNS_TYPE_NS, B("\2NS\0x"), {NULL, 0}},
		{"NS, empty", DNS_TYPE_NS, B(""), {NULL, 0}},
		{"NS, name leaves RDATA", DNS_TYPE_NS, B("\3NS"), {NULL, 0}},
		{"NS, forward pointer", DNS_TYPE_NS, B("\xc0\xff"), {NULL, 0}},
		{"MX cut", DNS_TYPE_MX, B("A"), {NULL, 0}},
		{"MX, no name", DNS_TYPE_MX, B("AB"), {NULL, 0}},
		{"SOA, tail short", DNS_TYPE_SOA, B("\0\0aaaabbbbccccddddeee"), {NULL, 0}},
		{"SOA, tail long", DNS_TYPE_SOA, B("\0\0aaaabbbbccccddddeeeef"), {NULL, 0}},
		{"SOA, one name", DNS_TYPE_SOA, B("\0"), {NULL, 0}},
		{"NAPTR, two strings", DNS_TYPE_NAPTR, B("ABCD\1U\1U"), {NULL, 0}},
		{"NAPTR, string too long", DNS_TYPE_NAPTR, B("ABCD\1U\1U\7ab\0"), {NULL, 0}},
		{"NAPTR, no name", DNS_TYPE_NAPTR, B("ABCD\1U\1U\1U"), {NULL, 0}},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *data;
		UNIT_CHECK(rows[i].name, parse_one(rows[i].type, &rows[i].rdata, &data) == 0);
		size_t size = rows[i].want.len;
		uint8_t *out = malloc(size);
		uint8_t big[512];
		if (!rows[i].want.octets) {
			UNIT_CHECK(rows[i].name, dns_rdata_canonical(&msg, &msg.rr[0], big,
							 sizeof(big)) == -EBADMSG);
		} else {
			UNIT_CHECK(rows[i].name,
				dns_rdata_canonical(&msg, &msg.rr[0], out, size) == (int)size);
			UNIT_CHECK(rows[i].name, memcmp(out, rows[i].want.octets, size) == 0);
			if (size > 0)
				UNIT_CHECK(rows[i].name, dns_rdata_canonical(&msg, &msg.rr[0], out,
								 size - 1) == -ENOSPC);
		}
		free(out);
		free(data);
	}
}

static void test_soa_serial(void)
{
	static const struct {
		const char *name;
		struct bytes rdata;
		int want;
	} rows[] = {
		{"compressed", B("\xc0\x18\1H\xc0\x18" SOA_TAIL), 0},
		{"plain", B("\0\0" SOA_TAIL), 0},
		{"tail short",
			B("\0\0\x78\x56\x34\x12"
			  "aaaabbbbccccddd"),
			-EBADMSG},
		{"tail long", B("\0\0" SOA_TAIL "x"), -EBADMSG},
		{"one name", B("\0"), -EBADMSG},
		{"empty", B(""), -EBADMSG},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *data;
		uint32_t serial = 0, minimum = 0;
		UNIT_CHECK(rows[i].name, parse_one(DNS_TYPE_SOA, &rows[i].rdata, &data) == 0);
		UNIT_CHECK(rows[i].name, dns_soa_serial(&msg, &msg.rr[0], &serial) == rows[i].want);
		UNIT_CHECK(
			rows[i].name, dns_soa_minimum(&msg, &msg.rr[0], &minimum) == rows[i].want);
		UNIT_CHECK(rows[i].name, minimum == (rows[i].want == 0 ? MINIMUM : 0));
		UNIT_CHECK(rows[i].name, serial == (rows[i].want == 0 ? 0x78563412 : 0));
		free(data);
	}
}

/** The list of RFC 4034 s6.2 without HINFO and NSEC (RFC 6840 s5.1); compressible: RFC 1035's. */
static void test_table(void)
{
	static const uint16_t lower[] = {DNS_TYPE_NS, DNS_TYPE_MD, DNS_TYPE_MF, DNS_TYPE_CNAME,
		DNS_TYPE_SOA, DNS_TYPE_MB, DNS_TYPE_MG, DNS_TYPE_MR, DNS_TYPE_PTR, DNS_TYPE_MINFO,
		DNS_TYPE_MX, DNS_TYPE_RP, DNS_TYPE_AFSDB, DNS_TYPE_RT, DNS_TYPE_SIG, DNS_TYPE_PX,
		DNS_TYPE_NXT, DNS_TYPE_NAPTR, DNS_TYPE_KX, DNS_TYPE_SRV, DNS_TYPE_DNAME,
		DNS_TYPE_A6, DNS_TYPE_RRSIG};
	const size_t count = sizeof(lower) / sizeof(lower[0]);
	size_t rows = 0;

	for (unsigned type = 0; type <= UINT16_MAX; type++) {
		const struct dns_rdata_names *row = dns_rdata_names((uint16_t)type);
		rows += row != NULL;
		if (!row)
			continue;
		CU_ASSERT_EQUAL(row->type, type);
		CU_ASSERT_TRUE(row->lower);
		CU_ASSERT_TRUE(row->names >= 1 && row->names <= DNS_RDATA_NAMES_MAX);
		CU_ASSERT_EQUAL(row->compressible, type <= DNS_TYPE_MX);
	}
	CU_ASSERT_EQUAL(rows, count);
	for (size_t i = 0; i < count; i++)
		CU_ASSERT_PTR_NOT_NULL(dns_rdata_names(lower[i]));
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"RRSIG", test_rrsig},
		{"DNSKEY and DS", test_keys},
		{"NSEC3", test_nsec3},
		{"NSEC and type bitmaps", test_bitmaps},
		{"types in a bitmap", test_bitmap_has},
		{"key tag", test_key_tag},
		{"canonical RDATA", test_canonical},
		{"SOA serial", test_soa_serial},
		{"table of names", test_table},
		CU_TEST_INFO_NULL,
	};
	return test_run("dns/rdata", tests);
}
