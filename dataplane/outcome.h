#pragma once

#include "routing/evidence.h"
#include "routing/table.h"
#include "validator/response.h"

/**
 * What a judged reply says about the path that it came by: the one place where verdicts become
 * evidence. Workers and probes both use it.
 *
 * @param rcode  with EDNS's upper bits
 * @return never ROUTE_O_TIMEOUT or ROUTE_O_UNREACHABLE; r->result.verdict is not VAL_PENDING
 */
enum route_outcome dp_outcome(const struct val_response *r, uint16_t rcode);

/** The extended error (RFC 8914) of a client whose tries ended so: the verdict's own, or what the
 * server did instead of answering. */
int dp_outcome_ede(enum route_outcome outcome, enum val_reason reason);

/** Is `ede` what a client should hear rather than `other`? DNSSEC reasons outrank what a server
 * said, which outranks silence; DNS_EDE_NONE is least. */
bool dp_outcome_ede_outranks(int ede, int other);

/**
 * May an upstream's answer hold records of any zone, and is there a chain to judge them by?
 * @param all   what is published, or NULL
 * @param keys  the routed zone's
 */
bool dp_outcome_spans_zones(enum route_kind kind, const struct val_keys *all,
	const struct val_zone_keys *keys, uint32_t now);

/** TC=1 on an answer or a denial: whatever records are in it are not complete. RFC 2181 s9. */
bool dp_outcome_truncated(const struct dns_msg *msg);
