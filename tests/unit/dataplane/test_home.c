#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>
#include <rte_common.h>

#include "dataplane/home.h"
#include "dataplane/txn.h"
#include "tests/unit/dataplane/eal.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

/*
 * Where replies land, against a hash that is written bit by bit here and checked by the published
 * vectors; and what is left of a port's uncertainty.
 */

enum { QUEUES = 4, PORTS = 65536 - DP_PORT_MIN, BINS = 64, DRAWS = 64 * 1000, TXNS = 1024 };

// Microsoft's "Verifying the RSS Hash Calculation", as every NIC's manual has it
static const uint8_t known_key[DP_RSS_KEY_MIN] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2,
	0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30,
	0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac,
	0x01, 0xfa};

static const struct route_addr ours4 = {4, {198, 51, 100, 54}};
static const struct route_addr ours6 = {6, {0xfd, 0, 0, 0x53, [15] = 0x54}};

/* The next 32 bits of the key for every bit that is set. */
static uint32_t toeplitz(const uint8_t *key, const uint8_t *data, size_t len)
{
	uint32_t hash = 0;

	for (size_t bit = 0; bit < len * 8; bit++) {
		uint32_t window = 0;

		if (!(data[bit / 8] >> (7 - bit % 8) & 1))
			continue;
		for (size_t k = bit; k < bit + 32; k++)
			window = window << 1 |
				 (k / 8 < DP_RSS_KEY_MIN ? key[k / 8] >> (7 - k % 8) & 1 : 0);
		hash ^= window;
	}
	return hash;
}

static uint32_t hash_of(const uint8_t *key, const struct route_addr *from,
	const struct route_addr *to, uint16_t sport, uint16_t dport)
{
	uint8_t data[36];
	size_t n = route_addr_len(from);

	memcpy(data, from->octets, n);
	memcpy(data + n, to->octets, n);
	data[2 * n] = (uint8_t)(sport >> 8);
	data[2 * n + 1] = (uint8_t)sport;
	data[2 * n + 2] = (uint8_t)(dport >> 8);
	data[2 * n + 3] = (uint8_t)dport;
	return toeplitz(key, data, 2 * n + 4);
}

static void test_vectors(void)
{
	static const struct route_addr a4 = {4, {66, 9, 149, 187}}, b4 = {4, {161, 142, 100, 80}};
	static const struct route_addr a6 = {6, {0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f,
							0xff, [15] = 7}},
				       b6 = {6, {0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x00,
							0x03, [15] = 1}};

	CU_ASSERT_EQUAL(hash_of(known_key, &a4, &b4, 2794, 1766), 0x51ccc178);
	CU_ASSERT_EQUAL(hash_of(known_key, &a6, &b6, 2794, 1766), 0x40207d3d);
}

static void make_rss(struct dp_rss *rss, const uint8_t *key)
{
	*rss = (struct dp_rss){.v4 = true, .v6 = true, .reta_size = 128};
	dp_rss_key(rss, key, DP_RSS_KEY_MIN);
	for (unsigned i = 0; i < rss->reta_size; i++)
		rss->reta[i] = (uint16_t)(i % QUEUES);
}

static void random_key(uint64_t *seed, uint8_t *key)
{
	for (unsigned i = 0; i < DP_RSS_KEY_MIN; i++)
		key[i] = (uint8_t)unit_random(seed);
}

static struct route_addr random_upstream(uint64_t *seed)
{
	struct route_addr a = {unit_random(seed) & 1 ? 6 : 4, {0}};

	for (size_t i = 0; i < route_addr_len(&a); i++)
		a.octets[i] = (uint8_t)unit_random(seed);
	return a;
}

static const struct route_addr *ours(const struct route_addr *a)
{
	return a->family == 6 ? &ours6 : &ours4;
}

/* Each port lands at exactly the queue that the hash says. */
static void test_lands(void)
{
	uint64_t seed = 1;

	for (unsigned round = 0; round < 200; round++) {
		struct route_addr from = random_upstream(&seed);
		uint16_t port = (uint16_t)unit_random(&seed);
		uint8_t key[DP_RSS_KEY_MIN];
		struct dp_rss rss;

		random_key(&seed, key);
		make_rss(&rss, key);
		for (uint16_t q = 0; q < QUEUES; q++) {
			struct dp_home h;

			dp_home_init(&h, &rss, q, &from, ours(&from));
			CU_ASSERT_EQUAL(dp_home_lands(&h, port),
				hash_of(key, &from, ours(&from), 53, port) % 128 % QUEUES == q);
		}
	}
}

static void test_unknown(void)
{
	static const struct route_addr from4 = {4, {192, 0, 2, 1}}, from6 = {6, {0x20, 1}};
	struct dp_home h;
	struct dp_rss rss;

	dp_home_init(&h, NULL, 9, &from4, &ours4);
	CU_ASSERT_TRUE(dp_home_lands(&h, 5353));
	make_rss(&rss, known_key);
	rss.v6 = false;
	dp_home_init(&h, &rss, 9, &from6, &ours6); // no such queue, but nobody can say
	CU_ASSERT_TRUE(dp_home_lands(&h, 5353));
	dp_home_init(&h, &rss, 9, &from4, &ours4);
	CU_ASSERT_FALSE(dp_home_lands(&h, 5353));
}

/* A worker has one in QUEUES ports left: log2(QUEUES) bits less than all, and no more. */
static void test_width(void)
{
	uint64_t seed = 2;

	for (unsigned round = 0; round < 20; round++) {
		struct route_addr from = random_upstream(&seed);
		uint8_t key[DP_RSS_KEY_MIN];
		struct dp_rss rss;
		unsigned sum = 0;

		random_key(&seed, key);
		make_rss(&rss, key);
		for (uint16_t q = 0; q < QUEUES; q++) {
			struct dp_home h;
			unsigned n = 0;

			dp_home_init(&h, &rss, q, &from, ours(&from));
			for (unsigned p = DP_PORT_MIN; p < 65536; p++)
				n += dp_home_lands(&h, (uint16_t)p);
			CU_ASSERT(n >= PORTS / QUEUES * 95 / 100);
			sum += n;
		}
		CU_ASSERT_EQUAL(sum, PORTS);
	}
}

/* ---- with transactions ---- */

static struct dp_rng *rng;
static struct dp_txns *x;

static void setup(void)
{
	struct dp_txns_config cfg = {
		.transactions = TXNS, .waiters = TXNS, .worker = 1, .numa = -1, .hash_key = {1, 2}};

	CU_ASSERT_EQUAL_FATAL(dp_rng_new(&rng), 0);
	cfg.rng = rng;
	CU_ASSERT_EQUAL_FATAL(dp_txns_new(&cfg, &x), 0);
}

static void teardown(void)
{
	dp_txns_free(x);
	dp_rng_free(rng);
}

static double chi_square(const unsigned *bins, unsigned total)
{
	double expect = (double)total / BINS, sum = 0;

	for (unsigned i = 0; i < BINS; i++)
		sum += (bins[i] - expect) * (bins[i] - expect) / expect;
	return sum;
}

/*
 * What leaves one worker of four: nearly all comes home, and seen over upstreams its ports and IDs
 * are uniform over the whole range. 63 degrees of freedom: above 130 once in a million runs.
 */
static void test_draws(void)
{
	unsigned ports[BINS] = {0}, ids[BINS] = {0}, home = 0;
	struct dns_name qname = {.octets = {1, 'a', 0}, .len = 3};
	uint64_t seed = 3;
	uint8_t key[DP_RSS_KEY_MIN];
	struct dp_rss rss;

	setup();
	random_key(&seed, key);
	make_rss(&rss, key);
	for (unsigned n = 0; n < DRAWS; n++) {
		struct dp_txn *t =
			dp_txns_open(x, 0, &qname, 1, DP_TXN_CLIENT, 0, ROUTE_REGION_NONE, true);
		struct route_addr to = random_upstream(&seed);
		struct dp_home h;

		CU_ASSERT_PTR_NOT_NULL_FATAL(t);
		dp_home_init(&h, &rss, 1, &to, ours(&to));
		CU_ASSERT_EQUAL_FATAL(dp_txns_assign(x, t, &to, &h), 0);
		home += hash_of(key, &to, ours(&to), 53, t->local_port) % 128 % QUEUES == 1;
		ports[(unsigned)(t->local_port - DP_PORT_MIN) * BINS / PORTS]++;
		ids[t->id * BINS / 65536u]++;
		dp_txns_close(x, t);
	}
	// 32 draws away from home in a row: once in 10,000
	CU_ASSERT(home > DRAWS - DRAWS / 1000);
	CU_ASSERT(chi_square(ports, DRAWS) < 130);
	CU_ASSERT(chi_square(ids, DRAWS) < 130);
	teardown();
}

/* Nothing leads home: a pair is found all the same, after a bounded search. */
static void test_nowhere(void)
{
	struct dns_name qname = {.octets = {1, 'a', 0}, .len = 3};
	static const struct route_addr to = {4, {192, 0, 2, 1}};
	struct dp_home h;
	struct dp_rss rss;

	setup();
	make_rss(&rss, known_key);
	dp_home_init(&h, &rss, QUEUES, &to, &ours4);
	for (unsigned n = 0; n < TXNS; n++) {
		struct dp_txn *t =
			dp_txns_open(x, 0, &qname, 1, DP_TXN_CLIENT, 0, ROUTE_REGION_NONE, true);

		CU_ASSERT_PTR_NOT_NULL_FATAL(t);
		CU_ASSERT_EQUAL(dp_txns_assign(x, t, &to, &h), 0);
	}
	teardown();
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"published vectors", test_vectors},
		{"lands where the hash says", test_lands},
		{"nobody can say", test_unknown},
		{"how many ports are left", test_width},
		{"ports and IDs drawn", test_draws},
		{"nothing leads home", test_nowhere},
		CU_TEST_INFO_NULL,
	};

	(void)argc;
	test_eal_start(argv[0]);
	return test_run("dataplane/home", tests);
}
