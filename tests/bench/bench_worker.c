#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_launch.h>

#include "tests/bench/rig.h"

/**
 * Workers in this process, at full load: packets a second and cycles a packet, as JSON. A forwarded
 * query is two packets, it and its reply. The load keeps `in_flight` queries out: nothing is lost,
 * and the workers always have something to do.
 */

enum { WORKERS_MAX = 2, BLOCK_TURNS = 4, BLOCKS_MAX = 1 << 18, TICK_HZ = 20 };

struct options {
	struct rig_spec rig;
	double seconds, warm_s, hostile;
	uint32_t names, cold, in_flight, hold;
	bool signed_; // answers are signed, whether or not anybody looks
};

/* One worker's load, and what is seen of a worker turned by hand. */
struct load {
	unsigned worker;
	struct gen_clients *clients;
	struct gen_sites *sites;
	struct gen_end end[2];
	double *block; // cycles a packet of each block of turns
	unsigned block_count;
};

static struct options o;
static struct load loads[WORKERS_MAX];

static void usage(void)
{
	fputs("usage: bench_worker [--by-hand] [--workers N] [--crypto N] [--secure] [--signed]\n"
	      "  [--wire] [--cache MB] [--seconds S] [--names N] [--cold N] [--in-flight N] "
	      "[--hold N]\n"
	      "  [--hostile PERCENT] [--client-device DEVARGS | --device DEVARGS]\n"
	      "\n"
	      "  --by-hand  worker and load take turns on one core, each pair on its own; the\n"
	      "             median over blocks of turns says what a packet costs whatever else "
	      "the\n"
	      "             machine does\n"
	      "  --signed   answers are signed, but com. is insecure: nobody looks\n"
	      "  --secure   answers are signed and validated\n"
	      "  --wire     no worker between clients and sites: what the load tool can do\n"
	      "  --device D one port instead of rings, its other end is another process's load\n"
	      "  --cold N   every 100th query is for one of N names never asked before\n"
	      "  --hold N   sites answer only when N queries are with them\n",
		stderr);
	exit(2);
}

static void need(int err, const char *what)
{
	if (err == 0)
		return;
	fprintf(stderr, "bench_worker: %s: %s\n", what, strerror(-err));
	exit(1);
}

static double number(const char *text)
{
	char *end;
	double v = strtod(text, &end);

	if (*text == '\0' || *end != '\0' || !(v >= 0))
		usage();
	return v;
}

static void read_option(int c)
{
	switch (c) {
	case 'b':
		o.rig.by_hand = true;
		break;
	case 's':
		o.rig.secure = o.signed_ = true;
		break;
	case 'S':
		o.signed_ = true;
		break;
	case 'W':
		o.rig.wire = true;
		break;
	case 'w':
		o.rig.workers = (uint16_t)number(optarg);
		break;
	case 'c':
		o.rig.crypto = (uint16_t)number(optarg);
		break;
	case 't':
		o.seconds = number(optarg);
		break;
	case 'n':
		o.names = (uint32_t)number(optarg);
		break;
	case 'C':
		o.cold = (uint32_t)number(optarg);
		break;
	case 'i':
		o.in_flight = (uint32_t)number(optarg);
		break;
	case 'h':
		o.hold = (uint32_t)number(optarg);
		break;
	case 'H':
		o.hostile = number(optarg);
		break;
	case 'd':
		o.rig.client_device = optarg;
		break;
	case 'M':
		o.rig.cache_mb = (uint32_t)number(optarg);
		break;
	case 'D':
		o.rig.device = optarg;
		break;
	default:
		usage();
	}
}

static void read_options(int argc, char **argv)
{
	static const struct option longs[] = {{"by-hand", 0, NULL, 'b'}, {"secure", 0, NULL, 's'},
		{"signed", 0, NULL, 'S'}, {"wire", 0, NULL, 'W'}, {"workers", 1, NULL, 'w'},
		{"crypto", 1, NULL, 'c'}, {"seconds", 1, NULL, 't'}, {"names", 1, NULL, 'n'},
		{"cold", 1, NULL, 'C'}, {"in-flight", 1, NULL, 'i'}, {"hold", 1, NULL, 'h'},
		{"hostile", 1, NULL, 'H'}, {"client-device", 1, NULL, 'd'},
		{"device", 1, NULL, 'D'}, {"cache", 1, NULL, 'M'}, {0}};
	int c;

	o = (struct options){.rig = {.workers = 1, .transactions = 65536, .signatures = 1 << 20},
		.seconds = 1,
		.warm_s = 0.5,
		.names = 20000,
		.in_flight = 512};
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		read_option(c);
	if (optind != argc || o.rig.workers == 0 || o.rig.workers > WORKERS_MAX)
		usage();
	o.rig.mbufs = 32768 + (2 * o.hold + 4096) * o.rig.workers;
	o.rig.transactions = RTE_MAX(o.rig.transactions, o.hold + o.hold / 4);
	if (o.hold >= o.in_flight)
		o.in_flight = RTE_MIN(o.hold + 512, (uint32_t)GEN_IN_FLIGHT_MAX);
}

/* ---- the load ---- */

static void make_load(struct load *l, unsigned i, const struct gen_questions *q,
	const struct gen_answers *answers)
{
	struct gen_clients_config c = {
		.port_id = rig_port(RIG_CLIENTS),
		.queue = (uint16_t)i,
		.pool = rig_pool(),
		.src_mac = rig_mac,
		.dst_mac = rig_mac,
		.server[0] = rig_service,
		.client[0] = rig_client,
		.client_count = 50000,
		.edns_percent = 100,
		.do_percent = 100,
		.hostile_percent = o.hostile,
		.questions = q,
		.in_flight = o.in_flight,
		.timeout_ms = 60000,
		.seed = i + 1,
	};
	struct gen_sites_config s = {
		.port_id = rig_port(RIG_SITES),
		.queue = (uint16_t)i,
		.answers = answers,
		.make = true,
		.hold = o.hold,
		.seed = i + 7,
	};

	l->worker = i;
	need(gen_clients_new(&c, &l->clients), "clients");
	need(gen_sites_new(&s, &l->sites), "sites");
	l->block = calloc(BLOCKS_MAX, sizeof(*l->block));
	need(l->block != NULL ? 0 : -ENOMEM, "memory");
	l->end[0] = (struct gen_end){
		.port_id = c.port_id, .queue = c.queue, .clients = l->clients, .trust = true};
	l->end[1] = (struct gen_end){
		.port_id = s.port_id, .queue = s.queue, .sites = l->sites, .trust = true};
	// a port of EAL's own brings its queries along
	if (o.rig.client_device == NULL)
		gen_clients_rate(l->clients, INFINITY, rte_rdtsc());
}

/* Blocks are short: what interrupts a worker falls into a few, and the median does not see it. */
static void turn_worker(struct load *l)
{
	uint64_t cycles = 0, packets = 0, n;

	for (unsigned i = 0; i < BLOCK_TURNS; i++) {
		uint64_t now;

		cycles += rig_turn(l->worker, &n);
		packets += n;
		now = rte_rdtsc();
		gen_end_turn(&l->end[0], now);
		gen_end_turn(&l->end[1], now);
	}
	if (l->block_count < BLOCKS_MAX && packets > 0)
		l->block[l->block_count++] = (double)cycles / (double)packets;
}

static _Atomic uint64_t run_until;

static int run_by_hand(void *arg)
{
	struct load *l = arg;
	uint64_t tick = 0, now;

	l->block_count = 0;
	while ((now = rte_rdtsc()) < run_until) {
		turn_worker(l);
		if (l->worker == 0 && now >= tick) {
			rig_tick();
			tick = now + rte_get_tsc_hz() / TICK_HZ;
		}
	}
	return 0;
}

static void run_threads(void)
{
	uint64_t tick = 0, now;

	while ((now = rte_rdtsc()) < run_until) {
		if (o.rig.device != NULL)
			rte_delay_us_sleep(10000);
		for (unsigned i = 0; i < o.rig.workers && o.rig.device == NULL; i++) {
			gen_end_turn(&loads[i].end[0], now);
			gen_end_turn(&loads[i].end[1], now);
		}
		if (now >= tick) {
			rig_tick();
			tick = now + rte_get_tsc_hz() / TICK_HZ;
		}
	}
}

static void run_for(double seconds)
{
	run_until = rte_rdtsc() + (uint64_t)(seconds * (double)rte_get_tsc_hz());
	if (!o.rig.by_hand) {
		run_threads();
		return;
	}
	for (unsigned i = 1; i < o.rig.workers; i++)
		need(rte_eal_remote_launch(run_by_hand, &loads[i], i), "an lcore");
	run_by_hand(&loads[0]);
	for (unsigned i = 1; i < o.rig.workers; i++)
		rte_eal_wait_lcore(i);
}

/* Until the sites hold what they are to hold. */
static void fill(void)
{
	for (unsigned i = 0; i < 300; i++) {
		uint64_t held = 0;

		for (unsigned k = 0; k < o.rig.workers; k++)
			held += gen_sites_held(loads[k].sites);
		if (held >= (uint64_t)o.hold * o.rig.workers)
			return;
		run_for(0.1);
	}
	need(-ETIMEDOUT, "the sites never hold as many queries as they are to");
}

/* ---- what was seen ---- */

/* The other process takes its time to come. */
static void await_load(void)
{
	struct dp_stats s;

	fputs("ready\n", stderr);
	for (unsigned i = 0; i < 3000; i++) {
		rig_stats(&s);
		if (s.received > 1000)
			return;
		run_for(0.01);
	}
	need(-ETIMEDOUT, "no load comes");
}

struct counts {
	struct dp_stats dp;
	uint64_t cycles, cpu_ns, answered, lost, hostile, servfail, not_taken;
};

static struct counts count(void)
{
	struct counts c = {.cycles = rte_rdtsc(), .cpu_ns = rig_cpu_ns()};

	rig_stats(&c.dp);
	for (unsigned i = 0; i < o.rig.workers && o.rig.device == NULL; i++) {
		const struct gen_clients_stats *s = gen_clients_stats(loads[i].clients);

		c.answered += s->answered;
		c.lost += s->lost;
		c.hostile += s->hostile_sent;
		c.servfail += s->rcode[DNS_RCODE_SERVFAIL];
		c.not_taken += gen_sites_stats(loads[i].sites)->not_taken;
	}
	return c;
}

static int by_value(const void *pa, const void *pb)
{
	const double *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

static double percentile(const struct load *l, double percent)
{
	return l->block_count > 0 ? l->block[(unsigned)((l->block_count - 1) * percent / 100)] : 0;
}

/* Each worker's median, added up: what they do together when each has its core. */
static void report_by_hand(void)
{
	double pps = 0, cycles = 0, p10 = 0, p90 = 0;
	unsigned blocks = 0;

	for (unsigned i = 0; i < o.rig.workers; i++) {
		struct load *l = &loads[i];

		qsort(l->block, l->block_count, sizeof(l->block[0]), by_value);
		cycles += percentile(l, 50) / o.rig.workers;
		p10 += percentile(l, 10) / o.rig.workers;
		p90 += percentile(l, 90) / o.rig.workers;
		blocks += l->block_count;
		if (l->block_count > 0)
			pps += (double)rte_get_tsc_hz() / percentile(l, 50);
	}
	printf("\"blocks\": %u, \"cycles_p10\": %.1f, \"cycles_median\": %.1f, "
	       "\"cycles_p90\": %.1f, \"pps\": %.0f, ",
		blocks, p10, cycles, p90, pps);
}

/*
 * Packets a second of a core that is busy all the time: cycles in turns with work, less the share
 * of time in which the thread was not on a core.
 */
static void report_threads(const struct counts *a, const struct counts *b, double seconds)
{
	double packets = (double)(b->dp.received - a->dp.received);
	double busy_s = (double)(b->dp.busy_cycles - a->dp.busy_cycles) / (double)rte_get_tsc_hz();
	double on_core = (double)(b->cpu_ns - a->cpu_ns) / 1e9 / seconds / o.rig.workers;

	printf("\"pps_wall\": %.0f, \"busy_share\": %.3f, \"on_core\": %.3f, \"pps\": %.0f, ",
		packets / seconds, busy_s / seconds / o.rig.workers, on_core,
		busy_s > 0 && on_core > 0 ? packets / (busy_s * on_core) * o.rig.workers : 0);
}

static void report(const struct counts *a, const struct counts *b)
{
	double s = (double)(b->cycles - a->cycles) / (double)rte_get_tsc_hz();
	uint64_t dropped = 0;

	for (unsigned i = 0; i < DP_DROP_MAX; i++)
		dropped += b->dp.dropped[i] - a->dp.dropped[i];
	putchar('{');
	if (o.rig.by_hand)
		report_by_hand();
	else
		report_threads(a, b, s);
	printf("\"seconds\": %.3f, \"tsc_hz\": %.0f, \"packets\": %.0f, \"answered_qps\": %.0f, "
	       "\"hostile_qps\": %.0f, \"lost\": %.0f, \"servfail\": %.0f, \"dropped\": %.0f, "
	       "\"not_taken\": %.0f, \"retried\": %.0f, \"coalesced\": %.0f, \"transactions\": "
	       "%.0f, "
	       "\"cache_hits\": %.0f, \"secure\": %.0f, "
	       "\"sig_hits\": %.0f, \"sig_misses\": %.0f}\n",
		s, (double)rte_get_tsc_hz(), (double)(b->dp.received - a->dp.received),
		(double)(b->answered - a->answered) / s, (double)(b->hostile - a->hostile) / s,
		(double)(b->lost - a->lost), (double)(b->servfail - a->servfail), (double)dropped,
		(double)(b->not_taken - a->not_taken), (double)(b->dp.retried - a->dp.retried),
		(double)(b->dp.coalesced - a->dp.coalesced), (double)b->dp.transactions,
		(double)(b->dp.cache_hits - a->dp.cache_hits),
		(double)(b->dp.verdict[VAL_SECURE] - a->dp.verdict[VAL_SECURE]),
		(double)(b->dp.sig_hits - a->dp.sig_hits),
		(double)(b->dp.sig_misses - a->dp.sig_misses));
}

int main(int argc, char **argv)
{
	struct gen_questions *q;
	struct gen_answers *answers = NULL;
	struct counts before, after;
	char err[GEN_ERR_MAX] = "";

	read_options(argc, argv);
	rig_open(&o.rig, argv[0]);
	need(gen_questions_mix(o.names, o.cold, 100, "com.", &q, err), err);
	if (o.signed_)
		answers = rig_sign(o.names, o.cold);
	for (unsigned i = 0; i < o.rig.workers && o.rig.device == NULL; i++)
		make_load(&loads[i], i, q, answers);
	if (o.rig.device != NULL)
		await_load();
	else
		fill();
	// every name has been asked once, so that what is to be warm is warm
	for (double s = o.warm_s; s > 0; s -= 0.1)
		run_for(0.1);
	before = count();
	for (unsigned n = 0; o.rig.secure && n < 600 && before.dp.forwarded < o.names; n++) {
		run_for(0.1);
		before = count();
	}
	run_for(o.seconds);
	after = count();
	report(&before, &after);
	rig_close();
	return 0;
}
