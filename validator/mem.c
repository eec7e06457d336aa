#include "validator/mem.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <numa.h>
#include <numaif.h>

enum { HUGE_PAGE = 2 << 20 };

/* Whole huge pages where there is one to fill. */
static size_t rounded(size_t bytes)
{
	return bytes < HUGE_PAGE ? bytes : (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

/* Map, and give back what stands out on both sides of the first huge page's border. */
static void *map(size_t size)
{
	size_t spare = size < HUGE_PAGE ? 0 : HUGE_PAGE;
	uint8_t *p = mmap(
		NULL, size + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *start;

	if (p == MAP_FAILED)
		return NULL;
	if (spare == 0)
		return p;
	start = p + -(uintptr_t)p % HUGE_PAGE;
	if (start > p)
		munmap(p, (size_t)(start - p));
	if (start < p + spare)
		munmap(start + size, (size_t)(p + spare - start));
	return start;
}

/* Before the first touch. A kernel that refuses (a container may) places as it likes. */
static void place(void *mem, size_t size, int numa)
{
	struct bitmask *one;

	if (numa == VAL_NUMA_ANY || numa_available() < 0)
		return;
	if (numa == VAL_NUMA_INTERLEAVE) {
		(void)mbind(mem, size, MPOL_INTERLEAVE, numa_all_nodes_ptr->maskp,
			numa_all_nodes_ptr->size + 1, 0);
		return;
	}
	one = numa_allocate_nodemask();
	if (one == NULL)
		return;
	numa_bitmask_setbit(one, (unsigned)numa);
	(void)mbind(mem, size, MPOL_PREFERRED, one->maskp, one->size + 1, 0);
	numa_free_nodemask(one);
}

int val_mem_new(size_t bytes, int numa, void **out)
{
	void *mem;

	if (bytes == 0 || bytes > SIZE_MAX / 2 || numa < VAL_NUMA_INTERLEAVE)
		return -EINVAL;
	if (numa >= 0 && numa_available() >= 0 && numa > numa_max_node())
		return -EINVAL;
	mem = map(rounded(bytes));
	if (mem == NULL)
		return -ENOMEM;
	place(mem, rounded(bytes), numa);
	if (bytes >= HUGE_PAGE)
		(void)madvise(mem, rounded(bytes), MADV_HUGEPAGE); // it may have none
	memset(mem, 0, rounded(bytes));
	*out = mem;
	return 0;
}

void val_mem_free(void *mem, size_t bytes)
{
	if (mem != NULL)
		munmap(mem, rounded(bytes));
}
