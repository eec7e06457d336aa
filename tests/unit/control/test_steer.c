#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "control/steer.h"
#include "tests/unit/run.h"

/* The sentences that operators read. */

enum { NOW = 1700000000 };

static struct route_addr addr[2] = {{4, {10, 53, 1, 1}}, {4, {10, 53, 2, 1}}};
static struct route_site_config sites[2] = {{"sin", 1, &addr[0]}, {"nrt", 1, &addr[1]}};
static uint16_t order[2] = {0, 1};
static struct route_order_config orders[1] = {
	{.region = ROUTE_REGION_NONE, .site_count = 2, .sites = order}};
static struct route_zone_config zones[1] = {
	{{5, 1, "\3com"}, ROUTE_AUTHORITATIVE, 1, orders},
};
static const struct route_config config = {
	.site_count = 2, .zone_count = 1, .sites = sites, .zones = zones};
static const struct dns_hash_key key = {1, 2};

enum { SIN, NRT, NONE = 0xffff };

static const struct {
	const char *name;
	struct route_finding f;
	const char *text;
} rows[] = {
	{"an expired signature",
		{.kind = ROUTE_F_SITE_FAULT,
			.path = SIN,
			.worst = ROUTE_O_EXPIRED,
			.bad = 3,
			.bad_type = 50,
			.bad_expiration = NOW - 4},
		"com. at sin (10.53.1.1): 3 answers with NSEC3 RRSIG expired 4 s ago; nrt good; "
		"com. now goes to nrt"},
	{"one answer",
		{.kind = ROUTE_F_SITE_FAULT, .path = SIN, .worst = ROUTE_O_REFUSED, .bad = 1},
		"com. at sin (10.53.1.1): 1 answer refused; nrt good; com. now goes to nrt"},
	{"lagging by expiry",
		{.kind = ROUTE_F_LAGGING,
			.path = SIN,
			.lag = ROUTE_LAG_EXPIRY,
			.nearest = NOW + 3500},
		"com. at sin (10.53.1.1): its signatures near their end and its siblings' do not; "
		"no bogus answer yet, the first signature ends in 58m 20s; nrt good; com. now goes "
		"to nrt"},
	{"lagging by inception",
		{.kind = ROUTE_F_LAGGING, .path = SIN, .lag = ROUTE_LAG_INCEPTION, .lag_by = 90000},
		"com. at sin (10.53.1.1): its newest signature is 1d 1h older than its siblings'; "
		"no bogus answer yet; nrt good; com. now goes to nrt"},
	{"lagging by serial",
		{.kind = ROUTE_F_LAGGING,
			.path = SIN,
			.lag = ROUTE_LAG_SERIAL,
			.lag_by = 7,
			.lag_ms = 1860000,
			.nearest = NOW + 86400},
		"com. at sin (10.53.1.1): its serial has stood still for 31m 0s, now 7 behind its "
		"siblings'; no bogus answer yet, the first signature ends in 1d 0h; nrt good; com. "
		"now goes to nrt"},
	{"probation", {.kind = ROUTE_F_PROBATION, .path = SIN, .from = ROUTE_FAILING},
		"com. at sin (10.53.1.1): on probation after being failing"},
	{"returned", {.kind = ROUTE_F_RETURNED, .path = SIN},
		"com. at sin (10.53.1.1): good again, in use"},
	{"last path", {.kind = ROUTE_F_LAST_PATH, .path = NRT, .worst = ROUTE_O_TIMEOUT, .bad = 9},
		"com. at nrt (10.53.2.1): 9 answers that never came, but it is the last path: "
		"kept"},
	{"withdrawn", {.kind = ROUTE_F_WITHDRAWN, .path = SIN, .from = ROUTE_FAILING},
		"com. at sin (10.53.1.1): blame taken back: what it fell for proved to be the "
		"zone's fault, or ours; in use again"},
	{"zone's fault",
		{.kind = ROUTE_F_ZONE_FAULT,
			.path = NONE,
			.worst = ROUTE_O_SERVFAIL,
			.bad = 5,
			.total = 6},
		"com. is bad at every site: 5 of 6 answers servfail; the fault is the zone's, "
		"nothing moves; a negative trust anchor may be needed (RFC 7646): "
		"swervectl nta add com. --reason TEXT"},
	{"zone cleared", {.kind = ROUTE_F_CLEARED, .path = NONE}, "com. is good again"},
	{"ours", {.kind = ROUTE_F_OURS, .path = NONE, .zone = NONE},
		"every zone is bad at once: our clock or our egress; nothing moves"},
	{"ours cleared", {.kind = ROUTE_F_CLEARED, .path = NONE, .zone = NONE},
		"zones answer well again"},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void test_sentences(void)
{
	struct route_paths *p;
	struct route_table *table;
	char text[CTL_STEER_TEXT_MAX];

	CU_ASSERT_EQUAL_FATAL(route_paths_new(&p), 0);
	CU_ASSERT_EQUAL_FATAL(route_paths_sync(p, &config), 0);
	route_paths_at(p, SIN)->state = ROUTE_FAILING;
	CU_ASSERT_EQUAL_FATAL(route_table_new(&config, p, NULL, 1, &key, &table), 0);
	for (unsigned i = 0; i < ROWS; i++) {
		ctl_steer_text(&rows[i].f, p, &config, table, NOW, text, sizeof(text));
		if (strcmp(text, rows[i].text) == 0)
			continue;
		printf("\n  %s: got  \"%s\"\n    expected \"%s\"", rows[i].name, text,
			rows[i].text);
		CU_FAIL("wrong sentence");
	}
	route_table_free(table);
	route_paths_free(p);
}

/* A kind without a sentence of its own would show its bare name. */
static void test_every_kind_is_told(void)
{
	for (unsigned k = 0; k < ROUTE_F_KINDS; k++) {
		bool told = false;

		for (unsigned i = 0; i < ROWS; i++)
			told |= rows[i].f.kind == k;
		if (!told)
			printf("\n  %s", route_finding_name((enum route_finding_kind)k));
		CU_ASSERT(told);
	}
}

/* What does not fit is cut, and ends. */
static void test_short_buffer(void)
{
	struct route_finding f = {.kind = ROUTE_F_OURS, .path = NONE, .zone = NONE};
	const size_t len =
		strlen("every zone is bad at once: our clock or our egress; nothing moves");

	for (size_t size = 1; size <= len + 1; size++) {
		char *buf = malloc(size);

		ctl_steer_text(&f, NULL, NULL, NULL, NOW, buf, size);
		CU_ASSERT_EQUAL(strlen(buf), size - 1);
		free(buf);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"sentences", test_sentences},
		{"every kind is told", test_every_kind_is_told},
		{"a short buffer cuts", test_short_buffer},
		CU_TEST_INFO_NULL,
	};

	return test_run("control/steer", tests);
}
