#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CUnit/Basic.h>

#include "dataplane/nodes.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

/* Nodes that this machine need not have. */

static void test_home(void)
{
	static const struct {
		const char *name;
		int port[3];
		unsigned ports;
		int lcore, expect;
	} rows[] = {
		{"the port's", {1}, 1, 0, 1},
		{"the first port's", {1, 0}, 2, 0, 1},
		{"the first that is known", {-1, 2, 1}, 3, 0, 2},
		{"nobody's: the lcore's", {-1, -1}, 2, 3, 3},
		{"no port", {0}, 0, 3, 3},
	};

	for (unsigned r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
		UNIT_CHECK(rows[r].name,
			dp_node_home(rows[r].port, rows[r].ports, rows[r].lcore) == rows[r].expect);
}

static void test_far(void)
{
	static const struct dp_node_cpu worker[] = {{2, 0}, {3, 1}, {4, -1}, {5, 1}};
	char out[256];

	CU_ASSERT_EQUAL(dp_node_far("up", 0, worker, 4, out, sizeof(out)), 2);
	CU_ASSERT_STRING_EQUAL(out, "port up is on NUMA node 0, each of its packets crosses to "
				    "workers on CPU 3 (node 1) 5 (node 1)");
	CU_ASSERT_EQUAL(dp_node_far("up", 1, worker, 4, out, sizeof(out)), 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "CPU 2 (node 0)"));
	CU_ASSERT_EQUAL(dp_node_far("up", 0, worker, 1, out, sizeof(out)), 0);
	CU_ASSERT_STRING_EQUAL(out, "");
	CU_ASSERT_EQUAL(dp_node_far("up", -1, worker, 4, out, sizeof(out)), 0);
	CU_ASSERT_STRING_EQUAL(out, "");
}

/* However short the place is, nothing is written behind it. */
static void test_short(void)
{
	static const struct dp_node_cpu worker[] = {{2, 1}, {3, 1}};

	for (size_t size = 1; size < 120; size++) {
		char *out = malloc(size);

		CU_ASSERT_EQUAL(dp_node_far("up", 0, worker, 2, out, size), 2);
		CU_ASSERT(strlen(out) < size);
		free(out);
	}
}

static char folder[] = "/tmp/swerve-numa-XXXXXX";

static void put_node(const char *dir, const char *text)
{
	char command[512];
	FILE *f;

	snprintf(command, sizeof(command), "mkdir -p %s/%s", folder, dir);
	CU_ASSERT_EQUAL_FATAL(system(command), 0);
	snprintf(command, sizeof(command), "%s/%s/numa_node", folder, dir);
	f = fopen(command, "we");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
}

static void test_device(void)
{
	char command[64];

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	put_node("class/net/eth7/device", "1\n");
	put_node("class/net/eth8/device", "-1\n");
	put_node("bus/pci/devices/0000:01:00.0", "2\n");
	CU_ASSERT_EQUAL(dp_node_of_device(folder, "eth7"), 1);
	CU_ASSERT_EQUAL(dp_node_of_device(folder, "eth8"), DP_NODE_UNKNOWN);
	CU_ASSERT_EQUAL(dp_node_of_device(folder, "eth9"), DP_NODE_UNKNOWN);
	CU_ASSERT_EQUAL(dp_node_of_device(folder, "0000:01:00.0"), 2);
	CU_ASSERT_EQUAL(dp_node_of_device(folder, "01:00.0"), 2);
	CU_ASSERT_EQUAL(dp_node_of_device(folder, "01:00.0,rx_mode=1"), 2);
	CU_ASSERT_EQUAL(dp_node_of_device(folder, "net_memif0,role=server"), DP_NODE_UNKNOWN);
	CU_ASSERT_EQUAL(dp_node_of_device(folder, ""), DP_NODE_UNKNOWN);
	CU_ASSERT_EQUAL(dp_node_of_device(folder, "../net/eth7"), DP_NODE_UNKNOWN);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"where memory goes", test_home},
		{"who is far", test_far},
		{"short of room", test_short},
		{"a device's node", test_device},
		CU_TEST_INFO_NULL,
	};

	return test_run("dataplane/numa", tests);
}
