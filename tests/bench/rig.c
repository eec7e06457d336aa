#include "tests/bench/rig.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "dataplane/dataplane_priv.h"
#include "tests/unit/validator/zonekit.h"

enum { QUEUES_MAX = 2, RING = 4096, EDNS_ROOM = 1232, ARGS_MAX = 24 };

const struct route_addr rig_service = {.family = 4, .octets = {192, 0, 2, 53}};
const struct route_addr rig_client = {.family = 4, .octets = {10, 1, 0, 0}};
const struct rte_ether_addr rig_mac = {{2, 0, 0, 0, 0, 1}};

static const struct route_addr source = {.family = 4, .octets = {192, 0, 2, 54}};
static struct route_addr site_addr = {.family = 4, .octets = {198, 51, 100, 1}};

static struct {
	struct rig_spec spec;
	struct rte_ring *ring[RIG_PORTS][2][QUEUES_MAX]; // [port][0: to swerve, 1: from it][queue]
	uint16_t ours[RIG_PORTS], theirs[RIG_PORTS];
	struct rte_mempool *pool;
	struct dp *dp;
	struct kit_key key;
	struct route_paths *paths;
	struct route_table *table;
	struct val_keys *keys;
	struct dp_hops *hops;
	struct dp_view view;
	_Atomic bool stop;
} rig;

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, rte_strerror(rte_errno));
	exit(1);
}

/* ---- EAL and ports ---- */

static void start_eal(const struct rig_spec *spec, const char *program)
{
	static char lcores[128], memory[16];
	char *argv[ARGS_MAX] = {(char *)(uintptr_t)program, "--no-pci", "--no-telemetry",
		"--in-memory", "--iova-mode=va", "--log-level=4", "--lcores", lcores, "-m", memory};
	unsigned n = spec->workers - spec->by_hand + spec->crypto, used;

	// The main lcore has the first CPU, the others share those that follow, and then all.
	used = (unsigned)snprintf(lcores, sizeof(lcores), "0@0");
	for (unsigned i = 1; i <= n; i++)
		used += (unsigned)snprintf(lcores + used, sizeof(lcores) - used, ",%u@%u", i,
			i % (unsigned)sysconf(_SC_NPROCESSORS_ONLN));
	snprintf(memory, sizeof(memory), "%u",
		1024 + spec->mbufs / 1024 + spec->transactions / 1024 * spec->workers);
	need(rte_eal_init(10, argv) >= 0, "EAL does not start");
}

static uint16_t ring_port(const char *name, struct rte_ring **rx, struct rte_ring **tx)
{
	uint16_t queues = rig.spec.workers;
	int id = rte_eth_from_rings(name, rx, queues, tx, queues, SOCKET_ID_ANY);

	need(id >= 0, "a port of rings");
	return (uint16_t)id;
}

static void start_port(uint16_t id)
{
	struct rte_eth_conf conf = {0};
	uint16_t queues = rig.spec.workers;

	need(rte_eth_dev_configure(id, queues, queues, &conf) == 0, "configuring a port");
	for (uint16_t q = 0; q < queues; q++)
		need(rte_eth_rx_queue_setup(id, q, 0, SOCKET_ID_ANY, NULL, rig.pool) == 0 &&
				rte_eth_tx_queue_setup(id, q, 0, SOCKET_ID_ANY, NULL) == 0,
			"queues of a port");
	need(rte_eth_dev_start(id) == 0, "starting a port");
}

static void make_ports(unsigned i)
{
	char name[32];

	for (unsigned way = 0; way < 2; way++) {
		for (unsigned q = 0; q < rig.spec.workers; q++) {
			snprintf(name, sizeof(name), "bench_%u_%u_%u", i, way, q);
			rig.ring[i][way][q] = rte_ring_create(
				name, RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
			need(rig.ring[i][way][q] != NULL, "rings");
		}
	}
	snprintf(name, sizeof(name), "swerve%u", i);
	rig.theirs[i] = ring_port(name, rig.ring[i][0], rig.ring[i][1]);
	snprintf(name, sizeof(name), "load%u", i);
	rig.ours[i] = ring_port(name, rig.ring[i][1], rig.ring[i][0]);
	start_port(rig.ours[i]);
}

/* ---- what the workers see ---- */

static void make_routes(struct dp_view *view)
{
	static struct route_site_config site = {.name = "here", .addr_count = 1};
	static uint16_t order_sites[] = {0};
	static struct route_order_config order = {
		.region = ROUTE_REGION_NONE, .site_count = 1, .sites = order_sites};
	static struct route_zone_config zone = {.order_count = 1, .orders = &order};
	const struct dns_hash_key hash_key = {5, 6};
	struct route_config c = {.site_count = 1, .sites = &site, .zone_count = 1, .zones = &zone};
	size_t n;

	site.addrs = &site_addr;
	kit_wire("com.", &zone.name);
	need(route_paths_new(&rig.paths) == 0 && route_paths_sync(rig.paths, &c) == 0, "paths");
	need(route_table_new(&c, rig.paths, NULL, 1, &hash_key, &rig.table) == 0, "a table");
	n = route_paths_count(rig.paths);
	rig.hops = calloc(1, sizeof(*rig.hops) + n * sizeof(rig.hops->hop[0]));
	need(rig.hops != NULL, "memory");
	rig.hops->count = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		rig.hops->hop[i] = (struct dp_hop){
			true, rig.spec.device != NULL ? 0 : RIG_SITES, rig_mac, rig_mac};
	view->table = rig.table;
	view->hops = rig.hops;
}

static void make_keys(struct dp_view *view)
{
	const struct kit_key *key = &rig.key;
	struct val_zone_keys zone;

	kit_key_new(&rig.key, 0x0100);
	kit_zone_keys(&zone, "com.", &key, 1, (uint32_t)time(NULL));
	if (!rig.spec.secure) {
		zone.status = VAL_ZONE_INSECURE;
		zone.why = VAL_R_UNSIGNED_ZONE;
	}
	need(val_keys_new(&zone, 1, &rig.keys) == 0, "keys");
	view->keys = rig.keys;
}

/* Parts and worker, but no lcore. */
static void start_by_hand(const struct dp_config *c, char *note, size_t note_size)
{
	need(dp_parts_new(c, SOCKET_ID_ANY, &rig.dp, note, note_size) == 0, note);
	for (unsigned i = 0; i < RIG_PORTS; i++) {
		if (i == RIG_CLIENTS && rig.spec.client_device != NULL) {
			need(dp_port_open(&rig.dp->cfg.ports[i], "", NULL, 0, rig.dp->pool,
				     &rig.dp->port[i], note, note_size) == 0,
				note);
			continue;
		}
		start_port(rig.theirs[i]);
		rig.dp->port[i] = (struct dp_port){.id = rig.theirs[i],
			.queues = c->worker_count,
			.mac = rig_mac,
			.claim = -1};
	}
	rig.dp->port_count = RIG_PORTS;
	need(dp_parts_workers(rig.dp) == 0, "a worker");
	for (unsigned i = 0; i < c->worker_count; i++)
		dp_worker_attach(rig.dp->worker[i]);
	for (unsigned i = 0; i < c->crypto_count; i++) {
		unsigned lcore = c->worker_count + i;

		rig.dp->crypto_arg[i] = (struct dp_crypto_arg){.c = rig.dp->crypto, .lcore = i};
		rig.dp->lcore[i] = lcore;
		need(rte_eal_remote_launch(dp_crypto_main, &rig.dp->crypto_arg[i], lcore) == 0,
			"an lcore");
		rig.dp->launched++;
	}
}

static void name_ports(struct dp_config *c)
{
	const char *given[RIG_PORTS] = {rig.spec.client_device, NULL};

	if (rig.spec.device != NULL)
		given[0] = rig.spec.device;
	for (unsigned i = 0; i < c->port_count; i++) {
		struct dp_port_config *p = &c->ports[i];

		snprintf(p->name, sizeof(p->name), "p%u", i);
		p->driver = DP_DRIVER_DEVICE;
		if (given[i] != NULL)
			snprintf(p->device, sizeof(p->device), "%s", given[i]);
		else
			rte_eth_dev_get_name_by_port(rig.theirs[i], p->device);
	}
}

static void start_dataplane(void)
{
	struct dp_config c = {
		.port_count = rig.spec.device != NULL ? 1 : RIG_PORTS,
		.worker_count = rig.spec.workers,
		.crypto_count = rig.spec.crypto,
		.service_count = 1,
		.service[0] = rig_service,
		.source[0] = source,
		.transactions = rig.spec.transactions,
		.timeout_ms = 4000, // a load tool that is held up is no reason to ask twice
		.budget_ms = 4090,
		.sigcache_entries = rig.spec.signatures,
		.cache.size_mb = rig.spec.cache_mb,
	};
	char note[1024];

	name_ports(&c);
	if (rig.spec.by_hand)
		start_by_hand(&c, note, sizeof(note));
	else
		need(dp_new(&c, &rig.dp, note, sizeof(note)) == 0, note);
	rig.view.number = 1;
	make_routes(&rig.view);
	make_keys(&rig.view);
	need(dp_publish(rig.dp, &rig.view, NULL, NULL) == 0, "a view");
}

/* What a client sends goes to the site, and back: nothing is looked at. */
static int wire_main(void *arg)
{
	(void)arg;
	while (!atomic_load_explicit(&rig.stop, memory_order_relaxed)) {
		for (unsigned i = 0; i < RIG_PORTS; i++) {
			void *m[32];
			unsigned n = rte_ring_sc_dequeue_burst(rig.ring[i][0][0], m, 32, NULL);
			unsigned put = rte_ring_sp_enqueue_burst(rig.ring[!i][1][0], m, n, NULL);

			while (put < n)
				rte_pktmbuf_free(m[put++]);
		}
	}
	return 0;
}

void rig_open(const struct rig_spec *spec, const char *program)
{
	rig.spec = *spec;
	start_eal(spec, program);
	rig.pool = rte_pktmbuf_pool_create("load", spec->mbufs, 256, 0,
		(uint16_t)(RTE_PKTMBUF_HEADROOM + (spec->mbufs > 200000 ? 512 : 2048)),
		SOCKET_ID_ANY);
	need(rig.pool != NULL, "the load tool's packets");
	for (unsigned i = 0; i < RIG_PORTS && spec->device == NULL; i++)
		make_ports(i);
	if (spec->wire)
		need(rte_eal_remote_launch(wire_main, NULL, 1) == 0, "an lcore");
	else
		start_dataplane();
}

/*
 * The worker's clock only goes while it is turned: when the thread loses its core, queries do not
 * grow old.
 */
uint64_t rig_turn(unsigned worker, uint64_t *packets)
{
	static uint64_t clock[QUEUES_MAX];
	struct dp_worker *w = rig.dp->worker[worker];
	uint64_t before = atomic_load_explicit(&w->counters.received, memory_order_relaxed);
	uint64_t start = rte_rdtsc(), cycles;

	if (clock[worker] == 0)
		clock[worker] = start;
	dp_worker_burst(w, clock[worker]);
	cycles = rte_rdtsc() - start;
	clock[worker] += RTE_MIN(cycles, rte_get_tsc_hz() / 10000);
	*packets = atomic_load_explicit(&w->counters.received, memory_order_relaxed) - before;
	return cycles;
}

void rig_close(void)
{
	atomic_store(&rig.stop, true);
	for (unsigned i = 0; rig.spec.by_hand && i < rig.spec.workers; i++)
		dp_worker_detach(rig.dp->worker[i]);
	if (rig.dp != NULL)
		dp_free(rig.dp);
	rte_eal_mp_wait_lcore();
	route_table_free(rig.table);
	route_paths_free(rig.paths);
	val_keys_free(rig.keys);
	free(rig.hops);
}

uint16_t rig_port(unsigned which)
{
	return rig.ours[which];
}

struct rte_mempool *rig_pool(void)
{
	return rig.pool;
}

/* ---- signed answers ---- */

static void add_signed(
	struct gen_answers *answers, const struct gen_question *q, const struct kit_sign *sign)
{
	static const uint8_t opt[] = {
		0, 0, 41, EDNS_ROOM >> 8, EDNS_ROOM & 0xff, 0, 0, 0x80, 0, 0, 0};
	static struct kit_msg m;
	struct kit_rdata a = kit_a(0xc0000250);
	char name[DNS_NAME_TEXT_MAX];
	uint8_t *dns;
	size_t len;

	dns_name_to_text(q->name, name, sizeof(name));
	kit_init(&m, name, DNS_TYPE_A, DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, name, DNS_TYPE_A, 300, &a, 1, sign);
	memcpy(m.buf + m.len, opt, sizeof(opt));
	m.len += sizeof(opt);
	m.counts[3]++;
	dns = kit_finish(&m, &len);
	need(gen_answers_add(answers, dns, len) == 0, "an answer");
	free(dns);
}

/* Warm names as they come in turn, cold ones as the second of every two. */
struct gen_answers *rig_sign(uint32_t warm, uint32_t cold)
{
	uint32_t now = (uint32_t)time(NULL);
	struct kit_sign sign = {
		.key = &rig.key,
		.signer = "com.",
		.labels = -1,
		.original_ttl = 300,
		.inception = now - 3600,
		.expiration = now + 86400,
	};
	struct gen_questions *q, *mixed = NULL;
	struct gen_answers *answers;
	char err[GEN_ERR_MAX];

	need(gen_answers_new(&answers) == 0, "memory");
	need(gen_questions_make(warm, "com.", &q, err) == 0, err);
	if (cold > 0)
		need(gen_questions_mix(1, cold, 2, "com.", &mixed, err) == 0, err);
	for (uint32_t i = 0; i < warm; i++) {
		struct gen_question at = gen_questions_at(q, i);

		add_signed(answers, &at, &sign);
	}
	for (uint32_t i = 0; i < cold; i++) {
		struct gen_question at = gen_questions_at(mixed, 2 * i + 1);

		add_signed(answers, &at, &sign);
	}
	gen_questions_free(q);
	gen_questions_free(mixed);
	need(gen_answers_index(answers) == 0, "memory");
	return answers;
}

/* ---- numbers ---- */

void rig_stats(struct dp_stats *out)
{
	memset(out, 0, sizeof(*out));
	if (rig.dp != NULL)
		dp_stats_sum(rig.dp, out);
}

void rig_tick(void)
{
	if (rig.dp != NULL)
		dp_poll(rig.dp, NULL, NULL);
}

/* "rte-worker-N": N is the lcore; the first ones are the dataplane's workers. */
static bool is_worker(const char *task)
{
	char path[300], comm[32] = "";
	unsigned lcore;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/comm", task);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	if (fgets(comm, sizeof(comm), f) == NULL)
		comm[0] = '\0';
	fclose(f);
	return sscanf(comm, "rte-worker-%u", &lcore) == 1 && lcore <= rig.spec.workers;
}

static uint64_t task_ns(const char *task)
{
	char path[300];
	unsigned long long ns = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/schedstat", task);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%llu", &ns) != 1)
		ns = 0;
	fclose(f);
	return ns;
}

uint64_t rig_cpu_ns(void)
{
	DIR *tasks = opendir("/proc/self/task");
	uint64_t sum = 0;

	for (struct dirent *e; tasks != NULL && (e = readdir(tasks)) != NULL;)
		if (e->d_name[0] != '.' && is_worker(e->d_name))
			sum += task_ns(e->d_name);
	if (tasks != NULL)
		closedir(tasks);
	return sum;
}
