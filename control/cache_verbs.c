#include <errno.h>

#include "control/verbs.h"

/* `flush`: forget answers and failures that are kept. */

/** {"name": "example.com.", "tree": true} or {"all": true} */
static int read_flush(const json_t *req, struct dp_flush *f, struct dp_flush_name *name, char *err)
{
	const char *text = ctl_verb_text(req, "name");

	f->all = json_is_true(json_object_get(req, "all"));
	if ((text != NULL) == f->all)
		return ctl_verb_refuse(err, -EINVAL, "either \"name\" or \"all\" is needed");
	if (f->all)
		return 0;
	if (dns_name_from_text(text, &name->name))
		return ctl_verb_refuse(err, -EINVAL, "\"name\" is not a domain name");
	dns_name_lower(name->name.octets, name->name.len);
	name->what = json_is_true(json_object_get(req, "tree")) ? DP_FLUSH_TREE : DP_FLUSH_NAME;
	f->names = name;
	f->name_count = 1;
	return 0;
}

int ctl_verb_flush(
	void *arg, struct ctl_client *client, const json_t *req, json_t **data, char *err)
{
	struct ctl_daemon *d = arg;
	struct dp_flush f = {.name_count = 0};
	struct dp_flush_name name;
	char text[DNS_NAME_TEXT_MAX];
	int rc = read_flush(req, &f, &name, err);

	(void)client;
	if (rc)
		return rc;
	json_int_t gone = (json_int_t)dp_flush(d->dp, &f);
	const char *what =
		f.all ? "everything" : dns_name_to_text(name.name.octets, text, sizeof(text));
	const char *below = f.all || name.what == DP_FLUSH_NAME ? "" : " and below";
	ctl_events_emit(d->events, "flushed",
		json_pack("{s:s,s:b,s:I}", "name", f.all ? "" : what, "tree", below[0] != '\0',
			"answers", gone),
		"%s%s flushed by the operator: %lld answer%s", what, below, (long long)gone,
		gone == 1 ? "" : "s");
	*data = json_pack("{s:I}", "answers", gone);
	return 0;
}
