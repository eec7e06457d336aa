#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/msg.h"
#include "validator/keyset.h"
#include "validator/trustpoint.h"

/**
 * The trust anchors of a running swerved: those of the configured file, followed from there (RFC
 * 5011), and a file that remembers how far that came. Control thread only.
 */
struct ctl_trust;

enum { CTL_TRUST_ERR_MAX = 1024 };

struct ctl_trust_config {
	bool follow; // false: the configured anchors and nothing else
	struct val_trustpoint_params params;
	/** A key changed its state; may be NULL. */
	void (*changed)(
		void *arg, const struct dns_name *zone, const struct val_key_change *change);
	void *arg;
};

/** anchors is copied. @retval 0, -ENOMEM */
int ctl_trust_new(const struct val_anchors *anchors, const struct ctl_trust_config *cfg,
	uint32_t epoch_s, struct ctl_trust **out);
void ctl_trust_free(struct ctl_trust *t);

/**
 * Go on where an earlier run was, for those zones that still have a configured anchor. A file that
 * is not whole changes nothing: the configured anchors stand. Without `follow` nothing is read.
 *
 * @param err  CTL_TRUST_ERR_MAX octets
 * @retval 1 taken up; 0 there is none; -errno with err set
 */
int ctl_trust_load(struct ctl_trust *t, const char *path, uint32_t epoch_s, char *err);
/**
 * Write the file when there is something new: a state changed, or an hour has passed.
 * @retval 1 written, 0 nothing to do, -errno with err set
 */
int ctl_trust_save(struct ctl_trust *t, const char *path, uint32_t epoch_s, char *err);

/** What is trusted at exactly this zone now. @return how many, 0 also when it is no trust point */
size_t ctl_trust_anchors(
	const struct ctl_trust *t, const uint8_t *zone, struct val_anchor out[VAL_ANCHORS_MAX]);

/** A DNSKEY response of a trust point, before it is judged: does it revoke anything? */
bool ctl_trust_revoke(struct ctl_trust *t, struct val_verifier *v, const struct dns_msg *msg,
	const uint8_t *zone, uint32_t epoch_s, const struct val_skew *skew);
/** The DNSKEY set of a trust point, judged secure by ctl_trust_anchors(). */
void ctl_trust_saw(struct ctl_trust *t, const struct val_zone_keys *set, uint32_t epoch_s);

/**
 * When to ask a trust point again at the latest, in seconds; UINT32_MAX when it is none, or is not
 * followed. RFC 5011 s2.3, and no later than the end of a hold.
 * @param failed  the last question got no good answer
 */
uint32_t ctl_trust_refresh_s(const struct ctl_trust *t, const uint8_t *zone, uint32_t ttl_s,
	uint32_t life_s, bool failed, uint32_t epoch_s);

/** For reports. */
size_t ctl_trust_count(const struct ctl_trust *t);
const struct val_trustpoint *ctl_trust_at(const struct ctl_trust *t, size_t i);
const struct ctl_trust_config *ctl_trust_config(const struct ctl_trust *t);
