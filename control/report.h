#pragma once

#include <jansson.h>

#include "control/daemon.h"

/**
 * What the daemon says of itself, as JSON: the data of the verbs that only look. Each returns a new
 * reference. Control thread only.
 */
json_t *ctl_report_status(struct ctl_daemon *d);
json_t *ctl_report_sites(struct ctl_daemon *d);
json_t *ctl_report_stats(struct ctl_daemon *d);
/** How busy each lcore is, by EAL's number. */
json_t *ctl_report_lcores(struct ctl_daemon *d);
json_t *ctl_report_zones(struct ctl_daemon *d);
json_t *ctl_report_ntas(struct ctl_daemon *d);
json_t *ctl_report_keys(struct ctl_daemon *d);
json_t *ctl_report_routes(struct ctl_daemon *d);
/** The accounting identity over all workers, and what is still out. */
json_t *ctl_report_identity(const struct ctl_daemon *d);
