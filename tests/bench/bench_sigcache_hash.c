#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_hash.h>

#include "tests/bench/bench.h"
#include "tests/bench/bench_sigcache.h"
#include "tests/bench/pairs.h"
#include "validator/sigcache.h"

/**
 * The signature-validity cache and rte_hash with the same keys: a million inserted into ours; those
 * that stayed are put into rte_hash, which is made for lock-free readers
 * (RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF) and hashes by taking four octets of the key, as cheaply
 * as ours does. Both lie in huge pages where there are any. Keys come in an order of chance, out of
 * one array for both; each half of a pair looks up the same ones.
 */

enum {
	PAIRS = 101,
	INSERTED = 1 << 20,
	ROOM = 2 * INSERTED, // ours: two to a bucket, so that nine of ten stay
	BULK = VAL_SIG_BULK_MAX,
	WINDOW = 256 * BULK, // keys to a measurement: shorter than a slice of the scheduler's
	WINDOWS = 64,        // that pairs go through
	STREAM = WINDOWS * WINDOW,
	NOW = 1000,
};

static struct {
	struct val_sigcache *cache;
	struct rte_hash *hash;
	struct val_sig_id *keys; // INSERTED; the first `count` stayed
	uint32_t count;
	struct val_sig_id present[STREAM], absent[STREAM];
	const void *present_at[STREAM], *absent_at[STREAM]; // as rte_hash wants them
} b;

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench_sigcache: %s\n", what);
	exit(1);
}

static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static bool huge_pages_free(void)
{
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
	unsigned free_pages = 0;

	if (f != NULL) {
		if (fscanf(f, "%u", &free_pages) != 1)
			free_pages = 0;
		fclose(f);
	}
	return free_pages >= 128;
}

static void start_eal(void)
{
	char lcore[16];
	char *argv[] = {"bench_sigcache", "-l", lcore, "--in-memory", "--no-pci", "--no-telemetry",
		"--log-level=3", "-m", "200", "--no-huge", NULL};
	int argc = (int)(sizeof(argv) / sizeof(argv[0])) - 1;

	snprintf(lcore, sizeof(lcore), "%d", sched_getcpu());
	if (huge_pages_free())
		argv[--argc] = NULL;
	need(rte_eal_init(argc, argv) >= 0, "EAL does not start");
}

static uint32_t four_octets(const void *key, uint32_t len, uint32_t init)
{
	uint32_t h;

	(void)len;
	(void)init;
	memcpy(&h, key, sizeof(h));
	return h;
}

static struct val_sig_times times_of(const struct val_sig_id *id)
{
	return (struct val_sig_times){(uint32_t)id->w[1], (uint32_t)(id->w[1] >> 32), 1};
}

/* Both with the same keys; b.keys[0..count) afterwards. */
static void fill(void)
{
	struct rte_hash_parameters p = {
		.name = "signatures",
		.entries = INSERTED,
		.key_len = sizeof(struct val_sig_id),
		.hash_func = four_octets,
		.socket_id = -1,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF,
	};
	uint64_t seed = 1;

	b.hash = rte_hash_create(&p);
	b.keys = calloc(INSERTED, sizeof(*b.keys));
	need(b.hash != NULL && b.keys != NULL, "no memory for rte_hash");
	need(val_sigcache_new(ROOM, VAL_NUMA_ANY, &b.cache) == 0, "no memory for the cache");
	for (uint32_t i = 0; i < INSERTED; i++) {
		struct val_sig_times times;

		b.keys[i] = (struct val_sig_id){{next(&seed), next(&seed)}};
		times = times_of(&b.keys[i]);
		val_sigcache_put(b.cache, &b.keys[i], &times);
	}
	for (uint32_t i = 0; i < INSERTED; i++) {
		struct val_sig_times times;
		void *data;

		if (val_sigcache_get(b.cache, &b.keys[i], NOW, &times) != VAL_SIG_GOOD)
			continue;
		data = (void *)(uintptr_t)b.keys[i].w[1];
		need(rte_hash_add_key_data(b.hash, &b.keys[i], data) == 0, "rte_hash is full");
		b.keys[b.count++] = b.keys[i];
	}
}

static void draw(void)
{
	uint64_t seed = 2;

	for (uint32_t i = 0; i < STREAM; i++) {
		b.present[i] = b.keys[next(&seed) % b.count];
		b.absent[i] = (struct val_sig_id){{next(&seed), next(&seed)}};
		b.present_at[i] = &b.present[i];
		b.absent_at[i] = &b.absent[i];
	}
}

/* ---- what takes turns: each gives the sum of what it found ---- */

static uint64_t ours_bulk(const struct val_sig_id *id, const void **at)
{
	enum val_sig_state state[BULK];
	struct val_sig_times times[BULK];
	uint64_t sum = 0;

	(void)at;
	for (uint32_t i = 0; i < WINDOW; i += BULK) {
		val_sigcache_get_bulk(b.cache, id + i, BULK, NOW, state, times);
		for (unsigned k = 0; k < BULK; k++)
			if (state[k] == VAL_SIG_GOOD)
				sum += (uint64_t)times[k].expiration << 32 | times[k].inception;
	}
	return sum;
}

static uint64_t rte_bulk(const struct val_sig_id *id, const void **at)
{
	void *data[BULK];
	uint64_t sum = 0;

	(void)id;
	for (uint32_t i = 0; i < WINDOW; i += BULK) {
		uint64_t hits = 0;

		rte_hash_lookup_bulk_data(b.hash, at + i, BULK, &hits, data);
		for (unsigned k = 0; k < BULK; k++)
			if (hits >> k & 1)
				sum += (uintptr_t)data[k];
	}
	return sum;
}

static uint64_t ours_single(const struct val_sig_id *id, const void **at)
{
	struct val_sig_times times;
	uint64_t sum = 0;

	(void)at;
	for (uint32_t i = 0; i < WINDOW; i++)
		if (val_sigcache_get(b.cache, id + i, NOW, &times) == VAL_SIG_GOOD)
			sum += (uint64_t)times.expiration << 32 | times.inception;
	return sum;
}

static uint64_t rte_single(const struct val_sig_id *id, const void **at)
{
	uint64_t sum = 0;
	void *data;

	(void)id;
	for (uint32_t i = 0; i < WINDOW; i++)
		if (rte_hash_lookup_data(b.hash, at[i], &data) >= 0)
			sum += (uintptr_t)data;
	return sum;
}

typedef uint64_t (*lookups_fn)(const struct val_sig_id *id, const void **at);

static double cycles(lookups_fn f, bool present, unsigned pair, uint64_t *sum)
{
	unsigned at = pair % WINDOWS * WINDOW;
	uint64_t start = bench_cycles();

	*sum = present ? f(b.present + at, b.present_at + at) : f(b.absent + at, b.absent_at + at);
	return (double)(bench_cycles() - start) / WINDOW;
}

static void compare(
	const char *figure, lookups_fn ours, lookups_fn theirs, bool present, double goal)
{
	double ratio[PAIRS], best_ours = 1e18, best_theirs = 1e18;
	uint64_t our_sum, their_sum;

	for (unsigned i = 0; i < PAIRS; i++) {
		double a, t;

		if (i % 2 == 0) {
			a = cycles(ours, present, i, &our_sum);
			t = cycles(theirs, present, i, &their_sum);
		} else {
			t = cycles(theirs, present, i, &their_sum);
			a = cycles(ours, present, i, &our_sum);
		}
		need(our_sum == their_sum && (our_sum == 0) == !present,
			"the two tables do not agree");
		ratio[i] = t / a;
		best_ours = a < best_ours ? a : best_ours;
		best_theirs = t < best_theirs ? t : best_theirs;
	}
	printf("%-44s ours %5.1f cycles, rte_hash %5.1f\n", figure, best_ours, best_theirs);
	bench_ratio_tell("sigcache", figure, ratio, PAIRS, goal);
}

void bench_against_rte_hash(void)
{
	struct val_sigcache_stats stats;

	start_eal();
	fill();
	draw();
	val_sigcache_stats(b.cache, &stats);
	printf("look-ups against rte_hash, %u keys; ours takes %.0f MB:\n", b.count,
		(double)stats.bytes / 1e6);
	compare("rte_hash over ours, bulk of 64, there", ours_bulk, rte_bulk, true, 1.4);
	compare("rte_hash over ours, bulk of 64, not there", ours_bulk, rte_bulk, false, 1.5);
	compare("rte_hash over ours, one by one, there", ours_single, rte_single, true, 0);
	compare("rte_hash over ours, one by one, not there", ours_single, rte_single, false, 0);
	val_sigcache_free(b.cache);
	rte_hash_free(b.hash);
	free(b.keys);
	rte_eal_cleanup();
}
