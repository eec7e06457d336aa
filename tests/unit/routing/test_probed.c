#include "routing/window_priv.h"
#include "tests/unit/routing/world.h"

/* ---- the last ones ---- */

/* Probes as letters, oldest first: good, signature, odd, timeout, indeterminate. */
static enum route_outcome outcome_of(char c)
{
	return c == 'g'   ? ROUTE_O_SECURE
	       : c == 's' ? ROUTE_O_EXPIRED
	       : c == 'o' ? ROUTE_O_REFUSED
	       : c == 't' ? ROUTE_O_TIMEOUT
			  : ROUTE_O_INDETERMINATE;
}

static void take(struct route_probed *p, const char *letters)
{
	struct route_sample s = {0};
	struct route_clock c;

	route_clock_init(&c, 10000);
	s.probed[ROUTE_O_BOGUS] = 99; // of an earlier time
	route_probed_base(p, &s);
	for (unsigned i = 0; letters[i] != '\0'; i++) {
		route_clock_advance(&c, 1000 * (i + 1));
		s.probed[outcome_of(letters[i])]++;
		route_probed_absorb(p, &c, &s);
		route_probed_absorb(p, &c, &s); // once is enough
	}
}

static const struct {
	const char *letters;
	uint32_t bad_min;
	unsigned ill;
	unsigned since; // of the letters, from 1; 0: not ill
} rows[] = {
	{"", 3, 0, 0},
	{"ss", 3, 0, 0},
	{"sss", 3, ROUTE_M_SIG, 1},
	{"ssss", 3, ROUTE_M_SIG, 2},
	{"ssgsg", 3, 0, 0}, // the last one is good
	{"sggss", 3, ROUTE_M_SIG, 1},
	{"sgggss", 3, 0, 0},
	{"sioiss", 3, ROUTE_M_SIG, 1}, // indeterminate ones are none
	{"ooo", 3, 0, 0},
	{"oooo", 3, ROUTE_M_ODD, 1},
	{"oogoo", 3, 0, 0},
	{"soso", 3, ROUTE_M_SIG | ROUTE_M_ODD, 1},
	{"ttttt", 3, 0, 0},
	{"tttttt", 3, ROUTE_M_SILENT, 1},
	{"gtttttt", 3, ROUTE_M_SILENT, 2},
	{"tttgttt", 3, 0, 0},
	{"ototot", 3, ROUTE_M_ODD | ROUTE_M_SILENT, 1},
	{"otgotot", 3, 0, 0},
	{"s", 1, ROUTE_M_SIG, 1},
	{"o", 1, 0, 0},
	{"oo", 1, ROUTE_M_ODD, 1},
	{"tt", 1, ROUTE_M_SILENT, 1},
	{"sssssssssssssss", 64, 0, 0},
	{"ssssssssssssssss", 64, ROUTE_M_SIG, 1},
	{"oooooooooooooooo", 64, ROUTE_M_ODD, 1},
	{"ottttttttttttttt", 64, ROUTE_M_ODD | ROUTE_M_SILENT, 1},
	{"gttttttttttttttt", 64, 0, 0},
	{"ggggggggggggggggggggsss", 3, ROUTE_M_SIG, 21},
};

static void illness(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct route_probed p = {0};
		uint64_t since_ms = 0;
		unsigned ill;

		take(&p, rows[i].letters);
		ill = route_probed_illness(&p, rows[i].bad_min, &since_ms);
		if (ill != rows[i].ill || since_ms != 1000ull * rows[i].since) {
			fprintf(stderr, "%s: ill %u since %u\n", rows[i].letters, ill,
				(unsigned)since_ms);
			CU_FAIL("illness");
		}
	}
}

static void what_is_remembered(void)
{
	struct route_probed p = {0};
	struct route_tally t;

	CU_ASSERT_EQUAL(route_probed_worst(&p), ROUTE_O_MAX);
	take(&p, "ttttgggggggggggggsog"); // 20: four are forgotten
	route_probed_since(&p, 0, &t);
	CU_ASSERT_EQUAL(t.n[ROUTE_C_GOOD], 14);
	CU_ASSERT_EQUAL(t.n[ROUTE_C_SIG], 1);
	CU_ASSERT_EQUAL(t.n[ROUTE_C_ODD], 1);
	CU_ASSERT_EQUAL(t.n[ROUTE_C_SILENT], 0);
	route_probed_since(&p, 18000, &t);
	CU_ASSERT_EQUAL(route_tally_total(&t), 3);
	CU_ASSERT_EQUAL(route_probed_worst(&p), ROUTE_O_REFUSED);
	route_probed_clear(&p);
	route_probed_since(&p, 0, &t);
	CU_ASSERT_EQUAL(route_tally_total(&t), 0);
	CU_ASSERT_EQUAL(route_probed_worst(&p), ROUTE_O_MAX);
	CU_ASSERT_EQUAL(p.outcome[ROUTE_O_BOGUS], 99); // the base is kept
}

/* More in one tick than are kept: the last that can be told count. */
static void many_at_once(void)
{
	struct route_probed p = {0};
	struct route_sample s = {0};
	struct route_clock c;
	struct route_tally t;

	route_clock_init(&c, 10000);
	route_clock_advance(&c, 1000);
	s.probed[ROUTE_O_SECURE] = 1ull << 40;
	route_probed_absorb(&p, &c, &s);
	s.probed[ROUTE_O_TIMEOUT] = 3;
	route_probed_absorb(&p, &c, &s);
	route_probed_since(&p, 1000, &t);
	CU_ASSERT_EQUAL(t.n[ROUTE_C_GOOD], ROUTE_JUDGE_PROBES - 3);
	CU_ASSERT_EQUAL(t.n[ROUTE_C_SILENT], 3);
}

/* ---- paths that carry nothing else ---- */

static const char *const all_sites[] = {"sin", "nrt", "lax"};

/* Every path's probe within 10 s, the accused's last; `from` and `to` are its probes that are bad.
 * @return the probe after which it was left, 0: it was not */
static unsigned probe_rounds(struct sim *w, unsigned rounds, unsigned from, unsigned to,
	enum route_outcome bad, enum route_outcome others)
{
	unsigned left_at = 0;

	for (unsigned r = 1; r <= rounds; r++) {
		bool is_bad = r >= from && r <= to;

		for (unsigned k = 0; k < 3; k++)
			for (uint8_t family = 4; family <= 6; family += 2) {
				bool accused = k == 2 && family == 6;

				probe(w, "com.", all_sites[k], family,
					!is_bad   ? ROUTE_O_SECURE
					: accused ? bad
						  : others);
				ticks(w, 1500);
				if (accused && left_at == 0 &&
					state(w, "com.", "lax", 6) == ROUTE_FAILING)
					left_at = r;
			}
		ticks(w, 1000);
	}
	return left_at;
}

static const struct {
	const char *name;
	enum route_outcome bad, others;
	unsigned count, left_at; // bad probes; the one at which the path is left, 0 never
} probe_rows[] = {
	{"three bogus", ROUTE_O_BOGUS, ROUTE_O_SECURE, 3, 3},
	{"two bogus", ROUTE_O_BOGUS, ROUTE_O_SECURE, 2, 0},
	{"three expired", ROUTE_O_EXPIRED, ROUTE_O_SECURE, 3, 3},
	{"three stripped, siblings insecure", ROUTE_O_UNSIGNED, ROUTE_O_INSECURE, 3, 3},
	{"four lame", ROUTE_O_LAME, ROUTE_O_SECURE, 4, 4},
	{"three lame", ROUTE_O_LAME, ROUTE_O_SECURE, 3, 0},
	{"four refused", ROUTE_O_REFUSED, ROUTE_O_SECURE, 4, 4},
	{"four SERVFAIL", ROUTE_O_SERVFAIL, ROUTE_O_SECURE, 4, 4},
	{"six lost", ROUTE_O_TIMEOUT, ROUTE_O_SECURE, 6, 6},
	{"five lost", ROUTE_O_TIMEOUT, ROUTE_O_SECURE, 5, 0},
	{"no chain is ours", ROUTE_O_INDETERMINATE, ROUTE_O_SECURE, 30, 0},
	{"bogus everywhere", ROUTE_O_BOGUS, ROUTE_O_BOGUS, 30, 0},
	{"lost everywhere", ROUTE_O_TIMEOUT, ROUTE_O_TIMEOUT, 30, 0},
	{"siblings refuse, which is bad too", ROUTE_O_BOGUS, ROUTE_O_REFUSED, 30, 0},
};

static void probes_alone_blame(void)
{
	for (size_t i = 0; i < sizeof(probe_rows) / sizeof(probe_rows[0]); i++) {
		struct sim w;
		unsigned at;

		sim_init(&w);
		at = probe_rounds(&w, probe_rows[i].count + 6, 4, probe_rows[i].count + 3,
			probe_rows[i].bad, probe_rows[i].others);
		if (at != (probe_rows[i].left_at > 0 ? probe_rows[i].left_at + 3 : 0) ||
			in_state(&w, "com.", ROUTE_UP) != 6u - (at > 0) ||
			found(&w, ROUTE_F_SITE_FAULT) != (at > 0)) {
			fprintf(stderr, "%s: left at %u\n", probe_rows[i].name, at);
			CU_FAIL("probes");
		}
		sim_fini(&w);
	}
}

static void finding_counts_probes(void)
{
	struct sim w;
	const struct route_finding *f;

	sim_init(&w);
	probe_rounds(&w, 6, 4, 6, ROUTE_O_UNSIGNED, ROUTE_O_SECURE);
	f = first(&w, ROUTE_F_SITE_FAULT);
	CU_ASSERT_EQUAL(f->path, fix_path(w.p, "com.", "lax", 6)->id);
	CU_ASSERT_EQUAL(f->worst, ROUTE_O_UNSIGNED);
	CU_ASSERT_EQUAL(f->bad, 3);
	CU_ASSERT_EQUAL(f->total, 3);
	CU_ASSERT_EQUAL(f->good_siblings, 2);
	CU_ASSERT_EQUAL(
		w.now_ms - f->first_bad_ms, 20000 + 2450); // two rounds, and the last one's rest
	sim_fini(&w);
}

/* Half of an hour's probes are bogus: three of the last five are. Where one in three is, never. */
static void some_of_the_probes(void)
{
	for (unsigned of = 2; of <= 3; of++) {
		struct sim w;

		sim_init(&w);
		for (unsigned r = 0; r < 100; r++) {
			probe(&w, "com.", "nrt", 4, ROUTE_O_SECURE);
			tick(&w);
			probe(&w, "com.", "lax", 4, r % of == 0 ? ROUTE_O_BOGUS : ROUTE_O_SECURE);
			ticks(&w, 10000);
		}
		CU_ASSERT_EQUAL(found(&w, ROUTE_F_SITE_FAULT), of == 2);
		sim_fini(&w);
	}
}

/* One bad probe of its own, of whatever kind: that path does not testify. */
static void witness_of_probes_is_clean(void)
{
	struct sim w;

	sim_init(&w);
	for (unsigned r = 0; r < 12; r++) {
		probe(&w, "com.", "nrt", 4, r % 2 == 0 ? ROUTE_O_LAME : ROUTE_O_SECURE);
		probe(&w, "com.", "sin", 6, r % 2 == 0 ? ROUTE_O_TIMEOUT : ROUTE_O_SECURE);
		tick(&w);
		probe(&w, "com.", "lax", 4, ROUTE_O_BOGUS);
		ticks(&w, 10000);
	}
	EXPECT_STATE(&w, "com.", "lax", 4, ROUTE_UP);
	for (unsigned r = 0; r < 3; r++) {
		probe(&w, "com.", "sin", 4, ROUTE_O_SECURE);
		tick(&w);
		probe(&w, "com.", "lax", 4, ROUTE_O_BOGUS);
		ticks(&w, 10000);
	}
	EXPECT_STATE(&w, "com.", "lax", 4, ROUTE_FAILING);
	sim_fini(&w);
}

/* What clients are answered shows that a path is there, whatever became of its probes. */
static void answers_outweigh_lost_probes(void)
{
	struct sim w;

	sim_init(&w);
	for (unsigned r = 0; r < 20; r++) {
		probe(&w, "com.", "nrt", 4, ROUTE_O_SECURE);
		give(&w, "com.", "lax", 4, ROUTE_O_SECURE, r < 10);
		tick(&w);
		probe(&w, "com.", "lax", 4, ROUTE_O_TIMEOUT);
		ticks(&w, 10000);
		if (r == 9)
			CU_ASSERT_EQUAL(w.log_count, 0);
	}
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_SITE_FAULT), 1);
	sim_fini(&w);
}

/* Nothing came back for three minutes, and nobody asks but probes. The first path that is asked
 * again must not testify against those that are not yet. */
static void probes_after_a_fault_of_all(void)
{
	struct sim w;

	sim_init(&w);
	for (unsigned r = 0; r < 40; r++)
		for (unsigned k = 0; k < 3; k++)
			for (uint8_t family = 4; family <= 6; family += 2) {
				probe(&w, "com.", all_sites[k], family,
					r >= 10 && r < 28 ? ROUTE_O_TIMEOUT : ROUTE_O_SECURE);
				ticks(&w, 1650);
			}
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_SITE_FAULT), 0);
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_UP), 6);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_ZONE_FAULT), found(&w, ROUTE_F_CLEARED));
	CU_ASSERT(!route_judge_zone_fault(w.j, 1, NULL));
	sim_fini(&w);
}

/* Twenty days of probes with 1 % lost and 0.1 % SERVFAIL; a tick is enough for each round. */
static void stray_loss_of_probes(void)
{
	struct sim w;
	uint64_t seed = 9;

	sim_init(&w);
	for (unsigned r = 0; r < 172800; r++) {
		for (unsigned k = 0; k < 3; k++) {
			unsigned dice = (unsigned)(fix_random(&seed) >> 33) % 1000;

			probe(&w, "com.", all_sites[k], 4,
				dice < 10    ? ROUTE_O_TIMEOUT
				: dice == 10 ? ROUTE_O_SERVFAIL
					     : ROUTE_O_SECURE);
		}
		w.now_ms += 10000;
		tick(&w);
	}
	CU_ASSERT_EQUAL(w.log_count, 0);
	sim_fini(&w);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"illness", illness},
		{"what is remembered", what_is_remembered},
		{"many at once", many_at_once},
		{"probes alone blame", probes_alone_blame},
		{"a finding counts probes", finding_counts_probes},
		{"some of the probes", some_of_the_probes},
		{"a witness of probes is clean", witness_of_probes_is_clean},
		{"answers outweigh lost probes", answers_outweigh_lost_probes},
		{"probes after a fault of all", probes_after_a_fault_of_all},
		{"stray loss of probes", stray_loss_of_probes},
		CU_TEST_INFO_NULL,
	};

	return test_run("routing/probed", tests);
}
