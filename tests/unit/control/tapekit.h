#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/inspect.h"
#include "control/inspect_table.h"
#include "tests/unit/validator/zonekit.h"

/**
 * A small internet for tests of the inspection: the root, com., shop.com. which is signed and
 * plain.com. which is not. A tape of messages is played to the inspection as a capture would be.
 * Failing inside is a broken test.
 */

enum { NOW = 1700000000, HOUR = 3600, DAY = 86400 };
enum {
	AA = DNS_FLAG_QR | DNS_FLAG_AA,
	RA = DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA,
	REFERRAL = DNS_FLAG_QR,
};

#define ROOT     "10.0.0.1"
#define COM      "10.0.1.1"
#define COM2     "10.0.1.2"
#define SHOP     "10.0.2.1"
#define PLAIN    "10.0.3.1"
#define RESOLVER "10.0.9.9"

struct tape_world {
	struct kit_key root, com, shop, other;
	struct kit_sign by_root, by_com, by_shop, unsigned_;
	struct val_anchors anchors; // the root's key
	struct kit_chain com_chain, shop_chain;
};
extern struct tape_world tape_world;
void tape_world_new(void);
void tape_world_free(void);
/** From a day ago to a day from now. */
struct kit_sign tape_sign_by(const struct kit_key *key, const char *zone);

/* ---- writing ---- */

extern struct kit_msg tape_msg; // the one being written
/** An OPT record with or without DO. */
void tape_opt(bool do_bit);
struct kit_rdata tape_key_rdata(const struct kit_key *key);
/** An RRset of one record. */
void tape_one(enum dns_section s, const char *owner, uint16_t type, struct kit_rdata rd,
	const struct kit_sign *sign);
/** A zone's DNSKEY answer. */
void tape_dnskey(const char *zone, const struct kit_key *key, const struct kit_sign *sign);
void tape_deny(struct kit_chain *c, const char *proof, const struct kit_sign *sign);

enum { TAPE_MAX = 64 };
struct tape {
	int count;
	struct {
		int64_t time_us;
		const char *server;
		bool query;
		uint8_t *data;
		size_t len;
	} item[TAPE_MAX];
};
extern struct tape tape;
void tape_clear(void);
/** A message, to or from a server. The later it is added the later, by a microsecond, it is. */
void tape_add_at(struct kit_msg *m, const char *server, int64_t time_s);
/** At NOW. */
void tape_add(struct kit_msg *m, const char *server);

/** What a tape begins with: the way from the anchor to shop.com. and, without keys, plain.com. */
enum { ROOT_KEY, COM_DS, COM_KEY, SHOP_REFERRAL, SHOP_KEY, PLAIN_REFERRAL, BASE };
void tape_base(void);

/* ---- playing ---- */

struct tape_got {
	int count;
	struct ctl_judged last;
	struct ctl_inspect_table *table; // when set, filled too
};
extern struct tape_got tape_got;

/** A ctl_inspect_fn that fills tape_got. */
void tape_take(void *arg, const struct ctl_judged *j, const struct dns_msg *msg);
/** One message of the tape. */
void tape_play_one(struct ctl_inspect *i, int k);
/** Judge all but one; the keys are searched for in the given direction. */
void tape_play_with(const struct ctl_inspect_options *o, int drop, bool backwards);
void tape_play(void);
