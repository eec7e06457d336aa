#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gen/clients.h"
#include "gen/sites.h"

/** swerve-gen's command line, behind EAL's `--`. */

enum gen_search_mode { GEN_SEARCH_NONE, GEN_SEARCH_NDR, GEN_SEARCH_PDR, GEN_SEARCH_BOTH };

struct gen_options {
	// what is played at which of EAL's ports; equal: both at one port; -1: not played
	int clients_port, sites_port;
	bool trust;                        // do not check checksums
	struct gen_clients_config clients; // port, pool and questions are filled in later
	struct gen_sites_config sites;     // the same
	const char *names, *answers, *json;
	double zipf; // exponent; below 0: names in turn
	double rate; // queries a second; INFINITY: as many as in_flight lets out
	double seconds, warm_s;
	enum gen_search_mode search;
	double max_loss;           // of PDR: a share
	double min_rate, max_rate; // of the search
	uint32_t mbufs;
	uint16_t descriptors;
};

/**
 * @param argc, argv  argv[0] is the program
 * @param err         what is wrong, "" when --help was asked for
 * @retval 0, -EINVAL
 */
int gen_options_read(int argc, char **argv, struct gen_options *o, char err[GEN_ERR_MAX]);
void gen_options_usage(void);
