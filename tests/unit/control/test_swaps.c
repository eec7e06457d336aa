#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/swaps.h"
#include "tests/unit/run.h"

/*
 * Tables swapped while a worker forwards as fast as it can. SWERVE_SWAPS says how often;
 * scripts/bench does it 10,000 times and measures.
 */

enum { SWAPS = 300 };

static const char *program;

static void test_swaps(void)
{
	const struct swaps_spec spec = {.zones = 3, .regions = 2};
	const char *wanted = getenv("SWERVE_SWAPS");
	uint64_t swaps = wanted ? strtoull(wanted, NULL, 10) : SWAPS;
	struct swaps_result r;

	swaps_open(&spec, program);
	swaps_run(0, 1000, swaps, &r);
	printf("\n  %llu swaps, %llu queries, %llu changes of table seen by them ",
		(unsigned long long)r.swaps, (unsigned long long)r.sent,
		(unsigned long long)r.tables_seen);
	CU_ASSERT(r.swaps >= swaps);
	CU_ASSERT(r.sent > 0);
	CU_ASSERT(r.tables_seen > 1);
	CU_ASSERT_EQUAL(r.lost, 0);
	CU_ASSERT_EQUAL(r.duplicated, 0);
	CU_ASSERT_EQUAL(r.torn, 0);
	CU_ASSERT_EQUAL(r.odd, 0);
	CU_ASSERT_EQUAL(r.retried, 0);
	CU_ASSERT_EQUAL(r.dropped, 0);
	swaps_close();
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"swaps under load", test_swaps},
		CU_TEST_INFO_NULL,
	};

	(void)argc;
	program = argv[0];
	return test_run("control/swaps", tests);
}
