#include "validator/sigcache.h"

#include <assert.h>
#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "validator/mem.h"
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
 * bound), and insertion follows a successful verification of that very input. Who asks holds the
 * RRSIG itself, and takes a hit whose times are not the RRSIG's for no hit (response_sig.c).
 *
 * Why no torn entry is believed. An entry is a sequence number and four words. In C11's terms:
 *
 * 1. One writer at a time. A writer takes the entry by a compare-and-swap from an even number n to
 *    n + 1 (acquire); who loses gives up. It stores the words, each with release, and then n + 2
 *    with release. The next writer's swap reads that n + 2, so it synchronizes with it: all stores
 *    of one write happen before all stores of the next, and each word's modification order is the
 *    order of the writes.
 * 2. A reader loads the number with acquire and goes on when it is even and not 0, say n; then the
 *    words, each with acquire; then the number again. Let W be the write that stored n.
 * 3. No word is older than W. The store of n is a release that comes after W's words, and the
 *    reader's load of n, which reads from it, an acquire: W's words happen before the reader's
 *    loads of them, which by coherence read W's or later ones.
 * 4. No word is newer than W, if the second load gives n too. Suppose that one was stored by a
 *    later write V. V's swap is sequenced before V's store of that word, a release, and the
 *    reader's load of it, an acquire, before its second load of the number: so V's swap happens
 *    before that load, which by coherence reads what V's swap stored or something later, and never
 *    n again unless the number has gone round. That takes 2^31 writes to one entry within one
 *    look-up; at one P-256 verification each, 35 hours.
 * 5. So equal even numbers mean the words of one write. No fence is used: ThreadSanitizer follows
 *    all of it. On x86-64 every one of these loads and stores is a plain one.
 *
 * Before all that a reader looks at the first word alone, relaxed: nearly always it is another's.
 * That only says no sooner; a reader may miss what is just being written.
 *
 * Why the generation of the key set is not compared. It would ask whether the key is still one of
 * the zone's. But the id is over the whole DNSKEY, and who asks takes that DNSKEY from the set that
 * is trusted now, of the zone that the RRSIG names as signer, which is in the signed data. For an
 * entry of a key that has left the set nobody asks; a key that is revoked has other flags and so
 * another id; a key that stays through a rollover stays good. The generation is kept with the times
 * to tell which set an entry is from. (test_response.c, "keys go and come back".)
 *
 * Layout. Two entries of 32 octets to a bucket of one cache line, the bucket chosen by bits of the
 * PRF. All 128 bits are compared. In a full bucket the entry that ends first gives way. Beside the
 * buckets lie tags, eight more bits of each id, two octets a bucket: small enough to stay in a
 * core's own cache where buckets do not, and of what is not there 253 in 255 look-ups end with
 * them. A tag is a hint, read and stored relaxed, stored while the entry is taken (so that, by 1,
 * the last writer's stays): an old one makes a look-up miss, or look into the bucket in vain. With
 * tags and a million entries a bulk look-up of what is not there takes 12 cycles, without them 33;
 * of what is there 42 and 37 (tests/bench/bench_sigcache_hash.c). A single look-up does without:
 * nearly all that a worker asks for is there, and the tags would be one more line to wait for.
 *
 * Failures live in a second, small table of the same make, where the time is until when they are
 * remembered: a flood of bad signatures cannot push out good ones. One word says until when the
 * last of them is remembered, so that nobody looks there in quiet times.
 *
 * Memory is on the node where the workers run, or interleaved over all nodes when they run on
 * several (mem.h).
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

// Buckets on their way while one is looked at, and their tags as long before that: a core has some
// 24 line fill buffers.
enum { AHEAD = 16 };

/* Eight more bits of each entry's id. */
struct tags {
	_Atomic uint8_t of[WAYS];
};

struct table {
	struct bucket *buckets;
	struct tags *tags; // behind the buckets, in the same memory
	uint64_t mask;
	size_t bytes;
};

struct val_sigcache {
	struct table good, bad;
	// written at failures, apart from what every look-up reads
	alignas(64) _Atomic uint32_t bad_until; // from then on no failure is remembered
};

/* ---- tables ---- */

static int table_new(struct table *t, size_t buckets, int numa)
{
	void *mem;
	size_t n = 1;
	int err;

	while (n < buckets)
		n *= 2;
	t->bytes = n * (sizeof(struct bucket) + sizeof(struct tags));
	err = val_mem_new(t->bytes, numa, &mem);
	if (err != 0)
		return err;
	t->buckets = mem;
	t->tags = (struct tags *)(t->buckets + n);
	t->mask = n - 1;
	return 0;
}

static struct bucket *bucket_of(const struct table *t, const struct val_sig_id *id)
{
	return &t->buckets[id->w[0] & t->mask];
}

static bool entry_read(
	const struct entry *e, const struct val_sig_id *id, struct val_sig_times *out)
{
	uint64_t w0, w1, times;
	uint32_t seq, generation;

	if (atomic_load_explicit(&e->w0, memory_order_relaxed) != id->w[0])
		return false;
	seq = atomic_load_explicit(&e->seq, memory_order_acquire);
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

static uint8_t tag_of(const struct val_sig_id *id)
{
	return (uint8_t)id->w[1];
}

/* Can it be in its bucket at all? */
static bool may_be_in(const struct table *t, const struct val_sig_id *id)
{
	const struct tags *tags = &t->tags[id->w[0] & t->mask];
	bool may = false;

	for (unsigned i = 0; i < WAYS; i++)
		may |= atomic_load_explicit(&tags->of[i], memory_order_relaxed) == tag_of(id);
	return may;
}

static bool bucket_get(
	const struct table *t, const struct val_sig_id *id, struct val_sig_times *out)
{
	const struct bucket *b = bucket_of(t, id);

	for (unsigned i = 0; i < WAYS; i++)
		if (entry_read(&b->entry[i], id, out))
			return true;
	return false;
}

static bool table_get(const struct table *t, const struct val_sig_id *id, struct val_sig_times *out)
{
	return may_be_in(t, id) && bucket_get(t, id, out);
}

static void bring_tags(const struct table *t, const struct val_sig_id *id)
{
	__builtin_prefetch(&t->tags[id->w[0] & t->mask]);
}

/* Have the bucket brought when something may be in it. */
static bool bring(const struct table *t, const struct val_sig_id *id)
{
	bool may = may_be_in(t, id);

	if (may)
		__builtin_prefetch(bucket_of(t, id));
	return may;
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
	struct bucket *b = bucket_of(t, id);
	struct entry *e = victim(b, id);
	struct tags *tags = &t->tags[b - t->buckets];
	uint32_t seq = atomic_load_explicit(&e->seq, memory_order_relaxed);

	if ((seq & 1) || !atomic_compare_exchange_strong_explicit(&e->seq, &seq, seq + 1,
				 memory_order_acquire, memory_order_relaxed))
		return; // somebody is writing here: forgetting is allowed
	atomic_store_explicit(&tags->of[e - b->entry], tag_of(id), memory_order_relaxed);
	atomic_store_explicit(&e->w0, id->w[0], memory_order_release);
	atomic_store_explicit(&e->w1, id->w[1], memory_order_release);
	atomic_store_explicit(&e->times, (uint64_t)times->inception << 32 | times->expiration,
		memory_order_release);
	atomic_store_explicit(&e->generation, times->key_generation, memory_order_release);
	atomic_store_explicit(&e->seq, seq + 2, memory_order_release);
}

/* ---- the cache ---- */

int val_sigcache_new(size_t entries, int numa, struct val_sigcache **out)
{
	struct val_sigcache *c;
	int err;

	if (entries == 0 || entries > (size_t)1 << 32)
		return -EINVAL;
	c = aligned_alloc(alignof(struct val_sigcache), sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	memset(c, 0, sizeof(*c));
	err = table_new(&c->good, (entries + WAYS - 1) / WAYS, numa);
	if (err == 0)
		err = table_new(&c->bad, BAD_BUCKETS, numa);
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
	val_mem_free(c->good.buckets, c->good.bytes);
	val_mem_free(c->bad.buckets, c->bad.bytes);
	free(c);
}

void val_sigcache_prefetch(const struct val_sigcache *c, const struct val_sig_id *id)
{
	__builtin_prefetch(bucket_of(&c->good, id));
}

/* A word that is not the newest yet only forgets a failure. */
static bool is_bad(const struct val_sigcache *c, const struct val_sig_id *id, uint32_t now)
{
	uint32_t last = atomic_load_explicit(&c->bad_until, memory_order_relaxed);
	struct val_sig_times until;

	return val_time_before(now, last) && table_get(&c->bad, id, &until) &&
	       val_time_before(now, until.expiration);
}

enum val_sig_state val_sigcache_get(const struct val_sigcache *c, const struct val_sig_id *id,
	uint32_t now, struct val_sig_times *times)
{
	if (bucket_get(&c->good, id, times))
		return VAL_SIG_GOOD;
	return is_bad(c, id, now) ? VAL_SIG_BAD : VAL_SIG_UNKNOWN;
}

unsigned val_sigcache_get_bulk(const struct val_sigcache *c, const struct val_sig_id *id,
	unsigned n, uint32_t now, enum val_sig_state *state, struct val_sig_times *times)
{
	bool may[VAL_SIG_BULK_MAX];
	unsigned good = 0;

	assert(n <= VAL_SIG_BULK_MAX);
	for (unsigned i = 0; i < n && i < 2 * AHEAD; i++)
		bring_tags(&c->good, &id[i]);
	for (unsigned i = 0; i < n && i < AHEAD; i++)
		may[i] = bring(&c->good, &id[i]);
	for (unsigned i = 0; i < n; i++) {
		if (i + 2 * AHEAD < n)
			bring_tags(&c->good, &id[i + 2 * AHEAD]);
		if (i + AHEAD < n)
			may[i + AHEAD] = bring(&c->good, &id[i + AHEAD]);
		if (may[i] && bucket_get(&c->good, &id[i], &times[i])) {
			state[i] = VAL_SIG_GOOD;
			good++;
		} else {
			state[i] = is_bad(c, &id[i], now) ? VAL_SIG_BAD : VAL_SIG_UNKNOWN;
		}
	}
	return good;
}

void val_sigcache_put(
	struct val_sigcache *c, const struct val_sig_id *id, const struct val_sig_times *times)
{
	table_put(&c->good, id, times);
}

void val_sigcache_put_bad(struct val_sigcache *c, const struct val_sig_id *id, uint32_t now)
{
	struct val_sig_times times = {now, now + VAL_SIG_BAD_S, 0};

	if (atomic_load_explicit(&c->bad_until, memory_order_relaxed) != times.expiration)
		atomic_store_explicit(&c->bad_until, times.expiration, memory_order_relaxed);
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
