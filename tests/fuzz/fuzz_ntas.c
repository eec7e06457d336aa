#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/nta.h"
#include "tests/fuzz/fuzz.h"

/**
 * The file of negative trust anchors: refused whole and with its place, or the same when it is
 * written and read again. No anchor lives for longer than a week from now.
 */

enum { NOW = 1700000000 };

static void need(bool holds, const char *rule)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", rule);
	abort();
}

static struct ctl_ntas *list_new(void)
{
	const struct ctl_ntas_config cfg = {.recheck_s = 300};
	struct ctl_ntas *n;

	if (ctl_ntas_new(&cfg, &n) != 0)
		abort();
	return n;
}

static void check_same(const struct ctl_nta *a, const struct ctl_nta *b)
{
	need(dns_name_equal(a->name.octets, b->name.octets), "the same name");
	need(a->since == b->since && a->until == b->until, "the same life");
	need(a->forced == b->forced && strcmp(a->reason, b->reason) == 0, "the same words");
	need(a->until - a->since <= CTL_NTA_MAX_S, "not longer than a week");
	need((int32_t)(a->since - NOW) <= 0, "it has begun");
}

static void check_again(const struct ctl_ntas *n)
{
	char err[CTL_NTA_ERR_MAX], *text = ctl_ntas_text(n);
	struct ctl_ntas *again = list_new();

	need(text != NULL, "it has a text");
	need(ctl_ntas_read(again, "f", text, strlen(text), NOW, 0, err) == 0, "the text is read");
	need(ctl_ntas_count(again) == ctl_ntas_count(n), "as many");
	for (size_t i = 0; i < ctl_ntas_count(n); i++)
		check_same(ctl_ntas_at(n, i), ctl_ntas_at(again, i));
	ctl_ntas_free(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ctl_ntas *n = list_new();
	char err[CTL_NTA_ERR_MAX] = "";

	if (ctl_ntas_read(n, "f", (const char *)data, len, NOW, 0, err) == 0) {
		need(err[0] == '\0' && ctl_ntas_count(n) <= CTL_NTAS_MAX, "taken");
		check_again(n);
	} else {
		need(strncmp(err, "f:", 2) == 0, "an error names the file");
		need(ctl_ntas_count(n) == 0, "refused whole");
	}
	ctl_ntas_free(n);
	return 0;
}
