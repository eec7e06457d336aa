#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * DNS messages in a TCP stream: each behind two octets of length (RFC 1035 s4.2.2). Bytes go in as
 * they arrive, messages come out whole. Memory grows with what is on its way, to one message of
 * 65,535 octets at most.
 */

enum { CTL_FRAMES_MAX = 2 + UINT16_MAX };

/** All zero is an empty one. */
struct ctl_frames {
	uint8_t *buf;
	size_t start, len, size; // unread bytes are buf[start..len)
};

/** Frees the buffer; f is an empty one again. */
void ctl_frames_fini(struct ctl_frames *f);

/**
 * Where the next bytes go. Messages that are whole must have been taken before.
 * @return room at *out, at least 1; 0 out of memory
 */
size_t ctl_frames_room(struct ctl_frames *f, uint8_t **out);
/** n bytes were written there; n is at most the room. */
void ctl_frames_added(struct ctl_frames *f, size_t n);
/**
 * The next whole message, borrowed until the next ctl_frames_room().
 * @return NULL when there is none yet; *len may be 0
 */
const uint8_t *ctl_frames_next(struct ctl_frames *f, uint16_t *len);
