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

bool dp_question_read(struct dns_msg *msg, const uint8_t *dns, uint16_t len, struct dp_answer *out)
{
	int err = dns_msg_parse_query(msg, dns, len);

	*out = (struct dp_answer){DNS_RCODE_FORMERR, DNS_EDE_NONE, NULL};
	if (err != 0) {
		// Of a message that does not hold together only the header is believed.
		memset(&msg->edns, 0, sizeof(msg->edns));
		msg->id = dns_get16(dns + DNS_OFF_ID);
		msg->flags = dns_get16(dns + DNS_OFF_FLAGS);
		msg->qd_count = 0;
		msg->qname = (struct dns_name){.len = 1};
	}
	if ((msg->flags & DNS_FLAG_OPCODE_MASK) != DNS_OPCODE_QUERY << 11)
		*out = (struct dp_answer){DNS_RCODE_NOTIMP, DNS_EDE_NOT_SUPPORTED, NULL};
	else if (err != 0 || msg->qd_count == 0)
		return false;
	else if (msg->edns.present && msg->edns.version > 0)
		*out = (struct dp_answer){DNS_RCODE_BADVERS, DNS_EDE_NONE, NULL};
	else if (msg->qclass != DNS_CLASS_IN || is_meta(msg->qtype))
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

void dp_question_note(const struct dns_msg *msg, struct dp_waiter *c)
{
	c->edns = msg->edns.present;
	c->do_bit = msg->edns.do_bit;
	c->edns_version = msg->edns.version;
	c->udp_size = msg->edns.present && msg->edns.udp_size > DNS_UDP_MAX_PLAIN
			      ? msg->edns.udp_size
			      : DNS_UDP_MAX_PLAIN;
	c->id = msg->id;
	c->flags = msg->flags;
	dp_reply_case_save(msg->qname.octets, msg->qname.len, c->case_bits);
}
