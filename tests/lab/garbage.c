/*
 * Throw raw messages at a UDP port: one message a line of hex digits on standard input, in the
 * order given.
 *
 *   garbage --to ADDR [--port N] [--from ADDR] [--from-port N] [--rate PER_SECOND] [--repeat N]
 *
 * Replies are read and counted, not judged. Prints "sent N replies N".
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/net.h"

enum { MESSAGE_MAX = 65507 };

static unsigned long drain(int fd)
{
	static char buf[65536];
	unsigned long n = 0;

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		n++;
	return n;
}

static struct lab_addr parse_arguments(int argc, char **argv, struct lab_addr *from, unsigned *rate)
{
	static const struct option options[] = {
		{"to", required_argument, NULL, 't'},
		{"port", required_argument, NULL, 'p'},
		{"from", required_argument, NULL, 'f'},
		{"from-port", required_argument, NULL, 's'},
		{"rate", required_argument, NULL, 'r'},
		{0},
	};
	const char *to = NULL, *src = NULL;
	uint16_t port = 53, src_port = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 't':
			to = optarg;
			break;
		case 'p':
			port = (uint16_t)atoi(optarg);
			break;
		case 'f':
			src = optarg;
			break;
		case 's':
			src_port = (uint16_t)atoi(optarg);
			break;
		case 'r':
			*rate = (unsigned)atoi(optarg);
			break;
		default:
			exit(2);
		}
	}
	if (to == NULL || *rate == 0)
		errx(2, "usage: garbage --to ADDR [--port N] [--from ADDR] [--from-port N] [--rate "
			"N]");
	if (src != NULL)
		*from = lab_addr_parse(src, src_port);
	return lab_addr_parse(to, port);
}

int main(int argc, char **argv)
{
	static char line[2 * MESSAGE_MAX + 8];
	static uint8_t data[MESSAGE_MAX];
	unsigned long sent = 0, replies = 0, skipped = 0;
	struct lab_addr from = {0}, to;
	unsigned rate = 5000;
	uint64_t started;
	int fd;

	to = parse_arguments(argc, argv, &from, &rate);
	fd = lab_udp(to.sa.ss_family, from.len > 0 ? &from : NULL);
	started = lab_now_ms();
	while (fgets(line, sizeof(line), stdin) != NULL) {
		int n = lab_hex(line, data, sizeof(data));

		if (n < 0 || sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&to.sa, to.len) != n)
			skipped++; // not hex, or the kernel refuses the size
		else
			sent++;
		replies += drain(fd);
		while (lab_now_ms() - started < sent * 1000 / rate)
			usleep(500);
	}
	usleep(200000);
	replies += drain(fd);
	printf("sent %lu replies %lu skipped %lu\n", sent, replies, skipped);
	return 0;
}
