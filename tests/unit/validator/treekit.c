#include "treekit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/wire.h"

#define CUT  "NS DS RRSIG NSEC"
#define APEX "NS SOA RRSIG NSEC DNSKEY"
#define HOST "A RRSIG NSEC"

static const struct zone {
	const char *name;
	bool is_signed, nsec3;
	const char *names[12][2];
} zones[TREE_ZONES] = {
	{".", true, false, {{".", APEX}, {"opt.", CUT}, {"test.", CUT}}},
	{"test.", true, false,
		{{"test.", APEX}, {"alias.test.", "CNAME RRSIG NSEC"}, {"bad.test.", CUT},
			{"deep.ent.test.", CUT}, {"dig.test.", CUT},
			{"dn.test.", "DNAME RRSIG NSEC"}, {"gost.test.", CUT},
			{"ins.test.", "NS RRSIG NSEC"}, {"nodata.test.", "MX RRSIG NSEC"},
			{"sec.test.", CUT}, {"www.test.", HOST}}},
	{"sec.test.", true, false,
		{{"sec.test.", APEX}, {"nodata.sec.test.", "MX RRSIG NSEC"},
			{"*.w.sec.test.", HOST}, {"www.sec.test.", HOST}}},
	{"deep.ent.test.", true, false, {{"deep.ent.test.", APEX}, {"www.deep.ent.test.", HOST}}},
	{"ins.test.", false, false, {{NULL, NULL}}},
	{"bad.test.", true, false, {{"bad.test.", APEX}, {"www.bad.test.", HOST}}},
	{"gost.test.", true, false, {{"gost.test.", APEX}, {"www.gost.test.", HOST}}},
	{"dig.test.", true, false, {{"dig.test.", APEX}, {"www.dig.test.", HOST}}},
	{"opt.", true, true,
		{{"opt.", "NS SOA RRSIG DNSKEY NSEC3PARAM"}, {"sec.opt.", "NS DS RRSIG"}}},
	{"sec.opt.", true, false,
		{{"sec.opt.", APEX}, {"nodata.sec.opt.", "MX RRSIG NSEC"}, {"www.sec.opt.", HOST}}},
	{"ins.opt.", false, false, {{NULL, NULL}}},
};

static const char *const aliases[][2] = {
	{"alias.test.", "www.test."},
	{"ins.sec.test.", "www.ins.test."},
	{"opt.sec.test.", "www.sec.opt."},
	{"bad.sec.test.", "www.bad.test."},
	{"gost.sec.test.", "www.gost.test."},
	{"nx.sec.test.", "nx.sec.opt."},
	{"www.dn.test.", "www.sec.opt."}, // by dn.test. DNAME sec.opt.
	{NULL, NULL},
};

static bool equal(const char *a, const char *b)
{
	struct dns_name x, y;

	return dns_name_equal(kit_wire(a, &x), kit_wire(b, &y));
}

static bool under(const char *sub, const char *parent)
{
	struct dns_name x, y;

	return dns_name_under(kit_wire(sub, &x), kit_wire(parent, &y));
}

/* The deepest zone that holds data of a type at a name. */
static int zone_of(const char *name, uint16_t type)
{
	int best = 0;

	for (int i = 0; i < TREE_ZONES; i++) {
		if (!under(name, zones[i].name) ||
			(type == DNS_TYPE_DS && equal(name, zones[i].name)))
			continue;
		if (strlen(zones[i].name) >= strlen(zones[best].name))
			best = i;
	}
	return best;
}

static int find_zone(const char *name)
{
	for (int i = 0; i < TREE_ZONES; i++)
		if (equal(zones[i].name, name))
			return i;
	return -1;
}

void tree_new(struct tree *t, uint32_t now)
{
	memset(t, 0, sizeof(*t));
	t->now = now;
	for (int i = 0; i < TREE_ZONES; i++)
		kit_key_new(&t->key[i], 0x0101);
	kit_key_new(&t->stranger, 0x0101);
}

void tree_free(struct tree *t)
{
	for (int i = 0; i < TREE_ZONES; i++)
		kit_key_free(&t->key[i]);
	kit_key_free(&t->stranger);
}

static const struct kit_key *key_of(const struct tree *t, int zone)
{
	return equal(zones[zone].name, "bad.test.") ? &t->stranger : &t->key[zone];
}

struct kit_sign tree_sign(const struct tree *t, const char *zone)
{
	int i = find_zone(zone);

	return (struct kit_sign){
		.key = zones[i].is_signed ? key_of(t, i) : NULL,
		.signer = zones[i].name,
		.labels = -1,
		.original_ttl = TREE_TTL,
		.inception = t->now - 3600,
		.expiration = t->now + 7200,
	};
}

void tree_keys(const struct tree *t, const char *zone, struct val_zone_keys *out)
{
	const struct kit_key *key = &t->key[find_zone(zone)];

	kit_zone_keys(out, zone, &key, 1, t->now);
}

static const char *alias_of(const char *name)
{
	for (int i = 0; aliases[i][0] != NULL; i++)
		if (equal(aliases[i][0], name))
			return aliases[i][1];
	return NULL;
}

/* ---- answers ---- */

static void write_soa(struct kit_msg *m, int zone, const struct kit_sign *sign)
{
	struct kit_rdata soa = kit_soa(zones[zone].name);

	kit_rrset(m, DNS_AUTHORITY, zones[zone].name, DNS_TYPE_SOA, TREE_TTL, &soa, 1, sign);
}

static bool has_name(int zone, const char *name)
{
	for (int i = 0; i < 12 && zones[zone].names[i][0] != NULL; i++)
		if (equal(zones[zone].names[i][0], name))
			return true;
	return false;
}

static bool is_ent(int zone, const char *name)
{
	for (int i = 0; i < 12 && zones[zone].names[i][0] != NULL; i++)
		if (under(zones[zone].names[i][0], name))
			return !equal(zones[zone].names[i][0], name);
	return false;
}

/* The name of this zone one label below the apex that leads to `name`. */
static const char *next_closer(int zone, const char *name)
{
	static char out[DNS_NAME_TEXT_MAX];
	struct dns_name n;
	int up = (kit_wire(name, &n), n.labels) -
		 dns_name_labels(kit_wire(zones[zone].name, &(struct dns_name){0}));

	return dns_name_to_text(dns_name_strip(n.octets, up - 1), out, sizeof(out));
}

/* @return the RCODE that goes with it */
static uint16_t write_denial(
	const struct tree *t, struct kit_msg *m, int zone, const char *name, uint16_t type)
{
	struct kit_sign sign = tree_sign(t, zones[zone].name);
	struct kit_chain c = {.iterations = t->iterations};
	const char *apex = zones[zone].name;
	bool there = has_name(zone, name) || is_ent(zone, name);
	char spec[2 * DNS_NAME_TEXT_MAX];
	int count = 0;

	write_soa(m, zone, &sign);
	if (!zones[zone].is_signed)
		return strncmp(name, "nx", 2) == 0 ? DNS_RCODE_NXDOMAIN : DNS_RCODE_NOERROR;
	while (count < 12 && zones[zone].names[count][0] != NULL)
		count++;
	kit_chain_init(&c, apex, zones[zone].nsec3, 1, zones[zone].names, count);
	if (there)
		snprintf(spec, sizeof(spec), "%c%s", has_name(zone, name) ? '=' : '~', name);
	else if (!zones[zone].nsec3)
		snprintf(spec, sizeof(spec), "~%s ~*.%s", name, zone == 0 ? "" : apex);
	else // a delegation without a record of its own
		snprintf(spec, sizeof(spec), "=%s ~%s", apex, next_closer(zone, name));
	kit_proof(m, &c, spec, &sign);
	return there || (zones[zone].nsec3 && type == DNS_TYPE_DS) ? DNS_RCODE_NOERROR
								   : DNS_RCODE_NXDOMAIN;
}

static void write_ds(const struct tree *t, struct kit_msg *m, int child)
{
	struct kit_rdata ds = kit_ds(&t->key[child], zones[child].name);
	struct kit_sign sign = tree_sign(t, zones[zone_of(zones[child].name, DNS_TYPE_DS)].name);

	if (equal(zones[child].name, "gost.test."))
		ds.octets[2] = 12; // RFC 5933
	if (equal(zones[child].name, "dig.test."))
		ds.octets[3] = 3; // the same RFC
	kit_rrset(m, DNS_ANSWER, zones[child].name, DNS_TYPE_DS, TREE_TTL, &ds, 1, &sign);
}

static void write_dnskey(const struct tree *t, struct kit_msg *m, int zone)
{
	struct kit_sign sign = tree_sign(t, zones[zone].name);
	struct kit_rdata key = {.len = sign.key->rdata_len};

	memcpy(key.octets, sign.key->rdata, key.len);
	kit_rrset(m, DNS_ANSWER, zones[zone].name, DNS_TYPE_DNSKEY, TREE_TTL, &key, 1, &sign);
}

/* @return the RCODE */
static uint16_t write_answer(
	const struct tree *t, struct kit_msg *m, const char *name, uint16_t type)
{
	int zone = zone_of(name, type), child = find_zone(name);
	struct kit_sign sign = tree_sign(t, zones[zone].name);
	const char *target = alias_of(name);
	struct kit_rdata rd = kit_a(0xc0000201);

	if (target != NULL) {
		struct kit_sign none = {.key = NULL};
		bool by_dname = under(name, "dn.test.");
		struct kit_rdata dname = kit_name("sec.opt.");

		rd = kit_name(target);
		if (by_dname)
			kit_rrset(m, DNS_ANSWER, "dn.test.", DNS_TYPE_DNAME, TREE_TTL, &dname, 1,
				&sign);
		kit_rrset(m, DNS_ANSWER, name, DNS_TYPE_CNAME, TREE_TTL, &rd, 1,
			by_dname ? &none : &sign);
		return write_answer(t, m, target, type);
	}
	if (type == DNS_TYPE_DS && child > 0 && zones[child].is_signed) {
		write_ds(t, m, child);
	} else if (type == DNS_TYPE_DNSKEY && child >= 0 && zones[child].is_signed) {
		write_dnskey(t, m, child);
	} else if (type == DNS_TYPE_A && strncmp(name, "www.", 4) == 0) {
		kit_rrset(m, DNS_ANSWER, name, DNS_TYPE_A, TREE_TTL, &rd, 1, &sign);
	} else if (type == DNS_TYPE_A && under(name, "w.sec.test.")) {
		struct kit_sign wild = sign;
		struct kit_chain c = {.iterations = 0};

		wild.labels = 3;
		wild.wildcard = "*.w.sec.test.";
		kit_rrset(m, DNS_ANSWER, name, DNS_TYPE_A, TREE_TTL, &rd, 1, &wild);
		kit_chain_init(&c, zones[zone].name, false, 0, zones[zone].names, 4);
		kit_cover(m, &c, name, &sign);
	} else {
		return write_denial(t, m, zone, name, type);
	}
	return DNS_RCODE_NOERROR;
}

/* As resolvers do that have them at hand. */
static void write_additions(struct kit_msg *m, const char *qname)
{
	const char *zone = zones[zone_of(qname, DNS_TYPE_NS)].name;
	struct kit_sign none = {.key = NULL};
	struct kit_rdata ns = kit_name("ns.test."), a = kit_a(0xc0000235);

	kit_rrset(m, DNS_AUTHORITY, zone, DNS_TYPE_NS, TREE_TTL, &ns, 1, &none);
	kit_rrset(m, DNS_ADDITIONAL, "ns.test.", DNS_TYPE_A, TREE_TTL, &a, 1, &none);
}

uint8_t *tree_answer(struct tree *t, const char *qname, uint16_t qtype, size_t *len)
{
	static struct kit_msg m;
	uint16_t rcode;
	uint8_t *wire;

	kit_init(&m, qname, qtype, DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA | DNS_FLAG_CD);
	m.now = t->now;
	if (t->harm_name != NULL && qtype == t->harm_type && equal(qname, t->harm_name)) {
		m.harm = t->harm;
		m.harm_at = t->harm_at;
	}
	rcode = write_answer(t, &m, qname, qtype);
	if (t->chatty)
		write_additions(&m, qname);
	wire = kit_finish(&m, len);
	dns_put16(wire + DNS_OFF_FLAGS, dns_get16(wire + DNS_OFF_FLAGS) | rcode);
	t->questions++;
	return wire;
}
