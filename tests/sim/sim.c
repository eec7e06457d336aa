#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/sim/edge.h"

/* Many edges, one after another: they know nothing of each other. What each option does: --help. */

struct options {
	unsigned edges, from, sites, rounds, limit;
	double calm_days, cpu_s;
	uint64_t seed;
	bool every_tick;
	const char *json;
};

static const char usage[] =
	"usage: sim [--edges N] [--from N] [--sites N] [--rounds N] [--calm-days D] [--seed N]\n"
	"           [--limit PERCENT] [--every-tick] [--cpu-s N] [--json FILE]\n"
	"--edges       forwarders, spread over as many regions as there are sites; default 200\n"
	"--from        leave out the edges before this one; default 0\n"
	"--sites       a multiple of 5; default 200\n"
	"--rounds      0 to 5: in 5 every site has every kind of fault; default 5\n"
	"--calm-days   days without a fault for each edge, before its faults; default 0\n"
	"--limit       share limit of every site in every zone, 1 to 100; default 100: none\n"
	"--cpu-s       begin no further edge after so many seconds of processor; default: no "
	"limit\n"
	"--every-tick  leave out no tick of the judge\n"
	"Ctrl-C ends it after the edge at work, and what was lived is told.\n";

static bool number(const char *text, double max, double *out)
{
	char *end;

	*out = strtod(text, &end);
	return *text != '\0' && *end == '\0' && *out >= 0 && *out <= max;
}

static bool read_options(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {{"edges", 1, NULL, 'e'}, {"from", 1, NULL, 'f'},
		{"sites", 1, NULL, 's'}, {"rounds", 1, NULL, 'r'}, {"calm-days", 1, NULL, 'c'},
		{"seed", 1, NULL, 'S'}, {"every-tick", 0, NULL, 't'}, {"cpu-s", 1, NULL, 'p'},
		{"json", 1, NULL, 'j'}, {"limit", 1, NULL, 'l'}, {0}};
	double n = 0;
	int c;

	*o = (struct options){.edges = 200,
		.sites = 200,
		.rounds = SIM_ROUNDS,
		.limit = 100,
		.seed = 1,
		.cpu_s = 1e6};
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == '?' || (c != 't' && c != 'j' && !number(optarg, 1e6, &n)))
			return false;
		switch (c) {
		case 'e':
			o->edges = (unsigned)n;
			break;
		case 'f':
			o->from = (unsigned)n;
			break;
		case 's':
			o->sites = (unsigned)n;
			break;
		case 'r':
			o->rounds = (unsigned)n;
			break;
		case 'c':
			o->calm_days = n;
			break;
		case 'l':
			o->limit = (unsigned)n;
			break;
		case 'S':
			o->seed = (uint64_t)n;
			break;
		case 'p':
			o->cpu_s = n;
			break;
		case 't':
			o->every_tick = true;
			break;
		default:
			o->json = optarg;
		}
	}
	return optind == argc && o->edges > 0 && o->sites > 0 && o->sites % SIM_ROUNDS == 0 &&
	       o->sites <= 10000 && o->rounds <= SIM_ROUNDS && o->limit >= 1 && o->limit <= 100;
}

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

static double cpu_s(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static void live(const struct options *o, const struct sim_plan *plan, struct sim_score *score)
{
	for (unsigned i = o->from; i < o->edges && !stopped && cpu_s() < o->cpu_s; i++) {
		struct sim_edge_config c = {.region = i % o->sites,
			.sites = o->sites,
			.band = (i / o->sites + i) % SIM_BANDS,
			.seed = o->seed,
			.limit_percent = o->limit,
			.every_tick = o->every_tick};

		sim_edge_live(&c, plan, score);
		if ((i + 1) % 5 == 0 || stopped || i + 1 == o->edges)
			fprintf(stderr, "\r%u of %u edges, %.0f s of processor", i + 1, o->edges,
				cpu_s());
	}
	fprintf(stderr, "\n");
}

static int save(const struct sim_score *score, const struct sim_plan *plan, const char *path)
{
	FILE *f = fopen(path, "w");

	if (f == NULL)
		return -errno;
	sim_score_json(score, plan, f);
	return fclose(f) == 0 ? 0 : -errno;
}

int main(int argc, char **argv)
{
	struct sim_plan plan = {0};
	struct sim_score score;
	struct options o;
	int err = 0;

	if (!read_options(argc, argv, &o)) {
		fputs(usage, stderr);
		return 2;
	}
	sim_plan_calm(&plan, (uint64_t)(o.calm_days * 86400e3));
	sim_plan_faults(&plan, o.rounds);
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	if (sim_score_init(&score, o.sites, &plan) != 0)
		return 1;
	live(&o, &plan, &score);
	sim_score_print(&score, &plan, stdout);
	printf("%.0f s of processor\n", cpu_s());
	if (o.json != NULL && (err = save(&score, &plan, o.json)) != 0)
		fprintf(stderr, "%s: %s\n", o.json, strerror(-err));
	sim_score_fini(&score);
	return err == 0 && score.wrong_calm + score.wrong_near == 0 && score.flaps == 0 ? 0 : 1;
}
