#include <string.h>

#include <rte_ip.h>

#include "gen/neighbour.h"
#include "tests/unit/dataplane/eal.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

/* Frames as Linux sends them, octet by octet; answers are compared octet by octet. */

static struct rte_mempool *pool;

static const struct gen_neighbour clients = {
	.mac = {{2, 0, 0, 0, 0, 0xc}},
	.client = {{4, {10, 1, 0, 250}}, {6, {0xfd, [15] = 1}}},
	.client_count = 300,
	.server = {{4, {192, 0, 2, 53}}, {6, {0x20, 1, [15] = 0x53}}},
};

/* Who has TARGET, tell 192.0.2.53; 28 octets of ARP, padded to the least a frame has. */
static const uint8_t arp_request[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0xa, 8,
	6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 0xa, 192, 0, 2, 53, 0, 0, 0, 0, 0, 0, 10, 1, 0,
	250};
static const uint8_t arp_reply[42] = {2, 0, 0, 0, 0, 0xa, 2, 0, 0, 0, 0, 0xc, 8, 6, 0, 1, 8, 0, 6,
	4, 0, 2, 2, 0, 0, 0, 0, 0xc, 10, 1, 0, 250, 2, 0, 0, 0, 0, 0xa, 192, 0, 2, 53};

enum {
	ARP_OP = 21,
	ARP_SENDER = 28,
	ARP_TARGET = 38,
	IP6 = 14,
	ND = 54,
	ND_TARGET = 62,
	ND_LEN = 86
};

/* Neighbour solicitation of 2001::53 for fd00::1, with its own MAC as an option. */
static const uint8_t solicitation[ND_LEN] = {0x33, 0x33, 0xff, 0, 0, 1, 2, 0, 0, 0, 0, 0xa, 0x86,
	0xdd, 0x60, 0, 0, 0, 0, 32, 58, 255, 0x20, 1, [37] = 0x53, [38] = 0xff, 2, [49] = 1,
	0xff, [53] = 1, [54] = 135, [62] = 0xfd, [77] = 1, [78] = 1, 1, 2, 0, 0, 0, 0, 0xa};

static struct rte_mbuf *frame(const uint8_t *data, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), data, len);
	return m;
}

/* Is a frame with its octet `at` changed answered? When not, it must be as it was. */
static bool answered(const struct gen_neighbour *n, const uint8_t *data, size_t len)
{
	struct rte_mbuf *m = frame(data, len);
	bool yes = gen_neighbour_answer(n, m);

	if (!yes)
		CU_ASSERT(
			m->data_len == len && memcmp(rte_pktmbuf_mtod(m, void *), data, len) == 0);
	rte_pktmbuf_free(m);
	return yes;
}

static void test_arp(void)
{
	struct rte_mbuf *m = frame(arp_request, sizeof(arp_request));

	CU_ASSERT_TRUE(gen_neighbour_answer(&clients, m));
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(m, void *), arp_reply, sizeof(arp_reply)), 0);
	rte_pktmbuf_free(m);
}

static void test_arp_not(void)
{
	static const struct {
		const char *name;
		unsigned at;
		uint8_t octet;
	} rows[] = {
		{"a reply", ARP_OP, 2},
		{"not for Ethernet", 15, 6},
		{"not for IPv4", 16, 0x86},
		{"another network", ARP_TARGET + 1, 2},
		{"another type", 13, 7},
	};
	uint8_t f[60];

	for (unsigned r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		memcpy(f, arp_request, sizeof(f));
		f[rows[r].at] = rows[r].octet;
		UNIT_CHECK(rows[r].name, !answered(&clients, f, sizeof(f)));
	}
	for (size_t len = 0; len < 42; len++)
		CU_ASSERT_FALSE(answered(&clients, arp_request, len));
	CU_ASSERT_TRUE(answered(&clients, arp_request, 42));
	memcpy(f, arp_request, sizeof(f));
	memset(f + ARP_SENDER, 0, 4); // a probe
	CU_ASSERT_FALSE(answered(&clients, f, sizeof(f)));
	memcpy(f + ARP_SENDER, f + ARP_TARGET, 4); // an announcement
	CU_ASSERT_FALSE(answered(&clients, f, sizeof(f)));
}

static bool asks_for(const struct gen_neighbour *n, uint8_t c, uint8_t d)
{
	uint8_t f[60];

	memcpy(f, arp_request, sizeof(f));
	f[ARP_TARGET + 2] = c;
	f[ARP_TARGET + 3] = d;
	return answered(n, f, sizeof(f));
}

/* The first and the last client, and those beside them. */
static void test_range(void)
{
	struct gen_neighbour n = clients;
	uint8_t f[60];

	CU_ASSERT_FALSE(asks_for(&n, 0, 249));
	CU_ASSERT_TRUE(asks_for(&n, 0, 250));
	CU_ASSERT_TRUE(asks_for(&n, 1, 255));
	CU_ASSERT_TRUE(asks_for(&n, 2, 37)); // 250 + 299
	CU_ASSERT_FALSE(asks_for(&n, 2, 38));
	n.client_count = 0;
	CU_ASSERT_FALSE(asks_for(&n, 0, 250));
	n.sites = true;
	CU_ASSERT_TRUE(asks_for(&n, 0, 249));
	memcpy(f, arp_request, sizeof(f));
	memcpy(f + ARP_TARGET, n.server[0].octets, 4);
	f[ARP_SENDER + 3] = 54;
	CU_ASSERT_FALSE(answered(&n, f, sizeof(f)));
}

static void test_nd(void)
{
	struct rte_mbuf *m = frame(solicitation, sizeof(solicitation));
	const uint8_t *a = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)(a + IP6);

	CU_ASSERT_TRUE_FATAL(gen_neighbour_answer(&clients, m));
	CU_ASSERT_EQUAL(m->data_len, ND_LEN);
	CU_ASSERT_EQUAL(memcmp(a, solicitation + 6, 6), 0);
	CU_ASSERT_EQUAL(memcmp(a + 6, &clients.mac, 6), 0);
	CU_ASSERT_EQUAL(ip->hop_limits, 255);
	CU_ASSERT_EQUAL(memcmp(ip->src_addr, clients.client[1].octets, 16), 0);
	CU_ASSERT_EQUAL(memcmp(ip->dst_addr, clients.server[1].octets, 16), 0);
	CU_ASSERT_EQUAL(a[ND], 136);
	CU_ASSERT_EQUAL(a[ND + 4], 0x60);
	CU_ASSERT_EQUAL(memcmp(a + ND_TARGET, clients.client[1].octets, 16), 0);
	CU_ASSERT(a[78] == 2 && a[79] == 1);
	CU_ASSERT_EQUAL(memcmp(a + 80, &clients.mac, 6), 0);
	// with its checksum all of it sums up to nothing
	CU_ASSERT_EQUAL(rte_ipv6_udptcp_cksum(ip, a + ND), 0);
	rte_pktmbuf_free(m);
}

static void test_nd_not(void)
{
	static const struct {
		const char *name;
		unsigned at;
		uint8_t octet;
	} rows[] = {
		{"not ICMPv6", 20, 17},
		{"forwarded", 21, 254},
		{"an advertisement", ND, 136},
		{"a code", ND + 1, 1},
		{"another target", ND_TARGET, 0xfe},
	};
	uint8_t f[ND_LEN];

	for (unsigned r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		memcpy(f, solicitation, sizeof(f));
		f[rows[r].at] = rows[r].octet;
		UNIT_CHECK(rows[r].name, !answered(&clients, f, sizeof(f)));
	}
	for (size_t len = 0; len < 78; len++)
		CU_ASSERT_FALSE(answered(&clients, solicitation, len));
	CU_ASSERT_TRUE(answered(&clients, solicitation, 78)); // without its option
	memcpy(f, solicitation, sizeof(f));
	memset(f + 22, 0, 16); // duplicate address detection
	CU_ASSERT_FALSE(answered(&clients, f, sizeof(f)));
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"ARP", test_arp},
		{"no ARP for us", test_arp_not},
		{"which addresses", test_range},
		{"neighbour discovery", test_nd},
		{"none for us", test_nd_not},
		CU_TEST_INFO_NULL,
	};

	(void)argc;
	test_eal_start(argv[0]);
	pool = rte_pktmbuf_pool_create("pool", 63, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return test_run("gen/neighbour", tests);
}
