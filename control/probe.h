#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/dataplane.h"
#include "routing/judge.h"
#include "routing/table.h"
#include "validator/keys.h"

/**
 * Probes: an SOA question with DO and NSID to every path, jittered, so that paths without traffic
 * are known too and come back from probation. Replies are judged here, on the control thread, and
 * add to what workers saw.
 */
struct ctl_probe;

// As many at once: the dataplane takes few of our questions, and keys are asked for too.
enum { CTL_PROBE_BURST = 32 };

/**
 * @param interval_ms  per path
 * @param per_second   at most, over all paths; at least 1
 * @param sha1         verify algorithms 5 and 7 too
 * @retval 0, -ENOMEM
 */
int ctl_probe_new(uint32_t interval_ms, uint32_t per_second, const struct val_skew *skew, bool sha1,
	struct ctl_probe **out);
void ctl_probe_free(struct ctl_probe *pr);

struct ctl_probe_ask {
	uint64_t token;
	uint16_t path;
	struct route_addr addr;
	struct dns_name zone; // question: zone SOA
};

/**
 * Probes to send now, at most max; the next one of each path is an interval (± 20 %) later. Where
 * the rate does not suffice for that, paths have their turn one after the other, and the interval
 * is longer for all. O(paths).
 */
size_t ctl_probe_due(struct ctl_probe *pr, struct route_paths *p, uint64_t now_ms,
	struct ctl_probe_ask *out, size_t max);

/**
 * What came back, judged with `keys`. O(1) paths, and the cost of verifying one answer.
 *
 * @param keys     NULL while there are none: the reply says nothing of the path
 * @param now_us   monotonic, as workers stamp what they send
 * @param epoch_s  wall clock, modulo 2^32
 * @return         true when the answer was a probe's
 */
bool ctl_probe_told(struct ctl_probe *pr, const struct val_keys *keys, const struct dp_told *told,
	uint64_t now_us, uint32_t epoch_s);

/**
 * The path whose probe was answered with a key that the zone's set lacks, while it is worth while
 * to look for it; that answer counts for nothing. Each is told once. @return -1: none
 */
int ctl_probe_key_wanted(struct ctl_probe *pr);

/** Add what probes saw to the samples of the workers. */
void ctl_probe_add(const struct ctl_probe *pr, struct route_sample *samples, size_t count);
void ctl_probe_forget(struct ctl_probe *pr, uint16_t path);

/** Last SOA serial of a path, 0 when none was seen; NSID as printable text, "" when none. */
uint32_t ctl_probe_serial(const struct ctl_probe *pr, uint16_t path);
const char *ctl_probe_nsid(const struct ctl_probe *pr, uint16_t path);
