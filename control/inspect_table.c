#include "control/inspect_table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/random.h>

#include "control/addr.h"
#include "control/columns.h"
#include "dns/hash.h"
#include "dns/rdata.h"
#include "validator/time.h"

enum {
	VERSIONS = 8, // of one RRset's signature, the newest
	GRACE_S = 60, // two servers are not asked at the same moment
	LAG_SAID_S = 600,
	SOON_S = 3600,
	RRSETS_MAX = CTL_TABLE_PAIRS_MAX,
	HASH_ROOM = CTL_TABLE_PAIRS_MAX * 2,
	GAPS_MAX = 8, // different reasons said below the table
};

/** A signature of an RRset, by its inception, and when it was first seen. */
struct version {
	uint32_t inception;
	int64_t first_us;
};

struct rrset {
	uint64_t hash;
	struct version version[VERSIONS];
	uint32_t servers;
	int versions;
};

struct pair {
	uint64_t hash;
	uint32_t server, rrset;
	uint32_t newest;
	int64_t last_us;
};

struct server {
	struct route_addr addr;
	uint16_t port;
	uint64_t verdicts[VAL_BOGUS + 1];
	uint64_t reasons[VAL_R_MAX]; // of bogus ones
	bool has_sig;
	int32_t margin_s;
	uint32_t newest;
	bool has_sibling;
	int32_t lag_s;
};

struct gap {
	char why[128];
	uint64_t count;
};

struct ctl_inspect_table {
	struct dns_hash_key key;
	struct server server[CTL_TABLE_SERVERS_MAX];
	uint32_t servers, rrsets, pairs;
	uint64_t others;   // answers of servers that are not shown
	uint64_t unpaired; // signatures whose lag is not known for lack of room
	struct gap gap[GAPS_MAX];
	int gaps;
	uint64_t other_gaps;
	// hash tables of index + 1
	uint32_t server_at[CTL_TABLE_SERVERS_MAX * 2], rrset_at[HASH_ROOM], pair_at[HASH_ROOM];
	struct rrset *rrset;
	struct pair *pair;
};

int ctl_inspect_table_new(struct ctl_inspect_table **out)
{
	struct ctl_inspect_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->rrset = calloc(RRSETS_MAX, sizeof(t->rrset[0]));
	t->pair = calloc(CTL_TABLE_PAIRS_MAX, sizeof(t->pair[0]));
	if (t->rrset == NULL || t->pair == NULL ||
		getrandom(&t->key, sizeof(t->key), 0) != sizeof(t->key)) {
		ctl_inspect_table_free(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

void ctl_inspect_table_free(struct ctl_inspect_table *t)
{
	if (t == NULL)
		return;
	free(t->rrset);
	free(t->pair);
	free(t);
}

/* ---- finding ---- */

static uint32_t *server_slot(struct ctl_inspect_table *t, const struct ctl_judged *j)
{
	uint8_t text[18];
	size_t at;

	memcpy(text, j->server.octets, 16);
	dns_put16(text + 16, j->port);
	at = dns_hash64(&t->key, text, sizeof(text)) % (CTL_TABLE_SERVERS_MAX * 2);
	for (;; at = (at + 1) % (CTL_TABLE_SERVERS_MAX * 2)) {
		uint32_t known = t->server_at[at];

		if (known == 0 || (t->server[known - 1].port == j->port &&
					  route_addr_equal(&t->server[known - 1].addr, &j->server)))
			return &t->server_at[at];
	}
}

static struct server *find_server(struct ctl_inspect_table *t, const struct ctl_judged *j)
{
	uint32_t *slot = server_slot(t, j);

	if (*slot == 0) {
		if (t->servers == CTL_TABLE_SERVERS_MAX)
			return NULL;
		*slot = ++t->servers;
		t->server[*slot - 1].addr = j->server;
		t->server[*slot - 1].port = j->port;
	}
	return &t->server[*slot - 1];
}

static struct rrset *find_rrset(struct ctl_inspect_table *t, uint64_t hash)
{
	size_t at = hash % HASH_ROOM;

	while (t->rrset_at[at] != 0 && t->rrset[t->rrset_at[at] - 1].hash != hash)
		at = (at + 1) % HASH_ROOM;
	if (t->rrset_at[at] == 0) {
		if (t->rrsets == RRSETS_MAX)
			return NULL;
		t->rrset_at[at] = ++t->rrsets;
		t->rrset[t->rrsets - 1].hash = hash;
	}
	return &t->rrset[t->rrset_at[at] - 1];
}

static struct pair *find_pair(struct ctl_inspect_table *t, uint32_t server, struct rrset *rrset)
{
	uint64_t hash = (rrset->hash ^ server) * UINT64_C(0x9e3779b97f4a7c15);
	size_t at = (hash >> 20) % HASH_ROOM;
	uint32_t index = (uint32_t)(rrset - t->rrset);
	struct pair *p;

	for (; t->pair_at[at] != 0; at = (at + 1) % HASH_ROOM) {
		p = &t->pair[t->pair_at[at] - 1];
		if (p->server == server && p->rrset == index)
			return p;
	}
	if (t->pairs == CTL_TABLE_PAIRS_MAX)
		return NULL;
	t->pair_at[at] = ++t->pairs;
	p = &t->pair[t->pairs - 1];
	*p = (struct pair){.server = server, .rrset = index};
	rrset->servers++;
	return p;
}

/* ---- adding ---- */

static uint64_t rrset_hash(const struct ctl_inspect_table *t, const struct dns_msg *m,
	const struct dns_rr *rr, const struct dns_rrsig *sig)
{
	uint8_t text[2 * DNS_NAME_MAX + 3];
	struct dns_name owner;

	dns_rr_owner(m, rr, &owner);
	memcpy(text, owner.octets, owner.len);
	memcpy(text + owner.len, sig->signer, sig->signer_len);
	dns_name_lower(text, owner.len);
	dns_name_lower(text + owner.len, sig->signer_len);
	dns_put16(text + owner.len + sig->signer_len, sig->type_covered);
	text[owner.len + sig->signer_len + 2] = sig->algorithm;
	return dns_hash64(&t->key, text, owner.len + sig->signer_len + 3u);
}

/** A signature that others may lag behind: the newest few are kept. */
static void note_version(struct rrset *r, uint32_t inception, int64_t time_us)
{
	int oldest = 0;

	for (int k = 0; k < r->versions; k++) {
		if (r->version[k].inception == inception)
			return;
		if (val_time_before(r->version[k].inception, r->version[oldest].inception))
			oldest = k;
	}
	if (r->versions < VERSIONS)
		oldest = r->versions++;
	else if (!val_time_before(r->version[oldest].inception, inception))
		return;
	r->version[oldest] = (struct version){inception, time_us};
}

static void note_sig(struct ctl_inspect_table *t, struct server *s, const struct ctl_judged *j,
	const struct dns_rrsig *sig, struct rrset *r)
{
	int32_t margin = val_time_diff(j->clock, sig->expiration);
	bool newer = !s->has_sig || val_time_before(s->newest, sig->inception);
	struct pair *p;

	s->margin_s = s->has_sig && s->margin_s < margin ? s->margin_s : margin;
	s->newest = newer ? sig->inception : s->newest;
	s->has_sig = true;
	if (r == NULL || (p = find_pair(t, (uint32_t)(s - t->server), r)) == NULL) {
		t->unpaired++;
		return;
	}
	if (p->last_us == 0 || val_time_before(p->newest, sig->inception))
		p->newest = sig->inception;
	p->last_us = j->time_us;
	// What is bogus may claim any inception.
	if (j->verdict != VAL_BOGUS)
		note_version(r, sig->inception, j->time_us);
}

static void note_gap(struct ctl_inspect_table *t, const struct ctl_judged *j)
{
	int k = 0;

	while (k < t->gaps && strncmp(t->gap[k].why, j->why, sizeof(t->gap[k].why) - 1) != 0)
		k++;
	if (k == GAPS_MAX) {
		t->other_gaps++;
		return;
	}
	if (k == t->gaps)
		snprintf(t->gap[t->gaps++].why, sizeof(t->gap[k].why), "%.127s", j->why);
	t->gap[k].count++;
}

void ctl_inspect_table_add(void *table, const struct ctl_judged *j, const struct dns_msg *m)
{
	struct ctl_inspect_table *t = table;
	struct server *s = find_server(t, j);
	struct dns_rrsig sig;

	if (s == NULL) {
		t->others++;
		return;
	}
	s->verdicts[j->verdict]++;
	if (j->verdict == VAL_BOGUS)
		s->reasons[j->reason]++;
	if (j->verdict == VAL_INDETERMINATE)
		note_gap(t, j);
	for (uint16_t k = 0; m != NULL && k < m->section_start[DNS_ADDITIONAL]; k++) {
		const struct dns_rr *rr = &m->rr[k];

		if (rr->type == DNS_TYPE_RRSIG &&
			dns_rrsig_read(m->data + rr->rdata_off, rr->rdata_len, &sig) == 0)
			note_sig(t, s, j, &sig, find_rrset(t, rrset_hash(t, m, rr, &sig)));
	}
}

/* ---- printing ---- */

/** How far a server is behind on one RRset, at its last answer about it. */
static int32_t lag_of(const struct rrset *r, const struct pair *p)
{
	int32_t lag = 0;

	for (int k = 0; k < r->versions; k++) {
		int32_t behind = val_time_diff(p->newest, r->version[k].inception);

		if (behind > lag && r->version[k].first_us <= p->last_us + GRACE_S * 1000000)
			lag = behind;
	}
	return lag;
}

static void set_lags(const struct ctl_inspect_table *t, struct server *server)
{
	for (uint32_t k = 0; k < t->pairs; k++) {
		const struct pair *p = &t->pair[k];
		const struct rrset *r = &t->rrset[p->rrset];
		struct server *s = &server[p->server];
		int32_t lag = lag_of(r, p);

		s->has_sibling |= r->servers > 1;
		s->lag_s = lag > s->lag_s ? lag : s->lag_s;
	}
}

/** Worst first: bogus, then behind, then by address. */
static int by_state(const void *a, const void *b)
{
	const struct server *x = a, *y = b;

	if ((x->verdicts[VAL_BOGUS] > 0) != (y->verdicts[VAL_BOGUS] > 0))
		return x->verdicts[VAL_BOGUS] > 0 ? -1 : 1;
	if ((x->lag_s >= LAG_SAID_S || y->lag_s >= LAG_SAID_S) && x->lag_s != y->lag_s)
		return x->lag_s > y->lag_s ? -1 : 1;
	if (x->addr.family != y->addr.family)
		return (int)x->addr.family - (int)y->addr.family;
	return memcmp(x->addr.octets, y->addr.octets, sizeof(x->addr.octets));
}

static enum val_reason main_reason(const struct server *s)
{
	int best = 0;

	for (int r = 0; r < VAL_R_MAX; r++)
		if (s->reasons[r] > s->reasons[best])
			best = r;
	return (enum val_reason)best;
}

static void add_remark(struct ctl_columns *c, const struct server *s)
{
	char text[128];
	int n = 0;

	text[0] = '\0';
	if (s->verdicts[VAL_BOGUS] > 0) {
		enum val_reason r = main_reason(s);

		n = snprintf(text, sizeof(text), "BOGUS (%s %" PRIu64 ")", val_reason_name(r),
			s->reasons[r]);
	}
	if (s->lag_s >= LAG_SAID_S)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%sLAGS", n > 0 ? ", " : "");
	if (s->has_sig && s->margin_s >= 0 && s->margin_s < SOON_S)
		snprintf(text + n, sizeof(text) - (size_t)n, "%sENDS SOON", n > 0 ? ", " : "");
	ctl_columns_add(c, "%s", text[0] != '\0' ? text : "ok");
}

static void add_server(struct ctl_columns *c, const struct server *s, uint32_t clock)
{
	char addr[CTL_ADDR_TEXT_MAX];
	uint64_t sum = 0;

	for (int v = 0; v <= VAL_BOGUS; v++)
		sum += s->verdicts[v];
	ctl_addr_text(&s->addr, addr);
	if (s->port == 53)
		ctl_columns_add(c, "%s", addr);
	else
		ctl_columns_add(c, "%s#%u", addr, s->port);
	ctl_columns_add(c, "%" PRIu64, sum);
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

static void print_note(FILE *out, uint64_t count, const char *text)
{
	if (count > 0)
		fprintf(out, "note: %" PRIu64 " %s\n", count, text);
}

static void print_notes(
	const struct ctl_inspect_table *t, const struct ctl_inspect_stats *s, FILE *out)
{
	for (int k = 0; k < t->gaps; k++)
		fprintf(out, "indeterminate: %" PRIu64 " x %s\n", t->gap[k].count, t->gap[k].why);
	if (t->other_gaps > 0)
		fprintf(out, "indeterminate: %" PRIu64 " x other reasons; see --json\n",
			t->other_gaps);
	print_note(out, t->others, "answers of servers beyond the table's size");
	print_note(out, t->unpaired, "signatures not compared with other servers': too many");
	print_note(out, s->other, "responses of other zones, or not to queries, left out");
	print_note(out, s->not_dns, "packets on the DNS port that are no DNS messages");
	print_note(out, s->capture.malformed, "packets with broken headers");
	print_note(out, s->capture.cut, "packets cut short by the capture's snapshot length");
	print_note(out, s->capture.fragments, "IP fragments that could not be put together");
	print_note(out, s->capture.tcp_lost, "octets of TCP connections that could not be read");
	print_note(out, s->capture.tcp_dropped, "TCP connections given up: too many at once");
	print_note(out, s->chain.dropped, "answers about keys not kept: too many");
}

void ctl_inspect_table_print(const struct ctl_inspect_table *t,
	const struct ctl_inspect_stats *stats, int64_t at, FILE *out)
{
	uint32_t clock = (uint32_t)(at != 0 ? at : stats->capture.last_us / 1000000);
	struct server *sorted = malloc((t->servers + 1) * sizeof(*sorted));
	struct ctl_columns c;

	if (sorted == NULL)
		return;
	memcpy(sorted, t->server, t->servers * sizeof(*sorted));
	set_lags(t, sorted);
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
	print_notes(t, stats, out);
	free(sorted);
}
