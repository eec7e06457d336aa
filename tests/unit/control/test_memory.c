#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/memory.h"
#include "tests/unit/routing/fixture.h"
#include "tests/unit/run.h"

enum { NOW_S = 1700000000 };

static char file[64];

/* One process: paths, judge and drains of the usual configuration. */
struct life {
	struct route_config c;
	struct ctl_memory_parts parts;
};

static void begin(struct life *l)
{
	struct route_judge_params params;

	route_judge_defaults(&params);
	fix_usual(&l->c);
	CU_ASSERT_EQUAL_FATAL(route_paths_new(&l->parts.paths), 0);
	CU_ASSERT_EQUAL_FATAL(route_paths_sync(l->parts.paths, &l->c), 0);
	CU_ASSERT_EQUAL_FATAL(route_judge_new(&params, &l->parts.judge), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_drains_new(&l->parts.drains), 0);
}

static void end(struct life *l)
{
	route_judge_free(l->parts.judge);
	route_paths_free(l->parts.paths);
	ctl_drains_free(l->parts.drains);
	route_config_fini(&l->c);
}

static struct route_path *path(struct life *l, const char *site, uint8_t family)
{
	return fix_path(l->parts.paths, "com.", site, family);
}

static void write_file(const char *text)
{
	FILE *f = fopen(file, "we");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
}

static size_t save(struct life *l, uint64_t now_ms)
{
	size_t noted;
	char *text = ctl_memory_text(&l->parts, 12, now_ms, NOW_S, &noted);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	write_file(text);
	free(text);
	return noted;
}

static size_t recall(struct life *l, uint64_t now_ms, int64_t now_s)
{
	char err[CTL_MEMORY_ERR_MAX] = "";
	struct ctl_memory *m = NULL;

	CU_ASSERT_EQUAL_FATAL(ctl_memory_load(file, &m, err), 0);
	CU_ASSERT_EQUAL(ctl_memory_table(m), 12);
	size_t n = ctl_memory_recall(m, &l->parts, now_ms, now_s);
	ctl_memory_free(m);
	return n;
}

/* sin's IPv4 drained for a minute, its IPv6 for ever, nrt failing, lax on probation. */
static void make_states(struct life *l)
{
	const struct route_judge_memory failing = {
		.state = ROUTE_FAILING, .age_ms = 5000, .quiet_ms = 2000, .strikes = 3};
	const struct route_judge_memory probation = {.state = ROUTE_PROBATION,
		.age_ms = 700,
		.quiet_ms = 700,
		.good_run = 4,
		.lag_inception = 1234};

	path(l, "sin", 4)->state = path(l, "sin", 6)->state = ROUTE_DRAINED;
	ctl_drains_set(l->parts.drains, path(l, "sin", 4)->id, 100000 + 60000, "works");
	ctl_drains_set(l->parts.drains, path(l, "sin", 6)->id, 0, "\"quoted\"");
	path(l, "nrt", 4)->state = ROUTE_FAILING;
	route_judge_recall(l->parts.judge, path(l, "nrt", 4)->id, &failing, 0);
	path(l, "lax", 6)->state = ROUTE_PROBATION;
	route_judge_recall(l->parts.judge, path(l, "lax", 6)->id, &probation, 0);
}

static void test_round_trip(void)
{
	struct life a = {0}, b = {0};
	struct route_judge_memory m;
	const struct ctl_drain *d;

	begin(&a);
	begin(&b);
	make_states(&a);
	CU_ASSERT_EQUAL(save(&a, 100000), 4);
	CU_ASSERT_EQUAL(recall(&b, 5000, NOW_S + 10), 4);
	for (size_t id = 0; id < route_paths_count(a.parts.paths); id++)
		CU_ASSERT_EQUAL(route_paths_at(b.parts.paths, (uint16_t)id)->state,
			route_paths_at(a.parts.paths, (uint16_t)id)->state);
	d = ctl_drains_find(b.parts.drains, path(&b, "sin", 4)->id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	CU_ASSERT_STRING_EQUAL(d->reason, "works");
	CU_ASSERT_EQUAL(d->until_ms, 5000 + 50000 + 1); // ten of the sixty seconds are over
	d = ctl_drains_find(b.parts.drains, path(&b, "sin", 6)->id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	CU_ASSERT_STRING_EQUAL(d->reason, "\"quoted\"");
	CU_ASSERT_EQUAL(d->until_ms, 0);
	CU_ASSERT_EQUAL_FATAL(route_judge_remember(b.parts.judge, path(&b, "nrt", 4)->id, &m), 0);
	CU_ASSERT_EQUAL(m.strikes, 3);
	CU_ASSERT_EQUAL_FATAL(route_judge_remember(b.parts.judge, path(&b, "lax", 6)->id, &m), 0);
	CU_ASSERT_EQUAL(m.good_run, 4);
	CU_ASSERT_EQUAL(m.lag_inception, 1234);
	end(&a);
	end(&b);
}

/* At the limit judged states are believed, beyond it and from the future only drains are. */
static void test_age(void)
{
	static const struct {
		int64_t now_s;
		size_t recalled;
	} rows[] = {{NOW_S, 4}, {NOW_S + CTL_MEMORY_FRESH_S, 4},
		{NOW_S + CTL_MEMORY_FRESH_S + 1, 2}, {NOW_S - 1, 2}};
	struct life a = {0};

	begin(&a);
	make_states(&a);
	save(&a, 100000);
	end(&a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct life b = {0};
		begin(&b);
		CU_ASSERT_EQUAL(recall(&b, 5000, rows[i].now_s), rows[i].recalled);
		CU_ASSERT_EQUAL(path(&b, "sin", 4)->state, ROUTE_DRAINED);
		CU_ASSERT_EQUAL(path(&b, "nrt", 4)->state,
			rows[i].recalled == 4 ? ROUTE_FAILING : ROUTE_UP);
		end(&b);
	}
}

/* A drain whose time ran out while nobody ran is due at once. */
static void test_drain_over(void)
{
	struct life a = {0}, b = {0};

	begin(&a);
	begin(&b);
	make_states(&a);
	save(&a, 100000);
	recall(&b, 5000, NOW_S + 3600);
	const struct ctl_drain *due = ctl_drains_due(b.parts.drains, 5001);
	CU_ASSERT_PTR_NOT_NULL_FATAL(due);
	CU_ASSERT_EQUAL(due->path, path(&b, "sin", 4)->id);
	end(&a);
	end(&b);
}

static void test_nothing(void)
{
	struct life a = {0}, b = {0};
	struct ctl_memory *m = NULL;
	char err[CTL_MEMORY_ERR_MAX];

	begin(&a);
	begin(&b);
	CU_ASSERT_EQUAL(save(&a, 1), 0);
	CU_ASSERT_EQUAL(recall(&b, 1, NOW_S), 0);
	unlink(file);
	CU_ASSERT_EQUAL(ctl_memory_load(file, &m, err), -ENOENT);
	CU_ASSERT_PTR_NULL(m);
	end(&a);
	end(&b);
}

#define FILE_OF(paths) "{\"format\":1,\"time_s\":1700000000,\"table\":12,\"paths\":" paths "}"
#define SIN            "\"zone\":\"com.\",\"site\":\"sin\",\"address\":\"192.0.2.1\""

static void test_broken(void)
{
	static const char *const refused[] = {"", "{", "[]", "7", "{\"format\":1}",
		"{\"format\":2,\"time_s\":1,\"table\":1,\"paths\":[]}",
		"{\"format\":1,\"time_s\":1,\"table\":-1,\"paths\":[]}",
		"{\"format\":1,\"time_s\":1,\"table\":1,\"paths\":{}}"};
	static const char *const ignored[] = {FILE_OF("[1,[],{},null]"), FILE_OF("[{" SIN "}]"),
		FILE_OF("[{" SIN ",\"state\":\"gone\"}]"), FILE_OF("[{" SIN ",\"state\":7}]"),
		FILE_OF("[{\"zone\":\"org.\",\"site\":\"sin\",\"address\":\"192.0.2.1\",\"state\":"
			"\"failing\"}]"),
		FILE_OF("[{\"zone\":\"..\",\"site\":\"sin\",\"address\":\"192.0.2.1\",\"state\":"
			"\"failing\"}]"),
		FILE_OF("[{\"zone\":\"com.\",\"site\":\"sin\",\"address\":\"x\",\"state\":"
			"\"failing\"}]")};
	char err[CTL_MEMORY_ERR_MAX];
	struct ctl_memory *m = NULL;
	struct life b = {0};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		write_file(refused[i]);
		CU_ASSERT_EQUAL(ctl_memory_load(file, &m, err), -EBADMSG);
		CU_ASSERT_PTR_NOT_NULL(strstr(err, "not what swerved writes"));
	}
	begin(&b);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
		write_file(ignored[i]);
		CU_ASSERT_EQUAL(recall(&b, 1, NOW_S), 0);
	}
	// numbers of all sizes do no harm
	write_file(FILE_OF("[{" SIN ",\"state\":\"drained\",\"age_ms\":-5,\"strikes\":999,"
			   "\"good_run\":99999999999,\"until_s\":9223372036854775807}]"));
	CU_ASSERT_EQUAL(recall(&b, 1, NOW_S), 1);
	CU_ASSERT_PTR_NULL(ctl_drains_due(b.parts.drains, (uint64_t)CTL_DRAIN_MAX_S * 1000));
	CU_ASSERT_PTR_NOT_NULL(
		ctl_drains_due(b.parts.drains, (uint64_t)CTL_DRAIN_MAX_S * 1000 + 2));
	end(&b);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"round trip", test_round_trip},
		{"age", test_age},
		{"a drain that is over", test_drain_over},
		{"nothing", test_nothing},
		{"broken", test_broken},
		CU_TEST_INFO_NULL,
	};
	char name[] = "/tmp/swerve-memory-XXXXXX";
	int fd = mkstemp(name);

	if (fd < 0)
		return 99;
	close(fd);
	strcpy(file, name);
	int failed = test_run("control/memory", tests);
	unlink(file);
	return failed;
}
