#include <stdbool.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "tests/bench/bench.h"
#include "tests/bench/pairs.h"
#include "validator/sigid.h"
#if defined(__x86_64__)
#include "tests/bench/prf_x86.h"
#endif

/**
 * Which PRF names a verification fastest? Signed data of several lengths with a P-256 signature and
 * key. All take turns within a run; the best of the runs is shown in cycles of the time-stamp
 * counter, and each one's ratio to SipHash-2-4 is the median over the runs. Ours read data,
 * signature and key where they lie; the others get them as one piece, made beforehand for nothing,
 * but SipHash-2-4, which is ours too. Keyed BLAKE3 is not measured: Debian has no C library of it;
 * BLAKE2s is its nearest relative.
 */

enum { RUNS = 25, CALLS = 500, SIG_LEN = 64, KEY_LEN = 68, LONGEST = 1200, HEAD = 12 };

static const unsigned lengths[] = {150, 300, 600, 1200};
enum { LENGTHS = sizeof(lengths) / sizeof(lengths[0]) };

static struct val_sig_key ours[VAL_SIG_PRFS];
static const struct dns_hash_key secret = {0x0123456789abcdef, 0xfedcba9876543210};
static uint8_t data[LONGEST], sig[SIG_LEN], dnskey[KEY_LEN];
static uint8_t whole[HEAD + LONGEST + SIG_LEN + KEY_LEN];
static volatile uint64_t sink;

struct mac {
	const char *name, *cipher, *digest;
	size_t key_len;
	bool key_each_time; // it takes a key for one message only
	EVP_MAC_CTX *ctx;
	OSSL_PARAM params[2], *each_time;
};

static struct mac macs[] = {
	{"CMAC", .cipher = "AES-128-CBC", .key_len = 16},
	{"GMAC", .cipher = "AES-128-GCM", .key_len = 16},
	{"HMAC", .digest = "SHA256", .key_len = 32},
	{"BLAKE2SMAC", .key_len = 32, .key_each_time = true},
	{"POLY1305", .key_len = 32, .key_each_time = true},
	{"SIPHASH", .key_len = 16},
};
static const uint8_t mac_key[32] = {1, 2, 3};

static void need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench_sigid: %s\n", what);
	exit(1);
}

static uint64_t by_ours(unsigned prf, size_t len)
{
	struct val_sig_id id;

	val_sig_id(&ours[prf], data, len, sig, SIG_LEN, dnskey, KEY_LEN, &id);
	return id.w[0];
}

static uint64_t by_siphash13(unsigned which, size_t len)
{
	(void)which;
	return dns_hash64(&secret, whole, HEAD + len + SIG_LEN + KEY_LEN);
}

static uint64_t by_openssl(unsigned which, size_t len)
{
	struct mac *m = &macs[which];
	uint8_t out[64] = {0};
	size_t out_len = 0;
	uint64_t word;

	need(EVP_MAC_init(m->ctx, m->key_each_time ? mac_key : NULL,
		     m->key_each_time ? m->key_len : 0, m->each_time) == 1 &&
			EVP_MAC_update(m->ctx, whole, HEAD + len + SIG_LEN + KEY_LEN) == 1 &&
			EVP_MAC_final(m->ctx, out, &out_len, sizeof(out)) == 1,
		m->name);
	memcpy(&word, out, sizeof(word));
	return word;
}

#if defined(__x86_64__)
static struct prf_x86 x86;

PRF_X86 static uint64_t by_pmac(unsigned which, size_t len)
{
	(void)which;
	return (uint64_t)_mm_cvtsi128_si64(prf_pmac(&x86, whole, HEAD + len + SIG_LEN + KEY_LEN));
}

PRF_X86 static uint64_t by_ghash(unsigned which, size_t len)
{
	(void)which;
	return (uint64_t)_mm_cvtsi128_si64(prf_ghash(&x86, whole, HEAD + len + SIG_LEN + KEY_LEN));
}
#endif

static struct candidate {
	const char *name;
	uint64_t (*work)(unsigned which, size_t len);
	unsigned which;
	bool left_out;
	double best[LENGTHS], run[LENGTHS][RUNS];
} candidates[] = {
	{.name = "SipHash-2-4, 128 bits", .work = by_ours, .which = VAL_SIG_PRF_SIPHASH},
	{.name = "CLMUL-AES", .work = by_ours, .which = VAL_SIG_PRF_CLMUL},
	{.name = "CLMUL-AES, wide", .work = by_ours, .which = VAL_SIG_PRF_CLMUL_WIDE},
#if defined(__x86_64__)
	{.name = "GHASH, then AES-128", .work = by_ghash, .which = 0},
	{.name = "PMAC with AES-128", .work = by_pmac, .which = 0},
#endif
	{.name = "SipHash-1-3, 64 bits only", .work = by_siphash13, .which = 0},
	{.name = "AES-128-CMAC (OpenSSL)", .work = by_openssl, .which = 0},
	{.name = "AES-128-GMAC (OpenSSL)", .work = by_openssl, .which = 1},
	{.name = "HMAC-SHA-256 (OpenSSL)", .work = by_openssl, .which = 2},
	{.name = "keyed BLAKE2s (OpenSSL)", .work = by_openssl, .which = 3},
	{.name = "Poly1305, no PRF yet (OpenSSL)", .work = by_openssl, .which = 4},
	{.name = "SipHash-2-4 (OpenSSL)", .work = by_openssl, .which = 5},
};
enum { CANDIDATES = sizeof(candidates) / sizeof(candidates[0]) };

static void prepare_mac(struct mac *m)
{
	static uint8_t iv[12];
	EVP_MAC *mac = EVP_MAC_fetch(NULL, m->name, NULL);
	OSSL_PARAM *p = m->params;

	need(mac != NULL && (m->ctx = EVP_MAC_CTX_new(mac)) != NULL, m->name);
	EVP_MAC_free(mac);
	if (m->cipher != NULL)
		*p++ = OSSL_PARAM_construct_utf8_string(
			OSSL_MAC_PARAM_CIPHER, (char *)(uintptr_t)m->cipher, 0);
	if (m->digest != NULL)
		*p++ = OSSL_PARAM_construct_utf8_string(
			OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)m->digest, 0);
	*p = OSSL_PARAM_construct_end();
	need(EVP_MAC_CTX_set_params(m->ctx, m->params) == 1, m->name);
	if (strcmp(m->name, "GMAC") == 0) {
		m->params[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV, iv, sizeof(iv));
		m->params[1] = OSSL_PARAM_construct_end();
		m->each_time = m->params;
	}
	need(EVP_MAC_init(m->ctx, mac_key, m->key_len, m->each_time) == 1, m->name);
}

static void prepare(void)
{
	for (unsigned i = 0; i < VAL_SIG_PRFS; i++)
		if (val_sig_prf_supported(i))
			val_sig_key_init(&ours[i], &secret, i);
	for (unsigned i = 0; i < CANDIDATES; i++) {
		struct candidate *c = &candidates[i];
		bool intrinsics = c->work != by_openssl && c->work != by_siphash13 &&
				  !(c->work == by_ours && c->which == VAL_SIG_PRF_SIPHASH);

		c->left_out = intrinsics &&
			      !val_sig_prf_supported(
				      c->work == by_ours ? c->which : (unsigned)VAL_SIG_PRF_CLMUL);
	}
	for (unsigned i = 0; i < sizeof(macs) / sizeof(macs[0]); i++)
		prepare_mac(&macs[i]);
	for (unsigned i = 0; i < sizeof(whole); i++)
		whole[i] = (uint8_t)(i * 167 + 13);
	memcpy(data, whole, sizeof(data));
}

/* Each call's result is in the next one's input: no two calls overlap. */
static double measure(struct candidate *c, size_t len)
{
	uint64_t start = bench_cycles(), word = 0;

	for (unsigned i = 0; i < CALLS; i++) {
		word = c->work(c->which, len);
		data[5] = (uint8_t)word;
		whole[5] = (uint8_t)word;
	}
	sink = word;
	return (double)(bench_cycles() - start) / CALLS;
}

static void tell(unsigned l)
{
	printf("%u octets of data, %u in all:\n", lengths[l], lengths[l] + SIG_LEN + KEY_LEN);
	for (unsigned i = 0; i < CANDIDATES; i++) {
		struct candidate *c = &candidates[i];
		double ratio[RUNS];
		struct bench_ratio r;
		char figure[96];

		if (c->left_out) {
			printf("  %-32s not measured: not on this CPU\n", c->name);
			continue;
		}
		for (unsigned run = 0; run < RUNS; run++)
			ratio[run] = candidates[0].run[l][run] / c->run[l][run];
		r = bench_ratio_of(ratio, RUNS);
		printf("  %-32s %7.0f cycles   SipHash-2-4 takes %5.2f times as long (95 %%: %.2f "
		       "to %.2f)\n",
			c->name, c->best[l], r.median, r.low, r.high);
		snprintf(figure, sizeof(figure), "%s, %u octets", c->name, lengths[l]);
		bench_json("sigid", figure, "cycles", c->best[l]);
	}
}

int main(void)
{
	prepare();
	for (unsigned run = 0; run < RUNS; run++) {
		for (unsigned l = 0; l < LENGTHS; l++) {
			for (unsigned i = 0; i < CANDIDATES; i++) {
				struct candidate *c = &candidates[i];
				double used;

				if (c->left_out)
					continue;
				used = measure(c, lengths[l]);
				c->run[l][run] = used;
				if (run == 0 || used < c->best[l])
					c->best[l] = used;
			}
		}
	}
	for (unsigned l = 0; l < LENGTHS; l++)
		tell(l);
	printf("in use here: %s\n", val_sig_prf_name(val_sig_prf_best()));
	for (unsigned i = 0; i < sizeof(macs) / sizeof(macs[0]); i++)
		EVP_MAC_CTX_free(macs[i].ctx);
	return 0;
}
