#include "control/metrics.h"

#include <string.h>

#include "control/prom.h"
#include "routing/evidence.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *text(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

static int64_t number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

/* ---- swerved ---- */

static void write_info(const struct ctl_metrics *m, FILE *out)
{
	const json_t *s = m->status;
	char version[32];

	ctl_prom_family(out, "swerve_info", "gauge", "Which swerved this is; always 1.");
	ctl_prom_count(out, "swerve_info",
		(struct ctl_prom_label[]){{"version", text(s, "version")}, {0}}, 1);
	ctl_prom_family(out, "swerve_route_info", "gauge",
		"The route table in use: its number and the SHA-256 of its routes; always 1.");
	snprintf(version, sizeof(version), "%lld", (long long)number(s, "table"));
	ctl_prom_count(out, "swerve_route_info",
		(struct ctl_prom_label[]){
			{"version", version}, {"hash", text(s, "routes_hash")}, {0}},
		1);
	ctl_prom_family(out, "swerve_start_time_seconds", "gauge",
		"When swerved started, in seconds since the epoch.");
	ctl_prom_count(out, "swerve_start_time_seconds", NULL, m->epoch_s - number(s, "uptime_s"));
	ctl_prom_family(out, "swerve_ready", "gauge", "1 once the keys of every zone are settled.");
	ctl_prom_count(out, "swerve_ready", NULL, json_is_true(json_object_get(s, "ready")));
}

static void write_fault(const struct ctl_metrics *m, FILE *out)
{
	static const char *const kinds[] = {"site", "zone", "ours"};
	const char *kind = text(json_object_get(m->status, "fault"), "kind");

	ctl_prom_family(out, "swerve_fault", "gauge",
		"Whose fault it is when something is wrong now: a site's, a zone's, or ours.");
	for (size_t i = 0; i < COUNT(kinds); i++)
		ctl_prom_count(out, "swerve_fault",
			(struct ctl_prom_label[]){{"kind", kinds[i]}, {0}},
			strcmp(kind, kinds[i]) == 0);
}

static void write_events(const struct ctl_metrics *m, FILE *out)
{
	const char *kind;
	json_t *v;

	ctl_prom_family(out, "swerve_events_total", "counter", "Events since the start, by kind.");
	json_object_foreach((json_t *)(uintptr_t)m->events, kind, v)
		ctl_prom_count(out, "swerve_events_total",
			(struct ctl_prom_label[]){{"kind", kind}, {0}}, json_integer_value(v));
}

/* ---- workers ---- */

/** One number of `stats` and what it is called here. */
struct family {
	const char *key, *name, *type, *help;
};

static const struct family per_worker[] = {
	{"received", "swerve_received_packets_total", "counter",
		"Packets received. Equals matched + forwarded + answered + dropped + waiting."},
	{"matched", "swerve_matched_replies_total", "counter",
		"Replies of upstreams that matched a query of ours."},
	{"forwarded", "swerve_forwarded_queries_total", "counter",
		"Clients' queries that were answered with an upstream's reply."},
	{"answered", "swerve_answered_queries_total", "counter",
		"Clients' queries that were answered by swerve itself."},
	{"waiting", "swerve_waiting_queries", "gauge",
		"Clients' queries whose answer is not there yet."},
	{"transactions", "swerve_transactions", "gauge", "Transactions in use."},
	{"sent_upstream", "swerve_upstream_queries_total", "counter", "Queries sent to upstreams."},
	{"retried", "swerve_retries_total", "counter",
		"Questions that went to another path after one had failed."},
	{"coalesced", "swerve_coalesced_queries_total", "counter",
		"Queries that joined one that was already out."},
	{"truncated", "swerve_truncated_answers_total", "counter", "Answers given with TC=1."},
	{"near_misses", "swerve_near_misses_total", "counter",
		"Packets from an upstream's address that guessed a port but not the ID."},
	{"handed_over", "swerve_handed_over_replies_total", "counter",
		"Replies given to the worker that waits for them."},
	{"failures_cached", "swerve_failures_cached_total", "counter",
		"Questions remembered as failed (RFC 9520)."},
	{"failure_hits", "swerve_failure_hits_total", "counter",
		"Queries answered from failures remembered."},
	{"cache_hits", "swerve_cache_hits_total", "counter",
		"Queries answered from the response cache."},
	{"cache_misses", "swerve_cache_misses_total", "counter",
		"Queries that the response cache had no answer for."},
	{"cache_stale", "swerve_cache_stale_answers_total", "counter",
		"Answers past their end, given because every site failed (RFC 8767)."},
	{"cache_kept", "swerve_cache_kept_total", "counter",
		"Answers put into the response cache."},
	{"prefetches", "swerve_cache_prefetches_total", "counter",
		"Answers asked for again before their end."},
	{"upstream_tx_full", "swerve_upstream_tx_full_total", "counter",
		"Our queries that a NIC did not take."},
	{"sig_hits", "swerve_signature_cache_hits_total", "counter",
		"Signatures that the cache knew."},
	{"sig_misses", "swerve_signature_cache_misses_total", "counter",
		"Signatures that had to be verified."},
	{"sig_ring_full", "swerve_signature_ring_full_total", "counter",
		"Signatures that could not be verified for want of room."},
	{"sig_refused", "swerve_signatures_refused_total", "counter",
		"Signatures not verified, since so many of their zone had failed."},
	{"keys_awaited", "swerve_keys_awaited_total", "counter",
		"Replies held until an unknown key was looked for."},
	{"chain_asked", "swerve_chain_questions_total", "counter",
		"Questions for DS and DNSKEY of zones that are not routed."},
	{"chain_joined", "swerve_chain_questions_joined_total", "counter",
		"Needs of such an answer that found its question under way."},
	{"chain_waited", "swerve_chain_waits_total", "counter",
		"Times that a reply was held for such an answer."},
	{"chain_failed", "swerve_chain_questions_failed_total", "counter",
		"Such questions without a good answer."},
	{"chain_truncated", "swerve_chain_answers_truncated_total", "counter",
		"Answers to them that did not fit into UDP."},
	{"chain_fetched", "swerve_chain_answers_fetched_total", "counter",
		"Of these, fetched by TCP."},
	{"chain_limit", "swerve_chain_limited_replies_total", "counter",
		"Replies given up that needed too many questions or verifications."},
	{"chain_full", "swerve_chain_refused_replies_total", "counter",
		"Replies given up for want of room to wait for keys."},
	{"bursts", "swerve_bursts_total", "counter", "Turns of the worker's loop."},
	{"idle_bursts", "swerve_idle_bursts_total", "counter", "Turns that had no work."},
	{"waits", "swerve_idle_waits_total", "counter",
		"Waits in silence, instead of turns without work."},
	{"view", "swerve_view_number", "gauge", "The view that this worker looks at."},
};

/** The label of worker i; buf is the caller's. */
static const char *index_text(size_t i, char buf[24])
{
	snprintf(buf, 24, "%zu", i);
	return buf;
}

static void write_worker_family(const json_t *workers, const struct family *f, FILE *out)
{
	const json_t *w;
	char buf[24];
	size_t i;

	ctl_prom_family(out, f->name, f->type, f->help);
	json_array_foreach(workers, i, w) ctl_prom_count(out, f->name,
		(struct ctl_prom_label[]){{"worker", index_text(i, buf)}, {0}}, number(w, f->key));
}

static void write_seconds(const struct ctl_metrics *m, const json_t *workers, const char *key,
	const char *name, const char *help, FILE *out)
{
	const json_t *w;
	char buf[24];
	size_t i;

	if (!(m->cycles_per_s > 0))
		return;
	ctl_prom_family(out, name, "counter", help);
	json_array_foreach(workers, i, w) ctl_prom_real(out, name,
		(struct ctl_prom_label[]){{"worker", index_text(i, buf)}, {0}},
		(double)number(w, key) / m->cycles_per_s);
}

/** An object of counters as one family with a label. */
static void write_object(
	const json_t *obj, const char *name, const char *label, const char *help, FILE *out)
{
	const char *key;
	json_t *v;

	ctl_prom_family(out, name, "counter", help);
	json_object_foreach((json_t *)(uintptr_t)obj, key, v) ctl_prom_count(
		out, name, (struct ctl_prom_label[]){{label, key}, {0}}, json_integer_value(v));
}

static void write_verified(const json_t *sum, FILE *out)
{
	static const char name[] = "swerve_signatures_verified_total";

	ctl_prom_family(out, name, "counter", "Signatures verified, by result.");
	ctl_prom_count(out, name, (struct ctl_prom_label[]){{"result", "good"}, {0}},
		number(sum, "sig_verified_good"));
	ctl_prom_count(out, name, (struct ctl_prom_label[]){{"result", "bad"}, {0}},
		number(sum, "sig_verified_bad"));
}

static void write_stats(const struct ctl_metrics *m, FILE *out)
{
	const json_t *workers = json_object_get(m->stats, "workers");
	const json_t *sum = json_object_get(m->stats, "sum");

	for (size_t i = 0; i < COUNT(per_worker); i++)
		write_worker_family(workers, &per_worker[i], out);
	write_seconds(m, workers, "busy_cycles", "swerve_worker_busy_seconds_total",
		"Time that the worker's loop had work.", out);
	write_seconds(m, workers, "waited_cycles", "swerve_worker_waited_seconds_total",
		"Time that the worker waited in silence.", out);
	write_object(json_object_get(sum, "dropped"), "swerve_dropped_packets_total", "reason",
		"Packets dropped, by reason.", out);
	write_object(json_object_get(sum, "rcodes"), "swerve_client_answers_total", "rcode",
		"Answers to clients, by RCODE.", out);
	write_object(json_object_get(sum, "verdicts"), "swerve_verdicts_total", "verdict",
		"Upstreams' replies by verdict (RFC 4033 section 5).", out);
	write_object(json_object_get(sum, "reasons"), "swerve_verdict_reasons_total", "reason",
		"Upstreams' replies by the reason of their verdict.", out);
	write_verified(sum, out);
}

static const struct family tcp_families[] = {
	{"open", "swerve_tcp_connections", "gauge", "Clients' TCP connections now."},
	{"accepted", "swerve_tcp_accepted_total", "counter", "TCP connections taken."},
	{"refused", "swerve_tcp_refused_total", "counter", "TCP connections over a limit."},
	{"queries", "swerve_tcp_queries_total", "counter", "Queries over TCP."},
	{"forwarded", "swerve_tcp_forwarded_queries_total", "counter",
		"Queries over TCP that were answered with an upstream's reply."},
	{"answered", "swerve_tcp_answered_queries_total", "counter",
		"Queries over TCP that were answered by swerve itself."},
};

/** The response cache as a whole; what workers count of it is among theirs. */
static const struct family cache_families[] = {
	{"answers", "swerve_cache_entries", "gauge", "Answers in the response cache."},
	{"used", "swerve_cache_used_bytes", "gauge", "Memory that these answers take."},
	{"size", "swerve_cache_capacity_bytes", "gauge",
		"Memory of the response cache; 0 when it is off."},
	{"evictions", "swerve_cache_evictions_total", "counter",
		"Answers that gave way to others before their end."},
	{"contended", "swerve_cache_contended_total", "counter",
		"Answers not kept, since another writer was there."},
};

/** Numbers that swerved has once. */
static void write_singles(const json_t *j, const struct family *f, size_t count, FILE *out)
{
	for (size_t i = 0; j && i < count; i++) {
		ctl_prom_family(out, f[i].name, f[i].type, f[i].help);
		ctl_prom_count(out, f[i].name, NULL, number(j, f[i].key));
	}
}

/* ---- zones ---- */

static void write_zones(const struct ctl_metrics *m, FILE *out)
{
	const json_t *zones = json_object_get(m->status, "zones"), *z;
	size_t i;

	ctl_prom_family(out, "swerve_zone_paths", "gauge", "Paths of the zone.");
	json_array_foreach(zones, i, z) ctl_prom_count(out, "swerve_zone_paths",
		(struct ctl_prom_label[]){{"zone", text(z, "zone")}, {0}}, number(z, "paths"));
	ctl_prom_family(out, "swerve_zone_paths_up", "gauge", "Paths of the zone that are up.");
	json_array_foreach(zones, i, z) ctl_prom_count(out, "swerve_zone_paths_up",
		(struct ctl_prom_label[]){{"zone", text(z, "zone")}, {0}}, number(z, "up"));
	ctl_prom_family(out, "swerve_zone_fault", "gauge",
		"1 while every site of the zone is bad: nothing is moved.");
	json_array_foreach(zones, i, z) ctl_prom_count(out, "swerve_zone_fault",
		(struct ctl_prom_label[]){{"zone", text(z, "zone")}, {0}},
		json_is_true(json_object_get(z, "fault")));
}

static void write_keys(const struct ctl_metrics *m, FILE *out)
{
	const json_t *k;
	size_t i;

	ctl_prom_family(out, "swerve_zone_keys", "gauge",
		"Whether the zone's chain of trust has this status.");
	json_array_foreach(m->keys, i, k) ctl_prom_count(out, "swerve_zone_keys",
		(struct ctl_prom_label[]){
			{"zone", text(k, "zone")}, {"status", text(k, "status")}, {0}},
		1);
	ctl_prom_family(out, "swerve_zone_keys_valid_seconds", "gauge",
		"How long the zone's keys may still be used without being fetched again.");
	json_array_foreach(m->keys, i, k) if (json_is_integer(json_object_get(k, "valid_s")))
		ctl_prom_count(out, "swerve_zone_keys_valid_seconds",
			(struct ctl_prom_label[]){{"zone", text(k, "zone")}, {0}},
			number(k, "valid_s"));
	ctl_prom_family(out, "swerve_zone_key_failures", "gauge",
		"Failures in a row to fetch the zone's keys.");
	json_array_foreach(m->keys, i, k) ctl_prom_count(out, "swerve_zone_key_failures",
		(struct ctl_prom_label[]){{"zone", text(k, "zone")}, {0}}, number(k, "failures"));
}

/* ---- paths ---- */

enum { PATH_LABELS = 4, MORE_LABELS = 1 };

/** zone, site, address, family, and room for one more. */
struct path_labels {
	struct ctl_prom_label label[PATH_LABELS + MORE_LABELS + 1];
};

static struct path_labels labels_of(const json_t *p)
{
	const char *address = text(p, "address");

	return (struct path_labels){{{"zone", text(p, "zone")}, {"site", text(p, "site")},
		{"address", address}, {"family", strchr(address, ':') ? "ipv6" : "ipv4"}}};
}

static struct path_labels labels_and(const json_t *p, const char *name, const char *value)
{
	struct path_labels l = labels_of(p);

	l.label[PATH_LABELS] = (struct ctl_prom_label){name, value};
	return l;
}

static void write_states(const json_t *sites, FILE *out)
{
	static const char *const states[] = {"up", "probation", "lagging", "failing", "drained"};
	const json_t *p;
	size_t i;

	ctl_prom_family(out, "swerve_path_state", "gauge", "1 for the state that the path is in.");
	json_array_foreach(sites, i, p) for (size_t s = 0; s < COUNT(states); s++)
		ctl_prom_count(out, "swerve_path_state", labels_and(p, "state", states[s]).label,
			strcmp(text(p, "state"), states[s]) == 0);
}

static void write_answers(const json_t *sites, FILE *out)
{
	const json_t *p;
	const char *outcome;
	json_t *v;
	size_t i;

	ctl_prom_family(out, "swerve_path_queries_total", "counter", "Queries sent to the path.");
	json_array_foreach(sites, i, p) ctl_prom_count(
		out, "swerve_path_queries_total", labels_of(p).label, number(p, "sent"));
	ctl_prom_family(out, "swerve_path_outcomes_total", "counter",
		"What became of queries to the path; outcomes that never were are left out.");
	json_array_foreach(sites, i, p) json_object_foreach(json_object_get(p, "outcomes"), outcome,
		v) if (json_integer_value(v)) ctl_prom_count(out, "swerve_path_outcomes_total",
		labels_and(p, "outcome", outcome).label, json_integer_value(v));
}

/** A number of each path that has it. */
static void write_path_gauge(const json_t *sites, const struct family *f, FILE *out)
{
	const json_t *p;
	size_t i;

	ctl_prom_family(out, f->name, f->type, f->help);
	json_array_foreach(sites, i, p) if (json_is_integer(json_object_get(p, f->key)))
		ctl_prom_count(out, f->name, labels_of(p).label, number(p, f->key));
}

static void write_buckets(const json_t *p, FILE *out)
{
	const json_t *buckets = json_object_get(p, "rtt_buckets"), *v;
	int64_t sum = 0;
	char le[32];
	size_t i;

	json_array_foreach(buckets, i, v)
	{
		uint64_t max_us = route_rtt_bucket_max_us((unsigned)i);
		sum += json_integer_value(v);
		if (max_us == UINT64_MAX)
			strcpy(le, "+Inf");
		else
			snprintf(le, sizeof(le), "%.9g", (double)max_us / 1e6);
		ctl_prom_count(
			out, "swerve_path_rtt_seconds_bucket", labels_and(p, "le", le).label, sum);
	}
	ctl_prom_real(out, "swerve_path_rtt_seconds_sum", labels_of(p).label,
		(double)number(p, "rtt_us_sum") / 1e6);
	ctl_prom_count(out, "swerve_path_rtt_seconds_count", labels_of(p).label, sum);
}

static void write_rtt(const json_t *sites, FILE *out)
{
	const json_t *p;
	size_t i;

	ctl_prom_family(out, "swerve_path_rtt_seconds", "histogram",
		"Round-trip times of replies; paths without replies are left out.");
	json_array_foreach(sites, i, p) if (number(p, "rtt_us_sum") > 0) write_buckets(p, out);
}

static void write_paths(const struct ctl_metrics *m, FILE *out)
{
	static const struct family gauges[] = {
		{"expires_in_s", "swerve_path_expiry_margin_seconds", "gauge",
			"How far the nearest end of a signature in the last secure reply is; "
			"negative "
			"when it is past."},
		{"signed_s_ago", "swerve_path_newest_signature_age_seconds", "gauge",
			"How old the newest signature seen from the path is."},
		{"serial", "swerve_path_serial", "gauge", "SOA serial of the last probe."},
		{"serial_lag", "swerve_path_serial_lag", "gauge",
			"How far the serial is behind the newest of the zone's sites."},
	};

	write_states(m->sites, out);
	write_answers(m->sites, out);
	for (size_t i = 0; i < COUNT(gauges); i++)
		write_path_gauge(m->sites, &gauges[i], out);
	write_rtt(m->sites, out);
}

void ctl_metrics_write(const struct ctl_metrics *m, FILE *out)
{
	write_info(m, out);
	write_fault(m, out);
	write_events(m, out);
	write_stats(m, out);
	write_singles(json_object_get(m->stats, "tcp"), tcp_families, COUNT(tcp_families), out);
	write_singles(
		json_object_get(m->stats, "cache"), cache_families, COUNT(cache_families), out);
	write_zones(m, out);
	write_keys(m, out);
	write_paths(m, out);
}
