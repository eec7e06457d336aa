#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/run.h"
#include "validator/response.h"
#include "validator/response_priv.h"
#include "zonekit.h"

enum { NOW = 1700000000, LIFE = 7200, AGE = 3600, TTL = 86400 };

static struct kit_key zsk, stranger;
static struct kit_sign by_zone, unsigned_;
static struct val_zone_keys com;
static struct val_verifier *verifier;
static struct val_ctx ctx;

static const char *const com_names[][2] = {
	{"com.", "SOA NS RRSIG DNSKEY"},
	{"s.com.", "NS DS RRSIG"},
	{"i.com.", "NS RRSIG"},
	{"www.com.", "A RRSIG"},
	{"alias.com.", "CNAME RRSIG"},
	{"*.wild.com.", "A RRSIG"},
	{"wild.com.", "A RRSIG"},
	{"d.com.", "DNAME RRSIG"},
};
enum { COM_NAMES = sizeof(com_names) / sizeof(com_names[0]) };

static void world_open(void)
{
	kit_key_new(&zsk, 0x0100);
	kit_key_new(&stranger, 0x0100);
	by_zone = (struct kit_sign){
		.key = &zsk,
		.signer = "com.",
		.labels = -1,
		.original_ttl = TTL,
		.inception = NOW - AGE,
		.expiration = NOW + LIFE,
	};
	kit_zone_keys(&com, "com.", (const struct kit_key *const[]){&zsk}, 1, NOW);
	if (val_verifier_new(&verifier) < 0)
		abort();
	val_sig_key_init(&ctx.prf_key, &(struct dns_hash_key){1, 2}, val_sig_prf_best());
}

static void world_close(void)
{
	kit_key_free(&zsk);
	kit_key_free(&stranger);
	val_verifier_free(verifier);
}

/* ---- driving the judge ---- */

struct asked {
	const struct val_want *first;
	int count;
	bool refuse;
	bool late; // outcomes are written only after the call, as over a ring
	struct val_checks *checks;
	enum val_sig_state state[VAL_VERIFY_RESPONSE_MAX];
	struct val_sigcache *cache;
};

/** From exact-size blocks: the verifier is not to read further than it is told. */
static enum val_sig_state verify(const struct val_want *w)
{
	uint8_t *data = malloc(w->data_len), *sig = malloc(w->sig_len),
		*key = malloc(w->dnskey_len);
	int ok;

	memcpy(data, w->data, w->data_len);
	memcpy(sig, w->sig, w->sig_len);
	memcpy(key, w->dnskey, w->dnskey_len);
	ok = val_verify(verifier, key, w->dnskey_len, data, w->data_len, sig, w->sig_len);
	free(data);
	free(sig);
	free(key);
	return ok == 1 ? VAL_SIG_GOOD : VAL_SIG_BAD;
}

static int want(void *arg, const struct val_want *w)
{
	struct asked *a = arg;
	struct val_sig_times times = {w->inception, w->expiration, w->key_generation};

	if (a->refuse)
		return -ENOBUFS;
	CU_ASSERT_FATAL(w->index < VAL_VERIFY_RESPONSE_MAX);
	CU_ASSERT_EQUAL(a->checks->item[w->index].state, VAL_SIG_UNKNOWN);
	a->state[w->index] = verify(w);
	a->count++;
	if (!a->late)
		a->checks->item[w->index].state = a->state[w->index];
	if (a->cache != NULL && a->state[w->index] == VAL_SIG_GOOD)
		val_sigcache_put(a->cache, w->id, &times);
	return 0;
}

static struct val_response out;

/** Until the verdict stands. @return calls of the judge */
static int judge(const struct dns_msg *msg, const struct val_zone_keys *zone,
	struct val_checks *checks, struct asked *a)
{
	int calls = 0;

	a->checks = checks;
	do {
		memset(&out, 0xee, sizeof(out));
		val_response_judge(&ctx, msg, zone, NOW, checks, want, a, &out);
		for (int i = 0; a->late && i < checks->count; i++)
			checks->item[i].state = a->state[i];
	} while (++calls < 20 && out.result.verdict == VAL_PENDING);
	CU_ASSERT_NOT_EQUAL(out.result.verdict, VAL_PENDING);
	return calls;
}

/** A finished message, parsed from an exact-size copy, and judged. */
static int judge_msg(struct kit_msg *m, const struct val_zone_keys *zone)
{
	static struct dns_msg msg;
	struct val_checks checks = {.count = 0};
	struct asked a = {.late = true};
	size_t len;
	uint8_t *bytes = kit_finish(m, &len);
	int calls;

	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, bytes, len), 0);
	calls = judge(&msg, zone, &checks, &a);
	free(bytes);
	return calls;
}

static void start(struct kit_msg *m, const char *qname, uint16_t qtype, uint16_t flags)
{
	enum kit_harm harm = m->harm;
	int at = m->harm_at;

	kit_init(m, qname, qtype, flags);
	m->harm = harm;
	m->harm_at = at;
	m->now = NOW;
	m->sign = &by_zone;
}

/* ---- one of each kind ---- */

static void put_a(struct kit_msg *m, const char *owner, const struct kit_sign *sign)
{
	struct kit_rdata rd[] = {kit_a(0xc0000202), kit_a(0xc0000201)};

	kit_rrset(m, DNS_ANSWER, owner, DNS_TYPE_A, 300, rd, 2, sign);
}

static void put_cname(
	struct kit_msg *m, const char *owner, const char *target, const struct kit_sign *sign)
{
	struct kit_rdata rd = kit_name(target);

	kit_rrset(m, DNS_ANSWER, owner, DNS_TYPE_CNAME, 300, &rd, 1, sign);
}

static void put_soa(struct kit_msg *m)
{
	struct kit_rdata rd = kit_soa("com.");

	kit_optional(m);
	kit_rrset(m, DNS_AUTHORITY, "com.", DNS_TYPE_SOA, 900, &rd, 1, NULL);
}

static void put_cut(struct kit_msg *m, const char *owner)
{
	struct kit_rdata rd[] = {kit_name("ns1.example.net."), kit_name("ns2.s.com.")};

	kit_rrset(m, DNS_AUTHORITY, owner, DNS_TYPE_NS, 172800, rd, 2, &unsigned_);
}

static void put_ds(struct kit_msg *m, enum dns_section s, const char *owner)
{
	struct kit_rdata rd = kit_ds(&stranger, owner);

	kit_rrset(m, s, owner, DNS_TYPE_DS, 86400, &rd, 1, NULL);
}

static void put_glue(struct kit_msg *m)
{
	struct kit_rdata rd = kit_a(0xc0000235);

	kit_optional(m);
	kit_rrset(m, DNS_ADDITIONAL, "ns2.s.com.", DNS_TYPE_A, 172800, &rd, 1, &unsigned_);
}

static uint16_t proof_iterations; // of NSEC3 that put_proof() writes
static int proofs_hashed;         // how often it wrote some

static void put_proof(struct kit_msg *m, bool nsec3, bool optout, const char *spec)
{
	struct kit_chain c = {.iterations = proof_iterations};

	proofs_hashed += nsec3;
	kit_chain_init(&c, "com.", nsec3, optout ? DNS_NSEC3_FLAG_OPTOUT : 0, com_names, COM_NAMES);
	kit_proof(m, &c, spec, NULL);
}

static void build_answer(struct kit_msg *m)
{
	struct kit_rdata ns = kit_name("a.gtld-servers.net.");

	start(m, "wWw.com.", DNS_TYPE_A, DNS_FLAG_AA);
	put_a(m, "www.com.", NULL);
	kit_optional(m);
	kit_rrset(m, DNS_AUTHORITY, "com.", DNS_TYPE_NS, 86400, &ns, 1, NULL);
	put_glue(m);
}

static void build_dnskey(struct kit_msg *m)
{
	struct kit_rdata rd = {.len = zsk.rdata_len};

	memcpy(rd.octets, zsk.rdata, zsk.rdata_len);
	start(m, "com.", DNS_TYPE_DNSKEY, DNS_FLAG_AA);
	kit_rrset(m, DNS_ANSWER, "com.", DNS_TYPE_DNSKEY, 3600, &rd, 1, NULL);
}

static void build_ds_answer(struct kit_msg *m)
{
	start(m, "s.com.", DNS_TYPE_DS, DNS_FLAG_AA);
	put_ds(m, DNS_ANSWER, "s.com.");
}

static void build_secure_referral(struct kit_msg *m)
{
	start(m, "www.s.com.", DNS_TYPE_A, 0);
	put_cut(m, "s.com.");
	put_ds(m, DNS_AUTHORITY, "s.com.");
	put_glue(m);
}

static void build_optout_referral(struct kit_msg *m)
{
	start(m, "www.q.com.", DNS_TYPE_A, 0);
	put_cut(m, "q.com.");
	put_proof(m, true, true, "=com. ~q.com.");
	put_glue(m);
}

static void build_insecure_referral(struct kit_msg *m)
{
	start(m, "i.com.", DNS_TYPE_A, 0);
	put_cut(m, "i.com.");
	put_proof(m, true, false, "=i.com.");
}

static void build_nsec_referral(struct kit_msg *m)
{
	start(m, "i.com.", DNS_TYPE_NS, 0);
	put_cut(m, "i.com.");
	put_proof(m, false, false, "=i.com.");
}

static void build_nx_optout(struct kit_msg *m)
{
	start(m, "q.com.", DNS_TYPE_A, DNS_FLAG_AA | DNS_RCODE_NXDOMAIN);
	put_soa(m);
	put_proof(m, true, true, "=com. ~q.com. ~*.com.");
}

static void build_nx_nsec3(struct kit_msg *m)
{
	start(m, "q.com.", DNS_TYPE_A, DNS_FLAG_AA | DNS_RCODE_NXDOMAIN);
	put_soa(m);
	put_proof(m, true, false, "=com. ~q.com. ~*.com.");
}

static void build_nx_nsec(struct kit_msg *m)
{
	start(m, "q.com.", DNS_TYPE_A, DNS_FLAG_AA | DNS_RCODE_NXDOMAIN);
	put_soa(m);
	put_proof(m, false, false, "~q.com. ~*.com.");
}

static void build_nodata(struct kit_msg *m)
{
	start(m, "www.com.", DNS_TYPE_AAAA, DNS_FLAG_AA);
	put_soa(m);
	put_proof(m, true, true, "=www.com.");
}

static void build_nodata_ds_optout(struct kit_msg *m)
{
	start(m, "q.com.", DNS_TYPE_DS, DNS_FLAG_AA);
	put_soa(m);
	put_proof(m, true, true, "=com. ~q.com.");
}

static void build_nodata_nsec(struct kit_msg *m)
{
	start(m, "www.com.", DNS_TYPE_AAAA, DNS_FLAG_AA);
	put_soa(m);
	put_proof(m, false, false, "=www.com.");
}

static void build_wildcard(struct kit_msg *m)
{
	struct kit_sign s = by_zone;

	s.wildcard = "*.wild.com.";
	start(m, "x.wild.com.", DNS_TYPE_A, DNS_FLAG_AA);
	put_a(m, "x.wild.com.", &s);
	put_proof(m, true, false, "~x.wild.com.");
}

static void build_wildcard_optout(struct kit_msg *m)
{
	struct kit_sign s = by_zone;

	s.wildcard = "*.wild.com.";
	start(m, "x.wild.com.", DNS_TYPE_A, DNS_FLAG_AA);
	put_a(m, "x.wild.com.", &s);
	put_proof(m, true, true, "~x.wild.com.");
}

static void build_wildcard_itself(struct kit_msg *m)
{
	start(m, "*.wild.com.", DNS_TYPE_A, DNS_FLAG_AA);
	put_a(m, "*.wild.com.", NULL);
}

static void build_wildcard_nodata(struct kit_msg *m)
{
	start(m, "x.wild.com.", DNS_TYPE_AAAA, DNS_FLAG_AA);
	put_soa(m);
	put_proof(m, true, false, "=wild.com. ~x.wild.com. =*.wild.com.");
}

static void build_chain(struct kit_msg *m)
{
	start(m, "alias.com.", DNS_TYPE_A, DNS_FLAG_AA);
	put_cname(m, "alias.com.", "alias2.com.", NULL);
	put_cname(m, "alias2.com.", "www.com.", NULL);
	put_a(m, "www.com.", NULL);
}

static void build_chain_out(struct kit_msg *m)
{
	start(m, "alias.com.", DNS_TYPE_A, DNS_FLAG_AA);
	put_cname(m, "alias.com.", "www.example.net.", NULL);
}

static void build_chain_nodata(struct kit_msg *m)
{
	start(m, "alias.com.", DNS_TYPE_AAAA, DNS_FLAG_AA);
	put_cname(m, "alias.com.", "www.com.", NULL);
	put_soa(m);
	put_proof(m, true, false, "=www.com.");
}

static void build_chain_nx(struct kit_msg *m)
{
	start(m, "alias.com.", DNS_TYPE_A, DNS_FLAG_AA | DNS_RCODE_NXDOMAIN);
	put_cname(m, "alias.com.", "q.com.", NULL);
	put_soa(m);
	put_proof(m, true, false, "=com. ~q.com. ~*.com.");
}

static void build_chain_referral(struct kit_msg *m)
{
	start(m, "alias.com.", DNS_TYPE_A, DNS_FLAG_AA);
	put_cname(m, "alias.com.", "www.s.com.", NULL);
	put_cut(m, "s.com.");
	put_ds(m, DNS_AUTHORITY, "s.com.");
}

static void build_chain_insecure(struct kit_msg *m)
{
	start(m, "alias.com.", DNS_TYPE_A, DNS_FLAG_AA);
	put_cname(m, "alias.com.", "www.q.com.", NULL);
	kit_optional(m); // the same records say as much of www.q.com itself: an opt-out span
	put_cut(m, "q.com.");
	put_proof(m, true, true, "=com. ~q.com.");
}

static void build_chain_cut_proof(struct kit_msg *m)
{
	start(m, "alias.com.", DNS_TYPE_A, DNS_FLAG_AA);
	put_cname(m, "alias.com.", "i.com.", NULL);
	put_proof(m, false, false, "=i.com.");
}

static void put_dname(struct kit_msg *m, const char *target)
{
	struct kit_rdata rd = kit_name(target);

	kit_rrset(m, DNS_ANSWER, "d.com.", DNS_TYPE_DNAME, 600, &rd, 1, NULL);
}

static void build_dname(struct kit_msg *m)
{
	start(m, "www.d.com.", DNS_TYPE_A, DNS_FLAG_AA);
	put_dname(m, "com.");
	kit_optional(m); // it follows from the DNAME
	put_cname(m, "www.d.com.", "www.com.", &unsigned_);
	put_a(m, "www.com.", NULL);
}

static void build_dname_out(struct kit_msg *m)
{
	start(m, "www.d.com.", DNS_TYPE_A, DNS_FLAG_AA);
	put_dname(m, "example.net.");
	kit_optional(m);
	put_cname(m, "www.d.com.", "www.example.net.", &unsigned_);
}

static void build_any(struct kit_msg *m)
{
	struct kit_rdata rd = kit_a(1);

	start(m, "www.com.", DNS_TYPE_ANY, DNS_FLAG_AA);
	put_a(m, "www.com.", NULL);
	kit_rrset(m, DNS_ANSWER, "www.com.", 65280, 300, &rd, 1, NULL);
	m->optional_set = 3; // what ANY gives is for the server to choose (RFC 8482)
}

struct row {
	const char *name;
	void (*build)(struct kit_msg *m);
	enum val_kind kind;
	enum val_verdict verdict;
	enum val_reason reason;
};

static const struct row rows[] = {
	{"answer", build_answer, VAL_KIND_ANSWER, VAL_SECURE, VAL_R_NONE},
	{"DNSKEY at the apex", build_dnskey, VAL_KIND_ANSWER, VAL_SECURE, VAL_R_NONE},
	{"DS of a delegation", build_ds_answer, VAL_KIND_ANSWER, VAL_SECURE, VAL_R_NONE},
	{"secure referral", build_secure_referral, VAL_KIND_REFERRAL, VAL_SECURE, VAL_R_NONE},
	{"opt-out referral", build_optout_referral, VAL_KIND_REFERRAL, VAL_INSECURE,
		VAL_R_UNSIGNED_DELEGATION},
	{"insecure referral", build_insecure_referral, VAL_KIND_REFERRAL, VAL_INSECURE,
		VAL_R_UNSIGNED_DELEGATION},
	{"insecure referral, NSEC", build_nsec_referral, VAL_KIND_REFERRAL, VAL_INSECURE,
		VAL_R_UNSIGNED_DELEGATION},
	{"NXDOMAIN, opt-out", build_nx_optout, VAL_KIND_NXDOMAIN, VAL_INSECURE,
		VAL_R_UNSIGNED_DELEGATION},
	{"NXDOMAIN, NSEC3", build_nx_nsec3, VAL_KIND_NXDOMAIN, VAL_SECURE, VAL_R_NONE},
	{"NXDOMAIN, NSEC", build_nx_nsec, VAL_KIND_NXDOMAIN, VAL_SECURE, VAL_R_NONE},
	{"NODATA", build_nodata, VAL_KIND_NODATA, VAL_SECURE, VAL_R_NONE},
	{"NODATA, NSEC", build_nodata_nsec, VAL_KIND_NODATA, VAL_SECURE, VAL_R_NONE},
	{"NODATA DS, opt-out", build_nodata_ds_optout, VAL_KIND_NODATA, VAL_INSECURE,
		VAL_R_UNSIGNED_DELEGATION},
	{"wildcard", build_wildcard, VAL_KIND_ANSWER, VAL_SECURE, VAL_R_NONE},
	{"wildcard, opt-out", build_wildcard_optout, VAL_KIND_ANSWER, VAL_INSECURE,
		VAL_R_UNSIGNED_DELEGATION},
	{"wildcard asked for itself", build_wildcard_itself, VAL_KIND_ANSWER, VAL_SECURE,
		VAL_R_NONE},
	{"wildcard NODATA", build_wildcard_nodata, VAL_KIND_NODATA, VAL_SECURE, VAL_R_NONE},
	{"CNAME chain", build_chain, VAL_KIND_ANSWER, VAL_SECURE, VAL_R_NONE},
	{"CNAME out of the zone", build_chain_out, VAL_KIND_ANSWER, VAL_SECURE, VAL_R_NONE},
	{"CNAME to NODATA", build_chain_nodata, VAL_KIND_ANSWER, VAL_SECURE, VAL_R_NONE},
	{"CNAME to NXDOMAIN", build_chain_nx, VAL_KIND_NXDOMAIN, VAL_SECURE, VAL_R_NONE},
	{"CNAME to a secure delegation", build_chain_referral, VAL_KIND_ANSWER, VAL_SECURE,
		VAL_R_NONE},
	{"CNAME to an insecure delegation", build_chain_insecure, VAL_KIND_ANSWER, VAL_INSECURE,
		VAL_R_UNSIGNED_DELEGATION},
	{"CNAME to an insecure delegation, proof without NS", build_chain_cut_proof,
		VAL_KIND_ANSWER, VAL_INSECURE, VAL_R_UNSIGNED_DELEGATION},
	{"DNAME", build_dname, VAL_KIND_ANSWER, VAL_SECURE, VAL_R_NONE},
	{"DNAME out of the zone", build_dname_out, VAL_KIND_ANSWER, VAL_SECURE, VAL_R_NONE},
	{"ANY", build_any, VAL_KIND_ANSWER, VAL_SECURE, VAL_R_NONE},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static bool check(const char *name, enum val_verdict v, enum val_reason r)
{
	bool good = out.result.verdict == v && out.result.reason == r;

	if (!good)
		printf("\n  %s: got %s, %s\n", name, val_verdict_name(out.result.verdict),
			val_reason_name(out.result.reason));
	CU_ASSERT_TRUE(good);
	return good;
}

static struct kit_msg m;

static void test_kinds(void)
{
	for (int i = 0; i < ROWS; i++) {
		m.harm = KIT_NONE;
		rows[i].build(&m);
		CU_ASSERT_EQUAL(judge_msg(&m, &com), 2); // pending, then the verdict
		check(rows[i].name, rows[i].verdict, rows[i].reason);
		if (out.kind != rows[i].kind)
			printf("\n  %s: kind %d\n", rows[i].name, (int)out.kind);
		CU_ASSERT_EQUAL(out.kind, rows[i].kind);
		CU_ASSERT_TRUE(out.ttl_capped);
		CU_ASSERT_EQUAL(out.result.newest_inception, NOW - AGE);
		CU_ASSERT_EQUAL(out.result.nearest_expiration, NOW + LIFE);
	}
}

/** A delegation's NS left out is no delegation: lame. Whatever else a proof rests on, without it:
 * bogus. */
static void check_dropped(const struct row *row, int at)
{
	bool optional = (m.optional_set >> at & 1) != 0;
	char name[100];

	snprintf(name, sizeof(name), "%s without RRset %d", row->name, at);
	if (optional)
		check(name, row->verdict, row->reason);
	else if (row->kind == VAL_KIND_REFERRAL && at == 0)
		check(name, VAL_INDETERMINATE, VAL_R_LAME);
	else
		check(name, VAL_BOGUS, out.result.reason);
}

static void test_each_rrset_dropped(void)
{
	for (int i = 0; i < ROWS; i++) {
		int sets = 1;

		for (int at = 0; at < sets; at++) {
			m.harm = KIT_DROP;
			m.harm_at = at;
			rows[i].build(&m);
			sets = m.sets;
			judge_msg(&m, &com);
			check_dropped(&rows[i], at);
		}
	}
}

/**
 * NSEC3 iterations at the limit change nothing, above it every proof that would have to hash is
 * insecure (RFC 9276 s3.2). But first comes the signature that says how many there are: else
 * anybody could say so.
 */
static void test_iterations(void)
{
	int seen = 0;

	for (int i = 0; i < ROWS; i++) {
		proof_iterations = VAL_NSEC3_ITERATIONS_MAX;
		proofs_hashed = 0;
		m.harm = KIT_NONE;
		rows[i].build(&m);
		if (proofs_hashed == 0)
			continue;
		seen++;
		judge_msg(&m, &com);
		check(rows[i].name, rows[i].verdict, rows[i].reason);
		proof_iterations = VAL_NSEC3_ITERATIONS_MAX + 1;
		rows[i].build(&m);
		judge_msg(&m, &com);
		check(rows[i].name, VAL_INSECURE, VAL_R_NSEC3_ITERATIONS);
		CU_ASSERT_EQUAL(val_reason_ede(out.result.reason), DNS_EDE_UNSUPPORTED_NSEC3_ITER);
		for (int at = 0, sets = m.sets; at < sets; at++) {
			m.harm = KIT_FLIP;
			m.harm_at = at;
			rows[i].build(&m);
			judge_msg(&m, &com);
			if (m.signed_set >> at & 1)
				check(rows[i].name, VAL_BOGUS, VAL_R_SIG_CRYPTO);
		}
	}
	proof_iterations = 0;
	m.harm = KIT_NONE;
	CU_ASSERT(seen >= 12);
}

static void test_each_signature_harmed(void)
{
	static const enum val_reason reasons[KIT_HARMS] = {
		[KIT_STRIP] = VAL_R_SIG_MISSING,
		[KIT_FLIP] = VAL_R_SIG_CRYPTO,
		[KIT_EXPIRED] = VAL_R_SIG_EXPIRED,
		[KIT_EARLY] = VAL_R_SIG_NOT_YET_VALID,
		[KIT_REVERSED] = VAL_R_SIG_TIMES_REVERSED,
		[KIT_SIGNER] = VAL_R_SIG_SIGNER,
		[KIT_LABELS_HI] = VAL_R_SIG_LABELS,
		[KIT_LABELS_LO] = VAL_R_SIG_LABELS,
		[KIT_TAG] = VAL_R_KEY_MISSING,
	};

	for (int i = 0; i < ROWS; i++) {
		for (enum kit_harm harm = KIT_STRIP; harm < KIT_HARMS; harm++) {
			int sets = 1;

			for (int at = 0; at < sets; at++) {
				char name[100];

				m.harm = harm;
				m.harm_at = at;
				rows[i].build(&m);
				sets = m.sets;
				if (harm != KIT_STRIP && (m.signed_set >> at & 1) == 0)
					continue;
				if (harm == KIT_DATA && reasons[harm] == VAL_R_NONE)
					continue;
				judge_msg(&m, &com);
				snprintf(name, sizeof(name), "%s, RRset %d: %s", rows[i].name, at,
					kit_harm_name(harm));
				if (harm == KIT_STRIP && out.result.verdict == rows[i].verdict)
					continue; // an unsigned one; test_kinds() has it
				if (check(name, VAL_BOGUS, reasons[harm]) && harm != KIT_STRIP) {
					CU_ASSERT_NOT_EQUAL(out.result.type_covered, 0);
					CU_ASSERT_NOT_EQUAL(out.result.expiration, 0);
				}
				CU_ASSERT_FALSE(out.ttl_capped);
			}
		}
	}
}

/** A bit of the data: whatever it breaks, it is not passed on. */
static void test_data_changed(void)
{
	for (int i = 0; i < ROWS; i++) {
		int sets = 1;

		for (int at = 0; at < sets; at++) {
			m.harm = KIT_DATA;
			m.harm_at = at;
			rows[i].build(&m);
			sets = m.sets;
			if ((m.signed_set >> at & 1) == 0)
				continue;
			judge_msg(&m, &com);
			check(rows[i].name, VAL_BOGUS, out.result.reason);
		}
	}
	m.harm = KIT_NONE;
}

/** The incident's first hour: NSEC3 run out, SOA and the rest still good. */
static void test_expired_nsec3(void)
{
	m.harm = KIT_EXPIRED;
	m.harm_at = 2;
	build_nx_optout(&m);
	judge_msg(&m, &com);
	m.harm = KIT_NONE;
	check("expired NSEC3", VAL_BOGUS, VAL_R_SIG_EXPIRED);
	CU_ASSERT_EQUAL(out.result.type_covered, DNS_TYPE_NSEC3);
	CU_ASSERT_EQUAL(out.result.expiration, NOW - 1);
	CU_ASSERT_EQUAL(out.result.inception, NOW - AGE);
	CU_ASSERT_EQUAL(out.result.key_tag, zsk.tag);
	CU_ASSERT_EQUAL(out.result.algorithm, 13);
}

/* ---- what is no answer, and zones without keys ---- */

static void test_not_judged(void)
{
	struct val_zone_keys z = com;
	struct kit_rdata ns = kit_name("ns.example.");

	start(&m, "www.com.", DNS_TYPE_A, DNS_RCODE_SERVFAIL);
	judge_msg(&m, &com);
	check("SERVFAIL", VAL_INDETERMINATE, VAL_R_NONE);
	CU_ASSERT_EQUAL(out.kind, VAL_KIND_ERROR);
	start(&m, "www.com.", DNS_TYPE_A, DNS_RCODE_REFUSED);
	judge_msg(&m, &com);
	CU_ASSERT_EQUAL(out.kind, VAL_KIND_ERROR);

	start(&m, "www.com.", DNS_TYPE_A, 0);
	put_a(&m, "www.com.", NULL);
	judge_msg(&m, &com);
	check("answer without AA", VAL_INDETERMINATE, VAL_R_LAME);
	CU_ASSERT_EQUAL(out.kind, VAL_KIND_LAME);
	start(&m, "www.com.", DNS_TYPE_A, 0);
	judge_msg(&m, &com);
	check("empty without AA", VAL_INDETERMINATE, VAL_R_LAME);
	start(&m, "www.com.", DNS_TYPE_A, DNS_RCODE_NXDOMAIN);
	judge_msg(&m, &com);
	check("NXDOMAIN without AA", VAL_INDETERMINATE, VAL_R_LAME);
	start(&m, "www.com.", DNS_TYPE_A, 0);
	kit_rrset(&m, DNS_AUTHORITY, ".", DNS_TYPE_NS, 1, &ns, 1, NULL);
	judge_msg(&m, &com);
	check("upward referral", VAL_INDETERMINATE, VAL_R_LAME);
	start(&m, "www.com.", DNS_TYPE_A, 0);
	kit_rrset(&m, DNS_AUTHORITY, "com.", DNS_TYPE_NS, 1, &ns, 1, NULL);
	judge_msg(&m, &com);
	check("referral to the zone itself", VAL_INDETERMINATE, VAL_R_LAME);
	start(&m, "www.com.", DNS_TYPE_A, 0);
	put_cut(&m, "s.com.");
	judge_msg(&m, &com);
	check("referral elsewhere", VAL_INDETERMINATE, VAL_R_LAME);
	start(&m, "s.com.", DNS_TYPE_DS, 0);
	put_cut(&m, "s.com.");
	put_ds(&m, DNS_AUTHORITY, "s.com.");
	judge_msg(&m, &com);
	check("referral for DS at the cut", VAL_INDETERMINATE, VAL_R_LAME);
	start(&m, "www.example.net.", DNS_TYPE_A, DNS_FLAG_AA);
	judge_msg(&m, &com);
	check("a question for another zone", VAL_INDETERMINATE, VAL_R_LAME);

	build_answer(&m);
	z.status = VAL_ZONE_UNKNOWN;
	judge_msg(&m, &z);
	check("no chain", VAL_INDETERMINATE, VAL_R_NO_CHAIN);
	CU_ASSERT_EQUAL(out.kind, VAL_KIND_ANSWER);
	z.why = VAL_R_SIG_EXPIRED;
	judge_msg(&m, &z);
	check("a chain that broke", VAL_INDETERMINATE, VAL_R_SIG_EXPIRED);
	z.status = VAL_ZONE_NTA;
	judge_msg(&m, &z);
	check("negative anchor", VAL_INSECURE, VAL_R_NEGATIVE_ANCHOR);
	z.status = VAL_ZONE_INSECURE;
	z.why = VAL_R_ALG_UNSUPPORTED;
	judge_msg(&m, &z);
	check("insecure", VAL_INSECURE, VAL_R_ALG_UNSUPPORTED);
	CU_ASSERT_FALSE(out.ttl_capped);
	z = com;
	z.valid_until = NOW;
	judge_msg(&m, &z);
	check("keys good to the second", VAL_SECURE, VAL_R_NONE);
	z.valid_until = NOW - 1;
	judge_msg(&m, &z);
	check("keys over", VAL_INDETERMINATE, VAL_R_NO_CHAIN);
}

/* ---- hostile and broken answers ---- */

static void test_foreign_data(void)
{
	struct kit_sign by_child = by_zone, by_stranger = by_zone;
	struct kit_rdata rd = kit_a(1);

	by_child.signer = "s.com.";
	by_child.key = &stranger;
	by_stranger.key = &stranger;
	start(&m, "www.s.com.", DNS_TYPE_A, DNS_FLAG_AA);
	put_a(&m, "www.s.com.", &by_child);
	judge_msg(&m, &com);
	check("signed by the child", VAL_BOGUS, VAL_R_SIG_SIGNER);

	start(&m, "www.com.", DNS_TYPE_A, DNS_FLAG_AA);
	put_a(&m, "www.com.", &by_stranger);
	judge_msg(&m, &com);
	check("a stranger's key", VAL_BOGUS, VAL_R_KEY_MISSING);

	build_chain_out(&m);
	put_a(&m, "www.example.net.", NULL);
	judge_msg(&m, &com);
	check("answer holds another zone's data", VAL_BOGUS, VAL_R_SIG_SIGNER);

	start(&m, "www.com.", DNS_TYPE_A, DNS_FLAG_AA);
	put_a(&m, "www.com.", NULL);
	put_cut(&m, "s.com.");
	judge_msg(&m, &com);
	check("unsigned NS beside an answer", VAL_BOGUS, VAL_R_SIG_MISSING);

	start(&m, "www.s.com.", DNS_TYPE_A, 0);
	put_cut(&m, "s.com.");
	put_cut(&m, "i.com.");
	put_ds(&m, DNS_AUTHORITY, "s.com.");
	judge_msg(&m, &com);
	check("two delegations", VAL_BOGUS, VAL_R_SIG_MISSING);

	start(&m, "www.s.com.", DNS_TYPE_A, 0);
	put_cut(&m, "s.com.");
	put_ds(&m, DNS_AUTHORITY, "t.com.");
	judge_msg(&m, &com);
	check("another delegation's DS", VAL_BOGUS, VAL_R_DENIAL_MISSING);

	start(&m, "www.s.com.", DNS_TYPE_A, 0);
	put_cut(&m, "s.com.");
	put_proof(&m, true, true, "=s.com.");
	judge_msg(&m, &com);
	check("DS stripped, its NSEC3 sent", VAL_BOGUS, VAL_R_DENIAL_CONTRADICTS);

	start(&m, "other.com.", DNS_TYPE_A, DNS_FLAG_AA);
	put_a(&m, "www.com.", NULL);
	judge_msg(&m, &com);
	check("signed, but another name", VAL_BOGUS, VAL_R_DENIAL_MISSING);

	start(&m, "i.com.", DNS_TYPE_A, DNS_FLAG_AA);
	put_proof(&m, false, false, "=i.com.");
	judge_msg(&m, &com);
	check("NODATA where a referral must be", VAL_BOGUS, VAL_R_DENIAL_INCOMPLETE);

	start(&m, "www.com.", DNS_TYPE_A, DNS_FLAG_AA | DNS_RCODE_NXDOMAIN);
	put_a(&m, "www.com.", NULL);
	put_proof(&m, true, true, "=com. ~q.com. ~*.com.");
	judge_msg(&m, &com);
	check("NXDOMAIN with the data", VAL_BOGUS, VAL_R_DENIAL_CONTRADICTS);

	start(&m, "alias.com.", DNS_TYPE_A, DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, "alias.com.", DNS_TYPE_CNAME, 300,
		(struct kit_rdata[]){kit_name("www.com."), kit_name("x.net.")}, 2, NULL);
	judge_msg(&m, &com);
	check("two CNAMEs", VAL_BOGUS, VAL_R_MALFORMED);

	start(&m, "alias.com.", DNS_TYPE_A, DNS_FLAG_AA);
	put_cname(&m, "alias.com.", "loop.com.", NULL);
	put_cname(&m, "loop.com.", "alias.com.", NULL);
	judge_msg(&m, &com);
	check("CNAME loop", VAL_BOGUS, VAL_R_DENIAL_MISSING);

	start(&m, "www.d.com.", DNS_TYPE_A, DNS_FLAG_AA);
	put_dname(&m, "com.");
	put_cname(&m, "www.d.com.", "evil.com.", &unsigned_);
	put_a(&m, "www.com.", NULL);
	judge_msg(&m, &com);
	check("CNAME that the DNAME does not give", VAL_BOGUS, VAL_R_SIG_MISSING);

	start(&m, "www.com.", DNS_TYPE_RRSIG, DNS_FLAG_AA);
	kit_rrsig(&m, DNS_ANSWER, "www.com.", DNS_TYPE_A, 300, &rd, 1, &by_zone);
	judge_msg(&m, &com);
	check("RRSIG asked for", VAL_INSECURE, VAL_R_NONE);
}

/** A child's word on its own DS is passed on and not believed. */
static void test_own_ds(void)
{
	start(&m, "com.", DNS_TYPE_DS, DNS_FLAG_AA);
	put_soa(&m);
	put_proof(&m, true, false, "=com.");
	judge_msg(&m, &com);
	check("DS of the zone itself", VAL_INSECURE, VAL_R_NONE);
	m.harm = KIT_FLIP;
	m.harm_at = 1;
	start(&m, "com.", DNS_TYPE_DS, DNS_FLAG_AA);
	put_soa(&m);
	put_proof(&m, true, false, "=com.");
	judge_msg(&m, &com);
	m.harm = KIT_NONE;
	check("and what is signed must be good", VAL_BOGUS, VAL_R_SIG_CRYPTO);
}

/** The wildcard's own NSEC, expanded to deny the name it stands at: RFC 4035 s5.4. */
static void test_expanded_nsec(void)
{
	struct kit_chain c = {.salt_len = 0};
	struct kit_sign s = by_zone;
	static const char *const names[][2] = {{"x.com.", "TXT"}, {"z.com.", "TXT"}};

	kit_chain_init(&c, "com.", false, 0, names, 2);
	s.wildcard = "*.com.";
	start(&m, "x.com.", DNS_TYPE_A, DNS_FLAG_AA);
	kit_proof(&m, &c, "=x.com.", &s);
	judge_msg(&m, &com);
	check("expanded NSEC", VAL_BOGUS, VAL_R_SIG_LABELS);
}

static void test_key_flags(void)
{
	struct val_zone_keys z = com;

	build_answer(&m);
	z.key[0].rdata[1] |= DNS_DNSKEY_FLAG_REVOKE;
	judge_msg(&m, &z);
	check("revoked", VAL_BOGUS, VAL_R_KEY_REVOKED);
	z = com;
	z.key[0].rdata[0] = 0;
	judge_msg(&m, &z);
	check("no zone key", VAL_BOGUS, VAL_R_KEY_NOT_ZONE);
	z = com;
	z.key[0].rdata[2] = 2;
	judge_msg(&m, &z);
	check("protocol", VAL_BOGUS, VAL_R_KEY_NOT_ZONE);
}

/* ---- life and TTL ---- */

static void test_ttl_caps(void)
{
	struct kit_sign s = by_zone;
	struct kit_rdata rd = kit_a(1);

	s.original_ttl = 300;
	start(&m, "www.com.", DNS_TYPE_A, DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, "www.com.", DNS_TYPE_A, 100000, &rd, 1, &s);
	judge_msg(&m, &com);
	CU_ASSERT_EQUAL(out.ttl_cap_s[0], 300);
	CU_ASSERT_EQUAL(out.ttl_cap_s[1], 300);
	s.original_ttl = 100000;
	start(&m, "www.com.", DNS_TYPE_A, DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, "www.com.", DNS_TYPE_A, 100000, &rd, 1, &s);
	judge_msg(&m, &com);
	CU_ASSERT_EQUAL(out.ttl_cap_s[0], LIFE);
	s.expiration = NOW;
	start(&m, "www.com.", DNS_TYPE_A, DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, "www.com.", DNS_TYPE_A, 100000, &rd, 1, &s);
	judge_msg(&m, &com);
	check("good to the second", VAL_SECURE, VAL_R_NONE);
	CU_ASSERT_EQUAL(out.ttl_cap_s[0], 0);

	build_secure_referral(&m);
	judge_msg(&m, &com);
	CU_ASSERT_EQUAL(out.ttl_cap_s[0], UINT32_MAX); // NS
	CU_ASSERT_EQUAL(out.ttl_cap_s[2], LIFE);       // DS
	CU_ASSERT_EQUAL(out.ttl_cap_s[4], UINT32_MAX); // glue
	build_dname(&m);
	judge_msg(&m, &com);
	CU_ASSERT_EQUAL(out.ttl_cap_s[2], 600); // the made CNAME as its DNAME
}

static void test_lives(void)
{
	struct kit_sign a = by_zone, b = by_zone;

	a.inception = NOW - 10;
	b.expiration = NOW + 10;
	start(&m, "alias.com.", DNS_TYPE_A, DNS_FLAG_AA);
	put_cname(&m, "alias.com.", "www.com.", &a);
	put_a(&m, "www.com.", &b);
	judge_msg(&m, &com);
	check("lives", VAL_SECURE, VAL_R_NONE);
	CU_ASSERT_EQUAL(out.result.newest_inception, NOW - 10);
	CU_ASSERT_EQUAL(out.result.nearest_expiration, NOW + 10);
	CU_ASSERT_EQUAL(out.result.nearest_type, DNS_TYPE_A);
}

/* ---- several signatures, several keys ---- */

/** com.'s key as often as a response has verifications, each time under another tag. */
static struct val_zone_keys many_tags(void)
{
	struct val_zone_keys z = com;

	z.count = VAL_VERIFY_RRSET_MAX;
	for (int i = 0; i < z.count; i++) {
		z.key[i] = com.key[0];
		z.key[i].key_tag ^= (uint16_t)i;
	}
	return z;
}

/**
 * www.com A with `bad` spoilt signatures, `per_tag` by each of many_tags(), and then, if asked, a
 * good one by the tag that is next.
 */
static void build_signatures(int bad, int per_tag, bool good)
{
	struct kit_rdata rd = kit_a(1);
	struct kit_sign sign = by_zone;

	start(&m, "www.com.", DNS_TYPE_A, DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, "www.com.", DNS_TYPE_A, 300, &rd, 1, &unsigned_);
	for (int i = 0; i < bad; i++) {
		sign.tag_xor = (uint16_t)(i / per_tag);
		kit_rrsig(&m, DNS_ANSWER, "www.com.", DNS_TYPE_A, 300, &rd, 1, &sign);
		m.buf[m.len - 1] ^= 1;
	}
	sign.tag_xor = (uint16_t)(bad / per_tag);
	if (good)
		kit_rrsig(&m, DNS_ANSWER, "www.com.", DNS_TYPE_A, 300, &rd, 1, &sign);
}

static void test_signatures_of_one_rrset(void)
{
	struct val_zone_keys z = many_tags();

	build_signatures(1, 1, true);
	CU_ASSERT_EQUAL(judge_msg(&m, &z), 3); // one after the other
	check("a bad one, a good one", VAL_SECURE, VAL_R_NONE);
	build_signatures(VAL_VERIFY_RRSET_MAX - 1, 1, true);
	judge_msg(&m, &z);
	check("as many as we try", VAL_SECURE, VAL_R_NONE);
	build_signatures(VAL_VERIFY_RRSET_MAX, 1, false);
	judge_msg(&m, &z);
	check("all of them bad", VAL_BOGUS, VAL_R_SIG_CRYPTO);
	build_signatures(VAL_VERIFY_RRSET_MAX, 1, true);
	judge_msg(&m, &z);
	check("one more than we hold", VAL_BOGUS, VAL_R_TOO_LARGE);
}

/** A signature that is not in force is passed over, and the next one is verified, nothing else. */
static void test_unfit_then_good(void)
{
	struct kit_sign expired = by_zone;
	struct kit_rdata rd = kit_a(1);

	expired.expiration = NOW - 5;
	start(&m, "www.com.", DNS_TYPE_A, DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, "www.com.", DNS_TYPE_A, 300, &rd, 1, &expired);
	kit_rrsig(&m, DNS_ANSWER, "www.com.", DNS_TYPE_A, 300, &rd, 1, &by_zone);
	CU_ASSERT_EQUAL(judge_msg(&m, &com), 2);
	check("an expired one, a good one", VAL_SECURE, VAL_R_NONE);
}

/** A tag whose signatures failed more often than a collision explains is not tried again. */
static void test_failed_tag(void)
{
	enum { MANY = 100 };

	build_signatures(VAL_FAILED_SAME_TAG_MAX, MANY, true);
	CU_ASSERT_EQUAL(judge_msg(&m, &com), VAL_FAILED_SAME_TAG_MAX + 2);
	check("as often as may be", VAL_SECURE, VAL_R_NONE);
	build_signatures(VAL_FAILED_SAME_TAG_MAX + 1, MANY, true);
	CU_ASSERT_EQUAL(judge_msg(&m, &com), VAL_FAILED_SAME_TAG_MAX + 2);
	check("once more", VAL_BOGUS, VAL_R_SIG_CRYPTO);
	// another tag's is still good
	com.count = 2;
	com.key[1] = com.key[0];
	com.key[1].key_tag ^= 1;
	build_signatures(VAL_FAILED_SAME_TAG_MAX + 1, VAL_FAILED_SAME_TAG_MAX + 1, true);
	judge_msg(&m, &com);
	check("another tag", VAL_SECURE, VAL_R_NONE);
	com.count = 1;
}

/** Whoever judges may allow less. */
static void test_tries_lowered(void)
{
	struct val_zone_keys z = many_tags();

	ctx.tries_max = 2;
	build_signatures(1, 1, true);
	judge_msg(&m, &z);
	check("within", VAL_SECURE, VAL_R_NONE);
	build_signatures(2, 1, true);
	judge_msg(&m, &z);
	check("beyond", VAL_BOGUS, VAL_R_BUDGET);
	ctx.tries_max = 0;
}

/** Which signature's failure is told: the one that came furthest. */
static void test_furthest_reason(void)
{
	struct kit_sign expired = by_zone, unknown = by_zone;
	struct kit_rdata rd = kit_a(1);

	expired.expiration = NOW - 5;
	unknown.tag_xor = 1;
	for (int swap = 0; swap < 2; swap++) {
		start(&m, "www.com.", DNS_TYPE_A, DNS_FLAG_AA);
		kit_rrset(&m, DNS_ANSWER, "www.com.", DNS_TYPE_A, 300, &rd, 1, &unsigned_);
		kit_rrsig(&m, DNS_ANSWER, "www.com.", DNS_TYPE_A, 300, &rd, 1,
			swap ? &unknown : &expired);
		kit_rrsig(&m, DNS_ANSWER, "www.com.", DNS_TYPE_A, 300, &rd, 1,
			swap ? &expired : &unknown);
		judge_msg(&m, &com);
		check("furthest", VAL_BOGUS, VAL_R_SIG_EXPIRED);
		CU_ASSERT_EQUAL(out.result.expiration, NOW - 5);
	}
}

/** Other keys with the zone key's tag in front of it. The judge goes by the tag it is told. */
static void test_same_tag(void)
{
	struct val_zone_keys z = com;
	struct kit_rdata rd = kit_a(1);

	for (int others = 1; others <= VAL_KEYS_SAME_TAG_MAX; others++) {
		z.count = (uint8_t)(others + 1);
		z.key[others] = com.key[0];
		z.key[others - 1] = com.key[0];
		memcpy(z.key[others - 1].rdata, stranger.rdata, stranger.rdata_len);
		start(&m, "www.com.", DNS_TYPE_A, DNS_FLAG_AA);
		kit_rrset(&m, DNS_ANSWER, "www.com.", DNS_TYPE_A, 300, &rd, 1, NULL);
		judge_msg(&m, &z);
		if (others < VAL_KEYS_SAME_TAG_MAX)
			check("within", VAL_SECURE, VAL_R_NONE);
		else
			check("beyond", VAL_BOGUS, VAL_R_SIG_CRYPTO);
	}
	// two keys each: half as many signatures reach the limit
	z = many_tags();
	memcpy(z.key + z.count, z.key, z.count * sizeof(z.key[0]));
	for (int i = 0; i < z.count; i++)
		memcpy(z.key[i].rdata, stranger.rdata, stranger.rdata_len);
	z.count *= 2;
	build_signatures(VAL_VERIFY_RRSET_MAX / 2, 1, false);
	judge_msg(&m, &z);
	check("pairs at the limit", VAL_BOGUS, VAL_R_SIG_CRYPTO);
	build_signatures(VAL_VERIFY_RRSET_MAX / 2 + 1, 1, false);
	judge_msg(&m, &z);
	check("pairs beyond", VAL_BOGUS, VAL_R_BUDGET);
}

/* ---- budgets ---- */

static void build_many(int sets)
{
	struct kit_rdata rd = kit_a(1);

	start(&m, "www.com.", DNS_TYPE_ANY, DNS_FLAG_AA);
	for (int i = 0; i < sets; i++)
		kit_rrset(&m, DNS_ANSWER, "www.com.", (uint16_t)(1000 + i), 300, &rd, 1, NULL);
}

static void test_response_budget(void)
{
	build_many(VAL_VERIFY_RESPONSE_MAX);
	CU_ASSERT_EQUAL(judge_msg(&m, &com), 2);
	check("as many as we verify", VAL_SECURE, VAL_R_NONE);
	build_many(VAL_VERIFY_RESPONSE_MAX + 1);
	judge_msg(&m, &com);
	check("one more", VAL_BOGUS, VAL_R_BUDGET);
}

/** The transaction's budget lives on across responses. */
static void test_budget_not_reset(void)
{
	static struct dns_msg msg;
	size_t len;
	uint8_t *bytes;

	start(&m, "www.com.", DNS_TYPE_A, DNS_FLAG_AA);
	put_a(&m, "www.com.", NULL);
	bytes = kit_finish(&m, &len);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, bytes, len), 0);
	for (uint8_t used = VAL_VERIFY_RESPONSE_MAX - 1; used <= VAL_VERIFY_RESPONSE_MAX; used++) {
		struct val_checks checks = {.count = 7, .verified = used};
		struct asked a = {.late = true};

		val_checks_next_response(&checks);
		judge(&msg, &com, &checks, &a);
		if (used < VAL_VERIFY_RESPONSE_MAX)
			check("the last", VAL_SECURE, VAL_R_NONE);
		else
			check("none left", VAL_BOGUS, VAL_R_BUDGET);
		CU_ASSERT_EQUAL(checks.verified, VAL_VERIFY_RESPONSE_MAX);
	}
	free(bytes);
}

static void test_want_refused(void)
{
	static struct dns_msg msg;
	struct val_checks checks = {.count = 0};
	struct asked a = {.refuse = true};
	size_t len;
	uint8_t *bytes;

	build_nx_nsec3(&m);
	bytes = kit_finish(&m, &len);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, bytes, len), 0);
	judge(&msg, &com, &checks, &a);
	check("refused", VAL_BOGUS, VAL_R_BUDGET);
	CU_ASSERT_EQUAL(checks.count, 0);
	CU_ASSERT_EQUAL(checks.verified, 0);
	free(bytes);
}

/** While checks run, the same is not wanted twice; outcomes that come one by one change nothing but
 * themselves. */
static void test_pending(void)
{
	static struct dns_msg msg;
	struct val_checks checks = {.count = 0};
	struct asked a = {.late = true, .checks = &checks};
	size_t len;
	uint8_t *bytes;

	build_nx_nsec3(&m);
	bytes = kit_finish(&m, &len);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, bytes, len), 0);
	val_response_judge(&ctx, &msg, &com, NOW, &checks, want, &a, &out);
	CU_ASSERT_EQUAL(out.result.verdict, VAL_PENDING);
	CU_ASSERT_EQUAL(out.kind, VAL_KIND_NXDOMAIN);
	CU_ASSERT_EQUAL(checks.count, m.sets);
	for (int i = checks.count - 1; i >= 0; i--) {
		val_response_judge(&ctx, &msg, &com, NOW, &checks, want, &a, &out);
		CU_ASSERT_EQUAL(out.result.verdict, VAL_PENDING);
		CU_ASSERT_EQUAL(a.count, m.sets);
		checks.item[i].state = a.state[i];
	}
	val_response_judge(&ctx, &msg, &com, NOW, &checks, want, &a, &out);
	check("all good", VAL_SECURE, VAL_R_NONE);
	checks.item[1].state = VAL_SIG_BAD;
	val_response_judge(&ctx, &msg, &com, NOW, &checks, want, &a, &out);
	check("one bad", VAL_BOGUS, VAL_R_SIG_CRYPTO);
	// time is judged although every check stands
	checks.item[1].state = VAL_SIG_GOOD;
	val_response_judge(&ctx, &msg, &com, NOW + LIFE + 1, &checks, want, &a, &out);
	check("later", VAL_BOGUS, VAL_R_SIG_EXPIRED);
	free(bytes);
}

static void test_cache(void)
{
	static struct dns_msg msg;
	struct val_sigcache *cache;
	struct asked a = {.late = true};
	struct val_checks checks = {.count = 0};
	size_t len;
	uint8_t *bytes;
	int wanted;

	CU_ASSERT_EQUAL_FATAL(val_sigcache_new(1024, -1, &cache), 0);
	ctx.cache = cache;
	a.cache = cache;
	build_nx_nsec3(&m);
	bytes = kit_finish(&m, &len);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, bytes, len), 0);
	judge(&msg, &com, &checks, &a);
	wanted = a.count;
	CU_ASSERT_EQUAL(wanted, m.sets);
	checks = (struct val_checks){.count = 0};
	CU_ASSERT_EQUAL(judge(&msg, &com, &checks, &a), 1);
	check("from the cache", VAL_SECURE, VAL_R_NONE);
	CU_ASSERT_EQUAL(a.count, wanted);
	val_response_judge(&ctx, &msg, &com, NOW + LIFE + 1, &checks, want, &a, &out);
	check("from the cache, over", VAL_BOGUS, VAL_R_SIG_EXPIRED);
	free(bytes);

	// more RRsets than one response may have verified, but the cache knows them
	for (int extra = 0; extra < 2; extra++) {
		build_many(VAL_RRSETS_MAX + extra);
		bytes = kit_finish(&m, &len);
		CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, bytes, len), 0);
		for (int round = 0; round < 3; round++) {
			checks = (struct val_checks){.count = 0};
			judge(&msg, &com, &checks, &a);
		}
		if (extra == 0)
			check("RRsets at the limit", VAL_SECURE, VAL_R_NONE);
		else
			check("RRsets beyond", VAL_BOGUS, VAL_R_BUDGET);
		free(bytes);
	}
	ctx.cache = NULL;
	val_sigcache_free(cache);
}

/** The answer judged with a set of keys. @return signatures that had to be verified */
static int verified_with(
	const struct dns_msg *msg, const struct val_zone_keys *z, struct val_sigcache *cache)
{
	struct asked a = {.late = true, .cache = cache};
	struct val_checks checks = {.count = 0};

	judge(msg, z, &checks, &a);
	return a.count;
}

/** What the cache holds is believed only while the key is in the set: the set's generation needs
 * no comparison. */
static void test_keys_go_and_come_back(void)
{
	static struct dns_msg msg;
	struct val_zone_keys z = com;
	struct kit_rdata rd = kit_a(1);
	struct val_sigcache *cache;
	uint64_t hits;
	size_t len;
	uint8_t *bytes;

	CU_ASSERT_EQUAL_FATAL(val_sigcache_new(1024, -1, &cache), 0);
	ctx.cache = cache;
	start(&m, "www.com.", DNS_TYPE_A, DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, "www.com.", DNS_TYPE_A, 300, &rd, 1, &by_zone);
	bytes = kit_finish(&m, &len);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, bytes, len), 0);
	CU_ASSERT_EQUAL(verified_with(&msg, &z, cache), 1);
	check("the first time", VAL_SECURE, VAL_R_NONE);

	hits = ctx.cache_hits;
	kit_zone_keys(&z, "com.", (const struct kit_key *const[]){&stranger}, 1, NOW);
	z.generation = 2;
	CU_ASSERT_EQUAL(verified_with(&msg, &z, cache), 0);
	check("the key is gone", VAL_BOGUS, VAL_R_KEY_MISSING);
	z.key[0].key_tag = com.key[0].key_tag;
	CU_ASSERT_EQUAL(verified_with(&msg, &z, cache), 1);
	check("another of the same tag", VAL_BOGUS, VAL_R_SIG_CRYPTO);
	z.key[0] = com.key[0];
	z.key[0].rdata[1] |= DNS_DNSKEY_FLAG_REVOKE;
	CU_ASSERT_EQUAL(verified_with(&msg, &z, cache), 0);
	check("revoked", VAL_BOGUS, VAL_R_KEY_REVOKED);
	CU_ASSERT_EQUAL(ctx.cache_hits, hits);

	kit_zone_keys(&z, "com.", (const struct kit_key *const[]){&stranger, &zsk}, 2, NOW);
	z.generation = 3;
	CU_ASSERT_EQUAL(verified_with(&msg, &z, cache), 0);
	check("back, beside a new one", VAL_SECURE, VAL_R_NONE);
	CU_ASSERT_EQUAL(ctx.cache_hits, hits + 1);
	free(bytes);
	ctx.cache = NULL;
	val_sigcache_free(cache);
}

/** A verifier whose word goes into the cache with a time that the RRSIG has not. */
static int want_wrong_times(void *arg, const struct val_want *w)
{
	struct val_want other = *w;
	struct asked *a = arg;

	if (a->count == 0)
		other.expiration++;
	return want(arg, &other);
}

static void test_times_of_a_hit(void)
{
	static struct dns_msg msg;
	struct kit_rdata rd = kit_a(1);
	struct asked a = {.late = true};
	struct val_checks checks = {.count = 0};
	struct val_sigcache *cache;
	size_t len;
	uint8_t *bytes;

	CU_ASSERT_EQUAL_FATAL(val_sigcache_new(1024, -1, &cache), 0);
	ctx.cache = a.cache = cache;
	a.checks = &checks;
	start(&m, "www.com.", DNS_TYPE_A, DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, "www.com.", DNS_TYPE_A, 300, &rd, 1, &by_zone);
	bytes = kit_finish(&m, &len);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, bytes, len), 0);
	for (int round = 0; round < 3; round++) {
		checks = (struct val_checks){.count = 0}; // nothing but the cache remembers
		val_response_judge(&ctx, &msg, &com, NOW, &checks, want_wrong_times, &a, &out);
		CU_ASSERT_EQUAL(a.count, round < 2 ? round + 1 : 2);
		check("hit", round < 2 ? VAL_PENDING : VAL_SECURE, VAL_R_NONE);
	}
	free(bytes);
	ctx.cache = NULL;
	val_sigcache_free(cache);
}

/* What `skew` allows is allowed with and without the cache, and not a second more. */
static void test_skew_of_a_hit(void)
{
	static const struct {
		const char *name;
		uint32_t now;
		enum val_reason expect;
	} moments[] = {
		{"skew at the beginning", NOW - AGE - 20, VAL_R_NONE},
		{"a second beyond it", NOW - AGE - 21, VAL_R_SIG_NOT_YET_VALID},
		{"skew at the end", NOW + LIFE + 10, VAL_R_NONE},
		{"a second beyond that", NOW + LIFE + 11, VAL_R_SIG_EXPIRED},
	};
	static struct dns_msg msg;
	struct kit_rdata rd = kit_a(1);
	struct val_sigcache *cache;
	size_t len;
	uint8_t *bytes;

	CU_ASSERT_EQUAL_FATAL(val_sigcache_new(1024, -1, &cache), 0);
	start(&m, "www.com.", DNS_TYPE_A, DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, "www.com.", DNS_TYPE_A, 300, &rd, 1, &by_zone);
	bytes = kit_finish(&m, &len);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, bytes, len), 0);
	ctx.skew = (struct val_skew){20, 10};
	for (int hot = 0; hot < 2; hot++) {
		struct val_checks checks = {.count = 0};
		struct asked a = {.checks = &checks, .cache = hot ? cache : NULL};
		uint64_t hits;

		ctx.cache = hot ? cache : NULL;
		if (hot) // known from here on
			val_response_judge(&ctx, &msg, &com, NOW, &checks, want, &a, &out);
		hits = ctx.cache_hits;
		for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
			bool good = moments[i].expect == VAL_R_NONE;

			checks = (struct val_checks){.count = 0};
			val_response_judge(
				&ctx, &msg, &com, moments[i].now, &checks, want, &a, &out);
			if (out.result.verdict == VAL_PENDING) // verified meanwhile
				val_response_judge(
					&ctx, &msg, &com, moments[i].now, &checks, want, &a, &out);
			check(moments[i].name, good ? VAL_SECURE : VAL_BOGUS, moments[i].expect);
		}
		CU_ASSERT_EQUAL(a.count, hot ? 1 : 2);
		CU_ASSERT_EQUAL(ctx.cache_hits - hits, hot ? 2 : 0);
	}
	ctx.skew = (struct val_skew){0, 0};
	ctx.cache = NULL;
	free(bytes);
	val_sigcache_free(cache);
}

static void build_long_chain(int steps)
{
	char from[64], to[64];
	struct kit_sign s = by_zone;

	start(&m, "c0.com.", DNS_TYPE_A, DNS_FLAG_AA);
	for (int i = 0; i < steps; i++) {
		snprintf(from, sizeof(from), "c%d.com.", i);
		snprintf(to, sizeof(to), "c%d.com.", i + 1);
		put_cname(&m, from, to, &s);
	}
	snprintf(from, sizeof(from), "c%d.com.", steps);
	put_a(&m, from, &s);
}

static void test_chain_limit(void)
{
	struct val_sigcache *cache;

	CU_ASSERT_EQUAL_FATAL(val_sigcache_new(1024, -1, &cache), 0);
	ctx.cache = cache;
	for (int extra = 0; extra < 2; extra++) {
		static struct dns_msg msg;
		struct asked a = {.late = true, .cache = cache};
		struct val_checks checks;
		size_t len;
		uint8_t *bytes;

		build_long_chain(VAL_CHAIN_MAX + extra);
		bytes = kit_finish(&m, &len);
		CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, bytes, len), 0);
		for (int round = 0; round < 3; round++) {
			checks = (struct val_checks){.count = 0};
			judge(&msg, &com, &checks, &a);
		}
		if (extra == 0)
			check("steps at the limit", VAL_SECURE, VAL_R_NONE);
		else
			check("steps beyond", VAL_BOGUS, VAL_R_DENIAL_MISSING);
		free(bytes);
	}
	ctx.cache = NULL;
	val_sigcache_free(cache);
}

/** Each bit of three messages turned over: no crash, no read outside, and the call ends. */
static void test_bit_flips(void)
{
	static const int which[] = {0, 4, 7};
	static struct dns_msg msg;

	for (size_t w = 0; w < sizeof(which) / sizeof(which[0]); w++) {
		size_t len;
		uint8_t *bytes;

		rows[which[w]].build(&m);
		bytes = kit_finish(&m, &len);
		for (size_t bit = 0; bit < len * 8; bit++) {
			struct val_checks checks = {.count = 0};
			struct asked a = {
				.refuse = (bit & 1) != 0, .late = true, .checks = &checks};

			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (dns_msg_parse(&msg, bytes, len) == 0)
				val_response_judge(&ctx, &msg, &com, NOW, &checks, want, &a, &out);
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		free(bytes);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"each kind of answer", test_kinds},
		{"each RRset dropped", test_each_rrset_dropped},
		{"each signature harmed", test_each_signature_harmed},
		{"NSEC3 iterations at the limit and above", test_iterations},
		{"each RRset changed", test_data_changed},
		{"expired NSEC3", test_expired_nsec3},
		{"errors, lame answers, zones without keys", test_not_judged},
		{"foreign data", test_foreign_data},
		{"DS of the zone itself", test_own_ds},
		{"expanded NSEC", test_expanded_nsec},
		{"key flags", test_key_flags},
		{"TTL caps", test_ttl_caps},
		{"newest inception, nearest expiration", test_lives},
		{"signatures of one RRset", test_signatures_of_one_rrset},
		{"an unfit signature before a good one", test_unfit_then_good},
		{"a tag that failed", test_failed_tag},
		{"fewer tries", test_tries_lowered},
		{"furthest reason", test_furthest_reason},
		{"keys of one tag", test_same_tag},
		{"response budget", test_response_budget},
		{"budget is not reset", test_budget_not_reset},
		{"want refused", test_want_refused},
		{"pending", test_pending},
		{"cache", test_cache},
		{"keys go and come back", test_keys_go_and_come_back},
		{"times of a hit", test_times_of_a_hit},
		{"skew of a hit", test_skew_of_a_hit},
		{"chain limit", test_chain_limit},
		{"bit flips", test_bit_flips},
		CU_TEST_INFO_NULL,
	};
	int failed;

	world_open();
	failed = test_run("validator/response", tests);
	world_close();
	return failed;
}
