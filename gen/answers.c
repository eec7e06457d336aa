#include "gen/answers.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/hash.h"
#include "dns/msg.h"

/*
 * A hash table with open addressing over answers that lie one after the other. Built once, then
 * only read, by any thread. The hash's upper half is kept beside the index, so that a look-up
 * touches a message only when it is the right one.
 */

enum { MESSAGE_MAX = 4096, LINE_MAX_OCTETS = 2 * MESSAGE_MAX + 8, ANSWERS_MAX = 1 << 26 };

struct slot {
	uint32_t tag;
	uint32_t index; // + 1; 0: free
};

struct entry {
	struct gen_answer answer;
	uint8_t name_len;
	bool do_bit;
	uint16_t type;
};

struct gen_answers {
	uint32_t count, room;
	struct entry *entry;
	uint32_t mask;
	struct slot *slot;
};

// Names come from our own list: a key that stands in the source is as good as another.
static const struct dns_hash_key hash_key = {0x676e6172656e6567, 0x73726577736e6120};

static uint64_t hash_of(const uint8_t *name, size_t len, uint16_t type, bool do_bit)
{
	return dns_hash64(&hash_key, name, len) ^
	       ((uint64_t)type << 1 | do_bit) * 0x9e3779b97f4a7c15;
}

static bool same(const struct entry *e, const uint8_t *name, size_t len, uint16_t type, bool do_bit)
{
	return e->name_len == len && e->type == type && e->do_bit == do_bit &&
	       memcmp(e->answer.dns + DNS_HEADER_LEN, name, len) == 0;
}

/* The slot of a key: taken by it, or free. The table is never full. */
static struct slot *slot_of(const struct gen_answers *a, uint64_t hash, const uint8_t *name,
	size_t len, uint16_t type, bool do_bit)
{
	uint32_t tag = (uint32_t)(hash >> 32);

	for (uint32_t i = (uint32_t)hash & a->mask;; i = (i + 1) & a->mask) {
		struct slot *s = &a->slot[i];

		if (s->index == 0 ||
			(s->tag == tag && same(&a->entry[s->index - 1], name, len, type, do_bit)))
			return s;
	}
}

/* ---- reading ---- */

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* @return octets; -EINVAL */
static int from_hex(const char *text, uint8_t *out)
{
	int n = 0;

	for (; nibble(text[0]) >= 0 && nibble(text[1]) >= 0 && n < MESSAGE_MAX; text += 2)
		out[n++] = (uint8_t)(nibble(text[0]) << 4 | nibble(text[1]));
	return text[strspn(text, " \t\r\n")] == '\0' ? n : -EINVAL;
}

static int grow(struct gen_answers *a)
{
	uint32_t room = a->room != 0 ? 2 * a->room : 1024;
	struct entry *entry;

	if (a->count < a->room)
		return 0;
	entry = room <= ANSWERS_MAX ? realloc(a->entry, room * sizeof(*entry)) : NULL;
	if (entry == NULL)
		return -ENOMEM;
	a->entry = entry;
	a->room = room;
	return 0;
}

int gen_answers_new(struct gen_answers **out)
{
	struct gen_answers *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return -ENOMEM;
	*out = a;
	return 0;
}

/* Kept with ID 0 and a question in lower case. */
int gen_answers_add(struct gen_answers *a, const uint8_t *dns, size_t len)
{
	static struct dns_msg msg;
	uint8_t *copy;
	struct entry *e;

	if (dns_msg_parse(&msg, dns, len) != 0 || msg.qd_count != 1 ||
		(msg.flags & DNS_FLAG_QR) == 0)
		return -EINVAL;
	copy = malloc(len);
	if (copy == NULL || grow(a) != 0) {
		free(copy);
		return -ENOMEM;
	}
	memcpy(copy, dns, len);
	dns_put16(copy, 0);
	dns_name_lower(copy + DNS_HEADER_LEN, msg.qname.len);
	e = &a->entry[a->count++];
	*e = (struct entry){
		.answer = {copy, (uint16_t)len},
		.name_len = msg.qname.len,
		.do_bit = msg.edns.present && msg.edns.do_bit,
		.type = msg.qtype,
	};
	return 0;
}

static int read_lines(FILE *file, struct gen_answers *a, const char *path, char err[GEN_ERR_MAX])
{
	static char line[LINE_MAX_OCTETS];
	uint8_t dns[MESSAGE_MAX];
	int rc = 0;

	for (unsigned n = 1; rc == 0 && fgets(line, sizeof(line), file) != NULL; n++) {
		int len = from_hex(line, dns);

		if (len == 0)
			continue;
		rc = len < 0 ? len : gen_answers_add(a, dns, (size_t)len);
		if (rc == -EINVAL)
			snprintf(err, GEN_ERR_MAX,
				"%.120s:%u: no DNS response of at most %u octets in hexadecimal",
				path, n, (unsigned)MESSAGE_MAX);
		else if (rc != 0)
			snprintf(err, GEN_ERR_MAX, "%.120s: too large for the memory there is",
				path);
	}
	return rc;
}

int gen_answers_index(struct gen_answers *a)
{
	uint32_t slots = 64;

	while (slots < 2 * a->count)
		slots *= 2;
	a->slot = calloc(slots, sizeof(*a->slot));
	if (a->slot == NULL)
		return -ENOMEM;
	a->mask = slots - 1;
	for (uint32_t i = 0; i < a->count; i++) {
		const struct entry *e = &a->entry[i];
		const uint8_t *name = e->answer.dns + DNS_HEADER_LEN;
		uint64_t hash = hash_of(name, e->name_len, e->type, e->do_bit);
		struct slot *s = slot_of(a, hash, name, e->name_len, e->type, e->do_bit);

		*s = (struct slot){(uint32_t)(hash >> 32), i + 1};
	}
	return 0;
}

int gen_answers_load(const char *path, struct gen_answers **out, char err[GEN_ERR_MAX])
{
	struct gen_answers *a = NULL;
	int rc = gen_answers_new(&a);
	FILE *file = fopen(path, "re");

	if (file == NULL)
		rc = -errno;
	snprintf(err, GEN_ERR_MAX, "%.160s: %s", path, strerror(-rc));
	if (rc == 0)
		rc = read_lines(file, a, path, err);
	if (rc == 0)
		rc = gen_answers_index(a);
	if (file != NULL)
		fclose(file);
	if (rc != 0)
		gen_answers_free(a);
	else
		*out = a;
	return rc;
}

void gen_answers_free(struct gen_answers *a)
{
	if (a == NULL)
		return;
	for (uint32_t i = 0; i < a->count; i++)
		free((void *)(uintptr_t)a->entry[i].answer.dns);
	free(a->entry);
	free(a->slot);
	free(a);
}

uint32_t gen_answers_count(const struct gen_answers *a)
{
	return a->count;
}

const struct gen_answer *gen_answers_find(
	const struct gen_answers *a, const uint8_t *name, size_t len, uint16_t type, bool do_bit)
{
	const struct slot *s;

	if (a == NULL)
		return NULL;
	s = slot_of(a, hash_of(name, len, type, do_bit), name, len, type, do_bit);
	return s->index != 0 ? &a->entry[s->index - 1].answer : NULL;
}

/* ---- answers nobody recorded ---- */

size_t gen_answers_make(
	const uint8_t *query, size_t len, bool edns, uint16_t type, uint8_t *out, size_t room)
{
	// a pointer to the question's name, type, class IN, a TTL of 300 s, RDATA
	static const uint8_t a[] = {
		0xc0, DNS_HEADER_LEN, 0, DNS_TYPE_A, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 80};
	static const uint8_t aaaa[] = {0xc0, DNS_HEADER_LEN, 0, DNS_TYPE_AAAA, 0, 1, 0, 0, 1, 44, 0,
		16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80};
	static const uint8_t opt[] = {0, 0, DNS_TYPE_OPT, 1232 >> 8, 1232 & 0xff, 0, 0, 0, 0, 0, 0};
	uint8_t *pos = out + len;
	uint16_t flags;

	assert(len >= DNS_HEADER_LEN && room >= len + sizeof(aaaa) + sizeof(opt));
	(void)room;
	flags = (uint16_t)(dns_get16(query + DNS_OFF_FLAGS) & DNS_FLAG_RD);
	memcpy(out, query, len);
	memset(out, 0, DNS_HEADER_LEN);
	dns_put16(out + DNS_OFF_FLAGS, (uint16_t)(DNS_FLAG_QR | DNS_FLAG_AA | flags));
	dns_put16(out + DNS_OFF_QDCOUNT, 1);
	if (type == DNS_TYPE_A || type == DNS_TYPE_AAAA) {
		size_t n = type == DNS_TYPE_A ? sizeof(a) : sizeof(aaaa);

		memcpy(pos, type == DNS_TYPE_A ? a : aaaa, n);
		pos += n;
		dns_put16(out + DNS_OFF_ANCOUNT, 1);
	}
	if (edns) {
		memcpy(pos, opt, sizeof(opt));
		pos += sizeof(opt);
		dns_put16(out + DNS_OFF_ARCOUNT, 1);
	}
	return (size_t)(pos - out);
}
