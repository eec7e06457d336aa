#pragma once

#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

/**
 * What swerved says of itself, for Prometheus: the reports of `report.h` in the text exposition
 * format 0.0.4. Base units, one `# HELP` and `# TYPE` a family. Nothing is measured here, so that a
 * graph and swervectl cannot disagree. Pure: any thread, no daemon.
 */
struct ctl_metrics {
	const json_t *status, *stats, *sites, *keys; // of ctl_report_*(), borrowed
	const json_t *events;                        // kind -> how many
	int64_t epoch_s;
	double cycles_per_s; // of the TSC, for busy time
};

/** Families whose report lacks what they need are left out. */
void ctl_metrics_write(const struct ctl_metrics *m, FILE *out);
