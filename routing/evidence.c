#include "routing/evidence.h"

#include <assert.h>
#include <stddef.h>

#include "routing/judge.h"

static const char *const outcome_names[] = {
	[ROUTE_O_SECURE] = "secure",
	[ROUTE_O_INSECURE] = "insecure",
	[ROUTE_O_EXPIRED] = "expired",
	[ROUTE_O_BOGUS] = "bogus",
	[ROUTE_O_UNSIGNED] = "unsigned",
	[ROUTE_O_INDETERMINATE] = "indeterminate",
	[ROUTE_O_TIMEOUT] = "timeout",
	[ROUTE_O_LAME] = "lame",
	[ROUTE_O_SERVFAIL] = "servfail",
	[ROUTE_O_REFUSED] = "refused",
	[ROUTE_O_ERROR] = "error",
	[ROUTE_O_UNREACHABLE] = "unreachable",
};
static_assert(sizeof(outcome_names) / sizeof(outcome_names[0]) == ROUTE_O_MAX, "one name each");

const char *route_outcome_name(enum route_outcome o)
{
	return (unsigned)o < ROUTE_O_MAX ? outcome_names[o] : "unknown";
}

bool route_outcome_is_good(enum route_outcome o)
{
	return o == ROUTE_O_SECURE || o == ROUTE_O_INSECURE;
}

bool route_outcome_is_bad(enum route_outcome o)
{
	switch (o) {
	case ROUTE_O_EXPIRED:
	case ROUTE_O_BOGUS:
	case ROUTE_O_UNSIGNED:
	case ROUTE_O_LAME:
	case ROUTE_O_SERVFAIL:
	case ROUTE_O_REFUSED:
	case ROUTE_O_ERROR:
		return true;
	default:
		return false;
	}
}

// Times are RFC 1982 serial numbers of seconds.
static bool time_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/*
 * A core that has sent nothing for a while still shows the expiration of its last secure reply,
 * which may be days old: an idle core must not make a path look near its end.
 */
static void add_expiration(struct route_sample *s, uint32_t expiration, uint64_t sent_us)
{
	if (expiration == 0)
		return;
	if (s->nearest_expiration == 0 || s->last_sent_us + ROUTE_EXPIRATION_FRESH_US < sent_us) {
		s->nearest_expiration = expiration;
		return;
	}
	if (sent_us + ROUTE_EXPIRATION_FRESH_US < s->last_sent_us)
		return;
	if (time_before(expiration, s->nearest_expiration))
		s->nearest_expiration = expiration;
}

// Nobody says when the last bad reply was; a signature that ended later belongs to the later fault.
static void add_bad(struct route_sample *to, const struct route_sample *from)
{
	if (from->bad_reason == 0 ||
		(to->bad_reason != 0 && time_before(from->bad_expiration, to->bad_expiration)))
		return;
	to->bad_expiration = from->bad_expiration;
	to->bad_reason = from->bad_reason;
	to->bad_type = from->bad_type;
	to->bad_key_tag = from->bad_key_tag;
}

void route_sample_merge(struct route_sample *to, const struct route_sample *from)
{
	for (unsigned o = 0; o < ROUTE_O_MAX; o++) {
		to->outcome[o] += from->outcome[o];
		to->refuted[o] += from->refuted[o];
		to->probed[o] += from->probed[o];
	}
	to->sent += from->sent;
	to->rtt_us_sum += from->rtt_us_sum;
	to->rtt_count += from->rtt_count;
	for (unsigned i = 0; i < ROUTE_RTT_BUCKETS; i++)
		to->rtt_bucket[i] += from->rtt_bucket[i];
	if (from->newest_inception != 0 &&
		(to->newest_inception == 0 ||
			time_before(to->newest_inception, from->newest_inception)))
		to->newest_inception = from->newest_inception;
	if (from->serial != 0)
		to->serial = from->serial;
	add_expiration(to, from->nearest_expiration, from->last_sent_us);
	add_bad(to, from);
	if (from->last_sent_us > to->last_sent_us)
		to->last_sent_us = from->last_sent_us;
}

void route_sample_add(struct route_sample *s, const struct route_evidence *e)
{
	const memory_order relaxed = memory_order_relaxed;
	struct route_sample core = {
		.sent = atomic_load_explicit(&e->sent, relaxed),
		.rtt_us_sum = atomic_load_explicit(&e->rtt_us_sum, relaxed),
		.rtt_count = atomic_load_explicit(&e->rtt_count, relaxed),
		.newest_inception = atomic_load_explicit(&e->newest_inception, relaxed),
		.nearest_expiration = atomic_load_explicit(&e->nearest_expiration, relaxed),
		.bad_expiration = atomic_load_explicit(&e->bad_expiration, relaxed),
		.bad_type = atomic_load_explicit(&e->bad_type, relaxed),
		.bad_reason = atomic_load_explicit(&e->bad_reason, relaxed),
		.bad_key_tag = atomic_load_explicit(&e->bad_key_tag, relaxed),
		.last_sent_us = atomic_load_explicit(&e->last_sent_us, relaxed),
	};

	for (unsigned o = 0; o < ROUTE_O_MAX; o++) {
		core.outcome[o] = atomic_load_explicit(&e->outcome[o], relaxed);
		core.refuted[o] = atomic_load_explicit(&e->refuted[o], relaxed);
	}
	for (unsigned i = 0; i < ROUTE_RTT_BUCKETS; i++)
		core.rtt_bucket[i] = atomic_load_explicit(&e->rtt_bucket[i], relaxed);
	route_sample_merge(s, &core);
}

uint64_t route_sample_rtt_us(const struct route_sample *s, unsigned percent)
{
	uint64_t total = 0, seen = 0;

	for (unsigned i = 0; i < ROUTE_RTT_BUCKETS; i++)
		total += s->rtt_bucket[i];
	for (unsigned i = 0; i < ROUTE_RTT_BUCKETS && total > 0; i++) {
		seen += s->rtt_bucket[i];
		if (seen * 100 >= total * percent)
			return route_rtt_bucket_max_us(i);
	}
	return 0;
}
