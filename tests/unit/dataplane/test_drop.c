#include <string.h>

#include "dataplane/drop.h"
#include "tests/unit/run.h"

static void names_are_distinct(void)
{
	for (int i = 0; i < DP_DROP_MAX; i++) {
		const char *name = dp_drop_name((enum dp_drop)i);

		CU_ASSERT_PTR_NOT_NULL_FATAL(name);
		CU_ASSERT_TRUE(name[0] != '\0' && strcmp(name, "unknown") != 0);
		CU_ASSERT_EQUAL(
			strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(name));
		for (int j = 0; j < i; j++)
			CU_ASSERT_NOT_EQUAL(strcmp(name, dp_drop_name((enum dp_drop)j)), 0);
	}
}

static void outside_the_list(void)
{
	CU_ASSERT_STRING_EQUAL(dp_drop_name(DP_DROP_MAX), "unknown");
	CU_ASSERT_STRING_EQUAL(dp_drop_name((enum dp_drop) - 1), "unknown");
	CU_ASSERT_STRING_EQUAL(dp_drop_name(DP_DROP_UDP_CHECKSUM), "udp_checksum");
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"names are distinct", names_are_distinct},
		{"outside the list", outside_the_list},
		CU_TEST_INFO_NULL,
	};

	return test_run("drop", tests);
}
