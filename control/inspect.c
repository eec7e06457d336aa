#include "control/inspect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/random.h>

#include "control/inspect_priv.h"
#include "dns/rdata.h"
#include "validator/facts.h"

/* ---- life ---- */

int ctl_inspect_new(
	const struct ctl_inspect_options *o, ctl_inspect_fn fn, void *arg, struct ctl_inspect **out)
{
	struct ctl_inspect *i = calloc(1, sizeof(*i));
	int err;

	if (i == NULL)
		return -ENOMEM;
	i->o = *o;
	if (i->o.signatures == 0)
		i->o.signatures = INSPECT_SIGNATURES;
	i->fn = fn;
	i->arg = arg;
	err = getrandom(&i->key, sizeof(i->key), 0) == sizeof(i->key) ? 0 : -ENOMEM;
	if (err == 0)
		err = ctl_chain_new(o->anchors, o->at, o->sha1, &i->chain);
	if (err != 0) {
		ctl_inspect_free(i);
		return err;
	}
	val_sig_key_init(&i->ctx.prf_key, &i->key, VAL_SIG_PRF_SIPHASH);
	i->ctx.sha1 = o->sha1;
	*out = i;
	return 0;
}

void ctl_inspect_free(struct ctl_inspect *i)
{
	if (i == NULL)
		return;
	ctl_chain_free(i->chain);
	val_facts_free(i->facts);
	if (i->cache != NULL)
		val_sigcache_free(i->cache);
	free(i->served.item);
	free(i->query);
	free(i);
}

/* ---- who speaks for what ---- */

static uint64_t *slot_of(const struct inspect_set *s, uint64_t hash)
{
	size_t at = hash & (s->room - 1);

	while (s->item[at] != 0 && s->item[at] != hash)
		at = (at + 1) & (s->room - 1);
	return &s->item[at];
}

static bool grow(struct inspect_set *s)
{
	struct inspect_set wider = {.room = s->room == 0 ? 1024 : s->room * 2, .count = s->count};

	wider.item = calloc(wider.room, sizeof(wider.item[0]));
	if (wider.item == NULL)
		return false;
	for (size_t k = 0; k < s->room; k++)
		if (s->item[k] != 0)
			*slot_of(&wider, s->item[k]) = s->item[k];
	free(s->item);
	*s = wider;
	return true;
}

static void add(struct inspect_set *s, uint64_t hash)
{
	if (s->count >= INSPECT_SERVED_MAX || (s->count * 2 >= s->room && !grow(s)))
		return;
	uint64_t *slot = slot_of(s, hash);
	s->count += *slot == 0;
	*slot = hash;
}

static uint64_t served_hash(const struct ctl_inspect *i, const struct ctl_capture_msg *m,
	const uint8_t *zone, size_t len)
{
	uint8_t text[sizeof(m->src.octets) + 2 + DNS_NAME_MAX];
	uint64_t hash;

	memcpy(text, m->src.octets, sizeof(m->src.octets));
	dns_put16(text + sizeof(m->src.octets), m->sport);
	memcpy(text + sizeof(m->src.octets) + 2, zone, len);
	hash = dns_hash64(&i->key, text, sizeof(m->src.octets) + 2 + len);
	return hash != 0 ? hash : 1;
}

bool ctl_inspect_serves(struct ctl_inspect *i, const struct ctl_capture_msg *m, const uint8_t *zone)
{
	size_t len = (size_t)dns_name_len(zone, zone + DNS_NAME_MAX);

	return i->served.room != 0 && *slot_of(&i->served, served_hash(i, m, zone, len)) != 0;
}

/** A record that stands at a zone's apex, where an authoritative server shows it. */
static bool is_apex(const struct dns_msg *msg, const struct dns_rr *rr)
{
	if (rr->section == DNS_ADDITIONAL || (msg->flags & DNS_FLAG_AA) == 0)
		return false;
	return rr->type == DNS_TYPE_SOA || rr->type == DNS_TYPE_DNSKEY || rr->type == DNS_TYPE_NS;
}

static void note_served(
	struct ctl_inspect *i, const struct ctl_capture_msg *m, const struct dns_msg *msg)
{
	bool authority = (msg->flags & DNS_FLAG_AA) != 0 || (msg->flags & DNS_FLAG_RA) == 0;

	for (uint16_t k = 0; k < msg->section_start[DNS_ADDITIONAL]; k++) {
		const struct dns_rr *rr = &msg->rr[k];
		struct dns_rrsig sig;
		struct dns_name zone;

		if (is_apex(msg, rr))
			dns_rr_owner(msg, rr, &zone);
		else if (authority && rr->type == DNS_TYPE_RRSIG &&
			 dns_rrsig_read(msg->data + rr->rdata_off, rr->rdata_len, &sig) == 0)
			dns_name_from_wire(sig.signer, sig.signer + sig.signer_len, &zone);
		else
			continue;
		dns_name_lower(zone.octets, zone.len);
		add(&i->served, served_hash(i, m, zone.octets, zone.len));
	}
}

/* ---- who asked for what ---- */

// in the hash that is kept of a query
#define DO_BIT (UINT64_C(1) << 63)

static uint64_t query_hash(const struct ctl_inspect *i, const struct route_addr *client,
	uint16_t client_port, const struct route_addr *server, uint16_t server_port,
	const struct dns_msg *msg)
{
	uint8_t text[16 + 16 + 2 + 2 + 2 + 2 + DNS_NAME_MAX];
	struct dns_name name = msg->qname;

	dns_name_lower(name.octets, name.len);
	memcpy(text, client->octets, 16);
	memcpy(text + 16, server->octets, 16);
	dns_put16(text + 32, client_port);
	dns_put16(text + 34, server_port);
	dns_put16(text + 36, msg->id);
	dns_put16(text + 38, msg->qtype);
	memcpy(text + 40, name.octets, name.len);
	return dns_hash64(&i->key, text, 40u + name.len);
}

static void note_query(
	struct ctl_inspect *i, const struct ctl_capture_msg *m, const struct dns_msg *msg)
{
	uint64_t hash = query_hash(i, &m->src, m->sport, &m->dst, m->dport, msg);

	if (i->query == NULL)
		i->query = calloc(INSPECT_QUERIES, sizeof(i->query[0]));
	if (i->query == NULL)
		return;
	i->query[hash % INSPECT_QUERIES] = (hash | DO_BIT) ^ (msg->edns.do_bit ? 0 : DO_BIT);
}

enum inspect_asked ctl_inspect_asked(
	const struct ctl_inspect *i, const struct ctl_capture_msg *m, const struct dns_msg *msg)
{
	uint64_t hash = query_hash(i, &m->dst, m->dport, &m->src, m->sport, msg);
	uint64_t known = i->query != NULL ? i->query[hash % INSPECT_QUERIES] : 0;

	if (known != 0 && (known | DO_BIT) == (hash | DO_BIT))
		return (known & DO_BIT) != 0 ? INSPECT_ASKED_DO : INSPECT_ASKED_PLAIN;
	// RFC 3225 s3: the response has the query's bit
	if (msg->edns.present)
		return msg->edns.do_bit ? INSPECT_ASKED_DO : INSPECT_ASKED_PLAIN;
	return INSPECT_ASKED_UNKNOWN;
}

/* ---- messages ---- */

static bool in_zone(const struct ctl_inspect *i, const struct ctl_judged *j)
{
	return i->o.zone == NULL ||
	       (j->has_question && dns_name_under(j->qname.octets, i->o.zone->octets));
}

/** The question of a message whose records cannot be read. */
static void read_question(const struct ctl_capture_msg *m, struct ctl_judged *j)
{
	int len;

	if (dns_get16(m->data + DNS_OFF_QDCOUNT) != 1)
		return;
	len = dns_name_expand(m->data, m->len, DNS_HEADER_LEN, m->len, &j->qname);
	if (len < 0 || m->len - DNS_HEADER_LEN - (size_t)len < 4)
		return;
	j->qtype = dns_get16(m->data + DNS_HEADER_LEN + len);
	j->has_question = true;
}

static void say_unreadable(const struct ctl_capture_msg *m, int err, struct ctl_judged *j)
{
	j->rcode = dns_get16(m->data + DNS_OFF_FLAGS) & DNS_FLAG_RCODE_MASK;
	read_question(m, j);
	// what is only larger than we read may be good
	j->verdict = err == -E2BIG ? VAL_INDETERMINATE : VAL_BOGUS;
	j->reason = err == -E2BIG ? VAL_R_TOO_LARGE : VAL_R_MALFORMED;
	j->ede = val_reason_ede(j->reason);
	j->text = err == -E2BIG ? "more records than a judge looks at"
				: "the message itself is malformed";
	strcpy(j->why, val_reason_name(j->reason));
}

static void give(struct ctl_inspect *i, const struct ctl_judged *j, const struct dns_msg *msg)
{
	if (in_zone(i, j)) {
		i->responses++;
		i->fn(i->arg, j, msg);
	} else {
		i->other++;
	}
}

static void take_response(struct ctl_inspect *i, const struct ctl_capture_msg *m, int err)
{
	struct ctl_judged j = {
		.time_us = m->time_us,
		.clock = (uint32_t)(i->o.at != 0 ? i->o.at : m->time_us / 1000000),
		.server = m->src,
		.client = m->dst,
		.port = m->sport,
		.tcp = m->tcp,
		.ede = DNS_EDE_NONE,
		.text = "",
	};

	if (err != 0) {
		say_unreadable(m, err, &j);
		give(i, &j, NULL);
		return;
	}
	j.rcode = dns_msg_rcode(&i->msg);
	j.has_question = i->msg.qd_count == 1;
	if (j.has_question) {
		j.qname = i->msg.qname;
		j.qtype = i->msg.qtype;
	}
	if (!in_zone(i, &j)) {
		i->other++;
		return;
	}
	ctl_inspect_judge(i, m, &i->msg, &j);
	give(i, &j, &i->msg);
}

void ctl_inspect_message(void *inspect, const struct ctl_capture_msg *m)
{
	struct ctl_inspect *i = inspect;
	bool dns_port = m->sport == 53 || m->dport == 53 ||
			(i->o.port != 0 && (m->sport == i->o.port || m->dport == i->o.port));
	uint16_t flags = m->len >= DNS_HEADER_LEN ? dns_get16(m->data + DNS_OFF_FLAGS) : 0;
	int err = dns_msg_parse(&i->msg, m->data, m->len);

	i->now_us = m->time_us;
	if (!i->built) {
		if (err != 0 || (flags & DNS_FLAG_QR) == 0 || (flags & DNS_FLAG_OPCODE_MASK) != 0)
			return;
		note_served(i, m, &i->msg);
		ctl_chain_note(i->chain, &i->msg, m->time_us);
	} else if (m->len < DNS_HEADER_LEN || (err != 0 && !dns_port)) {
		i->not_dns += dns_port;
	} else if ((flags & DNS_FLAG_OPCODE_MASK) != 0) {
		i->other += (flags & DNS_FLAG_QR) != 0;
	} else if ((flags & DNS_FLAG_QR) != 0) {
		take_response(i, m, err);
	} else if (err == 0 && i->msg.qd_count == 1) {
		note_query(i, m, &i->msg);
	}
}

void ctl_inspect_build(struct ctl_inspect *i)
{
	ctl_chain_build(i->chain);
	i->built = true;
}

int ctl_inspect_file(const char *path, const struct ctl_inspect_options *o, ctl_inspect_fn fn,
	void *arg, struct ctl_inspect_stats *stats, char *err)
{
	struct ctl_inspect *i;
	int rc;

	err[0] = '\0';
	memset(stats, 0, sizeof(*stats));
	rc = ctl_inspect_new(o, fn, arg, &i);
	if (rc != 0) {
		snprintf(err, CTL_CAPTURE_ERR_MAX, "%s", strerror(-rc));
		return rc;
	}
	rc = ctl_capture_read(path, o->port, ctl_inspect_message, i, &stats->capture, err);
	if (rc == 0) {
		ctl_inspect_build(i);
		rc = ctl_capture_read(path, o->port, ctl_inspect_message, i, &stats->capture, err);
	}
	ctl_chain_get_stats(i->chain, &stats->chain);
	stats->responses = i->responses;
	stats->other = i->other;
	stats->not_dns = i->not_dns;
	ctl_inspect_free(i);
	return rc;
}
