// The table of a capture's servers, and what is said beside it.

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/addr.h"
#include "control/columns.h"
#include "control/inspect_table_priv.h"
#include "dns/text.h"
#include "validator/time.h"

enum {
	LAG_SAID_S = 600, // behind by less is normal while a version goes round
	SOON_S = 3600,
	ERRORS_SAID = 10, // one answer in so many
};

/** Worst first: bogus, then behind, then by address. */
static int by_state(const void *a, const void *b)
{
	const struct table_server *x = a, *y = b;

	if ((x->verdicts[VAL_BOGUS] > 0) != (y->verdicts[VAL_BOGUS] > 0))
		return x->verdicts[VAL_BOGUS] > 0 ? -1 : 1;
	if ((x->lag_s >= LAG_SAID_S || y->lag_s >= LAG_SAID_S) && x->lag_s != y->lag_s)
		return x->lag_s > y->lag_s ? -1 : 1;
	if (x->addr.family != y->addr.family)
		return (int)x->addr.family - (int)y->addr.family;
	return memcmp(x->addr.octets, y->addr.octets, sizeof(x->addr.octets));
}

static enum val_reason main_reason(const struct table_server *s)
{
	int best = 0;

	for (int r = 0; r < VAL_R_MAX; r++)
		if (s->reasons[r] > s->reasons[best])
			best = r;
	return (enum val_reason)best;
}

static uint64_t answers_of(const struct table_server *s)
{
	uint64_t sum = 0;

	for (int v = 0; v <= VAL_BOGUS; v++)
		sum += s->verdicts[v];
	return sum;
}

/** What stands out is in capitals. */
static void add_remark(struct ctl_columns *c, const struct table_server *s)
{
	enum val_reason r = main_reason(s);
	uint64_t sum = answers_of(s);
	char text[160];
	int n = 0;

	if (s->verdicts[VAL_BOGUS] > 0)
		n += snprintf(text + n, sizeof(text) - (size_t)n, ", BOGUS (%s %" PRIu64 ")",
			val_reason_name(r), s->reasons[r]);
	if (s->lag_s >= LAG_SAID_S)
		n += snprintf(text + n, sizeof(text) - (size_t)n, ", LAGS");
	if (s->has_sig && s->margin_s >= 0 && s->margin_s < SOON_S)
		n += snprintf(text + n, sizeof(text) - (size_t)n, ", ENDS SOON");
	if (s->errors * ERRORS_SAID >= sum)
		n += snprintf(text + n, sizeof(text) - (size_t)n, ", ERRORS %" PRIu64 " %%",
			s->errors * 100 / sum);
	if (n == 0)
		snprintf(text, sizeof(text), ", %s",
			s->verdicts[VAL_INDETERMINATE] == sum ? "not judged" : "ok");
	ctl_columns_add(c, "%s", text + 2);
}

static void add_server(struct ctl_columns *c, const struct table_server *s, uint32_t clock)
{
	char addr[CTL_ADDR_TEXT_MAX];

	ctl_addr_text(&s->addr, addr);
	if (s->port == 53)
		ctl_columns_add(c, "%s", addr);
	else
		ctl_columns_add(c, "%s#%u", addr, s->port);
	ctl_columns_add(c, "%" PRIu64, answers_of(s));
	ctl_columns_add(c, "%" PRIu64, s->verdicts[VAL_SECURE]);
	ctl_columns_add(c, "%" PRIu64, s->verdicts[VAL_INSECURE]);
	ctl_columns_add(c, "%" PRIu64, s->verdicts[VAL_BOGUS]);
	ctl_columns_add(c, "%" PRIu64, s->verdicts[VAL_INDETERMINATE]);
	if (s->has_sig) {
		ctl_columns_add_span(c, s->margin_s);
		ctl_columns_add_span(c, val_time_diff(clock, s->newest));
	} else {
		ctl_columns_add(c, "-");
		ctl_columns_add(c, "-");
	}
	if (s->lag_s > 0)
		ctl_columns_add_span(c, s->lag_s);
	else
		ctl_columns_add(c, s->has_sibling ? "none" : "-");
	add_remark(c, s);
}

static const char *time_text(int64_t time_us, char buf[32])
{
	time_t s = (time_t)(time_us / 1000000);
	struct tm tm;

	if (gmtime_r(&s, &tm) == NULL || strftime(buf, 32, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		strcpy(buf, "-");
	return buf;
}

/** "bogus: 192.0.2.1 since ...: the signature has expired: NSEC3 in com., key 4711, ..." */
static void print_bogus(const struct ctl_judged *j, FILE *out)
{
	char addr[CTL_ADDR_TEXT_MAX], name[DNS_NAME_TEXT_MAX], type[DNS_MNEMONIC_MAX], when[32];

	fprintf(out, "bogus: %s since %s: %s", ctl_addr_text(&j->server, addr),
		time_text(j->time_us, when), j->text);
	if (j->has_sig)
		fprintf(out, ": %s in %s, key %u, good until %s",
			dns_type_text(j->type_covered, type),
			dns_name_to_text(j->signer.octets, name, sizeof(name)), j->key_tag,
			time_text((int64_t)j->expiration * 1000000, when));
	if (j->has_question)
		fprintf(out, " (asked for %s %s)",
			dns_name_to_text(j->qname.octets, name, sizeof(name)),
			dns_type_text(j->qtype, type));
	fputc('\n', out);
}

static void print_head(const struct ctl_inspect_table *t, const struct ctl_inspect_stats *stats,
	int64_t at, FILE *out)
{
	char first[32], last[32], judged[32];

	fprintf(out, "%" PRIu64 " responses of %" PRIu32 " server%s, %s to %s UTC",
		stats->responses, t->servers, t->servers == 1 ? "" : "s",
		time_text(stats->capture.first_us, first), time_text(stats->capture.last_us, last));
	if (at != 0)
		fprintf(out, ", judged as of %s", time_text(at * 1000000, judged));
	fprintf(out, "; keys of %zu zone%s hold\n", stats->chain.secure,
		stats->chain.secure == 1 ? "" : "s");
}

static void note(FILE *out, uint64_t count, const char *text)
{
	if (count > 0)
		fprintf(out, "note: %" PRIu64 " %s\n", count, text);
}

void ctl_inspect_notes(const struct ctl_inspect_stats *s, FILE *out)
{
	if (s->responses == 0)
		fprintf(out, "note: no DNS response in %" PRIu64 " packets\n", s->capture.packets);
	note(out, s->other, "responses of other zones, or not to queries, left out");
	note(out, s->not_dns, "packets on the DNS port that are no DNS messages");
	note(out, s->capture.malformed, "packets with broken headers");
	note(out, s->capture.cut, "packets cut short by the capture's snapshot length");
	note(out, s->capture.fragments, "IP fragments that could not be put together");
	note(out, s->capture.tcp_lost, "octets of TCP connections that could not be read");
	note(out, s->capture.tcp_dropped, "TCP connections given up: too many at once");
	note(out, s->chain.dropped, "answers about keys not kept: too many");
}

static void print_gaps(const struct ctl_inspect_table *t, FILE *out)
{
	for (int k = 0; k < t->gaps; k++)
		fprintf(out, "indeterminate: %" PRIu64 " x %s\n", t->gap[k].count, t->gap[k].why);
	if (t->other_gaps > 0)
		fprintf(out, "indeterminate: %" PRIu64 " x other reasons; see --json\n",
			t->other_gaps);
	note(out, t->others, "answers of servers beyond the table's size");
	note(out, t->unpaired, "signatures not compared with other servers': too many");
}

void ctl_inspect_table_print(const struct ctl_inspect_table *t,
	const struct ctl_inspect_stats *stats, int64_t at, FILE *out)
{
	uint32_t clock = (uint32_t)(at != 0 ? at : stats->capture.last_us / 1000000);
	struct table_server *sorted = malloc((t->servers + 1) * sizeof(*sorted));
	struct ctl_columns c;

	if (sorted == NULL)
		return;
	if (t->servers > 0)
		memcpy(sorted, t->server, t->servers * sizeof(*sorted));
	ctl_inspect_table_lags(t, sorted);
	qsort(sorted, t->servers, sizeof(*sorted), by_state);
	print_head(t, stats, at, out);
	if (t->servers > 0) {
		fputc('\n', out);
		ctl_columns_init(&c, "SERVER|>ANSWERS|>SECURE|>INSECURE|>BOGUS|>INDET.|>NEAREST "
				     "EXPIRY|>NEWEST SIGNATURE|>LAG|REMARK");
		for (uint32_t k = 0; k < t->servers; k++)
			add_server(&c, &sorted[k], clock);
		ctl_columns_print(&c, out);
		fputc('\n', out);
	}
	for (uint32_t k = 0; k < t->servers && k < TABLE_BOGUS_MAX; k++)
		if (sorted[k].bogus != NULL)
			print_bogus(sorted[k].bogus, out);
	print_gaps(t, out);
	ctl_inspect_notes(stats, out);
	free(sorted);
}
