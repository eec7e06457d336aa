#include "tests/unit/control/fake_daemon.h"
#include "tests/unit/control/folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/Basic.h>

/* ---- the dataplane ---- */

struct fake_dp fake;

int dp_publish(struct dp *dp, const struct dp_view *view,
	void (*done)(void *arg, const struct dp_view *old), void *arg)
{
	const struct dp_view *old = fake.view;

	(void)dp;
	if (fake.refuse)
		return fake.refuse;
	fake.view = view;
	fake.published++;
	fake.views_without_hops += view->hops == NULL;
	if (done)
		done(arg, old); // workers let go at once
	return 0;
}

int dp_new(const struct dp_config *cfg, struct dp **out, char *note, size_t size)
{
	(void)cfg, (void)out, (void)note, (void)size;
	return -ENODEV;
}

int dp_ask(struct dp *dp, const struct dp_ask *ask)
{
	(void)dp, (void)ask;
	return -EAGAIN;
}

void dp_poll(struct dp *dp, void (*told)(void *arg, const struct dp_told *told), void *arg)
{
	(void)dp, (void)told, (void)arg;
}

void dp_fetches(struct dp *dp, void (*want)(void *arg, struct dp_fetch *f), void *arg)
{
	(void)dp, (void)want, (void)arg;
}

void dp_fetched(struct dp *dp, struct dp_fetch *f, int error, const uint8_t *msg, uint16_t len)
{
	(void)dp, (void)f, (void)error, (void)msg, (void)len;
}

size_t dp_bad_names(const struct dp *dp, uint16_t path, struct dp_badname *out, size_t max)
{
	(void)dp, (void)path, (void)out, (void)max;
	return 0;
}

void dp_evidence(const struct dp *dp, struct route_sample *samples, size_t count)
{
	(void)dp;
	memset(samples, 0, count * sizeof(*samples));
}

uint32_t dp_keys_awaited(const struct dp *dp, uint16_t path)
{
	(void)dp, (void)path;
	return 0;
}

uint64_t dp_keys_awaited_sum(const struct dp *dp)
{
	(void)dp;
	return 0;
}

void dp_evidence_reset(struct dp *dp, uint16_t path)
{
	(void)dp, (void)path;
}

void dp_stats_worker(const struct dp *dp, unsigned worker, struct dp_stats *out)
{
	(void)dp;
	memset(out, 0, sizeof(*out));
	out->received = 7;
	out->forwarded = 4;
	out->dropped[DP_DROP_ACL] = 2;
	out->waiting = 1;
	out->view_number = worker < fake.slow ? 0 : fake.view->number;
	out->answered_rcode[0] = fake.good;
	out->answered_rcode[2] = fake.failed;
	out->sent_upstream = fake.tries;
	out->retried = fake.repeated;
}

void dp_stats_sum(const struct dp *dp, struct dp_stats *out)
{
	dp_stats_worker(dp, 0, out);
}

unsigned dp_lcore_uses(const struct dp *dp, struct dp_lcore_use *out, unsigned max)
{
	(void)dp, (void)max;
	out[0] = (struct dp_lcore_use){.lcore = 1, .total_cycles = 9, .busy_cycles = 3};
	return 1;
}

size_t dp_flush(struct dp *dp, const struct dp_flush *what)
{
	(void)dp;
	fake.flushes++;
	fake.flushed = *what;
	if (what->name_count > 0)
		fake.flushed_name = what->names[0];
	return 3;
}

void dp_cache_stats(const struct dp *dp, struct dp_rcache_stats *out)
{
	(void)dp;
	*out = (struct dp_rcache_stats){.size = 1 << 20, .entries = 5};
}

unsigned dp_worker_count(const struct dp *dp)
{
	(void)dp;
	return fake.workers;
}

unsigned dp_port_count(const struct dp *dp)
{
	(void)dp;
	return 0;
}

const struct dp_port *dp_port_at(const struct dp *dp, unsigned i)
{
	(void)dp, (void)i;
	return NULL;
}

uint64_t dp_mbufs_out(const struct dp *dp)
{
	(void)dp;
	return 0;
}

void dp_drain(struct dp *dp, uint32_t ms)
{
	(void)dp, (void)ms;
}

void dp_free(struct dp *dp)
{
	(void)dp;
}

int ctl_hops_open(struct ctl_daemon *daemon, char *err)
{
	(void)daemon, (void)err;
	return 0;
}

void ctl_hops_close(struct ctl_daemon *daemon)
{
	(void)daemon;
}

void ctl_hops_tick(struct ctl_daemon *daemon)
{
	(void)daemon;
}

int ctl_hops_publish(struct ctl_daemon *daemon)
{
	size_t count = route_paths_count(ctl_world_paths(daemon->world));
	struct dp_hops *hops = calloc(1, sizeof(*hops) + count * sizeof(hops->hop[0]));

	hops->count = (uint32_t)count;
	fake.hops_published++;
	return ctl_world_set_hops(daemon->world, hops);
}

/* ---- life ---- */

struct ctl_daemon d;
char fake_err[CTL_SOCKET_ERR_MAX];

const char fake_routes[] =
	"sites: [{name: sin, addresses: [192.0.2.1, \"2001:db8::1\"]}, {name: nrt, addresses: "
	"[192.0.2.2]}]\n"
	"regions: [{name: apac}]\n"
	"zones: [{name: com., sites: [sin, nrt]}, {name: net., sites: [nrt]}]\n";

static char folder[FOLDER_MAX];

const char *fake_path(const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

void fake_write(const char *name, const char *text)
{
	FILE *f = fopen(fake_path(name), "we");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
}

void fake_new(void)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(folder_new("daemon", folder));
	fake_write("routes.yaml", fake_routes);
}

static void forget(void *arg, uint16_t path)
{
	(void)arg, (void)path;
}

static void make_parts(void)
{
	const struct ctl_world_ops ops = {ctl_daemon_publish, forget, &d, ctl_routes_recall};
	const struct val_anchors anchors = {0};
	const struct ctl_trust_config trust = {0};

	CU_ASSERT_EQUAL_FATAL(ctl_world_new(&ops, "apac", &d.world), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_trust_new(&anchors, &trust, 0, &d.trust), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_keeper_new(d.trust, &d.cfg.dp.skew, false, &d.keeper), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_negative_open(&d), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_probe_new(1000, 1000, &d.cfg.dp.skew, false, &d.probe), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_steer_new(&d.cfg.judge, &d.steer), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_drains_new(&d.drains), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_saver_new(NULL, NULL, NULL, &d.saver), 0);
}

int fake_try_start(void)
{
	memset(&d, 0, sizeof(d));
	memset(&fake, 0, sizeof(fake));
	fake.workers = 1;
	strcpy(d.cfg.region, "apac");
	strcpy(d.cfg.state_dir, folder);
	strcpy(d.cfg.routes, fake_path("routes.yaml"));
	d.cfg.dp.source[0].family = 4;
	d.cfg.dp.source[1].family = 6;
	route_judge_defaults(&d.cfg.judge);
	CU_ASSERT_EQUAL_FATAL(ctl_events_new(NULL, 256, true, &d.events), 0);
	int rc = ctl_routes_choose(&d, fake_err);
	if (rc) {
		ctl_routes_close(&d);
		ctl_events_free(d.events);
		return rc;
	}
	make_parts();
	return ctl_routes_start(&d, fake_err);
}

void fake_start(void)
{
	CU_ASSERT_EQUAL_FATAL(fake_try_start(), 0);
}

void fake_stop(void)
{
	ctl_daemon_close(&d);
	ctl_events_free(d.events);
}

void fake_kill(void)
{
	d.cfg.state_dir[0] = '\0'; // it has no last word
	fake_stop();
}

void fake_remove(void)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

/* ---- asking ---- */

const char *fake_run(const char *json)
{
	static char text[1 << 20];
	char err[CTL_SOCKET_ERR_MAX] = "";
	json_t *req = json_loads(json, 0, NULL), *data = NULL;
	const char *verb = json_string_value(json_object_get(req, "verb"));
	const struct ctl_verb *v = ctl_verbs;

	CU_ASSERT_PTR_NOT_NULL_FATAL(verb);
	while (v->name && strcmp(v->name, verb) != 0)
		v++;
	CU_ASSERT_PTR_NOT_NULL_FATAL(v->name);
	if (v->fn(&d, NULL, req, &data, err)) {
		strcpy(text, err);
	} else {
		char *dump = json_dumps(data, JSON_COMPACT);
		CU_ASSERT_PTR_NOT_NULL_FATAL(dump);
		CU_ASSERT_FATAL(strlen(dump) < sizeof(text));
		strcpy(text, dump);
		free(dump);
	}
	json_decref(data);
	json_decref(req);
	return text;
}

bool fake_says(const char *json, const char *part)
{
	const char *text = fake_run(json);

	if (strstr(text, part))
		return true;
	printf("\n  %s\n  -> %s\n  expected %s", json, text, part);
	return false;
}

bool fake_told(const char *part)
{
	return fake_says("{\"verb\":\"events\"}", part);
}
