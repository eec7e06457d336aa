#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <sys/socket.h>

#include "routing/table.h"

/** Text of addresses and prefixes, for configuration files and people. */

enum { CTL_ADDR_TEXT_MAX = 52 }; // longest IPv6 text, "/128" and NUL

/**
 * Read "192.0.2.1" or "2001:db8::1"; no zone index, no blanks.
 * @retval 0, -EINVAL (out untouched)
 */
int ctl_addr_from_text(const char *text, struct route_addr *out);

/**
 * Read "192.0.2.0/24"; a bare address is its own prefix (/32, /128).
 * @retval 0, -EINVAL not an address or length, -EDOM bits are set beyond the length
 */
int ctl_prefix_from_text(const char *text, struct route_prefix *out);

/** @return buf; "-" for family 0 */
const char *ctl_addr_text(const struct route_addr *a, char buf[CTL_ADDR_TEXT_MAX]);
const char *ctl_prefix_text(const struct route_prefix *p, char buf[CTL_ADDR_TEXT_MAX]);

/** Can it be one host's address: not unspecified, not multicast, not IPv4's 255.255.255.255. */
bool ctl_addr_is_host(const struct route_addr *a);

/** For the kernel's sockets; port in host order. a->family is 4 or 6. */
void ctl_addr_to_sockaddr(const struct route_addr *a, uint16_t port, struct sockaddr_storage *out);
/** IPv4 in IPv6's clothes (::ffff:0:0/96) becomes IPv4. @retval 0, -EAFNOSUPPORT */
int ctl_addr_from_sockaddr(const struct sockaddr *sa, struct route_addr *out);
/** Host order; 0 for other families. */
uint16_t ctl_addr_port(const struct sockaddr *sa);
