#include "tests/bench/swaps.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_udp.h>

#include "control/daemon.h"
#include "dataplane/dataplane_priv.h"
#include "dns/wire.h"
#include "tests/unit/validator/zonekit.h"

enum {
	CLIENTS,
	SITES,
	PORTS,
	RING = 4096,
	IN_FLIGHT = 512,
	BURST = 32,
	NAME = 15, // "\011q00000000\003com\0"
	QUESTION = NAME + 4,
	ANSWER = 16,
	L4 = sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr),
	DNS = L4 + sizeof(struct rte_udp_hdr),
	DRAIN_MS = 6000, // longer than a query's budget
	LATE_MS = 10,
	WATCH = 8,
	TURN_MAX_US = 300,
	FREED_MAX = 1 << 16,
	SERIALS = 1 << 27,
};

static const struct route_addr service = {.family = 4, .octets = {192, 0, 2, 53}};
static const struct route_addr source = {.family = 4, .octets = {192, 0, 2, 54}};
static const struct route_addr client = {.family = 4, .octets = {10, 1, 0, 1}};
static const struct rte_ether_addr mac = {{2, 0, 0, 0, 0, 0}};

static struct {
	struct swaps_spec spec;
	struct rte_ring *in[PORTS], *out[PORTS]; // as the worker sees them
	uint16_t port_id[PORTS];
	struct rte_mempool *pool;
	struct ctl_daemon daemon; // only what ctl_daemon_publish() needs
	struct route_config config[SWAPS_TAGS];
	unsigned tag;

	// the generator's
	uint32_t serial;
	uint64_t *answered; // a bit a serial
	unsigned last_tag;
	struct swaps_result *r;

	// control's thread
	_Atomic bool stop, control_ended;
	_Atomic uint64_t swaps, refused;
	double per_s;
	bool watch;
	double freed_ms[FREED_MAX], grace_us[FREED_MAX];
	unsigned freed_count, grace_count;
	uint64_t freed_late;
	pthread_t worker;
	_Atomic bool worker_runs;
	_Atomic uint64_t turn_cycles, turn_packets;
} rig;

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "swaps: %s: %s\n", what, rte_strerror(rte_errno));
	exit(1);
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* ---- routes ---- */

static void *array(size_t count, size_t size)
{
	void *p = calloc(count, size);

	need(p != NULL, "memory");
	return p;
}

static void make_zone(struct route_zone_config *z, unsigned number, unsigned tag)
{
	char name[32];

	snprintf(name, sizeof(name), number == 0 ? "com." : "zone%u.", number);
	need(dns_name_from_text(name, &z->name) == 0, name);
	z->order_count = rig.spec.regions;
	z->orders = array(z->order_count, sizeof(*z->orders));
	for (unsigned r = 0; r < z->order_count; r++) {
		struct route_order_config *o = &z->orders[r];

		o->region = r == 0 ? ROUTE_REGION_NONE : (uint16_t)r;
		o->site_count = SWAPS_TAGS;
		o->sites = array(SWAPS_TAGS, sizeof(*o->sites));
		for (unsigned i = 0; i < SWAPS_TAGS; i++)
			o->sites[i] = (uint16_t)((tag + i) % SWAPS_TAGS);
	}
}

static void make_config(struct route_config *c, unsigned tag)
{
	*c = (struct route_config){.site_count = SWAPS_TAGS,
		.region_count = rig.spec.regions,
		.zone_count = rig.spec.zones};
	c->sites = array(c->site_count, sizeof(*c->sites));
	c->regions = array(c->region_count, sizeof(*c->regions));
	c->zones = array(c->zone_count, sizeof(*c->zones));
	for (unsigned i = 0; i < SWAPS_TAGS; i++) {
		snprintf(c->sites[i].name, ROUTE_SITE_NAME_MAX, "t%u", i);
		c->sites[i].addr_count = 1;
		c->sites[i].addrs = array(1, sizeof(struct route_addr));
		c->sites[i].addrs[0] = (struct route_addr){4, {198, 51, 100, (uint8_t)i}};
	}
	for (unsigned i = 0; i < rig.spec.regions; i++)
		snprintf(c->regions[i].name, ROUTE_SITE_NAME_MAX, "r%u", i);
	for (unsigned i = 0; i < rig.spec.zones; i++)
		make_zone(&c->zones[i], i, tag);
}

static struct dp_hops *make_hops(unsigned tag)
{
	size_t n = route_paths_count(ctl_world_paths(rig.daemon.world));
	struct dp_hops *hops = array(1, sizeof(*hops) + n * sizeof(hops->hop[0]));

	hops->count = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		hops->hop[i] = (struct dp_hop){true, SITES, mac, mac};
		hops->hop[i].dst.addr_bytes[5] = (uint8_t)tag;
	}
	return hops;
}

/* The same sites, of which only one is in its best state. */
static int set_states(unsigned tag)
{
	struct route_paths *p = ctl_world_paths(rig.daemon.world);

	for (size_t id = 0; id < route_paths_count(p); id++) {
		struct route_path *path = route_paths_at(p, (uint16_t)id);

		if (path != NULL)
			path->state = path->site == tag ? ROUTE_UP : ROUTE_LAGGING;
	}
	return ctl_world_states_changed(rig.daemon.world);
}

static int set_routes(unsigned tag)
{
	struct route_config c;
	char err[256];
	int rc;

	need(route_config_copy(&rig.config[tag], &c) == 0, "memory");
	rc = ctl_world_set_routes(rig.daemon.world, &c, ctl_now_ms(), err, sizeof(err));
	if (rc != 0)
		route_config_fini(&c);
	return rc;
}

/* Table and next hops of the next tag, published as one view, as the daemon does it. */
static bool swap(void)
{
	unsigned tag = (rig.tag + 1) % SWAPS_TAGS;
	bool states = rig.spec.states && ctl_world_table(rig.daemon.world) != NULL;
	int rc;

	if (rig.daemon.dp->grace_count == DP_GRACE_MAX)
		return false;
	rig.daemon.hold_views = true;
	rc = states ? set_states(tag) : set_routes(tag);
	rig.daemon.hold_views = false;
	need(rc == 0 && ctl_world_set_hops(rig.daemon.world, make_hops(tag)) == 0, "a table");
	rig.tag = tag;
	return true;
}

static void forget(void *dp, uint16_t path)
{
	(void)dp, (void)path;
}

/* ---- control ---- */

/* When each view that is still out was published, oldest first. */
struct waiting {
	double since[DP_GRACE_MAX];
	unsigned count;
};

static void note_freed(struct waiting *w)
{
	unsigned out = ctl_world_views_out(rig.daemon.world) - 1; // the current one stays
	double now = now_ms();

	while (w->count > out) {
		double took = now - w->since[0];

		if (rig.freed_count < FREED_MAX)
			rig.freed_ms[rig.freed_count++] = took;
		rig.freed_late += took > LATE_MS;
		memmove(w->since, w->since + 1, --w->count * sizeof(w->since[0]));
	}
}

static double worker_us(void)
{
	struct timespec ts = {0};
	clockid_t clock;

	if (pthread_getcpuclockid(rig.worker, &clock) == 0)
		clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* Some swaps are watched closely. The token is the newest view's. */
static void watch_grace(void)
{
	const struct dp *dp = rig.daemon.dp;
	uint64_t token = dp->grace[(dp->grace_head + dp->grace_count - 1) % DP_GRACE_MAX].token;
	double begun = worker_us(), until = now_ms() + SWAPS_POLL_MS;
	bool over;

	do
		over = rte_rcu_qsbr_check(dp->qsbr, token, false) == 1;
	while (!over && now_ms() < until);
	if (over && rig.grace_count < FREED_MAX)
		rig.grace_us[rig.grace_count++] = worker_us() - begun;
}

static void *control_main(void *arg)
{
	double start = now_ms(), poll_at = start, interval = rig.per_s > 0 ? 1e3 / rig.per_s : 0;
	double swap_at = start + interval;
	struct waiting w = {.count = 0};
	cpu_set_t cpus;

	(void)arg;
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus); // the generator's: the worker has its own
	pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	setpriority(PRIO_PROCESS, (id_t)gettid(), -10); // where it may; the generator never sleeps
	while (!atomic_load(&rig.stop) || w.count > 0) {
		double now = now_ms();

		if (now >= poll_at) {
			dp_poll(rig.daemon.dp, NULL, NULL);
			note_freed(&w);
			poll_at = now + SWAPS_POLL_MS;
		}
		if (interval > 0 && now >= swap_at && !atomic_load(&rig.stop)) {
			if (swap()) {
				w.since[w.count++] = now_ms();
				if (atomic_fetch_add(&rig.swaps, 1) % WATCH == 0 && rig.watch)
					watch_grace();
			} else {
				atomic_fetch_add(&rig.refused, 1);
			}
			swap_at = now + interval;
		}
		usleep(interval > 0 && interval < 2 ? 100 : 500);
	}
	atomic_store(&rig.control_ended, true);
	return NULL;
}

/* ---- the worker ---- */

/*
 * One turn, measured. What took longer than any turn can was interrupted: it says nothing about
 * swaps.
 */
static void turn(struct dp_worker *w)
{
	const uint64_t limit = rte_get_tsc_hz() / 1000000 * TURN_MAX_US;
	uint64_t had = atomic_load_explicit(&w->counters.received, memory_order_relaxed);
	uint64_t start = rte_rdtsc();
	unsigned work = dp_worker_burst(w, start);
	uint64_t took = rte_rdtsc() - start;

	if (work == 0 || took > limit)
		return;
	dp_add(&rig.turn_cycles, took);
	dp_add(&rig.turn_packets,
		atomic_load_explicit(&w->counters.received, memory_order_relaxed) - had);
}

/* ---- the generator ---- */

static void put_hex(uint8_t *at, uint32_t v)
{
	for (unsigned i = 0; i < 8; i++)
		at[i] = (uint8_t) "0123456789abcdef"[v >> (28 - 4 * i) & 15];
}

static bool get_hex(const uint8_t *at, uint32_t *out)
{
	*out = 0;
	for (unsigned i = 0; i < 8; i++) {
		uint8_t c = at[i] | 0x20; // letters as they come

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
		*out = *out << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return true;
}

static void send_query(void)
{
	static const uint8_t question[QUESTION] = "\011q00000000\003com\0\0\001\0\001";
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig.pool);
	uint32_t serial = rig.serial;
	struct dp_rewrite rw = {.eth_src = mac,
		.eth_dst = mac,
		.src = client,
		.dst = service,
		.sport = (uint16_t)(1024 + serial % 60000),
		.dport = 53};
	uint8_t *dns;

	need(m != NULL, "packets");
	dns = (uint8_t *)rte_pktmbuf_append(m, DNS_HEADER_LEN + QUESTION);
	need(dns != NULL, "room in a packet");
	memset(dns, 0, DNS_HEADER_LEN);
	dns_put16(dns + DNS_OFF_ID, (uint16_t)serial);
	dns_put16(dns + DNS_OFF_QDCOUNT, 1);
	memcpy(dns + DNS_HEADER_LEN, question, QUESTION);
	put_hex(dns + DNS_HEADER_LEN + 2, serial);
	need(dp_packet_build(m, &rw, DNS_HEADER_LEN + QUESTION) == 0, "headers");
	if (rte_ring_enqueue(rig.in[CLIENTS], m) != 0) {
		rte_pktmbuf_free(m);
		return;
	}
	rig.serial++;
	rig.r->sent++;
}

/* Which table sent it? Both places must say the same. */
static void check_tags(const uint8_t *frame)
{
	const struct rte_ipv4_hdr *ip = (const void *)(frame + sizeof(struct rte_ether_hdr));
	const uint8_t *to = (const uint8_t *)&ip->dst_addr;
	unsigned by_hop = frame[5], by_table = to[3];

	if (by_hop != by_table || by_table >= SWAPS_TAGS || to[0] != 198 || to[2] != 100)
		rig.r->torn++;
	rig.r->tables_seen += by_table != rig.last_tag;
	rig.last_tag = by_table;
}

static void swap_octets(void *a, void *b, size_t n)
{
	uint8_t t[8];

	memcpy(t, a, n);
	memcpy(a, b, n);
	memcpy(b, t, n);
}

/* A query at a site becomes its answer, where it lies: A 192.0.2.80. */
static void answer(struct rte_mbuf *m)
{
	static const uint8_t record[ANSWER] = {
		0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 80};
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	struct rte_ipv4_hdr *ip = (void *)(frame + sizeof(struct rte_ether_hdr));
	struct rte_udp_hdr *udp = (void *)(frame + L4);
	uint8_t *dns = frame + DNS;
	const uint16_t len = DNS_HEADER_LEN + QUESTION + ANSWER;

	check_tags(frame);
	swap_octets(frame, frame + 6, 6);
	swap_octets(&ip->src_addr, &ip->dst_addr, 4);
	swap_octets(&udp->src_port, &udp->dst_port, 2);
	ip->total_length = rte_cpu_to_be_16((uint16_t)(DNS + len - sizeof(struct rte_ether_hdr)));
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)(sizeof(*udp) + len));
	udp->dgram_cksum = 0;
	dns_put16(dns + DNS_OFF_FLAGS, DNS_FLAG_QR | DNS_FLAG_AA);
	dns_put16(dns + DNS_OFF_ANCOUNT, 1);
	dns_put16(dns + DNS_OFF_ARCOUNT, 0);
	memcpy(dns + DNS_HEADER_LEN + QUESTION, record, ANSWER);
	m->data_len = (uint16_t)(DNS + len);
	m->pkt_len = m->data_len;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	if (rte_ring_enqueue(rig.in[SITES], m) != 0)
		rte_pktmbuf_free(m); // its query's timer runs: it would show as retried
}

static void take_answer(struct rte_mbuf *m)
{
	const uint8_t *dns = rte_pktmbuf_mtod_offset(m, const uint8_t *, DNS);
	uint32_t serial = 0;
	bool good = m->data_len >= DNS + DNS_HEADER_LEN + QUESTION + ANSWER &&
		    (dns_get16(dns + DNS_OFF_FLAGS) & (DNS_FLAG_QR | DNS_FLAG_RCODE_MASK)) ==
			    DNS_FLAG_QR &&
		    dns_get16(dns + DNS_OFF_ANCOUNT) == 1 &&
		    get_hex(dns + DNS_HEADER_LEN + 2, &serial) && serial < rig.serial &&
		    (uint16_t)serial == dns_get16(dns + DNS_OFF_ID);
	uint64_t *word = &rig.answered[serial / 64], bit = 1ull << serial % 64;

	if (!good)
		rig.r->odd++;
	else if (*word & bit)
		rig.r->duplicated++;
	else
		rig.r->answered++;
	if (good)
		*word |= bit;
	rte_pktmbuf_free(m);
}

static void generate(bool asking)
{
	uint64_t out = rig.r->sent - rig.r->answered;
	struct rte_mbuf *m[BURST];
	unsigned n;

	n = rte_ring_dequeue_burst(rig.out[SITES], (void **)m, BURST, NULL);
	for (unsigned i = 0; i < n; i++)
		answer(m[i]);
	n = rte_ring_dequeue_burst(rig.out[CLIENTS], (void **)m, BURST, NULL);
	for (unsigned i = 0; i < n; i++)
		take_answer(m[i]);
	for (unsigned i = 0; asking && i < BURST && out + i < IN_FLIGHT && rig.serial < SERIALS - 1;
		i++)
		send_query();
	if (rig.spec.by_hand)
		turn(rig.daemon.dp->worker[0]);
}

/* ---- a run ---- */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void summarise(double *list, unsigned n, double *p50, double *p99, double *max)
{
	if (n == 0)
		return;
	qsort(list, n, sizeof(*list), by_size);
	*p50 = list[n / 2];
	*p99 = list[(size_t)n * 99 / 100];
	*max = list[n - 1];
}

static uint64_t drops(const struct dp_stats *s)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < DP_DROP_MAX; i++)
		sum += s->dropped[i];
	return sum;
}

static void load(double seconds, uint64_t swaps_max)
{
	double start = now_ms(), end = start + seconds * 1e3, drained;

	do {
		for (unsigned i = 0; i < 64; i++)
			generate(true);
	} while (swaps_max > 0 ? atomic_load(&rig.swaps) < swaps_max : now_ms() < end);
	rig.r->seconds = (now_ms() - start) / 1e3;
	drained = now_ms() + DRAIN_MS;
	while (rig.r->answered < rig.r->sent && now_ms() < drained)
		generate(false);
	for (unsigned i = 0; i < 1000; i++)
		generate(false); // a second answer would come now
}

void swaps_run(double seconds, double swaps_per_s, uint64_t swaps_max, struct swaps_result *out)
{
	struct dp_stats before, after;
	uint64_t cycles, packets;
	pthread_t control;

	*out = (struct swaps_result){0};
	rig.r = out;
	rig.per_s = swaps_per_s;
	rig.watch = swaps_max > 0;
	rig.freed_count = rig.grace_count = 0;
	rig.freed_late = 0;
	atomic_store(&rig.swaps, 0);
	atomic_store(&rig.refused, 0);
	atomic_store(&rig.stop, false);
	atomic_store(&rig.control_ended, false);
	cycles = atomic_load(&rig.turn_cycles);
	packets = atomic_load(&rig.turn_packets);
	dp_stats_sum(rig.daemon.dp, &before);
	need(pthread_create(&control, NULL, control_main, NULL) == 0, "a thread");
	load(seconds, swaps_max);
	atomic_store(&rig.stop, true);
	while (!atomic_load(&rig.control_ended))
		generate(false); // it waits for the worker to let go
	pthread_join(control, NULL);
	dp_stats_sum(rig.daemon.dp, &after);
	out->swaps = atomic_load(&rig.swaps);
	out->refused = atomic_load(&rig.refused);
	out->lost = out->sent - out->answered;
	out->retried = after.retried - before.retried;
	out->dropped = drops(&after) - drops(&before);
	out->cycles_per_packet = (double)(atomic_load(&rig.turn_cycles) - cycles) /
				 (double)(atomic_load(&rig.turn_packets) - packets);
	out->freed_late = rig.freed_late;
	summarise(rig.freed_ms, rig.freed_count, &out->freed_p50_ms, &out->freed_p99_ms,
		&out->freed_max_ms);
	summarise(rig.grace_us, rig.grace_count, &out->grace_p50_us, &out->grace_p99_us,
		&out->grace_max_us);
}

/* ---- life ---- */

static void start_eal(const char *program)
{
	char args[][24] = {"", "--no-huge", "--no-shconf", "--no-pci", "-m", "512",
		"--no-telemetry", "--log-level=4", "--lcores=0@0,1@1"};
	char *argv[RTE_DIM(args) + 1] = {NULL};

	snprintf(args[0], sizeof(args[0]), "%s", program);
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		strcpy(args[8], "--lcores=0@0,1@0");
	else if (rig.spec.by_hand)
		strcpy(args[8], "--lcores=0@1");
	for (unsigned i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	need(rte_eal_init(RTE_DIM(args), argv) >= 0, "EAL does not start");
}

static void make_port(unsigned i)
{
	struct rte_eth_conf conf = {0};
	char name[16];
	int id;

	snprintf(name, sizeof(name), "in%u", i);
	rig.in[i] = rte_ring_create(name, RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	snprintf(name, sizeof(name), "out%u", i);
	rig.out[i] = rte_ring_create(name, RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	need(rig.in[i] != NULL && rig.out[i] != NULL, "rings");
	snprintf(name, sizeof(name), "swaps%u", i);
	id = rte_eth_from_rings(name, &rig.in[i], 1, &rig.out[i], 1, SOCKET_ID_ANY);
	need(id >= 0, "a port of rings");
	rig.port_id[i] = (uint16_t)id;
	need(rte_eth_dev_configure(rig.port_id[i], 1, 1, &conf) == 0 &&
			rte_eth_rx_queue_setup(
				rig.port_id[i], 0, 0, SOCKET_ID_ANY, NULL, rig.pool) == 0 &&
			rte_eth_tx_queue_setup(rig.port_id[i], 0, 0, SOCKET_ID_ANY, NULL) == 0 &&
			rte_eth_dev_start(rig.port_id[i]) == 0,
		"a port");
}

static void start_dataplane(void)
{
	const struct dp_config c = {.port_count = PORTS,
		.worker_count = 1,
		.service_count = 1,
		.service[0] = service,
		.source[0] = source,
		.transactions = 4096,
		.timeout_ms = 4000, // a generator that is held up is no reason to ask twice
		.budget_ms = 4090,
		.sigcache_entries = 1024};
	char note[256] = "";
	struct dp *dp;

	need(dp_parts_new(&c, SOCKET_ID_ANY, &dp, note, sizeof(note)) == 0, note);
	for (unsigned i = 0; i < PORTS; i++)
		dp->port[i] = (struct dp_port){
			.id = rig.port_id[i], .queues = 1, .mac = mac, .claim = -1};
	dp->port_count = PORTS;
	need(dp_parts_workers(dp) == 0, "a worker");
	rig.daemon.dp = dp;
}

static int worker_main(void *arg)
{
	struct dp_worker *w = arg;

	rig.worker = pthread_self();
	dp_worker_attach(w);
	atomic_store(&rig.worker_runs, true);
	do
		turn(w);
	while (w->now.run != DP_RUN_STOP);
	dp_worker_detach(w);
	return 0;
}

static void start_worker(void)
{
	struct dp *dp = rig.daemon.dp;

	if (rig.spec.by_hand) {
		dp_worker_attach(dp->worker[0]);
		return;
	}
	dp->lcore[0] = rte_get_next_lcore(-1, 1, 0);
	need(rte_eal_remote_launch(worker_main, dp->worker[0], dp->lcore[0]) == 0, "an lcore");
	dp->launched = 1;
	while (!atomic_load(&rig.worker_runs))
		usleep(100);
}

static struct val_keys *insecure_com(void)
{
	struct val_zone_keys zone = {
		.status = VAL_ZONE_INSECURE, .why = VAL_R_UNSIGNED_ZONE, .valid_until = UINT32_MAX};
	struct val_keys *keys;

	kit_wire("com.", &zone.zone);
	zone.valid_until = (uint32_t)time(NULL) + 86400;
	need(val_keys_new(&zone, 1, &keys) == 0, "keys");
	return keys;
}

void swaps_open(const struct swaps_spec *spec, const char *program)
{
	const struct ctl_world_ops ops = {ctl_daemon_publish, forget, &rig.daemon, NULL};

	rig.spec = *spec;
	mallopt(M_PERTURB, 0xa5);
	start_eal(program);
	rig.pool = rte_pktmbuf_pool_create(
		"load", 16383, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	need(rig.pool != NULL, "packets");
	for (unsigned i = 0; i < PORTS; i++)
		make_port(i);
	start_dataplane();
	for (unsigned i = 0; i < SWAPS_TAGS; i++)
		make_config(&rig.config[i], rig.spec.states ? 0 : i);
	rig.answered = array(SERIALS / 64, sizeof(*rig.answered));
	need(ctl_world_new(&ops, "r0", &rig.daemon.world) == 0, "memory");
	need(ctl_world_set_keys(rig.daemon.world, insecure_com()) == 0, "keys");
	rig.tag = SWAPS_TAGS - 1; // the first table's is 0
	need(swap(), "the first table");
	start_worker();
}

void swaps_close(void)
{
	if (rig.spec.by_hand)
		dp_worker_detach(rig.daemon.dp->worker[0]);
	dp_free(rig.daemon.dp);
	ctl_world_free(rig.daemon.world);
	for (unsigned i = 0; i < SWAPS_TAGS; i++)
		route_config_fini(&rig.config[i]);
	free(rig.answered);
	rte_mempool_free(rig.pool);
}
