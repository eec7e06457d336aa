#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/dataplane_priv.h"
#include "tests/unit/validator/treekit.h"

/**
 * A dataplane on a stage: two ports made of rings (0: clients, 1: upstreams), workers turned by
 * hand under a clock that the test moves. com. is served by sin, nrt and lax in this order, the
 * root by root. After every turn the accounting identity is checked; stage_close() checks that
 * nothing is out. Failing inside is a failed assertion of the test.
 */

enum { STAGE_CLIENTS = 0, STAGE_UPSTREAM = 1, STAGE_WORKERS = 2, STAGE_DNS_MAX = 2048 };
enum stage_site { SIN, NRT, LAX, ROOT, STAGE_SITES };

struct stage_spec {
	uint16_t workers;               // 0: 1
	uint32_t transactions, waiters; // 0: 64, 128
	uint32_t tries;                 // 0: 4
	uint32_t sigcache;              // entries; 0: 1024
	uint16_t crypto;                // crypto lcores; nobody runs them but stage_verify()
	bool v6;                        // sites have IPv6 addresses only
	bool both;                      // sites have both; evidence is then the site's sum
	bool recursive;                 // com.'s upstreams are
	struct tree *tree;            // the root's upstreams are, root and lax, and know this tree
	enum val_zone_status status;  // of com.; SECURE by the stage's key
	struct dp_cache_config cache; // size_mb 0: off
	const char *allow;            // one client prefix's first address, /24; NULL: everybody
};

struct stage {
	struct dp *dp;
	uint64_t cycles;
	uint32_t now_s; // wall clock at the start
	struct route_config routes;
	struct route_paths *paths;
	struct route_table *table;
	struct val_keys *keys;
	struct kit_key key;
	struct dp_hops *hops;
	struct dp_view view;
	struct dns_hash_key key_hash;
	uint64_t serial;
	bool hold; // replies wait for the next turn instead of taking one
};

extern struct stage stage;

/** EAL, rings and ports; once a program. */
void stage_start(const char *program);
void stage_open(const struct stage_spec *spec);
/** Let what is under way end by itself; then nothing may be out. */
void stage_close(void);
/** As stage_close(), but in the middle: what is under way is freed where it stands. */
void stage_end(void);

/** One turn of every worker. */
void stage_turn(void);
/** Seconds pass at once, with nothing under way; a turn. */
void stage_skip(uint32_t seconds);
/** Milliseconds pass, a turn each. */
void stage_pass(uint32_t ms);
struct dp_stats stage_stats(void);
/** Evidence of a site's paths, summed. */
struct route_sample stage_evidence(enum stage_site site);
uint16_t stage_path(enum stage_site site);
/** Build and publish the next table from stage.routes and the paths' states. */
void stage_publish(void (*done)(void *arg, const struct dp_view *old), void *arg);
/** Publish stage.keys anew with a change made to com.'s. */
void stage_publish_keys(void (*change)(struct val_zone_keys *com));

/** A packet's addressing and payload, as it goes in or comes out. */
struct stage_packet {
	struct route_addr src, dst;
	uint16_t sport, dport;
	bool vlan;
	uint16_t queue; // of the port
	struct rte_ether_addr eth_src, eth_dst;
	size_t len;
	uint8_t dns[STAGE_DNS_MAX];
};

struct route_addr stage_addr(const char *text);
/** Put a packet on a port's receive ring. */
void stage_send(unsigned port, const struct stage_packet *p);
/** Let the crypto lcores verify what is out, and take a turn. */
void stage_verify(void);
/** Fill a port's transmit rings, so that it takes nothing / empty them again. */
void stage_block(unsigned port, bool on);
/** Frames cut and bent in every way that changes one octet or the length, into both ports. */
void stage_garbage(void);
/** Take the next packet that was sent by a port. @return false: there is none */
bool stage_take(unsigned port, struct stage_packet *out);

/** A client's query. */
struct stage_query {
	const char *qname; // letter case as sent
	uint16_t qtype;    // 0: A
	uint16_t qclass;   // 0: IN
	uint16_t id, flags;
	bool edns, do_bit;
	uint8_t version;
	uint16_t udp_size;  // 0: 1232
	const char *client; // NULL: 192.0.2.7
	bool v6;
	bool vlan;
	uint16_t queue;
};
void stage_query_packet(const struct stage_query *q, struct stage_packet *out);
/** Send a query and take a turn. */
void stage_ask(const struct stage_query *q);

/** Expect a query upstream, to a site; checks what every such query must be. */
struct stage_packet stage_expect_upstream(enum stage_site site);
/** A reply's envelope: addresses and ID of the query, payload still to be filled. */
struct stage_packet stage_answer_to(const struct stage_packet *query);
/** Send a reply of kit's, under the query's ID; frees dns. Takes a turn. */
void stage_reply_dns(const struct stage_packet *query, uint8_t *dns, size_t len);
/** Send `www.com. A` 192.0.2.80 for whatever was asked (the owner is the question's name),
 * unsigned. */
void stage_reply_a(const struct stage_packet *query);
/** The same, signed by the stage's key, with this expiration relative to the stage's now. */
void stage_reply_signed(const struct stage_packet *query, int32_t expires_in);
/** The same, signed by any key of com., for a day. */
void stage_reply_signed_by(const struct stage_packet *query, const struct kit_key *key);
/** Send a reply with an RCODE and nothing in it. */
void stage_reply_rcode(const struct stage_packet *query, uint16_t flags_and_rcode);
/** Question's name in text form. */
const char *stage_qname(const struct stage_packet *p);

/** An answer to a client, parsed. */
struct stage_answer {
	struct stage_packet packet;
	struct dns_msg msg;
	int ede; // DNS_EDE_NONE
};
/** Expect exactly one packet for a client. The answer is the stage's, until the next call. */
const struct stage_answer *stage_expect_answer(void);
void stage_expect_nothing(unsigned port);
