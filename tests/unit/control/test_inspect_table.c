#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <pcap/dlt.h>

#include "control/inspect_run.h"
#include "tests/unit/control/capkit.h"
#include "tests/unit/control/tapekit.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

static void refused(void)
{
	kit_init(&tape_msg, "www.shop.com.", DNS_TYPE_A, DNS_FLAG_QR | DNS_RCODE_REFUSED);
	tape_add(&tape_msg, SHOP);
}

static void answer_expired(void)
{
	struct kit_sign s = tape_world.by_shop;

	s.expiration = NOW - 1;
	kit_init(&tape_msg, "www.shop.com.", DNS_TYPE_A, AA);
	tape_one(DNS_ANSWER, "www.shop.com.", DNS_TYPE_A, kit_a(1), &s);
	tape_add(&tape_msg, SHOP);
}

/* ---- the table ---- */

static char *table_of(int64_t at)
{
	struct ctl_inspect_stats stats = {.responses = 12, .chain = {.secure = 3}};
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	CU_ASSERT_EQUAL_FATAL(ctl_inspect_table_new(&tape_got.table), 0);
	tape_play();
	stats.responses = (uint64_t)tape_got.count;
	stats.capture.first_us = tape.item[0].time_us;
	for (int i = 0; i < tape.count; i++)
		if (tape.item[i].time_us > stats.capture.last_us)
			stats.capture.last_us = tape.item[i].time_us;
	ctl_inspect_table_print(tape_got.table, &stats, at, f);
	ctl_inspect_table_free(tape_got.table);
	tape_got.table = NULL;
	fclose(f);
	return text;
}

static void com_soa(const char *server, int64_t time_s, uint32_t inception, uint32_t expiration)
{
	struct kit_sign s = tape_world.by_com;

	s.inception = inception;
	s.expiration = expiration;
	kit_init(&tape_msg, "com.", DNS_TYPE_SOA, AA);
	tape_one(DNS_ANSWER, "com.", DNS_TYPE_SOA, kit_soa("com."), &s);
	tape_add_at(&tape_msg, server, time_s);
}

/** Two servers, one of them two hours behind and bogus by now. */
static void test_table(void)
{
	tape_base();
	for (int i = 0; i < 3; i++) {
		com_soa(COM2, NOW + i * 10, NOW - 3 * HOUR, NOW + 15);
		com_soa(COM, NOW + i * 10 + 5, NOW - HOUR, NOW + DAY);
	}
	refused();
	char *text = table_of(0), want[2048];
	snprintf(want, sizeof(want),
		"13 responses of 4 servers, 2023-11-14 22:13:20 to 2023-11-14 22:13:45 UTC; keys "
		"of 3 zones hold\n"
		"\n"
		"SERVER    ANSWERS  SECURE  INSECURE  BOGUS  INDET.  NEAREST EXPIRY  NEWEST "
		"SIGNATURE    LAG  REMARK\n"
		"10.0.1.2        3       2         0      1       0          5s ago         3h 0m "
		"ago  2h 0m  BOGUS (sig_expired 1), LAGS\n"
		"10.0.0.1        2       2         0      0       0           1d 0h         1d 0h "
		"ago      -  ok\n"
		"10.0.1.1        6       5         1      0       0         23h 59m         1h 0m "
		"ago   none  ok\n"
		"10.0.2.1        2       1         0      0       1           1d 0h         1d 0h "
		"ago      -  ERRORS 50 %%\n"
		"\n"
		"bogus: 10.0.1.2 since 2023-11-14 22:13:40: the signature has expired: SOA in "
		"com., key %u, good until 2023-11-14 22:13:35 (asked for com. SOA)\n"
		"indeterminate: 1 x refused\n",
		tape_world.com.tag);
	CU_ASSERT_STRING_EQUAL(text, want);
	free(text);
	tape_clear();
}

/** A server that is only asked before the others get something new does not lag. */
static void test_lag_in_time(void)
{
	tape_base();
	com_soa(COM2, NOW, NOW - 3 * HOUR, NOW + DAY);
	com_soa(COM, NOW + 61, NOW - 60, NOW + DAY);
	char *text = table_of(0);
	CU_ASSERT_PTR_NULL(strstr(text, "LAGS"));
	free(text);
	tape_base();
	com_soa(COM2, NOW + 2, NOW - 3 * HOUR, NOW + DAY);
	com_soa(COM, NOW + 61, NOW - 60, NOW + DAY);
	text = table_of(0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "2h 59m  LAGS"));
	free(text);
	tape_clear();
}

/** What is bogus by its signature makes nobody lag. */
static void test_lag_forged(void)
{
	struct kit_sign s = tape_world.by_com;

	tape_base();
	com_soa(COM, NOW, NOW - 3 * HOUR, NOW + DAY);
	s.inception = NOW - 60;
	kit_init(&tape_msg, "com.", DNS_TYPE_SOA, AA);
	tape_msg.harm = KIT_FLIP;
	tape_one(DNS_ANSWER, "com.", DNS_TYPE_SOA, kit_soa("com."), &s);
	tape_add(&tape_msg, COM2);
	char *text = table_of(0);
	CU_ASSERT_PTR_NULL(strstr(text, "LAGS"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "BOGUS (sig_crypto 1)"));
	free(text);
	tape_clear();
}

/** Servers beyond the table's size are counted together. */
static void test_servers_limit(void)
{
	struct ctl_judged j = {.server = {.family = 4}, .verdict = VAL_SECURE, .port = 53};
	struct ctl_inspect_stats stats = {.responses = CTL_TABLE_SERVERS_MAX + 1};
	struct ctl_inspect_table *t;

	for (int over = 0; over < 2; over++) {
		char *text = NULL;
		size_t size, lines = 0;
		FILE *f = open_memstream(&text, &size);

		CU_ASSERT_EQUAL_FATAL(ctl_inspect_table_new(&t), 0);
		for (unsigned i = 0; i < CTL_TABLE_SERVERS_MAX + (unsigned)over; i++) {
			dns_put16(j.server.octets + 2, (uint16_t)i);
			ctl_inspect_table_add(t, &j, NULL);
		}
		ctl_inspect_table_print(t, &stats, 0, f);
		ctl_inspect_table_free(t);
		fclose(f);
		for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
			lines++;
		CU_ASSERT_EQUAL(lines, 4 + CTL_TABLE_SERVERS_MAX + (unsigned)over);
		CU_ASSERT_EQUAL(strstr(text, "note: 1 answers of servers beyond") != NULL, over);
		free(text);
	}
}

static json_t *json_of(const struct ctl_judged *j)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	json_t *o;

	ctl_inspect_json(j, f);
	fclose(f);
	CU_ASSERT_EQUAL(strchr(text, '\n'), text + size - 1);
	o = json_loads(text, 0, NULL);
	free(text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	return o;
}

static void test_json(void)
{
	static const char *const keys[] = {"time", "server", "qname", "qtype", "rcode", "verdict",
		"reason", "ede", "signer", "key_tag", "algorithm", "inception", "expiration",
		"margin_s"};
	json_t *o;

	tape_base();
	answer_expired();
	tape_play();
	tape_got.last.time_us = 1700000000123456;
	o = json_of(&tape_got.last);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		UNIT_CHECK(keys[i], json_object_get(o, keys[i]) != NULL);
	CU_ASSERT_EQUAL(json_real_value(json_object_get(o, "time")), 1700000000.123456);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "server")), SHOP);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "qname")), "www.shop.com.");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "qtype")), "A");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "rcode")), "NOERROR");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "verdict")), "bogus");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "reason")), "sig_expired");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "signer")), "shop.com.");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "ede")), 7);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "key_tag")), tape_world.shop.tag);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "margin_s")), -1);
	json_decref(o);
	refused();
	tape_play();
	o = json_of(&tape_got.last);
	for (size_t i = 7; i < sizeof(keys) / sizeof(keys[0]); i++)
		UNIT_CHECK(keys[i], json_is_null(json_object_get(o, keys[i])));
	json_decref(o);
	tape_clear();
}

/* ---- the command ---- */

static void write_anchor(char path[])
{
	FILE *f = fdopen(mkstemp(path), "w");
	struct kit_rdata ds = kit_ds(&tape_world.root, ".");

	fprintf(f, ". IN DS %u 13 2 ", tape_world.root.tag);
	for (size_t i = 4; i < ds.len; i++)
		fprintf(f, "%02x", ds.octets[i]);
	fputc('\n', f);
	fclose(f);
}

static void write_tape(struct cap_file *file)
{
	static struct cap_frame f;
	const struct cap_end client = {"10.9.9.1", 4000};

	cap_file_new(file, DLT_EN10MB, (int64_t)NOW * 1000000);
	for (int i = 0; i < tape.count; i++) {
		struct cap_end server = {tape.item[i].server, 53};

		cap_udp_frame(&f, &cap_links[i % 3], &server, &client, tape.item[i].data,
			tape.item[i].len);
		cap_file_add(file, &f);
	}
	cap_file_close(file);
}

static int run(const struct ctl_inspect_args *a, char **out, char **err)
{
	size_t n, k;
	FILE *o = open_memstream(out, &n), *e = open_memstream(err, &k);
	int rc = ctl_inspect_run(a, o, e);

	fclose(o);
	fclose(e);
	return rc;
}

static void expect_run(const char *name, const struct ctl_inspect_args *a, int want,
	const char *out_has, const char *err_has)
{
	char *out, *err;
	int rc = run(a, &out, &err);

	UNIT_CHECK(name, rc == want);
	UNIT_CHECK(name, strstr(out, out_has) != NULL);
	UNIT_CHECK(name, strstr(err, err_has) != NULL);
	UNIT_CHECK(
		name, (want == CTL_INSPECT_UNREADABLE) == (strncmp(err, "swervectl: ", 11) == 0));
	free(out);
	free(err);
}

static void test_run_command(void)
{
	char anchor[] = "/tmp/swerve-anchor-XXXXXX";
	struct cap_file good = {0}, bad = {0};

	write_anchor(anchor);
	tape_base();
	write_tape(&good);
	answer_expired();
	write_tape(&bad);
	struct ctl_inspect_args a = {.file = good.path, .anchor = anchor};
	expect_run("good", &a, CTL_INSPECT_GOOD, "6 responses of 3 servers", "");
	a.file = bad.path;
	expect_run("bad", &a, CTL_INSPECT_BOGUS, "BOGUS (sig_expired 1)", "");
	a.json = true;
	expect_run("json", &a, CTL_INSPECT_BOGUS, "\"verdict\":\"bogus\"", "");
	a.zone = "org.";
	expect_run("no such zone", &a, CTL_INSPECT_GOOD, "", "note: no DNS response in 7 packets");
	a.zone = "plain.COM";
	expect_run("zone", &a, CTL_INSPECT_GOOD, "\"verdict\":\"insecure\"",
		"note: 6 responses of other zones");
	a.at = "1800000000";
	expect_run("at", &a, CTL_INSPECT_BOGUS, "\"reason\":\"sig_expired\"", "");
	a.at = "tomorrow";
	expect_run("bad time", &a, CTL_INSPECT_UNREADABLE, "", "--at: expected");
	a.at = NULL;
	a.zone = "a..b";
	expect_run("bad zone", &a, CTL_INSPECT_UNREADABLE, "", "--zone: expected");
	a.zone = NULL;
	a.port = "65536";
	expect_run("bad port", &a, CTL_INSPECT_UNREADABLE, "", "--port: expected");
	a.port = NULL;
	a.anchor = "/nonexistent/anchor";
	expect_run("no anchor", &a, CTL_INSPECT_UNREADABLE, "", "/nonexistent/anchor: No such");
	a.anchor = anchor;
	a.file = anchor;
	expect_run("no capture", &a, CTL_INSPECT_UNREADABLE, "", "unknown file format");
	unlink(anchor);
	unlink(good.path);
	unlink(bad.path);
	tape_clear();
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"table", test_table},
		{"lag, in time", test_lag_in_time},
		{"lag, forged", test_lag_forged},
		{"servers at the limit", test_servers_limit},
		{"JSON", test_json},
		{"the command", test_run_command},
		CU_TEST_INFO_NULL,
	};
	int failed;

	tape_world_new();
	failed = test_run("control/inspect_table", tests);
	tape_world_free();
	return failed;
}
