#include "control/inspect_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/random.h>

#include "control/inspect_table_priv.h"
#include "dns/rdata.h"
#include "validator/time.h"

enum { GRACE_S = 60 }; // two servers are not asked at the same moment

int ctl_inspect_table_new(struct ctl_inspect_table **out)
{
	struct ctl_inspect_table *t = calloc(1, sizeof(*t));

	if (t == NULL || getrandom(&t->key, sizeof(t->key), 0) != sizeof(t->key)) {
		free(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

void ctl_inspect_table_free(struct ctl_inspect_table *t)
{
	if (t == NULL)
		return;
	for (uint32_t k = 0; k < t->servers; k++)
		free(t->server[k].bogus);
	free(t->server);
	free(t->rrset);
	free(t->pair);
	free(t);
}

/* ---- finding ---- */

/** Room for one item more. @return false when there is none */
static bool make_room(void **items, uint32_t count, uint32_t max, size_t size)
{
	void *p;

	// full at powers of two
	if (count == max)
		return false;
	if (count != 0 && (count & (count - 1)) != 0)
		return true;
	p = realloc(*items, (count == 0 ? 1 : (size_t)count * 2) * size);
	if (p == NULL)
		return false;
	*items = p;
	return true;
}

static struct table_server *find_server(struct ctl_inspect_table *t, const struct ctl_judged *j)
{
	uint8_t text[18];
	uint32_t *bucket, at;

	memcpy(text, j->server.octets, 16);
	dns_put16(text + 16, j->port);
	bucket = &t->server_at[dns_hash64(&t->key, text, sizeof(text)) % TABLE_BUCKETS];
	for (at = *bucket; at != 0; at = t->server[at - 1].next)
		if (t->server[at - 1].port == j->port &&
			route_addr_equal(&t->server[at - 1].addr, &j->server))
			return &t->server[at - 1];
	if (!make_room(
		    (void **)&t->server, t->servers, CTL_TABLE_SERVERS_MAX, sizeof(t->server[0])))
		return NULL;
	t->server[t->servers] =
		(struct table_server){.addr = j->server, .port = j->port, .next = *bucket};
	*bucket = ++t->servers;
	return &t->server[*bucket - 1];
}

static struct table_rrset *find_rrset(struct ctl_inspect_table *t, uint64_t hash)
{
	uint32_t *bucket = &t->rrset_at[hash % TABLE_BUCKETS], at;

	for (at = *bucket; at != 0; at = t->rrset[at - 1].next)
		if (t->rrset[at - 1].hash == hash)
			return &t->rrset[at - 1];
	if (!make_room((void **)&t->rrset, t->rrsets, CTL_TABLE_PAIRS_MAX, sizeof(t->rrset[0])))
		return NULL;
	t->rrset[t->rrsets] = (struct table_rrset){.hash = hash, .next = *bucket};
	*bucket = ++t->rrsets;
	return &t->rrset[*bucket - 1];
}

static struct table_pair *find_pair(
	struct ctl_inspect_table *t, uint32_t server, struct table_rrset *rrset)
{
	uint64_t hash = (rrset->hash ^ server) * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t *bucket = &t->pair_at[(hash >> 20) % TABLE_BUCKETS], at;
	uint32_t index = (uint32_t)(rrset - t->rrset);

	for (at = *bucket; at != 0; at = t->pair[at - 1].next)
		if (t->pair[at - 1].server == server && t->pair[at - 1].rrset == index)
			return &t->pair[at - 1];
	if (!make_room((void **)&t->pair, t->pairs, CTL_TABLE_PAIRS_MAX, sizeof(t->pair[0])))
		return NULL;
	t->pair[t->pairs] = (struct table_pair){.next = *bucket, .server = server, .rrset = index};
	*bucket = ++t->pairs;
	rrset->servers++;
	return &t->pair[*bucket - 1];
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
static void note_version(struct table_rrset *r, uint32_t inception, int64_t time_us)
{
	int oldest = 0;

	for (int k = 0; k < r->versions; k++) {
		if (r->version[k].inception == inception)
			return;
		if (val_time_before(r->version[k].inception, r->version[oldest].inception))
			oldest = k;
	}
	if (r->versions < TABLE_VERSIONS)
		oldest = r->versions++;
	else if (!val_time_before(r->version[oldest].inception, inception))
		return;
	r->version[oldest] = (struct table_version){inception, time_us};
}

static void note_sig(struct ctl_inspect_table *t, struct table_server *s,
	const struct ctl_judged *j, const struct dns_rrsig *sig, struct table_rrset *r)
{
	int32_t margin = val_time_diff(j->clock, sig->expiration);
	bool newer = !s->has_sig || val_time_before(s->newest, sig->inception);
	struct table_pair *p;

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
	if (k == TABLE_GAPS_MAX) {
		t->other_gaps++;
		return;
	}
	if (k == t->gaps)
		snprintf(t->gap[t->gaps++].why, sizeof(t->gap[k].why), "%.127s", j->why);
	t->gap[k].count++;
}

static void note_bogus(struct table_server *s, const struct ctl_judged *j)
{
	if (s->bogus == NULL && (s->bogus = malloc(sizeof(*s->bogus))) != NULL)
		*s->bogus = *j;
}

void ctl_inspect_table_add(void *table, const struct ctl_judged *j, const struct dns_msg *m)
{
	struct ctl_inspect_table *t = table;
	struct table_server *s = find_server(t, j);
	struct dns_rrsig sig;

	if (s == NULL) {
		t->others++;
		return;
	}
	s->verdicts[j->verdict]++;
	if (j->verdict == VAL_BOGUS) {
		s->reasons[j->reason]++;
		note_bogus(s, j);
	}
	s->errors += j->rcode != DNS_RCODE_NOERROR && j->rcode != DNS_RCODE_NXDOMAIN;
	if (j->verdict == VAL_INDETERMINATE)
		note_gap(t, j);
	for (uint16_t k = 0; m != NULL && k < m->section_start[DNS_ADDITIONAL]; k++) {
		const struct dns_rr *rr = &m->rr[k];

		if (rr->type == DNS_TYPE_RRSIG &&
			dns_rrsig_read(m->data + rr->rdata_off, rr->rdata_len, &sig) == 0)
			note_sig(t, s, j, &sig, find_rrset(t, rrset_hash(t, m, rr, &sig)));
	}
}

/* ---- lag ---- */

/** How far a server is behind on one RRset, at its last answer about it. */
static int32_t lag_of(const struct table_rrset *r, const struct table_pair *p)
{
	int32_t lag = 0;

	for (int k = 0; k < r->versions; k++) {
		int32_t behind = val_time_diff(p->newest, r->version[k].inception);

		if (behind > lag && r->version[k].first_us <= p->last_us + GRACE_S * 1000000)
			lag = behind;
	}
	return lag;
}

void ctl_inspect_table_lags(const struct ctl_inspect_table *t, struct table_server *server)
{
	for (uint32_t k = 0; k < t->pairs; k++) {
		const struct table_pair *p = &t->pair[k];
		const struct table_rrset *r = &t->rrset[p->rrset];
		struct table_server *s = &server[p->server];
		int32_t lag = lag_of(r, p);

		s->has_sibling |= r->servers > 1;
		s->lag_s = lag > s->lag_s ? lag : s->lag_s;
	}
}
