#include "dataplane/question.h"

#include <string.h>

#include "dataplane/reply.h"
#include "dns/wire.h"

static bool covers(const struct route_prefix *p, const struct route_addr *a)
{
	size_t whole = p->len / 8;
	unsigned rest = p->len % 8;

	if (p->addr.family != a->family || memcmp(p->addr.octets, a->octets, whole) != 0)
		return false;
	return rest == 0 || ((p->addr.octets[whole] ^ a->octets[whole]) >> (8 - rest)) == 0;
}

bool dp_question_allowed(const struct dp_config *cfg, const struct route_addr *client)
{
	for (uint16_t i = 0; i < cfg->allow_count; i++)
		if (covers(&cfg->allow[i], client))
			return true;
	return cfg->allow_count == 0;
}

/* Types that ask for something else than data of a name: RFC 6895 s3.1 QTYPEs and Meta-TYPEs. ANY
 * is forwarded; its answer is judged as any other. */
static bool is_meta(uint16_t type)
{
	return type == 0 || type == DNS_TYPE_OPT ||
	       (type >= 128 && type < 256 && type != DNS_TYPE_ANY);
}

bool dp_question_read(struct dns_query *q, struct dns_msg *scratch, const uint8_t *dns,
	uint16_t len, struct dp_answer *out)
{
	int err = dns_query_read(q, scratch, dns, len);

	*out = (struct dp_answer){DNS_RCODE_FORMERR, DNS_EDE_NONE, NULL};
	if ((q->flags & DNS_FLAG_OPCODE_MASK) != DNS_OPCODE_QUERY << 11)
		*out = (struct dp_answer){DNS_RCODE_NOTIMP, DNS_EDE_NOT_SUPPORTED, NULL};
	else if (err != 0 || !q->asks)
		return false;
	else if (q->edns && q->version > 0)
		*out = (struct dp_answer){DNS_RCODE_BADVERS, DNS_EDE_NONE, NULL};
	else if (q->qclass != DNS_CLASS_IN || is_meta(q->qtype))
		*out = (struct dp_answer){DNS_RCODE_REFUSED, DNS_EDE_NOT_SUPPORTED, NULL};
	else
		return true;
	return false;
}

bool dp_question_is(const struct dns_msg *reply, const struct dns_name *qname, uint16_t qtype)
{
	return reply->qd_count == 1 && reply->qtype == qtype && reply->qclass == DNS_CLASS_IN &&
	       reply->qname.len == qname->len &&
	       memcmp(reply->qname.octets, qname->octets, qname->len) == 0;
}

void dp_question_note(const struct dns_query *q, struct dp_waiter *c)
{
	c->edns = q->edns;
	c->do_bit = q->do_bit;
	c->edns_version = q->version;
	c->udp_size = q->udp_size > DNS_UDP_MAX_PLAIN ? q->udp_size : DNS_UDP_MAX_PLAIN;
	c->id = q->id;
	c->flags = q->flags;
	memcpy(c->case_bits, q->case_bits, sizeof(c->case_bits));
}

int dp_question_answer(const struct dns_query *q, const struct dp_waiter *client,
	const struct dp_answer *a, uint16_t edns_size, uint8_t *out, size_t size)
{
	uint16_t opcode = (q->flags & DNS_FLAG_OPCODE_MASK) >> 11;
	int len = dp_reply_error(client, q->asks ? q->qname.octets : NULL, q->qtype, q->qclass,
		opcode, a->rcode, a->ede, a->text, edns_size, out, size);

	if (len > 0 && q->asks)
		dp_reply_case_restore(out + DNS_HEADER_LEN, q->qname.len, q->case_bits);
	return len;
}
