#include "control/top_run.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "control/top.h"

enum { LINES_AROUND = 5 }; // head, blank, column names, "and more", the cursor's

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static void catch_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal}; // without SA_RESTART: a sleep ends too

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

static int get(const char *socket, const char *verb, json_t **data, char *err)
{
	json_t *req = json_pack("{s:s}", "verb", verb);
	FILE *f;
	int rc = ctl_talk_ask(socket, req, &f, data, err);

	json_decref(req);
	if (!rc)
		fclose(f);
	return rc;
}

static int look(struct ctl_top *t, const char *socket, char *err)
{
	json_t *status, *sites;
	struct timespec ts;
	int rc = get(socket, "status", &status, err);

	if (rc)
		return rc;
	rc = get(socket, "sites", &sites, err);
	if (!rc) {
		clock_gettime(CLOCK_MONOTONIC, &ts);
		ctl_top_add(t, status, sites,
			(uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000);
		json_decref(sites);
	}
	json_decref(status);
	return rc;
}

/** Lines for paths; 0 when the output has no height. */
static size_t rows_of(int fd)
{
	struct winsize w;

	if (ioctl(fd, TIOCGWINSZ, &w) || w.ws_row == 0)
		return 0;
	return w.ws_row > LINES_AROUND ? (size_t)(w.ws_row - LINES_AROUND) : 1;
}

static void show(const struct ctl_top *t, bool terminal, FILE *out)
{
	if (terminal)
		fputs("\033[H\033[J", out);
	ctl_top_draw(t, terminal ? rows_of(fileno(out)) : 0, out);
	if (!terminal)
		fputc('\n', out);
	fflush(out);
}

int ctl_top_run(const struct ctl_top_args *a, FILE *out, char *err)
{
	bool terminal = isatty(fileno(out));
	struct ctl_top *t;
	int rc = ctl_top_new(&t);

	if (rc) {
		snprintf(err, CTL_TALK_ERR_MAX, "out of memory");
		return rc;
	}
	catch_signals();
	rc = look(t, a->socket, err);
	if (terminal && !rc)
		fputs("\033[?1049h", out);
	for (unsigned n = 0; !rc && !ended && (a->frames == 0 || n < a->frames); n++) {
		show(t, terminal, out);
		sleep(a->interval_s);
		rc = ended ? 0 : look(t, a->socket, err);
	}
	if (terminal)
		fputs("\033[?1049l", out);
	fflush(out);
	ctl_top_free(t);
	return rc;
}
