#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/events.h"
#include "tests/unit/run.h"

static char path[] = "/tmp/swerve-events-XXXXXX";

static void fresh_file(const char *content)
{
	strcpy(path, "/tmp/swerve-events-XXXXXX");
	int fd = mkstemp(path);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, content, strlen(content)), (ssize_t)strlen(content));
	close(fd);
}

static char *file_text(void)
{
	static char buf[8192];
	FILE *f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	buf[fread(buf, 1, sizeof(buf) - 1, f)] = '\0';
	fclose(f);
	return buf;
}

struct seen {
	size_t count;
	json_int_t first, last;
};

static void see(void *arg, const json_t *event)
{
	struct seen *s = arg;

	s->last = json_integer_value(json_object_get(event, "id"));
	if (s->count++ == 0)
		s->first = s->last;
}

static void test_line(void)
{
	struct ctl_events *e;

	fresh_file("");
	CU_ASSERT_EQUAL_FATAL(ctl_events_new(path, 8, true, &e), 0);
	ctl_events_emit(
		e, "test", json_pack("{s:s,s:i}", "zone", "com.", "id", 99), "hello %d\n\xff", 7);
	json_t *event = json_loads(file_text(), 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(event);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(event, "id")), 1);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(event, "kind")), "test");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(event, "text")), "hello 7??");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(event, "zone")), "com.");
	const char *t = json_string_value(json_object_get(event, "time"));
	CU_ASSERT_EQUAL(strlen(t), strlen("2023-07-08T21:10:00.123Z"));
	CU_ASSERT_EQUAL(t[10], 'T');
	CU_ASSERT_EQUAL(t[19], '.');
	CU_ASSERT_EQUAL(t[23], 'Z');
	json_decref(event);
	ctl_events_free(e);
	unlink(path);
}

static void test_ring(void)
{
	struct ctl_events *e;
	struct seen s = {0}, live = {0};

	CU_ASSERT_EQUAL_FATAL(ctl_events_new(NULL, 4, true, &e), 0);
	ctl_events_since(e, 0, see, &s);
	CU_ASSERT_EQUAL(s.count, 0);
	ctl_events_listen(e, see, &live);
	for (int i = 0; i < 4; i++)
		ctl_events_emit(e, "test", NULL, "x");
	ctl_events_since(e, 0, see, &s);
	CU_ASSERT(s.count == 4 && s.first == 1 && s.last == 4);
	ctl_events_emit(e, "test", NULL, "x");
	s = (struct seen){0};
	ctl_events_since(e, 0, see, &s);
	CU_ASSERT(s.count == 4 && s.first == 2 && s.last == 5);
	s = (struct seen){0};
	ctl_events_since(e, 4, see, &s);
	CU_ASSERT(s.count == 1 && s.first == 5);
	s = (struct seen){0};
	ctl_events_since(e, UINT64_MAX, see, &s);
	CU_ASSERT_EQUAL(s.count, 0);
	CU_ASSERT(live.count == 5 && live.last == 5);
	ctl_events_free(e);
}

static void test_ids_continue(void)
{
	struct ctl_events *e;
	struct seen s = {0};

	fresh_file("{\"id\":41,\"text\":\"a\"}\n{\"id\":42,\"te");
	CU_ASSERT_EQUAL_FATAL(ctl_events_new(path, 8, true, &e), 0);
	CU_ASSERT_EQUAL(ctl_events_last_id(e), 41);
	ctl_events_emit(e, "test", NULL, "after");
	ctl_events_since(e, 0, see, &s);
	CU_ASSERT(s.count == 1 && s.first == 42);
	CU_ASSERT_PTR_NOT_NULL(strstr(file_text(), "\"te\n{\"id\":42,\"time\""));
	ctl_events_free(e);
	unlink(path);
	fresh_file("not JSON at all\n");
	CU_ASSERT_EQUAL_FATAL(ctl_events_new(path, 8, true, &e), 0);
	CU_ASSERT_EQUAL(ctl_events_last_id(e), 0);
	ctl_events_free(e);
	unlink(path);
}

static void test_no_file(void)
{
	struct ctl_events *e;

	CU_ASSERT_EQUAL(ctl_events_new("/nonexistent/dir/events", 8, true, &e), -ENOENT);
	// a device that is always full: the event is still kept and handed on
	struct seen s = {0};
	CU_ASSERT_EQUAL_FATAL(ctl_events_new("/dev/full", 8, true, &e), 0);
	ctl_events_emit(e, "test", NULL, "x");
	ctl_events_since(e, 0, see, &s);
	CU_ASSERT_EQUAL(s.count, 1);
	ctl_events_free(e);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a line", test_line},
		{"ring and listener", test_ring},
		{"ids go on", test_ids_continue},
		{"no file", test_no_file},
		CU_TEST_INFO_NULL,
	};
	return test_run("control/events", tests);
}
