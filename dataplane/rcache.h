#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/hash.h"
#include "dns/name.h"

/**
 * The response cache's store: validated answers in wire form, shared by all workers. Reads take no
 * lock and never see half an answer; writers never wait; octets are bounded; nothing is allocated
 * after the start. The essay is in rcache.c. What may be kept, and how an answer is made of it, is
 * in cached.c.
 */

enum {
	DP_RCACHE_CHUNKS = 8,                    // an answer takes at most
	DP_RCACHE_WORDS = DP_RCACHE_CHUNKS * 31, // 64-bit words that they hold
	DP_RCACHE_HEAD = 48,                     // octets before the message
	DP_RCACHE_OCTETS = DP_RCACHE_WORDS * 8,  // head, message, TTL offsets
	DP_RCACHE_RECORDS = 255,                 // more are not kept
	DP_RCACHE_MSG_MAX = DP_RCACHE_OCTETS - DP_RCACHE_HEAD,
	DP_RCACHE_HITS_MAX = 3, // an entry's hits are counted up to this
};

/** A message with DNSSEC records, one without, or one that is both because it has none. */
enum dp_rcache_form { DP_RCACHE_PLAIN = 1, DP_RCACHE_DNSSEC = 2, DP_RCACHE_BOTH = 3 };

/** What an answer is found by. */
struct dp_rcache_key {
	const struct dns_name *qname; // lower-cased
	uint16_t qtype;               // class is IN
	uint16_t region;              // ROUTE_REGION_NONE where all regions share an answer
	uint8_t zone_labels;          // of the zone that was asked: with qname they name it
};

/** One answer. Who puts fills what is not marked. */
struct dp_rcache_head {
	uint64_t hash;                       // put's
	uint32_t stored_s, ends_s;           // seconds of a clock that only goes forwards
	uint32_t signed_until;               // epoch; 0: no signature counts
	uint16_t flags;                      // the message's flags word
	int16_t ede;                         // that goes with it, DNS_EDE_NONE for none
	uint16_t path;                       // id of the path that it came by
	uint16_t region;                     // put's
	uint16_t len;                        // octets of the message
	uint16_t more[DP_RCACHE_CHUNKS - 1]; // put's
	uint8_t records;                     // whose TTLs count down
	uint8_t zone_labels;                 // put's
	uint8_t form;                        // enum dp_rcache_form
	bool secure;                         // verdict was secure, not insecure
};

/**
 * An answer in the caller's hands: head, message and the offsets of its TTLs, in one block as it
 * lies in the cache. About 2 KB; scratch.
 */
struct dp_rcache_copy {
	uint32_t shard; // where it was found, for dp_rcache_claim()
	uint16_t chunk;
	uint8_t hits; // this one counted, up to DP_RCACHE_HITS_MAX
	union {
		struct dp_rcache_head head;
		uint64_t word[DP_RCACHE_WORDS];
	};
};

/** The message: head.len octets. Its question is lower-cased. */
static inline uint8_t *dp_rcache_msg(struct dp_rcache_copy *c)
{
	return (uint8_t *)c->word + DP_RCACHE_HEAD;
}

/** head.records offsets into the message, of 32-bit TTLs. Valid when head.len is. */
static inline uint16_t *dp_rcache_ttls(struct dp_rcache_copy *c)
{
	return (uint16_t *)(void *)(dp_rcache_msg(c) + ((c->head.len + 7u) & ~7u));
}

/** Do a message of len octets and its TTL offsets fit? */
static inline bool dp_rcache_fits(size_t len, size_t records)
{
	return records <= DP_RCACHE_RECORDS &&
	       ((len + 7) & ~(size_t)7) + 2 * records <= DP_RCACHE_MSG_MAX;
}

struct dp_rcache;

/**
 * @param bytes  of memory for everything; at least dp_rcache_min_bytes()
 * @param node   NUMA node, -1 for any
 * @param key    random per start
 * @retval 0, -EINVAL, -ENOMEM
 */
int dp_rcache_new(size_t bytes, int node, const struct dns_hash_key *key, struct dp_rcache **out);
/** NULL is allowed. No thread is inside. */
void dp_rcache_free(struct dp_rcache *c);
/** Less than this holds nothing. */
size_t dp_rcache_min_bytes(void);

/** Keyed hash of a question, for get and put. O(name). Any thread. */
uint64_t dp_rcache_hash(const struct dp_rcache *c, const struct dp_rcache_key *k);
/** Touch what a look-up will read first. */
void dp_rcache_prefetch(const struct dp_rcache *c, uint64_t hash);

/**
 * Find an answer in a form: the very question, whole. It may be over: the caller looks at the
 * times. Any thread, any number at once; never waits. A found answer counts as hit.
 *
 * @param form  DP_RCACHE_PLAIN or DP_RCACHE_DNSSEC
 * @param out   scratch when false
 */
bool dp_rcache_get(const struct dp_rcache *c, const struct dp_rcache_key *k, uint64_t hash,
	enum dp_rcache_form form, struct dp_rcache_copy *out);

/**
 * Keep an answer. Any thread; never waits: when another writer is at the same shard the answer is
 * forgotten. An older answer to the question goes: all forms, or when a plain one is put only that.
 *
 * @param in       head (but for put's members), message and TTL offsets; its put's members are set
 * @param now_s    the clock of ends_s
 * @param stale_s  an entry is dead this long after its end, and goes first
 * @return false when it was not kept: too large, another writer was there, or all that was looked
 *         at for its place is popular
 */
bool dp_rcache_put(struct dp_rcache *c, const struct dp_rcache_key *k, uint64_t hash,
	struct dp_rcache_copy *in, uint32_t now_s, uint32_t stale_s);

/**
 * Claim the renewal of a found answer.
 * @return true for one caller in the life of an entry
 */
bool dp_rcache_claim(struct dp_rcache *c, const struct dp_rcache_copy *found);

/**
 * Forget every answer that match() says true of. Control thread: may wait for writers, a shard at a
 * time; readers and writers go on. O(octets of the cache).
 *
 * @param match  NULL: all
 * @return how many went
 */
size_t dp_rcache_flush(
	struct dp_rcache *c, bool (*match)(void *arg, struct dp_rcache_copy *a), void *arg);

struct dp_rcache_stats {
	uint64_t size;      // octets of memory, fixed
	uint64_t entries;   // answers that are kept
	uint64_t used;      // octets of memory that they take
	uint64_t evictions; // answers that gave way to others, not being replaced or flushed
	uint64_t contended; // answers not kept because another writer was there
};
/** Any thread; each number is right by itself. O(shards). */
void dp_rcache_stats(const struct dp_rcache *c, struct dp_rcache_stats *out);
