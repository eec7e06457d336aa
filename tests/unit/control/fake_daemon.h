#pragma once

#include "control/daemon.h"

/**
 * A daemon without ports: the real world, keeper, probe, steering, history and events, over a
 * dataplane that does nothing but count. Its functions are defined in fake_daemon.c, so the real
 * ones are not linked. A folder in /tmp holds its routes file and its state.
 */

struct fake_dp {
	const struct dp_view *view;
	unsigned published, views_without_hops;
	unsigned hops_published;
	unsigned workers;      // how many there are
	unsigned slow;         // the first few never see a view
	int refuse;            // -errno of dp_publish()
	uint64_t good, failed; // answers
	uint64_t tries, repeated;
	unsigned flushes;
	struct dp_flush flushed; // the last; names[0] is in flushed_name
	struct dp_flush_name flushed_name;
};
extern struct fake_dp fake;
extern struct ctl_daemon d;

/** com. at sin (two addresses) and nrt, net. at nrt; our region is apac. */
extern const char fake_routes[];

/** Make the folder, with fake_routes as the routes file. */
void fake_new(void);
/** Start the daemon as swerved does. @return as ctl_routes_choose(); the reason is in fake_err */
int fake_try_start(void);
extern char fake_err[CTL_SOCKET_ERR_MAX];
/** The same; it must start. */
void fake_start(void);
/** End it as SIGTERM does. */
void fake_stop(void);
/** End it, and what is on disk is what was there before. */
void fake_kill(void);
/** Remove the folder. */
void fake_remove(void);

/** A file of the folder. @return its path, until the next call */
const char *fake_path(const char *name);
void fake_write(const char *name, const char *text);

/** Run a verb. @return its data or its error as text, until the next call */
const char *fake_run(const char *json);
/** Does its answer have this part? Says so when not. */
bool fake_says(const char *json, const char *part);
/** Is there an event with this part in its text or fields? Says what there is when not. */
bool fake_told(const char *part);
