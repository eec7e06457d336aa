#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/wire.h"
#include "tests/fuzz/fuzz.h"
#include "validator/chain.h"

/**
 * A resolver's messages in the order of the input, each with its length in two octets before it: DS
 * and DNSKEY answers teach the chain, the others are judged by what it has learned. The verifier
 * says what the first octet tells it to, as in fuzz_response.c; the root's one key has algorithm 13
 * and the tag of the two octets after that.
 */

enum { NOW = 1700000000, MESSAGES_MAX = 32 };
enum mode { ALL_GOOD, ALL_BAD, BITWISE, REFUSE };

static struct dns_msg msg;
static struct val_ctx ctx;
static struct val_response out;
static struct val_trust trust;

struct verifier {
	enum mode mode;
	uint8_t bits;
	int calls;
	size_t read;
	struct val_checks checks;
};

static int want(void *arg, const struct val_want *w)
{
	struct verifier *v = arg;
	bool good = v->mode == ALL_GOOD || (v->mode == BITWISE && (v->bits >> w->index % 8 & 1));

	for (size_t i = 0; i < w->data_len; i++)
		v->read += w->data[i];
	for (size_t i = 0; i < w->sig_len; i++)
		v->read += w->sig[i];
	for (size_t i = 0; i < w->dnskey_len; i++)
		v->read += w->dnskey[i];
	v->calls++;
	if (v->mode == REFUSE)
		return -1;
	v->checks.item[w->index].state = good ? VAL_SIG_GOOD : VAL_SIG_BAD;
	return 0;
}

static void need(bool holds, const char *rule)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", rule);
	abort();
}

/** The root's keys, and no facts. */
static void begin(uint16_t tag)
{
	static struct val_zone_keys root = {
		.zone = {.len = 1}, .status = VAL_ZONE_SECURE, .valid_until = NOW + 1, .count = 1};
	static const struct dns_hash_key key = {1, 2};

	root.key[0].rdata_len = 68;
	root.key[0].key_tag = tag;
	root.key[0].algorithm = 13;
	memcpy(root.key[0].rdata, (uint8_t[]){1, 0, 3, 13}, 4);
	if (trust.facts == NULL && val_facts_new(64, 8, -1, &key, &trust.facts) != 0)
		abort();
	val_keys_free((struct val_keys *)(uintptr_t)trust.published);
	trust.published = NULL;
	if (val_keys_new(&root, 1, (struct val_keys **)(uintptr_t)&trust.published) != 0)
		abort();
	trust.now = NOW;
	val_facts_clear(trust.facts);
}

static void check_walk(const struct verifier *v, const uint8_t *name)
{
	bool believes = v->mode == ALL_GOOD || v->mode == BITWISE;
	struct val_chain_step s;

	val_chain_walk(&trust, name, &s);
	need(s.end != VAL_CHAIN_NONE, "the root is above everything");
	need(s.end != VAL_CHAIN_ASK || dns_name_under(name, s.name.octets),
		"what is asked for lies on the way");
	need(s.end != VAL_CHAIN_ASK || s.type == DNS_TYPE_DNSKEY || s.zone != NULL,
		"who asks for DS has keys to judge it by");
	need(s.end != VAL_CHAIN_SECURE || s.zone != NULL, "a secure name has a zone");
	need(believes || s.end != VAL_CHAIN_INSECURE, "insecure needs a good signature");
	need(believes || s.zone == NULL || s.zone->zone.labels == 0, "so do keys");
}

static void check_verdict(const struct verifier *v)
{
	const struct val_result *r = &out.result;
	bool believes = v->mode == ALL_GOOD || v->mode == BITWISE;

	need(r->reason < VAL_R_MAX, "the reason is one of the list");
	need(r->verdict != VAL_BOGUS || r->reason != VAL_R_NONE, "bogus has a reason");
	need(believes || (r->verdict != VAL_SECURE && r->verdict != VAL_INSECURE),
		"nothing is passed on without a good signature");
	need(v->calls <= VAL_VERIFY_RESPONSE_MAX || v->mode == REFUSE, "checks are bounded");
}

/** One message. What it wants to know first is not asked for: it may come later. */
static void feed(struct verifier *v)
{
	bool teaches = msg.qtype == DNS_TYPE_DS || msg.qtype == DNS_TYPE_DNSKEY;
	struct dns_name name = msg.qname;
	struct val_chain_step step = {.end = VAL_CHAIN_NONE};

	v->calls = 0;
	v->checks.count = v->checks.verified = 0;
	for (int i = 0; i <= VAL_VERIFY_RESPONSE_MAX; i++) {
		if (teaches)
			val_chain_judge(&ctx, &trust, &msg, &v->checks, want, v, &out);
		else
			val_chain_response(&ctx, &trust, &msg, &v->checks, want, v, &out, &step);
		if (out.result.verdict != VAL_PENDING || step.end == VAL_CHAIN_ASK)
			break;
	}
	need(out.result.verdict != VAL_PENDING || step.end == VAL_CHAIN_ASK,
		"the verdict stands after as many calls as there may be checks");
	check_verdict(v);
	dns_name_lower(name.octets, name.len);
	check_walk(v, name.octets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct verifier v = {.mode = ALL_GOOD};
	size_t at = 3;

	if (len < at)
		return 0;
	v.mode = data[0] % 4;
	v.bits = data[0];
	begin(dns_get16(data + 1));
	for (int n = 0; n < MESSAGES_MAX && at + 2 <= len; n++) {
		size_t size = dns_get16(data + at);

		at += 2;
		size = size < len - at ? size : len - at;
		if (dns_msg_parse(&msg, data + at, size) == 0 && msg.qd_count == 1)
			feed(&v);
		at += size;
	}
	return 0;
}
