#pragma once

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/hash.h"
#include "validator/sig.h"

/**
 * The name of a verification: 128 bits of a keyed PRF over what goes into it. Why it may be
 * believed, and how it was chosen: the essay in sigid.c.
 */
struct val_sig_id {
	uint64_t w[2];
};

/** Ways to compute it. Ids of CLMUL and CLMUL_WIDE are the same, those of SIPHASH others. */
enum val_sig_prf {
	VAL_SIG_PRF_SIPHASH,    // SipHash-2-4: on any machine
	VAL_SIG_PRF_CLMUL,      // universal hash over GF(2^128), then AES: AES-NI, PCLMULQDQ, AVX
	VAL_SIG_PRF_CLMUL_WIDE, // the same, 256 bits at a time: also AVX2, VPCLMULQDQ
	VAL_SIG_PRFS
};

/** What the universal hash works on: a chunk of four words takes four words of key. */
enum {
	VAL_SIG_WORD = 16,
	VAL_SIG_CHUNK = 4 * VAL_SIG_WORD,
	VAL_SIG_CHUNKS_MAX = (VAL_SIGNED_DATA_MAX + VAL_SIG_CHUNK - 1) / VAL_SIG_CHUNK +
			     (VAL_SIG_MAX + VAL_SIG_CHUNK - 1) / VAL_SIG_CHUNK +
			     (VAL_KEY_MAX + VAL_SIG_CHUNK - 1) / VAL_SIG_CHUNK,
	VAL_SIG_AES_ROUNDS = 10,
};

/** The key, spread out. Zeroed memory is a key for tests: SipHash with a key of zeroes. */
struct val_sig_key {
	enum val_sig_prf prf;
	struct dns_hash_key secret;
	// these for CLMUL only
	alignas(VAL_SIG_WORD) uint8_t last[(VAL_SIG_AES_ROUNDS + 1) * VAL_SIG_WORD];
	uint8_t lengths[2 * VAL_SIG_WORD];
	uint8_t pad[VAL_SIG_CHUNKS_MAX * VAL_SIG_CHUNK];
};

/** Can this CPU compute it so? Any thread. */
bool val_sig_prf_supported(enum val_sig_prf prf);
/** The fastest that this CPU can. Any thread. */
enum val_sig_prf val_sig_prf_best(void);
/** For people: "SipHash-2-4" and the like. */
const char *val_sig_prf_name(enum val_sig_prf prf);

/**
 * Spread a key out.
 *
 * @param secret  from the system's CSPRNG, one for all who share a cache, drawn at every start
 * @param prf     one that is supported; the same for all who share a cache
 *
 * About 20 µs. Never changed afterwards: any thread may read it.
 */
void val_sig_key_init(
	struct val_sig_key *key, const struct dns_hash_key *secret, enum val_sig_prf prf);

/**
 * Name a verification by what goes into it.
 *
 * @param data    what val_signed_data() wrote; at most VAL_SIGNED_DATA_MAX octets
 * @param sig     the signature field of the RRSIG; at most VAL_SIG_MAX octets
 * @param dnskey  RDATA of the key; at most VAL_KEY_MAX octets
 *
 * O(octets). Any thread.
 */
void val_sig_id(const struct val_sig_key *key, const uint8_t *data, size_t data_len,
	const uint8_t *sig, size_t sig_len, const uint8_t *dnskey, size_t dnskey_len,
	struct val_sig_id *out);
