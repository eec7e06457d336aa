#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "control/config.h"

/** What stands between a configuration and a running EAL. Pure but for preflight. */

enum { CTL_EAL_ARGV_MAX = 16 + 2 * DP_PORTS_MAX + CTL_EAL_ARGS_MAX, CTL_EAL_ARG_LEN = 1536 };

struct ctl_eal_argv {
	int argc;
	char *argv[CTL_EAL_ARGV_MAX + 1]; // NULL-terminated
	char text[CTL_EAL_ARGV_MAX][CTL_EAL_ARG_LEN];
};

/**
 * EAL's arguments. Logical lcores are numbered in the order main, workers, crypto and pinned to the
 * CPUs of the configuration, so that the dataplane finds its workers in the order the file has
 * them.
 *
 * @param prefix  --file-prefix, unique on the machine
 */
void ctl_eal_argv(const struct ctl_config *c, const char *prefix, struct ctl_eal_argv *out);

/** Is a device a PCI address ("0000:01:00.0", "01:00.0")? Others are vdev arguments. */
bool ctl_is_pci(const char *device);

/**
 * Look for what would make EAL or the ports fail with a message that nobody understands: CPUs,
 * hugepages, interfaces, rights.
 *
 * @param err  a sentence with what to do, CTL_YAML_ERR_MAX octets
 * @retval 0, -EINVAL, -ENOMEM (hugepages), -ENODEV (interface), -EPERM
 */
int ctl_preflight(const struct ctl_config *c, char *err);
