#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "routing/judge.h"
#include "routing/table.h"
#include "tests/fuzz/fuzz.h"

/*
 * The octets are a small program: first a configuration, whatever it may be, then operations on
 * what was built from it. A bad configuration is refused, a good one gives a table that always
 * finds a path, and no evidence makes the judge leave a zone without a usable path.
 */
enum {
	SITES_MAX = 6,
	REGIONS_MAX = 4,
	ZONES_MAX = 6,
	ADDRS_MAX = 3,
	PREFIXES_MAX = 6,
	STEPS_MAX = 400
};

struct input {
	const uint8_t *pos, *end, *begin;
};

static const struct dns_hash_key key = {1, 2};

static uint8_t octet(struct input *in)
{
	return in->pos < in->end ? *in->pos++ : 0;
}

static void check(int holds, const char *rule)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", rule);
	abort();
}

static void *array(size_t count, size_t size)
{
	void *p = calloc(count > 0 ? count : 1, size);

	if (p == NULL)
		abort();
	return p;
}

static void read_name(struct input *in, char name[ROUTE_SITE_NAME_MAX], size_t i)
{
	uint8_t b = octet(in);

	// mostly one that is its own, now and then any
	snprintf(name, ROUTE_SITE_NAME_MAX, "n%zu", b < 250 ? i : (size_t)(b - 250));
	if (b == 255)
		memset(name, 'x', ROUTE_SITE_NAME_MAX);
}

static struct route_addr read_addr(struct input *in)
{
	uint8_t b = octet(in);
	struct route_addr a = {.family = b == 255 ? 9 : b & 1 ? 4 : 6};

	for (unsigned i = 0; i < (a.family == 4 ? 4 : 16); i += 3)
		a.octets[i] = octet(in);
	return a;
}

static void read_sites(struct input *in, struct route_config *c)
{
	c->site_count = octet(in) % (SITES_MAX + 1);
	c->sites = array(c->site_count, sizeof(*c->sites));
	for (size_t i = 0; i < c->site_count; i++) {
		struct route_site_config *s = &c->sites[i];

		read_name(in, s->name, i);
		s->addr_count = octet(in) % (ADDRS_MAX + 1);
		s->addrs = array(s->addr_count, sizeof(*s->addrs));
		for (size_t k = 0; k < s->addr_count; k++)
			s->addrs[k] = read_addr(in);
	}
}

static void read_regions(struct input *in, struct route_config *c)
{
	uint8_t b = octet(in);

	c->families = b >> 6;
	c->region_count = b % (REGIONS_MAX + 1);
	c->regions = array(c->region_count, sizeof(*c->regions));
	for (size_t i = 0; i < c->region_count; i++) {
		struct route_region_config *r = &c->regions[i];

		read_name(in, r->name, i);
		r->client_count = octet(in) % (PREFIXES_MAX + 1);
		r->clients = array(r->client_count, sizeof(*r->clients));
		for (size_t k = 0; k < r->client_count; k++)
			r->clients[k] = (struct route_prefix){read_addr(in), octet(in)};
	}
}

/* 1..100, now and then not */
static uint8_t read_percent(struct input *in, uint8_t wrong)
{
	uint8_t b = octet(in);

	return b == 255 ? wrong : 1 + b % 100;
}

static void read_shares(struct input *in, struct route_order_config *order)
{
	uint8_t b = octet(in), group = 0;

	order->policy = b == 255 ? ROUTE_POLICIES : (enum route_policy)(b % ROUTE_POLICIES);
	order->shares = array(order->site_count, sizeof(*order->shares));
	for (size_t k = 0; k < order->site_count; k++) {
		b = octet(in);
		if (k > 0 && (b & 1))
			group++;
		order->shares[k].group = b == 255 ? octet(in) : group;
		order->shares[k].weight = read_percent(in, 0);
		order->shares[k].limit_percent = read_percent(in, 101);
	}
}

static void read_zone(struct input *in, struct route_zone_config *z, size_t i)
{
	static const char *const names[] = {".", "com.", "a.com.", "b.a.com.", "net.", "x."};
	uint8_t b = octet(in);

	dns_name_from_text(names[(b < 250 ? i : b) % 6], &z->name);
	if (b == 253)
		z->name.octets[octet(in) % DNS_NAME_MAX] = octet(in);
	z->kind = b & 1 ? ROUTE_RECURSIVE : ROUTE_AUTHORITATIVE;
	z->order_count = 1 + octet(in) % 3;
	z->orders = array(z->order_count, sizeof(*z->orders));
	for (size_t o = 0; o < z->order_count; o++) {
		struct route_order_config *order = &z->orders[o];

		order->region = o == 0 ? ROUTE_REGION_NONE : octet(in) % REGIONS_MAX;
		order->site_count = octet(in) % (SITES_MAX + 1);
		order->sites = array(order->site_count, sizeof(*order->sites));
		for (size_t k = 0; k < order->site_count; k++)
			order->sites[k] = octet(in) % SITES_MAX;
		if (b & 2)
			read_shares(in, order);
	}
}

static void read_config(struct input *in, struct route_config *c)
{
	memset(c, 0, sizeof(*c));
	read_sites(in, c);
	read_regions(in, c);
	c->zone_count = octet(in) % (ZONES_MAX + 1);
	c->zones = array(c->zone_count, sizeof(*c->zones));
	for (size_t i = 0; i < c->zone_count; i++)
		read_zone(in, &c->zones[i], i);
}

/* The paths of a zone in a region, in configured order. */
struct paths {
	size_t count;
	struct route_choice path[ROUTE_ZONE_PATHS_MAX];
	enum route_state state[ROUTE_ZONE_PATHS_MAX];
	double share[ROUTE_ZONE_PATHS_MAX];
};

static void get_paths(const struct route_table *t, int z, uint16_t region, struct paths *p)
{
	p->count = route_table_paths(t, z, region, p->path, p->state, ROUTE_ZONE_PATHS_MAX);
	check(p->count > 0, "a zone has a path in every region");
	check(route_table_shares(t, z, region, p->share, ROUTE_ZONE_PATHS_MAX) == p->count,
		"a path has a share");
}

/* Of these families, and not drained unless every path is. */
static bool is_allowed(const struct paths *p, size_t i, unsigned families)
{
	bool all_drained = true;

	for (size_t k = 0; k < p->count; k++)
		all_drained = all_drained && p->state[k] == ROUTE_DRAINED;
	return (families & (p->path[i].addr.family == 4 ? 1 : 2)) != 0 &&
	       (p->state[i] != ROUTE_DRAINED || all_drained);
}

static size_t find_path(const struct paths *p, const struct route_choice *choice)
{
	size_t i = 0;

	while (i < p->count && p->path[i].path != choice->path)
		i++;
	check(i < p->count, "a choice is a path of the zone in the region");
	return i;
}

/* Every allowed path comes once, then nothing. */
static void check_walk(
	struct input *in, const struct route_table *t, int z, uint16_t region, unsigned families)
{
	struct paths p;
	struct route_tried tried = {0};
	struct route_choice choice;
	size_t allowed = 0, n = 0;

	get_paths(t, z, region, &p);
	for (size_t i = 0; i < p.count; i++)
		allowed += is_allowed(&p, i, families);
	while (n < 8 && route_table_choose(t, z, region, families, octet(in) * 0x01010101u, &tried,
				&choice) == 0) {
		for (unsigned i = 0; i < tried.count; i++)
			check(tried.path[i] != choice.path, "no path twice");
		check(is_allowed(&p, find_path(&p, &choice), families), "a choice is allowed");
		route_tried_add(&tried, t, &choice);
		n++;
	}
	check(n == (allowed < 8 ? allowed : 8), "every allowed path is chosen");
}

/* What is preferred before all policies, as table.h says. */
static unsigned tier(enum route_state s)
{
	return s <= ROUTE_PROBATION ? ROUTE_UP : s;
}

/* Shares are 1 together, only the best states have any, and first choices are among those. */
static void check_shares(
	struct input *in, const struct route_table *t, int z, uint16_t region, unsigned families)
{
	struct paths p;
	struct route_tried none = {0};
	struct route_choice choice;
	unsigned best = ROUTE_STATES;
	double sum = 0;

	get_paths(t, z, region, &p);
	for (size_t i = 0; i < p.count; i++) {
		check(p.share[i] >= 0 && p.share[i] <= 1 + 1e-9, "a share is a part of 1");
		sum += p.share[i];
		if (is_allowed(&p, i, families) && tier(p.state[i]) < best)
			best = tier(p.state[i]);
	}
	check(best == ROUTE_STATES ? sum == 0 : sum > 1 - 1e-9 && sum < 1 + 1e-9, "shares are 1");
	for (size_t i = 0; i < p.count; i++)
		check(p.share[i] == 0 || (is_allowed(&p, i, families) && tier(p.state[i]) == best),
			"a share for the best states only");
	for (unsigned n = 0; n < 4 && best < ROUTE_STATES; n++) {
		check(route_table_choose(
			      t, z, region, families, octet(in) * 0x01010101u, &none, &choice) == 0,
			"a first choice is found");
		check(p.share[find_path(&p, &choice)] > 0, "a first choice has a share");
	}
}

/* Every region and family; the whole program is the salts. */
static void check_everywhere(
	const struct input *in, const struct route_table *t, int z, unsigned families)
{
	for (unsigned r = 0; r <= REGIONS_MAX; r++) {
		uint16_t region = r < REGIONS_MAX ? (uint16_t)r : ROUTE_REGION_NONE;
		struct input salts = {in->begin, in->end, in->begin};

		check_shares(&salts, t, z, region, families != 0 ? families : 3);
		for (unsigned f = 1; f <= 3; f++)
			check_walk(&salts, t, z, region, f);
	}
}

static void check_choices(struct input *in, const struct route_table *t, unsigned families)
{
	for (int z = 0; z < (int)route_table_zone_count(t); z++) {
		check_everywhere(in, t, z, families);
		check_walk(in, t, z, octet(in) < 200 ? ROUTE_REGION_NONE : octet(in), 3);
		check(route_table_zone(t, route_table_zone_name(t, z), false) == z,
			"a zone finds itself");
	}
}

static bool usable(enum route_state s)
{
	return s < ROUTE_FAILING;
}

/* Zones (by index, at most ZONES_MAX) with a usable path, as bits. */
static unsigned usable_zones(struct route_paths *p)
{
	unsigned zones = 0;

	for (size_t id = 0; id < route_paths_count(p); id++) {
		const struct route_path *path = route_paths_at(p, (uint16_t)id);

		if (path != NULL && usable(path->state))
			zones |= 1u << path->zone;
	}
	return zones;
}

static void run_judge(struct input *in, struct route_paths *p, struct route_table **t)
{
	struct route_judge_params params;
	struct route_judge *j;
	size_t count = route_paths_count(p);
	struct route_sample *s = array(count, sizeof(*s));
	struct route_finding found[8];
	uint64_t now_ms = 1;

	route_judge_defaults(&params);
	params.probation_after_ms = octet(in) * 100u;
	params.return_min_ms = octet(in) * 100u;
	if (route_judge_new(&params, &j) != 0)
		abort();
	for (unsigned step = 0; step < STEPS_MAX && in->pos < in->end; step++) {
		uint8_t op = octet(in);
		size_t id = count > 0 ? octet(in) % count : 0;
		struct route_path *path = route_paths_at(p, (uint16_t)id);
		struct route_table *next;
		unsigned before;

		if (path == NULL)
			break;
		if (op < 150) {
			s[id].outcome[op % ROUTE_O_MAX] += octet(in);
		} else if (op < 170) {
			s[id].refuted[op % ROUTE_O_MAX] += octet(in);
		} else if (op < 180) {
			s[id].newest_inception = (uint32_t)octet(in) << 24;
			s[id].nearest_expiration = (uint32_t)octet(in) << 24;
		} else if (op < 182) {
			path->state = octet(in) % ROUTE_STATES; // the operator, or worse
		} else if (op < 184) {
			memset(&s[id], octet(in), sizeof(s[id])); // counters that jump or fall
		} else if (op < 186) {
			route_judge_forget(j, (uint16_t)id);
		} else {
			now_ms += op < 250 ? ROUTE_JUDGE_TICK_MS : octet(in) * 1000u;
			before = usable_zones(p);
			route_judge_tick(j, p, s, now_ms, (uint32_t)octet(in) << 24, found, op % 9);
			check((usable_zones(p) & before) == before, "never the last path");
			if (route_table_renew(*t, p, now_ms, &next) != 0)
				abort();
			route_table_free(*t);
			*t = next;
		}
	}
	route_judge_free(j);
	free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = {data, data + len, data};
	struct route_config c;
	struct route_paths *p;
	struct route_table *t;
	struct route_addr client;
	char why[64];

	if (route_paths_new(&p) != 0)
		abort();
	read_config(&in, &c);
	if (route_paths_sync(p, &c) != 0) {
		check(route_config_check(&c, why, sizeof(why)) != 0, "what is refused is wrong");
		goto out;
	}
	if (route_table_new(&c, p, NULL, 1, &key, &t) != 0)
		goto out; // a zone without a path, a prefix in two regions
	client = read_addr(&in);
	check(route_table_region(t, &client) == ROUTE_REGION_NONE ||
			route_table_region(t, &client) < c.region_count,
		"a region is known");
	check_choices(&in, t, c.families);
	run_judge(&in, p, &t);
	check_choices(&in, t, c.families);
	route_table_free(t);
out:
	route_config_fini(&c);
	route_paths_free(p);
	return 0;
}
