#include "control/routes_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/addr.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/** Refuse keys that no mapping of ours has, and demand those that must be there; values are read
 * later. */
static int skip(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	(void)at, (void)base, (void)f;
	return 0;
}

static int find_site(const struct route_config *c, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(c->sites[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int find_region(const struct route_config *c, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(c->regions[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* ---- sites ---- */

/** A second site with the same address would let one place testify for itself. */
static int addr_is_new(
	const struct ctl_yaml_at *at, const struct route_config *c, size_t site, size_t have)
{
	const struct route_addr *a = &c->sites[site].addrs[have];

	for (size_t i = 0; i <= site; i++)
		for (size_t k = 0; k < (i == site ? have : c->sites[i].addr_count); k++) {
			if (!route_addr_equal(a, &c->sites[i].addrs[k]))
				continue;
			char text[CTL_ADDR_TEXT_MAX];
			ctl_addr_text(a, text);
			if (i == site)
				return ctl_yaml_fail(at, "address %s is there twice", text);
			return ctl_yaml_fail(at, "address %s belongs to site \"%s\" already", text,
				c->sites[i].name);
		}
	return 0;
}

static int read_site_addr(
	const struct ctl_yaml_at *at, struct route_config *c, size_t site, size_t i)
{
	const char *s = ctl_yaml_scalar(at, "an address");
	struct route_addr *a = &c->sites[site].addrs[i];

	if (!s)
		return -EINVAL;
	if (ctl_addr_from_text(s, a))
		return ctl_yaml_fail(at, "expected an IPv4 or IPv6 address, got \"%.64s\"", s);
	if (!ctl_addr_is_host(a))
		return ctl_yaml_fail(at, "expected one host's address, got %s", s);
	return addr_is_new(at, c, site, i);
}

static int read_site_addrs(const struct ctl_yaml_at *at, struct route_config *c, size_t site)
{
	struct route_site_config *s = &c->sites[site];
	int n = ctl_yaml_count_some(at, CTL_SITE_ADDRS_MAX, "addresses", "address");

	if (n < 0)
		return n;
	s->addrs = calloc((size_t)n, sizeof(*s->addrs));
	if (!s->addrs)
		return -ENOMEM;
	s->addr_count = (size_t)n;
	for (size_t i = 0; i < (size_t)n; i++) {
		struct ctl_yaml_at item = ctl_yaml_item(at, i);
		int rc = read_site_addr(&item, c, site, i);
		if (rc)
			return rc;
	}
	return 0;
}

static int read_site(const struct ctl_yaml_at *at, struct route_config *c, size_t site)
{
	static const struct ctl_yaml_field fields[] = {
		{.key = "name",
			.read = ctl_yaml_label,
			.off = offsetof(struct route_site_config, name),
			.size = ROUTE_SITE_NAME_MAX,
			.required = true},
		{.key = "addresses", .read = skip, .required = true},
	};
	struct route_site_config *s = &c->sites[site];
	struct ctl_yaml_at key;

	if (ctl_yaml_map(at, fields, COUNT(fields), s))
		return -EINVAL;
	if (find_site(c, site, s->name) >= 0 && ctl_yaml_get(at, "name", &key))
		return ctl_yaml_fail(&key, "site \"%s\" is there twice", s->name);
	ctl_yaml_get(at, "addresses", &key);
	return read_site_addrs(&key, c, site);
}

static int read_sites(const struct ctl_yaml_at *root, struct route_config *c)
{
	struct ctl_yaml_at at;

	ctl_yaml_get(root, "sites", &at);
	int n = ctl_yaml_count_some(&at, CTL_SITES_MAX, "sites", "site");
	if (n < 0)
		return n;
	c->sites = calloc((size_t)n, sizeof(*c->sites));
	if (!c->sites)
		return -ENOMEM;
	c->site_count = (size_t)n;
	for (size_t i = 0; i < (size_t)n; i++) {
		struct ctl_yaml_at item = ctl_yaml_item(&at, i);
		int rc = read_site(&item, c, i);
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- regions ---- */

static int read_client(const struct ctl_yaml_at *at, struct route_prefix *out)
{
	const char *s = ctl_yaml_scalar(at, "a prefix");

	if (!s)
		return -EINVAL;
	int rc = ctl_prefix_from_text(s, out);
	if (rc == -EDOM)
		return ctl_yaml_fail(
			at, "expected a prefix, got \"%.64s\" with bits beyond its length", s);
	if (rc)
		return ctl_yaml_fail(at, "expected a prefix as 192.0.2.0/24, got \"%.64s\"", s);
	return 0;
}

static int read_region(const struct ctl_yaml_at *at, struct route_config *c, size_t region)
{
	static const struct ctl_yaml_field fields[] = {
		{.key = "name",
			.read = ctl_yaml_label,
			.off = offsetof(struct route_region_config, name),
			.size = ROUTE_SITE_NAME_MAX,
			.required = true},
		{.key = "clients", .read = skip},
	};
	struct route_region_config *r = &c->regions[region];
	struct ctl_yaml_at key;

	if (ctl_yaml_map(at, fields, COUNT(fields), r))
		return -EINVAL;
	if (find_region(c, region, r->name) >= 0 && ctl_yaml_get(at, "name", &key))
		return ctl_yaml_fail(&key, "region \"%s\" is there twice", r->name);
	if (!ctl_yaml_get(at, "clients", &key))
		return 0;
	int n = ctl_yaml_count(&key, CTL_REGION_CLIENTS_MAX, "prefixes");
	if (n <= 0)
		return n;
	r->clients = calloc((size_t)n, sizeof(*r->clients));
	if (!r->clients)
		return -ENOMEM;
	r->client_count = (size_t)n;
	for (size_t i = 0; i < (size_t)n; i++) {
		struct ctl_yaml_at item = ctl_yaml_item(&key, i);
		if (read_client(&item, &r->clients[i]))
			return -EINVAL;
	}
	return 0;
}

struct client_ref {
	const struct route_prefix *prefix;
	size_t region, item;
};

static int client_order(const void *pa, const void *pb)
{
	const struct client_ref *a = pa, *b = pb;
	int d = a->prefix->addr.family - b->prefix->addr.family;

	if (!d)
		d = a->prefix->len - b->prefix->len;
	if (!d)
		d = memcmp(a->prefix->addr.octets, b->prefix->addr.octets,
			sizeof(b->prefix->addr.octets));
	if (!d)
		d = a->region == b->region ? (a->item > b->item) - (a->item < b->item)
					   : (a->region > b->region) - (a->region < b->region);
	return d;
}

static int client_twice(const struct ctl_yaml_at *at, const struct route_config *c,
	const struct client_ref *first, const struct client_ref *again)
{
	char text[CTL_ADDR_TEXT_MAX];
	struct ctl_yaml_at region = ctl_yaml_item(at, again->region), clients;

	ctl_yaml_get(&region, "clients", &clients);
	struct ctl_yaml_at item = ctl_yaml_item(&clients, again->item);
	return ctl_yaml_fail(&item, "prefix %s belongs to region \"%s\" already",
		ctl_prefix_text(again->prefix, text), c->regions[first->region].name);
}

/** Sorted, because tens of thousands of prefixes are a normal file. */
static int clients_unique(const struct ctl_yaml_at *at, const struct route_config *c)
{
	size_t total = 0, n = 0;
	int rc = 0;

	for (size_t i = 0; i < c->region_count; i++)
		total += c->regions[i].client_count;
	struct client_ref *ref = calloc(total ? total : 1, sizeof(*ref));
	if (!ref)
		return -ENOMEM;
	for (size_t i = 0; i < c->region_count; i++)
		for (size_t k = 0; k < c->regions[i].client_count; k++)
			ref[n++] = (struct client_ref){&c->regions[i].clients[k], i, k};
	qsort(ref, n, sizeof(*ref), client_order);
	for (size_t i = 1; i < n && !rc; i++)
		if (ref[i].prefix->len == ref[i - 1].prefix->len &&
			route_addr_equal(&ref[i].prefix->addr, &ref[i - 1].prefix->addr))
			rc = client_twice(at, c, &ref[i - 1], &ref[i]);
	free(ref);
	return rc;
}

static int read_regions(const struct ctl_yaml_at *root, struct route_config *c)
{
	struct ctl_yaml_at at;

	if (!ctl_yaml_get(root, "regions", &at))
		return 0;
	int n = ctl_yaml_count(&at, CTL_REGIONS_MAX, "regions");
	if (n <= 0)
		return n;
	c->regions = calloc((size_t)n, sizeof(*c->regions));
	if (!c->regions)
		return -ENOMEM;
	c->region_count = (size_t)n;
	for (size_t i = 0; i < (size_t)n; i++) {
		struct ctl_yaml_at item = ctl_yaml_item(&at, i);
		int rc = read_region(&item, c, i);
		if (rc)
			return rc;
	}
	return clients_unique(&at, c);
}

/* ---- zones ---- */

static int read_site_name(const struct ctl_yaml_at *at, const struct route_config *c,
	struct route_order_config *o, size_t i)
{
	const char *s = ctl_yaml_scalar(at, "a site's name");

	if (!s)
		return -EINVAL;
	int site = find_site(c, c->site_count, s);
	if (site < 0)
		return ctl_yaml_fail(at, "unknown site \"%.64s\"", s);
	for (size_t k = 0; k < i; k++)
		if (o->sites[k] == site)
			return ctl_yaml_fail(at, "site \"%s\" is in this list twice", s);
	o->sites[i] = (uint16_t)site;
	return 0;
}

/** A site's name, or a mapping of it and what is said of it here. */
static int read_site_ref(const struct ctl_yaml_at *at, const struct route_config *c,
	struct route_order_config *o, size_t i, uint8_t group)
{
	struct said {
		uint16_t weight, limit;
	} said = {1, 100};
	static const struct ctl_yaml_field fields[] = {
		{.key = "site", .read = skip, .required = true},
		{.key = "weight",
			.read = ctl_yaml_uint,
			.off = offsetof(struct said, weight),
			.size = sizeof(said.weight),
			.min = 1,
			.max = ROUTE_WEIGHT_MAX},
		{.key = "share_limit",
			.read = ctl_yaml_uint,
			.off = offsetof(struct said, limit),
			.size = sizeof(said.limit),
			.min = 1,
			.max = 100},
	};
	struct ctl_yaml_at name = *at, key;

	if (at->node->type == YAML_MAPPING_NODE) {
		if (ctl_yaml_map(at, fields, COUNT(fields), &said))
			return -EINVAL;
		if (o->policy != ROUTE_WEIGHTED && ctl_yaml_get(at, "weight", &key))
			return ctl_yaml_fail(&key,
				"expected policy \"weighted\" for a weight to count, got \"%s\"",
				route_policy_name(o->policy));
		ctl_yaml_get(at, "site", &name);
	}
	o->shares[i] = (struct route_share){group, (uint8_t)said.weight, (uint8_t)said.limit};
	return read_site_name(&name, c, o, i);
}

/** More paths than routing holds for one zone are refused here, where a line can be named. */
static int paths_fit(const struct ctl_yaml_at *at, const struct route_config *c,
	const struct route_order_config *o)
{
	size_t paths = 0;

	for (size_t i = 0; i < o->site_count; i++)
		paths += c->sites[o->sites[i]].addr_count;
	if (paths > ROUTE_ZONE_PATHS_MAX)
		return ctl_yaml_fail(at,
			"expected sites with at most %d addresses together, got %zu",
			ROUTE_ZONE_PATHS_MAX, paths);
	return 0;
}

static bool is_list(const struct ctl_yaml_at *at)
{
	return at->node->type == YAML_SEQUENCE_NODE;
}

/** Sites of all groups. @return 1.., -EINVAL: too many, an empty group, groups beside sites */
static int count_sites(const struct ctl_yaml_at *at)
{
	int n = ctl_yaml_count_some(at, ROUTE_ZONE_PATHS_MAX, "sites", "site, best first");
	int sites = 0;

	for (int i = 0; i < n; i++) {
		struct ctl_yaml_at item = ctl_yaml_item(at, (size_t)i);
		struct ctl_yaml_at first = ctl_yaml_item(at, 0);
		if (is_list(&item) != is_list(&first))
			return ctl_yaml_fail(&item,
				"expected %s as before it: either all are groups or none is",
				is_list(&first) ? "a list" : "a site");
		int in_group = is_list(&item) ? ctl_yaml_count_some(&item, ROUTE_ZONE_PATHS_MAX,
							"sites", "site in a group")
					      : 1;
		if (in_group < 0)
			return in_group;
		sites += in_group;
	}
	if (sites > ROUTE_ZONE_PATHS_MAX)
		return ctl_yaml_fail(at, "expected at most %d sites in all groups, got %d",
			ROUTE_ZONE_PATHS_MAX, sites);
	return n < 0 ? n : sites;
}

/** A list of sites, or of groups, which are lists of sites. o->policy is set. */
static int read_order_sites(
	const struct ctl_yaml_at *at, const struct route_config *c, struct route_order_config *o)
{
	int n = count_sites(at);
	size_t i = 0;

	if (n < 0)
		return n;
	o->sites = calloc((size_t)n, sizeof(*o->sites));
	o->shares = calloc((size_t)n, sizeof(*o->shares));
	if (!o->sites || !o->shares)
		return -ENOMEM;
	o->site_count = (size_t)n;
	for (size_t g = 0; i < (size_t)n; g++) {
		struct ctl_yaml_at group = ctl_yaml_item(at, g), site = group;
		size_t last = is_list(&group) ? i + (size_t)ctl_yaml_count(
							    &group, ROUTE_ZONE_PATHS_MAX, "sites")
					      : i + 1;
		for (size_t k = 0; i < last; k++) {
			if (is_list(&group))
				site = ctl_yaml_item(&group, k);
			if (read_site_ref(&site, c, o, i++, is_list(&group) ? (uint8_t)g : 0))
				return -EINVAL;
		}
	}
	return paths_fit(at, c, o);
}

static const char *const policies[] = {"ordered", "weighted", "fastest", NULL};

static int read_region_order(
	const struct ctl_yaml_at *at, const struct route_config *c, struct route_zone_config *z)
{
	static const struct ctl_yaml_field fields[] = {
		{.key = "region", .read = skip, .required = true},
		{.key = "policy", .read = ctl_yaml_choice, .choices = policies},
		{.key = "sites", .read = skip, .required = true},
	};
	int policy = (int)z->orders[0].policy;
	struct ctl_yaml_at key;

	if (ctl_yaml_map(at, fields, COUNT(fields), &policy))
		return -EINVAL;
	ctl_yaml_get(at, "region", &key);
	const char *name = ctl_yaml_scalar(&key, "a region's name");
	if (!name)
		return -EINVAL;
	int region = find_region(c, c->region_count, name);
	if (region < 0)
		return ctl_yaml_fail(&key, "unknown region \"%.64s\"", name);
	for (size_t i = 0; i < z->order_count; i++)
		if (z->orders[i].region == region)
			return ctl_yaml_fail(&key, "region \"%s\" is in this zone twice", name);
	struct route_order_config *o = &z->orders[z->order_count];
	*o = (struct route_order_config){
		.region = (uint16_t)region, .policy = (enum route_policy)policy};
	z->order_count++;
	ctl_yaml_get(at, "sites", &key);
	return read_order_sites(&key, c, o);
}

static int read_zone_name(const struct ctl_yaml_at *at, const struct route_config *c, size_t zone)
{
	const char *s = ctl_yaml_scalar(at, "a zone's name");
	struct dns_name *name = &c->zones[zone].name;

	if (!s)
		return -EINVAL;
	if (s[0] == '\0' || dns_name_from_text(s, name))
		return ctl_yaml_fail(at, "expected a domain name, got \"%.64s\"", s);
	dns_name_lower(name->octets, name->len);
	for (size_t i = 0; i < zone; i++)
		if (dns_name_equal(c->zones[i].name.octets, name->octets))
			return ctl_yaml_fail(at, "zone \"%.64s\" is there twice", s);
	return 0;
}

static int read_zone_orders(
	const struct ctl_yaml_at *at, const struct route_config *c, struct route_zone_config *z)
{
	static const struct ctl_yaml_field field = {
		.key = "policy", .read = ctl_yaml_choice, .choices = policies};
	struct ctl_yaml_at sites, regions, key;
	int n = 0, policy = ROUTE_ORDERED;

	if (!ctl_yaml_get(at, "sites", &sites))
		return ctl_yaml_fail(at, "the zone has no \"sites\"");
	if (ctl_yaml_get(at, "regions", &regions))
		n = ctl_yaml_count(&regions, CTL_REGIONS_MAX, "regions");
	if (n < 0)
		return n;
	if (ctl_yaml_get(at, "policy", &key) && ctl_yaml_choice(&key, &policy, &field))
		return -EINVAL;
	z->orders = calloc((size_t)n + 1, sizeof(*z->orders));
	if (!z->orders)
		return -ENOMEM;
	z->orders[0].region = ROUTE_REGION_NONE;
	z->orders[0].policy = (enum route_policy)policy;
	z->order_count = 1;
	int rc = read_order_sites(&sites, c, &z->orders[0]);
	for (size_t i = 0; i < (size_t)n && !rc; i++) {
		struct ctl_yaml_at item = ctl_yaml_item(&regions, i);
		rc = read_region_order(&item, c, z);
	}
	return rc;
}

static int read_zone(const struct ctl_yaml_at *at, struct route_config *c, size_t zone)
{
	static const char *const kinds[] = {"authoritative", "recursive", NULL};
	static const struct ctl_yaml_field fields[] = {
		{.key = "name", .read = skip, .required = true},
		{.key = "kind",
			.read = ctl_yaml_choice,
			.off = offsetof(struct route_zone_config, kind),
			.choices = kinds},
		{.key = "policy", .read = skip},
		{.key = "sites", .read = skip},
		{.key = "regions", .read = skip},
	};
	struct ctl_yaml_at key;

	if (ctl_yaml_map(at, fields, COUNT(fields), &c->zones[zone]))
		return -EINVAL;
	ctl_yaml_get(at, "name", &key);
	if (read_zone_name(&key, c, zone))
		return -EINVAL;
	return read_zone_orders(at, c, &c->zones[zone]);
}

/** Distinct sites of a zone, counted by address: each is a path. */
static size_t zone_paths(const struct route_config *c, const struct route_zone_config *z)
{
	bool used[CTL_SITES_MAX] = {false};
	size_t paths = 0;

	for (size_t o = 0; o < z->order_count; o++)
		for (size_t i = 0; i < z->orders[o].site_count; i++) {
			uint16_t site = z->orders[o].sites[i];
			paths += used[site] ? 0 : c->sites[site].addr_count;
			used[site] = true;
		}
	return paths;
}

static int read_zones(const struct ctl_yaml_at *root, struct route_config *c)
{
	struct ctl_yaml_at at;
	size_t paths = 0;

	ctl_yaml_get(root, "zones", &at);
	int n = ctl_yaml_count_some(&at, CTL_ZONES_MAX, "zones", "zone");
	if (n < 0)
		return n;
	c->zones = calloc((size_t)n, sizeof(*c->zones));
	if (!c->zones)
		return -ENOMEM;
	c->zone_count = (size_t)n;
	for (size_t i = 0; i < (size_t)n; i++) {
		struct ctl_yaml_at item = ctl_yaml_item(&at, i);
		int rc = read_zone(&item, c, i);
		if (rc)
			return rc;
		paths += zone_paths(c, &c->zones[i]);
		if (paths > ROUTE_PATHS_MAX)
			return ctl_yaml_fail(&item,
				"expected at most %d paths in all zones, got %zu so far",
				ROUTE_PATHS_MAX, paths);
	}
	return 0;
}

static int check_own_region(
	const struct ctl_yaml_at *root, const struct route_config *c, const char *own_region)
{
	struct ctl_yaml_at at;

	if (own_region[0] == '\0' || find_region(c, c->region_count, own_region) >= 0)
		return 0;
	return ctl_yaml_fail(ctl_yaml_get(root, "regions", &at) ? &at : root,
		"expected our own region \"%s\" among them, got none of that name", own_region);
}

static int read_all(const struct ctl_yaml_at *root, const char *own_region, struct route_config *c)
{
	static const struct ctl_yaml_field fields[] = {
		{.key = "sites", .read = skip, .required = true},
		{.key = "regions", .read = skip},
		{.key = "zones", .read = skip, .required = true},
	};

	// zones name sites and regions, wherever in the file those stand
	int rc = ctl_yaml_map(root, fields, COUNT(fields), NULL);
	if (!rc)
		rc = read_sites(root, c);
	if (!rc)
		rc = read_regions(root, c);
	if (!rc)
		rc = check_own_region(root, c, own_region);
	if (!rc)
		rc = read_zones(root, c);
	return rc;
}

int ctl_routes_parse(const char *name, const char *text, size_t len, const char *own_region,
	struct route_config *out, char *err)
{
	struct ctl_yaml y;
	struct ctl_yaml_at root;
	struct route_config c = {0};

	int rc = ctl_yaml_parse(&y, name, text, len, &root);
	if (!rc) {
		rc = read_all(&root, own_region, &c);
		ctl_yaml_fini(&y);
	}
	if (rc)
		route_config_fini(&c);
	else
		*out = c;
	snprintf(err, CTL_YAML_ERR_MAX, "%s", rc == -ENOMEM ? "out of memory" : y.err);
	return rc;
}

int ctl_routes_load(const char *path, const char *own_region, struct route_config *out, char *err)
{
	char *text;
	size_t len;

	int rc = ctl_file_read(path, &text, &len, err);
	if (rc)
		return rc;
	rc = ctl_routes_parse(path, text, len, own_region, out, err);
	free(text);
	return rc;
}
