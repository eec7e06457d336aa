#include "control/probe.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/outcome.h"
#include "dns/rdata.h"
#include "dns/wire.h"
#include "validator/keyset.h"
#include "validator/now.h"

/*
 * A probe's reply is judged as a worker judges a client's, by the same function, but here every
 * signature is verified at once and nothing goes into the shared cache: probes share nothing with
 * client transactions.
 */

enum { NSID_MAX = 64, NSID_OPTION = 3 };

struct probed {
	uint64_t due_ms; // 0: not scheduled yet
	uint64_t token;  // out, 0 none
	char nsid[NSID_MAX + 1];
	struct route_sample sample;
};

struct ctl_probe {
	uint32_t interval_ms, per_second;
	uint64_t asked_ms, credit; // thousandths of a probe that may go out, as of asked_ms
	size_t turn;               // the path that is looked at first
	uint64_t next_token;
	struct val_verifier *verifier;
	struct val_skew skew;
	struct val_response response;
	struct dns_msg msg;
	int key_wanted; // path id, -1 none
	struct probed path[ROUTE_PATHS_MAX];
};

// Tokens of probes carry this bit, so that they never meet the keeper's; then path and number.
static const uint64_t token_mark = 1ull << 63;
enum { TOKEN_PATH_SHIFT = 40, PROBE_COST = 1000, CREDIT_MS = 100 };
static_assert(ROUTE_PATHS_MAX <= 1 << (62 - TOKEN_PATH_SHIFT), "a path fits into a token");

static uint64_t new_token(struct ctl_probe *pr, size_t path)
{
	uint64_t number = ++pr->next_token & ((1ull << TOKEN_PATH_SHIFT) - 1);

	return token_mark | (uint64_t)path << TOKEN_PATH_SHIFT | number;
}

static size_t token_path(uint64_t token)
{
	return (size_t)((token & ~token_mark) >> TOKEN_PATH_SHIFT);
}

int ctl_probe_new(uint32_t interval_ms, uint32_t per_second, const struct val_skew *skew, bool sha1,
	struct ctl_probe **out)
{
	struct ctl_probe *pr = calloc(1, sizeof(*pr));
	int err;

	if (pr == NULL)
		return -ENOMEM;
	pr->key_wanted = -1;
	pr->interval_ms = interval_ms > 0 ? interval_ms : 1;
	pr->per_second = per_second > 0 ? per_second : 1;
	pr->skew = *skew;
	err = val_verifier_new(&pr->verifier);
	if (err != 0) {
		free(pr);
		return err;
	}
	val_verifier_set_sha1(pr->verifier, sha1);
	*out = pr;
	return 0;
}

void ctl_probe_free(struct ctl_probe *pr)
{
	if (pr == NULL)
		return;
	val_verifier_free(pr->verifier);
	free(pr);
}

static uint64_t jittered(uint32_t interval_ms)
{
	return interval_ms - interval_ms / 5 + (uint64_t)rand() % (2ull * interval_ms / 5 + 1);
}

/* What a pause has left unused is not made up for, but for a tenth of a second's. */
static void earn(struct ctl_probe *pr, uint64_t now_ms)
{
	uint64_t pause_ms = pr->asked_ms != 0 && now_ms > pr->asked_ms ? now_ms - pr->asked_ms : 0;
	uint64_t most = (uint64_t)pr->per_second * CREDIT_MS;

	if (most < PROBE_COST)
		most = PROBE_COST;
	pr->asked_ms = now_ms;
	pr->credit += (pause_ms < CREDIT_MS * 100 ? pause_ms : CREDIT_MS * 100) * pr->per_second;
	if (pr->credit > most)
		pr->credit = most;
}

size_t ctl_probe_due(struct ctl_probe *pr, struct route_paths *p, uint64_t now_ms,
	struct ctl_probe_ask *out, size_t max)
{
	size_t n = 0, count = route_paths_count(p), first = pr->turn < count ? pr->turn : 0;

	earn(pr, now_ms);
	for (size_t i = 0; i < count; i++) {
		size_t id = first + i < count ? first + i : first + i - count;
		const struct route_path *path = route_paths_at(p, (uint16_t)id);
		struct probed *d = &pr->path[id];

		if (path == NULL || d->due_ms > now_ms)
			continue;
		if (d->due_ms == 0) { // the first one anywhere within an interval: paths are not
				      // probed in step
			d->due_ms = now_ms + (uint64_t)rand() % pr->interval_ms + 1;
			continue;
		}
		if (n == max || pr->credit < PROBE_COST) {
			pr->turn = id;
			break;
		}
		pr->credit -= PROBE_COST;
		d->due_ms = now_ms + jittered(pr->interval_ms);
		d->token = new_token(pr, id);
		out[n++] = (struct ctl_probe_ask){d->token, path->id, path->addr, path->zone_name};
	}
	return n;
}

/* ---- judging ---- */

static enum route_outcome judge(struct ctl_probe *pr, const struct val_keys *keys, uint32_t epoch_s)
{
	const struct val_zone_keys *zone = val_keys_find(keys, pr->msg.qname.octets);

	if (zone == NULL)
		return ROUTE_O_INDETERMINATE;
	val_judge_now(pr->verifier, &pr->msg, zone, epoch_s, &pr->skew, &pr->response);
	return dp_outcome(&pr->response, dns_msg_rcode(&pr->msg));
}

static void note_outcome(struct probed *d, enum route_outcome o)
{
	d->sample.outcome[o]++;
	d->sample.probed[o]++;
}

static void note_bad(struct route_sample *s, const struct val_result *r)
{
	s->bad_expiration = r->expiration;
	s->bad_type = r->type_covered;
	s->bad_reason = (uint16_t)r->reason;
	s->bad_key_tag = r->key_tag;
}

static void note_nsid(struct ctl_probe *pr, struct probed *d)
{
	uint16_t pos = 0, code, len;
	const uint8_t *val;

	while (dns_edns_option(&pr->msg, &pos, &code, &val, &len) == 1) {
		if (code != NSID_OPTION)
			continue;
		len = len < NSID_MAX ? len : NSID_MAX;
		for (unsigned i = 0; i < len; i++)
			d->nsid[i] = (char)(isgraph(val[i]) ? val[i] : '.');
		d->nsid[len] = '\0';
	}
}

static void note_serial(struct ctl_probe *pr, struct probed *d)
{
	uint32_t serial;

	for (unsigned i = 0; i < pr->msg.section_start[DNS_AUTHORITY]; i++)
		if (pr->msg.rr[i].type == DNS_TYPE_SOA &&
			dns_soa_serial(&pr->msg, &pr->msg.rr[i], &serial) == 0)
			d->sample.serial = serial;
}

/* A rollover that we have not seen, perhaps: somebody has to look before the path is blamed. */
static bool is_new_key(const struct ctl_probe *pr, const struct val_keys *keys, uint32_t epoch_s)
{
	const struct val_result *r = &pr->response.result;

	return r->verdict == VAL_BOGUS && r->reason == VAL_R_KEY_MISSING &&
	       val_keys_worth_a_look(val_keys_find(keys, pr->msg.qname.octets), epoch_s);
}

static void answered(struct ctl_probe *pr, struct probed *d, const struct val_keys *keys,
	const struct dp_told *told, uint64_t now_us, uint32_t epoch_s)
{
	struct route_sample *s = &d->sample;
	enum route_outcome o;

	s->last_sent_us = now_us > told->rtt_us ? now_us - told->rtt_us : 0;
	if (dns_msg_parse(&pr->msg, told->msg, told->len) != 0) {
		note_outcome(d, ROUTE_O_ERROR);
		return;
	}
	o = judge(pr, keys, epoch_s);
	if (o != ROUTE_O_INDETERMINATE && is_new_key(pr, keys, epoch_s)) {
		pr->key_wanted = (int)(d - pr->path);
		return;
	}
	note_outcome(d, o);
	s->rtt_us_sum += told->rtt_us;
	s->rtt_count++;
	s->rtt_bucket[route_rtt_bucket(told->rtt_us)]++;
	if (o == ROUTE_O_SECURE) {
		s->newest_inception = pr->response.result.newest_inception;
		s->nearest_expiration = pr->response.result.nearest_expiration;
	}
	if (o == ROUTE_O_SECURE || o == ROUTE_O_INSECURE)
		note_serial(pr, d);
	else
		note_bad(s, &pr->response.result);
	note_nsid(pr, d);
}

bool ctl_probe_told(struct ctl_probe *pr, const struct val_keys *keys, const struct dp_told *told,
	uint64_t now_us, uint32_t epoch_s)
{
	size_t id = token_path(told->token);
	struct probed *d;

	if (!(told->token & token_mark))
		return false;
	d = id < ROUTE_PATHS_MAX ? &pr->path[id] : NULL;
	if (d == NULL || d->token != told->token)
		return true;
	d->token = 0;
	d->sample.sent++;
	if (told->error == 0)
		answered(pr, d, keys, told, now_us, epoch_s);
	else
		note_outcome(d, told->error == -ETIMEDOUT ? ROUTE_O_TIMEOUT : ROUTE_O_UNREACHABLE);
	return true;
}

/* ---- what was seen ---- */

int ctl_probe_key_wanted(struct ctl_probe *pr)
{
	int path = pr->key_wanted;

	pr->key_wanted = -1;
	return path;
}

void ctl_probe_add(const struct ctl_probe *pr, struct route_sample *samples, size_t count)
{
	for (size_t id = 0; id < count && id < ROUTE_PATHS_MAX; id++)
		if (pr->path[id].sample.sent > 0)
			route_sample_merge(&samples[id], &pr->path[id].sample);
}

void ctl_probe_forget(struct ctl_probe *pr, uint16_t path)
{
	memset(&pr->path[path], 0, sizeof(pr->path[path]));
}

uint32_t ctl_probe_serial(const struct ctl_probe *pr, uint16_t path)
{
	return pr->path[path].sample.serial;
}

const char *ctl_probe_nsid(const struct ctl_probe *pr, uint16_t path)
{
	return pr->path[path].nsid;
}
