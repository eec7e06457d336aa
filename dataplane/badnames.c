#include "dataplane/badnames.h"

#include <stdbool.h>
#include <string.h>

/*
 * Each slot is a seqlock of its own: `turn` is odd while words are being written and grows by two a
 * write. The words are atomic, so that a reader which meets the writer reads nonsense, not
 * undefined behaviour. It then throws the nonsense away: a word of the new write is stored with
 * release after the odd turn and loaded with acquire before the turn is looked at again, so whoever
 * has seen such a word sees another turn.
 *
 * Word 0: path, qtype, outcome and the name's length, 16 bits each; the others: the name.
 */

static uint64_t pack(uint16_t path, uint16_t qtype, enum route_outcome outcome, uint8_t len)
{
	return (uint64_t)path << 48 | (uint64_t)qtype << 32 | (uint64_t)outcome << 16 | len;
}

void dp_badnames_note(struct dp_badnames *b, uint64_t now_ms, uint16_t path,
	enum route_outcome outcome, const struct dns_name *name, uint16_t qtype)
{
	uint64_t words[DP_BADNAME_WORDS] = {0};

	if (now_ms == b->last_ms)
		return;
	b->last_ms = now_ms;
	words[0] = pack(path, qtype, outcome, name->len);
	memcpy(&words[1], name->octets, name->len);
	uint32_t at = b->next++ % DP_BADNAMES;
	uint32_t turn = atomic_load_explicit(&b->slot[at].turn, memory_order_relaxed);
	atomic_store_explicit(&b->slot[at].turn, turn + 1, memory_order_relaxed);
	for (unsigned i = 0; i < DP_BADNAME_WORDS; i++)
		atomic_store_explicit(&b->slot[at].word[i], words[i], memory_order_release);
	atomic_store_explicit(&b->slot[at].turn, turn + 2, memory_order_release);
}

/** @return false: empty, or being written */
static bool read_slot(const struct dp_badnames *b, unsigned at, struct dp_badname *out)
{
	uint64_t words[DP_BADNAME_WORDS];
	uint32_t turn = atomic_load_explicit(&b->slot[at].turn, memory_order_acquire);

	if (turn == 0 || turn % 2 != 0)
		return false;
	for (unsigned i = 0; i < DP_BADNAME_WORDS; i++)
		words[i] = atomic_load_explicit(&b->slot[at].word[i], memory_order_acquire);
	if (atomic_load_explicit(&b->slot[at].turn, memory_order_relaxed) != turn)
		return false;
	const uint8_t *octets = (const uint8_t *)&words[1];
	out->path = (uint16_t)(words[0] >> 48);
	out->qtype = (uint16_t)(words[0] >> 32);
	out->outcome = (enum route_outcome)(uint16_t)(words[0] >> 16);
	return dns_name_from_wire(octets, octets + (uint8_t)words[0], &out->name) > 0;
}

static bool is_known(const struct dp_badname *list, size_t count, const struct dp_badname *one)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].qtype == one->qtype &&
			dns_name_equal(list[i].name.octets, one->name.octets))
			return true;
	return false;
}

size_t dp_badnames_read(
	const struct dp_badnames *b, uint16_t path, struct dp_badname *out, size_t max)
{
	struct dp_badname one;
	size_t n = 0;

	for (unsigned i = 0; i < DP_BADNAMES && n < max; i++)
		if (read_slot(b, i, &one) && one.path == path && !is_known(out, n, &one))
			out[n++] = one;
	return n;
}
