#include "tests/unit/routing/fixture.h"
#include "routing/evidence.h"
#include "routing/judge.h"
#include "tests/unit/run.h"

static void names_and_classes(void)
{
	static const struct {
		enum route_outcome o;
		const char *name;
		bool good, bad;
	} rows[] = {
		{ROUTE_O_SECURE, "secure", true, false},
		{ROUTE_O_INSECURE, "insecure", true, false},
		{ROUTE_O_EXPIRED, "expired", false, true},
		{ROUTE_O_BOGUS, "bogus", false, true},
		{ROUTE_O_UNSIGNED, "unsigned", false, true},
		{ROUTE_O_INDETERMINATE, "indeterminate", false, false},
		{ROUTE_O_TIMEOUT, "timeout", false, false},
		{ROUTE_O_LAME, "lame", false, true},
		{ROUTE_O_SERVFAIL, "servfail", false, true},
		{ROUTE_O_REFUSED, "refused", false, true},
		{ROUTE_O_ERROR, "error", false, true},
		{ROUTE_O_UNREACHABLE, "unreachable", false, false},
	};

	CU_ASSERT_EQUAL(sizeof(rows) / sizeof(rows[0]), ROUTE_O_MAX);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CU_ASSERT_STRING_EQUAL(route_outcome_name(rows[i].o), rows[i].name);
		CU_ASSERT_EQUAL(route_outcome_is_good(rows[i].o), rows[i].good);
		CU_ASSERT_EQUAL(route_outcome_is_bad(rows[i].o), rows[i].bad);
	}
	CU_ASSERT_STRING_EQUAL(route_outcome_name(ROUTE_O_MAX), "unknown");
	CU_ASSERT_STRING_EQUAL(route_state_name(ROUTE_DRAINED), "drained");
	CU_ASSERT_STRING_EQUAL(route_state_name(ROUTE_STATES), "unknown");
}

static void counters_add_up(void)
{
	struct route_evidence a = {0}, b = {0};
	struct route_sample s = {0};

	a.outcome[ROUTE_O_EXPIRED] = 2;
	b.outcome[ROUTE_O_EXPIRED] = 3;
	a.refuted[ROUTE_O_EXPIRED] = 1;
	b.refuted[ROUTE_O_EXPIRED] = 1;
	a.sent = 7;
	b.sent = 1ull << 40;
	a.rtt_us_sum = 5;
	a.rtt_count = 1;
	route_sample_add(&s, &a);
	route_sample_add(&s, &b);
	CU_ASSERT_EQUAL(s.outcome[ROUTE_O_EXPIRED], 5);
	CU_ASSERT_EQUAL(s.refuted[ROUTE_O_EXPIRED], 2);
	CU_ASSERT_EQUAL(s.sent, (1ull << 40) + 7);
	CU_ASSERT_EQUAL(s.rtt_us_sum, 5);
	CU_ASSERT_EQUAL(s.rtt_count, 1);
}

static void times_take_the_telling_one(void)
{
	struct route_evidence a = {0}, b = {0}, idle = {0}, none = {0};
	struct route_sample s = {0};

	a.newest_inception = 0xfffffff0; // before the wrap of 2^32
	b.newest_inception = 5;          // after it: newer
	a.nearest_expiration = 200;
	b.nearest_expiration = 100;
	a.last_sent_us = 50000000;
	b.last_sent_us = 50000001;
	idle.nearest_expiration = 1;
	idle.last_sent_us = 50000000 - ROUTE_EXPIRATION_FRESH_US - 1;
	route_sample_add(&s, &idle);
	route_sample_add(&s, &a);
	CU_ASSERT_EQUAL(s.nearest_expiration, 200); // the idle core's is forgotten
	route_sample_add(&s, &b);
	route_sample_add(&s, &none);
	CU_ASSERT_EQUAL(s.newest_inception, 5);
	CU_ASSERT_EQUAL(s.nearest_expiration, 100);
	CU_ASSERT_EQUAL(s.last_sent_us, 50000001);
	route_sample_add(&s, &a);
	CU_ASSERT_EQUAL(s.nearest_expiration, 100);
	route_sample_add(&s, &idle);
	CU_ASSERT_EQUAL(s.nearest_expiration, 100);
}

static void latest_bad_reply_stays(void)
{
	struct route_evidence old = {0}, late = {0}, none = {0};
	struct route_sample s = {0};

	old.bad_reason = 1;
	old.bad_expiration = 100;
	old.bad_type = 50;
	late.bad_reason = 1;
	late.bad_expiration = 200;
	late.bad_type = 43;
	late.bad_key_tag = 4711;
	route_sample_add(&s, &late);
	route_sample_add(&s, &old);
	route_sample_add(&s, &none);
	CU_ASSERT_EQUAL(s.bad_expiration, 200);
	CU_ASSERT_EQUAL(s.bad_type, 43);
	CU_ASSERT_EQUAL(s.bad_key_tag, 4711);
}

static void rtt_buckets_hold_what_they_say(void)
{
	CU_ASSERT_EQUAL(route_rtt_bucket(0), 0);
	for (unsigned i = 0; i + 1 < ROUTE_RTT_BUCKETS; i++) {
		CU_ASSERT_EQUAL(route_rtt_bucket(route_rtt_bucket_max_us(i)), i);
		CU_ASSERT_EQUAL(route_rtt_bucket(route_rtt_bucket_max_us(i) + 1), i + 1);
	}
	CU_ASSERT_EQUAL(route_rtt_bucket(UINT64_MAX), ROUTE_RTT_BUCKETS - 1);
	CU_ASSERT_EQUAL(route_rtt_bucket_max_us(ROUTE_RTT_BUCKETS - 1), UINT64_MAX);
}

static void rtt_percentiles(void)
{
	struct route_evidence a = {0}, b = {0};
	struct route_sample s = {0};

	CU_ASSERT_EQUAL(route_sample_rtt_us(&s, 99), 0);
	a.rtt_bucket[route_rtt_bucket(1000)] = 98;
	b.rtt_bucket[route_rtt_bucket(1000)] = 1;
	b.rtt_bucket[ROUTE_RTT_BUCKETS - 1] = 1;
	route_sample_add(&s, &a);
	route_sample_add(&s, &b);
	CU_ASSERT_EQUAL(route_sample_rtt_us(&s, 1), 1024);
	CU_ASSERT_EQUAL(route_sample_rtt_us(&s, 99), 1024);
	CU_ASSERT_EQUAL(route_sample_rtt_us(&s, 100), UINT64_MAX);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"round-trip times by powers of two", rtt_buckets_hold_what_they_say},
		{"round-trip times by percent", rtt_percentiles},
		{"names and classes", names_and_classes},
		{"counters add up", counters_add_up},
		{"times take the telling one", times_take_the_telling_one},
		{"the latest bad reply stays", latest_bad_reply_stays},
		CU_TEST_INFO_NULL,
	};

	return test_run("routing/evidence", tests);
}
