#pragma once

#include "tests/unit/dataplane/stage.h"

/**
 * A stage on which the root's upstreams are recursive resolvers that know a tree of zones; whose
 * keys are not published has them asked for.
 */

extern struct chain_bench {
	struct tree tree;
	char asked[2048]; // what went upstream since chain_ask(), in order
	unsigned budget;  // answers that chain_serve() still gives
} chain;

enum { OK = DNS_RCODE_NOERROR, NX = DNS_RCODE_NXDOMAIN, FAIL = DNS_RCODE_SERVFAIL };

/** The root's keys are published; the rest of spec is the test's. */
void chain_open(struct stage_spec spec);
void chain_close(void);

/** Type that a query upstream asks for. */
uint16_t chain_type(const struct stage_packet *up);
/** A resolver's answer to a query upstream. Takes a turn. */
void chain_reply(const struct stage_packet *up);
/** The resolvers at work, until nothing is asked any more. */
void chain_serve(void);
/** A client asks for an address, with DO=1. */
void chain_ask(const char *qname, uint16_t flags);
/** The same, served, and the client's answer. */
const struct stage_answer *chain_resolve(const char *qname);
void chain_expect(const char *row, const struct stage_answer *a, uint16_t rcode, bool ad, int ede);
