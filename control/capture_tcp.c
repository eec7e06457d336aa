/*
 * TCP, one direction at a time: octets in order, cut into DNS messages by their length (RFC 1035
 * s4.2.2, RFC 7766).
 *
 * A stream knows the sequence number that it wants next. What is older was seen; what is newer is
 * held, sorted and without overlaps (what came first stands), until the hole before it is filled.
 * A hole that the capture never fills is given up when too much waits behind it, or the stream
 * ends: octets are counted as lost and framing is found again at the start of a segment, if what
 * stands there looks like a length and a DNS header. A capture that begins in mid-stream is such a
 * hole from the start. Streams that ended stay known for a while, so that what is sent again does
 * not open them anew.
 *
 * Limits: streams, octets held of one stream, octets of all. The stream that was quiet longest
 * makes room.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/capture_priv.h"
#include "dns/wire.h"

enum {
	TCP_LEN_MIN = 20,
	TCP_OFF_SEQ = 4,
	TCP_OFF_DATA = 12,
	TCP_OFF_FLAGS = 13,
	TCP_FIN = 1,
	TCP_SYN = 2,
	TCP_RST = 4,
	LENGTH_LEN = 2, // before each message
	MESSAGE_MAX = LENGTH_LEN + DNS_MSG_MAX,
	WINDOW = 1 << 20, // a sequence number that is further off belongs to another connection
	BUCKETS = 1024,
	HELD_COUNT_MAX = 512, // pieces beyond a hole: the list is walked
};

struct piece {
	struct piece *next;
	uint32_t seq;
	uint32_t len;
	uint32_t missing; // octets behind it that the snapshot length cut off
	uint8_t octets[];
};

struct stream {
	struct stream *chain;         // in its bucket
	struct stream *older, *newer; // by use
	struct capture_ends flow;
	uint32_t next;
	bool framed;  // the next octet's place in a message is known
	bool guessed; // it is a guess that no header has confirmed yet
	bool closed;
	bool foreign; // not DNS: forgotten as soon as that is known
	bool ends;    // at end_seq
	uint32_t end_seq;
	uint32_t have;
	uint32_t room;
	uint8_t *message; // the one under way, with its length
	struct piece *held;
	uint32_t held_octets, held_count;
};

struct capture_streams {
	struct stream *bucket[BUCKETS];
	struct stream *oldest, *newest;
	size_t count;
	size_t octets; // held, and of messages under way
};

/* ---- the table ---- */

int ctl_capture_streams_new(struct capture_streams **out)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? 0 : -ENOMEM;
}

static struct stream **bucket_of(struct ctl_capture *c, const struct capture_ends *e)
{
	uint8_t key[40];

	memcpy(key, e->src.octets, 16);
	memcpy(key + 16, e->dst.octets, 16);
	dns_put16(key + 32, e->sport);
	dns_put16(key + 34, e->dport);
	dns_put32(key + 36, e->src.family);
	return &c->streams->bucket[dns_hash64(&c->key, key, sizeof(key)) % BUCKETS];
}

static bool same_ends(const struct capture_ends *a, const struct capture_ends *b)
{
	return a->sport == b->sport && a->dport == b->dport && route_addr_equal(&a->src, &b->src) &&
	       route_addr_equal(&a->dst, &b->dst);
}

static void unlink_age(struct capture_streams *t, struct stream *s)
{
	*(s->older != NULL ? &s->older->newer : &t->oldest) = s->newer;
	*(s->newer != NULL ? &s->newer->older : &t->newest) = s->older;
}

static void link_newest(struct capture_streams *t, struct stream *s)
{
	s->newer = NULL;
	s->older = t->newest;
	*(t->newest != NULL ? &t->newest->newer : &t->oldest) = s;
	t->newest = s;
}

static void drop_held(struct capture_streams *t, struct stream *s)
{
	while (s->held != NULL) {
		struct piece *p = s->held;

		s->held = p->next;
		free(p);
	}
	t->octets -= s->held_octets;
	s->held_octets = s->held_count = 0;
}

static void drop_message(struct capture_streams *t, struct stream *s)
{
	t->octets -= s->room;
	free(s->message);
	s->message = NULL;
	s->have = s->room = 0;
}

static void release(struct capture_streams *t, struct stream *s, struct stream **bucket)
{
	while (*bucket != s)
		bucket = &(*bucket)->chain;
	*bucket = s->chain;
	unlink_age(t, s);
	drop_held(t, s);
	drop_message(t, s);
	free(s);
	t->count--;
}

void ctl_capture_streams_free(struct capture_streams *t)
{
	if (t == NULL)
		return;
	for (int i = 0; i < BUCKETS; i++)
		while (t->bucket[i] != NULL)
			release(t, t->bucket[i], &t->bucket[i]);
	free(t);
}

/** @return true when something was lost with it */
static bool drop_oldest(struct ctl_capture *c)
{
	struct stream *s = c->streams->oldest;
	bool lost = s->have > 0 || s->held != NULL;

	c->stats.tcp_dropped += lost;
	release(c->streams, s, bucket_of(c, &s->flow));
	return lost;
}

static struct stream *find(struct ctl_capture *c, const struct capture_ends *e)
{
	struct capture_streams *t = c->streams;
	struct stream *s = *bucket_of(c, e);

	while (s != NULL && !same_ends(&s->flow, e))
		s = s->chain;
	if (s == NULL)
		return NULL;
	unlink_age(t, s);
	link_newest(t, s);
	return s;
}

static struct stream *create(struct ctl_capture *c, const struct capture_ends *e, uint32_t next)
{
	struct capture_streams *t = c->streams;
	struct stream **bucket = bucket_of(c, e), *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	if (t->count == CTL_CAPTURE_STREAMS_MAX)
		drop_oldest(c);
	s->flow = *e;
	s->next = next;
	s->chain = *bucket;
	*bucket = s;
	link_newest(t, s);
	t->count++;
	return s;
}

/** As if new, from `next` on. */
static void restart(struct ctl_capture *c, struct stream *s, uint32_t next, bool framed)
{
	drop_held(c->streams, s);
	drop_message(c->streams, s);
	s->next = next;
	s->framed = framed;
	s->guessed = s->closed = s->ends = false;
}

/** Make room for n more octets of all streams, at the cost of those quiet longest, not of s. */
static bool reserve(struct ctl_capture *c, const struct stream *s, size_t n)
{
	while (c->streams->octets + n > CTL_CAPTURE_TCP_OCTETS_MAX && c->streams->oldest != s)
		drop_oldest(c);
	return c->streams->octets + n <= CTL_CAPTURE_TCP_OCTETS_MAX;
}

/* ---- octets in order ---- */

static void lose(struct ctl_capture *c, struct stream *s, uint64_t octets)
{
	c->stats.tcp_lost += octets + s->have;
	drop_message(c->streams, s);
	s->framed = false;
}

/** Length and a header where a message would begin? Two octets alone may be. */
static bool may_begin(const uint8_t *data, size_t len)
{
	if (len < LENGTH_LEN || dns_get16(data) < DNS_HEADER_LEN)
		return false;
	return len < LENGTH_LEN + DNS_HEADER_LEN ||
	       ctl_capture_is_plausible(data + LENGTH_LEN, len - LENGTH_LEN);
}

static uint32_t wanted(const struct stream *s)
{
	return s->have < LENGTH_LEN ? LENGTH_LEN : LENGTH_LEN + (uint32_t)dns_get16(s->message);
}

static bool grow(struct ctl_capture *c, struct stream *s, uint32_t room)
{
	uint8_t *p;

	if (room <= s->room)
		return true;
	if (!reserve(c, s, room - s->room))
		return false;
	p = realloc(s->message, room);
	if (p == NULL)
		return false;
	c->streams->octets += room - s->room;
	s->message = p;
	s->room = room;
	return true;
}

/** The header is there: is it one, where we only guess that it is? */
static bool confirm(struct ctl_capture *c, struct stream *s)
{
	bool known = !s->guessed && capture_is_dns_port(c, &s->flow);

	s->guessed = false;
	return known || may_begin(s->message, s->have);
}

/** Octets that follow the last ones. */
static void consume(struct ctl_capture *c, struct stream *s, const uint8_t *data, size_t len)
{
	s->next += (uint32_t)len;
	if (s->foreign)
		return;
	if (!s->framed && !may_begin(data, len)) {
		lose(c, s, len);
		return;
	}
	s->guessed |= !s->framed;
	s->framed = true;
	while (len > 0) {
		uint32_t want = wanted(s), n;

		if (!grow(c, s, want < 512 ? 512 : want)) {
			lose(c, s, len);
			return;
		}
		// stop at the header for a look at it
		if (s->have < LENGTH_LEN + DNS_HEADER_LEN && want > LENGTH_LEN + DNS_HEADER_LEN)
			want = LENGTH_LEN + DNS_HEADER_LEN;
		n = want - s->have < len ? want - s->have : (uint32_t)len;
		memcpy(s->message + s->have, data, n);
		s->have += n;
		data += n;
		len -= n;
		if (s->have == LENGTH_LEN + DNS_HEADER_LEN && !confirm(c, s)) {
			s->foreign = !capture_is_dns_port(c, &s->flow);
			if (s->foreign)
				drop_message(c->streams, s);
			else
				lose(c, s, len);
			return;
		}
		if (s->have >= LENGTH_LEN && s->have == wanted(s)) {
			ctl_capture_emit(
				c, &s->flow, true, s->message + LENGTH_LEN, s->have - LENGTH_LEN);
			s->have = 0;
		}
	}
	if (s->have == 0)
		drop_message(c->streams, s);
}

/** Octets that the snapshot length cut off. */
static void skip_cut(struct ctl_capture *c, struct stream *s, uint32_t missing)
{
	if (missing == 0)
		return;
	s->next += missing;
	if (s->foreign)
		return;
	c->stats.cut++;
	lose(c, s, missing);
}

/* ---- octets out of order ---- */

/** Cut off the front what lies before `from`. @return false when nothing is left */
static bool trim_front(
	uint32_t from, uint32_t *seq, const uint8_t **data, uint32_t *len, uint32_t *missing)
{
	int32_t over = (int32_t)(from - *seq);

	if (over <= 0)
		return *len > 0 || *missing > 0;
	if ((uint32_t)over > *len) {
		uint32_t rest = (uint32_t)over - *len;

		*missing -= rest < *missing ? rest : *missing;
		*len = 0;
	} else {
		*data += over;
		*len -= (uint32_t)over;
	}
	*seq = from;
	return *len > 0 || *missing > 0;
}

static bool insert(struct ctl_capture *c, struct stream *s, struct piece **place, uint32_t seq,
	const uint8_t *data, uint32_t len, uint32_t missing)
{
	struct piece *p;

	if (s->held_octets + len > CTL_CAPTURE_HELD_MAX || s->held_count == HELD_COUNT_MAX ||
		!reserve(c, s, len))
		return false;
	p = malloc(sizeof(*p) + len);
	if (p == NULL)
		return false;
	p->seq = seq;
	p->len = len;
	p->missing = missing;
	memcpy(p->octets, data, len);
	p->next = *place;
	*place = p;
	s->held_octets += len;
	s->held_count++;
	c->streams->octets += len;
	return true;
}

/**
 * Keep a segment for later: what of it is not there already, between the pieces that are.
 * @return false when there is no room
 */
static bool hold(struct ctl_capture *c, struct stream *s, uint32_t seq, const uint8_t *data,
	uint32_t len, uint32_t missing)
{
	struct piece **place = &s->held;

	while (len > 0 || missing > 0) {
		uint32_t part = len;
		struct piece *p = *place;

		if (p != NULL && (int32_t)(seq - (p->seq + p->len)) >= 0) {
			place = &p->next;
			continue;
		}
		if (p != NULL && (int32_t)(seq + len - p->seq) > 0)
			part = (int32_t)(p->seq - seq) > 0 ? p->seq - seq : 0;
		if (part == len && len > 0) // all of it
			return insert(c, s, place, seq, data, len, missing);
		if (part > 0 && !insert(c, s, place, seq, data, part, 0))
			return false;
		if (p == NULL) // a cut without octets: nothing to hold
			return true;
		if (!trim_front(p->seq + p->len, &seq, &data, &len, &missing))
			return true;
	}
	return true;
}

/** What is held and now follows. */
static void drain(struct ctl_capture *c, struct stream *s)
{
	while (s->held != NULL && (int32_t)(s->held->seq - s->next) <= 0) {
		struct piece *p = s->held;
		const uint8_t *data = p->octets;
		uint32_t seq = p->seq, len = p->len, missing = p->missing;

		s->held = p->next;
		s->held_octets -= p->len;
		s->held_count--;
		c->streams->octets -= p->len;
		if (trim_front(s->next, &seq, &data, &len, &missing)) {
			consume(c, s, data, len);
			skip_cut(c, s, missing);
		}
		free(p);
	}
}

/** Give up the hole before the first piece that is held. */
static void jump(struct ctl_capture *c, struct stream *s)
{
	if (s->held == NULL)
		return;
	if (!s->foreign)
		lose(c, s, s->held->seq - s->next);
	s->next = s->held->seq;
	drain(c, s);
}

static void finish(struct ctl_capture *c, struct stream *s)
{
	while (s->held != NULL)
		jump(c, s);
	if (s->have > 0)
		lose(c, s, 0);
}

void ctl_capture_streams_end(struct ctl_capture *c)
{
	for (struct stream *s = c->streams->oldest; s != NULL; s = s->newer)
		finish(c, s);
}

/* ---- segments ---- */

static void take_octets(struct ctl_capture *c, struct stream *s, uint32_t seq, const uint8_t *data,
	uint32_t len, uint32_t missing)
{
	if (!trim_front(s->next, &seq, &data, &len, &missing))
		return; // sent again
	while (seq != s->next && !hold(c, s, seq, data, len, missing)) {
		if (s->held == NULL)
			return; // no memory at all: lost with the hole before it
		jump(c, s);
		if (!trim_front(s->next, &seq, &data, &len, &missing))
			return;
	}
	if (seq != s->next)
		return;
	consume(c, s, data, len);
	skip_cut(c, s, missing);
	drain(c, s);
}

static bool is_far(const struct stream *s, uint32_t seq)
{
	int32_t d = (int32_t)(seq - s->next);

	return d > WINDOW || d < -WINDOW;
}

/** A SYN of a connection that has the ports of an earlier one. */
static bool is_anew(const struct stream *s, uint32_t first)
{
	return (s->closed && first != s->next) || (int32_t)(first - s->next) > 0;
}

/** The stream that a segment belongs to; a new one where it must be. */
static struct stream *stream_of(
	struct ctl_capture *c, const struct capture_ends *e, uint32_t first, bool syn, bool any)
{
	struct stream *s = find(c, e);

	if (s == NULL) {
		s = syn || any ? create(c, e, first) : NULL;
		if (s != NULL)
			s->framed = syn;
	} else if (is_far(s, first) || (syn && is_anew(s, first))) {
		finish(c, s);
		restart(c, s, first, syn);
	}
	return s;
}

/** FIN or RST, when all octets before it are there. */
static void close_at_end(struct ctl_capture *c, struct stream *s)
{
	if (s->foreign) {
		release(c->streams, s, bucket_of(c, &s->flow));
	} else if (s->ends && s->next == s->end_seq) {
		finish(c, s);
		s->closed = true;
	}
}

void ctl_capture_segment(
	struct ctl_capture *c, const struct capture_ends *ends, struct capture_span span)
{
	struct capture_ends e = *ends;
	struct stream *s;
	size_t header;
	uint32_t seq;
	uint8_t flags;

	if (span.len < TCP_LEN_MIN) {
		*(span.wire > span.len ? &c->stats.cut : &c->stats.malformed) += 1;
		return;
	}
	e.sport = dns_get16(span.at);
	e.dport = dns_get16(span.at + 2);
	header = (size_t)(span.at[TCP_OFF_DATA] >> 4) * 4;
	flags = span.at[TCP_OFF_FLAGS];
	seq = dns_get32(span.at + TCP_OFF_SEQ) + ((flags & TCP_SYN) != 0);
	if (header < TCP_LEN_MIN || header > span.wire) {
		c->stats.malformed++;
		return;
	}
	if (!capture_take(&span, header)) {
		c->stats.cut++;
		return;
	}
	// on other ports only from the beginning of a connection
	s = stream_of(
		c, &e, seq, (flags & TCP_SYN) != 0, span.wire > 0 && capture_is_dns_port(c, &e));
	if (s == NULL || s->closed)
		return;
	if (flags & (TCP_FIN | TCP_RST)) {
		s->ends = true;
		s->end_seq = seq + (uint32_t)span.wire;
	}
	take_octets(c, s, seq, span.at, (uint32_t)span.len, (uint32_t)(span.wire - span.len));
	close_at_end(c, s);
}
