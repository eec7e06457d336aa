#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "control/daemon.h"
#include "control/routes_file.h"
#include "control/start.h"

/* swerved: read and check everything that can be read and checked, then EAL, then the daemon. */

#define DEFAULT_CONFIG "/etc/swerve/swerve.yaml"

enum exit_code { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static void usage(FILE *out)
{
	fprintf(out, "usage: swerved [-c FILE] [--check]\n"
		     "\n"
		     "  -c, --config FILE  settings, default " DEFAULT_CONFIG "\n"
		     "      --check        read settings, routes and trust anchors, say what is "
		     "wrong, start nothing\n"
		     "      --version      print the version\n"
		     "  -h, --help         this text\n"
		     "\n"
		     "SIGTERM, SIGINT  let running queries end, print the accounting as one JSON "
		     "line, exit 0\n"
		     "SIGHUP           read the routes file again; a bad one is refused and "
		     "changes nothing\n"
		     "\n"
		     "Events go to stderr and to the file `events` of the settings; swervectl(1) "
		     "shows the rest.\n"
		     "exit status: 0 stopped as asked (or --check found nothing), 1 failed, 2 "
		     "wrong usage\n");
}

struct files {
	struct ctl_config cfg;
	struct val_anchors anchors;
};

static int load_files(const char *path, struct files *f, char *err)
{
	int rc = ctl_config_load(path, &f->cfg, err);

	if (!rc)
		rc = val_anchors_load(f->cfg.trust_anchor, &f->anchors, err, CTL_FILE_ERR_MAX);
	return rc;
}

static int check(const char *path)
{
	static struct files f;
	struct route_config routes;
	char err[CTL_FILE_ERR_MAX];

	if (load_files(path, &f, err) ||
		ctl_routes_load(f.cfg.routes, f.cfg.region, &routes, err)) {
		fprintf(stderr, "%s\n", err);
		return EXIT_FAILED;
	}
	printf("%s: valid; %s: %zu zones, %zu sites, %zu regions; %s: %u anchors\n", path,
		f.cfg.routes, routes.zone_count, routes.site_count, routes.region_count,
		f.cfg.trust_anchor, f.anchors.count);
	route_config_fini(&routes);
	return EXIT_OK;
}

static int start_eal(const struct ctl_config *cfg)
{
	// EAL keeps pointers into its arguments
	static struct ctl_eal_argv a;
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "swerve-%d", (int)getpid());
	ctl_eal_argv(cfg, prefix, &a);
	if (rte_eal_init(a.argc, a.argv) >= 0)
		return 0;
	fprintf(stderr, "swerved: DPDK's EAL does not start: %s; its arguments were:",
		rte_strerror(rte_errno));
	for (int i = 1; i < a.argc; i++)
		fprintf(stderr, " %s", a.text[i]);
	fputc('\n', stderr);
	return -rte_errno;
}

/** With EAL up: until a signal ends it. */
static int serve(struct ctl_daemon *d, struct files *f)
{
	char err[CTL_SOCKET_ERR_MAX] = "";
	int rc = ctl_daemon_open(d, &f->anchors, err);

	if (rc)
		ctl_events_emit(d->events, "failed", NULL, "swerved does not start: %s", err);
	else
		uv_run(&d->loop, UV_RUN_DEFAULT);
	ctl_daemon_close(d);
	return rc ? EXIT_FAILED : EXIT_OK;
}

static int open_events(struct ctl_daemon *d)
{
	// one level is enough: /var/lib is there
	if (mkdir(d->cfg.state_dir, 0750) && errno != EEXIST)
		fprintf(stderr, "swerved: state_dir %s: %s\n", d->cfg.state_dir, strerror(errno));
	int rc = ctl_events_new(d->cfg.events, CTL_EVENTS_RING, false, &d->events);
	if (rc)
		fprintf(stderr, "swerved: events: %s: %s\n", d->cfg.events, strerror(-rc));
	if (!rc && d->cfg.syslog)
		rc = ctl_events_syslog(d->events, d->cfg.syslog_socket);
	return rc;
}

/** EAL leaves the folder that it made under /run; empty, it goes. */
static void end_eal(void)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%s", rte_eal_get_runtime_dir());
	rte_eal_cleanup();
	rmdir(folder);
}

static int run(const char *path)
{
	static struct files f;
	static struct ctl_daemon d;
	char err[CTL_FILE_ERR_MAX];
	int code = EXIT_FAILED;

	if (load_files(path, &f, err) || ctl_preflight(&f.cfg, err)) {
		fprintf(stderr, "swerved: %s\n", err);
		goto out;
	}
	signal(SIGPIPE, SIG_IGN);
	d.cfg = f.cfg;
	d.config_path = path;
	if (open_events(&d))
		goto out;
	if (ctl_routes_choose(&d, err)) {
		ctl_events_emit(d.events, "failed", NULL, "swerved does not start: %s", err);
		goto out_routes;
	}
	if (start_eal(&d.cfg))
		goto out_routes;
	ctl_events_emit(d.events, "started",
		json_pack("{s:s,s:i,s:s}", "version", SWERVE_VERSION, "pid", (int)getpid(),
			"config", path),
		"swerved %s with %s, %u worker%s", SWERVE_VERSION, path, d.cfg.dp.worker_count,
		d.cfg.dp.worker_count == 1 ? "" : "s");
	code = serve(&d, &f);
	end_eal();
out_routes:
	ctl_routes_close(&d);
	ctl_events_free(d.events);
out:
	return code;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, 'k'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const char *path = DEFAULT_CONFIG;
	bool only_check = false;
	int c;

	while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			path = optarg;
			break;
		case 'k':
			only_check = true;
			break;
		case 'V':
			printf("swerved %s\n", SWERVE_VERSION);
			return EXIT_OK;
		case 'h':
			usage(stdout);
			return EXIT_OK;
		default:
			return EXIT_USAGE; // getopt has said why
		}
	}
	if (optind != argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	return only_check ? check(path) : run(path);
}
