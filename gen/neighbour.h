#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "routing/table.h"

/**
 * Who has this address? We do: ARP (RFC 826) and neighbour discovery (RFC 4861) for the addresses
 * that an end plays, so that a forwarder on the kernel's sockets finds its clients and sites.
 */
struct gen_neighbour {
	struct rte_ether_addr mac; // ours
	// the clients' first addresses, [0] IPv4, [1] IPv6; the others follow in the last 16 bits
	struct route_addr client[2];
	uint32_t client_count; // 0: no clients here
	bool sites;            // every address but the forwarder's own
	struct route_addr server[2];
};

/**
 * Turn a question for one of our addresses into its answer, in its own mbuf. Probes of somebody
 * who wants the address himself (RFC 5227, RFC 4862 s5.4) are not answered.
 * @return false: it is none, m is as it was
 */
bool gen_neighbour_answer(const struct gen_neighbour *n, struct rte_mbuf *m);
