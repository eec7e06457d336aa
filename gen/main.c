#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "dataplane/port.h"
#include "gen/end.h"
#include "gen/options.h"
#include "gen/report.h"
#include "gen/search.h"

/*
 * swerve-gen: clients on the main lcore; sites too, or on the next lcore when EAL has one and they
 * have a port of their own.
 */

enum exit_code { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };
enum { ENDS = 2, LINK_WAIT_MS = 20000 };

static struct gen {
	struct gen_options o;
	struct rte_mempool *pool;
	struct gen_questions *questions;
	struct gen_zipf *zipf;
	struct gen_answers *answers;
	struct gen_clients *clients;
	struct gen_sites *sites;
	struct dp_port port[ENDS];
	unsigned ports;
	struct gen_end end[ENDS];
	struct gen_neighbour neighbour[ENDS];
	unsigned ends; // turned by the main lcore
	struct gen_end *remote;
	_Atomic bool stop; // the remote one's
} gen;

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static int die(const char *what, const char *why)
{
	fprintf(stderr, "swerve-gen: %s: %s\n", what, why);
	return EXIT_FAILED;
}

/* ---- what is read ---- */

static int load_files(char err[GEN_ERR_MAX])
{
	const struct gen_options *o = &gen.o;
	int rc = 0;

	if (o->clients_port >= 0)
		rc = gen_questions_load(o->names, &gen.questions, err);
	if (rc == 0 && gen.questions != NULL && o->zipf >= 0) {
		rc = gen_zipf_new(gen_questions_count(gen.questions), o->zipf, &gen.zipf);
		snprintf(err, GEN_ERR_MAX, "--zipf: %s", strerror(-rc));
	}
	if (rc == 0 && o->answers != NULL)
		rc = gen_answers_load(o->answers, &gen.answers, err);
	return rc;
}

/* ---- ports ---- */

static int open_port(int number)
{
	struct dp_port_config c = {.driver = DP_DRIVER_DEVICE,
		.queues = 1,
		.rx_desc = gen.o.descriptors,
		.tx_desc = gen.o.descriptors};
	char note[GEN_ERR_MAX];

	if (rte_eth_dev_get_name_by_port((uint16_t)number, c.device) != 0) {
		fprintf(stderr, "swerve-gen: EAL has no port %d\n", number);
		return -ENODEV;
	}
	snprintf(c.name, sizeof(c.name), "%d", number);
	if (dp_port_open(&c, "", NULL, 0, gen.pool, &gen.port[gen.ports], note, sizeof(note)) !=
		0) {
		fprintf(stderr, "swerve-gen: %s\n", note);
		return -EIO;
	}
	rte_eth_promiscuous_enable(gen.port[gen.ports].id); // not every driver can, nor has to
	gen.ports++;
	return 0;
}

/* memif and vhost have to find their other side first. @return whether all did */
static bool await_links(void)
{
	bool up = true;

	for (unsigned i = 0; i < gen.ports; i++) {
		struct rte_eth_link link = {0};

		for (unsigned ms = 0; ms < LINK_WAIT_MS && !interrupted; ms += 10) {
			if (rte_eth_link_get_nowait(gen.port[i].id, &link) == 0 && link.link_status)
				break;
			rte_delay_us_sleep(10000);
		}
		up = up && link.link_status;
	}
	return up;
}

static int open_ports(void)
{
	const struct gen_options *o = &gen.o;
	int err = 0;

	gen.pool = rte_pktmbuf_pool_create(
		"gen", o->mbufs, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, (int)rte_socket_id());
	if (gen.pool == NULL)
		return die("packets", rte_strerror(rte_errno)), -ENOMEM;
	if (o->clients_port >= 0)
		err = open_port(o->clients_port);
	if (err == 0 && o->sites_port >= 0 && o->sites_port != o->clients_port)
		err = open_port(o->sites_port);
	if (err == 0)
		fprintf(stderr, "swerve-gen: %s\n",
			await_links() ? "links are up" : "a link is down, going on all the same");
	return err;
}

/* ---- ends ---- */

static int make_clients(const struct dp_port *port)
{
	struct gen_clients_config c = gen.o.clients;

	c.port_id = port->id;
	c.pool = gen.pool;
	c.src_mac = port->mac;
	c.questions = gen.questions;
	c.zipf = gen.zipf;
	return gen_clients_new(&c, &gen.clients);
}

static int make_sites(const struct dp_port *port)
{
	struct gen_sites_config c = gen.o.sites;

	c.port_id = port->id;
	c.answers = gen.answers;
	c.seed = gen.o.clients.seed + 1;
	return gen_sites_new(&c, &gen.sites);
}

/* The addresses of port i's end. */
static const struct gen_neighbour *play(unsigned i)
{
	const struct gen_clients_config *c = &gen.o.clients;
	struct gen_neighbour *n = &gen.neighbour[i];

	*n = (struct gen_neighbour){.mac = gen.port[i].mac,
		.client = {c->client[0], c->client[1]},
		.client_count = i == 0 && gen.clients != NULL ? c->client_count : 0,
		.sites = i == gen.ports - 1 && gen.sites != NULL,
		.server = {c->server[0], c->server[1]}};
	return n;
}

static int make_ends(void)
{
	const struct gen_options *o = &gen.o;
	const struct dp_port *last = &gen.port[gen.ports - 1];
	int err = 0;

	if (o->clients_port >= 0)
		err = make_clients(&gen.port[0]);
	if (err == 0 && o->sites_port >= 0)
		err = make_sites(last);
	if (err != 0)
		return err;
	for (unsigned i = 0; i < gen.ports; i++)
		gen.end[i] = (struct gen_end){
			.port_id = gen.port[i].id, .neighbour = play(i), .trust = o->trust};
	gen.end[0].clients = gen.clients;
	gen.end[gen.ports - 1].sites = gen.sites;
	gen.ends = gen.ports;
	if (gen.ports == 2 && rte_lcore_count() > 1) {
		gen.remote = &gen.end[1];
		gen.ends = 1;
	}
	return 0;
}

static int remote_main(void *arg)
{
	(void)arg;
	while (!atomic_load_explicit(&gen.stop, memory_order_relaxed))
		gen_end_turn(gen.remote, rte_rdtsc());
	return 0;
}

/* ---- measuring ---- */

static void turn_for(double seconds, bool while_out)
{
	uint64_t end = rte_rdtsc() + (uint64_t)(seconds * (double)rte_get_tsc_hz()), now;

	while ((now = rte_rdtsc()) < end && !interrupted) {
		for (unsigned i = 0; i < gen.ends; i++)
			gen_end_turn(&gen.end[i], now);
		if (while_out && gen_clients_out(gen.clients) == 0)
			break;
	}
}

/* Warm up, count from zero, measure, wait for what is out. */
static struct gen_trial measure(double rate)
{
	struct gen_trial t = {.rate = rate, .clients = NULL, .sites = NULL};
	uint64_t start;

	if (gen.clients != NULL)
		gen_clients_rate(gen.clients, rate, rte_rdtsc());
	turn_for(gen.o.warm_s, false);
	if (gen.clients != NULL)
		gen_clients_reset(gen.clients, rte_rdtsc());
	if (gen.sites != NULL && gen.remote == NULL)
		gen_sites_reset(gen.sites);
	for (unsigned i = 0; i < gen.ports; i++)
		gen.end[i].malformed = 0;
	start = rte_rdtsc();
	turn_for(gen.o.seconds, false);
	t.seconds = (double)(rte_rdtsc() - start) / (double)rte_get_tsc_hz();
	if (gen.clients != NULL) {
		gen_clients_rate(gen.clients, 0, rte_rdtsc());
		turn_for(gen.o.clients.timeout_ms / 1e3 + 0.1, true);
		t.clients = gen_clients_stats(gen.clients);
	}
	if (gen.sites != NULL)
		t.sites = gen_sites_stats(gen.sites);
	for (unsigned i = 0; i < gen.ports; i++)
		t.malformed += gen.end[i].malformed;
	return t;
}

/* What was due and could not leave was not offered: no rate passes by being held back. */
static uint64_t missing(const struct gen_clients_stats *s)
{
	return s->lost + s->held + s->not_taken;
}

static json_t *search(const char *name, double max_loss)
{
	struct gen_search s;
	json_t *trials = json_array();
	double rate;

	gen_search_init(&s, gen.o.min_rate, gen.o.max_rate, max_loss);
	while (!interrupted && gen_search_next(&s, &rate)) {
		struct gen_trial t = measure(rate);
		uint64_t due = t.clients->sent + t.clients->held + t.clients->not_taken;

		printf("%s: %.0f a second: %.4f %% lost\n", name, rate,
			due > 0 ? 100.0 * (double)missing(t.clients) / (double)due : 0);
		fflush(stdout);
		json_array_append_new(trials, gen_report_json(&t));
		gen_search_told(&s, due, missing(t.clients));
	}
	printf("%s: %.0f a second\n", name, s.best);
	return json_pack("{s:f,s:f,s:o}", "qps", s.best, "max_loss", max_loss, "trials", trials);
}

static json_t *run(void)
{
	json_t *all = json_object();
	enum gen_search_mode mode = gen.o.search;

	if (mode == GEN_SEARCH_NONE) {
		struct gen_trial t = measure(gen.o.rate);

		gen_report_text(&t);
		json_decref(all);
		return gen_report_json(&t);
	}
	if (mode == GEN_SEARCH_NDR || mode == GEN_SEARCH_BOTH)
		json_object_set_new(all, "ndr", search("ndr", 0));
	if (mode == GEN_SEARCH_PDR || mode == GEN_SEARCH_BOTH)
		json_object_set_new(all, "pdr", search("pdr", gen.o.max_loss / 100));
	return all;
}

static int write_json(json_t *j)
{
	const char *path = gen.o.json;

	if (path == NULL)
		return EXIT_OK;
	if (strcmp(path, "-") == 0) {
		json_dumpf(j, stdout, JSON_INDENT(2));
		putchar('\n');
		return EXIT_OK;
	}
	return json_dump_file(j, path, JSON_INDENT(2)) == 0 ? EXIT_OK : die(path, strerror(errno));
}

static int serve(void)
{
	json_t *j;
	int code;

	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	if (gen.remote != NULL)
		rte_eal_remote_launch(remote_main, NULL, rte_get_next_lcore(-1, 1, 0));
	j = run();
	code = write_json(j);
	json_decref(j);
	atomic_store(&gen.stop, true);
	rte_eal_mp_wait_lcore();
	return code;
}

static void close_all(void)
{
	gen_clients_free(gen.clients);
	gen_sites_free(gen.sites);
	for (unsigned i = 0; i < gen.ports; i++)
		dp_port_close(&gen.port[i]);
	gen_questions_free(gen.questions);
	gen_zipf_free(gen.zipf);
	gen_answers_free(gen.answers);
}

/** EAL leaves the folder that it made under /run; empty, it goes. */
static void end_eal(void)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%s", rte_eal_get_runtime_dir());
	rte_eal_cleanup();
	rmdir(folder);
}

int main(int argc, char **argv)
{
	char err[GEN_ERR_MAX];
	int used, code = EXIT_FAILED;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			gen_options_usage();
			return EXIT_OK;
		}
	}
	used = rte_eal_init(argc, argv);
	if (used < 0)
		return die("DPDK's EAL does not start", rte_strerror(rte_errno));
	if (gen_options_read(argc - used, argv + used, &gen.o, err) != 0) {
		die("usage", err[0] != '\0' ? err : "see --help");
		end_eal();
		return EXIT_USAGE;
	}
	if (load_files(err) != 0)
		die("files", err);
	else if (open_ports() == 0 && make_ends() == 0)
		code = serve();
	close_all();
	end_eal();
	return code;
}
