#include "dataplane/crypto.h"

#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_pause.h>

#include "dataplane/ring.h"

/*
 * Ownership of a job: the worker's free list → the worker → a "there" ring →
 * a crypto lcore → the same worker's "back" ring → the worker. Only pointers move. Every
 * ring holds all jobs of its worker, so the way back is never full, and a job can always come
 * home.
 */

enum { CRYPTO_BURST = 8, CRYPTO_MAX = 16, WORKERS_MAX = 64 };

struct lane {
	struct rte_ring *there, *back; // one producer, one consumer each
};

struct owner {
	// this worker's only
	alignas(RTE_CACHE_LINE_SIZE) unsigned free_count;
	unsigned next_lcore;
	struct dp_job **free;
	struct dp_job *jobs;
	struct val_verifier *verifier; // inline verification, when there is no crypto lcore
	struct lane lane[CRYPTO_MAX];
};

struct dp_crypto {
	unsigned workers, lcores, per_worker;
	struct val_sigcache *cache;
	struct val_verifier *verifier[CRYPTO_MAX]; // each used by its lcore only
	alignas(RTE_CACHE_LINE_SIZE) atomic_bool stop;
	struct owner owner[WORKERS_MAX];
};

static int owner_init(struct dp_crypto *c, unsigned w, int numa)
{
	struct owner *o = &c->owner[w];
	unsigned lanes = RTE_MAX(c->lcores, 1u);
	const unsigned flags = RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ;

	o->jobs = rte_zmalloc_socket(
		"crypto", c->per_worker * sizeof(*o->jobs), RTE_CACHE_LINE_SIZE, numa);
	o->free = rte_zmalloc_socket("crypto", c->per_worker * sizeof(*o->free), 0, numa);
	if (o->jobs == NULL || o->free == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < c->per_worker; i++)
		o->free[i] = &o->jobs[i];
	o->free_count = c->per_worker;
	for (unsigned l = 0; l < lanes; l++) {
		o->lane[l].there = dp_ring_new("crypto_there", c->per_worker, numa, flags);
		o->lane[l].back = dp_ring_new("crypto_back", c->per_worker, numa, flags);
		if (o->lane[l].there == NULL || o->lane[l].back == NULL)
			return -ENOMEM;
	}
	return c->lcores == 0 ? val_verifier_new(&o->verifier) : 0;
}

int dp_crypto_new(unsigned workers, unsigned lcores, unsigned per_worker,
	struct val_sigcache *cache, int numa, struct dp_crypto **out)
{
	struct dp_crypto *c;
	int err = 0;

	if (workers == 0 || workers > WORKERS_MAX || lcores > CRYPTO_MAX ||
		!rte_is_power_of_2(per_worker))
		return -EINVAL;
	c = rte_zmalloc_socket("crypto", sizeof(*c), RTE_CACHE_LINE_SIZE, numa);
	if (c == NULL)
		return -ENOMEM;
	c->workers = workers;
	c->lcores = lcores;
	c->per_worker = per_worker;
	c->cache = cache;
	for (unsigned l = 0; l < lcores && err == 0; l++)
		err = val_verifier_new(&c->verifier[l]);
	for (unsigned w = 0; w < workers && err == 0; w++)
		err = owner_init(c, w, numa);
	if (err != 0) {
		dp_crypto_free(c);
		return err;
	}
	*out = c;
	return 0;
}

void dp_crypto_free(struct dp_crypto *c)
{
	if (c == NULL)
		return;
	for (unsigned w = 0; w < c->workers; w++) {
		struct owner *o = &c->owner[w];

		for (unsigned l = 0; l < CRYPTO_MAX; l++) {
			rte_ring_free(o->lane[l].there);
			rte_ring_free(o->lane[l].back);
		}
		if (o->verifier != NULL)
			val_verifier_free(o->verifier);
		rte_free(o->free);
		rte_free(o->jobs);
	}
	for (unsigned l = 0; l < c->lcores; l++)
		if (c->verifier[l] != NULL)
			val_verifier_free(c->verifier[l]);
	rte_free(c);
}

struct dp_job *dp_crypto_job(struct dp_crypto *c, unsigned worker)
{
	struct owner *o = &c->owner[worker];

	return o->free_count > 0 ? o->free[--o->free_count] : NULL;
}

void dp_crypto_release(struct dp_crypto *c, unsigned worker, struct dp_job *job)
{
	struct owner *o = &c->owner[worker];

	o->free[o->free_count++] = job;
}

unsigned dp_crypto_out(const struct dp_crypto *c, unsigned worker)
{
	return c->per_worker - c->owner[worker].free_count;
}

int dp_crypto_fill(struct dp_job *job, const struct val_want *want)
{
	if (want->data_len > sizeof(job->data) || want->sig_len > sizeof(job->sig) ||
		want->dnskey_len > sizeof(job->dnskey))
		return -E2BIG;
	job->id = *want->id;
	job->times = (struct val_sig_times){
		.inception = want->inception,
		.expiration = want->expiration,
		.key_generation = want->key_generation,
	};
	job->index = want->index;
	job->state = VAL_SIG_UNKNOWN;
	job->data_len = want->data_len;
	job->sig_len = want->sig_len;
	job->dnskey_len = want->dnskey_len;
	memcpy(job->data, want->data, want->data_len);
	memcpy(job->sig, want->sig, want->sig_len);
	memcpy(job->dnskey, want->dnskey, want->dnskey_len);
	return 0;
}

static void verify(struct dp_crypto *c, struct val_verifier *v, struct dp_job *job)
{
	int good = val_verify(
		v, job->dnskey, job->dnskey_len, job->data, job->data_len, job->sig, job->sig_len);

	// An algorithm that we lost on the way (-ENOTSUP) is a failure too: fail closed.
	job->state = good == 1 ? VAL_SIG_GOOD : VAL_SIG_BAD;
	if (job->state == VAL_SIG_GOOD)
		val_sigcache_put(c->cache, &job->id, &job->times);
	else
		val_sigcache_put_bad(c->cache, &job->id, job->now);
}

int dp_crypto_submit(struct dp_crypto *c, unsigned worker, struct dp_job *job)
{
	struct owner *o = &c->owner[worker];

	if (c->lcores == 0) {
		verify(c, o->verifier, job);
		return rte_ring_sp_enqueue(o->lane[0].back, job) == 0 ? 0 : -ENOBUFS;
	}
	for (unsigned n = 0; n < c->lcores; n++) {
		unsigned l = o->next_lcore++ % c->lcores;

		if (rte_ring_sp_enqueue(o->lane[l].there, job) == 0)
			return 0;
	}
	return -ENOBUFS;
}

unsigned dp_crypto_collect(struct dp_crypto *c, unsigned worker, struct dp_job **jobs, unsigned max)
{
	struct owner *o = &c->owner[worker];
	unsigned lanes = RTE_MAX(c->lcores, 1u);
	unsigned n = 0;

	for (unsigned l = 0; l < lanes && n < max; l++)
		n += rte_ring_sc_dequeue_burst(o->lane[l].back, (void **)jobs + n, max - n, NULL);
	return n;
}

static unsigned serve(struct dp_crypto *c, unsigned lcore)
{
	unsigned served = 0;

	for (unsigned w = 0; w < c->workers; w++) {
		struct lane *lane = &c->owner[w].lane[lcore];
		struct dp_job *jobs[CRYPTO_BURST];
		unsigned n =
			rte_ring_sc_dequeue_burst(lane->there, (void **)jobs, CRYPTO_BURST, NULL);

		for (unsigned i = 0; i < n; i++) {
			verify(c, c->verifier[lcore], jobs[i]);
			rte_ring_sp_enqueue(lane->back, jobs[i]); // holds every job: cannot be full
		}
		served += n;
	}
	return served;
}

int dp_crypto_main(void *arg)
{
	struct dp_crypto_arg *a = arg;

	dp_idle_begin(&a->idle);
	while (!atomic_load_explicit(&a->c->stop, memory_order_relaxed)) {
		uint64_t start = rte_rdtsc();
		unsigned served = serve(a->c, a->lcore);
		uint64_t end = rte_rdtsc();

		if (served > 0)
			atomic_store_explicit(&a->busy_cycles,
				atomic_load_explicit(&a->busy_cycles, memory_order_relaxed) + end -
					start,
				memory_order_relaxed);
		else if (a->idle.way == DP_IDLE_SPIN)
			rte_pause();
		dp_idle_turn(&a->idle, served, end);
	}
	return 0;
}

void dp_crypto_stop(struct dp_crypto *c)
{
	atomic_store_explicit(&c->stop, true, memory_order_relaxed);
}
