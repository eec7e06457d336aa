#include <errno.h>

#include "routing/judge_priv.h"

static uint64_t since(const struct route_judge *j, uint64_t ms)
{
	return j->clock.now_ms > ms ? j->clock.now_ms - ms : 0;
}

int route_judge_remember(const struct route_judge *j, uint16_t path, struct route_judge_memory *out)
{
	const struct route_path_state *s;
	uint64_t quiet_from;

	if (path >= ROUTE_PATHS_MAX || !j->path[path].known)
		return -ENOENT;
	s = &j->path[path];
	quiet_from = s->since_ms > s->last_bad_ms ? s->since_ms : s->last_bad_ms;
	if (s->lag_ms > quiet_from)
		quiet_from = s->lag_ms;
	*out = (struct route_judge_memory){
		.state = s->state,
		.age_ms = since(j, s->since_ms),
		.quiet_ms = since(j, quiet_from),
		.lag_inception = s->lag_inception,
		.good_run = s->win.good_run,
		.strikes = s->strikes,
	};
	return 0;
}

// Never 0, which stands for "not at all".
static uint64_t ago(uint64_t now_ms, uint64_t ms)
{
	return now_ms > ms ? now_ms - ms : 1;
}

void route_judge_recall(
	struct route_judge *j, uint16_t path, const struct route_judge_memory *m, uint64_t now_ms)
{
	struct route_path_state *s;

	if (path >= ROUTE_PATHS_MAX)
		return;
	s = &j->path[path];
	*s = (struct route_path_state){
		.known = true,
		.state = m->state,
		.since_ms = ago(now_ms, m->age_ms),
		.last_bad_ms = ago(now_ms, m->quiet_ms < m->age_ms ? m->quiet_ms : m->age_ms),
		.lag_inception = m->lag_inception,
		.strikes = m->strikes < ROUTE_STRIKES_MAX ? m->strikes : ROUTE_STRIKES_MAX,
	};
	s->win.good_run =
		m->good_run < j->params.probation_good ? m->good_run : j->params.probation_good;
}
