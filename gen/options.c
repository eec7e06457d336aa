#include "gen/options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/addr.h"

/* Numbers are read by a table: a row a plain option; the others have a case of their own. */

void gen_options_usage(void)
{
	fputs("usage: swerve-gen EAL-ARGUMENTS -- [OPTION]...\n"
	      "\n"
	      "Plays the clients of a DNS forwarder, the sites behind it, or both, at any ports "
	      "of\n"
	      "DPDK's: --vdev=net_memif0,... , net_virtio_user0,... , net_af_packet0,... , a NIC.\n"
	      "\n"
	      "  --clients-port N     EAL's port where clients are (default 0, -1: none)\n"
	      "  --sites-port N       where sites are (default -1: none); may be the clients'\n"
	      "  --mac MAC            of the forwarder, as the clients send to it\n"
	      "  --server ADDR        the forwarder's address; twice for IPv4 and IPv6\n"
	      "  --client ADDR        the first client's; twice for IPv4 and IPv6\n"
	      "  --clients N          how many there are: the last 16 bits vary (default 1000)\n"
	      "  --names FILE         questions, a line `NAME [TYPE]`, most popular first\n"
	      "  --zipf X             popularity's exponent (default 0.9); `turn`: one after the "
	      "other\n"
	      "  --v6 P --edns P --do P   per cent over IPv6 (50), with EDNS (90), of these with "
	      "DO "
	      "(70)\n"
	      "  --hostile P          per cent that nobody should send (0)\n"
	      "  --rd                 queries ask for recursion\n"
	      "  --rate QPS           queries a second, or `max`: as many as --in-flight lets out\n"
	      "  --in-flight N        unanswered at once (default 65536)\n"
	      "  --timeout MS         unanswered for this long is lost (default 2000)\n"
	      "  --seconds S --warm S     how long is measured (10), and what is not counted "
	      "before "
	      "(1)\n"
	      "  --search ndr|pdr|both    the highest rate without loss, or with at most "
	      "--max-loss\n"
	      "  --max-loss P --min-rate QPS --max-rate QPS   of the search (0.1 %, 1000, "
	      "5000000)\n"
	      "  --answers FILE       what sites say: recorded responses, a line each in "
	      "hexadecimal\n"
	      "  --made               and what is not recorded gets an unsigned answer, not "
	      "REFUSED\n"
	      "  --delay US --hold N --loss P   of sites' answers\n"
	      "  --trust              do not check checksums: faster\n"
	      "  --json FILE          the numbers; `-` for standard output\n"
	      "  --mbufs N --descriptors N --seed N\n"
	      "\n"
	      "exit status: 0 measured, 1 failed, 2 wrong usage\n",
		stdout);
}

enum {
	OPT_CLIENTS_PORT = 256,
	OPT_SITES_PORT,
	OPT_MAC,
	OPT_SERVER,
	OPT_CLIENT,
	OPT_NAMES,
	OPT_ZIPF,
	OPT_RATE,
	OPT_SEARCH,
	OPT_ANSWERS,
	OPT_JSON,
	OPT_RD,
	OPT_MADE,
	OPT_TRUST,
	OPT_HELP,
	OPT_NUMBER, // and above: rows of the table
};

/* Plain numbers: where they go, and from what to what. */
enum kind { DOUBLE, U32, U16, U64 };
static const struct number {
	const char *name;
	size_t off;
	enum kind kind;
	double min, max;
} numbers[] = {
#define AT(member) offsetof(struct gen_options, member)
	{"clients", AT(clients.client_count), U32, 1, 65536},
	{"v6", AT(clients.v6_percent), DOUBLE, 0, 100},
	{"edns", AT(clients.edns_percent), DOUBLE, 0, 100},
	{"do", AT(clients.do_percent), DOUBLE, 0, 100},
	{"hostile", AT(clients.hostile_percent), DOUBLE, 0, 100},
	{"in-flight", AT(clients.in_flight), U32, 1, GEN_IN_FLIGHT_MAX},
	{"timeout", AT(clients.timeout_ms), U32, 1, 60000},
	{"seed", AT(clients.seed), U64, 0, 0x1p53},
	{"seconds", AT(seconds), DOUBLE, 0.001, 1e6},
	{"warm", AT(warm_s), DOUBLE, 0, 1e6},
	{"max-loss", AT(max_loss), DOUBLE, 0, 100},
	{"min-rate", AT(min_rate), DOUBLE, 1, 1e9},
	{"max-rate", AT(max_rate), DOUBLE, 1, 1e9},
	{"delay", AT(sites.delay_us), U32, 0, 60e6},
	{"hold", AT(sites.hold), U32, 0, GEN_SITES_HELD_MAX - 1},
	{"loss", AT(sites.loss_percent), DOUBLE, 0, 100},
	{"mbufs", AT(mbufs), U32, 1024, 1 << 24},
	{"descriptors", AT(descriptors), U16, 64, 32768},
#undef AT
};
enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

static const struct option words[] = {
	{"clients-port", required_argument, NULL, OPT_CLIENTS_PORT},
	{"sites-port", required_argument, NULL, OPT_SITES_PORT},
	{"mac", required_argument, NULL, OPT_MAC},
	{"server", required_argument, NULL, OPT_SERVER},
	{"client", required_argument, NULL, OPT_CLIENT},
	{"names", required_argument, NULL, OPT_NAMES},
	{"zipf", required_argument, NULL, OPT_ZIPF},
	{"rate", required_argument, NULL, OPT_RATE},
	{"search", required_argument, NULL, OPT_SEARCH},
	{"answers", required_argument, NULL, OPT_ANSWERS},
	{"json", required_argument, NULL, OPT_JSON},
	{"rd", no_argument, NULL, OPT_RD},
	{"made", no_argument, NULL, OPT_MADE},
	{"trust", no_argument, NULL, OPT_TRUST},
	{"help", no_argument, NULL, OPT_HELP},
};
enum { WORDS = sizeof(words) / sizeof(words[0]) };

static int fail(char err[GEN_ERR_MAX], const char *option, const char *expected, const char *got)
{
	snprintf(err, GEN_ERR_MAX, "--%s: expected %.80s, got \"%.64s\"", option, expected, got);
	return -EINVAL;
}

static bool to_number(const char *text, double *out)
{
	char *end;

	*out = strtod(text, &end);
	return *text != '\0' && *end == '\0' && isfinite(*out);
}

static int read_number(
	struct gen_options *o, const struct number *n, const char *text, char err[GEN_ERR_MAX])
{
	void *at = (char *)o + n->off;
	char expected[64];
	double v;

	if (!to_number(text, &v) || v < n->min || v > n->max ||
		(n->kind != DOUBLE && v != floor(v))) {
		snprintf(expected, sizeof(expected), "%s from %g to %g",
			n->kind == DOUBLE ? "a number" : "a whole number", n->min, n->max);
		return fail(err, n->name, expected, text);
	}
	if (n->kind == DOUBLE)
		*(double *)at = v;
	else if (n->kind == U32)
		*(uint32_t *)at = (uint32_t)v;
	else if (n->kind == U16)
		*(uint16_t *)at = (uint16_t)v;
	else
		*(uint64_t *)at = (uint64_t)v;
	return 0;
}

static int read_port(const char *option, const char *text, int *out, char err[GEN_ERR_MAX])
{
	double v;

	if (!to_number(text, &v) || v < -1 || v > 31 || v != floor(v))
		return fail(err, option, "a port's number, or -1", text);
	*out = (int)v;
	return 0;
}

/* Into the slot of its family, once. */
static int read_addr(
	const char *option, const char *text, struct route_addr slots[2], char err[GEN_ERR_MAX])
{
	struct route_addr a;

	if (ctl_addr_from_text(text, &a) != 0 || !ctl_addr_is_host(&a))
		return fail(err, option, "one host's address", text);
	if (slots[a.family == 6].family != 0)
		return fail(err, option, "one address a family", text);
	slots[a.family == 6] = a;
	return 0;
}

static int read_search(const char *text, struct gen_options *o, char err[GEN_ERR_MAX])
{
	static const char *const modes[] = {
		[GEN_SEARCH_NDR] = "ndr", [GEN_SEARCH_PDR] = "pdr", [GEN_SEARCH_BOTH] = "both"};

	for (unsigned i = GEN_SEARCH_NDR; i <= GEN_SEARCH_BOTH; i++) {
		if (strcmp(text, modes[i]) == 0) {
			o->search = (enum gen_search_mode)i;
			return 0;
		}
	}
	return fail(err, "search", "ndr, pdr or both", text);
}

static int read_word(int word, const char *text, struct gen_options *o, char err[GEN_ERR_MAX])
{
	switch (word) {
	case OPT_CLIENTS_PORT:
		return read_port("clients-port", text, &o->clients_port, err);
	case OPT_SITES_PORT:
		return read_port("sites-port", text, &o->sites_port, err);
	case OPT_MAC:
		if (rte_ether_unformat_addr(text, &o->clients.dst_mac) != 0)
			return fail(err, "mac", "a MAC address", text);
		return 0;
	case OPT_SERVER:
		return read_addr("server", text, o->clients.server, err);
	case OPT_CLIENT:
		return read_addr("client", text, o->clients.client, err);
	case OPT_NAMES:
		o->names = text;
		return 0;
	case OPT_ZIPF:
		if (strcmp(text, "turn") == 0)
			o->zipf = -1;
		else if (!to_number(text, &o->zipf) || o->zipf < 0 || o->zipf > 10)
			return fail(err, "zipf", "a number from 0 to 10, or `turn`", text);
		return 0;
	case OPT_RATE:
		if (strcmp(text, "max") == 0)
			o->rate = INFINITY;
		else if (!to_number(text, &o->rate) || o->rate <= 0)
			return fail(err, "rate", "a number above 0, or `max`", text);
		return 0;
	case OPT_SEARCH:
		return read_search(text, o, err);
	case OPT_ANSWERS:
		o->answers = text;
		return 0;
	case OPT_JSON:
		o->json = text;
		return 0;
	case OPT_RD:
		o->clients.recursive = true;
		return 0;
	case OPT_MADE:
		o->sites.make = true;
		return 0;
	case OPT_TRUST:
		o->trust = true;
		return 0;
	default: // getopt has said why, or it was --help
		return -EINVAL;
	}
}

/* What only shows when all has been read. */
static int check(const struct gen_options *o, char err[GEN_ERR_MAX])
{
	const struct gen_clients_config *c = &o->clients;
	const char *wrong = NULL;

	if (o->clients_port < 0 && o->sites_port < 0)
		wrong = "neither clients nor sites are to be played";
	else if (o->clients_port >= 0 && o->names == NULL)
		wrong = "clients need --names";
	else if (o->clients_port >= 0 && c->server[0].family == 0 && c->server[1].family == 0)
		wrong = "clients need --server";
	else if (o->clients_port >= 0 &&
		 ((c->server[0].family != 0 && c->client[0].family == 0) ||
			 (c->server[1].family != 0 && c->client[1].family == 0)))
		wrong = "clients need --client of each family that --server has";
	else if (o->clients_port < 0 && o->search != GEN_SEARCH_NONE)
		wrong = "a search needs clients";
	else if (o->min_rate > o->max_rate)
		wrong = "--min-rate is above --max-rate";
	if (wrong == NULL)
		return 0;
	snprintf(err, GEN_ERR_MAX, "%s", wrong);
	return -EINVAL;
}

static void defaults(struct gen_options *o)
{
	*o = (struct gen_options){
		.clients_port = 0,
		.sites_port = -1,
		.zipf = 0.9,
		.rate = 1000,
		.seconds = 10,
		.warm_s = 1,
		.max_loss = 0.1,
		.min_rate = 1000,
		.max_rate = 5e6,
		.mbufs = 131071,
		.descriptors = 1024,
	};
	o->clients.dst_mac = (struct rte_ether_addr){{2, 0, 0, 0, 0, 1}};
	o->clients.client_count = 1000;
	o->clients.v6_percent = 50;
	o->clients.edns_percent = 90;
	o->clients.do_percent = 70;
	o->clients.in_flight = 65536;
	o->clients.timeout_ms = 2000;
	o->clients.seed = 1;
}

int gen_options_read(int argc, char **argv, struct gen_options *o, char err[GEN_ERR_MAX])
{
	struct option longs[WORDS + NUMBERS + 1] = {0};
	int c, rc = 0;

	memcpy(longs, words, sizeof(words));
	for (int i = 0; i < NUMBERS; i++)
		longs[WORDS + i] =
			(struct option){numbers[i].name, required_argument, NULL, OPT_NUMBER + i};
	defaults(o);
	err[0] = '\0';
	optind = 1;
	while (rc == 0 && (c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c >= OPT_NUMBER)
			rc = read_number(o, &numbers[c - OPT_NUMBER], optarg, err);
		else
			rc = read_word(c, optarg, o, err);
	}
	if (rc == 0 && optind != argc) {
		snprintf(err, GEN_ERR_MAX, "what is \"%.64s\"?", argv[optind]);
		rc = -EINVAL;
	}
	return rc != 0 ? rc : check(o, err);
}
