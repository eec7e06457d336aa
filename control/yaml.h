#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <yaml.h>

#include "control/file.h"

/**
 * A thin typed reader over libyaml's document API, driven by tables of fields. Every error reads
 * "FILE:LINE: key.path: what was expected, got what"; the first one stays.
 */

enum { CTL_YAML_ERR_MAX = CTL_FILE_ERR_MAX, CTL_YAML_SIZE_MAX = CTL_FILE_MAX };

/** One loaded document. */
struct ctl_yaml {
	const char *name; // borrowed, for messages
	yaml_document_t doc;
	char err[CTL_YAML_ERR_MAX]; // "" when all is well
};

/**
 * A node and how we got there. Lives on the reader's stack, linked upwards: no allocation, and a
 * message can name the whole key path.
 */
struct ctl_yaml_at {
	struct ctl_yaml *y;
	const struct ctl_yaml_at *up; // NULL at the root
	const yaml_node_t *node;
	const char *key; // in a mapping
	size_t index;    // in a sequence, when key is NULL
	size_t line;     // from 1
};

/**
 * Parse text. An empty document, a second document, text over CTL_YAML_SIZE_MAX and NUL octets are
 * errors.
 *
 * @param name  for messages; borrowed for y's life
 * @param root  the root node
 * @retval 0
 * @retval -EINVAL  y->err says why; nothing to free
 */
int ctl_yaml_parse(struct ctl_yaml *y, const char *name, const char *text, size_t len,
	struct ctl_yaml_at *root);
void ctl_yaml_fini(struct ctl_yaml *y);

/** Set y->err, unless an earlier error is there. @return -EINVAL always */
int ctl_yaml_fail(const struct ctl_yaml_at *at, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** One key of a mapping. Exactly one of read and off/size is used. */
struct ctl_yaml_field {
	const char *key;
	int (*read)(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f);
	size_t off, size;           // where the value goes in base, for the readers below
	uint64_t min, max;          // for numbers
	const char *const *choices; // for ctl_yaml_choice(), NULL-terminated
	bool required;
};

/**
 * Read a mapping by its fields: unknown and duplicate keys are refused, required ones demanded;
 * keys that are absent leave base as it was, so put the defaults there first.
 * @retval 0, -EINVAL
 */
int ctl_yaml_map(const struct ctl_yaml_at *at, const struct ctl_yaml_field *fields, size_t count,
	void *base);

/** Readers for ctl_yaml_field.read; each 0 or -EINVAL. */
int ctl_yaml_uint(
	const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f); // size 2, 4 or 8
int ctl_yaml_bool(const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f); // bool
int ctl_yaml_text(const struct ctl_yaml_at *at, void *base,
	const struct ctl_yaml_field *f); // char[size], not empty
int ctl_yaml_label(const struct ctl_yaml_at *at, void *base,
	const struct ctl_yaml_field *f); // the same, [A-Za-z0-9._-]
int ctl_yaml_choice(
	const struct ctl_yaml_at *at, void *base, const struct ctl_yaml_field *f); // int: index

/** Number of a sequence's items; `what` names them. @return 0..max, or -EINVAL */
int ctl_yaml_count(const struct ctl_yaml_at *at, size_t max, const char *what);
/** The same where none is a mistake; `one` names what is wanted. @return 1..max, or -EINVAL */
int ctl_yaml_count_some(
	const struct ctl_yaml_at *at, size_t max, const char *what, const char *one);
/** Item i of a sequence; i < count. */
struct ctl_yaml_at ctl_yaml_item(const struct ctl_yaml_at *at, size_t i);
/** A key of a mapping. @return false when absent */
bool ctl_yaml_get(const struct ctl_yaml_at *at, const char *key, struct ctl_yaml_at *out);
/** The text of a scalar, NUL-terminated and without NUL octets; NULL with an error set when it is
 * none. */
const char *ctl_yaml_scalar(const struct ctl_yaml_at *at, const char *what);
