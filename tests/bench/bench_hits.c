#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"
#include "tests/bench/pairs.h"
#include "tests/unit/dataplane/stage.h"
#include "tests/unit/run.h"

/**
 * What a query costs a worker, in process, over ports made of rings: answered from the response
 * cache, and asked upstream with a validated answer whose signature is known, with and without
 * keeping it. Bursts of 32 questions with DO=1; a miss is the turn that takes the queries and the
 * turn that takes the replies. The three take turns; what is outside a worker's turn is not
 * counted, and of each some hundred turns the best counts: others are on the machine.
 */

enum { NAMES = 32, ROUNDS = 2000, PAIRS = 21, TTL_S = 300 };

static struct {
	char name[16];
	uint8_t *reply;
	size_t len;
	struct stage_packet query;
} asked[NAMES];

static void prepare(unsigned i)
{
	struct kit_sign sign = {
		.key = &stage.key,
		.signer = "com.",
		.labels = -1,
		.original_ttl = TTL_S,
		.inception = stage.now_s - 3600,
		.expiration = stage.now_s + 86400,
	};
	struct stage_query q = {.qname = asked[i].name, .edns = true, .do_bit = true};
	struct kit_rdata rd = kit_a(i);
	struct kit_msg m;

	snprintf(asked[i].name, sizeof(asked[i].name), "name%u.com.", i);
	stage_query_packet(&q, &asked[i].query);
	kit_init(&m, asked[i].name, DNS_TYPE_A, DNS_FLAG_AA);
	kit_rrset(&m, DNS_ANSWER, asked[i].name, DNS_TYPE_A, TTL_S, &rd, 1, &sign);
	asked[i].reply = kit_finish(&m, &asked[i].len);
}

/* A turn, by the clock. */
static uint64_t turn(void)
{
	uint64_t start = bench_cycles();

	dp_worker_burst(stage.dp->worker[0], stage.cycles);
	return bench_cycles() - start;
}

static void ask_all(void)
{
	for (unsigned i = 0; i < NAMES; i++)
		stage_send(STAGE_CLIENTS, &asked[i].query);
}

static unsigned take_all(unsigned port)
{
	struct stage_packet p;
	unsigned n = 0;

	while (stage_take(port, &p))
		n++;
	return n;
}

/* The queries that went up, each answered with what was prepared for its name. */
static void reply_all(void)
{
	struct stage_packet up;

	while (stage_take(STAGE_UPSTREAM, &up)) {
		unsigned i = (unsigned)atoi(stage_qname(&up) + 4);
		uint8_t *dns = malloc(asked[i].len);

		CU_ASSERT_FATAL(dns != NULL);
		memcpy(dns, asked[i].reply, asked[i].len);
		stage_reply_dns(&up, dns, asked[i].len);
	}
}

static uint64_t hit(void)
{
	uint64_t cycles;

	ask_all();
	cycles = turn();
	CU_ASSERT_EQUAL_FATAL(take_all(STAGE_CLIENTS), NAMES);
	return cycles;
}

static uint64_t miss(void)
{
	uint64_t cycles;

	ask_all();
	cycles = turn();
	reply_all();
	cycles += turn();
	CU_ASSERT_EQUAL_FATAL(take_all(STAGE_CLIENTS), NAMES);
	return cycles;
}

static uint64_t miss_and_keep(void)
{
	struct dp_flush all = {.all = true};

	dp_flush(stage.dp, &all);
	return miss();
}

static uint64_t miss_without_cache(void)
{
	struct dp_worker *w = stage.dp->worker[0];
	struct dp_rcache *cache = w->rcache;
	uint64_t cycles;

	w->rcache = NULL;
	cycles = miss();
	w->rcache = cache;
	return cycles;
}

static void tell(const char *what, double cycles)
{
	printf("%-52s %8.0f cycles a query\n", what, cycles);
	bench_json("hits", what, "cycles", cycles);
}

static void measure(void)
{
	struct stage_spec spec = {.status = VAL_ZONE_SECURE, .cache = {.size_mb = 8}};
	double off_over_hit[PAIRS], keep_over_off[PAIRS], best[3] = {1e18, 1e18, 1e18};

	stage_open(&spec);
	stage.hold = true;
	for (unsigned i = 0; i < NAMES; i++)
		prepare(i);
	for (unsigned pair = 0; pair < PAIRS; pair++) {
		double cycles[3] = {1e18, 1e18, 1e18}; // hit, cache off, kept

		for (unsigned i = 0; i < ROUNDS / PAIRS; i++) {
			cycles[2] = fmin(cycles[2], (double)miss_and_keep());
			cycles[0] = fmin(cycles[0], (double)hit());
			cycles[1] = fmin(cycles[1], (double)miss_without_cache());
		}
		off_over_hit[pair] = cycles[1] / cycles[0];
		keep_over_off[pair] = cycles[2] / cycles[1];
		for (unsigned i = 0; i < 3; i++)
			best[i] = fmin(best[i], cycles[i] / NAMES);
	}
	printf("\n");
	tell("answered from the cache", best[0]);
	tell("asked upstream, cache off, signature known", best[1]);
	tell("asked upstream and kept", best[2]);
	bench_ratio_tell("hits", "a miss without the cache over a hit", off_over_hit, PAIRS, 0);
	bench_ratio_tell(
		"hits", "keeping: a miss with the cache over one without", keep_over_off, PAIRS, 0);
	for (unsigned i = 0; i < NAMES; i++)
		free(asked[i].reply);
	stage_end();
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {{"hits and misses", measure}, CU_TEST_INFO_NULL};

	(void)argc;
	stage_start(argv[0]);
	return test_run("bench/hits", tests);
}
