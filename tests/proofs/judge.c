/*
 * Judge real servers' answers, whole and with a piece missing: judge < ANSWERS (see run.py).
 *
 * The whole answer must get the verdict that stands with it, with and without a cache. Then each
 * record, each RRSIG and each RRset with its RRSIGs is left out in turn, and what is left must not
 * pass. Where something may be left out, rows of `spares` say what and why; whatever else passes is
 * a failure, and so is a row that nothing needed. DNSKEY and DS answers go through keys.h too.
 *
 * Prints a table; exit code 1 when anything was not as it must be.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/rand.h>

#include "dns/rdata.h"
#include "dns/text.h"
#include "dns/writer.h"
#include "tests/proofs/judge.h"
#include "validator/keys.h"
#include "validator/now.h"
#include "validator/response.h"

static const char *const harm_names[HARMS] = {"record", "signature", "RRset"};
enum { LINE_MAX_LEN = 70000, CACHE_ENTRIES = 1 << 16, ROWS_MAX = 64 };

static struct val_verifier *verifier;
static struct val_sigcache *cache;
static struct val_ctx ctx;
static struct val_zone_keys zone;
static const struct val_skew strict;
static uint32_t now;
static unsigned failures;

/* ---- judging ---- */

static int want(void *arg, const struct val_want *w)
{
	struct val_checks *checks = arg;
	struct val_sig_times times = {w->inception, w->expiration, w->key_generation};
	bool good = val_verify(verifier, w->dnskey, w->dnskey_len, w->data, w->data_len, w->sig,
			    w->sig_len) == 1;

	checks->item[w->index].state = good ? VAL_SIG_GOOD : VAL_SIG_BAD;
	if (good)
		val_sigcache_put(cache, w->id, &times);
	else
		val_sigcache_put_bad(cache, w->id, now);
	return 0;
}

/** As a worker does it, with the cache. */
static void judge(const struct dns_msg *msg, struct val_response *out)
{
	struct val_checks checks = {.count = 0};

	for (int round = 0; round <= VAL_VERIFY_RESPONSE_MAX; round++) {
		val_response_judge(&ctx, msg, &zone, now, &checks, want, &checks, out);
		if (out->result.verdict != VAL_PENDING)
			return;
	}
	errx(2, "a verdict that does not come");
}

/** The zone's keys out of its DNSKEY answer, with its key-signing keys as anchors. */
static int take_keys(const struct answer *a, struct val_zone_keys *out, struct val_result *res)
{
	struct val_anchor anchors[VAL_ANCHORS_MAX];
	size_t count = 0;
	struct dns_name apex;

	memset(anchors, 0, sizeof(anchors));
	if (dns_name_from_text(a->zone_text, &apex) != 0)
		errx(2, "no zone: %s", a->zone_text);
	dns_name_lower(apex.octets, apex.len);
	for (uint16_t i = 0; i < a->msg.section_start[DNS_AUTHORITY]; i++) {
		const struct dns_rr *rr = &a->msg.rr[i];
		struct val_anchor *to = &anchors[count];

		if (rr->type != DNS_TYPE_DNSKEY || rr->rdata_len > VAL_KEY_MAX ||
			!(a->wire[rr->rdata_off + 1] & DNS_DNSKEY_FLAG_SEP))
			continue;
		to->zone = apex;
		to->type = DNS_TYPE_DNSKEY;
		to->key.rdata_len = rr->rdata_len;
		memcpy(to->key.rdata, a->wire + rr->rdata_off, rr->rdata_len);
		to->key.algorithm = to->key.rdata[3];
		to->key.key_tag = dns_key_tag(to->key.rdata, rr->rdata_len);
		count++;
	}
	out->zone = apex;
	out->generation = 1;
	return val_keys_from_dnskey(
		verifier, &a->msg, apex.octets, anchors, count, now, &strict, out, res);
}

/* ---- tables ---- */

static enum val_verdict wanted(const struct answer *a)
{
	return *a->verdict == 'S' ? VAL_SECURE : *a->verdict == 'I' ? VAL_INSECURE : VAL_BOGUS;
}

struct row {
	char title[48];
	unsigned answers, secure, insecure, bogus, tried[HARMS], refused, lame, spared;
};
static struct row rows[ROWS_MAX];
static unsigned row_count;

static struct row *row_of(const struct answer *a)
{
	char title[sizeof(rows[0].title)];

	snprintf(title, sizeof(title), "%-5s %3s %s", a->software, a->algorithm, a->denial);
	for (unsigned i = 0; i < row_count; i++)
		if (strcmp(rows[i].title, title) == 0)
			return &rows[i];
	if (row_count == ROWS_MAX)
		errx(2, "too many kinds of zone");
	memcpy(rows[row_count].title, title, sizeof(title));
	return &rows[row_count++];
}

static void fail(const struct answer *a, const struct gap *g, const struct val_result *r)
{
	char owner_text[DNS_NAME_TEXT_MAX] = "", type[DNS_MNEMONIC_MAX];
	struct dns_name owner;

	if (++failures > 40)
		return;
	printf("FAILED %s %s %s: %s, %s %s", a->software, a->algorithm, a->denial, a->kind, a->name,
		a->type);
	if (g != NULL) {
		dns_rr_owner(&a->msg, g->rr, &owner);
		printf(", without the %s %s %s of section %u", harm_names[g->harm],
			dns_name_to_text(owner.octets, owner_text, sizeof(owner_text)),
			dns_type_text(g->rr->type, type), g->rr->section);
	}
	printf(": %s (%s), the whole one is to be %s\n", val_verdict_name(r->verdict),
		val_reason_name(r->reason), val_verdict_name(wanted(a)));
}

/* ---- an answer and its gaps ---- */

static void judge_whole(const struct answer *a, struct row *row)
{
	static struct val_response hot, cold;

	row->answers++;
	judge(&a->msg, &hot);
	val_judge_now(verifier, &a->msg, &zone, now, &strict, &cold);
	if (hot.result.verdict != wanted(a) || cold.result.verdict != wanted(a) ||
		hot.result.reason != cold.result.reason)
		fail(a, NULL, hot.result.verdict != wanted(a) ? &hot.result : &cold.result);
	else if (hot.result.verdict == VAL_SECURE)
		row->secure++;
	else if (hot.result.verdict == VAL_INSECURE)
		row->insecure++;
	else
		row->bogus++;
}

/** The answer without what the gap says, written anew. @return octets, in an exact-size block */
static uint8_t *without(const struct answer *a, const struct gap *g, size_t *len)
{
	static uint8_t buf[DNS_MSG_MAX];
	const struct dns_msg *m = &a->msg;
	struct dns_writer w;
	uint8_t *out;
	int n;

	dns_writer_init(&w, buf, sizeof(buf), m->id, m->flags);
	dns_writer_question(&w, m->qname.octets, m->qtype, m->qclass);
	for (uint16_t i = 0; i < m->rr_count; i++)
		if (m->rr[i].type != DNS_TYPE_OPT && !g->left_out[i])
			dns_writer_copy_rr(&w, m->rr[i].section, m, &m->rr[i], m->rr[i].ttl_s);
	dns_writer_opt(&w, 4096, true, 0, DNS_EDE_NONE, NULL);
	n = dns_writer_end(&w);
	if (n < 0)
		errx(2, "cannot write an answer anew: %s", strerror(-n));
	out = malloc((size_t)n);
	if (out == NULL)
		err(2, NULL);
	memcpy(out, buf, (size_t)n);
	*len = (size_t)n;
	return out;
}

static void judge_gap(const struct answer *a, const struct gap *g, struct row *row)
{
	static struct answer rest;
	static struct val_response judged;
	struct spare *spare = spare_find(a, g);
	enum val_verdict v;

	rest = *a;
	rest.wire = without(a, g, &rest.len);
	if (dns_msg_parse(&rest.msg, rest.wire, rest.len) != 0)
		errx(2, "cannot read what was written");
	row->tried[g->harm]++;
	judge(&rest.msg, &judged);
	v = judged.result.verdict;
	if (v == VAL_BOGUS) {
		row->refused++;
	} else if (v == VAL_INDETERMINATE && judged.result.reason == VAL_R_LAME) {
		row->lame++;
	} else if (v == wanted(a) && spare != NULL) {
		row->spared++;
		spare->used++;
	} else {
		fail(a, g, &judged.result);
	}
	if (a->msg.qtype == DNS_TYPE_DNSKEY && g->rr->section == DNS_ANSWER) {
		static struct val_zone_keys keys;
		struct val_result res;

		if (take_keys(&rest, &keys, &res) == 0)
			fail(a, g, &res);
	}
	if (a->msg.qtype == DNS_TYPE_DS && v == VAL_BOGUS) {
		struct val_anchor ds[VAL_DS_MAX];
		struct val_result res;
		size_t count;
		uint32_t until;

		if (val_ds_from_response(verifier, &rest.msg, &zone, a->msg.qname.octets, now,
			    &strict, ds, &count, &until, &res) == 0)
			fail(a, g, &res);
	}
	free(rest.wire);
}

static bool same_rrset(const struct answer *a, const struct dns_rr *x, const struct dns_rr *y)
{
	struct dns_name one, two;
	struct dns_rrsig sig;
	uint16_t type = y->type;

	if (type == DNS_TYPE_RRSIG &&
		dns_rrsig_read(a->wire + y->rdata_off, y->rdata_len, &sig) == 0)
		type = sig.type_covered;
	dns_rr_owner(&a->msg, x, &one);
	dns_rr_owner(&a->msg, y, &two);
	return x->section == y->section && x->type == type &&
	       dns_name_equal(one.octets, two.octets);
}

static void judge_gaps(const struct answer *a, struct row *row)
{
	for (uint16_t i = 0; i < a->msg.rr_count; i++) {
		const struct dns_rr *rr = &a->msg.rr[i];
		struct gap g = {.rr = rr};
		bool first = true;

		if (rr->type == DNS_TYPE_OPT)
			continue;
		g.harm = rr->type == DNS_TYPE_RRSIG ? HARM_SIGNATURE : HARM_RECORD;
		g.left_out[i] = true;
		judge_gap(a, &g, row);
		if (rr->type == DNS_TYPE_RRSIG)
			continue;
		g.harm = HARM_RRSET;
		for (uint16_t k = 0; k < a->msg.rr_count; k++) {
			g.left_out[k] = same_rrset(a, rr, &a->msg.rr[k]);
			first &= k >= i || !g.left_out[k];
		}
		if (first)
			judge_gap(a, &g, row);
	}
}

/* ---- input ---- */

static void parse(char *line, struct answer *a)
{
	char **field[] = {&a->software, &a->algorithm, &a->denial, &a->zone_text, &a->kind,
		&a->name, &a->type, &a->verdict};
	char *hex = line;

	for (size_t i = 0; i < sizeof(field) / sizeof(field[0]); i++) {
		*field[i] = strsep(&hex, "\t");
		if (hex == NULL)
			errx(2, "a line with too few columns");
	}
	hex[strcspn(hex, "\n")] = '\0';
	a->len = strlen(hex) / 2;
	a->wire = malloc(a->len);
	if (a->wire == NULL)
		err(2, NULL);
	for (size_t i = 0; i < a->len; i++)
		if (sscanf(hex + 2 * i, "%2hhx", &a->wire[i]) != 1)
			errx(2, "not hex");
	if (dns_msg_parse(&a->msg, a->wire, a->len) != 0)
		errx(2, "%s %s: an answer that is no message", a->name, a->type);
	if (a->msg.flags & DNS_FLAG_TC)
		errx(2, "%s %s: cut off", a->name, a->type);
}

static void take(struct answer *a)
{
	struct row *row = row_of(a);

	if (a->msg.qtype == DNS_TYPE_DNSKEY) {
		struct val_result res;

		memset(&zone, 0, sizeof(zone));
		if (take_keys(a, &zone, &res) != 0) {
			fail(a, NULL, &res);
			return;
		}
	}
	a->zone = &zone;
	judge_whole(a, row);
	if (wanted(a) != VAL_BOGUS)
		judge_gaps(a, row);
}

static void report(void)
{
	struct row all = {.title = "all"};

	printf("%-20s %7s %7s %8s %5s | left out: %6s %6s %6s | %7s %5s %6s\n", "zone", "answers",
		"secure", "insecure", "bogus", "record", "sig", "RRset", "refused", "lame",
		"spared");
	for (unsigned i = 0; i <= row_count; i++) {
		const struct row *r = i < row_count ? &rows[i] : &all;

		printf("%-20s %7u %7u %8u %5u | %9s %6u %6u %6u | %7u %5u %6u\n", r->title,
			r->answers, r->secure, r->insecure, r->bogus, "", r->tried[HARM_RECORD],
			r->tried[HARM_SIGNATURE], r->tried[HARM_RRSET], r->refused, r->lame,
			r->spared);
		all.answers += r->answers;
		all.secure += r->secure;
		all.insecure += r->insecure;
		all.bogus += r->bogus;
		for (int h = 0; h < HARMS; h++)
			all.tried[h] += r->tried[h];
		all.refused += r->refused;
		all.lame += r->lame;
		all.spared += r->spared;
	}
	printf("may be left out:\n");
	for (size_t i = 0; i < spares_count; i++) {
		printf("  %5u  %s: %s\n", spares[i].used, spares[i].what, spares[i].why);
		if (spares[i].used == 0) {
			printf("FAILED: nothing needed this row\n");
			failures++;
		}
	}
	printf("%u failures\n", failures);
}

int main(void)
{
	static char line[2 * LINE_MAX_LEN];
	static struct answer a;
	struct dns_hash_key secret;

	now = (uint32_t)time(NULL);
	if (val_verifier_new(&verifier) != 0 || val_sigcache_new(CACHE_ENTRIES, -1, &cache) != 0 ||
		RAND_bytes((unsigned char *)&secret, sizeof(secret)) != 1)
		errx(2, "cannot start");
	val_sig_key_init(&ctx.prf_key, &secret, val_sig_prf_best());
	ctx.cache = cache;
	while (fgets(line, sizeof(line), stdin) != NULL) {
		parse(line, &a);
		take(&a);
		free(a.wire);
	}
	if (row_count == 0)
		errx(2, "no answers");
	report();
	val_sigcache_free(cache);
	val_verifier_free(verifier);
	return failures == 0 ? 0 : 1;
}
