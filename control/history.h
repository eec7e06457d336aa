#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/saver.h"

/**
 * Every table that was in use: number, time, who made it and why, and the routes file it was made
 * from. Kept in DIR/tables: N.json says what table N was, N.yaml is its routes file, octet for
 * octet; a table that steering made shares the routes of the one before it. At most CTL_HISTORY_MAX
 * are kept: of more, steering's oldest go first while these are more than half, then the oldest
 * routes with all tables made from them. Control thread only.
 */

enum {
	CTL_HISTORY_MAX = 100,
	CTL_HASH_TEXT_MAX = 65, // SHA-256 in hex, with NUL
	CTL_TABLE_TEXT_MAX = 256,
	CTL_HISTORY_ERR_MAX = 768,
};

enum ctl_table_by {
	CTL_BY_START,    // the routes file, read at start
	CTL_BY_OPERATOR, // swervectl routes apply, site drain, site restore
	CTL_BY_RELOAD,   // SIGHUP
	CTL_BY_ROLLBACK, // swervectl routes rollback
	CTL_BY_STEERING,
	CTL_BY_CANARY, // a canary went wrong and was taken back
	CTL_BY_TIMER,  // a drain's time was over
	CTL_BY_KINDS
};
/** Short stable name, as "operator"; never NULL. */
const char *ctl_table_by_name(enum ctl_table_by by);

struct ctl_table {
	uint64_t number;
	int64_t time_ms; // wall clock
	enum ctl_table_by by;
	uint64_t routes;                   // number of the table whose N.yaml this one's routes are
	bool canary;                       // on trial: not to be restored at start
	char source[CTL_TABLE_TEXT_MAX];   // file name
	char why[CTL_TABLE_TEXT_MAX];      // note, reason or finding
	char hash[CTL_HASH_TEXT_MAX];      // of the routes' text
	char file_hash[CTL_HASH_TEXT_MAX]; // of the configured routes file at that time; "" unknown
};

struct ctl_history;

/** SHA-256 of text as hex. @return out */
char *ctl_hash_text(const void *text, size_t len, char out[CTL_HASH_TEXT_MAX]);

/**
 * Read what is there; the folder is made when it is not.
 *
 * @param dir    the state folder; NULL or "": nothing is kept on disk, and no routes but by caller
 * @param wrong  called with a sentence for each file that cannot be used and is passed over
 * @retval 0, -ENOMEM, -errno of the folder (err set)
 */
int ctl_history_open(const char *dir, void (*wrong)(void *arg, const char *text), void *arg,
	struct ctl_history **out, char *err);
void ctl_history_free(struct ctl_history *h);

/**
 * A table of new routes is in use. On disk when this returns: waits for the disk.
 *
 * @param t     copied; number above every one that is there; hash and routes are set here
 * @param text  the routes file
 * @param err   CTL_HISTORY_ERR_MAX octets
 * @retval 0, -errno of writing: the table is in the list, but not on disk
 */
int ctl_history_add(
	struct ctl_history *h, const struct ctl_table *t, const char *text, size_t len, char *err);
/** A table of the same routes as the newest, by other states: written by the saver. */
void ctl_history_add_states(
	struct ctl_history *h, const struct ctl_table *t, struct ctl_saver *saver);
/** The newest table of new routes has passed its trial. @retval as ctl_history_add(); -ENOENT */
int ctl_history_confirm(struct ctl_history *h, uint64_t number, char *err);

/** Oldest first; valid until the next change. */
size_t ctl_history_count(const struct ctl_history *h);
const struct ctl_table *ctl_history_at(const struct ctl_history *h, size_t i);
/** By number; NULL when it is not there (any more). */
const struct ctl_table *ctl_history_find(const struct ctl_history *h, uint64_t number);
/** NULL when there is none. */
const struct ctl_table *ctl_history_newest(const struct ctl_history *h);

/**
 * The routes file of a table, checked against its hash.
 * @param text  malloc'd, NUL-terminated
 * @param err   CTL_HISTORY_ERR_MAX octets
 * @retval 0; -ENOENT no such table is kept; -EBADMSG the file was changed; -errno of reading
 */
int ctl_history_text(
	const struct ctl_history *h, uint64_t number, char **text, size_t *len, char *err);
