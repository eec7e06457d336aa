#include "dataplane/rcache.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <numa.h>

#include "dns/wire.h"

/*
 * The response cache's store.
 *
 * What it promises. A look-up that says true returns one answer as one put() gave it, to the very
 * question that is asked. Answers are forgotten at any moment.
 *
 * Layout. The memory is cut into shards of SHARD_CHUNKS chunks of 256 octets. A question's keyed
 * hash chooses the shard, in it a bucket of one cache line with WAYS slots, and a 16-bit tag; a
 * slot is one word, tag and number of a chunk. An answer is a head chunk and up to seven more,
 * named in the head. Chunks are all alike, so memory never falls into pieces. Hostile names cannot
 * make a look-up long: whoever does not know the key cannot choose buckets, and a bucket has WAYS
 * slots whatever happens; when it is full, one of its own gives way.
 *
 * Writers. A shard has a word that a writer takes by exchange (acquire) and gives back by a store
 * (release). Who finds it taken gives up: forgetting is allowed, waiting is not. Only control,
 * which may wait, tries again. Everything but slots, chunks and marks belongs to who holds the
 * word.
 *
 * Why no reader sends a torn answer (C11). Word 0 of every chunk is its sequence number and is
 * never anything else: even while the chunk is the head of an answer that can be read, odd at all
 * other times; it only grows. All words of chunks are atomic, stored with release and loaded with
 * acquire. put() stores the words of all chunks of an answer, then the head's even number S
 * (release), then the slot. Removing stores S+1 in the head before anything else; only then are
 * the chunks free, and only then is any of their words stored again, by this writer or by one that
 * holds the shard's word after it, so the store of S+1 happens before every such store. A reader
 * loads the number (acquire), gives up unless it is even, copies the words of head and chunks, and
 * loads the number again. Let both loads give S. No word is older than S's answer: the first load
 * synchronises with the store of S, which came after all its words, so older ones are out of
 * reach. No word is newer: suppose one was. Its store is a release that the reader's load
 * acquired, and the store of S+1 happens before it; so it happens before the reader's second load,
 * which then cannot give S. Hence all words are that put()'s. What a reader uses before the second
 * load, the numbers of further chunks and the length, is checked against the shard's size first,
 * so that mixed words lead nowhere but to a look-up that finds nothing. The number has 64 bits and
 * does not come round. No fence is used, so ThreadSanitizer understands all of it. On x86 every
 * one of these loads and stores is a plain move.
 *
 * What stays and what goes: S3-FIFO (Yang et al., SOSP 2023), in each shard. New answers enter a
 * small queue, a tenth of the chunks; those hit more than once there move on to the main queue,
 * the others leave and are remembered by a tag; who comes back while remembered enters the main
 * queue at once. The main queue passes over what was hit, counting its hits down. Of FIFO, LRU,
 * CLOCK (1 and 2 bits), SIEVE and S3-FIFO it had the best hit rate in eleven of the twelve traces
 * of `scripts/bench rcache` (SIEVE is a point ahead in one). When half of the traffic is for names
 * that never come again (Zipf 1.0, room for 1 % of the names) it loses nothing, SIEVE 0.8 points,
 * CLOCK 8; and shards of a thousand chunks are as good as one queue. A hit is a store to an octet,
 * and only the first three write at all, so popular answers stay in every core's cache.
 */

enum {
	CHUNK_WORDS = 32, // the first is the sequence number
	DATA_WORDS = CHUNK_WORDS - 1,
	HEAD_WORDS = DP_RCACHE_HEAD / 8,
	SHARD_CHUNKS = 1024,
	BUCKETS = 128,
	WAYS = 16,
	GHOSTS = SHARD_CHUNKS, // tags of what left the small queue
	SMALL_SHARE = 10,      // the small queue has one of so many chunks
	READS_MAX = 2,         // an answer that is being replaced is read once more
	EVICT_LOOKS = 64,      // entries looked at in one put(): bounded work for a worker
	MARK_HITS = 3,
	MARK_CLAIMED = 4,
	NO_CHUNK = 0xffff,
};
#define NO_SLOT 0xffffffffu

static_assert(sizeof(struct dp_rcache_head) == DP_RCACHE_HEAD, "the head has no holes to speak of");
static_assert(DATA_WORDS * DP_RCACHE_CHUNKS == DP_RCACHE_WORDS, "an answer fits its chunks");
static_assert(SHARD_CHUNKS < NO_CHUNK, "a chunk's number fits a slot");

struct chunk {
	alignas(64) _Atomic uint64_t w[CHUNK_WORDS];
};

struct bucket {
	alignas(64) _Atomic uint32_t slot[WAYS]; // tag << 16 | chunk
};

enum queue { SMALL, MAIN, QUEUES };

struct fifo {
	uint16_t newest, oldest;
	uint32_t chunks;
};

struct shard {
	// written by who holds `busy`
	alignas(64) _Atomic uint32_t busy;
	_Atomic uint32_t entries, free_count;
	_Atomic uint64_t evictions;
	_Atomic uint64_t contended; // by who did not get it
	uint16_t free;              // first of a chain through `newer`
	struct fifo fifo[QUEUES];
	uint16_t newer[SHARD_CHUNKS], older[SHARD_CHUNKS]; // of heads
	uint8_t queue[SHARD_CHUNKS];
	uint32_t ghost[GHOSTS];
	// read by all
	_Atomic uint8_t mark[SHARD_CHUNKS]; // of heads: hits, MARK_CLAIMED
	struct bucket bucket[BUCKETS];
	struct chunk chunk[SHARD_CHUNKS];
};

struct dp_rcache {
	struct dns_hash_key key;
	uint32_t shard_count;
	size_t bytes;
	struct shard *shard;
};

/* ---- where things are ---- */

static struct shard *shard_of(const struct dp_rcache *c, uint64_t hash)
{
	return &c->shard[((hash >> 32) * c->shard_count) >> 32];
}

static struct bucket *bucket_of(struct shard *s, uint64_t hash)
{
	return &s->bucket[hash % BUCKETS];
}

static uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)(hash / BUCKETS) & 0xffff;
}

static uint64_t load(const _Atomic uint64_t *w)
{
	return atomic_load_explicit(w, memory_order_acquire);
}

static void store(_Atomic uint64_t *w, uint64_t v)
{
	atomic_store_explicit(w, v, memory_order_release);
}

static uint32_t get32(const _Atomic uint32_t *v)
{
	return atomic_load_explicit(v, memory_order_relaxed);
}

static void add32(_Atomic uint32_t *v, uint32_t n)
{
	atomic_store_explicit(v, get32(v) + n, memory_order_relaxed);
}

static size_t words_of(const struct dp_rcache_head *h)
{
	return HEAD_WORDS + (h->len + 7u) / 8 + (2u * h->records + 7) / 8;
}

static unsigned chunks_of(const struct dp_rcache_head *h)
{
	return (unsigned)((words_of(h) + DATA_WORDS - 1) / DATA_WORDS);
}

uint64_t dp_rcache_hash(const struct dp_rcache *c, const struct dp_rcache_key *k)
{
	uint8_t in[DNS_NAME_MAX + 5];
	size_t len = k->qname->len;

	memcpy(in, k->qname->octets, len);
	dns_put16(in + len, k->qtype);
	dns_put16(in + len + 2, k->region);
	in[len + 4] = k->zone_labels;
	return dns_hash64(&c->key, in, len + 5);
}

void dp_rcache_prefetch(const struct dp_rcache *c, uint64_t hash)
{
	__builtin_prefetch(bucket_of(shard_of(c, hash), hash));
}

/* ---- reading ---- */

static void copy_words(const struct chunk *from, size_t first, uint64_t *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = load(&from->w[1 + first + i]);
}

/* The words behind the head's. @return false: what was read cannot be an answer */
static bool copy_rest(const struct shard *s, uint16_t chunk, struct dp_rcache_copy *out)
{
	size_t words = words_of(&out->head), done = words < DATA_WORDS ? words : DATA_WORDS;
	unsigned count = chunks_of(&out->head);

	if (words > DP_RCACHE_WORDS)
		return false;
	for (unsigned i = 0; i + 1 < count; i++) {
		if (out->head.more[i] >= SHARD_CHUNKS)
			return false;
		__builtin_prefetch(&s->chunk[out->head.more[i]]);
		__builtin_prefetch(&s->chunk[out->head.more[i]].w[8]);
	}
	copy_words(&s->chunk[chunk], HEAD_WORDS, out->word + HEAD_WORDS, done - HEAD_WORDS);
	for (unsigned i = 0; done < words; i++) {
		size_t n = words - done < DATA_WORDS ? words - done : DATA_WORDS;

		copy_words(&s->chunk[out->head.more[i]], 0, out->word + done, n);
		done += n;
	}
	return true;
}

/* Does the copied head fit what is looked for? Costs nothing when it does not. */
static bool fits(const struct dp_rcache_head *h, const struct dp_rcache_key *k, uint64_t hash,
	enum dp_rcache_form form)
{
	return h->hash == hash && (h->form & form) != 0 && h->region == k->region &&
	       h->zone_labels == k->zone_labels;
}

static bool is_question(struct dp_rcache_copy *a, const struct dp_rcache_key *k)
{
	const uint8_t *q = dp_rcache_msg(a) + DNS_HEADER_LEN;

	return a->head.len >= DNS_HEADER_LEN + k->qname->len + DNS_TYPE_LEN + DNS_CLASS_LEN &&
	       memcmp(q, k->qname->octets, k->qname->len) == 0 &&
	       dns_get16(q + k->qname->len) == k->qtype;
}

static bool read_once(const struct shard *s, uint16_t chunk, const struct dp_rcache_key *k,
	uint64_t hash, enum dp_rcache_form form, struct dp_rcache_copy *out)
{
	const struct chunk *head = &s->chunk[chunk];
	uint64_t seq = load(&head->w[0]);

	if (seq & 1)
		return false;
	copy_words(head, 0, out->word, HEAD_WORDS);
	if (!fits(&out->head, k, hash, form) || !copy_rest(s, chunk, out))
		return false;
	return atomic_load_explicit(&head->w[0], memory_order_relaxed) == seq &&
	       is_question(out, k);
}

static uint8_t count_hit(_Atomic uint8_t *mark)
{
	uint8_t m = atomic_load_explicit(mark, memory_order_relaxed);

	if ((m & MARK_HITS) == DP_RCACHE_HITS_MAX)
		return DP_RCACHE_HITS_MAX;
	// Losing the race against another hit loses a hit, and nothing else.
	atomic_compare_exchange_strong_explicit(
		mark, &m, (uint8_t)(m + 1), memory_order_relaxed, memory_order_relaxed);
	return (uint8_t)((m & MARK_HITS) + 1);
}

static bool find(struct shard *s, const struct dp_rcache_key *k, uint64_t hash,
	enum dp_rcache_form form, struct dp_rcache_copy *out)
{
	const struct bucket *b = bucket_of(s, hash);
	uint32_t tag = tag_of(hash);

	for (unsigned i = 0; i < WAYS; i++) {
		uint32_t slot = atomic_load_explicit(&b->slot[i], memory_order_acquire);
		uint16_t chunk = (uint16_t)slot;

		if (slot >> 16 != tag || chunk >= SHARD_CHUNKS)
			continue;
		if (read_once(s, chunk, k, hash, form, out)) {
			out->chunk = chunk;
			out->hits = count_hit(&s->mark[chunk]);
			return true;
		}
	}
	return false;
}

bool dp_rcache_get(const struct dp_rcache *c, const struct dp_rcache_key *k, uint64_t hash,
	enum dp_rcache_form form, struct dp_rcache_copy *out)
{
	struct shard *s = shard_of(c, hash);

	out->shard = (uint32_t)(s - c->shard);
	for (unsigned i = 0; i < READS_MAX; i++) {
		if (find(s, k, hash, form, out))
			return true;
		// Only where somebody writes can it be there and not be found.
		if (get32(&s->busy) == 0)
			break;
	}
	return false;
}

bool dp_rcache_claim(struct dp_rcache *c, const struct dp_rcache_copy *found)
{
	_Atomic uint8_t *mark = &c->shard[found->shard].mark[found->chunk];

	if (atomic_load_explicit(mark, memory_order_relaxed) & MARK_CLAIMED)
		return false;
	return (atomic_fetch_or_explicit(mark, MARK_CLAIMED, memory_order_relaxed) &
		       MARK_CLAIMED) == 0;
}

/* ---- writing: the shard is ours ---- */

static bool try_take(struct shard *s)
{
	return get32(&s->busy) == 0 &&
	       atomic_exchange_explicit(&s->busy, 1, memory_order_acquire) == 0;
}

static void give_back(struct shard *s)
{
	atomic_store_explicit(&s->busy, 0, memory_order_release);
}

static void link_newest(struct shard *s, enum queue q, uint16_t chunk, unsigned chunks)
{
	struct fifo *f = &s->fifo[q];

	s->queue[chunk] = (uint8_t)q;
	s->newer[chunk] = NO_CHUNK;
	s->older[chunk] = f->newest;
	if (f->newest != NO_CHUNK)
		s->newer[f->newest] = chunk;
	else
		f->oldest = chunk;
	f->newest = chunk;
	f->chunks += chunks;
}

static void unlink_entry(struct shard *s, uint16_t chunk, unsigned chunks)
{
	struct fifo *f = &s->fifo[s->queue[chunk]];
	uint16_t newer = s->newer[chunk], older = s->older[chunk];

	*(newer != NO_CHUNK ? &s->older[newer] : &f->newest) = older;
	*(older != NO_CHUNK ? &s->newer[older] : &f->oldest) = newer;
	f->chunks -= chunks;
}

static void head_of(const struct shard *s, uint16_t chunk, struct dp_rcache_head *out)
{
	uint64_t word[HEAD_WORDS];

	copy_words(&s->chunk[chunk], 0, word, HEAD_WORDS);
	memcpy(out, word, sizeof(*out));
}

static void free_chunk(struct shard *s, uint16_t chunk)
{
	s->newer[chunk] = s->free;
	s->free = chunk;
	add32(&s->free_count, 1);
}

static uint16_t take_chunk(struct shard *s)
{
	uint16_t chunk = s->free;

	s->free = s->newer[chunk];
	add32(&s->free_count, (uint32_t)-1);
	return chunk;
}

/* First the number: from here on no reader believes what is in the chunks. */
static void remove_entry(struct shard *s, uint16_t chunk)
{
	struct dp_rcache_head h;
	struct bucket *b;

	store(&s->chunk[chunk].w[0], load(&s->chunk[chunk].w[0]) + 1);
	head_of(s, chunk, &h);
	b = bucket_of(s, h.hash);
	for (unsigned i = 0; i < WAYS; i++)
		if ((uint16_t)get32(&b->slot[i]) == chunk)
			atomic_store_explicit(&b->slot[i], NO_SLOT, memory_order_relaxed);
	unlink_entry(s, chunk, chunks_of(&h));
	for (unsigned i = 0; i + 1 < chunks_of(&h); i++)
		free_chunk(s, h.more[i]);
	free_chunk(s, chunk);
	add32(&s->entries, (uint32_t)-1);
}

static uint8_t hits_of(const struct shard *s, uint16_t chunk)
{
	return atomic_load_explicit(&s->mark[chunk], memory_order_relaxed) & MARK_HITS;
}

/* A reader may count a hit in between: then the mark is a little wrong. */
static void set_hits(struct shard *s, uint16_t chunk, unsigned hits)
{
	uint8_t m = atomic_load_explicit(&s->mark[chunk], memory_order_relaxed);

	atomic_store_explicit(
		&s->mark[chunk], (uint8_t)((m & MARK_CLAIMED) | hits), memory_order_relaxed);
}

static uint32_t *ghost_of(struct shard *s, uint64_t hash)
{
	return &s->ghost[hash % GHOSTS];
}

static uint32_t ghost_tag(uint64_t hash)
{
	return (uint32_t)(hash >> 16) | 1; // 0: nobody
}

static void evict(struct shard *s, uint16_t chunk)
{
	struct dp_rcache_head h;

	head_of(s, chunk, &h);
	if (s->queue[chunk] == SMALL)
		*ghost_of(s, h.hash) = ghost_tag(h.hash);
	remove_entry(s, chunk);
	store(&s->evictions, load(&s->evictions) + 1);
}

/* Not even as a stale answer will it be served again. */
static bool is_dead(const struct dp_rcache_head *h, uint32_t now_s, uint32_t stale_s)
{
	return (uint64_t)h->ends_s + stale_s <= now_s;
}

/* The oldest of a queue goes, unless it was hit: then it moves to the main queue's young end. */
static void evict_oldest(struct shard *s, enum queue q, uint32_t now_s, uint32_t stale_s)
{
	uint16_t chunk = s->fifo[q].oldest;
	uint8_t hits = hits_of(s, chunk);
	struct dp_rcache_head h;

	head_of(s, chunk, &h);
	if (hits <= (q == SMALL ? 1 : 0) || is_dead(&h, now_s, stale_s)) {
		evict(s, chunk);
		return;
	}
	unlink_entry(s, chunk, chunks_of(&h));
	set_hits(s, chunk, q == SMALL ? 0 : hits - 1u);
	link_newest(s, MAIN, chunk, chunks_of(&h));
}

/* @return false: there are only popular ones in sight, the next put() looks further */
static bool make_room(struct shard *s, unsigned chunks, uint32_t now_s, uint32_t stale_s)
{
	for (unsigned i = 0; i < EVICT_LOOKS && get32(&s->free_count) < chunks; i++) {
		bool small = s->fifo[SMALL].chunks * SMALL_SHARE >= SHARD_CHUNKS ||
			     s->fifo[MAIN].oldest == NO_CHUNK;

		evict_oldest(s, small ? SMALL : MAIN, now_s, stale_s);
	}
	return get32(&s->free_count) >= chunks;
}

/* The main queue's before the small one's, then by hits. */
static unsigned worth(const struct shard *s, uint16_t chunk)
{
	return s->queue[chunk] * (DP_RCACHE_HITS_MAX + 1u) + hits_of(s, chunk);
}

/* An empty slot; in a full bucket the one that is worth least gives way. */
static _Atomic uint32_t *make_slot(struct shard *s, uint64_t hash)
{
	struct bucket *b = bucket_of(s, hash);
	unsigned least = 0;

	for (unsigned i = 0; i < WAYS; i++) {
		if (get32(&b->slot[i]) == NO_SLOT)
			return &b->slot[i];
		if (worth(s, (uint16_t)get32(&b->slot[i])) <
			worth(s, (uint16_t)get32(&b->slot[least])))
			least = i;
	}
	evict(s, (uint16_t)get32(&b->slot[least]));
	return &b->slot[least];
}

/* What a new entry inherits from the one whose place it takes. */
struct legacy {
	enum queue queue;
	uint8_t hits;
};

/* Remove older answers to the question: every form that the new one stands for. */
static struct legacy replace(struct shard *s, uint64_t hash, enum dp_rcache_form form)
{
	enum dp_rcache_form out = form == DP_RCACHE_PLAIN ? DP_RCACHE_PLAIN : DP_RCACHE_BOTH;
	struct bucket *b = bucket_of(s, hash);
	struct legacy l = {*ghost_of(s, hash) == ghost_tag(hash) ? MAIN : SMALL, 0};

	for (unsigned i = 0; i < WAYS; i++) {
		uint32_t slot = get32(&b->slot[i]);
		struct dp_rcache_head h;

		if (slot == NO_SLOT || slot >> 16 != tag_of(hash))
			continue;
		head_of(s, (uint16_t)slot, &h);
		if (h.hash != hash || (h.form & out) == 0)
			continue;
		if (s->queue[(uint16_t)slot] == MAIN)
			l.queue = MAIN;
		if (hits_of(s, (uint16_t)slot) > l.hits)
			l.hits = hits_of(s, (uint16_t)slot);
		remove_entry(s, (uint16_t)slot);
	}
	return l;
}

static void write_words(struct chunk *to, const uint64_t *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		store(&to->w[1 + i], from[i]);
}

/* Chunks are taken and filled; the head's number comes last. */
static uint16_t write_entry(struct shard *s, struct dp_rcache_copy *in)
{
	size_t words = words_of(&in->head), done = DATA_WORDS;
	unsigned count = chunks_of(&in->head);
	uint16_t head = take_chunk(s);

	for (unsigned i = 0; i + 1 < count; i++)
		in->head.more[i] = take_chunk(s);
	write_words(&s->chunk[head], in->word, words < DATA_WORDS ? words : DATA_WORDS);
	for (unsigned i = 0; done < words; i++, done += DATA_WORDS)
		write_words(&s->chunk[in->head.more[i]], in->word + done,
			words - done < DATA_WORDS ? words - done : DATA_WORDS);
	store(&s->chunk[head].w[0], load(&s->chunk[head].w[0]) + 1);
	return head;
}

static void add_entry(
	struct shard *s, uint64_t hash, struct dp_rcache_copy *in, const struct legacy *l)
{
	_Atomic uint32_t *slot = make_slot(s, hash);
	uint16_t chunk = write_entry(s, in);

	atomic_store_explicit(&s->mark[chunk], l->hits, memory_order_relaxed);
	link_newest(s, l->queue, chunk, chunks_of(&in->head));
	add32(&s->entries, 1);
	atomic_store_explicit(slot, tag_of(hash) << 16 | chunk, memory_order_release);
}

bool dp_rcache_put(struct dp_rcache *c, const struct dp_rcache_key *k, uint64_t hash,
	struct dp_rcache_copy *in, uint32_t now_s, uint32_t stale_s)
{
	struct shard *s = shard_of(c, hash);
	struct legacy legacy;
	bool room;

	if (!dp_rcache_fits(in->head.len, in->head.records))
		return false;
	if (!try_take(s)) {
		atomic_fetch_add_explicit(&s->contended, 1, memory_order_relaxed);
		return false;
	}
	in->head.hash = hash;
	in->head.region = k->region;
	in->head.zone_labels = k->zone_labels;
	legacy = replace(s, hash, (enum dp_rcache_form)in->head.form);
	room = make_room(s, chunks_of(&in->head), now_s, stale_s);
	if (room)
		add_entry(s, hash, in, &legacy);
	give_back(s);
	return room;
}

/* ---- flushing ---- */

static bool matches(const struct shard *s, uint16_t chunk,
	bool (*match)(void *arg, struct dp_rcache_copy *a), void *arg)
{
	struct dp_rcache_copy a;

	if (match == NULL)
		return true;
	a.chunk = chunk;
	copy_words(&s->chunk[chunk], 0, a.word, HEAD_WORDS);
	return copy_rest(s, chunk, &a) && match(arg, &a);
}

static size_t flush_shard(
	struct shard *s, bool (*match)(void *arg, struct dp_rcache_copy *a), void *arg)
{
	size_t gone = 0;

	for (unsigned b = 0; b < BUCKETS; b++) {
		for (unsigned i = 0; i < WAYS; i++) {
			uint32_t slot = get32(&s->bucket[b].slot[i]);

			if (slot == NO_SLOT || !matches(s, (uint16_t)slot, match, arg))
				continue;
			remove_entry(s, (uint16_t)slot);
			gone++;
		}
	}
	return gone;
}

size_t dp_rcache_flush(
	struct dp_rcache *c, bool (*match)(void *arg, struct dp_rcache_copy *a), void *arg)
{
	size_t gone = 0;

	for (uint32_t i = 0; i < c->shard_count; i++) {
		while (!try_take(&c->shard[i]))
			sched_yield();
		gone += flush_shard(&c->shard[i], match, arg);
		give_back(&c->shard[i]);
	}
	return gone;
}

void dp_rcache_stats(const struct dp_rcache *c, struct dp_rcache_stats *out)
{
	*out = (struct dp_rcache_stats){.size = c->bytes};
	for (uint32_t i = 0; i < c->shard_count; i++) {
		struct shard *s = &c->shard[i];

		out->entries += get32(&s->entries);
		out->used +=
			(uint64_t)(SHARD_CHUNKS - get32(&s->free_count)) * sizeof(struct chunk);
		out->evictions += load(&s->evictions);
		out->contended += load(&s->contended);
	}
}

/* ---- life ---- */

static void shard_init(struct shard *s)
{
	memset(s, 0, sizeof(*s));
	s->free = NO_CHUNK;
	for (unsigned q = 0; q < QUEUES; q++)
		s->fifo[q] = (struct fifo){NO_CHUNK, NO_CHUNK, 0};
	for (unsigned i = SHARD_CHUNKS; i-- > 0;) {
		atomic_init(&s->chunk[i].w[0], 1);
		free_chunk(s, (uint16_t)i);
	}
	for (unsigned b = 0; b < BUCKETS; b++)
		for (unsigned i = 0; i < WAYS; i++)
			atomic_init(&s->bucket[b].slot[i], NO_SLOT);
}

size_t dp_rcache_min_bytes(void)
{
	return sizeof(struct shard);
}

int dp_rcache_new(size_t bytes, int node, const struct dns_hash_key *key, struct dp_rcache **out)
{
	size_t shards = bytes / sizeof(struct shard);
	struct dp_rcache *c;

	if (shards == 0 || shards > UINT32_MAX)
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->key = *key;
	c->shard_count = (uint32_t)shards;
	c->bytes = shards * sizeof(struct shard);
	c->shard = node >= 0 && numa_available() >= 0 ? numa_alloc_onnode(c->bytes, node)
						      : numa_alloc_local(c->bytes);
	if (c->shard == NULL) {
		free(c);
		return -ENOMEM;
	}
	// Fewer TLB misses where the kernel can; every page is touched now, not by a worker.
	madvise(c->shard, c->bytes, MADV_HUGEPAGE);
	for (uint32_t i = 0; i < c->shard_count; i++)
		shard_init(&c->shard[i]);
	*out = c;
	return 0;
}

void dp_rcache_free(struct dp_rcache *c)
{
	if (c == NULL)
		return;
	numa_free(c->shard, c->bytes);
	free(c);
}
