#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** A small table of text for people: columns as wide as their widest cell, two blanks between. */

enum { CTL_COLUMNS_MAX = 16 };

struct ctl_columns {
	size_t columns;
	size_t cells, room;
	char **cell;    // row by row
	unsigned right; // bit i: column i is flush right (numbers)
};

/**
 * @param heads  column heads separated by '|'; one that begins with '>' is flush right
 */
void ctl_columns_init(struct ctl_columns *t, const char *heads);
/** One more cell, row by row; an empty one shows as "-". */
void ctl_columns_add(struct ctl_columns *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
enum { CTL_SPAN_TEXT_MAX = 32 };
/** Seconds as "3d 4h", "2h 5m", "4m 10s", "12s"; " ago" behind it when negative. @return buf */
const char *ctl_span_text(int64_t s, char buf[CTL_SPAN_TEXT_MAX]);
/** The same as one more cell. */
void ctl_columns_add_span(struct ctl_columns *t, int64_t s);
/** Print what is there and free it. Trailing blanks are left out. */
void ctl_columns_print(struct ctl_columns *t, FILE *out);
