#include "control/report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/addr.h"
#include "dns/text.h"
#include "validator/time.h"

enum { CTL_FAULT_NAME_MAX = 192 };

static json_t *name_json(const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_MAX];

	return json_string(dns_name_to_text(name->octets, text, sizeof(text)));
}

static json_t *addr_json(const struct route_addr *a)
{
	char text[CTL_ADDR_TEXT_MAX];

	return json_string(ctl_addr_text(a, text));
}

static json_t *count_json(uint64_t v)
{
	return json_integer((json_int_t)v);
}

/** Seconds until a time of RFC 1982 arithmetic; null when none was seen. */
static json_t *until_json(uint32_t epoch_s, uint32_t when)
{
	return when ? json_integer(val_time_diff(epoch_s, when)) : json_null();
}

static const char *status_name(enum val_zone_status s)
{
	static const char *const names[] = {
		[VAL_ZONE_UNKNOWN] = "unknown",
		[VAL_ZONE_SECURE] = "secure",
		[VAL_ZONE_INSECURE] = "insecure",
		[VAL_ZONE_NTA] = "negative_anchor",
	};
	return names[s];
}

/* ---- zones ---- */

static uint16_t own_region(const struct ctl_daemon *d, const struct route_config *c)
{
	for (size_t i = 0; i < c->region_count; i++)
		if (strcmp(c->regions[i].name, d->cfg.region) == 0)
			return (uint16_t)i;
	return ROUTE_REGION_NONE;
}

/** The site that our own region's clients are sent to now; NULL when there is none. */
static const char *served_by(
	const struct ctl_daemon *d, const struct route_config *c, const struct route_zone_config *z)
{
	const struct route_table *t = ctl_world_table(d->world);
	struct route_tried none = {0};
	struct route_choice choice;
	int zone = route_table_zone(t, z->name.octets, false);

	if (zone < 0 ||
		route_table_choose(t, zone, own_region(d, c), dp_config_families(&d->cfg.dp), 0,
			&none, &choice) != 0 ||
		choice.site >= c->site_count)
		return NULL;
	return c->sites[choice.site].name;
}

static json_t *zone_json(struct ctl_daemon *d, const struct route_config *c, size_t zone)
{
	const struct route_zone_config *z = &c->zones[zone];
	const struct val_keys *keys = ctl_world_keys(d->world);
	const struct val_zone_keys *k = val_keys_find(keys, z->name.octets);
	struct route_paths *p = ctl_world_paths(d->world);
	unsigned paths = 0, up = 0;

	for (size_t id = 0; id < route_paths_count(p); id++) {
		const struct route_path *path = route_paths_at(p, (uint16_t)id);
		if (!path || path->zone != zone)
			continue;
		paths++;
		up += path->state == ROUTE_UP;
	}
	bool fault = route_judge_zone_fault(ctl_steer_judge(d->steer), (uint16_t)zone, NULL);
	return json_pack("{s:o,s:s,s:s,s:i,s:i,s:s?,s:b}", "zone", name_json(&z->name), "kind",
		z->kind == ROUTE_RECURSIVE ? "recursive" : "authoritative", "keys",
		status_name(k ? k->status : VAL_ZONE_UNKNOWN), "paths", paths, "up", up,
		"served_by", served_by(d, c, z), "fault", fault);
}

json_t *ctl_report_zones(struct ctl_daemon *d)
{
	const struct route_config *c = ctl_world_config(d->world);
	json_t *zones = json_array();

	for (size_t i = 0; i < c->zone_count; i++)
		json_array_append_new(zones, zone_json(d, c, i));
	return zones;
}

/* ---- whose fault ---- */

enum { FAULTS_NAMED_MAX = 8 }; // more are counted

/** "a, b and 3 more" */
static json_t *listed(const char *what, char names[][CTL_FAULT_NAME_MAX], size_t count)
{
	char text[FAULTS_NAMED_MAX * (CTL_FAULT_NAME_MAX + 2) + 64] = "";
	size_t n = 0;

	for (size_t i = 0; i < count && i < FAULTS_NAMED_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? ", " : "", names[i]);
	if (count > FAULTS_NAMED_MAX)
		snprintf(text + n, sizeof(text) - n, " and %zu more", count - FAULTS_NAMED_MAX);
	return json_sprintf("%s: %s", what, text);
}

static size_t bad_zones(struct ctl_daemon *d, char names[][CTL_FAULT_NAME_MAX], bool *ours)
{
	const struct route_config *c = ctl_world_config(d->world);
	char name[DNS_NAME_TEXT_MAX];
	size_t n = 0;

	for (size_t i = 0; i < c->zone_count; i++) {
		if (!route_judge_zone_fault(ctl_steer_judge(d->steer), (uint16_t)i, ours))
			continue;
		if (n < FAULTS_NAMED_MAX)
			snprintf(names[n], CTL_FAULT_NAME_MAX, "%.64s",
				dns_name_to_text(c->zones[i].name.octets, name, sizeof(name)));
		n++;
	}
	return n;
}

static size_t bad_paths(struct ctl_daemon *d, char names[][CTL_FAULT_NAME_MAX])
{
	struct route_paths *p = ctl_world_paths(d->world);
	char name[DNS_NAME_TEXT_MAX], addr[CTL_ADDR_TEXT_MAX];
	size_t n = 0;

	for (size_t id = 0; id < route_paths_count(p); id++) {
		const struct route_path *path = route_paths_at(p, (uint16_t)id);
		if (!path || path->state == ROUTE_UP || path->state == ROUTE_DRAINED)
			continue;
		if (n < FAULTS_NAMED_MAX)
			snprintf(names[n], CTL_FAULT_NAME_MAX, "%.64s at %s (%s) is %s",
				dns_name_to_text(path->zone_name.octets, name, sizeof(name)),
				path->site_name, ctl_addr_text(&path->addr, addr),
				route_state_name(path->state));
		n++;
	}
	return n;
}

/** The question of every night: is it us, a site, or the zone? One kind and one line. */
static json_t *fault_json(struct ctl_daemon *d)
{
	char names[FAULTS_NAMED_MAX][CTL_FAULT_NAME_MAX];
	bool ours = false;
	size_t n = bad_zones(d, names, &ours);

	if (ours)
		return json_pack("{s:s,s:s}", "kind", "ours", "text",
			"us: every zone is bad at once, so it is our clock or our egress; nothing "
			"is moved");
	if (n)
		return json_pack("{s:s,s:o}", "kind", "zone", "text",
			listed("zone: bad at every site, nothing is moved", names, n));
	n = bad_paths(d, names);
	if (n)
		return json_pack("{s:s,s:o}", "kind", "site", "text", listed("site", names, n));
	return json_pack("{s:s,s:s}", "kind", "none", "text", "none: nothing is wrong");
}

/* ---- status ---- */

static const char *driver_name(enum dp_driver driver)
{
	static const char *const names[] = {
		[DP_DRIVER_AF_XDP] = "af_xdp",
		[DP_DRIVER_AF_PACKET] = "af_packet",
		[DP_DRIVER_DEVICE] = "device",
	};
	return names[driver];
}

static json_t *ports_json(const struct ctl_daemon *d)
{
	json_t *ports = json_array();

	for (unsigned i = 0; i < dp_port_count(d->dp); i++) {
		const struct dp_port *p = dp_port_at(d->dp, i);
		const uint8_t *m = p->mac.addr_bytes;
		json_t *mac = json_sprintf(
			"%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
		json_array_append_new(ports,
			json_pack("{s:s,s:s,s:s,s:o,s:i,s:b,s:s}", "name", p->name, "device",
				d->cfg.dp.ports[i].device, "driver", driver_name(p->driver), "mac",
				mac, "queues", p->queues, "rss", p->rss, "xdp", p->xdp_mode));
	}
	return ports;
}

static json_t *addrs_json(const struct route_addr *a, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		if (a[i].family)
			json_array_append_new(list, addr_json(&a[i]));
	return list;
}

static uint64_t dropped(const struct dp_stats *s)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < DP_DROP_MAX; i++)
		sum += s->dropped[i];
	return sum;
}

static json_t *cache_json(const struct ctl_daemon *d, const struct dp_stats *s)
{
	struct dp_rcache_stats c;

	dp_cache_stats(d->dp, &c);
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "size", count_json(c.size),
		"used", count_json(c.used), "answers", count_json(c.entries), "hits",
		count_json(s->cache_hits), "misses", count_json(s->cache_misses), "stale",
		count_json(s->cache_stale), "kept", count_json(s->cache_kept), "prefetches",
		count_json(s->prefetches), "evictions", count_json(c.evictions), "contended",
		count_json(c.contended));
}

json_t *ctl_report_status(struct ctl_daemon *d)
{
	struct dp_stats s;
	json_t *st = json_object();

	dp_stats_sum(d->dp, &s);
	json_object_set_new(st, "version", json_string(SWERVE_VERSION));
	json_object_set_new(st, "pid", json_integer(getpid()));
	json_object_set_new(st, "uptime_s", count_json((ctl_now_ms() - d->started_ms) / 1000));
	json_object_set_new(st, "ready", json_boolean(d->ready));
	json_object_set_new(st, "draining", json_boolean(d->draining));
	json_object_set_new(st, "table", count_json(ctl_world_table_number(d->world)));
	const struct ctl_table *newest = ctl_history_newest(d->history);
	json_object_set_new(st, "routes_hash", json_string(newest ? newest->hash : ""));
	json_object_set_new(st, "view", count_json(ctl_world_view_number(d->world)));
	json_object_set_new(st, "views_out", json_integer(ctl_world_views_out(d->world)));
	json_object_set_new(st, "region", json_string(d->cfg.region));
	json_object_set_new(st, "workers", json_integer(dp_worker_count(d->dp)));
	json_object_set_new(st, "crypto_lcores", json_integer(d->cfg.dp.crypto_count));
	json_object_set_new(st, "service", addrs_json(d->cfg.dp.service, d->cfg.dp.service_count));
	json_object_set_new(st, "source", addrs_json(d->cfg.dp.source, 2));
	json_object_set_new(st, "ports", ports_json(d));
	json_object_set_new(st, "fault", fault_json(d));
	json_object_set_new(st, "ntas", ctl_report_ntas(d));
	json_object_set_new(st, "zones", ctl_report_zones(d));
	json_object_set_new(st, "received", count_json(s.received));
	json_object_set_new(st, "forwarded", count_json(s.forwarded));
	json_object_set_new(st, "answered", count_json(s.answered));
	json_object_set_new(st, "dropped", count_json(dropped(&s)));
	json_object_set_new(st, "waiting", count_json(s.waiting));
	json_object_set_new(st, "cache", cache_json(d, &s));
	json_object_set_new(st, "last_event", count_json(ctl_events_last_id(d->events)));
	return st;
}

/* ---- sites ---- */

static uint64_t bad_outcomes(const struct route_sample *s)
{
	uint64_t sum = 0;

	for (unsigned o = 0; o < ROUTE_O_MAX; o++)
		if (route_outcome_is_bad((enum route_outcome)o))
			sum += s->outcome[o];
	return sum;
}

static json_t *buckets_json(const struct route_sample *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < ROUTE_RTT_BUCKETS; i++)
		json_array_append_new(list, count_json(s->rtt_bucket[i]));
	return list;
}

static void add_sample(json_t *j, const struct route_sample *s, uint32_t epoch_s)
{
	json_t *outcomes = json_object();

	for (unsigned i = 0; i < ROUTE_O_MAX; i++)
		json_object_set_new(outcomes, route_outcome_name((enum route_outcome)i),
			count_json(s->outcome[i]));
	json_object_set_new(j, "sent", count_json(s->sent));
	json_object_set_new(
		j, "good", count_json(s->outcome[ROUTE_O_SECURE] + s->outcome[ROUTE_O_INSECURE]));
	json_object_set_new(j, "bad", count_json(bad_outcomes(s)));
	json_object_set_new(j, "timeouts", count_json(s->outcome[ROUTE_O_TIMEOUT]));
	json_object_set_new(
		j, "rtt_us", s->rtt_count ? count_json(s->rtt_us_sum / s->rtt_count) : json_null());
	json_object_set_new(j, "rtt_us_sum", count_json(s->rtt_us_sum));
	json_object_set_new(j, "rtt_buckets", buckets_json(s));
	uint64_t p99_us = route_sample_rtt_us(s, 99);
	json_object_set_new(
		j, "rtt_p99_us", p99_us && p99_us < UINT64_MAX ? count_json(p99_us) : json_null());
	json_object_set_new(j, "expires_in_s", until_json(epoch_s, s->nearest_expiration));
	json_object_set_new(j, "signed_s_ago",
		s->newest_inception ? json_integer(val_time_diff(s->newest_inception, epoch_s))
				    : json_null());
	json_object_set_new(j, "last_sent_us", count_json(s->last_sent_us));
	json_object_set_new(j, "outcomes", outcomes);
}

/** The newest SOA serial (RFC 1982) that any path of each zone has shown; NULL out of memory. */
static uint32_t *newest_serials(struct ctl_daemon *d)
{
	const struct route_config *c = ctl_world_config(d->world);
	struct route_paths *p = ctl_world_paths(d->world);
	uint32_t *newest = calloc(c->zone_count ? c->zone_count : 1, sizeof(*newest));

	for (size_t id = 0; newest && id < route_paths_count(p); id++) {
		const struct route_path *path = route_paths_at(p, (uint16_t)id);
		uint32_t serial = ctl_probe_serial(d->probe, (uint16_t)id);
		if (!path || !serial)
			continue;
		uint32_t *of_zone = &newest[path->zone];
		if (*of_zone == 0 || (int32_t)(serial - *of_zone) > 0)
			*of_zone = serial;
	}
	return newest;
}

/** Why the operator drained it, and for how long still; null when there is no end. */
static json_t *drain_json(const struct ctl_drain *drain)
{
	uint64_t now_ms = ctl_now_ms();
	uint64_t left_ms = drain->until_ms > now_ms ? drain->until_ms - now_ms : 0;

	return json_pack("{s:s,s:o}", "reason", drain->reason, "left_s",
		drain->until_ms ? count_json((left_ms + 999) / 1000) : json_null());
}

static json_t *path_json(struct ctl_daemon *d, const struct route_path *path,
	const struct route_sample *sample, const uint32_t *newest)
{
	const struct dp_hops *hops = ctl_world_hops(d->world);
	const struct ctl_drain *drain = d->drains ? ctl_drains_find(d->drains, path->id) : NULL;
	uint32_t serial = ctl_probe_serial(d->probe, path->id);
	json_t *j = json_pack("{s:i,s:o,s:s,s:o,s:s}", "path", path->id, "zone",
		name_json(&path->zone_name), "site", path->site_name, "address",
		addr_json(&path->addr), "state", route_state_name(path->state));

	json_object_set_new(j, "reachable",
		json_boolean(hops && path->id < hops->count && hops->hop[path->id].ok));
	json_object_set_new(j, "serial", serial ? count_json(serial) : json_null());
	json_object_set_new(j, "serial_lag",
		serial && newest ? count_json(newest[path->zone] - serial) : json_null());
	json_object_set_new(j, "nsid", json_string(ctl_probe_nsid(d->probe, path->id)));
	if (drain && path->state == ROUTE_DRAINED)
		json_object_set_new(j, "drain", drain_json(drain));
	if (sample)
		add_sample(j, sample, ctl_epoch_s());
	return j;
}

json_t *ctl_report_sites(struct ctl_daemon *d)
{
	struct route_paths *p = ctl_world_paths(d->world);
	uint32_t *newest = newest_serials(d);
	json_t *sites = json_array();
	size_t sampled;
	const struct route_sample *samples = ctl_steer_samples(d->steer, &sampled);

	for (size_t id = 0; id < route_paths_count(p); id++) {
		const struct route_path *path = route_paths_at(p, (uint16_t)id);
		if (path)
			json_array_append_new(sites,
				path_json(d, path, id < sampled ? &samples[id] : NULL, newest));
	}
	free(newest);
	return sites;
}

/* ---- stats ---- */

static json_t *drops_json(const struct dp_stats *s)
{
	json_t *drops = json_object();

	for (unsigned i = 0; i < DP_DROP_MAX; i++)
		json_object_set_new(
			drops, dp_drop_name((enum dp_drop)i), count_json(s->dropped[i]));
	return drops;
}

static json_t *rcodes_json(const struct dp_stats *s)
{
	json_t *rcodes = json_object();
	char text[DNS_MNEMONIC_MAX];

	for (uint16_t i = 0; i < 16; i++)
		if (s->answered_rcode[i])
			json_object_set_new(
				rcodes, dns_rcode_text(i, text), count_json(s->answered_rcode[i]));
	return rcodes;
}

static json_t *verdicts_json(const struct dp_stats *s)
{
	json_t *verdicts = json_object(), *reasons = json_object();

	for (unsigned i = 0; i < VAL_PENDING; i++)
		json_object_set_new(
			verdicts, val_verdict_name((enum val_verdict)i), count_json(s->verdict[i]));
	for (unsigned i = 0; i < VAL_R_MAX; i++)
		if (s->reason[i])
			json_object_set_new(reasons, val_reason_name((enum val_reason)i),
				count_json(s->reason[i]));
	return json_pack("{s:o,s:o}", "verdicts", verdicts, "reasons", reasons);
}

static json_t *stats_json(const struct dp_stats *s)
{
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{"received", s->received},
		{"matched", s->matched},
		{"forwarded", s->forwarded},
		{"answered", s->answered},
		{"dropped_total", dropped(s)},
		{"waiting", s->waiting},
		{"sent_upstream", s->sent_upstream},
		{"retried", s->retried},
		{"coalesced", s->coalesced},
		{"truncated", s->truncated},
		{"near_misses", s->near_misses},
		{"asks", s->asks},
		{"failures_cached", s->failures_cached},
		{"failure_hits", s->failure_hits},
		{"upstream_tx_full", s->upstream_tx_full},
		{"redraws", s->redraws},
		{"handed_over", s->handed_over},
		{"keys_awaited", s->keys_awaited},
		{"cache_hits", s->cache_hits},
		{"cache_misses", s->cache_misses},
		{"cache_stale", s->cache_stale},
		{"cache_kept", s->cache_kept},
		{"prefetches", s->prefetches},
		{"sig_hits", s->sig_hits},
		{"sig_misses", s->sig_misses},
		{"sig_verified_good", s->sig_verified_good},
		{"sig_verified_bad", s->sig_verified_bad},
		{"sig_ring_full", s->sig_ring_full},
		{"sig_refused", s->sig_refused},
		{"chain_asked", s->chain_asked},
		{"chain_joined", s->chain_joined},
		{"chain_waited", s->chain_waited},
		{"chain_failed", s->chain_failed},
		{"chain_truncated", s->chain_truncated},
		{"chain_renewed", s->chain_renewed},
		{"chain_fetched", s->chain_fetched},
		{"chain_limit", s->chain_limit},
		{"chain_full", s->chain_full},
		{"transactions", s->transactions},
		{"bursts", s->bursts},
		{"idle_bursts", s->idle_bursts},
		{"busy_cycles", s->busy_cycles},
		{"waits", s->waits},
		{"waited_cycles", s->waited_cycles},
		{"view", s->view_number},
	};
	json_t *j = verdicts_json(s);

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_set_new(j, numbers[i].name, count_json(numbers[i].value));
	json_object_set_new(j, "dropped", drops_json(s));
	json_object_set_new(j, "rcodes", rcodes_json(s));
	return j;
}

json_t *ctl_report_lcores(struct ctl_daemon *d)
{
	struct dp_lcore_use use[DP_WORKERS_MAX + CTL_LCORES_MAX];
	unsigned n = dp_lcore_uses(d->dp, use, sizeof(use) / sizeof(use[0]));
	json_t *lcores = json_object();
	char text[16];

	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%u", use[i].lcore);
		json_object_set_new(lcores, text,
			json_pack("{s:s,s:o,s:o}", "role", use[i].crypto ? "crypto" : "worker",
				"total_cycles", count_json(use[i].total_cycles), "busy_cycles",
				count_json(use[i].busy_cycles)));
	}
	return lcores;
}

json_t *ctl_report_identity(const struct ctl_daemon *d)
{
	struct dp_stats s;

	dp_stats_sum(d->dp, &s);
	uint64_t accounted = s.matched + s.forwarded + s.answered + dropped(&s) + s.waiting;
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:o,s:o}", "received",
		count_json(s.received), "matched", count_json(s.matched), "forwarded",
		count_json(s.forwarded), "answered", count_json(s.answered), "dropped",
		count_json(dropped(&s)), "waiting", count_json(s.waiting), "accounted",
		count_json(accounted), "holds", accounted == s.received, "transactions",
		count_json(s.transactions), "mbufs_out", count_json(dp_mbufs_out(d->dp)));
}

/** TCP is beside the identity: these queries are no packets of ours. */
static json_t *tcp_json(const struct ctl_daemon *d)
{
	struct ctl_listen_stats l = {0};
	struct ctl_resolver_stats r = {0};

	if (d->listen)
		ctl_listen_stats(d->listen, &l);
	if (d->resolver)
		ctl_resolver_stats(d->resolver, &r);
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "open",
		count_json(l.open), "accepted", count_json(l.accepted), "refused",
		count_json(l.refused), "idle", count_json(l.idle), "queries", count_json(l.queries),
		"over_rate", count_json(l.over_rate), "forwarded", count_json(r.forwarded),
		"answered", count_json(r.answered), "hung_up", count_json(r.hung_up), "tries",
		count_json(r.tries), "pending", count_json(r.pending));
}

json_t *ctl_report_stats(struct ctl_daemon *d)
{
	json_t *workers = json_array();
	struct dp_stats s;

	for (unsigned i = 0; i < dp_worker_count(d->dp); i++) {
		dp_stats_worker(d->dp, i, &s);
		json_array_append_new(workers, stats_json(&s));
	}
	dp_stats_sum(d->dp, &s);
	return json_pack("{s:o,s:o,s:o,s:o,s:o}", "sum", stats_json(&s), "workers", workers, "tcp",
		tcp_json(d), "cache", cache_json(d, &s), "identity", ctl_report_identity(d));
}

/* ---- negative trust anchors ---- */

json_t *ctl_report_ntas(struct ctl_daemon *d)
{
	uint32_t epoch_s = ctl_epoch_s();
	json_t *list = json_array();

	for (size_t i = 0; i < ctl_ntas_count(d->ntas); i++) {
		const struct ctl_nta *n = ctl_ntas_at(d->ntas, i);
		json_array_append_new(
			list, json_pack("{s:o,s:s,s:i,s:i,s:b,s:o,s:i,s:i}", "name",
				      name_json(&n->name), "reason", n->reason, "since_s_ago",
				      val_time_diff(n->since, epoch_s), "left_s",
				      val_time_diff(epoch_s, n->until), "forced", n->forced,
				      "checked_s_ago",
				      n->checked ? json_integer(val_time_diff(n->checked, epoch_s))
						 : json_null(),
				      "validated", n->good, "failed", n->bad));
	}
	return list;
}

/* ---- keys ---- */

static json_t *key_tags(const struct val_zone_keys *k)
{
	json_t *tags = json_array();

	for (unsigned i = 0; k && i < k->count; i++)
		json_array_append_new(tags, json_pack("{s:i,s:i}", "tag", k->key[i].key_tag,
						    "algorithm", k->key[i].algorithm));
	return tags;
}

/** Of a zone that is a trust point: its keys as RFC 5011 has them, and when that will change. */
static json_t *anchors_json(const struct ctl_daemon *d, const struct dns_name *zone)
{
	const struct ctl_trust_config *cfg = ctl_trust_config(d->trust);
	uint32_t epoch_s = ctl_epoch_s();
	json_t *list = json_array();

	for (size_t i = 0; i < ctl_trust_count(d->trust); i++) {
		const struct val_trustpoint *p = ctl_trust_at(d->trust, i);
		for (unsigned k = 0; k < p->count && dns_name_equal(p->zone.octets, zone->octets);
			k++) {
			const struct val_tracked *a = &p->key[k];
			json_array_append_new(list,
				json_pack("{s:i,s:i,s:s,s:s,s:i,s:o,s:o}", "tag",
					a->anchor.key.key_tag, "algorithm", a->anchor.key.algorithm,
					"form", a->anchor.type == DNS_TYPE_DS ? "DS" : "DNSKEY",
					"state", val_key_state_name(a->state), "since_s_ago",
					val_time_diff(a->since, epoch_s), "seen_s_ago",
					a->seen ? json_integer(val_time_diff(a->seen, epoch_s))
						: json_null(),
					"next_s",
					until_json(epoch_s,
						cfg->follow ? val_tracked_due(a, &cfg->params)
							    : 0)));
		}
	}
	return list;
}

json_t *ctl_report_keys(struct ctl_daemon *d)
{
	const struct val_keys *keys = ctl_world_keys(d->world);
	uint32_t epoch_s = ctl_epoch_s();
	json_t *list = json_array();

	for (size_t i = 0; i < ctl_keeper_count(d->keeper); i++) {
		struct ctl_keeper_info info;
		ctl_keeper_info(d->keeper, i, ctl_now_ms(), &info);
		const struct val_zone_keys *k = val_keys_find(keys, info.zone.octets);
		bool has_end = info.status == VAL_ZONE_SECURE || info.status == VAL_ZONE_INSECURE;
		json_array_append_new(list,
			json_pack("{s:o,s:s,s:s,s:s,s:o,s:o,s:o,s:i,s:o}", "zone",
				name_json(&info.zone), "status", status_name(info.status), "reason",
				val_reason_name(k ? k->why : VAL_R_NO_CHAIN), "last_failure",
				info.failures ? val_reason_name(info.last.reason) : "none", "keys",
				key_tags(k), "valid_s",
				has_end ? until_json(epoch_s, info.valid_until) : json_null(),
				"refresh_in_ms", count_json(info.refresh_in_ms), "failures",
				info.failures, "anchors", anchors_json(d, &info.zone)));
	}
	return list;
}

/* ---- routes ---- */

/** A percentage; the table knows it to 1/65536. */
static json_t *tenths_json(double percent)
{
	return json_real((double)(int)(percent * 10 + 0.5) / 10);
}

/** What an order says of a site; the plain share where it says nothing. */
static struct route_share share_of_site(const struct route_order_config *o, uint16_t site)
{
	for (size_t i = 0; i < o->site_count; i++)
		if (o->sites[i] == site)
			return route_order_share(o, i);
	return (struct route_share){.weight = 1, .limit_percent = 100};
}

static json_t *order_paths(struct ctl_daemon *d, const struct route_config *c, int zone,
	const struct route_order_config *o)
{
	const struct route_table *t = ctl_world_table(d->world);
	uint16_t region = o->region;
	double share[ROUTE_ZONE_PATHS_MAX] = {0};
	struct route_choice choice[ROUTE_ZONE_PATHS_MAX];
	enum route_state state[ROUTE_ZONE_PATHS_MAX];
	size_t n = route_table_paths(t, zone, region, choice, state, ROUTE_ZONE_PATHS_MAX);
	json_t *paths = json_array();

	route_table_shares(t, zone, region, share, ROUTE_ZONE_PATHS_MAX);
	for (size_t i = 0; i < n && i < ROUTE_ZONE_PATHS_MAX; i++) {
		struct route_share s = share_of_site(o, choice[i].site);
		json_array_append_new(paths,
			json_pack("{s:s,s:o,s:s,s:i,s:i,s:i,s:o}", "site",
				choice[i].site < c->site_count ? c->sites[choice[i].site].name
							       : "?",
				"address", addr_json(&choice[i].addr), "state",
				route_state_name(state[i]), "group", s.group + 1, "weight",
				s.weight, "share_limit", s.limit_percent, "share",
				tenths_json(100 * share[i])));
	}
	return paths;
}

static json_t *orders_json(
	struct ctl_daemon *d, const struct route_config *c, const struct route_zone_config *z)
{
	int zone = route_table_zone(ctl_world_table(d->world), z->name.octets, false);
	json_t *orders = json_array();

	for (size_t i = 0; zone >= 0 && i < z->order_count; i++) {
		uint16_t region = z->orders[i].region;
		const char *name = region == ROUTE_REGION_NONE ? "*" : c->regions[region].name;
		json_array_append_new(
			orders, json_pack("{s:s,s:s,s:o}", "region", name, "policy",
					route_policy_name(z->orders[i].policy), "paths",
					order_paths(d, c, zone, &z->orders[i])));
	}
	return orders;
}

json_t *ctl_report_routes(struct ctl_daemon *d)
{
	const struct route_config *c = ctl_world_config(d->world);
	json_t *zones = json_array();

	for (size_t i = 0; i < c->zone_count; i++)
		json_array_append_new(zones,
			json_pack("{s:o,s:s,s:o}", "zone", name_json(&c->zones[i].name), "kind",
				c->zones[i].kind == ROUTE_RECURSIVE ? "recursive" : "authoritative",
				"regions", orders_json(d, c, &c->zones[i])));
	return json_pack("{s:o,s:o}", "number", count_json(ctl_world_table_number(d->world)),
		"zones", zones);
}
