#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/hash.h"
#include "dns/query.h"
#include "dns/rdata.h"
#include "dns/writer.h"
#include "tests/bench/bench.h"

/**
 * Cost of one call, best of several runs: time-stamp cycles (x86) and nanoseconds. Messages come
 * from the fuzz corpus: argv[1]. Buffers rotate, so that a message is not always at the same place;
 * all of it stays in L2.
 */

enum { RUNS = 15, CALLS = 20000, COPIES = 16, MESSAGE_MAX = 2048 };

struct message {
	size_t len;
	uint8_t copy[COPIES][MESSAGE_MAX];
};

static struct dns_msg msg;
static struct dns_query asked;
static volatile uint64_t sink;

typedef void (*work_fn)(const uint8_t *data, size_t len);

static void measure(const char *what, work_fn work, const struct message *m)
{
	double best_ns = 1e18, best_cycles = 1e18;

	for (int run = 0; run < RUNS; run++) {
		double ns = bench_now_ns();
		uint64_t start = bench_cycles();
		for (int i = 0; i < CALLS; i++)
			work(m->copy[i % COPIES], m->len);
		double used = (double)(bench_cycles() - start) / CALLS;
		ns = (bench_now_ns() - ns) / CALLS;
		best_cycles = used < best_cycles ? used : best_cycles;
		best_ns = ns < best_ns ? ns : best_ns;
	}
	printf("%-44s %5zu octets %8.1f cycles %8.1f ns\n", what, m->len, best_cycles, best_ns);
}

static void parse(const uint8_t *data, size_t len)
{
	sink = (uint64_t)dns_msg_parse(&msg, data, len);
}

static void parse_query(const uint8_t *data, size_t len)
{
	sink = (uint64_t)dns_query_read(&asked, &msg, data, len);
}

/** As the worker does: hashed. */
static void query_key(const uint8_t *data, size_t len)
{
	static const struct dns_hash_key key = {1, 2};

	dns_query_read(&asked, &msg, data, len);
	sink = dns_hash64(&key, asked.qname.octets, asked.qname.len);
}

static void hash128(const uint8_t *data, size_t len)
{
	static const struct dns_hash_key key = {1, 2};
	uint64_t out[2];

	dns_hash128(&key, data, len, out);
	sink = out[0];
}

static void canonical(const uint8_t *data, size_t len)
{
	uint8_t out[MESSAGE_MAX];
	int total = 0;

	dns_msg_parse(&msg, data, len);
	for (int i = 0; i < msg.rr_count; i++)
		total += dns_rdata_canonical(&msg, &msg.rr[i], out, sizeof(out));
	sink = (uint64_t)total;
}

static void rewrite(const uint8_t *data, size_t len)
{
	static uint8_t out[MESSAGE_MAX];
	struct dns_writer w;

	dns_msg_parse(&msg, data, len);
	dns_writer_init(&w, out, sizeof(out), msg.id, msg.flags);
	dns_writer_question(&w, msg.qname.octets, msg.qtype, msg.qclass);
	for (int i = 0; i < msg.rr_count; i++)
		dns_writer_copy_rr(&w, msg.rr[i].section, &msg, &msg.rr[i], msg.rr[i].ttl_s);
	sink = (uint64_t)dns_writer_end(&w);
}

static struct message *load(const char *folder, const char *name)
{
	char path[4096];
	struct message *m = calloc(1, sizeof(*m));

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	if (!m || !file) {
		fprintf(stderr, "cannot read %s\n", path);
		exit(1);
	}
	m->len = fread(m->copy[0], 1, MESSAGE_MAX, file);
	fclose(file);
	for (int i = 1; i < COPIES; i++)
		memcpy(m->copy[i], m->copy[0], m->len);
	return m;
}

int main(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : "tests/fuzz/corpus/msg";
	struct message *query = load(folder, "query"), *edns = load(folder, "query-edns");
	struct message *referral = load(folder, "referral"),
		       *denial = load(folder, "nxdomain-nsec3");

	measure("dns_query_read, plain", parse_query, query);
	measure("dns_query_read, EDNS with two options", parse_query, edns);
	measure("  the same, name hashed", query_key, edns);
	measure("dns_msg_parse, referral with DS", parse, referral);
	measure("dns_msg_parse, NXDOMAIN with NSEC3", parse, denial);
	measure("  the same, canonical RDATA of all records", canonical, referral);
	measure("  the same, written again", rewrite, referral);
	measure("dns_hash128", hash128, referral);
	free(query);
	free(edns);
	free(referral);
	free(denial);
	return 0;
}
