#include "tests/unit/dataplane/eal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>

void test_eal_start(const char *program)
{
	char args[][24] = {"", "--no-huge", "--no-shconf", "--no-pci", "-m", "256",
		"--no-telemetry", "--log-level=4", "--lcores=0@0,1@0,2@0"};
	char *argv[RTE_DIM(args) + 1] = {NULL};

	snprintf(args[0], sizeof(args[0]), "%s", program);
	for (unsigned i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	if (rte_eal_init(RTE_DIM(args), argv) < 0) {
		fprintf(stderr, "EAL does not start: %s\n", rte_strerror(rte_errno));
		exit(1);
	}
}
