#include <errno.h>
#include <unistd.h>

#include <numa.h>
#include <numaif.h>

#include "tests/unit/run.h"
#include "tests/unit/unit.h"
#include "validator/mem.h"

enum { HUGE_PAGE = 2 << 20, PAGE = 4096 };

static void test_zeroed_and_aligned(void)
{
	static const size_t sizes[] = {
		1, PAGE, PAGE + 1, HUGE_PAGE - 1, HUGE_PAGE, HUGE_PAGE + 1, 3 * HUGE_PAGE};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t border = sizes[i] < HUGE_PAGE ? PAGE : HUGE_PAGE;
		unsigned set = 0;
		uint8_t *mem;
		void *p;

		CU_ASSERT_EQUAL_FATAL(val_mem_new(sizes[i], VAL_NUMA_ANY, &p), 0);
		mem = p;
		CU_ASSERT_EQUAL((uintptr_t)mem % border, 0);
		for (size_t k = 0; k < sizes[i]; k++)
			set += mem[k] != 0;
		CU_ASSERT_EQUAL(set, 0);
		memset(mem, 0xff, sizes[i]);
		val_mem_free(mem, sizes[i]);
	}
	val_mem_free(NULL, 0);
}

static void test_refusals(void)
{
	void *p = NULL;

	CU_ASSERT_EQUAL(val_mem_new(0, VAL_NUMA_ANY, &p), -EINVAL);
	CU_ASSERT_EQUAL(val_mem_new(PAGE, VAL_NUMA_INTERLEAVE - 1, &p), -EINVAL);
	if (numa_available() >= 0)
		CU_ASSERT_EQUAL(val_mem_new(PAGE, numa_max_node() + 1, &p), -EINVAL);
	CU_ASSERT_EQUAL(val_mem_new((size_t)1 << 60, VAL_NUMA_ANY, &p), -ENOMEM);
	CU_ASSERT_PTR_NULL(p);
}

/* Is there a NUMA that can be asked? Containers forbid the calls. */
static bool numa_answers(void)
{
	int mode;

	return numa_available() >= 0 && get_mempolicy(&mode, NULL, 0, NULL, 0) == 0;
}

static int policy_at(void *mem, struct bitmask *nodes)
{
	int mode = -1;

	CU_ASSERT_EQUAL(get_mempolicy(&mode, nodes->maskp, nodes->size + 1, mem, MPOL_F_ADDR), 0);
	return mode;
}

static int node_at(void *mem)
{
	int node = -1;

	CU_ASSERT_EQUAL(get_mempolicy(&node, NULL, 0, mem, MPOL_F_NODE | MPOL_F_ADDR), 0);
	return node;
}

static void test_on_a_node(void)
{
	enum { SIZE = 2 * HUGE_PAGE };
	struct bitmask *nodes = numa_available() >= 0 ? numa_allocate_nodemask() : NULL;

	if (!numa_answers()) {
		printf("(no NUMA here) ");
		return;
	}
	for (int node = 0; node <= numa_max_node(); node++) {
		uint8_t *mem;
		void *p;

		if (!numa_bitmask_isbitset(numa_all_nodes_ptr, (unsigned)node))
			continue;
		CU_ASSERT_EQUAL_FATAL(val_mem_new(SIZE, node, &p), 0);
		mem = p;
		CU_ASSERT_EQUAL(policy_at(mem, nodes), MPOL_PREFERRED);
		CU_ASSERT_EQUAL(numa_bitmask_weight(nodes), 1);
		CU_ASSERT(numa_bitmask_isbitset(nodes, (unsigned)node));
		for (size_t at = 0; at < SIZE; at += PAGE)
			CU_ASSERT_EQUAL(node_at(mem + at), node);
		val_mem_free(mem, SIZE);
	}
	numa_free_nodemask(nodes);
}

static void test_interleaved(void)
{
	struct bitmask *nodes = numa_available() >= 0 ? numa_allocate_nodemask() : NULL;
	void *p;

	if (!numa_answers()) {
		printf("(no NUMA here) ");
		return;
	}
	CU_ASSERT_EQUAL_FATAL(val_mem_new(HUGE_PAGE, VAL_NUMA_INTERLEAVE, &p), 0);
	CU_ASSERT_EQUAL(policy_at(p, nodes), MPOL_INTERLEAVE);
	CU_ASSERT(numa_bitmask_equal(nodes, numa_all_nodes_ptr));
	val_mem_free(p, HUGE_PAGE);
	CU_ASSERT_EQUAL_FATAL(val_mem_new(HUGE_PAGE, VAL_NUMA_ANY, &p), 0);
	CU_ASSERT_EQUAL(policy_at(p, nodes), MPOL_DEFAULT);
	val_mem_free(p, HUGE_PAGE);
	printf("%d nodes ", numa_num_configured_nodes());
	numa_free_nodemask(nodes);
}

/* /proc/self/smaps says "hg" of a mapping that huge pages were asked for. */
static bool asked_for_huge(const void *mem)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	bool in_it = false, asked = false;
	char line[512];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			in_it = from <= (uintptr_t)mem && (uintptr_t)mem < to;
		else if (in_it && strncmp(line, "VmFlags:", 8) == 0)
			asked = strstr(line, " hg") != NULL;
	}
	if (f != NULL)
		fclose(f);
	return asked;
}

static void test_huge(void)
{
	void *small, *large;

	if (access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK) != 0) {
		printf("(no transparent huge pages in this kernel) ");
		return;
	}
	CU_ASSERT_EQUAL_FATAL(val_mem_new(PAGE, VAL_NUMA_ANY, &small), 0);
	CU_ASSERT_EQUAL_FATAL(val_mem_new(HUGE_PAGE, VAL_NUMA_ANY, &large), 0);
	CU_ASSERT_FALSE(asked_for_huge(small));
	CU_ASSERT_TRUE(asked_for_huge(large));
	val_mem_free(small, PAGE);
	val_mem_free(large, HUGE_PAGE);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"zeroed, on a border", test_zeroed_and_aligned},
		{"what is refused", test_refusals},
		{"every page is on its node", test_on_a_node},
		{"interleaved", test_interleaved},
		{"huge pages are asked for", test_huge},
		CU_TEST_INFO_NULL,
	};

	return test_run("validator/mem", tests);
}
