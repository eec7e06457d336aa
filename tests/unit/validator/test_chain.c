#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/text.h"
#include "dns/wire.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"
#include "treekit.h"
#include "validator/chain.h"

/* The chain over a tree of zones that answers whatever is asked; root.'s keys are published. */

enum { NOW = 1700000000 };

static const struct dns_hash_key hash_key = {5, 6};
static enum val_verdict answer(const char *qname, uint16_t qtype);
static struct tree tree;
static struct val_verifier *verifier;
static struct val_keys *published;
static struct val_ctx ctx;
static struct val_trust trust;
static struct dns_msg msg;
static struct val_response out;
static char asked[1024]; // the questions of the last walk, in order

static int verify_now(void *arg, const struct val_want *w)
{
	struct val_checks *checks = arg;
	int good = val_verify(
		verifier, w->dnskey, w->dnskey_len, w->data, w->data_len, w->sig, w->sig_len);

	checks->item[w->index].state = good == 1 ? VAL_SIG_GOOD : VAL_SIG_BAD;
	return 0;
}

static void open_tree(void)
{
	struct val_zone_keys root;

	tree_new(&tree, NOW);
	tree_keys(&tree, ".", &root);
	CU_ASSERT_EQUAL_FATAL(val_keys_new(&root, 1, &published), 0);
	memset(&trust, 0, sizeof(trust));
	CU_ASSERT_EQUAL_FATAL(val_facts_new(256, 32, -1, &hash_key, &trust.facts), 0);
	trust.published = published;
	trust.now = NOW;
	ctx.sha1 = false;
}

static void close_tree(void)
{
	val_facts_free(trust.facts);
	val_keys_free(published);
	tree_free(&tree);
}

/* Judge wire octets as the answer to a question of the chain; frees them. */
static enum val_verdict judge(uint8_t *wire, size_t len)
{
	struct val_checks checks = {.count = 0};

	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, wire, len), 0);
	for (int round = 0; round <= VAL_VERIFY_RESPONSE_MAX; round++) {
		memset(&out.result, 0xee, sizeof(out.result));
		val_chain_judge(&ctx, &trust, &msg, &checks, verify_now, &checks, &out);
		if (out.result.verdict != VAL_PENDING)
			break;
	}
	free(wire);
	return out.result.verdict;
}

static void note_asked(const struct val_chain_step *s)
{
	char name[DNS_NAME_TEXT_MAX], type[DNS_MNEMONIC_MAX];
	size_t len = strlen(asked);

	snprintf(asked + len, sizeof(asked) - len, "%s%s %s", len > 0 ? ", " : "",
		dns_type_text(s->type, type), dns_name_to_text(s->name.octets, name, sizeof(name)));
}

/* Ask what a step wants; a bogus answer is final. */
static void ask(const struct val_chain_step *s)
{
	char name[DNS_NAME_TEXT_MAX];
	size_t len;
	uint8_t *wire;

	note_asked(s);
	dns_name_to_text(s->name.octets, name, sizeof(name));
	wire = tree_answer(&tree, name, s->type, &len);
	if (judge(wire, len) == VAL_BOGUS)
		val_chain_fail(&trust, &s->name, out.result.reason, 5);
}

/* Walk to a name, asking as needed. */
static struct val_chain_step walk(const char *name)
{
	struct val_chain_step s;
	struct dns_name n;

	asked[0] = 0;
	for (int i = 0; i < VAL_CHAIN_QUESTIONS_MAX; i++) {
		val_chain_walk(&trust, kit_wire(name, &n), &s);
		if (s.end != VAL_CHAIN_ASK)
			break;
		ask(&s);
	}
	return s;
}

static void test_walks(void)
{
	static const struct {
		const char *name;
		enum val_chain_end end;
		enum val_reason why;
		const char *zone;
		const char *asked;
	} rows[] = {
		{".", VAL_CHAIN_SECURE, VAL_R_NONE, ".", ""},
		{"test.", VAL_CHAIN_SECURE, VAL_R_NONE, "test.", "DS test., DNSKEY test."},
		{"www.test.", VAL_CHAIN_SECURE, VAL_R_NONE, "test.", "DS www.test."},
		{"www.sec.test.", VAL_CHAIN_SECURE, VAL_R_NONE, "sec.test.",
			"DS sec.test., DNSKEY sec.test., DS www.sec.test."},
		{"a.www.sec.test.", VAL_CHAIN_SECURE, VAL_R_NONE, "sec.test.",
			"DS a.www.sec.test."},
		{"b.a.www.sec.test.", VAL_CHAIN_SECURE, VAL_R_NONE, "sec.test.", ""},
		{"deep.ent.test.", VAL_CHAIN_SECURE, VAL_R_NONE, "deep.ent.test.",
			"DS ent.test., DS deep.ent.test., DNSKEY deep.ent.test."},
		{"x.alias.test.", VAL_CHAIN_SECURE, VAL_R_NONE, "test.",
			"DS alias.test., DS x.alias.test."},
		{"a.www.dn.test.", VAL_CHAIN_SECURE, VAL_R_NONE, "test.",
			"DS dn.test., DS www.dn.test."},
		{"a.b.ins.test.", VAL_CHAIN_INSECURE, VAL_R_UNSIGNED_DELEGATION, NULL,
			"DS ins.test."},
		{"www.ins.test.", VAL_CHAIN_INSECURE, VAL_R_UNSIGNED_DELEGATION, NULL, ""},
		{"www.gost.test.", VAL_CHAIN_INSECURE, VAL_R_ALG_UNSUPPORTED, NULL,
			"DS gost.test."},
		{"www.dig.test.", VAL_CHAIN_INSECURE, VAL_R_DIGEST_UNSUPPORTED, NULL,
			"DS dig.test."},
		{"www.bad.test.", VAL_CHAIN_BOGUS, VAL_R_DNSKEY_NO_DS_MATCH, NULL,
			"DS bad.test., DNSKEY bad.test."},
		{"ftp.bad.test.", VAL_CHAIN_BOGUS, VAL_R_DNSKEY_NO_DS_MATCH, NULL, ""},
		{"www.ins.opt.", VAL_CHAIN_INSECURE, VAL_R_UNSIGNED_DELEGATION, NULL,
			"DS opt., DNSKEY opt., DS ins.opt."},
		{"sec.opt.", VAL_CHAIN_SECURE, VAL_R_NONE, "sec.opt.",
			"DS sec.opt., DNSKEY sec.opt."},
		{"www.nowhere.", VAL_CHAIN_SECURE, VAL_R_NONE, ".", "DS nowhere."},
	};

	open_tree();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct val_chain_step s = walk(rows[i].name);
		struct dns_name n;

		UNIT_CHECK(rows[i].name, s.end == rows[i].end);
		UNIT_CHECK(rows[i].name, s.why == rows[i].why);
		UNIT_CHECK(rows[i].name, strcmp(asked, rows[i].asked) == 0);
		if (strcmp(asked, rows[i].asked) != 0)
			printf("\n  %s asked: %s\n", rows[i].name, asked);
		UNIT_CHECK(rows[i].name, (s.zone != NULL) == (rows[i].zone != NULL));
		if (s.zone != NULL && rows[i].zone != NULL)
			UNIT_CHECK(rows[i].name,
				dns_name_equal(s.zone->zone.octets, kit_wire(rows[i].zone, &n)));
	}
	close_tree();
}

/* Every record of every answer on the way, harmed: never secure, never insecure. */
static void test_harm(void)
{
	static const struct {
		const char *name, *question;
		uint16_t type;
		int sets;
	} rows[] = {
		{"www.sec.test.", "test.", DNS_TYPE_DS, 1},
		{"www.sec.test.", "test.", DNS_TYPE_DNSKEY, 1},
		{"www.sec.test.", "sec.test.", DNS_TYPE_DS, 1},
		{"www.sec.test.", "www.sec.test.", DNS_TYPE_DS, 2},
		{"www.ins.test.", "ins.test.", DNS_TYPE_DS, 2},
		{"www.gost.test.", "gost.test.", DNS_TYPE_DS, 1},
		{"www.ins.opt.", "ins.opt.", DNS_TYPE_DS, 3},
		{"x.alias.test.", "alias.test.", DNS_TYPE_DS, 1},
		{"a.www.dn.test.", "www.dn.test.", DNS_TYPE_DS, 1},
		{"a.b.nx.sec.opt.", "nx.sec.opt.", DNS_TYPE_DS, 3},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int at = 0; at < rows[i].sets; at++) {
			for (int h = KIT_DROP; h < KIT_HARMS; h++) {
				struct val_chain_step s;
				char row[128];

				open_tree();
				tree.harm_name = rows[i].question;
				tree.harm_type = rows[i].type;
				tree.harm = (enum kit_harm)h;
				tree.harm_at = at;
				s = walk(rows[i].name);
				snprintf(row, sizeof(row), "%s, RRset %d of %s, %s", rows[i].name,
					at, rows[i].question, kit_harm_name((enum kit_harm)h));
				// the SOA is not needed; the root is the right signer
				if (h == KIT_SIGNER && strcmp(rows[i].question, "test.") == 0 &&
					rows[i].type == DNS_TYPE_DS)
					UNIT_CHECK(row, s.end == VAL_CHAIN_SECURE);
				else if (h == KIT_DROP && rows[i].sets > 1 && at == 0)
					UNIT_CHECK(row, s.end != VAL_CHAIN_BOGUS);
				else
					UNIT_CHECK(row,
						s.end == VAL_CHAIN_BOGUS && s.why != VAL_R_NONE);
				close_tree();
			}
		}
	}
}

static void test_failure_is_short(void)
{
	struct val_chain_step s;

	open_tree();
	tree.harm_name = "sec.test.";
	tree.harm_type = DNS_TYPE_DNSKEY;
	tree.harm = KIT_FLIP;
	s = walk("www.sec.test.");
	CU_ASSERT_EQUAL(s.end, VAL_CHAIN_BOGUS);
	CU_ASSERT_EQUAL(s.why, VAL_R_SIG_CRYPTO);
	tree.harm = KIT_NONE;
	trust.now = NOW + 5;
	s = walk("www.sec.test.");
	CU_ASSERT_EQUAL(s.end, VAL_CHAIN_BOGUS); // remembered
	CU_ASSERT_STRING_EQUAL(asked, "");
	trust.now = NOW + 6;
	s = walk("www.sec.test.");
	CU_ASSERT_EQUAL(s.end, VAL_CHAIN_SECURE);
	CU_ASSERT_STRING_EQUAL(asked, "DS sec.test., DNSKEY sec.test., DS www.sec.test.");
	close_tree();
}

/* Facts end with their TTL, of the DS as of the keys; what has its own time goes on. */
static void test_lifetime(void)
{
	struct val_chain_step s;

	open_tree();
	walk("sec.test.");
	trust.now = NOW + TREE_TTL;
	s = walk("sec.test.");
	CU_ASSERT_EQUAL(s.end, VAL_CHAIN_SECURE);
	CU_ASSERT_STRING_EQUAL(asked, "");
	CU_ASSERT_EQUAL(s.zone->valid_until, NOW + TREE_TTL);
	trust.now = NOW + TREE_TTL + 1;
	tree.now = trust.now;
	s = walk("sec.test.");
	CU_ASSERT_EQUAL(s.end, VAL_CHAIN_SECURE);
	CU_ASSERT_STRING_EQUAL(asked, "DS test., DNSKEY test., DS sec.test., DNSKEY sec.test.");
	close_tree();
}

static void ends_with_signature(uint32_t left_s)
{
	struct kit_sign sign;
	struct kit_rdata ds;
	struct val_fact f;
	struct dns_name n;
	static struct kit_msg m;
	uint8_t *wire;
	size_t len;

	open_tree();
	sign = tree_sign(&tree, ".");
	sign.expiration = NOW + left_s;
	ds = kit_ds(&tree.key[1], "test.");
	kit_init(&m, "test.", DNS_TYPE_DS, DNS_FLAG_QR);
	kit_rrset(&m, DNS_ANSWER, "test.", DNS_TYPE_DS, TREE_TTL, &ds, 1, &sign);
	wire = kit_finish(&m, &len);
	CU_ASSERT_EQUAL(judge(wire, len), VAL_SECURE);
	CU_ASSERT_TRUE(val_facts_get(trust.facts, kit_wire("test.", &n), NOW, &f));
	CU_ASSERT_EQUAL(f.kind, VAL_FACT_DS);
	CU_ASSERT_EQUAL(f.until, NOW + left_s);
	// keys do not outlive the DS they rest on
	walk("test.");
	CU_ASSERT_STRING_EQUAL(asked, "DNSKEY test.");
	CU_ASSERT_TRUE(val_facts_get(trust.facts, kit_wire("test.", &n), NOW, &f));
	CU_ASSERT_EQUAL(f.kind, VAL_FACT_KEYS);
	CU_ASSERT_EQUAL(f.until, NOW + left_s);
	close_tree();
}

static void test_signature_ends_first(void)
{
	ends_with_signature(100);
	ends_with_signature(VAL_CHAIN_FACT_MIN_S - 1);
}

/* RFC 9276: proven, but with too many iterations to be looked at. */
static void test_iterations(void)
{
	for (uint16_t extra = 0; extra < 2; extra++) {
		struct val_chain_step s;

		open_tree();
		tree.iterations = (uint16_t)(VAL_NSEC3_ITERATIONS_MAX + extra);
		s = walk("www.ins.opt.");
		CU_ASSERT_EQUAL(s.end, VAL_CHAIN_INSECURE);
		CU_ASSERT_EQUAL(s.why, extra ? VAL_R_NSEC3_ITERATIONS : VAL_R_UNSIGNED_DELEGATION);
		close_tree();
	}
}

/* What is published counts before what is found, and so does what the operator says. */
static void test_published(void)
{
	static const struct {
		const char *name;
		enum val_zone_status status;
		bool anchored;
		uint32_t valid_until;
		enum val_chain_end end;
		enum val_reason why;
		const char *asked;
	} rows[] = {
		{"keys", VAL_ZONE_SECURE, false, NOW, VAL_CHAIN_SECURE, VAL_R_NONE,
			"DS www.sec.test."},
		{"keys that are over", VAL_ZONE_SECURE, false, NOW - 1, VAL_CHAIN_SECURE,
			VAL_R_NONE,
			"DS test., DNSKEY test., DS sec.test., DNSKEY sec.test., DS "
			"www.sec.test."},
		{"an anchor's keys", VAL_ZONE_SECURE, true, NOW, VAL_CHAIN_SECURE, VAL_R_NONE,
			"DS www.sec.test."},
		{"an anchor's keys that are over", VAL_ZONE_SECURE, true, NOW - 1, VAL_CHAIN_NONE,
			VAL_R_KEY_MISSING, ""},
		{"an anchor's keys, not there yet", VAL_ZONE_UNKNOWN, true, 0, VAL_CHAIN_NONE,
			VAL_R_KEY_MISSING, ""},
		{"nothing yet", VAL_ZONE_UNKNOWN, false, 0, VAL_CHAIN_SECURE, VAL_R_NONE,
			"DS test., DNSKEY test., DS sec.test., DNSKEY sec.test., DS "
			"www.sec.test."},
		{"unsigned", VAL_ZONE_INSECURE, false, 0, VAL_CHAIN_INSECURE, VAL_R_KEY_MISSING,
			""},
		{"negative anchor", VAL_ZONE_NTA, true, 0, VAL_CHAIN_INSECURE,
			VAL_R_NEGATIVE_ANCHOR, ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct val_zone_keys zone[2];
		struct val_keys *keys = NULL;
		struct val_chain_step s;

		open_tree();
		tree_keys(&tree, ".", &zone[0]);
		tree_keys(&tree, "sec.test.", &zone[1]);
		zone[1].status = rows[i].status;
		zone[1].why = VAL_R_KEY_MISSING;
		zone[1].anchored = rows[i].anchored;
		zone[1].valid_until = rows[i].valid_until;
		CU_ASSERT_EQUAL_FATAL(val_keys_new(zone, 2, &keys), 0);
		trust.published = keys;
		s = walk("www.sec.test.");
		UNIT_CHECK(rows[i].name, s.end == rows[i].end && s.why == rows[i].why);
		UNIT_CHECK(rows[i].name, strcmp(asked, rows[i].asked) == 0);
		val_keys_free(keys);
		close_tree();
	}
}

/* The operator's word counts for all below it, whatever has been found out there. */
static void test_negative_anchor_above(void)
{
	struct val_zone_keys zone[2];
	struct val_keys *keys = NULL;
	struct val_chain_step s;

	open_tree();
	walk("www.sec.test.");
	walk("www.sec.opt.");
	tree_keys(&tree, ".", &zone[0]);
	tree_keys(&tree, "test.", &zone[1]);
	zone[1].status = VAL_ZONE_NTA;
	CU_ASSERT_EQUAL_FATAL(val_keys_new(zone, 2, &keys), 0);
	trust.published = keys;
	s = walk("www.sec.test.");
	CU_ASSERT_EQUAL(s.end, VAL_CHAIN_INSECURE);
	CU_ASSERT_EQUAL(s.why, VAL_R_NEGATIVE_ANCHOR);
	CU_ASSERT_EQUAL(answer("opt.sec.test.", DNS_TYPE_A), VAL_INSECURE);
	s = walk("www.sec.opt.");
	CU_ASSERT_EQUAL(s.end, VAL_CHAIN_SECURE);
	CU_ASSERT_STRING_EQUAL(asked, "");
	val_keys_free(keys);
	// and without the root's keys nothing is left that rests on them
	trust.published = NULL;
	s = walk("www.sec.opt.");
	CU_ASSERT_EQUAL(s.end, VAL_CHAIN_NONE);
	close_tree();
}

/* An island of security: keys of an anchor below a delegation without DS, or without any word of
 * the zones above. The closest anchor is where a chain begins. */
static void test_island_published(void)
{
	struct val_zone_keys zone[2];
	struct val_keys *keys = NULL;
	struct val_chain_step s;

	for (unsigned above = 0; above < 3; above++) {
		static const enum val_zone_status statuses[] = {
			VAL_ZONE_UNKNOWN, VAL_ZONE_INSECURE, VAL_ZONE_NTA};

		open_tree();
		tree_keys(&tree, "test.", &zone[0]);
		zone[0].status = statuses[above];
		zone[0].why = VAL_R_UNSIGNED_DELEGATION;
		tree_keys(&tree, "sec.test.", &zone[1]);
		zone[1].anchored = true;
		CU_ASSERT_EQUAL_FATAL(val_keys_new(zone, 2, &keys), 0);
		trust.published = keys;
		CU_ASSERT(val_keys_anchored_below(keys, &zone[0].zone));
		CU_ASSERT_FALSE(val_keys_anchored_below(keys, &zone[1].zone));
		s = walk("www.sec.test.");
		CU_ASSERT_EQUAL(s.end, VAL_CHAIN_SECURE);
		CU_ASSERT_STRING_EQUAL(asked, "DS www.sec.test.");
		CU_ASSERT_EQUAL(answer("www.sec.test.", DNS_TYPE_A), VAL_SECURE);
		CU_ASSERT_EQUAL(answer("www.test.", DNS_TYPE_A),
			above == 0 ? VAL_INDETERMINATE : VAL_INSECURE);
		CU_ASSERT_STRING_EQUAL(asked, "");
		val_keys_free(keys);
		close_tree();
	}
}

static void test_anchors(void)
{
	static struct val_anchors anchors;
	struct val_chain_step s;
	struct kit_rdata ds;

	open_tree();
	trust.published = NULL;
	s = walk("www.sec.test.");
	CU_ASSERT_EQUAL(s.end, VAL_CHAIN_NONE);
	CU_ASSERT_EQUAL(s.why, VAL_R_NO_CHAIN);
	anchors.count = 1;
	kit_wire("test.", &anchors.item[0].zone);
	anchors.item[0].type = DNS_TYPE_DS;
	ds = kit_ds(&tree.key[1], "test.");
	memcpy(anchors.item[0].key.rdata, ds.octets, ds.len);
	anchors.item[0].key.rdata_len = (uint16_t)ds.len;
	anchors.item[0].key.key_tag = tree.key[1].tag;
	anchors.item[0].key.algorithm = 13;
	trust.anchors = &anchors;
	s = walk("www.sec.test.");
	CU_ASSERT_EQUAL(s.end, VAL_CHAIN_SECURE);
	CU_ASSERT_STRING_EQUAL(
		asked, "DNSKEY test., DS sec.test., DNSKEY sec.test., DS www.sec.test.");
	s = walk("www.opt.");
	CU_ASSERT_EQUAL(s.end, VAL_CHAIN_NONE);
	close_tree();
}

/* Answers to questions that nobody has a use for any more change nothing. */
static void test_out_of_turn(void)
{
	size_t len;
	uint8_t *wire;
	struct val_fact f;
	struct dns_name n;

	open_tree();
	wire = tree_answer(&tree, "sec.test.", DNS_TYPE_DS, &len); // test.'s keys are not known
	CU_ASSERT_EQUAL(judge(wire, len), VAL_INDETERMINATE);
	CU_ASSERT_EQUAL(out.result.reason, VAL_R_NO_CHAIN);
	wire = tree_answer(&tree, "sec.test.", DNS_TYPE_DNSKEY, &len);
	CU_ASSERT_EQUAL(judge(wire, len), VAL_INDETERMINATE);
	wire = tree_answer(&tree, "www.sec.test.", DNS_TYPE_A, &len);
	CU_ASSERT_EQUAL(judge(wire, len), VAL_INDETERMINATE);
	CU_ASSERT_FALSE(val_facts_get(trust.facts, kit_wire("sec.test.", &n), NOW, &f));
	wire = tree_answer(&tree, "test.", DNS_TYPE_DS, &len);
	dns_put16(wire + DNS_OFF_FLAGS, DNS_FLAG_QR | DNS_RCODE_SERVFAIL);
	CU_ASSERT_EQUAL(judge(wire, len), VAL_INDETERMINATE);
	CU_ASSERT_EQUAL(out.kind, VAL_KIND_ERROR);
	CU_ASSERT_FALSE(val_facts_get(trust.facts, kit_wire("test.", &n), NOW, &f));
	close_tree();
}

/* @return what is to be asked to renew a zone, as text */
static const char *renewal(const char *zone)
{
	struct val_chain_step s;
	struct dns_name n;

	asked[0] = 0;
	val_chain_renew(&trust, kit_wire(zone, &n), &s);
	if (s.end == VAL_CHAIN_ASK)
		ask(&s);
	return asked;
}

/* Keys are asked for anew, DS records first, and serve until then. */
static void test_renewal(void)
{
	struct val_chain_step s;

	open_tree();
	CU_ASSERT_STRING_EQUAL(renewal("sec.test."), ""); // nothing to renew
	walk("www.sec.test.");
	trust.now = tree.now = NOW + 60;
	CU_ASSERT_STRING_EQUAL(renewal("sec.test."), "DS sec.test.");
	s = walk("www.sec.test.");
	CU_ASSERT_EQUAL(s.end, VAL_CHAIN_SECURE);
	CU_ASSERT_STRING_EQUAL(asked, "");
	CU_ASSERT_EQUAL(s.zone->valid_until, NOW + TREE_TTL);
	CU_ASSERT_STRING_EQUAL(renewal("sec.test."), "DNSKEY sec.test.");
	s = walk("www.sec.test.");
	CU_ASSERT_EQUAL(s.zone->valid_until, NOW + 60 + TREE_TTL);
	CU_ASSERT_STRING_EQUAL(renewal("sec.test."), "DS sec.test."); // from the beginning
	CU_ASSERT_STRING_EQUAL(renewal("."), "");                     // published
	CU_ASSERT_STRING_EQUAL(renewal("www.sec.test."), "");         // no zone
	walk("www.ins.test.");
	CU_ASSERT_STRING_EQUAL(renewal("ins.test."), "DS ins.test.");
	CU_ASSERT_STRING_EQUAL(renewal("ins.test."), "DS ins.test.");
	close_tree();
}

/* A renewal that fails takes nothing; the next one begins anew. */
static void test_failed_renewal(void)
{
	for (unsigned type = DNS_TYPE_DS;; type = DNS_TYPE_DNSKEY) {
		struct val_chain_step s;

		open_tree();
		walk("www.sec.test.");
		tree.harm_name = "sec.test.";
		tree.harm_type = (uint16_t)type;
		tree.harm = KIT_FLIP;
		renewal("sec.test.");
		if (type == DNS_TYPE_DNSKEY)
			CU_ASSERT_STRING_EQUAL(renewal("sec.test."), "DNSKEY sec.test.");
		s = walk("www.sec.test.");
		CU_ASSERT_EQUAL(s.end, VAL_CHAIN_SECURE);
		CU_ASSERT_STRING_EQUAL(asked, "");
		CU_ASSERT_STRING_EQUAL(renewal("sec.test."), "DS sec.test.");
		close_tree();
		if (type == DNS_TYPE_DNSKEY)
			break;
	}
}

/* A zone with another key, and DS records of that: first its answers lack it, then not. */
static void test_rolled(void)
{
	struct dns_name n;

	open_tree();
	CU_ASSERT_EQUAL(answer("www.sec.test.", DNS_TYPE_A), VAL_SECURE);
	CU_ASSERT_PTR_NULL(out.lacks);
	kit_key_free(&tree.key[2]);
	kit_key_new(&tree.key[2], 0x0101);
	CU_ASSERT_EQUAL(answer("www.sec.test.", DNS_TYPE_A), VAL_BOGUS);
	CU_ASSERT_EQUAL(out.result.reason, VAL_R_KEY_MISSING);
	CU_ASSERT_PTR_NOT_NULL_FATAL(out.lacks);
	CU_ASSERT_TRUE(dns_name_equal(out.lacks->zone.octets, kit_wire("sec.test.", &n)));
	renewal("sec.test.");
	renewal("sec.test.");
	CU_ASSERT_EQUAL(answer("www.sec.test.", DNS_TYPE_A), VAL_SECURE);
	kit_key_free(&tree.key[1]);
	kit_key_new(&tree.key[1], 0x0101);
	size_t len;
	uint8_t *wire = tree_answer(&tree, "new.test.", DNS_TYPE_DS, &len);
	CU_ASSERT_EQUAL(judge(wire, len), VAL_BOGUS); // a question's answer lacks it too
	CU_ASSERT_PTR_NOT_NULL_FATAL(out.lacks);
	CU_ASSERT_TRUE(dns_name_equal(out.lacks->zone.octets, kit_wire("test.", &n)));
	close_tree();
}

/* A DNSKEY answer is for the DS records to judge: no zone lacks its key. */
static void test_rolled_dnskey(void)
{
	size_t len;
	uint8_t *wire;

	open_tree();
	walk("test.");
	renewal("test.");
	tree.harm_name = "test.";
	tree.harm_type = DNS_TYPE_DNSKEY;
	tree.harm = KIT_TAG;
	wire = tree_answer(&tree, "test.", DNS_TYPE_DNSKEY, &len);
	CU_ASSERT_EQUAL(judge(wire, len), VAL_BOGUS);
	CU_ASSERT_EQUAL(out.result.reason, VAL_R_KEY_MISSING);
	CU_ASSERT_PTR_NULL(out.lacks);
	close_tree();
}

/* What is known of a zone counts only as long as all above it does. */
static void test_gap(void)
{
	struct val_zone_keys keys;
	struct val_fact f = {.kind = VAL_FACT_KEYS, .until = NOW + 10, .depth = 2, .set = &keys};
	struct val_chain_step s;

	open_tree();
	tree_keys(&tree, "sec.test.", &keys);
	val_facts_put(trust.facts, &keys.zone, &f, NOW);
	s = walk("www.sec.test.");
	CU_ASSERT_EQUAL(s.end, VAL_CHAIN_SECURE);
	CU_ASSERT_STRING_EQUAL(asked, "DS test., DNSKEY test., DS www.sec.test.");
	close_tree();
}

/* A zone at the depth limit is reached, one below it is not. */
static void test_depth(void)
{
	for (uint8_t extra = 0; extra < 2; extra++) {
		struct val_zone_keys keys;
		struct val_fact f = {.kind = VAL_FACT_KEYS, .until = NOW + 10, .set = &keys};
		struct val_chain_step s;

		open_tree();
		tree_keys(&tree, "test.", &keys);
		f.depth = (uint8_t)(VAL_CHAIN_DEPTH_MAX - 1 + extra);
		val_facts_put(trust.facts, &keys.zone, &f, NOW);
		s = walk("sec.test.");
		CU_ASSERT_EQUAL(s.end, extra ? VAL_CHAIN_BOGUS : VAL_CHAIN_SECURE);
		CU_ASSERT_EQUAL(s.why, extra ? VAL_R_BUDGET : VAL_R_NONE);
		close_tree();
	}
}

/* ---- responses ---- */

/* Judge a response, asking as needed. Its octets are freed. */
static enum val_verdict judge_response(uint8_t *wire, size_t len)
{
	static struct dns_msg response;
	struct val_checks checks = {.count = 0};
	struct val_chain_step need;

	asked[0] = 0;
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&response, wire, len), 0);
	for (int round = 0; round < VAL_CHAIN_QUESTIONS_MAX + VAL_VERIFY_RESPONSE_MAX; round++) {
		val_chain_response(
			&ctx, &trust, &response, &checks, verify_now, &checks, &out, &need);
		if (out.result.verdict != VAL_PENDING)
			break;
		if (need.end == VAL_CHAIN_ASK) {
			struct val_response saved = out;

			ask(&need);
			out = saved;
		}
	}
	free(wire);
	return out.result.verdict;
}

static enum val_verdict answer(const char *qname, uint16_t qtype)
{
	size_t len;
	uint8_t *wire = tree_answer(&tree, qname, qtype, &len);

	return judge_response(wire, len);
}

static void test_responses(void)
{
	static const struct {
		const char *qname;
		uint16_t qtype;
		enum val_verdict verdict;
		enum val_reason why;
		bool of_chain;
	} rows[] = {
		{"www.sec.test.", DNS_TYPE_A, VAL_SECURE, VAL_R_NONE, false},
		{"opt.sec.test.", DNS_TYPE_A, VAL_SECURE, VAL_R_NONE, false},
		{"x.w.sec.test.", DNS_TYPE_A, VAL_SECURE, VAL_R_NONE, false},
		{"www.dn.test.", DNS_TYPE_A, VAL_SECURE, VAL_R_NONE, false},
		{"nodata.sec.test.", DNS_TYPE_A, VAL_SECURE, VAL_R_NONE, false},
		{"nx2.sec.test.", DNS_TYPE_A, VAL_SECURE, VAL_R_NONE, false},
		{"nx.sec.test.", DNS_TYPE_A, VAL_SECURE, VAL_R_NONE, false},
		{"sec.test.", DNS_TYPE_DS, VAL_SECURE, VAL_R_NONE, false},
		{"sec.test.", DNS_TYPE_DNSKEY, VAL_SECURE, VAL_R_NONE, false},
		{"ins.test.", DNS_TYPE_DS, VAL_SECURE, VAL_R_NONE, false},
		{"www.sec.test.", DNS_TYPE_DS, VAL_SECURE, VAL_R_NONE, false},
		{"www.ins.test.", DNS_TYPE_A, VAL_INSECURE, VAL_R_UNSIGNED_DELEGATION, false},
		{"nx.ins.test.", DNS_TYPE_A, VAL_INSECURE, VAL_R_UNSIGNED_DELEGATION, false},
		{"nodata.ins.test.", DNS_TYPE_A, VAL_INSECURE, VAL_R_UNSIGNED_DELEGATION, false},
		{"www.ins.opt.", DNS_TYPE_A, VAL_INSECURE, VAL_R_UNSIGNED_DELEGATION, false},
		{"ins.sec.test.", DNS_TYPE_A, VAL_INSECURE, VAL_R_UNSIGNED_DELEGATION, false},
		{"gost.sec.test.", DNS_TYPE_A, VAL_INSECURE, VAL_R_ALG_UNSUPPORTED, false},
		{"www.gost.test.", DNS_TYPE_A, VAL_INSECURE, VAL_R_ALG_UNSUPPORTED, false},
		{"www.dig.test.", DNS_TYPE_A, VAL_INSECURE, VAL_R_DIGEST_UNSUPPORTED, false},
		{"www.bad.test.", DNS_TYPE_A, VAL_BOGUS, VAL_R_DNSKEY_NO_DS_MATCH, true},
		{"bad.sec.test.", DNS_TYPE_A, VAL_BOGUS, VAL_R_DNSKEY_NO_DS_MATCH, true},
	};

	for (int pass = 0; pass < 4; pass++) {
		bool warm = pass % 2;

		open_tree();
		tree.chatty = pass / 2;
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			char row[64];

			snprintf(row, sizeof(row), "%s, %s%s", rows[i].qname,
				warm ? "warm" : "cold", tree.chatty ? ", chatty" : "");
			if (!warm)
				val_facts_clear(trust.facts);
			UNIT_CHECK(row, answer(rows[i].qname, rows[i].qtype) == rows[i].verdict);
			UNIT_CHECK(row, out.result.reason == rows[i].why);
			UNIT_CHECK(row, out.of_chain == rows[i].of_chain);
			UNIT_CHECK(row, out.ttl_capped == (rows[i].verdict != VAL_BOGUS));
			UNIT_CHECK(
				row, rows[i].verdict != VAL_SECURE || out.ttl_cap_s[0] == TREE_TTL);
			UNIT_CHECK(
				row, out.strips == (tree.chatty && rows[i].verdict == VAL_SECURE));
			// a second time nothing is asked
			answer(rows[i].qname, rows[i].qtype);
			UNIT_CHECK(row, asked[0] == 0);
			UNIT_CHECK(row, out.result.verdict == rows[i].verdict);
		}
		close_tree();
	}
}

/* Every RRset of answers that begin in a secure zone, harmed: bogus, and not the chain's fault. */
static void test_harmed_responses(void)
{
	static const struct {
		const char *qname;
		int sets;
		int soa;   // this one may be left out
		int synth; // this one has no signature, and may be left out
	} rows[] = {
		{"www.sec.test.", 1, -1, -1},
		{"opt.sec.test.", 2, -1, -1},
		{"x.w.sec.test.", 2, -1, -1},
		{"www.dn.test.", 3, -1, 1},
		{"nodata.sec.test.", 2, 0, -1},
		{"nx2.sec.test.", 3, 0, -1},
		{"nx.sec.test.", 4, 1, -1},
		{"ins.sec.test.", 1, -1, -1},
		{"gost.sec.test.", 1, -1, -1},
	};

	open_tree();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int k = 0; k < rows[i].sets * KIT_HARMS; k++) {
			enum kit_harm h = (enum kit_harm)(k % KIT_HARMS);
			char row[96];
			bool spared;

			tree.harm_name = rows[i].qname;
			tree.harm_type = DNS_TYPE_A;
			tree.harm = h;
			tree.harm_at = k / KIT_HARMS;
			snprintf(row, sizeof(row), "%s, RRset %d, %s", rows[i].qname, tree.harm_at,
				kit_harm_name(h));
			spared = h == KIT_NONE || (tree.harm_at == rows[i].soa && h == KIT_DROP) ||
				 (tree.harm_at == rows[i].synth && h != KIT_DATA);
			answer(rows[i].qname, DNS_TYPE_A);
			UNIT_CHECK(row, (out.result.verdict == VAL_BOGUS) == !spared);
			UNIT_CHECK(row, !out.of_chain);
		}
	}
	close_tree();
}

/* Which records of a secure answer are passed on. */
static void test_strays(void)
{
	struct kit_sign sec, test, none = {.key = NULL};
	struct kit_rdata a = kit_a(0xc0000201), ns = kit_name("ns.test."), soa = kit_soa("test.");
	static const struct {
		const char *name, *owner;
		uint16_t type;
		int section;
		int by; // 0: unsigned, 1: by sec.test., 2: by test.
		enum val_verdict verdict;
		bool strips;
	} rows[] = {
		{"the zone's NS", "sec.test.", DNS_TYPE_NS, DNS_AUTHORITY, 0, VAL_SECURE, true},
		{"signed", "sec.test.", DNS_TYPE_NS, DNS_AUTHORITY, 1, VAL_SECURE, false},
		{"badly signed", "www.test.", DNS_TYPE_NS, DNS_AUTHORITY, 1, VAL_BOGUS, false},
		{"its parent's NS", "test.", DNS_TYPE_NS, DNS_AUTHORITY, 0, VAL_SECURE, true},
		{"its parent's, signed", "test.", DNS_TYPE_NS, DNS_AUTHORITY, 2, VAL_SECURE, false},
		{"NS of elsewhere", "bad.test.", DNS_TYPE_NS, DNS_AUTHORITY, 0, VAL_SECURE, true},
		{"NS below", "x.www.sec.test.", DNS_TYPE_NS, DNS_AUTHORITY, 0, VAL_SECURE, true},
		{"an address", "ns.sec.test.", DNS_TYPE_A, DNS_AUTHORITY, 0, VAL_SECURE, true},
		{"SOA", "sec.test.", DNS_TYPE_SOA, DNS_AUTHORITY, 0, VAL_BOGUS, false},
		{"in the answer", "ns.sec.test.", DNS_TYPE_A, DNS_ANSWER, 0, VAL_BOGUS, false},
		{"in additional", "ns.sec.test.", DNS_TYPE_A, DNS_ADDITIONAL, 0, VAL_SECURE, true},
		{"there, signed", "ns.sec.test.", DNS_TYPE_A, DNS_ADDITIONAL, 1, VAL_SECURE, true},
	};

	open_tree();
	sec = tree_sign(&tree, "sec.test.");
	test = tree_sign(&tree, "test.");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct kit_sign *by[] = {&none, &sec, &test};
		static struct kit_msg m;
		uint8_t *wire;
		size_t len;

		kit_init(&m, "www.sec.test.", DNS_TYPE_A, DNS_FLAG_QR);
		kit_rrset(&m, DNS_ANSWER, "www.sec.test.", DNS_TYPE_A, TREE_TTL, &a, 1, &sec);
		kit_rrset(&m, (enum dns_section)rows[i].section, rows[i].owner, rows[i].type,
			TREE_TTL,
			rows[i].type == DNS_TYPE_A    ? &a
			: rows[i].type == DNS_TYPE_NS ? &ns
						      : &soa,
			1, by[rows[i].by]);
		wire = kit_finish(&m, &len);
		UNIT_CHECK(rows[i].name, judge_response(wire, len) == rows[i].verdict);
		UNIT_CHECK(rows[i].name, out.strips == rows[i].strips);
		UNIT_CHECK(rows[i].name, !val_response_strips(&out, 0));
		UNIT_CHECK(rows[i].name, !val_response_strips(&out, 1)); // its RRSIG
		UNIT_CHECK(rows[i].name, val_response_strips(&out, 2) == rows[i].strips);
	}
	close_tree();
}

/* A denial whose proof has lost its signatures is no addition. */
static void test_bare_proofs(void)
{
	static const struct {
		const char *qname;
		int at;
	} rows[] = {{"nodata.sec.test.", 0}, {"nodata.sec.test.", 1}, {"nx2.sec.test.", 2},
		{"x.w.sec.test.", 1}};

	open_tree();
	tree.chatty = true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		tree.harm_name = rows[i].qname;
		tree.harm_type = DNS_TYPE_A;
		tree.harm = KIT_STRIP;
		tree.harm_at = rows[i].at;
		UNIT_CHECK(rows[i].qname, answer(rows[i].qname, DNS_TYPE_A) == VAL_BOGUS);
		UNIT_CHECK(rows[i].qname, out.result.reason == VAL_R_SIG_MISSING);
		UNIT_CHECK(rows[i].qname, !out.strips);
	}
	close_tree();
}

/* A signature whose signer lies below no anchor, or between owner and anchor, decides nothing. */
static void test_false_signer(void)
{
	static const struct {
		const char *name, *qname, *signer;
		enum val_verdict verdict;
	} rows[] = {
		{"unsigned zone's name in a secure zone", "www.sec.test.", "ins.test.", VAL_BOGUS},
		{"no zone", "www.sec.test.", "www.sec.test.", VAL_BOGUS},
		{"the parent, who did not sign", "www.sec.test.", "test.", VAL_BOGUS},
		{"itself, below an unsigned delegation", "www.ins.test.", "www.ins.test.",
			VAL_INSECURE},
		{"the parent, for an unsigned zone", "www.ins.test.", "test.", VAL_BOGUS},
	};

	open_tree();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kit_sign sign = tree_sign(&tree, "opt.");
		struct kit_rdata a = kit_a(0xc0000201);
		static struct kit_msg m;
		uint8_t *wire;
		size_t len;

		sign.signer = rows[i].signer;
		kit_init(&m, rows[i].qname, DNS_TYPE_A, DNS_FLAG_QR);
		kit_rrset(&m, DNS_ANSWER, rows[i].qname, DNS_TYPE_A, TREE_TTL, &a, 1, &sign);
		wire = kit_finish(&m, &len);
		UNIT_CHECK(rows[i].name, judge_response(wire, len) == rows[i].verdict);
	}
	close_tree();
}

/* An anchor below an unsigned delegation: neither a signer above nor the parent undoes it. */
static void test_island(void)
{
	struct val_zone_keys zone[2];
	struct val_keys *keys = NULL;
	struct kit_sign sign;
	struct kit_rdata a = kit_a(0xc0000201);
	static struct kit_msg m;
	uint8_t *wire;
	size_t len;

	open_tree();
	tree_keys(&tree, ".", &zone[0]);
	tree_keys(&tree, "sec.test.", &zone[1]);
	kit_wire("www.ins.test.", &zone[1].zone);
	CU_ASSERT_EQUAL_FATAL(val_keys_new(zone, 2, &keys), 0);
	trust.published = keys;
	CU_ASSERT_EQUAL(answer("ftp.ins.test.", DNS_TYPE_MX), VAL_INSECURE);
	sign = tree_sign(&tree, "opt.");
	sign.signer = "ins.test.";
	kit_init(&m, "www.ins.test.", DNS_TYPE_A, DNS_FLAG_QR);
	kit_rrset(&m, DNS_ANSWER, "www.ins.test.", DNS_TYPE_A, TREE_TTL, &a, 1, &sign);
	wire = kit_finish(&m, &len);
	CU_ASSERT_EQUAL(judge_response(wire, len), VAL_BOGUS);
	val_keys_free(keys);

	// test. proves that nx.test. is not there, but we know keys of it
	tree_keys(&tree, "sec.test.", &zone[1]);
	kit_wire("nx.test.", &zone[1].zone);
	CU_ASSERT_EQUAL_FATAL(val_keys_new(zone, 2, &keys), 0);
	trust.published = published;
	CU_ASSERT_EQUAL(answer("nx.test.", DNS_TYPE_A), VAL_SECURE);
	trust.published = keys;
	CU_ASSERT_EQUAL(answer("nx.test.", DNS_TYPE_A), VAL_BOGUS);
	val_keys_free(keys);
	close_tree();
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"walks", test_walks},
		{"harmed answers", test_harm},
		{"a failure is remembered, not for long", test_failure_is_short},
		{"lifetime of facts", test_lifetime},
		{"signatures that end first", test_signature_ends_first},
		{"NSEC3 iterations", test_iterations},
		{"published zones", test_published},
		{"islands that are published", test_island_published},
		{"a negative anchor above facts", test_negative_anchor_above},
		{"anchors", test_anchors},
		{"answers out of turn", test_out_of_turn},
		{"renewal", test_renewal},
		{"a renewal that fails", test_failed_renewal},
		{"rolled keys", test_rolled},
		{"rolled keys in a DNSKEY answer", test_rolled_dnskey},
		{"a gap above", test_gap},
		{"depth", test_depth},
		{"responses of several zones", test_responses},
		{"harmed responses", test_harmed_responses},
		{"additions of resolvers", test_strays},
		{"proofs without signatures", test_bare_proofs},
		{"false signers", test_false_signer},
		{"an anchor below an unsigned zone", test_island},
		CU_TEST_INFO_NULL,
	};
	int failed;

	if (val_verifier_new(&verifier) != 0)
		return 99;
	failed = test_run("validator/chain", tests);
	val_verifier_free(verifier);
	return failed;
}
