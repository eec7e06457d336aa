/*
 * Ports on a real interface: one end of a veth pair in a network namespace of the test's own, a
 * client in a second one. Both vanish with the two processes, whatever happens. Root only.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "dataplane/packet.h"
#include "dataplane/port.h"
#include "tests/unit/dataplane/eal.h"
#include "tests/unit/run.h"

static const char *self, *xdp_object;

// net_af_xdp never closes the program that it loads, nor frees all of a UMEM
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libbpf.so\nleak:libxdp.so\nleak:librte_";
}

// ours in the interface, so that the kernel answers ARP, neighbour discovery and ping for them
static const struct route_addr service[] = {
	{4, {10, 53, 251, 53}},
	{6, {0xfd, 0x53, [7] = 0xfb, [15] = 0x53}},
};
// the kernel's own, not dedicated to us
static const struct route_addr kernels[] = {
	{4, {10, 53, 251, 1}},
	{6, {0xfd, 0x53, [7] = 0xfb, [15] = 1}},
};

__attribute__((format(printf, 1, 2))) static void shell(const char *format, ...)
{
	char command[512];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command) != 0) {
		fprintf(stderr, "failed: %s\n", command);
		exit(99);
	}
}

/* ---- the client: a process of its own that does one job at a time ---- */

enum job { JOB_ASK, JOB_PING, JOB_WIRE };

struct order {
	enum job job;
	struct route_addr to;
	unsigned count, size; // datagrams, octets of each
};

struct result {
	unsigned good, wrong, refused, silent;
};

static socklen_t address(const struct route_addr *a, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (a->family == 4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, a->octets, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	memcpy(&v6->sin6_addr, a->octets, 16);
	return sizeof(*v6);
}

static int open_to(const struct route_addr *to, int type, int protocol, uint16_t port)
{
	struct timeval patience = {.tv_usec = 500000};
	struct sockaddr_storage there;
	socklen_t len = address(to, port, &there);
	int fd = socket(to->family == 4 ? AF_INET : AF_INET6, type, protocol);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0 ||
		connect(fd, (struct sockaddr *)&there, len) != 0) {
		perror("client");
		exit(99);
	}
	return fd;
}

/* One datagram from a socket of its own: another source port each time. */
static void ask_once(const struct order *o, unsigned i, struct result *r)
{
	uint8_t sent[4096], got[4096];
	int fd = open_to(&o->to, SOCK_DGRAM, 0, 53);
	ssize_t n;

	memset(sent, (int)(i + 1), o->size);
	n = send(fd, sent, o->size, 0) < 0 ? -1 : recv(fd, got, sizeof(got), 0);
	if (n < 0 && errno == ECONNREFUSED)
		r->refused++;
	else if (n < 0)
		r->silent++;
	else if ((size_t)n == o->size && memcmp(sent, got, o->size) == 0)
		r->good++;
	else
		r->wrong++;
	// a port unreachable beside the answer
	if (n >= 0 && recv(fd, got, sizeof(got), MSG_DONTWAIT) < 0 && errno == ECONNREFUSED)
		r->refused++;
	close(fd);
}

static uint16_t sum16(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void ping(const struct order *o, struct result *r)
{
	bool v4 = o->to.family == 4;
	uint8_t echo[8] = {v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST, 0, 0, 0, 0x53, 0x53, 0, 1},
		got[256];
	int fd = open_to(&o->to, SOCK_RAW, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, 0);
	uint16_t sum = htons(sum16(echo, sizeof(echo))); // ICMPv6: the kernel's to compute
	ssize_t n;

	if (v4)
		memcpy(echo + 2, &sum, 2);
	if (send(fd, echo, sizeof(echo), 0) < 0)
		perror("ping");
	for (int tries = 0; tries < 8; tries++) {
		size_t header = v4 ? 20 : 0;

		n = recv(fd, got, sizeof(got), 0);
		if (n < (ssize_t)header + 8)
			continue;
		if (got[header] == (v4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) &&
			memcmp(got + header + 4, echo + 4, 4) == 0) {
			r->good++;
			break;
		}
	}
	close(fd);
}

/* Checksums on the wire are real ones, as from a network card. */
static void no_offload(const char *interface)
{
	struct ethtool_value off = {.cmd = ETHTOOL_STXCSUM, .data = 0};
	struct ifreq request = {.ifr_data = (char *)&off};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (ioctl(fd, SIOCETHTOOL, &request) != 0) {
		perror("ETHTOOL_STXCSUM");
		exit(99);
	}
	close(fd);
}

static void wire_client(void)
{
	no_offload("swpc");
	shell("ip address add 10.53.251.2/24 dev swpc && ip address add fd53:0:0:fb::2/64 dev swpc "
	      "nodad && "
	      "ip link set swpc up");
}

static void client(int fd)
{
	struct order o;

	while (read(fd, &o, sizeof(o)) == sizeof(o)) {
		struct result r = {0};

		for (unsigned i = 0; o.job == JOB_ASK && i < o.count; i++)
			ask_once(&o, i, &r);
		if (o.job == JOB_PING)
			ping(&o, &r);
		if (o.job == JOB_WIRE)
			wire_client();
		if (write(fd, &r, sizeof(r)) != sizeof(r))
			break;
	}
	exit(0);
}

static int client_fd;
static pid_t client_pid;

static void client_start(void)
{
	int pair[2], ready;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		exit(99);
	client_pid = fork();
	if (client_pid == 0) {
		close(pair[0]);
		if (unshare(CLONE_NEWNET) != 0)
			exit(99);
		ready = 1;
		if (write(pair[1], &ready, sizeof(ready)) != sizeof(ready))
			exit(99);
		client(pair[1]);
	}
	close(pair[1]);
	client_fd = pair[0];
	if (read(client_fd, &ready, sizeof(ready)) != sizeof(ready))
		exit(99);
}

/* ---- our side ---- */

static struct rte_mempool *pool;

/** A fresh pair with this many queues at both ends. */
static void wire(unsigned queues)
{
	struct order o = {.job = JOB_WIRE};
	struct result r;

	if (if_nametoindex("swp0") != 0)
		shell("ip link delete swp0");
	shell("ip link add swp0 numtxqueues %u numrxqueues %u type veth peer name swpc netns %d "
	      "numtxqueues %u "
	      "numrxqueues %u",
		queues, queues, (int)client_pid, queues, queues);
	no_offload("swp0");
	for (size_t i = 0; i < RTE_DIM(service); i++)
		shell("ip address add %s dev swp0%s && ip address add %s dev swp0%s",
			i == 0 ? "10.53.251.1/24" : "fd53:0:0:fb::1/64", i == 0 ? "" : " nodad",
			i == 0 ? "10.53.251.53/32" : "fd53:0:0:fb::53/128", i == 0 ? "" : " nodad");
	shell("ip link set swp0 up");
	if (write(client_fd, &o, sizeof(o)) != sizeof(o) ||
		read(client_fd, &r, sizeof(r)) != sizeof(r))
		exit(99);
}

static int port_open_as(
	enum dp_driver driver, uint16_t queues, struct dp_port *port, char note[256])
{
	struct dp_port_config cfg = {
		.name = "test", .driver = driver, .device = "swp0", .queues = queues};

	return dp_port_open(&cfg, xdp_object, service, RTE_DIM(service), pool, port, note, 256);
}

/** What came in by a port, by what became of it; [DP_DROP_MAX] was turned round. */
struct tally {
	unsigned by[DP_DROP_MAX + 1], queue[8];
};

static void turn_round(struct rte_mbuf *m, const struct dp_port *port, uint16_t q, struct tally *t)
{
	struct dp_rewrite rw;
	struct dp_pkt p;
	enum dp_drop why = dp_packet_parse(m, &p);

	t->by[why]++;
	if (why == DP_DROP_MAX && p.dport == 53) {
		t->queue[q]++;
		dp_packet_turn(&p, &rw);
		if (dp_packet_rewrite(&p, &rw, p.dns_len) == 0 &&
			rte_eth_tx_burst(port->id, q, &m, 1) == 1)
			return;
	}
	rte_pktmbuf_free(m);
}

static void serve(const struct dp_port *port, struct tally *t)
{
	for (uint16_t q = 0; q < port->queues; q++) {
		struct rte_mbuf *m[32];
		uint16_t n = rte_eth_rx_burst(port->id, q, m, RTE_DIM(m));

		for (uint16_t i = 0; i < n; i++)
			turn_round(m[i], port, q, t);
	}
}

/** Have the client do a job while a port (if any) is served. */
static struct result run(const struct dp_port *port, struct order o, struct tally *t)
{
	struct pollfd done = {.fd = client_fd, .events = POLLIN};
	struct result r = {0};

	CU_ASSERT_EQUAL(write(client_fd, &o, sizeof(o)), sizeof(o));
	while (poll(&done, 1, port != NULL ? 0 : 100) == 0)
		if (port != NULL)
			serve(port, t);
	CU_ASSERT_EQUAL(read(client_fd, &r, sizeof(r)), sizeof(r));
	return r;
}

static struct result ask(
	const struct dp_port *port, const struct route_addr *to, unsigned count, struct tally *t)
{
	return run(port, (struct order){JOB_ASK, *to, count, 100}, t);
}

/** Our packets are ours alone, everything else is the kernel's. */
static void check_split(const struct dp_port *port, struct tally *t)
{
	struct result r;

	for (size_t i = 0; i < RTE_DIM(service); i++) {
		r = ask(port, &service[i], 30, t);
		CU_ASSERT_EQUAL(r.good, 30);
		CU_ASSERT_EQUAL(r.wrong + r.refused + r.silent, 0);
		r = run(port, (struct order){JOB_PING, service[i], 1, 0}, t);
		CU_ASSERT_EQUAL(r.good, 1);
		r = run(port, (struct order){JOB_PING, kernels[i], 1, 0}, t);
		CU_ASSERT_EQUAL(r.good, 1);
	}
	CU_ASSERT_EQUAL(t->by[DP_DROP_MAX], 30 * RTE_DIM(service));
}

static uint32_t attached_program(void)
{
	uint32_t id = 0;

	CU_ASSERT_EQUAL(bpf_xdp_query_id((int)if_nametoindex("swp0"), 0, &id), 0);
	return id;
}

static void xdp_one_queue(void)
{
	struct tally t = {0};
	struct dp_port port;
	struct result r;
	char note[256];

	wire(1);
	CU_ASSERT_EQUAL_FATAL(port_open_as(DP_DRIVER_AF_XDP, 1, &port, note), 0);
	CU_ASSERT_STRING_EQUAL(note, "");
	CU_ASSERT_EQUAL(port.driver, DP_DRIVER_AF_XDP);
	CU_ASSERT_STRING_EQUAL(port.xdp_mode, "native");
	CU_ASSERT_EQUAL(port.ifindex, if_nametoindex("swp0"));
	CU_ASSERT_EQUAL(port.queues, 1);
	CU_ASSERT_NOT_EQUAL(attached_program(), 0);
	check_split(&port, &t);
	// nothing but what is ours came
	for (int i = 0; i < DP_DROP_MAX; i++)
		CU_ASSERT_EQUAL(t.by[i], 0);
	// the kernel refuses what is not ours
	for (size_t i = 0; i < RTE_DIM(kernels); i++) {
		r = ask(&port, &kernels[i], 1, &t);
		CU_ASSERT_EQUAL(r.refused, 1);
	}
	dp_port_close(&port);
	CU_ASSERT_EQUAL(attached_program(), 0);
	r = ask(NULL, &service[0], 1, &t); // and now this, too
	CU_ASSERT_EQUAL(r.refused, 1);
}

/** A datagram larger than the link comes as fragments, which are ours to drop and count. */
static void fragments(void)
{
	struct dp_port port;
	char note[256];

	wire(1);
	CU_ASSERT_EQUAL_FATAL(port_open_as(DP_DRIVER_AF_XDP, 1, &port, note), 0);
	for (size_t i = 0; i < RTE_DIM(service); i++) {
		struct tally t = {0};
		struct result r = run(&port, (struct order){JOB_ASK, service[i], 1, 3000}, &t);

		CU_ASSERT_EQUAL(r.silent, 1);
		CU_ASSERT_EQUAL(t.by[DP_DROP_FRAGMENT], 3);
	}
	dp_port_close(&port);
}

static void two_queues(void)
{
	struct tally t = {0};
	struct dp_port port;
	char note[256];

	wire(2);
	CU_ASSERT_EQUAL_FATAL(port_open_as(DP_DRIVER_AF_XDP, 2, &port, note), 0);
	CU_ASSERT_EQUAL(port.driver, DP_DRIVER_AF_PACKET); // veth's queues are not combined
	CU_ASSERT_PTR_NOT_NULL(strstr(note, "not combined, af_packet is used"));
	CU_ASSERT_EQUAL(port.queues, 2);
	check_split(&port, &t);
	CU_ASSERT_TRUE(t.queue[0] > 0 && t.queue[1] > 0);
	dp_port_close(&port);
}

static void other_queue_count(void)
{
	struct dp_port port;
	char note[256];

	wire(2);
	CU_ASSERT_EQUAL(port_open_as(DP_DRIVER_AF_XDP, 1, &port, note), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(note, "swp0 has 2 receive queues, the workers poll 1"));
	CU_ASSERT_EQUAL(attached_program(), 0);
}

static void af_packet(void)
{
	for (uint16_t queues = 1; queues <= 2; queues++) {
		struct tally t = {0};
		struct dp_port port;
		struct result r;
		char note[256];

		wire(queues);
		CU_ASSERT_EQUAL_FATAL(port_open_as(DP_DRIVER_AF_PACKET, queues, &port, note), 0);
		CU_ASSERT_STRING_EQUAL(note, "");
		CU_ASSERT_EQUAL(port.driver, DP_DRIVER_AF_PACKET);
		CU_ASSERT_STRING_EQUAL(port.xdp_mode, "");
		check_split(&port, &t);
		dp_port_close(&port);
		r = ask(NULL, &service[1], 1, &t);
		CU_ASSERT_EQUAL(r.refused, 1);
	}
}

/** Somebody else's XDP program stays, and we say that we do without. */
static void foreign_program(void)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct tally t = {0};
	struct dp_port port;
	char note[256];
	uint32_t id;
	int fd;

	wire(1);
	fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "another", "GPL", pass, RTE_DIM(pass), NULL);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(bpf_xdp_attach((int)if_nametoindex("swp0"), fd, 0, NULL), 0);
	close(fd);
	id = attached_program();
	CU_ASSERT_EQUAL_FATAL(port_open_as(DP_DRIVER_AF_XDP, 1, &port, note), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(note, "another XDP program"));
	CU_ASSERT_EQUAL(port.driver, DP_DRIVER_AF_PACKET);
	check_split(&port, &t);
	dp_port_close(&port);
	CU_ASSERT_EQUAL(attached_program(), id);
}

/* ---- another daemon ---- */

/** This program again, as a daemon that holds the port; ready when it says so. */
static pid_t holder_start(const char *driver)
{
	int pipes[2];
	char ready;
	pid_t pid;

	if (pipe(pipes) != 0)
		exit(99);
	pid = fork();
	if (pid == 0) {
		dup2(pipes[1], STDOUT_FILENO);
		close(pipes[0]);
		execl(self, self, xdp_object, driver, NULL);
		exit(99);
	}
	close(pipes[1]);
	CU_ASSERT_EQUAL(read(pipes[0], &ready, 1), 1);
	close(pipes[0]);
	return pid;
}

static int hold(enum dp_driver driver)
{
	struct tally t = {0};
	struct dp_port port;
	char note[256];

	if (port_open_as(driver, 1, &port, note) != 0 || write(STDOUT_FILENO, "r", 1) != 1)
		return 1;
	for (;;)
		serve(&port, &t);
}

static void killed_daemon(void)
{
	struct tally t = {0};
	struct dp_port port;
	struct result r;
	char note[256];
	pid_t pid;

	wire(1);
	pid = holder_start("--hold=af_xdp");
	r = ask(NULL, &service[0], 5, &t);
	CU_ASSERT_EQUAL(r.good, 5);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	r = ask(NULL, &service[1], 1, &t);
	CU_ASSERT_EQUAL(r.refused, 1); // clients of a dead daemon are told so
	CU_ASSERT_EQUAL_FATAL(port_open_as(DP_DRIVER_AF_XDP, 1, &port, note), 0);
	CU_ASSERT_STRING_EQUAL(note, "");
	CU_ASSERT_EQUAL(port.driver, DP_DRIVER_AF_XDP);
	check_split(&port, &t);
	dp_port_close(&port);
}

/**
 * A killed daemon's classifier keeps our packets from the kernel until the next daemon comes,
 * whatever its driver.
 */
static void killed_af_packet(void)
{
	const enum dp_driver next[] = {DP_DRIVER_AF_PACKET, DP_DRIVER_AF_XDP};

	for (size_t i = 0; i < RTE_DIM(next); i++) {
		struct tally t = {0};
		struct dp_port port;
		struct result r;
		char note[256];
		pid_t pid;

		wire(1);
		pid = holder_start("--hold=af_packet");
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		r = ask(NULL, &service[0], 1, &t);
		CU_ASSERT_EQUAL(r.silent, 1);
		CU_ASSERT_EQUAL_FATAL(port_open_as(next[i], 1, &port, note), 0);
		CU_ASSERT_STRING_EQUAL(note, "");
		check_split(&port, &t);
		dp_port_close(&port);
		r = ask(NULL, &service[0], 1, &t);
		CU_ASSERT_EQUAL(r.refused, 1);
	}
}

static void living_daemon(void)
{
	struct tally t = {0};
	struct dp_port port;
	struct result r;
	char note[256];
	pid_t pid;

	wire(1);
	pid = holder_start("--hold=af_xdp");
	CU_ASSERT_EQUAL(port_open_as(DP_DRIVER_AF_XDP, 1, &port, note), -EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(note, "another swerved"));
	CU_ASSERT_EQUAL(port_open_as(DP_DRIVER_AF_PACKET, 1, &port, note), -EBUSY);
	r = ask(NULL, &service[0], 5, &t);
	CU_ASSERT_EQUAL(r.good, 5); // it goes on
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void no_interface(void)
{
	struct dp_port_config cfg = {
		.name = "test", .driver = DP_DRIVER_AF_XDP, .device = "swp9", .queues = 1};
	struct dp_port port;
	char note[256];

	CU_ASSERT_EQUAL(dp_port_open(&cfg, xdp_object, service, 2, pool, &port, note, sizeof(note)),
		-ENODEV);
	CU_ASSERT_PTR_NOT_NULL(strstr(note, "no interface swp9"));
	wire(1);
	shell("ip link set swp0 down");
	CU_ASSERT_EQUAL(port_open_as(DP_DRIVER_AF_XDP, 1, &port, note), -ENETDOWN);
	CU_ASSERT_PTR_NOT_NULL(strstr(note, "swp0 is down"));
}

static void pool_in_pieces(void)
{
	struct dp_port port;
	char note[256];

	wire(1);
	pool->nb_mem_chunks++;
	CU_ASSERT_EQUAL_FATAL(port_open_as(DP_DRIVER_AF_XDP, 1, &port, note), 0);
	pool->nb_mem_chunks--;
	CU_ASSERT_PTR_NOT_NULL(strstr(note, "--iova-mode=va"));
	CU_ASSERT_EQUAL(port.driver, DP_DRIVER_AF_PACKET);
	dp_port_close(&port);
}

/** No port is left. (Buffers are: net_af_xdp forgets those of its fill ring when it is closed.) */
static void nothing_left(void)
{
	CU_ASSERT_EQUAL(rte_eth_dev_count_avail(), 0);
}

static int skip(const char *why)
{
	printf("skipped: %s\n", why);
	return 77;
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"AF_XDP, one queue", xdp_one_queue},
		{"fragments", fragments},
		{"AF_XDP, two queues", two_queues},
		{"other number of queues", other_queue_count},
		{"af_packet", af_packet},
		{"program of somebody else", foreign_program},
		{"daemon that was killed", killed_daemon},
		{"af_packet daemon that was killed", killed_af_packet},
		{"daemon that lives", living_daemon},
		{"no interface", no_interface},
		{"pool in pieces", pool_in_pieces},
		{"nothing left", nothing_left},
		CU_TEST_INFO_NULL,
	};
	bool holder = argc == 3 && strncmp(argv[2], "--hold=", 7) == 0;
	int failed;

	if (argc < 2)
		return skip("needs the path of swerve_xdp.o");
	if (geteuid() != 0)
		return skip("needs root");
	if (system("ip -V >/dev/null 2>&1") != 0)
		return skip("needs iproute2");
	if (!holder && unshare(CLONE_NEWNET) != 0)
		return skip("no network namespaces here");
	self = argv[0];
	xdp_object = argv[1];
	if (!holder)
		client_start();
	test_eal_start(argv[0]);
	pool = rte_pktmbuf_pool_create(
		"test", 16383, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL)
		return 99;
	if (holder)
		return hold(strcmp(argv[2], "--hold=af_xdp") == 0 ? DP_DRIVER_AF_XDP
								  : DP_DRIVER_AF_PACKET);
	failed = test_run("port", tests);
	close(client_fd);
	waitpid(client_pid, NULL, 0);
	return failed;
}
