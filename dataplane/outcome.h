#pragma once

#include "routing/evidence.h"
#include "validator/response.h"

/**
 * What a judged reply says about the path that it came by: the one place where verdicts become
 * evidence. Workers and probes both use it.
 *
 * @param rcode  with EDNS's upper bits
 * @return never ROUTE_O_TIMEOUT or ROUTE_O_UNREACHABLE; r->result.verdict is not VAL_PENDING
 */
enum route_outcome dp_outcome(const struct val_response *r, uint16_t rcode);
