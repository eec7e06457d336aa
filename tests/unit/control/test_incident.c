#include <stdlib.h>
#include <string.h>

#include "control/incident.h"
#include "tests/unit/run.h"

/* 8 July 2023 in little: two addresses of one site go, and come back one after the other. */
static const char STORY[] =
	"[{\"id\":1,\"time\":\"2023-07-08T21:00:00.000Z\",\"kind\":\"ready\",\"text\":\"ready\"},"
	"{\"id\":2,\"time\":\"2023-07-08T21:10:01.500Z\",\"kind\":\"site_fault\",\"zone\":\"com.\","
	"\"site\":\"sin\",\"address\":\"192.0.2.1\",\"to\":\"failing\",\"bad\":4,\"bad_so_far\":10,"
	"\"since_first_bad_ms\":80,\"instance\":\"sin1\",\"names\":[\"a.com. A\",\"b.com. A\"],"
	"\"table\":7,\"text\":\"com. at sin (192.0.2.1): 4 answers\"},"
	"{\"id\":3,\"time\":\"2023-07-08T21:10:02.000Z\",\"kind\":\"site_fault\",\"zone\":\"net.\","
	"\"site\":\"sin\",\"address\":\"2001:db8::1\",\"to\":\"failing\",\"bad\":3,\"bad_so_far\":"
	"3,"
	"\"names\":[\"a.com. A\"],\"text\":\"net. at sin\"},"
	"{\"id\":4,\"time\":\"2023-07-08T21:20:00.000Z\",\"kind\":\"lagging\",\"zone\":\"com.\","
	"\"site\":\"lax\",\"address\":\"192.0.2.9\",\"to\":\"lagging\",\"text\":\"lax lags\"},"
	"{\"id\":5,\"time\":\"2023-07-08T21:30:00.000Z\",\"kind\":\"probation\",\"zone\":\"com.\","
	"\"site\":\"sin\",\"address\":\"192.0.2.1\",\"to\":\"probation\",\"bad_so_far\":16,"
	"\"text\":\"on probation\"},"
	"{\"id\":6,\"time\":\"2023-07-08T21:31:00.000Z\",\"kind\":\"returned\",\"zone\":\"com.\","
	"\"site\":\"sin\",\"address\":\"192.0.2.1\",\"to\":\"up\",\"bad_so_far\":16,\"text\":"
	"\"up\"},"
	"{\"id\":7,\"time\":\"2023-07-08T21:41:01.420Z\",\"kind\":\"returned\",\"zone\":\"net.\","
	"\"site\":\"sin\",\"address\":\"2001:db8::1\",\"to\":\"up\",\"bad_so_far\":3,\"text\":"
	"\"up\"},"
	"{\"id\":8,\"time\":\"2023-07-08T22:00:00.000Z\",\"kind\":\"site_fault\",\"zone\":\"com.\","
	"\"site\":\"sin\",\"address\":\"192.0.2.1\",\"to\":\"failing\",\"bad\":1,\"bad_so_far\":17,"
	"\"text\":\"again\"}]";

static json_t *incidents_of(const char *events)
{
	json_t *e = json_loads(events, 0, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	json_t *all = ctl_incidents(e);
	json_decref(e);
	return all;
}

static const char *text(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

static json_int_t number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

static size_t size(const json_t *j, const char *key)
{
	return json_array_size(json_object_get(j, key));
}

static void test_story(void)
{
	json_t *all = incidents_of(STORY);

	CU_ASSERT_EQUAL_FATAL(json_array_size(all), 3);
	const json_t *i = ctl_incident_find(all, 2);
	CU_ASSERT_STRING_EQUAL(text(i, "kind"), "site");
	CU_ASSERT_STRING_EQUAL(text(i, "site"), "sin");
	CU_ASSERT_TRUE(json_is_true(json_object_get(i, "over")));
	CU_ASSERT_STRING_EQUAL(text(i, "first_sign"), "2023-07-08T21:10:01.420Z");
	CU_ASSERT_STRING_EQUAL(text(i, "first_bad"), "2023-07-08T21:10:01.420Z");
	CU_ASSERT_STRING_EQUAL(text(i, "judged"), "2023-07-08T21:10:01.500Z");
	CU_ASSERT_STRING_EQUAL(text(i, "moved"), "2023-07-08T21:10:01.500Z");
	CU_ASSERT_STRING_EQUAL(text(i, "recovered"), "2023-07-08T21:41:01.420Z");
	CU_ASSERT_EQUAL(number(i, "before_move_ms"), 80);
	CU_ASSERT_EQUAL(number(i, "lasted_s"), 1860);
	CU_ASSERT_EQUAL(number(i, "bad"), 10 + 3); // 16 less the 6 of before, and 3
	CU_ASSERT_EQUAL(size(i, "zones"), 2);
	CU_ASSERT_EQUAL(size(i, "paths"), 2);
	CU_ASSERT_EQUAL(size(i, "names"), 2);
	CU_ASSERT_EQUAL(size(i, "timeline"), 5);
	// the other site's is another incident, and goes on; so is the relapse
	i = ctl_incident_find(all, 4);
	CU_ASSERT_FALSE(json_is_true(json_object_get(i, "over")));
	CU_ASSERT_TRUE(json_is_null(json_object_get(i, "recovered")));
	CU_ASSERT_TRUE(json_is_null(json_object_get(i, "first_bad"))); // moved before there was one
	i = ctl_incident_find(all, 0);
	CU_ASSERT_EQUAL(number(i, "id"), 8);
	CU_ASSERT_EQUAL(number(i, "bad"), 1);
	CU_ASSERT_PTR_NULL(ctl_incident_find(all, 3));
	json_decref(all);
}

static void test_zone_and_ours(void)
{
	json_t *all = incidents_of(
		"[{\"id\":1,\"time\":\"2026-05-05T10:00:00.000Z\",\"kind\":\"zone_fault\",\"zone\":"
		"\"de.\",\"text\":\"de. is bad everywhere\",\"since_first_bad_ms\":1000},"
		"{\"id\":2,\"time\":\"2026-05-05T10:00:01.000Z\",\"kind\":\"ours\",\"text\":"
		"\"all\"},"
		"{\"id\":3,\"time\":\"2026-05-05T10:00:02.000Z\",\"kind\":\"cleared\",\"zone\":"
		"\"net.\","
		"\"text\":\"another zone's\"},"
		"{\"id\":4,\"time\":\"2026-05-05T10:00:03.000Z\",\"kind\":\"cleared\",\"text\":"
		"\"ours\"},"
		"{\"id\":5,\"time\":\"2026-05-05T11:00:00.000Z\",\"kind\":\"cleared\",\"zone\":"
		"\"de.\","
		"\"text\":\"de. is well\"}]");

	CU_ASSERT_EQUAL_FATAL(json_array_size(all), 2);
	const json_t *zone = ctl_incident_find(all, 1), *ours = ctl_incident_find(all, 2);
	CU_ASSERT_STRING_EQUAL(text(zone, "kind"), "zone");
	CU_ASSERT_STRING_EQUAL(text(zone, "recovered"), "2026-05-05T11:00:00.000Z");
	CU_ASSERT_EQUAL(number(zone, "lasted_s"), 3601);
	CU_ASSERT_TRUE(json_is_null(json_object_get(zone, "moved"))); // nothing moves
	CU_ASSERT_EQUAL(size(zone, "timeline"), 2);
	CU_ASSERT_STRING_EQUAL(text(ours, "kind"), "ours");
	CU_ASSERT_STRING_EQUAL(text(ours, "recovered"), "2026-05-05T10:00:03.000Z");
	json_decref(all);
}

static char *shown(void (*show)(const json_t *, FILE *), const json_t *j)
{
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	show(j, f);
	fclose(f);
	return out;
}

static void test_telling(void)
{
	json_t *all = incidents_of(STORY);
	const json_t *i = ctl_incident_find(all, 2);
	char *out = shown(ctl_show_incidents, all);

	CU_ASSERT_PTR_NOT_NULL(strstr(out, "site sin (com., net.)   13        80 ms  31m 0s\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "goes on\n"));
	free(out);
	out = shown(ctl_show_incident, i);
	CU_ASSERT_EQUAL(strncmp(out, "Incident 2: site sin (com., net.)\n\nWhen\n", 40), 0);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(out, "  moved        2023-07-08T21:10:01.500Z  (+0.080 s)\n"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(out, "192.0.2.1 (v4), instance sin1: 10 bad answers, now up\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "  a.com. A\n"));
	free(out);
	out = shown(ctl_show_incident_markdown, i);
	CU_ASSERT_EQUAL(strncmp(out, "# Incident 2: ", 14), 0);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(out, "\n## What swerve said\n\n- `2023-07-08T21:10:01.500Z` "));
	free(out);
	json_decref(all);
}

static void test_poor_events(void)
{
	static const char *const poor[] = {"[]", "{}", "[7,null,{}]", "[{\"kind\":\"site_fault\"}]",
		"[{\"kind\":\"site_fault\",\"time\":\"yesterday\"}]",
		"[{\"kind\":\"returned\",\"site\":\"sin\",\"time\":\"2026-05-05T10:00:00.000Z\"}]"};

	for (size_t i = 0; i < sizeof(poor) / sizeof(poor[0]); i++) {
		json_t *all = incidents_of(poor[i]);
		CU_ASSERT_EQUAL(json_array_size(all), 0);
		CU_ASSERT_PTR_NULL(ctl_incident_find(all, 0));
		json_decref(all);
	}
	// a fault without any of its members is one nevertheless, and can be told
	json_t *all = incidents_of("[{\"kind\":\"ours\",\"time\":\"2026-05-05T10:00:00.000Z\"}]");
	CU_ASSERT_EQUAL_FATAL(json_array_size(all), 1);
	free(shown(ctl_show_incident, json_array_get(all, 0)));
	free(shown(ctl_show_incidents, all));
	json_decref(all);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a site's story", test_story},
		{"a zone's, and ours", test_zone_and_ours},
		{"how it is told", test_telling},
		{"poor events", test_poor_events},
		CU_TEST_INFO_NULL,
	};

	return test_run("control/incident", tests);
}
