#pragma once

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * What one core saw of one path. Written by the owning worker only (relaxed load and store), read
 * by control every 50 ms; counters never fall, so the reader differences them. Only replies that
 * matched a transaction count.
 */

enum route_outcome {
	ROUTE_O_SECURE,
	ROUTE_O_INSECURE,
	ROUTE_O_EXPIRED,       // bogus: a signature is over
	ROUTE_O_BOGUS,         // bogus for any other reason of crypto, proof or form
	ROUTE_O_UNSIGNED,      // bogus: signatures or proof stripped
	ROUTE_O_INDETERMINATE, // ours: no chain; says nothing about the path
	ROUTE_O_TIMEOUT,
	ROUTE_O_LAME,
	ROUTE_O_SERVFAIL,
	ROUTE_O_REFUSED,
	ROUTE_O_ERROR,       // FORMERR, NOTIMP and other RCODEs that no good server sends
	ROUTE_O_UNREACHABLE, // no next hop: ours
	ROUTE_O_MAX,
};

/** Short stable name, as "secure" or "expired"; never NULL. */
const char *route_outcome_name(enum route_outcome o);
/** SECURE and INSECURE. */
bool route_outcome_is_good(enum route_outcome o);
/**
 * A reply that a good server does not send. TIMEOUT has its own thresholds and is neither good nor
 * bad; INDETERMINATE and UNREACHABLE are ours and say nothing about the path.
 */
bool route_outcome_is_bad(enum route_outcome o);

/**
 * Round-trip times are counted by powers of two: bucket i holds those up to 128 << i µs, the last
 * one everything above 1.05 s.
 */
enum { ROUTE_RTT_BUCKETS = 15 };

/** @return 0..ROUTE_RTT_BUCKETS - 1 */
static inline unsigned route_rtt_bucket(uint64_t rtt_us)
{
	unsigned bits = rtt_us > 128 ? 64u - (unsigned)__builtin_clzll((rtt_us - 1) >> 7) : 0;

	return bits < ROUTE_RTT_BUCKETS ? bits : ROUTE_RTT_BUCKETS - 1;
}

/** The longest time in bucket i; UINT64_MAX for the last. */
static inline uint64_t route_rtt_bucket_max_us(unsigned i)
{
	return i + 1 < ROUTE_RTT_BUCKETS ? UINT64_C(128) << i : UINT64_MAX;
}

struct route_evidence {
	alignas(64) _Atomic uint64_t outcome[ROUTE_O_MAX];
	// Bad outcomes here whose very question another *site* then answered well, by the outcome
	// that was bad. The strongest witness there is: a name that is broken everywhere never
	// shows up here.
	_Atomic uint64_t refuted[ROUTE_O_MAX];
	_Atomic uint64_t sent;
	_Atomic uint64_t rtt_us_sum; // over replies
	_Atomic uint64_t rtt_count;
	_Atomic uint64_t rtt_bucket[ROUTE_RTT_BUCKETS];
	_Atomic uint32_t newest_inception;   // 0: none seen
	_Atomic uint32_t nearest_expiration; // of the last secure reply; 0: none seen
	// the last bogus reply
	_Atomic uint32_t bad_expiration; // of the failing signature, 0 if none
	_Atomic uint16_t bad_type;       // type covered
	_Atomic uint16_t bad_reason;     // enum val_reason, opaque here
	_Atomic uint32_t bad_key_tag;
	_Atomic uint64_t last_sent_us; // monotonic; last query sent here
};
