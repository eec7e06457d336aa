#include "control/yaml.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Why libyaml and not a schema-driven reader such as libcyaml: half of what can be wrong with our
 * files is semantic (an unknown site, an address listed twice) and found after the syntax was
 * accepted. libyaml's document keeps the line of every node, so those errors can name line and key
 * too.
 *
 * A document may hold aliases, even cyclic ones. Readers descend by the fields of a fixed schema,
 * so the depth is bounded whatever the document holds.
 */

static const char *node_kind(const yaml_node_t *n)
{
	switch (n->type) {
	case YAML_MAPPING_NODE:
		return "a mapping";
	case YAML_SEQUENCE_NODE:
		return "a list";
	default:
		return n->data.scalar.length ? "a plain value" : "nothing";
	}
}

/** Write the key path root-first; recursion depth is the schema's. */
static size_t path_text(const struct ctl_yaml_at *at, char *buf, size_t size)
{
	if (!at->up)
		return 0;
	size_t n = path_text(at->up, buf, size);
	if (n >= size)
		return n;
	int w;
	if (at->key)
		w = snprintf(buf + n, size - n, "%s%s", n ? "." : "", at->key);
	else
		w = snprintf(buf + n, size - n, "[%zu]", at->index);
	return n + (size_t)(w > 0 ? w : 0);
}

int ctl_yaml_fail(const struct ctl_yaml_at *at, const char *fmt, ...)
{
	struct ctl_yaml *y = at->y;
	char path[256] = "";
	va_list ap;

	if (y->err[0])
		return -EINVAL;
	path_text(at, path, sizeof(path));
	int n = snprintf(y->err, sizeof(y->err), "%s:%zu: %s%s", y->name, at->line, path,
		path[0] ? ": " : "");
	if (n < 0 || (size_t)n >= sizeof(y->err))
		return -EINVAL;
	va_start(ap, fmt);
	vsnprintf(y->err + n, sizeof(y->err) - (size_t)n, fmt, ap);
	va_end(ap);
	// what we quote comes from the file, perhaps cut inside a character: keep it one line of
	// ASCII
	for (char *c = y->err; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	return -EINVAL;
}

static struct ctl_yaml_at at_node(const struct ctl_yaml_at *up, int id)
{
	struct ctl_yaml_at at = {.y = up->y, .up = up};

	at.node = yaml_document_get_node(&up->y->doc, id);
	assert(at.node);
	at.line = at.node->start_mark.line + 1;
	return at;
}

/* ---- where a file stops being YAML ---- */

struct place {
	const char *text;
	size_t len;
};

static size_t line_start(const struct place *p, size_t at)
{
	while (at > 0 && p->text[at - 1] != '\n')
		at--;
	return at;
}

/** libyaml reads ahead: for octets that are no text only their offset is right. */
static size_t line_of_offset(const struct place *p, size_t offset)
{
	size_t line = 1;

	for (size_t i = 0; i < offset && i < p->len; i++)
		line += p->text[i] == '\n';
	return line;
}

static size_t offset_of_line(const struct place *p, size_t line)
{
	size_t at = 0;

	while (line > 1 && at < p->len)
		line -= p->text[at++] == '\n';
	return at;
}

/** A key as it begins a line: "  - name: sin" has name. @return its length, 0 when there is none */
static size_t key_in_line(const struct place *p, size_t start, size_t *at)
{
	while (start < p->len && strchr(" \t-{", p->text[start]) && p->text[start])
		start++;
	*at = start;
	while (start < p->len && (isalnum((unsigned char)p->text[start]) || p->text[start] == '_'))
		start++;
	return start < p->len && p->text[start] == ':' ? start - *at : 0;
}

/** Not well-formed text has no key path: the nearest key in or above the line stands for it. */
static void near_key(const struct place *p, size_t line, char *buf, size_t size)
{
	size_t start = line_start(p, offset_of_line(p, line)), at;

	buf[0] = '\0';
	for (;;) {
		size_t n = key_in_line(p, start, &at);
		if (n > 0 && n < 64) {
			snprintf(buf, size, "near \"%.*s\": ", (int)n, p->text + at);
			return;
		}
		if (start == 0)
			return;
		start = line_start(p, start - 1);
	}
}

static int syntax_fail(struct ctl_yaml *y, const yaml_parser_t *p, const struct place *in)
{
	size_t line = p->error == YAML_READER_ERROR ? line_of_offset(in, p->problem_offset)
						    : p->problem_mark.line + 1;
	char key[80];

	near_key(in, line, key, sizeof(key));
	snprintf(y->err, sizeof(y->err), "%s:%zu: %snot well-formed YAML: %s%s%s", y->name, line,
		key, p->problem ? p->problem : "out of memory", p->context ? " " : "",
		p->context ? p->context : "");
	return -EINVAL;
}

/** Only one document may be in a file: what stands after a second "---" would silently not count.
 */
static int only_one(struct ctl_yaml *y, yaml_parser_t *p, const struct place *in)
{
	yaml_document_t next;
	int rc = 0;

	if (!yaml_parser_load(p, &next))
		return syntax_fail(y, p, in);
	const yaml_node_t *n = yaml_document_get_root_node(&next);
	if (n) {
		snprintf(y->err, sizeof(y->err), "%s:%zu: a second document begins, expected one",
			y->name, n->start_mark.line + 1);
		rc = -EINVAL;
	}
	yaml_document_delete(&next);
	return rc;
}

static int load(
	struct ctl_yaml *y, yaml_parser_t *p, const struct place *in, struct ctl_yaml_at *root)
{
	if (!yaml_parser_load(p, &y->doc))
		return syntax_fail(y, p, in);
	*root = (struct ctl_yaml_at){.y = y, .line = 1};
	root->node = yaml_document_get_root_node(&y->doc);
	if (!root->node) {
		yaml_document_delete(&y->doc);
		return ctl_yaml_fail(root, "the file is empty, expected a mapping");
	}
	root->line = root->node->start_mark.line + 1;
	int rc = only_one(y, p, in);
	if (rc)
		yaml_document_delete(&y->doc);
	return rc;
}

int ctl_yaml_parse(struct ctl_yaml *y, const char *name, const char *text, size_t len,
	struct ctl_yaml_at *root)
{
	yaml_parser_t p;

	memset(y, 0, sizeof(*y));
	y->name = name;
	if (len > CTL_YAML_SIZE_MAX) {
		snprintf(y->err, sizeof(y->err),
			"%s:1: the file has %zu octets, expected at most %d", name, len,
			CTL_YAML_SIZE_MAX);
		return -EINVAL;
	}
	if (!yaml_parser_initialize(&p)) {
		snprintf(y->err, sizeof(y->err), "%s:1: out of memory", name);
		return -EINVAL;
	}
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	int rc = load(y, &p, &(struct place){text, len}, root);
	yaml_parser_delete(&p);
	return rc;
}

void ctl_yaml_fini(struct ctl_yaml *y)
{
	yaml_document_delete(&y->doc);
}

const char *ctl_yaml_scalar(const struct ctl_yaml_at *at, const char *what)
{
	if (at->node->type != YAML_SCALAR_NODE) {
		ctl_yaml_fail(at, "expected %s, got %s", what, node_kind(at->node));
		return NULL;
	}
	const char *s = (const char *)at->node->data.scalar.value;
	if (strlen(s) != at->node->data.scalar.length) {
		ctl_yaml_fail(at, "expected %s, got text with a NUL octet", what);
		return NULL;
	}
	return s;
}

static const struct ctl_yaml_field *find_field(
	const struct ctl_yaml_field *fields, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(fields[i].key, key) == 0)
			return &fields[i];
	return NULL;
}

static bool key_seen_before(
	const struct ctl_yaml_at *at, const yaml_node_pair_t *pair, size_t *line)
{
	const yaml_node_t *key = yaml_document_get_node(&at->y->doc, pair->key);

	for (const yaml_node_pair_t *q = at->node->data.mapping.pairs.start; q < pair; q++) {
		const yaml_node_t *other = yaml_document_get_node(&at->y->doc, q->key);
		if (strcmp((const char *)other->data.scalar.value,
			    (const char *)key->data.scalar.value) == 0) {
			*line = other->start_mark.line + 1;
			return true;
		}
	}
	return false;
}

static int read_pair(const struct ctl_yaml_at *at, const yaml_node_pair_t *pair,
	const struct ctl_yaml_field *fields, size_t count, void *base)
{
	struct ctl_yaml_at key = *at; // a bad key has no path of its own: the mapping's is named
	size_t line;

	key.node = yaml_document_get_node(&at->y->doc, pair->key);
	key.line = key.node->start_mark.line + 1;
	const char *name = ctl_yaml_scalar(&key, "a key");
	if (!name)
		return -EINVAL;
	struct ctl_yaml_at val = at_node(at, pair->value);
	val.key = name;
	val.line = key.line;
	const struct ctl_yaml_field *f = find_field(fields, count, name);
	if (!f)
		return ctl_yaml_fail(&val, "unknown key");
	if (key_seen_before(at, pair, &line))
		return ctl_yaml_fail(&val, "duplicate key, first on line %zu", line);
	return f->read(&val, base, f);
}

int ctl_yaml_map(
	const struct ctl_yaml_at *at, const struct ctl_yaml_field *fields, size_t count, void *base)
{
	struct ctl_yaml_at ignore;

	if (at->node->type != YAML_MAPPING_NODE)
		return ctl_yaml_fail(at, "expected a mapping, got %s", node_kind(at->node));
	const yaml_node_pair_t *end = at->node->data.mapping.pairs.top;
	for (const yaml_node_pair_t *p = at->node->data.mapping.pairs.start; p < end; p++)
		if (read_pair(at, p, fields, count, base))
			return -EINVAL;
	for (size_t i = 0; i < count; i++)
		if (fields[i].required && !ctl_yaml_get(at, fields[i].key, &ignore))
			return ctl_yaml_fail(at, "key \"%s\" is missing", fields[i].key);
	return 0;
}

bool ctl_yaml_get(const struct ctl_yaml_at *at, const char *key, struct ctl_yaml_at *out)
{
	if (at->node->type != YAML_MAPPING_NODE)
		return false;
	const yaml_node_pair_t *end = at->node->data.mapping.pairs.top;
	for (const yaml_node_pair_t *p = at->node->data.mapping.pairs.start; p < end; p++) {
		const yaml_node_t *k = yaml_document_get_node(&at->y->doc, p->key);
		if (k->type != YAML_SCALAR_NODE ||
			strcmp((const char *)k->data.scalar.value, key) != 0)
			continue;
		*out = at_node(at, p->value);
		out->key = key;
		out->line = k->start_mark.line + 1;
		return true;
	}
	return false;
}

int ctl_yaml_count(const struct ctl_yaml_at *at, size_t max, const char *what)
{
	if (at->node->type != YAML_SEQUENCE_NODE)
		return ctl_yaml_fail(
			at, "expected a list of %s, got %s", what, node_kind(at->node));
	size_t n =
		(size_t)(at->node->data.sequence.items.top - at->node->data.sequence.items.start);
	if (n > max)
		return ctl_yaml_fail(at, "expected at most %zu %s, got %zu", max, what, n);
	return (int)n;
}

int ctl_yaml_count_some(const struct ctl_yaml_at *at, size_t max, const char *what, const char *one)
{
	int n = ctl_yaml_count(at, max, what);

	if (n == 0)
		return ctl_yaml_fail(at, "expected at least one %s, got an empty list", one);
	return n;
}

struct ctl_yaml_at ctl_yaml_item(const struct ctl_yaml_at *at, size_t i)
{
	struct ctl_yaml_at item = at_node(at, at->node->data.sequence.items.start[i]);

	item.index = i;
	return item;
}

/** Whole text is a decimal number. Quoted text is text, not a number. */
static bool scan_uint(const struct ctl_yaml_at *at, const char *s, uint64_t *out)
{
	size_t digits = strspn(s, "0123456789");

	if (digits == 0 || digits > 19 || s[digits] != '\0')
		return false;
	if (at->node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	*out = strtoull(s, NULL, 10);
	return true;
}

int ctl_yaml_uint(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	const char *s = ctl_yaml_scalar(at, "a whole number");
	uint8_t *to = (uint8_t *)base + f->off;
	uint64_t v;

	if (!s)
		return -EINVAL;
	if (!scan_uint(at, s, &v))
		return ctl_yaml_fail(at, "expected a whole number, got %s\"%.64s\"",
			at->node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? ""
									       : "quoted text ",
			s);
	if (v < f->min || v > f->max)
		return ctl_yaml_fail(
			at, "expected %" PRIu64 "..%" PRIu64 ", got %" PRIu64, f->min, f->max, v);
	if (f->size == 2)
		memcpy(to, &(uint16_t){(uint16_t)v}, 2);
	else if (f->size == 4)
		memcpy(to, &(uint32_t){(uint32_t)v}, 4);
	else
		memcpy(to, &v, 8);
	return 0;
}

int ctl_yaml_bool(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	const char *s = ctl_yaml_scalar(at, "true or false");
	bool *to = (bool *)((uint8_t *)base + f->off);

	if (!s)
		return -EINVAL;
	if (strcmp(s, "true") != 0 && strcmp(s, "false") != 0)
		return ctl_yaml_fail(at, "expected true or false, got \"%.64s\"", s);
	*to = s[0] == 't';
	return 0;
}

int ctl_yaml_text(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	const char *s = ctl_yaml_scalar(at, "text");

	if (!s)
		return -EINVAL;
	if (s[0] == '\0')
		return ctl_yaml_fail(at, "expected text, got nothing");
	if (strlen(s) >= f->size)
		return ctl_yaml_fail(
			at, "expected at most %zu octets of text, got %zu", f->size - 1, strlen(s));
	strcpy((char *)base + f->off, s);
	return 0;
}

int ctl_yaml_label(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	if (ctl_yaml_text(at, base, f))
		return -EINVAL;
	const char *s = (const char *)base + f->off;
	for (const char *c = s; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
			return ctl_yaml_fail(at,
				"expected a name of letters, digits and \"._-\", got \"%s\"", s);
	return 0;
}

int ctl_yaml_choice(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f)
{
	char list[128] = "one of ";

	for (int i = 0; f->choices[i]; i++) {
		size_t n = strlen(list);
		snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "", f->choices[i]);
	}
	const char *s = ctl_yaml_scalar(at, list);
	if (!s)
		return -EINVAL;
	for (int i = 0; f->choices[i]; i++)
		if (strcmp(s, f->choices[i]) == 0) {
			memcpy((uint8_t *)base + f->off, &i, sizeof(i));
			return 0;
		}
	return ctl_yaml_fail(at, "expected %s, got \"%.64s\"", list, s);
}
