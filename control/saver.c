#include "control/saver.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/file.h"

struct job {
	struct job *next;
	char *data;
	size_t len;
	int rc;
	char err[CTL_FILE_ERR_MAX];
	char path[];
};

struct ctl_saver {
	uv_loop_t *loop;
	uv_work_t work;
	struct job *running; // the other thread's until its work is done
	struct job *waiting; // oldest first
	unsigned count;      // of those that wait
	bool told;
	void (*wrong)(void *arg, const char *text);
	void *arg;
};

int ctl_saver_new(uv_loop_t *loop, void (*wrong)(void *arg, const char *text), void *arg,
	struct ctl_saver **out)
{
	struct ctl_saver *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->loop = loop;
	s->wrong = wrong;
	s->arg = arg;
	s->work.data = s;
	*out = s;
	return 0;
}

static void tell(struct ctl_saver *s, const char *text)
{
	if (!s->told && s->wrong)
		s->wrong(s->arg, text);
	s->told = true;
}

static void job_free(struct job *j)
{
	free(j->data);
	free(j);
}

static void write_job(struct job *j)
{
	j->rc = ctl_file_write(j->path, j->data, j->len, j->err);
}

static void end_job(struct ctl_saver *s, struct job *j)
{
	if (j->rc)
		tell(s, j->err);
	else
		s->told = false;
	job_free(j);
}

static struct job *take(struct ctl_saver *s)
{
	struct job *j = s->waiting;

	if (j) {
		s->waiting = j->next;
		s->count--;
	}
	return j;
}

static void on_work(uv_work_t *w)
{
	struct ctl_saver *s = w->data;

	write_job(s->running);
}

static void next(struct ctl_saver *s);

static void on_done(uv_work_t *w, int status)
{
	struct ctl_saver *s = w->data;
	struct job *j = s->running;

	(void)status; // nobody cancels
	s->running = NULL;
	end_job(s, j);
	next(s);
}

static void next(struct ctl_saver *s)
{
	if (s->running)
		return;
	s->running = take(s);
	if (!s->running)
		return;
	if (uv_queue_work(s->loop, &s->work, on_work, on_done) == 0)
		return;
	struct job *j = s->running;
	s->running = NULL;
	write_job(j);
	end_job(s, j);
}

void ctl_saver_free(struct ctl_saver *s)
{
	struct job *j;

	if (!s)
		return;
	while ((j = take(s))) {
		write_job(j);
		end_job(s, j);
	}
	free(s);
}

void ctl_saver_leave_loop(struct ctl_saver *s)
{
	s->loop = NULL;
}

static struct job *job_new(const char *path, char *data, size_t len)
{
	size_t size = strlen(path) + 1;
	struct job *j = data ? calloc(1, sizeof(*j) + size) : NULL;

	if (!j)
		return NULL;
	memcpy(j->path, path, size);
	j->data = data;
	j->len = len;
	return j;
}

/** Its newer content takes a waiting file's place. */
static bool supersede(struct ctl_saver *s, const char *path, char *data, size_t len)
{
	for (struct job *j = s->waiting; j; j = j->next)
		if (strcmp(j->path, path) == 0) {
			free(j->data);
			j->data = data;
			j->len = len;
			return true;
		}
	return false;
}

void ctl_saver_put(struct ctl_saver *s, const char *path, char *data, size_t len)
{
	struct job *j, **end = &s->waiting;

	if (data && supersede(s, path, data, len))
		return;
	j = s->count < CTL_SAVER_WAITING_MAX ? job_new(path, data, len) : NULL;
	if (!j) {
		char text[CTL_FILE_ERR_MAX];
		snprintf(text, sizeof(text), "%s: cannot be written: %s", path,
			s->count < CTL_SAVER_WAITING_MAX ? "out of memory"
							 : "the disk does not keep up");
		free(data);
		tell(s, text);
		return;
	}
	if (!s->loop) {
		write_job(j);
		end_job(s, j);
		return;
	}
	while (*end)
		end = &(*end)->next;
	*end = j;
	s->count++;
	next(s);
}
