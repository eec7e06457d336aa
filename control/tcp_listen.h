#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "routing/table.h"

/**
 * DNS over TCP towards clients (RFC 7766), on the kernel's sockets: for answers that do not fit
 * into UDP. Control thread only. Connections, what each may have under way, and how long it may be
 * silent are bounded; a client may send queries without waiting, answers come in the order in which
 * they are ready.
 */
struct ctl_listen;

/** One query; to be given to ctl_listen_reply() once, even when its client has gone. */
struct ctl_listen_ticket;

enum {
	CTL_LISTEN_PIPELINE_MAX = 16, // queries a connection has under way; more are read later
	CTL_LISTEN_SHARE = 8,         // one address has at most this part of the connections
};

struct ctl_listen_settings {
	bool enabled;
	uint32_t clients;       // connections at once
	uint32_t idle_ms;       // without a query or an answer
	uint32_t queries_per_s; // of all connections; whoever asks for more is hung up on
};

struct ctl_listen_stats {
	uint64_t accepted, refused, queries, over_rate, idle;
	uint64_t open; // now
};

/** @param msg  any octets, len of them; borrowed */
typedef void (*ctl_listen_fn)(void *arg, struct ctl_listen_ticket *t,
	const struct route_addr *client, const uint8_t *msg, uint16_t len);

/** @retval 0, -ENOMEM */
int ctl_listen_new(uv_loop_t *loop, const struct ctl_listen_settings *settings, ctl_listen_fn fn,
	void *arg, struct ctl_listen **out);
/**
 * Listen at one address.
 * @param port  53; 0 in tests, *bound then says which
 * @retval 0; -EADDRNOTAVAIL not this host's, -EADDRINUSE, -EACCES, -ENOMEM
 */
int ctl_listen_on(
	struct ctl_listen *l, const struct route_addr *addr, uint16_t port, uint16_t *bound);
/** Send an answer; len 0: hang up. Ends the ticket. */
void ctl_listen_reply(struct ctl_listen_ticket *t, const uint8_t *msg, uint16_t len);
/** Copied as they are now. */
void ctl_listen_stats(const struct ctl_listen *l, struct ctl_listen_stats *out);
/** Hang up on everybody; memory goes when the loop has run. Tickets that are out stay valid, and
 * lead nowhere. NULL is allowed. */
void ctl_listen_free(struct ctl_listen *l);
