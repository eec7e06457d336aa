#include "dataplane/drop.h"

#include <assert.h>
#include <stddef.h>

static const char *const names[] = {
	[DP_DROP_NOT_OURS] = "not_ours",
	[DP_DROP_L2_SHORT] = "l2_short",
	[DP_DROP_VLAN] = "vlan",
	[DP_DROP_IP_HEADER] = "ip_header",
	[DP_DROP_IP_CHECKSUM] = "ip_checksum",
	[DP_DROP_FRAGMENT] = "fragment",
	[DP_DROP_UDP_LENGTH] = "udp_length",
	[DP_DROP_UDP_CHECKSUM] = "udp_checksum",
	[DP_DROP_SEGMENTED] = "segmented",
	[DP_DROP_SOURCE] = "source",
	[DP_DROP_ACL] = "acl",
	[DP_DROP_QUERY_SHORT] = "query_short",
	[DP_DROP_QUERY_IS_RESPONSE] = "query_is_response",
	[DP_DROP_REPLY_SHORT] = "reply_short",
	[DP_DROP_REPLY_IS_QUERY] = "reply_is_query",
	[DP_DROP_REPLY_UNMATCHED] = "reply_unmatched",
	[DP_DROP_REPLY_QUESTION] = "reply_question",
	[DP_DROP_REPLY_LATE] = "reply_late",
	[DP_DROP_TXN_FULL] = "txn_full",
	[DP_DROP_NO_MBUF] = "no_mbuf",
	[DP_DROP_TX_FULL] = "tx_full",
	[DP_DROP_HANDOVER_FULL] = "handover_full",
	[DP_DROP_SHUTDOWN] = "shutdown",
};
static_assert(sizeof(names) / sizeof(names[0]) == DP_DROP_MAX, "one name a reason");

const char *dp_drop_name(enum dp_drop d)
{
	const char *name = (unsigned)d < DP_DROP_MAX ? names[d] : NULL;

	return name != NULL ? name : "unknown";
}
