#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * What must be known of a kernel interface before a port is opened on it. Control thread only.
 */
struct dp_iface {
	unsigned ifindex;
	bool up;
	unsigned rx_queues; // 0: the driver does not say
	bool combined; // queues are pairs of receive and transmit, as most network cards have them
};

/** @retval 0, -ENODEV no such interface in this network namespace, -errno */
int dp_iface_read(const char *name, struct dp_iface *out);

/**
 * Say that an interface is ours until the descriptor is closed, by whatever end the process comes
 * to. Keeps two daemons of one network namespace from taking it from each other.
 *
 * @return descriptor; -EBUSY another process has it; -errno
 */
int dp_iface_claim(unsigned ifindex);
