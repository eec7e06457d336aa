#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "validator/response.h"

/**
 * The judge with a verifier that says what the input's first octet tells it to: so that a fuzzer,
 * which cannot sign, gets past the signatures to the proofs. The zone is com., its one key has tag
 * 1 and algorithm 13.
 */

enum { NOW = 1700000000, KEY_TAG = 1 };
enum mode { ALL_GOOD, ALL_BAD, BITWISE, REFUSE };

static struct dns_msg msg;
static struct val_ctx ctx;
static struct val_zone_keys zone;
static struct val_response out, again;

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

	// what a verifier would read
	for (size_t i = 0; i < w->data_len; i++)
		v->read += w->data[i];
	for (size_t i = 0; i < w->sig_len; i++)
		v->read += w->sig[i];
	v->calls++;
	if (v->mode == REFUSE)
		return -1;
	v->checks.item[w->index].state = good ? VAL_SIG_GOOD : VAL_SIG_BAD;
	return 0;
}

static void make_zone(void)
{
	static const uint8_t com[] = {3, 'c', 'o', 'm', 0};

	if (zone.count != 0)
		return;
	memcpy(zone.zone.octets, com, sizeof(com));
	zone.zone.len = sizeof(com);
	zone.zone.labels = 1;
	zone.status = VAL_ZONE_SECURE;
	zone.valid_until = NOW + 1;
	zone.key[0].rdata_len = 68;
	zone.key[0].key_tag = KEY_TAG;
	zone.key[0].algorithm = 13;
	memcpy(zone.key[0].rdata, (uint8_t[]){1, 0, 3, 13}, 4);
	zone.count = 1;
}

static void need(bool holds, const char *rule)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", rule);
	abort();
}

static void check_verdict(const struct verifier *v)
{
	const struct val_result *r = &out.result;
	bool passed = r->verdict == VAL_SECURE || r->verdict == VAL_INSECURE;

	need(r->verdict < VAL_PENDING,
		"the verdict stands after as many calls as there may be checks");
	need(out.ttl_capped == passed,
		"TTLs are capped when, and only when, the answer is passed on");
	need(r->verdict != VAL_SECURE || r->reason == VAL_R_NONE, "secure has no reason");
	need(r->verdict != VAL_BOGUS || r->reason != VAL_R_NONE, "bogus has one");
	need(r->reason < VAL_R_MAX, "the reason is one of the list");
	// RRSIGs that were asked for are passed on unjudged, as insecure
	need(v->mode == ALL_GOOD || v->mode == BITWISE || r->verdict != VAL_SECURE,
		"without a good signature nothing is secure");
	need(v->calls <= VAL_VERIFY_RESPONSE_MAX || v->mode == REFUSE, "checks are bounded");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct verifier v = {.mode = ALL_GOOD};

	if (len < 1)
		return 0;
	v.mode = data[0] % 4;
	v.bits = data[0];
	make_zone();
	if (dns_msg_parse(&msg, data + 1, len - 1) != 0)
		return 0;
	for (int i = 0; i <= VAL_VERIFY_RESPONSE_MAX; i++) {
		val_response_judge(&ctx, &msg, &zone, NOW, &v.checks, want, &v, &out);
		if (out.result.verdict != VAL_PENDING)
			break;
	}
	check_verdict(&v);
	val_response_judge(&ctx, &msg, &zone, NOW, &v.checks, want, &v, &again);
	need(memcmp(&out.result, &again.result, sizeof(out.result)) == 0,
		"the same question has the same verdict");
	return 0;
}
