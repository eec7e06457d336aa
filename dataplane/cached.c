#include <string.h>

#include "dataplane/reply.h"
#include "dataplane/worker.h"
#include "dns/rdata.h"
#include "dns/wire.h"
#include "validator/time.h"

/*
 * What may be kept of an upstream's replies, for how long, and how a client's answer is made of it.
 *
 * Kept are replies that were judged secure or insecure, whichever client asked (also with CD=1);
 * never failures, truncated or bogus ones. They are pooled: whoever asks the same of the same zone
 * shares them. Only what a recursive upstream says may depend on the region that asked, so there
 * the region is part of the question.
 *
 * An answer ends with the first of its TTLs, with its signatures, and with our own limits. Ended by
 * TTL it may still be served when every site fails (RFC 8767), for a while; ended by its signatures
 * never: a signature says until when its data may be believed, and to serve data beyond that is
 * what the sites do that this program leaves.
 *
 * The judgement is not repeated on a hit. A rollover of keys takes nothing from what was signed by
 * the old ones, as with any validating cache. What does matter is a zone that turns between judged
 * and not judged (a negative trust anchor set or taken back, DS added or removed): then control
 * flushes it (control/purge.h), and again when no worker judges by the old keys.
 */

enum {
	STALE_TTL_S = 30, // RFC 8767 s4
	RENEW_TENTH = 9,  // of ten: from here on a hit renews the answer
	RENEW_HITS = 2,   // of an answer that is asked for more than once
};

/* ---- what a question is kept under ---- */

static struct dp_rcache_key key_of(const struct dp_worker *w, const struct dp_cached *q)
{
	const struct route_table *table = w->now.view->table;
	bool shared = route_table_zone_kind(table, q->zone) == ROUTE_AUTHORITATIVE;

	return (struct dp_rcache_key){
		.qname = q->qname,
		.qtype = q->qtype,
		.region = shared ? ROUTE_REGION_NONE : q->region,
		.zone_labels = (uint8_t)dns_name_labels(route_table_zone_name(table, q->zone)),
	};
}

/* Seconds of a clock that nobody sets. */
static uint32_t now_s(const struct dp_worker *w)
{
	return (uint32_t)(w->now.ms / 1000);
}

/* ---- keeping ---- */

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t capped_ttl(const struct dns_msg *msg, const struct val_response *vr, uint16_t i)
{
	uint32_t ttl_s = msg->rr[i].ttl_s;

	return vr->ttl_capped ? smaller(ttl_s, vr->ttl_cap_s[i]) : ttl_s;
}

/* How long a denial is believed: the SOA's TTL or MINIMUM, RFC 2308 s5.
 * @return 0: do not keep it */
static uint32_t denial_life(
	const struct dp_cache_config *c, const struct dns_msg *msg, const struct val_response *vr)
{
	bool denies = vr->kind == VAL_KIND_NODATA || vr->kind == VAL_KIND_NXDOMAIN;
	uint32_t minimum_s;

	for (uint16_t i = msg->section_start[DNS_AUTHORITY]; i < msg->section_start[DNS_ADDITIONAL];
		i++) {
		if (msg->rr[i].type != DNS_TYPE_SOA)
			continue;
		if (dns_soa_minimum(msg, &msg->rr[i], &minimum_s) != 0)
			return 0;
		return smaller(c->max_negative_ttl_s, smaller(minimum_s, capped_ttl(msg, vr, i)));
	}
	return denies ? 0 : UINT32_MAX;
}

/* RFC 4035 s5.3.3: not past the signatures; 0 when they have none. */
static uint32_t signed_for(const struct dp_worker *w, const struct val_result *r)
{
	int32_t left = val_time_diff(w->now.epoch_s, r->nearest_expiration);

	if (r->nearest_expiration == 0)
		return UINT32_MAX;
	return left > 0 ? (uint32_t)left : 0;
}

/**
 * How long w->msg may be kept.
 * @param most  the most that any of its TTLs may be
 * @return 0: not at all
 */
static uint32_t life_of(const struct dp_worker *w, uint32_t *most)
{
	const struct dp_cache_config *c = &w->cfg->cache;
	const struct dns_msg *msg = &w->msg;
	uint32_t life;

	*most = smaller(c->max_ttl_s, denial_life(c, msg, &w->verdict));
	life = *most;
	for (uint16_t i = 0; i < msg->rr_count; i++)
		if (msg->rr[i].type != DNS_TYPE_OPT && !val_response_strips(&w->verdict, i))
			life = smaller(life, capped_ttl(msg, &w->verdict, i));
	if (life<c->min_ttl_s && * most> 0)
		life = c->min_ttl_s;
	return smaller(life, signed_for(w, &w->verdict.result));
}

/**
 * Note where the TTLs of a kept message are, and bound them.
 * @return false: they do not fit
 */
static bool note_ttls(struct dp_rcache_copy *kept, uint32_t least, uint32_t most)
{
	uint8_t *msg = dp_rcache_msg(kept);
	const uint8_t *end = msg + kept->head.len;
	size_t records = (size_t)dns_get16(msg + DNS_OFF_ANCOUNT) +
			 dns_get16(msg + DNS_OFF_NSCOUNT) + dns_get16(msg + DNS_OFF_ARCOUNT);
	uint8_t *at = msg + DNS_HEADER_LEN;

	if (!dp_rcache_fits(kept->head.len, records))
		return false;
	kept->head.records = (uint8_t)records;
	at += dns_name_skip(at, end) + DNS_TYPE_LEN + DNS_CLASS_LEN;
	for (size_t i = 0; i < records; i++) {
		uint32_t ttl_s;

		at += dns_name_skip(at, end) + DNS_TYPE_LEN + DNS_CLASS_LEN;
		ttl_s = smaller(dns_get32(at), most);
		dns_put32(at, ttl_s > least ? ttl_s : least);
		dp_rcache_ttls(kept)[i] = (uint16_t)(at - msg);
		at += 4 + 2 + dns_get16(at + 4);
	}
	return true;
}

static bool put(struct dp_worker *w, const struct dp_rcache_key *k)
{
	return dp_rcache_put(w->rcache, k, dp_rcache_hash(w->rcache, k), &w->kept, now_s(w),
		w->cfg->cache.stale_s);
}

void dp_cached_keep(struct dp_worker *w, const struct dp_txn *t)
{
	struct dp_route r = dp_route_of(w, t);
	struct dp_cached q = {&t->qname, t->qtype, r.zone, r.region, 0};
	struct dp_rcache_key k;
	uint32_t most, life;
	int len;

	if (w->rcache == NULL || r.zone < 0)
		return;
	life = life_of(w, &most);
	if (life == 0)
		return;
	len = dp_reply_bare(
		&w->msg, &w->verdict, r.kind, true, dp_rcache_msg(&w->kept), DP_RCACHE_MSG_MAX);
	if (len < 0)
		return;
	w->kept.head = (struct dp_rcache_head){
		.stored_s = now_s(w),
		.ends_s = now_s(w) + life,
		.signed_until = w->verdict.result.nearest_expiration,
		.ede = (int16_t)val_reason_ede(w->verdict.result.reason),
		.path = t->path,
		.len = (uint16_t)len,
		.form = dp_reply_is_plain(&w->msg) ? DP_RCACHE_BOTH : DP_RCACHE_DNSSEC,
		.secure = w->verdict.result.verdict == VAL_SECURE,
	};
	k = key_of(w, &q);
	if (note_ttls(&w->kept, life, most) && put(w, &k))
		dp_count(&w->counters.cache_kept);
}

/* ---- finding ---- */

/* w->kept was found. May it be served, as it is or as a stale one? */
static bool is_good(const struct dp_worker *w, bool stale)
{
	const struct dp_rcache_head *h = &w->kept.head;
	uint64_t end = (uint64_t)h->ends_s + (stale ? w->cfg->cache.stale_s : 0);

	return now_s(w) < end &&
	       (h->signed_until == 0 || val_time_before(w->now.epoch_s, h->signed_until));
}

/* w->kept becomes what a client without DO gets, and is kept so: the next one finds it. */
static bool make_plain(struct dp_worker *w, const struct dp_rcache_key *k)
{
	uint8_t plain[DP_RCACHE_MSG_MAX];
	int len;

	if (dns_msg_parse(&w->kept_msg, dp_rcache_msg(&w->kept), w->kept.head.len) != 0)
		return false;
	len = dp_reply_bare(&w->kept_msg, NULL, ROUTE_RECURSIVE, false, plain, sizeof(plain));
	if (len < 0)
		return false;
	memcpy(dp_rcache_msg(&w->kept), plain, (size_t)len);
	w->kept.head.len = (uint16_t)len;
	w->kept.head.form = DP_RCACHE_PLAIN;
	if (!note_ttls(&w->kept, 0, UINT32_MAX))
		return false;
	put(w, k);
	return true;
}

void dp_cached_prefetch(const struct dp_worker *w, struct dp_cached *q)
{
	struct dp_rcache_key k;

	if (w->rcache == NULL)
		return;
	k = key_of(w, q);
	q->hash = dp_rcache_hash(w->rcache, &k);
	dp_rcache_prefetch(w->rcache, q->hash);
}

bool dp_cached_find(struct dp_worker *w, const struct dp_cached *q, bool do_bit, bool stale)
{
	enum dp_rcache_form form = do_bit ? DP_RCACHE_DNSSEC : DP_RCACHE_PLAIN;
	struct dp_rcache_key k;

	if (w->rcache == NULL)
		return false;
	k = key_of(w, q);
	if (dp_rcache_get(w->rcache, &k, q->hash, form, &w->kept))
		return is_good(w, stale);
	return !do_bit && dp_rcache_get(w->rcache, &k, q->hash, DP_RCACHE_DNSSEC, &w->kept) &&
	       is_good(w, stale) && make_plain(w, &k);
}

/* RFC 8767 s4, RFC 8914 s4.4 and s4.20. */
static int stale_ede(const struct dp_worker *w)
{
	struct dp_rcache_copy *kept = (struct dp_rcache_copy *)(uintptr_t)&w->kept;
	uint16_t flags = dns_get16(dp_rcache_msg(kept) + DNS_OFF_FLAGS);

	return (flags & DNS_FLAG_RCODE_MASK) == DNS_RCODE_NXDOMAIN ? DNS_EDE_STALE_NXDOMAIN
								   : DNS_EDE_STALE_ANSWER;
}

int dp_cached_write(struct dp_worker *w, const struct dp_waiter *client, const struct dp_cached *q,
	uint8_t *out, size_t size)
{
	const struct dp_rcache_head *h = &w->kept.head;
	bool stale = now_s(w) >= h->ends_s, truncated;
	struct dp_kept kept = {
		.msg = dp_rcache_msg(&w->kept),
		.len = h->len,
		.question_end =
			(uint16_t)(DNS_HEADER_LEN + q->qname->len + DNS_TYPE_LEN + DNS_CLASS_LEN),
		.ttl_off = dp_rcache_ttls(&w->kept),
		.records = h->records,
		.secure = h->secure,
		.ede = stale ? stale_ede(w) : h->ede,
		.age_s = now_s(w) - h->stored_s,
		.fixed_ttl_s = stale ? STALE_TTL_S : 0,
	};
	int len = dp_reply_kept(&kept, client, w->cfg->edns_size, out, size, &truncated);

	if (len < 0)
		return len;
	if (truncated)
		dp_count(&w->counters.truncated);
	dp_count(stale ? &w->counters.cache_stale : &w->counters.cache_hits);
	return len;
}

bool dp_cached_ends_soon(struct dp_worker *w)
{
	const struct dp_rcache_head *h = &w->kept.head;
	uint64_t life = h->ends_s - h->stored_s, age = now_s(w) - h->stored_s;

	return w->cfg->cache.prefetch && w->kept.hits >= RENEW_HITS && h->ends_s > now_s(w) &&
	       age * 10 >= life * RENEW_TENTH && dp_rcache_claim(w->rcache, &w->kept);
}
