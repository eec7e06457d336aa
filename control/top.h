#pragma once

#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

/**
 * A live view for a terminal: every path with what it does now, and a sparkline of what it did.
 * Made of two reports, a moment apart; draws text, knows no terminal and no socket.
 */
struct ctl_top;

enum { CTL_TOP_HISTORY = 40 }; // moments that a sparkline has

/** @retval 0, -ENOMEM */
int ctl_top_new(struct ctl_top **out);
void ctl_top_free(struct ctl_top *t);

/**
 * Take over the next moment.
 * @param status, sites  data of the verbs of these names, borrowed
 * @param now_ms         any clock that does not go back; equal times change nothing
 */
void ctl_top_add(struct ctl_top *t, const json_t *status, const json_t *sites, uint64_t now_ms);

/** Draw: whose fault, load, then paths, those not up first, then by load. At most `rows` lines of
 * paths; 0: all. */
void ctl_top_draw(const struct ctl_top *t, size_t rows, FILE *out);
