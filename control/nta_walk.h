#pragma once

#include "control/nta.h"
#include "routing/table.h"
#include "validator/chain.h"
#include "validator/now.h"

/**
 * Does a name behind recursive upstreams validate? Each path of its route is asked for the name's
 * SOA record, one after the other, and for the keys that the answer needs, from the trust anchors
 * down, as if there were no negative one. One question is out at a time. Pure: the caller sends the
 * questions and hands in what came back. Control thread only.
 */
struct ctl_nta_walk {
	struct val_verifier *verifier; // borrowed
	struct val_skew skew;
	struct val_facts *facts; // what this path's answers have shown
	struct val_keys *truth;  // keys without negative anchors, since the walk began
	struct dns_name name;    // that is asked about
	size_t count, turn;      // paths; the one that is asked
	struct route_addr addr[ROUTE_ZONE_PATHS_MAX];
	uint16_t path[ROUTE_ZONE_PATHS_MAX];
	bool unsent;
	struct ctl_keeper_ask question; // the one to be sent, or out
	uint8_t *reply;                 // the SOA answer that waits for keys, or NULL
	size_t reply_len;
	unsigned asked, verified; // of this path, for the chain's limits
	uint16_t good, bad;       // paths whose answer validated, and did not; silence says nothing
	struct dns_msg msg;       // scratch
	struct val_response response;
};

/** @param w  zeroed; verifier and skew set @retval 0, -ENOMEM */
int ctl_nta_walk_init(struct ctl_nta_walk *w);
void ctl_nta_walk_fini(struct ctl_nta_walk *w);

/** Begin with the paths of a routed zone; what was under way ends. */
void ctl_nta_walk_begin(struct ctl_nta_walk *w, const struct dns_name *name,
	const struct dns_name *zone, struct route_paths *p);
/** Every path was asked, or there is none. */
bool ctl_nta_walk_ended(const struct ctl_nta_walk *w);
/** The question to send now, under this token. @return false: one is out, or there is none */
bool ctl_nta_walk_due(struct ctl_nta_walk *w, uint64_t token, struct ctl_keeper_ask *out);
/** What came back under the token of the question that is out; others are ignored. */
void ctl_nta_walk_told(struct ctl_nta_walk *w, const struct ctl_keeper *k,
	const struct ctl_nta_heard *h, uint32_t epoch_s);
