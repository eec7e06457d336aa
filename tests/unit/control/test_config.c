#include <errno.h>
#include <string.h>

#include "control/config.h"
#include "tests/unit/control/table.h"
#include "tests/unit/run.h"

#define PORTS   "ports:\n  - {name: up, driver: af_xdp, device: eth0}\n"
#define ADDRS   "addresses: {service: [192.0.2.53, \"2001:db8::53\"], source: [192.0.2.54]}\n"
#define MINIMUM PORTS ADDRS // three lines

static int parse(const char *text, struct ctl_config *c, char *err)
{
	size_t len;
	char *copy = exact_copy(text, &len);
	int rc = ctl_config_parse("s.yaml", copy, len, c, err);

	free(copy);
	return rc;
}

static const struct broken_row rows[] = {
	{"empty", "", "s.yaml:1: the file is empty, expected a mapping"},
	{"no ports", ADDRS, "s.yaml:1: key \"ports\" is missing"},
	{"no addresses", PORTS, "s.yaml:1: key \"addresses\" is missing"},
	{"unknown", MINIMUM "cach: {}\n", "s.yaml:4: cach: unknown key"},
	{"duplicate", MINIMUM PORTS, "s.yaml:4: ports: duplicate key, first on line 1"},
	{"eal list", MINIMUM "eal: []\n", "s.yaml:4: eal: expected a mapping, got a list"},
	{"eal unknown", MINIMUM "eal:\n  cores: 4\n", "s.yaml:5: eal.cores: unknown key"},
	{"lcore text", MINIMUM "eal:\n  workers: [x]\n",
		"s.yaml:5: eal.workers[0]: expected a whole number, got \"x\""},
	{"lcore range", MINIMUM "eal:\n  workers: [1024]\n",
		"s.yaml:5: eal.workers[0]: expected 0..1023, got 1024"},
	{"lcore twice", MINIMUM "eal:\n  workers: [1, 1]\n",
		"s.yaml:5: eal.workers[1]: lcore 1 is given twice"},
	{"lcore in crypto", MINIMUM "eal:\n  workers: [1, 2]\n  crypto: [2]\n",
		"s.yaml:6: eal.crypto[0]: lcore 2 is given twice"},
	{"lcore main", MINIMUM "eal:\n  main_lcore: 3\n  workers: [3]\n",
		"s.yaml:4: eal: main_lcore 3 is also a worker or crypto lcore"},
	{"no workers", MINIMUM "eal:\n  workers: []\n",
		"s.yaml:5: eal.workers: expected at least one worker lcore, got an empty list"},
	{"workers scalar", MINIMUM "eal:\n  workers: 1\n",
		"s.yaml:5: eal.workers: expected a list of lcore numbers, got a plain value"},
	{"memory", MINIMUM "eal:\n  memory_mb: 63\n",
		"s.yaml:5: eal.memory_mb: expected 64..1048576, got 63"},
	{"hugepages", MINIMUM "eal:\n  hugepages: 1\n",
		"s.yaml:5: eal.hugepages: expected true or false, got \"1\""},
	{"args", MINIMUM "eal:\n  args: [[]]\n",
		"s.yaml:5: eal.args[0]: expected text, got a list"},
	{"no port", "ports: []\n" ADDRS,
		"s.yaml:1: ports: expected at least one port, got an empty list"},
	{"port driver", "ports:\n  - {name: a, driver: xdp, device: e}\n" ADDRS,
		"s.yaml:2: ports[0].driver: expected one of af_xdp, af_packet, device, got "
		"\"xdp\""},
	{"port without device", "ports:\n  - {name: a, driver: af_xdp}\n" ADDRS,
		"s.yaml:2: ports[0]: key \"device\" is missing"},
	{"port name", "ports:\n  - {name: a b, driver: af_xdp, device: e}\n" ADDRS,
		"s.yaml:2: ports[0].name: expected a name of letters, digits and \"._-\", got \"a "
		"b\""},
	{"port twice",
		"ports:\n  - {name: a, driver: af_xdp, device: e}\n"
		"  - name: a\n    driver: af_xdp\n    device: f\n" ADDRS,
		"s.yaml:3: ports[1].name: port \"a\" is there twice"},
	{"device twice",
		"ports:\n  - {name: a, driver: af_xdp, device: e}\n"
		"  - name: b\n    driver: af_xdp\n    device: e\n" ADDRS,
		"s.yaml:5: ports[1].device: device \"e\" is port \"a\" already"},
	{"gateway text",
		"ports:\n  - {name: a, driver: device, device: e, gateway_mac: "
		"2:0:0:0:0:1}\n" ADDRS,
		"s.yaml:2: ports[0].gateway_mac: expected a MAC address as 02:00:00:00:00:01, got "
		"\"2:0:0:0:0:1\""},
	{"gateway group",
		"ports:\n  - {name: a, driver: device, device: e, gateway_mac: "
		"\"01:00:5e:00:00:01\"}\n" ADDRS,
		"s.yaml:2: ports[0].gateway_mac: expected one station's MAC address, got "
		"01:00:5e:00:00:01"},
	{"gateway of an interface",
		"ports:\n  - {name: a, driver: af_xdp, device: e, gateway_mac: "
		"\"02:00:00:00:00:01\"}\n" ADDRS,
		"s.yaml:2: ports[0].gateway_mac: only for driver device: Linux knows the next hops "
		"of its own interfaces"},
	{"gateway twice",
		"ports:\n  - {name: a, driver: device, device: e, gateway_mac: "
		"\"02:00:00:00:00:01\"}\n"
		"  - {name: b, driver: device, device: f, gateway_mac: "
		"\"02:00:00:00:00:02\"}\n" ADDRS,
		"s.yaml:3: ports[1].gateway_mac: port \"a\" has one already"},
	{"no source", PORTS "addresses:\n  service: [192.0.2.53]\n",
		"s.yaml:3: addresses: key \"source\" is missing"},
	{"service empty", PORTS "addresses:\n  service: []\n  source: [192.0.2.54]\n",
		"s.yaml:4: addresses.service: expected at least one service address, got an empty "
		"list"},
	{"service bad", PORTS "addresses:\n  service: [192.0.2]\n",
		"s.yaml:4: addresses.service[0]: expected an IPv4 or IPv6 address, got "
		"\"192.0.2\""},
	{"service multicast", PORTS "addresses:\n  service:\n    - 224.0.0.1\n",
		"s.yaml:5: addresses.service[0]: expected one host's address, got 224.0.0.1"},
	{"service twice", PORTS "addresses:\n  service:\n    - 192.0.2.53\n    - 192.0.2.53\n",
		"s.yaml:6: addresses.service[1]: service address is there twice"},
	{"source empty", PORTS "addresses:\n  source: []\n",
		"s.yaml:4: addresses.source: expected a source address, got an empty list"},
	{"two v4 sources", PORTS "addresses:\n  source: [192.0.2.54, 192.0.2.55]\n",
		"s.yaml:4: addresses.source[1]: a second IPv4 source address, expected at most "
		"one"},
	{"shared", PORTS "addresses:\n  service: [192.0.2.53]\n  source: [192.0.2.53]\n",
		"s.yaml:3: addresses: source and service share an address"},
	{"region", MINIMUM "region: a/b\n",
		"s.yaml:4: region: expected a name of letters, digits and \"._-\", got \"a/b\""},
	{"routes", MINIMUM "routes:\n", "s.yaml:4: routes: expected text, got nothing"},
	{"allow", MINIMUM "clients:\n  allow: [10.0.0.0/33]\n",
		"s.yaml:5: clients.allow[0]: expected a prefix as 192.0.2.0/24, got "
		"\"10.0.0.0/33\""},
	{"allow bits", MINIMUM "clients:\n  allow: [10.0.0.1/8]\n",
		"s.yaml:5: clients.allow[0]: expected a prefix, got \"10.0.0.1/8\" with bits "
		"beyond its length"},
	{"timeout", MINIMUM "upstream:\n  timeout_ms: 9\n",
		"s.yaml:5: upstream.timeout_ms: expected 10..10000, got 9"},
	{"timeout over budget", MINIMUM "upstream:\n  timeout_ms: 500\n  budget_ms: 400\n",
		"s.yaml:4: upstream: timeout_ms is 500, expected at most budget_ms, which is 400"},
	{"tries", MINIMUM "upstream:\n  tries: 9\n",
		"s.yaml:5: upstream.tries: expected 1..8, got 9"},
	{"edns low", MINIMUM "upstream:\n  edns_size: 511\n",
		"s.yaml:5: upstream.edns_size: expected 512..4096, got 511"},
	{"failure ttl 0", MINIMUM "cache:\n  failure_ttl_s: 0\n",
		"s.yaml:5: cache.failure_ttl_s: expected 1..300, got 0"},
	{"failure ttl 301", MINIMUM "cache:\n  failure_ttl_s: 301\n",
		"s.yaml:5: cache.failure_ttl_s: expected 1..300, got 301"},
	{"cache too large", MINIMUM "cache:\n  answers: {size_mb: 65537}\n",
		"s.yaml:5: cache.answers.size_mb: expected 0..65536, got 65537"},
	{"cache, unknown key", MINIMUM "cache:\n  answers: {size: 1}\n",
		"s.yaml:5: cache.answers.size: unknown key"},
	{"cache, longest 0", MINIMUM "cache:\n  answers:\n    max_ttl_s: 0\n",
		"s.yaml:6: cache.answers.max_ttl_s: expected 1..604800, got 0"},
	{"cache, shortest over longest",
		MINIMUM "cache:\n  answers:\n    max_ttl_s: 60\n    min_ttl_s: 61\n",
		"s.yaml:5: cache.answers: min_ttl_s is 61, expected at most max_ttl_s, which is "
		"60"},
	{"cache, prefetch", MINIMUM "cache:\n  answers: {prefetch: 1}\n",
		"s.yaml:5: cache.answers.prefetch: expected true or false, got \"1\""},
	{"sha1", MINIMUM "validation:\n  sha1: maybe\n",
		"s.yaml:5: validation.sha1: expected true or false, got \"maybe\""},
	{"skew", MINIMUM "validation:\n  skew_inception_s: 86401\n",
		"s.yaml:5: validation.skew_inception_s: expected 0..86400, got 86401"},
	{"transactions", MINIMUM "limits:\n  transactions: 1048577\n",
		"s.yaml:5: limits.transactions: expected 64..1048576, got 1048577"},
	{"steering unknown", MINIMUM "steering:\n  window: 5\n",
		"s.yaml:5: steering.window: unknown key"},
	{"steering percent", MINIMUM "steering:\n  bad_percent: 101\n",
		"s.yaml:5: steering.bad_percent: expected 1..100, got 101"},
	{"socket too long",
		MINIMUM "control_socket: "
			"/1234567890123456789012345678901234567890123456789012345678901234567890"
			"1234567890123456789012345678901234567\n",
		"s.yaml:4: control_socket: expected at most 107 octets of text, got 108"},
};

static void test_broken(void)
{
	struct ctl_config c;
	char err[CTL_YAML_ERR_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc = parse(rows[i].text, &c, err);
		check_row(&rows[i], rc, -EINVAL, err);
	}
	check_distinct(rows, sizeof(rows) / sizeof(rows[0]));
	printf("\n  %zu broken files ", sizeof(rows) / sizeof(rows[0]));
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
	CU_ASSERT_STRING_EQUAL(c.control_socket, "/run/swerve/ctl.sock");
}

static void test_cache(void)
{
	struct ctl_config c;
	char err[CTL_YAML_ERR_MAX];

	CU_ASSERT_EQUAL(
		parse(MINIMUM "cache: {signatures: 4096, signatures_interleave: true}\n", &c, err),
		0);
	CU_ASSERT_STRING_EQUAL(err, "");
	CU_ASSERT_EQUAL(c.dp.sigcache_entries, 4096);
	CU_ASSERT(c.dp.sigcache_interleave);
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
	CU_ASSERT_EQUAL(c.dp.edns_size, d.dp.edns_size);
	CU_ASSERT_EQUAL(c.dp.failure_ttl_s, d.dp.failure_ttl_s);
	CU_ASSERT_EQUAL(c.dp.cache.size_mb, d.dp.cache.size_mb);
	CU_ASSERT_EQUAL(c.dp.cache.max_ttl_s, d.dp.cache.max_ttl_s);
	CU_ASSERT_EQUAL(c.dp.cache.min_ttl_s, d.dp.cache.min_ttl_s);
	CU_ASSERT_EQUAL(c.dp.cache.max_negative_ttl_s, d.dp.cache.max_negative_ttl_s);
	CU_ASSERT_EQUAL(c.dp.cache.stale_s, d.dp.cache.stale_s);
	CU_ASSERT_EQUAL(c.dp.cache.prefetch, d.dp.cache.prefetch);
	CU_ASSERT_EQUAL(c.drain_ms, d.drain_ms);
	CU_ASSERT_EQUAL(c.probe_interval_ms, d.probe_interval_ms);
	CU_ASSERT_STRING_EQUAL(c.events, d.events);
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
		{"deployed file", test_deployed_file},
		{"file errors", test_file_errors},
		CU_TEST_INFO_NULL,
	};
	return test_run("control/config", tests);
}
