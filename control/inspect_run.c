#include "control/inspect_run.h"

#include <stdlib.h>
#include <string.h>

#include "control/inspect.h"
#include "control/inspect_table.h"

struct run {
	const struct ctl_inspect_args *args;
	FILE *out;
	struct ctl_inspect_table *table; // NULL with --json
	bool bogus;
};

static void take(void *arg, const struct ctl_judged *j, const struct dns_msg *msg)
{
	struct run *r = arg;

	r->bogus |= j->verdict == VAL_BOGUS;
	if (r->args->json)
		ctl_inspect_json(j, r->out);
	else
		ctl_inspect_table_add(r->table, j, msg);
}

/** @return the number, -1 when it is none from 1 to max */
static int64_t number(const char *text, int64_t max)
{
	size_t digits = strspn(text, "0123456789");
	int64_t v;

	if (digits == 0 || digits > 12 || text[digits] != '\0')
		return -1;
	v = strtoll(text, NULL, 10);
	return v >= 1 && v <= max ? v : -1;
}

static int refuse(FILE *err, const char *option, const char *expected, const char *got)
{
	fprintf(err, "swervectl: %s: expected %s, got \"%s\"\n", option, expected, got);
	return CTL_INSPECT_UNREADABLE;
}

/** @retval 0, CTL_INSPECT_UNREADABLE with the reason said */
static int read_options(const struct ctl_inspect_args *a, struct ctl_inspect_options *o,
	struct dns_name *zone, struct val_anchors *anchors, FILE *err)
{
	const char *path = a->anchor != NULL ? a->anchor : CTL_INSPECT_ANCHOR;
	char why[512];
	int64_t n;

	if (a->at != NULL) {
		o->at = number(a->at, INT64_C(999999999999));
		if (o->at < 0)
			return refuse(err, "--at", "seconds since 1970", a->at);
	}
	if (a->port != NULL) {
		n = number(a->port, 65535);
		if (n < 0)
			return refuse(err, "--port", "a number from 1 to 65535", a->port);
		o->port = (uint16_t)n;
	}
	if (a->zone != NULL) {
		if (dns_name_from_text(a->zone, zone) != 0)
			return refuse(err, "--zone", "a name", a->zone);
		dns_name_lower(zone->octets, zone->len);
		o->zone = zone;
	}
	if (val_anchors_load(path, anchors, why, sizeof(why)) != 0) {
		fprintf(err, "swervectl: %s%s\n", why,
			a->anchor != NULL ? ""
					  : "; install dns-root-data or name trust anchors by "
					    "--anchor");
		return CTL_INSPECT_UNREADABLE;
	}
	o->anchors = anchors;
	return 0;
}

static int inspect(struct run *r, const struct ctl_inspect_options *o, FILE *err)
{
	char why[CTL_CAPTURE_ERR_MAX];
	struct ctl_inspect_stats stats;
	int rc = ctl_inspect_file(r->args->file, o, take, r, &stats, why);

	if (why[0] != '\0')
		fprintf(err, "swervectl: %s%s\n", why,
			rc == 0 ? "; what came before was judged" : "");
	if (rc != 0)
		return CTL_INSPECT_UNREADABLE;
	if (r->table != NULL)
		ctl_inspect_table_print(r->table, &stats, o->at, r->out);
	else
		ctl_inspect_notes(&stats, err);
	return r->bogus ? CTL_INSPECT_BOGUS : CTL_INSPECT_GOOD;
}

int ctl_inspect_run(const struct ctl_inspect_args *a, FILE *out, FILE *err)
{
	struct ctl_inspect_options o = {0};
	struct val_anchors *anchors = malloc(sizeof(*anchors));
	struct run r = {.args = a, .out = out};
	struct dns_name zone;
	int rc = CTL_INSPECT_UNREADABLE;

	if (anchors == NULL || (!a->json && ctl_inspect_table_new(&r.table) != 0)) {
		fprintf(err, "swervectl: out of memory\n");
	} else {
		rc = read_options(a, &o, &zone, anchors, err);
		if (rc == 0)
			rc = inspect(&r, &o, err);
	}
	ctl_inspect_table_free(r.table);
	free(anchors);
	return rc;
}
