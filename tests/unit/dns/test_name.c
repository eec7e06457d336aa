#include <errno.h>

#include "dns/name.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

/** Wire form of 255 octets: 63+63+63+61 octets of 'a' labels, or one octet more. */
static size_t long_wire(uint8_t *out, unsigned last_label)
{
	const unsigned labels[] = {63, 63, 63, last_label};
	size_t len = 0;

	for (int i = 0; i < 4; i++) {
		out[len++] = (uint8_t)labels[i];
		memset(out + len, 'a', labels[i]);
		len += labels[i];
	}
	out[len++] = 0;
	return len;
}

static void test_len(void)
{
	static const struct {
		const char *name;
		const char *wire;
		size_t len;
		int want_len, want_skip;
	} rows[] = {
		{"root", "\0", 1, 1, 1},
		{"two labels", "\3www\3com\0", 9, 9, 9},
		{"octets behind", "\3com\0xx", 7, 5, 5},
		{"no data", "", 0, -EMSGSIZE, -EMSGSIZE},
		{"ends in label", "\3co", 3, -EMSGSIZE, -EMSGSIZE},
		{"ends before root", "\3com", 4, -EMSGSIZE, -EMSGSIZE},
		{"pointer", "\3www\xc0\x0c", 6, -EBADMSG, 6},
		{"half a pointer", "\3www\xc0", 5, -EBADMSG, -EMSGSIZE},
		{"label type 01", "\x41\0", 2, -EBADMSG, -EBADMSG},
		{"label type 10", "\x80\0", 2, -EBADMSG, -EBADMSG},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *wire = unit_copy(rows[i].wire, rows[i].len);
		UNIT_CHECK(
			rows[i].name, dns_name_len(wire, wire + rows[i].len) == rows[i].want_len);
		UNIT_CHECK(
			rows[i].name, dns_name_skip(wire, wire + rows[i].len) == rows[i].want_skip);
		struct dns_name out = {.len = 77};
		UNIT_CHECK(rows[i].name,
			dns_name_from_wire(wire, wire + rows[i].len, &out) == rows[i].want_len);
		UNIT_CHECK(rows[i].name, out.len == (rows[i].want_len < 0 ? 77 : rows[i].want_len));
		free(wire);
	}
}

static void test_len_limits(void)
{
	uint8_t wire[300];
	size_t len = long_wire(wire, 61);
	struct dns_name name;

	CU_ASSERT_EQUAL(len, DNS_NAME_MAX);
	CU_ASSERT_EQUAL(dns_name_len(wire, wire + len), DNS_NAME_MAX);
	CU_ASSERT_EQUAL(dns_name_skip(wire, wire + len), DNS_NAME_MAX);
	CU_ASSERT_EQUAL(dns_name_from_wire(wire, wire + len, &name), DNS_NAME_MAX);
	CU_ASSERT_EQUAL(name.labels, 4);

	len = long_wire(wire, 62);
	CU_ASSERT_EQUAL(dns_name_len(wire, wire + len), -EBADMSG);
	CU_ASSERT_EQUAL(dns_name_skip(wire, wire + len), -EBADMSG);
	CU_ASSERT_EQUAL(dns_name_from_wire(wire, wire + len, &name), -EBADMSG);
	CU_ASSERT_EQUAL(dns_name_expand(wire, len, 0, len, &name), -EBADMSG);

	for (int i = 0; i < DNS_LABELS_MAX; i++)
		memcpy(wire + 2 * i, "\1a", 2);
	wire[2 * DNS_LABELS_MAX] = 0;
	CU_ASSERT_EQUAL(dns_name_from_wire(wire, wire + DNS_NAME_MAX, &name), DNS_NAME_MAX);
	CU_ASSERT_EQUAL(name.labels, DNS_LABELS_MAX);
	CU_ASSERT_EQUAL(dns_name_labels(wire), DNS_LABELS_MAX);
}

// A message of names: 12 octets of header, then the row's octets.
#define HEADER "\0\0\0\0\0\0\0\0\0\0\0\0"

static void test_expand(void)
{
	static const struct {
		const char *name;
		const char *msg;
		size_t len, off, limit;
		int used;
		const char *text;
	} rows[] = {
		{"plain", HEADER "\3com\0", 17, 12, 17, 5, "com."},
		{"case is kept", HEADER "\3CoM\0", 17, 12, 17, 5, "CoM."},
		{"pointer alone", HEADER "\3com\0\xc0\x0c", 19, 17, 19, 2, "com."},
		{"label and pointer", HEADER "\3com\0\1a\xc0\x0c", 21, 17, 21, 4, "a.com."},
		{"pointer to pointer", HEADER "\3com\0\xc0\x0c\xc0\x11", 21, 19, 21, 2, "com."},
		{"into a name", HEADER "\1a\3com\0\xc0\x0e", 21, 19, 21, 2, "com."},
		{"to a root", HEADER "\0\1a\xc0\x0c", 17, 13, 17, 4, "a."},
		{"self", HEADER "\xc0\x0c", 14, 12, 14, -EBADMSG, NULL},
		{"own first label", HEADER "\1a\xc0\x0c", 16, 12, 16, -EBADMSG, NULL},
		{"forward", HEADER "\xc0\x0e\0", 15, 12, 15, -EBADMSG, NULL},
		{"into the header", HEADER "\xc0\x0b", 14, 12, 14, -EBADMSG, NULL},
		{"loop of two", HEADER "\1a\xc0\x10\xc0\x0c", 18, 16, 18, -EBADMSG, NULL},
		{"half a pointer", HEADER "\1a\xc0", 15, 12, 15, -EMSGSIZE, NULL},
		{"limit in a pointer", HEADER "\3com\0\xc0\x0c", 19, 17, 18, -EMSGSIZE, NULL},
		{"limit before root", HEADER "\3com\0", 17, 12, 16, -EMSGSIZE, NULL},
		{"limit in a label", HEADER "\3com\0", 17, 12, 14, -EMSGSIZE, NULL},
		{"limit past the message", HEADER "\3co", 15, 12, 99, -EMSGSIZE, NULL},
		{"offset at the end", HEADER, 12, 12, 12, -EMSGSIZE, NULL},
		{"target runs off the end", HEADER "\5a\xc0\x0c", 16, 14, 16, -EMSGSIZE, NULL},
		{"label type 01", HEADER "\x41\0", 14, 12, 14, -EBADMSG, NULL},
		{"label type 10", HEADER "\x80\0", 14, 12, 14, -EBADMSG, NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *msg = unit_copy(rows[i].msg, rows[i].len);
		struct dns_name out = {.len = 77};
		char text[DNS_NAME_TEXT_MAX];
		int used = dns_name_expand(msg, rows[i].len, rows[i].off, rows[i].limit, &out);
		UNIT_CHECK(rows[i].name, used == rows[i].used);
		UNIT_CHECK(rows[i].name,
			dns_name_check(msg, rows[i].len, rows[i].off, rows[i].limit) == used);
		if (rows[i].text && used > 0) {
			dns_name_to_text(out.octets, text, sizeof(text));
			UNIT_CHECK(rows[i].name, strcmp(text, rows[i].text) == 0);
			UNIT_CHECK(rows[i].name, out.labels == dns_name_labels(out.octets));
		} else {
			UNIT_CHECK(rows[i].name, out.len == 77);
		}
		free(msg);
	}
}

/** n pointers in a row, each to the one before, the first to a root octet. */
static int expand_chain(unsigned n)
{
	uint8_t msg[DNS_HEADER_LEN + 1 + 2 * 200] = {0};
	size_t len = DNS_HEADER_LEN + 1;
	size_t target = DNS_HEADER_LEN;
	struct dns_name out;

	for (unsigned i = 0; i < n; i++) {
		dns_put16(msg + len, (uint16_t)(0xc000 | target));
		target = len;
		len += 2;
	}
	return dns_name_expand(msg, len, target, len, &out);
}

static void test_expand_limits(void)
{
	CU_ASSERT_EQUAL(expand_chain(DNS_NAME_POINTERS_MAX), 2);
	CU_ASSERT_EQUAL(expand_chain(DNS_NAME_POINTERS_MAX + 1), -EBADMSG);

	// "\1b" and a pointer to a name of 253 octets make 255; with "\2bb" it is one too many
	uint8_t msg[DNS_HEADER_LEN + 300] = {0};
	struct dns_name out;
	size_t len = DNS_HEADER_LEN + long_wire(msg + DNS_HEADER_LEN, 59);
	memcpy(msg + len, "\1b\xc0\x0c", 4);
	CU_ASSERT_EQUAL(dns_name_expand(msg, len + 4, len, len + 4, &out), 4);
	CU_ASSERT_EQUAL(out.len, DNS_NAME_MAX);
	memcpy(msg + len, "\2bb\xc0\x0c", 5);
	CU_ASSERT_EQUAL(dns_name_expand(msg, len + 5, len, len + 5, &out), -EBADMSG);
}

static void test_text(void)
{
	static const struct {
		const char *text, *wire;
		int len, labels; // len < 0: an error
		const char *back;
	} rows[] = {
		{".", "\0", 1, 0, "."},
		{"com", "\3com\0", 5, 1, "com."},
		{"com.", "\3com\0", 5, 1, "com."},
		{"Example.COM.", "\7Example\3COM\0", 13, 2, "Example.COM."},
		{"a\\.b.c", "\3a.b\1c\0", 7, 2, "a\\.b.c."},
		{"\\000\\255", "\2\0\xff\0", 4, 1, "\\000\\255."},
		{"\\\"\\(\\)\\;\\\\\\@\\$", "\7\"();\\@$\0", 9, 1, "\\\"\\(\\)\\;\\\\\\@\\$."},
		{"a b", "\3a b\0", 5, 1, "a\\032b."},
		{"*.com", "\1*\3com\0", 7, 2, "*.com."},
		{"", NULL, -EINVAL, 0, NULL},
		{"..", NULL, -EINVAL, 0, NULL},
		{".com", NULL, -EINVAL, 0, NULL},
		{"a..b", NULL, -EINVAL, 0, NULL},
		{"a..", NULL, -EINVAL, 0, NULL},
		{"\\", NULL, -EINVAL, 0, NULL},
		{"\\25", NULL, -EINVAL, 0, NULL},
		{"\\256", NULL, -EINVAL, 0, NULL},
		{"\\1x1", NULL, -EINVAL, 0, NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dns_name name = {.len = 77};
		char buf[DNS_NAME_TEXT_MAX];
		char *text = (char *)unit_copy(rows[i].text, strlen(rows[i].text) + 1);
		int rc = dns_name_from_text(text, &name);
		free(text);
		UNIT_CHECK(rows[i].text, rc == (rows[i].len < 0 ? rows[i].len : 0));
		UNIT_CHECK(rows[i].text, name.len == (rows[i].len < 0 ? 77 : rows[i].len));
		if (rc != 0 || rows[i].len < 0)
			continue;
		UNIT_CHECK(rows[i].text, memcmp(name.octets, rows[i].wire, name.len) == 0);
		UNIT_CHECK(rows[i].text, name.labels == rows[i].labels);
		dns_name_to_text(name.octets, buf, sizeof(buf));
		UNIT_CHECK(rows[i].text, strcmp(buf, rows[i].back) == 0);
	}
}

static void test_text_limits(void)
{
	char text[300];
	uint8_t wire[300];
	struct dns_name name;

	memset(text, 'a', sizeof(text));
	text[63] = '\0';
	CU_ASSERT_EQUAL(dns_name_from_text(text, &name), 0);
	text[63] = 'a';
	text[64] = '\0';
	CU_ASSERT_EQUAL(dns_name_from_text(text, &name), -EINVAL);

	memset(text, 'a', sizeof(text));
	text[63] = text[127] = text[191] = '.';
	text[253] = '\0'; // the last label is 61 long
	CU_ASSERT_EQUAL(dns_name_from_text(text, &name), 0);
	CU_ASSERT_EQUAL(name.len, DNS_NAME_MAX);
	text[253] = 'a';
	text[254] = '\0';
	CU_ASSERT_EQUAL(dns_name_from_text(text, &name), -EINVAL);

	// the longest text, and every shorter buffer
	long_wire(wire, 61);
	for (int i = 1; i < DNS_NAME_MAX; i++) {
		if (wire[i] == 'a')
			wire[i] = 0x80;
	}
	char *buf = malloc(DNS_NAME_TEXT_MAX);
	dns_name_to_text(wire, buf, DNS_NAME_TEXT_MAX);
	size_t longest = strlen(buf);
	CU_ASSERT_EQUAL(longest, 4 * 250 + 4);
	free(buf);
	for (size_t size = 0; size <= longest; size++) {
		buf = malloc(size);
		CU_ASSERT_PTR_EQUAL(dns_name_to_text(wire, buf, size), buf);
		CU_ASSERT_TRUE(size == 0 || strlen(buf) < size);
		free(buf);
	}
}

static void name_of(const char *text, struct dns_name *out)
{
	if (dns_name_from_text(text, out) != 0)
		CU_FAIL_FATAL("bad name in the test");
}

static void test_relations(void)
{
	static const struct {
		const char *a, *b;
		bool equal, under; // under: a at or below b
		int common;
	} rows[] = {
		{".", ".", true, true, 0},
		{"com.", "COM.", true, true, 1},
		{"com.", ".", false, true, 0},
		{".", "com.", false, false, 0},
		{"a.com.", "com.", false, true, 1},
		{"A.b.CoM.", "B.com.", false, true, 2},
		{"acom.", "com.", false, false, 0},
		{"a.net.", "com.", false, false, 0},
		{"a.x.com.", "a.y.com.", false, false, 1},
		{"a.com.a.", "b.com.a.", false, false, 2},
		{"[.", "{.", false, false, 0}, // 0x5b and 0x7b: only letters fold
		{"@.", "`.", false, false, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dns_name na, nb;
		name_of(rows[i].a, &na);
		name_of(rows[i].b, &nb);
		uint8_t *a = unit_copy(na.octets, na.len), *b = unit_copy(nb.octets, nb.len);
		UNIT_CHECK(rows[i].a, dns_name_equal(a, b) == rows[i].equal);
		UNIT_CHECK(rows[i].a, dns_name_under(a, b) == rows[i].under);
		UNIT_CHECK(rows[i].a, dns_name_is(&na, &nb) == rows[i].equal);
		UNIT_CHECK(rows[i].a, dns_name_within(&na, &nb) == rows[i].under);
		UNIT_CHECK(rows[i].a, dns_name_common_labels(a, b) == rows[i].common);
		UNIT_CHECK(rows[i].a, (dns_name_compare(a, b) == 0) == rows[i].equal);
		free(a);
		free(b);
	}
}

static void test_strip_lower(void)
{
	struct dns_name name;
	name_of("A.bZ.\\200\\065@[.", &name);
	CU_ASSERT_TRUE(dns_name_equal(dns_name_strip(name.octets, 0), name.octets));
	CU_ASSERT_EQUAL(dns_name_strip(name.octets, 1) - name.octets, 2);
	CU_ASSERT_EQUAL(*dns_name_strip(name.octets, 3), 0);
	uint8_t *wire = unit_copy(name.octets, name.len);
	dns_name_lower(wire, name.len);
	CU_ASSERT_EQUAL(memcmp(wire,
				"\1a\2bz\4\xc8"
				"a@[\0",
				name.len),
		0);
	free(wire);

	for (unsigned c = 0; c < 256; c++) {
		uint8_t octet = (uint8_t)c;
		dns_name_lower(&octet, 1);
		CU_ASSERT_EQUAL(octet, c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
}

/** RFC 4034 s6.1's own example, in order. */
static void test_order_example(void)
{
	static const char *const sorted[] = {"example.", "a.example.", "yljkjljk.a.example.",
		"Z.a.example.", "zABC.a.EXAMPLE.", "z.example.", "\\001.z.example.", "*.z.example.",
		"\\200.z.example."};
	enum { COUNT = sizeof(sorted) / sizeof(sorted[0]) };
	struct dns_name name[COUNT];

	for (int i = 0; i < COUNT; i++)
		name_of(sorted[i], &name[i]);
	for (int i = 0; i < COUNT; i++) {
		for (int j = 0; j < COUNT; j++) {
			int order = dns_name_compare(name[i].octets, name[j].octets);
			UNIT_CHECK(sorted[i], (order > 0) - (order < 0) == (i > j) - (i < j));
		}
	}
}

/** Reversed labels as lower-cased strings, each octet followed by nothing special: compared one by
 * one. */
static int naive_compare(const uint8_t *a, const uint8_t *b)
{
	int la = dns_name_labels(a), lb = dns_name_labels(b);

	for (int i = 1; i <= la && i <= lb; i++) {
		uint8_t x[64], y[64];
		memcpy(x, dns_name_strip(a, la - i), 1u + *dns_name_strip(a, la - i));
		memcpy(y, dns_name_strip(b, lb - i), 1u + *dns_name_strip(b, lb - i));
		for (int k = 1; k <= 63; k++) {
			// 0 stands for "ended", a real octet counts from 1
			int cx = k > x[0] ? 0 : 1 + (x[k] >= 'A' && x[k] <= 'Z' ? x[k] + 32 : x[k]);
			int cy = k > y[0] ? 0 : 1 + (y[k] >= 'A' && y[k] <= 'Z' ? y[k] + 32 : y[k]);
			if (cx != cy)
				return cx - cy;
		}
	}
	return la - lb;
}

/** Few labels out of few octets, so that names are often alike. */
static size_t random_name(uint64_t *seed, uint8_t *out)
{
	static const uint8_t alphabet[] = {'a', 'A', 'b', 'B', 0x00, 0xff, '*', 'z'};
	size_t len = 0;

	for (unsigned labels = unit_random_below(seed, 5); labels > 0; labels--) {
		unsigned octets = 1 + unit_random_below(seed, 3);
		out[len++] = (uint8_t)octets;
		while (octets-- > 0)
			out[len++] = alphabet[unit_random_below(seed, sizeof(alphabet))];
	}
	out[len++] = 0;
	return len;
}

static int sign(int x)
{
	return (x > 0) - (x < 0);
}

static void test_order_random(void)
{
	uint64_t seed = 4034;
	int equal = 0, wrong = 0;

	for (int i = 0; i < 200000; i++) {
		uint8_t a[DNS_NAME_MAX], b[DNS_NAME_MAX];
		size_t len_a = random_name(&seed, a);
		size_t len_b = random_name(&seed, b);
		uint8_t *heap_a = unit_copy(a, len_a), *heap_b = unit_copy(b, len_b);
		int want = naive_compare(a, b);
		int common = dns_name_common_labels(heap_a, heap_b);
		int la = dns_name_labels(a), lb = dns_name_labels(b);
		wrong += sign(dns_name_compare(heap_a, heap_b)) != sign(want);
		wrong += sign(dns_name_compare(heap_b, heap_a)) != -sign(want);
		wrong += dns_name_equal(heap_a, heap_b) != (want == 0);
		wrong += dns_name_under(heap_a, heap_b) != (common == lb);
		struct dns_name na, nb;
		dns_name_from_wire(heap_a, heap_a + len_a, &na);
		dns_name_from_wire(heap_b, heap_b + len_b, &nb);
		wrong += dns_name_is(&na, &nb) != (want == 0);
		wrong += dns_name_within(&na, &nb) != (common == lb);
		wrong += naive_compare(dns_name_strip(a, la - common),
				 dns_name_strip(b, lb - common)) != 0;
		equal += want == 0;
		free(heap_a);
		free(heap_b);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(equal > 1000);
}

/** Random octets as names: whatever expands can be measured, shown and read back. */
static uint8_t naive_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/** Labels of every length, alike but for letter case, or for one octet too. */
static void test_label_equal_random(void)
{
	uint64_t seed = 4343;
	int equal = 0, wrong = 0, rounds = 100000;

	for (int i = 0; i < rounds; i++) {
		uint8_t a[1 + DNS_LABEL_MAX], b[1 + DNS_LABEL_MAX];
		bool want = true;

		a[0] = b[0] = (uint8_t)unit_random_below(&seed, 1 + DNS_LABEL_MAX);
		for (unsigned k = 1; k <= a[0]; k++) {
			a[k] = (uint8_t)unit_random(&seed);
			b[k] = naive_lower(a[k]) != a[k] && unit_random_below(&seed, 2)
				       ? naive_lower(a[k])
				       : a[k];
		}
		if (a[0] > 0 && unit_random_below(&seed, 2))
			b[1 + unit_random_below(&seed, a[0])] ^=
				(uint8_t)(1u << unit_random_below(&seed, 8));
		for (unsigned k = 1; k <= a[0]; k++)
			want = want && naive_lower(a[k]) == naive_lower(b[k]);
		uint8_t *heap_a = unit_copy(a, 1u + a[0]), *heap_b = unit_copy(b, 1u + b[0]);
		wrong += dns_label_equal(heap_a, heap_b) != want;
		wrong += dns_label_equal(heap_b, heap_a) != want;
		equal += want;
		free(heap_a);
		free(heap_b);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(equal > rounds / 4 && equal < rounds * 3 / 4);
}

static void test_expand_random(void)
{
	uint64_t seed = 1035;
	int good = 0;

	for (int i = 0; i < 200000; i++) {
		uint8_t msg[64];
		size_t len = 13 + unit_random_below(&seed, sizeof(msg) - 13);
		for (size_t k = 0; k < len; k++) {
			static const uint8_t likely[] = {0, 1, 2, 3, 0xc0, 12, 14, 17, 'a'};
			msg[k] = likely[unit_random_below(&seed, sizeof(likely))];
		}
		uint8_t *heap = unit_copy(msg, len);
		size_t off = 12 + unit_random_below(&seed, len - 12);
		struct dns_name name, back;
		char text[DNS_NAME_TEXT_MAX];
		int used = dns_name_expand(heap, len, off, len, &name);
		CU_ASSERT_EQUAL(dns_name_check(heap, len, off, len), used);
		if (used > 0) {
			good++;
			CU_ASSERT_EQUAL(dns_name_skip(heap + off, heap + len), used);
			CU_ASSERT_EQUAL(
				dns_name_len(name.octets, name.octets + name.len), name.len);
			dns_name_to_text(name.octets, text, sizeof(text));
			CU_ASSERT_EQUAL(dns_name_from_text(text, &back), 0);
			CU_ASSERT_EQUAL(back.len, name.len);
			CU_ASSERT_EQUAL(memcmp(back.octets, name.octets, name.len), 0);
		}
		free(heap);
	}
	CU_ASSERT_TRUE(good > 10000);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"measure and skip", test_len},
		{"limits of length", test_len_limits},
		{"expand", test_expand},
		{"limits of expansion", test_expand_limits},
		{"presentation form", test_text},
		{"limits of presentation form", test_text_limits},
		{"equal, under, common labels", test_relations},
		{"strip and lower", test_strip_lower},
		{"canonical order, the RFC's example", test_order_example},
		{"canonical order against a naive one", test_order_random},
		{"equal labels against a naive look", test_label_equal_random},
		{"expand random octets", test_expand_random},
		CU_TEST_INFO_NULL,
	};
	return test_run("dns/name", tests);
}
