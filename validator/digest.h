#pragma once

#include <stddef.h>
#include <stdint.h>

/** DS digest types that we compute: RFC 4034 s5.1.4, RFC 4509, RFC 6605. */
enum val_digest_type { VAL_DIGEST_SHA1 = 1, VAL_DIGEST_SHA256 = 2, VAL_DIGEST_SHA384 = 4 };
enum { VAL_DIGEST_MAX = 48 };

/**
 * Digest of `a` followed by `b`. Allocates nothing, so workers may call it.
 *
 * @param type  digest type of a DS record
 * @param out   room for VAL_DIGEST_MAX octets
 * @return      octets written; -ENOTSUP another type: nothing is written
 */
int val_digest(
	uint8_t type, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len, uint8_t *out);

/** @return octets of a digest of this type; -ENOTSUP */
int val_digest_len(uint8_t type);
