#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "control/inspect.h"
#include "dns/rdata.h"
#include "tests/unit/control/capkit.h"
#include "tests/unit/run.h"
#include "tests/unit/unit.h"

/**
 * Questions and signed answers of other validators' test suites, each written as a capture: all
 * that the scenario's servers send, then the question, then the answer that is judged. Not in this
 * repository: see the test of the validator over the same cases.
 */

static const struct cap_end server = {"192.0.2.53", 53}, client = {"192.0.2.1", 4053};

struct known {
	const char *scenario, *qname, *why;
};
/** Cases whose expectation does not follow from what the capture shows. */
static const struct known elsewhere[] = {
	{"unbound/dns64_dnssec.rpl", "inva.example.test.",
		"DNS64: the failure is that of the A answer asked for next"},
	{"unbound/net_signed_servfail.rpl", NULL,
		"the root denied net.'s DS at first, and the resolver remembers"},
	{"unbound/root_key_sentinel.rpl", NULL, "a resolver's answer to sentinels, RFC 8509"},
	{"unbound/ipsecmod_bogus_ipseckey.crpl", "example.com.",
		"refused for the IPSECKEY answer asked for beside it"},
	{"domain/val_nsec3_optout_ad.rpl", "sub.example.com.",
		"resolvers differ on NODATA in an opt-out span"},
	{"unbound/val_cnametocloser.rpl", NULL, "the CNAME's target is asked for next"},
	{"unbound/val_cnametocloser_nosig.rpl", NULL, "the CNAME's target is asked for next"},
	{NULL, NULL, NULL},
};

struct outcome {
	int answers; // of the server, so far
	int wanted;  // the one that counts
	struct ctl_judged judged;
	bool cd, wants_ad; // of the query
};

static void take(void *arg, const struct ctl_judged *j, const struct dns_msg *msg)
{
	struct outcome *o = arg;

	(void)msg;
	if (++o->answers == o->wanted)
		o->judged = *j;
}

static size_t from_hex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned v;

		if (sscanf(hex + 2 * i, "%2x", &v) != 1)
			abort();
		out[i] = (uint8_t)v;
	}
	return n;
}

static bool load_anchors(json_t *lines, struct val_anchors *out)
{
	char path[] = "/tmp/swerve-anchor-XXXXXX", err[256];
	FILE *f = fdopen(mkstemp(path), "w");
	json_t *line;
	size_t i;
	int rc;

	if (f == NULL)
		abort();
	json_array_foreach(lines, i, line) fprintf(f, "%s\n", json_string_value(line));
	fclose(f);
	rc = val_anchors_load(path, out, err, sizeof(err));
	unlink(path);
	return rc == 0;
}

/** The newest inception in a message, if newer than `newest`. */
static uint32_t newest_inception(const uint8_t *data, size_t len, uint32_t newest)
{
	static struct dns_msg m;
	struct dns_rrsig sig;

	if (dns_msg_parse(&m, data, len) != 0)
		return newest;
	for (uint16_t i = 0; i < m.rr_count; i++)
		if (m.rr[i].type == DNS_TYPE_RRSIG &&
			dns_rrsig_read(data + m.rr[i].rdata_off, m.rr[i].rdata_len, &sig) == 0 &&
			sig.inception > newest)
			newest = sig.inception;
	return newest;
}

static int64_t date_of(json_t *j)
{
	static uint8_t data[DNS_MSG_MAX];
	json_t *list = json_object_get(j, "scripted"), *item;
	int64_t date = json_integer_value(json_object_get(j, "date"));
	uint32_t newest;
	size_t i;

	// the suite's word for "do not look at times": stand where all of them are good
	if ((uint32_t)date != UINT32_MAX)
		return date;
	newest = newest_inception(
		data, from_hex(json_string_value(json_object_get(j, "upstream")), data), 0);
	json_array_foreach(list, i, item) newest =
		newest_inception(data, from_hex(json_string_value(item), data), newest);
	return newest;
}

static void add(struct cap_file *f, const char *hex, bool response)
{
	static struct cap_frame frame;
	static uint8_t data[DNS_MSG_MAX];
	size_t len = from_hex(hex, data);

	if (response)
		data[2] |= 0x80;
	cap_udp_frame(&frame, &cap_links[6], response ? &server : &client,
		response ? &client : &server, data, len);
	cap_file_add(f, &frame);
}

static bool all_live(json_t *algs)
{
	json_t *a;
	size_t i;

	json_array_foreach(algs, i, a)
	{
		if (!val_alg_supported((uint8_t)json_integer_value(a), true))
			return false;
	}
	return json_array_size(algs) > 0;
}

static void read_query(const char *hex, struct outcome *o)
{
	static struct dns_msg m;
	static uint8_t data[DNS_MSG_MAX];

	if (dns_msg_parse(&m, data, from_hex(hex, data)) != 0)
		return;
	o->cd = (m.flags & DNS_FLAG_CD) != 0;
	o->wants_ad = (m.flags & DNS_FLAG_AD) != 0 || m.edns.do_bit;
}

/** @return false when there are no anchors to judge by */
static bool run_case(json_t *j, struct outcome *o)
{
	static struct val_anchors anchors;
	struct ctl_inspect_options options = {.anchors = &anchors, .sha1 = true};
	json_t *list = json_object_get(j, "scripted"), *item;
	struct ctl_inspect_stats stats;
	char err[CTL_CAPTURE_ERR_MAX];
	struct cap_file f = {0};
	size_t i;

	memset(o, 0, sizeof(*o));
	read_query(json_string_value(json_object_get(j, "query")), o);
	if (!load_anchors(json_object_get(j, "trust_anchors"), &anchors))
		return false;
	cap_file_new(&f, 12, date_of(j) * 1000000);
	json_array_foreach(list, i, item) add(&f, json_string_value(item), true);
	add(&f, json_string_value(json_object_get(j, "query")), false);
	add(&f, json_string_value(json_object_get(j, "upstream")), true);
	cap_file_close(&f);
	o->wanted = (int)json_array_size(list) + 1;
	CU_ASSERT_EQUAL(ctl_inspect_file(f.path, &options, take, o, &stats, err), 0);
	unlink(f.path);
	return true;
}

/** What the resolver did, as a verdict. */
static bool agrees(json_t *j, const struct outcome *o)
{
	int rcode = (int)json_integer_value(json_object_get(j, "expect_rcode"));
	bool ad = json_is_true(json_object_get(j, "expect_ad"));

	switch (o->judged.verdict) {
	case VAL_SECURE:
		return rcode == o->judged.rcode && ad == o->wants_ad;
	case VAL_INSECURE:
		return rcode == o->judged.rcode && !ad;
	default:
		return rcode == (o->cd ? o->judged.rcode : DNS_RCODE_SERVFAIL);
	}
}

static const struct known *find_known(json_t *j)
{
	const char *scenario = json_string_value(json_object_get(j, "scenario"));
	const char *qname = json_string_value(json_object_get(j, "qname"));

	for (const struct known *k = elsewhere; k->scenario != NULL; k++)
		if (strcmp(k->scenario, scenario) == 0 &&
			(k->qname == NULL || strcmp(k->qname, qname) == 0))
			return k;
	return NULL;
}

static FILE *input;

static void test_cases(void)
{
	unsigned ran = 0, dead = 0, agreed = 0, open = 0, known = 0;
	char *line = NULL;
	size_t size = 0;

	printf("\n");
	while (getline(&line, &size, input) > 0) {
		json_error_t error;
		json_t *j = json_loads(line, 0, &error);
		struct outcome o;

		CU_ASSERT_PTR_NOT_NULL_FATAL(j);
		ran++;
		if (!all_live(json_object_get(j, "algs"))) {
			dead++;
		} else if (run_case(j, &o) && agrees(j, &o)) {
			agreed++;
		} else {
			const struct known *k = find_known(j);

			printf("  %s %s %s: expected rcode %d%s, got %s, %s%s%s\n",
				json_string_value(json_object_get(j, "scenario")),
				json_string_value(json_object_get(j, "qname")),
				json_string_value(json_object_get(j, "qtype")),
				(int)json_integer_value(json_object_get(j, "expect_rcode")),
				json_is_true(json_object_get(j, "expect_ad")) ? " AD" : "",
				val_verdict_name(o.judged.verdict), o.judged.why,
				k != NULL ? "; known: " : "", k != NULL ? k->why : "");
			open += o.judged.verdict == VAL_INDETERMINATE;
			known += k != NULL;
			CU_ASSERT_PTR_NOT_NULL(k);
		}
		json_decref(j);
	}
	free(line);
	printf("  %u cases: %u agree, %u indeterminate, %u known to differ, %u rest on dead "
	       "algorithms\n",
		ran, agreed, open, known, dead);
	CU_ASSERT_NOT_EQUAL(agreed, 0);
}

int main(int argc, char **argv)
{
	CU_TestInfo tests[] = {{"message cases as captures", test_cases}, CU_TEST_INFO_NULL};
	const char *folder = getenv("SWERVE_DATA");
	char path[4096];
	int failed;

	if (folder == NULL)
		folder = argc > 1 ? argv[1] : ".";
	snprintf(path, sizeof(path), "%s/message-cases.jsonl", folder);
	input = fopen(path, "r");
	if (input == NULL) {
		printf("skipped: no %s\n", path);
		return 77;
	}
	failed = test_run("control/inspect_cases", tests);
	fclose(input);
	return failed;
}
