#include <openssl/evp.h>

#include "dns/wire.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"
#include "validator/sigid.h"

static const struct dns_hash_key secret = {0x0123456789abcdef, 0xfedcba9876543210};

/* ---- the same in the plainest way: one bit at a time, AES by OpenSSL ---- */

struct word {
	uint64_t low, high; // bit i is the coefficient of x^i
};

static struct word add(struct word a, struct word b)
{
	return (struct word){a.low ^ b.low, a.high ^ b.high};
}

static struct word multiply(struct word a, struct word b)
{
	struct word sum = {0, 0};

	for (unsigned i = 0; i < 128; i++) {
		bool bit = (i < 64 ? b.low >> i : b.high >> (i - 64)) & 1;
		bool carry = a.high >> 63;

		if (bit)
			sum = add(sum, a);
		a = (struct word){a.low << 1 ^ (carry ? 0x87 : 0), a.high << 1 | a.low >> 63};
	}
	return sum;
}

static struct word word_of(const uint8_t *octets)
{
	struct word w = {0, 0};

	for (unsigned i = 0; i < 8; i++) {
		w.low |= (uint64_t)octets[i] << 8 * i;
		w.high |= (uint64_t)octets[8 + i] << 8 * i;
	}
	return w;
}

static struct word aes(struct word key, struct word in)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t out[32];
	int len = 0;

	// octets of a word and of an AES block are in one order on the machines that have AES-NI
	CU_ASSERT_EQUAL_FATAL(
		EVP_EncryptInit_ex2(ctx, EVP_aes_128_ecb(), (uint8_t *)&key, NULL, NULL), 1);
	CU_ASSERT_EQUAL_FATAL(EVP_EncryptUpdate(ctx, out, &len, (uint8_t *)&in, 16), 1);
	CU_ASSERT_EQUAL_FATAL(len, 16);
	EVP_CIPHER_CTX_free(ctx);
	return word_of(out);
}

static struct word key_word(uint64_t n)
{
	return aes((struct word){secret.k0, secret.k1}, (struct word){n, 0});
}

/* Sum over the chunks of a part; *chunk counts them over all parts. */
static struct word naive_part(const uint8_t *octets, size_t len, uint64_t *chunk)
{
	struct word sum = {0, 0};

	for (size_t at = 0; at < len; at += 64, ++*chunk) {
		uint8_t m[64] = {0};

		if (len < 64)
			memcpy(m, octets, len);
		else
			memcpy(m, octets + (at + 64 <= len ? at : len - 64), 64);
		for (unsigned i = 0; i < 2; i++) {
			struct word a = add(word_of(m + 16 * i), key_word(3 + *chunk * 4 + i));
			struct word b =
				add(word_of(m + 32 + 16 * i), key_word(3 + *chunk * 4 + 2 + i));

			sum = add(sum, multiply(a, b));
		}
	}
	return sum;
}

struct input {
	const uint8_t *data, *sig, *dnskey;
	size_t data_len, sig_len, dnskey_len;
};

static struct val_sig_id naive(const struct input *in)
{
	struct word sum = multiply(add((struct word){in->data_len, in->sig_len}, key_word(1)),
		add((struct word){in->dnskey_len, 0}, key_word(2)));
	uint64_t chunk = 0;

	sum = add(sum, naive_part(in->data, in->data_len, &chunk));
	sum = add(sum, naive_part(in->sig, in->sig_len, &chunk));
	sum = add(sum, naive_part(in->dnskey, in->dnskey_len, &chunk));
	sum = aes(key_word(0), sum);
	return (struct val_sig_id){{sum.low, sum.high}};
}

static struct val_sig_id naive_siphash(const struct input *in)
{
	size_t len = 12 + in->data_len + in->sig_len + in->dnskey_len;
	uint8_t *all = malloc(len), *p = all;
	struct val_sig_id id;

	dns_put32(p, (uint32_t)in->data_len);
	dns_put32(p + 4, (uint32_t)in->sig_len);
	dns_put32(p + 8, (uint32_t)in->dnskey_len);
	memcpy(p += 12, in->data, in->data_len);
	memcpy(p += in->data_len, in->sig, in->sig_len);
	memcpy(p + in->sig_len, in->dnskey, in->dnskey_len);
	dns_hash128(&secret, all, len, id.w);
	free(all);
	return id;
}

/* ---- ---- */

static struct val_sig_id id_of(const struct val_sig_key *key, const struct input *in)
{
	struct val_sig_id id;

	val_sig_id(
		key, in->data, in->data_len, in->sig, in->sig_len, in->dnskey, in->dnskey_len, &id);
	return id;
}

static bool same(const struct val_sig_id *a, const struct val_sig_id *b)
{
	return a->w[0] == b->w[0] && a->w[1] == b->w[1];
}

static void check_all(const char *name, const struct input *in)
{
	struct val_sig_id plain = naive(in), sip = naive_siphash(in);
	static struct val_sig_key key;

	for (unsigned prf = 0; prf < VAL_SIG_PRFS; prf++) {
		struct val_sig_id id;

		if (!val_sig_prf_supported(prf))
			continue;
		val_sig_key_init(&key, &secret, prf);
		id = id_of(&key, in);
		UNIT_CHECK(name, same(&id, prf == VAL_SIG_PRF_SIPHASH ? &sip : &plain));
	}
}

static uint8_t *random_part(uint64_t *seed, size_t len)
{
	uint8_t *drawn = malloc(len + 1), *exact;

	for (size_t i = 0; i < len; i++)
		drawn[i] = (uint8_t)unit_random(seed);
	exact = unit_copy(drawn, len);
	free(drawn);
	return exact;
}

static void check_lengths(const char *name, uint64_t *seed, size_t data, size_t sig, size_t dnskey)
{
	uint8_t *part[3] = {
		random_part(seed, data), random_part(seed, sig), random_part(seed, dnskey)};
	struct input in = {part[0], part[1], part[2], data, sig, dnskey};

	check_all(name, &in);
	for (unsigned i = 0; i < 3; i++)
		free(part[i]);
}

static void test_field(void)
{
	struct word x = {2, 0}, x127 = {0, 1ull << 63}, a = {0x0123456789abcdef, 0xf00d};
	struct word b = {77, 1ull << 63}, c = {3, 0xabcdef};
	struct word p = multiply(x127, x), left, right;

	CU_ASSERT(p.low == 0x87 && p.high == 0);
	left = multiply(multiply(a, b), c);
	right = multiply(a, multiply(b, c));
	CU_ASSERT(left.low == right.low && left.high == right.high);
	left = multiply(a, add(b, c));
	right = add(multiply(a, b), multiply(a, c));
	CU_ASSERT(left.low == right.low && left.high == right.high);
}

/* FIPS 197, appendix B: what the comparison rests on is AES, in our order of octets. */
static void test_aes(void)
{
	static const uint8_t k[] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7,
		0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
	static const uint8_t in[] = {0x32, 0x43, 0xf6, 0xa8, 0x88, 0x5a, 0x30, 0x8d, 0x31, 0x31,
		0x98, 0xa2, 0xe0, 0x37, 0x07, 0x34};
	static const uint8_t want[] = {0x39, 0x25, 0x84, 0x1d, 0x02, 0xdc, 0x09, 0xfb, 0xdc, 0x11,
		0x85, 0x97, 0x19, 0x6a, 0x0b, 0x32};
	struct word got = aes(word_of(k), word_of(in)), expect = word_of(want);

	CU_ASSERT(got.low == expect.low && got.high == expect.high);
}

static void test_against_naive(void)
{
	uint64_t seed = 7;

	for (size_t len = 0; len <= 130; len++) { // around one chunk and two
		check_lengths("data", &seed, len, 64, 68);
		check_lengths("signature", &seed, 156, len, 68);
		check_lengths("key", &seed, 156, 64, len);
	}
	for (unsigned i = 0; i < 100; i++) {
		size_t data = unit_random_below(&seed, 1300);
		size_t sig = unit_random_below(&seed, VAL_SIG_MAX + 1);

		check_lengths(
			"random", &seed, data, sig, unit_random_below(&seed, VAL_KEY_MAX + 1));
	}
	check_lengths("nothing", &seed, 0, 0, 0);
	check_lengths("limits", &seed, VAL_SIGNED_DATA_MAX, VAL_SIG_MAX, VAL_KEY_MAX);
	check_lengths("under the limits", &seed, VAL_SIGNED_DATA_MAX - 1, VAL_SIG_MAX - 1,
		VAL_KEY_MAX - 1);
}

/* Turn every bit of a part over, one at a time. */
static void flip_all(const struct val_sig_key *key, const struct input *in, uint8_t *part,
	size_t len, const struct val_sig_id *original)
{
	for (size_t bit = 0; bit < len * 8; bit++) {
		struct val_sig_id id;

		part[bit / 8] = (uint8_t)(part[bit / 8] ^ 1u << bit % 8);
		id = id_of(key, in);
		CU_ASSERT_FALSE(same(&id, original));
		part[bit / 8] = (uint8_t)(part[bit / 8] ^ 1u << bit % 8);
	}
}

static void test_every_bit_counts(void)
{
	uint64_t seed = 9;
	uint8_t *data = random_part(&seed, 157), *sig = random_part(&seed, 64);
	uint8_t *dnskey = random_part(&seed, 36); // an Ed25519 key: shorter than a chunk
	struct input in = {data, sig, dnskey, 157, 64, 36};
	static struct val_sig_key key;

	for (unsigned prf = 0; prf < VAL_SIG_PRFS; prf++) {
		struct val_sig_id original;

		if (!val_sig_prf_supported(prf))
			continue;
		val_sig_key_init(&key, &secret, prf);
		original = id_of(&key, &in);
		flip_all(&key, &in, data, in.data_len, &original);
		flip_all(&key, &in, sig, in.sig_len, &original);
		flip_all(&key, &in, dnskey, in.dnskey_len, &original);
	}
	free(data);
	free(sig);
	free(dnskey);
}

static const uint8_t octets[200] = "abcd"; // and zeroes

/* The same octets one after the other, cut elsewhere or with zeroes more at an end. */
static const struct {
	const char *name;
	size_t data, sig, dnskey;
	bool shifted; // signature and key follow the data
} cuts[] = {
	{"as it is", 2, 1, 1, true},
	{"data shorter", 1, 2, 1, true},
	{"key longer", 2, 0, 2, true},
	{"a zero more of data", 70, 4, 4, false},
	{"a zero less", 69, 4, 4, false},
	{"zeroes up to the chunk", 128, 4, 4, false},
	{"a zero more of the signature", 70, 5, 4, false},
	{"a zero more of the key", 70, 4, 5, false},
	{"no data", 0, 4, 4, false},
	{"no signature", 4, 0, 4, false},
	{"no key", 4, 4, 0, false},
};
enum { CUTS = sizeof(cuts) / sizeof(cuts[0]) };

static void test_unambiguous(void)
{
	static struct val_sig_key key;

	for (unsigned prf = 0; prf < VAL_SIG_PRFS; prf++) {
		struct val_sig_id id[CUTS];

		if (!val_sig_prf_supported(prf))
			continue;
		val_sig_key_init(&key, &secret, prf);
		for (unsigned i = 0; i < CUTS; i++) {
			size_t step = cuts[i].shifted ? 1 : 0;
			const uint8_t *sig = octets + step * cuts[i].data;
			const uint8_t *dnskey = sig + step * cuts[i].sig;
			struct input in = {
				octets, sig, dnskey, cuts[i].data, cuts[i].sig, cuts[i].dnskey};

			id[i] = id_of(&key, &in);
			for (unsigned k = 0; k < i; k++)
				UNIT_CHECK(cuts[i].name, !same(&id[i], &id[k]));
		}
	}
}

static void test_keyed(void)
{
	static const struct dns_hash_key other = {0x0123456789abcdef, 0xfedcba9876543211};
	const struct input in = {octets, octets, octets, 156, 64, 68};
	static struct val_sig_key key;

	for (unsigned prf = 0; prf < VAL_SIG_PRFS; prf++) {
		struct val_sig_id a, b;

		if (!val_sig_prf_supported(prf))
			continue;
		val_sig_key_init(&key, &secret, prf);
		a = id_of(&key, &in);
		val_sig_key_init(&key, &other, prf);
		b = id_of(&key, &in);
		UNIT_CHECK(val_sig_prf_name(prf), !same(&a, &b));
		UNIT_CHECK(val_sig_prf_name(prf), a.w[0] != b.w[0] && a.w[1] != b.w[1]);
	}
}

static void test_best_is_supported(void)
{
	CU_ASSERT(val_sig_prf_supported(val_sig_prf_best()));
	CU_ASSERT(val_sig_prf_supported(VAL_SIG_PRF_SIPHASH));
	CU_ASSERT_FALSE(val_sig_prf_supported(VAL_SIG_PRFS));
	printf("%s ", val_sig_prf_name(val_sig_prf_best()));
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"the field of the comparison", test_field},
		{"the AES of the comparison", test_aes},
		{"every kernel against the plainest", test_against_naive},
		{"every bit counts", test_every_bit_counts},
		{"cut elsewhere is another", test_unambiguous},
		{"keyed", test_keyed},
		{"what this CPU can", test_best_is_supported},
		CU_TEST_INFO_NULL,
	};

	return test_run("validator/sigid", tests);
}
