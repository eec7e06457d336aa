#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_lpm.h>
#include <rte_lpm6.h>
#include <rte_malloc.h>

#include "routing/regions_priv.h"
#include "tests/bench/bench.h"
#include "tests/bench/pairs.h"

/**
 * Client prefix → region: routing's own trie beside rte_lpm and rte_lpm6, over the same 100,000
 * prefixes of each family with the lengths that a full table of the Internet has. Both must say
 * the same of every client, or the program fails. Arguments are EAL's; without any it does without
 * hugepages, which is to the disadvantage of rte_lpm's wide tables.
 */

enum { RUNS = 9, CALLS = 1 << 16, REGIONS = 16, PREFIXES = 100000 };

struct length {
	uint8_t len, percent;
};

// Shares of prefix lengths among announced routes, rounded.
static const struct length lengths_v4[] = {
	{24, 61}, {23, 10}, {22, 11}, {21, 5}, {20, 4}, {19, 3}, {18, 2}, {17, 1}, {16, 3}};
static const struct length lengths_v6[] = {
	{48, 48}, {44, 11}, {40, 11}, {36, 6}, {32, 14}, {29, 5}, {46, 3}, {47, 2}};

/** One family's prefixes, the clients that are looked up, and what is built of them. */
struct family {
	const char *name;
	unsigned family;
	const struct length *lengths;
	struct route_prefix *prefix;
	struct route_addr *client;
	struct route_regions *own;
	struct rte_lpm *lpm;
	struct rte_lpm6 *lpm6;
	double own_ns, lpm_ns; // to build
	size_t own_bytes, lpm_bytes;
};

static uint64_t seed = 1;
static volatile uint64_t sink;

static uint64_t rnd(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1d >> 16;
}

static void need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "bench_lpm: %s\n", what);
	exit(1);
}

static void *array(size_t count, size_t size)
{
	void *p = calloc(count, size);

	need(p != NULL, "no memory");
	return p;
}

/* ---- what is looked up ---- */

static uint8_t random_length(const struct length *l)
{
	unsigned pick = (unsigned)(rnd() % 100);

	while (pick >= l->percent) {
		pick -= l->percent;
		l++;
	}
	return l->len;
}

static struct route_addr random_addr(unsigned family)
{
	struct route_addr a = {.family = (uint8_t)family};

	for (unsigned i = 0; i < route_addr_len(&a); i++)
		a.octets[i] = (uint8_t)rnd();
	if (family == 6)
		a.octets[0] = 0x20;
	return a;
}

static void cut(struct route_prefix *p)
{
	for (size_t bit = p->len; bit < route_addr_len(&p->addr) * 8; bit++)
		p->addr.octets[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

/* By its octets: a prefix that is drawn twice has one region. */
static uint32_t region_of(const struct route_prefix *p)
{
	uint32_t sum = p->len;

	for (size_t i = 0; i < route_addr_len(&p->addr); i++)
		sum = sum * 31 + p->addr.octets[i];
	return (sum >> 7) % REGIONS;
}

/* Most clients are under some prefix, as on a server that knows where its clients are. */
static void draw(struct family *f)
{
	f->prefix = array(PREFIXES, sizeof(*f->prefix));
	f->client = array(CALLS, sizeof(*f->client));
	for (unsigned i = 0; i < PREFIXES; i++) {
		f->prefix[i].addr = random_addr(f->family);
		f->prefix[i].len = random_length(f->lengths);
		cut(&f->prefix[i]);
	}
	for (unsigned i = 0; i < CALLS; i++) {
		const struct route_prefix *p = &f->prefix[rnd() % PREFIXES];

		f->client[i] = random_addr(f->family);
		if (rnd() % 10 > 0)
			memcpy(f->client[i].octets, p->addr.octets, p->len / 8);
	}
}

/* ---- ours ---- */

static void build_own(struct family *f)
{
	struct route_region_config region[REGIONS] = {0};
	struct route_config c = {.region_count = REGIONS, .regions = region};
	size_t before;

	for (unsigned r = 0; r < REGIONS; r++)
		region[r].clients = array(PREFIXES, sizeof(struct route_prefix));
	for (unsigned i = 0; i < PREFIXES; i++) {
		struct route_region_config *r = &region[region_of(&f->prefix[i])];

		r->clients[r->client_count++] = f->prefix[i];
	}
	before = mallinfo2().uordblks + mallinfo2().hblkhd;
	f->own_ns = bench_now_ns();
	need(route_regions_new(&c, &f->own) == 0, "no trie");
	f->own_ns = bench_now_ns() - f->own_ns;
	f->own_bytes = mallinfo2().uordblks + mallinfo2().hblkhd - before;
	for (unsigned r = 0; r < REGIONS; r++)
		free(region[r].clients);
}

/* ---- DPDK's ---- */

static size_t heap_bytes(void)
{
	struct rte_malloc_socket_stats s;

	need(rte_malloc_get_socket_stats((int)rte_socket_id(), &s) == 0, "no heap of EAL's");
	return s.heap_allocsz_bytes;
}

static uint32_t ip_of(const struct route_addr *a)
{
	return (uint32_t)a->octets[0] << 24 | (uint32_t)a->octets[1] << 16 |
	       (uint32_t)a->octets[2] << 8 | a->octets[3];
}

/* @retval -ENOSPC more second tables are needed */
static int fill_lpm(struct family *f)
{
	int err = 0;

	for (unsigned i = 0; i < PREFIXES && err == 0; i++) {
		const struct route_prefix *p = &f->prefix[i];

		err = f->family == 4 ? rte_lpm_add(f->lpm, ip_of(&p->addr), p->len, region_of(p))
				     : rte_lpm6_add(f->lpm6, p->addr.octets, p->len, region_of(p));
	}
	return err;
}

static void new_lpm(struct family *f, uint32_t tables)
{
	struct rte_lpm_config four = {.max_rules = PREFIXES, .number_tbl8s = tables};
	struct rte_lpm6_config six = {.max_rules = PREFIXES, .number_tbl8s = tables};

	if (f->family == 4)
		f->lpm = rte_lpm_create(f->name, SOCKET_ID_ANY, &four);
	else
		f->lpm6 = rte_lpm6_create(f->name, SOCKET_ID_ANY, &six);
	need(f->lpm != NULL || f->lpm6 != NULL, "EAL's memory does not hold rte_lpm's tables");
}

static void free_lpm(struct family *f)
{
	rte_lpm_free(f->lpm);
	rte_lpm6_free(f->lpm6);
	f->lpm = NULL;
	f->lpm6 = NULL;
}

/* With as few second tables as a power of two allows: it takes all of them at once. */
static void build_lpm(struct family *f)
{
	for (uint32_t tables = 256;; tables *= 2) {
		size_t before = heap_bytes();
		int err;

		f->lpm_ns = bench_now_ns();
		new_lpm(f, tables);
		err = fill_lpm(f);
		f->lpm_ns = bench_now_ns() - f->lpm_ns;
		f->lpm_bytes = heap_bytes() - before;
		if (err == 0)
			return;
		need(err == -ENOSPC, "a prefix that rte_lpm does not take");
		free_lpm(f);
	}
}

/* ---- side by side ---- */

static uint16_t find_own(const struct family *f, unsigned i)
{
	return route_regions_find(f->own, &f->client[i]);
}

static uint16_t find_lpm(const struct family *f, unsigned i)
{
	uint32_t region = 0;
	int err = f->family == 4 ? rte_lpm_lookup(f->lpm, ip_of(&f->client[i]), &region)
				 : rte_lpm6_lookup(f->lpm6, f->client[i].octets, &region);

	return err == 0 ? (uint16_t)region : ROUTE_REGION_NONE;
}

static double run(const struct family *f, uint16_t (*find)(const struct family *f, unsigned i))
{
	uint64_t start = bench_cycles();

	for (unsigned i = 0; i < CALLS; i++)
		sink += find(f, i);
	return (double)(bench_cycles() - start) / CALLS;
}

static void report(const struct family *f, const char *who, double cycles, double ns, size_t bytes)
{
	char what[64];

	snprintf(what, sizeof(what), "region of a client, %s, %s", f->name, who);
	printf("%-44s %8.0f cycles %8.1f ms to build %8.1f MB\n", what, cycles, ns / 1e6,
		(double)bytes / 1e6);
	bench_json("lpm", what, "cycles", cycles);
}

static void measure(const struct family *f)
{
	double own = 1e18, lpm = 1e18;
	unsigned apart = 0;

	for (unsigned i = 0; i < CALLS; i++)
		apart += find_own(f, i) != find_lpm(f, i);
	need(apart == 0, "the two do not agree");
	for (unsigned i = 0; i < RUNS; i++) {
		double a = run(f, find_own), b = run(f, find_lpm);

		own = a < own ? a : own;
		lpm = b < lpm ? b : lpm;
	}
	report(f, "own", own, f->own_ns, f->own_bytes);
	report(f, f->family == 4 ? "rte_lpm" : "rte_lpm6", lpm, f->lpm_ns, f->lpm_bytes);
	printf("%-44s %8.2f\n", "ratio, DPDK's over ours", lpm / own);
}

int main(int argc, char **argv)
{
	char *small[] = {argv[0], "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry",
		"--log-level=4", "-m", "3072"};
	struct family families[] = {{.name = "IPv4", .family = 4, .lengths = lengths_v4},
		{.name = "IPv6", .family = 6, .lengths = lengths_v6}};
	int err = argc > 1 ? rte_eal_init(argc, argv) : rte_eal_init(8, small);

	need(err >= 0, "EAL does not start");
	for (unsigned i = 0; i < 2; i++) {
		draw(&families[i]);
		build_own(&families[i]);
		build_lpm(&families[i]);
		measure(&families[i]);
		free_lpm(&families[i]);
		route_regions_free(families[i].own);
		free(families[i].prefix);
		free(families[i].client);
	}
	rte_eal_cleanup();
	return 0;
}
