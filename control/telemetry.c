#include "control/telemetry.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_telemetry.h>

/*
 * EAL's thread holds `desk` while it asks: one request at a time. `lock` guards what the two
 * threads share, and is never held while a report is made. DPDK has no way to take a command back,
 * so the commands outlive the daemon and find nobody.
 */

enum { DEPTH_MAX = 3 };

struct ctl_telemetry {
	uv_async_t wake;
	ctl_telemetry_fn report;
	void *arg;
};

static pthread_mutex_t desk = PTHREAD_MUTEX_INITIALIZER, lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static struct ctl_telemetry *open_one;
static const char *wanted; // name of the report that is waited for
static json_t *made;

/* ---- the control thread ---- */

static void on_wake(uv_async_t *a)
{
	struct ctl_telemetry *t = a->data;

	pthread_mutex_lock(&lock);
	const char *name = wanted;
	wanted = NULL;
	pthread_mutex_unlock(&lock);
	if (!name)
		return;
	json_t *report = t->report(t->arg, name);
	pthread_mutex_lock(&lock);
	json_decref(made);
	made = report;
	pthread_cond_signal(&answered);
	pthread_mutex_unlock(&lock);
}

/* ---- EAL's thread ---- */

/** @return a new reference, or NULL: nobody is there, or in time */
static json_t *get(const char *name)
{
	struct timespec until;
	int rc = 0;

	pthread_mutex_lock(&lock);
	json_decref(made); // of a request that was given up
	made = NULL;
	if (!open_one) {
		pthread_mutex_unlock(&lock);
		return NULL;
	}
	wanted = name;
	uv_async_send(&open_one->wake);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += CTL_TELEMETRY_WAIT_MS / 1000;
	while (!made && rc == 0)
		rc = pthread_cond_timedwait(&answered, &lock, &until);
	json_t *report = made;
	made = NULL;
	wanted = NULL;
	pthread_mutex_unlock(&lock);
	return report;
}

static void add_object(struct rte_tel_data *to, const json_t *from, unsigned depth);

/** Lists have no place in a dictionary of telemetry's; they are in swervectl. */
static void add(struct rte_tel_data *to, const char *key, const json_t *v, unsigned depth)
{
	char text[RTE_TEL_MAX_STRING_LEN];

	if (json_is_integer(v)) {
		json_int_t n = json_integer_value(v);
		if (n >= 0)
			rte_tel_data_add_dict_u64(to, key, (uint64_t)n);
		else
			rte_tel_data_add_dict_int(to, key, n < INT32_MIN ? INT32_MIN : (int)n);
	} else if (json_is_string(v)) {
		snprintf(text, sizeof(text), "%.*s", (int)sizeof(text) - 1, json_string_value(v));
		rte_tel_data_add_dict_string(to, key, text);
	} else if (json_is_boolean(v)) {
		rte_tel_data_add_dict_int(to, key, json_is_true(v));
	} else if (json_is_object(v) && depth < DEPTH_MAX) {
		struct rte_tel_data *inner = rte_tel_data_alloc();
		if (!inner)
			return;
		rte_tel_data_start_dict(inner);
		add_object(inner, v, depth + 1);
		if (rte_tel_data_add_dict_container(to, key, inner, 0))
			rte_tel_data_free(inner);
	}
}

static void add_object(struct rte_tel_data *to, const json_t *from, unsigned depth)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)from, key, v) add(to, key, v, depth);
}

static int tell_object(const json_t *report, struct rte_tel_data *d)
{
	rte_tel_data_start_dict(d);
	add_object(d, report, 0);
	return 0;
}

/** What the workers count together, and the response cache's numbers in a dictionary of theirs. */
static int tell_stats(const json_t *report, struct rte_tel_data *d)
{
	tell_object(json_object_get(report, "sum"), d);
	add(d, "cache", json_object_get(report, "cache"), 0);
	return 0;
}

/** Without a number: the list, so that somebody can pick one. */
static int tell_sites(const json_t *sites, const char *params, struct rte_tel_data *d)
{
	const json_t *p;
	char line[512];
	size_t i;

	if (params && params[0])
		return tell_object(json_array_get(sites, (size_t)strtoul(params, NULL, 10)), d);
	rte_tel_data_start_array(d, RTE_TEL_STRING_VAL);
	json_array_foreach(sites, i, p)
	{
		snprintf(line, sizeof(line), "%zu %.40s %.31s %.40s", i,
			json_string_value(json_object_get(p, "zone")),
			json_string_value(json_object_get(p, "site")),
			json_string_value(json_object_get(p, "address")));
		if (rte_tel_data_add_array_string(d, line))
			break;
	}
	return 0;
}

static int on_command(const char *cmd, const char *params, struct rte_tel_data *d)
{
	int rc = -EAGAIN;

	pthread_mutex_lock(&desk);
	json_t *report = get(strrchr(cmd, '/') + 1);
	if (json_is_array(report))
		rc = tell_sites(report, params, d);
	else if (report && json_is_object(json_object_get(report, "sum")))
		rc = tell_stats(report, d);
	else if (report)
		rc = tell_object(report, d);
	json_decref(report);
	pthread_mutex_unlock(&desk);
	return rc;
}

/* ---- life ---- */

static void register_commands(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	rte_telemetry_register_cmd(
		"/swerve/status", on_command, "Version, table, fault. No parameters");
	rte_telemetry_register_cmd("/swerve/stats", on_command,
		"Counters, the sum over all workers; response cache. No parameters");
	rte_telemetry_register_cmd("/swerve/lcores", on_command,
		"Total and busy cycles of each lcore since its start. No parameters");
	rte_telemetry_register_cmd("/swerve/sites", on_command,
		"Paths: all by name, or one with its numbers. Parameters: int N (optional)");
}

int ctl_telemetry_new(
	uv_loop_t *loop, ctl_telemetry_fn report, void *arg, struct ctl_telemetry **out)
{
	struct ctl_telemetry *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	int rc = uv_async_init(loop, &t->wake, on_wake);
	if (rc) {
		free(t);
		return rc;
	}
	t->wake.data = t;
	t->report = report;
	t->arg = arg;
	register_commands();
	pthread_mutex_lock(&lock);
	open_one = t;
	pthread_mutex_unlock(&lock);
	*out = t;
	return 0;
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void ctl_telemetry_free(struct ctl_telemetry *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&lock);
	open_one = NULL;
	json_decref(made);
	made = NULL;
	pthread_mutex_unlock(&lock);
	uv_close((uv_handle_t *)&t->wake, on_closed);
}
