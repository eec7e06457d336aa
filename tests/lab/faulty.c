/*
 * A site that has gone bad. Real name servers cannot be made to flip a bit, strip a signature, lose
 * every tenth reply or fall silent on command, so this program stands before one: it listens on an
 * address of its own, forwards each query to the real server and spoils the reply on its way back.
 *
 *   faulty --control SOCKET --upstream ADDR [--port N] [--garbage FILE] ADDR...
 *
 * Commands, one datagram each to SOCKET: pass, bitflip, strip, silent, servfail, refused, lame,
 * garbage; delay MS, loss PERCENT, dup PERCENT, reorder PERCENT (0 ends each); only 4, only 6: what
 * comes over the other family passes (only 0: both are spoiled).
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "dns/msg.h"
#include "dns/wire.h"
#include "dns/writer.h"
#include "tests/lab/net.h"

enum { LISTEN_MAX = 8, MESSAGE_MAX = 4096, HELD_MAX = 16384, GARBAGE_MAX = 20000 };

enum mode { PASS, BITFLIP, STRIP, SILENT, SERVFAIL, REFUSED, LAME, GARBAGE, MODES };
static const char *const mode_names[MODES] = {
	"pass", "bitflip", "strip", "silent", "servfail", "refused", "lame", "garbage"};

/* Who asked, by the ID under which the query went on. */
struct pending {
	bool used;
	uint16_t id;
	int fd;
	struct lab_addr client;
};

/* A reply on its way back, waiting for its time. */
struct held {
	uint64_t due_ms;
	int fd;
	struct lab_addr client;
	size_t len;
	uint8_t *data;
};

static struct {
	enum mode mode;
	unsigned delay_ms, loss, dup, reorder, only;
	int listen[LISTEN_MAX];
	nfds_t listeners;
	int upstream, control;
	struct pending pending[65536];
	uint16_t next_id;
	struct held held[HELD_MAX];
	unsigned held_count;
	uint8_t *garbage[GARBAGE_MAX];
	uint16_t garbage_len[GARBAGE_MAX];
	unsigned garbage_count, garbage_next;
} f;

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* Does all this not concern who asks over this family? */
static bool spared(const struct lab_addr *client)
{
	return f.only != 0 && client->sa.ss_family != (f.only == 6 ? AF_INET6 : AF_INET);
}

static bool chance(unsigned percent)
{
	return percent > 0 && (unsigned)rand() % 100 < percent;
}

/* ---- spoiling ---- */

/* Flip a bit in every signature: the reply stays well formed and its signatures fail. */
static size_t bitflip(uint8_t *data, size_t len)
{
	struct dns_msg msg;

	if (dns_msg_parse(&msg, data, len) != 0)
		return len;
	for (unsigned i = 0; i < msg.rr_count; i++)
		if (msg.rr[i].type == DNS_TYPE_RRSIG)
			data[msg.rr[i].end_off - 1 - rand() % 16] ^= (uint8_t)(1 << rand() % 8);
	return len;
}

/* Take the signatures and the proofs out, as a middlebox that does not know DNSSEC does. */
static size_t strip(uint8_t *data, size_t len)
{
	uint8_t out[MESSAGE_MAX];
	struct dns_writer w;
	struct dns_msg msg;
	int n;

	if (dns_msg_parse(&msg, data, len) != 0)
		return len;
	dns_writer_init(&w, out, sizeof(out), msg.id, msg.flags);
	dns_writer_question(&w, msg.qname.octets, msg.qtype, msg.qclass);
	for (unsigned i = 0; i < msg.rr_count; i++) {
		const struct dns_rr *rr = &msg.rr[i];

		if (rr->type != DNS_TYPE_RRSIG && rr->type != DNS_TYPE_NSEC &&
			rr->type != DNS_TYPE_NSEC3 && rr->type != DNS_TYPE_OPT &&
			!(rr->type == DNS_TYPE_DS && rr->section == DNS_AUTHORITY))
			dns_writer_copy_rr(&w, rr->section, &msg, rr, rr->ttl_s);
	}
	if (msg.edns.present)
		dns_writer_opt(&w, 1232, msg.edns.do_bit, 0, DNS_EDE_NONE, NULL);
	n = dns_writer_end(&w);
	if (n < 0)
		return len;
	memcpy(data, out, (size_t)n);
	return (size_t)n;
}

/* Header and question alone, with another RCODE or without authority. */
static size_t bare(uint8_t *data, size_t len, uint16_t clear, uint16_t rcode)
{
	struct dns_msg msg;
	uint16_t flags;

	if (dns_msg_parse(&msg, data, len) != 0)
		return len;
	flags = (uint16_t)((msg.flags & ~(clear | DNS_FLAG_RCODE_MASK)) | rcode);
	dns_put16(data + DNS_OFF_FLAGS, flags);
	memset(data + DNS_OFF_ANCOUNT, 0, 6);
	return msg.question_end;
}

/* A message of the collection under the right ID and, if it fits, over the right question. */
static size_t garbage(uint8_t *data, size_t len)
{
	unsigned i = f.garbage_next++ % (f.garbage_count > 0 ? f.garbage_count : 1);
	bool keep_question = f.garbage_next & 1;
	size_t n, head;
	struct dns_msg msg;

	if (f.garbage_count == 0 || dns_msg_parse(&msg, data, len) != 0)
		return len;
	head = keep_question ? msg.question_end : 2u;
	n = f.garbage_len[i];
	if (n <= head)
		return head;
	memcpy(data + head, f.garbage[i] + head, n - head);
	return n;
}

/* @return octets to send, 0: nothing */
static size_t spoil(uint8_t *data, size_t len)
{
	switch (f.mode) {
	case BITFLIP:
		return bitflip(data, len);
	case STRIP:
		return strip(data, len);
	case SILENT:
		return 0;
	case SERVFAIL:
		return bare(data, len, DNS_FLAG_AA, DNS_RCODE_SERVFAIL);
	case REFUSED:
		return bare(data, len, DNS_FLAG_AA, DNS_RCODE_REFUSED);
	case LAME:
		return bare(data, len, DNS_FLAG_AA, DNS_RCODE_NOERROR);
	case GARBAGE:
		return garbage(data, len);
	default:
		return len;
	}
}

/* ---- moving ---- */

static void send_back(int fd, const struct lab_addr *client, const uint8_t *data, size_t len)
{
	sendto(fd, data, len, 0, (const struct sockaddr *)&client->sa, client->len);
}

static void hold(
	int fd, const struct lab_addr *client, const uint8_t *data, size_t len, unsigned ms)
{
	struct held *h;

	if (f.held_count == HELD_MAX)
		return; // a queue that is full loses, as a router's does
	h = &f.held[f.held_count++];
	h->due_ms = lab_now_ms() + ms;
	h->fd = fd;
	h->client = *client;
	h->len = len;
	h->data = malloc(len);
	memcpy(h->data, data, len);
}

static void release_due(void)
{
	uint64_t now = lab_now_ms();

	for (unsigned i = 0; i < f.held_count;) {
		struct held *h = &f.held[i];

		if (h->due_ms > now) {
			i++;
			continue;
		}
		send_back(h->fd, &h->client, h->data, h->len);
		free(h->data);
		*h = f.held[--f.held_count];
	}
}

static void from_client(int fd)
{
	uint8_t data[MESSAGE_MAX];
	struct lab_addr from = {.len = sizeof(from.sa)};
	ssize_t n;

	while ((n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from.sa, &from.len)) >=
		0) {
		struct pending *p;

		if (n >= DNS_HEADER_LEN && (f.mode != SILENT || spared(&from))) {
			p = &f.pending[++f.next_id];
			*p = (struct pending){true, dns_get16(data), fd, from};
			dns_put16(data, f.next_id);
			send(f.upstream, data, (size_t)n, 0);
		}
		from.len = sizeof(from.sa);
	}
}

/* Spoil a reply and send it, now or later, once, twice or not at all. */
static void pass_on(const struct pending *p, uint8_t *data, size_t n)
{
	size_t len = spoil(data, n);

	if (len == 0 || chance(f.loss))
		return;
	for (unsigned copies = chance(f.dup) ? 2 : 1; copies > 0; copies--) {
		unsigned ms = f.delay_ms + (chance(f.reorder) ? 20u : 0u);

		if (ms > 0)
			hold(p->fd, &p->client, data, len, ms);
		else
			send_back(p->fd, &p->client, data, len);
	}
}

static void from_upstream(void)
{
	uint8_t data[MESSAGE_MAX];
	ssize_t n;

	while ((n = recv(f.upstream, data, sizeof(data), 0)) >= 0) {
		struct pending *p;

		if (n < DNS_HEADER_LEN)
			continue;
		p = &f.pending[dns_get16(data)];
		if (!p->used)
			continue;
		p->used = false;
		dns_put16(data, p->id);
		if (spared(&p->client))
			send_back(p->fd, &p->client, data, (size_t)n);
		else
			pass_on(p, data, (size_t)n);
	}
}

/* ---- control ---- */

static bool set_number(const char *line, const char *word, unsigned *value, unsigned max)
{
	size_t n = strlen(word);
	unsigned long v;
	char *end;

	if (strncmp(line, word, n) != 0 || line[n] != ' ')
		return false;
	v = strtoul(line + n + 1, &end, 10);
	if (*end != '\0' || v > max)
		return false;
	*value = (unsigned)v;
	return true;
}

static bool obey(const char *line)
{
	for (unsigned m = 0; m < MODES; m++)
		if (strcmp(line, mode_names[m]) == 0) {
			f.mode = (enum mode)m;
			return true;
		}
	return set_number(line, "delay", &f.delay_ms, 60000) ||
	       set_number(line, "loss", &f.loss, 100) || set_number(line, "dup", &f.dup, 100) ||
	       set_number(line, "reorder", &f.reorder, 100) || set_number(line, "only", &f.only, 6);
}

static void from_control(void)
{
	char line[64];
	ssize_t n;

	while ((n = recv(f.control, line, sizeof(line) - 1, 0)) >= 0) {
		line[n] = '\0';
		line[strcspn(line, "\r\n")] = '\0';
		if (!obey(line))
			warnx("not understood: %s", line);
	}
}

static void open_control(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(sun.sun_path))
		errx(2, "%s: too long for a socket", path);
	strcpy(sun.sun_path, path);
	unlink(path);
	f.control = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (f.control < 0 || bind(f.control, (struct sockaddr *)&sun, sizeof(sun)) != 0)
		err(1, "%s", path);
}

static void load_garbage(const char *path)
{
	static char line[2 * 65536 + 2];
	static uint8_t data[65536];
	FILE *in = fopen(path, "r");

	if (in == NULL)
		err(1, "%s", path);
	while (f.garbage_count < GARBAGE_MAX && fgets(line, sizeof(line), in) != NULL) {
		int n = lab_hex(line, data, sizeof(data));

		if (n <= 0 || n > MESSAGE_MAX)
			continue;
		f.garbage[f.garbage_count] = malloc((size_t)n);
		memcpy(f.garbage[f.garbage_count], data, (size_t)n);
		f.garbage_len[f.garbage_count++] = (uint16_t)n;
	}
	fclose(in);
}

static void parse_arguments(int argc, char **argv)
{
	static const struct option options[] = {
		{"control", required_argument, NULL, 'c'},
		{"upstream", required_argument, NULL, 'u'},
		{"port", required_argument, NULL, 'p'},
		{"garbage", required_argument, NULL, 'g'},
		{0},
	};
	const char *control = NULL, *upstream = NULL;
	uint16_t port = 53;
	struct lab_addr a;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			control = optarg;
			break;
		case 'u':
			upstream = optarg;
			break;
		case 'p':
			port = (uint16_t)atoi(optarg);
			break;
		case 'g':
			load_garbage(optarg);
			break;
		default:
			exit(2);
		}
	}
	if (control == NULL || upstream == NULL || optind == argc || argc - optind > LISTEN_MAX)
		errx(2, "usage: faulty --control SOCKET --upstream ADDR [--port N] [--garbage "
			"FILE] ADDR...");
	open_control(control);
	a = lab_addr_parse(upstream, port);
	f.upstream = lab_udp(a.sa.ss_family, NULL);
	if (connect(f.upstream, (struct sockaddr *)&a.sa, a.len) != 0)
		err(1, "%s", upstream);
	for (; optind < argc; optind++) {
		a = lab_addr_parse(argv[optind], port);
		f.listen[f.listeners++] = lab_udp(a.sa.ss_family, &a);
	}
}

int main(int argc, char **argv)
{
	struct pollfd fds[LISTEN_MAX + 2];

	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	srand((unsigned)getpid());
	parse_arguments(argc, argv);
	for (nfds_t i = 0; i < f.listeners; i++)
		fds[i] = (struct pollfd){f.listen[i], POLLIN, 0};
	fds[f.listeners] = (struct pollfd){f.upstream, POLLIN, 0};
	fds[f.listeners + 1] = (struct pollfd){f.control, POLLIN, 0};
	puts("ready");
	fflush(stdout);
	while (!stop) {
		if (poll(fds, f.listeners + 2, f.held_count > 0 ? 1 : 1000) < 0 && errno != EINTR)
			err(1, "poll");
		from_control();
		for (nfds_t i = 0; i < f.listeners; i++)
			from_client(f.listen[i]);
		from_upstream();
		release_due();
	}
	return 0;
}
