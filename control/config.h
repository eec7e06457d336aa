#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/tcp_listen.h"
#include "control/yaml.h"
#include "dataplane/dataplane.h"
#include "routing/judge.h"

/** swerve.yaml, read once at start. scripts/deploy/swerve.yaml shows every key with its default. */

enum { CTL_LCORES_MAX = 64, CTL_EAL_ARGS_MAX = 32, CTL_PATH_MAX = 256 };

struct ctl_eal_config {
	uint16_t main_lcore;
	uint16_t workers[CTL_LCORES_MAX], worker_count;
	uint16_t crypto[CTL_LCORES_MAX], crypto_count;
	uint32_t memory_mb;
	bool hugepages;
	bool telemetry; // EAL's socket
	char args[CTL_EAL_ARGS_MAX][CTL_PATH_MAX];
	uint16_t arg_count;
};

struct ctl_config {
	struct ctl_eal_config eal;
	struct dp_config dp;
	struct ctl_listen_settings tcp;
	bool metrics;                   // serve them?
	struct route_addr metrics_addr; // where
	uint16_t metrics_port;
	struct route_judge_params judge;
	char region[ROUTE_SITE_NAME_MAX]; // "" for none
	char routes[CTL_PATH_MAX];
	char trust_anchor[CTL_PATH_MAX];
	char state_dir[CTL_PATH_MAX];
	char control_socket[108];  // sizeof(sun_path)
	char events[CTL_PATH_MAX]; // "" for none
	bool syslog;               // events there too?
	char syslog_socket[108];   // sizeof(sun_path)
	bool anchors_follow;       // RFC 5011
	uint32_t anchors_add_hold_s, anchors_remove_hold_s;
	uint32_t nta_lifetime_s, nta_recheck_s; // RFC 7646
	uint32_t drain_ms;
	uint32_t probe_interval_ms, probes_per_second;
};

/**
 * Read a configuration from text.
 *
 * @param name  of the file, for messages
 * @param err   CTL_YAML_ERR_MAX octets: "FILE:LINE: key.path: what was expected, got what"
 * @retval 0, -EINVAL (out is scratch)
 */
int ctl_config_parse(
	const char *name, const char *text, size_t len, struct ctl_config *out, char *err);

/**
 * The same from a file.
 * @retval 0, -EINVAL, or -errno of open and read with err set
 */
int ctl_config_load(const char *path, struct ctl_config *out, char *err);
