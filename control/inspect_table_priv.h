#pragma once

#include "control/inspect_table.h"
#include "dns/hash.h"

enum {
	TABLE_VERSIONS = 8,  // of one RRset's signature, the newest
	TABLE_GAPS_MAX = 8,  // different reasons said below the table
	TABLE_BOGUS_MAX = 8, // servers of which the first bogus answer is said there
	TABLE_BUCKETS = 1 << 14,
	TABLE_REASON_MAX = 128,
};

/** A signature of an RRset, by its inception, and when it was first seen. */
struct table_version {
	uint32_t inception;
	int64_t first_us;
};

/** Items name the next one of their bucket by index + 1; 0 ends it. */
struct table_rrset {
	uint64_t hash;
	uint32_t next;
	uint32_t servers;
	int versions;
	struct table_version version[TABLE_VERSIONS];
};

/** What one server showed of one RRset. */
struct table_pair {
	uint32_t next;
	uint32_t server, rrset;
	uint32_t newest;
	int64_t last_us;
};

struct table_server {
	struct route_addr addr;
	uint16_t port;
	uint32_t next;
	uint64_t verdicts[VAL_BOGUS + 1];
	uint64_t reasons[VAL_R_MAX]; // of bogus ones
	struct ctl_judged *bogus;    // the first bogus one, NULL: none
	uint64_t errors;             // RCODEs that say that the server cannot or will not
	bool has_sig;
	int32_t margin_s;
	uint32_t newest;
	// set when all is there
	bool has_sibling;
	int32_t lag_s;
};

struct table_gap {
	char why[TABLE_REASON_MAX];
	uint64_t count;
};

struct ctl_inspect_table {
	struct dns_hash_key key;
	struct table_server *server;
	struct table_rrset *rrset;
	struct table_pair *pair;
	uint32_t servers, rrsets, pairs;
	uint64_t others;   // answers of servers that are not shown
	uint64_t unpaired; // signatures whose lag is not known for lack of room
	struct table_gap gap[TABLE_GAPS_MAX];
	int gaps;
	uint64_t other_gaps;
	uint32_t server_at[TABLE_BUCKETS], rrset_at[TABLE_BUCKETS], pair_at[TABLE_BUCKETS];
};

/** How far each server is behind, into has_sibling and lag_s of a copy of t->server. */
void ctl_inspect_table_lags(const struct ctl_inspect_table *t, struct table_server *server);
