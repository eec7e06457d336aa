// What stands before IP: link headers, by libpcap's link types (tcpdump.org/linktypes.html).

#include <errno.h>

#include <pcap/dlt.h>

#include "control/capture_priv.h"
#include "dns/wire.h"

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_VLAN = 0x8100,     // IEEE 802.1Q
	ETHERTYPE_QINQ = 0x88a8,     // IEEE 802.1ad
	ETHERTYPE_QINQ_OLD = 0x9100, // before it
	ETHERTYPE_PPPOE = 0x8864,
	PPP_IPV4 = 0x0021,
	PPP_IPV6 = 0x0057,
	ETHER_LEN = 14,
	ETHER_OFF_TYPE = 12,
	SLL_LEN = 16,
	SLL_OFF_TYPE = 14,
	SLL2_LEN = 20,
	SLL2_OFF_TYPE = 0,
	NULL_LEN = 4,
	PPPOE_LEN = 8, // with PPP's protocol
	PPPOE_OFF_PROTOCOL = 6,
	LINKTYPE_RAW = 101, // DLT_RAW's number in files; pcap_datalink() has turned it round
	DLT_RAW_OPENBSD = 14,
};

bool ctl_capture_link_known(int link)
{
	switch (link) {
	case DLT_EN10MB:
	case DLT_LINUX_SLL:
	case DLT_LINUX_SLL2:
	case DLT_RAW:
	case DLT_RAW_OPENBSD:
	case LINKTYPE_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
	case DLT_NULL:
	case DLT_LOOP:
		return true;
	default:
		return false;
	}
}

/** By the version that the packet itself names. */
static int by_version(const struct capture_span *s)
{
	if (s->len == 0)
		return -EMSGSIZE;
	switch (s->at[0] >> 4) {
	case 4:
		return 4;
	case 6:
		return 6;
	default:
		return 0;
	}
}

static int by_pppoe(struct capture_span *s)
{
	uint16_t protocol;

	if (s->len < PPPOE_LEN)
		return -EMSGSIZE;
	protocol = dns_get16(s->at + PPPOE_OFF_PROTOCOL);
	capture_take(s, PPPOE_LEN);
	return protocol == PPP_IPV4 ? 4 : protocol == PPP_IPV6 ? 6 : 0;
}

/** Behind an ethertype: VLAN tags, then IP or not. */
static int by_ethertype(uint16_t type, struct capture_span *s)
{
	for (int tags = 0; tags <= CTL_CAPTURE_VLANS_MAX; tags++) {
		switch (type) {
		case ETHERTYPE_IPV4:
			return 4;
		case ETHERTYPE_IPV6:
			return 6;
		case ETHERTYPE_PPPOE:
			return by_pppoe(s);
		case ETHERTYPE_VLAN:
		case ETHERTYPE_QINQ:
		case ETHERTYPE_QINQ_OLD:
			break;
		default:
			return 0;
		}
		// priority and VLAN, then the next type
		if (s->len < 4)
			return -EMSGSIZE;
		type = dns_get16(s->at + 2);
		capture_take(s, 4);
	}
	return -EBADMSG;
}

static int with_type(struct capture_span *s, size_t header_len, size_t type_off)
{
	uint16_t type;

	if (s->len < header_len)
		return -EMSGSIZE;
	type = dns_get16(s->at + type_off);
	capture_take(s, header_len);
	return by_ethertype(type, s);
}

int ctl_capture_link(int link, struct capture_span *s)
{
	switch (link) {
	case DLT_EN10MB:
		return with_type(s, ETHER_LEN, ETHER_OFF_TYPE);
	case DLT_LINUX_SLL:
		return with_type(s, SLL_LEN, SLL_OFF_TYPE);
	case DLT_LINUX_SLL2:
		return with_type(s, SLL2_LEN, SLL2_OFF_TYPE);
	case DLT_NULL:
	case DLT_LOOP:
		// The address family's number is the capturing system's, and so is its byte order:
		// the packet's own version says as much.
		return capture_take(s, NULL_LEN) ? by_version(s) : -EMSGSIZE;
	default:
		return by_version(s);
	}
}
