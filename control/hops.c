#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/addr.h"
#include "control/daemon.h"
#include "control/netlink.h"

/*
 * Next hops as Linux says. The kernel is asked again when it tells of a change, every second while
 * a path has none, and now and then anyway: our packets pass it by, so a neighbour that only we
 * talk to would grow stale without a question.
 *
 * A vhost or memif port is no interface of Linux. Where one is the way up, its configuration names
 * the next hop (gateway_mac) and Linux is not asked.
 */

enum {
	SPACING_MS = 20, // a storm of changes costs one look this often
	RETRY_MS = 1000, // while a hop is missing
	REFRESH_MS = 10000,
};

/* Paths sorted by address, so that an address shared by several zones is resolved once. */
static int by_address(const void *pa, const void *pb)
{
	const struct route_path *const *a = pa, *const *b = pb;
	int d = (*a)->addr.family - (*b)->addr.family;

	return d ? d : memcmp((*a)->addr.octets, (*b)->addr.octets, sizeof((*a)->addr.octets));
}

static size_t sorted_paths(struct route_paths *p, const struct route_path **out)
{
	size_t n = 0;

	for (size_t id = 0; id < route_paths_count(p); id++) {
		const struct route_path *path = route_paths_at(p, (uint16_t)id);
		if (path)
			out[n++] = path;
	}
	qsort(out, n, sizeof(out[0]), by_address);
	return n;
}

/** Which of our ports an interface is; -1 when it is none of them. */
static int port_of(const struct dp *dp, unsigned ifindex)
{
	for (unsigned i = 0; i < dp_port_count(dp); i++)
		if (ifindex && dp_port_at(dp, i)->ifindex == ifindex)
			return (int)i;
	return -1;
}

/** The port whose configuration names the next hop of everything; -1 when none does. */
static int port_with_gateway(const struct dp_config *c)
{
	for (unsigned i = 0; i < c->port_count; i++)
		if (!rte_is_zero_ether_addr(&c->ports[i].gateway))
			return (int)i;
	return -1;
}

static struct dp_hop gateway_hop(const struct ctl_daemon *d, int port)
{
	return (struct dp_hop){
		.ok = true,
		.port = (uint16_t)port,
		.src = dp_port_at(d->dp, (unsigned)port)->mac,
		.dst = d->cfg.dp.ports[port].gateway,
	};
}

static struct dp_hop resolve(struct ctl_daemon *d, const struct route_addr *addr)
{
	const struct route_addr *src = &d->cfg.dp.source[addr->family == 4 ? 0 : 1];
	struct dp_hop hop = {.ok = false};
	int gateway = port_with_gateway(&d->cfg.dp);
	struct ctl_hop found;

	if (src->family && gateway >= 0)
		return gateway_hop(d, gateway);
	if (!src->family || ctl_netlink_resolve(d->netlink, addr, src, &found))
		return hop;
	int port = port_of(d->dp, found.ifindex);
	if (port < 0)
		return hop;
	hop.ok = true;
	hop.port = (uint16_t)port;
	memcpy(hop.src.addr_bytes, found.src, sizeof(found.src));
	memcpy(hop.dst.addr_bytes, found.dst, sizeof(found.dst));
	return hop;
}

/** @return how many paths have no hop */
static size_t resolve_all(
	struct ctl_daemon *d, struct dp_hops *hops, const struct route_path **paths)
{
	size_t n = sorted_paths(ctl_world_paths(d->world), paths), missing = 0;

	for (size_t i = 0; i < n; i++) {
		bool same = i > 0 && by_address(&paths[i - 1], &paths[i]) == 0;
		hops->hop[paths[i]->id] =
			same ? hops->hop[paths[i - 1]->id] : resolve(d, &paths[i]->addr);
		missing += !hops->hop[paths[i]->id].ok;
	}
	return missing;
}

static bool same_hops(const struct dp_hops *a, const struct dp_hops *b)
{
	return a && a->count == b->count &&
	       memcmp(a->hop, b->hop, a->count * sizeof(a->hop[0])) == 0;
}

/** Say which addresses could be reached before and cannot any more. */
static void say_lost(struct ctl_daemon *d, const struct dp_hops *old, const struct dp_hops *now)
{
	for (uint16_t id = 0; old && id < old->count && id < now->count; id++) {
		const struct route_path *path = route_paths_at(ctl_world_paths(d->world), id);
		char addr[CTL_ADDR_TEXT_MAX], zone[DNS_NAME_TEXT_MAX];
		if (!path || !old->hop[id].ok || now->hop[id].ok)
			continue;
		dns_name_to_text(path->zone_name.octets, zone, sizeof(zone));
		ctl_addr_text(&path->addr, addr);
		ctl_events_emit(d->events, "no_next_hop",
			json_pack("{s:s,s:s,s:s}", "zone", zone, "site", path->site_name, "address",
				addr),
			"%s at %s (%s): Linux knows no next hop any more", zone, path->site_name,
			addr);
	}
}

int ctl_hops_publish(struct ctl_daemon *d)
{
	size_t count = route_paths_count(ctl_world_paths(d->world));
	struct dp_hops *hops = calloc(1, sizeof(*hops) + count * sizeof(hops->hop[0]));
	const struct route_path **paths = calloc(count ? count : 1, sizeof(*paths));
	int rc = -ENOMEM;

	if (!hops || !paths)
		goto out;
	hops->count = (uint32_t)count;
	size_t missing = resolve_all(d, hops, paths);
	d->hops_dirty = false;
	d->hops_at_ms = ctl_now_ms();
	d->hops_due_ms = d->hops_at_ms + (missing ? RETRY_MS : REFRESH_MS);
	rc = 0;
	if (same_hops(ctl_world_hops(d->world), hops))
		goto out;
	say_lost(d, ctl_world_hops(d->world), hops);
	rc = ctl_world_set_hops(d->world, hops);
	hops = NULL; // the world's, also when it had no memory
out:
	free(paths);
	free(hops);
	return rc;
}

void ctl_hops_tick(struct ctl_daemon *d)
{
	uint64_t now_ms = ctl_now_ms();

	if (now_ms < d->hops_due_ms && !(d->hops_dirty && now_ms >= d->hops_at_ms + SPACING_MS))
		return;
	if (ctl_hops_publish(d))
		d->hops_due_ms = now_ms + RETRY_MS; // no memory: the hops before stay
}

static void on_netlink(uv_poll_t *poll, int status, int events)
{
	struct ctl_daemon *d = poll->data;

	(void)status, (void)events;
	if (ctl_netlink_changed(d->netlink))
		d->hops_dirty = true;
	ctl_hops_tick(d);
}

int ctl_hops_open(struct ctl_daemon *d, char *err)
{
	int rc = ctl_netlink_new(&d->netlink);

	if (rc) {
		snprintf(err, CTL_SOCKET_ERR_MAX, "netlink: %s", strerror(-rc));
		return rc;
	}
	rc = uv_poll_init(&d->loop, &d->netlink_poll, ctl_netlink_fd(d->netlink));
	if (rc) {
		snprintf(err, CTL_SOCKET_ERR_MAX, "netlink: %s", uv_strerror(rc));
		ctl_netlink_free(d->netlink);
		d->netlink = NULL;
		return rc;
	}
	d->netlink_poll.data = d;
	uv_poll_start(&d->netlink_poll, UV_READABLE, on_netlink);
	return 0;
}

void ctl_hops_close(struct ctl_daemon *d)
{
	if (!d->netlink)
		return;
	uv_poll_stop(&d->netlink_poll); // before its descriptor goes
	uv_close((uv_handle_t *)&d->netlink_poll, NULL);
	ctl_netlink_free(d->netlink);
	d->netlink = NULL;
}
