/*
 * A wrong clock. Preloaded into a program, it adds an offset to the time of day, which the lab may
 * change at any moment; clocks that only measure durations stay as they are. CLOCK_REALTIME has no
 * namespace of its own, and the machine's own clock is not ours to set.
 *
 *   LD_PRELOAD=liblab_clock.so LAB_CLOCK=FILE program...
 *
 * FILE: an int64_t in the machine's order, the seconds to add.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t *offset_s;

__attribute__((constructor)) static void open_offset(void)
{
	const char *path = getenv("LAB_CLOCK");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *at;

	if (fd < 0)
		return;
	at = mmap(NULL, sizeof(*offset_s), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (at != MAP_FAILED)
		offset_s = at;
}

static time_t wrong_by(void)
{
	return offset_s != NULL ? (time_t)__atomic_load_n(offset_s, __ATOMIC_RELAXED) : 0;
}

/* Not the C library's, which this one hides. */
int clock_gettime(clockid_t id, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, id, ts);

	if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ts->tv_sec += wrong_by();
	return rc;
}

time_t time(time_t *out)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	if (out != NULL)
		*out = ts.tv_sec;
	return ts.tv_sec;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	*tv = (struct timeval){ts.tv_sec, ts.tv_nsec / 1000};
	return 0;
}
