#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/packet.h"
#include "gen/answers.h"

/**
 * All upstream sites behind one port: whatever address a query was sent to answers it. Answers are
 * replayed, never computed: a site is not to be what a measurement waits for. One thread.
 */

struct gen_sites_config {
	uint16_t port_id, queue;           // ethdev
	const struct gen_answers *answers; // NULL: none
	bool make;           // what nobody recorded is answered by gen_answers_make(), else REFUSED
	uint32_t delay_us;   // every answer leaves so much later
	uint32_t hold;       // and not before so many later ones have come: keeps queries in flight
	double loss_percent; // of queries are not answered
	uint64_t seed;
};

enum { GEN_SITES_HELD_MAX = 1 << 21 };

struct gen_sites_stats {
	uint64_t queries;   // well-formed ones
	uint64_t answered;  // left
	uint64_t made;      // unrecorded, but answered; also in answered
	uint64_t refused;   // unrecorded; also in answered
	uint64_t lost;      // on purpose
	uint64_t not_taken; // by the port, or there was no room to delay them
	uint64_t malformed; // no query with one question
};

struct gen_sites;

/** cfg is copied, what it points to is borrowed. @retval 0, -EINVAL, -ENOMEM */
int gen_sites_new(const struct gen_sites_config *cfg, struct gen_sites **out);
/** Frees what it still holds. NULL is allowed. */
void gen_sites_free(struct gen_sites *s);

/** A query. Takes p->m. */
void gen_sites_take(struct gen_sites *s, struct dp_pkt *p, uint64_t now);
/** Send what is due. @param now  the TSC @return packets sent */
unsigned gen_sites_send(struct gen_sites *s, uint64_t now);
/** Answers that wait for their time. */
uint32_t gen_sites_held(const struct gen_sites *s);
/** From now on hold so many back. */
void gen_sites_hold(struct gen_sites *s, uint32_t hold);

/** What happened since gen_sites_reset(). */
const struct gen_sites_stats *gen_sites_stats(const struct gen_sites *s);
void gen_sites_reset(struct gen_sites *s);
