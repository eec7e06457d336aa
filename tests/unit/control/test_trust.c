#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/Basic.h>

#include "control/file.h"
#include "control/trust.h"
#include "dns/rdata.h"
#include "dns/wire.h"
#include "tests/unit/control/folder.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

enum { T0 = 1700000000, DAY = 86400, HOLD = 30 * DAY };

static struct {
	char folder[FOLDER_MAX], path[128], err[CTL_TRUST_ERR_MAX];
	unsigned told;
	struct val_anchors anchors;
	struct val_zone_keys set;
} t;

static void on_change(void *arg, const struct dns_name *zone, const struct val_key_change *change)
{
	(void)arg;
	CU_ASSERT_EQUAL(zone->len, 1);
	CU_ASSERT_NOT_EQUAL(change->from, change->to);
	t.told++;
}

static struct val_key key(char name)
{
	struct val_key k = {.algorithm = 15, .rdata_len = 4 + 32};

	dns_put16(k.rdata, 257);
	k.rdata[2] = 3;
	k.rdata[3] = 15;
	memset(k.rdata + 4, name, 32);
	k.key_tag = dns_key_tag(k.rdata, k.rdata_len);
	return k;
}

static struct ctl_trust *make(bool follow, uint32_t now)
{
	const struct ctl_trust_config cfg = {follow, {HOLD, HOLD, false}, on_change, NULL};
	struct ctl_trust *trust;

	CU_ASSERT_EQUAL_FATAL(ctl_trust_new(&t.anchors, &cfg, now, &trust), 0);
	return trust;
}

static void setup(void)
{
	memset(&t, 0, sizeof(t));
	CU_ASSERT_PTR_NOT_NULL_FATAL(folder_new("trust", t.folder));
	snprintf(t.path, sizeof(t.path), "%s/anchors", t.folder);
	t.anchors.count = 1;
	t.anchors.item[0] =
		(struct val_anchor){.zone = {1, 0, ""}, .type = DNS_TYPE_DNSKEY, .key = key('A')};
	t.set = (struct val_zone_keys){.zone = {1, 0, ""},
		.status = VAL_ZONE_SECURE,
		.count = 2,
		.ttl_s = 172800,
		.key = {key('A'), key('B')}};
}

static void teardown(void)
{
	unlink(t.path);
	rmdir(t.folder);
}

static size_t trusted(const struct ctl_trust *trust)
{
	static const uint8_t root[1];
	struct val_anchor out[VAL_ANCHORS_MAX];

	return ctl_trust_anchors(trust, root, out);
}

/* A hold of 30 days, and the process ends each day. */
static void test_hold_survives_restarts(void)
{
	setup();
	for (unsigned day = 0; day <= 30; day++) {
		uint32_t now = T0 + day * DAY;
		struct ctl_trust *trust = make(true, now);

		CU_ASSERT_EQUAL(ctl_trust_load(trust, t.path, now, t.err), day > 0);
		CU_ASSERT_EQUAL(trusted(trust), 1);
		ctl_trust_saw(trust, &t.set, now);
		CU_ASSERT_EQUAL(trusted(trust), day == 30 ? 2 : 1);
		ctl_trust_saw(trust, &t.set, now + 3600); // as it is at each refresh
		CU_ASSERT_EQUAL(ctl_trust_save(trust, t.path, now, t.err), 1);
		CU_ASSERT_EQUAL(ctl_trust_save(trust, t.path, now, t.err), 0); // nothing new
		ctl_trust_free(trust);
	}
	CU_ASSERT_EQUAL(t.told, 2); // start, valid
	teardown();
}

static void save_now(struct ctl_trust *trust)
{
	ctl_trust_saw(trust, &t.set, T0);
	CU_ASSERT_EQUAL_FATAL(ctl_trust_save(trust, t.path, T0, t.err), 1);
}

static void test_broken_file_changes_nothing(void)
{
	struct ctl_trust *trust;
	char *text;
	size_t len;

	setup();
	trust = make(true, T0);
	save_now(trust);
	ctl_trust_free(trust);
	CU_ASSERT_EQUAL_FATAL(ctl_file_read(t.path, &text, &len, t.err), 0);
	for (size_t cut = 1; cut < len; cut += 7) {
		CU_ASSERT_EQUAL_FATAL(truncate(t.path, (off_t)(len - cut)), 0);
		trust = make(true, T0);
		CU_ASSERT_EQUAL(ctl_trust_load(trust, t.path, T0, t.err), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(t.err, t.path));
		CU_ASSERT_EQUAL(ctl_trust_at(trust, 0)->count, 1);
		CU_ASSERT_EQUAL(trusted(trust), 1);
		ctl_trust_free(trust);
	}
	free(text);
	teardown();
}

static void test_no_file(void)
{
	struct ctl_trust *trust;

	setup();
	trust = make(true, T0);
	CU_ASSERT_EQUAL(ctl_trust_load(trust, t.path, T0, t.err), 0);
	CU_ASSERT_EQUAL(ctl_trust_save(trust, t.path, T0, t.err), 0); // nothing learnt
	CU_ASSERT_EQUAL(trusted(trust), 1);
	ctl_trust_free(trust);
	teardown();
}

static void test_unwritable(void)
{
	struct ctl_trust *trust;

	setup();
	trust = make(true, T0);
	ctl_trust_saw(trust, &t.set, T0);
	CU_ASSERT_EQUAL(ctl_trust_save(trust, "/proc/none/anchors", T0, t.err), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(t.err, "/proc/none/anchors"));
	CU_ASSERT_EQUAL(ctl_trust_save(trust, t.path, T0, t.err), 1); // still to be done
	ctl_trust_free(trust);
	teardown();
}

/* The operator changes the configuration between two runs. */
static void test_configuration_changes(void)
{
	struct ctl_trust *trust;

	setup();
	trust = make(true, T0);
	save_now(trust);
	ctl_trust_free(trust);
	t.anchors.count = 2; // B too, which waits in the file
	t.anchors.item[1] = t.anchors.item[0];
	t.anchors.item[1].key = key('B');
	trust = make(true, T0);
	CU_ASSERT_EQUAL(ctl_trust_load(trust, t.path, T0, t.err), 1);
	CU_ASSERT_EQUAL(trusted(trust), 2);
	ctl_trust_free(trust);
	t.anchors.count = 1; // another zone's: what is known of the root is no longer wanted
	t.anchors.item[0].zone = (struct dns_name){5, 1, "\3com"};
	trust = make(true, T0);
	CU_ASSERT_EQUAL(ctl_trust_load(trust, t.path, T0, t.err), 1);
	CU_ASSERT_EQUAL(trusted(trust), 0);
	CU_ASSERT_EQUAL(ctl_trust_count(trust), 1);
	ctl_trust_free(trust);
	teardown();
}

static void test_static(void)
{
	struct ctl_trust *trust;

	setup();
	trust = make(true, T0);
	save_now(trust);
	ctl_trust_free(trust);
	trust = make(false, T0);
	CU_ASSERT_EQUAL(ctl_trust_load(trust, t.path, T0, t.err), 0);
	t.set.count = 1;
	t.set.key[0] = key('B');
	ctl_trust_saw(trust, &t.set, T0 + 2 * HOLD);
	CU_ASSERT_EQUAL(ctl_trust_at(trust, 0)->count, 1);
	CU_ASSERT_EQUAL(ctl_trust_at(trust, 0)->key[0].state, VAL_KEY_VALID);
	CU_ASSERT_EQUAL(
		ctl_trust_refresh_s(trust, (const uint8_t *)"", 60, 60, false, T0), UINT32_MAX);
	ctl_trust_free(trust);
	teardown();
}

static void test_refresh(void)
{
	static const uint8_t root[1], com[] = "\3com";
	struct ctl_trust *trust;

	setup();
	trust = make(true, T0);
	CU_ASSERT_EQUAL(ctl_trust_refresh_s(trust, root, 172800, 9 * DAY, false, T0), DAY);
	CU_ASSERT_EQUAL(ctl_trust_refresh_s(trust, root, 172800, 9 * DAY, true, T0), 17280);
	CU_ASSERT_EQUAL(ctl_trust_refresh_s(trust, com, 172800, 9 * DAY, false, T0), UINT32_MAX);
	ctl_trust_saw(trust, &t.set, T0); // B waits
	CU_ASSERT_EQUAL(
		ctl_trust_refresh_s(trust, root, 172800, 9 * DAY, false, T0 + HOLD - 10), 10);
	CU_ASSERT_EQUAL(ctl_trust_refresh_s(trust, root, 172800, 9 * DAY, false, T0 + HOLD), DAY);
	ctl_trust_free(trust);
	teardown();
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a hold survives restarts", test_hold_survives_restarts},
		{"a broken file changes nothing", test_broken_file_changes_nothing},
		{"no file", test_no_file},
		{"a folder that cannot be written", test_unwritable},
		{"the configuration changes", test_configuration_changes},
		{"anchors that are not followed", test_static},
		{"when to ask again", test_refresh},
		CU_TEST_INFO_NULL,
	};

	return test_run("control/trust", tests);
}
