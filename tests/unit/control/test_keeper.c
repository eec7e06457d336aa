#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "control/keeper.h"
#include "dns/rdata.h"
#include "dns/wire.h"
#include "tests/unit/control/folder.h"
#include "tests/unit/run.h"
#include "tests/unit/validator/zonekit.h"

enum { NOW = 1700000000, DAY = 86400, HOLD = 30 * DAY };

/* A world of a root and com., two paths each; the root's key is the anchor. */
static struct {
	struct kit_key root, com, other;
	struct kit_sign by_root, by_com;
	struct val_anchors anchors;
	struct ctl_trust *trust;
	struct route_config config;
	struct route_paths *paths;
	struct ctl_keeper *k;
	uint64_t ms;
} t;

static struct route_config make_config(bool with_root)
{
	static const struct dns_name root = {1, 0, ""}, com = {5, 1, "\3com"};
	struct route_config c = {.site_count = 2, .zone_count = with_root ? 2 : 1};

	c.sites = calloc(2, sizeof(*c.sites));
	c.zones = calloc(c.zone_count, sizeof(*c.zones));
	for (unsigned i = 0; i < 2; i++) {
		c.sites[i].name[0] = (char)('a' + i);
		c.sites[i].addr_count = 1;
		c.sites[i].addrs = calloc(1, sizeof(struct route_addr));
		c.sites[i].addrs[0] = (struct route_addr){4, {10, 0, 0, (uint8_t)(i + 1)}};
	}
	for (unsigned z = 0; z < c.zone_count; z++) {
		c.zones[z].name = z == 0 ? com : root; // child first: order must not matter
		c.zones[z].order_count = 1;
		c.zones[z].orders = calloc(1, sizeof(*c.zones[z].orders));
		c.zones[z].orders[0].region = ROUTE_REGION_NONE;
		c.zones[z].orders[0].site_count = 2;
		c.zones[z].orders[0].sites = calloc(2, sizeof(uint16_t));
		c.zones[z].orders[0].sites[1] = 1;
	}
	return c;
}

static struct kit_sign sign_by(const struct kit_key *key, const char *zone)
{
	return (struct kit_sign){.key = key,
		.signer = zone,
		.labels = -1,
		.original_ttl = 3600,
		.inception = NOW - DAY,
		.expiration = NOW + DAY};
}

/* @param anchored  the zone that has the anchor, with the root's key */
static void setup_at(bool with_root, const char *anchored, enum route_kind kind)
{
	static const struct val_skew none;
	const struct ctl_trust_config follow = {
		.follow = true, .params = {.add_hold_s = HOLD, .remove_hold_s = HOLD}};

	kit_key_new(&t.root, 257);
	kit_key_new(&t.com, 257);
	kit_key_new(&t.other, 257);
	t.by_root = sign_by(&t.root, anchored);
	t.by_com = sign_by(&t.com, "com.");
	t.anchors.count = 1;
	t.anchors.item[0] = (struct val_anchor){.type = DNS_TYPE_DNSKEY};
	kit_wire(anchored, &t.anchors.item[0].zone);
	memcpy(t.anchors.item[0].key.rdata, t.root.rdata, t.root.rdata_len);
	t.anchors.item[0].key.rdata_len = t.root.rdata_len;
	t.anchors.item[0].key.key_tag = t.root.tag;
	t.anchors.item[0].key.algorithm = 13;
	t.config = make_config(with_root);
	for (size_t z = 0; z < t.config.zone_count; z++)
		t.config.zones[z].kind = kind;
	t.ms = 1000;
	CU_ASSERT_EQUAL_FATAL(route_paths_new(&t.paths), 0);
	CU_ASSERT_EQUAL_FATAL(route_paths_sync(t.paths, &t.config), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_trust_new(&t.anchors, &follow, NOW, &t.trust), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_keeper_new(t.trust, &none, false, &t.k), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_keeper_sync(t.k, &t.config), 0);
}

static void setup(bool with_root)
{
	setup_at(with_root, ".", ROUTE_AUTHORITATIVE);
}

static void teardown(void)
{
	ctl_keeper_free(t.k);
	ctl_trust_free(t.trust);
	route_paths_free(t.paths);
	route_config_fini(&t.config);
	kit_key_free(&t.root);
	kit_key_free(&t.com);
	kit_key_free(&t.other);
}

/* The one question that is due, or none. */
static bool due(struct ctl_keeper_ask *ask)
{
	struct ctl_keeper_ask asks[4];
	size_t n = ctl_keeper_due(t.k, t.paths, t.ms, NOW, asks, 4);

	CU_ASSERT_FATAL(n <= 1);
	*ask = asks[0];
	return n == 1;
}

static struct kit_rdata key_rdata(const struct kit_key *key)
{
	struct kit_rdata rd = {.len = key->rdata_len};

	memcpy(rd.octets, key->rdata, key->rdata_len);
	return rd;
}

static void tell(const struct ctl_keeper_ask *ask, struct kit_msg *m)
{
	size_t len;
	uint8_t *msg = kit_finish(m, &len);

	CU_ASSERT_TRUE(ctl_keeper_told(t.k, ask->token, 0, msg, len, t.ms, NOW));
	free(msg);
}

static void answer_dnskey(const struct ctl_keeper_ask *ask, const char *zone,
	const struct kit_key *key, const struct kit_sign *sign)
{
	struct kit_rdata rd = key_rdata(key);
	static struct kit_msg m;

	kit_init(&m, zone, DNS_TYPE_DNSKEY, DNS_FLAG_QR | DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, zone, DNS_TYPE_DNSKEY, 3600, &rd, 1, sign);
	tell(ask, &m);
}

static void answer_ds(
	const struct ctl_keeper_ask *ask, const struct kit_key *key, const struct kit_sign *sign)
{
	struct kit_rdata rd = kit_ds(key, "com.");
	static struct kit_msg m;

	kit_init(&m, "com.", DNS_TYPE_DS, DNS_FLAG_QR | DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, "com.", DNS_TYPE_DS, 3600, &rd, 1, sign);
	tell(ask, &m);
}

static enum val_zone_status status_of(const char *zone)
{
	struct ctl_keeper_info info;
	struct dns_name name;

	kit_wire(zone, &name);
	for (size_t i = 0; i < ctl_keeper_count(t.k); i++) {
		ctl_keeper_info(t.k, i, t.ms, &info);
		if (dns_name_equal(info.zone.octets, name.octets))
			return info.status;
	}
	return VAL_ZONE_UNKNOWN;
}

static const struct route_path *path_of(const struct ctl_keeper_ask *ask)
{
	return route_paths_at(t.paths, ask->path);
}

/* From the anchor to com.'s keys, step by step. */
static void walk_down(void)
{
	struct ctl_keeper_ask ask;

	CU_ASSERT_FATAL(due(&ask));
	CU_ASSERT_EQUAL(ask.qtype, DNS_TYPE_DNSKEY);
	CU_ASSERT_EQUAL(ask.qname.len, 1);
	answer_dnskey(&ask, ".", &t.root, &t.by_root);
	CU_ASSERT_FATAL(due(&ask));
	CU_ASSERT_EQUAL(ask.qtype, DNS_TYPE_DS);
	CU_ASSERT_EQUAL(path_of(&ask)->zone_name.len, 1); // the parent's servers have it
	answer_ds(&ask, &t.com, &t.by_root);
	CU_ASSERT_FATAL(due(&ask));
	CU_ASSERT_EQUAL(ask.qtype, DNS_TYPE_DNSKEY);
	CU_ASSERT_EQUAL(path_of(&ask)->zone_name.len, 5);
	answer_dnskey(&ask, "com.", &t.com, &t.by_com);
}

static void test_chain(void)
{
	const struct val_zone_keys *com;
	struct val_keys *keys = NULL;
	struct ctl_keeper_ask ask;
	struct dns_name name;

	setup(true);
	CU_ASSERT_FALSE(ctl_keeper_settled(t.k));
	walk_down();
	CU_ASSERT_TRUE(ctl_keeper_settled(t.k));
	CU_ASSERT_EQUAL_FATAL(ctl_keeper_snapshot(t.k, &keys), 1);
	com = val_keys_find(keys, kit_wire("com.", &name));
	CU_ASSERT_PTR_NOT_NULL_FATAL(com);
	CU_ASSERT_EQUAL(com->status, VAL_ZONE_SECURE);
	CU_ASSERT_EQUAL(com->count, 1);
	CU_ASSERT_EQUAL(com->key[0].key_tag, t.com.tag);
	val_keys_free(keys);
	CU_ASSERT_EQUAL(ctl_keeper_snapshot(t.k, &keys), 0); // nothing new
	CU_ASSERT_FALSE(due(&ask));
	teardown();
}

static void test_next_path(void)
{
	struct ctl_keeper_ask first, second;

	setup(true);
	CU_ASSERT_FATAL(due(&first));
	CU_ASSERT_TRUE(ctl_keeper_told(t.k, first.token, -ETIMEDOUT, NULL, 0, t.ms, NOW));
	CU_ASSERT_FATAL(due(&second));
	CU_ASSERT_NOT_EQUAL(first.path, second.path);
	// a key that the anchor does not know is no better than no answer
	answer_dnskey(&second, ".", &t.other,
		&(struct kit_sign){.key = &t.other,
			.signer = ".",
			.labels = -1,
			.original_ttl = 3600,
			.inception = NOW - DAY,
			.expiration = NOW + DAY});
	CU_ASSERT_EQUAL(status_of("."), VAL_ZONE_UNKNOWN);
	CU_ASSERT_FATAL(due(&second));
	CU_ASSERT_EQUAL(first.path, second.path);
	teardown();
}

static void test_pause_grows(void)
{
	uint64_t waited[2] = {0};
	struct ctl_keeper_ask ask;
	unsigned asked = 0;

	setup(true);
	for (unsigned half = 0; half < 2; half++)
		for (uint64_t end = t.ms + 60000; t.ms < end; t.ms += 10)
			if (due(&ask)) {
				ctl_keeper_told(t.k, ask.token, -ETIMEDOUT, NULL, 0, t.ms, NOW);
				waited[half]++;
				asked++;
			}
	CU_ASSERT(asked > 8);             // it does not give up
	CU_ASSERT(waited[0] < 40);        // nor flood
	CU_ASSERT(waited[1] < waited[0]); // and grows patient
	teardown();
}

static void test_clock_is_set(void)
{
	struct ctl_keeper_ask ask, asks[4];

	setup(true);
	for (uint64_t end = t.ms + 60000; t.ms < end; t.ms += 10)
		if (due(&ask))
			ctl_keeper_told(t.k, ask.token, -ETIMEDOUT, NULL, 0, t.ms, NOW);
	CU_ASSERT_EQUAL(ctl_keeper_due(t.k, t.paths, t.ms, NOW + 50, asks, 4), 0); // no jump
	CU_ASSERT_EQUAL(ctl_keeper_due(t.k, t.paths, t.ms, NOW + 110, asks, 4), 1);
	teardown();
	setup(true);
	walk_down();
	CU_ASSERT_EQUAL(ctl_keeper_due(t.k, t.paths, t.ms, NOW, asks, 4), 0);
	CU_ASSERT(ctl_keeper_due(t.k, t.paths, t.ms, NOW + 31536000, asks, 4) > 0);
	CU_ASSERT_EQUAL(status_of("."), VAL_ZONE_UNKNOWN);
	teardown();
}

static void test_lost_answer(void)
{
	struct ctl_keeper_ask ask;

	setup(true);
	CU_ASSERT_FATAL(due(&ask));
	CU_ASSERT_FALSE(due(&ask));
	t.ms += 3 * CTL_KEEPER_TIMEOUT_MS; // not even a timeout was reported
	due(&ask);
	t.ms += 2 * CTL_KEEPER_RETRY_MS;
	CU_ASSERT_TRUE(due(&ask) || ask.token != 0);
	CU_ASSERT_FALSE(ctl_keeper_told(t.k, 12345, 0, NULL, 0, t.ms, NOW));
	teardown();
}

static void test_no_chain(void)
{
	struct ctl_keeper_ask ask;

	setup(false); // com. alone: no anchor, no parent
	CU_ASSERT_FALSE(due(&ask));
	CU_ASSERT_EQUAL(status_of("com."), VAL_ZONE_UNKNOWN);
	CU_ASSERT_TRUE(ctl_keeper_settled(t.k));
	teardown();
}

static void test_keys_end(void)
{
	struct ctl_keeper_ask asks[4];

	setup(true);
	walk_down();
	CU_ASSERT_EQUAL(status_of("com."), VAL_ZONE_SECURE);
	ctl_keeper_due(
		t.k, t.paths, t.ms, NOW + 3601, asks, 4); // beyond the TTL, nothing refreshed
	CU_ASSERT_EQUAL(status_of("com."), VAL_ZONE_UNKNOWN);
	CU_ASSERT_EQUAL(status_of("."), VAL_ZONE_UNKNOWN);
	teardown();
}

static void test_refresh_keeps_what_is_good(void)
{
	struct val_keys *keys = NULL;
	struct ctl_keeper_ask ask;

	setup(true);
	walk_down();
	CU_ASSERT_EQUAL(ctl_keeper_snapshot(t.k, &keys), 1);
	val_keys_free(keys);
	t.ms += 3000 * 1000; // past two thirds of an hour, jitter included
	CU_ASSERT_FATAL(ctl_keeper_due(t.k, t.paths, t.ms, NOW, &ask, 1) == 1);
	CU_ASSERT_TRUE(ctl_keeper_told(t.k, ask.token, -ETIMEDOUT, NULL, 0, t.ms, NOW));
	CU_ASSERT_EQUAL(status_of("."), VAL_ZONE_SECURE);
	CU_ASSERT_EQUAL(status_of("com."), VAL_ZONE_SECURE);
	CU_ASSERT_EQUAL(ctl_keeper_snapshot(t.k, &keys), 0);
	teardown();
}

/* ---- a key that nobody knows ---- */

static const struct val_zone_keys *published(const char *zone)
{
	static struct val_zone_keys copy;
	struct val_keys *keys = NULL;
	struct dns_name name;

	if (ctl_keeper_snapshot(t.k, &keys) == 1) {
		const struct val_zone_keys *z = val_keys_find(keys, kit_wire(zone, &name));
		CU_ASSERT_PTR_NOT_NULL_FATAL(z);
		copy = *z;
		val_keys_free(keys);
	}
	return &copy; // of the last snapshot
}

static bool publishes(const struct val_zone_keys *z, const struct kit_key *key)
{
	for (unsigned i = 0; i < z->count; i++)
		if (z->key[i].rdata_len == key->rdata_len &&
			memcmp(z->key[i].rdata, key->rdata, key->rdata_len) == 0)
			return true;
	return false;
}

static void hint(uint16_t path, uint32_t epoch_s)
{
	struct dns_name name;

	ctl_keeper_hint(t.k, kit_wire("com.", &name), path, t.ms, epoch_s);
}

static uint16_t other_path(uint16_t path)
{
	for (uint16_t id = 0; id < route_paths_count(t.paths); id++)
		if (id != path && dns_name_equal(route_paths_at(t.paths, id)->zone_name.octets,
					  route_paths_at(t.paths, path)->zone_name.octets))
			return id;
	return path;
}

/* com. with the key that the DS names and another one. */
static void answer_two_keys(const struct ctl_keeper_ask *ask)
{
	struct kit_rdata rd[2] = {key_rdata(&t.com), key_rdata(&t.other)};
	static struct kit_msg m;

	kit_init(&m, "com.", DNS_TYPE_DNSKEY, DNS_FLAG_QR | DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, "com.", DNS_TYPE_DNSKEY, 3600, rd, 2, &t.by_com);
	tell(ask, &m);
}

static void test_look(void)
{
	struct ctl_keeper_ask ask;
	uint16_t at;

	setup(true);
	walk_down();
	at = 0xffff;
	for (uint16_t id = 0; id < route_paths_count(t.paths); id++)
		if (route_paths_at(t.paths, id)->zone_name.len == 5)
			at = id; // the last: not where it would go by itself
	CU_ASSERT_FALSE(publishes(published("com."), &t.other));
	for (unsigned i = 0; i < 3; i++)
		hint(at, NOW); // asked once
	CU_ASSERT_FATAL(due(&ask));
	CU_ASSERT_EQUAL(ask.qtype, DNS_TYPE_DNSKEY); // with the DS that is known
	CU_ASSERT_EQUAL(ask.path, at);
	answer_two_keys(&ask);
	CU_ASSERT_TRUE(publishes(published("com."), &t.other));
	CU_ASSERT_EQUAL(published("com.")->look_after, NOW); // another site may have yet another
	hint(other_path(at), NOW);
	CU_ASSERT_FATAL(due(&ask));
	CU_ASSERT_EQUAL(ask.path, other_path(at));
	// the other site has not got so far: nothing is lost
	answer_dnskey(&ask, "com.", &t.com, &t.by_com);
	CU_ASSERT_TRUE(publishes(published("com."), &t.other));
	CU_ASSERT_TRUE(publishes(published("com."), &t.com));
	CU_ASSERT_EQUAL(published("com.")->look_after, NOW + CTL_KEEPER_LOOK_S);
	hint(at, NOW + CTL_KEEPER_LOOK_S - 1);
	CU_ASSERT_FALSE(due(&ask));
	hint(at, NOW + CTL_KEEPER_LOOK_S);
	CU_ASSERT_TRUE(due(&ask));
	teardown();
}

/* In vain: said so, and the next look is farther away each time. */
static void test_look_in_vain(void)
{
	uint32_t epoch = NOW, want = CTL_KEEPER_LOOK_S;
	struct ctl_keeper_ask ask;

	setup(true);
	walk_down();
	for (unsigned i = 0; i < 8; i++) {
		CU_ASSERT_FALSE(due(&ask));
		hint(1, epoch);
		CU_ASSERT_FATAL(due(&ask));
		if (i % 2 == 0) {
			answer_dnskey(&ask, "com.", &t.com, &t.by_com);
		} else {
			CU_ASSERT_TRUE(
				ctl_keeper_told(t.k, ask.token, -ETIMEDOUT, NULL, 0, t.ms, epoch));
			CU_ASSERT_FATAL(due(&ask)); // the round goes on at the next path
			answer_dnskey(&ask, "com.", &t.com, &t.by_com);
		}
		if (i % 2 == 0) // due() and tell() are of NOW
			CU_ASSERT_EQUAL(published("com.")->look_after, NOW + want);
		epoch = published("com.")->look_after;
		want = want < CTL_KEEPER_LOOK_MAX_S ? 2 * want : want;
	}
	CU_ASSERT_EQUAL(want, CTL_KEEPER_LOOK_MAX_S);
	teardown();
}

/* The new key signing key has a DS that we have not seen: the whole way, at once. */
static void test_look_whole_way(void)
{
	struct kit_sign by_other;
	struct ctl_keeper_ask ask;

	setup(true);
	walk_down();
	by_other = sign_by(&t.other, "com.");
	hint(1, NOW);
	CU_ASSERT_FATAL(due(&ask));
	answer_dnskey(&ask, "com.", &t.other, &by_other);
	CU_ASSERT_EQUAL(published("com.")->look_after, 0); // not over yet
	CU_ASSERT_FATAL(due(&ask));
	CU_ASSERT_EQUAL(ask.qtype, DNS_TYPE_DS);
	answer_ds(&ask, &t.other, &t.by_root);
	CU_ASSERT_FATAL(due(&ask));
	CU_ASSERT_EQUAL(ask.qtype, DNS_TYPE_DNSKEY);
	answer_dnskey(&ask, "com.", &t.other, &by_other);
	CU_ASSERT_TRUE(publishes(published("com."), &t.other));
	CU_ASSERT_TRUE(publishes(published("com."), &t.com)); // until its time
	CU_ASSERT_EQUAL(published("com.")->look_after, NOW);
	teardown();
}

static void test_look_not_without_keys(void)
{
	struct ctl_keeper_ask ask;

	setup(true);
	hint(1, NOW);
	CU_ASSERT_FATAL(due(&ask)); // the root's keys, as ever
	CU_ASSERT_EQUAL(ask.qname.len, 1);
	CU_ASSERT_FALSE(due(&ask));
	teardown();
}

/* Each refresh asks another site, so that what only one has is seen in time. */
static void test_sites_in_turn(void)
{
	struct ctl_keeper_ask ask;
	uint16_t first = 0xffff;

	setup(true);
	walk_down();
	for (unsigned i = 0; i < 2; i++) {
		t.ms += 4000000;
		while (ctl_keeper_due(t.k, t.paths, t.ms, NOW, &ask, 1) == 1) {
			if (ask.qname.len == 1) {
				answer_dnskey(&ask, ".", &t.root, &t.by_root);
			} else if (ask.qtype == DNS_TYPE_DS) {
				answer_ds(&ask, &t.com, &t.by_root);
			} else {
				CU_ASSERT_NOT_EQUAL(ask.path, first);
				first = ask.path;
				answer_dnskey(&ask, "com.", &t.com, &t.by_com);
			}
		}
	}
	CU_ASSERT_NOT_EQUAL(first, 0xffff);
	teardown();
}

/* ---- trust anchors on the move ---- */

static enum val_key_state anchor_state(const struct kit_key *key)
{
	const struct val_trustpoint *p = ctl_trust_at(t.trust, 0);

	for (unsigned i = 0; i < p->count; i++)
		if (p->key[i].anchor.key.key_tag == key->tag)
			return p->key[i].state;
	return VAL_KEY_START;
}

/* The question of one zone that is due; the others get no answer. */
static bool due_of(const char *zone, uint32_t epoch_s, struct ctl_keeper_ask *ask)
{
	struct ctl_keeper_ask asks[4];
	size_t n = ctl_keeper_due(t.k, t.paths, t.ms, epoch_s, asks, 4);
	struct dns_name name;
	bool found = false;

	kit_wire(zone, &name);
	for (size_t i = 0; i < n; i++) {
		if (!dns_name_equal(asks[i].qname.octets, name.octets)) {
			ctl_keeper_told(t.k, asks[i].token, -ETIMEDOUT, NULL, 0, t.ms, epoch_s);
			continue;
		}
		*ask = asks[i];
		found = true;
	}
	return found;
}

/* The DNSKEY set of the zone that has the anchor, signed by each of the signers. A kit_key's flags
 * say whether it is revoked. */
static void answer_root(const struct kit_key *const *keys, int count,
	const struct kit_key *const *signers, int signer_count, uint32_t epoch_s)
{
	const char *zone = t.by_root.signer;
	struct kit_rdata rd[3];
	struct ctl_keeper_ask ask;
	static struct kit_msg m;
	uint8_t *msg;
	size_t len;

	for (int i = 0; i < count; i++)
		rd[i] = key_rdata(keys[i]);
	kit_init(&m, zone, DNS_TYPE_DNSKEY, DNS_FLAG_QR | DNS_FLAG_AA);
	for (int i = 0; i < signer_count; i++) {
		struct kit_sign sign = sign_by(signers[i], zone);

		sign.inception = epoch_s - DAY;
		sign.expiration = epoch_s + DAY;
		if (i == 0)
			kit_rrset(&m, DNS_ANSWER, zone, DNS_TYPE_DNSKEY, 3600, rd, count, &sign);
		else
			kit_rrsig(&m, DNS_ANSWER, zone, DNS_TYPE_DNSKEY, 3600, rd, count, &sign);
	}
	t.ms += 2 * 60 * 60 * 1000;
	CU_ASSERT_FATAL(due_of(zone, epoch_s, &ask));
	CU_ASSERT_EQUAL(ask.qtype, DNS_TYPE_DNSKEY);
	msg = kit_finish(&m, &len);
	ctl_keeper_told(t.k, ask.token, 0, msg, len, t.ms, epoch_s);
	free(msg);
}

static struct kit_key revoked_form(const struct kit_key *k)
{
	struct kit_key r = *k;

	dns_put16(r.rdata, dns_get16(r.rdata) | 0x0080);
	r.tag = dns_key_tag(r.rdata, r.rdata_len);
	return r;
}

/* A new swerved goes on from the state file of the one before. */
static void restart(uint32_t epoch_s)
{
	static const struct val_skew none;
	const struct ctl_trust_config cfg = *ctl_trust_config(t.trust);
	char folder[FOLDER_MAX], path[FOLDER_MAX + 16], err[CTL_TRUST_ERR_MAX];

	CU_ASSERT_PTR_NOT_NULL_FATAL(folder_new("keeper", folder));
	snprintf(path, sizeof(path), "%s/anchors", folder);
	CU_ASSERT_EQUAL(ctl_trust_save(t.trust, path, epoch_s, err), 1);
	ctl_keeper_free(t.k);
	ctl_trust_free(t.trust);
	CU_ASSERT_EQUAL_FATAL(ctl_trust_new(&t.anchors, &cfg, epoch_s, &t.trust), 0);
	CU_ASSERT_EQUAL(ctl_trust_load(t.trust, path, epoch_s, err), 1);
	CU_ASSERT_EQUAL_FATAL(ctl_keeper_new(t.trust, &none, false, &t.k), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_keeper_sync(t.k, &t.config), 0);
	unlink(path);
	rmdir(folder);
}

/* The zone that has the anchor rolls from key root to key other. */
static void roll(bool restarts)
{
	const char *zone = t.by_root.signer;
	const struct kit_key *both[2] = {&t.root, &t.other}, *fresh = &t.other;
	const struct kit_key *with_revoked[2];
	struct kit_key revoked;

	revoked = revoked_form(&t.root);
	with_revoked[0] = &revoked;
	with_revoked[1] = &t.other;
	answer_root(both, 2, both, 1, NOW);
	CU_ASSERT_EQUAL(anchor_state(&t.other), VAL_KEY_ADD_PENDING);
	answer_root(&fresh, 1, &fresh, 1, NOW + DAY); // too early: it must not be believed
	CU_ASSERT_EQUAL(status_of(zone), VAL_ZONE_UNKNOWN);
	CU_ASSERT_EQUAL(anchor_state(&t.other), VAL_KEY_ADD_PENDING);
	if (restarts)
		restart(NOW + DAY);
	t.ms += 60000;
	answer_root(both, 2, both, 1, NOW + HOLD);
	CU_ASSERT_EQUAL(anchor_state(&t.other), VAL_KEY_VALID);
	answer_root(&fresh, 1, &fresh, 1, NOW + HOLD + 1); // now it is
	CU_ASSERT_EQUAL(status_of(zone), VAL_ZONE_SECURE);
	CU_ASSERT_EQUAL(anchor_state(&t.root), VAL_KEY_MISSING);
	answer_root(with_revoked, 2, with_revoked, 2, NOW + HOLD + 2);
	CU_ASSERT_EQUAL(anchor_state(&t.root), VAL_KEY_REVOKED);
	CU_ASSERT_EQUAL(status_of(zone), VAL_ZONE_SECURE);
	CU_ASSERT_FALSE(publishes(published(zone), &t.root));
	answer_root(&fresh, 1, &fresh, 1, NOW + 2 * HOLD + 2);
	CU_ASSERT_EQUAL(anchor_state(&t.root), VAL_KEY_REMOVED);
	CU_ASSERT_EQUAL(status_of(zone), VAL_ZONE_SECURE);
}

static void test_root_rolls(void)
{
	for (unsigned restarts = 0; restarts < 2; restarts++) {
		setup(true);
		roll(restarts);
		teardown();
	}
}

/* A trust point that is not routed, behind recursive upstreams: kept like a routed zone. */
static void test_island(void)
{
	const struct kit_key *only = &t.root;
	const struct val_zone_keys *z;
	struct ctl_keeper_ask ask;
	struct dns_name name;

	setup_at(true, "sub.example.", ROUTE_RECURSIVE);
	CU_ASSERT_EQUAL(ctl_keeper_count(t.k), 3);
	CU_ASSERT_FALSE(ctl_keeper_settled(t.k));
	z = published("sub.example.");
	CU_ASSERT(z->anchored);
	CU_ASSERT_EQUAL(z->status, VAL_ZONE_UNKNOWN);
	CU_ASSERT_FATAL(due(&ask)); // and of nothing else: nothing else has an anchor
	CU_ASSERT_EQUAL(ask.qtype, DNS_TYPE_DNSKEY);
	CU_ASSERT(dns_name_equal(ask.qname.octets, kit_wire("sub.example.", &name)));
	CU_ASSERT_EQUAL(path_of(&ask)->zone_name.len, 1); // by way of the root's resolvers
	answer_dnskey(&ask, "sub.example.", &t.root, &t.by_root);
	z = published("sub.example.");
	CU_ASSERT(z->anchored && z->status == VAL_ZONE_SECURE && publishes(z, &t.root));
	CU_ASSERT_FALSE(ctl_keeper_keys(t.k, kit_wire(".", &name))->anchored);
	CU_ASSERT_EQUAL(status_of("."), VAL_ZONE_UNKNOWN);
	CU_ASSERT_TRUE(ctl_keeper_settled(t.k));
	// an unknown key of a reply that came by the root's path may be its
	ctl_keeper_hint(t.k, kit_wire(".", &name), ask.path, t.ms, NOW);
	CU_ASSERT_FATAL(due(&ask));
	CU_ASSERT(dns_name_equal(ask.qname.octets, kit_wire("sub.example.", &name)));
	answer_dnskey(&ask, "sub.example.", &t.root, &t.by_root);
	// new routes: it stays, with its keys
	CU_ASSERT_EQUAL_FATAL(ctl_keeper_sync(t.k, &t.config), 0);
	CU_ASSERT(publishes(published("sub.example."), only));
	// nor is it in an anchor's way that its routes become authoritative
	t.config.zones[1].kind = ROUTE_AUTHORITATIVE;
	CU_ASSERT_EQUAL_FATAL(ctl_keeper_sync(t.k, &t.config), 0);
	CU_ASSERT_EQUAL(ctl_keeper_count(t.k), 2);
	teardown();
}

static void test_island_rolls(void)
{
	for (unsigned restarts = 0; restarts < 2; restarts++) {
		setup_at(true, "sub.example.", ROUTE_RECURSIVE);
		roll(restarts);
		teardown();
	}
}

/* Its last key is revoked: there is no way around it, from above. */
static void test_island_revokes_its_last(void)
{
	const struct kit_key *only, *plain = &t.root;
	struct kit_key revoked;
	struct ctl_keeper_ask ask;

	setup_at(true, "sub.example.", ROUTE_RECURSIVE);
	revoked = revoked_form(&t.root);
	only = &revoked;
	answer_root(&plain, 1, &plain, 1, NOW);
	answer_root(&only, 1, &only, 1, NOW + 1);
	CU_ASSERT_EQUAL(anchor_state(&t.root), VAL_KEY_REVOKED);
	CU_ASSERT_EQUAL(status_of("sub.example."), VAL_ZONE_UNKNOWN);
	CU_ASSERT(published("sub.example.")->anchored);
	t.ms += 60 * 60 * 1000;
	for (unsigned i = 0; i < 8 && due_of("sub.example.", NOW + 2, &ask); i++)
		answer_dnskey(&ask, "sub.example.", &t.root, &t.by_root);
	// the root has an anchor, too, and keys: its DS records are not asked for
	t.anchors.item[1] = t.anchors.item[0];
	kit_wire(".", &t.anchors.item[1].zone);
	memcpy(t.anchors.item[1].key.rdata, t.com.rdata, t.com.rdata_len);
	t.anchors.item[1].key.key_tag = t.com.tag;
	t.anchors.count = 2;
	restart(NOW + 2);
	CU_ASSERT_FATAL(due_of(".", NOW + 2, &ask));
	t.by_root = sign_by(&t.com, ".");
	answer_dnskey(&ask, ".", &t.com, &t.by_root);
	CU_ASSERT_EQUAL(status_of("."), VAL_ZONE_SECURE);
	CU_ASSERT_FALSE(due_of("sub.example.", NOW + 2, &ask));
	CU_ASSERT_EQUAL(status_of("sub.example."), VAL_ZONE_UNKNOWN);
	teardown();
}

/* The last key is revoked: nothing is trusted, nothing is insecure. */
static void test_root_revokes_its_last(void)
{
	const struct kit_key *only, *plain = &t.root;
	struct kit_key revoked;
	struct ctl_keeper_ask ask;

	setup(true);
	revoked = revoked_form(&t.root);
	only = &revoked;
	answer_root(&plain, 1, &plain, 1, NOW);
	CU_ASSERT_EQUAL(status_of("."), VAL_ZONE_SECURE);
	answer_root(&only, 1, &only, 1, NOW + 1);
	CU_ASSERT_EQUAL(anchor_state(&t.root), VAL_KEY_REVOKED);
	CU_ASSERT_EQUAL(status_of("."), VAL_ZONE_UNKNOWN);
	t.ms += 60 * 60 * 1000;
	for (unsigned i = 0; i < 8 && due_of(".", NOW + 2, &ask); i++) // whatever it still asks
		answer_dnskey(&ask, ".", &t.root, &t.by_root);
	CU_ASSERT_EQUAL(status_of("."), VAL_ZONE_UNKNOWN);
	CU_ASSERT_EQUAL(status_of("com."), VAL_ZONE_UNKNOWN);
	teardown();
}

static void test_unsigned_child(void)
{
	static const char *const names[][2] = {
		{".", "NS SOA DNSKEY RRSIG NSEC"}, {"com.", "NS RRSIG NSEC"}};
	struct kit_rdata soa = kit_soa(".");
	static struct kit_chain chain;
	static struct kit_msg m;
	struct ctl_keeper_ask ask;

	setup(true);
	CU_ASSERT_FATAL(due(&ask));
	answer_dnskey(&ask, ".", &t.root, &t.by_root);
	CU_ASSERT_FATAL(due(&ask));
	kit_chain_init(&chain, ".", false, 0, names, 2);
	kit_init(&m, "com.", DNS_TYPE_DS, DNS_FLAG_QR | DNS_FLAG_AA);
	kit_rrset(&m, DNS_AUTHORITY, ".", DNS_TYPE_SOA, 3600, &soa, 1, &t.by_root);
	kit_match(&m, &chain, "com.", &t.by_root);
	tell(&ask, &m);
	CU_ASSERT_EQUAL(status_of("com."), VAL_ZONE_INSECURE);
	CU_ASSERT_TRUE(ctl_keeper_settled(t.k));
	teardown();
}

static void test_bare_no_is_no_proof(void)
{
	static struct kit_msg m;
	struct ctl_keeper_ask ask;

	setup(true);
	CU_ASSERT_FATAL(due(&ask));
	answer_dnskey(&ask, ".", &t.root, &t.by_root);
	CU_ASSERT_FATAL(due(&ask));
	kit_init(&m, "com.", DNS_TYPE_DS, DNS_FLAG_QR | DNS_FLAG_AA);
	tell(&ask, &m); // "no DS", says somebody
	CU_ASSERT_EQUAL(status_of("com."), VAL_ZONE_UNKNOWN);
	teardown();
}

static enum val_reason why_of(const char *zone)
{
	struct val_keys *keys = NULL;
	struct dns_name name;
	enum val_reason why = VAL_R_MAX;

	if (ctl_keeper_snapshot(t.k, &keys) == 1) {
		why = val_keys_find(keys, kit_wire(zone, &name))->why;
		val_keys_free(keys);
	}
	return why;
}

/* Where a chain broke is what clients hear, of the zone and of those below it. */
static void test_why(void)
{
	struct kit_sign over;
	struct ctl_keeper_ask ask;

	setup(true);
	CU_ASSERT_EQUAL(why_of("com."), VAL_R_NO_CHAIN);
	over = t.by_root;
	over.expiration = NOW - 1;
	CU_ASSERT_TRUE_FATAL(due(&ask));
	answer_dnskey(&ask, ".", &t.root, &over);
	due(&ask);
	CU_ASSERT_EQUAL(why_of("."), VAL_R_SIG_EXPIRED);
	due(&ask);
	CU_ASSERT_EQUAL(why_of("com."), VAL_R_MAX); // told once
	teardown();

	setup(true);
	CU_ASSERT_TRUE_FATAL(due(&ask));
	answer_dnskey(&ask, ".", &t.root, &t.by_root);
	CU_ASSERT_TRUE_FATAL(due(&ask));
	over = t.by_root;
	over.expiration = NOW - 1;
	answer_ds(&ask, &t.com, &over);
	CU_ASSERT_EQUAL(why_of("com."), VAL_R_SIG_EXPIRED);
	// and keys that come at last are keys
	t.ms += 60000;
	CU_ASSERT_TRUE_FATAL(due(&ask));
	answer_ds(&ask, &t.com, &t.by_root);
	CU_ASSERT_TRUE_FATAL(due(&ask));
	answer_dnskey(&ask, "com.", &t.com, &t.by_com);
	CU_ASSERT_EQUAL(why_of("com."), VAL_R_NONE);
	teardown();
}

/* A key set that UDP is too small for: the same question, under the same token, over TCP. */
static void test_by_tcp(void)
{
	struct ctl_keeper_ask ask, again;

	setup(true);
	CU_ASSERT_TRUE_FATAL(due(&ask));
	CU_ASSERT_FALSE(ctl_keeper_by_tcp(t.k, ask.token + 1, t.ms, &again));
	CU_ASSERT_FALSE(ctl_keeper_by_tcp(t.k, 0, t.ms, &again));
	t.ms += 2 * CTL_KEEPER_TIMEOUT_MS - 1; // just before it counts as lost
	CU_ASSERT_TRUE_FATAL(ctl_keeper_by_tcp(t.k, ask.token, t.ms, &again));
	CU_ASSERT_TRUE(again.token == ask.token && again.qtype == ask.qtype &&
		       again.path == ask.path &&
		       dns_name_equal(again.qname.octets, ask.qname.octets));
	t.ms += CTL_KEEPER_TIMEOUT_MS; // not lost: the new way has its own time
	CU_ASSERT_FALSE(due(&again));
	answer_dnskey(&ask, ".", &t.root, &t.by_root);
	CU_ASSERT_EQUAL(status_of("."), VAL_ZONE_SECURE);
	teardown();
}

/* ---- negative trust anchors ---- */

static enum val_zone_status published_status(const char *zone)
{
	struct val_keys *keys = NULL;
	enum val_zone_status status = VAL_ZONE_UNKNOWN;
	const struct val_zone_keys *z;
	struct dns_name name;

	CU_ASSERT_EQUAL_FATAL(ctl_keeper_snapshot(t.k, &keys), 1);
	z = val_keys_find(keys, kit_wire(zone, &name));
	CU_ASSERT_PTR_NOT_NULL(z);
	if (z != NULL)
		status = z->status;
	val_keys_free(keys);
	return status;
}

static void set_ntas(const char *a, const char *b)
{
	struct dns_name names[2];
	size_t n = 0;

	if (a != NULL)
		kit_wire(a, &names[n++]);
	if (b != NULL)
		kit_wire(b, &names[n++]);
	ctl_keeper_set_ntas(t.k, names, n);
}

static void test_negative_anchors(void)
{
	struct dns_name name;

	setup(true);
	walk_down();
	CU_ASSERT_EQUAL(published_status("com."), VAL_ZONE_SECURE);
	set_ntas("com.", "x.net.");
	CU_ASSERT_EQUAL(published_status("com."), VAL_ZONE_NTA);
	set_ntas("com.", "x.net.");
	CU_ASSERT_EQUAL(published_status("x.net."), VAL_ZONE_NTA); // where no zone is routed
	set_ntas("com.", NULL);
	CU_ASSERT_EQUAL(published_status("."), VAL_ZONE_SECURE); // nothing above it
	// the chain itself goes on, and says what would be without
	CU_ASSERT_EQUAL(ctl_keeper_keys(t.k, kit_wire("com.", &name))->status, VAL_ZONE_SECURE);
	CU_ASSERT_PTR_NULL(ctl_keeper_keys(t.k, kit_wire("net.", &name)));
	set_ntas(NULL, NULL);
	CU_ASSERT_EQUAL(published_status("com."), VAL_ZONE_SECURE);
	teardown();
}

/* The root has a trust anchor: an anchor of the same name is meant, com. goes with it. */
static void test_negative_at_anchor(void)
{
	setup(true);
	walk_down();
	set_ntas(".", NULL);
	CU_ASSERT_EQUAL(published_status("."), VAL_ZONE_NTA);
	set_ntas(".", NULL);
	CU_ASSERT_EQUAL(published_status("com."), VAL_ZONE_NTA);
	teardown();
}

/* A trust anchor below a negative one wins (RFC 7646 s2). */
static void test_anchor_below_negative(void)
{
	static const struct val_skew none;
	const struct ctl_trust_config follow = {0};
	struct ctl_trust *trust;
	struct ctl_keeper *k;

	setup(true);
	kit_wire("com.", &t.anchors.item[0].zone);
	CU_ASSERT_EQUAL_FATAL(ctl_trust_new(&t.anchors, &follow, NOW, &trust), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_keeper_new(trust, &none, false, &k), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_keeper_sync(k, &t.config), 0);
	ctl_keeper_free(t.k);
	ctl_trust_free(t.trust);
	t.k = k;
	t.trust = trust;
	set_ntas(".", NULL);
	CU_ASSERT_EQUAL(published_status("."), VAL_ZONE_NTA);
	set_ntas(".", NULL);
	CU_ASSERT_EQUAL(
		published_status("com."), VAL_ZONE_UNKNOWN); // not asked for yet, not negative
	teardown();
}

static void test_negative_settles(void)
{
	setup(true);
	CU_ASSERT_FALSE(ctl_keeper_settled(t.k));
	set_ntas(".", NULL);
	CU_ASSERT_TRUE(ctl_keeper_settled(t.k)); // nobody has to wait for its keys
	teardown();
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"from the anchor to the zone's keys", test_chain},
		{"a failure goes to the next path", test_next_path},
		{"pauses grow", test_pause_grows},
		{"a clock that is set ends the pauses", test_clock_is_set},
		{"a lost answer is not waited for", test_lost_answer},
		{"no anchor, no parent: no chain", test_no_chain},
		{"keys end", test_keys_end},
		{"a refresh that fails keeps what is good", test_refresh_keeps_what_is_good},
		{"an unknown key is looked for where it was seen", test_look},
		{"looks in vain get rarer", test_look_in_vain},
		{"a look goes the whole way if need be", test_look_whole_way},
		{"no look without keys", test_look_not_without_keys},
		{"sites in turn", test_sites_in_turn},
		{"the root rolls its key", test_root_rolls},
		{"a trust point that is not routed", test_island},
		{"it rolls", test_island_rolls},
		{"it revokes its last key", test_island_revokes_its_last},
		{"the root revokes its last key", test_root_revokes_its_last},
		{"negative trust anchors", test_negative_anchors},
		{"a negative anchor at a trust anchor", test_negative_at_anchor},
		{"a trust anchor below a negative one", test_anchor_below_negative},
		{"what is negative is settled", test_negative_settles},
		{"a proof of no DS makes insecure", test_unsigned_child},
		{"a bare no is no proof", test_bare_no_is_no_proof},
		{"where the chain broke", test_why},
		{"TC=1: the same again over TCP", test_by_tcp},
		CU_TEST_INFO_NULL,
	};

	return test_run("control/keeper", tests);
}
