// Deprecated but free of allocations, for the reason that nsec3_hash.c gives.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "validator/digest.h"

#include <assert.h>
#include <errno.h>
#include <openssl/sha.h>

static_assert((int)SHA384_DIGEST_LENGTH <= (int)VAL_DIGEST_MAX, "the longest fits");

int val_digest_len(uint8_t type)
{
	switch (type) {
	case VAL_DIGEST_SHA1:
		return SHA_DIGEST_LENGTH;
	case VAL_DIGEST_SHA256:
		return SHA256_DIGEST_LENGTH;
	case VAL_DIGEST_SHA384:
		return SHA384_DIGEST_LENGTH;
	default:
		return -ENOTSUP;
	}
}

int val_digest(
	uint8_t type, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len, uint8_t *out)
{
	SHA512_CTX sha384;
	SHA256_CTX sha256;
	SHA_CTX sha1;

	switch (type) {
	case VAL_DIGEST_SHA1:
		SHA1_Init(&sha1);
		SHA1_Update(&sha1, a, a_len);
		SHA1_Update(&sha1, b, b_len);
		SHA1_Final(out, &sha1);
		break;
	case VAL_DIGEST_SHA256:
		SHA256_Init(&sha256);
		SHA256_Update(&sha256, a, a_len);
		SHA256_Update(&sha256, b, b_len);
		SHA256_Final(out, &sha256);
		break;
	case VAL_DIGEST_SHA384:
		SHA384_Init(&sha384);
		SHA384_Update(&sha384, a, a_len);
		SHA384_Update(&sha384, b, b_len);
		SHA384_Final(out, &sha384);
		break;
	default:
		break;
	}
	return val_digest_len(type);
}
