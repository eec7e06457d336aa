#include "gen/sites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "dns/msg.h"
#include "gen/random.h"

/*
 * An answer is written over its query, in the query's own mbuf, and waits in a ring until its time
 * has come. All are delayed alike, so the ring is in order.
 */

enum { BURST = 32, OPT_FIXED = 11 };

struct held {
	uint64_t due;
	struct rte_mbuf *m;
};

struct gen_sites {
	struct gen_sites_config cfg;
	uint64_t random, delay_cycles;
	struct held *ring;
	uint32_t mask, head, tail;
	struct gen_sites_stats stats;
};

int gen_sites_new(const struct gen_sites_config *cfg, struct gen_sites **out)
{
	uint32_t room = cfg->hold > 0 || cfg->delay_us > 0 ? GEN_SITES_HELD_MAX : 1 << 16;
	struct gen_sites *s;

	if (cfg->hold >= GEN_SITES_HELD_MAX)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->cfg = *cfg;
	s->random = cfg->seed;
	s->delay_cycles = rte_get_tsc_hz() / 1000000 * cfg->delay_us;
	s->mask = room - 1;
	s->ring = malloc(room * sizeof(*s->ring));
	if (s->ring == NULL) {
		free(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

void gen_sites_free(struct gen_sites *s)
{
	if (s == NULL)
		return;
	while (s->tail != s->head)
		rte_pktmbuf_free(s->ring[s->tail++ & s->mask].m);
	free(s->ring);
	free(s);
}

uint32_t gen_sites_held(const struct gen_sites *s)
{
	return s->head - s->tail;
}

void gen_sites_hold(struct gen_sites *s, uint32_t hold)
{
	s->cfg.hold = hold;
}

const struct gen_sites_stats *gen_sites_stats(const struct gen_sites *s)
{
	return &s->stats;
}

void gen_sites_reset(struct gen_sites *s)
{
	memset(&s->stats, 0, sizeof(s->stats));
}

/* ---- what is asked ---- */

struct query {
	struct dns_name name; // lower-cased
	uint16_t type;
	uint16_t id;
	size_t question_end;
	bool edns, do_bit;
};

/* The OPT is looked for where senders put it: first behind the question. */
static void find_opt(const uint8_t *dns, size_t len, struct query *q)
{
	const uint8_t *opt = dns + q->question_end;

	if (dns_get16(dns + DNS_OFF_ARCOUNT) == 0 || len - q->question_end < OPT_FIXED)
		return;
	q->edns = opt[0] == 0 && dns_get16(opt + 1) == DNS_TYPE_OPT;
	q->do_bit = q->edns && (opt[7] & 0x80) != 0;
}

static bool read_query(const uint8_t *dns, size_t len, struct query *q)
{
	int used;

	memset(q, 0, offsetof(struct query, name.octets));
	q->edns = q->do_bit = false;
	if (len < DNS_HEADER_LEN || (dns_get16(dns + DNS_OFF_FLAGS) & DNS_FLAG_QR) != 0 ||
		dns_get16(dns + DNS_OFF_QDCOUNT) != 1)
		return false;
	used = dns_name_from_wire(dns + DNS_HEADER_LEN, dns + len, &q->name);
	if (used < 0 || len - DNS_HEADER_LEN < (size_t)used + 4)
		return false;
	q->question_end = DNS_HEADER_LEN + (size_t)used + 4;
	q->type = dns_get16(dns + DNS_HEADER_LEN + used);
	q->id = dns_get16(dns);
	find_opt(dns, len, q);
	dns_name_lower(q->name.octets, q->name.len);
	return true;
}

/* ---- what is said ---- */

/* The recorded message over the query; the question stays as it was asked. */
static size_t replay(const struct gen_answer *a, const struct query *q, uint8_t *dns)
{
	uint16_t rd = dns_get16(dns + DNS_OFF_FLAGS) & DNS_FLAG_RD;

	memcpy(dns + DNS_OFF_FLAGS, a->dns + DNS_OFF_FLAGS, DNS_HEADER_LEN - DNS_OFF_FLAGS);
	dns_put16(dns + DNS_OFF_FLAGS, (uint16_t)(dns_get16(dns + DNS_OFF_FLAGS) | rd));
	memcpy(dns + q->question_end, a->dns + q->question_end, a->len - q->question_end);
	return a->len;
}

static size_t refuse(const struct query *q, uint8_t *dns)
{
	dns_put16(dns + DNS_OFF_FLAGS, DNS_FLAG_QR | DNS_RCODE_REFUSED);
	memset(dns + DNS_OFF_ANCOUNT, 0, 6);
	return q->question_end;
}

/* @return octets of the answer, 0 when it does not fit into the mbuf */
static size_t write_answer(struct gen_sites *s, const struct dp_pkt *p, const struct query *q)
{
	uint8_t *dns = rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->dns_off);
	size_t room = (size_t)p->m->buf_len - p->m->data_off - p->dns_off, len;
	const struct gen_answer *a =
		gen_answers_find(s->cfg.answers, q->name.octets, q->name.len, q->type, q->do_bit);
	uint8_t made[DNS_HEADER_LEN + DNS_NAME_MAX + 4 + 64];

	if (a != NULL)
		return a->len <= room ? replay(a, q, dns) : 0;
	if (!s->cfg.make) {
		s->stats.refused++;
		return refuse(q, dns);
	}
	s->stats.made++;
	len = gen_answers_make(dns, q->question_end, q->edns, q->type, made, sizeof(made));
	if (len > room)
		return 0;
	memcpy(dns, made, len);
	dns_put16(dns, q->id);
	return len;
}

static bool keep(struct gen_sites *s, struct rte_mbuf *m, uint64_t now)
{
	if (gen_sites_held(s) > s->mask)
		return false;
	s->ring[s->head++ & s->mask] = (struct held){now + s->delay_cycles, m};
	return true;
}

void gen_sites_take(struct gen_sites *s, struct dp_pkt *p, uint64_t now)
{
	const uint8_t *dns = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->dns_off);
	struct dp_rewrite back;
	struct query q;
	size_t len;

	if (!read_query(dns, p->dns_len, &q)) {
		s->stats.malformed++;
		rte_pktmbuf_free(p->m);
		return;
	}
	s->stats.queries++;
	if (gen_chance(&s->random, s->cfg.loss_percent)) {
		s->stats.lost++;
		rte_pktmbuf_free(p->m);
		return;
	}
	dp_packet_turn(p, &back);
	len = write_answer(s, p, &q);
	if (len == 0 || dp_packet_rewrite(p, &back, (uint16_t)len) != 0 || !keep(s, p->m, now)) {
		s->stats.not_taken++;
		rte_pktmbuf_free(p->m);
	}
}

/* ---- sending ---- */

static unsigned due(const struct gen_sites *s, uint64_t now, struct rte_mbuf *m[BURST])
{
	uint32_t held = gen_sites_held(s);
	unsigned n = 0;

	while (n < BURST && n + s->cfg.hold < held) {
		const struct held *h = &s->ring[(s->tail + n) & s->mask];

		if (h->due > now)
			break;
		m[n++] = h->m;
	}
	return n;
}

unsigned gen_sites_send(struct gen_sites *s, uint64_t now)
{
	unsigned total = 0, n;

	do {
		struct rte_mbuf *m[BURST];
		unsigned taken;

		n = due(s, now, m);
		taken = n > 0 ? rte_eth_tx_burst(s->cfg.port_id, s->cfg.queue, m, (uint16_t)n) : 0;
		for (unsigned i = taken; i < n; i++)
			rte_pktmbuf_free(m[i]);
		s->stats.not_taken += n - taken;
		s->stats.answered += taken;
		s->tail += n;
		total += taken;
	} while (n == BURST);
	return total;
}
