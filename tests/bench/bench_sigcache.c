#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "tests/bench/bench.h"
#include "tests/bench/bench_sigcache.h"
#include "tests/bench/pairs.h"
#include "validator/sig.h"
#include "validator/sigcache.h"

/**
 * What the signature-validity cache saves. The input has the size of an NSEC3 record of com. with
 * its RRSIG, signed with P-256. Rows take turns within a run, so that what else the machine does is
 * shared among them; the best of several runs is shown,
 * ratios are medians over the runs. Cycles are the time-stamp counter's.
 */

enum {
	RUNS = 61, // short ones: few of them are cut in two by the scheduler
	LOOKUPS = 10000,
	VERIFICATIONS = 10,
	ENTRIES = 1 << 20, // 32 MB: out of any L2
	HOT = 64,          // 4 kB of buckets
	DATA_LEN = 156, // RRSIG RDATA 23, owner 37, type to length 10, NSEC3 RDATA and some types
	KEY_LEN = 68,
	SIG_LEN = 64,
};

static struct {
	uint8_t data[DATA_LEN], dnskey[KEY_LEN], sig[SIG_LEN];
	uint8_t der[80], digest[SHA256_DIGEST_LENGTH];
	size_t der_len;
	EVP_PKEY_CTX *ready;
	struct val_verifier *verifier;
	struct val_sigcache *cache;
	struct val_sig_id *ids; // ENTRIES of them, nearly all in the cache
	struct val_sig_id own;  // of data, sig and dnskey
} bench;

static const struct dns_hash_key secret = {0x0123456789abcdef, 0xfedcba9876543210};
static struct val_sig_key prf_key;
static volatile uint64_t sink;

static void need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench_sigcache: %s\n", what);
	exit(1);
}

/* ---- what is measured ---- */

static void get(const struct val_sig_id *id)
{
	struct val_sig_times times;

	sink = val_sigcache_get(bench.cache, id, 1, &times);
}

static void lookup_hot(unsigned i)
{
	get(&bench.ids[i % HOT]);
}

static void lookup_cold(unsigned i)
{
	get(&bench.ids[i * 2654435761u % ENTRIES]);
}

static void digest(unsigned i)
{
	struct val_sig_id id;

	(void)i;
	val_sig_id(&prf_key, bench.data, DATA_LEN, bench.sig, SIG_LEN, bench.dnskey, KEY_LEN, &id);
	sink = id.w[0];
}

static void digest_and_lookup(unsigned i)
{
	struct val_sig_id id;

	(void)i;
	val_sig_id(&prf_key, bench.data, DATA_LEN, bench.sig, SIG_LEN, bench.dnskey, KEY_LEN, &id);
	get(&id);
}

static void verify(unsigned i)
{
	(void)i;
	need(val_verify(bench.verifier, bench.dnskey, KEY_LEN, bench.data, DATA_LEN, bench.sig,
		     SIG_LEN) == 1,
		"our verification fails");
}

/** What `openssl speed ecdsap256` counts: the digest is there already, the context ready. */
static void verify_openssl(unsigned i)
{
	(void)i;
	need(EVP_PKEY_verify(bench.ready, bench.der, bench.der_len, bench.digest,
		     sizeof(bench.digest)) == 1,
		"OpenSSL's verification fails");
}

enum row { HOT_LOOKUP, COLD_LOOKUP, DIGEST, DIGEST_AND_LOOKUP, VERIFY, VERIFY_OPENSSL, ROWS };

static struct {
	const char *name;
	void (*work)(unsigned i);
	unsigned calls;
	double best_cycles, best_ns, cycles[RUNS];
} rows[ROWS] = {
	[HOT_LOOKUP] = {"look-up, hit, bucket in L1", lookup_hot, LOOKUPS, 1e18, 1e18, {0}},
	[COLD_LOOKUP] = {"look-up, hit, one of a million", lookup_cold, LOOKUPS, 1e18, 1e18, {0}},
	[DIGEST] = {"digest of data, signature and key", digest, LOOKUPS, 1e18, 1e18, {0}},
	[DIGEST_AND_LOOKUP] = {"digest and look-up, hit", digest_and_lookup, LOOKUPS, 1e18, 1e18,
		{0}},
	[VERIFY] = {"val_verify, P-256", verify, VERIFICATIONS, 1e18, 1e18, {0}},
	[VERIFY_OPENSSL] = {"EVP_PKEY_verify as openssl speed does", verify_openssl, VERIFICATIONS,
		1e18, 1e18, {0}},
};

static void measure(enum row r, int run)
{
	double ns, used;
	uint64_t start;

	rows[r].work(0); // what the row before has pushed out of the cache is not this one's
	ns = bench_now_ns();
	start = bench_cycles();
	for (unsigned i = 0; i < rows[r].calls; i++)
		rows[r].work(i);
	used = (double)(bench_cycles() - start) / rows[r].calls;
	ns = (bench_now_ns() - ns) / rows[r].calls;
	rows[r].cycles[run] = used;
	if (used < rows[r].best_cycles)
		rows[r].best_cycles = used;
	if (ns < rows[r].best_ns)
		rows[r].best_ns = ns;
}

/* ---- setting up ---- */

static void sign(EVP_PKEY *key)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const uint8_t *p = bench.der;
	ECDSA_SIG *sig;

	bench.der_len = sizeof(bench.der);
	need(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
			EVP_DigestSign(ctx, bench.der, &bench.der_len, bench.data, DATA_LEN) == 1,
		"signing");
	sig = d2i_ECDSA_SIG(NULL, &p, (long)bench.der_len);
	need(sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), bench.sig, 32) == 32 &&
			BN_bn2binpad(ECDSA_SIG_get0_s(sig), bench.sig + 32, 32) == 32,
		"the signature's form");
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
	SHA256(bench.data, DATA_LEN, bench.digest);
}

static void make_key_and_signature(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	uint8_t point[65];
	size_t len = 0;

	need(key != NULL && EVP_PKEY_get_octet_string_param(
				    key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len) == 1,
		"key");
	memcpy(bench.dnskey, (const uint8_t[]){1, 0, 3, VAL_ALG_P256}, 4);
	memcpy(bench.dnskey + 4, point + 1, 64);
	memset(bench.data, 0x5a, DATA_LEN);
	sign(key);
	bench.ready = EVP_PKEY_CTX_new(key, NULL);
	need(bench.ready != NULL && EVP_PKEY_verify_init(bench.ready) == 1, "context");
	EVP_PKEY_free(key);
}

static void fill_cache(void)
{
	struct val_sig_times times = {0, 2, 1};

	need(val_sigcache_new((size_t)ENTRIES * 4, -1, &bench.cache) == 0, "cache");
	bench.ids = calloc(ENTRIES, sizeof(*bench.ids));
	need(bench.ids != NULL, "memory");
	for (uint64_t i = 0; i < ENTRIES; i++) {
		dns_hash128(&secret, &i, sizeof(i), bench.ids[i].w);
		val_sigcache_put(bench.cache, &bench.ids[i], &times);
	}
	val_sig_id(&prf_key, bench.data, DATA_LEN, bench.sig, SIG_LEN, bench.dnskey, KEY_LEN,
		&bench.own);
	val_sigcache_put(bench.cache, &bench.own, &times);
}

/* How many of b go into one a, by the runs' medians. */
static void tell_ratio(const char *figure, enum row a, enum row b, double goal)
{
	double ratio[RUNS];

	for (int run = 0; run < RUNS; run++)
		ratio[run] = rows[a].cycles[run] / rows[b].cycles[run];
	bench_ratio_tell("sigcache", figure, ratio, RUNS, goal);
}

static void tell(void)
{
	for (int r = 0; r < ROWS; r++) {
		printf("%-40s %10.1f cycles %10.1f ns\n", rows[r].name, rows[r].best_cycles,
			rows[r].best_ns);
		bench_json("sigcache", rows[r].name, "cycles", rows[r].best_cycles);
	}
	tell_ratio("digests with look-up in a P-256 verification", VERIFY, DIGEST_AND_LOOKUP, 200);
	tell_ratio("look-ups of one of a million in a verification", VERIFY, COLD_LOOKUP, 0);
	tell_ratio(
		"ours over EVP_PKEY_verify as openssl speed has it", VERIFY_OPENSSL, VERIFY, 0.95);
}

int main(void)
{
	val_sig_key_init(&prf_key, &secret, val_sig_prf_best());
	make_key_and_signature();
	fill_cache();
	need(val_verifier_new(&bench.verifier) == 0, "verifier");
	for (int run = 0; run < RUNS; run++)
		for (int r = 0; r < ROWS; r++)
			measure((enum row)r, run);
	tell();
	bench_against_openssl_speed(verify);
	val_verifier_free(bench.verifier);
	val_sigcache_free(bench.cache);
	EVP_PKEY_CTX_free(bench.ready);
	free(bench.ids);
	bench_against_rte_hash();
	return 0;
}
