// What hostile zones cost good traffic: one worker that also verifies, the worst arrangement.
//
// Good traffic goes as fast as the worker takes it: names of the root zone, whose signatures the
// cache knows. In every other round answers of a hostile com. come in between, 10,000 for each
// second that the worker works. The clock is the worker's own work: cycles spent in
// dp_worker_burst() and nothing else, so what clients, upstreams and signers cost here does not
// count, and whatever a hostile answer costs is taken from good ones. Figures are good answers per
// second of work with the attack over those without, rounds interleaved, the median.
//
//   bench_attacks [ROUNDS [MS [NAME]]]    exit code 1 when a ratio is below 0.90
//
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <rte_cycles.h>

#include "dns/rdata.h"
#include "tests/bench/bench.h"
#include "tests/unit/dataplane/stage.h"
#include "tests/unit/run.h"
#include "validator/denial.h"
#include "validator/sig.h"

enum {
	ATTACKS_PER_S = 10000, // answers
	BATCH = 32,
	GOOD_NAMES = 256,
	HOSTILE_KEYS = VAL_ZONE_KEYS_MAX,
	TTL = 300,
	ROUNDS_MAX = 64,
	QUIET = 4, // a round without attack is shorter: debts are paid off in it, too
};
#define RATIO_MIN 0.90

/* ---- hostile zones ---- */

struct hostile_key {
	uint16_t tag, len;
	uint8_t rdata[VAL_KEY_MAX];
};

static struct hostile_key hostile[HOSTILE_KEYS];
static struct kit_key honest; // of the hostile zone: what signs NSEC3 that must be good
static uint8_t hostile_alg;
static uint64_t serial, zone_serial;
static uint16_t iterations;
static uint8_t salt_len;

/** A live key, its tag bent by the flags that nobody reads (RFC 4034 s2.1.1: ignored). */
static void make_key(struct hostile_key *k, const char *curve, uint8_t alg, uint16_t tag)
{
	for (;;) {
		EVP_PKEY *pkey = EVP_EC_gen(curve);
		uint8_t point[140];
		size_t len = 0;

		if (pkey == NULL || EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY,
					    point, sizeof(point), &len) != 1)
			abort();
		EVP_PKEY_free(pkey);
		memset(k, 0, sizeof(*k));
		k->rdata[2] = 3;
		k->rdata[3] = alg;
		memcpy(k->rdata + 4, point + 1, len - 1);
		k->len = (uint16_t)(4 + len - 1);
		for (unsigned flags = DNS_DNSKEY_FLAG_ZONE; flags < 0x10000; flags++) {
			if (!(flags & DNS_DNSKEY_FLAG_ZONE) || (flags & DNS_DNSKEY_FLAG_REVOKE))
				continue;
			dns_put16(k->rdata, (uint16_t)flags);
			k->tag = dns_key_tag(k->rdata, k->len);
			if (k->tag == tag)
				return;
		}
	}
}

/** `tags` different key tags, the keys shared out among them. */
static void make_keys(const char *curve, uint8_t alg, unsigned tags)
{
	hostile_alg = alg;
	for (unsigned i = 0; i < HOSTILE_KEYS; i++)
		make_key(&hostile[i], curve, alg, (uint16_t)(1000 + i % tags));
}

static void keys_apart(void)
{
	make_keys("P-256", VAL_ALG_P256, HOSTILE_KEYS);
}

static void keys_apart_384(void)
{
	make_keys("P-384", VAL_ALG_P384, HOSTILE_KEYS);
}

static void keys_pairs(void)
{
	make_keys("P-256", VAL_ALG_P256, HOSTILE_KEYS / 2);
}

static void keys_one_tag(void)
{
	make_keys("P-256", VAL_ALG_P256, 1);
}

/** An RRSIG that fits in every respect but for its arithmetic. */
static void put_false_sig(struct kit_msg *m, enum dns_section s, const char *owner, int labels,
	uint16_t type, uint16_t tag)
{
	size_t sig_len = hostile_alg == VAL_ALG_P384 ? 96 : 64;
	uint8_t rdata[DNS_RRSIG_FIXED_LEN + 5 + 96];
	struct dns_name signer;

	kit_wire("com.", &signer);
	dns_put16(rdata, type);
	rdata[2] = hostile_alg;
	rdata[3] = (uint8_t)labels;
	dns_put32(rdata + 4, TTL);
	dns_put32(rdata + 8, stage.now_s + 86400);
	dns_put32(rdata + 12, stage.now_s - 3600);
	dns_put16(rdata + 16, tag);
	memcpy(rdata + DNS_RRSIG_FIXED_LEN, signer.octets, signer.len);
	for (size_t i = 0; i < sig_len; i++) // r and s in range: all the arithmetic is done
		rdata[DNS_RRSIG_FIXED_LEN + signer.len + i] = (uint8_t)(rand() & 0x7f);
	kit_rr(m, s, owner, DNS_TYPE_RRSIG, TTL, rdata, DNS_RRSIG_FIXED_LEN + signer.len + sig_len);
}

/** A signed answer with false RRSIGs, each by another tag if there are. */
static void false_sigs(struct kit_msg *m, const char *qname, unsigned count)
{
	struct kit_rdata a = kit_a(0xc0000299);

	kit_rr(m, DNS_ANSWER, qname, DNS_TYPE_A, TTL, a.octets, a.len);
	for (unsigned i = 0; i < count; i++)
		put_false_sig(m, DNS_ANSWER, qname, 2, DNS_TYPE_A, hostile[i].tag);
}

/** As many as are looked at, with one key each or... */
static void answer_8_sigs(struct kit_msg *m, const char *qname)
{
	false_sigs(m, qname, VAL_VERIFY_RRSET_MAX);
}

/** ...with two. */
static void answer_4_sigs(struct kit_msg *m, const char *qname)
{
	false_sigs(m, qname, VAL_VERIFY_RRSET_MAX / VAL_KEYS_SAME_TAG_MAX);
}

/** NXDOMAIN with an NSEC3 of the wanted iterations and salt: its signature is good. */
static void put_nsec3(struct kit_msg *m)
{
	static const char owner[] = "0123456789abcdefghijklmnopqrstuv.com.";
	struct kit_sign sign = {
		.key = &honest,
		.signer = "com.",
		.labels = -1,
		.original_ttl = TTL,
		.inception = stage.now_s - 3600,
		.expiration = stage.now_s + 86400,
	};
	struct kit_rdata n = {.len = 0};

	n.octets[n.len++] = VAL_NSEC3_HASH_SHA1;
	n.octets[n.len++] = 0;
	dns_put16(n.octets + n.len, iterations);
	n.len += 2;
	n.octets[n.len++] = salt_len;
	n.len += salt_len;
	n.octets[n.len++] = 20;
	memset(n.octets + n.len, 0x77, 20);
	n.len += 20;
	kit_rrset(m, DNS_AUTHORITY, owner, DNS_TYPE_NSEC3, TTL, &n, 1, &sign);
}

/** The same record and signature in every answer, as a signed zone has them. */
static void answer_nsec3(struct kit_msg *m, const char *qname)
{
	static struct kit_msg made;
	static uint64_t made_for;
	size_t at;

	(void)qname;
	if (made_for != zone_serial) {
		kit_init(&made, ".", DNS_TYPE_A, 0);
		put_nsec3(&made);
		made_for = zone_serial;
	}
	at = DNS_HEADER_LEN + 1 + DNS_TYPE_LEN + DNS_CLASS_LEN;
	memcpy(m->buf + m->len, made.buf + at, made.len - at);
	m->len += made.len - at;
	m->counts[1 + DNS_AUTHORITY] = made.counts[1 + DNS_AUTHORITY];
}

/** A new signature every time, good: work that every validator has with every new answer. */
static void answer_fresh(struct kit_msg *m, const char *qname)
{
	(void)qname;
	put_nsec3(m);
}

static void keys_honest(void)
{
	hostile_alg = VAL_ALG_P256;
	for (unsigned i = 0; i < HOSTILE_KEYS; i++)
		make_key(&hostile[i], "P-256", VAL_ALG_P256, (uint16_t)(1000 + i));
	kit_key_free(&honest);
	kit_key_new(&honest, DNS_DNSKEY_FLAG_ZONE);
	hostile[0].tag = honest.tag;
	hostile[0].len = honest.rdata_len;
	memcpy(hostile[0].rdata, honest.rdata, honest.rdata_len);
}

struct attack {
	const char *name;
	void (*keys)(void);
	void (*answer)(struct kit_msg *m, const char *qname);
	uint16_t flags, iterations;
	uint8_t salt_len;
	bool deep;    // names of as many labels as there can be
	bool limited; // the ratio is to hold; else it is only told
};

static const struct attack attacks[] = {
	{"KeyTrap: 8 signatures, 8 keys, P-256", keys_apart, answer_8_sigs, DNS_FLAG_AA, 0, 0,
		false, true},
	{"KeyTrap: 8 signatures, 8 keys, P-384", keys_apart_384, answer_8_sigs, DNS_FLAG_AA, 0, 0,
		false, true},
	{"KeyTrap: 4 tags of 2 keys, P-256", keys_pairs, answer_4_sigs, DNS_FLAG_AA, 0, 0, false,
		true},
	{"KeyTrap: 8 tags of 2 keys, P-256", keys_pairs, answer_8_sigs, DNS_FLAG_AA, 0, 0, false,
		true},
	{"16 keys of one tag, 4 signatures", keys_one_tag, answer_4_sigs, DNS_FLAG_AA, 0, 0, false,
		true},
	{"NSEC3, 65,535 iterations", keys_honest, answer_nsec3, DNS_FLAG_AA | DNS_RCODE_NXDOMAIN,
		65535, 255, true, true},
	{"NSEC3, 2,500 iterations", keys_honest, answer_nsec3, DNS_FLAG_AA | DNS_RCODE_NXDOMAIN,
		2500, 0, true, true},
	{"NSEC3, 50 iterations, long salt", keys_honest, answer_nsec3,
		DNS_FLAG_AA | DNS_RCODE_NXDOMAIN, 50, 255, true, true},
	{"NSEC3, 50 iterations, no salt", keys_honest, answer_nsec3,
		DNS_FLAG_AA | DNS_RCODE_NXDOMAIN, 50, 0, true, true},
	{"NSEC3, no iterations, 120 labels", keys_honest, answer_nsec3,
		DNS_FLAG_AA | DNS_RCODE_NXDOMAIN, 0, 0, true, true},
	{"new good signatures (no limit)", keys_honest, answer_fresh,
		DNS_FLAG_AA | DNS_RCODE_NXDOMAIN, 65535, 0, false, false},
};

static const struct attack *attack;
static unsigned rounds = 9, ms = 100;
static const char *only; // attacks with this in their name

/** The zones as workers see them: the root good, com. hostile. */
static void publish_keys(void)
{
	static struct val_zone_keys zones[2];
	const struct kit_key *key = &stage.key;
	struct val_keys *before = stage.keys;

	kit_zone_keys(&zones[0], ".", &key, 1, stage.now_s);
	kit_zone_keys(&zones[1], "com.", NULL, 0, stage.now_s);
	zones[1].generation = (uint32_t)++zone_serial;
	zones[1].count = HOSTILE_KEYS;
	for (unsigned i = 0; i < HOSTILE_KEYS; i++) {
		struct val_key *k = &zones[1].key[i];

		k->rdata_len = hostile[i].len;
		k->key_tag = hostile[i].tag;
		k->algorithm = hostile_alg;
		memcpy(k->rdata, hostile[i].rdata, hostile[i].len);
	}
	if (val_keys_new(zones, 2, &stage.keys) != 0)
		abort();
	stage_publish(NULL, NULL);
	stage_turn();
	val_keys_free(before);
}

/* ---- good traffic ---- */

static struct {
	char name[32];
	size_t len;
	uint8_t *dns;
} good[GOOD_NAMES];

static void make_good(void)
{
	struct kit_sign sign = {
		.key = &stage.key,
		.signer = ".",
		.labels = -1,
		.original_ttl = TTL,
		.inception = stage.now_s - 3600,
		.expiration = stage.now_s + 86400,
	};

	for (unsigned i = 0; i < GOOD_NAMES; i++) {
		struct kit_rdata a = kit_a(i);
		struct kit_msg m;

		snprintf(good[i].name, sizeof(good[i].name), "g%u.good.", i);
		kit_init(&m, good[i].name, DNS_TYPE_A, DNS_FLAG_AA);
		kit_rrset(&m, DNS_ANSWER, good[i].name, DNS_TYPE_A, TTL, &a, 1, &sign);
		good[i].dns = kit_finish(&m, &good[i].len);
	}
}

/* ---- rounds ---- */

struct round {
	uint64_t cycles, good, hostile_answers, hostile_queries, hostile_refused;
};

/** CPU time of this thread in cycles: whoever else runs on the core does not count. */
static uint64_t work_cycles(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)(((double)t.tv_sec + (double)t.tv_nsec * 1e-9) * (double)rte_get_tsc_hz());
}

static void turn(struct round *r)
{
	uint64_t begin = work_cycles(), spent;

	dp_worker_burst(stage.dp->worker[0], stage.cycles);
	spent = work_cycles() - begin;
	stage.cycles += spent;
	r->cycles += spent;
}

static void ask_good(unsigned i)
{
	struct stage_query q = {.qname = good[i % GOOD_NAMES].name,
		.id = (uint16_t)i,
		.edns = true,
		.do_bit = true};
	struct stage_packet p;

	stage_query_packet(&q, &p);
	stage_send(STAGE_CLIENTS, &p);
}

static void ask_hostile(struct round *r)
{
	static const char labels[] = "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
				     "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
				     "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
				     "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
				     "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.";
	char name[256];
	struct stage_query q = {.qname = name, .edns = true, .do_bit = true};
	struct stage_packet p;

	snprintf(name, sizeof(name), "%sx%lu.com.", attack->deep ? labels : "",
		(unsigned long)++serial);
	stage_query_packet(&q, &p);
	stage_send(STAGE_CLIENTS, &p);
	r->hostile_queries++;
}

static void reply_hostile(const struct stage_packet *query)
{
	struct stage_packet p = stage_answer_to(query);
	const char *qname = stage_qname(query);
	struct kit_msg m;
	uint8_t *dns;

	kit_init(&m, qname, DNS_TYPE_A, attack->flags);
	attack->answer(&m, qname);
	dns = kit_finish(&m, &p.len);
	if (p.len > sizeof(p.dns))
		abort();
	memcpy(p.dns, dns, p.len);
	free(dns);
	memcpy(p.dns, query->dns, 2);
	stage_send(STAGE_UPSTREAM, &p);
}

static void reply_good(const struct stage_packet *query)
{
	struct stage_packet p = stage_answer_to(query);
	unsigned i = (unsigned)atoi(stage_qname(query) + 1) % GOOD_NAMES;

	p.len = good[i].len;
	memcpy(p.dns, good[i].dns, p.len);
	memcpy(p.dns, query->dns, 2);
	stage_send(STAGE_UPSTREAM, &p);
}

static void upstreams(struct round *r)
{
	struct stage_packet p;

	while (stage_take(STAGE_UPSTREAM, &p)) {
		if (stage_qname(&p)[0] == 'g') {
			reply_good(&p);
		} else {
			reply_hostile(&p);
			r->hostile_answers++;
		}
	}
}

static void clients(struct round *r)
{
	struct stage_packet p;

	while (stage_take(STAGE_CLIENTS, &p)) {
		uint16_t rcode = dns_get16(p.dns + DNS_OFF_FLAGS) & DNS_FLAG_RCODE_MASK;

		if (stage_qname(&p)[0] != 'g')
			r->hostile_refused += rcode == DNS_RCODE_SERVFAIL;
		else if (rcode == DNS_RCODE_NOERROR)
			r->good++;
	}
}

/** Work for `ms` milliseconds of the worker's time, or a part of it. */
static struct round run(unsigned part, bool attacked)
{
	struct round r = {0};
	uint64_t hz = rte_get_tsc_hz(), end = hz / 1000 * ms / part;
	unsigned next = 0;

	while (r.cycles < end) {
		for (unsigned i = 0; i < BATCH; i++)
			ask_good(next++);
		// One query makes several answers, a site each.
		for (unsigned i = 0; attacked && i < BATCH &&
				     r.hostile_answers + i < r.cycles * ATTACKS_PER_S / hz;
			i++)
			ask_hostile(&r);
		for (unsigned i = 0; i < 4; i++) {
			turn(&r);
			upstreams(&r);
			clients(&r);
		}
	}
	return r;
}

/** What a round left behind is not the next one's. */
static void settle(void)
{
	struct round r = {0};
	uint64_t before;

	do {
		before = r.hostile_answers;
		for (unsigned i = 0; i < 64; i++) {
			turn(&r);
			upstreams(&r);
			clients(&r);
		}
	} while (r.hostile_answers != before);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double measure(const struct attack *a)
{
	double ratio[ROUNDS_MAX];
	struct round quiet = {0}, loud = {0};

	attack = a;
	iterations = a->iterations;
	salt_len = a->salt_len;
	a->keys();
	publish_keys();
	run(1, true); // the state that lasts: no account has credit left
	settle();
	run(QUIET, false);
	for (unsigned i = 0; i < rounds; i++) {
		struct round q = run(QUIET, false), l = run(1, true);

		settle();

		ratio[i] =
			((double)l.good / (double)l.cycles) / ((double)q.good / (double)q.cycles);
		quiet.good += q.good;
		quiet.cycles += q.cycles;
		loud.good += l.good;
		loud.cycles += l.cycles;
		loud.hostile_answers += l.hostile_answers;
		loud.hostile_queries += l.hostile_queries;
		loud.hostile_refused += l.hostile_refused;
	}
	qsort(ratio, rounds, sizeof(ratio[0]), by_value);
	printf("%-38s %5.3f  [%5.3f %5.3f]  %8.0f  %8.0f  %7.0f  %6.2f\n", a->name,
		ratio[rounds / 2], ratio[0], ratio[rounds - 1],
		(double)quiet.good / (double)quiet.cycles * (double)rte_get_tsc_hz(),
		((double)loud.cycles -
			(double)loud.good * (double)quiet.cycles / (double)quiet.good) /
			(double)(loud.hostile_answers + (loud.hostile_answers == 0)),
		(double)loud.hostile_answers / ((double)loud.cycles / (double)rte_get_tsc_hz()),
		(double)loud.hostile_refused /
			(double)(loud.hostile_queries + (loud.hostile_queries == 0)));
	return ratio[rounds / 2];
}

/** In a test, for the stage asserts. */
static void measure_all(void)
{
	struct stage_spec spec = {.transactions = 4096,
		.waiters = 8192,
		.status = VAL_ZONE_SECURE,
		.sigcache = 65536};

	stage_open(&spec);
	kit_key_new(&honest, DNS_DNSKEY_FLAG_ZONE);
	make_good();
	printf("\ngood answers with %u attack answers a second over those without: median of %u "
	       "rounds of %u ms\n",
		(unsigned)ATTACKS_PER_S, rounds, ms);
	printf("%-38s %5s  %-15s  %8s  %8s  %7s  %6s\n", "attack", "ratio", "[least  most]",
		"good/s", "cycles/a", "a/s", "failed");
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++)
		if (only == NULL || strstr(attacks[i].name, only) != NULL)
			CU_ASSERT(measure(&attacks[i]) >= RATIO_MIN || !attacks[i].limited);
	for (unsigned i = 0; i < GOOD_NAMES; i++)
		free(good[i].dns);
	kit_key_free(&honest);
	stage_end();
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {{"attacks", measure_all}, CU_TEST_INFO_NULL};

	if (argc > 1)
		rounds = (unsigned)atoi(argv[1]);
	if (argc > 2)
		ms = (unsigned)atoi(argv[2]);
	if (argc > 3)
		only = argv[3];
	if (rounds == 0 || rounds > ROUNDS_MAX || ms == 0)
		return 2;
	stage_start(argv[0]);
	return test_run("attacks", tests);
}
