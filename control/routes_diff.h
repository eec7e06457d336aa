#pragma once

#include <jansson.h>

#include "routing/table.h"

/**
 * Two sets of routes compared by what they mean: order of sites in a list counts, order of sites,
 * regions and zones in the file does not, nor do comments and layout.
 *
 * {"same": false,
 *  "summary": ["com.: us: lax before nrt -> lax only"],
 *  "lines": ["-zone com. in us: lax nrt", "+zone com. in us: lax"]}
 *
 * @return a new reference; NULL without memory
 */
json_t *ctl_routes_diff(const struct route_config *from, const struct route_config *to);
