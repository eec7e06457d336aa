#pragma once

#include <stdint.h>
#include <stdio.h>

/** The text exposition format of Prometheus, 0.0.4: lines, labels, escapes. */

struct ctl_prom_label {
	const char *name;  // [a-zA-Z_][a-zA-Z0-9_]*; NULL ends a list
	const char *value; // any text; octets that are not UTF-8 become '?'
};

/** A family: what the samples after it are. `type` is "counter", "gauge" or "histogram". */
void ctl_prom_family(FILE *out, const char *name, const char *type, const char *help);
/** One sample. labels may be NULL. */
void ctl_prom_count(
	FILE *out, const char *name, const struct ctl_prom_label *labels, int64_t value);
/** The same for fractions: as many digits as it takes to read it back. */
void ctl_prom_real(FILE *out, const char *name, const struct ctl_prom_label *labels, double value);
