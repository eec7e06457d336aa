#include <string.h>

#include <CUnit/Basic.h>

#include "control/purge.h"
#include "tests/unit/run.h"

enum { KEEP_MS = 1800 };

static struct dns_name name_of(const char *text)
{
	struct dns_name n;

	CU_ASSERT_EQUAL_FATAL(dns_name_from_text(text, &n), 0);
	return n;
}

/* At once, when every worker has the new view, and when no old reply can come. */
static void test_three_passes(void)
{
	struct ctl_purge p = {.some = false};
	struct dns_name com = name_of("com.");
	struct dp_flush f;

	CU_ASSERT_FALSE(ctl_purge_due(&p, 1000, 7, 7, KEEP_MS, &f));
	ctl_purge_zone(&p, &com, true);
	CU_ASSERT_TRUE(ctl_purge_due(&p, 1000, 8, 7, KEEP_MS, &f));
	CU_ASSERT_EQUAL_FATAL(f.name_count, 1);
	CU_ASSERT_EQUAL(f.names[0].what, DP_FLUSH_UNSIGNED);
	CU_ASSERT_FALSE(f.all);
	CU_ASSERT_FALSE(ctl_purge_due(&p, 1050, 9, 7, KEEP_MS, &f));
	CU_ASSERT_TRUE(ctl_purge_due(&p, 1100, 9, 8, KEEP_MS, &f));
	CU_ASSERT_EQUAL(f.name_count, 1);
	CU_ASSERT_FALSE(ctl_purge_due(&p, 1000 + KEEP_MS - 1, 9, 9, KEEP_MS, &f));
	CU_ASSERT_TRUE(ctl_purge_due(&p, 1000 + KEEP_MS, 9, 9, KEEP_MS, &f));
	CU_ASSERT_EQUAL(f.name_count, 1);
	CU_ASSERT_FALSE(ctl_purge_due(&p, 9000, 9, 9, KEEP_MS, &f));
	CU_ASSERT_FALSE(p.some);
}

/* What comes in between is done together with the rest, from the beginning. */
static void test_collected(void)
{
	struct ctl_purge p = {.some = false};
	struct dns_name com = name_of("com."), net = name_of("net.");
	struct dp_flush f;

	ctl_purge_zone(&p, &com, false);
	CU_ASSERT_TRUE(ctl_purge_due(&p, 1000, 8, 8, KEEP_MS, &f));
	ctl_purge_path(&p, 65);
	ctl_purge_path(&p, ROUTE_PATHS_MAX); // there is none
	ctl_purge_zone(&p, &com, false);     // known
	ctl_purge_zone(&p, &net, true);
	CU_ASSERT_TRUE(ctl_purge_due(&p, 2000, 9, 8, KEEP_MS, &f));
	CU_ASSERT_EQUAL(f.name_count, 2);
	CU_ASSERT_EQUAL(f.paths[1], 2);
	CU_ASSERT_FALSE(ctl_purge_due(&p, 2050, 9, 8, KEEP_MS, &f));
	CU_ASSERT_TRUE(ctl_purge_due(&p, 2100, 9, 9, KEEP_MS, &f));
	CU_ASSERT_FALSE(ctl_purge_due(&p, 2000 + KEEP_MS - 1, 9, 9, KEEP_MS, &f));
	CU_ASSERT_TRUE(ctl_purge_due(&p, 2000 + KEEP_MS, 9, 9, KEEP_MS, &f));
	CU_ASSERT_EQUAL(f.paths[1], 2);
	ctl_purge_path(&p, 0); // after the last pass, before the next look
	CU_ASSERT_TRUE(ctl_purge_due(&p, 5000, 9, 9, KEEP_MS, &f));
	CU_ASSERT_EQUAL(f.paths[0], 1);
}

/* More zones than are told apart: all. */
static void test_many(void)
{
	struct ctl_purge p = {.some = false};
	struct dp_flush f;

	for (unsigned i = 0; i <= CTL_PURGE_NAMES; i++) {
		char text[3] = {(char)('a' + i), '.', 0};
		struct dns_name n = name_of(text);

		CU_ASSERT_FALSE(p.all);
		ctl_purge_zone(&p, &n, false);
	}
	CU_ASSERT_TRUE(ctl_purge_due(&p, 1, 1, 1, KEEP_MS, &f));
	CU_ASSERT_TRUE(f.all);
}

static void test_tree_and_all(void)
{
	struct ctl_purge p = {0};
	struct dp_flush f;
	const struct dns_name com = {5, 1, "\3com"};

	ctl_purge_tree(&p, &com);
	ctl_purge_tree(&p, &com);
	CU_ASSERT_TRUE(ctl_purge_due(&p, 1000, 7, 7, 100, &f));
	CU_ASSERT_EQUAL_FATAL(f.name_count, 1);
	CU_ASSERT_EQUAL(f.names[0].what, DP_FLUSH_TREE);
	CU_ASSERT_FALSE(f.all);
	ctl_purge_all(&p);
	CU_ASSERT_TRUE(ctl_purge_due(&p, 1000, 7, 7, 100, &f)); // all passes are ahead again
	CU_ASSERT_TRUE(f.all);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"three passes", test_three_passes},
		{"collected", test_collected},
		{"many", test_many},
		{"a name's tree, and all", test_tree_and_all},
		CU_TEST_INFO_NULL,
	};

	return test_run("control/purge", tests);
}
