#pragma once

#include <stdint.h>

#include <uv.h>

#include "dns/name.h"
#include "routing/table.h"

/**
 * Questions to upstreams over TCP: for what does not fit into UDP. The kernel's sockets, control
 * thread only; one connection a question, bounded in number and time.
 */
struct ctl_tcp_asks;

enum { CTL_TCP_ASKS_MAX = 64 }; // connections at once

/**
 * @param source  what upstreams see, [0] IPv4, [1] IPv6; family 0: none, and nothing can be asked
 *                there
 * @param port    53; tests have their own
 * @retval 0, -ENOMEM
 */
int ctl_tcp_asks_new(uv_loop_t *loop, const struct route_addr source[2], uint16_t port,
	struct ctl_tcp_asks **out);
/** Ends what is under way with -ECANCELED; memory goes when the loop has run. NULL is allowed. */
void ctl_tcp_asks_free(struct ctl_tcp_asks *asks);

/**
 * @param error  0; -ETIMEDOUT, -EBADMSG (not a reply to this ID), -ECONNRESET, -ECANCELED, or
 *               -errno of connecting
 * @param msg    borrowed; NULL on error
 */
typedef void (*ctl_tcp_told)(void *arg, int error, const uint8_t *msg, uint16_t len);

/**
 * Ask. `told` is called once, later, from the loop, unless the call fails.
 * @param query  a DNS message; copied. The reply has its ID and QR=1, the rest is the caller's to
 *               check
 * @retval 0; -EAGAIN too many under way, -EADDRNOTAVAIL no source or one that is not this host's,
 *         -ECANCELED the end has begun, -ENOMEM
 */
int ctl_tcp_ask(struct ctl_tcp_asks *asks, const struct route_addr *to, const uint8_t *query,
	uint16_t len, uint32_t timeout_ms, ctl_tcp_told told, void *arg);

/** A question of our own, in the form that its kind of upstream wants. */
struct ctl_tcp_question {
	struct route_addr to;
	enum route_kind kind;
	struct dns_name qname; // lower-cased
	uint16_t qtype;
	uint16_t edns_size;
	uint32_t timeout_ms;
};
/** Ask it under a random ID, with DO=1. @retval as ctl_tcp_ask(), -ENOSPC */
int ctl_tcp_ask_question(
	struct ctl_tcp_asks *asks, const struct ctl_tcp_question *q, ctl_tcp_told told, void *arg);
