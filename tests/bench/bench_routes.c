#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "routing/judge.h"
#include "routing/table.h"
#include "tests/bench/bench.h"
#include "tests/bench/pairs.h"

/**
 * Cost of a worker's look-ups and of control's rebuild at full size: 1,600 zones, 16 regions with
 * an order of their own, 4 sites with 2 families, 100,000 client prefixes. Clients, names and
 * regions are random, so the table is not in L1.
 */

enum { RUNS = 9, CALLS = 1 << 16, ZONES = 1600, REGIONS = 16, SITES = 4, PREFIXES = 100000 };

static struct route_config config;
static struct route_paths *paths;
static struct route_table *table;
static const struct dns_hash_key key = {0x1234567812345678, 0x8765432187654321};
static volatile uint64_t sink;

static struct {
	struct route_addr client;
	struct dns_name qname;
	uint16_t zone, region;
	uint32_t salt;
	struct route_tried tried;
} input[CALLS];

static uint64_t seed = 1;

static uint64_t rnd(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1d >> 16;
}

static void *array(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (p == NULL)
		abort();
	return p;
}

static struct route_addr random_addr(unsigned family)
{
	struct route_addr a = {.family = (uint8_t)family};

	for (unsigned i = 0; i < (family == 4 ? 4 : 8); i++)
		a.octets[i] = (uint8_t)rnd();
	if (family == 6)
		a.octets[0] = 0x20;
	return a;
}

static void make_config(void)
{
	config = (struct route_config){
		.site_count = SITES, .region_count = REGIONS, .zone_count = ZONES};
	config.sites = array(SITES, sizeof(*config.sites));
	config.regions = array(REGIONS, sizeof(*config.regions));
	config.zones = array(ZONES, sizeof(*config.zones));
	for (unsigned i = 0; i < SITES; i++) {
		snprintf(config.sites[i].name, ROUTE_SITE_NAME_MAX, "s%u", i);
		config.sites[i].addr_count = 2;
		config.sites[i].addrs = array(2, sizeof(struct route_addr));
		config.sites[i].addrs[0] = random_addr(4);
		config.sites[i].addrs[1] = random_addr(6);
	}
	for (unsigned i = 0; i < REGIONS; i++) {
		struct route_region_config *r = &config.regions[i];

		snprintf(r->name, ROUTE_SITE_NAME_MAX, "r%u", i);
		r->client_count = PREFIXES / REGIONS;
		r->clients = array(r->client_count, sizeof(*r->clients));
		for (size_t k = 0; k < r->client_count; k++) {
			unsigned family = rnd() % 2 ? 4 : 6;

			// the region is part of the prefix: none is in two of them
			r->clients[k] = (struct route_prefix){random_addr(family),
				(uint8_t)(family == 4 ? 16 + rnd() % 9 : 32 + rnd() % 17)};
			r->clients[k].addr.octets[1] =
				(uint8_t)((r->clients[k].addr.octets[1] & 0xf0) | i);
		}
	}
	for (unsigned z = 0; z < ZONES; z++) {
		char text[16];

		snprintf(text, sizeof(text), "tld%u.", z);
		dns_name_from_text(text, &config.zones[z].name);
		config.zones[z].order_count = REGIONS;
		config.zones[z].orders = array(REGIONS, sizeof(struct route_order_config));
		for (unsigned r = 0; r < REGIONS; r++) {
			struct route_order_config *o = &config.zones[z].orders[r];

			o->region = (uint16_t)r;
			o->site_count = SITES;
			o->sites = array(SITES, sizeof(uint16_t));
			for (unsigned s = 0; s < SITES; s++)
				o->sites[s] = (uint16_t)((s + z + r) % SITES);
		}
	}
}

static void make_input(void)
{
	for (unsigned i = 0; i < CALLS; i++) {
		char text[64];
		struct route_choice c;

		input[i].zone = (uint16_t)(rnd() % ZONES);
		input[i].region = (uint16_t)(rnd() % REGIONS);
		input[i].salt = (uint32_t)rnd();
		input[i].client = random_addr(rnd() % 2 ? 4 : 6);
		snprintf(text, sizeof(text), "www.name%u.tld%u.", i, input[i].zone);
		dns_name_from_text(text, &input[i].qname);
		route_table_choose(table, input[i].zone, input[i].region, 3, input[i].salt,
			&input[i].tried, &c);
		route_tried_add(&input[i].tried, table, &c);
	}
}

static void do_region(unsigned i)
{
	sink += route_table_region(table, &input[i].client);
}

static void do_zone(unsigned i)
{
	sink += (uint64_t)route_table_zone(table, input[i].qname.octets, false);
}

static void do_choose(unsigned i)
{
	static const struct route_tried none;
	struct route_choice c;

	route_table_choose(table, input[i].zone, input[i].region, 3, input[i].salt, &none, &c);
	sink += c.path;
}

static void do_retry(unsigned i)
{
	struct route_choice c;

	route_table_choose(
		table, input[i].zone, input[i].region, 3, input[i].salt, &input[i].tried, &c);
	sink += c.path;
}

static void do_all(unsigned i)
{
	static const struct route_tried none;
	struct route_choice c;
	uint16_t region = route_table_region(table, &input[i].client);
	int zone = route_table_zone(table, input[i].qname.octets, false);

	route_table_choose(table, zone, region, 3, input[i].salt, &none, &c);
	sink += c.path;
}

static void measure(const char *what, void (*work)(unsigned i))
{
	double best_ns = 1e18, best_cycles = 1e18;

	for (int run = 0; run < RUNS; run++) {
		double ns = bench_now_ns(), used;
		uint64_t start = bench_cycles();

		for (unsigned i = 0; i < CALLS; i++)
			work(i);
		used = (double)(bench_cycles() - start) / CALLS;
		ns = (bench_now_ns() - ns) / CALLS;
		best_cycles = used < best_cycles ? used : best_cycles;
		best_ns = ns < best_ns ? ns : best_ns;
	}
	printf("%-44s %8.0f cycles %8.1f ns\n", what, best_cycles, best_ns);
	bench_json("routes", what, "cycles", best_cycles);
}

static void rebuild(void)
{
	struct route_table *t;
	double best_ns = 1e18;

	for (int run = 0; run < RUNS; run++) {
		double ns = bench_now_ns();

		if (route_table_renew(table, paths, 2, &t) != 0)
			abort();
		ns = bench_now_ns() - ns;
		best_ns = ns < best_ns ? ns : best_ns;
		route_table_free(t);
	}
	printf("%-44s %26.1f us\n", "table after a change of state", best_ns / 1e3);
	bench_json("routes", "table after a change of state", "us", best_ns / 1e3);
}

static void judge_tick(void)
{
	struct route_sample *s = array(route_paths_count(paths), sizeof(*s));
	struct route_judge_params params;
	struct route_judge *j;
	double best_ns = 1e18;

	route_judge_defaults(&params);
	if (route_judge_new(&params, &j) != 0)
		abort();
	for (unsigned tick = 1; tick < 60; tick++) {
		double ns;

		for (size_t id = 0; id < route_paths_count(paths); id++)
			s[id].outcome[rnd() % 64 == 0 ? ROUTE_O_TIMEOUT : ROUTE_O_SECURE] +=
				rnd() % 20;
		ns = bench_now_ns();
		route_judge_tick(j, paths, s, tick * 50, 0, NULL, 0);
		ns = bench_now_ns() - ns;
		best_ns = ns < best_ns ? ns : best_ns;
	}
	printf("%-44s %26.1f us\n", "a tick of the judge, 12,800 paths with traffic",
		best_ns / 1e3);
	route_judge_free(j);
	free(s);
}

int main(void)
{
	double ns;

	make_config();
	if (route_paths_new(&paths) != 0 || route_paths_sync(paths, &config) != 0)
		return 1;
	ns = bench_now_ns();
	if (route_table_new(&config, paths, "r0", 1, &key, &table) != 0) {
		fprintf(stderr, "no table\n");
		return 1;
	}
	printf("%-44s %26.1f us\n", "table from a configuration", (bench_now_ns() - ns) / 1e3);
	make_input();
	measure("region of a client, 100,000 prefixes", do_region);
	measure("zone of a name with three labels", do_zone);
	measure("path, first try", do_choose);
	measure("path, second try", do_retry);
	measure("region, zone and path", do_all);
	rebuild();
	judge_tick();
	route_table_free(table);
	route_paths_free(paths);
	route_config_fini(&config);
	return 0;
}
