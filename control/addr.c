#include "control/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int ctl_addr_from_text(const char *text, struct route_addr *out)
{
	struct route_addr a = {0};

	if (inet_pton(AF_INET, text, a.octets) == 1)
		a.family = 4;
	else if (inet_pton(AF_INET6, text, a.octets) == 1)
		a.family = 6;
	else
		return -EINVAL;
	*out = a;
	return 0;
}

static int prefix_len(const char *text, unsigned max, uint8_t *out)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 3 || text[digits] != '\0')
		return -EINVAL;
	unsigned long n = strtoul(text, NULL, 10);
	if (n > max)
		return -EINVAL;
	*out = (uint8_t)n;
	return 0;
}

static bool bits_beyond(const struct route_prefix *p)
{
	for (size_t bit = p->len; bit < route_addr_len(&p->addr) * 8; bit++)
		if (p->addr.octets[bit / 8] & (0x80u >> (bit % 8)))
			return true;
	return false;
}

int ctl_prefix_from_text(const char *text, struct route_prefix *out)
{
	char buf[CTL_ADDR_TEXT_MAX];
	struct route_prefix p = {0};
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);

	if (n >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, text, n);
	buf[n] = '\0';
	if (ctl_addr_from_text(buf, &p.addr))
		return -EINVAL;
	p.len = (uint8_t)(route_addr_len(&p.addr) * 8);
	if (slash && prefix_len(slash + 1, p.len, &p.len))
		return -EINVAL;
	if (bits_beyond(&p))
		return -EDOM;
	*out = p;
	return 0;
}

const char *ctl_addr_text(const struct route_addr *a, char buf[CTL_ADDR_TEXT_MAX])
{
	int af = a->family == 4 ? AF_INET : AF_INET6;

	if (a->family == 0 || !inet_ntop(af, a->octets, buf, CTL_ADDR_TEXT_MAX))
		strcpy(buf, "-");
	return buf;
}

const char *ctl_prefix_text(const struct route_prefix *p, char buf[CTL_ADDR_TEXT_MAX])
{
	ctl_addr_text(&p->addr, buf);
	size_t n = strlen(buf);
	snprintf(buf + n, CTL_ADDR_TEXT_MAX - n, "/%u", p->len);
	return buf;
}

bool ctl_addr_is_host(const struct route_addr *a)
{
	static const uint8_t zero[16];

	if (memcmp(a->octets, zero, route_addr_len(a)) == 0)
		return false;
	if (a->family == 6)
		return a->octets[0] != 0xff;
	return a->octets[0] < 224; // 224/4 is multicast, 240/4 reserved with the broadcast address
}

void ctl_addr_to_sockaddr(const struct route_addr *a, uint16_t port, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (a->family == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)out;
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, a->octets, 4);
	} else {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, a->octets, 16);
	}
}

int ctl_addr_from_sockaddr(const struct sockaddr *sa, struct route_addr *out)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
	struct route_addr a = {.family = 4};

	if (sa->sa_family == AF_INET) {
		memcpy(a.octets, &((const struct sockaddr_in *)sa)->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		memcpy(a.octets, in6->sin6_addr.s6_addr + 12, 4);
	} else if (sa->sa_family == AF_INET6) {
		a.family = 6;
		memcpy(a.octets, &in6->sin6_addr, 16);
	} else {
		return -EAFNOSUPPORT;
	}
	*out = a;
	return 0;
}

uint16_t ctl_addr_port(const struct sockaddr *sa)
{
	switch (sa->sa_family) {
	case AF_INET:
		return ntohs(((const struct sockaddr_in *)sa)->sin_port);
	case AF_INET6:
		return ntohs(((const struct sockaddr_in6 *)sa)->sin6_port);
	default:
		return 0;
	}
}
