/*
 * Fragments of IP datagrams, RFC 791 and RFC 8200 s4.5. A fixed number of datagrams is under
 * reassembly; when all places are taken, the one that has waited longest makes room. A datagram's
 * octets are noted in units of eight. Fragments that overlap with other content spoil it for good
 * (RFC 5722 s3): its place stays taken until it is too old, so that what comes late does not begin
 * it anew.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/capture_priv.h"

enum {
	UNIT = 8,
	DATAGRAM_MAX = 65535,
	UNITS_MAX = (DATAGRAM_MAX + UNIT - 1) / UNIT,
};

enum datagram_state { FREE, WAITING, SPOILT, DONE };

struct datagram {
	enum datagram_state state;
	struct capture_frag first; // addresses, id and protocol name it
	int64_t begun_us;
	uint64_t fragments;
	uint32_t total; // octets, 0 while the last fragment is missing
	uint32_t units; // that are there
	uint8_t next;   // of the fragment at offset 0
	uint8_t have[UNITS_MAX / 8 + 1];
	uint8_t octets[UNITS_MAX * UNIT];
};

struct capture_frags {
	struct datagram *item[CTL_CAPTURE_DATAGRAMS_MAX]; // allocated when first used
};

int ctl_capture_frags_new(struct capture_frags **out)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? 0 : -ENOMEM;
}

void ctl_capture_frags_free(struct capture_frags *f)
{
	if (f == NULL)
		return;
	for (int i = 0; i < CTL_CAPTURE_DATAGRAMS_MAX; i++)
		free(f->item[i]);
	free(f);
}

static bool is_same(const struct capture_frag *a, const struct capture_frag *b)
{
	return a->id == b->id && a->protocol == b->protocol && route_addr_equal(&a->src, &b->src) &&
	       route_addr_equal(&a->dst, &b->dst);
}

static bool is_old(const struct ctl_capture *c, const struct datagram *d)
{
	return c->now_us - d->begun_us > (int64_t)CTL_CAPTURE_FRAGMENT_AGE_S * 1000000;
}

static void release(struct ctl_capture *c, struct datagram *d)
{
	if (d->state == WAITING || d->state == SPOILT)
		c->stats.fragments += d->fragments;
	d->state = FREE;
}

void ctl_capture_frags_end(struct ctl_capture *c)
{
	for (int i = 0; i < CTL_CAPTURE_DATAGRAMS_MAX; i++)
		if (c->frags->item[i] != NULL)
			release(c, c->frags->item[i]);
}

/** Which of two datagrams makes room first: one that is whole, then the older. */
static bool goes_before(const struct datagram *a, const struct datagram *b)
{
	if ((a->state == DONE) != (b->state == DONE))
		return a->state == DONE;
	return a->begun_us < b->begun_us;
}

/** A place for a new datagram. @return NULL without memory */
static struct datagram *make_room(struct ctl_capture *c)
{
	struct datagram **best = NULL;

	for (int i = 0; i < CTL_CAPTURE_DATAGRAMS_MAX; i++) {
		struct datagram **d = &c->frags->item[i];

		// places are used from the front
		if (*d == NULL || (*d)->state == FREE) {
			best = d;
			break;
		}
		if (best == NULL || goes_before(*d, *best))
			best = d;
	}
	if (*best == NULL)
		*best = malloc(sizeof(**best));
	else
		release(c, *best);
	return *best;
}

static struct datagram *find(struct ctl_capture *c, const struct capture_frag *frag)
{
	struct datagram *d;

	for (int i = 0; i < CTL_CAPTURE_DATAGRAMS_MAX && c->frags->item[i] != NULL; i++) {
		d = c->frags->item[i];
		if (d->state == FREE || !is_same(&d->first, frag))
			continue;
		if (!is_old(c, d))
			return d;
		release(c, d);
	}
	d = make_room(c);
	if (d == NULL)
		return NULL;
	d->state = WAITING;
	d->first = *frag;
	d->begun_us = c->now_us;
	d->fragments = 0;
	d->total = d->units = 0;
	memset(d->have, 0, sizeof(d->have));
	return d;
}

/** Does the fragment fit what is known of the length? */
static bool fits(const struct datagram *d, const struct capture_frag *frag, size_t len)
{
	size_t end = frag->offset + len;

	if (len == 0 || end > DATAGRAM_MAX || (frag->more && len % UNIT != 0))
		return false;
	if (d->total != 0)
		return frag->more ? end < d->total : end == d->total;
	if (frag->more)
		return true;
	// the last one: nothing may lie behind it
	for (size_t u = (end + UNIT - 1) / UNIT; u < UNITS_MAX; u++)
		if (d->have[u / 8] & 1u << u % 8)
			return false;
	return true;
}

/** @return false when octets that were there are different */
static bool store(struct datagram *d, uint32_t offset, const uint8_t *data, size_t len)
{
	for (size_t at = 0; at < len; at += UNIT) {
		size_t u = (offset + at) / UNIT, n = len - at < UNIT ? len - at : UNIT;
		uint8_t *place = d->octets + u * UNIT;

		if (d->have[u / 8] & 1u << u % 8) {
			if (memcmp(place, data + at, n) != 0)
				return false;
			continue;
		}
		memcpy(place, data + at, n);
		d->have[u / 8] |= (uint8_t)(1u << u % 8);
		d->units++;
	}
	return true;
}

int ctl_capture_frags_add(struct ctl_capture *c, const struct capture_frag *frag,
	const struct capture_span *payload, struct capture_span *whole, uint8_t *next)
{
	struct datagram *d;

	if (payload->len < payload->wire) {
		c->stats.cut++;
		return 0;
	}
	d = find(c, frag);
	if (d == NULL || d->state == DONE) // sent twice
		return 0;
	d->fragments++;
	if (d->state == SPOILT)
		return 0;
	if (!fits(d, frag, payload->len) || !store(d, frag->offset, payload->at, payload->len)) {
		d->state = SPOILT;
		return 0;
	}
	if (!frag->more)
		d->total = frag->offset + (uint32_t)payload->len;
	if (frag->offset == 0)
		d->next = frag->next;
	if (d->total == 0 || d->units < (d->total + UNIT - 1) / UNIT)
		return 0;
	d->state = DONE;
	*whole = (struct capture_span){.at = d->octets, .len = d->total, .wire = d->total};
	*next = d->next;
	return 1;
}
