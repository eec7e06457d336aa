#include "control/columns.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void add_owned(struct ctl_columns *t, char *text)
{
	if (t->cells == t->room) {
		size_t room = t->room ? t->room * 2 : 64;
		char **p = realloc(t->cell, room * sizeof(*p));
		if (!p) {
			free(text);
			return;
		}
		t->cell = p;
		t->room = room;
	}
	t->cell[t->cells++] = text;
}

void ctl_columns_init(struct ctl_columns *t, const char *heads)
{
	memset(t, 0, sizeof(*t));
	while (*heads && t->columns < CTL_COLUMNS_MAX) {
		size_t n = strcspn(heads, "|");
		if (*heads == '>') {
			t->right |= 1u << t->columns;
			heads++;
			n--;
		}
		add_owned(t, strndup(heads, n));
		t->columns++;
		heads += n + (heads[n] == '|');
	}
}

void ctl_columns_add(struct ctl_columns *t, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	add_owned(t, text);
}

const char *ctl_span_text(int64_t s, char buf[CTL_SPAN_TEXT_MAX])
{
	const char *ago = s < 0 ? " ago" : "";
	uint64_t n = s < 0 ? 0 - (uint64_t)s : (uint64_t)s;
	const size_t size = CTL_SPAN_TEXT_MAX;

	if (n >= 86400)
		snprintf(
			buf, size, "%" PRIu64 "d %" PRIu64 "h%s", n / 86400, n % 86400 / 3600, ago);
	else if (n >= 3600)
		snprintf(buf, size, "%" PRIu64 "h %" PRIu64 "m%s", n / 3600, n % 3600 / 60, ago);
	else if (n >= 60)
		snprintf(buf, size, "%" PRIu64 "m %" PRIu64 "s%s", n / 60, n % 60, ago);
	else
		snprintf(buf, size, "%" PRIu64 "s%s", n, ago);
	return buf;
}

void ctl_columns_add_span(struct ctl_columns *t, int64_t s)
{
	char buf[CTL_SPAN_TEXT_MAX];

	ctl_columns_add(t, "%s", ctl_span_text(s, buf));
}

static const char *cell_text(const struct ctl_columns *t, size_t i)
{
	return t->cell[i] && t->cell[i][0] ? t->cell[i] : "-";
}

static void widths(const struct ctl_columns *t, int *width)
{
	for (size_t i = 0; i < t->cells; i++) {
		int n = (int)strlen(cell_text(t, i));
		if (n > width[i % t->columns])
			width[i % t->columns] = n;
	}
}

void ctl_columns_print(struct ctl_columns *t, FILE *out)
{
	int width[CTL_COLUMNS_MAX] = {0};

	widths(t, width);
	for (size_t i = 0; i < t->cells; i++) {
		size_t col = i % t->columns;
		bool last = col + 1 == t->columns;
		const char *text = cell_text(t, i);
		if (t->right & (1u << col))
			fprintf(out, "%*s", width[col], text);
		else if (last)
			fputs(text, out);
		else
			fprintf(out, "%-*s", width[col], text);
		fputs(last ? "\n" : "  ", out);
	}
	for (size_t i = 0; i < t->cells; i++)
		free(t->cell[i]);
	free(t->cell);
	memset(t, 0, sizeof(*t));
}
