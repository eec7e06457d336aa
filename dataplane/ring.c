#include "dataplane/ring.h"

#include <stdatomic.h>
#include <stdio.h>

struct rte_ring *dp_ring_new(const char *what, unsigned size, int numa, unsigned flags)
{
	static _Atomic unsigned serial; // names in EAL are global to the process
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "%.15s_%u", what, atomic_fetch_add(&serial, 1));
	return rte_ring_create(name, size, numa, flags);
}
