#include "routing/share_priv.h"

#include <assert.h>

// Sums of doubles near 1 are off by less than this.
static const double nothing = 1e-9;

/* Give a seat up to its cap. @return what it took */
static double give(struct route_seat *s, double amount)
{
	double room = s->cap - s->share;

	if (amount < room) {
		s->share += amount;
		return amount;
	}
	s->share = s->cap; // exactly, or rounding would leave it open
	return room;
}

/* The first one as much as it may have, then the next. */
static double fill_in_order(struct route_seat *seats, unsigned count, double rest)
{
	for (unsigned i = 0; i < count && rest > nothing; i++)
		rest -= give(&seats[i], rest);
	return rest;
}

/* Each round either shares all out, or brings one more seat to its cap. */
static double fill_by_weight(struct route_seat *seats, unsigned count, double rest)
{
	for (unsigned round = 0; round < count && rest > nothing; round++) {
		double weights = 0, amount = rest;

		for (unsigned i = 0; i < count; i++)
			weights += seats[i].share < seats[i].cap ? seats[i].weight : 0;
		if (weights <= 0)
			break;
		for (unsigned i = 0; i < count; i++)
			if (seats[i].share < seats[i].cap)
				rest -= give(&seats[i], amount * seats[i].weight / weights);
	}
	return rest;
}

static double fill_fastest(struct route_seat *seats, unsigned count, double rest)
{
	double amount = count > 1 ? rest * route_explore / (count - 1) : 0;

	for (unsigned i = 1; i < count; i++)
		rest -= give(&seats[i], amount);
	return fill_in_order(seats, count, rest);
}

void route_seats_share(enum route_policy policy, struct route_seat *seats, unsigned count)
{
	static double (*const fill[ROUTE_POLICIES])(struct route_seat *, unsigned, double) = {
		[ROUTE_ORDERED] = fill_in_order,
		[ROUTE_WEIGHTED] = fill_by_weight,
		[ROUTE_FASTEST] = fill_fastest,
	};
	double rest = 1;

	for (unsigned i = 0; i < count; i++)
		seats[i].share = 0;
	for (unsigned i = 0, end; i < count && rest > nothing; i = end) {
		for (end = i + 1; end < count && seats[end].level == seats[i].level;)
			end++;
		rest = fill[policy](&seats[i], end - i, rest);
	}
	for (unsigned i = 0; i < count && rest > nothing; i++)
		seats[i].share /= 1 - rest;
}

void route_columns(const double *share, unsigned n, uint16_t *cut, uint8_t *other)
{
	double part[ROUTE_ZONE_PATHS_MAX];
	uint8_t small[ROUTE_ZONE_PATHS_MAX] = {0}, large[ROUTE_ZONE_PATHS_MAX] = {0};
	unsigned smalls = 0, larges = 0;

	assert(n > 0 && n <= ROUTE_ZONE_PATHS_MAX);
	for (unsigned i = 0; i < n; i++) {
		cut[i] = 0;
		other[i] = (uint8_t)i;
		part[i] = share[i] * n;
		if (part[i] < 1 - nothing)
			small[smalls++] = (uint8_t)i;
		else
			large[larges++] = (uint8_t)i;
	}
	while (smalls > 0 && larges > 0) {
		uint8_t s = small[--smalls], l = large[larges - 1];

		cut[s] = (uint16_t)(part[s] * 65536);
		other[s] = l;
		part[l] -= 1 - part[s];
		if (part[l] < 1 - nothing) {
			larges--;
			small[smalls++] = l;
		}
	}
	// A small one without a large one is there by rounding: it keeps its column.
}
