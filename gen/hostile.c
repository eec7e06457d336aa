#include "gen/hostile.h"

#include <string.h>

#include "dns/wire.h"

static uint8_t *put_header(uint8_t *out, uint16_t questions, uint16_t additional)
{
	memset(out, 0, DNS_HEADER_LEN);
	dns_put16(out + DNS_OFF_QDCOUNT, questions);
	dns_put16(out + DNS_OFF_ARCOUNT, additional);
	return out + DNS_HEADER_LEN;
}

static uint8_t *put_label(uint8_t *pos, unsigned len, uint64_t random)
{
	*pos++ = (uint8_t)len;
	for (unsigned i = 0; i < len; i++)
		*pos++ = (uint8_t)('a' + (random >> (i % 16) * 4 & 15));
	return pos;
}

static uint8_t *put_tail(uint8_t *pos)
{
	dns_put16(pos, DNS_TYPE_A);
	dns_put16(pos + 2, DNS_CLASS_IN);
	return pos + 4;
}

/* 63 + 63 + 63 + 57 and com: 255 octets with the root. */
static uint8_t *longest_name(uint8_t *pos, uint64_t random)
{
	for (unsigned i = 0; i < 3; i++)
		pos = put_label(pos, DNS_LABEL_MAX, random + i);
	pos = put_label(pos, 57, random);
	memcpy(pos, "\3com", 5);
	return pos + 5;
}

/* 125 labels of one octet and com: as many steps as a name can cost. */
static uint8_t *many_labels(uint8_t *pos, uint64_t random)
{
	for (unsigned i = 0; i < 125; i++)
		pos = put_label(pos, 1, random >> i % 60);
	memcpy(pos, "\3com", 5);
	return pos + 5;
}

size_t gen_hostile_write(unsigned kind, uint64_t random, uint8_t *out)
{
	uint8_t *pos = put_header(out, 1, kind == 5 || kind == 6);

	switch (kind) {
	case 0:
		pos = put_tail(longest_name(pos, random));
		break;
	case 1:
		pos = put_tail(many_labels(pos, random));
		break;
	case 2: // a name that points to itself
		dns_put16(pos, 0xc000 | DNS_HEADER_LEN);
		pos = put_tail(pos + 2);
		break;
	case 3: // a label, then a pointer back to it
		pos = put_label(pos, 20, random);
		dns_put16(pos, 0xc000 | DNS_HEADER_LEN);
		pos = put_tail(pos + 2);
		break;
	case 4: // the message ends inside the name
		pos = put_label(pos, 30, random) - 10;
		break;
	case 5: // an additional record is announced, and missing
		pos = put_label(pos, 12, random);
		memcpy(pos, "\3com", 5);
		pos = put_tail(pos + 5);
		break;
	case 6: // an OPT whose option is longer than its data
		pos = put_label(pos, 12, random);
		memcpy(pos, "\3com", 5);
		pos = put_tail(pos + 5);
		memcpy(pos, "\0\0\x29\4\xd0\0\0\x80\0\0\4\0\3\0\xff", 15);
		pos += 15;
		break;
	default: // half a header
		return DNS_HEADER_LEN / 2;
	}
	return (size_t)(pos - out);
}
