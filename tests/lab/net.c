#include "tests/lab/net.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

struct lab_addr lab_addr_parse(const char *text, uint16_t port)
{
	struct lab_addr a = {0};
	struct sockaddr_in *in = (struct sockaddr_in *)&a.sa;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a.sa;

	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		a.len = sizeof(*in);
	} else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		a.len = sizeof(*in6);
	} else {
		errx(2, "%s: not an address", text);
	}
	return a;
}

int lab_udp(int family, const struct lab_addr *bind_to)
{
	int buffer = 4 << 20;
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
	if (bind_to != NULL && bind(fd, (const struct sockaddr *)&bind_to->sa, bind_to->len) != 0)
		err(1, "bind");
	return fd;
}

uint64_t lab_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int lab_hex(const char *text, uint8_t *out, size_t size)
{
	size_t n = 0;

	for (; digit(text[0]) >= 0; text += 2) {
		if (digit(text[1]) < 0 || n == size)
			return -1;
		out[n++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
	}
	return *text == '\0' || isspace((unsigned char)*text) ? (int)n : -1;
}
