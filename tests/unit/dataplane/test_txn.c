#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "dataplane/txn.h"
#include "tests/unit/dataplane/eal.h"
#include "tests/unit/run.h"

enum { TXNS = 64, WAITERS = 600 };

static struct dp_rng *rng;
static struct dp_claims *claims;
static struct dp_txns *x;
static const struct route_addr sin4 = {4, {10, 0, 0, 1}};
static const struct route_addr nrt4 = {4, {10, 0, 0, 2}};
static const struct route_addr sin6 = {6, {0xfd, 0, 0, 1}};

static void setup(void)
{
	struct dp_txns_config cfg = {
		.transactions = TXNS,
		.waiters = WAITERS,
		.worker = 1,
		.numa = -1,
		.hash_key = {1, 2},
	};

	CU_ASSERT_EQUAL_FATAL(dp_rng_new(&rng), 0);
	CU_ASSERT_EQUAL_FATAL(dp_claims_new(&claims), 0);
	cfg.rng = rng;
	cfg.claims = claims;
	CU_ASSERT_EQUAL_FATAL(dp_txns_new(&cfg, &x), 0);
}

static void teardown(void)
{
	dp_txns_free(x);
	dp_claims_free(claims);
	dp_rng_free(rng);
}

static struct dns_name numbered(unsigned n)
{
	struct dns_name name = {.len = 10, .labels = 2};

	memcpy(name.octets, "\4n000\3com", 10);
	name.octets[2] = (uint8_t)('0' + n / 100 % 10);
	name.octets[3] = (uint8_t)('0' + n / 10 % 10);
	name.octets[4] = (uint8_t)('0' + n % 10);
	return name;
}

static struct dp_txn *open_numbered(unsigned n)
{
	struct dns_name name = numbered(n);

	return dp_txns_open(
		x, dp_txns_hash(x, &name, 1, false, 0, 0), &name, 1, false, 0, 0, false);
}

static struct dp_txn *find_numbered(unsigned n)
{
	struct dns_name name = numbered(n);

	return dp_txns_find_question(
		x, dp_txns_hash(x, &name, 1, false, 0, 0), &name, 1, false, 0, 0);
}

static void test_question_identity(void)
{
	struct dns_name name = numbered(1);
	struct dp_txn *t;
	uint64_t h;

	setup();
	t = open_numbered(1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT_PTR_EQUAL(find_numbered(1), t);
	CU_ASSERT_PTR_NULL(find_numbered(2));
	struct {
		const char *what;
		uint16_t type, zone, region;
		bool cd;
	} rows[] = {
		{"type", 28, 0, 0, false},
		{"zone", 1, 1, 0, false},
		{"region", 1, 0, 1, false},
		{"CD", 1, 0, 0, true},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		h = dp_txns_hash(x, &name, rows[i].type, rows[i].cd, rows[i].zone, rows[i].region);
		CU_ASSERT_PTR_NULL(dp_txns_find_question(
			x, h, &name, rows[i].type, rows[i].cd, rows[i].zone, rows[i].region));
	}
	dp_txns_close(x, t);
	CU_ASSERT_PTR_NULL(find_numbered(1));
	CU_ASSERT_EQUAL(dp_txns_used(x), 0);
	teardown();
}

static void test_capacity(void)
{
	struct dp_txn *t[TXNS];

	setup();
	for (unsigned i = 0; i < TXNS; i++) {
		t[i] = open_numbered(i);
		CU_ASSERT_PTR_NOT_NULL_FATAL(t[i]);
	}
	CU_ASSERT_PTR_NULL(open_numbered(TXNS));
	CU_ASSERT_EQUAL(dp_txns_used(x), TXNS);
	for (unsigned i = 0; i < TXNS; i++)
		CU_ASSERT_PTR_EQUAL(find_numbered(i), t[i]);
	dp_txns_close(x, t[7]);
	CU_ASSERT_PTR_NOT_NULL(open_numbered(TXNS));
	teardown();
}

static void test_waiters(void)
{
	struct dp_txn *a, *b;
	struct dp_waiter *w = NULL;
	uint32_t index;
	unsigned n = 0;

	setup();
	a = open_numbered(1);
	b = open_numbered(2);
	for (unsigned i = 0; i < DP_TXN_WAITERS_MAX; i++) {
		w = dp_txns_wait(x, a);
		CU_ASSERT_PTR_NOT_NULL_FATAL(w);
		w->id = (uint16_t)i;
	}
	CU_ASSERT_PTR_NULL(dp_txns_wait(x, a)); // n + 1
	for (index = a->waiter_head; index != DP_TXN_NONE; index = dp_txns_waiter(x, index)->next)
		CU_ASSERT_EQUAL(dp_txns_waiter(x, index)->id, n++);
	CU_ASSERT_EQUAL(n, DP_TXN_WAITERS_MAX);
	CU_ASSERT_EQUAL(dp_txns_waiting(x), DP_TXN_WAITERS_MAX);
	CU_ASSERT_PTR_NOT_NULL(dp_txns_wait(x, b));
	dp_txns_close(x, a);
	CU_ASSERT_EQUAL(dp_txns_waiting(x), 1);
	dp_txns_close(x, b);
	CU_ASSERT_EQUAL(dp_txns_waiting(x), 0);
	// every waiter came back
	for (unsigned t = 0; t < 3; t++) {
		a = open_numbered(10 + t);
		for (n = 0; n < 200; n++)
			CU_ASSERT_PTR_NOT_NULL(dp_txns_wait(x, a));
	}
	CU_ASSERT_PTR_NULL(dp_txns_wait(x, a));
	teardown();
}

static void test_strict_match(void)
{
	struct dp_txn *t, *got = NULL;
	uint16_t port, id;

	setup();
	t = open_numbered(1);
	CU_ASSERT_EQUAL_FATAL(dp_txns_assign(x, t, &sin4, NULL), 0);
	port = t->local_port;
	id = t->id;
	CU_ASSERT(port >= DP_PORT_MIN);
	CU_ASSERT_EQUAL(dp_claims_owner(claims, 4, port), 1);
	CU_ASSERT_EQUAL(dp_txns_find_reply(x, &sin4, port, id, &got), DP_MATCH_YES);
	CU_ASSERT_PTR_EQUAL(got, t);
	CU_ASSERT_EQUAL(dp_txns_find_reply(x, &nrt4, port, id, &got), DP_MATCH_NONE);
	CU_ASSERT_EQUAL(dp_txns_find_reply(x, &sin6, port, id, &got), DP_MATCH_NONE);
	CU_ASSERT_EQUAL(
		dp_txns_find_reply(x, &sin4, (uint16_t)(port ^ 1), id, &got), DP_MATCH_NONE);
	CU_ASSERT_EQUAL(
		dp_txns_find_reply(x, &sin4, port, (uint16_t)(id ^ 1), &got), DP_MATCH_NEAR);
	CU_ASSERT_PTR_EQUAL(got, t);
	CU_ASSERT_EQUAL(
		dp_txns_find_reply(x, &nrt4, port, (uint16_t)(id ^ 1), &got), DP_MATCH_NONE);
	// another try: the old pair is dead, its port free again
	CU_ASSERT_EQUAL_FATAL(dp_txns_assign(x, t, &sin6, NULL), 0);
	CU_ASSERT_EQUAL(dp_txns_find_reply(x, &sin4, port, id, &got), DP_MATCH_NONE);
	CU_ASSERT_EQUAL(dp_claims_owner(claims, 4, port), DP_CLAIMS_NONE);
	CU_ASSERT_EQUAL(dp_txns_find_reply(x, &sin6, t->local_port, t->id, &got), DP_MATCH_YES);
	dp_txns_close(x, t);
	CU_ASSERT_EQUAL(dp_claims_owner(claims, 6, t->local_port), DP_CLAIMS_NONE);
	teardown();
}

static void test_generation(void)
{
	struct dp_txn *t;
	uint32_t index, generation;

	setup();
	t = open_numbered(1);
	index = dp_txns_index(x, t);
	generation = t->generation;
	CU_ASSERT_PTR_EQUAL(dp_txns_at(x, index, generation), t);
	dp_txns_close(x, t);
	CU_ASSERT_PTR_NULL(dp_txns_at(x, index, generation));
	t = open_numbered(2);
	CU_ASSERT_EQUAL(dp_txns_index(x, t), index);
	CU_ASSERT_PTR_NULL(dp_txns_at(x, index, generation));
	CU_ASSERT_PTR_NULL(dp_txns_at(x, TXNS, 1));
	teardown();
}

static void test_timer(void)
{
	struct dp_txn *t[3], *due[4];

	setup();
	for (unsigned i = 0; i < 3; i++)
		t[i] = open_numbered(i);
	dp_txns_timer(x, t[0], 1000000, 10);
	dp_txns_timer(x, t[1], 1000000, 10);
	dp_txns_timer(x, t[2], 1000000, 20);
	CU_ASSERT_EQUAL(dp_txns_expired(x, 1000009, due, 4), 0);
	CU_ASSERT_EQUAL(
		dp_txns_expired(x, 1000010, due, 1), 1); // bounded: the second one next time
	CU_ASSERT_EQUAL(dp_txns_expired(x, 1000010, due, 4), 1);
	dp_txns_timer(x, t[2], 1000011, 30); // re-armed
	CU_ASSERT_EQUAL(dp_txns_expired(x, 1000040, due, 4), 0);
	CU_ASSERT_EQUAL(dp_txns_expired(x, 1000041, due, 4), 1);
	CU_ASSERT_PTR_EQUAL(due[0], t[2]);
	dp_txns_timer(x, t[0], 1000041, 5);
	dp_txns_timer_stop(x, t[0]);
	CU_ASSERT_EQUAL(dp_txns_expired(x, 1000100, due, 4), 0);
	teardown();
}

static void test_timer_limits(void)
{
	struct dp_txn *t, *due[4];

	setup();
	t = open_numbered(1);
	dp_txns_timer(x, t, 5000, 0); // at least one millisecond
	CU_ASSERT_EQUAL(dp_txns_expired(x, 5000, due, 4), 0);
	CU_ASSERT_EQUAL(dp_txns_expired(x, 5001, due, 4), 1);
	dp_txns_timer(x, t, 5001, 1u << 30); // at most the wheel
	CU_ASSERT_EQUAL(dp_txns_expired(x, 5001 + DP_TXN_WHEEL_SLOTS - 2, due, 4), 0);
	CU_ASSERT_EQUAL(dp_txns_expired(x, 5001 + DP_TXN_WHEEL_SLOTS - 1, due, 4), 1);
	dp_txns_timer(x, t, 20000, 100);
	CU_ASSERT_EQUAL(dp_txns_expired(x, 900000000, due, 4), 1); // after a long stop, once
	CU_ASSERT_EQUAL(dp_txns_expired(x, 900000000, due, 4), 0);
	teardown();
}

/* Random life against the plainest bookkeeping: an array of "due at" times. */
static void test_timer_against_naive(void)
{
	uint64_t due_at[TXNS] = {0}, now = 77;
	struct dp_txn *t[TXNS], *due[TXNS];

	setup();
	srand(1);
	for (unsigned i = 0; i < TXNS; i++)
		t[i] = open_numbered(i);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)rand() % TXNS, ms = 1 + (unsigned)rand() % 3000, n,
			 expected = 0;

		dp_txns_timer(x, t[i], now, ms);
		due_at[i] = now + ms;
		now += (unsigned)rand() % 60;
		n = dp_txns_expired(x, now, due, TXNS);
		for (unsigned k = 0; k < TXNS; k++)
			expected += due_at[k] != 0 && due_at[k] <= now;
		CU_ASSERT_EQUAL_FATAL(n, expected);
		for (unsigned k = 0; k < n; k++) {
			uint32_t index = dp_txns_index(x, due[k]);

			CU_ASSERT_FATAL(due_at[index] != 0 && due_at[index] <= now);
			due_at[index] = 0;
		}
	}
	teardown();
}

/* Random opens, assigns and closes: what is open is found, what is closed is not. */
static void test_tables_against_naive(void)
{
	struct dp_txn *open[200] = {NULL}, *got;

	setup();
	srand(2);
	for (unsigned step = 0; step < 50000; step++) {
		unsigned n = (unsigned)rand() % 200;

		if (open[n] != NULL && rand() % 2) {
			dp_txns_close(x, open[n]);
			open[n] = NULL;
		} else if (open[n] == NULL) {
			open[n] = open_numbered(n);
		} else {
			CU_ASSERT_EQUAL_FATAL(
				dp_txns_assign(x, open[n], rand() % 2 ? &sin4 : &sin6, NULL), 0);
		}
		n = (unsigned)rand() % 200;
		{ // nothing depends on these but time
			uint16_t port = open[n] != NULL ? open[n]->local_port : (uint16_t)step;
			uint16_t id = open[n] != NULL ? open[n]->id : (uint16_t)rand();

			dp_txns_prefetch_reply(x, port, id);
			dp_txns_prefetch_replied(x, port, id);
			dp_txns_prefetch_close(x, port, id);
			dp_txns_prefetch_question(x, port);
			dp_txns_prefetch_asked(x, port);
		}
		CU_ASSERT_PTR_EQUAL_FATAL(find_numbered(n), open[n]);
		if (open[n] != NULL && open[n]->in_replies)
			CU_ASSERT_EQUAL_FATAL(dp_txns_find_reply(x, &open[n]->upstream,
						      open[n]->local_port, open[n]->id, &got),
				DP_MATCH_YES);
	}
	teardown();
}

static int by_pair(const void *pa, const void *pb)
{
	const uint32_t *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

/*
 * What an attacker sees of pairs: none comes twice, ports are spread over the whole range and IDs
 * over all 65,536, also between assignments that follow each other. Bounds are 6 sigma wide.
 */
static void test_pairs(void)
{
	enum { ASSIGNED = 20000, BINS = 16 };
	static uint32_t pair[ASSIGNED];
	unsigned ports[BINS] = {0}, ids[BINS] = {0}, steps[BINS] = {0}, twice = 0;
	const double span = 65536.0 - DP_PORT_MIN;

	setup();
	for (unsigned i = 0; i < ASSIGNED; i++) {
		struct dp_txn *t = open_numbered(i % 100);

		CU_ASSERT_EQUAL_FATAL(dp_txns_assign(x, t, i % 2 ? &sin4 : &sin6, NULL), 0);
		CU_ASSERT_FATAL(t->local_port >= DP_PORT_MIN);
		pair[i] = (uint32_t)t->local_port << 16 | t->id;
		ports[(unsigned)((t->local_port - DP_PORT_MIN) * BINS / span)]++;
		ids[t->id * BINS / 65536]++;
		if (i > 0)
			steps[(uint16_t)(pair[i] - pair[i - 1]) * BINS / 65536]++;
		dp_txns_close(x, t);
	}
	for (unsigned i = 0; i < BINS; i++) {
		CU_ASSERT(abs((int)ports[i] - ASSIGNED / BINS) < 210);
		CU_ASSERT(abs((int)ids[i] - ASSIGNED / BINS) < 210);
		CU_ASSERT(abs((int)steps[i] - ASSIGNED / BINS) < 210);
	}
	qsort(pair, ASSIGNED, sizeof(pair[0]), by_pair);
	for (unsigned i = 1; i < ASSIGNED; i++)
		twice += pair[i] == pair[i - 1];
	CU_ASSERT(twice <= 3); // 0.05 are expected
	teardown();
}

/* Both families may use one pair, and do not answer for each other. */
static void test_families_share_a_chain(void)
{
	struct dp_txn *t[TXNS], *got = NULL;

	setup();
	for (unsigned i = 0; i < TXNS; i++) {
		t[i] = open_numbered(i);
		CU_ASSERT_EQUAL_FATAL(dp_txns_assign(x, t[i], i % 2 ? &sin4 : &sin6, NULL), 0);
	}
	for (unsigned i = 0; i < TXNS; i++) {
		const struct route_addr *own = i % 2 ? &sin4 : &sin6;
		const struct route_addr *other = i % 2 ? &sin6 : &sin4;

		CU_ASSERT_EQUAL(
			dp_txns_find_reply(x, own, t[i]->local_port, t[i]->id, &got), DP_MATCH_YES);
		CU_ASSERT_PTR_EQUAL(got, t[i]);
		CU_ASSERT_NOT_EQUAL(dp_txns_find_reply(x, other, t[i]->local_port, t[i]->id, &got),
			DP_MATCH_YES);
	}
	teardown();
}

/* A slot is as good as new, whatever was in it. */
static void test_reopened_is_clean(void)
{
	struct dns_name small = {.len = 1};
	struct dp_txn *t, was;

	setup();
	t = open_numbered(1);
	was = *t;
	memset((char *)t + offsetof(struct dp_txn, local_port), 0xa5,
		sizeof(*t) - offsetof(struct dp_txn, local_port));
	t->in_replies = false;
	dp_txns_close(x, t);
	t = open_numbered(1);
	CU_ASSERT_EQUAL(t->generation, was.generation + 1);
	t->generation = was.generation;
	CU_ASSERT_EQUAL(memcmp(t, &was, offsetof(struct dp_txn, qname)), 0);
	CU_ASSERT_EQUAL(t->qname.len, was.qname.len);
	CU_ASSERT_EQUAL(memcmp(t->qname.octets, was.qname.octets, was.qname.len), 0);
	dp_txns_close(x, t);
	t = dp_txns_open(x, 7, &small, 1, DP_TXN_CLIENT, 0, 0, false);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT_EQUAL(t->qname.len, 1);
	CU_ASSERT_EQUAL(t->qname.octets[0], 0);
	teardown();
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"name, type, CD and route are a question's identity", test_question_identity},
		{"full at n, refused at n + 1", test_capacity},
		{"waiters in order, bounded, all come back", test_waiters},
		{"a reply matches by address, port and ID only", test_strict_match},
		{"a stale reference shows", test_generation},
		{"timers", test_timer},
		{"timer limits", test_timer_limits},
		{"timers against a naive list", test_timer_against_naive},
		{"tables against naive arrays", test_tables_against_naive},
		{"pairs are spread and come once", test_pairs},
		{"families do not answer for each other", test_families_share_a_chain},
		{"a slot opened again is clean", test_reopened_is_clean},
		CU_TEST_INFO_NULL,
	};

	test_eal_start("test_txn");
	return test_run("dataplane/txn", tests);
}
