#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include "dataplane/dataplane_priv.h"
#include "dataplane/nodes.h"

/*
 * The facade's first and last moments: ports and lcores.
 */

/* The first worker lcores of EAL are the workers', the next verify. @return how many are there */
static unsigned take_lcores(unsigned *out, unsigned want)
{
	unsigned n = 0;
	unsigned lcore;

	RTE_LCORE_FOREACH_WORKER(lcore)
	{
		if (n < want)
			out[n] = lcore;
		n++;
	}
	return n;
}

/* Notes are collected, one a line. */
static void add_note(char *note, size_t size, const char *line)
{
	size_t used = strlen(note);

	if (line[0] != '\0' && used < size)
		snprintf(note + used, size - used, "%s\n", line);
}

static size_t our_addrs(const struct dp_config *c, struct route_addr *out)
{
	size_t n = 0;

	for (uint16_t i = 0; i < c->service_count; i++)
		out[n++] = c->service[i];
	for (unsigned i = 0; i < 2; i++)
		if (c->source[i].family != 0)
			out[n++] = c->source[i];
	return n;
}

static int open_port(struct dp *dp, uint16_t i, char *note, size_t note_size)
{
	struct route_addr addrs[DP_ADDRS_MAX + 2];
	size_t addr_count = our_addrs(&dp->cfg, addrs);
	struct dp_port *port = &dp->port[i];
	char line[256] = "";
	int err = dp_port_open(&dp->cfg.ports[i], dp->cfg.xdp_object, addrs, addr_count, dp->pool,
		port, line, sizeof(line));

	add_note(note, note_size, line);
	if (err != 0)
		return err;
	dp->port_count++;
	if (port->queues >= dp->cfg.worker_count)
		return 0;
	snprintf(line, sizeof(line), "port %s has %u queues, %u workers need one each", port->name,
		port->queues, dp->cfg.worker_count);
	add_note(note, note_size, line);
	return -EINVAL;
}

static int launch(struct dp *dp)
{
	int err = 0;

	for (unsigned i = 0; i < dp->cfg.worker_count && err == 0; i++, dp->launched++)
		err = rte_eal_remote_launch(dp_worker_main, dp->worker[i], dp->lcore[i]);
	for (unsigned i = 0; i < dp->cfg.crypto_count && err == 0; i++, dp->launched++) {
		dp->crypto_arg[i] = (struct dp_crypto_arg){.c = dp->crypto, .lcore = i};
		dp_idle_init(&dp->crypto_arg[i].idle, &dp->cfg.idle, NULL, 0);
		err = rte_eal_remote_launch(
			dp_crypto_main, &dp->crypto_arg[i], dp->lcore[dp->cfg.worker_count + i]);
	}
	return err;
}

/* ---- NUMA ---- */

static int memory_node(const struct dp_config *c, int lcore_node)
{
	int node[DP_PORTS_MAX];
	unsigned n = RTE_MIN(c->port_count, DP_PORTS_MAX);

	for (unsigned i = 0; i < n; i++)
		node[i] = dp_node_of_device("/sys", c->ports[i].device);
	return dp_node_home(node, n, lcore_node);
}

/* On the ports' node; where that has no memory, on the first worker's. */
static int make_parts(
	const struct dp_config *cfg, unsigned lcore, struct dp **out, char *note, size_t note_size)
{
	int own = (int)rte_lcore_to_socket_id(lcore), node = memory_node(cfg, own);
	int err = dp_parts_new(cfg, node, out, note, note_size);

	if (err != -ENOMEM || node == own)
		return err;
	snprintf(note, note_size,
		"NUMA node %d, where the first port is, has no memory left, node %d is used\n",
		node, own);
	return dp_parts_new(cfg, own, out, note + strlen(note), note_size - strlen(note));
}

static void note_far(const struct dp *dp, char *note, size_t note_size)
{
	struct dp_node_cpu cpu[DP_WORKERS_MAX];
	char line[512];

	for (unsigned i = 0; i < dp->cfg.worker_count; i++)
		cpu[i] = (struct dp_node_cpu){(unsigned)rte_lcore_to_cpu_id((int)dp->lcore[i]),
			(int)rte_lcore_to_socket_id(dp->lcore[i])};
	for (unsigned i = 0; i < dp->cfg.port_count; i++) {
		dp_node_far(dp->cfg.ports[i].name,
			dp_node_of_device("/sys", dp->cfg.ports[i].device), cpu,
			dp->cfg.worker_count, line, sizeof(line));
		add_note(note, note_size, line);
	}
}

/* ---- life ---- */

/* What was chosen for this machine; a word where it is not what was asked for. */
static void note_idle(const struct dp *dp, char *note, size_t note_size)
{
	const struct dp_idle *i = &dp->worker[0]->idle;
	bool refused = dp->cfg.idle.mode == DP_IDLE_POWER && i->way == DP_IDLE_SLEEP;
	char line[128];

	if (i->way == DP_IDLE_SPIN)
		return;
	snprintf(line, sizeof(line), "idle lcores %s for up to %u us%s", dp_idle_way_name(i->way),
		(unsigned)(i->max_cycles / i->cycles_per_us),
		refused ? ": this CPU has neither TPAUSE nor UMWAIT" : "");
	add_note(note, note_size, line);
}

static int start(struct dp *dp, char *note, size_t note_size)
{
	int err = 0;

	for (uint16_t i = 0; i < dp->cfg.port_count && err == 0; i++)
		err = open_port(dp, i, note, note_size);
	if (err != 0)
		return err;
	err = dp_parts_workers(dp);
	if (err == 0)
		err = launch(dp);
	if (err != 0)
		add_note(note, note_size, "workers could not be made or launched");
	else
		note_idle(dp, note, note_size);
	if (err == 0)
		note_far(dp, note, note_size);
	return err;
}

int dp_new(const struct dp_config *cfg, struct dp **out, char *note, size_t note_size)
{
	unsigned lcore[DP_WORKERS_MAX + DP_CRYPTO_MAX];
	unsigned want = (unsigned)cfg->worker_count + cfg->crypto_count;
	unsigned have = want <= RTE_DIM(lcore) ? take_lcores(lcore, want) : 0;
	struct dp *dp;
	int err;

	note[0] = '\0';
	if (want == 0 || have < want) {
		snprintf(note, note_size,
			"%u lcores are needed for %u workers and %u crypto, EAL has %u besides the "
			"main one\n",
			want, cfg->worker_count, cfg->crypto_count, have);
		return -EINVAL;
	}
	err = make_parts(cfg, lcore[0], &dp, note, note_size);
	if (err != 0)
		return err;
	memcpy(dp->lcore, lcore, sizeof(lcore));
	err = start(dp, note, note_size);
	if (err != 0) {
		dp_free(dp);
		return err;
	}
	dp_lcores_watch(dp);
	*out = dp;
	return 0;
}

void dp_free(struct dp *dp)
{
	if (dp == NULL)
		return;
	dp_lcores_watch(NULL);
	atomic_store_explicit(&dp->run, DP_RUN_STOP, memory_order_release);
	dp_crypto_stop(dp->crypto);
	for (unsigned i = 0; i < dp->launched; i++)
		rte_eal_wait_lcore(dp->lcore[i]);
	// Nobody reads a view any more: what was waiting for that can go.
	dp_poll(dp, NULL, NULL);
	for (uint16_t i = 0; i < dp->port_count; i++)
		dp_port_close(&dp->port[i]);
	dp_parts_free(dp);
}
