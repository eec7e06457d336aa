#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/Basic.h>
#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "tests/unit/dataplane/stage.h"
#include "tests/unit/run.h"

/* The facade over workers that really run, each on its lcore. */

enum { WAIT_MS = 5000 };

static unsigned lcore[STAGE_WORKERS];

/* From the test's hands to lcores. */
static void launch(void)
{
	unsigned next = rte_get_next_lcore(-1, 1, 0);

	for (unsigned i = 0; i < stage.dp->cfg.worker_count; i++) {
		dp_worker_detach(stage.dp->worker[i]);
		lcore[i] = next;
		next = rte_get_next_lcore(next, 1, 0);
		CU_ASSERT_EQUAL_FATAL(
			rte_eal_remote_launch(dp_worker_main, stage.dp->worker[i], lcore[i]), 0);
	}
}

static void stop(void)
{
	atomic_store(&stage.dp->run, DP_RUN_STOP);
	for (unsigned i = 0; i < stage.dp->cfg.worker_count; i++) {
		rte_eal_wait_lcore(lcore[i]);
		dp_worker_attach(stage.dp->worker[i]); // stage_end() detaches
	}
}

static void expect_balance(void)
{
	struct dp_stats s = stage_stats();
	uint64_t sum = s.matched + s.forwarded + s.answered + s.waiting;
	struct stage_packet p;

	while (stage_take(STAGE_CLIENTS, &p) || stage_take(STAGE_UPSTREAM, &p))
		continue;
	for (unsigned d = 0; d < DP_DROP_MAX; d++)
		sum += s.dropped[d];
	CU_ASSERT_EQUAL(s.received, sum);
	CU_ASSERT_EQUAL(s.waiting, 0);
	CU_ASSERT_EQUAL(s.transactions, 0);
	CU_ASSERT_EQUAL(dp_mbufs_out(stage.dp), 0);
}

static void open_workers(uint16_t workers)
{
	struct stage_spec spec = {.status = VAL_ZONE_INSECURE,
		.workers = workers,
		.transactions = 512,
		.waiters = 1024};

	stage_open(&spec);
	launch();
}

static void send_query(unsigned n, uint16_t queue)
{
	char name[16];
	struct stage_query q = {.qname = name, .queue = queue};
	struct stage_packet p;

	snprintf(name, sizeof(name), "n%u.com.", n);
	stage_query_packet(&q, &p);
	stage_send(STAGE_CLIENTS, &p);
}

static bool wait_upstream(struct stage_packet *p)
{
	for (unsigned i = 0; i < WAIT_MS; i++) {
		if (stage_take(STAGE_UPSTREAM, p))
			return true;
		usleep(1000);
	}
	return false;
}

static void wait_forwarded(uint64_t n)
{
	for (unsigned i = 0; i < WAIT_MS && stage_stats().forwarded < n; i++)
		usleep(1000);
	CU_ASSERT_EQUAL(stage_stats().forwarded, n);
}

/* Replies arrive at either worker's queue. */
static void test_two_workers(void)
{
	struct stage_packet up;

	open_workers(2);
	stage.hold = true;
	for (unsigned i = 0; i < 100; i++)
		send_query(i, i % 2);
	for (unsigned i = 0; i < 100; i++) {
		CU_ASSERT_FATAL(wait_upstream(&up));
		up.queue = i / 2 % 2;
		stage_reply_a(&up);
	}
	wait_forwarded(100);
	dp_drain(stage.dp, 1000);
	expect_balance();
	CU_ASSERT(stage_stats().handed_over > 0);
	CU_ASSERT(stage_stats().bursts > stage_stats().idle_bursts);
	CU_ASSERT(stage_stats().busy_cycles > 0);
	stop();
	stage_end();
}

static void wait_waits(unsigned worker)
{
	const struct dp_idle *idle = &stage.dp->worker[worker]->idle;
	uint64_t before = atomic_load(&idle->waits);

	for (unsigned i = 0; i < WAIT_MS && atomic_load(&idle->waits) < before + 3; i++)
		usleep(1000);
	CU_ASSERT(atomic_load(&idle->waits) >= before + 3);
}

static void note_let_go(void *arg, const struct dp_view *old)
{
	(void)old;
	*(bool *)arg = true;
}

/* Workers that sleep see packets, hand-overs, timers, views and orders all the same. */
static void test_asleep(void)
{
	const struct dp_idle_config idle = {DP_IDLE_ADAPTIVE, DP_IDLE_MAX_US};
	struct stage_spec spec = {
		.status = VAL_ZONE_INSECURE, .workers = 2, .transactions = 64, .waiters = 64};
	struct stage_packet up;
	bool let_go = false;

	stage_open(&spec);
	for (unsigned i = 0; i < 2; i++)
		dp_idle_init(&stage.dp->worker[i]->idle, &idle, NULL, 0);
	launch();
	stage.hold = true;
	wait_waits(0);
	wait_waits(1);
	send_query(0, 0);
	CU_ASSERT_FATAL(wait_upstream(&up));
	wait_waits(0); // with a query out
	wait_waits(1);
	up.queue = 1;
	stage_reply_a(&up);
	wait_forwarded(1);
	CU_ASSERT_EQUAL(stage_stats().handed_over, 1);
	CU_ASSERT_EQUAL(dp_publish(stage.dp, stage.dp->view, note_let_go, &let_go), 0);
	for (unsigned i = 0; i < WAIT_MS && !let_go; i++) {
		usleep(1000);
		dp_poll(stage.dp, NULL, NULL);
	}
	CU_ASSERT(let_go);
	send_query(1, 1);
	CU_ASSERT_FATAL(wait_upstream(&up));
	dp_drain(stage.dp, 20); // nobody answers
	expect_balance();
	CU_ASSERT_EQUAL(stage_stats().dropped[DP_DROP_SHUTDOWN], 1);
	CU_ASSERT(stage_stats().waits > 0);
	CU_ASSERT(stage_stats().waited_cycles > 0);
	stop();
	stage_end();
}

/* Who is still waiting when the time is over is dropped; drain ends then, not at the budget. */
static void test_drain_time(void)
{
	uint64_t start, ms;

	open_workers(1);
	for (unsigned i = 0; i < 10; i++)
		send_query(i, 0);
	for (unsigned i = 0; i < WAIT_MS && stage_stats().waiting < 10; i++)
		usleep(1000);
	start = rte_rdtsc();
	dp_drain(stage.dp, 50);
	ms = (rte_rdtsc() - start) / (rte_get_tsc_hz() / 1000);
	CU_ASSERT(ms >= 50 && ms < 1000);
	expect_balance();
	CU_ASSERT_EQUAL(stage_stats().dropped[DP_DROP_SHUTDOWN], 10);
	stop();
	stage_end();
}

/* Nothing under way: no reason to wait. */
static void test_drain_idle(void)
{
	uint64_t start, ms;

	open_workers(2);
	start = rte_rdtsc();
	dp_drain(stage.dp, 60000);
	ms = (rte_rdtsc() - start) / (rte_get_tsc_hz() / 1000);
	CU_ASSERT(ms < 5000);
	stop();
	stage_end();
}

static unsigned gone;

static void on_gone(void *arg, const struct dp_view *old)
{
	(void)arg;
	CU_ASSERT_PTR_NOT_NULL(old);
	gone++;
}

/* Views come and go under running workers. */
static void test_publish_running(void)
{
	struct dp_view views[2];
	struct dp_stats s;

	open_workers(2);
	views[0] = views[1] = stage.view;
	gone = 0;
	for (unsigned i = 0; i < 50; i++) {
		views[i % 2].number = 100 + i;
		CU_ASSERT_EQUAL(dp_publish(stage.dp, &views[i % 2], on_gone, NULL), 0);
		for (unsigned n = 0; n < WAIT_MS && gone <= i; n++) {
			dp_poll(stage.dp, NULL, NULL);
			usleep(100);
		}
		CU_ASSERT_EQUAL(gone, i + 1);
	}
	for (unsigned n = 0; n < WAIT_MS && stage_stats().view_number != 149; n++)
		usleep(1000);
	s = stage_stats();
	CU_ASSERT_EQUAL(s.view_number, 149);
	stop();
	stage_end();
}

static struct dp_config good_config(void)
{
	struct dp_config c = {.port_count = 1, .worker_count = 1, .service_count = 1};

	c.service[0] = stage_addr("192.0.2.1");
	c.source[0] = stage_addr("192.0.2.1");
	return c;
}

static void no_ports(struct dp_config *c)
{
	c->port_count = 0;
}

static void many_ports(struct dp_config *c)
{
	c->port_count = DP_PORTS_MAX + 1;
}

static void many_workers(struct dp_config *c)
{
	c->worker_count = DP_WORKERS_MAX + 1;
}

static void many_crypto(struct dp_config *c)
{
	c->crypto_count = DP_CRYPTO_MAX + 1;
}

static void no_service(struct dp_config *c)
{
	c->service_count = 0;
}

static void no_source(struct dp_config *c)
{
	c->source[0].family = 0;
}

static void source_swapped(struct dp_config *c)
{
	c->source[0].family = 0;
	c->source[1] = stage_addr("192.0.2.1");
}

static void budget_past_wheel(struct dp_config *c)
{
	c->budget_ms = DP_TXN_WHEEL_SLOTS;
}

static void timeout_past_budget(struct dp_config *c)
{
	c->timeout_ms = 1801;
}

static void edns_small(struct dp_config *c)
{
	c->edns_size = 511;
}

static void edns_large(struct dp_config *c)
{
	c->edns_size = 2048;
}

static void test_config_refused(void)
{
	const struct {
		void (*harm)(struct dp_config *c);
		const char *about;
	} rows[] = {
		{no_ports, "ports"},
		{many_ports, "ports"},
		{many_workers, "workers"},
		{many_crypto, "crypto"},
		{no_service, "service"},
		{no_source, "source"},
		{source_swapped, "source"},
		{budget_past_wheel, "budget_ms"},
		{timeout_past_budget, "timeout_ms"},
		{edns_small, "edns_size"},
		{edns_large, "edns_size"},
	};

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct dp_config c = good_config();
		struct dp *dp = NULL;
		char note[256] = "";

		rows[i].harm(&c);
		CU_ASSERT_EQUAL(dp_parts_new(&c, SOCKET_ID_ANY, &dp, note, sizeof(note)), -EINVAL);
		if (strstr(note, rows[i].about) == NULL)
			printf("row %zu: %s\n", i, note);
		CU_ASSERT_PTR_NOT_NULL(strstr(note, rows[i].about));
		CU_ASSERT_PTR_NULL(dp);
	}
}

static void test_config_defaults(void)
{
	struct dp_config c = good_config();
	struct dp *dp = NULL;
	char note[256] = "";

	c.transactions = 1000;
	c.failure_ttl_s = 301;
	CU_ASSERT_EQUAL_FATAL(dp_parts_new(&c, SOCKET_ID_ANY, &dp, note, sizeof(note)), 0);
	CU_ASSERT_EQUAL(dp->cfg.waiters, 2000);
	CU_ASSERT_EQUAL(dp->cfg.timeout_ms, 400);
	CU_ASSERT_EQUAL(dp->cfg.budget_ms, 1800);
	CU_ASSERT_EQUAL(dp->cfg.tries, 4);
	CU_ASSERT_EQUAL(dp->cfg.edns_size, 1232);
	CU_ASSERT_EQUAL(dp->cfg.failure_ttl_s, 300); // RFC 9520
	CU_ASSERT_EQUAL(dp->cfg.ports[0].queues, 1);
	dp_parts_free(dp);
}

/* ---- from nothing to nothing, over a device of EAL's ---- */

static struct dp_config device_config(void)
{
	struct dp_config c = good_config();

	c.crypto_count = 1;
	c.transactions = 64;
	c.sigcache_entries = 1024;
	c.ports[0].driver = DP_DRIVER_DEVICE;
	snprintf(c.ports[0].name, sizeof(c.ports[0].name), "loop");
	snprintf(c.ports[0].device, sizeof(c.ports[0].device), "net_ring_new");
	return c;
}

static int told_error;

static void on_told(void *arg, const struct dp_told *t)
{
	(void)arg;
	CU_ASSERT_EQUAL(t->token, 99);
	told_error = t->error;
}

/* Twice: nothing of the first may be in the way of the second. */
static void test_new_and_free(void)
{
	for (unsigned round = 0; round < 2; round++) {
		struct dp_config c = device_config();
		struct dp_ask ask = {.token = 99, .addr = c.source[0], .timeout_ms = 1};
		struct dp_lcore_use use[4];
		struct dp *dp = NULL;
		char note[256];

		CU_ASSERT_EQUAL_FATAL(dp_new(&c, &dp, note, sizeof(note)), 0);
		CU_ASSERT_STRING_EQUAL(note, "");
		CU_ASSERT_EQUAL(dp_port_count(dp), 1);
		CU_ASSERT_STRING_EQUAL(dp_port_at(dp, 0)->name, "loop");
		CU_ASSERT_PTR_NULL(dp_port_at(dp, 1));
		told_error = 0;
		dns_name_from_text("com.", &ask.qname);
		CU_ASSERT_EQUAL(dp_ask(dp, &ask), 0);
		for (unsigned i = 0; i < WAIT_MS && told_error == 0; i++) {
			dp_poll(dp, on_told, NULL);
			usleep(1000);
		}
		CU_ASSERT_EQUAL(told_error, -EHOSTUNREACH); // no view, no hop
		CU_ASSERT_EQUAL(dp_lcore_uses(dp, use, 1), 1);
		CU_ASSERT_EQUAL_FATAL(dp_lcore_uses(dp, use, 4), 2);
		CU_ASSERT(!use[0].crypto && use[1].crypto);
		CU_ASSERT_NOT_EQUAL(use[0].lcore, use[1].lcore);
		CU_ASSERT(use[0].busy_cycles > 0 && use[0].busy_cycles < use[0].total_cycles);
		dp_drain(dp, 100);
		CU_ASSERT_EQUAL(dp_mbufs_out(dp), 0);
		dp_free(dp);
	}
}

/* What idle lcores do here is said at the start. */
static void test_idle_note(void)
{
	static const struct {
		enum dp_idle_mode mode;
		const char *about;
	} rows[] = {
		{DP_IDLE_ADAPTIVE, "idle lcores sleep for up to 300 us\n"},
		{DP_IDLE_POWER, "for up to 300 us"},
	};

	for (unsigned r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct dp_config c = device_config();
		struct dp *dp = NULL;
		char note[256];

		c.idle = (struct dp_idle_config){rows[r].mode, 300};
		CU_ASSERT_EQUAL_FATAL(dp_new(&c, &dp, note, sizeof(note)), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(note, rows[r].about));
		dp_free(dp);
	}
}

static void expect_not_new(const struct dp_config *c, int error, const char *about)
{
	struct dp *dp = NULL;
	char note[512];

	CU_ASSERT_EQUAL(dp_new(c, &dp, note, sizeof(note)), error);
	if (strstr(note, about) == NULL)
		printf("note: %s", note);
	CU_ASSERT_PTR_NOT_NULL(strstr(note, about));
	CU_ASSERT_PTR_NULL(dp);
}

static void test_not_new(void)
{
	struct dp_config c = device_config();

	c.worker_count = 2; // and one for crypto
	expect_not_new(&c, -EINVAL, "3 lcores are needed for 2 workers and 1 crypto, EAL has 2");
	c = device_config();
	c.worker_count = c.crypto_count = 0;
	expect_not_new(&c, -EINVAL, "0 workers");
	c = device_config();
	c.service_count = 0;
	expect_not_new(&c, -EINVAL, "service");
}

static void test_no_device(void)
{
	struct dp_config c = device_config();
	struct dp *dp = NULL;
	char note[512];

	snprintf(c.ports[0].device, sizeof(c.ports[0].device), "net_nothing0");
	CU_ASSERT(dp_new(&c, &dp, note, sizeof(note)) < 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(note, "loop"));
	CU_ASSERT_PTR_NULL(dp);
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"two workers", test_two_workers},
		{"asleep", test_asleep},
		{"drain in time", test_drain_time},
		{"drain when idle", test_drain_idle},
		{"publish to running workers", test_publish_running},
		{"configuration refused", test_config_refused},
		{"configuration defaults", test_config_defaults},
		{"new and free", test_new_and_free},
		{"idle note", test_idle_note},
		{"not new", test_not_new},
		{"no such device", test_no_device},
		CU_TEST_INFO_NULL,
	};

	(void)argc;
	stage_start(argv[0]);
	return test_run("dataplane", tests);
}
