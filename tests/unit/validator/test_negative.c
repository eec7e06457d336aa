#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "tests/unit/run.h"
#include "tests/unit/unit.h"
#include "tests/unit/validator/zonekit.h"
#include "validator/now.h"

/* Negative trust anchors, RFC 7646: what is at or below one is insecure and never bogus, all else
 * is judged as ever. */

enum { NOW = 1700000000, DAY = 86400 };

static struct kit_key key, wrong;
static struct val_keys *keys;
static struct val_verifier *verifier;

/* com. with its key, and entries of these names: "!name" a negative trust anchor, "name" a zone
 * with keys of its own. */
static const struct val_zone_keys *open_keys(enum val_zone_status com, const char *const *names)
{
	static struct val_zone_keys zones[8];
	const struct kit_key *k = &key;
	struct dns_name apex;
	size_t n = 1;

	memset(zones, 0, sizeof(zones));
	kit_zone_keys(&zones[0], "com.", &k, 1, NOW);
	zones[0].status = com;
	for (; names[n - 1] != NULL; n++) {
		bool negative = names[n - 1][0] == '!';

		kit_zone_keys(&zones[n], names[n - 1] + negative, &k, 1, NOW);
		if (negative)
			zones[n].status = VAL_ZONE_NTA;
	}
	CU_ASSERT_EQUAL_FATAL(val_keys_new(zones, n, &keys), 0);
	return val_keys_find(keys, kit_wire("com.", &apex));
}

/* ---- names ---- */

static void test_names(void)
{
	static const struct {
		const char *name, *entries[4], *name_asked;
		bool want;
	} asked[] = {
		{"none", {NULL}, "a.com.", false},
		{"at it", {"!a.com."}, "a.com.", true},
		{"below it", {"!a.com."}, "x.y.a.com.", true},
		{"beside it", {"!a.com."}, "b.com.", false},
		{"a name that ends alike", {"!a.com."}, "ba.com.", false},
		{"above it", {"!b.a.com."}, "a.com.", false},
		{"the apex", {"!a.com."}, "com.", false},
		{"keys below it", {"!a.com.", "b.a.com."}, "b.a.com.", false},
		{"below keys below it", {"!a.com.", "b.a.com."}, "x.b.a.com.", false},
		{"beside keys below it", {"!a.com.", "b.a.com."}, "c.a.com.", true},
		{"below keys, another one", {"!a.com.", "b.a.com.", "!c.b.a.com."}, "c.b.a.com.",
			true},
	};

	for (unsigned i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		const struct val_zone_keys *com = open_keys(VAL_ZONE_SECURE, asked[i].entries);
		struct dns_name name;

		UNIT_CHECK(asked[i].name, val_keys_negative(com, kit_wire(asked[i].name_asked,
									 &name)) == asked[i].want);
		val_keys_free(keys);
	}
}

/* ---- responses ---- */

/*
 * A response in shorthand, blank-separated: "owner:TYPE" signed well, "owner!TYPE" signed by a key
 * that is not com.'s, "owner-TYPE" not signed; after "|" the authority section. CNAMEs lead to the
 * next owner.
 */
static enum dns_section section;

static uint16_t type_of(const char *text)
{
	static const struct {
		const char *text;
		uint16_t type;
	} types[] = {{"A", DNS_TYPE_A}, {"CNAME", DNS_TYPE_CNAME}, {"NS", DNS_TYPE_NS},
		{"SOA", DNS_TYPE_SOA}, {"DS", DNS_TYPE_DS}};

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].text, text) == 0)
			return types[i].type;
	abort();
}

static struct kit_rdata rdata_of(uint16_t type, const char *next)
{
	switch (type) {
	case DNS_TYPE_A:
		return kit_a(1);
	case DNS_TYPE_SOA:
		return kit_soa("com.");
	case DNS_TYPE_DS:
		return kit_ds(&wrong, "a.com.");
	default:
		return kit_name(next != NULL ? next : "ns.a.com.");
	}
}

static void put(struct kit_msg *m, char *item, const char *next)
{
	char *mark = item + strcspn(item, ":!-"), how = *mark;
	struct kit_sign sign = {.key = how == ':' ? &key : &wrong,
		.signer = "com.",
		.labels = -1,
		.original_ttl = 60,
		.inception = NOW - DAY,
		.expiration = NOW + DAY};
	struct kit_rdata rd;

	*mark = '\0';
	rd = rdata_of(type_of(mark + 1), next);
	if (how == '-')
		sign.key = NULL;
	kit_rrset(m, section, item, type_of(mark + 1), 60, &rd, 1, &sign);
}

static struct val_result judge(const struct val_zone_keys *com, const char *qname, uint16_t qtype,
	uint16_t flags, const char *shorthand)
{
	static const struct val_skew none;
	static struct val_response out;
	static struct dns_msg msg;
	static struct kit_msg m;
	char text[256], next[64], *save = NULL;
	uint8_t *octets;
	size_t len;

	snprintf(text, sizeof(text), "%s", shorthand);
	kit_init(&m, qname, qtype, DNS_FLAG_QR | flags);
	section = DNS_ANSWER;
	for (char *item = strtok_r(text, " ", &save); item != NULL;
		item = strtok_r(NULL, " ", &save)) {
		snprintf(next, sizeof(next), "%.*s", (int)strcspn(save, ":!-"), save);
		if (item[0] == '|')
			section = DNS_AUTHORITY;
		else
			put(&m, item, section == DNS_ANSWER && next[0] != '\0' ? next : NULL);
	}
	octets = kit_finish(&m, &len);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, octets, len), 0);
	val_judge_now(verifier, &msg, com, NOW, &none, &out);
	free(octets);
	return out.result;
}

static const struct {
	const char *name, *entries[4], *qname, *shorthand;
	uint16_t qtype, flags; // DNS_FLAG_AA unless none is set
	enum val_verdict without, with;
} rows[] = {
#define AA DNS_FLAG_AA
	{"an answer, signed well", {"!a.com."}, "x.a.com.", "x.a.com.:A", DNS_TYPE_A, AA,
		VAL_SECURE, VAL_INSECURE},
	{"an answer, bogus", {"!a.com."}, "x.a.com.", "x.a.com.!A", DNS_TYPE_A, AA, VAL_BOGUS,
		VAL_INSECURE},
	{"an answer, stripped", {"!a.com."}, "x.a.com.", "x.a.com.-A", DNS_TYPE_A, AA, VAL_BOGUS,
		VAL_INSECURE},
	{"at the anchor itself", {"!a.com."}, "a.com.", "a.com.!A", DNS_TYPE_A, AA, VAL_BOGUS,
		VAL_INSECURE},
	{"above it, bogus", {"!b.a.com."}, "a.com.", "a.com.!A", DNS_TYPE_A, AA, VAL_BOGUS,
		VAL_BOGUS},
	{"beside it, bogus", {"!a.com."}, "b.com.", "b.com.!A", DNS_TYPE_A, AA, VAL_BOGUS,
		VAL_BOGUS},
	{"beside it, good", {"!a.com."}, "b.com.", "b.com.:A", DNS_TYPE_A, AA, VAL_SECURE,
		VAL_SECURE},
	{"no data without proof", {"!a.com."}, "x.a.com.", "| com.!SOA", DNS_TYPE_A, AA, VAL_BOGUS,
		VAL_INSECURE},
	{"no such name without proof", {"!a.com."}, "x.a.com.", "| com.:SOA", DNS_TYPE_A,
		AA | DNS_RCODE_NXDOMAIN, VAL_BOGUS, VAL_INSECURE},
	{"no data beside it", {"!a.com."}, "b.com.", "| com.:SOA", DNS_TYPE_A, AA, VAL_BOGUS,
		VAL_BOGUS},
	{"a referral without proof", {"!a.com."}, "www.a.com.", "| a.com.-NS", DNS_TYPE_A, 0,
		VAL_BOGUS, VAL_INSECURE},
	{"a referral with a bogus DS", {"!a.com."}, "www.a.com.", "| a.com.-NS a.com.!DS",
		DNS_TYPE_A, 0, VAL_BOGUS, VAL_INSECURE},
	{"a chain into it", {"!a.com."}, "b.com.", "b.com.:CNAME x.a.com.!A", DNS_TYPE_A, AA,
		VAL_BOGUS, VAL_INSECURE},
	{"a bogus chain into it", {"!a.com."}, "b.com.", "b.com.!CNAME x.a.com.!A", DNS_TYPE_A, AA,
		VAL_BOGUS, VAL_BOGUS},
	{"a chain out of it", {"!a.com."}, "x.a.com.", "x.a.com.!CNAME b.com.:A", DNS_TYPE_A, AA,
		VAL_BOGUS, VAL_INSECURE},
	{"a chain out of it to what is bogus", {"!a.com."}, "x.a.com.", "x.a.com.-CNAME b.com.!A",
		DNS_TYPE_A, AA, VAL_BOGUS, VAL_BOGUS},
	{"a chain out of the zone", {"!a.com."}, "x.a.com.", "x.a.com.-CNAME b.net.-A", DNS_TYPE_A,
		AA, VAL_BOGUS, VAL_INSECURE},
	{"keys of its own below it", {"!a.com.", "b.a.com."}, "x.b.a.com.", "x.b.a.com.!A",
		DNS_TYPE_A, AA, VAL_BOGUS, VAL_BOGUS},
#undef AA
};

static void test_responses(void)
{
	static const char *const nothing[] = {NULL};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct val_zone_keys *com = open_keys(VAL_ZONE_SECURE, nothing);
		struct val_result r =
			judge(com, rows[i].qname, rows[i].qtype, rows[i].flags, rows[i].shorthand);

		UNIT_CHECK(rows[i].name, r.verdict == rows[i].without);
		val_keys_free(keys);
		com = open_keys(VAL_ZONE_SECURE, rows[i].entries);
		r = judge(com, rows[i].qname, rows[i].qtype, rows[i].flags, rows[i].shorthand);
		UNIT_CHECK(rows[i].name, r.verdict == rows[i].with);
		UNIT_CHECK(rows[i].name,
			r.verdict != VAL_INSECURE || r.reason == VAL_R_NEGATIVE_ANCHOR);
		val_keys_free(keys);
	}
}

/* The zone itself has no keys: what is below a negative trust anchor passes, the rest does not. */
static void test_without_keys(void)
{
	static const struct {
		const char *name, *qname, *shorthand;
		enum val_verdict want;
	} rows_[] = {
		{"below it", "x.a.com.", "x.a.com.-A", VAL_INSECURE},
		{"beside it", "b.com.", "b.com.-A", VAL_INDETERMINATE},
		{"into it", "b.com.", "b.com.-CNAME x.a.com.-A", VAL_INDETERMINATE},
		{"out of it", "x.a.com.", "x.a.com.-CNAME b.com.-A", VAL_INDETERMINATE},
	};
	static const char *const entries[] = {"!a.com.", NULL};

	for (unsigned i = 0; i < sizeof(rows_) / sizeof(rows_[0]); i++) {
		const struct val_zone_keys *com = open_keys(VAL_ZONE_UNKNOWN, entries);
		struct val_result r =
			judge(com, rows_[i].qname, DNS_TYPE_A, DNS_FLAG_AA, rows_[i].shorthand);

		UNIT_CHECK(rows_[i].name, r.verdict == rows_[i].want);
		val_keys_free(keys);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"names", test_names},
		{"responses", test_responses},
		{"without keys", test_without_keys},
		CU_TEST_INFO_NULL,
	};
	int failed;

	kit_key_new(&key, 256);
	kit_key_new(&wrong, 256);
	if (val_verifier_new(&verifier) != 0)
		return 99;
	failed = test_run("validator/negative", tests);
	val_verifier_free(verifier);
	kit_key_free(&key);
	kit_key_free(&wrong);
	return failed;
}
