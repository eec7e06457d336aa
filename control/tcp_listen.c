#include "control/tcp_listen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/addr.h"
#include "control/tcp_frames.h"
#include "dns/wire.h"

/*
 * Who owns what: the listener its connections, a connection its queue of bytes. A ticket points at
 * its connection until that closes, and back: a connection is freed when its handles are closed, a
 * listener when its last handle is.
 */

enum {
	SOCKETS_MAX = 16,
	BACKLOG = 64,
	QUEUE_MAX = 4 * (2 + UINT16_MAX), // bytes a client has not taken: then it is hung up on
};

struct conn {
	uv_tcp_t tcp;
	uv_timer_t idle;
	struct ctl_listen *listen;
	struct conn *next, **link;
	struct ctl_listen_ticket *tickets;
	struct route_addr client;
	struct ctl_frames in;
	unsigned open; // handles
	unsigned pending;
	bool reading, serving, closing;
};

struct ctl_listen_ticket {
	struct conn *conn; // NULL: the client has gone
	struct ctl_listen_ticket *next, **link;
};

struct ctl_listen {
	uv_loop_t *loop;
	struct ctl_listen_settings settings;
	ctl_listen_fn fn;
	void *arg;
	uv_tcp_t socket[SOCKETS_MAX];
	unsigned sockets;
	struct conn *conns;
	struct ctl_listen_stats stats;
	unsigned open; // handles: sockets and connections
	bool ending;
	uint64_t tokens_milli, refilled_ms;
};

static void maybe_free(struct ctl_listen *l)
{
	if (l->ending && l->open == 0)
		free(l);
}

/* ---- connections ---- */

static void conn_closed(uv_handle_t *h)
{
	struct conn *c = h->data;

	if (--c->open > 0)
		return;
	struct ctl_listen *l = c->listen;
	ctl_frames_fini(&c->in);
	free(c);
	l->open--;
	maybe_free(l);
}

static void conn_close(struct conn *c)
{
	if (c->closing)
		return;
	c->closing = true;
	for (struct ctl_listen_ticket *t = c->tickets; t; t = t->next)
		t->conn = NULL;
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	c->listen->stats.open--;
	uv_close((uv_handle_t *)&c->tcp, conn_closed);
	uv_close((uv_handle_t *)&c->idle, conn_closed);
}

static void on_idle(uv_timer_t *t)
{
	struct conn *c = t->data;

	c->listen->stats.idle++;
	conn_close(c);
}

static void still_alive(struct conn *c)
{
	uv_timer_start(&c->idle, on_idle, c->listen->settings.idle_ms, 0);
}

/* ---- queries ---- */

/** A bucket of one second's queries. */
static bool within_rate(struct ctl_listen *l)
{
	uint64_t now_ms = uv_now(l->loop), full = l->settings.queries_per_s * UINT64_C(1000);

	l->tokens_milli += (now_ms - l->refilled_ms) * l->settings.queries_per_s;
	l->refilled_ms = now_ms;
	if (l->tokens_milli > full)
		l->tokens_milli = full;
	if (l->tokens_milli < 1000)
		return false;
	l->tokens_milli -= 1000;
	return true;
}

static struct ctl_listen_ticket *ticket_new(struct conn *c)
{
	struct ctl_listen_ticket *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->conn = c;
	t->next = c->tickets;
	t->link = &c->tickets;
	if (t->next)
		t->next->link = &t->next;
	c->tickets = t;
	c->pending++;
	return t;
}

static void take_query(struct conn *c, const uint8_t *msg, uint16_t len)
{
	struct ctl_listen *l = c->listen;
	struct ctl_listen_ticket *t = NULL;

	if (!within_rate(l))
		l->stats.over_rate++;
	else
		t = ticket_new(c);
	if (!t) {
		conn_close(c);
		return;
	}
	l->stats.queries++;
	l->fn(l->arg, t, &c->client, msg, len);
}

static void on_room(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct conn *c = h->data;
	uint8_t *at = NULL;
	size_t room = ctl_frames_room(&c->in, &at);

	(void)suggested;
	*buf = uv_buf_init((char *)at, (unsigned)room);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf);

/** Hand out what is whole, as far as the client may have more under way. */
static void serve(struct conn *c)
{
	const uint8_t *msg;
	uint16_t len;

	if (c->serving)
		return; // an answer that was there at once: the loop below goes on
	c->serving = true;
	while (!c->closing && c->pending < CTL_LISTEN_PIPELINE_MAX &&
		(msg = ctl_frames_next(&c->in, &len)) != NULL)
		take_query(c, msg, len);
	c->serving = false;
	if (c->closing)
		return;
	bool read = c->pending < CTL_LISTEN_PIPELINE_MAX;
	if (read && !c->reading)
		uv_read_start((uv_stream_t *)&c->tcp, on_room, on_read);
	else if (!read && c->reading)
		uv_read_stop((uv_stream_t *)&c->tcp);
	c->reading = read;
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = s->data;

	(void)buf;
	if (n < 0) {
		conn_close(c);
		return;
	}
	ctl_frames_added(&c->in, (size_t)n);
	// Single octets, one a while, must not keep a connection: only a query does.
	unsigned before = c->pending;
	serve(c);
	if (!c->closing && c->pending > before)
		still_alive(c);
}

struct out {
	uv_write_t req;
	uint8_t bytes[];
};

static void on_written(uv_write_t *w, int status)
{
	struct conn *c = w->handle->data;

	free(w->data);
	if (status)
		conn_close(c);
}

static void send_answer(struct conn *c, const uint8_t *msg, uint16_t len)
{
	struct out *o = malloc(sizeof(*o) + 2 + len);

	if (!o || uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp) > QUEUE_MAX) {
		free(o);
		conn_close(c);
		return;
	}
	dns_put16(o->bytes, len);
	memcpy(o->bytes + 2, msg, len);
	o->req.data = o;
	uv_buf_t buf = uv_buf_init((char *)o->bytes, 2u + len);
	if (uv_write(&o->req, (uv_stream_t *)&c->tcp, &buf, 1, on_written)) {
		free(o);
		conn_close(c);
		return;
	}
	still_alive(c);
}

void ctl_listen_reply(struct ctl_listen_ticket *t, const uint8_t *msg, uint16_t len)
{
	struct conn *c = t->conn;

	if (c) {
		*t->link = t->next;
		if (t->next)
			t->next->link = t->link;
		c->pending--;
	}
	free(t);
	if (!c)
		return;
	if (len == 0)
		conn_close(c);
	else
		send_answer(c, msg, len);
	if (!c->closing && !c->reading)
		serve(c);
}

/* ---- accepting ---- */

static unsigned from_same(const struct ctl_listen *l, const struct route_addr *client)
{
	unsigned n = 0;

	for (const struct conn *c = l->conns; c; c = c->next)
		n += route_addr_equal(&c->client, client);
	return n;
}

static bool has_room(const struct ctl_listen *l, const struct route_addr *client)
{
	uint32_t share = l->settings.clients / CTL_LISTEN_SHARE;

	return l->stats.open < l->settings.clients && from_same(l, client) < (share ? share : 1);
}

static int peer_of(uv_tcp_t *tcp, struct route_addr *out)
{
	struct sockaddr_storage sa;
	int len = sizeof(sa);
	int rc = uv_tcp_getpeername(tcp, (struct sockaddr *)&sa, &len);

	return rc ? rc : ctl_addr_from_sockaddr((struct sockaddr *)&sa, out);
}

static void start(struct conn *c)
{
	struct ctl_listen *l = c->listen;

	c->next = l->conns;
	c->link = &l->conns;
	if (c->next)
		c->next->link = &c->next;
	l->conns = c;
	l->stats.open++;
	l->stats.accepted++;
	uv_tcp_nodelay(&c->tcp, 1);
	still_alive(c);
	serve(c);
}

static void refuse(struct conn *c)
{
	c->listen->stats.refused++;
	c->closing = true;
	uv_close((uv_handle_t *)&c->tcp, conn_closed);
	uv_close((uv_handle_t *)&c->idle, conn_closed);
}

static void on_connection(uv_stream_t *s, int status)
{
	struct ctl_listen *l = s->data;
	struct conn *c = status ? NULL : calloc(1, sizeof(*c));

	if (!c) {
		l->stats.refused++;
		return;
	}
	c->listen = l;
	uv_tcp_init(l->loop, &c->tcp);
	uv_timer_init(l->loop, &c->idle);
	c->tcp.data = c->idle.data = c;
	c->open = 2;
	l->open++;
	if (uv_accept(s, (uv_stream_t *)&c->tcp) || peer_of(&c->tcp, &c->client) ||
		!has_room(l, &c->client))
		refuse(c);
	else
		start(c);
}

/* ---- life ---- */

int ctl_listen_new(uv_loop_t *loop, const struct ctl_listen_settings *settings, ctl_listen_fn fn,
	void *arg, struct ctl_listen **out)
{
	struct ctl_listen *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->loop = loop;
	l->settings = *settings;
	l->fn = fn;
	l->arg = arg;
	l->refilled_ms = uv_now(loop);
	l->tokens_milli = settings->queries_per_s * UINT64_C(1000);
	*out = l;
	return 0;
}

static void socket_closed(uv_handle_t *h)
{
	struct ctl_listen *l = h->data;

	l->open--;
	maybe_free(l);
}

static uint16_t port_of(const uv_tcp_t *tcp)
{
	struct sockaddr_storage sa;
	int len = sizeof(sa);

	if (uv_tcp_getsockname(tcp, (struct sockaddr *)&sa, &len))
		return 0;
	return ctl_addr_port((struct sockaddr *)&sa);
}

int ctl_listen_on(
	struct ctl_listen *l, const struct route_addr *addr, uint16_t port, uint16_t *bound)
{
	struct sockaddr_storage sa;

	if (l->sockets == SOCKETS_MAX)
		return -ENOMEM;
	uv_tcp_t *s = &l->socket[l->sockets++];
	uv_tcp_init(l->loop, s);
	s->data = l;
	l->open++;
	ctl_addr_to_sockaddr(addr, port, &sa);
	int rc = uv_tcp_bind(s, (struct sockaddr *)&sa, addr->family == 6 ? UV_TCP_IPV6ONLY : 0);
	if (!rc)
		rc = uv_listen((uv_stream_t *)s, BACKLOG, on_connection);
	if (rc)
		return rc; // its slot stays taken, closed with the others
	if (bound)
		*bound = port_of(s);
	return 0;
}

void ctl_listen_stats(const struct ctl_listen *l, struct ctl_listen_stats *out)
{
	*out = l->stats;
}

void ctl_listen_free(struct ctl_listen *l)
{
	if (!l)
		return;
	l->ending = true;
	while (l->conns)
		conn_close(l->conns);
	for (unsigned i = 0; i < l->sockets; i++)
		uv_close((uv_handle_t *)&l->socket[i], socket_closed);
	maybe_free(l);
}
