#include <errno.h>
#include <string.h>

#include <CUnit/Basic.h>
#include <openssl/evp.h>

#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_pause.h>

#include "dataplane/crypto.h"
#include "tests/unit/dataplane/eal.h"
#include "tests/unit/run.h"

enum { JOBS = 16 };

static const uint8_t data[] = "signed data";
static uint8_t dnskey[4 + 32] = {1, 1, 3, 15}; // Ed25519: raw keys and signatures, RFC 8080
static uint8_t good_sig[64], bad_sig[64];
static struct val_sigcache *cache;

/* Before CUnit runs, so without its assertions. */
static bool make_key(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t key_len = 32, sig_len = sizeof(good_sig);
	bool made = EVP_PKEY_get_raw_public_key(key, dnskey + 4, &key_len) == 1 &&
		    EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
		    EVP_DigestSign(ctx, good_sig, &sig_len, data, sizeof(data)) == 1;

	memcpy(bad_sig, good_sig, sizeof(bad_sig));
	bad_sig[9] ^= 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return made;
}

static struct dp_crypto *start(unsigned workers, unsigned lcores)
{
	struct dp_crypto *c = NULL;

	CU_ASSERT_EQUAL_FATAL(val_sigcache_new(1024, -1, &cache), 0);
	CU_ASSERT_EQUAL_FATAL(dp_crypto_new(workers, lcores, JOBS, cache, -1, &c), 0);
	return c;
}

static void stop(struct dp_crypto *c)
{
	dp_crypto_free(c);
	val_sigcache_free(cache);
}

static struct dp_job *make_job(struct dp_crypto *c, unsigned worker, uint64_t serial, bool good)
{
	struct val_sig_id id = {{serial, ~serial}};
	struct val_want want = {
		.id = &id,
		.data = data,
		.data_len = sizeof(data),
		.sig = good ? good_sig : bad_sig,
		.sig_len = 64,
		.dnskey = dnskey,
		.dnskey_len = sizeof(dnskey),
		.inception = 1000,
		.expiration = 2000,
		.key_generation = 3,
		.index = 5,
	};
	struct dp_job *job = dp_crypto_job(c, worker);

	if (job == NULL)
		return NULL;
	CU_ASSERT_EQUAL_FATAL(dp_crypto_fill(job, &want), 0);
	job->txn = (uint32_t)serial;
	job->now = 1500;
	return job;
}

static void check_cache(uint64_t serial, bool good)
{
	struct val_sig_id id = {{serial, ~serial}};
	struct val_sig_times times = {0};

	CU_ASSERT_EQUAL(
		val_sigcache_get(cache, &id, 1500, &times), good ? VAL_SIG_GOOD : VAL_SIG_BAD);
	if (good)
		CU_ASSERT(times.inception == 1000 && times.expiration == 2000 &&
			  times.key_generation == 3);
}

static void test_inline(void)
{
	struct dp_crypto *c = start(1, 0);
	struct dp_job *jobs[4];

	for (unsigned i = 0; i < 2; i++) {
		bool good = i == 0;

		CU_ASSERT_EQUAL(dp_crypto_submit(c, 0, make_job(c, 0, 10 + i, good)), 0);
		CU_ASSERT_EQUAL_FATAL(dp_crypto_collect(c, 0, jobs, 4), 1);
		CU_ASSERT_EQUAL(jobs[0]->state, good ? VAL_SIG_GOOD : VAL_SIG_BAD);
		CU_ASSERT_EQUAL(jobs[0]->index, 5);
		CU_ASSERT_EQUAL(dp_crypto_out(c, 0), 1);
		dp_crypto_release(c, 0, jobs[0]);
		check_cache(10 + i, good);
	}
	CU_ASSERT_EQUAL(dp_crypto_out(c, 0), 0);
	stop(c);
}

static void test_jobs_are_bounded(void)
{
	struct dp_crypto *c = start(1, 1);
	struct dp_job *job[JOBS];

	for (unsigned i = 0; i < JOBS; i++) {
		job[i] = make_job(c, 0, i, true);
		CU_ASSERT_PTR_NOT_NULL_FATAL(job[i]);
		CU_ASSERT_EQUAL(
			dp_crypto_submit(c, 0, job[i]), 0); // nobody serves the ring: it takes all
	}
	CU_ASSERT_PTR_NULL(dp_crypto_job(c, 0));
	CU_ASSERT_EQUAL(dp_crypto_out(c, 0), JOBS);
	stop(c);
}

static void test_limits(void)
{
	struct dp_crypto *c = start(1, 0);
	struct dp_job *job = dp_crypto_job(c, 0);
	static uint8_t big[VAL_SIGNED_DATA_MAX + 1];
	struct val_sig_id id = {{0, 0}};
	struct {
		const char *name;
		uint16_t data_len, sig_len, dnskey_len;
		int expect;
	} rows[] = {
		{"all at the limit", VAL_SIGNED_DATA_MAX, VAL_SIG_MAX, VAL_KEY_MAX, 0},
		{"data", VAL_SIGNED_DATA_MAX + 1, 1, 1, -E2BIG},
		{"signature", 1, VAL_SIG_MAX + 1, 1, -E2BIG},
		{"key", 1, 1, VAL_KEY_MAX + 1, -E2BIG},
	};

	for (unsigned i = 0; i < 4; i++) {
		struct val_want want = {.id = &id,
			.data = big,
			.sig = big,
			.dnskey = big,
			.data_len = rows[i].data_len,
			.sig_len = rows[i].sig_len,
			.dnskey_len = rows[i].dnskey_len};

		CU_ASSERT_EQUAL(dp_crypto_fill(job, &want), rows[i].expect);
	}
	stop(c);
}

/* Two workers' jobs over one crypto lcore: each comes home to its worker, with the right outcome.
 */
static void test_lcore(void)
{
	struct dp_crypto *c = start(2, 1);
	struct dp_crypto_arg arg = {.c = c};
	unsigned lcore = rte_get_next_lcore(-1, 1, 0);
	unsigned sent[2] = {0}, back[2] = {0};

	CU_ASSERT_EQUAL_FATAL(rte_eal_remote_launch(dp_crypto_main, &arg, lcore), 0);
	while (back[0] + back[1] < 200) {
		for (unsigned w = 0; w < 2; w++) {
			struct dp_job *jobs[8], *job;
			unsigned n;

			job = sent[w] < 100 ? make_job(c, w, 2 * sent[w] + w, sent[w] % 3 != 0)
					    : NULL;
			if (job != NULL) {
				CU_ASSERT_EQUAL_FATAL(dp_crypto_submit(c, w, job), 0);
				sent[w]++;
			}
			n = dp_crypto_collect(c, w, jobs, 8);
			for (unsigned i = 0; i < n; i++) {
				unsigned serial = jobs[i]->txn;

				CU_ASSERT_EQUAL(serial % 2, w);
				CU_ASSERT_EQUAL(jobs[i]->state,
					serial / 2 % 3 != 0 ? VAL_SIG_GOOD : VAL_SIG_BAD);
				dp_crypto_release(c, w, jobs[i]);
			}
			back[w] += n;
		}
		rte_pause();
	}
	CU_ASSERT_EQUAL(dp_crypto_out(c, 0) + dp_crypto_out(c, 1), 0);
	dp_crypto_stop(c);
	rte_eal_wait_lcore(lcore);
	stop(c);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"inline without a crypto lcore", test_inline},
		{"jobs are bounded", test_jobs_are_bounded},
		{"limits at n and n + 1", test_limits},
		{"two workers over one lcore", test_lcore},
		CU_TEST_INFO_NULL,
	};

	test_eal_start("test_crypto");
	if (!make_key())
		return 99;
	return test_run("dataplane/crypto", tests);
}
