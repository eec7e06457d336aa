#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "control/fetch.h"
#include "control/tcp_listen.h"
#include "dns/wire.h"
#include "tests/unit/run.h"

/* Our own listener is the upstream; the dataplane is the two functions below. */

enum { PATIENCE = 30000, EDNS_SIZE = 1232 };

static const struct route_addr loopback = {4, {127, 0, 0, 1}}, six = {6, {[15] = 1}};

static struct {
	uv_loop_t loop;
	struct ctl_listen *listen;
	struct ctl_tcp_asks *asks;
	struct dp_fetch fetch;
	bool wanted;
	bool silent;
	struct ctl_listen_ticket *kept;
	uint8_t query[512];
	uint16_t query_len;
	unsigned told;
	int error;
	uint16_t len;
} t;

void dp_fetches(struct dp *dp, void (*want)(void *arg, struct dp_fetch *f), void *arg)
{
	CU_ASSERT_PTR_EQUAL(dp, &t);
	if (t.wanted)
		want(arg, &t.fetch);
	t.wanted = false;
}

void dp_fetched(struct dp *dp, struct dp_fetch *f, int error, const uint8_t *msg, uint16_t len)
{
	CU_ASSERT_PTR_EQUAL(dp, &t);
	CU_ASSERT_PTR_EQUAL(f, &t.fetch);
	CU_ASSERT_EQUAL(msg != NULL, error == 0);
	t.told++;
	t.error = error;
	t.len = len;
}

static void on_query(void *arg, struct ctl_listen_ticket *ticket, const struct route_addr *client,
	const uint8_t *msg, uint16_t len)
{
	uint8_t reply[600];

	(void)arg, (void)client;
	CU_ASSERT_TRUE_FATAL(len <= sizeof(t.query));
	memcpy(t.query, msg, len);
	t.query_len = len;
	memset(reply, 0, sizeof(reply));
	memcpy(reply, msg, 2);
	reply[2] = DNS_FLAG_QR >> 8;
	if (t.silent)
		t.kept = ticket;
	else
		ctl_listen_reply(ticket, reply, sizeof(reply));
}

static void setup(void)
{
	struct ctl_listen_settings s = {true, 1024, 60000, 100000};
	struct route_addr source[2] = {loopback, {0}};
	uint16_t port;

	memset(&t, 0, sizeof(t));
	t.wanted = true;
	t.fetch.addr = loopback;
	t.fetch.kind = ROUTE_RECURSIVE;
	t.fetch.qname = (struct dns_name){5, 1, "\3com"};
	t.fetch.qtype = DNS_TYPE_DNSKEY;
	t.fetch.timeout_ms = 5000;
	CU_ASSERT_EQUAL_FATAL(uv_loop_init(&t.loop), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_listen_new(&t.loop, &s, on_query, NULL, &t.listen), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_listen_on(t.listen, &loopback, 0, &port), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_tcp_asks_new(&t.loop, source, port, &t.asks), 0);
}

static void teardown(void)
{
	ctl_tcp_asks_free(t.asks);
	if (t.kept)
		ctl_listen_reply(t.kept, NULL, 0);
	ctl_listen_free(t.listen);
	uv_run(&t.loop, UV_RUN_DEFAULT);
	CU_ASSERT_EQUAL(uv_loop_close(&t.loop), 0);
	CU_ASSERT_EQUAL(t.told, 1); // whatever happened, and once
}

static void poll(void)
{
	ctl_fetch_poll((struct dp *)&t, t.asks, EDNS_SIZE);
}

static void await(void)
{
	for (unsigned i = 0; i < PATIENCE && t.told == 0; i++) {
		uv_run(&t.loop, UV_RUN_NOWAIT);
		usleep(100);
	}
}

/* The question is the worker's, as a resolver wants it; the answer is handed on as it came. */
static void test_asked(void)
{
	static const uint8_t question[] = "\3com\0\0\x30\0\1";

	setup();
	poll();
	await();
	CU_ASSERT_EQUAL(t.error, 0);
	CU_ASSERT_EQUAL(t.len, 600);
	CU_ASSERT_EQUAL(dns_get16(t.query + DNS_OFF_FLAGS), DNS_FLAG_RD | DNS_FLAG_CD);
	CU_ASSERT_EQUAL(memcmp(t.query + DNS_HEADER_LEN, question, sizeof(question) - 1), 0);
	CU_ASSERT_EQUAL(t.query_len, DNS_HEADER_LEN + sizeof(question) - 1 + 11); // and OPT
	CU_ASSERT_EQUAL(dns_get16(t.query + t.query_len - 8), EDNS_SIZE);
	teardown();
}

static void test_failures(void)
{
	setup();
	t.fetch.addr = six; // we have no such source
	poll();
	CU_ASSERT_EQUAL(t.told, 1);
	CU_ASSERT_EQUAL(t.error, -EADDRNOTAVAIL);
	teardown();
	setup();
	t.silent = true;
	t.fetch.timeout_ms = 50;
	poll();
	await();
	CU_ASSERT_EQUAL(t.error, -ETIMEDOUT);
	teardown();
	setup();
	t.silent = true;
	poll();
	teardown();
	CU_ASSERT_EQUAL(t.error, -ECANCELED);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"asked and told", test_asked},
		{"failures", test_failures},
		CU_TEST_INFO_NULL,
	};

	return test_run("control/fetch", tests);
}
