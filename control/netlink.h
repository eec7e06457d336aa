#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "routing/table.h"

/**
 * Linux as the control plane for next hops (rtnetlink(7)): which interface and which MAC a packet
 * to an address takes. Nothing is cached here; the kernel is asked. Control thread only.
 */
struct ctl_netlink;

/**
 * Two sockets: one asks, one hears of changes of links, addresses, routes and neighbours.
 * @retval 0, -errno
 */
int ctl_netlink_new(struct ctl_netlink **out);
void ctl_netlink_free(struct ctl_netlink *n);

/** Readable when something changed; then call ctl_netlink_changed(). */
int ctl_netlink_fd(const struct ctl_netlink *n);
/**
 * Read all that is to be heard.
 * @return true when a next hop may be another now (also when messages were lost)
 */
bool ctl_netlink_changed(struct ctl_netlink *n);

struct ctl_hop {
	unsigned ifindex;
	uint8_t src[6], dst[6]; // our interface's MAC, the next hop's
};

/**
 * The next hop towards dst, as a packet from src would take it (policy routing sees src). A
 * neighbour that is not known yet, or only from some time ago, is looked for by the kernel from now
 * on; its answer is heard as a change.
 *
 * @param src  preferred source, NULL for none
 * @retval 0
 * @retval -EHOSTUNREACH  no route, or none that leads over Ethernet
 * @retval -EAGAIN        the neighbour is being looked for
 * @retval -errno         the kernel does not answer
 */
int ctl_netlink_resolve(struct ctl_netlink *n, const struct route_addr *dst,
	const struct route_addr *src, struct ctl_hop *out);
