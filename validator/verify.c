#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "validator/sig.h"

/*
 * Verification through OpenSSL's EVP. Parsing a key costs more than a look-up, so a verifier keeps
 * the keys it used last, by their full RDATA. Contexts are reused.
 */

enum { KEYS_KEPT = 32 };

enum { RSA_MODULUS_MIN_BITS = 512, RSA_MODULUS_MAX_BITS = 4096, RSA_EXPONENT_MAX = 512 };

struct kept {
	EVP_PKEY *key; // NULL: RDATA known to be no key
	uint64_t used; // 0: slot free
	uint16_t len;
	uint8_t rdata[VAL_KEY_MAX];
};

struct val_verifier {
	EVP_MD_CTX *ctx;
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
	struct val_verifier *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return -ENOMEM;
	v->ctx = EVP_MD_CTX_new();
	if (v->ctx == NULL) {
		free(v);
		return -ENOMEM;
	}
	*out = v;
	return 0;
}

void val_verifier_free(struct val_verifier *v)
{
	if (v == NULL)
		return;
	for (unsigned i = 0; i < KEYS_KEPT; i++)
		EVP_PKEY_free(v->kept[i].key);
	EVP_MD_CTX_free(v->ctx);
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

/* RFC 3110 s2: length of the exponent in one or three octets, exponent, modulus. */
static EVP_PKEY *rsa_key(const uint8_t *data, size_t len)
{
	size_t e_len, skip = 1;
	BIGNUM *e = NULL, *n = NULL;
	OSSL_PARAM_BLD *bld = NULL;
	EVP_PKEY *key = NULL;
	int bits;

	if (len < 3)
		return NULL;
	e_len = data[0];
	if (e_len == 0) {
		e_len = dns_get16(data + 1);
		skip = 3;
	}
	if (e_len == 0 || e_len > RSA_EXPONENT_MAX || skip + e_len >= len)
		return NULL;
	e = BN_bin2bn(data + skip, (int)e_len, NULL);
	n = BN_bin2bn(data + skip + e_len, (int)(len - skip - e_len), NULL);
	bld = OSSL_PARAM_BLD_new();
	if (e == NULL || n == NULL || bld == NULL)
		goto out;
	bits = BN_num_bits(n);
	if (bits < RSA_MODULUS_MIN_BITS || bits > RSA_MODULUS_MAX_BITS)
		goto out; // RFC 5702 s2
	if (OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
		OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		key = from_params("RSA", bld);
out:
	OSSL_PARAM_BLD_free(bld);
	BN_free(n);
	BN_free(e);
	return key;
}

/* RFC 6605 s4: the point's two coordinates, without the leading octet that says so. */
static EVP_PKEY *ec_key(const char *group, size_t coordinate, const uint8_t *data, size_t len)
{
	uint8_t point[1 + 2 * 48] = {POINT_CONVERSION_UNCOMPRESSED};
	OSSL_PARAM_BLD *bld;
	EVP_PKEY *key = NULL;

	if (len != 2 * coordinate)
		return NULL;
	memcpy(point + 1, data, len);
	bld = OSSL_PARAM_BLD_new();
	if (bld != NULL &&
		OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) == 1 &&
		OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, len + 1) == 1)
		key = from_params("EC", bld);
	OSSL_PARAM_BLD_free(bld);
	return key;
}

static EVP_PKEY *parse_key(const struct dns_dnskey *k)
{
	switch (k->algorithm) {
	case 5:
	case 7:
	case 8:
	case 10:
		return rsa_key(k->key, k->key_len);
	case 13:
		return ec_key("P-256", 32, k->key, k->key_len);
	case 14:
		return ec_key("P-384", 48, k->key, k->key_len);
	case 15:
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, k->key, k->key_len);
	case 16:
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED448, NULL, k->key, k->key_len);
	default:
		return NULL;
	}
}

static EVP_PKEY *get_key(
	struct val_verifier *v, const uint8_t *rdata, size_t len, const struct dns_dnskey *k)
{
	struct kept *oldest = &v->kept[0];

	for (unsigned i = 0; i < KEYS_KEPT; i++) {
		struct kept *s = &v->kept[i];

		if (s->used != 0 && s->len == len && memcmp(s->rdata, rdata, len) == 0) {
			s->used = ++v->clock;
			return s->key;
		}
		if (s->used < oldest->used)
			oldest = s;
	}
	EVP_PKEY_free(oldest->key);
	oldest->key = parse_key(k);
	oldest->used = ++v->clock;
	oldest->len = (uint16_t)len;
	memcpy(oldest->rdata, rdata, len);
	return oldest->key;
}

/* ---- signatures ---- */

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

/* RFC 6605 s4: r and s side by side, to the SEQUENCE that OpenSSL reads. At most 2 * 51 + 3 octets.
 */
static size_t ecdsa_der(const uint8_t *sig, size_t coordinate, uint8_t *out)
{
	uint8_t body[2 * 52];
	size_t len = der_integer(sig, coordinate, body);
	size_t pos = 0;

	len += der_integer(sig + coordinate, coordinate, body + len);
	out[pos++] = 0x30;
	out[pos++] = (uint8_t)len; // below 128 for P-256 and P-384
	memcpy(out + pos, body, len);
	return pos + len;
}

static const EVP_MD *digest_of(uint8_t algorithm)
{
	switch (algorithm) {
	case 5:
	case 7:
		return EVP_sha1();
	case 10:
		return EVP_sha512();
	case 14:
		return EVP_sha384();
	case 15:
	case 16:
		return NULL; // the algorithm brings its own
	default:
		return EVP_sha256();
	}
}

int val_verify(struct val_verifier *v, const uint8_t *dnskey, size_t dnskey_len,
	const uint8_t *data, size_t data_len, const uint8_t *sig, size_t sig_len)
{
	struct dns_dnskey k;
	uint8_t der[2 * 52 + 2];
	EVP_PKEY *key;

	if (dnskey_len > VAL_KEY_MAX || dns_dnskey_read(dnskey, dnskey_len, &k) != 0)
		return 0;
	if (!val_alg_supported(k.algorithm, true))
		return -ENOTSUP;
	key = get_key(v, dnskey, dnskey_len, &k);
	if (key == NULL)
		return 0;
	if (k.algorithm == 13 || k.algorithm == 14) {
		size_t coordinate = k.algorithm == 13 ? 32 : 48;

		if (sig_len != 2 * coordinate)
			return 0;
		sig_len = ecdsa_der(sig, coordinate, der);
		sig = der;
	}
	EVP_MD_CTX_reset(v->ctx);
	return EVP_DigestVerifyInit(v->ctx, NULL, digest_of(k.algorithm), NULL, key) == 1 &&
	       EVP_DigestVerify(v->ctx, sig, sig_len, data, data_len) == 1;
}
