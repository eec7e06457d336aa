#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "validator/anchors_priv.h"

/* A trust anchor file is refused with its place, or each record of it is what its own text says. */

static void need(bool holds, const char *rule)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", rule);
	abort();
}

static void check_again(const struct val_anchor *a)
{
	char text[2 * VAL_KEY_MAX + DNS_NAME_TEXT_MAX + 64];
	struct val_anchor again;

	need(val_anchor_write(a, text, sizeof(text)) > 0, "an anchor has a text");
	need(val_anchor_read(text, &again) == NULL, "the text is an anchor");
	need(memcmp(a, &again, sizeof(again)) == 0, "the same anchor");
}

static void check_taken(const struct val_anchors *a)
{
	need(a->count > 0 && a->count <= VAL_ANCHORS_MAX, "a bounded number");
	for (unsigned i = 0; i < a->count; i++) {
		const struct val_anchor *one = &a->item[i];

		need(one->type == DNS_TYPE_DS || one->type == DNS_TYPE_DNSKEY, "DS or DNSKEY");
		need(one->key.rdata_len > 4 && one->key.rdata_len <= VAL_KEY_MAX, "a key's length");
		need(one->zone.len > 0 && one->zone.octets[one->zone.len - 1] == 0, "a name");
		check_again(one);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct val_anchors anchors;
	char err[512] = "";
	FILE *in = len > 0 ? fmemopen((void *)(uintptr_t)data, len, "r") : NULL;

	if (in == NULL)
		return 0;
	memset(&anchors, 0, sizeof(anchors));
	if (val_anchors_read(in, "f", &anchors, err, sizeof(err)) == 0)
		check_taken(&anchors);
	else
		need(strncmp(err, "f:", 2) == 0, "an error names the file");
	fclose(in);
	return 0;
}
