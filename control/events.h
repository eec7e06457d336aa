#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/**
 * Events: what happened, when and why, each with a sentence for people and fields for machines.
 * Kept in a bounded ring, appended to a file as JSON lines, written to stderr, to syslog where that
 * is wanted, and handed to one listener (the control socket, which passes them on to followers).
 * Control thread only.
 *
 * {"id": 7, "time": "2023-07-08T21:10:00.123Z", "kind": "site_fault", "text": "...", ...fields}
 */
struct ctl_events;

enum { CTL_EVENTS_RING = 4096, CTL_EVENT_TEXT_MAX = 1024 };

/**
 * @param path  appended to; its last id is continued, a half-written last line is ended. NULL or
 * "": no file
 * @param ring  events kept in memory, >= 1
 * @param quiet nothing to stderr
 * @retval 0, -ENOMEM, -errno of open
 */
int ctl_events_new(const char *path, size_t ring, bool quiet, struct ctl_events **out);
void ctl_events_free(struct ctl_events *e);

/**
 * Each event from now on goes to syslog too, as one line with its id and sentence; what cannot be
 * taken at once is lost there. @param socket  as /dev/log. @retval 0, or as ctl_syslog_new()
 */
int ctl_events_syslog(struct ctl_events *e, const char *socket);

/**
 * Something happened now. Never fails for the caller: a file that cannot be written costs the line
 * there, and is said once on stderr.
 *
 * @param fields  an object whose reference is taken over; may be NULL. Keys id, time, kind and text
 * are ours
 */
void ctl_events_emit(struct ctl_events *e, const char *kind, json_t *fields, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/** Copy text as one line of printable ASCII, cut where it does not fit. @return to */
char *ctl_events_line(char *to, size_t size, const char *from);

/** Called for each new event; event is borrowed. NULL to stop. */
void ctl_events_listen(struct ctl_events *e, void (*fn)(void *arg, const json_t *event), void *arg);

/** Oldest first, those still in the ring with an id greater than `since`. */
void ctl_events_since(const struct ctl_events *e, uint64_t since,
	void (*fn)(void *arg, const json_t *event), void *arg);

/** How many there were since the start, by kind: an object, borrowed. */
const json_t *ctl_events_counts(const struct ctl_events *e);

uint64_t ctl_events_last_id(const struct ctl_events *e); // 0: none yet
