#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "validator/keys.h"

/**
 * Trust anchors that follow their zone: RFC 5011. A trust point is a zone that has anchors and the
 * key-signing keys seen there, each in a state. Pure: what was seen and the clock are arguments.
 *
 * Two rules are stricter than the RFC. A key of an algorithm that we do not verify is never learnt.
 * A trust point whose keys are all revoked is not insecure (s5): nothing is trusted there until an
 * operator configures a new anchor.
 */

/** RFC 5011 s4.2. START: a key that nobody heard of; such keys are in no list. */
enum val_key_state {
	VAL_KEY_START,
	VAL_KEY_ADD_PENDING, // seen in validated sets, but not for long enough
	VAL_KEY_VALID,       // trusted
	VAL_KEY_MISSING,     // trusted, but not in the newest validated set
	VAL_KEY_REVOKED,     // never trusted again
	VAL_KEY_REMOVED,     // revoked, and long gone
	VAL_KEY_STATES,
};
/** "add-pending", ...; never NULL. */
const char *val_key_state_name(enum val_key_state s);

struct val_tracked {
	// A DNSKEY without its REVOKE bit. A DS is one from the configuration whose key has not
	// been seen yet.
	struct val_anchor anchor;
	enum val_key_state state;
	uint32_t since;  // epoch s: when the state began
	uint32_t seen;   // epoch s: the newest set that held the key; 0 never
	uint32_t hold_s; // ADD_PENDING: how long it has to be seen
};

// RFC 5011 s2.4.3 wants room for 5
enum { VAL_TRACKED_MAX = VAL_ANCHORS_MAX };

struct val_trustpoint {
	struct dns_name zone; // lower-cased
	uint8_t count;
	struct val_tracked key[VAL_TRACKED_MAX];
};

struct val_trustpoint_params {
	uint32_t add_hold_s;    // s2.4.1; 30 days
	uint32_t remove_hold_s; // s2.4.2; 30 days
	bool sha1;              // also keys of algorithms 5 and 7
};

/** What happened to a key, for people. */
struct val_key_change {
	uint16_t key_tag;
	uint8_t algorithm;
	enum val_key_state from, to;
};
// every key there is may change, and as many may be new
enum { VAL_CHANGES_MAX = 2 * VAL_TRACKED_MAX };

struct val_key_changes {
	unsigned count;
	struct val_key_change item[VAL_CHANGES_MAX];
};

/**
 * Take up the anchors of tp->zone that the operator configured, as VALID. Those that are known
 * already, in whatever state, stay as they are: what is revoked stays revoked.
 *
 * @param tp  zone set; count 0, or what an earlier run knew
 */
void val_trustpoint_configure(
	struct val_trustpoint *tp, const struct val_anchors *anchors, uint32_t now);

/** VALID and MISSING: what val_keys_from_dnskey() is to trust. @return how many */
size_t val_trustpoint_trusted(
	const struct val_trustpoint *tp, struct val_anchor out[VAL_ANCHORS_MAX]);

/** Every anchor that a REVOKE bit could end, in the order of tp->key. @return tp->count */
size_t val_trustpoint_known(
	const struct val_trustpoint *tp, struct val_anchor out[VAL_ANCHORS_MAX]);

/**
 * A self-signed DNSKEY set said REVOKE (s2.1): at once, whoever else vouches for the set.
 *
 * @param revoked  of val_keys_revoked(), by index into tp->key
 * @param changes  appended to
 */
void val_trustpoint_revoke(struct val_trustpoint *tp, const bool revoked[VAL_TRACKED_MAX],
	uint32_t now, struct val_key_changes *changes);

/**
 * A DNSKEY set that was validated by a trusted key (s4.1): new keys begin to wait, those that
 * waited long enough become VALID, those that are not there are MISSING.
 *
 * @param keys     the whole set; only secure entry points without REVOKE count
 * @param ttl_s    the set's original TTL
 * @param changes  appended to
 */
void val_trustpoint_see(struct val_trustpoint *tp, const struct val_key *keys, size_t count,
	uint32_t ttl_s, const struct val_trustpoint_params *params, uint32_t now,
	struct val_key_changes *changes);

/** When time alone will move this key, given that it stays as seen as it is; 0 never. */
uint32_t val_tracked_due(const struct val_tracked *k, const struct val_trustpoint_params *params);

/**
 * How long to wait before the trust point is asked again, s2.3: after an answer, after a failure.
 *
 * @param ttl_s   the set's original TTL
 * @param life_s  from its signature's inception to expiration
 */
uint32_t val_trustpoint_refresh_s(uint32_t ttl_s, uint32_t life_s);
uint32_t val_trustpoint_retry_s(uint32_t ttl_s, uint32_t life_s);

/* trustpoint_text.c: what survives a restart */

// an RSA-4096 key in base64 and what stands before it
enum { VAL_TRACKED_TEXT_MAX = 4096 };

/**
 * Write trust points as text: a format line, a line a key, a line that says how many.
 * @return octets without the NUL, -ENOSPC
 */
int val_trustpoints_write(const struct val_trustpoint *tp, size_t count, char *out, size_t size);

/**
 * Read what val_trustpoints_write() wrote. Anything else is refused whole: a line missing, a state
 * that is none, another format.
 *
 * @param name  of the file, for messages
 * @param max   room in tp
 * @param err   "FILE:LINE: what is wrong" on error
 * @return trust points, -EINVAL (tp is scratch)
 */
int val_trustpoints_read(const char *name, const char *text, struct val_trustpoint *tp, size_t max,
	char *err, size_t err_size);
