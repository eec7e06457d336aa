#include "dataplane/port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <sys/random.h>

#include "dataplane/iface.h"
#include "dataplane/offload.h"
#include "dataplane/xdp.h"

/*
 * From configuration to a started ethdev.
 *
 * net_af_xdp loads our program itself (xdp_prog=) and attaches it when the first queue is set up;
 * the addresses that are ours go into the program's map afterwards, so until then every packet is
 * the kernel's. A program that a killed daemon left attached would make the PMD fail, and is
 * detached first.
 *
 * net_af_packet receives copies: without more the kernel would see our packets too and refuse them
 * with "port unreachable". A classifier of ours drops them behind the place where the copy is made.
 */

enum {
	RX_DESC = 2048,
	TX_DESC = 2048,
	DEVARGS_MAX = 512,
	KILLED_RETRIES = 20, // 100 ms apart
};

/* What dp_port_open() was asked for. */
struct opening {
	const struct dp_port_config *cfg;
	const char *xdp_object;
	const struct route_addr *addrs;
	size_t addr_count;
	struct rte_mempool *pool;
	char *note;
	size_t note_size;
};

static void say(const struct opening *o, const char *what, int err)
{
	snprintf(o->note, o->note_size, "port %s: %s%s%s", o->cfg->name, what, err != 0 ? ": " : "",
		err != 0 ? strerror(-err) : "");
}

/* ---- probing ---- */

/* EAL's name of a vdev and its arguments. */
struct device {
	char name[RTE_DEV_NAME_MAX_LEN];
	char args[DEVARGS_MAX];
};

static void describe(const struct dp_port_config *cfg, enum dp_driver driver,
	const char *xdp_object, struct device *d)
{
	if (driver == DP_DRIVER_AF_XDP) {
		snprintf(d->name, sizeof(d->name), "net_af_xdp_%s", cfg->name);
		snprintf(d->args, sizeof(d->args),
			"iface=%s,start_queue=0,queue_count=%u,xdp_prog=%s", cfg->device,
			cfg->queues, xdp_object);
	} else {
		snprintf(d->name, sizeof(d->name), "net_af_packet_%s", cfg->name);
		snprintf(d->args, sizeof(d->args),
			"iface=%s,qpairs=%u,blocksz=65536,framesz=2048,framecnt=2048", cfg->device,
			cfg->queues);
	}
}

/* Bring the device into being. @retval 0 with its port id, -errno */
static int probe_vdev(const struct device *d, uint16_t *id)
{
	int err = rte_eal_hotplug_add("vdev", d->name, d->args);

	if (err != 0)
		return err;
	return rte_eth_dev_get_port_by_name(d->name, id);
}

/*
 * A device in EAL's own words: a PCI address, or a vdev's name and arguments; it may be there
 * already.
 */
static int probe_device(const struct dp_port_config *cfg, uint16_t *id)
{
	char name[RTE_DEV_NAME_MAX_LEN];
	int err;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(cfg->device, ","), cfg->device);
	if (rte_eth_dev_get_port_by_name(name, id) == 0)
		return 0;
	err = rte_dev_probe(cfg->device);
	return err != 0 ? err : rte_eth_dev_get_port_by_name(name, id);
}

static void remove_device(uint16_t id)
{
	struct rte_eth_dev_info info;

	if (rte_eth_dev_info_get(id, &info) != 0)
		return;
	rte_eth_dev_close(id);
	rte_dev_remove(info.device);
}

/* ---- configuring ---- */

static uint16_t descriptors(uint16_t wanted, uint16_t otherwise, const struct rte_eth_desc_lim *lim)
{
	uint16_t n = wanted != 0 ? wanted : otherwise;

	return lim->nb_max != 0 && n > lim->nb_max ? lim->nb_max : n;
}

static int set_up_queues(uint16_t id, const struct dp_port_config *cfg, int numa,
	const struct rte_eth_dev_info *info, struct rte_mempool *pool)
{
	unsigned socket = numa < 0 ? (unsigned)SOCKET_ID_ANY : (unsigned)numa;
	int err = 0;

	for (uint16_t q = 0; q < cfg->queues && err == 0; q++)
		err = rte_eth_rx_queue_setup(id, q,
			descriptors(cfg->rx_desc, RX_DESC, &info->rx_desc_lim), socket, NULL, pool);
	for (uint16_t q = 0; q < cfg->queues && err == 0; q++)
		err = rte_eth_tx_queue_setup(id, q,
			descriptors(cfg->tx_desc, TX_DESC, &info->tx_desc_lim), socket, NULL);
	return err;
}

static int configure(uint16_t id, const struct dp_port_config *cfg, struct rte_mempool *pool,
	struct dp_port *out)
{
	uint8_t key[DP_RSS_KEY_MAX];
	struct rte_eth_conf conf;
	struct rte_eth_dev_info info;
	int err = rte_eth_dev_info_get(id, &info);

	if (err != 0)
		return err;
	if (cfg->queues > info.max_rx_queues || cfg->queues > info.max_tx_queues)
		return -EINVAL;
	if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return -EIO;
	dp_offload_choose(&info, cfg->queues, key, &conf);
	out->numa = rte_eth_dev_socket_id(id);
	err = rte_eth_dev_configure(id, cfg->queues, cfg->queues, &conf);
	if (err == 0)
		err = set_up_queues(id, cfg, out->numa, &info, pool);
	if (err == 0)
		err = rte_eth_dev_start(id);
	if (err == 0)
		err = rte_eth_macaddr_get(id, &out->mac);
	out->rss = err == 0 && dp_offload_rss(id, &info, cfg->queues, &conf, &out->by_rss);
	out->ifindex = info.if_index;
	return err;
}

/* ---- one driver each ---- */

static void fill_in(
	struct dp_port *out, const struct dp_port_config *cfg, enum dp_driver driver, uint16_t id)
{
	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%s", cfg->name);
	out->claim = -1;
	out->id = id;
	out->queues = cfg->queues;
	out->driver = driver;
}

static int start(const struct opening *o, enum dp_driver driver, uint16_t id, struct dp_port *out)
{
	int err;

	fill_in(out, o->cfg, driver, id);
	err = configure(id, o->cfg, o->pool, out);
	if (err != 0)
		remove_device(id);
	return err;
}

static int open_kernel(
	const struct opening *o, enum dp_driver driver, unsigned ifindex, struct dp_port *out)
{
	struct device d;
	uint16_t id;
	int err;

	describe(o->cfg, driver, o->xdp_object, &d);
	err = probe_vdev(&d, &id);
	if (err == 0)
		err = start(o, driver, id, out);
	if (err == 0)
		out->ifindex = ifindex;
	return err;
}

static int open_af_xdp(const struct opening *o, unsigned ifindex, struct dp_port *out)
{
	const struct timespec pause = {.tv_nsec = 100000000};
	int stale = dp_xdp_detach_stale(ifindex);
	int err = stale < 0 ? stale : open_kernel(o, DP_DRIVER_AF_XDP, ifindex, out);

	// The kernel frees a killed daemon's sockets in its own time, and their queues with them.
	for (int i = 0; i < KILLED_RETRIES && stale == 1 && err != 0; i++) {
		nanosleep(&pause, NULL);
		(void)dp_xdp_detach_stale(ifindex);
		err = open_kernel(o, DP_DRIVER_AF_XDP, ifindex, out);
	}
	if (err != 0)
		return err;
	err = dp_xdp_dedicate(ifindex, o->addrs, o->addr_count, out->xdp_mode);
	if (err != 0)
		dp_port_close(out);
	return err;
}

static int open_af_packet(const struct opening *o, unsigned ifindex, struct dp_port *out)
{
	int err;

	(void)dp_xdp_detach_stale(ifindex); // ours is of no use any more; somebody else's may stay
	err = open_kernel(o, DP_DRIVER_AF_PACKET, ifindex, out);
	if (err != 0)
		return err;
	err = dp_tc_attach(o->xdp_object, ifindex, o->addrs, o->addr_count, &out->tc);
	if (err != 0)
		dp_port_close(out);
	return err;
}

static int open_device(const struct opening *o, struct dp_port *out)
{
	uint16_t id;
	int err = probe_device(o->cfg, &id);

	if (err == 0)
		err = start(o, DP_DRIVER_DEVICE, id, out);
	if (err != 0)
		say(o, "the device cannot be opened", err);
	return err;
}

/* ---- interfaces of the kernel ---- */

/*
 * What arrives on a queue that nobody polls would be the kernel's, which refuses it: an interface
 * has as many as we poll.
 */
static int check_queues(const struct opening *o, const struct dp_iface *iface)
{
	const char *device = o->cfg->device;
	unsigned n = o->cfg->queues;

	if (o->cfg->driver != DP_DRIVER_AF_XDP || iface->rx_queues == 0 || iface->rx_queues == n)
		return 0;
	snprintf(o->note, o->note_size,
		"port %s: %s has %u receive queues, the workers poll %u; make them equal (ethtool "
		"-L %s combined %u, or rx %u tx %u; or other eal.workers)",
		o->cfg->name, device, iface->rx_queues, n, device, n, n, n);
	return -EINVAL;
}

static int check_iface(const struct opening *o, struct dp_iface *iface)
{
	const char *device = o->cfg->device;
	int err = dp_iface_read(device, iface);

	if (err == 0 && !iface->up)
		err = -ENETDOWN;
	if (err == -ENODEV)
		snprintf(o->note, o->note_size, "port %s: there is no interface %s here",
			o->cfg->name, device);
	else if (err == -ENETDOWN)
		snprintf(o->note, o->note_size, "port %s: %s is down (ip link set %s up)",
			o->cfg->name, device, device);
	else if (err != 0)
		say(o, device, err);
	return err != 0 ? err : check_queues(o, iface);
}

/* Why AF_XDP is not even tried, or NULL. */
static const char *xdp_obstacle(const struct opening *o, const struct dp_iface *iface)
{
	// The PMD counts combined channels only; veth has none.
	if (o->cfg->queues > 1 && !iface->combined)
		return "AF_XDP drives one queue only where queues are not combined, af_packet is "
		       "used instead";
	// The PMD measures its packet area from the pool's first piece, without the gaps between
	// pieces: buffers at the end would lie outside and be lost, one by one.
	if (o->pool->nb_mem_chunks != 1)
		return "packet buffers lie in several pieces of memory (EAL needs --iova-mode=va), "
		       "af_packet is used instead of AF_XDP";
	return NULL;
}

/* @retval 0; -errno with a note of why AF_XDP cannot be had */
static int try_xdp(const struct opening *o, const struct dp_iface *iface, struct dp_port *out)
{
	const char *why = xdp_obstacle(o, iface);
	int err;

	if (why != NULL) {
		say(o, why, 0);
		return -ENOTSUP;
	}
	err = open_af_xdp(o, iface->ifindex, out);
	if (err == -EBUSY)
		say(o, "another XDP program holds the interface, af_packet is used instead", 0);
	else if (err != 0)
		say(o, "AF_XDP is refused, af_packet is used instead", err);
	return err;
}

static int open_claimed(const struct opening *o, const struct dp_iface *iface, struct dp_port *out)
{
	int err;

	if (o->cfg->driver == DP_DRIVER_AF_XDP && try_xdp(o, iface, out) == 0)
		return 0;
	err = open_af_packet(o, iface->ifindex, out);
	if (err != 0)
		say(o, "af_packet cannot be opened", err);
	return err;
}

static int open_iface(const struct opening *o, struct dp_port *out)
{
	struct dp_iface iface;
	int claim, err = check_iface(o, &iface);

	if (err != 0)
		return err;
	claim = dp_iface_claim(iface.ifindex);
	if (claim < 0) {
		say(o,
			claim == -EBUSY ? "another swerved has the interface"
					: "no claim on the interface",
			claim == -EBUSY ? 0 : claim);
		return claim;
	}
	err = open_claimed(o, &iface, out);
	if (err != 0)
		close(claim);
	else
		out->claim = claim;
	return err;
}

int dp_port_open(const struct dp_port_config *cfg, const char *xdp_object,
	const struct route_addr *addrs, size_t addr_count, struct rte_mempool *pool,
	struct dp_port *out, char *note, size_t note_size)
{
	const struct opening o = {cfg, xdp_object, addrs, addr_count, pool, note, note_size};

	note[0] = '\0';
	return cfg->driver == DP_DRIVER_DEVICE ? open_device(&o, out) : open_iface(&o, out);
}

void dp_port_close(struct dp_port *port)
{
	dp_tc_detach(port->tc);
	port->tc = NULL;
	rte_eth_dev_stop(port->id);
	remove_device(port->id);
	// The PMD detaches its program; where it did not come that far, we do.
	if (port->driver == DP_DRIVER_AF_XDP)
		dp_xdp_detach_stale(port->ifindex);
	if (port->claim >= 0)
		close(port->claim);
	port->claim = -1;
}
