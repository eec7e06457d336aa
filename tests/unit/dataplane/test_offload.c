#include <string.h>

#include <CUnit/Basic.h>
#include <rte_mbuf.h>

#include "dataplane/offload.h"
#include "dataplane/port.h"
#include "tests/unit/dataplane/eal.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

/* Capabilities in, configuration out; and what a port with RSS then says of itself. */

enum {
	BOTH = RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP,
	MORE = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_IPV4,
};

static void test_choice(void)
{
	static const uint64_t sums = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
	static const uint64_t fast = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	static const struct {
		const char *name, *driver;
		uint64_t rx, tx, rss;
		uint8_t key_len;
		uint16_t queues;
		uint64_t expect_rx, expect_tx, expect_rss;
	} rows[] = {
		{"nothing offered", "net_ring", 0, 0, 0, 0, 2, 0, 0, 0},
		{"all", "net_ice", UINT64_MAX, UINT64_MAX, BOTH | MORE, 52, 4, sums, fast, BOTH},
		{"one queue", "net_ice", UINT64_MAX, UINT64_MAX, BOTH, 40, 1, sums, fast, 0},
		{"no UDP", "net_ice", 0, 0, MORE, 40, 2, 0, 0, 0},
		{"IPv4 only", "net_ice", 0, 0, RTE_ETH_RSS_NONFRAG_IPV4_UDP, 40, 2, 0, 0,
			RTE_ETH_RSS_NONFRAG_IPV4_UDP},
		{"key of unknown length", "net_null", 0, 0, BOTH, 0, 2, 0, 0, BOTH},
		{"short key", "net_ice", 0, 0, BOTH, 39, 2, 0, 0, 0},
		{"long key", "net_ice", 0, 0, BOTH, 53, 2, 0, 0, 0},
		{"virtio", "net_virtio_user", UINT64_MAX, fast, 0, 0, 1, 0, fast, 0},
		{"vhost", "net_vhost", UINT64_MAX, fast, 0, 0, 1, 0, fast, 0},
		{"one of two sums", "net_ice", RTE_ETH_RX_OFFLOAD_UDP_CKSUM, 0, 0, 0, 1,
			RTE_ETH_RX_OFFLOAD_UDP_CKSUM, 0, 0},
	};

	for (unsigned r = 0; r < RTE_DIM(rows); r++) {
		struct rte_eth_dev_info info = {.driver_name = rows[r].driver,
			.rx_offload_capa = rows[r].rx,
			.tx_offload_capa = rows[r].tx,
			.flow_type_rss_offloads = rows[r].rss,
			.hash_key_size = rows[r].key_len};
		uint8_t key[DP_RSS_KEY_MAX] = {1};
		struct rte_eth_conf c;
		bool rss = rows[r].expect_rss != 0;

		memset(&c, 0xff, sizeof(c));
		dp_offload_choose(&info, rows[r].queues, key, &c);
		UNIT_CHECK(rows[r].name, c.rxmode.offloads == rows[r].expect_rx);
		UNIT_CHECK(rows[r].name, c.txmode.offloads == rows[r].expect_tx);
		UNIT_CHECK(rows[r].name, c.rx_adv_conf.rss_conf.rss_hf == rows[r].expect_rss);
		UNIT_CHECK(rows[r].name, (c.rxmode.mq_mode == RTE_ETH_MQ_RX_RSS) == rss);
		UNIT_CHECK(rows[r].name, c.rx_adv_conf.rss_conf.rss_key == (rss ? key : NULL));
		UNIT_CHECK(rows[r].name, c.rx_adv_conf.rss_conf.rss_key_len ==
						 (!rss                          ? 0
							 : rows[r].key_len != 0 ? rows[r].key_len
										: 40));
		UNIT_CHECK(rows[r].name, c.lpbk_mode == 0);
	}
}

static void open_null(struct rte_mempool *pool, uint16_t queues, struct dp_port *port)
{
	struct dp_port_config cfg = {.name = "null",
		.driver = DP_DRIVER_DEVICE,
		.device = "net_null0",
		.queues = queues};
	char note[256];

	CU_ASSERT_EQUAL_FATAL(dp_port_open(&cfg, "", NULL, 0, pool, port, note, sizeof(note)), 0);
}

/* net_null keeps what it is told of RSS, though it has nothing to spread. */
static void test_port(void)
{
	struct rte_mempool *pool =
		rte_pktmbuf_pool_create("null", 8191, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, -1);
	struct dp_port a, b;
	bool queue[2] = {false, false};

	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	open_null(pool, 1, &a);
	CU_ASSERT_FALSE(a.rss);
	dp_port_close(&a);
	open_null(pool, 2, &a);
	dp_port_close(&a);
	CU_ASSERT_TRUE_FATAL(a.rss);
	CU_ASSERT_TRUE(a.by_rss.v4 && a.by_rss.v6);
	CU_ASSERT_EQUAL(a.by_rss.reta_size, 128);
	for (unsigned i = 0; i < a.by_rss.reta_size; i++) {
		CU_ASSERT_FATAL(a.by_rss.reta[i] < 2);
		queue[a.by_rss.reta[i]] = true;
	}
	CU_ASSERT(queue[0] && queue[1]);
	open_null(pool, 2, &b);
	dp_port_close(&b);
	CU_ASSERT_TRUE_FATAL(b.rss);
	// another key at every start, in all of its words
	for (unsigned i = 0; i < DP_RSS_KEY_MIN / 4; i++)
		CU_ASSERT_NOT_EQUAL(a.by_rss.key[i], b.by_rss.key[i]);
	rte_mempool_free(pool);
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"what is taken", test_choice},
		{"a port with RSS", test_port},
		CU_TEST_INFO_NULL,
	};

	(void)argc;
	test_eal_start(argv[0]);
	return test_run("dataplane/offload", tests);
}
