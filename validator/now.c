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

/** What is judged. */
struct subject {
	enum { WHOLE, RRSET, CHAIN_ANSWER, CHAIN_RESPONSE } what;
	const struct dns_msg *msg;
	uint16_t first;                   // RRSET
	const struct val_zone_keys *zone; // WHOLE, RRSET
	const struct val_trust *trust;    // the others
	struct val_chain_step *need;      // CHAIN_RESPONSE
	uint32_t now;
};

static void judge_once(struct val_ctx *ctx, const struct subject *s, struct verification *a,
	struct val_response *out)
{
	struct val_checks *checks = &a->checks;

	switch (s->what) {
	case WHOLE:
		val_response_judge(ctx, s->msg, s->zone, s->now, checks, verify_now, a, out);
		break;
	case RRSET:
		val_rrset_judge(ctx, s->msg, s->first, s->zone, s->now, checks, verify_now, a, out);
		break;
	case CHAIN_ANSWER:
		val_chain_judge(ctx, s->trust, s->msg, checks, verify_now, a, out);
		break;
	case CHAIN_RESPONSE:
		val_chain_response(ctx, s->trust, s->msg, checks, verify_now, a, out, s->need);
		break;
	}
}

static bool must_ask(const struct subject *s)
{
	return s->what == CHAIN_RESPONSE && s->need->end == VAL_CHAIN_ASK;
}

/** @return verifications that it took */
static unsigned judge(struct val_verifier *v, const struct subject *s, const struct val_skew *skew,
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
		judge_once(&ctx, s, &a, out);
		if (out->result.verdict != VAL_PENDING || must_ask(s))
			return a.checks.verified;
	}
no_budget:
	out->result.verdict = VAL_BOGUS;
	out->result.reason = VAL_R_BUDGET;
	return a.checks.verified;
}

void val_judge_now(struct val_verifier *v, const struct dns_msg *msg,
	const struct val_zone_keys *zone, uint32_t now, const struct val_skew *skew,
	struct val_response *out)
{
	struct subject s = {.what = WHOLE, .msg = msg, .zone = zone, .now = now};

	judge(v, &s, skew, out);
}

void val_rrset_judge_now(struct val_verifier *v, const struct dns_msg *msg, uint16_t first,
	const struct val_zone_keys *zone, uint32_t now, const struct val_skew *skew,
	struct val_response *out)
{
	struct subject s = {.what = RRSET, .msg = msg, .first = first, .zone = zone, .now = now};

	judge(v, &s, skew, out);
}

unsigned val_chain_judge_now(struct val_verifier *v, const struct val_trust *t,
	const struct dns_msg *msg, const struct val_skew *skew, struct val_response *out)
{
	struct subject s = {.what = CHAIN_ANSWER, .msg = msg, .trust = t};

	return judge(v, &s, skew, out);
}

void val_chain_response_now(struct val_verifier *v, const struct val_trust *t,
	const struct dns_msg *msg, const struct val_skew *skew, struct val_response *out,
	struct val_chain_step *need)
{
	struct subject s = {.what = CHAIN_RESPONSE, .msg = msg, .trust = t, .need = need};

	need->end = VAL_CHAIN_NONE;
	judge(v, &s, skew, out);
}
