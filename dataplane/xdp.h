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
 * Detach a program of ours that a killed daemon left behind.
 * @retval 0 nothing (of ours) is attached now; -EBUSY somebody else's program is; -errno
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

/** @param object  the compiled programs. @retval 0, -errno */
int dp_tc_attach(const char *object, unsigned ifindex, const struct route_addr *addrs, size_t count,
	struct dp_tc **out);
/** NULL is allowed. */
void dp_tc_detach(struct dp_tc *tc);
