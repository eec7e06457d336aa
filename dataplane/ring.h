#pragma once

#include <rte_ring.h>

/**
 * rte_ring_create() under a name that nobody else in this process has.
 *
 * @param what   at most 15 characters: the name begins with it, and a number follows
 * @param size   and flags: as rte_ring_create() takes them
 * @return NULL without memory
 */
struct rte_ring *dp_ring_new(const char *what, unsigned size, int numa, unsigned flags);
