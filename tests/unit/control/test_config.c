#include <errno.h>
#include <string.h>

#include "control/config.h"
#include "tests/unit/control/broken_config.h"
#include "tests/unit/run.h"

static int parse(const char *text, struct ctl_config *c, char *err)
{
	size_t len;
	char *copy = exact_copy(text, &len);
	int rc = ctl_config_parse("s.yaml", copy, len, c, err);

	free(copy);
	return rc;
}

static void test_broken(void)
{
	struct ctl_config c;
	char err[CTL_YAML_ERR_MAX];

	for (size_t i = 0; i < sizeof(broken_config) / sizeof(broken_config[0]); i++) {
		int rc = parse(broken_config[i].text, &c, err);
		check_row(&broken_config[i], rc, -EINVAL, err);
	}
	check_distinct(broken_config, sizeof(broken_config) / sizeof(broken_config[0]));
	printf("\n  %zu broken files ", sizeof(broken_config) / sizeof(broken_config[0]));
}

static void test_defaults(void)
{
	struct ctl_config c;
	char err[CTL_YAML_ERR_MAX];

	CU_ASSERT_EQUAL(parse(MINIMUM, &c, err), 0);
	CU_ASSERT_STRING_EQUAL(err, "");
	CU_ASSERT_EQUAL(c.eal.worker_count, 1);
	CU_ASSERT_EQUAL(c.eal.workers[0], 1);
	CU_ASSERT_EQUAL(c.dp.worker_count, 1);
	CU_ASSERT_EQUAL(c.dp.ports[0].queues, 1);
	CU_ASSERT_EQUAL(c.dp.service_count, 2);
	CU_ASSERT_EQUAL(c.dp.source[0].family, 4);
	CU_ASSERT_EQUAL(c.dp.source[1].family, 0);
	CU_ASSERT_EQUAL(c.dp.tries, 4);
	CU_ASSERT_EQUAL(c.dp.cache.size_mb, 64);
	CU_ASSERT_EQUAL(c.probe_interval_ms, 10000);
	CU_ASSERT_EQUAL(c.probes_per_second, 500);
	CU_ASSERT_STRING_EQUAL(c.control_socket, "/run/swerve/ctl.sock");
}

static void test_cache(void)
{
	struct ctl_config c;
	char err[CTL_YAML_ERR_MAX];

	CU_ASSERT_EQUAL(
		parse(MINIMUM "cache: {signatures: 4096, signatures_interleave: true, zones: 16}\n",
			&c, err),
		0);
	CU_ASSERT_STRING_EQUAL(err, "");
	CU_ASSERT_EQUAL(c.dp.sigcache_entries, 4096);
	CU_ASSERT(c.dp.sigcache_interleave);
	CU_ASSERT_EQUAL(c.dp.zones, 16);
}

static void test_gateway(void)
{
	static const struct rte_ether_addr mac = {{2, 0, 0, 0, 0xab, 1}};
	struct ctl_config c;
	char err[CTL_YAML_ERR_MAX];

	CU_ASSERT_EQUAL(parse("ports:\n  - {name: a, driver: device, device: e}\n"
			      "  - {name: b, driver: device, device: f, gateway_mac: "
			      "\"02:00:00:00:AB:01\"}\n" ADDRS,
				&c, err),
		0);
	CU_ASSERT_STRING_EQUAL(err, "");
	CU_ASSERT(rte_is_zero_ether_addr(&c.dp.ports[0].gateway));
	CU_ASSERT(rte_is_same_ether_addr(&c.dp.ports[1].gateway, &mac));
}

static void test_default_worker_evades(void)
{
	struct ctl_config c;
	char err[CTL_YAML_ERR_MAX];

	CU_ASSERT_EQUAL(parse(MINIMUM "eal: {main_lcore: 1, crypto: [2]}\n", &c, err), 0);
	CU_ASSERT_EQUAL(c.eal.workers[0], 3);
	CU_ASSERT_EQUAL(parse(MINIMUM "eal: {crypto: [1], workers: [2, 3]}\n", &c, err), 0);
	CU_ASSERT_EQUAL(c.dp.worker_count, 2);
	CU_ASSERT_EQUAL(c.dp.crypto_count, 1);
	CU_ASSERT_EQUAL(c.dp.ports[0].queues, 2);
}

static void test_idle(void)
{
	struct ctl_config c;
	char err[CTL_YAML_ERR_MAX];

	CU_ASSERT_EQUAL(parse(MINIMUM, &c, err), 0);
	CU_ASSERT_EQUAL(c.dp.idle.mode, DP_IDLE_ADAPTIVE);
	CU_ASSERT_EQUAL(c.dp.idle.max_us, 400);
	CU_ASSERT_EQUAL(parse(MINIMUM "idle: {mode: poll}\n", &c, err), 0);
	CU_ASSERT_EQUAL(c.dp.idle.mode, DP_IDLE_POLL);
	CU_ASSERT_EQUAL(parse(MINIMUM "idle: {mode: power, max_us: 1000}\n", &c, err), 0);
	CU_ASSERT_EQUAL(c.dp.idle.mode, DP_IDLE_POWER);
	CU_ASSERT_EQUAL(c.dp.idle.max_us, 1000);
	CU_ASSERT_EQUAL(parse(MINIMUM "idle: {mode: deep}\n", &c, err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "idle.mode"));
	CU_ASSERT_EQUAL(parse(MINIMUM "idle: {max_us: 1001}\n", &c, err), -EINVAL);
	CU_ASSERT_EQUAL(parse(MINIMUM "idle: {max_us: 9}\n", &c, err), -EINVAL);
}

/** The file that operators start from says what the defaults are. */
static void test_deployed_file(void)
{
	struct ctl_config c, d;
	char err[CTL_YAML_ERR_MAX];

	int rc = ctl_config_load(SOURCE_ROOT "/scripts/deploy/swerve.yaml", &c, err);
	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_STRING_EQUAL(err, "");
	CU_ASSERT_EQUAL(parse(MINIMUM, &d, err), 0);
	CU_ASSERT_EQUAL(memcmp(&c.judge, &d.judge, sizeof(c.judge)), 0);
	CU_ASSERT_EQUAL(memcmp(&c.eal, &d.eal, sizeof(c.eal)), 0);
	CU_ASSERT_EQUAL(c.dp.transactions, d.dp.transactions);
	CU_ASSERT_EQUAL(c.dp.waiters, d.dp.waiters);
	CU_ASSERT_EQUAL(c.dp.timeout_ms, d.dp.timeout_ms);
	CU_ASSERT_EQUAL(c.dp.budget_ms, d.dp.budget_ms);
	CU_ASSERT_EQUAL(c.dp.sigcache_entries, d.dp.sigcache_entries);
	CU_ASSERT_EQUAL(c.dp.sigcache_interleave, d.dp.sigcache_interleave);
	CU_ASSERT_EQUAL(c.dp.zones, d.dp.zones);
	CU_ASSERT_EQUAL(c.dp.edns_size, d.dp.edns_size);
	CU_ASSERT_EQUAL(c.dp.failure_ttl_s, d.dp.failure_ttl_s);
	CU_ASSERT_EQUAL(c.dp.cache.size_mb, d.dp.cache.size_mb);
	CU_ASSERT_EQUAL(c.dp.cache.max_ttl_s, d.dp.cache.max_ttl_s);
	CU_ASSERT_EQUAL(c.dp.cache.min_ttl_s, d.dp.cache.min_ttl_s);
	CU_ASSERT_EQUAL(c.dp.cache.max_negative_ttl_s, d.dp.cache.max_negative_ttl_s);
	CU_ASSERT_EQUAL(c.dp.cache.stale_s, d.dp.cache.stale_s);
	CU_ASSERT_EQUAL(c.dp.cache.prefetch, d.dp.cache.prefetch);
	CU_ASSERT_EQUAL(c.dp.idle.mode, d.dp.idle.mode);
	CU_ASSERT_EQUAL(c.dp.idle.max_us, d.dp.idle.max_us);
	CU_ASSERT_EQUAL(c.drain_ms, d.drain_ms);
	CU_ASSERT_EQUAL(c.probe_interval_ms, d.probe_interval_ms);
	CU_ASSERT_EQUAL(c.probes_per_second, d.probes_per_second);
	CU_ASSERT_STRING_EQUAL(c.events, d.events);
	CU_ASSERT(!c.syslog && !d.syslog);
	CU_ASSERT_STRING_EQUAL(c.syslog_socket, d.syslog_socket);
}

static void test_file_errors(void)
{
	struct ctl_config c;
	char err[CTL_YAML_ERR_MAX];

	CU_ASSERT_EQUAL(ctl_config_load("/nonexistent/s.yaml", &c, err), -ENOENT);
	CU_ASSERT_STRING_EQUAL(
		err, "/nonexistent/s.yaml: cannot be read: No such file or directory");
	CU_ASSERT_EQUAL(ctl_config_load("/", &c, err), -EIO);
	CU_ASSERT_EQUAL(ctl_config_load("/dev/zero", &c, err), -EFBIG);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"broken files", test_broken},
		{"defaults", test_defaults},
		{"gateway", test_gateway},
		{"default worker", test_default_worker_evades},
		{"the cache of signatures", test_cache},
		{"idle", test_idle},
		{"deployed file", test_deployed_file},
		{"file errors", test_file_errors},
		CU_TEST_INFO_NULL,
	};
	return test_run("control/config", tests);
}
