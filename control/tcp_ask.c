#include "control/tcp_ask.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "control/addr.h"
#include "control/tcp_frames.h"
#include "dataplane/reply.h"
#include "dns/wire.h"

struct ask {
	uv_tcp_t tcp;
	uv_timer_t timer;
	uv_connect_t connect;
	uv_write_t write;
	struct ctl_tcp_asks *asks; // NULL: nobody wants to know any more
	struct ask *next, **link;
	ctl_tcp_told told;
	void *arg;
	struct ctl_frames in;
	unsigned open; // handles
	uint16_t len;
	uint8_t query[]; // behind its length
};

struct ctl_tcp_asks {
	uv_loop_t *loop;
	struct route_addr source[2];
	uint16_t port;
	struct ask *first;
	unsigned count;
	bool ending;
};

int ctl_tcp_asks_new(uv_loop_t *loop, const struct route_addr source[2], uint16_t port,
	struct ctl_tcp_asks **out)
{
	struct ctl_tcp_asks *asks = calloc(1, sizeof(*asks));

	if (!asks)
		return -ENOMEM;
	asks->loop = loop;
	memcpy(asks->source, source, sizeof(asks->source));
	asks->port = port;
	*out = asks;
	return 0;
}

static void handle_closed(uv_handle_t *h)
{
	struct ask *a = h->data;

	if (--a->open > 0)
		return;
	ctl_frames_fini(&a->in);
	free(a);
}

static void let_go(struct ask *a)
{
	if (!a->asks)
		return;
	*a->link = a->next;
	if (a->next)
		a->next->link = a->link;
	a->asks->count--;
	a->asks = NULL;
	uv_close((uv_handle_t *)&a->tcp, handle_closed);
	uv_close((uv_handle_t *)&a->timer, handle_closed);
}

static void end(struct ask *a, int error, const uint8_t *msg, uint16_t len)
{
	if (!a->asks)
		return;
	ctl_tcp_told told = a->told;
	void *arg = a->arg;
	// first: `told` may ask again, or end everything; memory stays until the loop runs
	let_go(a);
	told(arg, error, msg, len);
}

void ctl_tcp_asks_free(struct ctl_tcp_asks *asks)
{
	if (!asks)
		return;
	asks->ending = true;
	while (asks->first)
		end(asks->first, -ECANCELED, NULL, 0);
	free(asks);
}

static void on_timeout(uv_timer_t *t)
{
	end(t->data, -ETIMEDOUT, NULL, 0);
}

static void on_room(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct ask *a = h->data;
	uint8_t *at = NULL;
	size_t room = ctl_frames_room(&a->in, &at);

	(void)suggested;
	*buf = uv_buf_init((char *)at, (unsigned)room);
}

static bool is_reply(const struct ask *a, const uint8_t *msg, uint16_t len)
{
	return len >= DNS_HEADER_LEN && memcmp(msg, a->query + 2, 2) == 0 &&
	       (dns_get16(msg + DNS_OFF_FLAGS) & DNS_FLAG_QR) != 0;
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct ask *a = s->data;
	uint16_t len;

	(void)buf;
	if (n < 0) {
		end(a, n == UV_EOF ? -ECONNRESET : (int)n, NULL, 0);
		return;
	}
	ctl_frames_added(&a->in, (size_t)n);
	const uint8_t *msg = ctl_frames_next(&a->in, &len);
	if (!msg)
		return;
	if (is_reply(a, msg, len))
		end(a, 0, msg, len);
	else
		end(a, -EBADMSG, NULL, 0);
}

static void on_written(uv_write_t *w, int status)
{
	if (status)
		end(w->data, status, NULL, 0);
}

static void on_connected(uv_connect_t *c, int status)
{
	struct ask *a = c->data;
	uv_buf_t buf = uv_buf_init((char *)a->query, 2u + a->len);

	if (!a->asks)
		return;
	if (!status)
		status = uv_read_start((uv_stream_t *)&a->tcp, on_room, on_read);
	if (!status)
		status = uv_write(&a->write, (uv_stream_t *)&a->tcp, &buf, 1, on_written);
	if (status)
		end(a, status, NULL, 0);
}

static struct ask *ask_new(
	struct ctl_tcp_asks *asks, const uint8_t *query, uint16_t len, ctl_tcp_told told, void *arg)
{
	struct ask *a = calloc(1, sizeof(*a) + 2 + len);

	if (!a)
		return NULL;
	*a = (struct ask){.told = told, .arg = arg, .len = len};
	dns_put16(a->query, len);
	memcpy(a->query + 2, query, len);
	uv_tcp_init(asks->loop, &a->tcp);
	uv_timer_init(asks->loop, &a->timer);
	a->open = 2;
	a->tcp.data = a->timer.data = a->connect.data = a->write.data = a;
	a->asks = asks;
	a->next = asks->first;
	a->link = &asks->first;
	if (a->next)
		a->next->link = &a->next;
	asks->first = a;
	asks->count++;
	return a;
}

static int dial(
	struct ask *a, const struct route_addr *from, const struct route_addr *to, uint16_t port)
{
	struct sockaddr_storage local, remote;

	ctl_addr_to_sockaddr(from, 0, &local);
	ctl_addr_to_sockaddr(to, port, &remote);
	int rc = uv_tcp_bind(&a->tcp, (struct sockaddr *)&local, 0);
	// an address that is not there shows only here
	if (!rc)
		rc = uv_tcp_connect(&a->connect, &a->tcp, (struct sockaddr *)&remote, on_connected);
	return rc;
}

int ctl_tcp_ask(struct ctl_tcp_asks *asks, const struct route_addr *to, const uint8_t *query,
	uint16_t len, uint32_t timeout_ms, ctl_tcp_told told, void *arg)
{
	const struct route_addr *from = &asks->source[to->family == 6];

	if (asks->ending)
		return -ECANCELED;
	if (from->family == 0)
		return -EADDRNOTAVAIL;
	if (asks->count >= CTL_TCP_ASKS_MAX)
		return -EAGAIN;
	struct ask *a = ask_new(asks, query, len, told, arg);
	if (!a)
		return -ENOMEM;
	int rc = dial(a, from, to, asks->port);
	if (!rc)
		rc = uv_timer_start(&a->timer, on_timeout, timeout_ms, 0);
	if (rc)
		let_go(a);
	return rc;
}

int ctl_tcp_ask_question(
	struct ctl_tcp_asks *asks, const struct ctl_tcp_question *q, ctl_tcp_told told, void *arg)
{
	uint8_t query[DNS_UDP_MAX_PLAIN];
	uint16_t id = 0;

	getrandom(&id, sizeof(id), 0);
	int len = dp_reply_question(
		id, q->kind, &q->qname, q->qtype, q->edns_size, false, query, sizeof(query));
	if (len < 0)
		return len;
	return ctl_tcp_ask(asks, &q->to, query, (uint16_t)len, q->timeout_ms, told, arg);
}
