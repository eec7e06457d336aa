#include "control/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "control/addr.h"

enum { BACKLOG = 16, TICK_MS = 500 };

struct ctl_http {
	struct MHD_Daemon *daemon;
	uv_poll_t poll;
	uv_timer_t tick; // libmicrohttpd's own time-outs
	ctl_http_page_fn page;
	void *arg;
	uint16_t port;
	unsigned open; // handles
};

static enum MHD_Result reply(
	struct MHD_Connection *c, unsigned code, char *text, size_t len, const char *type)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);

	if (!r) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	enum MHD_Result rc = MHD_queue_response(c, code, r);
	MHD_destroy_response(r);
	return rc;
}

static enum MHD_Result reply_error(struct MHD_Connection *c, unsigned code, const char *words)
{
	char *text = strdup(words);

	return text ? reply(c, code, text, strlen(text), "text/plain; charset=utf-8") : MHD_NO;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **state)
{
	struct ctl_http *h = arg;
	const char *type = "text/plain; charset=utf-8";
	size_t len = 0;

	(void)version, (void)upload, (void)upload_size, (void)state;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return reply_error(c, MHD_HTTP_METHOD_NOT_ALLOWED, "GET or HEAD\n");
	char *text = h->page(h->arg, url, &len, &type);
	if (!text)
		return reply_error(c, MHD_HTTP_NOT_FOUND, "no such page; /metrics is one\n");
	return reply(c, MHD_HTTP_OK, text, len, type);
}

static void on_ready(uv_poll_t *p, int status, int events)
{
	struct ctl_http *h = p->data;

	(void)status, (void)events;
	MHD_run(h->daemon);
}

static void on_tick(uv_timer_t *t)
{
	struct ctl_http *h = t->data;

	MHD_run(h->daemon);
}

/** A listening socket of our own: libmicrohttpd would not say why it cannot have one. */
static int listen_at(const struct route_addr *addr, uint16_t port, uint16_t *bound)
{
	struct sockaddr_storage sa;
	socklen_t len =
		addr->family == 4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	int on = 1, rc;

	ctl_addr_to_sockaddr(addr, port, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sa, len) || listen(fd, BACKLOG)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	len = sizeof(sa);
	getsockname(fd, (struct sockaddr *)&sa, &len);
	*bound = ctl_addr_port((struct sockaddr *)&sa);
	return fd;
}

static int start_daemon(struct ctl_http *h, int fd)
{
	h->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, h,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CTL_HTTP_CLIENTS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)CTL_HTTP_IDLE_S, MHD_OPTION_END);
	return h->daemon ? 0 : -ENOMEM;
}

static int watch(struct ctl_http *h, uv_loop_t *loop)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int rc = info ? uv_poll_init(loop, &h->poll, info->epoll_fd) : -ENOTSUP;

	if (rc)
		return rc;
	uv_timer_init(loop, &h->tick);
	h->poll.data = h->tick.data = h;
	h->open = 2;
	uv_poll_start(&h->poll, UV_READABLE, on_ready);
	uv_timer_start(&h->tick, on_tick, TICK_MS, TICK_MS);
	return 0;
}

int ctl_http_new(uv_loop_t *loop, const struct route_addr *addr, uint16_t port,
	ctl_http_page_fn page, void *arg, struct ctl_http **out)
{
	struct ctl_http *h = calloc(1, sizeof(*h));
	int fd, rc = -ENOMEM;

	if (!h)
		return rc;
	h->page = page;
	h->arg = arg;
	fd = rc = listen_at(addr, port, &h->port);
	if (fd < 0)
		goto err_free;
	rc = start_daemon(h, fd);
	if (rc) {
		close(fd);
		goto err_free;
	}
	rc = watch(h, loop);
	if (rc)
		goto err_daemon;
	*out = h;
	return 0;
err_daemon:
	MHD_stop_daemon(h->daemon);
err_free:
	free(h);
	return rc;
}

uint16_t ctl_http_port(const struct ctl_http *h)
{
	return h->port;
}

static void handle_closed(uv_handle_t *handle)
{
	struct ctl_http *h = handle->data;

	if (--h->open == 0)
		free(h);
}

void ctl_http_free(struct ctl_http *h)
{
	if (!h)
		return;
	uv_poll_stop(&h->poll); // before its descriptor goes
	uv_close((uv_handle_t *)&h->poll, handle_closed);
	uv_close((uv_handle_t *)&h->tick, handle_closed);
	MHD_stop_daemon(h->daemon);
}
