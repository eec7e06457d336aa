#include "control/nta.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "control/file.h"
#include "control/nta_walk.h"
#include "validator/now.h"
#include "validator/time.h"

/*
 * A check asks every path of the zone once. The zone validates again when some answer does and none
 * fails: one site that has the repaired version is not enough, since clients would meet the others.
 * Silence says nothing. Behind recursive upstreams a check is a walk (nta_walk.h), one at a time.
 */

enum { CHECK_MS = 2 * CTL_KEEPER_TIMEOUT_MS, WALK_MS = 60000 };

struct item {
	struct ctl_nta nta;
	uint64_t due_ms;  // of the next check
	uint64_t ends_ms; // of the check that is under way, 0 none
	uint64_t first_token;
	unsigned asked; // tokens first_token..first_token + asked - 1
	unsigned told;
	uint16_t good, bad;
	bool validates;
	bool walks;           // the check that is under way is the walk
	struct dns_name zone; // that the check is asked of
};

struct ctl_ntas {
	struct ctl_ntas_config cfg;
	struct val_verifier *verifier;
	uint64_t next_token;
	size_t count;
	struct item item[CTL_NTAS_MAX];
	bool walking;
	struct ctl_nta_walk walk;
	struct dns_msg msg; // scratch
	struct val_response response;
};

// Tokens of checks carry this bit: they meet neither the keeper's nor the probes'.
static const uint64_t token_mark = 1ull << 62;

int ctl_ntas_new(const struct ctl_ntas_config *cfg, struct ctl_ntas **out)
{
	struct ctl_ntas *n = calloc(1, sizeof(*n));
	int err;

	if (n == NULL)
		return -ENOMEM;
	n->cfg = *cfg;
	n->next_token = token_mark;
	err = val_verifier_new(&n->verifier);
	if (err != 0) {
		free(n);
		return err;
	}
	val_verifier_set_sha1(n->verifier, cfg->sha1);
	n->walk.verifier = n->verifier;
	n->walk.skew = cfg->skew;
	err = ctl_nta_walk_init(&n->walk);
	if (err != 0) {
		val_verifier_free(n->verifier);
		free(n);
		return err;
	}
	*out = n;
	return 0;
}

void ctl_ntas_free(struct ctl_ntas *n)
{
	if (n == NULL)
		return;
	ctl_nta_walk_fini(&n->walk);
	val_verifier_free(n->verifier);
	free(n);
}

/* ---- the list ---- */

static struct item *find(struct ctl_ntas *n, const struct dns_name *name)
{
	for (size_t i = 0; i < n->count; i++)
		if (dns_name_equal(n->item[i].nta.name.octets, name->octets))
			return &n->item[i];
	return NULL;
}

int ctl_ntas_add(struct ctl_ntas *n, const struct ctl_nta *nta, uint64_t now_ms)
{
	struct item *at = find(n, &nta->name);
	bool known = at != NULL;

	if (nta->until - nta->since < 1 || nta->until - nta->since > CTL_NTA_MAX_S)
		return -EINVAL;
	if (!known && n->count == CTL_NTAS_MAX)
		return -ENOSPC;
	if (!known)
		at = &n->item[n->count++];
	else if (at->walks)
		n->walking = false;
	*at = (struct item){.nta = *nta, .due_ms = now_ms + 1000ull * n->cfg.recheck_s};
	return known;
}

static void drop(struct ctl_ntas *n, struct item *at)
{
	size_t i = (size_t)(at - n->item);

	if (at->walks)
		n->walking = false;
	n->count--;
	memmove(at, at + 1, (n->count - i) * sizeof(*at));
}

int ctl_ntas_remove(struct ctl_ntas *n, const struct dns_name *name)
{
	struct item *at = find(n, name);

	if (at == NULL)
		return -ENOENT;
	drop(n, at);
	return 0;
}

size_t ctl_ntas_count(const struct ctl_ntas *n)
{
	return n->count;
}

const struct ctl_nta *ctl_ntas_at(const struct ctl_ntas *n, size_t i)
{
	return i < n->count ? &n->item[i].nta : NULL;
}

size_t ctl_ntas_names(const struct ctl_ntas *n, struct dns_name *out)
{
	for (size_t i = 0; i < n->count; i++)
		out[i] = n->item[i].nta.name;
	return n->count;
}

bool ctl_ntas_end(struct ctl_ntas *n, uint32_t epoch_s, struct ctl_nta *out, enum ctl_nta_end *why)
{
	for (size_t i = 0; i < n->count; i++) {
		struct item *at = &n->item[i];
		bool over = !val_time_before(epoch_s, at->nta.until);

		if (!over && !at->validates)
			continue;
		*why = over ? CTL_NTA_EXPIRED : CTL_NTA_VALIDATES;
		*out = at->nta;
		drop(n, at);
		return true;
	}
	return false;
}

/* ---- checks ---- */

static void ask_paths(struct ctl_ntas *n, struct item *at, struct route_paths *p,
	struct ctl_keeper_ask *out, size_t max)
{
	at->first_token = n->next_token;
	for (size_t id = 0; id < route_paths_count(p) && at->asked < max; id++) {
		const struct route_path *path = route_paths_at(p, (uint16_t)id);

		if (path == NULL || !dns_name_equal(path->zone_name.octets, at->zone.octets))
			continue;
		out[at->asked++] = (struct ctl_keeper_ask){
			.token = n->next_token++,
			.path = path->id,
			.addr = path->addr,
			.qname = at->nta.name,
			.qtype = DNS_TYPE_SOA,
		};
	}
}

static void end_check(struct ctl_ntas *n, struct item *at, uint64_t now_ms)
{
	if (at->walks) {
		at->good = n->walk.good;
		at->bad = n->walk.bad;
		n->walking = at->walks = false;
	}
	at->ends_ms = 0;
	at->due_ms = now_ms + 1000ull * n->cfg.recheck_s;
	at->nta.good = at->good;
	at->nta.bad = at->bad;
	at->validates = at->good > 0 && at->bad == 0 && !at->nta.forced;
}

/* Behind recursive upstreams; while another one walks it waits. */
static void begin_walk(struct ctl_ntas *n, struct item *at, struct route_paths *p, uint64_t now_ms)
{
	if (n->walking)
		return;
	n->walking = at->walks = true;
	at->ends_ms = now_ms + WALK_MS;
	ctl_nta_walk_begin(&n->walk, &at->nta.name, &at->zone, p);
}

/* All paths of one zone or none: a half of them proves nothing. */
static size_t begin_check(struct ctl_ntas *n, struct item *at, const struct route_config *c,
	struct route_paths *p, uint64_t now_ms, struct ctl_keeper_ask *out, size_t max)
{
	const struct route_zone_config *zone = route_config_zone(c, &at->nta.name);

	if (zone == NULL) {
		at->due_ms = now_ms + 1000ull * n->cfg.recheck_s;
		return 0;
	}
	at->zone = zone->name;
	if (zone->kind == ROUTE_RECURSIVE)
		begin_walk(n, at, p, now_ms);
	if (zone->kind == ROUTE_RECURSIVE || max < ROUTE_ZONE_PATHS_MAX)
		return 0;
	at->asked = at->told = 0;
	at->good = at->bad = 0;
	ask_paths(n, at, p, out, max);
	at->ends_ms = now_ms + CHECK_MS;
	return at->asked;
}

static bool is_over(const struct ctl_ntas *n, const struct item *at, uint64_t now_ms)
{
	bool told = at->walks ? ctl_nta_walk_ended(&n->walk) : at->told == at->asked;

	return at->ends_ms != 0 && (told || now_ms >= at->ends_ms);
}

size_t ctl_ntas_due(struct ctl_ntas *n, const struct route_config *c, struct route_paths *p,
	uint64_t now_ms, struct ctl_keeper_ask *out, size_t max)
{
	size_t sent = 0;

	for (size_t i = 0; i < n->count; i++) {
		struct item *at = &n->item[i];

		if (is_over(n, at, now_ms))
			end_check(n, at, now_ms);
		if (at->ends_ms == 0 && now_ms >= at->due_ms)
			sent += begin_check(n, at, c, p, now_ms, out + sent, max - sent);
	}
	if (n->walking && sent < max && ctl_nta_walk_due(&n->walk, n->next_token, &out[sent])) {
		n->next_token++;
		sent++;
	}
	return sent;
}

bool ctl_ntas_by_tcp(const struct ctl_ntas *n, uint64_t token, struct ctl_keeper_ask *out)
{
	if (!n->walking || token == 0 || token != n->walk.question.token)
		return false;
	*out = n->walk.question;
	return true;
}

/* Does an answer validate? @retval 1 yes, 0 no, -1 it says nothing */
static int judge(struct ctl_ntas *n, const struct val_zone_keys *zone, uint32_t epoch_s)
{
	val_judge_now(n->verifier, &n->msg, zone, epoch_s, &n->cfg.skew, &n->response);
	if (n->response.kind >= VAL_KIND_LAME)
		return -1;
	switch (n->response.result.verdict) {
	case VAL_SECURE:
	case VAL_INSECURE:
		return 1;
	default:
		return 0;
	}
}

static void count(struct ctl_ntas *n, struct item *at, const struct val_zone_keys *zone,
	const struct dp_told *told, uint32_t epoch_s)
{
	int good = -1;

	at->told++;
	at->nta.checked = epoch_s;
	if (told->error == 0 && zone != NULL && dns_msg_parse(&n->msg, told->msg, told->len) == 0 &&
		(n->msg.flags & DNS_FLAG_TC) == 0)
		good = judge(n, zone, epoch_s);
	at->good = (uint16_t)(at->good + (good == 1));
	at->bad = (uint16_t)(at->bad + (good == 0));
}

void ctl_ntas_heard(struct ctl_ntas *n, const struct ctl_keeper *k, const struct ctl_nta_heard *h,
	uint32_t epoch_s)
{
	for (size_t i = 0; i < n->count; i++)
		if (n->item[i].walks) {
			ctl_nta_walk_told(&n->walk, k, h, epoch_s);
			n->item[i].nta.checked = epoch_s;
		}
}

bool ctl_ntas_told(
	struct ctl_ntas *n, struct ctl_keeper *k, const struct dp_told *told, uint32_t epoch_s)
{
	const struct ctl_nta_heard h = {told->token, told->error, told->msg, told->len};

	if ((told->token & token_mark) == 0 || (told->token & 1ull << 63) != 0)
		return false;
	ctl_ntas_heard(n, k, &h, epoch_s);
	for (size_t i = 0; i < n->count; i++) {
		struct item *at = &n->item[i];

		if (!at->walks && at->ends_ms != 0 && told->token - at->first_token < at->asked)
			count(n, at, ctl_keeper_keys(k, at->zone.octets), told, epoch_s);
	}
	return true;
}

/* ---- the file ---- */

static json_t *to_json(const struct ctl_nta *nta)
{
	char name[DNS_NAME_TEXT_MAX];

	return json_pack("{s:s,s:I,s:I,s:b,s:s}", "name",
		dns_name_to_text(nta->name.octets, name, sizeof(name)), "since",
		(json_int_t)nta->since, "until", (json_int_t)nta->until, "forced", nta->forced,
		"reason", nta->reason);
}

char *ctl_ntas_text(const struct ctl_ntas *n)
{
	json_t *list = json_array(), *all = json_pack("{s:i,s:o}", "format", 1, "ntas", list);
	char *text;

	for (size_t i = 0; i < n->count; i++)
		json_array_append_new(list, to_json(&n->item[i].nta));
	text = json_dumps(all, JSON_INDENT(1));
	json_decref(all);
	return text;
}

int ctl_ntas_save(const struct ctl_ntas *n, const char *path, char *err)
{
	char why[CTL_FILE_ERR_MAX] = "out of memory", *text = ctl_ntas_text(n);
	int rc = text != NULL ? ctl_file_write(path, text, strlen(text), why) : -ENOMEM;

	if (rc != 0)
		snprintf(err, CTL_NTA_ERR_MAX, "%s", why);
	free(text);
	return rc;
}

static bool from_json(json_t *j, uint32_t epoch_s, struct ctl_nta *out)
{
	const char *name, *reason;
	json_int_t since, until;
	int forced;

	memset(out, 0, sizeof(*out));
	if (json_unpack(j, "{s:s,s:I,s:I,s:b,s:s}", "name", &name, "since", &since, "until", &until,
		    "forced", &forced, "reason", &reason) != 0 ||
		dns_name_from_text(name, &out->name) != 0 || since < 0 || since > UINT32_MAX ||
		until <= since || until - since > CTL_NTA_MAX_S)
		return false;
	dns_name_lower(out->name.octets, out->name.len);
	out->since = (uint32_t)since;
	out->until = (uint32_t)until;
	out->forced = forced != 0;
	snprintf(out->reason, sizeof(out->reason), "%s", reason);
	if (val_time_before(epoch_s, out->since)) { // the clock was set back
		out->until = epoch_s + (out->until - out->since);
		out->since = epoch_s;
	}
	return true;
}

/* @return what is wrong, or NULL */
static const char *read_all(struct ctl_ntas *n, json_t *all, uint32_t epoch_s, uint64_t now_ms)
{
	const json_t *list = json_object_get(all, "ntas");
	struct ctl_nta nta;
	size_t i;
	json_t *j;

	if (json_integer_value(json_object_get(all, "format")) != 1 || !json_is_array(list))
		return "expected format 1 and a list \"ntas\"";
	if (json_array_size(list) > CTL_NTAS_MAX)
		return "too many negative trust anchors";
	json_array_foreach(list, i, j)
	{
		if (!from_json(j, epoch_s, &nta) || ctl_ntas_add(n, &nta, now_ms) < 0) {
			n->count = 0;
			return "an entry is not one of ours";
		}
	}
	return NULL;
}

int ctl_ntas_read(struct ctl_ntas *n, const char *name, const char *text, size_t len,
	uint32_t epoch_s, uint64_t now_ms, char *err)
{
	json_error_t at;
	json_t *all = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at);
	const char *wrong = all != NULL ? read_all(n, all, epoch_s, now_ms) : at.text;

	if (wrong != NULL)
		snprintf(err, CTL_NTA_ERR_MAX, "%.600s:%d: %s", name, all ? 1 : at.line, wrong);
	json_decref(all);
	return wrong != NULL ? -EINVAL : 0;
}

int ctl_ntas_load(
	struct ctl_ntas *n, const char *path, uint32_t epoch_s, uint64_t now_ms, char *err)
{
	char why[CTL_FILE_ERR_MAX], *text;
	size_t len;

	if (access(path, F_OK) != 0 && errno == ENOENT)
		return 0;
	int rc = ctl_file_read(path, &text, &len, why);
	if (rc != 0) {
		snprintf(err, CTL_NTA_ERR_MAX, "%s", why);
		return rc;
	}
	rc = ctl_ntas_read(n, path, text, len, epoch_s, now_ms, err);
	free(text);
	return rc;
}
