#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "control/addr.h"
#include "control/tcp_resolve.h"
#include "dns/text.h"
#include "dns/wire.h"
#include "dns/writer.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"
#include "tests/unit/validator/treekit.h"

/* Everything is real and on loopback: two upstreams at 127.0.0.11 and .12, our listener at
 * 127.0.0.1. Only the dataplane is not there; the world does not notice. */

enum { PATIENCE = 30000, BIG = 17 };

static const struct route_addr loopback = {4, {127, 0, 0, 1}}, first = {4, {127, 0, 0, 11}},
			       second = {4, {127, 0, 0, 12}};

/* What an upstream does with a query. */
enum manner { RESOLVER, GOOD, FLIPPED, SILENT, SERVFAIL, TRUNCATED, OTHER_NAME, HANGS_UP };

static struct {
	uv_loop_t loop;
	struct kit_key key;
	struct tree tree; // of which a RESOLVER knows
	bool resolvers;   // both are, for the root
	uint32_t now;
	struct dp_config cfg;
	struct ctl_world *world;
	struct ctl_tcp_asks *asks;
	struct ctl_resolver *resolver;
	struct ctl_listen *up[2], *down;
	uint16_t port;
	enum manner manner[2];
	unsigned asked[2];
	struct ctl_listen_ticket *kept[16];
	unsigned kept_count;
	uint16_t last_flags; // of the last query that an upstream saw
} t;

/* Nobody looks at views: they stay until the world ends. */
static int fake_publish(void *dp, const struct dp_view *view,
	void (*done)(void *arg, const struct dp_view *old), void *arg)
{
	(void)dp, (void)view, (void)done, (void)arg;
	return 0;
}

static void fake_forget(void *dp, uint16_t path)
{
	(void)dp, (void)path;
}

/* ---- upstreams ---- */

static uint8_t *signed_answer(const uint8_t *query, enum manner manner, size_t *len)
{
	static struct kit_msg m;
	struct kit_sign sign = {.key = &t.key,
		.signer = "com.",
		.labels = -1,
		.original_ttl = 300,
		.inception = t.now - 100,
		.expiration = t.now + 1000};
	struct kit_rdata rd[BIG];

	for (unsigned i = 0; i < BIG; i++) {
		memset(rd[i].octets, 'a' + (int)i, sizeof(rd[i].octets));
		rd[i].octets[0] = 200;
		rd[i].len = 201;
	}
	const char *owner = manner == OTHER_NAME ? "other.com." : "large.com.";
	kit_init(&m, owner, 16, DNS_FLAG_QR | DNS_FLAG_AA);
	m.harm = manner == FLIPPED ? KIT_FLIP : KIT_NONE;
	kit_rrset(&m, DNS_ANSWER, owner, 16, 300, rd, BIG, &sign);
	uint8_t *msg = kit_finish(&m, len);
	memcpy(msg, query, 2);
	if (manner == SERVFAIL)
		msg[3] = DNS_RCODE_SERVFAIL;
	if (manner == TRUNCATED)
		msg[2] |= DNS_FLAG_TC >> 8;
	return msg;
}

static uint8_t *resolved(const uint8_t *query, uint16_t query_len, size_t *len)
{
	static struct dns_msg m;
	char name[DNS_NAME_TEXT_MAX];

	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&m, query, query_len), 0);
	dns_name_to_text(m.qname.octets, name, sizeof(name));
	uint8_t *msg = tree_answer(&t.tree, name, m.qtype, len);
	memcpy(msg, query, 2);
	return msg;
}

static void on_upstream(void *arg, struct ctl_listen_ticket *ticket,
	const struct route_addr *client, const uint8_t *query, uint16_t query_len)
{
	unsigned i = (unsigned)(uintptr_t)arg;
	size_t len;

	CU_ASSERT_TRUE(route_addr_equal(client, &loopback));
	CU_ASSERT_TRUE_FATAL(query_len > DNS_HEADER_LEN);
	t.asked[i]++;
	t.last_flags = dns_get16(query + DNS_OFF_FLAGS);
	if (t.manner[i] == SILENT) {
		t.kept[t.kept_count++] = ticket;
		return;
	}
	if (t.manner[i] == HANGS_UP) {
		ctl_listen_reply(ticket, NULL, 0);
		return;
	}
	uint8_t *msg = t.manner[i] == RESOLVER ? resolved(query, query_len, &len)
					       : signed_answer(query, t.manner[i], &len);
	ctl_listen_reply(ticket, msg, (uint16_t)len);
	free(msg);
}

/* ---- the bench ---- */

static void set_world(void)
{
	static const struct ctl_world_ops ops = {fake_publish, fake_forget, NULL, NULL};
	struct route_config c = {.site_count = 2, .zone_count = 1};
	const struct kit_key *keys[] = {&t.key};
	struct val_zone_keys zone;
	struct val_keys *all;
	char err[256];

	c.sites = calloc(2, sizeof(*c.sites));
	c.zones = calloc(1, sizeof(*c.zones));
	c.zones[0].name = (struct dns_name){5, 1, "\3com"};
	if (t.resolvers) {
		c.zones[0].name = (struct dns_name){.len = 1};
		c.zones[0].kind = ROUTE_RECURSIVE;
	}
	c.zones[0].order_count = 1;
	c.zones[0].orders = calloc(1, sizeof(*c.zones[0].orders));
	c.zones[0].orders[0].region = ROUTE_REGION_NONE;
	c.zones[0].orders[0].site_count = 2;
	c.zones[0].orders[0].sites = calloc(2, sizeof(uint16_t));
	c.zones[0].orders[0].sites[1] = 1;
	for (unsigned i = 0; i < 2; i++) {
		c.sites[i].name[0] = (char)('a' + i);
		c.sites[i].addr_count = 1;
		c.sites[i].addrs = calloc(1, sizeof(struct route_addr));
		c.sites[i].addrs[0] = i ? second : first;
	}
	CU_ASSERT_EQUAL_FATAL(ctl_world_new(&ops, "", &t.world), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_world_set_routes(t.world, &c, 0, err, sizeof(err)), 0);
	if (t.resolvers)
		tree_keys(&t.tree, ".", &zone);
	else
		kit_zone_keys(&zone, "com.", keys, 1, t.now);
	CU_ASSERT_EQUAL_FATAL(val_keys_new(&zone, 1, &all), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_world_set_keys(t.world, all), 0);
}

static void setup(enum manner a, enum manner b)
{
	struct ctl_listen_settings s = {true, 64, 60000, 10000};
	struct route_addr source[2] = {loopback, {0}};
	uint16_t port;

	memset(&t, 0, sizeof(t));
	t.now = (uint32_t)time(NULL);
	t.manner[0] = a;
	t.manner[1] = b;
	t.cfg.tries = 4;
	t.cfg.edns_size = 1232;
	t.cfg.source[0] = loopback;
	kit_key_new(&t.key, 257);
	tree_new(&t.tree, t.now);
	t.resolvers = a == RESOLVER;
	CU_ASSERT_EQUAL_FATAL(uv_loop_init(&t.loop), 0);
	for (uintptr_t i = 0; i < 2; i++)
		CU_ASSERT_EQUAL_FATAL(
			ctl_listen_new(&t.loop, &s, on_upstream, (void *)i, &t.up[i]), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_listen_on(t.up[0], &first, 0, &port), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_listen_on(t.up[1], &second, port, NULL), 0);
	set_world();
	CU_ASSERT_EQUAL_FATAL(ctl_tcp_asks_new(&t.loop, source, port, &t.asks), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_resolver_new(&t.cfg, t.world, t.asks, &t.resolver), 0);
	CU_ASSERT_EQUAL_FATAL(
		ctl_listen_new(&t.loop, &s, ctl_resolver_query, t.resolver, &t.down), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_listen_on(t.down, &loopback, 0, &t.port), 0);
}

static void teardown(void)
{
	ctl_tcp_asks_free(t.asks);
	ctl_listen_free(t.down);
	ctl_resolver_free(t.resolver);
	for (unsigned i = 0; i < t.kept_count; i++)
		ctl_listen_reply(t.kept[i], NULL, 0);
	ctl_listen_free(t.up[0]);
	ctl_listen_free(t.up[1]);
	uv_run(&t.loop, UV_RUN_DEFAULT);
	CU_ASSERT_EQUAL(uv_loop_close(&t.loop), 0);
	ctl_world_free(t.world);
	kit_key_free(&t.key);
	tree_free(&t.tree);
}

/* ---- a client ---- */

struct heard {
	size_t len; // 0: hung up, or nothing
	uint8_t bytes[2 + 65535];
	struct dns_msg msg;
	uint16_t rcode;
	int ede;
};

static int find_ede(const struct dns_msg *msg)
{
	uint16_t pos = 0, code, len;
	const uint8_t *val;

	while (dns_edns_option(msg, &pos, &code, &val, &len) == 1)
		if (code == 15 && len >= 2)
			return dns_get16(val);
	return DNS_EDE_NONE;
}

static void hear(int fd, struct heard *h)
{
	size_t n = 0;

	h->len = 0;
	for (unsigned i = 0; i < PATIENCE; i++) {
		ssize_t k = recv(fd, h->bytes + n, sizeof(h->bytes) - n, MSG_DONTWAIT);
		if (k == 0)
			return;
		n += k > 0 ? (size_t)k : 0;
		if (n >= 2 && n == 2u + dns_get16(h->bytes))
			break;
		uv_run(&t.loop, UV_RUN_NOWAIT);
		usleep(100);
	}
	CU_ASSERT_TRUE_FATAL(n >= 2 && n == 2u + dns_get16(h->bytes));
	h->len = n - 2;
	CU_ASSERT_EQUAL_FATAL(dns_msg_parse(&h->msg, h->bytes + 2, h->len), 0);
	h->rcode = dns_msg_rcode(&h->msg);
	h->ede = find_ede(&h->msg);
}

static struct heard *ask_raw(const uint8_t *query, size_t len)
{
	static struct heard h;
	struct sockaddr_storage sa;
	uint8_t prefix[2] = {(uint8_t)(len >> 8), (uint8_t)len};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ctl_addr_to_sockaddr(&loopback, t.port, &sa);
	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&sa, sizeof(struct sockaddr_in)), 0);
	send(fd, prefix, 2, MSG_NOSIGNAL);
	send(fd, query, len, MSG_NOSIGNAL);
	hear(fd, &h);
	close(fd);
	return &h;
}

static struct heard *ask(const char *name, uint16_t type, uint16_t flags, bool edns, bool do_bit)
{
	struct dns_writer w;
	uint8_t buf[512];

	dns_writer_init(&w, buf, sizeof(buf), 0xbeef, flags);
	dns_writer_question(&w, (const uint8_t *)name, type, 1);
	if (edns)
		dns_writer_opt(&w, 1232, do_bit, 0, DNS_EDE_NONE, NULL);
	return ask_raw(buf, (size_t)dns_writer_end(&w));
}

/* ---- tests ---- */

static void test_large_answer(void)
{
	setup(GOOD, GOOD);
	struct heard *h = ask("\5laRge\3com", 16, DNS_FLAG_RD, true, true);
	CU_ASSERT_EQUAL(h->rcode, DNS_RCODE_NOERROR);
	CU_ASSERT_TRUE(h->len > 3400); // far beyond UDP, and whole
	CU_ASSERT_EQUAL(h->msg.section_start[1], BIG + 1);
	CU_ASSERT_EQUAL(h->msg.id, 0xbeef);
	CU_ASSERT_TRUE(h->msg.flags & DNS_FLAG_AD);
	CU_ASSERT_FALSE(h->msg.flags & DNS_FLAG_TC);
	CU_ASSERT_EQUAL(memcmp(h->msg.qname.octets, "\5laRge\3com", 11), 0);
	CU_ASSERT_TRUE(t.asked[0] == 1 && t.asked[1] == 0);
	CU_ASSERT_EQUAL(t.last_flags & DNS_FLAG_RD, 0);

	// without EDNS there is no 512 octets' limit over TCP, and no signatures
	h = ask("\5large\3com", 16, 0, false, false);
	CU_ASSERT_TRUE(h->len > 3400);
	CU_ASSERT_EQUAL(h->msg.section_start[1], BIG);
	CU_ASSERT_FALSE(h->msg.edns.present);
	teardown();
}

static void test_other_site(void)
{
	static const struct {
		const char *name;
		enum manner manner;
	} rows[] = {
		{"bogus", FLIPPED},
		{"SERVFAIL", SERVFAIL},
		{"TC=1 over TCP", TRUNCATED},
		{"another question", OTHER_NAME},
		{"hangs up", HANGS_UP},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setup(rows[i].manner, GOOD);
		struct heard *h = ask("\5large\3com", 16, 0, true, true);
		if (h->rcode != DNS_RCODE_NOERROR || !(h->msg.flags & DNS_FLAG_AD) ||
			t.asked[0] != 1 || t.asked[1] != 1 ||
			memcmp(h->msg.qname.octets, "\5large", 6) != 0)
			CU_FAIL(rows[i].name);
		teardown();
	}
}

static void test_no_good_site(void)
{
	struct ctl_resolver_stats s;

	setup(HANGS_UP, FLIPPED);
	struct heard *h = ask("\5large\3com", 16, 0, true, true);
	CU_ASSERT_EQUAL(h->rcode, DNS_RCODE_SERVFAIL);
	CU_ASSERT_EQUAL(h->ede, DNS_EDE_BOGUS); // what a server said outranks silence
	CU_ASSERT_FALSE(h->msg.flags & DNS_FLAG_AD);
	ctl_resolver_stats(t.resolver, &s);
	CU_ASSERT_TRUE(s.answered == 1 && s.forwarded == 0 && s.tries == 2 && s.pending == 0);

	// CD=1: the client judges for himself
	t.manner[0] = FLIPPED;
	h = ask("\5large\3com", 16, DNS_FLAG_CD, true, true);
	CU_ASSERT_EQUAL(h->rcode, DNS_RCODE_NOERROR);
	CU_ASSERT_FALSE(h->msg.flags & DNS_FLAG_AD);
	teardown();
}

static void test_answered_here(void)
{
	static const uint8_t update[12] = {0xbe, 0xef, 0x28};

	setup(GOOD, GOOD);
	struct heard *h = ask("\7example\3org", 1, 0, true, false);
	CU_ASSERT_EQUAL(h->rcode, DNS_RCODE_REFUSED);
	CU_ASSERT_EQUAL(h->ede, DNS_EDE_NOT_AUTHORITATIVE);
	h = ask("\3com", DNS_TYPE_AXFR, 0, true, false);
	CU_ASSERT_EQUAL(h->rcode, DNS_RCODE_REFUSED);
	h = ask("\3com", DNS_TYPE_DS, 0, true, false); // the root's, and not routed
	CU_ASSERT_EQUAL(h->rcode, DNS_RCODE_REFUSED);
	h = ask_raw(update, sizeof(update));
	CU_ASSERT_EQUAL(h->rcode, DNS_RCODE_NOTIMP);
	CU_ASSERT_EQUAL(t.asked[0] + t.asked[1], 0);
	teardown();
}

static void test_hung_up_on(void)
{
	static const uint8_t reply[12] = {0, 0, 0x84};
	struct ctl_resolver_stats s;

	setup(GOOD, GOOD);
	CU_ASSERT_EQUAL(ask_raw(reply, 11)->len, 0);
	CU_ASSERT_EQUAL(ask_raw(reply, 12)->len, 0);
	t.cfg.allow[0] = (struct route_prefix){{4, {192, 0, 2}}, 24};
	t.cfg.allow_count = 1;
	CU_ASSERT_EQUAL(ask("\5large\3com", 16, 0, true, true)->len, 0);
	ctl_resolver_stats(t.resolver, &s);
	CU_ASSERT_EQUAL(s.hung_up, 3);
	teardown();
}

/* swerved ends while a site is silent: the client is hung up on, nothing leaks. */
static void test_end_while_pending(void)
{
	struct sockaddr_storage sa;
	struct ctl_resolver_stats s = {0};
	struct dns_writer w;
	uint8_t buf[512];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setup(SILENT, SILENT);
	ctl_addr_to_sockaddr(&loopback, t.port, &sa);
	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&sa, sizeof(struct sockaddr_in)), 0);
	dns_writer_init(&w, buf + 2, sizeof(buf) - 2, 1, 0);
	dns_writer_question(&w, (const uint8_t *)"\5large\3com", 16, 1);
	int len = dns_writer_end(&w);
	dns_put16(buf, (uint16_t)len);
	send(fd, buf, (size_t)len + 2, MSG_NOSIGNAL);
	for (unsigned i = 0; i < PATIENCE && t.kept_count == 0; i++) {
		uv_run(&t.loop, UV_RUN_NOWAIT);
		usleep(100);
	}
	ctl_resolver_stats(t.resolver, &s);
	CU_ASSERT_TRUE(s.pending == 1 && t.kept_count == 1);
	teardown();
	CU_ASSERT_TRUE(recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0); // SERVFAIL or the end
	close(fd);
}

static struct heard *resolve(const char *name)
{
	struct dns_name n;

	return ask((const char *)kit_wire(name, &n), DNS_TYPE_A, DNS_FLAG_RD, true, true);
}

/* Behind resolvers the verdict is UDP's: keys of any zone are asked for. */
static void test_chain(void)
{
	static const struct {
		const char *name;
		uint16_t rcode;
		bool ad;
		int ede;
	} rows[] = {
		{"www.sec.test.", DNS_RCODE_NOERROR, true, DNS_EDE_NONE},
		{"opt.sec.test.", DNS_RCODE_NOERROR, true, DNS_EDE_NONE},
		{"nx.sec.test.", DNS_RCODE_NXDOMAIN, true, DNS_EDE_NONE},
		{"www.ins.test.", DNS_RCODE_NOERROR, false, DNS_EDE_NONE},
		{"www.gost.test.", DNS_RCODE_NOERROR, false, DNS_EDE_UNSUPPORTED_DNSKEY_ALG},
		{"www.bad.test.", DNS_RCODE_SERVFAIL, false, DNS_EDE_DNSKEY_MISSING},
	};

	setup(RESOLVER, RESOLVER);
	t.cfg.failure_ttl_s = 5;
	t.tree.chatty = true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct heard *h = resolve(rows[i].name);

		UNIT_CHECK(rows[i].name, h->rcode == rows[i].rcode && h->ede == rows[i].ede);
		UNIT_CHECK(rows[i].name, ((h->msg.flags & DNS_FLAG_AD) != 0) == rows[i].ad);
		// additions of a secure answer are left out
		UNIT_CHECK(rows[i].name,
			!rows[i].ad || h->msg.section_start[DNS_ADDITIONAL] + 1 == h->msg.rr_count);
	}
	// what has been found is known
	t.tree.questions = 0;
	resolve("www.sec.test.");
	CU_ASSERT_EQUAL(t.tree.questions, 1);
	teardown();
}

/* Without good keys there is no answer; without a resolver there is another. */
static void test_spoiled_chain(void)
{
	setup(RESOLVER, RESOLVER);
	t.tree.harm_name = "sec.test.";
	t.tree.harm_type = DNS_TYPE_DNSKEY;
	t.tree.harm = KIT_FLIP;
	struct heard *h = resolve("www.sec.test.");
	CU_ASSERT_EQUAL(h->rcode, DNS_RCODE_SERVFAIL);
	CU_ASSERT_EQUAL(h->ede, DNS_EDE_BOGUS);
	CU_ASSERT_TRUE(t.asked[0] > 1 && t.asked[1] >= 1);
	teardown();
	setup(RESOLVER, RESOLVER);
	t.manner[0] = SILENT;
	CU_ASSERT_EQUAL(resolve("www.sec.test.")->rcode, DNS_RCODE_NOERROR);
	teardown();
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"an answer that UDP is too small for", test_large_answer},
		{"a bad site's question goes to another", test_other_site},
		{"no site is good", test_no_good_site},
		{"behind resolvers", test_chain},
		{"behind resolvers, keys spoiled", test_spoiled_chain},
		{"what is answered here", test_answered_here},
		{"who is hung up on", test_hung_up_on},
		{"the end, with a question out", test_end_while_pending},
		CU_TEST_INFO_NULL,
	};

	return test_run("control/tcp_resolve", tests);
}
