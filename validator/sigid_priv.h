#pragma once

#include "validator/sigid.h"

/** Up to three pieces of memory that are named together: data, signature, key. */
enum { VAL_SIG_PARTS = 3 };
struct val_sig_part {
	const uint8_t *octets;
	size_t len;
};

/** Fill what CLMUL needs of the key. The CPU supports it. */
void val_sig_clmul_spread(struct val_sig_key *key);
/** The ids of VAL_SIG_PRF_CLMUL and, where `wide` is set, the same by VAL_SIG_PRF_CLMUL_WIDE. */
void val_sig_clmul(const struct val_sig_key *key, bool wide, const struct val_sig_part *part,
	struct val_sig_id *out);
