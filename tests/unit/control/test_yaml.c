#include <errno.h>
#include <string.h>

#include "control/yaml.h"
#include "tests/unit/control/table.h"
#include "tests/unit/run.h"

struct thing {
	uint16_t small;
	uint32_t mid;
	uint64_t big;
	bool flag;
	char text[8], label[8];
	int choice;
	int items;
};

static const char *const colours[] = {"red", "green", NULL};

static int read_items(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	struct thing *t = base;
	int n = ctl_yaml_count(at, 3, "things");

	(void)f;
	if (n < 0)
		return n;
	for (size_t i = 0; i < (size_t)n; i++) {
		struct ctl_yaml_at item = ctl_yaml_item(at, i);
		if (!ctl_yaml_scalar(&item, "a thing"))
			return -EINVAL;
	}
	t->items = n;
	return 0;
}

static const struct ctl_yaml_field fields[] = {
	{.key = "small",
		.read = ctl_yaml_uint,
		.off = offsetof(struct thing, small),
		.size = 2,
		.min = 1,
		.max = 10},
	{.key = "mid",
		.read = ctl_yaml_uint,
		.off = offsetof(struct thing, mid),
		.size = 4,
		.max = 5000000},
	{.key = "big",
		.read = ctl_yaml_uint,
		.off = offsetof(struct thing, big),
		.size = 8,
		.max = UINT64_MAX},
	{.key = "flag", .read = ctl_yaml_bool, .off = offsetof(struct thing, flag)},
	{.key = "text", .read = ctl_yaml_text, .off = offsetof(struct thing, text), .size = 8},
	{.key = "label", .read = ctl_yaml_label, .off = offsetof(struct thing, label), .size = 8},
	{.key = "choice",
		.read = ctl_yaml_choice,
		.off = offsetof(struct thing, choice),
		.choices = colours},
	{.key = "items", .read = read_items},
	{.key = "must",
		.read = ctl_yaml_bool,
		.off = offsetof(struct thing, flag),
		.required = true},
};

static int parse(const char *text, struct thing *t, char *err)
{
	struct ctl_yaml y;
	struct ctl_yaml_at root;
	size_t len;
	char *copy = exact_copy(text, &len);

	memset(t, 0, sizeof(*t));
	int rc = ctl_yaml_parse(&y, "t.yaml", copy, len, &root);
	if (!rc) {
		rc = ctl_yaml_map(&root, fields, sizeof(fields) / sizeof(fields[0]), t);
		ctl_yaml_fini(&y);
	}
	strcpy(err, y.err);
	free(copy);
	return rc;
}

static void test_values(void)
{
	struct thing t;
	char err[CTL_YAML_ERR_MAX];
	int rc = parse("small: 10\nmid: 5000000\nbig: 9999999999\nflag: true\ntext: 1234567\n"
		       "label: a.b-c_d\nchoice: green\nitems: [a, b, c]\nmust: true\n",
		&t, err);

	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_STRING_EQUAL(err, "");
	CU_ASSERT_EQUAL(t.small, 10);
	CU_ASSERT_EQUAL(t.mid, 5000000);
	CU_ASSERT_EQUAL(t.big, 9999999999u);
	CU_ASSERT_TRUE(t.flag);
	CU_ASSERT_STRING_EQUAL(t.text, "1234567");
	CU_ASSERT_STRING_EQUAL(t.label, "a.b-c_d");
	CU_ASSERT_EQUAL(t.choice, 1);
	CU_ASSERT_EQUAL(t.items, 3);
}

static const struct broken_row rows[] = {
	{"empty", "", "t.yaml:1: the file is empty, expected a mapping"},
	{"a list", "- a\n", "t.yaml:1: expected a mapping, got a list"},
	{"a scalar", "hello\n", "t.yaml:1: expected a mapping, got a plain value"},
	{"second document", "must: true\n---\nmust: true\n",
		"t.yaml:3: a second document begins, expected one"},
	{"tab", "must: true\n\titems: []\n",
		"t.yaml:2: near \"items\": not well-formed YAML: found a tab character that "
		"violates indentation "
		"while scanning a "
		"plain scalar"},
	{"unclosed", "must: true\nitems: [a\n",
		"t.yaml:3: near \"items\": not well-formed YAML: did not find expected ',' or ']' "
		"while parsing a "
		"flow sequence"},
	{"not UTF-8, far on", "must: true\nsmall: 1\n# \xff\n",
		"t.yaml:3: near \"small\": not well-formed YAML: invalid leading UTF-8 octet"},
	{"no key near", "- [\n",
		"t.yaml:2: not well-formed YAML: did not find expected node content while parsing "
		"a flow node"},
	{"not UTF-8", "must: \xff\n",
		"t.yaml:1: near \"must\": not well-formed YAML: invalid leading UTF-8 octet"},
	{"missing", "small: 1\n", "t.yaml:1: key \"must\" is missing"},
	{"unknown", "must: true\nmist: true\n", "t.yaml:2: mist: unknown key"},
	{"duplicate", "must: true\nsmall: 1\nsmall: 2\n",
		"t.yaml:3: small: duplicate key, first on line 2"},
	{"key is a list", "[a]: true\n", "t.yaml:1: expected a key, got a list"},
	{"under", "small: 0\n", "t.yaml:1: small: expected 1..10, got 0"},
	{"over", "small: 11\n", "t.yaml:1: small: expected 1..10, got 11"},
	{"negative", "small: -1\n", "t.yaml:1: small: expected a whole number, got \"-1\""},
	{"fraction", "small: 1.5\n", "t.yaml:1: small: expected a whole number, got \"1.5\""},
	{"quoted", "small: \"1\"\n",
		"t.yaml:1: small: expected a whole number, got quoted text \"1\""},
	{"20 digits", "big: 10000000000000000000\n",
		"t.yaml:1: big: expected a whole number, got \"10000000000000000000\""},
	{"number is a map", "small: {a: 1}\n",
		"t.yaml:1: small: expected a whole number, got a mapping"},
	{"no number", "small:\n", "t.yaml:1: small: expected a whole number, got \"\""},
	{"yes", "flag: yes\n", "t.yaml:1: flag: expected true or false, got \"yes\""},
	{"text too long", "text: 12345678\n",
		"t.yaml:1: text: expected at most 7 octets of text, got 8"},
	{"text empty", "text:\n", "t.yaml:1: text: expected text, got nothing"},
	{"text NUL", "text: \"a\\0b\"\n",
		"t.yaml:1: text: expected text, got text with a NUL octet"},
	{"label", "label: a b\n",
		"t.yaml:1: label: expected a name of letters, digits and \"._-\", got \"a b\""},
	{"choice", "choice: blue\n", "t.yaml:1: choice: expected one of red, green, got \"blue\""},
	{"control octets", "choice: \"a\\nb\\e\"\n",
		"t.yaml:1: choice: expected one of red, green, got \"a?b?\""},
	{"too many", "items:\n  - 1\n  - 2\n  - 3\n  - 4\n",
		"t.yaml:1: items: expected at most 3 things, got 4"},
	{"not a list", "items: one\n",
		"t.yaml:1: items: expected a list of things, got a plain value"},
	{"no list", "items:\n", "t.yaml:1: items: expected a list of things, got nothing"},
	{"item", "items:\n  - 1\n  - [2]\n", "t.yaml:3: items[1]: expected a thing, got a list"},
	{"cycle", "items: &a [ *a ]\n", "t.yaml:1: items[0]: expected a thing, got a list"},
};

static void test_broken(void)
{
	struct thing t;
	char err[CTL_YAML_ERR_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc = parse(rows[i].text, &t, err);
		check_row(&rows[i], rc, -EINVAL, err);
	}
	check_distinct(rows, sizeof(rows) / sizeof(rows[0]));
}

static void test_size_limit(void)
{
	struct ctl_yaml y;
	struct ctl_yaml_at root;
	char *text = malloc(CTL_YAML_SIZE_MAX + 1);

	memset(text, '#', CTL_YAML_SIZE_MAX + 1);
	memcpy(text, "a: 1\n", 5);
	CU_ASSERT_EQUAL(ctl_yaml_parse(&y, "t", text, CTL_YAML_SIZE_MAX, &root), 0);
	ctl_yaml_fini(&y);
	CU_ASSERT_EQUAL(ctl_yaml_parse(&y, "t", text, CTL_YAML_SIZE_MAX + 1, &root), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(y.err, "1048577 octets, expected at most 1048576"));
	free(text);
}

/** A key path longer than the buffer must not write past it. */
static void test_deep_path(void)
{
	struct ctl_yaml y;
	struct ctl_yaml_at at[200];

	CU_ASSERT_EQUAL(ctl_yaml_parse(&y, "t", "a: 1\n", 5, &at[0]), 0);
	for (size_t i = 1; i < 200; i++) {
		at[i] = at[0];
		at[i].up = &at[i - 1];
		at[i].key = "key";
	}
	CU_ASSERT_EQUAL(ctl_yaml_fail(&at[199], "bad"), -EINVAL);
	CU_ASSERT(strlen(y.err) < sizeof(y.err));
	ctl_yaml_fini(&y);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"values", test_values},
		{"broken files", test_broken},
		{"size limit", test_size_limit},
		{"deep path", test_deep_path},
		CU_TEST_INFO_NULL,
	};
	return test_run("control/yaml", tests);
}
