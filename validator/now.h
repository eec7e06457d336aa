#pragma once

#include "validator/chain.h"
#include "validator/response.h"

/**
 * Judge a response with every signature verified at once, without a cache: for the control thread,
 * which may wait. The same judge as the workers'.
 *
 * @param v    one thread's
 * @param out  never VAL_PENDING
 */
void val_judge_now(struct val_verifier *v, const struct dns_msg *msg,
	const struct val_zone_keys *zone, uint32_t now, const struct val_skew *skew,
	struct val_response *out);

/** val_rrset_judge() in the same way. */
void val_rrset_judge_now(struct val_verifier *v, const struct dns_msg *msg, uint16_t first,
	const struct val_zone_keys *zone, uint32_t now, const struct val_skew *skew,
	struct val_response *out);

/** val_chain_judge() in the same way. @return verifications that it took */
unsigned val_chain_judge_now(struct val_verifier *v, const struct val_trust *t,
	const struct dns_msg *msg, const struct val_skew *skew, struct val_response *out);

/** val_chain_response() in the same way: VAL_PENDING only when need->end is VAL_CHAIN_ASK. */
void val_chain_response_now(struct val_verifier *v, const struct val_trust *t,
	const struct dns_msg *msg, const struct val_skew *skew, struct val_response *out,
	struct val_chain_step *need);
