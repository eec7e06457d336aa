#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/name.h"
#include "routing/evidence.h"

/**
 * The last questions that ended badly, for people who want an example: a small ring a worker,
 * written by it, read by control. Sampled (at most one a millisecond), forgetful, and never waited
 * for.
 */

enum { DP_BADNAMES = 64, DP_BADNAME_WORDS = 1 + (DNS_NAME_MAX + 7) / 8 };

struct dp_badname {
	uint16_t path;
	uint16_t qtype;
	enum route_outcome outcome;
	struct dns_name name; // lower-cased
};

/** All zero is an empty ring. */
struct dp_badnames {
	struct {
		_Atomic uint32_t turn; // odd while it is being written
		_Atomic uint64_t word[DP_BADNAME_WORDS];
	} slot[DP_BADNAMES];
	uint64_t last_ms;
	uint32_t next; // the writer's
};

/** Worker. At most one entry a millisecond is taken. O(name). */
void dp_badnames_note(struct dp_badnames *b, uint64_t now_ms, uint16_t path,
	enum route_outcome outcome, const struct dns_name *name, uint16_t qtype);
/**
 * Those of one path, no two of the same name and type. Any thread.
 * @return how many are in out
 */
size_t dp_badnames_read(
	const struct dp_badnames *b, uint16_t path, struct dp_badname *out, size_t max);
