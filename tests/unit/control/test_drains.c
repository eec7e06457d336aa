#include <string.h>

#include "control/drains.h"
#include "tests/unit/run.h"

static void test_drains(void)
{
	struct ctl_drains *ds;

	CU_ASSERT_EQUAL_FATAL(ctl_drains_new(&ds), 0);
	CU_ASSERT_PTR_NULL(ctl_drains_find(ds, 3));
	CU_ASSERT_PTR_NULL(ctl_drains_due(ds, UINT64_MAX));
	CU_ASSERT_EQUAL(ctl_drains_set(ds, 3, 1000, "works"), 0);
	CU_ASSERT_EQUAL(ctl_drains_set(ds, 4, 0, "for ever"), 0);
	CU_ASSERT_PTR_NULL(ctl_drains_due(ds, 999));
	CU_ASSERT_PTR_NOT_NULL_FATAL(ctl_drains_due(ds, 1000));
	CU_ASSERT_EQUAL(ctl_drains_due(ds, 1000)->path, 3);
	// the later word counts
	CU_ASSERT_EQUAL(ctl_drains_set(ds, 3, 5000, "more works"), 0);
	CU_ASSERT_PTR_NULL(ctl_drains_due(ds, 4999));
	CU_ASSERT_STRING_EQUAL(ctl_drains_find(ds, 3)->reason, "more works");
	ctl_drains_clear(ds, 3);
	ctl_drains_clear(ds, 3);
	CU_ASSERT_PTR_NULL(ctl_drains_due(ds, UINT64_MAX));
	CU_ASSERT_STRING_EQUAL(ctl_drains_find(ds, 4)->reason, "for ever");
	ctl_drains_free(ds);
	ctl_drains_free(NULL);
}

static void test_many(void)
{
	struct ctl_drains *ds;
	unsigned due = 0;

	CU_ASSERT_EQUAL_FATAL(ctl_drains_new(&ds), 0);
	for (uint16_t i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(ctl_drains_set(ds, i, 1 + i, "r"), 0);
	for (const struct ctl_drain *d; (d = ctl_drains_due(ds, 500)); due++)
		ctl_drains_clear(ds, d->path);
	CU_ASSERT_EQUAL(due, 500);
	for (uint16_t i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(ctl_drains_find(ds, i) != NULL, i >= 500);
	ctl_drains_free(ds);
}

static void test_long_reason(void)
{
	struct ctl_drains *ds;
	char reason[CTL_DRAIN_REASON_MAX + 1];

	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	CU_ASSERT_EQUAL_FATAL(ctl_drains_new(&ds), 0);
	CU_ASSERT_EQUAL(ctl_drains_set(ds, 1, 0, reason), 0);
	CU_ASSERT_EQUAL(strlen(ctl_drains_find(ds, 1)->reason), CTL_DRAIN_REASON_MAX - 1);
	ctl_drains_free(ds);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"drains", test_drains},
		{"many", test_many},
		{"long reason", test_long_reason},
		CU_TEST_INFO_NULL,
	};
	return test_run("control/drains", tests);
}
