#include "control/prom.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

void ctl_prom_family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/** A label's value: what would end it is escaped. Names are ASCII; NSIDs need not be. */
static void put_value(FILE *out, const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c == '\\' || *c == '"')
			fprintf(out, "\\%c", *c);
		else if (*c == '\n')
			fputs("\\n", out);
		else
			fputc(*c < 0x80 ? *c : '?', out);
	}
}

static void put_name(FILE *out, const char *name, const struct ctl_prom_label *labels)
{
	bool first = true;

	fputs(name, out);
	for (; labels && labels->name; labels++) {
		fprintf(out, "%c%s=\"", first ? '{' : ',', labels->name);
		put_value(out, labels->value ? labels->value : "");
		fputc('"', out);
		first = false;
	}
	fputs(first ? " " : "} ", out);
}

void ctl_prom_count(FILE *out, const char *name, const struct ctl_prom_label *labels, int64_t value)
{
	put_name(out, name, labels);
	fprintf(out, "%" PRId64 "\n", value);
}

void ctl_prom_real(FILE *out, const char *name, const struct ctl_prom_label *labels, double value)
{
	put_name(out, name, labels);
	if (isnan(value))
		fputs("NaN\n", out);
	else if (isinf(value))
		fputs(value > 0 ? "+Inf\n" : "-Inf\n", out);
	else
		fprintf(out, "%.15g\n", value);
}
