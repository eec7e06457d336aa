#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/prom.h"
#include "tests/unit/run.h"

static char *text;
static size_t len;
static FILE *out;

static void begin(void)
{
	out = open_memstream(&text, &len);
}

static void expect(const char *what)
{
	fclose(out);
	CU_ASSERT_STRING_EQUAL(text, what);
	free(text);
}

static void test_lines(void)
{
	begin();
	ctl_prom_family(out, "x_total", "counter", "What it is.");
	ctl_prom_count(out, "x_total", NULL, 7);
	ctl_prom_count(out, "x_total", (struct ctl_prom_label[]){{0}}, -1);
	ctl_prom_count(out, "x_total", (struct ctl_prom_label[]){{"a", "1"}, {"b", "two"}, {0}},
		INT64_MAX);
	expect("# HELP x_total What it is.\n# TYPE x_total counter\nx_total 7\nx_total -1\n"
	       "x_total{a=\"1\",b=\"two\"} 9223372036854775807\n");
}

static void test_escapes(void)
{
	begin();
	ctl_prom_count(out, "x",
		(struct ctl_prom_label[]){{"a", "q\"b\\n\nl"}, {"b", "\xff\xc3"}, {"c", NULL}, {0}},
		0);
	expect("x{a=\"q\\\"b\\\\n\\nl\",b=\"??\",c=\"\"} 0\n");
}

static void test_reals(void)
{
	begin();
	ctl_prom_real(out, "x", NULL, 0.000128);
	ctl_prom_real(out, "x", NULL, 1e21);
	ctl_prom_real(out, "x", NULL, INFINITY);
	ctl_prom_real(out, "x", NULL, -INFINITY);
	ctl_prom_real(out, "x", NULL, NAN);
	expect("x 0.000128\nx 1e+21\nx +Inf\nx -Inf\nx NaN\n");
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"families and samples", test_lines},
		{"what would end a label is escaped", test_escapes},
		{"fractions", test_reals},
		CU_TEST_INFO_NULL,
	};

	return test_run("control/prom", tests);
}
