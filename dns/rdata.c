#include "dns/rdata.h"

#include <errno.h>

enum {
	BITMAP_WINDOW_HEADER_LEN = 2,
	BITMAP_WINDOW_MAX = 32,
	DNSKEY_FIXED_LEN = 4,
	DS_FIXED_LEN = 4,
	NSEC3_FIXED_LEN = 5, // up to and with the salt's length
	SOA_FIXED_LEN = 20,
	SIG_FIXED_LEN = DNS_RRSIG_FIXED_LEN, // SIG and RRSIG have one layout
	A6_ADDRESS_BITS = 128,
};

/** Windows in rising order, 1..32 octets each, nothing left over. Trailing zero octets are let
 * pass. */
static int bitmap_check(const uint8_t *bitmap, size_t len)
{
	int last_window = -1;

	while (len > 0) {
		if (len < BITMAP_WINDOW_HEADER_LEN)
			return -EBADMSG;
		int window = bitmap[0];
		size_t octets = bitmap[1];
		if (window <= last_window || octets == 0 || octets > BITMAP_WINDOW_MAX)
			return -EBADMSG;
		if (len - BITMAP_WINDOW_HEADER_LEN < octets)
			return -EBADMSG;
		last_window = window;
		bitmap += BITMAP_WINDOW_HEADER_LEN + octets;
		len -= BITMAP_WINDOW_HEADER_LEN + octets;
	}
	return 0;
}

bool dns_bitmap_has(const uint8_t *bitmap, size_t len, uint16_t type)
{
	size_t octet = (type & 0xff) / 8;

	while (len >= BITMAP_WINDOW_HEADER_LEN) {
		size_t octets = bitmap[1];
		if (bitmap[0] == type >> 8)
			return octet < octets &&
			       (bitmap[BITMAP_WINDOW_HEADER_LEN + octet] & 0x80 >> type % 8) != 0;
		if (len - BITMAP_WINDOW_HEADER_LEN < octets)
			return false;
		bitmap += BITMAP_WINDOW_HEADER_LEN + octets;
		len -= BITMAP_WINDOW_HEADER_LEN + octets;
	}
	return false;
}

int dns_rrsig_read(const uint8_t *rdata, size_t len, struct dns_rrsig *out)
{
	if (len < DNS_RRSIG_FIXED_LEN)
		return -EBADMSG;
	int signer_len = dns_name_len(rdata + DNS_RRSIG_FIXED_LEN, rdata + len);
	if (signer_len < 0)
		return -EBADMSG;
	size_t signature_off = DNS_RRSIG_FIXED_LEN + (size_t)signer_len;
	if (signature_off == len)
		return -EBADMSG;

	*out = (struct dns_rrsig){
		.type_covered = dns_get16(rdata),
		.algorithm = rdata[2],
		.labels = rdata[3],
		.original_ttl_s = dns_get32(rdata + 4),
		.expiration = dns_get32(rdata + 8),
		.inception = dns_get32(rdata + 12),
		.key_tag = dns_get16(rdata + 16),
		.signer = rdata + DNS_RRSIG_FIXED_LEN,
		.signer_len = (uint8_t)signer_len,
		.signature = rdata + signature_off,
		.signature_len = (uint16_t)(len - signature_off),
	};
	return 0;
}

int dns_dnskey_read(const uint8_t *rdata, size_t len, struct dns_dnskey *out)
{
	if (len <= DNSKEY_FIXED_LEN)
		return -EBADMSG;
	*out = (struct dns_dnskey){
		.flags = dns_get16(rdata),
		.protocol = rdata[2],
		.algorithm = rdata[3],
		.key = rdata + DNSKEY_FIXED_LEN,
		.key_len = (uint16_t)(len - DNSKEY_FIXED_LEN),
	};
	return 0;
}

int dns_ds_read(const uint8_t *rdata, size_t len, struct dns_ds *out)
{
	if (len <= DS_FIXED_LEN)
		return -EBADMSG;
	*out = (struct dns_ds){
		.key_tag = dns_get16(rdata),
		.algorithm = rdata[2],
		.digest_type = rdata[3],
		.digest = rdata + DS_FIXED_LEN,
		.digest_len = (uint16_t)(len - DS_FIXED_LEN),
	};
	return 0;
}

int dns_nsec3_read(const uint8_t *rdata, size_t len, struct dns_nsec3 *out)
{
	if (len < NSEC3_FIXED_LEN)
		return -EBADMSG;
	size_t salt_len = rdata[4];
	size_t hash_off = NSEC3_FIXED_LEN + salt_len + 1; // behind the hash's length octet
	if (len < hash_off)
		return -EBADMSG;
	size_t hash_len = rdata[hash_off - 1];
	if (hash_len == 0 || len - hash_off < hash_len)
		return -EBADMSG;
	size_t bitmap_off = hash_off + hash_len;

	*out = (struct dns_nsec3){
		.hash_alg = rdata[0],
		.flags = rdata[1],
		.iterations = dns_get16(rdata + 2),
		.salt = rdata + NSEC3_FIXED_LEN,
		.salt_len = (uint8_t)salt_len,
		.next_hash = rdata + hash_off,
		.next_len = (uint8_t)hash_len,
		.bitmap = rdata + bitmap_off,
		.bitmap_len = (uint16_t)(len - bitmap_off),
	};
	return bitmap_check(out->bitmap, out->bitmap_len);
}

int dns_nsec_read(const uint8_t *rdata, size_t len, struct dns_nsec *out)
{
	int next_len = dns_name_len(rdata, rdata + len);
	if (next_len < 0)
		return -EBADMSG;

	*out = (struct dns_nsec){
		.next = rdata,
		.next_len = (uint8_t)next_len,
		.bitmap = rdata + next_len,
		.bitmap_len = (uint16_t)(len - (size_t)next_len),
	};
	return bitmap_check(out->bitmap, out->bitmap_len);
}

/** Offset of SOA's five numbers. @retval -EBADMSG */
static int soa_numbers(const struct dns_msg *msg, const struct dns_rr *rr)
{
	size_t pos = rr->rdata_off;

	for (int i = 0; i < 2; i++) {
		int used = dns_name_check(msg->data, msg->len, pos, rr->end_off);
		if (used < 0)
			return -EBADMSG;
		pos += (size_t)used;
	}
	return rr->end_off - pos == SOA_FIXED_LEN ? (int)pos : -EBADMSG;
}

int dns_soa_serial(const struct dns_msg *msg, const struct dns_rr *rr, uint32_t *serial)
{
	int pos = soa_numbers(msg, rr);

	if (pos < 0)
		return pos;
	*serial = dns_get32(msg->data + pos);
	return 0;
}

int dns_soa_minimum(const struct dns_msg *msg, const struct dns_rr *rr, uint32_t *minimum_s)
{
	int pos = soa_numbers(msg, rr);

	if (pos < 0)
		return pos;
	*minimum_s = dns_get32(msg->data + pos + SOA_FIXED_LEN - 4);
	return 0;
}

uint16_t dns_key_tag(const uint8_t *dnskey_rdata, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? dnskey_rdata[i] : (uint32_t)dnskey_rdata[i] << 8;
	sum += sum >> 16;
	return (uint16_t)sum;
}

// RFC 4034 s6.2 with RFC 6840 s5.1: NSEC's next name keeps its case and, like SVCB's target, may
// not be compressed either, so both are opaque here. HINFO, though on the list, has no name.
// Compressible: the types of RFC 1035 alone (RFC 3597 s4). Indexed by type; gaps have no names.
// clang-format off
static const struct dns_rdata_names name_table[] = {
	// type, skip, strings, names, tail, compressible, lower
	[DNS_TYPE_NS]     = {DNS_TYPE_NS, 0, 0, 1, 0, true, true},
	[DNS_TYPE_MD]     = {DNS_TYPE_MD, 0, 0, 1, 0, true, true},
	[DNS_TYPE_MF]     = {DNS_TYPE_MF, 0, 0, 1, 0, true, true},
	[DNS_TYPE_CNAME]  = {DNS_TYPE_CNAME, 0, 0, 1, 0, true, true},
	[DNS_TYPE_SOA]    = {DNS_TYPE_SOA, 0, 0, 2, SOA_FIXED_LEN, true, true},
	[DNS_TYPE_MB]     = {DNS_TYPE_MB, 0, 0, 1, 0, true, true},
	[DNS_TYPE_MG]     = {DNS_TYPE_MG, 0, 0, 1, 0, true, true},
	[DNS_TYPE_MR]     = {DNS_TYPE_MR, 0, 0, 1, 0, true, true},
	[DNS_TYPE_PTR]    = {DNS_TYPE_PTR, 0, 0, 1, 0, true, true},
	[DNS_TYPE_MINFO]  = {DNS_TYPE_MINFO, 0, 0, 2, 0, true, true},
	[DNS_TYPE_MX]     = {DNS_TYPE_MX, 2, 0, 1, 0, true, true},
	[DNS_TYPE_RP]     = {DNS_TYPE_RP, 0, 0, 2, 0, false, true},
	[DNS_TYPE_AFSDB]  = {DNS_TYPE_AFSDB, 2, 0, 1, 0, false, true},
	[DNS_TYPE_RT]     = {DNS_TYPE_RT, 2, 0, 1, 0, false, true},
	[DNS_TYPE_SIG]    = {DNS_TYPE_SIG, SIG_FIXED_LEN, 0, 1, DNS_RDATA_TAIL_ANY, false, true},
	[DNS_TYPE_PX]     = {DNS_TYPE_PX, 2, 0, 2, 0, false, true},
	[DNS_TYPE_NXT]    = {DNS_TYPE_NXT, 0, 0, 1, DNS_RDATA_TAIL_ANY, false, true},
	[DNS_TYPE_SRV]    = {DNS_TYPE_SRV, 6, 0, 1, 0, false, true},
	[DNS_TYPE_NAPTR]  = {DNS_TYPE_NAPTR, 4, 3, 1, 0, false, true},
	[DNS_TYPE_KX]     = {DNS_TYPE_KX, 2, 0, 1, 0, false, true},
	[DNS_TYPE_A6]     = {DNS_TYPE_A6, 1, 0, 1, 0, false, true}, // see a6_layout()
	[DNS_TYPE_DNAME]  = {DNS_TYPE_DNAME, 0, 0, 1, 0, false, true},
	[DNS_TYPE_RRSIG]  = {DNS_TYPE_RRSIG, SIG_FIXED_LEN, 0, 1, DNS_RDATA_TAIL_ANY, false, true},
};
// clang-format on

enum { NAME_TABLE_LEN = sizeof(name_table) / sizeof(name_table[0]) };

const struct dns_rdata_names *dns_rdata_names(uint16_t type)
{
	if (type >= NAME_TABLE_LEN || name_table[type].names == 0)
		return NULL;
	return &name_table[type];
}

/** A6 (RFC 2874 s3.1): the prefix length tells how much address there is, and whether a name. */
static int a6_layout(uint8_t prefix_bits, size_t *skip, int *names)
{
	if (prefix_bits > A6_ADDRESS_BITS)
		return -EBADMSG;
	*skip = 1 + (A6_ADDRESS_BITS - prefix_bits + 7u) / 8;
	*names = prefix_bits != 0;
	return 0;
}

/** @return offset of the first name inside RDATA, -EBADMSG */
static int head_len(const struct dns_rdata_names *row, const uint8_t *rdata, size_t len, int *names)
{
	size_t pos = row->skip;

	*names = row->names;
	if (pos > len)
		return -EBADMSG;
	if (row->type == DNS_TYPE_A6 && a6_layout(rdata[0], &pos, names) < 0)
		return -EBADMSG;
	for (int i = 0; i < row->strings && pos < len; i++)
		pos += 1u + rdata[pos];
	return pos <= len ? (int)pos : -EBADMSG;
}

int dns_rdata_split(const struct dns_msg *msg, const struct dns_rr *rr, struct dns_rdata_parts *out)
{
	const struct dns_rdata_names *row = dns_rdata_names(rr->type);
	const uint8_t *rdata = msg->data + rr->rdata_off;

	out->row = row;
	out->head = rdata;
	out->head_len = 0;
	out->names = 0;
	out->tail = rdata;
	out->tail_len = rr->rdata_len;
	if (!row)
		return 0;

	int names;
	int head = head_len(row, rdata, rr->rdata_len, &names);
	if (head < 0)
		return -EBADMSG;
	size_t pos = rr->rdata_off + (size_t)head;
	for (; out->names < names; out->names++) {
		int used = dns_name_expand(
			msg->data, msg->len, pos, rr->end_off, &out->name[out->names]);
		if (used < 0)
			return -EBADMSG;
		pos += (size_t)used;
	}
	out->head_len = (uint16_t)head;
	out->tail = msg->data + pos;
	out->tail_len = (uint16_t)(rr->end_off - pos);
	return row->tail == DNS_RDATA_TAIL_ANY || row->tail == out->tail_len ? 0 : -EBADMSG;
}

int dns_rdata_canonical(
	const struct dns_msg *msg, const struct dns_rr *rr, uint8_t *out, size_t size)
{
	struct dns_rdata_parts parts;
	int rc = dns_rdata_split(msg, rr, &parts);
	if (rc < 0)
		return rc;

	size_t need = (size_t)parts.head_len + parts.tail_len;
	for (int i = 0; i < parts.names; i++)
		need += parts.name[i].len;
	if (need > size)
		return -ENOSPC;

	uint8_t *pos = out;
	memcpy(pos, parts.head, parts.head_len);
	pos += parts.head_len;
	for (int i = 0; i < parts.names; i++) {
		memcpy(pos, parts.name[i].octets, parts.name[i].len);
		if (parts.row->lower)
			dns_name_lower(pos, parts.name[i].len);
		pos += parts.name[i].len;
	}
	memcpy(pos, parts.tail, parts.tail_len);
	return (int)need;
}
