#include "gen/questions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dns/name.h"

/* Names lie one after the other in `octets`: LENGTH, the name, TYPE; `at` says where each is. */

enum { RECORD_MAX = 1 + DNS_NAME_MAX + 2, LINE_MAX_OCTETS = 2048, QUESTIONS_MAX = 1 << 26 };

struct gen_questions {
	uint32_t count, room;
	uint32_t *at;
	size_t used, size;
	uint8_t *octets;
};

static const struct {
	const char *text;
	uint16_t type;
} types[] = {
	{"A", DNS_TYPE_A},
	{"AAAA", DNS_TYPE_AAAA},
	{"CAA", 257},
	{"CNAME", DNS_TYPE_CNAME},
	{"DNSKEY", DNS_TYPE_DNSKEY},
	{"DS", DNS_TYPE_DS},
	{"HTTPS", DNS_TYPE_HTTPS},
	{"MX", DNS_TYPE_MX},
	{"NAPTR", DNS_TYPE_NAPTR},
	{"NS", DNS_TYPE_NS},
	{"NSEC", DNS_TYPE_NSEC},
	{"NSEC3PARAM", DNS_TYPE_NSEC3PARAM},
	{"PTR", DNS_TYPE_PTR},
	{"SOA", DNS_TYPE_SOA},
	{"SRV", DNS_TYPE_SRV},
	{"SVCB", DNS_TYPE_SVCB},
	{"TLSA", 52},
	{"TXT", DNS_TYPE_TXT},
};

/* @retval 0, -EINVAL */
static int type_from_text(const char *text, uint16_t *out)
{
	char *end;
	unsigned long n;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcasecmp(text, types[i].text) == 0) {
			*out = types[i].type;
			return 0;
		}
	}
	if (strncasecmp(text, "TYPE", 4) != 0 || text[4] < '0' || text[4] > '9')
		return -EINVAL;
	n = strtoul(text + 4, &end, 10);
	if (*end != '\0' || n > UINT16_MAX)
		return -EINVAL;
	*out = (uint16_t)n;
	return 0;
}

static int grow(struct gen_questions *q)
{
	if (q->count == q->room) {
		uint32_t room = q->room != 0 ? 2 * q->room : 1024;
		uint32_t *at = room <= QUESTIONS_MAX ? realloc(q->at, room * sizeof(*at)) : NULL;

		if (at == NULL)
			return -ENOMEM;
		q->at = at;
		q->room = room;
	}
	if (q->size - q->used < RECORD_MAX) {
		size_t size = q->size != 0 ? 2 * q->size : 65536;
		uint8_t *octets = size <= UINT32_MAX ? realloc(q->octets, size) : NULL;

		if (octets == NULL)
			return -ENOMEM;
		q->octets = octets;
		q->size = size;
	}
	return 0;
}

static int add(struct gen_questions *q, const struct dns_name *name, uint16_t type)
{
	int err = grow(q);
	uint8_t *pos;

	if (err != 0)
		return err;
	q->at[q->count++] = (uint32_t)q->used;
	pos = q->octets + q->used;
	*pos++ = name->len;
	memcpy(pos, name->octets, name->len);
	dns_put16(pos + name->len, type);
	q->used += 1u + name->len + 2u;
	return 0;
}

/* @retval 0 also for a line that says nothing */
static int add_line(struct gen_questions *q, char *line, char err[GEN_ERR_MAX])
{
	char *save, *text = strtok_r(line, " \t\r\n", &save);
	char *type_text = text != NULL ? strtok_r(NULL, " \t\r\n", &save) : NULL;
	uint16_t type = DNS_TYPE_A;
	struct dns_name name;

	if (text == NULL || text[0] == '#' || text[0] == ';')
		return 0;
	if (dns_name_from_text(text, &name) != 0) {
		snprintf(err, GEN_ERR_MAX, "no domain name: \"%.64s\"", text);
		return -EINVAL;
	}
	if (type_text != NULL && type_from_text(type_text, &type) != 0) {
		snprintf(err, GEN_ERR_MAX, "no type: \"%.64s\"", type_text);
		return -EINVAL;
	}
	if (add(q, &name, type) != 0) {
		snprintf(err, GEN_ERR_MAX, "too many names for the memory there is");
		return -ENOMEM;
	}
	return 0;
}

static int read_lines(FILE *file, struct gen_questions *q, const char *path, char err[GEN_ERR_MAX])
{
	char line[LINE_MAX_OCTETS], why[GEN_ERR_MAX] = "";
	int rc = 0;

	for (unsigned n = 1; rc == 0 && fgets(line, sizeof(line), file) != NULL; n++) {
		if (strchr(line, '\n') == NULL && !feof(file)) {
			snprintf(why, sizeof(why), "the line is too long, or holds a NUL octet");
			rc = -EINVAL;
		} else {
			rc = add_line(q, line, why);
		}
		if (rc != 0)
			snprintf(err, GEN_ERR_MAX, "%.120s:%u: %.100s", path, n, why);
	}
	if (rc == 0 && q->count == 0) {
		snprintf(err, GEN_ERR_MAX, "%.200s: no question in it", path);
		rc = -EINVAL;
	}
	return rc;
}

int gen_questions_load(const char *path, struct gen_questions **out, char err[GEN_ERR_MAX])
{
	struct gen_questions *q = calloc(1, sizeof(*q));
	FILE *file = fopen(path, "re");
	int rc = q == NULL ? -ENOMEM : file == NULL ? -errno : 0;

	if (rc == 0)
		rc = read_lines(file, q, path, err);
	else
		snprintf(err, GEN_ERR_MAX, "%.160s: %s", path, strerror(-rc));
	if (file != NULL)
		fclose(file);
	if (rc != 0)
		gen_questions_free(q);
	else
		*out = q;
	return rc;
}

/* letter: names of different kinds are different names */
static int add_made(struct gen_questions *q, char letter, uint32_t i, const char *suffix)
{
	char text[DNS_NAME_TEXT_MAX];
	struct dns_name name;
	int err;

	snprintf(text, sizeof(text), "%c%07u.%.240s", letter, i, suffix);
	err = dns_name_from_text(text, &name);
	return err != 0 ? err : add(q, &name, DNS_TYPE_A);
}

int gen_questions_mix(uint32_t warm, uint32_t cold, uint32_t every, const char *suffix,
	struct gen_questions **out, char err[GEN_ERR_MAX])
{
	struct gen_questions *q = calloc(1, sizeof(*q));
	uint64_t total = cold == 0 ? warm : (uint64_t)cold * every;
	int rc = q == NULL ? -ENOMEM : warm == 0 || (cold > 0 && every < 2) ? -EINVAL : 0;

	for (uint64_t i = 0, w = 0, c = 0; i < total && rc == 0; i++) {
		if (cold > 0 && i % every == every - 1)
			rc = add_made(q, 'c', (uint32_t)c++, suffix);
		else
			rc = add_made(q, 'q', (uint32_t)(w++ % warm), suffix);
	}
	if (rc != 0) {
		snprintf(err, GEN_ERR_MAX, "%u names under \"%.64s\": %s", warm, suffix,
			strerror(-rc));
		gen_questions_free(q);
		return rc;
	}
	*out = q;
	return 0;
}

int gen_questions_make(
	uint32_t n, const char *suffix, struct gen_questions **out, char err[GEN_ERR_MAX])
{
	return gen_questions_mix(n, 0, 0, suffix, out, err);
}

void gen_questions_free(struct gen_questions *q)
{
	if (q == NULL)
		return;
	free(q->at);
	free(q->octets);
	free(q);
}

uint32_t gen_questions_count(const struct gen_questions *q)
{
	return q->count;
}

struct gen_question gen_questions_at(const struct gen_questions *q, uint32_t i)
{
	const uint8_t *pos = q->octets + q->at[i];

	return (struct gen_question){pos + 1, pos[0], dns_get16(pos + 1 + pos[0])};
}
