#include "validator/keyset.h"

#include <string.h>

#include "dns/rdata.h"
#include "dns/wire.h"
#include "validator/time.h"

static bool same_key(const struct val_key *a, const struct val_key *b)
{
	return a->rdata_len == b->rdata_len && memcmp(a->rdata, b->rdata, a->rdata_len) == 0;
}

/* The same, though one of them says that it is revoked. */
static bool same_but_revoked(const struct val_key *revoked, const struct val_key *k)
{
	uint16_t flags = dns_get16(revoked->rdata);

	return (flags & DNS_DNSKEY_FLAG_REVOKE) != 0 && revoked->rdata_len == k->rdata_len &&
	       dns_get16(k->rdata) == (flags & (uint16_t)~DNS_DNSKEY_FLAG_REVOKE) &&
	       memcmp(revoked->rdata + 2, k->rdata + 2, k->rdata_len - 2u) == 0;
}

static bool has(const struct val_zone_keys *z, const struct val_key *k)
{
	for (unsigned i = 0; i < z->count; i++)
		if (same_key(&z->key[i], k) || same_but_revoked(&z->key[i], k))
			return true;
	return false;
}

static bool differs(const struct val_zone_keys *a, const struct val_zone_keys *b)
{
	if (a->status != b->status || a->count != b->count)
		return true;
	for (unsigned i = 0; i < a->count; i++) {
		bool found = false;

		for (unsigned k = 0; k < b->count && !found; k++)
			found = same_key(&a->key[i], &b->key[k]);
		if (!found)
			return true;
	}
	return false;
}

static void keep_former(struct val_keyset *s, const struct val_keyset *was, uint32_t now)
{
	for (unsigned i = 0; i < was->keys.count && s->keys.count < VAL_ZONE_KEYS_MAX; i++) {
		if (val_time_before(was->until[i], now) || has(&s->keys, &was->keys.key[i]))
			continue;
		s->until[s->keys.count] = was->until[i];
		s->keys.key[s->keys.count++] = was->keys.key[i];
	}
}

bool val_keyset_replace(struct val_keyset *s, const struct val_zone_keys *fresh, uint32_t now)
{
	struct val_keyset was = *s;

	s->keys = *fresh;
	s->keys.generation = was.keys.generation;
	s->keys.look_after = was.keys.look_after;
	s->keys.anchored = was.keys.anchored;
	for (unsigned i = 0; i < fresh->count; i++)
		s->until[i] = fresh->valid_until;
	if (fresh->status == VAL_ZONE_SECURE && was.keys.status == VAL_ZONE_SECURE)
		keep_former(s, &was, now);
	return differs(&was.keys, &s->keys);
}

bool val_keyset_clear(struct val_keyset *s)
{
	if (s->keys.status == VAL_ZONE_UNKNOWN)
		return false;
	s->keys.status = VAL_ZONE_UNKNOWN;
	s->keys.why = VAL_R_NO_CHAIN;
	s->keys.count = 0;
	return true;
}

bool val_keyset_expire(struct val_keyset *s, uint32_t now)
{
	uint8_t kept = 0, was = s->keys.count;

	if (s->keys.status == VAL_ZONE_UNKNOWN)
		return false;
	if (val_time_before(s->keys.valid_until, now))
		return val_keyset_clear(s);
	for (unsigned i = 0; i < was; i++) {
		if (val_time_before(s->until[i], now))
			continue;
		if (kept != i) {
			s->keys.key[kept] = s->keys.key[i];
			s->until[kept] = s->until[i];
		}
		kept++;
	}
	s->keys.count = kept;
	return kept != was;
}
