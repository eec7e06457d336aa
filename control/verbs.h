#pragma once

#include "control/daemon.h"

/** What the files of verbs share. Control thread only. */

/** Text of the request, or NULL. */
const char *ctl_verb_text(const json_t *req, const char *key);
/** Refuse with a sentence. @return rc */
int ctl_verb_refuse(char *err, int rc, const char *what);
/**
 * A whole number of the request.
 * @return false, with err set, when it is there and is none or outside min..max; absent: *out stays
 */
bool ctl_verb_number(
	const json_t *req, const char *key, int64_t min, int64_t max, int64_t *out, char *err);
/** "if_match": the operator looked at table N and decided on that. @retval 0, -EINVAL, -ESTALE */
int ctl_verb_match(const struct ctl_daemon *d, const json_t *req, char *err);

/** The verbs, as struct ctl_verb.fn. */
typedef int ctl_verb_fn(
	void *arg, struct ctl_client *client, const json_t *req, json_t **data, char *err);

/* routes_verbs.c */
ctl_verb_fn ctl_verb_routes_show, ctl_verb_routes_validate, ctl_verb_routes_diff,
	ctl_verb_routes_apply, ctl_verb_routes_history, ctl_verb_routes_rollback;
/* cache_verbs.c */
ctl_verb_fn ctl_verb_flush;
/* negative.c */
ctl_verb_fn ctl_verb_nta_add, ctl_verb_nta_remove, ctl_verb_nta_list;
/* site_verbs.c */
ctl_verb_fn ctl_verb_site_drain, ctl_verb_site_restore;
