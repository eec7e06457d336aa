#pragma once

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include "dataplane/badnames.h"
#include "dataplane/chain.h"
#include "dataplane/crypto.h"
#include "dataplane/dataplane.h"
#include "dataplane/effort.h"
#include "dataplane/failures.h"
#include "dataplane/hold.h"
#include "dataplane/idle.h"
#include "dataplane/packet.h"
#include "dataplane/rcache.h"
#include "dataplane/txn.h"
#include "validator/response.h"

/**
 * One worker: everything a core needs to carry a query from first packet to last. For this folder
 * and its tests. dp_worker_burst() is one turn of its loop; the parts of a turn are in query.c,
 * cached.c, upstream.c, response.c, judge.c, hold.c, chain.c, fetch.c, deliver.c, ask.c and
 * handover.c.
 *
 * Who ends a packet counts it. The helpers that end one are dp_drop(), dp_drop_waiters(),
 * dp_tx_reply() (counted when the NIC has taken the packet, or as DP_DROP_TX_FULL) and
 * dp_count(&counters.matched); a query that is in none of them is a waiter.
 */

/** Work done in one turn, and what one transaction may cost. */
enum {
	DP_BURST = 32,         // packets a queue, handed-over packets
	DP_TX_BUFFER = 64,     // packets a port, sent at the end of a turn or when full
	DP_EXPIRED_BURST = 64, // timers
	DP_JOBS_BURST = 32,    // finished verifications
	DP_ASKS_BURST = 8,     // control's questions taken up
	DP_HANDOVER = 4096,    // replies on their way to a worker from the others
	DP_SWEEP_BURST = 1024, // transaction slots looked at when a drain's time is over
	DP_JOBS = 1024, // verifications a worker can have under way; also replies held for them
	DP_FALLBACKS_MAX = 2048, // bogus replies kept for CD=1 clients while other sites are asked
	DP_ASKS_MAX = 256,       // control's questions under way
	DP_NEAR_MISS_MAX = 3, // near misses before a transaction changes its pair (RFC 5452 s4.5)
	DP_REDRAWS_MAX = 3,   // how often it does: spoofed packets must not make us a packet source
};

/** What dp_drain() and dp_free() ask of the workers. */
enum dp_run {
	DP_RUN,
	DP_RUN_DRAIN, // no new queries, running ones go on
	DP_RUN_ABORT, // running ones end now
	DP_RUN_STOP,  // leave the loop
};

/**
 * Clocks without system calls: workers read the TSC, control says from time to time how far it is
 * from the others. Between two updates the TSC keeps them going, so a stalled control thread does
 * not stop time.
 */
struct dp_clock {
	_Atomic int64_t wall_ms;  // milliseconds since the epoch, less the TSC's
	_Atomic int64_t mono_us;  // CLOCK_MONOTONIC, less the TSC's
	_Atomic uint64_t flushes; // how often everything before was to be forgotten
};

/** A question of control's on its way: a slot goes round control → worker → control. */
struct dp_ask_slot {
	struct dp_ask ask;
	struct dp_told told;
};

/** Members as in struct dp_stats, each with one writer. */
struct dp_counters {
	_Atomic uint64_t received, matched, forwarded, answered;
	_Atomic uint64_t dropped[DP_DROP_MAX];
	_Atomic uint64_t waiting, transactions; // gauges, set at the end of a turn
	_Atomic uint64_t sent_upstream, upstream_tx_full, retried, coalesced, truncated;
	_Atomic uint64_t near_misses, redraws, asks, failures_cached, failure_hits, handed_over;
	_Atomic uint64_t keys_awaited;
	_Atomic uint64_t cache_hits, cache_misses, cache_stale, cache_kept, prefetches;
	_Atomic uint64_t answered_rcode[16];
	_Atomic uint64_t verdict[VAL_PENDING], reason[VAL_R_MAX];
	_Atomic uint64_t sig_hits, sig_misses, sig_verified_good, sig_verified_bad, sig_ring_full;
	_Atomic uint64_t sig_refused;
	_Atomic uint64_t chain_asked, chain_joined, chain_waited, chain_failed, chain_truncated;
	_Atomic uint64_t chain_renewed, chain_fetched, chain_limit, chain_full;
	_Atomic uint64_t bursts, idle_bursts, busy_cycles, view_number;
};

/** Add to a counter of this core's own: no other core writes it, so no read-modify-write. */
static inline void dp_add(_Atomic uint64_t *c, uint64_t n)
{
	atomic_store_explicit(
		c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline void dp_count(_Atomic uint64_t *c)
{
	dp_add(c, 1);
}

static inline void dp_set(_Atomic uint64_t *c, uint64_t v)
{
	atomic_store_explicit(c, v, memory_order_relaxed);
}

/** What a packet in a transmit buffer is, so that it is counted as what became of it. */
enum dp_tx_kind { DP_TX_FORWARDED, DP_TX_ANSWERED, DP_TX_UPSTREAM };

struct dp_tx {
	uint16_t count;
	bool unreclaimed;           // the driver may still hold what it has sent
	uint8_t kind[DP_TX_BUFFER]; // enum dp_tx_kind
	struct rte_mbuf *m[DP_TX_BUFFER];
};

/** The present, fixed for one turn. */
struct dp_now {
	const struct dp_view *view; // NULL until the first publication
	uint64_t cycles;
	uint64_t ms;      // since the TSC's start: timers
	uint64_t mono_us; // CLOCK_MONOTONIC
	uint32_t epoch_s;
	uint64_t
		failures; // the time's failures: others, of another table or flushed, are forgotten
	enum dp_run run;
};

struct dp_worker {
	// set before launch, read-only afterwards
	const struct dp_config *cfg;
	uint16_t id;
	int numa;
	uint16_t port_count;
	uint16_t port_id[DP_PORTS_MAX]; // of ethdev
	struct rte_ether_addr port_mac[DP_PORTS_MAX];
	const struct dp_rss *port_rss[DP_PORTS_MAX]; // NULL: where replies arrive is not known
	unsigned families; // bit 0 IPv4, bit 1 IPv6: what we have a source address of
	uint64_t cycles_per_ms, cycles_per_us, timeout_cycles, budget_cycles;
	struct rte_mempool *pool;
	struct rte_rcu_qsbr *qsbr;
	const struct dp_clock *clock;
	const _Atomic int *run; // enum dp_run
	struct dp_txns *txns;
	struct dp_failures *failures;
	struct dp_rng *rng;
	struct dp_claims *claims; // NULL with one worker
	struct dp_crypto *crypto;
	struct dp_rcache *rcache;        // NULL: answers are not kept
	struct dns_hash_key hash_key;    // of what names are looked up by
	struct dp_worker *const *peers;  // by id, of all workers
	struct rte_ring *handover;       // mbufs that other workers received for us
	struct rte_ring *asks, *tolds;   // struct dp_ask_slot; NULL but for worker 0
	struct dp_ask_slot *ask_slots;   // dp_txn.token is an index into it
	struct dp_fetch *fetches;        // DP_FETCHES_MAX, of this core but while they are away
	struct rte_ring *fetch_asks;     // on their way to control,
	struct rte_ring *fetch_tolds;    // and back
	struct route_evidence *evidence; // by path id, ROUTE_PATHS_MAX; written by this core
	_Atomic uint32_t *keys_awaited;  // the same: replies held there for an unknown key

	// written by control, read by this core once a turn
	alignas(RTE_CACHE_LINE_SIZE) _Atomic(const struct dp_view *) view;

	// this core's alone, but for what idle counts
	alignas(RTE_CACHE_LINE_SIZE) struct dp_now now;
	struct dp_idle idle;
	uint32_t fallbacks;   // replies held as dp_txn.fallback
	uint32_t sweep;       // next slot to end when a drain's time is over
	uint32_t checks_free; // entries on the stack of free val_checks
	uint16_t checks_stack[DP_JOBS];
	struct val_checks checks[DP_JOBS]; // for transactions whose signatures are being verified
	uint32_t held_head, held_count;    // ring of replies that wait for a key
	struct dp_held held[DP_HELD_MAX];
	struct dp_effort effort;
	struct val_facts *facts;          // about zones that are not published
	uint64_t chain_view, chain_print; // the view and the keys that they rest on
	uint32_t chain_waiting;           // replies held for keys
	uint32_t chain_questions;         // transactions of ours that ask for keys
	struct dp_txn_list chain_turns;   // who is to be judged again
	struct dp_fetch *fetch_free[DP_FETCHES_MAX];
	unsigned fetch_free_count;
	struct dp_tx tx[DP_PORTS_MAX];
	// scratch, valid within one packet
	struct dns_msg msg;
	struct val_response verdict;
	bool spans_zones; // the verdict is by keys of more zones than the routed one
	struct val_checks first_checks;
	struct val_zone_keys no_keys; // stands in for a zone whose keys we do not know
	struct val_ctx ctx;
	struct dp_rcache_copy kept; // an answer on its way out of the cache or into it
	struct dns_msg kept_msg;    // its message, when it has to be rebuilt

	// written by this core, read by whoever wants an example
	struct dp_badnames badnames;
	// written by this core, read by whoever shows numbers
	alignas(RTE_CACHE_LINE_SIZE) struct dp_counters counters;
};
static_assert(offsetof(struct dp_worker, view) % RTE_CACHE_LINE_SIZE == 0, "a line of its own");
static_assert(
	offsetof(struct dp_worker, now) - offsetof(struct dp_worker, view) >= RTE_CACHE_LINE_SIZE,
	"control's line is not this core's");
static_assert(offsetof(struct dp_worker, counters) % RTE_CACHE_LINE_SIZE == 0, "a line of its own");

/** What dp_worker_new() is given; everything borrowed outlives the worker. */
struct dp_worker_config {
	const struct dp_config *cfg;
	uint16_t id;
	int numa;
	const struct dp_port *ports;
	struct rte_mempool *pool;
	struct rte_rcu_qsbr *qsbr;
	const struct dp_clock *clock;
	const _Atomic int *run;
	struct dp_claims *claims;
	struct dp_crypto *crypto;
	struct dp_rcache *rcache;
	const struct val_sigcache *sigcache;
	struct dns_hash_key prf_key;  // the sigcache's
	struct dns_hash_key hash_key; // of questions
	struct dp_worker *const *peers;
	struct rte_ring *asks, *tolds; // worker 0's, else NULL
	struct dp_ask_slot *ask_slots;
};

/* ---- worker.c ---- */

/** Memory from `numa`. @retval 0, -ENOMEM, -EIO, -EINVAL */
int dp_worker_new(const struct dp_worker_config *cfg, struct dp_worker **out);
/** The worker's loop has ended; packets that it holds are freed. NULL is allowed. */
void dp_worker_free(struct dp_worker *w);

/** Report to / no longer to the grace period; views may only be read in between. */
void dp_worker_attach(struct dp_worker *w);
void dp_worker_detach(struct dp_worker *w);

/** Body of a worker's lcore: turns until DP_RUN_STOP. Suits rte_eal_remote_launch(). */
int dp_worker_main(void *worker);

/**
 * One turn: receive, judge, hand over, ask, time out, send.
 * @param cycles  the TSC, never less than before
 * @return packets, jobs and timers worked on; 0 was idle
 */
unsigned dp_worker_burst(struct dp_worker *w, uint64_t cycles);

/* ---- tx.c ---- */

/** Send an upstream's query by port (an index); takes the mbuf. */
void dp_tx_upstream(struct dp_worker *w, uint16_t port, struct rte_mbuf *m);
/** Send a client its answer; the query is counted as `kind` when the packet has left. Takes the
 * mbuf. */
void dp_tx_reply(struct dp_worker *w, uint16_t port, struct rte_mbuf *m, enum dp_tx_kind kind);
/**
 * Send what is buffered. Never waits: what a NIC does not take is freed and counted.
 * @param idle  the turn had no work: also take back the mbufs of what was sent before
 */
void dp_tx_flush(struct dp_worker *w, bool idle);
/** End a received packet. */
void dp_drop(struct dp_worker *w, struct rte_mbuf *m, enum dp_drop reason);

/* ---- query.c ---- */

/** Packets to a service address and port 53, received by `port`; at most DP_BURST. Takes their
 * mbufs. */
void dp_queries(struct dp_worker *w, struct dp_pkt *const *p, unsigned n, uint16_t port);

/* ---- cached.c ---- */

/** A question to the response cache. */
struct dp_cached {
	const struct dns_name *qname; // lower-cased
	uint16_t qtype;
	int zone;        // of this turn's table
	uint16_t region; // looked at where the zone's upstreams are recursive
	uint64_t hash;   // dp_cached_prefetch() sets it
};

/** Keep w->msg, which answers t and has w->verdict, secure or insecure; or do not, where it must
 * not be kept. */
void dp_cached_keep(struct dp_worker *w, const struct dp_txn *t);
/** Before dp_cached_find(): hash the question, fetch what will be read first. */
void dp_cached_prefetch(const struct dp_worker *w, struct dp_cached *q);
/**
 * Find an answer; it is then w->kept. q has been through dp_cached_prefetch().
 * @param stale  also one whose TTLs are over, if the configuration lets it be served
 */
bool dp_cached_find(struct dp_worker *w, const struct dp_cached *q, bool do_bit, bool stale);
/** w->kept, which answers q, as this client wants it; counts it. @return octets, -ENOSPC */
int dp_cached_write(struct dp_worker *w, const struct dp_waiter *client, const struct dp_cached *q,
	uint8_t *out, size_t size);
/** Is w->kept popular and near its end? True to one caller only, who is to renew it. */
bool dp_cached_ends_soon(struct dp_worker *w);

/* ---- upstream.c ---- */

/** Where a transaction belongs in the table of this turn; indexes change between tables. */
struct dp_route {
	int zone; // -1: no longer routed
	uint16_t region;
	enum route_kind kind;
};
struct dp_route dp_route_of(const struct dp_worker *w, const struct dp_txn *t);

/** First try. Takes p->m, which becomes the query upstream where the families match; p is NULL
 * when no client asks. */
void dp_upstream_first(struct dp_worker *w, struct dp_txn *t, struct dp_pkt *p);
/** What a try that begins now may take: timeout_ms, but not more than is left of the budget. */
uint32_t dp_upstream_patience_ms(const struct dp_worker *w, const struct dp_txn *t);
/** The try failed: next path, or the end of the transaction. */
void dp_upstream_retry(struct dp_worker *w, struct dp_txn *t);
/** A near miss: a new pair and the same query again, within limits. */
void dp_upstream_near_miss(struct dp_worker *w, struct dp_txn *t);
/** A question for keys, which has no packet yet. @retval 0, -ENOENT no path, -ENOBUFS */
int dp_upstream_question(struct dp_worker *w, struct dp_txn *q);
/** Control's question, to exactly its path. @retval 0, -EHOSTUNREACH, -ENOBUFS */
int dp_upstream_ask(struct dp_worker *w, struct dp_txn *t, const struct dp_ask *ask);
/** Note why the try that is under way failed; the most specific reason is kept. */
void dp_upstream_failed(
	struct dp_txn *t, enum route_outcome outcome, enum val_reason reason, int ede);

/* ---- response.c ---- */

/** Packets to a source address from port 53; at most DP_BURST. Takes their mbufs. */
void dp_responses(struct dp_worker *w, struct dp_pkt *const *p, unsigned n);

/* ---- judge.c ---- */

/** Judge a matched reply; m's data is the DNS message. Takes m. */
void dp_judge_reply(struct dp_worker *w, struct dp_txn *t, struct rte_mbuf *m);
/** A verification is done. Takes the job. */
void dp_judge_job(struct dp_worker *w, struct dp_job *job);
/** Judge t->reply, or what was fetched for t, anew, by the view of this turn. */
void dp_judge_again(struct dp_worker *w, struct dp_txn *t);
/** The answer to q, a question for keys, is truncated and cannot be had whole. */
void dp_judge_truncated(struct dp_worker *w, struct dp_txn *q);
/** Give back the transaction's val_checks, if it has any. */
void dp_judge_release(struct dp_worker *w, struct dp_txn *t);

/* ---- deliver.c ---- */

/** Each client gets its form of w->msg, which is t->reply parsed; the transaction ends. */
void dp_deliver(struct dp_worker *w, struct dp_txn *t, const struct val_response *verdict,
	enum route_kind kind);
/** Each client gets SERVFAIL (CD=1: the bogus reply, if there was one); the transaction ends. */
void dp_deliver_failure(struct dp_worker *w, struct dp_txn *t, bool remember);
/** End a transaction whose clients have been served or are given up: frees what it holds. */
void dp_txn_end(struct dp_worker *w, struct dp_txn *t);
/** Every client of t is dropped for `reason`; the transaction stays. */
void dp_drop_waiters(struct dp_worker *w, struct dp_txn *t, enum dp_drop reason);
/** A fresh mbuf for a DNS payload. @return NULL when the pool is empty */
struct rte_mbuf *dp_payload_new(struct dp_worker *w, uint8_t **payload, size_t *room);

/* ---- ask.c ---- */

/** Take up control's questions. @return how many */
unsigned dp_asks_serve(struct dp_worker *w);
/** Tell control; error 0: m's data is the reply. The transaction ends; m is not taken. */
void dp_ask_end(struct dp_worker *w, struct dp_txn *t, int error, const struct rte_mbuf *m);

/* ---- fetch.c ---- */

/** Rings and places for answers. @retval 0, -ENOMEM */
int dp_fetch_new(struct dp_worker *w);
void dp_fetch_free(struct dp_worker *w);
/** The answer to q, a question for keys, was truncated: have control ask by TCP. @return false: it
 * cannot */
bool dp_fetch_begin(struct dp_worker *w, struct dp_txn *q);
/** Who asked waits no more, or has judged what came. Nothing happens where nothing was fetched. */
void dp_fetch_end(struct dp_worker *w, struct dp_txn *q);
/** Take up control's answers. @return how many */
unsigned dp_fetch_serve(struct dp_worker *w);

/* ---- handover.c ---- */

/** Give a reply to the worker that owns its port. @return false when it is this worker's (or
 * nobody's) */
bool dp_handover_give(struct dp_worker *w, struct dp_pkt *p);
/** Take what others received for us. @return how many */
unsigned dp_handover_serve(struct dp_worker *w);
