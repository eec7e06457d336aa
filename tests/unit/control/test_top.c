#include <stdlib.h>
#include <string.h>

#include "control/top.h"
#include "tests/unit/run.h"

static char *drawn(const struct ctl_top *t, size_t rows)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	ctl_top_draw(t, rows, out);
	fclose(out);
	return text;
}

static void add(struct ctl_top *t, const char *status, const char *sites, uint64_t ms)
{
	json_t *st = json_loads(status, 0, NULL), *si = json_loads(sites, 0, NULL);

	ctl_top_add(t, st, si, ms);
	json_decref(st);
	json_decref(si);
}

static const char *site(const char *name, const char *state, int sent, int bad)
{
	static char buf[8][256];
	static unsigned turn;
	char *at = buf[turn++ % 8];

	snprintf(at, sizeof(buf[0]),
		"{\"zone\":\"com.\",\"site\":\"%s\",\"address\":\"192.0.2.1\",\"state\":\"%s\","
		"\"sent\":%d,\"bad\":%d,\"timeouts\":0,\"rtt_us\":1500,\"expires_in_s\":3600}",
		name, state, sent, bad);
	return at;
}

static void add_two(struct ctl_top *t, const char *a, const char *b, int received, uint64_t ms)
{
	char status[256], sites[1024];

	snprintf(status, sizeof(status),
		"{\"table\":7,\"received\":%d,\"fault\":{\"text\":\"none: nothing is wrong\"}}",
		received);
	snprintf(sites, sizeof(sites), "[%s%s%s]", a, b[0] ? "," : "", b);
	add(t, status, sites, ms);
}

static void test_rates(void)
{
	struct ctl_top *t;

	CU_ASSERT_EQUAL_FATAL(ctl_top_new(&t), 0);
	add_two(t, site("sin", "up", 1000, 5), site("lax", "up", 10, 0), 5000, 1000);
	add_two(t, site("sin", "up", 1100, 15), site("lax", "up", 10, 0), 6000, 3000);
	char *text = drawn(t, 0);
	static const char head[] = "swerve  table 7  500 packets/s  fault none: nothing is wrong\n";
	CU_ASSERT_EQUAL(strncmp(text, head, sizeof(head) - 1), 0);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text, "com.  sin   192.0.2.1  up      50  10.0%     1.5       -  "
			     "1h 0m       ·█\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "com.  lax   192.0.2.1  up       0   0.0%     1.5"));
	free(text);
	// a restart: counters fall, and no nonsense is shown
	add_two(t, site("sin", "up", 3, 0), site("lax", "up", 0, 0), 10, 4000);
	text = drawn(t, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "  0 packets/s"));
	free(text);
	ctl_top_free(t);
}

static void test_order_and_rows(void)
{
	struct ctl_top *t;

	CU_ASSERT_EQUAL_FATAL(ctl_top_new(&t), 0);
	add_two(t, site("busy", "up", 1000, 0), site("ill", "failing", 1, 1), 0, 1);
	char *text = drawn(t, 0);
	CU_ASSERT_TRUE(strstr(text, " ill ") < strstr(text, " busy "));
	free(text);
	text = drawn(t, 1);
	CU_ASSERT_PTR_NULL(strstr(text, " busy "));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "and 1 more\n"));
	free(text);
	add_two(t, site("ill", "failing", 1, 1), "", 0, 2); // the other is configured no more
	text = drawn(t, 0);
	CU_ASSERT_PTR_NULL(strstr(text, " busy "));
	free(text);
	ctl_top_free(t);
}

static void test_long_history(void)
{
	struct ctl_top *t;
	size_t bars = 0;

	CU_ASSERT_EQUAL_FATAL(ctl_top_new(&t), 0);
	for (int i = 0; i < 3 * CTL_TOP_HISTORY; i++)
		add_two(t, site("sin", "up", i * i, 0), "", 0, (uint64_t)i * 1000);
	char *text = drawn(t, 0);
	for (const char *at = text; (at = strstr(at, "\xe2\x96")) != NULL; at += 3)
		bars++;
	CU_ASSERT_EQUAL(bars, CTL_TOP_HISTORY);
	free(text);
	ctl_top_free(t);
}

static void test_poor_reports(void)
{
	static const char *const poor[] = {"{}", "[]", "[7]", "[{}]", "{\"fault\":3}"};
	struct ctl_top *t;

	CU_ASSERT_EQUAL_FATAL(ctl_top_new(&t), 0);
	free(drawn(t, 0)); // before the first moment
	for (size_t i = 0; i < sizeof(poor) / sizeof(poor[0]); i++)
		add(t, poor[i], poor[i], i);
	add(t, poor[0], poor[0], 1); // a clock that went back
	free(drawn(t, 0));
	ctl_top_free(t);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"rates and shares", test_rates},
		{"what is ill comes first", test_order_and_rows},
		{"a long history", test_long_history},
		{"poor reports", test_poor_reports},
		CU_TEST_INFO_NULL,
	};

	return test_run("control/top", tests);
}
