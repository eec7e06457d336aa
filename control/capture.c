#include "control/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "control/capture_priv.h"
#include "dns/wire.h"

int ctl_capture_new(int link, uint16_t port, ctl_capture_fn fn, void *arg, struct ctl_capture **out)
{
	struct ctl_capture *c;

	if (!ctl_capture_link_known(link))
		return -ENOTSUP;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->link = link;
	c->port = port;
	c->fn = fn;
	c->arg = arg;
	if (getrandom(&c->key, sizeof(c->key), 0) != sizeof(c->key) ||
		ctl_capture_frags_new(&c->frags) != 0 ||
		ctl_capture_streams_new(&c->streams) != 0) {
		ctl_capture_free(c);
		return -ENOMEM;
	}
	*out = c;
	return 0;
}

void ctl_capture_free(struct ctl_capture *c)
{
	if (c == NULL)
		return;
	ctl_capture_frags_free(c->frags);
	ctl_capture_streams_free(c->streams);
	free(c);
}

const struct ctl_capture_stats *ctl_capture_get_stats(const struct ctl_capture *c)
{
	return &c->stats;
}

bool ctl_capture_is_plausible(const uint8_t *data, size_t len)
{
	uint16_t flags;

	if (len < DNS_HEADER_LEN)
		return false;
	flags = dns_get16(data + DNS_OFF_FLAGS);
	if ((flags & (DNS_FLAG_OPCODE_MASK | DNS_FLAG_Z)) != 0 ||
		dns_get16(data + DNS_OFF_QDCOUNT) != 1)
		return false;
	if (flags & DNS_FLAG_QR)
		return true;
	// a query: nothing in answer and authority, OPT and a signature at most
	return dns_get32(data + DNS_OFF_ANCOUNT) == 0 && dns_get16(data + DNS_OFF_ARCOUNT) <= 2 &&
	       (flags & DNS_FLAG_RCODE_MASK) == 0;
}

void ctl_capture_emit(struct ctl_capture *c, const struct capture_ends *e, bool tcp,
	const uint8_t *data, size_t len)
{
	struct ctl_capture_msg msg = {
		.time_us = c->now_us,
		.src = e->src,
		.dst = e->dst,
		.sport = e->sport,
		.dport = e->dport,
		.tcp = tcp,
		.data = data,
		.len = len,
	};

	c->stats.messages++;
	c->fn(c->arg, &msg);
}

void ctl_capture_packet(
	struct ctl_capture *c, int64_t time_us, const uint8_t *data, size_t len, size_t wire)
{
	struct capture_span s = {.at = data, .len = len, .wire = wire > len ? wire : len};
	int version;

	if (c->stats.packets == 0)
		c->stats.first_us = c->stats.last_us = time_us;
	c->stats.packets++;
	if (time_us > c->stats.last_us)
		c->stats.last_us = time_us;
	if (time_us < c->stats.first_us)
		c->stats.first_us = time_us;
	c->now_us = time_us;
	version = ctl_capture_link(c->link, &s);
	if (version > 0)
		ctl_capture_ip(c, version, s);
	else if (version < 0)
		*(version == -EMSGSIZE && s.wire > s.len ? &c->stats.cut : &c->stats.malformed) +=
			1;
}

void ctl_capture_end(struct ctl_capture *c)
{
	ctl_capture_streams_end(c);
	ctl_capture_frags_end(c);
}

/* ---- files ---- */

/** What it is instead of a capture, for those who forgot to unpack it; NULL when nobody knows. */
static const char *known_magic(FILE *f)
{
	static const struct {
		uint8_t octets[4];
		size_t len;
		const char *what;
	} magics[] = {
		{{0x1f, 0x8b}, 2, "gzip-compressed: unpack it first"},
		{{0x28, 0xb5, 0x2f, 0xfd}, 4, "zstd-compressed: unpack it first"},
		{{0xfd, '7', 'z', 'X'}, 4, "xz-compressed: unpack it first"},
		{{'B', 'Z', 'h'}, 3, "bzip2-compressed: unpack it first"},
		{{'P', 'K', 3, 4}, 4, "a zip archive: unpack it first"},
	};
	uint8_t head[4] = {0};
	size_t n = fread(head, 1, sizeof(head), f);

	rewind(f);
	if (n == 0)
		return "empty file";
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (n >= magics[i].len && memcmp(head, magics[i].octets, magics[i].len) == 0)
			return magics[i].what;
	return NULL;
}

/** @retval 0; -errno with err set. On success *f is at its beginning. */
static int open_file(const char *path, FILE **f, char *err)
{
	struct stat st;
	const char *what;

	*f = fopen(path, "rb");
	if (*f == NULL) {
		int e = -errno;

		snprintf(err, CTL_CAPTURE_ERR_MAX, "%s: %s", path, strerror(-e));
		return e;
	}
	if (fstat(fileno(*f), &st) != 0 || !S_ISREG(st.st_mode))
		what = "not a regular file; it is read twice, so a pipe will not do";
	else
		what = known_magic(*f);
	if (what == NULL)
		return 0;
	snprintf(err, CTL_CAPTURE_ERR_MAX, "%s: %s", path, what);
	fclose(*f);
	return -EINVAL;
}

static int64_t packet_time_us(const struct pcap_pkthdr *h)
{
	const int64_t far = INT64_C(1) << 40; // seconds; the file may claim anything

	if (h->ts.tv_sec < 0 || h->ts.tv_sec > far)
		return 0;
	return (int64_t)h->ts.tv_sec * 1000000 + h->ts.tv_usec;
}

/** All packets of an open file. @retval 0, -EINVAL with err set; err set with 0: see the header */
static int read_packets(pcap_t *p, const char *path, struct ctl_capture *c, char *err)
{
	struct pcap_pkthdr *h;
	const uint8_t *data;
	uint64_t packets = 0;
	int rc;

	while ((rc = pcap_next_ex(p, &h, &data)) == 1) {
		ctl_capture_packet(c, packet_time_us(h), data, h->caplen, h->len);
		packets++;
	}
	ctl_capture_end(c);
	if (rc != PCAP_ERROR)
		return 0;
	snprintf(err, CTL_CAPTURE_ERR_MAX, "%s: after packet %llu: %s", path,
		(unsigned long long)packets, pcap_geterr(p));
	return packets == 0 ? -EINVAL : 0;
}

static int read_capture(pcap_t *p, const char *path, struct ctl_capture *c,
	struct ctl_capture_stats *stats, char *err)
{
	int rc = read_packets(p, path, c, err);

	*stats = c->stats;
	ctl_capture_free(c);
	return rc;
}

int ctl_capture_read(const char *path, uint16_t port, ctl_capture_fn fn, void *arg,
	struct ctl_capture_stats *stats, char *err)
{
	char pcap_err[PCAP_ERRBUF_SIZE];
	struct ctl_capture *c;
	pcap_t *p;
	FILE *f;
	int rc;

	err[0] = '\0';
	memset(stats, 0, sizeof(*stats));
	rc = open_file(path, &f, err);
	if (rc != 0)
		return rc;
	p = pcap_fopen_offline(f, pcap_err);
	if (p == NULL) {
		snprintf(err, CTL_CAPTURE_ERR_MAX, "%s: %s", path, pcap_err);
		fclose(f);
		return -EINVAL;
	}
	rc = ctl_capture_new(pcap_datalink(p), port, fn, arg, &c);
	if (rc == 0)
		rc = read_capture(p, path, c, stats, err);
	else if (rc == -ENOTSUP)
		snprintf(err, CTL_CAPTURE_ERR_MAX, "%s: link type %d (%s) is not supported", path,
			pcap_datalink(p),
			pcap_datalink_val_to_name(pcap_datalink(p)) != NULL
				? pcap_datalink_val_to_name(pcap_datalink(p))
				: "unknown");
	else
		snprintf(err, CTL_CAPTURE_ERR_MAX, "%s: %s", path, strerror(-rc));
	pcap_close(p);
	return rc;
}
