#include "control/routes_diff.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/addr.h"

/*
 * Each set of routes becomes facts, one a line: a key ("zone com. in us") and a value ("lax nrt").
 * Sorted by key, two lists are compared in one pass.
 */

enum kind { SITE, REGION, CLIENT, KIND, ORDER };

struct fact {
	enum kind kind;
	char *key;   // as the line begins
	char *value; // the rest of it, may be ""
	char *words; // the value for the summary; NULL: as it stands
	char *who;   // for the summary: "com.: us"
};

struct facts {
	size_t count, room;
	struct fact *list;
	bool failed;
};

/** Text that grows. */
struct text {
	char *at;
	size_t len;
	FILE *f;
};

static bool text_begin(struct text *t)
{
	t->f = open_memstream(&t->at, &t->len);
	return t->f != NULL;
}

static char *text_end(struct text *t)
{
	return fclose(t->f) == 0 ? t->at : NULL;
}

__attribute__((format(printf, 1, 2))) static char *print(const char *fmt, ...)
{
	char *out;
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&out, fmt, ap);
	va_end(ap);
	return n < 0 ? NULL : out;
}

static void fact_free(struct fact *f)
{
	free(f->key);
	free(f->value);
	free(f->words);
	free(f->who);
}

/** Takes the texts over; words may be NULL. */
static void add_said(
	struct facts *fs, enum kind kind, char *key, char *value, char *words, char *who)
{
	struct fact f = {kind, key, value, words, who};

	if (fs->count == fs->room) {
		size_t room = fs->room ? 2 * fs->room : 64;
		struct fact *more = realloc(fs->list, room * sizeof(*more));
		if (more) {
			fs->list = more;
			fs->room = room;
		}
	}
	if (!key || !value || !who || fs->count == fs->room) {
		fs->failed = true;
		fact_free(&f);
		return;
	}
	fs->list[fs->count++] = f;
}

static void add(struct facts *fs, enum kind kind, char *key, char *value, char *who)
{
	add_said(fs, kind, key, value, NULL, who);
}

static void facts_fini(struct facts *fs)
{
	for (size_t i = 0; i < fs->count; i++)
		fact_free(&fs->list[i]);
	free(fs->list);
}

/* ---- routes → facts ---- */

static char *addrs_text(const struct route_site_config *s)
{
	char addr[CTL_ADDR_TEXT_MAX];
	struct text t;

	if (!text_begin(&t))
		return NULL;
	for (size_t i = 0; i < s->addr_count; i++)
		fprintf(t.f, "%s%s", i ? " " : "", ctl_addr_text(&s->addrs[i], addr));
	return text_end(&t);
}

/** "weighted: sin weight=5 share_limit=40 nrt weight=1 | lax weight=1"; a plain order is "sin nrt".
 */
static char *order_text(const struct route_config *c, const struct route_order_config *o)
{
	struct text t;

	if (!text_begin(&t))
		return NULL;
	if (o->policy != ROUTE_ORDERED)
		fprintf(t.f, "%s: ", route_policy_name(o->policy));
	for (size_t i = 0; i < o->site_count; i++) {
		struct route_share s = route_order_share(o, i);
		bool new_group = i && s.group != route_order_share(o, i - 1).group;
		fprintf(t.f, "%s%s", new_group ? " | " : i ? " " : "", c->sites[o->sites[i]].name);
		if (o->policy == ROUTE_WEIGHTED)
			fprintf(t.f, " weight=%u", s.weight);
		if (s.limit_percent < 100)
			fprintf(t.f, " share_limit=%u", s.limit_percent);
	}
	return text_end(&t);
}

/** "sin before nrt", "lax only", "sin by 5 (at most 40 %) and nrt by 1, then lax by 1". */
static char *order_words(const struct route_config *c, const struct route_order_config *o)
{
	static const char *const between[ROUTE_POLICIES] = {" before ", " and ", " or "};
	struct text t;

	if (!text_begin(&t))
		return NULL;
	if (o->policy == ROUTE_FASTEST && o->site_count > 1)
		fprintf(t.f, "the fastest of ");
	for (size_t i = 0; i < o->site_count; i++) {
		struct route_share s = route_order_share(o, i);
		bool new_group = i && s.group != route_order_share(o, i - 1).group;
		fprintf(t.f, "%s%s",
			new_group ? ", then "
			: i       ? between[o->policy]
				  : "",
			c->sites[o->sites[i]].name);
		if (o->policy == ROUTE_WEIGHTED && o->site_count > 1)
			fprintf(t.f, " by %u", s.weight);
		if (s.limit_percent < 100)
			fprintf(t.f, " (at most %u %%)", s.limit_percent);
	}
	if (o->site_count == 1)
		fprintf(t.f, " only");
	return text_end(&t);
}

static void zone_facts(struct facts *fs, const struct route_config *c, size_t zone)
{
	const struct route_zone_config *z = &c->zones[zone];
	char name[DNS_NAME_TEXT_MAX];

	dns_name_to_text(z->name.octets, name, sizeof(name));
	add(fs, KIND, print("zone %s", name),
		print("%s", z->kind == ROUTE_RECURSIVE ? "recursive" : "authoritative"),
		print("%s", name));
	for (size_t i = 0; i < z->order_count; i++) {
		uint16_t region = z->orders[i].region;
		const char *in =
			region == ROUTE_REGION_NONE ? "other regions" : c->regions[region].name;
		bool alone = z->order_count == 1 && region == ROUTE_REGION_NONE;
		add_said(fs, ORDER,
			print("zone %s in %s", name, region == ROUTE_REGION_NONE ? "*" : in),
			order_text(c, &z->orders[i]), order_words(c, &z->orders[i]),
			alone ? print("%s", name) : print("%s: %s", name, in));
	}
}

static int by_key(const void *a, const void *b)
{
	const struct fact *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static void collect(struct facts *fs, const struct route_config *c)
{
	char prefix[CTL_ADDR_TEXT_MAX];

	for (size_t i = 0; i < c->site_count; i++)
		add(fs, SITE, print("site %s", c->sites[i].name), addrs_text(&c->sites[i]),
			print("site %s", c->sites[i].name));
	for (size_t i = 0; i < c->region_count; i++) {
		const struct route_region_config *r = &c->regions[i];
		add(fs, REGION, print("region %s", r->name), print("%s", ""),
			print("region %s", r->name));
		for (size_t k = 0; k < r->client_count; k++) {
			ctl_prefix_text(&r->clients[k], prefix);
			add(fs, CLIENT, print("client %s", prefix), print("%s", r->name),
				print("clients %s", prefix));
		}
	}
	for (size_t i = 0; i < c->zone_count; i++)
		zone_facts(fs, c, i);
	if (fs->count > 1)
		qsort(fs->list, fs->count, sizeof(fs->list[0]), by_key);
}

/* ---- facts → words ---- */

/** A zone's kind is worth a word only when it changes. */
static bool is_silent(const struct fact *f)
{
	return f->kind == KIND;
}

static const char *words_of(const struct fact *f)
{
	return f->words ? f->words : f->value;
}

static void say_one(json_t *summary, const struct fact *f, const char *what)
{
	const char *words = words_of(f);

	json_array_append_new(
		summary, json_sprintf("%s: %s%s%s", f->who, what, words[0] ? ": " : "", words));
}

static void say_change(json_t *summary, const struct fact *a, const struct fact *b)
{
	json_array_append_new(
		summary, json_sprintf("%s: %s -> %s", b->who, words_of(a), words_of(b)));
}

static void line(json_t *lines, char sign, const struct fact *f)
{
	json_array_append_new(
		lines, json_sprintf("%c%s%s%s", sign, f->key, f->value[0] ? ": " : "", f->value));
}

static void compare(
	const struct facts *from, const struct facts *to, json_t *summary, json_t *lines)
{
	size_t i = 0, k = 0;

	while (i < from->count || k < to->count) {
		const struct fact *a = i < from->count ? &from->list[i] : NULL;
		const struct fact *b = k < to->count ? &to->list[k] : NULL;
		int order = !a ? 1 : !b ? -1 : strcmp(a->key, b->key);
		if (order == 0 && strcmp(a->value, b->value) != 0) {
			line(lines, '-', a);
			line(lines, '+', b);
			say_change(summary, a, b);
		} else if (order < 0) {
			line(lines, '-', a);
			if (!is_silent(a))
				say_one(summary, a, "gone");
		} else if (order > 0) {
			line(lines, '+', b);
			if (!is_silent(b))
				say_one(summary, b, "new");
		}
		i += order <= 0;
		k += order >= 0;
	}
}

json_t *ctl_routes_diff(const struct route_config *from, const struct route_config *to)
{
	struct facts a = {0}, b = {0};
	json_t *summary = json_array(), *lines = json_array(), *diff = NULL;

	collect(&a, from);
	collect(&b, to);
	if (!a.failed && !b.failed) {
		compare(&a, &b, summary, lines);
		diff = json_pack("{s:b,s:O,s:O}", "same", json_array_size(lines) == 0, "summary",
			summary, "lines", lines);
	}
	json_decref(summary);
	json_decref(lines);
	facts_fini(&a);
	facts_fini(&b);
	return diff;
}
