#include "dataplane/failures.h"

#include <errno.h>
#include <string.h>

#include <rte_common.h>
#include <rte_malloc.h>

/*
 * Buckets of four, chosen by the question's keyed hash. An entry holds the hash and a copy of the
 * name, so that a collision of hashes cannot fail another name. The oldest of a full bucket gives
 * way.
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

struct dp_failures {
	uint32_t mask;
	struct entry entry[];
};

int dp_failures_new(uint32_t entries, int numa, struct dp_failures **out)
{
	uint32_t buckets = rte_align32pow2(RTE_MAX(entries, (uint32_t)WAYS) / WAYS);
	struct dp_failures *f = rte_zmalloc_socket("failures",
		sizeof(*f) + (size_t)buckets * WAYS * sizeof(struct entry), RTE_CACHE_LINE_SIZE,
		numa);

	if (f == NULL)
		return -ENOMEM;
	f->mask = buckets - 1;
	*out = f;
	return 0;
}

void dp_failures_free(struct dp_failures *f)
{
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
	e->q_hash = q_hash;
	e->table_number = table_number;
	e->until_ms = until_ms;
	e->qtype = qtype;
	e->ede = (int16_t)ede;
	e->qname = *qname;
}

bool dp_failures_get(const struct dp_failures *f, uint64_t q_hash, const struct dns_name *qname,
	uint16_t qtype, uint64_t table_number, uint64_t now_ms, int *ede)
{
	const struct entry *bucket = &f->entry[(q_hash & f->mask) * WAYS];

	for (unsigned i = 0; i < WAYS; i++) {
		const struct entry *e = &bucket[i];

		if (e->until_ms > now_ms && e->table_number == table_number &&
			same_question(e, q_hash, qname, qtype)) {
			*ede = e->ede;
			return true;
		}
	}
	return false;
}
