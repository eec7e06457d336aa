#include <endian.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "dns/hash.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

enum { LONGEST = 300 };

/** OpenSSL's SipHash as the reference: it checks its own copy of the published vectors. */
static void reference(const struct dns_hash_key *key, const uint8_t *data, size_t len,
	unsigned c_rounds, unsigned d_rounds, size_t size, uint8_t *out)
{
	uint64_t key_le[2] = {htole64(key->k0), htole64(key->k1)};
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_C_ROUNDS, &c_rounds),
		OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_D_ROUNDS, &d_rounds),
		OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	size_t written = 0;

	CU_ASSERT_EQUAL_FATAL(EVP_MAC_init(ctx, (uint8_t *)key_le, sizeof(key_le), params), 1);
	CU_ASSERT_EQUAL_FATAL(EVP_MAC_update(ctx, data, len), 1);
	CU_ASSERT_EQUAL_FATAL(EVP_MAC_final(ctx, out, &written, size), 1);
	CU_ASSERT_EQUAL_FATAL(written, size);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
}

/** The published vectors' key is 00 01 .. 0f, their data 00 01 02 .. */
static void test_vector_input(void)
{
	const struct dns_hash_key key = {.k0 = 0x0706050403020100, .k1 = 0x0f0e0d0c0b0a0908};

	for (size_t len = 0; len <= LONGEST; len++) {
		uint8_t octets[LONGEST], want64[8], want128[16];
		for (size_t i = 0; i < len; i++)
			octets[i] = (uint8_t)i;
		uint8_t *data = unit_copy(octets, len);
		reference(&key, data, len, 1, 3, 8, want64);
		reference(&key, data, len, 2, 4, 16, want128);

		uint64_t got64 = htole64(dns_hash64(&key, data, len));
		CU_ASSERT_EQUAL(memcmp(&got64, want64, 8), 0);
		uint64_t got128[2];
		dns_hash128(&key, data, len, got128);
		got128[0] = htole64(got128[0]);
		got128[1] = htole64(got128[1]);
		CU_ASSERT_EQUAL(memcmp(got128, want128, 16), 0);
		free(data);
	}
}

static void test_random_input(void)
{
	uint64_t seed = 13;

	for (int i = 0; i < 2000; i++) {
		const struct dns_hash_key key = {unit_random(&seed), unit_random(&seed)};
		uint8_t octets[LONGEST + 1], want64[8], want128[16];
		size_t len = unit_random_below(&seed, LONGEST);
		for (size_t k = 0; k < len; k++)
			octets[1 + k] = (uint8_t)unit_random(&seed);
		const uint8_t *data = octets + 1; // not aligned
		reference(&key, data, len, 1, 3, 8, want64);
		reference(&key, data, len, 2, 4, 16, want128);

		uint64_t got64 = htole64(dns_hash64(&key, data, len));
		uint64_t got128[2];
		dns_hash128(&key, data, len, got128);
		got128[0] = htole64(got128[0]);
		got128[1] = htole64(got128[1]);
		CU_ASSERT_EQUAL(memcmp(&got64, want64, 8), 0);
		CU_ASSERT_EQUAL(memcmp(got128, want128, 16), 0);
	}
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"input of the published vectors, 0..300 octets", test_vector_input},
		{"random keys and data", test_random_input},
		CU_TEST_INFO_NULL,
	};
	return test_run("dns/hash", tests);
}
