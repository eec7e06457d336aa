#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "tests/unit/run.h"
#include "tests/unit/unit.h"
#include "validator/keys.h"
#include "zonekit.h"

enum { NOW = 1700000000, LIFE = 7200, AGE = 3600, TTL = 3000 };
enum { ZSK_FLAGS = 0x0100, KSK_FLAGS = 0x0101, REVOKED_FLAGS = 0x0181 };
enum { SHA1 = 1, SHA256 = 2, SHA384 = 4 };

static const struct val_skew strict;
static struct val_verifier *verifier;
static struct kit_key ksk, zsk, stranger;

/* ---- snapshots ---- */

static struct val_zone_keys named(const char *zone)
{
	struct val_zone_keys z = {.status = VAL_ZONE_UNKNOWN};

	kit_wire(zone, &z.zone);
	return z;
}

static void test_snapshot(void)
{
	static const char *const names[] = {"net.", ".", "com.", "b.com.", "org."};
	struct val_zone_keys zones[5];
	struct val_keys *keys = NULL;
	struct dns_name n;

	for (int i = 0; i < 5; i++) {
		zones[i] = named(names[i]);
		zones[i].generation = (uint32_t)i;
	}
	CU_ASSERT_EQUAL_FATAL(val_keys_new(zones, 5, &keys), 0);
	memset(zones, 0xee, sizeof(zones)); // a snapshot is a copy
	CU_ASSERT_EQUAL(val_keys_count(keys), 5);
	for (int i = 0; i < 5; i++) {
		const struct val_zone_keys *z = val_keys_find(keys, kit_wire(names[i], &n));

		CU_ASSERT_PTR_NOT_NULL_FATAL(z);
		CU_ASSERT_EQUAL(z->generation, (uint32_t)i);
	}
	CU_ASSERT_PTR_NULL(val_keys_find(keys, kit_wire("a.com.", &n)));
	CU_ASSERT_PTR_NULL(val_keys_find(keys, kit_wire("zz.", &n)));
	CU_ASSERT_PTR_NULL(val_keys_at(keys, 5));
	for (size_t i = 1; i < 5; i++)
		CU_ASSERT(dns_name_compare(val_keys_at(keys, i - 1)->zone.octets,
				  val_keys_at(keys, i)->zone.octets) < 0);
	val_keys_free(keys);
}

static void test_snapshot_edges(void)
{
	struct val_zone_keys twice[] = {named("com."), named("net."), named("com.")};
	struct val_keys *keys = NULL;
	struct dns_name n;

	CU_ASSERT_EQUAL(val_keys_new(twice, 3, &keys), -EINVAL);
	CU_ASSERT_PTR_NULL(keys);
	CU_ASSERT_EQUAL_FATAL(val_keys_new(NULL, 0, &keys), 0);
	CU_ASSERT_EQUAL(val_keys_count(keys), 0);
	CU_ASSERT_PTR_NULL(val_keys_find(keys, kit_wire(".", &n)));
	val_keys_free(keys);
	val_keys_free(NULL);
}

/* ---- DS digests ---- */

static size_t from_hex(const char *s, uint8_t *out)
{
	size_t n = 0;

	for (unsigned v; sscanf(s, "%2x", &v) == 1; s += 2)
		out[n++] = (uint8_t)v;
	return n;
}

static void key_of(struct val_key *k, uint16_t flags, uint8_t algorithm, const char *base64)
{
	int len = (int)strlen(base64);
	int n = EVP_DecodeBlock(k->rdata + 4, (const unsigned char *)base64, len);

	CU_ASSERT_FATAL(n > 0);
	for (; base64[len - 1] == '='; len--)
		n--;
	dns_put16(k->rdata, flags);
	k->rdata[2] = 3;
	k->rdata[3] = algorithm;
	k->rdata_len = (uint16_t)(4 + n);
	k->key_tag = dns_key_tag(k->rdata, k->rdata_len);
	k->algorithm = algorithm;
}

static const struct {
	const char *name, *owner, *key;
	uint16_t flags, tag;
	uint8_t algorithm, digest_type;
	const char *digest;
} published[] = {
	{"RFC 4034 s5.4", "dskey.example.com.",
		"AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYq"
		"USdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc"
		"2w/rljwvFw==",
		256, 60485, 5, SHA1, "2BB183AF5F22588179A53B0A98631FAD1A292118"},
	{"RFC 4509 s2.3", "dskey.example.com.",
		"AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYq"
		"USdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc"
		"2w/rljwvFw==",
		256, 60485, 5, SHA256,
		"D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A"},
	{"RFC 6605 s6.1", "example.net.",
		"GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc"
		"8NAA==",
		257, 55648, 13, SHA256,
		"b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17"},
	{"RFC 6605 s6.2", "example.net.",
		"xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ"
		"+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
		257, 10771, 14, SHA384,
		"72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0"
		"563a9b5f4d288405c3008a946df983d6"},
};

static void test_published_digests(void)
{
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++) {
		const char *name = published[i].name;
		struct val_key key = {0};
		uint8_t digest[64], off_by_a_bit[64];
		struct dns_name owner;
		struct dns_ds ds = {
			.key_tag = published[i].tag,
			.algorithm = published[i].algorithm,
			.digest_type = published[i].digest_type,
			.digest = digest,
			.digest_len = (uint16_t)from_hex(published[i].digest, digest),
		};

		CU_ASSERT_EQUAL_FATAL(dns_name_from_text(published[i].owner, &owner), 0);
		from_hex(published[i].digest, off_by_a_bit);
		off_by_a_bit[ds.digest_len - 1] ^= 1;
		key_of(&key, published[i].flags, published[i].algorithm, published[i].key);
		UNIT_CHECK(name, key.key_tag == published[i].tag);
		UNIT_CHECK(name, val_ds_matches(owner.octets, &key, &ds) == 1);
		owner.octets[2] = (uint8_t)(owner.octets[2] - 0x20); // case does not count
		UNIT_CHECK(name, val_ds_matches(owner.octets, &key, &ds) == 1);
		owner.octets[2] = '-';
		UNIT_CHECK(name, val_ds_matches(owner.octets, &key, &ds) == 0);
		CU_ASSERT_EQUAL_FATAL(dns_name_from_text(published[i].owner, &owner), 0);
		ds.digest = off_by_a_bit;
		UNIT_CHECK(name, val_ds_matches(owner.octets, &key, &ds) == 0);
		ds.digest = digest;
		ds.digest_len--;
		UNIT_CHECK(name, val_ds_matches(owner.octets, &key, &ds) == 0);
		ds.digest_len++;
		ds.algorithm ^= 1;
		UNIT_CHECK(name, val_ds_matches(owner.octets, &key, &ds) == 0);
		ds.algorithm ^= 1;
		ds.key_tag ^= 1;
		UNIT_CHECK(name, val_ds_matches(owner.octets, &key, &ds) == 0);
		ds.key_tag ^= 1;
		ds.digest_type = 3; // GOST R 34.11-94
		UNIT_CHECK(name, val_ds_matches(owner.octets, &key, &ds) == -ENOTSUP);
	}
}

/* ---- DNSKEY responses ---- */

static struct kit_rdata key_rdata(const struct kit_key *k)
{
	struct kit_rdata r = {.len = k->rdata_len};

	memcpy(r.octets, k->rdata, k->rdata_len);
	return r;
}

static struct kit_sign sign_by(const struct kit_key *k)
{
	return (struct kit_sign){
		.key = k,
		.signer = "com.",
		.labels = -1,
		.original_ttl = TTL,
		.inception = NOW - AGE,
		.expiration = NOW + LIFE,
	};
}

static struct val_anchor anchor(const char *zone, uint16_t type, const struct kit_rdata *r)
{
	struct val_anchor a = {.type = type};
	bool ds = type == DNS_TYPE_DS;

	kit_wire(zone, &a.zone);
	memcpy(a.key.rdata, r->octets, r->len);
	a.key.rdata_len = (uint16_t)r->len;
	a.key.algorithm = r->octets[ds ? 2 : 3];
	a.key.key_tag = ds ? dns_get16(r->octets) : dns_key_tag(r->octets, r->len);
	return a;
}

static struct val_anchor ds_for(const struct kit_key *k)
{
	struct kit_rdata r = kit_ds(k, "com.");

	return anchor("com.", DNS_TYPE_DS, &r);
}

static struct val_anchor ds_with(
	const struct kit_key *k, uint8_t algorithm, uint8_t digest_type, bool right)
{
	struct kit_rdata r = {.len = 4};
	uint8_t in[DNS_NAME_MAX + VAL_KEY_MAX];
	struct dns_name com;
	unsigned len = 32;

	kit_wire("com.", &com);
	memcpy(in, com.octets, com.len);
	memcpy(in + com.len, k->rdata, k->rdata_len);
	dns_put16(r.octets, k->tag);
	r.octets[2] = algorithm;
	r.octets[3] = digest_type;
	EVP_Digest(in, (size_t)com.len + k->rdata_len, r.octets + 4, &len,
		digest_type == SHA1     ? EVP_sha1()
		: digest_type == SHA384 ? EVP_sha384()
					: EVP_sha256(),
		NULL);
	r.len += len;
	r.octets[4] = (uint8_t)(r.octets[4] ^ (right ? 0 : 1));
	return anchor("com.", DNS_TYPE_DS, &r);
}

static struct val_zone_keys got;
static struct val_result res;

static int judge_keys(struct kit_msg *m, const struct val_anchor *ds, size_t count)
{
	static struct dns_msg msg;
	struct dns_name com;
	size_t len;
	uint8_t *bytes = kit_finish(m, &len);
	int err;

	memset(&got, 0xee, sizeof(got));
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, bytes, len), 0);
	err = val_keys_from_dnskey(
		verifier, &msg, kit_wire("com.", &com), ds, count, NOW, &strict, &got, &res);
	free(bytes);
	return err;
}

/* com.'s DNSKEY answer: these keys, signed by one of them or not at all. */
static void answer(
	struct kit_msg *m, const struct kit_key *const *keys, int count, const struct kit_sign *s)
{
	struct kit_rdata r[8];
	enum kit_harm harm = m->harm;

	kit_init(m, "com.", DNS_TYPE_DNSKEY, DNS_FLAG_AA);
	m->harm = harm;
	m->now = NOW;
	for (int i = 0; i < count; i++)
		r[i] = key_rdata(keys[i]);
	kit_rrset(m, DNS_ANSWER, "com.", DNS_TYPE_DNSKEY, TTL, r, count, s);
}

static bool untouched(void)
{
	for (size_t i = 0; i < sizeof(got); i++)
		if (((const uint8_t *)&got)[i] != 0xee)
			return false;
	return true;
}

static void test_good_set(void)
{
	static struct kit_msg m;
	const struct kit_key *both[] = {&ksk, &zsk};
	struct kit_sign s = sign_by(&ksk);
	struct val_anchor ds = ds_for(&ksk);
	struct kit_rdata rdata = key_rdata(&ksk);

	for (int form = 0; form < 2; form++) { // by DS, by DNSKEY
		answer(&m, both, 2, &s);
		CU_ASSERT_EQUAL_FATAL(judge_keys(&m, &ds, 1), 0);
		CU_ASSERT_EQUAL(got.status, VAL_ZONE_SECURE);
		CU_ASSERT_EQUAL(got.why, VAL_R_NONE);
		CU_ASSERT_EQUAL_FATAL(got.count, 2);
		CU_ASSERT_EQUAL(got.key[0].key_tag, ksk.tag);
		CU_ASSERT_EQUAL(got.key[1].key_tag, zsk.tag);
		CU_ASSERT_EQUAL(memcmp(got.key[1].rdata, zsk.rdata, zsk.rdata_len), 0);
		CU_ASSERT_EQUAL(got.valid_until, NOW + TTL);
		CU_ASSERT_EQUAL(res.verdict, VAL_SECURE);
		CU_ASSERT_EQUAL(res.nearest_expiration, NOW + LIFE);
		CU_ASSERT_EQUAL(res.newest_inception, NOW - AGE);
		ds = anchor("com.", DNS_TYPE_DNSKEY, &rdata);
	}
}

static void test_ends_with_its_signature(void)
{
	static struct kit_msg m;
	const struct kit_key *one[] = {&ksk};
	struct kit_sign s = sign_by(&ksk);
	struct val_anchor ds = ds_for(&ksk);

	s.expiration = NOW + 100;
	answer(&m, one, 1, &s);
	CU_ASSERT_EQUAL_FATAL(judge_keys(&m, &ds, 1), 0);
	CU_ASSERT_EQUAL(got.valid_until, NOW + 100);
	s.original_ttl = 0; // does not leave us without keys at once
	s.expiration = NOW + LIFE;
	answer(&m, one, 1, &s);
	CU_ASSERT_EQUAL_FATAL(judge_keys(&m, &ds, 1), 0);
	CU_ASSERT_EQUAL(got.valid_until, NOW + 60);
}

static void test_harm(void)
{
	static const enum val_reason expect[KIT_HARMS] = {
		[KIT_DROP] = VAL_R_DNSKEY_NO_DS_MATCH,
		[KIT_STRIP] = VAL_R_SIG_MISSING,
		[KIT_FLIP] = VAL_R_SIG_CRYPTO,
		[KIT_DATA] = VAL_R_SIG_CRYPTO,
		[KIT_EXPIRED] = VAL_R_SIG_EXPIRED,
		[KIT_EARLY] = VAL_R_SIG_NOT_YET_VALID,
		[KIT_REVERSED] = VAL_R_SIG_TIMES_REVERSED,
		[KIT_SIGNER] = VAL_R_SIG_SIGNER,
		[KIT_LABELS_HI] = VAL_R_SIG_LABELS,
		[KIT_LABELS_LO] = VAL_R_SIG_LABELS,
		[KIT_TAG] = VAL_R_KEY_MISSING,
	};
	static struct kit_msg m;
	const struct kit_key *both[] = {&zsk, &ksk}; // KIT_DATA flips into the first
	struct kit_sign s = sign_by(&ksk);
	struct val_anchor ds = ds_for(&ksk);

	for (int h = KIT_DROP; h < KIT_HARMS; h++) {
		m.harm = (enum kit_harm)h;
		answer(&m, both, 2, &s);
		UNIT_CHECK(kit_harm_name(m.harm), judge_keys(&m, &ds, 1) == -EBADMSG);
		UNIT_CHECK(kit_harm_name(m.harm), untouched());
		UNIT_CHECK(kit_harm_name(m.harm), res.verdict == VAL_BOGUS);
		UNIT_CHECK(kit_harm_name(m.harm), res.reason == expect[h]);
	}
	m.harm = KIT_NONE;
}

/* RFC 4035 s5.2: the key that the parent names must be the one that signs. */
static void test_who_may_sign(void)
{
	static struct kit_msg m;
	struct kit_key plain = ksk, revoked = ksk, other_protocol = ksk;

	plain.rdata[0] = 0; // not a zone key
	dns_put16(revoked.rdata, REVOKED_FLAGS);
	other_protocol.rdata[2] = 2;
	struct kit_key *same_pair[] = {&plain, &revoked, &other_protocol};
	for (int i = 0; i < 3; i++)
		same_pair[i]->tag = dns_key_tag(same_pair[i]->rdata, same_pair[i]->rdata_len);

	const struct {
		const char *name;
		const struct kit_key *keys[2], *signer, *ds_of;
		enum val_reason why;
	} rows[] = {
		{"signed by a key without DS", {&ksk, &zsk}, &zsk, &ksk, VAL_R_KEY_MISSING},
		{"signed by a stranger", {&ksk, &zsk}, &stranger, &ksk, VAL_R_KEY_MISSING},
		{"DS of a stranger", {&ksk, &zsk}, &ksk, &stranger, VAL_R_DNSKEY_NO_DS_MATCH},
		{"not a zone key", {&plain, &zsk}, &plain, &plain, VAL_R_DNSKEY_NO_DS_MATCH},
		{"revoked", {&revoked, &zsk}, &revoked, &revoked, VAL_R_DNSKEY_NO_DS_MATCH},
		{"protocol 2", {&other_protocol, &zsk}, &other_protocol, &other_protocol,
			VAL_R_DNSKEY_NO_DS_MATCH},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kit_sign s = sign_by(rows[i].signer);
		const struct val_anchor ds = ds_for(rows[i].ds_of);
		answer(&m, rows[i].keys, 2, &s);
		UNIT_CHECK(rows[i].name, judge_keys(&m, &ds, 1) == -EBADMSG);
		UNIT_CHECK(rows[i].name, untouched());
		UNIT_CHECK(rows[i].name, res.reason == rows[i].why);
	}
}

static void test_offers(void)
{
	enum { GOST = 3, DSA = 3, P256 = 13 };
	static struct kit_msg m;
	const struct kit_key *one[] = {&ksk};
	struct kit_sign s = sign_by(&ksk);
	const struct val_anchor good = ds_for(&ksk), sha1 = ds_with(&ksk, P256, SHA1, true),
				sha384 = ds_with(&ksk, P256, SHA384, true),
				wrong = ds_with(&ksk, P256, SHA256, false),
				wrong384 = ds_with(&ksk, P256, SHA384, false),
				gost = ds_with(&ksk, P256, GOST, true),
				dsa = ds_with(&ksk, DSA, SHA256, true),
				rsasha1 = ds_with(&ksk, 7, SHA256, true);
	struct val_anchor foreign = good;
	const struct {
		const char *name;
		size_t count;
		struct val_anchor ds[2];
		int err;
		enum val_reason why;
	} rows[] = {
		{"SHA-384", 1, {sha384}, 0, VAL_R_NONE},
		{"SHA-1 alone", 1, {sha1}, 0, VAL_R_NONE},
		{"SHA-1 and a wrong SHA-256", 2, {sha1, wrong}, -EBADMSG, VAL_R_DNSKEY_NO_DS_MATCH},
		{"a wrong SHA-384 and SHA-1", 2, {wrong384, sha1}, -EBADMSG,
			VAL_R_DNSKEY_NO_DS_MATCH},
		{"SHA-1 and GOST", 2, {sha1, gost}, 0, VAL_R_NONE},
		{"wrong and right", 2, {wrong, good}, 0, VAL_R_NONE},
		{"wrong", 1, {wrong}, -EBADMSG, VAL_R_DNSKEY_NO_DS_MATCH},
		{"GOST digest alone", 1, {gost}, 0, VAL_R_DIGEST_UNSUPPORTED},
		{"DSA alone", 1, {dsa}, 0, VAL_R_ALG_UNSUPPORTED},
		{"RSASHA1 alone", 1, {rsasha1}, 0, VAL_R_ALG_UNSUPPORTED},
		{"DSA and P-256", 2, {dsa, good}, 0, VAL_R_NONE},
		{"DSA and a wrong P-256", 2, {dsa, wrong}, -EBADMSG, VAL_R_DNSKEY_NO_DS_MATCH},
		{"none at all", 0, {good}, -EBADMSG, VAL_R_DNSKEY_NO_DS_MATCH},
		{"another zone's", 1, {foreign}, -EBADMSG, VAL_R_DNSKEY_NO_DS_MATCH},
	};
	struct val_anchor many[VAL_ANCHORS_MAX + 1];
	struct dns_name net;

	kit_wire("net.", &net);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct val_anchor ds[2] = {rows[i].ds[0], rows[i].ds[1]};
		int err;

		if (strcmp(rows[i].name, "another zone's") == 0)
			ds[0].zone = net;
		answer(&m, one, 1, &s);
		err = judge_keys(&m, ds, rows[i].count);
		UNIT_CHECK(rows[i].name, err == rows[i].err);
		UNIT_CHECK(rows[i].name, res.reason == rows[i].why);
		UNIT_CHECK(rows[i].name,
			err != 0 ? untouched()
				 : got.status == (rows[i].why == VAL_R_NONE ? VAL_ZONE_SECURE
									    : VAL_ZONE_INSECURE));
		UNIT_CHECK(rows[i].name, err != 0 || got.why == rows[i].why);
	}
	for (int i = 0; i <= VAL_ANCHORS_MAX; i++)
		many[i] = i == VAL_ANCHORS_MAX - 1 ? good : dsa;
	answer(&m, one, 1, &s);
	CU_ASSERT_EQUAL(judge_keys(&m, many, VAL_ANCHORS_MAX), 0);
	CU_ASSERT_EQUAL(got.status, VAL_ZONE_SECURE);
	answer(&m, one, 1, &s);
	CU_ASSERT_EQUAL(judge_keys(&m, many, VAL_ANCHORS_MAX + 1), -EBADMSG);
}

/* RFC 9905: a chain may rest on SHA-1 signatures only where the operator says so. */
static void test_sha1_by_setting(void)
{
	static struct kit_msg m;
	const struct kit_key *one[] = {&ksk};
	struct kit_sign s = sign_by(&ksk);
	struct val_anchor ds = ds_with(&ksk, 7, SHA256, true);

	val_verifier_set_sha1(verifier, true);
	answer(&m, one, 1, &s);
	CU_ASSERT_EQUAL(judge_keys(&m, &ds, 1), -EBADMSG); // now it counts, and does not match
	CU_ASSERT_EQUAL(res.reason, VAL_R_DNSKEY_NO_DS_MATCH);
	val_verifier_set_sha1(verifier, false);
}

/* Signatures of keys that the parent does not name say nothing, wherever they stand. */
static void test_other_signatures(void)
{
	static struct kit_msg m;
	const struct kit_key *both[] = {&ksk, &zsk};
	struct kit_rdata r[2] = {key_rdata(&ksk), key_rdata(&zsk)};
	struct kit_sign good = sign_by(&ksk), flipped = good, old = sign_by(&zsk);
	struct val_anchor ds = ds_for(&ksk);

	old.expiration = NOW - 1;
	old.inception = NOW - 100;
	answer(&m, both, 2, &old);
	kit_rrsig(&m, DNS_ANSWER, "com.", DNS_TYPE_DNSKEY, TTL, r, 2, &good);
	CU_ASSERT_EQUAL(judge_keys(&m, &ds, 1), 0);
	CU_ASSERT_EQUAL(res.nearest_expiration, NOW + LIFE);
	m.harm = KIT_FLIP;
	answer(&m, both, 2, &flipped);
	m.harm = KIT_NONE;
	kit_rrsig(&m, DNS_ANSWER, "com.", DNS_TYPE_DNSKEY, TTL, r, 2, &old);
	CU_ASSERT_EQUAL(judge_keys(&m, &ds, 1), -EBADMSG);
	CU_ASSERT_EQUAL(res.reason, VAL_R_SIG_CRYPTO);
	CU_ASSERT_EQUAL(res.key_tag, ksk.tag);
}

/* The key's tag kept: two octets a word apart change places. */
static struct kit_key same_tag(const struct kit_key *k, int at)
{
	struct kit_key twin = *k;

	twin.rdata[at] = k->rdata[at + 2];
	twin.rdata[at + 2] = k->rdata[at];
	CU_ASSERT_EQUAL_FATAL(dns_key_tag(twin.rdata, twin.rdata_len), k->tag);
	CU_ASSERT_NOT_EQUAL_FATAL(twin.rdata[at], k->rdata[at]);
	return twin;
}

/* CVE-2023-50387: wrong signatures times keys of one tag. A good signature is found as long as the
 * limit allows. */
static void test_verifications(void)
{
	enum { WRONG = VAL_FAILED_SAME_TAG_MAX };
	static struct kit_msg m;
	struct kit_key twin;
	struct kit_rdata r[2];
	struct val_anchor ds[2];
	int at = 10;

	while (ksk.rdata[at] == ksk.rdata[at + 2])
		at++;
	twin = same_tag(&ksk, at);
	ds[0] = ds_for(&twin);
	ds[1] = ds_for(&ksk);
	for (int over = 0; over < 2; over++) {
		struct kit_sign s = sign_by(&ksk), bad = s;

		// the good one is verified last within the limit of failures, or first beyond it
		r[over] = key_rdata(&twin);
		r[!over] = key_rdata(&ksk);
		kit_init(&m, "com.", DNS_TYPE_DNSKEY, DNS_FLAG_AA);
		kit_rr(&m, DNS_ANSWER, "com.", DNS_TYPE_DNSKEY, TTL, r[0].octets, r[0].len);
		kit_rr(&m, DNS_ANSWER, "com.", DNS_TYPE_DNSKEY, TTL, r[1].octets, r[1].len);
		m.harm = KIT_FLIP;
		m.harm_at = m.sets - 1; // every signature from here on
		for (int i = 0; i < WRONG - !over; i++) {
			bad.expiration = s.expiration + (uint32_t)i;
			kit_rrsig(&m, DNS_ANSWER, "com.", DNS_TYPE_DNSKEY, TTL, r, 2, &bad);
		}
		m.harm = KIT_NONE;
		kit_rrsig(&m, DNS_ANSWER, "com.", DNS_TYPE_DNSKEY, TTL, r, 2, &s);
		CU_ASSERT_EQUAL(judge_keys(&m, ds, 2), over ? -EBADMSG : 0);
		CU_ASSERT_EQUAL(res.reason, over ? VAL_R_SIG_CRYPTO : VAL_R_NONE);
	}
}

/* A set of another class is another set. */
static void test_class(void)
{
	static struct kit_msg m;
	struct kit_rdata r = key_rdata(&ksk);
	struct kit_sign s = sign_by(&ksk);
	struct val_anchor ds = ds_for(&ksk);

	kit_init(&m, "com.", DNS_TYPE_DNSKEY, DNS_FLAG_AA);
	kit_rr(&m, DNS_ANSWER, "com.", DNS_TYPE_DNSKEY, TTL, r.octets, r.len);
	dns_put16(m.buf + m.len - r.len - 8, DNS_CLASS_CH);
	CU_ASSERT_EQUAL(judge_keys(&m, &ds, 1), -EBADMSG);
	CU_ASSERT_EQUAL(res.reason, VAL_R_DNSKEY_NO_DS_MATCH);
	kit_rrset(&m, DNS_ANSWER, "com.", DNS_TYPE_DNSKEY, TTL, &r, 1, &s);
	CU_ASSERT_EQUAL(judge_keys(&m, &ds, 1), 0);
}

/* Malformed records count: else it would depend on their place. */
static void test_malformed_keys(void)
{
	static struct kit_msg m;
	struct val_anchor ds = ds_for(&ksk);

	for (int extra = 0; extra < 2; extra++) {
		kit_init(&m, "com.", DNS_TYPE_DNSKEY, DNS_FLAG_AA);
		kit_rr(&m, DNS_ANSWER, "com.", DNS_TYPE_DNSKEY, TTL, ksk.rdata, ksk.rdata_len);
		for (int i = 1; i < VAL_ZONE_KEYS_MAX + extra; i++)
			kit_rr(&m, DNS_ANSWER, "com.", DNS_TYPE_DNSKEY, TTL, ksk.rdata, 4);
		CU_ASSERT_EQUAL(judge_keys(&m, &ds, 1), -EBADMSG);
		CU_ASSERT_EQUAL(res.reason, extra ? VAL_R_TOO_LARGE : VAL_R_SIG_MISSING);
	}
}

static void test_key_count(void)
{
	static struct kit_msg m;
	struct val_anchor ds = ds_for(&ksk);

	for (int extra = 0; extra < 2; extra++) {
		// unsigned on purpose: what is counted is counted before
		kit_init(&m, "com.", DNS_TYPE_DNSKEY, DNS_FLAG_AA);
		for (int i = 0; i < VAL_ZONE_KEYS_MAX + extra; i++) {
			struct kit_rdata r = key_rdata(&ksk);

			r.octets[10] = (uint8_t)(r.octets[10] + i);
			kit_rr(&m, DNS_ANSWER, "com.", DNS_TYPE_DNSKEY, TTL, r.octets, r.len);
		}
		CU_ASSERT_EQUAL(judge_keys(&m, &ds, 1), -EBADMSG);
		CU_ASSERT_EQUAL(res.reason, extra ? VAL_R_TOO_LARGE : VAL_R_SIG_MISSING);
	}
}

/* ---- DS responses ---- */

static struct val_zone_keys parent;

static int judge_ds(
	struct kit_msg *m, const char *zone, struct val_anchor *ds, size_t *count, uint32_t *until)
{
	static struct dns_msg msg;
	struct dns_name name;
	size_t len;
	uint8_t *bytes = kit_finish(m, &len);
	int err;

	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, bytes, len), 0);
	err = val_ds_from_response(verifier, &msg, &parent, kit_wire(zone, &name), NOW, &strict, ds,
		count, until, &res);
	free(bytes);
	return err;
}

static void test_ds_present(void)
{
	static struct kit_msg m;
	struct kit_sign s = sign_by(&zsk);
	struct val_anchor ds[VAL_DS_MAX];
	struct kit_rdata r[VAL_DS_MAX + 1];

	for (int n = 1; n <= VAL_DS_MAX; n++) {
		size_t count = 77;
		uint32_t until = 0;

		kit_init(&m, "x.com.", DNS_TYPE_DS, DNS_FLAG_AA);
		r[n - 1] = kit_ds(&stranger, "x.com.");
		r[n - 1].octets[35] = (uint8_t)n;
		kit_rrset(&m, DNS_ANSWER, "x.com.", DNS_TYPE_DS, TTL, r, n, &s);
		CU_ASSERT_EQUAL(judge_ds(&m, "x.com.", ds, &count, &until), 0);
		CU_ASSERT_EQUAL(count, (size_t)n);
		CU_ASSERT_EQUAL(until, NOW + TTL);
		CU_ASSERT_EQUAL(ds[n - 1].type, DNS_TYPE_DS);
		CU_ASSERT_EQUAL(ds[n - 1].key.key_tag, stranger.tag);
		CU_ASSERT_EQUAL(ds[n - 1].key.algorithm, 13);
		CU_ASSERT_EQUAL(ds[n - 1].key.rdata[35], n);
		CU_ASSERT_EQUAL(memcmp(ds[n - 1].zone.octets, "\1x\3com", 7), 0);
	}
}

static void test_ds_until(void)
{
	static struct kit_msg m;
	struct kit_sign s = sign_by(&zsk);
	struct val_anchor ds[VAL_DS_MAX];
	struct kit_rdata r = kit_ds(&stranger, "x.com.");
	const struct {
		const char *name;
		uint32_t ttl, original, life, until_s;
	} rows[] = {
		{"the TTL", 300, 400, 1000, 300},
		{"the original TTL", 400, 300, 1000, 300}, // RFC 4035 s5.3.3
		{"the signature", 1000, 1000, 300, 300},
		{"a minute at least", 59, 59, 1000, 60},
		{"a minute and a second", 61, 61, 1000, 61},
		{"but not beyond the signature", 0, 0, 10, 10},
		{"a day less a second", 86399, 86399, 200000, 86399},
		{"a day at most", 86401, 86401, 200000, 86400},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t until = 0;
		size_t count = 0;

		s.original_ttl = rows[i].original;
		s.expiration = NOW + rows[i].life;
		kit_init(&m, "x.com.", DNS_TYPE_DS, DNS_FLAG_AA);
		kit_rrset(&m, DNS_ANSWER, "x.com.", DNS_TYPE_DS, rows[i].ttl, &r, 1, &s);
		UNIT_CHECK(rows[i].name, judge_ds(&m, "x.com.", ds, &count, &until) == 0);
		UNIT_CHECK(rows[i].name, until == NOW + rows[i].until_s);
	}
}

/* With some left out, what remains could be all that we do not support: insecure by omission. */
static void test_ds_too_many(void)
{
	static struct kit_msg m;
	struct kit_sign s = sign_by(&zsk);
	struct val_anchor ds[VAL_DS_MAX];
	struct kit_rdata r[VAL_DS_MAX + 1];
	uint32_t until = 77;
	size_t count = 77;

	kit_init(&m, "x.com.", DNS_TYPE_DS, DNS_FLAG_AA);
	for (int i = 0; i <= VAL_DS_MAX; i++) {
		r[i] = kit_ds(&stranger, "x.com.");
		r[i].octets[35] = (uint8_t)i;
	}
	kit_rrset(&m, DNS_ANSWER, "x.com.", DNS_TYPE_DS, TTL, r, VAL_DS_MAX + 1, &s);
	CU_ASSERT_EQUAL(judge_ds(&m, "x.com.", ds, &count, &until), -EBADMSG);
	CU_ASSERT_EQUAL(res.verdict, VAL_BOGUS);
	CU_ASSERT_EQUAL(res.reason, VAL_R_TOO_LARGE);
	CU_ASSERT(count == 77 && until == 77);
}

static void test_ds_absent(void)
{
	static const char *const names[][2] = {
		{"com.", "SOA NS RRSIG DNSKEY"},
		{"s.com.", "NS DS RRSIG"},
		{"x.com.", "NS RRSIG"},
	};
	static struct kit_msg m;
	struct kit_sign s = sign_by(&zsk);
	struct val_anchor ds[VAL_DS_MAX];
	struct kit_rdata soa = kit_soa("com.");

	for (int nsec3 = 0; nsec3 < 2; nsec3++) {
		struct kit_chain c = {.zone = "com."};
		uint32_t until = 0;
		size_t count = 77;

		kit_chain_init(&c, "com.", nsec3, 0, names, 3);
		kit_init(&m, "x.com.", DNS_TYPE_DS, DNS_FLAG_AA);
		kit_rrset(&m, DNS_AUTHORITY, "com.", DNS_TYPE_SOA, 900, &soa, 1, &s);
		kit_proof(&m, &c, "=x.com.", &s);
		CU_ASSERT_EQUAL(judge_ds(&m, "x.com.", ds, &count, &until), 0);
		CU_ASSERT_EQUAL(count, 0);
		CU_ASSERT(until > NOW && until <= NOW + 900);

		count = 77; // the same for a name that has one
		kit_init(&m, "s.com.", DNS_TYPE_DS, DNS_FLAG_AA);
		kit_rrset(&m, DNS_AUTHORITY, "com.", DNS_TYPE_SOA, 900, &soa, 1, &s);
		kit_proof(&m, &c, "=s.com.", &s);
		CU_ASSERT_EQUAL(judge_ds(&m, "s.com.", ds, &count, &until), -EBADMSG);
		CU_ASSERT_EQUAL(res.reason, VAL_R_DENIAL_CONTRADICTS);
		CU_ASSERT_EQUAL(count, 77);
	}
}

static void test_ds_harm(void)
{
	static struct kit_msg m;
	struct kit_sign s = sign_by(&zsk);
	struct val_anchor ds[VAL_DS_MAX];
	struct kit_rdata r = kit_ds(&stranger, "x.com.");

	for (int h = KIT_DROP; h < KIT_HARMS; h++) {
		uint32_t until = 77;
		size_t count = 77;

		kit_init(&m, "x.com.", DNS_TYPE_DS, DNS_FLAG_AA);
		m.harm = (enum kit_harm)h;
		m.now = NOW;
		kit_rrset(&m, DNS_ANSWER, "x.com.", DNS_TYPE_DS, TTL, &r, 1, &s);
		UNIT_CHECK(kit_harm_name(m.harm),
			judge_ds(&m, "x.com.", ds, &count, &until) == -EBADMSG);
		UNIT_CHECK(kit_harm_name(m.harm), count == 77 && until == 77);
		UNIT_CHECK(kit_harm_name(m.harm), res.verdict == VAL_BOGUS);
	}
	m.harm = KIT_NONE;
}

static void test_ds_of_another_name(void)
{
	static struct kit_msg m;
	struct kit_sign s = sign_by(&zsk);
	struct val_anchor ds[VAL_DS_MAX];
	struct kit_rdata r = kit_ds(&stranger, "x.com."), to = kit_name("y.com.");
	uint32_t until = 0;
	size_t count = 77;

	kit_init(&m, "x.com.", DNS_TYPE_DS, DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, "x.com.", DNS_TYPE_DS, TTL, &r, 1, &s);
	CU_ASSERT_EQUAL(judge_ds(&m, "y.com.", ds, &count, &until), -EBADMSG);
	CU_ASSERT_EQUAL(res.verdict, VAL_BOGUS);
	// true and signed, but it says nothing of a DS
	kit_init(&m, "x.com.", DNS_TYPE_DS, DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, "x.com.", DNS_TYPE_CNAME, TTL, &to, 1, &s);
	kit_rrset(&m, DNS_ANSWER, "y.com.", DNS_TYPE_DS, TTL, &r, 1, &s);
	CU_ASSERT_EQUAL(judge_ds(&m, "x.com.", ds, &count, &until), -EBADMSG);
	CU_ASSERT_EQUAL(res.verdict, VAL_BOGUS);
	CU_ASSERT_EQUAL(res.reason, VAL_R_DENIAL_MISSING);
	CU_ASSERT_EQUAL(count, 77);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"snapshot: found, sorted, a copy", test_snapshot},
		{"snapshot: twice the same zone, none", test_snapshot_edges},
		{"DS digests that were published", test_published_digests},
		{"DNSKEY: a good set", test_good_set},
		{"DNSKEY: ends with its signature", test_ends_with_its_signature},
		{"DNSKEY: harmed", test_harm},
		{"DNSKEY: who may sign", test_who_may_sign},
		{"DNSKEY: what the parent offers", test_offers},
		{"DNSKEY: SHA-1 by setting", test_sha1_by_setting},
		{"DNSKEY: signatures of other keys", test_other_signatures},
		{"DNSKEY: n and n + 1 verifications", test_verifications},
		{"DNSKEY: n and n + 1 keys", test_key_count},
		{"DNSKEY: another class", test_class},
		{"DNSKEY: malformed keys", test_malformed_keys},
		{"DS: n records", test_ds_present},
		{"DS: until when", test_ds_until},
		{"DS: n + 1 records", test_ds_too_many},
		{"DS: proven none", test_ds_absent},
		{"DS: harmed", test_ds_harm},
		{"DS: of another name", test_ds_of_another_name},
		CU_TEST_INFO_NULL,
	};
	int failed;

	if (val_verifier_new(&verifier) != 0)
		return 99;
	kit_key_new(&ksk, KSK_FLAGS);
	kit_key_new(&zsk, ZSK_FLAGS);
	kit_key_new(&stranger, KSK_FLAGS);
	kit_zone_keys(&parent, "com.", (const struct kit_key *const[]){&zsk}, 1, NOW);
	failed = test_run("validator/keys", tests);
	kit_key_free(&ksk);
	kit_key_free(&zsk);
	kit_key_free(&stranger);
	val_verifier_free(verifier);
	return failed;
}
