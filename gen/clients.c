#include "gen/clients.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_ip.h>

#include "dns/wire.h"
#include "gen/hostile.h"
#include "gen/random.h"

/*
 * Every query out has a slot. Slots are taken round and round, so one stays what it was for as long
 * as possible: an answer that comes late or twice still finds whose it is. The query's ID is the
 * slot's number, its lower 16 bits multiplied so that IDs jump about; the upper bits are the source
 * port's lowest ones. The rest of the port is random, as are the client's address and the order of
 * names.
 */

enum {
	DNS_PORT = 53,
	BURST = 32,
	BURSTS_A_TURN = 4,
	PORT_MIN = 1024,
	SLOTS_MIN = 1 << 17,
	ID_FACTOR = 0x9e37,
	ID_INVERSE = 0x7787, // ID_FACTOR * ID_INVERSE is 1 modulo 2^16
	QUERY_MAX = GEN_HOSTILE_MAX,
	OPT_LEN = 11,
	CATCH_UP_MS = 2, // what is due for longer was held up, and is not sent in one heap
};

static_assert((ID_FACTOR * ID_INVERSE & 0xffff) == 1, "IDs lead back to their slots");

enum slot_state { FREE, OUT, ANSWERED, GIVEN_UP };

struct slot {
	uint64_t sent_cycles;
	uint32_t question;
	uint16_t id, port;
	uint8_t state; // enum slot_state
	uint8_t family;
	bool hostile;
};

struct gen_clients {
	struct gen_clients_config cfg;
	uint64_t random;
	uint64_t timeout_cycles, counted_from;
	double ns_per_cycle;
	struct slot *slot;
	uint32_t mask;
	uint32_t head, tail; // next to be taken; oldest that may still be out
	uint32_t out;
	uint32_t next_question;
	// pacing: queries due are rate * (now - since), of which `done` have had their turn
	double per_cycle;
	bool flat_out;
	uint64_t since, done;
	struct gen_clients_stats stats;
};

int gen_clients_new(const struct gen_clients_config *cfg, struct gen_clients **out)
{
	struct gen_clients *c;

	if (cfg->in_flight == 0 || cfg->in_flight > GEN_IN_FLIGHT_MAX || cfg->client_count == 0 ||
		cfg->client_count > 65536)
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->cfg = *cfg;
	c->random = cfg->seed;
	c->timeout_cycles = rte_get_tsc_hz() / 1000 * cfg->timeout_ms;
	c->ns_per_cycle = 1e9 / (double)rte_get_tsc_hz();
	// More slots than queries out: one that is lost holds up those behind it until it is given
	// up.
	c->mask = RTE_MAX(SLOTS_MIN, rte_align32pow2(cfg->in_flight)) - 1;
	c->slot = calloc(c->mask + 1, sizeof(*c->slot));
	if (c->slot == NULL) {
		free(c);
		return -ENOMEM;
	}
	*out = c;
	return 0;
}

void gen_clients_free(struct gen_clients *c)
{
	if (c == NULL)
		return;
	free(c->slot);
	free(c);
}

void gen_clients_rate(struct gen_clients *c, double qps, uint64_t now)
{
	c->flat_out = isinf(qps);
	c->per_cycle = c->flat_out ? 0 : qps / (double)rte_get_tsc_hz();
	c->since = now;
	c->done = 0;
}

uint32_t gen_clients_out(const struct gen_clients *c)
{
	return c->out;
}

const struct gen_clients_stats *gen_clients_stats(const struct gen_clients *c)
{
	return &c->stats;
}

void gen_clients_reset(struct gen_clients *c, uint64_t now)
{
	memset(&c->stats, 0, sizeof(c->stats));
	c->counted_from = now;
}

/* ---- answers ---- */

/* The slot an answer's ID and port name; what is in it may be something else. */
static struct slot *slot_named(struct gen_clients *c, uint16_t id, uint16_t port)
{
	uint32_t i = (port & c->mask >> 16) << 16 | (id * (uint32_t)ID_INVERSE & 0xffff);
	struct slot *s = &c->slot[i & c->mask];

	return s->id == id && s->port == port ? s : NULL;
}

/* Servers may change letter case, not the name. */
static bool asked(const struct gen_clients *c, const struct slot *s, const uint8_t *dns, size_t len)
{
	struct gen_question q = gen_questions_at(c->cfg.questions, s->question);
	const uint8_t *name = dns + DNS_HEADER_LEN;

	if (len < (size_t)DNS_HEADER_LEN + q.len + 4 || dns_get16(dns + DNS_OFF_QDCOUNT) != 1)
		return false;
	return dns_get16(name + q.len) == q.type &&
	       (memcmp(name, q.name, q.len) == 0 ||
		       (dns_name_len(name, dns + len) == q.len && dns_name_equal(name, q.name)));
}

static void count_answer(
	struct gen_clients *c, const struct slot *s, const uint8_t *dns, size_t len, uint64_t now)
{
	uint16_t flags = dns_get16(dns + DNS_OFF_FLAGS);

	if (s->sent_cycles < c->counted_from)
		return;
	c->stats.answered++;
	c->stats.reflected += (flags & DNS_FLAG_QR) == 0;
	c->stats.truncated += (flags & DNS_FLAG_TC) != 0;
	c->stats.rcode[flags & DNS_FLAG_RCODE_MASK]++;
	c->stats.octets += len;
	gen_hist_add(
		&c->stats.latency, (uint64_t)((double)(now - s->sent_cycles) * c->ns_per_cycle));
}

static void answered(
	struct gen_clients *c, struct slot *s, const uint8_t *dns, size_t len, uint64_t now)
{
	s->state = ANSWERED;
	c->out--;
	count_answer(c, s, dns, len, now);
}

void gen_clients_take(struct gen_clients *c, struct dp_pkt *p, uint64_t now)
{
	const uint8_t *dns = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->dns_off);
	struct slot *s = NULL;

	if (p->dns_len >= DNS_HEADER_LEN)
		s = slot_named(c, dns_get16(dns), p->dport);
	if (s == NULL || s->state == FREE || s->family != p->family)
		c->stats.unmatched++;
	else if (s->hostile)
		c->stats.hostile_answered++;
	else if (!asked(c, s, dns, p->dns_len))
		c->stats.wrong++;
	else if (s->state == OUT)
		answered(c, s, dns, p->dns_len, now);
	else if (s->sent_cycles >= c->counted_from)
		(*(s->state == ANSWERED ? &c->stats.duplicate : &c->stats.late))++;
	rte_pktmbuf_free(p->m);
}

/* ---- queries ---- */

static void give_up(struct gen_clients *c, uint64_t now)
{
	for (; c->tail != c->head; c->tail++) {
		struct slot *s = &c->slot[c->tail & c->mask];

		if (s->state != OUT)
			continue;
		if (now - s->sent_cycles < c->timeout_cycles)
			return;
		s->state = GIVEN_UP;
		c->out--;
		c->stats.lost += s->sent_cycles >= c->counted_from;
	}
}

static uint32_t next_question(struct gen_clients *c)
{
	uint32_t i;

	if (c->cfg.zipf != NULL)
		return gen_zipf_draw(c->cfg.zipf, gen_random(&c->random));
	i = c->next_question;
	c->next_question = i + 1 < gen_questions_count(c->cfg.questions) ? i + 1 : 0;
	return i;
}

static size_t write_query(struct gen_clients *c, struct slot *s, uint8_t *dns)
{
	struct gen_question q;
	uint8_t *pos = dns + DNS_HEADER_LEN;
	bool edns = gen_chance(&c->random, c->cfg.edns_percent);

	s->question = next_question(c);
	q = gen_questions_at(c->cfg.questions, s->question);
	memset(dns, 0, DNS_HEADER_LEN);
	dns_put16(dns + DNS_OFF_FLAGS, c->cfg.recursive ? DNS_FLAG_RD : 0);
	dns_put16(dns + DNS_OFF_QDCOUNT, 1);
	dns_put16(dns + DNS_OFF_ARCOUNT, edns);
	memcpy(pos, q.name, q.len);
	pos += q.len;
	dns_put16(pos, q.type);
	dns_put16(pos + 2, DNS_CLASS_IN);
	pos += 4;
	if (edns) {
		memset(pos, 0, OPT_LEN);
		dns_put16(pos + 1, DNS_TYPE_OPT);
		dns_put16(pos + 3, 1232);
		pos[7] = gen_chance(&c->random, c->cfg.do_percent) ? 0x80 : 0;
		pos += OPT_LEN;
	}
	return (size_t)(pos - dns);
}

static struct slot *take_slot(struct gen_clients *c, uint64_t now)
{
	uint32_t i = c->head & c->mask;
	struct slot *s = &c->slot[i];
	uint32_t r = (uint32_t)(gen_random(&c->random) >> 48);
	uint32_t port = PORT_MIN + (r * (65536 - PORT_MIN) >> 16);

	s->port = (uint16_t)((port & ~(c->mask >> 16)) | i >> 16);
	s->id = (uint16_t)(i * (uint32_t)ID_FACTOR);
	s->sent_cycles = now;
	s->hostile = false;
	return s;
}

static void addresses(struct gen_clients *c, struct slot *s, struct dp_rewrite *rw)
{
	bool both = c->cfg.server[0].family != 0 && c->cfg.server[1].family != 0;
	unsigned v6 = both ? (unsigned)gen_chance(&c->random, c->cfg.v6_percent)
			   : c->cfg.server[1].family != 0;
	uint8_t *last;
	uint32_t host;

	*rw = (struct dp_rewrite){
		.eth_src = c->cfg.src_mac,
		.eth_dst = c->cfg.dst_mac,
		.src = c->cfg.client[v6],
		.dst = c->cfg.server[v6],
		.sport = s->port,
		.dport = DNS_PORT,
	};
	s->family = rw->dst.family;
	host = (uint32_t)((gen_random(&c->random) >> 32) * c->cfg.client_count >> 32);
	last = rw->src.octets + (v6 ? 14 : 2);
	dns_put16(last, (uint16_t)(dns_get16(last) + host));
}

/* A whole query into m, under the slot at `head`. */
static void make(struct gen_clients *c, struct rte_mbuf *m, uint64_t now)
{
	struct slot *s = take_slot(c, now);
	uint8_t *dns;
	size_t len;
	struct dp_rewrite rw;

	m->data_off = RTE_PKTMBUF_HEADROOM;
	dns = rte_pktmbuf_mtod(m, uint8_t *);
	if (gen_chance(&c->random, c->cfg.hostile_percent)) {
		uint64_t r = gen_random(&c->random);

		s->hostile = true;
		len = gen_hostile_write((unsigned)(r % GEN_HOSTILE_KINDS), r, dns);
	} else {
		len = write_query(c, s, dns);
	}
	dns_put16(dns, s->id);
	m->data_len = (uint16_t)len;
	m->pkt_len = (uint32_t)len;
	addresses(c, s, &rw);
	if (dp_packet_build(m, &rw, (uint16_t)len) != 0)
		abort(); // addresses and sizes are checked at the start
}

/* The query made for the slot at `head` has left. */
static void sent(struct gen_clients *c)
{
	struct slot *s = &c->slot[c->head++ & c->mask];

	if (s->hostile) {
		s->state = ANSWERED; // whether there is an answer is the server's to decide
		c->stats.hostile_sent++;
		return;
	}
	s->state = OUT;
	c->out++;
	c->stats.sent++;
}

/* Slots that may be taken: behind `head` nothing may be out any more. */
static uint32_t room(const struct gen_clients *c)
{
	return RTE_MIN(c->mask + 1 - (c->head - c->tail), c->cfg.in_flight - c->out);
}

/* @return how many left */
static unsigned send_burst(struct gen_clients *c, unsigned n, uint64_t now)
{
	struct rte_mbuf *m[BURST];
	uint32_t head = c->head;
	unsigned taken;

	if (n == 0 || rte_pktmbuf_alloc_bulk(c->cfg.pool, m, n) != 0)
		return 0;
	for (unsigned i = 0; i < n; i++, c->head++)
		make(c, m[i], now);
	c->head = head;
	taken = rte_eth_tx_burst(c->cfg.port_id, c->cfg.queue, m, (uint16_t)n);
	for (unsigned i = 0; i < taken; i++)
		sent(c);
	for (unsigned i = taken; i < n; i++) {
		c->slot[(head + i) & c->mask].state = FREE;
		rte_pktmbuf_free(m[i]);
	}
	return taken;
}

/* Queries that are due and have not had their turn. */
static uint64_t due(struct gen_clients *c, uint64_t now)
{
	double all = (double)(now - c->since) * c->per_cycle;
	double most = (double)rte_get_tsc_hz() / 1000 * CATCH_UP_MS * c->per_cycle + BURST;
	double open = all - (double)c->done;

	if (open <= 0)
		return 0;
	if (open > most) {
		c->stats.held += (uint64_t)(open - most);
		c->done += (uint64_t)(open - most);
		open = most;
	}
	return (uint64_t)open;
}

static unsigned send_due(struct gen_clients *c, uint64_t now)
{
	uint64_t n = due(c, now);
	unsigned total = 0;

	for (unsigned i = 0; i < BURSTS_A_TURN && n > 0; i++) {
		unsigned want = (unsigned)RTE_MIN(n, (uint64_t)BURST);
		unsigned may = RTE_MIN(want, room(c));
		unsigned gone = send_burst(c, may, now);

		total += gone;
		n -= want;
		c->done += want;
		c->stats.held += want - may;
		c->stats.not_taken += may - gone;
	}
	return total;
}

unsigned gen_clients_send(struct gen_clients *c, uint64_t now)
{
	give_up(c, now);
	if (!c->flat_out)
		return send_due(c, now);
	return send_burst(c, RTE_MIN((unsigned)BURST, room(c)), now);
}
