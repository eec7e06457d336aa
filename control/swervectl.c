#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "control/file.h"
#include "control/incident.h"
#include "control/inspect_run.h"
#include "control/show.h"
#include "control/talk.h"
#include "control/top_run.h"

/* swervectl: one request to swerved over its control socket, the reply as a table or as JSON. */

#define DEFAULT_SOCKET "/run/swerve/ctl.sock"
#define INCIDENT_ARGS  "[ID] [--markdown] [--events FILE]"
#define TOP_ARGS       "[--interval SECONDS] [--frames N]"
#define INSPECT_ARGS   "[--anchor FILE] [--at EPOCH] [--zone Z] [--port N] FILE.pcap"

enum exit_code { EXIT_OK = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3 };

struct options {
	const char *socket;
	bool json, follow, help, tree, all, force, markdown;
	const char *note, *reason, *if_match, *since, *canary, *rise, *family, *duration;
	const char *anchor, *at, *zone, *port;
	const char *events, *interval, *frames;
};

struct command {
	const char *words[2]; // second NULL for one-word commands
	const char *verb;
	const char *args;       // for the usage line
	int min_args, max_args; // fill gets what is there, then NULL
	const char *help;
	int (*fill)(const struct options *o, char **args, json_t *req); // NULL: nothing to add
	void (*show)(const json_t *data, FILE *out);
};

__attribute__((format(printf, 2, 3))) static int fail(enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "swervectl: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return (int)code;
}

/* ---- requests ---- */

static int parse_number(const char *option, const char *text, json_t *req, const char *key)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 18 || text[digits] != '\0')
		return fail(EXIT_USAGE, "%s: expected a number, got \"%s\"", option, text);
	json_object_set_new(req, key, json_integer((json_int_t)strtoull(text, NULL, 10)));
	return 0;
}

/** The file is read here: swerved may not be allowed to, and need not know where it lies. */
static int fill_file(const struct options *o, char **args, json_t *req)
{
	char err[CTL_FILE_ERR_MAX], *text;
	size_t len;

	(void)o;
	if (ctl_file_read(args[0], &text, &len, err))
		return fail(EXIT_REFUSED, "%s", err);
	json_t *value = json_stringn(text, len);
	free(text);
	if (!value)
		return fail(EXIT_REFUSED, "%s: not a text file (UTF-8)", args[0]);
	json_object_set_new(req, "text", value);
	json_object_set_new(req, "file", json_string(args[0]));
	return 0;
}

/** "90", "30s", "10m", "2h", "1d" as seconds. */
static int parse_duration(const char *option, const char *text, json_t *req, const char *key)
{
	static const struct {
		char unit;
		json_int_t s;
	} units[] = {{'\0', 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	size_t digits = strspn(text, "0123456789");

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (digits > 0 && digits < 8 && text[digits] == units[i].unit &&
			(!text[digits] || !text[digits + 1])) {
			json_int_t n = (json_int_t)strtoull(text, NULL, 10);
			json_object_set_new(req, key, json_integer(n * units[i].s));
			return 0;
		}
	return fail(
		EXIT_USAGE, "%s: expected a time as 30s, 10m, 2h or 1d, got \"%s\"", option, text);
}

/** What changes the table may be bound to the number that was looked at, and noted. */
static int fill_change(const struct options *o, json_t *req)
{
	if (o->note)
		json_object_set_new(req, "note", json_string(o->note));
	return o->if_match ? parse_number("--if-match", o->if_match, req, "if_match") : 0;
}

static int fill_apply(const struct options *o, char **args, json_t *req)
{
	int rc = fill_change(o, req);

	if (!rc && o->canary)
		rc = parse_duration("--canary", o->canary, req, "canary_s");
	if (!rc && o->rise)
		rc = parse_number("--max-failure-rise", o->rise, req, "max_failure_rise");
	return rc ? rc : fill_file(o, args, req);
}

static int fill_rollback(const struct options *o, char **args, json_t *req)
{
	int rc = fill_change(o, req);

	return rc ? rc : parse_number("TABLE", args[0], req, "number");
}

static int fill_show(const struct options *o, char **args, json_t *req)
{
	(void)o;
	return args[0] ? parse_number("TABLE", args[0], req, "number") : 0;
}

static bool is_number(const char *text)
{
	return text[0] && text[strspn(text, "0123456789")] == '\0';
}

/** FILE: what runs → FILE. N: N → what runs. N M, N FILE: N → that. */
static int fill_diff(const struct options *o, char **args, json_t *req)
{
	char **last = args[1] ? &args[1] : &args[0];
	int rc = 0;

	if (args[1] || is_number(args[0]))
		rc = parse_number("TABLE", args[0], req, "from");
	if (rc || (!args[1] && is_number(args[0])))
		return rc;
	if (args[1] && is_number(*last))
		return parse_number("TABLE", *last, req, "to");
	return fill_file(o, last, req);
}

static int fill_move(const struct options *o, char **args, json_t *req)
{
	if (!o->reason)
		return fail(EXIT_USAGE, "--reason is needed: it goes into the event");
	json_object_set_new(req, "zone", json_string(args[0]));
	json_object_set_new(req, "site", json_string(args[1]));
	json_object_set_new(req, "reason", json_string(o->reason));
	if (o->family)
		json_object_set_new(req, "family", json_string(o->family));
	return 0;
}

static int fill_drain(const struct options *o, char **args, json_t *req)
{
	int rc = fill_move(o, args, req);

	return rc || !o->duration ? rc : parse_duration("--for", o->duration, req, "for_s");
}

static int fill_flush(const struct options *o, char **args, json_t *req)
{
	if ((args[0] != NULL) == o->all || (o->tree && o->all))
		return fail(EXIT_USAGE, "flush: either a name, with --tree or without, or --all");
	if (o->all)
		json_object_set_new(req, "all", json_true());
	else
		json_object_set_new(req, "name", json_string(args[0]));
	if (o->tree)
		json_object_set_new(req, "tree", json_true());
	return 0;
}

static int fill_nta(const struct options *o, char **args, json_t *req)
{
	json_object_set_new(req, "name", json_string(args[0]));
	if (o->reason)
		json_object_set_new(req, "reason", json_string(o->reason));
	return 0;
}

static int fill_nta_add(const struct options *o, char **args, json_t *req)
{
	if (!o->reason)
		return fail(EXIT_USAGE, "--reason is needed: it goes into the event");
	if (o->force)
		json_object_set_new(req, "force", json_true());
	fill_nta(o, args, req);
	return o->duration ? parse_duration("--for", o->duration, req, "lifetime_s") : 0;
}

static int fill_events(const struct options *o, char **args, json_t *req)
{
	(void)args;
	if (o->follow)
		json_object_set_new(req, "follow", json_true());
	return o->since ? parse_number("--since", o->since, req, "since") : 0;
}

static const struct command commands[] = {
	{{"status", NULL}, "status", "", 0, 0, "version, table, ports, zones", NULL,
		ctl_show_status},
	{{"sites", NULL}, "sites", "", 0, 0, "every path: state, evidence, nearest expiry", NULL,
		ctl_show_sites},
	{{"zones", NULL}, "zones", "", 0, 0, "every zone: keys, paths, where it goes", NULL,
		ctl_show_zones},
	{{"keys", NULL}, "keys", "", 0, 0, "the chain of trust to every zone", NULL, ctl_show_keys},
	{{"stats", NULL}, "stats", "", 0, 0, "counters of the workers, and whether they add up",
		NULL, ctl_show_stats},
	{{"routes", "show"}, "routes.show", "[TABLE]", 0, 1,
		"the current table; TABLE: the routes file of that one", fill_show,
		ctl_show_routes},
	{{"routes", "validate"}, "routes.validate", "FILE", 1, 1,
		"check a routes file, change nothing", fill_file, ctl_show_validated},
	{{"routes", "diff"}, "routes.diff", "[TABLE] FILE | TABLE [TABLE]", 1, 2,
		"what would change, or did; one alone: against what runs", fill_diff,
		ctl_show_diff},
	{{"routes", "apply"}, "routes.apply",
		"FILE [--if-match N] [--note TEXT] [--canary TIME [--max-failure-rise PERCENT]]", 1,
		1, "make a routes file the running one", fill_apply, ctl_show_applied},
	{{"routes", "history"}, "routes.history", "", 0, 0, "the tables that are kept", NULL,
		ctl_show_history},
	{{"routes", "rollback"}, "routes.rollback", "TABLE [--if-match N] [--note TEXT]", 1, 1,
		"make the routes of a table that is kept the running ones", fill_rollback,
		ctl_show_applied},
	{{"site", "drain"}, "site.drain", "ZONE SITE [--family v4|v6] [--for TIME] --reason TEXT",
		2, 2, "send a zone elsewhere", fill_drain, ctl_show_moved},
	{{"site", "restore"}, "site.restore", "ZONE SITE [--family v4|v6] --reason TEXT", 2, 2,
		"let a drained site come back, by probation", fill_move, ctl_show_moved},
	{{"flush", NULL}, "flush", "NAME [--tree] | --all", 0, 1,
		"forget answers and failures that are kept; --tree: what is below NAME too",
		fill_flush, ctl_show_flushed},
	{{"nta", "add"}, "nta.add", "NAME [--for TIME] [--force] --reason TEXT", 1, 1,
		"do not validate a name and what is below it", fill_nta_add, ctl_show_ntas},
	{{"nta", "remove"}, "nta.remove", "NAME [--reason TEXT]", 1, 1, "validate it again",
		fill_nta, ctl_show_ntas},
	{{"nta", "list"}, "nta.list", "", 0, 0, "negative trust anchors, and when they end", NULL,
		ctl_show_ntas},
	{{"events", NULL}, "events", "[--follow] [--since ID]", 0, 0, "what happened, when and why",
		fill_events, ctl_show_events},
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void usage(FILE *out)
{
	fprintf(out, "usage: swervectl [-s SOCKET] [--json] COMMAND\n\n");
	for (size_t i = 0; i < COMMANDS; i++) {
		char left[128];
		const struct command *c = &commands[i];
		snprintf(left, sizeof(left), "%s%s%s %s", c->words[0], c->words[1] ? " " : "",
			c->words[1] ? c->words[1] : "", c->args);
		if (strlen(left) > 48)
			fprintf(out, "  %s\n  %48s %s\n", left, "", c->help);
		else
			fprintf(out, "  %-48s %s\n", left, c->help);
	}
	fprintf(out, "\n  incident " INCIDENT_ARGS "\n"
		     "      the story of a fault, from first sign to recovery; without an ID all "
		     "of them, "
		     "and the newest in full\n"
		     "      --events FILE     from swerved's events file, when it is not there to "
		     "ask\n");
	fprintf(out,
		"\n  inspect " INSPECT_ARGS "\n"
		"      judge each answer in a capture (pcap, pcapng) by the keys that are in it, "
		"without swerved\n"
		"      --anchor FILE     trust anchors, DS or DNSKEY, default " CTL_INSPECT_ANCHOR
		"\n"
		"      --at EPOCH        judge as of then; else each packet as of its own time\n"
		"      --zone Z          only names in Z\n"
		"      --port N          of servers that are not at 53\n"
		"      exit status: 0 judged, nothing bogus; 1 something is bogus; 2 unreadable\n");
	fprintf(out, "\n"
		     "  -s, --socket PATH   swerved's control socket, default " DEFAULT_SOCKET "\n"
		     "  -j, --json          the reply as JSON; events as one object a line\n"
		     "  -h, --help          this text\n"
		     "\n"
		     "exit status: 0 done, 1 refused (the reason is on stderr), 2 wrong usage, 3 "
		     "swerved not reachable\n");
}

static const struct command *find_command(char **words, int count, int *used)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		const struct command *c = &commands[i];
		*used = c->words[1] ? 2 : 1;
		if (count >= *used && strcmp(words[0], c->words[0]) == 0 &&
			(!c->words[1] || strcmp(words[1], c->words[1]) == 0))
			return c;
	}
	return NULL;
}

/* ---- the connection ---- */

static void print_json(const json_t *j, size_t flags)
{
	json_dumpf(j, stdout, flags);
	fputc('\n', stdout);
}

static void print_event(const struct options *o, const json_t *event)
{
	if (o->json)
		print_json(event, JSON_COMPACT);
	else
		ctl_show_event(event, stdout);
	fflush(stdout);
}

static int follow(FILE *f, const struct options *o)
{
	json_t *line;

	while ((line = ctl_talk_receive(f))) {
		print_event(o, json_object_get(line, "event"));
		json_decref(line);
	}
	return fail(EXIT_UNREACHABLE, "swerved hung up");
}

static void print_reply(const struct command *c, const struct options *o, const json_t *data)
{
	size_t i;
	const json_t *event;

	if (!o->json) {
		c->show(data, stdout);
	} else if (strcmp(c->verb, "events") == 0) {
		json_array_foreach(data, i, event) print_json(event, JSON_COMPACT);
	} else {
		print_json(data, JSON_INDENT(2));
	}
	fflush(stdout);
}

/** Ask once; what went wrong is said. @return an exit code */
static int ask(const struct options *o, const json_t *req, FILE **f, json_t **data)
{
	char err[CTL_TALK_ERR_MAX];
	int rc = ctl_talk_ask(o->socket, req, f, data, err);

	if (rc)
		return fail(rc == -EREMOTEIO ? EXIT_REFUSED : EXIT_UNREACHABLE, "%s", err);
	return EXIT_OK;
}

static int talk(const struct command *c, const struct options *o, const json_t *req)
{
	json_t *data;
	FILE *f;
	int rc = ask(o, req, &f, &data);

	if (rc)
		return rc;
	print_reply(c, o, data);
	json_decref(data);
	if (o->follow)
		rc = follow(f, o);
	fclose(f);
	return rc;
}

/* ---- incidents ---- */

/** The daemon's events, or those of its file when it is no longer there to ask. */
static int get_events(const struct options *o, json_t **events)
{
	FILE *f;

	if (!o->events) {
		json_t *req = json_pack("{s:s}", "verb", "events");
		int rc = ask(o, req, &f, events);
		json_decref(req);
		if (!rc)
			fclose(f);
		return rc;
	}
	f = fopen(o->events, "re");
	if (!f)
		return fail(EXIT_REFUSED, "%s: %s", o->events, strerror(errno));
	*events = json_array();
	while (!feof(f)) {
		json_t *event = ctl_talk_receive(f);
		if (event)
			json_array_append_new(*events, event);
	}
	fclose(f);
	return EXIT_OK;
}

static void print_incident(const struct options *o, const json_t *incident)
{
	if (o->json)
		print_json(incident, JSON_INDENT(2));
	else if (o->markdown)
		ctl_show_incident_markdown(incident, stdout);
	else
		ctl_show_incident(incident, stdout);
}

/** Without an id: the list, and the newest in full. */
static int print_incidents(const struct options *o, const json_t *all, const char *id)
{
	const json_t *one = ctl_incident_find(all, id ? atoll(id) : 0);

	if (id && !one)
		return fail(EXIT_REFUSED, "no incident %s; swervectl incident lists them", id);
	if (id) {
		print_incident(o, one);
	} else if (o->json) {
		print_json(all, JSON_INDENT(2));
	} else if (!one) {
		printf("no incidents\n");
	} else {
		if (!o->markdown) {
			ctl_show_incidents(all, stdout);
			putchar('\n');
		}
		print_incident(o, one);
	}
	return EXIT_OK;
}

static int incident(const struct options *o, char **args, int count)
{
	json_t *events;

	if (count > 1 || (count == 1 && !is_number(args[0])))
		return fail(EXIT_USAGE, "usage: swervectl incident " INCIDENT_ARGS);
	int rc = get_events(o, &events);
	if (rc)
		return rc;
	json_t *all = ctl_incidents(events);
	rc = print_incidents(o, all, count ? args[0] : NULL);
	json_decref(all);
	json_decref(events);
	return rc;
}

/* ---- the command line ---- */

static bool parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"socket", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{"follow", no_argument, NULL, 'f'},
		{"since", required_argument, NULL, 'S'},
		{"note", required_argument, NULL, 'n'},
		{"reason", required_argument, NULL, 'r'},
		{"if-match", required_argument, NULL, 'm'},
		{"markdown", no_argument, NULL, 'M'},
		{"interval", required_argument, NULL, 'i'},
		{"frames", required_argument, NULL, 'x'},
		{"events", required_argument, NULL, 'E'},
		{"anchor", required_argument, NULL, 'A'},
		{"at", required_argument, NULL, 'T'},
		{"zone", required_argument, NULL, 'z'},
		{"port", required_argument, NULL, 'p'},
		{"canary", required_argument, NULL, 'c'},
		{"max-failure-rise", required_argument, NULL, 'R'},
		{"family", required_argument, NULL, 'F'},
		{"for", required_argument, NULL, 'D'},
		{"tree", no_argument, NULL, 't'},
		{"all", no_argument, NULL, 'a'},
		{"force", no_argument, NULL, 'N'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "s:jhf", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			o->socket = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case 'h':
			o->help = true;
			break;
		case 'f':
			o->follow = true;
			break;
		case 'S':
			o->since = optarg;
			break;
		case 'n':
			o->note = optarg;
			break;
		case 'r':
			o->reason = optarg;
			break;
		case 'm':
			o->if_match = optarg;
			break;
		case 'i':
			o->interval = optarg;
			break;
		case 'x':
			o->frames = optarg;
			break;
		case 'M':
			o->markdown = true;
			break;
		case 'E':
			o->events = optarg;
			break;
		case 'A':
			o->anchor = optarg;
			break;
		case 'T':
			o->at = optarg;
			break;
		case 'z':
			o->zone = optarg;
			break;
		case 'p':
			o->port = optarg;
			break;
		case 'c':
			o->canary = optarg;
			break;
		case 'R':
			o->rise = optarg;
			break;
		case 'F':
			o->family = optarg;
			break;
		case 'D':
			o->duration = optarg;
			break;
		case 't':
			o->tree = true;
			break;
		case 'a':
			o->all = true;
			break;
		case 'N':
			o->force = true;
			break;
		default:
			return false; // getopt has said why
		}
	}
	return true;
}

static int run(const struct command *c, const struct options *o, char **args)
{
	json_t *req = json_pack("{s:s}", "verb", c->verb);
	int rc = c->fill ? c->fill(o, args, req) : 0;

	if (!rc)
		rc = talk(c, o, req);
	json_decref(req);
	return rc;
}

/** At most five digits, at least 1. @return 0: it is something else */
static unsigned small_number(const char *s)
{
	return is_number(s) && strlen(s) <= 5 ? (unsigned)atoi(s) : 0;
}

static int top(const struct options *o, int count)
{
	struct ctl_top_args a = {.socket = o->socket, .interval_s = 1};
	char err[CTL_TALK_ERR_MAX];

	if (o->interval)
		a.interval_s = small_number(o->interval);
	if (o->frames)
		a.frames = small_number(o->frames);
	if (count != 0 || a.interval_s == 0 || (o->frames && a.frames == 0))
		return fail(EXIT_USAGE, "usage: swervectl top " TOP_ARGS);
	int rc = ctl_top_run(&a, stdout, err);
	return rc ? fail(EXIT_UNREACHABLE, "%s", err) : EXIT_OK;
}

/** The one command that asks nobody. Its exit status is its own. */
static int inspect(const struct options *o, char **args, int count)
{
	struct ctl_inspect_args a = {
		.file = args[0],
		.anchor = o->anchor,
		.at = o->at,
		.zone = o->zone,
		.port = o->port,
		.json = o->json,
	};

	if (count != 1)
		return fail(EXIT_USAGE, "usage: swervectl inspect " INSPECT_ARGS);
	return ctl_inspect_run(&a, stdout, stderr);
}

int main(int argc, char **argv)
{
	struct options o = {.socket = DEFAULT_SOCKET};
	int used;

	if (!parse_options(argc, argv, &o))
		return EXIT_USAGE;
	if (o.help) {
		usage(stdout);
		return EXIT_OK;
	}
	if (optind == argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[optind], "top") == 0)
		return top(&o, argc - optind - 1);
	if (strcmp(argv[optind], "incident") == 0)
		return incident(&o, argv + optind + 1, argc - optind - 1);
	if (strcmp(argv[optind], "inspect") == 0)
		return inspect(&o, argv + optind + 1, argc - optind - 1);
	const struct command *c = find_command(argv + optind, argc - optind, &used);
	if (!c)
		return fail(
			EXIT_USAGE, "unknown command \"%s\"; see swervectl --help", argv[optind]);
	int args = argc - optind - used;
	if (args < c->min_args || args > c->max_args)
		return fail(EXIT_USAGE, "usage: swervectl %s%s%s %s", c->words[0],
			c->words[1] ? " " : "", c->words[1] ? c->words[1] : "", c->args);
	if (o.follow && strcmp(c->verb, "events") != 0)
		return fail(EXIT_USAGE, "--follow goes with events only");
	return run(c, &o, argv + optind + used);
}
