#include "zonekit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/sha.h>

#include "dns/rdata.h"
#include "dns/text.h"

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "zonekit: %s\n", what);
	abort();
}

const uint8_t *kit_wire(const char *text, struct dns_name *n)
{
	need(dns_name_from_text(text, n) == 0, text);
	dns_name_lower(n->octets, n->len);
	return n->octets;
}

/* ---- keys ---- */

void kit_key_new(struct kit_key *k, uint16_t flags)
{
	uint8_t point[65];
	size_t len = 0;

	k->pkey = EVP_EC_gen("P-256");
	need(k->pkey != NULL, "P-256 key");
	need(EVP_PKEY_get_octet_string_param(
		     k->pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len) == 1 &&
			len == 65,
		"public point");
	dns_put16(k->rdata, flags);
	k->rdata[2] = 3;
	k->rdata[3] = 13;
	memcpy(k->rdata + 4, point + 1, 64);
	k->rdata_len = 68;
	k->tag = dns_key_tag(k->rdata, k->rdata_len);
}

void kit_key_free(struct kit_key *k)
{
	EVP_PKEY_free(k->pkey);
	k->pkey = NULL;
}

void kit_zone_keys(struct val_zone_keys *out, const char *zone, const struct kit_key *const *keys,
	int count, uint32_t now)
{
	memset(out, 0, sizeof(*out));
	kit_wire(zone, &out->zone);
	out->status = VAL_ZONE_SECURE;
	out->generation = 1;
	out->valid_until = now + 86400;
	out->count = (uint8_t)count;
	for (int i = 0; i < count; i++) {
		out->key[i].rdata_len = keys[i]->rdata_len;
		out->key[i].key_tag = keys[i]->tag;
		out->key[i].algorithm = 13;
		memcpy(out->key[i].rdata, keys[i]->rdata, keys[i]->rdata_len);
	}
}

/** ECDSA as DNSSEC wants it: r and s, 32 octets each (RFC 6605 s4). */
static void sign_data(const struct kit_key *k, const uint8_t *data, size_t len, uint8_t out[64])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[128];
	size_t der_len = sizeof(der);
	const uint8_t *p = der;
	ECDSA_SIG *sig;

	need(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, k->pkey) == 1 &&
			EVP_DigestSign(ctx, der, &der_len, data, len) == 1,
		"sign");
	sig = d2i_ECDSA_SIG(NULL, &p, (long)der_len);
	need(sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32) == 32 &&
			BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32) == 32,
		"signature form");
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
}

/* ---- messages ---- */

static void put(struct kit_msg *m, const void *data, size_t len)
{
	need(m->len + len <= sizeof(m->buf), "message too long");
	memcpy(m->buf + m->len, data, len);
	m->len += len;
}

static void put16(struct kit_msg *m, uint16_t v)
{
	uint8_t b[2];

	dns_put16(b, v);
	put(m, b, 2);
}

static void put32(struct kit_msg *m, uint32_t v)
{
	uint8_t b[4];

	dns_put32(b, v);
	put(m, b, 4);
}

void kit_init(struct kit_msg *m, const char *qname, uint16_t qtype, uint16_t flags)
{
	struct dns_name n;

	memset(m, 0, sizeof(*m));
	m->len = DNS_HEADER_LEN;
	dns_put16(m->buf, 0x1234);
	dns_put16(m->buf + DNS_OFF_FLAGS, (uint16_t)(DNS_FLAG_QR | flags));
	m->counts[0] = 1;
	kit_wire(qname, &n);
	put(m, n.octets, n.len);
	put16(m, qtype);
	put16(m, DNS_CLASS_IN);
}

void kit_rr(struct kit_msg *m, enum dns_section s, const char *owner, uint16_t type, uint32_t ttl,
	const uint8_t *rdata, size_t len)
{
	struct dns_name n;

	kit_wire(owner, &n);
	put(m, n.octets, n.len);
	put16(m, type);
	put16(m, DNS_CLASS_IN);
	put32(m, ttl);
	put16(m, (uint16_t)len);
	put(m, rdata, len);
	m->counts[1 + s]++;
	for (int i = s + 1; i < DNS_SECTIONS; i++)
		need(m->counts[1 + i] == 0, "sections out of order");
}

uint8_t *kit_finish(struct kit_msg *m, size_t *len)
{
	uint8_t *copy = malloc(m->len);

	need(copy != NULL, "memory");
	for (int i = 0; i < 4; i++)
		dns_put16(m->buf + DNS_OFF_QDCOUNT + 2 * i, m->counts[i]);
	memcpy(copy, m->buf, m->len);
	*len = m->len;
	return copy;
}

/* ---- RDATA ---- */

struct kit_rdata kit_a(uint32_t addr)
{
	struct kit_rdata r = {.len = 4};

	dns_put32(r.octets, addr);
	return r;
}

struct kit_rdata kit_name(const char *name)
{
	struct kit_rdata r = {.len = 0};
	struct dns_name n;

	kit_wire(name, &n);
	memcpy(r.octets, n.octets, n.len);
	r.len = n.len;
	return r;
}

struct kit_rdata kit_soa(const char *zone)
{
	struct kit_rdata r = kit_name(zone);

	memcpy(r.octets + r.len, r.octets, r.len);
	r.len *= 2;
	for (uint32_t i = 1; i <= 5; i++, r.len += 4)
		dns_put32(r.octets + r.len, 900 * i);
	return r;
}

struct kit_rdata kit_ds(const struct kit_key *k, const char *owner)
{
	struct kit_rdata r = {.len = 4 + 32};
	uint8_t data[DNS_NAME_MAX + VAL_KEY_MAX];
	struct dns_name n;

	kit_wire(owner, &n);
	memcpy(data, n.octets, n.len);
	memcpy(data + n.len, k->rdata, k->rdata_len);
	dns_put16(r.octets, k->tag);
	r.octets[2] = 13;
	r.octets[3] = 2;
	SHA256(data, (size_t)n.len + k->rdata_len, r.octets + 4);
	return r;
}

/* ---- signing ---- */

static int compare_rdata(const void *a, const void *b)
{
	const struct kit_rdata *x = a, *y = b;
	size_t len = x->len < y->len ? x->len : y->len;
	int d = memcmp(x->octets, y->octets, len);

	return d != 0 ? d : (x->len > y->len) - (x->len < y->len);
}

/** RFC 4034 s3.1.8.1, written apart from the validator's. */
static size_t signed_data(uint8_t *out, const uint8_t *head, size_t head_len, const char *owner,
	uint16_t type, uint32_t ttl, const struct kit_rdata *rd, int count)
{
	struct kit_rdata sorted[KIT_RRSET_MAX];
	struct dns_name n;
	size_t len = head_len;

	need(count <= KIT_RRSET_MAX, "too many records");
	memcpy(out, head, head_len);
	memcpy(sorted, rd, sizeof(*rd) * (size_t)count);
	qsort(sorted, (size_t)count, sizeof(*sorted), compare_rdata);
	kit_wire(owner, &n);
	for (int i = 0; i < count; i++) {
		memcpy(out + len, n.octets, n.len);
		len += n.len;
		dns_put16(out + len, type);
		dns_put16(out + len + 2, DNS_CLASS_IN);
		dns_put32(out + len + 4, ttl);
		dns_put16(out + len + 8, (uint16_t)sorted[i].len);
		memcpy(out + len + 10, sorted[i].octets, sorted[i].len);
		len += 10 + sorted[i].len;
	}
	return len;
}

static int plain_labels(const char *owner)
{
	struct dns_name n;

	kit_wire(owner, &n);
	return n.octets[0] == 1 && n.octets[1] == '*' ? n.labels - 1 : n.labels;
}

void kit_rrsig(struct kit_msg *m, enum dns_section s, const char *owner, uint16_t type,
	uint32_t ttl, const struct kit_rdata *rd, int count, const struct kit_sign *sign)
{
	const char *as = sign->wildcard != NULL ? sign->wildcard : owner;
	static uint8_t data[8192];
	uint8_t rdata[DNS_RRSIG_FIXED_LEN + DNS_NAME_MAX + 64];
	struct dns_name signer;
	size_t len;

	kit_wire(sign->signer, &signer);
	dns_put16(rdata, type);
	rdata[2] = 13;
	rdata[3] = (uint8_t)(sign->labels >= 0 ? sign->labels : plain_labels(as));
	dns_put32(rdata + 4, sign->original_ttl);
	dns_put32(rdata + 8, sign->expiration);
	dns_put32(rdata + 12, sign->inception);
	dns_put16(rdata + 16, sign->key->tag ^ sign->tag_xor);
	memcpy(rdata + DNS_RRSIG_FIXED_LEN, signer.octets, signer.len);
	len = DNS_RRSIG_FIXED_LEN + (size_t)signer.len;
	sign_data(sign->key, data,
		signed_data(data, rdata, len, as, type, sign->original_ttl, rd, count),
		rdata + len);
	if (m->harm == KIT_FLIP && m->harm_at == m->sets - 1)
		rdata[len + 40] ^= 0x10;
	kit_rr(m, s, owner, DNS_TYPE_RRSIG, ttl, rdata, len + 64);
}

const char *kit_harm_name(enum kit_harm h)
{
	static const char *const names[KIT_HARMS] = {"whole", "drop", "strip", "flip", "data",
		"expired", "early", "reversed", "signer", "labels high", "labels low", "tag"};

	return names[h];
}

void kit_optional(struct kit_msg *m)
{
	m->optional_set |= UINT64_C(1) << m->sets;
}

static void harm_sign(const struct kit_msg *m, const char *owner, struct kit_sign *s)
{
	switch (m->harm) {
	case KIT_EXPIRED:
		s->expiration = m->now - 1;
		break;
	case KIT_EARLY:
		s->inception = m->now + 1;
		break;
	case KIT_REVERSED:
		s->inception = m->now + 60;
		s->expiration = m->now - 60;
		break;
	case KIT_SIGNER:
		s->signer = ".";
		break;
	case KIT_LABELS_HI:
		s->labels = plain_labels(owner) + 1;
		break;
	case KIT_LABELS_LO:
		s->labels = 0;
		break;
	case KIT_TAG:
		s->tag_xor = 0x5555;
		break;
	default:
		break;
	}
}

void kit_rrset(struct kit_msg *m, enum dns_section s, const char *owner, uint16_t type,
	uint32_t ttl, const struct kit_rdata *rd, int count, const struct kit_sign *sign)
{
	int index = m->sets++;
	bool harmed = m->harm != KIT_NONE && index == m->harm_at;
	size_t at = 0;

	if (harmed && m->harm == KIT_DROP)
		return;
	for (int i = 0; i < count; i++) {
		kit_rr(m, s, owner, type, ttl, rd[i].octets, rd[i].len);
		if (i == 0)
			at = m->len - 1;
	}
	if (sign == NULL)
		sign = m->sign;
	if (sign != NULL && sign->key != NULL && !(harmed && m->harm == KIT_STRIP)) {
		struct kit_sign how = *sign;

		m->signed_set |= UINT64_C(1) << index;
		if (harmed)
			harm_sign(m, owner, &how);
		kit_rrsig(m, s, owner, type, ttl, rd, count, &how);
	}
	if (harmed && m->harm == KIT_DATA)
		m->buf[at] ^= 1;
}

/* ---- denial records ---- */

static bool chain_nsec3;

static int compare_items(const void *a, const void *b)
{
	const struct kit_item *x = a, *y = b;
	struct dns_name m, n;

	if (chain_nsec3)
		return memcmp(x->hash, y->hash, 20);
	return dns_name_compare(kit_wire(x->name, &m), kit_wire(y->name, &n));
}

static void chain_hash(const struct kit_chain *c, const char *name, uint8_t out[20])
{
	struct dns_nsec3 p = {
		.hash_alg = 1,
		.iterations = c->iterations,
		.salt = c->salt,
		.salt_len = c->salt_len,
	};
	struct dns_name n;

	// a chain above the limit cannot be hashed: what is tested there never looks at a hash
	if (p.iterations > VAL_NSEC3_ITERATIONS_MAX)
		p.iterations = 0;
	need(val_nsec3_hash(kit_wire(name, &n), &p, out) == 0, "hash");
}

void kit_chain_init(struct kit_chain *c, const char *zone, bool nsec3, uint8_t flags,
	const char *const (*names)[2], int count)
{
	c->zone = zone;
	c->nsec3 = nsec3;
	c->flags = flags;
	c->hash_alg = 1;
	c->count = 0;
	memset(c->written, 0, sizeof(c->written));
	need(count <= KIT_NAMES, "names");
	for (int i = 0; i < count; i++) {
		if (!nsec3 && names[i][1][0] == 0)
			continue;
		c->item[c->count].name = names[i][0];
		c->item[c->count].types = names[i][1];
		chain_hash(c, names[i][0], c->item[c->count].hash);
		c->count++;
	}
	chain_nsec3 = nsec3;
	qsort(c->item, (size_t)c->count, sizeof(c->item[0]), compare_items);
}

static size_t put_bitmap(uint8_t *out, const char *types)
{
	uint8_t bits[32] = {0};
	char copy[128], *save = NULL;
	size_t len = 0;

	snprintf(copy, sizeof(copy), "%s", types);
	for (char *t = strtok_r(copy, " ", &save); t != NULL; t = strtok_r(NULL, " ", &save)) {
		int type = dns_type_from_text(t);

		need(type > 0 && type < 256, t);
		bits[type / 8] |= (uint8_t)(0x80 >> (type % 8));
		if (len < (size_t)type / 8 + 1)
			len = (size_t)type / 8 + 1;
	}
	if (len == 0)
		return 0;
	out[0] = 0;
	out[1] = (uint8_t)len;
	memcpy(out + 2, bits, len);
	return len + 2;
}

static void base32hex(const uint8_t in[20], char out[33])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";

	for (int i = 0; i < 32; i++) {
		int bit = i * 5, at = bit / 8;
		unsigned two = (unsigned)in[at] << 8 | (at + 1 < 20 ? in[at + 1] : 0u);

		out[i] = digits[two >> (11 - bit % 8) & 31];
	}
	out[32] = 0;
}

static void write_item(struct kit_msg *m, struct kit_chain *c, int i, const struct kit_sign *sign)
{
	int next = (i + 1) % c->count;
	struct kit_rdata r = {.len = 0};
	struct dns_name n;
	char label[33], owner[DNS_NAME_TEXT_MAX];

	if (c->written[i])
		return;
	c->written[i] = true;
	if (!c->nsec3) {
		kit_wire(c->item[next].name, &n);
		memcpy(r.octets, n.octets, n.len);
		r.len = n.len;
		r.len += put_bitmap(r.octets + r.len, c->item[i].types);
		kit_rrset(m, DNS_AUTHORITY, c->item[i].name, DNS_TYPE_NSEC, 900, &r, 1, sign);
		return;
	}
	r.octets[0] = c->hash_alg;
	r.octets[1] = c->flags;
	dns_put16(r.octets + 2, c->iterations);
	r.octets[4] = c->salt_len;
	memcpy(r.octets + 5, c->salt, c->salt_len);
	r.len = 5u + c->salt_len;
	r.octets[r.len++] = 20;
	memcpy(r.octets + r.len, c->item[next].hash, 20);
	r.len += 20;
	r.len += put_bitmap(r.octets + r.len, c->item[i].types);
	base32hex(c->item[i].hash, label);
	snprintf(owner, sizeof(owner), "%s.%s", label, strcmp(c->zone, ".") == 0 ? "" : c->zone);
	kit_rrset(m, DNS_AUTHORITY, owner, DNS_TYPE_NSEC3, 900, &r, 1, sign);
}

void kit_match(
	struct kit_msg *m, struct kit_chain *c, const char *name, const struct kit_sign *sign)
{
	struct dns_name a, b;

	for (int i = 0; i < c->count; i++) {
		if (dns_name_equal(kit_wire(c->item[i].name, &a), kit_wire(name, &b))) {
			write_item(m, c, i, sign);
			return;
		}
	}
	need(false, name);
}

void kit_cover(
	struct kit_msg *m, struct kit_chain *c, const char *name, const struct kit_sign *sign)
{
	uint8_t hash[20];
	struct dns_name a, b;
	int best = c->count - 1; // before the first: the last one wraps

	chain_hash(c, name, hash);
	for (int i = 0; i < c->count; i++) {
		int d = c->nsec3 ? memcmp(c->item[i].hash, hash, 20)
				 : dns_name_compare(
					   kit_wire(c->item[i].name, &a), kit_wire(name, &b));

		need(d != 0, name);
		if (d < 0)
			best = i;
	}
	write_item(m, c, best, sign);
}

void kit_proof(
	struct kit_msg *m, struct kit_chain *c, const char *spec, const struct kit_sign *sign)
{
	char copy[256], *save = NULL;

	memset(c->written, 0, sizeof(c->written));
	snprintf(copy, sizeof(copy), "%s", spec);
	for (char *t = strtok_r(copy, " ", &save); t != NULL; t = strtok_r(NULL, " ", &save)) {
		if (t[0] == '=')
			kit_match(m, c, t + 1, sign);
		else
			kit_cover(m, c, t + 1, sign);
	}
}
