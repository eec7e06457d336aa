#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "validator/sig.h"

/*
 * Verification through OpenSSL's EVP. What is not arithmetic is done once: digests are fetched when
 * the verifier is made, and the keys used last are kept with a context that is ready to verify. To
 * prepare one for each signature, as EVP_DigestVerifyInit() with a key does, makes a P-256
 * verification 6 % longer (tests/bench/bench_sigcache.c).
 */

enum { KEYS_KEPT = 32 };

enum {
	RSA_MODULUS_MIN_BITS = 512,         // RFC 5702 s2.1
	RSA_MODULUS_MIN_BITS_SHA512 = 1024, // RFC 5702 s2.2
	RSA_MODULUS_MAX_BITS = 4096,        // RFC 3110 s2, RFC 5702 s2
	// RFC 3110 s2 allows 4096 bits, and a verification's cost grows with them. OpenSSL draws
	// this line for moduli over 3072 bits, we do for all. Signers use 3, 65537 or 2^32 + 1.
	RSA_EXPONENT_MAX_BITS = 64,
};

enum {
	P256_COORDINATE = 32,
	P384_COORDINATE = 48,
	DER_INTEGER_MAX = 2 + 1 + P384_COORDINATE,
	ECDSA_DER_MAX = 2 + 2 * DER_INTEGER_MAX,
};
static_assert(2 * DER_INTEGER_MAX < 128, "DER lengths are one octet");

enum digest { SHA1, SHA256, SHA384, SHA512, DIGESTS };

struct kept {
	EVP_PKEY_CTX *digest_ctx; // RSA, ECDSA: verifies a digest of ours
	EVP_MD_CTX *message_ctx;  // EdDSA: verifies the message; both NULL: RDATA that is no key
	uint64_t used;            // 0: slot free
	uint16_t len;
	uint8_t rdata[VAL_KEY_MAX];
};

struct val_verifier {
	EVP_MD *md[DIGESTS];
	EVP_MD_CTX *hash;
	uint64_t clock;
	bool sha1;
	struct kept kept[KEYS_KEPT];
};

void val_verifier_set_sha1(struct val_verifier *v, bool sha1)
{
	v->sha1 = sha1;
}

bool val_verifier_sha1(const struct val_verifier *v)
{
	return v->sha1;
}

int val_verifier_new(struct val_verifier **out)
{
	static const char *const names[DIGESTS] = {"SHA1", "SHA256", "SHA384", "SHA512"};
	struct val_verifier *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return -ENOMEM;
	v->hash = EVP_MD_CTX_new();
	if (v->hash == NULL) {
		val_verifier_free(v);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < DIGESTS; i++) {
		v->md[i] = EVP_MD_fetch(NULL, names[i], NULL);
		if (v->md[i] == NULL) {
			val_verifier_free(v);
			return -ENOTSUP;
		}
	}
	*out = v;
	return 0;
}

static void forget(struct kept *k)
{
	EVP_PKEY_CTX_free(k->digest_ctx);
	EVP_MD_CTX_free(k->message_ctx);
	k->digest_ctx = NULL;
	k->message_ctx = NULL;
	k->used = 0;
}

void val_verifier_free(struct val_verifier *v)
{
	if (v == NULL)
		return;
	for (unsigned i = 0; i < KEYS_KEPT; i++)
		forget(&v->kept[i]);
	for (unsigned i = 0; i < DIGESTS; i++)
		EVP_MD_free(v->md[i]);
	EVP_MD_CTX_free(v->hash);
	free(v);
}

/* ---- keys ---- */

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *bld)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

/* A modulus and an exponent that we are willing to compute with. */
static bool rsa_is_bounded(const BIGNUM *n, const BIGNUM *e, uint8_t algorithm)
{
	int bits = BN_num_bits(n);
	int least =
		algorithm == VAL_ALG_RSASHA512 ? RSA_MODULUS_MIN_BITS_SHA512 : RSA_MODULUS_MIN_BITS;

	// With an exponent of 1 anybody can sign.
	return bits >= least && bits <= RSA_MODULUS_MAX_BITS && BN_is_odd(n) && BN_is_odd(e) &&
	       !BN_is_one(e) && BN_num_bits(e) <= RSA_EXPONENT_MAX_BITS;
}

/* RFC 3110 s2: length of the exponent in one or three octets, exponent, modulus. */
static EVP_PKEY *rsa_key(const struct dns_dnskey *k)
{
	size_t e_len, skip = 1;
	BIGNUM *e = NULL, *n = NULL;
	OSSL_PARAM_BLD *bld = NULL;
	EVP_PKEY *key = NULL;

	if (k->key_len < 3)
		return NULL;
	e_len = k->key[0];
	if (e_len == 0) {
		e_len = dns_get16(k->key + 1);
		skip = 3;
	}
	if (e_len == 0 || skip + e_len >= k->key_len)
		return NULL;
	e = BN_bin2bn(k->key + skip, (int)e_len, NULL);
	n = BN_bin2bn(k->key + skip + e_len, (int)(k->key_len - skip - e_len), NULL);
	bld = OSSL_PARAM_BLD_new();
	if (e != NULL && n != NULL && bld != NULL && rsa_is_bounded(n, e, k->algorithm) &&
		OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
		OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		key = from_params("RSA", bld);
	OSSL_PARAM_BLD_free(bld);
	BN_free(n);
	BN_free(e);
	return key;
}

/* RFC 6605 s4: the point's two coordinates, without the leading octet that says so. */
static EVP_PKEY *ec_key(const char *group, size_t coordinate, const struct dns_dnskey *k)
{
	uint8_t point[1 + 2 * P384_COORDINATE] = {POINT_CONVERSION_UNCOMPRESSED};
	OSSL_PARAM_BLD *bld;
	EVP_PKEY *key = NULL;

	if (k->key_len != 2 * coordinate)
		return NULL;
	memcpy(point + 1, k->key, k->key_len);
	bld = OSSL_PARAM_BLD_new();
	if (bld != NULL &&
		OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) == 1 &&
		OSSL_PARAM_BLD_push_octet_string(
			bld, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * coordinate) == 1)
		key = from_params("EC", bld);
	OSSL_PARAM_BLD_free(bld);
	return key;
}

static EVP_PKEY *parse_key(const struct dns_dnskey *k)
{
	switch (k->algorithm) {
	case VAL_ALG_RSASHA1:
	case VAL_ALG_RSASHA1_NSEC3:
	case VAL_ALG_RSASHA256:
	case VAL_ALG_RSASHA512:
		return rsa_key(k);
	case VAL_ALG_P256:
		return ec_key("P-256", P256_COORDINATE, k);
	case VAL_ALG_P384:
		return ec_key("P-384", P384_COORDINATE, k);
	case VAL_ALG_ED25519:
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, k->key, k->key_len);
	case VAL_ALG_ED448:
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED448, NULL, k->key, k->key_len);
	default:
		return NULL;
	}
}

/* NULL where the algorithm brings its own. */
static const EVP_MD *digest_of(const struct val_verifier *v, uint8_t algorithm)
{
	switch (algorithm) {
	case VAL_ALG_RSASHA1:
	case VAL_ALG_RSASHA1_NSEC3:
		return v->md[SHA1];
	case VAL_ALG_RSASHA256:
	case VAL_ALG_P256:
		return v->md[SHA256];
	case VAL_ALG_P384:
		return v->md[SHA384];
	case VAL_ALG_RSASHA512:
		return v->md[SHA512];
	default:
		return NULL;
	}
}

static EVP_PKEY_CTX *ready_for_digests(EVP_PKEY *key, const EVP_MD *md)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

	if (ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
		EVP_PKEY_CTX_set_signature_md(ctx, md) == 1)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

static EVP_MD_CTX *ready_for_messages(EVP_PKEY *key)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1)
		return ctx;
	EVP_MD_CTX_free(ctx);
	return NULL;
}

/* The contexts hold the key. */
static void keep(const struct val_verifier *v, struct kept *s, const struct dns_dnskey *k)
{
	const EVP_MD *md = digest_of(v, k->algorithm);
	EVP_PKEY *key = parse_key(k);

	if (key != NULL && md != NULL)
		s->digest_ctx = ready_for_digests(key, md);
	else if (key != NULL)
		s->message_ctx = ready_for_messages(key);
	EVP_PKEY_free(key);
}

/* Found among the kept ones, or kept from now on in the place of the one unused longest. */
static struct kept *get_key(
	struct val_verifier *v, const uint8_t *rdata, size_t len, const struct dns_dnskey *k)
{
	struct kept *oldest = &v->kept[0];

	for (unsigned i = 0; i < KEYS_KEPT; i++) {
		struct kept *s = &v->kept[i];

		if (s->used != 0 && s->len == len && memcmp(s->rdata, rdata, len) == 0) {
			s->used = ++v->clock;
			return s;
		}
		if (s->used < oldest->used)
			oldest = s;
	}
	forget(oldest);
	keep(v, oldest, k);
	oldest->used = ++v->clock;
	oldest->len = (uint16_t)len;
	memcpy(oldest->rdata, rdata, len);
	return oldest;
}

/* ---- signatures ---- */

/* Octets of r and of s; 0 for what is not ECDSA. */
static size_t ecdsa_coordinate(uint8_t algorithm)
{
	return algorithm == VAL_ALG_P256   ? P256_COORDINATE
	       : algorithm == VAL_ALG_P384 ? P384_COORDINATE
					   : 0;
}

/* One unsigned integer in DER: no leading zeroes, but one where the first bit is set. */
static size_t der_integer(const uint8_t *n, size_t len, uint8_t *out)
{
	size_t pos = 2;

	while (len > 1 && *n == 0) {
		n++;
		len--;
	}
	if (*n & 0x80)
		out[pos++] = 0;
	memcpy(out + pos, n, len);
	pos += len;
	out[0] = 0x02;
	out[1] = (uint8_t)(pos - 2);
	return pos;
}

/* RFC 6605 s4: r and s side by side, to the SEQUENCE that OpenSSL reads. */
static size_t ecdsa_der(const uint8_t *sig, size_t coordinate, uint8_t *out)
{
	uint8_t body[2 * DER_INTEGER_MAX];
	size_t len = der_integer(sig, coordinate, body);
	size_t pos = 0;

	len += der_integer(sig + coordinate, coordinate, body + len);
	out[pos++] = 0x30;
	out[pos++] = (uint8_t)len;
	memcpy(out + pos, body, len);
	return pos + len;
}

static bool verify_digest(struct val_verifier *v, struct kept *key, const EVP_MD *md,
	const uint8_t *data, size_t data_len, const uint8_t *sig, size_t sig_len)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	return EVP_DigestInit_ex2(v->hash, md, NULL) == 1 &&
	       EVP_DigestUpdate(v->hash, data, data_len) == 1 &&
	       EVP_DigestFinal_ex(v->hash, digest, &len) == 1 &&
	       EVP_PKEY_verify(key->digest_ctx, sig, sig_len, digest, len) == 1;
}

static bool verify_message(
	struct kept *key, const uint8_t *data, size_t data_len, const uint8_t *sig, size_t sig_len)
{
	// Without a key it makes the context ready again with the one that it has.
	return EVP_DigestVerifyInit(key->message_ctx, NULL, NULL, NULL, NULL) == 1 &&
	       EVP_DigestVerify(key->message_ctx, sig, sig_len, data, data_len) == 1;
}

int val_verify(struct val_verifier *v, const uint8_t *dnskey, size_t dnskey_len,
	const uint8_t *data, size_t data_len, const uint8_t *sig, size_t sig_len)
{
	uint8_t der[ECDSA_DER_MAX];
	struct dns_dnskey k;
	struct kept *key;
	size_t coordinate;
	bool good = false;

	if (dnskey_len > VAL_KEY_MAX || dns_dnskey_read(dnskey, dnskey_len, &k) != 0)
		return 0;
	if (!val_alg_supported(k.algorithm, true))
		return -ENOTSUP;
	coordinate = ecdsa_coordinate(k.algorithm);
	if (coordinate != 0) {
		if (sig_len != 2 * coordinate)
			return 0;
		sig_len = ecdsa_der(sig, coordinate, der);
		sig = der;
	}
	key = get_key(v, dnskey, dnskey_len, &k);
	if (key->digest_ctx != NULL)
		good = verify_digest(
			v, key, digest_of(v, k.algorithm), data, data_len, sig, sig_len);
	else if (key->message_ctx != NULL)
		good = verify_message(key, data, data_len, sig, sig_len);
	if (!good)
		ERR_clear_error(); // else what a packet caused is found by whoever asks next
	return good;
}
