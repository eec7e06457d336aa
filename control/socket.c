#include "control/socket.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 16, BUF_FIRST = 4096 };

struct ctl_client {
	uv_pipe_t pipe;
	uv_shutdown_t shutdown;
	struct ctl_socket *server;
	struct ctl_client *next, **link;
	char *buf; // one partial line, perhaps more
	size_t len, size;
	bool follows, ending;
};

struct ctl_socket {
	uv_pipe_t pipe;
	const struct ctl_verb *verbs;
	void *arg;
	struct ctl_client *clients;
	unsigned client_count;
	bool closed; // the listening handle is gone; the last client takes the rest with it
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/* ---- the file ---- */

static int make_parent(const char *path)
{
	char dir[sizeof(((struct ctl_socket *)0)->path)];

	strcpy(dir, path);
	for (char *slash = strchr(dir + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(dir, 0755) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

/** @retval 0 somebody listens there, -errno of connect */
static int try_connect(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	strcpy(sa.sun_path, path);
	int rc = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) ? -errno : 0;
	close(fd);
	return rc;
}

/** Make room for bind(): only a socket that a dead daemon left behind is removed. */
static int clear_stale(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	int rc = try_connect(path);
	if (rc == 0 || rc == -EAGAIN)
		return -EADDRINUSE;
	if (rc != -ECONNREFUSED)
		return rc;
	return unlink(path) ? -errno : 0;
}

/* ---- clients ---- */

static void server_maybe_free(struct ctl_socket *s)
{
	if (s->closed && !s->clients)
		free(s);
}

static void client_closed(uv_handle_t *h)
{
	struct ctl_client *c = h->data;
	struct ctl_socket *s = c->server;

	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	s->client_count--;
	free(c->buf);
	free(c);
	server_maybe_free(s);
}

static void client_close(struct ctl_client *c)
{
	c->ending = true;
	if (!uv_is_closing((uv_handle_t *)&c->pipe))
		uv_close((uv_handle_t *)&c->pipe, client_closed);
}

static void client_flushed(uv_shutdown_t *req, int status)
{
	(void)status;
	client_close(req->data);
}

/** Let what is queued go out, then close. */
static void client_end(struct ctl_client *c)
{
	if (c->ending)
		return;
	c->ending = true;
	uv_read_stop((uv_stream_t *)&c->pipe);
	c->shutdown.data = c;
	if (uv_shutdown(&c->shutdown, (uv_stream_t *)&c->pipe, client_flushed))
		client_close(c);
}

struct out_line {
	uv_write_t req;
	char *text;
};

static void line_written(uv_write_t *req, int status)
{
	struct out_line *line = req->data;
	struct ctl_client *c = req->handle->data;

	free(line->text);
	free(line);
	if (status)
		client_close(c);
}

/** Takes over the reference to obj. */
static void client_send(struct ctl_client *c, json_t *obj)
{
	struct out_line *line = malloc(sizeof(*line));
	char *text = json_dumps(obj, JSON_COMPACT);

	json_decref(obj);
	if (!line || !text || uv_is_closing((uv_handle_t *)&c->pipe))
		goto fail;
	size_t len = strlen(text);
	text[len] = '\n'; // in place of the NUL
	line->text = text;
	line->req.data = line;
	uv_buf_t buf = uv_buf_init(text, (unsigned)len + 1);
	if (uv_write(&line->req, (uv_stream_t *)&c->pipe, &buf, 1, line_written))
		goto fail;
	if (uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe) > CTL_SOCKET_QUEUE_MAX)
		client_close(c);
	return;
fail:
	free(text);
	free(line);
	client_close(c);
}

static void client_refuse(struct ctl_client *c, const char *why)
{
	json_t *text = json_string(why);

	if (!text) // not UTF-8: it quoted what came from outside
		text = json_string("refused");
	client_send(c, json_pack("{s:b,s:o}", "ok", 0, "error", text));
}

static const struct ctl_verb *find_verb(const struct ctl_socket *s, const char *name)
{
	for (const struct ctl_verb *v = s->verbs; v->name; v++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

static void run_verb(struct ctl_client *c, const json_t *req, const char *name)
{
	const struct ctl_verb *v = find_verb(c->server, name);
	char err[CTL_SOCKET_ERR_MAX] = "";
	json_t *data = NULL;

	if (!v) {
		snprintf(err, sizeof(err), "unknown verb \"%.40s\"", name);
		client_refuse(c, err);
		return;
	}
	int rc = v->fn(c->server->arg, c, req, &data, err);
	if (rc) {
		json_decref(data);
		client_refuse(c, err[0] ? err : strerror(-rc));
		return;
	}
	client_send(c, json_pack("{s:b,s:o}", "ok", 1, "data", data ? data : json_object()));
}

static void client_line(struct ctl_client *c, const char *line, size_t len)
{
	json_error_t e;
	char err[CTL_SOCKET_ERR_MAX];
	json_t *req = json_loadb(line, len, JSON_REJECT_DUPLICATES, &e);
	const char *verb = json_string_value(json_object_get(req, "verb"));

	if (!req) {
		snprintf(err, sizeof(err), "the request is not JSON: %s", e.text);
		client_refuse(c, err);
	} else if (!json_is_object(req)) {
		client_refuse(c, "the request is not a JSON object");
	} else if (!verb) {
		client_refuse(c, "the request has no \"verb\"");
	} else {
		run_verb(c, req, verb);
	}
	json_decref(req);
}

/** Serve every whole line in the buffer, keep the rest. */
static void client_lines(struct ctl_client *c, size_t scanned)
{
	size_t start = 0;
	char *nl;

	while (!c->ending && (nl = memchr(c->buf + scanned, '\n', c->len - scanned))) {
		size_t end = (size_t)(nl - c->buf);
		client_line(c, c->buf + start, end - start);
		start = scanned = end + 1;
	}
	memmove(c->buf, c->buf + start, c->len - start);
	c->len -= start;
	if (c->len >= CTL_SOCKET_LINE_MAX && !c->ending) {
		client_refuse(c, "the request is too long");
		client_end(c);
	}
}

static void client_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct ctl_client *c = h->data;

	(void)suggested;
	if (c->len == c->size) {
		size_t size = c->size ? c->size * 2 : BUF_FIRST;
		char *p = realloc(c->buf, size);
		if (p) {
			c->buf = p;
			c->size = size;
		}
	}
	size_t room = c->size - c->len; // 0 makes libuv report UV_ENOBUFS
	*buf = uv_buf_init(room ? c->buf + c->len : NULL, (unsigned)room);
}

static void client_eof(struct ctl_client *c)
{
	if (c->len > 0)
		client_refuse(c, "the request does not end with a newline");
	client_end(c);
}

static void client_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct ctl_client *c = stream->data;

	(void)buf;
	if (n == UV_EOF) {
		client_eof(c);
	} else if (n < 0) {
		client_close(c);
	} else if (n > 0) {
		size_t scanned = c->len;
		c->len += (size_t)n;
		client_lines(c, scanned);
	}
}

static void client_link(struct ctl_socket *s, struct ctl_client *c)
{
	c->next = s->clients;
	c->link = &s->clients;
	if (c->next)
		c->next->link = &c->next;
	s->clients = c;
	s->client_count++;
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct ctl_socket *s = stream->data;
	struct ctl_client *c;

	if (status || !(c = calloc(1, sizeof(*c))))
		return;
	if (uv_pipe_init(stream->loop, &c->pipe, 0)) {
		free(c);
		return;
	}
	c->server = s;
	c->pipe.data = c;
	client_link(s, c);
	if (uv_accept(stream, (uv_stream_t *)&c->pipe)) {
		client_close(c);
		return;
	}
	if (s->client_count > CTL_SOCKET_CLIENTS_MAX) {
		client_refuse(c, "too many clients");
		client_end(c);
		return;
	}
	if (uv_read_start((uv_stream_t *)&c->pipe, client_alloc, client_read))
		client_close(c);
}

/* ---- the server ---- */

static void server_closed(uv_handle_t *h)
{
	struct ctl_socket *s = h->data;

	s->closed = true;
	server_maybe_free(s);
}

int ctl_socket_new(uv_loop_t *loop, const char *path, const struct ctl_verb *verbs, void *arg,
	struct ctl_socket **out)
{
	struct ctl_socket *s;

	if (strlen(path) >= sizeof(s->path))
		return -ENAMETOOLONG;
	int rc = make_parent(path);
	if (!rc)
		rc = clear_stale(path);
	if (rc)
		return rc;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	strcpy(s->path, path);
	s->verbs = verbs;
	s->arg = arg;
	uv_pipe_init(loop, &s->pipe, 0);
	s->pipe.data = s;
	mode_t old = umask(0117); // from the first moment on: 0660
	rc = uv_pipe_bind(&s->pipe, path);
	umask(old);
	if (!rc)
		rc = uv_listen((uv_stream_t *)&s->pipe, BACKLOG, on_connection);
	if (rc) {
		uv_close((uv_handle_t *)&s->pipe, server_closed);
		return rc;
	}
	*out = s;
	return 0;
}

void ctl_socket_free(struct ctl_socket *s)
{
	if (!s)
		return;
	for (struct ctl_client *c = s->clients; c; c = c->next)
		client_close(c);
	uv_close((uv_handle_t *)&s->pipe, server_closed); // libuv unlinks the file
}

void ctl_client_follow(struct ctl_client *c)
{
	c->follows = true;
}

void ctl_socket_broadcast(struct ctl_socket *s, const json_t *event)
{
	for (struct ctl_client *c = s->clients; c; c = c->next)
		if (c->follows && !c->ending)
			client_send(c, json_pack("{s:O}", "event", event));
}

unsigned ctl_socket_clients(const struct ctl_socket *s)
{
	return s->client_count;
}
