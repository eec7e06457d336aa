#include <string.h>

#include "routing/window_priv.h"

/*
 * A path without traffic shows one outcome in ten seconds: no window of time holds enough of them.
 * So the last ROUTE_JUDGE_PROBES are kept, whatever their age.
 */

void route_probed_base(struct route_probed *p, const struct route_sample *s)
{
	memcpy(p->outcome, s->probed, sizeof(p->outcome));
}

void route_probed_absorb(
	struct route_probed *p, const struct route_clock *c, const struct route_sample *s)
{
	if (memcmp(s->probed, p->outcome, sizeof(p->outcome)) == 0)
		return;
	for (unsigned o = 0; o < ROUTE_O_MAX; o++) {
		uint64_t n = s->probed[o] - p->outcome[o];

		p->outcome[o] = s->probed[o];
		if (route_class_of((enum route_outcome)o) == ROUTE_CLASSES)
			continue;
		for (uint64_t i = 0; i < n && i < ROUTE_JUDGE_PROBES; i++) {
			p->last[p->count % ROUTE_JUDGE_PROBES] = (uint8_t)o;
			p->ms[p->count % ROUTE_JUDGE_PROBES] = c->now_ms;
			p->count++;
		}
	}
}

void route_probed_clear(struct route_probed *p)
{
	p->count = 0;
}

static uint32_t remembered(const struct route_probed *p)
{
	return p->count < ROUTE_JUDGE_PROBES ? p->count : ROUTE_JUDGE_PROBES;
}

// The i-th last one.
static unsigned place(const struct route_probed *p, uint32_t i)
{
	return (p->count - 1 - i) % ROUTE_JUDGE_PROBES;
}

static unsigned mask_at(const struct route_probed *p, uint32_t i)
{
	return 1u << route_class_of((enum route_outcome)p->last[place(p, i)]);
}

/* Are `need` of the last `among` in these classes, the very last one too? @return which, or 0 */
static unsigned reached(const struct route_probed *p, unsigned classes, uint32_t need,
	uint32_t among, uint64_t *since_ms)
{
	uint32_t n = 0, left = remembered(p);
	unsigned seen = 0;

	need = need < ROUTE_JUDGE_PROBES ? need : ROUTE_JUDGE_PROBES;
	if (!(mask_at(p, 0) & classes))
		return 0;
	for (uint32_t i = 0; i < left && i < among && n < need; i++) {
		n += (mask_at(p, i) & classes) != 0;
		seen |= mask_at(p, i) & classes;
		if (n == need)
			*since_ms = p->ms[place(p, i)];
	}
	return n == need ? seen : 0;
}

/*
 * A sound site never sends a bad signature, now and then an odd answer, and the network loses
 * packets: with one odd answer in a thousand, four in a row happen in 10^12 probes, and with one
 * lost in a hundred so do six.
 */
unsigned route_probed_illness(const struct route_probed *p, uint32_t bad_min, uint64_t *since_ms)
{
	const unsigned answered = ROUTE_M_SIG | ROUTE_M_ODD;
	uint32_t few = bad_min < ROUTE_JUDGE_PROBES ? bad_min : ROUTE_JUDGE_PROBES;
	unsigned ill;

	if (p->count == 0 || mask_at(p, 0) == 1 << ROUTE_C_GOOD)
		return 0;
	ill = reached(p, ROUTE_M_SIG, few, 2 * few - 1, since_ms);
	if (ill == 0)
		ill = reached(p, answered, few + 1, few + 1, since_ms);
	if (ill == 0)
		ill = reached(p, answered | ROUTE_M_SILENT, 2 * few, 2 * few, since_ms);
	return ill;
}

void route_probed_since(const struct route_probed *p, uint64_t ms, struct route_tally *out)
{
	*out = (struct route_tally){0};
	for (uint32_t i = 0; i < remembered(p); i++) {
		unsigned at = place(p, i);

		if (p->ms[at] >= ms)
			out->n[route_class_of((enum route_outcome)p->last[at])]++;
	}
}

enum route_outcome route_probed_worst(const struct route_probed *p)
{
	for (uint32_t i = 0; i < remembered(p); i++)
		if (mask_at(p, i) & (ROUTE_M_SIG | ROUTE_M_ODD | ROUTE_M_SILENT))
			return (enum route_outcome)p->last[place(p, i)];
	return ROUTE_O_MAX;
}
