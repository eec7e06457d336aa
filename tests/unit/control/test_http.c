#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/addr.h"
#include "control/http.h"
#include "tests/unit/run.h"

enum { PATIENCE = 20000 };

static const struct route_addr loopback = {4, {127, 0, 0, 1}};
static uv_loop_t loop;
static struct ctl_http *http;

static char *page(void *arg, const char *path, size_t *len, const char **type)
{
	CU_ASSERT_PTR_EQUAL(arg, &loop);
	if (strcmp(path, "/large") == 0) {
		*len = 3 << 20;
		char *text = malloc(*len);
		memset(text, 'x', *len);
		return text;
	}
	if (strcmp(path, "/metrics") != 0)
		return NULL;
	*type = "text/x";
	*len = 6;
	return strdup("swerve");
}

static void setup(void)
{
	CU_ASSERT_EQUAL_FATAL(uv_loop_init(&loop), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_http_new(&loop, &loopback, 0, page, &loop, &http), 0);
	CU_ASSERT_TRUE_FATAL(ctl_http_port(http) > 0);
}

static void teardown(void)
{
	ctl_http_free(http);
	uv_run(&loop, UV_RUN_DEFAULT);
	CU_ASSERT_EQUAL(uv_loop_close(&loop), 0);
}

static int dial(void)
{
	struct sockaddr_storage sa;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ctl_addr_to_sockaddr(&loopback, ctl_http_port(http), &sa);
	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&sa, sizeof(struct sockaddr_in)), 0);
	return fd;
}

/* @return octets of the whole answer; the first of them are in head */
static size_t ask(const char *request, char head[512])
{
	char buf[65536];
	size_t n = 0;
	int fd = dial();

	memset(head, 0, 512);
	send(fd, request, strlen(request), MSG_NOSIGNAL);
	for (unsigned i = 0; i < PATIENCE; i++) {
		ssize_t k = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (k == 0)
			break;
		if (k > 0 && n < 511)
			memcpy(head + n, buf, (size_t)k < 511 - n ? (size_t)k : 511 - n);
		n += k > 0 ? (size_t)k : 0;
		uv_run(&loop, UV_RUN_NOWAIT);
		if (k < 0)
			usleep(100);
	}
	close(fd);
	return n;
}

static void test_pages(void)
{
	char head[512];

	setup();
	ask("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", head);
	CU_ASSERT_PTR_NOT_NULL(strstr(head, " 200 "));
	CU_ASSERT_PTR_NOT_NULL(strstr(head, "Content-Type: text/x\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(head, "\r\n\r\nswerve"));
	ask("HEAD /metrics HTTP/1.0\r\n\r\n", head);
	CU_ASSERT_PTR_NOT_NULL(strstr(head, " 200 "));
	CU_ASSERT_PTR_NULL(strstr(head, "\r\n\r\nswerve"));
	ask("GET /other HTTP/1.0\r\n\r\n", head);
	CU_ASSERT_PTR_NOT_NULL(strstr(head, " 404 "));
	ask("POST /metrics HTTP/1.0\r\nContent-Length: 0\r\n\r\n", head);
	CU_ASSERT_PTR_NOT_NULL(strstr(head, " 405 "));
	CU_ASSERT_TRUE(ask("GET /large HTTP/1.0\r\n\r\n", head) > 3 << 20);
	teardown();
}

/* Clients that say nothing do not keep the next one out for ever, nor the end from coming. */
static void test_silent_clients(void)
{
	int fd[CTL_HTTP_CLIENTS_MAX + 4];

	setup();
	for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++) {
		fd[i] = dial();
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	teardown();
	for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++)
		close(fd[i]);
}

static void test_cannot_listen(void)
{
	static const struct route_addr not_ours = {4, {192, 0, 2, 1}};
	struct ctl_http *other;

	setup();
	CU_ASSERT_EQUAL(ctl_http_new(&loop, &loopback, ctl_http_port(http), page, &loop, &other),
		-EADDRINUSE);
	CU_ASSERT_EQUAL(ctl_http_new(&loop, &not_ours, 0, page, &loop, &other), -EADDRNOTAVAIL);
	teardown();
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"pages", test_pages},
		{"silent clients", test_silent_clients},
		{"why a port cannot be had", test_cannot_listen},
		CU_TEST_INFO_NULL,
	};

	return test_run("control/http", tests);
}
