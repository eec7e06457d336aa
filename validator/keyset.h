#pragma once

#include "validator/keys.h"
#include "validator/time.h"

/**
 * The keys of one zone as they are published: the newest DNSKEY set, and the keys of sets before it
 * whose time is not over. A zone that rolls its keys is served by sites that take up the new
 * version one after the other; any set that a validator may still have cached must go on to judge
 * by (RFC 6781 s4.1, RFC 4035 s4.5), or the slower site is blamed for being slower.
 */
struct val_keyset {
	struct val_zone_keys keys;         // what is published
	uint32_t until[VAL_ZONE_KEYS_MAX]; // of each key: the end of the newest set that held it
};

/**
 * A new set was judged. Keys of former sets stay until their time, as many as there is room for,
 * but not when the new one revokes them, nor when the zone is secure no longer.
 *
 * @param fresh  zone set; generation, look_after and anchored are kept from before
 * @return true when the keys, or the status, are others than before
 */
bool val_keyset_replace(struct val_keyset *s, const struct val_zone_keys *fresh, uint32_t now);

/**
 * Drop what has ended: single keys, or everything when the newest set is over (UNKNOWN, no chain).
 * @return true when something was dropped
 */
bool val_keyset_expire(struct val_keyset *s, uint32_t now);

/**
 * Is it worth while to wait, or to ask, for a key that this zone's set lacks? Not when somebody has
 * looked for one in vain a moment ago, nor where no set is believed.
 */
static inline bool val_keys_worth_a_look(const struct val_zone_keys *keys, uint32_t now)
{
	return keys->status == VAL_ZONE_SECURE &&
	       (keys->look_after == 0 || !val_time_before(now, keys->look_after));
}

/** No key may be used any more: UNKNOWN. @return true when that is a change */
bool val_keyset_clear(struct val_keyset *s);
