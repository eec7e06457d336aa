#include "control/canary.h"

#include <stdio.h>
#include <string.h>

static struct ctl_canary_counts since(
	const struct ctl_canary_counts *from, const struct ctl_canary_counts *to)
{
	return (struct ctl_canary_counts){
		.answers = to->answers - from->answers,
		.failed = to->failed - from->failed,
		.tries = to->tries - from->tries,
		.repeated = to->repeated - from->repeated,
	};
}

void ctl_canary_look(struct ctl_canary *c, const struct ctl_canary_counts *now, uint64_t now_ms)
{
	if (c->known > 0 && now_ms - c->looked_ms < 1000)
		return;
	c->looked_ms = now_ms;
	c->past[c->next] = *now;
	c->next = (c->next + 1) % CTL_CANARY_BEFORE_S;
	if (c->known < CTL_CANARY_BEFORE_S)
		c->known++;
}

void ctl_canary_begin(struct ctl_canary *c, const struct ctl_canary_counts *now, uint64_t number,
	uint64_t back_to, uint32_t seconds, uint32_t rise_percent, uint64_t now_ms)
{
	unsigned oldest = (c->next + CTL_CANARY_BEFORE_S - c->known) % CTL_CANARY_BEFORE_S;

	c->running = true;
	c->number = number;
	c->back_to = back_to;
	c->end_ms = now_ms + (uint64_t)seconds * 1000;
	c->rise_percent = rise_percent;
	c->before = c->known > 0 ? since(&c->past[oldest], now) : (struct ctl_canary_counts){0};
	c->at_start = *now;
}

/** Hundredths of a percent. */
static uint64_t share(uint64_t bad, uint64_t all)
{
	return all > 0 ? bad * 10000 / all : 0;
}

static bool rose(const struct ctl_canary *c, uint64_t bad, uint64_t all, uint64_t before)
{
	return bad >= CTL_CANARY_BAD_MIN &&
	       share(bad, all) > before + (uint64_t)c->rise_percent * 100;
}

enum ctl_canary_verdict ctl_canary_judge(
	struct ctl_canary *c, const struct ctl_canary_counts *now, uint64_t now_ms, char *text)
{
	struct ctl_canary_counts d = since(&c->at_start, now);
	uint64_t failed = share(c->before.failed, c->before.answers);
	uint64_t repeated = share(c->before.repeated, c->before.tries);
	bool bad = rose(c, d.failed, d.answers, failed) || rose(c, d.repeated, d.tries, repeated);

	if (!c->running)
		return CTL_CANARY_NONE;
	if (!bad && now_ms < c->end_ms)
		return CTL_CANARY_GOES_ON;
	uint64_t failed_now = share(d.failed, d.answers);
	uint64_t repeated_now = share(d.repeated, d.tries);
	snprintf(text, CTL_CANARY_TEXT_MAX,
		"failed answers %u.%02u %% before, %u.%02u %% of %llu since; repeated tries "
		"%u.%02u %% before, %u.%02u %% of %llu since",
		(unsigned)(failed / 100), (unsigned)(failed % 100), (unsigned)(failed_now / 100),
		(unsigned)(failed_now % 100), (unsigned long long)d.answers,
		(unsigned)(repeated / 100), (unsigned)(repeated % 100),
		(unsigned)(repeated_now / 100), (unsigned)(repeated_now % 100),
		(unsigned long long)d.tries);
	c->running = false;
	return bad ? CTL_CANARY_FAILED : CTL_CANARY_PASSED;
}
