#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/** An address with its length, as socket calls want it. */
struct lab_addr {
	struct sockaddr_storage sa;
	socklen_t len;
};

/** "10.0.0.1" or "fd00::1" and a port; ends the program with a message when it is neither. */
struct lab_addr lab_addr_parse(const char *text, uint16_t port);

/** A bound, non-blocking UDP socket; bind_to NULL: any address of `family`. Ends the program on
 * failure. */
int lab_udp(int family, const struct lab_addr *bind_to);

/** Monotonic milliseconds. */
uint64_t lab_now_ms(void);

/** Octets of a line of hex digits (up to its end or a blank). @return octets, -1 not hex or too
 * long */
int lab_hex(const char *text, uint8_t *out, size_t size);
