#pragma once

#include "routing/plan_priv.h"

/**
 * Finish one list of a table: take the paths' states of now, sort, and reckon the columns that
 * first choices draw from.
 *
 * @param plan  of the table
 * @param l     index of the list in the plan
 * @param list  the table's copy of its candidates, in configured order
 */
void route_list_finish(const struct route_plan *plan, uint32_t l, struct route_paths *p,
	struct route_candidate *list);
