#pragma once

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "dataplane/claims.h"
#include "dataplane/home.h"
#include "dataplane/rng.h"
#include "dns/hash.h"
#include "dns/name.h"
#include "routing/table.h"
#include "validator/verdict.h"

/**
 * Transactions and the clients that wait for them: one table per worker, no sharing. Everything is
 * preallocated; indexes instead of pointers keep links at four octets. The essay is in txn.c.
 */

/** No index. */
#define DP_TXN_NONE 0xffffffffu

enum {
	DP_TXN_WAITERS_MAX = 256,  // clients on one transaction; more are dropped, DP_DROP_TXN_FULL
	DP_TXN_WHEEL_SLOTS = 4096, // one a millisecond; no timer is set farther ahead
	DP_TXN_CHAIN_MAX = 32,     // entries looked at in one hash chain
	DP_TXN_DRAWS_MAX = 16,     // tries to find a free (port, ID)
	DP_TXN_HOME_DRAWS = 32,    // pairs thrown away because their replies would land elsewhere
	DP_TXN_DRAWS_AHEAD = 16,   // pairs drawn before they are needed
};

/** One client's query, all that is needed to answer it later. */
struct dp_waiter {
	uint32_t next;             // index, DP_TXN_NONE at the end
	uint16_t port;             // index of the port it came in by
	struct rte_ether_addr mac; // next hop back: where the query came from
	uint16_t vlan_tci_be;
	bool vlan;
	bool edns, do_bit;
	uint8_t edns_version;
	bool stream;       // over TCP: any size fits
	uint16_t udp_size; // 512 without EDNS
	uint16_t id;
	uint16_t flags; // of the query: RD, AD, CD count
	uint16_t sport;
	struct route_addr client, service;
	uint64_t received_cycles;
	// bit i: octet i of the wire name was an upper-case letter
	uint8_t case_bits[DNS_CASE_OCTETS];
};

enum dp_txn_state {
	DP_TXN_FREE,
	DP_TXN_SENT,
	DP_TXN_FETCHING, // control asks for it by TCP (fetch.c)
	DP_TXN_JUDGING,
};

/** Who asks: part of a question's identity. */
enum dp_txn_who {
	DP_TXN_CLIENT,
	DP_TXN_CLIENT_CD, // clients that judge for themselves, RFC 4035 s3.2.2
	DP_TXN_CHAIN,     // we do, for the keys of a zone (chain.c)
};

/** Transactions that wait for something, linked by chain_prev and chain_next. */
struct dp_txn_list {
	uint32_t head, tail; // indexes, DP_TXN_NONE: empty
};

struct dp_fetch;

/**
 * Members stand in the order in which a query's life needs them: the first two lines of memory are
 * all that matching a reply and arming a timer look at; what few transactions need comes late, and
 * of the name only the octets that it has are written.
 */
struct dp_txn {
	// links, owned by txn.c
	alignas(RTE_CACHE_LINE_SIZE) uint32_t q_next; // chains of the question and the reply table
	uint32_t r_next;
	uint32_t timer_prev, timer_next;
	uint32_t timer_slot; // DP_TXN_NONE: no timer
	uint32_t generation; // grows when the slot is reused: stale references show
	uint64_t q_hash;
	uint32_t waiter_head, waiter_tail;
	uint16_t waiters;
	bool in_replies;

	// question, but for its name
	uint8_t state; // enum dp_txn_state
	uint8_t who;   // enum dp_txn_who
	bool cd;       // clients asked with CD=1
	bool is_ask;   // a question of control's own (dp_ask); then there are no waiters
	bool nsid;
	uint16_t qtype;
	uint16_t route_zone; // index of the zone in the table of the time; part of the question's
			     // identity
	uint16_t region;

	// the try that is under way
	uint16_t local_port, id;
	uint16_t path;
	struct route_addr upstream;
	uint8_t family; // of the upstream address
	uint8_t tries;
	uint8_t near_misses;
	uint16_t upstream_port; // index of our port that it left by
	uint64_t sent_cycles;
	uint64_t started_cycles;
	uint64_t table_number; // the table that route_zone and region are indexes of
	struct route_tried tried;
	uint8_t bad[8]; // what each entry of `tried` came to: enum route_outcome, 0 nothing bad

	// judging
	uint8_t pending;        // jobs out at the crypto lcores
	uint8_t verified;       // verifications of the whole transaction: the budget, never reset
	bool held;              // the reply waits until somebody has looked for its key
	uint16_t reply_sum;     // what the reply's octets sum to (csum.h), 0: not known
	uint32_t checks;        // index of the worker's val_checks slot, DP_TXN_NONE
	struct rte_mbuf *reply; // held while signatures are verified
	struct rte_mbuf *fallback; // a bogus reply, kept for clients who said CD=1
	uint64_t hold_until_ms;    // 0: no reply was held yet

	// why the last try failed, most specific so far
	enum val_reason reason;
	int ede;

	// building the chain, owned by chain.c
	uint8_t chain_wait;               // enum dp_chain_wait
	uint8_t chain_asked;              // questions caused or waited for, never reset
	uint8_t chain_verified;           // verifications in their answers, never reset
	uint8_t chain_renewed;            // zones asked about anew, never reset
	bool renews;                      // of a DP_TXN_CHAIN: DNSKEY is asked for after DS
	uint32_t chain_prev, chain_next;  // in the list that chain_wait says
	uint32_t chain_question;          // index of the transaction that asks for our keys
	struct dp_txn_list chain_waiters; // of a DP_TXN_CHAIN: who waits for its answer
	struct dp_fetch *fetch;           // the same: its answer comes by TCP, or came

	uint64_t token; // of an ask: index of its slot

	struct dns_name qname; // lower-cased
};
static_assert(offsetof(struct dp_txn, upstream) + sizeof(struct route_addr) <=
		      (size_t)2 * RTE_CACHE_LINE_SIZE,
	"what a reply is matched by is in two lines");
static_assert(offsetof(struct dp_txn, qname) <= (size_t)4 * RTE_CACHE_LINE_SIZE,
	"opening a transaction clears four lines");

struct dp_txns;

struct dp_txns_config {
	uint32_t transactions; // power of two not required
	uint32_t waiters;
	uint8_t worker; // our number, for claims
	int numa;
	struct dp_claims *claims; // NULL with one worker
	struct dp_rng *rng;
	struct dns_hash_key hash_key;
};

/** @retval 0, -ENOMEM, -EINVAL. Memory from rte_malloc on `numa`. */
int dp_txns_new(const struct dp_txns_config *cfg, struct dp_txns **out);
void dp_txns_free(struct dp_txns *x);

/** Identity of a question: name, type, who asks, and route (zone and region). RFC 5452 s5,
 * CVE-2025-5994.
 */
uint64_t dp_txns_hash(const struct dp_txns *x, const struct dns_name *qname, uint16_t qtype,
	enum dp_txn_who who, uint16_t zone, uint16_t region);

/** An outstanding transaction for the same question, or NULL. */
struct dp_txn *dp_txns_find_question(struct dp_txns *x, uint64_t hash, const struct dns_name *qname,
	uint16_t qtype, enum dp_txn_who who, uint16_t zone, uint16_t region);

/**
 * dp_txns_find_question() will follow: fetch what it takes, in two steps that want something else
 * in between, since the second needs what the first one fetched.
 */
void dp_txns_prefetch_question(const struct dp_txns *x, uint64_t hash);
void dp_txns_prefetch_asked(const struct dp_txns *x, uint64_t hash);

/**
 * A fresh transaction, zeroed but for its question fields and links, findable by its question (an
 * ask is not).
 * @return NULL when none is free
 */
struct dp_txn *dp_txns_open(struct dp_txns *x, uint64_t hash, const struct dns_name *qname,
	uint16_t qtype, enum dp_txn_who who, uint16_t zone, uint16_t region, bool is_ask);

/** Unlink everything, give back its waiters (the caller has answered them), its port claim, its
 * slot. */
void dp_txns_close(struct dp_txns *x, struct dp_txn *t);

/** A waiter on t, to be filled by the caller. NULL: none free or DP_TXN_WAITERS_MAX reached. */
struct dp_waiter *dp_txns_wait(struct dp_txns *x, struct dp_txn *t);
struct dp_waiter *dp_txns_waiter(struct dp_txns *x, uint32_t index);

/**
 * Give t an unpredictable (port, ID) towards `upstream`, not in use by another transaction of ours,
 * and make it findable by replies. A former pair is given up first.
 * @param home  where the reply should arrive, if one of DP_TXN_HOME_DRAWS pairs leads there; NULL:
 *              anywhere
 * @retval 0, -EAGAIN no free pair in DP_TXN_DRAWS_MAX draws
 */
int dp_txns_assign(struct dp_txns *x, struct dp_txn *t, const struct route_addr *upstream,
	const struct dp_home *home);
/** Stop listening for replies (the reply is here, or the try is over). */
void dp_txns_unassign(struct dp_txns *x, struct dp_txn *t);

/**
 * A reply to (local_port, id) will be looked for and may end a transaction: fetch what that takes,
 * in three steps that want something else in between, since each needs what the one before fetched.
 */
void dp_txns_prefetch_reply(struct dp_txns *x, uint16_t local_port, uint16_t id);
void dp_txns_prefetch_replied(struct dp_txns *x, uint16_t local_port, uint16_t id);
void dp_txns_prefetch_close(struct dp_txns *x, uint16_t local_port, uint16_t id);

enum dp_match { DP_MATCH_NONE, DP_MATCH_YES, DP_MATCH_NEAR };

/**
 * Who waits for a reply from `from` (port 53) to our (local_port, id)? NEAR: a transaction expects
 * that address at that port, but with another ID; *out is one such. O(1) expected, bounded by
 * DP_TXN_CHAIN_MAX.
 */
enum dp_match dp_txns_find_reply(struct dp_txns *x, const struct route_addr *from,
	uint16_t local_port, uint16_t id, struct dp_txn **out);

/** (Re)arm t's only timer, `ms` from now_ms; at least 1, at most DP_TXN_WHEEL_SLOTS - 1. */
void dp_txns_timer(struct dp_txns *x, struct dp_txn *t, uint64_t now_ms, uint32_t ms);
void dp_txns_timer_stop(struct dp_txns *x, struct dp_txn *t);

/**
 * Expired transactions, at most max a call, their timers stopped; call until it gives 0 or go on
 * next burst. O(slots passed + expired).
 */
unsigned dp_txns_expired(struct dp_txns *x, uint64_t now_ms, struct dp_txn **out, unsigned max);

/** Index and generation name a transaction across threads; NULL when it is gone. */
uint32_t dp_txns_index(const struct dp_txns *x, const struct dp_txn *t);
struct dp_txn *dp_txns_at(struct dp_txns *x, uint32_t index, uint32_t generation);
/** Slot i whether in use or not (state tells), for drains. */
struct dp_txn *dp_txns_slot(struct dp_txns *x, uint32_t index);
uint32_t dp_txns_capacity(const struct dp_txns *x);
uint32_t dp_txns_used(const struct dp_txns *x);
uint32_t dp_txns_waiting(const struct dp_txns *x);
