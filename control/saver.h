#pragma once

#include <stddef.h>

#include <uv.h>

/**
 * Files of the state folder, written off the control thread: a disk that takes its time must not
 * delay steering. One is written at a time, in the order they came; a newer content of a file that
 * still waits takes its place. Each by ctl_file_write(). Control thread only.
 */
struct ctl_saver;

enum { CTL_SAVER_WAITING_MAX = 64 };

/**
 * @param loop   NULL: everything is written at once, in the call
 * @param wrong  called on the control thread with a sentence when a file could not be written, once
 *               until one could be again; and when too many wait
 * @retval 0, -ENOMEM
 */
int ctl_saver_new(uv_loop_t *loop, void (*wrong)(void *arg, const char *text), void *arg,
	struct ctl_saver **out);

/**
 * Write what waits, then free. The loop must have run out (uv_run() until nothing is left), so that
 * no file is being written. NULL is allowed.
 */
void ctl_saver_free(struct ctl_saver *s);

/** The loop has run out: from now on files are written in the call. */
void ctl_saver_leave_loop(struct ctl_saver *s);

/** Save a file. @param data malloc'd, taken over; NULL (no memory) is told as one that cannot be
 * written */
void ctl_saver_put(struct ctl_saver *s, const char *path, char *data, size_t len);
