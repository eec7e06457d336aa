#include "dataplane/xdp.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

static const char program_name[] = "swerve_xdp";
static const char map_name[] = "swerve_addrs";

enum { MAPS_MAX = 16 };

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

/* The attached program's description. maps may be NULL. @retval 1 there is one, 0 none, -errno */
static int attached(
	unsigned ifindex, struct bpf_prog_info *info, uint32_t *maps, uint32_t map_count)
{
	uint32_t id = 0, size = sizeof(*info);
	int err = bpf_xdp_query_id((int)ifindex, 0, &id);
	int fd;

	if (err != 0 || id == 0)
		return err;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return -errno;
	memset(info, 0, sizeof(*info));
	info->nr_map_ids = map_count;
	info->map_ids = (uint64_t)(uintptr_t)maps;
	err = bpf_obj_get_info_by_fd(fd, info, &size) != 0 ? -errno : 1;
	close(fd);
	return err;
}

int dp_xdp_detach_stale(unsigned ifindex)
{
	struct bpf_prog_info info;
	int there = attached(ifindex, &info, NULL, 0);

	if (there <= 0)
		return there;
	if (strncmp(info.name, program_name, sizeof(info.name) - 1) != 0)
		return -EBUSY;
	return bpf_xdp_detach((int)ifindex, 0, NULL);
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
	struct bpf_xdp_query_opts opts = {.sz = sizeof(opts)};

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
	uint32_t maps[MAPS_MAX];
	struct bpf_prog_info info;
	int err = attached(ifindex, &info, maps, MAPS_MAX);
	int fd;

	if (err <= 0)
		return err == 0 ? -ENOENT : err;
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
		bpf_program__set_autoload(p, strcmp(bpf_program__name(p), "swerve_tc") == 0);
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
	tc->hook.sz = sizeof(tc->hook);
	tc->hook.ifindex = (int)ifindex;
	tc->hook.attach_point = BPF_TC_INGRESS;
	tc->opts.sz = sizeof(tc->opts);
	// A fixed place: what a killed daemon left is replaced.
	tc->opts.handle = 1;
	tc->opts.priority = 53;
	tc->opts.flags = BPF_TC_F_REPLACE;
	err = load(tc, object, addrs, count);
	if (err != 0)
		goto free_tc;
	p = bpf_object__find_program_by_name(tc->object, "swerve_tc");
	if (p == NULL) {
		err = -ENOENT;
		goto free_tc;
	}
	tc->opts.prog_fd = bpf_program__fd(p);
	err = bpf_tc_hook_create(&tc->hook);
	if (err != 0 && err != -EEXIST)
		goto free_tc;
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
	tc->opts.flags = 0;
	tc->opts.prog_fd = 0;
	tc->opts.prog_id = 0;
	bpf_tc_detach(&tc->hook, &tc->opts);
	bpf_object__close(tc->object);
	free(tc);
}
