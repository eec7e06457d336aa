#include "control/netlink.h"

#include <errno.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

enum { NUD_USABLE = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY };

enum { ATTRS_MAX = 64 };

struct ctl_netlink {
	struct mnl_socket *ask, *hear;
	uint32_t seq;
	size_t buf_size;
	char *buf;
};

static int open_socket(struct mnl_socket **out, unsigned groups)
{
	struct mnl_socket *s =
		mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | (groups != 0 ? SOCK_NONBLOCK : 0));
	int err;

	if (s == NULL)
		return -errno;
	if (mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) != 0) {
		err = -errno;
		mnl_socket_close(s);
		return err;
	}
	*out = s;
	return 0;
}

int ctl_netlink_new(struct ctl_netlink **out)
{
	unsigned groups = RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE |
			  RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
	struct ctl_netlink *n = calloc(1, sizeof(*n));
	int err = -ENOMEM;

	if (n == NULL)
		return -ENOMEM;
	n->buf_size = (size_t)MNL_SOCKET_BUFFER_SIZE;
	n->buf = malloc(n->buf_size);
	if (n->buf == NULL)
		goto free_netlink;
	err = open_socket(&n->ask, 0);
	if (err != 0)
		goto free_buf;
	err = open_socket(&n->hear, groups);
	if (err != 0)
		goto close_ask;
	*out = n;
	return 0;

close_ask:
	mnl_socket_close(n->ask);
free_buf:
	free(n->buf);
free_netlink:
	free(n);
	return err;
}

void ctl_netlink_free(struct ctl_netlink *n)
{
	if (n == NULL)
		return;
	mnl_socket_close(n->hear);
	mnl_socket_close(n->ask);
	free(n->buf);
	free(n);
}

/* ---- changes ---- */

int ctl_netlink_fd(const struct ctl_netlink *n)
{
	return mnl_socket_get_fd(n->hear);
}

/*
 * A neighbour that goes from usable to usable with the same MAC is no news, but we do not know the
 * old one: only states on the way (being looked for) are passed over.
 */
static int hear_one(const struct nlmsghdr *nlh, void *data)
{
	const struct ndmsg *nd = mnl_nlmsg_get_payload(nlh);
	bool *changed = data;

	if (nlh->nlmsg_type != RTM_NEWNEIGH || nd->ndm_state != NUD_INCOMPLETE)
		*changed = true;
	return MNL_CB_OK;
}

bool ctl_netlink_changed(struct ctl_netlink *n)
{
	bool changed = false;
	ssize_t len;

	for (;;) {
		len = mnl_socket_recvfrom(n->hear, n->buf, n->buf_size);
		if (len > 0)
			mnl_cb_run(n->buf, (size_t)len, 0, 0, hear_one, &changed);
		else if (len < 0 && errno == ENOBUFS)
			changed = true; // the kernel had more to say than we have read
		else if (len >= 0 || errno != EINTR)
			return changed;
	}
}

/* ---- questions ---- */

static struct nlmsghdr *begin(struct ctl_netlink *n, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(n->buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = ++n->seq;
	return nlh;
}

/* Send what begin() started; cb sees the answer. @retval 0, -errno (the kernel's word) */
static int ask(struct ctl_netlink *n, const struct nlmsghdr *nlh, mnl_cb_t cb, void *data)
{
	ssize_t len;
	int run;

	if (mnl_socket_sendto(n->ask, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		len = mnl_socket_recvfrom(n->ask, n->buf, n->buf_size);
		if (len < 0)
			return -errno;
		run = mnl_cb_run(
			n->buf, (size_t)len, n->seq, mnl_socket_get_portid(n->ask), cb, data);
		if (run < 0)
			return -errno;
		// An answer without NLM_F_MULTI is the only one; one to another question (ESRCH
		// above) is not there.
	} while (run == MNL_CB_OK && cb == NULL);
	return 0;
}

static uint8_t addr_family(const struct route_addr *a)
{
	return a->family == 6 ? AF_INET6 : AF_INET;
}

struct route {
	bool found;
	unsigned ifindex;
	struct route_addr next; // gateway, or the destination itself
};

/* Attributes by type; those that we do not know are passed over. */
struct attrs {
	const struct nlattr *by_type[ATTRS_MAX];
};

static int take_attr(const struct nlattr *attr, void *data)
{
	struct attrs *a = data;
	uint16_t type = mnl_attr_get_type(attr);

	if (type < ATTRS_MAX)
		a->by_type[type] = attr;
	return MNL_CB_OK;
}

/* Payload of an attribute of exactly this length, or NULL. */
static const void *attr_of(const struct attrs *a, unsigned type, size_t len)
{
	const struct nlattr *attr = a->by_type[type];

	return attr != NULL && mnl_attr_get_payload_len(attr) == len ? mnl_attr_get_payload(attr)
								     : NULL;
}

static int read_route(const struct nlmsghdr *nlh, void *data)
{
	const struct rtmsg *rt = mnl_nlmsg_get_payload(nlh);
	const struct rtvia *via;
	const void *gateway, *oif;
	struct attrs a = {{NULL}};
	struct route *r = data;

	if (nlh->nlmsg_type != RTM_NEWROUTE || rt->rtm_type != RTN_UNICAST)
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(*rt), take_attr, &a);
	oif = attr_of(&a, RTA_OIF, sizeof(uint32_t));
	gateway = attr_of(&a, RTA_GATEWAY, route_addr_len(&r->next));
	via = attr_of(&a, RTA_VIA, sizeof(*via) + 16); // RFC 8950: IPv4 by an IPv6 next hop
	if (oif != NULL) {
		memcpy(&r->ifindex, oif, sizeof(uint32_t));
		r->found = true;
	}
	if (gateway != NULL) {
		memcpy(r->next.octets, gateway, route_addr_len(&r->next));
	} else if (via != NULL) {
		r->next.family = 6;
		memcpy(r->next.octets, via->rtvia_addr, 16);
	}
	return MNL_CB_OK;
}

static int find_route(struct ctl_netlink *n, const struct route_addr *dst,
	const struct route_addr *src, struct route *out)
{
	struct nlmsghdr *nlh = begin(n, RTM_GETROUTE, 0);
	struct rtmsg *rt = mnl_nlmsg_put_extra_header(nlh, sizeof(*rt));

	rt->rtm_family = addr_family(dst);
	rt->rtm_dst_len = (uint8_t)(route_addr_len(dst) * 8);
	mnl_attr_put(nlh, RTA_DST, route_addr_len(dst), dst->octets);
	if (src != NULL && src->family == dst->family) {
		rt->rtm_src_len = (uint8_t)(route_addr_len(src) * 8);
		mnl_attr_put(nlh, RTA_SRC, route_addr_len(src), src->octets);
	}
	*out = (struct route){.next = *dst};
	return ask(n, nlh, read_route, out);
}

struct neighbour {
	bool usable, fresh;
	uint8_t mac[6];
};

static int read_neighbour(const struct nlmsghdr *nlh, void *data)
{
	const struct ndmsg *nd = mnl_nlmsg_get_payload(nlh);
	struct neighbour *out = data;
	struct attrs a = {{NULL}};
	const void *mac;

	if (nlh->nlmsg_type != RTM_NEWNEIGH || !(nd->ndm_state & NUD_USABLE))
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(*nd), take_attr, &a);
	mac = attr_of(&a, NDA_LLADDR, sizeof(out->mac));
	if (mac == NULL)
		return MNL_CB_OK;
	memcpy(out->mac, mac, sizeof(out->mac));
	out->usable = true;
	out->fresh = nd->ndm_state != NUD_STALE;
	return MNL_CB_OK;
}

static struct nlmsghdr *neighbour_request(
	struct ctl_netlink *n, uint16_t type, uint16_t flags, const struct route *r)
{
	struct nlmsghdr *nlh = begin(n, type, flags);
	struct ndmsg *nd = mnl_nlmsg_put_extra_header(nlh, sizeof(*nd));

	nd->ndm_family = addr_family(&r->next);
	nd->ndm_ifindex = (int)r->ifindex;
	if (type == RTM_NEWNEIGH) {
		nd->ndm_state = NUD_NONE;
		nd->ndm_flags = NTF_USE; // as if a packet had to go there
	}
	mnl_attr_put(nlh, NDA_DST, route_addr_len(&r->next), r->next.octets);
	return nlh;
}

static int look_for(struct ctl_netlink *n, const struct route *r)
{
	struct nlmsghdr *nlh = neighbour_request(n, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_ACK, r);

	return ask(n, nlh, NULL, NULL);
}

static int find_neighbour(struct ctl_netlink *n, const struct route *r, struct neighbour *out)
{
	struct nlmsghdr *nlh = neighbour_request(n, RTM_GETNEIGH, 0, r);
	int err;

	memset(out, 0, sizeof(*out));
	err = ask(n, nlh, read_neighbour, out);
	return err == -ENOENT ? 0 : err;
}

static int read_link(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct neighbour *out = data;
	struct attrs a = {{NULL}};
	const void *mac;

	if (nlh->nlmsg_type != RTM_NEWLINK || ifi->ifi_type != ARPHRD_ETHER)
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(*ifi), take_attr, &a);
	mac = attr_of(&a, IFLA_ADDRESS, sizeof(out->mac));
	if (mac != NULL) {
		memcpy(out->mac, mac, sizeof(out->mac));
		out->usable = true;
	}
	return MNL_CB_OK;
}

static int find_link(struct ctl_netlink *n, unsigned ifindex, struct neighbour *out)
{
	struct nlmsghdr *nlh = begin(n, RTM_GETLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = (int)ifindex;
	memset(out, 0, sizeof(*out));
	return ask(n, nlh, read_link, out);
}

static int no_route(int err)
{
	return err == -ENETUNREACH || err == -EHOSTUNREACH || err == -EACCES || err == -EINVAL ||
			       err == -ESRCH
		       ? -EHOSTUNREACH
		       : err;
}

int ctl_netlink_resolve(struct ctl_netlink *n, const struct route_addr *dst,
	const struct route_addr *src, struct ctl_hop *out)
{
	struct neighbour next, own;
	struct route r;
	int err = find_route(n, dst, src, &r);

	// A source that is not (yet) on any interface is refused: without it the main table
	// answers.
	if (err != 0 && src != NULL)
		err = find_route(n, dst, NULL, &r);
	if (err != 0)
		return no_route(err);
	if (!r.found)
		return -EHOSTUNREACH;
	err = find_link(n, r.ifindex, &own);
	if (err != 0)
		return err;
	if (!own.usable)
		return -EHOSTUNREACH;
	err = find_neighbour(n, &r, &next);
	if (err != 0)
		return err;
	if (!next.usable || !next.fresh)
		look_for(n, &r); // its outcome shows as a change
	if (!next.usable)
		return -EAGAIN;
	out->ifindex = r.ifindex;
	memcpy(out->src, own.mac, 6);
	memcpy(out->dst, next.mac, 6);
	return 0;
}
