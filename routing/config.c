#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "routing/table.h"

static const char *const state_names[] = {
	[ROUTE_UP] = "up",
	[ROUTE_PROBATION] = "probation",
	[ROUTE_LAGGING] = "lagging",
	[ROUTE_FAILING] = "failing",
	[ROUTE_DRAINED] = "drained",
};
_Static_assert(sizeof(state_names) / sizeof(state_names[0]) == ROUTE_STATES, "one name each");

const char *route_state_name(enum route_state s)
{
	return (unsigned)s < ROUTE_STATES ? state_names[s] : "unknown";
}

static const char *const policy_names[] = {
	[ROUTE_ORDERED] = "ordered",
	[ROUTE_WEIGHTED] = "weighted",
	[ROUTE_FASTEST] = "fastest",
};
_Static_assert(sizeof(policy_names) / sizeof(policy_names[0]) == ROUTE_POLICIES, "one name each");

const char *route_policy_name(enum route_policy p)
{
	return (unsigned)p < ROUTE_POLICIES ? policy_names[p] : "unknown";
}

struct route_share route_order_share(const struct route_order_config *o, size_t i)
{
	static const struct route_share plain = {.weight = 1, .limit_percent = 100};

	return o->shares != NULL ? o->shares[i] : plain;
}

static void free_order(struct route_order_config *o)
{
	free(o->sites);
	free(o->shares);
}

void route_config_fini(struct route_config *c)
{
	for (size_t i = 0; c->sites != NULL && i < c->site_count; i++)
		free(c->sites[i].addrs);
	for (size_t i = 0; c->regions != NULL && i < c->region_count; i++)
		free(c->regions[i].clients);
	for (size_t i = 0; c->zones != NULL && i < c->zone_count; i++) {
		struct route_zone_config *z = &c->zones[i];

		for (size_t k = 0; z->orders != NULL && k < z->order_count; k++)
			free_order(&z->orders[k]);
		free(z->orders);
	}
	free(c->sites);
	free(c->regions);
	free(c->zones);
	memset(c, 0, sizeof(*c));
}

const struct route_zone_config *route_config_zone(
	const struct route_config *c, const struct dns_name *name)
{
	const struct route_zone_config *best = NULL;

	for (size_t i = 0; i < c->zone_count; i++)
		if (dns_name_under(name->octets, c->zones[i].name.octets) &&
			(best == NULL || c->zones[i].name.labels > best->name.labels))
			best = &c->zones[i];
	return best;
}

/* ---- copy ---- */

// Nothing to copy is no error and no memory: *out is NULL then.
static int copy_array(const void *from, size_t count, size_t size, void *out)
{
	void *to = NULL;

	if (count > 0) {
		to = calloc(count, size);
		if (to == NULL)
			return -ENOMEM;
		memcpy(to, from, count * size);
	}
	memcpy(out, &to, sizeof(to));
	return 0;
}

static int copy_sites(const struct route_config *c, struct route_config *out)
{
	if (copy_array(c->sites, c->site_count, sizeof(*c->sites), &out->sites) != 0)
		return -ENOMEM;
	out->site_count = c->site_count;
	// No pointer of the source may stay where fini would find it.
	for (size_t i = 0; i < out->site_count; i++)
		out->sites[i].addrs = NULL;
	for (size_t i = 0; i < out->site_count; i++)
		if (copy_array(c->sites[i].addrs, c->sites[i].addr_count,
			    sizeof(*c->sites[i].addrs), &out->sites[i].addrs) != 0)
			return -ENOMEM;
	return 0;
}

static int copy_regions(const struct route_config *c, struct route_config *out)
{
	if (copy_array(c->regions, c->region_count, sizeof(*c->regions), &out->regions) != 0)
		return -ENOMEM;
	out->region_count = c->region_count;
	for (size_t i = 0; i < out->region_count; i++)
		out->regions[i].clients = NULL;
	for (size_t i = 0; i < out->region_count; i++)
		if (copy_array(c->regions[i].clients, c->regions[i].client_count,
			    sizeof(*c->regions[i].clients), &out->regions[i].clients) != 0)
			return -ENOMEM;
	return 0;
}

static int copy_order(const struct route_order_config *o, struct route_order_config *out)
{
	if (copy_array(o->sites, o->site_count, sizeof(*o->sites), &out->sites) != 0)
		return -ENOMEM;
	if (o->shares == NULL)
		return 0;
	return copy_array(o->shares, o->site_count, sizeof(*o->shares), &out->shares);
}

static int copy_orders(const struct route_zone_config *z, struct route_zone_config *out)
{
	if (copy_array(z->orders, z->order_count, sizeof(*z->orders), &out->orders) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < z->order_count; i++) {
		out->orders[i].sites = NULL;
		out->orders[i].shares = NULL;
	}
	for (size_t i = 0; i < z->order_count; i++)
		if (copy_order(&z->orders[i], &out->orders[i]) != 0)
			return -ENOMEM;
	return 0;
}

static int copy_zones(const struct route_config *c, struct route_config *out)
{
	if (copy_array(c->zones, c->zone_count, sizeof(*c->zones), &out->zones) != 0)
		return -ENOMEM;
	out->zone_count = c->zone_count;
	for (size_t i = 0; i < out->zone_count; i++)
		out->zones[i].orders = NULL;
	for (size_t i = 0; i < out->zone_count; i++)
		if (copy_orders(&c->zones[i], &out->zones[i]) != 0)
			return -ENOMEM;
	return 0;
}

int route_config_copy(const struct route_config *c, struct route_config *out)
{
	struct route_config copy = {.families = c->families};

	if (copy_sites(c, &copy) != 0 || copy_regions(c, &copy) != 0 || copy_zones(c, &copy) != 0) {
		route_config_fini(&copy);
		return -ENOMEM;
	}
	*out = copy;
	return 0;
}

/* ---- check ---- */

/* Where the sentence goes. */
struct complaint {
	char *text;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static int wrong(
	const struct complaint *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (why->size > 0)
		vsnprintf(why->text, why->size, format, args);
	va_end(args);
	return -EINVAL;
}

static bool name_ok(const char name[ROUTE_SITE_NAME_MAX])
{
	return name[0] != '\0' && memchr(name, '\0', ROUTE_SITE_NAME_MAX) != NULL;
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_zone(const void *a, const void *b)
{
	const struct dns_name *x = &(*(const struct route_zone_config *const *)a)->name;
	const struct dns_name *y = &(*(const struct route_zone_config *const *)b)->name;

	return x->len != y->len ? x->len - y->len : memcmp(x->octets, y->octets, x->len);
}

/*
 * Sort pointers to the elements of an array and look for equal neighbours: 100,000 names must not
 * cost their square.
 * @return index of a double, count when there is none, -ENOMEM
 */
static long find_double(
	const void *array, size_t count, size_t size, int (*compare)(const void *, const void *))
{
	const char **sorted = calloc(count + 1, sizeof(*sorted));
	long at = (long)count;

	if (sorted == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		sorted[i] = (const char *)array + i * size;
	qsort(sorted, count, sizeof(*sorted), compare);
	for (size_t i = 1; i < count; i++)
		if (compare(&sorted[i - 1], &sorted[i]) == 0)
			at = (sorted[i] - (const char *)array) / (long)size;
	free(sorted);
	return at;
}

static int check_names(
	const void *array, size_t count, size_t size, const char *what, const struct complaint *why)
{
	long twice;

	// The name is the first member of both structs.
	for (size_t i = 0; i < count; i++)
		if (!name_ok((const char *)array + i * size))
			return wrong(why, "%s %zu has no usable name", what, i);
	twice = find_double(array, count, size, compare_text);
	if (twice < 0)
		return (int)twice;
	if ((size_t)twice < count)
		return wrong(why, "%s %s is there twice", what,
			(const char *)array + (size_t)twice * size);
	return 0;
}
_Static_assert(offsetof(struct route_site_config, name) == 0, "check_names() looks there");
_Static_assert(offsetof(struct route_region_config, name) == 0, "check_names() looks there");

static bool family_ok(const struct route_addr *a)
{
	return a->family == 4 || a->family == 6;
}

static int check_site(const struct route_site_config *s, const struct complaint *why)
{
	if (s->addr_count > ROUTE_ZONE_PATHS_MAX)
		return wrong(why, "site %s: more than %d addresses", s->name, ROUTE_ZONE_PATHS_MAX);
	for (size_t i = 0; i < s->addr_count; i++) {
		const struct route_addr *a = &s->addrs[i];

		if (!family_ok(a))
			return wrong(why, "site %s: address %zu is of no known family", s->name, i);
		for (size_t k = 0; k < i; k++)
			if (route_addr_equal(&s->addrs[k], a))
				return wrong(
					why, "site %s: address %zu is there twice", s->name, i);
	}
	return 0;
}

static int check_region(const struct route_region_config *r, const struct complaint *why)
{
	for (size_t i = 0; i < r->client_count; i++) {
		const struct route_prefix *p = &r->clients[i];

		if (!family_ok(&p->addr) || p->len > 8 * route_addr_len(&p->addr))
			return wrong(why, "region %s: prefix %zu is not one", r->name, i);
	}
	return 0;
}

static int check_share(
	const struct route_order_config *o, size_t i, const char *zone, const struct complaint *why)
{
	struct route_share s = route_order_share(o, i);
	unsigned before = i > 0 ? route_order_share(o, i - 1).group : 0;

	if (s.group != before && (i == 0 || s.group != before + 1))
		return wrong(why, "zone %s: group %u after group %u", zone, s.group, before);
	if (s.weight == 0 || s.weight > ROUTE_WEIGHT_MAX)
		return wrong(why, "zone %s: no weight: %u", zone, s.weight);
	if (s.limit_percent == 0 || s.limit_percent > 100)
		return wrong(why, "zone %s: no share limit: %u %%", zone, s.limit_percent);
	return 0;
}

static int check_order(const struct route_config *c, const struct route_zone_config *z,
	const struct route_order_config *o, const char *zone, const struct complaint *why)
{
	if (o->region != ROUTE_REGION_NONE && o->region >= c->region_count)
		return wrong(why, "zone %s: no region %u", zone, o->region);
	for (const struct route_order_config *k = z->orders; k < o; k++)
		if (k->region == o->region)
			return wrong(why, "zone %s: two orders for one region", zone);
	if (o->site_count > ROUTE_ZONE_PATHS_MAX)
		return wrong(why, "zone %s: more than %d sites", zone, ROUTE_ZONE_PATHS_MAX);
	if ((unsigned)o->policy >= ROUTE_POLICIES)
		return wrong(why, "zone %s: no policy %u", zone, (unsigned)o->policy);
	for (size_t i = 0; i < o->site_count; i++) {
		if (check_share(o, i, zone, why) != 0)
			return -EINVAL;
		if (o->sites[i] >= c->site_count)
			return wrong(why, "zone %s: no site %u", zone, o->sites[i]);
		for (size_t k = 0; k < i; k++)
			if (o->sites[k] == o->sites[i])
				return wrong(why, "zone %s: site %s is listed twice", zone,
					c->sites[o->sites[i]].name);
	}
	return 0;
}

static int check_zone(const struct route_config *c, const struct route_zone_config *z,
	const struct complaint *why)
{
	char text[DNS_NAME_TEXT_MAX];
	int err;

	if (z->name.len == 0 ||
		dns_name_len(z->name.octets, z->name.octets + z->name.len) != z->name.len)
		return wrong(why, "zone %zu has no usable name", (size_t)(z - c->zones));
	dns_name_to_text(z->name.octets, text, sizeof(text));
	for (size_t i = 0; i < z->name.len; i++)
		if (z->name.octets[i] >= 'A' && z->name.octets[i] <= 'Z')
			return wrong(why, "zone %s is not in lower case", text);
	if (z->order_count > c->region_count + 1)
		return wrong(why, "zone %s: more orders than regions", text);
	for (size_t i = 0; i < z->order_count; i++) {
		err = check_order(c, z, &z->orders[i], text, why);
		if (err != 0)
			return err;
	}
	return 0;
}

int route_config_check(const struct route_config *c, char *why, size_t why_size)
{
	const struct complaint to = {why, why_size};
	long twice;
	int err;

	if (c->families > 3)
		return wrong(&to, "no families %u", c->families);
	if (c->site_count >= UINT16_MAX || c->region_count >= ROUTE_REGION_NONE ||
		c->zone_count >= UINT16_MAX)
		return wrong(&to, "more than 65,534 sites, regions or zones");
	err = check_names(c->sites, c->site_count, sizeof(*c->sites), "site", &to);
	if (err == 0)
		err = check_names(c->regions, c->region_count, sizeof(*c->regions), "region", &to);
	for (size_t i = 0; err == 0 && i < c->site_count; i++)
		err = check_site(&c->sites[i], &to);
	for (size_t i = 0; err == 0 && i < c->region_count; i++)
		err = check_region(&c->regions[i], &to);
	for (size_t i = 0; err == 0 && i < c->zone_count; i++)
		err = check_zone(c, &c->zones[i], &to);
	if (err != 0)
		return err;
	twice = find_double(c->zones, c->zone_count, sizeof(*c->zones), compare_zone);
	if (twice < 0)
		return (int)twice;
	return (size_t)twice < c->zone_count ? wrong(&to, "zone %ld is there twice", twice) : 0;
}
