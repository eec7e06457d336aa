#include <stdlib.h>
#include <string.h>

#include "control/show.h"
#include "tests/unit/run.h"

typedef void (*show_fn)(const json_t *data, FILE *out);

static const struct {
	const char *name;
	show_fn show;
} all[] = {
	{"status", ctl_show_status},
	{"sites", ctl_show_sites},
	{"stats", ctl_show_stats},
	{"zones", ctl_show_zones},
	{"keys", ctl_show_keys},
	{"routes", ctl_show_routes},
	{"history", ctl_show_history},
	{"diff", ctl_show_diff},
	{"validated", ctl_show_validated},
	{"applied", ctl_show_applied},
	{"moved", ctl_show_moved},
	{"flushed", ctl_show_flushed},
	{"events", ctl_show_events},
	{"event", ctl_show_event},
};

static char *shown(show_fn show, const char *json)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	json_t *data = json_loads(json, JSON_DECODE_ANY, NULL);

	show(data, f);
	fclose(f);
	json_decref(data);
	return text;
}

/** A swervectl of another version, or no swerved at all, behind the socket: shown, never a crash.
 */
static void test_any_json(void)
{
	static const char *const inputs[] = {
		"{}",
		"[]",
		"7",
		"null",
		"\"text\"",
		"[1, {}, []]",
		"{\"zones\": 5, \"ports\": [1, {}], \"service\": [3]}",
		"{\"sum\": [], \"identity\": 1}",
		"{\"zones\": [{\"regions\": [{\"paths\": [7]}]}]}",
		"[{\"keys\": 7, \"valid_s\": \"x\"}]",
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		for (size_t k = 0; k < sizeof(inputs) / sizeof(inputs[0]); k++)
			free(shown(all[i].show, inputs[k]));
	CU_PASS("no crash");
}

static void test_sites(void)
{
	char *text = shown(ctl_show_sites,
		"[{\"zone\":\"com.\",\"site\":\"sin\",\"address\":\"192.0.2.1\",\"state\":"
		"\"failing\","
		"\"reachable\":true,\"sent\":5,\"good\":1,\"bad\":4,\"timeouts\":0,\"rtt_us\":1500,"
		"\"rtt_p99_us\":4096,\"expires_in_s\":-61,\"serial\":2023070801,\"nsid\":\"sin1\"}"
		"]");
	CU_ASSERT_STRING_EQUAL(text, "ZONE  SITE  ADDRESS    STATE    SENT  GOOD  BAD  TIMEOUT     "
				     "RTT     P99  EXPIRES IN      SERIAL  NSID\n"
				     "com.  sin   192.0.2.1  failing     5     1    4        0  "
				     "1.5 ms  4.1 ms   1m 1s ago  2023070801  sin1\n");
	free(text);
}

static void test_drained(void)
{
	char *text = shown(ctl_show_sites,
		"[{\"state\":\"drained\",\"reachable\":true,\"drain\":{\"reason\":\"r\",\"left_s\":"
		"59}},"
		"{\"state\":\"drained\",\"drain\":{\"reason\":\"r\",\"left_s\":null}}]");

	CU_ASSERT_PTR_NOT_NULL(strstr(text, "drained, 59 s left  "));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "drained (no next hop)  "));
	free(text);
}

/* What is the same for all lines of a zone or a region is said once; a limit of 100 % is none. */
static void test_routes(void)
{
	char *text = shown(ctl_show_routes,
		"{\"number\":7,\"zones\":[{\"zone\":\"com.\",\"regions\":["
		"{\"region\":\"*\",\"policy\":\"weighted\",\"paths\":["
		"{\"site\":\"sin\",\"address\":\"192.0.2.1\",\"state\":\"up\",\"group\":1,"
		"\"weight\":30,\"share_limit\":60,\"share\":74.96},"
		"{\"site\":\"lax\",\"address\":\"192.0.2.3\",\"state\":\"lagging\",\"group\":12,"
		"\"weight\":1,\"share_limit\":99,\"share\":25.04}]},"
		"{\"region\":\"us\",\"policy\":\"fastest\",\"paths\":["
		"{\"site\":\"lax\",\"address\":\"192.0.2.3\",\"state\":\"lagging\",\"group\":2,"
		"\"weight\":5,\"share_limit\":100,\"share\":100}]}]}]}");
	CU_ASSERT_STRING_EQUAL(text,
		"table 7\n\n"
		"ZONE  REGION  SITE  ADDRESS    STATE    POLICY       GROUP  LIMIT    SHARE\n"
		"com.  *       sin   192.0.2.1  up       weighted 30      1   60 %   75.0 %\n"
		"              lax   192.0.2.3  lagging  weighted 1      12   99 %   25.0 %\n"
		"      us      lax   192.0.2.3  lagging  fastest          2      -  100.0 %\n");
	free(text);
}

static void test_spans(void)
{
	static const struct {
		const char *s, *text;
	} rows[] = {{"59", "59s"}, {"60", "1m 0s"}, {"3599", "59m 59s"}, {"3600", "1h 0m"},
		{"86399", "23h 59m"}, {"86400", "1d 0h"}, {"-5", "5s ago"}, {"null", "-"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char json[64], want[64];
		snprintf(json, sizeof(json), "[{\"zone\":\"z\",\"valid_s\":%s}]", rows[i].s);
		snprintf(want, sizeof(want), "  %s ", rows[i].text);
		char *text = shown(ctl_show_keys, json);
		if (!strstr(text, want))
			printf("\n  %s: %s", rows[i].s, text != NULL ? text : "");
		CU_ASSERT_PTR_NOT_NULL(strstr(text, want));
		free(text);
	}
}

static void test_event(void)
{
	char *text = shown(ctl_show_event, "{\"id\":7,\"time\":\"2023-07-08T21:10:00.123Z\","
					   "\"kind\":\"site_fault\",\"text\":\"com. at sin\"}");
	CU_ASSERT_STRING_EQUAL(text, "7  2023-07-08T21:10:00.123Z  site_fault: com. at sin\n");
	free(text);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"any JSON", test_any_json},
		{"sites", test_sites},
		{"drained", test_drained},
		{"routes", test_routes},
		{"spans", test_spans},
		{"an event", test_event},
		CU_TEST_INFO_NULL,
	};
	return test_run("control/show", tests);
}
