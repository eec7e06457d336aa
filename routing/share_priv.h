#pragma once

#include <stdint.h>

#include "routing/table.h"

/**
 * Shares of first choices: how much goes to each site of a list, and how a random number becomes
 * one of them in two steps. For routing/ and its tests.
 */

/** One site of a list, in order of preference. */
struct route_seat {
	unsigned level; // never falls along the list; the same for those that the policy is among
	unsigned weight;
	double cap;   // above 0; 1: none
	double share; // out
};

// Of a fastest group's queries, this part goes to its other sites: so their RTT stays known to
// clients' traffic, and one that became faster is found.
static const double route_explore = 0.02;

/**
 * Share out 1 among count seats. A level is used before the next one; what its caps leave over goes
 * to the next. When all caps are reached before everything is shared out, every share grows by the
 * same factor: nothing is refused. O(count²) at most, for count > 0.
 */
void route_seats_share(enum route_policy policy, struct route_seat *seats, unsigned count);

/**
 * Columns to draw from (Walker's alias method, as Vose builds it): a random column of n, then its
 * own index, or the other one when 16 more random bits are not below its cut.
 *
 * @param share  n of them, 1 together; n is 1..ROUTE_ZONE_PATHS_MAX
 * @param cut    out, n: of 65536; a column that is its own other one needs none
 * @param other  out, n
 */
void route_columns(const double *share, unsigned n, uint16_t *cut, uint8_t *other);
