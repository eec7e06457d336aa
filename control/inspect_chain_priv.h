#pragma once

#include "control/inspect_chain.h"
#include "dns/hash.h"

enum { CHAIN_BUCKETS = 1 << 12 };

enum chain_role { CHAIN_ROLE_DNSKEY, CHAIN_ROLE_DS, CHAIN_ROLE_REFERRAL };

/** One answer of the capture, and what it came to. */
struct chain_evidence {
	struct chain_evidence *next;
	enum chain_role role;
	uint64_t content;
	int64_t first_us, last_us;
	uint32_t ttl_s;
	uint8_t *octets;
	uint16_t len;
	// outcome
	bool good;
	bool inside; // DS: there is none, for it is no delegation
	struct val_result result;
	struct val_anchor *ds; // DS, REFERRAL: NULL with good: none, provenly
	size_t ds_count;
	struct val_key *key; // DNSKEY
	uint8_t key_count;
	uint32_t expiration;
};

struct chain_zone {
	struct chain_zone *chain; // in its bucket
	struct dns_name name;
	bool anchored;
	enum {
		CHAIN_UNSETTLED,
		CHAIN_SECURE,
		CHAIN_INSECURE,
		CHAIN_BOGUS,
		CHAIN_INSIDE
	} status;                 // CHAIN_INSIDE: no zone at all
	uint16_t missing;         // CHAIN_UNSETTLED
	struct val_result result; // CHAIN_INSECURE, CHAIN_BOGUS; CHAIN_UNSETTLED: of what is there
	struct chain_evidence *dnskey, *ds;
	int dnskey_count, ds_count;
	// the keys as they were put together last, and from which sets
	struct val_zone_keys *keys;
	uint64_t composed;
};

struct ctl_chain {
	struct val_anchors anchors;
	int64_t at;
	struct val_verifier *verifier;
	struct dns_hash_key key;
	struct chain_zone *bucket[CHAIN_BUCKETS];
	size_t zones;
	size_t octets;
	uint64_t dropped;
	// scratch
	struct dns_msg msg, view;
	struct val_zone_keys fresh;
};

/** NULL when nothing is known of it. name: lower-cased */
struct chain_zone *ctl_chain_zone_find(struct ctl_chain *c, const uint8_t *name);
/** The zone of a lower-cased name, made when there is none. @return NULL: no room */
struct chain_zone *ctl_chain_zone_obtain(struct ctl_chain *c, const struct dns_name *name);

/** The clock that what was captured at a time is judged by. */
uint32_t ctl_chain_clock(const struct ctl_chain *c, int64_t time_us);

/** Keys of a secure zone at a time; NULL when the signatures over every set are over. */
const struct val_zone_keys *ctl_chain_keys_at(
	struct ctl_chain *c, struct chain_zone *z, int64_t time_us);
