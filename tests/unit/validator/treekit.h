#pragma once

#include "tests/unit/validator/zonekit.h"

/**
 * A small tree of zones that answers questions as a recursive resolver does.
 *
 *   .              NSEC
 *   test.          NSEC; alias.test. CNAME, dn.test. DNAME, ent.test. an empty non-terminal
 *   sec.test.      signed; *.w.sec.test. a wildcard; ins, opt, bad, nx, gost.sec.test. are CNAMEs
 *                  into ins.test., sec.opt., bad.test., sec.opt. (not there), gost.test.
 *   deep.ent.test. signed
 *   ins.test.      unsigned
 *   bad.test.      signed with a key that its DS does not stand for
 *   gost.test.     its DS is of an unknown algorithm
 *   dig.test.      its DS has an unknown digest
 *   opt.           NSEC3 with opt-out
 *   sec.opt.       signed
 *   ins.opt.       unsigned, without a record of its own
 *
 * Each zone has an address at www; nx... is not there, nodata... has other types.
 */

enum { TREE_ZONES = 11, TREE_TTL = 600 };

struct tree {
	uint32_t now;
	struct kit_key key[TREE_ZONES];
	struct kit_key stranger; // that signs bad.test.
	uint16_t iterations;     // of opt.
	// done to the RRset harm_at of the answer to this question
	const char *harm_name;
	uint16_t harm_type;
	enum kit_harm harm;
	int harm_at;
	bool chatty;        // adds NS of the name's zone and their address, without signatures
	unsigned questions; // answered so far
};

void tree_new(struct tree *t, uint32_t now);
void tree_free(struct tree *t);
/** How the zone signs. */
struct kit_sign tree_sign(const struct tree *t, const char *zone);
/** A zone's keys as the chain will find them. */
void tree_keys(const struct tree *t, const char *zone, struct val_zone_keys *out);
/** The answer, an exact-size heap copy: free it. */
uint8_t *tree_answer(struct tree *t, const char *qname, uint16_t qtype, size_t *len);
