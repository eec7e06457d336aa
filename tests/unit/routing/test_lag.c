#include "tests/unit/routing/world.h"

enum { DAY = 86400, HOUR = 3600 };

static const struct {
	const char *name;
	unsigned answers; // of sin, in each of 4 ticks
	int32_t sin_inception, sin_expiration;
	unsigned peer_answers;
	int32_t nrt_inception, nrt_expiration;
	bool lags;
} lag_rows[] = {
	{"frozen: near its end, sibling renewed", 1, -6 * DAY, HOUR - 1, 1, -HOUR, 5 * DAY, true},
	{"just outside the margin", 1, -DAY, HOUR, 1, -HOUR, 5 * DAY, false},
	{"zone renews late everywhere", 1, -HOUR, HOUR - 1, 1, -HOUR, 5 * DAY, false},
	{"sibling near its end too", 1, -6 * DAY, HOUR - 1, 1, -HOUR, HOUR - 1, false},
	{"short-lived signatures everywhere", 50, -600, 600, 50, -300, 900, false},
	{"sibling silent", 1, -6 * DAY, HOUR - 1, 0, -HOUR, 5 * DAY, false},
	{"no answers lately", 0, -6 * DAY, HOUR - 1, 1, -HOUR, 5 * DAY, false},
	{"inception behind by more than a day", 8, -2 * DAY - 1, 5 * DAY, 1, -DAY, 6 * DAY, true},
	{"by a day exactly", 8, -2 * DAY, 5 * DAY, 1, -DAY, 6 * DAY, false},
	{"behind, but too few answers to tell", 7, -3 * DAY, 5 * DAY, 1, -HOUR, 6 * DAY, false},
	{"ahead of its siblings", 50, -HOUR, 6 * DAY, 50, -DAY - HOUR, 4 * DAY, false},
};

static void lagging_and_not(void)
{
	for (size_t i = 0; i < sizeof(lag_rows) / sizeof(lag_rows[0]); i++) {
		struct sim w;
		enum route_state s;

		sim_init(&w);
		for (unsigned n = 0; n < 4; n++) {
			give_signed(&w, "com.", "sin", 4, lag_rows[i].answers,
				EPOCH + lag_rows[i].sin_inception,
				EPOCH + lag_rows[i].sin_expiration);
			give_signed(&w, "com.", "nrt", 4, lag_rows[i].peer_answers,
				EPOCH + lag_rows[i].nrt_inception,
				EPOCH + lag_rows[i].nrt_expiration);
			tick(&w);
		}
		s = state(&w, "com.", "sin", 4);
		if (s != (lag_rows[i].lags ? ROUTE_LAGGING : ROUTE_UP) ||
			in_state(&w, "com.", ROUTE_UP) != 6u - lag_rows[i].lags ||
			w.log_count != lag_rows[i].lags) {
			fprintf(stderr, "%s: %s\n", lag_rows[i].name, route_state_name(s));
			CU_FAIL("lagging");
		}
		sim_fini(&w);
	}
}

static void same_site_does_not_show_lag(void)
{
	struct sim w;

	sim_init(&w);
	for (unsigned n = 0; n < 10; n++) {
		give_signed(&w, "com.", "sin", 4, 50, EPOCH - 6 * DAY, EPOCH + 60);
		give_signed(&w, "com.", "sin", 6, 50, EPOCH - HOUR, EPOCH + 6 * DAY);
		tick(&w);
	}
	CU_ASSERT_EQUAL(w.log_count, 0);
	sim_fini(&w);
}

static void lag_then_bogus_then_back(void)
{
	struct sim w;

	sim_init(&w);
	for (unsigned n = 0; n < 4; n++) {
		give_signed(&w, "com.", "sin", 4, 10, EPOCH - 6 * DAY, EPOCH + 60);
		give_signed(&w, "com.", "nrt", 4, 10, EPOCH - HOUR, EPOCH + 6 * DAY);
		tick(&w);
	}
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_LAGGING);
	CU_ASSERT_EQUAL(first(&w, ROUTE_F_LAGGING)->good_siblings, 1);
	w.epoch_s += 61;
	fail_sin(&w); // and now the bogus ones
	CU_ASSERT_EQUAL(w.log[1].from, ROUTE_LAGGING);
	ticks(&w, 60000);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_PROBATION);
	// probes are answered well, but from what it had when it stopped
	for (unsigned n = 0; n < 20; n++) {
		give_signed(&w, "com.", "sin", 4, 1, EPOCH - 6 * DAY, EPOCH + 3 * DAY);
		ticks(&w, 1000);
	}
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_PROBATION);
	give_signed(&w, "com.", "sin", 4, 1, EPOCH - 60, EPOCH + 7 * DAY); // updates again
	tick(&w);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_UP);
	sim_fini(&w);
}

static void lagging_stays_while_it_lags(void)
{
	struct sim w;

	sim_init(&w);
	for (unsigned n = 0; n < 100; n++) {
		give_signed(&w, "com.", "sin", 4, 1, EPOCH - 6 * DAY, EPOCH + 2000);
		give_signed(&w, "com.", "nrt", 4, 1, EPOCH - HOUR, EPOCH + 6 * DAY);
		ticks(&w, 10000);
	}
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_LAGGING);
	CU_ASSERT_EQUAL(w.log_count, 1);
	sim_fini(&w);
}

static void every_site_but_one_lags(void)
{
	struct sim w;

	sim_init(&w);
	for (unsigned n = 0; n < 100; n++) {
		for (uint8_t family = 4; family <= 6; family += 2) {
			give_signed(&w, "com.", "sin", family, 5, EPOCH - 6 * DAY, EPOCH + 2000);
			give_signed(&w, "com.", "nrt", family, 5, EPOCH - 6 * DAY, EPOCH + 2000);
			give_signed(&w, "com.", "lax", family, 5, EPOCH - HOUR, EPOCH + 6 * DAY);
		}
		tick(&w);
	}
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_LAGGING), 4);
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_UP), 2);
	// lax goes bad: a lagging site's answers are still good ones
	for (unsigned n = 0; n < 100; n++) {
		give_both(&w, "com.", "lax", ROUTE_O_BOGUS, 5);
		give_both(&w, "com.", "nrt", ROUTE_O_SECURE, 5);
		tick(&w);
	}
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_FAILING), 2);
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_LAGGING), 4);
	sim_fini(&w);
}

/* ---- serials ---- */

static void show_serial(struct sim *w, const char *site, uint8_t family, uint32_t serial)
{
	at(w, "com.", site, family)->serial = serial;
}

static void show_all(struct sim *w, uint32_t serial)
{
	static const char *const sites[] = {"sin", "nrt", "lax"};

	for (unsigned i = 0; i < 3; i++) {
		show_serial(w, sites[i], 4, serial);
		show_serial(w, sites[i], 6, serial);
	}
}

/* All sites answer well and have the same zone; sin is used first. */
static void serials_init(struct sim *w)
{
	sim_init(w);
	w->params.serial_lag_ms = 60000;
	route_judge_free(w->j);
	CU_ASSERT_EQUAL_FATAL(route_judge_new(&w->params, &w->j), 0);
	show_all(w, 100);
	tick(w);
}

static void serial_stands_still(void)
{
	struct sim w;

	serials_init(&w);
	ticks(&w, 120000);
	CU_ASSERT_EQUAL(w.log_count, 0); // nobody is behind
	show_all(&w, 101);
	show_serial(&w, "sin", 4, 100);
	tick(&w);
	ticks(&w, 60000 - ROUTE_JUDGE_TICK_MS);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_UP);
	tick(&w);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_LAGGING);
	EXPECT_STATE(&w, "com.", "sin", 6, ROUTE_UP); // v4 and v6 apart
	const struct route_finding *f = first(&w, ROUTE_F_LAGGING);
	CU_ASSERT_EQUAL(f->lag, ROUTE_LAG_SERIAL);
	CU_ASSERT_EQUAL(f->lag_by, 1);
	CU_ASSERT_EQUAL(f->lag_ms, 60000);
	CU_ASSERT_EQUAL(f->good_siblings, 2);
	sim_fini(&w);
}

/* A site that is always the last to have an update is sound. */
static void always_late_is_no_lag(void)
{
	struct sim w;

	serials_init(&w);
	for (uint32_t serial = 101; serial < 200; serial++) {
		show_all(&w, serial);
		show_serial(&w, "sin", 4, serial - 1);
		show_serial(&w, "sin", 6, serial - 1);
		ticks(&w, 5000);
	}
	CU_ASSERT_EQUAL(w.log_count, 0);
	sim_fini(&w);
}

static void serials_wrap(void)
{
	struct sim w;

	serials_init(&w);
	show_all(&w, 5); // later than 0xfffffff0, RFC 1982
	show_serial(&w, "sin", 4, 0xfffffff0);
	ticks(&w, 61000);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_LAGGING);
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_LAGGING), 1);
	CU_ASSERT_EQUAL(first(&w, ROUTE_F_LAGGING)->lag_by, 21);
	sim_fini(&w);
}

static void serial_rules(void)
{
	static const struct {
		const char *name;
		uint32_t sin4, sin6, nrt, lax;
		unsigned lagging;
	} rows[] = {
		{"no serial of its own", 0, 101, 101, 101, 0},
		{"of one site's addresses the later testifies to others only", 100, 101, 100, 100,
			0},
		{"one site of three that is early", 102, 102, 101, 101, 0},
		{"no sibling has shown one", 100, 100, 0, 0, 0},
		{"one of three ahead: nobody can tell", 100, 100, 101, 100, 0},
		{"two of three ahead", 100, 100, 101, 102, 2},
		{"two of three ahead, one address behind", 100, 102, 102, 102, 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sim w;

		sim_init(&w);
		w.params.serial_lag_ms = 1000;
		route_judge_free(w.j);
		CU_ASSERT_EQUAL_FATAL(route_judge_new(&w.params, &w.j), 0);
		for (uint8_t family = 4; family <= 6; family += 2) {
			show_serial(&w, "sin", family, family == 4 ? rows[i].sin4 : rows[i].sin6);
			show_serial(&w, "nrt", family, rows[i].nrt);
			show_serial(&w, "lax", family, rows[i].lax);
		}
		ticks(&w, 2000);
		if (in_state(&w, "com.", ROUTE_LAGGING) != rows[i].lagging) {
			fprintf(stderr, "%s: %u\n", rows[i].name,
				in_state(&w, "com.", ROUTE_LAGGING));
			CU_FAIL("serials");
		}
		sim_fini(&w);
	}
}

static void serial_lag_can_be_off(void)
{
	struct sim w;

	sim_init(&w);
	w.params.serial_lag_ms = 0;
	route_judge_free(w.j);
	CU_ASSERT_EQUAL_FATAL(route_judge_new(&w.params, &w.j), 0);
	show_all(&w, 101);
	show_serial(&w, "sin", 4, 1);
	ticks(&w, 4 * 3600 * 1000u);
	CU_ASSERT_EQUAL(w.log_count, 0);
	sim_fini(&w);
}

/* sin gets updates again: quiet time, good probes and a signature of now, then it is back. */
static void serial_lag_and_back(void)
{
	struct sim w;

	serials_init(&w);
	show_all(&w, 101);
	show_serial(&w, "sin", 4, 100);
	ticks(&w, 61000);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_LAGGING);
	show_serial(&w, "sin", 4, 101);
	for (unsigned n = 0; n < 80; n++) {
		give_signed(&w, "com.", "sin", 4, 1, EPOCH - 60, EPOCH + 7 * DAY);
		ticks(&w, 1000);
	}
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_UP);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_RETURNED), 1);
	sim_fini(&w);
}

static void names(void)
{
	CU_ASSERT_STRING_EQUAL(route_lag_name(ROUTE_LAG_SERIAL), "serial");
	CU_ASSERT_STRING_EQUAL(route_lag_name((enum route_lag)99), "unknown");
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"lagging and not", lagging_and_not},
		{"the same site does not show lag", same_site_does_not_show_lag},
		{"lagging, then bogus, then back", lag_then_bogus_then_back},
		{"lagging stays while it lags", lagging_stays_while_it_lags},
		{"every site but one lags", every_site_but_one_lags},
		{"a serial that stands still", serial_stands_still},
		{"always late is no lag", always_late_is_no_lag},
		{"serials wrap", serials_wrap},
		{"what serials say", serial_rules},
		{"serials can be left out", serial_lag_can_be_off},
		{"behind by serial, and back", serial_lag_and_back},
		{"names", names},
		CU_TEST_INFO_NULL,
	};

	return test_run("routing/lag", tests);
}
