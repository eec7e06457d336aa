#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/unit.h"
#include "validator/sigcache.h"

/**
 * Two readers and two writers on one small cache, against an oracle that forgets nothing: of each
 * id, what insertion of it was the last to begin. SWERVE_STRESS_LOOKUPS says how many look-ups (in
 * `scripts/bench sigcache_stress` 10^9). Exits 1 when one verdict was wrong.
 *
 * Ids come in three kinds by their number. Good ones are inserted over and over by the one writer
 * that owns them, each time with times that name the id and the number of the insertion, a hash of
 * both in the rest: a verdict is wrong when the times do not belong together or when that insertion
 * had not begun. Bad ones are only ever remembered as failures: a verdict is wrong when it is GOOD,
 * or BAD after the last time that they were remembered until. Strangers, each of them one bit away
 * from a good one, are never inserted: all but UNKNOWN is wrong.
 */

enum { READERS = 2, WRITERS = 2, NOW = 1700000000 };
enum { GOOD = 2048, BAD = 256, STRANGERS = 256, IDS = GOOD + BAD + STRANGERS };
enum { HOT = 8 }; // half of all look-ups and insertions: entries are written while they are read
enum { ENTRIES = 1024 };

#if defined(__SANITIZE_THREAD__)
static uint64_t lookups = 1000000;
#else
static uint64_t lookups = 10000000;
#endif

static struct val_sigcache *cache;
static struct val_sig_id ids[IDS];
static _Atomic uint32_t begun[GOOD];    // the oracle: insertions, counted from 1
static _Atomic uint32_t bad_until[BAD]; // the oracle of failures, 0: never
static _Atomic uint32_t clock_s = NOW;
static _Atomic unsigned readers_left = READERS;

struct counts {
	uint64_t lookups, good, bad, wrong, puts;
};

static uint64_t mix(uint64_t n, uint64_t round)
{
	uint64_t state = n << 32 | round;

	return unit_random(&state);
}

static struct val_sig_times times_of(unsigned n, uint32_t round)
{
	uint64_t h = mix(n, round);

	return (struct val_sig_times){round, (uint32_t)h, (uint32_t)(h >> 32)};
}

/* ---- verdicts against the oracle, which is read after the cache ---- */

static bool good_is_right(unsigned n, const struct val_sig_times *t)
{
	struct val_sig_times expect;

	if (n >= GOOD)
		return false;
	expect = times_of(n, t->inception);
	return t->inception != 0 && t->inception <= atomic_load(&begun[n]) &&
	       t->expiration == expect.expiration && t->key_generation == expect.key_generation;
}

static bool bad_is_right(unsigned n, uint32_t now)
{
	return n >= GOOD && n < GOOD + BAD && now < atomic_load(&bad_until[n - GOOD]);
}

static void judge(struct counts *c, unsigned n, uint32_t now, enum val_sig_state state,
	const struct val_sig_times *times)
{
	bool right = true;

	c->lookups++;
	if (state == VAL_SIG_GOOD) {
		c->good++;
		right = good_is_right(n, times);
	} else if (state == VAL_SIG_BAD) {
		c->bad++;
		right = bad_is_right(n, now);
	}
	c->wrong += !right;
}

/* ---- threads ---- */

static unsigned draw(uint64_t *seed)
{
	uint64_t r = unit_random(seed);

	return r >> 63 ? (unsigned)(r % HOT) : (unsigned)(r % IDS);
}

static void read_single(struct counts *c, uint64_t *seed)
{
	for (unsigned i = 0; i < VAL_SIG_BULK_MAX; i++) {
		unsigned n = draw(seed);
		uint32_t now = atomic_load_explicit(&clock_s, memory_order_relaxed);
		struct val_sig_times times;
		enum val_sig_state state = val_sigcache_get(cache, &ids[n], now, &times);

		judge(c, n, now, state, &times);
	}
}

static void read_bulk(struct counts *c, uint64_t *seed)
{
	uint32_t now = atomic_load_explicit(&clock_s, memory_order_relaxed);
	struct val_sig_id id[VAL_SIG_BULK_MAX];
	enum val_sig_state state[VAL_SIG_BULK_MAX];
	struct val_sig_times times[VAL_SIG_BULK_MAX];
	unsigned n[VAL_SIG_BULK_MAX];

	for (unsigned i = 0; i < VAL_SIG_BULK_MAX; i++) {
		n[i] = draw(seed);
		id[i] = ids[n[i]];
	}
	val_sigcache_get_bulk(cache, id, VAL_SIG_BULK_MAX, now, state, times);
	for (unsigned i = 0; i < VAL_SIG_BULK_MAX; i++)
		judge(c, n[i], now, state[i], &times[i]);
}

struct thread {
	pthread_t id;
	uint64_t seed;
	unsigned number;
	struct counts counts;
};

static void *read_all(void *arg)
{
	struct thread *t = arg;
	struct counts c = {.lookups = 0};

	for (uint64_t i = 0; c.lookups < lookups / READERS; i++) {
		if (i % 2 == 0)
			read_single(&c, &t->seed);
		else
			read_bulk(&c, &t->seed);
	}
	t->counts = c;
	atomic_fetch_sub(&readers_left, 1);
	return NULL;
}

/* A good id is inserted by its owner alone, so that its insertions have an order. */
static void put_good(unsigned n)
{
	uint32_t round = atomic_load_explicit(&begun[n], memory_order_relaxed) + 1;
	struct val_sig_times times = times_of(n, round);

	atomic_store(&begun[n], round);
	val_sigcache_put(cache, &ids[n], &times);
}

static void put_bad(unsigned n, uint32_t now)
{
	uint32_t until = now + VAL_SIG_BAD_S, old = atomic_load(&bad_until[n - GOOD]);

	while (old < until && !atomic_compare_exchange_weak(&bad_until[n - GOOD], &old, until))
		;
	val_sigcache_put_bad(cache, &ids[n], now);
}

static void *write_all(void *arg)
{
	struct thread *t = arg;

	for (uint64_t i = 0; atomic_load_explicit(&readers_left, memory_order_relaxed) > 0; i++) {
		unsigned n = draw(&t->seed);

		if (n < GOOD)
			put_good(n - n % WRITERS + t->number);
		else if (n < GOOD + BAD)
			put_bad(n, atomic_load(&clock_s));
		if (t->number == 0 && i % 4096 == 0)
			atomic_fetch_add(&clock_s, 1);
		t->counts.puts++;
	}
	return NULL;
}

/* ---- ---- */

static void name_ids(void)
{
	uint64_t seed = 3;

	for (unsigned n = 0; n < GOOD + BAD; n++)
		ids[n] = (struct val_sig_id){{unit_random(&seed), unit_random(&seed)}};
	for (unsigned i = 0; i < STRANGERS; i++) {
		struct val_sig_id *id = &ids[GOOD + BAD + i];

		*id = ids[i]; // the hot ones among them
		id->w[i % 128 / 64] ^= 1ull << i % 64;
	}
}

static void run(struct thread *thread)
{
	for (unsigned i = 0; i < READERS + WRITERS; i++) {
		thread[i].seed = i + 100;
		thread[i].number = i < READERS ? i : i - READERS;
		if (pthread_create(&thread[i].id, NULL, i < READERS ? read_all : write_all,
			    &thread[i]) != 0)
			abort();
	}
	for (unsigned i = 0; i < READERS + WRITERS; i++)
		pthread_join(thread[i].id, NULL);
}

int main(void)
{
	const char *wanted = getenv("SWERVE_STRESS_LOOKUPS");
	static struct thread thread[READERS + WRITERS];
	struct counts sum = {.lookups = 0};

	if (wanted != NULL)
		lookups = strtoull(wanted, NULL, 10);
	name_ids();
	if (val_sigcache_new(ENTRIES, VAL_NUMA_ANY, &cache) != 0)
		abort();
	run(thread);
	for (unsigned i = 0; i < READERS + WRITERS; i++) {
		sum.lookups += thread[i].counts.lookups;
		sum.good += thread[i].counts.good;
		sum.bad += thread[i].counts.bad;
		sum.wrong += thread[i].counts.wrong;
		sum.puts += thread[i].counts.puts;
	}
	printf("%" PRIu64 " look-ups, %" PRIu64 " good, %" PRIu64 " bad, beside %" PRIu64
	       " insertions: %" PRIu64 " wrong\n",
		sum.lookups, sum.good, sum.bad, sum.puts, sum.wrong);
	val_sigcache_free(cache);
	if (sum.good < sum.lookups / 10 || sum.bad == 0) {
		printf("too few hits to mean anything\n");
		return 1;
	}
	return sum.wrong != 0;
}
