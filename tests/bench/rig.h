#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/dataplane.h"
#include "gen/end.h"

/**
 * A whole dataplane in this process, over two ports made of rings: 0 towards clients, 1 towards
 * sites. At the other ends of the rings are the load tool's ports. com. is served by one site and
 * is insecure, or secure by a key made here.
 *
 * Workers run on lcores of their own, or are turned by hand: then a worker and its load take turns
 * on one core, and what a turn costs can be told from what the rest of the machine does.
 */

enum { RIG_CLIENTS = 0, RIG_SITES = 1, RIG_PORTS = 2 };

struct rig_spec {
	uint16_t workers, crypto;
	bool by_hand; // workers are turned by rig_turn(), lcore i is free for worker i's
	bool secure;  // com. is signed: answers are checked
	bool wire;    // no dataplane: the rings are joined, to see what the load tool can do
	uint32_t transactions;     // per worker
	uint32_t cache_mb;         // of the response cache, 0: none
	uint32_t signatures;       // entries of the signature cache
	uint32_t mbufs;            // the load tool's
	const char *client_device; // EAL device instead of the rings towards clients, NULL for none
	const char
		*device; // EAL device instead of all rings, the load is another process; NULL: none
};

/** EAL and all that is above. Ends the process with a sentence when it cannot. */
void rig_open(const struct rig_spec *spec, const char *program);
void rig_close(void);

/** One turn of a worker's loop. @return cycles it took, *packets gets what it received */
uint64_t rig_turn(unsigned worker, uint64_t *packets);

/** One of the load tool's ports, and its packets. */
uint16_t rig_port(unsigned which);
struct rte_mempool *rig_pool(void);

/** Signed answers to what gen_questions_mix() makes under com. @return ready for look-ups */
struct gen_answers *rig_sign(uint32_t warm, uint32_t cold);

/** Workers' numbers of now; zero without a dataplane. */
void rig_stats(struct dp_stats *out);
/** CPU time that the workers' threads have used, ns. */
uint64_t rig_cpu_ns(void);
/** Clock and housekeeping, as control would do it: every 50 ms or so. */
void rig_tick(void);

/** Where the clients' queries go, and what next hops are called. */
extern const struct route_addr rig_service, rig_client;
extern const struct rte_ether_addr rig_mac;
