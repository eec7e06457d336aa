#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "dataplane/question.h"
#include "dns/wire.h"
#include "dns/writer.h"
#include "tests/unit/run.h"

static const uint8_t NAME[] = "\003cOm";

struct query {
	const char *name;
	uint16_t flags, type, class;
	bool edns;
	uint8_t version;
	size_t cut; // octets taken off the end
	bool forward;
	uint16_t rcode;
	int ede;
};

static const struct query QUERIES[] = {
	{"plain", 0x0100, 1, 1, false, 0, 0, true, 0, 0},
	{"with EDNS", 0x0100, 28, 1, true, 0, 0, true, 0, 0},
	{"ANY goes up", 0, 255, 1, false, 0, 0, true, 0, 0},
	{"AXFR", 0, 252, 1, false, 0, 0, false, DNS_RCODE_REFUSED, DNS_EDE_NOT_SUPPORTED},
	{"type 0", 0, 0, 1, false, 0, 0, false, DNS_RCODE_REFUSED, DNS_EDE_NOT_SUPPORTED},
	{"OPT asked for", 0, 41, 1, false, 0, 0, false, DNS_RCODE_REFUSED, DNS_EDE_NOT_SUPPORTED},
	{"first meta type", 0, 128, 1, false, 0, 0, false, DNS_RCODE_REFUSED,
		DNS_EDE_NOT_SUPPORTED},
	{"below the meta types", 0, 127, 1, false, 0, 0, true, 0, 0},
	{"above the meta types", 0, 256, 1, false, 0, 0, true, 0, 0},
	{"CHAOS", 0, 16, 3, false, 0, 0, false, DNS_RCODE_REFUSED, DNS_EDE_NOT_SUPPORTED},
	{"UPDATE", 5 << 11, 6, 1, false, 0, 0, false, DNS_RCODE_NOTIMP, DNS_EDE_NOT_SUPPORTED},
	{"EDNS 1", 0, 1, 1, true, 1, 0, false, DNS_RCODE_BADVERS, DNS_EDE_NONE},
	{"cut short", 0, 1, 1, false, 0, 1, false, DNS_RCODE_FORMERR, DNS_EDE_NONE},
};

static int write_query(const struct query *q, uint8_t *out, size_t size)
{
	struct dns_writer w;

	dns_writer_init(&w, out, size, 0x1234, q->flags);
	dns_writer_question(&w, NAME, q->type, q->class);
	if (q->edns)
		dns_writer_opt(&w, 4000, true, 0, DNS_EDE_NONE, NULL);
	int len = dns_writer_end(&w);
	if (q->edns)
		out[len - 5] = q->version;
	return len - (int)q->cut;
}

static void test_read(void)
{
	static struct dns_msg scratch;
	static struct dns_query q;
	uint8_t buf[512];

	for (size_t i = 0; i < sizeof(QUERIES) / sizeof(QUERIES[0]); i++) {
		const struct query *row = &QUERIES[i];
		struct dp_answer a;
		int len = write_query(row, buf, sizeof(buf));
		uint8_t *exact = malloc((size_t)len);

		memcpy(exact, buf, (size_t)len);
		bool forward = dp_question_read(&q, &scratch, exact, (uint16_t)len, &a);
		if (forward != row->forward ||
			(!forward && (a.rcode != row->rcode || a.ede != row->ede)))
			CU_FAIL(row->name);
		CU_ASSERT_EQUAL(q.id, 0x1234);
		free(exact);
	}
	CU_PASS("all rows");
}

static void test_header_only(void)
{
	static struct dns_msg scratch;
	static struct dns_query q;
	uint8_t header[DNS_HEADER_LEN] = {0xab, 0xcd, 0x01, 0x00, 0, 1};
	struct dp_answer a;

	CU_ASSERT_FALSE(dp_question_read(&q, &scratch, header, sizeof(header), &a));
	CU_ASSERT_EQUAL(a.rcode, DNS_RCODE_FORMERR);
	CU_ASSERT_EQUAL(q.id, 0xabcd);
	CU_ASSERT_EQUAL(q.asks, false);
	CU_ASSERT_FALSE(q.edns);
}

static void test_note(void)
{
	static struct dns_msg scratch;
	static struct dns_query q;
	struct dp_waiter c = {0};
	struct dp_answer a;
	uint8_t buf[512];
	int len = write_query(&QUERIES[1], buf, sizeof(buf));

	CU_ASSERT_TRUE_FATAL(dp_question_read(&q, &scratch, buf, (uint16_t)len, &a));
	dp_question_note(&q, &c);
	CU_ASSERT_TRUE(c.edns && c.do_bit);
	CU_ASSERT_EQUAL(c.udp_size, 4000);
	CU_ASSERT_EQUAL(c.id, 0x1234);
	CU_ASSERT_EQUAL(c.case_bits[0], 1 << 2); // c, O, m: octet 2 is the capital

	len = write_query(&QUERIES[0], buf, sizeof(buf));
	CU_ASSERT_TRUE_FATAL(dp_question_read(&q, &scratch, buf, (uint16_t)len, &a));
	dp_question_note(&q, &c);
	CU_ASSERT_FALSE(c.edns || c.do_bit);
	CU_ASSERT_EQUAL(c.udp_size, DNS_UDP_MAX_PLAIN);
}

static void test_allowed(void)
{
	static struct dp_config cfg;
	struct route_addr in = {4, {192, 0, 2, 127}}, out = {4, {192, 0, 2, 128}};
	struct route_addr six = {6, {192, 0, 2, 1}};

	CU_ASSERT_TRUE(dp_question_allowed(&cfg, &in));
	cfg.allow[0] = (struct route_prefix){{4, {192, 0, 2}}, 25};
	cfg.allow_count = 1;
	CU_ASSERT_TRUE(dp_question_allowed(&cfg, &in));
	CU_ASSERT_FALSE(dp_question_allowed(&cfg, &out));
	CU_ASSERT_FALSE(dp_question_allowed(&cfg, &six));
	cfg.allow[1] = (struct route_prefix){{6, {0}}, 0};
	cfg.allow_count = 2;
	CU_ASSERT_TRUE(dp_question_allowed(&cfg, &six));
	CU_ASSERT_FALSE(dp_question_allowed(&cfg, &out));
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"what is forwarded and what is answered", test_read},
		{"a header alone is answered by it", test_header_only},
		{"what the reply needs is noted", test_note},
		{"who may ask", test_allowed},
		CU_TEST_INFO_NULL,
	};

	return test_run("dataplane/question", tests);
}
