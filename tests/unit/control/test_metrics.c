#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "control/metrics.h"
#include "tests/unit/run.h"

static const char STATUS[] =
	"{\"version\":\"1.2\",\"table\":7,\"routes_hash\":\"abc\",\"uptime_s\":10,\"ready\":true,"
	"\"fault\":{\"kind\":\"site\",\"text\":\"t\"},\"zones\":[{\"zone\":\"com.\",\"paths\":4,"
	"\"up\":3,\"fault\":false}]}";
static const char STATS[] =
	"{\"sum\":{\"dropped\":{\"acl\":2},\"rcodes\":{\"NOERROR\":5},\"verdicts\":{\"secure\":9},"
	"\"reasons\":{\"none\":9},\"sig_verified_good\":3,\"sig_verified_bad\":1},"
	"\"workers\":[{\"received\":100,\"busy_cycles\":3000,\"waits\":6,"
	"\"waited_cycles\":5000,\"chain_asked\":4,"
	"\"chain_joined\":5,\"chain_waited\":6,\"chain_failed\":7,\"chain_truncated\":8,"
	"\"chain_fetched\":9,\"chain_limit\":10,\"chain_full\":11,\"keys_awaited\":12,"
	"\"sig_refused\":13},{\"received\":50}],"
	"\"cache\":{\"size\":4096,\"used\":300,\"answers\":2,\"hits\":90,\"misses\":9,"
	"\"evictions\":14,\"contended\":15},"
	"\"tcp\":{\"open\":1,\"queries\":6}}";
static const char SITES[] =
	"[{\"zone\":\"com.\",\"site\":\"sin\",\"address\":\"192.0.2.1\",\"state\":\"failing\","
	"\"sent\":12,\"outcomes\":{\"secure\":8,\"expired\":4,\"lame\":0},\"rtt_us_sum\":3000,"
	"\"rtt_buckets\":[1,0,2,0,0,0,0,0,0,0,0,0,0,0,1],\"expires_in_s\":-61,\"serial\":"
	"2023070801,"
	"\"serial_lag\":3},"
	"{\"zone\":\"com.\",\"site\":\"nrt\",\"address\":\"2001:db8::1\",\"state\":\"up\","
	"\"sent\":0,\"outcomes\":{},\"rtt_us_sum\":0,\"rtt_buckets\":[],\"expires_in_s\":null,"
	"\"serial\":null,\"serial_lag\":null}]";
static const char KEYS[] = "[{\"zone\":\"com.\",\"status\":\"secure\",\"valid_s\":3600,"
			   "\"failures\":0}]";

static char *written(const char *status, const char *stats, const char *sites, const char *keys,
	const char *events)
{
	json_t *j[] = {json_loads(status, 0, NULL), json_loads(stats, 0, NULL),
		json_loads(sites, 0, NULL), json_loads(keys, 0, NULL), json_loads(events, 0, NULL)};
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	ctl_metrics_write(&(struct ctl_metrics){j[0], j[1], j[2], j[3], j[4], 1000, 1000.0}, out);
	fclose(out);
	for (size_t i = 0; i < sizeof(j) / sizeof(j[0]); i++)
		json_decref(j[i]);
	return text;
}

static void test_values(void)
{
	static const char *const lines[] = {
		"swerve_info{version=\"1.2\"} 1",
		"swerve_route_info{version=\"7\",hash=\"abc\"} 1",
		"swerve_start_time_seconds 990",
		"swerve_ready 1",
		"swerve_fault{kind=\"site\"} 1",
		"swerve_fault{kind=\"ours\"} 0",
		"swerve_events_total{kind=\"started\"} 2",
		"swerve_received_packets_total{worker=\"0\"} 100",
		"swerve_received_packets_total{worker=\"1\"} 50",
		"swerve_worker_busy_seconds_total{worker=\"0\"} 3",
		"swerve_worker_waited_seconds_total{worker=\"0\"} 5",
		"swerve_idle_waits_total{worker=\"0\"} 6",
		"swerve_dropped_packets_total{reason=\"acl\"} 2",
		"swerve_client_answers_total{rcode=\"NOERROR\"} 5",
		"swerve_verdicts_total{verdict=\"secure\"} 9",
		"swerve_signatures_verified_total{result=\"bad\"} 1",
		"swerve_chain_questions_total{worker=\"0\"} 4",
		"swerve_chain_questions_joined_total{worker=\"0\"} 5",
		"swerve_chain_waits_total{worker=\"0\"} 6",
		"swerve_chain_questions_failed_total{worker=\"0\"} 7",
		"swerve_chain_answers_truncated_total{worker=\"0\"} 8",
		"swerve_chain_answers_fetched_total{worker=\"0\"} 9",
		"swerve_chain_limited_replies_total{worker=\"0\"} 10",
		"swerve_chain_refused_replies_total{worker=\"0\"} 11",
		"swerve_keys_awaited_total{worker=\"0\"} 12",
		"swerve_signatures_refused_total{worker=\"0\"} 13",
		"swerve_cache_entries 2",
		"swerve_cache_used_bytes 300",
		"swerve_cache_capacity_bytes 4096",
		"swerve_cache_evictions_total 14",
		"swerve_cache_contended_total 15",
		"swerve_tcp_connections 1",
		"swerve_zone_paths_up{zone=\"com.\"} 3",
		"swerve_zone_keys{zone=\"com.\",status=\"secure\"} 1",
		"swerve_zone_keys_valid_seconds{zone=\"com.\"} 3600",
		"swerve_path_state{zone=\"com.\",site=\"sin\",address=\"192.0.2.1\",family="
		"\"ipv4\","
		"state=\"failing\"} 1",
		"swerve_path_state{zone=\"com.\",site=\"nrt\",address=\"2001:db8::1\",family="
		"\"ipv6\",state=\"failing\"} 0",
		"swerve_path_outcomes_total{zone=\"com.\",site=\"sin\",address=\"192.0.2.1\","
		"family="
		"\"ipv4\",outcome=\"expired\"} 4",
		"swerve_path_expiry_margin_seconds{zone=\"com.\",site=\"sin\",address=\"192.0.2."
		"1\","
		"family=\"ipv4\"} -61",
		"swerve_path_serial_lag{zone=\"com.\",site=\"sin\",address=\"192.0.2.1\",family="
		"\"ipv4\"} 3",
		"swerve_path_rtt_seconds_bucket{zone=\"com.\",site=\"sin\",address=\"192.0.2.1\","
		"family=\"ipv4\",le=\"0.000128\"} 1",
		"swerve_path_rtt_seconds_bucket{zone=\"com.\",site=\"sin\",address=\"192.0.2.1\","
		"family=\"ipv4\",le=\"0.000512\"} 3",
		"swerve_path_rtt_seconds_bucket{zone=\"com.\",site=\"sin\",address=\"192.0.2.1\","
		"family=\"ipv4\",le=\"+Inf\"} 4",
		"swerve_path_rtt_seconds_sum{zone=\"com.\",site=\"sin\",address=\"192.0.2.1\","
		"family="
		"\"ipv4\"} 0.003",
		"swerve_path_rtt_seconds_count{zone=\"com.\",site=\"sin\",address=\"192.0.2.1\","
		"family=\"ipv4\"} 4",
	};
	char *text = written(STATUS, STATS, SITES, KEYS, "{\"started\":2}");

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char line[512];
		snprintf(line, sizeof(line), "\n%s\n", lines[i]);
		if (!strstr(text, line))
			CU_FAIL(lines[i]);
	}
	CU_ASSERT_PTR_NULL(strstr(text, "outcome=\"lame\"")); // never was
	CU_ASSERT_PTR_NULL(strstr(text, "serial{zone=\"com.\",site=\"nrt\""));
	CU_ASSERT_PTR_NULL(strstr(text, "rtt_seconds_count{zone=\"com.\",site=\"nrt\""));
	free(text);
}

/* The name of a sample's family: without the suffixes of a histogram. */
static size_t family_len(const char *line)
{
	static const char *const suffixes[] = {"_bucket", "_sum", "_count"};
	size_t n = strcspn(line, "{ ");

	for (size_t i = 0; i < 3; i++) {
		size_t s = strlen(suffixes[i]);
		if (n > s && strncmp(line, "swerve_path_rtt", 15) == 0 &&
			strncmp(line + n - s, suffixes[i], s) == 0)
			return n - s;
	}
	return n;
}

/* Each family is declared once, before its samples, and a counter's name ends in _total. */
static void test_form(void)
{
	char *text = written(STATUS, STATS, SITES, KEYS, "{\"started\":2}"), *save = NULL;
	char declared[128] = "", all[16384] = "";

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char name[128], type[32], word[160];
		if (sscanf(line, "# TYPE %127s %31s", name, type) == 2) {
			snprintf(word, sizeof(word), " %s ", name);
			CU_ASSERT_PTR_NULL(strstr(all, word));
			strcat(all, word);
			strcpy(declared, name);
			bool total =
				strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0;
			if ((strcmp(type, "counter") == 0) != total)
				CU_FAIL(name);
		} else if (line[0] != '#') {
			if (family_len(line) != strlen(declared) ||
				strncmp(line, declared, strlen(declared)) != 0)
				CU_FAIL(line);
		}
	}
	free(text);
}

/* Reports that lack everything, or hold something else: no crash. */
static void test_poor_reports(void)
{
	static const char *const poor[] = {
		"{}", "[]", "[7]", "[{}]", "{\"zones\":3,\"workers\":{}}"};

	for (size_t i = 0; i < sizeof(poor) / sizeof(poor[0]); i++) {
		char *text = written(poor[i], poor[i], poor[i], poor[i], poor[i]);
		CU_ASSERT_PTR_NOT_NULL(strstr(text, "swerve_info"));
		free(text);
	}
}

/* Alerts and the dashboard ask for nothing that is not there. */
static void check_names(const char *path, const char *text)
{
	static char file[65536];
	char family[192], name[128];
	size_t seen = 0;
	FILE *f = fopen(path, "re");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	size_t n = fread(file, 1, sizeof(file) - 1, f);
	fclose(f);
	CU_ASSERT_TRUE_FATAL(n > 0 && n < sizeof(file) - 1);
	file[n] = '\0';
	for (const char *at = file; (at = strstr(at, "swerve_")) != NULL; at += strlen(name)) {
		size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
		snprintf(name, sizeof(name), "%.*s", (int)len, at);
		snprintf(family, sizeof(family), "# TYPE %.*s ", (int)family_len(name), name);
		if (!strstr(text, family))
			CU_FAIL(family);
		seen++;
	}
	CU_ASSERT_TRUE(seen >= 10);
}

static void test_deploy(void)
{
	char *text = written(STATUS, STATS, SITES, KEYS, "{\"started\":2}");

	check_names(SOURCE_ROOT "/scripts/deploy/prometheus/swerve.rules.yaml", text);
	check_names(SOURCE_ROOT "/scripts/deploy/grafana/swerve.json", text);
	free(text);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"each report's numbers arrive", test_values},
		{"families are declared once and named by type", test_form},
		{"poor reports", test_poor_reports},
		{"alerts and dashboard use names that exist", test_deploy},
		CU_TEST_INFO_NULL,
	};

	return test_run("control/metrics", tests);
}
