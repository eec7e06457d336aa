#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FOLDER_MAX = 64 };

/**
 * A folder of the test's own, in memory where there is such a place: what waits for the disk is
 * tested for what it writes, not for how long a busy disk takes.
 * @return buf, or NULL
 */
static inline char *folder_new(const char *name, char buf[FOLDER_MAX])
{
	snprintf(buf, FOLDER_MAX, "%s/swerve-%s-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", name);
	return mkdtemp(buf);
}
