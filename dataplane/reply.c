#include "dataplane/reply.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <rte_byteorder.h>

#include "dataplane/csum.h"
#include "dns/wire.h"
#include "dns/writer.h"

enum { OPT_MIN = 11, OPT_MAX = 17 }; // octets of our OPT, without and with an extended error

void dp_reply_case_restore(uint8_t *qname, size_t len, const uint8_t bits[DNS_CASE_OCTETS])
{
	for (size_t i = 0; i < len; i++)
		qname[i] = (uint8_t)(qname[i] ^ (((bits[i / 8] >> (i % 8)) & 1) << 5));
}

/* What a client may get: over UDP RFC 6891 s6.2.3, over TCP RFC 1035 s4.2.2. */
static size_t client_limit(const struct dp_waiter *client, uint16_t edns_size)
{
	size_t size;

	if (client->stream)
		return UINT16_MAX;
	if (!client->edns || client->udp_size < DNS_UDP_MAX_PLAIN)
		return DNS_UDP_MAX_PLAIN;
	size = client->udp_size;
	return size < edns_size ? size : edns_size;
}

/* What of the upstream's flags every client gets. */
static uint16_t kept_flags(const struct dns_msg *msg, enum route_kind kind)
{
	uint16_t keep = DNS_FLAG_AA | DNS_FLAG_TC | DNS_FLAG_OPCODE_MASK | DNS_FLAG_RCODE_MASK;

	if (kind == ROUTE_RECURSIVE)
		keep |= DNS_FLAG_RA;
	return (uint16_t)(DNS_FLAG_QR | (msg->flags & keep));
}

/* And what is this client's own. */
static uint16_t client_flags(uint16_t kept, bool secure, const struct dp_waiter *client)
{
	bool wants_ad = client->do_bit || (client->flags & DNS_FLAG_AD) != 0;
	uint16_t flags = (uint16_t)(kept | (client->flags & (DNS_FLAG_RD | DNS_FLAG_CD)));

	if (secure && wants_ad)
		flags |= DNS_FLAG_AD;
	return flags;
}

/* RFC 4035 s3.2.1, and s3.1.4.1 for DS in a referral. */
static bool is_dnssec_only(const struct dns_msg *msg, const struct dns_rr *rr)
{
	switch (rr->type) {
	case DNS_TYPE_RRSIG:
	case DNS_TYPE_NSEC:
	case DNS_TYPE_NSEC3:
		return msg->qtype != rr->type && msg->qtype != DNS_TYPE_ANY;
	case DNS_TYPE_DS:
		return rr->section == DNS_AUTHORITY;
	default:
		return false;
	}
}

static uint32_t capped_ttl(const struct val_response *vr, const struct dns_rr *rr, uint16_t i)
{
	return vr->ttl_capped && vr->ttl_cap_s[i] < rr->ttl_s ? vr->ttl_cap_s[i] : rr->ttl_s;
}

static void finish_opt(struct dns_writer *w, const struct dns_msg *msg,
	const struct dp_waiter *client, uint16_t edns_size, int ede)
{
	uint8_t ext = msg->edns.present ? msg->edns.ext_rcode : 0;

	if (client->edns)
		dns_writer_opt(w, edns_size, client->do_bit, ext, ede, NULL);
}

/* Header, question, OPT and TC=1: what a client gets whose buffer is too small. RFC 2181 s9. */
static int truncated_reply(const struct dns_msg *msg, uint16_t flags,
	const struct dp_waiter *client, uint16_t edns_size, uint8_t *out, size_t size)
{
	struct dns_writer w;

	dns_writer_init(&w, out, size, client->id, flags | DNS_FLAG_TC);
	dns_writer_question(&w, msg->qname.octets, msg->qtype, msg->qclass);
	finish_opt(&w, msg, client, edns_size, DNS_EDE_NONE);
	return dns_writer_end(&w);
}

static int rebuilt_reply(const struct dns_msg *msg, const struct val_response *vr, uint16_t flags,
	const struct dp_waiter *client, uint16_t edns_size, uint8_t *out, size_t size)
{
	struct dns_writer w;

	dns_writer_init(&w, out, size, client->id, flags);
	dns_writer_question(&w, msg->qname.octets, msg->qtype, msg->qclass);
	for (uint16_t i = 0; i < msg->rr_count; i++) {
		const struct dns_rr *rr = &msg->rr[i];

		if (rr->type == DNS_TYPE_OPT || val_response_strips(vr, i) ||
			(!client->do_bit && is_dnssec_only(msg, rr)))
			continue;
		dns_writer_copy_rr(&w, rr->section, msg, rr, capped_ttl(vr, rr, i));
	}
	finish_opt(&w, msg, client, edns_size, val_reason_ede(vr->result.reason));
	return dns_writer_end(&w);
}

/* Is every record to be kept, and the OPT the last or not there? Then octets can be copied as they
 * are. */
static bool copies_as_is(
	const struct dns_msg *msg, const struct val_response *vr, const struct dp_waiter *client)
{
	if (vr->strips)
		return false;
	if (msg->edns.present && msg->edns.rr_index + 1 != msg->rr_count)
		return false;
	if (client->do_bit)
		return true;
	for (uint16_t i = 0; i < msg->rr_count; i++)
		if (is_dnssec_only(msg, &msg->rr[i]))
			return false;
	return true;
}

/*
 * Changes to a message, and what they do to its sum (RFC 1624): what was there is taken, what is
 * there now is added, as values of big-endian words. A value at an odd offset counts 256 times.
 */
struct edit {
	uint8_t *msg;
	uint64_t taken, added;
};

static uint64_t weighed(size_t off, uint64_t value)
{
	return value << (off % 2 * 8);
}

static void append16(struct edit *e, size_t off, uint16_t v)
{
	e->added += weighed(off, v);
	dns_put16(e->msg + off, v);
}

static void set16(struct edit *e, size_t off, uint16_t v)
{
	e->taken += weighed(off, dns_get16(e->msg + off));
	append16(e, off, v);
}

static void set32(struct edit *e, size_t off, uint32_t v)
{
	uint32_t was = dns_get32(e->msg + off);

	if (was == v)
		return;
	e->taken += weighed(off, was);
	e->added += weighed(off, v);
	dns_put32(e->msg + off, v);
}

static void cut_off(struct edit *e, size_t off, size_t len)
{
	uint16_t sum = dp_csum_fold(dp_csum_octets(e->msg + off, len));

	e->taken += weighed(off, rte_be_to_cpu_16(sum));
}

static uint16_t edited_sum(const struct edit *e, uint16_t sum)
{
	uint16_t taken = dp_csum_fold(e->taken);

	if (sum == 0) // nobody knew it
		return 0;
	sum = dp_csum_fold(rte_be_to_cpu_16(sum) + (uint64_t)(uint16_t)~taken + e->added);
	return rte_cpu_to_be_16(sum);
}

static size_t opt_len(const struct dp_waiter *client, int ede)
{
	return !client->edns ? 0 : ede >= 0 ? OPT_MAX : OPT_MIN;
}

/* Write our OPT behind all records; there is room for opt_len(). The caller counts it. */
static void append_opt(
	struct edit *e, size_t off, uint16_t edns_size, uint8_t ext_rcode, bool do_bit, int ede)
{
	e->msg[off++] = 0; // root
	append16(e, off, DNS_TYPE_OPT);
	append16(e, off + 2, edns_size);
	append16(e, off + 4, (uint16_t)(ext_rcode << 8)); // version 0
	append16(e, off + 6, do_bit ? 0x8000 : 0);
	append16(e, off + 8, ede >= 0 ? OPT_MAX - OPT_MIN : 0);
	if (ede >= 0) {
		append16(e, off + 10, 15); // RFC 8914 s2
		append16(e, off + 12, 2);
		append16(e, off + 14, (uint16_t)ede);
	}
}

/* The letters that the client wrote in upper case. */
static void edit_case(struct edit *e, const struct dns_name *qname, const struct dp_waiter *client)
{
	dp_reply_case_restore(e->msg + DNS_HEADER_LEN, qname->len, client->case_bits);
	for (size_t i = 0; i < (qname->len + 7u) / 8; i++) {
		unsigned even = client->case_bits[i] & 0x55, odd = client->case_bits[i] & 0xaa;

		static_assert(DNS_HEADER_LEN % 2 == 0, "even octets of the name come first");
		e->taken += (uint64_t)__builtin_popcount(even) * ('a' - 'A') << 8;
		e->taken += (uint64_t)__builtin_popcount(odd) * ('a' - 'A');
	}
}

/* Records that stay, and where they end, of a reply of which octets stay as they are. */
static uint16_t plain_records(const struct dns_msg *msg, size_t *end)
{
	uint16_t records = (uint16_t)(msg->rr_count - (msg->edns.present ? 1 : 0));

	*end = records > 0 ? msg->rr[records - 1].end_off : msg->question_end;
	return records;
}

/**
 * Make a reply whose octets stay, in e->msg, one client's: ID, flags, TTLs, OPT; not the letter
 * case.
 * @return octets; there is room for them
 */
static int edit_reply(struct edit *e, const struct dns_msg *msg, const struct val_response *vr,
	uint16_t flags, const struct dp_waiter *client, uint16_t edns_size)
{
	int ede = val_reason_ede(vr->result.reason);
	size_t len;
	uint16_t records = plain_records(msg, &len);
	uint16_t additional = dns_get16(e->msg + DNS_OFF_ARCOUNT);

	set16(e, DNS_OFF_ID, client->id);
	set16(e, DNS_OFF_FLAGS, flags);
	for (uint16_t i = 0; i < records; i++)
		set32(e, msg->rr[i].rdata_off - 6u, capped_ttl(vr, &msg->rr[i], i));
	if (msg->edns.present)
		additional--;
	if (client->edns) {
		additional++;
		append_opt(e, len, edns_size, msg->edns.present ? msg->edns.ext_rcode : 0,
			client->do_bit, ede);
	}
	set16(e, DNS_OFF_ARCOUNT, additional);
	return (int)(len + opt_len(client, ede));
}

static int copied_reply(const struct dns_msg *msg, const struct val_response *vr, uint16_t flags,
	const struct dp_waiter *client, uint16_t edns_size, uint8_t *out, size_t size)
{
	struct edit e = {.msg = out};
	size_t len;

	plain_records(msg, &len);
	if (len + opt_len(client, val_reason_ede(vr->result.reason)) > size)
		return -ENOSPC;
	memcpy(out, msg->data, len);
	return edit_reply(&e, msg, vr, flags, client, edns_size);
}

int dp_reply_in_place(const struct dns_msg *msg, const struct val_response *vr,
	enum route_kind kind, const struct dp_waiter *client, uint16_t edns_size, uint8_t *dns,
	size_t size, uint16_t *sum)
{
	struct edit e = {.msg = dns};
	size_t limit = client_limit(client, edns_size), len;
	uint16_t flags =
		client_flags(kept_flags(msg, kind), vr->result.verdict == VAL_SECURE, client);

	if (!copies_as_is(msg, vr, client))
		return -ENOTSUP;
	plain_records(msg, &len);
	if (len + opt_len(client, val_reason_ede(vr->result.reason)) > RTE_MIN(limit, size))
		return -ENOSPC;
	cut_off(&e, len, msg->len - len);
	len = (size_t)edit_reply(&e, msg, vr, flags, client, edns_size);
	edit_case(&e, &msg->qname, client);
	*sum = edited_sum(&e, *sum);
	return (int)len;
}

int dp_reply_copy(const struct dns_msg *msg, const struct val_response *vr, enum route_kind kind,
	const struct dp_waiter *client, uint16_t edns_size, uint8_t *out, size_t size,
	bool *truncated)
{
	size_t limit = client_limit(client, edns_size);
	uint16_t flags =
		client_flags(kept_flags(msg, kind), vr->result.verdict == VAL_SECURE, client);
	int len;

	*truncated = false;
	limit = limit < size ? limit : size;
	if (copies_as_is(msg, vr, client))
		len = copied_reply(msg, vr, flags, client, edns_size, out, limit);
	else
		len = rebuilt_reply(msg, vr, flags, client, edns_size, out, limit);
	if (len == -ENOSPC) {
		*truncated = true;
		len = truncated_reply(msg, flags, client, edns_size, out, size);
	}
	if (len > 0)
		dp_reply_case_restore(out + DNS_HEADER_LEN, msg->qname.len, client->case_bits);
	return len;
}

/* ---- what is kept ---- */

bool dp_reply_is_plain(const struct dns_msg *msg)
{
	for (uint16_t i = 0; i < msg->rr_count; i++)
		if (is_dnssec_only(msg, &msg->rr[i]))
			return false;
	return true;
}

int dp_reply_bare(const struct dns_msg *msg, const struct val_response *vr, enum route_kind kind,
	bool dnssec, uint8_t *out, size_t size)
{
	static const struct val_response no_caps;
	const struct dp_waiter nobody = {.do_bit = dnssec};
	uint16_t flags = kept_flags(msg, kind);

	vr = vr != NULL ? vr : &no_caps;
	return copies_as_is(msg, vr, &nobody)
		       ? copied_reply(msg, vr, flags, &nobody, 0, out, size)
		       : rebuilt_reply(msg, vr, flags, &nobody, 0, out, size);
}

/* Header, question, TC=1, as truncated_reply(). @return octets; there is room for them */
static size_t cut_kept(const struct dp_kept *k, uint8_t *out)
{
	memcpy(out, k->msg, k->question_end);
	memset(out + DNS_OFF_ANCOUNT, 0, DNS_HEADER_LEN - DNS_OFF_ANCOUNT);
	return k->question_end;
}

static void count_down(const struct dp_kept *k, uint8_t *out)
{
	for (uint16_t i = 0; i < k->records; i++) {
		uint8_t *at = out + k->ttl_off[i];
		uint32_t ttl_s = dns_get32(at);

		if (k->fixed_ttl_s != 0)
			ttl_s = k->fixed_ttl_s;
		else
			ttl_s = ttl_s > k->age_s ? ttl_s - k->age_s : 0;
		dns_put32(at, ttl_s);
	}
}

int dp_reply_kept(const struct dp_kept *k, const struct dp_waiter *client, uint16_t edns_size,
	uint8_t *out, size_t size, bool *truncated)
{
	uint16_t flags = client_flags(dns_get16(k->msg + DNS_OFF_FLAGS), k->secure, client);
	size_t limit = client_limit(client, edns_size), len = k->len;
	struct edit e = {.msg = out};
	int ede = k->ede;

	limit = limit < size ? limit : size;
	*truncated = len + opt_len(client, ede) > limit;
	if (*truncated) {
		if (k->question_end + (size_t)OPT_MIN > size)
			return -ENOSPC;
		len = cut_kept(k, out);
		flags |= DNS_FLAG_TC;
		ede = DNS_EDE_NONE;
	} else {
		memcpy(out, k->msg, len);
		count_down(k, out);
	}
	dns_put16(out + DNS_OFF_ID, client->id);
	dns_put16(out + DNS_OFF_FLAGS, flags);
	dp_reply_case_restore(out + DNS_HEADER_LEN,
		k->question_end - DNS_HEADER_LEN - DNS_TYPE_LEN - DNS_CLASS_LEN, client->case_bits);
	if (client->edns) {
		append_opt(&e, len, edns_size, 0, client->do_bit, ede);
		set16(&e, DNS_OFF_ARCOUNT, (uint16_t)(dns_get16(out + DNS_OFF_ARCOUNT) + 1));
	}
	return (int)(len + opt_len(client, ede));
}

/* ---- what we say ourselves ---- */

int dp_reply_error(const struct dp_waiter *client, const uint8_t *qname, uint16_t qtype,
	uint16_t qclass, uint16_t opcode, uint16_t rcode, int ede, const char *text,
	uint16_t edns_size, uint8_t *out, size_t size)
{
	uint16_t flags = (uint16_t)(DNS_FLAG_QR | (opcode << 11) |
				    (client->flags & (DNS_FLAG_RD | DNS_FLAG_CD)) |
				    (rcode & DNS_FLAG_RCODE_MASK));
	struct dns_writer w;

	dns_writer_init(&w, out, size, client->id, flags);
	if (qname != NULL)
		dns_writer_question(&w, qname, qtype, qclass);
	if (client->edns)
		dns_writer_opt(&w, edns_size, client->do_bit, (uint8_t)(rcode >> 4), ede, text);
	return dns_writer_end(&w);
}

/* OPT with an empty NSID option, RFC 5001 s2.1. The writer knows only extended errors. */
static int append_nsid(uint8_t *out, int len, size_t size)
{
	if ((size_t)len + 4 > size)
		return -ENOSPC;
	dns_put16(out + len - 2, 4); // RDLENGTH of the OPT that ends the message
	dns_put16(out + len, 3);
	dns_put16(out + len + 2, 0);
	return len + 4;
}

/* By hand: every query that is forwarded is written here; a writer would look for names to point
 * to. */
int dp_reply_question(uint16_t id, enum route_kind kind, const struct dns_name *qname,
	uint16_t qtype, uint16_t edns_size, bool nsid, uint8_t *out, size_t size)
{
	static const uint8_t counts[DNS_HEADER_LEN - DNS_OFF_QDCOUNT] = {
		[1] = 1, // QDCOUNT
		[7] = 1, // ARCOUNT
	};
	size_t tail = DNS_HEADER_LEN + (size_t)qname->len;
	size_t opt = tail + DNS_TYPE_LEN + DNS_CLASS_LEN;
	struct edit e = {.msg = out};

	if (opt + OPT_MIN > size)
		return -ENOSPC;
	dns_put16(out + DNS_OFF_ID, id);
	dns_put16(out + DNS_OFF_FLAGS, kind == ROUTE_RECURSIVE ? DNS_FLAG_RD | DNS_FLAG_CD : 0);
	memcpy(out + DNS_OFF_QDCOUNT, counts, sizeof(counts));
	memcpy(out + DNS_HEADER_LEN, qname->octets, qname->len);
	dns_put16(out + tail, qtype);
	dns_put16(out + tail + DNS_TYPE_LEN, DNS_CLASS_IN);
	append_opt(&e, opt, edns_size, 0, true, DNS_EDE_NONE);
	return nsid ? append_nsid(out, (int)(opt + OPT_MIN), size) : (int)(opt + OPT_MIN);
}
