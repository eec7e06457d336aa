#include "control/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>

#include "control/addr.h"
#include "control/nta.h"
#include "control/probe.h"

/*
 * One table of fields per section. A new setting is a line here, a line in the struct, and a line
 * in scripts/deploy/swerve.yaml.
 */

enum {
	LCORE_MAX = 1023,
	MEMORY_MB_MAX = 1 << 20,
	TRANSACTIONS_MAX = 1 << 20,
	MS_MAX = 3600 * 1000,
	EDNS_SIZE_MIN = 512,
	EDNS_SIZE_MAX = 4096, // dp_told holds no more
	SKEW_MAX_S = 86400,
	CACHE_MB_MAX = 1 << 16,
	MAC_TEXT_LEN = 17,
	HOLD_MAX_S = 365 * 86400,
};

#define FIELD(type, member, rd)                                                                    \
	.read = (rd), .off = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool lcore_used(const struct ctl_eal_config *e, uint64_t v)
{
	for (unsigned i = 0; i < e->worker_count; i++)
		if (e->workers[i] == v)
			return true;
	for (unsigned i = 0; i < e->crypto_count; i++)
		if (e->crypto[i] == v)
			return true;
	return false;
}

static int read_lcores(
	const struct ctl_yaml_at *at, struct ctl_eal_config *e, uint16_t *out, uint16_t *out_count)
{
	int n = ctl_yaml_count(at, CTL_LCORES_MAX, "lcore numbers");

	if (n < 0)
		return n;
	for (size_t i = 0; i < (size_t)n; i++) {
		struct ctl_yaml_at item = ctl_yaml_item(at, i);
		struct ctl_yaml_field f = {.size = sizeof(uint16_t), .max = LCORE_MAX};
		if (ctl_yaml_uint(&item, &out[i], &f))
			return -EINVAL;
		if (lcore_used(e, out[i]))
			return ctl_yaml_fail(&item, "lcore %u is given twice", out[i]);
		*out_count = (uint16_t)(i + 1);
	}
	return 0;
}

static int read_workers(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	struct ctl_eal_config *e = base;

	(void)f;
	e->worker_count = 0;
	if (read_lcores(at, e, e->workers, &e->worker_count))
		return -EINVAL;
	if (e->worker_count == 0)
		return ctl_yaml_fail(at, "expected at least one worker lcore, got an empty list");
	return 0;
}

static int read_crypto(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	struct ctl_eal_config *e = base;

	(void)f;
	return read_lcores(at, e, e->crypto, &e->crypto_count);
}

static int read_eal_args(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	struct ctl_eal_config *e = base;
	int n = ctl_yaml_count(at, CTL_EAL_ARGS_MAX, "EAL arguments");

	(void)f;
	if (n < 0)
		return n;
	for (size_t i = 0; i < (size_t)n; i++) {
		struct ctl_yaml_at item = ctl_yaml_item(at, i);
		struct ctl_yaml_field t = {.size = sizeof(e->args[i])};
		if (ctl_yaml_text(&item, e->args[i], &t))
			return -EINVAL;
	}
	e->arg_count = (uint16_t)n;
	return 0;
}

/** Only after the whole section was read: a default must not collide with what is named. */
static void default_worker(struct ctl_eal_config *e)
{
	if (e->worker_count > 0)
		return;
	uint16_t lcore = 1;
	while (lcore == e->main_lcore || lcore_used(e, lcore))
		lcore++;
	e->workers[0] = lcore;
	e->worker_count = 1;
}

static int read_eal(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	static const struct ctl_yaml_field fields[] = {
		{"main_lcore", FIELD(struct ctl_eal_config, main_lcore, ctl_yaml_uint),
			.max = LCORE_MAX},
		{"workers", .read = read_workers},
		{"crypto", .read = read_crypto},
		{"memory_mb", FIELD(struct ctl_eal_config, memory_mb, ctl_yaml_uint), .min = 64,
			.max = MEMORY_MB_MAX},
		{"hugepages", FIELD(struct ctl_eal_config, hugepages, ctl_yaml_bool)},
		{"telemetry", FIELD(struct ctl_eal_config, telemetry, ctl_yaml_bool)},
		{"args", .read = read_eal_args},
	};
	struct ctl_eal_config *e = &((struct ctl_config *)base)->eal;

	(void)f;
	if (ctl_yaml_map(at, fields, COUNT(fields), e))
		return -EINVAL;
	default_worker(e);
	if (lcore_used(e, e->main_lcore))
		return ctl_yaml_fail(
			at, "main_lcore %u is also a worker or crypto lcore", e->main_lcore);
	return 0;
}

static const char *const driver_names[] = {
	[DP_DRIVER_AF_XDP] = "af_xdp",
	[DP_DRIVER_AF_PACKET] = "af_packet",
	[DP_DRIVER_DEVICE] = "device",
	NULL,
};

static int read_gateway(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	struct rte_ether_addr *mac = (struct rte_ether_addr *)((char *)base + f->off);
	const char *s = ctl_yaml_scalar(at, "a MAC address");

	if (!s)
		return -EINVAL;
	if (strlen(s) != MAC_TEXT_LEN || rte_ether_unformat_addr(s, mac))
		return ctl_yaml_fail(
			at, "expected a MAC address as 02:00:00:00:00:01, got \"%.64s\"", s);
	if (!rte_is_valid_assigned_ether_addr(mac))
		return ctl_yaml_fail(at, "expected one station's MAC address, got %s", s);
	return 0;
}

/** Where everything goes can be one place only, and where Linux knows better it is asked. */
static int check_gateway(const struct ctl_yaml_at *at, const struct dp_config *dp)
{
	const struct dp_port_config *port = &dp->ports[dp->port_count];
	struct ctl_yaml_at key;

	if (!ctl_yaml_get(at, "gateway_mac", &key))
		return 0;
	if (port->driver != DP_DRIVER_DEVICE)
		return ctl_yaml_fail(&key, "only for driver device: Linux knows the next hops of "
					   "its own interfaces");
	for (unsigned i = 0; i < dp->port_count; i++)
		if (!rte_is_zero_ether_addr(&dp->ports[i].gateway))
			return ctl_yaml_fail(
				&key, "port \"%s\" has one already", dp->ports[i].name);
	return 0;
}

static int read_port(const struct ctl_yaml_at *at, struct dp_config *dp)
{
	static const struct ctl_yaml_field fields[] = {
		{"name", FIELD(struct dp_port_config, name, ctl_yaml_label), .required = true},
		{"driver", FIELD(struct dp_port_config, driver, ctl_yaml_choice),
			.choices = driver_names, .required = true},
		{"device", FIELD(struct dp_port_config, device, ctl_yaml_text), .required = true},
		{"rx_desc", FIELD(struct dp_port_config, rx_desc, ctl_yaml_uint), .min = 64,
			.max = 32768},
		{"tx_desc", FIELD(struct dp_port_config, tx_desc, ctl_yaml_uint), .min = 64,
			.max = 32768},
		{"gateway_mac", .read = read_gateway,
			.off = offsetof(struct dp_port_config, gateway)},
	};
	struct dp_port_config *port = &dp->ports[dp->port_count];
	struct ctl_yaml_at key;

	if (ctl_yaml_map(at, fields, COUNT(fields), port) || check_gateway(at, dp))
		return -EINVAL;
	for (unsigned i = 0; i < dp->port_count; i++) {
		if (strcmp(dp->ports[i].name, port->name) == 0 && ctl_yaml_get(at, "name", &key))
			return ctl_yaml_fail(&key, "port \"%s\" is there twice", port->name);
		if (strcmp(dp->ports[i].device, port->device) == 0 &&
			ctl_yaml_get(at, "device", &key))
			return ctl_yaml_fail(&key, "device \"%s\" is port \"%s\" already",
				port->device, dp->ports[i].name);
	}
	dp->port_count++;
	return 0;
}

static int read_ports(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	struct dp_config *dp = &((struct ctl_config *)base)->dp;
	int n = ctl_yaml_count_some(at, DP_PORTS_MAX, "ports", "port");

	(void)f;
	if (n < 0)
		return n;
	for (size_t i = 0; i < (size_t)n; i++) {
		struct ctl_yaml_at item = ctl_yaml_item(at, i);
		if (read_port(&item, dp))
			return -EINVAL;
	}
	return 0;
}

static int read_host_addr(const struct ctl_yaml_at *at, struct route_addr *out)
{
	const char *s = ctl_yaml_scalar(at, "an address");

	if (!s)
		return -EINVAL;
	if (ctl_addr_from_text(s, out))
		return ctl_yaml_fail(at, "expected an IPv4 or IPv6 address, got \"%.64s\"", s);
	if (!ctl_addr_is_host(out))
		return ctl_yaml_fail(at, "expected one host's address, got %s", s);
	return 0;
}

static int read_service(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	struct dp_config *dp = base;
	int n = ctl_yaml_count_some(at, DP_ADDRS_MAX, "service addresses", "service address");

	(void)f;
	if (n < 0)
		return n;
	for (size_t i = 0; i < (size_t)n; i++) {
		struct ctl_yaml_at item = ctl_yaml_item(at, i);
		if (read_host_addr(&item, &dp->service[i]))
			return -EINVAL;
		for (size_t k = 0; k < i; k++)
			if (route_addr_equal(&dp->service[k], &dp->service[i]))
				return ctl_yaml_fail(&item, "service address is there twice");
	}
	dp->service_count = (uint16_t)n;
	return 0;
}

static int read_source(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	struct dp_config *dp = base;
	int n = ctl_yaml_count(at, 2, "source addresses");

	(void)f;
	if (n < 0)
		return n;
	if (n == 0)
		return ctl_yaml_fail(at, "expected a source address, got an empty list");
	for (size_t i = 0; i < (size_t)n; i++) {
		struct ctl_yaml_at item = ctl_yaml_item(at, i);
		struct route_addr a;
		if (read_host_addr(&item, &a))
			return -EINVAL;
		struct route_addr *slot = &dp->source[a.family == 4 ? 0 : 1];
		if (slot->family)
			return ctl_yaml_fail(&item,
				"a second IPv%u source address, expected at most one", a.family);
		*slot = a;
	}
	return 0;
}

static int read_addresses(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	static const struct ctl_yaml_field fields[] = {
		{"service", .read = read_service, .required = true},
		{"source", .read = read_source, .required = true},
	};
	struct dp_config *dp = &((struct ctl_config *)base)->dp;

	(void)f;
	if (ctl_yaml_map(at, fields, COUNT(fields), dp))
		return -EINVAL;
	// a reply and a query could not be told apart by where they are sent
	for (unsigned i = 0; i < dp->service_count; i++)
		for (unsigned k = 0; k < 2; k++)
			if (route_addr_equal(&dp->service[i], &dp->source[k]))
				return ctl_yaml_fail(at, "source and service share an address");
	return 0;
}

static int read_allow(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	struct dp_config *dp = base;
	int n = ctl_yaml_count(at, COUNT(dp->allow), "prefixes");

	(void)f;
	if (n < 0)
		return n;
	for (size_t i = 0; i < (size_t)n; i++) {
		struct ctl_yaml_at item = ctl_yaml_item(at, i);
		const char *s = ctl_yaml_scalar(&item, "a prefix");
		if (!s)
			return -EINVAL;
		int rc = ctl_prefix_from_text(s, &dp->allow[i]);
		if (rc == -EDOM)
			return ctl_yaml_fail(&item,
				"expected a prefix, got \"%.64s\" with bits beyond its length", s);
		if (rc)
			return ctl_yaml_fail(
				&item, "expected a prefix as 192.0.2.0/24, got \"%.64s\"", s);
	}
	dp->allow_count = (uint16_t)n;
	return 0;
}

static int read_clients(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	static const struct ctl_yaml_field fields[] = {{"allow", .read = read_allow}};

	(void)f;
	return ctl_yaml_map(at, fields, COUNT(fields), &((struct ctl_config *)base)->dp);
}

static int read_tcp(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	static const struct ctl_yaml_field fields[] = {
		{"enabled", FIELD(struct ctl_config, tcp.enabled, ctl_yaml_bool)},
		{"clients", FIELD(struct ctl_config, tcp.clients, ctl_yaml_uint), .min = 1,
			.max = 10000},
		{"idle_ms", FIELD(struct ctl_config, tcp.idle_ms, ctl_yaml_uint), .min = 100,
			.max = MS_MAX},
		{"queries_per_s", FIELD(struct ctl_config, tcp.queries_per_s, ctl_yaml_uint),
			.min = 1, .max = 10000},
	};

	(void)f;
	return ctl_yaml_map(at, fields, COUNT(fields), base);
}

static int read_metrics_addr(
	const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	const char *s = ctl_yaml_scalar(at, "an address");

	(void)f;
	if (!s)
		return -EINVAL;
	if (ctl_addr_from_text(s, &((struct ctl_config *)base)->metrics_addr))
		return ctl_yaml_fail(at, "expected an IPv4 or IPv6 address, got \"%.64s\"", s);
	return 0;
}

static int read_metrics(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	static const struct ctl_yaml_field fields[] = {
		{"enabled", FIELD(struct ctl_config, metrics, ctl_yaml_bool)},
		{"address", .read = read_metrics_addr},
		{"port", FIELD(struct ctl_config, metrics_port, ctl_yaml_uint), .min = 1,
			.max = UINT16_MAX},
	};

	(void)f;
	return ctl_yaml_map(at, fields, COUNT(fields), base);
}

static int read_syslog(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	static const struct ctl_yaml_field fields[] = {
		{"enabled", FIELD(struct ctl_config, syslog, ctl_yaml_bool)},
		{"socket", FIELD(struct ctl_config, syslog_socket, ctl_yaml_text)},
	};

	(void)f;
	return ctl_yaml_map(at, fields, COUNT(fields), base);
}

static int read_upstream(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	static const struct ctl_yaml_field fields[] = {
		{"timeout_ms", FIELD(struct dp_config, timeout_ms, ctl_yaml_uint), .min = 10,
			.max = 10000},
		{"budget_ms", FIELD(struct dp_config, budget_ms, ctl_yaml_uint), .min = 10,
			.max = 30000},
		{"tries", FIELD(struct dp_config, tries, ctl_yaml_uint), .min = 1, .max = 8},
		{"edns_size", FIELD(struct dp_config, edns_size, ctl_yaml_uint),
			.min = EDNS_SIZE_MIN, .max = EDNS_SIZE_MAX},
	};
	struct dp_config *dp = &((struct ctl_config *)base)->dp;

	(void)f;
	if (ctl_yaml_map(at, fields, COUNT(fields), dp))
		return -EINVAL;
	if (dp->timeout_ms > dp->budget_ms)
		return ctl_yaml_fail(at,
			"timeout_ms is %u, expected at most budget_ms, which is %u", dp->timeout_ms,
			dp->budget_ms);
	return 0;
}

static int read_answers(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
#define CACHE(member, rd) FIELD(struct dp_cache_config, member, rd)
	static const struct ctl_yaml_field fields[] = {
		{"size_mb", CACHE(size_mb, ctl_yaml_uint), .max = CACHE_MB_MAX},
		{"max_ttl_s", CACHE(max_ttl_s, ctl_yaml_uint), .min = 1, .max = 7 * 86400},
		{"min_ttl_s", CACHE(min_ttl_s, ctl_yaml_uint), .max = 3600},
		{"max_negative_ttl_s", CACHE(max_negative_ttl_s, ctl_yaml_uint), .min = 1,
			.max = 86400},
		{"prefetch", CACHE(prefetch, ctl_yaml_bool)},
		{"stale_s", CACHE(stale_s, ctl_yaml_uint), .max = 7 * 86400},
	};
#undef CACHE
	struct dp_cache_config *c = &((struct dp_config *)base)->cache;

	(void)f;
	if (ctl_yaml_map(at, fields, COUNT(fields), c))
		return -EINVAL;
	if (c->min_ttl_s > c->max_ttl_s)
		return ctl_yaml_fail(at, "min_ttl_s is %u, expected at most max_ttl_s, which is %u",
			c->min_ttl_s, c->max_ttl_s);
	return 0;
}

static int read_cache(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	static const struct ctl_yaml_field fields[] = {
		{"failure_ttl_s", FIELD(struct dp_config, failure_ttl_s, ctl_yaml_uint), .min = 1,
			.max = 300},
		{"signatures", FIELD(struct dp_config, sigcache_entries, ctl_yaml_uint), .min = 64,
			.max = 1 << 28},
		{"signatures_interleave",
			FIELD(struct dp_config, sigcache_interleave, ctl_yaml_bool)},
		{"zones", FIELD(struct dp_config, zones, ctl_yaml_uint), .min = 16, .max = 1 << 20},
		{"answers", .read = read_answers},
	};

	(void)f;
	return ctl_yaml_map(at, fields, COUNT(fields), &((struct ctl_config *)base)->dp);
}

static int read_validation(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	static const struct ctl_yaml_field fields[] = {
		{"skew_inception_s", FIELD(struct dp_config, skew.inception_s, ctl_yaml_uint),
			.max = SKEW_MAX_S},
		{"skew_expiration_s", FIELD(struct dp_config, skew.expiration_s, ctl_yaml_uint),
			.max = SKEW_MAX_S},
		{"sha1", FIELD(struct dp_config, sha1, ctl_yaml_bool)},
	};

	(void)f;
	return ctl_yaml_map(at, fields, COUNT(fields), &((struct ctl_config *)base)->dp);
}

static int read_anchors(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	static const struct ctl_yaml_field fields[] = {
		{"follow", FIELD(struct ctl_config, anchors_follow, ctl_yaml_bool)},
		{"add_hold_s", FIELD(struct ctl_config, anchors_add_hold_s, ctl_yaml_uint),
			.min = 1, .max = HOLD_MAX_S},
		{"remove_hold_s", FIELD(struct ctl_config, anchors_remove_hold_s, ctl_yaml_uint),
			.min = 1, .max = HOLD_MAX_S},
	};

	(void)f;
	return ctl_yaml_map(at, fields, COUNT(fields), base);
}

static int read_negative(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	static const struct ctl_yaml_field fields[] = {
		{"lifetime_s", FIELD(struct ctl_config, nta_lifetime_s, ctl_yaml_uint), .min = 1,
			.max = CTL_NTA_MAX_S},
		{"recheck_s", FIELD(struct ctl_config, nta_recheck_s, ctl_yaml_uint), .min = 1,
			.max = CTL_NTA_MAX_S},
	};

	(void)f;
	return ctl_yaml_map(at, fields, COUNT(fields), base);
}

static const char *const idle_names[] = {
	[DP_IDLE_POLL] = "poll",
	[DP_IDLE_ADAPTIVE] = "adaptive",
	[DP_IDLE_POWER] = "power",
	NULL,
};

static int read_idle(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	static const struct ctl_yaml_field fields[] = {
		{"mode", FIELD(struct ctl_config, dp.idle.mode, ctl_yaml_choice),
			.choices = idle_names},
		{"max_us", FIELD(struct ctl_config, dp.idle.max_us, ctl_yaml_uint), .min = 10,
			.max = DP_IDLE_MAX_US},
	};

	(void)f;
	return ctl_yaml_map(at, fields, COUNT(fields), base);
}

static int read_limits(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	static const struct ctl_yaml_field fields[] = {
		{"transactions", FIELD(struct ctl_config, dp.transactions, ctl_yaml_uint),
			.min = 64, .max = TRANSACTIONS_MAX},
		{"waiters", FIELD(struct ctl_config, dp.waiters, ctl_yaml_uint), .min = 64,
			.max = 2 * TRANSACTIONS_MAX},
		{"drain_ms", FIELD(struct ctl_config, drain_ms, ctl_yaml_uint), .max = 60000},
	};

	(void)f;
	return ctl_yaml_map(at, fields, COUNT(fields), base);
}

static int read_steering(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
#define JUDGE(member) FIELD(struct ctl_config, judge.member, ctl_yaml_uint)
	static const struct ctl_yaml_field fields[] = {
		{"window_ms", JUDGE(window_ms), .min = 100, .max = MS_MAX},
		{"bad_min", JUDGE(bad_min), .min = 1, .max = 1000000},
		{"bad_percent", JUDGE(bad_percent), .min = 1, .max = 100},
		{"timeout_min", JUDGE(timeout_min), .min = 1, .max = 1000000},
		{"timeout_percent", JUDGE(timeout_percent), .min = 1, .max = 100},
		{"peer_good_min", JUDGE(peer_good_min), .min = 1, .max = 1000000},
		{"probation_after_ms", JUDGE(probation_after_ms), .min = 100, .max = 24 * MS_MAX},
		{"probation_good", JUDGE(probation_good), .min = 1, .max = 10000},
		{"expiry_margin_s", JUDGE(expiry_margin_s), .max = 30 * 86400},
		{"lag_s", JUDGE(lag_s), .min = 1, .max = 365 * 86400},
		{"serial_lag_ms", JUDGE(serial_lag_ms), .max = 24 * MS_MAX},
		{"return_min_ms", JUDGE(return_min_ms), .max = 24 * MS_MAX},
		{"probe_interval_ms", FIELD(struct ctl_config, probe_interval_ms, ctl_yaml_uint),
			.min = 200, .max = MS_MAX},
		{"probes_per_second", FIELD(struct ctl_config, probes_per_second, ctl_yaml_uint),
			.min = 1, .max = CTL_PROBE_BURST * 1000 / ROUTE_JUDGE_TICK_MS},
	};
#undef JUDGE

	(void)f;
	return ctl_yaml_map(at, fields, COUNT(fields), base);
}

static const struct ctl_yaml_field top[] = {
	{"eal", .read = read_eal},
	{"ports", .read = read_ports, .required = true},
	{"addresses", .read = read_addresses, .required = true},
	{"region", FIELD(struct ctl_config, region, ctl_yaml_label)},
	{"routes", FIELD(struct ctl_config, routes, ctl_yaml_text)},
	{"trust_anchor", FIELD(struct ctl_config, trust_anchor, ctl_yaml_text)},
	{"state_dir", FIELD(struct ctl_config, state_dir, ctl_yaml_text)},
	{"control_socket", FIELD(struct ctl_config, control_socket, ctl_yaml_text)},
	{"xdp_object", FIELD(struct ctl_config, dp.xdp_object, ctl_yaml_text)},
	{"events", FIELD(struct ctl_config, events, ctl_yaml_text)},
	{"syslog", .read = read_syslog},
	{"clients", .read = read_clients},
	{"tcp", .read = read_tcp},
	{"upstream", .read = read_upstream},
	{"cache", .read = read_cache},
	{"validation", .read = read_validation},
	{"anchors", .read = read_anchors},
	{"negative_anchors", .read = read_negative},
	{"idle", .read = read_idle},
	{"limits", .read = read_limits},
	{"steering", .read = read_steering},
	{"metrics", .read = read_metrics},
};

/** The values in scripts/deploy/swerve.yaml. */
static void defaults(struct ctl_config *c)
{
	memset(c, 0, sizeof(*c));
	c->eal = (struct ctl_eal_config){.memory_mb = 512, .hugepages = true};
	c->dp.transactions = 65536;
	c->dp.waiters = 131072;
	c->dp.timeout_ms = 400;
	c->dp.budget_ms = 1800;
	c->dp.tries = 4;
	c->dp.failure_ttl_s = 5;
	c->dp.edns_size = 1232;
	c->dp.sigcache_entries = 262144;
	c->dp.zones = 1024;
	c->dp.idle = (struct dp_idle_config){DP_IDLE_ADAPTIVE, DP_IDLE_DEFAULT_US};
	c->dp.cache = (struct dp_cache_config){
		.size_mb = 64,
		.max_ttl_s = 86400,
		.max_negative_ttl_s = 3600,
		.prefetch = true,
		.stale_s = 86400,
	};
	strcpy(c->dp.xdp_object, "/usr/lib/swerve/swerve_xdp.o");
	strcpy(c->routes, "/etc/swerve/routes.yaml");
	strcpy(c->trust_anchor, "/usr/share/dns/root.key");
	strcpy(c->state_dir, "/var/lib/swerve");
	strcpy(c->control_socket, "/run/swerve/ctl.sock");
	strcpy(c->events, "/var/lib/swerve/events.jsonl");
	c->tcp = (struct ctl_listen_settings){
		.enabled = true, .clients = 128, .idle_ms = 10000, .queries_per_s = 200};
	c->metrics = true;
	c->metrics_addr = (struct route_addr){4, {127, 0, 0, 1}};
	c->metrics_port = 9353;
	route_judge_defaults(&c->judge);
	c->nta_lifetime_s = 3600;
	c->nta_recheck_s = 300;
	c->anchors_follow = true;
	c->anchors_add_hold_s = 30 * 86400; // RFC 5011 s2.4
	c->anchors_remove_hold_s = 30 * 86400;
	c->drain_ms = 2000;
	strcpy(c->syslog_socket, "/dev/log");
	c->probe_interval_ms = 10000;
	c->probes_per_second = 500;
}

/** Workers and queues are one number: worker i polls queue i of every port. */
static void derive(struct ctl_config *c)
{
	default_worker(&c->eal);
	c->dp.worker_count = c->eal.worker_count;
	c->dp.crypto_count = c->eal.crypto_count;
	for (unsigned i = 0; i < c->dp.port_count; i++)
		c->dp.ports[i].queues = c->eal.worker_count;
}

int ctl_config_parse(
	const char *name, const char *text, size_t len, struct ctl_config *out, char *err)
{
	struct ctl_yaml y;
	struct ctl_yaml_at root;

	int rc = ctl_yaml_parse(&y, name, text, len, &root);
	if (!rc) {
		defaults(out);
		rc = ctl_yaml_map(&root, top, COUNT(top), out);
		ctl_yaml_fini(&y);
	}
	if (!rc)
		derive(out);
	strcpy(err, y.err);
	return rc;
}

int ctl_config_load(const char *path, struct ctl_config *out, char *err)
{
	char *text;
	size_t len;

	int rc = ctl_file_read(path, &text, &len, err);
	if (rc)
		return rc;
	rc = ctl_config_parse(path, text, len, out, err);
	free(text);
	return rc;
}
