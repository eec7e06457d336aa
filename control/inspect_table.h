#pragma once

#include <stdio.h>

#include "control/inspect.h"

/**
 * What a capture says of each server, for people: answers and verdicts, how near the end of the
 * signatures that it gives is, and how far it is behind those that answer for the same names.
 *
 * Lag is measured on one RRset at a time: the newest inception that the server showed, against the
 * newest that another server had shown until a minute after it. Re-signing never takes an inception
 * back, so a server that is behind has an older copy of the zone. Memory is bounded.
 */

enum {
	CTL_TABLE_SERVERS_MAX = 4096,  // shown; answers of others are counted together
	CTL_TABLE_PAIRS_MAX = 1 << 18, // server and RRset
};

struct ctl_inspect_table;

/** @retval 0, -ENOMEM */
int ctl_inspect_table_new(struct ctl_inspect_table **out);
/** NULL is allowed. */
void ctl_inspect_table_free(struct ctl_inspect_table *t);
/** A ctl_inspect_fn with the struct ctl_inspect_table as its argument. */
void ctl_inspect_table_add(void *table, const struct ctl_judged *judged, const struct dns_msg *msg);

/**
 * @param at  as given to the inspection: ages are counted from then, or from the last packet when 0
 */
void ctl_inspect_table_print(const struct ctl_inspect_table *t,
	const struct ctl_inspect_stats *stats, int64_t at, FILE *out);

/** What was left out of a capture or could not be read, a line each; nothing when all was. */
void ctl_inspect_notes(const struct ctl_inspect_stats *stats, FILE *out);

/** One response as a line of JSON. */
void ctl_inspect_json(const struct ctl_judged *j, FILE *out);
