#include <string.h>

#include <CUnit/Basic.h>

#include "tests/unit/dataplane/stage.h"
#include "tests/unit/run.h"

/* What a client's query leads to, up to what goes upstream and what is answered at once. */

static void insecure(void)
{
	struct stage_spec spec = {.status = VAL_ZONE_INSECURE};

	stage_open(&spec);
}

static void test_forward(void)
{
	struct stage_query q = {.qname = "WwW.eXaMpLe.CoM.", .id = 0xbeef, .flags = DNS_FLAG_RD};
	const struct stage_answer *a;
	struct stage_packet up;

	insecure();
	stage_ask(&q);
	CU_ASSERT_EQUAL(stage_stats().waiting, 1);
	up = stage_expect_upstream(SIN);
	CU_ASSERT_STRING_EQUAL(stage_qname(&up), "www.example.com.");
	CU_ASSERT_EQUAL(dns_get16(up.dns + DNS_OFF_FLAGS), 0); // RD=0 to an authority
	stage_reply_a(&up);
	a = stage_expect_answer();
	CU_ASSERT_EQUAL(a->msg.id, 0xbeef);
	CU_ASSERT_EQUAL(a->msg.flags, DNS_FLAG_QR | DNS_FLAG_AA | DNS_FLAG_RD);
	CU_ASSERT(memcmp(a->msg.qname.octets, "\3WwW\7eXaMpLe\3CoM", 17) == 0);
	CU_ASSERT_EQUAL(a->msg.rr_count, 1);
	CU_ASSERT_FALSE(a->msg.edns.present);
	CU_ASSERT_EQUAL(stage_stats().forwarded, 1);
	CU_ASSERT_EQUAL(stage_stats().matched, 1);
	stage_close();
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"forward", test_forward},
		CU_TEST_INFO_NULL,
	};

	(void)argc;
	stage_start(argv[0]);
	return test_run("query", tests);
}
