#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "dns/rdata.h"
#include "dns/wire.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"
#include "tests/unit/validator/zonekit.h"
#include "validator/trustpoint.h"

enum { T0 = 1700000000, TEXT = 1 << 18 };

static char written[TEXT];

/* A key with every octet of its own, of any length. */
static void add(struct val_trustpoint *tp, enum val_key_state state, uint8_t algorithm,
	unsigned key_len, char fill)
{
	struct val_tracked *k = &tp->key[tp->count++];

	memset(k, 0, sizeof(*k));
	k->anchor.zone = tp->zone;
	k->anchor.type = DNS_TYPE_DNSKEY;
	dns_put16(k->anchor.key.rdata, 257);
	k->anchor.key.rdata[2] = 3;
	k->anchor.key.rdata[3] = algorithm;
	for (unsigned i = 0; i < key_len; i++)
		k->anchor.key.rdata[4 + i] = (uint8_t)(fill + (char)i);
	k->anchor.key.rdata_len = (uint16_t)(4 + key_len);
	k->anchor.key.key_tag = dns_key_tag(k->anchor.key.rdata, k->anchor.key.rdata_len);
	k->anchor.key.algorithm = algorithm;
	k->state = state;
	k->since = T0 + tp->count;
	k->seen = UINT32_MAX - tp->count;
	k->hold_s = tp->count;
}

static void two_zones(struct val_trustpoint tp[2])
{
	memset(tp, 0, 2 * sizeof(*tp));
	kit_wire(".", &tp[0].zone);
	kit_wire("a-b.c\\046d.example.", &tp[1].zone);
	add(&tp[0], VAL_KEY_VALID, 8, 260, 'a');
	add(&tp[0], VAL_KEY_ADD_PENDING, 13, 64, 'b');
	add(&tp[0], VAL_KEY_MISSING, 15, 32, 'c');
	add(&tp[0], VAL_KEY_REVOKED, 16, 57, 'd');
	add(&tp[0], VAL_KEY_REMOVED, 8, VAL_KEY_MAX - 4, 'e');
	add(&tp[1], VAL_KEY_VALID, 13, 64, 'f');
	tp[1].key[0].anchor.type = DNS_TYPE_DS;
	memset(tp[1].key[0].anchor.key.rdata, 0, VAL_KEY_MAX);
	memcpy(tp[1].key[0].anchor.key.rdata,
		"\x4f\x66\x08\x02"
		"0123456789abcdef0123456789abcdef",
		36);
	tp[1].key[0].anchor.key.rdata_len = 36;
	tp[1].key[0].anchor.key.key_tag = 20326;
	tp[1].key[0].anchor.key.algorithm = 8;
}

static void test_round_trip(void)
{
	struct val_trustpoint tp[2], back[2];
	char err[256];
	int len;

	two_zones(tp);
	len = val_trustpoints_write(tp, 2, written, sizeof(written));
	CU_ASSERT_FATAL(len > 0);
	CU_ASSERT_EQUAL((size_t)len, strlen(written));
	memset(back, 0, sizeof(back));
	CU_ASSERT_EQUAL_FATAL(val_trustpoints_read("f", written, back, 2, err, sizeof(err)), 2);
	CU_ASSERT_EQUAL(memcmp(tp, back, sizeof(tp)), 0);
}

static void test_nothing_is_a_state_too(void)
{
	struct val_trustpoint back[1];
	char err[256];

	CU_ASSERT_FATAL(val_trustpoints_write(NULL, 0, written, sizeof(written)) > 0);
	CU_ASSERT_EQUAL(val_trustpoints_read("f", written, back, 1, err, sizeof(err)), 0);
}

static void test_room(void)
{
	struct val_trustpoint tp[2], back[2];
	char err[256];
	int len;

	two_zones(tp);
	len = val_trustpoints_write(tp, 2, written, sizeof(written));
	CU_ASSERT_EQUAL(val_trustpoints_write(tp, 2, written, (size_t)len + 1), len);
	CU_ASSERT_EQUAL(val_trustpoints_write(tp, 2, written, (size_t)len), -ENOSPC);
	CU_ASSERT_EQUAL_FATAL(val_trustpoints_write(tp, 2, written, sizeof(written)), len);
	CU_ASSERT_EQUAL(val_trustpoints_read("f", written, back, 1, err, sizeof(err)), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "too many zones"));
}

/* Whatever a crash leaves of the file, none of its beginnings is believed. */
static void test_torn(void)
{
	struct val_trustpoint tp[2], back[2];
	char err[256];
	int len;
	unsigned believed = 0;

	two_zones(tp);
	len = val_trustpoints_write(tp, 2, written, sizeof(written));
	CU_ASSERT_FATAL(len > 0);
	for (int n = 0; n < len; n++) {
		char *half = (char *)unit_copy(written, (size_t)n + 1);

		half[n] = '\0';
		believed += val_trustpoints_read("f", half, back, 2, err, sizeof(err)) >= 0;
		free(half);
	}
	CU_ASSERT_EQUAL(believed, 0);
}

#define KEY32  "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="
#define RECORD ". IN DNSKEY 257 3 15 " KEY32 "\n"

static void test_broken(void)
{
	static const struct {
		const char *name, *text, *expect; // after "FILE:"
	} rows[] = {
		{"empty", "", "0: the end is missing"},
		{"an anchor file", RECORD, "1: expected \"format 1\""},
		{"a later format", "format 2\nend 0\n", "1: expected \"format 1\""},
		{"no end", "format 1\nkey valid 1 1 1 " RECORD, "2: the end is missing"},
		{"a key is missing", "format 1\nkey valid 1 1 1 " RECORD "end 2\n",
			"3: keys are missing"},
		{"a key too many", "format 1\nkey valid 1 1 1 " RECORD "end 0\n",
			"3: keys are missing"},
		{"after the end", "format 1\nend 0\nkey valid 1 1 1 " RECORD,
			"3: something follows the end"},
		{"state", "format 1\nkey start 1 1 1 " RECORD "end 1\n",
			"2: no such state of a key"},
		{"states are not cut", "format 1\nkey vali 1 1 1 " RECORD "end 1\n",
			"2: no such state of a key"},
		{"time", "format 1\nkey valid 1 x 1 " RECORD "end 1\n", "2: expected three times"},
		{"time too large", "format 1\nkey valid 4294967296 1 1 " RECORD "end 1\n",
			"2: expected three times"},
		{"two times", "format 1\nkey valid 1 1 " RECORD "end 1\n",
			"2: expected three times"},
		{"no record", "format 1\nkey valid 1 1 1 ;\nend 1\n",
			"2: expected a DS or DNSKEY record"},
		{"another record", "format 1\nkey valid 1 1 1 . IN A 192.0.2.1\nend 1\n",
			"2: expected a DS or DNSKEY record"},
		{"revoked bit", "format 1\nkey valid 1 1 1 . IN DNSKEY 385 3 15 " KEY32 "\nend 1\n",
			"2: the key is revoked"},
		{"word", "format 1\nkeys\nend 0\n", "2: expected \"key\" or \"end\""},
		{"nothing but a state", "format 1\nkey valid\nend 0\n", "2: the line ends early"},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct val_trustpoint tp[2];
		char *copy = (char *)unit_copy(rows[i].text, strlen(rows[i].text) + 1);
		char err[256], expect[256];

		snprintf(expect, sizeof(expect), "FILE:%s", rows[i].expect);
		UNIT_CHECK(rows[i].name,
			val_trustpoints_read("FILE", copy, tp, 2, err, sizeof(err)) == -EINVAL);
		UNIT_CHECK(rows[i].name, strcmp(err, expect) == 0);
		if (strcmp(err, expect) != 0)
			printf("\n  %s", err);
		free(copy);
	}
}

static void test_limits(void)
{
	struct val_trustpoint tp = {.zone = {1, 0, ""}}, back[1];
	char err[256];

	for (unsigned i = 0; i < VAL_TRACKED_MAX; i++)
		add(&tp, VAL_KEY_VALID, 15, 32, (char)('A' + i));
	CU_ASSERT_FATAL(val_trustpoints_write(&tp, 1, written, sizeof(written)) > 0);
	CU_ASSERT_EQUAL(val_trustpoints_read("f", written, back, 1, err, sizeof(err)), 1);
	strcpy(strstr(written, "end "), "key valid 1 1 1 " RECORD "end 17\n");
	CU_ASSERT_EQUAL(val_trustpoints_read("f", written, back, 1, err, sizeof(err)), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "too many keys of one zone"));
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"what is written is read", test_round_trip},
		{"no trust points", test_nothing_is_a_state_too},
		{"room at n and n + 1", test_room},
		{"torn files", test_torn},
		{"broken files", test_broken},
		{"keys at n and n + 1", test_limits},
		CU_TEST_INFO_NULL,
	};

	return test_run("validator/trustpoint_text", tests);
}
