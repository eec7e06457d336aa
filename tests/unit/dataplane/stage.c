#include "tests/unit/dataplane/stage.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/Basic.h>
#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include "dns/wire.h"
#include "tests/unit/dataplane/eal.h"

enum { RING = 1024, PORTS = 2, TTL = 300 };

struct stage stage;

static struct rte_ring *in[PORTS][STAGE_WORKERS], *out_ring[PORTS][STAGE_WORKERS];
static uint16_t port_id[PORTS];
static struct rte_mempool *outside; // packets that tests make
static unsigned at_rest;

static const char *const site_names[] = {"sin", "nrt", "lax", "root"};
static const char *const site4[] = {"10.0.1.1", "10.0.2.1", "10.0.3.1", "10.0.9.1"};
static const char *const site6[] = {"fd00:1::1", "fd00:2::1", "fd00:3::1", "fd00:9::1"};
static const char *const service4 = "198.51.100.53", *const service6 = "fd00:53::53";
static const char *const source4 = "198.51.100.54", *const source6 = "fd00:53::54";
static const struct rte_ether_addr client_mac = {{2, 0, 0, 0, 0, 0xc}};
static const struct rte_ether_addr router_mac = {{2, 0, 0, 0, 0, 0xe}};
static const struct rte_ether_addr our_mac[PORTS] = {
	{{2, 0, 0, 0, 0, 0xa}}, {{2, 0, 0, 0, 0, 0xb}}};

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "stage: %s\n", what);
	abort();
}

struct route_addr stage_addr(const char *text)
{
	struct route_addr a = {0};

	a.family = strchr(text, ':') != NULL ? 6 : 4;
	need(inet_pton(a.family == 6 ? AF_INET6 : AF_INET, text, a.octets) == 1, text);
	return a;
}

/* ---- life ---- */

static void make_port(unsigned port)
{
	struct rte_eth_conf conf = {0};
	char name[32];
	int id;

	for (unsigned q = 0; q < STAGE_WORKERS; q++) {
		snprintf(name, sizeof(name), "in_%u_%u", port, q);
		in[port][q] = rte_ring_create(name, RING, SOCKET_ID_ANY, 0);
		snprintf(name, sizeof(name), "out_%u_%u", port, q);
		out_ring[port][q] = rte_ring_create(name, RING, SOCKET_ID_ANY, 0);
		need(in[port][q] != NULL && out_ring[port][q] != NULL, "rings");
	}
	snprintf(name, sizeof(name), "stage%u", port);
	id = rte_eth_from_rings(name, in[port], STAGE_WORKERS, out_ring[port], STAGE_WORKERS, 0);
	need(id >= 0, "a port of rings");
	port_id[port] = (uint16_t)id;
	need(rte_eth_dev_configure(port_id[port], STAGE_WORKERS, STAGE_WORKERS, &conf) == 0,
		"port configuration");
	for (uint16_t q = 0; q < STAGE_WORKERS; q++)
		need(rte_eth_rx_queue_setup(port_id[port], q, 0, 0, NULL, outside) == 0 &&
				rte_eth_tx_queue_setup(port_id[port], q, 0, 0, NULL) == 0,
			"queues");
	need(rte_eth_dev_start(port_id[port]) == 0, "port start");
}

void stage_start(const char *program)
{
	test_eal_start(program);
	outside = rte_pktmbuf_pool_create(
		"outside", 8191, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	need(outside != NULL, "a pool");
	for (unsigned port = 0; port < PORTS; port++)
		make_port(port);
	at_rest = rte_mempool_in_use_count(outside);
}

static void set_routes(const struct stage_spec *spec)
{
	static struct route_addr addrs[STAGE_SITES][2];
	static struct route_site_config sites[STAGE_SITES];
	static uint16_t com_sites[] = {SIN, NRT, LAX}, root_sites[] = {ROOT, LAX};
	static struct route_order_config com_order, root_order;
	static struct route_zone_config zones[2];

	for (unsigned i = 0; i < STAGE_SITES; i++) {
		addrs[i][0] = stage_addr(spec->v6 ? site6[i] : site4[i]);
		addrs[i][1] = stage_addr(site6[i]);
		sites[i] = (struct route_site_config){
			.addr_count = spec->both ? 2 : 1, .addrs = addrs[i]};
		snprintf(sites[i].name, sizeof(sites[i].name), "%s", site_names[i]);
	}
	com_order = (struct route_order_config){
		.region = ROUTE_REGION_NONE, .site_count = 3, .sites = com_sites};
	root_order = (struct route_order_config){.region = ROUTE_REGION_NONE,
		.site_count = spec->tree != NULL ? 2 : 1,
		.sites = root_sites};
	memset(zones, 0, sizeof(zones));
	kit_wire("com.", &zones[0].name);
	zones[0].kind = spec->recursive ? ROUTE_RECURSIVE : ROUTE_AUTHORITATIVE;
	zones[0].order_count = 1;
	zones[0].orders = &com_order;
	kit_wire(".", &zones[1].name);
	zones[1].kind = spec->tree != NULL ? ROUTE_RECURSIVE : ROUTE_AUTHORITATIVE;
	zones[1].order_count = 1;
	zones[1].orders = &root_order;
	stage.routes = (struct route_config){
		.site_count = STAGE_SITES, .zone_count = 2, .sites = sites, .zones = zones};
}

static void set_keys(const struct stage_spec *spec)
{
	static struct val_zone_keys zones[2];
	const struct kit_key *key = &stage.key;

	kit_key_new(&stage.key, 0x0100);
	kit_zone_keys(&zones[0], "com.", &key, 1, stage.now_s);
	zones[0].status = spec->status;
	zones[0].why = spec->status == VAL_ZONE_INSECURE ? VAL_R_UNSIGNED_ZONE : VAL_R_NO_CHAIN;
	kit_zone_keys(&zones[1], ".", &key, 1, stage.now_s);
	zones[1].status = VAL_ZONE_INSECURE;
	zones[1].why = VAL_R_UNSIGNED_ZONE;
	if (spec->tree != NULL) {
		spec->tree->now = stage.now_s;
		tree_keys(spec->tree, ".", &zones[1]);
	}
	need(val_keys_new(zones, 2, &stage.keys) == 0, "keys");
}

static void set_hops(void)
{
	size_t n = route_paths_count(stage.paths);

	stage.hops = calloc(1, sizeof(*stage.hops) + n * sizeof(stage.hops->hop[0]));
	need(stage.hops != NULL, "hops");
	stage.hops->count = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		stage.hops->hop[i] =
			(struct dp_hop){true, STAGE_UPSTREAM, our_mac[STAGE_UPSTREAM], router_mac};
}

static void make_dp(const struct stage_spec *spec)
{
	struct dp_config c = {
		.port_count = PORTS,
		.worker_count = spec->workers != 0 ? spec->workers : 1,
		.crypto_count = spec->crypto,
		.service_count = 2,
		.transactions = spec->transactions != 0 ? spec->transactions : 64,
		.waiters = spec->waiters != 0 ? spec->waiters : 128,
		.tries = spec->tries,
		.sigcache_entries = spec->sigcache != 0 ? spec->sigcache : 1024,
		.cache = spec->cache,
		.zones = 32,
	};
	char note[256];

	c.service[0] = stage_addr(service4);
	c.service[1] = stage_addr(service6);
	c.source[0] = stage_addr(source4);
	c.source[1] = stage_addr(source6);
	if (spec->allow != NULL)
		c.allow[c.allow_count++] = (struct route_prefix){stage_addr(spec->allow), 24};
	need(dp_parts_new(&c, SOCKET_ID_ANY, &stage.dp, note, sizeof(note)) == 0, note);
	for (unsigned i = 0; i < PORTS; i++)
		stage.dp->port[i] = (struct dp_port){
			.id = port_id[i], .queues = c.worker_count, .mac = our_mac[i]};
	need(dp_parts_workers(stage.dp) == 0, "workers");
	for (unsigned i = 0; i < c.worker_count; i++)
		dp_worker_attach(stage.dp->worker[i]);
}

/* As workers count them. */
static uint64_t second(void)
{
	return rte_get_tsc_hz() / 1000 * 1000;
}

void stage_open(const struct stage_spec *spec)
{
	struct dp_now *now;

	memset(&stage, 0, sizeof(stage));
	// From the start of a second, so that counting them does not depend on when a test runs.
	stage.cycles = rte_rdtsc() / second() * second();
	set_routes(spec);
	need(route_paths_new(&stage.paths) == 0 &&
			route_paths_sync(stage.paths, &stage.routes) == 0,
		"paths");
	make_dp(spec);
	stage_turn();
	now = &stage.dp->worker[0]->now;
	stage.now_s = now->epoch_s;
	set_keys(spec);
	set_hops();
	stage.key_hash = (struct dns_hash_key){3, 4};
	stage_publish(NULL, NULL);
	stage_turn();
}

void stage_publish(void (*done)(void *arg, const struct dp_view *old), void *arg)
{
	struct route_table *table;

	need(route_table_new(&stage.routes, stage.paths, NULL, ++stage.serial, &stage.key_hash,
		     &table) == 0,
		"table");
	stage.view = (struct dp_view){stage.serial, table, stage.keys, stage.hops};
	CU_ASSERT_EQUAL(dp_publish(stage.dp, &stage.view, done, arg), 0);
	if (stage.table != NULL) {
		// The view struct is reused; a turn lets go of the table before it.
		stage_turn();
		route_table_free(stage.table);
	}
	stage.table = table;
}

void stage_publish_keys(void (*change)(struct val_zone_keys *com))
{
	static struct val_zone_keys zones[2];
	struct val_keys *old = stage.keys;
	struct dns_name com;

	zones[0] = *val_keys_find(old, kit_wire("com.", &com));
	zones[1] = *val_keys_find(old, (const uint8_t *)"");
	change(&zones[0]);
	need(val_keys_new(zones, 2, &stage.keys) == 0, "keys");
	stage_publish(NULL, NULL);
	val_keys_free(old);
}

/* ---- turns ---- */

static uint64_t in_handover(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < stage.dp->cfg.worker_count; i++)
		n += rte_ring_count(stage.dp->worker[i]->handover);
	return n;
}

static void check_identity(void)
{
	struct dp_stats s = stage_stats();
	uint64_t sum = s.matched + s.forwarded + s.answered + s.waiting + in_handover();

	for (unsigned d = 0; d < DP_DROP_MAX; d++)
		sum += s.dropped[d];
	if (sum != s.received)
		fprintf(stderr, "received %lu, accounted for %lu\n", s.received, sum);
	CU_ASSERT_EQUAL(s.received, sum);
}

void stage_turn(void)
{
	for (unsigned i = 0; i < stage.dp->cfg.worker_count; i++)
		dp_worker_burst(stage.dp->worker[i], stage.cycles);
	check_identity();
}

void stage_skip(uint32_t seconds)
{
	CU_ASSERT_EQUAL(stage_stats().transactions, 0);
	stage.cycles += seconds * second();
	stage_turn();
}

void stage_pass(uint32_t ms)
{
	for (uint32_t i = 0; i < ms; i++) {
		stage.cycles += rte_get_tsc_hz() / 1000;
		stage_turn();
	}
}

/* The one crypto lcore runs while we wait for jobs to come home. */
void stage_verify(void)
{
	struct dp_crypto_arg arg = {.c = stage.dp->crypto};
	unsigned lcore = rte_get_next_lcore(-1, 1, 0);

	need(rte_eal_remote_launch(dp_crypto_main, &arg, lcore) == 0, "an lcore");
	for (unsigned i = 0; i < 1000 && dp_crypto_out(stage.dp->crypto, 0) > 0; i++) {
		usleep(1000);
		stage_turn();
	}
	dp_crypto_stop(stage.dp->crypto);
	rte_eal_wait_lcore(lcore);
	CU_ASSERT_EQUAL(dp_crypto_out(stage.dp->crypto, 0), 0);
}

struct dp_stats stage_stats(void)
{
	struct dp_stats s;

	dp_stats_sum(stage.dp, &s);
	return s;
}

static void throw_away_sent(void)
{
	struct stage_packet p;

	while (stage_take(STAGE_CLIENTS, &p) || stage_take(STAGE_UPSTREAM, &p))
		continue;
}

static void free_all(void)
{
	struct dp *dp = stage.dp;

	for (unsigned i = 0; i < dp->cfg.worker_count; i++) {
		dp_worker_detach(dp->worker[i]);
		dp_worker_free(dp->worker[i]);
		dp->worker[i] = NULL;
	}
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(dp->pool), 0);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(outside), at_rest);
	dp_parts_free(dp);
	route_table_free(stage.table);
	route_paths_free(stage.paths);
	val_keys_free(stage.keys);
	kit_key_free(&stage.key);
	free(stage.hops);
}

void stage_end(void)
{
	throw_away_sent();
	free_all();
}

void stage_close(void)
{
	struct dp_stats s;

	stage_pass(2000);
	throw_away_sent();
	s = stage_stats();
	CU_ASSERT_EQUAL(s.waiting, 0);
	CU_ASSERT_EQUAL(s.transactions, 0);
	CU_ASSERT_EQUAL(dp_mbufs_out(stage.dp), 0);
	for (unsigned i = 0; i < stage.dp->cfg.worker_count; i++) {
		CU_ASSERT_EQUAL(dp_crypto_out(stage.dp->crypto, i), 0);
		CU_ASSERT_EQUAL(stage.dp->worker[i]->fallbacks, 0);
		CU_ASSERT_EQUAL(stage.dp->worker[i]->held_count, 0);
		CU_ASSERT_EQUAL(stage.dp->worker[i]->checks_free, DP_JOBS);
		CU_ASSERT_EQUAL(stage.dp->worker[i]->chain_waiting, 0);
		CU_ASSERT_EQUAL(stage.dp->worker[i]->chain_questions, 0);
	}
	free_all();
}

uint16_t stage_path(enum stage_site site)
{
	for (size_t i = 0; i < route_paths_count(stage.paths); i++) {
		const struct route_path *p = route_paths_at(stage.paths, (uint16_t)i);

		if (p != NULL && strcmp(p->site_name, site_names[site]) == 0)
			return p->id;
	}
	need(false, "a path");
	return 0;
}

struct route_sample stage_evidence(enum stage_site site)
{
	struct route_sample sum;

	memset(&sum, 0, sizeof(sum)); // compared with memcmp()
	for (size_t i = 0; i < route_paths_count(stage.paths); i++) {
		const struct route_path *p = route_paths_at(stage.paths, (uint16_t)i);

		if (p == NULL || strcmp(p->site_name, site_names[site]) != 0)
			continue;
		for (unsigned w = 0; w < stage.dp->cfg.worker_count; w++)
			route_sample_add(&sum, &stage.dp->worker[w]->evidence[i]);
	}
	return sum;
}

/* ---- packets ---- */

void stage_send(unsigned port, const struct stage_packet *p)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(outside);
	struct dp_rewrite rw = {
		.eth_src = p->eth_src,
		.eth_dst = p->eth_dst,
		.vlan = p->vlan,
		.vlan_tci_be = rte_cpu_to_be_16(100),
		.src = p->src,
		.dst = p->dst,
		.sport = p->sport,
		.dport = p->dport,
	};

	need(m != NULL, "a packet");
	memcpy(rte_pktmbuf_append(m, (uint16_t)p->len), p->dns, p->len);
	need(dp_packet_build(m, &rw, (uint16_t)p->len) == 0, "headers");
	need(rte_ring_enqueue(in[port][p->queue], m) == 0, "room in a ring");
}

void stage_block(unsigned port, bool on)
{
	void *m;

	for (unsigned q = 0; q < STAGE_WORKERS; q++) {
		while (on && rte_ring_enqueue(out_ring[port][q], &stage) == 0)
			continue;
		while (!on && rte_ring_dequeue(out_ring[port][q], &m) == 0)
			continue;
	}
}

static void send_frame(unsigned port, const uint8_t *frame, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(outside);

	need(m != NULL, "a packet");
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), frame, len);
	need(rte_ring_enqueue(in[port][0], m) == 0, "room in a ring");
}

void stage_garbage(void)
{
	struct stage_query q = {.qname = "a.com."};
	uint8_t frame[256];
	struct rte_mbuf *m = NULL;
	struct stage_packet p;
	size_t len;

	stage_query_packet(&q, &p);
	stage_send(STAGE_CLIENTS, &p);
	need(rte_ring_dequeue(in[STAGE_CLIENTS][0], (void **)&m) == 0, "the frame");
	len = m->data_len;
	memcpy(frame, rte_pktmbuf_mtod(m, uint8_t *), len);
	rte_pktmbuf_free(m);
	for (size_t i = 0; i < len; i++) {
		for (unsigned port = 0; port < PORTS; port++) {
			send_frame(port, frame, i);
			frame[i] ^= 0x81;
			send_frame(port, frame, len);
			frame[i] ^= 0x81;
		}
		stage_turn();
	}
}

bool stage_take(unsigned port, struct stage_packet *out)
{
	struct rte_mbuf *m = NULL;
	struct dp_pkt p;

	for (unsigned q = 0; q < STAGE_WORKERS && m == NULL; q++)
		rte_ring_dequeue(out_ring[port][q], (void **)&m);
	if (m == NULL)
		return false;
	memset(out, 0, sizeof(*out));
	memcpy(&out->eth_dst, rte_pktmbuf_mtod(m, uint8_t *), 6);
	memcpy(&out->eth_src, rte_pktmbuf_mtod(m, uint8_t *) + 6, 6);
	CU_ASSERT_EQUAL_FATAL(dp_packet_parse(m, &p), DP_DROP_MAX);
	out->src = p.src;
	out->dst = p.dst;
	out->sport = p.sport;
	out->dport = p.dport;
	out->vlan = p.vlan;
	out->len = p.dns_len;
	memcpy(out->dns, rte_pktmbuf_mtod_offset(m, uint8_t *, p.dns_off), p.dns_len);
	rte_pktmbuf_free(m);
	return true;
}

/* ---- clients ---- */

static size_t put_opt(uint8_t *at, const struct stage_query *q)
{
	memset(at, 0, 11);
	dns_put16(at + 1, DNS_TYPE_OPT);
	dns_put16(at + 3, q->udp_size != 0 ? q->udp_size : 1232);
	at[6] = q->version;
	at[7] = q->do_bit ? 0x80 : 0;
	return 11;
}

void stage_query_packet(const struct stage_query *q, struct stage_packet *p)
{
	bool v6 = q->v6;
	struct dns_name name;

	need(dns_name_from_text(q->qname, &name) == 0, q->qname);
	*p = (struct stage_packet){
		.src = stage_addr(q->client != NULL ? q->client
				  : v6              ? "2001:db8::7"
						    : "192.0.2.7"),
		.dst = stage_addr(v6 ? service6 : service4),
		.sport = 40000,
		.dport = 53,
		.vlan = q->vlan,
		.queue = q->queue,
		.eth_src = client_mac,
		.eth_dst = our_mac[STAGE_CLIENTS],
	};
	dns_put16(p->dns + DNS_OFF_ID, q->id);
	dns_put16(p->dns + DNS_OFF_FLAGS, q->flags);
	dns_put16(p->dns + DNS_OFF_QDCOUNT, 1);
	dns_put16(p->dns + DNS_OFF_ARCOUNT, q->edns);
	p->len = DNS_HEADER_LEN;
	memcpy(p->dns + p->len, name.octets, name.len);
	p->len += name.len;
	dns_put16(p->dns + p->len, q->qtype != 0 ? q->qtype : DNS_TYPE_A);
	dns_put16(p->dns + p->len + 2, q->qclass != 0 ? q->qclass : DNS_CLASS_IN);
	p->len += 4;
	if (q->edns)
		p->len += put_opt(p->dns + p->len, q);
}

void stage_ask(const struct stage_query *q)
{
	struct stage_packet p;

	stage_query_packet(q, &p);
	stage_send(STAGE_CLIENTS, &p);
	stage_turn();
}

static int find_ede(const struct dns_msg *msg)
{
	uint16_t pos = 0, code, len;
	const uint8_t *val;

	while (dns_edns_option(msg, &pos, &code, &val, &len) == 1)
		if (code == 15 && len >= 2)
			return dns_get16(val);
	return DNS_EDE_NONE;
}

const struct stage_answer *stage_expect_answer(void)
{
	static struct stage_answer a;
	struct stage_packet other;

	memset(&a, 0, sizeof(a));
	a.ede = DNS_EDE_NONE;
	CU_ASSERT_FATAL(stage_take(STAGE_CLIENTS, &a.packet));
	CU_ASSERT_FALSE(stage_take(STAGE_CLIENTS, &other));
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&a.msg, a.packet.dns, a.packet.len), 0);
	CU_ASSERT_EQUAL(a.packet.sport, 53);
	CU_ASSERT_EQUAL(a.packet.dport, 40000);
	CU_ASSERT(rte_is_same_ether_addr(&a.packet.eth_dst, &client_mac));
	CU_ASSERT(rte_is_same_ether_addr(&a.packet.eth_src, &our_mac[STAGE_CLIENTS]));
	CU_ASSERT(a.msg.flags & DNS_FLAG_QR);
	if (a.msg.edns.present)
		a.ede = find_ede(&a.msg);
	return &a;
}

void stage_expect_nothing(unsigned port)
{
	struct stage_packet p;

	CU_ASSERT_FALSE(stage_take(port, &p));
}

/* ---- upstreams ---- */

struct stage_packet stage_expect_upstream(enum stage_site site)
{
	struct stage_packet p = {0};
	struct dns_msg msg;
	struct route_addr want4 = stage_addr(site4[site]), want6 = stage_addr(site6[site]);
	struct route_addr us;

	CU_ASSERT_FATAL(stage_take(STAGE_UPSTREAM, &p));
	us = stage_addr(p.dst.family == 6 ? source6 : source4);
	CU_ASSERT(memcmp(&p.dst, p.dst.family == 6 ? &want6 : &want4, sizeof(p.dst)) == 0);
	CU_ASSERT(memcmp(&p.src, &us, sizeof(us)) == 0);
	CU_ASSERT_EQUAL(p.dport, 53);
	CU_ASSERT(p.sport >= DP_PORT_MIN);
	CU_ASSERT_FALSE(p.vlan);
	CU_ASSERT(rte_is_same_ether_addr(&p.eth_dst, &router_mac));
	CU_ASSERT(rte_is_same_ether_addr(&p.eth_src, &our_mac[STAGE_UPSTREAM]));
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, p.dns, p.len), 0);
	CU_ASSERT(msg.edns.present && msg.edns.do_bit);
	CU_ASSERT_EQUAL(msg.edns.udp_size, 1232);
	CU_ASSERT_EQUAL(msg.flags & DNS_FLAG_QR, 0);
	return p;
}

struct stage_packet stage_answer_to(const struct stage_packet *query)
{
	struct stage_packet p = *query;

	p.src = query->dst;
	p.dst = query->src;
	p.sport = query->dport;
	p.dport = query->sport;
	p.eth_src = router_mac;
	p.eth_dst = our_mac[STAGE_UPSTREAM];
	return p;
}

void stage_reply_dns(const struct stage_packet *query, uint8_t *dns, size_t len)
{
	struct stage_packet p = stage_answer_to(query);

	need(len <= sizeof(p.dns), "a small reply");
	memcpy(p.dns, dns, len);
	memcpy(p.dns + DNS_OFF_ID, query->dns + DNS_OFF_ID, 2);
	p.len = len;
	free(dns);
	stage_send(STAGE_UPSTREAM, &p);
	if (!stage.hold)
		stage_turn();
}

const char *stage_qname(const struct stage_packet *p)
{
	static char text[DNS_NAME_TEXT_MAX];

	return dns_name_to_text(p->dns + DNS_HEADER_LEN, text, sizeof(text));
}

static uint16_t asked_type(const struct stage_packet *p)
{
	const uint8_t *end = p->dns + p->len;

	return dns_get16(p->dns + DNS_HEADER_LEN + dns_name_len(p->dns + DNS_HEADER_LEN, end));
}

static void reply_with(const struct stage_packet *query, const struct kit_sign *sign)
{
	struct kit_rdata a = kit_a(0xc0000250);
	struct kit_msg m;
	uint8_t *dns;
	size_t len;

	kit_init(&m, stage_qname(query), asked_type(query), DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, stage_qname(query), DNS_TYPE_A, TTL, &a, 1, sign);
	dns = kit_finish(&m, &len);
	stage_reply_dns(query, dns, len);
}

void stage_reply_a(const struct stage_packet *query)
{
	struct kit_sign none = {.key = NULL};

	reply_with(query, &none);
}

void stage_reply_signed(const struct stage_packet *query, int32_t expires_in)
{
	struct kit_sign sign = {
		.key = &stage.key,
		.signer = "com.",
		.labels = -1,
		.original_ttl = TTL,
		.inception = stage.now_s - 3600,
		.expiration = stage.now_s + (uint32_t)expires_in,
	};

	reply_with(query, &sign);
}

void stage_reply_signed_by(const struct stage_packet *query, const struct kit_key *key)
{
	struct kit_sign sign = {
		.key = key,
		.signer = "com.",
		.labels = -1,
		.original_ttl = TTL,
		.inception = stage.now_s - 3600,
		.expiration = stage.now_s + 86400,
	};

	reply_with(query, &sign);
}

void stage_reply_rcode(const struct stage_packet *query, uint16_t flags_and_rcode)
{
	struct kit_msg m;
	uint8_t *dns;
	size_t len;

	kit_init(&m, stage_qname(query), asked_type(query), flags_and_rcode);
	dns = kit_finish(&m, &len);
	stage_reply_dns(query, dns, len);
}
