#include "control/syslog.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_SIZE = 2048, STAMP_MAX = 16 };

struct ctl_syslog {
	int fd;
	uint64_t lost; // since the last line that went
	struct sockaddr_un to;
};

int ctl_syslog_severity(const char *kind)
{
	static const struct {
		const char *kind;
		int severity;
	} kinds[] = {
		// somebody has to do something
		{"failed", LOG_ERR},
		{"error", LOG_ERR},
		{"zone_fault", LOG_ERR},
		{"ours", LOG_ERR},
		{"keys_lost", LOG_ERR},
		// swerve has done something, or was not let
		{"site_fault", LOG_WARNING},
		{"lagging", LOG_WARNING},
		{"last_path", LOG_WARNING},
		{"no_next_hop", LOG_WARNING},
		{"not_ready", LOG_WARNING},
		{"canary_failed", LOG_WARNING},
		{"routes_refused", LOG_WARNING},
		{"anchors_refused", LOG_WARNING},
		{"ntas_refused", LOG_WARNING},
		// an operator has, or it is over
		{"cleared", LOG_NOTICE},
		{"returned", LOG_NOTICE},
		{"withdrawn", LOG_NOTICE},
		{"drained", LOG_NOTICE},
		{"restored", LOG_NOTICE},
		{"routes", LOG_NOTICE},
		{"nta_added", LOG_NOTICE},
		{"nta_removed", LOG_NOTICE},
		{"anchor", LOG_NOTICE},
		{"started", LOG_NOTICE},
		{"stopped", LOG_NOTICE},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].kind, kind) == 0)
			return kinds[i].severity;
	return LOG_INFO;
}

int ctl_syslog_new(const char *socket_path, struct ctl_syslog **out)
{
	struct ctl_syslog *s;
	int rc;

	if (strlen(socket_path) >= sizeof(s->to.sun_path))
		return -ENAMETOOLONG;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0) {
		rc = -errno;
		free(s);
		return rc;
	}
	s->to.sun_family = AF_UNIX;
	strcpy(s->to.sun_path, socket_path);
	*out = s;
	return 0;
}

void ctl_syslog_free(struct ctl_syslog *s)
{
	if (!s)
		return;
	close(s->fd);
	free(s);
}

/** "Oct 11 22:14:15", local time, in English whatever the locale. */
static void stamp(char buf[STAMP_MAX])
{
	static const char months[][4] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	snprintf(buf, STAMP_MAX, "%s %2u %02u:%02u:%02u", months[tm.tm_mon % 12],
		(unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
		(unsigned)tm.tm_sec % 100);
}

bool ctl_syslog_send(struct ctl_syslog *s, uint64_t id, const char *kind, const char *text)
{
	char line[LINE_MAX_SIZE], when[STAMP_MAX], lost[48] = "";

	stamp(when);
	if (s->lost > 0)
		snprintf(lost, sizeof(lost), " (%" PRIu64 " before it were lost)", s->lost);
	int n = snprintf(line, sizeof(line), "<%d>%s swerved[%d]: #%" PRIu64 " %s: %s%s",
		LOG_DAEMON | ctl_syslog_severity(kind), when, (int)getpid(), id, kind, text, lost);
	size_t len = (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;

	// not connected: a daemon that was started anew has another socket of the same name
	if (sendto(s->fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&s->to,
		    sizeof(s->to)) != (ssize_t)len) {
		s->lost++;
		return false;
	}
	s->lost = 0;
	return true;
}
