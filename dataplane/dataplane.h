#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/badnames.h"
#include "dataplane/drop.h"
#include "dataplane/idle.h"
#include "dataplane/port.h"
#include "dataplane/rcache.h"
#include "dataplane/view.h"
#include "dns/name.h"
#include "routing/evidence.h"
#include "routing/judge.h"
#include "routing/table.h"
#include "validator/sig.h"
#include "validator/verdict.h"

/**
 * The dataplane as control sees it: start it on the lcores that EAL was given, publish views, ask
 * questions through it, read its numbers, drain and stop it. Every function here is for the control
 * thread (the main lcore).
 */

enum { DP_PORTS_MAX = 16, DP_WORKERS_MAX = 64, DP_ADDRS_MAX = 16 };

enum {
	DP_FETCHES_MAX = 16,      // answers that a worker has fetched by TCP at once
	DP_FETCH_MSG_MAX = 16384, // octets of one: more than any key set that can be judged
};

/** The response cache. Seconds; a size of 0 turns it off. */
struct dp_cache_config {
	uint32_t size_mb;            // shared by all workers
	uint32_t max_ttl_s;          // no answer is kept longer; default 86400
	uint32_t min_ttl_s;          // none shorter, but for its signatures; 0: as its TTLs say
	uint32_t max_negative_ttl_s; // no denial is kept longer; default 3600
	uint32_t stale_s; // how long after its end an answer stands in for failing sites; 0: never
	bool prefetch;    // renew popular answers before they end
};

struct dp_config {
	struct dp_port_config ports[DP_PORTS_MAX];
	uint16_t port_count;
	uint16_t worker_count; // worker i polls queue i of every port; the first EAL worker lcores
	uint16_t crypto_count; // lcores after the workers'; 0: verification inline in the worker
	struct route_addr service[DP_ADDRS_MAX]; // where clients ask, port 53
	uint16_t service_count;
	struct route_addr source[2]; // what upstream sees: [0] IPv4, [1] IPv6; family 0 when absent
	struct route_prefix allow[64]; // clients; none: everybody
	uint16_t allow_count;
	char xdp_object[256];
	uint32_t transactions;  // per worker, default 65536
	uint32_t waiters;       // per worker, default 2 * transactions
	uint32_t timeout_ms;    // first try at one path, default 400
	uint32_t budget_ms;     // whole transaction, default 1800: inside the client's 2 s
	uint32_t tries;         // paths per transaction, default 4
	uint32_t failure_ttl_s; // 1..300 (RFC 9520), default 5
	uint16_t edns_size;     // what we advertise to both sides, default 1232
	uint32_t sigcache_entries;
	bool sigcache_interleave; // over all NUMA nodes; else on the one of the ports
	struct dp_cache_config cache;
	uint32_t zones; // key sets of unpublished zones, per worker (17 KB each), default 1024
	struct val_skew skew;
	bool sha1;
	struct dp_idle_config idle; // of workers and crypto lcores
};

/** Families that queries upstream can use, as in route_table_choose(). */
static inline unsigned dp_config_families(const struct dp_config *c)
{
	return (c->source[0].family != 0 ? 1u : 0) | (c->source[1].family != 0 ? 2u : 0);
}

struct dp;

/**
 * Open ports, make pools and start workers and crypto lcores. note: sentences for the operator, one
 * a line.
 */
int dp_new(const struct dp_config *cfg, struct dp **out, char *note, size_t note_size);

/**
 * Publish a view: one pointer store per worker. Returns at once; `done` is called from a later
 * dp_poll() when every worker has let go of the view before it (rte_rcu_qsbr).
 */
int dp_publish(struct dp *dp, const struct dp_view *view,
	void (*done)(void *arg, const struct dp_view *old), void *arg);

/**
 * A question of our own (DNSKEY, DS, SOA probes) to one path; not coalesced, not validated, not
 * retried.
 */
struct dp_ask {
	uint64_t token;
	uint16_t path; // id
	struct route_addr addr;
	struct dns_name qname;
	uint16_t qtype;
	uint32_t timeout_ms; // at most 4095
	bool nsid;
	enum route_kind kind; // recursive: RD=1, CD=1
};
/** @retval 0, -EAGAIN (ring full) */
int dp_ask(struct dp *dp, const struct dp_ask *ask);

struct dp_told {
	uint64_t token;
	uint16_t path;
	int error; // 0, -ETIMEDOUT, -EHOSTUNREACH, -ENOBUFS, -EBADMSG, -ESHUTDOWN
	uint32_t rtt_us;
	uint16_t len;
	// the reply as it came, matched and parseable as a frame of a DNS message
	uint8_t msg[4096];
};

/**
 * A worker's question for keys (chain.h) whose answer UDP was too small for, to be asked by TCP. Of
 * the worker that asks; control has it from dp_fetches() to dp_fetched().
 */
struct dp_fetch {
	// what is to be asked, and where
	struct route_addr addr;
	enum route_kind kind;
	struct dns_name qname; // lower-cased
	uint16_t qtype;
	uint32_t timeout_ms; // nobody waits longer
	// the worker's
	uint16_t worker;
	bool away; // at control
	uint32_t txn, generation;
	// the answer
	int error;
	uint16_t len;
	uint8_t msg[DP_FETCH_MSG_MAX];
};
/** Questions that are to be asked: `want` is called for each. Cheap. */
void dp_fetches(struct dp *dp, void (*want)(void *arg, struct dp_fetch *f), void *arg);
/**
 * The answer, once for each; before dp_free(). It need not be the right one: the worker looks.
 * @param error  0, or -errno: then msg may be NULL. An answer that is too long is an error too
 */
void dp_fetched(struct dp *dp, struct dp_fetch *f, int error, const uint8_t *msg, uint16_t len);

/**
 * Housekeeping for control's loop: answers to dp_ask (fn is called for each), views to let go.
 * Cheap.
 */
void dp_poll(struct dp *dp, void (*told)(void *arg, const struct dp_told *told), void *arg);

/** Sum every worker's evidence of paths 0..count-1 into samples (zeroed first). */
void dp_evidence(const struct dp *dp, struct route_sample *samples, size_t count);
/** How often a reply of this path was held for an unknown key; dp_stats has the sum. */
uint32_t dp_keys_awaited(const struct dp *dp, uint16_t path);
/** The sum alone, cheap enough to be asked for all the time. */
uint64_t dp_keys_awaited_sum(const struct dp *dp);
/** Questions of late that the path answered badly or not at all. @return how many are in out */
size_t dp_bad_names(const struct dp *dp, uint16_t path, struct dp_badname *out, size_t max);
/** Zero a path's evidence everywhere; only for ids that no view knows any more. */
void dp_evidence_reset(struct dp *dp, uint16_t path);

/**
 * One worker's counters, or their sum. received = matched + forwarded + answered + sum(dropped) +
 * waiting, where waiting is what clients still wait for. After a drain waiting and transactions are
 * 0.
 */
struct dp_stats {
	uint64_t received;  // packets from all ports
	uint64_t matched;   // replies that matched a transaction: a forwarded query's other half
	uint64_t forwarded; // queries answered with an upstream's reply
	uint64_t answered;  // queries answered by ourselves
	uint64_t dropped[DP_DROP_MAX];
	uint64_t waiting; // queries whose answer is not there yet
	// detail, outside the identity
	uint64_t sent_upstream, retried, coalesced, truncated, near_misses, asks, failures_cached,
		failure_hits;
	uint64_t upstream_tx_full;   // our queries that the NIC did not take; their timers run
	uint64_t redraws;            // queries sent again under a new pair after near misses
	uint64_t keys_awaited;       // holds of replies until their key was looked for
	uint64_t handed_over;        // replies given to the worker that owns their port
	uint64_t answered_rcode[16]; // of every reply to a client, an upstream's or ours
	uint64_t verdict[VAL_PENDING], reason[VAL_R_MAX];
	uint64_t sig_hits, sig_misses, sig_verified_good, sig_verified_bad, sig_ring_full;
	uint64_t sig_refused;              // verifications: the zone had too many that failed
	uint64_t cache_hits, cache_misses; // questions answered from the response cache, and not
	uint64_t cache_stale;              // answers past their end, given because the sites failed
	uint64_t cache_kept;               // answers put into it
	uint64_t prefetches;               // answers asked for again before their end
	uint64_t chain_asked;              // our questions for keys of unpublished zones
	uint64_t chain_joined;             // needs that found their question under way
	uint64_t chain_waited;             // times a reply was held for one
	uint64_t chain_failed;             // questions without a good answer
	uint64_t chain_truncated;          // answers to them that did not fit into UDP
	uint64_t chain_renewed;            // times that a zone's keys were asked for anew
	uint64_t chain_fetched;            // truncated answers that were fetched by TCP
	uint64_t chain_limit;              // replies given up: too many questions or verifications
	uint64_t chain_full;   // replies given up: too many held, or no transaction free
	uint64_t transactions; // in use now
	uint64_t bursts, idle_bursts, busy_cycles;
	uint64_t waits, waited_cycles; // in silence, instead of turns
	uint64_t view_number;          // the view this worker saw last
};
/** Read one worker's counters while it goes on; `worker` is below dp_worker_count(). */
void dp_stats_worker(const struct dp *dp, unsigned worker, struct dp_stats *out);
/** The sum over all workers; view_number is the oldest that one of them still looks at. */
void dp_stats_sum(const struct dp *dp, struct dp_stats *out);
/** What one of our lcores did since it began. */
struct dp_lcore_use {
	unsigned lcore; // EAL's number
	bool crypto;    // verifies; else a worker
	uint64_t total_cycles, busy_cycles;
};
/** Workers first, then crypto lcores. @return how many are in out */
unsigned dp_lcore_uses(const struct dp *dp, struct dp_lcore_use *out, unsigned max);
/** Workers and open ports, fixed from dp_new() to dp_free(); NULL at i >= dp_port_count(). */
unsigned dp_worker_count(const struct dp *dp);
const struct dp_port *dp_port_at(const struct dp *dp, unsigned i);
unsigned dp_port_count(const struct dp *dp);
/**
 * mbufs out of the pool now; 0 after a drain but for those that sit in receive rings (subtracted).
 */
uint64_t dp_mbufs_out(const struct dp *dp);

/** What of the response cache is to be forgotten. */
enum dp_flush_what {
	DP_FLUSH_NAME,     // questions for this name
	DP_FLUSH_TREE,     // and for what is below it
	DP_FLUSH_ZONE,     // answers of this routed zone
	DP_FLUSH_UNSIGNED, // of these only what rests on no signature: the zone was not judged
};
struct dp_flush_name {
	struct dns_name name; // lower-cased
	enum dp_flush_what what;
};
struct dp_flush {
	const struct dp_flush_name *names;
	size_t name_count;
	const uint64_t *paths; // bit i: answers that came by path i, ROUTE_PATHS_MAX bits; or NULL
	bool all;              // everything
};
/**
 * Forget kept answers, and every cached failure. What is under way when it returns may still be
 * kept. Blocks for about 10 ms a 64 MB.
 * @return answers that went
 */
size_t dp_flush(struct dp *dp, const struct dp_flush *what);
/** The response cache's; zeroes when it is off. */
void dp_cache_stats(const struct dp *dp, struct dp_rcache_stats *out);

/**
 * Drain: new queries are refused (dropped, DP_DROP_SHUTDOWN), running ones end within `ms`. Blocks,
 * calling dp_poll's work.
 */
void dp_drain(struct dp *dp, uint32_t ms);
/** Stop lcores, close ports, free. */
void dp_free(struct dp *dp);
