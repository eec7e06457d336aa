#include "control/nta_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

enum {
	FACTS = 256, // a chain is a few zones deep
	FACT_SETS = 64,
	FAIL_S = 60, // longer than a path's turn takes
};

int ctl_nta_walk_init(struct ctl_nta_walk *w)
{
	struct dns_hash_key key;

	if (RAND_bytes((unsigned char *)&key, sizeof(key)) != 1)
		return -ENOMEM;
	return val_facts_new(FACTS, FACT_SETS, -1, &key, &w->facts);
}

static void forget(struct ctl_nta_walk *w)
{
	free(w->reply);
	w->reply = NULL;
	w->unsent = false;
	w->question.token = 0;
}

void ctl_nta_walk_fini(struct ctl_nta_walk *w)
{
	forget(w);
	val_keys_free(w->truth);
	val_facts_free(w->facts);
}

bool ctl_nta_walk_ended(const struct ctl_nta_walk *w)
{
	return w->turn >= w->count;
}

static void want(struct ctl_nta_walk *w, const struct dns_name *name, uint16_t type)
{
	w->question = (struct ctl_keeper_ask){
		.path = w->path[w->turn],
		.addr = w->addr[w->turn],
		.qname = *name,
		.qtype = type,
	};
	w->unsent = true;
}

/* Nothing is taken over from the path before: each is to show the whole chain. */
static void begin_path(struct ctl_nta_walk *w)
{
	forget(w);
	val_facts_clear(w->facts);
	w->asked = w->verified = 0;
	if (!ctl_nta_walk_ended(w))
		want(w, &w->name, DNS_TYPE_SOA);
}

void ctl_nta_walk_begin(struct ctl_nta_walk *w, const struct dns_name *name,
	const struct dns_name *zone, struct route_paths *p)
{
	w->name = *name;
	w->count = w->turn = 0;
	w->good = w->bad = 0;
	val_keys_free(w->truth);
	w->truth = NULL;
	for (size_t id = 0; id < route_paths_count(p) && w->count < ROUTE_ZONE_PATHS_MAX; id++) {
		const struct route_path *path = route_paths_at(p, (uint16_t)id);

		if (path == NULL || !dns_name_equal(path->zone_name.octets, zone->octets))
			continue;
		w->path[w->count] = path->id;
		w->addr[w->count++] = path->addr;
	}
	begin_path(w);
}

bool ctl_nta_walk_due(struct ctl_nta_walk *w, uint64_t token, struct ctl_keeper_ask *out)
{
	if (!w->unsent)
		return false;
	w->unsent = false;
	w->question.token = token;
	*out = w->question;
	return true;
}

static void end_path(struct ctl_nta_walk *w, int good)
{
	w->good = (uint16_t)(w->good + (good == 1));
	w->bad = (uint16_t)(w->bad + (good == 0));
	w->turn++;
	begin_path(w);
}

/* The limits are those of a client's answer. */
static bool may_ask(struct ctl_nta_walk *w)
{
	return w->asked++ < VAL_CHAIN_QUESTIONS_MAX && w->verified < VAL_CHAIN_VERIFY_MAX;
}

static void judge(struct ctl_nta_walk *w, const struct val_trust *t)
{
	const struct val_result *r = &w->response.result;
	struct val_chain_step need;

	dns_msg_parse(&w->msg, w->reply, w->reply_len); // it was, before it was kept
	val_chain_response_now(w->verifier, t, &w->msg, &w->skew, &w->response, &need);
	if (r->verdict == VAL_PENDING && may_ask(w))
		want(w, &need.name, need.type);
	else if (w->response.kind == VAL_KIND_ERROR)
		end_path(w, -1);
	else
		end_path(w, r->verdict == VAL_SECURE || r->verdict == VAL_INSECURE);
}

/* The answer to a question for keys. @return false: it says nothing */
static bool learn(struct ctl_nta_walk *w, const struct val_trust *t)
{
	w->verified += val_chain_judge_now(w->verifier, t, &w->msg, &w->skew, &w->response);
	if (w->response.kind == VAL_KIND_ERROR)
		return false;
	if (w->response.result.verdict == VAL_BOGUS)
		val_chain_fail(t, &w->question.qname, w->response.result.reason, FAIL_S);
	return true;
}

static bool keep(struct ctl_nta_walk *w, const uint8_t *msg, size_t len)
{
	w->reply = malloc(len);
	if (w->reply == NULL)
		return false;
	memcpy(w->reply, msg, len);
	w->reply_len = len;
	return true;
}

void ctl_nta_walk_told(struct ctl_nta_walk *w, const struct ctl_keeper *k,
	const struct ctl_nta_heard *h, uint32_t epoch_s)
{
	struct val_trust t = {.facts = w->facts, .now = epoch_s};
	bool says;

	if (w->question.token == 0 || h->token != w->question.token)
		return;
	w->question.token = 0;
	if (w->truth == NULL && ctl_keeper_truth(k, &w->truth) != 0) {
		end_path(w, -1);
		return;
	}
	t.published = w->truth;
	says = h->error == 0 && dns_msg_parse(&w->msg, h->msg, h->len) == 0 &&
	       (w->msg.flags & DNS_FLAG_TC) == 0;
	if (says)
		says = w->reply != NULL ? learn(w, &t) : keep(w, h->msg, h->len);
	if (says)
		judge(w, &t);
	else
		end_path(w, -1);
}
