#include "dataplane/home.h"

#include <stddef.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_thash.h>

/*
 * Source ports whose replies come home.
 *
 * Promises: a port is a draw of the CSPRNG over the whole range, kept or thrown away. What it is
 * kept for is the Toeplitz hash of the reply under a key that is drawn at every start and told to
 * nobody but the NIC: which ports a worker keeps changes with the key and with the upstream's
 * address, and no packet shows it. Who does not know the key has every port to guess, with the same
 * chance for each; who knew it would still have one in `queues` of them: log2(queues) bits less. A
 * range sliced by worker has neither property, an attacker learns the slice from one port
 * (CVE-2026-50252). IDs are not touched.
 *
 * Draws are bounded (DP_TXN_HOME_DRAWS). A port that is kept though it leads elsewhere is claimed
 * as any other is, so its reply comes by the hand-over ring: prediction is only for speed, and what
 * it says may be wrong.
 *
 * The hash is linear over its input's bits: addresses and port 53 are hashed once a question, each
 * draw adds the hash of its own 16 bits.
 */

enum { DNS_PORT = 53, V4_WORDS = 3, V6_WORDS = 9 };

void dp_rss_key(struct dp_rss *rss, const uint8_t *key, unsigned len)
{
	memset(rss->key, 0, sizeof(rss->key));
	memcpy(rss->key, key, len);
	rte_convert_rss_key(rss->key, rss->key, (int)sizeof(rss->key));
}

static void put_addr(uint32_t *words, const struct route_addr *a)
{
	size_t n = route_addr_len(a) / 4;

	memcpy(words, a->octets, n * 4);
	for (size_t i = 0; i < n; i++)
		words[i] = rte_be_to_cpu_32(words[i]);
}

void dp_home_init(struct dp_home *h, const struct dp_rss *rss, uint16_t queue,
	const struct route_addr *from, const struct route_addr *to)
{
	uint32_t tuple[V6_WORDS];
	unsigned words = from->family == 6 ? V6_WORDS : V4_WORDS;

	h->rss = NULL;
	if (rss == NULL || !(from->family == 6 ? rss->v6 : rss->v4))
		return;
	put_addr(tuple, from);
	put_addr(tuple + words / 2, to);
	tuple[words - 1] = (uint32_t)DNS_PORT << 16;
	h->rss = rss;
	h->queue = queue;
	h->port_key = &rss->key[words - 1];
	h->hash = rte_softrss_be(tuple, words, (const uint8_t *)rss->key);
}

bool dp_home_lands(const struct dp_home *h, uint16_t port)
{
	uint32_t word = port, hash;

	if (h->rss == NULL)
		return true;
	hash = h->hash ^ rte_softrss_be(&word, 1, (const uint8_t *)h->port_key);
	return h->rss->reta[hash & (h->rss->reta_size - 1u)] == h->queue;
}
