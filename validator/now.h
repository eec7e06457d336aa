#pragma once

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
