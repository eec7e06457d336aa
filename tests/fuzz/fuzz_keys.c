#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "tests/fuzz/fuzz.h"
#include "validator/keys.h"
#include "validator/now.h"

/**
 * A DNSKEY answer whose keys the parent stands for, whatever they are: keys and signatures of the
 * input reach OpenSSL, which fuzz_response.c does without. Then the whole message is judged by that
 * very key set, and as a DS answer. The zone is com., the clock stands at NOW.
 */

enum { NOW = 1700000000, DAY_S = 86400 };

static struct dns_msg msg;
static const uint8_t com[] = {3, 'c', 'o', 'm', 0};
static const struct val_skew strict;
static struct val_verifier *verifier;

static void need(bool holds, const char *rule)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", rule);
	abort();
}

/* The DS that a parent would publish for this key. RFC 4034 s5.1.4 */
static void make_ds(struct val_anchor *a, const uint8_t *dnskey, size_t len)
{
	uint8_t data[sizeof(com) + VAL_KEY_MAX];

	memset(a, 0, sizeof(*a));
	dns_name_from_wire(com, com + sizeof(com), &a->zone);
	a->type = DNS_TYPE_DS;
	memcpy(data, com, sizeof(com));
	memcpy(data + sizeof(com), dnskey, len);
	a->key.key_tag = dns_key_tag(dnskey, len);
	a->key.algorithm = dnskey[3];
	dns_put16(a->key.rdata, a->key.key_tag);
	a->key.rdata[2] = dnskey[3];
	a->key.rdata[3] = 2;
	SHA256(data, sizeof(com) + len, a->key.rdata + 4);
	a->key.rdata_len = 4 + SHA256_DIGEST_LENGTH;
}

static bool is_key(const struct dns_rr *rr)
{
	return rr->type == DNS_TYPE_DNSKEY && rr->rdata_len > 4 && rr->rdata_len <= VAL_KEY_MAX;
}

static size_t offer(struct val_anchor *ds)
{
	size_t n = 0;

	for (int i = 0; i < msg.rr_count && n < VAL_ANCHORS_MAX; i++) {
		const struct dns_rr *rr = &msg.rr[i];

		if (is_key(rr))
			make_ds(&ds[n++], msg.data + rr->rdata_off, rr->rdata_len);
	}
	return n;
}

static void check_keys(const struct val_anchor *ds, size_t count, struct val_zone_keys *out)
{
	static struct val_zone_keys before;
	struct val_result res;
	int err;

	before = *out;
	err = val_keys_from_dnskey(verifier, &msg, com, ds, count, NOW, &strict, out, &res);
	need(res.reason < VAL_R_MAX, "the reason is one of the list");
	if (err != 0) {
		need(res.verdict == VAL_BOGUS && res.reason != VAL_R_NONE, "bogus has a reason");
		need(memcmp(&before, out, sizeof(before)) == 0, "a failure changes nothing");
		return;
	}
	need(out->status == VAL_ZONE_SECURE || out->status == VAL_ZONE_INSECURE, "one or other");
	need((out->status == VAL_ZONE_SECURE) == (out->count > 0), "keys, or none");
	need(out->count <= VAL_ZONE_KEYS_MAX, "keys are bounded");
	need(out->valid_until - NOW <= DAY_S, "not longer than a day");
	for (int i = 0; i < out->count; i++)
		need(out->key[i].rdata_len <= VAL_KEY_MAX, "each key is bounded");
}

/* As if the chain had led to every DNSKEY there is, so that all are verified with. */
static void take_all(struct val_zone_keys *keys)
{
	keys->status = VAL_ZONE_SECURE;
	keys->valid_until = NOW + 1;
	keys->count = 0;
	for (int i = 0; i < msg.rr_count && keys->count < VAL_ZONE_KEYS_MAX; i++) {
		const struct dns_rr *rr = &msg.rr[i];
		struct val_key *k = &keys->key[keys->count];

		if (!is_key(rr))
			continue;
		memcpy(k->rdata, msg.data + rr->rdata_off, rr->rdata_len);
		k->rdata_len = rr->rdata_len;
		k->key_tag = dns_key_tag(k->rdata, k->rdata_len);
		k->algorithm = k->rdata[3];
		keys->count++;
	}
}

static void check_ds(const struct val_zone_keys *parent)
{
	static struct val_anchor ds[VAL_DS_MAX];
	uint32_t until = 0;
	struct val_result res;
	size_t count = VAL_DS_MAX + 1;
	int err = val_ds_from_response(
		verifier, &msg, parent, msg.qname.octets, NOW, &strict, ds, &count, &until, &res);

	need(res.reason < VAL_R_MAX, "the reason is one of the list");
	need(err != 0 || count <= VAL_DS_MAX, "DS records are bounded");
	need(err != 0 || until - NOW <= DAY_S, "not longer than a day");
	need(err == 0 || count == VAL_DS_MAX + 1, "a failure changes nothing");
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	static struct val_anchor ds[VAL_ANCHORS_MAX];
	static struct val_zone_keys keys;
	static struct val_response out;
	size_t count;

	if (verifier == NULL && val_verifier_new(&verifier) != 0)
		abort();
	if (dns_msg_parse(&msg, octets, len) != 0 || msg.qd_count != 1)
		return 0;
	count = offer(ds);
	memset(&keys, 0, sizeof(keys)); // padding too: it is compared
	dns_name_from_wire(com, com + sizeof(com), &keys.zone);
	check_keys(ds, count, &keys);
	take_all(&keys);
	val_judge_now(verifier, &msg, &keys, NOW, &strict, &out);
	need(out.result.verdict < VAL_PENDING, "the last word is said");
	check_ds(&keys);
	return 0;
}
