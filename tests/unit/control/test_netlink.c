/*
 * Next hops as the kernel says, in a network namespace of the test's own: a veth pair whose other
 * end lies in a second namespace, so that a neighbour really answers.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/Basic.h>

#include "control/netlink.h"
#include "tests/unit/run.h"

static struct ctl_netlink *n;

static const struct route_addr peer4 = {4, {10, 53, 250, 2}}, beyond4 = {4, {192, 0, 2, 9}},
			       silent4 = {4, {10, 53, 250, 77}}, nowhere4 = {4, {198, 51, 100, 1}},
			       own4 = {4, {10, 53, 250, 1}}, foreign4 = {4, {203, 0, 113, 7}};
static const struct route_addr peer6 = {6, {0xfd, 0x53, [14] = 0xfa, 2}},
			       beyond6 = {6, {0x20, 0x01, 0x0d, 0xb8, [15] = 9}};

static int run(const char *command)
{
	return system(command);
}

/* Wait until the kernel has found the neighbour, at most a few seconds. */
static int resolve_soon(
	const struct route_addr *dst, const struct route_addr *src, struct ctl_hop *hop)
{
	int err = ctl_netlink_resolve(n, dst, src, hop);

	for (unsigned i = 0; err == -EAGAIN && i < 50; i++) {
		struct pollfd p = {ctl_netlink_fd(n), POLLIN, 0};

		poll(&p, 1, 100);
		ctl_netlink_changed(n);
		err = ctl_netlink_resolve(n, dst, src, hop);
	}
	return err;
}

static void check_hop(const struct ctl_hop *hop)
{
	CU_ASSERT_EQUAL(hop->ifindex, if_nametoindex("swnl0"));
	CU_ASSERT_EQUAL(memcmp(hop->src, "\x02\x53\0\0\0\x01", 6), 0);
	CU_ASSERT_EQUAL(memcmp(hop->dst, "\x02\x53\0\0\0\x02", 6), 0);
}

static void test_neighbours_and_gateways(void)
{
	struct {
		const char *name;
		const struct route_addr *dst, *src;
	} rows[] = {
		{"IPv4 neighbour", &peer4, NULL},
		{"IPv6 neighbour", &peer6, NULL},
		{"IPv4 beyond a gateway", &beyond4, NULL},
		{"IPv6 beyond a gateway", &beyond6, NULL},
		{"from an address of ours", &beyond4, &own4},
		{"from one that is not ours yet", &beyond4, &foreign4},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ctl_hop hop = {0};
		int err = resolve_soon(rows[i].dst, rows[i].src, &hop);

		if (err != 0)
			printf("\n  %s: %s", rows[i].name, strerror(-err));
		CU_ASSERT_EQUAL(err, 0);
		check_hop(&hop);
	}
}

static void test_what_leads_nowhere(void)
{
	static const struct route_addr loopback = {4, {127, 0, 0, 1}};
	struct ctl_hop hop;

	CU_ASSERT_EQUAL(ctl_netlink_resolve(n, &nowhere4, NULL, &hop), -EHOSTUNREACH);
	CU_ASSERT_EQUAL(ctl_netlink_resolve(n, &loopback, NULL, &hop), -EHOSTUNREACH);
	CU_ASSERT_EQUAL(ctl_netlink_resolve(n, &silent4, NULL, &hop), -EAGAIN);
}

static void test_changes_are_heard(void)
{
	struct ctl_hop hop;

	CU_ASSERT_EQUAL_FATAL(resolve_soon(&beyond4, NULL, &hop), 0);
	usleep(200000);
	ctl_netlink_changed(n);
	CU_ASSERT_FALSE(ctl_netlink_changed(n));
	CU_ASSERT_EQUAL(run("ip route del 192.0.2.0/24"), 0);
	CU_ASSERT_TRUE(ctl_netlink_changed(n));
	CU_ASSERT_EQUAL(ctl_netlink_resolve(n, &beyond4, NULL, &hop), -EHOSTUNREACH);
	CU_ASSERT_EQUAL(run("ip route add 192.0.2.0/24 via 10.53.250.2"), 0);
	CU_ASSERT_TRUE(ctl_netlink_changed(n));
	CU_ASSERT_EQUAL(resolve_soon(&beyond4, NULL, &hop), 0);
	CU_ASSERT_EQUAL(run("ip link set swnl0 down"), 0);
	CU_ASSERT_TRUE(ctl_netlink_changed(n));
	CU_ASSERT_EQUAL(ctl_netlink_resolve(n, &beyond4, NULL, &hop), -EHOSTUNREACH);
}

/* Our namespace goes with us; the peer's is held by the process that sleeps in it. */
static int lay(pid_t *peer)
{
	char command[1024];
	int ready[2];

	if (unshare(CLONE_NEWNET) != 0 || pipe(ready) != 0)
		return -1;
	*peer = fork();
	if (*peer == 0) {
		char c = 1;

		if (unshare(CLONE_NEWNET) != 0 || write(ready[1], &c, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	if (*peer < 0 || read(ready[0], command, 1) != 1)
		return -1;
	snprintf(command, sizeof(command),
		"set -e; ip link set lo up;"
		"ip link add swnl0 address 02:53:00:00:00:01 type veth peer name swnl1 address "
		"02:53:00:00:00:02;"
		"ip link set swnl1 netns %d;"
		"nsenter -t %d -n sh -ec 'ip addr add 10.53.250.2/24 dev swnl1; ip addr add "
		"fd53::fa02/64 dev swnl1 nodad;"
		" ip link set swnl1 up';"
		"ip addr add 10.53.250.1/24 dev swnl0; ip addr add fd53::fa01/64 dev swnl0 nodad; "
		"ip link set swnl0 up;"
		"ip route add 192.0.2.0/24 via 10.53.250.2; ip route add 2001:db8::/32 via "
		"fd53::fa02",
		(int)*peer, (int)*peer);
	return run(command);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"neighbours and gateways, both families", test_neighbours_and_gateways},
		{"what leads nowhere says so", test_what_leads_nowhere},
		{"changes are heard", test_changes_are_heard},
		CU_TEST_INFO_NULL,
	};
	pid_t peer = -1;
	int failed = 99;

	if (geteuid() != 0) {
		printf("skipped: a network namespace needs root\n");
		return 77;
	}
	if (lay(&peer) == 0 && ctl_netlink_new(&n) == 0) {
		failed = test_run("control/netlink", tests);
		ctl_netlink_free(n);
	}
	if (peer > 0)
		kill(peer, 9);
	return failed;
}
