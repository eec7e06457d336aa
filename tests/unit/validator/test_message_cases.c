// Signed answers from public test suites against the chain and the judge: data/message-cases.jsonl.
// A case tells what a whole resolver says; one response of one zone is what is judged here. So the
// chain is built from the scripted DS and DNSKEY answers down to the zone that answers, the answer
// is judged with that zone's keys, and the verdict is compared with what a resolver would make of
// it: bogus is SERVFAIL, secure is AD.
//
// What cannot be compared is named and counted, never dropped silently. A case that disagrees and
// is not in the table of known ones is a failure, and so is a known one that agrees.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "dns/rdata.h"
#include "dns/text.h"
#include "dns/writer.h"
#include "tests/unit/run.h"
#include "validator/chain.h"
#include "validator/keys.h"
#include "validator/now.h"
#include "validator/response_priv.h"

/** Why a case says nothing about the judge. */
enum skip {
	SKIP_NONE,
	SKIP_DEAD_ALG, // the answer's signatures are of an algorithm that nobody validates any more
	SKIP_DEAD_CHAIN, // a key or DS above it is
	SKIP_NO_ANCHOR,  // no trust anchor at or above the question
	SKIP_NO_DNSKEY,  // the scenario has no DNSKEY answer for a zone of the chain
	SKIP_NO_DS,      // the same for DS
	SKIP_NO_ANSWER,  // the same for either, when the chain is built by questions
	SKIP_ZONES,      // a CNAME leads out of the zone: judged as a resolver's answer only
	SKIP_ELSEWHERE,  // what is expected rests on settings or history of the resolver, see the
			 // table
	SKIPS,
};
static const char *const skip_names[SKIPS] = {"", "dead algorithm in the answer",
	"dead algorithm in the chain", "no anchor above it", "DNSKEY answer not scripted",
	"DS answer not scripted", "DNSKEY or DS answer not scripted", "answer spans several zones",
	"depends on resolver settings or history"};

struct message {
	uint8_t *bytes;
	size_t len;
	bool ok;
	struct dns_msg msg;
};

struct test_case {
	const char *scenario, *qname, *qtype;
	uint32_t date;
	int expect_rcode;
	bool expect_ad;
	bool cd, wants_ad; // of the query
	struct message upstream;
	size_t scripted_count;
	struct message *scripted;
	struct val_anchors anchors;
};

/** Expectations that do not follow from the response and its chain; with any qname when that is
 * NULL. */
struct known {
	const char *scenario, *qname;
	int expect_rcode;
	bool expect_ad;
	const char *why;
};
static const struct known elsewhere[] = {
	{"unbound/dns64_dnssec.rpl", "inva.example.test.", 2, false,
		"DNS64: the failure is that of the A answer asked for next"},
	{"unbound/net_signed_servfail.rpl", NULL, 0, false,
		"the root denied net.'s DS at first, and the resolver remembers"},
	{"unbound/root_key_sentinel.rpl", NULL, 2, false,
		"a resolver's answer to sentinels, RFC 8509"},
	{"unbound/ipsecmod_bogus_ipseckey.crpl", "example.com.", 2, false,
		"refused for the IPSECKEY answer asked for beside it"},
	{NULL, NULL, 0, false, NULL},
};
// NODATA for MX, proven by the closest encloser and an opt-out span over the next closer name. RFC
// 5155 s8.5 wants the name's own NSEC3 and would refuse; its erratum 3441 allows this, because an
// empty non-terminal above unsigned delegations alone has none, and opt-out zones of real signers
// answer so (tests/proofs has them from Knot DNS). The verdict is insecure, never AD (s9.2). The
// same octets stand in the data once more, under unbound/, and are expected to pass there: both
// cannot be met.
static const struct known one_zone_known[] = {
	{"domain/val_nsec3_optout_ad.rpl", "sub.example.com.", 2, false,
		"NODATA in an opt-out span, RFC 5155 s8.5 with erratum 3441: the same message is "
		"to pass in unbound/"},
	{NULL, NULL, 0, false, NULL},
};

static const struct known anywhere_known[] = {
	{"domain/val_nsec3_optout_ad.rpl", "sub.example.com.", 2, false, "as above"},
	{"domain/black_ent.rpl", "www.sub.sub.example.com.", 0, true,
		"the DS answer has two NSEC records, one with a broken signature; we want both "
		"good"},
	{NULL, NULL, 0, false, NULL},
};

static const struct known *find_known(const struct known *table, const struct test_case *c)
{
	for (; table->scenario != NULL; table++) {
		if (strcmp(table->scenario, c->scenario) == 0 &&
			(table->qname == NULL || strcmp(table->qname, c->qname) == 0) &&
			table->expect_rcode == c->expect_rcode && table->expect_ad == c->expect_ad)
			return table;
	}
	return NULL;
}

/* ---- reading ---- */

static bool load_message(const char *hex, struct message *m)
{
	m->len = strlen(hex) / 2;
	m->bytes = malloc(m->len + (m->len == 0));
	if (m->bytes == NULL)
		abort();
	for (size_t i = 0; i < m->len; i++) {
		unsigned v;

		if (sscanf(hex + 2 * i, "%2x", &v) != 1)
			abort();
		m->bytes[i] = (uint8_t)v;
	}
	m->ok = dns_msg_parse(&m->msg, m->bytes, m->len) == 0;
	return m->ok;
}

/** Through a file, as an operator would give it. */
static bool load_anchors(json_t *lines, struct val_anchors *out)
{
	char path[] = "/tmp/swerve-anchor-XXXXXX", err[256];
	int fd = mkstemp(path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	size_t i;
	json_t *line;
	int rc;

	if (f == NULL)
		abort();
	json_array_foreach(lines, i, line) fprintf(f, "%s\n", json_string_value(line));
	fclose(f);
	rc = val_anchors_load(path, out, err, sizeof(err));
	unlink(path);
	if (rc < 0)
		printf("  anchors: %s\n", err);
	return rc == 0;
}

/** The newest inception of a message's signatures, if newer than `newest`. */
static uint32_t newest_inception(const struct dns_msg *m, uint32_t newest)
{
	struct dns_rrsig sig;

	for (uint16_t i = 0; i < m->rr_count; i++) {
		if (m->rr[i].type == DNS_TYPE_RRSIG &&
			dns_rrsig_read(m->data + m->rr[i].rdata_off, m->rr[i].rdata_len, &sig) ==
				0 &&
			sig.inception > newest)
			newest = sig.inception;
	}
	return newest;
}

static void case_open(json_t *j, struct test_case *c)
{
	json_t *list = json_object_get(j, "scripted"), *item;
	struct message query;
	size_t i;

	memset(c, 0, sizeof(*c));
	c->scenario = json_string_value(json_object_get(j, "scenario"));
	c->qname = json_string_value(json_object_get(j, "qname"));
	c->qtype = json_string_value(json_object_get(j, "qtype"));
	c->date = (uint32_t)json_integer_value(json_object_get(j, "date"));
	c->expect_rcode = (int)json_integer_value(json_object_get(j, "expect_rcode"));
	c->expect_ad = json_is_true(json_object_get(j, "expect_ad"));
	if (load_message(json_string_value(json_object_get(j, "query")), &query)) {
		c->cd = (query.msg.flags & DNS_FLAG_CD) != 0;
		c->wants_ad = (query.msg.flags & DNS_FLAG_AD) != 0 || query.msg.edns.do_bit;
	}
	free(query.bytes);
	load_message(json_string_value(json_object_get(j, "upstream")), &c->upstream);
	// Scripted servers often leave AA out; whether a server is lame is not what a case is
	// about.
	c->upstream.msg.flags |= DNS_FLAG_AA;
	c->scripted = calloc(json_array_size(list), sizeof(*c->scripted));
	json_array_foreach(list, i, item)
	{
		struct message *m = &c->scripted[c->scripted_count];

		if (!load_message(json_string_value(item), m)) {
			free(m->bytes);
			continue;
		}
		m->msg.flags |= DNS_FLAG_AA;
		c->scripted_count++;
	}
	// The suite's word for "do not look at times": stand where all of them are good.
	if (c->date == UINT32_MAX) {
		c->date = newest_inception(&c->upstream.msg, 0);
		for (i = 0; i < c->scripted_count; i++)
			c->date = newest_inception(&c->scripted[i].msg, c->date);
	}
	if (!load_anchors(json_object_get(j, "trust_anchors"), &c->anchors))
		c->anchors.count = 0;
}

static void case_close(struct test_case *c)
{
	free(c->upstream.bytes);
	for (size_t i = 0; i < c->scripted_count; i++)
		free(c->scripted[i].bytes);
	free(c->scripted);
}

static bool all_live(json_t *algs)
{
	size_t i;
	json_t *a;

	json_array_foreach(algs, i, a)
	{
		if (!val_alg_supported((uint8_t)json_integer_value(a), true))
			return false;
	}
	return json_array_size(algs) > 0;
}

/* ---- the chain ---- */

static struct val_verifier *verifier;
static const struct val_skew strict;

/** Records of a type at an owner in answer or authority? */
static bool has_rrset(const struct dns_msg *m, const uint8_t *owner, uint16_t type)
{
	struct dns_name n;

	for (uint16_t i = 0; i < m->section_start[DNS_ADDITIONAL]; i++) {
		if (m->rr[i].type != type)
			continue;
		dns_rr_owner(m, &m->rr[i], &n);
		if (dns_name_equal(n.octets, owner))
			return true;
	}
	return false;
}

static bool asks(const struct dns_msg *m, const uint8_t *name, uint16_t type)
{
	return m->qd_count == 1 && m->qtype == type && dns_name_equal(m->qname.octets, name);
}

/** Does the scenario treat this name as a zone of its own? */
static bool is_cut(const struct test_case *c, const uint8_t *name)
{
	for (size_t i = 0; i < c->scripted_count; i++) {
		const struct dns_msg *m = &c->scripted[i].msg;

		if (has_rrset(m, name, DNS_TYPE_DS) || has_rrset(m, name, DNS_TYPE_DNSKEY) ||
			has_rrset(m, name, DNS_TYPE_SOA))
			return true;
	}
	return has_rrset(&c->upstream.msg, name, DNS_TYPE_SOA);
}

/** Labels of the zone that a negative answer says it comes from, or `most`. */
static int soa_labels(const struct dns_msg *m, int most)
{
	struct dns_name n;

	for (uint16_t i = m->section_start[DNS_AUTHORITY]; i < m->section_start[DNS_ADDITIONAL];
		i++) {
		if (m->rr[i].type != DNS_TYPE_SOA)
			continue;
		dns_rr_owner(m, &m->rr[i], &n);
		if (dns_name_under(m->qname.octets, n.octets) && n.labels < most)
			return n.labels;
	}
	return most;
}

enum step { STEP_OK, STEP_INSECURE, STEP_BOGUS, STEP_ABSENT };

/** Keys of a zone from whatever DNSKEY answer of the scenario is good. */
static enum step take_keys(const struct test_case *c, const uint8_t *zone,
	const struct val_anchor *ds, size_t ds_count, struct val_zone_keys *out,
	struct val_result *res)
{
	enum step got = STEP_ABSENT;
	size_t len = (size_t)(dns_name_strip(zone, dns_name_labels(zone)) - zone) + 1;

	dns_name_from_wire(zone, zone + len, &out->zone);
	for (size_t i = 0; i < c->scripted_count; i++) {
		const struct dns_msg *m = &c->scripted[i].msg;

		if (!asks(m, zone, DNS_TYPE_DNSKEY) || !has_rrset(m, zone, DNS_TYPE_DNSKEY))
			continue;
		if (val_keys_from_dnskey(
			    verifier, m, zone, ds, ds_count, c->date, &strict, out, res) == 0)
			return out->status == VAL_ZONE_SECURE ? STEP_OK : STEP_INSECURE;
		got = STEP_BOGUS;
	}
	return got;
}

/** DS of a zone, or its proven absence, from a DS answer or a referral of the scenario. */
static enum step take_ds(const struct test_case *c, const struct val_zone_keys *parent,
	const uint8_t *zone, struct val_anchor *ds, size_t *count, struct val_result *res)
{
	enum step got = STEP_ABSENT;
	uint32_t until;

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < c->scripted_count; i++) {
			const struct dns_msg *m = &c->scripted[i].msg;
			bool fits = round == 0 ? asks(m, zone, DNS_TYPE_DS)
					       : !asks(m, zone, DNS_TYPE_DS) &&
							 has_rrset(m, zone, DNS_TYPE_NS) &&
							 !asks(m, zone, DNS_TYPE_NS);

			if (!fits)
				continue;
			if (val_ds_from_response(verifier, m, parent, zone, c->date, &strict, ds,
				    count, &until, res) == 0)
				return *count == 0 ? STEP_INSECURE : STEP_OK;
			// a referral without proof is no lie, there may be a DS answer beside it
			if (round == 0)
				got = STEP_BOGUS;
		}
	}
	return got;
}

/** The deepest anchor at or above a name; keys of its zone into out. */
static enum step take_anchor(const struct test_case *c, const uint8_t *name,
	struct val_zone_keys *out, struct val_result *res)
{
	struct val_anchor own[VAL_ANCHORS_MAX];
	const struct val_anchor *best = NULL;
	size_t count = 0;

	for (int i = 0; i < c->anchors.count; i++) {
		const struct val_anchor *a = &c->anchors.item[i];

		if (dns_name_under(name, a->zone.octets) &&
			(best == NULL || a->zone.labels > best->zone.labels))
			best = a;
	}
	if (best == NULL)
		return STEP_ABSENT;
	for (int i = 0; i < c->anchors.count; i++) {
		if (dns_name_equal(c->anchors.item[i].zone.octets, best->zone.octets))
			own[count++] = c->anchors.item[i];
	}
	out->zone = best->zone;
	return take_keys(c, best->zone.octets, own, count, out, res);
}

/**
 * From the anchor down to the zone that answers. On STEP_OK and STEP_INSECURE zone is set, on
 * STEP_BOGUS res is.
 * @param skip  set with STEP_ABSENT
 */
static enum step build_chain(const struct test_case *c, struct val_zone_keys *zone,
	struct val_result *res, enum skip *skip)
{
	struct dns_name lower = c->upstream.msg.qname;
	const uint8_t *qname = lower.octets;
	int labels = lower.labels;
	// DS is the parent's
	int bottom = c->upstream.msg.qtype == DNS_TYPE_DS && labels > 0 ? labels - 1 : labels;
	enum step got;

	bottom = soa_labels(&c->upstream.msg, bottom);
	dns_name_lower(lower.octets, lower.len);
	got = take_anchor(c, dns_name_strip(qname, labels - bottom), zone, res);
	if (got == STEP_ABSENT)
		*skip = zone->zone.len == 0 ? SKIP_NO_ANCHOR : SKIP_NO_DNSKEY;
	for (int n = zone->zone.labels + 1; got == STEP_OK && n <= bottom; n++) {
		const uint8_t *child = dns_name_strip(qname, labels - n);
		struct val_anchor ds[VAL_DS_MAX];
		struct val_zone_keys parent = *zone;
		size_t count = 0;

		if (!is_cut(c, child))
			continue;
		got = take_ds(c, &parent, child, ds, &count, res);
		if (got == STEP_ABSENT)
			*skip = SKIP_NO_DS;
		if (got != STEP_OK)
			break;
		got = take_keys(c, child, ds, count, zone, res);
		if (got == STEP_ABSENT)
			*skip = SKIP_NO_DNSKEY;
	}
	return got;
}

/* ---- one case ---- */

/** Does a CNAME or DNAME of the answer lead to another zone? */
static bool leaves_zone(const struct test_case *c, const struct val_zone_keys *zone)
{
	const struct dns_msg *m = &c->upstream.msg;
	struct dns_name n;

	for (uint16_t i = 0; i < m->section_start[DNS_AUTHORITY]; i++) {
		const struct dns_rr *rr = &m->rr[i];

		if (rr->type != DNS_TYPE_CNAME && rr->type != DNS_TYPE_DNAME)
			continue;
		if (m->qtype == rr->type || dns_name_expand(m->data, m->len, rr->rdata_off,
						    (size_t)rr->rdata_off + rr->rdata_len, &n) < 0)
			continue;
		if (!dns_name_under(n.octets, zone->zone.octets))
			return true;
		for (int up = n.labels - zone->zone.labels - 1; up >= 0; up--) {
			if (is_cut(c, dns_name_strip(n.octets, up)))
				return true;
		}
	}
	return false;
}

/* ---- the same as a recursive resolver's answer, every zone's keys asked for as needed ---- */

static struct val_facts *facts;

static int verify_now(void *arg, const struct val_want *w)
{
	struct val_checks *checks = arg;
	int good = val_verify(
		verifier, w->dnskey, w->dnskey_len, w->data, w->data_len, w->sig, w->sig_len);

	checks->item[w->index].state = good == 1 ? VAL_SIG_GOOD : VAL_SIG_BAD;
	return 0;
}

/** Where the facts come from, and what verifies. */
struct resolver {
	const struct test_case *c;
	struct val_trust trust;
	struct val_ctx ctx;
};

/** Offer one message as the answer to a question. @return STEP_ABSENT: it says nothing */
static enum step take_answer(struct resolver *r, const struct dns_msg *m, struct val_result *res)
{
	static struct val_response out;
	struct val_checks checks = {.count = 0};

	for (int round = 0; round <= VAL_VERIFY_RESPONSE_MAX; round++) {
		val_chain_judge(&r->ctx, &r->trust, m, &checks, verify_now, &checks, &out);
		if (out.result.verdict != VAL_PENDING)
			break;
	}
	if (out.result.verdict == VAL_BOGUS)
		*res = out.result;
	return out.result.verdict == VAL_BOGUS           ? STEP_BOGUS
	       : out.result.verdict == VAL_INDETERMINATE ? STEP_ABSENT
							 : STEP_OK;
}

/** The DS answer that a resolver makes of a referral, or of whatever proves something of it. */
static bool make_ds_answer(
	const struct dns_msg *m, const struct dns_name *name, struct message *out)
{
	static uint8_t bytes[DNS_MSG_MAX];
	struct dns_writer w;
	bool has_ds = has_rrset(m, name->octets, DNS_TYPE_DS);
	int len;

	dns_writer_init(&w, bytes, sizeof(bytes), 0, DNS_FLAG_QR | DNS_FLAG_AA);
	dns_writer_question(&w, name->octets, DNS_TYPE_DS, DNS_CLASS_IN);
	for (uint16_t i = m->section_start[DNS_AUTHORITY]; i < m->section_start[DNS_ADDITIONAL];
		i++) {
		const struct dns_rr *rr = &m->rr[i];
		uint16_t type =
			rr->type == DNS_TYPE_RRSIG ? dns_get16(m->data + rr->rdata_off) : rr->type;

		if (has_ds ? type == DNS_TYPE_DS : type == DNS_TYPE_NSEC || type == DNS_TYPE_NSEC3)
			dns_writer_copy_rr(
				&w, has_ds ? DNS_ANSWER : DNS_AUTHORITY, m, rr, rr->ttl_s);
	}
	len = dns_writer_end(&w);
	return len > 0 && dns_msg_parse(&out->msg, bytes, (size_t)len) == 0;
}

static bool take_made(struct resolver *r, const struct dns_msg *m, const struct dns_name *name)
{
	static struct message made;
	struct val_result ignored;

	return make_ds_answer(m, name, &made) && take_answer(r, &made.msg, &ignored) == STEP_OK;
}

/** Find a good answer among the scripted messages. */
static enum step find_answer(
	struct resolver *r, const struct val_chain_step *need, struct val_result *res)
{
	enum step got = STEP_ABSENT, here;

	for (size_t i = 0; i < r->c->scripted_count; i++) {
		const struct dns_msg *m = &r->c->scripted[i].msg;

		if (!asks(m, need->name.octets, need->type))
			continue;
		here = take_answer(r, m, res);
		if (here == STEP_OK)
			return here;
		if (here == STEP_BOGUS)
			got = here;
	}
	for (size_t i = 0; need->type == DNS_TYPE_DS && i < r->c->scripted_count; i++) {
		if (take_made(r, &r->c->scripted[i].msg, &need->name))
			return STEP_OK;
	}
	return got;
}

/** @return false: the scenario lacks what is asked */
static bool answer_need(
	struct resolver *r, const struct val_chain_step *need, struct val_result *res)
{
	struct val_fact inside = {.kind = VAL_FACT_INSIDE, .until = r->c->date + 1};
	struct val_chain_step above;

	switch (find_answer(r, need, res)) {
	case STEP_OK:
	case STEP_INSECURE:
		return true;
	case STEP_BOGUS:
		val_chain_fail(&r->trust, &need->name, res->reason, 5);
		return true;
	case STEP_ABSENT:
	default:
		if (need->type != DNS_TYPE_DS || is_cut(r->c, need->name.octets))
			return false;
		// Not a zone in this scenario, so nobody thought of the question.
		val_chain_walk(&r->trust, dns_name_strip(need->name.octets, 1), &above);
		inside.zone_labels = above.zone->zone.labels;
		val_facts_put(facts, &need->name, &inside, r->c->date);
		return true;
	}
}

/** Where the answer section of a message ends that does not have what was asked for. */
static bool chain_end(const struct dns_msg *m, struct dns_name *at)
{
	*at = m->qname;
	dns_name_lower(at->octets, at->len);
	for (int steps = 0; steps < 16; steps++) {
		int i = val_rrset_find(m, at->octets, DNS_TYPE_CNAME);

		if (i < 0 || !val_rr_target(m, &m->rr[i], at))
			return i < 0 && steps > 0 && !has_rrset(m, at->octets, m->qtype);
	}
	return false;
}

static void copy_section(struct dns_writer *w, enum dns_section s, const struct dns_msg *m)
{
	for (uint16_t i = m->section_start[s]; i < m->section_start[s + 1]; i++)
		dns_writer_copy_rr(w, s, m, &m->rr[i], m->rr[i].ttl_s);
}

/**
 * The upstream's answer as a resolver would pass it on: a CNAME that leads to another zone comes
 * with what that zone's server said. @return the answer, or what it was made of
 */
static const struct dns_msg *complete(const struct test_case *c, struct message *made)
{
	static uint8_t bytes[DNS_MSG_MAX];
	const struct dns_msg *m = &c->upstream.msg;
	struct dns_writer w;
	struct dns_name at;

	if (m->qtype == DNS_TYPE_CNAME || !chain_end(m, &at))
		return m;
	for (size_t i = 0; i < c->scripted_count; i++) {
		const struct dns_msg *rest = &c->scripted[i].msg;
		int len;

		if (!asks(rest, at.octets, m->qtype))
			continue;
		dns_writer_init(&w, bytes, sizeof(bytes), 0, rest->flags);
		dns_writer_question(&w, m->qname.octets, m->qtype, DNS_CLASS_IN);
		copy_section(&w, DNS_ANSWER, m);
		copy_section(&w, DNS_ANSWER, rest);
		copy_section(&w, DNS_AUTHORITY, m);
		copy_section(&w, DNS_AUTHORITY, rest);
		len = dns_writer_end(&w);
		if (len > 0 && dns_msg_parse(&made->msg, bytes, (size_t)len) == 0)
			return &made->msg;
	}
	return m;
}

/** @return STEP_ABSENT: the scenario lacks a message. Else *res is the verdict. */
static enum step judge_anywhere(const struct test_case *c, struct val_result *res)
{
	static struct val_response out;
	static struct resolver r;
	static struct message made;
	const struct dns_msg *answer = complete(c, &made);
	struct val_checks checks = {.count = 0};
	struct val_chain_step need;

	r.c = c;
	r.trust = (struct val_trust){.anchors = &c->anchors, .facts = facts, .now = c->date};
	r.ctx.sha1 = true;
	val_facts_clear(facts);
	for (int round = 0; round < VAL_CHAIN_QUESTIONS_MAX + VAL_VERIFY_RESPONSE_MAX; round++) {
		val_chain_response(
			&r.ctx, &r.trust, answer, &checks, verify_now, &checks, &out, &need);
		*res = out.result;
		if (res->verdict != VAL_PENDING)
			break;
		if (need.end == VAL_CHAIN_ASK && !answer_need(&r, &need, res))
			return STEP_ABSENT;
	}
	*res = out.result;
	return STEP_OK;
}

struct outcome {
	enum skip skip;
	int rcode;
	bool ad;
	struct val_result res;
};

static void run_case(const struct test_case *c, bool chain_live, struct outcome *o)
{
	struct val_zone_keys zone = {.count = 0};
	static struct val_response out;
	enum step got;

	memset(o, 0, sizeof(*o));
	o->rcode = DNS_RCODE_SERVFAIL;
	if (!c->upstream.ok) {
		o->res.reason = VAL_R_MALFORMED;
		return;
	}
	got = build_chain(c, &zone, &o->res, &o->skip);
	if (got != STEP_OK && !chain_live) {
		o->skip = SKIP_DEAD_CHAIN;
		return;
	}
	if (got == STEP_ABSENT)
		return;
	if (got == STEP_INSECURE) {
		o->res.verdict = VAL_INSECURE;
	} else if (got == STEP_OK) {
		val_judge_now(verifier, &c->upstream.msg, &zone, c->date, &strict, &out);
		o->res = out.result;
		if (leaves_zone(c, &zone) &&
			(o->res.verdict != VAL_BOGUS || c->expect_rcode != DNS_RCODE_SERVFAIL))
			o->skip = SKIP_ZONES;
	}
	if (o->res.verdict == VAL_BOGUS && !c->cd)
		return;
	o->rcode = dns_msg_rcode(&c->upstream.msg);
	o->ad = o->res.verdict == VAL_SECURE && c->wants_ad;
}

static void run_anywhere(const struct test_case *c, bool chain_live, struct outcome *o)
{
	memset(o, 0, sizeof(*o));
	o->rcode = DNS_RCODE_SERVFAIL;
	if (!c->upstream.ok) {
		o->res.reason = VAL_R_MALFORMED;
		return;
	}
	if (judge_anywhere(c, &o->res) == STEP_ABSENT)
		o->skip = SKIP_NO_ANSWER;
	if (o->res.verdict != VAL_SECURE && !chain_live)
		o->skip = SKIP_DEAD_CHAIN;
	if (o->res.verdict != VAL_SECURE && o->res.verdict != VAL_INSECURE && !c->cd)
		return;
	o->rcode = dns_msg_rcode(&c->upstream.msg);
	o->ad = o->res.verdict == VAL_SECURE && c->wants_ad;
}

static FILE *input;

typedef void (*run_fn)(const struct test_case *c, bool chain_live, struct outcome *o);

static void run_all(run_fn run, const struct known *disagreements)
{
	char *line = NULL;
	size_t size = 0, counts[SKIPS] = {0}, matched = 0, known = 0, ran = 0;

	printf("\n");
	rewind(input);
	while (getline(&line, &size, input) > 0) {
		json_error_t error;
		json_t *j = json_loads(line, 0, &error);
		static struct test_case c;
		struct outcome o;
		bool agrees;

		CU_ASSERT_PTR_NOT_NULL_FATAL(j);
		ran++;
		if (!all_live(json_object_get(j, "final_algs"))) {
			counts[SKIP_DEAD_ALG]++;
			json_decref(j);
			continue;
		}
		case_open(j, &c);
		run(&c, all_live(json_object_get(j, "algs")), &o);
		if (o.skip == SKIP_NONE && find_known(elsewhere, &c) != NULL)
			o.skip = SKIP_ELSEWHERE;
		agrees = o.rcode == c.expect_rcode && o.ad == c.expect_ad;
		if (o.skip != SKIP_NONE) {
			counts[o.skip]++;
		} else if (agrees) {
			matched++;
			CU_ASSERT_PTR_NULL(find_known(disagreements, &c));
		} else {
			const struct known *k = find_known(disagreements, &c);

			printf("  disagrees: %s %s %s: expected rcode %d%s, got rcode %d%s (%s, "
			       "%s, %u)%s%s\n",
				c.scenario, c.qname, c.qtype, c.expect_rcode,
				c.expect_ad ? " AD" : "", o.rcode, o.ad ? " AD" : "",
				val_verdict_name(o.res.verdict), val_reason_name(o.res.reason),
				o.res.type_covered,
				k == NULL ? "" : "; known: ", k == NULL ? "" : k->why);
			known += k != NULL;
			CU_ASSERT_PTR_NOT_NULL(k);
		}
		case_close(&c);
		json_decref(j);
	}
	free(line);
	printf("  %zu cases: %zu matched, %zu known to disagree\n", ran, matched, known);
	for (int i = 1; i < SKIPS; i++)
		printf("  not applicable: %zu, %s\n", counts[i], skip_names[i]);
	CU_ASSERT_NOT_EQUAL(matched, 0);
}

static void test_one_zone(void)
{
	run_all(run_case, one_zone_known);
}

static void test_anywhere(void)
{
	static const struct dns_hash_key key = {1, 2};

	CU_ASSERT_EQUAL_FATAL(val_facts_new(256, 64, -1, &key, &facts), 0);
	run_all(run_anywhere, anywhere_known);
	val_facts_free(facts);
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"as one zone's answers", test_one_zone},
		{"as a resolver's answers", test_anywhere},
		CU_TEST_INFO_NULL,
	};
	const char *folder = getenv("SWERVE_DATA");
	char path[4096];
	int failed;

	if (folder == NULL)
		folder = argc > 1 ? argv[1] : ".";
	snprintf(path, sizeof(path), "%s/message-cases.jsonl", folder);
	input = fopen(path, "r");
	if (input == NULL) {
		printf("skipped: no %s\n", path);
		return 77;
	}
	if (val_verifier_new(&verifier) < 0)
		return 99;
	val_verifier_set_sha1(verifier, true);
	failed = test_run("validator/message_cases", tests);
	val_verifier_free(verifier);
	fclose(input);
	return failed;
}
