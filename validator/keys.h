#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/msg.h"
#include "dns/name.h"
#include "validator/sig.h"
#include "validator/verdict.h"

/**
 * Trust anchors and the key sets that the chain of trust leads to. Built by the control thread,
 * read by workers: a published `struct val_keys` never changes.
 */

/** One DS or DNSKEY from the anchor file, or one key of a zone: RDATA as on the wire. */
struct val_key {
	uint16_t rdata_len;
	uint16_t key_tag;
	uint8_t algorithm;
	uint8_t rdata[VAL_KEY_MAX];
};

enum {
	VAL_ANCHORS_MAX = 16,
	VAL_ZONE_KEYS_MAX = 16,
	VAL_KEYS_MAX_S = 86400, // how long keys and DS records are used at most
};

struct val_anchor {
	struct dns_name zone; // lower-cased
	uint16_t type;        // DNS_TYPE_DS or DNS_TYPE_DNSKEY
	struct val_key key;
};

struct val_anchors {
	uint16_t count;
	struct val_anchor item[VAL_ANCHORS_MAX];
};

/**
 * Read anchors in zone-file form, one record a line, as dns-root-data's root.key and unbound's
 * trust-anchor-file have them (DS and DNSKEY; TTL and class optional; `;` comments; base64 may hold
 * blanks).
 *
 * @param err, err_size  gets "FILE:LINE: what is wrong" on error
 * @retval 0, -errno of open/read, -EINVAL
 */
int val_anchors_load(const char *path, struct val_anchors *out, char *err, size_t err_size);

enum val_zone_status {
	VAL_ZONE_UNKNOWN,  // no chain (yet): answers are indeterminate
	VAL_ZONE_SECURE,   // keys hold
	VAL_ZONE_INSECURE, // proven: no DS, or only algorithms we do not do
	VAL_ZONE_NTA,      // negative trust anchor: treated as insecure (RFC 7646)
};

struct val_zone_keys {
	struct dns_name zone; // lower-cased
	enum val_zone_status status;
	enum val_reason why;  // for INSECURE and UNKNOWN
	uint32_t generation;  // grows with every change of this zone's set
	uint32_t valid_until; // the set may not be used after this time (TTL and signatures)
	uint32_t ttl_s;       // of the newest DNSKEY set, as it came
	// A signature by a key that is not here: before this time it has been looked for in vain,
	// from then on whoever judges may wait until somebody has looked (epoch s; 0: always)
	uint32_t look_after;
	// the snapshot that this is of, when there are negative trust anchors in it; else NULL
	const struct val_keys *snapshot;
	// a trust anchor stands here: no chain from above leads past it, with keys or without
	bool anchored;
	uint8_t count;
	struct val_key key[VAL_ZONE_KEYS_MAX];
};

struct val_keys; // immutable; zones sorted in canonical order

/**
 * Copy `count` zone entries into a new snapshot. A negative trust anchor is an entry of its name
 * with VAL_ZONE_NTA, whether or not a zone begins there.
 * @retval 0, -ENOMEM, -EINVAL (duplicate zone)
 */
int val_keys_new(const struct val_zone_keys *zones, size_t count, struct val_keys **out);
void val_keys_free(struct val_keys *keys);
/**
 * Exact zone, lower-cased wire name; NULL when unknown. No snapshot (NULL) knows none. O(log n).
 */
const struct val_zone_keys *val_keys_find(const struct val_keys *keys, const uint8_t *zone);
/** The same, but `unknown`, with the zone's name put into it, when it is unknown. */
const struct val_zone_keys *val_keys_find_or(
	const struct val_keys *keys, const uint8_t *zone, struct val_zone_keys *unknown);
size_t val_keys_count(const struct val_keys *keys);
const struct val_zone_keys *val_keys_at(const struct val_keys *keys, size_t i);

/** Does a trust anchor stand below this zone? O(zones). */
bool val_keys_anchored_below(const struct val_keys *keys, const struct dns_name *zone);

/**
 * Is this name, of a response that is judged by `zone`, at or below a negative trust anchor that
 * lies below the zone's apex? The closest entry of the zone's snapshot decides, so that what has
 * keys of its own below the anchor is not meant (RFC 7646 s2). Costs nothing where there is none.
 *
 * @param name  lower-cased, at or below the zone
 */
bool val_keys_negative(const struct val_zone_keys *zone, const uint8_t *name);

/** DS digest of a DNSKEY, RFC 4034 s5.1.4: SHA-1 (1), SHA-256 (2), SHA-384 (4).
 *  @return 1 matches, 0 does not, -ENOTSUP digest type */
int val_ds_matches(const uint8_t *owner, const struct val_key *dnskey, const struct dns_ds *ds);

/**
 * May a zone's keys be trusted by these DS records or anchors at all?
 *
 * @return VAL_R_NONE; VAL_R_ALG_UNSUPPORTED or VAL_R_DIGEST_UNSUPPORTED: the zone counts as
 *         insecure (RFC 4035 s5.2); VAL_R_DNSKEY_NO_DS_MATCH: none, too many, or of another zone
 */
enum val_reason val_ds_usable(
	const uint8_t *zone, const struct val_anchor *ds, size_t ds_count, bool sha1);

/**
 * Read a DNSKEY response up to where signatures must be looked at: the keys in it, and those among
 * them that DS records or anchors stand for. The RRset is good when one of these signed it
 * (val_rrset_judge()). Allocates nothing.
 *
 * @param trusted  its zone, status and keys are set
 * @param all      its keys and TTL are set
 * @param why      the reason of an error
 * @return first record of the DNSKEY RRset; -ENOTSUP as val_ds_usable() has it: insecure; -EBADMSG
 *         bogus
 */
int val_dnskey_offer(const struct dns_msg *msg, const uint8_t *zone, const struct val_anchor *ds,
	size_t ds_count, bool sha1, struct val_zone_keys *trusted, struct val_zone_keys *all,
	enum val_reason *why);

/**
 * Judge a DNSKEY response: at least one DNSKEY matches a DS (or an anchor), and a matching key of a
 * supported algorithm signed the DNSKEY RRset (RFC 4035 s5.2). Digest SHA-1 is ignored where a
 * stronger one is there (RFC 4509 s3). Control thread: calls OpenSSL itself.
 *
 * @param ds        DS records of the zone (val_key with type DS RDATA) or anchors of either kind,
 *                  1..VAL_ANCHORS_MAX, all of this zone: else nothing is trusted
 * @param out       SECURE with keys, or INSECURE (no DS with supported algorithm and digest);
 *                  untouched on failure. Its zone and generation are the caller's to set
 * @param res       the reason, with key tag and times
 * @retval 0 out is set; -EBADMSG bogus (see res)
 */
int val_keys_from_dnskey(struct val_verifier *v, const struct dns_msg *msg, const uint8_t *zone,
	const struct val_anchor *ds, size_t ds_count, uint32_t now, const struct val_skew *skew,
	struct val_zone_keys *out, struct val_result *res);

/**
 * Which keys does a DNSKEY response revoke? Those that stand in the set with their REVOKE bit and
 * signed it as such (RFC 5011 s2.1); that the set is signed by another key, too, is not needed.
 *
 * @param known    anchors of this zone of either kind, DNSKEYs without the bit
 * @param revoked  room for count
 */
void val_keys_revoked(struct val_verifier *v, const struct dns_msg *msg, const uint8_t *zone,
	const struct val_anchor *known, size_t count, uint32_t now, const struct val_skew *skew,
	bool *revoked);

/**
 * Copy the DS RRset with first record msg->rr[first]; it has been judged by the caller.
 *
 * @return how many; malformed ones are left out; -E2BIG more than VAL_DS_MAX: a part would not do
 */
int val_ds_read(const struct dns_msg *msg, uint16_t first, const uint8_t *zone,
	struct val_anchor out[VAL_DS_MAX]);

/**
 * Judge a DS response that came from `parent`'s servers, with the parent's keys.
 *
 * @param ds        room for VAL_DS_MAX anchors of type DS (a larger set is refused);
 *                  *ds_count 0 means proven none (insecure)
 * @param until     earliest of TTL and signature expiry
 * @retval 0, -EBADMSG bogus (see res)
 */
int val_ds_from_response(struct val_verifier *v, const struct dns_msg *msg,
	const struct val_zone_keys *parent, const uint8_t *zone, uint32_t now,
	const struct val_skew *skew, struct val_anchor *ds, size_t *ds_count, uint32_t *until,
	struct val_result *res);
