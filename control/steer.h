#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/world.h"
#include "routing/judge.h"

/**
 * Steering: every ROUTE_JUDGE_TICK_MS the evidence is summed, judged, and where states changed a
 * new table is published. Each finding is handed on with a sentence for people. Control thread
 * only.
 */
struct ctl_steer;

enum { CTL_STEER_TEXT_MAX = 512 };

/** @retval 0, -ENOMEM */
int ctl_steer_new(const struct route_judge_params *params, struct ctl_steer **out);
void ctl_steer_free(struct ctl_steer *s);

struct ctl_steer_ops {
	/** Fill count samples (zeroed) with everything that is known: workers' evidence and probes.
	 */
	void (*evidence)(void *arg, struct route_sample *samples, size_t count);
	/** A finding; text is "com. at sin (10.53.1.1): 37 answers with ...", borrowed. */
	void (*finding)(void *arg, const struct route_finding *f, const char *text);
	/** The next table is made only because another site is the fastest. */
	void (*fastest)(void *arg);
	void *arg;
};

/** One tick. @return findings; states and fastest sites that changed are published through the
 * world */
size_t ctl_steer_tick(struct ctl_steer *s, struct ctl_world *w, const struct ctl_steer_ops *ops,
	uint64_t now_ms, uint32_t epoch_s);

/** The samples of the last tick, by path id, for `sites`; NULL beyond *count. Valid until the next
 * tick. */
const struct route_sample *ctl_steer_samples(const struct ctl_steer *s, size_t *count);
void ctl_steer_forget(struct ctl_steer *s, uint16_t path);
/** The judge, for what it can tell operators. */
struct route_judge *ctl_steer_judge(struct ctl_steer *s);

/** The sentence alone, for tests and for `incident`. @return buf */
char *ctl_steer_text(const struct route_finding *f, struct route_paths *p,
	const struct route_config *c, const struct route_table *t, uint32_t epoch_s, char *buf,
	size_t size);
