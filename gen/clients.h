#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "dataplane/packet.h"
#include "gen/histogram.h"
#include "gen/questions.h"
#include "gen/zipf.h"
#include "routing/table.h"

/**
 * Many clients behind one port. Open loop: queries leave when they are due, whether or not the ones
 * before were answered, so a slow server cannot slow its own test down. What could not leave in
 * time is counted, not sent later in a heap. One thread.
 */

enum { GEN_IN_FLIGHT_MAX = 1 << 20 };

struct gen_clients_config {
	uint16_t port_id, queue; // ethdev
	struct rte_mempool *pool;
	struct rte_ether_addr src_mac, dst_mac;
	struct route_addr server[2]; // [0] IPv4, [1] IPv6; family 0: not asked
	struct route_addr client[2]; // the first one; the others follow in the last 16 bits
	uint32_t client_count;       // 1..65536
	double v6_percent, edns_percent;
	double do_percent;      // of those with EDNS
	double hostile_percent; // instead of queries: what nobody should send, see hostile.h
	bool recursive;         // RD=1
	const struct gen_questions *questions;
	const struct gen_zipf *zipf; // over questions; NULL: one after the other, round and round
	uint32_t in_flight;          // unanswered at once: 1..GEN_IN_FLIGHT_MAX
	uint32_t timeout_ms;         // unanswered for this long: lost
	uint64_t seed;
};

/** What clients saw since gen_clients_reset(). sent = answered + lost + still out. */
struct gen_clients_stats {
	uint64_t sent, answered, lost;
	uint64_t late;      // answers to what had been given up; also in lost
	uint64_t duplicate; // further answers to what was answered
	uint64_t unmatched; // answers to nothing we asked
	uint64_t wrong;     // the ID and port of a query of ours, but another question
	uint64_t reflected; // answered by our own query, turned round (QR=0); also in answered
	uint64_t held;      // due, but in_flight were out: never sent
	uint64_t not_taken; // due, but the port took no more: never sent
	uint64_t truncated; // TC=1; also in answered
	uint64_t octets;    // of DNS answered
	uint64_t rcode[16]; // of answered
	uint64_t hostile_sent, hostile_answered; // not in the others
	struct gen_hist latency;                 // of answered
};

struct gen_clients;

/** cfg is copied, what it points to is borrowed. @retval 0, -EINVAL, -ENOMEM */
int gen_clients_new(const struct gen_clients_config *cfg, struct gen_clients **out);
/** NULL is allowed. */
void gen_clients_free(struct gen_clients *c);

/**
 * From now on `qps` queries a second; 0: none; INFINITY: as many as in_flight lets out.
 * @param now  the TSC
 */
void gen_clients_rate(struct gen_clients *c, double qps, uint64_t now);
/** An answer, or what claims to be one. Takes p->m. */
void gen_clients_take(struct gen_clients *c, struct dp_pkt *p, uint64_t now);
/** Give up what is over time and send what is due. @return packets sent */
unsigned gen_clients_send(struct gen_clients *c, uint64_t now);

/** Queries that may still be answered. */
uint32_t gen_clients_out(const struct gen_clients *c);
const struct gen_clients_stats *gen_clients_stats(const struct gen_clients *c);
/** Count from 0: queries that are out count nowhere, nor do their answers. @param now  the TSC */
void gen_clients_reset(struct gen_clients *c, uint64_t now);
