#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/socket.h"
#include "tests/unit/run.h"

/* A fake daemon: real socket, real loop, made-up verbs. */

enum { PATIENCE_MS = 3000 };

static uv_loop_t loop;
static struct ctl_socket *server;
static char dir[64], path[100];

static int verb_status(void *arg, struct ctl_client *c, const json_t *req, json_t **data, char *err)
{
	(void)arg, (void)c, (void)req, (void)err;
	*data = json_pack("{s:s}", "version", "fake");
	return 0;
}

static int verb_refuse(void *arg, struct ctl_client *c, const json_t *req, json_t **data, char *err)
{
	(void)arg, (void)c, (void)req, (void)data;
	strcpy(err, "because \xff not UTF-8");
	if (json_object_get(req, "plain"))
		strcpy(err, "because");
	return -EINVAL;
}

static int verb_big(void *arg, struct ctl_client *c, const json_t *req, json_t **data, char *err)
{
	(void)arg, (void)c, (void)req, (void)err;
	char *text = malloc(CTL_SOCKET_QUEUE_MAX / 8 + 1);
	memset(text, 'x', CTL_SOCKET_QUEUE_MAX / 8);
	text[CTL_SOCKET_QUEUE_MAX / 8] = '\0';
	*data = json_pack("{s:s}", "text", text);
	free(text);
	return 0;
}

static int verb_follow(void *arg, struct ctl_client *c, const json_t *req, json_t **data, char *err)
{
	(void)arg, (void)req, (void)data, (void)err;
	ctl_client_follow(c);
	return 0;
}

static const struct ctl_verb verbs[] = {
	{"status", verb_status},
	{"refuse", verb_refuse},
	{"big", verb_big},
	{"follow", verb_follow},
	{NULL, NULL},
};

static void pump(void)
{
	uv_run(&loop, UV_RUN_NOWAIT);
	usleep(200);
}

static int dial(void)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(sa.sun_path, path);
	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	pump();
	return fd;
}

/** Send all, running the server meanwhile. @return false when it hung up */
static bool say_bytes(int fd, const char *text, size_t len)
{
	for (int i = 0; len && i < PATIENCE_MS * 5; i++) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return false;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
		pump();
	}
	return len == 0;
}

static bool say(int fd, const char *text)
{
	return say_bytes(fd, text, strlen(text));
}

/** One line; "" when the server hangs up or says nothing. */
static const char *hear(int fd)
{
	static char buf[4096];
	size_t len = 0;

	for (int i = 0; i < PATIENCE_MS * 5 && len < sizeof(buf) - 1; i++) {
		ssize_t n = recv(fd, buf + len, 1, 0);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			break;
		if (n > 0 && buf[len++] == '\n') {
			buf[len - 1] = '\0';
			return buf;
		}
		if (n < 0)
			pump();
	}
	return "";
}

static bool hung_up(int fd)
{
	char c;

	for (int i = 0; i < PATIENCE_MS * 5; i++) {
		ssize_t n = recv(fd, &c, 1, 0);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			return true;
		if (n < 0)
			pump();
	}
	return false;
}

static void setup(void)
{
	strcpy(dir, "/tmp/swerve-socket-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/run/swerve/ctl.sock", dir);
	uv_loop_init(&loop);
	CU_ASSERT_EQUAL_FATAL(ctl_socket_new(&loop, path, verbs, NULL, &server), 0);
}

static void teardown(void)
{
	char cmd[128];

	ctl_socket_free(server);
	while (uv_run(&loop, UV_RUN_NOWAIT))
		;
	CU_ASSERT_EQUAL(uv_loop_close(&loop), 0);
	CU_ASSERT_EQUAL(access(path, F_OK), -1);
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	CU_ASSERT_EQUAL(system(cmd), 0);
}

#define STATUS_REPLY "{\"ok\":true,\"data\":{\"version\":\"fake\"}}"

static void test_requests(void)
{
	setup();
	int fd = dial();
	CU_ASSERT_TRUE(say(fd, "{\"verb\":\"status\"}\n"));
	CU_ASSERT_STRING_EQUAL(hear(fd), STATUS_REPLY);
	// in pieces, and two at once
	CU_ASSERT_TRUE(say(fd, "{\"verb\":"));
	CU_ASSERT_TRUE(say(fd, "\"status\"}\n{\"verb\":\"status\"}\n"));
	CU_ASSERT_STRING_EQUAL(hear(fd), STATUS_REPLY);
	CU_ASSERT_STRING_EQUAL(hear(fd), STATUS_REPLY);
	CU_ASSERT_TRUE(say(fd, "{\"verb\":\"refuse\",\"plain\":1}\n"));
	CU_ASSERT_STRING_EQUAL(hear(fd), "{\"ok\":false,\"error\":\"because\"}");
	CU_ASSERT_TRUE(say(fd, "{\"verb\":\"refuse\"}\n"));
	CU_ASSERT_STRING_EQUAL(hear(fd), "{\"ok\":false,\"error\":\"refused\"}");
	close(fd);
	teardown();
}

static void test_bad_requests(void)
{
	static const struct {
		const char *line, *error;
	} rows[] = {
		{"\n", "the request is not JSON"},
		{"garbage\n", "the request is not JSON"},
		{"\x80\xff\x01\n", "the request is not JSON"},
		{"[1]\n", "the request is not a JSON object"},
		{"{}\n", "the request has no \\\"verb\\\""},
		{"{\"verb\":7}\n", "the request has no \\\"verb\\\""},
		{"{\"verb\":\"fly\"}\n", "unknown verb \\\"fly\\\""},
		{"{\"verb\":\"status\",\"verb\":\"status\"}\n", "duplicate object key"},
	};

	setup();
	int fd = dial();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CU_ASSERT_TRUE(say(fd, rows[i].line));
		const char *reply = hear(fd);
		if (!strstr(reply, rows[i].error))
			printf("\n  %s  -> %s", rows[i].line, reply);
		CU_ASSERT_PTR_NOT_NULL(strstr(reply, rows[i].error));
	}
	CU_ASSERT_TRUE(say(fd, "{\"verb\":\"status\"}\n"));
	CU_ASSERT_STRING_EQUAL(hear(fd), STATUS_REPLY);
	// half a line, then the end
	CU_ASSERT_TRUE(say(fd, "{\"verb\""));
	shutdown(fd, SHUT_WR);
	CU_ASSERT_PTR_NOT_NULL(strstr(hear(fd), "does not end with a newline"));
	CU_ASSERT_TRUE(hung_up(fd));
	close(fd);
	teardown();
}

static void test_deep_and_huge(void)
{
	size_t len = CTL_SOCKET_LINE_MAX + 8192;
	char *text = malloc(len);

	setup();
	memset(text, '[', len);
	text[100000] = '\n'; // deeper than any stack should follow
	int fd = dial();
	CU_ASSERT_TRUE(say_bytes(fd, text, 100001));
	CU_ASSERT_PTR_NOT_NULL(strstr(hear(fd), "not JSON"));
	say_bytes(fd, text + 100001, len - 100001);
	say_bytes(fd, text, 100000);
	CU_ASSERT_PTR_NOT_NULL(strstr(hear(fd), "too long"));
	CU_ASSERT_TRUE(hung_up(fd));
	close(fd);
	fd = dial();
	CU_ASSERT_TRUE(say(fd, "{\"verb\":\"status\"}\n"));
	CU_ASSERT_STRING_EQUAL(hear(fd), STATUS_REPLY);
	close(fd);
	free(text);
	teardown();
}

static void test_follow(void)
{
	json_t *event = json_pack("{s:i}", "id", 1);

	setup();
	int a = dial(), b = dial();
	CU_ASSERT_TRUE(say(a, "{\"verb\":\"follow\"}\n"));
	CU_ASSERT_STRING_EQUAL(hear(a), "{\"ok\":true,\"data\":{}}");
	ctl_socket_broadcast(server, event);
	CU_ASSERT_STRING_EQUAL(hear(a), "{\"event\":{\"id\":1}}");
	CU_ASSERT_TRUE(say(b, "{\"verb\":\"status\"}\n"));
	CU_ASSERT_STRING_EQUAL(hear(b), STATUS_REPLY);
	close(a);
	for (int i = 0; i < 50 && ctl_socket_clients(server) > 1; i++) {
		ctl_socket_broadcast(server, event);
		pump();
	}
	CU_ASSERT_EQUAL(ctl_socket_clients(server), 1);
	close(b);
	json_decref(event);
	teardown();
}

/** A client that asks and never reads is cut off before it costs much memory. */
static void test_never_reads(void)
{
	setup();
	int fd = dial();
	for (int i = 0; i < 20 && say(fd, "{\"verb\":\"big\"}\n"); i++)
		pump();
	for (int i = 0; i < 50 && ctl_socket_clients(server) > 0; i++)
		pump();
	CU_ASSERT_EQUAL(ctl_socket_clients(server), 0);
	close(fd);
	teardown();
}

static void test_client_limit(void)
{
	int fd[CTL_SOCKET_CLIENTS_MAX + 1];

	setup();
	for (int i = 0; i < CTL_SOCKET_CLIENTS_MAX; i++)
		fd[i] = dial();
	CU_ASSERT_TRUE(say(fd[CTL_SOCKET_CLIENTS_MAX - 1], "{\"verb\":\"status\"}\n"));
	CU_ASSERT_STRING_EQUAL(hear(fd[CTL_SOCKET_CLIENTS_MAX - 1]), STATUS_REPLY);
	fd[CTL_SOCKET_CLIENTS_MAX] = dial();
	CU_ASSERT_PTR_NOT_NULL(strstr(hear(fd[CTL_SOCKET_CLIENTS_MAX]), "too many clients"));
	for (int i = 0; i <= CTL_SOCKET_CLIENTS_MAX; i++)
		close(fd[i]);
	teardown();
}

static void touch(const char *file)
{
	int fd = open(file, O_CREAT | O_WRONLY, 0600);

	CU_ASSERT(fd >= 0);
	close(fd);
}

static void test_file(void)
{
	struct ctl_socket *other;
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct stat st;

	setup();
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0660);
	CU_ASSERT_EQUAL(ctl_socket_new(&loop, path, verbs, NULL, &other), -EADDRINUSE);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/stale", dir);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	close(fd); // the file stays, nobody listens
	CU_ASSERT_EQUAL_FATAL(ctl_socket_new(&loop, sa.sun_path, verbs, NULL, &other), 0);
	ctl_socket_free(other);
	uv_run(&loop, UV_RUN_NOWAIT);
	touch(sa.sun_path);
	CU_ASSERT_EQUAL(ctl_socket_new(&loop, sa.sun_path, verbs, NULL, &other), -EEXIST);
	CU_ASSERT_EQUAL(access(sa.sun_path, F_OK), 0);
	char longer[200];
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	CU_ASSERT_EQUAL(ctl_socket_new(&loop, longer, verbs, NULL, &other), -ENAMETOOLONG);
	teardown();
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"requests", test_requests},
		{"bad requests", test_bad_requests},
		{"deep and huge requests", test_deep_and_huge},
		{"followers", test_follow},
		{"a client that never reads", test_never_reads},
		{"client limit", test_client_limit},
		{"the socket file", test_file},
		CU_TEST_INFO_NULL,
	};
	signal(SIGPIPE, SIG_IGN);
	return test_run("control/socket", tests);
}
