#pragma once

#include <stdint.h>

/**
 * A histogram of times with one relative error from nanoseconds to minutes: each power of two is
 * cut into GEN_HIST_SUB equal buckets, so a percentile is at most 1/128 too high. One writer.
 */

enum {
	GEN_HIST_SUB_BITS = 7,
	GEN_HIST_SUB = 1 << GEN_HIST_SUB_BITS,
	GEN_HIST_BITS = 40, // longer times count as the longest
	GEN_HIST_BUCKETS = (GEN_HIST_BITS - GEN_HIST_SUB_BITS + 1) * GEN_HIST_SUB,
};

struct gen_hist {
	uint64_t count, sum, max;
	uint64_t bucket[GEN_HIST_BUCKETS];
};

/** Count a time. O(1) */
void gen_hist_add(struct gen_hist *h, uint64_t ns);
/**
 * The time that `percent` of all did not exceed: the end of its bucket, but no more than the
 * longest seen. 0 when there is none.
 * @param percent  above 0, at most 100
 */
uint64_t gen_hist_percentile(const struct gen_hist *h, double percent);
/** Mean, exactly. 0 when there is none. */
double gen_hist_mean(const struct gen_hist *h);
