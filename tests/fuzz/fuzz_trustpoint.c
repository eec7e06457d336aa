#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "validator/trustpoint.h"

/**
 * The state of trust anchors (RFC 5011): refused with its place, or the same when it is written and
 * read again. Then its keys are seen, all of them, and after a hold, none of them: no key is
 * trusted that is revoked, and nothing grows beyond its bound.
 */

enum { NOW = 1700000000, HOLD_S = 30 * 86400 };

static struct val_trustpoint tp[VAL_ANCHORS_MAX], again[VAL_ANCHORS_MAX];

static void need(bool holds, const char *rule)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", rule);
	abort();
}

static void check_again(size_t count)
{
	static char text[VAL_ANCHORS_MAX * VAL_TRACKED_MAX * VAL_TRACKED_TEXT_MAX];
	char err[512];
	int n;

	need(val_trustpoints_write(tp, count, text, sizeof(text)) > 0, "it has a text");
	n = val_trustpoints_read("f", text, again, VAL_ANCHORS_MAX, err, sizeof(err));
	need(n == (int)count, "the text is read");
	for (size_t i = 0; i < count; i++) {
		need(dns_name_equal(tp[i].zone.octets, again[i].zone.octets), "the same zones");
		need(tp[i].count == again[i].count, "as many keys");
		need(memcmp(tp[i].key, again[i].key, tp[i].count * sizeof(tp[i].key[0])) == 0,
			"the same keys");
	}
}

static bool is_revoked(const struct val_trustpoint *p, const struct val_key *key)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->key[i].state >= VAL_KEY_REVOKED &&
			p->key[i].anchor.type == DNS_TYPE_DNSKEY &&
			p->key[i].anchor.key.rdata_len == key->rdata_len &&
			memcmp(p->key[i].anchor.key.rdata, key->rdata, key->rdata_len) == 0)
			return true;
	return false;
}

static void check_point(const struct val_trustpoint *p)
{
	static struct val_anchor out[VAL_ANCHORS_MAX];
	size_t n = val_trustpoint_trusted(p, out);

	need(p->count <= VAL_TRACKED_MAX && n <= p->count, "bounded");
	for (unsigned i = 0; i < p->count; i++)
		need(p->key[i].state > VAL_KEY_START && p->key[i].state < VAL_KEY_STATES,
			"a state of the list");
}

static void live_on(struct val_trustpoint *p)
{
	static const struct val_trustpoint_params params = {HOLD_S, HOLD_S, false};
	static struct val_key keys[VAL_TRACKED_MAX];
	static struct val_anchor out[VAL_ANCHORS_MAX];
	struct val_key_changes changes = {0};
	bool revoked[VAL_TRACKED_MAX] = {false};
	size_t count = p->count;

	for (size_t i = 0; i < count; i++)
		keys[i] = p->key[i].anchor.key;
	val_trustpoint_see(p, keys, count, 3600, &params, NOW, &changes);
	check_point(p);
	revoked[0] = p->count > 0;
	val_trustpoint_revoke(p, revoked, NOW, &changes);
	need(changes.count <= VAL_CHANGES_MAX, "changes are bounded");
	changes.count = 0;
	val_trustpoint_see(p, keys, count, 3600, &params, NOW + HOLD_S, &changes);
	val_trustpoint_see(p, keys, 0, 3600, &params, NOW + 2 * HOLD_S, &changes);
	need(changes.count <= VAL_CHANGES_MAX, "changes are bounded");
	check_point(p);
	count = val_trustpoint_trusted(p, out);
	for (size_t i = 0; i < count; i++)
		need(out[i].type == DNS_TYPE_DS || !is_revoked(p, &out[i].key), "not revoked");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char err[512] = "", *text = malloc(len + 1);
	int n;

	if (text == NULL)
		abort();
	memcpy(text, data, len);
	text[len] = '\0';
	n = val_trustpoints_read("f", text, tp, VAL_ANCHORS_MAX, err, sizeof(err));
	need(n >= 0 || strncmp(err, "f:", 2) == 0, "an error names the file");
	if (n > 0)
		check_again((size_t)n);
	for (int i = 0; i < n; i++)
		live_on(&tp[i]);
	free(text);
	return 0;
}
