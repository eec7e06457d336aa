/*
 * Ask two servers the same questions and compare the answers record by record: RCODE, AA, TC, and
 * in each section owner, type, class, TTL and RDATA, whatever their order and compression.
 *
 *   compare --a ADDR --b ADDR [--do] [--no-edns] [--show N] < QUESTIONS
 *
 * QUESTIONS: "name type" a line, as dnsperf reads. Prints "asked N same N different N unanswered
 * N"; exit code 1 unless all are the same. b's answers are the measure. A question is asked up to
 * three times.
 */
#include <err.h>
#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "dns/msg.h"
#include "dns/rdata.h"
#include "dns/text.h"
#include "dns/writer.h"
#include "tests/lab/net.h"

enum { QUESTIONS_MAX = 65536, WINDOW = 48, TRIES = 3, WAIT_MS = 2500, RECORD_MAX = 3072 };

struct question {
	struct dns_name name;
	uint16_t type;
	char *answer[2]; // canonical text, NULL while there is none
};

static struct question *questions;
static unsigned count;
static bool with_do, with_edns = true;

/* ---- answers as text ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *record_text(const struct dns_msg *msg, const struct dns_rr *rr)
{
	static uint8_t rdata[DNS_MSG_MAX];
	char owner_text[DNS_NAME_TEXT_MAX], type[DNS_MNEMONIC_MAX];
	struct dns_name owner;
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);
	int n = dns_rdata_canonical(msg, rr, rdata, sizeof(rdata));

	dns_rr_owner(msg, rr, &owner);
	dns_name_lower(owner.octets, owner.len);
	fprintf(f, "%u %s %u %u %s ", rr->section,
		dns_name_to_text(owner.octets, owner_text, sizeof(owner_text)), rr->ttl_s,
		rr->class_, dns_type_text(rr->type, type));
	for (int i = 0; i < n; i++)
		fprintf(f, "%02x", rdata[i]);
	if (n < 0)
		fprintf(f, "malformed");
	fclose(f);
	return out;
}

static char *answer_text(const struct dns_msg *msg)
{
	char *lines[DNS_MSG_RR_MAX], rcode[DNS_MNEMONIC_MAX];
	unsigned n = 0;
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	fprintf(f, "%s%s%s qd=%u\n", dns_rcode_text(dns_msg_rcode(msg), rcode),
		msg->flags & DNS_FLAG_AA ? " aa" : "", msg->flags & DNS_FLAG_TC ? " tc" : "",
		msg->qd_count);
	for (unsigned i = 0; i < msg->rr_count; i++)
		if (msg->rr[i].type != DNS_TYPE_OPT)
			lines[n++] = record_text(msg, &msg->rr[i]);
	qsort(lines, n, sizeof(lines[0]), by_text);
	for (unsigned i = 0; i < n; i++) {
		fprintf(f, "%s\n", lines[i]);
		free(lines[i]);
	}
	fclose(f);
	return out;
}

/* ---- asking ---- */

static void ask(int fd, unsigned index)
{
	const struct question *q = &questions[index];
	struct dns_writer w;
	uint8_t buf[512];
	int n;

	dns_writer_init(&w, buf, sizeof(buf), (uint16_t)index, 0);
	dns_writer_question(&w, q->name.octets, q->type, DNS_CLASS_IN);
	if (with_edns)
		dns_writer_opt(&w, 1232, with_do, 0, DNS_EDE_NONE, NULL);
	n = dns_writer_end(&w);
	if (n > 0)
		send(fd, buf, (size_t)n, 0);
}

static bool take(int fd, unsigned side)
{
	static uint8_t buf[DNS_MSG_MAX];
	static struct dns_msg msg;
	ssize_t n = recv(fd, buf, sizeof(buf), 0);
	struct question *q;

	if (n < 0 || dns_msg_parse(&msg, buf, (size_t)n) != 0 || msg.id >= count)
		return false;
	q = &questions[msg.id];
	if (q->answer[side] != NULL || !(msg.flags & DNS_FLAG_QR) || msg.qtype != q->type ||
		!dns_name_equal(msg.qname.octets, q->name.octets))
		return false;
	q->answer[side] = answer_text(&msg);
	return true;
}

/* A window of questions at a time: all answered, or waited for long enough. */
static void ask_window(int fd, unsigned side, unsigned first, unsigned last)
{
	uint64_t until = lab_now_ms() + WAIT_MS;
	unsigned open = 0;

	for (unsigned i = first; i < last; i++)
		if (questions[i].answer[side] == NULL) {
			ask(fd, i);
			open++;
		}
	while (open > 0 && lab_now_ms() < until) {
		struct pollfd p = {fd, POLLIN, 0};

		if (poll(&p, 1, 50) == 1)
			open -= take(fd, side);
	}
}

static void ask_all(const struct lab_addr *server, unsigned side)
{
	int fd = lab_udp(server->sa.ss_family, NULL);

	if (connect(fd, (const struct sockaddr *)&server->sa, server->len) != 0)
		err(1, "connect");
	for (unsigned first = 0; first < count; first += WINDOW) {
		unsigned last = first + WINDOW < count ? first + WINDOW : count;

		for (unsigned t = 0; t < TRIES; t++)
			ask_window(fd, side, first, last);
	}
	close(fd);
}

static void read_questions(void)
{
	char line[DNS_NAME_TEXT_MAX + 64], name[DNS_NAME_TEXT_MAX], type[32];

	questions = calloc(QUESTIONS_MAX, sizeof(*questions));
	while (count < QUESTIONS_MAX && fgets(line, sizeof(line), stdin) != NULL) {
		struct question *q = &questions[count];
		int t;

		if (sscanf(line, "%1024s %31s", name, type) != 2)
			continue;
		t = dns_type_from_text(type);
		if (t < 0 || dns_name_from_text(name, &q->name) != 0)
			errx(2, "not a question: %s", line);
		q->type = (uint16_t)t;
		count++;
	}
}

static int report(unsigned show)
{
	unsigned same = 0, different = 0, unanswered = 0;

	for (unsigned i = 0; i < count; i++) {
		struct question *q = &questions[i];
		char name[DNS_NAME_TEXT_MAX], type[DNS_MNEMONIC_MAX];
		bool missing = q->answer[0] == NULL || q->answer[1] == NULL;

		if (!missing && strcmp(q->answer[0], q->answer[1]) == 0) {
			same++;
			continue;
		}
		different += !missing;
		unanswered += missing;
		if (different + unanswered <= show)
			fprintf(stderr, "%s %s\n--- a\n%s--- b\n%s\n",
				dns_name_to_text(q->name.octets, name, sizeof(name)),
				dns_type_text(q->type, type),
				q->answer[0] ? q->answer[0] : "no answer\n",
				q->answer[1] ? q->answer[1] : "no answer\n");
	}
	printf("asked %u same %u different %u unanswered %u\n", count, same, different, unanswered);
	return same == count && count > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"a", required_argument, NULL, 'a'},
		{"b", required_argument, NULL, 'b'},
		{"do", no_argument, NULL, 'd'},
		{"no-edns", no_argument, NULL, 'n'},
		{"show", required_argument, NULL, 's'},
		{0},
	};
	struct lab_addr server[2] = {0};
	unsigned show = 5;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'a' || c == 'b')
			server[c - 'a'] = lab_addr_parse(optarg, 53);
		else if (c == 'd')
			with_do = true;
		else if (c == 'n')
			with_edns = false;
		else if (c == 's')
			show = (unsigned)atoi(optarg);
		else
			return 2;
	}
	if (server[0].len == 0 || server[1].len == 0)
		errx(2, "usage: compare --a ADDR --b ADDR [--do] [--no-edns] [--show N] < "
			"QUESTIONS");
	read_questions();
	for (unsigned side = 0; side < 2; side++)
		ask_all(&server[side], side);
	return report(show);
}
