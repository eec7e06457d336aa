#pragma once

#include "control/tcp_ask.h"
#include "control/tcp_listen.h"
#include "control/world.h"
#include "dataplane/dataplane.h"

/**
 * A query that came over TCP, from question to answer: the route table of now, one path after the
 * other over TCP, the same judge as the workers', the same reply. Behind resolvers the keys of any
 * zone are asked for as a worker does, by TCP, of the path that gave the reply and within the
 * query's time and the limits of a transaction; what was found is kept. Answers are not, and no
 * path is blamed for what its TCP does: a site that serves UDP alone is no bad site. A client with
 * CD=1 gets the first answer, whatever it is worth. Control thread only.
 */
struct ctl_resolver;

enum {
	CTL_RESOLVE_TRY_MS = 1500,    // connecting, asking and hearing one path
	CTL_RESOLVE_BUDGET_MS = 5000, // a whole query; resolvers give TCP about ten seconds
};

struct ctl_resolver_stats {
	uint64_t forwarded; // queries answered with an upstream's reply
	uint64_t answered;  // by ourselves: errors, SERVFAIL
	uint64_t hung_up;   // not a query, or not allowed to ask
	uint64_t tries;     // connections to upstreams
	uint64_t pending;   // now
};

/** Everything is borrowed and outlives the resolver. @retval 0, -ENOMEM */
int ctl_resolver_new(const struct dp_config *cfg, const struct ctl_world *world,
	struct ctl_tcp_asks *asks, struct ctl_resolver **out);
/** After ctl_tcp_asks_free() and ctl_listen_free(): what is pending ends. NULL is allowed. */
void ctl_resolver_free(struct ctl_resolver *r);

/** A ctl_listen_fn; arg is the resolver. */
void ctl_resolver_query(void *resolver, struct ctl_listen_ticket *t,
	const struct route_addr *client, const uint8_t *msg, uint16_t len);

/** Copied as they are now. */
void ctl_resolver_stats(const struct ctl_resolver *r, struct ctl_resolver_stats *out);
