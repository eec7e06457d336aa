#pragma once

#include <stdio.h>

#include <jansson.h>

/**
 * Incidents: what the events of a fault say together, as a person would write it up. Made of events
 * alone, from the daemon or from its file, so that they can be told after everything is over. Pure.
 *
 * An incident is a site's (path events of one site, whatever the zones), a zone's (bad everywhere),
 * or ours. It begins with the first finding, takes up what follows while it lasts, and is over when
 * every path in it is up again, or the fault was said to be cleared.
 */

/**
 * @param events  an array, oldest first; elements that are no findings are passed over
 * @return a new array, oldest first. Each has: id (of its first event), kind ("site", "zone",
 *         "ours"), site, over, first_sign, first_bad, judged, moved, recovered (times or null),
 *         lasted_s, bad, before_move_ms, zones, paths, names, timeline
 */
json_t *ctl_incidents(const json_t *events);

/** The one of this id, or the newest when id is 0; borrowed, NULL when there is none. */
const json_t *ctl_incident_find(const json_t *incidents, json_int_t id);

/** A line each. */
void ctl_show_incidents(const json_t *incidents, FILE *out);
/** The whole story for a terminal. */
void ctl_show_incident(const json_t *incident, FILE *out);
/** The same as Markdown, to be pasted into a report. */
void ctl_show_incident_markdown(const json_t *incident, FILE *out);
