#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/Basic.h>

#include "tests/unit/run.h"
#include "validator/keys.h"

static char path[] = "/tmp/swerve-anchors-XXXXXX";

static int load(const char *text, struct val_anchors *out, char *err, size_t size)
{
	FILE *f = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
	err[0] = '\0';
	return val_anchors_load(path, out, err, size);
}

static void test_both_forms(void)
{
	static const char text[] =
		"; a comment\n"
		"\n"
		". 172800 IN DS 20326 8 2 e06d44b80b8f1d39a95c0b0d7c65d084 "
		"58e880409bbc683457104237c7f8ec8d ; root\n"
		"COM.\tIN\t3600 DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n";
	struct val_anchors a;
	char err[256];

	CU_ASSERT_EQUAL_FATAL(load(text, &a, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL_FATAL(a.count, 2);
	CU_ASSERT_EQUAL(a.item[0].type, DNS_TYPE_DS);
	CU_ASSERT_EQUAL(a.item[0].zone.len, 1);
	CU_ASSERT_EQUAL(a.item[0].key.key_tag, 20326);
	CU_ASSERT_EQUAL(a.item[0].key.algorithm, 8);
	CU_ASSERT_EQUAL(a.item[0].key.rdata_len, 36);
	CU_ASSERT_EQUAL(a.item[0].key.rdata[4], 0xe0);
	CU_ASSERT_EQUAL(a.item[1].type, DNS_TYPE_DNSKEY);
	CU_ASSERT_EQUAL(memcmp(a.item[1].zone.octets, "\3com", 5), 0);
	CU_ASSERT_EQUAL(a.item[1].key.rdata_len, 36);
	CU_ASSERT_EQUAL(a.item[1].key.key_tag, 3613); // RFC 8080 s6.1
}

static void test_debian_root_keys(void)
{
	static const char debian[] = "/usr/share/dns/root.key";
	struct val_anchors a;
	char err[256];

	if (access(debian, R_OK) != 0) {
		printf("(%s is not there) ", debian);
		return;
	}
	CU_ASSERT_EQUAL_FATAL(val_anchors_load(debian, &a, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL_FATAL(a.count, 2);
	CU_ASSERT_EQUAL(a.item[0].key.key_tag, 20326);
	CU_ASSERT_EQUAL(a.item[1].key.key_tag, 38696);
}

static void test_broken_files(void)
{
#define KEY32 "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="
	static const struct {
		const char *name, *text, *expect; // after "FILE:"
	} rows[] = {
		{"empty", "", " no trust anchor in the file"},
		{"only a comment", "; nothing\n", " no trust anchor in the file"},
		{"owner", "..x. IN DS 1 8 2 00\n", "1: owner is not a name"},
		{"type", ". IN A 127.0.0.1\n", "1: expected a DS or DNSKEY record"},
		{"second line", ". IN DNSKEY 257 3 15 " KEY32 "\n. IN TXT x\n",
			"2: expected a DS or DNSKEY record"},
		{"short", ". IN DS 1 8\n", "1: RDATA ends early"},
		{"DS numbers", ". IN DS 65536 8 2 00\n",
			"1: expected key tag, algorithm and digest type"},
		{"DNSKEY numbers", ". IN DNSKEY 257 x 8 AAAA\n",
			"1: expected flags, protocol and algorithm"},
		{"hex", ". IN DS 1 8 2 0g\n", "1: digest is not hexadecimal"},
		{"odd hex", ". IN DS 1 8 2 012\n", "1: digest is not hexadecimal"},
		{"digest length", ". IN DS 1 8 2 0123\n",
			"1: digest has the wrong length for its type"},
		{"base64", ". IN DNSKEY 257 3 8 A*==\n", "1: key is not base64, or too long"},
		{"padding inside", ". IN DNSKEY 257 3 8 AA==AAAA\n",
			"1: key is not base64, or too long"},
		{"padding of three", ". IN DNSKEY 257 3 8 AAAAA===\n",
			"1: key is not base64, or too long"},
		{"digits short", ". IN DNSKEY 257 3 8 AAAAA\n",
			"1: key is not base64, or too long"},
		{"owner of the line above", ". IN DNSKEY 257 3 15 " KEY32 "\n  IN DS 1 8 2 00\n",
			"2: owner is missing"},
		{"not a zone key", ". IN DNSKEY 1 3 15 " KEY32 "\n",
			"1: not a zone key: flags lack 256, or the protocol is not 3"},
		{"protocol", ". IN DNSKEY 257 2 15 " KEY32 "\n",
			"1: not a zone key: flags lack 256, or the protocol is not 3"},
		{"revoked", ". IN DNSKEY 385 3 15 " KEY32 "\n", "1: the key is revoked"},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct val_anchors a = {.count = 77};
		char err[256], expect[512];

		snprintf(expect, sizeof(expect), "%s:%s", path, rows[i].expect);
		if (load(rows[i].text, &a, err, sizeof(err)) != -22 || strcmp(err, expect) != 0 ||
			a.count != 77) {
			printf("\n  %s: %s", rows[i].name, err);
			CU_FAIL("a broken file");
		}
	}
	CU_PASS("all rows");
}

static void test_too_many(void)
{
	static char text[64 * (VAL_ANCHORS_MAX + 2)];
	struct val_anchors a;
	char err[256];

	for (unsigned i = 0; i < VAL_ANCHORS_MAX; i++)
		strcat(text, ". DNSKEY 257 3 15 " KEY32 "\n");
	CU_ASSERT_EQUAL(load(text, &a, err, sizeof(err)), 0);
	strcat(text, ". DNSKEY 257 3 15 " KEY32 "\n");
	CU_ASSERT_EQUAL(load(text, &a, err, sizeof(err)), -22);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, ":17: too many trust anchors"));
}

/* Blanks may stand anywhere in a key, in a bounded number: none of it is left out in silence. */
static void test_many_blanks(void)
{
	enum { FIELDS = 64, HEAD = 5 }; // ". DNSKEY 257 3 15"
	char text[1024], err[256];
	struct val_anchors a;

	for (int extra = 0; extra < 2; extra++) {
		strcpy(text, ". DNSKEY 257 3 8");
		for (int i = HEAD; i < FIELDS + extra; i++)
			strcat(text, " AAAA");
		strcat(text, "\n");
		CU_ASSERT_EQUAL(load(text, &a, err, sizeof(err)), extra ? -22 : 0);
		if (extra)
			CU_ASSERT_PTR_NOT_NULL(strstr(err, ":1: too many fields"));
		if (!extra)
			CU_ASSERT_EQUAL(a.item[0].key.rdata_len, 4 + 3 * (FIELDS - HEAD));
	}
}

static void test_long_lines(void)
{
	enum { LINE = 4095 }; // with its newline
	static const char record[] = ". DNSKEY 257 3 15 " KEY32 " ;";
	static char text[LINE + 3];
	struct val_anchors a;
	char err[256];

	for (int extra = 0; extra < 2; extra++) {
		memset(text, ' ', sizeof(text));
		memcpy(text, record, sizeof(record) - 1);
		strcpy(text + LINE - 1 + extra, "\n");
		CU_ASSERT_EQUAL(load(text, &a, err, sizeof(err)), extra ? -22 : 0);
		if (extra)
			CU_ASSERT_PTR_NOT_NULL(strstr(err, ":1: line too long"));
	}
}

static void test_missing_file(void)
{
	struct val_anchors a;
	char err[256];

	CU_ASSERT_EQUAL(val_anchors_load("/nowhere/root.key", &a, err, sizeof(err)), -2);
	CU_ASSERT_STRING_EQUAL(err, "/nowhere/root.key: No such file or directory");
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"DS and DNSKEY, TTL and class anywhere", test_both_forms},
		{"Debian's root keys", test_debian_root_keys},
		{"broken files name the line", test_broken_files},
		{"n and n + 1 anchors", test_too_many},
		{"n and n + 1 blanks", test_many_blanks},
		{"n and n + 1 octets in a line", test_long_lines},
		{"a missing file", test_missing_file},
		CU_TEST_INFO_NULL,
	};
	int fd = mkstemp(path);
	int failed;

	if (fd < 0)
		return 99;
	close(fd);
	failed = test_run("validator/anchors", tests);
	unlink(path);
	return failed;
}
