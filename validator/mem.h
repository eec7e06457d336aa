#pragma once

#include <stddef.h>

/** Where memory comes from, beside a node's number. */
enum {
	VAL_NUMA_ANY = -1,        // where it is touched first, as the kernel does
	VAL_NUMA_INTERLEAVE = -2, // page by page over all nodes
};

/**
 * Zeroed memory, each page there already: a worker that touches it takes no page fault. It starts
 * on a page, from 2 MB up on a huge one, which the kernel is asked to use (madvise).
 *
 * @param numa  a node, or one of the above. The node is preferred: when it is full another one
 *              serves. Without NUMA in the kernel it is not looked at
 * @retval 0, -ENOMEM, -EINVAL (no such node, no bytes)
 */
int val_mem_new(size_t bytes, int numa, void **out);
/** @param bytes  as it was asked for; NULL is allowed */
void val_mem_free(void *mem, size_t bytes);
