#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/routes_file.h"
#include "tests/fuzz/fuzz.h"

/* A routes file from anywhere is taken whole or refused with a place; what is taken has a site for
 * every zone. */

static void check(int holds, const char *rule)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", rule);
	abort();
}

static void check_taken(const struct route_config *c)
{
	char why[128];

	check(c->zone_count > 0, "a zone");
	check(route_config_check(c, why, sizeof(why)) == 0, "routing takes what is taken");
	for (size_t i = 0; i < c->zone_count; i++)
		for (size_t o = 0; o < c->zones[i].order_count; o++) {
			const struct route_order_config *order = &c->zones[i].orders[o];
			check(order->site_count > 0, "a site in every order");
			for (size_t s = 0; s < order->site_count; s++)
				check(order->sites[s] < c->site_count, "sites are known");
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct route_config c;
	char err[CTL_YAML_ERR_MAX];

	if (ctl_routes_parse("f", (const char *)data, len, "", &c, err) == 0) {
		check_taken(&c);
		check(err[0] == '\0', "no error when taken");
		route_config_fini(&c);
		return 0;
	}
	check(strncmp(err, "f:", 2) == 0 && err[2] >= '1' && err[2] <= '9',
		"an error names file and line");
	for (const char *p = err; *p; p++)
		check(*p >= 0x20 && *p <= 0x7e, "an error is one line of ASCII");
	return 0;
}
