#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "tests/unit/run.h"
#include "tests/unit/unit.h"
#include "validator/sigcache.h"

enum { NOW = 1700000000 };

/* An id that spreads as a PRF's output does, and times that can be told from it: a torn entry
 * shows. */
static struct val_sig_id numbered(uint64_t n)
{
	uint64_t a = (n + 1) * 0x9e3779b97f4a7c15ull, b = (n + 1) * 0xc2b2ae3d27d4eb4full;

	return (struct val_sig_id){{a ^ a >> 29, b ^ b >> 31}};
}

static struct val_sig_times times_of(uint64_t n)
{
	return (struct val_sig_times){
		(uint32_t)(n * 3), (uint32_t)(n * 5 + 7), (uint32_t)(n * 11 + 1)};
}

static bool same_times(const struct val_sig_times *a, const struct val_sig_times *b)
{
	return a->inception == b->inception && a->expiration == b->expiration &&
	       a->key_generation == b->key_generation;
}

static struct val_sigcache *make(size_t entries)
{
	struct val_sigcache *c = NULL;

	CU_ASSERT_EQUAL_FATAL(val_sigcache_new(entries, -1, &c), 0);
	return c;
}

static void test_put_and_get(void)
{
	struct val_sigcache *c = make(1024);
	struct val_sig_id id = numbered(1), near_miss = id;
	struct val_sig_times in = times_of(1), out;

	CU_ASSERT_EQUAL(val_sigcache_get(c, &id, NOW, &out), VAL_SIG_UNKNOWN);
	val_sigcache_put(c, &id, &in);
	CU_ASSERT_EQUAL(val_sigcache_get(c, &id, NOW, &out), VAL_SIG_GOOD);
	CU_ASSERT_TRUE(same_times(&in, &out));
	for (unsigned bit = 0; bit < 128; bit++) { // every bit of the id counts
		near_miss.w[bit / 64] ^= 1ull << bit % 64;
		CU_ASSERT_EQUAL(val_sigcache_get(c, &near_miss, NOW, &out), VAL_SIG_UNKNOWN);
		near_miss = id;
	}
	in = times_of(2); // the same signature again, with a newer key set
	val_sigcache_put(c, &id, &in);
	CU_ASSERT_EQUAL(val_sigcache_get(c, &id, NOW, &out), VAL_SIG_GOOD);
	CU_ASSERT_TRUE(same_times(&in, &out));
	val_sigcache_free(c);
}

static void test_failures_are_forgotten(void)
{
	struct val_sigcache *c = make(1024);
	struct val_sig_id id = numbered(1);
	struct val_sig_times in = times_of(1), out;

	val_sigcache_put_bad(c, &id, NOW);
	CU_ASSERT_EQUAL(val_sigcache_get(c, &id, NOW, &out), VAL_SIG_BAD);
	CU_ASSERT_EQUAL(val_sigcache_get(c, &id, NOW + VAL_SIG_BAD_S - 1, &out), VAL_SIG_BAD);
	CU_ASSERT_EQUAL(val_sigcache_get(c, &id, NOW + VAL_SIG_BAD_S, &out), VAL_SIG_UNKNOWN);
	val_sigcache_put(c, &id, &in); // good beats bad
	CU_ASSERT_EQUAL(val_sigcache_get(c, &id, NOW, &out), VAL_SIG_GOOD);
	val_sigcache_free(c);
}

/* A flood of failures must not push out what is good. */
static void test_failures_stay_apart(void)
{
	struct val_sigcache *c = make(64);
	struct val_sig_id id = numbered(1);
	struct val_sig_times in = times_of(1), out;

	val_sigcache_put(c, &id, &in);
	for (uint64_t n = 2; n < 100000; n++) {
		struct val_sig_id bad = numbered(n);

		val_sigcache_put_bad(c, &bad, NOW);
	}
	CU_ASSERT_EQUAL(val_sigcache_get(c, &id, NOW, &out), VAL_SIG_GOOD);
	val_sigcache_free(c);
}

static void test_sizes(void)
{
	struct val_sigcache_stats stats;
	struct val_sigcache *c;

	CU_ASSERT_EQUAL(val_sigcache_new(0, -1, &c), -22);
	c = make(1000); // rounded up
	val_sigcache_stats(c, &stats);
	CU_ASSERT_EQUAL(stats.entries, 1024);
	CU_ASSERT_EQUAL(stats.buckets * 64, stats.entries * 32);
	CU_ASSERT(stats.bytes >= stats.buckets * 64);
	val_sigcache_free(c);
}

/* An empty entry is all zeroes: so may be an id. */
static void test_id_of_zeroes(void)
{
	struct val_sigcache *c = make(1024);
	struct val_sig_id zero = {{0, 0}};
	struct val_sig_times in = times_of(1), out;

	CU_ASSERT_EQUAL(val_sigcache_get(c, &zero, NOW, &out), VAL_SIG_UNKNOWN);
	CU_ASSERT_EQUAL(val_sigcache_get(c, &zero, (uint32_t)-1, &out), VAL_SIG_UNKNOWN);
	val_sigcache_put(c, &zero, &in);
	CU_ASSERT_EQUAL(val_sigcache_get(c, &zero, NOW, &out), VAL_SIG_GOOD);
	CU_ASSERT_TRUE(same_times(&in, &out));
	val_sigcache_free(c);
}

/* Many more than there are entries: what ends last stays. */
static void test_eviction(void)
{
	enum { BUCKET_BITS = 1024 / 2 - 1 };
	struct val_sigcache *c = make(1024);
	struct val_sig_times out;

	for (uint32_t n = 1; n <= 20; n++) { // all in one bucket of two
		struct val_sig_id id = {{(uint64_t)n * (BUCKET_BITS + 1), n}};
		struct val_sig_times in = {NOW, NOW + (n * 7) % 20, n};

		val_sigcache_put(c, &id, &in);
	}
	for (uint32_t n = 1; n <= 20; n++) {
		struct val_sig_id id = {{(uint64_t)n * (BUCKET_BITS + 1), n}};
		bool last = n == 20; // the newest always has its place
		bool longest = n * 7 % 20 == 19;

		CU_ASSERT_EQUAL(
			val_sigcache_get(c, &id, NOW, &out) == VAL_SIG_GOOD, last || longest);
	}
	val_sigcache_free(c);
}

/* What a table without limits would know of one id. */
struct known {
	bool good;
	uint32_t value;     // times_of() it
	uint32_t bad_until; // 0: never
};

/* Random operations under a running clock against a table that forgets nothing: the cache may know
 * less, never more, never else. A failure that is over is forgotten by both. */
static void test_against_naive(void)
{
	enum { IDS = 4096, STEPS = 2000000 };
	static struct known known[IDS];
	struct val_sigcache *c = make(1024);
	unsigned long hits = 0, bad_hits = 0, wrong = 0;
	uint32_t now = NOW;

	srand(1);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned n = (unsigned)rand() % IDS, what = (unsigned)rand() % 16;
		struct known *k = &known[n];
		struct val_sig_id id = numbered(n);
		struct val_sig_times times, expect = times_of(k->value);
		enum val_sig_state state;

		now += step % 1000 == 0;
		if (what < 4) {
			k->good = true;
			k->value = (uint32_t)rand() % 1000;
			times = times_of(k->value);
			val_sigcache_put(c, &id, &times);
			continue;
		}
		if (what == 4 && !k->good) {
			k->bad_until = now + VAL_SIG_BAD_S;
			val_sigcache_put_bad(c, &id, now);
			continue;
		}
		state = val_sigcache_get(c, &id, now, &times);
		hits += state == VAL_SIG_GOOD;
		bad_hits += state == VAL_SIG_BAD;
		wrong += state == VAL_SIG_GOOD && (!k->good || !same_times(&times, &expect));
		wrong += state == VAL_SIG_BAD && now >= k->bad_until;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(hits > STEPS / 20);
	CU_ASSERT(bad_hits > 100);
	printf("%lu hits, %lu of failures ", hits, bad_hits);
	val_sigcache_free(c);
}

/* Up to 64 at once are the same as one by one, the order too; with empty entries, full buckets,
 * failures and ids that were never put. */
static void test_bulk(void)
{
	struct val_sigcache *c = make(1024);
	uint64_t seed = 5;
	unsigned long hits = 0, bad = 0;

	for (unsigned round = 0; round < 3000; round++) {
		unsigned n = round % (VAL_SIG_BULK_MAX + 1), good = 0;
		struct val_sig_id *id = malloc(n * sizeof(*id) + 1); // exact but for n = 0
		enum val_sig_state *state = malloc(n * sizeof(*state) + 1);
		struct val_sig_times *times = malloc(n * sizeof(*times) + 1);

		for (unsigned i = 0; i < n; i++) {
			uint64_t of = unit_random_below(&seed, 4096);
			struct val_sig_times put = times_of(of);

			id[i] = numbered(of);
			if (unit_random_below(&seed, 8) == 0)
				val_sigcache_put(c, &id[i], &put);
			else if (unit_random_below(&seed, 8) == 0)
				val_sigcache_put_bad(c, &id[i], NOW);
		}
		good = val_sigcache_get_bulk(c, id, n, NOW, state, times);
		for (unsigned i = 0; i < n; i++) {
			struct val_sig_times one;

			CU_ASSERT_EQUAL(val_sigcache_get(c, &id[i], NOW, &one), state[i]);
			if (state[i] == VAL_SIG_GOOD) {
				CU_ASSERT_TRUE(same_times(&one, &times[i]));
				good--;
				hits++;
			}
			bad += state[i] == VAL_SIG_BAD;
		}
		CU_ASSERT_EQUAL(good, 0);
		free(id);
		free(state);
		free(times);
	}
	CU_ASSERT(hits > 1000 && bad > 1000);
	printf("%lu hits, %lu of failures ", hits, bad);
	val_sigcache_free(c);
}

/* A node that is there, all of them, none in particular: it works alike. */
static void test_memory(void)
{
	static const int numa[] = {VAL_NUMA_ANY, VAL_NUMA_INTERLEAVE, 0};
	struct val_sigcache *c;

	for (unsigned i = 0; i < sizeof(numa) / sizeof(numa[0]); i++) {
		struct val_sig_id id = numbered(i);
		struct val_sig_times in = times_of(i), out;

		CU_ASSERT_EQUAL_FATAL(val_sigcache_new(1 << 17, numa[i], &c), 0); // huge pages
		val_sigcache_put(c, &id, &in);
		CU_ASSERT_EQUAL(val_sigcache_get(c, &id, NOW, &out), VAL_SIG_GOOD);
		val_sigcache_free(c);
	}
	CU_ASSERT_EQUAL(val_sigcache_new(1024, VAL_NUMA_INTERLEAVE - 1, &c), -22);
}

/* ---- threads ---- */

// More ids than the one bucket has room for: writers meet in every entry, and a reader's entry is
// overwritten under its eyes. Without the second look at the sequence number some of ten
// million look-ups come back torn.
enum { HOT_IDS = 4 };
#if defined(__SANITIZE_THREAD__)
enum { ROUNDS = 1000000 }; // twenty times slower, and the compiler's word counts, not luck
#else
enum { ROUNDS = 20000000 };
#endif

static struct val_sigcache *shared;
static _Atomic unsigned long thread_hits, thread_wrong;
static _Atomic unsigned readers_left;
static pthread_barrier_t all_are_there;

/* Times that name their id and their own number. */
static struct val_sig_times times_for(uint64_t n, uint64_t round)
{
	return times_of(n + HOT_IDS * (round % 100000000));
}

static bool whole(uint64_t n, const struct val_sig_times *t)
{
	uint32_t value = t->inception / 3;
	struct val_sig_times expect = times_of(value);

	return value % HOT_IDS == n && same_times(t, &expect);
}

static void *write_all(void *arg)
{
	uint64_t seed = (uint64_t)(uintptr_t)arg;

	pthread_barrier_wait(&all_are_there);
	for (uint64_t i = 0; readers_left > 0; i++) {
		uint64_t n = (i * 7 + seed + i / 5) % HOT_IDS;
		struct val_sig_id id = numbered(n);
		struct val_sig_times times = times_for(n, i);

		val_sigcache_put(shared, &id, &times);
		if (i % 64 == 0)
			val_sigcache_put_bad(shared, &id, NOW);
	}
	return NULL;
}

static void *read_all(void *arg)
{
	enum { AT_ONCE = HOT_IDS + 1 }; // the last one was never put
	unsigned long hits = 0, wrong = 0;
	struct val_sig_id id[AT_ONCE];

	(void)arg;
	for (unsigned n = 0; n < AT_ONCE; n++)
		id[n] = numbered(n);
	pthread_barrier_wait(&all_are_there);
	for (uint64_t i = 0; i < ROUNDS / AT_ONCE; i++) {
		enum val_sig_state state[AT_ONCE];
		struct val_sig_times times[AT_ONCE];

		if (i % 2 == 0)
			val_sigcache_get_bulk(shared, id, AT_ONCE, NOW, state, times);
		else
			for (unsigned n = 0; n < AT_ONCE; n++)
				state[n] = val_sigcache_get(shared, &id[n], NOW, &times[n]);
		for (unsigned n = 0; n < AT_ONCE; n++) {
			if (state[n] != VAL_SIG_GOOD)
				continue;
			hits++;
			wrong += n >= HOT_IDS || !whole(n, &times[n]);
		}
	}
	atomic_fetch_add(&thread_hits, hits);
	atomic_fetch_add(&thread_wrong, wrong);
	readers_left--;
	return NULL;
}

static void test_two_writers_two_readers(void)
{
	pthread_t thread[4];

	shared = make(2);
	readers_left = 2;
	CU_ASSERT_EQUAL_FATAL(pthread_barrier_init(&all_are_there, NULL, 4), 0);
	for (uintptr_t i = 0; i < 4; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&thread[i], NULL, i < 2 ? write_all : read_all,
					      (void *)(i * 31)),
			0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&all_are_there);
	printf("%lu hits ", thread_hits);
	CU_ASSERT(thread_hits > 0);
	CU_ASSERT_EQUAL(thread_wrong, 0);
	val_sigcache_free(shared);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"what was put is there, by every bit of its id", test_put_and_get},
		{"failures are forgotten", test_failures_are_forgotten},
		{"failures stay apart", test_failures_stay_apart},
		{"sizes", test_sizes},
		{"an id of zeroes", test_id_of_zeroes},
		{"what gives way", test_eviction},
		{"random operations against an array", test_against_naive},
		{"bulk look-ups against single ones", test_bulk},
		{"memory", test_memory},
		{"two writers, two readers", test_two_writers_two_readers},
		CU_TEST_INFO_NULL,
	};

	return test_run("validator/sigcache", tests);
}
