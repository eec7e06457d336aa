#pragma once

#include <stddef.h>

#include <uv.h>

#include "routing/table.h"

/**
 * A page over HTTP, for Prometheus: libmicrohttpd, driven by our loop, so that no second thread
 * looks at what the control thread changes. GET and HEAD; bounded in connections and time. Control
 * thread only.
 */
struct ctl_http;

enum { CTL_HTTP_CLIENTS_MAX = 16, CTL_HTTP_IDLE_S = 10 };

/**
 * Make a page.
 * @param type  set to its media type, a constant
 * @return malloc'd text, *len octets; NULL: there is no such page
 */
typedef char *(*ctl_http_page_fn)(void *arg, const char *path, size_t *len, const char **type);

/**
 * @param port  0 in tests, ctl_http_port() then says which
 * @retval 0; -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -ENOMEM
 */
int ctl_http_new(uv_loop_t *loop, const struct route_addr *addr, uint16_t port,
	ctl_http_page_fn page, void *arg, struct ctl_http **out);
/** The port it listens on. */
uint16_t ctl_http_port(const struct ctl_http *h);
/** Memory goes when the loop has run its close callbacks. NULL is allowed. */
void ctl_http_free(struct ctl_http *h);
