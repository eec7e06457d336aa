#pragma once

#include <stdbool.h>
#include <stdint.h>

/** Replies that wait until somebody has looked for their key; the essay is in hold.c. */

struct dp_txn;
struct dp_worker;
struct val_zone_keys;

enum {
	DP_HELD_MAX = 512,  // replies held at once; more are judged as they stand
	DP_HELD_BURST = 32, // judged again in one turn
};

struct dp_held {
	uint32_t txn, generation;
	uint64_t view_number; // the view it was judged by
};

/**
 * w->verdict of t's reply may be another one once somebody has looked for a key: hold the reply.
 * @return false: the verdict stands
 */
bool dp_hold_reply(struct dp_worker *w, struct dp_txn *t, const struct val_zone_keys *keys);
/** Judge again those that were judged by an older view. @return how many */
unsigned dp_hold_serve(struct dp_worker *w);
