#include "dataplane/rng.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <sys/random.h>

/*
 * A block of ChaCha20 keystream is made at a time. Its first octets become the next key and IV
 * before any other octet is handed out (fast key erasure), and what is handed out is zeroed: a
 * later look at our memory says nothing about IDs and ports already used. The cipher context is set
 * up once; a refill only changes key and IV, which in OpenSSL 3 neither allocates nor calls the
 * system (test_rng counts allocations).
 */

enum { RNG_KEY = 32, RNG_IV = 16, RNG_BLOCK = 4096 };

struct dp_rng {
	EVP_CIPHER_CTX *ctx;
	uint32_t pos; // next unused octet of block
	uint8_t block[RNG_BLOCK];
};

static int rekey_and_fill(struct dp_rng *r, const uint8_t seed[RNG_KEY + RNG_IV])
{
	static const uint8_t zero[RNG_BLOCK];
	int len = 0;

	if (EVP_EncryptInit_ex(r->ctx, NULL, NULL, seed, seed + RNG_KEY) != 1 ||
		EVP_EncryptUpdate(r->ctx, r->block, &len, zero, RNG_BLOCK) != 1 || len != RNG_BLOCK)
		return -EIO;
	r->pos = RNG_KEY + RNG_IV; // the head is the next seed, never output
	return 0;
}

int dp_rng_new(struct dp_rng **out)
{
	uint8_t seed[RNG_KEY + RNG_IV];
	int err = -ENOMEM;
	struct dp_rng *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	r->ctx = EVP_CIPHER_CTX_new();
	if (r->ctx == NULL)
		goto free_rng;
	err = -EIO;
	if (EVP_EncryptInit_ex(r->ctx, EVP_chacha20(), NULL, NULL, NULL) != 1)
		goto free_ctx;
	if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		goto free_ctx;
	err = rekey_and_fill(r, seed);
	OPENSSL_cleanse(seed, sizeof(seed));
	if (err != 0)
		goto free_ctx;
	*out = r;
	return 0;

free_ctx:
	EVP_CIPHER_CTX_free(r->ctx);
free_rng:
	free(r);
	return err;
}

void dp_rng_free(struct dp_rng *r)
{
	if (r == NULL)
		return;
	EVP_CIPHER_CTX_free(r->ctx);
	OPENSSL_cleanse(r->block, sizeof(r->block));
	free(r);
}

static void take(struct dp_rng *r, void *out, uint32_t len)
{
	if (r->pos + len > RNG_BLOCK) {
		uint8_t seed[RNG_KEY + RNG_IV];

		memcpy(seed, r->block, sizeof(seed));
		// A cipher that worked at start and fails now would leave IDs predictable.
		if (rekey_and_fill(r, seed) != 0)
			abort();
	}
	memcpy(out, r->block + r->pos, len);
	memset(r->block + r->pos, 0, len);
	r->pos += len;
}

uint32_t dp_rng_u32(struct dp_rng *r)
{
	uint32_t v;

	take(r, &v, sizeof(v));
	return v;
}

uint16_t dp_rng_port(struct dp_rng *r)
{
	uint16_t v;

	// 1,024 of 65,536 draws are rejected: unbiased, 1.02 draws on average.
	do
		take(r, &v, sizeof(v));
	while (v < DP_PORT_MIN);
	return v;
}
