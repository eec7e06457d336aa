#include "control/fetch.h"

#include <errno.h>
#include <stdlib.h>

/** Between a worker's question and control's connection. */
struct fetcher {
	struct dp *dp;
	struct ctl_tcp_asks *asks;
	uint16_t edns_size;
};

struct under_way {
	struct dp *dp;
	struct dp_fetch *fetch;
};

static void told(void *arg, int error, const uint8_t *msg, uint16_t len)
{
	struct under_way *u = arg;

	dp_fetched(u->dp, u->fetch, error, msg, len);
	free(u);
}

static int ask(const struct fetcher *me, struct dp_fetch *f)
{
	struct ctl_tcp_question q = {
		.to = f->addr,
		.kind = f->kind,
		.qname = f->qname,
		.qtype = f->qtype,
		.edns_size = me->edns_size,
		.timeout_ms = f->timeout_ms,
	};
	struct under_way *u = malloc(sizeof(*u));

	if (!u)
		return -ENOMEM;
	*u = (struct under_way){me->dp, f};
	int rc = ctl_tcp_ask_question(me->asks, &q, told, u);
	if (rc)
		free(u);
	return rc;
}

static void want(void *arg, struct dp_fetch *f)
{
	const struct fetcher *me = arg;
	int rc = ask(me, f);

	if (rc)
		dp_fetched(me->dp, f, rc, NULL, 0);
}

void ctl_fetch_poll(struct dp *dp, struct ctl_tcp_asks *asks, uint16_t edns_size)
{
	struct fetcher me = {dp, asks, edns_size};

	dp_fetches(dp, want, &me);
}
