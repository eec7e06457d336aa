#include "dns/msg.h"

#include <assert.h>
#include <errno.h>

// Offsets inside a record, from the end of its owner name.
enum { RR_OFF_TYPE = 0, RR_OFF_CLASS = 2, RR_OFF_TTL = 4, RR_OFF_RDLENGTH = 8 };

enum {
	POINTER_LEN = 2,
	POINTER_FLAG = 0xc000,
	QUESTION_FIXED_LEN = DNS_TYPE_LEN + DNS_CLASS_LEN,
	OPTION_HEADER_LEN = 4, // code, length
};

/** Header and question. @return offset of the first record, -EMSGSIZE, -EBADMSG */
static inline int parse_head(struct dns_msg *msg, const uint8_t *data, size_t len)
{
	if (len < DNS_HEADER_LEN)
		return -EMSGSIZE;
	if (len > DNS_MSG_MAX)
		return -EBADMSG;
	msg->data = data;
	msg->len = (uint16_t)len;
	msg->id = dns_get16(data + DNS_OFF_ID);
	msg->flags = dns_get16(data + DNS_OFF_FLAGS);
	msg->qd_count = dns_get16(data + DNS_OFF_QDCOUNT);
	msg->edns = (struct dns_edns){.present = false};
	msg->question_end = DNS_HEADER_LEN;
	if (msg->qd_count == 0)
		return DNS_HEADER_LEN;
	if (msg->qd_count > 1)
		return -EBADMSG;

	// No name stands before this one, so a pointer here is an error like any other.
	const uint8_t *end = data + len;
	int name_len = dns_name_from_wire(data + DNS_HEADER_LEN, end, &msg->qname);
	if (name_len < 0)
		return name_len;
	const uint8_t *fixed = data + DNS_HEADER_LEN + name_len;
	if (end - fixed < QUESTION_FIXED_LEN)
		return -EMSGSIZE;
	msg->qtype = dns_get16(fixed);
	msg->qclass = dns_get16(fixed + DNS_TYPE_LEN);
	msg->question_end = (uint16_t)(DNS_HEADER_LEN + name_len + QUESTION_FIXED_LEN);
	return msg->question_end;
}

int dns_edns_check_options(const uint8_t *options, size_t len)
{
	size_t pos = 0;

	while (pos < len) {
		if (len - pos < OPTION_HEADER_LEN)
			return -EBADMSG;
		size_t option_len = dns_get16(options + pos + 2);
		pos += OPTION_HEADER_LEN;
		if (len - pos < option_len)
			return -EBADMSG;
		pos += option_len;
	}
	return 0;
}

/** Note an OPT record. RFC 6891 s6.1.1: one, in the additional section, owned by the root. */
static int take_opt(struct dns_msg *msg, const struct dns_rr *rr, uint16_t index)
{
	if (msg->edns.present || rr->section != DNS_ADDITIONAL || msg->data[rr->owner_off] != 0)
		return -EBADMSG;

	const uint8_t *rdata = msg->data + rr->rdata_off;
	const uint8_t *ttl = rdata - DNS_RR_FIXED_LEN + RR_OFF_TTL;
	msg->edns = (struct dns_edns){
		.present = true,
		.ext_rcode = ttl[0],
		.version = ttl[1],
		.do_bit = (dns_get16(ttl + 2) & DNS_EDNS_DO) != 0,
		.udp_size = rr->class_,
		.rr_index = index,
		.options_off = rr->rdata_off,
		.options_len = rr->rdata_len,
	};
	return dns_edns_check_options(rdata, rr->rdata_len);
}

/**
 * Length of the owner name at off. Most owners are a bare pointer, to the question's name or to
 * where the record before pointed: what was good at a lower offset is good here. An OPT's is the
 * root.
 *
 * @param known  in/out: a pointer known to be good, or 0
 * @return octets in place, -EMSGSIZE, -EBADMSG
 */
static inline int owner_len(const struct dns_msg *msg, size_t off, uint16_t *known)
{
	uint16_t first = msg->len - off >= POINTER_LEN ? dns_get16(msg->data + off) : 0;
	if (first >= POINTER_FLAG && first == *known)
		return POINTER_LEN;
	if (first >> 8 == 0 && msg->len - off >= POINTER_LEN)
		return 1;

	int len = dns_name_check(msg->data, msg->len, off, msg->len);
	if (len > 0 && first >= POINTER_FLAG)
		*known = first;
	return len;
}

/** Frame of the record at off. @return offset behind it, -EMSGSIZE, -EBADMSG */
static inline int parse_rr(
	struct dns_msg *msg, size_t off, uint8_t section, uint16_t *known_owner, struct dns_rr *rr)
{
	int name_len = owner_len(msg, off, known_owner);
	if (name_len < 0)
		return name_len;

	size_t fixed_off = off + (size_t)name_len;
	if (msg->len - fixed_off < DNS_RR_FIXED_LEN)
		return -EMSGSIZE;
	const uint8_t *fixed = msg->data + fixed_off;
	size_t rdata_off = fixed_off + DNS_RR_FIXED_LEN;
	size_t rdata_len = dns_get16(fixed + RR_OFF_RDLENGTH);
	if (msg->len - rdata_off < rdata_len)
		return -EMSGSIZE;

	uint32_t ttl_s = dns_get32(fixed + RR_OFF_TTL);
	*rr = (struct dns_rr){
		.owner_off = (uint16_t)off,
		.type = dns_get16(fixed + RR_OFF_TYPE),
		.class_ = dns_get16(fixed + RR_OFF_CLASS),
		.rdata_off = (uint16_t)rdata_off,
		.rdata_len = (uint16_t)rdata_len,
		.section = section,
		.ttl_s = ttl_s <= INT32_MAX ? ttl_s : 0,
		.end_off = (uint16_t)(rdata_off + rdata_len),
	};
	return rr->end_off;
}

/** @return offset behind the section's last record, or an error of dns_msg_parse() */
static int parse_section(struct dns_msg *msg, size_t off, uint8_t section, uint16_t *known_owner)
{
	size_t count = dns_get16(msg->data + DNS_OFF_ANCOUNT + 2 * section);

	msg->section_start[section] = msg->rr_count;
	for (size_t i = 0; i < count; i++) {
		if (msg->rr_count == DNS_MSG_RR_MAX)
			return -E2BIG;
		struct dns_rr *rr = &msg->rr[msg->rr_count];
		int next = parse_rr(msg, off, section, known_owner, rr);
		if (next < 0)
			return next;
		if (rr->type == DNS_TYPE_OPT) {
			int rc = take_opt(msg, rr, msg->rr_count);
			if (rc < 0)
				return rc;
		}
		msg->rr_count++;
		off = (size_t)next;
	}
	return (int)off;
}

/** All records, from off to the end of the message. */
static int parse_body(struct dns_msg *msg, int off)
{
	uint16_t known_owner = msg->qd_count == 1 ? POINTER_FLAG | DNS_HEADER_LEN : 0;

	msg->rr_count = 0;
	for (uint8_t section = 0; section < DNS_SECTIONS; section++) {
		off = parse_section(msg, (size_t)off, section, &known_owner);
		if (off < 0)
			return off;
	}
	msg->section_start[DNS_SECTIONS] = msg->rr_count;
	return off == msg->len ? 0 : -EBADMSG;
}

int dns_msg_parse(struct dns_msg *msg, const uint8_t *data, size_t len)
{
	int off = parse_head(msg, data, len);

	return off < 0 ? off : parse_body(msg, off);
}

void dns_rr_owner(const struct dns_msg *msg, const struct dns_rr *rr, struct dns_name *out)
{
	int used = dns_name_expand(msg->data, msg->len, rr->owner_off, msg->len, out);

	assert(used > 0); // parse_rr() has walked it
	(void)used;
}

int dns_edns_option(const struct dns_msg *msg, uint16_t *pos, uint16_t *code, const uint8_t **val,
	uint16_t *len)
{
	const struct dns_edns *edns = &msg->edns;

	if (!edns->present || *pos >= edns->options_len)
		return 0;
	const uint8_t *option = msg->data + edns->options_off + *pos;
	*code = dns_get16(option);
	*len = dns_get16(option + 2);
	*val = option + OPTION_HEADER_LEN;
	*pos = (uint16_t)(*pos + OPTION_HEADER_LEN + *len);
	return 1;
}
