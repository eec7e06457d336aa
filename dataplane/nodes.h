#pragma once

#include <stddef.h>
#include <stdint.h>

/** Which NUMA node memory belongs on, and who is far from it. */

enum { DP_NODE_UNKNOWN = -1 };

/**
 * Node of a device that is not opened yet: a network interface, or a PCI address, perhaps with
 * arguments behind a comma.
 * @param sysfs  "/sys", or what a test has instead
 * @return DP_NODE_UNKNOWN for everything else, and on a machine with one node
 */
int dp_node_of_device(const char *sysfs, const char *device);

/**
 * Where the dataplane's memory goes: the first port's node that is known, else the lcore's. Pure.
 * @param port  nodes of the ports
 */
int dp_node_home(const int *port, unsigned ports, int lcore);

/** A worker's CPU and its node. */
struct dp_node_cpu {
	unsigned cpu;
	int node;
};

/**
 * Say which workers are on another node than a port that they poll. Pure.
 * @param out  a sentence, cut off where it does not fit; "" when all are near or nobody knows
 * @return how many are far
 */
unsigned dp_node_far(const char *port_name, int port_node, const struct dp_node_cpu *worker,
	unsigned workers, char *out, size_t size);
