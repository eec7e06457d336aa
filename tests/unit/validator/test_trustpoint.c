#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "dns/rdata.h"
#include "dns/wire.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"
#include "tests/unit/validator/zonekit.h"
#include "validator/trustpoint.h"

enum { T0 = 1700000000, DAY = 86400, HOLD = 30 * DAY };

static const struct val_trustpoint_params params = {HOLD, HOLD, false};

/* ---- keys that nothing is signed with ---- */

static struct val_key make_key(char name, uint16_t flags, uint8_t algorithm)
{
	struct val_key k = {.algorithm = algorithm, .rdata_len = 4 + 32};

	dns_put16(k.rdata, flags);
	k.rdata[2] = 3;
	k.rdata[3] = algorithm;
	memset(k.rdata + 4, name, 32);
	k.key_tag = dns_key_tag(k.rdata, k.rdata_len);
	return k;
}

static struct val_key ksk(char name)
{
	return make_key(name, 257, 15);
}

static struct val_anchor anchor_of(const struct val_key *key)
{
	return (struct val_anchor){.zone = {1, 0, ""}, .type = DNS_TYPE_DNSKEY, .key = *key};
}

static struct val_anchor ds_of(const struct val_key *key)
{
	struct val_anchor a = {.zone = {1, 0, ""}, .type = DNS_TYPE_DS};
	struct kit_key k = {.rdata_len = key->rdata_len, .tag = key->key_tag};
	struct kit_rdata rd;

	memcpy(k.rdata, key->rdata, key->rdata_len);
	rd = kit_ds(&k, ".");
	memcpy(a.key.rdata, rd.octets, rd.len);
	a.key.rdata_len = (uint16_t)rd.len;
	a.key.key_tag = key->key_tag;
	a.key.rdata[2] = key->algorithm; // the kit's keys are P-256
	a.key.algorithm = key->algorithm;
	return a;
}

/* A trust point with key A configured. */
static void start(struct val_trustpoint *tp)
{
	struct val_key a = ksk('A');
	struct val_anchors anchors = {.count = 1, .item = {anchor_of(&a)}};

	memset(tp, 0, sizeof(*tp));
	tp->zone.len = 1;
	val_trustpoint_configure(tp, &anchors, T0);
}

static const struct val_tracked *find(const struct val_trustpoint *tp, char name)
{
	for (unsigned i = 0; i < tp->count; i++)
		if (tp->key[i].anchor.type == DNS_TYPE_DNSKEY &&
			tp->key[i].anchor.key.rdata[4] == (uint8_t)name)
			return &tp->key[i];
	return NULL;
}

static enum val_key_state state(const struct val_trustpoint *tp, char name)
{
	const struct val_tracked *k = find(tp, name);

	return k != NULL ? k->state : VAL_KEY_START;
}

/*
 * One validated set: a letter a key; "a" in lower case: with REVOKE and signed by itself. What
 * val_keys_revoked() finds is made here, so that the table is about states and nothing else.
 */
static struct val_key_changes see(struct val_trustpoint *tp, const char *set, uint32_t now)
{
	struct val_key_changes changes = {0};
	bool revoked[VAL_TRACKED_MAX] = {false};
	struct val_key keys[VAL_TRACKED_MAX + 2];
	size_t n = 0;

	for (; set[n] != '\0'; n++) {
		bool lower = set[n] >= 'a';
		char name = (char)(lower ? set[n] - 'a' + 'A' : set[n]);

		keys[n] = make_key(name, lower ? 257 | DNS_DNSKEY_FLAG_REVOKE : 257, 15);
		for (unsigned i = 0; lower && i < tp->count; i++)
			revoked[i] |= tp->key[i].anchor.type == DNS_TYPE_DNSKEY &&
				      tp->key[i].anchor.key.rdata[4] == (uint8_t)name;
	}
	val_trustpoint_revoke(tp, revoked, now, &changes);
	val_trustpoint_see(tp, keys, n, 172800, &params, now, &changes);
	return changes;
}

/* ---- the table of RFC 5011 s4.2 ---- */

struct step {
	uint32_t at_s; // after T0
	const char *set;
	int a, b; // enum val_key_state
};

enum { NO = VAL_KEY_START, ADD = VAL_KEY_ADD_PENDING, OK = VAL_KEY_VALID, MISS = VAL_KEY_MISSING };
enum { REV = VAL_KEY_REVOKED, GONE = VAL_KEY_REMOVED };

static const struct {
	const char *name;
	struct step step[8]; // ends with set NULL
} rows[] = {
	{"nothing new", {{0, "A", OK, NO}, {DAY, "A", OK, NO}}},
	{"start, new key: add-pending", {{0, "AB", OK, ADD}}},
	{"add-pending, key present: add-pending", {{0, "AB", OK, ADD}, {HOLD - 1, "AB", OK, ADD}}},
	{"add-pending, key gone: start", {{0, "AB", OK, ADD}, {DAY, "A", OK, NO}}},
	{"add-pending, hold over: valid", {{0, "AB", OK, ADD}, {HOLD, "AB", OK, OK}}},
	{"the hold begins anew when a key comes back",
		{{0, "AB", OK, ADD}, {DAY, "A", OK, NO}, {2 * DAY, "AB", OK, ADD},
			{HOLD + DAY, "AB", OK, ADD}, {HOLD + 2 * DAY, "AB", OK, OK}}},
	{"add-pending, hold over, but not seen again: start",
		{{0, "AB", OK, ADD}, {HOLD, "A", OK, NO}}},
	{"add-pending, revoked: start",
		{{0, "AB", OK, ADD}, {DAY, "Ab", OK, NO}, {2 * HOLD, "Ab", OK, NO}}},
	{"valid, key gone: missing", {{0, "B", MISS, ADD}}},
	{"missing, key back: valid", {{0, "B", MISS, ADD}, {DAY, "AB", OK, ADD}}},
	{"missing, still gone: missing, for ever",
		{{0, "B", MISS, ADD}, {9 * HOLD, "B", MISS, OK}}},
	{"missing, revoked: revoked", {{0, "B", MISS, ADD}, {DAY, "aB", REV, ADD}}},
	{"valid, revoked: revoked", {{0, "AB", OK, ADD}, {DAY, "aB", REV, ADD}}},
	{"revoked, still there: revoked",
		{{0, "aB", REV, ADD}, {HOLD, "aB", REV, OK}, {2 * HOLD, "aB", REV, OK}}},
	{"revoked, gone: revoked, then removed",
		{{0, "aB", REV, ADD}, {HOLD - 1, "B", REV, ADD}, {HOLD, "B", GONE, OK}}},
	{"the removal counts from when it is gone",
		{{0, "aB", REV, ADD}, {HOLD - 1, "aB", REV, ADD}, {HOLD, "B", REV, OK},
			{2 * HOLD - 1, "B", GONE, OK}}},
	{"revoked, back without the bit: revoked",
		{{0, "aB", REV, ADD}, {DAY, "AB", REV, ADD}, {HOLD, "AB", GONE, OK}}},
	{"removed, back without the bit: removed",
		{{0, "aB", REV, ADD}, {HOLD, "B", GONE, OK}, {HOLD + 1, "AB", GONE, OK},
			{3 * HOLD, "AB", GONE, OK}}},
	{"removed, back revoked: removed",
		{{0, "aB", REV, ADD}, {HOLD, "B", GONE, OK}, {HOLD + 1, "aB", GONE, OK}}},
	{"the clock goes back while waiting: the hold begins anew",
		{{HOLD, "AB", OK, ADD}, {0, "AB", OK, ADD}, {HOLD - 1, "AB", OK, ADD},
			{HOLD, "AB", OK, OK}}},
	{"the clock goes back while revoked: the removal waits",
		{{HOLD, "aB", REV, ADD}, {0, "B", REV, ADD}, {HOLD - 1, "B", REV, ADD},
			{HOLD, "B", GONE, OK}}},
	{"a roll of the root's key as it is done",
		{{0, "A", OK, NO}, {DAY, "AB", OK, ADD}, {DAY + HOLD, "AB", OK, OK},
			{DAY + 2 * HOLD, "B", MISS, OK}, {DAY + 3 * HOLD, "aB", REV, OK},
			{DAY + 4 * HOLD, "B", GONE, OK}}},
};

static void test_states(void)
{
	for (unsigned r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct val_trustpoint tp;

		start(&tp);
		for (const struct step *s = rows[r].step; s->set != NULL; s++) {
			see(&tp, s->set, T0 + s->at_s);
			UNIT_CHECK(rows[r].name, (int)state(&tp, 'A') == s->a);
			UNIT_CHECK(rows[r].name, (int)state(&tp, 'B') == s->b);
		}
	}
}

static void test_changes_are_told(void)
{
	struct val_trustpoint tp;
	struct val_key_changes c;
	struct val_key a = ksk('A'), b = ksk('B');

	start(&tp);
	c = see(&tp, "A", T0);
	CU_ASSERT_EQUAL(c.count, 0);
	c = see(&tp, "AB", T0 + 1);
	CU_ASSERT_EQUAL_FATAL(c.count, 1);
	CU_ASSERT_EQUAL(c.item[0].key_tag, b.key_tag);
	CU_ASSERT_EQUAL(c.item[0].from, VAL_KEY_START);
	CU_ASSERT_EQUAL(c.item[0].to, VAL_KEY_ADD_PENDING);
	c = see(&tp, "a", T0 + 2);
	CU_ASSERT_EQUAL_FATAL(c.count, 2);
	CU_ASSERT_EQUAL(c.item[0].key_tag, a.key_tag);
	CU_ASSERT_EQUAL(c.item[0].to, VAL_KEY_REVOKED);
	CU_ASSERT_EQUAL(c.item[1].key_tag, b.key_tag);
	CU_ASSERT_EQUAL(c.item[1].to, VAL_KEY_START);
}

/* ---- what is trusted ---- */

static void test_trusted(void)
{
	struct val_anchor out[VAL_ANCHORS_MAX];
	struct val_trustpoint tp;

	start(&tp);
	see(&tp, "AB", T0);
	CU_ASSERT_EQUAL_FATAL(val_trustpoint_trusted(&tp, out), 1); // B waits
	CU_ASSERT_EQUAL(out[0].key.rdata[4], 'A');
	see(&tp, "AB", T0 + HOLD);
	CU_ASSERT_EQUAL(val_trustpoint_trusted(&tp, out), 2);
	see(&tp, "B", T0 + HOLD + 1); // A is missing, and trusted all the same
	CU_ASSERT_EQUAL(val_trustpoint_trusted(&tp, out), 2);
	see(&tp, "aB", T0 + HOLD + 2);
	CU_ASSERT_EQUAL_FATAL(val_trustpoint_trusted(&tp, out), 1);
	CU_ASSERT_EQUAL(out[0].key.rdata[4], 'B');
	see(&tp, "b", T0 + HOLD + 3); // the last one: nothing is trusted, it is not insecure
	CU_ASSERT_EQUAL(val_trustpoint_trusted(&tp, out), 0);
	CU_ASSERT_EQUAL(val_trustpoint_known(&tp, out), 2);
}

/* Keys that must never be learnt. */
static void test_not_learnt(void)
{
	static const struct {
		const char *name;
		uint16_t flags;
		uint8_t protocol, algorithm;
	} rows_[] = {
		{"no secure entry point", 256, 3, 15},
		{"no zone key", 1, 3, 15},
		{"revoked from the start", 257 | 128, 3, 15},
		{"another protocol", 257, 2, 15},
		{"an algorithm of the future", 257, 3, 77},
		{"SHA-1", 257, 3, 7},
	};

	for (unsigned i = 0; i < sizeof(rows_) / sizeof(rows_[0]); i++) {
		struct val_key keys[2] = {
			ksk('A'), make_key('B', rows_[i].flags, rows_[i].algorithm)};
		struct val_key_changes c = {0};
		struct val_trustpoint tp;

		keys[1].rdata[2] = rows_[i].protocol;
		start(&tp);
		val_trustpoint_see(&tp, keys, 2, 60, &params, T0, &c);
		UNIT_CHECK(rows_[i].name, tp.count == 1 && c.count == 0);
	}
}

static void test_sha1_by_setting(void)
{
	const struct val_trustpoint_params sha1 = {HOLD, HOLD, true};
	struct val_key keys[2] = {ksk('A'), make_key('B', 257, 7)};
	struct val_key_changes c = {0};
	struct val_trustpoint tp;

	start(&tp);
	val_trustpoint_see(&tp, keys, 2, 60, &sha1, T0, &c);
	CU_ASSERT_EQUAL(state(&tp, 'B'), VAL_KEY_ADD_PENDING);
}

/* s2.4.1: the TTL of the first set, where it is longer than the hold. */
static void test_hold_is_no_less_than_ttl(void)
{
	const struct val_trustpoint_params quick = {10, 10, false};
	struct val_key keys[2] = {ksk('A'), ksk('B')};
	struct val_key_changes c = {0};
	struct val_trustpoint tp;

	start(&tp);
	val_trustpoint_see(&tp, keys, 2, 100, &quick, T0, &c);
	val_trustpoint_see(&tp, keys, 2, 1, &quick, T0 + 99, &c);
	CU_ASSERT_EQUAL(state(&tp, 'B'), VAL_KEY_ADD_PENDING);
	CU_ASSERT_EQUAL(val_tracked_due(find(&tp, 'B'), &quick), T0 + 100);
	val_trustpoint_see(&tp, keys, 2, 1, &quick, T0 + 100, &c);
	CU_ASSERT_EQUAL(state(&tp, 'B'), VAL_KEY_VALID);
	CU_ASSERT_EQUAL(val_tracked_due(find(&tp, 'B'), &quick), 0);
}

/* At n keys and n + 1: what is more is not learnt, and a removed one gives its place. */
static void test_full(void)
{
	struct val_trustpoint tp;

	start(&tp);
	see(&tp, "ABCDEFGHIJKLMNOP", T0);
	CU_ASSERT_EQUAL(tp.count, VAL_TRACKED_MAX);
	see(&tp, "ABCDEFGHIJKLMNOPQ", T0);
	CU_ASSERT_EQUAL(tp.count, VAL_TRACKED_MAX);
	CU_ASSERT_EQUAL(state(&tp, 'Q'), VAL_KEY_START);
	CU_ASSERT_EQUAL(state(&tp, 'A'), VAL_KEY_VALID);
	see(&tp, "aBCDEFGHIJKLMNOP", T0 + 1);
	see(&tp, "BCDEFGHIJKLMNOP", T0 + 1 + HOLD);
	CU_ASSERT_EQUAL(state(&tp, 'A'), VAL_KEY_REMOVED);
	see(&tp, "BCDEFGHIJKLMNOPQ", T0 + 2 + HOLD);
	CU_ASSERT_EQUAL(state(&tp, 'A'), VAL_KEY_START);
	CU_ASSERT_EQUAL(state(&tp, 'Q'), VAL_KEY_ADD_PENDING);
}

/* ---- configuration ---- */

static void test_ds_becomes_its_key(void)
{
	struct val_key a = ksk('A');
	struct val_anchors anchors = {.count = 1, .item = {ds_of(&a)}};
	struct val_trustpoint tp = {.zone = {1, 0, ""}};

	val_trustpoint_configure(&tp, &anchors, T0);
	CU_ASSERT_EQUAL_FATAL(tp.count, 1);
	CU_ASSERT_EQUAL(tp.key[0].anchor.type, DNS_TYPE_DS);
	see(&tp, "AB", T0);
	CU_ASSERT_EQUAL(tp.count, 2);
	CU_ASSERT_EQUAL(state(&tp, 'A'), VAL_KEY_VALID);
	val_trustpoint_configure(&tp, &anchors, T0 + 1); // known in its other form
	CU_ASSERT_EQUAL(tp.count, 2);
}

static void test_ds_and_key_are_one(void)
{
	struct val_key a = ksk('A');
	struct val_anchors anchors = {.count = 2, .item = {ds_of(&a), anchor_of(&a)}};
	struct val_trustpoint tp = {.zone = {1, 0, ""}};

	val_trustpoint_configure(&tp, &anchors, T0);
	CU_ASSERT_EQUAL(tp.count, 1);
	see(&tp, "A", T0);
	CU_ASSERT_EQUAL(tp.count, 1);
	CU_ASSERT_EQUAL(state(&tp, 'A'), VAL_KEY_VALID);
}

static void test_configured_ends_wait(void)
{
	struct val_key b = ksk('B');
	struct val_anchors anchors = {.count = 1, .item = {anchor_of(&b)}};
	struct val_trustpoint tp;

	start(&tp);
	see(&tp, "AB", T0);
	CU_ASSERT_EQUAL(state(&tp, 'B'), VAL_KEY_ADD_PENDING);
	val_trustpoint_configure(&tp, &anchors, T0 + 1);
	CU_ASSERT_EQUAL(state(&tp, 'B'), VAL_KEY_VALID);
	CU_ASSERT_EQUAL(tp.count, 2);
}

static void test_configured_does_not_raise_dead(void)
{
	struct val_key a = ksk('A');
	struct val_anchors anchors = {.count = 2, .item = {anchor_of(&a), ds_of(&a)}};
	struct val_anchor out[VAL_ANCHORS_MAX];
	struct val_trustpoint tp;

	start(&tp);
	see(&tp, "a", T0);
	val_trustpoint_configure(&tp, &anchors, T0 + 1);
	CU_ASSERT_EQUAL(tp.count, 1);
	CU_ASSERT_EQUAL(val_trustpoint_trusted(&tp, out), 0);
}

static void test_other_zones_are_left_out(void)
{
	struct val_key a = ksk('A');
	struct val_anchors anchors = {.count = 1, .item = {anchor_of(&a)}};
	struct val_trustpoint tp = {0};

	kit_wire("com.", &tp.zone);
	val_trustpoint_configure(&tp, &anchors, T0);
	CU_ASSERT_EQUAL(tp.count, 0);
}

/* Both keys of dns-root-data, in both forms at once: two anchors. */
static void test_root_data(void)
{
	static const char *const files[] = {"/usr/share/dns/root.key", "/usr/share/dns/root.ds"};
	struct val_trustpoint tp = {.zone = {1, 0, ""}};
	char err[256];

	for (unsigned i = 0; i < 2; i++) {
		struct val_anchors a;

		if (val_anchors_load(files[i], &a, err, sizeof(err)) != 0) {
			printf("\n  skipped: %s", err);
			return;
		}
		val_trustpoint_configure(&tp, &a, T0);
	}
	CU_ASSERT_EQUAL_FATAL(tp.count, 2);
	CU_ASSERT_EQUAL(tp.key[0].anchor.key.key_tag, 20326);
	CU_ASSERT_EQUAL(tp.key[1].anchor.key.key_tag, 38696);
	CU_ASSERT_EQUAL(tp.key[0].state, VAL_KEY_VALID);
	CU_ASSERT_EQUAL(tp.key[1].state, VAL_KEY_VALID);
}

/* ---- times of s2.3 ---- */

static void test_intervals(void)
{
	static const struct {
		const char *name;
		uint32_t ttl, life, refresh, retry;
	} rows_[] = {
		{"the root", 172800, 21 * DAY, 86400, 17280},
		{"short TTL", 300, 21 * DAY, 3600, 3600},
		{"short signatures", 172800, 2 * DAY, 86400, 17280},
		{"long everything", 90 * DAY, 90 * DAY, 15 * DAY, DAY},
		{"signatures decide", 90 * DAY, 10 * DAY, 5 * DAY, DAY},
		{"zero", 0, 0, 3600, 3600},
		{"largest", UINT32_MAX, UINT32_MAX, 15 * DAY, DAY},
	};

	for (unsigned i = 0; i < sizeof(rows_) / sizeof(rows_[0]); i++) {
		UNIT_CHECK(rows_[i].name,
			val_trustpoint_refresh_s(rows_[i].ttl, rows_[i].life) == rows_[i].refresh);
		UNIT_CHECK(rows_[i].name,
			val_trustpoint_retry_s(rows_[i].ttl, rows_[i].life) == rows_[i].retry);
	}
}

/* ---- with real signatures: who may revoke ---- */

static uint8_t *dnskey_answer(const struct kit_key *const *keys, int count,
	const struct kit_key *const *signers, int signer_count, size_t *len)
{
	static struct kit_msg m;
	struct kit_rdata rd[4];
	struct kit_sign sign = {.signer = ".",
		.labels = -1,
		.original_ttl = 3600,
		.inception = T0 - DAY,
		.expiration = T0 + DAY};

	for (int i = 0; i < count; i++) {
		rd[i].len = keys[i]->rdata_len;
		memcpy(rd[i].octets, keys[i]->rdata, keys[i]->rdata_len);
	}
	kit_init(&m, ".", DNS_TYPE_DNSKEY, DNS_FLAG_QR | DNS_FLAG_AA);
	sign.key = signers[0];
	kit_rrset(&m, DNS_ANSWER, ".", DNS_TYPE_DNSKEY, 3600, rd, count, &sign);
	for (int i = 1; i < signer_count; i++) {
		sign.key = signers[i];
		kit_rrsig(&m, DNS_ANSWER, ".", DNS_TYPE_DNSKEY, 3600, rd, count, &sign);
	}
	return kit_finish(&m, len);
}

/* The same key pair with the bit set: another tag. */
static struct kit_key revoked_form(const struct kit_key *k)
{
	struct kit_key r = *k;

	dns_put16(r.rdata, dns_get16(r.rdata) | DNS_DNSKEY_FLAG_REVOKE);
	r.tag = dns_key_tag(r.rdata, r.rdata_len);
	return r;
}

static struct val_anchor kit_anchor(const struct kit_key *k)
{
	struct val_key key = {.rdata_len = k->rdata_len, .key_tag = k->tag, .algorithm = 13};

	memcpy(key.rdata, k->rdata, k->rdata_len);
	return anchor_of(&key);
}

static void judge_revocation(const char *name, const struct kit_key *in_set,
	const struct kit_key *other, const struct kit_key *signer, const struct val_anchor *known,
	bool want)
{
	static const struct val_skew none;
	static struct dns_msg msg;
	const struct kit_key *keys[2] = {in_set, other};
	struct val_verifier *v;
	bool revoked = !want;
	size_t len;
	uint8_t *octets = dnskey_answer(keys, 2, &signer, 1, &len);

	CU_ASSERT_EQUAL_FATAL(val_verifier_new(&v), 0);
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&msg, octets, len), 0);
	val_keys_revoked(v, &msg, known->zone.octets, known, 1, T0, &none, &revoked);
	UNIT_CHECK(name, revoked == want);
	val_verifier_free(v);
	free(octets);
}

static void test_who_revokes(void)
{
	struct kit_key a, b, a_revoked;
	struct val_anchor by_key, by_ds;

	kit_key_new(&a, 257);
	kit_key_new(&b, 257);
	a_revoked = revoked_form(&a);
	by_key = kit_anchor(&a);
	by_ds = ds_of(&by_key.key);
	CU_ASSERT_NOT_EQUAL(a.tag, a_revoked.tag);
	judge_revocation("by itself", &a_revoked, &b, &a_revoked, &by_key, true);
	judge_revocation("by itself, known as a DS", &a_revoked, &b, &a_revoked, &by_ds, true);
	judge_revocation("only by another key", &a_revoked, &b, &b, &by_key, false);
	judge_revocation("the bit is not set", &a, &b, &a, &by_key, false);
	judge_revocation("signed under the old tag", &a_revoked, &b, &a, &by_key, false);
	kit_key_free(&a);
	kit_key_free(&b);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"each state, each event", test_states},
		{"changes are told", test_changes_are_told},
		{"what is trusted", test_trusted},
		{"keys that are not learnt", test_not_learnt},
		{"SHA-1 by setting", test_sha1_by_setting},
		{"the hold is no less than the TTL", test_hold_is_no_less_than_ttl},
		{"full", test_full},
		{"a DS becomes its key", test_ds_becomes_its_key},
		{"a DS and its key are one", test_ds_and_key_are_one},
		{"the operator's word ends a wait", test_configured_ends_wait},
		{"the operator's file does not raise the dead",
			test_configured_does_not_raise_dead},
		{"anchors of other zones", test_other_zones_are_left_out},
		{"the root's keys as shipped", test_root_data},
		{"refresh and retry", test_intervals},
		{"who may revoke", test_who_revokes},
		CU_TEST_INFO_NULL,
	};

	return test_run("validator/trustpoint", tests);
}
