#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/daemon.h"
#include "control/routes_priv.h"
#include "dns/wire.h"

/* New routes on trial: begun, judged at every tick, confirmed or taken back. */

static struct ctl_canary_counts counts_now(const struct ctl_daemon *d)
{
	struct ctl_canary_counts c = {0};
	struct dp_stats s;

	dp_stats_sum(d->dp, &s);
	for (unsigned i = 0; i < 16; i++)
		c.answers += s.answered_rcode[i];
	c.failed = s.answered_rcode[DNS_RCODE_SERVFAIL] + s.answered_rcode[DNS_RCODE_REFUSED];
	c.tries = s.sent_upstream;
	c.repeated = s.retried;
	return c;
}

int ctl_trial_begin(struct ctl_daemon *d, uint32_t seconds, uint32_t rise_percent, char *err)
{
	const struct ctl_table *newest = ctl_history_newest(d->history);
	const struct ctl_canary_counts now = counts_now(d);

	free(d->trial_text);
	d->trial_text = NULL;
	int rc = newest ? ctl_history_text(
				  d->history, newest->number, &d->trial_text, &d->trial_len, err)
			: -ENOENT;
	if (!rc)
		ctl_canary_begin(&d->canary, &now, ctl_world_table_number(d->world) + 1,
			newest->number, seconds, rise_percent, ctl_now_ms());
	return rc;
}

void ctl_trial_end(struct ctl_daemon *d)
{
	d->canary.running = false;
	free(d->trial_text);
	d->trial_text = NULL;
}

static void take_back(struct ctl_daemon *d, const char *why)
{
	char err[CTL_SOCKET_ERR_MAX], source[48];
	struct ctl_routes_change ch = {.text = d->trial_text,
		.len = d->trial_len,
		.source = source,
		.why = why,
		.by = CTL_BY_CANARY};

	snprintf(source, sizeof(source), "table %llu", (unsigned long long)d->canary.back_to);
	ctl_events_emit(d->events, "canary_failed",
		json_pack("{s:I,s:I}", "table", (json_int_t)d->canary.number, "back_to",
			(json_int_t)d->canary.back_to),
		"table %llu fails its trial: %s; back to table %llu",
		(unsigned long long)d->canary.number, why, (unsigned long long)d->canary.back_to);
	if (ctl_routes_set_text(d, &ch, err))
		ctl_events_emit(d->events, "error", NULL,
			"table %llu could not be brought back: %s",
			(unsigned long long)d->canary.back_to, err);
	ctl_trial_end(d);
}

static void confirm(struct ctl_daemon *d, const char *why)
{
	char err[CTL_HISTORY_ERR_MAX];

	if (ctl_history_confirm(d->history, d->canary.number, err))
		ctl_events_emit(d->events, "state", NULL, "%s", err);
	ctl_events_emit(d->events, "canary_passed",
		json_pack("{s:I}", "table", (json_int_t)d->canary.number),
		"table %llu has passed its trial: %s", (unsigned long long)d->canary.number, why);
	ctl_trial_end(d);
}

void ctl_trial_tick(struct ctl_daemon *d)
{
	const struct ctl_canary_counts now = counts_now(d);
	char why[CTL_CANARY_TEXT_MAX];

	ctl_canary_look(&d->canary, &now, ctl_now_ms());
	switch (ctl_canary_judge(&d->canary, &now, ctl_now_ms(), why)) {
	case CTL_CANARY_FAILED:
		take_back(d, why);
		break;
	case CTL_CANARY_PASSED:
		confirm(d, why);
		break;
	default:
		break;
	}
}
