#include "control/tcp_resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "control/daemon.h"
#include "dataplane/outcome.h"
#include "dataplane/question.h"
#include "dataplane/reply.h"
#include "dns/wire.h"
#include "validator/now.h"

/* About zones that are not published: a TCP client's zone is seldom asked for twice. */
enum { FACTS = 1024, FACT_SETS = 64 };

struct query {
	struct ctl_resolver *r;
	struct query *next, **link;
	struct ctl_listen_ticket *ticket;
	struct dp_waiter client;
	struct dns_name qname; // lower-cased
	uint16_t qtype;
	enum route_kind kind;
	struct route_addr upstream;
	struct val_chain_step need; // what is asked for first: keys of zones that nobody published
	uint8_t *reply;             // that waits for them, or NULL
	uint16_t reply_len;
	unsigned chain_asked, chain_verified; // never reset
	struct route_tried tried;
	uint32_t tries;
	uint64_t deadline_ms;
	int ede;
};

struct ctl_resolver {
	const struct dp_config *cfg;
	const struct ctl_world *world;
	struct ctl_tcp_asks *asks;
	struct val_verifier *verifier;
	struct query *queries;
	struct val_facts *facts; // about zones that are not published
	uint64_t facts_view;     // the view that they rest on
	struct ctl_resolver_stats stats;
	// scratch
	struct dns_query asked;
	struct dns_msg msg;
	struct val_response verdict;
	struct val_zone_keys no_keys;
	uint8_t out[UINT16_MAX];
};

int ctl_resolver_new(const struct dp_config *cfg, const struct ctl_world *world,
	struct ctl_tcp_asks *asks, struct ctl_resolver **out)
{
	struct ctl_resolver *r = calloc(1, sizeof(*r));
	struct dns_hash_key key;

	if (!r)
		return -ENOMEM;
	int rc = val_verifier_new(&r->verifier);
	if (!rc && getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
		rc = -ENOMEM;
	if (!rc)
		rc = val_facts_new(FACTS, FACT_SETS, -1, &key, &r->facts);
	if (rc) {
		val_verifier_free(r->verifier);
		free(r);
		return rc;
	}
	val_verifier_set_sha1(r->verifier, cfg->sha1);
	r->cfg = cfg;
	r->world = world;
	r->asks = asks;
	*out = r;
	return 0;
}

static void query_free(struct query *q)
{
	*q->link = q->next;
	if (q->next)
		q->next->link = q->link;
	q->r->stats.pending--;
	free(q->reply);
	free(q);
}

void ctl_resolver_free(struct ctl_resolver *r)
{
	if (!r)
		return;
	while (r->queries) {
		ctl_listen_reply(r->queries->ticket, NULL, 0);
		query_free(r->queries);
	}
	val_verifier_free(r->verifier);
	val_facts_free(r->facts);
	free(r);
}

/* ---- answers ---- */

static void send_own(struct ctl_resolver *r, struct ctl_listen_ticket *t,
	const struct dp_waiter *client, const struct dp_answer *a)
{
	int len =
		dp_question_answer(&r->asked, client, a, r->cfg->edns_size, r->out, sizeof(r->out));

	r->stats.answered++;
	ctl_listen_reply(t, r->out, len < 0 ? 0 : (uint16_t)len);
}

static void fail(struct query *q)
{
	struct ctl_resolver *r = q->r;
	struct dns_name qname = q->qname;

	dp_reply_case_restore(qname.octets, qname.len, q->client.case_bits);
	int len = dp_reply_error(&q->client, qname.octets, q->qtype, DNS_CLASS_IN, DNS_OPCODE_QUERY,
		DNS_RCODE_SERVFAIL, q->ede, NULL, r->cfg->edns_size, r->out, sizeof(r->out));
	r->stats.answered++;
	ctl_listen_reply(q->ticket, r->out, len < 0 ? 0 : (uint16_t)len);
	query_free(q);
}

/** r->msg and r->verdict to the client. */
static void deliver(struct query *q)
{
	struct ctl_resolver *r = q->r;
	bool truncated;
	int len = dp_reply_copy(&r->msg, &r->verdict, q->kind, &q->client, r->cfg->edns_size,
		r->out, sizeof(r->out), &truncated);

	if (len < 0) {
		q->ede = DNS_EDE_INVALID_DATA;
		fail(q);
		return;
	}
	r->stats.forwarded++;
	ctl_listen_reply(q->ticket, r->out, (uint16_t)len);
	query_free(q);
}

/* ---- one try after the other ---- */

static void try_next(struct query *q);

static void tried_in_vain(struct query *q, int ede)
{
	if (dp_outcome_ede_outranks(ede, q->ede))
		q->ede = ede;
	try_next(q);
}

static void trust(struct ctl_resolver *r, struct val_trust *out)
{
	uint64_t view = ctl_world_view_number(r->world);

	if (view != r->facts_view)
		val_facts_clear(r->facts); // keys may be others
	r->facts_view = view;
	*out = (struct val_trust){
		.published = ctl_world_keys(r->world),
		.facts = r->facts,
		.now = ctl_epoch_s(),
	};
}

/** r->verdict is there, of r->msg. */
static void conclude(struct query *q)
{
	struct ctl_resolver *r = q->r;
	enum route_outcome outcome = dp_outcome(&r->verdict, dns_msg_rcode(&r->msg));
	bool usable = outcome == ROUTE_O_SECURE || outcome == ROUTE_O_INSECURE;
	bool unchecked = (q->client.flags & DNS_FLAG_CD) && r->verdict.kind < VAL_KIND_LAME;

	if (usable || unchecked)
		deliver(q);
	else
		tried_in_vain(q, dp_outcome_ede(outcome, r->verdict.result.reason));
}

/* ---- answers of resolvers: keys that have to be asked for ---- */

static void judge_zones(struct query *q);

/** An answer to q->need; whatever it is, the reply is judged again. */
static void told_keys(void *arg, int error, const uint8_t *msg, uint16_t len)
{
	struct query *q = arg;
	struct ctl_resolver *r = q->r;
	enum val_reason why = VAL_R_NO_CHAIN;
	struct val_trust t;

	trust(r, &t);
	if (!error && dns_msg_parse(&r->msg, msg, len) == 0 &&
		dp_question_is(&r->msg, &q->need.name, q->need.type) &&
		!dp_outcome_truncated(&r->msg)) {
		q->chain_verified +=
			val_chain_judge_now(r->verifier, &t, &r->msg, &r->cfg->skew, &r->verdict);
		if (r->verdict.result.reason != VAL_R_NONE)
			why = r->verdict.result.reason;
		error = r->verdict.result.verdict == VAL_BOGUS || r->verdict.kind == VAL_KIND_ERROR;
	} else {
		error = -EBADMSG;
	}
	if (error)
		val_chain_fail(&t, &q->need.name, why, r->cfg->failure_ttl_s);
	judge_zones(q);
}

/** @retval 0: told_keys() will be called */
static int ask_for_keys(struct query *q)
{
	struct ctl_resolver *r = q->r;
	uint64_t now = ctl_now_ms();
	struct ctl_tcp_question question = {
		.to = q->upstream,
		.kind = q->kind,
		.qname = q->need.name,
		.qtype = q->need.type,
		.edns_size = r->cfg->edns_size,
	};

	if (q->chain_asked >= VAL_CHAIN_QUESTIONS_MAX ||
		q->chain_verified >= VAL_CHAIN_VERIFY_MAX || now >= q->deadline_ms)
		return -E2BIG;
	q->chain_asked++;
	question.timeout_ms = (uint32_t)(q->deadline_ms - now);
	if (question.timeout_ms > CTL_RESOLVE_TRY_MS)
		question.timeout_ms = CTL_RESOLVE_TRY_MS;
	return ctl_tcp_ask_question(r->asks, &question, told_keys, q);
}

static void judge_zones(struct query *q)
{
	struct ctl_resolver *r = q->r;
	struct val_trust t;

	trust(r, &t);
	dns_msg_parse(&r->msg, q->reply, q->reply_len); // it was, before it was kept
	val_chain_response_now(r->verifier, &t, &r->msg, &r->cfg->skew, &r->verdict, &q->need);
	if (r->verdict.result.verdict == VAL_PENDING) {
		if (!ask_for_keys(q))
			return;
		r->verdict.result.verdict = VAL_BOGUS;
		r->verdict.result.reason = VAL_R_BUDGET;
	}
	conclude(q);
}

/** Keep the reply while keys are asked for. */
static void begin_zones(struct query *q, const uint8_t *msg, uint16_t len)
{
	free(q->reply);
	q->reply = malloc(len);
	if (!q->reply) {
		tried_in_vain(q, DNS_EDE_OTHER);
		return;
	}
	memcpy(q->reply, msg, len);
	q->reply_len = len;
	judge_zones(q);
}

/* ---- judging ---- */

static void judge_one_zone(struct query *q, const struct val_zone_keys *keys)
{
	struct ctl_resolver *r = q->r;
	uint16_t flags = r->msg.flags;

	// A recursive upstream has no authority and need not say so.
	if (q->kind == ROUTE_RECURSIVE)
		r->msg.flags |= DNS_FLAG_AA;
	val_judge_now(r->verifier, &r->msg, keys, ctl_epoch_s(), &r->cfg->skew, &r->verdict);
	r->msg.flags = flags;
	conclude(q);
}

static void told(void *arg, int error, const uint8_t *msg, uint16_t len)
{
	struct query *q = arg;
	struct ctl_resolver *r = q->r;
	const struct route_table *t = ctl_world_table(r->world);
	int zone = route_table_zone(t, q->qname.octets, q->qtype == DNS_TYPE_DS);

	if (error) {
		tried_in_vain(q, DNS_EDE_NO_REACHABLE_AUTHORITY);
		return;
	}
	if (dns_msg_parse(&r->msg, msg, len) || !dp_question_is(&r->msg, &q->qname, q->qtype) ||
		dp_outcome_truncated(&r->msg)) {
		tried_in_vain(q, DNS_EDE_INVALID_DATA);
		return;
	}
	if (zone < 0) { // no longer routed
		fail(q);
		return;
	}
	const struct val_keys *all = ctl_world_keys(r->world);
	const struct val_zone_keys *keys =
		val_keys_find_or(all, route_table_zone_name(t, zone), &r->no_keys);
	if (dp_outcome_spans_zones(q->kind, all, keys, ctl_epoch_s()))
		begin_zones(q, msg, len);
	else
		judge_one_zone(q, keys);
}

static uint32_t random_u32(void)
{
	uint32_t v = 0;

	getrandom(&v, sizeof(v), 0);
	return v;
}

/** @retval 0: `told` will be called; -errno */
static int ask(struct query *q, const struct route_addr *to, uint64_t left_ms)
{
	struct ctl_resolver *r = q->r;
	struct ctl_tcp_question ask = {
		.to = *to,
		.kind = q->kind,
		.qname = q->qname,
		.qtype = q->qtype,
		.edns_size = r->cfg->edns_size,
		.timeout_ms = left_ms < CTL_RESOLVE_TRY_MS ? (uint32_t)left_ms : CTL_RESOLVE_TRY_MS,
	};

	r->stats.tries++;
	return ctl_tcp_ask_question(r->asks, &ask, told, q);
}

static void try_next(struct query *q)
{
	struct ctl_resolver *r = q->r;
	const struct route_table *t = ctl_world_table(r->world);
	uint16_t region = route_table_region(t, &q->client.client);
	struct route_choice c;

	while (q->tries < r->cfg->tries) {
		uint64_t now = ctl_now_ms();
		int zone = route_table_zone(t, q->qname.octets, q->qtype == DNS_TYPE_DS);
		if (zone < 0 || now >= q->deadline_ms ||
			route_table_choose(t, zone, region, dp_config_families(r->cfg),
				random_u32(), &q->tried, &c))
			break;
		q->kind = route_table_zone_kind(t, zone);
		q->upstream = c.addr;
		route_tried_add(&q->tried, t, &c);
		q->tries++;
		if (!ask(q, &c.addr, q->deadline_ms - now))
			return;
		if (dp_outcome_ede_outranks(DNS_EDE_NO_REACHABLE_AUTHORITY, q->ede))
			q->ede = DNS_EDE_NO_REACHABLE_AUTHORITY;
	}
	fail(q);
}

/* ---- questions ---- */

static struct query *query_new(
	struct ctl_resolver *r, struct ctl_listen_ticket *t, const struct dp_waiter *client)
{
	struct query *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->r = r;
	q->ticket = t;
	q->client = *client;
	dns_name_copy(&q->qname, &r->asked.qname);
	q->qtype = r->asked.qtype;
	q->deadline_ms = ctl_now_ms() + CTL_RESOLVE_BUDGET_MS;
	q->ede = DNS_EDE_NONE;
	q->next = r->queries;
	q->link = &r->queries;
	if (q->next)
		q->next->link = &q->next;
	r->queries = q;
	r->stats.pending++;
	return q;
}

static bool is_routed(const struct ctl_resolver *r, struct dp_answer *out)
{
	const struct route_table *t = ctl_world_table(r->world);

	*out = (struct dp_answer){DNS_RCODE_SERVFAIL, DNS_EDE_NOT_READY, NULL};
	if (!t)
		return false;
	*out = (struct dp_answer){DNS_RCODE_REFUSED, DNS_EDE_NOT_AUTHORITATIVE, NULL};
	if (route_table_zone(t, r->asked.qname.octets, r->asked.qtype == DNS_TYPE_DS) < 0)
		return false;
	*out = (struct dp_answer){DNS_RCODE_SERVFAIL, DNS_EDE_OTHER, NULL}; // if memory is short
	return true;
}

void ctl_resolver_query(void *resolver, struct ctl_listen_ticket *t,
	const struct route_addr *client, const uint8_t *msg, uint16_t len)
{
	struct ctl_resolver *r = resolver;
	struct dp_waiter w = {.stream = true, .client = *client};
	struct dp_answer a;

	if (len < DNS_HEADER_LEN || (dns_get16(msg + DNS_OFF_FLAGS) & DNS_FLAG_QR) != 0 ||
		!dp_question_allowed(r->cfg, client)) {
		r->stats.hung_up++;
		ctl_listen_reply(t, NULL, 0);
		return;
	}
	bool forward = dp_question_read(&r->asked, &r->msg, msg, len, &a);
	dp_question_note(&r->asked, &w);
	struct query *q = forward && is_routed(r, &a) ? query_new(r, t, &w) : NULL;
	if (q)
		try_next(q);
	else
		send_own(r, t, &w, &a);
}

void ctl_resolver_stats(const struct ctl_resolver *r, struct ctl_resolver_stats *out)
{
	*out = r->stats;
}
