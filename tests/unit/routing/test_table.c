#include <errno.h>

#include "tests/unit/routing/fixture.h"
#include "tests/unit/run.h"

struct world {
	struct route_config c;
	struct route_paths *p;
	struct route_table *t;
};

static void rebuild(struct world *w)
{
	route_table_free(w->t);
	w->t = NULL;
	CU_ASSERT_EQUAL_FATAL(route_table_new(&w->c, w->p, "apac", 7, &fix_key, &w->t), 0);
}

static void setup(struct world *w)
{
	*w = (struct world){0};
	fix_usual(&w->c);
	if (route_paths_new(&w->p) != 0 || route_paths_sync(w->p, &w->c) != 0)
		abort();
	rebuild(w);
}

static void teardown(struct world *w)
{
	route_table_free(w->t);
	route_paths_free(w->p);
	route_config_fini(&w->c);
}

static int zone_of(const struct route_table *t, const char *text, bool skip_exact)
{
	struct dns_name name;
	uint8_t *exact;
	int zone;

	if (dns_name_from_text(text, &name) != 0)
		abort();
	exact = fix_alloc(1, name.len); // ASan sees one octet too far
	memcpy(exact, name.octets, name.len);
	zone = route_table_zone(t, exact, skip_exact);
	free(exact);
	return zone;
}

/* ---- zones ---- */

static void zone_by_longest_suffix(void)
{
	static const struct {
		const char *qname;
		int zone, ds_zone;
	} rows[] = {
		{".", 0, -1},
		{"com.", 1, 0}, // DS of com. is the root's to answer
		{"net.", 2, 0},
		{"org.", 0, 0},
		{"example.com.", 1, 1}, // DS of a child is com.'s
		{"a.b.c.example.net.", 2, 2},
		{"com.org.", 0, 0},
		{"xcom.", 0, 0},
		{"co.", 0, 0},
		{"com.com.", 1, 1},
		{"\\003com.", 0, 0},
	};
	struct world w;

	setup(&w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int zone = zone_of(w.t, rows[i].qname, false);
		int ds = zone_of(w.t, rows[i].qname, true);

		if (zone != rows[i].zone || ds != rows[i].ds_zone) {
			fprintf(stderr, "%s: %d %d\n", rows[i].qname, zone, ds);
			CU_FAIL("zone");
		}
	}
	CU_ASSERT(dns_name_equal(route_table_zone_name(w.t, 1), (const uint8_t *)"\3com"));
	CU_ASSERT_EQUAL(route_table_zone_kind(w.t, 1), ROUTE_AUTHORITATIVE);
	CU_ASSERT_EQUAL(route_table_zone_count(w.t), 3);
	CU_ASSERT_EQUAL(route_table_number(w.t), 7);
	teardown(&w);
}

static void longest_name_has_a_zone(void)
{
	uint8_t *qname = fix_alloc(1, 255);
	struct world w;

	setup(&w);
	for (unsigned i = 0; i < 127; i++) { // 127 labels of one octet
		qname[2 * i] = 1;
		qname[2 * i + 1] = 'a';
	}
	CU_ASSERT_EQUAL(route_table_zone(w.t, qname, false), 0);
	CU_ASSERT_EQUAL(route_table_zone(w.t, qname, true), 0);
	free(qname);
	teardown(&w);
}

static void no_zone_without_the_root(void)
{
	struct route_config c;
	struct route_paths *p = NULL;
	struct route_table *t = NULL;

	fix_init(&c, 1, 0, 2);
	fix_site(&c, 0, "sin", 1);
	fix_zone(&c, 0, "co.uk.", 1);
	fix_order(&c, 0, 0, ROUTE_REGION_NONE, "0");
	fix_zone(&c, 1, "uk.", 1);
	fix_order(&c, 1, 0, ROUTE_REGION_NONE, "0");
	c.zones[1].kind = ROUTE_RECURSIVE;
	route_paths_new(&p);
	CU_ASSERT_EQUAL_FATAL(route_paths_sync(p, &c), 0);
	CU_ASSERT_EQUAL_FATAL(route_table_new(&c, p, NULL, 1, &fix_key, &t), 0);
	CU_ASSERT_EQUAL(zone_of(t, ".", false), -1);
	CU_ASSERT_EQUAL(zone_of(t, "com.", false), -1);
	CU_ASSERT_EQUAL(zone_of(t, "x.co.uk.", false), 0);
	CU_ASSERT_EQUAL(zone_of(t, "co.uk.", true), 1);
	CU_ASSERT_EQUAL(zone_of(t, "uk.", true), -1);
	CU_ASSERT_EQUAL(route_table_zone_kind(t, 1), ROUTE_RECURSIVE);
	route_table_free(t);
	route_paths_free(p);
	route_config_fini(&c);
}

/* ---- regions ---- */

static void region_of_a_client(void)
{
	struct world w;
	struct route_addr apac = fix_v4(0xc63364ff), us = fix_v4(0xcb007101), other = fix_v4(1);

	setup(&w);
	CU_ASSERT_EQUAL(route_table_region(w.t, &apac), 0);
	CU_ASSERT_EQUAL(route_table_region(w.t, &us), 1);
	CU_ASSERT_EQUAL(route_table_region(w.t, &other), 0); // ours
	CU_ASSERT_STRING_EQUAL(route_table_region_name(w.t, 1), "us");
	CU_ASSERT_STRING_EQUAL(route_table_region_name(w.t, 2), "");
	CU_ASSERT_STRING_EQUAL(route_table_region_name(w.t, ROUTE_REGION_NONE), "");
	route_table_free(w.t);
	CU_ASSERT_EQUAL_FATAL(route_table_new(&w.c, w.p, "", 8, &fix_key, &w.t), 0);
	CU_ASSERT_EQUAL(route_table_region(w.t, &other), ROUTE_REGION_NONE);
	teardown(&w);
}

/* ---- choice ---- */

/* Choose until nothing is left: "sin4 sin6 nrt4 ..." */
static void all_choices(const struct route_table *t, const struct route_config *c, int zone,
	uint16_t region, unsigned families, uint32_t salt, char *text, size_t size)
{
	struct route_tried tried = {0};
	struct route_choice choice;
	size_t len = 0;

	text[0] = '\0';
	while (route_table_choose(t, zone, region, families, salt, &tried, &choice) == 0 &&
		len < size) {
		len += (size_t)snprintf(text + len, size - len, "%s%s%d", len > 0 ? " " : "",
			c->sites[choice.site].name, choice.addr.family);
		route_tried_add(&tried, t, &choice);
		if (tried.count == 8)
			break;
	}
}

static const struct {
	const char *name;
	uint16_t region;
	unsigned families;
	uint32_t salt;
	enum route_state sin4, sin6, nrt4, nrt6, lax4, lax6;
	const char *expect;
} order_rows[] = {
	{"all up: sites first, then their other address", 0, 3, 0, 0, 0, 0, 0, 0, 0,
		"sin4 nrt4 lax4 sin6 nrt6 lax6"},
	{"salt takes IPv6", 0, 3, 0xffffffff, 0, 0, 0, 0, 0, 0, "sin6 nrt6 lax6 sin4 nrt4 lax4"},
	{"the region's own order", 1, 3, 0, 0, 0, 0, 0, 0, 0, "lax4 nrt4 sin4 lax6 nrt6 sin6"},
	{"client of no region", ROUTE_REGION_NONE, 3, 0, 0, 0, 0, 0, 0, 0,
		"sin4 nrt4 lax4 sin6 nrt6 lax6"},
	{"only IPv4", 0, 1, 0xffffffff, 0, 0, 0, 0, 0, 0, "sin4 nrt4 lax4"},
	{"only IPv6", 0, 2, 0, 0, 0, 0, 0, 0, 0, "sin6 nrt6 lax6"},
	{"no family", 0, 0, 0, 0, 0, 0, 0, 0, 0, ""},
	{"sin failing", 0, 3, 0, ROUTE_FAILING, ROUTE_FAILING, 0, 0, 0, 0,
		"nrt4 lax4 nrt6 lax6 sin4 sin6"},
	{"only sin's IPv6 failing", 0, 3, 0xffffffff, 0, ROUTE_FAILING, 0, 0, 0, 0,
		"sin4 nrt6 lax6 nrt4 lax4 sin6"},
	{"probation comes before the other address of a tried site", 0, 3, 0, ROUTE_PROBATION,
		ROUTE_PROBATION, 0, 0, 0, 0, "nrt4 lax4 sin4 nrt6 lax6 sin6"},
	{"lagging after every usable one, before failing", 0, 3, 0, ROUTE_LAGGING, ROUTE_FAILING,
		ROUTE_FAILING, ROUTE_LAGGING, ROUTE_PROBATION, 0, "lax6 lax4 sin4 nrt6 sin6 nrt4"},
	{"drained is never used", 0, 3, 0, ROUTE_DRAINED, ROUTE_DRAINED, ROUTE_FAILING, 0,
		ROUTE_DRAINED, ROUTE_LAGGING, "nrt6 lax6 nrt4"},
	{"unless all are", 0, 3, 0, ROUTE_DRAINED, ROUTE_DRAINED, ROUTE_DRAINED, ROUTE_DRAINED,
		ROUTE_DRAINED, ROUTE_DRAINED, "sin4 nrt4 lax4 sin6 nrt6 lax6"},
	{"drained IPv4, IPv6 not usable: nothing", 0, 1, 0, ROUTE_DRAINED, 0, ROUTE_DRAINED, 0,
		ROUTE_DRAINED, 0, ""},
};

static void choices_in_order(void)
{
	struct world w;
	char text[128];

	setup(&w);
	for (size_t i = 0; i < sizeof(order_rows) / sizeof(order_rows[0]); i++) {
		fix_path(w.p, "com.", "sin", 4)->state = order_rows[i].sin4;
		fix_path(w.p, "com.", "sin", 6)->state = order_rows[i].sin6;
		fix_path(w.p, "com.", "nrt", 4)->state = order_rows[i].nrt4;
		fix_path(w.p, "com.", "nrt", 6)->state = order_rows[i].nrt6;
		fix_path(w.p, "com.", "lax", 4)->state = order_rows[i].lax4;
		fix_path(w.p, "com.", "lax", 6)->state = order_rows[i].lax6;
		rebuild(&w);
		all_choices(w.t, &w.c, 1, order_rows[i].region, order_rows[i].families,
			order_rows[i].salt, text, sizeof(text));
		if (strcmp(text, order_rows[i].expect) != 0) {
			fprintf(stderr, "%s: got \"%s\"\n", order_rows[i].name, text);
			CU_FAIL("order");
		}
	}
	teardown(&w);
}

static void salt_is_fair(void)
{
	struct world w;
	struct route_tried none = {0}, one = {0};
	struct route_choice choice;
	unsigned v6 = 0, second_v6 = 0;
	uint64_t seed = 3;

	setup(&w);
	route_table_choose(w.t, 1, 0, 3, 0, &none, &choice);
	route_tried_add(&one, w.t, &choice);
	for (unsigned i = 0; i < 10000; i++) {
		uint32_t salt = (uint32_t)(fix_random(&seed) >> 32);

		route_table_choose(w.t, 1, 0, 3, salt, &none, &choice);
		CU_ASSERT_EQUAL(choice.site, 0);
		v6 += choice.addr.family == 6;
		route_table_choose(w.t, 1, 0, 3, salt, &one, &choice);
		CU_ASSERT_EQUAL(choice.site, 1);
		second_v6 += choice.addr.family == 6;
	}
	CU_ASSERT(v6 > 4700 && v6 < 5300);
	CU_ASSERT(second_v6 > 4700 && second_v6 < 5300);
	teardown(&w);
}

static void tried_survives_a_new_table(void)
{
	struct world w;
	struct route_tried tried = {0};
	struct route_choice choice;

	setup(&w);
	route_table_choose(w.t, 1, 0, 1, 0, &tried, &choice);
	route_tried_add(&tried, w.t, &choice);
	fix_path(w.p, "com.", "nrt", 4)->state = ROUTE_FAILING;
	rebuild(&w);
	CU_ASSERT_EQUAL_FATAL(route_table_choose(w.t, 1, 0, 1, 0, &tried, &choice), 0);
	CU_ASSERT_EQUAL(choice.site, 2);
	teardown(&w);
}

static void tried_is_bounded(void)
{
	struct world w;
	struct route_tried tried = {0};
	struct route_choice choice = {0};

	setup(&w);
	for (uint16_t i = 0; i < 20; i++) {
		choice.path = i;
		choice.site = i % 4;
		route_tried_add(&tried, w.t, &choice);
	}
	CU_ASSERT_EQUAL(tried.count, 8);
	CU_ASSERT_EQUAL(tried.path[6], 6);
	CU_ASSERT_EQUAL(tried.path[7], 19);
	choice.site = 999;
	route_tried_add(&tried, w.t, &choice);
	CU_ASSERT_EQUAL(tried.count, 8);
	teardown(&w);
}

static void paths_in_configured_order(void)
{
	struct world w;
	struct route_choice out[6];
	enum route_state states[6];

	setup(&w);
	fix_path(w.p, "com.", "lax", 6)->state = ROUTE_LAGGING;
	rebuild(&w);
	CU_ASSERT_EQUAL(route_table_paths(w.t, 1, 1, out, states, 6), 6);
	CU_ASSERT_EQUAL(out[0].site, 2);
	CU_ASSERT_EQUAL(out[1].addr.family, 6);
	CU_ASSERT_EQUAL(states[1], ROUTE_LAGGING);
	CU_ASSERT_EQUAL(states[0], ROUTE_UP);
	CU_ASSERT_EQUAL(out[5].site, 0);
	CU_ASSERT_EQUAL(route_table_paths(w.t, 1, 1, out, states, 1), 1);
	CU_ASSERT_EQUAL(route_table_paths(w.t, 0, 1, out, states, 6), 1);
	CU_ASSERT_EQUAL(out[0].site, 3);
	teardown(&w);
}

static void renewed_table_shares_and_outlives(void)
{
	struct world w;
	struct route_table *next = NULL, *wrong = NULL;
	char text[128];

	setup(&w);
	fix_path(w.p, "com.", "sin", 4)->state = ROUTE_FAILING;
	fix_path(w.p, "com.", "sin", 6)->state = ROUTE_FAILING;
	CU_ASSERT_EQUAL_FATAL(route_table_renew(w.t, w.p, 8, &next), 0);
	all_choices(w.t, &w.c, 1, 0, 1, 0, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "sin4 nrt4 lax4"); // the old one stays as it was
	route_table_free(w.t);
	w.t = next;
	all_choices(w.t, &w.c, 1, 0, 1, 0, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "nrt4 lax4 sin4");
	CU_ASSERT_EQUAL(route_table_number(w.t), 8);
	CU_ASSERT_EQUAL(zone_of(w.t, "a.com.", false), 1);
	CU_ASSERT_EQUAL(route_paths_sync(w.p, &w.c), 0);
	CU_ASSERT_EQUAL(route_table_renew(w.t, w.p, 9, &wrong), -EINVAL);
	CU_ASSERT_PTR_NULL(wrong);
	teardown(&w);
}

/* ---- refusals and fallbacks ---- */

static void refusals(void)
{
	struct world w;
	struct route_table *t = NULL;

	setup(&w);
	CU_ASSERT_EQUAL(route_table_new(&w.c, w.p, "mars", 1, &fix_key, &t), -EINVAL);
	w.c.sites[3].addr_count = 0; // the root's only site
	CU_ASSERT_EQUAL(route_paths_sync(w.p, &w.c), 0);
	CU_ASSERT_EQUAL(route_table_new(&w.c, w.p, "apac", 1, &fix_key, &t), -EINVAL);
	w.c.sites[3].addr_count = 1; // there again, but the registry does not know
	CU_ASSERT_EQUAL(route_table_new(&w.c, w.p, "apac", 1, &fix_key, &t), -EINVAL);
	CU_ASSERT_PTR_NULL(t);
	route_paths_sync(w.p, &w.c);
	CU_ASSERT_EQUAL(route_table_new(&w.c, w.p, "apac", 1, &fix_key, &t), 0);
	route_table_free(t);
	teardown(&w);
}

static void region_without_an_order(void)
{
	struct world w;
	struct route_choice choice;
	struct route_tried none = {0};

	setup(&w);
	w.c.zones[1].orders[0].region = 0; // com. has orders for apac and us, none for the rest
	w.c.zones[1].orders[1].site_count = 0;
	rebuild(&w);
	CU_ASSERT_EQUAL(route_table_choose(w.t, 1, ROUTE_REGION_NONE, 1, 0, &none, &choice), 0);
	CU_ASSERT_EQUAL(choice.site, 0);
	CU_ASSERT_EQUAL(route_table_choose(w.t, 1, 1, 1, 0, &none, &choice), 0);
	CU_ASSERT_EQUAL(choice.site, 0);
	teardown(&w);
}

static void widest_zone(void)
{
	for (size_t second = 31; second <= 32; second++) {
		struct route_config c;
		struct route_paths *p = NULL;
		struct route_table *t = NULL;
		struct route_tried none = {0};
		struct route_choice choice;
		size_t counts[] = {33, second}; // 64 paths, then 65

		fix_init(&c, 2, 0, 1);
		fix_site(&c, 0, "a", 0);
		fix_site(&c, 1, "b", 0);
		for (size_t s = 0; s < 2; s++) {
			free(c.sites[s].addrs);
			c.sites[s].addrs = fix_alloc(counts[s], sizeof(struct route_addr));
			c.sites[s].addr_count = counts[s];
			for (size_t i = 0; i < counts[s]; i++)
				c.sites[s].addrs[i] = fix_v4((uint32_t)(s << 8 | i));
		}
		fix_zone(&c, 0, "com.", 1);
		fix_order(&c, 0, 0, ROUTE_REGION_NONE, "01");
		route_paths_new(&p);
		CU_ASSERT_EQUAL_FATAL(route_paths_sync(p, &c), 0);
		CU_ASSERT_EQUAL(
			route_table_new(&c, p, NULL, 1, &fix_key, &t), second == 31 ? 0 : -ENOSPC);
		if (t != NULL) {
			CU_ASSERT_EQUAL(
				route_table_choose(t, 0, 0, 3, 0xffffffff, &none, &choice), 0);
			CU_ASSERT_EQUAL(choice.addr.octets[3], 32);
			CU_ASSERT_EQUAL(choice.site, 0);
		}
		route_table_free(t);
		route_paths_free(p);
		route_config_fini(&c);
	}
}

/* 1,600 zones of 4 sites with 2 families each, 16 regions with an order of their own. */
static void large_table(void)
{
	enum { ZONES = 1600, REGIONS = 16, SITES = 4 };
	struct route_config c;
	struct route_paths *p = NULL;
	struct route_table *t = NULL;
	struct route_tried none = {0};
	struct route_choice choice;
	unsigned wrong = 0;
	char text[32];

	fix_init(&c, SITES, REGIONS, ZONES);
	for (size_t i = 0; i < SITES; i++) {
		snprintf(text, sizeof(text), "s%zu", i);
		fix_site(&c, i, text, 3);
	}
	for (size_t r = 0; r < REGIONS; r++) {
		snprintf(text, sizeof(text), "r%zu", r);
		fix_region(&c, r, text, 1);
		c.regions[r].clients[0] = (struct route_prefix){fix_v4((uint32_t)r << 24), 8};
	}
	for (size_t z = 0; z < ZONES; z++) {
		snprintf(text, sizeof(text), "tld%zu.", z);
		fix_zone(&c, z, text, REGIONS);
		for (size_t r = 0; r < REGIONS; r++) {
			char sites[SITES + 1] = "0123";
			size_t first = (z + r) % SITES;

			sites[0] = (char)('0' + first);
			sites[first] = '0';
			fix_order(&c, z, r, (uint16_t)r, sites);
		}
	}
	route_paths_new(&p);
	CU_ASSERT_EQUAL_FATAL(route_paths_sync(p, &c), 0);
	CU_ASSERT_EQUAL(route_paths_count(p), ZONES * SITES * 2);
	CU_ASSERT_EQUAL_FATAL(route_table_new(&c, p, "r3", 1, &fix_key, &t), 0);
	for (size_t z = 0; z < ZONES; z++) {
		snprintf(text, sizeof(text), "www.tld%zu.", z);
		wrong += zone_of(t, text, false) != (int)z;
		for (uint16_t r = 0; r < REGIONS; r++) {
			wrong += route_table_choose(t, (int)z, r, 3, 0, &none, &choice) != 0;
			wrong += choice.site != (z + r) % SITES;
			wrong += route_paths_at(p, choice.path)->zone != z;
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(zone_of(t, "tld1600.", false), -1);
	route_table_free(t);
	route_paths_free(p);
	route_config_fini(&c);
}

/* ---- against a naive choice ---- */

static unsigned naive_rank(enum route_state s, bool site_met)
{
	unsigned tier = s <= ROUTE_PROBATION ? 0
			: s == ROUTE_LAGGING ? 1
			: s == ROUTE_FAILING ? 2
					     : 3;

	return tier * 100 + site_met * 10 + s;
}

static void random_states_as_naive(void)
{
	struct world w;
	uint64_t seed = 99;
	unsigned wrong = 0;

	setup(&w);
	for (unsigned round = 0; round < 3000; round++) {
		struct route_choice all[6], choice;
		enum route_state states[6];
		struct route_tried tried = {0};
		unsigned families = 1 + (unsigned)(fix_random(&seed) % 3), drained = 0;

		for (size_t id = 0; id < route_paths_count(w.p); id++)
			route_paths_at(w.p, (uint16_t)id)->state =
				(enum route_state)(fix_random(&seed) % ROUTE_STATES);
		rebuild(&w);
		route_table_paths(w.t, 1, 0, all, states, 6);
		for (unsigned i = 0; i < 6; i++)
			drained += states[i] == ROUTE_DRAINED;
		for (unsigned k = 0; k < 7; k++) {
			unsigned best = ~0u, chosen = ~0u;

			for (unsigned i = 0; i < 6; i++) {
				bool met = false, site_met = false;

				for (unsigned n = 0; n < tried.count; n++) {
					met |= tried.path[n] == all[i].path;
					site_met |= route_paths_at(w.p, tried.path[n])->site ==
						    all[i].site;
				}
				if (met || !(families & (all[i].addr.family == 4 ? 1 : 2)) ||
					(states[i] == ROUTE_DRAINED && drained < 6))
					continue;
				if (naive_rank(states[i], site_met) < best) {
					best = naive_rank(states[i], site_met);
					chosen = i;
				}
			}
			if (route_table_choose(w.t, 1, 0, families, (uint32_t)fix_random(&seed),
				    &tried, &choice) != 0) {
				wrong += chosen != ~0u;
				break;
			}
			// salt may take the other address of the same site in the same state
			wrong += chosen == ~0u || choice.site != all[chosen].site ||
				 route_paths_at(w.p, choice.path)->state != states[chosen];
			route_tried_add(&tried, w.t, &choice);
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
	teardown(&w);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"zone by longest suffix", zone_by_longest_suffix},
		{"127 labels", longest_name_has_a_zone},
		{"no zone without the root", no_zone_without_the_root},
		{"region of a client", region_of_a_client},
		{"choices in order", choices_in_order},
		{"salt is fair", salt_is_fair},
		{"tried survives a new table", tried_survives_a_new_table},
		{"tried is bounded", tried_is_bounded},
		{"paths in configured order", paths_in_configured_order},
		{"a renewed table shares and outlives", renewed_table_shares_and_outlives},
		{"refusals", refusals},
		{"a region without an order", region_without_an_order},
		{"the widest zone", widest_zone},
		{"1,600 zones in 16 regions", large_table},
		{"random states as the naive choice", random_states_as_naive},
		CU_TEST_INFO_NULL,
	};

	return test_run("routing/table", tests);
}
