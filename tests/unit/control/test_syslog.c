#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "control/events.h"
#include "control/syslog.h"
#include "routing/judge.h"
#include "tests/unit/run.h"

/* A socket of our own stands in for /dev/log. */
static char folder[] = "/tmp/swerve-syslog-XXXXXX";
static char path[sizeof(folder) + 4];

static int listen_there(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, path);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static const char *line(int fd)
{
	static char buf[4096];
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

static void end(int fd)
{
	close(fd);
	unlink(path);
}

/* "<PRI>Mmm dd hh:mm:ss swerved[PID]: REST" */
static bool is_line(const char *got, int priority, const char *rest)
{
	char month[4], wanted[4096];
	int pri, day, hour, minute, second, at = 0;

	if (sscanf(got, "<%d>%3s %d %d:%d:%d %n", &pri, month, &day, &hour, &minute, &second,
		    &at) != 6)
		return false;
	snprintf(wanted, sizeof(wanted), "swerved[%d]: %s", (int)getpid(), rest);
	if (pri == priority && at == (int)strlen("<28>Oct 11 22:14:15 ") &&
		strcmp(got + at, wanted) == 0)
		return true;
	fprintf(stderr, "%s\n", got);
	return false;
}

static void test_events_arrive(void)
{
	struct ctl_events *e;
	int fd = listen_there();

	CU_ASSERT_EQUAL_FATAL(ctl_events_new(NULL, 4, true, &e), 0);
	ctl_events_emit(e, "note", NULL, "before");
	CU_ASSERT_EQUAL(ctl_events_syslog(e, path), 0);
	ctl_events_emit(e, "site_fault", NULL, "com. sin: %d of %d bogus\n<0>forged", 3, 4);
	ctl_events_emit(e, "zone_fault", NULL, "com. is bad everywhere");
	ctl_events_emit(e, "returned", NULL, "com. sin is back");
	ctl_events_emit(e, "keys", NULL, "hold");
	CU_ASSERT(is_line(line(fd), LOG_DAEMON | LOG_WARNING,
		"#2 site_fault: com. sin: 3 of 4 bogus?<0>forged"));
	CU_ASSERT(is_line(line(fd), LOG_DAEMON | LOG_ERR, "#3 zone_fault: com. is bad everywhere"));
	CU_ASSERT(is_line(line(fd), LOG_DAEMON | LOG_NOTICE, "#4 returned: com. sin is back"));
	CU_ASSERT(is_line(line(fd), LOG_DAEMON | LOG_INFO, "#5 keys: hold"));
	CU_ASSERT_STRING_EQUAL(line(fd), "");
	ctl_events_free(e);
	end(fd);
}

/* Nobody listens, then somebody does; he goes, and another comes. */
static void test_nobody_listens(void)
{
	struct ctl_syslog *s;
	int fd;

	CU_ASSERT_EQUAL_FATAL(ctl_syslog_new(path, &s), 0);
	CU_ASSERT(!ctl_syslog_send(s, 1, "note", "lost"));
	CU_ASSERT(!ctl_syslog_send(s, 2, "note", "lost"));
	fd = listen_there();
	CU_ASSERT(ctl_syslog_send(s, 3, "note", "heard"));
	CU_ASSERT(
		is_line(line(fd), LOG_DAEMON | LOG_INFO, "#3 note: heard (2 before it were lost)"));
	CU_ASSERT(ctl_syslog_send(s, 4, "note", "heard"));
	CU_ASSERT(is_line(line(fd), LOG_DAEMON | LOG_INFO, "#4 note: heard"));
	end(fd);
	CU_ASSERT(!ctl_syslog_send(s, 5, "note", "lost"));
	fd = listen_there();
	CU_ASSERT(ctl_syslog_send(s, 6, "note", "heard"));
	CU_ASSERT(
		is_line(line(fd), LOG_DAEMON | LOG_INFO, "#6 note: heard (1 before it were lost)"));
	end(fd);
	ctl_syslog_free(s);
}

/* A reader that takes nothing: syslog(3) would wait for it for ever, and so would this test. */
static void test_reader_that_sleeps(void)
{
	struct ctl_syslog *s;
	unsigned sent = 0, lost = 0;
	int fd = listen_there();

	CU_ASSERT_EQUAL_FATAL(ctl_syslog_new(path, &s), 0);
	for (uint64_t i = 1; i <= 100000 && lost < 10; i++)
		*(ctl_syslog_send(s, i, "note", "text") ? &sent : &lost) += 1;
	CU_ASSERT(sent > 0);
	CU_ASSERT_EQUAL(lost, 10);
	while (*line(fd) != '\0')
		sent--;
	CU_ASSERT_EQUAL(sent, 0); // what was taken is there
	CU_ASSERT(ctl_syslog_send(s, 7, "note", "awake"));
	CU_ASSERT(is_line(
		line(fd), LOG_DAEMON | LOG_INFO, "#7 note: awake (10 before it were lost)"));
	ctl_syslog_free(s);
	end(fd);
}

static void test_longest_text(void)
{
	static char text[CTL_EVENT_TEXT_MAX];
	char rest[CTL_EVENT_TEXT_MAX + 64];
	struct ctl_syslog *s;
	int fd = listen_there();

	memset(text, 'x', sizeof(text) - 1);
	CU_ASSERT_EQUAL_FATAL(ctl_syslog_new(path, &s), 0);
	CU_ASSERT(ctl_syslog_send(s, UINT64_MAX, "note", text));
	snprintf(rest, sizeof(rest), "#18446744073709551615 note: %s", text);
	CU_ASSERT(is_line(line(fd), LOG_DAEMON | LOG_INFO, rest));
	ctl_syslog_free(s);
	end(fd);
}

static void test_name_of_the_socket(void)
{
	char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	struct ctl_syslog *s = NULL;

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	CU_ASSERT_EQUAL(ctl_syslog_new(name, &s), -ENAMETOOLONG);
	CU_ASSERT_PTR_NULL(s);
	name[sizeof(name) - 2] = '\0';
	CU_ASSERT_EQUAL_FATAL(ctl_syslog_new(name, &s), 0);
	ctl_syslog_free(s);
	ctl_syslog_free(NULL);
}

/* What the judge finds is never mere information, but for a path that is being tried again. */
static void test_severities(void)
{
	for (int k = 0; k < ROUTE_F_KINDS; k++) {
		const char *name = route_finding_name((enum route_finding_kind)k);

		CU_ASSERT_EQUAL(ctl_syslog_severity(name) == LOG_INFO, k == ROUTE_F_PROBATION);
	}
	CU_ASSERT_EQUAL(ctl_syslog_severity("failed"), LOG_ERR);
	CU_ASSERT_EQUAL(ctl_syslog_severity("nobody's"), LOG_INFO);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"events arrive", test_events_arrive},
		{"nobody listens", test_nobody_listens},
		{"a reader that sleeps", test_reader_that_sleeps},
		{"the longest text", test_longest_text},
		{"the name of the socket", test_name_of_the_socket},
		{"severities", test_severities},
		CU_TEST_INFO_NULL,
	};
	int failed;

	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/log", folder);
	failed = test_run("control/syslog", tests);
	rmdir(folder);
	return failed;
}
