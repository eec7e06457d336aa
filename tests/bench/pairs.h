#pragma once

#include <stdio.h>
#include <stdlib.h>

/**
 * Ratios of two things measured in turn, pair by pair, so that what else the machine does falls on
 * both; and figures for people and for programs.
 */

struct bench_ratio {
	double median, low, high; // the interval holds the true median 95 times of 100
};

static inline int bench_by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/**
 * Sorts ratio[]. The interval is that of order statistics (binomial), which asks nothing of how the
 * ratios are spread. @param n  at least 6, else low and high are the extremes
 */
static inline struct bench_ratio bench_ratio_of(double *ratio, unsigned n)
{
	double chance = 1, outside; // of exactly k, of k or fewer below the median
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++)
		chance /= 2;
	outside = chance;
	while (2 * (outside + chance * (n - k) / (k + 1)) <= 0.05 && k < n / 2) {
		chance *= (double)(n - k) / (k + 1);
		outside += chance;
		k++;
	}
	qsort(ratio, n, sizeof(*ratio), bench_by_size);
	return (struct bench_ratio){
		.median = n % 2 != 0 ? ratio[n / 2] : (ratio[n / 2 - 1] + ratio[n / 2]) / 2,
		.low = ratio[k],
		.high = ratio[n - 1 - k],
	};
}

/** One figure as a JSON line into the file that BENCH_JSON names; nothing where it names none. */
static inline void bench_json(const char *bench, const char *figure, const char *unit, double value)
{
	const char *path = getenv("BENCH_JSON");
	FILE *f = path != NULL ? fopen(path, "a") : NULL;

	if (f == NULL)
		return;
	fprintf(f, "{\"bench\": \"%s\", \"figure\": \"%s\", \"unit\": \"%s\", \"value\": %.4f}\n",
		bench, figure, unit, value);
	fclose(f);
}

/** A ratio, to be read and to be kept. @param goal  0 for none */
static inline void bench_ratio_tell(
	const char *bench, const char *figure, double *ratio, unsigned n, double goal)
{
	struct bench_ratio r = bench_ratio_of(ratio, n);
	const char *path = getenv("BENCH_JSON");
	FILE *f = path != NULL ? fopen(path, "a") : NULL;

	printf("%-52s %8.3f  (95 %%: %.3f to %.3f, %u pairs)", figure, r.median, r.low, r.high, n);
	if (goal != 0)
		printf("  goal %g: %s", goal, r.median >= goal ? "met" : "missed");
	printf("\n");
	if (f == NULL)
		return;
	fprintf(f,
		"{\"bench\": \"%s\", \"figure\": \"%s\", \"unit\": \"ratio\", \"value\": %.4f, "
		"\"low\": %.4f, \"high\": %.4f, \"pairs\": %u, \"goal\": %g}\n",
		bench, figure, r.median, r.low, r.high, n, goal);
	fclose(f);
}
