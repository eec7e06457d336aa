#include "tests/unit/routing/world.h"

/* ---- a site's fault ---- */

static const struct {
	const char *name;
	enum route_outcome o;
	unsigned bad, good; // of the accused
	enum route_outcome peer;
	unsigned peer_n;
	bool fails;
} blame_rows[] = {
	{"bad_min expired, peer_good_min good", ROUTE_O_EXPIRED, 3, 0, ROUTE_O_SECURE, 3, true},
	{"one less bad", ROUTE_O_EXPIRED, 2, 0, ROUTE_O_SECURE, 3, false},
	{"one less good at the peer", ROUTE_O_EXPIRED, 3, 0, ROUTE_O_SECURE, 2, false},
	{"share reached", ROUTE_O_BOGUS, 3, 12, ROUTE_O_SECURE, 3, true},
	{"share missed", ROUTE_O_BOGUS, 3, 13, ROUTE_O_SECURE, 3, false},
	{"stripped", ROUTE_O_UNSIGNED, 3, 0, ROUTE_O_SECURE, 3, true},
	{"lame", ROUTE_O_LAME, 3, 0, ROUTE_O_SECURE, 3, true},
	{"servfail", ROUTE_O_SERVFAIL, 3, 0, ROUTE_O_INSECURE, 3, true},
	{"refused", ROUTE_O_REFUSED, 3, 0, ROUTE_O_SECURE, 3, true},
	{"error", ROUTE_O_ERROR, 3, 0, ROUTE_O_SECURE, 3, true},
	{"three odd ones of five", ROUTE_O_SERVFAIL, 3, 2, ROUTE_O_SECURE, 3, true},
	{"three odd ones of six", ROUTE_O_SERVFAIL, 3, 3, ROUTE_O_SECURE, 3, false},
	{"four odd ones of seven", ROUTE_O_SERVFAIL, 4, 3, ROUTE_O_SECURE, 3, false},
	{"five odd ones at the share", ROUTE_O_REFUSED, 5, 20, ROUTE_O_SECURE, 3, true},
	{"five odd ones below it", ROUTE_O_REFUSED, 5, 21, ROUTE_O_SECURE, 3, false},
	{"timeouts by their own minimum", ROUTE_O_TIMEOUT, 8, 0, ROUTE_O_SECURE, 3, true},
	{"one timeout less", ROUTE_O_TIMEOUT, 7, 0, ROUTE_O_SECURE, 3, false},
	{"timeouts at half", ROUTE_O_TIMEOUT, 8, 8, ROUTE_O_SECURE, 3, true},
	{"timeouts below half", ROUTE_O_TIMEOUT, 8, 9, ROUTE_O_SECURE, 3, false},
	{"no chain is ours", ROUTE_O_INDETERMINATE, 1000, 0, ROUTE_O_SECURE, 100, false},
	{"no next hop is ours", ROUTE_O_UNREACHABLE, 1000, 0, ROUTE_O_SECURE, 100, false},
	{"good is good", ROUTE_O_INSECURE, 1000, 0, ROUTE_O_SECURE, 100, false},
	{"a peer without verdicts does not testify", ROUTE_O_EXPIRED, 9, 0, ROUTE_O_INDETERMINATE,
		100, false},
};

static void blame_at_the_first_tick(void)
{
	for (size_t i = 0; i < sizeof(blame_rows) / sizeof(blame_rows[0]); i++) {
		struct sim w;
		bool ok;

		sim_init(&w);
		give(&w, "com.", "sin", 4, blame_rows[i].o, blame_rows[i].bad);
		give(&w, "com.", "sin", 4, ROUTE_O_SECURE, blame_rows[i].good);
		give(&w, "com.", "nrt", 4, blame_rows[i].peer, blame_rows[i].peer_n);
		tick(&w);
		ok = state(&w, "com.", "sin", 4) ==
			     (blame_rows[i].fails ? ROUTE_FAILING : ROUTE_UP) &&
		     found(&w, ROUTE_F_SITE_FAULT) == blame_rows[i].fails &&
		     in_state(&w, "com.", ROUTE_UP) == 6u - blame_rows[i].fails;
		if (!ok) {
			fprintf(stderr, "%s\n", blame_rows[i].name);
			CU_FAIL("blame");
		}
		sim_fini(&w);
	}
}

static void finding_says_what_was_seen(void)
{
	struct sim w;
	const struct route_finding *f;
	struct route_sample *s;
	uint64_t first_ms;

	sim_init(&w);
	give(&w, "com.", "sin", 4, ROUTE_O_SECURE, 2);
	give(&w, "com.", "sin", 4, ROUTE_O_EXPIRED, 1);
	first_ms = w.now_ms + ROUTE_JUDGE_TICK_MS;
	tick(&w);
	s = at(&w, "com.", "sin", 4);
	s->bad_expiration = EPOCH - 4;
	s->bad_type = 50;
	s->bad_reason = 1;
	s->bad_key_tag = 4711;
	give(&w, "com.", "sin", 4, ROUTE_O_EXPIRED, 36);
	give(&w, "com.", "sin", 4, ROUTE_O_SERVFAIL, 1);
	give(&w, "com.", "nrt", 4, ROUTE_O_SECURE, 20);
	give(&w, "com.", "lax", 6, ROUTE_O_SECURE, 3);
	tick(&w);
	f = first(&w, ROUTE_F_SITE_FAULT);
	CU_ASSERT_EQUAL(f->path, fix_path(w.p, "com.", "sin", 4)->id);
	CU_ASSERT_EQUAL(f->zone, 1);
	CU_ASSERT_EQUAL(f->from, ROUTE_UP);
	CU_ASSERT_EQUAL(f->to, ROUTE_FAILING);
	CU_ASSERT_EQUAL(f->worst, ROUTE_O_EXPIRED);
	CU_ASSERT_EQUAL(f->bad, 38);
	CU_ASSERT_EQUAL(f->total, 40);
	CU_ASSERT_EQUAL(f->good_siblings, 2);
	CU_ASSERT_EQUAL(f->bad_expiration, EPOCH - 4);
	CU_ASSERT_EQUAL(f->bad_type, 50);
	CU_ASSERT_EQUAL(f->bad_key_tag, 4711);
	CU_ASSERT_EQUAL(f->first_bad_ms, first_ms);
	sim_fini(&w);
}

/* 1,000 queries a second that were good for 10 s, a third of them expired from now on, over both
 * addresses. */
static void good_past_excuses_nothing(void)
{
	struct sim w;
	unsigned n = 0;

	sim_init(&w);
	for (; n < 200; n++) {
		give_both(&w, "com.", "sin", ROUTE_O_SECURE, 25);
		tick(&w);
	}
	for (n = 1; state(&w, "com.", "sin", 4) == ROUTE_UP && n < 100; n++) {
		give_both(&w, "com.", "sin", ROUTE_O_SECURE, 17);
		give_both(&w, "com.", "sin", ROUTE_O_EXPIRED, 8);
		give_both(&w, "com.", "nrt", ROUTE_O_SECURE, 8);
		tick(&w);
	}
	CU_ASSERT(n <= 3);
	EXPECT_STATE(&w, "com.", "sin", 6, ROUTE_FAILING);
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_FAILING), 2);
	CU_ASSERT_EQUAL(in_state(&w, "net.", ROUTE_FAILING), 0);
	sim_fini(&w);
}

static void refuted_needs_no_share(void)
{
	struct sim w;

	sim_init(&w);
	give(&w, "com.", "sin", 4, ROUTE_O_SECURE, 100000);
	tick(&w);
	give(&w, "com.", "sin", 4, ROUTE_O_SECURE, 1000);
	give(&w, "com.", "sin", 4, ROUTE_O_EXPIRED, 3);
	refute(&w, "com.", "sin", 4, ROUTE_O_EXPIRED, 2);
	give(&w, "com.", "nrt", 4, ROUTE_O_SECURE, 2);
	tick(&w);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_UP);
	refute(&w, "com.", "sin", 4, ROUTE_O_EXPIRED, 1); // the third retry is answered
	give(&w, "com.", "nrt", 4, ROUTE_O_SECURE, 1);
	tick(&w);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_FAILING);
	sim_fini(&w);
}

static void refuted_servfail_needs_the_share(void)
{
	struct sim w;

	sim_init(&w);
	give(&w, "com.", "sin", 4, ROUTE_O_SECURE, 1000);
	give(&w, "com.", "sin", 4, ROUTE_O_SERVFAIL, 10);
	refute(&w, "com.", "sin", 4, ROUTE_O_SERVFAIL, 10);
	give(&w, "com.", "nrt", 4, ROUTE_O_SECURE, 10);
	tick(&w);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_UP);
	give(&w, "com.", "sin", 4, ROUTE_O_SERVFAIL, 300);
	refute(&w, "com.", "sin", 4, ROUTE_O_SERVFAIL, 1);
	give(&w, "com.", "nrt", 4, ROUTE_O_SECURE,
		1); // one good answer: what refuted is witness enough
	tick(&w);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_FAILING);
	sim_fini(&w);
}

static void witness_must_be_another_site(void)
{
	struct sim w;

	sim_init(&w);
	for (unsigned i = 0; i < 100; i++) {
		give(&w, "com.", "sin", 6, ROUTE_O_EXPIRED, 5);
		give(&w, "com.", "sin", 4, ROUTE_O_SECURE, 50);
		give(&w, "net.", "nrt", 4, ROUTE_O_SECURE, 50); // another zone's
		tick(&w);
	}
	EXPECT_STATE(&w, "com.", "sin", 6, ROUTE_UP);
	CU_ASSERT_EQUAL(w.log_count, 0);
	give(&w, "com.", "lax", 4, ROUTE_O_SECURE, 3);
	tick(&w);
	EXPECT_STATE(&w, "com.", "sin", 6, ROUTE_FAILING); // IPv6 alone
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_UP);
	sim_fini(&w);
}

static void witness_must_speak_after_the_onset(void)
{
	struct sim w;

	sim_init(&w);
	give(&w, "com.", "nrt", 4, ROUTE_O_SECURE, 100);
	tick(&w);
	give(&w, "com.", "sin", 4, ROUTE_O_EXPIRED, 50);
	tick(&w);
	ticks(&w, 500);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_UP);
	give(&w, "com.", "nrt", 4, ROUTE_O_SECURE, 3);
	tick(&w);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_FAILING);
	sim_fini(&w);
}

static void evidence_is_forgotten(void)
{
	struct sim w;

	sim_init(&w);
	give(&w, "com.", "sin", 4, ROUTE_O_SERVFAIL, 2);
	tick(&w);
	ticks(&w, 10500);
	give(&w, "com.", "sin", 4, ROUTE_O_SERVFAIL, 1);
	give(&w, "com.", "nrt", 4, ROUTE_O_SECURE, 9);
	tick(&w);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_UP);
	sim_fini(&w);
}

static void spoofed_replies_are_no_evidence(void)
{
	struct sim w;

	sim_init(&w);
	for (unsigned i = 0; i < 1000; i++) {
		struct route_sample *s = at(&w, "com.", "sin", 4);

		// what does not match a transaction leaves only `sent` and the like behind
		s->sent += 50;
		s->bad_reason = (uint16_t)i;
		s->last_sent_us += 50000;
		give(&w, "com.", "nrt", 4, ROUTE_O_SECURE, 5);
		tick(&w);
	}
	CU_ASSERT_EQUAL(w.log_count, 0);
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_UP), 6);
	sim_fini(&w);
}

static void only_ipv6_fails_everywhere(void)
{
	struct sim w;

	sim_init(&w);
	for (unsigned i = 0; i < 100; i++) {
		static const char *const sites[] = {"sin", "nrt", "lax"};

		for (unsigned k = 0; k < 3; k++) {
			give(&w, "com.", sites[k], 6, ROUTE_O_TIMEOUT, 4);
			give(&w, "com.", sites[k], 4, ROUTE_O_SECURE, 4);
		}
		tick(&w);
	}
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_FAILING), 3);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_SITE_FAULT), 3);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_ZONE_FAULT), 0);
	EXPECT_STATE(&w, "com.", "nrt", 4, ROUTE_UP);
	sim_fini(&w);
}

static void random_loss_moves_nothing(void)
{
	struct sim w;
	uint64_t seed = 5;

	sim_init(&w);
	for (unsigned i = 0; i < 40000; i++) { // 33 minutes
		static const char *const sites[] = {"sin", "nrt", "lax"};

		for (unsigned k = 0; k < 3; k++)
			for (unsigned n = 0; n < (k == 0 ? 10u : 1u); n++) {
				bool lost = fix_random(&seed) % 100 < (k == 0 ? 10 : 1);
				bool odd = fix_random(&seed) % 1000 < 5;

				give(&w, "com.", sites[k], 4,
					lost  ? ROUTE_O_TIMEOUT
					: odd ? ROUTE_O_SERVFAIL
					      : ROUTE_O_SECURE,
					1);
			}
		tick(&w);
	}
	CU_ASSERT_EQUAL(w.log_count, 0);
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_UP), 6);
	sim_fini(&w);
}

/* A popular name gets SERVFAIL everywhere: 10 % of the first site's questions, all that the others
 * see. */
static void name_broken_everywhere(void)
{
	struct sim w;

	sim_init(&w);
	for (unsigned i = 0; i < 2000; i++) {
		give_both(&w, "com.", "sin", ROUTE_O_SECURE, 18);
		give_both(&w, "com.", "sin", ROUTE_O_SERVFAIL, 2);
		give_both(&w, "com.", "nrt", ROUTE_O_SERVFAIL, 2);
		give_both(&w, "com.", "lax", ROUTE_O_SERVFAIL, 2);
		if (i % 200 == 0) { // probes
			give_both(&w, "com.", "nrt", ROUTE_O_SECURE, 1);
			give_both(&w, "com.", "lax", ROUTE_O_SECURE, 1);
		}
		tick(&w);
	}
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_UP), 6);
	CU_ASSERT_EQUAL(w.log_count, 0);
	sim_fini(&w);
}

/* Three such names within a window, the last after a pause that begins a new run: the first choice
 * met the last one just before that run began, so within the run it looks clean. */
static void broken_names_with_a_pause(void)
{
	struct sim w;

	sim_init(&w);
	for (unsigned i = 0; i < 400; i++) {
		static const unsigned asked_at[] = {50, 60, 180};

		give_both(&w, "com.", "sin", ROUTE_O_SECURE, 5);
		for (unsigned n = 0; n < 3; n++)
			for (unsigned k = 0; k < 3; k++)
				if (i == asked_at[n] + k)
					give(&w, "com.",
						k == 0   ? "sin"
						: k == 1 ? "nrt"
							 : "lax",
						4, ROUTE_O_BOGUS, 1);
		tick(&w);
	}
	CU_ASSERT_EQUAL(w.log_count, 0);
	sim_fini(&w);
}

/* Three such names, and retries go to any address: nrt's IPv6 met all three and is as ill as lax's.
 * nrt's IPv4 met none by chance, but knows nothing of them: it must not testify against lax. (All
 * numbers are those of a wrong move in tests/sim.) */
static void other_address_of_a_site_that_met_the_names(void)
{
	struct sim w;

	sim_init(&w);
	for (unsigned i = 0; i < 300; i++) {
		static const unsigned asked_at[] = {60, 64, 95};

		give_both(&w, "com.", "sin", ROUTE_O_SECURE, 1);
		for (unsigned n = 0; n < 3; n++) {
			if (i == asked_at[n])
				give(&w, "com.", "sin", 4, ROUTE_O_BOGUS, 1);
			if (i == asked_at[n] + 1)
				give(&w, "com.", "nrt", 6, ROUTE_O_BOGUS, 1);
			if (i == asked_at[n] + 3)
				give(&w, "com.", "lax", 6, ROUTE_O_BOGUS, 1);
		}
		if (i == 80 || i == 97 || i == 98) { // what sin had lost, and a probe
			give(&w, "com.", "nrt", 4, ROUTE_O_SECURE, 1);
			refute(&w, "com.", "sin", 4, ROUTE_O_TIMEOUT, 1);
		}
		tick(&w);
	}
	CU_ASSERT_EQUAL(w.log_count, 0);
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_UP), 6);
	sim_fini(&w);
}

static void counters_that_fall_are_a_new_base(void)
{
	struct sim w;

	sim_init(&w);
	give(&w, "com.", "sin", 4, ROUTE_O_SECURE, 1000);
	tick(&w);
	memset(at(&w, "com.", "sin", 4), 0, sizeof(struct route_sample));
	give(&w, "com.", "sin", 4, ROUTE_O_EXPIRED, 50);
	give(&w, "com.", "nrt", 4, ROUTE_O_SECURE, 50);
	tick(&w);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_UP);
	give(&w, "com.", "sin", 4, ROUTE_O_EXPIRED, 1);
	tick(&w);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_UP);
	give(&w, "com.", "sin", 4, ROUTE_O_EXPIRED, 400);
	give(&w, "com.", "nrt", 4, ROUTE_O_SECURE, 3);
	tick(&w);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_FAILING);
	sim_fini(&w);
}

static void first_sample_is_the_base(void)
{
	struct sim w;

	memset(&w, 0, sizeof(w));
	fix_usual(&w.c);
	route_judge_defaults(&w.params);
	sim_start(&w);
	give(&w, "com.", "sin", 4, ROUTE_O_EXPIRED, 50); // of an earlier judge's time
	give(&w, "com.", "nrt", 4, ROUTE_O_SECURE, 50);
	tick(&w);
	CU_ASSERT_EQUAL(w.log_count, 0);
	route_judge_forget(w.j, fix_path(w.p, "com.", "sin", 4)->id);
	tick(&w);
	CU_ASSERT_EQUAL(w.log_count, 0);
	sim_fini(&w);
}

/* ---- a zone's fault, ours ---- */

static const char *const all_sites[] = {"sin", "nrt", "lax"};

static void zone_bad_everywhere(void)
{
	struct sim w;
	const struct route_finding *f;

	sim_init(&w);
	for (unsigned i = 0; i < 100; i++) {
		for (unsigned k = 0; k < 3; k++)
			give_both(&w, "com.", all_sites[k], ROUTE_O_BOGUS, 5);
		give_both(&w, "net.", "sin", ROUTE_O_SECURE, 5);
		give(&w, ".", "root", 4, ROUTE_O_SECURE, 1);
		tick(&w);
	}
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_UP), 6);
	CU_ASSERT_EQUAL(w.log_count, 1);
	f = first(&w, ROUTE_F_ZONE_FAULT);
	CU_ASSERT_EQUAL(f->zone, 1);
	CU_ASSERT_EQUAL(f->path, 0xffff);
	CU_ASSERT_EQUAL(f->worst, ROUTE_O_BOGUS);
	CU_ASSERT(f->bad > 100 && f->bad == f->total);
	CU_ASSERT(route_judge_zone_fault(w.j, 1, NULL));
	CU_ASSERT(!route_judge_zone_fault(w.j, 2, NULL));
	for (unsigned i = 0; i < 400; i++) { // good again
		for (unsigned k = 0; k < 3; k++)
			give_both(&w, "com.", all_sites[k], ROUTE_O_SECURE, 5);
		tick(&w);
	}
	CU_ASSERT_EQUAL(w.log_count, 2);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_CLEARED), 1);
	CU_ASSERT_EQUAL(w.log[1].zone, 1);
	CU_ASSERT(!route_judge_zone_fault(w.j, 1, NULL));
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_UP), 6);
	sim_fini(&w);
}

/* NSEC3 signatures have run out everywhere: 13 % of the first site's answers, all retries. Nothing
 * is refuted. */
static void zone_partly_bad_everywhere(void)
{
	struct sim w;
	uint64_t seed = 11;

	sim_init(&w);
	for (unsigned i = 0; i < 1000; i++) {
		for (unsigned n = 0; n < 20; n++) {
			uint8_t family = fix_random(&seed) & 1 ? 4 : 6;
			bool bad = fix_random(&seed) % 100 < 13;

			give(&w, "com.", "sin", family, bad ? ROUTE_O_EXPIRED : ROUTE_O_SECURE, 1);
			if (bad) {
				give(&w, "com.", "nrt", fix_random(&seed) & 1 ? 4 : 6,
					ROUTE_O_EXPIRED, 1);
				give(&w, "com.", "lax", fix_random(&seed) & 1 ? 4 : 6,
					ROUTE_O_EXPIRED, 1);
			}
		}
		give(&w, ".", "root", 4, ROUTE_O_SECURE, 1);
		tick(&w);
	}
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_UP), 6);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_ZONE_FAULT), 1);
	CU_ASSERT_EQUAL(w.log_count, 1);
	sim_fini(&w);
}

/* The fault reaches sin, then nrt, then lax: each is blamed on the word of those that still are
 * good. */
static void zone_fault_arrives_unevenly(void)
{
	struct sim w;

	sim_init(&w);
	for (unsigned i = 0; i < 200; i++) {
		for (unsigned k = 0; k < 3; k++)
			give_both(&w, "com.", all_sites[k],
				i >= k * 12 ? ROUTE_O_EXPIRED : ROUTE_O_SECURE, 5);
		give(&w, ".", "root", 4, ROUTE_O_SECURE, 1);
		tick(&w);
	}
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_ZONE_FAULT), 1);
	CU_ASSERT(found(&w, ROUTE_F_SITE_FAULT) >= 2); // by what was known
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_WITHDRAWN), found(&w, ROUTE_F_SITE_FAULT));
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_UP), 6);
	sim_fini(&w);
}

/* As traffic really goes: to the first site, and on to the others by retries, one round trip later.
 */
static void zone_fault_with_retries_blames_nobody(void)
{
	struct sim w;

	sim_init(&w);
	for (unsigned i = 0; i < 100; i++) {
		give_both(&w, "com.", "sin", ROUTE_O_SECURE, 10);
		if (i % 50 == 0)
			for (unsigned k = 1; k < 3; k++)
				give_both(&w, "com.", all_sites[k], ROUTE_O_SECURE, 1);
		tick(&w);
	}
	for (unsigned i = 0; i < 100; i++) {
		give_both(&w, "com.", "sin", ROUTE_O_BOGUS, 10);
		give_both(&w, "com.", "nrt", ROUTE_O_BOGUS, i >= 2 ? 10 : 0);
		give_both(&w, "com.", "lax", ROUTE_O_BOGUS, i >= 6 ? 10 : 0);
		give(&w, ".", "root", 4, ROUTE_O_SECURE, 1);
		tick(&w);
	}
	CU_ASSERT_EQUAL(w.log_count, 1);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_ZONE_FAULT), 1);
	sim_fini(&w);
}

/* nrt fails while sin is failing; lax answers the retries two ticks later: no zone fault, no way
 * back for sin. */
static void second_site_fails(void)
{
	struct sim w;

	sim_init(&w);
	for (unsigned i = 0; i < 100; i++) {
		give_both(&w, "com.", "sin", ROUTE_O_BOGUS, i < 2 ? 10 : 0);
		give_both(&w, "com.", "nrt", i < 20 ? ROUTE_O_SECURE : ROUTE_O_BOGUS,
			i < 25 ? 10 : 0);
		give_both(&w, "com.", "lax", ROUTE_O_SECURE, i < 23 ? 0 : 10);
		tick(&w);
	}
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_ZONE_FAULT), 0);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_WITHDRAWN), 0);
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_FAILING), 4);
	EXPECT_STATE(&w, "com.", "lax", 4, ROUTE_UP);
	sim_fini(&w);
}

static void fault_ends_at_one_site_first(void)
{
	struct sim w;

	sim_init(&w);
	for (unsigned i = 0; i < 300; i++) {
		for (unsigned k = 0; k < 3; k++)
			give_both(&w, "com.", all_sites[k],
				k == 1 && i >= 100 ? ROUTE_O_SECURE : ROUTE_O_BOGUS, 5);
		tick(&w);
	}
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_ZONE_FAULT), 1);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_CLEARED), 1);
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_FAILING), 4);
	EXPECT_STATE(&w, "com.", "nrt", 4, ROUTE_UP);
	EXPECT_STATE(&w, "com.", "nrt", 6, ROUTE_UP);
	sim_fini(&w);
}

/* The first choice is well again; the others have carried nothing since the last retries, so that
 * bad answers are all that is known of them. */
static void faults_end_at_the_first_choice(
	struct sim *w, const char *const zones[], size_t count, enum route_outcome bad)
{
	for (unsigned i = 0; i < 500; i++) {
		for (size_t z = 0; z < count; z++)
			for (unsigned k = 0; k < 3; k++) {
				if (k > 0 && i >= 120)
					continue;
				give_both(w, zones[z], all_sites[k],
					k == 0 && i >= 100 ? ROUTE_O_SECURE : bad, 5);
			}
		tick(w);
	}
	CU_ASSERT_EQUAL(found(w, ROUTE_F_CLEARED), 1);
	CU_ASSERT_EQUAL(found(w, ROUTE_F_SITE_FAULT), 0);
	for (size_t z = 0; z < count; z++)
		CU_ASSERT_EQUAL(in_state(w, zones[z], ROUTE_UP), 6);
}

static void zone_fault_is_held_against_nobody(void)
{
	static const char *const zones[] = {"com."};
	struct sim w;

	sim_init(&w);
	faults_end_at_the_first_choice(&w, zones, 1, ROUTE_O_SERVFAIL);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_ZONE_FAULT), 1);
	sim_fini(&w);
}

static void our_fault_is_held_against_nobody(void)
{
	static const char *const zones[] = {"com.", "net."};
	struct sim w;

	sim_init(&w);
	faults_end_at_the_first_choice(&w, zones, 2, ROUTE_O_TIMEOUT);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_OURS), 1);
	sim_fini(&w);
}

static void zone_of_one_site(void)
{
	struct sim w;

	sim_init(&w);
	for (unsigned i = 0; i < 100; i++) {
		give(&w, ".", "root", 4, ROUTE_O_SERVFAIL, 3);
		give_both(&w, "com.", "sin", ROUTE_O_SECURE, 3);
		tick(&w);
	}
	EXPECT_STATE(&w, ".", "root", 4, ROUTE_UP);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_ZONE_FAULT), 1);
	CU_ASSERT_EQUAL(w.log_count, 1);
	sim_fini(&w);
}

static void everything_bad_is_ours(void)
{
	struct sim w;
	bool ours = false;

	sim_init(&w);
	for (unsigned i = 0; i < 200; i++) {
		for (unsigned k = 0; k < 3; k++) {
			give_both(&w, "com.", all_sites[k], ROUTE_O_EXPIRED, 5);
			give_both(&w, "net.", all_sites[k], ROUTE_O_EXPIRED, i >= 10 ? 5 : 0);
		}
		give(&w, ".", "root", 4, ROUTE_O_EXPIRED, i >= 10 ? 1 : 0);
		tick(&w);
	}
	CU_ASSERT_EQUAL(w.log_count, 1);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_OURS), 1);
	CU_ASSERT_EQUAL(w.log[0].zone, 0xffff);
	CU_ASSERT_EQUAL(w.log[0].path, 0xffff);
	CU_ASSERT(!route_judge_zone_fault(w.j, 1, &ours) && ours);
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_UP) + in_state(&w, "net.", ROUTE_UP), 12);
	for (unsigned i = 0; i < 400; i++) { // all but net. is good again
		for (unsigned k = 0; k < 3; k++) {
			give_both(&w, "com.", all_sites[k], ROUTE_O_SECURE, 5);
			give_both(&w, "net.", all_sites[k], ROUTE_O_EXPIRED, 5);
		}
		tick(&w);
	}
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_CLEARED), 1);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_ZONE_FAULT), 1);
	CU_ASSERT_EQUAL(first(&w, ROUTE_F_ZONE_FAULT)->zone, 2);
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_UP) + in_state(&w, "net.", ROUTE_UP), 12);
	route_judge_zone_fault(w.j, 2, &ours);
	CU_ASSERT(!ours);
	sim_fini(&w);
}

/* The uplink is cut: queries time out everywhere, the first choice's first. */
static void link_down(void)
{
	struct sim w;

	sim_init(&w);
	for (unsigned i = 0; i < 200; i++) {
		give_both(&w, "com.", "sin", ROUTE_O_SECURE, 10);
		give_both(&w, "net.", "sin", ROUTE_O_SECURE, 10);
		if (i % 40 == 0)
			for (unsigned k = 0; k < 3; k++) {
				give_both(&w, "com.", all_sites[k], ROUTE_O_SECURE, 1);
				give_both(&w, "net.", all_sites[k], ROUTE_O_SECURE, 1);
			}
		tick(&w);
	}
	for (unsigned i = 0; i < 200; i++) {
		for (unsigned k = 0; k < 3; k++) {
			give_both(&w, "com.", all_sites[k], ROUTE_O_TIMEOUT, i >= 8 * k ? 10 : 0);
			give_both(&w, "net.", all_sites[k], ROUTE_O_TIMEOUT, i >= 8 * k ? 10 : 0);
		}
		tick(&w);
	}
	CU_ASSERT_EQUAL(w.log_count, 1);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_OURS), 1);
	for (unsigned i = 0; i < 400; i++) {
		give_both(&w, "com.", "sin", ROUTE_O_SECURE, 10);
		tick(&w);
	}
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_CLEARED), 1);
	CU_ASSERT_EQUAL(w.log_count, 2);
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_UP) + in_state(&w, "net.", ROUTE_UP), 12);
	sim_fini(&w);
}

/* Our clock is wrong: no key is good any more, so nothing can be judged. Good again after it. */
static void without_chain_it_is_ours(void)
{
	struct sim w;
	bool ours = false;

	sim_init(&w);
	for (unsigned i = 0; i < 600; i++) {
		enum route_outcome o = i >= 100 && i < 300 ? ROUTE_O_INDETERMINATE : ROUTE_O_SECURE;

		give_both(&w, "com.", "sin", o, 10);
		give_both(&w, "net.", "sin", o, 10);
		for (unsigned k = 0; k < 3 && i % 20 == 0; k++) {
			give_both(&w, "com.", all_sites[k], o, 1);
			give_both(&w, "net.", all_sites[k], o, 1);
		}
		give(&w, ".", "root", 4, o, i % 20 == 0);
		tick(&w);
		if (i == 299)
			route_judge_zone_fault(w.j, 1, &ours);
	}
	CU_ASSERT(ours);
	CU_ASSERT_EQUAL(w.log_count, 2);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_OURS), 1);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_CLEARED), 1);
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_UP) + in_state(&w, "net.", ROUTE_UP), 12);
	sim_fini(&w);
}

/* No path of com. and net. has a next hop; the root's keep silent, or (well) answer. */
static void without_next_hop(bool root_well)
{
	struct sim w;

	sim_init(&w);
	for (unsigned i = 0; i < 300; i++) {
		for (unsigned k = 0; k < 3 && i % 20 == 0; k++) {
			give_both(&w, "com.", all_sites[k], ROUTE_O_UNREACHABLE, 1);
			give_both(&w, "net.", all_sites[k], ROUTE_O_UNREACHABLE, 1);
		}
		give(&w, ".", "root", 4, root_well ? ROUTE_O_SECURE : ROUTE_O_TIMEOUT, i % 20 == 0);
		tick(&w);
	}
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_OURS), !root_well);
	CU_ASSERT_EQUAL(w.log_count, !root_well);
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_UP) + in_state(&w, "net.", ROUTE_UP), 12);
	sim_fini(&w);
}

static void without_next_hop_it_is_ours(void)
{
	without_next_hop(false);
	without_next_hop(true);
}

/* There is no IPv6 here, and IPv4 answers: nothing to say. In between too, when probes are rare. */
static void one_family_unreachable_is_no_fault(void)
{
	struct sim w;

	sim_init(&w);
	for (unsigned i = 0; i < 600; i++) {
		for (unsigned k = 0; k < 3 && i % 150 == 0; k++) {
			give(&w, "com.", all_sites[k], 4, ROUTE_O_SECURE, 1);
			give(&w, "net.", all_sites[k], 4, ROUTE_O_SECURE, 1);
		}
		for (unsigned k = 0; k < 3 && i % 150 == 1; k++) {
			give(&w, "com.", all_sites[k], 6, ROUTE_O_UNREACHABLE, 9);
			give(&w, "net.", all_sites[k], 6, ROUTE_O_UNREACHABLE, 9);
		}
		tick(&w);
	}
	CU_ASSERT_EQUAL(w.log_count, 0);
	sim_fini(&w);
}

/* ---- the last path ---- */

static void last_path_stays(void)
{
	struct sim w;

	sim_init(&w);
	fix_path(w.p, "com.", "nrt", 4)->state = ROUTE_DRAINED;
	fix_path(w.p, "com.", "nrt", 6)->state = ROUTE_DRAINED;
	fix_path(w.p, "com.", "lax", 4)->state = ROUTE_DRAINED;
	fix_path(w.p, "com.", "lax", 6)->state = ROUTE_DRAINED;
	for (unsigned i = 0; i < 300; i++) {
		give(&w, "com.", "sin", 4, ROUTE_O_BOGUS, 5);
		give(&w, "com.", "sin", 6, ROUTE_O_BOGUS, i >= 100 ? 5 : 0);
		give_both(&w, "com.", "nrt", ROUTE_O_SECURE, 1); // probes
		tick(&w);
	}
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_FAILING);
	EXPECT_STATE(&w, "com.", "sin", 6, ROUTE_UP);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_LAST_PATH), 1);
	CU_ASSERT_EQUAL(w.log_count, 2);
	CU_ASSERT_EQUAL(first(&w, ROUTE_F_LAST_PATH)->path, fix_path(w.p, "com.", "sin", 6)->id);
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_DRAINED), 4);
	// good, then bad: another episode
	for (unsigned i = 0; i < 300; i++) {
		give(&w, "com.", "sin", 6, ROUTE_O_SECURE, 5);
		tick(&w);
	}
	for (unsigned i = 0; i < 100; i++) {
		give(&w, "com.", "sin", 6, ROUTE_O_BOGUS, 5);
		give_both(&w, "com.", "nrt", ROUTE_O_SECURE, 1);
		tick(&w);
	}
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_LAST_PATH), 2);
	sim_fini(&w);
}

static void drained_is_the_operators(void)
{
	struct sim w;
	struct route_path *sin;

	sim_init(&w);
	sin = fix_path(w.p, "com.", "sin", 4);
	sin->state = ROUTE_DRAINED;
	for (unsigned i = 0; i < 3000; i++) {
		give(&w, "com.", "sin", 4, i < 1500 ? ROUTE_O_BOGUS : ROUTE_O_SECURE, 5);
		give_both(&w, "com.", "nrt", ROUTE_O_SECURE, 5);
		tick(&w);
	}
	CU_ASSERT_EQUAL(sin->state, ROUTE_DRAINED);
	CU_ASSERT_EQUAL(w.log_count, 0);
	// restored: what it did before is forgotten
	give(&w, "com.", "sin", 4, ROUTE_O_BOGUS, 500);
	tick(&w);
	sin->state = ROUTE_UP;
	tick(&w);
	CU_ASSERT_EQUAL(sin->state, ROUTE_UP);
	ticks(&w, 1000);
	CU_ASSERT_EQUAL(w.log_count, 0);
	sim_fini(&w);
}

/* ---- the way back ---- */

static void way_back(void)
{
	struct sim w;

	sim_init(&w);
	fail_sin(&w);
	ticks(&w, 59950);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_FAILING);
	tick(&w);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_PROBATION);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_PROBATION), 1);
	for (unsigned i = 0; i < 9; i++) {
		give(&w, "com.", "sin", 4, ROUTE_O_SECURE, 1);
		ticks(&w, 1000);
	}
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_PROBATION);
	give(&w, "com.", "sin", 4, ROUTE_O_SECURE, 1);
	tick(&w);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_UP);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_RETURNED), 1);
	CU_ASSERT_EQUAL(w.log_count, 3);
	CU_ASSERT_EQUAL(w.log[2].from, ROUTE_PROBATION);
	CU_ASSERT_EQUAL(w.log[2].to, ROUTE_UP);
	CU_ASSERT_EQUAL(w.log[2].worst, ROUTE_O_MAX);
	ticks(&w, 20000);
	CU_ASSERT_EQUAL(w.log_count, 3);
	sim_fini(&w);
}

static void relapse_doubles_the_wait(void)
{
	struct sim w;
	unsigned wait_s = 60;

	sim_init(&w);
	fail_sin(&w);
	for (unsigned round = 0; round < 7; round++) {
		ticks(&w, wait_s * 1000 - 50);
		EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_FAILING);
		tick(&w);
		EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_PROBATION);
		give(&w, "com.", "sin", 4, ROUTE_O_SECURE, 9);
		tick(&w);
		give(&w, "com.", "sin", 4, ROUTE_O_BOGUS, 1); // one is enough
		tick(&w);
		EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_FAILING);
		wait_s = wait_s < 960 ? 2 * wait_s : 960; // bounded
	}
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_SITE_FAULT), 8);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_RETURNED), 0);
	sim_fini(&w);
}

static void bad_probes_keep_it_failing(void)
{
	struct sim w;

	sim_init(&w);
	fail_sin(&w);
	for (unsigned i = 0; i < 60; i++) {
		give(&w, "com.", "sin", 4, ROUTE_O_EXPIRED, 1);
		ticks(&w, 10000);
	}
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_FAILING);
	ticks(&w, 50050);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_PROBATION);
	sim_fini(&w);
}

static void lost_probe_in_probation(void)
{
	struct sim w;

	sim_init(&w);
	fail_sin(&w);
	ticks(&w, 60000);
	give(&w, "com.", "sin", 4, ROUTE_O_SECURE, 9);
	tick(&w);
	give(&w, "com.", "sin", 4, ROUTE_O_TIMEOUT, 1);
	tick(&w);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_PROBATION); // but the run begins anew
	give(&w, "com.", "sin", 4, ROUTE_O_SECURE, 9);
	tick(&w);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_PROBATION);
	give(&w, "com.", "sin", 4, ROUTE_O_TIMEOUT, 1);
	tick(&w);
	give(&w, "com.", "sin", 4, ROUTE_O_TIMEOUT, 1);
	tick(&w);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_FAILING);
	sim_fini(&w);
}

/* A sound site may be odd once, and the row of good ones begins anew. Not twice, however many good
 * ones came between. */
static void stray_servfail_in_probation(void)
{
	struct sim w;

	sim_init(&w);
	fail_sin(&w);
	ticks(&w, 60000);
	give(&w, "com.", "sin", 4, ROUTE_O_SECURE, 9);
	tick(&w);
	give(&w, "com.", "sin", 4, ROUTE_O_SERVFAIL, 1);
	tick(&w);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_PROBATION);
	give(&w, "com.", "sin", 4, ROUTE_O_SECURE, 9);
	ticks(&w, 20000);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_PROBATION);
	give(&w, "com.", "sin", 4, ROUTE_O_REFUSED, 1);
	tick(&w);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_FAILING);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_SITE_FAULT), 2);
	ticks(&w, 120000); // the next probation counts for itself
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_PROBATION);
	give(&w, "com.", "sin", 4, ROUTE_O_SERVFAIL, 1);
	tick(&w);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_PROBATION);
	give(&w, "com.", "sin", 4, ROUTE_O_SECURE, 10);
	tick(&w);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_UP);
	sim_fini(&w);
}

static void one_return_a_minute(void)
{
	struct sim w;

	sim_init(&w);
	give(&w, "com.", "sin", 6, ROUTE_O_EXPIRED, 5);
	fail_sin(&w);
	EXPECT_STATE(&w, "com.", "sin", 6, ROUTE_FAILING);
	ticks(&w, 60000);
	for (unsigned i = 0; i < 1200; i++) {
		give_both(&w, "com.", "sin", ROUTE_O_SECURE, 1);
		tick(&w);
		if (i == 1000)
			CU_ASSERT_EQUAL(found(&w, ROUTE_F_RETURNED), 1);
	}
	ticks(&w, 15000);
	CU_ASSERT_EQUAL(found(&w, ROUTE_F_RETURNED), 2);
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_UP), 6);
	sim_fini(&w);
}

/* ---- configurations change ---- */

static void zone_state_follows_its_name(void)
{
	struct sim w;
	struct route_zone_config z;

	sim_init(&w);
	for (unsigned i = 0; i < 100; i++) {
		for (unsigned k = 0; k < 3; k++)
			give_both(&w, "com.", all_sites[k], ROUTE_O_BOGUS, 5);
		tick(&w);
	}
	CU_ASSERT(route_judge_zone_fault(w.j, 1, NULL));
	z = w.c.zones[1];
	w.c.zones[1] = w.c.zones[2];
	w.c.zones[2] = z;
	CU_ASSERT_EQUAL(route_paths_sync(w.p, &w.c), 0);
	for (unsigned i = 0; i < 20; i++) {
		for (unsigned k = 0; k < 3; k++)
			give_both(&w, "com.", all_sites[k], ROUTE_O_BOGUS, 5);
		tick(&w);
	}
	CU_ASSERT(route_judge_zone_fault(w.j, 2, NULL));
	CU_ASSERT(!route_judge_zone_fault(w.j, 1, NULL));
	CU_ASSERT_EQUAL(w.log_count, 1); // the same episode
	sim_fini(&w);
}

static void findings_beyond_the_room(void)
{
	struct sim w;
	struct route_finding *one = fix_alloc(1, sizeof(*one));

	sim_init(&w);
	give_both(&w, "com.", "sin", ROUTE_O_BOGUS, 5);
	give_both(&w, "com.", "nrt", ROUTE_O_SECURE, 5);
	CU_ASSERT_EQUAL(route_judge_tick(w.j, w.p, w.s, w.now_ms + 50, w.epoch_s, one, 1), 1);
	CU_ASSERT_EQUAL(in_state(&w, "com.", ROUTE_FAILING), 2);
	free(one);
	give(&w, "com.", "lax", 4, ROUTE_O_BOGUS, 5);
	give(&w, "com.", "nrt", 4, ROUTE_O_SECURE, 5);
	CU_ASSERT_EQUAL(route_judge_tick(w.j, w.p, w.s, w.now_ms + 100, w.epoch_s, NULL, 0), 0);
	EXPECT_STATE(&w, "com.", "lax", 4, ROUTE_FAILING);
	sim_fini(&w);
}

static void info_for_operators(void)
{
	struct sim w;
	struct route_judge_info info;
	uint16_t sin;

	sim_init(&w);
	sin = fix_path(w.p, "com.", "sin", 4)->id;
	CU_ASSERT_EQUAL(route_judge_path_info(w.j, 999, &info), -ENOENT);
	CU_ASSERT_EQUAL(route_judge_path_info(w.j, 0xffff, &info), -ENOENT);
	CU_ASSERT_EQUAL_FATAL(route_judge_path_info(w.j, sin, &info), 0);
	CU_ASSERT_EQUAL(info.total, 0);
	CU_ASSERT_EQUAL(info.worst, ROUTE_O_MAX);
	CU_ASSERT(!info.found);
	give(&w, "com.", "sin", 4, ROUTE_O_SECURE, 5);
	give(&w, "com.", "sin", 4, ROUTE_O_TIMEOUT, 1);
	fail_sin(&w);
	CU_ASSERT_EQUAL_FATAL(route_judge_path_info(w.j, sin, &info), 0);
	CU_ASSERT_EQUAL(info.state, ROUTE_FAILING);
	CU_ASSERT_EQUAL(info.since_ms, w.now_ms);
	CU_ASSERT_EQUAL(info.good, 5);
	CU_ASSERT_EQUAL(info.bad, 5);
	CU_ASSERT_EQUAL(info.timeouts, 1);
	CU_ASSERT_EQUAL(info.total, 11);
	CU_ASSERT_EQUAL(info.bad_percent, 45);
	CU_ASSERT_EQUAL(info.worst, ROUTE_O_EXPIRED);
	CU_ASSERT_EQUAL(info.first_bad_ms, w.now_ms);
	CU_ASSERT_EQUAL(info.returns_after_ms, 60000);
	CU_ASSERT(info.found && info.last_finding == ROUTE_F_SITE_FAULT);
	CU_ASSERT_EQUAL(info.last_finding_ms, w.now_ms);
	sim_fini(&w);
}

static void params_and_names(void)
{
	struct route_judge_params p;
	struct route_judge *j = NULL;

	route_judge_defaults(&p);
	p.window_ms = ROUTE_JUDGE_TICK_MS - 1;
	CU_ASSERT_EQUAL(route_judge_new(&p, &j), -EINVAL);
	p.window_ms = ROUTE_JUDGE_TICK_MS;
	CU_ASSERT_EQUAL(route_judge_new(&p, &j), 0);
	route_judge_free(j);
	route_judge_free(NULL);
	p.bad_percent = 101;
	CU_ASSERT_EQUAL(route_judge_new(&p, &j), -EINVAL);
	for (unsigned k = 0; k < ROUTE_F_KINDS; k++)
		CU_ASSERT(strcmp(route_finding_name((enum route_finding_kind)k), "unknown") != 0);
	CU_ASSERT_STRING_EQUAL(route_finding_name(ROUTE_F_KINDS), "unknown");
}

static void small_times_as_in_a_lab(void)
{
	struct sim w;

	memset(&w, 0, sizeof(w));
	fix_usual(&w.c);
	route_judge_defaults(&w.params);
	w.params.window_ms = 1000;
	w.params.probation_after_ms =
		500; // shorter than the window: old bad ones must not count again
	w.params.return_min_ms = 1000;
	sim_start(&w);
	tick(&w);
	fail_sin(&w);
	ticks(&w, 500);
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_PROBATION);
	for (unsigned i = 0; i < 10; i++) {
		give(&w, "com.", "sin", 4, ROUTE_O_SECURE, 1);
		tick(&w);
	}
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_UP);
	for (unsigned i = 0; i < 3; i++) { // and once more, by probes
		probe(&w, "com.", "sin", 4, ROUTE_O_BOGUS);
		probe(&w, "com.", "nrt", 4, ROUTE_O_SECURE);
		ticks(&w, 100);
	}
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_FAILING);
	ticks(&w, 1000); // what made it fail counts no more
	EXPECT_STATE(&w, "com.", "sin", 4, ROUTE_PROBATION);
	sim_fini(&w);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"blame at the first tick", blame_at_the_first_tick},
		{"a finding says what was seen", finding_says_what_was_seen},
		{"a good past excuses nothing", good_past_excuses_nothing},
		{"refuted needs no share", refuted_needs_no_share},
		{"refuted SERVFAIL needs the share", refuted_servfail_needs_the_share},
		{"a witness must be another site", witness_must_be_another_site},
		{"a witness must speak after the onset", witness_must_speak_after_the_onset},
		{"evidence is forgotten", evidence_is_forgotten},
		{"spoofed replies are no evidence", spoofed_replies_are_no_evidence},
		{"only IPv6 fails, everywhere", only_ipv6_fails_everywhere},
		{"random loss moves nothing", random_loss_moves_nothing},
		{"a name broken everywhere blames nobody", name_broken_everywhere},
		{"broken names with a pause", broken_names_with_a_pause},
		{"another address of a site that met the names",
			other_address_of_a_site_that_met_the_names},
		{"counters that fall are a new base", counters_that_fall_are_a_new_base},
		{"the first sample is the base", first_sample_is_the_base},
		{"a zone bad everywhere", zone_bad_everywhere},
		{"a zone partly bad everywhere", zone_partly_bad_everywhere},
		{"a zone fault arrives unevenly", zone_fault_arrives_unevenly},
		{"a zone fault with retries blames nobody", zone_fault_with_retries_blames_nobody},
		{"a zone fault is held against nobody", zone_fault_is_held_against_nobody},
		{"our fault is held against nobody", our_fault_is_held_against_nobody},
		{"a second site fails", second_site_fails},
		{"a fault ends at one site first", fault_ends_at_one_site_first},
		{"a zone of one site", zone_of_one_site},
		{"everything bad is ours", everything_bad_is_ours},
		{"link down", link_down},
		{"no chain of trust anywhere is ours", without_chain_it_is_ours},
		{"no next hop anywhere is ours", without_next_hop_it_is_ours},
		{"one family unreachable is no fault", one_family_unreachable_is_no_fault},
		{"the last path stays", last_path_stays},
		{"drained is the operator's", drained_is_the_operators},
		{"the way back", way_back},
		{"a relapse doubles the wait", relapse_doubles_the_wait},
		{"bad probes keep it failing", bad_probes_keep_it_failing},
		{"a lost probe in probation", lost_probe_in_probation},
		{"a stray SERVFAIL in probation", stray_servfail_in_probation},
		{"one return a minute", one_return_a_minute},
		{"a zone's state follows its name", zone_state_follows_its_name},
		{"findings beyond the room", findings_beyond_the_room},
		{"info for operators", info_for_operators},
		{"params and names", params_and_names},
		{"small times as in a lab", small_times_as_in_a_lab},
		CU_TEST_INFO_NULL,
	};

	return test_run("routing/judge", tests);
}
