#include "dataplane/xdp.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

static const char program_name[] = "swerve_xdp", classifier_name[] = "swerve_tc";
static const char map_name[] = "swerve_addrs";

// The classifier's place: a fixed one, so that what a killed daemon left is found.
enum { MAPS_MAX = 16, TC_HANDLE = 1, TC_PRIORITY = 53 };

/* The map's key: IPv6, or IPv4 as ::ffff:a.b.c.d. */
static void map_key(const struct route_addr *a, uint8_t key[16])
{
	memset(key, 0, 16);
	if (a->family == 6) {
		memcpy(key, a->octets, 16);
		return;
	}
	key[10] = key[11] = 0xff;
	memcpy(key + 12, a->octets, 4);
}

static int fill(int map_fd, const struct route_addr *addrs, size_t count)
{
	static const uint8_t ours = 1;

	for (size_t i = 0; i < count; i++) {
		uint8_t key[16];

		map_key(&addrs[i], key);
		if (bpf_map_update_elem(map_fd, key, &ours, BPF_ANY) != 0)
			return -errno;
	}
	return 0;
}

/* Description of a program by its number. @retval 0, -errno */
static int describe(uint32_t id, struct bpf_prog_info *info, uint32_t *maps, uint32_t map_count)
{
	uint32_t size = sizeof(*info);
	int fd = bpf_prog_get_fd_by_id(id);
	int err;

	if (fd < 0)
		return -errno;
	memset(info, 0, sizeof(*info));
	info->nr_map_ids = map_count;
	info->map_ids = (uint64_t)(uintptr_t)maps;
	err = bpf_obj_get_info_by_fd(fd, info, &size) != 0 ? -errno : 0;
	close(fd);
	return err;
}

static bool is_named(const struct bpf_prog_info *info, const char *name)
{
	return strncmp(info->name, name, sizeof(info->name) - 1) == 0;
}

/* @retval 1 there was one, 0 there was none, -errno */
static int detach_stale_xdp(unsigned ifindex)
{
	struct bpf_prog_info info;
	uint32_t id = 0;
	int err = bpf_xdp_query_id((int)ifindex, 0, &id);

	if (err != 0 || id == 0)
		return err;
	err = describe(id, &info, NULL, 0);
	if (err != 0)
		return err;
	if (!is_named(&info, program_name))
		return -EBUSY;
	err = bpf_xdp_detach((int)ifindex, 0, NULL);
	return err != 0 ? err : 1;
}

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

/* libbpf complains on stderr of two usual cases: no classifier yet, a clsact qdisc already. */
static int query_quietly(const struct bpf_tc_hook *hook, struct bpf_tc_opts *opts)
{
	libbpf_print_fn_t print = libbpf_set_print(silent);
	int err = bpf_tc_query(hook, opts);

	libbpf_set_print(print);
	return err;
}

static int create_quietly(struct bpf_tc_hook *hook)
{
	libbpf_print_fn_t print = libbpf_set_print(silent);
	int err = bpf_tc_hook_create(hook);

	libbpf_set_print(print);
	return err == -EEXIST ? 0 : err;
}

// libbpf refuses option structs with anything but zeros behind their last member, padding included:
// hence memset() and no initialisers.
static void tc_place(unsigned ifindex, struct bpf_tc_hook *hook, struct bpf_tc_opts *opts)
{
	memset(hook, 0, sizeof(*hook));
	hook->sz = sizeof(*hook);
	hook->ifindex = (int)ifindex;
	hook->attach_point = BPF_TC_INGRESS;
	memset(opts, 0, sizeof(*opts));
	opts->sz = sizeof(*opts);
	opts->handle = TC_HANDLE;
	opts->priority = TC_PRIORITY;
}

/* The number of the program in the classifier's place, 0 if there is none. */
static uint32_t tc_program(unsigned ifindex)
{
	struct bpf_tc_hook hook;
	struct bpf_tc_opts opts;

	tc_place(ifindex, &hook, &opts);
	return query_quietly(&hook, &opts) == 0 ? opts.prog_id : 0;
}

static int detach_stale_tc(unsigned ifindex)
{
	uint32_t id = tc_program(ifindex);
	struct bpf_tc_hook hook;
	struct bpf_tc_opts opts;
	struct bpf_prog_info info;
	int err;

	if (id == 0)
		return 0;
	err = describe(id, &info, NULL, 0);
	if (err != 0 || !is_named(&info, classifier_name))
		return err != 0 ? err : -EBUSY;
	tc_place(ifindex, &hook, &opts);
	return bpf_tc_detach(&hook, &opts);
}

int dp_xdp_detach_stale(unsigned ifindex)
{
	int err = detach_stale_xdp(ifindex);

	// Somebody else's classifier does not stand in XDP's way.
	(void)detach_stale_tc(ifindex);
	return err;
}

/* A map of ours among these. @return fd, -ENOENT */
static int find_map(const uint32_t *ids, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct bpf_map_info info = {0};
		uint32_t size = sizeof(info);
		int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd < 0)
			continue;
		if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0 &&
			strcmp(info.name, map_name) == 0)
			return fd;
		close(fd);
	}
	return -ENOENT;
}

static const char *mode_name(unsigned ifindex)
{
	struct bpf_xdp_query_opts opts;

	memset(&opts, 0, sizeof(opts));
	opts.sz = sizeof(opts);
	if (bpf_xdp_query((int)ifindex, 0, &opts) != 0)
		return "";
	switch (opts.attach_mode) {
	case XDP_ATTACHED_DRV:
		return "native";
	case XDP_ATTACHED_SKB:
		return "skb";
	case XDP_ATTACHED_HW:
		return "hw";
	default:
		return "";
	}
}

int dp_xdp_dedicate(
	unsigned ifindex, const struct route_addr *addrs, size_t count, char mode[DP_XDP_MODE_MAX])
{
	uint32_t maps[MAPS_MAX], id = 0;
	struct bpf_prog_info info;
	int err = bpf_xdp_query_id((int)ifindex, 0, &id);
	int fd;

	if (err == 0)
		err = id != 0 ? describe(id, &info, maps, MAPS_MAX) : -ENOENT;
	if (err != 0)
		return err;
	fd = find_map(maps, info.nr_map_ids < MAPS_MAX ? info.nr_map_ids : MAPS_MAX);
	if (fd < 0)
		return fd;
	err = fill(fd, addrs, count);
	close(fd);
	snprintf(mode, DP_XDP_MODE_MAX, "%s", mode_name(ifindex));
	return err;
}

/* ---- af_packet ---- */

struct dp_tc {
	struct bpf_object *object;
	struct bpf_tc_hook hook;
	struct bpf_tc_opts opts;
};

/* Load only the classifier. @retval 0, -errno */
static int load(struct dp_tc *tc, const char *path, const struct route_addr *addrs, size_t count)
{
	struct bpf_program *p;
	struct bpf_map *map;
	int err;

	tc->object = bpf_object__open_file(path, NULL);
	if (tc->object == NULL)
		return -errno;
	for (p = bpf_object__next_program(tc->object, NULL); p != NULL;
		p = bpf_object__next_program(tc->object, p))
		bpf_program__set_autoload(p, strcmp(bpf_program__name(p), classifier_name) == 0);
	err = bpf_object__load(tc->object);
	if (err != 0)
		return err;
	map = bpf_object__find_map_by_name(tc->object, map_name);
	return map != NULL ? fill(bpf_map__fd(map), addrs, count) : -ENOENT;
}

int dp_tc_attach(const char *object, unsigned ifindex, const struct route_addr *addrs, size_t count,
	struct dp_tc **out)
{
	struct dp_tc *tc = calloc(1, sizeof(*tc));
	struct bpf_program *p;
	int err;

	if (tc == NULL)
		return -ENOMEM;
	tc_place(ifindex, &tc->hook, &tc->opts);
	err = detach_stale_tc(ifindex);
	if (err == 0)
		err = load(tc, object, addrs, count);
	if (err != 0)
		goto free_tc;
	p = bpf_object__find_program_by_name(tc->object, classifier_name);
	if (p == NULL) {
		err = -ENOENT;
		goto free_tc;
	}
	tc->opts.prog_fd = bpf_program__fd(p);
	err = create_quietly(&tc->hook);
	if (err == 0)
		err = bpf_tc_attach(&tc->hook, &tc->opts);
	if (err != 0)
		goto free_tc;
	*out = tc;
	return 0;

free_tc:
	bpf_object__close(tc->object);
	free(tc);
	return err;
}

void dp_tc_detach(struct dp_tc *tc)
{
	if (tc == NULL)
		return;
	tc->opts.prog_fd = 0; // libbpf wants the place alone
	tc->opts.prog_id = 0;
	bpf_tc_detach(&tc->hook, &tc->opts);
	bpf_object__close(tc->object);
	free(tc);
}
