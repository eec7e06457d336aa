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

// Cores do not say when they saw their last bad reply; a signature that ended later belongs to the
// later fault.
static void add_bad(struct route_sample *s, const struct route_evidence *e)
{
	uint32_t expiration = atomic_load_explicit(&e->bad_expiration, memory_order_relaxed);
	uint16_t reason = atomic_load_explicit(&e->bad_reason, memory_order_relaxed);

	if (reason == 0 || (s->bad_reason != 0 && time_before(expiration, s->bad_expiration)))
		return;
	s->bad_expiration = expiration;
	s->bad_reason = reason;
	s->bad_type = atomic_load_explicit(&e->bad_type, memory_order_relaxed);
	s->bad_key_tag = atomic_load_explicit(&e->bad_key_tag, memory_order_relaxed);
}

void route_sample_add(struct route_sample *s, const struct route_evidence *e)
{
	uint32_t inception = atomic_load_explicit(&e->newest_inception, memory_order_relaxed);
	uint64_t sent_us = atomic_load_explicit(&e->last_sent_us, memory_order_relaxed);

	for (unsigned o = 0; o < ROUTE_O_MAX; o++) {
		s->outcome[o] += atomic_load_explicit(&e->outcome[o], memory_order_relaxed);
		s->refuted[o] += atomic_load_explicit(&e->refuted[o], memory_order_relaxed);
	}
	s->sent += atomic_load_explicit(&e->sent, memory_order_relaxed);
	s->rtt_us_sum += atomic_load_explicit(&e->rtt_us_sum, memory_order_relaxed);
	s->rtt_count += atomic_load_explicit(&e->rtt_count, memory_order_relaxed);
	if (inception != 0 &&
		(s->newest_inception == 0 || time_before(s->newest_inception, inception)))
		s->newest_inception = inception;
	add_expiration(
		s, atomic_load_explicit(&e->nearest_expiration, memory_order_relaxed), sent_us);
	add_bad(s, e);
	if (sent_us > s->last_sent_us)
		s->last_sent_us = sent_us;
}
