// What of a capture is kept for the chains of trust.

#include <stdlib.h>
#include <string.h>

#include "control/inspect_chain_priv.h"
#include "dns/rdata.h"

enum { DAY_S = 86400 };

static void lower_owner(const struct dns_msg *m, const struct dns_rr *rr, struct dns_name *out)
{
	dns_rr_owner(m, rr, out);
	dns_name_lower(out->octets, out->len);
}

/** What answer and authority hold, in whatever order and with whatever TTL. */
static uint64_t content_of(const struct ctl_chain *c, const struct dns_msg *m)
{
	uint64_t sum = 0;

	for (uint16_t i = 0; i < m->section_start[DNS_ADDITIONAL]; i++) {
		const struct dns_rr *rr = &m->rr[i];
		struct dns_name owner;
		uint64_t part[2];

		lower_owner(m, rr, &owner);
		part[0] =
			dns_hash64(&c->key, owner.octets, owner.len) + rr->type * 4u + rr->section;
		part[1] = dns_hash64(&c->key, m->data + rr->rdata_off, rr->rdata_len);
		sum += dns_hash64(&c->key, part, sizeof(part));
	}
	return sum;
}

static uint32_t lowest_ttl(const struct dns_msg *m, uint16_t type)
{
	uint32_t ttl = DAY_S;

	for (uint16_t i = 0; i < m->section_start[DNS_ADDITIONAL]; i++)
		if (m->rr[i].type == type && m->rr[i].ttl_s < ttl)
			ttl = m->rr[i].ttl_s;
	return ttl;
}

/** Known already: it was sent again. */
static bool see_again(
	struct chain_evidence *e, enum chain_role role, uint64_t content, int64_t time_us)
{
	for (; e != NULL; e = e->next) {
		if (e->content != content || e->role != role)
			continue;
		if (time_us < e->first_us)
			e->first_us = time_us;
		if (time_us > e->last_us)
			e->last_us = time_us;
		return true;
	}
	return false;
}

static void keep(struct ctl_chain *c, const struct dns_name *name, enum chain_role role,
	const struct dns_msg *m, int64_t time_us)
{
	struct chain_zone *z = ctl_chain_zone_obtain(c, name);
	struct chain_evidence **list, *e;
	uint64_t content = content_of(c, m);
	int *count;

	if (z == NULL)
		return;
	list = role == CHAIN_ROLE_DNSKEY ? &z->dnskey : &z->ds;
	count = role == CHAIN_ROLE_DNSKEY ? &z->dnskey_count : &z->ds_count;
	if (see_again(*list, role, content, time_us))
		return;
	e = *count < CTL_CHAIN_EVIDENCE_MAX && c->octets + m->len <= CTL_CHAIN_OCTETS_MAX
		    ? calloc(1, sizeof(*e))
		    : NULL;
	if (e != NULL)
		e->octets = malloc(m->len);
	if (e == NULL || e->octets == NULL) {
		free(e);
		c->dropped++;
		return;
	}
	memcpy(e->octets, m->data, m->len);
	e->len = m->len;
	e->role = role;
	e->content = content;
	e->first_us = e->last_us = time_us;
	e->ttl_s = lowest_ttl(m, role == CHAIN_ROLE_DNSKEY ? DNS_TYPE_DNSKEY : DNS_TYPE_DS);
	while (*list != NULL) // in the order of the capture
		list = &(*list)->next;
	*list = e;
	(*count)++;
	c->octets += m->len;
}

/** Zones whose names stand in signatures: so that what is missing can be named. */
static void note_signers(struct ctl_chain *c, const struct dns_msg *m)
{
	struct dns_name last = {.len = 0};

	for (uint16_t i = 0; i < m->section_start[DNS_ADDITIONAL]; i++) {
		const struct dns_rr *rr = &m->rr[i];
		struct dns_rrsig sig;
		struct dns_name owner, signer;

		if (rr->type != DNS_TYPE_RRSIG ||
			dns_rrsig_read(m->data + rr->rdata_off, rr->rdata_len, &sig) != 0)
			continue;
		dns_name_from_wire(sig.signer, sig.signer + sig.signer_len, &signer);
		dns_name_lower(signer.octets, signer.len);
		if (last.len == signer.len && memcmp(last.octets, signer.octets, last.len) == 0)
			continue;
		lower_owner(m, rr, &owner);
		if (dns_name_under(owner.octets, signer.octets))
			ctl_chain_zone_obtain(c, &signer);
		last = signer;
	}
}

static bool has_type(const struct dns_msg *m, enum dns_section s, uint16_t type)
{
	for (uint16_t i = m->section_start[s]; i < m->section_start[s + 1]; i++)
		if (m->rr[i].type == type)
			return true;
	return false;
}

bool ctl_inspect_referral(const struct dns_msg *m, struct dns_name *cut)
{
	if (dns_msg_rcode(m) != DNS_RCODE_NOERROR || m->section_start[DNS_AUTHORITY] != 0)
		return false;
	for (uint16_t i = 0; i < m->section_start[DNS_ADDITIONAL]; i++) {
		if (m->rr[i].type != DNS_TYPE_NS)
			continue;
		lower_owner(m, &m->rr[i], cut);
		return cut->labels > 0 && dns_name_under(m->qname.octets, cut->octets);
	}
	return false;
}

/** An answer to the question for DS: the records, or that there are none. */
static bool answers_ds(const struct dns_msg *m)
{
	if (m->qtype != DNS_TYPE_DS)
		return false;
	if (m->section_start[DNS_AUTHORITY] > 0)
		return has_type(m, DNS_ANSWER, DNS_TYPE_DS);
	return !has_type(m, DNS_AUTHORITY, DNS_TYPE_NS);
}

void ctl_chain_note(struct ctl_chain *c, const struct dns_msg *m, int64_t time_us)
{
	uint16_t rcode = dns_msg_rcode(m);
	struct dns_name name = m->qname;

	if (m->qd_count != 1 || m->qclass != DNS_CLASS_IN || (m->flags & DNS_FLAG_TC) != 0 ||
		(rcode != DNS_RCODE_NOERROR && rcode != DNS_RCODE_NXDOMAIN))
		return;
	note_signers(c, m);
	if (rcode != DNS_RCODE_NOERROR)
		return;
	dns_name_lower(name.octets, name.len);
	if (m->qtype == DNS_TYPE_DNSKEY && has_type(m, DNS_ANSWER, DNS_TYPE_DNSKEY))
		keep(c, &name, CHAIN_ROLE_DNSKEY, m, time_us);
	else if (answers_ds(m))
		keep(c, &name, CHAIN_ROLE_DS, m, time_us);
	else if (ctl_inspect_referral(m, &name) && has_type(m, DNS_AUTHORITY, DNS_TYPE_RRSIG))
		keep(c, &name, CHAIN_ROLE_REFERRAL, m, time_us);
}
