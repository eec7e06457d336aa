#pragma once

#include <stdio.h>

#include <jansson.h>

/**
 * Replies of swervectl's verbs as text for people. Each tolerates any JSON: what is missing shows
 * as "-".
 */
void ctl_show_status(const json_t *data, FILE *out);
void ctl_show_sites(const json_t *data, FILE *out);
void ctl_show_stats(const json_t *data, FILE *out);
void ctl_show_zones(const json_t *data, FILE *out);
void ctl_show_ntas(const json_t *data, FILE *out);
void ctl_show_keys(const json_t *data, FILE *out);
void ctl_show_routes(const json_t *data, FILE *out);
void ctl_show_history(const json_t *data, FILE *out);
void ctl_show_diff(const json_t *data, FILE *out);
void ctl_show_validated(const json_t *data, FILE *out);
void ctl_show_applied(const json_t *data, FILE *out);
void ctl_show_moved(const json_t *data, FILE *out);
void ctl_show_flushed(const json_t *data, FILE *out);
void ctl_show_events(const json_t *data, FILE *out);
/** One event on one line. */
void ctl_show_event(const json_t *event, FILE *out);
