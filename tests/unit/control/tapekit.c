#include "tests/unit/control/tapekit.h"

#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "control/addr.h"

struct tape_world tape_world;

struct kit_sign tape_sign_by(const struct kit_key *key, const char *zone)
{
	return (struct kit_sign){.key = key,
		.signer = zone,
		.labels = -1,
		.original_ttl = 3600,
		.inception = NOW - DAY,
		.expiration = NOW + DAY};
}

void tape_world_new(void)
{
	static const char *const com[][2] = {{"com.", "NS SOA RRSIG NSEC DNSKEY"},
		{"plain.com.", "NS RRSIG NSEC"}, {"shop.com.", "NS DS RRSIG NSEC"}};
	static const char *const shop[][2] = {{"shop.com.", "NS SOA RRSIG NSEC DNSKEY"},
		{"*.w.shop.com.", "A RRSIG NSEC"}, {"www.shop.com.", "A RRSIG NSEC"}};

	kit_key_new(&tape_world.root, 257);
	kit_key_new(&tape_world.com, 257);
	kit_key_new(&tape_world.shop, 257);
	kit_key_new(&tape_world.other, 257);
	tape_world.by_root = tape_sign_by(&tape_world.root, ".");
	tape_world.by_com = tape_sign_by(&tape_world.com, "com.");
	tape_world.by_shop = tape_sign_by(&tape_world.shop, "shop.com.");
	tape_world.unsigned_ = (struct kit_sign){.key = NULL};
	kit_chain_init(&tape_world.com_chain, "com.", false, 0, com, 3);
	kit_chain_init(&tape_world.shop_chain, "shop.com.", false, 0, shop, 3);
	tape_world.anchors.count = 1;
	tape_world.anchors.item[0] =
		(struct val_anchor){.zone = {1, 0, ""}, .type = DNS_TYPE_DNSKEY};
	memcpy(tape_world.anchors.item[0].key.rdata, tape_world.root.rdata,
		tape_world.root.rdata_len);
	tape_world.anchors.item[0].key.rdata_len = tape_world.root.rdata_len;
	tape_world.anchors.item[0].key.key_tag = tape_world.root.tag;
	tape_world.anchors.item[0].key.algorithm = 13;
}

void tape_world_free(void)
{
	kit_key_free(&tape_world.root);
	kit_key_free(&tape_world.com);
	kit_key_free(&tape_world.shop);
	kit_key_free(&tape_world.other);
}

struct tape tape;

void tape_clear(void)
{
	for (int i = 0; i < tape.count; i++)
		free(tape.item[i].data);
	tape.count = 0;
}

void tape_add_at(struct kit_msg *m, const char *server, int64_t time_s)
{
	int i = tape.count++;

	tape.item[i].data = kit_finish(m, &tape.item[i].len);
	tape.item[i].time_us = time_s * 1000000 + i;
	tape.item[i].server = server;
	tape.item[i].query = (tape.item[i].data[2] & 0x80) == 0;
}

void tape_add(struct kit_msg *m, const char *server)
{
	tape_add_at(m, server, NOW);
}

struct kit_msg tape_msg;

void tape_opt(bool do_bit)
{
	// owner, type, size as class, TTL, RDLENGTH
	const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, do_bit ? 0x80 : 0, 0, 0, 0};

	memcpy(tape_msg.buf + tape_msg.len, opt, sizeof(opt));
	tape_msg.len += sizeof(opt);
	tape_msg.counts[3]++;
}

struct kit_rdata tape_key_rdata(const struct kit_key *key)
{
	struct kit_rdata rd = {.len = key->rdata_len};

	memcpy(rd.octets, key->rdata, key->rdata_len);
	return rd;
}

void tape_one(enum dns_section s, const char *owner, uint16_t type, struct kit_rdata rd,
	const struct kit_sign *sign)
{
	kit_rrset(&tape_msg, s, owner, type, 3600, &rd, 1, sign);
}

void tape_dnskey(const char *zone, const struct kit_key *key, const struct kit_sign *sign)
{
	kit_init(&tape_msg, zone, DNS_TYPE_DNSKEY, AA);
	tape_one(DNS_ANSWER, zone, DNS_TYPE_DNSKEY, tape_key_rdata(key), sign);
}

void tape_deny(struct kit_chain *c, const char *proof, const struct kit_sign *sign)
{
	memset(c->written, 0, sizeof(c->written));
	kit_proof(&tape_msg, c, proof, sign);
}

void tape_base(void)
{
	tape_clear();
	tape_dnskey(".", &tape_world.root, &tape_world.by_root);
	tape_add(&tape_msg, ROOT);
	kit_init(&tape_msg, "com.", DNS_TYPE_DS, AA);
	tape_one(DNS_ANSWER, "com.", DNS_TYPE_DS, kit_ds(&tape_world.com, "com."),
		&tape_world.by_root);
	tape_add(&tape_msg, ROOT);
	tape_dnskey("com.", &tape_world.com, &tape_world.by_com);
	tape_add(&tape_msg, COM);
	kit_init(&tape_msg, "www.shop.com.", DNS_TYPE_A, REFERRAL);
	tape_one(DNS_AUTHORITY, "shop.com.", DNS_TYPE_NS, kit_name("ns.shop.com."),
		&tape_world.unsigned_);
	tape_one(DNS_AUTHORITY, "shop.com.", DNS_TYPE_DS, kit_ds(&tape_world.shop, "shop.com."),
		&tape_world.by_com);
	tape_add(&tape_msg, COM);
	tape_dnskey("shop.com.", &tape_world.shop, &tape_world.by_shop);
	tape_add(&tape_msg, SHOP);
	kit_init(&tape_msg, "www.plain.com.", DNS_TYPE_A, REFERRAL);
	tape_one(DNS_AUTHORITY, "plain.com.", DNS_TYPE_NS, kit_name("ns.plain.com."),
		&tape_world.unsigned_);
	tape_deny(&tape_world.com_chain, "=plain.com.", &tape_world.by_com);
	tape_add(&tape_msg, COM);
}

struct tape_got tape_got;

void tape_take(void *arg, const struct ctl_judged *j, const struct dns_msg *msg)
{
	(void)arg;
	tape_got.count++;
	tape_got.last = *j;
	if (tape_got.table != NULL)
		ctl_inspect_table_add(tape_got.table, j, msg);
}

void tape_play_one(struct ctl_inspect *i, int k)
{
	struct ctl_capture_msg c = {.time_us = tape.item[k].time_us, .sport = 53, .dport = 4000};

	if (ctl_addr_from_text(tape.item[k].server, &c.src) != 0 ||
		ctl_addr_from_text("10.9.9.1", &c.dst) != 0)
		abort();
	if (tape.item[k].query) {
		struct route_addr t = c.src;

		c.src = c.dst;
		c.dst = t;
		c.sport = 4000;
		c.dport = 53;
	}
	c.data = tape.item[k].data;
	c.len = tape.item[k].len;
	ctl_inspect_message(i, &c);
}

void tape_play_with(const struct ctl_inspect_options *o, int drop, bool backwards)
{
	struct ctl_inspect_options options = *o;
	struct ctl_inspect *i;

	options.anchors = &tape_world.anchors;
	tape_got.count = 0;
	CU_ASSERT_EQUAL_FATAL(ctl_inspect_new(&options, tape_take, NULL, &i), 0);
	for (int k = 0; k < tape.count; k++)
		if ((backwards ? tape.count - 1 - k : k) != drop)
			tape_play_one(i, backwards ? tape.count - 1 - k : k);
	ctl_inspect_build(i);
	for (int k = 0; k < tape.count; k++)
		if (k != drop)
			tape_play_one(i, k);
	ctl_inspect_free(i);
}

void tape_play(void)
{
	static const struct ctl_inspect_options plain;

	tape_play_with(&plain, -1, false);
}
