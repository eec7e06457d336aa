#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/rcache.h"
#include "dns/wire.h"
#include "tests/bench/bench.h"
#include "tests/bench/pairs.h"

/**
 * What the response cache should keep, and what a look-up costs.
 *
 * First, hit rates: policies play the same traces of questions over NAMES names whose popularity is
 * Zipf's. `plain` is only that; in `storm` every other question is for a name that never comes
 * again (a random-subdomain attack); in `scan` somebody walks through all names for a quarter of
 * the time. Only Zipf's own questions are counted. The last column is the cache itself with answers
 * of one chunk, in shards, and room for as many. Second, cycles of the cache's own calls.
 */

enum {
	NAMES = 200000,
	REQUESTS = 1500000,
	WARM = REQUESTS / 3, // not counted
	KEYS = NAMES + REQUESTS,
	SCAN_PHASE = 25000,
	CHUNKS_A_SHARD = 1024,
	NONE = -1,
};

static const struct dns_hash_key hash_key = {0x0123456789abcdef, 0xfedcba9876543210};

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench_rcache: %s\n", what);
	exit(1);
}

/* ---- traces ---- */

enum trace { PLAIN, STORM, SCAN, TRACES };
static const char *const trace_names[] = {"plain", "storm", "scan"};

static double popularity[NAMES]; // sums
static uint64_t random_state;

static uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void set_popularity(double alpha)
{
	double sum = 0;

	for (int i = 0; i < NAMES; i++)
		popularity[i] = sum += pow(i + 1, -alpha);
}

static int zipf(void)
{
	double at = (double)(random64() >> 11) / (double)(1ull << 53) * popularity[NAMES - 1];
	int low = 0, high = NAMES - 1;

	while (low < high) {
		int mid = (low + high) / 2;

		if (popularity[mid] < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* @return the r-th question of a trace; *counts: it is one of Zipf's */
static int question(enum trace t, int r, bool *counts)
{
	*counts = false;
	if (t == STORM && random64() % 2 == 0)
		return NAMES + r;
	if (t == SCAN && r / SCAN_PHASE % 4 == 3)
		return (int)((uint64_t)r * 7919 % NAMES);
	*counts = true;
	return zipf();
}

/* ---- policies ---- */

enum policy { FIFO, LRU, CLOCK_1, CLOCK_2, SIEVE, S3_FIFO, POLICIES };
static const char *const policy_names[] = {
	"FIFO", "LRU", "CLOCK", "CLOCK 2 bit", "SIEVE", "S3-FIFO"};

static struct entry {
	int newer, older, key, hits, list;
} * entries;
static int where[KEYS], left_at[KEYS]; // entry of a key; when it left S3-FIFO's small queue
static struct {
	int newest, oldest, count;
} lists[2];
static int capacity, used, hand, departures;

static void detach(int e)
{
	struct entry *x = &entries[e];
	int l = x->list;

	*(x->newer != NONE ? &entries[x->newer].older : &lists[l].newest) = x->older;
	*(x->older != NONE ? &entries[x->older].newer : &lists[l].oldest) = x->newer;
	lists[l].count--;
}

static void attach(int e, int l)
{
	entries[e].list = l;
	entries[e].newer = NONE;
	entries[e].older = lists[l].newest;
	*(lists[l].newest != NONE ? &entries[lists[l].newest].newer : &lists[l].oldest) = e;
	lists[l].newest = e;
	lists[l].count++;
}

static int remove_entry(int e)
{
	if (hand == e)
		hand = entries[e].newer;
	detach(e);
	where[entries[e].key] = NONE;
	return e;
}

static int evict_clock(void)
{
	int e;

	while (entries[e = lists[0].oldest].hits > 0) {
		entries[e].hits--;
		detach(e);
		attach(e, 0);
	}
	return remove_entry(e);
}

static int evict_sieve(void)
{
	if (hand == NONE)
		hand = lists[0].oldest;
	while (entries[hand].hits > 0) {
		entries[hand].hits = 0;
		hand = entries[hand].newer != NONE ? entries[hand].newer : lists[0].oldest;
	}
	return remove_entry(hand);
}

static int evict_s3(void)
{
	for (;;) {
		int from = lists[0].count * 10 >= capacity || lists[1].count == 0 ? 0 : 1;
		int e = lists[from].oldest, hits = entries[e].hits;

		if (hits <= (from == 0 ? 1 : 0)) {
			if (from == 0)
				left_at[entries[e].key] = ++departures;
			return remove_entry(e);
		}
		detach(e);
		entries[e].hits = from == 0 ? 0 : hits - 1;
		attach(e, 1);
	}
}

static int evict(enum policy p)
{
	switch (p) {
	case CLOCK_1:
	case CLOCK_2:
		return evict_clock();
	case SIEVE:
		return evict_sieve();
	case S3_FIFO:
		return evict_s3();
	default:
		return remove_entry(lists[0].oldest);
	}
}

static bool is_remembered(int key)
{
	return left_at[key] > 0 && departures - left_at[key] < capacity;
}

static bool play_one(enum policy p, int key)
{
	int e = where[key], most = p == CLOCK_2 || p == S3_FIFO ? 3 : 1;

	if (e != NONE && p == LRU) {
		detach(e);
		attach(e, 0);
	}
	if (e != NONE) {
		entries[e].hits += entries[e].hits < most;
		return true;
	}
	e = used < capacity ? used++ : evict(p);
	entries[e].key = key;
	entries[e].hits = 0;
	where[key] = e;
	attach(e, p == S3_FIFO && is_remembered(key));
	return false;
}

static double play(enum policy p, enum trace t, int size)
{
	long hits = 0, asked = 0;

	capacity = size;
	used = departures = 0;
	hand = NONE;
	random_state = 88172645463325252ull;
	memset(where, 0xff, sizeof(where));
	memset(left_at, 0, sizeof(left_at));
	for (int l = 0; l < 2; l++)
		lists[l].newest = lists[l].oldest = NONE, lists[l].count = 0;
	for (int r = 0; r < REQUESTS; r++) {
		bool counts, hit = play_one(p, question(t, r, &counts));

		hits += counts && r >= WARM && hit;
		asked += counts && r >= WARM;
	}
	return (double)hits / (double)asked;
}

/* ---- the cache itself ---- */

static void name_of(int key, struct dns_name *out)
{
	char text[32];

	snprintf(text, sizeof(text), "n%d.example.", key);
	need(dns_name_from_text(text, out) == 0, "a name");
}

static void answer(struct dp_rcache_copy *a, const struct dns_name *name, size_t len)
{
	uint8_t *q = dp_rcache_msg(a) + DNS_HEADER_LEN;

	memset(&a->head, 0, sizeof(a->head));
	a->head.ends_s = 300;
	a->head.len = (uint16_t)len;
	a->head.form = DP_RCACHE_BOTH;
	memcpy(q, name->octets, name->len);
	dns_put16(q + name->len, DNS_TYPE_A);
}

static double play_cache(enum trace t, int shards)
{
	static struct dp_rcache_copy a;
	struct dp_rcache *c;
	long hits = 0, asked = 0;

	need(dp_rcache_new((size_t)shards * dp_rcache_min_bytes(), -1, &hash_key, &c) == 0,
		"a cache");
	random_state = 88172645463325252ull;
	for (int r = 0; r < REQUESTS; r++) {
		struct dns_name name;
		struct dp_rcache_key k = {&name, DNS_TYPE_A, 0xffff, 1};
		uint64_t hash;
		bool counts, hit;

		name_of(question(t, r, &counts), &name);
		hash = dp_rcache_hash(c, &k);
		hit = dp_rcache_get(c, &k, hash, DP_RCACHE_PLAIN, &a);
		hits += counts && r >= WARM && hit;
		asked += counts && r >= WARM;
		if (hit)
			continue;
		answer(&a, &name, 100);
		dp_rcache_put(c, &k, hash, &a, 0, 0);
	}
	dp_rcache_free(c);
	return (double)hits / (double)asked;
}

static void tell(const char *who, double alpha, enum trace t, int size, double rate)
{
	char figure[96];

	printf("%12.4f", rate);
	fflush(stdout);
	snprintf(figure, sizeof(figure), "%s, Zipf %.1f, %s, %d entries", who, alpha,
		trace_names[t], size);
	bench_json("rcache", figure, "hit rate", rate);
}

static void rates(void)
{
	static const double alphas[] = {0.8, 1.0};
	static const int shards[] = {2, 20}; // 1 % and 10 % of the names

	printf("hit rates   %-18s", "");
	for (int p = 0; p < POLICIES; p++)
		printf("%12s", policy_names[p]);
	printf("%12s\n", "the cache");
	for (unsigned i = 0; i < 4 * TRACES; i++) {
		double alpha = alphas[i / (2 * TRACES)];
		enum trace t = (enum trace)(i / 2 % TRACES);
		int size = shards[i % 2] * CHUNKS_A_SHARD;

		if (i % (2 * TRACES) == 0)
			set_popularity(alpha);
		printf("Zipf %.1f  %-6s %6d entries", alpha, trace_names[t], size);
		for (int p = 0; p < POLICIES; p++)
			tell(policy_names[p], alpha, t, size, play((enum policy)p, t, size));
		tell("the cache", alpha, t, size, play_cache(t, shards[i % 2]));
		printf("\n");
	}
}

/* ---- cycles ---- */

enum { RUNS = 15, CALLS = 20000, MANY = 100000, FEW = 64, BIG_SHARDS = 512, ANSWER_LEN = 500 };

static struct {
	struct dp_rcache *cache;
	struct dns_name *name; // MANY that are in the cache, as many that are not
} bench;
static volatile uint64_t sink;

static void look_up(unsigned n)
{
	static struct dp_rcache_copy a;
	struct dp_rcache_key k = {&bench.name[n], DNS_TYPE_A, 0xffff, 1};

	sink = dp_rcache_get(bench.cache, &k, dp_rcache_hash(bench.cache, &k), DP_RCACHE_PLAIN, &a);
}

static void hit_hot(unsigned i)
{
	look_up(i % FEW);
}

static void hit_cold(unsigned i)
{
	look_up(i * 2654435761u % MANY);
}

static void miss(unsigned i)
{
	look_up(MANY + i * 2654435761u % MANY);
}

static void put(unsigned i)
{
	static struct dp_rcache_copy a;
	const struct dns_name *name = &bench.name[i * 2654435761u % MANY];
	struct dp_rcache_key k = {name, DNS_TYPE_A, 0xffff, 1};

	answer(&a, name, ANSWER_LEN);
	sink = dp_rcache_put(bench.cache, &k, dp_rcache_hash(bench.cache, &k), &a, 0, 0);
}

static struct {
	const char *name;
	void (*work)(unsigned i);
	double best;
} rows[] = {
	{"hash and hit, 64 answers of 500 octets", hit_hot, 1e18},
	{"hash and hit, one of 100,000", hit_cold, 1e18},
	{"hash and miss", miss, 1e18},
	{"hash and put, in place of an older answer", put, 1e18},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void measure(unsigned row)
{
	uint64_t start = bench_cycles();
	double cycles;

	for (unsigned i = 0; i < CALLS; i++)
		rows[row].work(i);
	cycles = (double)(bench_cycles() - start) / CALLS;
	if (cycles < rows[row].best)
		rows[row].best = cycles;
}

static void costs(void)
{
	bench.name = calloc(2 * MANY, sizeof(*bench.name));
	need(bench.name != NULL && dp_rcache_new(BIG_SHARDS * dp_rcache_min_bytes(), -1, &hash_key,
					   &bench.cache) == 0,
		"memory");
	for (int i = 0; i < 2 * MANY; i++)
		name_of(i, &bench.name[i]);
	for (unsigned i = 0; i < MANY; i++) // every number once: the factor is odd
		put(i);
	for (int run = 0; run < RUNS; run++)
		for (unsigned row = 0; row < ROWS; row++)
			measure(row);
	for (unsigned row = 0; row < ROWS; row++) {
		printf("%-44s %8.1f cycles\n", rows[row].name, rows[row].best);
		bench_json("rcache", rows[row].name, "cycles", rows[row].best);
	}
	dp_rcache_free(bench.cache);
	free(bench.name);
}

int main(void)
{
	entries = calloc(NAMES, sizeof(*entries));
	need(entries != NULL, "memory");
	costs();
	rates();
	free(entries);
	return 0;
}
