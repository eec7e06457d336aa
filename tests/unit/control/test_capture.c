#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pcap/dlt.h>

#include "control/capture_priv.h"
#include "tests/unit/control/capkit.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

static const struct cap_end server4 = {"192.0.2.53", 53}, client4 = {"198.51.100.9", 40000};
static const struct cap_end server6 = {"2001:db8::53", 53}, client6 = {"2001:db8:9::1", 40001};
static const struct cap_link *const ether = &cap_links[0], *const raw = &cap_links[6];

/* ---- what comes out ---- */

enum { GOT_MAX = 64 };
static struct {
	int count;
	struct ctl_capture_msg msg[GOT_MAX];
	uint8_t *data[GOT_MAX];
} got;

static void forget(void)
{
	for (int i = 0; i < got.count && i < GOT_MAX; i++)
		free(got.data[i]);
	memset(&got, 0, sizeof(got));
}

static void take(void *arg, const struct ctl_capture_msg *msg)
{
	(void)arg;
	if (got.count < GOT_MAX) {
		got.msg[got.count] = *msg;
		got.data[got.count] = unit_copy(msg->data, msg->len);
	}
	got.count++;
}

static struct ctl_capture *capture(int dlt)
{
	struct ctl_capture *c = NULL;

	forget();
	if (ctl_capture_new(dlt, 0, take, NULL, &c) != 0)
		abort();
	return c;
}

/** Feed a frame from a heap block of its exact size. */
static void feed_cut(struct ctl_capture *c, const struct cap_frame *f, size_t cut, int64_t time_us)
{
	size_t len = f->len < cut ? f->len : cut;
	uint8_t *copy = unit_copy(f->octets, len);

	ctl_capture_packet(c, time_us, copy, len, f->len);
	free(copy);
}

static void feed(struct ctl_capture *c, const struct cap_frame *f)
{
	feed_cut(c, f, f->len, 5000000);
}

/** Octets that look like a response of any length, told apart by `id`. */
static const uint8_t *message(uint16_t id, size_t len)
{
	static uint8_t m[65535];

	for (size_t i = 0; i < len; i++)
		m[i] = (uint8_t)(i * 7 + id + i / 256);
	memcpy(m, (uint8_t[]){(uint8_t)(id >> 8), (uint8_t)id, 0x84, 0, 0, 1}, 6);
	return m;
}

static bool is_message(int i, uint16_t id, size_t len)
{
	return i < got.count && got.msg[i].len == len &&
	       memcmp(got.data[i], message(id, len), len) == 0;
}

static uint64_t losses(const struct ctl_capture *c)
{
	const struct ctl_capture_stats *s = ctl_capture_get_stats(c);

	return s->malformed + s->cut + s->fragments + s->tcp_lost + s->tcp_dropped;
}

/* ---- links and IP ---- */

static void check_ends(const char *name, bool v6)
{
	const struct ctl_capture_msg *m = &got.msg[0];

	UNIT_CHECK(name, m->src.family == (v6 ? 6 : 4));
	UNIT_CHECK(name, m->src.octets[v6 ? 15 : 3] == (v6 ? 0x53 : 53));
	UNIT_CHECK(name, m->dst.octets[v6 ? 15 : 3] == (v6 ? 1 : 9));
	UNIT_CHECK(name, m->sport == 53 && m->dport == (v6 ? 40001 : 40000));
	UNIT_CHECK(name, m->time_us == 5000000 && !m->tcp);
}

static void test_links(void)
{
	static struct cap_frame f;

	for (int i = 0; i < CAP_LINKS; i++) {
		for (int v6 = 0; v6 < 2; v6++) {
			struct ctl_capture *c = capture(cap_links[i].dlt);

			cap_udp_frame(&f, &cap_links[i], v6 ? &server6 : &server4,
				v6 ? &client6 : &client4, message(1, 300), 300);
			// Ethernet pads
			memset(f.octets + f.len, 0xee, 6);
			f.len += 6;
			feed(c, &f);
			UNIT_CHECK(cap_links[i].name, got.count == 1 && is_message(0, 1, 300));
			check_ends(cap_links[i].name, v6);
			UNIT_CHECK(cap_links[i].name, losses(c) == 0);
			ctl_capture_free(c);
		}
	}
}

static void test_link_limits(void)
{
	struct cap_link many = {"one tag more", DLT_EN10MB, CTL_CAPTURE_VLANS_MAX + 1};
	struct ctl_capture *c = capture(DLT_EN10MB);
	static struct cap_frame f;

	cap_udp_frame(&f, &many, &server4, &client4, message(1, 300), 300);
	feed(c, &f);
	CU_ASSERT_EQUAL(got.count, 0);
	CU_ASSERT_EQUAL(ctl_capture_get_stats(c)->malformed, 1);
	ctl_capture_free(c);
	c = NULL;
	CU_ASSERT_EQUAL(ctl_capture_new(DLT_IEEE802_11, 0, take, NULL, &c), -ENOTSUP);
	CU_ASSERT_PTR_NULL(c);
}

/** Every prefix of a frame, each as a capture that was cut there and as a frame that short. */
static void test_prefixes(void)
{
	static struct cap_frame f;
	static uint8_t upper[400];
	struct cap_ip ip = {.options = 2};

	for (int i = 0; i < CAP_LINKS; i++) {
		for (int v6 = 0; v6 < 2; v6++) {
			struct ctl_capture *c = capture(cap_links[i].dlt);
			size_t n = cap_udp(upper, v6 ? &server6 : &server4,
				v6 ? &client6 : &client4, message(1, 100), 100);

			cap_frame(&f, &cap_links[i], v6 ? server6.addr : server4.addr,
				v6 ? client6.addr : client4.addr, 17, &ip, upper, n);
			for (size_t len = 0; len < f.len; len++) {
				uint8_t *copy = unit_copy(f.octets, len);

				ctl_capture_packet(c, 0, copy, len, len);
				ctl_capture_packet(c, 0, copy, len, f.len);
				free(copy);
			}
			UNIT_CHECK(cap_links[i].name, got.count == 0);
			UNIT_CHECK(cap_links[i].name, ctl_capture_get_stats(c)->cut > 0);
			ctl_capture_free(c);
		}
	}
}

static void test_options(void)
{
	static const struct {
		const char *name;
		bool v6;
		int options;
		bool passes;
	} rows[] = {
		{"IPv4, one word", false, 1, true},
		{"IPv4, as many as there may be", false, 10, true},
		{"IPv6, one header", true, 1, true},
		{"IPv6, as many as we look at", true, CTL_CAPTURE_EXTENSIONS_MAX, true},
		{"IPv6, one more", true, CTL_CAPTURE_EXTENSIONS_MAX + 1, false},
	};
	static struct cap_frame f;
	static uint8_t upper[400];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ctl_capture *c = capture(DLT_RAW);
		struct cap_ip ip = {.options = rows[i].options};
		const struct cap_end *s = rows[i].v6 ? &server6 : &server4;
		const struct cap_end *d = rows[i].v6 ? &client6 : &client4;

		cap_frame(&f, raw, s->addr, d->addr, 17, &ip, upper,
			cap_udp(upper, s, d, message(1, 300), 300));
		feed(c, &f);
		UNIT_CHECK(rows[i].name, got.count == rows[i].passes);
		UNIT_CHECK(rows[i].name, losses(c) == !rows[i].passes);
		ctl_capture_free(c);
	}
}

/* ---- fragments ---- */

enum { WHOLE = 1400, PARTS = 4 };

/** Fragment i of n of the datagram `id`, in eighths as even as may be. */
static void fragment(struct cap_frame *f, bool v6, uint32_t id, int i, int n)
{
	static uint8_t upper[WHOLE + 8];
	const struct cap_end *s = v6 ? &server6 : &server4, *d = v6 ? &client6 : &client4;
	size_t len = cap_udp(upper, s, d, message((uint16_t)id, WHOLE), WHOLE);
	size_t part = (len / (size_t)n + 7) / 8 * 8, from = part * (size_t)i;
	struct cap_ip ip = {.id = id, .offset = (uint32_t)from, .more = i < n - 1};

	cap_frame(f, ether, s->addr, d->addr, 17, &ip, upper + from, ip.more ? part : len - from);
}

/** The k-th order of n things. */
static void permute(int k, int n, int *order)
{
	for (int i = 0; i < n; i++)
		order[i] = i;
	for (int i = n; i > 1; i--) {
		int with = k % i, t = order[i - 1];

		k /= i;
		order[i - 1] = order[with];
		order[with] = t;
	}
}

static void test_fragments(void)
{
	static struct cap_frame f;
	int order[PARTS];

	for (int v6 = 0; v6 < 2; v6++) {
		struct ctl_capture *c = capture(DLT_EN10MB);

		for (int k = 0; k < 24; k++) {
			permute(k, PARTS, order);
			for (int i = 0; i < PARTS; i++) {
				fragment(&f, v6, 100 + (uint32_t)k, order[i], PARTS);
				feed(c, &f);
				if (i < PARTS - 1)
					feed(c, &f); // once more
				CU_ASSERT_EQUAL(got.count, k + (i == PARTS - 1));
			}
			CU_ASSERT(is_message(k, (uint16_t)(100 + k), WHOLE));
		}
		ctl_capture_end(c);
		CU_ASSERT_EQUAL(losses(c), 0);
		ctl_capture_free(c);
	}
}

static void test_fragments_spoilt(void)
{
	static struct cap_frame f;
	struct ctl_capture *c = capture(DLT_EN10MB);

	// another octet where one was already
	fragment(&f, true, 7, 0, PARTS);
	feed(c, &f);
	f.octets[f.len - 1] ^= 1;
	feed(c, &f);
	for (int i = 0; i < PARTS; i++) {
		fragment(&f, true, 7, i, PARTS);
		feed(c, &f);
	}
	CU_ASSERT_EQUAL(got.count, 0);
	// too late
	fragment(&f, false, 8, 0, 2);
	feed_cut(c, &f, f.len, 0);
	fragment(&f, false, 8, 1, 2);
	feed_cut(c, &f, f.len, (int64_t)(CTL_CAPTURE_FRAGMENT_AGE_S * 1000000) + 1);
	CU_ASSERT_EQUAL(got.count, 0);
	// at the last moment
	fragment(&f, false, 9, 0, 2);
	feed_cut(c, &f, f.len, 0);
	fragment(&f, false, 9, 1, 2);
	feed_cut(c, &f, f.len, (int64_t)CTL_CAPTURE_FRAGMENT_AGE_S * 1000000);
	CU_ASSERT_EQUAL(got.count, 1);
	ctl_capture_end(c);
	CU_ASSERT_EQUAL(ctl_capture_get_stats(c)->fragments, PARTS + 2 + 2);
	ctl_capture_free(c);
}

/** The last of n datagrams pushes the first one out when n is one too many. */
static void test_fragments_limit(void)
{
	static struct cap_frame f;

	for (int over = 0; over < 2; over++) {
		struct ctl_capture *c = capture(DLT_EN10MB);
		int n = CTL_CAPTURE_DATAGRAMS_MAX + over;

		for (int i = 0; i < n; i++) {
			fragment(&f, false, (uint32_t)i, 0, 2);
			feed_cut(c, &f, f.len, i);
		}
		fragment(&f, false, 0, 1, 2);
		feed_cut(c, &f, f.len, n);
		CU_ASSERT_EQUAL(got.count, !over);
		ctl_capture_free(c);
	}
}

/* ---- TCP ---- */

/** A stream of `count` messages, each of `size` octets, with their lengths. */
static size_t stream_of(uint8_t *out, int count, size_t size)
{
	size_t len = 0;

	for (int i = 0; i < count; i++) {
		out[len] = (uint8_t)(size >> 8);
		out[len + 1] = (uint8_t)size;
		memcpy(out + len + 2, message((uint16_t)(i + 1), size), size);
		len += size + 2;
	}
	return len;
}

static const uint32_t isn = UINT32_MAX - 50; // sequence numbers wrap in the first message

static void segment(struct ctl_capture *c, const struct cap_tcp *tcp, const uint8_t *data,
	size_t len, size_t cut_off)
{
	static struct cap_frame f;

	cap_tcp_frame(&f, ether, &server4, &client4, tcp, data, len);
	feed_cut(c, &f, f.len - cut_off, 5000000);
}

static void syn(struct ctl_capture *c)
{
	segment(c, &(struct cap_tcp){.seq = isn, .syn = true}, NULL, 0, 0);
}

static void octets(struct ctl_capture *c, const uint8_t *stream, size_t from, size_t to)
{
	segment(c, &(struct cap_tcp){.seq = isn + 1 + (uint32_t)from}, stream + from, to - from, 0);
}

static void fin(struct ctl_capture *c, size_t at)
{
	segment(c, &(struct cap_tcp){.seq = isn + 1 + (uint32_t)at, .fin = true}, NULL, 0, 0);
}

/** Two messages in five segments and a FIN, in every order; then with overlaps. */
static void test_tcp_orders(void)
{
	static const size_t cut[] = {0, 1, 2, 150, 250, 404};
	uint8_t stream[404];
	int order[6];

	CU_ASSERT_EQUAL_FATAL(stream_of(stream, 2, 200), sizeof(stream));
	for (int overlap = 0; overlap < 2; overlap++) {
		for (int k = 0; k < 720; k++) {
			struct ctl_capture *c = capture(DLT_EN10MB);

			syn(c);
			permute(k, 6, order);
			for (int i = 0; i < 6; i++) {
				size_t from = order[i] < 5 ? cut[order[i]] : 0;
				size_t to = order[i] < 5 ? cut[order[i] + 1] : 0;

				if (order[i] == 5) {
					fin(c, sizeof(stream));
					continue;
				}
				if (overlap && from >= 30)
					from -= 30;
				if (overlap && to + 60 < sizeof(stream))
					to += 60;
				octets(c, stream, from, to);
			}
			CU_ASSERT(got.count == 2 && is_message(0, 1, 200) && is_message(1, 2, 200));
			octets(c, stream, 0, sizeof(stream)); // all of it once more
			ctl_capture_end(c);
			CU_ASSERT_EQUAL(got.count, 2);
			CU_ASSERT_EQUAL(losses(c), 0);
			ctl_capture_free(c);
		}
	}
}

static void test_tcp_many(void)
{
	static uint8_t stream[32 * 1002];
	size_t len = stream_of(stream, 32, 1000);

	// 32 messages in segments of any size, then a second connection with the same ports
	for (size_t step = 1; step <= 4096; step = step * 3 + 1) {
		struct ctl_capture *c = capture(DLT_EN10MB);

		syn(c);
		for (size_t at = 0; at < len; at += step)
			octets(c, stream, at, at + step < len ? at + step : len);
		CU_ASSERT_EQUAL(got.count, 32);
		CU_ASSERT(is_message(31, 32, 1000));
		segment(c, &(struct cap_tcp){.seq = isn + 70000, .syn = true}, NULL, 0, 0);
		segment(c, &(struct cap_tcp){.seq = isn + 70001}, stream, 1002, 0);
		CU_ASSERT_EQUAL(got.count, 33);
		CU_ASSERT_EQUAL(losses(c), 0);
		ctl_capture_free(c);
	}
}

static void test_tcp_largest(void)
{
	static uint8_t stream[65537];
	struct ctl_capture *c = capture(DLT_EN10MB);

	stream_of(stream, 1, 65535);
	syn(c);
	for (size_t at = 0; at < sizeof(stream); at += 1460)
		octets(c, stream, at, at + 1460 < sizeof(stream) ? at + 1460 : sizeof(stream));
	CU_ASSERT_EQUAL(got.count, 1);
	CU_ASSERT(is_message(0, 1, 65535));
	ctl_capture_free(c);
}

/** What begins midway is found again where a segment begins with a message. */
static void test_tcp_midway(void)
{
	uint8_t stream[606];
	struct ctl_capture *c = capture(DLT_EN10MB);

	stream_of(stream, 3, 200);
	octets(c, stream, 100, 202);
	octets(c, stream, 202, 300);
	octets(c, stream, 300, 606);
	CU_ASSERT_EQUAL(got.count, 2);
	CU_ASSERT(is_message(0, 2, 200) && is_message(1, 3, 200));
	CU_ASSERT_EQUAL(ctl_capture_get_stats(c)->tcp_lost, 102);
	ctl_capture_free(c);
	// the length apart from its message
	c = capture(DLT_EN10MB);
	octets(c, stream, 202, 204);
	octets(c, stream, 204, 404);
	CU_ASSERT(got.count == 1 && is_message(0, 2, 200));
	ctl_capture_free(c);
}

static void test_tcp_hole(void)
{
	uint8_t stream[808];
	struct ctl_capture *c = capture(DLT_EN10MB);

	stream_of(stream, 4, 200);
	syn(c);
	octets(c, stream, 0, 202);
	octets(c, stream, 300, 404); // 202..300 never comes
	octets(c, stream, 404, 500);
	octets(c, stream, 500, 808);
	CU_ASSERT_EQUAL(got.count, 1);
	ctl_capture_end(c);
	CU_ASSERT(got.count == 3 && is_message(1, 3, 200) && is_message(2, 4, 200));
	CU_ASSERT_EQUAL(ctl_capture_get_stats(c)->tcp_lost, 98 + 104);
	ctl_capture_free(c);
}

/** Cut by the snapshot length: the message is lost, those behind it are not. */
static void test_tcp_cut(void)
{
	uint8_t stream[606];
	struct ctl_capture *c = capture(DLT_EN10MB);

	stream_of(stream, 3, 200);
	syn(c);
	octets(c, stream, 0, 202);
	segment(c, &(struct cap_tcp){.seq = isn + 203}, stream + 202, 202, 70);
	octets(c, stream, 404, 606);
	CU_ASSERT(got.count == 2 && is_message(0, 1, 200) && is_message(1, 3, 200));
	CU_ASSERT_EQUAL(ctl_capture_get_stats(c)->cut, 1);
	CU_ASSERT_EQUAL(ctl_capture_get_stats(c)->tcp_lost, 202);
	ctl_capture_free(c);
}

/** A hole is waited for until so many octets, and no more, are held behind it. */
static void test_tcp_held_limit(void)
{
	enum { STEP = 4096, SIZE = 4094 };
	static uint8_t stream[CTL_CAPTURE_HELD_MAX + 3 * STEP];

	for (size_t at = 0; at < sizeof(stream); at += STEP)
		stream_of(stream + at, 1, SIZE);
	for (int over = 0; over < 2; over++) {
		struct ctl_capture *c = capture(DLT_EN10MB);
		size_t end = STEP + (size_t)CTL_CAPTURE_HELD_MAX + (size_t)over * STEP;

		syn(c);
		for (size_t at = STEP; at < end; at += STEP)
			octets(c, stream, at, at + STEP);
		CU_ASSERT_EQUAL(got.count > 0, over);
		octets(c, stream, 0, STEP);
		CU_ASSERT_EQUAL(got.count, (int)(end / STEP) - over);
		CU_ASSERT_EQUAL(ctl_capture_get_stats(c)->tcp_lost, over ? STEP : 0);
		ctl_capture_free(c);
	}
}

/** The stream that was quiet longest is given up when there is one too many. */
static void test_tcp_streams_limit(void)
{
	static struct cap_frame f;
	uint8_t stream[202];

	stream_of(stream, 1, 200);
	for (int over = 0; over < 2; over++) {
		struct ctl_capture *c = capture(DLT_EN10MB);

		for (int i = 0; i < CTL_CAPTURE_STREAMS_MAX + over; i++) {
			struct cap_end client = {client4.addr, (uint16_t)(2000 + i)};

			cap_tcp_frame(&f, ether, &server4, &client, &(struct cap_tcp){.seq = 1},
				stream, 100);
			feed(c, &f);
		}
		CU_ASSERT_EQUAL(ctl_capture_get_stats(c)->tcp_dropped, (unsigned)over);
		cap_tcp_frame(&f, ether, &server4, &(struct cap_end){client4.addr, 2000},
			&(struct cap_tcp){.seq = 101}, stream + 100, 102);
		feed(c, &f);
		CU_ASSERT_EQUAL(got.count, !over);
		ctl_capture_free(c);
	}
}

/* ---- ports ---- */

static void test_ports(void)
{
	const struct cap_end odd = {server4.addr, 5300};
	static struct cap_frame f;
	uint8_t stream[202], text[202];
	struct ctl_capture *c = capture(DLT_EN10MB);

	memset(text, 'x', sizeof(text));
	cap_udp_frame(&f, ether, &odd, &client4, message(1, 100), 100);
	feed(c, &f);
	cap_udp_frame(&f, ether, &odd, &client4, text, 100);
	feed(c, &f);
	CU_ASSERT_EQUAL(got.count, 1); // what looks like DNS
	cap_udp_frame(&f, ether, &server4, &client4, text, 100);
	feed(c, &f);
	CU_ASSERT_EQUAL(got.count, 2); // whatever comes from port 53
	for (int dns = 0; dns < 2; dns++) {
		const struct cap_end end = {server4.addr, (uint16_t)(5301 + dns)};

		stream_of(stream, 1, 200);
		cap_tcp_frame(&f, ether, &end, &client4, &(struct cap_tcp){.seq = 9, .syn = true},
			NULL, 0);
		feed(c, &f);
		cap_tcp_frame(&f, ether, &end, &client4, &(struct cap_tcp){.seq = 10},
			dns ? stream : text, 202);
		feed(c, &f);
		CU_ASSERT_EQUAL(got.count, 2 + dns);
	}
	CU_ASSERT_EQUAL(losses(c), 0);
	ctl_capture_free(c);
}

/* ---- files ---- */

static void test_files(void)
{
	static struct cap_frame f;
	struct ctl_capture_stats stats;
	char err[CTL_CAPTURE_ERR_MAX];

	for (int i = 0; i < CAP_LINKS; i++) {
		struct cap_file file = {0};

		forget();
		cap_file_new(&file, cap_links[i].dlt, 1700000000123456);
		cap_udp_frame(&f, &cap_links[i], &server4, &client4, message(1, 300), 300);
		cap_file_add(&file, &f);
		cap_udp_frame(&f, &cap_links[i], &server6, &client6, message(2, 300), 300);
		cap_file_add(&file, &f);
		cap_file_add_cut(&file, &f, 80);
		cap_file_close(&file);
		UNIT_CHECK(cap_links[i].name,
			ctl_capture_read(file.path, 0, take, NULL, &stats, err) == 0);
		UNIT_CHECK(cap_links[i].name, err[0] == '\0');
		UNIT_CHECK(cap_links[i].name, got.count == 2 && is_message(1, 2, 300));
		UNIT_CHECK(cap_links[i].name, got.msg[0].time_us == 1700000000123456);
		UNIT_CHECK(cap_links[i].name, stats.packets == 3 && stats.cut == 1);
		UNIT_CHECK(cap_links[i].name, stats.last_us - stats.first_us == 2000);
		unlink(file.path);
	}
}

/** Octets one behind the other, 32-bit words as this machine has them. */
struct ng {
	uint8_t octets[8192];
	size_t len;
};

static void ng32(struct ng *g, uint32_t v)
{
	memcpy(g->octets + g->len, &v, sizeof(v));
	g->len += sizeof(v);
}

static void ng_interface(struct ng *g, uint16_t link)
{
	ng32(g, 1); // Interface Description
	ng32(g, 20);
	ng32(g, link); // reserved half zero, on a little-endian machine
	ng32(g, 0);
	ng32(g, 20);
}

static void ng_packet(struct ng *g, uint32_t interface, uint64_t time_us, const struct cap_frame *f)
{
	uint32_t padded = (uint32_t)(f->len + 3) & ~3u;

	ng32(g, 6); // Enhanced Packet
	ng32(g, 32 + padded);
	ng32(g, interface);
	ng32(g, (uint32_t)(time_us >> 32));
	ng32(g, (uint32_t)time_us);
	ng32(g, (uint32_t)f->len);
	ng32(g, (uint32_t)f->len);
	memset(g->octets + g->len, 0, padded);
	memcpy(g->octets + g->len, f->octets, f->len);
	g->len += padded;
	ng32(g, 32 + padded);
}

static void ng_begin(struct ng *g)
{
	g->len = 0;
	ng32(g, 0x0a0d0d0a); // Section Header
	ng32(g, 28);
	ng32(g, 0x1a2b3c4d);
	ng32(g, 1); // version 1.0
	ng32(g, UINT32_MAX);
	ng32(g, UINT32_MAX); // length unknown
	ng32(g, 28);
}

static void write_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "wb");

	if (f == NULL || fwrite(data, 1, len, f) != len)
		abort();
	fclose(f);
}

/** pcapng with two interfaces; of another link type, the second is where reading ends. */
static void test_pcapng(void)
{
	char path[] = "/tmp/swerve-capture-XXXXXX", err[CTL_CAPTURE_ERR_MAX];
	static struct cap_frame f;
	static struct ng g;
	struct ctl_capture_stats stats;
	int fd = mkstemp(path);

	close(fd);
	for (int other = 0; other < 2; other++) {
		forget();
		ng_begin(&g);
		ng_interface(&g, 1);
		cap_udp_frame(&f, ether, &server4, &client4, message(1, 300), 300);
		ng_packet(&g, 0, 1700000000123456, &f);
		ng_interface(&g, other ? 276 : 1);
		cap_udp_frame(&f, other ? &cap_links[5] : ether, &server6, &client6,
			message(2, 300), 300);
		ng_packet(&g, 1, 1700000000123457, &f);
		write_file(path, g.octets, g.len);
		CU_ASSERT_EQUAL(ctl_capture_read(path, 0, take, NULL, &stats, err), 0);
		CU_ASSERT_EQUAL(got.count, 2 - other);
		CU_ASSERT_EQUAL(got.msg[0].time_us, 1700000000123456);
		CU_ASSERT_EQUAL(err[0] != '\0', other);
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "an interface has a type"));
	unlink(path);
}

/** A file that ends within its last packet: what came before counts, and it is said. */
static void test_file_torn(void)
{
	static struct cap_frame f;
	struct ctl_capture_stats stats;
	char err[CTL_CAPTURE_ERR_MAX];
	struct cap_file file = {0};

	cap_file_new(&file, DLT_EN10MB, 0);
	cap_udp_frame(&f, ether, &server4, &client4, message(1, 300), 300);
	cap_file_add(&file, &f);
	cap_file_add(&file, &f);
	cap_file_close(&file);
	for (size_t cut = 1; cut < 2 * (f.len + 16); cut += 100) {
		bool none = cut > f.len + 16;
		int rc;

		forget();
		CU_ASSERT_EQUAL(truncate(file.path, (off_t)(24 + 2 * (f.len + 16) - cut)), 0);
		rc = ctl_capture_read(file.path, 0, take, NULL, &stats, err);
		CU_ASSERT_EQUAL(rc, none ? -EINVAL : 0);
		CU_ASSERT_EQUAL(got.count, !none);
		CU_ASSERT_PTR_NOT_NULL(strstr(err, "truncated"));
	}
	unlink(file.path);
}

static void test_files_refused(void)
{
	static const struct {
		const char *name;
		const char *data;
		size_t len;
		int rc;
		const char *says;
	} rows[] = {
		{"empty", "", 0, -EINVAL, "empty"},
		{"gzip", "\x1f\x8b\x08\0\0\0\0\0", 8, -EINVAL, "gzip"},
		{"zstd", "\x28\xb5\x2f\xfd\0\0\0\0", 8, -EINVAL, "zstd"},
		{"text", "no capture at all, but a text that is longer than a header", 58, -EINVAL,
			"unknown file format"},
		{"802.11", "\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\0\0\1\0\x69\0\0\0", 24,
			-ENOTSUP, "IEEE802_11"},
	};
	struct ctl_capture_stats stats;
	char err[CTL_CAPTURE_ERR_MAX], path[] = "/tmp/swerve-capture-XXXXXX";
	int fd = mkstemp(path);

	close(fd);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		write_file(path, rows[i].data, rows[i].len);
		UNIT_CHECK(rows[i].name,
			ctl_capture_read(path, 0, take, NULL, &stats, err) == rows[i].rc);
		UNIT_CHECK(rows[i].name, strstr(err, rows[i].says) != NULL);
		UNIT_CHECK(rows[i].name, strncmp(err, path, strlen(path)) == 0);
	}
	unlink(path);
	CU_ASSERT_EQUAL(ctl_capture_read(path, 0, take, NULL, &stats, err), -ENOENT);
	CU_ASSERT_EQUAL(ctl_capture_read("/tmp", 0, take, NULL, &stats, err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "regular file"));
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"links, both families", test_links},
		{"link limits", test_link_limits},
		{"every prefix", test_prefixes},
		{"IP options and extension headers", test_options},
		{"fragments in every order", test_fragments},
		{"fragments that never fit", test_fragments_spoilt},
		{"datagrams at the limit", test_fragments_limit},
		{"TCP in every order", test_tcp_orders},
		{"many messages, segments of any size", test_tcp_many},
		{"the largest message", test_tcp_largest},
		{"TCP from midway", test_tcp_midway},
		{"a hole in TCP", test_tcp_hole},
		{"TCP cut by the snapshot length", test_tcp_cut},
		{"held octets at the limit", test_tcp_held_limit},
		{"streams at the limit", test_tcp_streams_limit},
		{"other ports", test_ports},
		{"files", test_files},
		{"pcapng", test_pcapng},
		{"a torn file", test_file_torn},
		{"files refused", test_files_refused},
		CU_TEST_INFO_NULL,
	};
	int failed = test_run("control/capture", tests);

	forget();
	return failed;
}
