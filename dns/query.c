#include "dns/query.h"

enum {
	OPT_LEN = 1 + DNS_RR_FIXED_LEN, // of one without options
	OPT_OFF_TYPE = 1,
	OPT_OFF_CLASS = 3,
	OPT_OFF_VERSION = 6,
	OPT_OFF_FLAGS = 7,
	OPT_OFF_RDLENGTH = 9,
};

/** The OPT that is all there is from opt to end. @return false: it is something else */
static inline bool read_opt(struct dns_query *q, const uint8_t *opt, const uint8_t *end)
{
	if (end - opt < OPT_LEN || opt[0] != 0 || dns_get16(opt + OPT_OFF_TYPE) != DNS_TYPE_OPT)
		return false;
	size_t options_len = dns_get16(opt + OPT_OFF_RDLENGTH);
	if ((size_t)(end - opt) != OPT_LEN + options_len ||
		dns_edns_check_options(opt + OPT_LEN, options_len) != 0)
		return false;
	q->edns = true;
	q->udp_size = dns_get16(opt + OPT_OFF_CLASS);
	q->version = opt[OPT_OFF_VERSION];
	q->do_bit = (dns_get16(opt + OPT_OFF_FLAGS) & DNS_EDNS_DO) != 0;
	return true;
}

/** @return false: not of the usual form, or not well-formed */
static inline bool read_usual(struct dns_query *q, const uint8_t *data, size_t len)
{
	const uint8_t *name = data + DNS_HEADER_LEN, *end = data + len;
	uint16_t additional = dns_get16(data + DNS_OFF_ARCOUNT);

	if (dns_get16(data + DNS_OFF_QDCOUNT) != 1 || dns_get32(data + DNS_OFF_ANCOUNT) != 0 ||
		additional > 1)
		return false;
	int name_len = dns_name_take_lower(name, end, &q->qname, q->case_bits);
	if (name_len < 0 || end - (name + name_len) < DNS_TYPE_LEN + DNS_CLASS_LEN)
		return false;
	const uint8_t *fixed = name + name_len, *rest = fixed + DNS_TYPE_LEN + DNS_CLASS_LEN;
	q->asks = true;
	q->qtype = dns_get16(fixed);
	q->qclass = dns_get16(fixed + DNS_TYPE_LEN);
	return additional == 0 ? rest == end : read_opt(q, rest, end);
}

/** Nothing but what the header says. */
static void read_header(struct dns_query *q, const uint8_t *data, size_t len)
{
	q->id = len >= DNS_HEADER_LEN ? dns_get16(data + DNS_OFF_ID) : 0;
	q->flags = len >= DNS_HEADER_LEN ? dns_get16(data + DNS_OFF_FLAGS) : 0;
	q->qtype = q->qclass = q->udp_size = 0;
	q->asks = q->edns = q->do_bit = false;
	q->version = 0;
	memset(q->case_bits, 0, sizeof(q->case_bits));
	q->qname.len = 1;
	q->qname.labels = 0;
	q->qname.octets[0] = 0;
}

static int read_any(struct dns_query *q, struct dns_msg *msg, const uint8_t *data, size_t len)
{
	int err = dns_msg_parse(msg, data, len);

	read_header(q, data, len);
	if (err != 0)
		return err;
	q->edns = msg->edns.present;
	q->udp_size = msg->edns.udp_size;
	q->version = msg->edns.version;
	q->do_bit = msg->edns.do_bit;
	if (msg->qd_count == 0)
		return 0;
	q->asks = true;
	q->qtype = msg->qtype;
	q->qclass = msg->qclass;
	dns_name_take_lower(
		msg->qname.octets, msg->qname.octets + msg->qname.len, &q->qname, q->case_bits);
	return 0;
}

int dns_query_read(struct dns_query *q, struct dns_msg *scratch, const uint8_t *data, size_t len)
{
	if (len < DNS_HEADER_LEN || len > DNS_MSG_MAX)
		return read_any(q, scratch, data, len);
	q->id = dns_get16(data + DNS_OFF_ID);
	q->flags = dns_get16(data + DNS_OFF_FLAGS);
	q->edns = q->do_bit = false;
	q->udp_size = 0;
	q->version = 0;
	return read_usual(q, data, len) ? 0 : read_any(q, scratch, data, len);
}
