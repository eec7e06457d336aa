#include "validator/sigid_priv.h"

/*
 * Two kernels of the PRF that the essay in sigid.c describes, for x86-64. Both multiply without
 * carries and reduce once, at the end. The wide one differs in how many chunks it takes at a time,
 * not in what comes out.
 */

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define NARROW __attribute__((target("aes,pclmul,avx")))
#define WIDE   __attribute__((target("aes,pclmul,avx2,vpclmulqdq")))

static inline __m128i load(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i_u *)p);
}

static inline void store(uint8_t *p, __m128i v)
{
	_mm_storeu_si128((__m128i_u *)p, v);
}

/* ---- AES-128 ---- */

/* FIPS 197 s5.2: each round's key from the one before it. */
NARROW static void aes_spread(const struct dns_hash_key *secret, uint8_t *round)
{
	// RotWord of the last column, in all four
	const __m128i rotate_last = _mm_set1_epi32(0x0c0f0e0d);
	__m128i k = _mm_set_epi64x((long long)secret->k1, (long long)secret->k0);
	unsigned constant = 1;

	store(round, k);
	for (unsigned i = 1; i <= VAL_SIG_AES_ROUNDS; i++) {
		// SubWord: with four equal columns ShiftRows changes nothing
		__m128i t = _mm_aesenclast_si128(
			_mm_shuffle_epi8(k, rotate_last), _mm_set1_epi32((int)constant));

		k = _mm_xor_si128(k, _mm_slli_si128(k, 4));
		k = _mm_xor_si128(k, _mm_slli_si128(k, 8));
		k = _mm_xor_si128(k, t);
		store(round + VAL_SIG_WORD * i, k);
		constant = constant < 0x80 ? constant << 1 : 0x1b;
	}
}

NARROW static inline __m128i aes(const uint8_t *round, __m128i x)
{
	x = _mm_xor_si128(x, load(round));
	for (unsigned i = 1; i < VAL_SIG_AES_ROUNDS; i++)
		x = _mm_aesenc_si128(x, load(round + VAL_SIG_WORD * i));
	return _mm_aesenclast_si128(x, load(round + VAL_SIG_WORD * VAL_SIG_AES_ROUNDS));
}

/* Every key is AES of a number under the secret. */
NARROW void val_sig_clmul_spread(struct val_sig_key *key)
{
	uint8_t round[sizeof(key->last)];
	struct dns_hash_key last;
	long long n = 0;

	aes_spread(&key->secret, round);
	store((uint8_t *)&last, aes(round, _mm_set_epi64x(0, n++)));
	for (size_t at = 0; at < sizeof(key->lengths); at += VAL_SIG_WORD)
		store(key->lengths + at, aes(round, _mm_set_epi64x(0, n++)));
	for (size_t at = 0; at < sizeof(key->pad); at += VAL_SIG_WORD)
		store(key->pad + at, aes(round, _mm_set_epi64x(0, n++)));
	aes_spread(&last, key->last);
}

/* ---- products, not yet reduced ---- */

struct product {
	__m128i low, middle, high; // weights 1, x^64, x^128
};

/* p += (a + key a) * (b + key b) */
NARROW static inline void add_product(
	struct product *p, __m128i a, __m128i b, const uint8_t *key_a, const uint8_t *key_b)
{
	a = _mm_xor_si128(a, load(key_a));
	b = _mm_xor_si128(b, load(key_b));
	p->low = _mm_xor_si128(p->low, _mm_clmulepi64_si128(a, b, 0x00));
	p->high = _mm_xor_si128(p->high, _mm_clmulepi64_si128(a, b, 0x11));
	p->middle = _mm_xor_si128(p->middle,
		_mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x01), _mm_clmulepi64_si128(a, b, 0x10)));
}

/* Modulo x^128 + x^7 + x^2 + x + 1: what sticks out comes back times 0x87, twice. */
NARROW static inline __m128i reduce(const struct product *p)
{
	const __m128i poly = _mm_set_epi64x(0, 0x87);
	__m128i low = _mm_xor_si128(p->low, _mm_slli_si128(p->middle, 8));
	__m128i high = _mm_xor_si128(p->high, _mm_srli_si128(p->middle, 8));
	__m128i t = _mm_clmulepi64_si128(high, poly, 0x01);

	low = _mm_xor_si128(low, _mm_slli_si128(t, 8));
	high = _mm_xor_si128(high, _mm_srli_si128(t, 8));
	return _mm_xor_si128(low, _mm_clmulepi64_si128(high, poly, 0x00));
}

/* A part's lengths are named too, as two words; then the PRP. */
NARROW static inline void finish(const struct val_sig_key *key, struct product *p,
	const struct val_sig_part *part, struct val_sig_id *out)
{
	__m128i a = _mm_set_epi64x((long long)part[1].len, (long long)part[0].len);
	__m128i b = _mm_set_epi64x(0, (long long)part[2].len);

	add_product(p, a, b, key->lengths, key->lengths + VAL_SIG_WORD);
	store((uint8_t *)out->w, aes(key->last, reduce(p)));
}

/*
 * Chunks of a part, the last one ending where the part ends: it may overlap the one before it. A
 * part that is shorter than a chunk is filled up with zeroes.
 */
static inline const uint8_t *chunk_at(
	const struct val_sig_part *part, size_t at, uint8_t buffer[VAL_SIG_CHUNK])
{
	if (part->len >= VAL_SIG_CHUNK)
		return part->octets +
		       (at + VAL_SIG_CHUNK <= part->len ? at : part->len - VAL_SIG_CHUNK);
	memset(buffer, 0, VAL_SIG_CHUNK);
	if (part->len > 0)
		memcpy(buffer, part->octets, part->len);
	return buffer;
}

NARROW static void narrow(
	const struct val_sig_key *key, const struct val_sig_part *part, struct val_sig_id *out)
{
	struct product p = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
	const uint8_t *k = key->pad;
	uint8_t buffer[VAL_SIG_CHUNK];

	for (unsigned i = 0; i < VAL_SIG_PARTS; i++) {
		for (size_t at = 0; at < part[i].len; at += VAL_SIG_CHUNK, k += VAL_SIG_CHUNK) {
			const uint8_t *m = chunk_at(&part[i], at, buffer);

			add_product(&p, load(m), load(m + 32), k, k + 32);
			add_product(&p, load(m + 16), load(m + 48), k + 16, k + 48);
		}
	}
	finish(key, &p, part, out);
}

/* ---- the same, with two words in a register ---- */

WIDE static inline __m256i load2(const uint8_t *p)
{
	return _mm256_loadu_si256((const __m256i_u *)p);
}

WIDE static inline __m128i fold(__m256i v)
{
	return _mm_xor_si128(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

WIDE static void wide(
	const struct val_sig_key *key, const struct val_sig_part *part, struct val_sig_id *out)
{
	__m256i low = _mm256_setzero_si256(), middle = low, high = low;
	const uint8_t *k = key->pad;
	uint8_t buffer[VAL_SIG_CHUNK];
	struct product p;

	for (unsigned i = 0; i < VAL_SIG_PARTS; i++) {
		for (size_t at = 0; at < part[i].len; at += VAL_SIG_CHUNK, k += VAL_SIG_CHUNK) {
			const uint8_t *m = chunk_at(&part[i], at, buffer);
			__m256i a = _mm256_xor_si256(load2(m), load2(k));
			__m256i b = _mm256_xor_si256(load2(m + 32), load2(k + 32));

			low = _mm256_xor_si256(low, _mm256_clmulepi64_epi128(a, b, 0x00));
			high = _mm256_xor_si256(high, _mm256_clmulepi64_epi128(a, b, 0x11));
			middle = _mm256_xor_si256(
				middle, _mm256_xor_si256(_mm256_clmulepi64_epi128(a, b, 0x01),
						_mm256_clmulepi64_epi128(a, b, 0x10)));
		}
	}
	p = (struct product){fold(low), fold(middle), fold(high)};
	finish(key, &p, part, out);
}

void val_sig_clmul(const struct val_sig_key *key, bool two_lanes, const struct val_sig_part *part,
	struct val_sig_id *out)
{
	if (two_lanes)
		wide(key, part, out);
	else
		narrow(key, part, out);
}

#else

#include <stdlib.h>

// never called: val_sig_prf_supported() says no

void val_sig_clmul_spread(struct val_sig_key *key)
{
	(void)key;
	abort();
}

void val_sig_clmul(const struct val_sig_key *key, bool two_lanes, const struct val_sig_part *part,
	struct val_sig_id *out)
{
	(void)key;
	(void)two_lanes;
	(void)part;
	(void)out;
	abort();
}

#endif
