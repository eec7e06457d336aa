#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/run.h"
#include "tests/unit/unit.h"
#include "validator/facts.h"
#include "zonekit.h"

enum { NOW = 1700000000 };

static const struct dns_hash_key hash_key = {11, 12};

static struct val_facts *make(size_t names, size_t sets)
{
	struct val_facts *f = NULL;

	CU_ASSERT_EQUAL_FATAL(val_facts_new(names, sets, -1, &hash_key, &f), 0);
	return f;
}

static struct dns_name name_of(unsigned i)
{
	struct dns_name n;
	char text[32];

	snprintf(text, sizeof(text), "n%u.test.", i);
	kit_wire(text, &n);
	return n;
}

/* A set that says by its content whose it is. */
static struct val_zone_keys set_of(const struct dns_name *name, unsigned mark)
{
	struct val_zone_keys z = {.zone = *name, .status = VAL_ZONE_SECURE, .count = 2};

	for (unsigned i = 0; i < 2; i++) {
		z.key[i].rdata_len = (uint16_t)(4 + i);
		z.key[i].key_tag = (uint16_t)mark;
		memset(z.key[i].rdata, (int)(mark + i), 4 + i);
	}
	return z;
}

static bool is_set_of(const struct val_zone_keys *z, const struct dns_name *name, unsigned mark)
{
	struct val_zone_keys want = set_of(name, mark);

	if (z == NULL || !dns_name_equal(z->zone.octets, name->octets) || z->count != 2)
		return false;
	for (unsigned i = 0; i < 2; i++) {
		if (z->key[i].rdata_len != want.key[i].rdata_len ||
			z->key[i].key_tag != want.key[i].key_tag ||
			memcmp(z->key[i].rdata, want.key[i].rdata, 4 + i) != 0)
			return false;
	}
	return true;
}

static void put(struct val_facts *f, unsigned i, enum val_fact_kind kind, uint32_t until)
{
	struct dns_name n = name_of(i);
	struct val_zone_keys set = set_of(&n, i);
	bool has_set = kind == VAL_FACT_KEYS || kind == VAL_FACT_DS;

	val_facts_put(f, &n,
		&(struct val_fact){.kind = (uint8_t)kind,
			.zone_labels = (uint8_t)(i % 7),
			.depth = (uint8_t)(i % 5),
			.why = (uint8_t)(i % 3),
			.until = until,
			.set = has_set ? &set : NULL},
		NOW);
}

static bool get(struct val_facts *f, unsigned i, uint32_t now, struct val_fact *out)
{
	struct dns_name n = name_of(i);

	return val_facts_get(f, n.octets, now, out);
}

static void test_kinds(void)
{
	struct val_facts *f = make(64, 8);

	for (unsigned kind = VAL_FACT_KEYS; kind <= VAL_FACT_FAILED; kind++) {
		struct dns_name n = name_of(kind);
		bool has_set = kind == VAL_FACT_KEYS || kind == VAL_FACT_DS;
		struct val_fact got;

		CU_ASSERT_FALSE(get(f, kind, NOW, &got));
		put(f, kind, kind, NOW + 10);
		CU_ASSERT_TRUE_FATAL(get(f, kind, NOW + 10, &got));
		CU_ASSERT_EQUAL(got.kind, kind);
		CU_ASSERT_EQUAL(got.zone_labels, kind % 7);
		CU_ASSERT_EQUAL(got.depth, kind % 5);
		CU_ASSERT_EQUAL(got.why, kind % 3);
		CU_ASSERT_EQUAL(got.until, NOW + 10);
		CU_ASSERT_EQUAL(is_set_of(got.set, &n, kind), has_set);
		CU_ASSERT_FALSE(get(f, kind, NOW + 11, &got));
	}
	val_facts_clear(f);
	for (unsigned kind = VAL_FACT_KEYS; kind <= VAL_FACT_FAILED; kind++)
		CU_ASSERT_FALSE(get(f, kind, NOW, &(struct val_fact){0}));
	val_facts_free(f);
	val_facts_free(NULL);
}

static void test_sizes(void)
{
	struct val_facts *f = NULL;

	CU_ASSERT_EQUAL(val_facts_new(0, 1, -1, &hash_key, &f), -EINVAL);
	CU_ASSERT_EQUAL(val_facts_new(1, 0, -1, &hash_key, &f), -EINVAL);
	CU_ASSERT_PTR_NULL(f);
}

/* What a failure may replace. */
static void test_failures(void)
{
	static const struct {
		const char *name;
		enum val_fact_kind was;
		uint32_t until;
		enum val_fact_kind then;
	} rows[] = {
		{"keys that hold", VAL_FACT_KEYS, NOW, VAL_FACT_KEYS},
		{"keys that are over", VAL_FACT_KEYS, NOW - 1, VAL_FACT_FAILED},
		{"DS records", VAL_FACT_DS, NOW + 100, VAL_FACT_FAILED},
		{"unsigned", VAL_FACT_INSECURE, NOW + 100, VAL_FACT_INSECURE},
		{"inside", VAL_FACT_INSIDE, NOW + 100, VAL_FACT_INSIDE},
		{"an older failure", VAL_FACT_FAILED, NOW, VAL_FACT_FAILED},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct val_facts *f = make(16, 4);
		struct val_fact got = {0};

		put(f, 1, rows[i].was, rows[i].until);
		put(f, 1, VAL_FACT_FAILED, NOW + 5);
		UNIT_CHECK(rows[i].name, get(f, 1, NOW, &got));
		UNIT_CHECK(rows[i].name, got.kind == rows[i].then);
		put(f, 1, VAL_FACT_INSIDE, NOW + 9); // what is proven replaces anything
		UNIT_CHECK(rows[i].name, get(f, 1, NOW, &got) && got.kind == VAL_FACT_INSIDE);
		val_facts_free(f);
	}
}

/* Keys that are looked up all the time outlive any number that are not. */
static void test_flood(void)
{
	struct val_facts *f = make(1024, 8);
	struct val_fact got;
	struct dns_name n = name_of(0);

	put(f, 0, VAL_FACT_KEYS, NOW + 10);
	for (unsigned i = 1; i <= 2000; i++) {
		put(f, i, VAL_FACT_KEYS, NOW + 10);
		CU_ASSERT_TRUE_FATAL(get(f, 0, NOW, &got));
		CU_ASSERT_TRUE(is_set_of(got.set, &n, 0));
	}
	// one of the first of the flood: its slot is another's
	CU_ASSERT_FALSE(get(f, 1, NOW, &got));
	val_facts_free(f);
}

/* DS records stand beside keys until these come anew; nothing else does. */
static void test_beside(void)
{
	static const struct {
		const char *name;
		enum val_fact_kind put, then, delegation; // delegation NONE: nothing known of it
	} rows[] = {
		{"DS", VAL_FACT_DS, VAL_FACT_KEYS, VAL_FACT_DS},
		{"keys", VAL_FACT_KEYS, VAL_FACT_KEYS, VAL_FACT_NONE},
		{"unsigned", VAL_FACT_INSECURE, VAL_FACT_INSECURE, VAL_FACT_INSECURE},
		{"inside", VAL_FACT_INSIDE, VAL_FACT_INSIDE, VAL_FACT_INSIDE},
		{"leaf", VAL_FACT_LEAF, VAL_FACT_LEAF, VAL_FACT_LEAF},
		{"failed", VAL_FACT_FAILED, VAL_FACT_KEYS, VAL_FACT_NONE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int with_ds = 0; with_ds < 2; with_ds++) {
			struct val_facts *f = make(16, 4);
			struct dns_name n = name_of(1);
			struct val_fact got = {0};
			bool beside;

			put(f, 1, VAL_FACT_KEYS, NOW + 10);
			if (with_ds)
				put(f, 1, VAL_FACT_DS, NOW + 20);
			put(f, 1, rows[i].put, NOW + 20);
			UNIT_CHECK(rows[i].name, get(f, 1, NOW, &got) && got.kind == rows[i].then);
			beside = val_facts_get_delegation(f, n.octets, NOW, &got);
			UNIT_CHECK(rows[i].name, beside == (rows[i].delegation != VAL_FACT_NONE));
			UNIT_CHECK(rows[i].name, !beside || got.kind == rows[i].delegation);
			// and when the keys are over
			beside = get(f, 1, NOW + 11, &got);
			UNIT_CHECK(
				rows[i].name, beside == (rows[i].then != VAL_FACT_KEYS ||
								rows[i].delegation == VAL_FACT_DS ||
								rows[i].put == VAL_FACT_KEYS));
			val_facts_free(f);
		}
	}
}

/* Who is due, is in use in the last tenth of its time; a claim holds for all. */
static void test_due(void)
{
	enum { LIFE = 1000, SOON = LIFE * 9 / 10 };
	static const struct {
		const char *name;
		enum val_fact_kind kind;
		uint32_t used;
		bool due;
	} rows[] = {
		{"keys, early", VAL_FACT_KEYS, SOON - 1, false},
		{"keys", VAL_FACT_KEYS, SOON, true},
		{"keys, at the end", VAL_FACT_KEYS, LIFE, true},
		{"keys, over", VAL_FACT_KEYS, LIFE + 1, false},
		{"unsigned", VAL_FACT_INSECURE, SOON, true},
		{"DS", VAL_FACT_DS, SOON, false},
		{"inside", VAL_FACT_INSIDE, SOON, false},
		{"failed", VAL_FACT_FAILED, SOON, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t at = NOW + rows[i].used;
		struct val_facts *f = make(16, 4);
		struct dns_name n = name_of(1), got = {0};
		struct val_fact fact;

		put(f, 1, rows[i].kind, NOW + LIFE);
		UNIT_CHECK(rows[i].name, !val_facts_due(f, at, &got)); // nobody has looked
		get(f, 1, at, &fact);
		UNIT_CHECK(rows[i].name, val_facts_due(f, at, &got) == rows[i].due);
		UNIT_CHECK(rows[i].name, !rows[i].due || dns_name_equal(got.octets, n.octets));
		UNIT_CHECK(rows[i].name, !val_facts_due(f, at, &got));
		UNIT_CHECK(rows[i].name, val_facts_claim(f, n.octets, at) == rows[i].due ||
						 rows[i].used == SOON - 1);
		get(f, 1, at, &fact);
		UNIT_CHECK(rows[i].name, !val_facts_due(f, at, &got)); // it is claimed
		UNIT_CHECK(rows[i].name, !val_facts_claim(f, n.octets, at));
		val_facts_free(f);
	}
}

/* From a fact to the first attempt, and from one to the next. */
static void test_claims(void)
{
	struct val_facts *f = make(16, 4);
	struct dns_name n = name_of(1);

	CU_ASSERT_FALSE(val_facts_claim(f, n.octets, NOW));
	put(f, 1, VAL_FACT_KEYS, NOW + 1000);
	for (uint32_t at = NOW; at < NOW + 100; at += VAL_FACT_RENEW_S) {
		CU_ASSERT_FALSE(val_facts_claim(f, n.octets, at + VAL_FACT_RENEW_S - 1));
		CU_ASSERT_TRUE(val_facts_claim(f, n.octets, at + VAL_FACT_RENEW_S));
	}
	val_facts_free(f);
}

/* What was last put of a name, and would be known without forgetting. */
struct known {
	uint8_t kind;
	uint32_t until;
};

static void note_put(struct known *keys, struct known *rest, uint8_t kind, uint32_t until)
{
	struct known now = {kind, until};

	if (kind == VAL_FACT_KEYS) {
		*keys = now;
		rest->kind = VAL_FACT_NONE;
	} else {
		*rest = now;
		if (kind != VAL_FACT_DS)
			keys->kind = VAL_FACT_NONE;
	}
}

/* Forgetful, but never wrong: against a list of everything that was put. */
static void test_oracle(void)
{
	enum { NAMES = 300, STEPS = 60000 };
	static struct known keys[NAMES], rest[NAMES];
	struct val_facts *f = make(64, 8);
	unsigned found = 0;

	srand(7);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = (unsigned)rand() % NAMES;
		struct dns_name n = name_of(i);
		struct val_fact got;

		if (rand() % 2 == 0) {
			unsigned kind = VAL_FACT_KEYS + (unsigned)rand() % 5; // but FAILED
			uint32_t until = NOW - 5 + (uint32_t)rand() % 10;

			note_put(&keys[i], &rest[i], (uint8_t)kind, until);
			put(f, i, kind, until);
		} else if (get(f, i, NOW, &got)) {
			const struct known *k = got.kind == VAL_FACT_KEYS ? &keys[i] : &rest[i];

			found++;
			CU_ASSERT_EQUAL_FATAL(got.kind, k->kind);
			CU_ASSERT_EQUAL_FATAL(got.until, k->until);
			CU_ASSERT_TRUE_FATAL((int32_t)(got.until - NOW) >= 0);
			if (got.kind == VAL_FACT_KEYS || got.kind == VAL_FACT_DS)
				CU_ASSERT_TRUE_FATAL(is_set_of(got.set, &n, i));
		}
	}
	CU_ASSERT(found > 1000);
	val_facts_free(f);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"kinds and their time", test_kinds},
		{"sizes", test_sizes},
		{"what gives way to a failure", test_failures},
		{"a flood of zones", test_flood},
		{"beside keys", test_beside},
		{"due", test_due},
		{"claims", test_claims},
		{"against an oracle", test_oracle},
		CU_TEST_INFO_NULL,
	};

	return test_run("validator/facts", tests);
}
