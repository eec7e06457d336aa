#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/idle.h"
#include "validator/response.h"
#include "validator/sigcache.h"

/**
 * Verification away from the workers: per (worker, crypto lcore) one bounded SPSC ring there and
 * one back. A worker takes a job from its own free list, fills it, submits it, collects it later
 * and gives it back; it never waits. A full ring is the caller's to count: try again next burst or
 * fail closed.
 */

struct dp_job {
	// who asked
	uint32_t txn, generation;
	uint8_t index; // in the transaction's val_checks
	uint32_t now;  // seconds since the epoch, modulo 2^32: from when a failure is remembered
	// whose account a failure goes to
	uint64_t zone; // hash of the signer
	uint16_t path;
	// outcome, set by dp_crypto
	enum val_sig_state state; // GOOD or BAD
	// what to verify
	struct val_sig_id id;
	struct val_sig_times times;
	uint16_t data_len, sig_len, dnskey_len;
	uint8_t dnskey[VAL_KEY_MAX];
	uint8_t sig[VAL_SIG_MAX];
	uint8_t data[VAL_SIGNED_DATA_MAX];
};

struct dp_crypto;

/**
 * @param lcores    crypto lcores; 0: dp_crypto_submit() verifies at once, the job is ready to be
 * collected
 * @param per_worker jobs, power of two
 * @retval 0, -ENOMEM, -EINVAL
 */
int dp_crypto_new(unsigned workers, unsigned lcores, unsigned per_worker,
	struct val_sigcache *cache, int numa, struct dp_crypto **out);
void dp_crypto_free(struct dp_crypto *c);

/** Body of crypto lcore `lcore` (0..lcores-1): runs until dp_crypto_stop(). Suits
 * rte_eal_remote_launch() with the arg struct, which is its own. */
struct dp_crypto_arg {
	struct dp_crypto *c;
	unsigned lcore;
	struct dp_idle idle; // dp_idle_init()ed
	// written by the lcore, read by whoever shows numbers
	_Atomic uint64_t busy_cycles;
};
int dp_crypto_main(void *arg);
void dp_crypto_stop(struct dp_crypto *c);

/** A free job of this worker, or NULL. */
struct dp_job *dp_crypto_job(struct dp_crypto *c, unsigned worker);
/** Copy what val_response_judge() wants into a job; txn, generation and now are the caller's.
 * @retval 0, -E2BIG */
int dp_crypto_fill(struct dp_job *job, const struct val_want *want);
/** @retval 0; -ENOBUFS: every ring of this worker is full, the job is still the caller's */
int dp_crypto_submit(struct dp_crypto *c, unsigned worker, struct dp_job *job);
/** Finished jobs; the outcome is in the signature-validity cache too. */
unsigned dp_crypto_collect(
	struct dp_crypto *c, unsigned worker, struct dp_job **jobs, unsigned max);
void dp_crypto_release(struct dp_crypto *c, unsigned worker, struct dp_job *job);
/** Jobs out of the worker's free list: 0 after a drain. */
unsigned dp_crypto_out(const struct dp_crypto *c, unsigned worker);
