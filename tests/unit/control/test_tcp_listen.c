#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/addr.h"
#include "control/tcp_listen.h"
#include "tests/unit/run.h"

/* A real listener on loopback, plain sockets as clients. Queries wait until the test answers. */

enum { PATIENCE = 20000, KEPT_MAX = 64 };

static const struct route_addr loopback = {4, {127, 0, 0, 1}};

static struct {
	uv_loop_t loop;
	struct ctl_listen *listen;
	uint16_t port;
	struct ctl_listen_ticket *kept[KEPT_MAX];
	uint8_t first[KEPT_MAX];
	unsigned count, answered;
	bool echo; // answer at once
} t;

static void on_query(void *arg, struct ctl_listen_ticket *ticket, const struct route_addr *client,
	const uint8_t *msg, uint16_t len)
{
	CU_ASSERT_PTR_EQUAL(arg, &t);
	CU_ASSERT_TRUE(route_addr_equal(client, &loopback));
	if (t.echo) {
		t.count++;
		ctl_listen_reply(ticket, msg, len);
		return;
	}
	CU_ASSERT_TRUE_FATAL(t.count < KEPT_MAX);
	t.first[t.count] = len ? msg[0] : 0;
	t.kept[t.count++] = ticket;
}

static void setup(uint32_t clients, uint32_t idle_ms, uint32_t per_s)
{
	struct ctl_listen_settings s = {true, clients, idle_ms, per_s};

	memset(&t, 0, sizeof(t));
	CU_ASSERT_EQUAL_FATAL(uv_loop_init(&t.loop), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_listen_new(&t.loop, &s, on_query, &t, &t.listen), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_listen_on(t.listen, &loopback, 0, &t.port), 0);
	CU_ASSERT_TRUE_FATAL(t.port > 0);
}

static void teardown(void)
{
	ctl_listen_free(t.listen);
	while (t.answered < t.count && !t.echo)
		ctl_listen_reply(t.kept[t.answered++], NULL, 0);
	uv_run(&t.loop, UV_RUN_DEFAULT);
	CU_ASSERT_EQUAL(uv_loop_close(&t.loop), 0);
}

static void pump(void)
{
	uv_run(&t.loop, UV_RUN_NOWAIT);
	usleep(100);
}

static void pump_some(void)
{
	for (unsigned i = 0; i < 50; i++)
		pump();
}

static int dial(void)
{
	struct sockaddr_storage sa;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ctl_addr_to_sockaddr(&loopback, t.port, &sa);
	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&sa, sizeof(struct sockaddr_in)), 0);
	pump_some();
	return fd;
}

static void say(int fd, const char *bytes, size_t n)
{
	CU_ASSERT_EQUAL(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
	pump_some();
}

/* @return octets read, 0 hung up, -1 nothing came */
static ssize_t hear(int fd, uint8_t *buf, size_t size)
{
	for (unsigned i = 0; i < PATIENCE; i++) {
		ssize_t n = recv(fd, buf, size, MSG_DONTWAIT);
		if (n >= 0)
			return n;
		if (errno != EAGAIN)
			return 0;
		pump();
	}
	return -1;
}

static bool hung_up(int fd)
{
	uint8_t octet;

	return hear(fd, &octet, 1) == 0;
}

static void answer(unsigned i)
{
	uint8_t octet = t.first[i];

	ctl_listen_reply(t.kept[i], &octet, 1);
	t.kept[i] = NULL;
}

static void test_answers_out_of_order(void)
{
	uint8_t buf[16];

	setup(64, 10000, 1000);
	int fd = dial();
	say(fd, "\0\1a\0\1b\0\1", 8);
	CU_ASSERT_EQUAL(t.count, 2);
	say(fd, "c", 1);
	CU_ASSERT_EQUAL_FATAL(t.count, 3);
	answer(2);
	answer(0);
	answer(1);
	t.answered = 3;
	pump_some();
	CU_ASSERT_EQUAL(hear(fd, buf, sizeof(buf)), 9);
	CU_ASSERT_EQUAL(memcmp(buf, "\0\1c\0\1a\0\1b", 9), 0);
	close(fd);
	teardown();
}

/* More than the pipeline allows is read when answers have gone out; nothing is lost. */
static void test_pipeline(void)
{
	setup(64, 10000, 1000);
	int fd = dial();
	for (unsigned i = 0; i < CTL_LISTEN_PIPELINE_MAX + 5; i++)
		say(fd, "\0\1q", 3);
	CU_ASSERT_EQUAL(t.count, CTL_LISTEN_PIPELINE_MAX);
	for (; t.answered < 5; t.answered++)
		answer(t.answered);
	pump_some();
	CU_ASSERT_EQUAL(t.count, CTL_LISTEN_PIPELINE_MAX + 5);
	close(fd);
	teardown();
}

/* Answers that are there at once do not nest: a full buffer of the smallest queries. */
static void test_at_once(void)
{
	static uint8_t many[3 * 20000], back[3 * 20000];
	size_t sent = 0, heard = 0;

	setup(64, 10000, 1000000);
	t.echo = true;
	for (size_t i = 0; i < sizeof(many); i += 3)
		memcpy(many + i, "\0\1e", 3);
	int fd = dial();
	for (unsigned i = 0; i < PATIENCE && heard < sizeof(back); i++) {
		ssize_t n = send(fd, many + sent, sizeof(many) - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		n = recv(fd, back, sizeof(back), MSG_DONTWAIT);
		heard += n > 0 ? (size_t)n : 0;
		pump();
	}
	CU_ASSERT_EQUAL(heard, sizeof(back));
	CU_ASSERT_EQUAL(t.count, 20000);
	close(fd);
	teardown();
}

static void test_client_goes(void)
{
	struct ctl_listen_stats s;

	setup(64, 10000, 1000);
	int fd = dial();
	say(fd, "\0\1a\0\1b", 6);
	CU_ASSERT_EQUAL_FATAL(t.count, 2);
	close(fd);
	pump_some();
	answer(0); // leads nowhere
	answer(1);
	t.answered = 2;
	ctl_listen_stats(t.listen, &s);
	CU_ASSERT_EQUAL(s.open, 0);
	CU_ASSERT_EQUAL(s.queries, 2);
	teardown();
}

static void test_hang_up(void)
{
	setup(64, 10000, 1000);
	int fd = dial();
	say(fd, "\0\1a", 3);
	CU_ASSERT_EQUAL_FATAL(t.count, 1);
	ctl_listen_reply(t.kept[0], NULL, 0);
	t.answered = 1;
	CU_ASSERT_TRUE(hung_up(fd));
	close(fd);
	teardown();
}

/* One address has an eighth of the connections: the third of 16 is refused. */
static void test_share(void)
{
	struct ctl_listen_stats s;

	setup(2 * CTL_LISTEN_SHARE, 10000, 1000);
	int a = dial(), b = dial(), c = dial();
	CU_ASSERT_TRUE(hung_up(c));
	ctl_listen_stats(t.listen, &s);
	CU_ASSERT_TRUE(s.open == 2 && s.refused == 1 && s.accepted == 2);
	close(a);
	pump_some();
	int d = dial();
	say(d, "\0\1a", 3);
	CU_ASSERT_EQUAL(t.count, 1);
	close(b);
	close(c);
	close(d);
	teardown();
}

static void test_rate(void)
{
	struct ctl_listen_stats s;

	setup(64, 10000, 3);
	int fd = dial();
	say(fd, "\0\1a\0\1b\0\1c", 9);
	CU_ASSERT_EQUAL(t.count, 3);
	say(fd, "\0\1d\0\1e\0\1f\0\1g", 12);
	CU_ASSERT_TRUE(hung_up(fd));
	ctl_listen_stats(t.listen, &s);
	CU_ASSERT_EQUAL(s.over_rate, 1);
	close(fd);
	teardown();
}

/* Octets that never make a query do not keep a connection. */
static void test_idle(void)
{
	struct ctl_listen_stats s;

	setup(64, 100, 1000);
	int fd = dial();
	bool gone = false;
	for (unsigned i = 0; i < 1000 && !gone; i++) {
		uint8_t octet;
		send(fd, "\xff", 1, MSG_NOSIGNAL);
		pump();
		gone = recv(fd, &octet, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
	}
	CU_ASSERT_TRUE(gone);
	ctl_listen_stats(t.listen, &s);
	CU_ASSERT_EQUAL(s.idle, 1);
	close(fd);
	teardown();
}

static void test_cannot_listen(void)
{
	static const struct route_addr not_ours = {4, {192, 0, 2, 1}};

	setup(64, 10000, 1000);
	CU_ASSERT_EQUAL(ctl_listen_on(t.listen, &loopback, t.port, NULL), -EADDRINUSE);
	CU_ASSERT_EQUAL(ctl_listen_on(t.listen, &not_ours, 0, NULL), -EADDRNOTAVAIL);
	teardown();
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"answers go out as they are ready", test_answers_out_of_order},
		{"what a connection has under way is bounded", test_pipeline},
		{"answers at once, 20,000 of them", test_at_once},
		{"a client that goes leaves nothing", test_client_goes},
		{"an empty answer hangs up", test_hang_up},
		{"an address has its share", test_share},
		{"the rate is bounded", test_rate},
		{"silence ends a connection", test_idle},
		{"why an address cannot be had", test_cannot_listen},
		CU_TEST_INFO_NULL,
	};

	return test_run("control/tcp_listen", tests);
}
