#pragma once

#include <stdbool.h>
#include <stdio.h>

/** `swervectl inspect`, options as they stand on the command line; NULL: not given. */
struct ctl_inspect_args {
	const char *file;
	const char *anchor; // default CTL_INSPECT_ANCHOR
	const char *at, *zone, *port;
	bool json;
};

#define CTL_INSPECT_ANCHOR "/usr/share/dns/root.key" // package dns-root-data

enum {
	CTL_INSPECT_GOOD = 0,       // judged, and nothing bogus among it
	CTL_INSPECT_BOGUS = 1,      // something is
	CTL_INSPECT_UNREADABLE = 2, // file, anchors or an option
};

/**
 * Judge a file and print what was found.
 * @return exit status, one of the above; why it is CTL_INSPECT_UNREADABLE goes to err as
 *         "swervectl: ..."
 */
int ctl_inspect_run(const struct ctl_inspect_args *a, FILE *out, FILE *err);
