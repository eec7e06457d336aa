// Trust points as a file has them, so that 30 days of waiting survive a restart:
//
//   ; a comment
//   format 1
//   key STATE SINCE SEEN HOLD OWNER IN DNSKEY 257 3 8 AwEA...
//   end COUNT
//
// Whoever reads a half of it must notice: the last line counts the others. It is no zone file on
// purpose: a key that only waits must not be taken for an anchor by whoever is pointed at the file.

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "validator/anchors_priv.h"
#include "validator/trustpoint.h"

static const char head[] = "; Trust anchors as swerved follows them (RFC 5011): state, since, last "
			   "seen, hold, record.\n"
			   "; Without this file it begins again with the configured anchors.\n"
			   "format 1\n";

/* ---- writing ---- */

struct text {
	char *buf;
	size_t size, len;
};

__attribute__((format(printf, 2, 3))) static int put(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->buf + t->len, t->size - t->len, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= t->size - t->len)
		return -ENOSPC;
	t->len += (size_t)n;
	return 0;
}

static int put_key(struct text *t, const struct val_tracked *k)
{
	char record[VAL_TRACKED_TEXT_MAX];

	if (val_anchor_write(&k->anchor, record, sizeof(record)) < 0)
		return -ENOSPC;
	return put(t, "key %s %u %u %u %s\n", val_key_state_name(k->state), k->since, k->seen,
		k->hold_s, record);
}

int val_trustpoints_write(const struct val_trustpoint *tp, size_t count, char *out, size_t size)
{
	struct text t = {out, size, 0};
	unsigned keys = 0;
	int rc = put(&t, "%s", head);

	for (size_t i = 0; i < count; i++)
		for (unsigned k = 0; k < tp[i].count && rc == 0; k++, keys++)
			rc = put_key(&t, &tp[i].key[k]);
	if (rc == 0)
		rc = put(&t, "end %u\n", keys);
	return rc == 0 ? (int)t.len : rc;
}

/* ---- reading ---- */

static int state_from_name(const char *name)
{
	for (int s = VAL_KEY_ADD_PENDING; s < VAL_KEY_STATES; s++)
		if (strcmp(name, val_key_state_name((enum val_key_state)s)) == 0)
			return s;
	return -1;
}

/* @return what follows the number and its blank, NULL when there is none */
static char *take_number(char *text, uint32_t *out)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long long v = digits > 0 && digits <= 10 ? strtoull(text, NULL, 10) : UINT64_MAX;

	if (v > UINT32_MAX || text[digits] != ' ')
		return NULL;
	*out = (uint32_t)v;
	return text + digits + 1;
}

/* What follows "key ". @return NULL or what is wrong */
static const char *read_key(char *text, struct val_tracked *out)
{
	char *rest = strchr(text, ' ');
	int state;

	memset(out, 0, sizeof(*out));
	if (rest == NULL)
		return "the line ends early";
	*rest++ = '\0';
	state = state_from_name(text);
	if (state < 0)
		return "no such state of a key";
	out->state = (enum val_key_state)state;
	rest = take_number(rest, &out->since);
	rest = rest != NULL ? take_number(rest, &out->seen) : NULL;
	rest = rest != NULL ? take_number(rest, &out->hold_s) : NULL;
	return rest != NULL ? val_anchor_read(rest, &out->anchor) : "expected three times";
}

struct reader {
	struct val_trustpoint *tp;
	size_t count, max;
	unsigned keys;
	bool format, ended;
};

static const char *add_key(struct reader *r, const struct val_tracked *k)
{
	struct val_trustpoint *at = NULL;

	for (size_t i = 0; i < r->count && at == NULL; i++)
		if (dns_name_equal(r->tp[i].zone.octets, k->anchor.zone.octets))
			at = &r->tp[i];
	if (at == NULL && r->count == r->max)
		return "too many zones";
	if (at == NULL) {
		at = &r->tp[r->count++];
		at->zone = k->anchor.zone;
		at->count = 0;
	}
	if (at->count == VAL_TRACKED_MAX)
		return "too many keys of one zone";
	at->key[at->count++] = *k;
	r->keys++;
	return NULL;
}

static const char *read_end(struct reader *r, const char *text)
{
	char want[16];

	snprintf(want, sizeof(want), "%u", r->keys);
	if (strcmp(text, want) != 0)
		return "keys are missing";
	r->ended = true;
	return NULL;
}

/* @return NULL or what is wrong */
static const char *read_line(struct reader *r, char *line)
{
	struct val_tracked k;
	const char *wrong;

	if (line[0] == ';' || line[0] == '\0')
		return NULL;
	if (r->ended)
		return "something follows the end";
	if (!r->format) {
		r->format = strcmp(line, "format 1") == 0;
		return r->format ? NULL : "expected \"format 1\"";
	}
	if (strncmp(line, "end ", 4) == 0)
		return read_end(r, line + 4);
	if (strncmp(line, "key ", 4) != 0)
		return "expected \"key\" or \"end\"";
	wrong = read_key(line + 4, &k);
	return wrong != NULL ? wrong : add_key(r, &k);
}

int val_trustpoints_read(const char *name, const char *text, struct val_trustpoint *tp, size_t max,
	char *err, size_t err_size)
{
	struct reader r = {.tp = tp, .max = max};
	char line[VAL_TRACKED_TEXT_MAX];
	const char *wrong = NULL;
	unsigned n = 0;

	while (*text != '\0' && wrong == NULL) {
		size_t len = strcspn(text, "\n");

		n++;
		if (len >= sizeof(line)) {
			wrong = "line too long";
			break;
		}
		memcpy(line, text, len);
		line[len] = '\0';
		// a line without its end was cut off
		wrong = text[len] == '\n' ? read_line(&r, line) : "the line is cut off";
		text += len + (text[len] == '\n');
	}
	if (wrong == NULL && !r.ended)
		wrong = "the end is missing";
	if (wrong == NULL)
		return (int)r.count;
	snprintf(err, err_size, "%s:%u: %s", name, n, wrong);
	return -EINVAL;
}
