#include "tests/fuzz/msg_check.h"

#include <errno.h>
#include <string.h>

#include "dns/msg.h"
#include "dns/query.h"
#include "dns/rdata.h"
#include "dns/text.h"
#include "dns/writer.h"

// Large views and buffers: static, one thread.
static struct dns_msg msg, scratch, copy;
static struct dns_query query;
static uint8_t rewritten[DNS_MSG_MAX];
static volatile unsigned sink;

/** Read every octet, for the sanitizer. */
static void touch(const uint8_t *p, size_t len)
{
	unsigned sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += p[i];
	sink = sum;
}

/** Letter by letter, which is how nobody else does it. */
static bool same_name(const struct dns_query *q, const struct dns_name *as_sent)
{
	if (q->qname.len != as_sent->len || q->qname.labels != as_sent->labels)
		return false;
	for (unsigned i = 0; i < 8 * DNS_CASE_OCTETS; i++) {
		uint8_t c = i < as_sent->len ? as_sent->octets[i] : 0;
		bool capital = c >= 'A' && c <= 'Z';

		if ((q->case_bits[i / 8] >> i % 8 & 1) != capital)
			return false;
		if (i < as_sent->len && q->qname.octets[i] != (capital ? c + 'a' - 'A' : c))
			return false;
	}
	return true;
}

static const char *check_views_agree(int rc, int query_rc, const struct dns_query *q)
{
	if (rc != query_rc)
		return "both readers give the same result";
	if (rc != 0)
		return !q->asks && !q->edns && q->qname.len == 1 && q->qname.octets[0] == 0
			       ? NULL
			       : "a message that is malformed has no question";
	if (msg.id != q->id || msg.flags != q->flags || (msg.qd_count == 1) != q->asks)
		return "both readers see the same header";
	if (q->asks &&
		(msg.qtype != q->qtype || msg.qclass != q->qclass || !same_name(q, &msg.qname)))
		return "both readers see the same question";
	if (!q->asks && (q->qname.len != 1 || q->qname.octets[0] != 0))
		return "without a question there is the root";
	if (msg.edns.present != q->edns ||
		(q->edns && (msg.edns.udp_size != q->udp_size || msg.edns.do_bit != q->do_bit ||
				    msg.edns.version != q->version)))
		return "both readers see the same EDNS";
	return NULL;
}

static const char *check_name(const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_MAX];
	struct dns_name back;

	if (dns_name_len(name->octets, name->octets + name->len) != name->len ||
		dns_name_labels(name->octets) != name->labels)
		return "a name has the measure that it says";
	dns_name_to_text(name->octets, text, sizeof(text));
	if (dns_name_from_text(text, &back) != 0 || back.len != name->len ||
		memcmp(back.octets, name->octets, back.len) != 0)
		return "a name's text reads back as the name";
	return NULL;
}

/** Call the reader for a record's type and read all that it points to. */
static void read_rdata(const struct dns_rr *rr)
{
	const uint8_t *rdata = msg.data + rr->rdata_off;
	union {
		struct dns_rrsig rrsig;
		struct dns_dnskey dnskey;
		struct dns_ds ds;
		struct dns_nsec nsec;
		struct dns_nsec3 nsec3;
	} u;

	// every reader on every type: they must cope with anything
	if (dns_rrsig_read(rdata, rr->rdata_len, &u.rrsig) == 0) {
		touch(u.rrsig.signer, u.rrsig.signer_len);
		touch(u.rrsig.signature, u.rrsig.signature_len);
	}
	if (dns_dnskey_read(rdata, rr->rdata_len, &u.dnskey) == 0)
		touch(u.dnskey.key, u.dnskey.key_len);
	if (dns_ds_read(rdata, rr->rdata_len, &u.ds) == 0)
		touch(u.ds.digest, u.ds.digest_len);
	if (dns_nsec_read(rdata, rr->rdata_len, &u.nsec) == 0) {
		touch(u.nsec.next, u.nsec.next_len);
		sink = dns_bitmap_has(u.nsec.bitmap, u.nsec.bitmap_len, rr->type);
	}
	if (dns_nsec3_read(rdata, rr->rdata_len, &u.nsec3) == 0) {
		touch(u.nsec3.salt, u.nsec3.salt_len);
		touch(u.nsec3.next_hash, u.nsec3.next_len);
		sink = dns_bitmap_has(u.nsec3.bitmap, u.nsec3.bitmap_len, rr->type);
	}
	uint32_t serial = 0;
	dns_soa_serial(&msg, rr, &serial);
	sink = dns_key_tag(rdata, rr->rdata_len) + serial;
}

/** @param malformed  set when a record's RDATA is no good */
static const char *check_records(bool *malformed)
{
	static uint8_t canonical[DNS_MSG_MAX + 2 * DNS_NAME_MAX];
	uint16_t off = msg.question_end;

	for (int i = 0; i < msg.rr_count; i++) {
		const struct dns_rr *rr = &msg.rr[i];
		if (rr->owner_off != off || rr->rdata_off + rr->rdata_len != rr->end_off)
			return "records stand one behind the other";
		off = rr->end_off;

		struct dns_name owner;
		dns_rr_owner(&msg, rr, &owner);
		const char *broken = check_name(&owner);
		if (broken)
			return broken;
		read_rdata(rr);
		int len = dns_rdata_canonical(&msg, rr, canonical, sizeof(canonical));
		if (len < 0 && len != -EBADMSG)
			return "canonical RDATA fits or is malformed";
		*malformed = *malformed || (len < 0 && rr->type != DNS_TYPE_OPT);
	}
	return off == msg.len ? NULL : "records end with the message";
}

static void check_options(void)
{
	uint16_t pos = 0, code, len;
	const uint8_t *val;

	while (dns_edns_option(&msg, &pos, &code, &val, &len) == 1)
		touch(val, len);
}

static int rewrite(void)
{
	struct dns_writer w;

	dns_writer_init(&w, rewritten, sizeof(rewritten), msg.id, msg.flags);
	if (msg.qd_count == 1)
		dns_writer_question(&w, msg.qname.octets, msg.qtype, msg.qclass);
	for (int i = 0; i < msg.rr_count; i++) {
		const struct dns_rr *rr = &msg.rr[i];
		if (rr->type == DNS_TYPE_OPT)
			dns_writer_opt(&w, msg.edns.udp_size, msg.edns.do_bit, msg.edns.ext_rcode,
				DNS_EDE_NONE, NULL);
		else
			dns_writer_copy_rr(&w, rr->section, &msg, rr, rr->ttl_s);
	}
	return dns_writer_end(&w);
}

static bool same_record(const struct dns_rr *a, const struct dns_rr *b)
{
	static uint8_t rdata_a[DNS_MSG_MAX], rdata_b[DNS_MSG_MAX];
	struct dns_name owner_a, owner_b;

	dns_rr_owner(&msg, a, &owner_a);
	dns_rr_owner(&copy, b, &owner_b);
	if (!dns_name_equal(owner_a.octets, owner_b.octets) || a->type != b->type ||
		a->class_ != b->class_ || a->section != b->section)
		return false;
	if (a->type == DNS_TYPE_OPT)
		return true;
	int len_a = dns_rdata_canonical(&msg, a, rdata_a, sizeof(rdata_a));
	int len_b = dns_rdata_canonical(&copy, b, rdata_b, sizeof(rdata_b));
	return a->ttl_s == b->ttl_s && len_a >= 0 && len_a == len_b &&
	       memcmp(rdata_a, rdata_b, (size_t)len_a) == 0;
}

static const char *check_rewrite(bool malformed)
{
	int len = rewrite();

	if (len == -ENOSPC) // names that may not be compressed have grown it
		return NULL;
	if (malformed)
		return len == -EBADMSG ? NULL : "the writer refuses malformed RDATA";
	if (len < 0)
		return "the writer takes what is well formed";
	if (dns_msg_parse(&copy, rewritten, (size_t)len) != 0)
		return "what was written parses";
	if (copy.rr_count != msg.rr_count || copy.qd_count != msg.qd_count ||
		copy.flags != msg.flags || dns_msg_rcode(&copy) != dns_msg_rcode(&msg))
		return "what was written has the same frame";
	for (int i = 0; i < msg.rr_count; i++) {
		if (!same_record(&msg.rr[i], &copy.rr[i]))
			return "what was written has the same records";
	}
	return NULL;
}

const char *msg_check(const uint8_t *data, size_t len, int *rc)
{
	bool malformed = false;

	*rc = dns_msg_parse(&msg, data, len);
	const char *broken =
		check_views_agree(*rc, dns_query_read(&query, &scratch, data, len), &query);
	if (broken || *rc != 0)
		return broken;
	if (msg.qd_count == 1)
		broken = check_name(&msg.qname);
	if (!broken)
		broken = check_records(&malformed);
	if (broken)
		return broken;
	check_options();
	return check_rewrite(malformed);
}
