#include "dataplane/nodes.h"

#include <stdio.h>
#include <string.h>

enum { PATH = 512 };

static int read_node(const char *path)
{
	int node = DP_NODE_UNKNOWN;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return DP_NODE_UNKNOWN;
	if (fscanf(f, "%d", &node) != 1 || node < 0)
		node = DP_NODE_UNKNOWN;
	fclose(f);
	return node;
}

int dp_node_of_device(const char *sysfs, const char *device)
{
	int len = (int)strcspn(device, ",");
	char path[PATH];
	int node;

	// a name with a slash is no device's, and must not lead anywhere else
	if (len == 0 || memchr(device, '/', (size_t)len) != NULL)
		return DP_NODE_UNKNOWN;
	snprintf(path, sizeof(path), "%s/class/net/%.*s/device/numa_node", sysfs, len, device);
	node = read_node(path);
	if (node != DP_NODE_UNKNOWN)
		return node;
	// "01:00.0" is short for "0000:01:00.0"
	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s%.*s/numa_node", sysfs,
		len == (int)strlen("01:00.0") ? "0000:" : "", len, device);
	return read_node(path);
}

int dp_node_home(const int *port, unsigned ports, int lcore)
{
	for (unsigned i = 0; i < ports; i++)
		if (port[i] >= 0)
			return port[i];
	return lcore;
}

unsigned dp_node_far(const char *port_name, int port_node, const struct dp_node_cpu *worker,
	unsigned workers, char *out, size_t size)
{
	unsigned far = 0;
	size_t n;

	out[0] = '\0';
	if (port_node < 0)
		return 0;
	n = (size_t)snprintf(out, size,
		"port %s is on NUMA node %d, each of its packets crosses to workers on CPU",
		port_name, port_node);
	for (unsigned i = 0; i < workers; i++) {
		if (worker[i].node < 0 || worker[i].node == port_node)
			continue;
		far++;
		if (n < size)
			n += (size_t)snprintf(
				out + n, size - n, " %u (node %d)", worker[i].cpu, worker[i].node);
	}
	if (far == 0)
		out[0] = '\0';
	return far;
}
