#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/run.h"
#include "validator/denial.h"
#include "zonekit.h"

static const char *const zone_names[][2] = {
	{"com.", "SOA NS RRSIG DNSKEY"},
	{"a.com.", "NS DS RRSIG"},
	{"d.com.", "DNAME RRSIG"},
	{"ent.com.", ""},
	{"b.ent.com.", "A RRSIG"},
	{"i.com.", "NS RRSIG"},
	{"c.com.", "CNAME RRSIG"},
	{"*.wild.com.", "A RRSIG"},
	{"wild.com.", "A RRSIG"},
	{"*.went.com.", ""},
	{"went.com.", ""},
	{"x.*.went.com.", "TXT RRSIG"},
	{"z.com.", "A RRSIG"},
};
enum { ZONE_NAMES = sizeof(zone_names) / sizeof(zone_names[0]) };

enum span {
	PLAIN,
	OPTOUT,        // the NSEC3s have the flag
	OPTOUT_WEAKER, // and without the last one they still prove an opt-out span
};
enum claim { NXDOMAIN, NODATA, NO_DS, WILDCARD };

struct row {
	const char *name;
	enum claim claim;
	const char *qname;
	uint16_t qtype;
	int labels;
	enum span span;
	const char *nsec;  // proof in NSEC records, NULL: not for NSEC
	const char *nsec3; // the same in NSEC3
	enum val_denial want;
	enum val_reason why;
};

#define OK          VAL_DENIAL_PROVEN, VAL_R_NONE
#define OPT         VAL_DENIAL_OPTOUT, VAL_R_UNSIGNED_DELEGATION
#define INCOMPLETE  VAL_DENIAL_FAILED, VAL_R_DENIAL_INCOMPLETE
#define CONTRADICTS VAL_DENIAL_FAILED, VAL_R_DENIAL_CONTRADICTS
#define MISSING     VAL_DENIAL_FAILED, VAL_R_DENIAL_MISSING

static const struct row rows[] = {
	{"nx", NXDOMAIN, "q.com.", 0, 0, PLAIN, "~q.com. ~*.com.", "=com. ~q.com. ~*.com.", OK},
	{"nx, letter case", NXDOMAIN, "Q.cOM.", 0, 0, PLAIN, "~q.com. ~*.com.",
		"=com. ~q.com. ~*.com.", OK},
	{"nx, deep", NXDOMAIN, "x.y.q.com.", 0, 0, PLAIN, "~x.y.q.com. ~*.com.",
		"=com. ~q.com. ~*.com.", OK},
	{"nx, below a name", NXDOMAIN, "q.z.com.", 0, 0, PLAIN, "~q.z.com. ~*.z.com.",
		"=z.com. ~q.z.com. ~*.z.com.", OK},
	{"nx, below an empty non-terminal", NXDOMAIN, "q.ent.com.", 0, 0, PLAIN,
		"~q.ent.com. ~*.ent.com.", "=ent.com. ~q.ent.com. ~*.ent.com.", OK},
	{"nx, opt-out", NXDOMAIN, "q.com.", 0, 0, OPTOUT, NULL, "=com. ~q.com. ~*.com.", OPT},
	{"nx, but the name is there", NXDOMAIN, "z.com.", 0, 0, PLAIN, "=z.com. ~*.com.",
		"=z.com. ~*.com. =com.", CONTRADICTS},
	{"nx, but an empty non-terminal", NXDOMAIN, "ent.com.", 0, 0, PLAIN, "~ent.com. ~*.com.",
		"=ent.com. =com. ~*.com.", CONTRADICTS},
	{"nx, but a wildcard is there", NXDOMAIN, "q.wild.com.", 0, 0, PLAIN,
		"~q.wild.com. =*.wild.com.", "=wild.com. ~q.wild.com. =*.wild.com.", CONTRADICTS},
	{"nx, wildcard is an empty non-terminal", NXDOMAIN, "q.went.com.", 0, 0, PLAIN,
		"~q.went.com. ~*.went.com.", "=went.com. ~q.went.com. =*.went.com.", CONTRADICTS},
	{"nx, below a delegation", NXDOMAIN, "q.a.com.", 0, 0, PLAIN, "~q.a.com. ~*.a.com.",
		"=a.com. ~q.a.com. ~*.a.com.", INCOMPLETE},
	{"nx, below an unsigned delegation", NXDOMAIN, "q.i.com.", 0, 0, OPTOUT,
		"~q.i.com. ~*.i.com.", "=i.com. ~q.i.com. ~*.i.com.", INCOMPLETE},
	{"nx, below a DNAME", NXDOMAIN, "q.d.com.", 0, 0, PLAIN, "~q.d.com. ~*.d.com.",
		"=d.com. ~q.d.com. ~*.d.com.", INCOMPLETE},
	{"nx, another zone's name", NXDOMAIN, "q.net.", 0, 0, PLAIN, "~q.com. ~*.com.",
		"=com. ~q.com. ~*.com.", INCOMPLETE},
	{"nx, nothing", NXDOMAIN, "q.com.", 0, 0, PLAIN, "", "", MISSING},
	{"nx, closest encloser one too high", NXDOMAIN, "q.z.com.", 0, 0, PLAIN, NULL,
		"=com. ~q.com. ~*.com.", INCOMPLETE},

	{"nodata", NODATA, "z.com.", DNS_TYPE_AAAA, 0, PLAIN, "=z.com.", "=z.com.", OK},
	{"nodata at the apex", NODATA, "com.", DNS_TYPE_A, 0, PLAIN, "=com.", "=com.", OK},
	{"nodata, opt-out flag on a match does not matter", NODATA, "z.com.", DNS_TYPE_AAAA, 0,
		OPTOUT, NULL, "=z.com.", OK},
	{"nodata, empty non-terminal", NODATA, "ent.com.", DNS_TYPE_A, 0, PLAIN, "~ent.com.",
		"=ent.com.", OK},
	{"nodata ANY, empty non-terminal", NODATA, "ent.com.", DNS_TYPE_ANY, 0, PLAIN, "~ent.com.",
		"=ent.com.", OK},
	{"nodata ANY, but there are types", NODATA, "z.com.", DNS_TYPE_ANY, 0, PLAIN, "=z.com.",
		"=z.com.", CONTRADICTS},
	{"nodata, but the type is there", NODATA, "z.com.", DNS_TYPE_A, 0, PLAIN, "=z.com.",
		"=z.com.", CONTRADICTS},
	{"nodata, but a CNAME is there", NODATA, "c.com.", DNS_TYPE_A, 0, PLAIN, "=c.com.",
		"=c.com.", CONTRADICTS},
	{"nodata, parent's side of a cut", NODATA, "a.com.", DNS_TYPE_A, 0, PLAIN, "=a.com.",
		"=a.com.", INCOMPLETE},
	{"nodata DS, but there is one", NODATA, "a.com.", DNS_TYPE_DS, 0, PLAIN, "=a.com.",
		"=a.com.", CONTRADICTS},
	{"nodata DS, at a cut", NODATA, "i.com.", DNS_TYPE_DS, 0, PLAIN, "=i.com.", "=i.com.", OK},
	{"nodata DS, at a plain name", NODATA, "z.com.", DNS_TYPE_DS, 0, PLAIN, "=z.com.",
		"=z.com.", OK},
	{"nodata DS, from the child's apex", NODATA, "com.", DNS_TYPE_DS, 0, PLAIN, "=com.",
		"=com.", INCOMPLETE},
	{"nodata DS, opt-out", NODATA, "q.com.", DNS_TYPE_DS, 0, OPTOUT, NULL, "=com. ~q.com.",
		OPT},
	{"nodata DS, no opt-out", NODATA, "q.com.", DNS_TYPE_DS, 0, PLAIN, NULL, "=com. ~q.com.",
		INCOMPLETE},
	{"nodata A, opt-out empty non-terminal", NODATA, "q.com.", DNS_TYPE_A, 0, OPTOUT, NULL,
		"=com. ~q.com.", OPT},
	{"nodata, wildcard", NODATA, "q.wild.com.", DNS_TYPE_AAAA, 0, PLAIN,
		"~q.wild.com. =*.wild.com.", "=wild.com. ~q.wild.com. =*.wild.com.", OK},
	{"nodata, wildcard, opt-out", NODATA, "q.wild.com.", DNS_TYPE_AAAA, 0, OPTOUT_WEAKER, NULL,
		"=wild.com. ~q.wild.com. =*.wild.com.", OPT},
	{"nodata, wildcard has it", NODATA, "q.wild.com.", DNS_TYPE_A, 0, PLAIN,
		"~q.wild.com. =*.wild.com.", "=wild.com. ~q.wild.com. =*.wild.com.", CONTRADICTS},
	{"nodata, wildcard is an empty non-terminal", NODATA, "q.went.com.", DNS_TYPE_A, 0, PLAIN,
		"~q.went.com. ~*.went.com.", "=went.com. ~q.went.com. =*.went.com.", OK},
	{"nodata, no such name", NODATA, "q.com.", DNS_TYPE_A, 0, PLAIN, "~q.com. ~*.com.",
		"=com. ~q.com. ~*.com.", INCOMPLETE},

	{"no DS", NO_DS, "i.com.", 0, 0, PLAIN, "=i.com.", "=i.com.", OK},
	{"no DS, match in an opt-out zone", NO_DS, "i.com.", 0, 0, OPTOUT, NULL, "=i.com.", OK},
	{"no DS, opt-out", NO_DS, "q.com.", 0, 0, OPTOUT, NULL, "=com. ~q.com.", OPT},
	{"no DS, opt-out, deep", NO_DS, "p.q.com.", 0, 0, OPTOUT, NULL, "=com. ~q.com.", OPT},
	{"no DS, covered without opt-out", NO_DS, "q.com.", 0, 0, PLAIN, "~q.com.", "=com. ~q.com.",
		INCOMPLETE},
	{"no DS, but there is one", NO_DS, "a.com.", 0, 0, OPTOUT, "=a.com.", "=a.com.",
		CONTRADICTS},
	{"no DS, no delegation there", NO_DS, "z.com.", 0, 0, OPTOUT, "=z.com.", "=z.com.",
		INCOMPLETE},
	{"no DS, the child's apex", NO_DS, "com.", 0, 0, OPTOUT, "=com.", "=com.", INCOMPLETE},
	{"no DS, below a signed delegation", NO_DS, "q.a.com.", 0, 0, OPTOUT, NULL,
		"=a.com. ~q.a.com.", INCOMPLETE},

	{"wildcard", WILDCARD, "q.wild.com.", 0, 2, PLAIN, "~q.wild.com.", "~q.wild.com.", OK},
	{"wildcard, deep", WILDCARD, "p.q.wild.com.", 0, 2, PLAIN, "~p.q.wild.com.", "~q.wild.com.",
		OK},
	{"wildcard, opt-out", WILDCARD, "q.wild.com.", 0, 2, OPTOUT, NULL, "~q.wild.com.", OPT},
	{"wildcard, but the name is there", WILDCARD, "b.ent.com.", 0, 1, PLAIN, "=b.ent.com.",
		NULL, CONTRADICTS},
	{"wildcard, closer name there", WILDCARD, "q.ent.com.", 0, 1, PLAIN, "~q.ent.com.", NULL,
		CONTRADICTS},
	{"wildcard, closer name there, NSEC3", WILDCARD, "q.ent.com.", 0, 1, PLAIN, NULL,
		"=ent.com. ~q.ent.com.", INCOMPLETE},
	{"wildcard, no closer name possible", WILDCARD, "q.com.", 0, 2, PLAIN, NULL, "~q.com.",
		INCOMPLETE},
	{"wildcard, above the zone", WILDCARD, "q.com.", 0, 0, PLAIN, NULL, "~q.com.", INCOMPLETE},
};

/** A parsed message with a proof, and the set of it. */
struct proof {
	struct kit_msg m;
	uint8_t *bytes;
	struct dns_msg msg;
	struct dns_name zone;
	struct val_denial_set set;
};

static void proof_close(struct kit_msg *m, struct proof *p, const char *zone)
{
	size_t len;

	p->bytes = kit_finish(m, &len);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&p->msg, p->bytes, len), 0);
	p->set = (struct val_denial_set){.msg = &p->msg, .zone = kit_wire(zone, &p->zone)};
	for (uint16_t i = 0; i < p->msg.rr_count; i++)
		CU_ASSERT_EQUAL(val_denial_add(&p->set, i), 0);
}

static enum val_denial run(
	const struct row *row, const struct val_denial_set *s, enum val_reason *why)
{
	struct dns_name q;

	// not through kit_wire(), which lower-cases
	CU_ASSERT_EQUAL_FATAL(dns_name_from_text(row->qname, &q), 0);
	switch (row->claim) {
	case NXDOMAIN:
		return val_denial_nxdomain(s, q.octets, why);
	case NODATA:
		return val_denial_nodata(s, q.octets, row->qtype, why);
	case NO_DS:
		return val_denial_no_ds(s, q.octets, why);
	default:
		return val_denial_wildcard(s, q.octets, row->labels, why);
	}
}

/** @return RRsets of the whole proof */
static int run_row(const struct row *row, bool nsec3, int drop)
{
	const char *spec = nsec3 ? row->nsec3 : row->nsec;
	static struct proof p;
	struct kit_chain c = {.salt = {0xaa, 0xbb}, .salt_len = 2, .iterations = 3};
	enum val_reason why = VAL_R_MAX;
	enum val_denial got;
	bool good;

	kit_chain_init(&c, "com.", nsec3, row->span == PLAIN ? 0 : DNS_NSEC3_FLAG_OPTOUT,
		zone_names, ZONE_NAMES);
	kit_init(&p.m, "q.com.", DNS_TYPE_A, DNS_FLAG_AA);
	p.m.harm = drop < 0 ? KIT_NONE : KIT_DROP;
	p.m.harm_at = drop;
	kit_proof(&p.m, &c, spec, NULL);
	proof_close(&p.m, &p, "com.");
	got = run(row, &p.set, &why);
	good = drop < 0 ? got == row->want && why == row->why : got == VAL_DENIAL_FAILED;
	if (!good)
		printf("\n  %s, %s, without record %d: got %d, %s\n", row->name,
			nsec3 ? "NSEC3" : "NSEC", drop, got, val_reason_name(why));
	CU_ASSERT_TRUE(good);
	free(p.bytes);
	return p.m.sets;
}

static void test_claims(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].nsec != NULL)
			run_row(&rows[i], false, -1);
		if (rows[i].nsec3 != NULL)
			run_row(&rows[i], true, -1);
	}
}

static void test_each_record_dropped(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];

		if (r->want != VAL_DENIAL_PROVEN && r->want != VAL_DENIAL_OPTOUT)
			continue;
		for (int nsec3 = 0; nsec3 < 2; nsec3++) {
			int sets;

			if ((nsec3 ? r->nsec3 : r->nsec) == NULL)
				continue;
			sets = run_row(r, nsec3, -1);
			for (int drop = 0; drop < sets - (r->span == OPTOUT_WEAKER); drop++)
				run_row(r, nsec3, drop);
		}
	}
}

/** RFC 5155 appendix A. */
static void test_hash_vectors(void)
{
	static const char *const vectors[][2] = {
		{"example.", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"},
		{"a.example.", "35mthgpgcu1qg68fab165klnsnk3dpvl"},
		{"ai.example.", "gjeqe526plbf1g8mklp59enfd789njgi"},
		{"ns1.example.", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"},
		{"ns2.example.", "q04jkcevqvmu85r014c7dkba38o0ji5r"},
		{"w.example.", "k8udemvp1j2f7eg6jebps17vp3n8i58h"},
		{"*.w.example.", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"},
		{"x.w.example.", "b4um86eghhds6nea196smvmlo4ors995"},
		{"y.w.example.", "ji6neoaepv8b5o6k4ev33abha8ht9fgc"},
		{"x.y.w.example.", "2vptu5timamqttgl4luu9kg21e0aor3s"},
		{"xx.example.", "t644ebqk9bibcna874givr6joj62mlhv"},
		{"2t7b4g4vsa5smi47k61mv5bv1a22bojr.example.", "kohar7mbb8dc2ce8a9qvl8hon4k53uhi"},
	};
	static const uint8_t salt[] = {0xaa, 0xbb, 0xcc, 0xdd};
	struct dns_nsec3 p = {.hash_alg = 1, .iterations = 12, .salt = salt, .salt_len = 4};

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
		uint8_t got[20], want[20] = {0};
		struct dns_name n;

		for (int k = 0; k < 160; k++) {
			long v = strchr(digits, vectors[i][1][k / 5]) - digits;

			want[k / 8] |= (uint8_t)((v >> (4 - k % 5) & 1) << (7 - k % 8));
		}
		CU_ASSERT_EQUAL(val_nsec3_hash(kit_wire(vectors[i][0], &n), &p, got), 0);
		if (memcmp(got, want, 20) != 0)
			printf("\n  %s\n", vectors[i][0]);
		CU_ASSERT_EQUAL(memcmp(got, want, 20), 0);
	}
}

static void test_hash_limits(void)
{
	struct dns_nsec3 p = {.hash_alg = 1, .iterations = VAL_NSEC3_ITERATIONS_MAX};
	struct dns_name n;
	uint8_t out[20];

	kit_wire("com.", &n);
	CU_ASSERT_EQUAL(val_nsec3_hash(n.octets, &p, out), 0);
	p.iterations++;
	CU_ASSERT_EQUAL(val_nsec3_hash(n.octets, &p, out), -E2BIG);
	p.iterations = 0;
	p.hash_alg = 2;
	CU_ASSERT_EQUAL(val_nsec3_hash(n.octets, &p, out), -ENOTSUP);
}

/** An NSEC3 NXDOMAIN proof of q.com. with something odd about it. */
struct odd {
	const char *name;
	uint8_t hash_alg, flags;
	uint16_t iterations;
	const char *zone; // judged as a proof of this zone
	enum val_denial want;
	enum val_reason why;
};

static void test_odd_nsec3(void)
{
	static const struct odd odds[] = {
		{"as it should be", 1, 0, 0, "com.", OK},
		{"iterations at the limit", 1, 0, VAL_NSEC3_ITERATIONS_MAX, "com.", OK},
		{"iterations above", 1, 0, VAL_NSEC3_ITERATIONS_MAX + 1, "com.",
			VAL_DENIAL_ITERATIONS, VAL_R_NSEC3_ITERATIONS},
		{"unknown hash algorithm", 2, 0, 0, "com.", INCOMPLETE},
		{"unknown flag", 1, 2, 0, "com.", INCOMPLETE},
		{"unknown flag beside opt-out", 1, 3, 0, "com.", INCOMPLETE},
		{"another zone's records", 1, 0, 0, ".", INCOMPLETE},
	};

	for (size_t i = 0; i < sizeof(odds) / sizeof(odds[0]); i++) {
		const struct odd *o = &odds[i];
		static struct proof p;
		struct kit_chain c = {.iterations = o->iterations};
		struct dns_name q;
		enum val_reason why;
		enum val_denial got;

		kit_chain_init(&c, "com.", true, o->flags, zone_names, ZONE_NAMES);
		c.hash_alg = o->hash_alg;
		kit_init(&p.m, "q.com.", DNS_TYPE_A, DNS_FLAG_AA);
		kit_proof(&p.m, &c, "=com. ~q.com. ~*.com.", NULL);
		proof_close(&p.m, &p, o->zone);
		got = val_denial_nxdomain(&p.set, kit_wire("q.com.", &q), &why);
		if (got != o->want || why != o->why)
			printf("\n  %s: got %d, %s\n", o->name, got, val_reason_name(why));
		CU_ASSERT_EQUAL(got, o->want);
		CU_ASSERT_EQUAL(why, o->why);
		free(p.bytes);
	}
}

/** Two halves of a proof from two chains. */
static void test_mixed_params(void)
{
	struct kit_chain c = {.salt_len = 0}, d = {.salt = {1}, .salt_len = 1};
	static struct proof p;
	struct dns_name q;
	enum val_reason why;

	kit_chain_init(&c, "com.", true, 0, zone_names, ZONE_NAMES);
	kit_chain_init(&d, "com.", true, 0, zone_names, ZONE_NAMES);
	kit_init(&p.m, "q.com.", DNS_TYPE_A, DNS_FLAG_AA);
	kit_proof(&p.m, &c, "=com. ~q.com.", NULL);
	kit_proof(&p.m, &d, "~*.com.", NULL);
	proof_close(&p.m, &p, "com.");
	CU_ASSERT_EQUAL(
		val_denial_nxdomain(&p.set, kit_wire("q.com.", &q), &why), VAL_DENIAL_FAILED);
	CU_ASSERT_EQUAL(why, VAL_R_NSEC3_PARAMS);
	free(p.bytes);
}

/** A chain of one NSEC3, owner and next the same, covers all but itself. */
static void test_single_nsec3(void)
{
	static const char *const one[][2] = {{"com.", "SOA NS RRSIG DNSKEY"}};
	struct kit_chain c = {.salt_len = 0};
	static struct proof p;
	struct dns_name q;
	enum val_reason why;

	kit_chain_init(&c, "com.", true, 0, one, 1);
	kit_init(&p.m, "q.com.", DNS_TYPE_A, DNS_FLAG_AA);
	kit_proof(&p.m, &c, "=com.", NULL);
	proof_close(&p.m, &p, "com.");
	CU_ASSERT_EQUAL(
		val_denial_nxdomain(&p.set, kit_wire("q.com.", &q), &why), VAL_DENIAL_PROVEN);
	CU_ASSERT_EQUAL(val_denial_nxdomain(&p.set, kit_wire("com.", &q), &why), VAL_DENIAL_FAILED);
	CU_ASSERT_EQUAL(why, VAL_R_DENIAL_CONTRADICTS);
	free(p.bytes);
}

/** The root's own apex may deny its DS: nobody is above it. */
static void test_root_ds(void)
{
	static const char *const root[][2] = {
		{".", "SOA NS RRSIG DNSKEY"}, {"com.", "NS DS RRSIG"}};

	for (int nsec3 = 0; nsec3 < 2; nsec3++) {
		struct kit_chain c = {.salt_len = 0};
		static struct proof p;
		struct dns_name q;
		enum val_reason why;

		kit_chain_init(&c, ".", nsec3, 0, root, 2);
		kit_init(&p.m, ".", DNS_TYPE_DS, DNS_FLAG_AA);
		kit_proof(&p.m, &c, "=.", NULL);
		proof_close(&p.m, &p, ".");
		CU_ASSERT_EQUAL(val_denial_nodata(&p.set, kit_wire(".", &q), DNS_TYPE_DS, &why),
			VAL_DENIAL_PROVEN);
		free(p.bytes);
	}
}

/** An NSEC whose next name is outside the zone is no proof. */
static void test_nsec_next_outside(void)
{
	static const char *const names[][2] = {{"com.", "SOA NS"}, {"zz.", "A"}};
	struct kit_chain c = {.salt_len = 0};
	static struct proof p;
	struct dns_name q;
	enum val_reason why;

	kit_chain_init(&c, "com.", false, 0, names, 2);
	kit_init(&p.m, "q.com.", DNS_TYPE_A, DNS_FLAG_AA);
	kit_proof(&p.m, &c, "=com.", NULL);
	proof_close(&p.m, &p, "com.");
	CU_ASSERT_EQUAL(
		val_denial_nxdomain(&p.set, kit_wire("q.com.", &q), &why), VAL_DENIAL_FAILED);
	CU_ASSERT_EQUAL(why, VAL_R_DENIAL_INCOMPLETE);
	free(p.bytes);
}

static void test_set_limit(void)
{
	static struct proof p;
	struct kit_chain c = {.salt_len = 0};
	uint16_t rr = 0;

	kit_chain_init(&c, "com.", true, 0, zone_names, ZONE_NAMES);
	kit_init(&p.m, "q.com.", DNS_TYPE_A, DNS_FLAG_AA);
	kit_proof(&p.m, &c, "=com.", NULL);
	proof_close(&p.m, &p, "com.");
	for (int i = 1; i < VAL_NSEC3_PROOF_MAX; i++)
		CU_ASSERT_EQUAL(val_denial_add(&p.set, rr), 0);
	CU_ASSERT_EQUAL(val_denial_add(&p.set, rr), -E2BIG);
	CU_ASSERT_EQUAL(p.set.nsec3_count, VAL_NSEC3_PROOF_MAX);
	free(p.bytes);
}

/** A name of `labels` labels "q" under com. */
static const char *deep_name(int labels, char buf[DNS_NAME_TEXT_MAX])
{
	char *p = buf;

	for (int i = 0; i < labels; i++, p += 2)
		memcpy(p, "q.", 2);
	memcpy(p, "com.", 5);
	return buf;
}

/** Blocks for the NXDOMAIN of deep_name(labels): it, each ancestor in the zone, and *.com. */
static int blocks_needed(int labels)
{
	int blocks = 1 + VAL_NSEC3_ITERATIONS_MAX;

	for (int i = 0; i <= labels; i++)
		blocks += (5 + 2 * i + 9 + 63) / 64 + VAL_NSEC3_ITERATIONS_MAX;
	return blocks;
}

/** CVE-2023-50868. */
static void test_hash_budget(void)
{
	int fit = 1;

	while (blocks_needed(fit + 1) <= VAL_NSEC3_BLOCKS_MAX)
		fit++;
	for (int extra = 0; extra < 2; extra++) {
		struct kit_chain c = {.iterations = VAL_NSEC3_ITERATIONS_MAX};
		static struct proof p;
		char text[DNS_NAME_TEXT_MAX];
		struct dns_name q;
		enum val_reason why;
		enum val_denial got;

		kit_chain_init(&c, "com.", true, 0, zone_names, ZONE_NAMES);
		kit_init(&p.m, "q.com.", DNS_TYPE_A, DNS_FLAG_AA);
		kit_proof(&p.m, &c, "=com. ~q.com. ~*.com.", NULL);
		proof_close(&p.m, &p, "com.");
		deep_name(fit + extra, text);
		got = val_denial_nxdomain(&p.set, kit_wire(text, &q), &why);
		CU_ASSERT_EQUAL(got, extra ? VAL_DENIAL_FAILED : VAL_DENIAL_PROVEN);
		CU_ASSERT_EQUAL(why, extra ? VAL_R_BUDGET : VAL_R_NONE);
		free(p.bytes);
	}
}

/** One allowance for all proofs of a response: what one has used the next has no more. */
static void test_hash_allowance(void)
{
	static struct proof p;
	struct kit_chain c = {.iterations = 0};
	struct dns_name q;
	enum val_reason why;
	uint32_t blocks = 6; // q.com., com., *.com. at one each: two proofs and no third

	kit_chain_init(&c, "com.", true, 0, zone_names, ZONE_NAMES);
	kit_init(&p.m, "q.com.", DNS_TYPE_A, DNS_FLAG_AA);
	kit_proof(&p.m, &c, "=com. ~q.com. ~*.com.", NULL);
	proof_close(&p.m, &p, "com.");
	p.set.blocks = &blocks;
	kit_wire("q.com.", &q);
	CU_ASSERT_EQUAL(val_denial_nxdomain(&p.set, q.octets, &why), VAL_DENIAL_PROVEN);
	CU_ASSERT_EQUAL(blocks, 3);
	CU_ASSERT_EQUAL(val_denial_nxdomain(&p.set, q.octets, &why), VAL_DENIAL_PROVEN);
	CU_ASSERT_EQUAL(blocks, 0);
	CU_ASSERT_EQUAL(val_denial_nxdomain(&p.set, q.octets, &why), VAL_DENIAL_FAILED);
	CU_ASSERT_EQUAL(why, VAL_R_BUDGET);
	free(p.bytes);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"RFC 5155 hash vectors", test_hash_vectors},
		{"hash limits", test_hash_limits},
		{"claims", test_claims},
		{"each record of a proof dropped", test_each_record_dropped},
		{"odd NSEC3", test_odd_nsec3},
		{"mixed parameters", test_mixed_params},
		{"a single NSEC3", test_single_nsec3},
		{"DS at the root", test_root_ds},
		{"NSEC next outside the zone", test_nsec_next_outside},
		{"records in a proof", test_set_limit},
		{"hash budget", test_hash_budget},
		{"hash allowance", test_hash_allowance},
		CU_TEST_INFO_NULL,
	};

	return test_run("validator/denial", tests);
}
