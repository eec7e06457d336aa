#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "tests/unit/control/broken_config.h"
#include "tests/unit/control/broken_routes.h"
#include "tests/unit/control/fake_daemon.h"
#include "tests/unit/run.h"

/*
 * Broken files against a running daemon, by every way that a file comes in: each message names
 * file, line and key and is like no other, and what runs is not touched.
 */

enum {
	ROUTES = sizeof(broken_routes) / sizeof(broken_routes[0]),
	CONFIGS = sizeof(broken_config) / sizeof(broken_config[0]),
	ALL = ROUTES + CONFIGS
};

/** What must not change. */
struct running {
	const struct dp_view *view;
	unsigned published;
	uint64_t number;
	char *shown, *sites;
	size_t kept;
};

static struct running look(void)
{
	struct running r = {.view = fake.view,
		.published = fake.published,
		.number = ctl_world_table_number(d.world),
		.kept = ctl_history_count(d.history)};

	r.shown = strdup(fake_run("{\"verb\":\"routes.show\"}"));
	r.sites = strdup(fake_run("{\"verb\":\"sites\"}"));
	return r;
}

static bool is_untouched(const struct running *was)
{
	struct running is = look();
	bool same = is.view == was->view && is.published == was->published &&
		    is.number == was->number && is.kept == was->kept &&
		    strcmp(is.shown, was->shown) == 0 && strcmp(is.sites, was->sites) == 0;

	free(is.shown);
	free(is.sites);
	return same;
}

static void check(const struct broken_row *row, const char *way, bool holds)
{
	if (holds)
		return;
	printf("\n  %s, by %s", row->name, way);
	CU_FAIL("broken file");
}

/** Ask with the row's text as a file called r.yaml. Text that is no UTF-8 is not for JSON. */
static bool refused(const struct broken_row *row, const char *verb)
{
	json_t *req = json_pack("{s:s,s:s,s:s}", "verb", verb, "file", "r.yaml", "text", row->text);
	char *text = req ? json_dumps(req, JSON_COMPACT) : NULL;
	bool same = !text || strcmp(fake_run(text), row->err) == 0;

	free(text);
	json_decref(req);
	return same;
}

/** The same by SIGHUP; the file has its whole path then, and the event is one line of ASCII. */
static bool refused_by_signal(const struct broken_row *row)
{
	uint64_t since = ctl_events_last_id(d.events);
	char ask[64], want[2 * CTL_YAML_ERR_MAX], *c = want;

	fake_write("routes.yaml", row->text);
	ctl_daemon_reload(&d);
	snprintf(ask, sizeof(ask), "{\"verb\":\"events\",\"since\":%llu}",
		(unsigned long long)since);
	json_t *err = json_string(row->err + strlen("r"));
	char *quoted = json_dumps(err, JSON_ENCODE_ANY);
	snprintf(want, sizeof(want), "routes%s", quoted + 1);
	c[strlen(c) - 1] = '\0'; // the closing quote
	bool same = strstr(fake_run(ask), want) != NULL;
	free(quoted);
	json_decref(err);
	return same;
}

static void test_running_table(void)
{
	fake_new();
	fake_start();
	struct running was = look();
	for (size_t i = 0; i < ROUTES; i++) {
		const struct broken_row *row = &broken_routes[i];
		check(row, "apply", refused(row, "routes.apply"));
		check(row, "validate", refused(row, "routes.validate"));
		check(row, "diff", refused(row, "routes.diff"));
		check(row, "SIGHUP", refused_by_signal(row));
		check(row, "what it does to the running table", is_untouched(&was));
	}
	free(was.shown);
	free(was.sites);
	fake_stop();
	fake_remove();
}

/* ---- messages ---- */

/** What follows "FILE:LINE: "; NULL when it does not begin so. */
static const char *after_line(const char *err)
{
	const char *at = strchr(err, ':');
	size_t digits = at ? strspn(at + 1, "0123456789") : 0;

	return digits > 0 && strncmp(at + 1 + digits, ": ", 2) == 0 ? at + 3 + digits : NULL;
}

/** "sites[0].name: ...", "... key \"name\" ...", "near \"name\": ..." */
static bool names_key(const char *what)
{
	size_t n = strcspn(what, ": ");

	if (strstr(what, "key \"") || strncmp(what, "near \"", 6) == 0)
		return true;
	return n > 0 && strncmp(what + n, ": ", 2) == 0 && islower((unsigned char)what[0]);
}

static const struct broken_row *row_at(size_t i)
{
	return i < ROUTES ? &broken_routes[i] : &broken_config[i - ROUTES];
}

static void test_messages(void)
{
	size_t distinct = 0, keyless = 0;

	for (size_t i = 0; i < ALL; i++) {
		const char *what = after_line(row_at(i)->err);
		bool seen = false;

		check(row_at(i), "file and line", what != NULL);
		if (!what)
			continue;
		keyless += !names_key(what);
		for (size_t k = 0; k < i && !seen; k++)
			seen = strcmp(after_line(row_at(k)->err), what) == 0;
		distinct += !seen && names_key(what);
	}
	printf("\n  %d files, %zu different messages with a key, %zu files without one to name ",
		ALL, distinct, keyless);
	CU_ASSERT(distinct >= 200);
	CU_ASSERT(keyless <= 10); // empty, a list at the root, a second document: no key is there
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"the running table", test_running_table},
		{"messages", test_messages},
		CU_TEST_INFO_NULL,
	};
	return test_run("control/broken", tests);
}
