#include <stdio.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "tests/unit/dataplane/stage.h"
#include "tests/unit/run.h"

/* What a client's query leads to: a query upstream, a place beside another client, or an answer. */

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
	CU_ASSERT_EQUAL(stage_stats().answered_rcode[DNS_RCODE_NOERROR], 1);
	stage_close();
}

/* Either family of client, either family of upstream, with and without a VLAN tag. */
static void test_families(void)
{
	for (unsigned i = 0; i < 8; i++) {
		struct stage_spec spec = {.status = VAL_ZONE_INSECURE, .v6 = (i & 1) != 0};
		struct stage_query q = {
			.qname = "a.com.", .v6 = (i & 2) != 0, .vlan = (i & 4) != 0, .edns = true};
		const struct stage_answer *a;
		struct stage_packet up;

		stage_open(&spec);
		stage_ask(&q);
		up = stage_expect_upstream(SIN);
		CU_ASSERT_EQUAL(up.dst.family, spec.v6 ? 6 : 4);
		stage_reply_a(&up);
		a = stage_expect_answer();
		CU_ASSERT_EQUAL(a->packet.dst.family, q.v6 ? 6 : 4);
		CU_ASSERT_EQUAL(a->packet.vlan, q.vlan);
		CU_ASSERT_EQUAL(a->msg.rr_count, 2);
		CU_ASSERT(a->msg.edns.present);
		stage_close();
	}
}

static const struct {
	const char *name;
	struct stage_query q;
	uint16_t rcode; // with EDNS's upper bits
	int ede;
} local_rows[] = {
	{"status, not a query", {.qname = "a.com.", .flags = 0x1000, .edns = true},
		DNS_RCODE_NOTIMP, DNS_EDE_NOT_SUPPORTED},
	{"notify without EDNS", {.qname = "a.com.", .flags = 0x2000}, DNS_RCODE_NOTIMP,
		DNS_EDE_NONE},
	{"EDNS version 1", {.qname = "a.com.", .edns = true, .version = 1}, DNS_RCODE_BADVERS,
		DNS_EDE_NONE},
	{"class CH", {.qname = "a.com.", .qclass = DNS_CLASS_CH, .edns = true}, DNS_RCODE_REFUSED,
		DNS_EDE_NOT_SUPPORTED},
	{"AXFR", {.qname = "com.", .qtype = DNS_TYPE_AXFR, .edns = true}, DNS_RCODE_REFUSED,
		DNS_EDE_NOT_SUPPORTED},
	{"IXFR", {.qname = "com.", .qtype = DNS_TYPE_IXFR, .edns = true}, DNS_RCODE_REFUSED,
		DNS_EDE_NOT_SUPPORTED},
	{"MAILA", {.qname = "com.", .qtype = DNS_TYPE_MAILA, .edns = true}, DNS_RCODE_REFUSED,
		DNS_EDE_NOT_SUPPORTED},
	{"first meta type", {.qname = "com.", .qtype = 128, .edns = true}, DNS_RCODE_REFUSED,
		DNS_EDE_NOT_SUPPORTED},
	{"OPT as a question", {.qname = "cOm.", .qtype = DNS_TYPE_OPT, .edns = true},
		DNS_RCODE_REFUSED, DNS_EDE_NOT_SUPPORTED},
};

static void test_answered_here(void)
{
	for (size_t i = 0; i < RTE_DIM(local_rows); i++) {
		const struct stage_answer *a;
		struct stage_query q = local_rows[i].q;

		insecure();
		q.id = (uint16_t)(100 + i);
		stage_ask(&q);
		stage_expect_nothing(STAGE_UPSTREAM);
		a = stage_expect_answer();
		if (dns_msg_rcode(&a->msg) != local_rows[i].rcode || a->ede != local_rows[i].ede)
			printf("%s: RCODE %u EDE %d\n", local_rows[i].name, dns_msg_rcode(&a->msg),
				a->ede);
		CU_ASSERT_EQUAL(dns_msg_rcode(&a->msg), local_rows[i].rcode);
		CU_ASSERT_EQUAL(a->ede, local_rows[i].ede);
		CU_ASSERT_EQUAL(a->msg.id, q.id);
		CU_ASSERT_EQUAL(a->msg.flags & DNS_FLAG_OPCODE_MASK, q.flags);
		CU_ASSERT_EQUAL(a->msg.edns.present, q.edns);
		CU_ASSERT_STRING_EQUAL(stage_qname(&a->packet), q.qname); // in its letter case
		CU_ASSERT_EQUAL(stage_stats().answered, 1);
		stage_close();
	}
}

/* Types at the edges of what is refused. ANY is forwarded. */
static void test_types_forwarded(void)
{
	const uint16_t types[] = {1, 127, 256, DNS_TYPE_ANY, 65535};

	for (size_t i = 0; i < RTE_DIM(types); i++) {
		struct stage_query q = {.qname = "a.com.", .qtype = types[i]};
		struct stage_packet up;

		insecure();
		stage_ask(&q);
		up = stage_expect_upstream(SIN);
		stage_reply_rcode(&up, DNS_FLAG_AA);
		stage_expect_answer();
		stage_close();
	}
}

static void send_raw(const struct stage_query *q, size_t len, int patch_at, uint8_t patch)
{
	struct stage_packet p;

	stage_query_packet(q, &p);
	if (patch_at >= 0)
		p.dns[patch_at] = patch;
	p.len = len != 0 ? len : p.len;
	stage_send(STAGE_CLIENTS, &p);
	stage_turn();
}

static void test_malformed(void)
{
	const struct {
		const char *name;
		size_t len;
		int patch_at;
		uint8_t patch;
	} rows[] = {
		{"header only", 12, -1, 0},
		{"header only, no question counted", 12, 5, 0},
		{"question cut", 20, -1, 0},
		{"two questions", 0, 5, 2},
		{"compression in the question", 0, 12, 0xc0},
		{"a record that is not there", 0, 7, 1},
	};
	struct stage_query q = {.qname = "a.com.", .id = 7};

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		const struct stage_answer *a;

		insecure();
		send_raw(&q, rows[i].len, rows[i].patch_at, rows[i].patch);
		a = stage_expect_answer();
		if (dns_msg_rcode(&a->msg) != DNS_RCODE_FORMERR)
			printf("%s: %u\n", rows[i].name, dns_msg_rcode(&a->msg));
		CU_ASSERT_EQUAL(dns_msg_rcode(&a->msg), DNS_RCODE_FORMERR);
		CU_ASSERT_EQUAL(a->msg.id, 7);
		CU_ASSERT_EQUAL(a->msg.qd_count, 0);
		stage_expect_nothing(STAGE_UPSTREAM);
		stage_close();
	}
}

static void expect_drop(const char *name, enum dp_drop reason)
{
	struct dp_stats s = stage_stats();

	if (s.dropped[reason] != 1)
		printf("%s: not dropped as %s\n", name, dp_drop_name(reason));
	CU_ASSERT_EQUAL(s.dropped[reason], 1);
	CU_ASSERT_EQUAL(s.received, 1);
	stage_expect_nothing(STAGE_CLIENTS);
	stage_expect_nothing(STAGE_UPSTREAM);
}

static void test_drops(void)
{
	const struct {
		const char *name;
		struct stage_query q;
		size_t len;
		uint16_t dport;
		enum dp_drop reason;
	} rows[] = {
		{"one octet short of a header", {.qname = "a.com."}, 11, 53, DP_DROP_QUERY_SHORT},
		{"nothing", {.qname = "a.com."}, 1, 53, DP_DROP_QUERY_SHORT},
		{"a response", {.qname = "a.com.", .flags = DNS_FLAG_QR}, 0, 53,
			DP_DROP_QUERY_IS_RESPONSE},
		{"another port", {.qname = "a.com."}, 0, 54, DP_DROP_NOT_OURS},
		{"from ourselves", {.qname = "a.com.", .client = "198.51.100.53"}, 0, 53,
			DP_DROP_SOURCE},
		{"from our source", {.qname = "a.com.", .client = "198.51.100.54"}, 0, 53,
			DP_DROP_SOURCE},
		{"client not allowed", {.qname = "a.com.", .client = "192.0.3.7"}, 0, 53,
			DP_DROP_ACL},
		{"family not allowed", {.qname = "a.com.", .v6 = true}, 0, 53, DP_DROP_ACL},
	};

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct stage_spec spec = {.status = VAL_ZONE_INSECURE, .allow = "192.0.2.0"};
		struct stage_packet p;

		stage_open(&spec);
		stage_query_packet(&rows[i].q, &p);
		p.len = rows[i].len != 0 ? rows[i].len : p.len;
		p.dport = rows[i].dport;
		stage_send(STAGE_CLIENTS, &p);
		stage_turn();
		expect_drop(rows[i].name, rows[i].reason);
		stage_close();
	}
}

static void test_allowed(void)
{
	struct stage_spec spec = {.status = VAL_ZONE_INSECURE, .allow = "192.0.2.0"};
	struct stage_query q = {.qname = "a.com.", .client = "192.0.2.255"};
	struct stage_packet up;

	stage_open(&spec);
	stage_ask(&q);
	up = stage_expect_upstream(SIN);
	stage_reply_a(&up);
	stage_expect_answer();
	stage_close();
}

/* The root serves com.'s DS, and what is under no other zone. */
static void test_zone(void)
{
	struct stage_query ds = {.qname = "com.", .qtype = DNS_TYPE_DS};
	struct stage_query deeper = {.qname = "example.com.", .qtype = DNS_TYPE_DS};
	struct stage_query other = {.qname = "example.org."};
	struct stage_packet up;

	insecure();
	stage_ask(&ds);
	up = stage_expect_upstream(ROOT);
	stage_reply_rcode(&up, DNS_FLAG_AA);
	stage_expect_answer();
	stage_ask(&deeper);
	up = stage_expect_upstream(SIN);
	stage_reply_rcode(&up, DNS_FLAG_AA);
	stage_expect_answer();
	stage_ask(&other);
	up = stage_expect_upstream(ROOT);
	stage_reply_a(&up);
	stage_expect_answer();
	stage_close();
}

static void test_no_zone(void)
{
	struct stage_query q = {.qname = "example.org.", .edns = true};
	struct stage_query ds = {.qname = "com.", .qtype = DNS_TYPE_DS, .edns = true};
	const struct stage_answer *a;

	insecure();
	stage.routes.zone_count = 1;
	route_paths_sync(stage.paths, &stage.routes);
	stage_publish(NULL, NULL);
	stage_ask(&q);
	a = stage_expect_answer();
	CU_ASSERT_EQUAL(dns_msg_rcode(&a->msg), DNS_RCODE_REFUSED);
	CU_ASSERT_EQUAL(a->ede, DNS_EDE_NOT_AUTHORITATIVE);
	stage_ask(&ds); // com. does not serve its own DS
	a = stage_expect_answer();
	CU_ASSERT_EQUAL(dns_msg_rcode(&a->msg), DNS_RCODE_REFUSED);
	stage_close();
}

/* Clients of two regions: each asks the sites of its own, and neither waits for the other's. */
static void test_regions(void)
{
	static struct route_prefix prefix;
	static uint16_t sites[] = {NRT};
	struct route_region_config region = {.name = "far", .client_count = 1, .clients = &prefix};
	struct route_order_config orders[2] = {{.region = 0, .site_count = 1, .sites = sites}};
	struct stage_query far = {.qname = "a.com.", .client = "198.51.100.7"};
	struct stage_query near = {.qname = "a.com."};

	insecure();
	orders[1] = stage.routes.zones[0].orders[0];
	prefix = (struct route_prefix){stage_addr("198.51.100.0"), 24};
	stage.routes.regions = &region;
	stage.routes.region_count = 1;
	stage.routes.zones[0].orders = orders;
	stage.routes.zones[0].order_count = 2;
	stage_publish(NULL, NULL);
	stage_ask(&far);
	stage_expect_upstream(NRT);
	stage_ask(&near);
	stage_expect_upstream(SIN);
	CU_ASSERT_EQUAL(stage_stats().coalesced, 0);
	stage_end();
}

/* Identical questions share one query; letter case, EDNS and ID stay each client's own. */
static void test_coalesce(void)
{
	struct stage_query q = {.qname = "a.com.", .id = 1};
	struct stage_query shout = {.qname = "A.COM.", .id = 2, .edns = true, .do_bit = true};
	struct stage_query cd = {.qname = "a.com.", .id = 3, .flags = DNS_FLAG_CD};
	struct stage_query type = {.qname = "a.com.", .id = 4, .qtype = DNS_TYPE_AAAA};
	struct stage_packet up, up_cd, up_type, got;
	unsigned seen = 0;

	insecure();
	stage_ask(&shout); // first: what the one gets must not show in what the other gets
	up = stage_expect_upstream(SIN);
	stage_ask(&q);
	stage_expect_nothing(STAGE_UPSTREAM);
	CU_ASSERT_EQUAL(stage_stats().coalesced, 1);
	CU_ASSERT_EQUAL(stage_stats().transactions, 1);
	stage_ask(&cd);
	up_cd = stage_expect_upstream(SIN);
	stage_ask(&type);
	up_type = stage_expect_upstream(SIN);
	stage_reply_a(&up);
	while (stage_take(STAGE_CLIENTS, &got)) {
		uint16_t id = dns_get16(got.dns);

		seen |= 1u << id;
		CU_ASSERT(memcmp(got.dns + 12, id == 2 ? "\1A\3COM" : "\1a\3com", 7) == 0);
		CU_ASSERT_EQUAL(dns_get16(got.dns + DNS_OFF_ARCOUNT), id == 2);
	}
	CU_ASSERT_EQUAL(seen, 1u << 1 | 1u << 2);
	CU_ASSERT_EQUAL(stage_stats().forwarded, 2);
	CU_ASSERT_EQUAL(stage_stats().waiting, 2);
	stage_reply_a(&up_cd);
	stage_reply_a(&up_type);
	CU_ASSERT_EQUAL(stage_stats().waiting, 0);
	stage_close();
}

static void send_only(const struct stage_query *q)
{
	struct stage_packet p;

	stage_query_packet(q, &p);
	stage_send(STAGE_CLIENTS, &p);
}

/*
 * All kinds of packets in one burst, replies among them: each comes to the same end as alone, and
 * the second of two equal questions finds the first one's query.
 */
static void test_burst(void)
{
	struct stage_query old = {.qname = "old.com."}, equal = {.qname = "a.com.", .id = 1};
	struct stage_query again = {.qname = "A.com.", .id = 2}, chaos = {.qname = "c.com."};
	struct stage_query edns1 = {.qname = "e.com.", .edns = true, .version = 1};
	struct stage_query other = {.qname = "b.com.", .id = 3}, last = {.qname = "z.com."};
	struct stage_packet up, reply, cut, got;
	unsigned answers = 0, upstream = 0;

	insecure();
	stage_ask(&old);
	up = stage_expect_upstream(SIN);
	reply = stage_answer_to(&up);
	memcpy(reply.dns, up.dns, up.len);
	reply.len = up.len;
	reply.dns[2] |= DNS_FLAG_QR >> 8;
	chaos.qclass = DNS_CLASS_CH;
	stage_query_packet(&other, &cut);
	cut.len = DNS_HEADER_LEN - 1;

	send_only(&equal);
	stage_send(STAGE_CLIENTS, &cut);
	send_only(&chaos);
	stage_send(STAGE_CLIENTS, &reply);
	send_only(&again);
	send_only(&edns1);
	send_only(&other);
	stage_send(STAGE_CLIENTS, &reply); // late: the first one was taken
	send_only(&last);
	stage_turn();

	while (stage_take(STAGE_UPSTREAM, &got))
		upstream++;
	while (stage_take(STAGE_CLIENTS, &got))
		answers++;
	CU_ASSERT_EQUAL(upstream, 3 + 1); // a, b, z; and old's next site, for an empty answer
	CU_ASSERT_EQUAL(answers, 2);
	CU_ASSERT_EQUAL(stage_stats().coalesced, 1);
	CU_ASSERT_EQUAL(stage_stats().answered, 2);
	CU_ASSERT_EQUAL(stage_stats().matched, 1);
	CU_ASSERT_EQUAL(stage_stats().dropped[DP_DROP_QUERY_SHORT], 1);
	CU_ASSERT_EQUAL(stage_stats().dropped[DP_DROP_REPLY_UNMATCHED], 1);
	CU_ASSERT_EQUAL(stage_stats().waiting, 5); // old, a twice, b, z
	stage_end();
}

/* The last place is given, the next client is dropped and told nothing. */
static void test_full(void)
{
	struct stage_spec spec = {.status = VAL_ZONE_INSECURE, .transactions = 2, .waiters = 3};
	struct stage_query a = {.qname = "a.com."}, b = {.qname = "b.com."},
			   c = {.qname = "c.com."};

	stage_open(&spec);
	stage_ask(&a);
	stage_ask(&b);
	CU_ASSERT_EQUAL(stage_stats().dropped[DP_DROP_TXN_FULL], 0);
	stage_ask(&c); // third transaction
	CU_ASSERT_EQUAL(stage_stats().dropped[DP_DROP_TXN_FULL], 1);
	stage_ask(&a); // third waiter
	CU_ASSERT_EQUAL(stage_stats().dropped[DP_DROP_TXN_FULL], 1);
	stage_ask(&a); // fourth
	CU_ASSERT_EQUAL(stage_stats().dropped[DP_DROP_TXN_FULL], 2);
	CU_ASSERT_EQUAL(stage_stats().waiting, 3);
	stage_close();
}

/* A transaction without a waiter must not stay behind. */
static void test_no_waiter(void)
{
	struct stage_spec spec = {.status = VAL_ZONE_INSECURE, .transactions = 4, .waiters = 1};
	struct stage_query a = {.qname = "a.com."}, b = {.qname = "b.com."};

	stage_open(&spec);
	stage_ask(&a);
	stage_ask(&b);
	CU_ASSERT_EQUAL(stage_stats().dropped[DP_DROP_TXN_FULL], 1);
	CU_ASSERT_EQUAL(stage_stats().transactions, 1);
	stage_close();
}

/* Before control has said anything there is no telling. */
static void test_no_view(void)
{
	struct stage_query q = {.qname = "a.com.", .edns = true};
	const struct stage_answer *a;

	insecure();
	atomic_store(&stage.dp->worker[0]->view, NULL);
	stage_ask(&q);
	a = stage_expect_answer();
	CU_ASSERT_EQUAL(dns_msg_rcode(&a->msg), DNS_RCODE_SERVFAIL);
	CU_ASSERT_EQUAL(a->ede, DNS_EDE_NOT_READY);
	atomic_store(&stage.dp->worker[0]->view, &stage.view);
	stage_close();
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"forward", test_forward},
		{"families and VLAN", test_families},
		{"answered here", test_answered_here},
		{"types that are forwarded", test_types_forwarded},
		{"malformed", test_malformed},
		{"drops", test_drops},
		{"allowed client", test_allowed},
		{"zone of a question", test_zone},
		{"no zone", test_no_zone},
		{"regions", test_regions},
		{"coalesce", test_coalesce},
		{"a mixed burst", test_burst},
		{"tables full", test_full},
		{"no waiter left", test_no_waiter},
		{"no view yet", test_no_view},
		CU_TEST_INFO_NULL,
	};

	(void)argc;
	stage_start(argv[0]);
	return test_run("query", tests);
}
