#include "dns/name.h"

#include <endian.h>
#include <errno.h>

enum {
	LABEL_TYPE_MASK = 0xc0,
	LABEL_POINTER = 0xc0,
	POINTER_LEN = 2,
	POINTER_HIGH_MASK = 0x3f,
};

static inline uint8_t lower(uint8_t c)
{
	return (uint8_t)(c | ((uint8_t)(c - 'A') < 26 ? 0x20 : 0));
}

/* ---- eight octets at a time; the first one is the lowest octet of a word ---- */

#define EVERY(octet) (0x0101010101010101u * (uint64_t)(octet))

static inline uint64_t load(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static inline void store(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

/** 0x80 where there is an upper-case letter, else 0. No sum carries into the next octet. */
static inline uint64_t capitals(uint64_t v)
{
	uint64_t low = v & EVERY(0x7f);

	return (low + EVERY(0x80 - 'A')) & ~(low + EVERY(0x7f - 'Z')) & ~v & EVERY(0x80);
}

static inline uint64_t lowered(uint64_t v, uint64_t capital)
{
	return v | capital >> 2;
}

/** Bit 7 of octet i as bit i: the multiplication moves each to the top octet, and none twice. */
static inline uint8_t gathered(uint64_t capital)
{
	return (uint8_t)((capital >> 7) * 0x0102040810204080u >> 56);
}

/**
 * Lower-case len octets; which were upper-case letters goes to `bits`, if that is not NULL. What is
 * left of a long text at its end is done with octets before it, which are lower-cased already.
 */
static inline void lower_octets(uint8_t *to, const uint8_t *from, size_t len, uint8_t *bits)
{
	size_t at = 0, left = len % 8;

	for (; at + 8 <= len; at += 8) {
		uint64_t v = load(from + at), capital = capitals(v);

		store(to + at, lowered(v, capital));
		if (bits)
			bits[at / 8] = gathered(capital);
	}
	if (left == 0)
		return;
	if (at > 0) {
		uint64_t v = load(from + len - 8), capital = capitals(v);

		store(to + len - 8, lowered(v, capital));
		if (bits)
			bits[at / 8] = (uint8_t)(gathered(capital) >> (8 - left));
		return;
	}
	unsigned set = 0;
	for (unsigned i = 0; i < left; i++) {
		uint8_t c = lower(from[i]);

		set |= (unsigned)(c != from[i]) << i;
		to[i] = c;
	}
	if (bits)
		bits[0] = (uint8_t)set;
}

/* ---- reading ---- */

/* Octets up to the end of a name, or of its first pointer where pointers may be. */
static inline int measure(const uint8_t *name, const uint8_t *end, bool pointers, unsigned *labels)
{
	size_t avail = (size_t)(end - name);
	size_t len = 0;

	for (*labels = 0;; ++*labels) {
		if (len >= avail)
			return -EMSGSIZE;
		uint8_t label = name[len];
		if (pointers && (label & LABEL_TYPE_MASK) == LABEL_POINTER) {
			len += POINTER_LEN;
			return len <= avail ? (int)len : -EMSGSIZE;
		}
		if (label > DNS_LABEL_MAX)
			return -EBADMSG;
		len += 1u + label;
		if (len > DNS_NAME_MAX)
			return -EBADMSG;
		if (label == 0)
			return (int)len;
	}
}

int dns_name_len(const uint8_t *name, const uint8_t *end)
{
	unsigned labels;

	return measure(name, end, false, &labels);
}

int dns_name_skip(const uint8_t *pos, const uint8_t *end)
{
	unsigned labels;

	return measure(pos, end, true, &labels);
}

/** The one reader of compressed names. `out` NULL only checks; else it is scratch on error. */
static inline int walk(
	const uint8_t *msg, size_t msg_len, size_t off, size_t limit, struct dns_name *out)
{
	size_t pos = off, end = limit < msg_len ? limit : msg_len;
	size_t segment = off; // where the segment being read starts
	unsigned len = 0, labels = 0, pointers = 0;
	int used = 0;

	for (;;) {
		if (pos >= end)
			return -EMSGSIZE;
		uint8_t label = msg[pos];
		if ((label & LABEL_TYPE_MASK) == LABEL_POINTER) {
			if (end - pos < POINTER_LEN)
				return -EMSGSIZE;
			if (used == 0)
				used = (int)(pos + POINTER_LEN - off);
			pos = dns_get16(msg + pos) & (POINTER_HIGH_MASK << 8 | 0xff);
			if (pos >= segment || pos < DNS_HEADER_LEN ||
				++pointers > DNS_NAME_POINTERS_MAX)
				return -EBADMSG;
			segment = pos;
			end = msg_len;
			continue;
		}
		if (label > DNS_LABEL_MAX || len + 1u + label > DNS_NAME_MAX)
			return -EBADMSG;
		if (end - pos < 1u + label)
			return -EMSGSIZE;
		if (out)
			memcpy(out->octets + len, msg + pos, 1u + label);
		len += 1u + label;
		pos += 1u + label;
		if (label == 0)
			break;
		labels++;
	}
	if (out) {
		out->len = (uint8_t)len;
		out->labels = (uint8_t)labels;
	}
	return used ? used : (int)(pos - off);
}

int dns_name_check(const uint8_t *msg, size_t msg_len, size_t off, size_t limit)
{
	return walk(msg, msg_len, off, limit, NULL);
}

int dns_name_expand(
	const uint8_t *msg, size_t msg_len, size_t off, size_t limit, struct dns_name *out)
{
	struct dns_name name;
	int used = walk(msg, msg_len, off, limit, &name);

	if (used < 0)
		return used;
	out->len = name.len;
	out->labels = name.labels;
	memcpy(out->octets, name.octets, name.len);
	return used;
}

/** All of a name but its octets. @return as dns_name_from_wire() */
static int take_size(const uint8_t *wire, const uint8_t *end, struct dns_name *out)
{
	unsigned labels;
	int len = measure(wire, end, false, &labels);

	if (len < 0)
		return len;
	out->len = (uint8_t)len;
	out->labels = (uint8_t)labels;
	return len;
}

int dns_name_from_wire(const uint8_t *wire, const uint8_t *end, struct dns_name *out)
{
	int len = take_size(wire, end, out);

	if (len > 0)
		memcpy(out->octets, wire, (size_t)len);
	return len;
}

int dns_name_take_lower(const uint8_t *wire, const uint8_t *end, struct dns_name *out,
	uint8_t case_bits[DNS_CASE_OCTETS])
{
	int len = take_size(wire, end, out);

	if (len < 0)
		return len;
	memset(case_bits, 0, DNS_CASE_OCTETS);
	lower_octets(out->octets, wire, (size_t)len, case_bits);
	return len;
}

/** Read one octet of presentation form, escapes undone. @return characters used, 0 when malformed.
 */
static int text_octet(const char *text, uint8_t *out)
{
	if (text[0] != '\\') {
		*out = (uint8_t)text[0];
		return 1;
	}
	if (text[1] == '\0')
		return 0;
	if (text[1] < '0' || text[1] > '9') {
		*out = (uint8_t)text[1];
		return 2;
	}
	unsigned value = 0;
	for (int i = 1; i <= 3; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		value = value * 10 + (unsigned)(text[i] - '0');
	}
	*out = (uint8_t)value;
	return value <= UINT8_MAX ? 4 : 0;
}

/** Read one label at *text into label[0..63], length octet first. @retval 0, -EINVAL */
static int text_label(const char **text, uint8_t *label)
{
	const char *t = *text;
	unsigned len = 0;

	while (*t != '\0' && *t != '.') {
		if (len == DNS_LABEL_MAX)
			return -EINVAL;
		int used = text_octet(t, &label[1 + len]);
		if (used == 0)
			return -EINVAL;
		t += used;
		len++;
	}
	if (len == 0)
		return -EINVAL;
	label[0] = (uint8_t)len;
	*text = *t == '.' ? t + 1 : t;
	return 0;
}

int dns_name_from_text(const char *text, struct dns_name *out)
{
	struct dns_name name = {.len = 0};
	unsigned len = 0;

	if (text[0] == '\0')
		return -EINVAL;
	if (text[0] == '.' && text[1] == '\0')
		text++;
	while (*text != '\0') {
		uint8_t label[1 + DNS_LABEL_MAX];
		int rc = text_label(&text, label);
		if (rc < 0)
			return rc;
		// the root octet must still fit behind it
		if (len + 1u + label[0] + 1u > DNS_NAME_MAX)
			return -EINVAL;
		memcpy(name.octets + len, label, 1u + label[0]);
		len += 1u + label[0];
		name.labels++;
	}
	name.octets[len++] = 0;
	name.len = (uint8_t)len;
	*out = name;
	return 0;
}

/** Presentation form of one octet. @return characters in out: 1, 2 or 4 */
static size_t octet_text(uint8_t c, char out[4])
{
	static const char special[] = "\"().;\\@$";

	if (c < 0x21 || c > 0x7e) {
		out[0] = '\\';
		out[1] = (char)('0' + c / 100);
		out[2] = (char)('0' + c / 10 % 10);
		out[3] = (char)('0' + c % 10);
		return 4;
	}
	if (!memchr(special, c, sizeof(special) - 1)) {
		out[0] = (char)c;
		return 1;
	}
	out[0] = '\\';
	out[1] = (char)c;
	return 2;
}

/** Append n characters and keep room for the NUL. @return false when they do not fit */
static bool text_append(char *buf, size_t size, size_t *pos, const char *chars, size_t n)
{
	if (size - *pos <= n)
		return false;
	memcpy(buf + *pos, chars, n);
	*pos += n;
	return true;
}

char *dns_name_to_text(const uint8_t *wire, char *buf, size_t size)
{
	size_t pos = 0;
	bool room = true;

	if (size == 0)
		return buf;
	if (*wire == 0)
		text_append(buf, size, &pos, ".", 1);
	while (room && *wire != 0) {
		uint8_t label = *wire++;
		for (; room && label > 0; label--) {
			char chars[4];
			size_t n = octet_text(*wire++, chars);
			room = text_append(buf, size, &pos, chars, n);
		}
		room = room && text_append(buf, size, &pos, ".", 1);
	}
	buf[pos] = '\0';
	return buf;
}

void dns_name_lower(uint8_t *wire, size_t len)
{
	// length octets are at most 63, below 'A': no need to know where they are
	lower_octets(wire, wire, len, NULL);
}

/** Four to seven octets as a word. */
static inline uint64_t load_few(const uint8_t *p, size_t len)
{
	uint32_t first, last;

	memcpy(&first, p, sizeof(first));
	memcpy(&last, p + len - sizeof(last), sizeof(last));
	return first | (uint64_t)last << 32;
}

static inline bool word_equal(uint64_t a, uint64_t b)
{
	return a == b || lowered(a, capitals(a)) == lowered(b, capitals(b));
}

/** Equal but for ASCII letter case. Reads len octets of each and no more. */
static inline bool octets_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	if (len >= 8) {
		for (size_t at = 0; at + 8 < len; at += 8)
			if (!word_equal(load(a + at), load(b + at)))
				return false;
		return word_equal(load(a + len - 8), load(b + len - 8));
	}
	if (len >= 4)
		return word_equal(load_few(a, len), load_few(b, len));
	for (size_t i = 0; i < len; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

bool dns_label_equal(const uint8_t *a, const uint8_t *b)
{
	return a[0] == b[0] && octets_equal(a + 1, b + 1, a[0]);
}

bool dns_name_equal(const uint8_t *a, const uint8_t *b)
{
	// Equal octets so far mean equal label lengths so far: both names end at the same place.
	while (dns_label_equal(a, b)) {
		if (*a == 0)
			return true;
		a += 1 + *a;
		b += 1 + *b;
	}
	return false;
}

bool dns_name_under(const uint8_t *sub, const uint8_t *parent)
{
	int extra = dns_name_labels(sub) - dns_name_labels(parent);

	return extra >= 0 && dns_name_equal(dns_name_strip(sub, extra), parent);
}

bool dns_name_is(const struct dns_name *a, const struct dns_name *b)
{
	// Length octets are no letters: what is equal as a whole has equal labels.
	return a->len == b->len && octets_equal(a->octets, b->octets, a->len);
}

bool dns_name_within(const struct dns_name *sub, const struct dns_name *parent)
{
	const uint8_t *tail;

	if (sub->labels < parent->labels)
		return false;
	tail = dns_name_strip(sub->octets, sub->labels - parent->labels);
	return sub->octets + sub->len - tail == parent->len &&
	       octets_equal(tail, parent->octets, parent->len);
}

int dns_name_labels(const uint8_t *wire)
{
	int labels = 0;

	for (; *wire != 0; wire += 1 + *wire)
		labels++;
	return labels;
}

const uint8_t *dns_name_strip(const uint8_t *wire, int n)
{
	for (; n > 0; n--)
		wire += 1 + *wire;
	return wire;
}

/** Where each label of a name starts, leftmost first. */
struct label_index {
	int count;
	uint8_t off[DNS_LABELS_MAX];
};

static void index_labels(const uint8_t *wire, struct label_index *out)
{
	unsigned pos = 0;

	out->count = 0;
	for (; wire[pos] != 0; pos += 1u + wire[pos])
		out->off[out->count++] = (uint8_t)pos;
}

/** Order of two labels as lower-cased octet strings; a missing octet sorts first. */
static int label_compare(const uint8_t *a, const uint8_t *b)
{
	unsigned shorter = a[0] < b[0] ? a[0] : b[0];

	for (unsigned i = 1; i <= shorter; i++) {
		int diff = lower(a[i]) - lower(b[i]);
		if (diff != 0)
			return diff;
	}
	return a[0] - b[0];
}

/** Labels shared from the right; *order is the order of the first pair that differs, 0 if none
 * does. */
static int compare_from_right(const uint8_t *a, const uint8_t *b, int *order)
{
	struct label_index ia, ib;
	index_labels(a, &ia);
	index_labels(b, &ib);
	int shorter = ia.count < ib.count ? ia.count : ib.count;

	for (int i = 1; i <= shorter; i++) {
		*order = label_compare(a + ia.off[ia.count - i], b + ib.off[ib.count - i]);
		if (*order != 0)
			return i - 1;
	}
	*order = ia.count - ib.count;
	return shorter;
}

int dns_name_compare(const uint8_t *a, const uint8_t *b)
{
	int order;

	compare_from_right(a, b, &order);
	return order;
}

int dns_name_common_labels(const uint8_t *a, const uint8_t *b)
{
	int order;

	return compare_from_right(a, b, &order);
}
