// RFC 5011 s2.1. The judge of responses never believes a revoked key, so its one last word, that it
// is revoked, is verified here.

#include <string.h>

#include "dns/rdata.h"
#include "dns/wire.h"
#include "validator/keys.h"

struct trial {
	struct val_verifier *verifier;
	const struct dns_msg *msg;
	const uint8_t *zone;
	uint32_t now;
	const struct val_skew *skew;
	struct val_rrset set;
	// at most VAL_VERIFY_RRSET_MAX in the whole response: CVE-2023-50387
	unsigned verifications;
};

static bool find_set(struct trial *t)
{
	const struct dns_msg *m = t->msg;
	struct dns_name name;

	for (uint16_t i = m->section_start[DNS_ANSWER]; i < m->section_start[DNS_AUTHORITY]; i++) {
		if (m->rr[i].type != DNS_TYPE_DNSKEY || m->rr[i].class_ != DNS_CLASS_IN)
			continue;
		dns_rr_owner(m, &m->rr[i], &name);
		if (!dns_name_equal(name.octets, t->zone))
			continue;
		val_rrset_collect(m, i, &t->set);
		return !t->set.overflow;
	}
	return false;
}

/* A revoked key of the set, and the same as it was before; the tag is another one (s3). */
static bool read_revoked(const struct dns_msg *msg, const struct dns_rr *rr, struct val_key *now,
	struct val_key *was)
{
	uint16_t want = DNS_DNSKEY_FLAG_ZONE | DNS_DNSKEY_FLAG_SEP | DNS_DNSKEY_FLAG_REVOKE;
	const uint8_t *rdata = msg->data + rr->rdata_off;
	struct dns_dnskey k;

	if (rr->rdata_len > VAL_KEY_MAX || dns_dnskey_read(rdata, rr->rdata_len, &k) != 0 ||
		(k.flags & want) != want || k.protocol != 3)
		return false;
	memset(now, 0, sizeof(*now));
	memcpy(now->rdata, rdata, rr->rdata_len);
	now->rdata_len = rr->rdata_len;
	now->algorithm = k.algorithm;
	now->key_tag = dns_key_tag(rdata, rr->rdata_len);
	*was = *now;
	dns_put16(was->rdata, k.flags & (uint16_t)~DNS_DNSKEY_FLAG_REVOKE);
	was->key_tag = dns_key_tag(was->rdata, was->rdata_len);
	return true;
}

static bool stands_for(const uint8_t *zone, const struct val_anchor *a, const struct val_key *key)
{
	struct dns_ds ds;

	if (a->type == DNS_TYPE_DNSKEY)
		return a->key.rdata_len == key->rdata_len &&
		       memcmp(a->key.rdata, key->rdata, key->rdata_len) == 0;
	return dns_ds_read(a->key.rdata, a->key.rdata_len, &ds) == 0 &&
	       val_ds_matches(zone, key, &ds) == 1;
}

static bool verify(struct trial *t, const struct dns_rr *rr, const struct val_key *key)
{
	const uint8_t *rdata = t->msg->data + rr->rdata_off;
	uint8_t data[VAL_SIGNED_DATA_MAX];
	struct dns_rrsig sig;
	int len;

	if (dns_rrsig_read(rdata, rr->rdata_len, &sig) != 0 || sig.key_tag != key->key_tag ||
		sig.algorithm != key->algorithm || t->verifications == VAL_VERIFY_RRSET_MAX ||
		val_sig_precheck(&t->set, &sig, t->zone, t->now, t->skew) != VAL_R_NONE)
		return false;
	len = val_signed_data(t->msg, &t->set, &sig, rdata, data, sizeof(data));
	if (len < 0)
		return false;
	t->verifications++;
	return val_verify(t->verifier, key->rdata, key->rdata_len, data, (size_t)len, sig.signature,
		       sig.signature_len) == 1;
}

static bool signed_itself(struct trial *t, const struct val_key *key)
{
	for (unsigned s = 0; s < t->set.sig_count; s++)
		if (verify(t, &t->msg->rr[t->set.sig[s]], key))
			return true;
	return false;
}

void val_keys_revoked(struct val_verifier *v, const struct dns_msg *msg, const uint8_t *zone,
	const struct val_anchor *known, size_t count, uint32_t now, const struct val_skew *skew,
	bool *revoked)
{
	struct trial t = {.verifier = v, .msg = msg, .zone = zone, .now = now, .skew = skew};

	memset(revoked, 0, count * sizeof(*revoked));
	if (!find_set(&t))
		return;
	for (unsigned k = 0; k < t.set.rr_count; k++) {
		struct val_key key, was;

		if (!read_revoked(msg, &msg->rr[t.set.rr[k]], &key, &was))
			continue;
		for (size_t i = 0; i < count; i++)
			if (!revoked[i] && stands_for(zone, &known[i], &was))
				revoked[i] = signed_itself(&t, &key);
	}
}
