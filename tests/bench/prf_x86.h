#pragma once

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Two textbook PRFs on the same instructions as ours, for comparison only. Words of 16 octets; the
 * last one may overlap the one before. At least 16 octets.
 */

#define PRF_X86 __attribute__((target("aes,pclmul,avx")))

struct prf_x86 {
	__m128i round[11]; // any eleven: the time is the same
	__m128i word[1024];
};

PRF_X86 static inline __m128i prf_aes(const struct prf_x86 *key, __m128i x)
{
	x = _mm_xor_si128(x, key->round[0]);
	for (unsigned i = 1; i < 10; i++)
		x = _mm_aesenc_si128(x, key->round[i]);
	return _mm_aesenclast_si128(x, key->round[10]);
}

PRF_X86 static inline __m128i prf_word(const uint8_t *in, size_t at, size_t len)
{
	return _mm_loadu_si128((const __m128i_u *)(in + (at + 16 <= len ? at : len - 16)));
}

enum { PRF_LANES = 8 };

/* PMAC: AES of every word under a mask, eight side by side; AES of their sum. */
PRF_X86 static inline __m128i prf_pmac(const struct prf_x86 *key, const uint8_t *in, size_t len)
{
	const __m128i *mask = key->word;
	__m128i sum = _mm_setzero_si128(), lane[PRF_LANES];

	for (size_t at = 0; at < len;) {
		unsigned n = 0;

		for (; n < PRF_LANES && at < len; n++, at += 16)
			lane[n] = _mm_xor_si128(
				_mm_xor_si128(prf_word(in, at, len), *mask++), key->round[0]);
		for (unsigned r = 1; r < 10; r++)
			for (unsigned i = 0; i < n; i++)
				lane[i] = _mm_aesenc_si128(lane[i], key->round[r]);
		for (unsigned i = 0; i < n; i++)
			sum = _mm_xor_si128(sum, _mm_aesenclast_si128(lane[i], key->round[10]));
	}
	return prf_aes(key, sum);
}

PRF_X86 static inline __m128i prf_reduce(__m128i low, __m128i middle, __m128i high)
{
	const __m128i poly = _mm_set_epi64x(0, 0x87);
	__m128i t;

	low = _mm_xor_si128(low, _mm_slli_si128(middle, 8));
	high = _mm_xor_si128(high, _mm_srli_si128(middle, 8));
	t = _mm_clmulepi64_si128(high, poly, 0x01);
	low = _mm_xor_si128(low, _mm_slli_si128(t, 8));
	high = _mm_xor_si128(high, _mm_srli_si128(t, 8));
	return _mm_xor_si128(low, _mm_clmulepi64_si128(high, poly, 0x00));
}

/* GHASH's polynomial, eight words to a reduction; then AES. */
PRF_X86 static inline __m128i prf_ghash(const struct prf_x86 *key, const uint8_t *in, size_t len)
{
	size_t left = (len + 15) / 16;
	__m128i sum = _mm_set_epi64x(0, (long long)len);

	for (size_t at = 0; left > 0;) {
		size_t n = left < PRF_LANES ? left : PRF_LANES;
		__m128i low = _mm_setzero_si128(), middle = low, high = low;

		for (size_t i = 0; i < n; i++, at += 16) {
			__m128i a = prf_word(in, at, len), power = key->word[n - 1 - i];

			if (i == 0)
				a = _mm_xor_si128(a, sum);
			low = _mm_xor_si128(low, _mm_clmulepi64_si128(a, power, 0x00));
			high = _mm_xor_si128(high, _mm_clmulepi64_si128(a, power, 0x11));
			middle = _mm_xor_si128(
				middle, _mm_xor_si128(_mm_clmulepi64_si128(a, power, 0x01),
						_mm_clmulepi64_si128(a, power, 0x10)));
		}
		sum = prf_reduce(low, middle, high);
		left -= n;
	}
	return prf_aes(key, sum);
}
