#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/msg.h"
#include "tests/fuzz/fuzz.h"
#include "validator/sig.h"

/**
 * What is done with each RRSIG before any cryptography: collect the RRset, check what needs no key,
 * write the signed data. The rules say what a verifier of the result relies on: it is bounded and
 * exact, has no record twice, is in order, and does not depend on the order of the message.
 */

enum { NOW = 1700000000, TRIES_MAX = 64 };

static struct dns_msg msg;
static struct val_rrset set, turned;
static uint8_t data[VAL_SIGNED_DATA_MAX], again[VAL_SIGNED_DATA_MAX];

static void need(bool holds, const char *rule)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", rule);
	abort();
}

/* One record in signed data: owner, fixed part, RDATA. */
struct record {
	const uint8_t *at;
	size_t head, rdata;
};

static size_t read_record(const uint8_t *p, const uint8_t *end, struct record *out)
{
	int owner = dns_name_len(p, end);

	need(owner > 0 && end - p >= owner + DNS_RR_FIXED_LEN, "a record has an owner and a head");
	out->at = p;
	out->head = (size_t)owner + DNS_RR_FIXED_LEN;
	out->rdata = dns_get16(p + owner + 8);
	need((size_t)(end - p) >= out->head + out->rdata, "its RDATA ends inside");
	return out->head + out->rdata;
}

static bool rises(const struct record *a, const struct record *b)
{
	size_t least = a->rdata < b->rdata ? a->rdata : b->rdata;
	int d = memcmp(a->at + a->head, b->at + b->head, least);

	return d < 0 || (d == 0 && a->rdata < b->rdata);
}

static void check_records(const uint8_t *p, const uint8_t *end)
{
	struct record last = {0}, r;
	unsigned count = 0;

	for (; p < end; count++) {
		p += read_record(p, end, &r);
		need(count == 0 || (r.head == last.head &&
					   memcmp(r.at, last.at, r.head - DNS_TYPE_LEN) == 0),
			"all but RDATA is the same in each");
		need(count == 0 || rises(&last, &r), "RDATA rises, none twice");
		last = r;
	}
	need(count >= 1 && count <= set.rr_count, "at least one, and none is made up");
}

static void turn_round(void)
{
	turned = set;
	for (int i = 0; i < set.rr_count; i++)
		turned.rr[i] = set.rr[set.rr_count - 1 - i];
}

/* Whatever the precheck says: the order of calls is the caller's. */
static void check_data(const struct dns_rrsig *sig, const uint8_t *rdata)
{
	size_t head = (size_t)DNS_RRSIG_FIXED_LEN + sig->signer_len;
	int n = val_signed_data(&msg, &set, sig, rdata, data, sizeof(data));
	uint8_t *exact;

	if (n < 0) {
		need(n == -ENOSPC || n == -EBADMSG, "errors are those of the contract");
		return;
	}
	need((size_t)n > head && n <= VAL_SIGNED_DATA_MAX, "longer than the RRSIG's part, bounded");
	need(memcmp(data, rdata, DNS_RRSIG_FIXED_LEN) == 0, "begins with the RRSIG");
	check_records(data + head, data + n);
	turn_round();
	need(val_signed_data(&msg, &turned, sig, rdata, again, sizeof(again)) == n &&
			memcmp(data, again, (size_t)n) == 0,
		"the message's order does not matter");
	exact = malloc((size_t)n);
	need(exact != NULL, "memory");
	need(val_signed_data(&msg, &set, sig, rdata, exact, (size_t)n) == n,
		"room for it is enough");
	need(val_signed_data(&msg, &set, sig, rdata, exact, (size_t)n - 1) == -ENOSPC,
		"an octet less is not");
	free(exact);
}

static void check_signature(const struct dns_rr *rr)
{
	static const struct val_skew none;
	const uint8_t *rdata = msg.data + rr->rdata_off;
	struct dns_rrsig sig;
	enum val_reason r;

	if (dns_rrsig_read(rdata, rr->rdata_len, &sig) != 0)
		return;
	r = val_sig_precheck(&set, &sig, sig.signer, NOW, &none);
	need(r < VAL_R_MAX, "the reason is one of the list");
	need(r != VAL_R_NONE || (sig.labels <= set.owner.labels &&
					sig.labels >= dns_name_labels(sig.signer) &&
					dns_name_under(set.owner.octets, sig.signer)),
		"what passes has labels from signer to owner");
	check_data(&sig, rdata);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	unsigned tries = 0;

	if (dns_msg_parse(&msg, octets, len) != 0)
		return 0;
	for (uint16_t i = 0; i < msg.rr_count && tries < TRIES_MAX; i++) {
		val_rrset_collect(&msg, i, &set);
		need(set.rr_count >= 1 && set.rr[0] == i, "a record is in its own RRset");
		need(set.rr_count <= VAL_RRSET_RRS_MAX && set.sig_count <= VAL_VERIFY_RRSET_MAX,
			"sets are bounded");
		for (int s = 0; s < set.sig_count; s++, tries++)
			check_signature(&msg.rr[set.sig[s]]);
	}
	return 0;
}
