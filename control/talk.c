#include "control/talk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

FILE *ctl_talk_dial(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(sa.sun_path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	strcpy(sa.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa))) {
		int e = errno;
		close(fd);
		errno = e;
		return NULL;
	}
	return fdopen(fd, "r+");
}

bool ctl_talk_send(FILE *f, const json_t *req)
{
	char *line = json_dumps(req, JSON_COMPACT);

	if (!line)
		return false;
	size_t len = strlen(line);
	line[len] = '\n'; // in place of the NUL
	bool sent = true;
	for (size_t done = 0; done < len + 1 && sent;) {
		ssize_t n = send(fileno(f), line + done, len + 1 - done, MSG_NOSIGNAL);
		sent = n > 0;
		done += n > 0 ? (size_t)n : 0;
	}
	free(line);
	return sent; // a refusal may be there to read even if not
}

json_t *ctl_talk_receive(FILE *f)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n = getline(&line, &size, f);
	json_t *j = n > 0 ? json_loadb(line, (size_t)n, 0, NULL) : NULL;

	free(line);
	return j;
}

int ctl_talk_ask(const char *socket, const json_t *req, FILE **f, json_t **data, char *err)
{
	int rc = 0;

	*f = ctl_talk_dial(socket);
	if (!*f) {
		rc = -errno;
		snprintf(err, CTL_TALK_ERR_MAX, "swerved is not reachable at %s: %s", socket,
			strerror(errno));
		return rc;
	}
	ctl_talk_send(*f, req);
	json_t *reply = ctl_talk_receive(*f);
	if (!reply) {
		rc = -ECONNRESET;
		snprintf(err, CTL_TALK_ERR_MAX, "swerved at %s hung up", socket);
	} else if (!json_is_true(json_object_get(reply, "ok"))) {
		const char *why = json_string_value(json_object_get(reply, "error"));
		rc = -EREMOTEIO;
		snprintf(err, CTL_TALK_ERR_MAX, "%s", why ? why : "refused");
	} else {
		*data = json_incref(json_object_get(reply, "data"));
	}
	json_decref(reply);
	if (rc)
		fclose(*f);
	return rc;
}
