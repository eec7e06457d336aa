#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gen/clients.h"
#include "gen/neighbour.h"
#include "gen/sites.h"

/**
 * One end of what is measured: a port with clients behind it, or sites, or both. Packets to port 53
 * are the sites', all others the clients'; where only one of the two is there, all is theirs.
 */
struct gen_end {
	uint16_t port_id, queue;               // ethdev
	struct gen_clients *clients;           // NULL for none
	struct gen_sites *sites;               // NULL for none
	const struct gen_neighbour *neighbour; // NULL: ARP and ND are not answered
	bool trust; // believe checksums: what is measured is not to be slowed down by our own care
	uint64_t received, malformed;
	uint64_t neighbours; // ARP and ND answered
};

/** Receive, answer, send. @param now  the TSC @return packets received and sent */
unsigned gen_end_turn(struct gen_end *e, uint64_t now);
