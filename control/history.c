#include "control/history.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "control/file.h"

enum { FORMAT = 1, FOLDER_MAX = 512, PATH_LEN_MAX = FOLDER_MAX + 32 };

struct ctl_history {
	char folder[FOLDER_MAX]; // "": nothing on disk
	size_t count;
	struct ctl_table table[CTL_HISTORY_MAX + 1];
	char *text; // of the newest routes
	size_t len;
};

const char *ctl_table_by_name(enum ctl_table_by by)
{
	static const char *const names[CTL_BY_KINDS] = {
		[CTL_BY_START] = "start",
		[CTL_BY_OPERATOR] = "operator",
		[CTL_BY_RELOAD] = "reload",
		[CTL_BY_ROLLBACK] = "rollback",
		[CTL_BY_STEERING] = "steering",
		[CTL_BY_CANARY] = "canary",
		[CTL_BY_TIMER] = "timer",
	};
	return by < CTL_BY_KINDS ? names[by] : "?";
}

char *ctl_hash_text(const void *text, size_t len, char out[CTL_HASH_TEXT_MAX])
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	out[0] = '\0';
	if (EVP_Digest(text, len, sum, &n, EVP_sha256(), NULL) != 1)
		return out;
	for (unsigned i = 0; i < n && 2 * i + 2 < CTL_HASH_TEXT_MAX; i++)
		snprintf(out + 2 * i, 3, "%02x", sum[i]);
	return out;
}

static void name_file(const struct ctl_history *h, uint64_t number, const char *kind, char *out)
{
	snprintf(out, PATH_LEN_MAX, "%s/%llu.%s", h->folder, (unsigned long long)number, kind);
}

/* ---- one table as JSON ---- */

static char *table_json(const struct ctl_table *t)
{
	json_t *j = json_pack("{s:i,s:I,s:I,s:s,s:I,s:b,s:s,s:s,s:s,s:s}", "format", FORMAT,
		"number", (json_int_t)t->number, "time_ms", (json_int_t)t->time_ms, "by",
		ctl_table_by_name(t->by), "routes", (json_int_t)t->routes, "canary", t->canary,
		"source", t->source, "why", t->why, "hash", t->hash, "file_hash", t->file_hash);
	char *text = j ? json_dumps(j, JSON_INDENT(1)) : NULL;

	json_decref(j);
	return text;
}

static bool get_text(const json_t *j, const char *key, char *out, size_t size)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s && (size_t)snprintf(out, size, "%s", s) < size;
}

static bool get_by(const json_t *j, enum ctl_table_by *out)
{
	const char *s = json_string_value(json_object_get(j, "by"));

	for (unsigned by = 0; s && by < CTL_BY_KINDS; by++)
		if (strcmp(s, ctl_table_by_name((enum ctl_table_by)by)) == 0) {
			*out = (enum ctl_table_by)by;
			return true;
		}
	return false;
}

static bool table_from_json(const json_t *j, struct ctl_table *t)
{
	json_int_t number = json_integer_value(json_object_get(j, "number"));
	json_int_t routes = json_integer_value(json_object_get(j, "routes"));

	*t = (struct ctl_table){.number = (uint64_t)number,
		.routes = (uint64_t)routes,
		.time_ms = json_integer_value(json_object_get(j, "time_ms")),
		.canary = json_is_true(json_object_get(j, "canary"))};
	return json_integer_value(json_object_get(j, "format")) == FORMAT && routes > 0 &&
	       number >= routes && get_by(j, &t->by) &&
	       get_text(j, "source", t->source, sizeof(t->source)) &&
	       get_text(j, "why", t->why, sizeof(t->why)) &&
	       get_text(j, "hash", t->hash, sizeof(t->hash)) &&
	       get_text(j, "file_hash", t->file_hash, sizeof(t->file_hash)) &&
	       strlen(t->hash) == CTL_HASH_TEXT_MAX - 1;
}

/* ---- the list ---- */

static size_t index_of(const struct ctl_history *h, uint64_t number)
{
	size_t i = 0;

	while (i < h->count && h->table[i].number != number)
		i++;
	return i;
}

size_t ctl_history_count(const struct ctl_history *h)
{
	return h->count;
}

const struct ctl_table *ctl_history_at(const struct ctl_history *h, size_t i)
{
	return &h->table[i];
}

const struct ctl_table *ctl_history_find(const struct ctl_history *h, uint64_t number)
{
	size_t i = index_of(h, number);

	return i < h->count ? &h->table[i] : NULL;
}

const struct ctl_table *ctl_history_newest(const struct ctl_history *h)
{
	return h->count ? &h->table[h->count - 1] : NULL;
}

static void drop(struct ctl_history *h, size_t i)
{
	char path[PATH_LEN_MAX];

	if (h->folder[0]) {
		name_file(h, h->table[i].number, "json", path);
		unlink(path);
		name_file(h, h->table[i].number, "yaml", path);
		unlink(path);
	}
	h->count--;
	memmove(&h->table[i], &h->table[i + 1], (h->count - i) * sizeof(h->table[0]));
}

static bool shares_routes(const struct ctl_table *t)
{
	return t->routes != t->number;
}

/** One goes, or one with all that were made from its routes; never the newest routes. */
static void make_room(struct ctl_history *h)
{
	size_t sharing = 0, first = h->count;

	for (size_t i = h->count; i-- > 0;)
		if (shares_routes(&h->table[i])) {
			sharing++;
			first = i;
		}
	if (sharing > CTL_HISTORY_MAX / 2) {
		drop(h, first);
		return;
	}
	uint64_t oldest = h->table[0].routes;
	for (size_t i = h->count; i-- > 0;)
		if (h->table[i].routes == oldest)
			drop(h, i);
}

static void append(struct ctl_history *h, const struct ctl_table *t)
{
	h->table[h->count++] = *t;
	if (h->count > CTL_HISTORY_MAX)
		make_room(h);
}

/* ---- reading ---- */

struct complaint {
	void (*wrong)(void *arg, const char *text);
	void *arg;
};

static void complain(const struct complaint *c, const char *path, const char *what)
{
	char text[CTL_HISTORY_ERR_MAX];

	snprintf(text, sizeof(text), "%s: %s: passed over", path, what);
	if (c->wrong)
		c->wrong(c->arg, text);
}

/** "12.json" → 12; 0: not one of ours. */
static uint64_t number_of(const char *name)
{
	char again[32];
	unsigned long long n = strtoull(name, NULL, 10);

	snprintf(again, sizeof(again), "%llu.json", n);
	return strcmp(name, again) == 0 ? n : 0;
}

static int newest_first(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

/** Numbers of the tables that lie there, newest first. @return malloc'd, NULL without memory */
static uint64_t *list_numbers(DIR *dir, size_t *count)
{
	size_t room = 2 * CTL_HISTORY_MAX, n = 0;
	uint64_t *list = malloc(room * sizeof(*list));
	const struct dirent *e;

	if (!list)
		return NULL;
	while ((e = readdir(dir))) {
		uint64_t number = number_of(e->d_name);
		if (!number)
			continue;
		if (n == room) {
			uint64_t *more = realloc(list, 2 * room * sizeof(*list));
			if (!more) {
				free(list);
				return NULL;
			}
			list = more;
			room *= 2;
		}
		list[n++] = number;
	}
	*count = n;
	qsort(list, n, sizeof(*list), newest_first);
	return list;
}

static void read_table(struct ctl_history *h, uint64_t number, const struct complaint *c)
{
	char path[PATH_LEN_MAX], err[CTL_FILE_ERR_MAX], *text;
	struct ctl_table t;
	size_t len;

	name_file(h, number, "json", path);
	if (ctl_file_read(path, &text, &len, err)) {
		complain(c, path, "cannot be read");
		return;
	}
	json_t *j = json_loadb(text, len, 0, NULL);
	free(text);
	bool good = table_from_json(j, &t) && t.number == number;
	json_decref(j);
	if (!good) {
		complain(c, path, "not what swerved writes");
		return;
	}
	name_file(h, t.routes, "yaml", path);
	if (access(path, R_OK))
		complain(c, path, "the routes of a table are missing");
	else
		h->table[h->count++] = t;
}

static void turn_round(struct ctl_history *h)
{
	for (size_t i = 0, k = h->count; i + 1 < k; i++) {
		struct ctl_table t = h->table[i];
		h->table[i] = h->table[--k];
		h->table[k] = t;
	}
}

static int read_folder(struct ctl_history *h, const struct complaint *c)
{
	DIR *dir = opendir(h->folder);
	size_t count = 0;

	if (!dir)
		return -errno;
	uint64_t *list = list_numbers(dir, &count);
	closedir(dir);
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < count && h->count < CTL_HISTORY_MAX; i++)
		read_table(h, list[i], c);
	turn_round(h);
	free(list);
	return 0;
}

int ctl_history_open(const char *dir, void (*wrong)(void *arg, const char *text), void *arg,
	struct ctl_history **out, char *err)
{
	const struct complaint c = {wrong, arg};
	struct ctl_history *h = calloc(1, sizeof(*h));
	int rc = 0;

	if (!h)
		return -ENOMEM;
	if (dir && dir[0]) {
		int n = snprintf(h->folder, sizeof(h->folder), "%s/tables", dir);
		if (n < 0 || (size_t)n >= sizeof(h->folder))
			rc = -ENAMETOOLONG;
		else if (mkdir(h->folder, 0750) && errno != EEXIST)
			rc = -errno;
		else
			rc = read_folder(h, &c);
	}
	if (rc) {
		snprintf(err, CTL_HISTORY_ERR_MAX, "%.512s: %s", h->folder, strerror(-rc));
		free(h);
		return rc;
	}
	*out = h;
	return 0;
}

void ctl_history_free(struct ctl_history *h)
{
	if (!h)
		return;
	free(h->text);
	free(h);
}

/* ---- adding ---- */

static int write_table(const struct ctl_history *h, const struct ctl_table *t, char *err)
{
	char path[PATH_LEN_MAX], *json = table_json(t);

	if (!json) {
		snprintf(err, CTL_HISTORY_ERR_MAX, "table %llu: out of memory",
			(unsigned long long)t->number);
		return -ENOMEM;
	}
	name_file(h, t->number, "json", path);
	int rc = ctl_file_write(path, json, strlen(json), err);
	free(json);
	return rc;
}

/** The routes first: a table's JSON says that all is there. */
static int write_routes(const struct ctl_history *h, const struct ctl_table *t, const char *text,
	size_t len, char *err)
{
	char path[PATH_LEN_MAX];

	if (!h->folder[0])
		return 0;
	name_file(h, t->number, "yaml", path);
	int rc = ctl_file_write(path, text, len, err);
	return rc ? rc : write_table(h, t, err);
}

/** The newest routes stay in memory: what runs can be shown and rolled back to without a disk. */
static void keep_text(struct ctl_history *h, const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	free(h->text);
	h->text = copy;
	h->len = len;
	if (copy) {
		memcpy(copy, text, len);
		copy[len] = '\0';
	}
}

int ctl_history_add(
	struct ctl_history *h, const struct ctl_table *t, const char *text, size_t len, char *err)
{
	struct ctl_table fresh = *t;

	fresh.routes = fresh.number;
	ctl_hash_text(text, len, fresh.hash);
	int rc = write_routes(h, &fresh, text, len, err);
	append(h, &fresh);
	keep_text(h, text, len);
	return rc;
}

void ctl_history_add_states(
	struct ctl_history *h, const struct ctl_table *t, struct ctl_saver *saver)
{
	const struct ctl_table *newest = ctl_history_newest(h);
	struct ctl_table fresh = *t;
	char path[PATH_LEN_MAX];

	if (!newest)
		return;
	fresh.routes = newest->routes;
	fresh.canary = newest->canary;
	memcpy(fresh.source, newest->source, sizeof(fresh.source));
	memcpy(fresh.hash, newest->hash, sizeof(fresh.hash));
	memcpy(fresh.file_hash, newest->file_hash, sizeof(fresh.file_hash));
	append(h, &fresh);
	if (!h->folder[0] || !saver)
		return;
	char *json = table_json(&fresh);
	name_file(h, fresh.number, "json", path);
	ctl_saver_put(saver, path, json, json ? strlen(json) : 0);
}

int ctl_history_confirm(struct ctl_history *h, uint64_t number, char *err)
{
	size_t i = index_of(h, number);
	int rc = 0;

	if (i == h->count) {
		snprintf(err, CTL_HISTORY_ERR_MAX, "table %llu is not kept",
			(unsigned long long)number);
		return -ENOENT;
	}
	for (; i < h->count; i++) {
		if (h->table[i].routes != number)
			continue;
		h->table[i].canary = false;
		if (h->folder[0] && !rc)
			rc = write_table(h, &h->table[i], err);
	}
	return rc;
}

/* ---- asking ---- */

static int read_routes(
	const struct ctl_history *h, const struct ctl_table *t, char **text, size_t *len, char *err)
{
	char path[PATH_LEN_MAX], hash[CTL_HASH_TEXT_MAX];

	name_file(h, t->routes, "yaml", path);
	int rc = ctl_file_read(path, text, len, err);
	if (rc)
		return rc;
	if (strcmp(ctl_hash_text(*text, *len, hash), t->hash) == 0)
		return 0;
	snprintf(err, CTL_HISTORY_ERR_MAX, "%s: changed since swerved wrote it", path);
	free(*text);
	*text = NULL;
	return -EBADMSG;
}

int ctl_history_text(
	const struct ctl_history *h, uint64_t number, char **text, size_t *len, char *err)
{
	const struct ctl_table *t = ctl_history_find(h, number);

	if (!t) {
		snprintf(err, CTL_HISTORY_ERR_MAX,
			"table %llu is not kept: see swervectl routes history",
			(unsigned long long)number);
		return -ENOENT;
	}
	if (h->text && t->routes == ctl_history_newest(h)->routes) {
		*text = malloc(h->len + 1);
		if (!*text) {
			snprintf(err, CTL_HISTORY_ERR_MAX, "out of memory");
			return -ENOMEM;
		}
		memcpy(*text, h->text, h->len + 1);
		*len = h->len;
		return 0;
	}
	if (h->folder[0])
		return read_routes(h, t, text, len, err);
	snprintf(err, CTL_HISTORY_ERR_MAX, "the routes of table %llu are not kept on disk",
		(unsigned long long)number);
	return -ENOENT;
}
