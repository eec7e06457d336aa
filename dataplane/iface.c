#include "dataplane/iface.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int read_flags(int fd, const char *name, struct dp_iface *out)
{
	struct ifreq request = {.ifr_flags = 0};

	memcpy(request.ifr_name, name, strnlen(name, sizeof(request.ifr_name) - 1));
	if (ioctl(fd, SIOCGIFFLAGS, &request) != 0)
		return -errno;
	out->up = (request.ifr_flags & IFF_UP) != 0;
	return 0;
}

static void read_channels(int fd, const char *name, struct dp_iface *out)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq request = {.ifr_data = (char *)&channels};

	memcpy(request.ifr_name, name, strnlen(name, sizeof(request.ifr_name) - 1));
	if (ioctl(fd, SIOCETHTOOL, &request) != 0)
		return; // not every driver knows the question
	out->rx_queues = channels.rx_count + channels.combined_count;
	out->combined = channels.max_combined != 0;
}

int dp_iface_read(const char *name, struct dp_iface *out)
{
	int fd, err;

	memset(out, 0, sizeof(*out));
	out->ifindex = if_nametoindex(name);
	if (out->ifindex == 0)
		return -errno;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	err = read_flags(fd, name, out);
	if (err == 0)
		read_channels(fd, name, out);
	close(fd);
	return err;
}

int dp_iface_claim(unsigned ifindex)
{
	// An abstract name: it belongs to the network namespace and goes with the process, however
	// that ends.
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int len = snprintf(
		name.sun_path + 1, sizeof(name.sun_path) - 1, "swerve/interface/%u", ifindex);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&name, size) == 0)
		return fd;
	err = errno == EADDRINUSE ? -EBUSY : -errno;
	close(fd);
	return err;
}
