#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/bench_sigcache.h"
#include "tests/bench/pairs.h"

/**
 * Our rate of P-256 verifications and the one that the program `openssl speed` tells, in turn. Both
 * count by the processor time used, so that what else runs takes from neither.
 */

enum { PAIRS = 11 };

/* The last line of `openssl speed -mr`: +F4:NUMBER:BITS:SIGNATURES:VERIFICATIONS a second.
 * @return 0 when there is no such program */
static double openssl_rate(void)
{
	FILE *f = popen("exec openssl speed -mr -seconds 1 ecdsap256 2>/dev/null", "r");
	double sign, verify, rate = 0;
	unsigned number, bits;
	char line[256];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "+F4:%u:%u:%lf:%lf", &number, &bits, &sign, &verify) == 4 &&
			bits == 256)
			rate = verify;
	if (f != NULL)
		pclose(f);
	return rate;
}

static double clock_of(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* For a second on the wall. */
static double our_rate(void (*verify)(unsigned i))
{
	double end = clock_of(CLOCK_MONOTONIC) + 1, used = clock_of(CLOCK_THREAD_CPUTIME_ID);
	unsigned n = 0;

	while (clock_of(CLOCK_MONOTONIC) < end)
		for (unsigned i = 0; i < 100; i++)
			verify(n++);
	return n / (clock_of(CLOCK_THREAD_CPUTIME_ID) - used);
}

void bench_against_openssl_speed(void (*verify)(unsigned i))
{
	double ratio[PAIRS], ours[PAIRS], theirs[PAIRS];

	for (unsigned i = 0; i < PAIRS; i++) {
		theirs[i] = openssl_rate();
		if (theirs[i] == 0) {
			printf("against openssl speed: not measured, there is no openssl here\n");
			return;
		}
		ours[i] = our_rate(verify);
		ratio[i] = ours[i] / theirs[i];
	}
	printf("P-256 verifications a second: ours %.0f, openssl speed ecdsap256 %.0f (medians)\n",
		bench_ratio_of(ours, PAIRS).median, bench_ratio_of(theirs, PAIRS).median);
	bench_ratio_tell("sigcache", "ours over openssl speed ecdsap256", ratio, PAIRS, 0.95);
}
