#include "validator/now.h"

#include <string.h>

#include <openssl/rand.h>

struct verification {
	struct val_verifier *verifier;
	struct val_checks checks;
};

static int verify_now(void *arg, const struct val_want *want)
{
	struct verification *a = arg;
	int good = val_verify(a->verifier, want->dnskey, want->dnskey_len, want->data,
		want->data_len, want->sig, want->sig_len);

	a->checks.item[want->index].state = good == 1 ? VAL_SIG_GOOD : VAL_SIG_BAD;
	return 0;
}

/** What is judged: a whole response, or the RRset with this first record. */
enum { WHOLE = -1 };

static void judge_once(struct val_ctx *ctx, const struct dns_msg *msg, int first,
	const struct val_zone_keys *zone, uint32_t now, struct verification *a,
	struct val_response *out)
{
	if (first == WHOLE)
		val_response_judge(ctx, msg, zone, now, &a->checks, verify_now, a, out);
	else
		val_rrset_judge(
			ctx, msg, (uint16_t)first, zone, now, &a->checks, verify_now, a, out);
}

static void judge(struct val_verifier *v, const struct dns_msg *msg, int first,
	const struct val_zone_keys *zone, uint32_t now, const struct val_skew *skew,
	struct val_response *out)
{
	struct verification a = {.verifier = v};
	struct dns_hash_key secret;
	struct val_ctx ctx;

	ctx.cache = NULL;
	ctx.cache_hits = 0;
	ctx.blocks_max = 0;
	ctx.tries_max = 0;
	ctx.blocks = 0;
	ctx.skew = *skew;
	ctx.sha1 = val_verifier_sha1(v);
	val_response_reset(out);
	out->kind = VAL_KIND_ERROR; // until it is judged
	// Checks are told apart by the PRF: with a key that can be guessed, a bad one could pose as
	// a good one.
	if (RAND_bytes((unsigned char *)&secret, sizeof(secret)) != 1)
		goto no_budget;
	val_sig_key_init(&ctx.prf_key, &secret, VAL_SIG_PRF_SIPHASH); // the least to set up
	// Each round settles at least one check, and checks are bounded.
	for (unsigned round = 0; round <= VAL_VERIFY_RESPONSE_MAX; round++) {
		judge_once(&ctx, msg, first, zone, now, &a, out);
		if (out->result.verdict != VAL_PENDING)
			return;
	}
no_budget:
	out->result.verdict = VAL_BOGUS;
	out->result.reason = VAL_R_BUDGET;
}

void val_judge_now(struct val_verifier *v, const struct dns_msg *msg,
	const struct val_zone_keys *zone, uint32_t now, const struct val_skew *skew,
	struct val_response *out)
{
	judge(v, msg, WHOLE, zone, now, skew, out);
}

void val_rrset_judge_now(struct val_verifier *v, const struct dns_msg *msg, uint16_t first,
	const struct val_zone_keys *zone, uint32_t now, const struct val_skew *skew,
	struct val_response *out)
{
	judge(v, msg, first, zone, now, skew, out);
}
