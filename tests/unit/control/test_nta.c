#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/Basic.h>

#include "control/file.h"
#include "control/nta.h"
#include "tests/unit/control/folder.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"
#include "tests/unit/validator/zonekit.h"

enum { NOW = 1700000000, DAY = 86400, RECHECK = 300 };

/* com. with its trust anchor at two sites; the keeper has its keys. */
static struct {
	struct kit_key key, wrong;
	struct route_config config;
	struct route_paths *paths;
	struct ctl_trust *trust;
	struct ctl_keeper *keeper;
	struct ctl_ntas *ntas;
	uint64_t ms;
	char folder[FOLDER_MAX], path[128], err[CTL_NTA_ERR_MAX];
} t;

static void make_routes(enum route_kind kind)
{
	struct route_config *c = &t.config;

	*c = (struct route_config){.site_count = 2, .zone_count = 1};
	c->sites = calloc(2, sizeof(*c->sites));
	c->zones = calloc(1, sizeof(*c->zones));
	for (unsigned i = 0; i < 2; i++) {
		c->sites[i].name[0] = (char)('a' + i);
		c->sites[i].addr_count = 1;
		c->sites[i].addrs = calloc(1, sizeof(struct route_addr));
		c->sites[i].addrs[0] = (struct route_addr){4, {10, 0, 0, (uint8_t)(i + 1)}};
	}
	kit_wire("com.", &c->zones[0].name);
	c->zones[0].kind = kind;
	c->zones[0].order_count = 1;
	c->zones[0].orders = calloc(1, sizeof(*c->zones[0].orders));
	c->zones[0].orders[0].region = ROUTE_REGION_NONE;
	c->zones[0].orders[0].site_count = 2;
	c->zones[0].orders[0].sites = calloc(2, sizeof(uint16_t));
	c->zones[0].orders[0].sites[1] = 1;
}

static struct kit_sign sign_by(const struct kit_key *key)
{
	return (struct kit_sign){.key = key,
		.signer = "com.",
		.labels = -1,
		.original_ttl = 3600,
		.inception = NOW - DAY,
		.expiration = NOW + DAY};
}

static void learn_keys(void)
{
	struct kit_rdata rd = {.len = t.key.rdata_len};
	struct kit_sign sign = sign_by(&t.key);
	struct ctl_keeper_ask ask;
	static struct kit_msg m;
	uint8_t *msg;
	size_t len;

	memcpy(rd.octets, t.key.rdata, rd.len);
	CU_ASSERT_EQUAL_FATAL(ctl_keeper_due(t.keeper, t.paths, t.ms, NOW, &ask, 1), 1);
	kit_init(&m, "com.", DNS_TYPE_DNSKEY, DNS_FLAG_QR | DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, "com.", DNS_TYPE_DNSKEY, 3600, &rd, 1, &sign);
	msg = kit_finish(&m, &len);
	ctl_keeper_told(t.keeper, ask.token, 0, msg, len, t.ms, NOW);
	free(msg);
}

static void setup_kind(enum route_kind kind)
{
	static const struct val_skew none;
	const struct ctl_ntas_config cfg = {.recheck_s = RECHECK};
	const struct ctl_trust_config fixed = {0};
	struct val_anchors anchors = {.count = 1};

	memset(&t, 0, sizeof(t));
	t.ms = 1000;
	kit_key_new(&t.key, 257);
	kit_key_new(&t.wrong, 257);
	make_routes(kind);
	anchors.item[0].type = DNS_TYPE_DNSKEY;
	kit_wire("com.", &anchors.item[0].zone);
	memcpy(anchors.item[0].key.rdata, t.key.rdata, t.key.rdata_len);
	anchors.item[0].key.rdata_len = t.key.rdata_len;
	anchors.item[0].key.key_tag = t.key.tag;
	anchors.item[0].key.algorithm = 13;
	CU_ASSERT_EQUAL_FATAL(route_paths_new(&t.paths), 0);
	CU_ASSERT_EQUAL_FATAL(route_paths_sync(t.paths, &t.config), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_trust_new(&anchors, &fixed, NOW, &t.trust), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_keeper_new(t.trust, &none, false, &t.keeper), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_keeper_sync(t.keeper, &t.config), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_ntas_new(&cfg, &t.ntas), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(folder_new("nta", t.folder));
	snprintf(t.path, sizeof(t.path), "%s/ntas", t.folder);
}

static void setup(void)
{
	setup_kind(ROUTE_AUTHORITATIVE);
}

static void teardown(void)
{
	ctl_ntas_free(t.ntas);
	ctl_keeper_free(t.keeper);
	ctl_trust_free(t.trust);
	route_paths_free(t.paths);
	route_config_fini(&t.config);
	kit_key_free(&t.key);
	kit_key_free(&t.wrong);
	unlink(t.path);
	rmdir(t.folder);
}

static struct ctl_nta nta(const char *name, uint32_t life_s)
{
	struct ctl_nta n = {.since = NOW, .until = NOW + life_s, .reason = "because"};

	kit_wire(name, &n.name);
	return n;
}

static int add(const char *name, uint32_t life_s, bool forced)
{
	struct ctl_nta n = nta(name, life_s);

	n.forced = forced;
	return ctl_ntas_add(t.ntas, &n, t.ms);
}

/* ---- lives ---- */

static void test_life(void)
{
	enum ctl_nta_end why;
	struct ctl_nta out;

	setup();
	CU_ASSERT_EQUAL(add("com.", 100, false), 0);
	CU_ASSERT_EQUAL(add("com.", 200, false), 1);
	CU_ASSERT_EQUAL(add("x.com.", 300, false), 0);
	CU_ASSERT_EQUAL(ctl_ntas_count(t.ntas), 2);
	CU_ASSERT_FALSE(ctl_ntas_end(t.ntas, NOW + 199, &out, &why));
	CU_ASSERT_TRUE(ctl_ntas_end(t.ntas, NOW + 200, &out, &why));
	CU_ASSERT_EQUAL(why, CTL_NTA_EXPIRED);
	CU_ASSERT_EQUAL(out.name.len, 5);
	CU_ASSERT_FALSE(ctl_ntas_end(t.ntas, NOW + 200, &out, &why));
	CU_ASSERT_EQUAL(ctl_ntas_remove(t.ntas, &out.name), -ENOENT);
	kit_wire("x.com.", &out.name);
	CU_ASSERT_EQUAL(ctl_ntas_remove(t.ntas, &out.name), 0);
	CU_ASSERT_EQUAL(ctl_ntas_count(t.ntas), 0);
	teardown();
}

static void test_limits(void)
{
	char name[32];

	setup();
	CU_ASSERT_EQUAL(add("com.", CTL_NTA_MAX_S, false), 0);
	CU_ASSERT_EQUAL(add("net.", CTL_NTA_MAX_S + 1, false), -EINVAL);
	CU_ASSERT_EQUAL(add("net.", 0, false), -EINVAL);
	for (unsigned i = 1; i < CTL_NTAS_MAX; i++) {
		snprintf(name, sizeof(name), "n%u.com.", i);
		CU_ASSERT_EQUAL(add(name, 60, false), 0);
	}
	CU_ASSERT_EQUAL(add("one.more.", 60, false), -ENOSPC);
	CU_ASSERT_EQUAL(add("com.", 60, false), 1);
	teardown();
}

/* ---- checks ---- */

static void tell(const struct ctl_keeper_ask *ask, const char *how)
{
	static struct dp_told told;
	struct kit_rdata soa = kit_soa("com.");
	struct kit_sign sign = sign_by(strcmp(how, "good") == 0 ? &t.key : &t.wrong);
	bool refused = strcmp(how, "refused") == 0;
	static struct kit_msg m;
	uint8_t *msg;
	size_t len;

	kit_init(&m, "com.", DNS_TYPE_SOA,
		DNS_FLAG_QR | DNS_FLAG_AA | (refused ? DNS_RCODE_REFUSED : 0));
	if (!refused)
		kit_rrset(&m, DNS_ANSWER, "com.", DNS_TYPE_SOA, 3600, &soa, 1, &sign);
	msg = kit_finish(&m, &len);
	memset(&told, 0, sizeof(told));
	told.token = ask->token;
	told.error = strcmp(how, "silent") == 0 ? -ETIMEDOUT : 0;
	told.len = (uint16_t)len;
	memcpy(told.msg, msg, len);
	free(msg);
	CU_ASSERT_TRUE(ctl_ntas_told(t.ntas, t.keeper, &told, NOW + RECHECK));
}

static size_t due(struct ctl_keeper_ask *asks)
{
	return ctl_ntas_due(t.ntas, &t.config, t.paths, t.ms, asks, ROUTE_ZONE_PATHS_MAX);
}

static const struct {
	const char *name, *answers[2];
	bool keys, forced, ends;
} checks[] = {
	{"both validate", {"good", "good"}, true, false, true},
	{"one does, one does not", {"good", "bogus"}, true, false, false},
	{"neither", {"bogus", "bogus"}, true, false, false},
	{"one validates, one is silent", {"good", "silent"}, true, false, true},
	{"one validates, one refuses", {"good", "refused"}, true, false, true},
	{"both are silent", {"silent", "silent"}, true, false, false},
	{"both refuse", {"refused", "refused"}, true, false, false},
	{"both validate, forced", {"good", "good"}, true, true, false},
	{"no chain to the zone", {"good", "good"}, false, false, false},
};

static void test_checks(void)
{
	for (unsigned i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		struct ctl_keeper_ask asks[ROUTE_ZONE_PATHS_MAX];
		enum ctl_nta_end why;
		struct ctl_nta out;

		setup();
		if (checks[i].keys)
			learn_keys();
		add("com.", 3600, checks[i].forced);
		UNIT_CHECK(checks[i].name, due(asks) == 0); // not before its time
		t.ms += RECHECK * 1000;
		UNIT_CHECK(checks[i].name, due(asks) == 2);
		UNIT_CHECK(checks[i].name, asks[0].path != asks[1].path);
		UNIT_CHECK(checks[i].name, asks[0].qtype == DNS_TYPE_SOA);
		for (unsigned k = 0; k < 2; k++)
			tell(&asks[k], checks[i].answers[k]);
		UNIT_CHECK(checks[i].name, due(asks) == 0); // the next one is an interval later
		UNIT_CHECK(checks[i].name,
			ctl_ntas_end(t.ntas, NOW + RECHECK, &out, &why) == checks[i].ends);
		UNIT_CHECK(checks[i].name, !checks[i].ends || why == CTL_NTA_VALIDATES);
		t.ms += RECHECK * 1000;
		UNIT_CHECK(checks[i].name, due(asks) == (checks[i].ends ? 0 : 2));
		teardown();
	}
}

/* An answer of an earlier check, or of nobody's, changes nothing; nor does one that never comes. */
static void test_late_answers(void)
{
	struct ctl_keeper_ask first[ROUTE_ZONE_PATHS_MAX], second[ROUTE_ZONE_PATHS_MAX];
	struct dp_told told = {.token = 7};
	enum ctl_nta_end why;
	struct ctl_nta out;

	setup();
	learn_keys();
	add("com.", 3600, false);
	t.ms += RECHECK * 1000;
	CU_ASSERT_EQUAL(due(first), 2);
	CU_ASSERT_FALSE(ctl_ntas_told(t.ntas, t.keeper, &told, NOW));
	t.ms += 10000;
	CU_ASSERT_EQUAL(due(second), 0);
	tell(&first[0], "good");
	CU_ASSERT_FALSE(ctl_ntas_end(t.ntas, NOW + RECHECK, &out, &why));
	t.ms += RECHECK * 1000;
	CU_ASSERT_EQUAL(due(second), 2);
	tell(&first[1], "good");
	tell(&second[0], "good");
	tell(&second[1], "bogus");
	CU_ASSERT_EQUAL(due(second), 0);
	CU_ASSERT_FALSE(ctl_ntas_end(t.ntas, NOW + RECHECK, &out, &why));
	CU_ASSERT_EQUAL(ctl_ntas_at(t.ntas, 0)->good, 1);
	CU_ASSERT_EQUAL(ctl_ntas_at(t.ntas, 0)->bad, 1);
	teardown();
}

static void test_unchecked(void)
{
	struct ctl_keeper_ask asks[ROUTE_ZONE_PATHS_MAX];

	setup();
	add("net.", 3600, false); // no routed zone encloses it
	t.ms += RECHECK * 1000;
	CU_ASSERT_EQUAL(due(asks), 0);
	teardown();
}

/* ---- behind recursive upstreams ---- */

/* What the path's resolver says of a question on the way to sub.com., a zone of key wrong. */
static void tell_walk(const struct ctl_keeper_ask *ask, const char *how, bool by_tcp)
{
	static struct dp_told told;
	struct kit_sign by_com = sign_by(&t.key), by_sub = sign_by(&t.wrong);
	struct kit_rdata rd = kit_soa("sub.com.");
	static struct kit_msg m;
	uint8_t *msg;
	size_t len;

	by_sub.signer = "sub.com.";
	if (strcmp(how, "bogus") == 0 && ask->qtype == DNS_TYPE_SOA)
		by_sub.expiration = NOW - 1;
	if (strcmp(how, "bad DS") == 0)
		by_com.expiration = NOW - 1;
	kit_init(&m, "sub.com.", ask->qtype, DNS_FLAG_QR | DNS_FLAG_RA);
	if (ask->qtype == DNS_TYPE_DS) {
		rd = kit_ds(&t.wrong, "sub.com.");
	} else if (ask->qtype == DNS_TYPE_DNSKEY) {
		rd.len = t.wrong.rdata_len;
		memcpy(rd.octets, t.wrong.rdata, rd.len);
	}
	kit_rrset(&m, DNS_ANSWER, "sub.com.", ask->qtype, 3600, &rd, 1,
		ask->qtype == DNS_TYPE_DS ? &by_com : &by_sub);
	msg = kit_finish(&m, &len);
	if (by_tcp) {
		struct ctl_nta_heard heard = {ask->token, 0, msg, len};

		ctl_ntas_heard(t.ntas, t.keeper, &heard, NOW + RECHECK);
	} else {
		memset(&told, 0, sizeof(told));
		told.token = ask->token;
		told.error = strcmp(how, "silent") == 0 ? -ETIMEDOUT : 0;
		told.len = (uint16_t)len;
		memcpy(told.msg, msg, len);
		CU_ASSERT_TRUE(ctl_ntas_told(t.ntas, t.keeper, &told, NOW + RECHECK));
	}
	free(msg);
}

static const struct {
	const char *name, *answers[2];
	unsigned questions[2]; // of each path
	bool ends;
} walks[] = {
	{"both validate", {"good", "good"}, {3, 3}, true},
	{"one does, one does not", {"good", "bogus"}, {3, 3}, false},
	{"one does not, one does", {"bogus", "good"}, {3, 3}, false},
	{"a delegation that does not", {"bad DS", "good"}, {2, 3}, false},
	{"one validates, one is silent", {"good", "silent"}, {3, 1}, true},
	{"both are silent", {"silent", "silent"}, {1, 1}, false},
};

static void test_walks(void)
{
	for (unsigned i = 0; i < sizeof(walks) / sizeof(walks[0]); i++) {
		struct ctl_keeper_ask ask, out, at[2];
		enum ctl_nta_end why;
		struct ctl_nta ended;
		unsigned asked[2] = {0};

		setup_kind(ROUTE_RECURSIVE);
		learn_keys();
		add("sub.com.", 3600, false);
		UNIT_CHECK(walks[i].name, due(&ask) == 0);
		t.ms += RECHECK * 1000;
		for (unsigned path = 0; path < 2; path++) {
			while (due(&ask) == 1 && asked[path] < walks[i].questions[path]) {
				at[path] = ask;
				asked[path]++;
				UNIT_CHECK(walks[i].name, due(&out) == 0); // one at a time
				UNIT_CHECK(walks[i].name,
					!ctl_ntas_by_tcp(t.ntas, ask.token + 1, &out));
				UNIT_CHECK(walks[i].name, ctl_ntas_by_tcp(t.ntas, ask.token, &out));
				tell_walk(
					&ask, walks[i].answers[path], ask.qtype == DNS_TYPE_DNSKEY);
				if (asked[path] == walks[i].questions[path])
					break;
			}
			UNIT_CHECK(walks[i].name, asked[path] == walks[i].questions[path]);
		}
		UNIT_CHECK(walks[i].name, at[0].path != at[1].path);
		UNIT_CHECK(walks[i].name, due(&ask) == 0);
		UNIT_CHECK(walks[i].name,
			ctl_ntas_end(t.ntas, NOW + RECHECK, &ended, &why) == walks[i].ends);
		t.ms += RECHECK * 1000;
		UNIT_CHECK(walks[i].name, due(&ask) == !walks[i].ends); // and again
		teardown();
	}
}

/* Two at a time are one after the other; one that is taken out in the middle is no walk's end. */
static void test_walks_take_turns(void)
{
	struct ctl_keeper_ask first, second;
	struct dns_name name;

	setup_kind(ROUTE_RECURSIVE);
	learn_keys();
	add("sub.com.", 3600, false);
	add("other.com.", 3600, false);
	t.ms += RECHECK * 1000;
	CU_ASSERT_EQUAL_FATAL(due(&first), 1);
	CU_ASSERT(dns_name_equal(first.qname.octets, kit_wire("sub.com.", &name)));
	CU_ASSERT_EQUAL(due(&second), 0);
	CU_ASSERT_EQUAL(ctl_ntas_remove(t.ntas, &first.qname), 0);
	CU_ASSERT_EQUAL_FATAL(due(&second), 1);
	CU_ASSERT(dns_name_equal(second.qname.octets, kit_wire("other.com.", &name)));
	tell_walk(&first, "good", false); // too late
	CU_ASSERT_EQUAL(ctl_ntas_at(t.ntas, 0)->good, 0);
	// nothing comes back at all: the check ends
	t.ms += 100000;
	CU_ASSERT_EQUAL(due(&second), 0);
	t.ms += RECHECK * 1000;
	CU_ASSERT_EQUAL(due(&second), 1);
	teardown();
}

/* ---- the file ---- */

static void restart(uint32_t epoch_s, int want)
{
	const struct ctl_ntas_config cfg = {.recheck_s = RECHECK};

	ctl_ntas_free(t.ntas);
	CU_ASSERT_EQUAL_FATAL(ctl_ntas_new(&cfg, &t.ntas), 0);
	CU_ASSERT_EQUAL(ctl_ntas_load(t.ntas, t.path, epoch_s, t.ms, t.err), want);
}

static void test_restart(void)
{
	const struct ctl_nta *n;

	setup();
	restart(NOW, 0); // no file yet
	CU_ASSERT_EQUAL(ctl_ntas_count(t.ntas), 0);
	add("x.com.", 3600, true);
	CU_ASSERT_EQUAL(ctl_ntas_save(t.ntas, t.path, t.err), 0);
	restart(NOW + 60, 0);
	CU_ASSERT_EQUAL_FATAL(ctl_ntas_count(t.ntas), 1);
	n = ctl_ntas_at(t.ntas, 0);
	CU_ASSERT_EQUAL(n->until, NOW + 3600);
	CU_ASSERT_TRUE(n->forced);
	CU_ASSERT_STRING_EQUAL(n->reason, "because");
	CU_ASSERT_EQUAL(n->name.len, 7);
	restart(NOW - 9 * DAY, 0); // the clock was set back: no longer than it was given
	CU_ASSERT_EQUAL(ctl_ntas_at(t.ntas, 0)->until, NOW - 9 * DAY + 3600);
	teardown();
}

static void test_broken_files(void)
{
	static const char *const texts[] = {"", "{", "[]", "{\"format\":2,\"ntas\":[]}",
		"{\"format\":1}", "{\"format\":1,\"ntas\":[{}]}",
		"{\"format\":1,\"ntas\":[{\"name\":\"a..b\",\"since\":1,\"until\":2,"
		"\"forced\":false,\"reason\":\"\"}]}",
		"{\"format\":1,\"ntas\":[{\"name\":\"a\",\"since\":1,\"until\":604802,"
		"\"forced\":false,\"reason\":\"\"}]}"};
	char *text;
	size_t len;

	setup();
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		CU_ASSERT_EQUAL(ctl_file_write(t.path, texts[i], strlen(texts[i]), t.err), 0);
		restart(NOW, -EINVAL);
		CU_ASSERT_EQUAL(ctl_ntas_count(t.ntas), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(t.err, t.path));
	}
	add("com.", 3600, false);
	add("net.", 3600, false);
	CU_ASSERT_EQUAL(ctl_ntas_save(t.ntas, t.path, t.err), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_file_read(t.path, &text, &len, t.err), 0);
	for (size_t cut = 1; cut < len; cut++) {
		CU_ASSERT_EQUAL_FATAL(truncate(t.path, (off_t)(len - cut)), 0);
		restart(NOW, -EINVAL);
		CU_ASSERT_EQUAL(ctl_ntas_count(t.ntas), 0);
	}
	free(text);
	CU_ASSERT_EQUAL(ctl_ntas_save(t.ntas, "/proc/none/ntas", t.err), -ENOENT);
	teardown();
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"lives", test_life},
		{"limits", test_limits},
		{"checks", test_checks},
		{"late answers", test_late_answers},
		{"behind recursive upstreams", test_walks},
		{"walks take turns", test_walks_take_turns},
		{"what is not checked", test_unchecked},
		{"restart", test_restart},
		{"broken files", test_broken_files},
		CU_TEST_INFO_NULL,
	};

	return test_run("control/nta", tests);
}
