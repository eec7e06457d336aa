#pragma once

#include <stdbool.h>

#include "validator/chain.h"

/** Keys of zones that nobody has published: asked for while the reply waits. The essay is in
 * chain.c. */

struct dp_txn;
struct dp_worker;
struct val_zone_keys;

enum {
	DP_CHAIN_WAITING_MAX = 1024,  // replies held for keys, a worker
	DP_CHAIN_QUESTIONS_MAX = 512, // our own questions under way, a worker
	DP_CHAIN_BURST = 32,          // replies judged again in one turn
	DP_CHAIN_NAMES = 16,          // facts remembered for each key set
};

enum dp_chain_wait {
	DP_CHAIN_NOTHING,
	DP_CHAIN_ANSWER, // in the list of the question's transaction
	DP_CHAIN_TURN,   // in the worker's list: there is an answer, judge again
};

/** What this worker trusts now. */
void dp_chain_trust(struct dp_worker *w, struct val_trust *out);
/** A turn begins: forget what was found by keys that are not the published ones any more. */
void dp_chain_renew(struct dp_worker *w);

/**
 * Hold t's reply until `need` is answered.
 * @retval 0; -E2BIG a limit against hostile work; -ENOBUFS we are short of something
 */
int dp_chain_wait(struct dp_worker *w, struct dp_txn *t, const struct val_chain_step *need);
/**
 * t's verdict is bogus for want of a key of this zone, whose keys we found ourselves. Hold its
 * reply until they have been asked for anew, if that is allowed: each zone once in VAL_FACT_RENEW_S
 * (or when it is under way), VAL_CHAIN_RENEWALS_MAX zones for a transaction.
 * @return false: the verdict stands
 */
bool dp_chain_ask_anew(struct dp_worker *w, struct dp_txn *t, const struct val_zone_keys *lacks);
/** Ask anew for keys, or the lack of them, that t's answer has used and that end soon, for nobody
 * in particular. */
void dp_chain_refresh(struct dp_worker *w, const struct dp_txn *t);
/** A question of ours was answered well: it ends, or goes on to the next of a renewal. */
void dp_chain_answered(struct dp_worker *w, struct dp_txn *q);
/** A question of ours that nobody answered well ends. remember: ask no more for a while */
void dp_chain_failed(struct dp_worker *w, struct dp_txn *q, bool remember);
/** t ends: it waits no more, and who waits for it gets a turn. */
void dp_chain_leave(struct dp_worker *w, struct dp_txn *t);
/** Why t's reply was not judged in time: the extended error for its clients. */
int dp_chain_late(struct dp_worker *w, const struct dp_txn *t);
/** Judge again those whose answer has come. @return how many */
unsigned dp_chain_serve(struct dp_worker *w);
