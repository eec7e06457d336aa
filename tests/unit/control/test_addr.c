#include <errno.h>
#include <string.h>

#include "control/addr.h"
#include "tests/unit/run.h"

static void test_addresses(void)
{
	static const struct {
		const char *text;
		uint8_t family; // 0: refused
	} rows[] = {
		{"192.0.2.1", 4},
		{"2001:db8::1", 6},
		{"::", 6},
		{"", 0},
		{"192.0.2", 0},
		{"192.0.2.256", 0},
		{"192.0.2.1 ", 0},
		{"fe80::1%eth0", 0},
		{"sin", 0},
	};
	char buf[CTL_ADDR_TEXT_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct route_addr a = {0};
		int rc = ctl_addr_from_text(rows[i].text, &a);
		CU_ASSERT_EQUAL(rc, rows[i].family ? 0 : -EINVAL);
		CU_ASSERT_EQUAL(a.family, rows[i].family);
		if (!rc)
			CU_ASSERT_STRING_EQUAL(ctl_addr_text(&a, buf), rows[i].text);
	}
	CU_ASSERT_STRING_EQUAL(ctl_addr_text(&(struct route_addr){0}, buf), "-");
}

static void test_prefixes(void)
{
	static const struct {
		const char *text;
		int rc, len;
	} rows[] = {
		{"192.0.2.0/24", 0, 24},
		{"192.0.2.1", 0, 32},
		{"0.0.0.0/0", 0, 0},
		{"128.0.0.0/1", 0, 1},
		{"2001:db8::/32", 0, 32},
		{"2001:db8::/128", 0, 128},
		{"2001:db8::1/127", -EDOM, 0},
		{"192.0.2.1/24", -EDOM, 0},
		{"192.0.2.0/33", -EINVAL, 0},
		{"2001:db8::/129", -EINVAL, 0},
		{"192.0.2.0/", -EINVAL, 0},
		{"192.0.2.0/-1", -EINVAL, 0},
		{"192.0.2.0/24x", -EINVAL, 0},
		{"192.0.2.0/0024", -EINVAL, 0},
		{"/24", -EINVAL, 0},
		{"1111111111111111111111111111111111111111111111111111111111111/8", -EINVAL, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct route_prefix p = {.len = 0};
		int rc = ctl_prefix_from_text(rows[i].text, &p);
		if (rc != rows[i].rc || p.len != rows[i].len)
			printf("\n  %s: rc %d len %u", rows[i].text, rc, p.len);
		CU_ASSERT_EQUAL(rc, rows[i].rc);
		CU_ASSERT_EQUAL(p.len, rows[i].len);
	}
}

static bool is_host(const char *text)
{
	struct route_addr a = {0};

	CU_ASSERT_EQUAL(ctl_addr_from_text(text, &a), 0);
	return ctl_addr_is_host(&a);
}

static void test_hosts(void)
{
	CU_ASSERT_TRUE(is_host("192.0.2.1"));
	CU_ASSERT_TRUE(is_host("223.255.255.255"));
	CU_ASSERT_TRUE(is_host("2001:db8::1"));
	CU_ASSERT_FALSE(is_host("224.0.0.0"));
	CU_ASSERT_FALSE(is_host("0.0.0.0"));
	CU_ASSERT_FALSE(is_host("255.255.255.255"));
	CU_ASSERT_FALSE(is_host("::"));
	CU_ASSERT_FALSE(is_host("ff02::1"));
}

static void test_equal(void)
{
	struct route_addr v4 = {.family = 4, .octets = {192, 0, 2, 1}};
	struct route_addr v6 = {.family = 6, .octets = {192, 0, 2, 1}};
	struct route_addr other = v4;

	other.octets[3] = 2;
	CU_ASSERT_TRUE(route_addr_equal(&v4, &v4));
	CU_ASSERT_FALSE(route_addr_equal(&v4, &v6));
	CU_ASSERT_FALSE(route_addr_equal(&v4, &other));
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"addresses", test_addresses},
		{"prefixes", test_prefixes},
		{"host addresses", test_hosts},
		{"equality", test_equal},
		CU_TEST_INFO_NULL,
	};
	return test_run("control/addr", tests);
}
