#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

/** A broken file and the one message it must give. */
struct broken_row {
	const char *name, *text, *err;
};

/** Exact-size copy, so that a reader that trusts a NUL is seen by the address sanitizer. */
static inline char *exact_copy(const char *text, size_t *len)
{
	*len = strlen(text);
	char *copy = malloc(*len ? *len : 1);
	memcpy(copy, text, *len);
	return copy;
}

/** Two mistakes must not share a message: an operator could not tell them apart. */
static inline void check_distinct(const struct broken_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = i + 1; k < count; k++)
			if (strcmp(rows[i].err, rows[k].err) == 0) {
				printf("\n  %s and %s share a message", rows[i].name, rows[k].name);
				CU_FAIL("messages are not distinct");
			}
}

static inline void check_row(const struct broken_row *row, int rc, int want, const char *err)
{
	if (rc == want && strcmp(err, row->err) == 0)
		return;
	printf("\n  %s: rc %d, got  \"%s\"\n    expected \"%s\"", row->name, rc, err, row->err);
	CU_FAIL("wrong message");
}
