#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * What clients ask: a list of names with types, most popular first. Text as dnsperf reads it, a
 * question a line: `NAME [TYPE]`, A when there is none; empty lines and lines after `#` or `;` do
 * not count. TYPE is a mnemonic of the common types or TYPEnnn.
 */
struct gen_question {
	const uint8_t *name; // uncompressed wire form, letter case as in the list
	uint8_t len;
	uint16_t type;
};

struct gen_questions;

enum { GEN_ERR_MAX = 256 };

/** @retval 0; -EINVAL, -ENOMEM or -errno of the file, err says what and where */
int gen_questions_load(const char *path, struct gen_questions **out, char err[GEN_ERR_MAX]);
/** n questions nobody has to list: q0000000.SUFFIX A, and so on. @retval 0, -EINVAL, -ENOMEM */
int gen_questions_make(
	uint32_t n, const char *suffix, struct gen_questions **out, char err[GEN_ERR_MAX]);
/**
 * The same, in the order of a load: `warm` names in turn, and every `every`-th question one of
 * `cold` others, each once. @retval 0, -EINVAL, -ENOMEM
 */
int gen_questions_mix(uint32_t warm, uint32_t cold, uint32_t every, const char *suffix,
	struct gen_questions **out, char err[GEN_ERR_MAX]);
/** NULL is allowed. */
void gen_questions_free(struct gen_questions *q);

/** How many there are, at least one. O(1) */
uint32_t gen_questions_count(const struct gen_questions *q);
/** i < count. O(1) */
struct gen_question gen_questions_at(const struct gen_questions *q, uint32_t i);
