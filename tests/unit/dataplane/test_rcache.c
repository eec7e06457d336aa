#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "dataplane/rcache.h"
#include "dns/wire.h"
#include "tests/unit/run.h"

enum { NOW = 1000, LIFE = 300, NO_REGION = 0xffff, ONE_CHUNK = 150, BODY_MAX = 1400 };

static const struct dns_hash_key hash_key = {5, 6};

static struct dp_rcache *make(size_t shards)
{
	struct dp_rcache *c = NULL;

	CU_ASSERT_EQUAL_FATAL(dp_rcache_new(shards * dp_rcache_min_bytes(), -1, &hash_key, &c), 0);
	return c;
}

/* ---- answers that name themselves: a mixture shows ---- */

static struct dns_name name_of(uint32_t n)
{
	struct dns_name name;
	char text[32];

	snprintf(text, sizeof(text), "n%u.example.", n);
	CU_ASSERT_EQUAL_FATAL(dns_name_from_text(text, &name), 0);
	return name;
}

static struct dp_rcache_key key_of(const struct dns_name *name)
{
	return (struct dp_rcache_key){name, DNS_TYPE_A, NO_REGION, 1};
}

static uint8_t octet(uint32_t n, uint32_t version, size_t i)
{
	return (uint8_t)((n * 31 + version * 7 + i) * 2654435761u >> 24);
}

static size_t body_of(uint32_t n, uint32_t version)
{
	return (n * 97 + version * 61) % BODY_MAX;
}

static void write_answer(struct dp_rcache_copy *a, const struct dns_name *name, uint32_t n,
	uint32_t version, size_t body, enum dp_rcache_form form)
{
	uint8_t *m = dp_rcache_msg(a);
	size_t q = DNS_HEADER_LEN + name->len + 4u;

	memset(a, 0, sizeof(*a));
	a->head = (struct dp_rcache_head){
		.stored_s = NOW,
		.ends_s = NOW + LIFE,
		.signed_until = version,
		.path = (uint16_t)n,
		.len = (uint16_t)(q + body),
		.records = (uint8_t)(version % 9),
		.ede = DNS_EDE_NONE,
		.form = (uint8_t)form,
	};
	memcpy(m + DNS_HEADER_LEN, name->octets, name->len);
	dns_put16(m + DNS_HEADER_LEN + name->len, DNS_TYPE_A);
	dns_put16(m + DNS_HEADER_LEN + name->len + 2, DNS_CLASS_IN);
	for (size_t i = 0; i < body; i++)
		m[q + i] = octet(n, version, i);
	for (uint16_t i = 0; i < a->head.records; i++)
		dp_rcache_ttls(a)[i] = (uint16_t)(version + i);
}

/* Is it one answer to the n-th name, and which? */
static bool is_whole(struct dp_rcache_copy *a, const struct dns_name *name, uint32_t n, size_t body)
{
	uint32_t version = a->head.signed_until;
	size_t q = DNS_HEADER_LEN + name->len + 4u;
	const uint8_t *m = dp_rcache_msg(a);

	if (a->head.len != q + body || a->head.path != (uint16_t)n ||
		a->head.records != version % 9)
		return false;
	for (size_t i = 0; i < body; i++)
		if (m[q + i] != octet(n, version, i))
			return false;
	for (uint16_t i = 0; i < a->head.records; i++)
		if (dp_rcache_ttls(a)[i] != (uint16_t)(version + i))
			return false;
	return true;
}

static bool put_body(
	struct dp_rcache *c, uint32_t n, uint32_t version, size_t body, enum dp_rcache_form form)
{
	static _Thread_local struct dp_rcache_copy a;
	struct dns_name name = name_of(n);
	struct dp_rcache_key k = key_of(&name);

	write_answer(&a, &name, n, version, body, form);
	return dp_rcache_put(c, &k, dp_rcache_hash(c, &k), &a, NOW, 0);
}

static bool put(struct dp_rcache *c, uint32_t n, uint32_t version)
{
	return put_body(c, n, version, body_of(n, version), DP_RCACHE_BOTH);
}

static bool get_form(
	struct dp_rcache *c, uint32_t n, enum dp_rcache_form form, struct dp_rcache_copy *out)
{
	struct dns_name name = name_of(n);
	struct dp_rcache_key k = key_of(&name);

	return dp_rcache_get(c, &k, dp_rcache_hash(c, &k), form, out);
}

static bool get(struct dp_rcache *c, uint32_t n, struct dp_rcache_copy *out)
{
	return get_form(c, n, DP_RCACHE_DNSSEC, out);
}

static struct dp_rcache_stats stats_of(const struct dp_rcache *c)
{
	struct dp_rcache_stats s;

	dp_rcache_stats(c, &s);
	return s;
}

/* ---- one thread ---- */

static void test_put_and_get(void)
{
	struct dp_rcache *c = make(1);
	struct dp_rcache_copy out;
	struct dns_name name = name_of(7);

	CU_ASSERT_FALSE(get(c, 7, &out));
	for (uint32_t version = 1; version < 40; version++) { // of one chunk to six
		CU_ASSERT_TRUE(put(c, 7, version));
		CU_ASSERT_TRUE_FATAL(get(c, 7, &out));
		CU_ASSERT_EQUAL(out.head.signed_until, version);
		CU_ASSERT_TRUE(is_whole(&out, &name, 7, body_of(7, version)));
		CU_ASSERT_EQUAL(stats_of(c).entries, 1);
	}
	CU_ASSERT_FALSE(get(c, 8, &out));
	CU_ASSERT_EQUAL(stats_of(c).evictions, 0);
	dp_rcache_free(c);
}

/* Each part of the key counts, also when the hash does not tell them apart. */
static void test_question_is_compared(void)
{
	struct dp_rcache *c = make(1);
	struct dp_rcache_copy out;
	struct dns_name name = name_of(1), other = name_of(2), longer = name_of(11);
	const struct {
		const char *name;
		struct dp_rcache_key key;
		bool found;
	} rows[] = {
		{"the very question", {&name, DNS_TYPE_A, NO_REGION, 1}, true},
		{"another name", {&other, DNS_TYPE_A, NO_REGION, 1}, false},
		{"a longer name", {&longer, DNS_TYPE_A, NO_REGION, 1}, false},
		{"another type", {&name, DNS_TYPE_AAAA, NO_REGION, 1}, false},
		{"another region", {&name, DNS_TYPE_A, 0, 1}, false},
		{"another zone", {&name, DNS_TYPE_A, NO_REGION, 0}, false},
	};
	uint64_t hash = dp_rcache_hash(c, &rows[0].key);

	CU_ASSERT_TRUE(put(c, 1, 1));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (dp_rcache_get(c, &rows[i].key, hash, DP_RCACHE_PLAIN, &out) != rows[i].found) {
			printf("%s: %s\n", rows[i].name, rows[i].found ? "not found" : "found");
			CU_FAIL("a part of the key");
		}
		if (i > 0)
			CU_ASSERT_NOT_EQUAL(dp_rcache_hash(c, &rows[i].key), hash);
	}
	dp_rcache_free(c);
}

/* What is found, as version numbers, after a plain and a DNSSEC answer or one that is both. */
static void test_forms(void)
{
	static const struct {
		const char *name;
		enum dp_rcache_form first, second; // versions 1 and 2
		uint32_t plain, dnssec;            // version found, 0 none
	} rows[] = {
		{"both, again", DP_RCACHE_BOTH, DP_RCACHE_BOTH, 2, 2},
		{"plain beside DNSSEC", DP_RCACHE_DNSSEC, DP_RCACHE_PLAIN, 2, 1},
		{"DNSSEC makes plain old", DP_RCACHE_PLAIN, DP_RCACHE_DNSSEC, 0, 2},
		{"both makes plain old", DP_RCACHE_PLAIN, DP_RCACHE_BOTH, 2, 2},
		{"plain in place of both", DP_RCACHE_BOTH, DP_RCACHE_PLAIN, 2, 0},
		{"DNSSEC in place of both", DP_RCACHE_BOTH, DP_RCACHE_DNSSEC, 0, 2},
	};
	struct dp_rcache_copy out;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dp_rcache *c = make(1);
		uint32_t plain = 0, dnssec = 0;

		put_body(c, 1, 1, ONE_CHUNK, rows[i].first);
		put_body(c, 1, 2, ONE_CHUNK, rows[i].second);
		if (get_form(c, 1, DP_RCACHE_PLAIN, &out))
			plain = out.head.signed_until;
		if (get_form(c, 1, DP_RCACHE_DNSSEC, &out))
			dnssec = out.head.signed_until;
		if (plain != rows[i].plain || dnssec != rows[i].dnssec)
			printf("%s: plain %u, DNSSEC %u\n", rows[i].name, plain, dnssec);
		CU_ASSERT_EQUAL(plain, rows[i].plain);
		CU_ASSERT_EQUAL(dnssec, rows[i].dnssec);
		dp_rcache_free(c);
	}
}

static void test_limits(void)
{
	struct dp_rcache *c = NULL;
	struct dp_rcache_copy *a = malloc(sizeof(*a)); // one octet too far shows under ASan
	struct dns_name name = name_of(1);
	struct dp_rcache_key k = key_of(&name);
	size_t most = DP_RCACHE_MSG_MAX & ~7u;

	CU_ASSERT_EQUAL(dp_rcache_new(dp_rcache_min_bytes() - 1, -1, &hash_key, &c), -22);
	CU_ASSERT_EQUAL(dp_rcache_new(0, -1, &hash_key, &c), -22);
	CU_ASSERT_TRUE(dp_rcache_fits(most, 0));
	CU_ASSERT_FALSE(dp_rcache_fits(most + 1, 0));
	CU_ASSERT_FALSE(dp_rcache_fits(most, 1));
	CU_ASSERT_TRUE(dp_rcache_fits(most - 8, 4));
	CU_ASSERT_FALSE(dp_rcache_fits(most - 8, 5));
	CU_ASSERT_TRUE(dp_rcache_fits(0, DP_RCACHE_RECORDS));
	CU_ASSERT_FALSE(dp_rcache_fits(0, DP_RCACHE_RECORDS + 1));
	c = make(1);
	for (int over = 0; over < 2; over++) {
		size_t body = most - DNS_HEADER_LEN - name.len - 4 + (size_t)over;

		write_answer(a, &name, 1, 0, 0, DP_RCACHE_BOTH); // version 0: no records
		a->head.len = (uint16_t)(a->head.len + body);
		CU_ASSERT_EQUAL(dp_rcache_put(c, &k, dp_rcache_hash(c, &k), a, NOW, 0), over == 0);
	}
	CU_ASSERT_TRUE(get(c, 1, a));
	CU_ASSERT_EQUAL(a->head.len, most);
	CU_ASSERT_EQUAL(stats_of(c).used, DP_RCACHE_CHUNKS * 256);
	dp_rcache_free(c);
	free(a);
}

static void test_hits_and_claim(void)
{
	struct dp_rcache *c = make(1);
	struct dp_rcache_copy out;

	put(c, 1, 1);
	for (unsigned i = 1; i <= DP_RCACHE_HITS_MAX + 2; i++) {
		CU_ASSERT_TRUE(get(c, 1, &out));
		CU_ASSERT_EQUAL(
			out.hits, i < DP_RCACHE_HITS_MAX ? i : (unsigned)DP_RCACHE_HITS_MAX);
	}
	CU_ASSERT_TRUE(dp_rcache_claim(c, &out));
	CU_ASSERT_FALSE(dp_rcache_claim(c, &out));
	CU_ASSERT_TRUE(get(c, 1, &out));
	CU_ASSERT_FALSE(dp_rcache_claim(c, &out));
	put(c, 1, 2); // the renewed answer is as popular, and may be claimed again
	CU_ASSERT_TRUE(get(c, 1, &out));
	CU_ASSERT_EQUAL(out.hits, DP_RCACHE_HITS_MAX);
	CU_ASSERT_TRUE(dp_rcache_claim(c, &out));
	dp_rcache_free(c);
}

/* Names asked for twice stay while a hundred times the cache goes by that nobody asks for again. */
static void test_scan(void)
{
	enum { HOT = 300, SCAN = 100000 };
	struct dp_rcache *c = make(1);
	struct dp_rcache_copy out;
	unsigned there = 0;

	for (uint32_t n = 0; n < HOT; n++) {
		put_body(c, n, 1, ONE_CHUNK, DP_RCACHE_BOTH);
		get(c, n, &out);
		get(c, n, &out);
	}
	for (uint32_t n = HOT; n < SCAN; n++)
		put_body(c, n, 1, ONE_CHUNK, DP_RCACHE_BOTH);
	for (uint32_t n = 0; n < HOT; n++)
		there += get(c, n, &out);
	CU_ASSERT_EQUAL(there, HOT);
	CU_ASSERT_TRUE(stats_of(c).evictions > SCAN - 2000);
	CU_ASSERT_TRUE(stats_of(c).used <= 1024 * 256);
	CU_ASSERT_TRUE(stats_of(c).used > 1000 * 256); // and the memory is used
	dp_rcache_free(c);
}

/* Who left the small queue and comes back is kept longer than who is new. */
static void test_ghosts(void)
{
	enum { MANY = 2000 };
	struct dp_rcache *c = make(1);
	struct dp_rcache_copy out;

	for (uint32_t n = 0; n < MANY; n++)
		put_body(c, n, 1, ONE_CHUNK, DP_RCACHE_BOTH);
	CU_ASSERT_FALSE(get(c, MANY - 1100, &out));
	put_body(c, MANY - 1100, 2, ONE_CHUNK, DP_RCACHE_BOTH); // comes back
	for (uint32_t n = MANY; n < MANY + 1100; n++)
		put_body(c, n, 1, ONE_CHUNK, DP_RCACHE_BOTH);
	CU_ASSERT_TRUE(get(c, MANY - 1100, &out));
	CU_ASSERT_FALSE(get(c, MANY, &out)); // was new at the same time
	dp_rcache_free(c);
}

/* What can never be served again goes first, however popular it was. */
static void test_dead_go_first(void)
{
	static struct dp_rcache_copy a;
	struct dp_rcache *c = make(1);
	struct dp_rcache_copy out;
	unsigned left = 0;

	for (uint32_t n = 0; n < 900; n++) {
		put_body(c, n, 1, ONE_CHUNK, DP_RCACHE_BOTH);
		for (unsigned i = 0; i < 3; i++)
			get(c, n, &out);
	}
	for (uint32_t n = 1000; n < 2000; n++) {
		struct dns_name name = name_of(n);
		struct dp_rcache_key k = key_of(&name);

		write_answer(&a, &name, n, 1, ONE_CHUNK, DP_RCACHE_BOTH);
		dp_rcache_put(c, &k, dp_rcache_hash(c, &k), &a, NOW + LIFE + 60, 60);
	}
	for (uint32_t n = 0; n < 900; n++)
		left += get(c, n, &out);
	CU_ASSERT_TRUE(left < 250);
	dp_rcache_free(c);
}

static bool is_even(void *arg, struct dp_rcache_copy *a)
{
	(*(unsigned *)arg)++;
	return a->head.path % 2 == 0;
}

static void test_flush(void)
{
	struct dp_rcache *c = make(3);
	struct dp_rcache_copy out;
	unsigned seen = 0;

	for (uint32_t n = 0; n < 100; n++)
		put(c, n, n);
	CU_ASSERT_EQUAL(dp_rcache_flush(c, is_even, &seen), 50);
	CU_ASSERT_EQUAL(seen, 100);
	for (uint32_t n = 0; n < 100; n++)
		CU_ASSERT_EQUAL(get(c, n, &out), n % 2);
	CU_ASSERT_EQUAL(stats_of(c).entries, 50);
	CU_ASSERT_EQUAL(dp_rcache_flush(c, NULL, NULL), 50);
	CU_ASSERT_EQUAL(stats_of(c).entries, 0);
	CU_ASSERT_EQUAL(stats_of(c).used, 0);
	CU_ASSERT_EQUAL(stats_of(c).evictions, 0);
	dp_rcache_free(c);
}

/* Against a table that forgets nothing: the cache may know less, never more, never else. */
static void test_against_naive(void)
{
	enum { NAMES = 3000, STEPS = 400000 };
	static uint32_t version[NAMES][4]; // by form
	struct dp_rcache *c = make(2);
	struct dp_rcache_copy out;
	unsigned long hits = 0, wrong = 0;

	srand(3);
	for (uint32_t step = 1; step < STEPS; step++) {
		uint32_t n = (uint32_t)rand() % NAMES * ((uint32_t)rand() % NAMES) / NAMES;
		enum dp_rcache_form form = (enum dp_rcache_form)(1 + rand() % 2);
		struct dns_name name = name_of(n);

		if (rand() % 4 == 0) {
			form = (enum dp_rcache_form)(1 + rand() % 3);
			if (form != DP_RCACHE_PLAIN) // an original: what was derived is old
				version[n][DP_RCACHE_PLAIN] = version[n][DP_RCACHE_DNSSEC] = 0;
			for (unsigned f = 1; f <= 2; f++)
				if (form & f)
					version[n][f] = step;
			put_body(c, n, step, body_of(n, step), form);
		} else if (rand() % 20000 == 0) {
			dp_rcache_flush(c, NULL, NULL);
			memset(version, 0, sizeof(version));
		} else if (get_form(c, n, form, &out)) {
			hits++;
			wrong += out.head.signed_until != version[n][form] ||
				 !is_whole(&out, &name, n, body_of(n, out.head.signed_until));
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(hits > STEPS / 10);
	CU_ASSERT(stats_of(c).evictions > 1000);
	CU_ASSERT_EQUAL(stats_of(c).entries, dp_rcache_flush(c, NULL, NULL));
	CU_ASSERT_EQUAL(stats_of(c).used, 0);
	printf("%lu hits ", hits);
	dp_rcache_free(c);
}

/* ---- threads ---- */

// Names enough that chunks of one answer become another's, few enough that every look-up meets a
// writer. Without the second look at the sequence number some hundred come back torn.
#if defined(__SANITIZE_THREAD__)
enum { HOT_NAMES = 600, ROUNDS = 100000 };
#else
enum { HOT_NAMES = 600, ROUNDS = 1000000 };
#endif

static struct dp_rcache *shared;
static struct dns_name hot[HOT_NAMES];
static _Atomic unsigned long thread_hits, thread_wrong, thread_puts;
static _Atomic unsigned readers_left;
static pthread_barrier_t all_are_there;

static void *write_all(void *arg)
{
	static _Thread_local struct dp_rcache_copy a;
	uint32_t seed = (uint32_t)(uintptr_t)arg, puts = 0;

	pthread_barrier_wait(&all_are_there);
	for (uint32_t i = 0; readers_left > 0; i++) {
		uint32_t n = (i * 7 + seed + i / 5) % HOT_NAMES;
		struct dp_rcache_key k = key_of(&hot[n]);

		if (i % 5000 == 4999)
			dp_rcache_flush(shared, NULL, NULL);
		write_answer(&a, &hot[n], n, i, body_of(n, i), DP_RCACHE_BOTH);
		puts += dp_rcache_put(shared, &k, dp_rcache_hash(shared, &k), &a, NOW, 0);
	}
	thread_puts += puts;
	return NULL;
}

static void *read_all(void *arg)
{
	static _Thread_local struct dp_rcache_copy out;
	unsigned long hits = 0, wrong = 0;

	(void)arg;
	pthread_barrier_wait(&all_are_there);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t n = i % HOT_NAMES;
		struct dp_rcache_key k = key_of(&hot[n]);

		if (!dp_rcache_get(shared, &k, dp_rcache_hash(shared, &k), DP_RCACHE_PLAIN, &out))
			continue;
		hits++;
		wrong += !is_whole(&out, &hot[n], n, body_of(n, out.head.signed_until));
		dp_rcache_claim(shared, &out);
	}
	thread_hits += hits;
	thread_wrong += wrong;
	readers_left--;
	return NULL;
}

static void test_two_writers_two_readers(void)
{
	pthread_t thread[4];

	shared = make(1);
	readers_left = 2;
	for (uint32_t n = 0; n < HOT_NAMES; n++)
		hot[n] = name_of(n);
	CU_ASSERT_EQUAL_FATAL(pthread_barrier_init(&all_are_there, NULL, 4), 0);
	for (uintptr_t i = 0; i < 4; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&thread[i], NULL, i < 2 ? write_all : read_all,
					      (void *)(i * 31)),
			0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&all_are_there);
	printf("%lu hits, %lu puts, %lu contended ", thread_hits, thread_puts,
		stats_of(shared).contended);
	CU_ASSERT(thread_hits > ROUNDS / 100);
	CU_ASSERT(thread_puts > 0);
	CU_ASSERT_EQUAL(thread_wrong, 0);
	CU_ASSERT_EQUAL(stats_of(shared).entries, dp_rcache_flush(shared, NULL, NULL));
	CU_ASSERT_EQUAL(stats_of(shared).used, 0);
	dp_rcache_free(shared);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"put and get", test_put_and_get},
		{"the question is compared", test_question_is_compared},
		{"forms", test_forms},
		{"limits", test_limits},
		{"hits and claim", test_hits_and_claim},
		{"a scan", test_scan},
		{"ghosts", test_ghosts},
		{"the dead go first", test_dead_go_first},
		{"flush", test_flush},
		{"against a naive table", test_against_naive},
		{"two writers, two readers", test_two_writers_two_readers},
		CU_TEST_INFO_NULL,
	};

	return test_run("dataplane/rcache", tests);
}
