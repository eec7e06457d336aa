#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen/questions.h"

/**
 * What upstream sites say: answers recorded from a real name server, found by question. The file
 * has one DNS message a line, in hexadecimal; its own question (name, type) and DO bit are its key,
 * so that a question with DO and one without can have different answers. A later line for the same
 * key counts.
 */
struct gen_answer {
	const uint8_t *dns; // ID 0
	uint16_t len;
};

struct gen_answers;

/** Empty. @retval 0, -ENOMEM */
int gen_answers_new(struct gen_answers **out);
/** Take a copy of a response. @retval 0, -EINVAL (no response with one question), -ENOMEM */
int gen_answers_add(struct gen_answers *a, const uint8_t *dns, size_t len);
/** After the last gen_answers_add(), once, before the first look-up. @retval 0, -ENOMEM */
int gen_answers_index(struct gen_answers *a);
/**
 * All of a file, and the index.
 * @retval 0; -EINVAL, -ENOMEM or -errno of the file, err says what and where
 */
int gen_answers_load(const char *path, struct gen_answers **out, char err[GEN_ERR_MAX]);
/** NULL is allowed. */
void gen_answers_free(struct gen_answers *a);
uint32_t gen_answers_count(const struct gen_answers *a);

/**
 * @param a     NULL for none; may be read by any thread once it has its index
 * @param name  wire form, lower case
 * @return NULL when there is none
 */
const struct gen_answer *gen_answers_find(
	const struct gen_answers *a, const uint8_t *name, size_t len, uint16_t type, bool do_bit);

/**
 * An answer that nobody recorded, unsigned: one address record for A and AAAA, else no data.
 *
 * @param query  a well-formed query's octets up to the end of the question
 * @param len    their number
 * @param edns   the query has an OPT: so has the answer
 * @param type   QTYPE
 * @param room   of out; len + 64 are enough
 * @return octets written, ID 0
 */
size_t gen_answers_make(
	const uint8_t *query, size_t len, bool edns, uint16_t type, uint8_t *out, size_t room);
