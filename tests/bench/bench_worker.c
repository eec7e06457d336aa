#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "tests/bench/rig.h"

/**
 * Workers in this process, at full load: packets a second and cycles a packet, as JSON. A forwarded
 * query is two packets, it and its reply. The load keeps `in_flight` queries out: nothing is lost,
 * and the workers always have something to do.
 */

enum { BLOCK_TURNS = 32, BLOCKS_MAX = 1 << 20 };

struct options {
	struct rig_spec rig;
	double seconds, warm_s, hostile;
	uint32_t names, cold, in_flight, hold;
};

static struct gen_clients *clients[2];
static struct gen_sites *sites[2];
static struct gen_end ends[4];
static unsigned end_count;
static bool by_hand;
// cycles a packet of each block of turns
static double block[BLOCKS_MAX];
static unsigned block_count;

static void usage(void)
{
	fputs("usage: bench_worker [--workers N] [--crypto N] [--secure] [--wire] [--by-hand]\n"
	      "  [--seconds S] [--names N] [--cold N] [--in-flight N] [--hold N] [--hostile "
	      "PERCENT]\n"
	      "  [--client-device DEVARGS]\n"
	      "\n"
	      "  --by-hand  worker and load take turns on one core; the median over blocks of "
	      "turns\n"
	      "             says what a packet costs whatever else the machine does\n"
	      "  --wire     no worker between clients and sites: what the load tool can do\n"
	      "  --cold N   every 100th query is for one of N names never asked before\n"
	      "  --hold N   sites answer only when N queries are with them\n",
		stderr);
	exit(2);
}

static double number(const char *text)
{
	char *end;
	double v = strtod(text, &end);

	if (*text == '\0' || *end != '\0' || !(v >= 0))
		usage();
	return v;
}

static void read_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {{"workers", 1, NULL, 'w'}, {"crypto", 1, NULL, 'c'},
		{"secure", 0, NULL, 's'}, {"wire", 0, NULL, 'W'}, {"seconds", 1, NULL, 't'},
		{"names", 1, NULL, 'n'}, {"cold", 1, NULL, 'C'}, {"in-flight", 1, NULL, 'i'},
		{"hold", 1, NULL, 'h'}, {"hostile", 1, NULL, 'H'}, {"client-device", 1, NULL, 'd'},
		{"by-hand", 0, NULL, 'b'}, {0}};
	int c;

	*o = (struct options){.rig = {.workers = 1, .transactions = 65536, .signatures = 1 << 20},
		.seconds = 1,
		.warm_s = 0.5,
		.names = 20000,
		.in_flight = 512};
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'w':
			o->rig.workers = (uint16_t)number(optarg);
			break;
		case 'c':
			o->rig.crypto = (uint16_t)number(optarg);
			break;
		case 's':
			o->rig.secure = true;
			break;
		case 'W':
			o->rig.wire = true;
			break;
		case 't':
			o->seconds = number(optarg);
			break;
		case 'n':
			o->names = (uint32_t)number(optarg);
			break;
		case 'C':
			o->cold = (uint32_t)number(optarg);
			break;
		case 'i':
			o->in_flight = (uint32_t)number(optarg);
			break;
		case 'h':
			o->hold = (uint32_t)number(optarg);
			break;
		case 'H':
			o->hostile = number(optarg);
			break;
		case 'b':
			o->rig.by_hand = true;
			break;
		case 'd':
			o->rig.client_device = optarg;
			break;
		default:
			usage();
		}
	}
	if (optind != argc || o->rig.workers == 0 || o->rig.workers > 2)
		usage();
	o->rig.mbufs = 32768 + 2 * o->hold;
	o->rig.transactions = RTE_MAX(o->rig.transactions, o->hold + o->hold / 4);
	if (o->hold >= o->in_flight)
		o->in_flight = o->hold + 512;
}

static void need(int err, const char *what)
{
	if (err == 0)
		return;
	fprintf(stderr, "bench_worker: %s: %s\n", what, strerror(-err));
	exit(1);
}

/* What is asked: the names in turn, or with every hundredth one that nobody has asked. */
static struct gen_questions *make_questions(const struct options *o)
{
	char err[GEN_ERR_MAX];
	struct gen_questions *q;

	need(gen_questions_mix(o->names, o->cold, 100, "com.", &q, err), "questions");
	return q;
}

static void make_ends(
	const struct options *o, const struct gen_questions *q, const struct gen_answers *answers)
{
	for (uint16_t i = 0; i < o->rig.workers; i++) {
		struct gen_clients_config c = {
			.port_id = rig_port(RIG_CLIENTS),
			.queue = i,
			.pool = rig_pool(),
			.src_mac = rig_mac,
			.dst_mac = rig_mac,
			.server[0] = rig_service,
			.client[0] = rig_client,
			.client_count = 50000,
			.edns_percent = 100,
			.do_percent = 100,
			.hostile_percent = o->hostile,
			.questions = q,
			.in_flight = o->in_flight,
			.timeout_ms = 5000,
			.seed = i + 1,
		};
		struct gen_sites_config s = {
			.port_id = rig_port(RIG_SITES),
			.queue = i,
			.answers = answers,
			.make = true,
			.hold = o->hold,
			.seed = i + 7,
		};

		need(gen_clients_new(&c, &clients[i]), "clients");
		need(gen_sites_new(&s, &sites[i]), "sites");
		ends[end_count++] = (struct gen_end){
			.port_id = c.port_id, .queue = i, .clients = clients[i], .trust = true};
		ends[end_count++] = (struct gen_end){
			.port_id = s.port_id, .queue = i, .sites = sites[i], .trust = true};
	}
}

/* A worker turned by hand is measured block by block: what interrupts it spoils a few of them. */
static void note_turn(void)
{
	static uint64_t cycles, packets;
	static unsigned turns;
	uint64_t n;

	cycles += rig_turn(&n);
	packets += n;
	if (++turns < BLOCK_TURNS)
		return;
	if (block_count < BLOCKS_MAX && packets > 0)
		block[block_count++] = (double)cycles / (double)packets;
	cycles = packets = turns = 0;
}

static void turn_for(double seconds)
{
	uint64_t end = rte_rdtsc() + (uint64_t)(seconds * (double)rte_get_tsc_hz());
	uint64_t tick = 0, now;

	block_count = 0;
	while ((now = rte_rdtsc()) < end) {
		if (by_hand)
			note_turn();
		for (unsigned i = 0; i < end_count; i++)
			gen_end_turn(&ends[i], now);
		if (now >= tick) {
			rig_tick();
			tick = now + rte_get_tsc_hz() / 20;
		}
	}
}

/* Until the sites hold what they are to hold. */
static void fill(const struct options *o)
{
	for (unsigned i = 0; i < 100; i++) {
		uint32_t held = 0;

		for (unsigned k = 0; k < o->rig.workers; k++)
			held += gen_sites_held(sites[k]);
		if (held >= (uint64_t)o->hold * o->rig.workers)
			return;
		turn_for(0.1);
	}
	need(-ETIMEDOUT, "the sites never hold as many queries as they are to");
}

struct counts {
	struct dp_stats dp;
	uint64_t cycles, cpu_ns, answered, lost, hostile, servfail;
};

static struct counts count(const struct options *o)
{
	struct counts c = {.cycles = rte_rdtsc(), .cpu_ns = rig_cpu_ns()};

	rig_stats(&c.dp);
	for (unsigned i = 0; i < o->rig.workers; i++) {
		const struct gen_clients_stats *s = gen_clients_stats(clients[i]);

		c.answered += s->answered;
		c.lost += s->lost;
		c.hostile += s->hostile_sent;
		c.servfail += s->rcode[DNS_RCODE_SERVFAIL];
	}
	return c;
}

static int by_value(const void *pa, const void *pb)
{
	const double *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

static double percentile_of_blocks(double percent)
{
	return block_count > 0 ? block[(unsigned)((block_count - 1) * percent / 100)] : 0;
}

static void report_blocks(void)
{
	double median, hz = (double)rte_get_tsc_hz();

	qsort(block, block_count, sizeof(block[0]), by_value);
	median = percentile_of_blocks(50);
	printf("\"blocks\": %u, \"cycles_p10\": %.1f, \"cycles_median\": %.1f, "
	       "\"cycles_p90\": %.1f, \"pps_median\": %.0f, ",
		block_count, percentile_of_blocks(10), median, percentile_of_blocks(90),
		median > 0 ? hz / median : 0);
}

static void report(const struct counts *a, const struct counts *b)
{
	double s = (double)(b->cycles - a->cycles) / (double)rte_get_tsc_hz();
	double packets = (double)(b->dp.received - a->dp.received);
	double busy = (double)(b->dp.busy_cycles - a->dp.busy_cycles);
	double cpu_s = (double)(b->cpu_ns - a->cpu_ns) / 1e9;
	uint64_t dropped = 0;

	for (unsigned i = 0; i < DP_DROP_MAX; i++)
		dropped += b->dp.dropped[i] - a->dp.dropped[i];
	putchar('{');
	if (by_hand)
		report_blocks();
	printf("\"seconds\": %.3f, \"tsc_hz\": %.0f, \"packets\": %.0f, \"pps\": %.0f, "
	       "\"answered_qps\": %.0f, \"hostile_qps\": %.0f, \"lost\": %.0f, \"servfail\": %.0f, "
	       "\"dropped\": %.0f, \"cycles_per_packet\": %.1f, \"busy_share\": %.3f, "
	       "\"cpu_seconds\": %.3f, \"pps_per_cpu\": %.0f, \"transactions\": %.0f, "
	       "\"secure\": %.0f, \"sig_hits\": %.0f, \"sig_misses\": %.0f}\n",
		s, (double)rte_get_tsc_hz(), packets, packets / s,
		(double)(b->answered - a->answered) / s, (double)(b->hostile - a->hostile) / s,
		(double)(b->lost - a->lost), (double)(b->servfail - a->servfail), (double)dropped,
		packets > 0 ? busy / packets : 0, busy / (double)(b->cycles - a->cycles), cpu_s,
		cpu_s > 0 ? packets / cpu_s : 0, (double)b->dp.transactions,
		(double)(b->dp.verdict[VAL_SECURE] - a->dp.verdict[VAL_SECURE]),
		(double)(b->dp.sig_hits - a->dp.sig_hits),
		(double)(b->dp.sig_misses - a->dp.sig_misses));
}

int main(int argc, char **argv)
{
	struct options o;
	struct gen_questions *q;
	struct gen_answers *answers = NULL;
	struct counts before, after;

	read_options(argc, argv, &o);
	by_hand = o.rig.by_hand;
	rig_open(&o.rig, argv[0]);
	q = make_questions(&o);
	if (o.rig.secure)
		answers = rig_sign(q);
	make_ends(&o, q, answers);
	for (unsigned i = 0; i < o.rig.workers; i++)
		gen_clients_rate(clients[i], INFINITY, rte_rdtsc());
	fill(&o);
	turn_for(o.warm_s);
	before = count(&o);
	turn_for(o.seconds);
	after = count(&o);
	report(&before, &after);
	rig_close();
	return 0;
}
