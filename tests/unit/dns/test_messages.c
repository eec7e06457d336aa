#include <errno.h>
#include <unistd.h>

#include "dns/wire.h"
#include "tests/fuzz/msg_check.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

/**
 * The collected messages of dns-messages.tsv.gz, many malformed on purpose: each is parsed, walked,
 * put into canonical form, written again and parsed again; of every PREFIX_EACHth every prefix too.
 * argv[1] is the data folder unless SWERVE_DATA is set.
 */

enum { PREFIX_EACH = 16, FLIP_EACH = 4, LINE_LEN = 2 * DNS_MSG_MAX + 512, SKIP = 77 };

static char path[4096];

static struct {
	unsigned rows, unreadable, accepted, too_short, malformed, too_many;
	unsigned prefixes, flipped, flipped_accepted, broken;
} count;

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/** @return octets, -1 when the text is no hex or too long */
static int unhex(const char *text, uint8_t *out, size_t size)
{
	size_t len = 0;

	for (; *text != '\0' && *text != '\n'; text += 2) {
		int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);
		if (low < 0 || len == size)
			return -1;
		out[len++] = (uint8_t)(high << 4 | low);
	}
	return (int)len;
}

/** @return what dns_msg_parse() said */
static int check(const uint8_t *octets, size_t len, const char *what)
{
	uint8_t *exact = unit_copy(octets, len);
	int rc;
	const char *broken = msg_check(exact, len, &rc);

	if (broken) {
		printf("\n    message %u, %s: %s", count.rows, what, broken);
		count.broken++;
	}
	free(exact);
	return rc;
}

static void check_flipped(const uint8_t *octets, size_t len, uint64_t *seed)
{
	static uint8_t flipped[DNS_MSG_MAX];

	memcpy(flipped, octets, len);
	for (unsigned flips = 1 + unit_random_below(seed, 3); flips > 0 && len > 0; flips--) {
		unsigned bit = unit_random_below(seed, len * 8);
		flipped[bit / 8] = (uint8_t)(flipped[bit / 8] ^ 1 << bit % 8);
	}
	count.flipped++;
	count.flipped_accepted += check(flipped, len, "bits flipped") == 0;
}

static void check_row(const uint8_t *octets, size_t len, uint64_t *seed)
{
	int rc = check(octets, len, "whole");

	count.accepted += rc == 0;
	count.too_short += rc == -EMSGSIZE;
	count.malformed += rc == -EBADMSG;
	count.too_many += rc == -E2BIG;
	for (size_t n = 0; count.rows % PREFIX_EACH == 0 && n < len; n++) {
		// a good message has no good prefix: what follows would be octets left over
		int prefix_rc = check(octets, n, "prefix");
		count.broken += rc == 0 && prefix_rc == 0;
		count.prefixes++;
	}
	for (unsigned i = 0; count.rows % FLIP_EACH == 0 && i < 8; i++)
		check_flipped(octets, len, seed);
}

static void test_messages(void)
{
	static char line[LINE_LEN], command[sizeof(path) + 16];
	static uint8_t octets[DNS_MSG_MAX];
	uint64_t seed = 1983;

	snprintf(command, sizeof(command), "gzip -dc '%s'", path);
	FILE *rows = popen(command, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(rows);
	while (fgets(line, sizeof(line), rows)) {
		if (line[0] == '#')
			continue;
		char *hex = strrchr(line, '\t');
		int len = hex ? unhex(hex + 1, octets, sizeof(octets)) : -1;
		count.rows++;
		if (len < 0)
			count.unreadable++;
		else
			check_row(octets, (size_t)len, &seed);
	}
	CU_ASSERT_EQUAL(pclose(rows), 0);
	printf("\n    %u messages: %u accepted, %u end early, %u malformed, %u with too many "
	       "records;"
	       "\n    %u skipped (no hex, or over 65535 octets); %u prefixes;"
	       "\n    %u with bits flipped, %u of them accepted\n  ",
		count.rows, count.accepted, count.too_short, count.malformed, count.too_many,
		count.unreadable, count.prefixes, count.flipped, count.flipped_accepted);
	CU_ASSERT_EQUAL(count.broken, 0);
	CU_ASSERT_TRUE(count.accepted > 0);
	CU_ASSERT_EQUAL(count.rows, count.unreadable + count.accepted + count.too_short +
					    count.malformed + count.too_many);
}

int main(int argc, char **argv)
{
	static CU_TestInfo tests[] = {
		{"collected messages", test_messages},
		CU_TEST_INFO_NULL,
	};
	const char *folder = getenv("SWERVE_DATA");

	if (!folder)
		folder = argc > 1 ? argv[1] : ".";
	snprintf(path, sizeof(path), "%s/dns-messages.tsv.gz", folder);
	if (access(path, R_OK) != 0) {
		printf("skipped: no %s\n", path);
		return SKIP;
	}
	return test_run("dns/messages", tests);
}
