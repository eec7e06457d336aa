#pragma once

#include <stddef.h>

#include "control/yaml.h"
#include "routing/table.h"

/** routes.yaml: sites, regions and zones. Read at start, by SIGHUP and by `swervectl routes apply`.
 */

enum {
	CTL_SITES_MAX = 1024,
	CTL_REGIONS_MAX = 1024,
	CTL_ZONES_MAX = 4096,
	CTL_SITE_ADDRS_MAX = 16,
	CTL_REGION_CLIENTS_MAX = 65536,
};

/**
 * Read and check routes from text. What is accepted here is a table that can be built: names are
 * known and unique, every zone has a path, limits of routing hold.
 *
 * @param name        of the file, for messages
 * @param own_region  must be one of the regions, when not ""
 * @param out         owned by the caller on success: route_config_fini()
 * @param err         CTL_YAML_ERR_MAX octets: "FILE:LINE: key.path: what was expected, got what"
 * @retval 0, -EINVAL (out untouched), -ENOMEM
 */
int ctl_routes_parse(const char *name, const char *text, size_t len, const char *own_region,
	struct route_config *out, char *err);

/** The same from a file. @retval 0, -EINVAL, -ENOMEM, or -errno of open and read, with err set */
int ctl_routes_load(const char *path, const char *own_region, struct route_config *out, char *err);
