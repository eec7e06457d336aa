#include <stdlib.h>
#include <string.h>

#include "control/columns.h"
#include "tests/unit/run.h"

static char *printed(struct ctl_columns *t)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	ctl_columns_print(t, f);
	fclose(f);
	return text;
}

static void test_aligned(void)
{
	struct ctl_columns t;

	ctl_columns_init(&t, "ZONE|>SENT|SITE");
	ctl_columns_add(&t, "com.");
	ctl_columns_add(&t, "%d", 123456);
	ctl_columns_add(&t, "sin");
	ctl_columns_add(&t, "a-long-zone.");
	ctl_columns_add(&t, "%d", 7);
	ctl_columns_add(&t, "%s", "");
	char *text = printed(&t);
	CU_ASSERT_STRING_EQUAL(text, "ZONE            SENT  SITE\n"
				     "com.          123456  sin\n"
				     "a-long-zone.       7  -\n");
	free(text);
}

static void test_limits(void)
{
	struct ctl_columns t;

	ctl_columns_init(&t, "1|2|3|4|5|6|7|8|9|10|11|12|13|14|15|16|17");
	CU_ASSERT_EQUAL(t.columns, CTL_COLUMNS_MAX);
	for (int i = 0; i < 1000; i++)
		ctl_columns_add(&t, "%d", i);
	free(printed(&t));
	ctl_columns_init(&t, "ONLY");
	char *text = printed(&t);
	CU_ASSERT_STRING_EQUAL(text, "ONLY\n");
	free(text);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"aligned", test_aligned},
		{"limits", test_limits},
		CU_TEST_INFO_NULL,
	};
	return test_run("control/columns", tests);
}
