#include <errno.h>
#include <string.h>

#include "dataplane/outcome.h"
#include "dataplane/worker.h"
#include "dns/rdata.h"
#include "dns/wire.h"
#include "validator/denial.h"
#include "validator/time.h"

/*
 * From a matched reply to a verdict, and from the verdict to what follows: delivery, another site,
 * or the end. A reply whose signatures are being verified is held in the transaction with its
 * val_checks; both are bounded by the jobs of a worker. The reply is parsed again for each
 * judgement: a parsed message is larger than what it describes.
 */

/* ---- slots for checks ---- */

static bool take_checks(struct dp_worker *w, struct dp_txn *t)
{
	if (t->checks != DP_TXN_NONE)
		return true;
	if (w->checks_free == 0)
		return false;
	t->checks = w->checks_stack[--w->checks_free];
	return true;
}

void dp_judge_release(struct dp_worker *w, struct dp_txn *t)
{
	if (t->checks == DP_TXN_NONE)
		return;
	w->checks_stack[w->checks_free++] = (uint16_t)t->checks;
	t->checks = DP_TXN_NONE;
	t->pending = 0;
}

/* ---- wanting ---- */

struct asker {
	struct dp_worker *w;
	struct dp_txn *t;
	bool short_of; // slots, jobs or ring: our shortage, not the reply's fault
};

static uint64_t zone_hash(const struct dp_worker *w, const uint8_t *zone)
{
	int len = dns_name_len(zone, zone + DNS_NAME_MAX);

	return dns_hash64(&w->hash_key, zone, len > 0 ? (size_t)len : 0);
}

/* Signed data begin with the RRSIG, and that ends with its signer, lower-cased: the zone. */
static const uint8_t *signer_of(const struct val_want *want)
{
	return want->data + DNS_RRSIG_FIXED_LEN;
}

/* The hash is for the few that are suspected. */
static bool may_verify(const struct dp_worker *w, const struct dp_txn *t, const uint8_t *zone)
{
	return !dp_effort_suspects(&w->effort, t->path, w->now.ms) ||
	       dp_effort_may_verify(&w->effort, zone_hash(w, zone), t->path, w->now.ms);
}

static int submit(
	struct dp_worker *w, struct dp_txn *t, struct dp_job *job, const struct val_want *want)
{
	int err = dp_crypto_fill(job, want);

	if (err != 0)
		return err;
	job->txn = dp_txns_index(w->txns, t);
	job->generation = t->generation;
	job->now = w->now.epoch_s;
	job->zone = zone_hash(w, signer_of(want));
	job->path = t->path;
	return dp_crypto_submit(w->crypto, w->id, job);
}

static int want(void *arg, const struct val_want *v)
{
	struct asker *a = arg;
	struct dp_worker *w = a->w;
	struct dp_job *job;
	int err;

	if (!may_verify(w, a->t, signer_of(v))) {
		dp_count(&w->counters.sig_refused);
		return -EDQUOT;
	}
	job = take_checks(w, a->t) ? dp_crypto_job(w->crypto, w->id) : NULL;
	err = job != NULL ? submit(w, a->t, job, v) : -ENOBUFS;
	if (err == 0) {
		a->t->pending++;
		dp_count(&w->counters.sig_misses);
		return 0;
	}
	if (job != NULL)
		dp_crypto_release(w->crypto, w->id, job);
	if (err == -ENOBUFS) {
		a->short_of = true;
		dp_count(&w->counters.sig_ring_full);
	}
	return err;
}

/* ---- evidence ---- */

static void note_bad(struct route_evidence *e, const struct val_result *r)
{
	atomic_store_explicit(&e->bad_expiration, r->expiration, memory_order_relaxed);
	atomic_store_explicit(&e->bad_type, r->type_covered, memory_order_relaxed);
	atomic_store_explicit(&e->bad_reason, (uint16_t)r->reason, memory_order_relaxed);
	atomic_store_explicit(&e->bad_key_tag, r->key_tag, memory_order_relaxed);
}

static void note_secure(struct route_evidence *e, const struct val_result *r)
{
	uint32_t newest = atomic_load_explicit(&e->newest_inception, memory_order_relaxed);

	if (newest == 0 || val_time_before(newest, r->newest_inception))
		atomic_store_explicit(
			&e->newest_inception, r->newest_inception, memory_order_relaxed);
	atomic_store_explicit(&e->nearest_expiration, r->nearest_expiration, memory_order_relaxed);
}

static void note_verdict(struct dp_worker *w, const struct dp_txn *t, enum route_outcome outcome)
{
	const struct val_result *r = &w->verdict.result;
	struct route_evidence *e = &w->evidence[t->path];

	dp_add(&e->outcome[outcome], 1);
	dp_count(&w->counters.verdict[r->verdict]);
	dp_count(&w->counters.reason[r->reason]);
	// Signatures of all the world's zones say nothing of how fresh a resolver's data is.
	if (outcome == ROUTE_O_SECURE && !w->spans_zones)
		note_secure(e, r);
	else if (r->verdict == VAL_BOGUS)
		note_bad(e, r);
	if (route_outcome_is_bad(outcome))
		dp_badnames_note(&w->badnames, w->now.ms, t->path, outcome, &t->qname, t->qtype);
}

/* The same question failed at other sites and is answered well here: that convicts them. */
static void note_refuted(struct dp_worker *w, const struct dp_txn *t)
{
	const struct route_tried *tried = &t->tried;

	for (unsigned i = 0; i + 1 < tried->count; i++)
		if (t->bad[i] != 0 && tried->site_hash[i] != tried->site_hash[tried->count - 1])
			dp_add(&w->evidence[tried->path[i]].refuted[t->bad[i]], 1);
}

/* ---- what follows ---- */

static void free_reply(struct dp_txn *t)
{
	rte_pktmbuf_free(t->reply); // NULL is allowed
	t->reply = NULL;
}

/* Keep a bogus reply for clients who said CD=1. @return false: there is no room for more */
static bool keep_fallback(struct dp_worker *w, struct dp_txn *t)
{
	if (t->fallback == NULL && w->fallbacks == DP_FALLBACKS_MAX)
		return false;
	if (t->fallback == NULL)
		w->fallbacks++;
	else
		rte_pktmbuf_free(t->fallback);
	t->fallback = t->reply;
	t->reply = NULL;
	return true;
}

/* Without a chain nobody's answer can be judged: no other site helps, and it is not the name's
 * fault. */
static void cannot_judge(struct dp_worker *w, struct dp_txn *t, enum route_kind kind)
{
	if (t->who == DP_TXN_CHAIN) {
		dp_txn_end(w, t); // what it was asked for is outdated: who waits will ask anew
	} else if (t->cd) {
		dp_deliver(w, t, &w->verdict, kind);
	} else {
		enum val_reason why = w->verdict.result.reason;

		dp_upstream_failed(t, ROUTE_O_SECURE, why,
			why == VAL_R_NO_CHAIN ? DNS_EDE_NOT_READY : val_reason_ede(why));
		dp_deliver_failure(w, t, false);
	}
}

/* Whoever answers this question makes us ask too much. */
static void give_up(struct dp_worker *w, struct dp_txn *t, enum route_kind kind)
{
	enum val_reason why = w->verdict.result.reason;

	dp_upstream_failed(t, ROUTE_O_SECURE, why, val_reason_ede(why));
	if (t->cd)
		dp_deliver(w, t, &w->verdict, kind);
	else
		dp_deliver_failure(w, t, true);
}

static void try_elsewhere(
	struct dp_worker *w, struct dp_txn *t, enum route_outcome outcome, enum route_kind kind)
{
	const struct val_result *r = &w->verdict.result;

	dp_upstream_failed(t, outcome, r->reason, dp_outcome_ede(outcome, r->reason));
	if (t->cd && r->verdict == VAL_BOGUS && !keep_fallback(w, t)) {
		dp_deliver(w, t, &w->verdict, kind);
		return;
	}
	free_reply(t);
	dp_fetch_end(w, t);
	dp_upstream_retry(w, t);
}

/* A verdict is there; w->msg is t->reply parsed, w->verdict what was found. */
static void conclude(struct dp_worker *w, struct dp_txn *t, enum route_kind kind, bool short_of)
{
	enum route_outcome outcome = dp_outcome(&w->verdict, dns_msg_rcode(&w->msg));

	dp_judge_release(w, t);
	t->state = DP_TXN_SENT;
	note_verdict(w, t, outcome);
	if (outcome == ROUTE_O_SECURE || outcome == ROUTE_O_INSECURE) {
		note_refuted(w, t);
		if (t->who == DP_TXN_CHAIN) {
			dp_chain_answered(w, t); // its clients are those who wait for it
		} else {
			dp_cached_keep(w, t);
			dp_deliver(w, t, &w->verdict, kind);
		}
	} else if (short_of) {
		// The next site's reply would want the same of us. Fail closed, forget it at once.
		dp_upstream_failed(t, outcome, w->verdict.result.reason, DNS_EDE_OTHER);
		dp_deliver_failure(w, t, false);
	} else if (w->verdict.result.verdict == VAL_INDETERMINATE &&
		   outcome == ROUTE_O_INDETERMINATE) {
		cannot_judge(w, t, kind);
	} else if (w->verdict.of_chain && w->verdict.result.reason == VAL_R_BUDGET) {
		give_up(w, t, kind);
	} else {
		try_elsewhere(w, t, outcome, kind);
	}
}

/* ---- judging ---- */

static void suspend(struct dp_txn *t)
{
	t->state = DP_TXN_JUDGING; // its timer runs on
}

/*
 * Who pays for hashing. Behind a resolver any zone may answer: there it is the domain that was
 * asked about, so that one cannot spend what all the others need.
 */
static uint64_t hash_account(
	const struct dp_worker *w, const struct dp_txn *t, const struct dp_route *r)
{
	enum { DOMAIN_LABELS = 2 };
	int up = t->qname.labels - DOMAIN_LABELS;

	if (!w->spans_zones)
		return (uint64_t)r->zone;
	return zone_hash(w, dns_name_strip(t->qname.octets, up > 0 ? up : 0));
}

/* What this response may cost, as its zone and path have been lately. */
static void set_limits(struct dp_worker *w, const struct dp_txn *t, const struct dp_route *r)
{
	const uint8_t *zone = route_table_zone_name(w->now.view->table, r->zone);

	w->ctx.tries_max = may_verify(w, t, zone) ? 0 : DP_EFFORT_TRIES;
	w->ctx.blocks_max = dp_effort_blocks(
		&w->effort, hash_account(w, t, r), VAL_NSEC3_BLOCKS_MAX, w->now.ms);
}

static void judge_one_zone(struct asker *a, const struct dp_route *r,
	const struct val_zone_keys *keys, struct val_checks *checks)
{
	struct dp_worker *w = a->w;
	uint16_t flags = w->msg.flags;

	// A recursive upstream has no authority and need not say so.
	if (r->kind == ROUTE_RECURSIVE)
		w->msg.flags |= DNS_FLAG_AA;
	val_response_judge(&w->ctx, &w->msg, keys, w->now.epoch_s, checks, want, a, &w->verdict);
	w->msg.flags = flags;
}

/* w->verdict of a reply whose keys have to be asked for and cannot. */
static void cannot_ask(struct dp_worker *w)
{
	w->verdict.result.verdict = VAL_BOGUS;
	w->verdict.result.reason = VAL_R_BUDGET;
	w->verdict.of_chain = true;
}

/* @return true: the reply waits for keys */
static bool judge_zones(struct asker *a, struct val_checks *checks)
{
	struct dp_worker *w = a->w;
	struct val_chain_step need = {.end = VAL_CHAIN_NONE};
	struct val_trust trust;
	int err;

	dp_chain_trust(w, &trust);
	if (a->t->who == DP_TXN_CHAIN)
		val_chain_judge(&w->ctx, &trust, &w->msg, checks, want, a, &w->verdict);
	else
		val_chain_response(&w->ctx, &trust, &w->msg, checks, want, a, &w->verdict, &need);
	if (w->verdict.result.verdict != VAL_PENDING || need.end != VAL_CHAIN_ASK)
		return false;
	err = dp_chain_wait(w, a->t, &need);
	if (err == 0)
		return true;
	a->short_of = err == -ENOBUFS;
	cannot_ask(w);
	return false;
}

/*
 * May the verdict be another one by newer keys? Control looks for those of the routed zone, we for
 * those that we have found ourselves; others it looks for when their own zone is asked about.
 */
static bool wait_for_keys(struct dp_worker *w, struct dp_txn *t, const struct val_zone_keys *keys)
{
	const struct val_zone_keys *lacks = w->verdict.lacks;

	if (w->verdict.result.verdict != VAL_BOGUS || lacks == NULL)
		return false;
	return lacks == keys ? dp_hold_reply(w, t, keys) : dp_chain_ask_anew(w, t, lacks);
}

static void judge(struct dp_worker *w, struct dp_txn *t, struct val_checks *checks)
{
	struct dp_route r = dp_route_of(w, t);
	struct asker a = {.w = w, .t = t};
	uint64_t hits = w->ctx.cache_hits, blocks = w->ctx.blocks;
	const struct val_zone_keys *keys;
	bool waits = false;

	if (r.zone < 0) {
		// No longer routed: nobody to judge by, nobody to ask.
		dp_judge_release(w, t);
		dp_deliver_failure(w, t, false);
		return;
	}
	keys = val_keys_find_or(
		w->now.view->keys, route_table_zone_name(w->now.view->table, r.zone), &w->no_keys);
	w->spans_zones = t->who == DP_TXN_CHAIN ||
			 dp_outcome_spans_zones(r.kind, w->now.view->keys, keys, w->now.epoch_s);
	set_limits(w, t, &r);
	if (w->spans_zones)
		waits = judge_zones(&a, checks);
	else
		judge_one_zone(&a, &r, keys, checks);
	dp_add(&w->counters.sig_hits, w->ctx.cache_hits - hits);
	dp_effort_hashed(
		&w->effort, hash_account(w, t, &r), (uint32_t)(w->ctx.blocks - blocks), w->now.ms);
	t->verified = checks->verified;
	if (waits)
		return;
	if (w->spans_zones && t->who != DP_TXN_CHAIN)
		dp_chain_refresh(w, t);
	if (w->verdict.result.verdict != VAL_PENDING) {
		if (a.short_of || !wait_for_keys(w, t, keys))
			conclude(w, t, r.kind, a.short_of);
		return;
	}
	if (checks == &w->first_checks)
		w->checks[t->checks] = *checks;
	suspend(t);
}

void dp_judge_again(struct dp_worker *w, struct dp_txn *t)
{
	struct val_checks *checks = &w->first_checks;

	if (t->fetch != NULL)
		dns_msg_parse(&w->msg, t->fetch->msg, t->fetch->len);
	else
		dns_msg_parse(
			&w->msg, rte_pktmbuf_mtod(t->reply, const uint8_t *), t->reply->data_len);
	if (t->checks != DP_TXN_NONE) {
		checks = &w->checks[t->checks];
	} else {
		checks->count = 0;
		checks->verified = t->verified;
	}
	judge(w, t, checks);
}

/* TC=1: whatever records are in it are not complete. The client gets TC=1 without any and asks by
 * TCP. */
static void pass_truncation(struct dp_worker *w, struct dp_txn *t)
{
	uint8_t *dns = rte_pktmbuf_mtod(t->reply, uint8_t *);
	uint16_t len = w->msg.question_end;

	memset(dns + DNS_OFF_ANCOUNT, 0, DNS_HEADER_LEN - DNS_OFF_ANCOUNT);
	t->reply_sum = 0;
	rte_pktmbuf_trim(t->reply, t->reply->data_len - len);
	dns_msg_parse(&w->msg, dns, len);
	val_response_reset(&w->verdict);
	w->verdict.kind = VAL_KIND_ANSWER;
	note_verdict(w, t, ROUTE_O_INDETERMINATE);
	dp_count(&w->counters.truncated);
	dp_deliver(w, t, &w->verdict, dp_route_of(w, t).kind);
}

void dp_judge_truncated(struct dp_worker *w, struct dp_txn *q)
{
	// Another path may have less to say.
	dp_upstream_failed(
		q, ROUTE_O_SECURE, VAL_R_CHAIN_TRUNCATED, val_reason_ede(VAL_R_CHAIN_TRUNCATED));
	dp_upstream_retry(w, q);
}

/* Keys are asked for by nobody who would come again by TCP. */
static void fetch(struct dp_worker *w, struct dp_txn *q)
{
	dp_count(&w->counters.chain_truncated);
	free_reply(q);
	if (!dp_fetch_begin(w, q))
		dp_judge_truncated(w, q);
}

void dp_judge_reply(struct dp_worker *w, struct dp_txn *t, struct rte_mbuf *m)
{
	if (dns_msg_parse(&w->msg, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len) != 0) {
		dp_add(&w->evidence[t->path].outcome[ROUTE_O_ERROR], 1);
		dp_upstream_failed(t, ROUTE_O_ERROR, VAL_R_MALFORMED, DNS_EDE_INVALID_DATA);
		rte_pktmbuf_free(m);
		dp_upstream_retry(w, t);
		return;
	}
	t->reply = m;
	if (dp_outcome_truncated(&w->msg)) {
		if (t->who == DP_TXN_CHAIN)
			fetch(w, t);
		else
			pass_truncation(w, t);
		return;
	}
	dp_judge_again(w, t);
}

/* Write an outcome where it is waited for. @return false: nobody does any more */
static bool note_job(struct dp_worker *w, struct dp_txn *t, const struct dp_job *job)
{
	struct val_check *c;

	if (t == NULL || t->state != DP_TXN_JUDGING || t->checks == DP_TXN_NONE ||
		job->index >= w->checks[t->checks].count)
		return false;
	// A reply that was given up may have left jobs behind; the ID says whether it is ours all
	// the same.
	c = &w->checks[t->checks].item[job->index];
	if (c->state != VAL_SIG_UNKNOWN || memcmp(&c->id, &job->id, sizeof(c->id)) != 0)
		return false;
	c->state = job->state;
	t->pending--;
	return true;
}

void dp_judge_job(struct dp_worker *w, struct dp_job *job)
{
	struct dp_txn *t = dp_txns_at(w->txns, job->txn, job->generation);
	bool noted = note_job(w, t, job);

	dp_count(job->state == VAL_SIG_GOOD ? &w->counters.sig_verified_good
					    : &w->counters.sig_verified_bad);
	if (job->state != VAL_SIG_GOOD)
		dp_effort_failed(&w->effort, job->zone, job->path, job->dnskey[3], w->now.ms);
	dp_crypto_release(w->crypto, w->id, job);
	if (!noted || t->pending > 0)
		return;
	dp_judge_again(w, t);
}
