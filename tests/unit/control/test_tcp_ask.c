#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "control/tcp_ask.h"
#include "control/tcp_listen.h"
#include "tests/unit/run.h"

/* Our own listener is the upstream; what it says is up to the test. */

enum { PATIENCE = 30000 };

static const struct route_addr loopback = {4, {127, 0, 0, 1}}, six = {6, {[15] = 1}};
static const uint8_t QUERY[12] = {0x12, 0x34};

static struct {
	uv_loop_t loop;
	struct ctl_listen *listen;
	struct ctl_tcp_asks *asks;
	uint16_t port;
	uint8_t reply[65535];
	uint16_t reply_len; // 0: hang up
	bool silent;
	struct ctl_listen_ticket *kept[CTL_TCP_ASKS_MAX + 1];
	unsigned kept_count;
	unsigned told;
	int error;
	uint16_t len;
} t;

static void on_query(void *arg, struct ctl_listen_ticket *ticket, const struct route_addr *client,
	const uint8_t *msg, uint16_t len)
{
	(void)arg, (void)client;
	CU_ASSERT_TRUE(len == sizeof(QUERY) && memcmp(msg, QUERY, len) == 0);
	if (t.silent)
		t.kept[t.kept_count++] = ticket;
	else
		ctl_listen_reply(ticket, t.reply, t.reply_len);
}

static void on_told(void *arg, int error, const uint8_t *msg, uint16_t len)
{
	CU_ASSERT_PTR_EQUAL(arg, &t);
	CU_ASSERT_TRUE((msg != NULL) == (error == 0));
	t.told++;
	t.error = error;
	t.len = len;
}

static void setup(void)
{
	struct ctl_listen_settings s = {true, 1024, 60000, 100000};
	struct route_addr source[2] = {loopback, {0}};

	memset(&t, 0, sizeof(t));
	memcpy(t.reply, "\x12\x34\x84\0", 4);
	t.reply_len = 12;
	CU_ASSERT_EQUAL_FATAL(uv_loop_init(&t.loop), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_listen_new(&t.loop, &s, on_query, NULL, &t.listen), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_listen_on(t.listen, &loopback, 0, &t.port), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_tcp_asks_new(&t.loop, source, t.port, &t.asks), 0);
}

static void teardown(void)
{
	ctl_tcp_asks_free(t.asks);
	for (unsigned i = 0; i < t.kept_count; i++)
		ctl_listen_reply(t.kept[i], NULL, 0);
	ctl_listen_free(t.listen);
	uv_run(&t.loop, UV_RUN_DEFAULT);
	CU_ASSERT_EQUAL(uv_loop_close(&t.loop), 0);
}

static int ask(uint32_t timeout_ms)
{
	return ctl_tcp_ask(t.asks, &loopback, QUERY, sizeof(QUERY), timeout_ms, on_told, &t);
}

static void await(unsigned told)
{
	for (unsigned i = 0; i < PATIENCE && t.told < told; i++) {
		uv_run(&t.loop, UV_RUN_NOWAIT);
		usleep(100);
	}
	CU_ASSERT_EQUAL(t.told, told);
}

static void test_outcomes(void)
{
	static const struct {
		const char *name;
		const char *head;
		uint16_t len;
		int error;
	} rows[] = {
		{"a reply", "\x12\x34\x84\0", 12, 0},
		{"the largest reply", "\x12\x34\x84\0", 65535, 0},
		{"another ID", "\x12\x35\x84\0", 12, -EBADMSG},
		{"a query", "\x12\x34\x04\0", 12, -EBADMSG},
		{"less than a header", "\x12\x34\x84\0", 11, -EBADMSG},
		{"hung up", "", 0, -ECONNRESET},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setup();
		memcpy(t.reply, rows[i].head, rows[i].len ? 4 : 0);
		t.reply_len = rows[i].len;
		CU_ASSERT_EQUAL(ask(5000), 0);
		await(1);
		if (t.error != rows[i].error || (!t.error && t.len != rows[i].len))
			CU_FAIL(rows[i].name);
		teardown();
	}
}

static void test_silence(void)
{
	setup();
	t.silent = true;
	CU_ASSERT_EQUAL(ask(50), 0);
	await(1);
	CU_ASSERT_EQUAL(t.error, -ETIMEDOUT);
	teardown();
}

static void test_nobody_there(void)
{
	setup();
	ctl_listen_free(t.listen);
	t.listen = NULL;
	for (unsigned i = 0; i < 20; i++)
		uv_run(&t.loop, UV_RUN_NOWAIT);
	CU_ASSERT_EQUAL(ask(5000), 0);
	await(1);
	CU_ASSERT_EQUAL(t.error, -ECONNREFUSED);
	teardown();
}

static void test_no_source(void)
{
	setup();
	CU_ASSERT_EQUAL(
		ctl_tcp_ask(t.asks, &six, QUERY, sizeof(QUERY), 1000, on_told, &t), -EADDRNOTAVAIL);
	teardown();
	CU_ASSERT_EQUAL(t.told, 0);
}

static void test_limit_and_end(void)
{
	setup();
	t.silent = true;
	for (unsigned i = 0; i < CTL_TCP_ASKS_MAX; i++)
		CU_ASSERT_EQUAL(ask(60000), 0);
	CU_ASSERT_EQUAL(ask(60000), -EAGAIN);
	teardown();
	CU_ASSERT_EQUAL(t.told, CTL_TCP_ASKS_MAX);
	CU_ASSERT_EQUAL(t.error, -ECANCELED);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"what comes back", test_outcomes},
		{"silence", test_silence},
		{"nobody listens", test_nobody_there},
		{"no source of that family", test_no_source},
		{"bounded, and every question is answered at the end", test_limit_and_end},
		CU_TEST_INFO_NULL,
	};

	return test_run("control/tcp_ask", tests);
}
