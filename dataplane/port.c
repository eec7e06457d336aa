#include "dataplane/port.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_ethdev.h>

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

enum { RX_DESC = 2048, TX_DESC = 2048, DEVARGS_MAX = 512 };

static void say(char *note, size_t size, const char *label, const char *what, int err)
{
	snprintf(note, size, "port %s: %s%s%s", label, what, err != 0 ? ": " : "",
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
	struct rte_eth_conf conf = {.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE};
	struct rte_eth_dev_info info;
	int err = rte_eth_dev_info_get(id, &info);

	if (err != 0)
		return err;
	if (cfg->queues > info.max_rx_queues || cfg->queues > info.max_tx_queues)
		return -EINVAL;
	out->numa = rte_eth_dev_socket_id(id);
	err = rte_eth_dev_configure(id, cfg->queues, cfg->queues, &conf);
	if (err == 0)
		err = set_up_queues(id, cfg, out->numa, &info, pool);
	if (err == 0)
		err = rte_eth_dev_start(id);
	if (err == 0)
		err = rte_eth_macaddr_get(id, &out->mac);
	out->ifindex = info.if_index;
	return err;
}

/* ---- one driver each ---- */

static void fill_in(
	struct dp_port *out, const struct dp_port_config *cfg, enum dp_driver driver, uint16_t id)
{
	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%s", cfg->name);
	out->id = id;
	out->queues = cfg->queues;
	out->driver = driver;
}

static int open_kernel(const struct dp_port_config *cfg, enum dp_driver driver,
	const char *xdp_object, struct rte_mempool *pool, struct dp_port *out)
{
	struct device d;
	uint16_t id;
	int err;

	describe(cfg, driver, xdp_object, &d);
	err = probe_vdev(&d, &id);
	if (err != 0)
		return err;
	fill_in(out, cfg, driver, id);
	err = configure(id, cfg, pool, out);
	if (err != 0)
		remove_device(id);
	out->ifindex = if_nametoindex(cfg->device);
	return err;
}

static int open_af_xdp(const struct dp_port_config *cfg, const char *xdp_object,
	const struct route_addr *addrs, size_t addr_count, struct rte_mempool *pool,
	struct dp_port *out)
{
	int err = dp_xdp_detach_stale(if_nametoindex(cfg->device));

	if (err == 0)
		err = open_kernel(cfg, DP_DRIVER_AF_XDP, xdp_object, pool, out);
	if (err != 0)
		return err;
	err = dp_xdp_dedicate(out->ifindex, addrs, addr_count, out->xdp_mode);
	if (err != 0)
		dp_port_close(out);
	return err;
}

static int open_af_packet(const struct dp_port_config *cfg, const char *xdp_object,
	const struct route_addr *addrs, size_t addr_count, struct rte_mempool *pool,
	struct dp_port *out)
{
	int err = open_kernel(cfg, DP_DRIVER_AF_PACKET, xdp_object, pool, out);

	if (err != 0)
		return err;
	err = dp_tc_attach(xdp_object, out->ifindex, addrs, addr_count, &out->tc);
	if (err != 0)
		dp_port_close(out);
	return err;
}

static int open_device(
	const struct dp_port_config *cfg, struct rte_mempool *pool, struct dp_port *out)
{
	uint16_t id;
	int err = probe_device(cfg, &id);

	if (err != 0)
		return err;
	fill_in(out, cfg, DP_DRIVER_DEVICE, id);
	err = configure(id, cfg, pool, out);
	if (err != 0)
		remove_device(id);
	return err;
}

/* Receive queues of an interface, 0 when its driver does not say. */
static unsigned receive_queues(const char *interface)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq request = {.ifr_data = (char *)&channels};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return 0;
	// longer than an interface's name can be: if_nametoindex() has refused it already
	memcpy(request.ifr_name, interface, strnlen(interface, sizeof(request.ifr_name) - 1));
	err = ioctl(fd, SIOCETHTOOL, &request);
	close(fd);
	return err == 0 ? channels.rx_count + channels.combined_count : 0;
}

/* What arrives on a queue that nobody polls is lost: an interface has as many as we poll. */
static int check_interface(const struct dp_port_config *cfg, char *note, size_t note_size)
{
	unsigned queues;

	if (if_nametoindex(cfg->device) == 0) {
		snprintf(note, note_size, "port %s: there is no interface %s here", cfg->name,
			cfg->device);
		return -ENODEV;
	}
	queues = receive_queues(cfg->device);
	if (cfg->driver != DP_DRIVER_AF_XDP || queues == 0 || queues == cfg->queues)
		return 0;
	snprintf(note, note_size,
		"port %s: %s has %u receive queues, the workers poll %u; make them equal (ethtool "
		"-L %s combined %u, "
		"or rx %u tx %u; or other eal.workers)",
		cfg->name, cfg->device, queues, cfg->queues, cfg->device, cfg->queues, cfg->queues,
		cfg->queues);
	return -EINVAL;
}

int dp_port_open(const struct dp_port_config *cfg, const char *xdp_object,
	const struct route_addr *addrs, size_t addr_count, struct rte_mempool *pool,
	struct dp_port *out, char *note, size_t note_size)
{
	int err;

	note[0] = '\0';
	if (cfg->driver == DP_DRIVER_DEVICE) {
		err = open_device(cfg, pool, out);
		if (err != 0)
			say(note, note_size, cfg->name, "the device cannot be opened", err);
		return err;
	}
	err = check_interface(cfg, note, note_size);
	if (err != 0)
		return err;
	if (cfg->driver == DP_DRIVER_AF_XDP) {
		err = open_af_xdp(cfg, xdp_object, addrs, addr_count, pool, out);
		if (err == 0)
			return 0;
		say(note, note_size, cfg->name,
			err == -EBUSY ? "another XDP program holds the interface, af_packet is "
					"used instead"
				      : "AF_XDP is refused, af_packet is used instead",
			err);
	}
	err = open_af_packet(cfg, xdp_object, addrs, addr_count, pool, out);
	if (err != 0)
		say(note, note_size, cfg->name, "af_packet cannot be opened", err);
	return err;
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
}
