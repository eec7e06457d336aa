#include "control/events.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/syslog.h"

enum { TAIL_MAX = 65536, TIME_MAX = 32 };

struct ctl_events {
	int fd; // -1: no file
	bool quiet, write_failed, syslog_failed;
	struct ctl_syslog *syslog; // NULL: none
	uint64_t last_id;
	size_t size;
	void (*listener)(void *arg, const json_t *event);
	void *listener_arg;
	json_t *counts; // by kind
	json_t *ring[]; // event with id i stands at i % size
};

/** RFC 3339 in UTC with milliseconds. */
static void time_text(char buf[TIME_MAX])
{
	struct timespec ts;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	size_t n = strftime(buf, TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, TIME_MAX - n, ".%03ldZ", ts.tv_nsec / 1000000);
}

/** Id of the last whole line in a file's tail; 0 when there is none. */
static uint64_t last_id_in(const char *tail, size_t len)
{
	const char *end = memrchr(tail, '\n', len);

	if (!end)
		return 0;
	const char *before = memrchr(tail, '\n', (size_t)(end - tail));
	const char *line = before ? before + 1 : tail;
	json_t *event = json_loadb(line, (size_t)(end - line), 0, NULL);
	json_int_t id = json_integer_value(json_object_get(event, "id"));
	json_decref(event);
	return id > 0 ? (uint64_t)id : 0;
}

/** Ids go on where the file ends, so that "since" means the same across restarts. */
static void continue_file(struct ctl_events *e)
{
	struct stat st;
	char *tail = malloc(TAIL_MAX);

	if (!tail || fstat(e->fd, &st) || !S_ISREG(st.st_mode) || st.st_size == 0)
		goto out;
	off_t from = st.st_size > TAIL_MAX ? st.st_size - TAIL_MAX : 0;
	ssize_t n = pread(e->fd, tail, TAIL_MAX, from);
	if (n <= 0)
		goto out;
	e->last_id = last_id_in(tail, (size_t)n);
	// a crash may have cut the last line: do not glue the next one to it
	if (tail[n - 1] != '\n' && write(e->fd, "\n", 1) != 1)
		e->write_failed = true;
out:
	free(tail);
}

int ctl_events_new(const char *path, size_t ring, bool quiet, struct ctl_events **out)
{
	struct ctl_events *e = calloc(1, sizeof(*e) + ring * sizeof(e->ring[0]));

	if (!e)
		return -ENOMEM;
	e->size = ring;
	e->quiet = quiet;
	e->fd = -1;
	e->counts = json_object();
	if (path && path[0]) {
		e->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
		if (e->fd < 0) {
			int rc = -errno;
			json_decref(e->counts);
			free(e);
			return rc;
		}
		continue_file(e);
	}
	*out = e;
	return 0;
}

void ctl_events_free(struct ctl_events *e)
{
	if (!e)
		return;
	json_decref(e->counts);
	for (size_t i = 0; i < e->size; i++)
		json_decref(e->ring[i]);
	if (e->fd >= 0)
		close(e->fd);
	ctl_syslog_free(e->syslog);
	free(e);
}

int ctl_events_syslog(struct ctl_events *e, const char *socket)
{
	return ctl_syslog_new(socket, &e->syslog);
}

/** One write per line: O_APPEND keeps it whole. */
static void write_file(struct ctl_events *e, const json_t *event)
{
	char *line = json_dumps(event, JSON_COMPACT);

	if (!line)
		return;
	size_t len = strlen(line);
	line[len] = '\n'; // in place of the NUL
	if (write(e->fd, line, len + 1) != (ssize_t)len + 1 && !e->write_failed) {
		e->write_failed = true;
		fprintf(stderr, "swerved: events cannot be written: %s\n", strerror(errno));
	}
	free(line);
}

/** A syslog that cannot be reached is said once, until it is there again. */
static void write_syslog(struct ctl_events *e, const char *kind, const char *text)
{
	bool sent = ctl_syslog_send(e->syslog, e->last_id, kind, text);

	if (!sent && !e->syslog_failed)
		fprintf(stderr, "swerved: syslog cannot be reached: %s\n", strerror(errno));
	e->syslog_failed = !sent;
}

/** Fields first, then ours: a field cannot hide the id or the time. Order in the file is id, time,
 * kind, text. */
static json_t *build(
	uint64_t id, const char *when, const char *kind, const char *text, json_t *fields)
{
	json_t *event = json_object();
	const char *key;
	json_t *value;

	json_object_set_new(event, "id", json_integer((json_int_t)id));
	json_object_set_new(event, "time", json_string(when));
	json_object_set_new(event, "kind", json_string(kind));
	json_object_set_new(event, "text", json_string(text));
	json_object_foreach(fields, key, value)
	{
		if (!json_object_get(event, key))
			json_object_set(event, key, value);
	}
	json_decref(fields);
	return event;
}

/** A sentence may quote what came from outside: keep it one line of ASCII, which is valid JSON text
 * too. */
static void sanitise(char *text)
{
	for (char *c = text; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
}

char *ctl_events_line(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
	sanitise(to);
	return to;
}

void ctl_events_emit(struct ctl_events *e, const char *kind, json_t *fields, const char *fmt, ...)
{
	char text[CTL_EVENT_TEXT_MAX], when[TIME_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sanitise(text);
	time_text(when);
	const json_t *so_far = json_object_get(e->counts, kind);
	json_object_set_new(e->counts, kind, json_integer(json_integer_value(so_far) + 1));
	json_t *event = build(++e->last_id, when, kind, text, fields);
	json_decref(e->ring[e->last_id % e->size]);
	e->ring[e->last_id % e->size] = event;
	if (e->fd >= 0)
		write_file(e, event);
	if (e->syslog)
		write_syslog(e, kind, text);
	if (!e->quiet)
		fprintf(stderr, "%s %s: %s\n", when, kind, text);
	if (e->listener)
		e->listener(e->listener_arg, event);
}

const json_t *ctl_events_counts(const struct ctl_events *e)
{
	return e->counts;
}

void ctl_events_listen(struct ctl_events *e, void (*fn)(void *arg, const json_t *event), void *arg)
{
	e->listener = fn;
	e->listener_arg = arg;
}

void ctl_events_since(const struct ctl_events *e, uint64_t since,
	void (*fn)(void *arg, const json_t *event), void *arg)
{
	uint64_t id = e->last_id >= e->size ? e->last_id - e->size + 1 : 1;

	if (id <= since)
		id = since + 1;
	for (; id <= e->last_id && id != 0; id++)
		if (e->ring[id % e->size])
			fn(arg, e->ring[id % e->size]);
}

uint64_t ctl_events_last_id(const struct ctl_events *e)
{
	return e->last_id;
}
