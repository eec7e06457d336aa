#include <math.h>

#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include "dns/wire.h"
#include "gen/end.h"
#include "tests/unit/dataplane/eal.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

/*
 * Clients and sites, end to end, over two rings under a clock of the test's own. The test stands in
 * the middle: it may look at, change, hold back or double what goes by.
 */

enum { RING = 4096, TIMEOUT_MS = 100 };

static struct rte_ring *up, *down; // from the clients, to the clients
static struct rte_ring *site_in, *site_out;
static struct rte_mempool *pool;
static uint16_t client_port, site_port;
static struct gen_questions *questions;
static struct gen_end client_end, site_end;
static uint64_t now;

static const struct route_addr server4 = {.family = 4, .octets = {192, 0, 2, 53}};
static const struct route_addr client4 = {.family = 4, .octets = {10, 1, 0, 250}};
static const struct route_addr server6 = {.family = 6, .octets = {0x20, 1, 0xd, 0xb8, [15] = 0x53}};
static const struct route_addr client6 = {.family = 6, .octets = {0xfd, [15] = 1}};

static uint16_t port_of(const char *name, struct rte_ring *rx, struct rte_ring *tx)
{
	struct rte_eth_conf conf = {0};
	int id = rte_eth_from_rings(name, &rx, 1, &tx, 1, SOCKET_ID_ANY);

	CU_ASSERT_FATAL(id >= 0);
	CU_ASSERT_FATAL(rte_eth_dev_configure((uint16_t)id, 1, 1, &conf) == 0);
	CU_ASSERT_FATAL(rte_eth_rx_queue_setup((uint16_t)id, 0, 0, 0, NULL, pool) == 0);
	CU_ASSERT_FATAL(rte_eth_tx_queue_setup((uint16_t)id, 0, 0, 0, NULL) == 0);
	CU_ASSERT_FATAL(rte_eth_dev_start((uint16_t)id) == 0);
	return (uint16_t)id;
}

static void make_world(void)
{
	char err[GEN_ERR_MAX];

	if (pool != NULL)
		return;
	pool = rte_pktmbuf_pool_create(
		"pool", 8191, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	up = rte_ring_create("up", RING, SOCKET_ID_ANY, 0);
	down = rte_ring_create("down", RING, SOCKET_ID_ANY, 0);
	site_in = rte_ring_create("site_in", RING, SOCKET_ID_ANY, 0);
	site_out = rte_ring_create("site_out", RING, SOCKET_ID_ANY, 0);
	CU_ASSERT_FATAL(pool != NULL && up != NULL && down != NULL && site_in && site_out);
	client_port = port_of("clients", down, up);
	site_port = port_of("sites", site_in, site_out);
	CU_ASSERT_EQUAL_FATAL(gen_questions_make(500, "com.", &questions, err), 0);
	now = rte_rdtsc();
}

static struct gen_clients_config usual_clients(void)
{
	make_world();
	return (struct gen_clients_config){
		.port_id = client_port,
		.pool = pool,
		.server = {server4, server6},
		.client = {client4, client6},
		.client_count = 1000,
		.v6_percent = 50,
		.edns_percent = 50,
		.do_percent = 50,
		.questions = questions,
		.in_flight = 1024,
		.timeout_ms = TIMEOUT_MS,
		.seed = 1,
	};
}

static void open_ends(const struct gen_clients_config *c, const struct gen_sites_config *s)
{
	struct gen_sites_config sites = *s;

	sites.port_id = site_port;
	client_end = (struct gen_end){.port_id = client_port};
	site_end = (struct gen_end){.port_id = site_port};
	CU_ASSERT_EQUAL_FATAL(gen_clients_new(c, &client_end.clients), 0);
	CU_ASSERT_EQUAL_FATAL(gen_sites_new(&sites, &site_end.sites), 0);
}

static void close_ends(void)
{
	struct rte_mbuf *m = NULL;
	struct rte_ring *const all[] = {up, down, site_in, site_out};

	for (unsigned i = 0; i < RTE_DIM(all); i++)
		while (rte_ring_dequeue(all[i], (void **)&m) == 0)
			rte_pktmbuf_free(m);
	gen_clients_free(client_end.clients);
	gen_sites_free(site_end.sites);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

static void pass_us(double us)
{
	now += (uint64_t)(us * (double)rte_get_tsc_hz() / 1e6);
}

/* Everything that is in one ring goes on into another. */
static unsigned carry(struct rte_ring *from, struct rte_ring *to)
{
	void *m = NULL;
	unsigned n = 0;

	for (; rte_ring_dequeue(from, &m) == 0; n++)
		CU_ASSERT_EQUAL(rte_ring_enqueue(to, m), 0);
	return n;
}

static const struct gen_clients_stats *seen(void)
{
	return gen_clients_stats(client_end.clients);
}

/* Out, answered, home. */
static void round_trip(void)
{
	gen_end_turn(&client_end, now);
	carry(up, site_in);
	gen_end_turn(&site_end, now);
	carry(site_out, down);
	pass_us(10);
	gen_end_turn(&client_end, now);
}

static void test_rate(void)
{
	struct gen_clients_config c = usual_clients();

	open_ends(&c, &(struct gen_sites_config){.make = true});
	gen_clients_rate(client_end.clients, 100000, now);
	for (unsigned i = 0; i < 1000; i++) { // 100 ms
		pass_us(90);
		round_trip();
	}
	CU_ASSERT(seen()->sent >= 9990 && seen()->sent <= 10010);
	CU_ASSERT_EQUAL(seen()->lost, 0);
	CU_ASSERT_EQUAL(seen()->answered + gen_clients_out(client_end.clients), seen()->sent);
	CU_ASSERT_EQUAL(seen()->rcode[0], seen()->answered);
	CU_ASSERT_EQUAL(seen()->unmatched + seen()->wrong + seen()->late + seen()->duplicate, 0);
	CU_ASSERT(gen_hist_percentile(&seen()->latency, 50) >= 10000);
	CU_ASSERT(gen_hist_percentile(&seen()->latency, 50) <= 10100);
	// what leaves in a round's second turn waits for the next round
	CU_ASSERT(gen_hist_percentile(&seen()->latency, 100) <= 101000);
	CU_ASSERT_EQUAL(client_end.malformed + site_end.malformed, 0);
	CU_ASSERT_EQUAL(gen_sites_stats(site_end.sites)->answered,
		gen_sites_stats(site_end.sites)->queries);
	gen_clients_rate(client_end.clients, 0, now);
	round_trip();
	CU_ASSERT_EQUAL(gen_clients_out(client_end.clients), 0);
	close_ends();
}

/* Addresses, ports and IDs vary as the configuration says. */
static void test_variety(void)
{
	struct gen_clients_config c = usual_clients();
	unsigned v6 = 0, edns = 0, with_do = 0, low_port = 0, carried = 0, high_id = 0;
	struct rte_mbuf *m = NULL;

	open_ends(&c, &(struct gen_sites_config){.make = true});
	gen_clients_rate(client_end.clients, INFINITY, now);
	for (unsigned i = 0; i < 32; i++)
		gen_end_turn(&client_end, now);
	CU_ASSERT_EQUAL(seen()->sent, 1024); // in_flight is the end
	CU_ASSERT_EQUAL(rte_ring_count(up), 1024);
	while (rte_ring_dequeue(up, (void **)&m) == 0) {
		const uint8_t *dns;
		struct dp_pkt p;
		uint16_t host;

		CU_ASSERT_EQUAL_FATAL(dp_packet_parse(m, &p), DP_DROP_MAX);
		dns = rte_pktmbuf_mtod_offset(m, const uint8_t *, p.dns_off);
		host = dns_get16(p.src.octets + (p.family == 6 ? 14 : 2));
		v6 += p.family == 6;
		low_port += p.sport < 1024;
		high_id += dns_get16(dns) >= 0x8000;
		edns += dns[DNS_OFF_ARCOUNT + 1];
		with_do += dns[DNS_OFF_ARCOUNT + 1] && (dns[p.dns_len - 4] & 0x80);
		carried += host >= 256; // beyond the first client's last octet
		CU_ASSERT(
			host >= (p.family == 6 ? 1 : 250) && host < (p.family == 6 ? 1001 : 1250));
		CU_ASSERT_EQUAL(p.dport, 53);
		rte_pktmbuf_free(m);
	}
	CU_ASSERT(v6 > 400 && v6 < 624);
	CU_ASSERT(edns > 400 && edns < 624);
	CU_ASSERT(with_do > 150 && with_do < 362);
	CU_ASSERT_EQUAL(low_port, 0);
	CU_ASSERT(high_id > 400 && high_id < 624);
	CU_ASSERT(carried > 500);
	close_ends();
}

static void test_lost_late_duplicate(void)
{
	struct gen_clients_config c = usual_clients();
	struct rte_mbuf *m = NULL, *copy;

	open_ends(&c, &(struct gen_sites_config){.make = true});
	gen_clients_rate(client_end.clients, INFINITY, now);
	gen_end_turn(&client_end, now);
	gen_clients_rate(client_end.clients, 0, now);
	CU_ASSERT_EQUAL(seen()->sent, 32);
	carry(up, site_in);
	gen_end_turn(&site_end, now);
	// the first is answered twice, the second never, the others late
	CU_ASSERT_EQUAL_FATAL(rte_ring_dequeue(site_out, (void **)&m), 0);
	copy = rte_pktmbuf_copy(m, pool, 0, UINT32_MAX);
	CU_ASSERT_EQUAL(rte_ring_enqueue(down, m), 0);
	CU_ASSERT_EQUAL(rte_ring_enqueue(down, copy), 0);
	CU_ASSERT_EQUAL_FATAL(rte_ring_dequeue(site_out, (void **)&m), 0);
	rte_pktmbuf_free(m);
	gen_end_turn(&client_end, now);
	CU_ASSERT_EQUAL(seen()->answered, 1);
	CU_ASSERT_EQUAL(seen()->duplicate, 1);
	pass_us(TIMEOUT_MS * 1e3 - 10);
	gen_end_turn(&client_end, now);
	CU_ASSERT_EQUAL(seen()->lost, 0);
	pass_us(20);
	gen_end_turn(&client_end, now);
	CU_ASSERT_EQUAL(seen()->lost, 31);
	CU_ASSERT_EQUAL(carry(site_out, down), 30);
	gen_end_turn(&client_end, now);
	CU_ASSERT_EQUAL(seen()->late, 30);
	CU_ASSERT_EQUAL(seen()->lost, 31);
	CU_ASSERT_EQUAL(seen()->answered, 1);
	CU_ASSERT_EQUAL(gen_clients_out(client_end.clients), 0);
	close_ends();
}

/* One octet of an answer changed, checksums not looked at. */
static const struct {
	const char *name;
	int off; // in the DNS message; below 0: from the frame's start
	uint64_t unmatched, wrong, answered;
} forged[] = {
	{"ID", 1, 1, 0, 0},
	{"client's port", -41 - 1, 1, 0, 0},
	{"name", 14, 0, 1, 0},
	{"letter case", 13, 0, 0, 1},
	{"type", 27, 0, 1, 0},
	{"question count", 5, 0, 1, 0},
};

static void test_forged(void)
{
	struct gen_clients_config c = usual_clients();

	c.server[1].family = 0; // IPv4 alone: offsets are fixed
	for (size_t i = 0; i < RTE_DIM(forged); i++) {
		struct rte_mbuf *m = NULL;
		uint8_t *frame;

		open_ends(&c, &(struct gen_sites_config){.make = true});
		client_end.trust = true;
		gen_clients_rate(client_end.clients, 1e6, now);
		pass_us(1);
		gen_end_turn(&client_end, now);
		gen_clients_rate(client_end.clients, 0, now);
		CU_ASSERT_EQUAL(carry(up, site_in), 1);
		gen_end_turn(&site_end, now);
		CU_ASSERT_EQUAL_FATAL(rte_ring_dequeue(site_out, (void **)&m), 0);
		frame = rte_pktmbuf_mtod(m, uint8_t *);
		if (forged[i].off >= 0)
			frame[42 + forged[i].off] ^= forged[i].off == 13 ? 0x20 : 1;
		else
			frame[37] ^= 1; // destination port's low octet
		CU_ASSERT_EQUAL(rte_ring_enqueue(down, m), 0);
		gen_end_turn(&client_end, now);
		UNIT_CHECK(forged[i].name, seen()->unmatched == forged[i].unmatched);
		UNIT_CHECK(forged[i].name, seen()->wrong == forged[i].wrong);
		UNIT_CHECK(forged[i].name, seen()->answered == forged[i].answered);
		close_ends();
	}
}

/* A damaged frame is malformed when checksums are looked at. */
static void test_checksum(void)
{
	struct gen_clients_config c = usual_clients();
	struct rte_mbuf *m = NULL;

	open_ends(&c, &(struct gen_sites_config){.make = true});
	gen_clients_rate(client_end.clients, 1e6, now);
	pass_us(1);
	gen_end_turn(&client_end, now);
	gen_clients_rate(client_end.clients, 0, now);
	carry(up, site_in);
	gen_end_turn(&site_end, now);
	CU_ASSERT_EQUAL_FATAL(rte_ring_dequeue(site_out, (void **)&m), 0);
	rte_pktmbuf_mtod(m, uint8_t *)[m->data_len - 1] ^= 1;
	CU_ASSERT_EQUAL(rte_ring_enqueue(down, m), 0);
	gen_end_turn(&client_end, now);
	CU_ASSERT_EQUAL(client_end.malformed, 1);
	CU_ASSERT_EQUAL(seen()->answered, 0);
	close_ends();
}

static void test_delay_hold_loss(void)
{
	struct gen_clients_config c = usual_clients();

	open_ends(&c, &(struct gen_sites_config){.make = true, .delay_us = 1000});
	gen_clients_rate(client_end.clients, INFINITY, now);
	gen_end_turn(&client_end, now);
	carry(up, site_in);
	gen_end_turn(&site_end, now);
	pass_us(990);
	gen_end_turn(&site_end, now);
	CU_ASSERT_EQUAL(rte_ring_count(site_out), 0);
	CU_ASSERT_EQUAL(gen_sites_held(site_end.sites), 32);
	pass_us(20);
	gen_end_turn(&site_end, now);
	CU_ASSERT_EQUAL(rte_ring_count(site_out), 32);
	close_ends();

	open_ends(&c, &(struct gen_sites_config){.make = true, .hold = 100});
	gen_clients_rate(client_end.clients, INFINITY, now);
	for (unsigned i = 0; i < 10; i++)
		round_trip();
	CU_ASSERT_EQUAL(gen_sites_held(site_end.sites), 100);
	CU_ASSERT(seen()->answered > 0);
	close_ends();

	open_ends(&c, &(struct gen_sites_config){.make = true, .loss_percent = 25});
	gen_clients_rate(client_end.clients, 1e6, now);
	for (unsigned i = 0; i < 200; i++)
		round_trip();
	CU_ASSERT(gen_sites_stats(site_end.sites)->lost > 350);
	CU_ASSERT(gen_sites_stats(site_end.sites)->lost < 650);
	close_ends();
}

static void test_open_loop_counts_what_it_held(void)
{
	struct gen_clients_config c = usual_clients();

	c.in_flight = 10;
	open_ends(&c, &(struct gen_sites_config){.make = true});
	gen_clients_rate(client_end.clients, 1e6, now);
	pass_us(100); // 100 are due, 10 may be out
	gen_end_turn(&client_end, now);
	CU_ASSERT_EQUAL(seen()->sent, 10);
	CU_ASSERT_EQUAL(seen()->held, 90);
	pass_us(1e6); // a pause is not made up for
	gen_end_turn(&client_end, now);
	CU_ASSERT_EQUAL(seen()->sent, 20); // the first ten are lost
	CU_ASSERT(seen()->held > 900000);
	close_ends();
}

static void test_refused_and_hostile(void)
{
	struct gen_clients_config c = usual_clients();

	open_ends(&c, &(struct gen_sites_config){.make = false});
	gen_clients_rate(client_end.clients, 1e6, now);
	round_trip();
	round_trip();
	CU_ASSERT(seen()->answered > 0);
	CU_ASSERT_EQUAL(seen()->rcode[DNS_RCODE_REFUSED], seen()->answered);
	close_ends();

	c.hostile_percent = 100;
	open_ends(&c, &(struct gen_sites_config){.make = true});
	gen_clients_rate(client_end.clients, 1e6, now);
	for (unsigned i = 0; i < 20; i++)
		round_trip();
	CU_ASSERT_EQUAL(seen()->sent, 0);
	CU_ASSERT(seen()->hostile_sent > 100);
	CU_ASSERT(seen()->hostile_answered > 0);
	CU_ASSERT(gen_sites_stats(site_end.sites)->malformed > 20);
	close_ends();
}

/* Clients and sites at one port, as with a forwarder that has one. */
static void test_one_port(void)
{
	struct gen_clients_config c = usual_clients();
	struct gen_end both;

	open_ends(&c, &(struct gen_sites_config){.make = true});
	both = client_end;
	gen_sites_free(site_end.sites);
	CU_ASSERT_EQUAL_FATAL(
		gen_sites_new(&(struct gen_sites_config){.port_id = client_port, .make = true},
			&both.sites),
		0);
	gen_clients_rate(both.clients, INFINITY, now);
	gen_end_turn(&both, now);
	carry(up, down);
	gen_clients_rate(both.clients, 0, now);
	gen_end_turn(&both, now); // sites answer
	carry(up, down);
	gen_end_turn(&both, now); // clients hear it
	CU_ASSERT_EQUAL(seen()->answered, 32);
	site_end.sites = both.sites;
	close_ends();
}

static void test_reflected(void)
{
	struct gen_clients_config c = usual_clients();
	struct rte_mbuf *m = NULL;
	struct dp_pkt p;
	struct dp_rewrite back;

	open_ends(&c, &(struct gen_sites_config){.make = true});
	gen_clients_rate(client_end.clients, 1e6, now);
	pass_us(1);
	gen_end_turn(&client_end, now);
	gen_clients_rate(client_end.clients, 0, now);
	CU_ASSERT_EQUAL_FATAL(rte_ring_dequeue(up, (void **)&m), 0);
	CU_ASSERT_EQUAL(dp_packet_parse(m, &p), DP_DROP_MAX);
	dp_packet_turn(&p, &back);
	CU_ASSERT_EQUAL(dp_packet_rewrite(&p, &back, p.dns_len), 0);
	CU_ASSERT_EQUAL(rte_ring_enqueue(down, m), 0);
	gen_end_turn(&client_end, now);
	CU_ASSERT_EQUAL(seen()->answered, 1);
	CU_ASSERT_EQUAL(seen()->reflected, 1);
	close_ends();
}

/* What was out when counting began counts nowhere, answered or lost. */
static void test_reset(void)
{
	struct gen_clients_config c = usual_clients();

	open_ends(&c, &(struct gen_sites_config){.make = true});
	gen_clients_rate(client_end.clients, INFINITY, now);
	gen_end_turn(&client_end, now);
	pass_us(10);
	gen_clients_reset(client_end.clients, now);
	gen_end_turn(&client_end, now);
	gen_clients_rate(client_end.clients, 0, now);
	CU_ASSERT_EQUAL(seen()->sent, 32);
	CU_ASSERT_EQUAL(gen_clients_out(client_end.clients), 64);
	carry(up, site_in);
	gen_end_turn(&site_end, now);
	carry(site_out, down);
	gen_end_turn(&client_end, now);
	CU_ASSERT_EQUAL(seen()->answered, 32);
	CU_ASSERT_EQUAL(seen()->unmatched, 0);
	CU_ASSERT_EQUAL(gen_clients_out(client_end.clients), 0);
	gen_clients_rate(client_end.clients, INFINITY, now);
	gen_end_turn(&client_end, now);
	gen_clients_rate(client_end.clients, 0, now);
	pass_us(1);
	gen_clients_reset(client_end.clients, now);
	pass_us(TIMEOUT_MS * 1e3);
	gen_end_turn(&client_end, now);
	CU_ASSERT_EQUAL(seen()->lost, 0);
	CU_ASSERT_EQUAL(gen_clients_out(client_end.clients), 0);
	close_ends();
}

/* More than 2^16 out: the port tells slots apart. */
static void test_many_out(void)
{
	enum { MANY = 100000 };
	struct gen_clients_config c = usual_clients();
	unsigned sent;

	c.in_flight = MANY;
	open_ends(&c, &(struct gen_sites_config){.make = true});
	gen_clients_rate(client_end.clients, INFINITY, now);
	for (sent = 0; sent < MANY;) {
		struct rte_mbuf *m = NULL;
		unsigned n = gen_clients_send(client_end.clients, now);

		CU_ASSERT_FATAL(n > 0);
		sent += n;
		while (rte_ring_dequeue(up, (void **)&m) == 0)
			rte_pktmbuf_free(m);
	}
	CU_ASSERT_EQUAL(gen_clients_out(client_end.clients), MANY);
	// the next ones find their slots among all those
	pass_us(TIMEOUT_MS * 1e3 + 1);
	round_trip();
	CU_ASSERT_EQUAL(seen()->lost, MANY);
	CU_ASSERT_EQUAL(seen()->answered, 32);
	CU_ASSERT_EQUAL(seen()->unmatched, 0);
	close_ends();
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"rate", test_rate},
		{"variety", test_variety},
		{"lost, late, duplicate", test_lost_late_duplicate},
		{"forged answers", test_forged},
		{"checksum", test_checksum},
		{"delay, hold, loss", test_delay_hold_loss},
		{"open loop", test_open_loop_counts_what_it_held},
		{"refused, hostile", test_refused_and_hostile},
		{"one port", test_one_port},
		{"reflected", test_reflected},
		{"reset", test_reset},
		{"many out", test_many_out},
		CU_TEST_INFO_NULL,
	};
	(void)argc;
	test_eal_start(argv[0]);
	return test_run("gen/end", tests);
}
