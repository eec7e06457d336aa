#include "gen/zipf.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/*
 * The alias method: every rank's share is cut to pieces so that n columns of equal height each hold
 * at most two ranks. A draw takes a column and then, by the height, one of its two. The first half
 * of the random bits chooses the column, the second the height, so one 64-bit number does.
 */

struct column {
	uint32_t share; // of 2^32: this much of the column is its own rank
	uint32_t other; // whose the rest is
};

struct gen_zipf {
	uint32_t n;
	struct column column[];
};

static int weigh(double *weight, uint32_t n, double exponent)
{
	double sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += weight[i] = pow((double)i + 1, -exponent);
	if (!isfinite(sum) || sum <= 0)
		return -EINVAL;
	for (uint32_t i = 0; i < n; i++)
		weight[i] *= n / sum; // mean 1
	return 0;
}

static uint32_t share_of(double weight)
{
	return weight >= 1 ? UINT32_MAX : (uint32_t)(weight * 0x1p32);
}

/* Pair each rank that does not fill its column with one that overflows. */
static void pair(struct gen_zipf *z, double *weight, uint32_t *small, uint32_t *large)
{
	uint32_t smalls = 0, larges = 0;

	for (uint32_t i = 0; i < z->n; i++) {
		z->column[i] = (struct column){UINT32_MAX, i};
		if (weight[i] < 1)
			small[smalls++] = i;
		else
			large[larges++] = i;
	}
	while (smalls > 0 && larges > 0) {
		uint32_t s = small[--smalls], l = large[larges - 1];

		z->column[s] = (struct column){share_of(weight[s]), l};
		weight[l] -= 1 - weight[s];
		if (weight[l] < 1) {
			larges--;
			small[smalls++] = l;
		}
	}
}

int gen_zipf_new(uint32_t n, double exponent, struct gen_zipf **out)
{
	struct gen_zipf *z;
	double *weight;
	uint32_t *small, *large;
	int err = -ENOMEM;

	if (n == 0 || !(exponent >= 0))
		return -EINVAL;
	z = malloc(sizeof(*z) + n * sizeof(z->column[0]));
	weight = malloc(n * sizeof(*weight));
	small = malloc(n * sizeof(*small));
	large = malloc(n * sizeof(*large));
	if (z != NULL && weight != NULL && small != NULL && large != NULL)
		err = weigh(weight, n, exponent);
	if (err == 0) {
		z->n = n;
		pair(z, weight, small, large);
		*out = z;
	} else {
		free(z);
	}
	free(weight);
	free(small);
	free(large);
	return err;
}

void gen_zipf_free(struct gen_zipf *z)
{
	free(z);
}

uint32_t gen_zipf_draw(const struct gen_zipf *z, uint64_t random)
{
	uint32_t i = (uint32_t)((random >> 32) * z->n >> 32);
	const struct column *c = &z->column[i];

	return (uint32_t)random <= c->share ? i : c->other;
}
