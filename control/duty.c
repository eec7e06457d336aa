#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/addr.h"
#include "control/daemon.h"
#include "control/fetch.h"
#include "dns/text.h"
#include "dns/wire.h"
#include "validator/time.h"

/* What the main lcore does over and over. Nothing here waits. */

enum {
	ASKS_MAX = 32,
	NAMES_MAX = 5, // examples in an event
	UNREADY_AFTER_MS = 10000,
	ASK_TIMEOUT_MAX_MS = 4095, // dp_ask()'s
};

/* ---- events ---- */

static const char *zone_text(const struct dns_name *zone, char buf[DNS_NAME_TEXT_MAX])
{
	return dns_name_to_text(zone->octets, buf, DNS_NAME_TEXT_MAX);
}

static json_t *finding_json(struct ctl_daemon *d, const struct route_finding *f)
{
	const struct route_path *path =
		f->path != 0xffff ? route_paths_at(ctl_world_paths(d->world), f->path) : NULL;
	const struct route_config *c = ctl_world_config(d->world);
	char name[DNS_NAME_TEXT_MAX], addr[CTL_ADDR_TEXT_MAX], type[DNS_MNEMONIC_MAX];
	json_t *j = json_pack("{s:s,s:i,s:i,s:i,s:I}", "worst", route_outcome_name(f->worst), "bad",
		f->bad, "total", f->total, "good_siblings", f->good_siblings, "table",
		(json_int_t)ctl_world_table_number(d->world));

	if (f->zone < c->zone_count)
		json_object_set_new(
			j, "zone", json_string(zone_text(&c->zones[f->zone].name, name)));
	if (path) {
		json_object_set_new(j, "site", json_string(path->site_name));
		json_object_set_new(j, "address", json_string(ctl_addr_text(&path->addr, addr)));
		json_object_set_new(j, "from", json_string(route_state_name(f->from)));
		json_object_set_new(j, "to", json_string(route_state_name(f->to)));
	}
	if (f->bad_reason && f->bad_reason < VAL_R_MAX)
		json_object_set_new(
			j, "reason", json_string(val_reason_name((enum val_reason)f->bad_reason)));
	if (f->bad_type)
		json_object_set_new(
			j, "type_covered", json_string(dns_type_text(f->bad_type, type)));
	if (f->bad_key_tag)
		json_object_set_new(j, "key_tag", json_integer(f->bad_key_tag));
	if (f->bad_expiration)
		json_object_set_new(j, "expired_s_ago",
			json_integer(val_time_diff(f->bad_expiration, ctl_epoch_s())));
	if (f->kind == ROUTE_F_LAGGING) {
		json_object_set_new(j, "lag", json_string(route_lag_name(f->lag)));
		json_object_set_new(j, "lag_by", json_integer(f->lag_by));
		if (f->nearest)
			json_object_set_new(j, "margin_s",
				json_integer(val_time_diff(ctl_epoch_s(), f->nearest)));
	}
	if (f->first_bad_ms)
		json_object_set_new(j, "since_first_bad_ms",
			json_integer((json_int_t)(ctl_now_ms() - f->first_bad_ms)));
	return j;
}

/**
 * A site was left for what it said, not for silence or a refusal: what it said before, though it
 * was signed, is not what its siblings say.
 */
static bool tells_old_data(const struct route_finding *f)
{
	if (f->to == ROUTE_LAGGING)
		return f->from == ROUTE_UP || f->from == ROUTE_PROBATION;
	return f->to == ROUTE_FAILING && f->from != ROUTE_FAILING &&
	       (f->worst == ROUTE_O_EXPIRED || f->worst == ROUTE_O_BOGUS ||
		       f->worst == ROUTE_O_UNSIGNED);
}

/** Examples for people: questions that the path answered badly. */
static json_t *names_json(struct ctl_daemon *d, uint16_t path)
{
	struct dp_badname names[NAMES_MAX];
	char text[DNS_NAME_TEXT_MAX], type[DNS_MNEMONIC_MAX];
	size_t n = dp_bad_names(d->dp, path, names, NAMES_MAX);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_sprintf("%s %s", zone_text(&names[i].name, text),
						    dns_type_text(names[i].qtype, type)));
	return list;
}

/** What the path did since the start: two events' difference is what it did between them. */
static void add_so_far(struct ctl_daemon *d, json_t *j, uint16_t path)
{
	size_t count;
	const struct route_sample *s = ctl_steer_samples(d->steer, &count);
	uint64_t bad = 0;

	if (path >= count)
		return;
	for (unsigned o = 0; o < ROUTE_O_MAX; o++)
		if (route_outcome_is_bad((enum route_outcome)o) || o == ROUTE_O_TIMEOUT)
			bad += s[path].outcome[o];
	json_object_set_new(j, "bad_so_far", json_integer((json_int_t)bad));
	json_object_set_new(j, "sent_so_far", json_integer((json_int_t)s[path].sent));
	json_object_set_new(j, "instance", json_string(ctl_probe_nsid(d->probe, path)));
	json_object_set_new(j, "names", names_json(d, path));
}

static void on_finding(void *arg, const struct route_finding *f, const char *text)
{
	struct ctl_daemon *d = arg;

	if (f->path != 0xffff && tells_old_data(f))
		ctl_purge_path(&d->purge, f->path);

	ctl_events_line(d->last_finding, sizeof(d->last_finding), text);
	json_t *fields = finding_json(d, f);
	if (f->path != 0xffff)
		add_so_far(d, fields, f->path);
	ctl_events_emit(d->events, route_finding_name(f->kind), fields, "%s", text);
}

/** What the history says of the table that comes. */
static void on_fastest(void *arg)
{
	struct ctl_daemon *d = arg;

	ctl_events_line(d->last_finding, sizeof(d->last_finding),
		"another site is the fastest by its round-trip times");
}

/** One zone's keys are not what they were: say it when the status is another. */
static void say_keys(
	struct ctl_daemon *d, const struct val_zone_keys *was, const struct val_zone_keys *now)
{
	enum val_zone_status before = was ? was->status : VAL_ZONE_UNKNOWN;
	char name[DNS_NAME_TEXT_MAX];

	if (before == now->status &&
		(now->status != VAL_ZONE_SECURE || (was && was->generation == now->generation)))
		return;
	zone_text(&now->zone, name);
	json_t *j = json_pack("{s:s,s:i,s:s}", "zone", name, "keys", now->count, "reason",
		val_reason_name(now->why));
	if (now->status == VAL_ZONE_SECURE)
		ctl_events_emit(d->events, "keys", j, "%s keys hold: %u key%s, good for %d s", name,
			now->count, now->count == 1 ? "" : "s",
			val_time_diff(ctl_epoch_s(), now->valid_until));
	else if (now->status == VAL_ZONE_UNKNOWN)
		ctl_events_emit(d->events, "keys_lost", j,
			"%s has no chain of trust any more: its answers cannot be judged", name);
	else
		ctl_events_emit(d->events, "keys", j, "%s is insecure: %s", name,
			val_reason_text(now->why));
}

/**
 * Answers are judged when they come. A zone that has keys now may have had none: what was let
 * through then must be judged. One that is insecure now, or by the operator's word, has no secure
 * answers. Lost keys take nothing from what was judged, and with the sites gone it is what there
 * is.
 */
static void purge_zone(
	struct ctl_daemon *d, const struct val_zone_keys *was, const struct val_zone_keys *now)
{
	enum val_zone_status before = was ? was->status : VAL_ZONE_UNKNOWN;

	if (before != now->status && now->status != VAL_ZONE_UNKNOWN)
		ctl_purge_zone(&d->purge, &now->zone, now->status == VAL_ZONE_SECURE);
}

static void say_changed_keys(struct ctl_daemon *d, const struct val_keys *fresh)
{
	const struct val_keys *old = ctl_world_keys(d->world);

	for (size_t i = 0; i < val_keys_count(fresh); i++) {
		const struct val_zone_keys *now = val_keys_at(fresh, i);
		const struct val_zone_keys *was = val_keys_find(old, now->zone.octets);
		say_keys(d, was, now);
		purge_zone(d, was, now);
	}
}

void ctl_duty_keys(struct ctl_daemon *d)
{
	struct val_keys *fresh;

	if (ctl_keeper_snapshot(d->keeper, &fresh) != 1)
		return;
	say_changed_keys(d, fresh);
	if (ctl_world_set_keys(d->world, fresh))
		ctl_events_emit(
			d->events, "error", NULL, "keys could not be published: out of memory");
}

/* ---- questions of our own ---- */

/** A recursive upstream wants RD. */
static enum route_kind kind_of(struct ctl_daemon *d, uint16_t path_id)
{
	const struct route_path *path = route_paths_at(ctl_world_paths(d->world), path_id);
	const struct route_config *c = ctl_world_config(d->world);

	return path && path->zone < c->zone_count ? c->zones[path->zone].kind : ROUTE_AUTHORITATIVE;
}

static void ask_for_keys(struct ctl_daemon *d)
{
	struct ctl_keeper_ask due[ASKS_MAX];
	uint64_t now_ms = ctl_now_ms();
	size_t n = ctl_keeper_due(
		d->keeper, ctl_world_paths(d->world), now_ms, ctl_epoch_s(), due, ASKS_MAX);

	for (size_t i = 0; i < n; i++) {
		struct dp_ask ask = {.token = due[i].token,
			.path = due[i].path,
			.addr = due[i].addr,
			.qname = due[i].qname,
			.qtype = due[i].qtype,
			.timeout_ms = CTL_KEEPER_TIMEOUT_MS,
			.kind = kind_of(d, due[i].path)};
		int rc = dp_ask(d->dp, &ask);
		if (rc)
			ctl_keeper_told(
				d->keeper, due[i].token, rc, NULL, 0, now_ms, ctl_epoch_s());
	}
}

/** Do zones under a negative trust anchor validate again? */
static void ask_checks(struct ctl_daemon *d)
{
	struct ctl_keeper_ask due[ROUTE_ZONE_PATHS_MAX];
	size_t n = ctl_ntas_due(d->ntas, ctl_world_config(d->world), ctl_world_paths(d->world),
		ctl_now_ms(), due, ROUTE_ZONE_PATHS_MAX);

	for (size_t i = 0; i < n; i++) {
		struct dp_ask ask = {.token = due[i].token,
			.path = due[i].path,
			.addr = due[i].addr,
			.qname = due[i].qname,
			.qtype = due[i].qtype,
			.timeout_ms = CTL_KEEPER_TIMEOUT_MS,
			.kind = kind_of(d, due[i].path)};
		dp_ask(d->dp, &ask); // what a full ring costs is silence, which says nothing
	}
}

static void ask_probes(struct ctl_daemon *d)
{
	struct ctl_probe_ask due[CTL_PROBE_BURST];
	size_t n = ctl_probe_due(
		d->probe, ctl_world_paths(d->world), ctl_now_ms(), due, CTL_PROBE_BURST);

	for (size_t i = 0; i < n; i++) {
		struct dp_ask ask = {.token = due[i].token,
			.path = due[i].path,
			.addr = due[i].addr,
			.qname = due[i].zone,
			.qtype = DNS_TYPE_SOA,
			.timeout_ms = d->cfg.dp.timeout_ms < ASK_TIMEOUT_MAX_MS
					      ? d->cfg.dp.timeout_ms
					      : ASK_TIMEOUT_MAX_MS,
			.nsid = true,
			.kind = kind_of(d, due[i].path)};
		dp_ask(d->dp, &ask); // a full ring costs one probe; the next one comes by itself
	}
}

/** An answer that UDP is too small for, on its way over TCP. */
struct by_tcp {
	struct ctl_daemon *d;
	uint64_t token;
};

static void on_told_by_tcp(void *arg, int error, const uint8_t *msg, uint16_t len)
{
	struct by_tcp *b = arg;

	const struct ctl_nta_heard heard = {b->token, error, msg, len};

	if (ctl_keeper_told(b->d->keeper, b->token, error, msg, len, ctl_now_ms(), ctl_epoch_s()))
		b->d->keeper_told = true;
	else
		ctl_ntas_heard(b->d->ntas, b->d->keeper, &heard, ctl_epoch_s());
	free(b);
}

static int ask_by_tcp(struct ctl_daemon *d, const struct ctl_keeper_ask *ask)
{
	struct ctl_tcp_question q = {
		.to = ask->addr,
		.kind = kind_of(d, ask->path),
		.qname = ask->qname,
		.qtype = ask->qtype,
		.edns_size = d->cfg.dp.edns_size,
		.timeout_ms = CTL_KEEPER_TIMEOUT_MS,
	};
	struct by_tcp *b = malloc(sizeof(*b));

	if (!b)
		return -ENOMEM;
	*b = (struct by_tcp){d, ask->token};
	int rc = ctl_tcp_ask_question(d->tcp_asks, &q, on_told_by_tcp, b);
	if (rc)
		free(b);
	return rc;
}

/** @return true: it will be told later */
static bool again_by_tcp(struct ctl_daemon *d, const struct dp_told *t)
{
	struct ctl_keeper_ask ask;

	if (t->error || t->len < DNS_HEADER_LEN ||
		!(dns_get16(t->msg + DNS_OFF_FLAGS) & DNS_FLAG_TC) ||
		(!ctl_keeper_by_tcp(d->keeper, t->token, ctl_now_ms(), &ask) &&
			!ctl_ntas_by_tcp(d->ntas, t->token, &ask)))
		return false;
	return ask_by_tcp(d, &ask) == 0;
}

static void hint(struct ctl_daemon *d, uint16_t path_id)
{
	const struct route_path *path = route_paths_at(ctl_world_paths(d->world), path_id);

	if (path)
		ctl_keeper_hint(
			d->keeper, path->zone_name.octets, path_id, ctl_now_ms(), ctl_epoch_s());
}

static void told_probe(struct ctl_daemon *d, const struct dp_told *t)
{
	int path;

	ctl_probe_told(d->probe, ctl_world_keys(d->world), t, ctl_now_us(), ctl_epoch_s());
	path = ctl_probe_key_wanted(d->probe);
	if (path >= 0)
		hint(d, (uint16_t)path);
}

static void on_told(void *arg, const struct dp_told *t)
{
	struct ctl_daemon *d = arg;

	if (again_by_tcp(d, t))
		return;
	if (ctl_keeper_told(
		    d->keeper, t->token, t->error, t->msg, t->len, ctl_now_ms(), ctl_epoch_s()))
		d->keeper_told = true;
	else if (!ctl_ntas_told(d->ntas, d->keeper, t, ctl_epoch_s()))
		told_probe(d, t);
}

/** Workers hold replies that are signed by keys they do not know: have the keeper look there. */
static bool hint_keeper(struct ctl_daemon *d)
{
	uint64_t sum = dp_keys_awaited_sum(d->dp);
	size_t count = route_paths_count(ctl_world_paths(d->world));

	if (sum == d->keys_awaited_sum)
		return false;
	d->keys_awaited_sum = sum;
	for (size_t id = 0; id < count; id++) {
		uint32_t n = dp_keys_awaited(d->dp, (uint16_t)id);
		if (n != d->keys_awaited[id])
			hint(d, (uint16_t)id);
		d->keys_awaited[id] = n;
	}
	return true;
}

/* ---- ready ---- */

static void say_unready(struct ctl_daemon *d)
{
	char list[512] = "", name[DNS_NAME_TEXT_MAX];

	for (size_t i = 0; i < ctl_keeper_count(d->keeper); i++) {
		struct ctl_keeper_info info;
		size_t n = strlen(list);
		ctl_keeper_info(d->keeper, i, ctl_now_ms(), &info);
		if (info.status == VAL_ZONE_UNKNOWN)
			snprintf(list + n, sizeof(list) - n, "%s%s (%u failures, %s)",
				n ? ", " : "", zone_text(&info.zone, name), info.failures,
				info.last.reason ? val_reason_text(info.last.reason)
						 : "no answer or not asked yet");
	}
	ctl_events_emit(d->events, "not_ready", NULL, "keys are still missing: %s", list);
}

static void check_ready(struct ctl_daemon *d)
{
	uint64_t age_ms = ctl_now_ms() - d->started_ms;

	if (d->ready)
		return;
	if (ctl_keeper_settled(d->keeper)) {
		d->ready = true;
		ctl_events_emit(d->events, "ready",
			json_pack("{s:I,s:I}", "after_ms", (json_int_t)age_ms, "table",
				(json_int_t)ctl_world_table_number(d->world)),
			"ready after %llu ms: the keys of all %zu zones are settled",
			(unsigned long long)age_ms, ctl_keeper_count(d->keeper));
	} else if (age_ms > UNREADY_AFTER_MS && !d->told_unready) {
		d->told_unready = true;
		say_unready(d);
	}
}

/* ---- duties ---- */

void ctl_duty_poll(struct ctl_daemon *d)
{
	dp_poll(d->dp, on_told, d);
	ctl_fetch_poll(d->dp, d->tcp_asks, d->cfg.dp.edns_size);
	// clients wait for the keys
	if (!hint_keeper(d) && !d->keeper_told)
		return;
	// the next step of a chain follows at once: four zones deep is four round trips, not four
	// ticks
	d->keeper_told = false;
	ctl_duty_keys(d);
	ask_for_keys(d);
}

static void gather(void *arg, struct route_sample *samples, size_t count)
{
	struct ctl_daemon *d = arg;

	dp_evidence(d->dp, samples, count);
	ctl_probe_add(d->probe, samples, count);
}

void ctl_duty_purge(struct ctl_daemon *d)
{
	struct dp_flush f;
	struct dp_stats s;

	if (!d->purge.some)
		return;
	dp_stats_sum(d->dp, &s);
	if (ctl_purge_due(&d->purge, ctl_now_ms(), ctl_world_view_number(d->world), s.view_number,
		    d->cfg.dp.budget_ms, &f))
		dp_flush(d->dp, &f);
}

void ctl_duty_tick(struct ctl_daemon *d)
{
	const struct ctl_steer_ops ops = {gather, on_finding, on_fastest, d};

	ctl_hops_tick(d);
	ctl_steer_tick(d->steer, d->world, &ops, ctl_now_ms(), ctl_epoch_s());
	ctl_routes_tick(d);
	ask_for_keys(d);
	ctl_duty_keys(d); // also what ran out without an answer
	ask_probes(d);
	ctl_follow_tick(d);
	ask_checks(d);
	ctl_negative_tick(d);
	ctl_duty_purge(d);
	ctl_world_tick(d->world, ctl_now_ms());
	check_ready(d);
}
