#pragma once

/** Parts of bench_sigcache. Each ends the program with a sentence when it cannot measure. */

/**
 * Our verifications against those of the program `openssl speed`, as a rate.
 * @param verify  does one; i counts them
 */
void bench_against_openssl_speed(void (*verify)(unsigned i));

/** Our look-ups against rte_hash's, same keys. Starts EAL. */
void bench_against_rte_hash(void);
