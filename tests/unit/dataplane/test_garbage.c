#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/Basic.h>

#include "tests/unit/dataplane/stage.h"
#include "tests/unit/run.h"

/*
 * The collected messages of dns-messages.tsv.gz, many malformed on purpose, at both sides of a
 * worker: as a client's query, as a reply that nobody awaits, and as the awaited reply to its own
 * question from every site that is asked. Afterwards queries must still be answered and nothing be
 * out; the accounting is checked after every turn.
 */

enum { SKIP = 77, LINE_LEN = 2 * 65535 + 1024, FRAME_DNS_MAX = 1800, ROUNDS_MAX = 16 };

static char path[4096];
static struct {
	unsigned rows, skipped, asked, replied, answered;
} count;

static int unhex(const char *hex, uint8_t *out, size_t size)
{
	size_t n = 0;
	unsigned octet;

	for (; sscanf(hex, "%2x", &octet) == 1; hex += 2) {
		if (n == size)
			return -1;
		out[n++] = (uint8_t)octet;
	}
	return (int)n;
}

/* Packets with a payload of exactly these octets. */
static void as_query(const uint8_t *dns, size_t len)
{
	struct stage_query q = {.qname = "."};
	struct stage_packet p;

	stage_query_packet(&q, &p);
	memcpy(p.dns, dns, len);
	p.len = len;
	if (len > DNS_OFF_FLAGS)
		p.dns[DNS_OFF_FLAGS] &= 0x7f; // many are responses
	stage_send(STAGE_CLIENTS, &p);
	stage_turn();
}

static void as_reply(const struct stage_packet *to, const uint8_t *dns, size_t len)
{
	struct stage_packet p = stage_answer_to(to);

	memcpy(p.dns, dns, len);
	p.len = len;
	if (len >= DNS_HEADER_LEN) {
		memcpy(p.dns, to->dns, 2);
		p.dns[DNS_OFF_FLAGS] = (uint8_t)((p.dns[DNS_OFF_FLAGS] | 0x80) & ~0x78);
	}
	stage_send(STAGE_UPSTREAM, &p);
	stage_turn();
}

/* Every site that is asked says the same. */
static void answer_all(uint8_t *dns, size_t len)
{
	struct stage_packet up;

	for (unsigned i = 0; i < ROUNDS_MAX && stage_take(STAGE_UPSTREAM, &up); i++) {
		int name = dns_name_len(up.dns + DNS_HEADER_LEN, up.dns + up.len);
		struct stage_packet forged = up;

		forged.dns[0] ^= 1; // nobody awaits this one
		as_reply(&forged, dns, len);
		if (name > 0 && len >= DNS_HEADER_LEN + (size_t)name)
			memcpy(dns + DNS_HEADER_LEN, up.dns + DNS_HEADER_LEN, (size_t)name);
		as_reply(&up, dns, len);
		count.replied++;
	}
}

static void take_answers(void)
{
	struct stage_packet p;

	while (stage_take(STAGE_CLIENTS, &p))
		count.answered++;
}

static void throw_row(uint8_t *dns, size_t len)
{
	uint64_t waiting = stage_stats().waiting;

	as_query(dns, len);
	count.asked += stage_stats().waiting > waiting;
	answer_all(dns, len);
	take_answers();
	stage_pass(2);
}

static void still_forwards(void)
{
	struct stage_query q = {.qname = "still-here.com.", .id = 4711};
	struct stage_packet up;

	stage_pass(2000); // whoever still waits is told
	take_answers();
	while (stage_take(STAGE_UPSTREAM, &up))
		continue;
	stage_ask(&q);
	up = stage_expect_upstream(SIN);
	stage_reply_signed(&up, 3600);
	CU_ASSERT_EQUAL(stage_expect_answer()->msg.id, 4711);
}

static void test_garbage(void)
{
	static char line[LINE_LEN], command[sizeof(path) + 16];
	static uint8_t dns[FRAME_DNS_MAX];
	struct stage_spec spec = {
		.status = VAL_ZONE_SECURE, .tries = 3, .cache = {.size_mb = 1, .stale_s = 60}};
	FILE *rows;

	stage_open(&spec);
	snprintf(command, sizeof(command), "gzip -dc '%s'", path);
	rows = popen(command, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(rows);
	while (fgets(line, sizeof(line), rows)) {
		char *hex = strrchr(line, '\t');
		int len = hex != NULL && line[0] != '#' ? unhex(hex + 1, dns, sizeof(dns)) : -1;

		count.rows += line[0] != '#';
		count.skipped += line[0] != '#' && len < 0;
		if (len >= 0)
			throw_row(dns, (size_t)len);
	}
	CU_ASSERT_EQUAL(pclose(rows), 0);
	printf("\n    %u messages, %u skipped (no hex, or too long for a frame); %u asked "
	       "upstream, "
	       "%u replies, %u answers\n  ",
		count.rows, count.skipped, count.asked, count.replied, count.answered);
	CU_ASSERT(count.asked > 0 && count.replied > 0 && count.answered > 0);
	still_forwards();
	stage_close();
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {
		{"collected messages", test_garbage},
		CU_TEST_INFO_NULL,
	};
	const char *folder = getenv("SWERVE_DATA");

	if (folder == NULL)
		folder = argc > 1 ? argv[1] : ".";
	snprintf(path, sizeof(path), "%s/dns-messages.tsv.gz", folder);
	if (access(path, R_OK) != 0) {
		printf("skipped: no %s\n", path);
		return SKIP;
	}
	stage_start(argv[0]);
	return test_run("garbage", tests);
}
