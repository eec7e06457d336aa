#include "dns/writer.h"

#include <assert.h>
#include <errno.h>

#include "dns/rdata.h"

enum {
	POINTER_LEN = 2,
	POINTER_FLAG = 0xc000,
	POINTER_TARGET_MAX = 0x3fff,
	OPT_EDE = 15, // RFC 8914 s2
	OPTION_HEADER_LEN = 4,
	EDE_CODE_LEN = 2,
};

/** Is there room for n more octets? Otherwise the error is kept. */
static bool room(struct dns_writer *w, size_t n)
{
	if (w->error == 0 && w->size - w->pos < n)
		w->error = -ENOSPC;
	return w->error == 0;
}

static void put_bytes(struct dns_writer *w, const void *bytes, size_t n)
{
	if (!room(w, n))
		return;
	memcpy(w->buf + w->pos, bytes, n);
	w->pos += n;
}

static void put_u16(struct dns_writer *w, uint16_t v)
{
	uint8_t bytes[2];

	dns_put16(bytes, v);
	put_bytes(w, bytes, sizeof(bytes));
}

static void put_u32(struct dns_writer *w, uint32_t v)
{
	uint8_t bytes[4];

	dns_put32(bytes, v);
	put_bytes(w, bytes, sizeof(bytes));
}

/** Does the name that we wrote at off, pointers and all, equal an uncompressed one? RFC 4343. */
static bool written_equals(const struct dns_writer *w, size_t off, const uint8_t *name)
{
	for (;;) {
		if (w->buf[off] > DNS_LABEL_MAX) {
			off = dns_get16(w->buf + off) & POINTER_TARGET_MAX;
			continue;
		}
		if (!dns_label_equal(w->buf + off, name))
			return false;
		if (*name == 0)
			return true;
		off += 1u + *name;
		name += 1u + *name;
	}
}

/**
 * @param names  how many of the written names to look at
 * @return       index of one equal to the suffix of suffix_len octets, -1 when there is none
 */
static int find_suffix(
	const struct dns_writer *w, int names, const uint8_t *suffix, uint8_t suffix_len)
{
	for (int i = 0; i < names; i++) {
		// readers, ours among them, do not follow pointers for ever
		if (w->name_len[i] == suffix_len && w->name_hops[i] < DNS_NAME_POINTERS_MAX &&
			written_equals(w, w->name_off[i], suffix))
			return i;
	}
	return -1;
}

static void remember_suffix(struct dns_writer *w, uint8_t suffix_len)
{
	if (w->names == DNS_WRITER_NAMES || w->pos > POINTER_TARGET_MAX)
		return;
	w->name_off[w->names] = (uint16_t)w->pos;
	w->name_len[w->names] = suffix_len;
	w->name_hops[w->names] = 0;
	w->names++;
}

/** Labels up to the first suffix that stands in the message already, then a pointer to it. */
static void put_name(struct dns_writer *w, const uint8_t *name, uint8_t len)
{
	uint8_t first = w->names;

	while (*name != 0) {
		// not its own suffixes: they are all longer than what is left
		int target = find_suffix(w, first, name, len);
		if (target >= 0) {
			put_u16(w, (uint16_t)(POINTER_FLAG | w->name_off[target]));
			for (int i = first; i < w->names; i++)
				w->name_hops[i] = (uint8_t)(w->name_hops[target] + 1);
			return;
		}
		uint8_t step = (uint8_t)(1 + *name);
		if (!room(w, step))
			return;
		remember_suffix(w, len);
		put_bytes(w, name, step);
		name += step;
		len = (uint8_t)(len - step);
	}
	put_bytes(w, name, 1);
}

static void put_rdata_name(
	struct dns_writer *w, const struct dns_rdata_parts *parts, const struct dns_name *name)
{
	if (parts->row->compressible)
		put_name(w, name->octets, name->len);
	else
		put_bytes(w, name->octets, name->len);
}

/** Type, class, TTL and an RDLENGTH of 0. */
static void put_fixed(struct dns_writer *w, const struct dns_rr *rr, uint32_t ttl_s)
{
	uint8_t fixed[DNS_RR_FIXED_LEN] = {0};

	dns_put16(fixed, rr->type);
	dns_put16(fixed + DNS_TYPE_LEN, rr->class_);
	dns_put32(fixed + DNS_TYPE_LEN + DNS_CLASS_LEN, ttl_s);
	put_bytes(w, fixed, sizeof(fixed));
}

/** RDATA, and its length into the two octets before it. */
static void put_rdata(struct dns_writer *w, const struct dns_msg *src, const struct dns_rr *rr)
{
	struct dns_rdata_parts parts;
	size_t start = w->pos;

	if (dns_rdata_split(src, rr, &parts) < 0) {
		w->error = -EBADMSG;
		return;
	}
	put_bytes(w, parts.head, parts.head_len);
	for (int i = 0; i < parts.names; i++)
		put_rdata_name(w, &parts, &parts.name[i]);
	put_bytes(w, parts.tail, parts.tail_len);
	if (w->error == 0)
		dns_put16(w->buf + start - 2, (uint16_t)(w->pos - start));
}

void dns_writer_init(struct dns_writer *w, uint8_t *buf, size_t size, uint16_t id, uint16_t flags)
{
	w->buf = buf;
	w->size = size < DNS_MSG_MAX ? size : DNS_MSG_MAX;
	w->pos = 0;
	w->error = 0;
	w->names = 0;
	memset(w->counts, 0, sizeof(w->counts));
	if (!room(w, DNS_HEADER_LEN))
		return;
	put_u16(w, id);
	put_u16(w, flags);
	w->pos = DNS_HEADER_LEN;
}

void dns_writer_question(
	struct dns_writer *w, const uint8_t *qname, uint16_t qtype, uint16_t qclass)
{
	assert(w->error != 0 || w->pos == DNS_HEADER_LEN);
	put_name(w, qname, (uint8_t)(dns_name_strip(qname, dns_name_labels(qname)) - qname + 1));
	put_u16(w, qtype);
	put_u16(w, qclass);
	if (w->error == 0)
		w->counts[0] = 1;
}

void dns_writer_copy_rr(struct dns_writer *w, enum dns_section section, const struct dns_msg *src,
	const struct dns_rr *rr, uint32_t ttl_s)
{
	struct dns_name owner;
	size_t pos = w->pos;
	uint8_t names = w->names;

	if (w->error != 0)
		return;
	for (int later = section + 1; later < DNS_SECTIONS; later++)
		assert(w->counts[1 + later] == 0);
	dns_rr_owner(src, rr, &owner);
	put_name(w, owner.octets, owner.len);
	put_fixed(w, rr, ttl_s);
	put_rdata(w, src, rr);
	if (w->error == 0) {
		w->counts[1 + section]++;
	} else {
		w->pos = pos;
		w->names = names;
	}
}

void dns_writer_opt(struct dns_writer *w, uint16_t udp_size, bool do_bit, uint8_t ext_rcode,
	int ede, const char *ede_text)
{
	size_t text_len = ede >= 0 && ede_text ? strlen(ede_text) : 0;
	size_t ede_len = ede >= 0 ? OPTION_HEADER_LEN + EDE_CODE_LEN + text_len : 0;

	// root, and all that has a length is known to fit into 16 bits
	if (!room(w, 1 + DNS_RR_FIXED_LEN + ede_len))
		return;
	put_bytes(w, "", 1);
	put_u16(w, DNS_TYPE_OPT);
	put_u16(w, udp_size);
	put_u32(w, (uint32_t)ext_rcode << 24 | (do_bit ? DNS_EDNS_DO : 0));
	put_u16(w, (uint16_t)ede_len);
	if (ede >= 0) {
		put_u16(w, OPT_EDE);
		put_u16(w, (uint16_t)(EDE_CODE_LEN + text_len));
		put_u16(w, (uint16_t)ede);
		if (text_len > 0)
			put_bytes(w, ede_text, text_len);
	}
	w->counts[1 + DNS_ADDITIONAL]++;
}

int dns_writer_end(struct dns_writer *w)
{
	if (w->error != 0)
		return w->error;
	for (int i = 0; i < 4; i++)
		dns_put16(w->buf + DNS_OFF_QDCOUNT + 2 * i, w->counts[i]);
	return (int)w->pos;
}
