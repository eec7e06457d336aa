#pragma once

#include <stddef.h>

#include <jansson.h>
#include <uv.h>

/**
 * The control socket: a Unix stream socket, one JSON object a line in, one JSON object a line out.
 *
 *   {"verb": "status"}                        ->  {"ok": true, "data": {...}}
 *   {"verb": "routes.apply", "text": "..."}   ->  {"ok": false, "error": "routes.yaml:7: ..."}
 *
 * A client that follows gets {"event": {...}} lines after its first reply. Whatever a client sends,
 * the worst that happens is that this client is told off and disconnected. The process must ignore
 * SIGPIPE. Control thread only.
 */

enum {
	CTL_SOCKET_CLIENTS_MAX = 64,
	CTL_SOCKET_LINE_MAX = 4 << 20,   // a routes file of CTL_YAML_SIZE_MAX, escaped
	CTL_SOCKET_QUEUE_MAX = 16 << 20, // octets that a client may leave unread
	CTL_SOCKET_ERR_MAX = 1024,
};

struct ctl_client;

struct ctl_verb {
	const char *name;
	/**
	 * @param req   the whole request, an object
	 * @param data  set to what the client gets, on success; NULL stands for {}
	 * @param err   a sentence for the client, on failure; CTL_SOCKET_ERR_MAX octets
	 * @retval 0, -errno
	 */
	int (*fn)(
		void *arg, struct ctl_client *client, const json_t *req, json_t **data, char *err);
};

struct ctl_socket;

/**
 * Listen. The directory is made when it is not there (0755), the socket has mode 0660. A socket
 * file that nobody listens on is replaced.
 *
 * @param verbs  ends with a NULL name; borrowed
 * @retval 0; -EADDRINUSE another daemon listens there, -EEXIST something that is no socket is
 * there, -ENAMETOOLONG, -ENOMEM, -errno of mkdir, bind and listen
 */
int ctl_socket_new(uv_loop_t *loop, const char *path, const struct ctl_verb *verbs, void *arg,
	struct ctl_socket **out);

/** Close all and remove the file. Memory goes when the loop has run its close callbacks. */
void ctl_socket_free(struct ctl_socket *s);

/** From inside a verb: this client gets events from now on. */
void ctl_client_follow(struct ctl_client *c);

/** Hand an event to all followers; one that reads too slowly is disconnected. */
void ctl_socket_broadcast(struct ctl_socket *s, const json_t *event);

/** Connected now. */
unsigned ctl_socket_clients(const struct ctl_socket *s);
