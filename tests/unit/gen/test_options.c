#include <errno.h>
#include <math.h>

#include "gen/options.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

#define ENOUGH "--names f --server 192.0.2.1 --client 10.0.0.1 "

/* A command line of words. */
static int read_line(const char *text, struct gen_options *o, char *err)
{
	static char line[512];
	char *argv[32] = {"swerve-gen"}, *save;
	int argc = 1;

	snprintf(line, sizeof(line), "%s", text);
	for (char *w = strtok_r(line, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	return gen_options_read(argc, argv, o, err);
}

static const struct {
	const char *name, *text, *want;
} rows[] = {
	{"nobody", "--clients-port -1", "neither clients nor sites are to be played"},
	{"no names", "", "clients need --names"},
	{"no server", "--names f", "clients need --server"},
	{"no client", "--names f --server 192.0.2.1",
		"clients need --client of each family that --server has"},
	{"other family", "--names f --server 192.0.2.1 --client ::2",
		"clients need --client of each family that --server has"},
	{"search without clients", "--clients-port -1 --sites-port 0 --search ndr",
		"a search needs clients"},
	{"min over max", ENOUGH "--min-rate 10 --max-rate 9", "--min-rate is above --max-rate"},
	{"server", "--server 192.0.2", "--server: expected one host's address, got \"192.0.2\""},
	{"multicast", "--server 224.0.0.1",
		"--server: expected one host's address, got \"224.0.0.1\""},
	{"server twice", "--server 192.0.2.1 --server 192.0.2.2",
		"--server: expected one address a family, got \"192.0.2.2\""},
	{"mac", "--mac 02:00", "--mac: expected a MAC address, got \"02:00\""},
	{"port", "--sites-port 32", "--sites-port: expected a port's number, or -1, got \"32\""},
	{"zipf", "--zipf x", "--zipf: expected a number from 0 to 10, or `turn`, got \"x\""},
	{"rate 0", "--rate 0", "--rate: expected a number above 0, or `max`, got \"0\""},
	{"rate inf", "--rate inf", "--rate: expected a number above 0, or `max`, got \"inf\""},
	{"search", "--search fast", "--search: expected ndr, pdr or both, got \"fast\""},
	{"per cent", "--v6 101", "--v6: expected a number from 0 to 100, got \"101\""},
	{"clients 0", "--clients 0",
		"--clients: expected a whole number from 1 to 65536, got \"0\""},
	{"half a client", "--clients 1.5",
		"--clients: expected a whole number from 1 to 65536, got \"1.5\""},
	{"rest", ENOUGH "fast", "what is \"fast\"?"},
};

static void test_refused(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gen_options o;
		char err[GEN_ERR_MAX];

		UNIT_CHECK(rows[i].name, read_line(rows[i].text, &o, err) == -EINVAL);
		UNIT_CHECK(rows[i].name, strcmp(err, rows[i].want) == 0);
	}
}

static void test_taken(void)
{
	struct gen_options o;
	char err[GEN_ERR_MAX];

	CU_ASSERT_EQUAL(read_line(ENOUGH "--server ::1 --client ::2 --sites-port 0 --rate max "
					 "--zipf turn --search both --delay 250 --clients 65536 "
					 "--mac 02:00:00:00:00:09 --made --rd --trust --json -",
				&o, err),
		0);
	CU_ASSERT_STRING_EQUAL(err, "");
	CU_ASSERT_EQUAL(o.clients_port, 0);
	CU_ASSERT_EQUAL(o.sites_port, 0);
	CU_ASSERT(isinf(o.rate));
	CU_ASSERT(o.zipf < 0);
	CU_ASSERT_EQUAL(o.search, GEN_SEARCH_BOTH);
	CU_ASSERT_EQUAL(o.sites.delay_us, 250);
	CU_ASSERT_EQUAL(o.clients.client_count, 65536);
	CU_ASSERT_EQUAL(o.clients.dst_mac.addr_bytes[5], 9);
	CU_ASSERT_EQUAL(o.clients.server[0].family, 4);
	CU_ASSERT_EQUAL(o.clients.server[1].family, 6);
	CU_ASSERT(o.sites.make && o.clients.recursive && o.trust);
	CU_ASSERT_EQUAL(read_line("--clients-port -1 --sites-port 1", &o, err), 0);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"refused", test_refused},
		{"taken", test_taken},
		CU_TEST_INFO_NULL,
	};
	return test_run("gen/options", tests);
}
