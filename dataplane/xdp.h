#pragma once

#include <stddef.h>
#include <stdint.h>

#include "routing/table.h"

/**
 * The kernel's side of a port: which program is attached to its interface, and which addresses that
 * program takes for ours. The programs are in xdp/swerve_xdp.c. Control thread only.
 */

enum { DP_XDP_MODE_MAX = 16 };

/**
 * Detach what a killed daemon of ours left behind: XDP program and classifier.
 * @retval 0, 1 no XDP program is attached now; 1: one of ours was
 * @retval -EBUSY somebody else's is
 * @retval -errno
 */
int dp_xdp_detach_stale(unsigned ifindex);

/**
 * Fill the addresses into the map of the program that is attached, and say how it is attached.
 * @param mode  "native", "skb" or "hw"
 * @retval 0, -ENOENT no program with our map is attached, -errno
 */
int dp_xdp_dedicate(
	unsigned ifindex, const struct route_addr *addrs, size_t count, char mode[DP_XDP_MODE_MAX]);

/** For af_packet: a classifier that keeps our packets from the kernel's own stack. */
struct dp_tc;

/**
 * Attach it at the interface's ingress. The clsact qdisc that this needs stays afterwards: it may
 * have got other users.
 * @param object  the compiled programs
 * @retval 0, -EBUSY somebody else's filter has the place, -errno
 */
int dp_tc_attach(const char *object, unsigned ifindex, const struct route_addr *addrs, size_t count,
	struct dp_tc **out);
/** NULL is allowed. */
void dp_tc_detach(struct dp_tc *tc);
