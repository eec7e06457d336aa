#include "dataplane/offload.h"

#include <string.h>

#include <rte_common.h>

/*
 * Taken when offered: checks of checksums on receive (dp_packet_parse() believes the NIC), freeing
 * without looking (every mbuf of ours is of one pool and has one owner), and RSS over UDP where
 * there is more than one queue. Not taken: checksums on transmit. We add what changed to the sum
 * that a packet came with (RFC 1624), which costs less than to describe the packet to a NIC.
 */

enum { UDP_HASHES = RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP };

static const uint64_t rx_wanted = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;

/* A driver that says nothing has the key of the first NICs with RSS. */
static uint8_t key_len(const struct rte_eth_dev_info *info)
{
	return info->hash_key_size != 0 ? info->hash_key_size : DP_RSS_KEY_MIN;
}

static bool has_rss(const struct rte_eth_dev_info *info)
{
	uint8_t len = key_len(info);

	return (info->flow_type_rss_offloads & UDP_HASHES) != 0 && len >= DP_RSS_KEY_MIN &&
	       len <= DP_RSS_KEY_MAX && len % sizeof(uint32_t) == 0;
}

/*
 * A virtio peer that is told so leaves checksums undone in packets that never saw a wire; a reply
 * in place is written from the checksum that it came with.
 */
static bool leaves_undone(const struct rte_eth_dev_info *info)
{
	return info->driver_name != NULL && (strstr(info->driver_name, "virtio") != NULL ||
						    strstr(info->driver_name, "vhost") != NULL);
}

void dp_offload_choose(const struct rte_eth_dev_info *info, uint16_t queues,
	uint8_t key[DP_RSS_KEY_MAX], struct rte_eth_conf *out)
{
	memset(out, 0, sizeof(*out));
	out->rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
	out->rxmode.offloads = leaves_undone(info) ? 0 : info->rx_offload_capa & rx_wanted;
	out->txmode.offloads = info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	if (queues < 2 || !has_rss(info))
		return;
	out->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	out->rx_adv_conf.rss_conf = (struct rte_eth_rss_conf){
		.rss_key = key,
		.rss_key_len = key_len(info),
		.rss_hf = info->flow_type_rss_offloads & UDP_HASHES,
	};
}

/* Indirection tables go in groups, each entry with its bit in the group's mask. */
struct reta {
	struct rte_eth_rss_reta_entry64 group[DP_RSS_RETA_MAX / RTE_ETH_RETA_GROUP_SIZE];
};

static uint16_t *entry(struct reta *r, unsigned i)
{
	return &r->group[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
}

/* Every queue in its turn, if the driver lets us; then what the driver has. */
static bool spread(uint16_t port_id, uint16_t size, uint16_t queues, struct dp_rss *out)
{
	struct reta r;

	if (size < RTE_ETH_RETA_GROUP_SIZE || size > DP_RSS_RETA_MAX || !rte_is_power_of_2(size))
		return false;
	for (unsigned g = 0; g < RTE_DIM(r.group); g++)
		r.group[g].mask = UINT64_MAX;
	for (unsigned i = 0; i < size; i++)
		*entry(&r, i) = (uint16_t)(i % queues);
	(void)rte_eth_dev_rss_reta_update(port_id, r.group, size);
	if (rte_eth_dev_rss_reta_query(port_id, r.group, size) != 0)
		return false;
	out->reta_size = size;
	for (unsigned i = 0; i < size; i++)
		out->reta[i] = *entry(&r, i);
	return true;
}

/* Some drivers take the key with the configuration, some only now. */
static bool hash_by(uint16_t port_id, struct rte_eth_rss_conf *ours, struct dp_rss *out)
{
	uint8_t key[DP_RSS_KEY_MAX] = {0};
	struct rte_eth_rss_conf has = {.rss_key = key, .rss_key_len = ours->rss_key_len};

	(void)rte_eth_dev_rss_hash_update(port_id, ours);
	if (rte_eth_dev_rss_hash_conf_get(port_id, &has) != 0 ||
		memcmp(key, ours->rss_key, ours->rss_key_len) != 0)
		return false; // a key that others know would tell them our ports
	out->v4 = (has.rss_hf & RTE_ETH_RSS_NONFRAG_IPV4_UDP) != 0;
	out->v6 = (has.rss_hf & RTE_ETH_RSS_NONFRAG_IPV6_UDP) != 0;
	dp_rss_key(out, key, ours->rss_key_len);
	return out->v4 || out->v6;
}

bool dp_offload_rss(uint16_t port_id, const struct rte_eth_dev_info *info, uint16_t queues,
	struct rte_eth_conf *conf, struct dp_rss *out)
{
	return conf->rxmode.mq_mode == RTE_ETH_MQ_RX_RSS &&
	       hash_by(port_id, &conf->rx_adv_conf.rss_conf, out) &&
	       spread(port_id, info->reta_size, queues, out);
}
