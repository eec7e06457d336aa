#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/dlt.h>

#include "control/inspect_table.h"
#include "tests/fuzz/fuzz.h"

/**
 * Octets as a capture, judged and printed. The first octet chooses link type, clock, port, and
 * table or JSON, then each packet has two octets of length, one of time, and its octets.
 *
 * A fuzzer cannot sign: this file stands in for validator/verify.c. A signature is good unless its
 * first two bits are set. The trust anchor is for the root, by a key of octets 0x11.
 */

enum { NOW = 1700000000, KEY_LEN = 64 };

/* ---- in place of OpenSSL ---- */

struct val_verifier {
	bool sha1;
};

int val_verifier_new(struct val_verifier **out)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? 0 : -1;
}

void val_verifier_free(struct val_verifier *v)
{
	free(v);
}

void val_verifier_set_sha1(struct val_verifier *v, bool sha1)
{
	v->sha1 = sha1;
}

bool val_verifier_sha1(const struct val_verifier *v)
{
	return v->sha1;
}

static unsigned read_sum;

int val_verify(struct val_verifier *v, const uint8_t *dnskey, size_t dnskey_len,
	const uint8_t *data, size_t data_len, const uint8_t *sig, size_t sig_len)
{
	(void)v;
	// what a verifier would read
	for (size_t i = 0; i < dnskey_len; i++)
		read_sum += dnskey[i];
	for (size_t i = 0; i < data_len; i++)
		read_sum += data[i];
	for (size_t i = 0; i < sig_len; i++)
		read_sum += sig[i];
	return sig_len > 0 && sig[0] >> 6 != 3;
}

/* ---- rules ---- */

static void need(bool holds, const char *rule)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", rule);
	abort();
}

struct run {
	FILE *out;
	struct ctl_inspect_table *table;
	uint64_t judged;
};

static void take(void *arg, const struct ctl_judged *j, const struct dns_msg *msg)
{
	struct run *r = arg;

	r->judged++;
	need(j->verdict < VAL_PENDING, "the verdict is one of four");
	need(j->verdict != VAL_SECURE || j->reason == VAL_R_NONE, "secure has no reason");
	need(j->verdict != VAL_BOGUS || j->reason != VAL_R_NONE, "bogus has one");
	need(j->verdict != VAL_SECURE || j->has_zone, "what is secure is so in a zone");
	need(j->why[0] != '\0' && memchr(j->why, '\0', sizeof(j->why)) != NULL, "a reason is said");
	need(!j->has_sig || j->expiration - j->clock == (uint32_t)j->margin_s,
		"the margin is from the clock to the end");
	need(msg != NULL || j->verdict != VAL_SECURE, "what cannot be read is not secure");
	if (r->table != NULL)
		ctl_inspect_table_add(r->table, j, msg);
	else
		ctl_inspect_json(j, r->out);
}

/* ---- the input ---- */

static const int links[] = {
	DLT_EN10MB, DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_RAW, DLT_NULL, DLT_LOOP, DLT_IPV4, DLT_IPV6};
enum { LINKS = sizeof(links) / sizeof(links[0]) };

static void set_anchor(struct val_anchors *a)
{
	struct val_key *k = &a->item[0].key;

	a->count = 1;
	a->item[0].zone = (struct dns_name){.len = 1};
	a->item[0].type = DNS_TYPE_DNSKEY;
	memcpy(k->rdata, (uint8_t[]){1, 1, 3, 13}, 4);
	memset(k->rdata + 4, 0x11, KEY_LEN);
	k->rdata_len = 4 + KEY_LEN;
	k->algorithm = 13;
	k->key_tag = dns_key_tag(k->rdata, k->rdata_len);
}

static const struct ctl_capture_stats *feed(struct ctl_capture *c, const uint8_t *data, size_t len)
{
	int64_t time_us = INT64_C(1000000) * NOW;

	while (len >= 3) {
		size_t n = (size_t)data[0] << 8 | data[1], cut;
		uint8_t *copy;

		// a fourth of a second a step; the highest bit: cut off by the snapshot length
		time_us += (int64_t)data[2] * 250000;
		cut = n & 0x8000 ? 100 : 0;
		n &= 0x7fff;
		data += 3;
		len -= 3;
		n = n < len ? n : len;
		copy = malloc(n);
		if (copy == NULL)
			abort();
		memcpy(copy, data, n);
		ctl_capture_packet(c, time_us, copy, n, n + cut);
		free(copy);
		data += n;
		len -= n;
	}
	ctl_capture_end(c);
	return ctl_capture_get_stats(c);
}

static struct ctl_capture_stats one_pass(
	int link, uint16_t port, struct ctl_inspect *i, const uint8_t *data, size_t len)
{
	struct ctl_capture_stats stats;
	struct ctl_capture *c;

	if (ctl_capture_new(link, port, ctl_inspect_message, i, &c) != 0)
		abort();
	stats = *feed(c, data, len);
	ctl_capture_free(c);
	return stats;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct val_anchors anchors;
	static FILE *null;
	struct ctl_inspect_options o = {.anchors = &anchors, .signatures = 64};
	struct ctl_inspect_stats stats = {0};
	struct ctl_capture_stats first;
	struct ctl_inspect *i;
	struct run r = {0};
	int link;

	if (len < 1)
		return 0;
	set_anchor(&anchors);
	link = links[data[0] % LINKS];
	o.at = data[0] & 0x40 ? NOW : 0;
	o.port = data[0] & 0x20 ? 5300 : 0;
	if (null == NULL)
		null = fopen("/dev/null", "w");
	r.out = null;
	if (r.out == NULL || ((data[0] & 0x10) == 0 && ctl_inspect_table_new(&r.table) != 0) ||
		ctl_inspect_new(&o, take, &r, &i) != 0)
		abort();
	first = one_pass(link, o.port, i, data + 1, len - 1);
	need(r.judged == 0, "nothing is judged while keys are searched for");
	ctl_inspect_build(i);
	stats.capture = one_pass(link, o.port, i, data + 1, len - 1);
	need(memcmp(&first, &stats.capture, sizeof(first)) == 0, "the same file reads the same");
	need(r.judged <= stats.capture.messages, "at most one verdict a message");
	stats.responses = r.judged;
	if (r.table != NULL)
		ctl_inspect_table_print(r.table, &stats, o.at, r.out);
	ctl_inspect_table_free(r.table);
	ctl_inspect_free(i);
	return 0;
}
