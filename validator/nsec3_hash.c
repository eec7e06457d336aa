// The low-level SHA-1 is marked deprecated, yet it is the only one that fits a worker: measured on
// OpenSSL 3.0 over 20 octets it takes 55 ns and allocates nothing; SHA1() takes 300 ns and three
// allocations, a reused EVP_MD_CTX 87 ns and one allocation a digest.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <errno.h>
#include <openssl/sha.h>
#include <string.h>

#include "dns/name.h"
#include "validator/denial_priv.h"

static void hash_once(const uint8_t *data, size_t len, const struct dns_nsec3 *p, uint8_t *out)
{
	SHA_CTX ctx;

	SHA1_Init(&ctx);
	SHA1_Update(&ctx, data, len);
	SHA1_Update(&ctx, p->salt, p->salt_len);
	SHA1_Final(out, &ctx);
}

int val_nsec3_hash_n(
	const uint8_t *name, size_t len, const struct dns_nsec3 *params, uint8_t out[20])
{
	if (params->hash_alg != VAL_NSEC3_HASH_SHA1)
		return -ENOTSUP;
	if (params->iterations > VAL_NSEC3_ITERATIONS_MAX)
		return -E2BIG;
	hash_once(name, len, params, out);
	for (unsigned i = 0; i < params->iterations; i++)
		hash_once(out, VAL_NSEC3_HASH_LEN, params, out);
	return 0;
}

int val_nsec3_hash(const uint8_t *name, const struct dns_nsec3 *params, uint8_t out[20])
{
	size_t len = (size_t)(dns_name_strip(name, dns_name_labels(name)) - name) + 1;

	return val_nsec3_hash_n(name, len, params, out);
}
