#include "validator/sigcache.h"

#include <assert.h>
#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <numa.h>

#include "validator/time.h"

/*
 * The signature-validity cache.
 *
 * What it promises. A look-up that says GOOD was preceded by an insertion of exactly these 128
 * bits, and returns exactly the times that were inserted with them. Nothing else: entries are
 * forgotten at any moment, and whoever asks must still judge time, labels and trust in the key on
 * every hit.
 *
 * Why no forged entry is believed. An id names what was verified (sigid.c has the argument and the
 * bound), and insertion follows a successful verification of that very input.
 *
 * Why no torn entry is believed. An entry is a sequence number and three words. A writer takes the
 * entry by a compare-and-swap of an even number to the odd one after it (acquire), so there is one
 * writer at a time and the loser simply gives up. It stores the words, each with release, and then
 * the next even number with release. A reader loads the number with acquire, the words each with
 * acquire, and the number again. Suppose it saw a word of a write W that began after its first
 * load. The word's store is a release that comes after W's odd number in W's order, and the
 * reader's load of it is an acquire: so the odd number (or a later one) happens before the reader's
 * second load, which therefore cannot give the first number again. Suppose instead it saw a word
 * older than the even number it began with: that number was stored with release after all words of
 * its write, so older words are out of reach. Hence equal even numbers mean one write's words. A
 * number would have to go round all 2^31 writes to one entry within one look-up to deceive; at a
 * verification each that is more than a day. No fence is used, so ThreadSanitizer understands all
 * of it.
 *
 * Layout. Two entries of 32 octets to a bucket of one cache line, the bucket chosen by bits of the
 * PRF. In a full bucket the entry that ends first gives way. Failures live in a second, small table
 * of the same make, where the time is until when they are remembered: a flood of bad signatures
 * cannot push out good ones.
 */

enum { WAYS = 2, BAD_BUCKETS = 512 };

struct entry {
	_Atomic uint32_t seq; // 0: empty; odd while it is written
	_Atomic uint32_t generation;
	_Atomic uint64_t w0, w1;
	_Atomic uint64_t times; // inception << 32 | expiration
};

struct bucket {
	alignas(64) struct entry entry[WAYS];
};
static_assert(sizeof(struct bucket) == 64, "a bucket is one cache line");

struct table {
	struct bucket *buckets;
	uint64_t mask;
	size_t bytes;
};

struct val_sigcache {
	struct table good, bad;
};

/* ---- tables ---- */

static int table_new(struct table *t, size_t buckets, int node)
{
	size_t n = 1;

	while (n < buckets)
		n *= 2;
	t->bytes = n * sizeof(struct bucket);
	// whole pages, zeroed by the kernel; numa_alloc works on machines of one node too
	t->buckets = node >= 0 && numa_available() >= 0 ? numa_alloc_onnode(t->bytes, node)
							: numa_alloc_local(t->bytes);
	if (t->buckets == NULL)
		return -ENOMEM;
	memset(t->buckets, 0, t->bytes);
	t->mask = n - 1;
	return 0;
}

static void table_free(struct table *t)
{
	if (t->buckets != NULL)
		numa_free(t->buckets, t->bytes);
}

static struct bucket *bucket_of(const struct table *t, const struct val_sig_id *id)
{
	return &t->buckets[id->w[0] & t->mask];
}

static bool entry_read(
	const struct entry *e, const struct val_sig_id *id, struct val_sig_times *out)
{
	uint32_t seq = atomic_load_explicit(&e->seq, memory_order_acquire);
	uint64_t w0, w1, times;
	uint32_t generation;

	if (seq == 0 || (seq & 1)) // empty, or an id of zeroes would be found in it
		return false;
	w0 = atomic_load_explicit(&e->w0, memory_order_acquire);
	w1 = atomic_load_explicit(&e->w1, memory_order_acquire);
	if (w0 != id->w[0] || w1 != id->w[1])
		return false;
	times = atomic_load_explicit(&e->times, memory_order_acquire);
	generation = atomic_load_explicit(&e->generation, memory_order_acquire);
	if (atomic_load_explicit(&e->seq, memory_order_relaxed) != seq)
		return false;
	*out = (struct val_sig_times){(uint32_t)(times >> 32), (uint32_t)times, generation};
	return true;
}

static bool table_get(const struct table *t, const struct val_sig_id *id, struct val_sig_times *out)
{
	const struct bucket *b = bucket_of(t, id);

	for (unsigned i = 0; i < WAYS; i++)
		if (entry_read(&b->entry[i], id, out))
			return true;
	return false;
}

/* The same id's entry, else an empty one, else the one that ends first. */
static struct entry *victim(struct bucket *b, const struct val_sig_id *id)
{
	struct entry *best = &b->entry[0];
	uint32_t best_end = 0;

	for (unsigned i = 0; i < WAYS; i++) {
		struct entry *e = &b->entry[i];
		uint64_t w0 = atomic_load_explicit(&e->w0, memory_order_relaxed);
		uint64_t w1 = atomic_load_explicit(&e->w1, memory_order_relaxed);
		uint32_t end = (uint32_t)atomic_load_explicit(&e->times, memory_order_relaxed);

		if ((w0 == id->w[0] && w1 == id->w[1]) ||
			atomic_load_explicit(&e->seq, memory_order_relaxed) == 0)
			return e;
		if (i == 0 || val_time_before(end, best_end)) {
			best = e;
			best_end = end;
		}
	}
	return best;
}

static void table_put(
	struct table *t, const struct val_sig_id *id, const struct val_sig_times *times)
{
	struct entry *e = victim(bucket_of(t, id), id);
	uint32_t seq = atomic_load_explicit(&e->seq, memory_order_relaxed);

	if ((seq & 1) || !atomic_compare_exchange_strong_explicit(&e->seq, &seq, seq + 1,
				 memory_order_acquire, memory_order_relaxed))
		return; // somebody is writing here: forgetting is allowed
	atomic_store_explicit(&e->w0, id->w[0], memory_order_release);
	atomic_store_explicit(&e->w1, id->w[1], memory_order_release);
	atomic_store_explicit(&e->times, (uint64_t)times->inception << 32 | times->expiration,
		memory_order_release);
	atomic_store_explicit(&e->generation, times->key_generation, memory_order_release);
	atomic_store_explicit(&e->seq, seq + 2, memory_order_release);
}

/* ---- the cache ---- */

int val_sigcache_new(size_t entries, int node, struct val_sigcache **out)
{
	struct val_sigcache *c;
	int err;

	if (entries == 0 || entries > (size_t)1 << 32)
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	err = table_new(&c->good, (entries + WAYS - 1) / WAYS, node);
	if (err == 0)
		err = table_new(&c->bad, BAD_BUCKETS, node);
	if (err != 0) {
		val_sigcache_free(c);
		return err;
	}
	*out = c;
	return 0;
}

void val_sigcache_free(struct val_sigcache *c)
{
	if (c == NULL)
		return;
	table_free(&c->good);
	table_free(&c->bad);
	free(c);
}

void val_sigcache_prefetch(const struct val_sigcache *c, const struct val_sig_id *id)
{
	__builtin_prefetch(bucket_of(&c->good, id));
}

enum val_sig_state val_sigcache_get(const struct val_sigcache *c, const struct val_sig_id *id,
	uint32_t now, struct val_sig_times *times)
{
	struct val_sig_times until;

	if (table_get(&c->good, id, times))
		return VAL_SIG_GOOD;
	if (table_get(&c->bad, id, &until) && val_time_before(now, until.expiration))
		return VAL_SIG_BAD;
	return VAL_SIG_UNKNOWN;
}

void val_sigcache_put(
	struct val_sigcache *c, const struct val_sig_id *id, const struct val_sig_times *times)
{
	table_put(&c->good, id, times);
}

void val_sigcache_put_bad(struct val_sigcache *c, const struct val_sig_id *id, uint32_t now)
{
	struct val_sig_times times = {now, now + VAL_SIG_BAD_S, 0};

	table_put(&c->bad, id, &times);
}

void val_sigcache_stats(const struct val_sigcache *c, struct val_sigcache_stats *out)
{
	*out = (struct val_sigcache_stats){
		.entries = (c->good.mask + 1) * WAYS,
		.buckets = c->good.mask + 1,
		.bytes = c->good.bytes + c->bad.bytes,
	};
}
