#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "validator/mem.h"
#include "validator/sigid.h"

/**
 * The signature-validity cache: "this signature, over exactly this data, by exactly this key, is
 * good". Shared by all cores, lock-free, bounded, forgetful. The essay is in sigcache.c.
 */

struct val_sig_times {
	uint32_t inception, expiration;
	uint32_t key_generation; // of the key set that it was verified with
};

struct val_sigcache;

/**
 * @param entries  rounded up to a power of two of cache-line buckets
 * @param numa     node for the memory, VAL_NUMA_ANY or VAL_NUMA_INTERLEAVE (mem.h)
 * @retval 0, -ENOMEM, -EINVAL
 */
int val_sigcache_new(size_t entries, int numa, struct val_sigcache **out);
void val_sigcache_free(struct val_sigcache *c);

/** Touch the bucket ahead of a look-up. */
void val_sigcache_prefetch(const struct val_sigcache *c, const struct val_sig_id *id);

enum val_sig_state { VAL_SIG_UNKNOWN, VAL_SIG_GOOD, VAL_SIG_BAD };

/**
 * Look up. GOOD fills *times. BAD comes from the small table of failures, forgotten after
 * VAL_SIG_BAD_S seconds. Never blocks; any thread.
 */
enum val_sig_state val_sigcache_get(const struct val_sigcache *c, const struct val_sig_id *id,
	uint32_t now, struct val_sig_times *times);
enum { VAL_SIG_BAD_S = 60 };

enum { VAL_SIG_BULK_MAX = 64 };
/**
 * val_sigcache_get() of n ids at once, at most VAL_SIG_BULK_MAX: their buckets come from memory
 * side by side.
 *
 * @param state, times  n each; times[i] is set where state[i] is GOOD
 * @return how many are GOOD
 */
unsigned val_sigcache_get_bulk(const struct val_sigcache *c, const struct val_sig_id *id,
	unsigned n, uint32_t now, enum val_sig_state *state, struct val_sig_times *times);

/** Insert what was verified good. Any thread; overwrites in place, may evict. */
void val_sigcache_put(
	struct val_sigcache *c, const struct val_sig_id *id, const struct val_sig_times *times);
/** Remember a failure for a short time. */
void val_sigcache_put_bad(struct val_sigcache *c, const struct val_sig_id *id, uint32_t now);

struct val_sigcache_stats {
	uint64_t entries, buckets, bytes;
};
/** Size, which is fixed: room for entries, their buckets, octets of memory. Any thread. */
void val_sigcache_stats(const struct val_sigcache *c, struct val_sigcache_stats *out);
