#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include <CUnit/Basic.h>

#include "dns/wire.h"
#include "tests/unit/run.h"
#include "validator/sig.h"

/*
 * Keys are made here, by OpenSSL, at test time; OpenSSL signs too. Only keys that it would not make
 * (at and beyond our limits) are made and used by big numbers alone.
 */

enum { BIG = 2048 };

struct blob {
	size_t len;
	uint8_t octets[BIG];
};

struct pair {
	EVP_PKEY *pkey;
	struct blob dnskey; // RDATA
};

static struct val_verifier *verifier;

static const struct {
	const char *name;
	uint8_t number;
	const char *digest; // NULL: brings its own
	unsigned coordinate;
} algorithms[] = {
	{"RSASHA1", VAL_ALG_RSASHA1, "SHA1", 0},
	{"RSASHA1-NSEC3-SHA1", VAL_ALG_RSASHA1_NSEC3, "SHA1", 0},
	{"RSASHA256", VAL_ALG_RSASHA256, "SHA256", 0},
	{"RSASHA512", VAL_ALG_RSASHA512, "SHA512", 0},
	{"ECDSAP256SHA256", VAL_ALG_P256, "SHA256", 32},
	{"ECDSAP384SHA384", VAL_ALG_P384, "SHA384", 48},
	{"ED25519", VAL_ALG_ED25519, NULL, 0},
	{"ED448", VAL_ALG_ED448, NULL, 0},
};
enum { ALGORITHMS = sizeof(algorithms) / sizeof(algorithms[0]) };

static struct pair pairs[ALGORITHMS];

/* ---- keys and signatures ---- */

static void head(struct blob *b, uint8_t algorithm)
{
	dns_put16(b->octets, 257);
	b->octets[2] = 3;
	b->octets[3] = algorithm;
	b->len = 4;
}

static void add_bn(struct blob *b, const BIGNUM *n)
{
	b->len += (size_t)BN_bn2bin(n, b->octets + b->len);
}

/* RFC 3110 s2 */
static void rsa_rdata(struct blob *b, uint8_t algorithm, const BIGNUM *n, const BIGNUM *e)
{
	head(b, algorithm);
	b->octets[b->len++] = (uint8_t)BN_num_bytes(e);
	add_bn(b, e);
	add_bn(b, n);
}

static void make_rsa(struct pair *p, uint8_t algorithm)
{
	BIGNUM *n = NULL, *e = NULL;

	p->pkey = EVP_RSA_gen(1024);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->pkey);
	EVP_PKEY_get_bn_param(p->pkey, OSSL_PKEY_PARAM_RSA_N, &n);
	EVP_PKEY_get_bn_param(p->pkey, OSSL_PKEY_PARAM_RSA_E, &e);
	rsa_rdata(&p->dnskey, algorithm, n, e);
	BN_free(n);
	BN_free(e);
}

static void make_other(struct pair *p, uint8_t algorithm)
{
	size_t len = BIG;

	p->pkey = algorithm == VAL_ALG_P256      ? EVP_EC_gen("P-256")
		  : algorithm == VAL_ALG_P384    ? EVP_EC_gen("P-384")
		  : algorithm == VAL_ALG_ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
						 : EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->pkey);
	head(&p->dnskey, algorithm);
	if (algorithm == VAL_ALG_P256 || algorithm == VAL_ALG_P384) {
		uint8_t point[1 + 2 * 48];

		EVP_PKEY_get_octet_string_param(
			p->pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len);
		memcpy(p->dnskey.octets + 4, point + 1, --len); // without "uncompressed"
	} else {
		EVP_PKEY_get_raw_public_key(p->pkey, p->dnskey.octets + 4, &len);
	}
	p->dnskey.len += len;
}

static void make_pair(struct pair *p, uint8_t algorithm)
{
	if (algorithm <= VAL_ALG_RSASHA512)
		make_rsa(p, algorithm);
	else
		make_other(p, algorithm);
}

/* RFC 6605 s4 */
static void to_raw(struct blob *sig, unsigned coordinate)
{
	const uint8_t *der = sig->octets;
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &der, (long)sig->len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	BN_bn2binpad(ECDSA_SIG_get0_r(s), sig->octets, (int)coordinate);
	BN_bn2binpad(ECDSA_SIG_get0_s(s), sig->octets + coordinate, (int)coordinate);
	sig->len = (size_t)2 * coordinate;
	ECDSA_SIG_free(s);
}

static struct blob sign(const struct pair *p, unsigned a, const struct blob *data)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct blob sig = {.len = BIG};

	CU_ASSERT_FATAL(EVP_DigestSignInit_ex(
				ctx, NULL, algorithms[a].digest, NULL, NULL, p->pkey, NULL) == 1 &&
			EVP_DigestSign(ctx, sig.octets, &sig.len, data->octets, data->len) == 1);
	if (algorithms[a].coordinate != 0)
		to_raw(&sig, algorithms[a].coordinate);
	EVP_MD_CTX_free(ctx);
	return sig;
}

static struct blob text(size_t len)
{
	struct blob b = {.len = len};

	for (size_t i = 0; i < len; i++)
		b.octets[i] = (uint8_t)(i * 7 + 1);
	return b;
}

/* ---- verifying on exact-size blocks ---- */

static uint8_t *exact(const struct blob *b)
{
	uint8_t *copy = malloc(b->len);

	CU_ASSERT_FATAL(copy != NULL || b->len == 0);
	if (b->len > 0)
		memcpy(copy, b->octets, b->len);
	return copy;
}

static int verify(const struct blob *dnskey, const struct blob *data, const struct blob *sig)
{
	uint8_t *k = exact(dnskey), *d = exact(data), *s = exact(sig);
	int said = val_verify(verifier, k, dnskey->len, d, data->len, s, sig->len);

	free(k);
	free(d);
	free(s);
	CU_ASSERT_EQUAL(ERR_peek_error(), 0); // nothing is left for others to find
	return said;
}

static void expect(const char *name, const char *what, size_t at, int said, int wanted)
{
	if (said == wanted)
		return;
	printf("\n  %s, %s %zu: %d, not %d", name, what, at, said, wanted);
	CU_FAIL("a verification");
}

/* ---- tests ---- */

static void test_make_keys(void)
{
	for (unsigned a = 0; a < ALGORITHMS; a++)
		make_pair(&pairs[a], algorithms[a].number);
}

static void test_good(void)
{
	static const size_t lengths[] = {0, 1, 63, 64, 300, BIG};

	for (unsigned a = 0; a < ALGORITHMS; a++)
		for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			struct blob data = text(lengths[i]);
			struct blob sig = sign(&pairs[a], a, &data);

			// twice: parsed, then kept
			for (int turn = 0; turn < 2; turn++)
				expect(algorithms[a].name, "octets of data", data.len,
					verify(&pairs[a].dnskey, &data, &sig), 1);
		}
}

static void flip(struct blob *b, size_t bit)
{
	b->octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* One bit after the other, from octet `from` on; the untouched input is good before and after. */
static void flip_each(unsigned a, const char *what, struct blob *victim, size_t from,
	const struct blob *key, const struct blob *data, const struct blob *sig)
{
	expect(algorithms[a].name, "before", 0, verify(key, data, sig), 1);
	for (size_t bit = from * 8; bit < victim->len * 8; bit++) {
		flip(victim, bit);
		expect(algorithms[a].name, what, bit, verify(key, data, sig), 0);
		flip(victim, bit);
	}
	expect(algorithms[a].name, "after", 0, verify(key, data, sig), 1);
}

static void test_flipped_bits(void)
{
	for (unsigned a = 0; a < ALGORITHMS; a++) {
		struct blob data = text(40), key = pairs[a].dnskey;
		struct blob sig = sign(&pairs[a], a, &data);

		flip_each(a, "signature bit", &sig, 0, &key, &data, &sig);
		flip_each(a, "data bit", &data, 0, &key, &data, &sig);
		flip_each(a, "key bit", &key, 4, &key, &data, &sig);
	}
}

static void test_lengths(void)
{
	for (unsigned a = 0; a < ALGORITHMS; a++) {
		struct blob data = text(40), key = pairs[a].dnskey;
		struct blob sig = sign(&pairs[a], a, &data), other;

		other = sig;
		for (other.len = 0; other.len <= sig.len + 8; other.len++)
			expect(algorithms[a].name, "signature octets", other.len,
				verify(&key, &data, &other), other.len == sig.len);
		other = key;
		for (other.len = 0; other.len <= key.len + 8; other.len++)
			expect(algorithms[a].name, "key octets", other.len,
				verify(&other, &data, &sig), other.len == key.len);
	}
}

/* The key as if it were another algorithm's. 5 and 7 differ in number only. */
static void test_other_algorithms(void)
{
	for (unsigned a = 0; a < ALGORITHMS; a++) {
		struct blob data = text(40), key = pairs[a].dnskey;
		struct blob sig = sign(&pairs[a], a, &data);

		for (unsigned n = 0; n < 256; n++) {
			bool sha1 = algorithms[a].number == VAL_ALG_RSASHA1 ||
				    algorithms[a].number == VAL_ALG_RSASHA1_NSEC3;
			bool same = n == algorithms[a].number ||
				    (sha1 && (n == VAL_ALG_RSASHA1 || n == VAL_ALG_RSASHA1_NSEC3));

			key.octets[3] = (uint8_t)n;
			expect(algorithms[a].name, "as algorithm", n, verify(&key, &data, &sig),
				!val_alg_supported((uint8_t)n, true) ? -ENOTSUP : same);
		}
	}
}

static void test_supported(void)
{
	for (unsigned n = 0; n < 256; n++) {
		bool live = n == 8 || n == 10 || (n >= 13 && n <= 16);

		CU_ASSERT_EQUAL(val_alg_supported((uint8_t)n, false), live);
		CU_ASSERT_EQUAL(val_alg_supported((uint8_t)n, true), live || n == 5 || n == 7);
	}
}

/* ---- RSA at its limits ---- */

/* RFC 8017 s9.2 */
static void pad(uint8_t *em, size_t len, bool sha512, const struct blob *data)
{
	static const uint8_t info256[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,
		0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
	static const uint8_t info512[] = {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,
		0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40};
	size_t digest_len = sha512 ? SHA512_DIGEST_LENGTH : SHA256_DIGEST_LENGTH;
	size_t at = len - digest_len - sizeof(info256);

	memset(em, 0xff, len);
	em[0] = 0;
	em[1] = 1;
	em[at - 1] = 0;
	memcpy(em + at, sha512 ? info512 : info256, sizeof(info256));
	if (sha512)
		SHA512(data->octets, data->len, em + len - digest_len);
	else
		SHA256(data->octets, data->len, em + len - digest_len);
}

/*
 * A prime will do as a modulus (and a prime times 3, to be a little longer): whoever knows its
 * totient can sign with any exponent. bits <= 4096: n is a prime of that length.
 */
static BIGNUM *modulus(int bits, BIGNUM *phi)
{
	BIGNUM *n = BN_new();

	if (bits < 4096)
		BN_generate_prime_ex(n, bits, 0, NULL, NULL, NULL);
	else
		BN_get_rfc3526_prime_4096(n);
	BN_sub(phi, n, BN_value_one());
	if (bits > 4096) {
		BN_mul_word(n, 3);
		BN_mul_word(phi, 2);
	}
	CU_ASSERT_EQUAL_FATAL(BN_num_bits(n), bits);
	return n;
}

/* The first exponent from `from` on that has an inverse, which goes to d. */
static BIGNUM *exponent(const char *from, const BIGNUM *phi, BIGNUM *d, BN_CTX *ctx)
{
	BIGNUM *e = NULL;

	BN_hex2bn(&e, from);
	while (BN_mod_inverse(d, e, phi, ctx) == NULL)
		BN_add_word(e, 2);
	ERR_clear_error();
	return e;
}

static int verify_rsa(int bits, const char *e_from, bool sha512, size_t zeroes)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *phi = BN_new(), *d = BN_new(), *m = BN_new();
	BIGNUM *n = modulus(bits, phi), *e = exponent(e_from, phi, d, ctx);
	struct blob data = text(40), key, sig = {.len = (size_t)BN_num_bytes(n)};
	uint8_t em[BIG];
	int said;

	pad(em, sig.len, sha512, &data);
	BN_bin2bn(em, (int)sig.len, m);
	BN_mod_exp(m, m, d, n, ctx);
	BN_bn2binpad(m, sig.octets, (int)sig.len);
	head(&key, sha512 ? VAL_ALG_RSASHA512 : VAL_ALG_RSASHA256);
	key.octets[key.len++] = 0; // the long form of the exponent's length
	dns_put16(key.octets + key.len, (uint16_t)(zeroes + (size_t)BN_num_bytes(e)));
	key.len += 2;
	memset(key.octets + key.len, 0, zeroes);
	key.len += zeroes;
	add_bn(&key, e);
	add_bn(&key, n);
	said = verify(&key, &data, &sig);
	BN_free(n);
	BN_free(e);
	BN_free(phi);
	BN_free(d);
	BN_free(m);
	BN_CTX_free(ctx);
	return said;
}

static void test_rsa_limits(void)
{
	static const struct {
		const char *name;
		int bits;
		const char *e;
		bool sha512;
		size_t zeroes; // before the exponent
		int good;
	} rows[] = {
		{"511 bits", 511, "10001", false, 0, 0},
		{"512 bits", 512, "10001", false, 0, 1},
		{"1023 bits, SHA-256", 1023, "10001", false, 0, 1},
		{"1023 bits, SHA-512", 1023, "10001", true, 0, 0},
		{"1024 bits, SHA-512", 1024, "10001", true, 0, 1},
		{"4096 bits", 4096, "10001", false, 0, 1},
		{"4098 bits", 4098, "10001", false, 0, 0},
		{"exponent 1", 1024, "1", false, 0, 0},
		{"exponent 5 or so", 1024, "5", false, 0, 1},
		{"exponent of 64 bits", 1024, "8000000000000001", false, 0, 1},
		{"exponent of 65 bits", 1024, "10000000000000001", false, 0, 0},
		{"exponent of 512 bits", 1024,
			"8000000000000000000000000000000000000000000000000000000000000000"
			"0000000000000000000000000000000000000000000000000000000000000001",
			false, 0, 0},
		{"VAL_KEY_MAX", 4096, "10001", false, VAL_KEY_MAX - 4 - 3 - 3 - 512, 1},
		{"VAL_KEY_MAX + 1", 4096, "10001", false, VAL_KEY_MAX - 4 - 3 - 3 - 512 + 1, 0},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(rows[i].name, "row", i,
			verify_rsa(rows[i].bits, rows[i].e, rows[i].sha512, rows[i].zeroes),
			rows[i].good);
}

/* Lengths that lie, and numbers that no arithmetic should meet. */
static void test_rsa_malformed(void)
{
	static const struct {
		const char *name;
		uint8_t start[8]; // of the key, with its length
		size_t len, total;
	} rows[] = {
		{"two octets", {1, 3}, 2, 2},
		{"long form cut", {0, 1}, 2, 2},
		{"exponent of no octet", {0, 0, 0}, 3, 132},
		{"exponent is all", {129}, 1, 130},
		{"exponent goes beyond", {200}, 1, 130},
		{"long exponent is all", {0, 0, 127}, 3, 130},
		{"long exponent goes beyond", {0, 255, 255}, 3, 130},
		{"zero exponent", {1, 0}, 2, 130},
		{"even exponent", {1, 4}, 2, 130},
		{"zero modulus", {1, 3}, 2, 0},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct blob key, data = text(40), sig = text(128);

		head(&key, VAL_ALG_RSASHA256);
		memset(key.octets + 4, rows[i].total > 0 ? 0xff : 0, 130);
		memcpy(key.octets + 4, rows[i].start, rows[i].len);
		key.len += rows[i].total > 0 ? rows[i].total : 130;
		expect(rows[i].name, "row", i, verify(&key, &data, &sig), 0);
	}
}

/* ---- ECDSA ---- */

static void test_ecdsa_numbers(void)
{
	static const char order[] =
		"FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";
	enum { P256 = 4 };
	struct blob data = text(40), key = pairs[P256].dnskey;
	struct blob sig = sign(&pairs[P256], P256, &data), other;
	BIGNUM *n = NULL;

	BN_hex2bn(&n, order);
	CU_ASSERT_EQUAL(verify(&key, &data, &sig), 1);
	for (size_t half = 0; half < 2; half++) {
		other = sig;
		memset(other.octets + 32 * half, 0, 32); // zero
		CU_ASSERT_EQUAL(verify(&key, &data, &other), 0);
		BN_bn2binpad(n, other.octets + 32 * half, 32); // the group's order
		CU_ASSERT_EQUAL(verify(&key, &data, &other), 0);
		memset(other.octets + 32 * half, 0xff, 32); // beyond it
		CU_ASSERT_EQUAL(verify(&key, &data, &other), 0);
	}
	memset(key.octets + 4, 0, 64); // not on the curve
	CU_ASSERT_EQUAL(verify(&key, &data, &sig), 0);
	memset(key.octets + 4, 0xff, 64); // not in the field
	CU_ASSERT_EQUAL(verify(&key, &data, &sig), 0);
	BN_free(n);
}

/* r and s of fewer octets, or with their first bit set, change the length of the DER form. */
static void test_many_signatures(void)
{
	enum { P256 = 4, TIMES = 2000 };
	unsigned short_ones = 0, wrong = 0;

	for (unsigned i = 0; i < TIMES; i++) {
		struct blob data = text(40);
		struct blob sig;

		dns_put32(data.octets, i);
		sig = sign(&pairs[P256], P256, &data);
		short_ones += sig.octets[0] == 0 || sig.octets[32] == 0;
		wrong += verify(&pairs[P256].dnskey, &data, &sig) != 1;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(short_ones > 0);
}

/* ---- keys that are kept ---- */

/* More keys than are kept, of two algorithms, in any order, good and bad ones mixed: the answer
 * never depends on what was asked before. */
static void test_more_keys_than_are_kept(void)
{
	enum { KEYS = 100, ASKED = 3000 };
	static const unsigned kinds[] = {4, 6}; // P-256, Ed25519
	struct pair *p = calloc(KEYS, sizeof(*p));
	struct blob *sig = calloc(KEYS, sizeof(*sig)), data = text(40);
	unsigned wrong = 0;

	CU_ASSERT_FATAL(p != NULL && sig != NULL);
	for (unsigned i = 0; i < KEYS; i++) {
		make_pair(&p[i], algorithms[kinds[i % 2]].number);
		sig[i] = sign(&p[i], kinds[i % 2], &data);
		if (i % 10 == 9)
			p[i].dnskey.len--; // no key at all
	}
	srand(3);
	for (unsigned n = 0; n < ASKED; n++) {
		// now and then all in turn, the worst case for what is kept
		unsigned k = n % 500 < 2 * KEYS ? n % KEYS : (unsigned)rand() % KEYS;
		unsigned s = rand() % 2 ? k : (unsigned)rand() % KEYS;

		wrong += verify(&p[k].dnskey, &data, &sig[s]) != (s == k && k % 10 != 9);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	for (unsigned i = 0; i < KEYS; i++)
		EVP_PKEY_free(p[i].pkey);
	free(p);
	free(sig);
}

static void test_sha1_setting(void)
{
	struct val_verifier *v = NULL;

	CU_ASSERT_EQUAL_FATAL(val_verifier_new(&v), 0);
	CU_ASSERT_FALSE(val_verifier_sha1(v));
	val_verifier_set_sha1(v, true);
	CU_ASSERT_TRUE(val_verifier_sha1(v));
	val_verifier_free(v);
	val_verifier_free(NULL);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"keys of every algorithm are made", test_make_keys},
		{"algorithms supported, of all 256", test_supported},
		{"SHA-1 is off until set", test_sha1_setting},
		{"good signatures of every algorithm", test_good},
		{"every bit of signature, data and key counts", test_flipped_bits},
		{"signatures and keys of every length", test_lengths},
		{"keys under other algorithm numbers", test_other_algorithms},
		{"RSA at its limits", test_rsa_limits},
		{"malformed RSA keys", test_rsa_malformed},
		{"ECDSA: zero, order, off the curve", test_ecdsa_numbers},
		{"ECDSA: 2000 signatures, short numbers among them", test_many_signatures},
		{"more keys than are kept", test_more_keys_than_are_kept},
		CU_TEST_INFO_NULL,
	};
	int failed;

	if (val_verifier_new(&verifier) != 0)
		return 99;
	failed = test_run("validator/verify", tests);
	for (unsigned a = 0; a < ALGORITHMS; a++)
		EVP_PKEY_free(pairs[a].pkey);
	val_verifier_free(verifier);
	return failed;
}
