#include <jansson.h>

#include "control/addr.h"
#include "control/inspect_table.h"
#include "dns/text.h"

static void set_name(json_t *o, const char *key, bool there, const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_MAX];

	json_object_set_new(o, key,
		there ? json_string(dns_name_to_text(name->octets, text, sizeof(text)))
		      : json_null());
}

static void set_number(json_t *o, const char *key, bool there, int64_t value)
{
	json_object_set_new(o, key, there ? json_integer(value) : json_null());
}

void ctl_inspect_json(const struct ctl_judged *j, FILE *out)
{
	char addr[CTL_ADDR_TEXT_MAX], type[DNS_MNEMONIC_MAX], rcode[DNS_MNEMONIC_MAX];
	char covered[DNS_MNEMONIC_MAX];
	json_t *o = json_object();

	json_object_set_new(o, "time", json_real((double)j->time_us / 1e6));
	json_object_set_new(o, "server", json_string(ctl_addr_text(&j->server, addr)));
	set_name(o, "qname", j->has_question, &j->qname);
	json_object_set_new(o, "qtype",
		j->has_question ? json_string(dns_type_text(j->qtype, type)) : json_null());
	json_object_set_new(o, "rcode", json_string(dns_rcode_text(j->rcode, rcode)));
	json_object_set_new(o, "verdict", json_string(val_verdict_name(j->verdict)));
	json_object_set_new(o, "reason", json_string(j->why));
	set_number(o, "ede", j->ede != DNS_EDE_NONE, j->ede);
	set_name(o, "signer", j->has_sig, &j->signer);
	set_number(o, "key_tag", j->has_sig, j->key_tag);
	set_number(o, "algorithm", j->has_sig, j->algorithm);
	set_number(o, "inception", j->has_sig, j->inception);
	set_number(o, "expiration", j->has_sig, j->expiration);
	set_number(o, "margin_s", j->has_sig, j->margin_s);
	// beyond what every reader needs
	json_object_set_new(o, "covered",
		j->has_sig ? json_string(dns_type_text(j->type_covered, covered)) : json_null());
	set_name(o, "zone", j->has_zone, &j->zone);
	json_object_set_new(o, "port", json_integer(j->port));
	json_object_set_new(o, "transport", json_string(j->tcp ? "tcp" : "udp"));
	json_object_set_new(o, "client", json_string(ctl_addr_text(&j->client, addr)));
	json_object_set_new(o, "text", json_string(j->text));
	json_dumpf(o, out, JSON_COMPACT | JSON_REAL_PRECISION(16));
	fputc('\n', out);
	json_decref(o);
}
