#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "validator/anchors_priv.h"

/*
 * The anchor file: one record a line, fields parted by blanks. Owner, then TTL and class in any
 * order and both optional, then DS or DNSKEY and its RDATA.
 */

enum { LINE_MAX_LEN = 4096, FIELDS_MAX = 64 };

struct fields {
	char *item[FIELDS_MAX];
	unsigned count;
};

/* @return where the field ends; a backslash takes the next octet along (RFC 1035 s5.1) */
static char *field_end(char *p)
{
	while (*p != '\0' && strchr(" \t();\r\n", *p) == NULL)
		p += p[0] == '\\' && p[1] != '\0' ? 2 : 1;
	return p;
}

/* @return NULL or what is wrong */
static const char *split(char *line, struct fields *f)
{
	bool indented = line[0] == ' ' || line[0] == '\t', more = true;
	char *p = line + strspn(line, " \t()");

	f->count = 0;
	while (more && strchr(";\r\n", *p) == NULL) {
		char *end = field_end(p);

		if (f->count == FIELDS_MAX)
			return "too many fields";
		f->item[f->count++] = p;
		more = strchr(";\r\n", *end) == NULL; // else a comment, or the line ends
		*end = '\0';
		p = more ? end + 1 + strspn(end + 1, " \t()") : end;
	}
	// In a zone file an indented record belongs to the owner above it. To take its class or TTL
	// for an owner would anchor a zone that nobody meant.
	return indented && f->count > 0 ? "owner is missing" : NULL;
}

static bool is_number(const char *s)
{
	return s[0] != '\0' && strspn(s, "0123456789") == strlen(s);
}

/* @return the number, or -1 when it is none or above max */
static long number(const char *s, long max)
{
	long v;

	if (!is_number(s) || strlen(s) > 9)
		return -1;
	v = strtol(s, NULL, 10);
	return v <= max ? v : -1;
}

/* The rest of the fields joined without blanks. @return length, -1 too long */
static int join(const struct fields *f, unsigned from, char *out, size_t size)
{
	size_t len = 0;

	for (unsigned i = from; i < f->count; i++) {
		size_t n = strlen(f->item[i]);

		if (len + n + 1 > size)
			return -1;
		memcpy(out + len, f->item[i], n);
		len += n;
	}
	out[len] = '\0';
	return (int)len;
}

static int from_base64(const char *text, int len, uint8_t *out, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t buf[LINE_MAX_LEN];
	int pad = len - (int)strspn(text, digits), n;

	// EVP_DecodeBlock() reads '=' as a digit wherever it stands.
	if (len == 0 || len % 4 != 0 || pad > 2 || strspn(text + len - pad, "=") != (size_t)pad)
		return -1;
	n = EVP_DecodeBlock(buf, (const unsigned char *)text, len) - pad;
	if (n < 0)
		return -1;
	if ((size_t)n > size)
		return -1;
	memcpy(out, buf, (size_t)n);
	return n;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *p = c != '\0' ? strchr(digits, c | 0x20) : NULL;

	return p != NULL ? (int)(p - digits) : -1;
}

static int from_hex(const char *text, int len, uint8_t *out, size_t size)
{
	if (len == 0 || len % 2 != 0 || (size_t)len / 2 > size)
		return -1;
	for (int i = 0; i < len; i += 2) {
		int hi = hex_digit(text[i]), lo = hex_digit(text[i + 1]);

		if (hi < 0 || lo < 0)
			return -1;
		out[i / 2] = (uint8_t)(hi << 4 | lo);
	}
	return len / 2;
}

/* Three numbers and a blob: both types have that shape. @return NULL or what is wrong */
static const char *read_rdata(const struct fields *f, unsigned at, struct val_anchor *a)
{
	bool ds = a->type == DNS_TYPE_DS;
	char text[LINE_MAX_LEN];
	long first, second, third;
	int len, n;

	if (f->count < at + 4)
		return "RDATA ends early";
	first = number(f->item[at], 65535);
	second = number(f->item[at + 1], 255);
	third = number(f->item[at + 2], 255);
	if (first < 0 || second < 0 || third < 0)
		return ds ? "expected key tag, algorithm and digest type"
			  : "expected flags, protocol and algorithm";
	len = join(f, at + 3, text, sizeof(text));
	if (len < 0)
		return "line too long";
	dns_put16(a->key.rdata, (uint16_t)first);
	a->key.rdata[2] = (uint8_t)second;
	a->key.rdata[3] = (uint8_t)third;
	n = ds ? from_hex(text, len, a->key.rdata + 4, VAL_KEY_MAX - 4)
	       : from_base64(text, len, a->key.rdata + 4, VAL_KEY_MAX - 4);
	if (n < 0)
		return ds ? "digest is not hexadecimal" : "key is not base64, or too long";
	a->key.rdata_len = (uint16_t)(4 + n);
	a->key.key_tag = ds ? (uint16_t)first : dns_key_tag(a->key.rdata, a->key.rdata_len);
	a->key.algorithm = (uint8_t)(ds ? second : third);
	return NULL;
}

static const char *check(const struct val_anchor *a)
{
	static const uint16_t digest_len[] = {0, 20, 32, 0, 48};
	uint8_t digest = a->key.rdata[3];

	if (a->type == DNS_TYPE_DS)
		return digest < 5 && digest_len[digest] != 0 &&
				       a->key.rdata_len != 4 + digest_len[digest]
			       ? "digest has the wrong length for its type"
			       : NULL;
	if ((dns_get16(a->key.rdata) & DNS_DNSKEY_FLAG_ZONE) == 0 || a->key.rdata[2] != 3)
		return "not a zone key: flags lack 256, or the protocol is not 3";
	if (dns_get16(a->key.rdata) & DNS_DNSKEY_FLAG_REVOKE)
		return "the key is revoked";
	return NULL;
}

/* @return NULL or what is wrong */
static const char *read_record(const struct fields *f, struct val_anchor *a)
{
	unsigned at = 1;
	const char *wrong;

	memset(a, 0, sizeof(*a));
	if (dns_name_from_text(f->item[0], &a->zone) != 0)
		return "owner is not a name";
	dns_name_lower(a->zone.octets, a->zone.len);
	for (; at < f->count && at < 3; at++)
		if (!is_number(f->item[at]) && strcasecmp(f->item[at], "IN") != 0)
			break;
	if (at < f->count && strcasecmp(f->item[at], "DS") == 0)
		a->type = DNS_TYPE_DS;
	else if (at < f->count && strcasecmp(f->item[at], "DNSKEY") == 0)
		a->type = DNS_TYPE_DNSKEY;
	else
		return "expected a DS or DNSKEY record";
	wrong = read_rdata(f, at + 1, a);
	return wrong != NULL ? wrong : check(a);
}

const char *val_anchor_read(char *line, struct val_anchor *out)
{
	struct fields f;
	const char *wrong = split(line, &f);

	if (wrong != NULL)
		return wrong;
	return f.count > 0 ? read_record(&f, out) : "expected a DS or DNSKEY record";
}

static void to_hex(const uint8_t *in, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++)
		sprintf(out + 2 * i, "%02X", in[i]);
}

int val_anchor_write(const struct val_anchor *a, char *out, size_t size)
{
	bool ds = a->type == DNS_TYPE_DS;
	char owner[DNS_NAME_TEXT_MAX], blob[2 * VAL_KEY_MAX + 1];
	const struct val_key *k = &a->key;
	int n;

	dns_name_to_text(a->zone.octets, owner, sizeof(owner));
	if (ds)
		to_hex(k->rdata + 4, k->rdata_len - 4u, blob);
	else
		EVP_EncodeBlock((unsigned char *)blob, k->rdata + 4, k->rdata_len - 4);
	n = snprintf(out, size, "%s IN %s %u %u %u %s", owner, ds ? "DS" : "DNSKEY",
		dns_get16(k->rdata), k->rdata[2], k->rdata[3], blob);
	return n >= 0 && (size_t)n < size ? n : -ENOSPC;
}

int val_anchors_read(
	FILE *in, const char *path, struct val_anchors *out, char *err, size_t err_size)
{
	char line[LINE_MAX_LEN];
	struct fields f;

	out->count = 0;
	for (unsigned n = 1; fgets(line, sizeof(line), in) != NULL; n++) {
		bool whole = strchr(line, '\n') != NULL || feof(in);
		const char *wrong = split(line, &f);

		if (!whole)
			wrong = "line too long";
		if (wrong == NULL && f.count == 0)
			continue;
		if (wrong == NULL && out->count == VAL_ANCHORS_MAX)
			wrong = "too many trust anchors";
		if (wrong == NULL)
			wrong = read_record(&f, &out->item[out->count]);
		if (wrong != NULL) {
			snprintf(err, err_size, "%s:%u: %s", path, n, wrong);
			return -EINVAL;
		}
		out->count++;
	}
	if (ferror(in)) {
		snprintf(err, err_size, "%s: %s", path, strerror(EIO));
		return -EIO;
	}
	if (out->count == 0) {
		snprintf(err, err_size, "%s: no trust anchor in the file", path);
		return -EINVAL;
	}
	return 0;
}

int val_anchors_load(const char *path, struct val_anchors *out, char *err, size_t err_size)
{
	struct val_anchors *fresh;
	FILE *in = fopen(path, "r");
	int e;

	if (in == NULL) {
		e = -errno;
		snprintf(err, err_size, "%s: %s", path, strerror(-e));
		return e;
	}
	fresh = malloc(sizeof(*fresh));
	e = fresh != NULL ? val_anchors_read(in, path, fresh, err, err_size) : -ENOMEM;
	if (e == 0)
		*out = *fresh;
	free(fresh);
	fclose(in);
	return e;
}
