#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mempool.h>

#include "dataplane/home.h"
#include "routing/table.h"

/**
 * Ports: from a line in the configuration to a started ethdev with `queues` queue pairs.
 */
enum dp_driver {
	// kernel interface, our XDP program, copy or zero-copy as the kernel gives
	DP_DRIVER_AF_XDP,
	// the same without XDP, by copies; slower
	DP_DRIVER_AF_PACKET,
	// an EAL device by name: a PCI address or vdev arguments ("net_ring0", "net_pcap0,...")
	DP_DRIVER_DEVICE,
};

struct dp_port_config {
	char name[32]; // our label, shown to operators
	enum dp_driver driver;
	char device[192]; // AF_XDP, AF_PACKET: interface name; DEVICE: devargs
	uint16_t queues;
	uint16_t rx_desc, tx_desc; // 0: default
	// DEVICE: next hop of everything that goes upstream, for ports that Linux does not know.
	// Control's to use; all zero for none.
	struct rte_ether_addr gateway;
};

struct dp_port {
	char name[32];
	uint16_t id; // ethdev port id
	uint16_t queues;
	int numa;
	unsigned ifindex;      // kernel interface behind it, 0 if none
	enum dp_driver driver; // what is really used after a fallback
	bool rss;              // queue choice can be predicted: by `by_rss`
	struct dp_rss by_rss;
	struct rte_ether_addr mac;
	char xdp_mode[16]; // "native", "skb", "" : for operators
	struct dp_tc *tc;  // AF_PACKET: what keeps our packets from the kernel
	int claim;         // descriptor that keeps the interface ours, -1 if none
};

/**
 * Hot-plug, configure and start a port. AF_XDP that cannot be had becomes AF_PACKET, with *note
 * saying so and why.
 *
 * @param xdp_object  path of the compiled XDP program (AF_XDP, AF_PACKET)
 * @param addrs       the addresses dedicated to us: filled into the program's map
 * @param pool        mbufs for all queues; AF_XDP wants it in one piece of memory, holds about
 *                    2048 a queue while open and does not give them back when closed
 * @param note        gets a sentence for the operator, "" when all is as asked
 * @retval 0
 * @retval -ENODEV    no such interface here
 * @retval -ENETDOWN  the interface is down
 * @retval -EBUSY     another process of ours has the interface
 * @retval -EINVAL    the interface has another number of receive queues (AF_XDP)
 * @retval -errno     the device cannot be opened; note is set, as with all the others
 */
int dp_port_open(const struct dp_port_config *cfg, const char *xdp_object,
	const struct route_addr *addrs, size_t addr_count, struct rte_mempool *pool,
	struct dp_port *out, char *note, size_t note_size);
/** Stop, close and (AF_XDP) detach the program. */
void dp_port_close(struct dp_port *port);
