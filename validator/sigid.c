#include "validator/sigid.h"

#include <assert.h>
#include <string.h>

#include "dns/wire.h"
#include "validator/sigid_priv.h"

/*
 * The id of a verification.
 *
 * What is asked of it. Whoever finds two inputs with one id, one of them a signature that is good,
 * has the other one believed. The attacker signs zones of his own, so he chooses data, signatures
 * and keys that are verified good and inserted, and asks for whatever he likes. He never sees an
 * id. At best, by the time that answers take, he sees hit or miss, and by what he pushes out of the
 * cache which of his inputs share a bucket: some bits of their ids.
 *
 * CLMUL. The input is cut into words of 128 bits, elements of the field GF(2^128): each of data,
 * signature and key into chunks of four words, the last chunk ending where the part ends, though it
 * overlap the one before; a part shorter than a chunk is filled up with zeroes. With the three
 * lengths this can be undone, so different inputs differ in a length or in a word. A key word k
 * goes with every word w. Then
 *
 *	H = (L0 + l0)(L1 + l1) + sum over chunks of (w0 + k0)(w2 + k2) + (w1 + k1)(w3 + k3)
 *	id = AES-128(last key, H)
 *
 * where L0, L1 hold the lengths and l0, l1 are their key words. All key words and the last key are
 * AES-128 of the numbers from 0 up under the secret.
 *
 * Two inputs that are fixed before the key is drawn have one H with a chance of 2^-128. If their
 * lengths differ, say L0 and L0', the difference of the two sums is (L0 - L0') l1 plus something
 * without l1: as l1 is drawn evenly, so is the difference, and it is zero once in 2^128. If the
 * lengths are equal they have the same chunks, and some word differs, say w0: the difference is
 * (w0 - w0') k2 plus something without k2, and the same holds. (Winograd's inner product, used as
 * UMAC's NH does; in a field, so that nothing is lost.)
 *
 * Inputs chosen one after the other are no better. AES is a permutation: ids are equal exactly when
 * H is. Suppose it were a random one, and the attacker were even shown each id. Until two are equal
 * he sees different random values, whatever the key of H is; so what he chooses does not depend on
 * it, and he might as well have chosen before. That is why H itself must not be what picks the
 * bucket: its bits are equations in the key, and enough of them solve it; so it is with GHASH and
 * Poly1305, which are no PRFs either before something hides them.
 *
 * Hence, of n different inputs under one key, the chance that any two share an id is at most
 * n^2 / 2^129, plus what distinguishes AES-128 from a random permutation, plus 2^-109 because key
 * words, being AES of different numbers, are never equal. 2^27 new inputs in each second of a whole
 * year make 2^-25. To be believed falsely takes more than that, a pair of which one is in the cache
 * at that moment: q look-ups and N entries make q N such pairs, with 2^28 entries in that year
 * 2^-48. An offline search is no help: everything hangs on the secret, which is drawn at start,
 * told to nobody and forgotten at the end.
 *
 * SIPHASH. SipHash-2-4 with 128 bits over the lengths and the three parts, where the CPU has no
 * instructions for the other. It claims to be a PRF: the bound is the same, with its own
 * distinguishing chance. The sums of its rounds depend on one another, so it is bound by latency.
 *
 * The choice is a measurement (tests/bench/bench_sigid.c): cycles on Zen 4 for 150 octets of data
 * with a P-256 signature and key: CLMUL_WIDE 78, CLMUL 105, PMAC-AES 126, GHASH then AES 141,
 * SipHash-1-3 180 (with 64 bits only), SipHash-2-4 334; through OpenSSL's EVP_MAC AES-GMAC 742,
 * HMAC-SHA-256 890, AES-CMAC 1,000, keyed BLAKE2s 2,000. With 1,200 octets SipHash-2-4 takes 7.1
 * times as long as CLMUL_WIDE. The time that each takes depends on lengths only.
 */

bool val_sig_prf_supported(enum val_sig_prf prf)
{
#if defined(__x86_64__)
	bool narrow = __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul") &&
		      __builtin_cpu_supports("avx");
	bool wide =
		narrow && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("vpclmulqdq");
#else
	bool narrow = false, wide = false;
#endif

	return prf == VAL_SIG_PRF_SIPHASH || (prf == VAL_SIG_PRF_CLMUL && narrow) ||
	       (prf == VAL_SIG_PRF_CLMUL_WIDE && wide);
}

enum val_sig_prf val_sig_prf_best(void)
{
	if (val_sig_prf_supported(VAL_SIG_PRF_CLMUL_WIDE))
		return VAL_SIG_PRF_CLMUL_WIDE;
	return val_sig_prf_supported(VAL_SIG_PRF_CLMUL) ? VAL_SIG_PRF_CLMUL : VAL_SIG_PRF_SIPHASH;
}

const char *val_sig_prf_name(enum val_sig_prf prf)
{
	switch (prf) {
	case VAL_SIG_PRF_SIPHASH:
		return "SipHash-2-4";
	case VAL_SIG_PRF_CLMUL:
		return "CLMUL-AES";
	case VAL_SIG_PRF_CLMUL_WIDE:
		return "CLMUL-AES, wide";
	default:
		return "?";
	}
}

void val_sig_key_init(
	struct val_sig_key *key, const struct dns_hash_key *secret, enum val_sig_prf prf)
{
	assert(val_sig_prf_supported(prf));
	key->prf = prf;
	key->secret = *secret;
	if (prf != VAL_SIG_PRF_SIPHASH)
		val_sig_clmul_spread(key);
}

static void siphash(
	const struct dns_hash_key *secret, const struct val_sig_part *part, struct val_sig_id *out)
{
	enum { LENGTHS = 4 * VAL_SIG_PARTS };
	uint8_t in[LENGTHS + VAL_SIGNED_DATA_MAX + VAL_SIG_MAX + VAL_KEY_MAX];
	size_t len = LENGTHS;

	for (unsigned i = 0; i < VAL_SIG_PARTS; i++) {
		dns_put32(in + 4 * i, (uint32_t)part[i].len);
		memcpy(in + len, part[i].octets, part[i].len);
		len += part[i].len;
	}
	dns_hash128(secret, in, len, out->w);
}

void val_sig_id(const struct val_sig_key *key, const uint8_t *data, size_t data_len,
	const uint8_t *sig, size_t sig_len, const uint8_t *dnskey, size_t dnskey_len,
	struct val_sig_id *out)
{
	const struct val_sig_part part[VAL_SIG_PARTS] = {
		{data, data_len}, {sig, sig_len}, {dnskey, dnskey_len}};

	assert(data_len <= VAL_SIGNED_DATA_MAX && sig_len <= VAL_SIG_MAX &&
		dnskey_len <= VAL_KEY_MAX);
	if (key->prf == VAL_SIG_PRF_SIPHASH)
		siphash(&key->secret, part, out);
	else
		val_sig_clmul(key, key->prf == VAL_SIG_PRF_CLMUL_WIDE, part, out);
}
