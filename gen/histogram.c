#include "gen/histogram.h"

#include <math.h>

/* Below GEN_HIST_SUB a bucket a value; above, the leading bit and the next GEN_HIST_SUB_BITS. */
static unsigned bucket_of(uint64_t ns)
{
	unsigned shift;

	if (ns < GEN_HIST_SUB)
		return (unsigned)ns;
	if (ns >= UINT64_C(1) << GEN_HIST_BITS)
		return GEN_HIST_BUCKETS - 1;
	shift = 63u - (unsigned)__builtin_clzll(ns) - GEN_HIST_SUB_BITS;
	return (shift + 1) * GEN_HIST_SUB + (unsigned)(ns >> shift) % GEN_HIST_SUB;
}

/* The longest time that falls into a bucket. */
static uint64_t bucket_end(unsigned i)
{
	unsigned shift;

	if (i < GEN_HIST_SUB)
		return i;
	shift = i / GEN_HIST_SUB - 1;
	return ((uint64_t)(GEN_HIST_SUB + i % GEN_HIST_SUB + 1) << shift) - 1;
}

void gen_hist_add(struct gen_hist *h, uint64_t ns)
{
	h->count++;
	h->sum += ns;
	h->max = ns > h->max ? ns : h->max;
	h->bucket[bucket_of(ns)]++;
}

uint64_t gen_hist_percentile(const struct gen_hist *h, double percent)
{
	double wanted = ceil((double)h->count * percent / 100);
	uint64_t rank = wanted < 1 ? 1 : (uint64_t)wanted, seen = 0;

	for (unsigned i = 0; i < GEN_HIST_BUCKETS - 1; i++) {
		seen += h->bucket[i];
		if (seen >= rank)
			return bucket_end(i) < h->max ? bucket_end(i) : h->max;
	}
	return h->max;
}

double gen_hist_mean(const struct gen_hist *h)
{
	return h->count > 0 ? (double)h->sum / (double)h->count : 0;
}
