// What may be missing from an answer although somebody signed and sent it.

#include <string.h>

#include "dns/rdata.h"
#include "tests/proofs/judge.h"
#include "validator/denial.h"

static bool in_additional(const struct answer *a, const struct gap *g, const struct dns_name *owner)
{
	(void)a, (void)owner;
	return g->rr->section == DNS_ADDITIONAL;
}

static bool is_soa(const struct answer *a, const struct gap *g, const struct dns_name *owner)
{
	(void)a, (void)owner;
	return g->rr->section == DNS_AUTHORITY && g->rr->type == DNS_TYPE_SOA &&
	       g->harm != HARM_SIGNATURE;
}

/** The zone's NS beside an answer, all of it. */
static bool is_apex_ns(const struct answer *a, const struct gap *g, const struct dns_name *owner)
{
	(void)a;
	return g->rr->section == DNS_AUTHORITY && g->rr->type == DNS_TYPE_NS &&
	       dns_name_equal(owner->octets, a->zone->zone.octets) && g->harm == HARM_RRSET;
}

/** One NS of a delegation; another stays. */
static bool is_cut_ns(const struct answer *a, const struct gap *g, const struct dns_name *owner)
{
	(void)a;
	return g->rr->section == DNS_AUTHORITY && g->rr->type == DNS_TYPE_NS &&
	       !dns_name_equal(owner->octets, a->zone->zone.octets) && g->harm == HARM_RECORD;
}

static bool is_synthesis(const struct answer *a, const struct gap *g, const struct dns_name *owner)
{
	struct dns_name above;

	for (uint16_t i = 0; i < a->msg.section_start[DNS_AUTHORITY]; i++) {
		if (a->msg.rr[i].type != DNS_TYPE_DNAME)
			continue;
		dns_rr_owner(&a->msg, &a->msg.rr[i], &above);
		if (g->rr->type == DNS_TYPE_CNAME && owner->labels > above.labels &&
			dns_name_under(owner->octets, above.octets))
			return true;
	}
	return false;
}

static bool is_nsec3(const struct answer *a, const struct gap *g)
{
	(void)a;
	return g->rr->type == DNS_TYPE_NSEC3 && g->harm != HARM_SIGNATURE;
}

/** Does an NSEC3 record match this name? Base32 (RFC 4648 s7) is compared, not read. */
static bool nsec3_matches(const struct answer *a, const struct dns_rr *rr, const uint8_t *name)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
	struct dns_nsec3 rd;
	struct dns_name owner;
	uint8_t hash[VAL_NSEC3_HASH_LEN];

	if (rr->type != DNS_TYPE_NSEC3 ||
		dns_nsec3_read(a->wire + rr->rdata_off, rr->rdata_len, &rd) != 0 ||
		val_nsec3_hash(name, &rd, hash) != 0)
		return false;
	dns_rr_owner(&a->msg, rr, &owner);
	dns_name_lower(owner.octets, owner.len);
	for (unsigned i = 0; i < 32; i++) { // five bits a digit
		unsigned two = hash[i * 5 / 8] << 8 | (i * 5 / 8 < 19 ? hash[i * 5 / 8 + 1] : 0);

		if (owner.octets[1 + i] != (uint8_t)digits[two >> (11 - i * 5 % 8) & 31])
			return false;
	}
	return true;
}

/** The NSEC3 of an encloser, where that of the name itself is there too. */
static bool is_needless_encloser(
	const struct answer *a, const struct gap *g, const struct dns_name *owner)
{
	bool matched = false;

	(void)owner;
	for (uint16_t i = 0; i < a->msg.rr_count; i++)
		matched |= nsec3_matches(a, &a->msg.rr[i], a->msg.qname.octets);
	return matched && is_nsec3(a, g) && !nsec3_matches(a, g->rr, a->msg.qname.octets);
}

/** The wildcard's own NSEC3 in a proof of no data, under opt-out. */
static bool is_optout_wildcard(
	const struct answer *a, const struct gap *g, const struct dns_name *owner)
{
	const struct dns_name *name = &a->msg.qname;
	const uint8_t *encloser =
		dns_name_strip(name->octets, name->labels - a->zone->zone.labels - 1);
	struct dns_name wild = {.len = 2, .octets = {1, '*'}};
	size_t left = (size_t)(name->octets + name->len - encloser);

	(void)owner;
	if (strcmp(a->denial, "optout") != 0 || strncmp(a->kind, "wildcard no data", 16) != 0)
		return false;
	memcpy(wild.octets + 2, encloser, left);
	return is_nsec3(a, g) && nsec3_matches(a, g->rr, wild.octets);
}

/** The NS of an unsigned delegation that a chain leads to, under opt-out. */
static bool is_optout_cut(const struct answer *a, const struct gap *g, const struct dns_name *owner)
{
	return strcmp(a->denial, "optout") == 0 && g->rr->section == DNS_AUTHORITY &&
	       g->rr->type == DNS_TYPE_NS && !dns_name_equal(owner->octets, a->zone->zone.octets) &&
	       a->msg.section_start[DNS_AUTHORITY] > 0;
}

struct spare spares[] = {
	{"additional section",
		"not judged: glue is unsigned, AD does not speak of it (RFC 4035 s3.2.3)",
		in_additional, 0},
	{"SOA of a negative answer", "for caching (RFC 2308 s3); the proof is NSEC (RFC 4035 s5.4)",
		is_soa, 0},
	{"the zone's NS beside an answer",
		"a help to the asker (RFC 1034 s4.3.2 step 3a), no claim", is_apex_ns, 0},
	{"one NS of a delegation", "not signed at the parent (RFC 4035 s2.2)", is_cut_ns, 0},
	{"CNAME made from a DNAME", "follows from the signed DNAME (RFC 6672 s3.1, s5.3.1)",
		is_synthesis, 0},
	{"an encloser's NSEC3 where the name's own is there",
		"only the latter is asked for (RFC "
		"5155 s8.5)",
		is_needless_encloser, 0},
	{"the wildcard's NSEC3 under opt-out",
		"no data in an opt-out span is insecure with the "
		"encloser alone (RFC 5155 s8.5, erratum 3441)",
		is_optout_wildcard, 0},
	{"NS of an unsigned delegation at a chain's end, opt-out", "the same: no data, insecure",
		is_optout_cut, 0},
};

const size_t spares_count = sizeof(spares) / sizeof(spares[0]);

struct spare *spare_find(const struct answer *a, const struct gap *g)
{
	struct dns_name owner;

	dns_rr_owner(&a->msg, g->rr, &owner);
	for (size_t i = 0; i < spares_count; i++)
		if (spares[i].fits(a, g, &owner))
			return &spares[i];
	return NULL;
}
