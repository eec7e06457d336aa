#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/trust.h"
#include "routing/table.h"
#include "validator/keys.h"

/**
 * The chain of trust: from the anchors through DS to the DNSKEY set of every routed zone, asked for
 * through swerve's own paths and asked again before it ends. A state machine without I/O: the
 * caller sends the questions that are due and hands in what came back. Control thread only.
 *
 * A zone with an anchor of its own starts there. Otherwise its DS is asked at the servers of the
 * closest ancestor that is kept; without one there is no chain and the zone stays UNKNOWN (its
 * answers are indeterminate).
 *
 * Trust points that are not routed, but lie behind recursive upstreams, are kept like routed zones:
 * their DNSKEY sets are asked for at the closest routed zone's paths, and chains of other zones
 * begin there. Behind authoritative ones nobody could be asked, and nothing of such a zone comes.
 */
struct ctl_keeper;

enum { CTL_KEEPER_TIMEOUT_MS = 1000, CTL_KEEPER_RETRY_MS = 1000, CTL_KEEPER_RETRY_MAX_MS = 30000 };

/**
 * @param trust  borrowed for the keeper's life; told of the DNSKEY sets of its zones
 * @param sha1   follow chains of algorithms 5 and 7 too
 * @retval 0, -ENOMEM
 */
int ctl_keeper_new(
	struct ctl_trust *trust, const struct val_skew *skew, bool sha1, struct ctl_keeper **out);
void ctl_keeper_free(struct ctl_keeper *k);

/** Follow a new configuration: zones that stay keep their keys. @retval 0, -ENOMEM */
int ctl_keeper_sync(struct ctl_keeper *k, const struct route_config *c);

struct ctl_keeper_ask {
	uint64_t token; // to be given back with the answer
	uint16_t path;
	struct route_addr addr;
	struct dns_name qname;
	uint16_t qtype;
};

/**
 * Questions to send now. Also notices keys whose time is over.
 * @param p  paths, for addresses; paths that are up come first
 * @return how many of out[] are filled
 */
size_t ctl_keeper_due(struct ctl_keeper *k, struct route_paths *p, uint64_t now_ms,
	uint32_t epoch_s, struct ctl_keeper_ask *out, size_t max);

/**
 * What came back. error as in dp_told; msg borrowed. Unknown tokens are ignored.
 * @return true when the answer was the keeper's
 */
bool ctl_keeper_told(struct ctl_keeper *k, uint64_t token, int error, const uint8_t *msg,
	size_t len, uint64_t now_ms, uint32_t epoch_s);

/**
 * The answer to this question did not fit into UDP (TC=1): which question to ask again over TCP,
 * within CTL_KEEPER_TIMEOUT_MS; the answer is told under the same token.
 * @return false when the token is not the keeper's
 */
bool ctl_keeper_by_tcp(
	struct ctl_keeper *k, uint64_t token, uint64_t now_ms, struct ctl_keeper_ask *out);

/**
 * An answer that came by this path is signed by a key that the set of its zone, or of a trust point
 * behind it, lacks, a rollover that we have not seen perhaps: ask that path for its DNSKEY set now;
 * after a look in vain not before CTL_KEEPER_LOOK_S have passed, and longer each time. When
 * somebody has looked, whatever it came to, the zone's look_after says so in the next snapshot.
 */
void ctl_keeper_hint(struct ctl_keeper *k, const uint8_t *zone, uint16_t path, uint64_t now_ms,
	uint32_t epoch_s);
enum { CTL_KEEPER_LOOK_S = 2, CTL_KEEPER_LOOK_MAX_S = 64 };

/**
 * The names of the negative trust anchors. In snapshots each is an entry with VAL_ZONE_NTA, and so
 * is every zone at or below one that has no trust anchor of its own in between (RFC 7646 s2). The
 * chain of trust itself is followed on. @param count  at most CTL_KEEPER_NTAS_MAX
 */
void ctl_keeper_set_ntas(struct ctl_keeper *k, const struct dns_name *names, size_t count);
enum { CTL_KEEPER_NTAS_MAX = 64 };
/** What the chain of trust says of a zone, whatever negative trust anchors say; NULL: not kept. */
const struct val_zone_keys *ctl_keeper_keys(struct ctl_keeper *k, const uint8_t *zone);

/** A snapshot of the chain of trust as it is without negative trust anchors, the caller's to free.
 * @retval 0, -ENOMEM */
int ctl_keeper_truth(const struct ctl_keeper *k, struct val_keys **out);

/** A new snapshot when something changed since the last call. @retval 1 *out is the caller's, 0
 * nothing new, -ENOMEM */
int ctl_keeper_snapshot(struct ctl_keeper *k, struct val_keys **out);

/** Every zone has a lasting status (secure, insecure, or no chain to be had). */
bool ctl_keeper_settled(const struct ctl_keeper *k);

/** One zone's state for operators. */
struct ctl_keeper_info {
	struct dns_name zone;
	enum val_zone_status status;
	struct val_result last; // of the last judgement, reason of a failure
	uint32_t valid_until;
	uint8_t keys;
	uint64_t refresh_in_ms;
	uint32_t failures; // in a row
};
size_t ctl_keeper_count(const struct ctl_keeper *k);
void ctl_keeper_info(
	const struct ctl_keeper *k, size_t i, uint64_t now_ms, struct ctl_keeper_info *out);
