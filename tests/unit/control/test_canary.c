#include <string.h>

#include "control/canary.h"
#include "tests/unit/run.h"

static struct ctl_canary c;
static struct ctl_canary_counts now;
static uint64_t now_ms;
static char text[CTL_CANARY_TEXT_MAX];

/* Seconds of 100 answers and tries each, of which so many fail or are repeated. */
static void live(unsigned seconds, unsigned failed, unsigned repeated)
{
	for (unsigned i = 0; i < seconds; i++) {
		now_ms += 1000;
		now.answers += 100;
		now.failed += failed;
		now.tries += 100;
		now.repeated += repeated;
		ctl_canary_look(&c, &now, now_ms);
	}
}

static void begin(unsigned seconds, unsigned rise)
{
	ctl_canary_begin(&c, &now, 8, 7, seconds, rise, now_ms);
	CU_ASSERT_TRUE(c.running);
}

static void setup(void)
{
	memset(&c, 0, sizeof(c));
	memset(&now, 0, sizeof(now));
	now_ms = 5000000;
	text[0] = '\0';
}

static enum ctl_canary_verdict judge(void)
{
	return ctl_canary_judge(&c, &now, now_ms, text);
}

static void test_passes(void)
{
	setup();
	CU_ASSERT_EQUAL(judge(), CTL_CANARY_NONE);
	live(70, 1, 1);
	begin(30, 2);
	live(29, 1, 1);
	CU_ASSERT_EQUAL(judge(), CTL_CANARY_GOES_ON);
	live(1, 1, 1);
	CU_ASSERT_EQUAL(judge(), CTL_CANARY_PASSED);
	CU_ASSERT_FALSE(c.running);
	CU_ASSERT_STRING_EQUAL(text, "failed answers 1.00 % before, 1.00 % of 3000 since; "
				     "repeated tries 1.00 % before, 1.00 % of 3000 since");
	CU_ASSERT_EQUAL(judge(), CTL_CANARY_NONE);
}

/* A rise of exactly what is allowed passes, one more failure does not. */
static void test_limit(void)
{
	setup();
	live(60, 1, 0);
	begin(10, 2);
	live(5, 3, 0);
	CU_ASSERT_EQUAL(judge(), CTL_CANARY_GOES_ON);
	now.failed++;
	CU_ASSERT_EQUAL(judge(), CTL_CANARY_FAILED);
	CU_ASSERT_FALSE(c.running);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "failed answers 1.00 % before, 3.20 % of 500 since"));
}

/* Clients notice nothing, because another site answers: the tries tell. */
static void test_repeated(void)
{
	setup();
	live(60, 0, 0);
	begin(10, 2);
	live(1, 0, 50);
	CU_ASSERT_EQUAL(judge(), CTL_CANARY_FAILED);
}

/* Nine failures say nothing, ten do. */
static void test_few(void)
{
	setup();
	begin(10, 2); // with no past at all
	now.answers += 10;
	now.failed += 9;
	CU_ASSERT_EQUAL(judge(), CTL_CANARY_GOES_ON);
	now.failed++;
	CU_ASSERT_EQUAL(judge(), CTL_CANARY_FAILED);
}

/* What failed as much before is no rise, and the past is a minute long. */
static void test_past(void)
{
	setup();
	live(100, 90, 0);
	live(CTL_CANARY_BEFORE_S, 20, 0);
	begin(10, 2);
	CU_ASSERT_EQUAL(c.before.answers, 100 * (CTL_CANARY_BEFORE_S - 1));
	live(9, 22, 0);
	CU_ASSERT_EQUAL(judge(), CTL_CANARY_GOES_ON);
	live(1, 30, 0);
	CU_ASSERT_EQUAL(judge(), CTL_CANARY_FAILED);
}

/* Without traffic there is nothing to be said against it. */
static void test_silence(void)
{
	setup();
	begin(1, 0);
	now_ms += 999;
	CU_ASSERT_EQUAL(judge(), CTL_CANARY_GOES_ON);
	now_ms++;
	CU_ASSERT_EQUAL(judge(), CTL_CANARY_PASSED);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"passes", test_passes},
		{"limit", test_limit},
		{"repeated tries", test_repeated},
		{"few", test_few},
		{"the past", test_past},
		{"silence", test_silence},
		CU_TEST_INFO_NULL,
	};
	return test_run("control/canary", tests);
}
