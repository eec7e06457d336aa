#include "gen/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* Numbers by a table, so that text and JSON cannot differ. */

struct field {
	const char *name;
	size_t off;
};

#define CLIENTS(member)                                                                            \
	{                                                                                          \
#member, offsetof(struct gen_clients_stats, member)                                \
	}
static const struct field client_fields[] = {
	CLIENTS(sent),
	CLIENTS(answered),
	CLIENTS(lost),
	CLIENTS(late),
	CLIENTS(duplicate),
	CLIENTS(unmatched),
	CLIENTS(wrong),
	CLIENTS(reflected),
	CLIENTS(truncated),
	CLIENTS(held),
	CLIENTS(not_taken),
	CLIENTS(octets),
	CLIENTS(hostile_sent),
	CLIENTS(hostile_answered),
};
#undef CLIENTS
#define SITES(member)                                                                              \
	{                                                                                          \
#member, offsetof(struct gen_sites_stats, member)                                  \
	}
static const struct field site_fields[] = {
	SITES(queries),
	SITES(answered),
	SITES(made),
	SITES(refused),
	SITES(lost),
	SITES(not_taken),
	SITES(malformed),
};
#undef SITES
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const rcodes[16] = {
	"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
static const double percentiles[] = {50, 90, 99, 99.9, 99.99};

static uint64_t value(const void *stats, const struct field *f)
{
	return *(const uint64_t *)((const char *)stats + f->off);
}

static json_t *fields_json(const void *stats, const struct field *f, size_t n)
{
	json_t *j = json_object();

	for (size_t i = 0; i < n; i++)
		json_object_set_new(j, f[i].name, json_integer((json_int_t)value(stats, &f[i])));
	return j;
}

static json_t *rcodes_json(const struct gen_clients_stats *s)
{
	json_t *j = json_object();

	for (unsigned i = 0; i < 16; i++) {
		char name[16];

		if (s->rcode[i] == 0)
			continue;
		snprintf(name, sizeof(name), "RCODE%u", i);
		json_object_set_new(j, rcodes[i] != NULL ? rcodes[i] : name,
			json_integer((json_int_t)s->rcode[i]));
	}
	return j;
}

static json_t *latency_json(const struct gen_hist *h)
{
	json_t *j = json_pack(
		"{s:f,s:f}", "mean_us", gen_hist_mean(h) / 1e3, "max_us", (double)h->max / 1e3);

	for (size_t i = 0; i < COUNT(percentiles); i++) {
		char name[24];

		snprintf(name, sizeof(name), "p%g_us", percentiles[i]);
		json_object_set_new(
			j, name, json_real((double)gen_hist_percentile(h, percentiles[i]) / 1e3));
	}
	return j;
}

json_t *gen_report_json(const struct gen_trial *t)
{
	json_t *j = json_pack(
		"{s:f,s:I}", "seconds", t->seconds, "malformed", (json_int_t)t->malformed);

	if (isfinite(t->rate))
		json_object_set_new(j, "rate", json_real(t->rate));
	if (t->clients != NULL) {
		json_t *c = fields_json(t->clients, client_fields, COUNT(client_fields));

		json_object_set_new(c, "rcode", rcodes_json(t->clients));
		json_object_set_new(c, "latency", latency_json(&t->clients->latency));
		json_object_set_new(c, "answered_qps",
			json_real(t->seconds > 0 ? (double)t->clients->answered / t->seconds : 0));
		json_object_set_new(j, "clients", c);
	}
	if (t->sites != NULL)
		json_object_set_new(
			j, "sites", fields_json(t->sites, site_fields, COUNT(site_fields)));
	return j;
}

static void fields_text(const char *who, const void *stats, const struct field *f, size_t n)
{
	printf("%s:", who);
	for (size_t i = 0; i < n; i++)
		if (value(stats, &f[i]) != 0 || i < 3)
			printf(" %" PRIu64 " %s%s", value(stats, &f[i]), f[i].name,
				i + 1 < n ? "," : "");
	putchar('\n');
}

void gen_report_text(const struct gen_trial *t)
{
	if (t->clients != NULL) {
		const struct gen_clients_stats *s = t->clients;

		fields_text("clients", s, client_fields, COUNT(client_fields));
		printf("rcodes:");
		for (unsigned i = 0; i < 16; i++)
			if (s->rcode[i] != 0)
				printf(" %" PRIu64 " %s", s->rcode[i],
					rcodes[i] != NULL ? rcodes[i] : "other");
		printf("\n%.0f answers a second for %.2f s; latency",
			(double)s->answered / t->seconds, t->seconds);
		for (size_t i = 0; i < COUNT(percentiles); i++)
			printf(" p%g %.1f us", percentiles[i],
				(double)gen_hist_percentile(&s->latency, percentiles[i]) / 1e3);
		printf(" max %.1f us\n", (double)s->latency.max / 1e3);
	}
	if (t->sites != NULL)
		fields_text("sites", t->sites, site_fields, COUNT(site_fields));
	if (t->malformed != 0)
		printf("%" PRIu64 " frames were malformed or not UDP\n", t->malformed);
}
