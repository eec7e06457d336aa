#pragma once

#include <stdio.h>

#include "control/talk.h"

/** `swervectl top`: ask, draw, wait, again, until Ctrl-C. */
struct ctl_top_args {
	const char *socket;
	unsigned interval_s;
	unsigned frames; // 0: for ever
};

/**
 * On a terminal in its other screen, which is left as it was; else frames below each other.
 * @param err  CTL_TALK_ERR_MAX octets
 * @retval 0, or as ctl_talk_ask()
 */
int ctl_top_run(const struct ctl_top_args *a, FILE *out, char *err);
