#include <string.h>

#include <CUnit/Basic.h>

#include "dns/rdata.h"
#include "dns/wire.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"
#include "validator/keyset.h"

enum { T0 = 1700000000, HOUR = 3600 };

/* A set of one-letter keys; in lower case: with the REVOKE bit. */
static struct val_zone_keys set_of(const char *names, uint32_t until)
{
	struct val_zone_keys z = {
		.zone = {1, 0, ""}, .status = VAL_ZONE_SECURE, .valid_until = until};

	for (; names[z.count] != '\0'; z.count++) {
		struct val_key *k = &z.key[z.count];
		bool lower = names[z.count] >= 'a';

		k->rdata_len = 20;
		k->algorithm = 13;
		memset(k->rdata, lower ? names[z.count] - 'a' + 'A' : names[z.count], 20);
		dns_put16(k->rdata, lower ? 257 | DNS_DNSKEY_FLAG_REVOKE : 257);
		memset(k->rdata + 20, 0x40 + z.count, 10); // behind its end: not to be compared
	}
	return z;
}

static const char *names_of(const struct val_keyset *s)
{
	static char text[VAL_ZONE_KEYS_MAX + 1];

	for (unsigned i = 0; i < s->keys.count; i++)
		text[i] = (char)s->keys.key[i].rdata[4];
	text[s->keys.count] = '\0';
	return text;
}

struct step {
	uint32_t at_s;
	const char *set; // NULL: only time passes
	uint32_t until_s;
	const char *want;
	bool changed;
};

static const struct {
	const char *name;
	struct step step[6]; // ends with want NULL
} rows[] = {
	{"the first", {{0, "AB", HOUR, "AB", true}}},
	{"the same again", {{0, "AB", HOUR, "AB", true}, {60, "AB", HOUR + 60, "AB", false}}},
	{"the same in another order",
		{{0, "AB", HOUR, "AB", true}, {60, "BA", HOUR + 60, "BA", false}}},
	{"one more", {{0, "A", HOUR, "A", true}, {60, "AB", HOUR, "AB", true}}},
	{"one less stays until its time",
		{{0, "AB", HOUR, "AB", true}, {60, "A", 2 * HOUR, "AB", false},
			{HOUR, NULL, 0, "AB", false}, {HOUR + 1, NULL, 0, "A", true}}},
	{"another one stays beside", {{0, "A", HOUR, "A", true}, {60, "B", 2 * HOUR, "BA", true},
					     {HOUR + 1, NULL, 0, "B", true}}},
	{"what is over when the new one comes does not stay",
		{{0, "A", HOUR, "A", true}, {HOUR + 1, "B", 2 * HOUR, "B", true}}},
	{"two sites in turns",
		{{0, "A", HOUR, "A", true}, {60, "AB", HOUR + 60, "AB", true},
			{120, "A", HOUR + 120, "AB", false}, {180, "B", HOUR + 180, "BA", false},
			{HOUR + 121, NULL, 0, "B", true}}},
	{"revoked: gone at once", {{0, "AB", HOUR, "AB", true}, {60, "aB", HOUR, "AB", true}}},
	{"all are over", {{0, "A", HOUR, "A", true}, {HOUR + 1, NULL, 0, "", true}}},
	{"no room for what was",
		{{0, "YZ", HOUR, "YZ", true},
			{60, "ABCDEFGHIJKLMNO", HOUR, "ABCDEFGHIJKLMNOY", true},
			{120, "ABCDEFGHIJKLMNOP", HOUR, "ABCDEFGHIJKLMNOP", true}}},
};

static void test_sets(void)
{
	for (unsigned r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct val_keyset s = {0};

		for (const struct step *p = rows[r].step; p->want != NULL; p++) {
			uint32_t now = T0 + p->at_s;
			struct val_zone_keys fresh = set_of(p->set ? p->set : "", T0 + p->until_s);
			bool changed = p->set ? val_keyset_replace(&s, &fresh, now)
					      : val_keyset_expire(&s, now);

			UNIT_CHECK(rows[r].name, changed == p->changed);
			UNIT_CHECK(rows[r].name, strcmp(names_of(&s), p->want) == 0);
		}
	}
}

static void test_revoked_form_replaces(void)
{
	struct val_zone_keys plain = set_of("A", T0 + HOUR), revoked = set_of("a", T0 + HOUR);
	struct val_keyset s = {0};

	val_keyset_replace(&s, &plain, T0);
	CU_ASSERT_TRUE(val_keyset_replace(&s, &revoked, T0));
	CU_ASSERT_EQUAL_FATAL(s.keys.count, 1);
	CU_ASSERT_EQUAL(dns_get16(s.keys.key[0].rdata), 257 | DNS_DNSKEY_FLAG_REVOKE);
}

static void test_insecure_keeps_none(void)
{
	struct val_zone_keys plain = set_of("A", T0 + HOUR), none = set_of("", T0 + HOUR);
	struct val_keyset s = {0};

	none.status = VAL_ZONE_INSECURE;
	val_keyset_replace(&s, &plain, T0);
	CU_ASSERT_TRUE(val_keyset_replace(&s, &none, T0));
	CU_ASSERT_EQUAL(s.keys.count, 0);
	CU_ASSERT_EQUAL(s.keys.status, VAL_ZONE_INSECURE);
}

static void test_clear(void)
{
	struct val_zone_keys plain = set_of("A", T0 + HOUR);
	struct val_keyset s = {0};

	CU_ASSERT_FALSE(val_keyset_clear(&s));
	val_keyset_replace(&s, &plain, T0);
	CU_ASSERT_TRUE(val_keyset_clear(&s));
	CU_ASSERT_EQUAL(s.keys.count, 0);
	CU_ASSERT_EQUAL(s.keys.status, VAL_ZONE_UNKNOWN);
}

static void test_kept_from_before(void)
{
	struct val_zone_keys plain = set_of("A", T0 + HOUR);
	struct val_keyset s = {0};

	s.keys.generation = 7;
	s.keys.look_after = 9;
	val_keyset_replace(&s, &plain, T0);
	CU_ASSERT_EQUAL(s.keys.generation, 7);
	CU_ASSERT_EQUAL(s.keys.look_after, 9);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"sets and time", test_sets},
		{"the revoked form replaces the other", test_revoked_form_replaces},
		{"insecure keeps no key", test_insecure_keeps_none},
		{"clear", test_clear},
		{"generation and look stay", test_kept_from_before},
		CU_TEST_INFO_NULL,
	};

	return test_run("validator/keyset", tests);
}
