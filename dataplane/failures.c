#include "dataplane/failures.h"

#include <errno.h>
#include <string.h>

#include <rte_common.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>

/*
 * Buckets of four, chosen by the question's keyed hash. An entry holds the hash and a copy of the
 * name, so that a collision of hashes cannot fail another name. The oldest of a full bucket gives
 * way.
 *
 * Every query looks here and nearly none finds anything, so a look must not cost a line of memory
 * that is in no cache: sixteen bits of each entry's hash stand apart, 32 KB for 16,384 entries, and
 * an entry is read only when its own bits are the query's. Nothing is kept up to date when an
 * entry ends: the tag of one that is over costs a look at it.
 */

enum { WAYS = 4 };

struct entry {
	uint64_t q_hash;
	uint64_t table_number;
	uint64_t until_ms; // 0: empty
	uint16_t qtype;
	int16_t ede;
	struct dns_name qname;
};

struct tags {
	uint16_t of[WAYS];
};

struct dp_failures {
	uint32_t mask;
	struct tags *tags; // by bucket
	struct entry entry[];
};

static uint16_t tag(uint64_t q_hash)
{
	return (uint16_t)(q_hash >> 48); // the bucket is chosen by the lowest bits
}

int dp_failures_new(uint32_t entries, int numa, struct dp_failures **out)
{
	uint32_t buckets = rte_align32pow2(RTE_MAX(entries, (uint32_t)WAYS) / WAYS);
	struct dp_failures *f = rte_zmalloc_socket("failures",
		sizeof(*f) + (size_t)buckets * WAYS * sizeof(struct entry), RTE_CACHE_LINE_SIZE,
		numa);

	if (f == NULL)
		return -ENOMEM;
	f->tags = rte_zmalloc_socket(
		"failures", buckets * sizeof(struct tags), RTE_CACHE_LINE_SIZE, numa);
	if (f->tags == NULL) {
		rte_free(f);
		return -ENOMEM;
	}
	f->mask = buckets - 1;
	*out = f;
	return 0;
}

void dp_failures_free(struct dp_failures *f)
{
	if (f == NULL)
		return;
	rte_free(f->tags);
	rte_free(f);
}

static bool same_question(
	const struct entry *e, uint64_t q_hash, const struct dns_name *qname, uint16_t qtype)
{
	return e->q_hash == q_hash && e->qtype == qtype && e->qname.len == qname->len &&
	       memcmp(e->qname.octets, qname->octets, qname->len) == 0;
}

void dp_failures_put(struct dp_failures *f, uint64_t q_hash, const struct dns_name *qname,
	uint16_t qtype, uint64_t table_number, uint64_t until_ms, int ede)
{
	struct entry *bucket = &f->entry[(q_hash & f->mask) * WAYS];
	struct entry *e = bucket;

	for (unsigned i = 0; i < WAYS; i++) {
		if (same_question(&bucket[i], q_hash, qname, qtype)) {
			e = &bucket[i];
			break;
		}
		if (bucket[i].until_ms < e->until_ms)
			e = &bucket[i];
	}
	f->tags[q_hash & f->mask].of[e - bucket] = tag(q_hash);
	e->q_hash = q_hash;
	e->table_number = table_number;
	e->until_ms = until_ms;
	e->qtype = qtype;
	e->ede = (int16_t)ede;
	dns_name_copy(&e->qname, qname);
}

void dp_failures_prefetch(const struct dp_failures *f, uint64_t q_hash)
{
	rte_prefetch0(&f->tags[q_hash & f->mask]);
}

bool dp_failures_get(const struct dp_failures *f, uint64_t q_hash, const struct dns_name *qname,
	uint16_t qtype, uint64_t table_number, uint64_t now_ms, int *ede)
{
	const struct entry *bucket = &f->entry[(q_hash & f->mask) * WAYS];
	const struct tags *tags = &f->tags[q_hash & f->mask];

	for (unsigned i = 0; i < WAYS; i++) {
		const struct entry *e = &bucket[i];

		if (tags->of[i] != tag(q_hash))
			continue;
		if (e->until_ms > now_ms && e->table_number == table_number &&
			same_question(e, q_hash, qname, qtype)) {
			*ede = e->ede;
			return true;
		}
	}
	return false;
}
