#include "control/tcp_frames.h"

#include <stdlib.h>
#include <string.h>

#include "dns/wire.h"

enum { PREFIX = 2, FIRST = 1024 };

void ctl_frames_fini(struct ctl_frames *f)
{
	free(f->buf);
	*f = (struct ctl_frames){0};
}

static void compact(struct ctl_frames *f)
{
	if (f->start == 0)
		return;
	memmove(f->buf, f->buf + f->start, f->len - f->start);
	f->len -= f->start;
	f->start = 0;
}

static int grow(struct ctl_frames *f)
{
	size_t size = f->size ? f->size * 2 : FIRST;
	uint8_t *buf = realloc(f->buf, size < CTL_FRAMES_MAX ? size : CTL_FRAMES_MAX);

	if (!buf)
		return -1;
	f->buf = buf;
	f->size = size < CTL_FRAMES_MAX ? size : CTL_FRAMES_MAX;
	return 0;
}

size_t ctl_frames_room(struct ctl_frames *f, uint8_t **out)
{
	compact(f);
	if (f->len == f->size && (f->size == CTL_FRAMES_MAX || grow(f)))
		return 0;
	*out = f->buf + f->len;
	return f->size - f->len;
}

void ctl_frames_added(struct ctl_frames *f, size_t n)
{
	f->len += n;
}

const uint8_t *ctl_frames_next(struct ctl_frames *f, uint16_t *len)
{
	const uint8_t *at = f->buf + f->start;

	if (f->len - f->start < PREFIX)
		return NULL;
	*len = dns_get16(at);
	if (f->len - f->start < PREFIX + (size_t)*len)
		return NULL;
	f->start += PREFIX + *len;
	return at + PREFIX;
}
